//! The sort that needs no memory: quicksort, whose halves are sorted in parallel, and whose first partitions are made by
//! several threads too.
//!
//! A partition compares a block at each end with the pivot, notes without a branch which elements are on the wrong side,
//! and then swaps those. In parallel, each stripe of the array is partitioned, and then what lies on the wrong side of
//! the place where the whole divides is swapped across it. Each element is asked once, so that contradictory answers
//! lead to a wrong place, never out of bounds. If the pivots are bad too often, heapsort ends it.
#![allow(unsafe_code, reason = "walks through elements by pointer")]

use core::mem::MaybeUninit;

use super::leaf::{self, Side};
use super::merge::{is_run, reverse};
use super::order::{Order, less_at, run_length};
use super::rows::{Any, Rows, Shape, share};
use super::{for_each, fork_each, join};
use crate::engine::pool::Pool;
use crate::sync::{AtomicU64, Relaxed};

/// What the stack gives for merges.
const STACK: usize = 4096;
/// Fewer of the large ones are sorted with insertions.
const TINY: usize = 12;
/// From here on another thread may take one side.
const APART: usize = 1024;
/// From here on several threads partition.
const STRIPED: usize = 1 << 16;
const MOST_STRIPES: usize = 64;
const BLOCK: usize = 128;

/// Sorts `rows`.
pub(super) fn sort<S: Shape>(pool: &Pool, mut rows: Rows<'_, S>, order: &impl Order) {
    let n = rows.len();
    if n < 2 {
        return;
    }
    if n > APART {
        let falls = less_at(&rows, 1, 0, order);
        if run_length(&rows.part(0, APART), falls, order) == APART && is_run(pool, &rows, falls, order) {
            if falls {
                reverse(pool, &mut rows);
            }
            return;
        }
    }
    let size = rows.shape().size();
    let leaf = if size <= ALIGNED { STACK / size } else { TINY };
    let striped = STRIPED.max(n / (2 * pool.slot_count() as usize));
    Quick { pool, order, leaf, striped }.sort(rows, None, 2 * n.ilog2());
}

/// Elements that are no larger ask for no stricter alignment.
const ALIGNED: usize = 64;

#[repr(align(64))]
struct Room([MaybeUninit<u8>; STACK]);

struct Quick<'a, O> {
    pool: &'a Pool,
    order: &'a O,
    leaf: usize,
    striped: usize,
}

impl<O: Order> Quick<'_, O> {
    /// Sorts `rows`, none of which comes before `floor`. Of `bad` more partitions one side may be short.
    fn sort<S: Shape>(&self, mut rows: Rows<'_, S>, floor: Option<Element>, mut bad: u32) {
        let mut floor = floor;
        loop {
            let n = rows.len();
            if n <= self.leaf {
                return self.sort_leaf(rows);
            }
            if bad == 0 {
                return heap_sort(rows, self.order);
            }
            let pivot = self.choose(&rows);
            rows.swap(0, pivot);
            let head = Element(rows.at(0));
            if floor.is_some_and(|floor| !floor.before(head, self.order)) {
                // As many as are beside the pivot are at their place.
                let beside = self.partition(rows.part(1, n), &|x| !head.before(Element(x), self.order));
                if beside < n / 8 {
                    bad -= 1;
                }
                rows = rows.split_at(1 + beside).1;
                continue;
            }
            let mid = self.partition(rows.part(1, n), &|x| Element(x).before(head, self.order));
            rows.swap(0, mid);
            if mid.min(n - 1 - mid) < n / 8 {
                bad -= 1;
            }
            let (left, right) = rows.split_at(mid);
            let (pivot, right) = right.split_at(1);
            let pivot = Element(pivot.at(0));
            if n >= APART {
                return join(self.pool, || self.sort(left, floor, bad), move || self.sort(right, Some(pivot), bad));
            }
            self.sort(left, floor, bad);
            (rows, floor) = (right, Some(pivot));
        }
    }

    #[inline(never)]
    fn sort_leaf<S: Shape>(&self, mut rows: Rows<'_, S>) {
        let (n, shape) = (rows.len(), rows.shape());
        if shape.size() > ALIGNED {
            return insertion_sort(rows, self.order);
        }
        let mut room = Room([MaybeUninit::uninit(); STACK]);
        // SAFETY: it has room for them.
        let mut other = unsafe { Rows::new(room.0.as_mut_ptr().cast(), n, shape) };
        if leaf::sort(rows.borrow(), other.borrow(), n, Side::Array, self.order) == Side::Other {
            rows.copy_from(&other);
        }
    }

    /// A pivot's place: of a few elements the median, of many a median of medians.
    fn choose<S: Shape>(&self, rows: &Rows<'_, S>) -> usize {
        let eighth = rows.len() / 8;
        self.median([0, eighth * 4, eighth * 7], eighth, rows)
    }

    fn median<S: Shape>(&self, mut places: [usize; 3], spread: usize, rows: &Rows<'_, S>) -> usize {
        if spread >= 8 {
            let eighth = spread / 8;
            places = places.map(|i| self.median([i, i + eighth * 4, i + eighth * 7], eighth, rows));
        }
        let [a, b, c] = places;
        let less = |x, y| less_at(rows, x, y, self.order);
        let a_first = less(a, b);
        if a_first != less(a, c) {
            a
        } else if a_first == less(b, c) {
            b
        } else {
            c
        }
    }

    /// Moves those that go left to the front, and counts them.
    fn partition<S: Shape>(&self, rows: Rows<'_, S>, goes_left: &(impl Fn(*const u8) -> bool + Sync)) -> usize {
        let n = rows.len();
        if n < self.striped {
            return partition(&rows, goes_left);
        }
        let stripes = (4 * self.pool.slot_count() as usize).min(MOST_STRIPES);
        let counts = [const { AtomicU64::new(0) }; MOST_STRIPES];
        fork_each(self.pool, 0, stripes, &|stripe| {
            // SAFETY: each stripe is used once.
            let count = partition(&unsafe { rows.shared_part(stripe, stripes) }, goes_left);
            counts[stripe].store(count as u64, Relaxed);
        });
        let mut divides = [0; MOST_STRIPES];
        for stripe in 0..stripes {
            let count = counts[stripe].load(Relaxed) as usize;
            divides[stripe] = share(n, stripe, stripes) + count;
        }
        let divides = &divides[..stripes];
        let mid = (0..stripes).map(|stripe| divides[stripe] - share(n, stripe, stripes)).sum();
        // SAFETY: the rows themselves are not used meanwhile.
        let rows = unsafe { rows.shared_bytes() };
        for_each(self.pool, stripes as u64, |i| swap_across(&rows, divides, mid, i as usize));
        mid
    }
}

/// Share `i` of the swaps after the stripes have been partitioned: those that are left of `mid` and should not be, with
/// those right of it.
fn swap_across(rows: &Rows<'_, Any>, divides: &[usize], mid: usize, i: usize) {
    let (n, stripes) = (rows.len(), divides.len());
    let high = |stripe: usize| (divides[stripe].min(mid), share(n, stripe + 1, stripes).min(mid));
    let low = |stripe: usize| (share(n, stripe, stripes).max(mid), divides[stripe].max(mid));
    let total: usize = (0..stripes).map(high).map(|(from, to)| to - from).sum();
    let (skip, end) = (share(total, i, stripes), share(total, i + 1, stripes));
    let mut highs = Ranges { at: (0, 0), next: 0, range: high };
    let mut lows = Ranges { at: (0, 0), next: 0, range: low };
    highs.skip(skip);
    lows.skip(skip);
    let mut left = end - skip;
    while left > 0 {
        let (from, to) = (highs.some(), lows.some());
        let count = (from.1 - from.0).min(to.1 - to.0).min(left);
        // SAFETY: as many elements on different sides of `mid`, and no other share has any of them.
        unsafe { core::ptr::swap_nonoverlapping(rows.at(from.0), rows.at(to.0), count * rows.shape().size()) };
        highs.at.0 += count;
        lows.at.0 += count;
        left -= count;
    }
}

/// A range for each stripe, one after the other.
struct Ranges<F> {
    at: (usize, usize),
    next: usize,
    range: F,
}

impl<F: Fn(usize) -> (usize, usize)> Ranges<F> {
    /// The rest of the first that is not used up. There is one.
    fn some(&mut self) -> (usize, usize) {
        while self.at.0 == self.at.1 {
            self.at = (self.range)(self.next);
            self.next += 1;
        }
        self.at
    }

    fn skip(&mut self, mut count: usize) {
        while count > 0 {
            let (from, to) = self.some();
            let step = count.min(to - from);
            self.at.0 += step;
            count -= step;
        }
    }
}

/// The address of an element. A pivot stays where it is while others are compared with it.
#[derive(Clone, Copy)]
struct Element(*const u8);

// SAFETY: it is read only, by the order.
unsafe impl Send for Element {}
// SAFETY: likewise.
unsafe impl Sync for Element {}

impl Element {
    #[inline(always)]
    fn before(self, other: Element, order: &impl Order) -> bool {
        // SAFETY: both are elements.
        unsafe { order.less(self.0, other.0) }
    }
}

/// Which elements of a block are on the wrong side.
struct Wrong {
    offsets: [MaybeUninit<u8>; BLOCK],
    from: usize,
    to: usize,
}

const _: () = assert!(BLOCK <= 256);

impl Wrong {
    fn none() -> Wrong {
        Wrong { offsets: [MaybeUninit::uninit(); BLOCK], from: 0, to: 0 }
    }

    fn count(&self) -> usize {
        self.to - self.from
    }

    /// The `i`th that is left.
    ///
    /// # Safety
    /// There are more than that.
    #[inline(always)]
    unsafe fn get(&self, i: usize) -> usize {
        // SAFETY: `note` wrote those from `from` to `to`.
        usize::from(unsafe { self.offsets.get_unchecked(self.from + i).assume_init() })
    }

    #[inline(always)]
    fn note(&mut self, len: usize, is_wrong: impl Fn(usize) -> bool) {
        (self.from, self.to) = (0, 0);
        for i in 0..len.min(BLOCK) {
            // SAFETY: no more than `i` were noted before, so `to` is below BLOCK.
            unsafe { self.offsets.get_unchecked_mut(self.to).write(i as u8) };
            self.to += usize::from(is_wrong(i));
        }
    }
}

/// Moves those that go left to the front, and counts them.
#[inline(never)]
fn partition<S: Shape>(rows: &Rows<'_, S>, goes_left: &impl Fn(*const u8) -> bool) -> usize {
    let size = rows.shape().size();
    // What is before `left` is left, what is from `right` on is right.
    let (mut left, mut right) = (0, rows.len());
    let (mut lows, mut highs) = (Wrong::none(), Wrong::none());
    let (mut left_block, mut right_block) = (BLOCK, BLOCK);
    loop {
        let last = right - left <= 2 * BLOCK;
        if last {
            // What has not been asked yet is shared out, so that both ends meet.
            let asked = if lows.count() + highs.count() > 0 { BLOCK } else { 0 };
            let rest = right - left - asked;
            (left_block, right_block) = match (lows.count() > 0, highs.count() > 0) {
                (true, _) => (left_block, rest),
                (_, true) => (rest, right_block),
                _ => (rest / 2, rest - rest / 2),
            };
        }
        if lows.count() == 0 {
            let from = rows.at(left);
            lows.note(left_block, |i| !goes_left(from.wrapping_add(i * size)));
        }
        if highs.count() == 0 {
            let from = rows.at(right);
            highs.note(right_block, |i| goes_left(from.wrapping_sub((i + 1) * size)));
        }
        let pairs = lows.count().min(highs.count());
        for k in 0..pairs {
            // SAFETY: two different elements: both ends' blocks are within what is not sorted out, and apart.
            unsafe {
                let (low, high) = (rows.at(left + lows.get(k)), rows.at(right - 1 - highs.get(k)));
                core::ptr::swap_nonoverlapping(low, high, size);
            }
        }
        lows.from += pairs;
        highs.from += pairs;
        if lows.count() == 0 {
            left += left_block;
        }
        if highs.count() == 0 {
            right -= right_block;
        }
        if last {
            break;
        }
    }
    // At most one end has some left; they are next to the middle, and the farthest goes first.
    if lows.count() > 0 {
        while lows.count() > 0 {
            lows.to -= 1;
            right -= 1;
            // SAFETY: it has been noted.
            swap(rows, left + unsafe { lows.get(lows.count()) }, right);
        }
        return right;
    }
    while highs.count() > 0 {
        highs.to -= 1;
        // SAFETY: likewise.
        swap(rows, left, right - 1 - unsafe { highs.get(highs.count()) });
        left += 1;
    }
    left
}

fn swap<S: Shape>(rows: &Rows<'_, S>, i: usize, j: usize) {
    assert!(i < rows.len() && j < rows.len());
    if i != j {
        // SAFETY: two different elements of rows that are the caller's alone.
        unsafe { core::ptr::swap_nonoverlapping(rows.at(i), rows.at(j), rows.shape().size()) };
    }
}

/// For a few large elements.
fn insertion_sort<S: Shape>(mut rows: Rows<'_, S>, order: &impl Order) {
    for i in 1..rows.len() {
        for j in (1..=i).rev() {
            if !less_at(&rows, j, j - 1, order) {
                break;
            }
            rows.swap(j, j - 1);
        }
    }
}

fn heap_sort<S: Shape>(mut rows: Rows<'_, S>, order: &impl Order) {
    let n = rows.len();
    for i in (0..n + n / 2).rev() {
        let (mut top, end) = if i >= n {
            (i - n, n)
        } else {
            rows.swap(0, i);
            (0, i)
        };
        loop {
            let mut child = 2 * top + 1;
            if child >= end {
                break;
            }
            if child + 1 < end && less_at(&rows, child, child + 1, order) {
                child += 1;
            }
            if !less_at(&rows, top, child, order) {
                break;
            }
            rows.swap(top, child);
            top = child;
        }
    }
}
