//! A work-stealing thread pool for every program that can call C. `include/tp.h` is its documentation.
//!
//! A task's journey, which the files follow:
//!
//! 1. `capi` checks what a C caller passed and calls the engine;
//! 2. `engine::submit` accepts the task, or refuses it;
//! 3. `engine::injector` keeps what comes from outside, `engine::run_queue` what a worker's own tasks submit;
//! 4. `engine::sleep` wakes a worker if nobody is looking for work;
//! 5. `engine::worker` finds the task and runs it;
//! 6. `engine::completion` counts it as ended, and `engine::quiet` tells those who wait for the last one.
//!
//! Unsafe code is allowed in `capi` (callers' pointers), `sys` (system calls) and, in the engine, in the files that own
//! raw memory or call what the user gave: each says so at its top.

#![cfg_attr(loom, allow(dead_code, unused_imports, reason = "a model holds what it models, and no more"))]
#![cfg_attr(shuttle, allow(dead_code, reason = "the system's own way to sleep is not used"))]

#[cfg(not(loom))]
pub mod capi;
mod engine;
mod error;
#[cfg(not(loom))]
mod future;
#[cfg(not(loom))]
mod group;
#[cfg(not(loom))]
mod parallel;
mod sync;
mod sys;
