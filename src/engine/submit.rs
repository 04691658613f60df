//! The way into the pool: a task is accepted, or refused and nothing has changed.
//!
//! What a worker's task submits goes to that worker's run queue, everything else to the injector. A pool with a limit on
//! its queue keeps all in the injector, so that the oldest is at hand.

use core::ffi::c_void;

use crate::engine::blocks::{CAP, Stamped};
use crate::engine::capacity::{Capacity, WhenFull};
use crate::engine::context::Context;
use crate::engine::extras::{self, Extras};
use crate::engine::injector::Side;
use crate::engine::pool::{Pool, State};
use crate::engine::task::{End, Run, Task};
use crate::engine::worker::Worker;
use crate::error::{Error, Result};
use crate::sync::{Relaxed, SeqCst, fence};
use crate::sys::errno;

impl Pool {
    #[inline]
    pub(crate) fn submit(&self, task: Task) -> Result<()> {
        self.same_process()?;
        if let Some(capacity) = &self.capacity {
            return self.submit_limited(task, capacity);
        }
        match self.keeper() {
            Some(worker) => self.submit_to(worker, task)?,
            None => self.inject(task)?,
        }
        self.sleep.task_added(&self.workers);
        Ok(())
    }

    pub(crate) fn submit_with(&self, run: Run, arg: *mut c_void, extras: Extras) -> Result<()> {
        self.same_process()?;
        if self.injector.is_shut(self.side()) {
            self.start_or_refuse()?;
        }
        if extras.priority != 0 {
            return Err(Error::NotSupported);
        }
        let named = self.name(run, arg, extras)?;
        self.submit(extras::task(named)).inspect_err(|_| self.named.give(named))
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
        self.this_worker().filter(|worker| self.spreads() && worker.index < self.wanted.load(Relaxed))
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
        queue.reserve(1, &self.blocks)?;
        worker.lane.accept(1);
        queue.push(task, self.injector.tail_position());
        Ok(())
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
        errno::kept(|| self.start())?;
        if self.injector.is_shut(self.side()) { Err(Error::ShutDown) } else { Ok(()) }
    }

    #[inline(never)]
    fn submit_limited(&self, task: Task, capacity: &Capacity) -> Result<()> {
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
                    capacity.take_blocking(refused_if_shut)?;
                }
                WhenFull::RunInCaller => return self.run_here(task, side),
                WhenFull::DropOldest => return self.inject_and_evict(task, capacity),
            }
        }
        self.inject_into_room(task, capacity)
    }

    fn inject_into_room(&self, task: Task, capacity: &Capacity) -> Result<()> {
        self.inject(task).inspect_err(|_| capacity.give())?;
        self.sleep.task_added(&self.workers);
        Ok(())
    }

    /// For a moment the queue is longer than its capacity, so that a task which is refused after all evicts none.
    fn inject_and_evict(&self, task: Task, capacity: &Capacity) -> Result<()> {
        capacity.take_anyway();
        self.inject_into_room(task, capacity)?;
        if capacity.is_over()
            && let Some(oldest) = self.injector.pop(&self.blocks, true)
        {
            capacity.give();
            self.drop_here(oldest, Error::Full);
        }
        Ok(())
    }

    /// Runs a task on the submitting thread, counted like any other.
    fn run_here(&self, task: Task, side: Side) -> Result<()> {
        self.rest.accept_shared();
        // A shutdown shuts the injector and then reads the counts, in that order; we the other way round.
        crate::sync::fence_after_rmw();
        let result = if self.injector.is_shut(side) {
            Err(Error::ShutDown)
        } else {
            self.enter_here(|| task.end(End::Run));
            Ok(())
        };
        self.ended_here();
        result
    }

    /// Ends a queued task without a run, on this thread.
    pub(crate) fn drop_here(&self, task: Task, why: Error) {
        self.enter_here(|| task.end(End::Drop(why.status())));
        self.ended_here();
    }

    fn enter_here(&self, end: impl FnOnce()) {
        errno::kept(|| Context::enter(self, self.this_worker(), |_| end()));
    }

    /// Counts the end of what no worker's lane has accepted.
    pub(crate) fn ended_here(&self) {
        self.rest.end_shared();
        self.answer_waiters();
    }
}
