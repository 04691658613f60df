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

use core::ptr::{self, NonNull};

use crate::engine::store::{Node, Store};
use crate::engine::task::{Extras, Run, Task};
use crate::error::Result;
use crate::sync::{AcqRel, Acquire, AtomicPtr, AtomicU64, Backoff, Relaxed, Release};

pub(crate) const LAP: u64 = if cfg!(loom) { 4 } else { 256 };
pub(crate) const CAP: u64 = LAP - 1;

/// How many slots come before this position.
pub(crate) fn slots_before(position: u64) -> u64 {
    position / LAP * CAP + position % LAP
}

pub(crate) struct Slot {
    run: AtomicPtr<()>,
    arg: AtomicPtr<()>,
    extras: AtomicPtr<Node<Extras>>,
    /// The queue's own word: the injector's says that the slot is written, a run queue's how old the task is.
    pub(crate) stamp: AtomicU64,
}

const _: () = assert!(cfg!(loom) || size_of::<Slot>() <= 32, "users pay this for every pending task");

impl Slot {
    fn new() -> Slot {
        Slot {
            run: AtomicPtr::new(ptr::null_mut()),
            arg: AtomicPtr::new(ptr::null_mut()),
            extras: AtomicPtr::new(ptr::null_mut()),
            stamp: AtomicU64::new(0),
        }
    }

    /// The stamp is written by the caller, after the task.
    #[inline]
    pub(crate) fn write(&self, task: Task) {
        self.run.store(task.run as *mut (), Relaxed);
        self.arg.store(task.arg.cast(), Relaxed);
        self.extras.store(task.extras, Relaxed);
    }

    /// What was written, if the caller has synchronized with the writer.
    #[inline]
    pub(crate) fn read(&self) -> Task {
        // SAFETY: claimed slots have been written, and `run` from a function of this type.
        let run = unsafe { core::mem::transmute::<*mut (), Run>(self.run.load(Relaxed)) };
        Task { run, arg: self.arg.load(Relaxed).cast(), extras: self.extras.load(Relaxed) }
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
            slots: core::array::from_fn(|_| Slot::new()),
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
        // SAFETY: as above.
        let block = unsafe { self.block.as_ref() };
        // Acquire and release: the other readers' reads come before the block is written again.
        if block.done.fetch_add(self.count, AcqRel) + self.count == CAP {
            block.done.store(0, Relaxed);
            block.next.store(ptr::null_mut(), Relaxed);
            blocks.give(self.block);
        }
    }
}

impl Head {
    pub(crate) fn new() -> Head {
        Head { word: AtomicU64::new(0), block: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Before its first use, and before other threads have it.
    pub(crate) fn init(&self, block: NonNull<BlockNode>) {
        self.block.store(block.as_ptr(), Release);
    }

    pub(crate) fn position(&self) -> u64 {
        self.word.load(Acquire) & !SHUT
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
        if word & SHUT != 0 || word >= tail || word % LAP == CAP {
            return None;
        }
        let block = NonNull::new(self.block.load(Acquire))?;
        // SAFETY: it was this queue's block once, and blocks live as long as the store. If it is another's by now, the
        // head has moved, and the stamp is not used.
        let stamp = unsafe { block.as_ref() }.slot(word).stamp.load(Acquire);
        (self.word.load(Relaxed) == word).then_some(stamp)
    }

    /// Claims up to `want(available)` of the slots before `tail()`, from one block. Not from a shut head, unless
    /// `even_if_shut`.
    pub(crate) fn claim(&self, tail: impl Fn() -> u64, want: impl Fn(u64) -> u64, even_if_shut: bool) -> Option<Claim> {
        let mut backoff = Backoff::default();
        loop {
            let word = self.word.load(Acquire);
            if word & SHUT != 0 && !even_if_shut {
                return None;
            }
            let position = word & !SHUT;
            if position % LAP == CAP {
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
