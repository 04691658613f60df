#!/bin/bash
# Checks the arrows between the rooms of src/: who may import whom, and how large a file or function may grow.
#
# Read are the `crate::` and `super::` paths of all code but tests. One line a rule; where it is broken, by whom.
#
# usage: tests/arrows.sh [ROOT]
set -u

cd "${1:-$(dirname "$0")/..}/src" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# rule WHAT: passes if its input is empty.
rule() {
    local broken
    broken=$(cat)
    if [ -z "$broken" ]; then
        echo "ok      $1"
    else
        echo "FAILED  $1"
        sed 's/^/        /' <<<"$broken"
    fi | tee -a "$work/results"
}

# The file without its test modules, which begin at a #[cfg(...test...)] in the first column and end at a brace there.
without_tests() {
    awk '
        /^#\[cfg\(/ && /[(,]test[,)]/ && !/not\(test/ { held = $0; next }
        held != "" && /^#\[/ { next }
        held != "" { skip = !/;$/ && !/\}$/; held = ""; next }
        skip { if (/^}/) skip = 0; next }
        { print }' "$1"
}

# The same without comments and the contents of strings.
code() {
    without_tests "$1" | awk '
        { gsub(/\\\\|\\"/, ""); gsub(/"[^"]*"/, "\"\""); sub(/\/\/.*/, "") }
        { while (match($0, /\/\*[^*]*\*\//)) $0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH) }
        { print }'
}

# Files that hold tests alone: those that a `#[cfg(...test...)] mod name;` brings in.
test_files() {
    grep -rn --include='*.rs' -A2 '^#\[cfg(.*\btest\b' . | sed -nE 's/^(.*)\/[^/]*\.rs-[0-9]+-(pub(\([a-z]+\))? )?mod ([a-z_]+);.*/\1 \4/p' \
        | while read -r dir name; do
            echo "$dir/$name.rs"
            find "$dir/$name" -name '*.rs' 2>/dev/null
        done
}

# The imports of a file, one a line, as engine::blocks::Claim: groups written out, `super` resolved.
imports() {
    code "$1" | awk -v file="$1" '
        BEGIN {
            here = file
            sub(/^\.\//, "", here); sub(/\.rs$/, "", here); sub(/(^|\/)(mod|lib)$/, "", here)
            gsub(/\//, "::", here)
        }
        { text = text " " $0 }
        END {
            gsub(/[ \t]+/, " ", text)
            while (match(text, /[A-Za-z_0-9:]+:: ?\{[^{}]*\}/)) {
                before = substr(text, 1, RSTART - 1); group = substr(text, RSTART, RLENGTH); after = substr(text, RSTART + RLENGTH)
                head = group; sub(/ ?\{.*/, "", head); sub(/^[^{]*\{/, "", group); sub(/\}$/, "", group)
                n = split(group, parts, ",")
                out = ""
                for (i = 1; i <= n; i++) {
                    sub(/^ /, "", parts[i])
                    if (parts[i] !~ /^ *$/) out = out "," head parts[i]
                }
                text = before substr(out, 2) after
            }
            while (match(text, /(^|[^A-Za-z_0-9:])(crate|super)(::(\*|[A-Za-z_0-9]+))*/)) {
                path = substr(text, RSTART, RLENGTH); text = substr(text, RSTART + RLENGTH)
                sub(/^[^a-z]/, "", path)
                if (path !~ /::/) continue
                base = here
                while (path ~ /^super/) {
                    if (!sub(/::[^:]*$/, "", base)) base = ""
                    sub(/^super(::)?/, "", path)
                }
                if (sub(/^crate::/, "", path)) base = ""
                sub(/(^|::)(self|\*)$/, "", path)
                print (base != "" && path != "") ? base "::" path : base path
            }
        }' | sort -u
}

# strangers FILES ALLOWED...: imports of those files that begin with none of the allowed paths.
strangers() {
    local file allowed files=$1
    shift
    allowed=$(printf '%s\n' "$@")
    for file in $files; do
        if [ ! -f "$file" ]; then
            echo "src/$file is not there; tests/arrows.sh speaks of it"
            continue
        fi
        imports "$file" | awk -v file="$file" -v allowed="$allowed" '
            BEGIN { n = split(allowed, list, "\n") }
            {
                for (i = 1; i <= n; i++) if ($0 == list[i] || index($0, list[i] "::") == 1) next
                print "src/" file " imports crate::" $0
            }'
    done
}

test_files | sed 's/^\.\///' | sort -u >"$work/tests"
mapfile -t files < <(find . -name '*.rs' | sed 's/^\.\///' | grep -vxF -f "$work/tests" | sort)
# in DIR: the files below it.
in_room() { printf '%s\n' "${files[@]}" | grep "^$1/"; }
base=(sync sys error)

strangers "$(in_room sys)" "${base[@]}" | rule "sys/ imports sync, sys and error alone"
strangers engine/store.rs "${base[@]}" engine::store | rule "engine/store.rs imports nothing of the engine"
strangers engine/task.rs "${base[@]}" engine::store engine::task | rule "engine/task.rs imports store alone of the engine"
strangers engine/blocks.rs "${base[@]}" engine::store engine::task engine::blocks \
    | rule "engine/blocks.rs imports store and task alone of the engine"
for queue in injector run_queue; do
    strangers engine/$queue.rs "${base[@]}" engine::store engine::task engine::blocks engine::$queue \
        | rule "engine/$queue.rs imports blocks, store and task alone of the engine"
done

strangers "$(in_room engine)" "${base[@]}" engine | rule "engine/ imports no feature and no capi"
for file in "${files[@]}"; do
    case $file in
        lib.rs | sync.rs | error.rs | sys/* | engine/* | capi/*) continue ;;
    esac
    feature=${file%%/*}
    strangers "$file" "${base[@]}" engine "${feature%.rs}"
done | rule "a feature imports engine, sys, sync, error and itself alone"
for file in "${files[@]}"; do
    case $file in
        capi/* | lib.rs) continue ;;
    esac
    imports "$file" | grep -E '^capi(::|$)' | sed "s|^|src/$file imports crate::|"
done | rule "capi is imported by nobody"

for file in $(in_room capi); do
    code "$file" | grep -nE '\bfor [^<].* in |\bwhile |\bloop( |$)' | sed "s|^|src/$file: |"
done | rule "capi/ has no loop"

for file in "${files[@]}"; do
    lines=$(without_tests "$file" | wc -l)
    [ "$lines" -le 400 ] || echo "src/$file has $lines lines without tests"
done | rule "no file has more than 400 lines without tests"

for file in "${files[@]}"; do
    without_tests "$file" | awk -v file="$file" '
        !inside && /^ *(pub(\([a-z:: ]*\))? )?((const|async|unsafe|extern "[^"]*") )*fn [a-z_0-9]+/ && !/[;}]$/ {
            match($0, /^ */); indent = substr($0, 1, RLENGTH)
            name = $0; sub(/.*fn /, "", name); sub(/[^a-z_0-9].*/, "", name)
            inside = 1; lines = 0
        }
        inside { lines++ }
        inside && ($0 == indent "}" || $0 ~ "^" indent "[^ ].*;$" && lines > 1 || $0 == indent ");") {
            if (lines > 70) print "src/" file ": " name " has " lines " lines"
            inside = 0
        }'
done | rule "no function has more than 70 lines"

failed=$(grep -c '^FAILED' "$work/results")
echo "$(grep -c '^ok' "$work/results") passed, $failed failed"
[ "$failed" -eq 0 ]
