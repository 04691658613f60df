# What the scripts of the tests share, to be sourced: `check`, and how many have passed and failed. The caller has a
# directory $work.

passed=0 failed=0

# check WHAT COMMAND...: one line, and the end of what the command said where it fails.
check() {
    local what=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $what"
    else
        failed=$((failed + 1))
        echo "FAILED  $what"
        tail -n 60 "$work/log" | cut -c 1-400 | cat -v | sed 's/^/        /'
    fi
}
