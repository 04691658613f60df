//! Sorts: of any elements by the user's function, stable or not, and of elements with a number in them by that number.
//!
//! | | how | scratch memory |
//! | --- | --- | --- |
//! | [`unstable`] | quicksort (`quick`), merges for what is short (`leaf`) | none but the stack |
//! | [`stable`] | merge sort (`merge`, `leaf`) | n * size |
//! | [`by_key`] | radix sort (`keys`, `radix`), stable | n * size; 4 or 8 * n more above 32 bytes; 16 KiB a slot |
//!
//! All scratch memory is taken before the first element moves: `Error::NoMemory` leaves the array as it was. It is
//! aligned as the elements are, for the user's function sees elements there. What a stable sort makes of its elements
//! does not depend on the threads.
#![allow(unsafe_code, reason = "the user's memory, and the user's function")]

mod keys;
mod leaf;
mod merge;
mod order;
mod quick;
mod radix;
mod rows;
#[cfg(test)]
mod tests;

use core::ffi::c_void;

use super::{for_each, join};
use crate::engine::pool::Pool;
use crate::error::{Error, Result};
use order::Callback;
use rows::{Any, Fixed, Rows, Scratch, Small};

/// Negative, zero or positive, as `x` comes before, beside or after `y`.
pub(crate) type Compare = unsafe extern "C-unwind" fn(x: *const c_void, y: *const c_void, ctx: *mut c_void) -> i32;

/// What a key is, in the machine's byte order. Floats are in IEEE's total order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeyType {
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

/// As tp.h numbers them.
impl TryFrom<i32> for KeyType {
    type Error = Error;

    fn try_from(number: i32) -> Result<KeyType> {
        let all = [KeyType::I32, KeyType::U32, KeyType::I64, KeyType::U64, KeyType::F32, KeyType::F64];
        usize::try_from(number).ok().and_then(|number| all.get(number).copied()).ok_or(Error::Invalid)
    }
}

impl KeyType {
    fn size(self) -> usize {
        match self {
            KeyType::I32 | KeyType::U32 | KeyType::F32 => 4,
            KeyType::I64 | KeyType::U64 | KeyType::F64 => 8,
        }
    }
}

/// Sorts `n` elements of `size` bytes. Never fails once the arguments are right.
///
/// # Safety
/// `base` has `n * size` bytes, which nobody else uses meanwhile; `compare` may be called on any thread, by several at
/// once, with any two elements.
pub(crate) unsafe fn unstable(
    pool: &Pool,
    base: *mut u8,
    n: usize,
    size: usize,
    compare: Compare,
    ctx: *mut c_void,
) -> Result<()> {
    check(n, size)?;
    let order = Callback { compare, ctx };
    // SAFETY: the caller's promise.
    unsafe {
        match size {
            4 => quick::sort(pool, Rows::new(base, n, Fixed::<4>), &order),
            8 => quick::sort(pool, Rows::new(base, n, Fixed::<8>), &order),
            _ => quick::sort(pool, Rows::new(base, n, Any(size)), &order),
        }
    }
    Ok(())
}

/// Likewise; elements that are beside each other stay in their order. `Error::NoMemory` leaves the array as it was.
///
/// # Safety
/// As [`unstable`].
pub(crate) unsafe fn stable(
    pool: &Pool,
    base: *mut u8,
    n: usize,
    size: usize,
    compare: Compare,
    ctx: *mut c_void,
) -> Result<()> {
    let bytes = check(n, size)?;
    if n < 2 {
        return Ok(());
    }
    let order = Callback { compare, ctx };
    let mut scratch = Scratch::new(bytes, base, size)?;
    let scratch = &mut scratch;
    // SAFETY: the caller's promise.
    unsafe {
        match size {
            4 => merge::sort(pool, Rows::new(base, n, Fixed::<4>), scratch.rows(n, Fixed::<4>), &order),
            8 => merge::sort(pool, Rows::new(base, n, Fixed::<8>), scratch.rows(n, Fixed::<8>), &order),
            _ => merge::sort(pool, Rows::new(base, n, Any(size)), scratch.rows(n, Any(size)), &order),
        }
    }
    Ok(())
}

/// Sorts `n` elements of `size` bytes by the key at `key_offset` of each, stably. `Error::NoMemory` leaves the array as
/// it was; `Error::Invalid` if the key is not within the element.
///
/// # Safety
/// `base` has `n * size` bytes, which nobody else uses meanwhile.
pub(crate) unsafe fn by_key(
    pool: &Pool,
    base: *mut u8,
    n: usize,
    size: usize,
    key_offset: usize,
    key: KeyType,
) -> Result<()> {
    check(n, size)?;
    check_key(size, key_offset, key)?;
    if n < 2 {
        return Ok(());
    }
    // SAFETY: the caller's promise.
    unsafe {
        match size {
            4 => keys::sort_near::<_, u32>(pool, Rows::new(base, n, Fixed::<4>), key_offset, key),
            8 if key.size() == 4 => keys::sort_near::<_, u32>(pool, Rows::new(base, n, Fixed::<8>), key_offset, key),
            8 => keys::sort_near::<_, u64>(pool, Rows::new(base, n, Fixed::<8>), key_offset, key),
            16 if key.size() == 8 => keys::sort_near::<_, u64>(pool, Rows::new(base, n, Fixed::<16>), key_offset, key),
            ..=32 if key.size() == 4 => {
                keys::sort_near::<_, u32>(pool, Rows::new(base, n, Small(size)), key_offset, key)
            }
            ..=32 => keys::sort_near::<_, u64>(pool, Rows::new(base, n, Small(size)), key_offset, key),
            _ => keys::sort_far(pool, Rows::new(base, n, Any(size)), key_offset, key),
        }
    }
}

/// Calls `body` for each number from `from` to `to`, perhaps on several threads. For what calls the user's function: if
/// that stops the innermost loop, it is none of a sort's.
fn fork_each(pool: &Pool, from: usize, to: usize, body: &(impl Fn(usize) + Sync)) {
    match to - from {
        0 => {}
        1 => body(from),
        n => join(pool, || fork_each(pool, from, from + n / 2, body), || fork_each(pool, from + n / 2, to, body)),
    }
}

/// The key is within the element.
pub(crate) fn check_key(size: usize, key_offset: usize, key: KeyType) -> Result<()> {
    if key_offset.checked_add(key.size()).is_none_or(|end| end > size) { Err(Error::Invalid) } else { Ok(()) }
}

/// How many bytes that is: as many as memory can hold.
pub(crate) fn check(n: usize, size: usize) -> Result<usize> {
    let bytes = n.checked_mul(size).ok_or(Error::Invalid)?;
    if size == 0 || bytes > isize::MAX as usize { Err(Error::Invalid) } else { Ok(bytes) }
}
