// memory: each allocation that a call makes is made to fail once. The call says so, nothing is left behind, and it can
// be made again.
//
// The allocator is that of allocator.h. tests/faults/ does the same, and more, to each function by itself.

#include "allocator.h"
#include "support.h"

// Makes each allocation of `call` fail in turn, until one call makes fewer; returns how many that were.
#define fail_each(n, call, status, on_failure)                                                                         \
    do {                                                                                                               \
        for ((n) = 1;; (n)++) {                                                                                        \
            must((n) < 10000);                                                                                         \
            fail_at(n);                                                                                                \
            errno = ERRNO_BEFORE;                                                                                      \
            (status) = (call);                                                                                         \
            failing = 0;                                                                                               \
            must(errno == ERRNO_BEFORE);                                                                               \
            if ((status) == TP_OK) break;                                                                              \
            must((status) == TP_ENOMEM || (status) == TP_EAGAIN);                                                      \
            on_failure;                                                                                                \
        }                                                                                                              \
    } while (0)

// Runs `body` in a child where one allocation fails at a time, and in one where all after it fail too.
#define assert_child_without_memory(body)                                                                              \
    do {                                                                                                               \
        for_good = false;                                                                                              \
        assert_child(body, NULL);                                                                                      \
        for_good = true;                                                                                               \
        assert_child(body, NULL);                                                                                      \
    } while (0)

// ---- Tests -------------------------------------------------------------------------------------------------

static tp_options three_workers(void) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 3;
    options.name = "memory";
    options.capacity = 100;
    return options;
}

static void warm_up(void) {
    for (int i = 0; i < 20; i++) {
        tp_pool *pool = pool_with(three_workers());
        run_inside(pool, nothing, NULL);
        must_status(tp_destroy(pool), TP_OK);
    }
    must_soon(threads_now() == 1);
}

static void creates(void *unused) {
    (void)unused;
    uint64_t n = 0;
    tp_status status = TP_OK;
    tp_options options = three_workers();
    tp_pool *pool = NULL;
    warm_up();
    int64_t before = live;
    fail_each(n, tp_create(&options, &pool), status, {
        must(pool == NULL);
        must_soon(threads_now() == 1);
        must(live <= before);
        pool = (tp_pool *)&options;
    });
    must(n > 1);
    run_inside(pool, nothing, NULL);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_create_that_gets_no_memory_leaves_nothing_behind(void **state) {
    (void)state;
    assert_child_without_memory(creates);
}

static void resizes(void *unused) {
    (void)unused;
    uint64_t n = 0;
    tp_status status = TP_OK;
    warm_up();
    tp_pool *pool = pool_of(2);
    for (uint32_t threads = 3; threads < 40; threads += 12) {
        uint32_t before = tp_thread_count(pool);
        fail_each(n, tp_resize(pool, threads), status, {
            must(tp_thread_count(pool) == before);
            must_soon(threads_now() == 1 + before);
            run_inside(pool, nothing, NULL);
        });
        must(tp_thread_count(pool) == threads);
        run_inside(pool, nothing, NULL);
    }
    must_status(tp_destroy(pool), TP_OK);
}

static void a_resize_that_gets_no_memory_leaves_the_number_as_it_was(void **state) {
    (void)state;
    assert_child_without_memory(resizes);
}

struct submits {
    tp_pool *pool;
    uint64_t n;
    _Atomic uint64_t ran;
    uint64_t accepted;
};

static void runs(void *submits) { atomic_fetch_add(&((struct submits *)submits)->ran, 1); }

static void drops(void *submits, tp_status why) {
    (void)submits;
    (void)why;
    must(!"nothing is dropped");
}

// Submits in all three ways, each of which finds no memory whenever it asks for some.
static void submit_many(void *arg) {
    struct submits *submits = (struct submits *)arg;
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = drops;
    options.name = "a task with a name";
    void *args[100];
    for (int i = 0; i < 100; i++) args[i] = submits;
    for (uint64_t i = 0; i < submits->n; i++) {
        uint64_t n = 0;
        size_t taken = 0;
        tp_status status = TP_OK;
        fail_each(n, tp_submit(submits->pool, runs, submits), status, {});
        fail_each(n, tp_submit_with(submits->pool, runs, submits, &options), status, {});
        submits->accepted += 2;
        fail_each(n, tp_submit_batch(submits->pool, runs, args, 100, &taken), status, submits->accepted += taken);
        must(taken == 100);
        submits->accepted += taken;
    }
}

static void submits_outside(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(2), 2000, 0, 0};
    must_status(tp_pause(submits.pool), TP_OK);
    submit_many(&submits);
    must(tp_queued(submits.pool) == submits.accepted);
    must_status(tp_resume(submits.pool), TP_OK);
    must_status(tp_wait(submits.pool, LIMIT_NS), TP_OK);
    must(submits.ran == submits.accepted);
    must_status(tp_destroy(submits.pool), TP_OK);
}

static void a_submit_that_gets_no_memory_takes_nothing(void **state) {
    (void)state;
    assert_child_without_memory(submits_outside);
}

static void submits_inside(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(1), 2000, 0, 0};
    run_inside(submits.pool, submit_many, &submits);
    must(submits.ran == submits.accepted);
    must_status(tp_destroy(submits.pool), TP_OK);
}

static void a_submit_of_a_task_that_gets_no_memory_takes_nothing(void **state) {
    (void)state;
    assert_child_without_memory(submits_inside);
}

static void starts_the_default_pool(void *unused) {
    (void)unused;
    uint64_t n = 0;
    tp_status status = TP_OK;
    struct tally ran = TALLY_INIT;
    fail_at(1);
    tp_pool *pool = tp_default();
    failing = 0;
    must(pool != NULL);
    fail_each(n, tp_submit(pool, count, &ran), status, {
        must(tp_queued(pool) == 0);
        must_status(tp_wait(pool, 0), TP_OK);
        must_soon(threads_now() == 1);
    });
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must(tally_now(&ran) == 1);
}

static void the_default_pool_that_gets_no_memory_may_be_tried_again(void **state) {
    (void)state;
    assert_child_without_memory(starts_the_default_pool);
}

static void submits_from_a_new_thread(void *arg) {
    struct submits *submits = (struct submits *)arg;
    uint64_t n = 0;
    tp_status status = TP_OK;
    fail_each(n, tp_submit(submits->pool, runs, submits), status, {});
}

static void *submits_on_a_thread(void *arg) {
    submits_from_a_new_thread(arg);
    return NULL;
}

static void has_threads_that_submit(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(2), 0, 0, 0};
    for (int i = 0; i < 50; i++) join_thread(start_thread(submits_on_a_thread, &submits));
    must_status(tp_wait(submits.pool, LIMIT_NS), TP_OK);
    must(submits.ran == 50);
    must_status(tp_destroy(submits.pool), TP_OK);
}

static void the_first_submit_of_a_thread_that_gets_no_memory_takes_nothing(void **state) {
    (void)state;
    assert_child_without_memory(has_threads_that_submit);
}

// No call here has TP_ENOMEM among its errors.
static void ends_without_memory(void *unused) {
    (void)unused;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(2);
    occupy(pool, &gate, 2);
    must_status(tp_submit(pool, nothing, NULL), TP_OK);
    fail_at(1);
    must_status(tp_wait(pool, 0), TP_ETIMEDOUT);
    must_status(tp_wait(pool, MILLISECOND), TP_ETIMEDOUT);
    must_status(tp_pause(pool), TP_OK);
    must_status(tp_resume(pool), TP_OK);
    must(tp_thread_count(pool) == 2);
    gate_open(&gate);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    must_status(tp_destroy(pool), TP_OK);
    failing = 0;
}

static void waiting_and_ending_do_not_fail_for_want_of_memory(void **state) {
    (void)state;
    assert_child_without_memory(ends_without_memory);
}

// ---- Futures and groups ------------------------------------------------------------------------------------

static void *runs_with_a_result(void *submits) {
    runs(submits);
    return submits;
}

static void *follows(void *value, void *submits) {
    runs(submits);
    return value;
}

enum { KEPT = 500 };

// Makes futures in all ways, each of which finds no memory whenever it asks for some.
static void make_many_futures(void *arg) {
    struct submits *submits = (struct submits *)arg;
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = drops;
    options.name = "a task with a name";
    uint64_t n = 0;
    tp_status status = TP_OK;
    for (uint64_t i = 0; i < submits->n; i++) {
        tp_future *futures[4] = {NULL, NULL, NULL, NULL};
        fail_each(n, tp_async(submits->pool, runs_with_a_result, submits, &futures[0]), status, must(futures[0] == NULL));
        fail_each(n, tp_async_with(submits->pool, runs_with_a_result, submits, &options, &futures[1]), status,
                  must(futures[1] == NULL));
        fail_each(n, tp_future_create(&futures[2]), status, must(futures[2] == NULL));
        fail_each(n, tp_future_then(submits->pool, futures[i % 3], follows, submits, &futures[3]), status,
                  must(futures[3] == NULL));
        must_status(tp_future_complete(futures[2], NULL), TP_OK);
        submits->accepted += 3;
        for (int k = 0; k < 4; k++) tp_future_release(futures[k]);
    }
}

static void makes_futures_outside(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(2), 1000, 0, 0};
    must_status(tp_pause(submits.pool), TP_OK);
    make_many_futures(&submits);
    must_status(tp_resume(submits.pool), TP_OK);
    must_status(tp_wait(submits.pool, LIMIT_NS), TP_OK);
    must(submits.ran == submits.accepted);
    must_status(tp_destroy(submits.pool), TP_OK);
}

static void a_future_that_gets_no_memory_is_not_made(void **state) {
    (void)state;
    assert_child_without_memory(makes_futures_outside);
}

static void makes_futures_inside(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(1), 1000, 0, 0};
    run_inside(submits.pool, make_many_futures, &submits);
    must(submits.ran == submits.accepted);
    must_status(tp_destroy(submits.pool), TP_OK);
}

static void a_future_that_a_task_gets_no_memory_for_is_not_made(void **state) {
    (void)state;
    assert_child_without_memory(makes_futures_inside);
}

static void fill_many_groups(void *arg) {
    struct submits *submits = (struct submits *)arg;
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = drops;
    options.name = "a task with a name";
    uint64_t n = 0;
    tp_status status = TP_OK;
    for (uint64_t i = 0; i < submits->n; i++) {
        tp_group *parent = NULL;
        tp_group *group = NULL;
        fail_each(n, tp_group_create(submits->pool, NULL, &parent), status, must(parent == NULL));
        fail_each(n, tp_group_create(submits->pool, parent, &group), status, must(group == NULL));
        fail_each(n, tp_group_submit(group, runs, submits), status, must(tp_group_count(parent) == 0));
        fail_each(n, tp_group_submit_with(group, runs, submits, &options), status, {});
        fail_each(n, tp_group_notify(group, runs, submits), status, {});
        fail_each(n, tp_group_notify(parent, runs, submits), status, {});
        submits->accepted += 4;
        must_status(tp_group_wait(parent, LIMIT_NS), TP_OK);
        must_status(tp_group_destroy(group), TP_OK);
        must_status(tp_group_destroy(parent), TP_OK);
    }
}

static void fills_groups(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(2), 1000, 0, 0};
    fill_many_groups(&submits);
    must_status(tp_wait(submits.pool, LIMIT_NS), TP_OK);
    must(submits.ran == submits.accepted);
    run_inside(submits.pool, fill_many_groups, &submits);
    must(submits.ran == submits.accepted);
    must_status(tp_destroy(submits.pool), TP_OK);
}

static void a_group_that_gets_no_memory_takes_nothing(void **state) {
    (void)state;
    assert_child_without_memory(fills_groups);
}

static void submits_at_priorities(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(1), 0, 0, 0};
    uint64_t n = 0;
    tp_status status = TP_OK;
    must_status(tp_pause(submits.pool), TP_OK);
    for (int i = 0; i < 3000; i++) {
        tp_task_options options = TP_TASK_OPTIONS_INIT;
        options.priority = i % 3 - 1;
        fail_each(n, tp_submit_with(submits.pool, runs, &submits, &options), status, {});
    }
    must(tp_queued(submits.pool) == 3000);
    must_status(tp_resume(submits.pool), TP_OK);
    must_status(tp_wait(submits.pool, LIMIT_NS), TP_OK);
    must(submits.ran == 3000);
    must_status(tp_destroy(submits.pool), TP_OK);
}

static void a_submit_of_any_priority_that_gets_no_memory_takes_nothing(void **state) {
    (void)state;
    assert_child_without_memory(submits_at_priorities);
}

static void waits_for_any_of_many(void *unused) {
    (void)unused;
    tp_future *futures[100];
    uint64_t n = 0;
    tp_status status = TP_OK;
    size_t index = 77;
    for (int i = 0; i < 100; i++) futures[i] = future_by_hand();
    for (n = 1;; n++) {
        fail_at(n);
        status = tp_future_wait_any(futures, 100, MILLISECOND, &index);
        failing = 0;
        must(status == TP_ENOMEM || status == TP_ETIMEDOUT);
        if (status == TP_ETIMEDOUT) break;
    }
    must(index == 77);
    must_status(tp_future_complete(futures[50], NULL), TP_OK);
    fail_at(1);
    must_status(tp_future_wait_any(futures, 100, TP_FOREVER, &index), TP_OK);
    failing = 0;
    must(index == 50);
    for (int i = 0; i < 100; i++) tp_future_release(futures[i]);
}

// What is to follow comes to a queue that cannot grow, of a pool that sleeps.
static void follows_in_a_pool_that_sleeps(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(1), 0, 0, 0};
    // More than a block of the queue has room for: where one ends a new one is needed.
    for (uint64_t i = 0; i < 300; i++) {
        tp_future *hand = future_by_hand();
        tp_future *next = future_then(submits.pool, hand, follows, &submits);
        for (int naps = 0; naps < 5; naps++) nap();
        must_soon(all_others_sleep());
        fail_at(1);
        must_status(tp_future_complete(hand, &submits), TP_OK);
        must_soon(submits.ran == i + 1);
        failing = 0;
        tp_future_release(hand);
        tp_future_release(next);
    }
    must_status(tp_destroy(submits.pool), TP_OK);
}

static void what_follows_wakes_a_worker_where_the_queue_cannot_grow(void **state) {
    (void)state;
    assert_child_without_memory(follows_in_a_pool_that_sleeps);
}

static void a_wait_for_any_of_many_that_gets_no_memory_says_so(void **state) {
    (void)state;
    assert_child_without_memory(waits_for_any_of_many);
}

// Once it is accepted it needs no memory any more: not to be queued when its time comes, nor to end.
static void ends_futures_without_memory(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(2), 0, 0, 0};
    tp_future *hand = future_by_hand();
    tp_future *futures[KEPT];
    tp_future *ends[KEPT];
    for (int i = 0; i < KEPT; i++) futures[i] = future_then(submits.pool, i % 2 == 0 ? hand : futures[i - 1], follows, &submits);
    for (int i = 0; i < KEPT; i++) ends[i] = future_then(submits.pool, futures[i], follows, &submits);
    fail_at(1);
    must_status(tp_future_complete(hand, &submits), TP_OK);
    for (int i = 0; i < KEPT; i++) {
        void *value = NULL;
        must_status(tp_future_wait(ends[i], LIMIT_NS, &value), TP_OK);
        must(value == &submits);
        must_status(tp_future_cancel(ends[i]), TP_EBUSY);
        must(tp_future_state(ends[i]) == TP_FUTURE_DONE);
        tp_future_release(futures[i]);
        tp_future_release(ends[i]);
    }
    must_status(tp_wait(submits.pool, LIMIT_NS), TP_OK);
    must(submits.ran == UINT64_C(2) * KEPT);
    tp_future_release(hand);
    must_status(tp_destroy(submits.pool), TP_OK);
    failing = 0;
}

static void what_follows_a_future_needs_no_memory_when_its_time_comes(void **state) {
    (void)state;
    assert_child_without_memory(ends_futures_without_memory);
}

static void ends_groups_without_memory(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(2), 0, 0, 0};
    struct gate gate = GATE_INIT;
    tp_group *group = group_of(submits.pool, NULL);
    must_status(tp_group_submit(group, stand, &gate), TP_OK);
    for (int i = 0; i < KEPT; i++) {
        must_status(tp_group_submit(group, runs, &submits), TP_OK);
        must_status(tp_group_notify(group, runs, &submits), TP_OK);
    }
    fail_at(1);
    must_status(tp_group_wait(group, 0), TP_ETIMEDOUT);
    gate_open(&gate);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    must_status(tp_wait(submits.pool, LIMIT_NS), TP_OK);
    must(submits.ran == UINT64_C(2) * KEPT);
    must_status(tp_group_cancel(group), TP_OK);
    must_status(tp_group_destroy(group), TP_OK);
    must_status(tp_destroy(submits.pool), TP_OK);
    failing = 0;
}

static void a_notify_needs_no_memory_when_its_time_comes(void **state) {
    (void)state;
    assert_child_without_memory(ends_groups_without_memory);
}

static void counts_a_drop(void *dropped, tp_status why) {
    must(why == TP_ECANCELED);
    atomic_fetch_add((_Atomic uint64_t *)dropped, 1);
}

static void must_not_run(void *unused) {
    (void)unused;
    must(!"a task runs that may not");
}

static void *must_not_run_async(void *unused) {
    must_not_run(unused);
    return NULL;
}

static void cancels_without_memory(void *unused) {
    (void)unused;
    _Atomic uint64_t dropped = 0;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    tp_future *futures[KEPT];
    tp_task_options options = options_with_drop(counts_a_drop);
    occupy(pool, &gate, 1);
    for (int i = 0; i < KEPT; i++) {
        must_status(tp_async_with(pool, must_not_run_async, &dropped, &options, &futures[i]), TP_OK);
        must_status(tp_group_submit_with(group, must_not_run, &dropped, &options), TP_OK);
    }
    fail_at(1);
    must_status(tp_group_cancel(group), TP_OK);
    for (int i = 0; i < KEPT; i++) must_status(tp_future_cancel(futures[i]), TP_OK);
    must(dropped == UINT64_C(2) * KEPT);
    for (int i = 0; i < KEPT; i++) {
        must_status(tp_future_wait(futures[i], TP_FOREVER, NULL), TP_ECANCELED);
        tp_future_release(futures[i]);
    }
    must_status(tp_group_wait(group, TP_FOREVER), TP_OK);
    gate_open(&gate);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must_status(tp_group_destroy(group), TP_OK);
    must_status(tp_destroy(pool), TP_OK);
    failing = 0;
}

static void a_cancel_needs_no_memory(void **state) {
    (void)state;
    assert_child_without_memory(cancels_without_memory);
}

// What a task waits for is run or waited for without memory; only a thread to take its place may not be had.
static void waits_for_its_own_without_memory(void *arg) {
    struct submits *submits = (struct submits *)arg;
    tp_group *group = group_of(submits->pool, NULL);
    tp_future *future = future_of(submits->pool, runs_with_a_result, submits);
    for (int i = 0; i < KEPT; i++) must_status(tp_group_submit(group, runs, submits), TP_OK);
    fail_at(1);
    must(value_of(future) == submits);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    tp_status begun = tp_blocking_begin();
    must(begun == TP_OK || begun == TP_EAGAIN);
    must_status(tp_blocking_end(), TP_OK);
    failing = 0;
    must(submits->ran == KEPT + 1);
    tp_future_release(future);
    must_status(tp_group_destroy(group), TP_OK);
}

static void waits_in_a_task_without_memory(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(1), 0, 0, 0};
    run_inside(submits.pool, waits_for_its_own_without_memory, &submits);
    run_inside(submits.pool, nothing, NULL);
    must_status(tp_destroy(submits.pool), TP_OK);
}

static void a_wait_in_a_task_needs_no_memory(void **state) {
    (void)state;
    assert_child_without_memory(waits_in_a_task_without_memory);
}

static void no_handler(void) {}

// The C library has room for that many functions to be called at a fork, and asks for memory for one more, the library's
// (unless a sanitizer has some too). Where it gets none it takes no more of them for good, so this is not tried again.
static void makes_a_first_future_without_memory(void *unused) {
    (void)unused;
    tp_future *future = NULL;
    for (int i = 0; i < 48; i++) must(pthread_atfork(no_handler, NULL, NULL) == 0);
    fail_at(1);
    errno = ERRNO_BEFORE;
    tp_status status = tp_future_create(&future);
    failing = 0;
    must(errno == ERRNO_BEFORE);
    must((status == TP_ENOMEM && future == NULL) || (status == TP_OK && failed == 0));
    tp_future_release(future);
}

static void a_first_future_that_the_library_cannot_watch_forks_for_is_not_made(void **state) {
    (void)state;
    assert_child_without_memory(makes_a_first_future_without_memory);
}

static void meets_the_others(uint32_t rank, uint32_t n, void *here) {
    (void)rank;
    meet((struct tally *)here, n);
}

static void makes_gangs_without_memory(void *pool) {
    struct tally here = TALLY_INIT;
    uint64_t n = 0;
    tp_status status = TP_OK;
    fail_each(n, tp_gang((tp_pool *)pool, 3, meets_the_others, &here), status, must(tally_now(&here) == 0));
}

static void makes_gangs_in_a_task(void *unused) {
    (void)unused;
    tp_pool *pool = pool_of(1);
    run_inside(pool, makes_gangs_without_memory, pool);
    run_inside(pool, nothing, NULL);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_gang_of_a_task_that_gets_no_memory_does_not_begin(void **state) {
    (void)state;
    assert_child_without_memory(makes_gangs_in_a_task);
}

static void holds_nothing_in_the_end(void *unused) {
    (void)unused;
    warm_up();
    int64_t before = live;
    for (int i = 0; i < 20; i++) {
        struct submits submits = {pool_of(2), 20, 0, 0};
        make_many_futures(&submits);
        fill_many_groups(&submits);
        tp_future *hand = future_by_hand();
        tp_future *next = future_then(submits.pool, hand, follows, &submits);
        tp_group *group = group_of(submits.pool, NULL);
        must_status(tp_pause(submits.pool), TP_OK);
        must_status(tp_group_submit(group, nothing, NULL), TP_OK);
        must_status(tp_group_notify(group, runs, &submits), TP_OK);
        must_status(tp_shutdown(submits.pool, TP_DISCARD, LIMIT_NS), TP_OK);
        must_status(tp_destroy(submits.pool), TP_OK);
        must_status(tp_group_destroy(group), TP_OK);
        tp_future_release(hand);
        tp_future_release(next);
    }
    must_soon(threads_now() == 1);
    must(live <= before);
}

static void futures_and_groups_leave_no_memory_behind(void **state) {
    (void)state;
    assert_child_without_memory(holds_nothing_in_the_end);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_create_that_gets_no_memory_leaves_nothing_behind),
        cmocka_unit_test(a_resize_that_gets_no_memory_leaves_the_number_as_it_was),
        cmocka_unit_test(a_submit_that_gets_no_memory_takes_nothing),
        cmocka_unit_test(a_submit_of_a_task_that_gets_no_memory_takes_nothing),
        cmocka_unit_test(the_default_pool_that_gets_no_memory_may_be_tried_again),
        cmocka_unit_test(the_first_submit_of_a_thread_that_gets_no_memory_takes_nothing),
        cmocka_unit_test(waiting_and_ending_do_not_fail_for_want_of_memory),
        cmocka_unit_test(a_future_that_gets_no_memory_is_not_made),
        cmocka_unit_test(a_future_that_a_task_gets_no_memory_for_is_not_made),
        cmocka_unit_test(a_group_that_gets_no_memory_takes_nothing),
        cmocka_unit_test(a_submit_of_any_priority_that_gets_no_memory_takes_nothing),
        cmocka_unit_test(what_follows_wakes_a_worker_where_the_queue_cannot_grow),
        cmocka_unit_test(a_wait_for_any_of_many_that_gets_no_memory_says_so),
        cmocka_unit_test(what_follows_a_future_needs_no_memory_when_its_time_comes),
        cmocka_unit_test(a_notify_needs_no_memory_when_its_time_comes),
        cmocka_unit_test(a_cancel_needs_no_memory),
        cmocka_unit_test(a_wait_in_a_task_needs_no_memory),
        cmocka_unit_test(a_first_future_that_the_library_cannot_watch_forks_for_is_not_made),
        cmocka_unit_test(a_gang_of_a_task_that_gets_no_memory_does_not_begin),
        cmocka_unit_test(futures_and_groups_leave_no_memory_behind),
    };
    if (RUNNING_ON_VALGRIND) return 0;
    return run_file(tests);
}
