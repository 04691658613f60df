//! Calls on futures.

use std::iter;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::*};

use tp::capi::blocking::*;
use tp::capi::future::*;
use tp::capi::status::*;

use super::calls::FOREVER;
use super::case::{Extras, Limit};
use super::submit::{Order, run_async, run_then, task_options};
use super::world::{Facts, Frame, Future, Kind, Ticket};

impl Facts {
    fn new(ticket: Option<&'static Ticket>, input: Option<Arc<Facts>>) -> Facts {
        let own = ticket.map(|ticket| ticket.pool);
        Facts {
            pool: input.as_ref().map_or(own, |input| input.pool.filter(|&pool| own == Some(pool))),
            floor: ticket
                .map_or(usize::MAX, |ticket| ticket.script)
                .min(input.as_ref().map_or(usize::MAX, |i| i.floor)),
            ticket,
            input,
            settled: AtomicBool::new(false),
            completed: AtomicBool::new(false),
            cancel_begun: AtomicBool::new(false),
            canceled: AtomicBool::new(false),
            ran: AtomicBool::new(false),
        }
    }

    /// Itself, what it waits for, and so on.
    pub(crate) fn chain(&self) -> impl Iterator<Item = &Facts> {
        iter::successors(Some(self), |facts| facts.input.as_deref())
    }

    fn has_run(&self) -> bool {
        self.ticket.is_some_and(|ticket| ticket.finished.load(SeqCst) && ticket.runs.load(SeqCst) == 1)
    }

    /// Whether it ends without anybody's help.
    fn ends(&self) -> bool {
        self.chain().last().is_none_or(|root| root.ticket.is_some() || root.settled.load(SeqCst))
    }
}

impl Frame<'_> {
    fn start(&self, pool: usize, script: usize, extras: Extras) -> Option<Future> {
        if !self.may_submit_to(pool, 1) {
            return None;
        }
        if extras.priority != 0 {
            self.world.pools[pool].unordered.store(true, SeqCst);
        }
        let order = Order { kind: Kind::Async, pool, script, group: None, has_drop: extras.drop, input: None };
        let mut handle = ptr::null_mut();
        let (ticket, accepted) = self.with_pool(pool, |of| {
            self.offer(order, |arg| match extras {
                Extras { priority: 0, drop: false } => tp_async(of, Some(run_async), arg, &mut handle),
                _ => tp_async_with(of, Some(run_async), arg, &task_options(extras), &mut handle),
            })
        })?;
        self.check(accepted != handle.is_null(), || "a future that was refused has a handle".to_string());
        accepted.then(|| Future { handle, facts: Arc::new(Facts::new(Some(ticket), None)) })
    }

    pub(crate) fn run_async(&self, pool: usize, script: u8, place: u8, extras: Extras) {
        if let Some(future) = self.start(pool, self.script_below(script), extras) {
            self.world.put_future(place, Some(Arc::new(future)));
        }
    }

    pub(crate) fn run_and_await(&self, pool: usize, script: u8, limit: Limit) {
        if let Some(future) = self.start(pool, self.script_below(script), Extras { priority: 0, drop: true }) {
            self.wait_on(&future, limit);
        }
    }

    pub(crate) fn then(&self, pool: usize, input: u8, script: u8, next: u8) {
        let Some(input) = self.world.future(input) else {
            return;
        };
        if !self.world.may_submit(1) {
            return;
        }
        let (script, of) = (self.script_below(script), Some(input.facts.clone()));
        let order = Order { kind: Kind::Then, pool, script, group: None, has_drop: false, input: of };
        let mut handle = ptr::null_mut();
        let offered = self.with_pool(pool, |of| {
            self.offer(order, |arg| tp_future_then(of, input.handle, Some(run_then), arg, &mut handle))
        });
        if let Some((ticket, true)) = offered {
            let facts = Arc::new(Facts::new(Some(ticket), Some(input.facts.clone())));
            self.world.put_future(next, Some(Arc::new(Future { handle, facts })));
        }
    }

    pub(crate) fn make_by_hand(&self, place: u8) {
        let mut handle = ptr::null_mut();
        let status = tp_future_create(&mut handle);
        self.check(status == TP_OK, || format!("a future is made with {status}"));
        let facts = Arc::new(Facts::new(None, None));
        self.world.put_future(place, Some(Arc::new(Future { handle, facts })));
    }

    pub(crate) fn complete(&self, place: u8) {
        let Some(future) = self.world.future(place) else {
            return;
        };
        let facts = &future.facts;
        let status = tp_future_complete(future.handle, facts.value());
        let fits = match status {
            TP_OK => facts.ticket.is_none() && !facts.completed.swap(true, SeqCst) && !facts.canceled.load(SeqCst),
            // Whoever has completed it may not have said so yet.
            TP_EBUSY => facts.ticket.is_none(),
            TP_EINVAL => facts.ticket.is_some(),
            _ => false,
        };
        self.check(fits, || format!("a future is completed with {status}"));
        facts.settled.fetch_or(status == TP_OK, SeqCst);
    }

    pub(crate) fn cancel_future(&self, place: u8) {
        let Some(future) = self.world.future(place) else {
            return;
        };
        let facts = &future.facts;
        facts.cancel_begun.store(true, SeqCst);
        if let Some(ticket) = facts.ticket {
            ticket.future_cancelled.store(true, SeqCst);
        }
        let status = tp_future_cancel(future.handle);
        let is_own = |ticket: &Ticket| self.ticket.is_some_and(|own| ptr::eq(own, ticket));
        let fits = match status {
            TP_OK => {
                facts.canceled.store(true, SeqCst);
                facts.settled.store(true, SeqCst);
                facts.ticket.is_none_or(|ticket| ticket.runs.load(SeqCst) == 0)
                    && !facts.completed.load(SeqCst)
                    && tp_future_state(future.handle) == TP_FUTURE_CANCELED
            }
            TP_EBUSY => {
                facts.ran.store(true, SeqCst);
                let asked = !facts.ticket.is_some_and(is_own) || tp_cancelled() == 1;
                asked && matches!(tp_future_state(future.handle), TP_FUTURE_RUNNING | TP_FUTURE_DONE)
                    || facts.ticket.is_none()
            }
            _ => false,
        };
        self.check(fits, || format!("a future is cancelled with {status}"));
    }

    pub(crate) fn wait_future(&self, place: u8, limit: Limit) {
        if let Some(future) = self.world.future(place) {
            self.wait_on(&future, limit);
        }
    }

    fn wait_on(&self, future: &Future, limit: Limit) {
        let facts = &future.facts;
        let timeout_ns = self.timeout(limit, facts.pool, facts.floor, facts.ends());
        if timeout_ns != 0 {
            self.resume_own();
        }
        let is_inside = self.is_in_future(facts);
        let untouched = ptr::dangling_mut();
        let mut value = untouched;
        let status = tp_future_wait(future.handle, timeout_ns, &mut value);
        let state = tp_future_state(future.handle);
        let ends = facts.ticket.map_or((1, 1), |t| (t.runs.load(SeqCst), t.finished.load(SeqCst).into()));
        let fits = match status {
            TP_OK => value == facts.value() && state == TP_FUTURE_DONE && ends == (1, 1) && !is_inside,
            TP_ECANCELED => {
                let dropped = facts.ticket.is_none_or(|ticket| !ticket.has_drop || ticket.drops.load(SeqCst) == 1);
                value.is_null() && state == TP_FUTURE_CANCELED && (facts.ticket.is_none() || ends.0 == 0) && dropped
            }
            TP_ETIMEDOUT => timeout_ns != FOREVER && !is_inside,
            TP_EDEADLK => is_inside,
            TP_EAGAIN => self.is_inside_any() && self.world.may_lack_threads(),
            _ => false,
        };
        let stored = value != untouched;
        let says = || format!("a wait for a future says {status}, {state}, {ends:?}, {value:?}, {is_inside}");
        self.check(fits && stored == matches!(status, TP_OK | TP_ECANCELED), says);
    }

    pub(crate) fn wait_any(&self, first: u8, n: u8, limit: Limit) {
        let futures: Vec<_> = (0..n).filter_map(|nth| self.world.future(first.wrapping_add(nth))).collect();
        if futures.is_empty() {
            return;
        }
        // What any of them forbids is forbidden; that one of them ends is enough.
        let of = futures[0].facts.pool.filter(|_| futures.iter().all(|f| f.facts.pool == futures[0].facts.pool));
        let floor = futures.iter().map(|future| future.facts.floor).min().unwrap_or(0);
        let ends = futures.iter().any(|future| future.facts.ends() && future.facts.pool == of);
        let timeout_ns = self.timeout(limit, of, floor, ends);
        if timeout_ns != 0 {
            self.resume_own();
        }
        let handles: Vec<_> = futures.iter().map(|future| future.handle).collect();
        let mut index = usize::MAX;
        let are_inside = futures.iter().all(|future| self.is_in_future(&future.facts));
        let status = tp_future_wait_any(handles.as_ptr(), handles.len(), timeout_ns, &mut index);
        let fits = match status {
            TP_OK => handles
                .get(index)
                .is_some_and(|&handle| matches!(tp_future_state(handle), TP_FUTURE_DONE | TP_FUTURE_CANCELED)),
            TP_ETIMEDOUT => timeout_ns != FOREVER && !are_inside,
            TP_EDEADLK => are_inside,
            TP_EAGAIN => self.is_inside_any() && self.world.may_lack_threads(),
            _ => false,
        };
        self.check(fits, || format!("a wait for any of {} futures says {status}, {index}", handles.len()));
    }

    pub(crate) fn look_at(&self, future: &Future) {
        let facts = &future.facts;
        let (settled, finished) = (facts.settled.load(SeqCst), facts.has_run());
        let state = tp_future_state(future.handle);
        let fits = match state {
            TP_FUTURE_PENDING => !finished && !settled,
            TP_FUTURE_RUNNING => facts.ticket.is_some(),
            TP_FUTURE_DONE => facts.ticket.is_none_or(|ticket| ticket.finished.load(SeqCst)),
            TP_FUTURE_CANCELED => !finished,
            _ => false,
        };
        self.check(fits, || format!("a future is {state}"));
    }
}
