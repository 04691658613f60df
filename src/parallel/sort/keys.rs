//! Keys: the numbers within elements by which they are sorted, and how those are.
//!
//! A key is read as a word whose unsigned order is the key's: the sign bit is turned for signed ones, and of a float
//! below zero all the other bits too. One look at all keys tells which bits differ at all, and whether they rise or fall
//! already. Then `radix` moves the elements; where those are large, it moves pairs of a key and a place, and each
//! element moves once (and back from the scratch memory).
#![allow(unsafe_code, reason = "reads words within elements")]

use super::order::Order;
use super::rows::{Any, Fixed, Rows, Scratch, Shape};
use super::{KeyType, for_each, merge, radix};
use crate::engine::pool::Pool;
use crate::error::{Error, Result};
use crate::sync::{AtomicBool, AtomicU64, Relaxed};

/// So many are looked at, or moved, at a time.
const PIECE: usize = 1 << 14;

/// An unsigned number of a key's size.
pub(super) trait Word: Copy + Ord + Send + Sync + 'static {
    const BITS: u32;

    /// # Safety
    /// There are that many bytes.
    unsafe fn read(from: *const u8) -> Self;
    fn from_u64(value: u64) -> Self;
    fn to_u64(self) -> u64;
    /// All bits of `mask`, if the top bit is 1; then those of `flip` in any case.
    fn turn(self, mask: Self, flip: Self) -> Self;
    /// The lowest bits from `shift` on.
    fn digit(self, shift: u32) -> usize;
}

macro_rules! word {
    ($word:ty, $signed:ty) => {
        impl Word for $word {
            const BITS: u32 = <$word>::BITS;

            #[inline(always)]
            unsafe fn read(from: *const u8) -> Self {
                // SAFETY: the caller's promise.
                unsafe { from.cast::<$word>().read_unaligned() }
            }

            #[inline(always)]
            fn from_u64(value: u64) -> Self {
                value as $word
            }

            #[inline(always)]
            fn to_u64(self) -> u64 {
                u64::from(self)
            }

            #[inline(always)]
            fn turn(self, mask: Self, flip: Self) -> Self {
                self ^ ((self as $signed >> (Self::BITS - 1)) as $word & mask) ^ flip
            }

            #[inline(always)]
            fn digit(self, shift: u32) -> usize {
                usize::from((self >> shift) as u8)
            }
        }
    };
}

word!(u32, i32);
word!(u64, i64);

/// Where a key is, and what turns it into a word of the same order.
#[derive(Clone, Copy)]
pub(super) struct Key<W> {
    offset: usize,
    mask: W,
    flip: W,
}

impl<W: Word> Key<W> {
    fn new(offset: usize, key_type: KeyType) -> Key<W> {
        let sign = 1 << (W::BITS - 1);
        let (mask, flip) = match key_type {
            KeyType::U32 | KeyType::U64 => (0, 0),
            KeyType::I32 | KeyType::I64 => (0, sign),
            KeyType::F32 | KeyType::F64 => (sign - 1, sign),
        };
        Key { offset, mask: W::from_u64(mask), flip: W::from_u64(flip) }
    }

    /// # Safety
    /// `element` is one.
    #[inline(always)]
    pub(super) unsafe fn of(&self, element: *const u8) -> W {
        // SAFETY: the key is within the element.
        unsafe { W::read(element.add(self.offset)) }.turn(self.mask, self.flip)
    }
}

impl<W: Word> Order for Key<W> {
    #[inline(always)]
    unsafe fn less(&self, x: *const u8, y: *const u8) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.of(x) < self.of(y) }
    }
}

/// What all keys have in common.
pub(super) struct Survey {
    /// The bits that differ.
    pub(super) differ: u64,
    rises: bool,
    falls: bool,
}

pub(super) fn survey<S: Shape, W: Word>(pool: &Pool, rows: &Rows<'_, S>, key: &Key<W>) -> Survey {
    let n = rows.len();
    let (differ, rises, falls) = (AtomicU64::new(0), AtomicBool::new(true), AtomicBool::new(true));
    // SAFETY: all rows are elements.
    let key_at = |i: usize| unsafe { key.of(rows.at(i)) };
    let first = key_at(0).to_u64();
    for_each(pool, n.div_ceil(PIECE) as u64, |piece| {
        let from = piece as usize * PIECE;
        let to = n.min(from + PIECE);
        let mut last = key_at(from.saturating_sub(1));
        let (mut bits, mut falls_here) = (0, 0);
        for i in from..to {
            let key = key_at(i);
            bits |= key.to_u64() ^ first;
            falls_here += usize::from(key < last);
            last = key;
        }
        differ.fetch_or(bits, Relaxed);
        if falls_here > 0 {
            rises.store(false, Relaxed);
        }
        if falls_here < to - from.max(1) {
            falls.store(false, Relaxed);
        }
    });
    Survey { differ: differ.load(Relaxed), rises: rises.load(Relaxed), falls: falls.load(Relaxed) }
}

impl Survey {
    /// Whether nothing is left to do. What falls is turned round.
    fn settles<S: Shape>(&self, pool: &Pool, rows: &mut Rows<'_, S>) -> bool {
        if self.falls {
            merge::reverse(pool, rows);
        }
        self.rises || self.falls
    }
}

/// Sorts small elements. W is of the key's size.
pub(super) fn sort_near<S: Shape, W: Word>(
    pool: &Pool,
    mut rows: Rows<'_, S>,
    offset: usize,
    key_type: KeyType,
) -> Result<()> {
    let key = Key::<W>::new(offset, key_type);
    let survey = survey(pool, &rows, &key);
    if survey.settles(pool, &mut rows) {
        return Ok(());
    }
    let (n, shape) = (rows.len(), rows.shape());
    let mut scratch = Scratch::new(n * shape.size(), rows.at(0), shape.size())?;
    radix::sort(pool, rows, scratch.rows(n, shape), key, survey.differ)
}

/// Sorts elements that are larger than two pairs of a key and a place.
pub(super) fn sort_far(pool: &Pool, rows: Rows<'_, Any>, offset: usize, key_type: KeyType) -> Result<()> {
    let few = u32::try_from(rows.len()).is_ok();
    match (key_type.size(), few) {
        (4, true) => sort_places::<u32, u32, _>(pool, rows, Key::new(offset, key_type), Fixed::<8>),
        (4, false) => sort_places::<u32, u64, _>(pool, rows, Key::new(offset, key_type), Fixed::<16>),
        (_, true) => sort_places::<u64, u32, _>(pool, rows, Key::new(offset, key_type), Fixed::<16>),
        (_, false) => sort_places::<u64, u64, _>(pool, rows, Key::new(offset, key_type), Fixed::<16>),
    }
}

/// A pair has a word W in front, and a place I at its end.
fn sort_places<W: Word, I: Word, P: Shape>(pool: &Pool, mut rows: Rows<'_, Any>, key: Key<W>, pair: P) -> Result<()> {
    let survey = survey(pool, &rows, &key);
    if survey.settles(pool, &mut rows) {
        return Ok(());
    }
    let (n, shape) = (rows.len(), rows.shape());
    let end = pair.size() - size_of::<I>();
    let bytes = n.checked_mul(shape.size().max(2 * pair.size())).ok_or(Error::NoMemory)?;
    let mut scratch = Scratch::new(bytes, rows.at(0), shape.size())?;
    let mut places = Scratch::new(n * size_of::<I>(), core::ptr::null(), size_of::<I>())?;
    let places = match size_of::<I>() {
        4 => places.rows(n, Any(4)),
        _ => places.rows(n, Any(8)),
    };
    {
        let (pairs, other) = scratch.rows(2 * n, pair).split_at(n);
        in_pieces(pool, n, |i| {
            // SAFETY: a pair of which nobody else writes, and an element.
            unsafe {
                pairs.at(i).cast::<W>().write_unaligned(key.of(rows.at(i)));
                pairs.at(i).add(end).cast::<I>().write_unaligned(I::from_u64(i as u64));
            }
        });
        let plain = Key { offset: 0, mask: W::from_u64(0), flip: W::from_u64(0) };
        let mut pairs = pairs;
        radix::sort(pool, pairs.borrow(), other, plain, survey.differ)?;
        in_pieces(pool, n, |i| {
            // SAFETY: likewise.
            unsafe { places.at(i).cast::<I>().write_unaligned(I::read(pairs.at(i).add(end))) };
        });
    }
    let moved = scratch.rows(n, shape);
    in_pieces(pool, n, |i| {
        // SAFETY: places are below `n`, and nobody else writes this element.
        unsafe { shape.copy(rows.at(I::read(places.at(i)).to_u64() as usize), moved.at(i)) };
    });
    merge::copy(pool, &moved, &mut rows);
    Ok(())
}

/// Calls `body` with each number below `n` once.
fn in_pieces(pool: &Pool, n: usize, body: impl Fn(usize) + Sync) {
    for_each(pool, n.div_ceil(PIECE) as u64, |piece| {
        let from = piece as usize * PIECE;
        (from..n.min(from + PIECE)).for_each(&body);
    });
}
