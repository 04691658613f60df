//! How many CPUs this process may use, and which.
//!
//! `std::thread::available_parallelism` knows most of it, but allocates without a way to say no. The count is that of
//! the calling thread's affinity, limited by the CPU quota of the process's cgroup and of every group above it, rounded
//! up: v2 (`cpu.max`) or v1 (`cpu.cfs_quota_us`), whichever the process is in, at their usual mount points.

use core::ffi::CStr;

use crate::sys::errno;
use crate::sys::file;

/// A set of CPUs by the system's number.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CpuSet {
    words: [u64; CpuSet::BYTES / 8],
}

impl CpuSet {
    /// Room for 8,192 CPUs, as many as Linux can be built for.
    pub(crate) const BYTES: usize = 1024;

    pub(crate) fn empty() -> CpuSet {
        CpuSet { words: [0; CpuSet::BYTES / 8] }
    }

    /// Where the calling thread may run. None if the system doesn't say.
    pub(crate) fn of_this_thread() -> Option<CpuSet> {
        let mut set = CpuSet::empty();
        // SAFETY: the set is as large as said. libc's type is a prefix of ours.
        let result =
            errno::kept(|| unsafe { libc::sched_getaffinity(0, CpuSet::BYTES, set.words.as_mut_ptr().cast()) });
        (result == 0).then_some(set)
    }

    /// The CPUs that are there and switched on.
    pub(crate) fn online() -> Option<CpuSet> {
        let mut buffer = [0; 4096];
        let text = file::read(c"/sys/devices/system/cpu/online", &mut buffer)?;
        let mut set = CpuSet::empty();
        for range in text.trim().split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            for cpu in first.parse().ok()?..=last.parse().ok()? {
                set.add(cpu);
            }
        }
        Some(set)
    }

    /// False if the number is beyond what a set can hold.
    pub(crate) fn add(&mut self, cpu: u32) -> bool {
        match self.words.get_mut(cpu as usize / 64) {
            Some(word) => *word |= 1 << (cpu % 64),
            None => return false,
        }
        true
    }

    pub(crate) fn is_subset_of(&self, other: &CpuSet) -> bool {
        self.words.iter().zip(&other.words).all(|(ours, theirs)| ours & !theirs == 0)
    }

    pub(crate) fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    pub(crate) fn as_ptr(&self) -> *const libc::cpu_set_t {
        self.words.as_ptr().cast()
    }
}

/// The CPU quota of this process's cgroup and those above it, in whole CPUs, rounded up.
pub(crate) fn quota() -> Option<u32> {
    let mut buffer = [0; 4096];
    let groups = file::read(c"/proc/self/cgroup", &mut buffer)?;
    groups.lines().filter_map(quota_of_line).min()
}

/// A line is `hierarchy:controllers:path`; the v2 hierarchy is 0 and names no controllers.
fn quota_of_line(line: &str) -> Option<u32> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    if controllers.is_empty() {
        return ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].iter().filter_map(|root| lowest(root, path, v2)).min();
    }
    if controllers.split(',').any(|controller| controller == "cpu") {
        return ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"]
            .iter()
            .filter_map(|root| lowest(root, path, v1))
            .min();
    }
    None
}

/// The lowest quota on the way from `path` up to `root`. In a container the path may be that of the host's view, which
/// is not there below the container's root: then only the root has a file, and it is the group's own.
fn lowest(root: &str, path: &str, read: fn(&str, &str) -> Option<u32>) -> Option<u32> {
    let mut path = path.trim_end_matches('/');
    let mut lowest: Option<u32> = None;
    loop {
        if let Some(quota) = read(root, path) {
            lowest = Some(lowest.map_or(quota, |other| other.min(quota)));
        }
        match path.rfind('/') {
            Some(at) => path = path.get(..at)?,
            None => return lowest,
        }
    }
}

/// `cpu.max` holds `max 100000` or `150000 100000`: microseconds of CPU time in a period of so many.
fn v2(root: &str, path: &str) -> Option<u32> {
    let mut buffer = [0; 64];
    let (quota, period) = group_file([root, path, "/cpu.max"], &mut buffer)?.trim().split_once(' ')?;
    whole_cpus(quota, period)
}

fn v1(root: &str, path: &str) -> Option<u32> {
    let (mut quota, mut period) = ([0; 64], [0; 64]);
    whole_cpus(
        group_file([root, path, "/cpu.cfs_quota_us"], &mut quota)?,
        group_file([root, path, "/cpu.cfs_period_us"], &mut period)?,
    )
}

/// None for `max` and for v1's -1, which mean no quota.
fn whole_cpus(quota: &str, period: &str) -> Option<u32> {
    let (quota, period) = (quota.trim().parse::<u64>().ok()?, period.trim().parse::<u64>().ok()?);
    u32::try_from(quota.checked_add(period)?.checked_sub(1)?.checked_div(period)?.max(1)).ok()
}

fn group_file<'a>(parts: [&str; 3], buffer: &'a mut [u8]) -> Option<&'a str> {
    let mut path = [0; 4096];
    let mut length: usize = 0;
    for part in parts {
        path.get_mut(length..length.checked_add(part.len())?)?.copy_from_slice(part.as_bytes());
        length += part.len();
    }
    file::read(CStr::from_bytes_with_nul(path.get(..=length)?).ok()?, buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_rounded_up_to_whole_cpus() {
        assert_eq!(whole_cpus("100000", "100000"), Some(1));
        assert_eq!(whole_cpus("100001", "100000"), Some(2));
        assert_eq!(whole_cpus("1000", "100000\n"), Some(1));
        assert_eq!(whole_cpus("max", "100000"), None);
        assert_eq!(whole_cpus("-1", "100000"), None);
        assert_eq!(whole_cpus("1", "0"), None);
        assert_eq!(whole_cpus("18446744073709551615", "2"), None);
    }

    #[test]
    fn the_lowest_quota_on_the_way_up_counts() {
        fn fake(root: &str, path: &str) -> Option<u32> {
            assert_eq!(root, "/root");
            match path {
                "/a/b" => Some(3),
                "" => Some(2),
                _ => None,
            }
        }
        assert_eq!(lowest("/root", "/a/b", fake), Some(2));
        assert_eq!(lowest("/root", "/", fake), Some(2));
        assert_eq!(lowest("/root", "/x", |_, _| None), None);
    }

    #[test]
    fn a_groups_files_are_read() {
        let root = std::env::temp_dir().join(format!("tp-cgroup-{}", std::process::id()));
        let group = root.join("a");
        let write = |name: &str, text: &str| std::fs::write(group.join(name), text).unwrap();
        std::fs::create_dir_all(&group).unwrap();
        let path = root.to_str().unwrap();
        assert_eq!(v2(path, "/a"), None);
        write("cpu.max", "150000 100000\n");
        assert_eq!(v2(path, "/a"), Some(2));
        assert_eq!(lowest(path, "/a/b", v2), Some(2));
        write("cpu.max", "max 100000\n");
        assert_eq!(v2(path, "/a"), None);
        write("cpu.cfs_quota_us", "300000\n");
        write("cpu.cfs_period_us", "100000\n");
        assert_eq!(v1(path, "/a"), Some(3));
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_set_holds_what_was_added() {
        let mut set = CpuSet::empty();
        assert!(set.add(0) && set.add(8191) && set.add(0));
        assert!(!set.add(8192) && !set.add(u32::MAX));
        assert_eq!(set.count(), 2);
        assert!(!set.is_subset_of(&CpuSet::empty()) && CpuSet::empty().is_subset_of(&set));
    }

    #[test]
    fn this_thread_may_run_on_cpus_that_are_online() {
        let (here, online) = (CpuSet::of_this_thread().unwrap(), CpuSet::online().unwrap());
        assert!(here.count() > 0 && here.is_subset_of(&online));
    }
}
