// load: very many tasks, from outside and inside, each of which runs exactly once; and very many short waits, none of
// which misses its wake-up.

#include "support.h"

#include <stdatomic.h>

// ---- Exactly once ------------------------------------------------------------------------------------------

enum { SUBMITTERS = 4 };

struct cells {
    tp_pool *pool;
    size_t n;
    _Atomic uint8_t *bytes;
    size_t first;
    bool by_batch;
};

static void adds_to_its_cell(void *cell) {
    atomic_fetch_add_explicit((_Atomic uint8_t *)cell, 1, memory_order_relaxed);
}

static void submit_singly(struct cells *cells) {
    for (size_t i = 0; i < cells->n; i++) {
        must_status(tp_submit(cells->pool, adds_to_its_cell, (void *)&cells->bytes[cells->first + i]), TP_OK);
    }
}

static void submit_by_batch(struct cells *cells) {
    void *args[1000];
    for (size_t done = 0; done < cells->n;) {
        size_t taken = 0;
        size_t length = cells->n - done < 1000 ? cells->n - done : 1000;
        for (size_t i = 0; i < length; i++) args[i] = (void *)&cells->bytes[cells->first + done + i];
        must_status(tp_submit_batch(cells->pool, adds_to_its_cell, args, length, &taken), TP_OK);
        must(taken == length);
        done += length;
    }
}

static void *submits_its_cells(void *arg) {
    struct cells *cells = (struct cells *)arg;
    if (cells->by_batch) submit_by_batch(cells);
    if (!cells->by_batch) submit_singly(cells);
    return NULL;
}

static void submits_its_cells_inside(void *arg) { submits_its_cells(arg); }

static void assert_each_once(const _Atomic uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != 1) fail_msg("task %zu of %zu ran %d times", i, n, bytes[i]);
    }
}

// Each of four threads or tasks submits its quarter of `n` tasks.
static void assert_exactly_once(uint32_t threads, size_t n, bool by_batch, bool inside) {
    pthread_t outside[SUBMITTERS];
    struct cells cells[SUBMITTERS];
    _Atomic uint8_t *bytes = (_Atomic uint8_t *)calloc(n, 1);
    assert_non_null(bytes);
    tp_pool *pool = pool_of(threads);
    for (size_t i = 0; i < SUBMITTERS; i++) {
        cells[i] = (struct cells){pool, n / SUBMITTERS, bytes, i * (n / SUBMITTERS), by_batch};
        if (inside) assert_status(tp_submit(pool, submits_its_cells_inside, &cells[i]), TP_OK);
        if (!inside) outside[i] = start_thread(submits_its_cells, &cells[i]);
    }
    for (size_t i = 0; i < SUBMITTERS && !inside; i++) join_thread(outside[i]);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_each_once(bytes, n);
    assert_status(tp_destroy(pool), TP_OK);
    assert_each_once(bytes, n);
    free((void *)bytes);
}

static void ten_million_tasks_of_four_threads_run_exactly_once_each(void **state) {
    (void)state;
    assert_exactly_once(2, rounds(4000, 10000000, 40000000), false, false);
}

static void so_do_batches(void **state) {
    (void)state;
    assert_exactly_once(2, rounds(4000, 4000000, 40000000), true, false);
    assert_exactly_once(4, rounds(4000, 1000000, 10000000), true, false);
}

static void so_do_tasks_of_tasks(void **state) {
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        assert_exactly_once(threads, rounds(2000, 1000000, 10000000), false, true);
        assert_exactly_once(threads, rounds(2000, 1000000, 10000000), true, true);
    }
}

// ---- A tree of tasks ---------------------------------------------------------------------------------------

enum { FAN_OUT = 10 };

static tp_pool *tree_pool;
static _Atomic uint64_t tree_ran;

static void grows(void *level) {
    size_t left = (size_t)(uintptr_t)level;
    atomic_fetch_add_explicit(&tree_ran, 1, memory_order_relaxed);
    for (int i = 0; i < FAN_OUT && left > 0; i++) {
        must_status(tp_submit(tree_pool, grows, (void *)(uintptr_t)(left - 1)), TP_OK);
    }
}

static void every_task_of_a_wide_tree_is_counted(void **state) {
    (void)state;
    size_t levels = rounds(3, 6, 7);
    uint64_t wanted = 0;
    for (uint64_t level = 0, width = 1; level <= levels; level++, width *= FAN_OUT) wanted += width;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        tree_pool = pool_of(threads);
        tree_ran = 0;
        assert_status(tp_submit(tree_pool, grows, (void *)(uintptr_t)levels), TP_OK);
        assert_status(tp_wait(tree_pool, LIMIT_NS), TP_OK);
        assert_int_equal(tree_ran, wanted);
        assert_status(tp_destroy(tree_pool), TP_OK);
    }
}

static void destroy_waits_for_a_wide_tree(void **state) {
    (void)state;
    size_t levels = rounds(2, 5, 5);
    uint64_t wanted = 0;
    for (uint64_t level = 0, width = 1; level <= levels; level++, width *= FAN_OUT) wanted += width;
    tree_pool = pool_of(3);
    tree_ran = 0;
    assert_status(tp_submit(tree_pool, grows, (void *)(uintptr_t)levels), TP_OK);
    assert_status(tp_destroy(tree_pool), TP_OK);
    assert_int_equal(tree_ran, wanted);
}

// ---- Wake-ups ----------------------------------------------------------------------------------------------

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void idle_for(uint64_t ns) {
    uint64_t end = now_ns() + ns;
    while (now_ns() < end) {
    }
}

struct rounds_of_one {
    tp_pool *pool;
    size_t n;
    uint64_t seed;
    uint64_t longest_ns;
    _Atomic uint64_t ran;
};

static void runs_in_a_round(void *arg) { atomic_fetch_add(&((struct rounds_of_one *)arg)->ran, 1); }

static void *submits_and_waits_with_gaps(void *arg) {
    struct rounds_of_one *all = (struct rounds_of_one *)arg;
    for (size_t i = 0; i < all->n; i++) {
        idle_for(next_random(&all->seed) % (all->longest_ns + 1));
        must_status(tp_submit(all->pool, runs_in_a_round, all), TP_OK);
        must_status(tp_wait(all->pool, LIMIT_NS), TP_OK);
        must(all->ran == i + 1);
    }
    return NULL;
}

static void no_wake_up_is_lost_between_a_submit_and_a_wait(void **state) {
    (void)state;
    size_t n = rounds(300, 200000, 1000000);
    struct rounds_of_one all = {pool_of(2), n, 88172645463325252u, 100000, 0};
    submits_and_waits_with_gaps(&all);
    assert_int_equal(all.ran, n);
    assert_status(tp_destroy(all.pool), TP_OK);
}

static void no_wake_up_is_lost_without_a_gap(void **state) {
    (void)state;
    size_t n = rounds(300, 200000, 1000000);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        struct rounds_of_one all = {pool_of(threads), n, 1234567, 0, 0};
        submits_and_waits_with_gaps(&all);
        assert_int_equal(all.ran, n);
        assert_status(tp_destroy(all.pool), TP_OK);
    }
}

// Here only the tally says that the task has run: a wake-up that a wait might bring along does not help.
static void no_wake_up_is_lost_where_nobody_waits_for_the_pool(void **state) {
    (void)state;
    size_t n = rounds(300, 100000, 1000000);
    uint64_t seed = 362436069;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_of(2);
    for (size_t i = 0; i < n; i++) {
        idle_for(next_random(&seed) % 60001);
        assert_status(tp_submit(pool, count, &ran), TP_OK);
        assert_true(tally_reaches(&ran, i + 1));
    }
    assert_status(tp_destroy(pool), TP_OK);
}

// Long after the last task, so that no worker searches or dozes any more.
static void a_pool_that_has_fallen_asleep_wakes_up(void **state) {
    (void)state;
    struct tally ran = TALLY_INIT;
    void *args[1] = {&ran};
    tp_pool *pool = pool_of(2);
    for (uint64_t i = 0; i < rounds(6, 50, 500); i++) {
        for (int naps = 0; naps < 20; naps++) nap();
        assert_soon(all_others_sleep());
        if (i % 2 == 0) assert_status(tp_submit(pool, count, &ran), TP_OK);
        else assert_status(tp_submit_batch(pool, count, args, 1, NULL), TP_OK);
        assert_true(tally_reaches(&ran, i + 1));
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void no_wake_up_is_lost_by_several_threads_at_once(void **state) {
    (void)state;
    pthread_t threads[3];
    struct rounds_of_one all[3];
    tp_pool *pool = pool_of(2);
    for (int i = 0; i < 3; i++) {
        all[i] = (struct rounds_of_one){pool, rounds(100, 30000, 300000), 521288629u + (uint64_t)i, 20000, 0};
        threads[i] = start_thread(submits_and_waits_with_gaps, &all[i]);
    }
    for (int i = 0; i < 3; i++) join_thread(threads[i]);
    assert_status(tp_destroy(pool), TP_OK);
}

// One task that waits, in its body, for another that it has just submitted: a second worker must come.
struct pair {
    tp_pool *pool;
    struct tally ran;
};

static void waits_for_its_child(void *arg) {
    struct pair *pair = (struct pair *)arg;
    uint64_t before = tally_now(&pair->ran);
    must_status(tp_submit(pair->pool, count, &pair->ran), TP_OK);
    must(tally_reaches(&pair->ran, before + 1));
}

static void a_second_worker_comes_for_the_child_of_a_task_that_blocks(void **state) {
    (void)state;
    size_t n = rounds(300, 50000, 500000);
    uint64_t seed = 123456789;
    struct pair pair = {pool_of(2), TALLY_INIT};
    for (size_t i = 0; i < n; i++) {
        idle_for(next_random(&seed) % 20001);
        assert_status(tp_submit(pair.pool, waits_for_its_child, &pair), TP_OK);
        assert_status(tp_wait(pair.pool, LIMIT_NS), TP_OK);
    }
    assert_int_equal(tally_now(&pair.ran), n);
    assert_status(tp_destroy(pair.pool), TP_OK);
}

// As many tasks as workers, all of which must be in their bodies at once: each submit must wake one.
struct meeting {
    uint32_t guests;
    _Atomic uint32_t here;
};

static void meets(void *arg) {
    struct meeting *meeting = (struct meeting *)arg;
    uint64_t end = now_ns() + LIMIT_NS;
    atomic_fetch_add(&meeting->here, 1);
    for (uint64_t spins = 1; atomic_load(&meeting->here) < meeting->guests; spins++) {
        sched_yield();
        if (spins % 1000 == 0) must(now_ns() < end);
    }
}

static void as_many_tasks_as_workers_can_meet(void **state) {
    (void)state;
    uint64_t seed = 987654321;
    for (uint32_t threads = 2; threads <= 4; threads++) {
        tp_pool *pool = pool_of(threads);
        for (size_t i = 0; i < rounds(100, 30000, 300000); i++) {
            void *args[4];
            struct meeting meeting = {threads, 0};
            for (uint32_t guest = 0; guest < threads; guest++) args[guest] = &meeting;
            if (i % 2 == 0) idle_for(next_random(&seed) % 20001);
            if (i % 3 == 0) assert_status(tp_submit_batch(pool, meets, args, threads, NULL), TP_OK);
            for (uint32_t guest = 0; guest < threads && i % 3 != 0; guest++) {
                assert_status(tp_submit(pool, meets, &meeting), TP_OK);
            }
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
            assert_int_equal(meeting.here, threads);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_million_tasks_of_four_threads_run_exactly_once_each),
        cmocka_unit_test(so_do_batches),
        cmocka_unit_test(so_do_tasks_of_tasks),
        cmocka_unit_test(every_task_of_a_wide_tree_is_counted),
        cmocka_unit_test(destroy_waits_for_a_wide_tree),
        cmocka_unit_test(no_wake_up_is_lost_between_a_submit_and_a_wait),
        cmocka_unit_test(no_wake_up_is_lost_without_a_gap),
        cmocka_unit_test(no_wake_up_is_lost_where_nobody_waits_for_the_pool),
        cmocka_unit_test(a_pool_that_has_fallen_asleep_wakes_up),
        cmocka_unit_test(no_wake_up_is_lost_by_several_threads_at_once),
        cmocka_unit_test(a_second_worker_comes_for_the_child_of_a_task_that_blocks),
        cmocka_unit_test(as_many_tasks_as_workers_can_meet),
    };
    return run_file(tests);
}
