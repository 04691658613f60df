//! chili: fork and join alone, and its caller is one of the workers. A submit runs the task on the caller; children are
//! halved by `join` until one is left.

use bench_peer::{Ability, Pointer, RangeFn, Reason, Task, TaskFn, Workers};
use chili::{Config, Scope, ThreadPool};
use std::cell::Cell;
use std::ffi::{c_uint, c_ulong, c_void};
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
        Ability::Fib | Ability::FibLong | Ability::Invoke | Ability::Loop => ptr::null(),
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

/// The scope of the task that calls.
///
/// # Safety
///
/// A task calls, and lets go of it before it returns.
unsafe fn scope_here<'a>() -> &'a mut Scope<'a> {
    // SAFETY: it is that of `run_in` below the caller on the stack, and nothing uses it meanwhile; its lifetime is that
    // of the pool.
    unsafe { &mut *SCOPE.get().cast::<Scope<'_>>() }
}

#[unsafe(no_mangle)]
extern "C" fn peer_spawn_many(run: TaskFn, args: *const *mut c_void, n: usize) {
    // SAFETY: a task calls this. `args` are `n` pointers, as peer.h says.
    let (scope, args) = unsafe { (scope_here(), slice::from_raw_parts(args.cast::<Arg>(), n)) };
    if n > 0 {
        run_all(scope, run, args);
    }
}

#[unsafe(no_mangle)]
extern "C" fn peer_with_crew(workers: Workers, body: TaskFn, arg: *mut c_void) {
    extern "C" fn submit(task: *mut c_void) {
        // SAFETY: this is the task below.
        let task = unsafe { *task.cast::<Task>() };
        peer_submit(task.run, task.arg);
    }
    let mut task = Task { run: body, arg };
    peer_with_pool(workers, submit, (&raw mut task).cast());
}

fn fib(scope: &mut Scope<'_>, n: u32) -> c_ulong {
    if n < 2 {
        return c_ulong::from(n);
    }
    let (one, two) = scope.join(|scope| fib(scope, n - 1), |scope| fib(scope, n - 2));
    one + two
}

#[unsafe(no_mangle)]
extern "C" fn peer_fib(n: c_uint) -> c_ulong {
    // SAFETY: the body of a crew is a task.
    fib(unsafe { scope_here() }, n)
}

#[unsafe(no_mangle)]
extern "C" fn peer_invoke(a: TaskFn, arg_a: *mut c_void, b: TaskFn, arg_b: *mut c_void) {
    let (a, b) = (Task { run: a, arg: arg_a }, Task { run: b, arg: arg_b });
    // SAFETY: the body of a crew is a task, and so are branches.
    unsafe { scope_here() }.join(move |scope| run_in(scope, a), move |scope| run_in(scope, b));
}

/// Halves the range until `grain` items are left.
fn run_range(scope: &mut Scope<'_>, lo: u64, hi: u64, grain: u64, body: RangeFn, ctx: Pointer) {
    if hi - lo <= grain {
        return body(lo, hi, ctx.get());
    }
    let middle = lo + (hi - lo).div_ceil(grain) / 2 * grain;
    scope.join(
        move |scope| run_range(scope, lo, middle, grain, body, ctx),
        move |scope| run_range(scope, middle, hi, grain, body, ctx),
    );
}

#[unsafe(no_mangle)]
extern "C" fn peer_for(n: u64, grain: u64, body: RangeFn, ctx: *mut c_void) {
    // SAFETY: the body of a crew is a task.
    run_range(unsafe { scope_here() }, 0, n, grain.max(1), body, Pointer::new(ctx));
}
