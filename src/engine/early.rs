//! A waiter starts what it waits for ahead of its turn, and a pause waits for those that have looked before it.
//!
//! A worker raises a flag, fences, looks whether the pool is paused, claims, and lowers the flag; guests take a lock in place
//! of that. A pause shuts the heads, fences, and waits until no flag is up and the lock has been free.

use crate::engine::context::{Context, Here};
use crate::engine::pool::Pool;
use crate::engine::short_lock::ShortLock;
use crate::engine::worker::Worker;
use crate::sync::{AcqRel, Acquire, Backoff, Relaxed, Release, SeqCst, fence, fence_after_rmw};

impl Here<'_> {
    /// Claims something by `claim`, unless the pool is paused or drops its tasks.
    pub(crate) fn start_early<R>(&self, claim: impl FnOnce() -> Option<R>) -> Option<R> {
        let claim = |may: bool| if may { claim() } else { None };
        match self.worker {
            Some(worker) => {
                worker.starts_early.swap(true, AcqRel);
                worker.claim_early(claim)
            }
            None => self.claim_as_guest(claim),
        }
    }

    /// The same under a lock, which `claim` needs anyway; it is told whether it may.
    pub(crate) fn start_early_under<R>(&self, lock: &ShortLock, claim: impl FnOnce(bool) -> Option<R>) -> Option<R> {
        match self.worker {
            Some(worker) => {
                worker.starts_early.store(true, Relaxed);
                // Stands in for the swap: a read-modify-write, and the store stays before it.
                let _guard = lock.hold();
                worker.claim_early(claim)
            }
            None => self.claim_as_guest(|may| {
                let _guard = lock.hold();
                claim(may)
            }),
        }
    }

    fn claim_as_guest<R>(&self, claim: impl FnOnce(bool) -> Option<R>) -> Option<R> {
        let _guard = self.pool.guests.starts_early.hold();
        claim(self.pool.may_start())
    }

    /// Runs what it has claimed, whose queue entry is left behind.
    pub(crate) fn run_claimed(&self, counts: bool, run: impl FnOnce(&Context)) {
        let pool = self.pool;
        let Some(worker) = self.worker else {
            pool.count_stale(counts);
            pool.enter_here(run);
            return pool.ended_here();
        };
        worker.lane.add_stale();
        pool.give_room(counts);
        pool.enter_here(run);
        worker.lane.end();
    }
}

impl Worker {
    /// Its flag is up, and the caller's last step was a read-modify-write.
    fn claim_early<R>(&self, claim: impl FnOnce(bool) -> Option<R>) -> Option<R> {
        // Pairs with the fence of a pause, which shuts the heads first and then looks here.
        fence_after_rmw();
        let claimed = claim(self.pool().may_start());
        self.starts_early.store(false, Release);
        claimed
    }
}

impl Pool {
    /// Waits until nobody is just doing that who has looked before the heads were shut.
    pub(crate) fn pass_early_starts(&self) {
        fence(SeqCst);
        for worker in self.workers.iter() {
            let mut backoff = Backoff::default();
            while worker.starts_early.load(Acquire) {
                backoff.snooze();
            }
        }
        drop(self.guests.starts_early.hold());
    }
}
