//! A case: pools, and scripts of calls. It is made of bytes, so that a fuzzer can change it, and printed when it fails.
//!
//! Script 0 is what the first thread outside does, script 1 what the second does; the others are bodies of tasks, of
//! branches, loops and gangs. A script names only later ones, so calls nest to a bounded depth, and what a task waits for
//! without end can't wait for that task.

use tp::capi::pool::*;
use tp::capi::submit::*;

pub(crate) const POOLS: usize = 2;
/// Places for futures, and as many for groups.
pub(crate) const PLACES: usize = 3;
const SCRIPTS: usize = 8;
const CALLS: usize = 24;

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) pools: Vec<PoolSpec>,
    pub(crate) scripts: Vec<Vec<Call>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolSpec {
    pub(crate) threads: u32,
    pub(crate) max_reserve: u32,
    pub(crate) capacity: u64,
    pub(crate) when_full: i32,
    pub(crate) hooks: bool,
}

impl From<[u8; 2]> for PoolSpec {
    fn from([a, b]: [u8; 2]) -> PoolSpec {
        PoolSpec {
            threads: 1 + u32::from(a % 4),
            max_reserve: [0, TP_NO_RESERVE, 1, 2][usize::from(a / 4 % 4)],
            hooks: a / 16 % 4 == 1,
            capacity: [0, 1, 2, 5][usize::from(b % 4)],
            when_full: [TP_FULL_BLOCK, TP_FULL_FAIL, TP_FULL_RUN_IN_CALLER, TP_FULL_DROP_OLDEST]
                [usize::from(b / 4 % 4)],
        }
    }
}

/// How long a wait lasts. `Forever` is shortened where the end of what is waited for can't be promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Poll,
    Short,
    Forever,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extras {
    pub(crate) priority: i32,
    pub(crate) drop: bool,
}

/// What is called. Places and scripts are any numbers: see `World` and `Frame::script_below`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    Look {
        pool: u8,
    },
    Submit {
        pool: u8,
        script: u8,
    },
    SubmitWith {
        pool: u8,
        script: u8,
        extras: Extras,
    },
    Batch {
        pool: u8,
        script: u8,
        n: u8,
    },
    Wait {
        pool: u8,
        limit: Limit,
    },
    /// Into a group of its own that is waited for and destroyed.
    Fork {
        pool: u8,
        script: u8,
        n: u8,
    },
    /// A future that is waited for at once.
    Await {
        pool: u8,
        script: u8,
        limit: Limit,
    },
    Async {
        pool: u8,
        script: u8,
        future: u8,
        extras: Extras,
    },
    Then {
        pool: u8,
        input: u8,
        script: u8,
        next: u8,
    },
    ByHand {
        future: u8,
    },
    Complete {
        future: u8,
    },
    CancelFuture {
        future: u8,
    },
    WaitFuture {
        future: u8,
        limit: Limit,
    },
    WaitAny {
        first: u8,
        n: u8,
        limit: Limit,
    },
    Release {
        future: u8,
    },
    Group {
        pool: u8,
        parent: Option<u8>,
        group: u8,
    },
    GroupSubmit {
        group: u8,
        script: u8,
        extras: Extras,
    },
    GroupWait {
        group: u8,
        limit: Limit,
    },
    Notify {
        group: u8,
        script: u8,
    },
    CancelGroup {
        group: u8,
    },
    DestroyGroup {
        group: u8,
    },
    Invoke {
        pool: u8,
        a: u8,
        b: u8,
    },
    For {
        pool: u8,
        script: u8,
        n: u8,
        stops: bool,
    },
    Reduce {
        pool: u8,
        script: u8,
        n: u8,
    },
    Sort {
        pool: u8,
        kind: u8,
        n: u8,
    },
    Gang {
        pool: u8,
        script: u8,
        n: u8,
    },
    BlockingBegin,
    BlockingEnd,
    Pause {
        pool: u8,
    },
    Resume {
        pool: u8,
    },
    Resize {
        pool: u8,
        threads: u32,
    },
    Shutdown {
        pool: u8,
        mode: i32,
        limit: Limit,
    },
    Destroy {
        pool: u8,
    },
    /// Counts what is queued on a pool that nobody else uses.
    Census {
        pool: u8,
        n: u8,
    },
    Bad {
        which: u8,
    },
    GiveWay,
}

fn limit(byte: u8) -> Limit {
    [Limit::Forever, Limit::Poll, Limit::Short][usize::from(byte % 3)]
}

fn extras(byte: u8) -> Extras {
    let priority = [TP_PRIORITY_NORMAL, TP_PRIORITY_HIGH, TP_PRIORITY_LOW][usize::from(byte / 2 % 3)];
    Extras { priority, drop: byte.is_multiple_of(2) }
}

/// How many kinds of calls there are. From there up: here the next script begins.
const KINDS: u8 = 36;
const KINDS_AND_NEXT: u8 = 40;

impl From<[u8; 4]> for Call {
    /// Simpler calls have smaller numbers: a case that fails is made smaller that way.
    fn from([kind, x, y, z]: [u8; 4]) -> Call {
        // The pool's number takes the upper half of a byte.
        let (pool, low) = (x / 16, x % 16);
        match kind % KINDS {
            0 => Call::Look { pool },
            1 => Call::Submit { pool, script: y },
            2 => Call::SubmitWith { pool, script: y, extras: extras(z) },
            3 => Call::Batch { pool, script: y, n: z % 12 },
            4 => Call::Wait { pool, limit: limit(y) },
            5 => Call::Fork { pool, script: y, n: z % 6 },
            6 => Call::Await { pool, script: y, limit: limit(z) },
            7 => Call::Async { pool, script: y, future: low, extras: extras(z) },
            8 => Call::Then { pool, input: low, script: y, next: z },
            9 => Call::ByHand { future: x },
            10 => Call::Complete { future: x },
            11 => Call::CancelFuture { future: x },
            12 => Call::WaitFuture { future: x, limit: limit(y) },
            13 => Call::WaitAny { first: x, n: 1 + y % 3, limit: limit(z) },
            14 => Call::Release { future: x },
            15 => Call::Group { pool, parent: (y % 2 == 1).then_some(z), group: low },
            16 => Call::GroupSubmit { group: x, script: y, extras: extras(z) },
            17 => Call::GroupWait { group: x, limit: limit(y) },
            18 => Call::Notify { group: x, script: y },
            19 => Call::CancelGroup { group: x },
            20 => Call::DestroyGroup { group: x },
            21 => Call::Invoke { pool, a: y, b: z },
            22 => Call::For { pool, script: y, n: z, stops: low == 1 },
            23 => Call::Reduce { pool, script: y, n: z },
            24 => Call::Sort { pool, kind: y, n: z },
            25 => Call::Gang { pool, script: y, n: z % 6 },
            26 => Call::BlockingBegin,
            27 => Call::BlockingEnd,
            28 => Call::Pause { pool },
            29 => Call::Resume { pool },
            30 => Call::Resize { pool, threads: u32::from(y % 7) },
            31 => Call::Shutdown { pool, mode: [TP_DRAIN, TP_DISCARD, 7][usize::from(y % 8 / 3)], limit: limit(z) },
            32 => Call::Destroy { pool },
            33 => Call::Census { pool, n: y % 4 },
            34 => Call::Bad { which: x },
            _ => Call::GiveWay,
        }
    }
}

impl Case {
    pub(crate) fn new(pools: &[[u8; 2]], scripts: &[Vec<[u8; 4]>]) -> Case {
        let pools = pools.iter().map(|&spec| PoolSpec::from(spec)).collect();
        let scripts = scripts.iter().map(|calls| calls.iter().map(|&call| Call::from(call)).collect()).collect();
        Case { pools, scripts }
    }

    /// The first byte says how many pools there are; two bytes for each; then four a call.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Case> {
        let (&count, rest) = bytes.split_first()?;
        let (specs, rest) = rest.split_at_checked(2 * (1 + usize::from(count) % POOLS))?;
        let mut scripts = vec![Vec::new()];
        for call in rest.chunks_exact(4).map(|call| [call[0] % KINDS_AND_NEXT, call[1], call[2], call[3]]) {
            if call[0] < KINDS {
                scripts.last_mut().filter(|calls| calls.len() < CALLS).into_iter().for_each(|calls| calls.push(call));
            } else if scripts.len() < SCRIPTS {
                scripts.push(Vec::new());
            }
        }
        let specs: Vec<[u8; 2]> = specs.chunks_exact(2).map(|spec| [spec[0], spec[1]]).collect();
        Some(Case::new(&specs, &scripts))
    }
}
