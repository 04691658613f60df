//! Whether a handle is still good: a word in what it stands for, broken when that is destroyed. In debug builds; in a
//! release a seal is nothing, and costs nothing.
//!
//! What was freed may have been given out again, so a seal finds most misuse and no proper use.

#[cfg(debug_assertions)]
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

#[cfg(debug_assertions)]
const WHOLE: u32 = 0x7470_5ea1;

pub(crate) struct Seal(#[cfg(debug_assertions)] AtomicU32);

impl Seal {
    pub(crate) fn new() -> Seal {
        Seal(
            #[cfg(debug_assertions)]
            AtomicU32::new(WHOLE),
        )
    }

    /// Ends the process if it is broken.
    pub(crate) fn check(&self) {
        #[cfg(debug_assertions)]
        if self.0.load(Relaxed) != WHOLE {
            crate::sys::process::abort(b"tp: a handle was used after its destroy or release\n");
        }
    }
}

#[cfg(debug_assertions)]
impl Drop for Seal {
    fn drop(&mut self) {
        // A swap, for a store to what is about to be freed may be left out.
        self.0.swap(!WHOLE, Relaxed);
    }
}

/// What has a handle.
pub(crate) trait Sealed {
    fn seal(&self) -> &Seal;
}
