//! Waiting on a 32-bit word until another thread changes it and wakes us.

use core::ptr;
use core::sync::atomic::AtomicU32;

use crate::error::{Error, Result};
use crate::sys::clock::Deadline;
use crate::sys::errno;

/// Sleeps while `word` is `seen`, at most until `deadline`. May return early for no reason.
pub(crate) fn wait(word: &AtomicU32, seen: u32, deadline: Deadline) -> Result<()> {
    let until = match deadline {
        Deadline::Passed => return Err(Error::TimedOut),
        Deadline::Never => None,
        Deadline::At(ns) => Some(libc::timespec {
            tv_sec: libc::time_t::try_from(ns / 1_000_000_000).unwrap_or(libc::time_t::MAX),
            tv_nsec: (ns % 1_000_000_000) as libc::c_long,
        }),
    };
    let until = until.as_ref().map_or(ptr::null(), ptr::from_ref);
    let operation = libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word and the time outlive the call. The time is absolute, on the monotonic clock.
    errno::kept(|| unsafe {
        let result = libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            operation,
            seen,
            until,
            ptr::null::<u32>(),
            libc::FUTEX_BITSET_MATCH_ANY,
        );
        if result < 0 && *libc::__errno_location() == libc::ETIMEDOUT { Err(Error::TimedOut) } else { Ok(()) }
    })
}

/// Wakes up to `count` threads that wait on `word`.
pub(crate) fn wake(word: *const AtomicU32, count: i32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the kernel takes any address for a wake; it only looks it up.
    errno::kept(|| unsafe { libc::syscall(libc::SYS_futex, word, operation, count) });
}
