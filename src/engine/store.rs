//! A store of records that are made once, lent, and freed all together.
//!
//! Queue blocks and side records come from here: once a pool has seen its largest load it allocates nothing. Memory that
//! was a record stays one until the store ends, so that a thread which still holds a stale pointer reads a record, if
//! not the one that it looked for.
//!
//! Free records are in the store's lists, or in the cache of a worker, which takes and gives them back a batch at a time: so
//! the lock is taken once in `BATCH` records at most, whoever takes them and whoever gives them. A cache keeps two batches
//! at most; that it keeps a full one beside the one that it takes from is for a worker that goes to and fro between the two.
//!
//! Invariant: a record is lent to one borrower or is in one list, never both; the list of all records only grows, by its
//! head, so that it is whole at any moment (a forked child frees from it, whatever the others were doing).
#![allow(unsafe_code, reason = "owns raw memory")]

use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};

use crate::error::Result;
use crate::sync::{AtomicPtr, Mutex, Relaxed, Release, lock};
use crate::sys::alloc;

const BATCH: u32 = if cfg!(any(loom, shuttle)) { 2 } else { 32 };

/// A record and its place in the lists. The links are the list's that it is in.
#[repr(C)]
pub(crate) struct Node<T> {
    value: T,
    next_free: UnsafeCell<*mut Node<T>>,
    /// Of the first in a full list: the first of another.
    next_full: UnsafeCell<*mut Node<T>>,
    next_made: *mut Node<T>,
}

impl<T> core::ops::Deref for Node<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// Free records, up to `BATCH`.
struct List<T> {
    first: *mut Node<T>,
    len: u32,
}

impl<T> List<T> {
    const EMPTY: List<T> = List { first: ptr::null_mut(), len: 0 };

    fn pop(&mut self) -> Option<NonNull<Node<T>>> {
        let node = NonNull::new(self.first)?;
        // SAFETY: records live as long as the store, and this one's links are this list's.
        self.first = unsafe { *node.as_ref().next_free.get() };
        self.len -= 1;
        Some(node)
    }

    fn push(&mut self, node: NonNull<Node<T>>) {
        // SAFETY: as above; it is in no other list.
        unsafe { *node.as_ref().next_free.get() = self.first };
        self.first = node.as_ptr();
        self.len += 1;
    }

    fn is_full(&self) -> bool {
        self.len == BATCH
    }

    fn take(&mut self) -> List<T> {
        core::mem::replace(self, List::EMPTY)
    }
}

pub(crate) struct Store<T> {
    free: Mutex<Free<T>>,
    made: AtomicPtr<Node<T>>,
}

struct Free<T> {
    /// Never full.
    some: List<T>,
    /// The first record of the first full list.
    full: *mut Node<T>,
}

// SAFETY: the store's lock guards the lists.
unsafe impl<T> Send for Free<T> {}

impl<T> Free<T> {
    fn pop_full(&mut self) -> Option<List<T>> {
        let first = NonNull::new(self.full)?;
        // SAFETY: records live as long as the store, and we hold the lock.
        self.full = unsafe { *first.as_ref().next_full.get() };
        Some(List { first: first.as_ptr(), len: BATCH })
    }

    fn push_full(&mut self, list: List<T>) {
        // SAFETY: as above.
        if let Some(first) = unsafe { list.first.as_ref() } {
            // SAFETY: likewise.
            unsafe { *first.next_full.get() = self.full };
            self.full = list.first;
        }
    }
}

impl<T> Store<T> {
    pub(crate) fn new() -> Store<T> {
        let free = Free { some: List::EMPTY, full: ptr::null_mut() };
        Store { free: Mutex::new(free), made: AtomicPtr::new(ptr::null_mut()) }
    }

    /// A record that nobody else has: a used one as it was left, else a new one.
    #[inline(never)]
    pub(crate) fn take(&self, new: impl FnOnce() -> T) -> Result<NonNull<Node<T>>> {
        self.take_used().map_or_else(|| self.make(new()), Ok)
    }

    /// A record with this value. What a used one held is forgotten, so it must own nothing.
    pub(crate) fn take_with(&self, value: T) -> Result<NonNull<Node<T>>> {
        self.fill(self.take_used(), value)
    }

    fn fill(&self, used: Option<NonNull<Node<T>>>, value: T) -> Result<NonNull<Node<T>>> {
        let Some(node) = used else {
            return self.make(value);
        };
        // SAFETY: nobody else has the record.
        unsafe { (&raw mut (*node.as_ptr()).value).write(value) };
        Ok(node)
    }

    fn take_used(&self) -> Option<NonNull<Node<T>>> {
        let mut free = lock(&self.free);
        if free.some.len == 0 {
            free.some = free.pop_full()?;
        }
        free.some.pop()
    }

    /// Takes a record back that this store lent.
    #[inline(never)]
    pub(crate) fn give(&self, node: NonNull<Node<T>>) {
        let mut free = lock(&self.free);
        free.some.push(node);
        if free.some.is_full() {
            let list = free.some.take();
            free.push_full(list);
        }
    }

    #[cold]
    fn take_batch(&self) -> List<T> {
        let mut free = lock(&self.free);
        free.pop_full().unwrap_or_else(|| free.some.take())
    }

    #[cold]
    fn give_batch(&self, list: List<T>) {
        lock(&self.free).push_full(list);
    }

    fn make(&self, value: T) -> Result<NonNull<Node<T>>> {
        let mut node = alloc::make(Node {
            value,
            next_free: UnsafeCell::new(ptr::null_mut()),
            next_full: UnsafeCell::new(ptr::null_mut()),
            next_made: ptr::null_mut(),
        })?;
        loop {
            let last = self.made.load(Relaxed);
            // SAFETY: nobody else has the record yet.
            unsafe { node.as_mut().next_made = last };
            if self.made.compare_exchange(last, node.as_ptr(), Release, Relaxed).is_ok() {
                return Ok(node);
            }
        }
    }
}

/// Free records that one thread has at hand.
pub(crate) struct Cache<T>(UnsafeCell<Cached<T>>);

struct Cached<T> {
    some: List<T>,
    /// Full or empty.
    spare: List<T>,
}

impl<T> Cache<T> {
    pub(crate) fn new() -> Cache<T> {
        Cache(UnsafeCell::new(Cached { some: List::EMPTY, spare: List::EMPTY }))
    }

    /// As [`Store::take_with`].
    ///
    /// # Safety
    /// Here and below: no other thread uses the cache at the same time, what the last one did happened before, and it is
    /// used with this store alone.
    pub(crate) unsafe fn take_with(&self, store: &Store<T>, value: T) -> Result<NonNull<Node<T>>> {
        // SAFETY: the caller's promise; nothing below comes by here again.
        let cached = unsafe { &mut *self.0.get() };
        if cached.some.len == 0 {
            let spare = cached.spare.take();
            cached.some = if spare.len > 0 { spare } else { store.take_batch() };
        }
        store.fill(cached.some.pop(), value)
    }

    /// As [`Store::give`].
    ///
    /// # Safety
    /// See above.
    pub(crate) unsafe fn give(&self, store: &Store<T>, node: NonNull<Node<T>>) {
        // SAFETY: as above.
        let cached = unsafe { &mut *self.0.get() };
        if cached.some.is_full() {
            let full = core::mem::replace(&mut cached.spare, cached.some.take());
            if full.len > 0 {
                store.give_batch(full);
            }
        }
        cached.some.push(node);
    }
}

impl<T> Drop for Store<T> {
    fn drop(&mut self) {
        let mut next = NonNull::new(self.made.load(Relaxed));
        while let Some(node) = next {
            // SAFETY: every record hangs on this list once, and the store's end is the end of every loan.
            unsafe {
                next = NonNull::new(node.as_ref().next_made);
                alloc::free(node);
            }
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A record that was lent, on its way to another thread.
    struct Lent(NonNull<Node<u64>>);

    // SAFETY: a record is its borrower's alone.
    unsafe impl Send for Lent {}

    fn made(store: &Store<u64>) -> usize {
        // SAFETY: records live as long as the store.
        core::iter::successors(unsafe { store.made.load(Relaxed).as_ref() }, |node| unsafe { node.next_made.as_ref() })
            .count()
    }

    #[test]
    fn what_one_thread_takes_and_another_gives_back_is_used_again() {
        const ROUNDS: u64 = 10_000;
        let store = Store::new();
        let (send, receive) = mpsc::sync_channel(4);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (cache, receive) = (Cache::new(), receive);
                // SAFETY: this thread alone has the cache.
                receive.iter().for_each(|Lent(node)| unsafe { cache.give(&store, node) });
            });
            let (cache, send) = (Cache::new(), send);
            for round in 0..ROUNDS {
                // SAFETY: likewise.
                let node = unsafe { cache.take_with(&store, round) }.unwrap();
                send.send(Lent(node)).unwrap();
            }
        });
        // Both caches full, what is on its way, and what the one who takes had not seen yet.
        assert!(made(&store) <= 6 * BATCH as usize, "{} records", made(&store));
    }

    #[test]
    fn every_record_is_lent_once() {
        let store = Store::new();
        let cache = Cache::new();
        for round in 0..3 {
            let mut lent: Vec<_> = (0..5 * u64::from(BATCH) + 7)
                .map(|nth| match nth % 3 {
                    0 => store.take_with(round).unwrap(),
                    // SAFETY: this thread alone has the cache.
                    _ => unsafe { cache.take_with(&store, round) }.unwrap(),
                })
                .collect();
            lent.sort_unstable();
            assert!(lent.is_sorted_by(|a, b| a < b));
            assert!(lent.len() <= made(&store) && made(&store) <= lent.len() + 2 * BATCH as usize);
            for (nth, node) in lent.into_iter().enumerate() {
                match nth % 5 {
                    0 => store.give(node),
                    // SAFETY: likewise.
                    _ => unsafe { cache.give(&store, node) },
                }
            }
        }
    }
}
