//! Who is woken for a loop: a worker, before the first item, so that items which wait for each other end; unless a worker
//! dozes and the last loop with this body was short. Then that one looks by itself, if the loop is not long over by then.

use crate::engine::pool::Pool;
use crate::sync::{AtomicU64, Relaxed};
use crate::sys::clock::now_ns;

/// A loop that takes less is over before anyone who is woken for it comes.
const SHORT_NS: u64 = 3_000;

/// Bodies whose last loop was short, as far as there is room: each at the place that its address gives.
#[derive(Default)]
pub(crate) struct ShortLoops([AtomicU64; 16]);

impl ShortLoops {
    fn place(&self, body: u64) -> &AtomicU64 {
        &self.0[(body >> 4 ^ body >> 8) as usize % 16]
    }

    fn has(&self, body: u64) -> bool {
        self.place(body).load(Relaxed) == body
    }

    fn set(&self, body: u64, is_short: bool) {
        if self.has(body) != is_short {
            self.place(body).store(if is_short { body } else { 0 }, Relaxed);
        }
    }
}

impl Pool {
    /// Runs a loop by `run`, which says whether the caller has done all of it, and which calls what it is given now and then.
    #[cold]
    pub(crate) fn launch(&self, body: u64, run: impl FnOnce(&mut dyn FnMut()) -> bool) {
        let wake = || self.sleep.task_added(&self.workers);
        let mut is_left = self.short_loops.has(body) && self.sleep.leave_to_dozer(now_ns());
        if !is_left {
            wake();
        }
        let began = now_ns();
        let is_short = || now_ns() - began < SHORT_NS;
        let alone = run(&mut || {
            if is_left && !is_short() {
                is_left = false;
                wake();
            }
        });
        self.short_loops.set(body, alone && is_short());
    }
}
