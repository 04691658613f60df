//! What a case works on, and what the model knows of it: pools, futures, groups, and a ticket for each task.
//!
//! A handle is used by who holds it here, and freed by who takes it away: a future by its last holder, a group and a pool
//! under a lock that each call on it shares. A task of a pool needs no lock for that pool, which waits for its tasks.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex, RwLock, TryLockError};

use tp::capi::future::*;
use tp::capi::group::*;
use tp::capi::pool::*;
use tp::capi::status::*;

use super::case::{Case, PLACES, PoolSpec};

/// What a case may do at most: a case ends soon, whatever the fuzzer makes of it.
const TICKETS: usize = 300;
const CALLS: usize = 2000;

pub(crate) struct World {
    pub(crate) case: Arc<Case>,
    pub(crate) pools: Vec<Pool>,
    pub(crate) futures: [Mutex<Option<Arc<Future>>>; PLACES],
    pub(crate) groups: [Mutex<Option<Arc<Group>>>; PLACES],
    /// Parents before their children.
    pub(crate) all_groups: Mutex<Vec<Arc<Group>>>,
    #[allow(clippy::vec_box, reason = "tasks have the addresses")]
    pub(crate) tickets: Mutex<Vec<Box<Ticket>>>,
    tickets_left: AtomicUsize,
    calls_left: AtomicUsize,
    pub(crate) stamps: AtomicU64,
    failures: Mutex<Vec<String>>,
}

pub(crate) struct Pool {
    pub(crate) spec: PoolSpec,
    handle: AtomicPtr<tp_pool>,
    /// Shared by calls from outside; false once it is destroyed.
    gate: RwLock<bool>,
    /// A shutdown has begun, has returned; likewise one that discards.
    pub(crate) shut_begun: AtomicBool,
    pub(crate) shut: AtomicBool,
    pub(crate) discard_begun: AtomicBool,
    pub(crate) discarded: AtomicBool,
    /// Its number of threads has been changed.
    pub(crate) resized: AtomicBool,
    /// The order of its tickets says nothing: some task had a priority, or ran amid the submits of a batch.
    pub(crate) unordered: AtomicBool,
    pub(crate) started: AtomicU32,
    pub(crate) stopped: AtomicU32,
    pub(crate) ended: AtomicBool,
}

/// What is known of a future beside its handle, also once that is gone.
pub(crate) struct Facts {
    /// None: made by hand.
    pub(crate) ticket: Option<&'static Ticket>,
    pub(crate) input: Option<Arc<Facts>>,
    /// All that it depends on is of this pool.
    pub(crate) pool: Option<usize>,
    /// The least script that it depends on.
    pub(crate) floor: usize,
    /// Of one made by hand: it has been completed or cancelled.
    pub(crate) settled: AtomicBool,
    pub(crate) completed: AtomicBool,
    pub(crate) cancel_begun: AtomicBool,
    /// A cancel has said that it will never have a value.
    pub(crate) canceled: AtomicBool,
    /// A cancel has said that it runs or has run.
    pub(crate) ran: AtomicBool,
}

pub(crate) struct Future {
    pub(crate) handle: *mut tp_future,
    pub(crate) facts: Arc<Facts>,
}

// SAFETY: every function may be called from any thread.
unsafe impl Send for Future {}
// SAFETY: likewise.
unsafe impl Sync for Future {}

impl Drop for Future {
    fn drop(&mut self) {
        tp_future_release(self.handle);
    }
}

pub(crate) struct Group {
    /// Null once it is destroyed.
    pub(crate) handle: RwLock<usize>,
    pub(crate) pool: usize,
    pub(crate) parent: Option<Arc<Group>>,
    pub(crate) children: AtomicU32,
    /// The least script that its tasks run.
    pub(crate) floor: usize,
    pub(crate) cancel_begun: AtomicBool,
}

impl Group {
    /// Itself, and those above.
    pub(crate) fn chain(&self) -> impl Iterator<Item = &Group> {
        std::iter::successors(Some(self), |group| group.parent.as_deref())
    }

    pub(crate) fn may_be_cancelled(&self) -> bool {
        self.chain().any(|group| group.cancel_begun.load(SeqCst))
    }

    pub(crate) fn is_inside(&self, other: &Group) -> bool {
        self.chain().any(|group| ptr::eq(group, other))
    }

    /// If nobody uses it. None: somebody does, or it is gone.
    pub(crate) fn destroy(&self) -> Option<tp_status> {
        let mut handle = self.handle.try_write().ok().filter(|handle| **handle != 0)?;
        let status = tp_group_destroy(*handle as *mut tp_group);
        if status == TP_OK {
            *handle = 0;
            if let Some(parent) = &self.parent {
                parent.children.fetch_sub(1, SeqCst);
            }
        }
        Some(status)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Task,
    Async,
    Then,
    Notice,
}

pub(crate) const UNDECIDED: u8 = 0;
pub(crate) const ACCEPTED: u8 = 1;
pub(crate) const REFUSED: u8 = 2;

/// One submit of one task, and all that has come of it.
pub(crate) struct Ticket {
    pub(crate) world: *const World,
    pub(crate) number: usize,
    pub(crate) kind: Kind,
    pub(crate) pool: usize,
    pub(crate) script: usize,
    pub(crate) group: Option<Arc<Group>>,
    pub(crate) has_drop: bool,
    pub(crate) submitter: u64,
    pub(crate) verdict: AtomicU8,
    pub(crate) runs: AtomicU32,
    pub(crate) drops: AtomicU32,
    pub(crate) finished: AtomicBool,
    /// When it was started by a worker that was in no other task; 0 if it was not.
    pub(crate) stamp: AtomicU64,
    /// Of a task with a value or a future for its input.
    pub(crate) future_cancelled: AtomicBool,
    /// What a continuation is to be given; 0 if it is not known yet.
    pub(crate) input: Option<Arc<Facts>>,
}

// SAFETY: the world outlives its pools, and these their tasks.
unsafe impl Sync for Ticket {}
// SAFETY: likewise.
unsafe impl Send for Ticket {}

impl Ticket {
    pub(crate) fn is_accepted(&self) -> bool {
        self.verdict.load(SeqCst) == ACCEPTED
    }

    /// Whether there is a reason why it may have been dropped.
    pub(crate) fn may_be_dropped(&self, world: &World) -> bool {
        [TP_ECANCELED, TP_ESHUTDOWN, TP_EFULL].into_iter().any(|why| self.may_be_dropped_for(world, why))
    }

    pub(crate) fn may_be_dropped_for(&self, world: &World, why: tp_status) -> bool {
        let pool = &world.pools[self.pool];
        let canceled =
            || self.group.as_ref().is_some_and(|group| group.may_be_cancelled()) || self.future_cancelled.load(SeqCst);
        match why {
            TP_ECANCELED => canceled(),
            TP_ESHUTDOWN => pool.discard_begun.load(SeqCst),
            TP_EFULL => pool.spec.capacity > 0 && pool.spec.when_full == TP_FULL_DROP_OLDEST,
            _ => false,
        }
    }

    /// Ran to its end, or dropped; or there is no telling.
    pub(crate) fn has_ended(&self, world: &World) -> bool {
        self.finished.load(SeqCst) || (!self.has_drop && self.runs.load(SeqCst) == 0 && self.may_be_dropped(world))
    }
}

impl World {
    pub(crate) fn new(case: Arc<Case>, pools: Vec<Pool>) -> World {
        World {
            case,
            pools,
            futures: Default::default(),
            groups: Default::default(),
            all_groups: Mutex::default(),
            tickets: Mutex::default(),
            tickets_left: AtomicUsize::new(TICKETS),
            calls_left: AtomicUsize::new(CALLS),
            stamps: AtomicU64::new(0),
            failures: Mutex::default(),
        }
    }

    pub(crate) fn fail(&self, what: String) {
        self.failures.lock().unwrap().push(what);
    }

    pub(crate) fn failures(&self) -> Vec<String> {
        std::mem::take(&mut *self.failures.lock().unwrap())
    }

    pub(crate) fn check(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(what());
        }
    }

    /// Whether one more call may be made, one that takes as long as so many.
    pub(crate) fn may_call(&self, cost: usize) -> bool {
        self.calls_left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(cost)).is_ok()
    }

    pub(crate) fn may_submit(&self, n: usize) -> bool {
        self.tickets_left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(n)).is_ok()
    }

    pub(crate) fn pool(&self, number: u8) -> usize {
        usize::from(number) % self.pools.len()
    }

    /// A new ticket, which stays where it is as long as the world.
    pub(crate) fn issue(&self, make: impl FnOnce(usize) -> Ticket) -> &'static Ticket {
        let mut tickets = self.tickets.lock().unwrap();
        let ticket = Box::new(make(tickets.len()));
        // SAFETY: a box does not move, and tickets are used while the world is there: see `play`.
        let place = unsafe { &*ptr::from_ref(&*ticket) };
        tickets.push(ticket);
        place
    }

    pub(crate) fn future(&self, place: u8) -> Option<Arc<Future>> {
        self.futures[usize::from(place) % PLACES].lock().unwrap().clone()
    }

    /// What was there goes.
    pub(crate) fn put_future(&self, place: u8, future: Option<Arc<Future>>) {
        let before = std::mem::replace(&mut *self.futures[usize::from(place) % PLACES].lock().unwrap(), future);
        drop(before);
    }

    fn group(&self, place: u8) -> Option<Arc<Group>> {
        self.groups[usize::from(place) % PLACES].lock().unwrap().clone()
    }

    /// Those tickets of which `which` holds.
    pub(crate) fn accepted(&self, which: impl Fn(&Ticket) -> bool) -> Vec<&'static Ticket> {
        let tickets = self.tickets.lock().unwrap();
        // SAFETY: as in `issue`.
        let all = tickets.iter().map(|ticket| unsafe { &*ptr::from_ref(&**ticket) });
        all.filter(|ticket| ticket.is_accepted() && which(ticket)).collect()
    }
}

impl Pool {
    pub(crate) fn new(spec: PoolSpec) -> Pool {
        Pool {
            spec,
            handle: AtomicPtr::new(ptr::null_mut()),
            gate: RwLock::new(true),
            shut_begun: AtomicBool::new(false),
            shut: AtomicBool::new(false),
            discard_begun: AtomicBool::new(false),
            discarded: AtomicBool::new(false),
            resized: AtomicBool::new(false),
            unordered: AtomicBool::new(false),
            started: AtomicU32::new(0),
            stopped: AtomicU32::new(0),
            ended: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_handle(&self, handle: *mut tp_pool) {
        self.handle.store(handle, SeqCst);
    }

    pub(crate) fn handle(&self) -> *mut tp_pool {
        self.handle.load(SeqCst)
    }

    /// From a place that the pool does not wait for. None: it is gone, or about to.
    pub(crate) fn with<R>(&self, call: impl FnOnce(*mut tp_pool) -> R) -> Option<R> {
        let open = match self.gate.try_read() {
            Ok(open) => open,
            Err(TryLockError::WouldBlock) => return None,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        open.then(|| call(self.handle()))
    }

    /// If nobody else uses it.
    pub(crate) fn destroy(&self) -> Option<tp_status> {
        let mut open = self.gate.try_write().ok().filter(|open| **open)?;
        self.shut_begun.store(true, SeqCst);
        let status = tp_destroy(self.handle());
        *open = false;
        self.shut.store(true, SeqCst);
        self.ended.store(true, SeqCst);
        Some(status)
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.ended.load(SeqCst)
    }
}

/// What a thread stands in: a script, in a task or a part of a parallel call, and what that stands in.
pub(crate) struct Frame<'a> {
    pub(crate) world: &'a World,
    /// None: outside.
    pub(crate) pool: Option<usize>,
    pub(crate) script: usize,
    pub(crate) ticket: Option<&'a Ticket>,
    below: *const Frame<'a>,
    /// How many blocking regions it has opened.
    pub(crate) open: Cell<u32>,
    /// It is a part of what the frame below does, and shares its regions.
    pub(crate) is_part: bool,
    /// Pools that it has paused, by bits. Parts of it on other threads may resume them.
    pub(crate) paused: AtomicU32,
}

thread_local! {
    static INNERMOST: Cell<*const Frame<'static>> = const { Cell::new(ptr::null()) };
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

/// A number of this thread's own.
pub(crate) fn this_thread() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    THREAD.with(|number| {
        if number.get() == 0 {
            number.set(1 + LAST.fetch_add(1, SeqCst));
        }
        number.get()
    })
}

impl<'a> Frame<'a> {
    /// Runs `f` in a frame of its own: a part of what `caller` does, or on top of what this thread does.
    pub(crate) fn enter<R>(
        world: &World,
        pool: Option<usize>,
        script: usize,
        ticket: Option<&Ticket>,
        caller: Option<&Frame<'_>>,
        f: impl FnOnce(&Frame<'_>) -> R,
    ) -> R {
        let before = INNERMOST.get();
        let below = caller.map_or(before.cast(), |caller| ptr::from_ref(caller).cast());
        let (open, paused) = (Cell::new(0), AtomicU32::new(0));
        let frame = Frame { world, pool, script, ticket, below, open, is_part: caller.is_some(), paused };
        INNERMOST.set(ptr::from_ref(&frame).cast());
        let result = f(&frame);
        INNERMOST.set(before);
        result
    }

    pub(crate) fn is_on_top_of_another() -> bool {
        !INNERMOST.get().is_null()
    }

    /// Itself, and what it stands on.
    pub(crate) fn stack(&self) -> impl Iterator<Item = &Frame<'a>> {
        // SAFETY: those below wait for this one.
        std::iter::successors(Some(self), |frame| unsafe { frame.below.as_ref() })
    }

    /// Whether it is in a task of the pool, hooks and drops included.
    pub(crate) fn is_inside(&self, pool: usize) -> bool {
        self.stack().any(|frame| frame.pool == Some(pool))
    }

    pub(crate) fn is_inside_any(&self) -> bool {
        self.stack().any(|frame| frame.pool.is_some())
    }

    pub(crate) fn is_in_group(&self, group: &Group) -> bool {
        self.groups().any(|own| own.is_inside(group))
    }

    fn groups(&self) -> impl Iterator<Item = &Group> {
        self.stack().filter_map(|frame| frame.ticket?.group.as_deref())
    }

    /// The group at that place; of a large number, the one that this is in.
    pub(crate) fn group(&self, place: u8) -> Option<Arc<Group>> {
        let own = || self.stack().find_map(|frame| frame.ticket?.group.clone());
        own().filter(|_| place >= 160).or_else(|| self.world.group(place))
    }

    /// Whether the future's task, or one that it waits for, is on the stack.
    pub(crate) fn is_in_future(&self, facts: &Facts) -> bool {
        let chain = std::iter::successors(Some(facts), |facts| facts.input.as_deref());
        let mut tickets = chain.filter_map(|facts| facts.ticket);
        tickets.any(|ticket| self.stack().any(|frame| frame.ticket.is_some_and(|own| ptr::eq(own, ticket))))
    }

    /// Calls with the pool's handle, if that is there for so long.
    pub(crate) fn with_pool<R>(&self, pool: usize, call: impl FnOnce(*mut tp_pool) -> R) -> Option<R> {
        let pool_of = &self.world.pools[pool];
        if self.is_inside(pool) { Some(call(pool_of.handle())) } else { pool_of.with(call) }
    }

    /// A later script than `floor` and this one, no matter which; one past the last is empty.
    pub(crate) fn script_from(&self, number: u8, floor: usize) -> usize {
        let (first, end) = ((self.script + 1).max(floor).max(2), self.world.case.scripts.len());
        if first < end { first + usize::from(number) % (end - first) } else { end.max(first) }
    }

    pub(crate) fn script_below(&self, number: u8) -> usize {
        self.script_from(number, 0)
    }

    /// Before a call that may last: nobody else would resume what was paused here.
    pub(crate) fn resume_own(&self) {
        for frame in self.stack() {
            let paused = frame.paused.swap(0, SeqCst);
            for pool in (0..self.world.pools.len()).filter(|pool| paused & (1 << pool) != 0) {
                self.with_pool(pool, |handle| tp_resume(handle));
            }
        }
    }

    /// Where this is, for a message.
    pub(crate) fn place(&self) -> String {
        let at = |frame: &Frame<'_>| match frame.ticket {
            Some(ticket) => format!("task {} (script {})", ticket.number, frame.script),
            None => format!("script {}", frame.script),
        };
        self.stack().map(at).collect::<Vec<_>>().join(" on ")
    }
}
