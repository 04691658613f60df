//! Sequences of calls, made up by proptest, against the model that the fuzzer has too. One that fails is made smaller until
//! it is short enough to read, and its seed is kept in proptest-regressions.
#![cfg(not(any(loom, shuttle, simulate)))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(unsafe_code, reason = "C callbacks")]

#[path = "../model/mod.rs"]
mod model;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

use model::Case;

/// Fewer under a sanitizer, which makes everything ten times slower.
fn cases() -> u32 {
    match std::env::var("TP_TEST_SCALE").as_deref() {
        Ok("small") => 20,
        Ok("full") => 4000,
        _ => 300,
    }
}

fn any_case() -> impl Strategy<Value = Case> {
    let script = || vec(any::<[u8; 4]>(), 0..12);
    (vec(any::<[u8; 2]>(), 1..3), vec(script(), 1..7)).prop_map(|(pools, scripts)| Case::new(&pools, &scripts))
}

proptest! {
    #![proptest_config(Config {
        cases: cases(),
        max_shrink_iters: 2000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/property/proptest-regressions"))),
        ..Config::default()
    })]

    #[test]
    fn any_sequence_of_calls_does_what_the_header_says(case in any_case()) {
        let failures = model::play(case);
        prop_assert!(failures.is_empty(), "{failures:#?}");
    }
}

#[test]
fn what_the_fuzzer_has_kept_does_what_the_header_says() {
    let corpus = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/calls")).unwrap();
    for (nth, file) in corpus.enumerate() {
        let path = file.unwrap().path();
        if nth < cases() as usize
            && let Some(case) = Case::from_bytes(&std::fs::read(&path).unwrap())
        {
            let failures = model::play(case);
            assert!(failures.is_empty(), "{}: {failures:#?}", path.display());
        }
    }
}
