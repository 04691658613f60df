//! What both queues are made of: blocks of slots, linked in order, and the head that consumers claim from.
//!
//! A position numbers slots from the queue's beginning; it never wraps (2^62 tasks). `LAP` positions make a lap: `CAP` of
//! them are the slots of one block, and the last is none: a head or tail that stands there is moving on to the next
//! block, and whoever put it there finishes that move while the others wait. (The scheme is crossbeam's `Injector`.)
//!
//! Invariants:
//! - A slot is written once, by the producer that claimed its position, and read once, by the consumer that did.
//! - The block that was read between two equal readings of a head's or tail's word is the block of that position, since
//!   the word changes with each claim and never comes back. So a block is touched only after a claim in it succeeded.
//! - A block goes back to the store when all `CAP` slots have been read. By then its producers are done with it (they
//!   link the next block before they write the last slot) and so is the consumer that moved the head on.
//!
//! A head can be shut: then nothing is claimed from it, by anyone but an owner who says so. That is how a pool pauses:
//! the claim itself fails, so no task starts late.
#![allow(unsafe_code, reason = "reads blocks by raw pointer")]

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use crate::engine::store::{Node, Store};
use crate::engine::task::Task;
use crate::error::Result;
use crate::sync::{AcqRel, Acquire, AtomicPtr, AtomicU64, Backoff, Relaxed, Release};

pub(crate) const LAP: u64 = if cfg!(any(loom, shuttle)) { 4 } else { 256 };
pub(crate) const CAP: u64 = LAP - 1;

/// How many slots come before this position.
pub(crate) fn slots_before(position: u64) -> u64 {
    position / LAP * CAP + position % LAP
}

/// What a slot holds, as it is copied from queue to queue.
#[derive(Clone, Copy)]
pub(crate) struct Stamped {
    pub(crate) task: Task,
    /// The queue's own number.
    pub(crate) stamp: u64,
}

pub(crate) struct Slot {
    run: AtomicPtr<()>,
    data: AtomicPtr<c_void>,
    stamp: AtomicU64,
}

const _: () = assert!(cfg!(any(loom, shuttle)) || size_of::<Slot>() == 24, "users pay this for every pending task");

impl Slot {
    /// The stamp is written last: who sees it sees the task.
    #[inline]
    pub(crate) fn write(&self, Stamped { task, stamp }: Stamped) {
        let (run, data) = task.into_words();
        self.run.store(run, Relaxed);
        self.data.store(data, Relaxed);
        self.stamp.store(stamp, Release);
    }

    #[inline]
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp.load(Acquire)
    }

    /// What was written, if the caller has synchronized with the writer.
    #[inline]
    pub(crate) fn read(&self) -> Stamped {
        // SAFETY: claimed slots have been written from a task.
        let task = unsafe { Task::from_words(self.run.load(Relaxed), self.data.load(Relaxed)) };
        Stamped { task, stamp: self.stamp.load(Relaxed) }
    }
}

pub(crate) struct Block {
    slots: [Slot; CAP as usize],
    pub(crate) next: AtomicPtr<BlockNode>,
    /// Slots that have been read.
    done: AtomicU64,
}

pub(crate) type BlockNode = Node<Block>;

impl Block {
    fn new() -> Block {
        Block {
            slots: core::array::from_fn(|_| Slot {
                run: AtomicPtr::new(ptr::null_mut()),
                data: AtomicPtr::new(ptr::null_mut()),
                stamp: AtomicU64::new(0),
            }),
            next: AtomicPtr::new(ptr::null_mut()),
            done: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn slot(&self, position: u64) -> &Slot {
        &self.slots[(position % LAP) as usize]
    }
}

/// Where a pool's queues get their blocks.
pub(crate) struct Blocks(Store<Block>);

impl Blocks {
    pub(crate) fn new() -> Blocks {
        Blocks(Store::new())
    }

    /// A block with no successor and no slot read. Its slots hold what they held.
    pub(crate) fn take(&self) -> Result<NonNull<BlockNode>> {
        self.0.take(Block::new)
    }

    pub(crate) fn give(&self, block: NonNull<BlockNode>) {
        self.0.give(block);
    }
}

/// The consumers' end of a queue.
pub(crate) struct Head {
    /// The next position to claim, and the shut bit.
    word: AtomicU64,
    block: AtomicPtr<BlockNode>,
}

const SHUT: u64 = 1 << 63;
/// The owner puts the queue in order: all others find nothing meanwhile.
const HELD: u64 = 1 << 62;

/// Slots `position .. position + count` of one block, ours to read.
pub(crate) struct Claim {
    block: NonNull<BlockNode>,
    pub(crate) position: u64,
    pub(crate) count: u64,
}

impl Claim {
    #[inline]
    pub(crate) fn slot(&self, nth: u64) -> &Slot {
        // SAFETY: the block can't go back to the store before our slots have been read.
        unsafe { self.block.as_ref() }.slot(self.position + nth)
    }

    /// Says that all its slots have been read; the last reader of a block gives it back.
    pub(crate) fn finish(self, blocks: &Blocks) {
        finish(self.block, self.count, blocks);
    }
}

pub(crate) fn finish(block: NonNull<BlockNode>, count: u64, blocks: &Blocks) {
    // SAFETY: slots of it have been claimed and are not finished.
    let this = unsafe { block.as_ref() };
    // Acquire and release: the other readers' reads come before the block is written again.
    if this.done.fetch_add(count, AcqRel) + count == CAP {
        this.done.store(0, Relaxed);
        this.next.store(ptr::null_mut(), Relaxed);
        blocks.give(block);
    }
}

/// Slots of one block that one thread has read and not yet finished: it says so once for many.
pub(crate) struct Tally {
    block: AtomicPtr<BlockNode>,
    count: AtomicU64,
}

impl Tally {
    pub(crate) fn new() -> Tally {
        Tally { block: AtomicPtr::new(ptr::null_mut()), count: AtomicU64::new(0) }
    }

    /// Finishes the claim of one slot, at the latest when the thread has gone on to another block.
    #[inline]
    pub(crate) fn finish(&self, claim: &Claim, blocks: &Blocks) {
        let block = claim.block.as_ptr();
        if self.block.load(Relaxed) != block {
            self.settle(blocks);
            self.block.store(block, Relaxed);
        }
        self.count.store(self.count.load(Relaxed) + 1, Relaxed);
        if claim.position % LAP == CAP - 1 {
            self.settle(blocks);
        }
    }

    #[cold]
    pub(crate) fn settle(&self, blocks: &Blocks) {
        let count = self.count.swap(0, Relaxed);
        if let Some(block) = NonNull::new(self.block.swap(ptr::null_mut(), Relaxed)) {
            finish(block, count, blocks);
        }
    }
}

/// What the head says to one who comes for the next task.
pub(crate) enum Next {
    Claimed(Claim),
    /// The next task's stamp was not as wished.
    Declined(u64),
    /// Nothing can be claimed.
    Nothing,
}

impl Head {
    pub(crate) fn new() -> Head {
        Head { word: AtomicU64::new(0), block: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Before its first use, and before other threads have it.
    pub(crate) fn init(&self, block: NonNull<BlockNode>) {
        self.block.store(block.as_ptr(), Release);
    }

    #[cfg(test)]
    pub(crate) fn set_position(&self, position: u64) {
        self.word.store(position, Relaxed);
    }

    pub(crate) fn position(&self) -> u64 {
        self.word.load(Acquire) & !(SHUT | HELD)
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.word.load(Relaxed) & SHUT != 0
    }

    pub(crate) fn shut(&self) {
        self.word.fetch_or(SHUT, AcqRel);
    }

    pub(crate) fn open(&self) {
        self.word.fetch_and(!SHUT, AcqRel);
    }

    /// The stamp of the slot that is next, if there is one before `tail` and it is next still when it has been read.
    pub(crate) fn peek_stamp(&self, tail: u64) -> Option<u64> {
        let word = self.word.load(Acquire);
        // A shut or held head is above every tail.
        if word >= tail || word % LAP == CAP {
            return None;
        }
        let block = NonNull::new(self.block.load(Acquire))?;
        // SAFETY: it was this queue's block once, and blocks live as long as the store. If it is another's by now, the
        // head has moved, and the stamp is not used.
        let stamp = unsafe { block.as_ref() }.slot(word).stamp();
        (self.word.load(Relaxed) == word).then_some(stamp)
    }

    /// Claims the next slot if its stamp is as wished. Nothing from a shut head.
    #[inline]
    pub(crate) fn claim_next(&self, tail: u64, wish: impl Fn(u64) -> bool) -> Next {
        let mut backoff = Backoff::default();
        loop {
            let word = self.word.load(Acquire);
            // A shut head is above every tail.
            if word >= tail {
                return Next::Nothing;
            }
            let Some(block) = NonNull::new(self.block.load(Acquire)).filter(|_| word % LAP != CAP) else {
                backoff.snooze();
                continue;
            };
            // SAFETY: as in `peek_stamp`.
            let stamp = unsafe { block.as_ref() }.slot(word).stamp();
            if !wish(stamp) {
                if self.word.load(Relaxed) == word {
                    return Next::Declined(stamp);
                }
            } else if self.word.compare_exchange(word, word + 1, AcqRel, Relaxed).is_ok() {
                let claim = Claim { block, position: word, count: 1 };
                if (word + 1) % LAP == CAP {
                    self.move_on(&claim);
                }
                return Next::Claimed(claim);
            }
        }
    }

    /// Claims up to `want(available)` of the slots before `tail()`, from one block. Not from a shut head, unless
    /// `even_if_shut`.
    pub(crate) fn claim(&self, tail: impl Fn() -> u64, want: impl Fn(u64) -> u64, even_if_shut: bool) -> Option<Claim> {
        let mut backoff = Backoff::default();
        loop {
            let word = self.word.load(Acquire);
            if word & (SHUT | HELD) != 0 && !even_if_shut {
                return None;
            }
            let position = word & !SHUT;
            if position % LAP == CAP || word & HELD != 0 {
                backoff.snooze();
                continue;
            }
            let block = self.block.load(Acquire);
            let available = tail().saturating_sub(position);
            if available == 0 {
                return None;
            }
            let count = want(available).min(available).min(CAP - position % LAP);
            if self.word.compare_exchange_weak(word, word + count, AcqRel, Relaxed).is_ok() {
                // A queue with a slot before its tail has a block.
                let claim = Claim { block: NonNull::new(block)?, position, count };
                if (position + count) % LAP == CAP {
                    self.move_on(&claim);
                }
                return Some(claim);
            }
        }
    }

    /// Keeps everyone off, and gives the block and the position where it stands. By the owner of the tail.
    pub(crate) fn hold(&self) -> (*mut BlockNode, u64) {
        self.word.fetch_or(HELD, AcqRel);
        let mut backoff = Backoff::default();
        while self.position() % LAP == CAP {
            backoff.snooze();
        }
        (self.block.load(Acquire), self.position())
    }

    /// Goes on at `position`, which is in `block` and was never before.
    pub(crate) fn go_on(&self, block: NonNull<BlockNode>, position: u64) {
        self.block.store(block.as_ptr(), Release);
        // An addition, for the shut bit may change at any time.
        self.word.fetch_add((position - self.position()).wrapping_sub(HELD), AcqRel);
    }

    /// To the block after that of `claim`, which took its last slot.
    #[cold]
    fn move_on(&self, claim: &Claim) {
        let mut backoff = Backoff::default();
        loop {
            // SAFETY: the block is ours until `claim` is finished.
            let next = unsafe { claim.block.as_ref() }.next.load(Acquire);
            if !next.is_null() {
                self.block.store(next, Release);
                // An addition, for the shut bit may change at any time.
                self.word.fetch_add(1, Release);
                return;
            }
            backoff.snooze();
        }
    }
}
