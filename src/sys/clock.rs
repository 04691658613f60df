//! The monotonic clock, in nanoseconds.

/// Now. Never goes back.
pub(crate) fn now_ns() -> u64 {
    #[cfg(simulate)]
    if let Some(now) = crate::sync::simulate::read_clock() {
        return now;
    }
    #[cfg(shuttle)]
    if let Some(now) = crate::sync::scheduled::read_clock() {
        return now;
    }
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec. The clock is always there, so this does not fail and errno is untouched.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0))
}

/// When a wait ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deadline {
    /// It has: the caller only looks.
    Passed,
    /// At this time of the monotonic clock.
    At(u64),
    /// Not at all.
    Never,
}

impl Deadline {
    /// `timeout_ns` from now: 0 has passed, a time past the clock's end never comes.
    pub(crate) fn after(timeout_ns: u64) -> Deadline {
        match timeout_ns {
            0 => Deadline::Passed,
            u64::MAX => Deadline::Never,
            _ => now_ns().checked_add(timeout_ns).map_or(Deadline::Never, Deadline::At),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_past_the_end_of_the_clock_never_comes() {
        assert_eq!(Deadline::after(u64::MAX), Deadline::Never);
        assert_eq!(Deadline::after(u64::MAX - 1), Deadline::Never);
        assert_eq!(Deadline::after(0), Deadline::Passed);
        assert!(matches!(Deadline::after(1 << 63), Deadline::At(_)));
    }
}
