//! The bare `Injector` of crossbeam: a queue that threads of ours drain. No pool: they never sleep, and nobody need
//! wake them. It shows what a queue alone costs.

use bench_peer::{Ability, Reason, Task, TaskFn, Workers};
use crossbeam_deque::{Injector, Steal};
use crossbeam_utils::Backoff;
use std::ffi::c_void;
use std::ptr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::thread;

static QUEUE: LazyLock<Injector<Task>> = LazyLock::new(Injector::new);
static STOP: AtomicBool = AtomicBool::new(false);

#[unsafe(no_mangle)]
extern "C" fn peer_lacks(ability: Ability, _: Workers) -> Reason {
    match ability {
        Ability::Pool | Ability::Keep | Ability::Submit => c"is a queue: its threads never sleep".as_ptr(),
        Ability::Future | Ability::FutureInside | Ability::Group | Ability::GroupInside => {
            c"is a queue: it has neither futures nor groups".as_ptr()
        }
        Ability::Fib
        | Ability::FibLong
        | Ability::Invoke
        | Ability::Loop
        | Ability::Gang
        | Ability::Sort
        | Ability::SortBy => c"has neither forks, loops nor sorts".as_ptr(),
        _ => ptr::null(),
    }
}

fn work(queue: &Injector<Task>) {
    let backoff = Backoff::new();
    while !STOP.load(Relaxed) {
        match queue.steal() {
            Steal::Success(task) => {
                task.run();
                backoff.reset();
            }
            Steal::Retry => backoff.spin(),
            Steal::Empty => backoff.snooze(),
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn peer_with_pool(workers: Workers, body: TaskFn, arg: *mut c_void) {
    let queue = &*QUEUE;
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| work(queue));
        }
        body(arg);
        STOP.store(true, Relaxed);
    });
}

#[unsafe(no_mangle)]
extern "C" fn peer_submit(run: TaskFn, arg: *mut c_void) {
    QUEUE.push(Task { run, arg });
}

#[unsafe(no_mangle)]
extern "C" fn peer_spawn(run: TaskFn, arg: *mut c_void) {
    QUEUE.push(Task { run, arg });
}
