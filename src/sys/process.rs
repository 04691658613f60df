//! What concerns the process as a whole: its environment, its forks, and the library's place in memory.

use core::ffi::{CStr, c_char, c_void};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::sys::errno;

unsafe extern "C" {
    fn secure_getenv(name: *const c_char) -> *const c_char;
}

/// A variable of the environment; none in a program that runs with more rights than its caller.
pub(crate) fn variable(name: &CStr) -> Option<&'static str> {
    // SAFETY: a valid name. The value is read at once, before anyone may change the environment.
    unsafe {
        let value = secure_getenv(name.as_ptr());
        if value.is_null() { None } else { CStr::from_ptr(value).to_str().ok() }
    }
}

/// Calls `in_child` in every child that is forked from now on.
pub(crate) fn after_fork(in_child: extern "C" fn()) -> Result<()> {
    // SAFETY: the handler stays loaded: see `stay_loaded` and the library's nodelete flag.
    let result = errno::kept(|| unsafe { libc::pthread_atfork(None, None, Some(in_child)) });
    if result == 0 { Ok(()) } else { Err(Error::NoMemory) }
}

/// Keeps the object that this code is in loaded to the end of the process, so that workers never lose their code: a
/// plugin that holds a static copy of tp may be closed. libtp.so has its own flag for that.
///
/// The loader is asked until it has answered once: a child that was forked meanwhile may find it half way through a step.
pub(crate) fn stay_loaded() {
    static STAYS: AtomicBool = AtomicBool::new(false);
    if STAYS.load(Ordering::Acquire) {
        return;
    }
    let here = stay_loaded as *const c_void;
    let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
    let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
    // SAFETY: dladdr fills in `found` or returns 0; a name that is not that of a loaded object opens nothing.
    errno::kept(|| unsafe {
        if libc::dladdr(here, found.as_mut_ptr()) != 0 {
            libc::dlopen((*found.as_ptr()).dli_fname, flags);
            libc::dlerror();
        }
    });
    STAYS.store(true, Ordering::Release);
}

/// Ends the process with one line on standard error.
pub(crate) fn abort(line: &[u8]) -> ! {
    // SAFETY: writes the line, as far as it goes.
    unsafe {
        libc::write(2, line.as_ptr().cast(), line.len());
        libc::abort()
    }
}
