//! Putting a run queue in order: entries whose task somebody else has claimed go before their turn.
//!
//! A task that submits and waits, over and over, leaves an entry behind each time, and on its worker nobody comes by to take
//! them until that task ends. So when the owner queues a record and the queue has doubled since it was last in order, it
//! keeps all others off the head, copies what is alive to new blocks, in the same order and with the same stamps, and lets
//! the queue go on there. So a queue has at most as many stale entries as live ones, but for `FEW`; a step costs each push
//! a constant, spread over all.
//!
//! Positions only grow, by going on at the next lap, so what `blocks` says of words that never come back still holds.
#![allow(unsafe_code, reason = "reads and writes blocks by raw pointer")]

use core::ptr::{self, NonNull};

use crate::engine::blocks::{BlockNode, Blocks, CAP, LAP, finish};
use crate::engine::run_queue::Owner;
use crate::engine::task::Task;
use crate::error::Result;
use crate::sync::{Acquire, Release};

pub(crate) const FEW: u64 = if cfg!(any(loom, shuttle)) { 2 } else { 1024 };

/// Slots `from` to `to` of a queue, block by block.
struct Span {
    block: *mut BlockNode,
    from: u64,
    to: u64,
}

impl Span {
    /// Calls `each` for each slot.
    fn each(&self, mut each: impl FnMut(&BlockNode, u64)) {
        let (mut block, mut position) = (self.block, self.from);
        // SAFETY: blocks with slots between head and tail stay out of the store.
        while let Some(this) = unsafe { block.as_ref() }.filter(|_| position < self.to) {
            each(this, position);
            position += 1;
            if position % LAP == CAP {
                position += 1;
                block = this.next.load(Acquire);
            }
        }
    }
}

/// Blocks in a row, to be filled.
struct Chain<'a> {
    first: *mut BlockNode,
    last: *mut BlockNode,
    blocks: &'a Blocks,
}

impl Chain<'_> {
    fn grow(&mut self) -> Result<()> {
        let block = self.blocks.take()?.as_ptr();
        // SAFETY: the last block is ours.
        match unsafe { self.last.as_ref() } {
            Some(last) => last.next.store(block, Release),
            None => self.first = block,
        }
        self.last = block;
        Ok(())
    }

    fn give_back(self) {
        let mut next = self.first;
        while let Some(block) = NonNull::new(next) {
            // SAFETY: the blocks are ours.
            next = unsafe { block.as_ref() }.next.swap(ptr::null_mut(), Acquire);
            self.blocks.give(block);
        }
    }
}

impl Owner<'_> {
    /// Leaves stale entries out if that is worth it, and passes each to `let_go`. Gives how many entries are left.
    pub(crate) fn tidy(&self, blocks: &Blocks, let_go: impl Fn(Task)) -> u64 {
        let queue = self.queue();
        let (block, from) = queue.head().hold();
        let old = Span { block, from, to: queue.tail_position() };
        let (mut live, mut all) = (0, 0);
        old.each(|block, position| {
            all += 1;
            live += u64::from(!block.slot(position).read().task.is_stale());
        });
        let mut new = Chain { first: ptr::null_mut(), last: ptr::null_mut(), blocks };
        let enough = (0..=live / CAP).try_for_each(|_| new.grow());
        let Some(first) = NonNull::new(new.first).filter(|_| enough.is_ok() && live <= all / 2) else {
            new.give_back();
            if let Some(block) = NonNull::new(block) {
                queue.head().go_on(block, from);
            }
            return all;
        };
        let start = (old.to / LAP + 1) * LAP;
        let (mut to, mut last, mut left) = (start, first, 0);
        old.each(|block, position| {
            let stamped = block.slot(position).read();
            // More may be stale by now, none fewer.
            if stamped.task.is_stale() {
                let_go(stamped.task);
                return;
            }
            left += 1;
            // SAFETY: the new blocks are ours, and there are enough.
            let into = unsafe { last.as_ref() };
            into.slot(to).write(stamped);
            to += 1;
            if to % LAP == CAP {
                to += 1;
                last = NonNull::new(into.next.load(Acquire)).unwrap_or(last);
            }
        });
        self.go_on(first, last, start, to, blocks);
        old.give_back(blocks);
        left
    }
}

impl Span {
    /// All slots of its blocks from the first on have been read, the last block's unwritten ones too.
    fn give_back(self, blocks: &Blocks) {
        let (mut block, mut position) = (self.block, self.from);
        while let Some(this) = NonNull::new(block) {
            // SAFETY: as in `each`, until it is finished.
            block = unsafe { this.as_ref() }.next.load(Acquire);
            finish(this, CAP - position % LAP, blocks);
            position = (position / LAP + 1) * LAP;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::run_queue::RunQueue;
    use crate::engine::task::{End, Record};

    fn nothing(_: NonNull<Record>, _: End) {}

    /// Entries by number: those above 100 are stale records, of an array that outlives the queue.
    fn fill(queue: &RunQueue, blocks: &Blocks, numbers: impl Iterator<Item = u64>, records: &[Record]) {
        // SAFETY: this thread alone appends.
        let owner = unsafe { queue.owner() };
        for number in numbers {
            owner.reserve(1, blocks).unwrap();
            match number.checked_sub(100) {
                Some(stale) => owner.push(Task::of(NonNull::from(&records[stale as usize])), number),
                None => owner.push(Task::numbered(number), number),
            }
        }
    }

    fn stale_records(n: usize) -> Vec<Record> {
        let records: Vec<_> = (0..n).map(|_| Record::new(nothing)).collect();
        records.iter().for_each(Record::set_stale);
        records
    }

    #[cfg(loom)]
    #[test]
    fn loom_a_thief_and_an_owner_who_tidies_get_each_once() {
        use loom::sync::Arc;
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let blocks = Blocks::new();
            let shared = Arc::new((RunQueue::new(&blocks).unwrap(), blocks, stale_records(3)));
            let (queue, blocks, records) = &*shared;
            fill(queue, blocks, [1, 100, 101, 2, 102].into_iter(), records);
            let thief = {
                let shared = shared.clone();
                loom::thread::spawn(move || {
                    let claim = shared.0.claim(|available| available.div_ceil(2), false);
                    claim.map_or(Vec::new(), |claim| {
                        let got: Vec<_> = (0..claim.count).map(|nth| claim.slot(nth).read().stamp).collect();
                        claim.finish(&shared.1);
                        got
                    })
                })
            };
            let let_go = core::cell::Cell::new(0);
            // SAFETY: this thread alone appends.
            let owner = unsafe { queue.owner() };
            owner.tidy(blocks, |_| let_go.set(let_go.get() + 1));
            fill(queue, blocks, [3].into_iter(), records);
            let got: Vec<crate::engine::blocks::Stamped> = core::iter::from_fn(|| {
                let claim = queue.claim(|_| 1, false)?;
                let stamped = claim.slot(0).read();
                claim.finish(blocks);
                Some(stamped)
            })
            .collect();
            let stolen = thief.join().unwrap();
            let mut all: Vec<_> = stolen.into_iter().chain(got.iter().map(|stamped| stamped.stamp)).collect();
            assert_eq!(all.len() + let_go.get(), 6);
            all.retain(|&number| number < 100);
            assert!(got.iter().map(|stamped| stamped.stamp).filter(|&number| number < 100).is_sorted());
            all.sort_unstable();
            assert_eq!(all, [1, 2, 3]);
        });
    }

    #[cfg(not(loom))]
    #[test]
    fn what_is_alive_stays_in_order_and_stale_entries_go() {
        let records = stale_records(3000);
        let blocks = Blocks::new();
        for live in [0, 1, 99] {
            let queue = RunQueue::new(&blocks).unwrap();
            // SAFETY: this thread alone appends.
            let owner = unsafe { queue.owner() };
            fill(&queue, &blocks, (100..1700).chain(0..live).chain(1700..3100), &records);
            let gone = core::cell::Cell::new(0);
            assert_eq!(owner.tidy(&blocks, |_| gone.set(gone.get() + 1)), live);
            assert_eq!((gone.get(), queue.len()), (3000, live));
            for number in 0..live {
                assert_eq!(owner.pop(&blocks, |stamp| stamp == number).map(|task| task.number()), Ok(number));
            }
            fill(&queue, &blocks, 0..50, &records);
            assert_eq!(queue.len(), 50);
        }
    }

    #[cfg(not(loom))]
    #[test]
    fn what_is_mostly_alive_is_left_as_it_is() {
        let records = stale_records(40);
        let blocks = Blocks::new();
        let queue = RunQueue::new(&blocks).unwrap();
        fill(&queue, &blocks, (0..99).chain(100..140), &records);
        let head = queue.head().position();
        // SAFETY: this thread alone appends.
        assert_eq!(unsafe { queue.owner() }.tidy(&blocks, |_| panic!("let go")), 139);
        assert_eq!((queue.head().position(), queue.len()), (head, 139));
    }
}
