//! The part of promise 1 that there is so far: a wait for oneself says so.

use std::sync::Mutex;

use tp::capi::pool::*;
use tp::capi::status::*;
use tp::capi::wait::*;
use tp::capi::worker::*;

use crate::support::*;

#[test]
fn a_task_that_would_wait_for_itself_is_told() {
    let (pool, said) = (Pool::new(1), Mutex::new(Vec::new()));
    pool.submit(|| {
        let pool = tp_current();
        said.lock().unwrap().extend([
            tp_wait(pool, FOREVER),
            tp_wait(pool, 0),
            tp_shutdown(pool, TP_DRAIN, FOREVER),
            tp_shutdown(pool, TP_DISCARD, 0),
            tp_destroy(pool),
        ]);
    });
    pool.wait();
    assert_eq!(*said.lock().unwrap(), [TP_EDEADLK; 5]);
}

#[test]
fn a_task_of_one_pool_may_wait_for_another() {
    let (outer, inner) = (Pool::new(1), Pool::new(1));
    let (said, inner) = (Mutex::new(Vec::new()), &inner);
    outer.submit(|| {
        inner.submit(|| {});
        said.lock().unwrap().push(tp_wait(inner.0, FOREVER));
    });
    outer.wait();
    assert_eq!(*said.lock().unwrap(), [TP_OK]);
}

#[test]
fn a_task_that_the_caller_runs_inside_another_pools_task_knows_both() {
    let outer = Pool::new(1);
    let inner = Pool::with(&tp_options { capacity: 1, when_full: TP_FULL_RUN_IN_CALLER, ..options(1) });
    assert_eq!(tp_pause(inner.0), TP_OK);
    let (said, handles) = (Mutex::new(Vec::new()), (outer.0 as usize, inner.0 as usize));
    let (inner_ref, said_ref) = (&inner, &said);
    outer.submit(move || {
        inner_ref.submit(|| {});
        inner_ref.submit(move || {
            assert_eq!((tp_current() as usize, tp_worker_index()), (handles.1, -1));
            let both = [handles.0, handles.1].map(|pool| tp_wait(pool as *mut tp_pool, FOREVER));
            said_ref.lock().unwrap().extend(both);
        });
        assert_eq!((tp_current() as usize, tp_worker_index()), (handles.0, 0));
    });
    outer.wait();
    assert_eq!(*said.lock().unwrap(), [TP_EDEADLK; 2]);
}

#[test]
fn a_full_queue_does_not_block_the_task_that_would_have_to_empty_it() {
    let pool = Pool::with(&tp_options { capacity: 1, ..options(1) });
    let said = Mutex::new(Vec::new());
    let (pool_ref, said_ref) = (&pool, &said);
    pool.submit(move || {
        let statuses = [pool_ref.try_submit(|| {}), pool_ref.try_submit(|| {})];
        said_ref.lock().unwrap().extend(statuses);
    });
    pool.wait();
    assert_eq!(*said.lock().unwrap(), [TP_OK, TP_EFULL]);
}

#[test]
fn a_task_run_by_its_submitter_does_not_block_the_worker_below_it() {
    let outer = Pool::with(&tp_options { capacity: 1, ..options(1) });
    let inner = Pool::with(&tp_options { capacity: 1, when_full: TP_FULL_RUN_IN_CALLER, ..options(1) });
    assert_eq!(tp_pause(inner.0), TP_OK);
    let said = Mutex::new(Vec::new());
    let (outer_ref, inner_ref, said_ref) = (&outer, &inner, &said);
    outer.submit(move || {
        inner_ref.submit(|| {});
        inner_ref.submit(move || {
            let statuses = [outer_ref.try_submit(|| {}), outer_ref.try_submit(|| {})];
            said_ref.lock().unwrap().extend(statuses);
        });
    });
    outer.wait();
    assert_eq!(*said.lock().unwrap(), [TP_OK, TP_EFULL]);
}

#[test]
fn pools_that_end_while_their_workers_fall_asleep_end() {
    let mut random = Random(3);
    for round in 0..scaled(20_000) {
        let pool = Pool::new([2, 8][round % 2]);
        (0..random.below(4)).for_each(|_| pool.submit(|| {}));
        pool.wait();
        // About as long as a worker searches before it parks.
        let until = std::time::Instant::now() + std::time::Duration::from_micros(random.below(60));
        while std::time::Instant::now() < until {}
        assert_eq!(tp_shutdown(pool.0, TP_DRAIN, FOREVER), TP_OK);
    }
}
