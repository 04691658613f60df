//! Waiting for the pool to be quiet.
//!
//! A waiter takes a ticket, fences, looks for itself, and sleeps until the answers reach its ticket. A worker that has
//! found nothing to do fences and looks whether anyone waits; if so it reads the tickets given out, then looks whether
//! the pool is quiet, and if so answers all of them. So no task pays for waiters, and one quiet moment after a wait began
//! is enough to end it, whatever is submitted next.
//!
//! Why no waiter is forgotten: the worker that ended the last task fences after that and before it reads `waiting`; the
//! waiter fences after it wrote `waiting` and before it looks. Either the waiter sees that the task has ended, or the
//! worker sees the waiter, and the pool is quiet when it looks, or a task is queued or running whose worker will come by
//! here as well. Whoever ends a task and is no worker comes by after each.

use crate::engine::wait::spin_until;
use crate::error::{Error, Result};
use crate::sync::{AcqRel, Acquire, AtomicU32, AtomicU64, Futex, Relaxed, SeqCst, fence, fence_after_rmw};
use crate::sys::clock::Deadline;

#[derive(Default)]
pub(crate) struct Waiters {
    waiting: AtomicU32,
    /// Tickets given out.
    asked: AtomicU64,
    /// All tickets up to this one have been answered.
    answered: AtomicU64,
    /// Changes with each answer; wraps.
    bell: Futex,
}

impl Waiters {
    /// Returns once `is_quiet` has held after the call began.
    pub(crate) fn wait(&self, is_quiet: impl Fn() -> bool, deadline: Deadline) -> Result<()> {
        if is_quiet() {
            return Ok(());
        }
        if deadline == Deadline::Passed {
            return Err(Error::TimedOut);
        }
        if spin_until(&is_quiet) {
            return Ok(());
        }
        self.waiting.fetch_add(1, AcqRel);
        let ticket = self.asked.fetch_add(1, AcqRel) + 1;
        // Pairs with the fence in `answer`.
        fence_after_rmw();
        let result = loop {
            let bell = self.bell.load(Acquire);
            if self.answered.load(Acquire) >= ticket || is_quiet() {
                break Ok(());
            }
            if let Err(Error::TimedOut) = self.bell.wait(bell, deadline) {
                break Err(Error::TimedOut);
            }
        };
        self.waiting.fetch_sub(1, AcqRel);
        result
    }

    /// Called by whoever may have ended the last task.
    pub(crate) fn answer(&self, is_quiet: impl Fn() -> bool) {
        // Pairs with the fence in `wait`.
        fence(SeqCst);
        if self.waiting.load(Relaxed) == 0 {
            return;
        }
        let asked = self.asked.load(Acquire);
        if self.answered.load(Relaxed) < asked && is_quiet() {
            self.answered.fetch_max(asked, AcqRel);
            self.bell.fetch_add(1, AcqRel);
            self.bell.wake_all();
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn the_bell_wraps() {
        let waiters = Waiters::default();
        waiters.bell.store(u32::MAX, Relaxed);
        std::thread::scope(|scope| {
            scope.spawn(|| waiters.wait(|| false, Deadline::Never).unwrap());
            while waiters.asked.load(Acquire) == 0 {
                std::thread::yield_now();
            }
            waiters.answer(|| true);
        });
        assert_eq!((waiters.waiting.load(Relaxed), waiters.bell.load(Relaxed)), (0, 0));
    }

    #[test]
    fn a_moment_of_quiet_is_enough_even_if_it_has_passed() {
        let waiters = Waiters::default();
        std::thread::scope(|scope| {
            scope.spawn(|| waiters.wait(|| false, Deadline::Never).unwrap());
            while waiters.asked.load(Acquire) == 0 {
                std::thread::yield_now();
            }
            waiters.answer(|| true);
        });
    }

    #[test]
    fn a_poll_and_a_time_out_say_so() {
        let waiters = Waiters::default();
        assert_eq!(waiters.wait(|| true, Deadline::Passed), Ok(()));
        assert_eq!(waiters.wait(|| false, Deadline::Passed), Err(Error::TimedOut));
        assert_eq!(waiters.wait(|| false, Deadline::after(1_000_000)), Err(Error::TimedOut));
        assert_eq!(waiters.waiting.load(Relaxed), 0);
    }
}
