//! The sort of a few elements, by one thread: blocks of four (or two), then merges of ever larger ones, from one side to
//! the other and back.
//!
//! A merge of two equal blocks works from both ends at once, so that two chains of comparisons run side by side, and no
//! step asks whether a block is used up: from each end it takes as many as one block has. If the order is one, the two
//! ends meet. If they do not, the source, which is as it was, is copied instead.
#![allow(unsafe_code, reason = "walks through elements by pointer")]

use super::merge::merge;
use super::order::{Order, less_at, run_length};
use super::rows::{Rows, Shape};

/// Which of two rows holds the elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Array,
    Other,
}

impl Side {
    pub(super) fn opposite(self) -> Side {
        if self == Side::Array { Side::Other } else { Side::Array }
    }
}

/// Sorts `array`, stably, and says where the result is: on the side that is wanted, unless nothing had to be moved.
///
/// `longest` is at least the length, and the same for all whose results are to be on one side.
pub(super) fn sort<S: Shape>(
    mut array: Rows<'_, S>,
    mut other: Rows<'_, S>,
    longest: usize,
    want: Side,
    order: &impl Order,
) -> Side {
    let n = array.len();
    if n < 2 {
        return Side::Array;
    }
    let falls = less_at(&array, 1, 0, order);
    if run_length(&array, falls, order) == n {
        if falls {
            array.reverse();
        }
        return Side::Array;
    }
    // The blocks go to the other side, and then change it as often as they double.
    let doublings = longest.div_ceil(4).next_power_of_two().trailing_zeros();
    let in_pairs = doublings.is_multiple_of(2) != (want == Side::Other);
    let mut width = if in_pairs { 2 } else { 4 };
    first_blocks(&array, &mut other, width, order);
    let mut side = Side::Other;
    while width < n || side != want {
        match side {
            Side::Other => double(&other, &mut array, width, order),
            Side::Array => double(&array, &mut other, width, order),
        }
        width *= 2;
        side = side.opposite();
    }
    side
}

/// Sorted blocks of `width`, 2 or 4, of `from`.
fn first_blocks<S: Shape>(from: &Rows<'_, S>, to: &mut Rows<'_, S>, width: usize, order: &impl Order) {
    let (n, shape) = (from.len(), from.shape());
    let whole = n - n % width;
    for i in (0..whole).step_by(width) {
        // SAFETY: a whole block is on either side.
        unsafe {
            if width == 4 {
                sort_four(from.at(i), to.at(i), shape, order);
            } else {
                sort_two(from.at(i), to.at(i), shape, order);
            }
        }
    }
    for i in whole..n {
        // SAFETY: places of one element; those from `whole` to `i` hold some.
        unsafe {
            let mut place = i;
            while place > whole && order.less(from.at(i), to.at(place - 1)) {
                shape.copy(to.at(place - 1), to.at(place));
                place -= 1;
            }
            shape.copy(from.at(i), to.at(place));
        }
    }
}

/// # Safety
/// Two elements are at `from`, and room for two at `to`.
#[inline(always)]
unsafe fn sort_two<S: Shape>(from: *const u8, to: *mut u8, shape: S, order: &impl Order) {
    let size = shape.size();
    // SAFETY: the caller's promise.
    unsafe {
        let swap = order.less(from.add(size), from);
        shape.copy(from.add(shape.step(swap)), to);
        shape.copy(from.add(shape.step(!swap)), to.add(size));
    }
}

/// # Safety
/// Four elements are at `from`, and room for four at `to`.
#[inline(always)]
unsafe fn sort_four<S: Shape>(from: *const u8, to: *mut u8, shape: S, order: &impl Order) {
    let size = shape.size();
    let pick = |when: bool, yes: *const u8, no: *const u8| if when { yes } else { no };
    // SAFETY: the caller's promise.
    unsafe {
        let (second, fourth) = (order.less(from.add(size), from), order.less(from.add(3 * size), from.add(2 * size)));
        let (a, b) = (from.add(shape.step(second)), from.add(shape.step(!second)));
        let upper = from.add(2 * size);
        let (c, d) = (upper.add(shape.step(fourth)), upper.add(shape.step(!fourth)));
        // a <= b and c <= d. The first and the last are found; two in between are left, in their order.
        let (c_first, b_last) = (order.less(c, a), order.less(d, b));
        let (first, last) = (pick(c_first, c, a), pick(b_last, b, d));
        let left = pick(c_first, a, pick(b_last, c, b));
        let right = pick(b_last, d, pick(c_first, b, c));
        let swap = order.less(right, left);
        shape.copy(first, to);
        shape.copy(pick(swap, right, left), to.add(size));
        shape.copy(pick(swap, left, right), to.add(2 * size));
        shape.copy(last, to.add(3 * size));
    }
}

/// Merges blocks of `width` in pairs.
fn double<S: Shape>(from: &Rows<'_, S>, to: &mut Rows<'_, S>, width: usize, order: &impl Order) {
    let (n, shape) = (from.len(), from.shape());
    let whole = n - n % (2 * width);
    for i in (0..whole).step_by(2 * width) {
        // SAFETY: two whole blocks, and room for them.
        unsafe { merge_equal(from.at(i), width, to.at(i), shape, order) };
    }
    let mid = n.min(whole + width);
    // SAFETY: what is left is one block or two, and there is room for them.
    unsafe { merge((from.at(whole), mid - whole), (from.at(mid), n - mid), to.at(whole), shape, order) };
}

/// # Safety
/// Two blocks of `half` elements are at `from`, and room for them at `to`.
#[inline(always)]
unsafe fn merge_equal<S: Shape>(from: *const u8, half: usize, to: *mut u8, shape: S, order: &impl Order) {
    let size = shape.size();
    let bytes = half * size;
    let (mut left, mut right) = (from, from.wrapping_add(bytes));
    let (mut left_end, mut right_end) = (right.wrapping_sub(size), right.wrapping_add(bytes - size));
    let (mut first, mut last) = (to, to.wrapping_add(2 * bytes - size));
    for _ in 0..half {
        // SAFETY: either end has taken fewer than `half` elements, so none has left its block.
        unsafe {
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
    }
    if left != left_end.wrapping_add(size) || right != right_end.wrapping_add(size) {
        // SAFETY: the caller's promise. No order: any permutation will do.
        unsafe { core::ptr::copy_nonoverlapping(from, to, 2 * bytes) };
    }
}
