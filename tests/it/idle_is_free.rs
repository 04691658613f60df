//! Promise 3: an idle pool uses no CPU.

use std::time::Duration;

use crate::support::*;

fn cpu_time_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// In a process of its own, for other tests would count.
#[test]
fn an_idle_pool_uses_no_cpu_time() {
    if std::env::var_os("TP_TEST_IDLE").is_none() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "idle_is_free::an_idle_pool_uses_no_cpu_time", "--nocapture"])
            .env("TP_TEST_IDLE", "1")
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let pool = Pool::new(4);
    (0..1000).for_each(|_| pool.submit(|| {}));
    pool.wait();
    // The workers search for a moment after their last task.
    std::thread::sleep(Duration::from_millis(100));
    let before = cpu_time_ns();
    std::thread::sleep(Duration::from_secs(5));
    let used = cpu_time_ns() - before;
    assert!(used < 2_000_000, "{used} ns of CPU in 5 s of idleness");
}
