//! What every task goes through.

pub(crate) mod store;
pub(crate) mod task;
pub(crate) mod blocks;
pub(crate) mod injector;
pub(crate) mod run_queue;
pub(crate) mod sleep;
pub(crate) mod completion;
pub(crate) mod wait;
pub(crate) mod capacity;
#[cfg(not(loom))]
pub(crate) mod context;
#[cfg(not(loom))]
pub(crate) mod control;
#[cfg(not(loom))]
pub(crate) mod default;
#[cfg(not(loom))]
pub(crate) mod escape;
#[cfg(not(loom))]
pub(crate) mod extras;
#[cfg(not(loom))]
pub(crate) mod fork;
#[cfg(not(loom))]
pub(crate) mod options;
#[cfg(not(loom))]
pub(crate) mod pool;
#[cfg(not(loom))]
pub(crate) mod search;
#[cfg(not(loom))]
pub(crate) mod watch;
#[cfg(not(loom))]
pub(crate) mod submit;
#[cfg(not(loom))]
pub(crate) mod worker;
