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
# The counters are in memory that each process and its forks share with a file (%c): what a child that faults are tried on
# reaches counts too, and what a process does just before it aborts.
export RUSTFLAGS="-Cinstrument-coverage -Cllvm-args=-runtime-counter-relocation"
export LLVM_PROFILE_FILE=$out/profiles/%c%p-%m.profraw TP_TEST_SCALE=small

# The tests' libtp.so is the one that C programs take, which ends the process where an exception leaves a callback: a test
# that fails ends its process too.
cargo_test() { RUSTC_BOOTSTRAP=1 cargo test -Zpanic-abort-tests --locked --target-dir "$out" "$@"; }
cargo_test --no-run --message-format=json 2>/dev/null >"$out/json"
grep -oE '"executable":"[^"]+"' "$out/json" | cut -d '"' -f 4 >"$out/programs"
cargo_test --quiet
cp "$out/debug/deps/libtp.so" "$out/c/libtp.so.0"

# run COMPILER NAME SOURCE...
run() {
    local compiler=$1 program=$out/c/$2
    shift 2
    $compiler -O1 -D_GNU_SOURCE "-DTP_HEADER=\"$PWD/include/tp.h\"" -Iinclude "$@" -o "$program" "$out/c/libtp.so.0" \
        -Wl,-rpath,"$out/c" -lcmocka -lm
    timeout 600 "$program" >"$out/log" 2>&1 || { echo "FAILED $program"; tail -n 20 "$out/log"; exit 1; }
}
for source in tests/c/*.c; do
    run "cc -std=c11" "$(basename "$source" .c)" "$source"
done
run "cc -std=c11" faults tests/faults/*.c
run "c++ -std=c++17" escape tests/cpp/escape.cpp

"$tools/llvm-profdata" merge --sparse --failure-mode=warn "$out/profiles" -o "$out/merged"
objects=$(sed 's/^/-object /' "$out/programs")
report() {
    # shellcheck disable=SC2086 # each is a word
    "$tools/llvm-cov" "$@" $objects -object "$out/c/libtp.so.0" --instr-profile "$out/merged" \
        --ignore-filename-regex='/tests\.rs$' --sources src
}
report show --show-line-counts-or-regions=false 2>/dev/null >"$out/lines.txt"
awk -F '|' -v root="$PWD/" '/^[^ |]*\.rs:$/ { file = $1; sub(root, "", file) } $2 ~ /^ *0$/ { print file $1 ":" $3 }' \
    "$out/lines.txt" >"$out/missed.txt"
report report --show-functions=false 2>/dev/null | awk '$10 ~ /%$/ { print $1, $8, $9, $10 }' | column -t -N file,lines,missed,reached
percent=$(report report 2>/dev/null | awk '/^TOTAL/ { sub("%", "", $10); print $10 }')
echo "$percent% of the lines of src/ are reached; those that are not: target/coverage/missed.txt"
awk -v percent="$percent" -v least="$least" 'BEGIN { exit percent < least }'
