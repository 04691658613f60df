//! A waiter starts what it waits for ahead of its turn, and a pause waits for those that have looked before it.

use crate::engine::short_lock::ShortLock;
use crate::engine::worker::Worker;
use crate::sync::{AcqRel, Acquire, Backoff, Relaxed, Release, SeqCst, fence, fence_after_rmw};

impl Worker {
    /// Claims something by `claim`, unless the pool is paused or drops its tasks. By the worker's thread.
    pub(crate) fn start_early<R>(&self, claim: impl FnOnce() -> Option<R>) -> Option<R> {
        self.starts_early.swap(true, AcqRel);
        self.claim_early(|may| if may { claim() } else { None })
    }

    /// The same under a lock, which `claim` needs anyway; it is told whether it may.
    pub(crate) fn start_early_under<R>(&self, lock: &ShortLock, claim: impl FnOnce(bool) -> Option<R>) -> Option<R> {
        self.starts_early.store(true, Relaxed);
        // Stands in for the swap: a read-modify-write, and the store stays before it.
        let _guard = lock.hold();
        self.claim_early(claim)
    }

    fn claim_early<R>(&self, claim: impl FnOnce(bool) -> Option<R>) -> Option<R> {
        // Pairs with the fence of a pause, which shuts the heads first and then looks here.
        fence_after_rmw();
        let claimed = claim(self.pool().may_start());
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
