//! What the calling thread is doing for tp: which pool's task it stands in, and as which worker.
//!
//! A context lives on the stack of whoever calls the user's code, and the thread's word points at the innermost. An
//! outside thread that is in no task has none, and needs no memory.
#![allow(unsafe_code, reason = "reads contexts through the thread's word")]

use core::cell::Cell;
use core::ptr;

use crate::engine::injector::Side;
use crate::engine::pool::Pool;
use crate::engine::worker::Worker;
use crate::sys::tls;

pub(crate) struct Context {
    pool: *const Pool,
    /// Null on a thread that is no worker of `pool`.
    worker: *const Worker,
    /// Of the task that runs; null without one.
    name: Cell<*const [u8; 32]>,
    /// The worker is on its way out: what it submits is for others, and is refused once the pool drains.
    leaves: Cell<bool>,
    outer: *const Context,
}

impl Context {
    /// Runs `f` as inside a task of `pool`, on its `worker` if this thread is one.
    pub(crate) fn enter<R>(pool: &Pool, worker: Option<&Worker>, f: impl FnOnce(&Context) -> R) -> R {
        let context = Context {
            pool,
            worker: worker.map_or(ptr::null(), ptr::from_ref),
            name: Cell::new(ptr::null()),
            leaves: Cell::new(false),
            outer: tls::get().cast(),
        };
        tls::set((&raw const context).cast());
        let result = f(&context);
        tls::set(context.outer.cast());
        result
    }

    pub(crate) fn pool(&self) -> &Pool {
        // SAFETY: a pool outlives what is done for it.
        unsafe { &*self.pool }
    }

    pub(crate) fn set_name(&self, name: *const [u8; 32]) {
        self.name.set(name);
    }

    pub(crate) fn set_leaving(&self) {
        self.leaves.set(true);
    }

    /// The task's name, up to its zero byte; empty without one.
    pub(crate) fn task_name(&self) -> &[u8] {
        // SAFETY: null, or of the task that runs.
        let name = unsafe { self.name.get().as_ref() }.map_or(&[][..], |name| name);
        name.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

/// The innermost context of this thread.
#[inline]
pub(crate) fn current<'a>() -> Option<&'a Context> {
    // SAFETY: null or a context on this thread's stack, further out than any caller; callers keep it no longer than that.
    unsafe { tls::get().cast::<Context>().as_ref() }
}

pub(crate) fn current_pool() -> *const Pool {
    current().map_or(ptr::null(), |context| context.pool)
}

pub(crate) fn worker_index() -> i32 {
    // SAFETY: a worker outlives its thread's contexts.
    let worker = current().and_then(|context| unsafe { context.worker.as_ref() });
    worker.and_then(|worker| i32::try_from(worker.index).ok()).unwrap_or(-1)
}

impl Pool {
    /// The worker of this pool that this thread is, if it is in one of its tasks.
    #[inline]
    pub(crate) fn this_worker(&self) -> Option<&Worker> {
        let context = current().filter(|context| ptr::eq(context.pool, self) && !context.leaves.get())?;
        // SAFETY: a worker outlives its thread's contexts.
        unsafe { context.worker.as_ref() }
    }

    /// The innermost context on this thread's stack that is of this pool.
    fn on_stack(&self) -> Option<&Context> {
        let mut next = current();
        while let Some(context) = next.filter(|context| !ptr::eq(context.pool, self)) {
            // SAFETY: outer contexts live longer.
            next = unsafe { context.outer.as_ref() };
        }
        next
    }

    /// Whether a task of this pool is anywhere on this thread's stack.
    pub(crate) fn is_on_stack(&self) -> bool {
        self.on_stack().is_some()
    }

    /// Which of the two rules of a drain a submit from here falls under.
    #[inline]
    pub(crate) fn side(&self) -> Side {
        if self.on_stack().is_some_and(|context| !context.leaves.get()) { Side::Inside } else { Side::Outside }
    }
}
