//! What was accepted and what has ended, so that a wait knows when the pool is quiet.
//!
//! Counters only grow. They stand in lanes, so that no task touches a line that two workers write: each worker has one,
//! the injector's tail counts what came from outside, and one shared lane is for the rare rest (a task run by its
//! submitter, a task dropped). `accepted` moves before the task can be seen, `ended` after the task has run or dropped,
//! with release.
//!
//! The pool is quiet if the sum of all `ended`, read first with acquire, equals the sum of all `accepted`, read second.
//! For let E be the first sum and t the moment between the two. Every counter grows, so at t at least E had ended, and at
//! t at most A had been accepted, A the second sum. No more end than are accepted: ended(t) <= accepted(t) <= A = E <=
//! ended(t), so at t all were equal: nothing was queued or running. A task's children are accepted before it ends, and
//! reading the end with acquire shows them too. (Mattern, Algorithms for distributed termination detection, 1987.)

use crate::sync::{AcqRel, Acquire, AtomicU64, Relaxed, Release};

/// One writer, or few; on a line of its own.
#[repr(align(128))]
#[derive(Default)]
pub(crate) struct Lane {
    accepted: AtomicU64,
    ended: AtomicU64,
    /// Entries of the queues that are no task, or none any more: come minus gone, so a lane's share wraps below 0.
    stale: AtomicU64,
}

impl Lane {
    /// By the lane's one writer, before the tasks are published.
    #[inline]
    pub(crate) fn accept(&self, n: u64) {
        self.accepted.store(self.accepted.load(Relaxed) + n, Relaxed);
    }

    /// By the lane's one writer, after the task.
    #[inline]
    pub(crate) fn end(&self) {
        // Pairs with the load in `ended`.
        self.ended.store(self.ended.load(Relaxed) + 1, Release);
    }

    /// By the lane's one writer: an entry has become stale.
    pub(crate) fn add_stale(&self) {
        self.stale.store(self.stale.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Likewise: one has left its queue.
    pub(crate) fn remove_stale(&self) {
        self.stale.store(self.stale.load(Relaxed).wrapping_sub(1), Relaxed);
    }

    /// By any thread, in a lane where all write so.
    pub(crate) fn accept_shared(&self) {
        self.accepted.fetch_add(1, AcqRel);
    }

    /// Likewise.
    pub(crate) fn end_shared(&self) {
        self.ended.fetch_add(1, AcqRel);
    }

    /// Likewise.
    pub(crate) fn add_stale_shared(&self) {
        self.stale.fetch_add(1, AcqRel);
    }

    /// Likewise.
    pub(crate) fn remove_stale_shared(&self) {
        self.stale.fetch_sub(1, AcqRel);
    }

    pub(crate) fn stale(&self) -> u64 {
        self.stale.load(Acquire)
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Acquire)
    }

    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Acquire)
    }
}

#[cfg(test)]
#[cfg(loom)]
mod model {
    use super::*;
    use crate::engine::quiet::Waiters;
    use crate::sync::{AtomicBool, fence_after_rmw};
    use crate::sys::clock::Deadline;
    use loom::sync::Arc;
    use loom::thread;

    /// Outside submits one task; its worker submits a child, which the worker or a thief runs.
    #[derive(Default)]
    struct Pool {
        injected: AtomicU64,
        lanes: [Lane; 2],
        child_queued: AtomicBool,
        ran: AtomicU64,
        waiters: Waiters,
        ended_first: bool,
    }

    impl Pool {
        fn is_quiet(&self) -> bool {
            let sum_of_ended = self.lanes.iter().map(Lane::ended).sum::<u64>();
            let injected = self.injected.load(Acquire);
            sum_of_ended == injected + self.lanes.iter().map(Lane::accepted).sum::<u64>()
        }

        fn run_parent(&self, lane: &Lane) {
            if self.ended_first {
                lane.end();
            }
            lane.accept(1);
            // A swap: loom may order a plain store before the thief's swap.
            self.child_queued.swap(true, AcqRel);
            self.ran.fetch_add(1, Relaxed);
            if !self.ended_first {
                lane.end();
            }
        }

        fn run_child(&self, lane: &Lane) {
            if self.child_queued.swap(false, AcqRel) {
                self.ran.fetch_add(1, Relaxed);
                lane.end();
            }
        }

        fn search_in_vain(&self) {
            self.waiters.answer(|| self.is_quiet());
        }
    }

    fn explore(ended_first: bool) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let pool = Arc::new(Pool { ended_first, ..Pool::default() });
            pool.injected.fetch_add(1, AcqRel);
            fence_after_rmw();
            let worker = {
                let pool = pool.clone();
                thread::spawn(move || {
                    pool.run_parent(&pool.lanes[0]);
                    pool.run_child(&pool.lanes[0]);
                    pool.search_in_vain();
                })
            };
            let thief = {
                let pool = pool.clone();
                thread::spawn(move || {
                    pool.run_child(&pool.lanes[1]);
                    pool.search_in_vain();
                })
            };
            pool.waiters.wait(|| pool.is_quiet(), Deadline::Never).unwrap();
            assert_eq!(pool.ran.load(Relaxed), 2, "the wait returned before the child had run");
            worker.join().unwrap();
            thief.join().unwrap();
        });
    }

    #[test]
    fn loom_a_wait_ends_and_not_before_the_last_child() {
        explore(false);
    }

    #[test]
    #[should_panic(expected = "before the child had run")]
    fn loom_a_task_that_ends_before_its_child_is_accepted_is_found() {
        explore(true);
    }
}
