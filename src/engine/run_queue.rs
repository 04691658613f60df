//! A worker's run queue: a FIFO that its owner appends to and everyone takes from, the owner one by one, thieves half.
//!
//! It holds what the worker's own tasks submit and the batches that the worker brought from elsewhere. Each task has a
//! stamp, the injector's position when it was accepted, so that two tasks of different queues can be compared by age.
//!
//! Invariants, beside those of `blocks`:
//! - Only the owner appends: the thread that [`RunQueue::owner`] was promised to. The tail moves after the slot has been
//!   written, so a consumer never waits for a producer.
//! - The stamps never fall from head to tail: the owner brings a batch only when the queue is empty, and what its tasks
//!   submit is younger than all that. With the rule that a worker starts nothing younger than what it holds, a task may
//!   wait for an older one of its submitter: `worker` tells why.
#![allow(unsafe_code, reason = "writes blocks by raw pointer")]

use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use crate::engine::blocks::{BlockNode, Blocks, CAP, Claim, Head, LAP, Next, Stamped, Tally, slots_before};
use crate::engine::task::Task;
use crate::error::Result;
use crate::sync::{AcqRel, Acquire, AtomicPtr, AtomicU64, Padded, Relaxed, Release, fence_after_rmw};

pub(crate) struct RunQueue {
    tail: Padded<AtomicU64>,
    head: Padded<Head>,
    owned: Padded<Owned>,
}

/// The owner's alone.
struct Owned {
    /// The block of the tail, and one for when it is full.
    block: AtomicPtr<BlockNode>,
    spare: AtomicPtr<BlockNode>,
    read: Tally,
}

/// The right to append, and to pop at less cost than a thief.
pub(crate) struct Owner<'a> {
    queue: &'a RunQueue,
    one_thread: PhantomData<*mut ()>,
}

impl RunQueue {
    pub(crate) fn new(blocks: &Blocks) -> Result<RunQueue> {
        let block = blocks.take()?;
        let head = Head::new();
        head.init(block);
        Ok(RunQueue {
            tail: Padded(AtomicU64::new(0)),
            head: Padded(head),
            owned: Padded(Owned {
                block: AtomicPtr::new(block.as_ptr()),
                spare: AtomicPtr::new(ptr::null_mut()),
                read: Tally::new(),
            }),
        })
    }

    /// # Safety
    /// No other thread has an `Owner` of this queue at the same time, and what the last one did happened before.
    #[inline]
    pub(crate) unsafe fn owner(&self) -> Owner<'_> {
        Owner { queue: self, one_thread: PhantomData }
    }

    /// The consumers' end: to shut it and open it.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    #[inline]
    pub(crate) fn tail_position(&self) -> u64 {
        self.tail.load(Acquire)
    }

    /// Claims up to `want(available)` tasks, oldest first. Read each once, then finish the claim.
    #[inline]
    pub(crate) fn claim(&self, want: impl Fn(u64) -> u64, even_if_shut: bool) -> Option<Claim> {
        self.head.claim(|| self.tail_position(), want, even_if_shut)
    }

    /// The oldest task alone.
    #[inline]
    pub(crate) fn pop(&self, blocks: &Blocks, even_if_shut: bool) -> Option<Task> {
        let claim = self.claim(|_| 1, even_if_shut)?;
        let task = claim.slot(0).read().task;
        claim.finish(blocks);
        Some(task)
    }

    /// The age of the oldest task, if there is one.
    #[inline]
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.head.peek_stamp(self.tail_position())
    }

    pub(crate) fn len(&self) -> u64 {
        let head = slots_before(self.head.position());
        slots_before(self.tail_position()).saturating_sub(head)
    }

    /// Whether a claim would find something.
    pub(crate) fn has_work(&self) -> bool {
        !self.head.is_shut() && self.len() > 0
    }
}

impl<'a> Owner<'a> {
    pub(crate) fn queue(&self) -> &'a RunQueue {
        self.queue
    }

    /// Moves the queue to other blocks: from `start` in `first` to `tail` in `last`. The head is held.
    pub(crate) fn go_on(
        &self,
        first: NonNull<BlockNode>,
        last: NonNull<BlockNode>,
        start: u64,
        tail: u64,
        blocks: &Blocks,
    ) {
        let owned = &self.queue.owned;
        owned.read.settle(blocks);
        owned.block.store(last.as_ptr(), Relaxed);
        self.queue.tail.store(tail, Release);
        self.queue.head.go_on(first, start);
    }
}

impl Owner<'_> {
    /// Makes sure that the next append, or the next `CAP` of them, need no memory.
    #[inline]
    pub(crate) fn reserve(&self, n: u64, blocks: &Blocks) -> Result<()> {
        let position = self.queue.tail.load(Relaxed);
        if position % LAP + n >= CAP { self.reserve_block(blocks) } else { Ok(()) }
    }

    #[cold]
    fn reserve_block(&self, blocks: &Blocks) -> Result<()> {
        let spare = &self.queue.owned.spare;
        if spare.load(Relaxed).is_null() {
            spare.store(blocks.take()?.as_ptr(), Relaxed);
        }
        Ok(())
    }

    /// Appends a task for which there is a reservation. Others see it when the tail has moved.
    #[inline]
    fn append(&self, position: u64, stamped: Stamped) -> u64 {
        let owned = &self.queue.owned;
        let Some(block) = NonNull::new(owned.block.load(Relaxed)) else {
            return position;
        };
        // SAFETY: the block of the tail has an unwritten slot, so it is not in the store.
        let block = unsafe { block.as_ref() };
        block.slot(position).write(stamped);
        if (position + 1) % LAP != CAP { position + 1 } else { self.next_block(block, position) }
    }

    /// The last slot is written: nobody can claim it before the tail is published, which is after this.
    #[cold]
    fn next_block(&self, block: &BlockNode, position: u64) -> u64 {
        let owned = &self.queue.owned;
        let next = owned.spare.swap(ptr::null_mut(), Relaxed);
        block.next.store(next, Release);
        owned.block.store(next, Relaxed);
        position + 2
    }

    /// Appends one task; afterwards the caller has fenced, so that it may look at who sleeps.
    #[inline]
    pub(crate) fn push(&self, task: Task, stamp: u64) {
        let position = self.append(self.queue.tail.load(Relaxed), Stamped { task, stamp });
        // A swap rather than a store, for the fence that follows. Pairs with the load in `tail_position`.
        self.queue.tail.swap(position, AcqRel);
        fence_after_rmw();
    }

    /// Appends up to `CAP` tasks, with no fence.
    pub(crate) fn push_all(&self, tasks: impl Iterator<Item = Stamped>) {
        let position = tasks.fold(self.queue.tail.load(Relaxed), |position, stamped| self.append(position, stamped));
        // Pairs with the load in `tail_position`.
        self.queue.tail.store(position, Release);
    }

    /// The oldest task, if its stamp is as wished; else its stamp, or `Err(None)` if nothing can be had.
    #[inline]
    pub(crate) fn pop(&self, blocks: &Blocks, wish: impl Fn(u64) -> bool) -> core::result::Result<Task, Option<u64>> {
        match self.queue.head.claim_next(self.queue.tail.load(Relaxed), wish) {
            Next::Claimed(claim) => {
                let task = claim.slot(0).read().task;
                self.queue.owned.read.finish(&claim, blocks);
                Ok(task)
            }
            Next::Declined(stamp) => Err(Some(stamp)),
            Next::Nothing => Err(None),
        }
    }
}

#[cfg(test)]
#[cfg(loom)]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn loom_owner_and_thief_get_each_task_once_and_each_in_order() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let blocks = Blocks::new();
            let queue = RunQueue::new(&blocks).unwrap();
            let shared = Arc::new((queue, blocks));
            let thief = {
                let shared = shared.clone();
                thread::spawn(move || {
                    let claim = shared.0.claim(|available| available.div_ceil(2), false);
                    claim.map_or(Vec::new(), |claim| {
                        let got = (0..claim.count).map(|nth| claim.slot(nth).read().task.number()).collect();
                        claim.finish(&shared.1);
                        got
                    })
                })
            };
            let (queue, blocks) = &*shared;
            // SAFETY: this thread alone appends.
            let owner = unsafe { queue.owner() };
            for number in 1..=4 {
                owner.reserve(1, blocks).unwrap();
                owner.push(Task::numbered(number), number);
            }
            let mut got: Vec<_> =
                core::iter::from_fn(|| owner.pop(blocks, |_| true).ok()).map(|task| task.number()).collect();
            let stolen = thief.join().unwrap();
            assert!(got.is_sorted() && stolen.is_sorted());
            got.extend(stolen);
            got.sort_unstable();
            assert_eq!(got, [1, 2, 3, 4]);
        });
    }

    #[test]
    fn loom_the_age_that_is_read_is_that_of_a_task_not_yet_taken() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let blocks = Blocks::new();
            let queue = RunQueue::new(&blocks).unwrap();
            let shared = Arc::new((queue, blocks));
            // SAFETY: this thread alone appends.
            let owner = unsafe { shared.0.owner() };
            owner.reserve(2, &shared.1).unwrap();
            owner.push(Task::numbered(1), 11);
            owner.push(Task::numbered(2), 12);
            let thief = {
                let shared = shared.clone();
                thread::spawn(move || shared.0.pop(&shared.1, false).is_some())
            };
            // What is declined says whose turn it is; what is taken is what was asked for.
            let oldest = owner.pop(&shared.1, |stamp| stamp == 12).map(|task| task.number());
            assert!(matches!(oldest, Ok(2) | Err(Some(11))));
            let taken = u64::from(oldest.is_ok());
            assert!(thief.join().unwrap());
            assert_eq!(shared.0.len(), 1 - taken);
        });
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    #[test]
    fn a_batch_of_any_size_fits_once_it_is_reserved() {
        let blocks = Blocks::new();
        let queue = RunQueue::new(&blocks).unwrap();
        // SAFETY: this thread alone appends.
        let owner = unsafe { queue.owner() };
        let mut next = 0;
        for size in 0..=CAP {
            owner.reserve(size, &blocks).unwrap();
            owner.push_all((next..next + size).map(|number| Stamped { task: Task::numbered(number), stamp: number }));
            assert_eq!(queue.len(), size);
            assert_eq!(queue.oldest(), (size > 0).then_some(next).filter(|_| queue.head.position() % LAP != CAP));
            for number in next..next + size {
                assert_eq!(owner.pop(&blocks, |_| true).map(|task| task.number()), Ok(number));
            }
            next += size;
        }
        assert_eq!(owner.pop(&blocks, |_| true).map(|task| task.number()), Err(None));
    }

    #[test]
    fn positions_and_stamps_pass_every_power_of_two() {
        for start in [(1 << 32) - 2, (1 << 62) - LAP - 2] {
            let blocks = Blocks::new();
            let queue = RunQueue::new(&blocks).unwrap();
            queue.head.set_position(start);
            queue.tail.store(start, Relaxed);
            // SAFETY: this thread alone appends.
            let owner = unsafe { queue.owner() };
            for number in 0..LAP / 2 {
                owner.reserve(1, &blocks).unwrap();
                owner.push(Task::numbered(number), start + number);
            }
            queue.head.shut();
            assert_eq!((queue.len(), queue.has_work()), (LAP / 2, false));
            queue.head.open();
            for number in 0..LAP / 2 {
                let task = owner.pop(&blocks, |stamp| stamp == start + number);
                assert_eq!(task.map(|task| task.number()), Ok(number));
            }
        }
    }

    #[test]
    fn an_owner_and_thieves_at_full_speed_lose_and_repeat_nothing() {
        const TASKS: u64 = 1_000_000;
        let blocks = Blocks::new();
        let queue = RunQueue::new(&blocks).unwrap();
        let done = AtomicBool::new(false);
        let (queue, blocks, done) = (&queue, &blocks, &done);
        let seen: Vec<Vec<u64>> = thread::scope(|scope| {
            let thieves = [64, 3].map(|most: u64| {
                scope.spawn(move || {
                    let mut got = Vec::new();
                    while !done.load(Acquire) || queue.len() > 0 {
                        if let Some(claim) = queue.claim(|available| available.div_ceil(2).min(most), false) {
                            got.extend((0..claim.count).map(|nth| claim.slot(nth).read().task.number()));
                            claim.finish(blocks);
                        }
                    }
                    got
                })
            });
            let mut got = Vec::new();
            // SAFETY: this thread alone appends.
            let owner = unsafe { queue.owner() };
            for number in 0..TASKS {
                owner.reserve(1, blocks).unwrap();
                owner.push(Task::numbered(number), number);
                if number % 3 == 0 {
                    got.extend(owner.pop(blocks, |_| true).map(|task| task.number()));
                }
            }
            done.store(true, Release);
            got.extend(core::iter::from_fn(|| owner.pop(blocks, |_| true).ok()).map(|task| task.number()));
            let mut seen: Vec<_> = thieves.into_iter().map(|thief| thief.join().unwrap()).collect();
            seen.push(got);
            seen
        });
        assert!(seen.iter().all(|got| got.is_sorted()), "out of order");
        let mut all = seen.concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..TASKS));
    }
}
