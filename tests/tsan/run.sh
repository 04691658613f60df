#!/bin/bash
# A program's own ThreadSanitizer beside an ordinary libtp.so: a program without a race passes, and one with a race is found,
# for each way in which tp hands data on. With gcc's and with clang's.
#
# usage: tests/tsan/run.sh [BUILD]
set -u

# shellcheck source=tests/check.sh
. "$(dirname "$0")/../check.sh"

library=$(realpath "${1:-build}")/lib
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TSAN_OPTIONS='halt_on_error=1 exitcode=66'

compiles() {
    "$1" -std=c11 -O1 -g -fsanitize=thread -Wall -Wextra -Werror -Iinclude "tests/tsan/$2.c" -o "$work/$1-$2" \
        -L"$library" -ltp -Wl,-rpath,"$library"
}

clean() { timeout 300 "$work/$1-clean"; }

finds() {
    timeout 60 "$work/$1-race" "$2"
    [ $? -eq 66 ] && grep -q 'ThreadSanitizer: data race' "$work/log"
}

for compiler in gcc clang; do
    check "$compiler: the programs compile" compiles "$compiler" race
    check "$compiler: that without a race compiles" compiles "$compiler" clean
    check "$compiler: nothing is found where nothing is" clean "$compiler"
    for race in submit tasks future group invoke loop gang sort; do
        check "$compiler: a race is found: $race" finds "$compiler" "$race"
    done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
