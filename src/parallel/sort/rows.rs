//! Rows: elements of one size that lie side by side, in the user's array or in scratch memory.
//!
//! The size is known to the compiler for those that are sorted most ([`Fixed`]), and else a number ([`Any`]; [`Small`] are those
//! that two words cover). Rows are handed on like `&mut [T]`: no two of them that live at the same
//! time overlap, which `split_at` and `borrow` see to, and `shared` asks its caller for.
//! They are raw memory all the same: neither aligned for anything, nor known to hold what a type asks for. The scratch
//! side may be uninitialized; a sort compares only what it has put there.
#![allow(unsafe_code, reason = "memory whose type only the caller knows")]

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;

use crate::error::{Error, Result};
use crate::sys::{alloc, errno};

/// How large an element is.
pub(super) trait Shape: Copy + Send + Sync {
    fn size(self) -> usize;

    /// # Safety
    /// Both are places of one element, and the same or apart.
    #[inline(always)]
    unsafe fn copy(self, from: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { ptr::copy_nonoverlapping(from, to, self.size()) };
    }

    /// An element's size if `when`, else 0.
    #[inline(always)]
    fn step(self, when: bool) -> usize {
        self.size() & usize::from(when).wrapping_neg()
    }
}

#[derive(Clone, Copy)]
pub(super) struct Fixed<const SIZE: usize>;

impl<const SIZE: usize> Shape for Fixed<SIZE> {
    #[inline(always)]
    fn size(self) -> usize {
        SIZE
    }
}

#[derive(Clone, Copy)]
pub(super) struct Any(pub(super) usize);

impl Shape for Any {
    #[inline(always)]
    fn size(self) -> usize {
        self.0
    }
}

/// From 4 to 32 bytes, which two words cover that may overlap.
#[derive(Clone, Copy)]
pub(super) struct Small(pub(super) usize);

/// # Safety
/// Both are places of `size` bytes, at least a T's and at most two, and the same or apart.
#[inline(always)]
unsafe fn copy_two<T>(size: usize, from: *const u8, to: *mut u8) {
    let last = size - size_of::<T>();
    // SAFETY: both words are within the element.
    unsafe {
        let (head, tail) = (from.cast::<T>().read_unaligned(), from.add(last).cast::<T>().read_unaligned());
        to.cast::<T>().write_unaligned(head);
        to.add(last).cast::<T>().write_unaligned(tail);
    }
}

impl Shape for Small {
    #[inline(always)]
    fn size(self) -> usize {
        self.0
    }

    #[inline(always)]
    unsafe fn copy(self, from: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.0 {
                16.. => copy_two::<MaybeUninit<[u64; 2]>>(self.0, from, to),
                8.. => copy_two::<MaybeUninit<u64>>(self.0, from, to),
                _ => copy_two::<MaybeUninit<u32>>(self.0, from, to),
            }
        }
    }
}

/// `len` elements from `base` on, for this owner alone.
pub(super) struct Rows<'a, S> {
    base: *mut u8,
    len: usize,
    shape: S,
    life: PhantomData<&'a mut [u8]>,
}

// SAFETY: like a mutable slice of bytes.
unsafe impl<S: Send> Send for Rows<'_, S> {}

impl<'a, S: Shape> Rows<'a, S> {
    /// # Safety
    /// The memory is there, and this owner's, for all of 'a.
    pub(super) unsafe fn new(base: *mut u8, len: usize, shape: S) -> Rows<'a, S> {
        Rows { base, len, shape, life: PhantomData }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn shape(&self) -> S {
        self.shape
    }

    /// The place of element `i`, or the end.
    #[inline(always)]
    pub(super) fn at(&self, i: usize) -> *mut u8 {
        debug_assert!(i <= self.len);
        self.base.wrapping_add(i * self.shape.size())
    }

    /// The same as if the size were any, for what need not be compiled for each.
    ///
    /// # Safety
    /// As [`Rows::shared_part`].
    pub(super) unsafe fn shared_bytes(&self) -> Rows<'_, Any> {
        Rows { base: self.base, len: self.len, shape: Any(self.shape.size()), life: PhantomData }
    }

    pub(super) fn borrow(&mut self) -> Rows<'_, S> {
        Rows { life: PhantomData, ..*self }
    }

    pub(super) fn split_at(self, mid: usize) -> (Rows<'a, S>, Rows<'a, S>) {
        assert!(mid <= self.len);
        let tail = Rows { base: self.at(mid), len: self.len - mid, ..self };
        (Rows { len: mid, ..self }, tail)
    }

    /// Elements `from..to`.
    pub(super) fn part(&mut self, from: usize, to: usize) -> Rows<'_, S> {
        self.borrow().split_at(to).0.split_at(from).1
    }

    /// Part `i` of `n` nearly equal ones, to be had from several threads.
    ///
    /// # Safety
    /// No part is used twice at the same time, nor while the whole is.
    pub(super) unsafe fn shared_part(&self, i: usize, n: usize) -> Rows<'_, S> {
        // SAFETY: the caller's promise.
        unsafe { self.shared(share(self.len, i, n), share(self.len, i + 1, n)) }
    }

    /// Elements `from..to`, likewise.
    ///
    /// # Safety
    /// As [`Rows::shared_part`].
    pub(super) unsafe fn shared(&self, from: usize, to: usize) -> Rows<'_, S> {
        assert!(from <= to && to <= self.len);
        Rows { base: self.at(from), len: to - from, shape: self.shape, life: PhantomData }
    }

    /// Both are of one length.
    pub(super) fn copy_from(&mut self, from: &Rows<'_, S>) {
        assert!(self.len == from.len);
        // SAFETY: rows do not overlap, and hold `len` elements.
        unsafe { ptr::copy_nonoverlapping(from.base, self.base, self.len * self.shape.size()) };
    }

    #[inline]
    pub(super) fn swap(&mut self, i: usize, j: usize) {
        assert!(i < self.len && j < self.len);
        if i != j {
            // SAFETY: two different elements.
            unsafe { ptr::swap_nonoverlapping(self.at(i), self.at(j), self.shape.size()) };
        }
    }

    pub(super) fn reverse(&mut self) {
        for i in 0..self.len / 2 {
            self.swap(i, self.len - 1 - i);
        }
    }
}

// SAFETY: a shared borrow gives addresses; who follows them is bound by `shared_part` and their own promises.
unsafe impl<S: Sync> Sync for Rows<'_, S> {}

/// Of a cache, in bytes.
pub(super) const LINE: usize = 64;

/// Asks for the line at `place`, which is soon used.
#[inline(always)]
pub(super) fn prefetch(place: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which does not fault.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Where part `i` of `n` parts of `len` things begins.
pub(super) fn share(len: usize, i: usize, n: usize) -> usize {
    let (each, rest) = (len / n, len % n);
    each * i + rest.min(i)
}

/// Memory for elements, aligned as those at `base` are.
pub(super) struct Scratch {
    memory: Vec<u8>,
    start: usize,
}

impl Scratch {
    /// No type asks for more than a page.
    const MOST_ALIGNED: u32 = 4096_u32.ilog2();

    /// `bytes` of it, for elements of `size` that lie at `base` elsewhere.
    pub(super) fn new(bytes: usize, base: *const u8, size: usize) -> Result<Scratch> {
        let align = 1 << (base.addr() | size).trailing_zeros().min(Self::MOST_ALIGNED);
        let mut memory = Vec::new();
        let room = bytes.checked_add(align).ok_or(Error::NoMemory)?;
        errno::kept(|| memory.try_reserve_exact(room)).map_err(|_| Error::NoMemory)?;
        alloc::prefer_huge_pages(memory.spare_capacity_mut());
        let start = memory.as_ptr().align_offset(align);
        Ok(Scratch { memory, start })
    }

    /// The first `len` elements of it.
    pub(super) fn rows<S: Shape>(&mut self, len: usize, shape: S) -> Rows<'_, S> {
        let room = &mut self.memory.spare_capacity_mut()[self.start..];
        assert!(len.checked_mul(shape.size()).is_some_and(|bytes| bytes <= room.len()));
        // SAFETY: borrowed for as long as the rows are.
        unsafe { Rows::new(room.as_mut_ptr().cast(), len, shape) }
    }
}
