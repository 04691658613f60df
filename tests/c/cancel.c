// cancel: what has not started never starts and is dropped, what runs is told; the two never mix.

#include "support.h"

#include <stdatomic.h>

static void must_not_run(void *arg) {
    (void)arg;
    must(!"a task runs that may not");
}

static void *must_not_run_async(void *arg) {
    must_not_run(arg);
    return NULL;
}

static void *follow(void *value, void *arg) {
    (void)arg;
    return value;
}

static tp_future *future_with_drop(tp_pool *pool, tp_async_fn run, void *arg, tp_drop_fn drop) {
    tp_future *future = NULL;
    tp_task_options options = options_with_drop(drop);
    must_status(tp_async_with(pool, run, arg, &options, &future), TP_OK);
    return future;
}

static void submit_member(tp_group *group, tp_task_fn run, void *arg, tp_drop_fn drop) {
    tp_task_options options = options_with_drop(drop);
    must_status(tp_group_submit_with(group, run, arg, &options), TP_OK);
}

// ---- What has not started ----------------------------------------------------------------------------------

struct dropped {
    struct tally drops;
    pthread_t thread;
    tp_pool *pool;
};

static void drops_here(void *arg, tp_status why) {
    struct dropped *dropped = (struct dropped *)arg;
    must(why == TP_ECANCELED);
    must(tp_current() == dropped->pool);
    must(pthread_equal(pthread_self(), dropped->thread));
    tally_add(&dropped->drops);
}

static void a_future_that_is_cancelled_before_it_runs_is_dropped_by_the_caller(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct gate gate = GATE_INIT;
        tp_pool *pool = pool_of(worker_counts[i]);
        struct dropped dropped = {TALLY_INIT, pthread_self(), pool};
        occupy(pool, &gate, worker_counts[i]);
        tp_future *future = future_with_drop(pool, must_not_run_async, &dropped, drops_here);
        assert_int_equal(tp_queued(pool), 1);
        assert_status(tp_future_cancel(future), TP_OK);
        assert_int_equal(tally_now(&dropped.drops), 1);
        assert_int_equal(tp_queued(pool), 0);
        assert_null(tp_current());
        assert_int_equal(tp_future_state(future), TP_FUTURE_CANCELED);
        assert_status(tp_future_cancel(future), TP_OK);
        void *value = pool;
        assert_status(tp_future_wait(future, TP_FOREVER, &value), TP_ECANCELED);
        assert_null(value);
        gate_open(&gate);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&dropped.drops), 1);
        tp_future_release(future);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_cancelled_task_needs_no_drop_function(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    occupy(pool, &gate, 1);
    tp_future *future = future_of(pool, must_not_run_async, NULL);
    assert_status(tp_group_submit(group, must_not_run, NULL), TP_OK);
    assert_status(tp_future_cancel(future), TP_OK);
    assert_status(tp_group_cancel(group), TP_OK);
    gate_open(&gate);
    tp_future_release(future);
    assert_status(tp_destroy(pool), TP_OK);
    assert_status(tp_group_destroy(group), TP_OK);
}

static void a_group_that_is_cancelled_drops_what_has_not_started_on_the_callers_thread(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct gate gate = GATE_INIT;
        tp_pool *pool = pool_of(worker_counts[i]);
        struct dropped dropped = {TALLY_INIT, pthread_self(), pool};
        tp_group *group = group_of(pool, NULL);
        occupy(pool, &gate, worker_counts[i]);
        for (int n = 0; n < 100; n++) submit_member(group, must_not_run, &dropped, drops_here);
        assert_status(tp_group_cancel(group), TP_OK);
        assert_int_equal(tally_now(&dropped.drops), 100);
        assert_int_equal(tp_group_count(group), 0);
        assert_int_equal(tp_queued(pool), 0);
        assert_status(tp_group_wait(group, 0), TP_OK);
        gate_open(&gate);
        assert_status(tp_group_destroy(group), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_cancelled_task_makes_room_in_the_queue(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_full_at(2, TP_FULL_FAIL);
    tp_group *group = group_of(pool, NULL);
    occupy(pool, &gate, 1);
    for (size_t i = 0; i < rounds(10, 1000, 10000); i++) {
        tp_future *future = future_of(pool, must_not_run_async, NULL);
        assert_status(tp_group_submit(group, must_not_run, NULL), TP_OK);
        assert_status(tp_submit(pool, must_not_run, NULL), TP_EFULL);
        assert_status(tp_future_cancel(future), TP_OK);
        assert_status(tp_group_cancel(group), TP_OK);
        assert_int_equal(tp_queued(pool), 0);
        tp_future_release(future);
    }
    for (int i = 0; i < 2; i++) assert_status(tp_submit(pool, count, &ran), TP_OK);
    assert_status(tp_submit(pool, must_not_run, NULL), TP_EFULL);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 2);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_waiting_submit_is_let_in_by_a_cancel(void **state) {
    (void)state;
    struct submitter submitter;
    struct tally ran = TALLY_INIT;
    for (int kind = 0; kind < 2; kind++) {
        tp_pool *pool = pool_full_at(1, TP_FULL_BLOCK);
        tp_group *group = group_of(pool, NULL);
        struct gate closed = GATE_INIT;
        occupy(pool, &closed, 1);
        tp_future *future = kind == 0 ? future_of(pool, must_not_run_async, NULL) : NULL;
        if (kind == 1) assert_status(tp_group_submit(group, must_not_run, NULL), TP_OK);
        submitter_start(&submitter, pool, count, &ran);
        assert_soon(submitter_sleeps(&submitter));
        if (kind == 0) assert_status(tp_future_cancel(future), TP_OK);
        if (kind == 1) assert_status(tp_group_cancel(group), TP_OK);
        assert_int_equal(submitter_end(&submitter), TP_OK);
        gate_open(&closed);
        tp_future_release(future);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_status(tp_group_destroy(group), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
    assert_int_equal(tally_now(&ran), 2);
}

static void a_cancelled_group_refuses_tasks_until_it_is_empty_and_then_is_as_new(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    assert_status(tp_group_submit(group, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_group_cancel(group), TP_OK);
    assert_int_equal(tp_group_count(group), 1);
    assert_status(tp_group_submit(group, must_not_run, NULL), TP_ECANCELED);
    assert_status(tp_group_submit_with(group, must_not_run, NULL, NULL), TP_ECANCELED);
    assert_status(tp_group_cancel(group), TP_OK);
    assert_status(tp_group_wait(group, 0), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    assert_status(tp_group_submit(group, count, &ran), TP_OK);
    assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 1);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void sees_no_cancel(void *ran) {
    must(tp_cancelled() == 0);
    tally_add((struct tally *)ran);
}

static void a_cancel_of_an_empty_group_does_nothing(void **state) {
    (void)state;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *parent = group_of(pool, NULL);
    tp_group *child = group_of(pool, parent);
    assert_status(tp_group_cancel(parent), TP_OK);
    assert_status(tp_group_cancel(child), TP_OK);
    assert_status(tp_group_submit(child, sees_no_cancel, &ran), TP_OK);
    assert_status(tp_group_wait(parent, LIMIT_NS), TP_OK);
    assert_status(tp_group_submit(parent, sees_no_cancel, &ran), TP_OK);
    assert_status(tp_group_wait(parent, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 2);
    assert_status(tp_group_destroy(child), TP_OK);
    assert_status(tp_group_destroy(parent), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Groups below ------------------------------------------------------------------------------------------

static void a_cancel_of_a_parent_cancels_what_is_below_and_nothing_above_or_beside(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally dropped = TALLY_INIT;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *above = group_of(pool, NULL);
    tp_group *parent = group_of(pool, above);
    tp_group *child = group_of(pool, parent);
    tp_group *grandchild = group_of(pool, child);
    tp_group *beside = group_of(pool, above);
    occupy(pool, &gate, 1);
    for (int i = 0; i < 10; i++) {
        submit_member(parent, must_not_run, &dropped, count_canceled);
        submit_member(child, must_not_run, &dropped, count_canceled);
        submit_member(grandchild, must_not_run, &dropped, count_canceled);
        assert_status(tp_group_submit(above, sees_no_cancel, &ran), TP_OK);
        assert_status(tp_group_submit(beside, sees_no_cancel, &ran), TP_OK);
    }
    assert_status(tp_group_cancel(parent), TP_OK);
    assert_int_equal(tally_now(&dropped), 30);
    assert_int_equal(tp_group_count(parent), 0);
    assert_int_equal(tp_group_count(above), 20);
    gate_open(&gate);
    assert_status(tp_group_wait(above, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 20);
    assert_status(tp_group_destroy(grandchild), TP_OK);
    assert_status(tp_group_destroy(child), TP_OK);
    assert_status(tp_group_destroy(beside), TP_OK);
    assert_status(tp_group_destroy(parent), TP_OK);
    assert_status(tp_group_destroy(above), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_child_of_a_cancelled_group_refuses_tasks_too(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *parent = group_of(pool, NULL);
    tp_group *child = group_of(pool, parent);
    assert_status(tp_group_submit(parent, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_group_cancel(parent), TP_OK);
    assert_status(tp_group_submit(child, must_not_run, NULL), TP_ECANCELED);
    tp_group *late = group_of(pool, child);
    assert_status(tp_group_submit(late, must_not_run, NULL), TP_ECANCELED);
    assert_status(tp_group_wait(child, 0), TP_OK);
    gate_open(&gate);
    assert_status(tp_group_wait(parent, LIMIT_NS), TP_OK);
    assert_status(tp_group_submit(late, count, &ran), TP_OK);
    assert_status(tp_group_submit(child, count, &ran), TP_OK);
    assert_status(tp_group_wait(parent, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 2);
    assert_status(tp_group_destroy(late), TP_OK);
    assert_status(tp_group_destroy(child), TP_OK);
    assert_status(tp_group_destroy(parent), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_cancelled_child_leaves_its_parent_as_it_was(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally ran = TALLY_INIT;
    struct tally dropped = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *parent = group_of(pool, NULL);
    tp_group *child = group_of(pool, parent);
    assert_status(tp_group_submit(child, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    submit_member(child, must_not_run, &dropped, count_canceled);
    assert_status(tp_group_cancel(child), TP_OK);
    assert_int_equal(tally_now(&dropped), 1);
    assert_status(tp_group_submit(child, must_not_run, NULL), TP_ECANCELED);
    assert_status(tp_group_submit(parent, sees_no_cancel, &ran), TP_OK);
    gate_open(&gate);
    assert_status(tp_group_wait(parent, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 1);
    assert_status(tp_group_destroy(child), TP_OK);
    assert_status(tp_group_destroy(parent), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// A child that is empty when its parent is cancelled stays closed only as long as the parent is.
static void a_group_is_as_new_once_empty_though_its_child_was_cancelled_with_it(void **state) {
    (void)state;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *parent = group_of(pool, NULL);
    tp_group *child = group_of(pool, parent);
    for (size_t round = 1; round <= rounds(5, 100, 1000); round++) {
        struct gate closed = GATE_INIT;
        assert_status(tp_group_submit(child, stand, &closed), TP_OK);
        assert_true(tally_reaches(&closed.entered, 1));
        assert_status(tp_group_cancel(parent), TP_OK);
        gate_open(&closed);
        assert_status(tp_group_wait(parent, LIMIT_NS), TP_OK);
        assert_status(tp_group_submit(child, sees_no_cancel, &ran), TP_OK);
        assert_status(tp_group_submit(parent, sees_no_cancel, &ran), TP_OK);
        assert_status(tp_group_wait(parent, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&ran), 2 * round);
    }
    assert_status(tp_group_destroy(child), TP_OK);
    assert_status(tp_group_destroy(parent), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- What runs ---------------------------------------------------------------------------------------------

// A task that says that it runs uncancelled, and ends when it sees that it was cancelled.
struct told {
    struct tally runs;
    struct tally sees;
    tp_group *group;
};

static void runs_until_cancelled(void *arg) {
    struct told *told = (struct told *)arg;
    must(tp_cancelled() == 0);
    tally_add(&told->runs);
    must_soon(tp_cancelled() == 1);
    tally_add(&told->sees);
}

static void *runs_until_cancelled_async(void *arg) {
    runs_until_cancelled(arg);
    return arg;
}

static void a_running_task_sees_that_its_future_was_cancelled_and_still_gives_its_value(void **state) {
    (void)state;
    struct told told = {TALLY_INIT, TALLY_INIT, NULL};
    tp_pool *pool = pool_of(1);
    tp_future *future = future_with_drop(pool, runs_until_cancelled_async, &told, count_canceled);
    assert_true(tally_reaches(&told.runs, 1));
    assert_status(tp_future_cancel(future), TP_EBUSY);
    assert_ptr_equal(value_of(future), &told);
    assert_int_equal(tp_future_state(future), TP_FUTURE_DONE);
    assert_status(tp_future_cancel(future), TP_EBUSY);
    assert_ptr_equal(value_of(future), &told);
    tp_future_release(future);
    run_inside(pool, sees_no_cancel, &told.sees);
    assert_status(tp_destroy(pool), TP_OK);
}

static void running_tasks_see_that_their_group_or_one_above_was_cancelled(void **state) {
    (void)state;
    for (int above = 0; above < 3; above++) {
        struct told told = {TALLY_INIT, TALLY_INIT, NULL};
        tp_pool *pool = pool_of(2);
        tp_group *groups[3];
        for (int i = 0; i < 3; i++) groups[i] = group_of(pool, i == 0 ? NULL : groups[i - 1]);
        for (int i = 0; i < 2; i++) assert_status(tp_group_submit(groups[2], runs_until_cancelled, &told), TP_OK);
        assert_true(tally_reaches(&told.runs, 2));
        assert_status(tp_group_cancel(groups[above]), TP_OK);
        assert_status(tp_group_wait(groups[0], LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&told.sees), 2);
        run_inside(pool, sees_no_cancel, &told.sees);
        assert_status(tp_group_submit(groups[2], sees_no_cancel, &told.sees), TP_OK);
        assert_status(tp_group_wait(groups[0], LIMIT_NS), TP_OK);
        for (int i = 2; i >= 0; i--) assert_status(tp_group_destroy(groups[i]), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void *cancels_the_group_elsewhere(void *arg) {
    struct told *told = (struct told *)arg;
    must(tp_cancelled() == 0);
    must(tally_reaches(&told->runs, 1));
    must_status(tp_group_cancel(told->group), TP_OK);
    must(tp_cancelled() == 0);
    return NULL;
}

static void running_tasks_see_that_their_pool_discards(void **state) {
    (void)state;
    struct told told = {TALLY_INIT, TALLY_INIT, NULL};
    tp_pool *pool = pool_of(3);
    tp_group *group = group_of(pool, NULL);
    tp_future *future = future_of(pool, runs_until_cancelled_async, &told);
    assert_status(tp_group_submit(group, runs_until_cancelled, &told), TP_OK);
    assert_status(tp_submit(pool, runs_until_cancelled, &told), TP_OK);
    assert_true(tally_reaches(&told.runs, 3));
    assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&told.sees), 3);
    assert_int_equal(tp_future_state(future), TP_FUTURE_DONE);
    assert_status(tp_group_wait(group, 0), TP_OK);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
    tp_future_release(future);
    assert_int_equal(tp_cancelled(), 0);
}

static void drained_task(void *arg) {
    stand(arg);
    must(tp_cancelled() == 0);
}

static void tasks_of_a_pool_that_drains_are_not_cancelled(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    assert_status(tp_submit(pool, drained_task, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_shutdown(pool, TP_DRAIN, 0), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_destroy(pool), TP_OK);
}

static void only_the_task_that_was_cancelled_sees_it(void **state) {
    (void)state;
    struct told told = {TALLY_INIT, TALLY_INIT, NULL};
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(3);
    told.group = group_of(pool, NULL);
    assert_status(tp_submit(pool, drained_task, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_group_submit(told.group, runs_until_cancelled, &told), TP_OK);
    tp_future *future = future_of(pool, cancels_the_group_elsewhere, &told);
    assert_null(value_of(future));
    assert_status(tp_group_wait(told.group, LIMIT_NS), TP_OK);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    tp_future_release(future);
    assert_status(tp_group_destroy(told.group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void nobody_is_cancelled_outside_a_task(void **state) {
    (void)state;
    assert_int_equal(tp_cancelled(), 0);
    tp_pool *pool = pool_of(1);
    assert_int_equal(tp_cancelled(), 0);
    assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
    assert_int_equal(tp_cancelled(), 0);
    assert_status(tp_destroy(pool), TP_OK);
}

static void cancels_its_own_group(void *arg) {
    struct told *told = (struct told *)arg;
    must(tp_cancelled() == 0);
    submit_member(told->group, must_not_run, &told->sees, count_canceled);
    must_status(tp_group_cancel(told->group), TP_OK);
    must(tally_now(&told->sees) == 1);
    must(tp_cancelled() == 1);
    must_status(tp_group_submit(told->group, must_not_run, NULL), TP_ECANCELED);
}

static void a_task_may_cancel_its_own_group(void **state) {
    (void)state;
    struct told told = {TALLY_INIT, TALLY_INIT, NULL};
    tp_pool *pool = pool_of(1);
    told.group = group_of(pool, NULL);
    for (int i = 0; i < 10; i++) {
        struct tally none = TALLY_INIT;
        told.sees = none;
        assert_status(tp_group_submit(told.group, cancels_its_own_group, &told), TP_OK);
        assert_status(tp_group_wait(told.group, LIMIT_NS), TP_OK);
    }
    assert_status(tp_group_destroy(told.group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

struct own {
    tp_future *future;
    struct tally set;
};

static void *cancels_its_own_future(void *arg) {
    struct own *own = (struct own *)arg;
    must(tally_reaches(&own->set, 1));
    must(tp_cancelled() == 0);
    must_status(tp_future_cancel(own->future), TP_EBUSY);
    must(tp_cancelled() == 1);
    return arg;
}

static void a_task_may_cancel_its_own_future(void **state) {
    (void)state;
    struct own own = {NULL, TALLY_INIT};
    tp_pool *pool = pool_of(1);
    own.future = future_of(pool, cancels_its_own_future, &own);
    tally_add(&own.set);
    assert_ptr_equal(value_of(own.future), &own);
    tp_future_release(own.future);
    assert_status(tp_destroy(pool), TP_OK);
}

// What a waiting task runs on its stack has flags of its own.
struct inner {
    tp_group *group;
    struct tally runs;
};

static void *is_not_cancelled(void *arg) {
    must(tp_cancelled() == 0);
    return arg;
}

static void waits_while_cancelled(void *arg) {
    struct inner *inner = (struct inner *)arg;
    must_status(tp_group_cancel(inner->group), TP_OK);
    must(tp_cancelled() == 1);
    tp_future *future = future_of(tp_current(), is_not_cancelled, arg);
    must(value_of(future) == arg);
    tp_future_release(future);
    must(tp_cancelled() == 1);
    tp_group *other = group_of(tp_current(), NULL);
    must_status(tp_group_submit(other, sees_no_cancel, &inner->runs), TP_OK);
    must_status(tp_group_wait(other, LIMIT_NS), TP_OK);
    must_status(tp_group_destroy(other), TP_OK);
    must(tp_cancelled() == 1);
    tally_add(&inner->runs);
}

static void what_a_cancelled_task_waits_for_is_not_cancelled_with_it(void **state) {
    (void)state;
    struct inner inner = {NULL, TALLY_INIT};
    tp_pool *pool = pool_of(1);
    inner.group = group_of(pool, NULL);
    assert_status(tp_group_submit(inner.group, waits_while_cancelled, &inner), TP_OK);
    assert_status(tp_group_wait(inner.group, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&inner.runs), 2);
    assert_status(tp_group_destroy(inner.group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void what_follows_a_future_that_was_asked_to_stop_still_runs(void **state) {
    (void)state;
    struct told told = {TALLY_INIT, TALLY_INIT, NULL};
    tp_pool *pool = pool_of(1);
    tp_future *future = future_of(pool, runs_until_cancelled_async, &told);
    tp_future *next = future_then(pool, future, follow, NULL);
    assert_true(tally_reaches(&told.runs, 1));
    assert_status(tp_future_cancel(future), TP_EBUSY);
    assert_ptr_equal(value_of(next), &told);
    tp_future_release(future);
    tp_future_release(next);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- A drop has run before a wait returns -------------------------------------------------------------------

struct slow {
    struct gate gate;
    tp_group *group;
    tp_future *future;
    _Atomic int dropped;
};

static void drops_slowly(void *arg, tp_status why) {
    struct slow *slow = (struct slow *)arg;
    must(why == TP_ECANCELED);
    stand(&slow->gate);
    atomic_store(&slow->dropped, 1);
}

static void *cancels_slowly(void *arg) {
    struct slow *slow = (struct slow *)arg;
    if (slow->group != NULL) must_status(tp_group_cancel(slow->group), TP_OK);
    if (slow->future != NULL) must_status(tp_future_cancel(slow->future), TP_OK);
    return NULL;
}

static void a_wait_for_a_group_returns_after_its_drops(void **state) {
    (void)state;
    struct gate held = GATE_INIT;
    struct slow slow = {GATE_INIT, NULL, NULL, 0};
    tp_pool *pool = pool_of(1);
    occupy(pool, &held, 1);
    slow.group = group_of(pool, NULL);
    submit_member(slow.group, must_not_run, &slow, drops_slowly);
    pthread_t thread = start_thread(cancels_slowly, &slow);
    assert_true(tally_reaches(&slow.gate.entered, 1));
    assert_status(tp_group_wait(slow.group, SHORT_NS), TP_ETIMEDOUT);
    assert_int_equal(tp_group_count(slow.group), 1);
    assert_status(tp_group_destroy(slow.group), TP_EBUSY);
    gate_open(&slow.gate);
    assert_status(tp_group_wait(slow.group, LIMIT_NS), TP_OK);
    assert_int_equal(slow.dropped, 1);
    join_thread(thread);
    assert_status(tp_group_destroy(slow.group), TP_OK);
    gate_open(&held);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_wait_for_a_future_returns_after_its_drop(void **state) {
    (void)state;
    struct gate held = GATE_INIT;
    struct slow slow = {GATE_INIT, NULL, NULL, 0};
    tp_pool *pool = pool_of(1);
    occupy(pool, &held, 1);
    slow.future = future_with_drop(pool, must_not_run_async, &slow, drops_slowly);
    pthread_t thread = start_thread(cancels_slowly, &slow);
    assert_true(tally_reaches(&slow.gate.entered, 1));
    assert_status(tp_future_cancel(slow.future), TP_OK);
    assert_status(tp_future_wait(slow.future, SHORT_NS, NULL), TP_ETIMEDOUT);
    gate_open(&slow.gate);
    assert_status(tp_future_wait(slow.future, LIMIT_NS, NULL), TP_ECANCELED);
    assert_int_equal(slow.dropped, 1);
    join_thread(thread);
    tp_future_release(slow.future);
    gate_open(&held);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_wait_for_the_pool_returns_after_its_drops(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct gate held = GATE_INIT;
        struct slow slow = {GATE_INIT, NULL, NULL, 0};
        tp_pool *pool = pool_of(1);
        occupy(pool, &held, 1);
        if (kind == 0) slow.future = future_with_drop(pool, must_not_run_async, &slow, drops_slowly);
        if (kind == 1) {
            slow.group = group_of(pool, NULL);
            submit_member(slow.group, must_not_run, &slow, drops_slowly);
        }
        pthread_t thread = start_thread(cancels_slowly, &slow);
        assert_true(tally_reaches(&slow.gate.entered, 1));
        gate_open(&held);
        assert_true(tally_reaches(&held.left, 1));
        assert_status(tp_wait(pool, SHORT_NS), TP_ETIMEDOUT);
        gate_open(&slow.gate);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(slow.dropped, 1);
        join_thread(thread);
        tp_future_release(slow.future);
        assert_status(tp_group_destroy(slow.group), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- Drop functions that call the pool ----------------------------------------------------------------------

struct busy_drop {
    tp_pool *pool;
    tp_group *group;
    tp_future *future;
    struct tally ran;
    struct tally drops;
};

static void drops_and_calls(void *arg, tp_status why) {
    struct busy_drop *busy = (struct busy_drop *)arg;
    must(why == TP_ECANCELED);
    must_status(tp_submit(busy->pool, count, &busy->ran), TP_OK);
    tp_future *future = future_of(busy->pool, same, arg);
    tp_future_release(future);
    if (busy->group != NULL) {
        must_status(tp_group_wait(busy->group, SHORT_NS), TP_EDEADLK);
        must_status(tp_group_submit(busy->group, must_not_run, NULL), TP_ECANCELED);
        must_status(tp_group_cancel(busy->group), TP_OK);
    }
    if (busy->future != NULL) {
        must_status(tp_future_wait(busy->future, SHORT_NS, NULL), TP_EDEADLK);
        must_status(tp_future_cancel(busy->future), TP_OK);
    }
    must_status(tp_wait(busy->pool, TP_FOREVER), TP_EDEADLK);
    tally_add(&busy->drops);
}

static void a_drop_function_may_call_the_pool_but_not_wait_for_itself(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct gate gate = GATE_INIT;
        struct busy_drop busy = {pool_of(1), NULL, NULL, TALLY_INIT, TALLY_INIT};
        occupy(busy.pool, &gate, 1);
        if (kind == 0) {
            busy.group = group_of(busy.pool, NULL);
            submit_member(busy.group, must_not_run, &busy, drops_and_calls);
            assert_status(tp_group_cancel(busy.group), TP_OK);
        } else {
            busy.future = future_with_drop(busy.pool, must_not_run_async, &busy, drops_and_calls);
            assert_status(tp_future_cancel(busy.future), TP_OK);
        }
        assert_int_equal(tally_now(&busy.drops), 1);
        gate_open(&gate);
        assert_status(tp_wait(busy.pool, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&busy.ran), 1);
        tp_future_release(busy.future);
        assert_status(tp_group_destroy(busy.group), TP_OK);
        assert_status(tp_destroy(busy.pool), TP_OK);
    }
}

// ---- Races -------------------------------------------------------------------------------------------------

// Each future ends one way: it ran, or it was dropped.
struct racer {
    _Atomic uint32_t ran;
    _Atomic uint32_t dropped;
};

static void *races(void *arg) {
    struct racer *racer = (struct racer *)arg;
    must(atomic_fetch_add(&racer->ran, 1) == 0);
    return arg;
}

static void loses(void *arg, tp_status why) {
    must(why == TP_ECANCELED);
    must(atomic_fetch_add(&((struct racer *)arg)->dropped, 1) == 0);
}

static void lets_them_race(tp_pool *pool, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct racer racer = {0, 0};
        void *value = NULL;
        tp_future *future = future_with_drop(pool, races, &racer, loses);
        // From nothing to about as long as a worker needs to start it.
        for (volatile size_t spin = 0; spin < i % 64 * 16; spin++) {}
        tp_status cancel = tp_future_cancel(future);
        must(cancel == TP_OK || cancel == TP_EBUSY);
        tp_status wait = tp_future_wait(future, TP_FOREVER, &value);
        must(wait == (cancel == TP_OK ? TP_ECANCELED : TP_OK));
        must(racer.ran == (cancel == TP_OK ? 0 : 1));
        must(racer.dropped == (cancel == TP_OK ? 1 : 0));
        must(value == (cancel == TP_OK ? NULL : &racer));
        must(tp_future_state(future) == (cancel == TP_OK ? TP_FUTURE_CANCELED : TP_FUTURE_DONE));
        tp_future_release(future);
    }
}

static void a_cancel_and_a_completion_a_million_times(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        lets_them_race(pool, rounds(5000, 300000, 1000000));
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void lets_them_race_inside(void *arg) {
    (void)arg;
    lets_them_race(tp_current(), rounds(2000, 100000, 500000));
}

static void so_it_is_between_tasks(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (int n = 0; n < 2; n++) assert_status(tp_submit(pool, lets_them_race_inside, NULL), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// Two threads cancel, a task waits: the three agree.
struct contested {
    tp_future *future;
    pthread_barrier_t *barrier;
    tp_status statuses[2];
};

struct canceller {
    struct contested *all;
    size_t n;
    int side;
};

static void *cancels_all(void *arg) {
    struct canceller *canceller = (struct canceller *)arg;
    for (size_t i = 0; i < canceller->n; i++) {
        struct contested *contested = &canceller->all[i];
        pthread_barrier_wait(contested->barrier);
        contested->statuses[canceller->side] = tp_future_cancel(contested->future);
    }
    return NULL;
}

static void of_two_cancels_both_or_none_succeed(void **state) {
    (void)state;
    size_t n = rounds(500, 20000, 200000);
    tp_pool *pool = pool_of(2);
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 3);
    struct contested *all = (struct contested *)calloc(n, sizeof *all);
    struct racer *racers = (struct racer *)calloc(n, sizeof *racers);
    struct canceller cancellers[2] = {{all, n, 0}, {all, n, 1}};
    for (size_t i = 0; i < n; i++) all[i].barrier = &barrier;
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) threads[i] = start_thread(cancels_all, &cancellers[i]);
    for (size_t i = 0; i < n; i++) {
        all[i].future = future_with_drop(pool, races, &racers[i], loses);
        pthread_barrier_wait(&barrier);
    }
    for (int i = 0; i < 2; i++) join_thread(threads[i]);
    for (size_t i = 0; i < n; i++) {
        tp_status wait = tp_future_wait(all[i].future, LIMIT_NS, NULL);
        assert_int_equal(racers[i].ran + racers[i].dropped, 1);
        assert_int_equal(wait, racers[i].ran == 1 ? TP_OK : TP_ECANCELED);
        for (int side = 0; side < 2; side++) {
            assert_int_equal(all[i].statuses[side], racers[i].ran == 1 ? TP_EBUSY : TP_OK);
        }
        tp_future_release(all[i].future);
    }
    pthread_barrier_destroy(&barrier);
    free(all);
    free(racers);
    assert_status(tp_destroy(pool), TP_OK);
}

// A group is cancelled while another thread submits into it.
struct flooded {
    tp_group *group;
    _Atomic uint64_t ran;
    _Atomic uint64_t dropped;
    uint64_t accepted;
    uint64_t refused;
    struct tally stop;
};

static void counts_a_run(void *arg) { atomic_fetch_add(&((struct flooded *)arg)->ran, 1); }

static void counts_a_drop(void *arg, tp_status why) {
    must(why == TP_ECANCELED);
    atomic_fetch_add(&((struct flooded *)arg)->dropped, 1);
}

static void *floods(void *arg) {
    struct flooded *flooded = (struct flooded *)arg;
    tp_task_options options = options_with_drop(counts_a_drop);
    for (size_t i = 0; i < rounds(2000, 200000, 2000000); i++) {
        tp_status status = tp_group_submit_with(flooded->group, counts_a_run, arg, &options);
        must(status == TP_OK || status == TP_ECANCELED);
        if (status == TP_OK) flooded->accepted++;
        if (status == TP_ECANCELED) flooded->refused++;
    }
    tally_add(&flooded->stop);
    return NULL;
}

static void a_group_that_is_cancelled_while_it_fills_loses_nothing(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        tp_group *parent = group_of(pool, NULL);
        struct flooded flooded = {group_of(pool, parent), 0, 0, 0, 0, TALLY_INIT};
        pthread_t thread = start_thread(floods, &flooded);
        for (size_t n = 0; tally_now(&flooded.stop) == 0; n++) {
            assert_status(tp_group_cancel(n % 2 == 0 ? parent : flooded.group), TP_OK);
        }
        join_thread(thread);
        assert_status(tp_group_wait(parent, LIMIT_NS), TP_OK);
        assert_int_equal(flooded.ran + flooded.dropped, flooded.accepted);
        assert_status(tp_group_submit(flooded.group, counts_a_run, &flooded), TP_OK);
        assert_status(tp_group_wait(flooded.group, LIMIT_NS), TP_OK);
        assert_int_equal(flooded.ran + flooded.dropped, flooded.accepted + 1);
        assert_status(tp_group_destroy(flooded.group), TP_OK);
        assert_status(tp_group_destroy(parent), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// Members that wait in a task, and somebody else who cancels.
static void waits_for_its_group(void *arg) {
    struct flooded *flooded = (struct flooded *)arg;
    tp_task_options options = options_with_drop(counts_a_drop);
    for (int i = 0; i < 20; i++) {
        must_status(tp_group_submit_with(flooded->group, counts_a_run, arg, &options), TP_OK);
    }
    tally_add(&flooded->stop);
    must_status(tp_group_wait(flooded->group, LIMIT_NS), TP_OK);
    must(flooded->ran + flooded->dropped == 20);
}

static void a_group_that_is_cancelled_while_a_task_waits_for_it_loses_nothing(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(50, 3000, 30000); round++) {
            struct flooded flooded = {group_of(pool, NULL), 0, 0, 0, 0, TALLY_INIT};
            assert_status(tp_submit(pool, waits_for_its_group, &flooded), TP_OK);
            assert_true(tally_reaches(&flooded.stop, 1));
            assert_status(tp_group_cancel(flooded.group), TP_OK);
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
            assert_int_equal(flooded.ran + flooded.dropped, 20);
            assert_status(tp_group_destroy(flooded.group), TP_OK);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// The pool discards while its futures are cancelled and waited for.
static void drops_either_way(void *arg, tp_status why) {
    must(why == TP_ECANCELED || why == TP_ESHUTDOWN);
    must(atomic_fetch_add(&((struct racer *)arg)->dropped, 1) == 0);
}

static void *discards(void *pool) {
    must_status(tp_shutdown((tp_pool *)pool, TP_DISCARD, LIMIT_NS), TP_OK);
    return NULL;
}

static void a_cancel_while_the_pool_discards_drops_once(void **state) {
    (void)state;
    enum { FUTURES = 50 };
    for (size_t round = 0; round < rounds(20, 1000, 10000); round++) {
        tp_pool *pool = pool_of(2);
        struct racer racers[FUTURES];
        tp_future *futures[FUTURES];
        memset(racers, 0, sizeof racers);
        for (int i = 0; i < FUTURES; i++) futures[i] = future_with_drop(pool, races, &racers[i], drops_either_way);
        pthread_t thread = start_thread(discards, pool);
        for (int i = FUTURES; i-- > 0;) {
            tp_status status = tp_future_cancel(futures[i]);
            assert_true(status == TP_OK || status == TP_EBUSY);
        }
        for (int i = 0; i < FUTURES; i++) {
            tp_status status = tp_future_wait(futures[i], LIMIT_NS, NULL);
            assert_int_equal(racers[i].ran + racers[i].dropped, 1);
            assert_int_equal(status, racers[i].ran == 1 ? TP_OK : TP_ECANCELED);
            tp_future_release(futures[i]);
        }
        join_thread(thread);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// A chain whose root is cancelled while its value is on the way.
static void a_chain_is_cancelled_whole_or_runs_to_the_end_of_what_had_started(void **state) {
    (void)state;
    enum { CHAIN = 10 };
    tp_pool *pool = pool_of(2);
    for (size_t round = 0; round < rounds(100, 5000, 50000); round++) {
        tp_future *chain[CHAIN];
        chain[0] = future_of(pool, same, pool);
        for (int i = 1; i < CHAIN; i++) chain[i] = future_then(pool, chain[i - 1], follow, NULL);
        tp_status status = tp_future_cancel(chain[round % CHAIN]);
        tp_status last = TP_OK;
        for (int i = 0; i < CHAIN; i++) {
            tp_status next = tp_future_wait(chain[i], LIMIT_NS, NULL);
            must(next == TP_OK || next == TP_ECANCELED);
            must(last == TP_OK || next == TP_ECANCELED);
            if ((size_t)i == round % CHAIN) must((status == TP_OK) == (next == TP_ECANCELED));
            last = next;
        }
        for (int i = 0; i < CHAIN; i++) tp_future_release(chain[(i + round) % CHAIN]);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_future_that_is_cancelled_before_it_runs_is_dropped_by_the_caller),
        cmocka_unit_test(a_cancelled_task_needs_no_drop_function),
        cmocka_unit_test(a_group_that_is_cancelled_drops_what_has_not_started_on_the_callers_thread),
        cmocka_unit_test(a_cancelled_task_makes_room_in_the_queue),
        cmocka_unit_test(a_waiting_submit_is_let_in_by_a_cancel),
        cmocka_unit_test(a_cancelled_group_refuses_tasks_until_it_is_empty_and_then_is_as_new),
        cmocka_unit_test(a_cancel_of_an_empty_group_does_nothing),
        cmocka_unit_test(a_cancel_of_a_parent_cancels_what_is_below_and_nothing_above_or_beside),
        cmocka_unit_test(a_child_of_a_cancelled_group_refuses_tasks_too),
        cmocka_unit_test(a_cancelled_child_leaves_its_parent_as_it_was),
        cmocka_unit_test(a_group_is_as_new_once_empty_though_its_child_was_cancelled_with_it),
        cmocka_unit_test(a_running_task_sees_that_its_future_was_cancelled_and_still_gives_its_value),
        cmocka_unit_test(running_tasks_see_that_their_group_or_one_above_was_cancelled),
        cmocka_unit_test(running_tasks_see_that_their_pool_discards),
        cmocka_unit_test(tasks_of_a_pool_that_drains_are_not_cancelled),
        cmocka_unit_test(only_the_task_that_was_cancelled_sees_it),
        cmocka_unit_test(nobody_is_cancelled_outside_a_task),
        cmocka_unit_test(a_task_may_cancel_its_own_group),
        cmocka_unit_test(a_task_may_cancel_its_own_future),
        cmocka_unit_test(what_a_cancelled_task_waits_for_is_not_cancelled_with_it),
        cmocka_unit_test(what_follows_a_future_that_was_asked_to_stop_still_runs),
        cmocka_unit_test(a_wait_for_a_group_returns_after_its_drops),
        cmocka_unit_test(a_wait_for_a_future_returns_after_its_drop),
        cmocka_unit_test(a_wait_for_the_pool_returns_after_its_drops),
        cmocka_unit_test(a_drop_function_may_call_the_pool_but_not_wait_for_itself),
        cmocka_unit_test(a_cancel_and_a_completion_a_million_times),
        cmocka_unit_test(so_it_is_between_tasks),
        cmocka_unit_test(of_two_cancels_both_or_none_succeed),
        cmocka_unit_test(a_group_that_is_cancelled_while_it_fills_loses_nothing),
        cmocka_unit_test(a_group_that_is_cancelled_while_a_task_waits_for_it_loses_nothing),
        cmocka_unit_test(a_cancel_while_the_pool_discards_drops_once),
        cmocka_unit_test(a_chain_is_cancelled_whole_or_runs_to_the_end_of_what_had_started),
    };
    return run_file(tests);
}
