//! A lock that is held for a few instructions, and that may be freed as soon as its last holder has let it go.
//!
//! To take it costs one locked instruction. To let it go costs none if nobody has gone to sleep for it: a load, and a store.
//! Who goes to sleep marks the word, and may do so between the two; then the store wipes the mark out, and it is not woken.
//! So nobody sleeps for longer than `NAP_NS`, which that rare one sleeps to the end. All others are woken, like those of any
//! other mutex.
//!
//! Only the holder lets it go, whatever the word says. The step that does is the holder's last touch (a wake uses the address
//! alone), so whoever takes it after the last that could want it, and lets it go, may free the memory that it lies in.

use crate::sync::{AcqRel, Futex, Relaxed, Release, spin_loop};
use crate::sys::clock::Deadline;

#[derive(Default)]
pub(crate) struct ShortLock(Futex);

/// The lock, held.
#[must_use]
pub(crate) struct Guard<'a>(&'a ShortLock);

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep.
const WANTED: u32 = 2;

const NAP_NS: u64 = 1_000_000;

impl ShortLock {
    /// Takes it by a read-modify-write, which orders what came before it too: `fence_after_rmw` may follow.
    #[inline]
    pub(crate) fn hold(&self) -> Guard<'_> {
        // Pairs with the store in `drop`.
        if self.0.compare_exchange(FREE, HELD, AcqRel, Relaxed).is_err() {
            self.hold_later();
        }
        Guard(self)
    }

    #[cold]
    fn hold_later(&self) {
        const SPINS: u32 = if cfg!(any(loom, shuttle)) { 0 } else { 100 };
        let free = |spins: u32| {
            (0..spins).any(|_| {
                spin_loop();
                self.0.load(Relaxed) == FREE
            })
        };
        if free(SPINS) && self.0.compare_exchange(FREE, HELD, AcqRel, Relaxed).is_ok() {
            return;
        }
        // Others may sleep already, so from here on it is taken with the mark.
        while self.0.swap(WANTED, AcqRel) != FREE {
            let _ = self.0.wait(WANTED, Deadline::after(NAP_NS));
            free(SPINS);
        }
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        if cfg!(loom) {
            // loom may order a plain store before another's swap that it follows, and there no nap ends.
            self.0.0.swap(FREE, Release);
            return self.0.0.wake_one();
        }
        let wanted = self.0.0.load(Relaxed) == WANTED;
        self.0.0.store(FREE, Release);
        if wanted {
            self.0.0.wake_one();
        }
    }
}

#[cfg(test)]
#[cfg(loom)]
#[allow(unsafe_code, reason = "shares what loom watches")]
mod model {
    use super::*;
    use crate::sync::{Acquire, AtomicU32};
    use loom::cell::UnsafeCell;
    use loom::thread;
    // Not loom's: the real memory stays, and `Thing::memory` says when it would have gone.
    use std::sync::Arc;

    /// A count under a lock, which whoever has seen it at 0 frees: a group, in short.
    struct Thing {
        lock: ShortLock,
        count: AtomicU32,
        emptied: AtomicU32,
        /// Read by whoever uses it under the lock, written by who frees it.
        memory: UnsafeCell<()>,
        frees_at_once: bool,
    }

    // SAFETY: loom sees to it that the memory is used as it may be.
    unsafe impl Sync for Thing {}
    // SAFETY: likewise.
    unsafe impl Send for Thing {}

    impl Thing {
        fn end_one(&self) {
            let guard = self.lock.hold();
            let left = self.count.load(Relaxed) - 1;
            self.count.store(left, Release);
            if left == 0 {
                self.emptied.store(1, Release);
            }
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
            let (count, emptied, memory) = (AtomicU32::new(2), AtomicU32::new(0), UnsafeCell::new(()));
            let thing = Arc::new(Thing { lock: ShortLock::default(), count, emptied, memory, frees_at_once });
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
