//! A reduction whose result is the same bits on any number of threads.
//!
//! The range is cut into leaves, by its length, the grain and the size of a value alone. Each leaf is folded from its front
//! to its end into a value of its own; two neighbours are combined by whoever is done with the second of them, the right
//! one into the left, and so on up the tree. So what is combined with what, and in which order, depends on no thread.
#![allow(unsafe_code, reason = "calls what the user gave, on memory of its own")]

use core::ffi::c_void;
use core::ptr::NonNull;

use crate::engine::context;
use crate::engine::pool::Pool;
use crate::error::{Error, Result};
use crate::parallel::range::{Body, Loop};
use crate::sync::{AcqRel, AtomicBool};
use crate::sys::{alloc, tsan};

pub(crate) type Fold = unsafe extern "C-unwind" fn(lo: u64, hi: u64, acc: *mut c_void, ctx: *mut c_void);
pub(crate) type Combine = unsafe extern "C-unwind" fn(left: *mut c_void, right: *const c_void, ctx: *mut c_void);

/// The most leaves, and how many bytes their values may take beyond those of `FEW` leaves.
const LEAVES: u64 = 1024;
const BYTES: u64 = 1 << 20;
const FEW: u64 = 64;

/// Values start where a `malloc` might start, and no two share a line.
const ALIGN: usize = 128;

#[repr(align(128))]
struct Line(#[expect(dead_code, reason = "memory for values")] [u8; ALIGN]);

/// What a reduction is of.
pub(crate) struct Reduce {
    pub(crate) begin: u64,
    pub(crate) end: u64,
    /// The most items a call; 0: as the length of the range says.
    pub(crate) grain: u64,
    /// Of a value, in bytes.
    pub(crate) size: usize,
    pub(crate) identity: *const c_void,
    pub(crate) fold: Fold,
    pub(crate) combine: Combine,
    pub(crate) ctx: *mut c_void,
}

struct Leaves<'a> {
    of: &'a Reduce,
    count: u64,
    /// Items of a leaf but the last; and of a call.
    items: u64,
    grain: u64,
    values: NonNull<u8>,
    /// Of each value, in bytes, with what lies between two.
    stride: usize,
    /// For each pair that is combined: whether one of the two is done.
    one_is_done: NonNull<AtomicBool>,
}

impl Reduce {
    /// # Safety
    /// `identity` and `result` have room for a value; the functions may be called so, on any thread.
    pub(crate) unsafe fn run(&self, pool: &Pool, result: *mut c_void) -> Result<()> {
        // SAFETY: the caller's promise.
        pool.fork_join(|_, _| unsafe { self.run_in(pool, result) })?
    }

    unsafe fn run_in(&self, pool: &Pool, result: *mut c_void) -> Result<()> {
        let stride = self.size.checked_next_multiple_of(ALIGN).ok_or(Error::NoMemory)?;
        let length = self.end - self.begin;
        let most = LEAVES.min(FEW.max(BYTES / stride as u64));
        // Few leaves where there is little to do, if the items are small.
        let automatic = length.div_ceil((length / FEW).clamp(FEW, LEAVES)).max(1);
        let grain = if self.grain == 0 { automatic } else { self.grain };
        let grains = length.div_ceil(grain);
        // Each leaf is of as many whole grains.
        let items = grain.saturating_mul(grains.div_ceil(most).max(1));
        let count = length.div_ceil(items).max(1);
        let lines = (stride / ALIGN).checked_mul(count as usize).ok_or(Error::NoMemory)?;
        let values = alloc::make_slice(lines, |_| Line([0; ALIGN]))?;
        let flags = alloc::make_slice(count as usize, |_| AtomicBool::new(false));
        let done = flags.and_then(|one_is_done| {
            let leaves = Leaves { of: self, count, items, grain, values: values.cast(), stride, one_is_done };
            let done = leaves.run(pool);
            if done.is_ok() {
                // SAFETY: the caller's promise; the first value is the whole.
                unsafe { result.cast::<u8>().copy_from(values.as_ptr().cast(), self.size) };
            }
            // SAFETY: made above, and nobody else has it any more.
            unsafe { alloc::free_slice(one_is_done, count as usize) };
            done
        });
        // SAFETY: likewise.
        unsafe { alloc::free_slice(values, lines) };
        done
    }
}

impl Leaves<'_> {
    fn run(&self, pool: &Pool) -> Result<()> {
        unsafe extern "C-unwind" fn fold(lo: u64, hi: u64, leaves: *mut c_void) {
            // SAFETY: `run` waits for the loop.
            let leaves = unsafe { &*leaves.cast::<Leaves<'_>>() };
            (lo..hi).for_each(|leaf| leaves.fold(leaf));
        }
        let body: Body = fold;
        Loop::new(0, self.count, 1, body, core::ptr::from_ref(self).cast_mut().cast()).run(pool)
    }

    fn value(&self, leaf: u64) -> *mut c_void {
        // SAFETY: there is one for each leaf.
        unsafe { self.values.add(leaf as usize * self.stride) }.as_ptr().cast()
    }

    fn fold(&self, leaf: u64) {
        let (of, value) = (self.of, self.value(leaf));
        let length = of.end - of.begin;
        let (mut at, end) = (leaf * self.items, length.min((leaf + 1).saturating_mul(self.items)));
        // SAFETY: the caller of `Reduce::run` says so.
        unsafe { value.cast::<u8>().copy_from(of.identity.cast(), of.size) };
        while at < end && !context::is_stopped() {
            let to = end.min(at.saturating_add(self.grain));
            // SAFETY: likewise.
            unsafe { (of.fold)(of.begin + at, of.begin + to, value, of.ctx) };
            at = to;
        }
        self.combine(leaf);
    }

    /// Up the tree as long as the other half is done. At height h the left of a pair is a multiple of 2^(h+1), and the right
    /// one 2^h behind it, if there is one.
    fn combine(&self, leaf: u64) {
        let mut left = leaf;
        let mut half = 1;
        while half < self.count && !context::is_stopped() {
            left &= !(2 * half - 1);
            let right = left + half;
            if right < self.count {
                // SAFETY: one for each leaf; pairs have different right ones.
                let first = unsafe { self.one_is_done.add(right as usize).as_ref() };
                tsan::release(first);
                if !first.swap(true, AcqRel) {
                    return;
                }
                tsan::acquire(first);
                // SAFETY: the caller of `Reduce::run` says so; both values are done, and nobody else's.
                unsafe { (self.of.combine)(self.value(left), self.value(right), self.of.ctx) };
            }
            half *= 2;
        }
    }
}
