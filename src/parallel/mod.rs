//! Fork-join and loops: calls whose parts run on whoever is free, while the caller takes part and then waits.

mod gang;
mod invoke;
mod range;
mod reduce;
#[allow(dead_code, reason = "no C function calls it yet")]
pub(crate) mod sort;

pub(crate) use gang::gang;
pub(crate) use invoke::invoke;
pub(crate) use invoke::join;
pub(crate) use range::for_each;
pub(crate) use range::{Loop, stop};
pub(crate) use reduce::Reduce;
