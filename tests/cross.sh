#!/bin/bash
# Builds tp for 64-bit Arm, and runs its C tests under qemu's emulation of that processor. What it shows is that the
# instructions, the ABI, the thread word and the system calls are right; an emulator on x86 shows no weak ordering.
#
# qemu emulates processes, and not all of them well: a fork of a process with several threads fails in qemu itself, it has a
# thread of its own from some time on, and it keeps two real-time signals. What those tests show is not left to it: `programs`
# names them.
#
# usage: tests/cross.sh [BUILD]
set -eu

cd "$(dirname "$0")/.."
build=${1:-build-arm}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake/deps.sh cmake aarch64-gcc aarch64-g++ qemu-aarch64
[ -d "$(rustc --print target-libdir --target aarch64-unknown-linux-gnu)" ] || rustup target add aarch64-unknown-linux-gnu

# cmocka for that processor: its package is unpacked here, and not installed.
mkdir -p "$build"
cmocka=$(realpath "$build")/cmocka
if [ ! -e "$cmocka/usr/lib/aarch64-linux-gnu/libcmocka.so" ]; then
    dpkg --print-foreign-architectures | grep -qx arm64 || { dpkg --add-architecture arm64 && apt-get update -q; }
    (cd "$work" && apt-get download -q libcmocka0:arm64 libcmocka-dev:arm64)
    for package in "$work"/*.deb; do dpkg -x "$package" "$cmocka"; done
fi
export PKG_CONFIG_SYSROOT_DIR=$cmocka PKG_CONFIG_LIBDIR=$cmocka/usr/lib/aarch64-linux-gnu/pkgconfig
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc

cmake -B "$build" -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64.cmake -DTP_BUILD_EXAMPLES=OFF
cmake --build "$build" --parallel "$(nproc)"

# The program, how many threads of the emulator's own it sees where it counts, and a pattern of tests that are left out.
programs='cancel 0
capacity 0
ends 0
extremes 0
future 0 *fork*
gang 0 *go_away
group 0 *fork*
invoke 0
layout 0
load 0
loop 0
mixed 0
order 1
priority 0
reduce 0
reserve 1
soak 0
sort 0'
passed=0 failed=0
export LD_LIBRARY_PATH=$cmocka/usr/lib/aarch64-linux-gnu TP_TEST_SCALE=small
while read -r name threads skip; do
    if TP_TEST_THREADS=$threads TP_TEST_SKIP=$skip timeout 600 qemu-aarch64 -L /usr/aarch64-linux-gnu \
        "$build/tests/tp_test_c_$name" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      c/$name${skip:+, without $skip}"
    else
        failed=$((failed + 1))
        echo "FAILED  c/$name"
        tail -n 40 "$work/log"
    fi
done <<<"$programs"
echo "left out: c/errors, c/executors, c/faults, c/lifecycle, c/memory, c/options, c/signals (children of fork, counts of threads)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
