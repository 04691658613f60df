//! Group
//!
//! Tasks that are waited for, and cancelled, together. Tasks submit into their own group as they like: it is empty
//! when all have ended. A wait inside a task runs the group's tasks on that stack, and never anything else.
//!
//!     tp_group *group; tp_group_create(pool, NULL, &group);
//!     for (size_t i = 0; i < n; i++) tp_group_submit(group, resize, images[i]);
//!     tp_group_wait(group, TP_FOREVER); tp_group_destroy(group);
//!
//! Groups form trees: a parent counts its children's tasks, and cancels them too. A group may outlive its pool,
//! whose end then answers its submits with TP_ESHUTDOWN.

use core::ffi::c_void;

use super::pool::tp_pool;
use super::status::*;
use super::submit::{tp_task_fn, tp_task_options};
use super::{borrow, enter, finish, give, last};
use crate::engine::job::Extras;
use crate::error::Error;
use crate::group::{self, Group};
use crate::sys::clock::Deadline;

/// A handle. See tp_group_create.
pub struct tp_group {
    _opaque: [u8; 0],
}

/// Makes an empty group of tasks of `pool`, below `parent`, which may be NULL.
///
/// The caller destroys it, before its parent. May be called from any thread.
/// Returns TP_EINVAL if `pool` or `group` is NULL or `parent` is of another pool, TP_EFORKED, TP_ESHUTDOWN if the pool
/// of `parent` is gone, TP_ENOMEM.
#[unsafe(no_mangle)]
pub extern "C" fn tp_group_create(pool: *mut tp_pool, parent: *mut tp_group, group: *mut *mut tp_group) -> tp_status {
    let create = || {
        let pool = borrow(pool)?;
        if group.is_null() {
            return Err(Error::Invalid);
        }
        let parent = if parent.is_null() { None } else { Some(borrow(parent)?) };
        give(group, group::create(pool, parent)?.as_ptr().cast())
    };
    finish(enter(create))
}

/// Runs `run(arg)` on a worker of the group's pool, as a task of the group.
///
/// On any error `arg` is still the caller's. May be called from any thread, the group's own tasks included.
/// Returns TP_EINVAL if `group` or `run` is NULL; TP_ECANCELED after tp_group_cancel until the group is empty, and
/// likewise after that of a group above; TP_ESHUTDOWN if the pool is gone; the other errors are tp_submit's.
#[unsafe(no_mangle)]
pub extern "C" fn tp_group_submit(group: *mut tp_group, run: tp_task_fn, arg: *mut c_void) -> tp_status {
    tp_group_submit_with(group, run, arg, core::ptr::null())
}

/// The same with a name, a priority, and a function that is called in place of `run` if the task is cancelled.
///
/// `options` may be NULL; it may go once this has returned.
/// Returns TP_EINVAL also if a field of `options` is out of its range; the other errors are tp_group_submit's and
/// tp_submit_with's.
#[unsafe(no_mangle)]
pub extern "C" fn tp_group_submit_with(
    group: *mut tp_group,
    run: tp_task_fn,
    arg: *mut c_void,
    options: *const tp_task_options,
) -> tp_status {
    let submit = || {
        let (group, run) = (borrow(group)?, run.ok_or(Error::Invalid)?);
        group.submit(run, arg, Extras::try_from(&super::structs::read(options)?)?)
    };
    finish(submit())
}

/// Waits until the group is empty: returns once, after the call began, none of its tasks and of those below was
/// queued or running, cancelled or not.
///
/// Inside a task it runs the group's tasks on this stack, and nothing else. May be called by many threads at once.
/// Once it has returned, the group may be destroyed.
/// Returns TP_EINVAL if `group` is NULL, TP_EFORKED; TP_EDEADLK in a task of this group or of one below;
/// TP_ETIMEDOUT if `timeout_ns` was over first; TP_EAGAIN in a task if it would have to park, no reserve worker can
/// be had and nobody else of its pool can run: then the group's tasks are still to come, and what they use must
/// live on.
#[unsafe(no_mangle)]
pub extern "C" fn tp_group_wait(group: *mut tp_group, timeout_ns: u64) -> tp_status {
    finish(enter(|| borrow(group)?.wait(Deadline::after(timeout_ns))))
}

/// Submits `run(arg)` to the pool when the group next empties, once; at once if it is empty.
///
/// That task is no member of the group, and may submit into it. A limit on the pool's queue does not count it. A
/// pool that discards its tasks does not run it. May be called from any thread.
/// Returns TP_EINVAL if `group` or `run` is NULL, TP_EFORKED, TP_ESHUTDOWN, TP_ENOMEM.
#[unsafe(no_mangle)]
pub extern "C" fn tp_group_notify(group: *mut tp_group, run: tp_task_fn, arg: *mut c_void) -> tp_status {
    finish(enter(|| borrow(group)?.notify(run.ok_or(Error::Invalid)?, arg)))
}

/// Drops the tasks of the group, and of those below, that have not started, and asks those that run to stop:
/// tp_cancelled() is true there.
///
/// The drop functions are called on this thread. Until the group is empty it refuses tasks; then it is as new. An
/// empty group is left as it is. May be called from any thread, the group's own tasks included.
/// Returns TP_EINVAL if `group` is NULL, TP_EFORKED.
#[unsafe(no_mangle)]
pub extern "C" fn tp_group_cancel(group: *mut tp_group) -> tp_status {
    finish(enter(|| borrow(group)?.cancel()))
}

/// Returns how many tasks of the group, and of those below, are queued or running; 0 if `group` is NULL or of a
/// process that forked. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_group_count(group: *const tp_group) -> u64 {
    borrow(group).map_or(0, Group::count)
}

/// Frees the group; NULL is ignored.
///
/// Not while another thread uses it. May be called from any thread.
/// Returns TP_EBUSY, and does nothing, if it has tasks, groups below it, or somebody who waits.
#[unsafe(no_mangle)]
pub extern "C" fn tp_group_destroy(group: *mut tp_group) -> tp_status {
    let Some(group) = last(group) else {
        return TP_OK;
    };
    // SAFETY: tp.h asks for a handle that nobody else uses.
    finish(enter(|| unsafe { group::destroy(group) }))
}
