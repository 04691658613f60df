//! How a group's task ends, and what happens when that was the last one.

use super::*;
use crate::engine::turn::Left;
use crate::sys::tsan;

/// # Safety
/// As [`Record`] says; in a context of the group's pool.
pub(super) unsafe fn end(record: NonNull<Record>, how: End) {
    let node: NonNull<JobNode> = record.cast();
    let Some(context) = context::current() else {
        return;
    };
    let pool = context.pool();
    // SAFETY: the queue has the job until now.
    let job = unsafe { node.as_ref() };
    match job.turn.leave_queue() {
        Left::Unclaimed => {
            // SAFETY: a group with a task that has not ended is there.
            let group = unsafe { &*job.owner.cast::<Group>() };
            context.within(&group.scope, || job.call(how));
            group.ended(Some(node), pool);
            pool.give_job(node);
        }
        Left::LetGo => {
            pool.discount_stale();
            pool.give_job(node);
        }
        Left::Claimed => pool.discount_stale(),
    }
}

impl Group {
    /// Takes a job out of its FIFO, under the lock.
    pub(super) fn unlist(&self, node: NonNull<JobNode>) {
        // SAFETY: under the lock; listed jobs are there.
        unsafe {
            if node.as_ref().listed.replace(false) {
                self.tree().jobs.remove(node);
                self.chain().for_each(|group| group.tree().claimable -= 1);
            }
        }
    }

    /// One task less, here and above.
    pub(super) fn ended(&self, node: Option<NonNull<JobNode>>, pool: &Pool) {
        let notices = {
            let _guard = self.guard();
            if let Some(node) = node {
                self.unlist(node);
            }
            self.count_end()
        };
        submit_notices(notices, pool);
    }

    /// The same, under the lock. Gives the notices of those groups that are empty now; they may go with the lock.
    #[must_use]
    pub(super) fn count_end(&self) -> Jobs {
        let mut notices = Jobs::NONE;
        for group in self.chain() {
            tsan::release(group);
            let left = group.count.load(Relaxed) - 1;
            group.count.store(left, Release);
            if left == 0 {
                group.empties(&mut notices);
            }
        }
        notices
    }

    fn empties(&self, notices: &mut Jobs) {
        self.emptied.store(self.emptied.load(Relaxed) + 1, Release);
        self.scope.set_cancelled(false);
        tsan::acquire(self);
        // SAFETY: under the lock.
        let tree = unsafe { self.tree() };
        tree.cancelled = false;
        // SAFETY: likewise.
        unsafe { notices.append(core::mem::replace(&mut tree.notices, Jobs::NONE)) };
        tree.waiters.tell_all();
    }
}

/// Ends a job that was claimed early, all but the count. Gives its group, which is there until its task has been counted.
pub(super) fn call_taken<'a>(node: NonNull<JobNode>, context: &Context, pool: &Pool, how: End) -> &'a Group {
    // SAFETY: a claimed job is there until both sides have let it go.
    let job = unsafe { node.as_ref() };
    // SAFETY: a group with a task that has not ended is there.
    let group = unsafe { &*job.owner.cast::<Group>() };
    context.within(&group.scope, || job.call(how));
    if job.turn.let_go() {
        pool.give_job(node);
    }
    group
}

/// Those of groups that have emptied.
pub(super) fn submit_notices(mut notices: Jobs, pool: &Pool) {
    // SAFETY: the notices are ours.
    while let Some(notice) = unsafe { notices.pop() } {
        // A pool that discards runs no notices.
        if pool.submit_continuation(notice.cast()).is_err() {
            pool.give_job(notice);
        }
    }
}
