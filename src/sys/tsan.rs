//! What tells a program's own ThreadSanitizer which thread comes after which.
//!
//! It sees what was compiled with it, and so neither this library's atomics nor its futex words. Where it is in the process
//! its own two functions are told: what a thread did before a `release` of a key comes before what another does after a
//! later `acquire` of the same key. Elsewhere their addresses are null in the library's table of addresses: a weak symbol.
//!
//! A key is memory of this library. A build of the library that is instrumented itself (`--cfg instrumented`) says nothing:
//! what its atomics order is then seen, and has to be enough.

use core::ffi::c_void;

type Tell = unsafe extern "C" fn(key: *mut c_void);

macro_rules! function {
    ($name:literal) => {{
        let address: usize;
        #[cfg(all(target_arch = "x86_64", not(instrumented), not(loom)))]
        // SAFETY: reads an entry of the table of addresses.
        unsafe {
            core::arch::asm!(
                concat!(".weak ", $name),
                concat!("mov {}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                out(reg) address, options(nostack, preserves_flags, pure, readonly)
            );
        }
        #[cfg(all(target_arch = "aarch64", not(instrumented), not(loom)))]
        // SAFETY: likewise.
        unsafe {
            core::arch::asm!(
                concat!(".weak ", $name),
                concat!("adrp {a}, :got:", $name),
                concat!("ldr {a}, [{a}, :got_lo12:", $name, "]"),
                a = out(reg) address, options(nostack, preserves_flags, pure, readonly)
            );
        }
        #[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(instrumented), not(loom))))]
        {
            address = 0;
        }
        // SAFETY: null, or the function of that name, which is of this type.
        unsafe { core::mem::transmute::<usize, Option<Tell>>(address) }
    }};
}

/// Whether it is in the process. It does not change.
pub(crate) fn is_here() -> bool {
    function!("__tsan_release").is_some()
}

/// What comes next here is after every earlier `release`.
pub(crate) fn acquire<T>(key: *const T) {
    if let Some(tell) = function!("__tsan_acquire") {
        // SAFETY: a key is memory of ours, which it does not touch.
        unsafe { tell(key.cast_mut().cast()) };
    }
}

/// What came before here is before every later `acquire`.
pub(crate) fn release<T>(key: *const T) {
    if let Some(tell) = function!("__tsan_release") {
        // SAFETY: likewise.
        unsafe { tell(key.cast_mut().cast()) };
    }
}
