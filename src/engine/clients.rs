//! What speaks to a pool and may outlive it: groups, and futures that wait for another's value.
//!
//! Each pool has a list of these, and tells them before it goes. One lock of the process guards all lists; whoever holds it
//! and finds a client listed may use its pool. It is taken when a client comes and goes and when a continuation starts,
//! never for a plain task.
//!
//! It is a lock of ours, so that a forked child can open it: a thread that held it is not there.
#![allow(unsafe_code, reason = "links clients that others own")]

use core::cell::Cell;
use core::ptr::{self, NonNull};

use crate::engine::fork;
use crate::engine::pool::Pool;
use crate::sync::{Acquire, Backoff, Relaxed, Release};
use core::sync::atomic::AtomicBool;

static LOCKED: AtomicBool = AtomicBool::new(false);

/// The process's lock, held.
pub(crate) struct Held(());

pub(crate) fn hold() -> Held {
    let mut backoff = Backoff::default();
    while LOCKED.compare_exchange_weak(false, true, Acquire, Relaxed).is_err() {
        backoff.snooze();
    }
    Held(())
}

impl Drop for Held {
    fn drop(&mut self) {
        LOCKED.store(false, Release);
    }
}

/// In a forked child.
pub(crate) fn forget() {
    LOCKED.store(false, Relaxed);
}

/// A field of a group or a future.
pub(crate) struct Client {
    pool: Cell<*const Pool>,
    next: Cell<*const Client>,
    previous: Cell<*const Client>,
    /// Called once its pool has come to its end and it has been taken off the list, with the lock not held.
    pool_ended: unsafe fn(NonNull<Client>),
    /// Called with the lock held when it is taken off for that reason: false if it is about to go anyway.
    keep: unsafe fn(NonNull<Client>) -> bool,
}

impl Client {
    pub(crate) fn new(keep: unsafe fn(NonNull<Client>) -> bool, pool_ended: unsafe fn(NonNull<Client>)) -> Client {
        let (next, previous) = (Cell::new(ptr::null()), Cell::new(ptr::null()));
        Client { pool: Cell::new(ptr::null()), next, previous, pool_ended, keep }
    }

    /// The pool in whose list it is; it does not go while the lock is held.
    pub(crate) fn pool<'a>(&self, _held: &'a Held) -> Option<&'a Pool> {
        // SAFETY: a pool empties its list before it goes, under the lock.
        unsafe { self.pool.get().as_ref() }
    }

    /// # Safety
    /// It stays where it is until it is taken off.
    pub(crate) unsafe fn enlist(&self, pool: &Pool, _held: &Held) {
        let first = pool.clients.0.get();
        self.pool.set(pool);
        self.next.set(first);
        self.previous.set(ptr::null());
        // SAFETY: listed clients live.
        if let Some(first) = unsafe { first.as_ref() } {
            first.previous.set(self);
        }
        pool.clients.0.set(self);
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
            None => pool.clients.0.set(self.next.get()),
        }
        self.pool.set(ptr::null());
    }
}

/// A pool's list, guarded by the process's lock.
pub(crate) struct Clients(Cell<*const Client>);

impl Default for Clients {
    fn default() -> Clients {
        Clients(Cell::new(ptr::null()))
    }
}

// SAFETY: touched under the lock alone.
unsafe impl Sync for Clients {}

impl Pool {
    /// Tells all clients that the pool has come to its end.
    pub(crate) fn tell_clients(&self) {
        if self.generation() != fork::generation() {
            return;
        }
        loop {
            let held = hold();
            let Some(client) = NonNull::new(self.clients.0.get().cast_mut()) else {
                return;
            };
            // SAFETY: listed clients live, and one that says that it is kept does until it has been told.
            unsafe {
                client.as_ref().delist(&held);
                let kept = (client.as_ref().keep)(client);
                drop(held);
                if kept {
                    (client.as_ref().pool_ended)(client);
                }
            }
        }
    }
}
