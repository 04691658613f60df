//! Memory that may be refused.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::error::{Error, Result};
use crate::sys::errno;

/// Moves `value` to memory of its own. Give it back with [`free`].
pub(crate) fn make<T>(value: T) -> Result<NonNull<T>> {
    const { assert!(size_of::<T>() > 0) };
    let place = take(Layout::new::<T>())?.cast::<T>();
    // SAFETY: fresh memory of T's layout.
    unsafe { place.write(value) };
    Ok(place)
}

fn take(layout: Layout) -> Result<NonNull<u8>> {
    // SAFETY: no caller asks for 0 bytes.
    NonNull::new(errno::kept(|| unsafe { std::alloc::alloc(layout) })).ok_or(Error::NoMemory)
}

/// Memory for `count` values, at least one, made by `value`. Give it back with [`free_slice`].
pub(crate) fn make_slice<T>(count: usize, value: impl Fn(usize) -> T) -> Result<NonNull<T>> {
    const { assert!(size_of::<T>() > 0) };
    let layout = Layout::array::<T>(count.max(1)).map_err(|_| Error::NoMemory)?;
    let place = take(layout)?.cast::<T>();
    // SAFETY: fresh memory for that many.
    (0..count).for_each(|nth| unsafe { place.add(nth).write(value(nth)) });
    Ok(place)
}

/// Drops the values and frees their memory.
///
/// # Safety
/// `place` came from [`make_slice`] for as many, and nobody uses it, now or later.
pub(crate) unsafe fn free_slice<T>(place: NonNull<T>, count: usize) {
    // SAFETY: the caller's promise; the layout could be had when it was made.
    unsafe {
        NonNull::slice_from_raw_parts(place, count).drop_in_place();
        if let Ok(layout) = Layout::array::<T>(count.max(1)) {
            std::alloc::dealloc(place.as_ptr().cast(), layout);
        }
    }
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

/// Asks for huge pages under `memory`, which is large and about to be written from end to end: a fault for each small
/// page costs more than a sort's pass over it.
pub(crate) fn prefer_huge_pages(memory: &mut [MaybeUninit<u8>]) {
    const HUGE: usize = 2 << 20;
    let skip = memory.as_ptr().align_offset(HUGE);
    let bytes = memory.len().saturating_sub(skip) / HUGE * HUGE;
    if bytes > 0 {
        // SAFETY: whole pages of ours, and what they hold stays.
        errno::kept(|| unsafe { libc::madvise(memory.as_mut_ptr().add(skip).cast(), bytes, libc::MADV_HUGEPAGE) });
    }
}
