#!/bin/bash
# Runs the Rust tests under ThreadSanitizer and AddressSanitizer, and proves that each was really in: the test programs
# hold its symbols, and a fault planted in a program built with the same flags is found.
#
# Stable rustc carries the sanitizers' run-time libraries; RUSTC_BOOTSTRAP=1 lets it take the flag. --target keeps build
# scripts and procedural macros out of it. ThreadSanitizer must see every atomic, those of the standard library and the
# test harness too, or it reports races that are none: they are built from source (-Zbuild-std), and no report is
# suppressed.
#
# usage: tests/sanitize.sh [thread|address]...
set -u

cd "$(dirname "$0")/.." || exit 1
target=$(rustc -vV | sed -n 's/^host: //p')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RUSTC_BOOTSTRAP=1
passed=0 failed=0

check() {
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok      $what"
    else
        failed=$((failed + 1))
        echo "FAILED  $what"
    fi
}

cat >"$work/thread.rs" <<'END'
fn main() {
    static mut N: u64 = 0;
    let add = || for _ in 0..1000 { unsafe { (&raw mut N).write((&raw const N).read() + 1) } };
    let other = std::thread::spawn(add);
    add();
    other.join().unwrap();
}
END
cat >"$work/address.rs" <<'END'
fn main() {
    let gone = Box::into_raw(Box::new(7));
    unsafe { drop(Box::from_raw(gone)) };
    std::process::exit(unsafe { std::ptr::read_volatile(gone) } & 0);
}
END

# has_symbols SYMBOL: every test program that was built has it.
has_symbols() {
    [ -s "$work/programs" ] || return 1
    while read -r program; do
        nm "$program" | grep -q " [TtWw] $1\$" || { echo "$program lacks $1"; return 1; }
    done <"$work/programs"
}

# finds SANITIZER REPORT: the planted fault ends the program, with that report.
finds() {
    rustc --edition 2024 -O -g --target "$target" "-Zsanitizer=$1" -Cunsafe-allow-abi-mismatch=sanitizer "$work/$1.rs" \
        -o "$work/$1" 2>"$work/log" || { cat "$work/log"; return 1; }
    ! "$work/$1" >"$work/log" 2>&1 && grep -q "$2" "$work/log"
}

# test_with NAME CARGO_ARGUMENT...: cargo test, as that sanitizer needs it.
test_with() {
    local name=$1 from_source=
    shift
    [ "$name" != thread ] || from_source=-Zbuild-std
    RUSTFLAGS="-Zsanitizer=$name" cargo test $from_source --locked --target "$target" --target-dir "target/$name" "$@"
}

build_tests() {
    test_with "$1" --no-run --message-format=json 2>"$work/log" >"$work/json" || { tail -n 40 "$work/log"; return 1; }
    grep -oE '"executable":"[^"]+"' "$work/json" | cut -d '"' -f 4 >"$work/programs"
}

source_of_std() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library" ] || rustup component add rust-src
}

# sanitize NAME SYMBOL REPORT
sanitize() {
    check "$1: the tests build" build_tests "$1"
    check "$1: every test program holds $2" has_symbols "$2"
    check "$1: a planted fault is found" finds "$1" "$3"
    check "$1: the tests pass" test_with "$1" --quiet --no-fail-fast
}

symbolizer=$(command -v llvm-symbolizer || command -v addr2line)
export TSAN_OPTIONS="halt_on_error=1 die_after_fork=0 external_symbolizer_path=$symbolizer"
export ASAN_OPTIONS="detect_leaks=1 detect_stack_use_after_return=1 external_symbolizer_path=$symbolizer"
export TP_TEST_SCALE=small

[ $# -gt 0 ] || set -- thread address
for name in "$@"; do
    case $name in
        thread)
            if source_of_std; then
                sanitize thread __tsan_init 'ThreadSanitizer: data race'
            else
                echo "skipped thread: rustup cannot get rust-src, without which ThreadSanitizer reports races that are none"
            fi
            ;;
        address) sanitize address __asan_init 'AddressSanitizer: heap-use-after-free' ;;
        *) echo "usage: sanitize.sh [thread|address]..." >&2; exit 2 ;;
    esac
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
