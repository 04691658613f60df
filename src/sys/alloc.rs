//! Memory that may be refused.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::error::{Error, Result};
use crate::sys::errno;

/// Moves `value` to memory of its own. Give it back with [`free`].
pub(crate) fn make<T>(value: T) -> Result<NonNull<T>> {
    const { assert!(size_of::<T>() > 0) };
    let layout = Layout::new::<T>();
    // SAFETY: the layout's size is not 0.
    let memory = errno::kept(|| unsafe { std::alloc::alloc(layout) });
    let place = NonNull::new(memory.cast::<T>()).ok_or(Error::NoMemory)?;
    // SAFETY: fresh memory of T's layout.
    unsafe { place.write(value) };
    Ok(place)
}

/// Drops the value and frees its memory.
///
/// # Safety
/// `place` came from [`make`] and nobody uses it, now or later.
pub(crate) unsafe fn free<T>(place: NonNull<T>) {
    // SAFETY: the caller's promise.
    unsafe {
        place.drop_in_place();
        std::alloc::dealloc(place.as_ptr().cast(), Layout::new::<T>());
    }
}
