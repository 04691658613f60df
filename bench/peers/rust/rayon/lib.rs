//! rayon: a `ThreadPool`, `spawn` on it from outside, `rayon::spawn` from inside, which is its worker's own queue.

use bench_peer::{Ability, Reason, Task, TaskFn, Workers};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::*};

static POOL: AtomicPtr<rayon::ThreadPool> = AtomicPtr::new(ptr::null_mut());

#[unsafe(no_mangle)]
extern "C" fn peer_lacks(_: Ability, _: Workers) -> Reason {
    ptr::null()
}

#[unsafe(no_mangle)]
extern "C" fn peer_with_pool(workers: Workers, body: TaskFn, arg: *mut c_void) {
    let mut pool = rayon::ThreadPoolBuilder::new().num_threads(workers as usize).build().expect("no pool");
    POOL.store(&raw mut pool, Release);
    body(arg);
}

#[unsafe(no_mangle)]
extern "C" fn peer_submit(run: TaskFn, arg: *mut c_void) {
    let task = Task { run, arg };
    // SAFETY: peer.h calls this from a body alone, or from threads that it waits for; the pool is there meanwhile.
    unsafe { &*POOL.load(Acquire) }.spawn(move || { task }.run());
}

#[unsafe(no_mangle)]
extern "C" fn peer_spawn(run: TaskFn, arg: *mut c_void) {
    let task = Task { run, arg };
    rayon::spawn(move || { task }.run());
}
