// soak: everything at once, for as long as it is told, while allocations and threads fail by chance; whatever was accepted
// has ended, and nothing grows: no memory, no threads, no files.
//
// `tp_test_c_soak --seconds N` goes on for that long.

#include "allocator.h"
#include "support.h"

#include <stdatomic.h>

enum { ACTORS = 6, STEPS = 400, WORKERS = 3, RESERVES = 8 };

// ---- What fails --------------------------------------------------------------------------------------------

// One thread in so many cannot be had; 0: none fails.
static _Atomic uint64_t no_thread_one_in;

#if UNDER_TSAN || UNDER_ASAN
// The sanitizer has to see each thread.
int __interceptor_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
#define real_create __interceptor_pthread_create
#else
static int real_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg) {
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attr, run, arg);
}
#endif

PLAIN int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg) {
    static _Atomic uint64_t seed;
    uint64_t one_in = no_thread_one_in;
    uint64_t here = atomic_fetch_add(&seed, 1);
    if (one_in != 0 && chance(&here) % one_in == 0) return EAGAIN;
    return real_create(thread, attr, run, arg);
}

static void set_faults(bool on) {
    fail_one_in(on ? 50 : 0);
    no_thread_one_in = on ? 10 : 0;
}

#if UNDER_ASAN
// The C library loses a list where it gets no memory in the middle of opening a library.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:_dl_map_object_deps\n"; }
#endif

// ---- What is counted ---------------------------------------------------------------------------------------

static _Atomic uint64_t offered, refused, ran, dropped;

static void runs(void *unused) {
    (void)unused;
    atomic_fetch_add(&ran, 1);
}

static void *runs_async(void *arg) {
    runs(arg);
    return arg;
}

static void *runs_then(void *value, void *arg) {
    (void)value;
    return runs_async(arg);
}

static void is_dropped(void *unused, tp_status why) {
    (void)unused;
    must(why == TP_ECANCELED || why == TP_ESHUTDOWN || why == TP_EFULL);
    atomic_fetch_add(&dropped, 1);
}

// Of something that was offered: whether it was taken.
static bool offer(tp_status status) {
    must(status == TP_OK || status == TP_ENOMEM || status == TP_EAGAIN || status == TP_ECANCELED || status == TP_EFULL);
    atomic_fetch_add(&offered, 1);
    if (status != TP_OK) atomic_fetch_add(&refused, 1);
    return status == TP_OK;
}

static bool is_had(tp_status status) {
    must(status == TP_OK || status == TP_ENOMEM || status == TP_EAGAIN);
    return status == TP_OK;
}

// ---- What is done ------------------------------------------------------------------------------------------

static void submits(tp_pool *pool, uint64_t *seed) {
    tp_task_options options = options_with_drop(is_dropped);
    void *args[40] = {NULL};
    size_t n = chance(seed) % 40;
    size_t taken = 0;
    options.priority = (int32_t)(chance(seed) % 3) - 1;
    offer(tp_submit(pool, runs, NULL));
    offer(tp_submit_with(pool, runs, NULL, &options));
    tp_status status = tp_submit_batch(pool, runs, args, n, &taken);
    must(taken == n || status != TP_OK);
    atomic_fetch_add(&offered, n);
    atomic_fetch_add(&refused, n - taken);
}

static void has_futures(tp_pool *pool, uint64_t *seed) {
    tp_task_options options = options_with_drop(is_dropped);
    tp_future *future = NULL;
    tp_future *next = NULL;
    if (!offer(tp_async_with(pool, runs_async, NULL, &options, &future))) return;
    bool follows = is_had(tp_future_then(pool, future, runs_then, NULL, &next));
    if (chance(seed) % 3 == 0) (void)tp_future_cancel(future);
    if (chance(seed) % 2 == 0) {
        tp_status status = tp_future_wait(future, LIMIT_NS, NULL);
        must(status == TP_OK || status == TP_ECANCELED || status == TP_EAGAIN);
    }
    if (follows) {
        // Whether it runs is not counted in advance: it counts itself in where it does.
        tp_status status = tp_future_wait(next, LIMIT_NS, NULL);
        must(status == TP_OK || status == TP_ECANCELED || status == TP_EAGAIN);
        while (status == TP_EAGAIN && tp_future_state(next) < TP_FUTURE_DONE) nap();
        if (tp_future_state(next) == TP_FUTURE_DONE) atomic_fetch_add(&offered, 1);
        tp_future_release(next);
    }
    tp_future_release(future);
}

static void wait_for_group(tp_group *group) {
    while (tp_group_wait(group, LIMIT_NS) == TP_EAGAIN) nap();
    must(tp_group_count(group) == 0);
}

static void has_groups(tp_pool *pool, uint64_t *seed) {
    tp_task_options options = options_with_drop(is_dropped);
    tp_group *parent = NULL;
    tp_group *child = NULL;
    if (!is_had(tp_group_create(pool, NULL, &parent))) return;
    bool has_child = is_had(tp_group_create(pool, parent, &child));
    for (uint64_t i = chance(seed) % 20; i > 0; i--) {
        offer(tp_group_submit_with(has_child && i % 2 ? child : parent, runs, NULL, &options));
    }
    offer(tp_group_notify(parent, runs, NULL));
    if (chance(seed) % 3 == 0) must_status(tp_group_cancel(parent), TP_OK);
    wait_for_group(parent);
    if (has_child) must_status(tp_group_destroy(child), TP_OK);
    must_status(tp_group_destroy(parent), TP_OK);
}

static void counts_items(uint64_t lo, uint64_t hi, void *ctx) { atomic_fetch_add((_Atomic uint64_t *)ctx, hi - lo); }

static void loops(tp_pool *pool, uint64_t *seed) {
    _Atomic uint64_t items = 0;
    uint64_t n = chance(seed) % 5000;
    must_status(tp_parallel_for(pool, 0, n, chance(seed) % 20, counts_items, (void *)&items), TP_OK);
    must(items == n);
}

static int compare_bytes(const void *x, const void *y, void *ctx) {
    (void)ctx;
    return memcmp(x, y, 8);
}

static void sorts(tp_pool *pool, uint64_t *seed) {
    static _Thread_local uint64_t keys[3000];
    size_t n = chance(seed) % 3000;
    for (size_t i = 0; i < n; i++) keys[i] = chance(seed);
    if (!is_had(tp_parallel_sort_keys(pool, keys, n, 8, 0, TP_KEY_U64))) return;
    for (size_t i = 1; i < n; i++) must(keys[i - 1] <= keys[i]);
    must_status(tp_parallel_sort(pool, keys, n, 8, compare_bytes, NULL), TP_OK);
    (void)is_had(tp_parallel_stable_sort(pool, keys, n, 8, compare_bytes, NULL));
    for (size_t i = 1; i < n; i++) must(memcmp(&keys[i - 1], &keys[i], 8) <= 0);
}

static void forks(void *pool) {
    must_status(tp_parallel_invoke((tp_pool *)pool, nothing, NULL, nothing, NULL), TP_OK);
}

static void meets(uint32_t rank, uint32_t n, void *met) {
    (void)rank;
    meet((struct tally *)met, n);
}

static void forks_and_gangs(tp_pool *pool, uint64_t *seed) {
    struct tally met = TALLY_INIT;
    must_status(tp_parallel_invoke(pool, forks, pool, forks, pool), TP_OK);
    (void)is_had(tp_gang(pool, 1 + (uint32_t)(chance(seed) % 3), meets, &met));
}

static void blocks(tp_pool *pool, uint64_t *seed) {
    (void)pool, (void)seed;
    tp_status begun = tp_blocking_begin();
    must(begun == TP_OK || begun == TP_EAGAIN);
    nap();
    must_status(tp_blocking_end(), TP_OK);
}

static void changes_the_pool(tp_pool *pool, uint64_t *seed) {
    tp_status status = tp_resize(pool, 1 + (uint32_t)(chance(seed) % WORKERS));
    must(status == TP_OK || status == TP_ENOMEM || status == TP_EAGAIN);
    must_status(tp_pause(pool), TP_OK);
    must_status(tp_resume(pool), TP_OK);
}

static void does_one(tp_pool *pool, uint64_t *seed);

static void does_one_inside(void *pool) {
    static _Atomic uint64_t seeds;
    uint64_t seed = atomic_fetch_add(&seeds, 1);
    does_one((tp_pool *)pool, &seed);
    runs(NULL);
}

static void does_one_in_a_task(tp_pool *pool, uint64_t *seed) {
    (void)seed;
    offer(tp_submit(pool, does_one_inside, pool));
}

static void has_a_pool_of_its_own(tp_pool *pool, uint64_t *seed) {
    tp_pool *own = NULL;
    tp_options options = TP_OPTIONS_INIT;
    (void)pool;
    options.threads = 1 + (uint32_t)(chance(seed) % 2);
    options.capacity = chance(seed) % 2 ? 10 : 0;
    options.when_full = TP_FULL_DROP_OLDEST;
    if (!is_had(tp_create(&options, &own))) return;
    tp_task_options with_drop = options_with_drop(is_dropped);
    for (uint64_t i = chance(seed) % 30; i > 0; i--) offer(tp_submit_with(own, runs, NULL, &with_drop));
    if (chance(seed) % 2) must_status(tp_shutdown(own, TP_DISCARD, LIMIT_NS), TP_OK);
    must_status(tp_destroy(own), TP_OK);
}

static void does_one(tp_pool *pool, uint64_t *seed) {
    static void (*const all[])(tp_pool *, uint64_t *) = {
        submits, has_futures, has_groups, loops, sorts, forks_and_gangs, blocks, does_one_in_a_task, does_one_in_a_task,
    };
    all[chance(seed) % (sizeof all / sizeof *all)](pool, seed);
}

static void *acts(void *pool) {
    static _Atomic uint64_t seeds = 1000000;
    uint64_t seed = atomic_fetch_add(&seeds, 1);
    for (int step = 0; step < STEPS; step++) {
        does_one((tp_pool *)pool, &seed);
        if (step % 50 == 0) changes_the_pool((tp_pool *)pool, &seed);
        if (step % 20 == 0) has_a_pool_of_its_own((tp_pool *)pool, &seed);
    }
    return NULL;
}

// ---- Whether something grows -------------------------------------------------------------------------------

struct use {
    size_t allocations;
    size_t bytes;
    size_t threads;
    size_t files;
};

// Once all is quiet.
static struct use use_now(tp_pool *pool) {
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must(offered == ran + dropped + refused);
    must(tp_queued(pool) == 0);
    return (struct use){(size_t)live, memory_now(1), threads_now(), files_now()};
}

static void act_once(tp_pool *pool) {
    pthread_t threads[ACTORS];
    for (int i = 0; i < ACTORS; i++) threads[i] = start_thread(acts, pool);
    set_faults(true);
    for (int i = 0; i < ACTORS; i++) join_thread(threads[i]);
    set_faults(false);
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

// Caches fill in the first rounds; the most that is used then is the measure for all later ones.
static void go_on_for(uint64_t seconds, uint64_t least) {
    enum { FIRST = 50 };
    struct use most = {0, 0, 0, 0};
    struct use now = {0, 0, 0, 0};
    tp_pool *pool = pool_reserved(WORKERS, RESERVES);
    uint64_t stop = now_ns() + seconds * SECOND;
    uint64_t round = 0;
    for (; round < least || now_ns() < stop; round++) {
        act_once(pool);
        now = use_now(pool);
        // One that has been joined may be seen for a moment.
        must_soon(threads_now() <= 1 + WORKERS + RESERVES);
        must(round == 0 || now.files == most.files);
        if (round < FIRST) {
            most.allocations = larger(now.allocations, most.allocations);
            most.bytes = larger(now.bytes, most.bytes);
            most.files = now.files;
        }
        must(now.allocations <= most.allocations + most.allocations / 2);
        must(now.bytes <= most.bytes + most.bytes / 2);
    }
    must_status(tp_destroy(pool), TP_OK);
    printf("%llu rounds, %llu tasks offered: %llu ran, %llu dropped, %llu refused; in the end %zu allocations, %zu KB, "
           "%zu threads, %zu files; after %d rounds %zu allocations, %zu KB\n",
           (unsigned long long)round, (unsigned long long)offered, (unsigned long long)ran, (unsigned long long)dropped,
           (unsigned long long)refused, now.allocations, now.bytes / 1024, now.threads, now.files, FIRST,
           most.allocations, most.bytes / 1024);
}

static void nothing_is_lost_and_nothing_grows_while_memory_and_threads_fail(void **state) {
    (void)state;
    go_on_for(0, rounds(1, 5, 50));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_and_nothing_grows_while_memory_and_threads_fail),
    };
    if (argc == 3 && strcmp(argv[1], "--seconds") == 0) {
        go_on_for(strtoul(argv[2], NULL, 10), 1);
        return 0;
    }
    if (RUNNING_ON_VALGRIND) return 0;
    return run_file(tests);
}
