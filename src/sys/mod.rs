//! The platform: what tp asks of the system, one file a thing. Nothing here knows of pools or tasks.
#![allow(unsafe_code, reason = "system calls")]

pub(crate) mod alloc;
pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod errno;
pub(crate) mod file;
pub(crate) mod futex;
pub(crate) mod process;
pub(crate) mod signal;
pub(crate) mod thread;
pub(crate) mod tls;
pub(crate) mod tsan;
