//! Fork-join and loops: calls whose parts run on whoever is free, while the caller takes part and then waits.

mod invoke;
mod range;

pub(crate) use invoke::invoke;
#[expect(unused_imports, reason = "for the sorts")]
pub(crate) use invoke::join;
#[expect(unused_imports, reason = "for the sorts and reduce")]
pub(crate) use range::{Body, for_each};
pub(crate) use range::{Loop, stop};
