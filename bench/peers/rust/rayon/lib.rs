//! rayon: a `ThreadPool`, `spawn` on it from outside, `rayon::spawn` from inside, which is its worker's own queue. A group
//! is a `scope`.

use bench_peer::{Ability, GroupFn, Reason, Task, TaskFn, Workers};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::*};

static POOL: AtomicPtr<rayon::ThreadPool> = AtomicPtr::new(ptr::null_mut());

#[unsafe(no_mangle)]
extern "C" fn peer_lacks(ability: Ability, _: Workers) -> Reason {
    match ability {
        Ability::Future | Ability::FutureInside => c"has scopes, and no futures".as_ptr(),
        Ability::Group => c"waits for a scope once, at its end".as_ptr(),
        _ => ptr::null(),
    }
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

/// A pointer of ours that may move to another thread.
struct Shared(*mut c_void);
// SAFETY: what it points at is made for that, says peer.h.
unsafe impl Send for Shared {}

#[unsafe(no_mangle)]
extern "C" fn peer_with_group(body: GroupFn, arg: *mut c_void) {
    let arg = Shared(arg);
    rayon::scope(move |scope| {
        let arg = arg;
        body(ptr::from_ref(scope).cast_mut().cast(), arg.0);
    });
}

#[unsafe(no_mangle)]
extern "C" fn peer_group_run(group: *mut c_void, run: TaskFn, arg: *mut c_void) {
    let task = Task { run, arg };
    // SAFETY: this is called in the body of the scope that `group` is.
    unsafe { &*group.cast::<rayon::Scope<'_>>() }.spawn(move |_| { task }.run());
}
