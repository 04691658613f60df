// errors: each error sentence of tp.h has a test here that makes it happen, and sees what the call left behind.
//
// The errors of single options are in options.c, those of a full queue in capacity.c. Every status in these tests is
// taken with errno set beforehand and looked at afterwards.

#include "support.h"

#include <sys/mman.h>

// ---- TP_EINVAL ---------------------------------------------------------------------------------------------

static void a_null_pool_is_invalid_for_every_call_that_needs_one(void **state) {
    (void)state;
    void *args[] = {NULL};
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    assert_status(tp_create(NULL, NULL), TP_EINVAL);
    assert_status(tp_shutdown(NULL, TP_DRAIN, 0), TP_EINVAL);
    assert_status(tp_resize(NULL, 1), TP_EINVAL);
    assert_status(tp_pause(NULL), TP_EINVAL);
    assert_status(tp_resume(NULL), TP_EINVAL);
    assert_status(tp_submit(NULL, nothing, NULL), TP_EINVAL);
    assert_status(tp_submit_batch(NULL, nothing, args, 1, NULL), TP_EINVAL);
    assert_status(tp_submit_with(NULL, nothing, NULL, &options), TP_EINVAL);
    assert_status(tp_wait(NULL, TP_FOREVER), TP_EINVAL);
}

static void a_null_pool_has_no_threads_and_no_tasks(void **state) {
    (void)state;
    assert_int_equal(tp_thread_count(NULL), 0);
    assert_int_equal(tp_queued(NULL), 0);
}

static void a_null_pool_may_be_destroyed(void **state) {
    (void)state;
    assert_status(tp_destroy(NULL), TP_OK);
}

static void a_null_function_is_invalid(void **state) {
    (void)state;
    void *args[] = {NULL};
    tp_pool *pool = pool_of(1);
    assert_status(tp_submit(pool, NULL, NULL), TP_EINVAL);
    assert_status(tp_submit_batch(pool, NULL, args, 1, NULL), TP_EINVAL);
    assert_status(tp_submit_batch(pool, NULL, NULL, 0, NULL), TP_EINVAL);
    assert_status(tp_submit_with(pool, NULL, NULL, NULL), TP_EINVAL);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_batch_without_arguments_is_invalid_unless_it_is_empty(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    size_t taken = 77;
    assert_status(tp_submit_batch(pool, nothing, NULL, 1, &taken), TP_EINVAL);
    assert_int_equal(taken, 0);
    taken = 77;
    assert_status(tp_submit_batch(pool, nothing, NULL, 0, &taken), TP_OK);
    assert_int_equal(taken, 0);
    assert_status(tp_submit_batch(pool, nothing, NULL, 0, NULL), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_refused_batch_says_that_it_took_nothing(void **state) {
    (void)state;
    void *args[] = {NULL};
    size_t taken = 77;
    assert_status(tp_submit_batch(NULL, nothing, args, 1, &taken), TP_EINVAL);
    assert_int_equal(taken, 0);
    tp_pool *pool = pool_of(1);
    taken = 77;
    assert_status(tp_submit_batch(pool, NULL, args, 1, &taken), TP_EINVAL);
    assert_int_equal(taken, 0);
    assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    taken = 77;
    assert_status(tp_submit_batch(pool, nothing, args, 1, &taken), TP_ESHUTDOWN);
    assert_int_equal(taken, 0);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_mode_of_shutdown_that_is_not_known_is_invalid(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    assert_status(tp_shutdown(pool, 2, LIMIT_NS), TP_EINVAL);
    assert_status(tp_shutdown(pool, -1, LIMIT_NS), TP_EINVAL);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_thread_count_out_of_range_is_invalid_in_a_resize(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    assert_status(tp_resize(pool, 0), TP_EINVAL);
    assert_status(tp_resize(pool, 4097), TP_EINVAL);
    assert_status(tp_resize(pool, UINT32_MAX), TP_EINVAL);
    assert_int_equal(tp_thread_count(pool), 2);
    assert_status(tp_destroy(pool), TP_OK);
}

static void an_init_of_nothing_or_of_an_impossible_size_is_invalid(void **state) {
    (void)state;
    tp_options options;
    tp_task_options task_options;
    assert_status(tp_options_init(NULL, sizeof options), TP_EINVAL);
    assert_status(tp_options_init(&options, 0), TP_EINVAL);
    assert_status(tp_options_init(&options, sizeof options - 1), TP_EINVAL);
    assert_status(tp_options_init(&options, 4097), TP_EINVAL);
    assert_status(tp_options_init(&options, SIZE_MAX), TP_EINVAL);
    assert_status(tp_task_options_init(NULL, sizeof task_options), TP_EINVAL);
    assert_status(tp_task_options_init(&task_options, 0), TP_EINVAL);
    assert_status(tp_task_options_init(&task_options, sizeof task_options - 1), TP_EINVAL);
    assert_status(tp_task_options_init(&task_options, 4097), TP_EINVAL);
    assert_status(tp_task_options_init(&task_options, SIZE_MAX), TP_EINVAL);
}

static void a_refused_init_leaves_the_struct_alone(void **state) {
    (void)state;
    unsigned char bytes[sizeof(tp_options)];
    unsigned char before[sizeof(tp_options)];
    memset(bytes, 0x5a, sizeof bytes);
    memset(before, 0x5a, sizeof before);
    assert_status(tp_options_init((tp_options *)(void *)bytes, sizeof bytes - 1), TP_EINVAL);
    assert_memory_equal(bytes, before, sizeof bytes);
}

static void must_not_run(void *arg) {
    (void)arg;
    must(!"a refused task runs");
}

static void must_not_drop(void *arg, tp_status why) {
    (void)arg;
    (void)why;
    must(!"a refused task is dropped");
}

static void *must_not_run_async(void *arg) {
    (void)arg;
    must(!"a refused task runs");
    return NULL;
}

static void *must_not_follow(void *value, void *arg) {
    (void)value;
    return must_not_run_async(arg);
}

static void a_null_is_invalid_where_a_future_or_what_it_needs_is_asked_for(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_future *mine = future_by_hand();
    tp_future *future = mine;
    tp_future *futures[] = {mine, NULL};
    void *value = pool;
    size_t index = 77;
    assert_status(tp_async(NULL, must_not_run_async, NULL, &future), TP_EINVAL);
    assert_status(tp_async(pool, NULL, NULL, &future), TP_EINVAL);
    assert_status(tp_async(pool, must_not_run_async, NULL, NULL), TP_EINVAL);
    assert_status(tp_async_with(NULL, must_not_run_async, NULL, NULL, &future), TP_EINVAL);
    assert_status(tp_async_with(pool, NULL, NULL, NULL, &future), TP_EINVAL);
    assert_status(tp_async_with(pool, must_not_run_async, NULL, NULL, NULL), TP_EINVAL);
    assert_status(tp_future_create(NULL), TP_EINVAL);
    assert_status(tp_future_complete(NULL, NULL), TP_EINVAL);
    assert_status(tp_future_wait(NULL, TP_FOREVER, &value), TP_EINVAL);
    assert_status(tp_future_wait_any(NULL, 1, TP_FOREVER, &index), TP_EINVAL);
    assert_status(tp_future_wait_any(futures, 0, TP_FOREVER, &index), TP_EINVAL);
    assert_status(tp_future_wait_any(futures, 2, TP_FOREVER, &index), TP_EINVAL);
    assert_status(tp_future_then(NULL, mine, must_not_follow, NULL, &future), TP_EINVAL);
    assert_status(tp_future_then(pool, NULL, must_not_follow, NULL, &future), TP_EINVAL);
    assert_status(tp_future_then(pool, mine, NULL, NULL, &future), TP_EINVAL);
    assert_status(tp_future_then(pool, mine, must_not_follow, NULL, NULL), TP_EINVAL);
    assert_status(tp_future_cancel(NULL), TP_EINVAL);
    assert_int_equal(tp_future_state(NULL), TP_EINVAL);
    tp_future_release(NULL);
    assert_ptr_equal(future, mine);
    assert_int_equal(index, 77);
    tp_future_release(mine);
    assert_int_equal(tp_queued(pool), 0);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_null_is_invalid_where_a_group_or_what_it_needs_is_asked_for(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    tp_group *other = group;
    assert_status(tp_group_create(NULL, NULL, &other), TP_EINVAL);
    assert_status(tp_group_create(pool, NULL, NULL), TP_EINVAL);
    assert_status(tp_group_submit(NULL, must_not_run, NULL), TP_EINVAL);
    assert_status(tp_group_submit(group, NULL, NULL), TP_EINVAL);
    assert_status(tp_group_submit_with(NULL, must_not_run, NULL, NULL), TP_EINVAL);
    assert_status(tp_group_submit_with(group, NULL, NULL, NULL), TP_EINVAL);
    assert_status(tp_group_wait(NULL, TP_FOREVER), TP_EINVAL);
    assert_status(tp_group_notify(NULL, must_not_run, NULL), TP_EINVAL);
    assert_status(tp_group_notify(group, NULL, NULL), TP_EINVAL);
    assert_status(tp_group_cancel(NULL), TP_EINVAL);
    assert_int_equal(tp_group_count(NULL), 0);
    assert_status(tp_group_destroy(NULL), TP_OK);
    assert_int_equal(tp_group_count(group), 0);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void options_out_of_range_are_invalid_for_every_task_that_has_them(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    tp_future *future = NULL;
    for (int i = 0; i < 4; i++) {
        tp_task_options options = options_with_drop(must_not_drop);
        if (i == 0) options.reserved = 1;
        if (i == 1) options.struct_size = sizeof options - 1;
        if (i == 2) options.priority = TP_PRIORITY_HIGH + 1;
        if (i == 3) options.priority = TP_PRIORITY_LOW - 1;
        assert_status(tp_submit_with(pool, must_not_run, NULL, &options), TP_EINVAL);
        assert_status(tp_group_submit_with(group, must_not_run, NULL, &options), TP_EINVAL);
        assert_status(tp_async_with(pool, must_not_run_async, NULL, &options, &future), TP_EINVAL);
        assert_null(future);
    }
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Refused -----------------------------------------------------------------------------------------------

static void a_refused_submit_leaves_the_argument_with_the_caller(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    char *arg = (char *)malloc(1);
    assert_status(tp_submit(pool, must_not_run, arg), TP_ESHUTDOWN);
    assert_status(tp_destroy(pool), TP_OK);
    *arg = 'x';
    free(arg);
}

static void a_refused_submit_does_not_call_drop(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = must_not_drop;
    assert_status(tp_submit_with(pool, NULL, NULL, &options), TP_EINVAL);
    options.priority = TP_PRIORITY_LOW - 1;
    assert_status(tp_submit_with(pool, must_not_run, NULL, &options), TP_EINVAL);
    options.priority = TP_PRIORITY_NORMAL;
    options.reserved = 1;
    assert_status(tp_submit_with(pool, must_not_run, NULL, &options), TP_EINVAL);
    options.reserved = 0;
    assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
    assert_status(tp_submit_with(pool, must_not_run, NULL, &options), TP_ESHUTDOWN);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- TP_EDEADLK --------------------------------------------------------------------------------------------

static void waits_for_itself(void *pool) {
    must(tp_current() == pool);
    cannot_wait_for((tp_pool *)pool);
}

static void a_task_cannot_wait_for_its_own_pool_nor_end_it(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    run_inside(pool, waits_for_itself, pool);
    run_inside(pool, nothing, NULL);
    assert_status(tp_destroy(pool), TP_OK);
}

static void waits_in_a_hook(void *hooks, uint32_t worker) {
    (void)worker;
    waits_for_itself(tp_current());
    tally_add((struct tally *)hooks);
}

static void a_hook_cannot_wait_for_its_own_pool_nor_end_it(void **state) {
    (void)state;
    struct tally hooks = TALLY_INIT;
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.on_start = waits_in_a_hook;
    options.on_stop = waits_in_a_hook;
    options.hook_ctx = &hooks;
    tp_pool *pool = pool_with(options);
    assert_status(tp_destroy(pool), TP_OK);
    assert_int_equal(tally_now(&hooks), 2);
}

static void waits_in_a_drop(void *dropped, tp_status why) {
    must(why == TP_ESHUTDOWN);
    waits_for_itself(tp_current());
    tally_add((struct tally *)dropped);
}

static void a_drop_function_cannot_wait_for_its_pool_nor_end_it(void **state) {
    (void)state;
    struct tally dropped = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = waits_in_a_drop;
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_submit_with(pool, must_not_run, &dropped, &options), TP_OK);
    assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&dropped), 1);
    assert_status(tp_destroy(pool), TP_OK);
}

static void waits_for_another(void *pool) {
    must(tp_current() != pool);
    must_status(tp_submit((tp_pool *)pool, nothing, NULL), TP_OK);
    must_status(tp_wait((tp_pool *)pool, LIMIT_NS), TP_OK);
    must_status(tp_shutdown((tp_pool *)pool, TP_DRAIN, LIMIT_NS), TP_OK);
    must_status(tp_destroy((tp_pool *)pool), TP_OK);
}

static void a_task_may_wait_for_another_pool_and_end_it(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    run_inside(pool, waits_for_another, pool_of(1));
    assert_status(tp_destroy(pool), TP_OK);
}

static void creates_waits_and_destroys(void *arg) {
    (void)arg;
    tp_pool *outer = tp_current();
    tp_pool *inner = pool_of(1);
    must_status(tp_submit(inner, nothing, NULL), TP_OK);
    must_status(tp_wait(inner, LIMIT_NS), TP_OK);
    must_status(tp_destroy(inner), TP_OK);
    must(tp_current() == outer);
}

static void a_task_may_make_a_pool_of_its_own(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    run_inside(pool, creates_waits_and_destroys, NULL);
    assert_status(tp_destroy(pool), TP_OK);
}

// What a task that waits for what is on its own stack is told.
struct own {
    tp_pool *pool;
    tp_future *futures[3];
    tp_group *groups[3];
    struct tally set;
};

static void *waits_for_its_own_future(void *arg) {
    struct own *own = (struct own *)arg;
    void *value = arg;
    must(tally_reaches(&own->set, 1));
    must_status(tp_future_wait(own->futures[0], 0, &value), TP_EDEADLK);
    must_status(tp_future_wait(own->futures[0], TP_FOREVER, NULL), TP_EDEADLK);
    must_status(tp_future_wait(own->futures[1], TP_FOREVER, NULL), TP_EDEADLK);
    must_status(tp_future_wait_any(own->futures, 2, TP_FOREVER, NULL), TP_EDEADLK);
    must(tp_future_state(own->futures[0]) == TP_FUTURE_RUNNING);
    return arg;
}

static void *follows(void *value, void *arg) {
    (void)arg;
    return value;
}

static void a_task_cannot_wait_for_its_own_future_nor_for_what_follows_it(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct own own = {pool_of(worker_counts[i]), {NULL}, {NULL}, TALLY_INIT};
        own.futures[0] = future_of(own.pool, waits_for_its_own_future, &own);
        own.futures[1] = future_then(own.pool, own.futures[0], follows, NULL);
        tally_add(&own.set);
        assert_ptr_equal(value_of(own.futures[1]), &own);
        tp_future_release(own.futures[0]);
        tp_future_release(own.futures[1]);
        assert_status(tp_destroy(own.pool), TP_OK);
    }
}

static void *waits_for_any_that_is_not_its_own(void *arg) {
    struct own *own = (struct own *)arg;
    size_t index = 77;
    must(tally_reaches(&own->set, 1));
    must_status(tp_future_wait_any(own->futures, 3, SHORT_NS, &index), TP_ETIMEDOUT);
    must_status(tp_future_complete(own->futures[2], NULL), TP_OK);
    must_status(tp_future_wait_any(own->futures, 3, TP_FOREVER, &index), TP_OK);
    must(index == 2);
    return arg;
}

static void a_task_may_wait_for_any_of_several_if_one_is_not_its_own(void **state) {
    (void)state;
    struct own own = {pool_of(1), {NULL}, {NULL}, TALLY_INIT};
    own.futures[0] = future_of(own.pool, waits_for_any_that_is_not_its_own, &own);
    own.futures[1] = future_then(own.pool, own.futures[0], follows, NULL);
    own.futures[2] = future_by_hand();
    tally_add(&own.set);
    assert_ptr_equal(value_of(own.futures[1]), &own);
    for (int i = 0; i < 3; i++) tp_future_release(own.futures[i]);
    assert_status(tp_destroy(own.pool), TP_OK);
}

static void waits_for_its_own_groups(void *arg) {
    struct own *own = (struct own *)arg;
    for (int i = 0; i < 3; i++) {
        must_status(tp_group_wait(own->groups[i], 0), TP_EDEADLK);
        must_status(tp_group_wait(own->groups[i], TP_FOREVER), TP_EDEADLK);
    }
}

static void a_task_cannot_wait_for_its_own_group_nor_for_one_above(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct own own = {pool_of(worker_counts[i]), {NULL}, {NULL}, TALLY_INIT};
        for (int n = 0; n < 3; n++) own.groups[n] = group_of(own.pool, n == 0 ? NULL : own.groups[n - 1]);
        assert_status(tp_group_submit(own.groups[2], waits_for_its_own_groups, &own), TP_OK);
        assert_status(tp_group_wait(own.groups[0], LIMIT_NS), TP_OK);
        for (int n = 2; n >= 0; n--) assert_status(tp_group_destroy(own.groups[n]), TP_OK);
        assert_status(tp_destroy(own.pool), TP_OK);
    }
}

static void waits_for_a_group_below_and_beside(void *arg) {
    struct own *own = (struct own *)arg;
    for (int i = 1; i < 3; i++) {
        must_status(tp_group_submit(own->groups[i], nothing, NULL), TP_OK);
        must_status(tp_group_wait(own->groups[i], LIMIT_NS), TP_OK);
    }
}

static void a_task_may_wait_for_a_group_below_its_own(void **state) {
    (void)state;
    struct own own = {pool_of(1), {NULL}, {NULL}, TALLY_INIT};
    own.groups[0] = group_of(own.pool, NULL);
    own.groups[1] = group_of(own.pool, own.groups[0]);
    own.groups[2] = group_of(own.pool, NULL);
    assert_status(tp_group_submit(own.groups[0], waits_for_a_group_below_and_beside, &own), TP_OK);
    assert_status(tp_group_wait(own.groups[0], LIMIT_NS), TP_OK);
    for (int i = 2; i >= 0; i--) assert_status(tp_group_destroy(own.groups[i]), TP_OK);
    assert_status(tp_destroy(own.pool), TP_OK);
}

// On one worker without a reserve the waiter runs what it waits for itself: the tasks further down are on its stack.
static void *asks_for_all_below(void *arg) {
    struct own *own = (struct own *)arg;
    must_status(tp_future_wait(own->futures[0], TP_FOREVER, NULL), TP_EDEADLK);
    must_status(tp_future_wait(own->futures[1], TP_FOREVER, NULL), TP_EDEADLK);
    must_status(tp_group_wait(own->groups[0], TP_FOREVER), TP_EDEADLK);
    return arg;
}

static void waits_with_a_group_on_its_stack(void *arg) {
    struct own *own = (struct own *)arg;
    must_status(tp_future_wait(own->futures[0], TP_FOREVER, NULL), TP_EDEADLK);
    own->futures[1] = future_of(own->pool, asks_for_all_below, arg);
    must(value_of(own->futures[1]) == arg);
}

static void *waits_with_a_future_on_its_stack(void *arg) {
    struct own *own = (struct own *)arg;
    must(tally_reaches(&own->set, 1));
    must_status(tp_group_submit(own->groups[0], waits_with_a_group_on_its_stack, arg), TP_OK);
    must_status(tp_group_wait(own->groups[0], LIMIT_NS), TP_OK);
    return arg;
}

static void a_task_cannot_wait_for_one_that_waits_for_it_on_the_same_stack(void **state) {
    (void)state;
    struct own own = {pool_reserved(1, 0), {NULL}, {NULL}, TALLY_INIT};
    own.groups[0] = group_of(own.pool, NULL);
    own.futures[0] = future_of(own.pool, waits_with_a_future_on_its_stack, &own);
    tally_add(&own.set);
    assert_ptr_equal(value_of(own.futures[0]), &own);
    for (int i = 0; i < 2; i++) tp_future_release(own.futures[i]);
    assert_status(tp_group_destroy(own.groups[0]), TP_OK);
    assert_status(tp_destroy(own.pool), TP_OK);
}

static void *waits_for_its_pool(void *pool) {
    waits_for_itself(pool);
    return pool;
}

static void every_kind_of_task_is_told_that_it_cannot_wait_for_its_pool(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    tp_future *future = future_of(pool, waits_for_its_pool, pool);
    assert_status(tp_group_submit(group, waits_for_itself, pool), TP_OK);
    assert_status(tp_group_notify(group, waits_for_itself, pool), TP_OK);
    assert_ptr_equal(value_of(future), pool);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    tp_future_release(future);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- TP_ESHUTDOWN ------------------------------------------------------------------------------------------

static void a_pool_that_was_shut_down_refuses_every_change(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (size_t i = 0; i < 2; i++) {
        void *args[] = {NULL};
        tp_pool *pool = pool_of(1);
        assert_status(tp_shutdown(pool, modes[i], LIMIT_NS), TP_OK);
        assert_status(tp_submit(pool, must_not_run, NULL), TP_ESHUTDOWN);
        assert_status(tp_submit_batch(pool, must_not_run, args, 1, NULL), TP_ESHUTDOWN);
        assert_status(tp_submit_with(pool, must_not_run, NULL, NULL), TP_ESHUTDOWN);
        assert_status(tp_resize(pool, 2), TP_ESHUTDOWN);
        assert_status(tp_pause(pool), TP_ESHUTDOWN);
        assert_status(tp_resume(pool), TP_ESHUTDOWN);
        assert_status(tp_wait(pool, 0), TP_OK);
        assert_int_equal(tp_queued(pool), 0);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_pool_that_still_drains_refuses_every_change(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    occupy(pool, &gate, 1);
    assert_status(tp_shutdown(pool, TP_DRAIN, 0), TP_ETIMEDOUT);
    assert_status(tp_submit(pool, must_not_run, NULL), TP_ESHUTDOWN);
    assert_status(tp_resize(pool, 2), TP_ESHUTDOWN);
    assert_status(tp_pause(pool), TP_ESHUTDOWN);
    assert_status(tp_resume(pool), TP_ESHUTDOWN);
    gate_open(&gate);
    assert_status(tp_destroy(pool), TP_OK);
}

static void changes_a_draining_pool(void *pool) {
    must_soon(tp_pause((tp_pool *)pool) == TP_ESHUTDOWN);
    must_status(tp_resume((tp_pool *)pool), TP_ESHUTDOWN);
    must_status(tp_resize((tp_pool *)pool, 3), TP_ESHUTDOWN);
}

static void a_task_of_a_draining_pool_cannot_change_it_either(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    assert_status(tp_submit(pool, changes_a_draining_pool, pool), TP_OK);
    assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_pool_that_was_shut_down_refuses_futures_and_group_tasks(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (size_t i = 0; i < 2; i++) {
        tp_pool *pool = pool_of(1);
        tp_group *group = group_of(pool, NULL);
        tp_future *hand = future_by_hand();
        tp_future *future = NULL;
        tp_task_options options = options_with_drop(must_not_drop);
        assert_status(tp_shutdown(pool, modes[i], LIMIT_NS), TP_OK);
        assert_status(tp_async(pool, must_not_run_async, NULL, &future), TP_ESHUTDOWN);
        assert_status(tp_async_with(pool, must_not_run_async, NULL, &options, &future), TP_ESHUTDOWN);
        assert_status(tp_future_then(pool, hand, must_not_follow, NULL, &future), TP_ESHUTDOWN);
        assert_null(future);
        assert_status(tp_group_submit(group, must_not_run, NULL), TP_ESHUTDOWN);
        assert_status(tp_group_submit_with(group, must_not_run, NULL, &options), TP_ESHUTDOWN);
        assert_status(tp_group_notify(group, must_not_run, NULL), TP_ESHUTDOWN);
        assert_int_equal(tp_group_count(group), 0);
        tp_future_release(hand);
        assert_status(tp_group_destroy(group), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void submits_all_kinds_while_it_drains(void *arg) {
    struct own *own = (struct own *)arg;
    must_soon(tp_pause(own->pool) == TP_ESHUTDOWN);
    must_status(tp_group_submit(own->groups[0], count, &own->set), TP_OK);
    must_status(tp_group_notify(own->groups[0], count, &own->set), TP_OK);
    own->futures[0] = future_of(own->pool, same, arg);
    own->futures[1] = future_then(own->pool, own->futures[0], follows, NULL);
}

static void a_task_may_submit_all_kinds_of_tasks_while_its_pool_drains(void **state) {
    (void)state;
    struct own own = {pool_of(1), {NULL}, {NULL}, TALLY_INIT};
    own.groups[0] = group_of(own.pool, NULL);
    assert_status(tp_submit(own.pool, submits_all_kinds_while_it_drains, &own), TP_OK);
    assert_status(tp_shutdown(own.pool, TP_DRAIN, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&own.set), 2);
    assert_ptr_equal(value_of(own.futures[1]), &own);
    for (int i = 0; i < 2; i++) tp_future_release(own.futures[i]);
    assert_status(tp_group_destroy(own.groups[0]), TP_OK);
    assert_status(tp_destroy(own.pool), TP_OK);
}

// ---- TP_ETIMEDOUT ------------------------------------------------------------------------------------------

static void a_wait_for_a_running_task_times_out_and_the_task_goes_on(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    occupy(pool, &gate, 1);
    assert_status(tp_wait(pool, 0), TP_ETIMEDOUT);
    uint64_t start = now_ns();
    assert_status(tp_wait(pool, SHORT_NS), TP_ETIMEDOUT);
    assert_true(now_ns() - start >= SHORT_NS);
    gate_open(&gate);
    assert_status(tp_wait(pool, TP_FOREVER), TP_OK);
    assert_int_equal(tally_now(&gate.left), 1);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_time_out_too_long_for_any_clock_is_as_good_as_forever(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    occupy(pool, &gate, 1);
    gate_open(&gate);
    assert_status(tp_wait(pool, UINT64_MAX - 1), TP_OK);
    assert_status(tp_wait(pool, INT64_MAX), TP_OK);
    assert_status(tp_shutdown(pool, TP_DRAIN, UINT64_MAX - 1), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_shutdown_that_timed_out_goes_on(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    occupy(pool, &gate, 1);
    assert_status(tp_shutdown(pool, TP_DRAIN, 0), TP_ETIMEDOUT);
    uint64_t start = now_ns();
    assert_status(tp_shutdown(pool, TP_DRAIN, SHORT_NS), TP_ETIMEDOUT);
    assert_true(now_ns() - start >= SHORT_NS);
    gate_open(&gate);
    assert_status(tp_shutdown(pool, TP_DRAIN, TP_FOREVER), TP_OK);
    assert_int_equal(tally_now(&gate.left), 1);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- TP_ENOTSUP --------------------------------------------------------------------------------------------

static void the_default_pool_cannot_be_ended(void **state) {
    (void)state;
    assert_status(tp_destroy(tp_default()), TP_ENOTSUP);
    assert_status(tp_shutdown(tp_default(), TP_DRAIN, 0), TP_ENOTSUP);
    assert_status(tp_shutdown(tp_default(), TP_DISCARD, TP_FOREVER), TP_ENOTSUP);
    run_inside(tp_default(), nothing, NULL);
}

// ---- The order of errors -----------------------------------------------------------------------------------

static void *asks_wrongly_for_its_own(void *arg) {
    struct own *own = (struct own *)arg;
    tp_future *futures[] = {own->futures[0], NULL};
    must(tally_reaches(&own->set, 1));
    must_status(tp_future_wait_any(futures, 2, 0, NULL), TP_EINVAL);
    must_status(tp_future_wait_any(futures, 0, 0, NULL), TP_EINVAL);
    must_status(tp_group_wait(NULL, 0), TP_EINVAL);
    return arg;
}

static void invalid_comes_before_deadlock_for_futures_and_groups_too(void **state) {
    (void)state;
    struct own own = {pool_of(1), {NULL}, {NULL}, TALLY_INIT};
    own.futures[0] = future_of(own.pool, asks_wrongly_for_its_own, &own);
    tally_add(&own.set);
    value_of(own.futures[0]);
    tp_future_release(own.futures[0]);
    assert_status(tp_destroy(own.pool), TP_OK);
}

static void asks_wrongly_inside(void *pool) {
    must_status(tp_wait(NULL, 0), TP_EINVAL);
    must_status(tp_shutdown(NULL, TP_DRAIN, 0), TP_EINVAL);
    must_status(tp_shutdown((tp_pool *)pool, 2, 0), TP_EINVAL);
}

static void invalid_comes_before_deadlock(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    run_inside(pool, asks_wrongly_inside, pool);
    assert_status(tp_destroy(pool), TP_OK);
}

static void invalid_comes_before_shut_down(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.reserved = 1;
    assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    assert_status(tp_submit(pool, NULL, NULL), TP_EINVAL);
    assert_status(tp_submit_batch(pool, nothing, NULL, 1, NULL), TP_EINVAL);
    assert_status(tp_submit_with(pool, nothing, NULL, &options), TP_EINVAL);
    assert_status(tp_resize(pool, 0), TP_EINVAL);
    assert_status(tp_shutdown(pool, 2, 0), TP_EINVAL);
    assert_status(tp_destroy(pool), TP_OK);
}

static void invalid_comes_before_not_supported(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.priority = TP_PRIORITY_HIGH;
    options.reserved = 1;
    assert_status(tp_submit_with(pool, nothing, NULL, &options), TP_EINVAL);
    assert_status(tp_shutdown(tp_default(), 2, 0), TP_EINVAL);
    assert_status(tp_destroy(pool), TP_OK);
}

static void ends_the_default_pool(void *arg) {
    (void)arg;
    must_status(tp_destroy(tp_default()), TP_EDEADLK);
    must_status(tp_shutdown(tp_default(), TP_DRAIN, 0), TP_EDEADLK);
}

static void deadlock_comes_before_not_supported(void **state) {
    (void)state;
    run_inside(tp_default(), ends_the_default_pool, NULL);
}

static void shut_down_comes_before_full(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.priority = TP_PRIORITY_HIGH;
    tp_pool *pool = pool_full_at(1, TP_FULL_FAIL);
    occupy(pool, &gate, 1);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_status(tp_submit(pool, nothing, NULL), TP_EFULL);
    assert_status(tp_shutdown(pool, TP_DRAIN, 0), TP_ETIMEDOUT);
    assert_status(tp_submit(pool, nothing, NULL), TP_ESHUTDOWN);
    assert_status(tp_submit_with(pool, nothing, NULL, &options), TP_ESHUTDOWN);
    gate_open(&gate);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- TP_EFORKED --------------------------------------------------------------------------------------------

static void calls_that_a_child_may_not_make(void *arg) {
    tp_pool *pool = (tp_pool *)arg;
    void *args[] = {NULL};
    size_t taken = 77;
    must_status(tp_submit(pool, must_not_run, NULL), TP_EFORKED);
    must_status(tp_submit_batch(pool, must_not_run, args, 1, &taken), TP_EFORKED);
    must(taken == 0);
    must_status(tp_submit_with(pool, must_not_run, NULL, NULL), TP_EFORKED);
    must_status(tp_wait(pool, 0), TP_EFORKED);
    must_status(tp_wait(pool, TP_FOREVER), TP_EFORKED);
    must_status(tp_shutdown(pool, TP_DRAIN, TP_FOREVER), TP_EFORKED);
    must_status(tp_shutdown(pool, TP_DISCARD, 0), TP_EFORKED);
    must_status(tp_resize(pool, 3), TP_EFORKED);
    must_status(tp_pause(pool), TP_EFORKED);
    must_status(tp_resume(pool), TP_EFORKED);
    must(tp_thread_count(pool) == 0);
    must(tp_queued(pool) == 0);
}

static void the_parents_pool_answers_a_child_that_it_is_the_parents(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(2);
    assert_child(calls_that_a_child_may_not_make, pool);
    occupy(pool, &gate, 2);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_child(calls_that_a_child_may_not_make, pool);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_child(calls_that_a_child_may_not_make, pool);
    assert_status(tp_destroy(pool), TP_OK);
}

static void the_parents_default_pool_answers_so_too(void **state) {
    (void)state;
    tp_pool *pool = tp_default();
    run_inside(pool, nothing, NULL);
    assert_child(calls_that_a_child_may_not_make, pool);
    run_inside(pool, nothing, NULL);
}

static void calls_wrongly_in_a_child(void *arg) {
    tp_pool *pool = (tp_pool *)arg;
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.reserved = 1;
    must_status(tp_submit(pool, NULL, NULL), TP_EINVAL);
    must_status(tp_submit_batch(pool, nothing, NULL, 1, NULL), TP_EINVAL);
    must_status(tp_submit_with(pool, nothing, NULL, &options), TP_EINVAL);
    must_status(tp_resize(pool, 0), TP_EINVAL);
    must_status(tp_shutdown(pool, 2, 0), TP_EINVAL);
    options.reserved = 0;
    options.priority = TP_PRIORITY_LOW;
    must_status(tp_submit_with(pool, nothing, NULL, &options), TP_EFORKED);
}

static void forked_comes_after_invalid_and_before_all_else(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    assert_child(calls_wrongly_in_a_child, pool);
    assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    assert_child(calls_wrongly_in_a_child, pool);
    assert_child(calls_that_a_child_may_not_make, pool);
    assert_status(tp_destroy(pool), TP_OK);
}

static void asks_the_parents_pool_in_its_task(void *arg) {
    must(tp_current() == NULL);
    must(tp_worker_index() == -1);
    calls_that_a_child_may_not_make(arg);
    run_inside(tp_default(), nothing, NULL);
    tp_pool *pool = pool_of(2);
    run_inside(pool, nothing, NULL);
    must_status(tp_destroy(pool), TP_OK);
    must_status(tp_destroy((tp_pool *)arg), TP_OK);
    must(tp_current() == NULL);
}

static void forks(void *pool) {
    struct child child = child_run(asks_the_parents_pool_in_its_task, pool);
    if (child.code != 0) fprintf(stderr, "code %d, signal %d: %s", child.code, child.signal, child.text);
    must(child.code == 0);
    must(tp_current() == pool);
    must(tp_worker_index() == 0);
}

static void a_child_that_a_task_forks_is_in_no_task(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    run_inside(pool, forks, pool);
    run_inside(pool, nothing, NULL);
    assert_status(tp_destroy(pool), TP_OK);
}

static void is_outside(void *arg) {
    (void)arg;
    must(tp_current() == NULL);
    must(tp_worker_index() == -1);
}

static void a_child_is_in_no_task_and_no_worker(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    assert_child(is_outside, NULL);
    assert_status(tp_destroy(pool), TP_OK);
}

static void destroys_it(void *pool) {
    must_status(tp_destroy((tp_pool *)pool), TP_OK);
    must(threads_now() == 1);
}

static void a_child_frees_the_parents_pool_and_nothing_runs(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = must_not_drop;
    occupy(pool, &gate, 1);
    for (int i = 0; i < 100; i++) assert_status(tp_submit_with(pool, count, &ran, &options), TP_OK);
    assert_child(destroys_it, pool);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 100);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_submit_with(pool, count, &ran, &options), TP_OK);
    assert_child(destroys_it, pool);
    assert_status(tp_destroy(pool), TP_OK);
    assert_int_equal(tally_now(&ran), 101);
}

static void uses_a_new_default_pool(void *parents) {
    struct tally ran = TALLY_INIT;
    tp_pool *pool = tp_default();
    must(pool != NULL && pool != parents);
    must(tp_default() == pool);
    must(tp_thread_count(pool) >= 1);
    for (int i = 0; i < 100; i++) must_status(tp_submit(pool, count, &ran), TP_OK);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must(tally_now(&ran) == 100);
    must_status(tp_destroy(pool), TP_ENOTSUP);
    if (parents != NULL) must_status(tp_submit((tp_pool *)parents, nothing, NULL), TP_EFORKED);
}

static void a_child_has_a_default_pool_of_its_own(void **state) {
    (void)state;
    assert_child(uses_a_new_default_pool, tp_default());
    run_inside(tp_default(), nothing, NULL);
    assert_child(uses_a_new_default_pool, tp_default());
    run_inside(tp_default(), nothing, NULL);
}

static void has_a_child(void *parents) {
    uses_a_new_default_pool(parents);
    struct child child = child_run(uses_a_new_default_pool, tp_default());
    must(child.code == 0);
    uses_a_new_default_pool(parents);
}

static void a_grandchild_has_one_too(void **state) {
    (void)state;
    run_inside(tp_default(), nothing, NULL);
    assert_child(has_a_child, tp_default());
}

static void makes_a_pool(void *arg) {
    (void)arg;
    tp_pool *pool = pool_of(2);
    struct tally ran = TALLY_INIT;
    for (int i = 0; i < 100; i++) must_status(tp_submit(pool, count, &ran), TP_OK);
    must_status(tp_destroy(pool), TP_OK);
    must(tally_now(&ran) == 100);
}

struct flood {
    tp_pool *pool;
    struct tally stop;
};

static void *floods(void *arg) {
    struct flood *flood = (struct flood *)arg;
    while (tally_now(&flood->stop) == 0) {
        for (int i = 0; i < 50; i++) must_status(tp_submit(flood->pool, nothing, NULL), TP_OK);
        must_status(tp_wait(flood->pool, LIMIT_NS), TP_OK);
        tp_pool *pool = pool_of(1);
        must_status(tp_submit(pool, nothing, NULL), TP_OK);
        must_status(tp_destroy(pool), TP_OK);
    }
    return NULL;
}

static void makes_a_pool_and_frees_the_parents(void *pool) {
    makes_a_pool(NULL);
    uses_a_new_default_pool(NULL);
    must_status(tp_destroy((tp_pool *)pool), TP_OK);
}

static void a_fork_at_any_moment_leaves_the_child_able_to_work(void **state) {
    (void)state;
    struct flood flood = {pool_of(2), TALLY_INIT};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) threads[i] = start_thread(floods, &flood);
    for (size_t i = 0; i < rounds(3, 200, 2000); i++) {
        assert_child(makes_a_pool_and_frees_the_parents, flood.pool);
    }
    tally_add(&flood.stop);
    for (int i = 0; i < 2; i++) join_thread(threads[i]);
    assert_status(tp_destroy(flood.pool), TP_OK);
}

// ---- TP_EAGAIN ---------------------------------------------------------------------------------------------

static void creates_without_threads(void *arg) {
    (void)arg;
    if (!limit_threads(8)) child_end(CANNOT);
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 64;
    size_t files = files_now();
    for (int i = 0; i < 50; i++) {
        tp_pool *pool = (tp_pool *)&options;
        must_status(tp_create(&options, &pool), TP_EAGAIN);
        must(pool == NULL);
        must_soon(threads_now() == 1);
    }
    must(files_now() == files);
    unlimit_threads();
    makes_a_pool(NULL);
}

static void a_create_that_gets_no_thread_leaves_nothing_behind(void **state) {
    (void)state;
    assert_limited_child(creates_without_threads);
}

struct hooks {
    struct tally starts;
    struct tally stops;
};

static void counts_a_start(void *ctx, uint32_t worker) {
    (void)worker;
    tally_add(&((struct hooks *)ctx)->starts);
}

static void counts_a_stop(void *ctx, uint32_t worker) {
    (void)worker;
    tally_add(&((struct hooks *)ctx)->stops);
}

static void creates_without_threads_but_with_hooks(void *arg) {
    (void)arg;
    if (!limit_threads(8)) child_end(CANNOT);
    struct hooks hooks = {TALLY_INIT, TALLY_INIT};
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 64;
    options.on_start = counts_a_start;
    options.on_stop = counts_a_stop;
    options.hook_ctx = &hooks;
    tp_pool *pool = NULL;
    must_status(tp_create(&options, &pool), TP_EAGAIN);
    uint64_t starts = tally_now(&hooks.starts);
    must(tally_now(&hooks.stops) == starts);
    must_soon(threads_now() == 1);
    must(tally_now(&hooks.starts) == starts);
    must(tally_now(&hooks.stops) == starts);
}

static void no_hook_runs_once_a_create_has_failed(void **state) {
    (void)state;
    assert_limited_child(creates_without_threads_but_with_hooks);
}

static void resizes_without_threads(void *arg) {
    (void)arg;
    if (!limit_threads(8)) child_end(CANNOT);
    unlimit_threads();
    tp_pool *pool = pool_of(2);
    must(limit_threads(8));
    for (int i = 0; i < 20; i++) {
        must_status(tp_resize(pool, 64), TP_EAGAIN);
        must(tp_thread_count(pool) == 2);
        must_soon(threads_now() == 3);
        run_inside(pool, nothing, NULL);
    }
    unlimit_threads();
    must_status(tp_resize(pool, 4), TP_OK);
    must(tp_thread_count(pool) == 4);
    must_soon(threads_now() == 5);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_resize_that_gets_no_thread_leaves_the_number_as_it_was(void **state) {
    (void)state;
    assert_limited_child(resizes_without_threads);
}

static void submits_to_a_default_pool_without_threads(void *arg) {
    (void)arg;
    struct tally ran = TALLY_INIT;
    void *args[] = {&ran};
    size_t taken = 77;
    if (!limit_threads(1)) child_end(CANNOT);
    tp_pool *pool = tp_default();
    must(pool != NULL);
    for (int i = 0; i < 10; i++) {
        must_status(tp_submit(pool, must_not_run, NULL), TP_EAGAIN);
        must_status(tp_submit_batch(pool, must_not_run, args, 1, &taken), TP_EAGAIN);
        must(taken == 0);
        must_status(tp_submit_with(pool, must_not_run, NULL, NULL), TP_EAGAIN);
        must(tp_queued(pool) == 0);
        must_status(tp_wait(pool, 0), TP_OK);
        must_soon(threads_now() == 1);
    }
    unlimit_threads();
    must_status(tp_submit(pool, count, &ran), TP_OK);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must(tally_now(&ran) == 1);
}

static void a_first_submit_to_the_default_pool_may_be_tried_again(void **state) {
    (void)state;
    assert_limited_child(submits_to_a_default_pool_without_threads);
}

// ---- TP_ENOMEM ---------------------------------------------------------------------------------------------

static void limit_memory(size_t more) {
    struct rlimit limit;
    must(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = more == 0 ? limit.rlim_max : memory_now(0) + more;
    must(setrlimit(RLIMIT_AS, &limit) == 0);
}

static void adds_one(void *arg) { __atomic_fetch_add((uint64_t *)arg, 1, __ATOMIC_RELAXED); }

static void submits_until_memory_ends(void *arg) {
    (void)arg;
    uint64_t ran = 0;
    uint64_t taken = 0;
    tp_pool *pool = pool_of(2);
    must_status(tp_pause(pool), TP_OK);
    must_status(tp_submit(pool, adds_one, &ran), TP_OK);
    limit_memory(16 << 20);
    tp_status status = TP_OK;
    while (status == TP_OK) {
        errno = ERRNO_BEFORE;
        status = tp_submit(pool, adds_one, &ran);
        if (status == TP_OK) taken++;
    }
    must(errno == ERRNO_BEFORE);
    must(status == TP_ENOMEM);
    must(tp_queued(pool) == taken + 1);
    limit_memory(0);
    must_status(tp_submit(pool, adds_one, &ran), TP_OK);
    must_status(tp_resume(pool), TP_OK);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must(ran == taken + 2);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_submit_that_gets_no_memory_says_so_and_the_pool_goes_on(void **state) {
    (void)state;
    if (is_small()) skip();
    assert_child(submits_until_memory_ends, NULL);
}

static void submits_batches_until_memory_ends(void *arg) {
    (void)arg;
    static void *args[1000];
    uint64_t ran = 0;
    uint64_t accepted = 0;
    for (size_t i = 0; i < 1000; i++) args[i] = &ran;
    tp_pool *pool = pool_of(2);
    must_status(tp_pause(pool), TP_OK);
    limit_memory(16 << 20);
    tp_status status = TP_OK;
    while (status == TP_OK) {
        size_t taken = 0;
        status = tp_submit_batch(pool, adds_one, args, 1000, &taken);
        must(status == TP_OK ? taken == 1000 : taken < 1000);
        accepted += taken;
    }
    must(status == TP_ENOMEM);
    must(tp_queued(pool) == accepted);
    limit_memory(0);
    must_status(tp_resume(pool), TP_OK);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must(ran == accepted);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_batch_that_gets_no_memory_says_how_much_it_took(void **state) {
    (void)state;
    if (is_small()) skip();
    assert_child(submits_batches_until_memory_ends, NULL);
}

struct inside_flood {
    tp_pool *pool;
    uint64_t ran;
    uint64_t taken;
};

static void submits_inside_until_memory_ends(void *arg) {
    struct inside_flood *flood = (struct inside_flood *)arg;
    tp_status status = TP_OK;
    while (status == TP_OK) {
        status = tp_submit(flood->pool, adds_one, &flood->ran);
        if (status == TP_OK) flood->taken++;
    }
    must(status == TP_ENOMEM);
    limit_memory(0);
}

static void has_a_task_that_submits_until_memory_ends(void *arg) {
    (void)arg;
    struct inside_flood flood = {pool_of(1), 0, 0};
    run_inside(flood.pool, nothing, NULL);
    limit_memory(16 << 20);
    must_status(tp_submit(flood.pool, submits_inside_until_memory_ends, &flood), TP_OK);
    must_status(tp_wait(flood.pool, LIMIT_NS), TP_OK);
    must(flood.ran == flood.taken);
    must_status(tp_destroy(flood.pool), TP_OK);
}

static void a_submit_of_a_task_that_gets_no_memory_says_so_too(void **state) {
    (void)state;
    if (is_small()) skip();
    assert_child(has_a_task_that_submits_until_memory_ends, NULL);
}

static void creates_without_memory(void *arg) {
    (void)arg;
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 64;
    limit_memory(1 << 20);
    for (int i = 0; i < 20; i++) {
        tp_pool *pool = (tp_pool *)&options;
        errno = ERRNO_BEFORE;
        tp_status status = tp_create(&options, &pool);
        must(errno == ERRNO_BEFORE);
        must(status == TP_EAGAIN || status == TP_ENOMEM);
        must(pool == NULL);
        must_soon(threads_now() == 1);
    }
    limit_memory(0);
    makes_a_pool(NULL);
}

static void a_create_that_gets_no_memory_leaves_nothing_behind(void **state) {
    (void)state;
    if (is_small()) skip();
    assert_child(creates_without_memory, NULL);
}

// ---- Loops, sorts and gangs --------------------------------------------------------------------------------

static void must_not_loop(uint64_t lo, uint64_t hi, void *ctx) {
    (void)lo;
    (void)hi;
    must_not_run(ctx);
}

static void must_not_fold(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    (void)acc;
    must_not_loop(lo, hi, ctx);
}

static void must_not_combine(void *left, const void *right, void *ctx) {
    (void)left;
    (void)right;
    must_not_run(ctx);
}

static int must_not_compare(const void *x, const void *y, void *ctx) {
    (void)x;
    (void)y;
    must_not_run(ctx);
    return 0;
}

static void must_not_be_in_a_gang(uint32_t rank, uint32_t n, void *ctx) {
    (void)rank;
    (void)n;
    must_not_run(ctx);
}

// Each of the calls that a caller takes part in, with nothing wrong but the pool; an empty range or array is no excuse.
static void cannot_take_part(tp_pool *pool, tp_status why) {
    uint64_t numbers[] = {2, 1};
    uint64_t zero = 0;
    uint64_t result = 77;
    for (uint64_t n = 0; n <= 2; n += 2) {
        must_status(tp_parallel_for(pool, 0, n, 1, must_not_loop, NULL), why);
        must_status(tp_parallel_reduce(pool, 0, n, 1, 8, &zero, must_not_fold, must_not_combine, NULL, &result), why);
        must_status(tp_parallel_sort(pool, numbers, n, 8, must_not_compare, NULL), why);
        must_status(tp_parallel_stable_sort(pool, numbers, n, 8, must_not_compare, NULL), why);
        must_status(tp_parallel_sort_keys(pool, numbers, n, 8, 0, TP_KEY_U64), why);
    }
    must_status(tp_parallel_invoke(pool, must_not_run, NULL, must_not_run, NULL), why);
    must_status(tp_gang(pool, 1, must_not_be_in_a_gang, NULL), why);
    must_status(tp_gang(pool, 2, must_not_be_in_a_gang, NULL), why);
    must(numbers[0] == 2 && numbers[1] == 1);
    must(result == 77);
}

// The same with something else that is wrong, whatever the pool is like.
static void takes_part_wrongly(tp_pool *pool) {
    uint64_t numbers[] = {2, 1};
    uint64_t zero = 0;
    uint64_t result = 77;
    must_status(tp_parallel_invoke(pool, NULL, NULL, must_not_run, NULL), TP_EINVAL);
    must_status(tp_parallel_invoke(pool, must_not_run, NULL, NULL, NULL), TP_EINVAL);
    must_status(tp_parallel_for(pool, 0, 2, 1, NULL, NULL), TP_EINVAL);
    must_status(tp_parallel_for(pool, 0, 0, 1, NULL, NULL), TP_EINVAL);
    must_status(tp_parallel_for(pool, 1, 0, 1, must_not_loop, NULL), TP_EINVAL);
    must_status(tp_parallel_for(pool, UINT64_MAX, 0, 0, must_not_loop, NULL), TP_EINVAL);
    must_status(tp_parallel_reduce(pool, 0, 2, 1, 8, NULL, must_not_fold, must_not_combine, NULL, &result), TP_EINVAL);
    must_status(tp_parallel_reduce(pool, 0, 2, 1, 8, &zero, NULL, must_not_combine, NULL, &result), TP_EINVAL);
    must_status(tp_parallel_reduce(pool, 0, 2, 1, 8, &zero, must_not_fold, NULL, NULL, &result), TP_EINVAL);
    must_status(tp_parallel_reduce(pool, 0, 2, 1, 8, &zero, must_not_fold, must_not_combine, NULL, NULL), TP_EINVAL);
    must_status(tp_parallel_reduce(pool, 0, 2, 1, 0, &zero, must_not_fold, must_not_combine, NULL, &result), TP_EINVAL);
    must_status(tp_parallel_reduce(pool, 0, 0, 1, 0, &zero, must_not_fold, must_not_combine, NULL, &result), TP_EINVAL);
    must_status(tp_parallel_reduce(pool, 2, 1, 1, 8, &zero, must_not_fold, must_not_combine, NULL, &result), TP_EINVAL);
    must_status(tp_parallel_sort(pool, NULL, 2, 8, must_not_compare, NULL), TP_EINVAL);
    must_status(tp_parallel_sort(pool, numbers, 2, 8, NULL, NULL), TP_EINVAL);
    must_status(tp_parallel_sort(pool, numbers, 0, 8, NULL, NULL), TP_EINVAL);
    must_status(tp_parallel_sort(pool, numbers, 2, 0, must_not_compare, NULL), TP_EINVAL);
    must_status(tp_parallel_stable_sort(pool, NULL, 2, 8, must_not_compare, NULL), TP_EINVAL);
    must_status(tp_parallel_stable_sort(pool, numbers, 2, 8, NULL, NULL), TP_EINVAL);
    must_status(tp_parallel_stable_sort(pool, numbers, 2, 0, must_not_compare, NULL), TP_EINVAL);
    must_status(tp_parallel_sort_keys(pool, NULL, 2, 8, 0, TP_KEY_U64), TP_EINVAL);
    must_status(tp_parallel_sort_keys(pool, numbers, 2, 0, 0, TP_KEY_U64), TP_EINVAL);
    must_status(tp_parallel_sort_keys(pool, numbers, 2, 7, 0, TP_KEY_U64), TP_EINVAL);
    must_status(tp_gang(pool, 0, must_not_be_in_a_gang, NULL), TP_EINVAL);
    must_status(tp_gang(pool, 2, NULL, NULL), TP_EINVAL);
    must(numbers[0] == 2 && numbers[1] == 1);
    must(result == 77);
}

static void takes_part_wrongly_inside(void *pool) { takes_part_wrongly((tp_pool *)pool); }

static void loops_sorts_and_gangs_need_what_they_call_and_what_they_work_on(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    cannot_take_part(NULL, TP_EINVAL);
    takes_part_wrongly(pool);
    takes_part_wrongly(tp_default());
    run_inside(pool, takes_part_wrongly_inside, pool);
    assert_int_equal(tp_slot_count(NULL), 0);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_pool_that_was_shut_down_refuses_them_but_says_first_what_is_invalid(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (size_t i = 0; i < 2; i++) {
        struct gate gate = GATE_INIT;
        tp_pool *pool = pool_of(1);
        occupy(pool, &gate, 1);
        assert_status(tp_shutdown(pool, modes[i], 0), TP_ETIMEDOUT);
        cannot_take_part(pool, TP_ESHUTDOWN);
        takes_part_wrongly(pool);
        gate_open(&gate);
        assert_status(tp_shutdown(pool, modes[i], LIMIT_NS), TP_OK);
        cannot_take_part(pool, TP_ESHUTDOWN);
        takes_part_wrongly(pool);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void takes_part_in_a_child(void *arg) {
    tp_pool *pool = (tp_pool *)arg;
    cannot_take_part(pool, TP_EFORKED);
    takes_part_wrongly(pool);
}

static void the_parents_pool_refuses_them_in_a_child(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    assert_child(takes_part_in_a_child, pool);
    occupy(pool, &gate, 1);
    assert_child(takes_part_in_a_child, pool);
    gate_open(&gate);
    assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    assert_child(takes_part_in_a_child, pool);
    assert_status(tp_destroy(pool), TP_OK);
}

static void counts_items(uint64_t lo, uint64_t hi, void *tally) {
    for (uint64_t i = lo; i < hi; i++) tally_add((struct tally *)tally);
}

static void counts_rank(uint32_t rank, uint32_t n, void *tally) {
    (void)rank;
    meet((struct tally *)tally, n);
}

static void takes_part(tp_pool *pool) {
    struct tally items = TALLY_INIT;
    struct tally ranks = TALLY_INIT;
    must_status(tp_parallel_for(pool, 0, 100, 1, counts_items, &items), TP_OK);
    must_status(tp_parallel_invoke(pool, count, &items, count, &items), TP_OK);
    must_status(tp_gang(pool, 3, counts_rank, &ranks), TP_OK);
    must(tally_now(&items) == 102);
}

static void is_in_no_loop(void *arg) {
    must(tp_current() == NULL);
    must(tp_worker_index() == -1);
    must(tp_loop_slot() == 0);
    tp_loop_stop();
    cannot_take_part((tp_pool *)arg, TP_EFORKED);
    takes_part(tp_default());
    tp_pool *pool = pool_of(2);
    takes_part(pool);
    must_status(tp_destroy(pool), TP_OK);
    must_status(tp_destroy((tp_pool *)arg), TP_OK);
}

static void forks_in_an_item(uint64_t lo, uint64_t hi, void *pool) {
    (void)lo;
    (void)hi;
    struct child child = child_run(is_in_no_loop, pool);
    if (child.code != 0) fprintf(stderr, "code %d, signal %d: %s", child.code, child.signal, child.text);
    must(child.code == 0);
    must(tp_current() == pool);
}

static void loops_and_forks(void *pool) {
    must_status(tp_parallel_for((tp_pool *)pool, 0, 3, 1, forks_in_an_item, pool), TP_OK);
}

static void a_child_that_a_body_forks_is_in_no_loop_and_may_have_its_own(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    loops_and_forks(pool);
    run_inside(pool, loops_and_forks, pool);
    takes_part(pool);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Loops, sorts and gangs without memory -----------------------------------------------------------------

struct poor {
    tp_pool *pool;
    uint64_t leaves;
    uint32_t left;
};

static void forks_deep(void *arg) {
    struct poor *poor = (struct poor *)arg;
    if (poor->left-- == 0) return;
    must_status(tp_parallel_invoke(poor->pool, forks_deep, poor, adds_one, &poor->leaves), TP_OK);
}

static void adds_items(uint64_t lo, uint64_t hi, void *items) {
    __atomic_fetch_add((uint64_t *)items, hi - lo, __ATOMIC_RELAXED);
}

static void folds_items(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    (void)ctx;
    *(uint64_t *)acc += hi - lo;
}

static void adds_right(void *left, const void *right, void *ctx) {
    (void)ctx;
    *(uint64_t *)left += *(const uint64_t *)right;
}

static int compares(const void *x, const void *y, void *ctx) {
    uint64_t a = *(const uint64_t *)x;
    uint64_t b = *(const uint64_t *)y;
    (void)ctx;
    return a < b ? -1 : a > b;
}

static void sorts_or_leaves_all_as_it_was(tp_pool *pool, int sort) {
    enum { N = 5000 };
    static uint64_t numbers[2][N];
    uint64_t *mine = numbers[tp_worker_index() < 0];
    uint64_t seed = 1;
    uint64_t sum = 0;
    for (int i = 0; i < N; i++) mine[i] = chance(&seed) % 1000;
    for (int i = 0; i < N; i++) sum += mine[i];
    tp_status status = sort == 0   ? tp_parallel_sort(pool, mine, N, 8, compares, NULL)
                       : sort == 1 ? tp_parallel_stable_sort(pool, mine, N, 8, compares, NULL)
                                   : tp_parallel_sort_keys(pool, mine, N, 8, 0, TP_KEY_U64);
    // An unstable sort needs none.
    must(status == TP_OK || (sort != 0 && status == TP_ENOMEM));
    for (int i = 1; i < N; i++) must(status == TP_ENOMEM || mine[i - 1] <= mine[i]);
    for (int i = 0; i < N; i++) sum -= mine[i];
    must(sum == 0);
}

static void takes_part_without_memory(void *arg) {
    struct poor *poor = (struct poor *)arg;
    for (int round = 0; round < 3; round++) {
        uint64_t zero = 0;
        uint64_t result = 77;
        uint64_t items = 0;
        struct tally ranks = TALLY_INIT;
        poor->leaves = 0;
        poor->left = 500;
        forks_deep(poor);
        must(poor->leaves == 500);
        must_status(tp_parallel_for(poor->pool, 0, 1000, 1, adds_items, &items), TP_OK);
        must(items == 1000);
        errno = ERRNO_BEFORE;
        tp_status status = tp_parallel_reduce(poor->pool, 0, 1000, 1, 8, &zero, folds_items, adds_right, NULL, &result);
        must(status == TP_OK ? result == 1000 : status == TP_ENOMEM && result == 77);
        for (int sort = 0; sort < 3; sort++) sorts_or_leaves_all_as_it_was(poor->pool, sort);
        status = tp_gang(poor->pool, 4, counts_rank, &ranks);
        must(status == TP_OK || status == TP_EAGAIN || status == TP_ENOMEM);
        must(tally_now(&ranks) == (status == TP_OK ? 4 : 0));
        must(errno == ERRNO_BEFORE);
    }
}

struct poor_task {
    struct poor poor;
    struct tally told;
};

static void takes_part_once_told(void *arg) {
    struct poor_task *task = (struct poor_task *)arg;
    must(tally_reaches(&task->told, 1));
    takes_part_without_memory(&task->poor);
}

// So that what follows needs no more of the stack than there is.
static void touch_the_stack(void) {
    volatile char stack[1 << 20];
    for (size_t i = 0; i < sizeof stack; i += 1024) stack[i] = 0;
}

static void takes_part_when_memory_has_ended(void *arg) {
    (void)arg;
    tp_pool *pool = pool_of(2);
    struct poor outside = {pool, 0, 0};
    struct poor_task task = {outside, TALLY_INIT};
    touch_the_stack();
    must_status(tp_submit(pool, takes_part_once_told, &task), TP_OK);
    limit_memory(1 << 20);
    for (size_t size = 1 << 16; size > 8; size /= 2) {
        while (malloc(size) != NULL) continue;
    }
    takes_part_without_memory(&outside);
    tally_add(&task.told);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    limit_memory(0);
    takes_part(pool);
    must_status(tp_destroy(pool), TP_OK);
}

static void loops_and_branches_do_without_memory_and_the_others_do_or_say_so(void **state) {
    (void)state;
    if (is_small()) skip();
    assert_child(takes_part_when_memory_has_ended, NULL);
}

// ---- errno -------------------------------------------------------------------------------------------------

static void reads_all_there_is_to_read(void *pool) {
    errno = ERRNO_BEFORE;
    must(tp_default() != NULL);
    must(errno == ERRNO_BEFORE);
    must(tp_thread_count((tp_pool *)pool) == 1);
    must(tp_queued((tp_pool *)pool) == 0);
    must(tp_current() == pool || tp_current() == NULL);
    must(tp_worker_index() >= -1);
    must(tp_loop_slot() == 0);
    tp_loop_stop();
    must(tp_slot_count((tp_pool *)pool) == 2);
    must(tp_version() != NULL);
    must(tp_status_string(TP_EFORKED) != NULL);
    must(errno == ERRNO_BEFORE);
}

static void calls_without_a_status_leave_errno_as_it_was(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    reads_all_there_is_to_read(pool);
    run_inside(pool, reads_all_there_is_to_read, pool);
    assert_status(tp_destroy(pool), TP_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        // First, before the default pool has threads here: children that start many of their own are no children of several
        // threads. ThreadSanitizer crashes in those.
        cmocka_unit_test(a_create_that_gets_no_thread_leaves_nothing_behind),
        cmocka_unit_test(no_hook_runs_once_a_create_has_failed),
        cmocka_unit_test(a_resize_that_gets_no_thread_leaves_the_number_as_it_was),
        cmocka_unit_test(a_first_submit_to_the_default_pool_may_be_tried_again),
        cmocka_unit_test(a_null_pool_is_invalid_for_every_call_that_needs_one),
        cmocka_unit_test(a_null_pool_has_no_threads_and_no_tasks),
        cmocka_unit_test(a_null_pool_may_be_destroyed),
        cmocka_unit_test(a_null_function_is_invalid),
        cmocka_unit_test(a_batch_without_arguments_is_invalid_unless_it_is_empty),
        cmocka_unit_test(a_refused_batch_says_that_it_took_nothing),
        cmocka_unit_test(a_mode_of_shutdown_that_is_not_known_is_invalid),
        cmocka_unit_test(a_thread_count_out_of_range_is_invalid_in_a_resize),
        cmocka_unit_test(an_init_of_nothing_or_of_an_impossible_size_is_invalid),
        cmocka_unit_test(a_refused_init_leaves_the_struct_alone),
        cmocka_unit_test(a_null_is_invalid_where_a_future_or_what_it_needs_is_asked_for),
        cmocka_unit_test(a_null_is_invalid_where_a_group_or_what_it_needs_is_asked_for),
        cmocka_unit_test(options_out_of_range_are_invalid_for_every_task_that_has_them),
        cmocka_unit_test(a_refused_submit_leaves_the_argument_with_the_caller),
        cmocka_unit_test(a_refused_submit_does_not_call_drop),
        cmocka_unit_test(a_task_cannot_wait_for_its_own_pool_nor_end_it),
        cmocka_unit_test(a_hook_cannot_wait_for_its_own_pool_nor_end_it),
        cmocka_unit_test(a_drop_function_cannot_wait_for_its_pool_nor_end_it),
        cmocka_unit_test(a_task_may_wait_for_another_pool_and_end_it),
        cmocka_unit_test(a_task_may_make_a_pool_of_its_own),
        cmocka_unit_test(a_task_cannot_wait_for_its_own_future_nor_for_what_follows_it),
        cmocka_unit_test(a_task_may_wait_for_any_of_several_if_one_is_not_its_own),
        cmocka_unit_test(a_task_cannot_wait_for_its_own_group_nor_for_one_above),
        cmocka_unit_test(a_task_may_wait_for_a_group_below_its_own),
        cmocka_unit_test(a_task_cannot_wait_for_one_that_waits_for_it_on_the_same_stack),
        cmocka_unit_test(every_kind_of_task_is_told_that_it_cannot_wait_for_its_pool),
        cmocka_unit_test(a_pool_that_was_shut_down_refuses_every_change),
        cmocka_unit_test(a_pool_that_still_drains_refuses_every_change),
        cmocka_unit_test(a_task_of_a_draining_pool_cannot_change_it_either),
        cmocka_unit_test(a_pool_that_was_shut_down_refuses_futures_and_group_tasks),
        cmocka_unit_test(a_task_may_submit_all_kinds_of_tasks_while_its_pool_drains),
        cmocka_unit_test(a_wait_for_a_running_task_times_out_and_the_task_goes_on),
        cmocka_unit_test(a_time_out_too_long_for_any_clock_is_as_good_as_forever),
        cmocka_unit_test(a_shutdown_that_timed_out_goes_on),
        cmocka_unit_test(the_default_pool_cannot_be_ended),
        cmocka_unit_test(invalid_comes_before_deadlock_for_futures_and_groups_too),
        cmocka_unit_test(invalid_comes_before_deadlock),
        cmocka_unit_test(invalid_comes_before_shut_down),
        cmocka_unit_test(invalid_comes_before_not_supported),
        cmocka_unit_test(deadlock_comes_before_not_supported),
        cmocka_unit_test(shut_down_comes_before_full),
        cmocka_unit_test(the_parents_pool_answers_a_child_that_it_is_the_parents),
        cmocka_unit_test(the_parents_default_pool_answers_so_too),
        cmocka_unit_test(forked_comes_after_invalid_and_before_all_else),
        cmocka_unit_test(a_child_that_a_task_forks_is_in_no_task),
        cmocka_unit_test(a_child_is_in_no_task_and_no_worker),
        cmocka_unit_test(a_child_frees_the_parents_pool_and_nothing_runs),
        cmocka_unit_test(a_child_has_a_default_pool_of_its_own),
        cmocka_unit_test(a_grandchild_has_one_too),
        cmocka_unit_test(a_fork_at_any_moment_leaves_the_child_able_to_work),
        cmocka_unit_test(a_submit_that_gets_no_memory_says_so_and_the_pool_goes_on),
        cmocka_unit_test(a_batch_that_gets_no_memory_says_how_much_it_took),
        cmocka_unit_test(a_submit_of_a_task_that_gets_no_memory_says_so_too),
        cmocka_unit_test(a_create_that_gets_no_memory_leaves_nothing_behind),
        cmocka_unit_test(loops_sorts_and_gangs_need_what_they_call_and_what_they_work_on),
        cmocka_unit_test(a_pool_that_was_shut_down_refuses_them_but_says_first_what_is_invalid),
        cmocka_unit_test(the_parents_pool_refuses_them_in_a_child),
        cmocka_unit_test(a_child_that_a_body_forks_is_in_no_loop_and_may_have_its_own),
        cmocka_unit_test(loops_and_branches_do_without_memory_and_the_others_do_or_say_so),
        cmocka_unit_test(calls_without_a_status_leave_errno_as_it_was),
    };
    return run_file(tests);
}
