// future: a task's result on its way, or a value given by hand: waits for one and for any, and what comes then.
//
// The cancelling is in cancel.c, the threads behind waits inside tasks in reserve.c, the errors in errors.c.

#include "support.h"

#include <malloc.h>
#include <stdatomic.h>

static void *adds(void *arg) {
    atomic_fetch_add((_Atomic uint64_t *)arg, 1);
    return arg;
}

static void *must_not_run(void *arg) {
    (void)arg;
    must(!"a task runs that may not");
    return NULL;
}

static void *must_not_follow(void *value, void *arg) {
    (void)value;
    (void)arg;
    must(!"a task runs that may not");
    return NULL;
}

// The sum of the value and the argument, as numbers.
static void *plus(void *value, void *arg) { return (void *)((uintptr_t)value + (uintptr_t)arg); }

static void *number(uintptr_t number) { return (void *)number; }

// ---- Values ------------------------------------------------------------------------------------------------

static void a_wait_gives_the_value_that_the_task_returned(void **state) {
    (void)state;
    enum { FUTURES = 100 };
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        tp_future *futures[FUTURES];
        for (uintptr_t n = 0; n < FUTURES; n++) futures[n] = future_of(pool, same, number(n));
        for (uintptr_t n = FUTURES; n-- > 0;) {
            assert_ptr_equal(value_of(futures[n]), number(n));
            assert_ptr_equal(value_of(futures[n]), number(n));
            assert_status(tp_future_wait(futures[n], 0, NULL), TP_OK);
            assert_int_equal(tp_future_state(futures[n]), TP_FUTURE_DONE);
            tp_future_release(futures[n]);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void what_the_task_wrote_is_seen_after_the_wait(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    for (size_t i = 0; i < rounds(200, 20000, 200000); i++) {
        struct {
            uint64_t plain;
            _Atomic uint64_t counted;
        } written = {0, 0};
        tp_future *future = future_of(pool, adds, &written.counted);
        assert_ptr_equal(value_of(future), &written.counted);
        assert_int_equal(atomic_load_explicit(&written.counted, memory_order_relaxed), 1);
        tp_future_release(future);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_future_says_whether_it_waits_runs_or_is_done(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    tp_future *first = future_of(pool, stand_async, &gate);
    tp_future *second = future_of(pool, same, &gate);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_int_equal(tp_future_state(first), TP_FUTURE_RUNNING);
    assert_int_equal(tp_future_state(second), TP_FUTURE_PENDING);
    assert_status(tp_future_wait(first, 0, NULL), TP_ETIMEDOUT);
    assert_status(tp_future_wait(second, SHORT_NS, NULL), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_ptr_equal(value_of(second), &gate);
    assert_int_equal(tp_future_state(first), TP_FUTURE_DONE);
    assert_int_equal(tp_future_state(second), TP_FUTURE_DONE);
    tp_future_release(first);
    tp_future_release(second);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_wait_that_times_out_takes_its_time_and_leaves_the_task(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    void *value = &gate;
    tp_pool *pool = pool_of(1);
    tp_future *future = future_of(pool, stand_async, &gate);
    uint64_t start = now_ns();
    assert_status(tp_future_wait(future, SHORT_NS, &value), TP_ETIMEDOUT);
    assert_true(now_ns() - start >= SHORT_NS);
    gate_open(&gate);
    assert_status(tp_future_wait(future, UINT64_MAX - 1, &value), TP_OK);
    assert_ptr_equal(value, &gate);
    tp_future_release(future);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_future_is_a_task_that_the_pool_counts_and_waits_for(void **state) {
    (void)state;
    _Atomic uint64_t ran = 0;
    tp_pool *pool = pool_of(2);
    assert_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 50; i++) tp_future_release(future_of(pool, adds, &ran));
    assert_int_equal(tp_queued(pool), 50);
    assert_status(tp_wait(pool, 0), TP_ETIMEDOUT);
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(ran, 50);
    assert_status(tp_destroy(pool), TP_OK);
}

struct future_waiter {
    tp_future *future;
    struct tally calls;
};

static void *waits_for_the_future(void *arg) {
    struct future_waiter *waiter = (struct future_waiter *)arg;
    tally_add(&waiter->calls);
    return value_of(waiter->future);
}

static void sixty_four_threads_wait_for_one_future(void **state) {
    (void)state;
    enum { WAITERS = 64 };
    for (size_t round = 0; round < rounds(2, 50, 500); round++) {
        struct gate gate = GATE_INIT;
        pthread_t threads[WAITERS];
        tp_pool *pool = pool_of(1);
        struct future_waiter waiter = {future_of(pool, stand_async, &gate), TALLY_INIT};
        for (int i = 0; i < WAITERS; i++) threads[i] = start_thread(waits_for_the_future, &waiter);
        assert_true(tally_reaches(&waiter.calls, WAITERS));
        gate_open(&gate);
        for (int i = 0; i < WAITERS; i++) {
            void *value = NULL;
            assert_int_equal(pthread_join(threads[i], &value), 0);
            assert_ptr_equal(value, &gate);
        }
        tp_future_release(waiter.future);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void waits_in_a_task(void *arg) {
    struct future_waiter *waiter = (struct future_waiter *)arg;
    must(value_of(waiter->future) != NULL);
    tally_add(&waiter->calls);
}

static void many_tasks_wait_for_one_future(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        struct future_waiter waiter = {future_by_hand(), TALLY_INIT};
        for (int n = 0; n < 64; n++) assert_status(tp_submit(pool, waits_in_a_task, &waiter), TP_OK);
        assert_status(tp_future_complete(waiter.future, pool), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&waiter.calls), 64);
        tp_future_release(waiter.future);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void the_options_of_a_future_may_be_left_out(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_future *future = NULL;
    assert_status(tp_async_with(pool, same, pool, NULL, &future), TP_OK);
    assert_ptr_equal(value_of(future), pool);
    tp_future_release(future);
    char name[] = "a name that is longer than what is kept of it";
    tp_task_options options = options_with_drop(count_canceled);
    options.name = name;
    assert_status(tp_async_with(pool, same, name, &options, &future), TP_OK);
    memset(name, 'x', sizeof name - 1);
    assert_ptr_equal(value_of(future), name);
    tp_future_release(future);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Released ----------------------------------------------------------------------------------------------

static void a_released_future_runs_all_the_same(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        _Atomic uint64_t ran = 0;
        tp_pool *pool = pool_of(worker_counts[i]);
        size_t n = rounds(500, 50000, 500000);
        for (size_t round = 0; round < n; round++) tp_future_release(future_of(pool, adds, &ran));
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(ran, n);
        assert_status(tp_destroy(pool), TP_OK);
    }
    tp_future_release(NULL);
}

struct rounds_of {
    tp_pool *pool;
    uint64_t n;
    _Atomic uint64_t ran;
};

static void makes_waits_and_releases(void *arg) {
    struct rounds_of *all = (struct rounds_of *)arg;
    for (uint64_t i = 0; i < all->n; i++) {
        void *value = NULL;
        tp_future *future = future_of(all->pool, adds, &all->ran);
        must_status(tp_future_wait(future, TP_FOREVER, &value), TP_OK);
        tp_future_release(future);
        must(value == &all->ran);
    }
}

static void a_future_may_be_released_as_soon_as_a_wait_outside_has_returned(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct rounds_of all = {pool_of(worker_counts[i]), rounds(3000, 100000, 1000000), 0};
        makes_waits_and_releases(&all);
        assert_int_equal(all.ran, all.n);
        assert_status(tp_destroy(all.pool), TP_OK);
    }
}

static void a_future_may_be_released_as_soon_as_a_wait_inside_a_task_has_returned(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct rounds_of all = {pool_of(worker_counts[i]), rounds(3000, 100000, 1000000), 0};
        for (uint32_t n = 0; n < worker_counts[i]; n++) {
            assert_status(tp_submit(all.pool, makes_waits_and_releases, &all), TP_OK);
        }
        assert_status(tp_wait(all.pool, LIMIT_NS), TP_OK);
        assert_int_equal(all.ran, all.n * worker_counts[i]);
        assert_status(tp_destroy(all.pool), TP_OK);
    }
}

static void waits_for_what_a_helper_completes(void *arg) {
    struct rounds_of *all = (struct rounds_of *)arg;
    for (uint64_t i = 0; i < all->n; i++) {
        tp_future *future = future_by_hand();
        must_status(tp_future_complete(future, future), TP_OK);
        must(value_of(future) == future);
        tp_future_release(future);
    }
}

static void a_completed_future_may_be_released_at_once(void **state) {
    (void)state;
    struct rounds_of all = {pool_of(2), rounds(500, 50000, 500000), 0};
    for (int i = 0; i < 2; i++) assert_status(tp_submit(all.pool, waits_for_what_a_helper_completes, &all), TP_OK);
    waits_for_what_a_helper_completes(&all);
    assert_status(tp_destroy(all.pool), TP_OK);
}

// One thread waits for what follows a future, while another releases the future.
struct followed {
    tp_future *next;
    struct tally calls;
};

static void *waits_for_the_next(void *arg) {
    struct followed *followed = (struct followed *)arg;
    tally_add(&followed->calls);
    return value_of(followed->next);
}

static void a_future_may_be_released_while_others_wait_for_what_follows_it(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(20, 1000, 10000); round++) {
        struct gate gate = GATE_INIT;
        tp_pool *pool = pool_of(2);
        tp_future *first = future_of(pool, stand_async, &gate);
        tp_future *second = future_then(pool, first, plus, NULL);
        struct followed followed = {future_then(pool, second, plus, NULL), TALLY_INIT};
        pthread_t thread = start_thread(waits_for_the_next, &followed);
        assert_true(tally_reaches(&followed.calls, 1));
        tp_future_release(first);
        tp_future_release(second);
        gate_open(&gate);
        void *value = NULL;
        assert_int_equal(pthread_join(thread, &value), 0);
        assert_ptr_equal(value, &gate);
        tp_future_release(followed.next);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- By hand -----------------------------------------------------------------------------------------------

static void a_future_made_by_hand_has_one_value_and_keeps_it(void **state) {
    (void)state;
    tp_future *future = future_by_hand();
    void *value = future;
    assert_int_equal(tp_future_state(future), TP_FUTURE_PENDING);
    assert_status(tp_future_wait(future, 0, &value), TP_ETIMEDOUT);
    assert_status(tp_future_complete(future, &value), TP_OK);
    assert_int_equal(tp_future_state(future), TP_FUTURE_DONE);
    assert_status(tp_future_complete(future, NULL), TP_EBUSY);
    assert_status(tp_future_cancel(future), TP_EBUSY);
    assert_ptr_equal(value_of(future), &value);
    assert_ptr_equal(value_of(future), &value);
    tp_future_release(future);
}

static void a_future_made_by_hand_that_is_cancelled_takes_no_value(void **state) {
    (void)state;
    tp_future *future = future_by_hand();
    void *value = future;
    assert_status(tp_future_cancel(future), TP_OK);
    assert_status(tp_future_cancel(future), TP_OK);
    assert_int_equal(tp_future_state(future), TP_FUTURE_CANCELED);
    assert_status(tp_future_complete(future, future), TP_EBUSY);
    assert_status(tp_future_wait(future, TP_FOREVER, &value), TP_ECANCELED);
    assert_null(value);
    tp_future_release(future);
}

static void a_future_made_by_hand_may_be_released_without_a_value(void **state) {
    (void)state;
    tp_future_release(future_by_hand());
}

static void a_tasks_future_cannot_be_completed_by_hand(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_future *future = future_of(pool, same, pool);
    tp_future *next = future_then(pool, future, plus, NULL);
    assert_status(tp_future_complete(future, NULL), TP_EINVAL);
    assert_status(tp_future_complete(next, NULL), TP_EINVAL);
    assert_ptr_equal(value_of(next), pool);
    assert_status(tp_future_complete(future, NULL), TP_EINVAL);
    tp_future_release(future);
    tp_future_release(next);
    assert_status(tp_destroy(pool), TP_OK);
}

struct completers {
    tp_future *future;
    _Atomic uint32_t first;
    pthread_barrier_t barrier;
};

static void *completes(void *arg) {
    struct completers *completers = (struct completers *)arg;
    pthread_barrier_wait(&completers->barrier);
    tp_status status = tp_future_complete(completers->future, completers);
    must(status == TP_OK || status == TP_EBUSY);
    if (status == TP_OK) atomic_fetch_add(&completers->first, 1);
    must(value_of(completers->future) == completers);
    return NULL;
}

static void of_many_that_complete_a_future_one_is_the_first(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(10, 500, 5000); round++) {
        struct completers completers;
        pthread_t threads[4];
        completers.future = future_by_hand();
        completers.first = 0;
        pthread_barrier_init(&completers.barrier, NULL, 4);
        for (int i = 0; i < 4; i++) threads[i] = start_thread(completes, &completers);
        for (int i = 0; i < 4; i++) join_thread(threads[i]);
        assert_int_equal(completers.first, 1);
        pthread_barrier_destroy(&completers.barrier);
        tp_future_release(completers.future);
    }
}

// ---- Then --------------------------------------------------------------------------------------------------

static void what_follows_gets_the_value(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(100, 10000, 100000); round++) {
            tp_future *first = future_of(pool, same, number(1));
            tp_future *second = future_then(pool, first, plus, number(10));
            tp_future *third = future_then(pool, second, plus, number(100));
            assert_ptr_equal(value_of(third), number(111));
            assert_ptr_equal(value_of(first), number(1));
            assert_ptr_equal(value_of(second), number(11));
            tp_future_release(second);
            tp_future_release(third);
            tp_future_release(first);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void many_may_follow_one(void **state) {
    (void)state;
    enum { MANY = 100 };
    tp_pool *pool = pool_of(2);
    tp_future *futures[MANY];
    tp_future *first = future_by_hand();
    for (uintptr_t i = 0; i < MANY; i++) futures[i] = future_then(pool, first, plus, number(i));
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    for (uintptr_t i = 0; i < MANY; i++) assert_int_equal(tp_future_state(futures[i]), TP_FUTURE_PENDING);
    assert_status(tp_future_complete(first, number(1000)), TP_OK);
    tp_future_release(first);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    for (uintptr_t i = 0; i < MANY; i++) {
        void *value = NULL;
        assert_status(tp_future_wait(futures[i], 0, &value), TP_OK);
        assert_ptr_equal(value, number(1000 + i));
        tp_future_release(futures[i]);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void what_follows_a_future_that_is_done_runs_soon(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_pool *other = pool_of(1);
    tp_future *first = future_of(pool, same, number(1));
    assert_ptr_equal(value_of(first), number(1));
    assert_status(tp_destroy(pool), TP_OK);
    tp_future *next = future_then(other, first, plus, number(1));
    tp_future_release(first);
    assert_ptr_equal(value_of(next), number(2));
    tp_future_release(next);
    assert_status(tp_destroy(other), TP_OK);
}

static void *is_in_the_pool(void *value, void *pool) {
    must(tp_current() == pool);
    must(tp_worker_index() >= 0);
    return value;
}

static void what_follows_may_run_on_another_pool(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_pool *other = pool_of(2);
    for (size_t round = 0; round < rounds(50, 5000, 50000); round++) {
        tp_future *first = future_of(pool, same, number(7));
        tp_future *second = future_then(other, first, is_in_the_pool, other);
        tp_future *third = future_then(pool, second, is_in_the_pool, pool);
        tp_future_release(first);
        tp_future_release(second);
        assert_ptr_equal(value_of(third), number(7));
        tp_future_release(third);
    }
    assert_status(tp_destroy(pool), TP_OK);
    assert_status(tp_destroy(other), TP_OK);
}

static void what_follows_is_not_counted_by_the_limit_on_the_queue(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_future *futures[20];
    tp_pool *pool = pool_full_at(1, TP_FULL_FAIL);
    tp_future *first = future_of(pool, stand_async, &gate);
    assert_true(tally_reaches(&gate.entered, 1));
    tp_future *hand = future_by_hand();
    assert_status(tp_future_complete(hand, NULL), TP_OK);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    for (int i = 0; i < 20; i++) futures[i] = future_then(pool, i % 2 == 0 ? first : hand, plus, NULL);
    tp_future *refused = NULL;
    assert_status(tp_async(pool, must_not_run, NULL, &refused), TP_EFULL);
    assert_null(refused);
    gate_open(&gate);
    for (int i = 0; i < 20; i++) value_of(futures[i]);
    for (int i = 0; i < 20; i++) tp_future_release(futures[i]);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    tp_future_release(first);
    tp_future_release(hand);
    assert_status(tp_destroy(pool), TP_OK);
}

static void what_follows_a_cancelled_future_is_cancelled(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_future *first = future_by_hand();
    tp_future *second = future_then(pool, first, must_not_follow, NULL);
    tp_future *third = future_then(pool, second, must_not_follow, NULL);
    assert_status(tp_future_cancel(first), TP_OK);
    void *value = &pool;
    assert_status(tp_future_wait(third, LIMIT_NS, &value), TP_ECANCELED);
    assert_null(value);
    assert_int_equal(tp_future_state(second), TP_FUTURE_CANCELED);
    tp_future *fourth = future_then(pool, first, must_not_follow, NULL);
    assert_status(tp_future_wait(fourth, LIMIT_NS, NULL), TP_ECANCELED);
    tp_future_release(first);
    tp_future_release(second);
    tp_future_release(third);
    tp_future_release(fourth);
    assert_status(tp_destroy(pool), TP_OK);
}

static void what_follows_may_be_cancelled_alone(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    tp_future *first = future_of(pool, stand_async, &gate);
    tp_future *cancelled = future_then(pool, first, must_not_follow, NULL);
    tp_future *other = future_then(pool, first, plus, NULL);
    tp_future *after = future_then(pool, cancelled, must_not_follow, NULL);
    assert_status(tp_future_cancel(cancelled), TP_OK);
    assert_int_equal(tp_future_state(cancelled), TP_FUTURE_CANCELED);
    assert_int_equal(tp_future_state(after), TP_FUTURE_CANCELED);
    gate_open(&gate);
    assert_ptr_equal(value_of(other), &gate);
    assert_ptr_equal(value_of(first), &gate);
    tp_future_release(after);
    tp_future_release(other);
    tp_future_release(cancelled);
    tp_future_release(first);
    assert_status(tp_destroy(pool), TP_OK);
}

static void what_still_waits_when_its_pool_ends_is_cancelled(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (int i = 0; i < 3; i++) {
        tp_pool *pool = pool_of(2);
        tp_pool *other = pool_of(1);
        tp_future *hand = future_by_hand();
        tp_future *next = future_then(pool, hand, must_not_follow, NULL);
        tp_future *after = future_then(other, next, must_not_follow, NULL);
        tp_future *released = future_then(pool, hand, must_not_follow, NULL);
        tp_future_release(released);
        if (i < 2) {
            assert_status(tp_shutdown(pool, modes[i], LIMIT_NS), TP_OK);
            assert_int_equal(tp_future_state(next), TP_FUTURE_CANCELED);
            tp_future *refused = NULL;
            assert_status(tp_future_then(pool, hand, must_not_follow, NULL, &refused), TP_ESHUTDOWN);
            assert_null(refused);
        }
        assert_status(tp_destroy(pool), TP_OK);
        assert_status(tp_future_wait(after, LIMIT_NS, NULL), TP_ECANCELED);
        assert_status(tp_future_wait(next, 0, NULL), TP_ECANCELED);
        assert_status(tp_future_complete(hand, NULL), TP_OK);
        assert_int_equal(tp_future_state(next), TP_FUTURE_CANCELED);
        tp_future_release(hand);
        tp_future_release(next);
        tp_future_release(after);
        assert_status(tp_destroy(other), TP_OK);
    }
}

static void *completes_by_hand(void *future) {
    must_status(tp_future_complete((tp_future *)future, future), TP_OK);
    return NULL;
}

static void *follows(void *value, void *arg) {
    adds(arg);
    return value;
}

static void a_value_that_comes_while_the_pool_ends_is_passed_on_or_not(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(100, 5000, 50000); round++) {
        _Atomic uint64_t ran = 0;
        tp_pool *pool = pool_of(1);
        tp_future *hand = future_by_hand();
        tp_future *next = future_then(pool, hand, follows, &ran);
        pthread_t thread = start_thread(completes_by_hand, hand);
        assert_status(tp_destroy(pool), TP_OK);
        tp_status status = tp_future_wait(next, LIMIT_NS, NULL);
        assert_true(status == (ran == 1 ? TP_OK : TP_ECANCELED));
        join_thread(thread);
        tp_future_release(hand);
        tp_future_release(next);
    }
}

static void *waits_in_what_follows(void *value, void *arg) {
    (void)arg;
    tp_future *inner = future_of(tp_current(), same, value);
    tp_future *next = future_then(tp_current(), inner, plus, number(1));
    tp_future_release(inner);
    void *got = value_of(next);
    tp_future_release(next);
    return got;
}

static void what_follows_may_wait(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(50, 5000, 50000); round++) {
            tp_future *first = future_of(pool, same, number(1));
            tp_future *second = future_then(pool, first, waits_in_what_follows, NULL);
            tp_future *third = future_then(pool, second, waits_in_what_follows, NULL);
            assert_ptr_equal(value_of(third), number(3));
            tp_future_release(first);
            tp_future_release(second);
            tp_future_release(third);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void waits_for_what_follows(void *arg) {
    (void)arg;
    tp_pool *pool = tp_current();
    tp_future *first = future_of(pool, same, number(5));
    tp_future *last = first;
    for (int i = 0; i < 10; i++) {
        tp_future *next = future_then(pool, last, plus, number(1));
        tp_future_release(last);
        last = next;
    }
    must(value_of(last) == number(15));
    tp_future_release(last);
}

static void a_task_waits_for_what_follows_what_has_not_started(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (uint32_t reserves = 0; reserves < 2; reserves++) {
            tp_pool *pool = pool_reserved(worker_counts[i], reserves);
            size_t n = rounds(50, 2000, 20000);
            if (reserves == 0) n = worker_counts[i] == 1 ? n : 0;
            for (size_t round = 0; round < n; round++) {
                assert_status(tp_submit(pool, waits_for_what_follows, NULL), TP_OK);
            }
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
            assert_status(tp_destroy(pool), TP_OK);
        }
    }
}

// ---- Long chains -------------------------------------------------------------------------------------------

// A chain of `n` behind `first`, whose handles are released but for the last.
static tp_future *chain_behind(tp_pool *pool, tp_future *first, size_t n) {
    tp_future *last = first;
    for (size_t i = 0; i < n; i++) {
        tp_future *next = future_then(pool, last, plus, number(1));
        if (last != first) tp_future_release(last);
        last = next;
    }
    return last;
}

// Some processors have larger registers to keep, and need more.
static size_t small_stack(void) {
    size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);
    return least < 64 << 10 ? 64 << 10 : least;
}

static tp_pool *pool_with_small_stacks(uint32_t threads) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = threads;
    options.stack_size = small_stack();
    return pool_with(options);
}

static size_t chain_length(void) { return rounds(3000, 100000, 1000000); }

static void a_long_chain_passes_the_value_on_to_its_end(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_with_small_stacks(worker_counts[i]);
        size_t n = chain_length();
        tp_future *first = future_by_hand();
        tp_future *last = chain_behind(pool, first, n);
        assert_status(tp_future_complete(first, number(1)), TP_OK);
        tp_future_release(first);
        assert_ptr_equal(value_of(last), number(1 + n));
        tp_future_release(last);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

struct chain {
    tp_pool *pool;
    tp_future *first;
    tp_future *last;
};

// Runs `body` on a thread of 64 KiB of stack.
static void on_a_small_stack(void *(*body)(void *), void *arg) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    must(pthread_attr_setstacksize(&attributes, small_stack()) == 0);
    must(pthread_create(&thread, &attributes, body, arg) == 0);
    join_thread(thread);
    pthread_attr_destroy(&attributes);
}

static void *cancels_the_first(void *arg) {
    struct chain *chain = (struct chain *)arg;
    must_status(tp_future_cancel(chain->first), TP_OK);
    tp_future_release(chain->first);
    must_status(tp_future_wait(chain->last, LIMIT_NS, NULL), TP_ECANCELED);
    tp_future_release(chain->last);
    return NULL;
}

static void a_cancel_goes_down_a_long_chain_on_a_small_stack(void **state) {
    (void)state;
    tp_pool *pool = pool_with_small_stacks(1);
    struct chain chain = {pool, future_by_hand(), NULL};
    chain.last = chain_behind(pool, chain.first, chain_length());
    on_a_small_stack(cancels_the_first, &chain);
    assert_status(tp_destroy(pool), TP_OK);
}

static void cancels_it_in_a_task(void *chain) { (void)cancels_the_first(chain); }

static void so_it_does_in_a_task(void **state) {
    (void)state;
    tp_pool *pool = pool_with_small_stacks(1);
    struct chain chain = {pool, future_by_hand(), NULL};
    chain.last = chain_behind(pool, chain.first, chain_length());
    run_inside(pool, cancels_it_in_a_task, &chain);
    assert_status(tp_destroy(pool), TP_OK);
}

static void *releases_the_last(void *arg) {
    struct chain *chain = (struct chain *)arg;
    tp_future_release(chain->first);
    tp_future_release(chain->last);
    return NULL;
}

static void a_long_chain_that_never_starts_is_freed_on_a_small_stack(void **state) {
    (void)state;
    tp_pool *pool = pool_with_small_stacks(1);
    struct chain chain = {pool, future_by_hand(), NULL};
    chain.last = chain_behind(pool, chain.first, chain_length());
    on_a_small_stack(releases_the_last, &chain);
    assert_status(tp_destroy(pool), TP_OK);
}

static void *destroys_the_pool(void *arg) {
    struct chain *chain = (struct chain *)arg;
    must_status(tp_destroy(chain->pool), TP_OK);
    must_status(tp_future_wait(chain->last, 0, NULL), TP_ECANCELED);
    return releases_the_last(arg);
}

static void a_long_chain_that_never_started_is_cancelled_when_its_pool_ends(void **state) {
    (void)state;
    struct chain chain = {pool_with_small_stacks(1), future_by_hand(), NULL};
    chain.last = chain_behind(chain.pool, chain.first, chain_length());
    on_a_small_stack(destroys_the_pool, &chain);
}

static void waits_for_the_end_of_a_chain(void *arg) {
    struct chain *chain = (struct chain *)arg;
    must(value_of(chain->last) == number(chain_length() + 1));
}

static void a_task_with_a_small_stack_waits_for_the_end_of_a_long_chain(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct chain chain = {pool_with_small_stacks(worker_counts[i]), NULL, NULL};
        assert_status(tp_pause(chain.pool), TP_OK);
        assert_status(tp_submit(chain.pool, waits_for_the_end_of_a_chain, &chain), TP_OK);
        chain.first = future_of(chain.pool, same, number(1));
        chain.last = chain_behind(chain.pool, chain.first, chain_length());
        assert_status(tp_resume(chain.pool), TP_OK);
        assert_status(tp_wait(chain.pool, LIMIT_NS), TP_OK);
        (void)releases_the_last(&chain);
        assert_status(tp_destroy(chain.pool), TP_OK);
    }
}

static void a_cancel_goes_to_all_that_follow_one_and_to_what_follows_those(void **state) {
    (void)state;
    size_t n = rounds(100, 1000, 3000);
    tp_pool *pool = pool_of(2);
    tp_future *first = future_by_hand();
    tp_future **ends = (tp_future **)calloc(n, sizeof *ends);
    for (size_t i = 0; i < n; i++) ends[i] = chain_behind(pool, first, 1 + i % 40);
    assert_status(tp_future_cancel(first), TP_OK);
    tp_future_release(first);
    for (size_t i = 0; i < n; i++) {
        assert_status(tp_future_wait(ends[i], LIMIT_NS, NULL), TP_ECANCELED);
        tp_future_release(ends[i]);
    }
    free(ends);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Any of several ----------------------------------------------------------------------------------------

static void a_wait_for_any_gives_the_first_in_the_array_that_has_ended(void **state) {
    (void)state;
    tp_future *futures[4];
    for (int i = 0; i < 4; i++) futures[i] = future_by_hand();
    size_t index = 77;
    assert_status(tp_future_wait_any(futures, 4, 0, &index), TP_ETIMEDOUT);
    assert_status(tp_future_wait_any(futures, 4, SHORT_NS, &index), TP_ETIMEDOUT);
    assert_status(tp_future_complete(futures[2], NULL), TP_OK);
    assert_status(tp_future_wait_any(futures, 4, LIMIT_NS, &index), TP_OK);
    assert_int_equal(index, 2);
    assert_status(tp_future_wait_any(futures, 4, 0, NULL), TP_OK);
    assert_status(tp_future_cancel(futures[1]), TP_OK);
    assert_status(tp_future_wait_any(futures, 4, 0, &index), TP_OK);
    assert_int_equal(index, 1);
    assert_status(tp_future_wait_any(futures, 1, 0, &index), TP_ETIMEDOUT);
    for (int i = 0; i < 4; i++) tp_future_release(futures[i]);
}

static void one_future_may_be_named_twice(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    tp_future *future = future_of(pool, stand_async, &gate);
    tp_future *futures[] = {future, future, future};
    size_t index = 77;
    assert_status(tp_future_wait_any(futures, 3, SHORT_NS, &index), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_future_wait_any(futures, 3, LIMIT_NS, &index), TP_OK);
    assert_int_equal(index, 0);
    tp_future_release(future);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_wait_for_any_takes_very_many(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    size_t n = rounds(1000, 10000, 100000);
    tp_pool *pool = pool_of(1);
    tp_future **futures = (tp_future **)calloc(n, sizeof *futures);
    tp_future *stands = future_of(pool, stand_async, &gate);
    for (size_t i = 0; i < n; i++) futures[i] = i == n - 5 ? future_then(pool, stands, plus, NULL) : future_by_hand();
    size_t index = 0;
    assert_status(tp_future_wait_any(futures, n, SHORT_NS, &index), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_future_wait_any(futures, n, LIMIT_NS, &index), TP_OK);
    assert_int_equal(index, n - 5);
    for (size_t i = 0; i < n; i++) tp_future_release(futures[i]);
    tp_future_release(stands);
    free(futures);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_wait_for_any_of_cancelled_futures_returns(void **state) {
    (void)state;
    tp_future *futures[10];
    size_t index = 77;
    for (int i = 0; i < 10; i++) futures[i] = future_by_hand();
    for (int i = 9; i >= 0; i--) {
        assert_status(tp_future_cancel(futures[i]), TP_OK);
        assert_status(tp_future_wait_any(futures, 10, 0, &index), TP_OK);
        assert_int_equal(index, i);
    }
    assert_status(tp_future_wait(futures[index], 0, NULL), TP_ECANCELED);
    for (int i = 0; i < 10; i++) tp_future_release(futures[i]);
}

struct any {
    tp_pool *pool;
    _Atomic uint64_t ran;
};

static void waits_for_any_until_none_is_left(void *arg) {
    struct any *any = (struct any *)arg;
    tp_future *futures[20];
    for (int i = 0; i < 20; i++) futures[i] = future_of(any->pool, adds, &any->ran);
    for (size_t left = 20; left > 0; left--) {
        size_t index = 77;
        must_status(tp_future_wait_any(futures, left, LIMIT_NS, &index), TP_OK);
        must(index < left);
        must(tp_future_state(futures[index]) == TP_FUTURE_DONE);
        tp_future_release(futures[index]);
        futures[index] = futures[left - 1];
    }
}

static void a_task_waits_for_any_of_its_futures_until_none_is_left(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct any any = {pool_of(worker_counts[i]), 0};
        size_t n = rounds(20, 1000, 10000);
        for (size_t round = 0; round < n; round++) {
            assert_status(tp_submit(any.pool, waits_for_any_until_none_is_left, &any), TP_OK);
        }
        waits_for_any_until_none_is_left(&any);
        assert_status(tp_wait(any.pool, LIMIT_NS), TP_OK);
        assert_int_equal(any.ran, 20 * (n + 1));
        assert_status(tp_destroy(any.pool), TP_OK);
    }
}

// ---- Waits inside tasks ------------------------------------------------------------------------------------

static void *waits_deeper(void *arg) {
    uintptr_t depth = (uintptr_t)arg;
    if (depth == 0) return number(0);
    tp_future *future = future_of(tp_current(), waits_deeper, number(depth - 1));
    uintptr_t value = (uintptr_t)value_of(future);
    tp_future_release(future);
    return number(value + 1);
}

static void waits_nest_a_thousand_deep(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (size_t round = 0; round < rounds(1, 5, 100); round++) {
            tp_pool *pool = i == 0 && round % 2 == 0 ? pool_reserved(1, 0) : pool_of(worker_counts[i]);
            tp_future *future = future_of(pool, waits_deeper, number(1000));
            assert_ptr_equal(value_of(future), number(1000));
            tp_future_release(future);
            assert_status(tp_destroy(pool), TP_OK);
        }
    }
}

static void *fibonacci(void *arg) {
    uintptr_t n = (uintptr_t)arg;
    if (n < 2) return number(n);
    tp_future *first = future_of(tp_current(), fibonacci, number(n - 1));
    uintptr_t second = (uintptr_t)fibonacci(number(n - 2));
    uintptr_t sum = (uintptr_t)value_of(first) + second;
    tp_future_release(first);
    return number(sum);
}

static void tasks_wait_for_what_they_forked(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        tp_future *future = future_of(pool, fibonacci, number(rounds(12, 20, 24)));
        assert_ptr_equal(value_of(future), number(rounds(144, 6765, 46368)));
        tp_future_release(future);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static _Thread_local int waits_here;

static void is_a_stranger(void *ran) {
    must(waits_here == 0);
    (void)adds(ran);
}

static void *is_a_strangers_future(void *ran) {
    is_a_stranger(ran);
    return NULL;
}

static void waits_among_strangers(void *ran) {
    tp_future *mine[5];
    for (int i = 0; i < 5; i++) {
        must_status(tp_submit(tp_current(), is_a_stranger, ran), TP_OK);
        tp_future_release(future_of(tp_current(), is_a_strangers_future, ran));
        mine[i] = future_of(tp_current(), adds, ran);
    }
    waits_here++;
    for (int i = 4; i >= 0; i--) value_of(mine[i]);
    waits_here--;
    for (int i = 0; i < 5; i++) tp_future_release(mine[i]);
}

static void a_waiting_task_runs_nothing_but_what_it_waits_for(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        _Atomic uint64_t ran = 0;
        tp_pool *pool = pool_of(worker_counts[i]);
        size_t waiters = rounds(20, 1000, 10000);
        for (size_t n = 0; n < waiters; n++) assert_status(tp_submit(pool, waits_among_strangers, &ran), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(ran, 15 * waiters);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

struct other_pool {
    tp_pool *other;
    _Atomic uint64_t ran;
};

static void *is_in_the_other(void *arg) {
    struct other_pool *pools = (struct other_pool *)arg;
    must(tp_current() == pools->other);
    must(waits_here == 0);
    return adds(&pools->ran);
}

static void waits_for_another_pools_future(void *arg) {
    struct other_pool *pools = (struct other_pool *)arg;
    tp_future *future = future_of(pools->other, is_in_the_other, arg);
    waits_here++;
    value_of(future);
    waits_here--;
    tp_future_release(future);
}

static void a_future_of_another_pool_runs_on_that_pool(void **state) {
    (void)state;
    struct other_pool pools = {pool_of(1), 0};
    tp_pool *pool = pool_of(2);
    size_t n = rounds(20, 1000, 10000);
    for (size_t i = 0; i < n; i++) assert_status(tp_submit(pool, waits_for_another_pools_future, &pools), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(pools.ran, n);
    assert_status(tp_destroy(pool), TP_OK);
    assert_status(tp_destroy(pools.other), TP_OK);
}

static void pauses_and_waits(void *arg) {
    _Atomic uint64_t *ran = (_Atomic uint64_t *)arg;
    tp_pool *pool = tp_current();
    must_status(tp_pause(pool), TP_OK);
    tp_future *first = future_of(pool, adds, arg);
    tp_future *next = future_then(pool, first, follows, arg);
    tp_future *both[] = {first, next};
    must_status(tp_future_wait(first, 0, NULL), TP_ETIMEDOUT);
    must_status(tp_future_wait(next, SHORT_NS, NULL), TP_ETIMEDOUT);
    must_status(tp_future_wait_any(both, 2, SHORT_NS, NULL), TP_ETIMEDOUT);
    must(*ran == 0);
    must(tp_future_state(first) == TP_FUTURE_PENDING);
    must_status(tp_resume(pool), TP_OK);
    value_of(next);
    must(*ran == 2);
    tp_future_release(first);
    tp_future_release(next);
}

static void a_waiting_task_starts_no_future_while_its_pool_is_paused(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        _Atomic uint64_t ran = 0;
        tp_pool *pool = pool_of(worker_counts[i]);
        run_inside(pool, pauses_and_waits, &ran);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_wait_on_a_paused_pool_times_out(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    assert_status(tp_pause(pool), TP_OK);
    tp_future *future = future_of(pool, same, pool);
    assert_status(tp_future_wait(future, 0, NULL), TP_ETIMEDOUT);
    assert_status(tp_future_wait(future, SHORT_NS, NULL), TP_ETIMEDOUT);
    assert_int_equal(tp_future_state(future), TP_FUTURE_PENDING);
    assert_status(tp_resume(pool), TP_OK);
    assert_ptr_equal(value_of(future), pool);
    tp_future_release(future);
    assert_status(tp_destroy(pool), TP_OK);
}

static void pauses_and_waits_until_resumed(void *arg) {
    struct gate *gate = (struct gate *)arg;
    must_status(tp_pause(tp_current()), TP_OK);
    tp_future *future = future_of(tp_current(), same, arg);
    tally_add(&gate->entered);
    must(value_of(future) == arg);
    tp_future_release(future);
    tally_add(&gate->left);
}

// The other worker is held, which the pool cannot know: nobody but the waiter can run what it waits for.
static void a_task_that_waits_on_a_paused_pool_runs_its_own_once_it_is_resumed(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 100, 1000); round++) {
        struct gate held = GATE_INIT;
        struct gate gate = GATE_INIT;
        tp_pool *pool = pool_reserved(2, 0);
        occupy(pool, &held, 1);
        assert_status(tp_submit(pool, pauses_and_waits_until_resumed, &gate), TP_OK);
        assert_true(tally_reaches(&gate.entered, 1));
        if (round % 2 == 0) nap();
        assert_status(tp_resume(pool), TP_OK);
        assert_true(tally_reaches(&gate.left, 1));
        gate_open(&held);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_task_that_waits_on_a_paused_pool_goes_on_when_it_is_resumed(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(5, 300, 3000); round++) {
        struct gate gate = GATE_INIT;
        tp_pool *pool = pool_of(1 + round % 2);
        assert_status(tp_submit(pool, pauses_and_waits_until_resumed, &gate), TP_OK);
        assert_true(tally_reaches(&gate.entered, 1));
        assert_status(tp_resume(pool), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- The end of the pool -----------------------------------------------------------------------------------

static void futures_are_held_while_their_pool_is_destroyed(void **state) {
    (void)state;
    enum { HELD = 200 };
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        tp_future *futures[HELD];
        for (uintptr_t n = 0; n < HELD; n++) futures[n] = future_of(pool, same, number(n));
        assert_status(tp_destroy(pool), TP_OK);
        for (uintptr_t n = 0; n < HELD; n++) {
            void *value = NULL;
            assert_status(tp_future_wait(futures[n], 0, &value), TP_OK);
            assert_ptr_equal(value, number(n));
            assert_status(tp_future_cancel(futures[n]), TP_EBUSY);
            tp_future_release(futures[n]);
        }
    }
}

static void a_pool_that_discards_cancels_its_futures(void **state) {
    (void)state;
    struct tally dropped = TALLY_INIT;
    struct gate gate = GATE_INIT;
    tp_future *futures[50];
    tp_pool *pool = pool_of(1);
    tp_future *running = future_of(pool, stand_async, &gate);
    assert_true(tally_reaches(&gate.entered, 1));
    for (int i = 0; i < 50; i++) futures[i] = future_of(pool, must_not_run, &dropped);
    tp_future *next = future_then(pool, running, must_not_follow, NULL);
    assert_status(tp_shutdown(pool, TP_DISCARD, 0), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
    for (int i = 0; i < 50; i++) {
        void *value = pool;
        assert_status(tp_future_wait(futures[i], 0, &value), TP_ECANCELED);
        assert_null(value);
        assert_int_equal(tp_future_state(futures[i]), TP_FUTURE_CANCELED);
    }
    assert_status(tp_future_wait(running, 0, NULL), TP_OK);
    assert_status(tp_future_wait(next, 0, NULL), TP_ECANCELED);
    assert_status(tp_destroy(pool), TP_OK);
    for (int i = 0; i < 50; i++) tp_future_release(futures[i]);
    tp_future_release(running);
    tp_future_release(next);
}

static void *discards(void *pool) {
    must_status(tp_shutdown((tp_pool *)pool, TP_DISCARD, LIMIT_NS), TP_OK);
    return NULL;
}

static void a_wait_that_is_under_way_returns_when_the_pool_discards(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(5, 300, 3000); round++) {
        tp_pool *pool = pool_of(1);
        assert_status(tp_pause(pool), TP_OK);
        tp_future *future = future_of(pool, must_not_run, NULL);
        pthread_t thread = start_thread(discards, pool);
        assert_status(tp_future_wait(future, LIMIT_NS, NULL), TP_ECANCELED);
        tp_future_release(future);
        join_thread(thread);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- Fork --------------------------------------------------------------------------------------------------

struct forked {
    tp_future *futures[4];
};

static void asks_the_parents_futures(void *arg) {
    struct forked *forked = (struct forked *)arg;
    for (int i = 0; i < 4; i++) {
        tp_future *future = forked->futures[i];
        tp_future *next = NULL;
        must_status(tp_future_wait(future, 0, NULL), TP_EFORKED);
        must_status(tp_future_wait(future, TP_FOREVER, NULL), TP_EFORKED);
        must_status(tp_future_wait_any(&forked->futures[i], 1, TP_FOREVER, NULL), TP_EFORKED);
        must_status(tp_future_then(tp_default(), future, must_not_follow, NULL, &next), TP_EFORKED);
        must(next == NULL);
        must_status(tp_future_cancel(future), TP_EFORKED);
        must(tp_future_state(future) == TP_EFORKED);
        must_status(tp_future_then(tp_default(), future, NULL, NULL, &next), TP_EINVAL);
    }
    must_status(tp_future_complete(forked->futures[3], NULL), TP_EFORKED);
    for (int i = 0; i < 4; i++) tp_future_release(forked->futures[i]);
    tp_future *mine = future_of(tp_default(), same, arg);
    must(value_of(mine) == arg);
    tp_future_release(mine);
}

static void a_child_of_fork_is_told_that_a_future_is_its_parents_and_may_release_it(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct forked forked;
    tp_pool *pool = pool_of(1);
    forked.futures[0] = future_of(pool, stand_async, &gate);
    forked.futures[1] = future_of(pool, same, pool);
    forked.futures[2] = future_then(pool, forked.futures[0], plus, NULL);
    forked.futures[3] = future_by_hand();
    assert_true(tally_reaches(&gate.entered, 1));
    assert_child(asks_the_parents_futures, &forked);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_child(asks_the_parents_futures, &forked);
    assert_ptr_equal(value_of(forked.futures[2]), &gate);
    assert_status(tp_destroy(pool), TP_OK);
    assert_child(asks_the_parents_futures, &forked);
    for (int i = 0; i < 4; i++) tp_future_release(forked.futures[i]);
}

static void *asks_in_a_forked_child(void *arg) {
    assert_child(asks_the_parents_futures, arg);
    return arg;
}

static void so_it_is_in_a_child_that_a_task_forks(void **state) {
    (void)state;
    struct forked forked;
    tp_pool *pool = pool_of(2);
    for (int i = 0; i < 4; i++) forked.futures[i] = i == 3 ? future_by_hand() : future_of(pool, same, pool);
    tp_future *future = future_of(pool, asks_in_a_forked_child, &forked);
    assert_ptr_equal(value_of(future), &forked);
    tp_future_release(future);
    for (int i = 0; i < 4; i++) tp_future_release(forked.futures[i]);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Memory ------------------------------------------------------------------------------------------------

static size_t bytes_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

struct piling {
    tp_pool *pool;
    uint64_t n;
    bool with_stranger;
    bool with_then;
    size_t grown;
};

static void makes_and_waits_often(void *arg) {
    struct piling *piling = (struct piling *)arg;
    _Atomic uint64_t ran = 0;
    if (piling->with_stranger) must_status(tp_submit(piling->pool, nothing, NULL), TP_OK);
    size_t before = 0;
    for (uint64_t i = 0; i < piling->n; i++) {
        if (i == piling->n / 10) before = bytes_in_use();
        tp_future *future = future_of(piling->pool, adds, &ran);
        tp_future *last = piling->with_then ? future_then(piling->pool, future, plus, NULL) : NULL;
        must_status(tp_future_wait(last != NULL ? last : future, TP_FOREVER, NULL), TP_OK);
        tp_future_release(future);
        tp_future_release(last);
    }
    size_t after = bytes_in_use();
    piling->grown = after > before ? after - before : 0;
    must(ran == piling->n);
}

static void making_and_waiting_inside_a_task_piles_nothing_up(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int kind = 0; kind < 4; kind++) {
            struct piling piling = {pool_of(worker_counts[i]), rounds(1500, 200000, 1000000), kind % 2 == 1, kind / 2 == 1, 0};
            run_inside(piling.pool, makes_and_waits_often, &piling);
            assert_int_equal(tp_queued(piling.pool), 0);
            if (piling.grown > 2 << 20) {
                fail_msg("%u workers, kind %d: %zu bytes more", worker_counts[i], kind, piling.grown);
            }
            assert_status(tp_destroy(piling.pool), TP_OK);
        }
    }
}

struct late_then {
    tp_pool *pool;
    tp_future *input;
    tp_future *next;
    tp_status status;
};

static void *follows_late(void *arg) {
    struct late_then *late = (struct late_then *)arg;
    late->status = tp_future_then(late->pool, late->input, must_not_follow, NULL, &late->next);
    return NULL;
}

// It is refused, or it is cancelled by the end of the pool: nobody waits for it in vain.
static void a_then_beside_a_shutdown_is_refused_or_cancelled(void **state) {
    (void)state;
    for (size_t i = 0; i < rounds(20, 2000, 50000); i++) {
        struct late_then late = {.pool = pool_of(1), .input = future_by_hand()};
        pthread_t other = start_thread(follows_late, &late);
        for (size_t spin = 0; spin < i % 64; spin++) sched_yield();
        assert_status(tp_shutdown(late.pool, TP_DRAIN, LIMIT_NS), TP_OK);
        join_thread(other);
        if (late.status == TP_OK) assert_int_equal(tp_future_state(late.next), TP_FUTURE_CANCELED);
        if (late.status != TP_OK) assert_int_equal(late.status, TP_ESHUTDOWN);
        tp_future_release(late.next);
        tp_future_release(late.input);
        assert_status(tp_destroy(late.pool), TP_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_gives_the_value_that_the_task_returned),
        cmocka_unit_test(what_the_task_wrote_is_seen_after_the_wait),
        cmocka_unit_test(a_future_says_whether_it_waits_runs_or_is_done),
        cmocka_unit_test(a_wait_that_times_out_takes_its_time_and_leaves_the_task),
        cmocka_unit_test(a_future_is_a_task_that_the_pool_counts_and_waits_for),
        cmocka_unit_test(sixty_four_threads_wait_for_one_future),
        cmocka_unit_test(many_tasks_wait_for_one_future),
        cmocka_unit_test(the_options_of_a_future_may_be_left_out),
        cmocka_unit_test(a_released_future_runs_all_the_same),
        cmocka_unit_test(a_future_may_be_released_as_soon_as_a_wait_outside_has_returned),
        cmocka_unit_test(a_future_may_be_released_as_soon_as_a_wait_inside_a_task_has_returned),
        cmocka_unit_test(a_completed_future_may_be_released_at_once),
        cmocka_unit_test(a_future_may_be_released_while_others_wait_for_what_follows_it),
        cmocka_unit_test(a_future_made_by_hand_has_one_value_and_keeps_it),
        cmocka_unit_test(a_future_made_by_hand_that_is_cancelled_takes_no_value),
        cmocka_unit_test(a_future_made_by_hand_may_be_released_without_a_value),
        cmocka_unit_test(a_tasks_future_cannot_be_completed_by_hand),
        cmocka_unit_test(of_many_that_complete_a_future_one_is_the_first),
        cmocka_unit_test(what_follows_gets_the_value),
        cmocka_unit_test(many_may_follow_one),
        cmocka_unit_test(what_follows_a_future_that_is_done_runs_soon),
        cmocka_unit_test(what_follows_may_run_on_another_pool),
        cmocka_unit_test(what_follows_is_not_counted_by_the_limit_on_the_queue),
        cmocka_unit_test(what_follows_a_cancelled_future_is_cancelled),
        cmocka_unit_test(what_follows_may_be_cancelled_alone),
        cmocka_unit_test(what_still_waits_when_its_pool_ends_is_cancelled),
        cmocka_unit_test(a_value_that_comes_while_the_pool_ends_is_passed_on_or_not),
        cmocka_unit_test(what_follows_may_wait),
        cmocka_unit_test(a_task_waits_for_what_follows_what_has_not_started),
        cmocka_unit_test(a_long_chain_passes_the_value_on_to_its_end),
        cmocka_unit_test(a_cancel_goes_down_a_long_chain_on_a_small_stack),
        cmocka_unit_test(so_it_does_in_a_task),
        cmocka_unit_test(a_long_chain_that_never_starts_is_freed_on_a_small_stack),
        cmocka_unit_test(a_long_chain_that_never_started_is_cancelled_when_its_pool_ends),
        cmocka_unit_test(a_task_with_a_small_stack_waits_for_the_end_of_a_long_chain),
        cmocka_unit_test(a_cancel_goes_to_all_that_follow_one_and_to_what_follows_those),
        cmocka_unit_test(a_wait_for_any_gives_the_first_in_the_array_that_has_ended),
        cmocka_unit_test(one_future_may_be_named_twice),
        cmocka_unit_test(a_wait_for_any_takes_very_many),
        cmocka_unit_test(a_wait_for_any_of_cancelled_futures_returns),
        cmocka_unit_test(a_task_waits_for_any_of_its_futures_until_none_is_left),
        cmocka_unit_test(waits_nest_a_thousand_deep),
        cmocka_unit_test(tasks_wait_for_what_they_forked),
        cmocka_unit_test(a_waiting_task_runs_nothing_but_what_it_waits_for),
        cmocka_unit_test(a_future_of_another_pool_runs_on_that_pool),
        cmocka_unit_test(a_waiting_task_starts_no_future_while_its_pool_is_paused),
        cmocka_unit_test(a_wait_on_a_paused_pool_times_out),
        cmocka_unit_test(a_task_that_waits_on_a_paused_pool_runs_its_own_once_it_is_resumed),
        cmocka_unit_test(a_task_that_waits_on_a_paused_pool_goes_on_when_it_is_resumed),
        cmocka_unit_test(futures_are_held_while_their_pool_is_destroyed),
        cmocka_unit_test(a_pool_that_discards_cancels_its_futures),
        cmocka_unit_test(a_wait_that_is_under_way_returns_when_the_pool_discards),
        cmocka_unit_test(a_child_of_fork_is_told_that_a_future_is_its_parents_and_may_release_it),
        cmocka_unit_test(so_it_is_in_a_child_that_a_task_forks),
        cmocka_unit_test(making_and_waiting_inside_a_task_piles_nothing_up),
        cmocka_unit_test(a_then_beside_a_shutdown_is_refused_or_cancelled),
    };
    return run_file(tests);
}
