//! Another Rust library in the same C program: its own copy of the standard library, with threads, thread-locals and
//! a panic that is caught.

use std::cell::Cell;
use std::panic::catch_unwind;

thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });

/// 42, by way of a thread, a thread-local and an unwound panic.
#[unsafe(no_mangle)]
pub extern "C" fn other_answer() -> u32 {
    std::panic::set_hook(Box::new(|_| {}));
    let in_thread = std::thread::spawn(|| {
        CALLS.set(CALLS.get() + 1);
        catch_unwind(|| -> u32 { panic!("{}", CALLS.get()) }).map_or(40, |never| never)
    });
    CALLS.set(CALLS.get() + 1);
    in_thread.join().unwrap_or(0) + CALLS.replace(0) + 1
}
