//! Fork-join and loops: calls whose parts run on whoever is free, while the caller takes part and then waits.

mod gang;
mod invoke;
mod range;
mod reduce;
pub(crate) mod sort;

pub(crate) use gang::gang;
pub(crate) use invoke::{invoke, join};
pub(crate) use range::{Loop, for_each, stop};
pub(crate) use reduce::Reduce;
