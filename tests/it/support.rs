//! A pool that destroys itself, closures as tasks, and waiting for facts.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tp::capi::pool::*;
use tp::capi::status::*;
use tp::capi::submit::*;
use tp::capi::wait::*;

pub(crate) const FOREVER: u64 = u64::MAX;

/// Loads are cut by this under a sanitizer, which makes everything ten times slower.
pub(crate) fn scaled(n: usize) -> usize {
    if std::env::var_os("TP_TEST_SCALE").is_some_and(|scale| scale == "small") { n / 20 } else { n }
}

pub(crate) struct Pool(pub(crate) *mut tp_pool);

// SAFETY: every function may be called from any thread.
unsafe impl Send for Pool {}
// SAFETY: likewise.
unsafe impl Sync for Pool {}

pub(crate) fn options(threads: u32) -> tp_options {
    // SAFETY: all bytes 0 are the defaults.
    let mut options: tp_options = unsafe { std::mem::zeroed() };
    options.struct_size = size_of::<tp_options>();
    options.threads = threads;
    options
}

impl Pool {
    pub(crate) fn new(threads: u32) -> Pool {
        Pool::with(&options(threads))
    }

    pub(crate) fn with(options: &tp_options) -> Pool {
        let mut pool = ptr::null_mut();
        assert_eq!(tp_create(options, &mut pool), TP_OK);
        Pool(pool)
    }

    pub(crate) fn submit<F: FnOnce() + Send>(&self, task: F) {
        assert_eq!(self.try_submit(task), TP_OK);
    }

    /// On an error the closure is dropped here: it was never the pool's.
    pub(crate) fn try_submit<F: FnOnce() + Send>(&self, task: F) -> tp_status {
        extern "C-unwind" fn run<F: FnOnce()>(arg: *mut c_void) {
            // SAFETY: the box that was submitted, once.
            unsafe { Box::from_raw(arg.cast::<F>())() };
        }
        extern "C-unwind" fn dropped<F: FnOnce()>(arg: *mut c_void, _: tp_status) {
            // SAFETY: the box that was submitted, once.
            drop(unsafe { Box::from_raw(arg.cast::<F>()) });
        }
        // SAFETY: all bytes 0 are the defaults.
        let mut options: tp_task_options = unsafe { std::mem::zeroed() };
        options.struct_size = size_of::<tp_task_options>();
        options.drop = Some(dropped::<F>);
        let arg = Box::into_raw(Box::new(task)).cast();
        let status = tp_submit_with(self.0, Some(run::<F>), arg, &options);
        if status != TP_OK {
            dropped::<F>(arg, status);
        }
        status
    }

    pub(crate) fn wait(&self) {
        assert_eq!(tp_wait(self.0, FOREVER), TP_OK);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(tp_destroy(self.0), TP_OK);
        }
    }
}

/// Waits until `fact` holds; a minute later it never will.
pub(crate) fn wait_for(what: &str, fact: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !fact() {
        assert!(Instant::now() < give_up, "still not: {what}");
        std::thread::yield_now();
    }
}

/// Opens once; tasks wait in front of it.
#[derive(Default)]
pub(crate) struct Gate(AtomicBool);

impl Gate {
    pub(crate) fn open(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn pass(&self) {
        wait_for("a gate opens", || self.0.load(Ordering::Acquire));
    }
}

/// A small generator (xorshift64), for loads that are the same at each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}
