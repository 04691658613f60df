#!/bin/bash
# Uses the programs of c-examples as a user would: `run.sh DIR`, where DIR holds them.
#
# Prints one line per check and a closing count; fails if a check fails. A program that was not built is skipped, and so
# is a check that this machine cannot make, with the reason.
set -u -o pipefail
export LC_ALL=C
bin=$(cd "${1:?usage: run.sh BUILD_DIRECTORY}" && pwd) || exit 1
home=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'umount "$work/full" 2>/dev/null; rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work" || exit 1
# shellcheck source=tests/check.sh
. "$home/tests/check.sh"
skip() { echo "skipped $1: $2"; }

# gives STATUS COMMAND...: the command ends with that status, within 20 seconds.
gives() {
    local want=$1 got=0
    shift
    timeout 20 "$@" || got=$?
    [ "$got" = "$want" ] || { echo "status $got, not $want: $*"; return 1; }
}

# says STATUS TEXT COMMAND...: it ends with that status, and its messages contain TEXT.
says() {
    local want=$1 text=$2
    shift 2
    gives "$want" "$@" 2>"$work/.err" || { cat "$work/.err"; return 1; }
    grep -qF -- "$text" "$work/.err" || { echo "no '$text' in:"; cat "$work/.err"; return 1; }
}

# holds DIR NAME...: the directory holds exactly these.
holds() {
    local dir=$1
    shift
    diff <(ls -A "$dir") <(printf '%s\n' "$@" | sort)
}

# clean STATUS COMMAND...: under memcheck it ends with that status, makes no error, and leaves nothing allocated behind.
clean() {
    local want=$1 got=0
    shift
    timeout 120 valgrind --error-exitcode=99 --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all \
        --fair-sched=yes "$@" >/dev/null 2>.err || got=$?
    [ "$got" = "$want" ] && grep -q 'ERROR SUMMARY: 0 errors' .err ||
        { echo "status $got, not $want"; tail -n 30 .err; return 1; }
}

# To be run as somebody whom permissions stop.
as_nobody=()
[ "$(id -u)" = 0 ] && as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
nobody_works() { "${as_nobody[@]}" "$1" --help >/dev/null 2>&1; }

# ---- hello -----------------------------------------------------------------------------------------------

greets() { [ "$(timeout 20 "$bin/hello")" = "hello, world" ]; }
if [ -x "$bin/hello" ]; then check "hello greets" greets; else skip hello "not built"; fi

# ---- README ----------------------------------------------------------------------------------------------

# The C of the page, block after block: the first is hello.c, the others are bodies of functions that use these names.
context='#include <tp.h>
#include <unistd.h>
extern tp_pool *pool; extern tp_group *group; extern tp_future *future, *saved;
extern struct { void *left, *right; } *tree;
extern size_t n, size; extern ssize_t length; extern int fd; extern char *buffer;
extern void *image, *images[], *page, *path, *search, *left;
void *render(void *page), *save(void *image, void *path), *sum(void *node);
void resize(void *image), make_thumbnail(void *image), look_at_next(void *search);
int has_more(void *search);
struct range { void *first; size_t n; }; extern struct range *range, low, high;
void split(struct range *range, struct range *low, struct range *high), sort(void *range);
void join(struct range *range, struct range *low, struct range *high);
extern uint64_t height; void row(uint64_t lo, uint64_t hi, void *image);
void add(uint64_t lo, uint64_t hi, void *sum, void *values), combine(void *left, const void *right, void *values);
extern struct record { int64_t time; } *records; extern const char **names; extern void *values, *barrier;
int by_name(const void *x, const void *y, void *ctx); void member(uint32_t rank, uint32_t n, void *barrier);'
code_blocks() { sed -n '/^```c$/,/^```$/p' "$home/README.md"; }
readme_is_hello() { code_blocks | sed '/^```$/q' | sed '/^```/d' | diff - "$home/c-examples/hello.c"; }
readme_compiles() {
    echo "$context" >readme.c
    code_blocks | sed '1,/^```$/d' | awk '/^```c$/ { print "void block_" ++n "(void);\nvoid block_" n "(void) {"; next }
        { print /^```$/ ? "}" : $0 }' >>readme.c
    [ "$(grep -c '^}' readme.c)" -ge 8 ] &&
        "${CC:-cc}" -std=c11 -Wall -Wextra -Werror -Wno-unused -Wno-unused-result -I "$home/include" -fsyntax-only \
            readme.c
}
check "README.md shows hello.c" readme_is_hello
if command -v "${CC:-cc}" >/dev/null; then
    check "the C of README.md compiles" readme_compiles
else
    skip "the C of README.md" "there is no C compiler"
fi

# ---- pgzip -----------------------------------------------------------------------------------------------

make_inputs() {
    mkdir in
    : >in/empty
    printf x >in/one
    head -c 131071 /dev/urandom >in/block-1
    head -c 131072 /dev/urandom >in/block
    head -c 131073 /dev/urandom >in/block+1
    head -c 1000000 /dev/urandom >in/random
    head -c 1000000 /dev/zero >in/zeros
    seq 1 150000 >in/text
    cat in/random in/text in/zeros in/text >in/mixed
}

round_trips() {
    for f in in/*; do
        timeout 20 "$bin/pgzip" "$@" -c "$f" >out.gz || return 1
        gzip -dc out.gz | cmp - "$f" || { echo "$* $f"; return 1; }
    done
}

# A pipe that gives little at a time.
short_reads() {
    dd if=in/text bs=1777 status=none | timeout 20 "$bin/pgzip" -p 2 >out.gz && gzip -dc out.gz | cmp - in/text
}

same_on_any_threads() {
    "$bin/pgzip" -p 2 <in/mixed >a.gz && "$bin/pgzip" -p 5 <in/mixed >b.gz && cmp a.gz b.gz
}

# What repeats at a distance of 20,000 bytes is found across the border of two blocks, too.
repeats_are_found() {
    head -c 20000 in/random >period
    for _ in $(seq 50); do cat period; done >repeats
    for n in 1 2; do "$bin/pgzip" -p $n -c repeats | head -c 40000 | gzip -t || return 1; done
}

# One member, with the name and the time in its header, as `file` and gzip -l show them; hardly larger than gzip's.
keeps_the_format() {
    touch -d '2001-02-03 04:05:06' in/text
    "$bin/pgzip" -c in/text >out.gz && gzip -c in/text >ref.gz || return 1
    cmp <(head -c 8 out.gz) <(head -c 8 ref.gz) && cmp <(tail -c 8 out.gz) <(tail -c 8 ref.gz) || return 1
    [ "$(stat -c %s out.gz)" -le $(($(stat -c %s ref.gz) * 101 / 100)) ]
}

replaces() {
    mkdir rep && cp in/text rep/f && chmod 640 rep/f && touch -d '2001-02-03 04:05:06' rep/f || return 1
    gives 0 "$bin/pgzip" rep/f && holds rep f.gz && [ "$(stat -c '%a %Y' rep/f.gz)" = "640 $(stat -c %Y in/text)" ] &&
        gzip -dc rep/f.gz | cmp - in/text
}
keeps() { gives 0 "$bin/pgzip" -k in/one && cmp <(gzip -dc in/one.gz) in/one && [ -e in/one ]; }
skips_existing() {
    echo precious >in/one.gz
    says 2 "in/one.gz: exists already" "$bin/pgzip" in/one && [ "$(cat in/one.gz)" = precious ] && [ -e in/one ]
}
forces() { gives 0 "$bin/pgzip" --force --keep in/one && gzip -dc in/one.gz | cmp - in/one && rm in/one.gz; }
skips_directory() { says 2 "in: is a directory" "$bin/pgzip" in; }
skips_gz() { cp out.gz dot.gz && says 2 "dot.gz: ends in .gz already" "$bin/pgzip" dot.gz && [ ! -e dot.gz.gz ]; }
skips_symlink() { ln -s in/one link && says 2 "link: is a symbolic link" "$bin/pgzip" link; }
skips_fifo() { mkfifo fifo && says 2 "fifo: not a regular file" "$bin/pgzip" fifo; }
skips_hard_link() { cp in/one l1 && ln l1 l2 && says 2 "l1: has other hard links" "$bin/pgzip" l1; }
reads_fifo() { (cat in/text >fifo &) && timeout 20 "$bin/pgzip" -c fifo | gzip -dc | cmp - in/text; }
goes_on() {
    cp in/text t1 && cp in/one t2 || return 1
    says 1 "nowhere: No such file or directory" "$bin/pgzip" nowhere in t1 t2 && gzip -dc t1.gz | cmp - in/text &&
        gzip -dc t2.gz | cmp - in/one
}
no_permission() {
    mkdir perm && cp in/one perm/f && chmod 000 perm/f && chmod 777 perm || return 1
    says 1 "perm/f: Permission denied" "${as_nobody[@]}" "$bin/pgzip" perm/f && holds perm f || return 1
    chmod 644 perm/f && chmod 755 perm
    says 1 "perm/f.gz: Permission denied" "${as_nobody[@]}" "$bin/pgzip" perm/f && holds perm f
}
full_stdout() { says 1 "standard output: No space left on device" sh -c '"$1" -c in/mixed >/dev/full' - "$bin/pgzip"; }
full_stdout_empty() {
    says 1 "standard output: No space left on device" sh -c '"$1" </dev/null >/dev/full' - "$bin/pgzip"
}
# The output fails while the input has no more to say for now.
failed_stdout_idle() {
    mkfifo idle && exec 9<>idle || return 1
    cat in/random >&9 &
    says 1 "standard output: File too large" bash -c 'ulimit -f 200; "$1" <idle >limited' - "$bin/pgzip"
    local result=$?
    kill %% 2>/dev/null
    exec 9>&-
    return $result
}
closed_stdout() {
    says 1 "standard output: Bad file descriptor" sh -c '"$1" -c in/one >&-' - "$bin/pgzip" && [ "$(wc -l <.err)" = 1 ]
}
closed_stderr() {
    cp in/text ce && gives 2 sh -c '"$1" in ce 2>&-' - "$bin/pgzip" && gzip -dc ce.gz | cmp - in/text
}
closed_pipe() {
    timeout 20 "$bin/pgzip" -c in/random | head -c 1 >/dev/null
    local status=${PIPESTATUS[0]}
    [ "$status" = 141 ] || { echo "status $status"; return 1; }
}
closed_pipe_ignored() {
    (trap '' PIPE; timeout 20 "$bin/pgzip" -c in/random 2>msg; echo $? >status) | head -c 1 >/dev/null
    grep -q 'standard output: Broken pipe' msg && [ "$(cat status)" = 1 ]
}
too_large() {
    mkdir lim && cp in/random lim/f || return 1
    says 1 "lim/f.gz: File too large" bash -c 'ulimit -f 500; exec "$1" lim/f' - "$bin/pgzip" && holds lim f &&
        cmp lim/f in/random
}
full_disk() {
    cp in/random full/f
    says 1 "full/f.gz: No space left on device" "$bin/pgzip" full/f && holds full f && cmp full/f in/random
}
# Ends pgzip by a signal once its unfinished file is there.
dies_of() {
    local signal=$1 want=$2 pid status
    rm -rf sig && mkdir sig && truncate -s 4G sig/f || return 1
    # Bash starts what is in the background with SIGINT ignored, and pgzip leaves it so.
    env --default-signal=INT "$bin/pgzip" -p 1 -9 sig/f &
    pid=$!
    for _ in $(seq 200); do
        compgen -G 'sig/.pgzip.*' >/dev/null && break
        sleep 0.02
    done
    compgen -G 'sig/.pgzip.*' >/dev/null || { echo "no unfinished file seen"; kill "$pid"; return 1; }
    kill "-$signal" "$pid"
    wait "$pid"
    status=$?
    holds sig f && [ "$status" = "$want" ] || { echo "status $status"; return 1; }
}
# A file that grows all the time: what was read is whole, and the file is kept if it is not what was read.
changing_file() {
    rm -rf grow && mkdir grow && cp in/mixed grow/f || return 1
    for _ in $(seq 4); do cat in/mixed >>grow/f; done
    (while [ ! -e grow/stop ]; do cat in/one >>grow/f; done) &
    says 2 "grow/f: changed while it was read: kept" "$bin/pgzip" -9 grow/f
    local result=$?
    touch grow/stop
    wait
    [ "$result" = 0 ] && gzip -dc grow/f.gz >grow/read && cmp grow/read <(head -c "$(stat -c %s grow/read)" grow/f)
}
usage_errors() {
    says 1 "-p 0:" "$bin/pgzip" -p 0 in/one && says 1 "-p 5000:" "$bin/pgzip" -p 5000 in/one &&
        says 1 "-p 2x:" "$bin/pgzip" -p 2x in/one && says 1 "pgzip --help" "$bin/pgzip" --what in/one
}
shows_help() { "$bin/pgzip" --help | grep 'Usage: pgzip' && "$bin/pgzip" --version | grep '^pgzip (tp '; }
verbose() {
    says 0 "in/zeros: 99.9% saved" "$bin/pgzip" -c -v -p 2 in/zeros in/block+1 >out.gz &&
        grep -q 'block+1: .* 2 tasks on 2 threads' .err
}
no_terminal() {
    local said status
    said=$(script -qec "'$bin/pgzip' -c in/one" /dev/null </dev/null)
    status=$?
    [ "$status" = 1 ] && [[ $said == *"not written to a terminal"* ]]
}
quiet_stderr() { "$bin/pgzip" -c in/mixed 2>quiet >/dev/null && [ ! -s quiet ]; }
members_join() { "$bin/pgzip" -c in/one in/text >out.gz && gzip -dc out.gz | cmp - <(cat in/one in/text); }
odd_names() {
    mkdir odd && cp in/one "odd/-k" && cp in/one $'odd/a\nb' && (cd odd && gives 0 "$bin/pgzip" -- -k $'a\nb') &&
        [ "$(find odd -name '*.gz' -print0 | tr -cd '\0' | wc -c)" = 2 ]
}
bounded_memory() {
    local peak
    peak=$(head -c 100000000 /dev/zero | /usr/bin/time -f %M "$bin/pgzip" -1 -p 2 2>&1 >/dev/null)
    [ "$peak" -lt 65536 ] || { echo "$peak KB"; return 1; }
}

test_pgzip() {
    make_inputs
    for level in 1 2 3 4 5 6 7 8 9; do check "pgzip -$level round trips" round_trips -$level -p 2; done
    for n in 1 2 4; do check "pgzip -p $n round trips" round_trips -p $n; done
    check "pgzip takes a pipe that gives little at a time" short_reads
    check "pgzip writes the same on any number of threads" same_on_any_threads
    check "pgzip finds what repeats across blocks" repeats_are_found
    check "pgzip writes the header, the trailer and nearly the size of gzip" keeps_the_format
    check "pgzip writes several files as members" members_join
    check "pgzip replaces FILE, and keeps mode and time" replaces
    check "pgzip -k keeps FILE" keeps
    check "pgzip skips FILE if FILE.gz exists" skips_existing
    check "pgzip -f overwrites FILE.gz" forces
    check "pgzip skips a directory" skips_directory
    check "pgzip skips a file that ends in .gz" skips_gz
    check "pgzip skips a symbolic link" skips_symlink
    check "pgzip skips a named pipe without waiting" skips_fifo
    check "pgzip skips a file with other hard links" skips_hard_link
    check "pgzip -c reads a named pipe" reads_fifo
    check "pgzip goes on after a file that is not there" goes_on
    check "pgzip takes odd names" odd_names
    if nobody_works "$bin/pgzip"; then
        check "pgzip says 'Permission denied', for FILE and for its directory" no_permission
    else
        skip "pgzip without permission" "cannot run it as nobody"
    fi
    check "pgzip to a full device fails" full_stdout
    check "pgzip of nothing to a full device fails" full_stdout_empty
    check "pgzip does not wait for input when its output has failed" failed_stdout_idle
    check "pgzip to a closed descriptor fails" closed_stdout
    check "pgzip with standard error closed keeps messages out of files" closed_stderr
    check "pgzip dies of a closed pipe" closed_pipe
    check "pgzip fails on a closed pipe where SIGPIPE is ignored" closed_pipe_ignored
    check "pgzip leaves nothing behind at the file size limit" too_large
    if mkdir full && mount -t tmpfs -o size=1500k pgzip-test full 2>/dev/null; then
        check "pgzip leaves nothing behind on a full disk" full_disk
        umount full
    else
        skip "pgzip on a full disk" "cannot mount a small one"
    fi
    check "pgzip leaves nothing behind on SIGINT" dies_of INT 130
    check "pgzip leaves nothing behind on SIGTERM" dies_of TERM 143
    check "pgzip leaves nothing behind on SIGHUP" dies_of HUP 129
    check "pgzip keeps a file that grows while it is read" changing_file
    check "pgzip names errors in its options" usage_errors
    check "pgzip --help and --version" shows_help
    check "pgzip -v says ratio and tasks" verbose
    check "pgzip says nothing by itself" quiet_stderr
    if command -v script >/dev/null; then
        check "pgzip writes to no terminal" no_terminal
    else
        skip "pgzip to a terminal" "script(1) is missing"
    fi
    if [ -x /usr/bin/time ]; then
        check "pgzip of 200 MB stays below 64 MB" bounded_memory
    else
        skip "pgzip's memory" "/usr/bin/time is missing"
    fi
}

# ---- A tree ----------------------------------------------------------------------------------------------

make_tree() {
    [ ! -e tree ] || return
    mkdir -p tree/a/b/c tree/empty tree/many tree/large tree/deep
    : >tree/nothing
    printf x >$'tree/a/new\nline'
    printf x >'tree/a/back\slash'
    printf x >$'tree/a/carriage\rreturn'
    printf x >$'tree/a/all\\\n\rof them'
    printf x >'tree/a/ blanks  and "quotes" '
    printf x >$'tree/a/b/\xff\xfe'
    printf x >'tree/a/b/-n'
    ln -s ../nothing tree/a/link
    ln -s ../.. tree/a/b/loop
    mkfifo tree/a/fifo
    head -c 131072 /dev/urandom >tree/a/b/c/block
    head -c 10000000 /dev/zero >tree/a/b/c/big
    (cd tree/many && seq 1 3000 | split -l 1 -a 4 -)
    # Above 10,000 entries, links included, find sorts by inode.
    (cd tree/large && seq 1 10500 | xargs touch && mkdir sub && touch sub/1 sub/2)
    local dir=tree/deep
    for _ in $(seq 100); do dir=$dir/d && mkdir "$dir" && echo "$dir" >"$dir/f"; done
}

# ---- tpsum -----------------------------------------------------------------------------------------------

# equals_find ARGUMENT... : tpsum of the paths gives what find and sha256sum give.
equals_find() {
    find "$@" -type f -exec sha256sum {} + >"$work/want"
    timeout 20 "$bin/tpsum" "$@" >"$work/got" && cmp "$work/want" "$work/got"
}
equals_on_threads() {
    find tree -type f -exec sha256sum {} + >want
    timeout 20 "$bin/tpsum" -p "$1" tree >got && cmp want got
}
default_path() { (cd tree/a && equals_find . && timeout 20 "$bin/tpsum" | cmp - "$work/want"); }
is_checked() { timeout 20 "$bin/tpsum" tree/a >sums && sha256sum --quiet -c sums; }
link_is_not_followed() { [ -z "$(timeout 20 "$bin/tpsum" tree/a/link)" ]; }
tpsum_goes_on() {
    says 1 "tpsum: nowhere: No such file or directory" "$bin/tpsum" tree/a nowhere tree/many >got &&
        find tree/a tree/many -type f -exec sha256sum {} + | cmp - got
}
tpsum_no_permission() {
    mkdir -p shut/dir && echo 1 >shut/1 && echo 2 >shut/2 && echo 3 >shut/dir/3 && chmod 000 shut/1 shut/dir || return 1
    says 1 "tpsum: shut/1: Permission denied" "${as_nobody[@]}" "$bin/tpsum" shut >got || return 1
    grep -q 'tpsum: shut/dir: Permission denied' .err && sha256sum shut/2 | cmp - got
}
tpsum_full() { says 1 "standard output: No space left on device" sh -c '"$1" tree >/dev/full' - "$bin/tpsum"; }
tpsum_closed_stdout() { says 1 "standard output: Bad file descriptor" sh -c '"$1" tree/a >&-' - "$bin/tpsum"; }
tpsum_closed_pipe() {
    timeout 20 "$bin/tpsum" tree | head -c 1 >/dev/null
    [ "${PIPESTATUS[0]}" = 141 ]
}
few_descriptors() { (ulimit -n 24; equals_find tree); }
tpsum_usage() {
    says 1 "-p 0:" "$bin/tpsum" -p 0 && says 1 "tpsum --help" "$bin/tpsum" --what &&
        "$bin/tpsum" --help | grep 'Usage: tpsum'
}

test_tpsum() {
    make_tree
    for n in 1 2 4; do check "tpsum -p $n equals find and sha256sum" equals_on_threads $n; done
    check "tpsum takes . for no path" default_path
    check "tpsum takes files, and paths with slashes at the end" equals_find tree/nothing tree/a/ tree/many// ./tree/a/b
    check "tpsum of an empty directory is empty" equals_find tree/empty
    check "tpsum follows no link" link_is_not_followed
    check "sha256sum -c takes tpsum's output" is_checked
    check "tpsum goes on after a path that is not there" tpsum_goes_on
    if nobody_works "$bin/tpsum"; then
        check "tpsum names what it may not read, and goes on" tpsum_no_permission
    else
        skip "tpsum without permission" "cannot run it as nobody"
    fi
    check "tpsum needs few descriptors" few_descriptors
    check "tpsum to a full device fails" tpsum_full
    check "tpsum to a closed descriptor fails" tpsum_closed_stdout
    check "tpsum dies of a closed pipe" tpsum_closed_pipe
    check "tpsum names errors in its options, and helps" tpsum_usage
}

# ---- tree_walk -------------------------------------------------------------------------------------------

# Links of all kinds, holes, a directory that is deeper than a path may be long.
make_disk() {
    mkdir -p disk/a disk/b/c disk/empty disk/one disk/-d || return 1
    head -c 100000 /dev/urandom >disk/a/file
    ln disk/a/file disk/b/hard && ln disk/a/file disk/b/c/hard
    head -c 50000 /dev/urandom >disk/one/x && ln disk/one/x disk/one/y
    truncate -s 1G disk/b/hole
    ln -s ../a disk/b/link && ln -s . disk/b/loop && ln -s nowhere disk/b/dangling
    mkfifo disk/b/fifo
    local dir
    dir=disk/deep$(printf '/%0.s'"$(printf 'd%.0s' $(seq 100))" $(seq 60)) && mkdir -p "$dir" || return 1
    sync -f disk tree
}

# The lines in du's order and in tree_walk's, sorted, and what both say, with the same status.
equals_du() {
    local want got
    du -0 "$@" 2>"$work/du.err" | sort -z >"$work/want"
    want=${PIPESTATUS[0]}
    timeout 20 "$bin/tree_walk" -0 "$@" 2>"$work/.err" | sort -z >"$work/got"
    got=${PIPESTATUS[0]}
    [ "$want" = "$got" ] || { echo "status $got, not $want"; return 1; }
    cmp "$work/want" "$work/got" &&
        diff <(sed 's/^du: //' "$work/du.err" | sort) <(sed 's/^tree_walk: //' "$work/.err" | sort)
}
equals_du_on_threads() { TP_NUM_THREADS=$1 equals_du tree && TP_NUM_THREADS=$1 equals_du disk/deep; }
# The sums are those of du even where the directory that a hard link counts in is another.
equals_du_in_all() { equals_du -s "$@" && equals_du -sh "$@"; }
walk_default_path() { (cd tree && equals_du -a && equals_du -s); }
# The order of the lines, and of the errors, on any number of threads.
walk_is_stable() {
    "$bin/tree_walk" -a -p 1 disk tree nowhere >first 2>first.err
    for n in 1 2 3 4 8; do
        for _ in 1 2 3; do
            "$bin/tree_walk" -a -p $n disk tree nowhere >again 2>again.err
            cmp first again && cmp first.err again.err || return 1
        done
    done
}
sorts_by_name() {
    printf '%s\n' disk/a/file disk/a disk/b/c disk/b/dangling disk/b/fifo disk/b/hole disk/b/link disk/b/loop disk/b \
        disk/empty disk/one/x disk/one >want
    "$bin/tree_walk" -a disk/a disk/b disk/empty disk/one | cut -f 2 | diff want -
}
# Both hold the file; it counts in the first alone.
counts_links_once() {
    local first second alone
    read -r first second < <("$bin/tree_walk" -s disk/a disk/b | cut -f 1 | xargs)
    alone=$("$bin/tree_walk" -s disk/b | cut -f 1)
    [ "$first" -ge 98 ] && [ "$alone" -ge 98 ] && [ "$second" -lt 98 ]
}
walk_no_permission() {
    mkdir -p barred/shut barred/open barred/names && echo 1 >barred/open/f && echo 2 >barred/shut/f &&
        echo 3 >barred/names/f && sync -f barred && chmod 000 barred/shut && chmod 644 barred/names || return 1
    "${as_nobody[@]}" du -a barred 2>du.err | sort >want
    says 1 "tree_walk: cannot read directory 'barred/shut': Permission denied" \
        "${as_nobody[@]}" "$bin/tree_walk" -a barred >got || return 1
    diff <(sed 's/^du: //' du.err | sort) <(sed 's/^tree_walk: //' .err) && sort got | cmp want -
}
walk_closed_pipe() {
    timeout 20 "$bin/tree_walk" -a tree | head -c 1 >/dev/null
    [ "${PIPESTATUS[0]}" = 141 ]
}
walk_full() { says 1 "standard output: No space left on device" sh -c '"$1" tree >/dev/full' - "$bin/tree_walk"; }
walk_closed_stdout() { says 1 "standard output: Bad file descriptor" sh -c '"$1" tree/a >&-' - "$bin/tree_walk"; }
walk_few_descriptors() { (ulimit -n 24; equals_du -a tree && equals_du disk/deep); }
walk_usage() {
    says 1 "-p 0:" "$bin/tree_walk" -p 0 && says 1 "-d x:" "$bin/tree_walk" -d x &&
        says 1 "-d -1:" "$bin/tree_walk" -d -1 && says 1 "tree_walk --help" "$bin/tree_walk" --what &&
        "$bin/tree_walk" --help | grep 'Usage: tree_walk' &&
        "$bin/tree_walk" --version | grep '^tree_walk (tp '
}

test_tree_walk() {
    make_tree
    check "the tree for tree_walk is there" make_disk
    for n in 1 2 4; do check "tree_walk on $n threads equals du" equals_du_on_threads $n; done
    check "tree_walk -a equals du" equals_du -a tree
    check "tree_walk -s equals du, in KiB and in what people read" equals_du_in_all tree disk disk/b
    check "tree_walk -h equals du" equals_du -ah tree disk/one disk/b disk/a
    for n in 0 1 3 200; do check "tree_walk -d $n equals du" equals_du -a -d $n tree; done
    check "tree_walk takes . for no path" walk_default_path
    check "tree_walk takes files, links, and paths with slashes at the end" \
        equals_du tree/nothing tree/a/ tree/many// ./tree/a/b disk/b/{link,loop,dangling,fifo,hole} -- disk/-d
    check "tree_walk follows a link with a slash at the end, as du does" equals_du disk/b/link/
    check "tree_walk counts nothing twice where paths overlap" equals_du -a tree/a/b tree/a tree tree/many
    check "tree_walk of a path that is not there goes on" equals_du tree/a nowhere tree/many
    check "tree_walk of an empty directory" equals_du disk/empty
    check "tree_walk counts a file with several names once" equals_du disk/one
    check "tree_walk counts it where it comes first" counts_links_once
    check "tree_walk goes deeper than a path may be long" equals_du disk/deep
    check "tree_walk prints the same on any number of threads" walk_is_stable
    check "tree_walk sorts by name, what is in a directory first" sorts_by_name
    if nobody_works "$bin/tree_walk"; then
        check "tree_walk names what it may not read, as du does, and goes on" walk_no_permission
    else
        skip "tree_walk without permission" "cannot run it as nobody"
    fi
    check "tree_walk needs few descriptors" walk_few_descriptors
    check "tree_walk to a full device fails" walk_full
    check "tree_walk to a closed descriptor fails" walk_closed_stdout
    check "tree_walk dies of a closed pipe" walk_closed_pipe
    check "tree_walk names errors in its options, and helps" walk_usage
    if command -v valgrind >/dev/null; then
        check "tree_walk frees all it had" clean 0 "$bin/tree_walk" -a -p 4 tree/a disk tree/a/b
        check "tree_walk frees all it had after an error" clean 1 "$bin/tree_walk" -p 4 tree/a nowhere
    else
        skip "tree_walk's memory" "valgrind is missing"
    fi
}

# ---- cancel_search ---------------------------------------------------------------------------------------

# equals_grep TEXT PATH... : the status is grep's, and the name is one that grep gives.
equals_grep() {
    local want=0 got=0
    timeout 20 grep -r -F -l -D skip -e "$@" >want 2>/dev/null || want=$?
    timeout 20 "$bin/cancel_search" -- "$@" >got 2>.err || got=$?
    [ "$want" = "$got" ] || { echo "status $got, not $want"; cat .err; return 1; }
    # A name may have more lines than one.
    if [ -s want ]; then [[ $'\n'$(<want)$'\n' == *$'\n'"$(<got)"$'\n'* ]]; else [ ! -s got ]; fi
}
# With -q, a match outranks an error.
equals_grep_quiet() {
    local want=0
    timeout 20 grep -r -F -q -D skip -e "$@" 2>/dev/null || want=$?
    gives "$want" "$bin/cancel_search" -q -- "$@" >got 2>.err && [ ! -s got ]
}
make_haystack() {
    mkdir -p hay/many hay/odd hay/empty || return 1
    local dir=hay/deep
    for _ in $(seq 200); do dir=$dir/d; done
    mkdir -p "$dir" && echo 'deep needle' >"$dir/f"
    # More than are queued at a time.
    (cd hay/many && seq 1 20000 | split -l 1 -a 4 -)
    for i in $(seq 1 40); do echo "common needle $i" >hay/many/common-$i; done
    : >hay/nothing
    # In the last byte of a block of 128 KB, across the border, behind it; in a file of many blocks; after a NUL.
    for at in 131058 131060 131065 131071 131072 131073; do
        head -c "$at" /dev/zero | tr '\0' x >hay/border-$at && printf 'border-%s-needle' "$at" >>hay/border-$at
    done
    (head -c 5000000 /dev/urandom; printf 'last words') >hay/big
    printf 'a\0b\nbinary needle\0' >hay/binary
    printf 'newline needle' >hay/odd/$'new\nline'
    printf 'blank needle' >'hay/odd/ a "b" '
    printf 'bytes needle' >hay/odd/$'\xff\xfe'
    printf -- '-dash needle' >hay/odd/-dash
    printf 'ababababac' >hay/odd/repeats
    mkfifo hay/fifo
    ln -s ../many hay/odd/to-many && ln -s .. hay/odd/loop && ln -s nowhere hay/odd/dangling
    mkdir outside && echo 'outside needle' >outside/f && ln -s ../outside hay/link && ln -s ../../outside/f hay/odd/file
}
finds_at_borders() {
    for at in 131058 131060 131065 131071 131072 131073; do
        [ "$("$bin/cancel_search" border-$at-needle hay)" = hay/border-$at ] || { echo "$at"; return 1; }
    done
    gives 1 "$bin/cancel_search" border-131058-needle-x hay
}
finds_on_threads() {
    local text
    for text in 'deep needle' 'common needle' 'last words' 'binary needle' 'newline needle' 'no such one' ababac ''; do
        TP_NUM_THREADS=$1 equals_grep "$text" hay || { echo "'$text'"; return 1; }
    done
}
# The first match is one of 40, and which is a matter of luck.
finds_one_of_many() {
    for _ in $(seq 30); do
        "$bin/cancel_search" -p 4 "common needle" hay/many >got || return 1
        [ "$(wc -l <got)" = 1 ] && grep -q '^hay/many/common-[0-9]*$' got || { cat got; return 1; }
    done
}
search_default_path() { [ "$(cd hay/odd && "$bin/cancel_search" 'blank needle')" = './ a "b" ' ]; }
# A terabyte of nothing, which takes minutes to read: whoever reads it stops once the text is found elsewhere. The drops
# free the paths of what was queued.
stops_the_rest() {
    mkdir -p rest && for i in $(seq 1 3); do truncate -s 1T rest/hole-$i || return 1; done
    for i in $(seq 1 500); do truncate -s 1M "rest/queued-$i"; done
    echo 'early needle' >rest/needle
    gives 0 "$bin/cancel_search" -p 5 'early needle' rest hay/many >got && [ "$(cat got)" = rest/needle ]
}
links_as_grep() {
    local path
    for path in hay hay/link hay/link/ hay/odd/file; do equals_grep 'outside needle' $path || return 1; done
    equals_grep 'outside needle' hay hay/odd/file && [ -s got ]
}
search_errors() {
    says 2 "cancel_search: nowhere: No such file or directory" "$bin/cancel_search" 'no such needle' hay nowhere &&
        says 2 "hay/odd/dangling: No such file or directory" "$bin/cancel_search" 'no such needle' hay/odd/dangling &&
        says 2 "hay/fifo: not a regular file" "$bin/cancel_search" 'no such needle' hay/fifo &&
        gives 2 "$bin/cancel_search" -s 'no such needle' nowhere 2>.err && [ ! -s .err ] &&
        gives 0 "$bin/cancel_search" 'deep needle' hay nowhere 2>.err && equals_grep_quiet 'deep needle' hay nowhere &&
        equals_grep_quiet 'no such needle' nowhere hay
}
search_no_permission() {
    mkdir -p locked/dir && echo 'locked needle' | tee locked/1 locked/dir/2 >/dev/null && echo x >locked/3 &&
        chmod 000 locked/1 locked/dir || return 1
    says 2 "cancel_search: locked/1: Permission denied" "${as_nobody[@]}" "$bin/cancel_search" 'locked needle' locked &&
        grep -q 'cancel_search: locked/dir: Permission denied' .err &&
        gives 0 "${as_nobody[@]}" "$bin/cancel_search" -q x locked 2>.err
}
search_few_descriptors() { (ulimit -n 24; equals_grep 'deep needle' hay && equals_grep 'no such needle' hay); }
search_full() {
    says 2 "standard output: No space left on device" sh -c '"$1" needle hay >/dev/full' - "$bin/cancel_search"
}
search_closed_stdout() {
    says 2 "standard output: Bad file descriptor" sh -c '"$1" needle hay >&-' - "$bin/cancel_search"
}
search_usage() {
    says 2 "-p 0:" "$bin/cancel_search" -p 0 x && says 2 "TEXT is missing" "$bin/cancel_search" -q &&
        says 2 "TEXT is too long" "$bin/cancel_search" "$(printf 'x%.0s' $(seq 4097))" hay &&
        says 2 "cancel_search --help" "$bin/cancel_search" --what &&
        "$bin/cancel_search" --help | grep 'Usage: cancel_search' &&
        "$bin/cancel_search" --version | grep '^cancel_search (tp '
}
search_long_text() {
    local text
    text=$(seq -s , 1 2000)
    text=${text:0:4096}
    head -c 129000 /dev/zero | tr '\0' x >long && printf %s "$text" >>long &&
        [ "$("$bin/cancel_search" "$text" long)" = long ] && gives 1 "$bin/cancel_search" -q "${text%?}y" long
}

test_cancel_search() {
    check "the haystack is there" make_haystack
    for n in 1 2 4; do check "cancel_search on $n threads finds what grep -r finds" finds_on_threads $n; done
    check "cancel_search finds what lies across the border of two blocks" finds_at_borders
    check "cancel_search takes a text of 4096 bytes" search_long_text
    check "cancel_search names one file of many, once" finds_one_of_many
    check "cancel_search stops the rest" stops_the_rest
    check "cancel_search takes . for no path" search_default_path
    check "cancel_search of an empty directory and an empty file" equals_grep '' hay/empty hay/nothing
    check "cancel_search takes odd texts" equals_grep '-dash needle' hay
    check "cancel_search takes a text with a special meaning to grep as it is" equals_grep '.*' hay
    check "cancel_search follows the links that grep -r follows" links_as_grep
    check "cancel_search -q says nothing" equals_grep_quiet 'common needle' hay
    check "cancel_search names errors, and has the status of grep" search_errors
    if nobody_works "$bin/cancel_search"; then
        check "cancel_search names what it may not read, and goes on" search_no_permission
    else
        skip "cancel_search without permission" "cannot run it as nobody"
    fi
    check "cancel_search needs few descriptors" search_few_descriptors
    check "cancel_search to a full device fails" search_full
    check "cancel_search to a closed descriptor fails" search_closed_stdout
    check "cancel_search names errors in its options, and helps" search_usage
    if command -v valgrind >/dev/null; then
        check "cancel_search frees what its tasks owned" \
            clean 1 "$bin/cancel_search" -q -p 4 'no such needle' hay/odd hay/deep
        check "cancel_search frees what its dropped tasks owned" \
            clean 0 "$bin/cancel_search" -q -p 2 'common needle' hay/many
    else
        skip "cancel_search's memory" "valgrind is missing"
    fi
}

# ---- mandelbrot ------------------------------------------------------------------------------------------

# is_ppm FILE W H: a picture of that size, to its last byte.
is_ppm() {
    local header
    header=$(printf 'P6\n%s %s\n255\n.' "$2" "$3")
    header=${header%.}
    [ "$(head -c ${#header} "$1" | tr '\n' /)" = "$(printf %s "$header" | tr '\n' /)" ] &&
        [ "$(stat -c %s "$1")" = $((${#header} + $2 * $3 * 3)) ] || { echo "$1 is no picture of $2 x $3"; return 1; }
}
draws_a_picture() {
    timeout 20 "$bin/mandelbrot" -s 300x200 >set.ppm && is_ppm set.ppm 300 200 &&
        timeout 20 "$bin/mandelbrot" -s 300x200 -o file.ppm && cmp set.ppm file.ppm && is_ppm file.ppm 300 200
}
# pixel FILE W X Y: its three bytes.
pixel() {
    tail -c +$(($(head -n 3 "$1" | wc -c) + ($4 * $2 + $3) * 3 + 1)) "$1" | head -c 3 | od -An -tu1 | tr -s ' '
}
# Black inside: in its two large parts, in the discs on top, below and to the left of them; not beside them.
is_the_set() {
    timeout 20 "$bin/mandelbrot" -c 0,0 -w 4 -s 400x400 -i 500 >plane.ppm || return 1
    local at
    for at in '200 200' '100 200' '185 200' '200 140' '200 259' '187 125' '187 274' '69 200'; do
        [ "$(pixel plane.ppm 400 $at)" = " 0 0 0" ] || { echo "outside at $at"; return 1; }
    done
    for at in '0 0' '399 399' '300 200' '200 60' '10 200' '240 200'; do
        [ "$(pixel plane.ppm 400 $at)" != " 0 0 0" ] || { echo "inside at $at"; return 1; }
    done
}
same_picture_on_any_threads() {
    local where='-c -0.743643887,0.131825904 -w 0.00005 -i 3000 -s 200x150'
    timeout 20 "$bin/mandelbrot" $where -p 1 >one.ppm || return 1
    for n in 2 3 8; do timeout 20 "$bin/mandelbrot" $where -p $n | cmp - one.ppm || return 1; done
    TP_NUM_THREADS=5 timeout 20 "$bin/mandelbrot" $where | cmp - one.ppm
}
# The set is its own mirror image.
types_a_preview() {
    timeout 20 "$bin/mandelbrot" -t -s 60x20 >preview && [ "$(wc -l <preview)" = 20 ] && ! grep -qv '^.\{60\}$' preview &&
        grep -q '##########' preview && tac preview | cmp - preview && [ "$("$bin/mandelbrot" -t | wc -l)" = 24 ]
}
previews_on_a_terminal() {
    script -qec "stty rows 11 cols 40; '$bin/mandelbrot'" /dev/null </dev/null | tr -d '\r' >preview &&
        [ "$(grep -c '^.\{40\}$' preview)" = 10 ] && ! grep -q '^P6' preview || return 1
    script -qec "'$bin/mandelbrot' -s 30x20 -o shown.ppm" /dev/null </dev/null >preview && grep -q '####' preview &&
        is_ppm shown.ppm 30 20
}
draws_one_pixel() {
    timeout 20 "$bin/mandelbrot" -s 1x1 -i 1 >tiny.ppm && is_ppm tiny.ppm 1 1 &&
        timeout 20 "$bin/mandelbrot" -s 65536x1 -p 4 >wide.ppm && is_ppm wide.ppm 65536 1 &&
        timeout 20 "$bin/mandelbrot" -s 1x65536 -p 4 >high.ppm && is_ppm high.ppm 1 65536
}
says_who_drew() {
    says 0 "100 x 80 in " "$bin/mandelbrot" -v -p 3 -s 100x80 >set.ppm || return 1
    # The rows of all threads are those of the picture.
    [ $(($(sed 's/.*thread: //; s/ / + /g' .err))) = 80 ]
}
mandelbrot_errors() {
    says 1 "standard output: No space left on device" sh -c '"$1" -s 300x200 >/dev/full' - "$bin/mandelbrot" &&
        says 1 "/dev/full: No space left on device" "$bin/mandelbrot" -s 300x200 -o /dev/full &&
        says 1 "standard output: Bad file descriptor" sh -c '"$1" -s 30x20 >&-' - "$bin/mandelbrot" &&
        says 1 "nowhere/set.ppm: No such file or directory" "$bin/mandelbrot" -s 30x20 -o nowhere/set.ppm || return 1
    says 1 "large.ppm: File too large" bash -c 'trap "" XFSZ; ulimit -f 100; "$1" -s 300x200 -o large.ppm' - \
        "$bin/mandelbrot" && [ ! -e large.ppm ]
}
mandelbrot_usage() {
    local bad
    for bad in 10 10x 0x10 10x0 65537x1 10x10x 'ax b'; do says 1 "-s $bad:" "$bin/mandelbrot" -s "$bad" || return 1; done
    for bad in 1 1, nan,0 0,inf 1,2x; do says 1 "-c $bad:" "$bin/mandelbrot" -c "$bad" || return 1; done
    for bad in 0 -1 inf x; do says 1 "-w $bad:" "$bin/mandelbrot" -w "$bad" || return 1; done
    says 1 "-p 0:" "$bin/mandelbrot" -p 0 && says 1 "-i 0:" "$bin/mandelbrot" -i 0 &&
        says 1 "file: no argument is expected" "$bin/mandelbrot" file &&
        says 1 "mandelbrot --help" "$bin/mandelbrot" --what &&
        "$bin/mandelbrot" --help | grep 'Usage: mandelbrot' && "$bin/mandelbrot" --version | grep '^mandelbrot (tp '
}

test_mandelbrot() {
    check "mandelbrot draws a picture, to standard output or a file" draws_a_picture
    check "mandelbrot draws the Mandelbrot set" is_the_set
    check "mandelbrot draws the same on any number of threads" same_picture_on_any_threads
    check "mandelbrot draws pictures of one pixel, row or column" draws_one_pixel
    check "mandelbrot -t types a preview" types_a_preview
    if command -v script >/dev/null; then
        check "mandelbrot types a preview on a terminal, as large as that" previews_on_a_terminal
    else
        skip "mandelbrot on a terminal" "script(1) is missing"
    fi
    check "mandelbrot -v says how many rows each thread drew" says_who_drew
    check "mandelbrot says why a picture cannot be written, and leaves no part of it" mandelbrot_errors
    check "mandelbrot names errors in its options, and helps" mandelbrot_usage
    if command -v valgrind >/dev/null; then
        check "mandelbrot frees all it had" clean 0 "$bin/mandelbrot" -p 3 -s 60x40 -o clean.ppm -t
        check "mandelbrot frees all it had after an error" clean 1 "$bin/mandelbrot" -p 3 -s 60x40 -o nowhere/clean.ppm
    else
        skip "mandelbrot's memory" "valgrind is missing"
    fi
}

# ---- quicksort -------------------------------------------------------------------------------------------

make_numbers() {
    mkdir num && : >num/none && echo 7 >num/one || return 1
    seq 1 200000 >num/ascending
    seq 200000 -1 1 >num/descending
    seq 1 200000 | shuf --random-source=<(yes) >num/mixed
    (seq 1 100000; seq 100000 -1 1) >num/pipe
    yes 5 | head -n 100000 >num/equal
    (yes 1 | head -n 50000; yes 0 | head -n 50000; yes 1 | head -n 30000) >num/few
    seq -60000 1 60000 | shuf --random-source=<(yes) >num/signed
    printf '%s\n' 9223372036854775807 -9223372036854775808 0 -1 1 -0 +5 >num/extreme
    printf '3\n\n  2 \n\t1\r\n   \n4' >num/blanks
    for n in 15 16 17 18 2047 2048 2049 4095 4096 4097 5000; do seq $n | shuf --random-source=<(yes) >num/length-$n; done
}
equals_sort() {
    local f
    for f in num/*; do
        # In the form that quicksort prints.
        sed 's/^[ +]*//; s/[ \r]*$//; s/^\t//; s/^-0$/0/; /^$/d' "$f" | sort -n >want
        timeout 20 "$bin/quicksort" "$@" "$f" >got && cmp want got || { echo "$* $f"; return 1; }
        timeout 20 "$bin/quicksort" "$@" -r "$f" | cmp - <(tac want) || { echo "$* -r $f"; return 1; }
    done
}
sorts_several_files() {
    cat num/mixed num/one num/signed | sort -n >want
    timeout 20 "$bin/quicksort" num/mixed - num/signed <num/one | cmp - want &&
        cat num/mixed num/one num/signed | timeout 20 "$bin/quicksort" | cmp - want
}
sorts_random_numbers() {
    timeout 20 "$bin/quicksort" -b 300000 -p 2 >got && grep -q '^300000 numbers: quicksort .* on 2 threads, qsort ' got &&
        gives 0 "$bin/quicksort" -b 1 && gives 0 "$bin/quicksort" -b 2 -p 1
}
refuses_what_is_no_number() {
    local line
    for line in x 1x 1.5 0x10 '1 2' - '' ; do
        printf '1\n%s\n' "${line:-1\\0}" >bad
        says 1 "bad: line 2 is not a number" "$bin/quicksort" bad >got && [ ! -s got ] || { echo "$line"; return 1; }
    done
    printf '1\n\0\n' >bad && says 1 "bad: line 2 is not a number" "$bin/quicksort" bad || return 1
    for line in 9223372036854775808 -9223372036854775809 99999999999999999999999; do
        echo $line >bad && says 1 "bad: line 1 has more than 64 bits" "$bin/quicksort" bad >got && [ ! -s got ] || return 1
    done
}
quicksort_errors() {
    says 1 "nowhere: No such file or directory" "$bin/quicksort" num/one nowhere >got && [ ! -s got ] &&
        says 1 "num: Is a directory" "$bin/quicksort" num &&
        says 1 "standard output: No space left on device" sh -c '"$1" num/mixed >/dev/full' - "$bin/quicksort" &&
        says 1 "standard output: No space left on device" sh -c '"$1" num/one >/dev/full' - "$bin/quicksort" &&
        says 1 "standard output: Bad file descriptor" sh -c '"$1" num/one >&-' - "$bin/quicksort" &&
        says 1 "cannot sort: Cannot allocate memory" "$bin/quicksort" -b 9000000000000000000
}
quicksort_closed_pipe() {
    timeout 20 "$bin/quicksort" num/mixed | head -c 1 >/dev/null
    [ "${PIPESTATUS[0]}" = 141 ]
}
quicksort_usage() {
    says 1 "-p 0:" "$bin/quicksort" -p 0 && says 1 "-b 0:" "$bin/quicksort" -b 0 && says 1 "-b x:" "$bin/quicksort" -b x &&
        says 1 "quicksort --help" "$bin/quicksort" --what &&
        "$bin/quicksort" --help | grep 'Usage: quicksort' && "$bin/quicksort" --version | grep '^quicksort (tp '
}

test_quicksort() {
    check "numbers for quicksort are there" make_numbers
    for n in 1 2 4; do check "quicksort -p $n equals sort -n" equals_sort -p $n; done
    check "quicksort takes several files, and standard input" sorts_several_files
    check "quicksort -b sorts random numbers, as qsort does" sorts_random_numbers
    check "quicksort names the line that is no number, and prints nothing" refuses_what_is_no_number
    check "quicksort says what cannot be read or written" quicksort_errors
    check "quicksort dies of a closed pipe" quicksort_closed_pipe
    check "quicksort names errors in its options, and helps" quicksort_usage
    if command -v valgrind >/dev/null; then
        check "quicksort frees all it had" clean 0 "$bin/quicksort" -p 3 num/length-5000 num/blanks
        check "quicksort frees all it had after an error" clean 1 "$bin/quicksort" -p 3 num/one nowhere
    else
        skip "quicksort's memory" "valgrind is missing"
    fi
}

if [ -x "$bin/pgzip" ]; then test_pgzip; else skip pgzip "not built"; fi
if [ -x "$bin/tpsum" ]; then test_tpsum; else skip tpsum "not built"; fi
if [ -x "$bin/tree_walk" ]; then test_tree_walk; else skip tree_walk "not built"; fi
if [ -x "$bin/cancel_search" ]; then test_cancel_search; else skip cancel_search "not built"; fi
if [ -x "$bin/mandelbrot" ]; then test_mandelbrot; else skip mandelbrot "not built"; fi
if [ -x "$bin/quicksort" ]; then test_quicksort; else skip quicksort "not built"; fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
