//! A lock that is held for a few instructions, and that may be freed as soon as its last holder has let it go.
//!
//! To take it costs one locked instruction, to let it go none: nobody is told. Whoever finds it taken comes back, soon at
//! first and less often later. The store that lets it go is the holder's last touch. So whoever takes it after the last
//! that could want it, and lets it go, may free the memory that it lies in.
//!
//! Not for what may last: a sleep, a call of the user's code.

use crate::sync::{AcqRel, Acquire, AtomicBool, Backoff, Relaxed, Release};

#[derive(Default)]
pub(crate) struct ShortLock(AtomicBool);

/// The lock, held.
#[must_use]
pub(crate) struct Guard<'a>(&'a AtomicBool);

impl ShortLock {
    /// Takes it by a read-modify-write, which orders what came before it too: `fence_after_rmw` may follow.
    #[inline]
    pub(crate) fn hold(&self) -> Guard<'_> {
        // Pairs with the store in `drop`.
        if self.0.compare_exchange(false, true, AcqRel, Relaxed).is_err() {
            self.hold_later();
        }
        Guard(&self.0)
    }

    #[cold]
    fn hold_later(&self) {
        let mut backoff = Backoff::default();
        while self.0.load(Relaxed) || self.0.compare_exchange(false, true, AcqRel, Acquire).is_err() {
            backoff.snooze();
        }
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(false, Release);
    }
}

#[cfg(test)]
#[cfg(loom)]
mod model {
    use super::*;
    use crate::sync::AtomicU32;
    use loom::cell::UnsafeCell;
    use loom::thread;
    // Not loom's: the real memory stays, and `Thing::memory` says when it would have gone.
    use std::sync::Arc;

    /// A count under a lock, which whoever has seen it at 0 frees: a group, in short.
    struct Thing {
        lock: ShortLock,
        count: AtomicU32,
        /// Read by whoever uses it under the lock, written by who frees it.
        memory: UnsafeCell<()>,
        frees_at_once: bool,
    }

    impl Thing {
        fn end_one(&self) {
            let guard = self.lock.hold();
            let left = self.count.load(Relaxed) - 1;
            self.count.store(left, Release);
            self.memory.with(|_| ());
            drop(guard);
        }

        fn wait_and_free(&self) {
            while self.count.load(Acquire) > 0 {
                thread::yield_now();
            }
            if !self.frees_at_once {
                drop(self.lock.hold());
            }
            self.memory.with_mut(|_| ());
        }
    }

    fn explore(frees_at_once: bool) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let memory = UnsafeCell::new(());
            let thing = Arc::new(Thing { lock: ShortLock::default(), count: AtomicU32::new(2), memory, frees_at_once });
            let ends = [(); 2].map(|()| {
                let thing = thing.clone();
                thread::spawn(move || thing.end_one())
            });
            thing.wait_and_free();
            ends.into_iter().for_each(|end| end.join().unwrap());
            assert_eq!(thing.count.load(Relaxed), 0, "two held the lock at once");
        });
    }

    #[test]
    fn loom_whoever_sees_the_end_and_takes_the_lock_may_free_it() {
        explore(false);
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn loom_who_frees_without_the_lock_is_found() {
        explore(true);
    }
}
