//! The limit on queued tasks, for pools that have one, and those who wait for room.
//!
//! A submit takes room before it queues its task, and the room is given back when the task leaves the queue. Who waits
//! counts itself, fences and looks again before it sleeps; who gives room back fences and reads that count: one of them
//! sees the other. A pool with a limit keeps all its tasks in the injector, so that the oldest is at hand.

use crate::error::Result;
use crate::sync::{AcqRel, Acquire, AtomicU32, AtomicU64, Futex, Relaxed, fence_after_rmw};
use crate::sys::clock::Deadline;

/// What a submit does where there is no room.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenFull {
    Block,
    Fail,
    RunInCaller,
    DropOldest,
}

pub(crate) struct Capacity {
    limit: u64,
    pub(crate) when_full: WhenFull,
    /// Below 0 for a moment when an entry leaves that is no task any more: its room was given back before.
    queued: AtomicU64,
    blocked: AtomicU32,
    /// Changes whenever there is room.
    freed: Futex,
}

impl Capacity {
    pub(crate) fn new(limit: u64, when_full: WhenFull) -> Capacity {
        Capacity {
            limit: limit.min(i64::MAX as u64),
            when_full,
            queued: AtomicU64::new(0),
            blocked: AtomicU32::new(0),
            freed: Futex::default(),
        }
    }

    /// Takes room for one task, if there is any.
    pub(crate) fn take(&self) -> bool {
        let grown = |queued: u64| (queued.cast_signed() < self.limit.cast_signed()).then(|| queued.wrapping_add(1));
        self.queued.fetch_update(AcqRel, Acquire, grown).is_ok()
    }

    /// Takes room that may not be there.
    pub(crate) fn take_anyway(&self) {
        self.queued.fetch_add(1, AcqRel);
    }

    /// Gives the room of one task back if more is queued than there is room for: the caller makes one go.
    pub(crate) fn give_if_over(&self) -> bool {
        let fallen = |queued: u64| (queued.cast_signed() > self.limit.cast_signed()).then(|| queued.wrapping_sub(1));
        self.queued.fetch_update(AcqRel, Acquire, fallen).is_ok()
    }

    /// Gives the room of one task back.
    pub(crate) fn give(&self) {
        self.queued.fetch_sub(1, AcqRel);
        // Pairs with the fence in `take_blocking`.
        fence_after_rmw();
        if self.blocked.load(Relaxed) > 0 {
            self.freed.fetch_add(1, AcqRel);
            self.freed.wake_one();
        }
    }

    /// Waits for room and takes it. Ends with the error of `check`, which is called before each sleep.
    pub(crate) fn take_blocking(&self, check: impl Fn() -> Result<()>) -> Result<()> {
        self.blocked.fetch_add(1, AcqRel);
        fence_after_rmw();
        let result = loop {
            let seen = self.freed.load(Acquire);
            if let Err(error) = check() {
                break Err(error);
            }
            if self.take() {
                break Ok(());
            }
            let _ = self.freed.wait(seen, Deadline::Never);
        };
        self.blocked.fetch_sub(1, AcqRel);
        result
    }

    /// Makes everyone who waits for room check again.
    pub(crate) fn interrupt(&self) {
        self.freed.fetch_add(1, AcqRel);
        self.freed.wake_all();
    }
}

#[cfg(test)]
#[cfg(loom)]
mod model {
    use super::*;
    use crate::error::Error;
    use crate::sync::AtomicBool;
    use loom::thread;
    use std::sync::Arc;

    fn explore(model: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(model);
    }

    #[test]
    fn loom_room_that_is_given_back_ends_a_wait() {
        explore(|| {
            let capacity = Arc::new(Capacity::new(1, WhenFull::Block));
            assert!(capacity.take() && !capacity.take());
            let submitters = [0, 1].map(|_| {
                let capacity = capacity.clone();
                thread::spawn(move || {
                    capacity.take_blocking(|| Ok(())).unwrap();
                    capacity.give();
                })
            });
            capacity.give();
            submitters.into_iter().for_each(|submitter| submitter.join().unwrap());
            assert_eq!(capacity.queued.load(Relaxed), 0);
        });
    }

    #[test]
    fn loom_a_shutdown_ends_a_wait_for_room() {
        explore(|| {
            let shared = Arc::new((Capacity::new(1, WhenFull::Block), AtomicBool::new(false)));
            assert!(shared.0.take());
            let submitter = {
                let shared = shared.clone();
                thread::spawn(move || {
                    let check = || if shared.1.load(Acquire) { Err(Error::ShutDown) } else { Ok(()) };
                    assert_eq!(shared.0.take_blocking(check), Err(Error::ShutDown));
                })
            };
            shared.1.store(true, crate::sync::Release);
            shared.0.interrupt();
            submitter.join().unwrap();
        });
    }
}
