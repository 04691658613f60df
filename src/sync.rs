//! Atomics, mutexes and futex words: std's and the system's, loom's in a model, shuttle's where it decides which thread
//! goes on, or those of a machine that is simulated.
//! Nothing else in the crate decides which.
//!
//! Two things are ours. `Futex` is a 32-bit word that a thread can wait on. `fence_after_rmw` is a full fence for code
//! whose last atomic step was a read-modify-write: on x86-64 every such step is a full fence already, so that only the
//! compiler has to be told; elsewhere, and under loom, it is a fence of its own.

#[cfg(not(any(loom, shuttle, simulate)))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, fence};
#[cfg(not(any(loom, shuttle, simulate)))]
pub(crate) use std::sync::{Mutex, MutexGuard};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use {crate::sys::thread::give_way as yield_now, core::hint::spin_loop};

#[cfg(simulate)]
pub(crate) mod simulate;
#[cfg(simulate)]
pub(crate) use simulate::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Futex, Mutex, MutexGuard, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, fence};
#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(loom)]
pub(crate) use loom::{hint::spin_loop, thread::yield_now};

#[cfg(shuttle)]
pub(crate) mod scheduled;
#[cfg(shuttle)]
pub(crate) use {
    ::shuttle::hint::spin_loop,
    ::shuttle::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, fence},
    ::shuttle::sync::{Mutex, MutexGuard},
    ::shuttle::thread::yield_now,
    scheduled::Futex,
};

pub(crate) use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

#[cfg(not(any(shuttle, simulate)))]
use crate::error::Error;
#[cfg(not(any(shuttle, simulate)))]
use crate::sys::clock::Deadline;

/// Orders what came before a read-modify-write before what comes after it, for every thread.
#[inline]
pub(crate) fn fence_after_rmw() {
    #[cfg(all(not(loom), target_arch = "x86_64"))]
    core::sync::atomic::compiler_fence(SeqCst);
    #[cfg(not(all(not(loom), target_arch = "x86_64")))]
    fence(SeqCst);
}

/// Locks `mutex`. Nothing panics while it holds one, so a poisoned mutex is as good as any other.
///
/// errno stays as it was: it changes when a lock is waited for.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    #[cfg(not(any(loom, simulate)))]
    if let Ok(guard) = mutex.try_lock() {
        return guard;
    }
    match crate::sys::errno::kept(|| mutex.lock()) {
        Ok(guard) => guard,
        Err(poisoned) => poisoned.into_inner(),
    }
}

/// A cache line of its own, with the neighbour that the prefetcher brings along.
#[repr(align(128))]
#[derive(Default)]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> core::ops::Deref for Padded<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Waits for another thread's next step, which is a few instructions away unless that thread has lost its CPU: spins a
/// little, then gives the CPU away, and if that does not bring the other one back, sleeps.
#[derive(Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    const SPINS: u32 = 6;
    const YIELDS: u32 = 16;
    const SLEEP_NS: i64 = 50_000;

    #[cold]
    #[inline(never)]
    pub(crate) fn snooze(&mut self) {
        #[cfg(simulate)]
        if simulate::pause() {
            return;
        }
        #[cfg(any(loom, shuttle))]
        yield_now();
        #[cfg(not(any(loom, shuttle)))]
        if self.0 < Self::SPINS {
            (0..1 << self.0).for_each(|_| spin_loop());
        } else if self.0 < Self::SPINS + Self::YIELDS {
            yield_now();
        } else {
            crate::sys::thread::nap(Self::SLEEP_NS);
        }
        self.0 = self.0.saturating_add(1);
    }
}

/// A 32-bit word that threads wait on until it changes.
#[cfg(not(any(loom, shuttle, simulate)))]
#[derive(Default)]
#[repr(transparent)]
pub(crate) struct Futex(AtomicU32);

#[cfg(not(any(loom, shuttle, simulate)))]
impl Futex {
    /// Sleeps while the word is `seen`. Returns at a wake, a signal, or for no reason: look again.
    /// `Error::TimedOut` once the deadline has passed.
    pub(crate) fn wait(&self, seen: u32, deadline: Deadline) -> Result<(), Error> {
        crate::sys::futex::wait(&self.0, seen, deadline)
    }

    pub(crate) fn wake_one(&self) {
        crate::sys::futex::wake(&raw const self.0, 1);
    }

    pub(crate) fn wake_all(&self) {
        crate::sys::futex::wake(&raw const self.0, i32::MAX);
    }

    /// Stores `value` and wakes all who wait. From the store on the word may be gone: the wake uses its address alone.
    ///
    /// # Safety
    /// The word is there until the store.
    #[allow(unsafe_code, reason = "no reference may live on when the word is gone")]
    pub(crate) unsafe fn tell(this: *const Futex, value: u32) {
        let word = this.cast::<AtomicU32>();
        // SAFETY: the caller's promise.
        unsafe { (*word).store(value, Release) };
        crate::sys::futex::wake(word, i32::MAX);
    }
}

/// The same over loom's condition variable: the value is compared under the lock that a waker takes too.
#[cfg(loom)]
#[derive(Default)]
pub(crate) struct Futex(AtomicU32, Mutex<()>, loom::sync::Condvar);

#[cfg(loom)]
impl Futex {
    pub(crate) fn wait(&self, seen: u32, _deadline: Deadline) -> Result<(), Error> {
        let guard = lock(&self.1);
        if self.0.load(Acquire) == seen {
            drop(self.2.wait(guard));
        }
        Ok(())
    }

    pub(crate) fn wake_one(&self) {
        drop(lock(&self.1));
        self.2.notify_one();
    }

    pub(crate) fn wake_all(&self) {
        drop(lock(&self.1));
        self.2.notify_all();
    }

    #[allow(unsafe_code, reason = "as the real one")]
    pub(crate) unsafe fn tell(this: *const Futex, value: u32) {
        // SAFETY: the caller's promise. loom's condition variable must outlive the wake: models keep it.
        let this = unsafe { &*this };
        let guard = lock(&this.1);
        this.0.store(value, Release);
        this.2.notify_all();
        drop(guard);
    }
}

#[cfg(not(shuttle))]
impl core::ops::Deref for Futex {
    type Target = AtomicU32;
    fn deref(&self) -> &AtomicU32 {
        &self.0
    }
}
