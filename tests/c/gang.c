// gang: bodies that all run at the same time, so that they may wait for each other; or none of them, where the threads
// cannot be had.
//
// Bad arguments are in errors.c.

#include "support.h"

#include <stdatomic.h>

static void adds(void *arg) { atomic_fetch_add((_Atomic uint64_t *)arg, 1); }

static void must_not_run(uint32_t rank, uint32_t n, void *ctx) {
    (void)rank;
    (void)n;
    (void)ctx;
    must(!"a body runs that may not");
}

enum { MOST = 64, PHASES = 3 };

// A gang whose bodies meet, again and again.
struct gang {
    tp_pool *pool;
    uint32_t n;
    pthread_t caller;
    uint8_t there[MOST]; // plain: each body writes its own, and the caller reads them all
    struct tally met;
};

static void meets_all(uint32_t rank, uint32_t n, void *ctx) {
    struct gang *gang = (struct gang *)ctx;
    must(n == gang->n);
    must(rank < n);
    must((rank == 0) == (pthread_equal(gang->caller, pthread_self()) != 0));
    must(tp_current() == gang->pool);
    for (uint32_t phase = 1; phase <= PHASES; phase++) meet(&gang->met, (uint64_t)phase * n);
    gang->there[rank]++;
}

static tp_status try_gang(tp_pool *pool, uint32_t n) {
    struct gang gang = {pool, n, pthread_self(), {0}, TALLY_INIT};
    tp_pool *before = tp_current();
    must(n <= MOST);
    tp_status status = tp_gang(pool, n, meets_all, &gang);
    must(tp_current() == before);
    must(tally_now(&gang.met) == (status == TP_OK ? (uint64_t)PHASES * n : 0));
    for (uint32_t rank = 0; rank < n; rank++) must(gang.there[rank] == (status == TP_OK ? 1 : 0));
    return status;
}

static void have_gang(tp_pool *pool, uint32_t n) { must_status(try_gang(pool, n), TP_OK); }

static void has_gangs_of_all_sizes(void *arg) {
    tp_pool *pool = (tp_pool *)arg;
    for (uint32_t n = 1; n <= (is_small() ? 4 : 10); n++) have_gang(pool, n);
}

static void has_two(void *pool) { have_gang((tp_pool *)pool, 2); }
static void has_three(void *pool) { have_gang((tp_pool *)pool, 3); }

// ---- All at the same time ----------------------------------------------------------------------------------

static void all_bodies_run_at_the_same_time_each_rank_once_and_the_first_on_the_caller(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(1, 20, 300); round++) {
            has_gangs_of_all_sizes(pool);
            run_inside(pool, has_gangs_of_all_sizes, pool);
        }
        have_gang(pool, is_small() ? 10 : MOST);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_gang_of_one_runs_on_the_caller_and_needs_no_other(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_reserved(1, 0);
    have_gang(pool, 1);
    occupy(pool, &gate, 1);
    have_gang(pool, 1);
    gate_open(&gate);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_gang_wakes_a_pool_that_sleeps(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    for (size_t round = 0; round < rounds(5, 200, 3000); round++) {
        nap();
        has_two(pool);
        nap();
        run_inside(pool, has_two, pool);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void sixteen_gangs_of_two_from_sixteen_tasks_at_once_end_on_two_workers(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    for (size_t round = 0; round < rounds(2, 50, 1000); round++) {
        for (int task = 0; task < 16; task++) assert_status(tp_submit(pool, has_two, pool), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void *has_gangs_outside(void *pool) {
    for (size_t round = 0; round < rounds(2, 30, 500); round++) have_gang((tp_pool *)pool, 1 + round % 5);
    return NULL;
}

static void eight_outside_threads_and_sixteen_tasks_have_gangs_at_once(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (int task = 0; task < 16; task++) assert_status(tp_submit(pool, has_three, pool), TP_OK);
        run_outside(8, has_gangs_outside, pool);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void tasks_that_hold_every_worker_are_nothing_to_a_gang(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct gate gate = GATE_INIT;
        _Atomic uint64_t ran = 0;
        tp_pool *pool = pool_of(worker_counts[i]);
        occupy(pool, &gate, worker_counts[i]);
        assert_status(tp_submit(pool, adds, &ran), TP_OK);
        has_gangs_of_all_sizes(pool);
        gate_open(&gate);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(ran, 1);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_full_queue_is_nothing_to_a_gang(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_full_at(1, TP_FULL_FAIL);
    occupy(pool, &gate, 1);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    has_three(pool);
    assert_int_equal(tp_queued(pool), 1);
    gate_open(&gate);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_paused_pool_has_gangs(void **state) {
    (void)state;
    _Atomic uint64_t ran = 0;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        assert_status(tp_pause(pool), TP_OK);
        assert_status(tp_submit(pool, adds, &ran), TP_OK);
        has_gangs_of_all_sizes(pool);
        assert_int_equal(ran, (uint64_t)i);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(ran, (uint64_t)i + 1);
    }
}

// ---- Gangs in gangs, in loops, in branches -----------------------------------------------------------------

struct nested {
    tp_pool *pool;
    uint32_t depth;
    struct tally *leaves;
    uint64_t all;
};

// The innermost of all gangs meet each other: none of them may wait for another to end.
static void has_gangs_below(uint32_t rank, uint32_t n, void *ctx) {
    const struct nested *nested = (const struct nested *)ctx;
    (void)rank;
    must(n == 2);
    if (nested->depth == 0) {
        meet(nested->leaves, nested->all);
        return;
    }
    struct nested below = {nested->pool, nested->depth - 1, nested->leaves, nested->all};
    must_status(tp_gang(nested->pool, 2, has_gangs_below, &below), TP_OK);
}

static void starts_nested_gangs(void *arg) {
    tp_pool *pool = (tp_pool *)arg;
    struct tally leaves = TALLY_INIT;
    struct nested nested = {pool, 2, &leaves, 8};
    must_status(tp_gang(pool, 2, has_gangs_below, &nested), TP_OK);
    must(tally_now(&leaves) == 8);
}

static void gangs_nest(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(1, 30, 500); round++) {
            starts_nested_gangs(pool);
            run_inside(pool, starts_nested_gangs, pool);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void has_two_in_each_item(uint64_t lo, uint64_t hi, void *pool) {
    for (uint64_t i = lo; i < hi; i++) has_two(pool);
}

static void loops_over_gangs(void *pool) {
    must_status(tp_parallel_for((tp_pool *)pool, 0, 20, 1, has_two_in_each_item, pool), TP_OK);
    must_status(tp_parallel_invoke((tp_pool *)pool, has_two, pool, has_three, pool), TP_OK);
}

static void loops_and_branches_have_gangs(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(1, 10, 200); round++) {
            loops_over_gangs(pool);
            run_inside(pool, loops_over_gangs, pool);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

struct busy {
    tp_pool *pool;
    struct tally met;
    _Atomic uint64_t items;
    _Atomic uint64_t ran;
};

static void adds_items(uint64_t lo, uint64_t hi, void *items) { atomic_fetch_add((_Atomic uint64_t *)items, hi - lo); }

static void *adds_async(void *arg) {
    adds(&((struct busy *)arg)->ran);
    return arg;
}

static void does_a_bit_of_all(uint32_t rank, uint32_t n, void *ctx) {
    struct busy *busy = (struct busy *)ctx;
    (void)rank;
    meet(&busy->met, n);
    tp_group *group = group_of(busy->pool, NULL);
    for (int i = 0; i < 3; i++) must_status(tp_group_submit(group, adds, &busy->ran), TP_OK);
    tp_future *future = future_of(busy->pool, adds_async, ctx);
    must_status(tp_parallel_for(busy->pool, 0, 100, 1, adds_items, &busy->items), TP_OK);
    must_status(tp_parallel_invoke(busy->pool, adds, &busy->ran, adds, &busy->ran), TP_OK);
    must_status(tp_submit(busy->pool, adds, &busy->ran), TP_OK);
    must(value_of(future) == ctx);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    tp_future_release(future);
    must_status(tp_group_destroy(group), TP_OK);
    // Others of the gang may need a worker for what they wait for.
    must_status(tp_blocking_begin(), TP_OK);
    meet(&busy->met, 2 * (uint64_t)n);
    must_status(tp_blocking_end(), TP_OK);
}

static void has_busy_bodies(void *arg) {
    struct busy *busy = (struct busy *)arg;
    struct busy now = {busy->pool, TALLY_INIT, 0, 0};
    must_status(tp_gang(busy->pool, 4, does_a_bit_of_all, &now), TP_OK);
    must(now.items == 400);
    // The tasks that nobody waits for may still be on their way, and count into what is about to go.
    must_soon(now.ran == 4 * 7);
}

static void bodies_submit_loop_fork_and_wait(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct busy busy = {pool_of(worker_counts[i]), TALLY_INIT, 0, 0};
        for (size_t round = 0; round < rounds(1, 30, 500); round++) has_busy_bodies(&busy);
        assert_status(tp_wait(busy.pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(busy.pool), TP_OK);
    }
}

// ---- Bodies count as tasks ---------------------------------------------------------------------------------

struct place {
    tp_pool *pool;
    tp_future *future;
    tp_group *group;
    struct tally ready;
    struct tally begun;
    struct tally ended;
};

static void asks_for_what_its_caller_stands_in(uint32_t rank, uint32_t n, void *ctx) {
    struct place *place = (struct place *)ctx;
    (void)rank;
    meet(&place->begun, n);
    must(tp_current() == place->pool);
    cannot_wait_for(place->pool);
    if (place->group != NULL) must_status(tp_group_wait(place->group, TP_FOREVER), TP_EDEADLK);
    if (place->future != NULL) must_status(tp_future_wait(place->future, TP_FOREVER, NULL), TP_EDEADLK);
    tally_add(&place->ended);
}

static void has_a_gang_in_its_place(void *arg) {
    struct place *place = (struct place *)arg;
    must_status(tp_gang(place->pool, 3, asks_for_what_its_caller_stands_in, place), TP_OK);
    must(tally_now(&place->ended) == 3);
}

static void *has_a_gang_in_its_future(void *arg) {
    must(tally_reaches(&((struct place *)arg)->ready, 1));
    has_a_gang_in_its_place(arg);
    return arg;
}

static void no_body_can_wait_for_what_its_caller_stands_in(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(2, 50, 500); round++) {
        tp_pool *pool = pool_of(worker_counts[round % WORKER_COUNTS]);
        struct place outside = {pool, NULL, NULL, TALLY_INIT, TALLY_INIT, TALLY_INIT};
        has_a_gang_in_its_place(&outside);
        assert_null(tp_current());
        struct place in_group = {pool, NULL, group_of(pool, NULL), TALLY_INIT, TALLY_INIT, TALLY_INIT};
        assert_status(tp_group_submit(in_group.group, has_a_gang_in_its_place, &in_group), TP_OK);
        assert_status(tp_group_wait(in_group.group, LIMIT_NS), TP_OK);
        assert_status(tp_group_destroy(in_group.group), TP_OK);
        struct place in_future = {pool, NULL, NULL, TALLY_INIT, TALLY_INIT, TALLY_INIT};
        in_future.future = future_of(pool, has_a_gang_in_its_future, &in_future);
        tally_add(&in_future.ready);
        assert_ptr_equal(value_of(in_future.future), &in_future);
        tp_future_release(in_future.future);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void sees_that_it_is_asked_to_stop(uint32_t rank, uint32_t n, void *ctx) {
    struct place *place = (struct place *)ctx;
    (void)rank;
    must(tp_cancelled() == 0);
    meet(&place->begun, n);
    must_soon(tp_cancelled() == 1);
    tally_add(&place->ended);
}

static void has_a_gang_that_is_asked_to_stop(void *arg) {
    struct place *place = (struct place *)arg;
    must_status(tp_gang(place->pool, 4, sees_that_it_is_asked_to_stop, place), TP_OK);
}

static void every_body_is_asked_to_stop_with_its_callers_group(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(2, 50, 500); round++) {
        tp_pool *pool = pool_of(worker_counts[round % WORKER_COUNTS]);
        struct place place = {pool, NULL, group_of(pool, NULL), TALLY_INIT, TALLY_INIT, TALLY_INIT};
        assert_status(tp_group_submit(place.group, has_a_gang_that_is_asked_to_stop, &place), TP_OK);
        assert_true(tally_reaches(&place.begun, 4));
        assert_status(tp_group_cancel(place.group), TP_OK);
        assert_status(tp_group_wait(place.group, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&place.ended), 4);
        assert_status(tp_group_destroy(place.group), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

struct indexes {
    struct tally met;
    _Atomic uint64_t taken[16];
};

static void has_an_index_of_its_own(uint32_t rank, uint32_t n, void *ctx) {
    struct indexes *indexes = (struct indexes *)ctx;
    int32_t index = tp_worker_index();
    must(rank != 0 || index == -1);
    must(index >= -1 && index < 2 + 10);
    if (index >= 0) must(atomic_fetch_add(&indexes->taken[index], 1) == 0);
    meet(&indexes->met, n);
}

static void no_two_bodies_have_the_same_worker_index(void **state) {
    (void)state;
    tp_pool *pool = pool_reserved(2, 10);
    for (size_t round = 0; round < rounds(2, 50, 500); round++) {
        struct indexes indexes = {TALLY_INIT, {0}};
        assert_status(tp_gang(pool, 8, has_an_index_of_its_own, &indexes), TP_OK);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Too many ----------------------------------------------------------------------------------------------

// With `reserves` more threads than the pool has, that many beside the caller are had in any case, and more than all of
// them in none. Where in between it ends is the pool's to say; but it is an end.
static void has_as_many_as_can_be_had(tp_pool *pool, uint32_t threads, uint32_t reserves) {
    uint32_t most = 0;
    for (uint32_t n = 1; n <= threads + reserves + 3; n++) {
        tp_status status = try_gang(pool, n);
        must(status == TP_OK || status == TP_EAGAIN);
        if (status == TP_OK) most = n;
        must(n > 1 + reserves || status == TP_OK);
        must(n <= 1 + threads + reserves || status == TP_EAGAIN);
    }
    // It is as it was: neither threads nor places are lost by a refusal.
    for (size_t round = 0; round < rounds(2, 20, 200); round++) {
        must_status(try_gang(pool, threads + reserves + 2), TP_EAGAIN);
        must_soon(try_gang(pool, most) == TP_OK);
    }
}

struct limits {
    tp_pool *pool;
    uint32_t threads;
    uint32_t reserves;
};

static void has_as_many_as_can_be_had_inside(void *arg) {
    const struct limits *limits = (const struct limits *)arg;
    has_as_many_as_can_be_had(limits->pool, limits->threads, limits->reserves);
}

static void a_gang_that_cannot_be_had_says_so_and_starts_nobody(void **state) {
    (void)state;
    const uint32_t reserves[] = {0, 1, 3};
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int n = 0; n < 3; n++) {
            struct limits limits = {pool_reserved(worker_counts[i], reserves[n]), worker_counts[i], reserves[n]};
            has_as_many_as_can_be_had_inside(&limits);
            run_inside(limits.pool, has_as_many_as_can_be_had_inside, &limits);
            assert_status(tp_destroy(limits.pool), TP_OK);
        }
    }
}

static void a_gang_of_more_than_there_can_be_threads_is_refused(void **state) {
    (void)state;
    const uint32_t sizes[] = {1000, 4097, 100000, INT32_MAX, UINT32_MAX};
    tp_pool *pool = pool_of(2);
    for (int i = 0; i < 5; i++) assert_status(tp_gang(pool, sizes[i], must_not_run, NULL), TP_EAGAIN);
    has_three(pool);
    assert_status(tp_destroy(pool), TP_OK);
}

static void tries_for_two(void *arg) {
    struct place *place = (struct place *)arg;
    must_status(try_gang(place->pool, 2), TP_EAGAIN);
    tally_add(&place->ended);
}

static void a_gang_is_refused_where_all_others_are_busy_and_no_reserve_may_be_had(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct place place = {pool_reserved(2, 0), NULL, NULL, TALLY_INIT, TALLY_INIT, TALLY_INIT};
    occupy(place.pool, &gate, 1);
    assert_status(tp_submit(place.pool, tries_for_two, &place), TP_OK);
    assert_true(tally_reaches(&place.ended, 1));
    gate_open(&gate);
    assert_status(tp_destroy(place.pool), TP_OK);
}

static void has_a_gang_in_the_limits(void *pool) {
    tp_status status = try_gang((tp_pool *)pool, 3);
    must(status == TP_OK || status == TP_EAGAIN);
}

static void gangs_that_fight_for_too_few_threads_all_end(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_reserved(worker_counts[i], 3);
        for (size_t round = 0; round < rounds(2, 50, 500); round++) {
            for (int task = 0; task < 16; task++) assert_status(tp_submit(pool, has_a_gang_in_the_limits, pool), TP_OK);
            has_a_gang_in_the_limits(pool);
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        }
        assert_soon(try_gang(pool, 3) == TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void has_no_thread_to_have(void *arg) {
    (void)arg;
    tp_pool *pool = pool_of(1);
    if (!limit_threads(2)) child_end(CANNOT);
    // The worker may be of use, but nobody beside it.
    for (int i = 0; i < 5; i++) must_status(try_gang(pool, 4), TP_EAGAIN);
    must_status(try_gang(pool, 1), TP_OK);
    unlimit_threads();
    have_gang(pool, 4);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_gang_for_which_the_system_has_no_thread_says_so_and_the_next_may_have_one(void **state) {
    (void)state;
    assert_limited_child(has_no_thread_to_have);
}

static void threads_that_a_gang_needed_go_away(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        size_t before = threads_now();
        tp_pool *pool = pool_of(worker_counts[i]);
        have_gang(pool, 20);
        run_inside(pool, has_three, pool);
        assert_soon(threads_now() == before + worker_counts[i]);
        have_gang(pool, 20);
        assert_status(tp_destroy(pool), TP_OK);
        assert_soon(threads_now() == before);
    }
}

// ---- The end of a pool -------------------------------------------------------------------------------------

static void stands_in_a_gang(uint32_t rank, uint32_t n, void *gate) {
    (void)rank;
    (void)n;
    stand(gate);
}

struct held {
    tp_pool *pool;
    struct gate gate;
};

static void *has_a_gang_at_the_gate(void *arg) {
    struct held *held = (struct held *)arg;
    must_status(tp_gang(held->pool, 3, stands_in_a_gang, &held->gate), TP_OK);
    return NULL;
}

static void a_wait_for_the_pool_and_its_end_wait_for_gangs(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int mode = 0; mode < 3; mode++) {
            struct held held = {pool_of(worker_counts[i]), GATE_INIT};
            pthread_t thread = start_thread(has_a_gang_at_the_gate, &held);
            assert_true(tally_reaches(&held.gate.entered, 3));
            assert_status(tp_wait(held.pool, SHORT_NS), TP_ETIMEDOUT);
            if (mode < 2) assert_status(tp_shutdown(held.pool, modes[mode], SHORT_NS), TP_ETIMEDOUT);
            gate_open(&held.gate);
            if (mode < 2) assert_status(tp_shutdown(held.pool, modes[mode], LIMIT_NS), TP_OK);
            else assert_status(tp_wait(held.pool, LIMIT_NS), TP_OK);
            assert_int_equal(tally_now(&held.gate.left), 3);
            join_thread(thread);
            assert_status(tp_destroy(held.pool), TP_OK);
        }
    }
}

struct ending {
    tp_pool *pool;
    struct tally begun;
    struct tally told;
    tp_status status;
};

static void has_a_gang_at_the_end(void *arg) {
    struct ending *ending = (struct ending *)arg;
    tally_add(&ending->begun);
    must(tally_reaches(&ending->told, 1));
    ending->status = try_gang(ending->pool, 3);
}

static void at_the_end_outside_callers_are_refused_and_a_tasks_gang_runs(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (size_t i = 0; i < 2; i++) {
        for (int workers = 0; workers < WORKER_COUNTS; workers++) {
            struct ending ending = {pool_of(worker_counts[workers]), TALLY_INIT, TALLY_INIT, TP_EBUSY};
            assert_status(tp_submit(ending.pool, has_a_gang_at_the_end, &ending), TP_OK);
            assert_true(tally_reaches(&ending.begun, 1));
            assert_status(tp_shutdown(ending.pool, modes[i], 0), TP_ETIMEDOUT);
            assert_status(tp_gang(ending.pool, 2, must_not_run, NULL), TP_ESHUTDOWN);
            tally_add(&ending.told);
            assert_status(tp_shutdown(ending.pool, modes[i], LIMIT_NS), TP_OK);
            assert_int_equal(ending.status, TP_OK);
            assert_status(tp_gang(ending.pool, 1, must_not_run, NULL), TP_ESHUTDOWN);
            assert_status(tp_destroy(ending.pool), TP_OK);
        }
    }
}

static void the_default_pool_starts_at_the_first_gang(void **state) {
    (void)state;
    have_gang(tp_default(), 3);
}

static void ends_what_it_has_not_begun(uint32_t rank, uint32_t n, void *ends) {
    (void)rank;
    (void)n;
    must_status(tp_blocking_end(), TP_EINVAL);
    tally_add((struct tally *)ends);
}

static void a_member_has_no_blocking_region_but_its_own(void **state) {
    (void)state;
    tp_pool *pool = pool_reserved(1, 3);
    struct tally ends = TALLY_INIT;
    assert_status(tp_gang(pool, 4, ends_what_it_has_not_begun, &ends), TP_OK);
    assert_int_equal(tally_now(&ends), 4);
    assert_status(tp_destroy(pool), TP_OK);
}

static void is_of_a_gang(uint32_t rank, uint32_t n, void *unused) {
    (void)rank;
    (void)n;
    (void)unused;
}

static void makes_gangs_as_it_stops(void *unused, uint32_t worker) {
    (void)unused;
    (void)worker;
    must_status(tp_gang(tp_current(), 2, is_of_a_gang, NULL), TP_EAGAIN);
    must_status(tp_gang(tp_current(), 1, is_of_a_gang, NULL), TP_OK);
}

static void a_worker_on_its_way_out_has_no_gang(void **state) {
    (void)state;
    for (size_t i = 0; i < rounds(3, 50, 500); i++) {
        tp_options options = TP_OPTIONS_INIT;
        options.threads = 3;
        options.on_stop = makes_gangs_as_it_stops;
        assert_status(tp_destroy(pool_with(options)), TP_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_bodies_run_at_the_same_time_each_rank_once_and_the_first_on_the_caller),
        cmocka_unit_test(a_gang_of_one_runs_on_the_caller_and_needs_no_other),
        cmocka_unit_test(a_gang_wakes_a_pool_that_sleeps),
        cmocka_unit_test(sixteen_gangs_of_two_from_sixteen_tasks_at_once_end_on_two_workers),
        cmocka_unit_test(eight_outside_threads_and_sixteen_tasks_have_gangs_at_once),
        cmocka_unit_test(tasks_that_hold_every_worker_are_nothing_to_a_gang),
        cmocka_unit_test(a_full_queue_is_nothing_to_a_gang),
        cmocka_unit_test(a_paused_pool_has_gangs),
        cmocka_unit_test(gangs_nest),
        cmocka_unit_test(loops_and_branches_have_gangs),
        cmocka_unit_test(bodies_submit_loop_fork_and_wait),
        cmocka_unit_test(no_body_can_wait_for_what_its_caller_stands_in),
        cmocka_unit_test(every_body_is_asked_to_stop_with_its_callers_group),
        cmocka_unit_test(no_two_bodies_have_the_same_worker_index),
        cmocka_unit_test(a_gang_that_cannot_be_had_says_so_and_starts_nobody),
        cmocka_unit_test(a_gang_of_more_than_there_can_be_threads_is_refused),
        cmocka_unit_test(a_gang_is_refused_where_all_others_are_busy_and_no_reserve_may_be_had),
        cmocka_unit_test(gangs_that_fight_for_too_few_threads_all_end),
        cmocka_unit_test(a_gang_for_which_the_system_has_no_thread_says_so_and_the_next_may_have_one),
        cmocka_unit_test(threads_that_a_gang_needed_go_away),
        cmocka_unit_test(a_wait_for_the_pool_and_its_end_wait_for_gangs),
        cmocka_unit_test(at_the_end_outside_callers_are_refused_and_a_tasks_gang_runs),
        cmocka_unit_test(the_default_pool_starts_at_the_first_gang),
        cmocka_unit_test(a_member_has_no_blocking_region_but_its_own),
        cmocka_unit_test(a_worker_on_its_way_out_has_no_gang),
    };
    return run_file(tests);
}
