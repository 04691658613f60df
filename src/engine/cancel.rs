//! What a task can be cancelled by: its future, or its group and the groups above.
//!
//! A scope is a flag and the scope around it. The context of a running task points at the task's innermost scope, so that
//! asking takes a few relaxed loads, and so that a wait can tell whether it waits for what it stands on.
#![allow(unsafe_code, reason = "follows scopes by raw pointer")]

use core::ptr;

use crate::sync::{AtomicBool, Relaxed};

pub(crate) struct Scope {
    cancelled: AtomicBool,
    outer: *const Scope,
}

impl Scope {
    /// `outer` is null or outlives the new one.
    pub(crate) fn new(outer: *const Scope) -> Scope {
        Scope { cancelled: AtomicBool::new(false), outer }
    }

    pub(crate) fn set_cancelled(&self, cancelled: bool) {
        self.cancelled.store(cancelled, Relaxed);
    }

    /// Itself, and those around it.
    fn chain(&self) -> impl Iterator<Item = &Scope> {
        // SAFETY: null, or a scope that outlives its inner ones.
        core::iter::successors(Some(self), |scope| unsafe { scope.outer.as_ref() })
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.chain().any(|scope| scope.cancelled.load(Relaxed))
    }

    pub(crate) fn is_inside(&self, other: *const Scope) -> bool {
        self.chain().any(|scope| ptr::eq(scope, other))
    }
}
