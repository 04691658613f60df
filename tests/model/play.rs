//! A case from its pools' beginning to what is left when all is gone.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use std::thread;
use std::time::Duration;

use tp::capi::future::*;
use tp::capi::group::*;
use tp::capi::pool::*;
use tp::capi::status::*;
use tp::capi::submit::*;
use tp::capi::wait::*;
use tp::capi::worker::*;

use super::calls::{FOREVER, run_script};
use super::case::{Case, Extras};
use super::submit::{Order, run, run_async, task_options};
use super::watchdog;
use super::world::{Frame, Kind, Pool, REFUSED, Ticket, UNDECIDED, World};

/// Plays the case; what was not as it should be.
pub(crate) fn play(case: Case) -> Vec<String> {
    let case = Arc::new(case);
    let _watched = watchdog::watch(&case);
    // In a box: tasks have its address.
    let world = Box::new(World::new(case.clone(), case.pools.iter().map(|&spec| Pool::new(spec)).collect()));
    let world = &*world;
    let hooked: Vec<_> = (0..world.pools.len()).map(|pool| Hooked { world, pool }).collect();
    hooked.iter().for_each(create);
    let outside = |script| Frame::enter(world, None, script, None, None, run_script);
    thread::scope(|scope| {
        let second =
            case.scripts.get(1).is_some_and(|calls| !calls.is_empty()).then(|| scope.spawn(move || outside(1)));
        outside(0);
        drop(second.map(|second| second.join()));
    });
    // The rest in one of two orders: what may outlive its pool does, or it does not.
    let early = case.scripts.first().is_some_and(|calls| calls.len() % 2 == 0);
    if early {
        world.futures.iter().for_each(|place| drop(place.lock().unwrap().take()));
        destroy_groups(world, false);
    }
    destroy_pools(world);
    look_at_futures(world);
    destroy_groups(world, true);
    audit(world);
    world.failures()
}

/// What a hook is given.
struct Hooked<'a> {
    world: &'a World,
    pool: usize,
}

extern "C-unwind" fn on_start(hooked: *mut c_void, _: u32) {
    // SAFETY: it outlives the pool.
    let Hooked { world, pool } = unsafe { &*hooked.cast::<Hooked<'_>>() };
    let of = &world.pools[*pool];
    // The creator has not been told yet.
    of.set_handle(tp_current());
    of.started.fetch_add(1, SeqCst);
    in_hook(world, *pool);
}

extern "C-unwind" fn on_stop(hooked: *mut c_void, _: u32) {
    // SAFETY: as above.
    let Hooked { world, pool } = unsafe { &*hooked.cast::<Hooked<'_>>() };
    world.pools[*pool].stopped.fetch_add(1, SeqCst);
    let status = tp_wait(tp_current(), 0);
    world.check(status == TP_EDEADLK, || format!("a hook waits for its pool: {status}"));
}

/// A hook counts as a task: it submits one that does nothing.
fn in_hook(world: &World, pool: usize) {
    let nothing = world.case.scripts.len();
    let order = Order { kind: Kind::Task, pool, script: nothing, group: None, has_drop: false, input: None };
    Frame::enter(world, Some(pool), nothing, None, None, |frame| {
        if world.may_submit(1) {
            frame.offer(order, |arg| tp_submit(tp_current(), Some(run), arg));
        }
    });
}

fn create(hooked: &Hooked<'_>) {
    let of = &hooked.world.pools[hooked.pool];
    // SAFETY: all bytes 0 are the defaults.
    let mut options: tp_options = unsafe { std::mem::zeroed() };
    options.struct_size = size_of::<tp_options>();
    (options.threads, options.max_reserve) = (of.spec.threads, of.spec.max_reserve);
    (options.capacity, options.when_full) = (of.spec.capacity, of.spec.when_full);
    if of.spec.hooks {
        options.on_start = Some(on_start);
        options.on_stop = Some(on_stop);
        options.hook_ctx = ptr::from_ref(hooked).cast_mut().cast();
    }
    let mut handle = ptr::null_mut();
    let status = tp_create(&options, &mut handle);
    assert_eq!(status, TP_OK, "a pool to play with");
    of.set_handle(handle);
}

/// Until `done` gives something; the watchdog sees to it that it does not take for ever.
fn until<R>(mut done: impl FnMut() -> Option<R>) -> R {
    loop {
        if let Some(result) = done() {
            return result;
        }
        thread::sleep(Duration::from_micros(50));
    }
}

fn destroy_pools(world: &World) {
    for pool in world.pools.iter().filter(|pool| !pool.is_gone() || pool.with(|_| ()).is_some()) {
        let status = until(|| pool.destroy());
        world.check(status == TP_OK, || format!("a destroy says {status}"));
    }
}

/// Children first. When all pools are gone there is no reason why one can't be destroyed.
fn destroy_groups(world: &World, must: bool) {
    let groups = world.all_groups.lock().unwrap().clone();
    for group in groups.iter().rev() {
        if must {
            let count = group.with(|handle| (tp_group_count(handle), tp_group_wait(handle, 0)));
            world.check(count.is_none_or(|is| is == (0, TP_OK)), || format!("a group of no pool has {count:?}"));
        }
        let status = group.destroy();
        world.check(!must || status.is_none_or(|status| status == TP_OK), || format!("a group's end is {status:?}"));
    }
}

/// Nothing is left that could end one that has not.
fn look_at_futures(world: &World) {
    for place in &world.futures {
        let Some(future) = place.lock().unwrap().take() else {
            continue;
        };
        let facts = &future.facts;
        let runs = facts.ticket.map(|ticket| ticket.runs.load(SeqCst));
        let settled = facts.settled.load(SeqCst);
        let fits = match tp_future_state(future.handle) {
            TP_FUTURE_PENDING => runs.is_none() && !settled,
            TP_FUTURE_DONE => runs.map_or(facts.completed.load(SeqCst), |runs| runs == 1),
            TP_FUTURE_CANCELED => runs.map_or(facts.canceled.load(SeqCst), |runs| runs == 0),
            _ => false,
        };
        let state = tp_future_state(future.handle);
        world.check(fits, || format!("a future is {state} in the end, of a task that ran {runs:?} times"));
    }
}

fn audit(world: &World) {
    let tickets = world.tickets.lock().unwrap();
    for ticket in tickets.iter() {
        let verdict = ticket.verdict.load(SeqCst);
        let (runs, drops) = (ticket.runs.load(SeqCst), ticket.drops.load(SeqCst));
        let fits = match verdict {
            UNDECIDED => false,
            REFUSED => (runs, drops) == (0, 0),
            _ => has_ended_once(world, ticket, runs, drops),
        };
        let what = || format!("task {} ({:?}, {verdict}) ran {runs} and dropped {drops}", ticket.number, ticket.kind);
        world.check(fits, what);
    }
    for (number, pool) in world.pools.iter().enumerate() {
        let (started, stopped) = (pool.started.load(SeqCst), pool.stopped.load(SeqCst));
        world.check(started == stopped, || format!("pool {number} started {started} and stopped {stopped}"));
        check_order(world, number, &tickets);
    }
}

fn has_ended_once(world: &World, ticket: &Ticket, runs: u32, drops: u32) -> bool {
    let discards = world.pools[ticket.pool].discard_begun.load(SeqCst);
    let once = runs + drops == 1 && ticket.finished.load(SeqCst);
    match ticket.kind {
        Kind::Task | Kind::Async if ticket.has_drop => once,
        Kind::Task | Kind::Async => once || runs == 0 && ticket.may_be_dropped(world),
        Kind::Notice => once || runs == 0 && discards,
        Kind::Then => once || runs == 0 && may_stay_away(world, ticket),
    }
}

/// Whether there is a reason why a continuation has not run: it or what it waits for was cancelled, or its pool ended first.
fn may_stay_away(world: &World, ticket: &Ticket) -> bool {
    let chain: Vec<_> = ticket.input.iter().flat_map(|input| input.chain()).collect();
    let by_itself = |own: &Ticket| own.pool != ticket.pool || own.may_be_dropped(world);
    by_itself(ticket) || chain.iter().any(|facts| facts.ticket.is_none_or(by_itself) || facts.cancel_begun.load(SeqCst))
}

/// On one worker tasks of one thread start in the order of their submission, but for those that are waited for.
fn check_order(world: &World, pool: usize, tickets: &[Box<Ticket>]) {
    let of = &world.pools[pool];
    let is_alone = of.spec.threads == 1 && of.spec.max_reserve == TP_NO_RESERVE;
    if !is_alone || of.resized.load(SeqCst) || of.unordered.load(SeqCst) {
        return;
    }
    let is_plain = |ticket: &Ticket| matches!(ticket.kind, Kind::Task | Kind::Async) && ticket.pool == pool;
    let mut started: Vec<_> =
        tickets.iter().filter(|ticket| is_plain(ticket)).filter(|ticket| ticket.stamp.load(SeqCst) > 0).collect();
    started.sort_by_key(|ticket| (ticket.submitter, ticket.stamp.load(SeqCst)));
    for pair in started.windows(2).filter(|pair| pair[0].submitter == pair[1].submitter) {
        let (first, second) = (pair[0].number, pair[1].number);
        world.check(first < second, || format!("pool {pool} of one worker started task {first} before {second}"));
    }
}

impl Frame<'_> {
    /// Brings all pools to rest, and counts what is queued on one that is paused.
    pub(crate) fn census(&self, pool: usize, n: u8) {
        let world = self.world;
        let is_alone = world.case.scripts.get(1).is_none_or(Vec::is_empty) && self.script == 0;
        let of = &world.pools[pool];
        let any_is_shut = || world.pools.iter().any(|pool| pool.shut_begun.load(SeqCst));
        if !is_alone || self.is_inside_any() || any_is_shut() {
            return;
        }
        self.resume_own();
        let all_ended = || world.accepted(|t| t.kind != Kind::Then && !t.has_ended(world)).is_empty();
        until(|| {
            let rest = |pool: &Pool| pool.with(|handle| tp_wait(handle, FOREVER)) == Some(TP_OK);
            (world.pools.iter().all(rest) && all_ended()).then_some(())
        });
        // A task may have shut one down meanwhile.
        if any_is_shut() {
            return;
        }
        for group in world.all_groups.lock().unwrap().iter() {
            let count = group.with(|handle| tp_group_count(handle));
            self.check(count.is_none_or(|count| count == 0), || format!("{count:?} in a group, and nothing runs"));
        }
        let Some(handle) = of.with(|handle| handle).filter(|_| world.may_submit(usize::from(n) + 1)) else {
            return;
        };
        self.queued_is(handle, 0);
        self.check(tp_pause(handle) == TP_OK, || "a pause is refused".to_string());
        let queued = self.fill(handle, pool, n);
        self.queued_is(handle, queued);
        self.cancel_one(handle, pool, queued);
        self.check(tp_resume(handle) == TP_OK, || "a resume is refused".to_string());
        self.check(tp_wait(handle, FOREVER) == TP_OK, || "a wait from outside is refused".to_string());
        self.queued_is(handle, 0);
    }

    /// Exact when nothing else uses the pool: workers may still be letting go of what is no task any more.
    fn queued_is(&self, handle: *mut tp_pool, expected: u64) {
        until(|| (tp_queued(handle) == expected).then_some(()));
    }

    /// Submits `n` tasks to a paused pool with nothing queued; how many are queued then.
    fn fill(&self, handle: *mut tp_pool, pool: usize, n: u8) -> u64 {
        let spec = &self.world.pools[pool].spec;
        let mut queued = Vec::new();
        for _ in 0..n {
            let is_full = spec.capacity > 0 && queued.len() as u64 == spec.capacity;
            if is_full && spec.when_full == TP_FULL_BLOCK {
                break;
            }
            let (ticket, accepted) = self.offer(self.idle(pool, Kind::Task), |arg| {
                tp_submit_with(handle, Some(run), arg, &task_options(Extras { priority: 0, drop: true }))
            });
            let ends = (ticket.runs.load(SeqCst), ticket.drops.load(SeqCst));
            let fits = match (is_full, spec.when_full) {
                (true, TP_FULL_FAIL) => !accepted,
                (true, TP_FULL_RUN_IN_CALLER) => accepted && ends == (1, 0),
                _ => accepted && ends == (0, 0),
            };
            self.check(fits, || format!("{accepted}, {ends:?} of one more than {} queued", queued.len()));
            if accepted && ends == (0, 0) {
                queued.push(ticket);
            }
            if is_full && spec.when_full == TP_FULL_DROP_OLDEST {
                let oldest = queued.remove(0);
                self.check(oldest.drops.load(SeqCst) == 1, || "the oldest was not evicted".to_string());
            }
        }
        queued.len() as u64
    }

    /// Submits one more where there is room, and cancels it.
    fn cancel_one(&self, handle: *mut tp_pool, pool: usize, queued: u64) {
        let spec = &self.world.pools[pool].spec;
        if spec.capacity > 0 && queued >= spec.capacity {
            return;
        }
        let mut future = ptr::null_mut();
        let options = task_options(Extras { priority: 0, drop: true });
        let (ticket, accepted) = self.offer(self.idle(pool, Kind::Async), |arg| {
            tp_async_with(handle, Some(run_async), arg, &options, &mut future)
        });
        self.check(accepted, || "a future is refused where there is room".to_string());
        self.queued_is(handle, queued + 1);
        ticket.future_cancelled.store(true, SeqCst);
        let status = tp_future_cancel(future);
        let fits = status == TP_OK && ticket.drops.load(SeqCst) == 1;
        self.check(fits, || format!("a cancel of what is queued says {status}"));
        self.queued_is(handle, queued);
        tp_future_release(future);
    }

    fn idle(&self, pool: usize, kind: Kind) -> Order {
        let script = self.world.case.scripts.len();
        Order { kind, pool, script, group: None, has_drop: true, input: None }
    }
}
