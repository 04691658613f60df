#!/bin/bash
# Runs the C and C++ tests under valgrind's memcheck, and proves that it was in: it finds a fault and a leak planted in a
# small program.
#
# usage: tests/valgrind.sh BUILD_DIR
set -u

# shellcheck source=tests/check.sh
. "$(dirname "$0")/check.sh"

build=$(realpath "${1:?usage: valgrind.sh BUILD_DIR}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
found=99

memcheck() {
    timeout 900 valgrind --tool=memcheck --error-exitcode=$found --leak-check=full --show-leak-kinds=definite,indirect \
        --errors-for-leak-kinds=definite,indirect --child-silent-after-fork=yes --fair-sched=yes "$@" 2>&1
}
clean() { memcheck "$@" >"$work/out"; local status=$?; cat "$work/out"; [ $status -eq 0 ] && grep -q 'ERROR SUMMARY: 0 errors' "$work/out"; }
finds() { memcheck "$work/planted" "$1" >"$work/out"; local status=$?; cat "$work/out"; [ $status -eq $found ] && grep -q "$2" "$work/out"; }

cat >"$work/planted.c" <<'END'
#include <stdlib.h>
int main(int argc, char **argv) {
    volatile char *memory = malloc(8);
    if (argc == 2 && argv[1][0] == 'r') free((void *)memory);
    memory[0] = 1;
    memory = NULL;
    return 0;
}
END
cc -g -O0 "$work/planted.c" -o "$work/planted" || exit 1
check "a planted use after free is found" finds r 'Invalid write'
check "a planted leak is found" finds l 'definitely lost: 8 bytes'

# Those of ctest's commands that start a program of the build, quoted for the shell.
ctest --test-dir "$build" --show-only=json-v1 | python3 -c '
import json, os, shlex, sys
tests = sys.argv[1] + "/tests/"
for test in json.load(sys.stdin)["tests"]:
    command = test.get("command") or [""]
    if command[0].startswith(tests) and open(command[0], "rb").read(4) == b"\x7fELF":
        print(test["name"], shlex.join(command))
' "$build" >"$work/tests"
while read -r name command; do
    eval "check $name clean $command" </dev/null
done <"$work/tests"
check "there were tests to run" test -s "$work/tests"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
