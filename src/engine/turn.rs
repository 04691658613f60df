//! Who ends a job that two may reach, its queue and somebody who claims it early, and which of them gives its record back.
//!
//! The first to mark it ends it. If that was its queue nobody else has it, else both have to let it go, and the later one
//! gives it back: mostly the queue, which then finds both marks and needs no step of its own.

use crate::sync::{AcqRel, Acquire, AtomicU32};

pub(crate) struct Turn(AtomicU32);

/// What its queue finds when it lets a job go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Left {
    /// Nobody has claimed it: it is the queue's to end, and then to give back.
    Unclaimed,
    /// Who claimed it has let it go: it is to be given back.
    LetGo,
    /// Who claimed it has it still, and gives it back.
    Claimed,
}

/// Somebody ends it; and one of the two has let it go.
const CLAIMED: u32 = 1;
const LET_GO: u32 = 2;

impl Turn {
    pub(crate) fn new() -> Turn {
        Turn(AtomicU32::new(0))
    }

    /// By another than its queue: whether the caller is the one that ends it.
    pub(crate) fn claim(&self) -> bool {
        self.0.fetch_or(CLAIMED, AcqRel) & CLAIMED == 0
    }

    /// By whoever has claimed so, at its end: whether to give it back. If not, it may be gone.
    pub(crate) fn let_go(&self) -> bool {
        // Pairs with the two steps in `leave_queue`.
        self.0.fetch_or(LET_GO, AcqRel) & LET_GO != 0
    }

    /// By its queue, once. If it is left to others, it may be gone.
    pub(crate) fn leave_queue(&self) -> Left {
        if self.0.load(Acquire) == CLAIMED | LET_GO {
            return Left::LetGo;
        }
        match self.0.fetch_or(CLAIMED | LET_GO, AcqRel) {
            0 => Left::Unclaimed,
            CLAIMED => Left::Claimed,
            _ => Left::LetGo,
        }
    }
}

#[cfg(test)]
#[cfg(loom)]
#[allow(unsafe_code, reason = "reads and writes what loom watches")]
mod model {
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    struct Job {
        turn: Turn,
        ends: UnsafeCell<u32>,
        /// Read by whoever uses the job, written by who gives it back.
        memory: UnsafeCell<u32>,
    }

    impl Job {
        fn end(&self) {
            self.memory.with(|_| ());
            // SAFETY: loom checks it.
            self.ends.with_mut(|ends| unsafe { *ends += 1 });
        }

        fn give_back(&self) {
            // SAFETY: likewise.
            self.memory.with_mut(|given| unsafe { *given += 1 });
        }

        fn end_in_queue(&self) {
            self.memory.with(|_| ());
            match self.turn.leave_queue() {
                Left::Unclaimed => {
                    self.end();
                    self.give_back();
                }
                Left::LetGo => self.give_back(),
                Left::Claimed => {}
            }
        }

        fn early(&self, looks_afterwards: bool) {
            if self.turn.claim() {
                self.end();
                if self.turn.let_go() {
                    self.give_back();
                } else if looks_afterwards {
                    self.memory.with(|_| ());
                }
            }
        }
    }

    fn explore(looks_afterwards: bool) {
        loom::model(move || {
            let (ends, memory) = (UnsafeCell::new(0), UnsafeCell::new(0));
            let job = Arc::new(Job { turn: Turn::new(), ends, memory });
            let queue = {
                let job = job.clone();
                thread::spawn(move || job.end_in_queue())
            };
            job.early(looks_afterwards);
            queue.join().unwrap();
            // SAFETY: likewise.
            job.ends.with(|ends| assert_eq!(unsafe { *ends }, 1));
            // SAFETY: likewise.
            job.memory.with(|given| assert_eq!(unsafe { *given }, 1));
        });
    }

    #[test]
    fn loom_a_job_ends_once_and_is_given_back_once_after_that() {
        explore(false);
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn loom_who_looks_at_a_job_that_was_let_go_is_found() {
        explore(true);
    }
}
