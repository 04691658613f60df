// order: tasks of one submitter leave the queue in the order of submission. A pool of one worker starts them exactly
// so, and on any number of workers a task may wait for an earlier one.

#include "support.h"

#include <stdatomic.h>

// ---- One worker --------------------------------------------------------------------------------------------

struct list {
    size_t length;
    size_t at[100000];
};

static struct list list;

// Tasks whose argument is their own place in the order that is wanted.
static void writes_its_place(void *place) { list.at[list.length++] = (size_t)(uintptr_t)place; }

static void *place(size_t n) { return (void *)(uintptr_t)n; }

static void assert_in_order(size_t n) {
    assert_int_equal(list.length, n);
    for (size_t i = 0; i < n; i++) {
        if (list.at[i] != i) fail_msg("at %zu is the task of %zu", i, list.at[i]);
    }
    list.length = 0;
}

static void one_worker_starts_tasks_in_the_order_of_submission(void **state) {
    (void)state;
    size_t n = rounds(2000, 100000, 100000);
    tp_pool *pool = pool_of(1);
    for (size_t i = 0; i < n; i++) assert_status(tp_submit(pool, writes_its_place, place(i)), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_in_order(n);
    assert_status(tp_destroy(pool), TP_OK);
}

static void one_worker_starts_what_was_queued_while_it_was_paused_in_order(void **state) {
    (void)state;
    size_t n = rounds(2000, 100000, 100000);
    tp_pool *pool = pool_of(1);
    assert_status(tp_pause(pool), TP_OK);
    for (size_t i = 0; i < n; i++) assert_status(tp_submit(pool, writes_its_place, place(i)), TP_OK);
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_in_order(n);
    assert_status(tp_destroy(pool), TP_OK);
}

static void submits_places(void *n) {
    for (size_t i = 0; i < (size_t)(uintptr_t)n; i++) {
        must_status(tp_submit(tp_current(), writes_its_place, place(i)), TP_OK);
    }
}

static void one_worker_starts_what_a_task_submits_in_order(void **state) {
    (void)state;
    size_t n = rounds(2000, 100000, 100000);
    tp_pool *pool = pool_of(1);
    run_inside(pool, submits_places, place(n));
    assert_in_order(n);
    assert_status(tp_destroy(pool), TP_OK);
}

static void submits_three(void *unused) {
    (void)unused;
    writes_its_place(place(0));
    must_status(tp_submit(tp_current(), writes_its_place, place(3)), TP_OK);
}

static void a_task_that_is_submitted_inside_comes_after_those_that_are_queued(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    occupy(pool, &gate, 1);
    assert_status(tp_submit(pool, submits_three, NULL), TP_OK);
    assert_status(tp_submit(pool, writes_its_place, place(1)), TP_OK);
    assert_status(tp_submit(pool, writes_its_place, place(2)), TP_OK);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_in_order(4);
    assert_status(tp_destroy(pool), TP_OK);
}

struct dialogue {
    struct gate gate;
    struct tally inside;
    struct tally outside;
};

enum { LINES = 50 };

// Submits every second place, in turn with the test's thread.
static void submits_in_turn(void *arg) {
    struct dialogue *dialogue = (struct dialogue *)arg;
    for (uint64_t i = 0; i < LINES; i++) {
        must(tally_reaches(&dialogue->outside, i + 1));
        must_status(tp_submit(tp_current(), writes_its_place, place(2 * i + 1)), TP_OK);
        tally_add(&dialogue->inside);
    }
}

static void submits_from_outside_and_inside_in_turn_are_started_in_turn(void **state) {
    (void)state;
    struct dialogue dialogue = {GATE_INIT, TALLY_INIT, TALLY_INIT};
    tp_pool *pool = pool_of(1);
    assert_status(tp_submit(pool, submits_in_turn, &dialogue), TP_OK);
    for (uint64_t i = 0; i < LINES; i++) {
        assert_status(tp_submit(pool, writes_its_place, place(2 * i)), TP_OK);
        tally_add(&dialogue.outside);
        assert_true(tally_reaches(&dialogue.inside, i + 1));
    }
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_in_order(2 * LINES);
    assert_status(tp_destroy(pool), TP_OK);
}

static void batches_and_single_tasks_keep_their_order(void **state) {
    (void)state;
    enum { BATCH = 1000 };
    static void *args[BATCH];
    size_t n = 0;
    tp_pool *pool = pool_of(1);
    for (size_t round = 0; round < rounds(2, 40, 40); round++) {
        size_t length = round % 2 == 0 ? BATCH : 1 + round;
        for (size_t i = 0; i < length; i++) args[i] = place(n++);
        assert_status(tp_submit_batch(pool, writes_its_place, args, length, NULL), TP_OK);
        for (size_t i = 0; i < 3; i++) assert_status(tp_submit(pool, writes_its_place, place(n++)), TP_OK);
        assert_status(tp_submit_with(pool, writes_its_place, place(n++), NULL), TP_OK);
    }
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_in_order(n);
    assert_status(tp_destroy(pool), TP_OK);
}

static void submits_a_batch_of_places(void *unused) {
    (void)unused;
    void *args[500];
    for (size_t i = 0; i < 500; i++) args[i] = place(i);
    must_status(tp_submit_batch(tp_current(), writes_its_place, args, 500, NULL), TP_OK);
    must_status(tp_submit(tp_current(), writes_its_place, place(500)), TP_OK);
}

static void a_batch_of_a_task_keeps_its_order(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    run_inside(pool, submits_a_batch_of_places, NULL);
    assert_in_order(501);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_pool_that_was_resized_to_one_worker_keeps_the_order(void **state) {
    (void)state;
    tp_pool *pool = pool_of(4);
    assert_status(tp_pause(pool), TP_OK);
    for (size_t i = 0; i < 1000; i++) assert_status(tp_submit(pool, writes_its_place, place(i)), TP_OK);
    assert_status(tp_resize(pool, 1), TP_OK);
    assert_soon(threads_now() == 2);
    for (size_t i = 1000; i < 2000; i++) assert_status(tp_submit(pool, writes_its_place, place(i)), TP_OK);
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_in_order(2000);
    assert_status(tp_destroy(pool), TP_OK);
}

static void drain_and_destroy_keep_the_order(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    for (size_t i = 0; i < 2000; i++) assert_status(tp_submit(pool, writes_its_place, place(i)), TP_OK);
    assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    assert_in_order(2000);
    assert_status(tp_destroy(pool), TP_OK);
    pool = pool_of(1);
    for (size_t i = 0; i < 2000; i++) assert_status(tp_submit(pool, writes_its_place, place(i)), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
    assert_in_order(2000);
}

// ---- Chains: each task waits, in its body, for the one before to end ----------------------------------------

struct link {
    struct chain *chain;
    uint64_t place;
};

struct chain {
    _Atomic uint64_t ended;
    tp_pool *pool;
    size_t length;
    struct link *links;
};

static void waits_for_the_one_before(void *arg) {
    struct link *link = (struct link *)arg;
    uint64_t end = now_ns() + LIMIT_NS;
    for (uint64_t spins = 1; atomic_load(&link->chain->ended) != link->place; spins++) {
        sched_yield();
        if (spins % 10000 == 0) must(now_ns() < end);
    }
    atomic_store(&link->chain->ended, link->place + 1);
}

static void chain_make(struct chain *chain, tp_pool *pool, size_t length) {
    chain->ended = 0;
    chain->pool = pool;
    chain->length = length;
    chain->links = (struct link *)calloc(length, sizeof(struct link));
    must(chain->links != NULL);
    for (size_t i = 0; i < length; i++) chain->links[i] = (struct link){chain, i};
}

static void chain_submit(void *arg) {
    struct chain *chain = (struct chain *)arg;
    for (size_t i = 0; i < chain->length; i++) {
        must_status(tp_submit(chain->pool, waits_for_the_one_before, &chain->links[i]), TP_OK);
    }
}

static void *chain_submit_on_a_thread(void *chain) {
    chain_submit(chain);
    return NULL;
}

static void chain_submit_by_batch(void *arg) {
    struct chain *chain = (struct chain *)arg;
    void **args = (void **)calloc(chain->length, sizeof(void *));
    must(args != NULL);
    for (size_t i = 0; i < chain->length; i++) args[i] = &chain->links[i];
    must_status(tp_submit_batch(chain->pool, waits_for_the_one_before, args, chain->length, NULL), TP_OK);
    free(args);
}

static void assert_chain_ended(struct chain *chain) {
    assert_int_equal(chain->ended, chain->length);
    free(chain->links);
}

static size_t chain_length(void) { return rounds(300, 20000, 200000); }

static void a_task_may_wait_for_the_one_that_its_submitter_submitted_before(void **state) {
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        struct chain chain;
        tp_pool *pool = pool_of(threads);
        chain_make(&chain, pool, chain_length());
        chain_submit(&chain);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_chain_ended(&chain);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void so_it_may_if_they_came_as_a_batch(void **state) {
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        struct chain chain;
        tp_pool *pool = pool_of(threads);
        chain_make(&chain, pool, chain_length());
        chain_submit_by_batch(&chain);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_chain_ended(&chain);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void so_it_may_if_a_task_submitted_them(void **state) {
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        struct chain chain;
        tp_pool *pool = pool_of(threads);
        chain_make(&chain, pool, chain_length());
        run_inside(pool, chain_submit, &chain);
        assert_chain_ended(&chain);
        chain_make(&chain, pool, chain_length());
        run_inside(pool, chain_submit_by_batch, &chain);
        assert_chain_ended(&chain);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void so_it_may_if_there_are_several_submitters(void **state) {
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        struct chain chains[4];
        pthread_t submitters[2];
        tp_pool *pool = pool_of(threads);
        for (int i = 0; i < 4; i++) chain_make(&chains[i], pool, chain_length() / 2);
        for (int i = 0; i < 2; i++) submitters[i] = start_thread(chain_submit_on_a_thread, &chains[i]);
        for (int i = 2; i < 4; i++) assert_status(tp_submit(pool, chain_submit, &chains[i]), TP_OK);
        for (int i = 0; i < 2; i++) join_thread(submitters[i]);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        for (int i = 0; i < 4; i++) assert_chain_ended(&chains[i]);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void so_it_may_after_a_resize_of_a_paused_pool(void **state) {
    (void)state;
    const uint32_t to[] = {1, 2, 5};
    for (size_t i = 0; i < sizeof to / sizeof to[0]; i++) {
        struct chain chain;
        tp_pool *pool = pool_of(4);
        chain_make(&chain, pool, chain_length());
        assert_status(tp_pause(pool), TP_OK);
        chain_submit(&chain);
        assert_status(tp_resize(pool, to[i]), TP_OK);
        assert_status(tp_resume(pool), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_chain_ended(&chain);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void chain_submit_and_resize(void *arg) {
    struct chain *chain = (struct chain *)arg;
    size_t length = chain->length;
    chain->length = length / 2;
    chain_submit(chain);
    must_status(tp_resize(chain->pool, 1), TP_OK);
    for (size_t i = length / 2; i < length; i++) {
        must_status(tp_submit(chain->pool, waits_for_the_one_before, &chain->links[i]), TP_OK);
    }
    chain->length = length;
}

static void so_it_may_if_the_worker_of_the_submitter_ends(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(2, 20, 100); round++) {
        struct gate gate = GATE_INIT;
        struct chain chain;
        tp_pool *pool = pool_of(4);
        chain_make(&chain, pool, chain_length() / 10);
        occupy(pool, &gate, (uint32_t)(round % 4));
        assert_status(tp_submit(pool, chain_submit_and_resize, &chain), TP_OK);
        gate_open(&gate);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_chain_ended(&chain);
        assert_soon(threads_now() == 2);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void so_it_may_while_the_number_of_workers_changes(void **state) {
    (void)state;
    struct chain chains[2];
    pthread_t submitter;
    tp_pool *pool = pool_of(2);
    for (int i = 0; i < 2; i++) chain_make(&chains[i], pool, chain_length());
    submitter = start_thread(chain_submit_on_a_thread, &chains[0]);
    assert_status(tp_submit(pool, chain_submit, &chains[1]), TP_OK);
    for (uint32_t i = 0; tp_wait(pool, MILLISECOND) != TP_OK; i++) assert_status(tp_resize(pool, 1 + i % 4), TP_OK);
    join_thread(submitter);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    for (int i = 0; i < 2; i++) assert_chain_ended(&chains[i]);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Chains of a worker: one thread submits from many tasks -------------------------------------------------

enum { WORKERS = 4, PER_TASK = 10 };

struct worker_chains {
    struct chain chains[WORKERS];
    size_t submitted[WORKERS];
};

// The links of one worker are submitted by one thread, though in many tasks.
static void continues_the_chain_of_its_worker(void *arg) {
    struct worker_chains *all = (struct worker_chains *)arg;
    int32_t worker = tp_worker_index();
    must(worker >= 0 && worker < WORKERS);
    struct chain *chain = &all->chains[worker];
    for (int i = 0; i < PER_TASK; i++) {
        size_t at = all->submitted[worker]++;
        must(at < chain->length);
        must_status(tp_submit(chain->pool, waits_for_the_one_before, &chain->links[at]), TP_OK);
    }
}

static void so_it_may_if_they_came_from_several_tasks_of_one_thread(void **state) {
    (void)state;
    size_t tasks = chain_length() / PER_TASK / 4;
    for (uint32_t threads = 1; threads <= WORKERS; threads++) {
        struct worker_chains all = {.submitted = {0}};
        tp_pool *pool = pool_of(threads);
        for (int i = 0; i < WORKERS; i++) chain_make(&all.chains[i], pool, tasks * PER_TASK);
        for (size_t i = 0; i < tasks; i++) {
            assert_status(tp_submit(pool, continues_the_chain_of_its_worker, &all), TP_OK);
        }
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        for (int i = 0; i < WORKERS; i++) {
            assert_int_equal(all.chains[i].ended, all.submitted[i]);
            free(all.chains[i].links);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_worker_starts_tasks_in_the_order_of_submission),
        cmocka_unit_test(one_worker_starts_what_was_queued_while_it_was_paused_in_order),
        cmocka_unit_test(one_worker_starts_what_a_task_submits_in_order),
        cmocka_unit_test(a_task_that_is_submitted_inside_comes_after_those_that_are_queued),
        cmocka_unit_test(submits_from_outside_and_inside_in_turn_are_started_in_turn),
        cmocka_unit_test(batches_and_single_tasks_keep_their_order),
        cmocka_unit_test(a_batch_of_a_task_keeps_its_order),
        cmocka_unit_test(a_pool_that_was_resized_to_one_worker_keeps_the_order),
        cmocka_unit_test(drain_and_destroy_keep_the_order),
        cmocka_unit_test(a_task_may_wait_for_the_one_that_its_submitter_submitted_before),
        cmocka_unit_test(so_it_may_if_they_came_as_a_batch),
        cmocka_unit_test(so_it_may_if_a_task_submitted_them),
        cmocka_unit_test(so_it_may_if_there_are_several_submitters),
        cmocka_unit_test(so_it_may_after_a_resize_of_a_paused_pool),
        cmocka_unit_test(so_it_may_if_the_worker_of_the_submitter_ends),
        cmocka_unit_test(so_it_may_while_the_number_of_workers_changes),
        cmocka_unit_test(so_it_may_if_they_came_from_several_tasks_of_one_thread),
    };
    return run_file(tests);
}
