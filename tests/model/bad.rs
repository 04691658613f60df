//! Arguments that no function takes: each call is refused, and changes nothing.

use std::ffi::c_void;
use std::ptr;

use tp::capi::future::*;
use tp::capi::group::*;
use tp::capi::parallel::*;
use tp::capi::pool::*;
use tp::capi::sort::*;
use tp::capi::status::*;
use tp::capi::submit::*;
use tp::capi::wait::*;

use super::world::Frame;

const NO_POOL: *mut tp_pool = ptr::null_mut();
const NO_FUTURE: *mut tp_future = ptr::null_mut();
const NO_GROUP: *mut tp_group = ptr::null_mut();
const NOTHING: *mut c_void = ptr::null_mut();

extern "C-unwind" fn never(_: *mut c_void) {
    std::process::abort();
}

extern "C-unwind" fn never_async(_: *mut c_void) -> *mut c_void {
    std::process::abort();
}

extern "C-unwind" fn never_then(_: *mut c_void, _: *mut c_void) -> *mut c_void {
    std::process::abort();
}

extern "C-unwind" fn never_body(_: u64, _: u64, _: *mut c_void) {
    std::process::abort();
}

extern "C-unwind" fn never_fold(_: u64, _: u64, _: *mut c_void, _: *mut c_void) {
    std::process::abort();
}

extern "C-unwind" fn never_combine(_: *mut c_void, _: *const c_void, _: *mut c_void) {
    std::process::abort();
}

extern "C-unwind" fn never_compare(_: *const c_void, _: *const c_void, _: *mut c_void) -> i32 {
    std::process::abort();
}

fn task_options(change: impl FnOnce(&mut tp_task_options)) -> tp_task_options {
    let size = size_of::<tp_task_options>();
    let mut options = tp_task_options { struct_size: size, name: ptr::null(), priority: 0, reserved: 0, drop: None };
    change(&mut options);
    options
}

/// What `tp_create` says to default options with a change.
fn create(change: impl FnOnce(&mut tp_options)) -> tp_status {
    // SAFETY: all bytes 0 are the defaults.
    let mut options: tp_options = unsafe { std::mem::zeroed() };
    options.struct_size = size_of::<tp_options>();
    options.threads = 1;
    change(&mut options);
    let mut pool = ptr::dangling_mut();
    let status = tp_create(&options, &mut pool);
    if status == TP_EINVAL && !pool.is_null() { TP_OK } else { status }
}

/// A struct of a later version, whose last byte is `last`.
#[repr(C)]
struct Later {
    known: tp_task_options,
    unknown: [u8; 16],
}

fn submit_later(pool: *mut tp_pool, size: usize, last: u8) -> tp_status {
    let known = task_options(|options| options.struct_size = size);
    let later = Later { known, unknown: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last] };
    tp_submit_with(pool, Some(never), NOTHING, (&raw const later).cast())
}

fn submit_with(pool: *mut tp_pool, change: impl FnOnce(&mut tp_task_options)) -> tp_status {
    tp_submit_with(pool, Some(never), NOTHING, &task_options(change))
}

pub(crate) fn call(frame: &Frame<'_>, which: u8) {
    let status = frame.with_pool(0, |pool| match which / 64 {
        0 => on_pools(pool, which % 64),
        1 => on_futures(pool, which % 64),
        2 => on_groups(pool, which % 64),
        _ => on_loops(pool, which % 64),
    });
    frame.check(status.is_none_or(|status| status == TP_EINVAL), || format!("bad call {which} says {status:?}"));
}

fn on_pools(pool: *mut tp_pool, which: u8) -> tp_status {
    let mut place = NO_POOL;
    let cpus = [99_999];
    match which % 26 {
        0 => tp_create(ptr::null(), ptr::null_mut()),
        1 => create(|options| options.struct_size = 8),
        2 => create(|options| options.struct_size = 5000),
        3 => create(|options| options.threads = 4097),
        4 => create(|options| options.max_reserve = 4097),
        5 => create(|options| options.when_full = 4),
        6 => create(|options| options.reserved = 1),
        7 => create(|options| options.stack_size = 1),
        8 => create(|options| options.cpus_len = 1),
        9 => create(|options| (options.cpus, options.cpus_len) = (cpus.as_ptr(), 1)),
        10 => tp_options_init(ptr::null_mut(), size_of::<tp_options>()),
        11 => tp_task_options_init(ptr::null_mut(), size_of::<tp_task_options>()),
        12 => tp_submit(NO_POOL, Some(never), NOTHING),
        13 => tp_submit(pool, None, NOTHING),
        14 => tp_submit_batch(pool, Some(never), ptr::null(), 3, ptr::null_mut()),
        15 => tp_submit_batch(pool, None, ptr::null(), 0, ptr::null_mut()),
        16 => submit_with(pool, |options| options.struct_size = 8),
        17 => submit_with(pool, |options| options.priority = 2),
        18 => submit_with(pool, |options| options.reserved = 1 << 31),
        19 => submit_later(pool, size_of::<Later>(), 1),
        20 => submit_later(pool, 4097, 0),
        21 => tp_wait(NO_POOL, 0),
        22 => tp_shutdown(pool, 2, 0),
        23 => tp_shutdown(NO_POOL, TP_DRAIN, 0),
        24 => tp_resize(pool, 4097),
        _ => {
            let all =
                [tp_pause(NO_POOL), tp_resume(NO_POOL), tp_resize(NO_POOL, 1), tp_create(ptr::null(), &mut place)];
            tp_destroy(place);
            all[..3].iter().copied().max().unwrap_or(TP_OK)
        }
    }
}

fn on_futures(pool: *mut tp_pool, which: u8) -> tp_status {
    let (mut place, mut index) = (NO_FUTURE, 0);
    let none = [NO_FUTURE];
    let options = task_options(|options| options.priority = -2);
    match which % 11 {
        0 => tp_async(pool, Some(never_async), NOTHING, ptr::null_mut()),
        1 => tp_async(pool, None, NOTHING, &mut place),
        2 => tp_async(NO_POOL, Some(never_async), NOTHING, &mut place),
        3 => tp_async_with(pool, Some(never_async), NOTHING, &options, &mut place),
        4 => tp_future_create(ptr::null_mut()),
        5 => tp_future_complete(NO_FUTURE, NOTHING),
        6 => tp_future_wait(NO_FUTURE, 0, ptr::null_mut()),
        7 => tp_future_wait_any(none.as_ptr(), 1, 0, &mut index),
        8 => tp_future_wait_any(none.as_ptr(), 0, 0, &mut index),
        9 => tp_future_then(pool, NO_FUTURE, Some(never_then), NOTHING, &mut place),
        _ => tp_future_cancel(NO_FUTURE).max(tp_future_state(NO_FUTURE)),
    }
}

fn on_groups(pool: *mut tp_pool, which: u8) -> tp_status {
    let mut place = NO_GROUP;
    match which % 7 {
        0 => tp_group_create(NO_POOL, NO_GROUP, &mut place),
        1 => tp_group_create(pool, NO_GROUP, ptr::null_mut()),
        2 => tp_group_submit(NO_GROUP, Some(never), NOTHING),
        3 => tp_group_submit_with(NO_GROUP, Some(never), NOTHING, ptr::null()),
        4 => tp_group_wait(NO_GROUP, 0),
        5 => tp_group_notify(NO_GROUP, Some(never), NOTHING),
        _ => tp_group_cancel(NO_GROUP),
    }
}

fn on_loops(pool: *mut tp_pool, which: u8) -> tp_status {
    let mut bytes = [0_u8; 16];
    let base: *mut c_void = bytes.as_mut_ptr().cast();
    let (fold, combine): (tp_fold_fn, tp_combine_fn) = (Some(never_fold), Some(never_combine));
    match which % 14 {
        0 => tp_parallel_invoke(pool, Some(never), NOTHING, None, NOTHING),
        1 => tp_parallel_invoke(NO_POOL, Some(never), NOTHING, Some(never), NOTHING),
        2 => tp_parallel_for(pool, 2, 1, 0, Some(never_body), NOTHING),
        3 => tp_parallel_for(pool, 0, 1, 0, None, NOTHING),
        4 => tp_parallel_reduce(pool, 0, 1, 0, 0, base, fold, combine, NOTHING, base),
        5 => tp_parallel_reduce(pool, 0, 1, 0, 8, ptr::null(), fold, combine, NOTHING, base),
        6 => tp_parallel_reduce(pool, 0, 1, 0, 8, base, fold, None, NOTHING, base),
        7 => tp_parallel_reduce(pool, 1, 0, 0, 8, base, fold, combine, NOTHING, base),
        8 => tp_parallel_sort(pool, base, 2, 0, Some(never_compare), NOTHING),
        9 => tp_parallel_sort(pool, ptr::null_mut(), 2, 4, Some(never_compare), NOTHING),
        10 => tp_parallel_stable_sort(pool, base, usize::MAX / 4, 8, Some(never_compare), NOTHING),
        11 => tp_parallel_sort_keys(pool, base, 2, 8, 5, TP_KEY_U32),
        12 => tp_parallel_sort_keys(pool, base, 2, 8, 0, 6),
        _ => tp_gang(pool, 0, None, NOTHING),
    }
}
