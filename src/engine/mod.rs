//! What every task goes through.

pub(crate) mod store;
pub(crate) mod task;
pub(crate) mod blocks;
pub(crate) mod injector;
pub(crate) mod run_queue;
pub(crate) mod tidy;
pub(crate) mod sleep;
pub(crate) mod completion;
pub(crate) mod wait;
pub(crate) mod slot;
pub(crate) mod deque;
pub(crate) mod quiet;
pub(crate) mod capacity;
pub(crate) mod cancel;
pub(crate) mod short_lock;
pub(crate) mod turn;
pub(crate) mod seal;
#[cfg(not(loom))]
pub(crate) mod context;
#[cfg(not(loom))]
pub(crate) mod control;
#[cfg(not(loom))]
pub(crate) mod default;
#[cfg(not(loom))]
pub(crate) mod escape;
#[cfg(not(loom))]
pub(crate) mod fork;
#[cfg(not(loom))]
pub(crate) mod clients;
#[cfg(not(loom))]
pub(crate) mod forks;
#[cfg(not(loom))]
pub(crate) mod duty;
#[cfg(not(loom))]
pub(crate) mod guests;
#[cfg(not(loom))]
pub(crate) mod park;
#[cfg(not(loom))]
pub(crate) mod launch;
#[cfg(not(loom))]
pub(crate) mod late;
#[cfg(not(loom))]
pub(crate) mod early;
#[cfg(not(loom))]
pub(crate) mod job;
#[cfg(not(loom))]
pub(crate) mod options;
#[cfg(not(loom))]
pub(crate) mod priority;
#[cfg(not(loom))]
pub(crate) mod reserve;
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
