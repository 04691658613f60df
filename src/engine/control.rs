//! What happens to a pool as a whole: start, resize, pause, shutdown. One lock orders these; no task takes it.
//!
//! Threads are made first and let go together: until the gate opens they wait, so that where one can't be had the others
//! leave without having called a hook.
//!
//! A shutdown shuts the injector, waits until the pool is quiet, and only then ends it. What was accepted before is in
//! the counts, what comes later is refused, so once quiet the pool stays so.

use crate::engine::duty::Duty;
use crate::engine::injector::{Injector, Side};
use crate::engine::options::MAX_THREADS;
use crate::engine::park;
use crate::engine::pool::{Pool, State, prepare_process};
use crate::engine::task::Task;
use crate::engine::worker::Worker;
use crate::error::{Error, Result};
use crate::sync::{AcqRel, Acquire, Relaxed, Release, SeqCst, fence, lock};
use crate::sys::clock::Deadline;
use crate::sys::tsan;

/// Owned by the control lock.
#[derive(Default)]
pub(crate) struct Control {
    paused: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shutdown {
    Drain,
    Discard,
}

pub(crate) const GATE_CLOSED: u32 = 0;
const GATE_OPEN: u32 = 1;
pub(crate) const GATE_ABORTED: u32 = 2;

/// A thread that the system finds wrongly asked for is the caller's mistake where a pool is made. Later it is one that can't
/// be had, for what the caller asks for then is not at fault.
pub(crate) fn not_had(error: Error) -> Error {
    if error == Error::Invalid { Error::NoThread } else { error }
}

impl Pool {
    /// Starts the workers, or leaves the pool as it was.
    pub(crate) fn start(&self) -> Result<()> {
        if self.has_started() {
            return Ok(());
        }
        prepare_process()?;
        let control = lock(&self.control);
        if self.has_started() {
            return Ok(());
        }
        self.injectors().try_for_each(|injector| injector.init(&self.blocks))?;
        self.gate.store(GATE_CLOSED, Relaxed);
        let threads = self.thread_count.load(Relaxed);
        let result = (0..threads).try_for_each(|index| self.hire(index, &control));
        if result.is_ok() {
            self.injectors().for_each(Injector::open);
            self.started.store(true, Release);
        }
        // Only now: a hook may submit.
        self.gate.store(if result.is_ok() { GATE_OPEN } else { GATE_ABORTED }, Release);
        self.gate.wake_all();
        if result.is_err() {
            self.workers.iter().for_each(|worker| worker.dismiss());
        }
        result
    }

    /// Sees to it that worker `index` is there.
    fn hire(&self, index: u32, control: &Control) -> Result<()> {
        let worker = self.workers.get_or_make(index, self)?;
        if control.paused {
            worker.queue.head().shut();
        }
        worker.hire()
    }

    /// Starts a thread in a reserve worker's place; false: there is one.
    pub(crate) fn hire_reserve(&self, index: u32, duty: Option<&Duty>) -> Result<bool> {
        let control = lock(&self.control);
        let wanted = self.wanted.load(Relaxed);
        if !(wanted..wanted + self.options.max_reserve).contains(&index) {
            return Ok(false);
        }
        let worker = self.workers.get_or_make(index, self)?;
        if control.paused {
            worker.queue.head().shut();
        }
        worker.hire_reserve(duty)
    }

    fn running_only(&self) -> Result<()> {
        if self.state() > State::Running { Err(Error::ShutDown) } else { Ok(()) }
    }

    pub(crate) fn resize(&self, threads: u32) -> Result<()> {
        if !(1..=MAX_THREADS).contains(&threads) {
            return Err(Error::Invalid);
        }
        self.same_process()?;
        let control = lock(&self.control);
        self.running_only()?;
        let before = self.thread_count.load(Relaxed);
        self.wanted.store(threads, Release);
        if self.has_started()
            && let Err(error) = (0..threads).try_for_each(|index| self.hire(index, &control))
        {
            self.wanted.store(before, Release);
            self.wake_all();
            return Err(not_had(error));
        }
        self.thread_count.store(threads, Release);
        if !self.has_started() {
            return Ok(());
        }
        self.wake_all();
        drop(control);
        // A reserve in a new place is one of those asked for now, and the one it stood in for is still blocked.
        self.fill_up();
        Ok(())
    }

    fn wake_all(&self) {
        // Pairs with the fence of a worker that falls asleep: it sees what has changed, or we see it parked.
        fence(SeqCst);
        self.sleep.wake_all(&self.workers);
    }

    pub(crate) fn pause(&self) -> Result<()> {
        self.same_process()?;
        let mut control = lock(&self.control);
        self.running_only()?;
        control.paused = true;
        self.injectors().for_each(|injector| injector.head().shut());
        self.workers.iter().for_each(|worker| worker.queue.head().shut());
        self.late.pass();
        self.pass_early_starts();
        Ok(())
    }

    pub(crate) fn resume(&self) -> Result<()> {
        self.same_process()?;
        let mut control = lock(&self.control);
        self.running_only()?;
        self.open_heads(&mut control);
        Ok(())
    }

    fn open_heads(&self, control: &mut Control) {
        control.paused = false;
        // The injectors first: a task that has started sees a pool that may start others.
        self.injectors().for_each(|injector| injector.head().open());
        self.workers.iter().for_each(|worker| worker.queue.head().open());
        fence(SeqCst);
        self.sleep.task_added(&self.workers);
    }

    pub(crate) fn shutdown(&self, mode: Shutdown, timeout_ns: u64) -> Result<()> {
        self.outside_only()?;
        self.owned_only()?;
        self.shut(mode);
        let deadline = Deadline::after(timeout_ns);
        park::while_blocked_anyway(|| {
            self.wait_until_quiet(deadline)?;
            self.let_workers_go();
            self.tell_clients();
            loop {
                match self.alive.load(Acquire) {
                    0 => {
                        tsan::acquire(self);
                        return Ok(());
                    }
                    alive => self.alive.wait(alive, deadline)?,
                }
            }
        })
    }

    /// Refuses tasks from now on, those of its own tasks too if it discards; then it drops what is queued as well.
    fn shut(&self, mode: Shutdown) {
        let (state, side) = match mode {
            Shutdown::Drain => (State::Draining, Side::Outside),
            Shutdown::Discard => (State::Discarding, Side::Inside),
        };
        let mut control = lock(&self.control);
        self.state.fetch_max(state as u32, AcqRel);
        self.injectors().for_each(|injector| injector.shut(side));
        self.open_heads(&mut control);
        drop(control);
        if let Some(capacity) = &self.capacity {
            capacity.interrupt();
        }
        if mode == Shutdown::Discard {
            self.discard();
        }
    }

    /// Of the lowest priority that is queued.
    pub(crate) fn pop_oldest(&self) -> Option<Task> {
        self.injectors().find_map(|injector| injector.pop(&self.blocks, true))
    }

    /// Drops what is queued. What a worker gets at first, or what its task is just submitting, the worker drops.
    fn discard(&self) {
        while let Some(task) = self.pop_oldest() {
            if let Some(capacity) = &self.capacity {
                capacity.give();
            }
            self.drop_here(task, Error::ShutDown);
        }
        while let Some(task) = self.take_late() {
            self.drop_here(task, Error::ShutDown);
        }
        for worker in self.workers.iter() {
            while let Some(task) = worker.queue.pop(&self.blocks, true) {
                self.drop_here(task, Error::ShutDown);
            }
        }
    }

    /// The pool is quiet and takes nothing from outside: it has come to its end.
    fn let_workers_go(&self) {
        let _control = lock(&self.control);
        self.state.store(State::Ended as u32, Release);
        self.injectors().for_each(|injector| injector.shut(Side::Inside));
        self.wanted.store(0, Release);
        self.wake_all();
        self.workers.iter().for_each(Worker::release);
    }

    /// Drains the pool and joins its threads.
    pub(crate) fn end(&self) {
        self.shut(Shutdown::Drain);
        park::while_blocked_anyway(|| {
            // Without a limit in time there is no error.
            let _ = self.wait_until_quiet(Deadline::Never);
            self.let_workers_go();
            self.tell_clients();
            self.workers.iter().for_each(|worker| worker.dismiss());
        });
        tsan::acquire(self);
        // Entries that are no task any more.
        self.discard();
    }
}
