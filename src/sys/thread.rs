//! Threads, by `pthread_create` itself: `std::thread` allocates without a way to say no.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;

use crate::error::{Error, Result};
use crate::sys::cpu::CpuSet;
use crate::sys::{errno, signal};

/// A joinable thread.
#[derive(Clone, Copy)]
pub(crate) struct Thread(libc::pthread_t);

// SAFETY: a pthread_t may be joined from any thread.
unsafe impl Send for Thread {}

/// What a new thread is given.
pub(crate) struct Attributes<'a> {
    /// Bytes; 0 is the system's default.
    pub(crate) stack_size: usize,
    /// Where it may run; everywhere if there are none.
    pub(crate) cpus: Option<&'a CpuSet>,
}

/// Starts a thread that calls `main(arg)`.
///
/// `Error::Invalid` if the system finds the stack too small or none of the CPUs there; `Error::NoThread` if it refuses.
///
/// # Safety
/// `main` may be called with `arg` on another thread.
pub(crate) unsafe fn spawn(
    attributes: &Attributes<'_>,
    main: extern "C" fn(*mut c_void) -> *mut c_void,
    arg: *mut c_void,
) -> Result<Thread> {
    #[cfg(simulate)]
    if let Some(thread) = crate::sync::simulate::spawn(main, arg) {
        return Ok(Thread(thread));
    }
    #[cfg(shuttle)]
    if let Some(thread) = crate::sync::scheduled::spawn(main, arg) {
        return Ok(Thread(thread));
    }
    let mut attr = MaybeUninit::uninit();
    // SAFETY: `attr` is initialized first and destroyed last.
    errno::kept(|| unsafe {
        if libc::pthread_attr_init(attr.as_mut_ptr()) != 0 {
            return Err(Error::NoMemory);
        }
        let attr = attr.as_mut_ptr();
        let result = configure(attr, attributes).and_then(|()| {
            let mut thread = MaybeUninit::uninit();
            match signal::masked(|| libc::pthread_create(thread.as_mut_ptr(), attr, main, arg)) {
                0 => Ok(Thread(thread.assume_init())),
                libc::EINVAL => Err(Error::Invalid),
                _ => Err(Error::NoThread),
            }
        });
        libc::pthread_attr_destroy(attr);
        result
    })
}

fn configure(attr: *mut libc::pthread_attr_t, attributes: &Attributes<'_>) -> Result<()> {
    if attributes.stack_size != 0 {
        let page = 4096;
        let size = attributes.stack_size.checked_next_multiple_of(page).ok_or(Error::Invalid)?;
        // SAFETY: `attr` is initialized.
        if unsafe { libc::pthread_attr_setstacksize(attr, size) } != 0 {
            return Err(Error::Invalid);
        }
    }
    if let Some(cpus) = attributes.cpus {
        // SAFETY: `attr` is initialized, the set is as large as said. It is copied.
        match unsafe { libc::pthread_attr_setaffinity_np(attr, CpuSet::BYTES, cpus.as_ptr()) } {
            0 => {}
            libc::ENOMEM => return Err(Error::NoMemory),
            _ => return Err(Error::Invalid),
        }
    }
    Ok(())
}

impl Thread {
    /// Waits until the thread has ended. Once a thread.
    pub(crate) fn join(self) {
        #[cfg(simulate)]
        if crate::sync::simulate::join(self.0) {
            return;
        }
        #[cfg(shuttle)]
        if crate::sync::scheduled::join(self.0) {
            return;
        }
        // SAFETY: the thread is joinable, and its one owner joins it.
        unsafe { libc::pthread_join(self.0, ptr::null_mut()) };
    }
}

/// Lets another thread have the CPU.
pub(crate) fn give_way() {
    // SAFETY: asks for nothing but that.
    errno::kept(|| unsafe { libc::sched_yield() });
}

/// Sleeps for `ns`, less than a second; for less where a signal comes, not at all where the system refuses. The standard
/// library ends the process there.
pub(crate) fn nap(ns: libc::c_long) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: ns };
    // SAFETY: reads one timespec.
    errno::kept(|| unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, 0, &time, ptr::null_mut()) });
}

/// Names the calling thread. At most 15 bytes count.
pub(crate) fn set_name(name: &core::ffi::CStr) {
    // SAFETY: a valid string; one too long is refused, which does no harm.
    unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr()) };
}
