//! Submit
//!
//! A task is a function and one pointer. What the pointer points at is yours: the pool passes it on and never looks.

use core::ffi::{c_char, c_void};

use super::pool::tp_pool;
use super::status::*;
use super::{borrow, finish};
use crate::engine::job::Extras;
use crate::engine::task::Task;
use crate::error::Error;

/// What a task runs, with the pointer that it was submitted with.
pub type tp_task_fn = Option<unsafe extern "C-unwind" fn(arg: *mut c_void)>;

/// What is called in place of an accepted task that will not run, with the pointer that it was submitted with. `why`
/// is TP_ECANCELED, TP_ESHUTDOWN (tp_shutdown with TP_DISCARD) or TP_EFULL (evicted by TP_FULL_DROP_OLDEST). It is
/// called on the thread that cancels, shuts down or evicts, or on a worker.
pub type tp_drop_fn = Option<unsafe extern "C-unwind" fn(arg: *mut c_void, why: tp_status)>;

/// Ahead of the others; but of 64 tasks in a row that a worker starts, one is of each priority that has any.
pub const TP_PRIORITY_HIGH: i32 = 1;
/// After the others, but for that one in 64.
pub const TP_PRIORITY_LOW: i32 = -1;
/// The priority of most tasks.
pub const TP_PRIORITY_NORMAL: i32 = 0;

/// What a task may have beside its function and pointer. Begin with TP_TASK_OPTIONS_INIT.
#[repr(C)]
pub struct tp_task_options {
    /// sizeof(tp_task_options). A struct of a later version is taken if what this library does not know of it is 0.
    pub struct_size: usize,
    /// A name for messages about the task, copied as far as 31 bytes reach. NULL: none.
    pub name: *const c_char,
    /// TP_PRIORITY_HIGH, TP_PRIORITY_NORMAL or TP_PRIORITY_LOW: what goes first of all that has not started.
    pub priority: i32,
    /// 0.
    pub reserved: u32,
    /// Called if the task is accepted and does not run, to free what `arg` owns. NULL: nothing is called.
    pub drop: tp_drop_fn,
}

/// Sets the first `struct_size` bytes of `options` to the defaults, as TP_TASK_OPTIONS_INIT does.
///
/// Returns TP_EINVAL if `options` is NULL, or if `struct_size` is below that of this library's first version or
/// above 4096. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tp_task_options_init(options: *mut tp_task_options, struct_size: usize) -> tp_status {
    finish(super::structs::init(options, struct_size))
}

/// Runs `run(arg)` on a worker of `pool`, some time later.
///
/// On any error `arg` is still the caller's. May be called from any thread, tasks included.
/// Returns TP_EINVAL if `pool` or `run` is NULL, TP_EFORKED, TP_ESHUTDOWN after tp_shutdown, TP_EFULL if the queue is at
/// its capacity and the pool's `when_full` says so, TP_ENOMEM if the queue cannot grow; TP_EAGAIN if this is the first
/// submit to tp_default() and no thread can be had.
#[unsafe(no_mangle)]
pub extern "C" fn tp_submit(pool: *mut tp_pool, run: tp_task_fn, arg: *mut c_void) -> tp_status {
    let submit = || borrow(pool)?.submit(Task::new(run.ok_or(Error::Invalid)?, arg));
    finish(submit())
}

/// Submits `n` tasks, `run(args[0])` to `run(args[n - 1])`, in that order, at less cost than one by one.
///
/// The first `*taken` of them were accepted, also when an error is returned: the others are still the caller's.
/// `taken` may be NULL. `args` itself may go once this has returned. May be called from any thread, tasks included.
/// Returns TP_EINVAL if `pool` or `run` is NULL, or `args` is and `n` is not 0; the other errors are tp_submit's.
#[unsafe(no_mangle)]
pub extern "C" fn tp_submit_batch(
    pool: *mut tp_pool,
    run: tp_task_fn,
    args: *const *mut c_void,
    n: usize,
    taken: *mut usize,
) -> tp_status {
    let mut accepted = 0;
    let mut submit = || {
        let (pool, run) = (borrow(pool)?, run.ok_or(Error::Invalid)?);
        pool.submit_batch(run, super::slice(args, n)?, &mut accepted)
    };
    let status = finish(submit());
    let _ = super::give(taken, accepted);
    status
}

/// Runs `run(arg)` as tp_submit does, with a name, a priority and a function for the case that it does not run.
///
/// `options` may be NULL; it may go once this has returned. On any error `arg` is still the caller's, and `drop` is not
/// called. May be called from any thread, tasks included.
/// Returns TP_EINVAL if `pool` or `run` is NULL or a field of `options` is out of its range; the other errors are
/// tp_submit's.
#[unsafe(no_mangle)]
pub extern "C" fn tp_submit_with(
    pool: *mut tp_pool,
    run: tp_task_fn,
    arg: *mut c_void,
    options: *const tp_task_options,
) -> tp_status {
    let submit = || {
        let (pool, run) = (borrow(pool)?, run.ok_or(Error::Invalid)?);
        pool.submit_with(run, arg, Extras::try_from(&super::structs::read(options)?)?)
    };
    finish(submit())
}
