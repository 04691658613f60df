//! A task: a function of the user's and one pointer; or, where it has more than those, a record that knows how it ends.
//!
//! A task is passed by value and takes two words; with the queue's own word that is 24 bytes while it is pending.
#![allow(unsafe_code, reason = "calls what the user gave")]

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{self, NonNull};

use crate::sync::{AtomicBool, Relaxed};

pub(crate) type Run = unsafe extern "C-unwind" fn(arg: *mut c_void);
pub(crate) type Drop = unsafe extern "C-unwind" fn(arg: *mut c_void, why: i32);

/// How a queued task ends: on the thread that took it from its queue, in a context of its pool.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Run,
    /// Without a run. The number is a status of tp.h.
    Drop(i32),
}

/// The first field of what is queued by reference. Its function is called once for each time that it was queued.
pub(crate) struct Record {
    end: unsafe fn(NonNull<Record>, End),
    /// The list's that it is in where no queue could take it.
    pub(crate) next: Cell<*mut Record>,
    /// Somebody else ends it, or has: what is in the queue only has to be let go.
    stale: AtomicBool,
    /// Whether the limit on the queue counts it.
    pub(crate) counted: bool,
}

impl Record {
    pub(crate) fn new(end: unsafe fn(NonNull<Record>, End)) -> Record {
        Record { end, next: Cell::new(ptr::null_mut()), stale: AtomicBool::new(false), counted: true }
    }

    /// One that no limit counts.
    pub(crate) fn uncounted(end: unsafe fn(NonNull<Record>, End)) -> Record {
        Record { counted: false, ..Record::new(end) }
    }

    pub(crate) fn set_stale(&self) {
        self.stale.store(true, Relaxed);
    }
}

/// Accepted, it ends in exactly one way: by [`Task::end`].
#[derive(Clone, Copy)]
pub(crate) struct Task {
    /// Null: `data` is a record.
    run: *mut (),
    data: *mut c_void,
}

// SAFETY: the pointers are the user's, who was told that another thread gets them, or this task's alone.
unsafe impl Send for Task {}

impl Task {
    #[inline]
    pub(crate) fn new(run: Run, arg: *mut c_void) -> Task {
        Task { run: run as *mut (), data: arg }
    }

    pub(crate) fn of(record: NonNull<Record>) -> Task {
        Task { run: ptr::null_mut(), data: record.as_ptr().cast() }
    }

    #[inline]
    pub(crate) fn record(&self) -> Option<&Record> {
        // SAFETY: a record lives until it has ended.
        if self.run.is_null() { unsafe { self.data.cast::<Record>().as_ref() } } else { None }
    }

    /// What it calls, if it is no record.
    pub(crate) fn function(&self) -> Option<(Run, *mut c_void)> {
        // SAFETY: `run` was made from a function of this type.
        (!self.run.is_null()).then(|| (unsafe { core::mem::transmute::<*mut (), Run>(self.run) }, self.data))
    }

    /// Whether it may be ended at any time, before its turn. By whoever has it.
    pub(crate) fn is_stale(self) -> bool {
        self.record().is_some_and(|record| record.stale.load(Relaxed))
    }

    /// As a queue's slot keeps it.
    #[inline]
    pub(crate) fn into_words(self) -> (*mut (), *mut c_void) {
        (self.run, self.data)
    }

    /// # Safety
    /// The words are those of a task.
    #[inline]
    pub(crate) unsafe fn from_words(run: *mut (), data: *mut c_void) -> Task {
        Task { run, data }
    }

    #[inline]
    pub(crate) fn end(self, how: End) {
        if let Some(record) = NonNull::new(self.data.cast::<Record>()).filter(|_| self.run.is_null()) {
            // SAFETY: a record lives until it has ended.
            unsafe { (record.as_ref().end)(record, how) };
        } else if let End::Run = how {
            // SAFETY: whoever submitted the function said that it may be called with `arg`, once, on any thread; `run`
            // was made from a function of this type.
            unsafe { core::mem::transmute::<*mut (), Run>(self.run)(self.data) };
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
        self.data.addr() as u64
    }
}
