// support.h: what the tests share: statuses that must come, waits for facts, tasks that wait at a gate, numbers from
// /proc, and children of fork().
//
// Two families of checks. `assert_*` are for the thread that cmocka runs a test on. `must*` are for everywhere else
// (tasks, helper threads, children): one line on standard error, then abort. Both take every status with errno set to a
// number of their own, and see to it that it is still there afterwards.
//
// Nothing here sleeps to give another thread time: a test waits for a fact, and LIMIT_NS is when it gives up.

#ifndef TP_TESTS_SUPPORT_H
#define TP_TESTS_SUPPORT_H

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <tp.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif
#include <cmocka.h>
// Only where a sanitizer is in: ThreadSanitizer then ends the thread that it has for itself.
void __sanitizer_sandbox_on_notify(void *unused) __attribute__((weak));
#ifdef __cplusplus
}
#endif

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_COUNT_ERRORS 0
#endif

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#define UNDER_TSAN __has_feature(thread_sanitizer)
#define UNDER_ASAN __has_feature(address_sanitizer)

#define MILLISECOND UINT64_C(1000000)
#define SECOND (1000 * MILLISECOND)

// When a wait for a fact that should be true in no time gives up.
#define LIMIT_NS (100 * SECOND)

// A time-out for waits that must run into it: nothing depends on how long it is.
#define SHORT_NS (20 * MILLISECOND)

// ---- How much ----------------------------------------------------------------------------------------------

static inline bool is_small(void) {
    const char *scale = getenv("TP_TEST_SCALE");
    return RUNNING_ON_VALGRIND || (scale != NULL && strcmp(scale, "small") == 0);
}

static inline bool is_full(void) {
    const char *scale = getenv("TP_TEST_SCALE");
    return !is_small() && scale != NULL && strcmp(scale, "full") == 0;
}

// Picks how often something is done: under valgrind or TP_TEST_SCALE=small, as a rule, and with TP_TEST_SCALE=full.
static inline size_t rounds(size_t small, size_t usual, size_t full) {
    return is_small() ? small : is_full() ? full : usual;
}

// Numbers by chance, the same in each run: `state` is where the row begins, and goes on.
static inline uint64_t chance(uint64_t *state) {
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

// ---- Checks ------------------------------------------------------------------------------------------------

#define ERRNO_BEFORE 12345

static inline void die(const char *fact, const char *file, int line) {
    fprintf(stderr, "%s:%d: must hold: %s\n", file, line, fact);
    abort();
}

static inline bool status_is(tp_status got, tp_status wanted, int errno_after, const char *call) {
    if (got != wanted) print_error("%s\n  gave %s\n  not  %s\n", call, tp_status_string(got), tp_status_string(wanted));
    if (errno_after != ERRNO_BEFORE) print_error("%s\n  set errno to %d\n", call, errno_after);
    return got == wanted && errno_after == ERRNO_BEFORE;
}

#define must(fact) ((fact) ? (void)0 : die(#fact, __FILE__, __LINE__))

#define check_status(call, wanted, otherwise)                                                                          \
    do {                                                                                                               \
        errno = ERRNO_BEFORE;                                                                                          \
        tp_status got_ = (call);                                                                                       \
        int errno_after_ = errno;                                                                                      \
        if (!status_is(got_, (wanted), errno_after_, #call)) otherwise;                                                \
    } while (0)

#define assert_status(call, wanted) check_status(call, wanted, _fail(__FILE__, __LINE__))
#define must_status(call, wanted) check_status(call, wanted, die(#call " is " #wanted, __FILE__, __LINE__))

static inline uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

// Lets others run for a moment, between two looks at a fact.
static inline void nap(void) {
    struct timespec time = {0, 200000};
    nanosleep(&time, NULL);
}

#define wait_until(fact, otherwise)                                                                                    \
    do {                                                                                                               \
        uint64_t end_ = now_ns() + LIMIT_NS;                                                                           \
        while (!(fact)) {                                                                                              \
            if (now_ns() > end_) otherwise;                                                                            \
            nap();                                                                                                     \
        }                                                                                                              \
    } while (0)

#define assert_soon(fact) wait_until(fact, fail_msg("not in time: %s", #fact))
#define must_soon(fact) wait_until(fact, die("in time: " #fact, __FILE__, __LINE__))

// ---- Tally: a number that goes up, and that threads wait for -----------------------------------------------

struct tally {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t count;
};

#define TALLY_INIT                                                                                                     \
    { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

static inline void tally_add(struct tally *tally) {
    pthread_mutex_lock(&tally->mutex);
    tally->count++;
    pthread_cond_broadcast(&tally->changed);
    pthread_mutex_unlock(&tally->mutex);
}

static inline uint64_t tally_now(struct tally *tally) {
    pthread_mutex_lock(&tally->mutex);
    uint64_t count = tally->count;
    pthread_mutex_unlock(&tally->mutex);
    return count;
}

// Waits for the count; false if the limit was over first.
static inline bool tally_reaches(struct tally *tally, uint64_t count) {
    uint64_t end = now_ns() + LIMIT_NS;
    struct timespec until = {(time_t)(end / SECOND), (long)(end % SECOND)};
    int error = 0;
    pthread_mutex_lock(&tally->mutex);
    while (tally->count < count && error == 0) {
        error = pthread_cond_clockwait(&tally->changed, &tally->mutex, CLOCK_MONOTONIC, &until);
    }
    bool reached = tally->count >= count;
    pthread_mutex_unlock(&tally->mutex);
    return reached;
}

// Adds to the tally and waits until it reaches the count: those who meet are all there at the same time.
static inline void meet(struct tally *tally, uint64_t count) {
    tally_add(tally);
    must(tally_reaches(tally, count));
}

// A task that adds to a tally.
static inline void count(void *tally) { tally_add((struct tally *)tally); }

// A task that does nothing.
static inline void nothing(void *unused) { (void)unused; }

// ---- Gate: holds tasks, and so the workers that they are on ------------------------------------------------

struct gate {
    struct tally entered;
    struct tally opened;
    struct tally left;
};

#define GATE_INIT                                                                                                      \
    { TALLY_INIT, TALLY_INIT, TALLY_INIT }

// A task that says that it is there, and waits until the gate is open.
static inline void stand(void *arg) {
    struct gate *gate = (struct gate *)arg;
    tally_add(&gate->entered);
    must(tally_reaches(&gate->opened, 1));
    tally_add(&gate->left);
}

static inline void gate_open(struct gate *gate) { tally_add(&gate->opened); }

// ---- Pools -------------------------------------------------------------------------------------------------

static inline tp_pool *pool_with(tp_options options) {
    tp_pool *pool = NULL;
    must_status(tp_create(&options, &pool), TP_OK);
    must(pool != NULL);
    return pool;
}

static inline tp_pool *pool_of(uint32_t threads) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = threads;
    return pool_with(options);
}

// A pool of one worker that takes `capacity` tasks.
static inline tp_pool *pool_full_at(uint64_t capacity, int32_t when_full) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.capacity = capacity;
    options.when_full = when_full;
    return pool_with(options);
}

// Holds `workers` of them at the gate.
static inline void occupy(tp_pool *pool, struct gate *gate, uint32_t workers) {
    uint64_t before = tally_now(&gate->entered);
    for (uint32_t i = 0; i < workers; i++) {
        must_status(tp_submit(pool, stand, gate), TP_OK);
        must(tally_reaches(&gate->entered, before + i + 1));
    }
}

// Runs one task to its end.
static inline void run_inside(tp_pool *pool, tp_task_fn run, void *arg) {
    must_status(tp_submit(pool, run, arg), TP_OK);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
}

// Runs it in a task of the pool, or here.
static inline void run_where(tp_pool *pool, bool inside, tp_task_fn run, void *arg) {
    if (inside) run_inside(pool, run, arg);
    else run(arg);
}

// In a task of the pool, or in what counts as one: it can neither wait for the pool nor end it.
static inline void cannot_wait_for(tp_pool *pool) {
    must_status(tp_wait(pool, 0), TP_EDEADLK);
    must_status(tp_wait(pool, TP_FOREVER), TP_EDEADLK);
    must_status(tp_shutdown(pool, TP_DRAIN, 0), TP_EDEADLK);
    must_status(tp_shutdown(pool, TP_DISCARD, TP_FOREVER), TP_EDEADLK);
    must_status(tp_destroy(pool), TP_EDEADLK);
}

// What is tried with one worker, with two, and with more than there may be CPUs.
static const uint32_t worker_counts[] = {1, 2, 4};
enum { WORKER_COUNTS = 3 };

// A pool of `threads` workers that takes `capacity` tasks.
static inline tp_pool *pool_limited(uint32_t threads, uint64_t capacity, int32_t when_full) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = threads;
    options.capacity = capacity;
    options.when_full = when_full;
    return pool_with(options);
}

// A pool that has `reserves` reserve workers at most, none for 0.
static inline tp_pool *pool_reserved(uint32_t threads, uint32_t reserves) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = threads;
    options.max_reserve = reserves == 0 ? TP_NO_RESERVE : reserves;
    return pool_with(options);
}

// ---- Groups and futures ------------------------------------------------------------------------------------

static inline tp_group *group_of(tp_pool *pool, tp_group *parent) {
    tp_group *group = NULL;
    must_status(tp_group_create(pool, parent, &group), TP_OK);
    must(group != NULL);
    return group;
}

static inline tp_future *future_of(tp_pool *pool, tp_async_fn run, void *arg) {
    tp_future *future = NULL;
    must_status(tp_async(pool, run, arg, &future), TP_OK);
    must(future != NULL);
    return future;
}

static inline tp_future *future_by_hand(void) {
    tp_future *future = NULL;
    must_status(tp_future_create(&future), TP_OK);
    must(future != NULL);
    return future;
}

static inline tp_future *future_then(tp_pool *pool, tp_future *input, tp_then_fn run, void *arg) {
    tp_future *future = NULL;
    must_status(tp_future_then(pool, input, run, arg, &future), TP_OK);
    must(future != NULL);
    return future;
}

// The value of a future that gets one.
static inline void *value_of(tp_future *future) {
    void *value = NULL;
    must_status(tp_future_wait(future, LIMIT_NS, &value), TP_OK);
    return value;
}

static inline tp_task_options options_with_drop(tp_drop_fn drop) {
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = drop;
    return options;
}

// A task with a result: its argument.
static inline void *same(void *arg) { return arg; }

// One that waits at a gate first.
static inline void *stand_async(void *gate) {
    stand(gate);
    return gate;
}

// A drop function for tasks that are cancelled, and counts them.
static inline void count_canceled(void *tally, tp_status why) {
    must(why == TP_ECANCELED);
    tally_add((struct tally *)tally);
}

// ---- Threads -----------------------------------------------------------------------------------------------

static inline pthread_t start_thread(void *(*run)(void *), void *arg) {
    pthread_t thread;
    must(pthread_create(&thread, NULL, run, arg) == 0);
    return thread;
}

static inline void join_thread(pthread_t thread) { must(pthread_join(thread, NULL) == 0); }

// Runs `run(arg)` on `n` threads of their own at the same time, and waits for them.
static inline void run_outside(size_t n, void *(*run)(void *), void *arg) {
    pthread_t *threads = (pthread_t *)calloc(n, sizeof *threads);
    must(threads != NULL);
    for (size_t i = 0; i < n; i++) threads[i] = start_thread(run, arg);
    for (size_t i = 0; i < n; i++) join_thread(threads[i]);
    free(threads);
}

// A thread that submits one task, and what came of it.
struct submitter {
    tp_pool *pool;
    tp_task_fn run;
    void *arg;
    tp_status status;
    pid_t tid;
    struct tally calls;
    struct tally returned;
    pthread_t thread;
};

static inline void *submitter_body(void *arg) {
    struct submitter *submitter = (struct submitter *)arg;
    submitter->tid = gettid();
    tally_add(&submitter->calls);
    submitter->status = tp_submit(submitter->pool, submitter->run, submitter->arg);
    tally_add(&submitter->returned);
    return NULL;
}

static inline void submitter_start(struct submitter *submitter, tp_pool *pool, tp_task_fn run, void *arg) {
    struct tally none = TALLY_INIT;
    submitter->pool = pool;
    submitter->run = run;
    submitter->arg = arg;
    submitter->calls = none;
    submitter->returned = none;
    submitter->thread = start_thread(submitter_body, submitter);
    must(tally_reaches(&submitter->calls, 1));
}

static inline tp_status submitter_end(struct submitter *submitter) {
    must(tally_reaches(&submitter->returned, 1));
    join_thread(submitter->thread);
    return submitter->status;
}

// ---- /proc -------------------------------------------------------------------------------------------------

static inline size_t entries_in(const char *path) {
    DIR *directory = opendir(path);
    must(directory != NULL);
    size_t entries = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] != '.') entries++;
    }
    closedir(directory);
    return entries;
}

// An emulator of another processor may have threads of its own: TP_TEST_THREADS tells how many.
static inline size_t threads_now(void) {
    const char *others = getenv("TP_TEST_THREADS");
    return entries_in("/proc/self/task") - (others == NULL ? 0 : strtoul(others, NULL, 10));
}

static inline size_t files_now(void) { return entries_in("/proc/self/fd"); }

// The text of a small file of /proc, or an empty one if it is not there any more.
static inline void read_small(const char *path, char *text, size_t size) {
    text[0] = '\0';
    FILE *file = fopen(path, "r");
    if (file == NULL) return;
    size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
}

// Bytes of memory: `field` 0 is all that is mapped, 1 what is resident.
static inline size_t memory_now(int field) {
    char text[200];
    read_small("/proc/self/statm", text, sizeof text);
    char *next = text;
    unsigned long pages = strtoul(next, &next, 10);
    if (field == 1) pages = strtoul(next, &next, 10);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

// 'S' for a thread of this process that sleeps, 'R' for one that runs, '?' for one that is gone.
static inline char thread_state(pid_t tid) {
    char path[64];
    char text[400];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
    read_small(path, text, sizeof text);
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' ? end[2] : '?';
}

// True if no thread of this process runs but this one.
static inline bool all_others_sleep(void) {
    DIR *threads = opendir("/proc/self/task");
    must(threads != NULL);
    bool sleep = true;
    for (struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads)) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0 && tid != gettid()) sleep = sleep && thread_state(tid) != 'R';
    }
    closedir(threads);
    return sleep;
}

// True once the thread sleeps inside its submit: it has not returned, and it does not run.
static inline bool submitter_sleeps(struct submitter *submitter) {
    return thread_state(submitter->tid) == 'S' && tally_now(&submitter->returned) == 0;
}

// ---- Children ----------------------------------------------------------------------------------------------

// How a child of fork() ended, and what it wrote to standard error.
struct child {
    int code;
    int signal;
    char text[8000];
};

// Ends a child. Under valgrind it does so as another program: what the parent's threads held is lost in a child, and
// would be reported.
static inline void child_end(int code) {
    if (RUNNING_ON_VALGRIND) {
        char text[32];
        snprintf(text, sizeof text, "exit %d", VALGRIND_COUNT_ERRORS == 0 ? code : 99);
        execl("/bin/sh", "sh", "-c", text, (char *)NULL);
    }
    _exit(code);
}

static inline void child_body(void (*body)(void *), void *arg, int to) {
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(to, STDERR_FILENO);
    close(to);
    alarm((unsigned)(LIMIT_NS / SECOND));
    // ThreadSanitizer's own thread is there again, and about to end.
    if (UNDER_TSAN) must_soon(threads_now() == 1);
    body(arg);
    child_end(0);
}

static inline void read_all(int from, char *text, size_t size) {
    size_t length = 0;
    for (;;) {
        ssize_t got = read(from, text + length, size - 1 - length);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        length += (size_t)got;
    }
    text[length] = '\0';
}

// Runs `body` in a child of fork(). A child that hangs dies of SIGALRM.
static inline struct child child_run(void (*body)(void *), void *arg) {
    struct child child = {-1, 0, ""};
    int pipes[2];
    must(pipe(pipes) == 0);
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        close(pipes[0]);
        child_body(body, arg, pipes[1]);
    }
    close(pipes[1]);
    read_all(pipes[0], child.text, sizeof child.text);
    close(pipes[0]);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) must(errno == EINTR);
    if (WIFEXITED(status)) child.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) child.signal = WTERMSIG(status);
    return child;
}

// Runs `body` in a child, in which everything must hold.
#define assert_child(body, arg)                                                                                        \
    do {                                                                                                               \
        struct child child_ = child_run((body), (arg));                                                                \
        if (child_.code != 0) {                                                                                        \
            fail_msg("the child ended with code %d, signal %d: %s", child_.code, child_.signal, child_.text);          \
        }                                                                                                              \
    } while (0)

// What a child ends with that may not lower its own limits.
#define CANNOT 77

// Runs `body` in a child that may lower its limits; the test is left out where that cannot be done.
#define assert_limited_child(body)                                                                                     \
    do {                                                                                                               \
        struct child child_ = child_run((body), NULL);                                                                 \
        if (child_.code == CANNOT) skip();                                                                             \
        if (child_.code != 0) fail_msg("code %d, signal %d: %s", child_.code, child_.signal, child_.text);             \
    } while (0)

// Makes a child someone who has no other process, and may have `threads` in all. False where that cannot be done.
static inline bool limit_threads(rlim_t threads) {
    struct rlimit limit = {threads, RLIM_INFINITY};
    if (getuid() == 0) {
        uid_t nobody = 1000000000 + (uid_t)getpid();
        if (setgid(nobody) != 0 || setuid(nobody) != 0) return false;
        if (prctl(PR_SET_DUMPABLE, 1) != 0) return false;
    }
    getrlimit(RLIMIT_NPROC, &limit);
    limit.rlim_cur = threads;
    return setrlimit(RLIMIT_NPROC, &limit) == 0;
}

// Lets it have as many as before.
static inline void unlimit_threads(void) {
    struct rlimit limit;
    must(getrlimit(RLIMIT_NPROC, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_NPROC, &limit) == 0);
}

// ---- Main --------------------------------------------------------------------------------------------------

// Leaves the main thread alone, so that tests can count threads.
static inline void be_alone(void) {
    if (__sanitizer_sandbox_on_notify != NULL) __sanitizer_sandbox_on_notify(NULL);
}

// Runs the tests of a file; TP_TEST_ONLY is a pattern of those that should run, TP_TEST_SKIP of those that should not.
#define run_file(tests)                                                                                                \
    (be_alone(), cmocka_set_test_filter(getenv("TP_TEST_ONLY")), cmocka_set_skip_filter(getenv("TP_TEST_SKIP")),       \
     cmocka_run_group_tests(tests, NULL, NULL))

#endif
