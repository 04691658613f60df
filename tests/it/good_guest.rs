//! Promise 4: what the process had, it keeps.

use std::ffi::c_void;
use std::fs;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::*};

use tp::capi::pool::*;
use tp::capi::status::*;
use tp::capi::wait::*;
use tp::capi::worker::*;

use crate::support::*;

#[test]
fn a_version_is_that_of_the_package() {
    // SAFETY: a static string.
    let version = unsafe { std::ffi::CStr::from_ptr(tp_version()) };
    assert_eq!(version.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    let header = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/include/tp.h")).unwrap();
    assert!(header.contains(&format!("#define TP_VERSION \"{}\"\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_task_knows_where_it_runs_and_a_thread_outside_is_nowhere() {
    let pool = Pool::new(3);
    let (handle, seen) = (pool.0 as usize, Mutex::new(Vec::new()));
    (0..100).for_each(|_| {
        pool.submit(|| {
            assert_eq!(tp_current() as usize, handle);
            seen.lock().unwrap().push(tp_worker_index());
        });
    });
    pool.wait();
    assert!(seen.lock().unwrap().iter().all(|index| (0..3).contains(index)));
    assert!(tp_current().is_null());
    assert_eq!(tp_worker_index(), -1);
}

#[test]
fn hooks_run_once_on_each_worker_and_may_submit() {
    #[derive(Default)]
    struct Hooks {
        started: Mutex<Vec<u32>>,
        stopped: Mutex<Vec<u32>>,
        ran: AtomicU32,
    }
    extern "C-unwind" fn task(hooks: *mut c_void) {
        // SAFETY: the hooks outlive the pool.
        unsafe { &*hooks.cast::<Hooks>() }.ran.fetch_add(1, AcqRel);
    }
    extern "C-unwind" fn start(hooks: *mut c_void, worker: u32) {
        assert_eq!(tp_worker_index(), worker as i32);
        // SAFETY: as above.
        unsafe { &*hooks.cast::<Hooks>() }.started.lock().unwrap().push(worker);
        assert_eq!(tp::capi::submit::tp_submit(tp_current(), Some(task), hooks), TP_OK);
        assert_eq!(tp_wait(tp_current(), 0), TP_EDEADLK);
    }
    extern "C-unwind" fn stop(hooks: *mut c_void, worker: u32) {
        // SAFETY: as above.
        unsafe { &*hooks.cast::<Hooks>() }.stopped.lock().unwrap().push(worker);
    }
    let hooks = Hooks::default();
    let ctx = ptr::from_ref(&hooks).cast_mut().cast();
    let pool = Pool::with(&tp_options { on_start: Some(start), on_stop: Some(stop), hook_ctx: ctx, ..options(3) });
    wait_for("all have started", || hooks.ran.load(Acquire) == 3);
    drop(pool);
    for seen in [&hooks.started, &hooks.stopped] {
        let mut seen = seen.lock().unwrap();
        seen.sort_unstable();
        assert_eq!(*seen, [0, 1, 2]);
    }
}

#[test]
fn pools_that_come_and_go_leave_no_thread_and_no_descriptor() {
    // In a process of its own, for other tests have pools too.
    if std::env::var_os("TP_TEST_LEAKS").is_none() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "good_guest::pools_that_come_and_go_leave_no_thread_and_no_descriptor"])
            .env("TP_TEST_LEAKS", "1")
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let count = |what: &str| fs::read_dir(format!("/proc/self/{what}")).unwrap().count();
    drop(Pool::new(2));
    let before = (count("task"), count("fd"));
    for round in 0..scaled(4000) {
        let pool = Pool::new(1 + round as u32 % 3);
        pool.submit(|| {});
    }
    assert_eq!((count("task"), count("fd")), before);
}

#[test]
fn a_forked_child_is_told_and_has_a_default_pool_of_its_own() {
    let pool = Pool::new(2);
    pool.submit(|| {});
    pool.wait();
    // SAFETY: the child calls only tp and _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let told = tp_wait(pool.0, FOREVER) == TP_EFORKED
            && tp_pause(pool.0) == TP_EFORKED
            && pool.try_submit(|| {}) == TP_EFORKED
            && tp_thread_count(pool.0) == 0
            && tp_destroy(pool.0) == TP_OK;
        let fresh = Pool(tp_default());
        fresh.submit(|| {});
        let works = tp_wait(fresh.0, FOREVER) == TP_OK;
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(if told && works { 0 } else { 1 }) };
    }
    let mut status = -1;
    // SAFETY: our child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
}

#[test]
fn errno_is_left_as_it_was() {
    // SAFETY: this thread's errno.
    let errno = || unsafe { &mut *libc::__errno_location() };
    *errno() = 4711;
    let pool = Pool::new(2);
    (0..100).for_each(|_| pool.submit(|| {}));
    assert_eq!(tp_wait(pool.0, FOREVER), TP_OK);
    assert_eq!((tp_pause(pool.0), tp_resize(pool.0, 5)), (TP_OK, TP_OK));
    assert_eq!(pool.try_submit(|| {}), TP_OK);
    assert_eq!(tp_wait(pool.0, 1_000_000), TP_ETIMEDOUT);
    assert_eq!(tp_resume(pool.0), TP_OK);
    drop(pool);
    assert_eq!(*errno(), 4711);
}
