// reserve: whoever blocks in a task is replaced, so that as many tasks run as the pool has threads: in waits, and between
// tp_blocking_begin and tp_blocking_end. How many may be had, which numbers they have, and when they end.

#include "support.h"

#include <stdatomic.h>

static void adds(void *arg) { atomic_fetch_add((_Atomic uint64_t *)arg, 1); }

// ---- Tasks that wait for a future that somebody else completes ----------------------------------------------

struct hand {
    tp_future *future;
    struct tally calls;
    struct tally returns;
};

#define HAND_INIT                                                                                                      \
    { future_by_hand(), TALLY_INIT, TALLY_INIT }

static void waits(void *arg) {
    struct hand *hand = (struct hand *)arg;
    tally_add(&hand->calls);
    must(value_of(hand->future) == hand);
    tally_add(&hand->returns);
}

static void completes(void *arg) {
    struct hand *hand = (struct hand *)arg;
    must_status(tp_future_complete(hand->future, hand), TP_OK);
}

static void blocks(void *arg) {
    struct gate *gate = (struct gate *)arg;
    must_status(tp_blocking_begin(), TP_OK);
    stand(gate);
    must_status(tp_blocking_end(), TP_OK);
}

// Where there may be more that block than reserves.
static void blocks_if_it_can(void *arg) {
    struct gate *gate = (struct gate *)arg;
    tp_status status = tp_blocking_begin();
    must(status == TP_OK || status == TP_EAGAIN);
    stand(gate);
    must_status(tp_blocking_end(), TP_OK);
}

// ---- The pool's parallelism --------------------------------------------------------------------------------

static void a_task_that_waits_is_replaced_so_that_a_later_task_can_end_the_wait(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (size_t round = 0; round < rounds(3, 100, 1000); round++) {
            struct hand hand = HAND_INIT;
            tp_pool *pool = pool_of(worker_counts[i]);
            for (int n = 0; n < 20; n++) assert_status(tp_submit(pool, waits, &hand), TP_OK);
            assert_status(tp_submit(pool, completes, &hand), TP_OK);
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
            assert_int_equal(tally_now(&hand.returns), 20);
            tp_future_release(hand.future);
            assert_status(tp_destroy(pool), TP_OK);
        }
    }
}

static void as_many_tasks_run_as_before_while_others_wait(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct hand hand = HAND_INIT;
        struct gate gate = GATE_INIT;
        tp_pool *pool = pool_of(worker_counts[i]);
        for (int n = 0; n < 10; n++) assert_status(tp_submit(pool, waits, &hand), TP_OK);
        assert_true(tally_reaches(&hand.calls, 10));
        for (uint32_t n = 0; n < worker_counts[i]; n++) assert_status(tp_submit(pool, stand, &gate), TP_OK);
        assert_true(tally_reaches(&gate.entered, worker_counts[i]));
        assert_int_equal(tally_now(&hand.returns), 0);
        assert_int_equal(tp_thread_count(pool), worker_counts[i]);
        gate_open(&gate);
        completes(&hand);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        tp_future_release(hand.future);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void as_many_tasks_run_as_before_while_others_block(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct gate blocked = GATE_INIT;
        struct gate gate = GATE_INIT;
        tp_pool *pool = pool_of(worker_counts[i]);
        for (int n = 0; n < 50; n++) assert_status(tp_submit(pool, blocks, &blocked), TP_OK);
        assert_true(tally_reaches(&blocked.entered, 50));
        for (uint32_t n = 0; n < worker_counts[i]; n++) assert_status(tp_submit(pool, stand, &gate), TP_OK);
        assert_true(tally_reaches(&gate.entered, worker_counts[i]));
        gate_open(&gate);
        gate_open(&blocked);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&blocked.left), 50);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// Tasks that see how many run at a time, on a pool where others are blocked for as long.
struct crowd {
    _Atomic int64_t running;
    int64_t most;
    struct tally ended;
};

static void runs_in_a_crowd(void *arg) {
    struct crowd *crowd = (struct crowd *)arg;
    must(atomic_fetch_add(&crowd->running, 1) < crowd->most);
    for (int i = 0; i < 10; i++) sched_yield();
    atomic_fetch_sub(&crowd->running, 1);
    tally_add(&crowd->ended);
}

static void no_more_tasks_run_than_the_pool_has_threads_while_others_are_blocked(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct hand hand = HAND_INIT;
        struct gate blocked = GATE_INIT;
        struct crowd crowd = {0, worker_counts[i], TALLY_INIT};
        size_t n = rounds(200, 5000, 50000);
        tp_pool *pool = pool_of(worker_counts[i]);
        for (int task = 0; task < 10; task++) {
            assert_status(tp_submit(pool, waits, &hand), TP_OK);
            assert_status(tp_submit(pool, blocks, &blocked), TP_OK);
        }
        // Those that are about to wait count as running, but run nothing of the crowd.
        for (size_t task = 0; task < n; task++) assert_status(tp_submit(pool, runs_in_a_crowd, &crowd), TP_OK);
        assert_true(tally_reaches(&crowd.ended, n));
        assert_int_equal(tally_now(&hand.returns), 0);
        assert_int_equal(tally_now(&blocked.left), 0);
        completes(&hand);
        gate_open(&blocked);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        tp_future_release(hand.future);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// Once the moment after an end is over, no more run than before.
static void no_more_tasks_run_than_the_pool_has_threads_when_all_have_come_back(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct gate blocked = GATE_INIT;
        struct crowd crowd = {0, worker_counts[i], TALLY_INIT};
        size_t n = rounds(200, 5000, 50000);
        tp_pool *pool = pool_of(worker_counts[i]);
        for (int task = 0; task < 10; task++) assert_status(tp_submit(pool, blocks, &blocked), TP_OK);
        assert_true(tally_reaches(&blocked.entered, 10));
        gate_open(&blocked);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_soon(threads_now() == 1 + worker_counts[i]);
        for (size_t task = 0; task < n; task++) assert_status(tp_submit(pool, runs_in_a_crowd, &crowd), TP_OK);
        assert_true(tally_reaches(&crowd.ended, n));
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void sleeps_a_millisecond(void *ran) {
    struct timespec time = {0, 1000000};
    tp_status begun = tp_blocking_begin();
    must(begun == TP_OK || begun == TP_EAGAIN);
    nanosleep(&time, NULL);
    must_status(tp_blocking_end(), TP_OK);
    adds(ran);
}

static void two_workers_go_on_with_other_work_while_many_tasks_block(void **state) {
    (void)state;
    _Atomic uint64_t slept = 0;
    struct tally ran = TALLY_INIT;
    struct gate gate = GATE_INIT;
    size_t n = rounds(100, 2000, 10000);
    tp_pool *pool = pool_of(2);
    for (size_t i = 0; i < n; i++) {
        assert_status(tp_submit(pool, sleeps_a_millisecond, &slept), TP_OK);
        assert_status(tp_submit(pool, count, &ran), TP_OK);
        if (i % 10 == 0 && i < 1000) assert_status(tp_submit(pool, blocks_if_it_can, &gate), TP_OK);
    }
    assert_true(tally_reaches(&ran, n));
    assert_int_equal(tally_now(&gate.left), 0);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(slept, n);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Begin and end -----------------------------------------------------------------------------------------

static void begin_and_end_outside_a_task_have_no_effect(void **state) {
    (void)state;
    assert_status(tp_blocking_end(), TP_EINVAL);
    assert_status(tp_blocking_begin(), TP_OK);
    assert_status(tp_blocking_begin(), TP_OK);
    tp_pool *pool = pool_of(1);
    assert_int_equal(threads_now(), 2);
    run_inside(pool, nothing, NULL);
    assert_int_equal(tp_cancelled(), 0);
    assert_null(tp_current());
    assert_int_equal(tp_worker_index(), -1);
    assert_status(tp_blocking_end(), TP_OK);
    assert_status(tp_blocking_end(), TP_OK);
    assert_status(tp_blocking_end(), TP_EINVAL);
    assert_status(tp_destroy(pool), TP_OK);
}

static void nests(void *arg) {
    (void)arg;
    must_status(tp_blocking_end(), TP_EINVAL);
    for (int i = 0; i < 1000; i++) must_status(tp_blocking_begin(), TP_OK);
    for (int i = 0; i < 1000; i++) must_status(tp_blocking_end(), TP_OK);
    must_status(tp_blocking_end(), TP_EINVAL);
    must_status(tp_blocking_begin(), TP_OK);
    must_status(tp_blocking_end(), TP_OK);
    must_status(tp_blocking_end(), TP_EINVAL);
}

static void begins_and_ends_nest(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (int n = 0; n < 20; n++) assert_status(tp_submit(pool, nests, NULL), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

struct nested {
    struct gate inner;
    struct gate outer;
};

static void ends_the_inner_of_two(void *arg) {
    struct nested *nested = (struct nested *)arg;
    must_status(tp_blocking_begin(), TP_OK);
    must_status(tp_blocking_begin(), TP_OK);
    must_status(tp_blocking_end(), TP_OK);
    stand(&nested->outer);
    must_status(tp_blocking_end(), TP_OK);
}

static void a_task_is_replaced_until_the_outermost_end(void **state) {
    (void)state;
    struct nested nested = {GATE_INIT, GATE_INIT};
    tp_pool *pool = pool_of(1);
    assert_status(tp_submit(pool, ends_the_inner_of_two, &nested), TP_OK);
    assert_true(tally_reaches(&nested.outer.entered, 1));
    assert_status(tp_submit(pool, stand, &nested.inner), TP_OK);
    assert_true(tally_reaches(&nested.inner.entered, 1));
    gate_open(&nested.inner);
    gate_open(&nested.outer);
    assert_status(tp_destroy(pool), TP_OK);
}

static void leaves_it_open(void *arg) {
    (void)arg;
    must_status(tp_blocking_begin(), TP_OK);
    must_status(tp_blocking_begin(), TP_OK);
}

static void finds_nothing_open(void *arg) {
    must_status(tp_blocking_end(), TP_EINVAL);
    adds(arg);
}

static void *leaves_it_open_async(void *arg) {
    leaves_it_open(arg);
    return NULL;
}

static void what_a_task_leaves_open_ends_with_it(void **state) {
    (void)state;
    _Atomic uint64_t ran = 0;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        tp_group *group = group_of(pool, NULL);
        for (size_t n = 0; n < rounds(50, 2000, 20000); n++) {
            assert_status(tp_submit(pool, leaves_it_open, NULL), TP_OK);
            assert_status(tp_group_submit(group, leaves_it_open, NULL), TP_OK);
            tp_future_release(future_of(pool, leaves_it_open_async, NULL));
            assert_status(tp_submit(pool, finds_nothing_open, &ran), TP_OK);
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        }
        if (i == 1) assert_soon(threads_now() == 1 + worker_counts[i]);
        assert_status(tp_group_destroy(group), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void waits_while_it_blocks(void *arg) {
    tp_group *group = group_of(tp_current(), NULL);
    must_status(tp_blocking_begin(), TP_OK);
    must_status(tp_group_submit(group, finds_nothing_open, arg), TP_OK);
    must_status(tp_group_submit(group, leaves_it_open, arg), TP_OK);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    must_status(tp_group_destroy(group), TP_OK);
    must_status(tp_blocking_end(), TP_OK);
    must_status(tp_blocking_end(), TP_EINVAL);
}

static void a_task_that_runs_inside_another_has_begins_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        _Atomic uint64_t ran = 0;
        tp_pool *pool = pool_of(worker_counts[i]);
        size_t n = rounds(20, 1000, 10000);
        for (size_t round = 0; round < n; round++) assert_status(tp_submit(pool, waits_while_it_blocks, &ran), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(ran, n);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void begins_without_a_reserve(void *arg) {
    must_status(tp_blocking_begin(), TP_EAGAIN);
    must_status(tp_blocking_begin(), TP_OK);
    must_status(tp_blocking_end(), TP_OK);
    must_status(tp_blocking_end(), TP_OK);
    must_status(tp_blocking_end(), TP_EINVAL);
    adds(arg);
}

static void a_begin_without_a_reserve_says_so_and_its_end_is_owed(void **state) {
    (void)state;
    _Atomic uint64_t ran = 0;
    tp_pool *pool = pool_reserved(1, 0);
    for (int i = 0; i < 20; i++) assert_status(tp_submit(pool, begins_without_a_reserve, &ran), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(ran, 20);
    assert_int_equal(threads_now(), 2);
    assert_status(tp_destroy(pool), TP_OK);
}

static void no_more_reserves_are_had_than_the_options_allow(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_reserved(2, 3);
    for (int i = 0; i < 20; i++) assert_status(tp_submit(pool, blocks_if_it_can, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 5));
    assert_int_equal(threads_now(), 6);
    assert_int_equal(tp_queued(pool), 15);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&gate.left), 20);
    assert_true(threads_now() <= 6);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- No reserve to be had ----------------------------------------------------------------------------------

struct mutual {
    tp_future *future;
    struct tally calls;
    _Atomic uint64_t refused;
    _Atomic uint64_t waited;
};

// Waits for what only another that waits too would complete; whoever is told that nobody can, does.
static void waits_mutually(void *arg) {
    struct mutual *mutual = (struct mutual *)arg;
    tally_add(&mutual->calls);
    tp_status status = tp_future_wait(mutual->future, LIMIT_NS, NULL);
    must(status == TP_OK || status == TP_EAGAIN);
    if (status == TP_OK) atomic_fetch_add(&mutual->waited, 1);
    if (status == TP_EAGAIN) {
        must(tp_future_state(mutual->future) != TP_FUTURE_CANCELED);
        atomic_fetch_add(&mutual->refused, 1);
        tp_status first = tp_future_complete(mutual->future, mutual);
        must(first == TP_OK || first == TP_EBUSY);
    }
}

static void of_more_mutual_waits_than_reserves_one_is_told_and_the_pool_goes_on(void **state) {
    (void)state;
    const uint32_t reserves[] = {0, 1, 3, 8};
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int r = 0; r < 4; r++) {
            uint32_t n = worker_counts[i] + reserves[r];
            struct mutual mutual = {future_by_hand(), TALLY_INIT, 0, 0};
            _Atomic uint64_t ran = 0;
            tp_pool *pool = pool_reserved(worker_counts[i], reserves[r]);
            uint64_t start = now_ns();
            for (uint32_t task = 0; task < n; task++) assert_status(tp_submit(pool, waits_mutually, &mutual), TP_OK);
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
            assert_true(now_ns() - start < 10 * SECOND);
            assert_true(mutual.refused >= 1);
            assert_int_equal(mutual.refused + mutual.waited, n);
            for (int task = 0; task < 100; task++) assert_status(tp_submit(pool, adds, &ran), TP_OK);
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
            assert_int_equal(ran, 100);
            tp_future_release(mutual.future);
            assert_status(tp_destroy(pool), TP_OK);
        }
    }
}

static void one_wait_less_is_not_refused(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct hand hand = HAND_INIT;
        tp_pool *pool = pool_reserved(worker_counts[i], 4);
        for (uint32_t n = 0; n < worker_counts[i] + 3; n++) assert_status(tp_submit(pool, waits, &hand), TP_OK);
        assert_true(tally_reaches(&hand.calls, worker_counts[i] + 3));
        assert_int_equal(tally_now(&hand.returns), 0);
        assert_status(tp_submit(pool, completes, &hand), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        tp_future_release(hand.future);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// Each of a ring of tasks waits for the next one's group.
struct ring {
    tp_group *groups[6];
    struct tally entered;
    _Atomic uint64_t refused;
};

struct in_ring {
    struct ring *ring;
    int at;
};

static void waits_in_a_ring(void *arg) {
    struct in_ring *place = (struct in_ring *)arg;
    struct ring *ring = place->ring;
    // The sixth has nobody in reserve.
    tp_status begun = tp_blocking_begin();
    must(begun == TP_OK || begun == TP_EAGAIN);
    tally_add(&ring->entered);
    must(tally_reaches(&ring->entered, 6));
    must_status(tp_blocking_end(), TP_OK);
    tp_status status = tp_group_wait(ring->groups[(place->at + 1) % 6], LIMIT_NS);
    must(status == TP_OK || status == TP_EAGAIN);
    if (status == TP_EAGAIN) atomic_fetch_add(&ring->refused, 1);
}

static void a_ring_of_waits_for_groups_is_broken(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 50, 500); round++) {
        struct ring ring = {{NULL}, TALLY_INIT, 0};
        struct in_ring places[6];
        tp_pool *pool = pool_reserved(1, 5);
        for (int i = 0; i < 6; i++) ring.groups[i] = group_of(pool, NULL);
        uint64_t start = now_ns();
        for (int i = 0; i < 6; i++) {
            places[i] = (struct in_ring){&ring, i};
            assert_status(tp_group_submit(ring.groups[i], waits_in_a_ring, &places[i]), TP_OK);
        }
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_true(now_ns() - start < 10 * SECOND);
        assert_true(ring.refused >= 1);
        run_inside(pool, nothing, NULL);
        for (int i = 0; i < 6; i++) assert_status(tp_group_destroy(ring.groups[i]), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void waits_for_any_and_a_pool_without_a_reserve(void *arg) {
    tp_pool *other = (tp_pool *)arg;
    tp_future *futures[] = {future_by_hand(), future_by_hand()};
    struct gate gate = GATE_INIT;
    uint64_t start = now_ns();
    must_status(tp_future_wait_any(futures, 2, LIMIT_NS, NULL), TP_EAGAIN);
    occupy(other, &gate, 1);
    must_status(tp_wait(other, LIMIT_NS), TP_EAGAIN);
    must(now_ns() - start < 10 * SECOND);
    gate_open(&gate);
    must(tally_reaches(&gate.left, 1));
    must_soon(tp_wait(other, 0) == TP_OK);
    for (int i = 0; i < 2; i++) tp_future_release(futures[i]);
}

static void every_wait_in_a_task_says_that_nobody_can_take_its_place(void **state) {
    (void)state;
    tp_pool *other = pool_of(1);
    tp_pool *pool = pool_reserved(1, 0);
    run_inside(pool, waits_for_any_and_a_pool_without_a_reserve, other);
    run_inside(pool, nothing, NULL);
    assert_status(tp_destroy(pool), TP_OK);
    assert_status(tp_destroy(other), TP_OK);
}

static void polls(void *arg) {
    (void)arg;
    tp_future *future = future_by_hand();
    tp_group *group = group_of(tp_current(), NULL);
    must_status(tp_future_wait(future, 0, NULL), TP_ETIMEDOUT);
    must_status(tp_future_wait_any(&future, 1, 0, NULL), TP_ETIMEDOUT);
    must_status(tp_group_wait(group, 0), TP_OK);
    tp_future_release(future);
    must_status(tp_group_destroy(group), TP_OK);
}

static void a_task_may_look_without_a_reserve(void **state) {
    (void)state;
    tp_pool *pool = pool_reserved(1, 0);
    run_inside(pool, polls, NULL);
    assert_int_equal(threads_now(), 2);
    assert_status(tp_destroy(pool), TP_OK);
}

static void waits_without_threads(void *arg) {
    (void)arg;
    if (!limit_threads(64)) child_end(CANNOT);
    struct mutual mutual = {future_by_hand(), TALLY_INIT, 0, 0};
    tp_pool *pool = pool_of(1);
    must(limit_threads(1));
    uint64_t start = now_ns();
    run_inside(pool, waits_mutually, &mutual);
    must(now_ns() - start < 10 * SECOND);
    must(mutual.refused == 1);
    tp_future_release(mutual.future);
    mutual.future = future_by_hand();
    unlimit_threads();
    struct hand hand = HAND_INIT;
    must_status(tp_submit(pool, waits, &hand), TP_OK);
    must_status(tp_submit(pool, completes, &hand), TP_OK);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_wait_for_which_the_system_has_no_thread_says_so_and_the_next_may_have_one(void **state) {
    (void)state;
    assert_limited_child(waits_without_threads);
}

// ---- Waits of other kinds ----------------------------------------------------------------------------------

struct two_pools {
    tp_pool *pool;
    tp_pool *other;
    struct gate gate;
    struct tally waits;
};

static void waits_for_the_other_pool(void *arg) {
    struct two_pools *two = (struct two_pools *)arg;
    tally_add(&two->waits);
    must_status(tp_wait(two->other, LIMIT_NS), TP_OK);
}

static void opens(void *arg) { gate_open(&((struct two_pools *)arg)->gate); }

static void a_task_that_waits_for_another_pool_is_replaced(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(5, 200, 2000); round++) {
        struct two_pools two = {pool_of(1), pool_of(1), GATE_INIT, TALLY_INIT};
        occupy(two.other, &two.gate, 1);
        assert_status(tp_submit(two.pool, waits_for_the_other_pool, &two), TP_OK);
        assert_status(tp_submit(two.pool, opens, &two), TP_OK);
        assert_status(tp_wait(two.pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(two.pool), TP_OK);
        assert_status(tp_destroy(two.other), TP_OK);
    }
}

static void submits_to_the_full_pool(void *arg) {
    struct two_pools *two = (struct two_pools *)arg;
    must_status(tp_submit(two->other, nothing, NULL), TP_OK);
}

static void a_task_that_waits_for_room_in_another_pools_queue_is_replaced(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(5, 200, 2000); round++) {
        struct two_pools two = {pool_of(1), pool_full_at(1, TP_FULL_BLOCK), GATE_INIT, TALLY_INIT};
        occupy(two.other, &two.gate, 1);
        assert_status(tp_submit(two.other, nothing, NULL), TP_OK);
        assert_status(tp_submit(two.pool, submits_to_the_full_pool, &two), TP_OK);
        assert_status(tp_submit(two.pool, opens, &two), TP_OK);
        assert_status(tp_wait(two.pool, LIMIT_NS), TP_OK);
        assert_status(tp_wait(two.other, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(two.pool), TP_OK);
        assert_status(tp_destroy(two.other), TP_OK);
    }
}

static void waits_too_short(void *arg) {
    struct hand *hand = (struct hand *)arg;
    must_status(tp_future_wait(hand->future, SHORT_NS, NULL), TP_ETIMEDOUT);
    tally_add(&hand->returns);
}

static void waits_that_time_out_leave_the_pool_as_it_was(void **state) {
    (void)state;
    struct hand hand = HAND_INIT;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(2);
    for (int i = 0; i < 100; i++) assert_status(tp_submit(pool, waits_too_short, &hand), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&hand.returns), 100);
    occupy(pool, &gate, 2);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_soon(threads_now() == 3);
    tp_future_release(hand.future);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Indexes -----------------------------------------------------------------------------------------------

enum { INDEXES = 64 };

struct indexes {
    tp_pool *pool;
    tp_future *future;
    uint32_t below;
    _Atomic int taken[INDEXES];
    _Atomic uint64_t seen_reserves;
    struct tally calls;
    struct tally ended;
};

static _Thread_local int tasks_here;

static void take_index(struct indexes *indexes) {
    int32_t index = tp_worker_index();
    must(index >= 0 && (uint32_t)index < indexes->below);
    must(tp_current() == indexes->pool);
    if (tasks_here++ == 0) must(atomic_fetch_add(&indexes->taken[index], 1) == 0);
    if ((uint32_t)index >= tp_thread_count(indexes->pool)) atomic_fetch_add(&indexes->seen_reserves, 1);
}

static void give_index(struct indexes *indexes) {
    if (--tasks_here == 0) must(atomic_fetch_sub(&indexes->taken[tp_worker_index()], 1) == 1);
}

static void waits_with_an_index(void *arg) {
    struct indexes *indexes = (struct indexes *)arg;
    take_index(indexes);
    tally_add(&indexes->calls);
    int32_t before = tp_worker_index();
    // With all others blocked and none in reserve there is nobody to wait for.
    tp_status status = tp_future_wait(indexes->future, LIMIT_NS, NULL);
    must(status == TP_OK || status == TP_EAGAIN);
    must(tp_worker_index() == before);
    give_index(indexes);
    tally_add(&indexes->ended);
}

static void runs_with_an_index(void *arg) {
    struct indexes *indexes = (struct indexes *)arg;
    take_index(indexes);
    tp_status begun = tp_blocking_begin();
    must(begun == TP_OK || begun == TP_EAGAIN);
    sched_yield();
    must_status(tp_blocking_end(), TP_OK);
    give_index(indexes);
    tally_add(&indexes->ended);
}

static void reserves_have_indexes_of_their_own_from_the_thread_count_up(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (size_t round = 0; round < rounds(2, 30, 300); round++) {
            struct indexes indexes;
            memset(&indexes, 0, sizeof indexes);
            struct tally none = TALLY_INIT;
            indexes.calls = none;
            indexes.ended = none;
            indexes.pool = pool_reserved(worker_counts[i], 30);
            indexes.below = worker_counts[i] + 30;
            indexes.future = future_by_hand();
            for (int n = 0; n < 20; n++) assert_status(tp_submit(indexes.pool, waits_with_an_index, &indexes), TP_OK);
            for (int n = 0; n < 200; n++) assert_status(tp_submit(indexes.pool, runs_with_an_index, &indexes), TP_OK);
            assert_true(tally_reaches(&indexes.calls, 20));
            assert_true(tally_reaches(&indexes.ended, 200));
            assert_status(tp_future_complete(indexes.future, NULL), TP_OK);
            assert_status(tp_wait(indexes.pool, LIMIT_NS), TP_OK);
            assert_true(indexes.seen_reserves > 0);
            tp_future_release(indexes.future);
            assert_status(tp_destroy(indexes.pool), TP_OK);
        }
    }
}

static void indexes_stay_apart_when_the_pool_is_resized_while_reserves_are_there(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(2, 50, 500); round++) {
        struct indexes indexes;
        memset(&indexes, 0, sizeof indexes);
        struct tally none = TALLY_INIT;
        indexes.calls = none;
        indexes.ended = none;
        indexes.pool = pool_reserved(2, 30);
        indexes.below = 8 + 30;
        indexes.future = future_by_hand();
        for (int n = 0; n < 10; n++) assert_status(tp_submit(indexes.pool, waits_with_an_index, &indexes), TP_OK);
        assert_true(tally_reaches(&indexes.calls, 10));
        for (uint32_t n = 0; n < 50; n++) {
            assert_status(tp_submit(indexes.pool, runs_with_an_index, &indexes), TP_OK);
            assert_status(tp_resize(indexes.pool, 1 + (n * 5 + (uint32_t)round) % 8), TP_OK);
        }
        assert_true(tally_reaches(&indexes.ended, 50));
        assert_status(tp_future_complete(indexes.future, NULL), TP_OK);
        assert_status(tp_wait(indexes.pool, LIMIT_NS), TP_OK);
        tp_future_release(indexes.future);
        assert_status(tp_destroy(indexes.pool), TP_OK);
    }
}

// ---- The end of reserves -----------------------------------------------------------------------------------

static void reserves_end_when_they_have_been_idle_for_a_while(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(2);
    for (int i = 0; i < 20; i++) assert_status(tp_submit(pool, blocks, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 20));
    assert_true(threads_now() >= 1 + 20);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_soon(threads_now() == 1 + 2);
    assert_status(tp_destroy(pool), TP_OK);
}

static void reserves_are_used_again(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    for (size_t round = 0; round < rounds(20, 500, 5000); round++) {
        struct gate gate = GATE_INIT;
        for (int i = 0; i < 10; i++) assert_status(tp_submit(pool, blocks, &gate), TP_OK);
        assert_true(tally_reaches(&gate.entered, 10));
        assert_true(threads_now() <= 1 + 2 + 10 + 10);
        gate_open(&gate);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_pool_is_destroyed_while_reserves_are_idle(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(10, 300, 3000); round++) {
        struct gate gate = GATE_INIT;
        tp_pool *pool = pool_of(2);
        for (int i = 0; i < 5; i++) assert_status(tp_submit(pool, blocks, &gate), TP_OK);
        assert_true(tally_reaches(&gate.entered, 5));
        gate_open(&gate);
        if (round % 2 == 0) assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
        assert_soon(threads_now() == 1);
    }
}

static void *completes_when_they_wait(void *arg) {
    struct hand *hand = (struct hand *)arg;
    must(tally_reaches(&hand->calls, 5));
    completes(arg);
    return NULL;
}

static void a_pool_that_drains_waits_for_the_tasks_that_wait(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(10, 300, 3000); round++) {
        struct hand hand = HAND_INIT;
        tp_pool *pool = pool_of(1);
        pthread_t thread = start_thread(completes_when_they_wait, &hand);
        for (int i = 0; i < 5; i++) assert_status(tp_submit(pool, waits, &hand), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(tally_now(&hand.returns), 5);
        join_thread(thread);
        tp_future_release(hand.future);
    }
}

static void a_pool_that_drains_replaces_those_that_wait_for_what_is_queued(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(10, 300, 3000); round++) {
        struct hand hand = HAND_INIT;
        tp_pool *pool = pool_of(1);
        assert_status(tp_pause(pool), TP_OK);
        for (int i = 0; i < 5; i++) assert_status(tp_submit(pool, waits, &hand), TP_OK);
        assert_status(tp_submit(pool, completes, &hand), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(tally_now(&hand.returns), 5);
        tp_future_release(hand.future);
    }
}

// ---- Hooks -------------------------------------------------------------------------------------------------

struct hooks {
    _Atomic uint64_t starts;
    _Atomic uint64_t stops;
    _Atomic int there[INDEXES];
};

static void starts(void *ctx, uint32_t worker) {
    struct hooks *hooks = (struct hooks *)ctx;
    must(worker < INDEXES);
    must((uint32_t)tp_worker_index() == worker);
    must(atomic_fetch_add(&hooks->there[worker], 1) == 0);
    atomic_fetch_add(&hooks->starts, 1);
}

static void stops(void *ctx, uint32_t worker) {
    struct hooks *hooks = (struct hooks *)ctx;
    must((uint32_t)tp_worker_index() == worker);
    must(atomic_fetch_sub(&hooks->there[worker], 1) == 1);
    atomic_fetch_add(&hooks->stops, 1);
}

static void hooks_run_on_reserves_too(void **state) {
    (void)state;
    struct hooks hooks;
    struct gate gate = GATE_INIT;
    memset(&hooks, 0, sizeof hooks);
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 2;
    options.max_reserve = 30;
    options.on_start = starts;
    options.on_stop = stops;
    options.hook_ctx = &hooks;
    tp_pool *pool = pool_with(options);
    for (int i = 0; i < 10; i++) assert_status(tp_submit(pool, blocks, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 10));
    assert_true(hooks.starts >= 10);
    assert_int_equal(hooks.stops, 0);
    gate_open(&gate);
    assert_status(tp_destroy(pool), TP_OK);
    assert_int_equal(hooks.starts, hooks.stops);
}

// ---- Load --------------------------------------------------------------------------------------------------

struct load {
    tp_pool *pool;
    _Atomic uint64_t ran;
};

static void *works_async(void *arg) {
    adds(&((struct load *)arg)->ran);
    return NULL;
}

static void works(void *arg) { (void)works_async(arg); }

static void does_a_bit_of_all(void *arg) {
    struct load *load = (struct load *)arg;
    tp_group *group = group_of(load->pool, NULL);
    for (int i = 0; i < 5; i++) must_status(tp_group_submit(group, works, load), TP_OK);
    tp_future *future = future_of(load->pool, works_async, load);
    must_status(tp_blocking_begin(), TP_OK);
    sched_yield();
    must_status(tp_blocking_end(), TP_OK);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    value_of(future);
    must_status(tp_group_destroy(group), TP_OK);
    tp_future_release(future);
    adds(&load->ran);
}

static void waits_and_blocks_of_all_kinds_go_together(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct load load = {pool_of(worker_counts[i]), 0};
        size_t n = rounds(2, 100, 1000);
        for (size_t round = 1; round <= n; round++) {
            // Fewer than there are reserves, so that all may block at a time.
            for (int task = 0; task < 200; task++) assert_status(tp_submit(load.pool, does_a_bit_of_all, &load), TP_OK);
            assert_status(tp_wait(load.pool, LIMIT_NS), TP_OK);
            assert_int_equal(load.ran, 7 * 200 * round);
        }
        assert_status(tp_destroy(load.pool), TP_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_that_waits_is_replaced_so_that_a_later_task_can_end_the_wait),
        cmocka_unit_test(as_many_tasks_run_as_before_while_others_wait),
        cmocka_unit_test(as_many_tasks_run_as_before_while_others_block),
        cmocka_unit_test(no_more_tasks_run_than_the_pool_has_threads_while_others_are_blocked),
        cmocka_unit_test(no_more_tasks_run_than_the_pool_has_threads_when_all_have_come_back),
        cmocka_unit_test(two_workers_go_on_with_other_work_while_many_tasks_block),
        cmocka_unit_test(begin_and_end_outside_a_task_have_no_effect),
        cmocka_unit_test(begins_and_ends_nest),
        cmocka_unit_test(a_task_is_replaced_until_the_outermost_end),
        cmocka_unit_test(what_a_task_leaves_open_ends_with_it),
        cmocka_unit_test(a_task_that_runs_inside_another_has_begins_of_its_own),
        cmocka_unit_test(a_begin_without_a_reserve_says_so_and_its_end_is_owed),
        cmocka_unit_test(no_more_reserves_are_had_than_the_options_allow),
        cmocka_unit_test(of_more_mutual_waits_than_reserves_one_is_told_and_the_pool_goes_on),
        cmocka_unit_test(one_wait_less_is_not_refused),
        cmocka_unit_test(a_ring_of_waits_for_groups_is_broken),
        cmocka_unit_test(every_wait_in_a_task_says_that_nobody_can_take_its_place),
        cmocka_unit_test(a_task_may_look_without_a_reserve),
        cmocka_unit_test(a_wait_for_which_the_system_has_no_thread_says_so_and_the_next_may_have_one),
        cmocka_unit_test(a_task_that_waits_for_another_pool_is_replaced),
        cmocka_unit_test(a_task_that_waits_for_room_in_another_pools_queue_is_replaced),
        cmocka_unit_test(waits_that_time_out_leave_the_pool_as_it_was),
        cmocka_unit_test(reserves_have_indexes_of_their_own_from_the_thread_count_up),
        cmocka_unit_test(indexes_stay_apart_when_the_pool_is_resized_while_reserves_are_there),
        cmocka_unit_test(reserves_end_when_they_have_been_idle_for_a_while),
        cmocka_unit_test(reserves_are_used_again),
        cmocka_unit_test(a_pool_is_destroyed_while_reserves_are_idle),
        cmocka_unit_test(a_pool_that_drains_waits_for_the_tasks_that_wait),
        cmocka_unit_test(a_pool_that_drains_replaces_those_that_wait_for_what_is_queued),
        cmocka_unit_test(hooks_run_on_reserves_too),
        cmocka_unit_test(waits_and_blocks_of_all_kinds_go_together),
    };
    return run_file(tests);
}
