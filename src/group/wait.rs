//! Waiting for a group: see `engine::wait` for the life of a wait.

use super::*;
use crate::engine::wait::{Link, Waiter, in_time, spin_until};
use crate::sys::clock::Deadline;

impl Group {
    /// Claims the oldest job of this group or of one below.
    pub(super) fn take(&self) -> Option<NonNull<JobNode>> {
        let _guard = self.guard();
        loop {
            let mut group = self;
            // SAFETY: under the lock; children live.
            unsafe {
                if group.tree().claimable == 0 {
                    return None;
                }
                while group.tree().jobs.first.is_null() {
                    let mut child = group.tree().first_child;
                    while (*child).tree().claimable == 0 {
                        child = (*child).tree().next_sibling;
                    }
                    group = &*child;
                }
                let node = NonNull::new(group.tree().jobs.first)?;
                group.unlist(node);
                if node.as_ref().claim_early() {
                    return Some(node);
                }
            }
        }
    }

    /// Ends a job that was taken from the FIFO; its queue entry is stale.
    pub(super) fn end_taken(node: NonNull<JobNode>, pool: &Pool, call: impl FnOnce(&Group, &Job)) {
        // SAFETY: a claimed job is there until both sides have let it go, and its group until its task has ended.
        let job = unsafe { node.as_ref() };
        // SAFETY: likewise.
        let group = unsafe { &*job.owner.cast::<Group>() };
        call(group, job);
        if job.let_go() {
            pool.give_job(node);
        }
        group.ended(None, pool);
    }

    /// Runs one of its tasks, if this thread is a worker that may.
    fn run_one(&self) -> bool {
        let Some(here) = context::here() else {
            return false;
        };
        if !ptr::eq(here.pool, self.pool.load(Relaxed)) {
            return false;
        }
        let Some(node) = here.worker.start_early(|| self.take()) else {
            return false;
        };
        here.pool.run_claimed(here.worker, true, |context| {
            Self::end_taken(node, here.pool, |group, job| context.within(&group.scope, || job.call(End::Run)));
        });
        true
    }

    pub(crate) fn wait(&self, deadline: Deadline) -> Result<()> {
        self.same_process()?;
        if context::is_on_stack(&self.scope) {
            return Err(Error::Deadlock);
        }
        let emptied = || {
            let _guard = self.guard();
            // SAFETY: under the lock.
            unsafe { self.tree() }.emptied
        };
        let before = emptied();
        loop {
            if self.is_empty() {
                // Whoever has emptied it has let go of the lock by now.
                drop(self.guard());
                return Ok(());
            }
            if emptied() != before {
                return Ok(());
            }
            in_time(deadline)?;
            let look = context::next_look(deadline);
            if !self.run_one() && !spin_until(|| self.is_empty()) {
                match self.park(before, look) {
                    // Whether time is over is seen above.
                    Err(Error::TimedOut) => {}
                    result => return result,
                }
            }
        }
    }

    /// Sleeps until it has emptied.
    fn park(&self, before: u64, deadline: Deadline) -> Result<()> {
        let (waiter, link) = (Waiter::default(), Link::unlisted());
        {
            let _guard = self.guard();
            // SAFETY: under the lock; the link is taken off by whoever tells it, or below.
            unsafe {
                if self.is_empty() || self.tree().emptied != before {
                    return Ok(());
                }
                self.tree().waiters.add(&link, &waiter);
            }
        }
        let result = context::park(&waiter, deadline);
        if waiter.is_told() {
            // Not to be touched any more: another waiter may have freed it.
            return Ok(());
        }
        let _guard = self.guard();
        // SAFETY: under the lock.
        unsafe { self.tree() }.waiters.remove(&link);
        if waiter.is_told() { Ok(()) } else { result }
    }
}
