//! How a thread sleeps in the middle of a task: a worker is replaced meanwhile, see `reserve`.

use core::ptr;

use crate::engine::context::{Context, current, here};
use crate::engine::pool::Pool;
use crate::engine::wait::Waiter;
use crate::error::{Error, Result};
use crate::sync::Relaxed;
use crate::sys::clock::Deadline;
use crate::sys::tls;

/// How long a task sleeps that has to look again now and then.
const LOOK_NS: u64 = 20_000_000;

/// When a task has to look again that waits until `deadline` and is about to look now: in a paused pool what it waits for may
/// be its own to run once the pool is resumed.
pub(crate) fn next_look(deadline: Deadline) -> Deadline {
    if here().is_none_or(|here| here.pool.may_start()) { deadline } else { deadline.min(Deadline::after(LOOK_NS)) }
}

/// Sleeps until `waiter` is told. On a worker, another takes its place meanwhile. Fails before it sleeps if none can be had
/// and nobody else of the pool can run.
pub(crate) fn park(waiter: &Waiter, deadline: Deadline) -> Result<()> {
    park_unless(waiter, deadline, true)
}

/// The same where it can't fail: if nobody can be had, fewer run meanwhile.
pub(crate) fn park_anyway(waiter: &Waiter) {
    let _ = park_unless(waiter, Deadline::Never, false);
}

fn park_unless(waiter: &Waiter, deadline: Deadline, may_fail: bool) -> Result<()> {
    let Some((root, worker)) = current().and_then(Context::root) else {
        return match current().filter(|_| may_fail) {
            Some(context) => sleep_beside(context.pool(), waiter, deadline),
            None => waiter.sleep(deadline),
        };
    };
    let pool = worker.pool();
    // Where fewer run than should, those who park next may be the last, and can't fail perhaps.
    let until = || if may_fail && pool.lacks_workers() { deadline.min(Deadline::after(LOOK_NS)) } else { deadline };
    if root.blocked.get() > 0 {
        // Blocked already, and perhaps not replaced.
        let replaced = pool.replaced_or_alone();
        if may_fail {
            replaced?;
        }
        return waiter.sleep(until());
    }
    let replaced = pool.begin_blocked(worker);
    waiter.count_in(pool.reserve.counts());
    let result = if may_fail && replaced.is_err() && !pool.anyone_runs() && !waiter.is_told() {
        Err(Error::NoThread)
    } else {
        waiter.sleep(until())
    };
    worker.is_blocked.store(false, Relaxed);
    waiter.count_out();
    result
}

/// In a task of `pool` that none of its workers runs: looks again now and then. Fails where nobody of the pool runs for so long.
fn sleep_beside(pool: &Pool, waiter: &Waiter, deadline: Deadline) -> Result<()> {
    let was_alone = !pool.anyone_runs();
    let result = waiter.sleep(deadline.min(Deadline::after(LOOK_NS)));
    if result.is_err() && was_alone && !pool.anyone_runs() { Err(Error::NoThread) } else { result }
}

/// The same for another kind of sleep.
pub(crate) fn while_blocked<R>(sleep: impl FnOnce() -> Result<R>) -> Result<R> {
    let Some((root, worker)) = current().and_then(Context::root) else {
        return sleep();
    };
    let pool = worker.pool();
    if root.blocked.get() > 0 {
        pool.replaced_or_alone()?;
        return sleep();
    }
    let replaced = pool.begin_blocked(worker);
    let result = if replaced.is_err() && !pool.anyone_runs() { Err(Error::NoThread) } else { sleep() };
    pool.end_blocked(worker);
    result
}

/// The same for what can't fail: if nobody can be had, fewer run meanwhile.
pub(crate) fn while_blocked_anyway<R>(sleep: impl FnOnce() -> R) -> R {
    let began = current().is_some();
    if began {
        let _ = begin_blocking();
    }
    let result = sleep();
    if began {
        let _ = end_blocking();
    }
    result
}

/// The thread's task is about to block.
pub(crate) fn begin_blocking() -> Result<()> {
    let Some(context) = current() else {
        tls::set(ptr::without_provenance((tls::get().addr() | 1) + 2));
        return Ok(());
    };
    context.open.set(context.open.get() + 1);
    let Some((root, worker)) = context.root() else {
        return Ok(());
    };
    root.block(worker)
}

/// Runs `f` on a thread that does not count as running meanwhile.
pub(crate) fn while_extra(f: impl FnOnce()) {
    let root = current().and_then(Context::root);
    if let Some((root, worker)) = root {
        let _ = root.block(worker);
    }
    f();
    if let Some((root, worker)) = root {
        root.unblock(worker, 1);
    }
}

pub(crate) fn end_blocking() -> Result<()> {
    let Some(context) = current() else {
        let open = tls::get().addr() >> 1;
        if open > 0 {
            tls::set(if open == 1 { ptr::null() } else { ptr::without_provenance(tls::get().addr() - 2) });
        }
        return if open > 0 { Ok(()) } else { Err(Error::Invalid) };
    };
    let open = context.open.get().checked_sub(1).ok_or(Error::Invalid)?;
    context.open.set(open);
    if let Some((root, worker)) = context.root() {
        root.unblock(worker, 1);
    }
    Ok(())
}
