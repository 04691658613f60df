//! How a pool is made, checked and in our own types.

use core::ffi::{CStr, c_void};

use crate::engine::capacity::WhenFull;
use crate::error::{Error, Result};
use crate::sys::cpu::{self, CpuSet};
use crate::sys::process;

pub(crate) const MAX_THREADS: u32 = 4096;
pub(crate) const DEFAULT_RESERVE: u32 = 256;

pub(crate) type Hook = unsafe extern "C-unwind" fn(ctx: *mut c_void, worker: u32);

pub(crate) struct Options {
    /// 1 to `MAX_THREADS`.
    pub(crate) threads: u32,
    /// What the threads are called, without their index. Ends in a zero byte.
    pub(crate) name: [u8; 16],
    /// How many workers may take the places of blocked ones.
    pub(crate) max_reserve: u32,
    pub(crate) stack_size: usize,
    pub(crate) cpus: Option<CpuSet>,
    /// Where the creating thread may run.
    pub(crate) home: Option<CpuSet>,
    pub(crate) on_start: Option<Hook>,
    pub(crate) on_stop: Option<Hook>,
    pub(crate) hook_ctx: *mut c_void,
    /// None: no limit.
    pub(crate) capacity: Option<(u64, WhenFull)>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            threads: automatic_threads(None),
            name: name(c"tp"),
            max_reserve: DEFAULT_RESERVE,
            stack_size: 0,
            cpus: None,
            home: CpuSet::of_this_thread(),
            on_start: None,
            on_stop: None,
            hook_ctx: core::ptr::null_mut(),
            capacity: None,
        }
    }
}

impl Options {
    /// Where a worker is told to run; None: where the thread that starts it may, which is right already.
    pub(crate) fn cpus_of_worker(&self) -> Option<&CpuSet> {
        self.cpus.as_ref().or_else(|| self.home.as_ref().filter(|_| self.home != CpuSet::of_this_thread()))
    }
}

/// What TP_NUM_THREADS says; else as many as there are CPUs in `cpus`, or in the calling thread's affinity, and no more
/// than the quota.
pub(crate) fn automatic_threads(cpus: Option<&CpuSet>) -> u32 {
    let asked = process::variable(c"TP_NUM_THREADS").and_then(|text| text.trim().parse().ok());
    if let Some(threads @ 1..=MAX_THREADS) = asked {
        return threads;
    }
    let cpus = cpus.map(CpuSet::count).or_else(|| Some(CpuSet::of_this_thread()?.count())).unwrap_or(1);
    cpus.min(cpu::quota().unwrap_or(u32::MAX)).clamp(1, MAX_THREADS)
}

/// The set of these CPUs, if all of them are there.
pub(crate) fn cpu_set(cpus: &[u32]) -> Result<CpuSet> {
    let mut set = CpuSet::empty();
    let all_fit = cpus.iter().all(|&cpu| set.add(cpu));
    let all_there = CpuSet::online().is_none_or(|online| set.is_subset_of(&online));
    if all_fit && all_there { Ok(set) } else { Err(Error::Invalid) }
}

/// As much of `text` as fits, with a zero byte behind it.
pub(crate) fn name<const N: usize>(text: &CStr) -> [u8; N] {
    let mut name = [0; N];
    for (to, from) in name.iter_mut().take(N - 1).zip(text.to_bytes()) {
        *to = *from;
    }
    name
}
