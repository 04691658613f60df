//! Status
//!
//! What a call says when it returns. A tp_status is a plain number, so that a caller of any language may pass and
//! compare it.

use core::ffi::c_char;

use crate::error::Error;

/// The result of a call: TP_OK, or one of the errors below.
pub type tp_status = i32;

/// The call did what it says.
pub const TP_OK: tp_status = 0;
/// An argument is not one that the function takes: a NULL where something is needed, a number out of range.
pub const TP_EINVAL: tp_status = -1;
/// Memory could not be had. Nothing was changed.
pub const TP_ENOMEM: tp_status = -2;
/// A thread could not be had from the system.
pub const TP_EAGAIN: tp_status = -3;
/// The pool has been shut down.
pub const TP_ESHUTDOWN: tp_status = -4;
/// The queue is at its capacity.
pub const TP_EFULL: tp_status = -5;
/// The time given was over first. The thing waited for goes on.
pub const TP_ETIMEDOUT: tp_status = -6;
/// The thing was cancelled.
pub const TP_ECANCELED: tp_status = -7;
/// The call, made from inside a task of this pool, would wait for that task itself.
pub const TP_EDEADLK: tp_status = -8;
/// The pool belongs to the process that this one was forked from.
pub const TP_EFORKED: tp_status = -9;
/// The thing is in use.
pub const TP_EBUSY: tp_status = -10;
/// The function does not do this for this object.
pub const TP_ENOTSUP: tp_status = -11;

const _: () = {
    assert!(Error::Invalid.status() == TP_EINVAL && Error::NoMemory.status() == TP_ENOMEM);
    assert!(Error::NoThread.status() == TP_EAGAIN && Error::ShutDown.status() == TP_ESHUTDOWN);
    assert!(Error::Full.status() == TP_EFULL && Error::TimedOut.status() == TP_ETIMEDOUT);
    assert!(Error::Deadlock.status() == TP_EDEADLK && Error::Forked.status() == TP_EFORKED);
    assert!(Error::NotSupported.status() == TP_ENOTSUP);
};

/// Returns the name of `status` and what it means, for messages: "TP_EINVAL: invalid argument".
///
/// The string is static, also for a number that is no status. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_status_string(status: tp_status) -> *const c_char {
    match status {
        TP_OK => c"TP_OK: success",
        TP_EINVAL => c"TP_EINVAL: invalid argument",
        TP_ENOMEM => c"TP_ENOMEM: out of memory",
        TP_EAGAIN => c"TP_EAGAIN: no thread to be had",
        TP_ESHUTDOWN => c"TP_ESHUTDOWN: the pool has been shut down",
        TP_EFULL => c"TP_EFULL: the queue is at its capacity",
        TP_ETIMEDOUT => c"TP_ETIMEDOUT: timed out",
        TP_ECANCELED => c"TP_ECANCELED: cancelled",
        TP_EDEADLK => c"TP_EDEADLK: the caller would wait for itself",
        TP_EFORKED => c"TP_EFORKED: the pool belongs to the parent process",
        TP_EBUSY => c"TP_EBUSY: in use",
        TP_ENOTSUP => c"TP_ENOTSUP: not supported for this object",
        _ => c"unknown status",
    }
    .as_ptr()
}

/// Returns the version of the library, for example "0.1.0". The string is static. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
