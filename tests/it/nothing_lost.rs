//! Promise 2: what was accepted ends exactly once, and the call says so where it was not.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;

use tp::capi::pool::*;
use tp::capi::status::*;
use tp::capi::submit::*;

use crate::support::*;

extern "C-unwind" fn mark(arg: *mut c_void) {
    // SAFETY: the cell that was submitted; it outlives the wait.
    unsafe { &*arg.cast::<AtomicU8>() }.fetch_add(1, Relaxed);
}

#[test]
fn tasks_of_four_outside_threads_run_exactly_once_each() {
    for threads in 1..=4 {
        let pool = Pool::new(threads);
        let cells: Vec<AtomicU8> = (0..scaled(400_000)).map(|_| AtomicU8::new(0)).collect();
        thread::scope(|scope| {
            for (nth, quarter) in cells.chunks(cells.len().div_ceil(4)).enumerate() {
                let pool = &pool;
                scope.spawn(move || {
                    let args: Vec<*mut c_void> =
                        quarter.iter().map(|cell| ptr::from_ref(cell).cast_mut().cast()).collect();
                    if nth % 2 == 0 {
                        let mut taken = 0;
                        let status = tp_submit_batch(pool.0, Some(mark), args.as_ptr(), args.len(), &mut taken);
                        assert_eq!((status, taken), (TP_OK, args.len()));
                    } else {
                        args.iter().for_each(|&arg| assert_eq!(tp_submit(pool.0, Some(mark), arg), TP_OK));
                    }
                });
            }
        });
        pool.wait();
        assert!(cells.iter().all(|cell| cell.load(Relaxed) == 1));
    }
}

#[test]
fn a_tree_of_tasks_is_waited_for_to_its_last_leaf() {
    fn grow(pool: &Arc<Pool>, count: &Arc<AtomicUsize>, depth: u32) {
        count.fetch_add(1, Relaxed);
        for _ in 0..if depth > 0 { 8 } else { 0 } {
            let (pool_of_child, count) = (pool.clone(), count.clone());
            pool.submit(move || grow(&pool_of_child, &count, depth - 1));
        }
    }
    let depth = if scaled(20) == 20 { 5 } else { 3 };
    for threads in 1..=4 {
        let (pool, count) = (Arc::new(Pool::new(threads)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..3 {
            count.store(0, Relaxed);
            let (pool_of_root, count_of_root) = (pool.clone(), count.clone());
            pool.submit(move || grow(&pool_of_root, &count_of_root, depth));
            pool.wait();
            assert_eq!(count.load(Relaxed), (8_usize.pow(depth + 1) - 1) / 7);
        }
    }
}

#[test]
fn rounds_of_one_submit_and_one_wait_with_idle_gaps_lose_no_wake_up() {
    let pool = Pool::new(2);
    let mut random = Random(9);
    let ran = AtomicUsize::new(0);
    for round in 1..=scaled(100_000) {
        pool.submit(|| {
            ran.fetch_add(1, Relaxed);
        });
        pool.wait();
        assert_eq!(ran.load(Relaxed), round);
        // Now shorter, now longer than a worker searches.
        (0..random.below(4) * random.below(2_000)).for_each(|_| std::hint::spin_loop());
    }
}

/// Each outcome that a task can have.
#[derive(Default)]
struct Outcomes {
    ran: AtomicU64,
    dropped: AtomicU64,
    refused: AtomicU64,
}

extern "C-unwind" fn ran(arg: *mut c_void) {
    // SAFETY: the outcomes outlive the pool.
    unsafe { &*arg.cast::<Outcomes>() }.ran.fetch_add(1, Relaxed);
}

extern "C-unwind" fn dropped(arg: *mut c_void, why: tp_status) {
    assert!(why == TP_EFULL || why == TP_ESHUTDOWN);
    // SAFETY: as above.
    unsafe { &*arg.cast::<Outcomes>() }.dropped.fetch_add(1, Relaxed);
}

fn offer(pool: &Pool, outcomes: &Outcomes, n: usize) {
    // SAFETY: all bytes 0 are the defaults.
    let mut options: tp_task_options = unsafe { std::mem::zeroed() };
    options.struct_size = size_of::<tp_task_options>();
    options.drop = Some(dropped);
    for _ in 0..n {
        let arg = ptr::from_ref(outcomes).cast_mut().cast();
        match tp_submit_with(pool.0, Some(ran), arg, &options) {
            TP_OK => {}
            TP_EFULL | TP_ESHUTDOWN => drop(outcomes.refused.fetch_add(1, Relaxed)),
            status => panic!("{status}"),
        }
    }
}

fn total(outcomes: &Outcomes) -> u64 {
    [&outcomes.ran, &outcomes.dropped, &outcomes.refused].iter().map(|count| count.load(Relaxed)).sum()
}

#[test]
fn under_each_policy_what_was_offered_ran_or_was_dropped_or_refused() {
    for when_full in [TP_FULL_BLOCK, TP_FULL_FAIL, TP_FULL_RUN_IN_CALLER, TP_FULL_DROP_OLDEST] {
        for capacity in [1, 3] {
            let outcomes = Outcomes::default();
            let pool = Pool::with(&tp_options { capacity, when_full, ..options(2) });
            let each = scaled(40_000);
            thread::scope(|scope| {
                (0..3).for_each(|_| drop(scope.spawn(|| offer(&pool, &outcomes, each))));
            });
            pool.wait();
            assert_eq!(total(&outcomes), 3 * each as u64);
            assert_eq!(tp_queued(pool.0), 0);
            if when_full == TP_FULL_BLOCK || when_full == TP_FULL_RUN_IN_CALLER {
                assert_eq!(outcomes.ran.load(Relaxed), 3 * each as u64);
            }
        }
    }
}

#[test]
fn a_shutdown_amid_submits_loses_and_repeats_nothing() {
    for (round, mode) in (0..scaled(400)).zip([TP_DRAIN, TP_DISCARD].into_iter().cycle()) {
        let outcomes = Outcomes::default();
        let capacity = [0, 2][round / 2 % 2];
        let pool = Pool::with(&tp_options { capacity, ..options(1 + round as u32 / 4 % 3) });
        thread::scope(|scope| {
            (0..2).for_each(|_| drop(scope.spawn(|| offer(&pool, &outcomes, 500))));
            if round % 3 == 0 {
                thread::yield_now();
            }
            assert_eq!(tp_shutdown(pool.0, mode, FOREVER), TP_OK);
            assert_eq!(tp_shutdown(pool.0, TP_DRAIN, 0), TP_OK);
        });
        assert_eq!(total(&outcomes), 1000);
    }
}

#[test]
fn resizing_and_pausing_amid_a_load_lose_nothing() {
    let pool = Pool::new(3);
    let outcomes = Outcomes::default();
    let each = scaled(60_000);
    thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(|| offer(&pool, &outcomes, each))));
        let mut random = Random(5);
        for _ in 0..scaled(400) {
            match random.below(3) {
                0 => assert_eq!(tp_resize(pool.0, 1 + random.below(6) as u32), TP_OK),
                1 => assert_eq!(tp_pause(pool.0), TP_OK),
                _ => assert_eq!(tp_resume(pool.0), TP_OK),
            }
        }
        assert_eq!(tp_resume(pool.0), TP_OK);
    });
    pool.wait();
    assert_eq!((outcomes.ran.load(Relaxed), total(&outcomes)), (2 * each as u64, 2 * each as u64));
}

#[test]
fn what_a_hook_submits_ends_like_any_other_task() {
    extern "C-unwind" fn hook(ctx: *mut c_void, _: u32) {
        // SAFETY: the outcomes outlive the pool.
        let outcomes = unsafe { &*ctx.cast::<Outcomes>() };
        let pool = std::mem::ManuallyDrop::new(Pool(tp::capi::worker::tp_current()));
        offer(&pool, outcomes, 2);
    }
    for round in 0..scaled(1_000) {
        let outcomes = Outcomes::default();
        let threads = 1 + round as u32 % 4;
        let hook_ctx = ptr::from_ref(&outcomes).cast_mut().cast();
        let pool = Pool::with(&tp_options {
            on_start: Some(hook),
            on_stop: Some(hook),
            hook_ctx,
            capacity: round as u64 / 4 % 2,
            when_full: TP_FULL_FAIL,
            ..options(threads)
        });
        if round % 3 == 0 {
            pool.wait();
        }
        drop(pool);
        assert_eq!(total(&outcomes), 4 * u64::from(threads));
    }
}
