//! A task: a function of the user's and one pointer, and what few tasks have beside them.
//!
//! A task is passed by value and takes three words; with the queue's own word that is 24 bytes while it is pending. A
//! name or a drop function stands in a side record, `Extras`, from a store that grows and is reused.
#![allow(unsafe_code, reason = "calls what the user gave")]

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use crate::engine::store::{Node, Store};

pub(crate) type Run = unsafe extern "C-unwind" fn(arg: *mut c_void);
pub(crate) type Drop = unsafe extern "C-unwind" fn(arg: *mut c_void, why: i32);

/// What a submit may say beside the function and its pointer.
#[derive(Clone, Copy)]
pub(crate) struct Extras {
    /// The task's pointer once more: a queue's slot has room for one pointer.
    pub(crate) arg: *mut c_void,
    /// Ends in a zero byte; empty if there is none.
    pub(crate) name: [u8; 32],
    /// Called in place of a run.
    pub(crate) drop: Option<Drop>,
    /// Below, at or above 0.
    pub(crate) priority: i32,
}

pub(crate) type ExtrasNode = Node<Extras>;

/// Accepted, it ends in exactly one way: by [`Task::run`] or by [`Task::drop`].
#[derive(Clone, Copy)]
pub(crate) struct Task {
    pub(crate) run: Run,
    pub(crate) arg: *mut c_void,
    /// Null, or a record that is this task's alone.
    pub(crate) extras: *mut ExtrasNode,
}

// SAFETY: the pointers are the user's, who was told that another thread gets them; the extras are this task's alone.
unsafe impl Send for Task {}

impl Task {
    pub(crate) fn new(run: Run, arg: *mut c_void) -> Task {
        Task { run, arg, extras: ptr::null_mut() }
    }

    pub(crate) fn run(self, store: &Store<Extras>) {
        // SAFETY: whoever submitted the function said that it may be called with `arg`, once, on any thread.
        unsafe { (self.run)(self.arg) };
        self.give_back(store);
    }

    /// Ends the task without a run. `why` is a status of tp.h.
    pub(crate) fn drop(self, store: &Store<Extras>, why: i32) {
        // SAFETY: as long as the task lives its record does.
        if let Some(drop) = unsafe { self.extras.as_ref() }.and_then(|extras| extras.drop) {
            // SAFETY: as for `run`, in its place.
            unsafe { drop(self.arg, why) };
        }
        self.give_back(store);
    }

    /// Frees what the task has beside itself: after its end, or when it was refused.
    #[inline]
    pub(crate) fn give_back(self, store: &Store<Extras>) {
        if let Some(extras) = NonNull::new(self.extras) {
            store.give(extras);
        }
    }
}

#[cfg(test)]
impl Task {
    /// A task that is only looked at.
    pub(crate) fn numbered(number: u64) -> Task {
        unsafe extern "C-unwind" fn nothing(_: *mut c_void) {}
        Task::new(nothing, ptr::without_provenance_mut(number as usize))
    }

    pub(crate) fn number(&self) -> u64 {
        self.arg.addr() as u64
    }
}
