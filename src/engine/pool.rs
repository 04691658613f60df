//! The pool: what all its threads share, and how it comes and goes.
#![allow(unsafe_code, reason = "owns its own memory")]

use core::ptr::NonNull;

use crate::engine::blocks::Blocks;
use crate::engine::capacity::{Capacity, WhenFull};
use crate::engine::clients::Clients;
use crate::engine::completion::Lane;
use crate::engine::control::Control;
use crate::engine::guests::Guests;
use crate::engine::injector::{Injector, Mark};
use crate::engine::job::Job;
use crate::engine::late::Late;
use crate::engine::launch::ShortLoops;
use crate::engine::options::Options;
use crate::engine::park;
use crate::engine::quiet::Waiters;
use crate::engine::reserve::Reserve;
use crate::engine::seal::{Seal, Sealed};
use crate::engine::sleep::Sleep;
use crate::engine::store::Store;
use crate::engine::worker::{Worker, Workers};
use crate::engine::{escape, fork};
use crate::error::{Error, Result};
use crate::sync::{Acquire, AtomicBool, AtomicU32, Futex, Mutex, Relaxed};
use crate::sys::clock::Deadline;
use crate::sys::{alloc, process, tsan};

/// How far a pool has got. It only goes forward.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u32)]
pub(crate) enum State {
    Running,
    /// Refuses what comes from outside; its tasks may submit.
    Draining,
    /// Refuses everything, and drops what is queued.
    Discarding,
    /// Nothing is left. The workers go.
    Ended,
}

pub(crate) struct Pool {
    // Read by all, at every task, and hardly ever written.
    pub(crate) state: AtomicU32,
    /// Workers with an index from here up leave: the thread count, and 0 in the end.
    pub(crate) wanted: AtomicU32,
    pub(crate) started: AtomicBool,
    generation: u32,
    is_default: bool,
    seal: Seal,
    pub(crate) capacity: Option<Capacity>,
    pub(crate) options: Options,
    pub(crate) workers: Workers,
    pub(crate) guests: Guests,
    pub(crate) short_loops: ShortLoops,

    /// Tasks of the normal priority; `priority` has the rules for the others.
    pub(crate) injector: Injector,
    pub(crate) high: Injector,
    pub(crate) low: Injector,
    pub(crate) sleep: Sleep,
    pub(crate) waiters: Waiters,
    /// What is accepted elsewhere than in the injector or by a worker, and what ends elsewhere than on a worker.
    pub(crate) rest: Lane,
    pub(crate) blocks: Blocks,
    pub(crate) jobs: Store<Job>,
    pub(crate) reserve: Reserve,
    /// Held while threads are drafted.
    pub(crate) drafts: Mutex<()>,
    /// Tasks that no queue had memory for.
    pub(crate) late: Late,
    pub(crate) clients: Clients,

    pub(crate) control: Mutex<Control>,
    pub(crate) thread_count: AtomicU32,
    /// Threads that have not ended.
    pub(crate) alive: Futex,
    /// What new threads wait for: see `control`.
    pub(crate) gate: Futex,
}

// SAFETY: the one field that is not, the hooks' context, is the user's, who was told that workers get it.
unsafe impl Send for Pool {}
// SAFETY: likewise; the rest is atomics, locks, and what is not written once the pool is shared.
unsafe impl Sync for Pool {}

impl Sealed for Pool {
    fn seal(&self) -> &Seal {
        &self.seal
    }
}

impl Pool {
    /// A pool without threads: `start` gives it some.
    pub(crate) fn new(options: Options, is_default: bool) -> Pool {
        // ThreadSanitizer has to be told of each task: see `Pool::submit`.
        let unlimited = tsan::is_here().then_some((u64::MAX, WhenFull::Fail));
        Pool {
            state: AtomicU32::new(State::Running as u32),
            wanted: AtomicU32::new(options.threads),
            started: AtomicBool::new(false),
            generation: fork::generation(),
            is_default,
            seal: Seal::new(),
            capacity: options.capacity.or(unlimited).map(|(limit, when_full)| Capacity::new(limit, when_full)),
            thread_count: AtomicU32::new(options.threads),
            options,
            workers: Workers::default(),
            guests: Guests::default(),
            short_loops: ShortLoops::default(),
            injector: Injector::new(Mark::None),
            high: Injector::new(Mark::High),
            low: Injector::new(Mark::Low),
            sleep: Sleep::default(),
            waiters: Waiters::default(),
            rest: Lane::default(),
            late: Late::default(),
            clients: Clients::default(),
            blocks: Blocks::new(),
            jobs: Store::new(),
            reserve: Reserve::default(),
            drafts: Mutex::new(()),
            control: Mutex::new(Control::default()),
            alive: Futex::default(),
            gate: Futex::default(),
        }
    }

    #[inline]
    pub(crate) fn same_process(&self) -> Result<()> {
        if self.generation == fork::generation() { Ok(()) } else { Err(Error::Forked) }
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether what is queued may be started: not in a pool that is paused or drops its tasks.
    pub(crate) fn may_start(&self) -> bool {
        !self.injector.head().is_shut() && self.state() < State::Discarding
    }

    /// For what can't be done from inside a task of this pool.
    pub(crate) fn outside_only(&self) -> Result<()> {
        self.same_process()?;
        if self.is_on_stack() { Err(Error::Deadlock) } else { Ok(()) }
    }

    /// For what the default pool, which nobody owns, does not do.
    pub(crate) fn owned_only(&self) -> Result<()> {
        if self.is_default { Err(Error::NotSupported) } else { Ok(()) }
    }

    #[inline]
    pub(crate) fn state(&self) -> State {
        match self.state.load(Acquire) {
            0 => State::Running,
            1 => State::Draining,
            2 => State::Discarding,
            _ => State::Ended,
        }
    }

    /// Whether workers keep what their tasks submit. See `submit`.
    #[inline]
    pub(crate) fn spreads(&self) -> bool {
        self.capacity.is_none()
    }

    /// False: the worker is beyond those asked for, and more run than these.
    #[inline]
    pub(crate) fn wants(&self, worker: &Worker) -> bool {
        let wanted = self.wanted.load(Relaxed);
        worker.index < wanted || !self.reserve.has_surplus(wanted)
    }

    pub(crate) fn has_started(&self) -> bool {
        self.started.load(Acquire)
    }

    pub(crate) fn thread_count(&self) -> u32 {
        self.same_process().map_or(0, |()| self.thread_count.load(Acquire))
    }

    pub(crate) fn queued(&self) -> u64 {
        let queued = || {
            // First: an entry leaves its queue before it is discounted, so that a quiet pool has none whatever goes on.
            let stale = |sum: u64, lane: &Lane| sum.wrapping_add(lane.stale());
            let stale = self.workers.iter().map(|worker| &worker.lane).chain([&self.rest]).fold(0, stale);
            let on_workers = self.workers.iter().map(|worker| worker.queue.len()).sum::<u64>();
            let entries = self.injectors().map(Injector::len).sum::<u64>() + on_workers + self.late.count();
            // Both sums are of many moments: where one is below 0, it is as good as 0.
            entries.saturating_sub(stale.cast_signed().max(0).cast_unsigned())
        };
        self.same_process().map_or(0, |()| queued())
    }

    /// Whether any queue has something that a worker could start.
    pub(crate) fn has_work(&self) -> bool {
        self.injectors().any(Injector::has_work)
            || self.has_late_work()
            || self.has_forks()
            || self.workers.iter().any(|worker| worker.queue.has_work())
    }

    /// Whether nothing was queued or running at some moment of the call: see `completion`.
    pub(crate) fn is_quiet(&self) -> bool {
        let ended = self.rest.ended() + self.workers.iter().map(|worker| worker.lane.ended()).sum::<u64>();
        let accepted = self.injectors().map(Injector::accepted).sum::<u64>()
            + self.rest.accepted()
            + self.workers.iter().map(|worker| worker.lane.accepted()).sum::<u64>();
        ended == accepted
    }

    pub(crate) fn wait(&self, timeout_ns: u64) -> Result<()> {
        self.outside_only()?;
        match Deadline::after(timeout_ns) {
            _ if self.is_quiet() => Ok(()),
            Deadline::Passed => Err(Error::TimedOut),
            deadline => park::while_blocked(|| self.wait_until_quiet(deadline)),
        }
        .inspect(|()| tsan::acquire(self))
    }

    pub(crate) fn wait_until_quiet(&self, deadline: Deadline) -> Result<()> {
        self.waiters.wait(|| self.is_quiet(), deadline)
    }

    pub(crate) fn answer_waiters(&self) {
        self.waiters.answer(|| self.is_quiet());
    }
}

/// Makes a pool and starts it.
pub(crate) fn create(options: Options) -> Result<*mut Pool> {
    let pool = alloc::make(Pool::new(options, false))?;
    // SAFETY: just made.
    match unsafe { pool.as_ref() }.start() {
        Ok(()) => Ok(pool.as_ptr()),
        Err(error) => {
            // SAFETY: it has no threads, and nobody else has seen it.
            unsafe { alloc::free(pool) };
            Err(error)
        }
    }
}

/// What has to be so before the first thread starts.
pub(crate) fn prepare_process() -> Result<()> {
    fork::watch()?;
    escape::watch();
    process::stay_loaded();
    Ok(())
}

/// Brings the pool to its end and frees it; in a child of `fork` only frees it.
///
/// # Safety
/// `pool` came from [`create`] or is the default pool, and no other call is using it.
pub(crate) unsafe fn destroy(pool: NonNull<Pool>) -> Result<()> {
    // SAFETY: the caller's promise.
    let this = unsafe { pool.as_ref() };
    if this.same_process().is_ok() {
        this.outside_only()?;
        this.owned_only()?;
        this.end();
    } else if this.is_default {
        return Ok(());
    }
    // SAFETY: no thread is left, here or in this process.
    unsafe { alloc::free(pool) };
    Ok(())
}
