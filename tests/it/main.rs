//! The promises of tp.h, through the C functions, a file each.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(unsafe_code, reason = "C callbacks")]

mod support;

mod good_guest;
mod idle_is_free;
mod in_order;
mod misuse;
mod never_deadlocks;
mod nothing_lost;
