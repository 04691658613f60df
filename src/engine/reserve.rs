//! Reserve workers: whoever takes the place of a worker that is blocked, so that as many run as were asked for.
//!
//! A worker is active from its start until it leaves or goes idle, and blocked while its task waits or says that it blocks.
//! Whoever blocks a worker when fewer run than are wanted calls a reserve: one that is idle, else a new thread. A worker
//! beyond the wanted ones that finds more running than that, between two tasks and with none left in its queue, goes idle;
//! if nobody calls it for `IDLE_NS` its thread ends.
//!
//! One word holds both counts, so that each decision is one step.

use crate::engine::duty::Duty;
use crate::engine::pool::{Pool, State};
use crate::engine::worker::{CALLED, EMPTY, FILLED, IDLE, LEAVING, Worker};
use crate::error::{Error, Result};
use crate::sync::{AcqRel, Acquire, AtomicU64, Backoff, Relaxed, Release, lock, spin_loop};
use crate::sys::clock::{Deadline, now_ns};

/// How long a thread waits to be called before it ends.
pub(crate) const IDLE_NS: u64 = 1_000_000_000;

const ACTIVE_ONE: u64 = 1 << 32;

/// How many workers are active, in the upper half, and how many of them are blocked.
#[derive(Clone, Copy)]
struct Counts(u64);

impl Counts {
    fn active(self) -> u64 {
        self.0 >> 32
    }

    fn running(self) -> u64 {
        self.active().saturating_sub(self.0 & (ACTIVE_ONE - 1))
    }
}

#[derive(Default)]
pub(crate) struct Reserve {
    counts: AtomicU64,
}

impl Reserve {
    /// For `Waiter::count_in`: one is taken off when a waiter goes on.
    pub(crate) fn counts(&self) -> &AtomicU64 {
        &self.counts
    }

    fn now(&self) -> Counts {
        Counts(self.counts.load(Acquire))
    }

    pub(crate) fn has_blocked(&self) -> bool {
        self.now().0 & (ACTIVE_ONE - 1) != 0
    }

    pub(crate) fn add_active(&self) {
        self.counts.fetch_add(ACTIVE_ONE, AcqRel);
    }

    pub(crate) fn remove_active(&self) {
        self.counts.fetch_sub(ACTIVE_ONE, AcqRel);
    }

    /// One more or one less active, if `may` says so of the counts; else what they were.
    fn change(&self, to: impl Fn(u64) -> u64, may: impl Fn(Counts) -> bool) -> core::result::Result<(), Counts> {
        let changed = |counts| may(Counts(counts)).then(|| to(counts));
        self.counts.fetch_update(AcqRel, Acquire, changed).map(drop).map_err(Counts)
    }

    /// For a worker beyond the wanted ones.
    pub(crate) fn has_surplus(&self, wanted: u32) -> bool {
        self.now().running() > u64::from(wanted)
    }

    pub(crate) fn leave(&self, wanted: u32) -> bool {
        self.change(|counts| counts - ACTIVE_ONE, |counts| counts.running() > u64::from(wanted)).is_ok()
    }
}

impl Pool {
    /// The calling worker is blocked from now on, even if this fails because no thread can be had in its place.
    pub(crate) fn begin_blocked(&self, worker: &Worker) -> Result<()> {
        worker.is_blocked.store(true, Relaxed);
        self.reserve.counts.fetch_add(1, AcqRel);
        self.call_reserve(None).map(drop)
    }

    /// For a worker that is blocked already: fails if it was not replaced, can't be now, and nobody else can run.
    pub(crate) fn replaced_or_alone(&self) -> Result<()> {
        if self.anyone_runs() { Ok(()) } else { self.call_reserve(None).map(drop) }
    }

    /// As many as are missing, where they can be had.
    pub(crate) fn fill_up(&self) {
        while let Ok(true) = self.call_reserve(None) {}
    }

    pub(crate) fn end_blocked(&self, worker: &Worker) {
        worker.is_blocked.store(false, Relaxed);
        self.reserve.counts.fetch_sub(1, AcqRel);
    }

    pub(crate) fn lacks_workers(&self) -> bool {
        self.reserve.now().running() < u64::from(self.wanted.load(Acquire))
    }

    pub(crate) fn anyone_runs(&self) -> bool {
        self.reserve.now().running() > 0
    }

    /// Whether one was called; none is for the work where enough run.
    pub(crate) fn call_reserve(&self, duty: Option<&Duty>) -> Result<bool> {
        let wanted = u64::from(self.wanted.load(Acquire));
        let most = wanted + u64::from(self.options.max_reserve);
        let needed = |counts: Counts| duty.is_some() || counts.running() < wanted;
        let may = |counts: Counts| needed(counts) && counts.active() < most;
        if let Err(counts) = self.reserve.change(|counts| counts + ACTIVE_ONE, may) {
            return if needed(counts) { Err(Error::NoThread) } else { Ok(false) };
        }
        let mut backoff = Backoff::default();
        loop {
            // Both may have changed, by a resize that has filled the places itself.
            let wanted = self.wanted.load(Acquire);
            if duty.is_none() && self.reserve.leave(wanted) {
                return Ok(false);
            }
            let most = u64::from(wanted) + u64::from(self.options.max_reserve);
            if self.reserve.change(|counts| counts - ACTIVE_ONE, |counts| counts.active() > most).is_ok() {
                return Err(Error::NoThread);
            }
            let places = wanted..wanted + self.options.max_reserve;
            if places.clone().filter_map(|index| self.workers.get(index)).any(|worker| worker.recall_for(duty)) {
                return Ok(true);
            }
            let is_empty = |&index: &u32| self.workers.get(index).is_none_or(|worker| worker.place() == EMPTY);
            if let Some(index) = places.clone().find(is_empty) {
                match self.hire_reserve(index, duty) {
                    Ok(true) => return Ok(true),
                    Ok(false) => {}
                    Err(_) => {
                        self.reserve.remove_active();
                        return Err(Error::NoThread);
                    }
                }
            }
            if places.filter_map(|index| self.workers.get(index)).any(|worker| worker.place() == LEAVING) {
                self.reserve.remove_active();
                return Err(Error::NoThread);
            }
            // One that has counted itself out is about to go, or another caller was faster.
            backoff.snooze();
        }
    }
}

impl Worker {
    /// Likewise, to a duty if there is one.
    fn recall_for(&self, duty: Option<&Duty>) -> bool {
        let Some(duty) = duty else {
            return self.recall();
        };
        // Nobody looks for an empty place meanwhile.
        let _post = lock(&self.post);
        if self.place() != IDLE || self.place.compare_exchange(IDLE, CALLED, AcqRel, Relaxed).is_err() {
            return false;
        }
        self.give_duty(duty);
        self.place.store(FILLED, Release);
        self.place.wake_all();
        true
    }

    /// Gets an idle thread back to work, which has been counted as active.
    pub(crate) fn recall(&self) -> bool {
        let recalled = self.place() == IDLE && self.place.compare_exchange(IDLE, FILLED, AcqRel, Relaxed).is_ok();
        if recalled {
            self.place.wake_all();
        }
        recalled
    }

    /// Whether its thread leaves the work, and if so whether for good. Not if it is wanted again by now.
    pub(crate) fn resign(&self) -> Option<bool> {
        let pool = self.pool();
        let _post = lock(&self.post);
        let wanted = pool.wanted.load(Acquire);
        if self.index < wanted || !pool.reserve.leave(wanted) {
            return None;
        }
        let for_good = pool.state() == State::Ended || !self.is_reserve.load(Relaxed);
        self.place.store(if for_good { LEAVING } else { IDLE }, Release);
        Some(for_good)
    }

    /// Waits until it is recalled; false: nobody did, and the thread ends.
    pub(crate) fn idle(&self) -> bool {
        let deadline = Deadline::At(now_ns().saturating_add(IDLE_NS));
        loop {
            match self.place() {
                FILLED => return true,
                LEAVING => return false,
                CALLED => spin_loop(),
                _ => {}
            }
            let over = self.place.wait(IDLE, deadline).is_err();
            // From then on, `FILLED` may speak of another thread.
            if over && self.place.compare_exchange(IDLE, LEAVING, AcqRel, Relaxed).is_ok() {
                return false;
            }
        }
    }

    /// The pool has ended: an idle thread is not needed any more.
    pub(crate) fn release(&self) {
        let _post = lock(&self.post);
        if self.place.compare_exchange(IDLE, LEAVING, AcqRel, Relaxed).is_ok() {
            self.place.wake_all();
        }
    }
}
