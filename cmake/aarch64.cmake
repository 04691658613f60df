# Builds for 64-bit Arm with Debian's cross compiler, and runs what was built under qemu:
#
#     cmake -B build-arm -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64.cmake

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
set(TP_RUST_TARGET aarch64-unknown-linux-gnu CACHE STRING "What rustc calls the machine that is built for")

# For cargo, which links libtp.so itself.
set(ENV{CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER} aarch64-linux-gnu-gcc)
