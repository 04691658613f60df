//! Structs that callers fill in: they start with their own size, as the caller's header had it.

use core::ffi::CStr;
use core::mem::{MaybeUninit, offset_of};
use core::ptr;

use super::pool::{self, TP_NO_RESERVE, tp_options};
use super::slice;
use super::submit::{TP_PRIORITY_HIGH, TP_PRIORITY_LOW, tp_drop_fn, tp_task_options};
use crate::engine::capacity::WhenFull;
use crate::engine::job::Extras;
use crate::engine::options::{self, MAX_THREADS, Options};
use crate::error::{Error, Result};
use crate::sys::cpu::CpuSet;

/// No struct is larger; a size beyond it is garbage.
const SIZE_MAX: usize = 4096;

/// A struct whose bytes may all be 0, which starts with `size_t struct_size`.
///
/// # Safety
/// Both are so.
pub(super) unsafe trait Sized0 {
    /// The size in the first version that had the struct.
    const SIZE_FIRST: usize;
}

// SAFETY: numbers, pointers and optional functions, the size first.
unsafe impl Sized0 for tp_options {
    const SIZE_FIRST: usize = offset_of!(tp_options, reserved) + size_of::<u32>();
}

// SAFETY: likewise.
unsafe impl Sized0 for tp_task_options {
    const SIZE_FIRST: usize = offset_of!(tp_task_options, drop) + size_of::<tp_drop_fn>();
}

fn check<T: Sized0>(size: usize) -> Result<()> {
    if (T::SIZE_FIRST..=SIZE_MAX).contains(&size) { Ok(()) } else { Err(Error::Invalid) }
}

/// Fills in the defaults.
pub(super) fn init<T: Sized0>(place: *mut T, size: usize) -> Result<()> {
    if place.is_null() {
        return Err(Error::Invalid);
    }
    check::<T>(size)?;
    // SAFETY: the caller has a struct of `size` bytes there, which are more than a size_t.
    unsafe {
        place.cast::<u8>().write_bytes(0, size);
        place.cast::<usize>().write(size);
    }
    Ok(())
}

/// A copy of the caller's struct, the default if there is none. What an older caller doesn't have is 0; what a newer one
/// has must be 0.
pub(super) fn read<T: Sized0>(place: *const T) -> Result<T> {
    let mut copy = MaybeUninit::<T>::zeroed();
    if !place.is_null() {
        // SAFETY: the caller's struct starts with its size.
        let size = unsafe { place.cast::<usize>().read_unaligned() };
        check::<T>(size)?;
        // SAFETY: and has so many bytes.
        let bytes = unsafe { core::slice::from_raw_parts(place.cast::<u8>(), size) };
        let (known, unknown) = bytes.split_at(size.min(size_of::<T>()));
        if unknown.iter().any(|&byte| byte != 0) {
            return Err(Error::Invalid);
        }
        // SAFETY: no longer than the copy.
        unsafe { ptr::copy_nonoverlapping(known.as_ptr(), copy.as_mut_ptr().cast(), known.len()) };
    }
    // SAFETY: 0 is a value of every field, and so is what the caller wrote.
    Ok(unsafe { copy.assume_init() })
}

impl TryFrom<&tp_options> for Options {
    type Error = Error;

    fn try_from(given: &tp_options) -> Result<Options> {
        let max_reserve = match given.max_reserve {
            0 => options::DEFAULT_RESERVE,
            TP_NO_RESERVE => 0,
            some => some,
        };
        if given.threads > MAX_THREADS || max_reserve > MAX_THREADS || given.reserved != 0 {
            return Err(Error::Invalid);
        }
        let when_full = match given.when_full {
            pool::TP_FULL_BLOCK => WhenFull::Block,
            pool::TP_FULL_FAIL => WhenFull::Fail,
            pool::TP_FULL_RUN_IN_CALLER => WhenFull::RunInCaller,
            pool::TP_FULL_DROP_OLDEST => WhenFull::DropOldest,
            _ => return Err(Error::Invalid),
        };
        let cpus = match slice(given.cpus, given.cpus_len)? {
            [] => None,
            cpus => Some(options::cpu_set(cpus)?),
        };
        Ok(Options {
            threads: if given.threads == 0 { options::automatic_threads(cpus.as_ref()) } else { given.threads },
            name: options::name(text(given.name).unwrap_or(c"tp")),
            max_reserve,
            stack_size: given.stack_size,
            cpus,
            home: CpuSet::of_this_thread(),
            on_start: given.on_start,
            on_stop: given.on_stop,
            hook_ctx: given.hook_ctx,
            capacity: (given.capacity > 0).then_some((given.capacity, when_full)),
        })
    }
}

impl TryFrom<&tp_task_options> for Extras {
    type Error = Error;

    fn try_from(given: &tp_task_options) -> Result<Extras> {
        if given.reserved != 0 || !(TP_PRIORITY_LOW..=TP_PRIORITY_HIGH).contains(&given.priority) {
            return Err(Error::Invalid);
        }
        let name = options::name(text(given.name).unwrap_or(c""));
        Ok(Extras { name, drop: given.drop, priority: given.priority })
    }
}

fn text<'a>(string: *const core::ffi::c_char) -> Option<&'a CStr> {
    // SAFETY: tp.h asks for NULL or a string.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) })
}
