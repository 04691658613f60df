//! Where a worker gets its next task, and its life between tasks.
//!
//! In this order: its own queue; a batch from the injector; half of another worker's queue. What it takes beyond one
//! task goes to its own queue, where others can take it again.
//!
//! Order. A task may wait for an older one of its submitter, on any number of workers, for these two rules hold:
//! (1) a worker starts nothing that is younger than what waits in its own queue, for that is ordered by age, it brings a
//! batch only when it is empty, and from a batch it starts the oldest; (2) tasks leave the injector in the order in which
//! they came. Of the tasks that have not ended, none of those that wait for an older one can be the oldest of its chain:
//! follow each to the one that it waits for. That one runs, or waits in the queue of a worker which runs one older still.
//! Ages fall at each such step, so the chain ends at a task that runs and waits for nobody.
//!
//! A worker that is not wanted any more takes nothing from elsewhere, and leaves when its queue is empty: so a queue with
//! tasks has a worker that runs one older.
//!
//! Fairness. The injector's oldest task goes first if it is older than the own queue's oldest, so a task that submits
//! itself for ever passes none that came from outside before. Every `STEAL_FIRST`th time that a worker comes for more it
//! looks at another worker's queue before the injector, so what waits behind a long task is found while the injector
//! never runs dry. `watch` sees to it while the own queue never runs dry.
//!
//! Batches. The most that a worker takes doubles while its batches take less than `SHORT_NS` and halves while they
//! don't. So tiny tasks pay the shared lines once a batch, and large tasks leave the injector one by one.

use crate::engine::blocks::Stamped;
use crate::engine::context::Context;
use crate::engine::pool::{Pool, State};
use crate::engine::reserve::IDLE_NS;
use crate::engine::task::{End, Task};
use crate::engine::watch::Watch;
use crate::engine::worker::Worker;
use crate::error::Error;
use crate::sync::{Relaxed, SeqCst, fence, spin_loop, yield_now};
use crate::sys::clock::{Deadline, now_ns};
use crate::sys::signal;

const BATCH_MAX: u64 = 64;
const SHORT_NS: u64 = 50_000;
const STEAL_FIRST: u32 = 8;
/// How long a worker searches after its last task, before it parks, and how long if it was parked for longer than the
/// former: then tasks are so rare that searching costs more than it saves.
const SEARCH_NS: u64 = 20_000;
const SEARCH_BRIEFLY_NS: u64 = 1_000;

pub(crate) struct Search<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) worker: &'a Worker,
    context: &'a Context,
    pub(crate) watch: Watch,
    /// The most tasks to take at a time.
    batch: u64,
    batch_began: u64,
    search_ns: u64,
    /// How often the worker has come for more; also where it begins to look for victims.
    turn: u32,
}

impl<'a> Search<'a> {
    pub(crate) fn new(pool: &'a Pool, worker: &'a Worker, context: &'a Context) -> Search<'a> {
        Search {
            pool,
            worker,
            context,
            watch: Watch::default(),
            batch: 1,
            batch_began: 0,
            search_ns: SEARCH_NS,
            turn: worker.index,
        }
    }

    /// Runs tasks until the worker is not wanted any more and has none left. (Left behind, they could be older than what
    /// others start next.)
    pub(crate) fn work(&mut self) {
        if let Some(duty) = self.take_duty() {
            self.run(duty);
        }
        while !self.may_leave() {
            match self.find() {
                Some(task) => self.run(task),
                None => {
                    if let Some(task) = self.search() {
                        self.run(task);
                    }
                }
            }
        }
    }

    #[inline]
    pub(crate) fn is_unwanted(&self) -> bool {
        !self.pool.wants(self.worker)
    }

    #[inline]
    fn may_leave(&self) -> bool {
        self.is_unwanted() && self.worker.queue.len() == 0
    }

    #[inline]
    fn run(&self, task: Task) {
        let discards = self.pool.state() == State::Discarding;
        task.end(if discards { End::Drop(Error::ShutDown.status()) } else { End::Run });
        self.context.close_blocking();
        self.worker.lane.end();
    }

    /// Searches, and parks when that is in vain, until there is a task or the worker may leave.
    fn search(&mut self) -> Option<Task> {
        let (pool, worker) = (self.pool, self.worker);
        signal::restore();
        pool.sleep.start_searching();
        pool.answer_waiters();
        let mut give_up = now_ns() + self.search_ns;
        loop {
            let task = self.find();
            if task.is_some() || self.may_leave() {
                self.stop_searching();
                return task;
            }
            if now_ns() < give_up {
                self.pass_time();
                continue;
            }
            pool.sleep.fall_asleep(worker.index, &worker.seat);
            if self.may_leave() {
                // The one who wants us gone may have looked before we were parked. All, for we can't pick ourselves.
                pool.sleep.wake_all(&pool.workers);
            } else if pool.has_work() {
                pool.sleep.task_added(&pool.workers);
            }
            let parked = now_ns();
            self.sleep();
            if let Some(duty) = self.take_duty() {
                self.stop_searching();
                return Some(duty);
            }
            let now = now_ns();
            self.search_ns = if now - parked < SEARCH_NS { SEARCH_NS } else { SEARCH_BRIEFLY_NS };
            give_up = now + self.search_ns;
        }
    }

    fn stop_searching(&self) {
        let pool = self.pool;
        if pool.sleep.stop_searching() && pool.has_work() {
            pool.sleep.task_added(&pool.workers);
        }
    }

    /// Parked, until woken. A reserve looks now and then whether it is still needed.
    fn sleep(&self) {
        let (pool, worker) = (self.pool, self.worker);
        while let Some(deadline) = pool.sleep.start_doze(now_ns()) {
            let woken = pool.sleep.wait(&worker.seat, deadline);
            pool.sleep.end_doze();
            if woken {
                return;
            }
            if pool.has_work() {
                pool.sleep.task_added(&pool.workers);
            }
        }
        let deadline = || match worker.index < pool.wanted.load(Relaxed) {
            true => Deadline::Never,
            false => Deadline::At(now_ns().saturating_add(IDLE_NS)),
        };
        while !pool.sleep.wait(&worker.seat, deadline()) {
            if self.is_unwanted() {
                // All, for we can't pick ourselves.
                pool.sleep.wake_all(&pool.workers);
            }
        }
    }

    /// Between two looks. Where tasks come fast, whoever has the next may be waiting for our CPU. Where they are rare we keep
    /// it, for we park soon, and a thread that has yielded is late to get its CPU when it is woken.
    fn pass_time(&self) {
        if self.search_ns == SEARCH_NS {
            yield_now();
        } else {
            spin_loop();
        }
    }

    #[inline]
    fn find(&mut self) -> Option<Task> {
        let (pool, queue) = (self.pool, self.worker.own_queue());
        let turn = self.watch.count();
        if let Some(task) = self.take_prioritized(turn) {
            return Some(task);
        }
        if self.watch.is_due()
            && let Some(task) = self.look_around()
        {
            return Some(task);
        }
        match queue.pop(&pool.blocks, |age| age <= pool.injector.head().position()) {
            Ok(task) => return Some(task),
            Err(Some(age)) => {
                let older = self.take_injected(1, age);
                if let Some(task) = older.or_else(|| queue.pop(&pool.blocks, |_| true).ok()) {
                    return Some(task);
                }
            }
            Err(None) => {}
        }
        // A paused queue may still hold something: then nothing younger is brought.
        if self.worker.queue.len() > 0 || self.is_unwanted() { None } else { self.refill() }
    }

    /// The next task from elsewhere; the own queue is empty.
    fn refill(&mut self) -> Option<Task> {
        let late = self.pool.take_late();
        if late.is_some() {
            return late;
        }
        let most = self.next_batch();
        self.turn = self.turn.wrapping_add(1);
        let places = self.pool.workers.len();
        let early = self.turn.is_multiple_of(STEAL_FIRST);
        let stolen = if early { self.steal_if_older(self.turn / STEAL_FIRST % places, most) } else { None };
        stolen
            .or_else(|| if early { None } else { self.take_fork(self.turn) })
            .or_else(|| self.relieve(most))
            .or_else(|| self.take_injected(most, u64::MAX))
            .or_else(|| if early { self.take_fork(self.turn) } else { None })
            .or_else(|| (0..places).find_map(|nth| self.steal(self.turn.wrapping_add(nth) % places, most)))
            .or_else(|| self.take_leftover())
    }

    /// How many tasks to take this time, by how long the last batch took.
    fn next_batch(&mut self) -> u64 {
        if !self.pool.spreads() {
            return 1;
        }
        let now = now_ns();
        let was_short = now - self.batch_began < SHORT_NS;
        self.batch = if was_short { (self.batch * 2).min(BATCH_MAX) } else { (self.batch / 2).max(1) };
        self.batch_began = now;
        // A batch needs a place to go to; one task needs none.
        self.worker.own_queue().reserve(self.batch, &self.pool.blocks).map_or(1, |()| self.batch)
    }

    /// Of the injector's tasks, only those that are older than `age`.
    fn take_injected(&self, most: u64, age: u64) -> Option<Task> {
        let (pool, queue) = (self.pool, &self.pool.injector);
        let share = |available: u64| (available / u64::from(pool.wanted.load(Relaxed).max(1))).clamp(1, most);
        let claim = queue.claim_older(age, share)?;
        let task = queue.read(&claim, 0).task;
        if claim.count > 1 {
            self.keep((1..claim.count).map(|nth| queue.read(&claim, nth)));
        }
        claim.finish(&pool.blocks);
        if let Some(capacity) = &pool.capacity {
            capacity.give();
        }
        Some(task)
    }

    /// Appends the rest of a batch to the own queue. It was nowhere to be seen meanwhile, so someone may have to be told.
    fn keep(&self, rest: impl Iterator<Item = Stamped>) {
        self.worker.own_queue().push_all(rest);
        fence(SeqCst);
        self.pool.sleep.task_added(&self.pool.workers);
    }

    /// From the queues of workers that are blocked, if there are any, before the injector: a blocked one does not come back to
    /// them, and what they have waits for nobody younger.
    fn relieve(&self, most: u64) -> Option<Task> {
        if !self.pool.reserve.has_blocked() {
            return None;
        }
        let blocked = self.pool.workers.iter().filter(|worker| worker.is_blocked.load(Relaxed));
        let (age, index) = blocked.filter_map(|worker| worker.queue.oldest().map(|age| (age, worker.index))).min()?;
        if age <= self.pool.injector.head().position() { self.steal(index, most) } else { None }
    }

    /// Nothing that passes an older task of the injector.
    fn steal_if_older(&self, index: u32, most: u64) -> Option<Task> {
        let age = self.pool.workers.get(index)?.queue.oldest()?;
        if age <= self.pool.injector.head().position() { self.steal(index, most) } else { None }
    }

    pub(crate) fn steal(&self, index: u32, most: u64) -> Option<Task> {
        let victim = self.pool.workers.get(index).filter(|_| index != self.worker.index)?;
        let claim = victim.queue.claim(|available| available.div_ceil(2).min(most), false)?;
        let task = claim.slot(0).read().task;
        if claim.count > 1 {
            self.keep((1..claim.count).map(|nth| claim.slot(nth).read()));
        }
        claim.finish(&self.pool.blocks);
        Some(task)
    }
}
