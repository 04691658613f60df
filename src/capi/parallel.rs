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
/// A grain of 0 is automatic: it grows while calls are short. Items that wait for each other need a grain of 1, as many
/// threads, and a range of less than 2^32 (of more calls than that, neighbours are on one thread).
/// Items are taken from the front by those who take part, and what one has not begun others take from behind.
/// Returns TP_ECANCELED if tp_loop_stop was called in a body, TP_EINVAL also if `begin` is above `end`.
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

/// Adds the items from `lo` to `hi` - 1 to what `acc` has.
pub type tp_fold_fn = Option<unsafe extern "C-unwind" fn(lo: u64, hi: u64, acc: *mut c_void, ctx: *mut c_void)>;

/// Adds what `right` has to what `left` has, which is of the items before.
pub type tp_combine_fn = Option<unsafe extern "C-unwind" fn(left: *mut c_void, right: *const c_void, ctx: *mut c_void)>;

/// Folds the items from `begin` to `end` - 1 into one value of `size` bytes, and stores it in `result`.
///
///     void add(uint64_t lo, uint64_t hi, void *sum, void *ctx) { for (; lo < hi; lo++) *(double *)sum += values[lo]; }
///     void join(void *left, const void *right, void *ctx) { *(double *)left += *(const double *)right; }
///     double zero = 0, sum; status = tp_parallel_reduce(pool, 0, n, 0, sizeof sum, &zero, add, join, NULL, &sum);
///
/// Values begin as copies of `identity`, are aligned to 128 bytes, and are moved as bytes. `fold` may be called
/// several times on one of them, with items in order and at most `grain` of them a call; `combine` gets neighbours,
/// in order. Which are folded and combined with which depends on the range, the grain and the size alone: the
/// result is the same to the last bit on any number of threads. A grain of 0 depends on the length of the range
/// alone. Takes memory for up to 1024 values, no more than 1 MiB or 64 values, for as long as it lasts.
/// Returns TP_ENOMEM if that cannot be had, TP_ECANCELED if tp_loop_stop was called in `fold`: then `result` is as
/// it was; TP_EINVAL also if `begin` is above `end`, `size` is 0, or `identity` or `result` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tp_parallel_reduce(
    pool: *mut tp_pool,
    begin: u64,
    end: u64,
    grain: u64,
    size: usize,
    identity: *const c_void,
    fold: tp_fold_fn,
    combine: tp_combine_fn,
    ctx: *mut c_void,
    result: *mut c_void,
) -> tp_status {
    let run = || {
        let (pool, fold, combine) = (borrow(pool)?, fold.ok_or(Error::Invalid)?, combine.ok_or(Error::Invalid)?);
        if begin > end || size == 0 || identity.is_null() || result.is_null() {
            return Err(Error::Invalid);
        }
        let reduce = parallel::Reduce { begin, end, grain, size, identity, fold, combine, ctx };
        // SAFETY: tp.h asks for values of that size, and says on which threads the functions are called.
        unsafe { reduce.run(pool, result) }
    };
    finish(run())
}

/// What each of `n` members of a gang runs; their ranks are 0 to `n` - 1.
pub type tp_gang_fn = Option<unsafe extern "C-unwind" fn(rank: u32, n: u32, ctx: *mut c_void)>;

/// Runs `n` bodies at the same time, each on a thread of its own, so that they may wait for each other, even by
/// spinning.
/// Returns when all have.
///
///     void member(uint32_t rank, uint32_t n, void *b) { ... pthread_barrier_wait(b); ... }
///     status = tp_gang(pool, 4, member, &barrier);
///
/// Rank 0 runs on the caller, the others on idle workers, and where these are too few on reserve workers: from
/// tasks of a pool of two workers sixteen gangs of two may run at once. A paused pool runs them as well.
/// Returns TP_EAGAIN if there are not enough of these (see `max_reserve`) or the system has no more threads: then
/// no body has started; TP_EINVAL also if `n` is 0.
#[unsafe(no_mangle)]
pub extern "C" fn tp_gang(pool: *mut tp_pool, n: u32, body: tp_gang_fn, ctx: *mut c_void) -> tp_status {
    let run = || {
        let (pool, body) = (borrow(pool)?, body.ok_or(Error::Invalid)?);
        // SAFETY: tp.h says that it is called once for each rank, and on which threads.
        unsafe { parallel::gang(pool, n, body, ctx) }
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
