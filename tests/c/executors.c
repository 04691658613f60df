// executors: behaviours that users of other executors count on. docs/reliability.md says from whose public lists of
// behaviours each comes: ThreadPoolExecutor's, FutureTask's and ForkJoinPool's of Java, and concurrent.futures' of Python.

#include "support.h"

#include <stdatomic.h>

static void adds(void *arg) { atomic_fetch_add((_Atomic uint64_t *)arg, 1); }

static void *adds_with_a_result(void *arg) {
    adds(arg);
    return arg;
}

static void must_not_run(void *arg) {
    (void)arg;
    must(!"a task runs that may not");
}

static void *must_not_run_async(void *arg) {
    must_not_run(arg);
    return NULL;
}

static void *number(uintptr_t number) { return (void *)number; }
static void *square(void *arg) { return number((uintptr_t)arg * (uintptr_t)arg); }

// ---- The end of an executor --------------------------------------------------------------------------------

// awaitTermination: testAwaitTermination_timesOut, testIsTerminated, testIsTerminating
static void awaiting_the_end_times_out_while_a_task_runs_and_succeeds_later(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(2);
    occupy(pool, &gate, 1);
    uint64_t start = now_ns();
    assert_status(tp_shutdown(pool, TP_DRAIN, 0), TP_ETIMEDOUT);
    assert_status(tp_shutdown(pool, TP_DRAIN, SHORT_NS), TP_ETIMEDOUT);
    assert_true(now_ns() - start >= SHORT_NS);
    assert_status(tp_submit(pool, must_not_run, NULL), TP_ESHUTDOWN);
    gate_open(&gate);
    assert_status(tp_shutdown(pool, TP_DRAIN, TP_FOREVER), TP_OK);
    assert_status(tp_shutdown(pool, TP_DRAIN, 0), TP_OK);
    assert_int_equal(tally_now(&gate.left), 1);
    assert_status(tp_destroy(pool), TP_OK);
}

struct told {
    struct tally runs;
    _Atomic uint64_t interrupted;
    _Atomic uint64_t dropped;
};

static void runs_until_told(void *arg) {
    struct told *told = (struct told *)arg;
    tally_add(&told->runs);
    must_soon(tp_cancelled() == 1);
    atomic_fetch_add(&told->interrupted, 1);
}

static void drops_at_the_end(void *arg, tp_status why) {
    must(why == TP_ESHUTDOWN);
    atomic_fetch_add(&((struct told *)arg)->dropped, 1);
}

// testShutdownNow
static void shutting_down_now_tells_what_runs_and_hands_back_what_waits(void **state) {
    (void)state;
    struct told told = {TALLY_INIT, 0, 0};
    tp_pool *pool = pool_of(2);
    tp_task_options options = options_with_drop(drops_at_the_end);
    for (int i = 0; i < 5; i++) assert_status(tp_submit_with(pool, runs_until_told, &told, &options), TP_OK);
    assert_true(tally_reaches(&told.runs, 2));
    assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
    assert_int_equal(told.interrupted, 2);
    assert_int_equal(told.dropped, 3);
    assert_int_equal(tally_now(&told.runs), 2);
    assert_int_equal(tp_queued(pool), 0);
    assert_status(tp_destroy(pool), TP_OK);
}

// test_hang_issue12364, test_shutdown_no_wait
static void what_was_submitted_before_a_shutdown_that_nobody_waits_for_has_its_result(void **state) {
    (void)state;
    enum { FUTURES = 50 };
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_future *futures[FUTURES];
        tp_pool *pool = pool_of(worker_counts[i]);
        for (uintptr_t n = 0; n < FUTURES; n++) futures[n] = future_of(pool, square, number(n));
        tp_status status = tp_shutdown(pool, TP_DRAIN, 0);
        assert_true(status == TP_OK || status == TP_ETIMEDOUT);
        for (uintptr_t n = 0; n < FUTURES; n++) {
            assert_ptr_equal(value_of(futures[n]), number(n * n));
            tp_future_release(futures[n]);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// test_cancel_futures
static void a_shutdown_that_cancels_leaves_each_future_done_or_cancelled(void **state) {
    (void)state;
    enum { FUTURES = 50 };
    for (size_t round = 0; round < rounds(10, 500, 5000); round++) {
        tp_future *futures[FUTURES];
        _Atomic uint64_t ran = 0;
        uint64_t done = 0;
        tp_pool *pool = pool_of(2);
        for (int i = 0; i < FUTURES; i++) futures[i] = future_of(pool, adds_with_a_result, &ran);
        if (round % 2 == 0) value_of(futures[0]);
        assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
        for (int i = 0; i < FUTURES; i++) {
            int32_t at = tp_future_state(futures[i]);
            assert_true(at == TP_FUTURE_DONE || at == TP_FUTURE_CANCELED);
            done += at == TP_FUTURE_DONE;
            tp_future_release(futures[i]);
        }
        assert_int_equal(done, ran);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// test_threads_terminate
static void every_thread_has_ended_when_an_executor_has(void **state) {
    (void)state;
    size_t before = threads_now();
    for (uint32_t threads = 1; threads < 12; threads += 5) {
        tp_pool *pool = pool_of(threads);
        assert_int_equal(threads_now(), before + threads);
        tp_future *future = future_of(pool, same, pool);
        assert_ptr_equal(value_of(future), pool);
        tp_future_release(future);
        assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
        assert_soon(threads_now() == before);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// A task that submits a task that submits a task.
struct descends {
    tp_pool *pool;
    _Atomic uint64_t left;
    _Atomic uint64_t refused;
};

static void submits_the_next(void *arg) {
    struct descends *descends = (struct descends *)arg;
    if (atomic_fetch_sub(&descends->left, 1) == 1) return;
    must_status(tp_submit(descends->pool, submits_the_next, descends), TP_OK);
}

static void a_shutdown_waits_for_the_tasks_of_tasks(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct descends descends = {pool_of(worker_counts[i]), rounds(100, 10000, 100000), 0};
        assert_status(tp_submit(descends.pool, submits_the_next, &descends), TP_OK);
        assert_status(tp_shutdown(descends.pool, TP_DRAIN, LIMIT_NS), TP_OK);
        assert_int_equal(descends.left, 0);
        assert_status(tp_destroy(descends.pool), TP_OK);
    }
}

// Submits race with a shutdown: what was accepted runs, what was refused does not.
static void *submits_until_refused(void *arg) {
    struct descends *submits = (struct descends *)arg;
    for (;;) {
        tp_future *future = NULL;
        tp_status status = tp_async(submits->pool, adds_with_a_result, &submits->left, &future);
        if (status == TP_ESHUTDOWN) return NULL;
        must(status == TP_OK);
        atomic_fetch_add(&submits->refused, 1);
        tp_future_release(future);
    }
}

static void what_was_accepted_while_a_shutdown_began_runs(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(5, 300, 3000); round++) {
        struct descends submits = {pool_of(2), 0, 0};
        pthread_t thread = start_thread(submits_until_refused, &submits);
        must_soon(submits.refused > 0);
        assert_status(tp_shutdown(submits.pool, TP_DRAIN, LIMIT_NS), TP_OK);
        join_thread(thread);
        assert_int_equal(submits.left, submits.refused);
        assert_status(tp_destroy(submits.pool), TP_OK);
    }
}

// ---- A full executor ---------------------------------------------------------------------------------------

static void counts_an_eviction(void *dropped, tp_status why) {
    must(why == TP_EFULL);
    adds(dropped);
}

// testSaturatedExecute, testSaturatedExecute3 (discard)
static void a_saturated_executor_refuses_what_does_not_fit(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    _Atomic uint64_t ran = 0;
    tp_pool *pool = pool_full_at(3, TP_FULL_FAIL);
    occupy(pool, &gate, 1);
    for (int i = 0; i < 3; i++) assert_status(tp_submit(pool, adds, &ran), TP_OK);
    for (int i = 0; i < 5; i++) assert_status(tp_submit(pool, must_not_run, NULL), TP_EFULL);
    gate_open(&gate);
    assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    assert_int_equal(ran, 3);
    assert_status(tp_destroy(pool), TP_OK);
}

struct in_caller {
    pthread_t caller;
    _Atomic uint64_t here;
    _Atomic uint64_t elsewhere;
};

static void runs_somewhere(void *arg) {
    struct in_caller *in_caller = (struct in_caller *)arg;
    adds(pthread_equal(pthread_self(), in_caller->caller) ? &in_caller->here : &in_caller->elsewhere);
}

// testSaturatedExecute2 (caller runs)
static void a_saturated_executor_lets_the_caller_run_what_does_not_fit(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct in_caller in_caller = {pthread_self(), 0, 0};
    tp_pool *pool = pool_full_at(3, TP_FULL_RUN_IN_CALLER);
    occupy(pool, &gate, 1);
    for (int i = 0; i < 8; i++) assert_status(tp_submit(pool, runs_somewhere, &in_caller), TP_OK);
    assert_int_equal(in_caller.here, 5);
    assert_int_equal(in_caller.elsewhere, 0);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(in_caller.elsewhere, 3);
    assert_status(tp_destroy(pool), TP_OK);
}

// testSaturatedExecute4 (discard oldest)
static void a_saturated_executor_keeps_the_newest(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    _Atomic uint64_t dropped = 0;
    _Atomic uint64_t ran = 0;
    tp_task_options options = options_with_drop(counts_an_eviction);
    tp_pool *pool = pool_full_at(1, TP_FULL_DROP_OLDEST);
    occupy(pool, &gate, 1);
    assert_status(tp_submit_with(pool, must_not_run, &dropped, &options), TP_OK);
    assert_status(tp_submit_with(pool, adds, &ran, &options), TP_OK);
    assert_int_equal(dropped, 1);
    assert_int_equal(tp_queued(pool), 1);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(ran, 1);
    assert_status(tp_destroy(pool), TP_OK);
}

static void must_not_drop(void *arg, tp_status why) {
    (void)arg;
    (void)why;
    must(!"what was refused is dropped");
}

// testRejectedExecutionExceptionOnShutdown, testCallerRunsOnShutdown, testDiscardOnShutdown, testDiscardOldestOnShutdown
static void an_executor_that_was_shut_down_refuses_whatever_it_does_when_full(void **state) {
    (void)state;
    for (int32_t when_full = TP_FULL_BLOCK; when_full <= TP_FULL_DROP_OLDEST; when_full++) {
        tp_pool *pool = pool_full_at(1, when_full);
        tp_group *group = group_of(pool, NULL);
        tp_task_options options = options_with_drop(must_not_drop);
        tp_future *future = NULL;
        assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
        for (int i = 0; i < 3; i++) {
            assert_status(tp_submit_with(pool, must_not_run, NULL, &options), TP_ESHUTDOWN);
            assert_status(tp_group_submit_with(group, must_not_run, NULL, &options), TP_ESHUTDOWN);
            assert_status(tp_async_with(pool, must_not_run_async, NULL, &options, &future), TP_ESHUTDOWN);
        }
        assert_status(tp_group_destroy(group), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// test_saturation: far more tasks than threads
static void far_more_tasks_than_threads_are_held_and_run(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    size_t n = rounds(1000, 100000, 1000000);
    _Atomic uint64_t ran = 0;
    tp_pool *pool = pool_of(2);
    occupy(pool, &gate, 2);
    for (size_t i = 0; i < n; i++) assert_status(tp_submit(pool, adds, &ran), TP_OK);
    assert_int_equal(tp_queued(pool), n);
    assert_int_equal(threads_now(), 3);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(ran, n);
    assert_status(tp_destroy(pool), TP_OK);
}

// testRemove, testPurge: a cancelled task is out of the queue
static void what_was_cancelled_is_counted_as_queued_no_more(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_future *futures[10];
    tp_pool *pool = pool_of(1);
    occupy(pool, &gate, 1);
    for (int i = 0; i < 10; i++) futures[i] = future_of(pool, i % 2 == 0 ? same : must_not_run_async, pool);
    assert_int_equal(tp_queued(pool), 10);
    for (int i = 1; i < 10; i += 2) assert_status(tp_future_cancel(futures[i]), TP_OK);
    assert_int_equal(tp_queued(pool), 5);
    gate_open(&gate);
    for (int i = 0; i < 10; i += 2) assert_ptr_equal(value_of(futures[i]), pool);
    for (int i = 0; i < 10; i++) tp_future_release(futures[i]);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- A future ----------------------------------------------------------------------------------------------

// FutureTask: testIsDone, testCancelBeforeRun, testCancelAfterRun; test_cancel, test_cancelled, test_done, test_running
static void the_life_of_a_future_seen_from_outside(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    tp_future *running = future_of(pool, stand_async, &gate);
    tp_future *pending = future_of(pool, must_not_run_async, NULL);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_int_equal(tp_future_state(running), TP_FUTURE_RUNNING);
    assert_int_equal(tp_future_state(pending), TP_FUTURE_PENDING);
    assert_status(tp_future_cancel(pending), TP_OK);
    assert_int_equal(tp_future_state(pending), TP_FUTURE_CANCELED);
    assert_status(tp_future_cancel(pending), TP_OK);
    assert_status(tp_future_wait(pending, TP_FOREVER, NULL), TP_ECANCELED);
    gate_open(&gate);
    assert_ptr_equal(value_of(running), &gate);
    assert_status(tp_future_cancel(running), TP_EBUSY);
    assert_int_equal(tp_future_state(running), TP_FUTURE_DONE);
    assert_ptr_equal(value_of(running), &gate);
    tp_future_release(running);
    tp_future_release(pending);
    assert_status(tp_destroy(pool), TP_OK);
}

struct getter {
    tp_future *future;
    struct tally calls;
    tp_status status;
    void *value;
};

static void *gets(void *arg) {
    struct getter *getter = (struct getter *)arg;
    tally_add(&getter->calls);
    getter->value = getter;
    getter->status = tp_future_wait(getter->future, LIMIT_NS, &getter->value);
    return NULL;
}

// testGet_cancelled, test_result_with_cancel: those that wait already are told
static void a_cancel_wakes_those_that_wait(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(10, 1000, 10000); round++) {
        struct gate gate = GATE_INIT;
        pthread_t threads[4];
        struct getter getters[4];
        tp_pool *pool = pool_of(1);
        occupy(pool, &gate, 1);
        tp_future *future = round % 2 == 0 ? future_of(pool, must_not_run_async, NULL) : future_by_hand();
        for (int i = 0; i < 4; i++) {
            getters[i] = (struct getter){future, TALLY_INIT, TP_OK, NULL};
            threads[i] = start_thread(gets, &getters[i]);
            assert_true(tally_reaches(&getters[i].calls, 1));
        }
        assert_status(tp_future_cancel(future), TP_OK);
        for (int i = 0; i < 4; i++) {
            join_thread(threads[i]);
            assert_int_equal(getters[i].status, TP_ECANCELED);
            assert_null(getters[i].value);
        }
        tp_future_release(future);
        gate_open(&gate);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// testTimedGet, test_result_with_timeout, test_result_with_success
static void a_get_with_a_limit_gives_the_value_that_comes_in_time(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    struct getter getter = {future_of(pool, stand_async, &gate), TALLY_INIT, TP_OK, NULL};
    assert_status(tp_future_wait(getter.future, 0, NULL), TP_ETIMEDOUT);
    assert_status(tp_future_wait(getter.future, SHORT_NS, NULL), TP_ETIMEDOUT);
    pthread_t thread = start_thread(gets, &getter);
    assert_true(tally_reaches(&getter.calls, 1));
    gate_open(&gate);
    join_thread(thread);
    assert_int_equal(getter.status, TP_OK);
    assert_ptr_equal(getter.value, &gate);
    tp_future_release(getter.future);
    assert_status(tp_destroy(pool), TP_OK);
}

// testSetException_concurrent, test_multiple_set_result: a completion and a cancel from two sides
struct two_sides {
    tp_future *future;
    pthread_barrier_t barrier;
    tp_status completed;
};

static void *completes(void *arg) {
    struct two_sides *sides = (struct two_sides *)arg;
    pthread_barrier_wait(&sides->barrier);
    sides->completed = tp_future_complete(sides->future, sides);
    return NULL;
}

static void of_a_completion_and_a_cancel_one_wins(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(50, 5000, 50000); round++) {
        struct two_sides sides;
        void *value = NULL;
        sides.future = future_by_hand();
        pthread_barrier_init(&sides.barrier, NULL, 2);
        pthread_t thread = start_thread(completes, &sides);
        pthread_barrier_wait(&sides.barrier);
        tp_status cancelled = tp_future_cancel(sides.future);
        join_thread(thread);
        assert_true((cancelled == TP_OK) != (sides.completed == TP_OK));
        assert_int_equal(cancelled == TP_OK ? sides.completed : cancelled, TP_EBUSY);
        assert_status(tp_future_wait(sides.future, 0, &value), cancelled == TP_OK ? TP_ECANCELED : TP_OK);
        assert_ptr_equal(value, cancelled == TP_OK ? NULL : &sides);
        pthread_barrier_destroy(&sides.barrier);
        tp_future_release(sides.future);
    }
}

static void *follows(void *value, void *calls) {
    adds(calls);
    return value;
}

// test_done_callback_with_result, test_done_callback_already_successful, test_done_callback_with_cancel
static void a_callback_is_called_once_also_if_it_is_added_late(void **state) {
    (void)state;
    _Atomic uint64_t calls = 0;
    tp_pool *pool = pool_of(2);
    tp_future *future = future_by_hand();
    tp_future *early = future_then(pool, future, follows, &calls);
    assert_status(tp_future_complete(future, number(5)), TP_OK);
    tp_future *late = future_then(pool, future, follows, &calls);
    assert_ptr_equal(value_of(early), number(5));
    assert_ptr_equal(value_of(late), number(5));
    assert_int_equal(calls, 2);
    tp_future *cancelled = future_by_hand();
    assert_status(tp_future_cancel(cancelled), TP_OK);
    tp_future *never = future_then(pool, cancelled, follows, &calls);
    assert_status(tp_future_wait(never, LIMIT_NS, NULL), TP_ECANCELED);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(calls, 2);
    tp_future *all[] = {future, early, late, cancelled, never};
    for (int i = 0; i < 5; i++) tp_future_release(all[i]);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Many futures ------------------------------------------------------------------------------------------

// testInvokeAll, test_map: the results come in the order of the tasks
static void the_results_of_all_come_in_the_order_of_the_tasks(void **state) {
    (void)state;
    enum { TASKS = 200 };
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_future *futures[TASKS];
        tp_pool *pool = pool_of(worker_counts[i]);
        for (uintptr_t n = 0; n < TASKS; n++) futures[n] = future_of(pool, square, number(n));
        for (uintptr_t n = 0; n < TASKS; n++) {
            assert_ptr_equal(value_of(futures[n]), number(n * n));
            tp_future_release(futures[n]);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// testTimedInvokeAll, test_map_timeout: those that are late are cancelled or finish
static void of_all_with_a_limit_the_late_ones_are_cancelled(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    tp_future *futures[] = {
        future_of(pool, same, pool),
        future_of(pool, stand_async, &gate),
        future_of(pool, must_not_run_async, NULL),
    };
    assert_ptr_equal(value_of(futures[0]), pool);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_future_wait(futures[2], SHORT_NS, NULL), TP_ETIMEDOUT);
    assert_status(tp_future_cancel(futures[0]), TP_EBUSY);
    assert_status(tp_future_cancel(futures[1]), TP_EBUSY);
    assert_status(tp_future_cancel(futures[2]), TP_OK);
    gate_open(&gate);
    assert_ptr_equal(value_of(futures[1]), &gate);
    for (int i = 0; i < 3; i++) tp_future_release(futures[i]);
    assert_status(tp_destroy(pool), TP_OK);
}

// testInvokeAny, test_first_completed: the first result is taken, the others are cancelled
static void the_first_of_any_is_taken_and_the_others_cancelled(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    size_t index = 77;
    tp_pool *pool = pool_of(2);
    tp_future *futures[] = {
        future_of(pool, stand_async, &gate),
        future_of(pool, same, pool),
    };
    assert_status(tp_future_wait_any(futures, 2, LIMIT_NS, &index), TP_OK);
    assert_int_equal(index, 1);
    assert_ptr_equal(value_of(futures[1]), pool);
    tp_status status = tp_future_cancel(futures[0]);
    assert_true(status == TP_EBUSY || status == TP_OK);
    gate_open(&gate);
    for (int i = 0; i < 2; i++) tp_future_release(futures[i]);
    assert_status(tp_destroy(pool), TP_OK);
}

// testTimedInvokeAny, test_timeout
static void any_with_a_limit_times_out_if_none_is_done(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    tp_future *futures[] = {future_of(pool, stand_async, &gate), future_of(pool, same, pool)};
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_future_wait_any(futures, 2, SHORT_NS, NULL), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_future_wait_any(futures, 2, LIMIT_NS, NULL), TP_OK);
    for (int i = 0; i < 2; i++) tp_future_release(futures[i]);
    assert_status(tp_destroy(pool), TP_OK);
}

// test_as_completed, ExecutorCompletionService: in the order in which they end, each once
static void futures_are_taken_in_the_order_in_which_they_end(void **state) {
    (void)state;
    enum { FUTURES = 20 };
    tp_future *futures[FUTURES];
    uintptr_t names[FUTURES];
    for (uintptr_t i = 0; i < FUTURES; i++) {
        futures[i] = future_by_hand();
        names[i] = i;
    }
    size_t left = FUTURES;
    for (uintptr_t turn = 0; turn < FUTURES; turn++) {
        uintptr_t next = turn * 7 % FUTURES;
        size_t at = 0;
        while (names[at] != next) at++;
        assert_status(tp_future_wait_any(futures, left, 0, NULL), TP_ETIMEDOUT);
        assert_status(tp_future_complete(futures[at], number(next)), TP_OK);
        size_t index = FUTURES;
        assert_status(tp_future_wait_any(futures, left, LIMIT_NS, &index), TP_OK);
        assert_int_equal(index, at);
        assert_ptr_equal(value_of(futures[index]), number(next));
        tp_future_release(futures[index]);
        left--;
        futures[index] = futures[left];
        names[index] = names[left];
    }
}

// test_first_completed_some_already_completed
static void any_returns_at_once_if_one_was_done_before(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    size_t index = 77;
    tp_pool *pool = pool_of(1);
    tp_future *done = future_of(pool, same, pool);
    value_of(done);
    tp_future *futures[] = {future_of(pool, stand_async, &gate), done};
    assert_status(tp_future_wait_any(futures, 2, 0, &index), TP_OK);
    assert_int_equal(index, 1);
    gate_open(&gate);
    for (int i = 0; i < 2; i++) tp_future_release(futures[i]);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Threads -----------------------------------------------------------------------------------------------

// testSetCorePoolSize, ForkJoinPool testGetParallelism
static void a_grown_executor_runs_as_many_tasks_at_a_time(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    occupy(pool, &gate, 1);
    assert_status(tp_resize(pool, 4), TP_OK);
    assert_int_equal(tp_thread_count(pool), 4);
    occupy(pool, &gate, 3);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_status(tp_resize(pool, 1), TP_OK);
    assert_soon(threads_now() == 2);
    assert_status(tp_destroy(pool), TP_OK);
}

struct factory {
    struct tally starts;
    struct tally stops;
};

static void starts(void *ctx, uint32_t worker) {
    (void)worker;
    tally_add(&((struct factory *)ctx)->starts);
}

static void stops(void *ctx, uint32_t worker) {
    (void)worker;
    tally_add(&((struct factory *)ctx)->stops);
}

static void sees_its_thread_started(void *arg) { must(tally_now(&((struct factory *)arg)->starts) > 0); }

// testThreadFactory, test_initializer
static void an_initializer_runs_once_on_each_thread_before_its_tasks(void **state) {
    (void)state;
    struct factory factory = {TALLY_INIT, TALLY_INIT};
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 3;
    options.on_start = starts;
    options.on_stop = stops;
    options.hook_ctx = &factory;
    tp_pool *pool = pool_with(options);
    run_inside(pool, sees_its_thread_started, &factory);
    assert_true(tally_reaches(&factory.starts, 3));
    assert_status(tp_destroy(pool), TP_OK);
    assert_int_equal(tally_now(&factory.starts), 3);
    assert_int_equal(tally_now(&factory.stops), 3);
}

// ForkJoinPool testAwaitQuiescence
static void quiescence_is_awaited_with_a_limit(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(2);
    assert_status(tp_wait(pool, 0), TP_OK);
    occupy(pool, &gate, 1);
    assert_status(tp_wait(pool, SHORT_NS), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// ForkJoinPool testCommonPoolShutDown
static void the_common_pool_survives_every_shutdown(void **state) {
    (void)state;
    assert_status(tp_shutdown(tp_default(), TP_DRAIN, 0), TP_ENOTSUP);
    assert_status(tp_shutdown(tp_default(), TP_DISCARD, 0), TP_ENOTSUP);
    assert_status(tp_destroy(tp_default()), TP_ENOTSUP);
    tp_future *future = future_of(tp_default(), same, number(3));
    assert_ptr_equal(value_of(future), number(3));
    tp_future_release(future);
}

// A task that waits for a task of its own pool of one
static void *waits_for_its_child(void *arg) {
    tp_future *child = future_of(tp_current(), square, arg);
    void *value = value_of(child);
    tp_future_release(child);
    return value;
}

static void a_task_that_waits_for_its_child_does_not_hang_a_pool_of_one(void **state) {
    (void)state;
    tp_pool *pool = pool_reserved(1, 0);
    for (uintptr_t i = 0; i < rounds(100, 10000, 100000); i++) {
        tp_future *future = future_of(pool, waits_for_its_child, number(i));
        assert_ptr_equal(value_of(future), number(i * i));
        tp_future_release(future);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(awaiting_the_end_times_out_while_a_task_runs_and_succeeds_later),
        cmocka_unit_test(shutting_down_now_tells_what_runs_and_hands_back_what_waits),
        cmocka_unit_test(what_was_submitted_before_a_shutdown_that_nobody_waits_for_has_its_result),
        cmocka_unit_test(a_shutdown_that_cancels_leaves_each_future_done_or_cancelled),
        cmocka_unit_test(every_thread_has_ended_when_an_executor_has),
        cmocka_unit_test(a_shutdown_waits_for_the_tasks_of_tasks),
        cmocka_unit_test(what_was_accepted_while_a_shutdown_began_runs),
        cmocka_unit_test(a_saturated_executor_refuses_what_does_not_fit),
        cmocka_unit_test(a_saturated_executor_lets_the_caller_run_what_does_not_fit),
        cmocka_unit_test(a_saturated_executor_keeps_the_newest),
        cmocka_unit_test(an_executor_that_was_shut_down_refuses_whatever_it_does_when_full),
        cmocka_unit_test(far_more_tasks_than_threads_are_held_and_run),
        cmocka_unit_test(what_was_cancelled_is_counted_as_queued_no_more),
        cmocka_unit_test(the_life_of_a_future_seen_from_outside),
        cmocka_unit_test(a_cancel_wakes_those_that_wait),
        cmocka_unit_test(a_get_with_a_limit_gives_the_value_that_comes_in_time),
        cmocka_unit_test(of_a_completion_and_a_cancel_one_wins),
        cmocka_unit_test(a_callback_is_called_once_also_if_it_is_added_late),
        cmocka_unit_test(the_results_of_all_come_in_the_order_of_the_tasks),
        cmocka_unit_test(of_all_with_a_limit_the_late_ones_are_cancelled),
        cmocka_unit_test(the_first_of_any_is_taken_and_the_others_cancelled),
        cmocka_unit_test(any_with_a_limit_times_out_if_none_is_done),
        cmocka_unit_test(futures_are_taken_in_the_order_in_which_they_end),
        cmocka_unit_test(any_returns_at_once_if_one_was_done_before),
        cmocka_unit_test(a_grown_executor_runs_as_many_tasks_at_a_time),
        cmocka_unit_test(an_initializer_runs_once_on_each_thread_before_its_tasks),
        cmocka_unit_test(quiescence_is_awaited_with_a_limit),
        cmocka_unit_test(the_common_pool_survives_every_shutdown),
        cmocka_unit_test(a_task_that_waits_for_its_child_does_not_hang_a_pool_of_one),
    };
    return run_file(tests);
}
