//! Waiting for a future, or for the first of several: see `engine::wait` for the life of a wait.

use super::*;
use crate::engine::wait::{Link, Waiter, in_time, spin_until};
use crate::sys::clock::Deadline;

impl Future {
    /// Waits, and gives the value.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<*mut c_void> {
        wait_any(&[self], deadline)?;
        if self.is_done() { Ok(self.value.load(Relaxed)) } else { Err(Error::Canceled) }
    }

    /// The future at the root of what this one waits for: claimed, if it could be.
    fn claim_root(&self, pool: &Pool) -> Option<Held> {
        let mut this = Held(self.hold());
        loop {
            match this.state() {
                PENDING if ptr::eq(this.pool, pool) => {
                    let claimed = this.change(PENDING, RUNNING);
                    if claimed {
                        this.record.set_stale();
                    }
                    return claimed.then_some(this);
                }
                WAITING => this = this.input()?,
                _ => return None,
            }
        }
    }

    /// Whether it can't end before what this thread does.
    fn is_on_stack(&self) -> bool {
        let mut this = Held(self.hold());
        loop {
            match this.state() {
                RUNNING | DROPPING => return context::is_on_stack(&this.scope),
                WAITING => match this.input() {
                    Some(input) => this = input,
                    None => return false,
                },
                _ => return false,
            }
        }
    }
}

/// Waits until one of them has ended; which.
pub(crate) fn wait_any(futures: &[&Future], deadline: Deadline) -> Result<usize> {
    futures.iter().try_for_each(|future| future.same_process())?;
    let first_ended = || futures.iter().position(|future| future.has_ended());
    if let Some(index) = first_ended() {
        return Ok(index);
    }
    if futures.iter().all(|future| future.is_on_stack()) {
        return Err(Error::Deadlock);
    }
    loop {
        in_time(deadline)?;
        let ran = run_one(futures) || spin_until(|| first_ended().is_some());
        let result = if ran { Ok(()) } else { park(futures, deadline) };
        if let Some(index) = first_ended() {
            return Ok(index);
        }
        result?;
    }
}

/// Runs something that one of them depends on, if this thread is a worker that may.
fn run_one(futures: &[&Future]) -> bool {
    let Some(here) = context::here() else {
        return false;
    };
    let claim = || futures.iter().find_map(|future| future.claim_root(here.pool));
    let Some(future) = here.worker.start_early(claim) else {
        return false;
    };
    here.pool.run_claimed(here.worker, future.counts(), |context| {
        let value = future.call(context);
        future.finish(DONE, value, false);
    });
    true
}

/// Sleeps until one of them has ended.
fn park(futures: &[&Future], deadline: Deadline) -> Result<()> {
    const FEW: usize = 8;
    let waiter = Waiter::default();
    let few = [const { Link::unlisted() }; FEW];
    let mut many = Vec::new();
    let links = match futures.len() {
        0..=FEW => &few[..futures.len()],
        n => {
            many.try_reserve_exact(n).map_err(|_| Error::NoMemory)?;
            many.extend((0..n).map(|_| Link::unlisted()));
            &many[..]
        }
    };
    let all_listed = futures.iter().zip(links).all(|(future, link)| {
        let listed = lock(&future.links);
        let runs = future.word.fetch_or(LINKED, AcqRel) & STATE < DONE;
        if runs {
            // SAFETY: it is removed below, before it goes.
            unsafe { listed.waiters.add(link, &waiter) };
        }
        runs
    });
    let result = if all_listed { context::park(&waiter, deadline) } else { Ok(()) };
    for (future, link) in futures.iter().zip(links) {
        lock(&future.links).waiters.remove(link);
    }
    result
}
