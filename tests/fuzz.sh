#!/bin/bash
# Fuzzes the C functions against the model of tests/model, under AddressSanitizer, and proves that what is needed is in: the
# program holds the symbols of the sanitizer and of the counters that tell the fuzzer where it has been.
#
# The program is built as cargo-fuzz would build it, by stable rustc: RUSTC_BOOTSTRAP=1 lets it take the sanitizer's flag. So
# nothing has to be installed but a C++ compiler, for libFuzzer itself. What is found on the way is kept in
# target/fuzz/corpus; what is in fuzz/corpus comes first and stays as it is.
#
# usage: tests/fuzz.sh SECONDS | merge | FILE...
#   merge: writes anew what fuzz/corpus needs to reach all that both have reached; FILE: plays those cases
set -u

cd "$(dirname "$0")/.." || exit 1
host=$(rustc -vV | sed -n 's/^host: //p')
corpus=fuzz/corpus/calls found=target/fuzz/corpus crashes=target/fuzz/crashes
program=target/fuzz/$host/release/calls
mkdir -p $corpus $found $crashes

counters="-Cpasses=sancov-module -Ccodegen-units=1"
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    counters+=" -Cllvm-args=-sanitizer-coverage-$option"
done
RUSTC_BOOTSTRAP=1 RUSTFLAGS="--cfg fuzzing -Zsanitizer=address $counters" cargo build --release --locked --quiet \
    --manifest-path fuzz/Cargo.toml --target "$host" --target-dir target/fuzz || exit 1
for symbol in __asan_init __sanitizer_cov_8bit_counters_init; do
    nm "$program" | grep -q " [TtWw] $symbol\$" || { echo "$program lacks $symbol"; exit 1; }
done

# A case that hangs is printed by the model's watchdog before libFuzzer would end it.
limits="-max_len=512 -len_control=0 -timeout=100 -rss_limit_mb=4096"
case ${1:?"usage: tests/fuzz.sh SECONDS | merge | FILE..."} in
    merge)
        new=$(mktemp -d)
        # shellcheck disable=SC2086 # each limit is an argument
        "$program" $limits -merge=1 "$new" $corpus $found && rm -rf $corpus && mv "$new" $corpus && chmod 755 $corpus
        ;;
    *[!0-9]*) exec "$program" "$@" ;;
    *) # shellcheck disable=SC2086 # likewise
        exec "$program" $limits -max_total_time="$1" -print_final_stats=1 -artifact_prefix=$crashes/ $found $corpus
        ;;
esac
