//! A future: a task with a value, or a value that somebody gives by hand.
//!
//! ```text
//!   then: WAITING --input done--> PENDING --claimed--> RUNNING --> DONE
//!            |                      |                     ^ by a worker that takes it from its queue, or by a waiter
//!            '------cancelled-------'--> DROPPING --> CANCELED
//! ```
//!
//! One compare-exchange from PENDING decides who ends it: the worker, a waiter, the canceller. A queue entry whose future
//! was claimed by somebody else is stale: it only gives its reference back.
//!
//! State, references and the mark that somebody is linked share a word. Where nobody is linked, whoever ends the future
//! sets the state and gives its reference back in one step, and touches nothing after it. Else it keeps its reference
//! until it has told all.
#![allow(unsafe_code, reason = "shares memory by reference counts, and calls what the user gave")]

mod then;
mod wait;

pub(crate) use then::then;
pub(crate) use wait::wait_any;

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use crate::engine::cancel::Scope;
use crate::engine::clients::Client;
use crate::engine::context::{self, Context};
use crate::engine::fork;
use crate::engine::job::Extras;
use crate::engine::pool::Pool;
use crate::engine::seal::{Seal, Sealed};
use crate::engine::task::{End, Record};
use crate::engine::wait::WaitList;
use crate::error::{Error, Result};
use crate::sync::{AcqRel, Acquire, AtomicPtr, AtomicU32, Backoff, Mutex, Relaxed, lock};
use crate::sys::{alloc, tsan};
use then::{Followers, is_waiting, pool_ended};

pub(crate) type Run = unsafe extern "C-unwind" fn(arg: *mut c_void) -> *mut c_void;
pub(crate) type Continue = unsafe extern "C-unwind" fn(value: *mut c_void, arg: *mut c_void) -> *mut c_void;

#[derive(Clone, Copy)]
enum Work {
    ByHand,
    Run(Run),
    Continue(Continue),
}

#[repr(C)]
pub(crate) struct Future {
    record: Record,
    word: AtomicU32,
    generation: u32,
    scope: Scope,
    /// The pool that has it in a queue; not to be used once it has ended.
    pool: *const Pool,
    work: Work,
    arg: *mut c_void,
    extras: Extras,
    /// Its input's, and in the end its own.
    value: AtomicPtr<c_void>,
    links: Mutex<Links>,
    client: Client,
    seal: Seal,
}

/// Who is linked with it.
struct Links {
    waiters: WaitList,
    followers: Followers,
    /// The next in the list of followers that it is in.
    next: *mut Future,
    /// Its input, with a reference, until it has ended.
    input: *mut Future,
}

// SAFETY: the lock guards them.
unsafe impl Send for Links {}

const WAITING: u32 = 0;
const PENDING: u32 = 1;
const RUNNING: u32 = 2;
const DROPPING: u32 = 3;
const DONE: u32 = 4;
const CANCELED: u32 = 5;
const STATE: u32 = 7;
/// Somebody may be in `links` who has to be told.
const LINKED: u32 = 8;
const REFERENCE: u32 = 16;

/// A reference that is given back when it goes.
struct Held(NonNull<Future>);

impl core::ops::Deref for Held {
    type Target = Future;
    fn deref(&self) -> &Future {
        // SAFETY: the reference keeps it.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the reference is ours.
        unsafe { give_back(self.0) };
    }
}

fn make(pool: *const Pool, work: Work, arg: *mut c_void, extras: Extras, word: u32) -> Result<NonNull<Future>> {
    alloc::make(Future {
        record: if matches!(work, Work::Continue(_)) { Record::uncounted(end) } else { Record::new(end) },
        word: AtomicU32::new(word),
        generation: fork::generation(),
        scope: Scope::new(ptr::null()),
        pool,
        work,
        arg,
        extras,
        value: AtomicPtr::new(ptr::null_mut()),
        links: Mutex::new(Links {
            waiters: WaitList::default(),
            followers: Followers::NONE,
            next: ptr::null_mut(),
            input: ptr::null_mut(),
        }),
        client: Client::new(is_waiting, pool_ended),
        seal: Seal::new(),
    })
}

/// One that is completed by hand.
pub(crate) fn create() -> Result<NonNull<Future>> {
    fork::watch()?;
    make(ptr::null(), Work::ByHand, ptr::null_mut(), Extras::default(), PENDING | REFERENCE)
}

/// One that a worker of `pool` runs.
pub(crate) fn submit(pool: &Pool, run: Run, arg: *mut c_void, extras: Extras) -> Result<NonNull<Future>> {
    pool.may_submit()?;
    let future = make(pool, Work::Run(run), arg, extras, PENDING | (2 * REFERENCE))?;
    tsan::release(future.as_ptr());
    // SAFETY: nobody else has it if it was refused.
    pool.submit_record(future.cast(), extras.priority).inspect_err(|_| unsafe { alloc::free(future) })?;
    Ok(future)
}

/// # Safety
/// The caller has a reference, and gives it up.
pub(crate) unsafe fn give_back(future: NonNull<Future>) {
    let mut left = Followers::NONE;
    let mut next = Some(future);
    while let Some(future) = next {
        // SAFETY: the caller's promise, and then the references that the last one had.
        let this = unsafe { future.as_ref() };
        tsan::release(this);
        // Who has the only reference need not count it down.
        let alone = this.word.load(Acquire) / REFERENCE == 1;
        next = None;
        if alone || this.word.fetch_sub(REFERENCE, AcqRel) / REFERENCE == 1 {
            tsan::acquire(this);
            // SAFETY: that was the last reference. No lock: in a forked child a thread that is not there may hold it, and
            // there the followers stay.
            unsafe {
                let links = match (*future.as_ptr()).links.get_mut() {
                    Ok(links) => links,
                    Err(poisoned) => poisoned.into_inner(),
                };
                next = NonNull::new(links.input);
                let followers = core::mem::replace(&mut links.followers, Followers::NONE);
                if this.same_process().is_ok() {
                    left.append(followers);
                }
                alloc::free(future);
            }
        }
        next = next.or_else(|| left.pop());
    }
}

/// # Safety
/// As [`Record`] says; in a context of the pool that had it queued, with the queue's reference.
unsafe fn end(record: NonNull<Record>, how: End) {
    let future: NonNull<Future> = record.cast();
    // SAFETY: the reference keeps it.
    let this = unsafe { future.as_ref() };
    let Some(context) = context::current() else {
        return;
    };
    let mut backoff = Backoff::default();
    while this.state() == WAITING {
        // Whoever has just queued it is about to say so.
        backoff.snooze();
    }
    match how {
        End::Run if this.change(PENDING, RUNNING) => {
            this.discount(context.pool());
            let value = this.call(context);
            this.finish(DONE, value, true);
        }
        End::Drop(why) if this.change(PENDING, DROPPING) => {
            this.discount(context.pool());
            this.drop_arg(context, why);
            this.finish(CANCELED, ptr::null_mut(), true);
        }
        _ => {
            context.pool().discount_stale();
            // SAFETY: the queue's reference.
            unsafe { give_back(future) };
        }
    }
}

impl Sealed for Future {
    fn seal(&self) -> &Seal {
        &self.seal
    }
}

impl Future {
    pub(crate) fn same_process(&self) -> Result<()> {
        if self.generation == fork::generation() { Ok(()) } else { Err(Error::Forked) }
    }

    /// Whether the limit on a queue counts it.
    fn counts(&self) -> bool {
        self.record.counted
    }

    /// It has left its queue, and room was given back for it.
    fn discount(&self, pool: &Pool) {
        if !self.counts() {
            pool.discount_room();
        }
    }

    fn state(&self) -> u32 {
        self.word.load(Acquire) & STATE
    }

    fn has_ended(&self) -> bool {
        self.state() >= DONE
    }

    fn is_done(&self) -> bool {
        self.state() == DONE
    }

    /// As tp.h has it.
    pub(crate) fn public_state(&self) -> i32 {
        let state = self.state();
        tsan::acquire(self);
        match (state, self.work) {
            (WAITING | PENDING, _) | (RUNNING, Work::ByHand) => 0,
            (RUNNING, _) => 1,
            (DONE, _) => 2,
            _ => 3,
        }
    }

    fn hold(&self) -> NonNull<Future> {
        self.word.fetch_add(REFERENCE, Relaxed);
        NonNull::from(self)
    }

    /// Changes the state, if it is `from`.
    fn change(&self, from: u32, to: u32) -> bool {
        let changed = |word: u32| (word & STATE == from).then(|| word - from + to);
        self.word.fetch_update(AcqRel, Acquire, changed).is_ok()
    }

    /// Calls the user's function.
    fn call(&self, context: &Context) -> *mut c_void {
        tsan::acquire(self);
        let outer = context.set_name(&self.extras.name);
        let value = context.within(&self.scope, || match self.work {
            // SAFETY: the user said that the function may be called so, once, on any thread.
            Work::Run(run) => unsafe { run(self.arg) },
            // SAFETY: likewise.
            Work::Continue(run) => unsafe { run(self.value.load(Relaxed), self.arg) },
            Work::ByHand => ptr::null_mut(),
        });
        context.set_name(outer);
        tsan::release(context.pool());
        value
    }

    fn drop_arg(&self, context: &Context, why: i32) {
        tsan::acquire(self);
        let outer = context.set_name(&self.extras.name);
        if let Some(drop) = self.extras.drop {
            // SAFETY: as in `call`, in place of a run.
            context.within(&self.scope, || unsafe { drop(self.arg, why) });
        }
        context.set_name(outer);
        tsan::release(context.pool());
    }

    /// Ends a claimed future. With `gives_back` the caller's reference goes too, and `self` may be gone.
    fn finish(&self, state: u32, value: *mut c_void, gives_back: bool) {
        tsan::release(self);
        self.value.store(value, Relaxed);
        let this = NonNull::from(self);
        let has_input = matches!(self.work, Work::Continue(_));
        let taken = if gives_back { REFERENCE } else { 0 };
        let alone = |word: u32| (word & LINKED == 0 && !has_input).then(|| (word & !STATE | state) - taken);
        match self.word.fetch_update(AcqRel, Acquire, alone) {
            Ok(word) => {
                if word / REFERENCE == taken / REFERENCE {
                    tsan::acquire(this.as_ptr());
                    // SAFETY: that was the last reference.
                    unsafe { alloc::free(this) };
                }
            }
            Err(_) => self.finish_linked(this, state, value, gives_back),
        }
    }

    fn finish_linked(&self, this: NonNull<Future>, state: u32, value: *mut c_void, gives_back: bool) {
        // Who is told may give the last reference back.
        let _held = Held(self.hold());
        let (followers, input) = self.close(state);
        followers.settle(state == DONE, value);
        for reference in [input, if gives_back { this.as_ptr() } else { ptr::null_mut() }] {
            if let Some(reference) = NonNull::new(reference) {
                // SAFETY: these references were ours.
                unsafe { give_back(reference) };
            }
        }
    }

    /// Sets its last state, and tells all who wait. Gives what waits for its value, and its input with the reference.
    fn close(&self, state: u32) -> (Followers, *mut Future) {
        let mut links = lock(&self.links);
        let changed = |word: u32| Some(word & !STATE | state);
        let _ = self.word.fetch_update(AcqRel, Acquire, changed);
        links.waiters.tell_all();
        let followers = core::mem::replace(&mut links.followers, Followers::NONE);
        (followers, core::mem::replace(&mut links.input, ptr::null_mut()))
    }

    /// Completes one that was made for that.
    pub(crate) fn complete(&self, value: *mut c_void) -> Result<()> {
        self.same_process()?;
        if !matches!(self.work, Work::ByHand) {
            return Err(Error::Invalid);
        }
        if !self.change(PENDING, RUNNING) {
            return Err(Error::Busy);
        }
        self.finish(DONE, value, false);
        Ok(())
    }

    /// Ok: it will never run. `Error::Busy`: it runs, and has been asked to stop, or has run.
    pub(crate) fn cancel(&self) -> Result<()> {
        self.same_process()?;
        let why = Error::Canceled.status();
        if matches!(self.work, Work::Continue(_)) {
            let held = self.client.hold();
            if self.change(WAITING, DROPPING) {
                self.client.delist(&held);
                drop(held);
                self.finish(CANCELED, ptr::null_mut(), false);
                return Ok(());
            }
        }
        if self.change(PENDING, DROPPING) {
            self.record.set_stale();
            // SAFETY: what it has queued counts as not ended until we say so, so it can't go.
            let pool = unsafe { self.pool.as_ref() };
            if let Some(pool) = pool {
                pool.count_stale(self.counts());
                pool.enter_here(|context| self.drop_arg(context, why));
            }
            self.finish(CANCELED, ptr::null_mut(), false);
            if let Some(pool) = pool {
                pool.ended_for_others();
            }
            return Ok(());
        }
        self.scope.set_cancelled(true);
        if matches!(self.state(), DROPPING | CANCELED) { Ok(()) } else { Err(Error::Busy) }
    }

    fn input(&self) -> Option<Held> {
        let links = lock(&self.links);
        // SAFETY: as long as it is linked there is a reference.
        unsafe { links.input.as_ref() }.map(|input| Held(input.hold()))
    }
}
