//! Fork-join and loops: calls whose parts run on whoever is free, while the caller takes part and then waits.

mod gang;
mod invoke;
mod range;
mod reduce;

pub(crate) use gang::gang;
pub(crate) use invoke::invoke;
#[expect(unused_imports, reason = "for the sorts")]
pub(crate) use invoke::join;
#[expect(unused_imports, reason = "for the sorts")]
pub(crate) use range::for_each;
pub(crate) use range::{Loop, stop};
pub(crate) use reduce::Reduce;
