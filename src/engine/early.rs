//! When a waiter may run what it waits for ahead of its turn.
//!
//! A task may wait, by means of its own, for an earlier one of its submitter (promise 5). So a worker must not start a task
//! while an earlier one of the same submitter stands in its own queue: nobody else may be there to take that one. A waiter
//! runs only what it waits for; so it runs nothing that has something of the same submitter before it, and parks instead. A
//! reserve then takes all in their order. (If none can be had and nobody else runs, the waiter runs it after all: a wait that
//! fails would be worse.)
//!
//! What the waiting task submitted itself, and what ran on its stack did, stands in the worker's queue from the position on
//! at which its tail was when the task began. Before the one that is waited for there may only be stale entries and, in
//! another queue by now, what thieves took. What others submitted may be run if the own queue is empty.

use core::ptr;

use crate::engine::blocks::{CAP, LAP};
use crate::engine::context::Context;
use crate::engine::task::Record;
use crate::engine::worker::Worker;
use crate::sync::{AcqRel, Acquire, Backoff, Release, SeqCst, fence, fence_after_rmw};

impl Worker {
    /// Claims something by `claim`, unless the pool is paused or drops its tasks: a pause waits for those that have looked
    /// before it, so that none starts after it.
    pub(crate) fn start_early<R>(&self, claim: impl FnOnce() -> Option<R>) -> Option<R> {
        self.starts_early.swap(true, AcqRel);
        // Pairs with the pause, which shuts the heads first and then looks here.
        fence_after_rmw();
        let claimed = if self.pool().may_start() { claim() } else { None };
        self.starts_early.store(false, Release);
        claimed
    }

    /// Waits until nobody is just doing that.
    pub(crate) fn pass_early_start(&self) {
        fence(SeqCst);
        let mut backoff = Backoff::default();
        while self.starts_early.load(Acquire) {
            backoff.snooze();
        }
    }

    /// By the worker's thread, in the task that waits.
    pub(crate) fn may_run_early(&self, context: &Context, record: &Record) -> bool {
        let head = self.queue.head().position();
        if !ptr::eq(record.queue.get(), (&raw const self.queue).cast()) {
            return head >= self.queue.tail_position();
        }
        let (from, position) = (context.first().max(head), record.position.get());
        if position > from && !self.own_queue().is_stale_between(from, position) {
            return false;
        }
        let next = position + if (position + 1) % LAP == CAP { 2 } else { 1 };
        context.set_first(from.max(next));
        true
    }
}
