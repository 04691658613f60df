//! A third kind of atomics, for tests: they behave as std's, and each access costs virtual time and is counted, on a
//! simulated machine of any number of CPUs. So the engine as it is can be asked how it scales on a machine that is not
//! there. Built with `--cfg simulate`; `make scaling` runs it, docs/scaling.md tells what came out.
//!
//! Outside of [`run`] all of it passes through to std and the system. What is not an atomic (a task's data, a record's
//! list pointers) costs nothing and is not counted.
#![allow(unsafe_code, reason = "switches between contexts")]
#![allow(dead_code, reason = "a stand-in has what std's has; the rest is for tests")]

mod cache;
mod machine;
#[cfg(test)]
mod scaling;

use core::ffi::c_void;
use core::ops::{Deref, DerefMut};
use core::ptr;
use std::sync::{LockResult, PoisonError, TryLockError};

use cache::Access;
use core::sync::atomic::Ordering;
use machine::current;

use crate::error::{Error, Result};
use crate::sys::clock::Deadline;

#[inline]
fn touch<T>(place: &T, access: Access) {
    if let Some(machine) = current() {
        machine.touch(ptr::from_ref(place).addr(), access);
    }
}

macro_rules! methods {
    ($($access:ident $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(
            #[inline]
            pub(crate) fn $name(&self, $($arg: $type),*) -> $out {
                touch(self, Access::$access);
                self.0.$name($($arg),*)
            }
        )*
    };
}

macro_rules! atomic {
    ($name:ident $(<$t:ident>)?, $value:ty) => {
        #[derive(Default)]
        #[repr(transparent)]
        pub(crate) struct $name$(<$t>)?(core::sync::atomic::$name$(<$t>)?);

        impl$(<$t>)? $name$(<$t>)? {
            pub(crate) const fn new(value: $value) -> Self {
                Self(core::sync::atomic::$name::new(value))
            }

            methods! {
                Load load(order: Ordering) -> $value;
                Store store(value: $value, order: Ordering) -> ();
                Locked swap(value: $value, order: Ordering) -> $value;
                Locked compare_exchange(seen: $value, new: $value, done: Ordering, failed: Ordering)
                    -> core::result::Result<$value, $value>;
                Locked compare_exchange_weak(seen: $value, new: $value, done: Ordering, failed: Ordering)
                    -> core::result::Result<$value, $value>;
            }
        }
    };
}

macro_rules! atomic_number {
    ($name:ident, $value:ty) => {
        atomic! { $name, $value }

        impl $name {
            methods! {
                Locked fetch_add(value: $value, order: Ordering) -> $value;
                Locked fetch_sub(value: $value, order: Ordering) -> $value;
                Locked fetch_and(value: $value, order: Ordering) -> $value;
                Locked fetch_or(value: $value, order: Ordering) -> $value;
                Locked fetch_max(value: $value, order: Ordering) -> $value;
            }

            pub(crate) fn fetch_update(
                &self,
                done: Ordering,
                failed: Ordering,
                change: impl Fn($value) -> Option<$value>,
            ) -> core::result::Result<$value, $value> {
                let mut seen = self.load(failed);
                while let Some(new) = change(seen) {
                    match self.compare_exchange_weak(seen, new, done, failed) {
                        Ok(value) => return Ok(value),
                        Err(now) => seen = now,
                    }
                }
                Err(seen)
            }
        }
    };
}

atomic! { AtomicBool, bool }
atomic! { AtomicPtr<T>, *mut T }
atomic_number! { AtomicU32, u32 }
atomic_number! { AtomicU64, u64 }

pub(crate) fn fence(order: Ordering) {
    core::sync::atomic::fence(order);
    if let Some(machine) = current() {
        machine.fence();
    }
}

/// For `Backoff`: a simulated thread pauses, if this is one.
pub(crate) fn pause() -> bool {
    current().map(|machine| machine.pay(machine.costs().pause)).is_some()
}

/// In place of libc's, which `std::thread::yield_now` calls: nobody else wants a simulated thread's CPU.
#[unsafe(no_mangle)]
extern "C" fn sched_yield() -> libc::c_int {
    if let Some(machine) = current() {
        machine.pay(machine.costs().call);
        return 0;
    }
    // SAFETY: takes nothing.
    let result = unsafe { libc::syscall(libc::SYS_sched_yield) };
    result as libc::c_int
}

pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    guard: std::sync::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Mutex<T> {
        Mutex(std::sync::Mutex::new(value))
    }

    pub(crate) fn get_mut(&mut self) -> std::sync::LockResult<&mut T> {
        self.0.get_mut()
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        if current().is_none() {
            let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(MutexGuard { mutex: self, guard });
        }
        loop {
            touch(self, Access::Locked);
            match self.0.try_lock() {
                Ok(guard) => return Ok(MutexGuard { mutex: self, guard }),
                Err(TryLockError::Poisoned(poisoned)) => {
                    return Ok(MutexGuard { mutex: self, guard: poisoned.into_inner() });
                }
                Err(TryLockError::WouldBlock) => _ = pause(),
            }
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        touch(self.mutex, Access::Locked);
    }
}

#[derive(Default)]
pub(crate) struct Futex(pub(super) AtomicU32);

impl Futex {
    /// As on a system: but a wait with a time limit takes all of it.
    pub(crate) fn wait(&self, seen: u32, deadline: Deadline) -> Result<()> {
        let Some(machine) = current() else {
            return crate::sys::futex::wait(&self.0.0, seen, deadline);
        };
        machine.pay(machine.costs().call);
        match deadline {
            Deadline::Passed => return Err(Error::TimedOut),
            Deadline::At(ns) => {
                machine.spend(ns.saturating_sub(machine.now()));
                return Err(Error::TimedOut);
            }
            Deadline::Never => {}
        }
        if self.load(Ordering::Acquire) == seen {
            machine.wait(ptr::from_ref(self).addr());
        }
        Ok(())
    }

    pub(crate) unsafe fn tell(this: *const Futex, value: u32) {
        // SAFETY: the caller's promise; one thread runs at a time.
        let this = unsafe { &*this };
        this.store(value, Ordering::Release);
        this.wake_all();
    }

    pub(crate) fn wake_one(&self) {
        self.wake(1);
    }

    pub(crate) fn wake_all(&self) {
        self.wake(i32::MAX);
    }

    fn wake(&self, most: i32) {
        match current() {
            Some(machine) => machine.wake(ptr::from_ref(self).addr(), most as usize),
            None => crate::sys::futex::wake(&self.0.0, most),
        }
    }
}

/// For `sys::clock`: the time of the simulated thread, if this is one.
pub(crate) fn read_clock() -> Option<u64> {
    let machine = current()?;
    machine.pay(machine.costs().read_clock);
    Some(machine.now())
}

/// For `sys::thread`: starts a simulated thread, if this is one.
pub(crate) fn spawn(main: extern "C" fn(*mut c_void) -> *mut c_void, arg: *mut c_void) -> Option<libc::pthread_t> {
    current().map(|machine| machine.spawn(main, arg) as libc::pthread_t)
}

/// Waits for a simulated thread, if this is one.
pub(crate) fn join(thread: libc::pthread_t) -> bool {
    current().map(|machine| machine.join(thread as usize)).is_some()
}
