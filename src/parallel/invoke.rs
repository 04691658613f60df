//! Two functions of which the second may be run by somebody else.
//!
//! The second goes to this thread's deque, the first is run; then the second is popped, and run, or somebody has taken it
//! and is waited for. All that is needed is in the deque: nothing is allocated once that is as deep as the calls are.
#![allow(unsafe_code, reason = "calls what the user gave, and owns this thread's deque")]

use core::cell::Cell;
use core::ffi::c_void;

use crate::engine::context::Context;
use crate::engine::deque::Deque;
use crate::engine::pool::Pool;
use crate::engine::slot::Fork;
use crate::engine::task::Run;
use crate::error::Result;

/// # Safety
/// Each function may be called with its pointer, once, on any thread.
#[inline]
pub(crate) unsafe fn invoke(pool: &Pool, a: (Run, *mut c_void), b: (Run, *mut c_void)) -> Result<()> {
    // SAFETY: the caller's promise.
    pool.fork_join(|context, deque| unsafe { fork(pool, context, deque, a, b) })
}

/// # Safety
/// As above; the deque is that of this thread.
#[inline]
unsafe fn fork(
    pool: &Pool,
    context: &Context,
    deque: Option<&Deque>,
    (a, arg_a): (Run, *mut c_void),
    (b, arg_b): (Run, *mut c_void),
) {
    // SAFETY: the caller's promises; the slots are left in the order opposite to that in which they were filled, for that
    // is how the calls return.
    unsafe {
        let branch = deque.and_then(|deque| Some((deque, deque.push(Fork::branch(b, arg_b, context))?)));
        let Some((deque, slot)) = branch else {
            a(arg_a);
            return b(arg_b);
        };
        pool.sleep.task_added(&pool.workers);
        a(arg_a);
        if deque.pop(slot) {
            b(arg_b);
        } else {
            pool.wait_for_branch(slot, deque);
        }
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
