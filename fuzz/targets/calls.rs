//! Bytes as a sequence of calls, against the model that the property test has too.
#![no_main]

#[path = "../../tests/model/mod.rs"]
mod model;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(case) = model::Case::from_bytes(bytes) {
        let failures = model::play(case.clone());
        assert!(failures.is_empty(), "{failures:#?}\n{case:#?}");
    }
});
