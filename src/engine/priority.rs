//! Priorities: two more injectors, for tasks that go before the others and for those that go after.
//!
//! A worker takes a task of high priority before it looks anywhere else, and one of low priority when it has found nothing
//! anywhere. But once in `AGEING` tasks it looks for one of low priority first, and once for one of normal priority. So no
//! task starves: of `AGEING` tasks in a row that a worker starts, one is of each priority that has any.
//!
//! These tasks leave their injector one by one and never wait in a worker's queue, so that ages (see `search`) need not
//! speak of them. Within a priority they leave in order.

use crate::engine::injector::Injector;
use crate::engine::pool::Pool;
use crate::engine::search::Search;
use crate::engine::task::Task;
use crate::error::Result;

const AGEING: u32 = 64;
const NORMAL_FIRST: u32 = AGEING / 2;

impl Pool {
    /// All, the lowest priority first.
    pub(crate) fn injectors(&self) -> impl Iterator<Item = &Injector> {
        [&self.low, &self.injector, &self.high].into_iter()
    }

    /// As `queue`, by priority: below, at or above 0. After `may_submit`.
    pub(crate) fn queue_at(&self, task: Task, priority: i32) -> Result<()> {
        let injector = match priority {
            0 => return self.queue(task),
            1.. => &self.high,
            _ => &self.low,
        };
        injector.push(task, || self.side(), &self.blocks)
    }
}

impl Search<'_> {
    /// What goes before everything else at this turn.
    #[inline]
    pub(crate) fn take_prioritized(&self, turn: u32) -> Option<Task> {
        let first = match turn % AGEING {
            0 => &self.pool.low,
            NORMAL_FIRST => return None,
            _ => &self.pool.high,
        };
        if first.looks_empty() { None } else { self.take_one(first) }
    }

    /// What is left when there is nothing else.
    pub(crate) fn take_leftover(&self) -> Option<Task> {
        self.take_one(&self.pool.high).or_else(|| self.take_one(&self.pool.low))
    }

    fn take_one(&self, injector: &Injector) -> Option<Task> {
        if self.is_unwanted() {
            return None;
        }
        let task = injector.pop(&self.pool.blocks, false)?;
        if let Some(capacity) = &self.pool.capacity {
            capacity.give();
        }
        Some(task)
    }
}
