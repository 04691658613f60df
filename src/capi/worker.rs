//! Worker
//!
//! Where the calling code runs.

use super::pool::tp_pool;
use crate::engine::context;

/// Returns the pool whose task this thread is in, or NULL outside a task. Hooks and drop functions count as tasks.
///
/// May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_current() -> *mut tp_pool {
    context::current_pool().cast_mut().cast()
}

/// Returns the index of the worker that this thread is: 0 to the thread count less 1, and from the thread count up for
/// reserve workers. -1 on a thread that is no worker of tp_current().
///
/// No two workers of one pool have the same index at the same time. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_worker_index() -> i32 {
    context::worker_index()
}
