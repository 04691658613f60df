#!/bin/bash
# Installs tp from BUILD_DIR into a fresh place, and checks what a user gets: the files, what the libraries hold, and
# that outside projects build, link and run with them, also after the tree has moved.
#
# usage: tests/install/run.sh BUILD_DIR
set -u

# shellcheck source=tests/check.sh
. "$(dirname "$0")/../check.sh"

build=$(realpath "${1:?usage: run.sh BUILD_DIR}")
source=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset DESTDIR PKG_CONFIG_PATH LD_LIBRARY_PATH CFLAGS CXXFLAGS LDFLAGS
export LC_ALL=C

# What each check runs, in the order of the calls below.

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/Cargo.toml" | head -n 1)
prefix=$work/prefix
shared=$prefix/lib/libtp.so.$version
static=$prefix/lib/libtp.a

install_tree() { cmake --install "$build" --prefix "$prefix"; }

files() {
    diff <(cd "$prefix" && find . ! -type d | sort) <(sort <<END
./include/tp.h
./lib/cmake/tp/tpConfig.cmake
./lib/cmake/tp/tpConfigVersion.cmake
./lib/libtp.a
./lib/libtp.so
./lib/libtp.so.0
./lib/libtp.so.$version
./lib/pkgconfig/tp.pc
END
    )
}
soname() { readelf -d "$shared" | grep -F 'Library soname: [libtp.so.0]'; }
links() {
    [ "$(readlink "$prefix/lib/libtp.so.0")" = "libtp.so.$version" ] && [ "$(readlink "$prefix/lib/libtp.so")" = libtp.so.0 ]
}
needed() {
    local others
    others=$(readelf -d "$shared" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' \
        | grep -vE '^(libc\.so\.6|libgcc_s\.so\.1|ld-linux-[a-z0-9-]+\.so\.[0-9])$')
    echo "$others"
    [ -z "$others" ]
}
hardened() {
    readelf -lW "$shared" | grep GNU_RELRO || return 1
    readelf -lW "$shared" | grep -E 'GNU_STACK .* RW ' || return 1
    readelf -d "$shared" | grep -E 'FLAGS_1.*\bNOW\b' || return 1
    readelf -d "$shared" | grep -E 'FLAGS_1.*\bNODELETE\b' || return 1
    ! readelf -d "$shared" | grep -E 'RPATH|RUNPATH|TEXTREL'
}
exported() { nm -D --defined-only "$shared" | awk '{ print $3 }' | sort; }
# The header's functions, as the compiler sees them: comments and callbacks are not taken for one.
declarations() {
    echo '#include <tp.h>' | cc -I"$prefix/include" -E -P - | tr '\n' ' ' | tr ';' '\n' \
        | sed -nE 's/^.*[ *](tp_[a-z_0-9]+) ?\(.*/\1/p' | grep -vE '_fn$' | sort -u
}
exports() { declarations >"$work/declared" && [ -s "$work/declared" ] && diff "$work/declared" <(exported); }
globals() { diff <(exported) <(nm -g --defined-only "$static" | awk 'NF == 3 { print $3 }' | sort); }
members() { [ "$(ar t "$static")" = tp.o ]; }
sections() {
    readelf -SW "$static" >"$work/sections"
    ! grep -E '\] \.(llvmbc|group)| GROUP ' "$work/sections" && grep -F .eh_frame "$work/sections" \
        && grep -F .note.GNU-stack "$work/sections"
}
# The standard library keeps argc and argv for std::env::args; tp adds none of its own.
constructors() {
    readelf -SW "$static" | grep -oE ' \.(init_array|ctors|preinit_array)[.0-9]*' | sort -u >"$work/constructors"
    cat "$work/constructors"
    [ -z "$(grep -vx ' .init_array.00099' "$work/constructors")" ]
}
stripped() {
    cmake --install "$build" --prefix "$work/stripped" --strip || return 1
    stat -c '%s %n' "$work/stripped/lib/libtp.so.$version" "$work/stripped/lib/libtp.a"
    [ "$(stat -c %s "$work/stripped/lib/libtp.so.$version")" -lt 650000 ]
}
staged() { DESTDIR=$work/stage cmake --install "$build" --prefix /opt/tp && [ -f "$work/stage/opt/tp/lib/libtp.a" ]; }
names_no_place() { ! grep -rIlF -e "$prefix" -e "$build" -e "$source" "$prefix"; }

has_shared() { readelf -d "$1" | grep -F '[libtp.so.0]'; }
has_static() { ! readelf -d "$1" | grep -F '[libtp.so' && nm "$1" | grep ' T tp_submit'; }
find_package() {
    local out=$work/out-$RANDOM
    cmake -S "$work/install/find_package" -B "$out" -DCMAKE_PREFIX_PATH="$1" && cmake --build "$out" \
        && has_shared "$out/shared" && has_static "$out/static" && "$out/shared" && "$out/static"
}
later_minor() { ! cmake -S "$work/install/find_package" -B "$work/later" -DCMAKE_PREFIX_PATH="$prefix" -DWANT=0.2; }
pkgconfig() {
    local dir=$work/install/pkgconfig
    export PKG_CONFIG_PATH=$1/lib/pkgconfig
    make -B -C "$dir" && [ "$(pkg-config --modversion tp)" = "$version" ] \
        && has_shared "$dir/shared" && has_static "$dir/static" && file_is_static "$dir/all-static" \
        && LD_LIBRARY_PATH=$1/lib "$dir/shared" && "$dir/static" && "$dir/all-static"
}
file_is_static() { ! readelf -l "$1" | grep INTERP; }
by_hand() {
    cc -I"$prefix/include" "$work/install/main.c" -o "$work/by-hand" "$static" -Wl,--gc-sections -Wl,--fatal-warnings \
        && "$work/by-hand"
}
cplusplus() {
    c++ -std=c++17 -I"$prefix/include" "$work/install/exceptions.cpp" -o "$work/exceptions" "$@" -Wl,-rpath,"$prefix/lib" \
        && "$work/exceptions"
}
plugin() {
    cc -shared -fPIC -I"$prefix/include" "$work/install/plugin.c" -o "$work/plugin.so" "$static" -Wl,-z,defs \
        && cc -DPROGRAM "$work/install/plugin.c" -o "$work/plugin" && "$work/plugin" "$work/plugin.so"
}
two_rust() {
    local dir=$work/install/two_rust
    rustc --edition 2024 --crate-type staticlib -O "$dir/other.rs" -o "$dir/libother.a" \
        && cc -I"$prefix/include" "$dir/main.c" "$@" -o "$dir/main" && "$dir/main"
}
subproject() {
    local out=$work/sub-$RANDOM
    cmake -S "$work/install/subproject" -B "$out" -DTP_SOURCE="$1" && cmake --build "$out" --target static \
        && cmake --build "$out" && has_shared "$out/shared" && has_static "$out/static" && "$out/shared" && "$out/static" \
        && cmake --install "$out" --prefix "$out/prefix" && [ "$(find "$out/prefix" -type f)" = "$out/prefix/bin/static" ] \
        && ! find "$out" -path '*/c-examples/*' -name Makefile | grep .
}
entries() { find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort; }
in_source() {
    local tree=$work/in-source
    cp -r "$work/tp" "$tree" && entries "$tree" >"$work/before" || return 1
    (cd "$tree" && cmake .) >"$work/refusal" 2>&1 && return 1
    cat "$work/refusal"
    [ "$(grep -c 'In-source build refused' "$work/refusal")" = 1 ] || return 1
    [ "$(entries "$tree" | grep -vxF -f "$work/before" | xargs)" = "CMakeCache.txt CMakeFiles" ] || return 1
    (cd "$tree" && sh -c "$(sed -n 's/.*refused: //p' "$work/refusal")" && test ! -e CMakeCache.txt)
}

# A source tree as a release would have it, and the outside projects out of its reach.
mkdir "$work/tp"
(cd "$source" && tar -cf - --exclude=__pycache__ Cargo.toml Cargo.lock build.rs src include CMakeLists.txt cmake c-examples tests) \
    | tar -xf - -C "$work/tp"
tar -czf "$work/tp.tar.gz" -C "$work" tp
cp -r "$source/tests/install" "$work/install"

check "cmake --install" install_tree
check "the installed files are the ones told of" files
check "libtp.so calls itself libtp.so.0" soname
check "libtp.so and libtp.so.0 lead to libtp.so.$version" links
check "libtp.so needs libc and libgcc_s alone" needed
check "libtp.so: RELRO, BIND_NOW, nodelete, no executable stack, no run path, no text relocation" hardened
check "libtp.so exports what tp.h declares, and nothing else" exports
check "libtp.a has the same global symbols, and no other" globals
check "libtp.a is one object" members
check "libtp.a keeps its unwind tables, and has no section groups and no LLVM code" sections
check "libtp.a brings no constructor but the standard library's" constructors
check "cmake --install --strip; libtp.so is then below 650 kB" stripped
check "cmake --install into a DESTDIR" staged
check "no installed text names the prefix, the build or the source" names_no_place
check "find_package: shared and static" find_package "$prefix"
check "find_package refuses another minor version" later_minor
check "pkg-config: shared, static, and a program with nothing shared" pkgconfig "$prefix"
check "by hand: cc main.c libtp.a, without a warning" by_hand
check "C++ exceptions beside libtp.so" cplusplus "$prefix/lib/libtp.so"
check "C++ exceptions beside libtp.a" cplusplus "$static"
check "libtp.a in a plug-in that is opened and closed twice" plugin
check "libtp.a and another Rust library in one program, in this order" two_rust "$static" "$work/install/two_rust/libother.a"
check "libtp.a and another Rust library in one program, in the other order" two_rust "$work/install/two_rust/libother.a" "$static"
check "add_subdirectory: shared and static, nothing of tp installed" subproject "$work/tp"
check "FetchContent: the same" subproject "$work/tp.tar.gz"
mv "$prefix" "$work/moved"
check "find_package after the tree has moved" find_package "$work/moved"
check "pkg-config after the tree has moved" pkgconfig "$work/moved"
check "cmake refuses to build in the source, and says how to go on" in_source

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
