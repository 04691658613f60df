//! What shuttle's scheduler needs beside its own atomics and mutexes, so that the engine as it is can run as its threads:
//! futexes, threads, a word for each, and a clock. Built with `--cfg shuttle`; `make shuttle` runs it.
//!
//! A futex keeps its sleepers in a table by address, as the system does, for a word may be gone when it is woken. Its
//! comparison and its entry into the table are one step: threads change only where a step of shuttle's begins.
//!
//! Time is a number that grows with each look at it. A wait with a limit sleeps for a few turns of the others, and then
//! its time is over: any limit may be reached before anything else happens.
//!
//! All of it is of one execution at a time, on one thread of the system: [`start`] begins the next.
#![allow(unsafe_code, reason = "as the real futex")]

#[cfg(test)]
mod pools;

use core::cell::{Cell, RefCell};
use core::ffi::c_void;
use core::ptr;
use std::rc::Rc;
use std::vec::Vec;

use shuttle::thread::{self, JoinHandle, Thread};

use super::{Acquire, AtomicU32, Release};
use crate::error::{Error, Result};
use crate::sys::clock::Deadline;

/// How much later it is at each look.
const TICK_NS: u64 = 2_000;
/// For how many turns a wait with a limit sleeps.
const TURNS: u32 = 8;

struct Sleeper {
    word: usize,
    thread: Thread,
    woken: Rc<Cell<bool>>,
}

std::thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
    static SLEEPERS: RefCell<Vec<Sleeper>> = const { RefCell::new(Vec::new()) };
    static THREADS: RefCell<Vec<Option<JoinHandle<()>>>> = const { RefCell::new(Vec::new()) };
}

shuttle::thread_local! {
    static WORD: Cell<*const ()> = Cell::new(ptr::null());
}

/// For `sys::tls`.
pub(crate) fn word() -> *const () {
    WORD.with(Cell::get)
}

/// Likewise.
pub(crate) fn set_word(word: *const ()) {
    WORD.with(|own| own.set(word));
}

/// For `sys::clock`: the time, and there always is one.
pub(crate) fn read_clock() -> Option<u64> {
    NOW.set(NOW.get() + TICK_NS);
    Some(NOW.get())
}

struct Start(extern "C" fn(*mut c_void) -> *mut c_void, *mut c_void);

// SAFETY: whoever starts a thread says that it may call this.
unsafe impl Send for Start {}

/// For `sys::thread`: a thread of shuttle's, which can always be had.
pub(crate) fn spawn(main: extern "C" fn(*mut c_void) -> *mut c_void, arg: *mut c_void) -> Option<libc::pthread_t> {
    let start = Start(main, arg);
    let thread = thread::spawn(move || {
        let Start(main, arg) = { start };
        main(arg);
    });
    THREADS.with_borrow_mut(|threads| {
        threads.push(Some(thread));
        Some(threads.len() as libc::pthread_t - 1)
    })
}

/// Likewise: waits for one of those, which it always is.
pub(crate) fn join(thread: libc::pthread_t) -> bool {
    let thread = THREADS.with_borrow_mut(|threads| threads.get_mut(thread as usize).and_then(Option::take));
    if let Some(thread) = thread {
        let _ = thread.join();
    }
    true
}

#[derive(Default)]
pub(crate) struct Futex(AtomicU32);

impl Futex {
    pub(crate) fn wait(&self, seen: u32, deadline: Deadline) -> Result<()> {
        if deadline == Deadline::Passed {
            return Err(Error::TimedOut);
        }
        if self.load(Acquire) != seen {
            return Ok(());
        }
        let woken = Rc::new(Cell::new(false));
        let word = ptr::from_ref(self).addr();
        let sleeper = Sleeper { word, thread: thread::current(), woken: woken.clone() };
        SLEEPERS.with_borrow_mut(|sleepers| sleepers.push(sleeper));
        let mut turns = 0;
        while !woken.get() {
            match deadline {
                Deadline::At(_) if turns < TURNS => thread::yield_now(),
                Deadline::At(ns) => {
                    NOW.set(NOW.get().max(ns));
                    SLEEPERS.with_borrow_mut(|sleepers| sleepers.retain(|other| !Rc::ptr_eq(&other.woken, &woken)));
                    return Err(Error::TimedOut);
                }
                _ => thread::park(),
            }
            turns += 1;
        }
        Ok(())
    }

    pub(crate) fn wake_one(&self) {
        wake(ptr::from_ref(self).addr(), 1);
    }

    pub(crate) fn wake_all(&self) {
        wake(ptr::from_ref(self).addr(), usize::MAX);
    }

    pub(crate) unsafe fn tell(this: *const Futex, value: u32) {
        // SAFETY: the caller's promise. From the store on the address alone is used.
        unsafe { (*this).store(value, Release) };
        wake(this.addr(), usize::MAX);
    }
}

impl core::ops::Deref for Futex {
    type Target = AtomicU32;
    fn deref(&self) -> &AtomicU32 {
        &self.0
    }
}

fn wake(word: usize, most: usize) {
    let woken = SLEEPERS.with_borrow_mut(|sleepers| {
        let (mut woken, mut left) = (Vec::new(), Vec::new());
        for sleeper in sleepers.drain(..) {
            if sleeper.word == word && woken.len() < most { woken.push(sleeper) } else { left.push(sleeper) }
        }
        *sleepers = left;
        woken
    });
    for sleeper in woken {
        sleeper.woken.set(true);
        sleeper.thread.unpark();
    }
}

/// At the beginning of an execution.
#[cfg(test)]
pub(crate) fn start() {
    NOW.set(0);
    SLEEPERS.with_borrow_mut(Vec::clear);
    THREADS.with_borrow_mut(Vec::clear);
}
