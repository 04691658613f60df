// lifecycle: pools come and go, are shut down, resized, paused and waited for, and lose nothing on the way.
//
// Nothing here uses the default pool but in a child, so that between two pools this process has one thread.

#include "support.h"

#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>

// Bytes that are allocated, in all arenas.
static size_t heap_now(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void add(void *cell) { atomic_fetch_add((_Atomic uint64_t *)cell, 1); }

// ---- Create and destroy ------------------------------------------------------------------------------------

static void create_and_destroy(size_t times) {
    for (size_t i = 0; i < times; i++) {
        tp_options options = TP_OPTIONS_INIT;
        options.threads = 1 + i % 3;
        options.name = "leak";
        options.capacity = i % 2 == 0 ? 0 : 100;
        options.when_full = (int32_t)(i % 4);
        tp_pool *pool = pool_with(options);
        for (size_t n = i % 5; n > 0; n--) assert_status(tp_submit(pool, nothing, NULL), TP_OK);
        if (i % 7 == 0) assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        if (i % 11 == 0) assert_status(tp_resize(pool, 2), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
    assert_soon(threads_now() == 1);
}

static void pools_come_and_go_and_leave_no_thread_no_file_and_no_byte(void **state) {
    (void)state;
    size_t times = rounds(60, 10000, 50000);
    create_and_destroy(times / 10);
    size_t files = files_now();
    size_t heap = heap_now();
    size_t resident = memory_now(1);
    create_and_destroy(times);
    assert_int_equal(files_now(), files);
    if (!is_small()) {
        assert_in_range(heap_now(), 0, heap + 4 * times);
        assert_in_range(memory_now(1), 0, resident + (4 << 20));
    }
}

static void *lives_and_dies(void *pool) {
    must_status(tp_submit((tp_pool *)pool, nothing, NULL), TP_OK);
    return NULL;
}

static void outside_threads_come_and_go_and_leave_no_byte(void **state) {
    (void)state;
    size_t times = rounds(60, 5000, 50000);
    size_t heap = 0;
    tp_pool *pool = pool_of(1);
    for (size_t i = 0; i < times + times / 10; i++) {
        if (i == times / 10) heap = heap_now();
        join_thread(start_thread(lives_and_dies, pool));
    }
    if (!is_small()) assert_in_range(heap_now(), 0, heap + 4 * times);
    assert_status(tp_destroy(pool), TP_OK);
}

static void destroy_runs_everything_that_was_accepted(void **state) {
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        _Atomic uint64_t ran = 0;
        tp_pool *pool = pool_of(threads);
        for (int i = 0; i < 1000; i++) assert_status(tp_submit(pool, add, (void *)&ran), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(ran, 1000);
    }
}

static void destroy_of_a_paused_pool_runs_everything_too(void **state) {
    (void)state;
    _Atomic uint64_t ran = 0;
    tp_pool *pool = pool_of(2);
    assert_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 1000; i++) assert_status(tp_submit(pool, add, (void *)&ran), TP_OK);
    assert_int_equal(ran, 0);
    assert_status(tp_destroy(pool), TP_OK);
    assert_int_equal(ran, 1000);
}

struct descent {
    tp_pool *pool;
    uint32_t left;
    _Atomic uint64_t ran;
};

// A task that submits the next one, as its last act.
static void goes_on(void *arg) {
    struct descent *descent = (struct descent *)arg;
    atomic_fetch_add(&descent->ran, 1);
    if (descent->left-- > 0) must_status(tp_submit(descent->pool, goes_on, descent), TP_OK);
}

static void destroy_runs_what_tasks_submit_meanwhile(void **state) {
    (void)state;
    for (uint32_t threads = 1; threads <= 3; threads++) {
        struct descent descent = {pool_of(threads), 2000, 0};
        assert_status(tp_submit(descent.pool, goes_on, &descent), TP_OK);
        assert_status(tp_destroy(descent.pool), TP_OK);
        assert_int_equal(descent.ran, 2001);
    }
}

static pthread_key_t key;

static void counts_the_end_of_a_thread(void *ended) {
    for (int i = 0; i < 100; i++) sched_yield();
    atomic_fetch_add((_Atomic uint64_t *)ended, 1);
}

static void leaves_a_value_with_its_thread(void *ended) { must(pthread_setspecific(key, ended) == 0); }

static void destroy_returns_after_the_last_destructor_of_a_thread(void **state) {
    (void)state;
    assert_int_equal(pthread_key_create(&key, counts_the_end_of_a_thread), 0);
    for (size_t i = 0; i < rounds(5, 500, 5000); i++) {
        _Atomic uint64_t ended = 0;
        tp_pool *pool = pool_of(1);
        run_inside(pool, leaves_a_value_with_its_thread, (void *)&ended);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(ended, 1);
    }
    assert_int_equal(pthread_key_delete(key), 0);
}

static void many_pools_may_live_at_once(void **state) {
    (void)state;
    enum { POOLS = 50 };
    tp_pool *pools[POOLS];
    _Atomic uint64_t ran = 0;
    for (int i = 0; i < POOLS; i++) pools[i] = pool_of(2);
    for (int n = 0; n < 20; n++) {
        for (int i = 0; i < POOLS; i++) assert_status(tp_submit(pools[i], add, (void *)&ran), TP_OK);
    }
    for (int i = 0; i < POOLS; i++) assert_status(tp_destroy(pools[i]), TP_OK);
    assert_int_equal(ran, 20 * POOLS);
    assert_soon(threads_now() == 1);
}

struct place {
    tp_pool *pool;
    uint32_t threads;
    struct gate gate;
};

static void knows_its_place(void *arg) {
    struct place *place = (struct place *)arg;
    must(tp_current() == place->pool);
    must(tp_worker_index() >= 0 && (uint32_t)tp_worker_index() < place->threads);
    stand(&place->gate);
}

static void a_task_knows_its_pool_and_its_worker(void **state) {
    (void)state;
    assert_null(tp_current());
    assert_int_equal(tp_worker_index(), -1);
    for (uint32_t threads = 1; threads <= 4; threads++) {
        struct place place = {pool_of(threads), threads, GATE_INIT};
        for (uint32_t i = 0; i < threads; i++) assert_status(tp_submit(place.pool, knows_its_place, &place), TP_OK);
        assert_true(tally_reaches(&place.gate.entered, threads));
        gate_open(&place.gate);
        assert_status(tp_destroy(place.pool), TP_OK);
    }
    assert_null(tp_current());
}

// ---- Shutdown ----------------------------------------------------------------------------------------------

struct ends {
    _Atomic uint64_t ran;
    _Atomic uint64_t dropped;
};

static void ends_by_running(void *ends) { atomic_fetch_add(&((struct ends *)ends)->ran, 1); }

static void ends_by_drop(void *ends, tp_status why) {
    must(why == TP_ESHUTDOWN);
    must(tp_current() != NULL);
    atomic_fetch_add(&((struct ends *)ends)->dropped, 1);
}

static tp_status submit_end(tp_pool *pool, struct ends *ends) {
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = ends_by_drop;
    return tp_submit_with(pool, ends_by_running, ends, &options);
}

static void a_drain_runs_what_is_queued_and_drops_nothing(void **state) {
    (void)state;
    struct ends ends = {0, 0};
    tp_pool *pool = pool_of(2);
    assert_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 500; i++) assert_status(submit_end(pool, &ends), TP_OK);
    assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    assert_int_equal(ends.ran, 500);
    assert_int_equal(ends.dropped, 0);
    assert_int_equal(tp_queued(pool), 0);
    assert_status(tp_destroy(pool), TP_OK);
    assert_int_equal(ends.ran + ends.dropped, 500);
}

static void a_discard_drops_what_is_queued_before_it_returns(void **state) {
    (void)state;
    struct ends ends = {0, 0};
    tp_pool *pool = pool_of(2);
    assert_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 500; i++) assert_status(submit_end(pool, &ends), TP_OK);
    for (int i = 0; i < 5; i++) assert_status(tp_submit(pool, ends_by_running, &ends), TP_OK);
    assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
    assert_int_equal(ends.ran, 0);
    assert_int_equal(ends.dropped, 500);
    assert_int_equal(tp_queued(pool), 0);
    assert_status(tp_destroy(pool), TP_OK);
    assert_int_equal(ends.ran, 0);
    assert_int_equal(ends.dropped, 500);
}

struct floods_and_stands {
    tp_pool *pool;
    struct ends ends;
    struct gate gate;
};

static void submits_and_stands(void *arg) {
    struct floods_and_stands *flood = (struct floods_and_stands *)arg;
    for (int i = 0; i < 300; i++) must_status(submit_end(flood->pool, &flood->ends), TP_OK);
    stand(&flood->gate);
    must_status(submit_end(flood->pool, &flood->ends), TP_ESHUTDOWN);
}

static void a_discard_drops_what_a_task_has_submitted_and_waits_for_the_task(void **state) {
    (void)state;
    struct floods_and_stands flood = {pool_of(1), {0, 0}, GATE_INIT};
    assert_status(tp_submit(flood.pool, submits_and_stands, &flood), TP_OK);
    assert_true(tally_reaches(&flood.gate.entered, 1));
    for (int i = 0; i < 300; i++) assert_status(submit_end(flood.pool, &flood.ends), TP_OK);
    assert_status(tp_shutdown(flood.pool, TP_DISCARD, SHORT_NS), TP_ETIMEDOUT);
    assert_status(submit_end(flood.pool, &flood.ends), TP_ESHUTDOWN);
    gate_open(&flood.gate);
    assert_status(tp_shutdown(flood.pool, TP_DISCARD, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&flood.gate.left), 1);
    assert_int_equal(flood.ends.dropped, 600);
    assert_int_equal(flood.ends.ran, 0);
    assert_status(tp_destroy(flood.pool), TP_OK);
}

static void stands_and_goes_on(void *arg) {
    struct floods_and_stands *flood = (struct floods_and_stands *)arg;
    stand(&flood->gate);
    for (int i = 0; i < 300; i++) must_status(submit_end(flood->pool, &flood->ends), TP_OK);
}

static void a_drain_accepts_what_tasks_submit_and_refuses_the_outside(void **state) {
    (void)state;
    struct floods_and_stands flood = {pool_of(2), {0, 0}, GATE_INIT};
    struct descent descent = {flood.pool, 500, 0};
    struct gate held = GATE_INIT;
    occupy(flood.pool, &held, 1);
    assert_status(tp_submit(flood.pool, stands_and_goes_on, &flood), TP_OK);
    assert_true(tally_reaches(&flood.gate.entered, 1));
    assert_status(tp_submit(flood.pool, goes_on, &descent), TP_OK);
    assert_status(tp_shutdown(flood.pool, TP_DRAIN, 0), TP_ETIMEDOUT);
    assert_status(submit_end(flood.pool, &flood.ends), TP_ESHUTDOWN);
    gate_open(&flood.gate);
    gate_open(&held);
    assert_status(tp_shutdown(flood.pool, TP_DRAIN, LIMIT_NS), TP_OK);
    assert_int_equal(flood.ends.ran, 300);
    assert_int_equal(descent.ran, 501);
    assert_status(submit_end(flood.pool, &flood.ends), TP_ESHUTDOWN);
    assert_status(tp_destroy(flood.pool), TP_OK);
    assert_int_equal(flood.ends.ran, 300);
}

static void a_drain_may_become_a_discard(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct ends ends = {0, 0};
    tp_pool *pool = pool_of(1);
    occupy(pool, &gate, 1);
    for (int i = 0; i < 100; i++) assert_status(submit_end(pool, &ends), TP_OK);
    assert_status(tp_shutdown(pool, TP_DRAIN, 0), TP_ETIMEDOUT);
    assert_int_equal(ends.dropped, 0);
    assert_status(tp_shutdown(pool, TP_DISCARD, SHORT_NS), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
    assert_int_equal(ends.ran, 0);
    assert_int_equal(ends.dropped, 100);
    assert_status(tp_destroy(pool), TP_OK);
}

struct waits_for_shutdown {
    tp_pool *pool;
    tp_status status;
    pid_t tid;
    struct tally calls;
};

static void *drains_for_as_long_as_it_takes(void *arg) {
    struct waits_for_shutdown *waiter = (struct waits_for_shutdown *)arg;
    waiter->tid = gettid();
    tally_add(&waiter->calls);
    waiter->status = tp_shutdown(waiter->pool, TP_DRAIN, TP_FOREVER);
    return NULL;
}

static void a_drain_that_one_thread_waits_for_may_become_the_discard_of_another(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct ends ends = {0, 0};
    struct waits_for_shutdown waiter = {pool_of(1), TP_EINVAL, 0, TALLY_INIT};
    occupy(waiter.pool, &gate, 1);
    for (int i = 0; i < 100; i++) assert_status(submit_end(waiter.pool, &ends), TP_OK);
    pthread_t thread = start_thread(drains_for_as_long_as_it_takes, &waiter);
    assert_true(tally_reaches(&waiter.calls, 1));
    assert_soon(tp_pause(waiter.pool) == TP_ESHUTDOWN);
    assert_status(tp_shutdown(waiter.pool, TP_DISCARD, SHORT_NS), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_shutdown(waiter.pool, TP_DISCARD, LIMIT_NS), TP_OK);
    join_thread(thread);
    assert_int_equal(waiter.status, TP_OK);
    assert_int_equal(ends.ran, 0);
    assert_int_equal(ends.dropped, 100);
    assert_status(tp_destroy(waiter.pool), TP_OK);
}

static void a_shutdown_may_be_called_again(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (int first = 0; first < 2; first++) {
        for (int second = 0; second < 2; second++) {
            tp_pool *pool = pool_of(2);
            run_inside(pool, nothing, NULL);
            assert_status(tp_shutdown(pool, modes[first], LIMIT_NS), TP_OK);
            assert_status(tp_shutdown(pool, modes[second], 0), TP_OK);
            assert_status(tp_shutdown(pool, modes[second], TP_FOREVER), TP_OK);
            assert_status(tp_wait(pool, TP_FOREVER), TP_OK);
            assert_status(tp_destroy(pool), TP_OK);
        }
    }
}

static void several_threads_may_shut_down_at_once(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 100, 1000); round++) {
        _Atomic uint64_t ran = 0;
        pthread_t threads[4];
        struct waits_for_shutdown waiters[4];
        tp_pool *pool = pool_of(2);
        for (int i = 0; i < 100; i++) assert_status(tp_submit(pool, add, (void *)&ran), TP_OK);
        for (int i = 0; i < 4; i++) {
            waiters[i] = (struct waits_for_shutdown){pool, TP_EINVAL, 0, TALLY_INIT};
            threads[i] = start_thread(drains_for_as_long_as_it_takes, &waiters[i]);
        }
        for (int i = 0; i < 4; i++) {
            join_thread(threads[i]);
            assert_int_equal(waiters[i].status, TP_OK);
        }
        assert_int_equal(ran, 100);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void the_workers_have_ended_when_a_shutdown_returns(void **state) {
    (void)state;
    tp_pool *pool = pool_of(4);
    run_inside(pool, nothing, NULL);
    assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    assert_soon(threads_now() == 1);
    assert_status(tp_destroy(pool), TP_OK);
}

struct contest {
    tp_pool *pool;
    struct ends ends;
    _Atomic uint64_t accepted;
    _Atomic uint64_t refused;
};

static void *submits_until_it_is_refused(void *arg) {
    struct contest *contest = (struct contest *)arg;
    tp_status status = TP_OK;
    while (status == TP_OK) {
        status = submit_end(contest->pool, &contest->ends);
        must(status == TP_OK || status == TP_ESHUTDOWN);
        atomic_fetch_add(status == TP_OK ? &contest->accepted : &contest->refused, 1);
    }
    return NULL;
}

static void each_task_of_a_race_with_a_shutdown_ends_in_exactly_one_way(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (size_t round = 0; round < rounds(4, 200, 2000); round++) {
        pthread_t threads[2];
        struct contest contest = {.pool = pool_of(1 + round % 3)};
        for (int i = 0; i < 2; i++) threads[i] = start_thread(submits_until_it_is_refused, &contest);
        assert_soon(contest.accepted > 50 * (round % 5));
        assert_status(tp_shutdown(contest.pool, modes[round % 2], LIMIT_NS), TP_OK);
        for (int i = 0; i < 2; i++) join_thread(threads[i]);
        assert_int_equal(contest.refused, 2);
        assert_int_equal(contest.ends.ran + contest.ends.dropped, contest.accepted);
        if (modes[round % 2] == TP_DRAIN) assert_int_equal(contest.ends.dropped, 0);
        assert_status(tp_destroy(contest.pool), TP_OK);
        assert_int_equal(contest.ends.ran + contest.ends.dropped, contest.accepted);
    }
}

static void destroy_after_a_shutdown_that_timed_out_finishes_it(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (int i = 0; i < 2; i++) {
        struct gate gate = GATE_INIT;
        struct ends ends = {0, 0};
        tp_pool *pool = pool_of(1);
        occupy(pool, &gate, 1);
        for (int n = 0; n < 50; n++) assert_status(submit_end(pool, &ends), TP_OK);
        assert_status(tp_shutdown(pool, modes[i], 0), TP_ETIMEDOUT);
        gate_open(&gate);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(ends.ran, modes[i] == TP_DRAIN ? 50 : 0);
        assert_int_equal(ends.dropped, modes[i] == TP_DRAIN ? 0 : 50);
        assert_int_equal(tally_now(&gate.left), 1);
    }
}

static void submits_in_a_drop(void *arg, tp_status why) {
    must(why == TP_ESHUTDOWN);
    struct ends *ends = (struct ends *)arg;
    must_status(tp_submit(tp_current(), ends_by_running, ends), TP_ESHUTDOWN);
    atomic_fetch_add(&ends->dropped, 1);
}

static void a_drop_function_of_a_discard_may_not_submit(void **state) {
    (void)state;
    struct ends ends = {0, 0};
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = submits_in_a_drop;
    tp_pool *pool = pool_of(1);
    assert_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 10; i++) assert_status(tp_submit_with(pool, ends_by_running, &ends, &options), TP_OK);
    assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
    assert_int_equal(ends.dropped, 10);
    assert_int_equal(ends.ran, 0);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- The default pool --------------------------------------------------------------------------------------

static void *asks_for_the_default_pool(void *unused) {
    (void)unused;
    return tp_default();
}

static void uses_the_default_pool(void *unused) {
    (void)unused;
    pthread_t threads[8];
    struct tally ran = TALLY_INIT;
    for (int i = 0; i < 8; i++) threads[i] = start_thread(asks_for_the_default_pool, NULL);
    for (int i = 0; i < 8; i++) {
        void *pool = NULL;
        must(pthread_join(threads[i], &pool) == 0);
        must(pool == tp_default());
    }
    must_soon(threads_now() == 1);
    must(tp_thread_count(tp_default()) >= 1);
    must(tp_queued(tp_default()) == 0);
    must_status(tp_wait(tp_default(), TP_FOREVER), TP_OK);
    must(threads_now() == 1);
    run_inside(tp_default(), count, &ran);
    must(tally_now(&ran) == 1);
    must_soon(threads_now() == 1 + tp_thread_count(tp_default()));
}

static void the_default_pool_is_one_for_all_and_starts_at_the_first_submit(void **state) {
    (void)state;
    assert_child(uses_the_default_pool, NULL);
}

// The first work that a default pool is given, each time in a process of its own.

static void submits_first(tp_pool *pool, struct tally *ran) { must_status(tp_submit(pool, count, ran), TP_OK); }

static void submits_a_batch_first(tp_pool *pool, struct tally *ran) {
    void *args[3] = {ran, ran, ran};
    size_t taken = 7;
    must_status(tp_submit_batch(pool, count, args, 0, &taken), TP_OK);
    must(taken == 0);
    must_status(tp_submit_batch(pool, count, args, 3, &taken), TP_OK);
    must(taken == 3);
}

static void submits_at_each_priority_first(tp_pool *pool, struct tally *ran) {
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    for (options.priority = TP_PRIORITY_HIGH; options.priority >= TP_PRIORITY_LOW; options.priority--) {
        must_status(tp_submit_with(pool, count, ran, &options), TP_OK);
    }
}

static void submits_to_a_group_first(tp_pool *pool, struct tally *ran) {
    tp_group *group = group_of(pool, NULL);
    must_status(tp_group_submit(group, count, ran), TP_OK);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    must_status(tp_group_destroy(group), TP_OK);
}

static void asks_a_group_for_notice_first(tp_pool *pool, struct tally *ran) {
    tp_group *group = group_of(pool, NULL);
    must_status(tp_group_notify(group, count, ran), TP_OK);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must_status(tp_group_destroy(group), TP_OK);
}

static void *counts_what_follows(void *value, void *ran) {
    count(ran);
    return value;
}

static void goes_on_with_a_future_first(tp_pool *pool, struct tally *ran) {
    tp_future *input = future_by_hand();
    tp_future *next = future_then(pool, input, counts_what_follows, ran);
    must_status(tp_future_complete(input, ran), TP_OK);
    must(value_of(next) == ran);
    tp_future_release(next);
    tp_future_release(input);
}

static void counts_a_range(uint64_t lo, uint64_t hi, void *ran) {
    for (; lo < hi; lo++) count(ran);
}

static void loops_first(tp_pool *pool, struct tally *ran) {
    must_status(tp_parallel_for(pool, 0, 100, 1, counts_a_range, ran), TP_OK);
}

static void forks_first(tp_pool *pool, struct tally *ran) {
    must_status(tp_parallel_invoke(pool, count, ran, count, ran), TP_OK);
}

static void counts_a_rank(uint32_t rank, uint32_t n, void *ran) {
    must(rank < n);
    count(ran);
}

static void has_a_gang_first(tp_pool *pool, struct tally *ran) {
    must_status(tp_gang(pool, 3, counts_a_rank, ran), TP_OK);
}

struct first {
    void (*work)(tp_pool *pool, struct tally *ran);
    uint64_t tasks;
};

static void works_first(void *arg) {
    const struct first *first = (const struct first *)arg;
    struct tally ran = TALLY_INIT;
    first->work(tp_default(), &ran);
    must_status(tp_wait(tp_default(), LIMIT_NS), TP_OK);
    must(tally_now(&ran) == first->tasks);
    run_inside(tp_default(), count, &ran);
    must(tally_now(&ran) == first->tasks + 1);
}

static void the_default_pool_starts_with_whatever_work_comes_first(void **state) {
    static struct first each[] = {
        {submits_first, 1},
        {submits_a_batch_first, 3},
        {submits_at_each_priority_first, 3},
        {submits_to_a_group_first, 1},
        {asks_a_group_for_notice_first, 1},
        {goes_on_with_a_future_first, 1},
        {loops_first, 100},
        {forks_first, 2},
        {has_a_gang_first, 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) assert_child(works_first, &each[i]);
}

static void *submits_to_the_default_pool(void *ran) {
    for (int i = 0; i < 100; i++) must_status(tp_submit(tp_default(), add, ran), TP_OK);
    return NULL;
}

static void starts_the_default_pool_from_everywhere(void *unused) {
    (void)unused;
    pthread_t threads[8];
    _Atomic uint64_t ran = 0;
    for (int i = 0; i < 8; i++) threads[i] = start_thread(submits_to_the_default_pool, (void *)&ran);
    for (int i = 0; i < 8; i++) join_thread(threads[i]);
    must_status(tp_wait(tp_default(), LIMIT_NS), TP_OK);
    must(ran == 800);
    must_soon(threads_now() == 1 + tp_thread_count(tp_default()));
}

static void the_default_pool_may_be_started_by_several_threads_at_once(void **state) {
    (void)state;
    for (size_t i = 0; i < rounds(2, 50, 500); i++) assert_child(starts_the_default_pool_from_everywhere, NULL);
}

static void changes_the_default_pool(void *unused) {
    (void)unused;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = tp_default();
    must_status(tp_resize(pool, 3), TP_OK);
    must(tp_thread_count(pool) == 3);
    must(threads_now() == 1);
    must_status(tp_pause(pool), TP_OK);
    must_status(tp_submit(pool, count, &ran), TP_OK);
    must_status(tp_wait(pool, SHORT_NS), TP_ETIMEDOUT);
    must(tp_queued(pool) == 1);
    must(tally_now(&ran) == 0);
    must_status(tp_resume(pool), TP_OK);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must(tally_now(&ran) == 1);
    must_soon(threads_now() == 4);
    must_status(tp_resize(pool, 1), TP_OK);
    must_soon(threads_now() == 2);
    run_inside(pool, count, &ran);
    must_status(tp_resize(pool, 3), TP_OK);
    struct gate gate = GATE_INIT;
    occupy(pool, &gate, 3);
    gate_open(&gate);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
}

static void the_default_pool_may_be_resized_and_paused(void **state) {
    (void)state;
    assert_child(changes_the_default_pool, NULL);
}

static void sleeps_for_ever(void *unused) {
    (void)unused;
    for (;;) pause();
}

static void exits_with_tasks_in_the_default_pool(void *unused) {
    (void)unused;
    for (int i = 0; i < 100; i++) must_status(tp_submit(tp_default(), sleeps_for_ever, NULL), TP_OK);
    exit(7);
}

static void nothing_waits_for_the_default_pool_at_exit(void **state) {
    (void)state;
    for (size_t i = 0; i < rounds(2, 20, 200); i++) {
        struct child child = child_run(exits_with_tasks_in_the_default_pool, NULL);
        if (child.code != 7) fail_msg("code %d, signal %d: %s", child.code, child.signal, child.text);
    }
}

static void submits_itself_again(void *unused) {
    (void)unused;
    must_status(tp_submit(tp_current(), submits_itself_again, NULL), TP_OK);
}

static void exits_with_a_busy_pool(void *unused) {
    (void)unused;
    tp_pool *pool = pool_of(3);
    for (int i = 0; i < 10; i++) must_status(tp_submit(pool, submits_itself_again, NULL), TP_OK);
    for (int i = 0; i < 10; i++) must_status(tp_submit(tp_default(), submits_itself_again, NULL), TP_OK);
    exit(7);
}

static void a_process_may_exit_while_its_workers_work(void **state) {
    (void)state;
    for (size_t i = 0; i < rounds(2, 20, 200); i++) {
        struct child child = child_run(exits_with_a_busy_pool, NULL);
        if (child.code != 7) fail_msg("code %d, signal %d: %s", child.code, child.signal, child.text);
    }
}

// ---- Resize ------------------------------------------------------------------------------------------------

static void a_resize_changes_the_number_of_threads_that_there_are(void **state) {
    (void)state;
    const uint32_t counts[] = {1, 5, 2, 8, 8, 1, 3};
    tp_pool *pool = pool_of(2);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        assert_status(tp_resize(pool, counts[i]), TP_OK);
        assert_int_equal(tp_thread_count(pool), counts[i]);
        assert_soon(threads_now() == 1 + counts[i]);
        run_inside(pool, nothing, NULL);
    }
    assert_status(tp_destroy(pool), TP_OK);
    assert_soon(threads_now() == 1);
}

static void a_resize_of_a_large_idle_pool_returns(void **state) {
    (void)state;
    const uint32_t most = is_small() ? 8 : 64;
    tp_pool *pool = pool_of(most);
    for (size_t i = 0; i < rounds(10, 300, 3000); i++) {
        assert_status(tp_resize(pool, most - (uint32_t)(i % 3)), TP_OK);
        if (i % 10 == 0) run_inside(pool, nothing, NULL);
    }
    assert_soon(threads_now() == 1 + tp_thread_count(pool));
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_larger_pool_runs_more_tasks_at_once(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    for (int i = 0; i < 6; i++) assert_status(tp_submit(pool, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_int_equal(tp_queued(pool), 5);
    assert_status(tp_resize(pool, 4), TP_OK);
    assert_true(tally_reaches(&gate.entered, 4));
    assert_int_equal(tp_queued(pool), 2);
    assert_int_equal(tally_now(&gate.entered), 4);
    gate_open(&gate);
    assert_status(tp_destroy(pool), TP_OK);
    assert_int_equal(tally_now(&gate.left), 6);
}

static void a_resize_waits_for_no_task_and_a_worker_too_many_ends_after_its_own(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(4);
    occupy(pool, &gate, 4);
    for (int i = 0; i < 4; i++) assert_status(tp_submit(pool, stand, &gate), TP_OK);
    assert_status(tp_resize(pool, 1), TP_OK);
    assert_int_equal(tp_thread_count(pool), 1);
    assert_int_equal(tp_queued(pool), 4);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&gate.left), 8);
    assert_soon(threads_now() == 2);
    struct gate again = GATE_INIT;
    occupy(pool, &again, 1);
    assert_status(tp_submit(pool, stand, &again), TP_OK);
    assert_status(tp_wait(pool, SHORT_NS), TP_ETIMEDOUT);
    assert_int_equal(tally_now(&again.entered), 1);
    gate_open(&again);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_pool_may_shrink_and_grow_again_while_its_workers_are_busy(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(4);
    occupy(pool, &gate, 4);
    assert_status(tp_resize(pool, 1), TP_OK);
    assert_status(tp_resize(pool, 6), TP_OK);
    assert_int_equal(tp_thread_count(pool), 6);
    occupy(pool, &gate, 2);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_soon(threads_now() == 7);
    struct gate again = GATE_INIT;
    occupy(pool, &again, 6);
    gate_open(&again);
    assert_status(tp_destroy(pool), TP_OK);
}

struct resizer {
    tp_pool *pool;
    _Atomic uint64_t ran;
    _Atomic uint32_t turns;
};

static void resizes_inside(void *arg) {
    struct resizer *resizer = (struct resizer *)arg;
    uint32_t turn = atomic_fetch_add(&resizer->turns, 1);
    must_status(tp_resize(resizer->pool, 1 + turn % 5), TP_OK);
    must_status(tp_submit(resizer->pool, add, (void *)&resizer->ran), TP_OK);
}

static void a_task_may_resize_its_pool(void **state) {
    (void)state;
    struct resizer resizer = {.pool = pool_of(1)};
    size_t n = rounds(20, 2000, 20000);
    for (size_t i = 0; i < n; i++) {
        assert_status(tp_submit(resizer.pool, resizes_inside, &resizer), TP_OK);
        if (i % 10 == 0) assert_status(tp_wait(resizer.pool, LIMIT_NS), TP_OK);
    }
    assert_status(tp_wait(resizer.pool, LIMIT_NS), TP_OK);
    assert_int_equal(resizer.ran, n);
    assert_soon(threads_now() == 1 + tp_thread_count(resizer.pool));
    assert_status(tp_destroy(resizer.pool), TP_OK);
    assert_soon(threads_now() == 1);
}

enum { INDEXES = 64 };

struct indexes {
    tp_pool *pool;
    _Atomic uint32_t taken[INDEXES];
    _Atomic uint64_t ran;
    struct tally stop;
};

static void has_its_index_alone(void *arg) {
    struct indexes *indexes = (struct indexes *)arg;
    int32_t index = tp_worker_index();
    must(index >= 0 && index < INDEXES);
    must(atomic_exchange(&indexes->taken[index], 1) == 0);
    sched_yield();
    must(tp_worker_index() == index);
    must(atomic_exchange(&indexes->taken[index], 0) == 1);
    atomic_fetch_add(&indexes->ran, 1);
}

static void *resizes_until_it_is_stopped(void *arg) {
    struct indexes *indexes = (struct indexes *)arg;
    for (uint32_t i = 0; tally_now(&indexes->stop) == 0; i++) {
        must_status(tp_resize(indexes->pool, 1 + i * 7 % 10), TP_OK);
    }
    return NULL;
}

static void no_two_workers_have_one_index_and_no_task_is_lost_in_a_storm_of_resizes(void **state) {
    (void)state;
    struct indexes indexes = {.pool = pool_of(2), .stop = TALLY_INIT};
    pthread_t resizers[2];
    size_t n = rounds(300, 50000, 500000);
    for (int i = 0; i < 2; i++) resizers[i] = start_thread(resizes_until_it_is_stopped, &indexes);
    for (size_t i = 0; i < n; i++) {
        assert_status(tp_submit(indexes.pool, has_its_index_alone, &indexes), TP_OK);
        if (i % 100 == 0) assert_status(tp_wait(indexes.pool, LIMIT_NS), TP_OK);
    }
    tally_add(&indexes.stop);
    for (int i = 0; i < 2; i++) join_thread(resizers[i]);
    assert_status(tp_wait(indexes.pool, LIMIT_NS), TP_OK);
    assert_int_equal(indexes.ran, n);
    assert_soon(threads_now() == 1 + tp_thread_count(indexes.pool));
    assert_status(tp_destroy(indexes.pool), TP_OK);
    assert_soon(threads_now() == 1);
}

static void a_paused_pool_may_be_resized_and_stays_paused(void **state) {
    (void)state;
    _Atomic uint64_t ran = 0;
    tp_pool *pool = pool_of(2);
    assert_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 100; i++) assert_status(tp_submit(pool, add, (void *)&ran), TP_OK);
    assert_status(tp_resize(pool, 6), TP_OK);
    assert_soon(threads_now() == 7);
    assert_status(tp_resize(pool, 1), TP_OK);
    assert_soon(threads_now() == 2);
    assert_status(tp_wait(pool, SHORT_NS), TP_ETIMEDOUT);
    assert_int_equal(ran, 0);
    assert_int_equal(tp_queued(pool), 100);
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(ran, 100);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Pause and resume --------------------------------------------------------------------------------------

static void nothing_starts_while_a_pool_is_paused(void **state) {
    (void)state;
    _Atomic uint64_t ran = 0;
    tp_pool *pool = pool_of(2);
    run_inside(pool, nothing, NULL);
    assert_status(tp_pause(pool), TP_OK);
    for (uint64_t i = 0; i < 100; i++) {
        assert_status(tp_submit(pool, add, (void *)&ran), TP_OK);
        assert_int_equal(tp_queued(pool), i + 1);
    }
    assert_status(tp_wait(pool, 0), TP_ETIMEDOUT);
    assert_status(tp_wait(pool, 5 * SHORT_NS), TP_ETIMEDOUT);
    assert_int_equal(ran, 0);
    assert_int_equal(tp_queued(pool), 100);
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(ran, 100);
    assert_int_equal(tp_queued(pool), 0);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_paused_pool_with_nothing_queued_is_quiet(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_wait(pool, 0), TP_OK);
    assert_status(tp_wait(pool, TP_FOREVER), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void what_runs_goes_on_while_a_pool_is_paused(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    _Atomic uint64_t ran = 0;
    tp_pool *pool = pool_of(2);
    occupy(pool, &gate, 2);
    assert_status(tp_submit(pool, add, (void *)&ran), TP_OK);
    assert_status(tp_pause(pool), TP_OK);
    gate_open(&gate);
    assert_true(tally_reaches(&gate.left, 2));
    assert_status(tp_wait(pool, 2 * SHORT_NS), TP_ETIMEDOUT);
    assert_int_equal(ran, 0);
    assert_int_equal(tp_queued(pool), 1);
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(ran, 1);
    assert_status(tp_destroy(pool), TP_OK);
}

static void pauses_do_not_add_up(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    assert_status(tp_resume(pool), TP_OK);
    for (int i = 0; i < 3; i++) assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

struct pauser {
    tp_pool *pool;
    _Atomic uint64_t ran;
};

static void pauses_inside_and_submits(void *arg) {
    struct pauser *pauser = (struct pauser *)arg;
    must_status(tp_pause(pauser->pool), TP_OK);
    for (int i = 0; i < 50; i++) must_status(tp_submit(pauser->pool, add, (void *)&pauser->ran), TP_OK);
}

static void resumes_inside(void *arg) {
    struct pauser *pauser = (struct pauser *)arg;
    pauses_inside_and_submits(pauser);
    must_status(tp_resume(pauser->pool), TP_OK);
}

static void a_task_may_pause_and_resume_its_pool(void **state) {
    (void)state;
    for (uint32_t threads = 1; threads <= 3; threads++) {
        struct pauser pauser = {pool_of(threads), 0};
        assert_status(tp_submit(pauser.pool, pauses_inside_and_submits, &pauser), TP_OK);
        assert_soon(tp_queued(pauser.pool) == 50);
        assert_status(tp_wait(pauser.pool, SHORT_NS), TP_ETIMEDOUT);
        assert_int_equal(pauser.ran, 0);
        assert_status(tp_resume(pauser.pool), TP_OK);
        assert_status(tp_wait(pauser.pool, LIMIT_NS), TP_OK);
        assert_int_equal(pauser.ran, 50);
        run_inside(pauser.pool, resumes_inside, &pauser);
        assert_int_equal(pauser.ran, 100);
        assert_status(tp_destroy(pauser.pool), TP_OK);
    }
}

static void a_pause_in_full_flight_stops_all_but_what_had_started(void **state) {
    (void)state;
    enum { THREADS = 3 };
    _Atomic uint64_t ran = 0;
    tp_pool *pool = pool_of(THREADS);
    for (size_t round = 0; round < rounds(3, 200, 2000); round++) {
        uint64_t before = ran;
        uint64_t n = 2000;
        for (uint64_t i = 0; i < n; i++) assert_status(tp_submit(pool, add, (void *)&ran), TP_OK);
        assert_status(tp_pause(pool), TP_OK);
        uint64_t seen = ran;
        assert_soon(ran + tp_queued(pool) == before + n);
        assert_in_range(ran, seen, seen + THREADS);
        assert_status(tp_resume(pool), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(ran, before + n);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void nothing_is_lost_by_pausing_again_and_again(void **state) {
    (void)state;
    _Atomic uint64_t ran = 0;
    size_t n = rounds(100, 20000, 200000);
    tp_pool *pool = pool_of(2);
    for (size_t i = 0; i < n; i++) {
        if (i % 3 == 0) assert_status(tp_pause(pool), TP_OK);
        assert_status(tp_submit(pool, add, (void *)&ran), TP_OK);
        assert_status(tp_resume(pool), TP_OK);
        if (i % 16 == 0) assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    }
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(ran, n);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Wait --------------------------------------------------------------------------------------------------

static void a_wait_for_a_pool_that_never_had_a_task_returns_at_once(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    assert_status(tp_wait(pool, 0), TP_OK);
    assert_status(tp_wait(pool, TP_FOREVER), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

struct waiter {
    tp_pool *pool;
    tp_status status;
    bool all_had_left;
    pid_t tid;
    struct gate *gate;
    struct tally calls;
};

static void *waits(void *arg) {
    struct waiter *waiter = (struct waiter *)arg;
    waiter->tid = gettid();
    tally_add(&waiter->calls);
    waiter->status = tp_wait(waiter->pool, LIMIT_NS);
    waiter->all_had_left = tally_now(&waiter->gate->left) == 2;
    return NULL;
}

static void eight_threads_may_wait_at_once(void **state) {
    (void)state;
    enum { WAITERS = 8 };
    for (size_t round = 0; round < rounds(3, 100, 1000); round++) {
        struct gate gate = GATE_INIT;
        struct waiter waiters[WAITERS];
        pthread_t threads[WAITERS];
        tp_pool *pool = pool_of(2);
        occupy(pool, &gate, 2);
        for (int i = 0; i < WAITERS; i++) {
            waiters[i] = (struct waiter){pool, TP_EINVAL, false, 0, &gate, TALLY_INIT};
            threads[i] = start_thread(waits, &waiters[i]);
        }
        for (int i = 0; i < WAITERS; i++) {
            assert_true(tally_reaches(&waiters[i].calls, 1));
            if (round % 2 == 0) assert_soon(thread_state(waiters[i].tid) == 'S');
        }
        gate_open(&gate);
        for (int i = 0; i < WAITERS; i++) {
            join_thread(threads[i]);
            assert_int_equal(waiters[i].status, TP_OK);
            assert_true(waiters[i].all_had_left);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_wait_returns_only_after_the_last_child(void **state) {
    (void)state;
    for (uint32_t threads = 1; threads <= 3; threads++) {
        tp_pool *pool = pool_of(threads);
        for (size_t round = 0; round < rounds(30, 10000, 100000); round++) {
            struct descent descent = {pool, 8, 0};
            assert_status(tp_submit(pool, goes_on, &descent), TP_OK);
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
            assert_int_equal(descent.ran, 9);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void doubles_plain_memory(void *arg) {
    uint64_t *numbers = (uint64_t *)arg;
    for (int i = 0; i < 100; i++) numbers[i] *= 2;
}

static void what_was_done_before_a_submit_is_seen_and_what_the_task_did_is_seen_after_the_wait(void **state) {
    (void)state;
    static uint64_t numbers[50][100];
    tp_pool *pool = pool_of(3);
    for (size_t round = 1; round < rounds(5, 500, 5000); round++) {
        for (int i = 0; i < 50; i++) {
            for (int at = 0; at < 100; at++) numbers[i][at] = round;
            assert_status(tp_submit(pool, doubles_plain_memory, numbers[i]), TP_OK);
        }
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        for (int i = 0; i < 50; i++) {
            for (int at = 0; at < 100; at++) assert_int_equal(numbers[i][at], 2 * round);
        }
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void *submits_and_waits_until_it_is_stopped(void *arg) {
    struct indexes *indexes = (struct indexes *)arg;
    while (tally_now(&indexes->stop) == 0) {
        must_status(tp_submit(indexes->pool, add, (void *)&indexes->ran), TP_OK);
        must_status(tp_wait(indexes->pool, LIMIT_NS), TP_OK);
    }
    return NULL;
}

static void one_quiet_moment_is_enough_while_another_thread_goes_on_submitting(void **state) {
    (void)state;
    struct indexes indexes = {.pool = pool_of(1), .stop = TALLY_INIT};
    pthread_t thread = start_thread(submits_and_waits_until_it_is_stopped, &indexes);
    for (size_t i = 0; i < rounds(20, 2000, 20000); i++) assert_status(tp_wait(indexes.pool, LIMIT_NS), TP_OK);
    tally_add(&indexes.stop);
    join_thread(thread);
    assert_status(tp_destroy(indexes.pool), TP_OK);
}

// ---- Idle --------------------------------------------------------------------------------------------------

// CPU time that the whole process uses within some wall time, in which this thread sleeps.
static uint64_t cpu_within(uint64_t wall_ns) {
    struct timespec before;
    struct timespec after;
    struct timespec wall = {(time_t)(wall_ns / SECOND), (long)(wall_ns % SECOND)};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    nanosleep(&wall, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    int64_t seconds = after.tv_sec - before.tv_sec;
    return (uint64_t)(seconds * (int64_t)SECOND + after.tv_nsec - before.tv_nsec);
}

static void assert_idle(void) {
    if (is_small()) return;
    nap();
    nap();
    assert_in_range(cpu_within(2 * SECOND), 0, 3 * MILLISECOND);
}

static void an_idle_pool_uses_no_cpu(void **state) {
    (void)state;
    tp_pool *pool = pool_of(4);
    assert_idle();
    for (int i = 0; i < 1000; i++) assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_idle();
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_paused_pool_uses_no_cpu_whatever_is_queued(void **state) {
    (void)state;
    tp_pool *pool = pool_of(4);
    assert_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 1000; i++) assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_idle();
    assert_status(tp_destroy(pool), TP_OK);
}

static void threads_that_wait_use_no_cpu(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct waiter waiter = {NULL, TP_EINVAL, false, 0, &gate, TALLY_INIT};
    struct submitter submitter;
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 3;
    options.capacity = 1;
    waiter.pool = pool_with(options);
    occupy(waiter.pool, &gate, 2);
    assert_status(tp_pause(waiter.pool), TP_OK);
    assert_status(tp_submit(waiter.pool, nothing, NULL), TP_OK);
    submitter_start(&submitter, waiter.pool, nothing, NULL);
    pthread_t thread = start_thread(waits, &waiter);
    assert_true(tally_reaches(&waiter.calls, 1));
    assert_soon(submitter_sleeps(&submitter));
    assert_soon(thread_state(waiter.tid) == 'S');
    assert_idle();
    assert_status(tp_resume(waiter.pool), TP_OK);
    gate_open(&gate);
    assert_int_equal(submitter_end(&submitter), TP_OK);
    join_thread(thread);
    assert_int_equal(waiter.status, TP_OK);
    assert_status(tp_destroy(waiter.pool), TP_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_come_and_go_and_leave_no_thread_no_file_and_no_byte),
        cmocka_unit_test(outside_threads_come_and_go_and_leave_no_byte),
        cmocka_unit_test(destroy_runs_everything_that_was_accepted),
        cmocka_unit_test(destroy_of_a_paused_pool_runs_everything_too),
        cmocka_unit_test(destroy_runs_what_tasks_submit_meanwhile),
        cmocka_unit_test(destroy_returns_after_the_last_destructor_of_a_thread),
        cmocka_unit_test(many_pools_may_live_at_once),
        cmocka_unit_test(a_task_knows_its_pool_and_its_worker),
        cmocka_unit_test(a_drain_runs_what_is_queued_and_drops_nothing),
        cmocka_unit_test(a_discard_drops_what_is_queued_before_it_returns),
        cmocka_unit_test(a_discard_drops_what_a_task_has_submitted_and_waits_for_the_task),
        cmocka_unit_test(a_drain_accepts_what_tasks_submit_and_refuses_the_outside),
        cmocka_unit_test(a_drain_may_become_a_discard),
        cmocka_unit_test(a_drain_that_one_thread_waits_for_may_become_the_discard_of_another),
        cmocka_unit_test(a_shutdown_may_be_called_again),
        cmocka_unit_test(several_threads_may_shut_down_at_once),
        cmocka_unit_test(the_workers_have_ended_when_a_shutdown_returns),
        cmocka_unit_test(each_task_of_a_race_with_a_shutdown_ends_in_exactly_one_way),
        cmocka_unit_test(destroy_after_a_shutdown_that_timed_out_finishes_it),
        cmocka_unit_test(a_drop_function_of_a_discard_may_not_submit),
        cmocka_unit_test(the_default_pool_is_one_for_all_and_starts_at_the_first_submit),
        cmocka_unit_test(the_default_pool_starts_with_whatever_work_comes_first),
        cmocka_unit_test(the_default_pool_may_be_started_by_several_threads_at_once),
        cmocka_unit_test(the_default_pool_may_be_resized_and_paused),
        cmocka_unit_test(nothing_waits_for_the_default_pool_at_exit),
        cmocka_unit_test(a_process_may_exit_while_its_workers_work),
        cmocka_unit_test(a_resize_changes_the_number_of_threads_that_there_are),
        cmocka_unit_test(a_resize_of_a_large_idle_pool_returns),
        cmocka_unit_test(a_larger_pool_runs_more_tasks_at_once),
        cmocka_unit_test(a_resize_waits_for_no_task_and_a_worker_too_many_ends_after_its_own),
        cmocka_unit_test(a_pool_may_shrink_and_grow_again_while_its_workers_are_busy),
        cmocka_unit_test(a_task_may_resize_its_pool),
        cmocka_unit_test(no_two_workers_have_one_index_and_no_task_is_lost_in_a_storm_of_resizes),
        cmocka_unit_test(a_paused_pool_may_be_resized_and_stays_paused),
        cmocka_unit_test(nothing_starts_while_a_pool_is_paused),
        cmocka_unit_test(a_paused_pool_with_nothing_queued_is_quiet),
        cmocka_unit_test(what_runs_goes_on_while_a_pool_is_paused),
        cmocka_unit_test(pauses_do_not_add_up),
        cmocka_unit_test(a_task_may_pause_and_resume_its_pool),
        cmocka_unit_test(a_pause_in_full_flight_stops_all_but_what_had_started),
        cmocka_unit_test(nothing_is_lost_by_pausing_again_and_again),
        cmocka_unit_test(a_wait_for_a_pool_that_never_had_a_task_returns_at_once),
        cmocka_unit_test(eight_threads_may_wait_at_once),
        cmocka_unit_test(a_wait_returns_only_after_the_last_child),
        cmocka_unit_test(what_was_done_before_a_submit_is_seen_and_what_the_task_did_is_seen_after_the_wait),
        cmocka_unit_test(one_quiet_moment_is_enough_while_another_thread_goes_on_submitting),
        cmocka_unit_test(an_idle_pool_uses_no_cpu),
        cmocka_unit_test(a_paused_pool_uses_no_cpu_whatever_is_queued),
        cmocka_unit_test(threads_that_wait_use_no_cpu),
    };
    return run_file(tests);
}
