//! A task with a name, a drop function, a priority or an owner: a record from the pool's store, which grows and is reused.
#![allow(unsafe_code, reason = "calls what the user gave")]

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{self, NonNull};

use crate::engine::context;
use crate::engine::pool::Pool;
use crate::engine::store::Node;
use crate::engine::task::{Drop, End, Record, Run};
use crate::engine::turn::Turn;
use crate::error::Result;
use crate::sys::tsan;

/// What a submit may say beside the function and its pointer.
#[derive(Clone, Copy, Default)]
pub(crate) struct Extras {
    /// Ends in a zero byte; empty if there is none.
    pub(crate) name: [u8; 32],
    /// Called in place of a run.
    pub(crate) drop: Option<Drop>,
    /// Below, at or above 0.
    pub(crate) priority: i32,
}

#[repr(C)]
pub(crate) struct Job {
    pub(crate) record: Record,
    run: Run,
    arg: *mut c_void,
    pub(crate) extras: Extras,
    /// Who may claim it before it leaves its queue; null if nobody may.
    pub(crate) owner: *const c_void,
    /// Its place in a list of the owner's.
    pub(crate) next: Cell<*mut JobNode>,
    pub(crate) previous: Cell<*mut JobNode>,
    pub(crate) listed: Cell<bool>,
    pub(crate) turn: Turn,
}

pub(crate) type JobNode = Node<Job>;

impl Job {
    /// One that ends by `end`.
    pub(crate) fn new(run: Run, arg: *mut c_void, extras: Extras, end: unsafe fn(NonNull<Record>, End)) -> Job {
        Job {
            record: Record::new(end),
            run,
            arg,
            extras,
            owner: ptr::null(),
            next: Cell::new(ptr::null_mut()),
            previous: Cell::new(ptr::null_mut()),
            listed: Cell::new(false),
            turn: Turn::new(),
        }
    }

    pub(crate) fn of(self, owner: *const c_void) -> Job {
        Job { owner, ..self }
    }

    /// Whether the caller, who is not its queue, is the one that ends it.
    pub(crate) fn claim_early(&self) -> bool {
        let claimed = self.turn.claim();
        if claimed {
            self.record.set_stale();
        }
        claimed
    }

    /// Calls what the user gave, for a run or in its place, under the job's name.
    pub(crate) fn call(&self, how: End) {
        tsan::acquire(self);
        let outer = context::current().map(|context| context.set_name(&self.extras.name));
        match (how, self.extras.drop) {
            // SAFETY: whoever submitted the functions said that one of them may be called with `arg`, once, on any thread.
            (End::Run, _) => unsafe { (self.run)(self.arg) },
            // SAFETY: likewise.
            (End::Drop(why), Some(drop)) => unsafe { drop(self.arg, why) },
            (End::Drop(_), None) => {}
        }
        if let (Some(context), Some(outer)) = (context::current(), outer) {
            context.set_name(outer);
            tsan::release(context.pool());
        }
    }
}

impl Pool {
    /// A job that ends with its run or its drop, and then goes back to the store.
    pub(crate) fn job(&self, run: Run, arg: *mut c_void, extras: Extras) -> Result<NonNull<JobNode>> {
        self.take_job(Job::new(run, arg, extras, end))
    }

    /// The same for a task that no limit on the queue counts.
    pub(crate) fn notice(&self, run: Run, arg: *mut c_void) -> Result<NonNull<JobNode>> {
        let job = Job::new(run, arg, Extras::default(), end_notice);
        self.take_job(Job { record: Record::uncounted(end_notice), ..job })
    }

    /// A record for it: from what this worker has at hand, on a thread of another kind from the store.
    pub(crate) fn take_job(&self, job: Job) -> Result<NonNull<JobNode>> {
        let node = match self.this_worker() {
            // SAFETY: this is the worker's thread, and the next to fill its place joins it.
            Some(worker) => unsafe { worker.jobs.take_with(&self.jobs, job) },
            None => self.jobs.take_with(job),
        };
        node.inspect(|node| tsan::release(node.as_ptr()))
    }

    pub(crate) fn give_job(&self, node: NonNull<JobNode>) {
        match self.this_worker() {
            // SAFETY: likewise.
            Some(worker) => unsafe { worker.jobs.give(&self.jobs, node) },
            None => self.jobs.give(node),
        }
    }
}

/// # Safety
/// As `end`.
unsafe fn end_notice(record: NonNull<Record>, how: End) {
    if let Some(context) = context::current() {
        context.pool().discount_room();
    }
    // SAFETY: the caller's promise.
    unsafe { end(record, how) };
}

/// # Safety
/// As [`Record`] says; in a context of the pool whose job it is.
unsafe fn end(record: NonNull<Record>, how: End) {
    let node = record.cast::<JobNode>();
    // SAFETY: the node begins with its value, and that with the record; it is this task's alone.
    unsafe { node.as_ref() }.call(how);
    if let Some(context) = context::current() {
        context.pool().give_job(node);
    }
}
