//! Orders: which of two elements comes first. One is the user's function, others read keys.
//!
//! An order may be none: its answers may contradict each other. A sort then ends all the same, within bounds, and leaves
//! a permutation of what it was given.
#![allow(unsafe_code, reason = "calls what the user gave")]

use core::ffi::c_void;

use super::Compare;
use super::rows::{Rows, Shape};

pub(super) trait Order: Sync {
    /// Whether `x` comes before `y`, and not beside it.
    ///
    /// # Safety
    /// Both are elements.
    unsafe fn less(&self, x: *const u8, y: *const u8) -> bool;
}

/// The user's function.
pub(super) struct Callback {
    pub(super) compare: Compare,
    pub(super) ctx: *mut c_void,
}

// SAFETY: tp.h says that several threads call it at the same time.
unsafe impl Sync for Callback {}

impl Order for Callback {
    #[inline(always)]
    unsafe fn less(&self, x: *const u8, y: *const u8) -> bool {
        // SAFETY: the caller's promise, and the user's, who said that it may be called with any two elements.
        unsafe { (self.compare)(x.cast(), y.cast(), self.ctx) < 0 }
    }
}

/// Whether element `i` comes before element `j`. All of `rows` are elements: none is uninitialized.
#[inline]
pub(super) fn less_at<S: Shape>(rows: &Rows<'_, S>, i: usize, j: usize, order: &impl Order) -> bool {
    assert!(i < rows.len() && j < rows.len());
    // SAFETY: elements, as the caller knows.
    unsafe { order.less(rows.at(i), rows.at(j)) }
}

/// How far `rows` go on as they begin: their length as far as each is not before the last one (or, if `falls`, strictly
/// before it).
pub(super) fn run_length<S: Shape>(rows: &Rows<'_, S>, falls: bool, order: &impl Order) -> usize {
    (1..rows.len()).find(|&i| less_at(rows, i, i - 1, order) != falls).unwrap_or(rows.len())
}
