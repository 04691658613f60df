//! A machine with as many CPUs as threads, in virtual time.
//!
//! All its threads are contexts on the one thread of the system that called [`run`]. Each has a clock. The one whose
//! clock is least runs until it is not, so that steps happen in the order of virtual time. What still varies a little from
//! run to run is where malloc puts things.
//!
//! A load or a locked instruction waits until the line is there. A plain store waits for nothing: the line comes while
//! the thread goes on, to its next locked instruction or fence.

use core::cell::{Cell, RefCell};
use core::cmp::Reverse;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ops::Range;
use core::ptr;
use std::collections::{BinaryHeap, VecDeque};

use super::cache::{Access, Cache, Count, THREADS_MAX};
use crate::sys::tls;

/// What the machine reckons in, so that a hit is more than nothing.
pub(super) const TICKS_PER_NS: u64 = 4;

/// In ticks.
#[derive(Clone, Copy)]
pub(crate) struct Costs {
    transfer: u64,
    hit: u64,
    locked_hit: u64,
    fence: u64,
    pub(crate) pause: u64,
    pub(crate) read_clock: u64,
    /// A system call that has nothing to do.
    pub(crate) call: u64,
    /// What a waker pays, and how much later the woken runs.
    wake: u64,
    wake_latency: u64,
}

impl Costs {
    pub(crate) fn with_transfer(ns: u64) -> Costs {
        Costs {
            transfer: ns * TICKS_PER_NS,
            hit: 2,
            locked_hit: 8 * TICKS_PER_NS,
            fence: 8 * TICKS_PER_NS,
            pause: 15 * TICKS_PER_NS,
            read_clock: 20 * TICKS_PER_NS,
            call: 200 * TICKS_PER_NS,
            wake: 2_000 * TICKS_PER_NS,
            wake_latency: 3_000 * TICKS_PER_NS,
        }
    }
}

/// The reference to what it holds is given back before another thread runs.
pub(crate) struct Machine(RefCell<State>);

struct State {
    costs: Costs,
    #[allow(clippy::vec_box, reason = "a context must not move")]
    threads: Vec<Box<Thread>>,
    current: usize,
    /// Clock and number of those that can run, but for the current one.
    ready: BinaryHeap<Reverse<(u64, usize)>>,
    /// What they wait for, in the order in which they came.
    waiting: VecDeque<(usize, usize)>,
    cache: Cache,
}

struct Thread {
    clock: u64,
    /// When its last store reaches the cache.
    stored: u64,
    /// What `sys::tls` keeps for it.
    word: *const (),
    context: MaybeUninit<libc::ucontext_t>,
    #[allow(dead_code, reason = "the context stands on it")]
    stack: Vec<u8>,
    main: extern "C" fn(*mut c_void) -> *mut c_void,
    arg: *mut c_void,
    has_ended: bool,
}

std::thread_local! {
    static MACHINE: Cell<*const Machine> = const { Cell::new(ptr::null()) };
}

/// The machine that the calling code runs on, if that is a simulated one.
#[inline]
pub(crate) fn current<'a>() -> Option<&'a Machine> {
    // SAFETY: set for as long as the machine lives; its threads share one thread of the system.
    unsafe { MACHINE.get().as_ref() }
}

/// Runs `main` as the first thread of a machine. All others have ended when it returns.
pub(crate) fn run<R>(costs: Costs, main: impl FnOnce() -> R) -> R {
    extern "C" fn nothing(_: *mut c_void) -> *mut c_void {
        ptr::null_mut()
    }
    let machine = Machine(RefCell::new(State {
        costs,
        threads: vec![Thread::new(0, nothing, ptr::null_mut(), Vec::new())],
        current: 0,
        ready: BinaryHeap::new(),
        waiting: VecDeque::new(),
        cache: Cache::new(costs.transfer),
    }));
    MACHINE.set(&raw const machine);
    let result = main();
    MACHINE.set(ptr::null());
    let state = machine.0.into_inner();
    assert!(state.threads.iter().skip(1).all(|thread| thread.has_ended), "a simulated thread was left behind");
    result
}

impl Thread {
    fn new(
        clock: u64,
        main: extern "C" fn(*mut c_void) -> *mut c_void,
        arg: *mut c_void,
        stack: Vec<u8>,
    ) -> Box<Thread> {
        let context = MaybeUninit::zeroed();
        let word = ptr::null();
        Box::new(Thread { clock, stored: 0, word, context, stack, main, arg, has_ended: false })
    }
}

const STACK: usize = 128 << 10;

impl State {
    fn thread(&mut self) -> &mut Thread {
        &mut self.threads[self.current]
    }

    fn now(&self) -> u64 {
        self.threads[self.current].clock
    }

    /// The current thread reaches for an address. Whether it has to wait for the line.
    fn touch(&mut self, address: usize, access: Access) -> bool {
        let thread = &mut *self.threads[self.current];
        if access == Access::Locked {
            thread.clock = thread.clock.max(thread.stored);
        }
        match (self.cache.bring(self.current, address, access, thread.clock), access) {
            (None, Access::Locked) => thread.clock += self.costs.locked_hit,
            (None, _) => thread.clock += self.costs.hit,
            (Some(done), Access::Store) => {
                thread.stored = thread.stored.max(done);
                thread.clock += self.costs.hit;
            }
            (Some(done), _) => {
                thread.clock = done;
                return true;
            }
        }
        false
    }

    /// Wakes up to `most` of those who wait for `what`.
    fn wake(&mut self, what: usize, most: usize) {
        let woken: Vec<_> = self.waiting.iter().filter(|waiting| waiting.0 == what).take(most).map(|w| w.1).collect();
        self.waiting.retain(|waiting| !woken.contains(&waiting.1));
        for &number in &woken {
            let clock = self.now() + self.costs.wake_latency;
            self.threads[number].clock = clock.max(self.threads[number].clock);
            self.ready.push(Reverse((self.threads[number].clock, number)));
            self.thread().clock += self.costs.wake;
        }
        if woken.is_empty() {
            self.thread().clock += self.costs.call;
        }
    }

    /// The thread whose clock is least becomes the current one. None if it is already. The contexts to leave and enter.
    fn choose(&mut self) -> Option<(*mut libc::ucontext_t, *const libc::ucontext_t)> {
        let Some(Reverse((_, next))) = self.ready.pop() else {
            crate::sys::process::abort(b"simulate: everyone waits\n");
        };
        let before = core::mem::replace(&mut self.current, next);
        if next == before {
            return None;
        }
        self.threads[before].word = tls::get();
        tls::set(self.threads[next].word);
        Some((self.threads[before].context.as_mut_ptr(), self.threads[next].context.as_ptr()))
    }
}

impl Machine {
    /// In nanoseconds.
    pub(crate) fn now(&self) -> u64 {
        self.0.borrow().now() / TICKS_PER_NS
    }

    pub(crate) fn costs(&self) -> Costs {
        self.0.borrow().costs
    }

    /// The current thread does something of its own for so long.
    pub(crate) fn spend(&self, ns: u64) {
        self.pay(ns * TICKS_PER_NS);
    }

    pub(crate) fn pay(&self, ticks: u64) {
        self.0.borrow_mut().thread().clock += ticks;
        self.let_others_catch_up();
    }

    /// Waits until what was stored has reached the cache.
    pub(crate) fn fence(&self) {
        let state = &mut *self.0.borrow_mut();
        let thread = &mut state.threads[state.current];
        thread.clock = thread.clock.max(thread.stored) + state.costs.fence;
    }

    /// When this returns, the line is there and it is the access's turn.
    #[inline]
    pub(crate) fn touch(&self, address: usize, access: Access) {
        self.let_others_catch_up();
        if self.0.borrow_mut().touch(address, access) {
            self.let_others_catch_up();
        }
    }

    /// Starts a thread at once, and gives its number.
    pub(crate) fn spawn(&self, main: extern "C" fn(*mut c_void) -> *mut c_void, arg: *mut c_void) -> usize {
        let state = &mut *self.0.borrow_mut();
        let number = state.threads.len();
        assert!(number < THREADS_MAX);
        let mut thread = Thread::new(state.now(), main, arg, vec![0; STACK]);
        let context = thread.context.as_mut_ptr();
        // SAFETY: the context stays where it is, and its stack lives as long.
        unsafe {
            libc::getcontext(context);
            (*context).uc_stack.ss_sp = thread.stack.as_mut_ptr().cast();
            (*context).uc_stack.ss_size = thread.stack.len();
            libc::makecontext(context, begin, 0);
        }
        state.ready.push(Reverse((thread.clock, number)));
        state.threads.push(thread);
        number
    }

    pub(crate) fn join(&self, number: usize) {
        while !self.0.borrow().threads[number].has_ended {
            self.wait(number);
        }
    }

    /// Until somebody wakes those who wait for `what`.
    pub(crate) fn wait(&self, what: usize) {
        let mut state = self.0.borrow_mut();
        let current = state.current;
        state.waiting.push_back((what, current));
        drop(state);
        self.change();
    }

    /// Wakes up to `most` of those who wait for `what`.
    pub(crate) fn wake(&self, what: usize, most: usize) {
        self.0.borrow_mut().wake(what, most);
        self.let_others_catch_up();
    }

    /// From now on cache lines that the range touches are called so. The first name that a line is given counts.
    pub(crate) fn name(&self, place: Range<usize>, name: &'static str) {
        self.0.borrow_mut().cache.name(place, name);
    }

    pub(crate) fn start_counting(&self) {
        self.0.borrow_mut().cache.start_counting();
    }

    /// By name, what the lines have cost since the counting started.
    pub(crate) fn counts(&self) -> Vec<(&'static str, Count)> {
        self.0.borrow().cache.counts()
    }

    #[inline]
    fn let_others_catch_up(&self) {
        let mut state = self.0.borrow_mut();
        let (now, current) = (state.now(), state.current);
        if state.ready.peek().is_some_and(|Reverse((least, _))| *least < now) {
            state.ready.push(Reverse((now, current)));
            drop(state);
            self.change();
        }
    }

    /// Goes on as the thread whose turn it is; returns when it is this one's again.
    fn change(&self) {
        let contexts = self.0.borrow_mut().choose();
        if let Some((from, to)) = contexts {
            // SAFETY: `to` was made by `spawn` or left here.
            unsafe { libc::swapcontext(from, to) };
        }
    }
}

/// Where a thread begins.
extern "C" fn begin() {
    let Some(machine) = current() else { return };
    let (main, arg, number) = {
        let mut state = machine.0.borrow_mut();
        (state.thread().main, state.thread().arg, state.current)
    };
    main(arg);
    machine.0.borrow_mut().thread().has_ended = true;
    machine.wake(number, usize::MAX);
    machine.change();
}
