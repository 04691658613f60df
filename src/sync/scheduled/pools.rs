//! Whole pools, with real workers, under random schedules and those of PCT, which has few changes of thread at places where
//! they count. The seeds are fixed. One that fails prints its schedule, which `SHUTTLE_SCHEDULE` in the environment plays
//! again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::Arc;

use shuttle::rand::{RngCore, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner, thread};

use crate::capi::future::*;
use crate::capi::group::*;
use crate::capi::parallel::*;
use crate::capi::pool::*;
use crate::capi::status::*;
use crate::capi::submit::*;
use crate::capi::wait::*;
use crate::capi::worker::*;
use crate::sync::Futex;
use crate::sys::clock::Deadline;

const FOREVER: u64 = u64::MAX;
const SEED: u64 = 0x7072_6f67_7261_6d73;
/// How many changes of thread PCT makes at most.
const CHANGES: usize = 3;

/// Plays `test` in so many schedules of each kind, each with a pool of its own.
fn explore(iterations: usize, change: fn(&mut tp_options), test: impl Fn(&Pool) + Send + Sync + 'static) {
    let test = Arc::new(test);
    if let Ok(schedule) = std::env::var("SHUTTLE_SCHEDULE") {
        return run(ReplayScheduler::new_from_encoded(&schedule), change, test);
    }
    run(RandomScheduler::new_from_seed(SEED, iterations), change, test.clone());
    run(PctScheduler::new_from_seed(SEED, CHANGES, iterations), change, test);
}

fn run(
    scheduler: impl Scheduler + 'static,
    change: fn(&mut tp_options),
    test: Arc<impl Fn(&Pool) + Send + Sync + 'static>,
) {
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.silence_warnings = true;
    config.max_steps = MaxSteps::FailAfter(2_000_000);
    Runner::new(scheduler, config).run(move || {
        super::start();
        let pool = Pool::with(change);
        test(&pool);
        pool.destroy();
    });
}

#[derive(Clone, Copy)]
struct Pool(*mut tp_pool);

// SAFETY: every function may be called from any thread.
unsafe impl Send for Pool {}
// SAFETY: likewise.
unsafe impl Sync for Pool {}

type Body = Box<dyn FnOnce() + Send>;

extern "C-unwind" fn call(arg: *mut c_void) {
    // SAFETY: the box that was submitted, once.
    unsafe { Box::from_raw(arg.cast::<Body>())() };
}

extern "C-unwind" fn call_async(arg: *mut c_void) -> *mut c_void {
    call(arg);
    ptr::without_provenance_mut(1)
}

extern "C-unwind" fn add(value: *mut c_void, more: *mut c_void) -> *mut c_void {
    ptr::without_provenance_mut(value.addr() + more.addr())
}

extern "C-unwind" fn dropped(arg: *mut c_void, _: tp_status) {
    // SAFETY: likewise.
    drop(unsafe { Box::from_raw(arg.cast::<Body>()) });
}

fn boxed(body: impl FnOnce() + Send + 'static) -> *mut c_void {
    Box::into_raw(Box::new(Box::new(body) as Body)).cast()
}

fn with_drop() -> tp_task_options {
    let struct_size = size_of::<tp_task_options>();
    tp_task_options { struct_size, name: ptr::null(), priority: 0, reserved: 0, drop: Some(dropped) }
}

/// Counts itself until it goes: run or dropped.
struct Counted(Arc<AtomicU32>);

impl Counted {
    fn new(count: &Arc<AtomicU32>) -> Counted {
        count.fetch_add(1, SeqCst);
        Counted(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Pool {
    fn with(change: fn(&mut tp_options)) -> Pool {
        // SAFETY: all bytes 0 are the defaults.
        let mut options: tp_options = unsafe { core::mem::zeroed() };
        (options.struct_size, options.threads, options.max_reserve) = (size_of::<tp_options>(), 2, 2);
        change(&mut options);
        let mut pool = ptr::null_mut();
        assert_eq!(tp_create(&options, &mut pool), TP_OK);
        Pool(pool)
    }

    fn destroy(self) {
        assert_eq!(tp_destroy(self.0), TP_OK);
    }

    fn submit(self, body: impl FnOnce() + Send + 'static) {
        assert_eq!(self.try_submit(body), TP_OK);
    }

    fn try_submit(self, body: impl FnOnce() + Send + 'static) -> tp_status {
        let arg = boxed(body);
        let status = tp_submit_with(self.0, Some(call), arg, &with_drop());
        if status != TP_OK {
            dropped(arg, status);
        }
        status
    }

    fn start(self, body: impl FnOnce() + Send + 'static) -> Future {
        let mut future = ptr::null_mut();
        assert_eq!(tp_async_with(self.0, Some(call_async), boxed(body), &with_drop(), &mut future), TP_OK);
        Future(future)
    }

    fn wait(self) {
        assert_eq!(tp_wait(self.0, FOREVER), TP_OK);
    }

    fn group(self) -> Group {
        let mut group = ptr::null_mut();
        assert_eq!(tp_group_create(self.0, ptr::null_mut(), &mut group), TP_OK);
        Group(group)
    }
}

#[derive(Clone, Copy)]
struct Future(*mut tp_future);

// SAFETY: every function may be called from any thread.
unsafe impl Send for Future {}

#[derive(Clone, Copy)]
struct Group(*mut tp_group);

// SAFETY: likewise.
unsafe impl Send for Group {}

impl Future {
    fn wait(self) -> (tp_status, *mut c_void) {
        let mut value = ptr::null_mut();
        (tp_future_wait(self.0, FOREVER, &mut value), value)
    }

    fn cancel(self) -> tp_status {
        tp_future_cancel(self.0)
    }
}

impl Group {
    fn wait(self) -> tp_status {
        tp_group_wait(self.0, FOREVER)
    }

    fn cancel(self) -> tp_status {
        tp_group_cancel(self.0)
    }

    fn destroy(self) {
        assert_eq!(tp_group_destroy(self.0), TP_OK);
    }

    fn submit(self, body: impl FnOnce() + Send + 'static) -> tp_status {
        let arg = boxed(body);
        let status = tp_group_submit_with(self.0, Some(call), arg, &with_drop());
        if status != TP_OK {
            dropped(arg, status);
        }
        status
    }
}

fn no_change(_: &mut tp_options) {}

#[test]
fn shuttle_a_wait_ends_after_the_last_child_of_two_submitters() {
    explore(200, no_change, |&pool| {
        let count = Arc::new(AtomicU32::new(0));
        let submit = move |count: Arc<AtomicU32>| {
            for _ in 0..2 {
                let (task, of_child) = (Counted::new(&count), count.clone());
                pool.submit(move || {
                    let child = Counted::new(&of_child);
                    pool.submit(move || drop(child));
                    drop(task);
                });
            }
        };
        let of_other = count.clone();
        let other = thread::spawn(move || submit(of_other));
        submit(count.clone());
        other.join().unwrap();
        pool.wait();
        assert_eq!(count.load(SeqCst), 0);
    });
}

#[test]
fn shuttle_rounds_of_one_submit_and_one_wait_lose_no_wake_up() {
    explore(
        200,
        |options| options.threads = 1,
        |&pool| {
            for _ in 0..4 {
                // Until its worker is about to park, now and then.
                (0..thread_rng().next_u32() % 512).for_each(|_| thread::yield_now());
                let count = Arc::new(AtomicU32::new(0));
                let task = Counted::new(&count);
                pool.submit(move || drop(task));
                pool.wait();
                assert_eq!(count.load(SeqCst), 0);
            }
        },
    );
}

#[test]
fn shuttle_tasks_that_wait_for_groups_of_their_own_end() {
    explore(
        100,
        |options| options.max_reserve = 1,
        |&pool| {
            let count = Arc::new(AtomicU32::new(0));
            for _ in 0..2 {
                let count = count.clone();
                pool.submit(move || {
                    let group = pool.group();
                    (0..2).for_each(|_| {
                        let task = Counted::new(&count);
                        assert_eq!(group.submit(move || drop(task)), TP_OK);
                    });
                    // Nobody may be there to take its place.
                    while group.wait() == TP_EAGAIN {
                        thread::yield_now();
                    }
                    assert_eq!(tp_group_destroy(group.0), TP_OK);
                });
            }
            pool.wait();
            assert_eq!(count.load(SeqCst), 0);
        },
    );
}

#[test]
fn shuttle_a_group_that_is_cancelled_amid_submits_ends_and_tells() {
    explore(200, no_change, |&pool| {
        let (count, told) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let group = pool.group();
        let canceller = thread::spawn(move || assert_eq!(group.cancel(), TP_OK));
        for _ in 0..3 {
            let task = Counted::new(&count);
            assert!(matches!(group.submit(move || drop(task)), TP_OK | TP_ECANCELED));
        }
        let of_task = told.clone();
        let notice = boxed(move || _ = of_task.fetch_add(1, SeqCst));
        assert_eq!(tp_group_notify(group.0, Some(call), notice), TP_OK);
        assert_eq!(group.wait(), TP_OK);
        canceller.join().unwrap();
        pool.wait();
        assert_eq!((count.load(SeqCst), told.load(SeqCst)), (0, 1));
        group.destroy();
    });
}

#[test]
fn shuttle_a_future_is_run_by_its_waiter_a_worker_or_nobody() {
    explore(200, no_change, |&pool| {
        let count = Arc::new(AtomicU32::new(0));
        let (task, other) = (Counted::new(&count), Counted::new(&count));
        let (first, second) = (pool.start(move || drop(task)), pool.start(move || drop(other)));
        let mut sum = ptr::null_mut();
        assert_eq!(tp_future_then(pool.0, first.0, Some(add), ptr::without_provenance_mut(2), &mut sum), TP_OK);
        let sum = Future(sum);
        pool.submit(move || {
            let (status, value) = sum.wait();
            assert!(status == TP_OK && value.addr() == 3 || status == TP_ECANCELED && value.is_null());
        });
        let canceller = thread::spawn(move || second.cancel());
        let (status, _) = second.wait();
        let canceled = canceller.join().unwrap() == TP_OK;
        assert_eq!(status, if canceled { TP_ECANCELED } else { TP_OK });
        pool.wait();
        assert_eq!(count.load(SeqCst), 0);
        [first, second, sum].iter().for_each(|future| tp_future_release(future.0));
    });
}

extern "C-unwind" fn fork(depth: *mut c_void) {
    let less = ptr::without_provenance_mut(depth.addr().wrapping_sub(1));
    if depth.addr() > 0 {
        assert_eq!(tp_parallel_invoke(tp_current(), Some(fork), less, Some(fork), less), TP_OK);
    }
}

extern "C-unwind" fn cover(lo: u64, hi: u64, items: *mut c_void) {
    // SAFETY: the caller waits.
    let items = unsafe { &*items.cast::<[AtomicU32; 8]>() };
    (lo..hi).for_each(|item| _ = items[item as usize].fetch_add(1, SeqCst));
    thread::yield_now();
}

#[test]
fn shuttle_branches_and_items_are_run_once_by_guests_and_by_tasks() {
    explore(200, no_change, |&pool| {
        pool.submit(|| fork(ptr::without_provenance_mut(2)));
        let branch = ptr::without_provenance_mut(1);
        assert_eq!(tp_parallel_invoke(pool.0, Some(fork), branch, Some(fork), branch), TP_OK);
        let items = [const { AtomicU32::new(0) }; 8];
        let ctx = (&raw const items).cast_mut().cast();
        assert_eq!(tp_parallel_for(pool.0, 0, 8, 1, Some(cover), ctx), TP_OK);
        assert!(items.iter().all(|item| item.load(SeqCst) == 1));
    });
}

extern "C-unwind" fn meet(_: u32, n: u32, there: *mut c_void) {
    // SAFETY: likewise.
    let there = unsafe { &*there.cast::<AtomicU32>() };
    there.fetch_add(1, SeqCst);
    while there.load(SeqCst) < n {
        thread::yield_now();
    }
}

#[test]
fn shuttle_gangs_of_tasks_and_of_a_guest_meet() {
    explore(
        60,
        |options| options.max_reserve = 4,
        |&pool| {
            let gang = move |pool: *mut tp_pool| {
                let there = AtomicU32::new(0);
                let ctx = (&raw const there).cast_mut().cast();
                assert!(matches!(tp_gang(pool, 2, Some(meet), ctx), TP_OK | TP_EAGAIN));
            };
            pool.submit(move || gang(tp_current()));
            gang(pool.0);
        },
    );
}

#[test]
fn shuttle_a_full_queue_lets_everyone_in() {
    explore(
        100,
        |options| options.capacity = 1,
        |&pool| {
            let count = Arc::new(AtomicU32::new(0));
            let submit = move |count: &Arc<AtomicU32>| {
                for _ in 0..2 {
                    let task = Counted::new(count);
                    pool.submit(move || drop(task));
                }
            };
            let of_other = count.clone();
            let other = thread::spawn(move || submit(&of_other));
            submit(&count);
            other.join().unwrap();
            pool.wait();
            assert_eq!(count.load(SeqCst), 0);
        },
    );
}

#[test]
fn shuttle_a_shutdown_amid_submits_pauses_and_another_size_loses_nothing() {
    for mode in [TP_DRAIN, TP_DISCARD] {
        explore(200, no_change, move |&pool| {
            let count = Arc::new(AtomicU32::new(0));
            let of_other = count.clone();
            let submitter = thread::spawn(move || {
                for _ in 0..3 {
                    let task = Counted::new(&of_other);
                    assert!(matches!(pool.try_submit(move || drop(task)), TP_OK | TP_ESHUTDOWN));
                }
            });
            for status in [tp_pause(pool.0), tp_resize(pool.0, 1), tp_resume(pool.0), tp_resize(pool.0, 3)] {
                assert_eq!(status, TP_OK);
            }
            assert_eq!(tp_shutdown(pool.0, mode, FOREVER), TP_OK);
            submitter.join().unwrap();
            assert_eq!(count.load(SeqCst), 0);
        });
    }
}

/// Between its look at the flag and its look at the word the flag and the word may change: then nobody wakes it.
#[test]
#[should_panic(expected = "deadlock")]
fn shuttle_a_wake_up_that_is_lost_is_found() {
    explore(200, no_change, |_| {
        let shared = Arc::new((Futex::default(), AtomicU32::new(0)));
        let waker = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(1, SeqCst);
                shared.0.fetch_add(1, SeqCst);
                shared.0.wake_all();
            })
        };
        if shared.1.load(SeqCst) == 0 {
            let seen = shared.0.load(SeqCst);
            let _ = shared.0.wait(seen, Deadline::Never);
        }
        waker.join().unwrap();
    });
}
