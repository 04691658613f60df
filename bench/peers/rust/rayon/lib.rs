//! rayon: a `ThreadPool`, `spawn` on it from outside, `rayon::spawn` from inside, which is its worker's own queue. A group
//! is a `scope`.

use bench_peer::{Ability, CompareFn, GangFn, GroupFn, Pointer, RangeFn, Reason, Record, Task, TaskFn, Workers, order};
use rayon::prelude::*;
use std::ffi::{c_uint, c_ulong, c_void};
use std::ptr;
use std::slice;
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

#[unsafe(no_mangle)]
extern "C" fn peer_with_group(body: GroupFn, arg: *mut c_void) {
    let arg = Pointer::new(arg);
    rayon::scope(move |scope| body(ptr::from_ref(scope).cast_mut().cast(), arg.get()));
}

#[unsafe(no_mangle)]
extern "C" fn peer_group_run(group: *mut c_void, run: TaskFn, arg: *mut c_void) {
    let task = Task { run, arg };
    // SAFETY: this is called in the body of the scope that `group` is.
    unsafe { &*group.cast::<rayon::Scope<'_>>() }.spawn(move |_| { task }.run());
}

/// The body runs on a worker, and the caller sleeps.
#[unsafe(no_mangle)]
extern "C" fn peer_with_crew(workers: Workers, body: TaskFn, arg: *mut c_void) {
    let task = Task { run: body, arg };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(workers as usize).build().expect("no pool");
    pool.install(move || task.run());
}

fn fib(n: u32) -> c_ulong {
    if n < 2 {
        return c_ulong::from(n);
    }
    let (one, two) = rayon::join(|| fib(n - 1), || fib(n - 2));
    one + two
}

#[unsafe(no_mangle)]
extern "C" fn peer_fib(n: c_uint) -> c_ulong {
    fib(n)
}

#[unsafe(no_mangle)]
extern "C" fn peer_invoke(a: TaskFn, arg_a: *mut c_void, b: TaskFn, arg_b: *mut c_void) {
    let (a, b) = (Task { run: a, arg: arg_a }, Task { run: b, arg: arg_b });
    rayon::join(move || a.run(), move || b.run());
}

#[unsafe(no_mangle)]
extern "C" fn peer_for(n: u64, grain: u64, body: RangeFn, ctx: *mut c_void) {
    let ctx = Pointer::new(ctx);
    // The iterator over u64 cannot be told how small its parts are to be.
    let parts = 0..n.div_ceil(grain.max(1)) as usize;
    if grain == 0 {
        parts.into_par_iter().for_each(move |i| body(i as u64, i as u64 + 1, ctx.get()));
    } else {
        parts.into_par_iter().with_max_len(1).for_each(move |part| {
            let lo = part as u64 * grain;
            body(lo, n.min(lo + grain), ctx.get());
        });
    }
}

#[unsafe(no_mangle)]
extern "C" fn peer_gang(_: u32, body: GangFn, ctx: *mut c_void) {
    let ctx = Pointer::new(ctx);
    // There are as many bodies as there are workers.
    rayon::broadcast(move |member| body(member.index() as u32, member.num_threads() as u32, ctx.get()));
}

#[unsafe(no_mangle)]
extern "C" fn peer_sort(base: *mut i32, n: usize) {
    // SAFETY: peer.h gives `n` numbers, which nobody else uses meanwhile.
    unsafe { slice::from_raw_parts_mut(base, n) }.par_sort_unstable();
}

#[unsafe(no_mangle)]
extern "C" fn peer_sort_records(base: *mut Record, n: usize, in_order: bool) {
    // SAFETY: peer.h gives `n` records, which nobody else uses meanwhile.
    let all = unsafe { slice::from_raw_parts_mut(base, n) };
    if in_order {
        all.par_sort_by_key(|record| record.key);
    } else {
        all.par_sort_unstable_by_key(|record| record.key);
    }
}

fn sort_by<T: Send>(all: &mut [T], compare: CompareFn, in_order: bool) {
    if in_order {
        all.par_sort_by(|x, y| order(compare, x, y));
    } else {
        all.par_sort_unstable_by(|x, y| order(compare, x, y));
    }
}

#[unsafe(no_mangle)]
extern "C" fn peer_sort_by(base: *mut c_void, n: usize, size: usize, compare: CompareFn, in_order: bool) {
    // SAFETY: peer.h gives `n` numbers or pointers, which nobody else uses meanwhile.
    unsafe {
        if size == size_of::<i32>() {
            sort_by(slice::from_raw_parts_mut(base.cast::<i32>(), n), compare, in_order);
        } else {
            sort_by(slice::from_raw_parts_mut(base.cast::<Pointer>(), n), compare, in_order);
        }
    }
}
