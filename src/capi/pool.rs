//! Pool
//!
//! A pool owns its worker threads. Most programs want one for as long as they run: tp_default(). A pool of your own
//! has options: how many workers, on which CPUs, what a full queue does.

use core::ffi::{c_char, c_void};

use super::status::*;
use super::{borrow, enter, finish, give, last};
use crate::engine::control::Shutdown;
use crate::engine::default;
use crate::engine::options::Options;
use crate::engine::pool::{self, Pool};
use crate::error::Error;

/// A thread pool.
pub struct tp_pool {
    _opaque: [u8; 0],
}

/// Submits wait until there is room. Inside a task of the same pool they fail with TP_EFULL instead.
pub const TP_FULL_BLOCK: i32 = 0;
/// Submits fail with TP_EFULL.
pub const TP_FULL_FAIL: i32 = 1;
/// Submits run the task themselves before they return, also while the pool is paused. It runs ahead of what is queued,
/// so it must not wait for that.
pub const TP_FULL_RUN_IN_CALLER: i32 = 2;
/// Submits evict the task that has been queued longest: its `drop` gets TP_EFULL on the submitting thread.
pub const TP_FULL_DROP_OLDEST: i32 = 3;

/// No reserve workers: a value of tp_options.max_reserve.
pub const TP_NO_RESERVE: u32 = 0xffff_ffff;

/// tp_shutdown: run what was accepted.
pub const TP_DRAIN: i32 = 0;
/// tp_shutdown: drop what has not started.
pub const TP_DISCARD: i32 = 1;

/// How a pool is made. Begin with TP_OPTIONS_INIT; a field that is 0 or NULL means the default.
///
/// Everything is copied: the struct, its name and its CPUs may go once tp_create has returned.
#[repr(C)]
pub struct tp_options {
    /// sizeof(tp_options). A struct of a later version is taken if what this library does not know of it is 0.
    pub struct_size: usize,
    /// Worker threads, 4096 at most. 0: the number that TP_NUM_THREADS in the environment gives; without it,
    /// one per CPU that `cpus` or the calling thread's affinity names, no more than the cgroup's CPU quota, rounded up.
    pub threads: u32,
    /// Reserve workers, which stand in for workers that wait inside a task; 4096 at most. 0: 256. TP_NO_RESERVE: none.
    pub max_reserve: u32,
    /// The threads are called this, a dash and their index, as far as 15 bytes reach. NULL: "tp".
    pub name: *const c_char,
    /// Bytes of stack of each worker. 0: the system's default.
    pub stack_size: usize,
    /// The CPUs that the workers may run on, by the system's number; NULL: wherever the creating thread may.
    pub cpus: *const u32,
    /// How many there are at `cpus`.
    pub cpus_len: usize,
    /// Called on each worker before its first task. It counts as a task: it may submit, and tp_wait waits for it.
    pub on_start: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, worker: u32)>,
    /// Called on each worker after its last task. What it submits is refused with TP_ESHUTDOWN once the pool shuts down.
    pub on_stop: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, worker: u32)>,
    /// The first argument of both. It stays the caller's, and must live until the pool is destroyed.
    pub hook_ctx: *mut c_void,
    /// The most tasks that may be queued at a time, those that run left out. 0: no limit.
    pub capacity: u64,
    /// What a submit does when `capacity` tasks are queued: one of TP_FULL_*. 0: TP_FULL_BLOCK.
    pub when_full: i32,
    /// 0.
    pub reserved: u32,
}

/// Sets the first `struct_size` bytes of `options` to the defaults, as TP_OPTIONS_INIT does. For callers that no
/// macro reaches; C writes `tp_options_init(&options, sizeof options)`.
///
/// Returns TP_EINVAL if `options` is NULL, or if `struct_size` is below that of this library's first version or
/// above 4096. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tp_options_init(options: *mut tp_options, struct_size: usize) -> tp_status {
    finish(super::structs::init(options, struct_size))
}

/// Makes a pool and starts its workers.
///
/// The pool is the caller's until tp_destroy. `options` may be NULL: all defaults. May be called from any thread, tasks
/// included.
/// Returns TP_EINVAL if `pool` is NULL, or if a field of `options` is out of its range, names a CPU that is not there,
/// or gives a stack that the system finds too small; TP_EAGAIN if the system refuses a thread, TP_ENOMEM if memory
/// cannot be had. On any error nothing is left behind and `*pool` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_create(options: *const tp_options, pool: *mut *mut tp_pool) -> tp_status {
    finish(enter(|| {
        give(pool, core::ptr::null_mut())?;
        let options = Options::try_from(&super::structs::read(options)?)?;
        give(pool, pool::create(options)?.cast())
    }))
}

/// Runs every task that was accepted, ends the workers, and frees the pool. NULL is taken.
///
/// The handle is dead afterwards; no other call may be using it. Not limited in time: tp_shutdown before it is. May be
/// called from any thread but one of the pool's own. In a child of fork() the parent's pool is freed, and nothing runs.
/// Returns TP_EDEADLK inside a task of this pool, TP_ENOTSUP for tp_default().
#[unsafe(no_mangle)]
pub extern "C" fn tp_destroy(pool: *mut tp_pool) -> tp_status {
    finish(enter(|| match last(pool) {
        // SAFETY: tp.h asks that the handle is alive and that no other call uses it.
        Some(pool) => unsafe { pool::destroy(pool) },
        None => Ok(()),
    }))
}

/// Takes no more tasks, brings what was accepted to its end, and ends the workers. The handle stays: destroy it.
///
/// With TP_DRAIN, what is queued runs; submits from outside give TP_ESHUTDOWN, those of a task are accepted until
/// nothing is left. With TP_DISCARD all submits give TP_ESHUTDOWN, what is queued is dropped with TP_ESHUTDOWN, and
/// what runs is waited for. A paused pool resumes. May be called again: after a time-out to go on waiting, or to turn
/// a drain into a discard. May be called from any thread.
/// Returns TP_EINVAL if `pool` is NULL or `mode` unknown, TP_EFORKED, TP_EDEADLK inside a task of this pool,
/// TP_ETIMEDOUT if `timeout_ns` was over before the last worker had ended (it goes on), TP_ENOTSUP for tp_default().
#[unsafe(no_mangle)]
pub extern "C" fn tp_shutdown(pool: *mut tp_pool, mode: i32, timeout_ns: u64) -> tp_status {
    finish(enter(|| {
        let pool = borrow(pool)?;
        let mode = match mode {
            TP_DRAIN => Shutdown::Drain,
            TP_DISCARD => Shutdown::Discard,
            _ => return Err(Error::Invalid),
        };
        pool.shutdown(mode, timeout_ns)
    }))
}

/// Returns the pool of the whole process, made at the first call, with all defaults and never destroyed.
///
/// Never NULL. Its threads start at the first submit, which gives TP_EAGAIN or TP_ENOMEM where they cannot, and may be
/// tried again. It ends with the process: nothing waits for its tasks at exit. In a child of fork() call it again. May
/// be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_default() -> *mut tp_pool {
    let pool: *const Pool = enter(default::get);
    pool.cast_mut().cast()
}

/// Returns how many workers `pool` has, or will have once its threads start; reserve workers are not counted.
///
/// 0 if `pool` is NULL or the parent process's. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_thread_count(pool: *const tp_pool) -> u32 {
    borrow(pool).map_or(0, Pool::thread_count)
}

/// Returns how many tasks are queued: accepted, and not yet started.
///
/// A snapshot, exact when nothing else uses the pool. 0 if `pool` is NULL or the parent process's. May be called from
/// any thread.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn tp_queued(pool: *const tp_pool) -> u64 {
    borrow(pool).map_or(0, Pool::queued)
}

/// Changes the number of workers to `threads`, 1 to 4096.
///
/// More workers have started when it returns. Workers too many take no more from the queue and end when they have run
/// what they took; nothing waits for that. May be called from any thread, tasks included.
/// Returns TP_EINVAL if `pool` is NULL or `threads` out of range, TP_EFORKED, TP_ESHUTDOWN after tp_shutdown; TP_EAGAIN
/// or TP_ENOMEM if a thread or memory cannot be had, and then the number is what it was.
#[unsafe(no_mangle)]
pub extern "C" fn tp_resize(pool: *mut tp_pool, threads: u32) -> tp_status {
    finish(enter(|| borrow(pool)?.resize(threads)))
}

/// Starts no further task until tp_resume: running tasks go on, submits are accepted and queued.
///
/// Pauses do not add up: one resume ends them. May be called from any thread, tasks included.
/// Returns TP_EINVAL if `pool` is NULL, TP_EFORKED, TP_ESHUTDOWN after tp_shutdown.
#[unsafe(no_mangle)]
pub extern "C" fn tp_pause(pool: *mut tp_pool) -> tp_status {
    finish(enter(|| borrow(pool)?.pause()))
}

/// Starts tasks again after tp_pause; a pool that is not paused stays as it is.
///
/// May be called from any thread, tasks included.
/// Returns TP_EINVAL if `pool` is NULL, TP_EFORKED, TP_ESHUTDOWN after tp_shutdown.
#[unsafe(no_mangle)]
pub extern "C" fn tp_resume(pool: *mut tp_pool) -> tp_status {
    finish(enter(|| borrow(pool)?.resume()))
}
