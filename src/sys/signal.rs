//! The signals that a worker takes. The program's own threads are there for the ones that ask for a handler.

use core::mem::MaybeUninit;
use core::ptr;

/// Left open on workers: faults, which hit the thread that made them; those of profilers and tracers; and SIGPIPE,
/// which a write in a task expects.
const OPEN: [libc::c_int; 9] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGABRT,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGPROF,
    libc::SIGPIPE,
];

fn of_workers() -> libc::sigset_t {
    let mut mask = MaybeUninit::uninit();
    // SAFETY: the set is written before it is read.
    unsafe {
        libc::sigfillset(mask.as_mut_ptr());
        for signal in OPEN {
            libc::sigdelset(mask.as_mut_ptr(), signal);
        }
        mask.assume_init()
    }
}

/// Runs `f` with a worker's signal mask, which threads that it creates inherit, and restores the caller's.
pub(crate) fn masked<R>(f: impl FnOnce() -> R) -> R {
    let mut before = MaybeUninit::uninit();
    // SAFETY: the set is written before it is read.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, &of_workers(), before.as_mut_ptr());
        let result = f();
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
        result
    }
}

/// Gives the calling worker its mask back, which a task may have changed.
pub(crate) fn restore() {
    // SAFETY: a whole set.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &of_workers(), ptr::null_mut()) };
}
