//! A store of records that are made once, lent, and freed all together.
//!
//! Queue blocks and side records come from here: once a pool has seen its largest load it allocates nothing. Memory that
//! was a record stays one until the store ends, so that a thread which still holds a stale pointer reads a record, if
//! not the one that it looked for.
//!
//! Invariant: a record is lent to one borrower or is on the free list, never both; the list of all records only grows,
//! by its head, so that it is whole at any moment (a forked child frees from it).
#![allow(unsafe_code, reason = "owns raw memory")]

use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};

use crate::error::Result;
use crate::sync::{AtomicPtr, Mutex, Relaxed, Release, lock};
use crate::sys::alloc;

/// A record and its place in the two lists.
#[repr(C)]
pub(crate) struct Node<T> {
    value: T,
    /// Owned by the store's lock.
    next_free: UnsafeCell<*mut Node<T>>,
    next_made: *mut Node<T>,
}

impl<T> core::ops::Deref for Node<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

pub(crate) struct Store<T> {
    free: Mutex<FreeList<T>>,
    made: AtomicPtr<Node<T>>,
}

struct FreeList<T>(*mut Node<T>);

// SAFETY: the lock guards the list.
unsafe impl<T> Send for FreeList<T> {}

impl<T> Store<T> {
    pub(crate) fn new() -> Store<T> {
        Store { free: Mutex::new(FreeList(ptr::null_mut())), made: AtomicPtr::new(ptr::null_mut()) }
    }

    /// A record that nobody else has: a used one as it was left, else a new one.
    pub(crate) fn take(&self, new: impl FnOnce() -> T) -> Result<NonNull<Node<T>>> {
        self.take_used().map_or_else(|| self.make(new()), Ok)
    }

    /// A record with this value. What a used one held is forgotten, so it must own nothing.
    pub(crate) fn take_with(&self, value: T) -> Result<NonNull<Node<T>>> {
        let Some(node) = self.take_used() else {
            return self.make(value);
        };
        // SAFETY: nobody else has the record.
        unsafe { (&raw mut (*node.as_ptr()).value).write(value) };
        Ok(node)
    }

    fn take_used(&self) -> Option<NonNull<Node<T>>> {
        let mut list = lock(&self.free);
        let node = NonNull::new(list.0)?;
        // SAFETY: records live as long as the store, and we hold the lock.
        list.0 = unsafe { *node.as_ref().next_free.get() };
        Some(node)
    }

    /// Takes a record back that this store lent.
    pub(crate) fn give(&self, node: NonNull<Node<T>>) {
        let mut list = lock(&self.free);
        // SAFETY: as above.
        unsafe { *node.as_ref().next_free.get() = list.0 };
        list.0 = node.as_ptr();
    }

    fn make(&self, value: T) -> Result<NonNull<Node<T>>> {
        let mut node =
            alloc::make(Node { value, next_free: UnsafeCell::new(ptr::null_mut()), next_made: ptr::null_mut() })?;
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
