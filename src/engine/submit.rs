//! The way into the pool: a task is accepted, or refused and nothing has changed.
//!
//! What a worker's task submits goes to that worker's run queue, everything else to the injector. A pool with a limit on
//! its queue keeps all in the injector, so that the oldest is at hand.

use core::ffi::c_void;
use core::ptr::NonNull;

use crate::engine::blocks::{CAP, Stamped};
use crate::engine::capacity::{Capacity, WhenFull};
use crate::engine::clients;
use crate::engine::context::Context;
use crate::engine::control::not_had;
use crate::engine::injector::Side;
use crate::engine::job::Extras;
use crate::engine::park;
use crate::engine::pool::{Pool, State};
use crate::engine::task::{End, Record, Run, Task};
use crate::engine::tidy::FEW;
use crate::engine::worker::Worker;
use crate::error::{Error, Result};
use crate::sync::{Relaxed, SeqCst, fence};
use crate::sys::{errno, tsan};

/// What is submitted, and how it is queued.
pub(crate) trait Entry {
    fn queue(&self, pool: &Pool) -> Result<()>;
    /// In place of that, on this thread.
    fn run(&self, pool: &Pool) -> Result<()>;
}

impl Entry for Task {
    fn queue(&self, pool: &Pool) -> Result<()> {
        pool.queue(*self)
    }

    fn run(&self, _pool: &Pool) -> Result<()> {
        self.end(End::Run);
        Ok(())
    }
}

/// A task and its priority.
impl Entry for (Task, i32) {
    fn queue(&self, pool: &Pool) -> Result<()> {
        pool.queue_at(self.0, self.1)
    }

    fn run(&self, pool: &Pool) -> Result<()> {
        self.0.run(pool)
    }
}

impl Pool {
    #[inline]
    pub(crate) fn submit(&self, task: Task) -> Result<()> {
        self.same_process()?;
        if let Some(capacity) = &self.capacity {
            return if tsan::is_here() { self.submit_as_job(task) } else { self.submit_limited(&task, capacity) };
        }
        self.queue(task)?;
        self.sleep.task_added(&self.workers);
        Ok(())
    }

    /// A record has an address that ThreadSanitizer can be told of.
    #[cold]
    #[inline(never)]
    fn submit_as_job(&self, task: Task) -> Result<()> {
        match task.function() {
            Some((run, arg)) => self.submit_with(run, arg, Extras::default()),
            None => self.submit_entry(&task),
        }
    }

    /// Without a limit on the queue, and without a wake.
    #[inline]
    pub(crate) fn queue(&self, task: Task) -> Result<()> {
        match self.keeper() {
            Some(worker) => self.submit_to(worker, task),
            None => self.inject(task),
        }
    }

    pub(crate) fn submit_record(&self, record: NonNull<Record>, priority: i32) -> Result<()> {
        self.submit_entry(&(Task::of(record), priority))
    }

    pub(crate) fn submit_entry(&self, entry: &impl Entry) -> Result<()> {
        match &self.capacity {
            Some(capacity) => self.submit_limited(entry, capacity),
            None => {
                entry.queue(self)?;
                self.sleep.task_added(&self.workers);
                Ok(())
            }
        }
    }

    /// Submits what was accepted earlier, and can't be refused but by a pool that is shut. No limit counts it.
    pub(crate) fn submit_continuation(&self, record: NonNull<Record>) -> Result<()> {
        tsan::release(record.as_ptr());
        match self.queue(Task::of(record)) {
            Err(Error::NoMemory) => {
                self.rest.accept_shared();
                // As in `run_here`: a shutdown shuts the injector and then reads the counts.
                crate::sync::fence_after_rmw();
                if self.injector.is_shut(self.side()) {
                    self.ended_here();
                    return Err(Error::ShutDown);
                }
                self.add_late(record);
                return Ok(());
            }
            result => result?,
        }
        self.sleep.task_added(&self.workers);
        Ok(())
    }

    /// What has to hold before a task with more than a function is made.
    pub(crate) fn may_submit(&self) -> Result<()> {
        self.same_process()?;
        if self.injector.is_shut(self.side()) {
            self.start_or_refuse()?;
        }
        Ok(())
    }

    pub(crate) fn submit_with(&self, run: Run, arg: *mut c_void, extras: Extras) -> Result<()> {
        self.may_submit()?;
        let job = self.job(run, arg, extras)?;
        self.submit_record(job.cast(), extras.priority).inspect_err(|_| self.give_job(job))
    }

    /// Submits `run(args[0])` and so on, and counts in `accepted` how many have been.
    pub(crate) fn submit_batch(&self, run: Run, args: &[*mut c_void], accepted: &mut usize) -> Result<()> {
        self.same_process()?;
        if args.is_empty() && self.injector.is_shut(self.side()) {
            return self.start_or_refuse();
        }
        if self.capacity.is_some() {
            for &arg in args {
                self.submit(Task::new(run, arg))?;
                *accepted += 1;
            }
            return Ok(());
        }
        let result = match self.keeper() {
            Some(worker) => self.submit_all_to(worker, run, args, accepted),
            None => self.inject_all(run, args, accepted),
        };
        self.sleep.task_added(&self.workers);
        result
    }

    /// The worker that keeps what this thread submits, in its own queue.
    #[inline]
    fn keeper(&self) -> Option<&Worker> {
        // What a worker that is to leave submits is for others.
        self.this_worker().filter(|worker| self.spreads() && self.wants(worker))
    }

    fn submit_all_to(&self, worker: &Worker, run: Run, args: &[*mut c_void], accepted: &mut usize) -> Result<()> {
        let queue = worker.own_queue();
        let mut result = Ok(());
        for some in args.chunks(CAP as usize) {
            result = self.takes_inside().and_then(|()| queue.reserve(some.len() as u64, &self.blocks));
            if result.is_err() {
                break;
            }
            worker.lane.accept(some.len() as u64);
            let age = self.injector.tail_position();
            queue.push_all(some.iter().map(|&arg| Stamped { task: Task::new(run, arg), stamp: age }));
            *accepted += some.len();
        }
        fence(SeqCst);
        result
    }

    fn inject_all(&self, run: Run, args: &[*mut c_void], accepted: &mut usize) -> Result<()> {
        while let Some(rest @ [_, ..]) = args.get(*accepted..) {
            let task = |nth: u64| Task::new(run, rest.get(nth as usize).copied().unwrap_or(core::ptr::null_mut()));
            match self.injector.push_some(rest.len() as u64, task, self.side(), &self.blocks) {
                Ok(count) => *accepted += count as usize,
                Err(Error::ShutDown) => self.start_or_refuse()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    #[inline]
    fn submit_to(&self, worker: &Worker, task: Task) -> Result<()> {
        self.takes_inside()?;
        let queue = worker.own_queue();
        if task.record().is_some() && worker.queue.len() > worker.tidy_at.load(Relaxed) {
            self.tidy(worker);
        }
        queue.reserve(1, &self.blocks)?;
        worker.lane.accept(1);
        queue.push(task, self.injector.tail_position());
        Ok(())
    }

    /// Rids the worker's queue of entries that are no task any more.
    #[cold]
    fn tidy(&self, worker: &Worker) {
        let left = worker.own_queue().tidy(&self.blocks, |stale| {
            stale.end(End::Run);
            worker.lane.end();
        });
        worker.tidy_at.store((2 * left).max(FEW), Relaxed);
        // Who looked meanwhile found nothing.
        fence(SeqCst);
        self.sleep.task_added(&self.workers);
    }

    /// Whether tasks of this pool may still submit.
    #[inline]
    fn takes_inside(&self) -> Result<()> {
        if self.state() >= State::Discarding { Err(Error::ShutDown) } else { Ok(()) }
    }

    #[inline(never)]
    fn inject(&self, task: Task) -> Result<()> {
        match self.injector.push(task, || self.side(), &self.blocks) {
            Err(Error::ShutDown) => self.inject_late(task),
            result => result,
        }
    }

    #[cold]
    fn inject_late(&self, task: Task) -> Result<()> {
        self.start_or_refuse()?;
        self.injector.push(task, || self.side(), &self.blocks)
    }

    /// The injector was found shut: before the first submit to the default pool, or for ever.
    #[cold]
    fn start_or_refuse(&self) -> Result<()> {
        errno::kept(|| self.start()).map_err(not_had)?;
        if self.injector.is_shut(self.side()) { Err(Error::ShutDown) } else { Ok(()) }
    }

    #[inline(never)]
    fn submit_limited(&self, entry: &impl Entry, capacity: &Capacity) -> Result<()> {
        let side = self.side();
        let refused_if_shut = || {
            if self.injector.is_shut(side) { Err(Error::ShutDown) } else { Ok(()) }
        };
        if !capacity.take() {
            refused_if_shut()?;
            match capacity.when_full {
                WhenFull::Fail => return Err(Error::Full),
                WhenFull::Block if side == Side::Inside => return Err(Error::Full),
                WhenFull::Block => {
                    park::while_blocked_anyway(|| capacity.take_blocking(refused_if_shut))?;
                }
                WhenFull::RunInCaller => return self.run_here(entry, side),
                WhenFull::DropOldest => return self.queue_and_evict(entry, capacity),
            }
        }
        self.queue_into_room(entry, capacity)
    }

    fn queue_into_room(&self, entry: &impl Entry, capacity: &Capacity) -> Result<()> {
        entry.queue(self).inspect_err(|_| capacity.give())?;
        self.sleep.task_added(&self.workers);
        Ok(())
    }

    /// For a moment the queue is longer than its capacity, so that a task which is refused after all evicts none.
    fn queue_and_evict(&self, entry: &impl Entry, capacity: &Capacity) -> Result<()> {
        capacity.take_anyway();
        self.queue_into_room(entry, capacity)?;
        // Not all that is queued is a task still: one that is has to go.
        while capacity.give_if_over() {
            let Some(oldest) = self.pop_oldest() else {
                // A worker has just taken it.
                capacity.take_anyway();
                break;
            };
            match oldest.record().filter(|record| !record.counted) {
                Some(uncounted) => {
                    capacity.take_anyway();
                    self.add_late(NonNull::from(uncounted));
                }
                None => self.drop_here(oldest, Error::Full),
            }
        }
        Ok(())
    }

    /// Runs a task on the submitting thread, counted like any other.
    fn run_here(&self, entry: &impl Entry, side: Side) -> Result<()> {
        self.rest.accept_shared();
        // A shutdown shuts the injector and then reads the counts, in that order; we the other way round.
        crate::sync::fence_after_rmw();
        let result =
            if self.injector.is_shut(side) { Err(Error::ShutDown) } else { self.enter_here(|_| entry.run(self)) };
        self.ended_here();
        result
    }

    /// Ends a queued task without a run, on this thread.
    pub(crate) fn drop_here(&self, task: Task, why: Error) {
        self.enter_here(|_| task.end(End::Drop(why.status())));
        self.ended_here();
    }

    /// Calls the user's code on this thread, as inside a task.
    pub(crate) fn enter_here<R>(&self, call: impl FnOnce(&Context) -> R) -> R {
        errno::kept(|| Context::enter(self, self.this_worker(), call))
    }

    /// An entry of a queue is no task any more; `counts` says whether the limit on the queue counted it. By any thread.
    pub(crate) fn count_stale(&self, counts: bool) {
        self.rest.add_stale_shared();
        self.give_room(counts);
    }

    pub(crate) fn give_room(&self, counts: bool) {
        if let Some(capacity) = self.capacity.as_ref().filter(|_| counts) {
            capacity.give();
        }
    }

    /// Such an entry has left its queue: whoever took it has given back room for it, and will count it as ended.
    pub(crate) fn discount_stale(&self) {
        self.discount_room();
        // Accepted once more, on this thread before it counts the end.
        match self.this_worker() {
            Some(worker) => {
                worker.lane.accept(1);
                worker.lane.remove_stale();
            }
            None => {
                self.rest.accept_shared();
                self.rest.remove_stale_shared();
            }
        }
    }

    /// Whoever took it from its queue has given back room that it did not have.
    pub(crate) fn discount_room(&self) {
        if let Some(capacity) = &self.capacity {
            capacity.take_anyway();
        }
    }

    /// The same by a thread that does not use the pool: from here on it may be destroyed.
    pub(crate) fn ended_for_others(&self) {
        let _held = clients::hold_pools();
        self.ended_here();
    }

    /// Counts the end of what no worker's lane has accepted.
    pub(crate) fn ended_here(&self) {
        self.rest.end_shared();
        self.answer_waiters();
    }
}
