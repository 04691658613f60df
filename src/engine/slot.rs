//! A slot of a deque: one fork, and who has it. `deque` has the picture of its states.
#![allow(unsafe_code, reason = "follows what others wait for")]

use core::ptr;

use crate::engine::deque::Deque;
use crate::engine::wait::Waiter;
use crate::sync::{AcqRel, Acquire, AtomicPtr, AtomicU32, AtomicU64, Backoff, Relaxed, Release, fence_after_rmw};

pub(super) const EMPTY: u32 = 0;
pub(super) const FULL: u32 = 1;
pub(super) const TAKEN: u32 = 2;
const DONE: u32 = 3;
pub(super) const SHARED: u32 = 4;
/// Beside `TAKEN`: the owner sleeps until it is told.
const WAITING: u32 = 8;

/// What a slot holds for whoever takes it. The deque does not look at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fork {
    pub(crate) run: *const (),
    pub(crate) arg: *mut (),
    /// The context that it was forked in.
    pub(crate) caller: *const (),
}

#[repr(align(64))]
pub(crate) struct Slot {
    pub(super) state: AtomicU32,
    visitors: AtomicU32,
    run: AtomicPtr<()>,
    pub(super) arg: AtomicPtr<()>,
    caller: AtomicPtr<()>,
    /// Of a loop: what its owner has not begun and nobody has taken. See `parallel::range`.
    pub(crate) range: AtomicU64,
    /// Of a branch that runs elsewhere: the deque of its thief, and how deep that was when it began.
    thief: AtomicPtr<Deque>,
    pub(super) mark: AtomicU32,
    pub(super) index: u32,
    waiter: AtomicPtr<Waiter>,
}

impl Slot {
    pub(super) fn new(index: u32) -> Slot {
        Slot {
            state: AtomicU32::new(EMPTY),
            visitors: AtomicU32::new(0),
            run: AtomicPtr::new(ptr::null_mut()),
            arg: AtomicPtr::new(ptr::null_mut()),
            caller: AtomicPtr::new(ptr::null_mut()),
            range: AtomicU64::new(0),
            thief: AtomicPtr::new(ptr::null_mut()),
            mark: AtomicU32::new(0),
            index,
            waiter: AtomicPtr::new(ptr::null_mut()),
        }
    }

    #[inline]
    pub(super) fn fill(&self, fork: Fork, state: u32) {
        self.run.store(fork.run.cast_mut(), Relaxed);
        self.arg.store(fork.arg, Relaxed);
        self.caller.store(fork.caller.cast_mut(), Relaxed);
        // A swap, as a store and a fence.
        self.state.swap(state, AcqRel);
        fence_after_rmw();
    }

    /// Of a slot that was taken, or that is visited or one's own.
    pub(crate) fn fork(&self) -> Fork {
        let (run, arg) = (self.run.load(Relaxed), self.arg.load(Relaxed));
        Fork { run, arg, caller: self.caller.load(Relaxed) }
    }

    /// Of a branch of one's own.
    #[inline]
    pub(crate) fn branch(&self) -> (*const (), *mut ()) {
        (self.run.load(Relaxed), self.arg.load(Relaxed))
    }

    pub(super) fn state(&self) -> u32 {
        self.state.load(Acquire)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state() & !WAITING == DONE
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.state() == SHARED
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Of a loop: the number of the one who takes part through this slot. By that one.
    pub(crate) fn number(&self) -> u32 {
        self.mark.load(Relaxed)
    }

    pub(crate) fn set_number(&self, number: u32) {
        self.mark.store(number, Relaxed);
    }

    pub(super) fn has_rest(&self) -> bool {
        rest(self.range.load(Relaxed)) > 0
    }

    /// By the thief of a branch, before it runs it.
    pub(crate) fn begin(&self, thief: &Deque) {
        self.mark.store(thief.depth(), Relaxed);
        self.thief.store(ptr::from_ref(thief).cast_mut(), Release);
    }

    /// By the thief, after that.
    pub(crate) fn end(&self) {
        self.thief.store(ptr::null_mut(), Relaxed);
        let before = self.state.swap(DONE, AcqRel);
        fence_after_rmw();
        if before & WAITING != 0 {
            // SAFETY: the owner sleeps on it until this.
            unsafe { Waiter::tell(self.waiter.load(Acquire)) };
        }
        self.wait_for_visitors();
    }

    /// By the owner of a branch that was taken: a visitor if it runs still, with whose deque and from which depth on all is
    /// of that branch, until the visitor goes.
    pub(crate) fn follow(&self) -> Option<(Visitor<'_>, &Deque, u32)> {
        let visitor = self.visit(|state| state & !WAITING == TAKEN)?;
        // SAFETY: deques live as long as the pool.
        let thief = unsafe { self.thief.load(Acquire).as_ref() }?;
        Some((visitor, thief, self.mark.load(Relaxed)))
    }

    /// By the owner: false, it is done already; else the waiter will be told, and has to be there until then.
    pub(crate) fn wait_with(&self, waiter: &Waiter) -> bool {
        self.waiter.store(ptr::from_ref(waiter).cast_mut(), Release);
        self.state.fetch_or(WAITING, AcqRel) == TAKEN
    }

    /// A visitor, unless the slot is not (or not any more) what it should be.
    pub(super) fn visit(&self, wanted: impl Fn(u32) -> bool) -> Option<Visitor<'_>> {
        self.visitors.fetch_add(1, AcqRel);
        let visitor = Visitor(self);
        // Pairs with the fence before `wait_for_visitors`.
        fence_after_rmw();
        wanted(self.state()).then_some(visitor)
    }

    /// After the state has changed, and a fence.
    pub(super) fn wait_for_visitors(&self) {
        let mut backoff = Backoff::default();
        while self.visitors.load(Acquire) != 0 {
            backoff.snooze();
        }
    }
}

/// How much a range has: from the number in its lower half to that in its upper half.
pub(crate) fn rest(range: u64) -> u32 {
    ((range >> 32) as u32).saturating_sub(range as u32)
}

/// Keeps what a slot speaks of from going.
pub(crate) struct Visitor<'a>(&'a Slot);

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        self.0.visitors.fetch_sub(1, AcqRel);
    }
}
