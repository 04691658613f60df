//! The radix sort: by the digits of keys, from the top while there are many elements, from the bottom once they fit into
//! a core's cache. It is stable.
//!
//! From the top: chunks of the elements are counted by digit, in parallel; that gives each chunk a place in each
//! digit's bucket, and the chunks are dealt out, in parallel again. Then the buckets are sorted, each by itself, by the
//! bits below. From the bottom: one look counts all digits, and each digit that is not the same in all of them is a pass
//! over the elements; of long keys that is done with the top digits, and with what those leave alike once more. Few
//! elements are sorted by merges.
//!
//! Elements go from one side to the other at each pass; a caller says on which side they shall end.
#![allow(unsafe_code, reason = "deals elements out by pointer")]

use super::for_each;
use super::keys::{Key, Word, survey};
use super::leaf::{self, Side};
use super::merge::copy;
use super::rows::{LINE, Rows, Shape, prefetch};
use crate::engine::pool::Pool;
use crate::error::{Error, Result};
use crate::sync::{AtomicU64, Relaxed};

const DIGIT: u32 = 8;
const DIGITS: usize = 1 << DIGIT;
/// Fewer are sorted by merges.
const FEW: usize = 128;
/// With both sides in a core's cache.
const IN_CACHE: usize = 256 << 10;
/// So many digits at most are sorted from the bottom.
const MOST_PASSES: u32 = 4;
/// A chunk has no fewer elements.
const CHUNK: usize = 1 << 14;
const CHUNKS_A_SLOT: usize = 8;

/// Sorts `array`, of which keys differ in the bits `differ` alone. `other` has its length, and is overwritten.
/// `Error::NoMemory` leaves the array as it was.
pub(super) fn sort<S: Shape, W: Word>(
    pool: &Pool,
    array: Rows<'_, S>,
    other: Rows<'_, S>,
    key: Key<W>,
    differ: u64,
) -> Result<()> {
    let n = array.len();
    let chunk = CHUNK.max(n / (CHUNKS_A_SLOT * pool.slot_count() as usize));
    let mut memory: Vec<AtomicU64> = Vec::new();
    if n * array.shape().size() > IN_CACHE {
        let cells = n / chunk * DIGITS;
        crate::sys::errno::kept(|| memory.try_reserve_exact(cells)).map_err(|_| Error::NoMemory)?;
        memory.extend((0..cells).map(|_| AtomicU64::new(0)));
    }
    let radix = Radix { pool, key, chunk, tables: &memory };
    radix.sort(Part { from: array, to: other, start: 0 }, u64::BITS - differ.leading_zeros(), Side::Array);
    Ok(())
}

struct Radix<'a, W> {
    pool: &'a Pool,
    key: Key<W>,
    chunk: usize,
    /// A row of a cell a digit for each whole chunk of the array.
    tables: &'a [AtomicU64],
}

/// Elements in `from`, with room beside them. The first is element `start` of the whole.
struct Part<'a, S> {
    from: Rows<'a, S>,
    to: Rows<'a, S>,
    start: usize,
}

/// Where each bucket ends.
type Ends = [usize; DIGITS];

impl<W: Word> Radix<'_, W> {
    /// Sorts a part, by the lowest `bits` of the keys. `Side::Array` is where it is, `Side::Other` the room beside it.
    fn sort<S: Shape>(&self, mut part: Part<'_, S>, mut bits: u32, want: Side) {
        let n = part.from.len();
        if n <= FEW || bits == 0 {
            return self.sort_few(part, bits, want);
        }
        let in_cache = n * part.from.shape().size() <= IN_CACHE;
        if in_cache && bits <= MOST_PASSES * DIGIT {
            return self.sort_from_bottom(part, 0, bits.div_ceil(DIGIT), want);
        }
        if part.start > 0 || bits < W::BITS {
            let differ = survey(self.pool, &part.from, &self.key).differ;
            bits = bits.min(u64::BITS - differ.leading_zeros());
            if bits == 0 {
                return self.sort_few(part, bits, want);
            }
        }
        if in_cache {
            return self.sort_by_top(part, bits, want);
        }
        let shift = bits.saturating_sub(DIGIT);
        let mut ends = [0; DIGITS];
        let table = self.table(&part);
        if table.len() <= DIGITS {
            self.deal(&part, shift, &mut ends);
        } else {
            self.deal_in_chunks(&part, table, shift, &mut ends);
        }
        let part = Part { from: part.to.borrow(), to: part.from.borrow(), start: part.start };
        let (part, ends) = (&part, &ends);
        let bucket = |digit: usize| {
            let from = if digit == 0 { 0 } else { ends[digit - 1] };
            if from < ends[digit] {
                // SAFETY: each bucket is used once.
                self.sort(unsafe { part.shared_part(from, ends[digit]) }, shift, want.opposite());
            }
        };
        for_each(self.pool, DIGITS as u64, |digit| bucket(digit as usize));
    }

    /// Few of them, or all alike.
    fn sort_few<S: Shape>(&self, mut part: Part<'_, S>, bits: u32, want: Side) {
        let side = if bits == 0 {
            Side::Array
        } else {
            let n = part.from.len();
            leaf::sort(part.from.borrow(), part.to.borrow(), n, want, &self.key)
        };
        part.bring(self.pool, side, want);
    }

    /// By as many of the top digits as tell most elements apart; then what those leave alike, run by run.
    fn sort_by_top<S: Shape>(&self, mut part: Part<'_, S>, bits: u32, want: Side) {
        let (n, key) = (part.from.len(), self.key);
        let passes = (n.ilog2() + 3).div_ceil(DIGIT).min(bits.div_ceil(DIGIT)).min(MOST_PASSES);
        let low = bits.saturating_sub(passes * DIGIT);
        let start = part.start;
        self.sort_from_bottom(Part { from: part.from.borrow(), to: part.to.borrow(), start }, low, passes, want);
        if low == 0 {
            return;
        }
        let part = if want == Side::Array { part } else { Part { from: part.to, to: part.from, start } };
        // SAFETY: elements.
        let top = |i| unsafe { key.of(part.from.at(i)) }.to_u64() >> low;
        let mut run = 0;
        for i in 1..=n {
            if i < n && top(i) == top(run) {
                continue;
            }
            if i - run > 1 {
                // SAFETY: each run is used once, and not compared meanwhile.
                self.sort(unsafe { part.shared_part(run, i) }, low, Side::Array);
            }
            run = i;
        }
    }

    /// By so many digits, from bit `low` on.
    fn sort_from_bottom<S: Shape>(&self, part: Part<'_, S>, low: u32, passes: u32, want: Side) {
        match passes {
            1 | 2 => self.sort_by_digits::<S, 2>(part, low, want),
            3 => self.sort_by_digits::<S, 3>(part, low, want),
            _ => self.sort_by_digits::<S, { MOST_PASSES as usize }>(part, low, want),
        }
    }

    #[inline(never)]
    fn sort_by_digits<S: Shape, const PASSES: usize>(&self, mut part: Part<'_, S>, low: u32, want: Side) {
        // A copy, for the compiler does not know that no element is this.
        let (n, key) = (part.from.len(), self.key);
        let mut counts = [[0_u32; DIGITS]; PASSES];
        let a_line = 1 << (LINE / part.from.shape().size()).max(1).ilog2();
        for i in 0..n {
            if i % a_line == 0 {
                // The first pass writes there in no order that a processor foresees.
                prefetch(part.to.at(i));
            }
            // SAFETY: an element.
            let key = unsafe { key.of(part.from.at(i)) };
            for (pass, counts) in counts.iter_mut().enumerate() {
                counts[key.digit(low + pass as u32 * DIGIT)] += 1;
            }
        }
        // SAFETY: the first element.
        let first = unsafe { key.of(part.from.at(0)) };
        let mut side = Side::Array;
        for (pass, counts) in counts.iter_mut().enumerate() {
            let shift = low + pass as u32 * DIGIT;
            if counts[first.digit(shift)] as usize == n {
                continue;
            }
            let mut sum = 0;
            for count in counts.iter_mut() {
                sum += core::mem::replace(count, sum);
            }
            let (from, to) = match side {
                Side::Array => (&part.from, &part.to),
                Side::Other => (&part.to, &part.from),
            };
            let (first, end, to, shape) = (from.at(0), from.at(n), to.at(0), from.shape());
            let mut element = first;
            while element != end {
                // SAFETY: an element, and the counts give each a place of its own.
                unsafe {
                    let place = &mut counts[key.of(element).digit(shift)];
                    shape.copy(element, to.add(*place as usize * shape.size()));
                    *place += 1;
                }
                element = element.wrapping_add(shape.size());
            }
            side = side.opposite();
        }
        part.bring(self.pool, side, want);
    }

    /// The cells of the chunks that lie wholly within a part.
    fn table<S: Shape>(&self, part: &Part<'_, S>) -> &[AtomicU64] {
        let from = part.start.div_ceil(self.chunk) * DIGITS;
        let to = (part.start + part.from.len()) / self.chunk * DIGITS;
        self.tables.get(from..to).unwrap_or(&[])
    }

    #[inline(never)]
    fn count<S: Shape>(&self, rows: &Rows<'_, S>, shift: u32, counts: &mut Ends) {
        let key = self.key;
        for i in 0..rows.len() {
            // SAFETY: an element.
            let key = unsafe { key.of(rows.at(i)) };
            counts[key.digit(shift)] += 1;
        }
    }

    /// Moves `rows` to `places` of `to`.
    #[inline(never)]
    fn deal_out<S: Shape>(&self, rows: &Rows<'_, S>, to: &Rows<'_, S>, shift: u32, places: &mut Ends) {
        let (key, shape, to) = (self.key, rows.shape(), to.at(0));
        let (mut element, end) = (rows.at(0), rows.at(rows.len()));
        while element != end {
            // SAFETY: an element, and a place of its own.
            unsafe {
                let place = &mut places[key.of(element).digit(shift)];
                shape.copy(element, to.add(*place * shape.size()));
                *place += 1;
            }
            element = element.wrapping_add(shape.size());
        }
    }

    fn deal<S: Shape>(&self, part: &Part<'_, S>, shift: u32, ends: &mut Ends) {
        self.count(&part.from, shift, ends);
        let mut sum = 0;
        for end in ends.iter_mut() {
            sum += core::mem::replace(end, sum);
        }
        self.deal_out(&part.from, &part.to, shift, ends);
    }

    fn deal_in_chunks<S: Shape>(&self, part: &Part<'_, S>, table: &[AtomicU64], shift: u32, ends: &mut Ends) {
        let chunks = table.len() / DIGITS;
        let row = |chunk: u64| table[chunk as usize * DIGITS..].iter().take(DIGITS);
        // SAFETY: each chunk is used once at a time, and only read.
        let rows = |chunk: u64| unsafe { part.from.shared_part(chunk as usize, chunks) };
        for_each(self.pool, chunks as u64, |chunk| {
            let mut counts = [0; DIGITS];
            self.count(&rows(chunk), shift, &mut counts);
            row(chunk).zip(counts).for_each(|(cell, count)| cell.store(count as u64, Relaxed));
        });
        let mut sum = 0;
        for (digit, end) in ends.iter_mut().enumerate() {
            for chunk in 0..chunks {
                let cell = &table[chunk * DIGITS + digit];
                let count = cell.load(Relaxed);
                cell.store(sum, Relaxed);
                sum += count;
            }
            *end = sum as usize;
        }
        for_each(self.pool, chunks as u64, |chunk| {
            let mut places = [0; DIGITS];
            places.iter_mut().zip(row(chunk)).for_each(|(place, cell)| *place = cell.load(Relaxed) as usize);
            self.deal_out(&rows(chunk), &part.to, shift, &mut places);
        });
    }
}

impl<S: Shape> Part<'_, S> {
    /// # Safety
    /// As [`Rows::shared_part`].
    unsafe fn shared_part(&self, from: usize, to: usize) -> Part<'_, S> {
        // SAFETY: the caller's promise.
        unsafe { Part { from: self.from.shared(from, to), to: self.to.shared(from, to), start: self.start + from } }
    }

    /// Copies the elements from one side to the other, if they are not where they shall be.
    fn bring(&mut self, pool: &Pool, side: Side, want: Side) {
        match (side, want) {
            (Side::Array, Side::Other) => copy(pool, &self.from, &mut self.to),
            (Side::Other, Side::Array) => copy(pool, &self.to, &mut self.from),
            _ => {}
        }
    }
}
