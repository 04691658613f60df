//! The life of a wait for a future or a group.
//!
//! ```text
//!             it has ended                    something that it depends on can be run here
//!   enter ---------------------> leave   .------------------------------------------.
//!     |                            ^     v                                          |
//!     '---> look <-----------------|--- run it, on this stack ----------------------'
//!             | nothing to run     |
//!             v                    |
//!           list the waiter -------| ended meanwhile
//!             |                    |
//!             v   told, or time is over: off the list
//!           park -----------------------> look
//! ```
//!
//! A waiter is a node on the stack of its thread, in the list of what it waits for. That list has a lock; whoever ends the
//! thing takes the waiters off under the lock, tells each, and touches none of them after that: the telling is the store
//! after which the waiter may be gone. A waiter that gives up takes itself off under the same lock. So neither touches the
//! other's memory once it may have been freed.
//!
//! A worker that parks is replaced: see `reserve`. If nobody can be had for that and nobody else of the pool can run, the
//! wait ends with `Error::NoThread`.
#![allow(unsafe_code, reason = "links waiters on other threads' stacks")]

use core::cell::Cell;
use core::ptr;

use crate::error::{Error, Result};
use crate::sync::{AcqRel, Acquire, AtomicPtr, AtomicU64, Futex, Release, yield_now};
use crate::sys::clock::{Deadline, now_ns};

/// Someone who waits, for one thing or for the first of several.
#[derive(Default)]
pub(crate) struct Waiter {
    told: Futex,
    /// The count of blocked workers that it is in, until whoever tells it, or it itself, takes it out.
    counted: AtomicPtr<AtomicU64>,
}

impl Waiter {
    /// Says that this waiter is one of those that `blocked` counts. The count outlives its wait.
    pub(crate) fn count_in(&self, blocked: &AtomicU64) {
        self.counted.store(ptr::from_ref(blocked).cast_mut(), Release);
    }

    /// It goes on: whoever comes first takes it out, so that it counts as running before it has its CPU.
    pub(crate) fn count_out(&self) {
        // SAFETY: what was counted in is there until it has been counted out.
        if let Some(blocked) = unsafe { self.counted.swap(ptr::null_mut(), AcqRel).as_ref() } {
            blocked.fetch_sub(1, AcqRel);
        }
    }

    /// Ends its wait, after which it may be gone.
    ///
    /// # Safety
    /// It is there until then.
    pub(crate) unsafe fn tell(this: *const Waiter) {
        // SAFETY: the caller's promise.
        unsafe {
            (*this).count_out();
            Futex::tell(&raw const (*this).told, 1);
        }
    }

    pub(crate) fn is_told(&self) -> bool {
        self.told.load(Acquire) != 0
    }

    /// Sleeps until told.
    pub(crate) fn sleep(&self, deadline: Deadline) -> Result<()> {
        while !self.is_told() {
            self.told.wait(0, deadline)?;
        }
        Ok(())
    }
}

/// A waiter's place in one list.
pub(crate) struct Link {
    waiter: Cell<*const Waiter>,
    next: Cell<*const Link>,
    previous: Cell<*const Link>,
    listed: Cell<bool>,
    /// Stands for its memory in a model: read by all who touch the link, written when it goes.
    #[cfg(loom)]
    memory: loom::cell::UnsafeCell<()>,
}

impl Link {
    #[cfg(not(loom))]
    pub(crate) const fn unlisted() -> Link {
        let (next, previous) = (Cell::new(ptr::null()), Cell::new(ptr::null()));
        Link { waiter: Cell::new(ptr::null()), next, previous, listed: Cell::new(false) }
    }

    /// The link is used: its memory must be there.
    fn touch(&self) {
        #[cfg(loom)]
        self.memory.with(|_| ());
    }
}

/// Those who wait for one thing. Every call is made under the lock of that thing.
pub(crate) struct WaitList(Cell<*const Link>);

// SAFETY: the links are touched under the lock alone, and each outlives its time in the list.
unsafe impl Send for WaitList {}

impl Default for WaitList {
    fn default() -> WaitList {
        WaitList(Cell::new(ptr::null()))
    }
}

impl WaitList {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.get().is_null()
    }

    /// # Safety
    /// The link and its waiter stay where they are until the link is taken off, by `tell_all` or by `remove`.
    pub(crate) unsafe fn add(&self, link: &Link, waiter: &Waiter) {
        link.touch();
        link.waiter.set(waiter);
        link.next.set(self.0.get());
        link.previous.set(ptr::null());
        link.listed.set(true);
        // SAFETY: listed links live.
        if let Some(first) = unsafe { self.0.get().as_ref() } {
            first.previous.set(link);
        }
        self.0.set(link);
    }

    /// If it is still there.
    pub(crate) fn remove(&self, link: &Link) {
        if !link.listed.replace(false) {
            return;
        }
        link.touch();
        // SAFETY: listed links live.
        let (next, previous) = unsafe { (link.next.get().as_ref(), link.previous.get().as_ref()) };
        if let Some(next) = next {
            next.previous.set(link.previous.get());
        }
        match previous {
            Some(previous) => previous.next.set(link.next.get()),
            None => self.0.set(link.next.get()),
        }
    }

    pub(crate) fn tell_all(&self) {
        self.tell_each(|_| {});
    }

    /// `afterwards` is a model's, and nobody else's.
    fn tell_each(&self, afterwards: impl Fn(&Link)) {
        // SAFETY: listed links live, and so do their waiters until they are told.
        while let Some(link) = unsafe { self.0.get().as_ref() } {
            link.touch();
            self.0.set(link.next.get());
            link.listed.set(false);
            // SAFETY: likewise. Nothing of the link or the waiter is touched after this.
            unsafe { Waiter::tell(link.waiter.get()) };
            afterwards(link);
        }
    }
}

/// What is left to do is often shorter than parking and being replaced. Looks for as long as that takes.
pub(crate) fn spin_until(done: impl Fn() -> bool) -> bool {
    const SPIN_NS: u64 = 5_000;
    if cfg!(any(loom, shuttle)) {
        return false;
    }
    let give_up = now_ns() + SPIN_NS;
    while now_ns() < give_up {
        // The worker that we wait for may be waiting for our CPU.
        yield_now();
        if done() {
            return true;
        }
    }
    false
}

/// Whether a wait that has found nothing may go on.
pub(crate) fn in_time(deadline: Deadline) -> Result<()> {
    let over = match deadline {
        Deadline::Passed => true,
        Deadline::At(ns) => now_ns() >= ns,
        Deadline::Never => false,
    };
    if over { Err(Error::TimedOut) } else { Ok(()) }
}

#[cfg(test)]
#[cfg(loom)]
mod model {
    use super::*;
    use crate::sync::{AtomicBool, Mutex, Relaxed, lock};
    use loom::thread;
    // Not loom's: the links' real memory stays, and `Link::memory` says when it would have gone.
    use std::sync::Arc;

    struct Node {
        waiter: Waiter,
        link: Link,
    }

    // SAFETY: as the list says: the link is touched under the lock.
    unsafe impl Sync for Node {}
    // SAFETY: likewise.
    unsafe impl Send for Node {}

    impl Node {
        fn new() -> Node {
            let (next, previous) = (Cell::new(ptr::null()), Cell::new(ptr::null()));
            let memory = loom::cell::UnsafeCell::new(());
            let link = Link { waiter: Cell::new(ptr::null()), next, previous, listed: Cell::new(false), memory };
            Node { waiter: Waiter::default(), link }
        }

        /// The waiter returns, and its stack is used again.
        fn free(&self) {
            self.link.memory.with_mut(|_| ());
        }
    }

    /// Something that ends, and those who wait for it.
    #[derive(Default)]
    struct Thing {
        list: Mutex<WaitList>,
        ended: AtomicBool,
        touches_afterwards: bool,
    }

    impl Thing {
        fn end(&self) {
            let list = lock(&self.list);
            self.ended.store(true, Relaxed);
            list.tell_each(|link| {
                if self.touches_afterwards {
                    link.touch();
                }
            });
        }

        fn wait(&self, node: &Node, gives_up: bool) {
            {
                let list = lock(&self.list);
                if self.ended.load(Relaxed) {
                    return node.free();
                }
                // SAFETY: it is removed below, or by whoever tells it.
                unsafe { list.add(&node.link, &node.waiter) };
            }
            if !gives_up {
                node.waiter.sleep(Deadline::Never).unwrap();
                assert!(self.ended.load(Relaxed));
            }
            if !node.waiter.is_told() {
                lock(&self.list).remove(&node.link);
            }
            node.free();
        }
    }

    fn explore(one_gives_up: bool, touches_afterwards: bool) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let thing = Arc::new(Thing { touches_afterwards, ..Thing::default() });
            let nodes = Arc::new([Node::new(), Node::new()]);
            let waiters = [0, 1].map(|nth| {
                let (thing, nodes) = (thing.clone(), nodes.clone());
                thread::spawn(move || thing.wait(&nodes[nth], nth == 1 && one_gives_up))
            });
            thing.end();
            waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
            assert!(lock(&thing.list).is_empty());
        });
    }

    #[test]
    fn loom_waiters_are_told_and_not_touched_after_that() {
        explore(false, false);
    }

    #[test]
    fn loom_a_waiter_that_gives_up_is_not_touched_after_that() {
        explore(true, false);
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn loom_a_touch_after_the_telling_is_found() {
        explore(false, true);
    }
}
