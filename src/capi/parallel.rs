//! Fork-join and loops
//!
//! Calls whose parts run on whoever is free. The caller takes part, and returns when all is done: data may live on
//! its stack, and no call allocates once it has been as deep before. They may be called from any thread, several at
//! once and inside one another; depth is limited by the stack alone.
//!
//!     void row(uint64_t lo, uint64_t hi, void *image) { for (; lo < hi; lo++) draw(image, lo); }
//!     status = tp_parallel_for(pool, 0, height, 0, row, image);    // rows 0 to height - 1, on all CPUs
//!
//! Bodies and branches count as in a task of the pool, on any thread: its waits, its cancel flag and what it must
//! not wait for are the caller's. While the caller waits for what others run, its thread runs nothing but parts of
//! that. No limit on the queue counts them, and a paused pool runs them on the caller alone. A thread that is no
//! worker of the pool needs one of 64 places for them; where none is free, or no memory, all runs on the caller.
//!
//! All return TP_EINVAL for a NULL where a pool or function is needed, TP_EFORKED, TP_ESHUTDOWN after tp_shutdown
//! if not called in a task of the pool; TP_EAGAIN or TP_ENOMEM if this is the first call on tp_default() and it
//! can't start.

use core::ffi::c_void;

use super::pool::tp_pool;
use super::status::*;
use super::submit::tp_task_fn;
use super::{borrow, finish};
use crate::engine::context;
use crate::error::Error;
use crate::parallel;

/// What a loop calls, for the items from `lo` to `hi` - 1.
pub type tp_range_fn = Option<unsafe extern "C-unwind" fn(lo: u64, hi: u64, ctx: *mut c_void)>;

/// Runs `a(arg_a)` here and `b(arg_b)` here or on a worker, and returns when both have run.
///
///     void sum(void *arg) { ... tp_parallel_invoke(tp_current(), sum, &left, sum, &right); ... }
///
/// A worker may take `b` at any time until it has been started here.
#[unsafe(no_mangle)]
pub extern "C" fn tp_parallel_invoke(
    pool: *mut tp_pool,
    a: tp_task_fn,
    arg_a: *mut c_void,
    b: tp_task_fn,
    arg_b: *mut c_void,
) -> tp_status {
    let invoke = || {
        let (pool, a, b) = (borrow(pool)?, a.ok_or(Error::Invalid)?, b.ok_or(Error::Invalid)?);
        // SAFETY: tp.h says that each is called once, and on which threads.
        unsafe { parallel::invoke(pool, (a, arg_a), (b, arg_b)) }
    };
    finish(invoke())
}

/// Calls `body` for all items from `begin` to `end` - 1, each once, in calls of at most `grain` items.
///
/// A grain of 0 is automatic: it grows while calls are short. Items that wait for each other need a grain of 1, and
/// as many threads. Items are taken from the front by those who take part, and what one has not begun others take
/// from behind. Returns TP_ECANCELED if tp_loop_stop was called in a body, TP_EINVAL also if `begin` is above
/// `end`.
#[unsafe(no_mangle)]
pub extern "C" fn tp_parallel_for(
    pool: *mut tp_pool,
    begin: u64,
    end: u64,
    grain: u64,
    body: tp_range_fn,
    ctx: *mut c_void,
) -> tp_status {
    let run = || {
        let (pool, body) = (borrow(pool)?, body.ok_or(Error::Invalid)?);
        if begin > end {
            return Err(Error::Invalid);
        }
        parallel::Loop::new(begin, end, grain, body, ctx).run(pool)
    };
    finish(run())
}

/// Stops the innermost loop whose body runs here: no further call of its body starts. Elsewhere it does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn tp_loop_stop() {
    parallel::stop();
}

/// Returns a number for the body that runs here: bodies of one loop that run at the same time have different ones,
/// all below tp_slot_count, so that each can have its own part of an array. 0 outside a loop. Branches have their
/// caller's.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_loop_slot() -> u32 {
    context::place().map_or(0, |place| place.number)
}

/// Returns how many bodies of one loop may run at the same time: one more than the pool had threads when it was
/// made, also after a tp_resize. 0 if `pool` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_slot_count(pool: *const tp_pool) -> u32 {
    borrow(pool).map_or(0, |pool| pool.slot_count())
}
