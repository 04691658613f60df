#!/bin/bash
# Which lines of src/ the Rust and the C tests reach: a table by file, and the lines that none does.
#
# usage: tests/coverage.sh [LEAST]; LEAST: the percentage of lines below which it fails (95)
set -eu

cd "$(dirname "$0")/.."
least=${1:-95}
out=$PWD/target/coverage
host=$(rustc -vV | sed -n 's/^host: //p')
tools=$(rustc --print sysroot)/lib/rustlib/$host/bin
[ -x "$tools/llvm-cov" ] || rustup component add llvm-tools
rm -rf "$out/profiles"
mkdir -p "$out/profiles" "$out/c"
export RUSTFLAGS=-Cinstrument-coverage LLVM_PROFILE_FILE=$out/profiles/%p-%m.profraw TP_TEST_SCALE=small

cargo test --locked --target-dir "$out" --no-run --message-format=json 2>/dev/null >"$out/json"
grep -oE '"executable":"[^"]+"' "$out/json" | cut -d '"' -f 4 >"$out/programs"
cargo test --locked --target-dir "$out" --quiet
cp "$out/debug/deps/libtp.so" "$out/c/libtp.so.0"
for source in tests/c/*.c; do
    program=$out/c/$(basename "$source" .c)
    cc -std=c11 -O1 -D_GNU_SOURCE -Iinclude "$source" -o "$program" "$out/c/libtp.so.0" -Wl,-rpath,"$out/c" -lcmocka -lm
    timeout 600 "$program" >"$out/log" 2>&1 || { echo "FAILED $program"; tail -n 20 "$out/log"; exit 1; }
done

"$tools/llvm-profdata" merge --sparse --failure-mode=warn "$out/profiles" -o "$out/merged"
objects=$(sed 's/^/-object /' "$out/programs")
# shellcheck disable=SC2086 # each is a word
report() { "$tools/llvm-cov" "$@" $objects -object "$out/c/libtp.so.0" --instr-profile "$out/merged" --sources src; }
report report --show-functions=false | awk '{ print $1, $8, $9, $10 }' | column -t
report show --show-line-counts-or-regions=false 2>/dev/null >"$out/lines.txt"
awk -F '|' '/^[^ |]*\.rs:$/ { file = $1 } $2 ~ /^ *0$/ { print file $1 ":" $3 }' "$out/lines.txt" >"$out/missed.txt"
percent=$(report report | awk '/^TOTAL/ { sub("%", "", $10); print $10 }')
echo "$percent% of the lines of src/ are reached; those that are not: target/coverage/missed.txt"
awk -v percent="$percent" -v least="$least" 'BEGIN { exit percent < least }'
