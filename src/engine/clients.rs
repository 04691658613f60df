//! What speaks to a pool and may outlive it: groups, and futures that wait for another's value.
//!
//! Each pool has lists of these, and tells them before it goes. The process has a lock for each such list, the same for all
//! pools; which one a client is in follows from its address, so that threads with clients of their own rarely meet. Whoever
//! holds a client's lock and finds the client listed may use its pool. The lock is taken when a client comes and goes and
//! when a continuation starts, never for a plain task.
//!
//! The locks are ours, so that a forked child can open them: a thread that held one is not there.
#![allow(unsafe_code, reason = "links clients that others own")]

use core::cell::Cell;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicBool;

use crate::engine::fork;
use crate::engine::pool::Pool;
use crate::sync::{Acquire, Backoff, Padded, Relaxed, Release};

const SHARDS: usize = 16;

static LOCKED: [Padded<AtomicBool>; SHARDS] = [const { Padded(AtomicBool::new(false)) }; SHARDS];

/// One of the locks, held.
pub(crate) struct Held(usize);

fn hold_shard(shard: usize) -> Held {
    let mut backoff = Backoff::default();
    while LOCKED[shard].compare_exchange_weak(false, true, Acquire, Relaxed).is_err() {
        backoff.snooze();
    }
    Held(shard)
}

/// While this is held no pool goes that has not been quiet before: for whoever makes one quiet, and is not one of its own.
pub(crate) fn hold_pools() -> Held {
    hold_shard(0)
}

impl Drop for Held {
    fn drop(&mut self) {
        LOCKED[self.0].store(false, Release);
    }
}

/// In a forked child.
pub(crate) fn forget() {
    LOCKED.iter().for_each(|locked| locked.store(false, Relaxed));
}

/// A field of a group or a future.
pub(crate) struct Client {
    pool: Cell<*const Pool>,
    next: Cell<*const Client>,
    previous: Cell<*const Client>,
    /// Called when its pool has come to its end and it has been taken off the list, with the lock held. True: it stays until
    /// `afterwards` has been called.
    pool_ended: unsafe fn(NonNull<Client>) -> bool,
    afterwards: unsafe fn(NonNull<Client>),
}

impl Client {
    pub(crate) fn new(
        pool_ended: unsafe fn(NonNull<Client>) -> bool,
        afterwards: unsafe fn(NonNull<Client>),
    ) -> Client {
        let (next, previous) = (Cell::new(ptr::null()), Cell::new(ptr::null()));
        Client { pool: Cell::new(ptr::null()), next, previous, pool_ended, afterwards }
    }

    /// Its lock.
    pub(crate) fn hold(&self) -> Held {
        // The multiplier is that of Fibonacci hashing; the upper four bits are the best.
        let hash = (ptr::from_ref(self).addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hold_shard((hash >> 60) as usize)
    }

    /// The pool in whose list it is; it does not go while the lock is held.
    pub(crate) fn pool<'a>(&self, _held: &'a Held) -> Option<&'a Pool> {
        // SAFETY: a pool empties its list before it goes, under the lock.
        unsafe { self.pool.get().as_ref() }
    }

    /// # Safety
    /// It stays where it is until it is taken off.
    pub(crate) unsafe fn enlist(&self, pool: &Pool, held: &Held) {
        let list = &pool.clients.0[held.0];
        let first = list.get();
        self.pool.set(pool);
        self.next.set(first);
        self.previous.set(ptr::null());
        // SAFETY: listed clients live.
        if let Some(first) = unsafe { first.as_ref() } {
            first.previous.set(self);
        }
        list.set(self);
    }

    /// Takes it off, if it is listed.
    pub(crate) fn delist(&self, held: &Held) {
        let Some(pool) = self.pool(held) else {
            return;
        };
        // SAFETY: listed clients live.
        let (next, previous) = unsafe { (self.next.get().as_ref(), self.previous.get().as_ref()) };
        if let Some(next) = next {
            next.previous.set(self.previous.get());
        }
        match previous {
            Some(previous) => previous.next.set(self.next.get()),
            None => pool.clients.0[held.0].set(self.next.get()),
        }
        self.pool.set(ptr::null());
    }
}

/// A pool's lists, each guarded by its lock.
pub(crate) struct Clients([Padded<Cell<*const Client>>; SHARDS]);

impl Default for Clients {
    fn default() -> Clients {
        Clients([const { Padded(Cell::new(ptr::null())) }; SHARDS])
    }
}

// SAFETY: touched under the locks alone.
unsafe impl Sync for Clients {}

impl Pool {
    /// Tells all clients that the pool has come to its end.
    pub(crate) fn tell_clients(&self) {
        if self.generation() != fork::generation() {
            return;
        }
        for shard in 0..SHARDS {
            while self.tell_one(shard) {}
        }
    }

    fn tell_one(&self, shard: usize) -> bool {
        let held = hold_shard(shard);
        let Some(client) = NonNull::new(self.clients.0[shard].get().cast_mut()) else {
            return false;
        };
        // SAFETY: listed clients live, and one that says that it stays does so.
        unsafe {
            client.as_ref().delist(&held);
            let stays = (client.as_ref().pool_ended)(client);
            drop(held);
            if stays {
                (client.as_ref().afterwards)(client);
            }
        }
        true
    }
}
