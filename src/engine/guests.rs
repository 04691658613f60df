//! Deques for threads that are no workers of the pool, for as long as they are in a parallel call on it.
#![allow(unsafe_code, reason = "owns its deques")]

use core::ptr::{self, NonNull};

use crate::engine::deque::Deque;
use crate::engine::short_lock::ShortLock;
use crate::sync::{AcqRel, Acquire, AtomicPtr, AtomicU64, Relaxed, Release};
use crate::sys::alloc;

/// How many threads may be in parallel calls with a deque. Calls by more than that run on their caller alone.
const GUESTS: u32 = u64::BITS;

pub(crate) struct Guests {
    /// A bit for each that is taken.
    taken: AtomicU64,
    /// Made when they are first needed.
    deques: [AtomicPtr<Deque>; GUESTS as usize],
    /// Held by one that starts something early: see `early`.
    pub(crate) starts_early: ShortLock,
}

impl Default for Guests {
    fn default() -> Guests {
        let deques = [const { AtomicPtr::new(ptr::null_mut()) }; GUESTS as usize];
        Guests { taken: AtomicU64::new(0), deques, starts_early: ShortLock::default() }
    }
}

/// A deque that is this thread's until it goes.
pub(crate) struct Guest<'a> {
    pub(crate) deque: &'a Deque,
    index: u32,
    guests: &'a Guests,
}

impl Guests {
    /// None: all are taken, or there is no memory for one more.
    pub(crate) fn claim(&self) -> Option<Guest<'_>> {
        let lowest = |taken: u64| Some(taken | taken.wrapping_add(1));
        let before = self.taken.fetch_update(AcqRel, Acquire, lowest).unwrap_or(u64::MAX);
        let index = before.trailing_ones();
        let place = self.deques.get(index as usize)?;
        if place.load(Relaxed).is_null() {
            let deque = Deque::new().and_then(alloc::make).map_or(ptr::null_mut(), NonNull::as_ptr);
            place.store(deque, Release);
        }
        // SAFETY: deques live as long as the pool.
        let deque = unsafe { place.load(Relaxed).as_ref() };
        if deque.is_none() {
            self.taken.fetch_and(!(1 << index), AcqRel);
        }
        deque.map(|deque| Guest { deque, index, guests: self })
    }

    /// Those that are taken.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Deque> {
        let mut taken = self.taken.load(Acquire);
        core::iter::from_fn(move || {
            let index = taken.trailing_zeros();
            taken &= taken.wrapping_sub(1);
            // SAFETY: as above.
            Some(unsafe { self.deques.get(index as usize)?.load(Acquire).as_ref() })
        })
        .flatten()
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.guests.taken.fetch_and(!(1 << self.index), AcqRel);
    }
}

impl Drop for Guests {
    fn drop(&mut self) {
        for deque in self.deques.iter().filter_map(|deque| NonNull::new(deque.load(Relaxed))) {
            // SAFETY: nobody has it any more.
            unsafe { alloc::free(deque) };
        }
    }
}
