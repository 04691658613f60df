#!/bin/sh
# Sees to it that what is named is there: looks for the program, header, file or pkg-config module itself, and gets
# what is missing through apt-get where it may. Elsewhere it says in one line what to install.
#
# usage: deps.sh NEED...; the needs are the first words of the table below.
set -eu

table() {
    cat <<'END'
cmake       program cmake          cmake
cc          program cc             gcc libc6-dev
c++         program c++            g++
make        program make           make
clang       program clang          clang
clang++     program clang++        clang
clang-rt    runtime tsan           libclang-rt-dev
pkg-config  program pkg-config     pkg-config
python3     program python3        python3
valgrind    program valgrind       valgrind
pigz        program pigz           pigz
git         program git            git
zlib        header zlib.h          zlib1g-dev
openssl     header openssl/evp.h   libssl-dev
cmocka      header cmocka.h        libcmocka-dev
clang-19    program clang-19       clang-19
libomp      file /usr/lib/llvm-19/lib/libomp.so libomp-19-dev
tbb         module tbb             libtbb-dev
glib        module glib-2.0        libglib2.0-dev
pthreadpool header pthreadpool.h   libpthreadpool-dev
aarch64-gcc program aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
aarch64-g++ program aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
qemu-aarch64 program qemu-aarch64  qemu-user
END
}

there() {
    case $1 in
        program) command -v "$2" >/dev/null ;;
        file) [ -e "$2" ] ;;
        runtime) [ -e "$(clang -print-runtime-dir 2>/dev/null)/libclang_rt.$2-$(uname -m).a" ] ;;
        module) pkg-config --exists "$2" 2>/dev/null ;;
        header) echo "#include <$2>" | cc -x c -E -include stdarg.h -include stddef.h -include stdint.h -include setjmp.h - >/dev/null 2>&1 ;;
    esac
}

# The packages of those needs that are not met.
missing() {
    for need in "$@"; do
        row=$(table | sed -n "s/^$need  *//p")
        # shellcheck disable=SC2086 # the row's words are arguments
        set -- $row
        kind=$1 name=$2
        shift 2
        there "$kind" "$name" || echo "$@"
    done | tr ' ' '\n' | sort -u | tr '\n' ' ' | sed 's/ $//'
}

for need in "$@"; do
    table | grep -q "^$need " || { echo "deps.sh: no need is called $need" >&2; exit 2; }
done
packages=$(missing "$@")
[ -n "$packages" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "Missing, install these first: $packages (Debian: apt-get install $packages)" >&2
    exit 1
fi
echo "Installing $packages"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # each package is an argument
if ! { apt-get update && apt-get install -y --no-install-recommends $packages; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "apt-get could not install $packages" >&2
    exit 1
fi
still=$(missing "$@")
[ -z "$still" ] || { echo "Still missing after apt-get install: $still" >&2; exit 1; }
