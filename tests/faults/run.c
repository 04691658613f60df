// One scenario with one fault, in a child of its own: what is set up before it and checked after it.

#include "faults.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>

// How long a child may take: far longer than the slowest one does.
enum { HANGS_AFTER_SECONDS = 60, ENOUGH = 10 };

static size_t failed_runs;

bool has_failed(void) { return failed_runs > 0; }
bool has_failed_enough(void) { return failed_runs >= ENOUGH; }

static const char *error_name(int error) {
    return error == ENOSYS ? "ENOSYS" : error == EPERM ? "EPERM" : error == EINVAL ? "EINVAL" : "a kill";
}

void print_fault(const struct scenario *scenario, bool inside, const struct fault *fault) {
    printf("%s (%s), %s: ", scenario->function, scenario->how, inside ? "inside" : "outside");
    const char *after = fault->for_good ? " and those after it fail" : " fails";
    if (fault->kind == ALLOCATIONS) printf("allocation %" PRIu64 "%s", fault->at, after);
    if (fault->kind == THREADS) printf("thread %" PRIu64 "%s", fault->at, after);
    if (fault->kind == SYSTEM_CALLS) {
        printf("%s gives %s from %s on", fault->call->name, error_name(fault->error),
               fault->from_start ? "the beginning" : "the call");
    }
    if (fault->kind == FORKS && fault->at == AT_BEGIN) printf("a fork before the call");
    else if (fault->kind == FORKS && fault->at == AT_END) printf("a fork after the call");
    else if (fault->kind == FORKS && fault->at == AT_CALLBACK) printf("a fork in a callback");
    else if (fault->kind == FORKS) printf("a fork at point %" PRIu64, fault->at);
    printf("\n");
}

// ---- The child ---------------------------------------------------------------------------------------------

// Open from before the first fault on: a directory of this process's threads.
static DIR *threads;

// As `threads_now`, by system calls that never fail here.
static size_t threads_there(void) {
    size_t entries = 0;
    rewinddir(threads);
    for (struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads)) {
        if (entry->d_name[0] != '.') entries++;
    }
    return entries;
}

static struct stage *on_stage;

struct stage *stage_now(void) {
    return on_stage;
}

static bool fails_from_start(void) { return on_stage->fault->kind == SYSTEM_CALLS && on_stage->fault->from_start; }

static bool may_give(const struct stage *stage, tp_status status) {
    unsigned flags = stage->scenario->flags;
    if (status == TP_ENOMEM) return (flags & NO_MEMORY) != 0;
    if (status == TP_EAGAIN) return (flags & NO_THREAD) != 0 || (stage->inside && (flags & NO_RESERVE) != 0);
    return status == TP_EINVAL && (flags & NO_CALL) != 0 && stage->fault->kind == SYSTEM_CALLS;
}

void granted(tp_status status) {
    if (status == TP_OK) return;
    if (fails_from_start() && (status == TP_ENOMEM || status == TP_EAGAIN || status == TP_EINVAL)) _exit(0);
    fprintf(stderr, "the set-up gave %s\n", tp_status_string(status));
    abort();
}

static void must_give(struct stage *stage, tp_status status, int errno_after) {
    must(errno_after == ERRNO_BEFORE);
    if (status == stage->scenario->wanted || may_give(stage, status)) return;
    fprintf(stderr, "it gave %s\n", tp_status_string(status));
    abort();
}

static tp_status call_once(struct stage *stage) {
    errno = ERRNO_BEFORE;
    tp_status status = stage->scenario->call(stage);
    int errno_after = errno;
    points_disarm(stage);
    must_give(stage, status, errno_after);
    if (stage->scenario->check != NULL) stage->scenario->check(stage, status);
    return status;
}

// The call with the fault, and where that had its way the call without it.
static void perform(void *arg) {
    struct stage *stage = (struct stage *)arg;
    if (stage->scenario->prepare != NULL) stage->scenario->prepare(stage);
    if (stage->fault->kind == SYSTEM_CALLS && !stage->fault->from_start) filter_install(stage->fault);
    points_arm(stage);
    stage->began = true;
    tp_status status = call_once(stage);
    if (status == stage->scenario->wanted || stage->fault->kind == SYSTEM_CALLS) return;
    must(call_once(stage) == stage->scenario->wanted);
}

// Threads leave their stacks and some memory to those that come after them.
static void warm_up(void) { must_status(tp_destroy(pool_of(8)), TP_OK); }

static void wait_for_all(tp_pool *pool) {
    if (pool != NULL) must_status(tp_wait(pool, LIMIT_NS), TP_OK);
}

static void give_all_back(struct stage *stage) {
    stage->ends = true;
    tp_future_release(stage->next);
    tp_future_release(stage->future);
    tp_future_release(stage->input);
    must_status(tp_group_destroy(stage->below), TP_OK);
    must_status(tp_group_destroy(stage->group), TP_OK);
    must_status(tp_destroy(stage->made), stage->has_default && stage->made == tp_default() ? TP_ENOTSUP : TP_OK);
    must_status(tp_destroy(stage->pool), stage->has_default && stage->pool == tp_default() ? TP_ENOTSUP : TP_OK);
}

static void works_on(struct stage *stage) {
    tp_status status = tp_submit(stage->pool, nothing, NULL);
    bool may_fail = stage->fault->kind == SYSTEM_CALLS && (status == TP_ENOMEM || status == TP_EAGAIN);
    if (!may_fail) must_status(status, TP_OK);
    wait_for_all(stage->pool);
}

// The pool goes on, nothing is lost, and nothing is left behind.
static void finish(struct stage *stage, int64_t live_before) {
    if (stage->held) gate_open(&stage->gate);
    wait_for_all(stage->pool);
    if (stage->pool != NULL) works_on(stage);
    wait_for_all(stage->made);
    must(stage->ran + stage->dropped + stage->refused == stage->offered);
    give_all_back(stage);
    must(stage->starts == stage->stops);
    if (stage->has_default) return;
    must_soon(threads_there() == 1);
    must(allocations_owned() == 0);
    if (live_before > 0) must(allocations_live() <= live_before);
}

static void play(void *arg) {
    struct stage *stage = (struct stage *)arg;
    const struct fault *fault = stage->fault;
    on_stage = stage;
    threads = opendir("/proc/self/task");
    must(threads != NULL);
    bool warm = (fault->kind == ALLOCATIONS || fault->kind == THREADS) && (stage->scenario->flags & IS_FIRST) == 0;
    if (warm) warm_up();
    if (fails_from_start()) filter_install(fault);
    if (fault->kind == FORKS) forker_start(stage);
    int64_t live_before = warm ? allocations_live() : 0;
    if (stage->scenario->begin != NULL) stage->scenario->begin(stage);
    if (stage->inside) {
        granted(tp_submit(stage->pool, perform, stage));
        must_status(tp_wait(stage->pool, LIMIT_NS), TP_OK);
    } else {
        perform(stage);
    }
    if (fault->kind == FORKS) forker_end();
    finish(stage, live_before);
    _exit(0);
}

// ---- The parent --------------------------------------------------------------------------------------------

// What the child writes, until it ends; false if it takes too long.
static bool hear(int from, char *text, size_t size, unsigned seconds) {
    size_t length = 0;
    uint64_t end = now_ns() + seconds * SECOND;
    bool ended = false;
    while (!ended && now_ns() < end) {
        struct pollfd readable = {from, POLLIN, 0};
        if (poll(&readable, 1, 1000) <= 0) continue;
        ssize_t got = read(from, text + length, size - 1 - length);
        ended = got <= 0;
        if (got > 0) length += (size_t)got;
    }
    text[length] = '\0';
    return ended;
}

struct ending run_child(void (*body)(void *), void *arg, unsigned seconds) {
    struct ending ending = {false, 0, ""};
    struct rlimit no_core = {0, 0};
    int pipes[2];
    must(pipe(pipes) == 0);
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        close(pipes[0]);
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[1]);
        body(arg);
        _exit(0);
    }
    close(pipes[1]);
    ending.hung = !hear(pipes[0], ending.text, sizeof ending.text, seconds);
    close(pipes[0]);
    if (ending.hung) kill(pid, SIGKILL);
    while (waitpid(pid, &ending.status, 0) < 0) must(errno == EINTR);
    return ending;
}

bool ended_well(const struct ending *ending) {
    return !ending->hung && WIFEXITED(ending->status) && WEXITSTATUS(ending->status) == 0;
}

void print_ending(const struct ending *ending) {
    failed_runs++;
    if (ending->hung) printf("  it hung\n");
    else if (WIFSIGNALED(ending->status)) printf("  it ended by signal %d\n", WTERMSIG(ending->status));
    else printf("  it ended with code %d\n", WEXITSTATUS(ending->status));
    if (ending->text[0] != '\0') printf("  %s", ending->text);
    fflush(stdout);
}

bool run_fault(const struct scenario *scenario, bool inside, const struct fault *fault, struct outcome *outcome) {
    struct stage stage = {
        .scenario = scenario, .fault = fault, .outcome = outcome, .inside = inside, .gate = GATE_INIT};
    outcome->failures = 0;
    struct ending ending = run_child(play, &stage, HANGS_AFTER_SECONDS);
    if (ended_well(&ending)) return true;
    // Asked whether the call is made at all: it is.
    if (fault->kind == SYSTEM_CALLS && fault->error == 0 && !ending.hung && WIFSIGNALED(ending.status) &&
        WTERMSIG(ending.status) == SIGSYS) {
        outcome->failures = 1;
        return true;
    }
    print_fault(scenario, inside, fault);
    print_ending(&ending);
    return false;
}
