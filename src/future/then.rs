//! What runs with another future's value.
//!
//! A future that waits for its input is linked with it both ways, and is a client of its pool. Whoever ends the input takes
//! those that follow it and queues each with the value, or cancels them and what follows them, chain by chain and without
//! recursion.

use super::*;
use crate::engine::pool::State;

/// One that runs on `pool` with the value of `input`, once that is done.
pub(crate) fn then(pool: &Pool, input: &Future, run: Continue, arg: *mut c_void) -> Result<NonNull<Future>> {
    pool.may_submit()?;
    input.same_process()?;
    let next = make(pool, Work::Continue(run), arg, Extras::default(), WAITING | (2 * REFERENCE))?;
    // SAFETY: just made.
    let this = unsafe { next.as_ref() };
    lock(&this.links).input = input.hold().as_ptr();
    if !enlist(this, pool) {
        // SAFETY: both references are ours.
        (0..2).for_each(|_| unsafe { give_back(next) });
        return Err(Error::ShutDown);
    }
    let mut links = lock(&input.links);
    if input.word.fetch_or(LINKED, AcqRel) & STATE >= DONE {
        drop(links);
        tsan::acquire(input);
        let alone = Followers { first: next.as_ptr(), last: next.as_ptr() };
        alone.settle(input.is_done(), input.value.load(Relaxed));
    } else {
        links.followers.append(Followers { first: next.as_ptr(), last: next.as_ptr() });
    }
    Ok(next)
}

/// False: the pool has come to its end meanwhile, and has told its clients.
fn enlist(this: &Future, pool: &Pool) -> bool {
    let held = this.client.hold();
    let in_time = pool.state() != State::Ended;
    if in_time {
        // SAFETY: it is taken off before it goes, in `settle` or `cancel` or by the pool.
        unsafe { this.client.enlist(pool, &held) };
    }
    in_time
}

/// Futures that wait for the same value, in order, with a reference to each.
pub(super) struct Followers {
    first: *mut Future,
    last: *mut Future,
}

impl Followers {
    pub(super) const NONE: Followers = Followers { first: ptr::null_mut(), last: ptr::null_mut() };

    /// Puts `other` behind.
    pub(super) fn append(&mut self, other: Followers) {
        // SAFETY: there is a reference to each.
        match unsafe { self.last.as_ref() } {
            Some(_) if other.first.is_null() => {}
            Some(last) => {
                lock(&last.links).next = other.first;
                self.last = other.last;
            }
            None => *self = other,
        }
    }

    pub(super) fn pop(&mut self) -> Option<NonNull<Future>> {
        let first = NonNull::new(self.first)?;
        // SAFETY: as above; the caller has that reference now.
        self.first = core::mem::replace(&mut lock(unsafe { &first.as_ref().links }).next, ptr::null_mut());
        if self.first.is_null() {
            self.last = ptr::null_mut();
        }
        Some(first)
    }

    /// Queues them with the value, or cancels them and what waits for these, however long the chain.
    pub(super) fn settle(mut self, done: bool, value: *mut c_void) {
        let mut canceled = Followers::NONE;
        while let Some(future) = self.pop() {
            canceled.append(settle(future, done, value));
        }
        while let Some(future) = canceled.pop() {
            canceled.append(settle(future, false, ptr::null_mut()));
        }
    }
}

/// Takes the reference that the input had, and gives those that are to be cancelled too.
fn settle(future: NonNull<Future>, done: bool, value: *mut c_void) -> Followers {
    // SAFETY: that reference keeps it.
    let this = unsafe { future.as_ref() };
    let held = this.client.hold();
    let pool = this.client.pool(&held);
    if let Some(pool) = pool.filter(|_| done && this.state() == WAITING) {
        this.value.store(value, Relaxed);
        if pool.submit_continuation(future.cast()).is_ok() {
            this.client.delist(&held);
            // The queue has the reference now.
            let _ = this.change(WAITING, PENDING);
            return Followers::NONE;
        }
    }
    let cancels = this.change(WAITING, DROPPING);
    this.client.delist(&held);
    drop(held);
    let (followers, input) = if cancels { this.close(CANCELED) } else { (Followers::NONE, ptr::null_mut()) };
    for reference in [Some(future), NonNull::new(input)].into_iter().flatten() {
        // SAFETY: these references were ours.
        unsafe { give_back(reference) };
    }
    followers
}

/// # Safety
/// `client` is a field of a listed future, whose pool has ended.
pub(super) unsafe fn is_waiting(client: NonNull<Client>) -> bool {
    // SAFETY: the caller's promise.
    let this = unsafe { of_client(client).as_ref() };
    let waits = this.change(WAITING, DROPPING);
    if waits {
        this.hold();
    }
    waits
}

/// # Safety
/// Likewise, with a reference.
pub(super) unsafe fn pool_ended(client: NonNull<Client>) {
    // SAFETY: the caller's promise.
    unsafe { of_client(client).as_ref() }.finish(CANCELED, ptr::null_mut(), true);
}

fn of_client(client: NonNull<Client>) -> NonNull<Future> {
    // SAFETY: clients of this type are that field of a future.
    unsafe { client.byte_sub(core::mem::offset_of!(Future, client)).cast() }
}
