//! A waiter starts what it waits for ahead of its turn, and a pause waits for those that have looked before it.

use crate::engine::worker::Worker;
use crate::sync::{AcqRel, Acquire, Backoff, Release, SeqCst, fence, fence_after_rmw};

impl Worker {
    /// Claims something by `claim`, unless the pool is paused or drops its tasks. By the worker's thread.
    pub(crate) fn start_early<R>(&self, claim: impl FnOnce() -> Option<R>) -> Option<R> {
        self.starts_early.swap(true, AcqRel);
        // Pairs with the fence of a pause, which shuts the heads first and then looks here.
        fence_after_rmw();
        let claimed = if self.pool().may_start() { claim() } else { None };
        self.starts_early.store(false, Release);
        claimed
    }

    /// Waits until nobody is just doing that.
    pub(crate) fn pass_early_start(&self) {
        fence(SeqCst);
        let mut backoff = Backoff::default();
        while self.starts_early.load(Acquire) {
            backoff.snooze();
        }
    }
}
