#!/bin/bash
# Two builds of this tree, in two places, give the same libraries, byte for byte.
#
# usage: tests/reproducible.sh
set -eu

cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for place in first second/further/down; do
    mkdir -p "$work/$place"
    git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$work/$place"
    cmake -S "$work/$place" -B "$work/$place/build" -DTP_BUILD_TESTS=OFF -DTP_BUILD_EXAMPLES=OFF >"$work/log"
    cmake --build "$work/$place/build" >"$work/log" 2>&1 || { tail -n 30 "$work/log"; exit 1; }
done
for file in libtp.so.0 libtp.a; do
    cmp "$work/first/build/lib/$file" "$work/second/further/down/build/lib/$file"
    echo "the same bytes: $file, $(sha256sum <"$work/first/build/lib/$file" | cut -c 1-16)"
done
