#!/bin/bash
# Builds tp for 64-bit Arm, and runs its C and C++ tests under qemu's emulation of that processor. What it shows is that the
# instructions, the ABI and the thread word are right; an emulator on x86 shows no weak ordering.
#
# usage: tests/cross.sh [BUILD]
set -eu

cd "$(dirname "$0")/.."
build=${1:-build-arm}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake/deps.sh cmake aarch64-gcc aarch64-g++ qemu-aarch64
rustc --print target-libdir --target aarch64-unknown-linux-gnu | xargs -I{} test -d {} \
    || rustup target add aarch64-unknown-linux-gnu

# cmocka for that processor: its package is unpacked here, and not installed.
cmocka=$PWD/$build/cmocka
if [ ! -e "$cmocka/usr/lib/aarch64-linux-gnu/libcmocka.so" ]; then
    dpkg --print-foreign-architectures | grep -qx arm64 || { dpkg --add-architecture arm64 && apt-get update -q; }
    (cd "$work" && apt-get download -q libcmocka0:arm64 libcmocka-dev:arm64)
    mkdir -p "$cmocka"
    for package in "$work"/*.deb; do dpkg -x "$package" "$cmocka"; done
fi
export PKG_CONFIG_SYSROOT_DIR=$cmocka PKG_CONFIG_LIBDIR=$cmocka/usr/lib/aarch64-linux-gnu/pkgconfig
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export LD_LIBRARY_PATH=$cmocka/usr/lib/aarch64-linux-gnu

cmake -B "$build" -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64.cmake -DTP_BUILD_EXAMPLES=OFF
cmake --build "$build" --parallel "$(nproc)"
TP_TEST_SCALE=small ctest --test-dir "$build" --output-on-failure --timeout 900
