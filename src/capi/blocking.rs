//! Inside a task
//!
//! What a task may ask and say. All of these may be called from any thread; outside a task they answer so and do
//! nothing.

use super::status::*;
use super::{enter, finish};
use crate::engine::context;
use crate::engine::park;

/// Returns 1 if the task that runs here has been asked to stop: its future, its group or one above was cancelled,
/// or its pool discards its tasks; else 0. Costs a few loads.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_cancelled() -> i32 {
    i32::from(context::is_cancelled())
}

/// Says that the task is about to block, on a file or a lock: a reserve worker takes its place until
/// tp_blocking_end, so that the other tasks go on. They nest; what a task leaves open ends with it.
///
///     tp_blocking_begin(); n = read(fd, buffer, size); tp_blocking_end();
///
/// Waits for futures, groups and pools do the same by themselves.
/// Returns TP_OK, or TP_EAGAIN if no reserve worker can be had: fewer tasks run meanwhile, and the end is owed all
/// the same.
#[unsafe(no_mangle)]
pub extern "C" fn tp_blocking_begin() -> tp_status {
    finish(enter(park::begin_blocking))
}

/// Says that the task goes on. Never waits: for a moment more tasks may run than the pool has threads.
///
/// Returns TP_EINVAL if there was no tp_blocking_begin.
#[unsafe(no_mangle)]
pub extern "C" fn tp_blocking_end() -> tp_status {
    finish(enter(park::end_blocking))
}
