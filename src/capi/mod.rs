//! The C surface: each function checks what it was given, calls the engine, and translates the answer. No loops, no
//! state. One file is one section of tp.h.
#![allow(non_camel_case_types, reason = "C's names")]
#![allow(unsafe_code, reason = "exports C functions and reads callers' pointers")]
#![allow(clippy::not_unsafe_ptr_arg_deref, reason = "tp.h says what callers promise of their pointers")]

pub mod blocking;
pub mod future;
pub mod group;
pub mod parallel;
pub mod sort;
pub mod pool;
pub mod status;
pub mod submit;
pub mod wait;
pub mod worker;
mod structs;

use core::ptr::NonNull;

use crate::engine::pool::Pool;
use crate::engine::seal::Sealed;
use crate::error::{Error, Result};
use crate::future::Future;
use crate::group::Group;
use crate::sys::errno;

/// A handle's type, and what it stands for.
trait Handle {
    type Of: Sealed;
}

impl Handle for pool::tp_pool {
    type Of = Pool;
}

impl Handle for future::tp_future {
    type Of = Future;
}

impl Handle for group::tp_group {
    type Of = Group;
}

/// The one place that turns a handle into a reference.
#[inline]
fn borrow<'a, H: Handle>(handle: *const H) -> Result<&'a H::Of> {
    // SAFETY: tp.h asks that a handle is NULL or alive for the whole call.
    let it = unsafe { handle.cast::<H::Of>().as_ref() }.ok_or(Error::Invalid)?;
    it.seal().check();
    Ok(it)
}

/// For the last call that uses a handle. None: NULL.
fn last<H: Handle>(handle: *mut H) -> Option<NonNull<H::Of>> {
    // Not from the reference: what is freed is freed through the caller's pointer.
    borrow(handle).ok().and(NonNull::new(handle.cast()))
}

/// Stores a result for the caller.
fn give<T>(place: *mut T, value: T) -> Result<()> {
    if place.is_null() {
        return Err(Error::Invalid);
    }
    // SAFETY: tp.h asks for NULL or a place to write to.
    unsafe { place.write(value) };
    Ok(())
}

/// The caller's array.
fn slice<'a, T>(items: *const T, n: usize) -> Result<&'a [T]> {
    match (n, items.is_null()) {
        (0, _) => Ok(&[]),
        (_, true) => Err(Error::Invalid),
        _ if n > isize::MAX as usize / size_of::<T>() => Err(Error::Invalid),
        // SAFETY: tp.h asks for `n` items there, for the whole call.
        _ => Ok(unsafe { core::slice::from_raw_parts(items, n) }),
    }
}

/// For calls that may ask something of the system: errno stays as it was.
fn enter<R>(call: impl FnOnce() -> R) -> R {
    errno::kept(call)
}

#[inline]
fn finish(result: Result<()>) -> status::tp_status {
    result.map_or_else(Error::status, |()| status::TP_OK)
}
