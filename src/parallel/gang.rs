//! A gang: bodies that all run at the same time, each on a thread of its own, so that they may wait for each other.
//!
//! The caller drafts the others first. They come to a gate, which opens when there are enough; if there are not, it tells
//! them to go, and no body has started.
#![allow(unsafe_code, reason = "calls what the user gave, and keeps a gang on its caller's stack")]

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use crate::engine::context;
use crate::engine::duty::Duty;
use crate::engine::park;
use crate::engine::pool::Pool;
use crate::engine::wait::Waiter;
use crate::error::{Error, Result};
use crate::sync::{AcqRel, Acquire, AtomicPtr, AtomicU32, Futex, Release};
use crate::sys::clock::Deadline;
use crate::sys::tsan;

pub(crate) type Body = unsafe extern "C-unwind" fn(rank: u32, n: u32, ctx: *mut c_void);

/// Of `Gang::gate`.
const SHUT: u32 = 0;
const OPEN: u32 = 1;
const GO: u32 = 2;

/// Beside those who are there: the caller sleeps.
const WAITING: u32 = 1 << 31;

#[repr(C)]
struct Gang {
    duty: Duty,
    body: Body,
    ctx: *mut c_void,
    n: u32,
    next_rank: AtomicU32,
    gate: Futex,
    /// Of those that were drafted, who have not gone.
    there: AtomicU32,
    waiter: AtomicPtr<Waiter>,
}

/// # Safety
/// The body may be called so, once for each rank, on any thread.
pub(crate) unsafe fn gang(pool: &Pool, n: u32, body: Body, ctx: *mut c_void) -> Result<()> {
    if n == 0 {
        return Err(Error::Invalid);
    }
    pool.same_process()?;
    // The place of a worker on its way out may be given to one that waits until it has gone.
    if n > 1 && context::is_leaving() {
        return Err(Error::NoThread);
    }
    if n - 1 > pool.most_threads() {
        return Err(Error::NoThread);
    }
    pool.fork_join(|context, _| {
        let gang = Gang {
            duty: Duty { run: serve, caller: context },
            body,
            ctx,
            n,
            next_rank: AtomicU32::new(1),
            gate: Futex::default(),
            there: AtomicU32::new(n - 1),
            waiter: AtomicPtr::new(ptr::null_mut()),
        };
        gang.run(pool)
    })?
}

/// # Safety
/// The duty is a gang's, which waits for us.
unsafe fn serve(duty: NonNull<Duty>, extra: bool) {
    // SAFETY: the caller's promise: until `there` says that we have gone.
    let gang = unsafe { duty.cast::<Gang>().as_ref() };
    let take_part = || {
        while gang.gate.load(Acquire) == SHUT {
            let _ = gang.gate.wait(SHUT, Deadline::Never);
        }
        if gang.gate.load(Acquire) == OPEN {
            tsan::acquire(gang);
            gang.call(gang.next_rank.fetch_add(1, AcqRel));
            tsan::release(gang);
        }
    };
    // It counts again before we say that we have gone: the next gang sees it coming.
    if extra {
        park::while_extra(take_part)
    } else {
        take_part()
    }
    if gang.there.fetch_sub(1, AcqRel) == WAITING + 1 {
        // SAFETY: the caller sleeps until this.
        unsafe { Waiter::tell(gang.waiter.load(Acquire)) };
    }
}

impl Gang {
    fn run(&self, pool: &Pool) -> Result<()> {
        let others = self.n - 1;
        tsan::release(self);
        let drafted = pool.draft(others, &self.duty);
        let all_there = drafted == others;
        self.there.fetch_sub(others - drafted, AcqRel);
        self.gate.store(if all_there { OPEN } else { GO }, Release);
        self.gate.wake_all();
        if all_there {
            self.call(0);
        }
        let is_over = || self.there.load(Acquire) & !WAITING == 0;
        let list = |waiter: &Waiter| {
            self.waiter.store(ptr::from_ref(waiter).cast_mut(), Release);
            self.there.fetch_or(WAITING, AcqRel) != 0
        };
        pool.wait_for_others(is_over, list);
        tsan::acquire(self);
        if all_there { Ok(()) } else { Err(Error::NoThread) }
    }

    fn call(&self, rank: u32) {
        // SAFETY: the caller of `gang` says so.
        unsafe { (self.body)(rank, self.n, self.ctx) };
    }
}
