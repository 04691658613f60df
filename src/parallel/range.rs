//! A loop: a range of items that whoever is free takes part in.
//!
//! Everyone who takes part has a slot in its own deque with the rest of its share, a packed word: it takes from the front,
//! and others take the half behind, as long as there is anything that it has not begun. So there is no object a chunk,
//! and a loop can be shared as long as its owner sits in one item.
//!
//! The caller counts what has not been done. Whoever has nothing left takes its slot back, so that nobody looks at the
//! loop through it, and then counts its share as done: that is its last touch, unless the caller sleeps until it is told.
//! The caller waits for shares that somebody has taken, and for nobody else.
//!
//! Invariants:
//! - An item is in one range word or has been taken from one: each change of a word takes from its front or its back.
//! - Bodies that run at the same time have different numbers: one is taken before a share is, and given back after it.
#![allow(unsafe_code, reason = "calls what the user gave, and keeps a loop on its caller's stack")]

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use crate::engine::context::{self, Context, Place};
use crate::engine::deque::Deque;
use crate::engine::forks::Kind;
use crate::engine::options::MAX_THREADS;
use crate::engine::pool::Pool;
use crate::engine::slot::{Fork, Slot, rest};
use crate::engine::wait::Waiter;
use crate::error::{Error, Result};
use crate::sync::{AcqRel, Acquire, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Relaxed, Release};
use crate::sys::clock::now_ns;
use crate::sys::tsan;

pub(crate) type Body = unsafe extern "C-unwind" fn(lo: u64, hi: u64, ctx: *mut c_void);

/// Of `Loop::left`, beside the units: one who takes part, and that the caller sleeps.
const ONE: u64 = 1 << 32;
const WAITING: u64 = 1 << 63;

/// How long a call of the body should take if the grain is automatic: long beside what it costs to take a chunk, short
/// beside what it costs to wait for the last.
const CALL_NS: u64 = 10_000;
/// So little that it need not be divided.
const LITTLE_NS: u64 = 500;

pub(crate) struct Loop {
    body: Body,
    ctx: *mut c_void,
    begin: u64,
    items: u64,
    /// The most items a call; 0: automatic.
    grain: u64,
    /// Ranges count units, of so many items each.
    unit: u64,
    units: u32,
    stopped: AtomicBool,
    /// Units that are not done, as far as those who took them have said; how many take part beside the caller; `WAITING`.
    left: AtomicU64,
    waiter: AtomicPtr<Waiter>,
    /// How many units a call took when somebody last looked.
    pace: AtomicU32,
    numbers: Numbers,
}

/// Calls `body` for each of `n` items, one by one, on whoever is free. Inside of a parallel call.
pub(crate) fn for_each<F: Fn(u64) + Sync>(pool: &Pool, n: u64, body: F) {
    unsafe extern "C-unwind" fn call<F: Fn(u64)>(lo: u64, hi: u64, body: *mut c_void) {
        // SAFETY: `for_each` waits for the loop.
        (lo..hi).for_each(|nth| unsafe { (*body.cast::<F>())(nth) });
    }
    let this = Loop::new(0, n, 1, call::<F>, (&raw const body).cast_mut().cast());
    let result = this.run(pool);
    debug_assert_eq!(result, Ok(()));
}

/// Stops the innermost loop whose body runs here.
pub(crate) fn stop() {
    if let Some(place) = context::place() {
        // SAFETY: the loop waits for its bodies.
        unsafe { &*place.stopped }.store(true, Relaxed);
    }
}

static KIND: Kind = Kind { admits, join, work, end };

/// # Safety
/// Here and below: `arg` is a loop that waits for us, or of which a slot is visited.
unsafe fn admits(arg: *mut ()) -> bool {
    // SAFETY: the caller's promise.
    let this = unsafe { &*arg.cast::<Loop>() };
    !this.stopped.load(Relaxed) && this.numbers.has_some()
}

unsafe fn join(from: &Slot, own: &Deque) -> Option<NonNull<Slot>> {
    let fork = from.fork();
    // SAFETY: the caller's promise.
    let this = unsafe { &*fork.arg.cast::<Loop>() };
    if this.stopped.load(Relaxed) || rest(from.range.load(Relaxed)) == 0 {
        return None;
    }
    let number = this.numbers.take()?;
    // SAFETY: this thread's deque.
    let slot = unsafe { own.share(fork, 0) };
    let taken = slot.and_then(|slot| Some((slot, take_half(&from.range)?)));
    if let Some((slot, range)) = taken {
        slot.set_number(number);
        // What it has may be taken from it again, but it is here.
        this.left.fetch_add(ONE, AcqRel);
        slot.range.store(range, Release);
        return Some(NonNull::from(slot));
    }
    if let Some(slot) = slot {
        // SAFETY: likewise.
        unsafe { own.withdraw(slot) };
    }
    this.numbers.give(number);
    None
}

unsafe fn work(slot: &Slot, own: &Deque, context: &Context) -> u64 {
    // SAFETY: the caller's promise.
    let this = unsafe { &*slot.fork().arg.cast::<Loop>() };
    let number = slot.number();
    let done = this.take_part(&slot.range, context, number, None);
    // SAFETY: this thread's deque.
    unsafe { own.withdraw(slot) };
    this.numbers.give(number);
    done
}

unsafe fn end(arg: *mut (), done: u64) {
    // SAFETY: the caller's promise: it is there until `left` says that nothing is.
    let this = unsafe { &*arg.cast::<Loop>() };
    let gone = ONE + done;
    if this.left.fetch_sub(gone, AcqRel) - gone == WAITING {
        // SAFETY: the caller sleeps until this.
        unsafe { Waiter::tell(this.waiter.load(Acquire)) };
    }
}

/// Of a range, the half behind.
fn take_half(range: &AtomicU64) -> Option<u64> {
    let mut now = range.load(Acquire);
    loop {
        let count = rest(now).div_ceil(2);
        if count == 0 {
            return None;
        }
        let left = now - (u64::from(count) << 32);
        match range.compare_exchange_weak(now, left, AcqRel, Acquire) {
            Ok(_) => return Some(now & !u64::from(u32::MAX) | left >> 32),
            Err(changed) => now = changed,
        }
    }
}

/// Of a range, so many in front as `want` wants of the rest.
fn take_front(range: &AtomicU64, want: impl Fn(u32) -> u32) -> Option<(u32, u32)> {
    let mut now = range.load(Acquire);
    loop {
        if rest(now) == 0 {
            return None;
        }
        let count = want(rest(now)).clamp(1, rest(now));
        match range.compare_exchange_weak(now, now + u64::from(count), AcqRel, Acquire) {
            Ok(_) => return Some((now as u32, count)),
            Err(changed) => now = changed,
        }
    }
}

impl Loop {
    /// `begin` is not above `end`.
    pub(crate) fn new(begin: u64, end: u64, grain: u64, body: Body, ctx: *mut c_void) -> Loop {
        let items = end - begin;
        // As many units as a range can count, of as few items as can be, each a number of whole grains.
        let grains = items.div_ceil(grain.max(1));
        let unit = grain.max(1).saturating_mul(grains.div_ceil(u64::from(u32::MAX)).max(1));
        let units = items.div_ceil(unit) as u32;
        Loop {
            body,
            ctx,
            begin,
            items,
            grain,
            unit,
            units,
            stopped: AtomicBool::new(false),
            left: AtomicU64::new(u64::from(units)),
            waiter: AtomicPtr::new(ptr::null_mut()),
            pace: AtomicU32::new(1),
            numbers: Numbers::default(),
        }
    }

    pub(crate) fn run(&self, pool: &Pool) -> Result<()> {
        pool.fork_join(|context, deque| self.run_in(pool, context, deque))?;
        if self.stopped.load(Relaxed) { Err(Error::Canceled) } else { Ok(()) }
    }

    fn run_in(&self, pool: &Pool, context: &Context, deque: Option<&Deque>) {
        let all = u64::from(self.units) << 32;
        let arg = ptr::from_ref(self).cast_mut().cast::<()>();
        self.numbers.open(pool.slot_count());
        // SAFETY: the deque is this thread's, and `wait` sees to it that nobody takes part when this returns.
        let shared = deque.filter(|_| self.units > 1).and_then(|deque| unsafe {
            Some((deque, deque.share(Fork::shared(&KIND, arg, ptr::from_ref(context).cast()), all)?))
        });
        // A context of its own: a branch that was forked in the caller's may run elsewhere, and has the caller's place.
        let take_part = |range: &AtomicU64, look: Option<&mut dyn FnMut()>| {
            let take_part = |own: &Context| self.take_part(range, own, 0, look);
            Context::enter_for(Some(context), pool, pool.this_worker(), deque, take_part)
        };
        let Some((deque, slot)) = shared else {
            take_part(&AtomicU64::new(all), None);
            return;
        };
        let mut done = 0;
        if pool.sleep.needs_wake() {
            pool.launch(self.body as usize as u64, |look| {
                done = take_part(&slot.range, Some(look));
                done == u64::from(self.units)
            });
        } else {
            done = take_part(&slot.range, None);
        }
        // SAFETY: as above.
        unsafe { deque.withdraw(slot) };
        self.numbers.give(0);
        // Nobody has come if all was left to us.
        if done < u64::from(self.units) {
            if self.left.fetch_sub(done, AcqRel) != done {
                self.wait(pool, deque, arg);
            }
            tsan::acquire(arg);
        }
    }

    #[cold]
    fn wait(&self, pool: &Pool, deque: &Deque, arg: *const ()) {
        let is_over = || self.left.load(Acquire) & !WAITING == 0;
        let list = |waiter: &Waiter| {
            self.waiter.store(ptr::from_ref(waiter).cast_mut(), Release);
            self.left.fetch_or(WAITING, AcqRel) != 0
        };
        pool.wait_for_loop(arg, deque, is_over, list);
    }

    /// Runs what is in the range and stays there; how many units that was.
    /// Calls `look` after the first calls, and then more and more rarely.
    fn take_part(&self, range: &AtomicU64, context: &Context, number: u32, mut look: Option<&mut dyn FnMut()>) -> u64 {
        let place = Place { number, stopped: &raw const self.stopped };
        context.at(&place, || {
            let mut done = 0;
            let mut calls = 0_u64;
            let mut pace = Pace::new(self);
            while let Some((first, count)) = take_front(range, |rest| pace.next(rest)) {
                done += u64::from(count);
                self.call(first, count);
                calls += 1;
                if let Some(look) = look.as_mut().filter(|_| calls.is_power_of_two()) {
                    look();
                }
                if self.stopped.load(Relaxed) {
                    // What has not been begun counts as done.
                    done += take_front(range, |rest| rest).map_or(0, |(_, count)| u64::from(count));
                }
                pace.took(count);
            }
            done
        })
    }

    fn call(&self, first: u32, count: u32) {
        let lo = u64::from(first) * self.unit;
        let hi = (u64::from(first) + u64::from(count)).saturating_mul(self.unit).min(self.items);
        let most = if self.grain == 0 { hi - lo } else { self.grain };
        let mut at = lo;
        while at < hi && !self.stopped.load(Relaxed) {
            let to = hi.min(at.saturating_add(most));
            // SAFETY: whoever made the loop said that the body may be called so, on any thread.
            unsafe { (self.body)(self.begin + at, self.begin + to, self.ctx) };
            at = to;
        }
    }
}

/// How many units to take at a time: one, or if the grain is automatic so many that a call takes `CALL_NS`.
struct Pace<'a> {
    this: &'a Loop,
    units: u32,
    began: u64,
    /// A call was so short that the rest need not be divided any more.
    few_are_little: bool,
}

impl Pace<'_> {
    fn new(this: &Loop) -> Pace<'_> {
        let units = if this.grain == 0 { (this.pace.load(Relaxed) / 2).max(1) } else { 1 };
        Pace { this, units, began: if this.grain == 0 { now_ns() } else { 0 }, few_are_little: false }
    }

    fn next(&self, rest: u32) -> u32 {
        if self.few_are_little { self.units } else { self.units.min(rest / 4) }
    }

    fn took(&mut self, count: u32) {
        if self.this.grain != 0 {
            return;
        }
        let now = now_ns();
        let ns = now - self.began;
        self.began = now;
        let before = self.units;
        if ns < CALL_NS / 2 {
            self.units = count.saturating_mul(2).max(self.units);
        } else if ns > 2 * CALL_NS {
            self.units = (count / 2).max(1);
        }
        self.few_are_little = ns.saturating_mul(2) < LITTLE_NS;
        if self.units != before {
            self.this.pace.store(self.units, Relaxed);
        }
    }
}

/// Numbers for those who take part, each a bit.
struct Numbers {
    count: AtomicU32,
    taken: [AtomicU64; WORDS],
}

const WORDS: usize = MAX_THREADS as usize / 64 + 1;

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers { count: AtomicU32::new(0), taken: [const { AtomicU64::new(0) }; WORDS] }
    }
}

impl Numbers {
    /// For `count` of them; the first is the caller's.
    fn open(&self, count: u32) {
        self.count.store(count, Relaxed);
        self.taken[0].store(1, Relaxed);
    }

    /// The words, and which of their bits are numbers that are free.
    fn words(&self) -> impl Iterator<Item = (u32, &AtomicU64, u64)> {
        let count = self.count.load(Relaxed);
        let word = move |(nth, word): (usize, &'_ AtomicU64)| {
            let first = nth as u32 * 64;
            let these = count.saturating_sub(first).min(64);
            (first, if these == 64 { u64::MAX } else { (1 << these) - 1 } & !word.load(Relaxed))
        };
        self.taken.iter().enumerate().map(move |(nth, taken)| {
            let (first, free) = word((nth, taken));
            (first, taken, free)
        })
    }

    fn has_some(&self) -> bool {
        self.words().any(|(_, _, free)| free != 0)
    }

    fn take(&self) -> Option<u32> {
        self.words().find_map(|(first, taken, mut free)| {
            while free != 0 {
                let bit = free & free.wrapping_neg();
                if taken.fetch_or(bit, AcqRel) & bit == 0 {
                    return Some(first + bit.trailing_zeros());
                }
                free &= !bit;
            }
            None
        })
    }

    fn give(&self, number: u32) {
        if let Some(word) = self.taken.get(number as usize / 64) {
            word.fetch_and(!(1 << (number % 64)), AcqRel);
        }
    }
}
