//! The pool of the whole process.
#![allow(unsafe_code, reason = "hands out a pool that lives as long as the process")]

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::engine::fork;
use crate::engine::options::Options;
use crate::engine::pool::Pool;
use crate::sync::{AcqRel, Acquire, Backoff, Relaxed, Release};
use crate::sys::alloc;
use core::sync::atomic::{AtomicBool, AtomicPtr};

static DEFAULT: AtomicPtr<Pool> = AtomicPtr::new(core::ptr::null_mut());

/// For when there is no memory for the pool itself.
static LAST_RESORT: Place = Place { taken: AtomicBool::new(false), pool: UnsafeCell::new(MaybeUninit::uninit()) };

struct Place {
    taken: AtomicBool,
    pool: UnsafeCell<MaybeUninit<Pool>>,
}

// SAFETY: whoever sets `taken` writes the pool, once, before it is published in DEFAULT.
unsafe impl Sync for Place {}

/// Makes it at the first call; it starts its threads when it is first given work.
pub(crate) fn get() -> &'static Pool {
    let mut backoff = Backoff::default();
    loop {
        // SAFETY: what was published lives as long as the process.
        if let Some(pool) = unsafe { DEFAULT.load(Acquire).as_ref() } {
            return pool;
        }
        // Where it fails, the start tries again.
        let _ = fork::watch();
        let made = Pool::new(Options::default(), true);
        match alloc::make(made) {
            Ok(pool) => publish(pool),
            Err(_) if !LAST_RESORT.taken.swap(true, AcqRel) => {
                // SAFETY: we alone have taken the place.
                let place = unsafe { &mut *LAST_RESORT.pool.get() };
                publish(NonNull::from(place.write(Pool::new(Options::default(), true))));
            }
            Err(_) => backoff.snooze(),
        }
    }
}

fn publish(pool: NonNull<Pool>) {
    if DEFAULT.compare_exchange(core::ptr::null_mut(), pool.as_ptr(), Release, Relaxed).is_err()
        && pool.as_ptr() != LAST_RESORT.pool.get().cast()
    {
        // SAFETY: another thread was first, and nobody has seen ours.
        unsafe { alloc::free(pool) };
    }
}

/// In a forked child: the parent's pool is not this process's.
pub(crate) fn forget() {
    DEFAULT.store(core::ptr::null_mut(), Relaxed);
    LAST_RESORT.taken.store(false, Relaxed);
}
