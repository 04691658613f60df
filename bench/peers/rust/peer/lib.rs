//! What the Rust peers share: the types of peer.h.

use std::ffi::{c_char, c_uint, c_void};

/// A task's function.
pub type TaskFn = extern "C" fn(*mut c_void);

/// What a peer may lack, in the order of `enum ability`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum Ability {
    Pool,
    Keep,
    Submit,
    Queue,
    SubmitMany,
    Producers,
    Spawn,
    SpawnMany,
    Pending,
    Fork,
    Future,
    FutureInside,
    FuturesPending,
    Group,
    GroupInside,
}

/// The body of a group.
pub type GroupFn = extern "C" fn(*mut c_void, *mut c_void);

/// A number of workers.
pub type Workers = c_uint;

/// A reason, or null.
pub type Reason = *const c_char;

/// A task: a function and its argument, which may move to another thread.
#[derive(Clone, Copy)]
pub struct Task {
    /// The function.
    pub run: TaskFn,
    /// Its argument.
    pub arg: *mut c_void,
}

// SAFETY: peer.h gives a task to whichever thread runs it; what its argument points at is made for that.
unsafe impl Send for Task {}
// SAFETY: as above.
unsafe impl Sync for Task {}

impl Task {
    /// Runs it.
    #[inline]
    pub fn run(self) {
        (self.run)(self.arg);
    }
}
