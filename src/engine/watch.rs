//! Fairness between workers' queues: what waits behind a long task gets its turn, even if every other worker has tasks
//! of its own without end.
//!
//! A worker that takes from its own queue looks at another worker's after every `LOOK_EVERY` tasks, and keeps to it as
//! long as its oldest task has not moved since the last look. It takes that task if it is older than all of its own.
//! If both are of the same age, which is so if nothing came through the injector meanwhile, it injects a task that does
//! nothing: all that is submitted from then on is younger.
//!
//! The bound: let a task wait behind k others in the queue of a worker that starts none, in a pool with n places. Each
//! other worker looks there after at most n * LOOK_EVERY tasks, has made its new ones younger after LOOK_EVERY more, has
//! then to start what it holds, and after that takes one of the k + 1 after every LOOK_EVERY tasks. So the task is passed
//! by at most (n + k + 2) * LOOK_EVERY tasks on each other worker, and those that this worker held. (A worker that does run
//! dry looks at one queue in `STEAL_FIRST` times, after batches of `BATCH_MAX` at most: 512 * n * (k + 1) tasks. That is
//! more, and what tp.h says.)
#![allow(unsafe_code, reason = "a task gets a lane as its pointer")]

use core::ffi::c_void;

use crate::engine::completion::Lane;
use crate::engine::injector::Side;
use crate::engine::pool::Pool;
use crate::engine::search::Search;
use crate::engine::task::Task;

const LOOK_EVERY: u32 = 256;

/// The other queue that a worker keeps an eye on.
#[derive(Default)]
pub(crate) struct Watch {
    tasks: u32,
    index: u32,
    /// Where its head was.
    head: u64,
}

impl Watch {
    /// Once for each task; how many there were.
    #[inline]
    pub(crate) fn count(&mut self) -> u32 {
        self.tasks = self.tasks.wrapping_add(1);
        self.tasks
    }

    /// When it is time to look.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.tasks.is_multiple_of(LOOK_EVERY)
    }
}

impl Search<'_> {
    /// A task of another worker that is older than all of this worker's and has been left waiting, or one that was late.
    #[cold]
    pub(crate) fn look_around(&mut self) -> Option<Task> {
        let late = self.pool.take_late();
        if late.is_some() {
            return late;
        }
        // A worker without tasks looks everywhere anyway.
        let own = self.worker.queue.oldest()?;
        let other = self.pool.workers.get(self.watch.index).filter(|other| other.index != self.worker.index);
        let oldest = other.filter(|other| other.queue.head().position() == self.watch.head);
        match oldest.and_then(|other| other.queue.oldest()) {
            Some(age) if age < own => {
                let task = self.steal(self.watch.index, 1)?;
                self.watch.head = other?.queue.head().position();
                return Some(task);
            }
            Some(age) if age == own => self.pool.grow_older(age),
            Some(_) => {}
            None => {
                self.watch.index = (self.watch.index + 1) % self.pool.workers.len();
                let next = self.pool.workers.get(self.watch.index)?;
                self.watch.head = next.queue.head().position();
            }
        }
        None
    }
}

impl Pool {
    /// Makes what will be submitted younger than tasks of this age.
    fn grow_older(&self, age: u64) {
        unsafe extern "C-unwind" fn nothing(rest: *mut c_void) {
            // SAFETY: the pool outlives its tasks.
            unsafe { &*rest.cast::<Lane>() }.remove_stale_shared();
        }
        if self.injector.tail_position() > age {
            return;
        }
        self.rest.add_stale_shared();
        let marker = Task::new(nothing, (&raw const self.rest).cast_mut().cast());
        if self.injector.push(marker, || Side::Inside, &self.blocks).is_err() {
            self.rest.remove_stale_shared();
        }
    }
}
