//! Which process a pool belongs to.
//!
//! A child of `fork` has one thread: the pools of its parent have no workers there, and their queues may be half way
//! through a step. So each pool remembers the generation it was made in, the child counts one up, and whatever is asked
//! of an older pool is refused before anything of it is touched.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::error::Result;
use crate::sys::{process, tls};

static GENERATION: AtomicU32 = AtomicU32::new(0);
static WATCHED: AtomicBool = AtomicBool::new(false);

/// How many forks lie between this process and the one that first loaded tp.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Sees to it that forks are counted. Two threads that come here at once may both do so, which does no harm.
pub(crate) fn watch() -> Result<()> {
    if !WATCHED.load(Ordering::Acquire) {
        process::after_fork(in_child)?;
        WATCHED.store(true, Ordering::Release);
    }
    Ok(())
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    crate::engine::default::forget();
    crate::engine::clients::forget();
    // The thread that forked may have been in a task, which ended with the parent's pool.
    tls::set(core::ptr::null());
}
