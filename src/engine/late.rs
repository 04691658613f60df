//! Tasks that were accepted before they could be queued, and then found no memory in any queue, or whom an eviction passed
//! over: a list through the records themselves, so that it never fails. Empty but for the rare day.
#![allow(unsafe_code, reason = "links records")]

use core::ptr::{self, NonNull};

use crate::engine::pool::Pool;
use crate::engine::task::{Record, Task};
use crate::sync::{AcqRel, Acquire, AtomicU64, Mutex, SeqCst, fence, lock};

#[derive(Default)]
pub(crate) struct Late {
    count: AtomicU64,
    list: Mutex<List>,
}

struct List {
    first: *mut Record,
    last: *mut Record,
}

impl Default for List {
    fn default() -> List {
        List { first: ptr::null_mut(), last: ptr::null_mut() }
    }
}

// SAFETY: a record is the list's alone while it is in it.
unsafe impl Send for List {}

impl Pool {
    /// It was nowhere to be seen meanwhile, so someone may have to be told.
    pub(crate) fn add_late(&self, record: NonNull<Record>) {
        self.late.add(record);
        fence(SeqCst);
        self.sleep.task_added(&self.workers);
    }

    pub(crate) fn has_late_work(&self) -> bool {
        self.late.count() > 0 && !self.injector.head().is_shut()
    }

    /// As from the injector: with room given back for it, and not while the pool is paused.
    pub(crate) fn take_late(&self) -> Option<Task> {
        let task = self.late.take(|| self.has_late_work())?;
        if let Some(capacity) = &self.capacity {
            capacity.give();
        }
        Some(task)
    }
}

impl Late {
    #[inline]
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Acquire)
    }

    fn add(&self, record: NonNull<Record>) {
        let mut list = lock(&self.list);
        // SAFETY: as above.
        unsafe {
            record.as_ref().next.set(ptr::null_mut());
            match list.last.as_ref() {
                Some(last) => last.next.set(record.as_ptr()),
                None => list.first = record.as_ptr(),
            }
        }
        list.last = record.as_ptr();
        self.count.fetch_add(1, AcqRel);
    }

    /// Waits until whoever is just taking one has it.
    pub(crate) fn pass(&self) {
        drop(lock(&self.list));
    }

    fn take(&self, may: impl FnOnce() -> bool) -> Option<Task> {
        if self.count() == 0 {
            return None;
        }
        let mut list = lock(&self.list);
        if !may() {
            return None;
        }
        let record = NonNull::new(list.first)?;
        // SAFETY: as above.
        list.first = unsafe { record.as_ref() }.next.get();
        if list.first.is_null() {
            list.last = ptr::null_mut();
        }
        self.count.fetch_sub(1, AcqRel);
        Some(Task::of(record))
    }
}
