//! A deque of forks: what the parallel calls of one thread have left for others to take. The owner pushes and pops at the
//! bottom, thieves take from the top, so that they get the oldest and largest.
//!
//! ```text
//!            push               a thief             the thief
//!   EMPTY ---------> FULL -----------------> TAKEN ------------> DONE     a branch: taken whole, or popped
//!     ^ ^------------' pop by the owner                           |
//!     |'----------------------------------------------------------' the owner has seen it
//!     |       share
//!     '--------------> SHARED   a loop: whoever comes visits it, and takes a part of its range
//!      withdraw
//! ```
//!
//! The slots are a stack: a fork's slot is the next one while its call lasts, so an index is a depth. They are made in
//! chunks, which stay, and nothing of a slot is ever freed before the pool: a late look at one reads a slot.
//!
//! Invariants:
//! - One compare-exchange on a branch's state decides who runs it. What else the slot holds was written before the state
//!   became `FULL`, and is not written again before the branch has ended: whoever has taken it reads that very branch,
//!   even if it looked at an older one before.
//! - No slot below `top` is `FULL` or `SHARED`. Only the thief that took slot `top` raises it, by one and before the
//!   branch is done; only the owner lowers it, once the branch is done, before it uses the slot again.
//! - Slots from the owner's `next` on are `EMPTY`, those before it are not. So thieves stop at the first empty one.
//! - A visitor counts itself, fences and looks at the state again; who withdraws changes the state, fences and waits
//!   until there is no visitor. So what a visited slot speaks of is there until the visitor has left.
//! - Push and share are a full fence after the store: the owner may then look at who sleeps.
//!
//! One compare-exchange on the state of a slot in place of the two indexes of Chase and Lev (Dynamic circular work-stealing
//! deque, 2005): K.-F. Faxen, Efficient work stealing for fine grained parallelism, 2010.
#![allow(unsafe_code, reason = "owns raw memory, and has a side that is one thread's alone")]

use core::cell::Cell;
use core::ptr::{self, NonNull};

use crate::engine::slot::{EMPTY, FULL, Fork, SHARED, Slot, TAKEN, Visitor};
use crate::error::{Error, Result};
use crate::sync::{AcqRel, Acquire, AtomicPtr, AtomicU32, Padded, Relaxed, Release, fence_after_rmw};
use crate::sys::alloc;

/// Chunk `n` has `FIRST << n` slots, and one more to tell where it ends.
const FIRST: u32 = if cfg!(any(loom, shuttle)) { 2 } else { 64 };
const CHUNKS: usize = if cfg!(loom) { 2 } else { 25 };
const END: u32 = u32::MAX;

fn start_of(chunk: u32) -> u32 {
    FIRST * ((1 << chunk) - 1)
}

pub(crate) struct Deque {
    /// The owner's alone: where its next fork goes.
    next: Padded<Cell<*const Slot>>,
    top: AtomicU32,
    chunks: [AtomicPtr<Slot>; CHUNKS],
}

// SAFETY: `next` is the owner's alone, which is one thread at a time.
unsafe impl Sync for Deque {}
// SAFETY: likewise.
unsafe impl Send for Deque {}

/// What a thief gets.
pub(crate) enum Found<'a> {
    /// A branch that is the thief's now.
    Branch(&'a Slot),
    /// A loop, which is there as long as the visitor.
    Loop(&'a Slot, Visitor<'a>),
}

impl Deque {
    /// With its first slots: a thread that has none can always take one fork.
    pub(crate) fn new() -> Result<Deque> {
        let deque = Deque {
            next: Padded(Cell::new(ptr::null())),
            top: AtomicU32::new(0),
            chunks: core::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        };
        deque.next.set(deque.grow(0)?);
        Ok(deque)
    }

    /// The slot `index`, if there ever was one.
    fn slot(&self, index: u32) -> Option<&Slot> {
        let chunk = (index / FIRST + 1).ilog2();
        let slots = NonNull::new(self.chunks.get(chunk as usize)?.load(Acquire))?;
        // SAFETY: chunks live as long as the deque, and this one has the slot.
        Some(unsafe { slots.add((index - start_of(chunk)) as usize).as_ref() })
    }

    /// Where the next fork goes; None: there is no room, see `extend`.
    ///
    /// # Safety
    /// Here and below: the caller is the thread that owns the deque, and its slots are left in the order opposite to that in
    /// which they were filled.
    #[inline]
    unsafe fn room(&self) -> Option<&Slot> {
        // SAFETY: slots live as long as the deque.
        let slot = unsafe { &*self.next.get() };
        (slot.index != END).then_some(slot)
    }

    /// Makes room where there is none. False: there is no memory for it.
    #[cold]
    #[inline(never)]
    unsafe fn extend(&self) -> bool {
        // SAFETY: slots live as long as the deque.
        let end = unsafe { &*self.next.get() };
        self.grow(end.mark.load(Relaxed)).map(|slot| self.next.set(slot)).is_ok()
    }

    /// The first slot of the chunk that begins with slot `start`.
    #[cold]
    fn grow(&self, start: u32) -> Result<&Slot> {
        let chunk = (start / FIRST + 1).ilog2();
        let place = self.chunks.get(chunk as usize).ok_or(Error::NoMemory)?;
        if place.load(Relaxed).is_null() {
            let count = FIRST << chunk;
            let slot = |nth: u32| Slot::new(if nth == count { END } else { start + nth });
            let slots = alloc::make_slice(count as usize + 1, |nth| slot(nth as u32))?;
            // SAFETY: just made.
            unsafe { slots.add(count as usize).as_ref() }.mark.store(start + count, Relaxed);
            place.store(slots.as_ptr(), Release);
        }
        self.slot(start).ok_or(Error::NoMemory)
    }

    /// How many forks it holds. By the owner.
    pub(crate) fn depth(&self) -> u32 {
        // SAFETY: slots live as long as the deque.
        let slot = unsafe { &*self.next.get() };
        if slot.index == END { slot.mark.load(Relaxed) } else { slot.index }
    }

    #[inline]
    unsafe fn enter(&self, fork: Fork, state: u32, range: u64) -> Option<&Slot> {
        // SAFETY: the caller's promise.
        let slot = unsafe { self.room() }?;
        if state == SHARED {
            slot.range.store(range, Relaxed);
        }
        // SAFETY: there is one more behind each slot but the last, which is not given out.
        self.next.set(unsafe { ptr::from_ref(slot).add(1) });
        slot.fill(fork, state);
        Some(slot)
    }

    /// Leaves a branch for others, if there is room already.
    ///
    /// # Safety
    /// As above.
    #[inline]
    pub(crate) unsafe fn push_into_room(&self, branch: Fork) -> Option<&Slot> {
        // SAFETY: the caller's promise.
        unsafe { self.enter(branch, FULL, 0) }
    }

    /// Leaves a branch for others. None: there is no memory, and nobody has it.
    ///
    /// # Safety
    /// As above.
    pub(crate) unsafe fn push(&self, branch: Fork) -> Option<&Slot> {
        // SAFETY: the caller's promise.
        unsafe { if self.room().is_some() || self.extend() { self.push_into_room(branch) } else { None } }
    }

    /// True: the branch is the owner's again. False: somebody has taken it; wait until it is done, then `leave`.
    ///
    /// # Safety
    /// As above.
    #[inline]
    #[must_use]
    pub(crate) unsafe fn pop(&self, slot: &Slot) -> bool {
        let popped = slot.state.compare_exchange(FULL, EMPTY, AcqRel, Acquire).is_ok();
        if popped {
            self.next.set(slot);
        }
        popped
    }

    /// Leaves the slot of a branch that is done.
    ///
    /// # Safety
    /// As above.
    pub(crate) unsafe fn leave(&self, slot: &Slot) {
        if self.top.load(Relaxed) > slot.index {
            self.top.store(slot.index, Relaxed);
        }
        slot.state.store(EMPTY, Relaxed);
        self.next.set(slot);
    }

    /// Lets others take part in a loop.
    ///
    /// # Safety
    /// As above.
    pub(crate) unsafe fn share(&self, fork: Fork, range: u64) -> Option<&Slot> {
        // SAFETY: the caller's promise.
        unsafe { if self.room().is_some() || self.extend() { self.enter(fork, SHARED, range) } else { None } }
    }

    /// Ends that: when it returns nobody looks at the loop through this slot.
    ///
    /// # Safety
    /// As above.
    pub(crate) unsafe fn withdraw(&self, slot: &Slot) {
        slot.state.swap(EMPTY, AcqRel);
        fence_after_rmw();
        slot.wait_for_visitors();
        self.next.set(slot);
    }

    /// The oldest fork from depth `from` on that can be taken and that `wanted` wants of the loops. By any thread.
    pub(crate) fn steal<'a, T>(&'a self, from: u32, mut wanted: impl FnMut(Found<'a>) -> Option<T>) -> Option<T> {
        let mut index = self.top.load(Acquire).max(from);
        while let Some(slot) = self.slot(index) {
            match slot.state() {
                EMPTY => return None,
                FULL => {
                    if slot.state.compare_exchange(FULL, TAKEN, AcqRel, Relaxed).is_err() {
                        continue;
                    }
                    let _ = self.top.compare_exchange(index, index + 1, Relaxed, Relaxed);
                    return wanted(Found::Branch(slot));
                }
                SHARED if slot.has_rest() => {
                    let joined =
                        slot.visit(|state| state == SHARED).and_then(|visitor| wanted(Found::Loop(slot, visitor)));
                    if joined.is_some() {
                        return joined;
                    }
                }
                _ => {}
            }
            index += 1;
        }
        None
    }

    /// The slot through which the deque's owner takes part in the loop that is `arg`, with a visitor: from that depth on all
    /// is of that loop.
    pub(crate) fn find_part(&self, arg: *const ()) -> Option<(&Slot, Visitor<'_>)> {
        let mut index = self.top.load(Acquire);
        loop {
            let slot = self.slot(index).filter(|slot| slot.state() != EMPTY)?;
            let is_it = |slot: &Slot| slot.is_shared() && ptr::eq(slot.arg.load(Relaxed), arg);
            if is_it(slot) {
                let visitor = slot.visit(|state| state == SHARED);
                if let Some(visitor) = visitor.filter(|_| is_it(slot)) {
                    return Some((slot, visitor));
                }
            }
            index += 1;
        }
    }

    /// Whether `steal` would find something.
    pub(crate) fn has_work(&self, wanted: impl Fn(&Slot) -> bool) -> bool {
        let mut index = self.top.load(Acquire);
        while let Some(slot) = self.slot(index) {
            match slot.state() {
                EMPTY => return false,
                FULL => return true,
                SHARED if slot.has_rest() => {
                    let visitor = slot.visit(|state| state == SHARED);
                    if visitor.is_some() && wanted(slot) {
                        return true;
                    }
                }
                _ => {}
            }
            index += 1;
        }
        false
    }
}

impl Drop for Deque {
    fn drop(&mut self) {
        for (chunk, slots) in self.chunks.iter().enumerate() {
            if let Some(slots) = NonNull::new(slots.load(Relaxed)) {
                // SAFETY: made in `grow`, of that many slots, and nobody has them any more.
                unsafe { alloc::free_slice(slots, (FIRST << chunk) as usize + 1) };
            }
        }
    }
}

#[cfg(test)]
#[cfg(loom)]
mod model {
    use super::*;
    use crate::engine::wait::Waiter;
    use crate::sys::clock::Deadline;
    use loom::sync::Arc;
    use loom::thread;

    fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder.check(model);
    }

    /// A deque, what each branch did, and what a loop's caller frees when its call returns.
    struct Shared {
        deque: Deque,
        ran: [AtomicU32; 4],
        memory: loom::cell::UnsafeCell<()>,
    }

    impl Default for Shared {
        fn default() -> Shared {
            Shared { deque: Deque::new().unwrap(), ran: Default::default(), memory: Default::default() }
        }
    }

    fn branch(number: usize) -> Fork {
        Fork { run: ptr::null(), arg: ptr::without_provenance_mut(number), caller: ptr::null() }
    }

    impl Shared {
        fn run(&self, slot: &Slot) {
            self.ran[slot.fork().arg.addr()].fetch_add(1, Relaxed);
        }

        /// Takes one branch, if there is any, and runs it.
        fn steal(&self, own: &Deque) -> bool {
            let stolen = self.deque.steal(0, |found| match found {
                Found::Branch(slot) => Some(slot),
                Found::Loop(..) => None,
            });
            if let Some(slot) = stolen {
                slot.begin(own);
                self.run(slot);
                slot.end();
            }
            stolen.is_some()
        }

        /// As `invoke` does it, with the whole wait asleep.
        fn pop(&self, slot: &Slot) {
            // SAFETY: called by the owner, in the order of a stack.
            if unsafe { self.deque.pop(slot) } {
                return self.run(slot);
            }
            let waiter = Waiter::default();
            if slot.wait_with(&waiter) {
                waiter.sleep(Deadline::Never).unwrap();
            }
            assert!(slot.is_done());
            // SAFETY: likewise.
            unsafe { self.deque.leave(slot) };
        }

        fn push(&self, number: usize) -> &Slot {
            // SAFETY: likewise.
            unsafe { self.deque.push(branch(number)) }.unwrap()
        }
    }

    #[test]
    fn loom_each_branch_runs_once_whoever_takes_it() {
        explore(3, || {
            let shared = Arc::new(Shared::default());
            let thief = {
                let shared = shared.clone();
                thread::spawn(move || {
                    let own = Deque::new().unwrap();
                    shared.steal(&own);
                    shared.steal(&own);
                })
            };
            let first = shared.push(0);
            let second = shared.push(1);
            shared.pop(second);
            // In the same slot, perhaps while the thief looks at it.
            let third = shared.push(2);
            shared.pop(third);
            shared.pop(first);
            thief.join().unwrap();
            assert!(shared.ran[..3].iter().all(|ran| ran.load(Relaxed) == 1));
        });
    }

    #[test]
    fn loom_two_thieves_hide_no_branch_from_a_third() {
        explore(2, || {
            let shared = Arc::new(Shared::default());
            let first = shared.push(0);
            let thieves = [0, 1].map(|_| {
                let shared = shared.clone();
                thread::spawn(move || shared.steal(&Deque::new().unwrap()))
            });
            let second = shared.push(1);
            shared.pop(second);
            shared.pop(first);
            // Wherever the top was left, this one is found.
            let third = shared.push(2);
            let stolen = thieves.into_iter().map(|thief| thief.join().unwrap()).filter(|&stolen| stolen).count();
            let left = shared.deque.has_work(|_| false);
            assert_eq!(left, shared.ran[2].load(Relaxed) == 0);
            assert!(stolen <= 2 && (left == shared.steal(&Deque::new().unwrap())));
            shared.pop(third);
            assert!(shared.ran[..3].iter().all(|ran| ran.load(Relaxed) == 1));
        });
    }

    /// `stays`: the visitor stays while it looks at the loop.
    fn visit_and_withdraw(stays: bool) {
        explore(3, move || {
            let shared = Arc::new(Shared::default());
            // SAFETY: this thread owns the deque.
            let slot = unsafe { shared.deque.share(branch(0), 1 << 32) }.unwrap();
            let thief = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.deque.steal(0, |found| {
                        if let Found::Loop(_, visitor) = found {
                            let visitor = Some(visitor).filter(|_| stays);
                            shared.memory.with(|_| ());
                            drop(visitor);
                        }
                        Some(())
                    });
                })
            };
            // SAFETY: likewise.
            unsafe { shared.deque.withdraw(slot) };
            shared.memory.with_mut(|_| ());
            thief.join().unwrap();
        });
    }

    #[test]
    fn loom_a_loop_is_there_while_it_is_visited() {
        visit_and_withdraw(true);
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn loom_a_look_at_a_loop_after_the_visit_is_found() {
        visit_and_withdraw(false);
    }
}
