//! A group: tasks that are waited for, and cancelled, together.
//!
//! A group's task is a job in one of the pool's queues and, until somebody claims it, in the group's own FIFO, where a
//! waiter finds it without a search. One step on the job's turn decides who runs it: the worker that takes it from its
//! queue, a waiter, or a canceller that drops it. In the last two cases the queue's entry is stale.
//!
//! A tree of groups has one lock, the root's, for all its FIFOs, counts and lists. A count covers the groups below. The
//! lock is held while a job is queued, so that nobody sees the job before it is in the FIFO. Whoever brings a count to 0
//! tells the waiters under the lock; what may be freed after that is touched no more once the lock is given back. Who looks
//! whether a group is empty reads without the lock: `wait` says why that is enough.
#![allow(unsafe_code, reason = "shares memory under one lock, and follows lists by raw pointer")]

mod end;
mod jobs;
mod wait;

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ptr::{self, NonNull};

use crate::engine::cancel::Scope;
use crate::engine::clients::Client;
use crate::engine::context::{self, Context};
use crate::engine::fork;
use crate::engine::job::{Extras, Job, JobNode};
use crate::engine::pool::Pool;
use crate::engine::seal::{Seal, Sealed};
use crate::engine::short_lock::{Guard, ShortLock};
use crate::engine::submit::Entry;
use crate::engine::task::{End, Record, Run, Task};
use crate::engine::wait::WaitList;
use crate::error::{Error, Result};
use crate::sync::{Acquire, AtomicPtr, AtomicU64, Relaxed, Release};
use crate::sys::{alloc, tsan};
use end::{call_taken, end};
use jobs::Jobs;

#[repr(C)]
pub(crate) struct Group {
    scope: Scope,
    generation: u32,
    /// Null once the pool has gone.
    pool: AtomicPtr<Pool>,
    root: *const Group,
    parent: *const Group,
    /// Tasks that have been accepted and not ended, here and below. Written under the lock.
    count: AtomicU64,
    /// How often it has emptied. Likewise.
    emptied: AtomicU64,
    /// The root's is that of the whole tree.
    lock: ShortLock,
    tree: UnsafeCell<Tree>,
    client: Client,
    seal: Seal,
}

/// Under the tree's lock.
struct Tree {
    /// Jobs in the FIFOs here and below.
    claimable: u64,
    jobs: Jobs,
    /// What is submitted when the group next empties.
    notices: Jobs,
    waiters: WaitList,
    cancelled: bool,
    first_child: *const Group,
    next_sibling: *const Group,
    previous_sibling: *const Group,
}

// SAFETY: what is no atomic is under the tree's lock, or not written once the group is shared.
unsafe impl Sync for Group {}

pub(crate) fn create(pool: &Pool, parent: Option<&Group>) -> Result<NonNull<Group>> {
    pool.same_process()?;
    if let Some(parent) = parent {
        parent.same_process()?;
        if !ptr::eq(parent.pool()?, pool) {
            return Err(Error::Invalid);
        }
    }
    let outer = parent.map_or(ptr::null(), |parent| &raw const parent.scope);
    let group = alloc::make(Group {
        scope: Scope::new(outer),
        generation: fork::generation(),
        pool: AtomicPtr::new(ptr::from_ref(pool).cast_mut()),
        root: parent.map_or(ptr::null(), |parent| parent.root),
        parent: parent.map_or(ptr::null(), ptr::from_ref),
        count: AtomicU64::new(0),
        emptied: AtomicU64::new(0),
        lock: ShortLock::default(),
        tree: UnsafeCell::new(Tree {
            claimable: 0,
            jobs: Jobs::NONE,
            notices: Jobs::NONE,
            waiters: WaitList::default(),
            cancelled: false,
            first_child: ptr::null(),
            next_sibling: ptr::null(),
            previous_sibling: ptr::null(),
        }),
        client: Client::new(pool_ended, |_| {}),
        seal: Seal::new(),
    })?;
    // SAFETY: nobody else has it yet; it is taken off the lists in `destroy`.
    unsafe {
        if parent.is_none() {
            (*group.as_ptr()).root = group.as_ptr();
        }
        group.as_ref().client.enlist(pool, &group.as_ref().client.hold());
        if let Some(parent) = parent {
            let _guard = parent.guard();
            let (tree, above) = (group.as_ref().tree(), parent.tree());
            tree.next_sibling = above.first_child;
            if let Some(next) = above.first_child.as_ref() {
                next.tree().previous_sibling = group.as_ptr();
            }
            above.first_child = group.as_ptr();
        }
    }
    Ok(group)
}

/// # Safety
/// `group` came from [`create`], and no other call uses it or will.
pub(crate) unsafe fn destroy(group: NonNull<Group>) -> Result<()> {
    // SAFETY: the caller's promise.
    let this = unsafe { group.as_ref() };
    if this.same_process().is_ok() {
        let held = this.client.hold();
        let guard = this.guard();
        // SAFETY: under the lock.
        let tree = unsafe { this.tree() };
        if this.count.load(Relaxed) > 0 || !tree.first_child.is_null() || !tree.waiters.is_empty() {
            return Err(Error::Busy);
        }
        this.leave_parent(tree);
        this.client.delist(&held);
        drop(guard);
    }
    // SAFETY: nobody has it any more.
    unsafe { alloc::free(group) };
    Ok(())
}

/// # Safety
/// `client` is a field of a listed group, whose pool has ended.
unsafe fn pool_ended(client: NonNull<Client>) -> bool {
    // SAFETY: clients of this type are that field of a group.
    let group = unsafe { client.byte_sub(core::mem::offset_of!(Group, client)).cast::<Group>().as_ref() };
    group.pool.store(ptr::null_mut(), Release);
    // It may be destroyed as soon as the lock is given back.
    false
}

/// A job on its way into the pool.
struct Member<'a> {
    group: &'a Group,
    node: NonNull<JobNode>,
}

impl Entry for Member<'_> {
    fn queue(&self, pool: &Pool) -> Result<()> {
        self.group.queue(self.node, pool)
    }

    fn run(&self, pool: &Pool) -> Result<()> {
        self.group.run_here(self.node, pool)
    }
}

impl Sealed for Group {
    fn seal(&self) -> &Seal {
        &self.seal
    }
}

impl Group {
    pub(crate) fn same_process(&self) -> Result<()> {
        if self.generation == fork::generation() { Ok(()) } else { Err(Error::Forked) }
    }

    fn lock(&self) -> &ShortLock {
        // SAFETY: a root outlives the groups below.
        unsafe { &(*self.root).lock }
    }

    fn guard(&self) -> Guard<'_> {
        self.lock().hold()
    }

    /// # Safety
    /// The caller holds the tree's lock, and no other reference to this.
    #[allow(clippy::mut_from_ref, reason = "the lock sees to it")]
    unsafe fn tree(&self) -> &mut Tree {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.tree.get() }
    }

    fn pool(&self) -> Result<&Pool> {
        self.same_process()?;
        // SAFETY: a pool tells its groups before it goes; who uses a group while its pool is destroyed was told not to.
        unsafe { self.pool.load(Acquire).as_ref() }.ok_or(Error::ShutDown)
    }

    /// Itself, and those above.
    fn chain(&self) -> impl Iterator<Item = &Group> {
        // SAFETY: a parent outlives its children.
        core::iter::successors(Some(self), |group| unsafe { group.parent.as_ref() })
    }

    fn leave_parent(&self, tree: &mut Tree) {
        // SAFETY: under the lock; parent and siblings live.
        unsafe {
            if let Some(next) = tree.next_sibling.as_ref() {
                next.tree().previous_sibling = tree.previous_sibling;
            }
            if let Some(previous) = tree.previous_sibling.as_ref() {
                previous.tree().next_sibling = tree.next_sibling;
            } else if let Some(parent) = self.parent.as_ref() {
                parent.tree().first_child = tree.next_sibling;
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.count.load(Acquire) == 0
    }

    pub(crate) fn count(&self) -> u64 {
        let count = self.same_process().map_or(0, |()| self.count.load(Acquire));
        tsan::acquire(self);
        count
    }

    /// Under the lock.
    fn add_to_counts(&self) {
        self.chain().for_each(|group| group.count.store(group.count.load(Relaxed) + 1, Release));
    }

    pub(crate) fn submit(&self, run: Run, arg: *mut c_void, extras: Extras) -> Result<()> {
        let pool = self.pool()?;
        pool.may_submit()?;
        let node = pool.take_job(Job::new(run, arg, extras, end).of(ptr::from_ref(self).cast()))?;
        pool.submit_entry(&Member { group: self, node }).inspect_err(|_| pool.give_job(node))
    }

    fn queue(&self, node: NonNull<JobNode>, pool: &Pool) -> Result<()> {
        let _guard = self.guard();
        self.refuse_if_cancelled()?;
        // SAFETY: the job is ours.
        let priority = unsafe { node.as_ref() }.extras.priority;
        // First, for it may run from here on, and whoever it tells of that may wait without the lock.
        self.add_to_counts();
        pool.queue_at(Task::of(node.cast()), priority).inspect_err(|_| self.take_from_counts())?;
        // SAFETY: under the lock; whoever takes the job from its queue needs the lock to be done with it.
        unsafe {
            self.tree().jobs.push(node);
            self.chain().for_each(|group| group.tree().claimable += 1);
            node.as_ref().listed.set(true);
        }
        Ok(())
    }

    /// Under the lock, by whoever has just added to them: nobody can have begun to sleep meanwhile.
    fn take_from_counts(&self) {
        self.chain().for_each(|group| group.count.store(group.count.load(Relaxed) - 1, Release));
    }

    /// From the lock's side: the groups above are not cancelled, or empty since.
    fn refuse_if_cancelled(&self) -> Result<()> {
        // SAFETY: under the lock.
        let cancelled = self.chain().any(|group| unsafe { group.tree() }.cancelled);
        if cancelled { Err(Error::Canceled) } else { Ok(()) }
    }

    /// Runs a job that no queue takes, on the submitting thread.
    fn run_here(&self, node: NonNull<JobNode>, pool: &Pool) -> Result<()> {
        {
            let _guard = self.guard();
            self.refuse_if_cancelled()?;
            self.add_to_counts();
        }
        // SAFETY: the job is ours.
        let job = unsafe { node.as_ref() };
        if let Some(context) = context::current() {
            context.within(&self.scope, || job.call(End::Run));
        }
        self.ended(None, pool);
        pool.give_job(node);
        Ok(())
    }

    pub(crate) fn notify(&self, run: Run, arg: *mut c_void) -> Result<()> {
        let pool = self.pool()?;
        pool.may_submit()?;
        let notice = pool.notice(run, arg)?;
        let guard = self.guard();
        if self.is_empty() {
            drop(guard);
            tsan::acquire(self);
            return pool.submit_continuation(notice.cast()).inspect_err(|_| pool.give_job(notice));
        }
        // SAFETY: under the lock.
        unsafe { self.tree().notices.push(notice) };
        Ok(())
    }

    /// Drops what has not started, and asks what runs to stop.
    pub(crate) fn cancel(&self) -> Result<()> {
        self.same_process()?;
        {
            let _guard = self.guard();
            if self.is_empty() {
                return Ok(());
            }
            // SAFETY: under the lock.
            unsafe { self.tree() }.cancelled = true;
            self.scope.set_cancelled(true);
        }
        // A group with a task that has not ended has a pool, and we have claimed one.
        let take = || {
            let _guard = self.guard();
            self.take()
        };
        while let Some(node) = take() {
            let Ok(pool) = self.pool() else {
                return Ok(());
            };
            pool.count_stale(true);
            pool.enter_here(|context| {
                let drop = End::Drop(Error::Canceled.status());
                call_taken(node, context, pool, drop).ended(None, pool);
            });
            pool.ended_for_others();
        }
        Ok(())
    }
}
