//! Sort
//!
//! Sorts on as many workers as are free, the caller among them, of elements of any size and alignment. What sorts
//! by a function calls it on several threads at once; the calls count as in a task of the pool.
//!
//!     int by_age(const void *x, const void *y, void *ctx) { return *(const int *)x - *(const int *)y; }
//!     status = tp_parallel_sort(pool, ages, n, sizeof *ages, by_age, NULL);
//!
//! A function that is no order (random answers, say) leaves the same elements in some order. Errors are those of
//! the other parallel calls; TP_EINVAL also if `size` is 0, or `base` is NULL and `n` is not 0, or the array is
//! larger than memory.

use core::ffi::{c_int, c_void};

use super::pool::tp_pool;
use super::status::*;
use super::{borrow, finish};
use crate::error::{Error, Result};
use crate::parallel::sort::{self, Compare, KeyType};

/// Returns below, at or above 0 if `x` goes before `y`, may go on either side of it, or goes behind it.
pub type tp_compare_fn =
    Option<unsafe extern "C-unwind" fn(x: *const c_void, y: *const c_void, ctx: *mut c_void) -> c_int>;

/// Keys are numbers in the machine's byte order: a signed one of 4 bytes.
pub const TP_KEY_I32: i32 = 0;
/// An unsigned one of 4 bytes.
pub const TP_KEY_U32: i32 = 1;
/// A signed one of 8 bytes.
pub const TP_KEY_I64: i32 = 2;
/// An unsigned one of 8 bytes.
pub const TP_KEY_U64: i32 = 3;
/// A float in IEEE 754's total order: NaN with the sign set, -infinity, ..., -0.0, 0.0, ..., infinity, NaN.
pub const TP_KEY_F32: i32 = 4;
/// A double, likewise.
pub const TP_KEY_F64: i32 = 5;

/// The array, as far as it can be checked.
fn array(base: *mut c_void, n: usize, size: usize) -> Result<*mut u8> {
    sort::check(n, size)?;
    if base.is_null() && n > 0 { Err(Error::Invalid) } else { Ok(base.cast()) }
}

/// Sorts `n` elements of `size` bytes in place, where equal ones may change places. Takes no memory.
#[unsafe(no_mangle)]
pub extern "C" fn tp_parallel_sort(
    pool: *mut tp_pool,
    base: *mut c_void,
    n: usize,
    size: usize,
    compare: tp_compare_fn,
    ctx: *mut c_void,
) -> tp_status {
    let run = || {
        let (pool, base, compare) = (borrow(pool)?, array(base, n, size)?, compare.ok_or(Error::Invalid)? as Compare);
        // SAFETY: tp.h asks for that array, and says on which threads the function is called.
        pool.fork_join(|_, _| unsafe { sort::unstable(pool, base, n, size, compare, ctx) })?
    };
    finish(run())
}

/// Sorts `n` elements of `size` bytes, where equal ones stay in order. Takes memory for as many elements as long as
/// it lasts.
///
/// Returns TP_ENOMEM if that cannot be had: then the array is as it was.
#[unsafe(no_mangle)]
pub extern "C" fn tp_parallel_stable_sort(
    pool: *mut tp_pool,
    base: *mut c_void,
    n: usize,
    size: usize,
    compare: tp_compare_fn,
    ctx: *mut c_void,
) -> tp_status {
    let run = || {
        let (pool, base, compare) = (borrow(pool)?, array(base, n, size)?, compare.ok_or(Error::Invalid)? as Compare);
        // SAFETY: as above.
        pool.fork_join(|_, _| unsafe { sort::stable(pool, base, n, size, compare, ctx) })?
    };
    finish(run())
}

/// Sorts `n` elements of `size` bytes by a number in each, `key_offset` bytes from its start; equal ones stay in
/// order. Many times faster than with a function. Takes memory for as many elements as long as it lasts (above 32
/// bytes for 4 or 8 bytes an element more) and 16 KiB for each that takes part.
///
/// `key_type` is TP_KEY_I32 or one of the others. Returns TP_EINVAL also if that is unknown or the key is not
/// within the element, TP_ENOMEM if the memory cannot be had: then the array is as it was.
#[unsafe(no_mangle)]
pub extern "C" fn tp_parallel_sort_keys(
    pool: *mut tp_pool,
    base: *mut c_void,
    n: usize,
    size: usize,
    key_offset: usize,
    key_type: i32,
) -> tp_status {
    let run = || {
        let (pool, base, key) = (borrow(pool)?, array(base, n, size)?, KeyType::try_from(key_type)?);
        sort::check_key(size, key_offset, key)?;
        // SAFETY: tp.h asks for that array.
        pool.fork_join(|_, _| unsafe { sort::by_key(pool, base, n, size, key_offset, key) })?
    };
    finish(run())
}
