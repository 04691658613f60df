#!/bin/bash
# What is looked at without being run: format and lints of the Rust code, warnings of the C and C++ code from two
# compilers, and whether include/tp.h is the one that the sources make.
#
# usage: tests/lint.sh
set -u

# shellcheck source=tests/check.sh
. "$(dirname "$0")/check.sh"

cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The build writes the header anew; it was read before that, and git knows what was committed.
cp include/tp.h "$work/tp.h"
header_drift() {
    cargo build --locked --quiet && diff "$work/tp.h" include/tp.h || return 1
    ! git -c safe.directory='*' rev-parse --git-dir >/dev/null 2>&1 || git -c safe.directory='*' diff --exit-code include/tp.h
}

# Each C and C++ file with the flags that CMake gives it, optimized, for some warnings come from there.
warnings() {
    local flags="-O2 -Wall -Wextra -Werror"
    cmake -B "$work/$1" -DCMAKE_C_COMPILER="$1" -DCMAKE_CXX_COMPILER="$2" -DCMAKE_C_FLAGS="$flags" \
        -DCMAKE_CXX_FLAGS="$flags" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >"$work/configure" || return 1
    sed -n 's/^ *"command": "\(.*\)",\{0,1\}$/\1/p' "$work/$1/compile_commands.json" | sed 's/\\\(["\\]\)/\1/g' >"$work/commands"
    [ -s "$work/commands" ] && xargs -d '\n' -P "$(nproc)" -I{} sh -c '{} -o /dev/null' <"$work/commands"
}

check "cargo fmt" cargo fmt --check
check "cargo fmt, of the fuzzer" cargo fmt --check --manifest-path fuzz/Cargo.toml
check "cargo clippy" cargo clippy --locked --all-targets -- -D warnings
check "cargo clippy, as for loom" env RUSTFLAGS="--cfg loom" cargo clippy --locked --lib --tests --target-dir target/loom -- -D warnings
check "cargo clippy, as for make shuttle" env RUSTFLAGS="--cfg shuttle" cargo clippy --locked --lib --tests --target-dir target/shuttle -- -D warnings
check "cargo clippy, as for make scaling" env RUSTFLAGS="--cfg simulate" cargo clippy --locked --lib --tests --target-dir target/simulate -- -D warnings
check "include/tp.h is as committed after a build" header_drift
check "gcc and g++: no warning" warnings gcc g++
check "clang and clang++: no warning" warnings clang clang++
if cargo deny --version >/dev/null 2>&1; then
    check "cargo deny: licences, duplicates, sources" cargo deny --locked check licenses bans sources
    if cargo deny fetch db >/dev/null 2>&1; then check "cargo deny: advisories" cargo deny --locked check advisories; fi
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
