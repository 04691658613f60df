//! Promise 5: first in, first out where users expect it, and nobody starves.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex};
use std::thread;

use tp::capi::pool::*;
use tp::capi::status::*;

use crate::support::*;

#[test]
fn one_worker_starts_tasks_exactly_in_the_order_of_their_submission() {
    let pool = Arc::new(Pool::new(1));
    let order = Arc::new(Mutex::new(Vec::new()));
    assert_eq!(tp_pause(pool.0), TP_OK);
    for number in 0..1000 {
        let (pool_of_task, order) = (pool.clone(), order.clone());
        pool.submit(move || {
            order.lock().unwrap().push(number);
            // Behind all that is queued by now.
            pool_of_task.submit(move || order.lock().unwrap().push(1000 + number));
        });
    }
    assert_eq!(tp_queued(pool.0), 1000);
    assert_eq!(tp_resume(pool.0), TP_OK);
    pool.wait();
    assert!(order.lock().unwrap().iter().copied().eq(0..2000));
}

/// Submits tasks that each wait in their body for the one before.
fn submit_chain(pool: &Pool, length: usize) -> Arc<AtomicUsize> {
    let turn = Arc::new(AtomicUsize::new(0));
    for number in 0..length {
        let turn = turn.clone();
        pool.submit(move || {
            wait_for("the task before has run", || turn.load(Acquire) == number);
            turn.store(number + 1, Release);
        });
    }
    turn
}

#[test]
fn tasks_that_wait_for_the_one_before_end_on_any_number_of_workers() {
    for threads in 1..=4 {
        let pool = Arc::new(Pool::new(threads));
        let length = scaled(20_000);
        let outside: Vec<_> = thread::scope(|scope| {
            let chains = [0, 1].map(|_| scope.spawn(|| submit_chain(&pool, length)));
            chains.into_iter().map(|chain| chain.join().unwrap()).collect()
        });
        // And of tasks that a worker submits, among noise from outside.
        let inside = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..3 {
            let (pool_of_task, inside) = (pool.clone(), inside.clone());
            pool.submit(move || inside.lock().unwrap().push(submit_chain(&pool_of_task, length / 10)));
            (0..length).for_each(|_| pool.submit(|| {}));
        }
        pool.wait();
        assert!(outside.iter().all(|turn| turn.load(Acquire) == length));
        assert!(inside.lock().unwrap().iter().all(|turn| turn.load(Acquire) == length / 10));
    }
}

#[test]
fn a_task_that_submits_itself_for_ever_starves_nobody() {
    fn again(pool: &Arc<Pool>, stop: &Arc<AtomicBool>) {
        if !stop.load(Acquire) {
            let (pool_of_task, stop) = (pool.clone(), stop.clone());
            pool.submit(move || again(&pool_of_task, &stop));
        }
    }
    for threads in 1..=2 {
        let (pool, stop) = (Arc::new(Pool::new(threads)), Arc::new(AtomicBool::new(false)));
        (0..4).for_each(|_| again(&pool, &stop));
        pool.submit({
            let (pool, stop) = (pool.clone(), stop.clone());
            move || again(&pool, &stop)
        });
        for _ in 0..100 {
            let ran = AtomicBool::new(false);
            pool.submit(|| ran.store(true, Release));
            wait_for("a task from outside has run", || ran.load(Acquire));
        }
        stop.store(true, Release);
        pool.wait();
    }
}

#[test]
fn what_waits_behind_a_long_task_is_found_while_the_injector_never_runs_dry() {
    let (pool, gate) = (Arc::new(Pool::new(2)), Arc::new(Gate::default()));
    let (stop, behind) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (long_pool, long_gate, counter) = (pool.clone(), gate.clone(), behind.clone());
    pool.submit(move || {
        for _ in 0..100 {
            let counter = counter.clone();
            long_pool.submit(move || {
                counter.fetch_add(1, AcqRel);
            });
        }
        long_gate.pass();
    });
    thread::scope(|scope| {
        let feeder = scope.spawn(|| {
            while !stop.load(Acquire) {
                if tp_queued(pool.0) < 10_000 {
                    pool.submit(|| {});
                }
            }
        });
        wait_for("all tasks of the long one have run", || behind.load(Acquire) == 100);
        stop.store(true, Release);
        feeder.join().unwrap();
    });
    gate.open();
    pool.wait();
}

#[test]
fn the_oldest_is_evicted_and_the_rest_keep_their_order() {
    let pool = Pool::with(&tp_options { capacity: 3, when_full: TP_FULL_DROP_OLDEST, ..options(2) });
    let ran = Mutex::new(Vec::new());
    assert_eq!(tp_pause(pool.0), TP_OK);
    let ran_by = &ran;
    (0..10).for_each(|number| pool.submit(move || ran_by.lock().unwrap().push(number)));
    assert_eq!(tp_queued(pool.0), 3);
    assert_eq!((tp_resize(pool.0, 1), tp_resume(pool.0)), (TP_OK, TP_OK));
    pool.wait();
    let mut ran = ran.lock().unwrap();
    // Two workers may have been there when it resumed.
    ran.sort_unstable();
    assert_eq!(*ran, [7, 8, 9]);
}

#[test]
fn tasks_that_wait_for_the_one_before_end_while_the_number_of_workers_changes() {
    let pool = Arc::new(Pool::new(2));
    for round in 0..scaled(200) {
        let (pool_of_task, started) = (pool.clone(), Arc::new(Gate::default()));
        let started_by_task = started.clone();
        pool.submit(move || {
            submit_chain(&pool_of_task, 30);
            started_by_task.open();
        });
        if round % 2 == 0 {
            started.pass();
        }
        assert_eq!(tp_resize(pool.0, 1), TP_OK);
        pool.wait();
        assert_eq!(tp_resize(pool.0, 2 + round as u32 % 2), TP_OK);
    }
}

#[test]
fn a_task_without_end_passes_what_waits_elsewhere_a_bounded_number_of_times() {
    fn again(pool: &Arc<Pool>, rounds: &Arc<AtomicUsize>, stop: &Arc<AtomicBool>) {
        rounds.fetch_add(1, AcqRel);
        if !stop.load(Acquire) {
            let (pool_of_task, rounds, stop) = (pool.clone(), rounds.clone(), stop.clone());
            pool.submit(move || again(&pool_of_task, &rounds, &stop));
        }
    }
    let (pool, rounds, stop) =
        (Arc::new(Pool::new(2)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    pool.submit({
        let (pool, rounds, stop) = (pool.clone(), rounds.clone(), stop.clone());
        move || again(&pool, &rounds, &stop)
    });
    for _ in 0..scaled(100) {
        let passed = Arc::new(AtomicUsize::new(usize::MAX));
        let (pool_of_task, rounds, passed_by) = (pool.clone(), rounds.clone(), passed.clone());
        // One worker has itself to do without end; the child waits in the other's queue, behind a task that waits for it.
        pool.submit(move || {
            let started = Arc::new(AtomicUsize::new(usize::MAX));
            let (rounds_of_child, started_of_child) = (rounds.clone(), started.clone());
            pool_of_task.submit(move || started_of_child.store(rounds_of_child.load(Acquire), Release));
            let before = rounds.load(Acquire);
            wait_for("the child has run", || started.load(Acquire) != usize::MAX);
            passed_by.store(started.load(Acquire).saturating_sub(before), Release);
        });
        wait_for("the parent has run", || passed.load(Acquire) != usize::MAX);
        // See `watch`: two places, nothing ahead, and what the other worker held and was just running.
        assert!(passed.load(Acquire) <= 4 * 256 + 2, "passed by {}", passed.load(Acquire));
    }
    stop.store(true, Release);
    pool.wait();
}
