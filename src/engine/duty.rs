//! Threads for what can't wait for a worker to be free: each runs one thing, at once, and then goes on as before.
//!
//! They are parked workers, and where there are not enough reserve workers, which do not count as running meanwhile. A
//! thread that has been drafted reads its duty before it looks for anything else: it was taken off the stack of the
//! parked, or recalled, or made for that.
#![allow(unsafe_code, reason = "follows what others wait for")]

use core::ptr::{self, NonNull};

use crate::engine::context::Context;
use crate::engine::forks::Stolen;
use crate::engine::pool::Pool;
use crate::engine::search::Search;
use crate::engine::task::Task;
use crate::engine::worker::Worker;
use crate::error::Result;
use crate::sync::{AcqRel, Backoff, Relaxed, Release, lock};

/// How often to look again for those who are about to park: some milliseconds.
const LOOKS: u32 = 100;

/// The first field of what several threads are drafted for. It is there until each has run it.
pub(crate) struct Duty {
    /// Called once on each of them.
    /// On a thread that is `extra`, beyond those asked for, it goes by way of `park::while_extra`.
    pub(crate) run: unsafe fn(NonNull<Duty>, extra: bool),
    /// The context that they work for.
    pub(crate) caller: *const Context,
}

impl Worker {
    /// By whoever has it: it is parked and taken off the stack, or has no thread that looks for work.
    pub(crate) fn give_duty(&self, duty: &Duty) {
        self.duty.store(ptr::from_ref(duty).cast_mut(), Release);
    }
}

impl Search<'_> {
    /// What this worker was drafted for, as a task.
    pub(crate) fn take_duty(&self) -> Option<Task> {
        let duty = NonNull::new(self.worker.duty.swap(ptr::null_mut(), AcqRel))?;
        Some(self.worker.errand(Stolen::Duty(duty)))
    }
}

impl Pool {
    /// How many workers it may have, those in reserve too.
    pub(crate) fn most_threads(&self) -> u32 {
        self.wanted.load(Relaxed) + self.options.max_reserve
    }

    /// Has `duty` run by up to `count` threads beside the caller's. How many could be had.
    pub(crate) fn draft(&self, count: u32, duty: &Duty) -> u32 {
        // One at a time: two who get a part each would both have to give it back.
        let _others = lock(&self.drafts);
        let mut drafted = 0;
        let mut backoff = Backoff::default();
        let mut looks = 0;
        while drafted < count {
            if self.draft_parked(duty) || self.draft_reserve(duty).is_ok() {
                drafted += 1;
            } else if self.some_may_come() && looks < LOOKS {
                looks += 1;
                backoff.snooze();
            } else {
                break;
            }
        }
        drafted
    }

    /// Some have just ended what they did, or a duty, and are about to park or to leave.
    fn some_may_come(&self) -> bool {
        self.sleep.anyone_searches() || self.reserve.has_surplus(self.wanted.load(Relaxed))
    }

    fn draft_parked(&self, duty: &Duty) -> bool {
        let parked = self.sleep.take_parked(&self.workers).and_then(|index| self.workers.get(index));
        if let Some(worker) = parked {
            worker.give_duty(duty);
            worker.seat.wake();
        }
        parked.is_some()
    }

    fn draft_reserve(&self, duty: &Duty) -> Result<bool> {
        self.call_reserve(Some(duty))
    }
}

pub(crate) fn run(duty: NonNull<Duty>, pool: &Pool, worker: &Worker) {
    // SAFETY: it is there until we have run it.
    let this = unsafe { duty.as_ref() };
    // SAFETY: whoever drafted us waits.
    let caller = unsafe { this.caller.as_ref() };
    let extra = worker.index >= pool.wanted.load(Relaxed);
    let run = |_: &Context| {
        // SAFETY: likewise.
        unsafe { (this.run)(duty, extra) };
    };
    Context::enter_for(caller, pool, Some(worker), Some(&worker.deque), run);
}
