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

/// Runs `f` with a worker's signal mask, which threads that it creates inherit, and restores the caller's.
pub(crate) fn masked<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: both sets are written before they are read.
    unsafe {
        let (mut mask, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        libc::sigfillset(mask.as_mut_ptr());
        for signal in OPEN {
            libc::sigdelset(mask.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, mask.as_ptr(), before.as_mut_ptr());
        let result = f();
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
        result
    }
}
