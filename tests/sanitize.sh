#!/bin/bash
# Runs the Rust and the C tests under ThreadSanitizer and AddressSanitizer, the C tests' own code under
# UndefinedBehaviorSanitizer too, and proves that each was really in: the test programs hold its symbols, and a fault
# planted in a program built with the same flags is found.
#
# Stable rustc carries the sanitizers' run-time libraries; RUSTC_BOOTSTRAP=1 lets it take the flag. --target keeps build
# scripts and procedural macros out of it. ThreadSanitizer must see every atomic, those of the standard library and the
# test harness too, or it reports races that are none: they are built from source (-Zbuild-std), and no report is
# suppressed.
#
# clang compiles the C tests with the same sanitizer. They are linked to the libtp.so that cargo built for the Rust tests:
# that has the sanitizer too, and takes its run-time library from the program, which has rustc's. So there is one of it.
#
# usage: tests/sanitize.sh [thread|address]...
set -u

cd "$(dirname "$0")/.." || exit 1
target=$(rustc -vV | sed -n 's/^host: //p')
libraries=$(rustc --print target-libdir)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RUSTC_BOOTSTRAP=1
# As the test harness unwinds: a standard library that is built from source is built for one of the two.
export CARGO_PROFILE_DEV_PANIC=unwind
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

# A task writes what main reads: after a wait ("clean"), without one ("race"), after it has been freed ("free"), or where no
# int is left to count on ("overflow").
cat >"$work/task.c" <<'END'
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <tp.h>
static _Atomic int ran;
static void task(void *number) {
    ++*(int *)number;
    atomic_store_explicit(&ran, 1, memory_order_relaxed);
}
int main(int argc, char **argv) {
    tp_pool *pool = tp_default();
    int *number = calloc(1, sizeof *number);
    char what = argc == 2 ? argv[1][0] : '?';
    if (what == 'f') free(number);
    if (what == 'o') *number = INT_MAX;
    if (tp_submit(pool, task, number) != TP_OK) return 2;
    while (what == 'r' && atomic_load_explicit(&ran, memory_order_relaxed) == 0) continue;
    if (what != 'r' && tp_wait(pool, TP_FOREVER) != TP_OK) return 2;
    int after = *number;
    free(number);
    return what == 'c' && after != 1;
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
    RUSTFLAGS="-Zsanitizer=$name --cfg instrumented" cargo test $from_source --locked --target "$target" --target-dir "target/$name" "$@"
}

build_tests() {
    test_with "$1" --no-run --message-format=json 2>"$work/log" >"$work/json" || { tail -n 40 "$work/log"; return 1; }
    grep -oE '"executable":"[^"]+"' "$work/json" | cut -d '"' -f 4 >"$work/programs"
}

# build_c NAME RUNTIME SOURCE...: a program in $programs of each.
build_c() {
    local name=$1 runtime="$libraries/librustc-*_rt.$2.a" flags=-fsanitize=$1 source
    [ "$name" != address ] || flags+=",undefined -fno-sanitize-recover=undefined"
    shift 2
    programs=target/$name/c
    mkdir -p "$programs" && cp "target/$name/$target/debug/deps/libtp.so" "$programs/libtp.so.0" || return 1
    for source; do
        # shellcheck disable=SC2086 # the run-time library's name has a pattern, and the flags are several
        clang -std=c11 -O1 -g -fno-omit-frame-pointer $flags -D_GNU_SOURCE -Iinclude -c "$source" \
            -o "$work/object.o" &&
            clang "$work/object.o" -Wl,--whole-archive $runtime -Wl,--no-whole-archive -lm "$programs/libtp.so.0" \
                -Wl,-rpath,"$PWD/$programs" -lcmocka -o "$programs/$(basename "$source" .c)" || return 1
    done
    ls tests/c/*.c | sed "s|.*/\(.*\)\.c|$programs/\1|" >"$work/programs"
}

# The library calls the sanitizer, and has no run-time library of its own.
calls_sanitizer() { nm -D "$programs/libtp.so.0" | grep -q " U $1\$"; }

finds_in_c() { ! "$programs/task" "$1" >"$work/log" 2>&1 && grep -q "$2" "$work/log"; }

# As many at a time as there are CPUs: each leaves what it said and its status beside itself.
run_c() {
    xargs -P "$(nproc)" -I{} sh -c 'timeout 600 "$1" >"$1.log" 2>&1; echo $? >"$1.status"' sh {} <"$work/programs"
}

passes() { [ "$(cat "$1.status")" -eq 0 ] || { echo "status $(cat "$1.status")"; tail -n 100 "$1.log"; return 1; }; }

source_of_std() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library" ] || rustup component add rust-src
}

# sanitize NAME RUNTIME REPORT TASK: its name and its library's, what it says, and of which planted task.
sanitize() {
    local symbol=__$2_init program
    check "$1: the tests build" build_tests "$1"
    check "$1: every test program holds $symbol" has_symbols "$symbol"
    check "$1: a planted fault is found" finds "$1" "$3"
    check "$1: the tests pass" test_with "$1" --quiet --no-fail-fast
    check "$1: the C tests build" build_c "$1" "$2" "$work/task.c" tests/c/*.c
    check "$1: every C test holds $symbol" has_symbols "$symbol"
    check "$1: libtp.so takes $symbol from the program" calls_sanitizer "$symbol"
    check "$1: a fault planted in a task is found" finds_in_c "$4" "$3"
    [ "$1" != address ] || check "undefined: a fault planted in a task is found" finds_in_c overflow 'runtime error: signed integer overflow'
    check "$1: a task without a fault passes" "$programs/task" clean
    run_c
    while read -r program; do
        check "$1: c/$(basename "$program")" passes "$program"
    done <"$work/programs"
}

# The default pool lives as long as the process, so it need not join the threads that it lets go. A test that asks for too
# much memory gets none, as from the C library.
symbolizer=$(command -v llvm-symbolizer || command -v addr2line)
both="allocator_may_return_null=1 external_symbolizer_path=$symbolizer"
export TSAN_OPTIONS="halt_on_error=1 die_after_fork=0 force_background_thread=1 report_thread_leaks=0 $both"
export ASAN_OPTIONS="detect_leaks=1 detect_stack_use_after_return=1 $both"
export TP_TEST_SCALE=small

[ $# -gt 0 ] || set -- thread address
for name in "$@"; do
    case $name in
        thread)
            if source_of_std; then
                sanitize thread tsan 'ThreadSanitizer: data race' race
            else
                echo "skipped thread: rustup cannot get rust-src, without which ThreadSanitizer reports races that are none"
            fi
            ;;
        address) sanitize address asan 'AddressSanitizer: heap-use-after-free' free ;;
        *) echo "usage: sanitize.sh [thread|address]..." >&2; exit 2 ;;
    esac
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
