//! The injector: one FIFO queue a pool, for tasks from outside, any number of producers and consumers.
//!
//! A producer claims positions by one compare-exchange on the tail, then writes their slots; the stamp, position + 1,
//! tells the consumer that a slot has been written. A consumer claims what is before the tail, and waits for a stamp
//! that is not there yet: its producer is between two instructions, or has lost its CPU just there.
//!
//! Invariants, beside those of `blocks`:
//! - The tail's word counts what was accepted: it moves before the task can be seen, and a refused submit never moves
//!   it. So it is the pool's count of tasks accepted from outside, at no cost.
//! - The block after the last slot is had before that slot is claimed: out of memory refuses, and leaves no hole.
//! - A bit of the word shuts the queue to producers, so that a submit is either before the shutdown or refused.
#![allow(unsafe_code, reason = "writes blocks by raw pointer")]

use core::ptr::NonNull;

use crate::engine::blocks::{BlockNode, Blocks, CAP, Claim, Head, LAP, Stamped, slots_before};
use crate::engine::task::Task;
use crate::error::{Error, Result};
use crate::sync::{AcqRel, Acquire, AtomicPtr, AtomicU64, Backoff, Padded, Relaxed, Release, fence_after_rmw};

/// Who is asking to submit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// A task of this pool: accepted while a drain lasts.
    Inside,
    Outside,
}

const SHUT_OUTSIDE: u64 = 1 << 62;
const SHUT_ALL: u64 = 1 << 63;
const POSITION: u64 = SHUT_OUTSIDE - 1;

pub(crate) struct Injector {
    /// Part of its stamps: see [`Mark`].
    mark: u64,
    tail: Padded<Tail>,
    head: Padded<Head>,
}

/// A number that the stamps of no other injector have which shares the same blocks. A used block still has its old stamps:
/// without the mark those of another injector could pass for this one's. (This injector's own, and the ages that run queues
/// leave, which are positions of the unmarked one, are below every position of a block that is taken later.)
#[derive(Clone, Copy)]
#[repr(u64)]
pub(crate) enum Mark {
    None = 0,
    High = 1 << 62,
    Low = 1 << 63,
}

struct Tail {
    word: AtomicU64,
    block: AtomicPtr<BlockNode>,
}

/// Slots that one producer has claimed and not yet written.
struct Room {
    block: NonNull<BlockNode>,
    position: u64,
    count: u64,
}

impl Injector {
    /// Shut to everyone: it has no block yet.
    pub(crate) fn new(mark: Mark) -> Injector {
        Injector {
            mark: mark as u64,
            tail: Padded(Tail { word: AtomicU64::new(SHUT_ALL), block: AtomicPtr::new(core::ptr::null_mut()) }),
            head: Padded(Head::new()),
        }
    }

    /// Says that the slot at this position has been written.
    #[inline]
    fn stamp(&self, position: u64) -> u64 {
        (position + 1) | self.mark
    }

    /// Gives it its first block. Once.
    pub(crate) fn init(&self, blocks: &Blocks) -> Result<()> {
        if self.tail.block.load(Relaxed).is_null() {
            let block = blocks.take()?;
            self.tail.block.store(block.as_ptr(), Release);
            self.head.init(block);
        }
        Ok(())
    }

    /// Takes tasks from everyone from now on.
    pub(crate) fn open(&self) {
        self.tail.word.fetch_and(POSITION, AcqRel);
    }

    /// Refuses tasks from outside, or from everyone if `side` is inside. What a shut queue refused never was in it.
    pub(crate) fn shut(&self, side: Side) {
        self.tail.word.fetch_or(if side == Side::Inside { SHUT_ALL } else { SHUT_OUTSIDE }, AcqRel);
    }

    pub(crate) fn is_shut(&self, side: Side) -> bool {
        self.tail.word.load(Acquire) & shut_mask(side) != 0
    }

    /// The consumers' end: to shut it and open it.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Appends the task; afterwards the caller has fenced, so that it may look at who sleeps.
    #[inline]
    pub(crate) fn push(&self, task: Task, side: impl FnOnce() -> Side, blocks: &Blocks) -> Result<()> {
        // Most of the time the queue is shut to nobody and the slot is not a block's last.
        let position = self.tail.word.load(Acquire);
        let block = self.tail.block.load(Acquire);
        if let Some(block) = NonNull::new(block)
            && position <= POSITION
            && position % LAP < CAP - 1
            && self.tail.word.compare_exchange(position, position + 1, AcqRel, Relaxed).is_ok()
        {
            // SAFETY: as in `push_some`.
            unsafe { block.as_ref() }.slot(position).write(Stamped { task, stamp: self.stamp(position) });
            fence_after_rmw();
            return Ok(());
        }
        self.push_slowly(task, side(), blocks)
    }

    #[cold]
    #[inline(never)]
    fn push_slowly(&self, task: Task, side: Side, blocks: &Blocks) -> Result<()> {
        self.push_some(1, |_| task, side, blocks).map(drop)
    }

    /// Appends up to `n` tasks, at least one, and returns how many. Fenced likewise.
    #[inline]
    pub(crate) fn push_some(&self, n: u64, task: impl Fn(u64) -> Task, side: Side, blocks: &Blocks) -> Result<u64> {
        let room = self.claim_room(n, side, blocks)?;
        // SAFETY: a block with slots that are claimed and not written stays out of the store.
        let block = unsafe { room.block.as_ref() };
        for nth in 0..room.count {
            let slot = block.slot(room.position + nth);
            slot.write(Stamped { task: task(nth), stamp: self.stamp(room.position + nth) });
        }
        fence_after_rmw();
        Ok(room.count)
    }

    fn claim_room(&self, n: u64, side: Side, blocks: &Blocks) -> Result<Room> {
        let mut spare: Option<NonNull<BlockNode>> = None;
        let mut backoff = Backoff::default();
        let result = loop {
            let word = self.tail.word.load(Acquire);
            if word & shut_mask(side) != 0 {
                break Err(Error::ShutDown);
            }
            let position = word & POSITION;
            if position % LAP == CAP {
                backoff.snooze();
                continue;
            }
            let block = self.tail.block.load(Acquire);
            let count = n.min(CAP - position % LAP);
            let fills_block = position % LAP + count == CAP;
            if fills_block && spare.is_none() {
                match blocks.take() {
                    Ok(block) => spare = Some(block),
                    Err(error) => break Err(error),
                }
                continue;
            }
            if self.tail.word.compare_exchange_weak(word, word + count, AcqRel, Relaxed).is_err() {
                continue;
            }
            let Some(block) = NonNull::new(block) else {
                break Err(Error::ShutDown);
            };
            if let Some(next) = spare.take_if(|_| fills_block) {
                self.tail.block.store(next.as_ptr(), Release);
                // An addition, for the shut bits may change at any time.
                self.tail.word.fetch_add(1, Release);
                // SAFETY: our slots are not written yet. Only now may the head move on: never past the tail.
                unsafe { block.as_ref() }.next.store(next.as_ptr(), Release);
            }
            break Ok(Room { block, position, count });
        };
        if let Some(unused) = spare {
            blocks.give(unused);
        }
        result
    }

    /// Claims up to `want(available)` tasks, oldest first, of those that are older than `age`. Read each once, then
    /// finish the claim.
    #[inline]
    pub(crate) fn claim_older(&self, age: u64, want: impl Fn(u64) -> u64) -> Option<Claim> {
        self.head.claim(|| self.tail_position().min(age), want, false)
    }

    /// The nth task of a claim from this queue, stamped with its age.
    #[inline]
    pub(crate) fn read(&self, claim: &Claim, nth: u64) -> Stamped {
        let slot = claim.slot(nth);
        let mut backoff = Backoff::default();
        // Pairs with the store in `push_some`.
        while slot.stamp() != self.stamp(claim.position + nth) {
            backoff.snooze();
        }
        Stamped { stamp: claim.position + nth, ..slot.read() }
    }

    /// The oldest task alone.
    #[inline]
    pub(crate) fn pop(&self, blocks: &Blocks, even_if_shut: bool) -> Option<Task> {
        let claim = self.head.claim(|| self.tail_position(), |_| 1, even_if_shut)?;
        let task = self.read(&claim, 0).task;
        claim.finish(blocks);
        Some(task)
    }

    /// Where the next task will be: later than all that were accepted so far.
    #[inline]
    pub(crate) fn tail_position(&self) -> u64 {
        self.tail.word.load(Acquire) & POSITION
    }

    /// How many tasks were ever accepted.
    pub(crate) fn accepted(&self) -> u64 {
        slots_before(self.tail_position())
    }

    pub(crate) fn len(&self) -> u64 {
        // The head first: the tail is never behind it, except for a moment at a block's end.
        let head = slots_before(self.head.position());
        slots_before(self.tail_position()).saturating_sub(head)
    }

    /// Two loads, for those who look again.
    #[inline]
    pub(crate) fn looks_empty(&self) -> bool {
        self.head.position() >= self.tail_position()
    }

    /// Whether a claim would find something.
    pub(crate) fn has_work(&self) -> bool {
        !self.head.is_shut() && self.len() > 0
    }
}

fn shut_mask(side: Side) -> u64 {
    if side == Side::Inside { SHUT_ALL } else { SHUT_ALL | SHUT_OUTSIDE }
}

#[cfg(test)]
#[cfg(loom)]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    fn explore(model: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(model);
    }

    fn queue() -> Arc<(Injector, Blocks)> {
        let queue = Arc::new((Injector::new(Mark::None), Blocks::new()));
        queue.0.init(&queue.1).unwrap();
        queue.0.open();
        queue
    }

    fn pop(queue: &(Injector, Blocks)) -> u64 {
        loop {
            if let Some(task) = queue.0.pop(&queue.1, false) {
                return task.number();
            }
            thread::yield_now();
        }
    }

    #[test]
    fn loom_two_producers_each_in_order_and_nothing_twice() {
        explore(|| {
            let queue = queue();
            let producers = [10, 20].map(|base| {
                let queue = queue.clone();
                thread::spawn(move || {
                    for nth in 0..2 {
                        queue.0.push(Task::numbered(base + nth), || Side::Outside, &queue.1).unwrap();
                    }
                })
            });
            let mut got = [0; 4].map(|_: u64| pop(&queue));
            assert!(queue.0.pop(&queue.1, false).is_none());
            for base in [10, 20] {
                let own = got.iter().filter(|&&number| number / 10 == base / 10).copied();
                assert_eq!(own.collect::<Vec<_>>(), [base, base + 1]);
            }
            got.sort_unstable();
            assert_eq!(got, [10, 11, 20, 21]);
            producers.into_iter().for_each(|producer| producer.join().unwrap());
            assert_eq!(queue.0.accepted(), 4);
        });
    }

    #[test]
    fn loom_two_consumers_across_a_block_get_each_task_once() {
        explore(|| {
            let queue = queue();
            let consumer = {
                let queue = queue.clone();
                thread::spawn(move || [pop(&queue), pop(&queue)])
            };
            for number in 1..=4 {
                queue.0.push(Task::numbered(number), || Side::Outside, &queue.1).unwrap();
            }
            let mut got = [[pop(&queue), pop(&queue)], consumer.join().unwrap()].concat();
            got.sort_unstable();
            assert_eq!(got, [1, 2, 3, 4]);
        });
    }

    #[test]
    fn loom_a_submit_is_before_the_shutdown_or_refused() {
        explore(|| {
            let queue = queue();
            let producer = {
                let queue = queue.clone();
                thread::spawn(move || queue.0.push(Task::numbered(1), || Side::Outside, &queue.1).is_ok())
            };
            queue.0.shut(Side::Outside);
            let accepted = queue.0.accepted();
            assert_eq!(producer.join().unwrap(), accepted == 1);
            assert_eq!(queue.0.accepted(), accepted);
        });
    }

    #[test]
    fn loom_nothing_leaves_a_shut_head() {
        explore(|| {
            let queue = queue();
            queue.0.push(Task::numbered(1), || Side::Outside, &queue.1).unwrap();
            let consumer = {
                let queue = queue.clone();
                thread::spawn(move || queue.0.pop(&queue.1, false).is_some())
            };
            queue.0.head().shut();
            let left = queue.0.len();
            assert_eq!(consumer.join().unwrap(), left == 0);
        });
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use std::thread;

    fn queue() -> (Injector, Blocks) {
        let queue = (Injector::new(Mark::None), Blocks::new());
        queue.0.init(&queue.1).unwrap();
        queue.0.open();
        queue
    }

    #[test]
    fn tasks_leave_in_the_order_in_which_they_came() {
        let (queue, blocks) = queue();
        for number in 0..2000 {
            queue.push(Task::numbered(number), || Side::Outside, &blocks).unwrap();
        }
        assert_eq!(queue.len(), 2000);
        let got: Vec<_> = core::iter::from_fn(|| queue.pop(&blocks, false)).map(|task| task.number()).collect();
        assert!(got.into_iter().eq(0..2000));
        assert_eq!((queue.len(), queue.accepted()), (0, 2000));
    }

    #[test]
    fn a_shut_queue_refuses_and_leaves_no_trace() {
        let (queue, blocks) = queue();
        queue.shut(Side::Outside);
        assert_eq!(queue.push(Task::numbered(1), || Side::Outside, &blocks), Err(Error::ShutDown));
        assert_eq!(queue.push(Task::numbered(2), || Side::Inside, &blocks), Ok(()));
        queue.shut(Side::Inside);
        assert_eq!(queue.push(Task::numbered(3), || Side::Inside, &blocks), Err(Error::ShutDown));
        assert_eq!(queue.accepted(), 1);
    }

    #[test]
    fn positions_pass_every_power_of_two_and_leave_the_bits_alone() {
        for start in [(1 << 32) - 2, POSITION - LAP - 1] {
            let (queue, blocks) = queue();
            queue.head.set_position(start);
            queue.tail.word.store(start, Relaxed);
            for number in 0..LAP / 2 {
                queue.push(Task::numbered(number), || Side::Outside, &blocks).unwrap();
            }
            queue.shut(Side::Outside);
            assert_eq!(
                (queue.is_shut(Side::Inside), queue.is_shut(Side::Outside), queue.len()),
                (false, true, LAP / 2)
            );
            queue.head().shut();
            assert!(queue.pop(&blocks, false).is_none());
            queue.head().open();
            let got: Vec<_> = core::iter::from_fn(|| queue.pop(&blocks, false)).map(|task| task.number()).collect();
            assert!(got.into_iter().eq(0..LAP / 2));
        }
    }

    #[test]
    fn a_block_that_another_injector_has_used_looks_unwritten() {
        let blocks = Blocks::new();
        let injectors = [Mark::None, Mark::High, Mark::Low].map(Injector::new);
        for injector in &injectors {
            // Each gives its first block back, and the next one begins with it.
            injector.init(&blocks).unwrap();
            injector.open();
            for position in 0..CAP {
                // Claimed by a producer and by a consumer, and not yet written.
                let room = injector.claim_room(1, Side::Outside, &blocks).unwrap();
                let claim = injector.claim_older(u64::MAX, |_| 1).unwrap();
                assert_eq!((room.position, claim.position), (position, position));
                assert_ne!(claim.slot(0).stamp(), injector.stamp(position));
                claim.slot(0).write(Stamped { task: Task::numbered(position), stamp: injector.stamp(position) });
                assert_eq!(injector.read(&claim, 0).task.number(), position);
                claim.finish(&blocks);
            }
        }
    }

    #[test]
    fn producers_and_consumers_at_full_speed_lose_and_repeat_nothing() {
        const EACH: u64 = 200_000;
        let (queue, blocks) = queue();
        let (queue, blocks) = (&queue, &blocks);
        let seen: Vec<Vec<u64>> = thread::scope(|scope| {
            for producer in 0..4 {
                scope.spawn(move || {
                    let mut sent = 0;
                    while sent < EACH {
                        let task = |nth| Task::numbered(producer << 32 | (sent + nth));
                        let n = (EACH - sent).min(1 + sent % 7);
                        sent += queue.push_some(n, task, Side::Outside, blocks).unwrap();
                    }
                });
            }
            let consumers = [1, 1, 5].map(|most: u64| {
                scope.spawn(move || {
                    let mut got = Vec::new();
                    while queue.head().position() < 4 * EACH / CAP * LAP + 4 * EACH % CAP {
                        let Some(claim) = queue.claim_older(u64::MAX, |available| available.min(most)) else {
                            thread::yield_now();
                            continue;
                        };
                        got.extend((0..claim.count).map(|nth| queue.read(&claim, nth).task.number()));
                        claim.finish(blocks);
                    }
                    got
                })
            });
            consumers.into_iter().map(|consumer| consumer.join().unwrap()).collect()
        });
        for got in &seen {
            for producer in 0..4 {
                assert!(got.iter().filter(|&&number| number >> 32 == producer).is_sorted(), "out of order");
            }
        }
        let mut all = seen.concat();
        all.sort_unstable();
        assert!(all.into_iter().eq((0..4).flat_map(|producer| (0..EACH).map(move |nth| producer << 32 | nth))));
    }
}
