//! Who sleeps, and who wakes whom.
//!
//! A worker is busy (it runs a task), searching (it looks for one) or parked (it waits on its seat's signal). One word,
//! the crew, counts the searching and holds a stack of the parked, the most recently parked on top.
//!
//! - Whoever adds a task fences and reads the crew. If nobody searches and somebody is parked, it pops the top, counts it
//!   as searching on its behalf, and signals it. So there is at most one wake a submit, and none while somebody searches.
//! - A worker that finds a task stops searching. If it was the last to search it fences and looks whether there is more
//!   work; if so it wakes the next. So one wake starts a chain as long as the work is wide.
//! - A worker that has searched in vain stops searching and pushes itself on the stack, in one step; then it fences and
//!   looks at every queue once more. If there is work it adds a wake as if it had submitted that, most likely its own,
//!   and then waits for its signal like any parked worker. It is popped by a waker, never by itself.
//!
//! Why no wake-up is lost: let a task be added and everyone be parked afterwards, for ever. The submitter read the crew
//! after its fence; each worker changed it before its own, when it parked last. Either a worker's fence comes first: then
//! the submitter sees it parked, and unless another searches, wakes it. Or the submitter's comes first: then the worker
//! sees the task when it looks once more, and wakes somebody. If another searched when the submitter looked, that one
//! stopped searching later, by finding something or by parking. The last who stops fences after it and looks at every
//! queue, so it sees the task or the task has been taken.
//!
//! A worker that is not wanted leaves as a searcher does that finds something. Whoever wants workers gone says so, fences
//! and wakes all; one that parks just then finds out when it looks once more, and wakes all itself.
//!
//! A doze. A wake costs more than a short loop does. So whoever has work that most likely takes less may leave it to a parked
//! worker that dozes: that one looks by itself when its time is over, a millisecond at most, and parks for good if nobody has
//! left it anything for so long. The one who leaves work fences and reads `dozer`; the dozer ends its doze by a swap, fences
//! and looks. Either the first sees that nobody dozes, and wakes, or the other sees the work. One that is woken meanwhile ends
//! its doze too and then searches, so it looks as well.
//!
//! A tag in the crew changes with every push and pop, so that a stale `next` is never installed.

use crate::sync::{AcqRel, Acquire, AtomicU32, AtomicU64, Futex, Padded, Relaxed, Release, fence_after_rmw};
use crate::sys::clock::Deadline;

/// The crew's word: 16 bits for the top of the stack (index + 1), 16 that count the searching, 32 for the tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Crew(u64);

const SEARCHING_ONE: u64 = 1 << 16;
const TAG_ONE: u64 = 1 << 32;

impl Crew {
    fn top(self) -> Option<u32> {
        (self.0 as u16 as u32).checked_sub(1)
    }

    fn searching(self) -> u32 {
        (self.0 >> 16) as u16 as u32
    }

    fn needs_wake(self) -> bool {
        self.searching() == 0 && self.top().is_some()
    }

    fn with_top(self, top: u16) -> Crew {
        Crew((self.0 & !0xffff | u64::from(top)).wrapping_add(TAG_ONE))
    }
}

/// A worker's place in the crew.
#[derive(Default)]
pub(crate) struct Seat {
    /// The crew's `top` below this seat, while it is on the stack.
    next: AtomicU32,
    /// 1 once a waker has popped it.
    signal: Futex,
}

impl Seat {
    /// By whoever has popped it.
    pub(crate) fn wake(&self) {
        // Pairs with the load in `Sleep::wait`.
        self.signal.store(1, Release);
        self.signal.wake_one();
    }
}

/// The parked from this one down; what is below each is read before it is given out. If the stack changes meanwhile these
/// are any seats, but not more than there can be.
fn below<S: Seats>(seats: &S, top: Option<u32>) -> impl Iterator<Item = &Seat> {
    let look = |index: Option<u32>| {
        let seat = seats.seat(index?)?;
        Some((seat, Crew(u64::from(seat.next.load(Relaxed))).top()))
    };
    let mut rest = look(top);
    core::iter::from_fn(move || {
        let (seat, under) = rest?;
        rest = look(under);
        Some(seat)
    })
    .take(usize::from(u16::MAX))
}

/// Finds a worker's seat by its index.
pub(crate) trait Seats {
    fn seat(&self, index: u32) -> Option<&Seat>;
}

/// The longest that work which was left to a dozer waits.
const DOZE_NS: u64 = 1_000_000;

#[derive(Default)]
pub(crate) struct Sleep {
    crew: Padded<AtomicU64>,
    /// 1 while a parked worker dozes.
    dozer: AtomicU32,
    /// Until when one should, by the clock.
    doze_until: AtomicU64,
}

impl Sleep {
    /// A task has been added, and the caller has fenced.
    #[inline]
    pub(crate) fn task_added(&self, seats: &impl Seats) {
        if self.needs_wake() {
            self.wake_one(seats);
        }
    }

    /// The same in two steps, for those who do the second out of line.
    #[inline]
    pub(crate) fn needs_wake(&self) -> bool {
        // Pairs with the fences in `stop_searching` and `fall_asleep`.
        Crew(self.crew.load(Relaxed)).needs_wake()
    }

    /// Whether a worker dozes that will look in time for work that has been added, with a fence; asks for one that does, from
    /// now on. For work that is most likely over before anyone who is woken could come.
    pub(crate) fn leave_to_dozer(&self, now: u64) -> bool {
        self.doze_until.store(now + DOZE_NS, Relaxed);
        // Pairs with the swap in `end_doze`.
        self.dozer.load(Relaxed) != 0
    }

    /// By a parked worker: it looks again at the time that this gives.
    pub(crate) fn start_doze(&self, now: u64) -> Option<Deadline> {
        let wanted = self.doze_until.load(Relaxed) > now;
        let dozes = wanted && self.dozer.compare_exchange(0, 1, AcqRel, Relaxed).is_ok();
        dozes.then_some(Deadline::At(now + DOZE_NS))
    }

    /// It looks now.
    pub(crate) fn end_doze(&self) {
        self.dozer.swap(0, AcqRel);
        fence_after_rmw();
    }

    /// Wakes everyone who is parked: something other than work has changed. The caller has fenced. All are popped in one
    /// step, so that one who parks again at once is not woken again.
    pub(crate) fn wake_all(&self, seats: &impl Seats) {
        let mut crew = Crew(self.crew.load(Acquire));
        while crew.top().is_some() {
            let parked = below(seats, crew.top()).count() as u64;
            let woken = Crew(crew.0.wrapping_add(parked * SEARCHING_ONE)).with_top(0);
            match self.crew.compare_exchange_weak(crew.0, woken.0, AcqRel, Acquire) {
                Ok(_) => return below(seats, crew.top()).for_each(Seat::wake),
                Err(now) => crew = Crew(now),
            }
        }
    }

    /// Takes one off the stack, which counts as searching from now on; the caller wakes it.
    pub(crate) fn take_parked(&self, seats: &impl Seats) -> Option<u32> {
        let mut crew = Crew(self.crew.load(Acquire));
        while let Some(top) = crew.top() {
            let next = seats.seat(top)?.next.load(Relaxed) as u16;
            let taken = Crew(crew.0 + SEARCHING_ONE).with_top(next);
            match self.crew.compare_exchange_weak(crew.0, taken.0, AcqRel, Acquire) {
                Ok(_) => return Some(top),
                Err(now) => crew = Crew(now),
            }
        }
        None
    }

    pub(crate) fn anyone_searches(&self) -> bool {
        Crew(self.crew.load(Relaxed)).searching() > 0
    }

    pub(crate) fn start_searching(&self) {
        self.crew.fetch_add(SEARCHING_ONE, AcqRel);
    }

    /// True: the caller was the last to search. It has fenced; if it sees more work, it calls [`Sleep::task_added`].
    #[must_use]
    pub(crate) fn stop_searching(&self) -> bool {
        let before = Crew(self.crew.fetch_sub(SEARCHING_ONE, AcqRel));
        fence_after_rmw();
        before.searching() == 1
    }

    /// Parks a searching worker. It has fenced; if it sees work, it calls [`Sleep::task_added`]; then it waits.
    pub(crate) fn fall_asleep(&self, index: u32, seat: &Seat) {
        seat.signal.store(0, Relaxed);
        let mut crew = Crew(self.crew.load(Relaxed));
        loop {
            seat.next.store(crew.0 as u16 as u32, Relaxed);
            let parked = Crew(crew.0 - SEARCHING_ONE).with_top((index + 1) as u16);
            // Release: a waker sees our `next` and `signal`.
            match self.crew.compare_exchange_weak(crew.0, parked.0, AcqRel, Relaxed) {
                Ok(_) => break,
                Err(now) => crew = Crew(now),
            }
        }
        fence_after_rmw();
    }

    /// Waits until a waker has popped this parked worker, which is then searching; false: time is over and it is parked.
    pub(crate) fn wait(&self, seat: &Seat, deadline: Deadline) -> bool {
        // Pairs with the store in `wake`.
        while seat.signal.load(Acquire) == 0 {
            if seat.signal.wait(0, deadline).is_err() {
                return seat.signal.load(Acquire) != 0;
            }
        }
        true
    }

    #[cold]
    fn wake_one(&self, seats: &impl Seats) {
        let mut crew = Crew(self.crew.load(Acquire));
        while crew.needs_wake()
            && let Some(seat) = crew.top().and_then(|top| seats.seat(top))
        {
            let next = seat.next.load(Relaxed) as u16;
            let woken = Crew(crew.0 + SEARCHING_ONE).with_top(next);
            match self.crew.compare_exchange_weak(crew.0, woken.0, AcqRel, Acquire) {
                Ok(_) => return seat.wake(),
                Err(now) => crew = Crew(now),
            }
        }
    }
}

#[cfg(test)]
#[cfg(loom)]
mod model {
    use super::*;
    use crate::sync::{AtomicBool, SeqCst, fence};
    use loom::thread;
    // Not loom's: a deadlock that a model finds unwinds through it.
    use std::sync::Arc;

    /// A pool of two workers whose queue is a number of tasks.
    #[derive(Default)]
    struct Pool {
        sleep: Sleep,
        seats: [Seat; 2],
        queued: AtomicU64,
        left_to_run: AtomicU32,
        unwanted: AtomicBool,
        /// The planted bug: no look at the queue between falling asleep and waiting.
        looks_once_more: bool,
        /// Another: whoever may leave as it falls asleep tells only where a submit would have.
        tells_all: bool,
    }

    impl Seats for [Seat; 2] {
        fn seat(&self, index: u32) -> Option<&Seat> {
            self.get(index as usize)
        }
    }

    impl Pool {
        fn submit(&self) {
            self.queued.fetch_add(1, AcqRel);
            fence_after_rmw();
            self.sleep.task_added(&self.seats);
        }

        fn has_work(&self) -> bool {
            self.queued.load(Relaxed) > 0
        }

        fn find(&self) -> bool {
            let mut queued = self.queued.load(Relaxed);
            while queued > 0 {
                match self.queued.compare_exchange(queued, queued - 1, AcqRel, Relaxed) {
                    Ok(_) => return true,
                    Err(now) => queued = now,
                }
            }
            false
        }

        fn run(&self) {
            if self.left_to_run.fetch_sub(1, AcqRel) == 1 {
                self.end();
            }
        }

        fn end(&self) {
            self.unwanted.store(true, Release);
            fence(SeqCst);
            self.sleep.wake_all(&self.seats);
        }

        /// As `Search` does it.
        fn work(&self, index: u32) {
            while !self.unwanted.load(Relaxed) {
                if self.find() || self.search(index) {
                    self.run();
                }
            }
        }

        fn search(&self, index: u32) -> bool {
            let seat = &self.seats[index as usize];
            self.sleep.start_searching();
            loop {
                let found = !self.unwanted.load(Relaxed) && self.find();
                if found || self.unwanted.load(Relaxed) {
                    if self.sleep.stop_searching() && self.has_work() {
                        self.sleep.task_added(&self.seats);
                    }
                    return found;
                }
                self.sleep.fall_asleep(index, seat);
                if self.looks_once_more && self.unwanted.load(Relaxed) && self.tells_all {
                    self.sleep.wake_all(&self.seats);
                } else if self.looks_once_more && (self.unwanted.load(Relaxed) || self.has_work()) {
                    self.sleep.task_added(&self.seats);
                }
                self.sleep.wait(seat, Deadline::Never);
            }
        }
    }

    /// Without tasks the producer ends the pool; else the worker does that runs the last one.
    fn explore(producers: u32, tasks: u32, looks_once_more: bool, tells_all: bool) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(move || {
            let pool = Arc::new(Pool {
                left_to_run: AtomicU32::new(producers * tasks),
                looks_once_more,
                tells_all,
                ..Pool::default()
            });
            let workers = [0, 1].map(|index| {
                let pool = pool.clone();
                thread::spawn(move || pool.work(index))
            });
            let others = (1..producers).map(|_| {
                let pool = pool.clone();
                thread::spawn(move || (0..tasks).for_each(|_| pool.submit()))
            });
            let others: Vec<_> = others.collect();
            (0..tasks).for_each(|_| pool.submit());
            if tasks == 0 {
                pool.end();
            }
            others.into_iter().for_each(|producer| producer.join().unwrap());
            // A lost wake-up leaves both parked, which loom reports as a deadlock.
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            assert_eq!(pool.left_to_run.load(Relaxed), 0);
        });
    }

    #[test]
    fn loom_two_workers_one_producer_lose_no_wake_up() {
        explore(1, 2, true, true);
    }

    #[test]
    fn loom_two_workers_two_producers_lose_no_wake_up() {
        explore(2, 1, true, true);
    }

    #[test]
    fn loom_workers_that_are_not_wanted_all_leave() {
        explore(1, 0, true, true);
    }

    /// A worker dozes, its time is over at any moment, and somebody leaves it a task.
    fn explore_doze(looks_at_the_end: bool) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(move || {
            let pool = Arc::new(Pool { looks_once_more: true, ..Pool::default() });
            pool.sleep.doze_until.store(1, Relaxed);
            let worker = {
                let pool = pool.clone();
                thread::spawn(move || {
                    pool.sleep.start_searching();
                    pool.sleep.fall_asleep(0, &pool.seats[0]);
                    let look = || {
                        if pool.has_work() {
                            pool.sleep.task_added(&pool.seats);
                        }
                    };
                    look();
                    if pool.sleep.start_doze(0).is_some() {
                        pool.sleep.end_doze();
                        if looks_at_the_end {
                            look();
                        }
                    }
                    pool.sleep.wait(&pool.seats[0], Deadline::Never);
                    assert!(pool.find());
                })
            };
            pool.queued.fetch_add(1, AcqRel);
            fence_after_rmw();
            if pool.sleep.needs_wake() && !pool.sleep.leave_to_dozer(1) {
                pool.sleep.task_added(&pool.seats);
            }
            worker.join().unwrap();
        });
    }

    #[test]
    fn loom_work_that_is_left_to_a_dozer_is_found() {
        explore_doze(true);
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn loom_a_dozer_that_does_not_look_is_found() {
        explore_doze(false);
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn loom_a_planted_lost_wake_up_is_found() {
        explore(1, 1, false, true);
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn loom_a_worker_left_behind_is_found() {
        explore(1, 0, true, false);
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    impl Seats for Vec<Seat> {
        fn seat(&self, index: u32) -> Option<&Seat> {
            self.get(index as usize)
        }
    }

    fn crew(sleep: &Sleep) -> Crew {
        Crew(sleep.crew.load(Relaxed))
    }

    #[test]
    fn the_most_recently_parked_is_woken_first_and_one_at_a_time() {
        let seats: Vec<Seat> = (0..3).map(|_| Seat::default()).collect();
        let sleep = Sleep::default();
        for index in 0..3 {
            sleep.start_searching();
            sleep.fall_asleep(index, &seats[index as usize]);
        }
        for expected in [2, 1, 0] {
            assert_eq!((crew(&sleep).top(), crew(&sleep).searching()), (Some(expected), 0));
            sleep.task_added(&seats);
            sleep.task_added(&seats);
            assert_eq!(crew(&sleep).searching(), 1, "none is woken while one searches");
            assert!(sleep.wait(&seats[expected as usize], Deadline::Never));
            assert!(sleep.stop_searching());
        }
        sleep.task_added(&seats);
        assert_eq!((crew(&sleep).top(), crew(&sleep).searching()), (None, 0));
    }

    #[test]
    fn every_field_wraps_without_touching_its_neighbours() {
        let seats: Vec<Seat> = (0..2).map(|_| Seat::default()).collect();
        let sleep = Sleep::default();
        sleep.crew.store(u64::from(u32::MAX) << 32, Relaxed);
        sleep.start_searching();
        sleep.fall_asleep(1, &seats[1]);
        assert_eq!(crew(&sleep), Crew(2), "the tag wraps to 0");
        sleep.wake_all(&seats);
        assert_eq!(crew(&sleep), Crew(TAG_ONE | SEARCHING_ONE));
        assert!(sleep.stop_searching());
        // As many searching as the field holds: far more than there can be workers.
        let most = u64::from(u16::MAX) * SEARCHING_ONE;
        let others = (u64::from(u32::MAX) << 32) | u64::from(u16::MAX);
        sleep.crew.store(others | (most - SEARCHING_ONE), Relaxed);
        sleep.start_searching();
        assert_eq!((crew(&sleep).searching(), crew(&sleep).top()), (65535, Some(65534)));
        assert!(!sleep.stop_searching());
        assert_eq!(crew(&sleep).0 >> 32, u64::from(u32::MAX), "the tag is untouched");
    }

    #[test]
    fn all_are_woken_in_one_step() {
        let seats: Vec<Seat> = (0..5).map(|_| Seat::default()).collect();
        let sleep = Sleep::default();
        for index in [3, 0, 4, 1] {
            sleep.start_searching();
            sleep.fall_asleep(index, &seats[index as usize]);
        }
        sleep.wake_all(&seats);
        assert_eq!((crew(&sleep).top(), crew(&sleep).searching()), (None, 4));
        [3, 0, 4, 1].iter().for_each(|&index: &usize| assert!(sleep.wait(&seats[index], Deadline::Never)));
    }

    #[test]
    fn the_largest_index_fits() {
        assert_eq!(Crew(0).with_top(8192).top(), Some(8191));
        assert_eq!(Crew(0).with_top(u16::MAX).top(), Some(65534));
    }
}
