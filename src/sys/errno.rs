//! The caller's errno, which no call of tp changes.

/// Runs `f` and puts errno back to what it was.
///
/// Volatile, for the compiler knows malloc and believes that it leaves errno alone.
pub(crate) fn kept<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: the address is valid for as long as the thread lives.
    unsafe {
        let errno = libc::__errno_location();
        let saved = errno.read_volatile();
        let result = f();
        errno.write_volatile(saved);
        result
    }
}
