//! A task with a name, a drop function or a priority: a record from the pool's store, which grows and is reused.
#![allow(unsafe_code, reason = "calls what the user gave")]

use core::ffi::c_void;
use core::ptr::NonNull;

use crate::engine::context;
use crate::engine::pool::Pool;
use crate::engine::store::Node;
use crate::engine::task::{Drop, End, Record, Run, Task};
use crate::error::Result;

/// What a submit may say beside the function and its pointer.
#[derive(Clone, Copy, Default)]
pub(crate) struct Extras {
    /// Ends in a zero byte; empty if there is none.
    pub(crate) name: [u8; 32],
    /// Called in place of a run.
    pub(crate) drop: Option<Drop>,
    /// Below, at or above 0.
    pub(crate) priority: i32,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Named {
    record: Record,
    run: Run,
    arg: *mut c_void,
    extras: Extras,
}

impl Pool {
    /// A task that is to be queued, or given back.
    pub(crate) fn name(&self, run: Run, arg: *mut c_void, extras: Extras) -> Result<NonNull<Node<Named>>> {
        self.named.take_with(Named { record: Record { end }, run, arg, extras })
    }
}

pub(crate) fn task(named: NonNull<Node<Named>>) -> Task {
    Task::of(named.cast())
}

/// # Safety
/// As [`Record`] says; in a context of the pool that named it.
unsafe fn end(record: NonNull<Record>, how: End) {
    let node = record.cast::<Node<Named>>();
    // SAFETY: the node begins with its value, and that with the record; it is this task's alone.
    let named = unsafe { node.as_ref() };
    let Some(context) = context::current() else {
        return;
    };
    context.set_name(&named.extras.name);
    match (how, named.extras.drop) {
        // SAFETY: whoever submitted the functions said that one of them may be called with `arg`, once, on any thread.
        (End::Run, _) => unsafe { (named.run)(named.arg) },
        // SAFETY: likewise.
        (End::Drop(why), Some(drop)) => unsafe { drop(named.arg, why) },
        (End::Drop(_), None) => {}
    }
    context.set_name(core::ptr::null());
    context.pool().named.give(node);
}
