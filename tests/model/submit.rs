//! Tasks: how they are submitted, what a submit may say, and how they end.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::*};

use tp::capi::blocking::*;
use tp::capi::pool::*;
use tp::capi::status::*;
use tp::capi::submit::*;
use tp::capi::worker::*;

use super::calls::run_script;
use super::case::Extras;
use super::world::{ACCEPTED, Facts, Frame, Group, Kind, REFUSED, Ticket, UNDECIDED, this_thread};

pub(crate) extern "C-unwind" fn run(arg: *mut c_void) {
    // SAFETY: a ticket that was submitted.
    unsafe { &*arg.cast::<Ticket>() }.run();
}

pub(crate) extern "C-unwind" fn run_async(arg: *mut c_void) -> *mut c_void {
    run(arg);
    arg
}

pub(crate) extern "C-unwind" fn run_then(value: *mut c_void, arg: *mut c_void) -> *mut c_void {
    // SAFETY: as above.
    let ticket = unsafe { &*arg.cast::<Ticket>() };
    // SAFETY: tickets hold the world that they are of.
    let world = unsafe { &*ticket.world };
    let expected = ticket.input.as_ref().map_or(ptr::null_mut(), |facts| facts.value());
    world.check(value == expected, || format!("task {} was given another's value", ticket.number));
    run_async(arg)
}

pub(crate) extern "C-unwind" fn dropped(arg: *mut c_void, why: tp_status) {
    // SAFETY: as above.
    unsafe { &*arg.cast::<Ticket>() }.dropped(why);
}

impl Facts {
    /// What its future gives.
    pub(crate) fn value(&self) -> *mut c_void {
        match self.ticket {
            Some(ticket) => ptr::from_ref(ticket).cast_mut().cast(),
            None => ptr::from_ref(self).cast_mut().cast(),
        }
    }
}

impl Ticket {
    pub(crate) fn arg(&self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }

    fn run(&self) {
        // SAFETY: as above.
        let world = unsafe { &*self.world };
        let (number, pool) = (self.number, &world.pools[self.pool]);
        let before = (self.runs.fetch_add(1, SeqCst), self.drops.load(SeqCst));
        world.check(before == (0, 0), || format!("task {number} runs once more: {before:?}"));
        world.check(self.verdict.load(SeqCst) != REFUSED, || format!("task {number} was refused and runs"));
        world.check(tp_current() == pool.handle(), || format!("task {number} runs in another pool"));
        world.check(!pool.is_gone(), || format!("task {number} starts after the end of its pool"));
        let asked_to_stop =
            || self.may_be_dropped_for(world, TP_ECANCELED) || self.may_be_dropped_for(world, TP_ESHUTDOWN);
        world.check(tp_cancelled() == 0 || asked_to_stop(), || format!("task {number} was asked to stop by nobody"));
        if !Frame::is_on_top_of_another() {
            self.stamp.store(1 + world.stamps.fetch_add(1, SeqCst), SeqCst);
            world.check(tp_worker_index() >= 0, || format!("task {number} runs on no worker"));
        }
        Frame::enter(world, Some(self.pool), self.script, Some(self), None, run_script);
        world.check(tp_current() == pool.handle(), || format!("task {number} ends in another pool"));
        self.finished.store(true, SeqCst);
    }

    fn dropped(&self, why: tp_status) {
        // SAFETY: as above.
        let world = unsafe { &*self.world };
        let number = self.number;
        let before = (self.runs.load(SeqCst), self.drops.fetch_add(1, SeqCst));
        world.check(before == (0, 0), || format!("task {number} is dropped once more: {before:?}"));
        world.check(self.verdict.load(SeqCst) != REFUSED, || format!("task {number} was refused and dropped"));
        world.check(self.has_drop, || format!("task {number} has another's drop"));
        world.check(self.may_be_dropped_for(world, why), || format!("task {number} is dropped for {why}"));
        world.check(tp_current() == world.pools[self.pool].handle(), || format!("task {number} is dropped elsewhere"));
        let nothing = world.case.scripts.len();
        Frame::enter(world, Some(self.pool), nothing, Some(self), None, |frame| {
            let status = tp_shutdown(world.pools[self.pool].handle(), TP_DRAIN, 0);
            world.check(status == TP_EDEADLK, || format!("a drop shuts its pool down: {status} in {}", frame.place()));
        });
        self.finished.store(true, SeqCst);
    }
}

/// What was so before a submit began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    pub(crate) inside: bool,
    pub(crate) shut: bool,
    pub(crate) discarded: bool,
}

/// What is to be submitted.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) kind: Kind,
    pub(crate) pool: usize,
    pub(crate) script: usize,
    pub(crate) group: Option<Arc<Group>>,
    pub(crate) has_drop: bool,
    pub(crate) input: Option<Arc<Facts>>,
}

pub(crate) fn task_options(extras: Extras) -> tp_task_options {
    let Extras { priority, drop } = extras;
    let drop: tp_drop_fn = if drop { Some(dropped) } else { None };
    let name = if priority == 0 { ptr::null() } else { c"one with a name that is longer than a name can be".as_ptr() };
    tp_task_options { struct_size: size_of::<tp_task_options>(), name, priority, reserved: 0, drop }
}

impl Frame<'_> {
    pub(crate) fn before(&self, pool: usize) -> Before {
        let of = &self.world.pools[pool];
        Before { inside: self.is_inside(pool), shut: of.shut.load(SeqCst), discarded: of.discarded.load(SeqCst) }
    }

    /// Whether a submit to the pool from here can do no harm to anybody but itself.
    pub(crate) fn may_submit_to(&self, pool: usize, n: usize) -> bool {
        let spec = &self.world.pools[pool].spec;
        let limited = spec.capacity > 0;
        let may_block = limited && spec.when_full == TP_FULL_BLOCK && !self.is_inside(pool);
        // Two pools whose tasks wait for room in each other may do so for ever: one of them has to give way.
        if may_block && self.is_inside_any() && pool == 0 {
            return false;
        }
        if may_block || limited && spec.when_full == TP_FULL_RUN_IN_CALLER {
            self.resume_own();
        }
        self.world.may_submit(n)
    }

    pub(crate) fn issue(&self, order: Order) -> &'static Ticket {
        let Order { kind, pool, script, group, has_drop, input } = order;
        self.world.issue(|number| Ticket {
            world: self.world,
            number,
            kind,
            pool,
            script,
            group,
            has_drop,
            submitter: this_thread(),
            verdict: AtomicU8::new(UNDECIDED),
            runs: AtomicU32::new(0),
            drops: AtomicU32::new(0),
            finished: AtomicBool::new(false),
            stamp: AtomicU64::new(0),
            future_cancelled: AtomicBool::new(false),
            input,
        })
    }

    /// Offers a new ticket to `submit`, whose answer is checked. Whether it was accepted.
    pub(crate) fn offer(&self, order: Order, submit: impl FnOnce(*mut c_void) -> tp_status) -> (&'static Ticket, bool) {
        let (pool, group, counts) = (order.pool, order.group.clone(), matches!(order.kind, Kind::Task | Kind::Async));
        let before = self.before(pool);
        let ticket = self.issue(order);
        let status = submit(ticket.arg());
        self.settle(ticket, status == TP_OK);
        self.judge(pool, before, status, group.as_deref(), counts);
        (ticket, status == TP_OK)
    }

    pub(crate) fn settle(&self, ticket: &Ticket, accepted: bool) {
        ticket.verdict.store(if accepted { ACCEPTED } else { REFUSED }, SeqCst);
        let ends = (ticket.runs.load(SeqCst), ticket.drops.load(SeqCst));
        self.world.check(accepted || ends == (0, 0), || format!("task {} was refused and ended", ticket.number));
    }

    /// Whether a submit may say so.
    pub(crate) fn judge(&self, pool: usize, before: Before, status: tp_status, group: Option<&Group>, counts: bool) {
        let of = &self.world.pools[pool];
        let is_refused = before.discarded || before.shut && !before.inside;
        let spec = &of.spec;
        let fits = match status {
            TP_OK => !is_refused,
            TP_ESHUTDOWN => {
                of.discard_begun.load(SeqCst) || of.shut_begun.load(SeqCst) && !before.inside || of.is_gone()
            }
            TP_EFULL => {
                let fails = spec.when_full == TP_FULL_FAIL || spec.when_full == TP_FULL_BLOCK && before.inside;
                counts && spec.capacity > 0 && fails
            }
            TP_ECANCELED => group.is_some_and(Group::may_be_cancelled),
            _ => false,
        };
        self.world.check(fits, || format!("a submit says {status}, pool {pool}, {before:?}, in {}", self.place()));
    }

    pub(crate) fn submit(&self, pool: usize, script: usize, extras: Option<Extras>) {
        if !self.may_submit_to(pool, 1) {
            return;
        }
        let has_drop = extras.is_some_and(|extras| extras.drop);
        let order = Order { kind: Kind::Task, pool, script, group: None, has_drop, input: None };
        if extras.is_some_and(|extras| extras.priority != 0) {
            self.world.pools[pool].unordered.store(true, SeqCst);
        }
        self.with_pool(pool, |handle| {
            self.offer(order, |arg| match extras {
                None => tp_submit(handle, Some(run), arg),
                Some(extras) => tp_submit_with(handle, Some(run), arg, &task_options(extras)),
            });
        });
    }

    pub(crate) fn submit_batch(&self, pool: usize, script: usize, n: usize) {
        if !self.may_submit_to(pool, n) {
            return;
        }
        if n > 1 && self.world.pools[pool].spec.when_full == TP_FULL_RUN_IN_CALLER {
            self.world.pools[pool].unordered.store(true, SeqCst);
        }
        self.with_pool(pool, |handle| {
            let before = self.before(pool);
            let order = Order { kind: Kind::Task, pool, script, group: None, has_drop: false, input: None };
            let tickets: Vec<_> = (0..n).map(|_| self.issue(order.clone())).collect();
            let args: Vec<_> = tickets.iter().map(|ticket| ticket.arg()).collect();
            let mut taken = usize::MAX;
            let status = tp_submit_batch(handle, Some(run), args.as_ptr(), n, &mut taken);
            let fits = if status == TP_OK { taken == n } else { taken < n || n == 0 && taken == 0 };
            self.world.check(fits, || format!("a batch of {n} says {status} and {taken} in {}", self.place()));
            tickets.iter().enumerate().for_each(|(nth, ticket)| self.settle(ticket, nth < taken));
            self.judge(pool, before, status, None, true);
        });
    }
}
