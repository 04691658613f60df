#!/bin/bash
# Uses the programs of c-examples as a user would: `run.sh DIR`, where DIR holds hello, pgzip and tpsum.
#
# Prints one line per check and a closing count; fails if a check fails. A program that was not built is skipped, and so
# is a check that this machine cannot make, with the reason.
set -u -o pipefail
export LC_ALL=C
bin=$(cd "${1:?usage: run.sh BUILD_DIRECTORY}" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'umount "$work/full" 2>/dev/null; rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work" || exit 1
passed=0 failed=0

# check NAME COMMAND...: passes if the command succeeds.
check() {
    local name=$1
    shift
    if "$@" >"$work/.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
        head -n 8 "$work/.log" | cut -c 1-200 | cat -v | sed 's/^/        /'
    fi
}
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

# To be run as somebody whom permissions stop.
as_nobody=()
[ "$(id -u)" = 0 ] && as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
nobody_works() { "${as_nobody[@]}" "$1" --help >/dev/null 2>&1; }

# ---- hello -----------------------------------------------------------------------------------------------

greets() { [ "$(timeout 20 "$bin/hello")" = "hello, world" ]; }
if [ -x "$bin/hello" ]; then check "hello greets" greets; else skip hello "not built"; fi

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

# ---- tpsum -----------------------------------------------------------------------------------------------

make_tree() {
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

if [ -x "$bin/pgzip" ]; then test_pgzip; else skip pgzip "not built"; fi
if [ -x "$bin/tpsum" ]; then test_tpsum; else skip tpsum "not built"; fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
