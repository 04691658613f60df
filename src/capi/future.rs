//! Result
//!
//! A future is a task's result on its way, or a value that somebody gives by hand. Wait for it from anywhere: a
//! wait inside a task runs what it waits for there and then if nobody has started it, never anything else; if there
//! is nothing to run the worker parks and a reserve worker takes its place.
//!
//!     tp_future *future;
//!     tp_async(pool, render, page, &future);              // void *render(void *page)
//!     void *image; tp_future_wait(future, TP_FOREVER, &image); tp_future_release(future);
//!
//! A future has one handle, which its maker releases. It may outlive its pool.

use core::ffi::c_void;

use super::pool::tp_pool;
use super::status::*;
use super::submit::tp_task_options;
use super::{borrow, enter, finish, give, last};
use crate::engine::job::Extras;
use crate::error::{Error, Result};
use crate::future::{self, Future};
use crate::sys::clock::Deadline;

/// A handle. See tp_async.
pub struct tp_future {
    _opaque: [u8; 0],
}

/// What a task with a result runs.
pub type tp_async_fn = Option<unsafe extern "C-unwind" fn(arg: *mut c_void) -> *mut c_void>;

/// What runs with the result of another.
pub type tp_then_fn = Option<unsafe extern "C-unwind" fn(value: *mut c_void, arg: *mut c_void) -> *mut c_void>;

/// Not started.
pub const TP_FUTURE_PENDING: i32 = 0;
/// A thread runs it.
pub const TP_FUTURE_RUNNING: i32 = 1;
/// It has a value.
pub const TP_FUTURE_DONE: i32 = 2;
/// It will never have one.
pub const TP_FUTURE_CANCELED: i32 = 3;

fn place<T>(place: *mut T) -> Result<*mut T> {
    if place.is_null() { Err(Error::Invalid) } else { Ok(place) }
}

/// Runs `run(arg)` on a worker of `pool` and makes a future of what it returns.
///
/// The caller releases the future with tp_future_release, when it likes: the task runs all the same. On any error
/// `*future` is untouched. May be called from any thread, tasks included.
/// Returns TP_EINVAL if an argument other than `arg` is NULL; the other errors are tp_submit's.
#[unsafe(no_mangle)]
pub extern "C" fn tp_async(
    pool: *mut tp_pool,
    run: tp_async_fn,
    arg: *mut c_void,
    future: *mut *mut tp_future,
) -> tp_status {
    tp_async_with(pool, run, arg, core::ptr::null(), future)
}

/// The same with a name, a priority, and a function that is called in place of `run` if the task is cancelled.
///
/// `options` may be NULL; it may go once this has returned.
/// Returns TP_EINVAL if an argument other than `arg` and `options` is NULL or a field of `options` is out of its
/// range; the other errors are tp_submit_with's.
#[unsafe(no_mangle)]
pub extern "C" fn tp_async_with(
    pool: *mut tp_pool,
    run: tp_async_fn,
    arg: *mut c_void,
    options: *const tp_task_options,
    future: *mut *mut tp_future,
) -> tp_status {
    let submit = || {
        let (pool, run, place) = (borrow(pool)?, run.ok_or(Error::Invalid)?, place(future)?);
        let extras = Extras::try_from(&super::structs::read(options)?)?;
        give(place, future::submit(pool, run, arg, extras)?.as_ptr().cast())
    };
    finish(submit())
}

/// Makes a future that tp_future_complete gives its value.
///
/// Returns TP_EINVAL if `future` is NULL, TP_ENOMEM. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tp_future_create(future: *mut *mut tp_future) -> tp_status {
    finish(place(future).and_then(|place| give(place, future::create()?.as_ptr().cast())))
}

/// Gives a future that was made by tp_future_create its value, and wakes all who wait.
///
/// What `value` points at is passed on, and never looked at. May be called from any thread.
/// Returns TP_EINVAL if `future` is NULL or a task's, TP_EFORKED, TP_EBUSY if it has a value already or was
/// cancelled.
#[unsafe(no_mangle)]
pub extern "C" fn tp_future_complete(future: *mut tp_future, value: *mut c_void) -> tp_status {
    finish(enter(|| borrow(future)?.complete(value)))
}

/// Waits until the future has a value, and stores it in `*value`, which may be NULL.
///
/// Inside a task it runs what it waits for on this stack if that has not started, and nothing else. May be called
/// by many threads at once, and again and again.
/// Returns TP_ECANCELED, and stores NULL, if it was cancelled before it started; TP_EINVAL if `future` is NULL,
/// TP_EFORKED; TP_EDEADLK if the task that is waited for is on this thread's stack; TP_ETIMEDOUT if `timeout_ns`
/// was over first; TP_EAGAIN in a task if it would have to park, no reserve worker can be had and nobody else of
/// its pool can run: then what was waited for is still to come.
#[unsafe(no_mangle)]
pub extern "C" fn tp_future_wait(future: *mut tp_future, timeout_ns: u64, value: *mut *mut c_void) -> tp_status {
    let result = enter(|| borrow(future)?.wait(Deadline::after(timeout_ns)));
    match result {
        Ok(got) => {
            let _ = give(value, got);
        }
        Err(Error::Canceled) => {
            let _ = give(value, core::ptr::null_mut());
        }
        Err(_) => {}
    }
    finish(result.map(drop))
}

/// Waits until one of `n` futures has a value or is cancelled, and stores which in `*index`, which may be NULL: the
/// first in the array if several have.
///
/// Otherwise as tp_future_wait, whose value then comes at once.
/// Returns TP_EINVAL if `futures` or one of them is NULL or `n` is 0, TP_EFORKED, TP_ETIMEDOUT, TP_EAGAIN,
/// TP_ENOMEM; TP_EDEADLK if all of them are on this thread's stack.
#[unsafe(no_mangle)]
pub extern "C" fn tp_future_wait_any(
    futures: *const *mut tp_future,
    n: usize,
    timeout_ns: u64,
    index: *mut usize,
) -> tp_status {
    let wait = || {
        let futures = super::slice(futures, n)?;
        if futures.is_empty() || futures.iter().any(|future| future.is_null()) {
            return Err(Error::Invalid);
        }
        // SAFETY: handles that are not NULL, which is how a reference looks in memory.
        let futures = unsafe { core::slice::from_raw_parts(futures.as_ptr().cast::<&Future>(), n) };
        future::wait_any(futures, Deadline::after(timeout_ns))
    };
    let result = enter(wait);
    if let Ok(which) = result {
        let _ = give(index, which);
    }
    finish(result.map(drop))
}

/// Makes a future of what `run(value, arg)` returns on a worker of `pool`, once `future` has a value.
///
/// `future` may be of another pool. If it is cancelled so is the new one, and if `pool` comes to its end before. The
/// caller releases both, in any order. A limit on the pool's queue does not count it. May be called from any thread.
/// On any error `*next` is untouched.
/// Returns TP_EINVAL if an argument other than `arg` is NULL, TP_EFORKED, TP_ESHUTDOWN, TP_ENOMEM.
#[unsafe(no_mangle)]
pub extern "C" fn tp_future_then(
    pool: *mut tp_pool,
    future: *mut tp_future,
    run: tp_then_fn,
    arg: *mut c_void,
    next: *mut *mut tp_future,
) -> tp_status {
    let then = || {
        let (pool, input, run) = (borrow(pool)?, borrow(future)?, run.ok_or(Error::Invalid)?);
        let place = place(next)?;
        give(place, future::then(pool, input, run, arg)?.as_ptr().cast())
    };
    finish(enter(then))
}

/// Sees to it that the task does not run, or asks it to stop.
///
/// Returns TP_OK if it will never run: its `drop` function has been called on this thread, or is being called on
/// the one that cancelled it first. TP_EBUSY if it runs, where tp_cancelled() is true from now on, or has run.
/// TP_EINVAL if `future` is NULL, TP_EFORKED. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tp_future_cancel(future: *mut tp_future) -> tp_status {
    finish(enter(|| borrow(future)?.cancel()))
}

/// Returns TP_FUTURE_PENDING, TP_FUTURE_RUNNING, TP_FUTURE_DONE or TP_FUTURE_CANCELED; TP_EINVAL if `future` is
/// NULL, TP_EFORKED. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_future_state(future: *const tp_future) -> i32 {
    let state = || {
        let future = borrow(future)?;
        future.same_process().map(|()| future.public_state())
    };
    state().unwrap_or_else(Error::status)
}

/// Gives the handle back; NULL is ignored. The task goes on, and its value is lost.
///
/// Not while another thread uses the handle, nor twice. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tp_future_release(future: *mut tp_future) {
    if let Some(future) = last(future) {
        // SAFETY: tp.h asks for a handle that nobody else uses.
        enter(|| unsafe { future::give_back(future) });
    }
}
