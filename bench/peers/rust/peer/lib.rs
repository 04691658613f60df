//! What the Rust peers share: the types of peer.h.

use std::cmp::Ordering;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr;

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
    Fib,
    FibLong,
    Invoke,
    Loop,
    Gang,
    Sort,
    SortBy,
    InOrder,
}

/// The body of a group.
pub type GroupFn = extern "C" fn(*mut c_void, *mut c_void);

/// The body of a loop: a part of the range, and the context.
pub type RangeFn = extern "C" fn(u64, u64, *mut c_void);

/// The body of a gang: its rank, how many there are, and the context.
pub type GangFn = extern "C" fn(u32, u32, *mut c_void);

/// A comparison, whose context is null.
pub type CompareFn = extern "C" fn(*const c_void, *const c_void, *mut c_void) -> c_int;

/// What is sorted by its key.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Record {
    /// What it is sorted by.
    pub key: u64,
    /// Any other number.
    pub value: u64,
}

/// A pointer of C that is sorted, or handed on to bodies.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Pointer(*mut c_void);

// SAFETY: what it points at is made for that, says peer.h.
unsafe impl Send for Pointer {}
// SAFETY: as above.
unsafe impl Sync for Pointer {}

impl Pointer {
    /// Wraps it.
    #[inline]
    pub fn new(pointer: *mut c_void) -> Self {
        Self(pointer)
    }

    /// The pointer itself.
    #[inline]
    pub fn get(self) -> *mut c_void {
        self.0
    }
}

/// What `compare` says of two.
#[inline]
pub fn order<T>(compare: CompareFn, x: &T, y: &T) -> Ordering {
    compare(ptr::from_ref(x).cast(), ptr::from_ref(y).cast(), ptr::null_mut()).cmp(&0)
}

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
