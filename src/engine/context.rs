//! What the calling thread is doing for tp: which pool's task it stands in, and as which worker.
//!
//! A context lives on the stack of whoever calls the user's code, and the thread's word points at the innermost. An
//! outside thread that is in no task has none, and needs no memory.
#![allow(unsafe_code, reason = "reads contexts through the thread's word")]

use core::cell::Cell;
use core::ptr;

use crate::engine::cancel::Scope;
use crate::engine::deque::Deque;
use crate::engine::injector::Side;
use crate::engine::pool::{Pool, State};
use crate::engine::worker::Worker;
use crate::error::Result;
use crate::sync::{AtomicBool, Relaxed};
use crate::sys::{tls, tsan};

pub(crate) struct Context {
    pool: *const Pool,
    /// Null on a thread that is no worker of `pool`.
    worker: *const Worker,
    /// Where this thread's forks go; null on one that has no deque in `pool`.
    deque: *const Deque,
    /// The same, or null where ThreadSanitizer has to be told of each fork: see `Pool::fork_join`.
    forks: *const Deque,
    /// The context that this one works for, of another thread perhaps: its stack counts as this one's. May be null.
    /// Nothing is set in a context that others work for.
    caller: *const Context,
    /// The loop whose body runs; may be null.
    place: Cell<*const Place>,
    /// Of the task that runs; null without one.
    name: Cell<*const [u8; 32]>,
    /// The worker is on its way out: what it submits is for others, and is refused once the pool drains.
    leaves: Cell<bool>,
    /// What the task that runs can be cancelled by; may be null.
    scope: Cell<*const Scope>,
    /// How many `tp_blocking_begin` of the task that runs are open.
    pub(super) open: Cell<u32>,
    /// Of a worker's outermost context: how many the thread's tasks have open in all.
    pub(super) blocked: Cell<u32>,
    outer: *const Context,
}

/// Of a body of a loop: its number among those that run at the same time, and what stops the loop.
pub(crate) struct Place {
    pub(crate) number: u32,
    pub(crate) stopped: *const AtomicBool,
}

impl Context {
    fn new(pool: &Pool, worker: Option<&Worker>, deque: *const Deque) -> Context {
        Context {
            pool,
            worker: worker.map_or(ptr::null(), ptr::from_ref),
            deque,
            forks: if tsan::is_here() { ptr::null() } else { deque },
            caller: ptr::null(),
            place: Cell::new(ptr::null()),
            name: Cell::new(ptr::null()),
            leaves: Cell::new(false),
            scope: Cell::new(ptr::null()),
            open: Cell::new(0),
            blocked: Cell::new(0),
            outer: innermost(),
        }
    }

    /// Runs `f` as inside a task of `pool`, on its `worker` if this thread is one.
    pub(crate) fn enter<R>(pool: &Pool, worker: Option<&Worker>, f: impl FnOnce(&Context) -> R) -> R {
        // A guest has its deque further out.
        let guest =
            || current().filter(|context| ptr::eq(context.pool, pool)).map_or(ptr::null(), |context| context.deque);
        Context::new(pool, worker, worker.map_or_else(guest, |worker| &raw const worker.deque)).during(f)
    }

    /// The same for a part of what `caller` does, which waits for it: the part is called like that, can be cancelled like
    /// that, and stands on its stack.
    pub(crate) fn enter_for<R>(
        caller: Option<&Context>,
        pool: &Pool,
        worker: Option<&Worker>,
        deque: Option<&Deque>,
        f: impl FnOnce(&Context) -> R,
    ) -> R {
        let mut context = Context::new(pool, worker, deque.map_or(ptr::null(), ptr::from_ref));
        if let Some(caller) = caller {
            context.caller = caller;
            context.place.set(caller.place.get());
            context.name.set(caller.name.get());
            context.scope.set(caller.scope.get());
        }
        context.during(f)
    }

    fn during<R>(&self, f: impl FnOnce(&Context) -> R) -> R {
        let before = tls::get();
        tls::set(ptr::from_ref(self).cast());
        let result = f(self);
        self.close_blocking();
        tls::set(before);
        result
    }

    /// What it stands on: what it works for, else what is further out on this thread.
    fn below(&self) -> Option<&Context> {
        let below = if self.caller.is_null() { self.outer } else { self.caller };
        // SAFETY: outer contexts live longer, and so do those that wait for this one.
        unsafe { below.as_ref() }
    }

    /// Runs `f` as a body of a loop.
    pub(crate) fn at<R>(&self, place: &Place, f: impl FnOnce() -> R) -> R {
        let outer = self.place.replace(place);
        let result = f();
        self.place.set(outer);
        result
    }

    /// Runs `f` as a task that can be cancelled by `scope`.
    pub(crate) fn within<R>(&self, scope: &Scope, f: impl FnOnce() -> R) -> R {
        let outer = self.scope.replace(scope);
        let result = f();
        self.scope.set(outer);
        result
    }

    /// The worker whose thread this is, in its outermost context.
    pub(super) fn root(&self) -> Option<(&Context, &Worker)> {
        // SAFETY: outer contexts live longer, and a worker lives longer than its thread's contexts.
        let outermost = core::iter::successors(Some(self), |context| unsafe { context.outer.as_ref() }).last()?;
        if outermost.leaves.get() {
            // It is out of the counts already.
            return None;
        }
        // SAFETY: likewise.
        unsafe { outermost.worker.as_ref() }.map(|worker| (outermost, worker))
    }

    /// At the end of a task: closes what it has left open.
    #[inline]
    pub(crate) fn close_blocking(&self) {
        let open = self.open.replace(0);
        if open > 0
            && let Some((root, worker)) = self.root()
        {
            root.unblock(worker, open);
        }
    }

    /// Of the outermost context.
    pub(super) fn block(&self, worker: &Worker) -> Result<()> {
        let first = self.blocked.get() == 0;
        self.blocked.set(self.blocked.get() + 1);
        if first { worker.pool().begin_blocked(worker) } else { Ok(()) }
    }

    /// Likewise.
    pub(super) fn unblock(&self, worker: &Worker, n: u32) {
        self.blocked.set(self.blocked.get().saturating_sub(n));
        if self.blocked.get() == 0 {
            worker.pool().end_blocked(worker);
        }
    }

    pub(crate) fn pool(&self) -> &Pool {
        // SAFETY: a pool outlives what is done for it.
        unsafe { &*self.pool }
    }

    /// Returns the name before.
    pub(crate) fn set_name(&self, name: *const [u8; 32]) -> *const [u8; 32] {
        self.name.replace(name)
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
    unsafe { innermost().as_ref() }
}

/// The thread's word is a context's address, or odd: then there is none, and the other bits count the open
/// `tp_blocking_begin`, which have no effect there.
#[inline]
fn innermost() -> *const Context {
    let word = tls::get();
    if word.addr() & 1 == 0 { word.cast() } else { ptr::null() }
}

pub(crate) fn current_pool() -> *const Pool {
    current().map_or(ptr::null(), |context| context.pool)
}

pub(crate) fn worker_index() -> i32 {
    // SAFETY: a worker outlives its thread's contexts.
    let worker = current().and_then(|context| unsafe { context.worker.as_ref() });
    worker.and_then(|worker| i32::try_from(worker.index).ok()).unwrap_or(-1)
}

/// Whether the task that runs here has been asked to stop.
pub(crate) fn is_cancelled() -> bool {
    current().is_some_and(|context| {
        // SAFETY: null, or the scope of the task that runs.
        let scope = unsafe { context.scope.get().as_ref() };
        scope.is_some_and(Scope::is_cancelled) || context.pool().state() == State::Discarding
    })
}

/// The innermost loop whose body runs here.
pub(crate) fn place<'a>() -> Option<&'a Place> {
    // SAFETY: null, or of a loop whose body runs.
    unsafe { current()?.place.get().as_ref() }
}

/// Whether that loop has been stopped.
pub(crate) fn is_stopped() -> bool {
    // SAFETY: a loop waits for its bodies.
    place().is_some_and(|place| unsafe { &*place.stopped }.load(Relaxed))
}

/// Whether a task that is on this thread's stack is inside `scope`.
pub(crate) fn is_on_stack(scope: &Scope) -> bool {
    let mut stack = core::iter::successors(current(), |context| context.below());
    // SAFETY: null, or the scope of a task that runs.
    stack.any(|context| unsafe { context.scope.get().as_ref() }.is_some_and(|own| own.is_inside(scope)))
}

/// Whether this thread is a worker on its way out.
pub(crate) fn is_leaving() -> bool {
    // SAFETY: outer contexts live longer.
    let outermost = core::iter::successors(current(), |context| unsafe { context.outer.as_ref() }).last();
    outermost.is_some_and(|context| context.leaves.get())
}

/// A task that a worker runs, or a part of a parallel call that a guest does.
pub(crate) struct Here<'a> {
    pub(crate) pool: &'a Pool,
    /// None: a guest.
    pub(crate) worker: Option<&'a Worker>,
}

/// What this thread does, if it may run what that waits for.
pub(crate) fn here<'a>() -> Option<Here<'a>> {
    let context = current().filter(|context| !context.leaves.get() && !context.deque.is_null())?;
    // SAFETY: a worker outlives its thread's contexts.
    Some(Here { pool: context.pool(), worker: unsafe { context.worker.as_ref() } })
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
        core::iter::successors(current(), |context| context.below()).find(|context| ptr::eq(context.pool, self))
    }

    /// The context and the deque of this thread, if what it is in the middle of is this pool's and it has one there.
    #[inline]
    pub(crate) fn forking(&self) -> Option<(&Context, &Deque)> {
        let context = current().filter(|context| ptr::eq(context.pool, self))?;
        // SAFETY: deques live as long as the pool.
        unsafe { context.forks.as_ref() }.map(|deque| (context, deque))
    }

    /// The same, found in the end.
    pub(crate) fn forking_told(&self) -> Option<(&Context, &Deque)> {
        let context = current().filter(|context| tsan::is_here() && ptr::eq(context.pool, self))?;
        // SAFETY: deques live as long as the pool.
        unsafe { context.deque.as_ref() }.map(|deque| (context, deque))
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
