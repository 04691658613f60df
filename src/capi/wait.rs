//! Wait
//!
//! For the pool as a whole, from outside it. A part of the work is waited for by its future or its group.

use super::pool::tp_pool;
use super::status::*;
use super::{borrow, enter, finish};

/// Waits until the pool is quiet: returns once, after the call began, nothing accepted was queued or running, children
/// that tasks submitted included.
///
/// May be called from any thread, by several at once, and as often as you like. Where other threads go on
/// submitting, one quiet moment is enough.
/// Returns TP_EINVAL if `pool` is NULL, TP_EFORKED, TP_EDEADLK inside a task of this pool, TP_ETIMEDOUT if `timeout_ns`
/// was over first; TP_EAGAIN in a task of another pool as tp_future_wait does.
#[unsafe(no_mangle)]
pub extern "C" fn tp_wait(pool: *mut tp_pool, timeout_ns: u64) -> tp_status {
    finish(enter(|| borrow(pool)?.wait(timeout_ns)))
}
