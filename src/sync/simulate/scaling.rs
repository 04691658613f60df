//! The engine on machines of 1 to 256 CPUs.
//!
//! The first tests are of the machine itself, with answers that are known. The last prints the tables of
//! docs/scaling.md: `make scaling`.

use core::cell::{Cell, RefCell};
use core::ffi::c_void;
use core::ptr;

use super::cache::Count;
use super::machine::{Costs, TICKS_PER_NS, current, run};
use super::{AtomicU64, Mutex};
use crate::capi::pool::*;
use crate::capi::status::TP_OK;
use crate::capi::submit::tp_submit;
use crate::capi::wait::tp_wait;
use crate::capi::worker::{tp_current, tp_worker_index};
use crate::engine::pool::Pool;
use crate::sync::{AcqRel, Acquire, Padded, Release};

fn spend(ns: u64) {
    current().unwrap().spend(ns);
}

fn now() -> u64 {
    current().unwrap().now()
}

/// Runs `body(0)` to `body(n - 1)` on a simulated thread each, and waits for them.
fn on_threads<F: Fn(u64)>(n: u64, body: F) {
    struct Call<'a, F>(&'a F, u64);
    extern "C" fn main<F: Fn(u64)>(call: *mut c_void) -> *mut c_void {
        // SAFETY: the calls outlive the threads.
        let call = unsafe { &*call.cast::<Call<'_, F>>() };
        call.0(call.1);
        ptr::null_mut()
    }
    let calls: Vec<_> = (0..n).map(|number| Call(&body, number)).collect();
    let start = |call| current().unwrap().spawn(main::<F>, ptr::from_ref::<Call<'_, F>>(call).cast_mut().cast());
    let threads: Vec<_> = calls.iter().map(start).collect();
    threads.into_iter().for_each(|thread| current().unwrap().join(thread));
}

/// What the lines that nobody has named have cost, and the time until the last of the threads was done.
fn cost_of(threads: u64, body: impl Fn(u64)) -> (Count, u64) {
    run(Costs::with_transfer(50), || {
        let took = Cell::new(0);
        on_threads(threads, |number| {
            // All begin at the same time.
            spend(1_000_000 - now());
            let began = now();
            body(number);
            took.set(took.get().max(now() - began));
        });
        let counts = current().unwrap().counts();
        let sum = |of: fn(&Count) -> u64| counts.iter().map(|count| of(&count.1)).sum();
        let count = Count { writes: sum(|c| c.writes), reads: sum(|c| c.reads), ..Count::default() };
        (count, took.get())
    })
}

#[test]
fn simulate_a_shared_counter_costs_a_transfer_an_increment() {
    let counter = Padded(AtomicU64::new(0));
    let (count, took) = cost_of(2, |_| {
        for _ in 0..1000 {
            counter.fetch_add(1, AcqRel);
            // As long as it keeps the line.
            spend(25);
        }
    });
    assert_eq!(counter.load(Acquire), 2000);
    assert!((1998..=2000).contains(&count.writes), "{count:?}");
    assert!((99_900..=100_100).contains(&took), "{took}");
}

#[test]
fn simulate_whoever_has_a_line_writes_it_more_than_once() {
    let counter = Padded(AtomicU64::new(0));
    let (count, _) = cost_of(8, |_| (0..1000).for_each(|_| _ = counter.fetch_add(1, AcqRel)));
    assert_eq!(counter.load(Acquire), 8000);
    // The one for which it was brought, and as many as begin in 25 ns of 8 ns each.
    assert!((1600..=1700).contains(&count.writes), "{count:?}");
}

#[test]
fn simulate_lines_of_their_own_cost_no_transfer() {
    let counters = [(); 2].map(|()| Padded(AtomicU64::new(0)));
    let (count, took) = cost_of(2, |me| (0..1000).for_each(|_| _ = counters[me as usize].fetch_add(1, AcqRel)));
    assert_eq!((count.writes, count.reads), (0, 0));
    assert_eq!(took, 8 * 1000);
}

#[test]
fn simulate_a_line_that_is_read_is_brought_once_a_reader() {
    let word = Padded(AtomicU64::new(0));
    let (count, _) = cost_of(16, |_| (0..1000).for_each(|_| _ = word.load(Acquire)));
    assert_eq!((count.writes, count.reads), (0, 15));
}

#[test]
fn simulate_a_word_that_is_handed_over_costs_a_read_and_a_write() {
    // Each waits for the other's step: it reads the line, which the other wrote, and takes it back.
    let word = Padded(AtomicU64::new(0));
    let (count, took) = cost_of(2, |me| {
        for turn in 0..500 {
            while word.load(Acquire) != 2 * turn + me {}
            word.store(2 * turn + me + 1, Release);
        }
    });
    assert_eq!(word.load(Acquire), 1000);
    assert!((990..=1000).contains(&count.writes) && (990..=1000).contains(&count.reads), "{count:?}");
    assert!((99_000..=102_000).contains(&took), "{took}");
}

#[test]
fn simulate_a_mutex_keeps_others_out() {
    let sum = Mutex::new(0);
    cost_of(8, |_| {
        for _ in 0..100 {
            let mut sum = sum.lock().unwrap();
            let before = *sum;
            spend(100);
            *sum = before + 1;
        }
    });
    assert_eq!(*sum.lock().unwrap(), 800);
}

#[derive(Clone, Copy, PartialEq)]
enum Load {
    OneProducer,
    FourProducers,
    OneParent,
    Tree,
}

const LOADS: [(Load, &str); 4] = [
    (Load::OneProducer, "1 producer"),
    (Load::FourProducers, "4 producers"),
    (Load::OneParent, "1 parent"),
    (Load::Tree, "tree"),
];

extern "C-unwind" fn leaf(ns: *mut c_void) {
    spend(ns.addr() as u64);
}

/// The argument: how deep the tree is below, how many leaves a parent has, how long a task takes, in bits 56, 32, 0.
fn packed(depth: u64, leaves: u64, ns: u64) -> *mut c_void {
    ptr::without_provenance_mut((depth << 56 | leaves << 32 | ns) as usize)
}

extern "C-unwind" fn parent(arg: *mut c_void) {
    let arg = arg.addr() as u64;
    (0..arg >> 32 & 0xff_ffff).for_each(|_| submit(tp_current(), leaf, packed(0, 0, arg & 0xffff_ffff)));
}

extern "C-unwind" fn tree(arg: *mut c_void) {
    let arg = arg.addr() as u64;
    let (depth, ns) = (arg >> 56, arg & 0xffff_ffff);
    spend(ns);
    if depth > 0 {
        (0..2).for_each(|_| submit(tp_current(), tree, packed(depth - 1, 0, ns)));
    }
}

fn submit(pool: *mut tp_pool, run: extern "C-unwind" fn(*mut c_void), arg: *mut c_void) {
    assert_eq!(tp_submit(pool, Some(run), arg), TP_OK);
}

struct Outcome {
    tasks: u64,
    took: u64,
    counts: Vec<(&'static str, Count)>,
}

impl Outcome {
    /// Lines a task that were taken from others to be written.
    fn writes(&self) -> f64 {
        self.counts.iter().map(|count| count.1.writes).sum::<u64>() as f64 / self.tasks as f64
    }

    /// Tasks a microsecond.
    fn rate(&self) -> f64 {
        self.tasks as f64 * 1000.0 / self.took as f64
    }

    /// The line that was under way most, and for what part of the time.
    fn busiest(&self) -> (&'static str, f64) {
        let busiest = self.counts.iter().max_by_key(|count| count.1.busy).unwrap();
        (busiest.0, busiest.1.busy as f64 / TICKS_PER_NS as f64 / self.took as f64)
    }
}

fn name_lines(pool: &Pool) {
    let machine = current().unwrap();
    let name = |start: *const c_void, length: usize, name| machine.name(start.addr()..start.addr() + length, name);
    macro_rules! name {
        ($place:expr, $name:literal) => {
            name(ptr::from_ref(&$place).cast(), size_of_val(&$place), $name)
        };
    }
    name!(*pool.injector.head(), "injector head");
    name!(pool.injector, "injector tail");
    name!(pool.sleep, "crew");
    name!(pool.blocks, "free blocks");
    name!(pool.waiters, "waiters");
    name!(*pool, "pool");
    for worker in pool.workers.iter() {
        name!(*worker.queue.head(), "queue heads");
        name!(worker.queue, "queue tails");
        name!(worker.seat, "seats");
        name!(worker.lane, "lanes");
    }
}

fn offer(pool: *mut tp_pool, load: Load, tasks: u64, ns: u64) {
    match load {
        Load::OneProducer => (0..tasks).for_each(|_| submit(pool, leaf, packed(0, 0, ns))),
        Load::FourProducers => {
            on_threads(4, |_| (0..tasks / 4).for_each(|_| submit(pool, leaf, packed(0, 0, ns))));
        }
        Load::OneParent => submit(pool, parent, packed(0, tasks, ns)),
        Load::Tree => submit(pool, tree, packed(u64::from(tasks.ilog2()) - 1, 0, ns)),
    }
    assert_eq!(tp_wait(pool, u64::MAX), TP_OK);
}

/// Enough that the beginning and the end count for little; fewer where no number would keep all workers busy.
fn number_of_tasks(load: Load, workers: u32, ns: u64) -> u64 {
    let enough = u64::from(workers) * 2_000_000 / ns;
    let most = if load == Load::Tree { 1 << 20 } else { 1 << 15 };
    enough.clamp(1 << 14, most).next_power_of_two()
}

fn with_pool<R>(workers: u32, transfer: u64, body: impl FnOnce(*mut tp_pool) -> R) -> R {
    run(Costs::with_transfer(transfer), || {
        // SAFETY: all bytes 0 are the defaults.
        let mut options: tp_options = unsafe { core::mem::zeroed() };
        (options.struct_size, options.threads) = (size_of::<tp_options>(), workers);
        let mut pool = ptr::null_mut();
        assert_eq!(tp_create(&options, &mut pool), TP_OK);
        // SAFETY: a handle is a pool.
        name_lines(unsafe { &*pool.cast::<Pool>() });
        let result = body(pool);
        assert_eq!(tp_destroy(pool), TP_OK);
        result
    })
}

fn measure(load: Load, workers: u32, ns: u64, transfer: u64) -> Outcome {
    with_pool(workers, transfer, |pool| {
        let tasks = number_of_tasks(load, workers, ns);
        // Once for the blocks, which are made at first use.
        offer(pool, load, tasks, ns);
        current().unwrap().start_counting();
        let began = now();
        offer(pool, load, tasks, ns);
        Outcome { tasks, took: now() - began, counts: current().unwrap().counts() }
    })
}

std::thread_local! {
    /// When each worker began its first task.
    static BEGAN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

extern "C-unwind" fn first_of_worker(_: *mut c_void) {
    BEGAN.with_borrow_mut(|began| {
        let began = &mut began[tp_worker_index() as usize];
        *began = now().min(*began);
    });
    spend(10_000);
}

/// A burst from outside while all sleep: when half of the workers have begun, and when all have.
fn wake_up(workers: u32) -> [u64; 2] {
    with_pool(workers, 50, |pool| {
        spend(10_000_000);
        let start = now();
        BEGAN.set(vec![u64::MAX; workers as usize]);
        (0..workers * 400).for_each(|_| submit(pool, first_of_worker, ptr::null_mut()));
        assert_eq!(tp_wait(pool, u64::MAX), TP_OK);
        let mut began = BEGAN.take();
        began.sort_unstable();
        [began[began.len() / 2], began[began.len() - 1]].map(|at| at - start)
    })
}

const SIZES: [u64; 3] = [100, 1_000, 10_000];

fn microseconds(ns: u64) -> String {
    format!("{} us", ns as f64 / 1000.0)
}

/// The tables of docs/scaling.md.
#[test]
#[ignore = "takes minutes"]
#[allow(clippy::print_stdout, reason = "prints tables")]
fn simulate_scaling() {
    println!("\n| load | a task | 1 | 2 | 4 | 8 | 16 | most of them, with 16 |\n|---|---|---|---|---|---|---|---|");
    for (load, name) in LOADS {
        for ns in SIZES {
            let outcomes = [1, 2, 4, 8, 16].map(|workers| measure(load, workers, ns, 50));
            let cells: Vec<_> = outcomes.iter().map(|outcome| format!("{:.2}", outcome.writes())).collect();
            println!("| {name} | {} | {} | {} |", microseconds(ns), cells.join(" | "), most_written(&outcomes[4]));
        }
    }
    println!("\n| load | the line | transfers a task | tasks/us at 31 ns | at 80 ns |\n|---|---|---|---|---|");
    for (load, name) in LOADS {
        let [fast, slow] = [31, 80].map(|transfer| measure(load, 64, 100, transfer));
        let (line, part) = slow.busiest();
        let transfers = part * slow.took as f64 / 80.0 / slow.tasks as f64;
        let rates = format!("{:.1} | {:.1}", fast.rate(), slow.rate());
        println!("| {name} | {line}, {:.0}% | {transfers:.2} | {rates} |", part * 100.0);
    }
    println!("\n| load | a task | 8 workers | 64 | 256 | busiest line, with 256 at 80 ns |\n|---|---|---|---|---|---|");
    for (load, name) in LOADS {
        for ns in SIZES {
            let outcomes = [8, 64, 256].map(|workers| (workers, [31, 80].map(|t| measure(load, workers, ns, t))));
            let cells: Vec<_> = outcomes.iter().map(|(workers, pair)| rates(pair, ns, *workers)).collect();
            let (line, part) = outcomes[2].1[1].busiest();
            println!("| {name} | {} | {} | {line}, {:.0}% |", microseconds(ns), cells.join(" | "), part * 100.0);
        }
    }
    println!("\n| workers | half are at work after | all |\n|---|---|---|");
    for workers in [8, 16, 64, 256] {
        let [half, all] = wake_up(workers);
        println!("| {workers} | {:.0} us | {:.0} us |", half as f64 / 1000.0, all as f64 / 1000.0);
    }
}

/// Tasks a microsecond, and how much that is of what the workers could do.
fn rates(pair: &[Outcome; 2], ns: u64, workers: u32) -> String {
    let [fast, slow] = pair.each_ref().map(|outcome| outcome.rate() * ns as f64 / 1000.0 / f64::from(workers) * 100.0);
    format!("{:.1} to {:.1} ({fast:.0} to {slow:.0}%)", pair[0].rate(), pair[1].rate())
}

fn most_written(outcome: &Outcome) -> String {
    let mut counts = outcome.counts.clone();
    counts.sort_by_key(|count| core::cmp::Reverse(count.1.writes));
    let text = |count: &(&str, Count)| format!("{} {:.2}", count.0, count.1.writes as f64 / outcome.tasks as f64);
    counts.iter().take(3).map(text).collect::<Vec<_>>().join(", ")
}
