//! Parallel calls: each part once, on the caller's terms.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::*};
use std::thread;

use tp::capi::parallel::*;
use tp::capi::pool::*;
use tp::capi::sort::*;
use tp::capi::status::*;
use tp::capi::worker::*;

use super::calls::run_script;
use super::submit::Before;
use super::world::Frame;

const ITEMS: usize = 256;

/// What a parallel call has in common with its parts.
struct Shared<'a> {
    caller: &'a Frame<'a>,
    pool: usize,
    /// What the first part does.
    script: usize,
    stops: bool,
    grain: u64,
    begin: u64,
    seen: [AtomicU8; ITEMS],
    slots: [AtomicBool; 8],
    there: AtomicU32,
}

/// So that no range begins at 0.
const FIRST: u64 = 1 << 40;

impl<'a> Shared<'a> {
    fn new(caller: &'a Frame<'a>, pool: usize, script: usize) -> Shared<'a> {
        let seen = [const { AtomicU8::new(0) }; ITEMS];
        let slots = [const { AtomicBool::new(false) }; 8];
        Shared { caller, pool, script, stops: false, grain: 0, begin: FIRST, seen, slots, there: AtomicU32::new(0) }
    }

    fn ctx(&self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }

    fn see(&self, item: u64) {
        let before = self.seen[(item - self.begin) as usize].fetch_add(1, SeqCst);
        self.caller.check(before == 0, || format!("item {item} is seen once more"));
    }

    fn part(&self, script: usize) {
        let handle = self.caller.world.pools[self.pool].handle();
        self.caller.check(tp_current() == handle, || "a part runs in another pool".to_string());
        // So that others come for a part of it.
        thread::yield_now();
        Frame::enter(self.caller.world, Some(self.pool), script, None, Some(self.caller), run_script);
    }

    fn nothing(&self) -> usize {
        self.caller.world.case.scripts.len().max(self.caller.script + 1)
    }

    fn all_seen(&self, n: usize) -> bool {
        self.seen[..n].iter().all(|seen| seen.load(SeqCst) == 1)
    }
}

/// What is shared by the calls of one `invoke`.
struct Branch<'a> {
    shared: &'a Shared<'a>,
    script: usize,
    item: u64,
}

extern "C-unwind" fn branch(arg: *mut c_void) {
    // SAFETY: the caller waits.
    let branch = unsafe { &*arg.cast::<Branch<'_>>() };
    branch.shared.see(branch.item);
    branch.shared.part(branch.script);
}

extern "C-unwind" fn body(lo: u64, hi: u64, ctx: *mut c_void) {
    // SAFETY: likewise.
    let shared = unsafe { &*ctx.cast::<Shared<'_>>() };
    let most = if shared.grain == 0 { u64::MAX } else { shared.grain };
    shared.caller.check(lo < hi && hi - lo <= most, || format!("a body is given {lo} to {hi}"));
    let slot = tp_loop_slot() as usize;
    shared.caller.check(!shared.slots[slot].swap(true, SeqCst), || format!("slot {slot} is taken"));
    (lo..hi).for_each(|item| shared.see(item));
    shared.part(if lo == shared.begin { shared.script } else { shared.nothing() });
    if shared.stops && lo == shared.begin {
        tp_loop_stop();
    }
    shared.caller.check(tp_loop_slot() as usize == slot, || "a body has changed its slot".to_string());
    shared.slots[slot].store(false, SeqCst);
}

extern "C-unwind" fn member(rank: u32, n: u32, ctx: *mut c_void) {
    // SAFETY: likewise.
    let shared = unsafe { &*ctx.cast::<Shared<'_>>() };
    shared.see(shared.begin + u64::from(rank));
    shared.there.fetch_add(1, SeqCst);
    while shared.there.load(SeqCst) < n {
        thread::yield_now();
    }
    shared.part(if rank == 0 { shared.script } else { shared.nothing() });
}

/// A value of a reduce: the items from `lo` to `hi`, with something that does not commute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    lo: u64,
    hi: u64,
    hash: u64,
    power: u64,
}

const NONE: Span = Span { lo: 0, hi: 0, hash: 0, power: 1 };
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

fn add(span: &mut Span, lo: u64, hi: u64) -> bool {
    let fits = span.lo == span.hi || span.hi == lo;
    span.lo = if span.lo == span.hi { lo } else { span.lo };
    span.hi = hi;
    for item in lo..hi {
        span.hash = span.hash.wrapping_mul(BASE).wrapping_add(item);
        span.power = span.power.wrapping_mul(BASE);
    }
    fits
}

extern "C-unwind" fn fold(lo: u64, hi: u64, acc: *mut c_void, ctx: *mut c_void) {
    // SAFETY: a value of that size, and the caller waits.
    let (span, shared) = unsafe { (&mut *acc.cast::<Span>(), &*ctx.cast::<Shared<'_>>()) };
    shared.caller.check(acc.addr().is_multiple_of(128), || "a value is not aligned".to_string());
    (lo..hi).for_each(|item| shared.see(item));
    shared.caller.check(add(span, lo, hi), || format!("a fold of {lo} to {hi} into {span:?}"));
    shared.part(if lo == shared.begin { shared.script } else { shared.nothing() });
}

extern "C-unwind" fn combine(left: *mut c_void, right: *const c_void, ctx: *mut c_void) {
    // SAFETY: likewise.
    let (left, right) = unsafe { (&mut *left.cast::<Span>(), &*right.cast::<Span>()) };
    // SAFETY: likewise.
    let shared = unsafe { &*ctx.cast::<Shared<'_>>() };
    shared.caller.check(left.hi == right.lo, || format!("{left:?} is combined with {right:?}"));
    left.hi = right.hi;
    left.hash = left.hash.wrapping_mul(right.power).wrapping_add(right.hash);
    left.power = left.power.wrapping_mul(right.power);
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Row {
    key: u32,
    place: u32,
    float: f64,
}

extern "C-unwind" fn by_key(x: *const c_void, y: *const c_void, _: *mut c_void) -> c_int {
    // SAFETY: rows of the array.
    let (x, y) = unsafe { (&*x.cast::<Row>(), &*y.cast::<Row>()) };
    x.key.cmp(&y.key) as c_int
}

impl Frame<'_> {
    /// A parallel call and what it may say: `extra` tells of statuses that only some calls have.
    fn parallel(
        &self,
        pool: usize,
        call: impl FnOnce(*mut tp_pool) -> tp_status,
        extra: impl FnOnce(tp_status) -> bool,
    ) -> Option<bool> {
        self.resume_own();
        let of = &self.world.pools[pool];
        let before: Before = self.before(pool);
        let status = self.with_pool(pool, call)?;
        let fits = match status {
            TP_OK => before.inside || !before.shut,
            TP_ESHUTDOWN => !before.inside && of.shut_begun.load(SeqCst),
            _ => false,
        };
        self.check(fits || extra(status), || format!("a parallel call says {status}, {before:?}"));
        Some(status == TP_OK)
    }

    pub(crate) fn invoke(&self, pool: usize, a: u8, b: u8) {
        let shared = Shared::new(self, pool, 0);
        let branches = [a, b].map(|script| self.script_below(script));
        let [a, b] = [0, 1].map(|nth| Branch { shared: &shared, script: branches[nth], item: FIRST + nth as u64 });
        let arg = |branch: &Branch<'_>| ptr::from_ref(branch).cast_mut().cast::<c_void>();
        let call = |handle| tp_parallel_invoke(handle, Some(branch), arg(&a), Some(branch), arg(&b));
        if self.parallel(pool, call, |_| false) == Some(true) {
            self.check(shared.all_seen(2), || "an invoke has left a branch".to_string());
        }
    }

    pub(crate) fn loop_over(&self, pool: usize, script: u8, n: u8, stops: bool) {
        let (n, grain) = (u64::from(n), u64::from(n % 5));
        let mut shared = Shared::new(self, pool, self.script_below(script));
        (shared.stops, shared.grain) = (stops && n > 0, grain);
        let call = |handle| tp_parallel_for(handle, FIRST, FIRST + n, grain, Some(body), shared.ctx());
        let stopped = |status| shared.stops && status == TP_ECANCELED;
        if self.parallel(pool, call, stopped) == Some(true) {
            self.check(!shared.stops && shared.all_seen(n as usize), || "a loop has left items".to_string());
        }
    }

    pub(crate) fn reduce(&self, pool: usize, script: u8, n: u8) {
        let (n, grain) = (u64::from(n), u64::from(n % 7));
        let shared = Shared::new(self, pool, self.script_below(script));
        let mut result = NONE;
        let place = (&raw mut result).cast();
        let identity = (&raw const NONE_PLACE).cast();
        let size = size_of::<Span>();
        let call = |handle| {
            let (fold, combine): (tp_fold_fn, tp_combine_fn) = (Some(fold), Some(combine));
            let end = FIRST + n;
            tp_parallel_reduce(handle, FIRST, end, grain, size, identity, fold, combine, shared.ctx(), place)
        };
        if self.parallel(pool, call, |_| false) == Some(true) {
            let mut expected = NONE;
            add(&mut expected, FIRST, FIRST + n);
            if n == 0 {
                expected = NONE;
            }
            self.check(result == expected, || format!("a reduce of {n} gives {result:?}"));
        }
    }

    pub(crate) fn sort(&self, pool: usize, kind: u8, n: u8) {
        // Few keys, so that some are alike; now and then enough for several threads.
        let n = if kind & 0x80 == 0 { usize::from(n) } else { 40 * usize::from(n) };
        if !self.world.may_call(n / 50) {
            return;
        }
        let mut state = BASE ^ u64::from(kind);
        let row = |place: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = (state >> 33) as u32 % [4, 100, u32::MAX][usize::from(kind / 4 % 3)];
            let float = [f64::NAN, -0.0, 0.0, f64::NEG_INFINITY, f64::from_bits(state)][(state >> 20) as usize % 5];
            Row { key, place, float }
        };
        let mut rows: Vec<Row> = (0..n as u32).map(row).collect();
        let mut expected = rows.clone();
        let base = rows.as_mut_ptr().cast::<c_void>();
        let size = size_of::<Row>();
        let call = |handle| match kind % 4 {
            0 => tp_parallel_sort(handle, base, n, size, Some(by_key), ptr::null_mut()),
            1 => tp_parallel_stable_sort(handle, base, n, size, Some(by_key), ptr::null_mut()),
            2 => tp_parallel_sort_keys(handle, base, n, size, 0, TP_KEY_U32),
            _ => tp_parallel_sort_keys(handle, base, n, size, std::mem::offset_of!(Row, float), TP_KEY_F64),
        };
        if self.parallel(pool, call, |_| false) != Some(true) {
            return;
        }
        match kind % 4 {
            3 => expected.sort_by(|x, y| x.float.total_cmp(&y.float)),
            _ => expected.sort_by_key(|row| row.key),
        }
        if kind.is_multiple_of(4) {
            // Equal ones may have changed places, and no more than that.
            let in_order = rows.is_sorted_by_key(|row| row.key);
            self.check(in_order, || format!("a sort of {n} has left them in disorder"));
            rows.sort_by_key(|row| (row.key, row.place));
        }
        let alike =
            |(x, y): (&Row, &Row)| x.place == y.place && x.key == y.key && x.float.to_bits() == y.float.to_bits();
        self.check(rows.iter().zip(&expected).all(alike), || format!("a sort of {n}, kind {kind}, gives others"));
    }

    pub(crate) fn gang(&self, pool: usize, script: u8, n: u32) {
        let shared = Shared::new(self, pool, self.script_below(script));
        let call = |handle| tp_gang(handle, n, Some(member), shared.ctx());
        let lacks_threads = self.world.pools[pool].spec.max_reserve != 0 && n > 1;
        let refused = |status| match status {
            TP_EINVAL => n == 0,
            TP_EAGAIN => lacks_threads && shared.there.load(SeqCst) == 0,
            _ => false,
        };
        if self.parallel(pool, call, refused) == Some(true) {
            self.check(n > 0 && shared.all_seen(n as usize), || format!("a gang of {n} was not all there"));
        }
    }
}

static NONE_PLACE: Span = NONE;
