#!/bin/bash
# Checks include/tp.h alone: that it compiles wherever it may be included, without a warning, and that it reads as C.
#
# usage: tests/header.sh
set -u

# shellcheck source=tests/check.sh
. "$(dirname "$0")/check.sh"

root=$(realpath "$(dirname "$0")/..")
header=$root/include/tp.h
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Included twice, first of all, with each initial value in use.
cat >"$work/use.c" <<'END'
#include <tp.h>
#include <tp.h>

static const tp_options at_start = TP_OPTIONS_INIT;
size_t used(void);
size_t used(void) {
    tp_options options = TP_OPTIONS_INIT;
    tp_task_options task_options = TP_TASK_OPTIONS_INIT;
    return at_start.struct_size + options.struct_size + task_options.struct_size + (TP_FOREVER != 0) + (TP_EINVAL < TP_OK);
}
END
cp "$work/use.c" "$work/use.cpp"

common="-I$root/include -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wundef -Werror"
for compiler in gcc clang; do
    for standard in c99 c11 c17; do
        # shellcheck disable=SC2086 # the flags are words
        check "$compiler -std=$standard" $compiler -std=$standard $common -Wstrict-prototypes "$work/use.c"
    done
done
for compiler in g++ clang++; do
    for standard in c++17 c++20; do
        # shellcheck disable=SC2086
        check "$compiler -std=$standard" $compiler -std=$standard $common "$work/use.cpp"
    done
done

# absent PATTERN: no line has it.
absent() { ! grep -nE -e "$1" "$header"; }

includes() { diff <(printf '<stddef.h>\n<stdint.h>\n') <(sed -nE 's/^ *# *include +//p' "$header"); }

check "includes stddef.h and stdint.h alone" includes
check "no type of Rust" absent '\b(Option|Result|Arc|Box|Vec|Cell|NonNull|MaybeUninit)\b ?(<|::)|\b[ui](8|16|32|64|128|size)\b|\bc_(void|char|int)\b'
check "no syntax of Rust" absent '&(self|mut)\b|\*(const|mut) [A-Za-z]|::|->|=>|#\[|\b(Some|Ok|Err)\('
check "no word of Rust" absent '\b(crate|trait|unwrap|struct field|enum variant|panics?|unsafe|impl|mut|fn|Rust|None|lifetime|borrow(s|ed)?)\b'
check "no link or heading of Markdown" absent '\]\(|\[`|^ *//+ *#+ |```|\*\*[A-Za-z][^*]*\*\*'
check "no nullptr, no null in small letters" absent '\bnullptr\b|\bnull\b'
check "no tab, no blank at a line's end" absent $'\t| $'
check "no line above 120 columns" absent '^.{121}'
check "no macro that takes arguments" absent '^ *# *define +[A-Za-z_]+\('

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
