//! A worker: a place in the pool with a queue, a seat and counters, and the thread that fills it.
//!
//! The place lives as long as the pool. Its thread may leave, when the pool shrinks, and a later one take over: that one
//! first waits until its predecessor is gone, so that a queue never has two owners.
#![allow(unsafe_code, reason = "threads get their worker as a raw pointer")]

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use crate::engine::completion::Lane;
use crate::engine::context::Context;
use crate::engine::control::{GATE_ABORTED, GATE_CLOSED};
use crate::engine::deque::Deque;
use crate::engine::duty::Duty;
use crate::engine::forks::{Errand, Stolen};
use crate::engine::job::Job;
use crate::engine::options::{Hook, MAX_THREADS};
use crate::engine::pool::Pool;
use crate::engine::run_queue::{Owner, RunQueue};
use crate::engine::search::Search;
use crate::engine::sleep::{Seat, Seats};
use crate::engine::store::Cache;
use crate::engine::task::Task;
use crate::engine::tidy::FEW;
use crate::error::Result;
use crate::sync::{
    AcqRel, Acquire, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Futex, Mutex, Relaxed, Release, SeqCst, fence, lock,
};
use crate::sys::alloc;
use crate::sys::clock::Deadline;
use crate::sys::thread::{self, Attributes, Thread};
use crate::sys::tsan;

pub(crate) struct Worker {
    pub(crate) index: u32,
    pool: *const Pool,
    pub(crate) seat: Seat,
    pub(crate) queue: RunQueue,
    pub(crate) deque: Deque,
    errand: Errand,
    /// What its thread was drafted for.
    pub(crate) duty: AtomicPtr<Duty>,
    pub(crate) lane: Lane,
    /// Free records of jobs. The thread's own.
    pub(crate) jobs: Cache<Job>,
    /// How long the queue is when it is put in order next. The thread's own.
    pub(crate) tidy_at: AtomicU64,
    pub(crate) post: Mutex<Post>,
    /// Whether a thread is there.
    pub(crate) place: Futex,
    /// Its thread waits to be called again when it is not needed.
    pub(crate) is_reserve: AtomicBool,
    /// Its task waits, and somebody else runs in its place.
    pub(crate) is_blocked: AtomicBool,
    /// Its task is about to start something early: see `early`.
    pub(crate) starts_early: AtomicBool,
}

/// Of `Worker::place`: no thread, or one that has decided to end.
pub(crate) const EMPTY: u32 = 0;
/// A thread that counts as active.
pub(crate) const FILLED: u32 = 1;
/// A thread that waits to be called.
pub(crate) const IDLE: u32 = 2;
/// That one, by somebody who is about to tell it for what.
pub(crate) const CALLED: u32 = 3;
/// No thread that looks for work: it is in its stop hook, and a call of a reserve does not wait for that.
pub(crate) const LEAVING: u32 = 4;

/// Who fills a worker's place. Under its lock the place gets a thread or loses it.
#[derive(Default)]
pub(crate) struct Post {
    /// The last thread, not yet joined.
    thread: Option<Thread>,
    /// The one before it, which it joins.
    predecessor: Option<Thread>,
}

impl Worker {
    pub(crate) fn place(&self) -> u32 {
        self.place.load(Acquire)
    }

    pub(crate) fn pool(&self) -> &Pool {
        // SAFETY: the pool frees its workers last.
        unsafe { &*self.pool }
    }

    /// The right to append to its queue.
    #[inline]
    pub(crate) fn own_queue(&self) -> Owner<'_> {
        // SAFETY: called by the worker's thread alone: on its own behalf, or through the context of a task that it runs.
        unsafe { self.queue.owner() }
    }

    /// Sees to it that a thread fills the place.
    pub(crate) fn hire(&self) -> Result<()> {
        let mut post = lock(&self.post);
        self.is_reserve.store(false, Relaxed);
        if self.place() == FILLED {
            return Ok(());
        }
        let reserve = &self.pool().reserve;
        reserve.add_active();
        if self.recall() { Ok(()) } else { self.start_thread(&mut post).inspect_err(|_| reserve.remove_active()) }
    }

    /// Starts a thread that has been counted as active. False: another is there already.
    pub(crate) fn hire_reserve(&self, duty: Option<&Duty>) -> Result<bool> {
        let mut post = lock(&self.post);
        if self.place() != EMPTY {
            return Ok(false);
        }
        self.is_reserve.store(true, Relaxed);
        self.duty.store(duty.map_or(ptr::null_mut(), |duty| ptr::from_ref(duty).cast_mut()), Release);
        let started = self.start_thread(&mut post).map(|()| true);
        started.inspect_err(|_| self.duty.store(ptr::null_mut(), Relaxed))
    }

    /// What the thread runs next that was in no queue, as a task.
    pub(crate) fn errand(&self, stolen: Stolen) -> Task {
        self.lane.accept(1);
        self.errand.give(stolen)
    }

    fn start_thread(&self, post: &mut Post) -> Result<()> {
        let pool = self.pool();
        let attributes = Attributes { stack_size: pool.options.stack_size, cpus: pool.options.cpus_of_worker() };
        let arg = ptr::from_ref(self).cast_mut().cast();
        pool.alive.fetch_add(1, AcqRel);
        pool.accept_start();
        self.place.store(FILLED, Release);
        // SAFETY: the worker outlives its thread, which is joined before the pool is freed.
        let thread = unsafe { thread::spawn(&attributes, main, arg) }.inspect_err(|_| {
            self.place.store(EMPTY, Release);
            pool.alive.fetch_sub(1, AcqRel);
            pool.end_start();
        })?;
        post.predecessor = post.thread.replace(thread);
        Ok(())
    }

    /// Waits until its thread has ended; the pool has told it to.
    pub(crate) fn dismiss(&self) {
        let thread = lock(&self.post).thread.take();
        if let Some(thread) = thread {
            thread.join();
        }
        self.place.store(EMPTY, Release);
    }
}

/// A worker thread's life.
extern "C" fn main(worker: *mut c_void) -> *mut c_void {
    // SAFETY: a worker outlives its thread.
    let worker = unsafe { &*worker.cast::<Worker>() };
    let pool = worker.pool();
    let predecessor = lock(&worker.post).predecessor.take();
    if let Some(predecessor) = predecessor {
        predecessor.join();
    }
    set_name(&pool.options.name, worker.index);
    while pool.gate.load(Acquire) == GATE_CLOSED {
        let _ = pool.gate.wait(GATE_CLOSED, Deadline::Never);
    }
    if pool.gate.load(Acquire) == GATE_ABORTED {
        pool.reserve.remove_active();
        pool.end_start();
    } else {
        Context::enter(pool, Some(worker), |context| {
            call(pool.options.on_start, worker);
            context.close_blocking();
            pool.end_start();
            work(pool, worker, context);
            context.set_leaving();
            call(pool.options.on_stop, worker);
        });
        // Unless it has been filled again.
        let _ = worker.place.compare_exchange(LEAVING, EMPTY, AcqRel, Relaxed);
    }
    // The last touch: whoever waits for this joins the thread before the pool goes.
    pool.alive.fetch_sub(1, AcqRel);
    pool.alive.wake_all();
    ptr::null_mut()
}

/// Until the thread is not needed any more.
fn work(pool: &Pool, worker: &Worker, context: &Context) {
    let mut search = Search::new(pool, worker, context);
    loop {
        search.work();
        let Some(for_good) = worker.resign() else {
            continue;
        };
        // It may have been the one whom a submit has woken, and may have ended the last task.
        fence(SeqCst);
        if pool.has_work() {
            pool.sleep.task_added(&pool.workers);
        }
        pool.answer_waiters();
        if for_good || !worker.idle() {
            return;
        }
    }
}

impl Pool {
    /// A worker's start counts as a task if there is a hook, which may submit.
    fn accept_start(&self) {
        if self.options.on_start.is_some() {
            self.rest.accept_shared();
        }
    }

    fn end_start(&self) {
        if self.options.on_start.is_some() {
            self.ended_here();
        }
    }
}

fn call(hook: Option<Hook>, worker: &Worker) {
    if let Some(hook) = hook {
        // SAFETY: the user gave it to be called so.
        unsafe { hook(worker.pool().options.hook_ctx, worker.index) };
        tsan::release(worker.pool());
    }
}

/// The pool's name, a dash and the index, in the 15 bytes that the system keeps: the name gives way.
fn set_name(name: &[u8; 16], index: u32) {
    let mut digits = [0_u8; 11];
    let mut at = digits.len();
    let mut rest = index;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    at -= 1;
    digits[at] = b'-';
    let suffix = &digits[at..];
    let mut full = [0; 16];
    let kept = name.iter().position(|&byte| byte == 0).unwrap_or(15).min(15 - suffix.len());
    full[..kept].copy_from_slice(&name[..kept]);
    full[kept..kept + suffix.len()].copy_from_slice(suffix);
    if let Ok(full) = core::ffi::CStr::from_bytes_until_nul(&full) {
        thread::set_name(full);
    }
}

const CHUNK: usize = 64;
/// For the most threads and as many in reserve.
const CHUNKS: usize = 2 * MAX_THREADS as usize / CHUNK;

type Chunk = [AtomicPtr<Worker>; CHUNK];

/// All workers' places, by index. It only grows, in chunks, so that readers need no lock.
pub(crate) struct Workers {
    chunks: [AtomicPtr<Chunk>; CHUNKS],
    len: AtomicU32,
}

impl Default for Workers {
    fn default() -> Workers {
        Workers { chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS], len: AtomicU32::new(0) }
    }
}

impl Workers {
    /// How many places there are, filled or not.
    pub(crate) fn len(&self) -> u32 {
        self.len.load(Acquire)
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Worker> {
        let chunk = self.chunks.get(index as usize / CHUNK)?.load(Acquire);
        // SAFETY: chunks and workers live as long as the table.
        unsafe { chunk.as_ref()?[index as usize % CHUNK].load(Acquire).as_ref() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Worker> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Under the control lock, with indexes in order.
    pub(crate) fn get_or_make(&self, index: u32, pool: &Pool) -> Result<&Worker> {
        if let Some(worker) = self.get(index) {
            return Ok(worker);
        }
        let place = &self.chunks[index as usize / CHUNK];
        if place.load(Relaxed).is_null() {
            let chunk: Chunk = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNK];
            place.store(alloc::make(chunk)?.as_ptr(), Release);
        }
        let worker = alloc::make(Worker {
            index,
            pool,
            seat: Seat::default(),
            queue: RunQueue::new(&pool.blocks)?,
            deque: Deque::new()?,
            errand: Errand::default(),
            duty: AtomicPtr::new(ptr::null_mut()),
            lane: Lane::default(),
            jobs: Cache::new(),
            tidy_at: AtomicU64::new(FEW),
            post: Mutex::new(Post::default()),
            place: Futex::default(),
            is_reserve: AtomicBool::new(false),
            is_blocked: AtomicBool::new(false),
            starts_early: AtomicBool::new(false),
        })?;
        // SAFETY: as in `get`; the chunk was made above.
        unsafe { (*place.load(Relaxed))[index as usize % CHUNK].store(worker.as_ptr(), Release) };
        self.len.fetch_max(index + 1, AcqRel);
        // SAFETY: it lives as long as the table.
        Ok(unsafe { worker.as_ref() })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for chunk in self.chunks.iter().filter_map(|chunk| NonNull::new(chunk.load(Relaxed))) {
            // SAFETY: nobody else has the table any more.
            unsafe {
                for worker in chunk.as_ref().iter().filter_map(|worker| NonNull::new(worker.load(Relaxed))) {
                    alloc::free(worker);
                }
                alloc::free(chunk);
            }
        }
    }
}

impl Seats for Workers {
    fn seat(&self, index: u32) -> Option<&Seat> {
        self.get(index).map(|worker| &worker.seat)
    }
}
