#!/bin/sh
# Makes of cargo's libtp.a one that C programs can link beside any other: its only global symbols are those that
# libtp.so exports.
#
# cargo's archive holds the Rust standard library with global names; so does every other archive made by cargo, and two
# of them in one program clash. Here the members become one object, without what no tp function reaches, and all names
# but tp's become local. Section groups are dissolved: a linker keeps one group of a name, also where the names are
# local, and would throw away a part that somebody's local symbols refer to. LLVM's own code, which some members carry,
# goes: another LLVM's plug-in for ar aborts over it. So does debug information, as it does from libtp.so: what there is
# of it is the standard library's.
#
# usage: localize.sh CARGOS_LIBTP_A LIBTP_SO OUTPUT; LD, NM, OBJCOPY and AR name other tools.
set -eu

archive=$1 shared=$2 output=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"${NM:-nm}" -D --defined-only "$shared" | awk '{ print $3 }' >"$work/names"
test -s "$work/names"

# shellcheck disable=SC2046 # each name is an argument
"${LD:-ld}" -r --gc-sections --force-group-allocation $(sed 's/^/-u /' "$work/names") "$archive" -o "$work/tp.o"
"${OBJCOPY:-objcopy}" --keep-global-symbols="$work/names" --strip-debug \
    --remove-section=.llvmbc --remove-section=.llvmcmd "$work/tp.o"
rm -f "$output"
"${AR:-ar}" rcsD "$output" "$work/tp.o"
