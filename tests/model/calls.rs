//! What each call of a script does, and what a pool as a whole is asked.

use std::sync::atomic::Ordering::*;
use std::thread;

use tp::capi::blocking::*;
use tp::capi::parallel::*;
use tp::capi::pool::*;
use tp::capi::status::*;
use tp::capi::wait::*;
use tp::capi::worker::*;

use super::bad;
use super::case::{Call, Limit, PLACES};
use super::world::{Frame, Kind, World};

pub(crate) const FOREVER: u64 = u64::MAX;
const SHORT: u64 = 100_000;

/// Runs the frame's script, and closes what it has left open where the frame is a part of a task.
pub(crate) fn run_script(frame: &Frame<'_>) {
    let case = frame.world.case.clone();
    for &call in case.scripts.get(frame.script).into_iter().flatten() {
        if !frame.world.may_call(1) {
            break;
        }
        frame.perform(call);
    }
    frame.resume_own();
    // What a task leaves open ends with it.
    if frame.is_part || frame.pool.is_none() {
        while frame.open.get() > 0 {
            frame.end_blocking();
        }
    }
}

impl World {
    /// Whether some pool has so few threads in reserve that a wait may find none.
    pub(crate) fn may_lack_threads(&self) -> bool {
        self.pools.iter().any(|pool| pool.spec.max_reserve != 0)
    }
}

impl Frame<'_> {
    fn perform(&self, call: Call) {
        let pool = |number: u8| self.world.pool(number);
        match call {
            Call::Look { pool: of } => self.look(pool(of)),
            Call::Submit { pool: to, script } => self.submit(pool(to), self.script_below(script), None),
            Call::SubmitWith { pool: to, script, extras } => {
                self.submit(pool(to), self.script_below(script), Some(extras));
            }
            Call::Batch { pool: to, script, n } => {
                self.submit_batch(pool(to), self.script_below(script), n.into());
            }
            Call::Wait { pool: of, limit } => self.wait(pool(of), limit),
            Call::Fork { pool: to, script, n } => self.fork(pool(to), script, n),
            Call::Await { pool: to, script, limit } => self.run_and_await(pool(to), script, limit),
            Call::Async { pool: to, script, future, extras } => self.run_async(pool(to), script, future, extras),
            Call::Then { pool: to, input, script, next } => self.then(pool(to), input, script, next),
            Call::ByHand { future } => self.make_by_hand(future),
            Call::Complete { future } => self.complete(future),
            Call::CancelFuture { future } => self.cancel_future(future),
            Call::WaitFuture { future, limit } => self.wait_future(future, limit),
            Call::WaitAny { first, n, limit } => self.wait_any(first, n, limit),
            Call::Release { future } => self.world.put_future(future, None),
            Call::Group { pool: of, parent, group } => self.make_group(pool(of), parent, group),
            Call::GroupSubmit { group, script, extras } => self.submit_to_group(group, script, extras),
            Call::GroupWait { group, limit } => self.wait_group(group, limit),
            Call::Notify { group, script } => self.notify(group, script),
            Call::CancelGroup { group } => self.cancel_group(group),
            Call::DestroyGroup { group } => self.destroy_group(group),
            Call::Invoke { pool: of, a, b } => self.invoke(pool(of), a, b),
            Call::For { pool: of, script, n, stops } => self.loop_over(pool(of), script, n, stops),
            Call::Reduce { pool: of, script, n } => self.reduce(pool(of), script, n),
            Call::Sort { pool: of, kind, n } => self.sort(pool(of), kind, n),
            Call::Gang { pool: of, script, n } => self.gang(pool(of), script, n.into()),
            Call::BlockingBegin => self.begin_blocking(),
            Call::BlockingEnd => self.end_blocking(),
            Call::Pause { pool: of } => self.pause(pool(of)),
            Call::Resume { pool: of } => self.control(pool(of), |handle| tp_resume(handle)),
            Call::Resize { pool: of, threads } => self.resize(pool(of), threads),
            Call::Shutdown { pool: of, mode, limit } => self.shutdown(pool(of), mode, limit),
            Call::Destroy { pool: of } => self.destroy(pool(of)),
            Call::Census { pool: of, n } => self.census(pool(of), n),
            Call::Bad { which } => bad::call(self, which),
            Call::GiveWay => thread::yield_now(),
        }
    }

    pub(crate) fn check(&self, holds: bool, what: impl FnOnce() -> String) {
        self.world.check(holds, || format!("{} in {}", what(), self.place()));
    }

    /// How long to wait for what has tasks of pool `of` alone (None: of several, or none) of scripts from `floor` on, and
    /// `ends` if these end.
    pub(crate) fn timeout(&self, limit: Limit, of: Option<usize>, floor: usize, ends: bool) -> u64 {
        let asked = match limit {
            Limit::Poll => return 0,
            Limit::Short => SHORT,
            Limit::Forever if ends => FOREVER,
            Limit::Forever => SHORT,
        };
        if !self.is_inside_any() {
            return asked;
        }
        let could_run_here = of.is_none() || of == self.pool;
        let is_pure = of.is_some() && self.stack().all(|frame| frame.pool.is_none() || frame.pool == of);
        match self.script < floor {
            // It would run here what may wait for this one.
            false if could_run_here => 0,
            true if is_pure => asked,
            _ => SHORT,
        }
    }

    fn look(&self, pool: usize) {
        let expected = self.pool.map_or(std::ptr::null_mut(), |pool| self.world.pools[pool].handle());
        self.check(tp_current() == expected, || "another pool is current".to_string());
        let index = tp_worker_index();
        self.check(self.is_inside_any() || index == -1, || format!("worker {index} outside"));
        self.check(self.is_inside_any() || tp_cancelled() == 0, || "cancelled outside".to_string());
        self.with_pool(pool, |handle| {
            let (threads, slots, queued) = (tp_thread_count(handle), tp_slot_count(handle), tp_queued(handle));
            let spec = &self.world.pools[pool].spec;
            self.check((1..=5).contains(&threads), || format!("{threads} threads"));
            self.check(slots == spec.threads + 1, || format!("{slots} slots"));
            self.check(queued < 1000, || format!("{queued} queued"));
        });
        for place in 0..PLACES as u8 {
            if let Some(future) = self.world.future(place) {
                self.look_at(&future);
            }
        }
    }

    fn wait(&self, pool: usize, limit: Limit) {
        let inside = self.is_inside(pool);
        let timeout_ns = match limit {
            Limit::Poll => 0,
            Limit::Forever if !self.is_inside_any() => FOREVER,
            _ => SHORT,
        };
        if timeout_ns != 0 {
            self.resume_own();
        }
        let before = self.world.accepted(|ticket| ticket.pool == pool && ticket.kind != Kind::Then);
        let Some(status) = self.with_pool(pool, |handle| tp_wait(handle, timeout_ns)) else {
            return;
        };
        let fits = match status {
            TP_OK => !inside,
            TP_EDEADLK => inside,
            TP_ETIMEDOUT => !inside && timeout_ns != FOREVER,
            TP_EAGAIN => !inside && self.is_inside_any() && self.world.may_lack_threads(),
            _ => false,
        };
        self.check(fits, || format!("a wait for pool {pool} says {status}"));
        if status == TP_OK {
            self.check_ended(&before, "the pool");
        }
    }

    /// After a wait for all of these.
    pub(crate) fn check_ended(&self, tickets: &[&super::world::Ticket], what: &str) {
        for ticket in tickets {
            self.check(ticket.has_ended(self.world), || format!("a wait for {what} left task {}", ticket.number));
        }
    }

    /// A call that a pool that is shut down refuses, to all.
    fn control(&self, pool: usize, call: impl FnOnce(*mut tp_pool) -> tp_status) {
        let of = &self.world.pools[pool];
        let shut = of.shut.load(SeqCst);
        if let Some(status) = self.with_pool(pool, call) {
            let fits = status == TP_OK && !shut || status == TP_ESHUTDOWN && of.shut_begun.load(SeqCst);
            self.check(fits, || format!("a control of pool {pool} says {status}"));
        }
    }

    fn pause(&self, pool: usize) {
        self.paused.fetch_or(1 << pool, SeqCst);
        self.control(pool, |handle| tp_pause(handle));
    }

    fn resize(&self, pool: usize, threads: u32) {
        if (1..=5).contains(&threads) {
            self.world.pools[pool].resized.store(true, SeqCst);
            return self.control(pool, |handle| tp_resize(handle, threads));
        }
        let threads = if threads == 0 { 0 } else { 5000 };
        if let Some(status) = self.with_pool(pool, |handle| tp_resize(handle, threads)) {
            self.check(status == TP_EINVAL, || format!("a resize to {threads} says {status}"));
        }
    }

    fn shutdown(&self, pool: usize, mode: i32, limit: Limit) {
        let (inside, of) = (self.is_inside(pool), &self.world.pools[pool]);
        let discards = mode == TP_DISCARD;
        let valid = discards || mode == TP_DRAIN;
        let timeout_ns = match limit {
            Limit::Poll => 0,
            Limit::Forever if !self.is_inside_any() => FOREVER,
            _ => SHORT,
        };
        self.resume_own();
        let shut = |handle| {
            if !inside && valid {
                of.discard_begun.fetch_or(discards, SeqCst);
                of.shut_begun.store(true, SeqCst);
            }
            tp_shutdown(handle, mode, timeout_ns)
        };
        let Some(status) = self.with_pool(pool, shut) else {
            return;
        };
        let fits = match status {
            TP_OK => valid && !inside,
            TP_EINVAL => !valid,
            TP_EDEADLK => valid && inside,
            TP_ETIMEDOUT => valid && !inside && timeout_ns != FOREVER,
            _ => false,
        };
        self.check(fits, || format!("a shutdown of pool {pool} says {status}"));
        if matches!(status, TP_OK | TP_ETIMEDOUT) {
            of.discarded.fetch_or(discards, SeqCst);
            of.shut.store(true, SeqCst);
        }
        if status == TP_OK {
            of.ended.store(true, SeqCst);
            self.check_ended(&self.world.accepted(|t| t.pool == pool && t.kind != Kind::Then), "the end");
        }
    }

    fn destroy(&self, pool: usize) {
        let of = &self.world.pools[pool];
        if self.is_inside(pool) {
            let status = tp_destroy(of.handle());
            self.check(status == TP_EDEADLK, || format!("a destroy from inside says {status}"));
        } else if !self.is_inside_any() {
            self.resume_own();
            if let Some(status) = of.destroy() {
                self.check(status == TP_OK, || format!("a destroy says {status}"));
                self.check_ended(&self.world.accepted(|t| t.pool == pool && t.kind != Kind::Then), "the end");
            }
        }
    }

    fn begin_blocking(&self) {
        self.resume_own();
        let status = tp_blocking_begin();
        let fits = status == TP_OK || status == TP_EAGAIN && self.is_inside_any() && self.world.may_lack_threads();
        self.check(fits, || format!("a blocking region begins with {status}"));
        self.open.set(self.open.get() + 1);
    }

    fn end_blocking(&self) {
        if self.open.get() == 0 && self.is_part {
            // There may be one of the task that this is a part of.
            return;
        }
        let status = tp_blocking_end();
        let expected = if self.open.get() > 0 { TP_OK } else { TP_EINVAL };
        self.check(status == expected, || format!("a blocking region ends with {status}"));
        self.open.set(self.open.get().saturating_sub(1));
    }
}
