//! Misuse that debug builds tell: a handle that is used after its end ends the process with one line.

use std::process::Command;
use std::ptr;

use tp::capi::future::*;
use tp::capi::group::*;
use tp::capi::pool::*;
use tp::capi::status::*;
use tp::capi::submit::*;

use crate::support::*;

extern "C-unwind" fn nothing(_: *mut std::ffi::c_void) {}

fn pool() -> *mut tp_pool {
    let mut pool = ptr::null_mut();
    assert_eq!(tp_create(&options(1), &mut pool), TP_OK);
    pool
}

fn future() -> *mut tp_future {
    let mut future = ptr::null_mut();
    assert_eq!(tp_future_create(&mut future), TP_OK);
    future
}

fn group() -> *mut tp_group {
    let mut group = ptr::null_mut();
    assert_eq!(tp_group_create(tp_default(), ptr::null_mut(), &mut group), TP_OK);
    group
}

fn dead_pool() -> *mut tp_pool {
    let pool = pool();
    assert_eq!(tp_destroy(pool), TP_OK);
    pool
}

fn dead_future() -> *mut tp_future {
    let future = future();
    tp_future_release(future);
    future
}

fn dead_group() -> *mut tp_group {
    let group = group();
    assert_eq!(tp_group_destroy(group), TP_OK);
    group
}

type Misuse = fn() -> i32;

const MISUSES: [(&str, Misuse); 9] = [
    ("submit to a destroyed pool", || tp_submit(dead_pool(), Some(nothing), ptr::null_mut())),
    ("pause a destroyed pool", || tp_pause(dead_pool())),
    ("destroy a pool twice", || tp_destroy(dead_pool())),
    ("wait for a released future", || tp_future_wait(dead_future(), 0, ptr::null_mut())),
    ("complete a released future", || tp_future_complete(dead_future(), ptr::null_mut())),
    ("release a future twice", || {
        tp_future_release(dead_future());
        TP_OK
    }),
    ("submit to a destroyed group", || tp_group_submit(dead_group(), Some(nothing), ptr::null_mut())),
    ("count a destroyed group", || tp_group_count(dead_group()) as i32),
    ("destroy a group twice", || tp_group_destroy(dead_group())),
];

#[test]
#[ignore = "misuses a handle: run as a child by the test below"]
fn child() {
    let what = std::env::var("TP_TEST_MISUSE").unwrap();
    let (_, misuse) = MISUSES.iter().find(|(name, _)| *name == what).unwrap();
    panic!("it went on with {}", misuse());
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "releases have no seals")]
fn a_handle_that_is_used_after_its_end_is_told() {
    for (name, _) in MISUSES {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["misuse::child", "--exact", "--ignored", "--nocapture"])
            .env("TP_TEST_MISUSE", name)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let told = said.contains("tp: a handle was used after its destroy or release\n");
        assert!(told || said.contains("Sanitizer: heap-use-after-free"), "{name}: {output:?}");
        assert!(!output.status.success(), "{name}");
    }
}
