//! Two functions of which the second may be run by somebody else.
//!
//! The second goes to this thread's deque, the first is run; then the second is popped, and run, or somebody has taken it
//! and is waited for. All that is needed is in the deque: nothing is allocated once that is as deep as the calls are.
#![allow(unsafe_code, reason = "calls what the user gave, and owns this thread's deque")]

use core::cell::Cell;
use core::ffi::c_void;

use crate::engine::context::{self, Context};
use crate::engine::deque::Deque;
use crate::engine::pool::Pool;
use crate::engine::slot::{Fork, Slot};
use crate::engine::task::Run;
use crate::error::Result;

/// # Safety
/// Each function may be called with its pointer, once, on any thread.
#[inline(always)]
pub(crate) unsafe fn invoke(pool: &Pool, a: (Run, *mut c_void), b: (Run, *mut c_void)) -> Result<()> {
    match pool.forking() {
        Some((context, deque)) => {
            // SAFETY: the caller's promise.
            unsafe { fork(context, deque, a, b) };
            Ok(())
        }
        // SAFETY: likewise.
        None => unsafe { invoke_as_guest(pool, a, b) },
    }
}

/// # Safety
/// As above.
#[cold]
#[inline(never)]
unsafe fn invoke_as_guest(pool: &Pool, (a, arg_a): (Run, *mut c_void), (b, arg_b): (Run, *mut c_void)) -> Result<()> {
    pool.fork_join(|context, deque| match deque {
        // SAFETY: the caller's promise.
        Some(deque) => unsafe { fork(context, deque, (a, arg_a), (b, arg_b)) },
        // SAFETY: likewise.
        None => unsafe {
            a(arg_a);
            b(arg_b);
        },
    })
}

/// What is rare is out of line, with all that follows it, and what is needed after the first function is read anew, from the
/// slot and the thread's word: so little is kept meanwhile that the frame is small and few stores come before the slot's.
///
/// # Safety
/// As above; the deque is that of this thread.
#[inline(always)]
unsafe fn fork(context: &Context, deque: &Deque, a: (Run, *mut c_void), b: (Run, *mut c_void)) {
    // SAFETY: the caller's promises.
    unsafe {
        match deque.push_into_room(Fork::branch(b.0, b.1, context)) {
            Some(slot) if context.pool().sleep.needs_wake() => wake_and_join(context.pool(), slot, deque, a),
            Some(slot) => join_branch(slot, deque, a),
            None => fork_deeper(context, deque, a, b),
        }
    }
}

/// # Safety
/// As above.
#[cold]
#[inline(never)]
unsafe fn fork_deeper(
    context: &Context,
    deque: &Deque,
    (a, arg_a): (Run, *mut c_void),
    (b, arg_b): (Run, *mut c_void),
) {
    // SAFETY: the caller's promises.
    unsafe {
        match deque.push(Fork::branch(b, arg_b, context)) {
            Some(slot) => wake_and_join(context.pool(), slot, deque, (a, arg_a)),
            None => {
                a(arg_a);
                b(arg_b);
            }
        }
    }
}

/// # Safety
/// As above; the slot is the newest of the deque.
#[cold]
#[inline(never)]
unsafe fn wake_and_join(pool: &Pool, slot: &Slot, deque: &Deque, a: (Run, *mut c_void)) {
    pool.sleep.task_added(&pool.workers);
    // SAFETY: the caller's promises.
    unsafe { join_branch(slot, deque, a) };
}

/// # Safety
/// As above.
#[inline(always)]
unsafe fn join_branch(slot: &Slot, deque: &Deque, (a, arg_a): (Run, *mut c_void)) {
    // SAFETY: the caller's promises; the slots are left in the order opposite to that in which they were filled, for that is
    // how the calls return. The branch that is popped is the one that was pushed.
    unsafe {
        a(arg_a);
        if deque.pop(slot) {
            let (run, arg) = slot.branch();
            core::mem::transmute::<*const (), Run>(run)(arg.cast());
        } else {
            wait(slot, deque);
        }
    }
}

#[cold]
#[inline(never)]
fn wait(slot: &Slot, deque: &Deque) {
    if let Some(context) = context::current() {
        context.pool().wait_for_branch(slot, deque);
    }
}

/// Runs both, the second perhaps on another worker. Inside of a parallel call.
pub(crate) fn join<A: FnOnce() + Send, B: FnOnce() + Send>(pool: &Pool, a: A, b: B) {
    unsafe extern "C-unwind" fn call<F: FnOnce()>(place: *mut c_void) {
        // SAFETY: `join` waits for it, and calls it once.
        if let Some(f) = unsafe { &*place.cast::<Cell<Option<F>>>() }.take() {
            f();
        }
    }
    let (a, b) = (Cell::new(Some(a)), Cell::new(Some(b)));
    let (arg_a, arg_b) = ((&raw const a).cast_mut().cast(), (&raw const b).cast_mut().cast());
    // SAFETY: each is called once, and may be on any thread.
    let result = unsafe { invoke(pool, (call::<A>, arg_a), (call::<B>, arg_b)) };
    debug_assert_eq!(result, Ok(()));
}
