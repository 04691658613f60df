//! Waiting for a group: see `engine::wait` for the life of a wait.

use super::end::submit_notices;
use super::*;
use crate::engine::park;
use crate::engine::wait::{Link, Waiter, in_time, spin_until};
use crate::sys::clock::Deadline;

impl Group {
    /// Claims the oldest job of this group or of one below. Under the lock.
    pub(super) fn take(&self) -> Option<NonNull<JobNode>> {
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

    /// Runs its tasks, or one where time may be over after that, if this thread is a worker that may.
    fn run_some(&self, deadline: Deadline) -> bool {
        let Some(here) = context::here().filter(|here| ptr::eq(here.pool, self.pool.load(Relaxed))) else {
            return false;
        };
        let mut next = here.start_early_under(self.lock(), |may| if may { self.take() } else { None });
        let ran = next.is_some();
        while let Some(node) = next {
            here.run_claimed(true, |context| {
                let group = call_taken(node, context, here.pool, End::Run);
                let mut notices = Jobs::NONE;
                // The next with the same hold of the lock.
                next = here.start_early_under(self.lock(), |may| {
                    notices = group.count_end();
                    if may && deadline == Deadline::Never { self.take() } else { None }
                });
                submit_notices(notices, here.pool);
            });
        }
        ran
    }

    pub(crate) fn wait(&self, deadline: Deadline) -> Result<()> {
        self.until_empty(deadline).inspect(|()| tsan::acquire(self))
    }

    fn until_empty(&self, deadline: Deadline) -> Result<()> {
        self.same_process()?;
        if context::is_on_stack(&self.scope) {
            return Err(Error::Deadlock);
        }
        // Neither look takes the lock. A task is counted before it can run, and what was submitted after the group had emptied
        // was so under the lock: who knows of a task here reads the count with it, and an `emptied` from before it. Who has
        // emptied the group may have the lock still when we return: `destroy` takes it before it frees anything.
        let before = self.emptied.load(Acquire);
        loop {
            if self.is_empty() || self.emptied.load(Acquire) != before {
                return Ok(());
            }
            in_time(deadline)?;
            let look = park::next_look(deadline);
            if !self.run_some(deadline) && !spin_until(|| self.is_empty()) {
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
                if self.is_empty() || self.emptied.load(Relaxed) != before {
                    return Ok(());
                }
                self.tree().waiters.add(&link, &waiter);
            }
        }
        let result = park::park(&waiter, deadline);
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
