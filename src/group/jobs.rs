//! A list of jobs, linked through themselves, under the tree's lock.
#![allow(unsafe_code, reason = "links jobs by raw pointer")]

use core::ptr::{self, NonNull};

use crate::engine::job::JobNode;

/// A list of jobs, oldest first.
pub(super) struct Jobs {
    pub(super) first: *mut JobNode,
    last: *mut JobNode,
}

impl Jobs {
    pub(super) const NONE: Jobs = Jobs { first: ptr::null_mut(), last: ptr::null_mut() };

    /// # Safety
    /// Here and below: the jobs are in this list, or in none where they are added, and the caller has its lock.
    pub(super) unsafe fn push(&mut self, node: NonNull<JobNode>) {
        // SAFETY: the caller's promise.
        unsafe {
            node.as_ref().next.set(ptr::null_mut());
            node.as_ref().previous.set(self.last);
            match self.last.as_ref() {
                Some(last) => last.next.set(node.as_ptr()),
                None => self.first = node.as_ptr(),
            }
        }
        self.last = node.as_ptr();
    }

    pub(super) unsafe fn remove(&mut self, node: NonNull<JobNode>) {
        // SAFETY: the caller's promise.
        unsafe {
            let (next, previous) = (node.as_ref().next.get(), node.as_ref().previous.get());
            match next.as_ref() {
                Some(next) => next.previous.set(previous),
                None => self.last = previous,
            }
            match previous.as_ref() {
                Some(previous) => previous.next.set(next),
                None => self.first = next,
            }
        }
    }

    pub(super) unsafe fn pop(&mut self) -> Option<NonNull<JobNode>> {
        let first = NonNull::new(self.first)?;
        // SAFETY: the caller's promise.
        unsafe { self.remove(first) };
        Some(first)
    }

    pub(super) unsafe fn append(&mut self, mut other: Jobs) {
        // SAFETY: the caller's promise.
        while let Some(node) = unsafe { other.pop() } {
            // SAFETY: likewise.
            unsafe { self.push(node) };
        }
    }
}
