//! Forks of parallel calls: who takes them, and how those wait who left them.
//!
//! A worker that has no task takes the oldest fork of any deque. A thread that waits for a fork which somebody else has
//! taken runs parts of that fork alone: what it finds in the deque of its thief, above the depth at which that one began
//! it. Where there is nothing it parks, and a reserve worker takes its place. So no stranger's frames pile up on its stack.
//! (D. B. Wagner, B. G. Calder, Leapfrogging, 1993.)
#![allow(unsafe_code, reason = "calls what the user gave, and follows what others wait for")]

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::NonNull;

use crate::engine::context::{self, Context};
use crate::engine::deque::{Deque, Found};
use crate::engine::duty::{self, Duty};
use crate::engine::injector::Side;
use crate::engine::park;
use crate::engine::pool::Pool;
use crate::engine::search::Search;
use crate::engine::slot::{Fork, Slot};
use crate::engine::task::{End, Record, Run, Task};
use crate::engine::wait::Waiter;
use crate::engine::worker::Worker;
use crate::error::{Error, Result};
use crate::sync::{SeqCst, fence, fence_after_rmw, spin_loop, yield_now};
use crate::sys::clock::now_ns;
use crate::sys::{errno, tsan};

/// What a loop is to those who may take part in it. `arg` is the loop.
pub(crate) struct Kind {
    /// Whether one more may take part.
    pub(crate) admits: unsafe fn(arg: *mut ()) -> bool,
    /// Takes a part of what the slot shares to a slot of the thief's deque.
    pub(crate) join: unsafe fn(from: &Slot, own: &Deque) -> Option<NonNull<Slot>>,
    /// Runs what that slot has, withdraws it, and says how much it was.
    pub(crate) work: unsafe fn(slot: &Slot, own: &Deque, context: &Context) -> u64,
    /// That much is done. The loop may be gone after this.
    pub(crate) end: unsafe fn(arg: *mut (), done: u64),
}

impl Slot {
    /// Of a loop's.
    fn kind(&self) -> &'static Kind {
        // SAFETY: whoever shares a loop says so.
        unsafe { &*self.fork().run.cast::<Kind>() }
    }
}

impl Fork {
    pub(crate) fn branch(run: Run, arg: *mut c_void, caller: &Context) -> Fork {
        Fork { run: run as *const (), arg: arg.cast(), caller: core::ptr::from_ref(caller).cast() }
    }

    pub(crate) fn shared(kind: &'static Kind, arg: *mut (), caller: *const ()) -> Fork {
        Fork { run: core::ptr::from_ref(kind).cast(), arg, caller }
    }
}

/// A fork that this thread has taken, and runs next.
#[derive(Clone, Copy)]
pub(crate) enum Stolen {
    /// A branch, in a slot of another's deque.
    Branch(NonNull<Slot>),
    /// A part of a loop, in a slot of its own.
    Part(NonNull<Slot>),
    /// No fork: what the thread was drafted for.
    Duty(NonNull<Duty>),
}

impl Stolen {
    /// The oldest that `victim` has from depth `from` on.
    fn take(victim: &Deque, from: u32, own: &Deque) -> Option<Stolen> {
        victim.steal(from, |found| match found {
            Found::Branch(slot) => {
                hand_on(victim, own);
                Some(Stolen::Branch(NonNull::from(slot)))
            }
            Found::Loop(slot, _visitor) => {
                hand_on(victim, own);
                // SAFETY: the visitor keeps the loop, and `own` is this thread's.
                unsafe { (slot.kind().join)(slot, own) }.map(Stolen::Part)
            }
        })
    }

    /// Of the loop that `victim` takes part in, or of what it does there.
    fn take_of_loop(victim: &Deque, arg: *const (), own: &Deque) -> Option<Stolen> {
        let (slot, _visitor) = victim.find_part(arg)?;
        hand_on(victim, own);
        // SAFETY: as above.
        let part = unsafe { (slot.kind().join)(slot, own) };
        part.map(Stolen::Part).or_else(|| Stolen::take(victim, slot.index() + 1, own))
    }

    fn run(self, pool: &Pool, worker: Option<&Worker>, own: &Deque) {
        let slot = match &self {
            // SAFETY: slots live as long as the pool.
            Stolen::Branch(slot) | Stolen::Part(slot) => unsafe { slot.as_ref() },
            Stolen::Duty(duty) => return worker.map_or((), |worker| duty::run(*duty, pool, worker)),
        };
        let fork = slot.fork();
        // SAFETY: whoever forked it waits for it, in the same context.
        let caller = unsafe { fork.caller.cast::<Context>().as_ref() };
        match self {
            Stolen::Branch(_) => {
                slot.begin(own);
                errno::kept(|| {
                    Context::enter_for(caller, pool, worker, Some(own), |_| {
                        // SAFETY: the user gave the function, to be called so, once, on any thread.
                        unsafe { core::mem::transmute::<*const (), Run>(fork.run)(fork.arg.cast()) };
                    });
                });
                tsan::release(slot);
                slot.end();
            }
            _ => {
                // Others may have looked before it was shared.
                fence(SeqCst);
                pool.sleep.task_added(&pool.workers);
                let kind = slot.kind();
                let work = |context: &Context| {
                    // SAFETY: the loop is there until we have said that we are done.
                    unsafe { (kind.work)(slot, own, context) }
                };
                let done = errno::kept(|| Context::enter_for(caller, pool, worker, Some(own), work));
                tsan::release(fork.arg);
                // SAFETY: likewise.
                unsafe { (kind.end)(fork.arg, done) };
            }
        }
    }
}

/// What `victim`'s owner did before it forked comes before what is taken from it, and before what is taken from that.
fn hand_on(victim: &Deque, own: &Deque) {
    tsan::acquire(victim);
    tsan::release(own);
}

/// What a worker has taken and is about to run, as a task.
#[repr(C)]
pub(crate) struct Errand {
    record: Record,
    stolen: Cell<Option<Stolen>>,
}

impl Default for Errand {
    fn default() -> Errand {
        Errand { record: Record::new(run_errand), stolen: Cell::new(None) }
    }
}

impl Errand {
    /// By the worker's thread, which runs it before it takes another.
    pub(crate) fn give(&self, stolen: Stolen) -> Task {
        self.stolen.set(Some(stolen));
        Task::of(NonNull::from(&self.record))
    }
}

/// # Safety
/// The record is that of the errand of the worker whose thread this is. It is run in any case: somebody waits for it.
unsafe fn run_errand(record: NonNull<Record>, _how: End) {
    // SAFETY: the caller's promise.
    let errand = unsafe { record.cast::<Errand>().as_ref() };
    let worker = context::here().and_then(|here| here.worker);
    if let (Some(stolen), Some(worker)) = (errand.stolen.take(), worker) {
        stolen.run(worker.pool(), Some(worker), &worker.deque);
    }
}

impl Search<'_> {
    /// A fork of somebody else, as a task.
    pub(crate) fn take_fork(&self, turn: u32) -> Option<Task> {
        if !self.pool.lends_workers() || self.is_unwanted() {
            return None;
        }
        let worker = self.worker;
        let stolen = self.pool.deques(turn).find_map(|victim| Stolen::take(victim, 0, &worker.deque))?;
        Some(worker.errand(stolen))
    }
}

impl Pool {
    /// Whether workers take forks: not those of a paused pool.
    fn lends_workers(&self) -> bool {
        !self.injector.head().is_shut()
    }

    /// Those of the workers, beginning with any, and those of guests.
    fn deques(&self, turn: u32) -> impl Iterator<Item = &Deque> {
        let places = self.workers.len();
        let worker = move |nth: u32| self.workers.get(turn.wrapping_add(nth) % places.max(1));
        (0..places).filter_map(worker).map(|worker| &worker.deque).chain(self.guests.iter())
    }

    pub(crate) fn has_forks(&self) -> bool {
        // SAFETY: the loop is there as long as its slot is visited.
        let admits = |slot: &Slot| unsafe { (slot.kind().admits)(slot.fork().arg) };
        self.lends_workers() && self.deques(0).any(|deque| deque.has_work(admits))
    }

    /// How many may take part in a loop.
    pub(crate) fn slot_count(&self) -> u32 {
        self.options.threads + 1
    }

    /// Makes a parallel call: in the middle of what this thread does for the pool, or as a guest. Without a deque where none
    /// can be had: then all is done here.
    #[inline]
    pub(crate) fn fork_join<R>(&self, call: impl FnOnce(&Context, Option<&Deque>) -> R) -> Result<R> {
        match self.forking() {
            Some((context, deque)) => Ok(call(context, Some(deque))),
            None => self.fork_join_told(call),
        }
    }

    #[cold]
    fn fork_join_told<R>(&self, call: impl FnOnce(&Context, Option<&Deque>) -> R) -> Result<R> {
        match self.forking_told() {
            Some((context, deque)) => {
                tsan::release(deque);
                Ok(call(context, Some(deque)))
            }
            None => self.as_guest(call),
        }
    }

    #[cold]
    fn as_guest<R>(&self, call: impl FnOnce(&Context, Option<&Deque>) -> R) -> Result<R> {
        self.same_process()?;
        let side = self.side();
        if side == Side::Outside {
            self.may_submit()?;
        }
        self.rest.accept_shared();
        // As in `run_here`: a shutdown shuts the injector and then reads the counts.
        fence_after_rmw();
        let result = if side == Side::Outside && self.injector.is_shut(side) {
            Err(Error::ShutDown)
        } else {
            let guest = self.guests.claim();
            let deque = guest.as_ref().map(|guest| guest.deque);
            deque.inspect(|deque| tsan::release(*deque));
            let caller = context::current();
            Ok(errno::kept(|| Context::enter_for(caller, self, None, deque, |context| call(context, deque))))
        };
        self.ended_here();
        result
    }

    /// Waits for a branch that was taken, and leaves its slot.
    #[cold]
    pub(crate) fn wait_for_branch(&self, slot: &Slot, own: &Deque) {
        let part = || {
            let (_visitor, thief, mark) = slot.follow()?;
            Stolen::take(thief, mark, own)
        };
        self.help_until(|| slot.is_done(), || self.run_part(part(), own), |waiter| slot.wait_with(waiter));
        tsan::acquire(slot);
        // SAFETY: the slot is this thread's, and the newest.
        unsafe { own.leave(slot) };
    }

    /// Waits until nobody takes part any more in a loop of this thread's.
    pub(crate) fn wait_for_loop(
        &self,
        arg: *const (),
        own: &Deque,
        is_over: impl Fn() -> bool,
        list: impl Fn(&Waiter) -> bool,
    ) {
        let part = || self.deques(0).find_map(|victim| Stolen::take_of_loop(victim, arg, own));
        self.help_until(is_over, || self.run_part(part(), own), list);
    }

    /// Waits for what runs on other threads and can't be helped.
    pub(crate) fn wait_for_others(&self, is_over: impl Fn() -> bool, list: impl Fn(&Waiter) -> bool) {
        self.help_until(is_over, || false, list);
    }

    fn run_part(&self, part: Option<Stolen>, own: &Deque) -> bool {
        part.map(|part| part.run(self, self.this_worker(), own)).is_some()
    }

    /// Calls `help` until it is over; when that has found nothing for a while it sleeps, with a waiter that is told once `list`
    /// has said so.
    fn help_until(&self, is_over: impl Fn() -> bool, help: impl Fn() -> bool, list: impl Fn(&Waiter) -> bool) {
        // Parking and being replaced costs more than that.
        const SPIN_NS: u64 = 5_000;
        const SPINS: u32 = 64;
        let (mut looks, mut give_up) = (0_u32, 0);
        while !is_over() {
            if help() {
                looks = 0;
                continue;
            }
            looks += 1;
            if looks < SPINS {
                spin_loop();
                continue;
            }
            let now = now_ns();
            if looks == SPINS {
                give_up = now + SPIN_NS;
            }
            if now < give_up {
                // Whoever has it may be waiting for our CPU.
                yield_now();
                continue;
            }
            let waiter = Waiter::default();
            if list(&waiter) {
                park::park_anyway(&waiter);
            }
        }
    }
}
