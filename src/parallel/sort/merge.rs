//! The stable sort: a merge sort whose halves are sorted, and merged, in parallel.
//!
//! Elements go from the array to scratch memory of its size and back, once a level, so that no merge works in place. The
//! array is halved until its parts are short; a part that rises (or falls) already is left where it is (or turned
//! round), and so are two sorted halves in their right order: what is sorted costs one comparison an element and moves
//! nothing. A merge is split where the middle of its longer side belongs in the other, found by binary search.
//!
//! Each step takes one element from one side, whatever the order says. So a result is always a permutation.
#![allow(unsafe_code, reason = "walks through elements by pointer")]

use super::leaf::{self, Side};
use super::order::{Order, less_at, run_length};
use super::rows::{Rows, Shape};
use super::{for_each, fork_each, join};
use crate::engine::pool::Pool;
use crate::sync::{AtomicBool, Relaxed};

/// At most so many are sorted by one thread.
const LEAF: usize = 1024;
/// At most so many are merged by one thread.
const PIECE: usize = 4096;

/// Sorts `array`. `other` has its length, and is overwritten.
pub(super) fn sort<S: Shape>(pool: &Pool, mut array: Rows<'_, S>, mut other: Rows<'_, S>, order: &impl Order) {
    let n = array.len();
    if n > LEAF && turn_if_falling(pool, &mut array, order) {
        return;
    }
    let depth = n.div_ceil(LEAF).next_power_of_two().trailing_zeros();
    let halves = Halves { pool, order, longest: n.div_ceil(1 << depth) };
    if halves.sort(array.borrow(), other.borrow(), depth, Side::Array) == Side::Other {
        copy(pool, &other, &mut array);
    }
}

/// If all of `rows` fall strictly, they are turned round.
fn turn_if_falling<S: Shape>(pool: &Pool, rows: &mut Rows<'_, S>, order: &impl Order) -> bool {
    if run_length(&rows.part(0, LEAF), true, order) < LEAF || !is_run(pool, rows, true, order) {
        return false;
    }
    reverse(pool, rows);
    true
}

/// Whether all of `rows` rise, or if `falls`, fall strictly.
pub(super) fn is_run<S: Shape>(pool: &Pool, rows: &Rows<'_, S>, falls: bool, order: &impl Order) -> bool {
    let (n, goes_on) = (rows.len(), AtomicBool::new(true));
    fork_each(pool, 0, n.div_ceil(PIECE), &|piece| {
        let from = (piece * PIECE).max(1);
        let to = n.min((piece + 1) * PIECE);
        if goes_on.load(Relaxed) && (from..to).any(|i| less_at(rows, i, i - 1, order) != falls) {
            goes_on.store(false, Relaxed);
        }
    });
    goes_on.load(Relaxed)
}

pub(super) fn reverse<S: Shape>(pool: &Pool, rows: &mut Rows<'_, S>) {
    let (n, shape) = (rows.len(), rows.shape());
    let pieces = (n / 2).div_ceil(PIECE);
    let rows = &*rows;
    for_each(pool, pieces as u64, |piece| {
        let piece = piece as usize;
        for i in piece * PIECE..(n / 2).min((piece + 1) * PIECE) {
            // SAFETY: two elements, of which no other piece has either.
            unsafe { core::ptr::swap_nonoverlapping(rows.at(i), rows.at(n - 1 - i), shape.size()) };
        }
    });
}

/// Both are of one length.
pub(super) fn copy<S: Shape>(pool: &Pool, from: &Rows<'_, S>, to: &mut Rows<'_, S>) {
    let pieces = from.len().div_ceil(PIECE);
    // SAFETY: the rows themselves are not used meanwhile.
    let (from, to) = unsafe { (from.shared_bytes(), to.shared_bytes()) };
    for_each(pool, pieces as u64, |piece| {
        // SAFETY: each piece is used once.
        unsafe { to.shared_part(piece as usize, pieces).copy_from(&from.shared_part(piece as usize, pieces)) };
    });
}

struct Halves<'a, O> {
    pool: &'a Pool,
    order: &'a O,
    longest: usize,
}

impl<O: Order> Halves<'_, O> {
    /// As [`leaf::sort`].
    fn sort<S: Shape>(&self, array: Rows<'_, S>, other: Rows<'_, S>, depth: u32, want: Side) -> Side {
        if depth == 0 {
            return leaf::sort(array, other, self.longest, want, self.order);
        }
        let (mut array, mut other) = (array, other);
        let mid = array.len().div_ceil(2);
        let (mut left, mut right) = (Side::Array, Side::Array);
        let ((array_left, array_right), (other_left, other_right)) =
            (array.borrow().split_at(mid), other.borrow().split_at(mid));
        join(
            self.pool,
            || left = self.sort(array_left, other_left, depth - 1, want.opposite()),
            || right = self.sort(array_right, other_right, depth - 1, want.opposite()),
        );
        if left == right {
            let rows = if left == Side::Array { &array } else { &other };
            if !less_at(rows, mid, mid - 1, self.order) {
                return left;
            }
        }
        let n = array.len();
        for (side, from, to) in [(left, 0, mid), (right, mid, n)] {
            match side {
                _ if side != want => {}
                Side::Array => other.part(from, to).copy_from(&array.part(from, to)),
                Side::Other => array.part(from, to).copy_from(&other.part(from, to)),
            }
        }
        let (from, to) = if want == Side::Array { (other, array) } else { (array, other) };
        let (left, right) = from.split_at(mid);
        self.merge(left, right, to);
        want
    }

    fn merge<S: Shape>(&self, left: Rows<'_, S>, right: Rows<'_, S>, to: Rows<'_, S>) {
        let (l, r) = (left.len(), right.len());
        assert!(l + r == to.len());
        if l + r <= PIECE || l == 0 || r == 0 {
            // SAFETY: elements, and room for them.
            return unsafe { merge((left.at(0), l), (right.at(0), r), to.at(0), to.shape(), self.order) };
        }
        let (i, j) = if l >= r {
            (l / 2, self.place(&right, left.at(l / 2), false))
        } else {
            (self.place(&left, right.at(r / 2), true), r / 2)
        };
        let ((left, left_up), (right, right_up), (to, to_up)) =
            (left.split_at(i), right.split_at(j), to.split_at(i + j));
        join(self.pool, || self.merge(left, right, to), || self.merge(left_up, right_up, to_up));
    }

    /// How many of `rows` belong before `element`; with `beside`, those that are beside it too.
    fn place<S: Shape>(&self, rows: &Rows<'_, S>, element: *const u8, beside: bool) -> usize {
        let (mut low, mut high) = (0, rows.len());
        while low < high {
            let mid = low + (high - low) / 2;
            // SAFETY: elements.
            let before = unsafe {
                if beside { !self.order.less(element, rows.at(mid)) } else { self.order.less(rows.at(mid), element) }
            };
            if before { low = mid + 1 } else { high = mid }
        }
        low
    }
}

/// Merges elements from two places; those on the left come first where the order does not say.
///
/// While both sides have some, it takes from both ends, without a look at what is left: as many as the shorter side has,
/// half of them from each end.
///
/// # Safety
/// Each side holds as many elements as it says, and there is room for all at `to`.
pub(super) unsafe fn merge<S: Shape>(
    left: (*const u8, usize),
    right: (*const u8, usize),
    to: *mut u8,
    shape: S,
    order: &impl Order,
) {
    let size = shape.size();
    let ((mut left, mut l), (mut right, mut r)) = (left, right);
    let mut first = to;
    // SAFETY: both sides have as many elements as `l` and `r` say, from `left` and `right` on, and what is between
    // `first` and the end has room for them; each step keeps it so.
    unsafe {
        if l > 0 && r > 0 && !order.less(right, left.add((l - 1) * size)) {
            core::ptr::copy_nonoverlapping(left, first, l * size);
            first = first.add(l * size);
            l = 0;
        } else if l > 0 && r > 0 && order.less(right.add((r - 1) * size), left) {
            core::ptr::copy_nonoverlapping(right, first, r * size);
            first = first.add(r * size);
            r = 0;
        }
        while l.min(r) > 1 {
            let steps = l.min(r) / 2;
            let (mut left_end, mut right_end) = (left.add((l - 1) * size), right.add((r - 1) * size));
            let (left_start, left_last) = (left, left_end);
            let mut last = first.add((l + r - 1) * size);
            for _ in 0..steps {
                let take = order.less(right, left);
                shape.copy(if take { right } else { left }, first);
                right = right.wrapping_add(shape.step(take));
                left = left.wrapping_add(shape.step(!take));
                first = first.wrapping_add(size);

                let take = !order.less(right_end, left_end);
                shape.copy(if take { right_end } else { left_end }, last);
                right_end = right_end.wrapping_sub(shape.step(take));
                left_end = left_end.wrapping_sub(shape.step(!take));
                last = last.wrapping_sub(size);
            }
            let taken = (left.addr() - left_start.addr() + left_last.addr() - left_end.addr()) / size;
            l -= taken;
            r -= 2 * steps - taken;
        }
        while l > 0 && r > 0 {
            let take = order.less(right, left);
            shape.copy(if take { right } else { left }, first);
            right = right.wrapping_add(shape.step(take));
            left = left.wrapping_add(shape.step(!take));
            first = first.wrapping_add(size);
            l -= usize::from(!take);
            r -= usize::from(take);
        }
        core::ptr::copy_nonoverlapping(left, first, l * size);
        core::ptr::copy_nonoverlapping(right, first.add(l * size), r * size);
    }
}
