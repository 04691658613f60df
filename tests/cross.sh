#!/bin/bash
# Builds tp for 64-bit Arm, and runs its C tests under qemu's emulation of that processor. What it shows is that the
# instructions, the ABI, the thread word and the system calls are right; an emulator on x86 shows no weak ordering.
#
# qemu emulates processes, and not all of them well: a fork of a process with several threads fails in qemu itself, it has a
# thread of its own from some time on, and it keeps two real-time signals. What those tests show is not left to it: `skips` names them.
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

# The program, and a pattern of its tests that are left out.
programs='cancel capacity ends extremes gang invoke layout load loop mixed order priority reduce reserve soak sort'
skips='future *fork*
group *fork*'
passed=0 failed=0
export LD_LIBRARY_PATH=$cmocka/usr/lib/aarch64-linux-gnu TP_TEST_SCALE=small TP_TEST_THREADS=1
while read -r name skip; do
    if TP_TEST_SKIP=$skip timeout 600 qemu-aarch64 -L /usr/aarch64-linux-gnu "$build/tests/tp_test_c_$name" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      c/$name${skip:+, without $skip}"
    else
        failed=$((failed + 1))
        echo "FAILED  c/$name"
        tail -n 40 "$work/log"
    fi
done < <(printf '%s\n' $programs; echo "$skips")
echo "left out: c/errors, c/executors, c/faults, c/lifecycle, c/memory, c/options, c/signals (children of fork, counts of threads)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
