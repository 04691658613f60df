//! A model of tp: it makes the calls of a case and checks what they say, and in the end that each task that was accepted
//! has ended in one way, and each that was refused in none. The fuzzer and the property test share it.
//!
//! What it checks: that a status is one that tp.h allows there, and the one that it asks for where that is certain; that
//! a wait that says OK has waited; the reason that a drop is given; order on a pool of one worker; what is queued and in
//! a group when that is certain; what loops cover and sorts give. A case that has not ended in a minute is printed, and
//! ends the process.
//!
//! Which waits have no limit: those of threads outside, and in a task those for later scripts of its own pool, so that no
//! circle can come about. Nobody waits without a limit for what only a thread can end that waits itself, and whoever has
//! paused a pool resumes it before any call that may last.

mod bad;
mod calls;
mod case;
mod futures;
mod groups;
mod parallel;
mod play;
mod submit;
mod watchdog;
mod world;

pub(crate) use case::Case;
pub(crate) use play::play;
