//! chili: fork and join alone, and its caller is one of the workers. A submit runs the task on the caller; children are
//! halved by `join` until one is left.

use bench_peer::{Ability, Reason, Task, TaskFn, Workers};
use chili::{Config, Scope, ThreadPool};
use std::cell::Cell;
use std::ffi::c_void;
use std::num::NonZero;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering::*};

static POOL: AtomicPtr<ThreadPool> = AtomicPtr::new(ptr::null_mut());

thread_local! {
    /// The scope of the task that this thread is in.
    static SCOPE: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
}

#[unsafe(no_mangle)]
extern "C" fn peer_lacks(ability: Ability, _: Workers) -> Reason {
    match ability {
        Ability::Pool | Ability::Keep | Ability::Fork => ptr::null(),
        _ => c"has fork and join alone".as_ptr(),
    }
}

#[unsafe(no_mangle)]
extern "C" fn peer_with_pool(workers: Workers, body: TaskFn, arg: *mut c_void) {
    let mut pool =
        ThreadPool::with_config(Config { thread_count: NonZero::new(workers as usize), ..Config::default() });
    POOL.store(&raw mut pool, Release);
    body(arg);
}

fn run_in(scope: &mut Scope<'_>, task: Task) {
    let outer = SCOPE.replace(ptr::from_mut(scope).cast());
    task.run();
    SCOPE.set(outer);
}

fn run_all(scope: &mut Scope<'_>, run: TaskFn, args: &[Arg]) {
    if let [arg] = args {
        return run_in(scope, Task { run, arg: arg.0 });
    }
    let (left, right) = args.split_at(args.len() / 2);
    scope.join(|scope| run_all(scope, run, left), |scope| run_all(scope, run, right));
}

#[repr(transparent)]
struct Arg(*mut c_void);
// SAFETY: as for `Task`.
unsafe impl Sync for Arg {}

#[unsafe(no_mangle)]
extern "C" fn peer_submit(run: TaskFn, arg: *mut c_void) {
    // SAFETY: peer.h calls this from a body alone, and the pool is there meanwhile.
    let mut scope = unsafe { &*POOL.load(Acquire) }.scope();
    run_in(&mut scope, Task { run, arg });
}

#[unsafe(no_mangle)]
extern "C" fn peer_spawn(run: TaskFn, arg: *mut c_void) {
    run(arg);
}

#[unsafe(no_mangle)]
extern "C" fn peer_spawn_many(run: TaskFn, args: *const *mut c_void, n: usize) {
    // SAFETY: a task calls this, so the scope is that of `run_in` below it on the stack, and nothing uses it meanwhile;
    // its lifetime is that of the pool. `args` are `n` pointers, as peer.h says.
    let (scope, args) =
        unsafe { (&mut *SCOPE.get().cast::<Scope<'_>>(), slice::from_raw_parts(args.cast::<Arg>(), n)) };
    if n > 0 {
        run_all(scope, run, args);
    }
}
