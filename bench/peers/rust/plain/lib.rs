//! No pool: the sorts of Rust's own library, on one thread.

use bench_peer::{Ability, CompareFn, Pointer, Reason, Record, TaskFn, Workers, order};
use std::ffi::c_void;
use std::ptr;
use std::slice;

#[unsafe(no_mangle)]
extern "C" fn peer_lacks(ability: Ability, _: Workers) -> Reason {
    match ability {
        Ability::Sort | Ability::SortBy | Ability::InOrder => ptr::null(),
        _ => c"is no pool".as_ptr(),
    }
}

#[unsafe(no_mangle)]
extern "C" fn peer_with_pool(_: Workers, body: TaskFn, arg: *mut c_void) {
    body(arg);
}

#[unsafe(no_mangle)]
extern "C" fn peer_submit(run: TaskFn, arg: *mut c_void) {
    run(arg);
}

#[unsafe(no_mangle)]
extern "C" fn peer_spawn(run: TaskFn, arg: *mut c_void) {
    run(arg);
}

#[unsafe(no_mangle)]
extern "C" fn peer_with_crew(_: Workers, body: TaskFn, arg: *mut c_void) {
    body(arg);
}

#[unsafe(no_mangle)]
extern "C" fn peer_sort(base: *mut i32, n: usize) {
    // SAFETY: peer.h gives `n` numbers, which nobody else uses meanwhile.
    unsafe { slice::from_raw_parts_mut(base, n) }.sort_unstable();
}

#[unsafe(no_mangle)]
extern "C" fn peer_sort_records(base: *mut Record, n: usize, in_order: bool) {
    // SAFETY: peer.h gives `n` records, which nobody else uses meanwhile.
    let all = unsafe { slice::from_raw_parts_mut(base, n) };
    if in_order {
        all.sort_by_key(|record| record.key);
    } else {
        all.sort_unstable_by_key(|record| record.key);
    }
}

fn sort_by<T>(all: &mut [T], compare: CompareFn, in_order: bool) {
    if in_order {
        all.sort_by(|x, y| order(compare, x, y));
    } else {
        all.sort_unstable_by(|x, y| order(compare, x, y));
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
