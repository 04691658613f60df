// Forks while all is busy: some threads use everything there is, so that each lock of the library is held now and then,
// and another forks again and again. Both sides work on. Then the same where the system lets no thread yield or sleep,
// as those do who wait for such a lock.

#include "faults.h"

#include <signal.h>
#include <sys/syscall.h>

enum { BUSY_THREADS = 5, ITEMS = 3000, CHILD_SECONDS = 60, STORM_SECONDS = 900 };

struct sea {
    struct stage stage;
    struct scenario scenario;
    // Made, paused and resized beside the others.
    tp_pool *other;
    struct tally stop;
};

static bool goes_on(struct sea *sea) { return tally_now(&sea->stop) == 0; }

static void *submits(void *arg) {
    struct sea *sea = (struct sea *)arg;
    tp_task_options options = options_with_drop(drops);
    void *args[300];
    for (int i = 0; i < 300; i++) args[i] = &sea->stage;
    for (uint64_t i = 0; goes_on(sea); i++) {
        options.priority = (int32_t)(i % 3) - 1;
        must_status(tp_submit(sea->stage.pool, runs, &sea->stage), TP_OK);
        must_status(tp_submit_with(sea->stage.pool, runs, &sea->stage, &options), TP_OK);
        must_status(tp_submit_batch(sea->stage.pool, runs, args, 300, NULL), TP_OK);
        must_status(tp_wait(sea->stage.pool, LIMIT_NS), TP_OK);
        sea->stage.offered += 302;
    }
    return NULL;
}

static void *passes_on(void *value, void *unused) {
    (void)unused;
    return value;
}

static void *makes_futures(void *arg) {
    struct sea *sea = (struct sea *)arg;
    while (goes_on(sea)) {
        tp_future *futures[10];
        futures[0] = future_by_hand();
        for (int i = 1; i < 9; i++) {
            futures[i] = i % 2 == 0 ? future_of(sea->stage.pool, same, sea)
                                    : future_then(sea->stage.pool, futures[i - 1], passes_on, NULL);
        }
        futures[9] = future_then(sea->other, futures[0], passes_on, NULL);
        (void)tp_future_cancel(futures[3]);
        must_status(tp_future_complete(futures[0], sea), TP_OK);
        must_status(tp_future_wait_any(futures + 1, 9, LIMIT_NS, NULL), TP_OK);
        for (int i = 0; i < 10; i++) tp_future_release(futures[i]);
    }
    return NULL;
}

static void *fills_groups(void *arg) {
    struct sea *sea = (struct sea *)arg;
    for (uint64_t i = 0; goes_on(sea); i++) {
        tp_group *group = group_of(sea->stage.pool, sea->stage.group);
        for (int k = 0; k < 20; k++) must_status(tp_group_submit(group, nothing, NULL), TP_OK);
        must_status(tp_group_notify(group, nothing, NULL), TP_OK);
        if (i % 2 == 0) must_status(tp_group_cancel(group), TP_OK);
        must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
        must_status(tp_group_destroy(group), TP_OK);
    }
    return NULL;
}

static void adds_up(uint64_t lo, uint64_t hi, void *acc, void *unused) {
    (void)unused;
    for (; lo < hi; lo++) *(uint64_t *)acc += lo;
}

static void joins(void *left, const void *right, void *unused) {
    (void)unused;
    *(uint64_t *)left += *(const uint64_t *)right;
}

static void meets(uint32_t rank, uint32_t n, void *tally) {
    (void)rank;
    meet((struct tally *)tally, n);
}

static void *works_in_parallel(void *arg) {
    struct sea *sea = (struct sea *)arg;
    static uint32_t keys[ITEMS];
    while (goes_on(sea)) {
        uint64_t zero = 0;
        uint64_t sum = 0;
        struct tally met = TALLY_INIT;
        must_status(tp_parallel_reduce(sea->stage.pool, 0, ITEMS, 100, sizeof sum, &zero, adds_up, joins, NULL, &sum),
                    TP_OK);
        must(sum == UINT64_C(1) * ITEMS * (ITEMS - 1) / 2);
        for (uint32_t i = 0; i < ITEMS; i++) keys[i] = i * 2654435761U;
        must_status(tp_parallel_sort_keys(sea->stage.pool, keys, ITEMS, 4, 0, TP_KEY_U32), TP_OK);
        for (int i = 1; i < ITEMS; i++) must(keys[i - 1] <= keys[i]);
        must_status(tp_gang(sea->stage.pool, 2, meets, &met), TP_OK);
    }
    return NULL;
}

static void *makes_pools(void *arg) {
    struct sea *sea = (struct sea *)arg;
    for (uint32_t i = 0; goes_on(sea); i++) {
        tp_pool *pool = pool_of(1 + i % 3);
        tp_future *future = future_of(pool, same, sea);
        must_status(tp_pause(sea->other), TP_OK);
        must_status(tp_resize(sea->other, 1 + i % 4), TP_OK);
        must_status(tp_resume(sea->other), TP_OK);
        must_status(tp_submit(tp_default(), nothing, NULL), TP_OK);
        must_status(tp_shutdown(pool, i % 2 == 0 ? TP_DRAIN : TP_DISCARD, LIMIT_NS), TP_OK);
        must_status(tp_destroy(pool), TP_OK);
        tp_future_release(future);
    }
    return NULL;
}

static void fork_once(struct sea *sea) {
    pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        child_checks(&sea->stage);
        must_status(tp_destroy(sea->other), TP_OK);
        child_works();
        _exit(0);
    }
    must(child_ended_well(pid));
}

static void rage(size_t forks) {
    static void *(*const busy[BUSY_THREADS])(void *) = {submits, makes_futures, fills_groups, works_in_parallel,
                                                        makes_pools};
    static struct sea sea = {.stage = {.gate = GATE_INIT}, .stop = TALLY_INIT};
    pthread_t threads[BUSY_THREADS];
    static const struct fault none = {.kind = FORKS, .at = AT_END};
    sea.stage.scenario = &sea.scenario;
    sea.stage.fault = &none;
    sea.stage.pool = pool_of(2);
    sea.other = pool_of(2);
    sea.stage.group = group_of(sea.stage.pool, NULL);
    sea.stage.below = group_of(sea.stage.pool, sea.stage.group);
    sea.stage.input = future_by_hand();
    sea.stage.future = future_of(sea.stage.pool, same, &sea);
    for (int i = 0; i < BUSY_THREADS; i++) threads[i] = start_thread(busy[i], &sea);
    for (size_t i = 0; i < forks; i++) fork_once(&sea);
    tally_add(&sea.stop);
    for (int i = 0; i < BUSY_THREADS; i++) join_thread(threads[i]);
    must_status(tp_wait(sea.stage.pool, LIMIT_NS), TP_OK);
    must_status(tp_wait(sea.other, LIMIT_NS), TP_OK);
    must(sea.stage.ran == sea.stage.offered);
    tp_future_release(sea.stage.future);
    tp_future_release(sea.stage.input);
    must_status(tp_group_destroy(sea.stage.below), TP_OK);
    must_status(tp_group_destroy(sea.stage.group), TP_OK);
    must_status(tp_destroy(sea.stage.pool), TP_OK);
    must_status(tp_destroy(sea.other), TP_OK);
}

static void rage_freely(void *unused) {
    (void)unused;
    rage(rounds(30, 30, 1000));
}

static void rage_without_sleep(void *unused) {
    static const struct system_call sleeps = {"sched_yield, clock_nanosleep", {SYS_sched_yield, SYS_clock_nanosleep}};
    struct fault fault = {.kind = SYSTEM_CALLS, .call = &sleeps, .error = ENOSYS};
    (void)unused;
    filter_install(&fault);
    rage(rounds(10, 10, 200));
}

static bool holds(void (*body)(void *), const char *what) {
    struct ending ending = run_child(body, NULL, STORM_SECONDS);
    if (ended_well(&ending)) return true;
    printf("%s:\n", what);
    print_ending(&ending);
    return false;
}

bool storm(bool has_filters) {
    bool held = holds(rage_freely, "forks while all is busy");
    if (!has_filters) return held;
    return holds(rage_without_sleep, "the same where nobody may yield or sleep") && held;
}
