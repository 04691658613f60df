// capacity: what each of the four answers to a full queue does, from outside and from inside a task, on a pool that is
// paused and on one that runs.

#include "support.h"

#include <stdatomic.h>

// ---- Tasks that write down that they ran, or were dropped ---------------------------------------------------

enum { RECORDED = 64 };

struct record {
    _Atomic uint32_t places;
    char order[RECORDED];
    pthread_t threads[RECORDED];
    _Atomic uint32_t ends;
};

// A task of a record, with the letter that it writes: in lower case if it was dropped.
struct letter {
    struct record *record;
    char name;
};

static void write_letter(struct letter *letter, char text) {
    uint32_t at = atomic_fetch_add(&letter->record->places, 1);
    must(at < RECORDED - 1);
    letter->record->order[at] = text;
    letter->record->threads[at] = pthread_self();
    atomic_fetch_add(&letter->record->ends, 1);
}

static void runs(void *letter) { write_letter((struct letter *)letter, ((struct letter *)letter)->name); }

static void drops(void *letter, tp_status why) {
    must(why == TP_EFULL);
    write_letter((struct letter *)letter, (char)(((struct letter *)letter)->name + 'a' - 'A'));
}

static void letters_init(struct letter *letters, size_t n, struct record *record) {
    for (size_t i = 0; i < n; i++) letters[i] = (struct letter){record, (char)('A' + i)};
}

static tp_status submit_letter(tp_pool *pool, struct letter *letter) {
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = drops;
    return tp_submit_with(pool, runs, letter, &options);
}

static const uint64_t capacities[] = {1, 2, 7};
enum { CAPACITIES = 3 };

// ---- TP_FULL_FAIL ------------------------------------------------------------------------------------------

static void a_full_queue_that_fails_takes_no_more(void **state) {
    (void)state;
    for (int i = 0; i < CAPACITIES; i++) {
        struct tally ran = TALLY_INIT;
        tp_pool *pool = pool_full_at(capacities[i], TP_FULL_FAIL);
        assert_status(tp_pause(pool), TP_OK);
        for (uint64_t n = 0; n < capacities[i]; n++) assert_status(tp_submit(pool, count, &ran), TP_OK);
        assert_status(tp_submit(pool, count, &ran), TP_EFULL);
        assert_status(tp_submit_with(pool, count, &ran, NULL), TP_EFULL);
        assert_int_equal(tp_queued(pool), capacities[i]);
        assert_status(tp_resume(pool), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&ran), capacities[i]);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_task_that_runs_is_not_counted(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_full_at(1, TP_FULL_FAIL);
    occupy(pool, &gate, 1);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_status(tp_submit(pool, nothing, NULL), TP_EFULL);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void room_is_there_again_once_tasks_have_started(void **state) {
    (void)state;
    tp_pool *pool = pool_full_at(3, TP_FULL_FAIL);
    for (size_t i = 0; i < rounds(50, 5000, 50000); i++) {
        for (int n = 0; n < 3; n++) assert_status(tp_submit(pool, nothing, NULL), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

struct mixed {
    tp_pool *pool;
    struct tally ran;
    uint64_t accepted;
    uint64_t refused;
    struct tally full;
};

static void submits_ten_that_fail(void *arg) {
    struct mixed *mixed = (struct mixed *)arg;
    for (int i = 0; i < 10; i++) {
        tp_status status = tp_submit(mixed->pool, count, &mixed->ran);
        must(status == TP_OK || status == TP_EFULL);
        if (status == TP_OK) mixed->accepted++;
        if (status == TP_EFULL) mixed->refused++;
    }
}

static void pauses_and_submits_ten_that_fail(void *arg) {
    struct mixed *mixed = (struct mixed *)arg;
    must_status(tp_pause(mixed->pool), TP_OK);
    must_status(tp_submit(mixed->pool, count, &mixed->ran), TP_OK);
    submits_ten_that_fail(mixed);
    must(tp_queued(mixed->pool) == 5);
    tally_add(&mixed->full);
}

static void the_capacity_is_the_same_inside_a_task_and_on_any_number_of_workers(void **state) {
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        tp_options options = TP_OPTIONS_INIT;
        options.threads = threads;
        options.capacity = 5;
        options.when_full = TP_FULL_FAIL;
        struct mixed mixed = {pool_with(options), TALLY_INIT, 0, 0, TALLY_INIT};
        assert_status(tp_submit(mixed.pool, pauses_and_submits_ten_that_fail, &mixed), TP_OK);
        assert_true(tally_reaches(&mixed.full, 1));
        assert_status(tp_submit(mixed.pool, count, &mixed.ran), TP_EFULL);
        assert_status(tp_resume(mixed.pool), TP_OK);
        assert_status(tp_wait(mixed.pool, LIMIT_NS), TP_OK);
        assert_int_equal(mixed.accepted, 4);
        assert_int_equal(mixed.refused, 6);
        assert_int_equal(tally_now(&mixed.ran), 5);
        assert_status(tp_destroy(mixed.pool), TP_OK);
    }
}

static void tasks_from_outside_and_inside_share_the_capacity(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct mixed mixed = {pool_full_at(5, TP_FULL_FAIL), TALLY_INIT, 0, 0, TALLY_INIT};
    occupy(mixed.pool, &gate, 1);
    assert_status(tp_submit(mixed.pool, submits_ten_that_fail, &mixed), TP_OK);
    for (int i = 0; i < 4; i++) assert_status(tp_submit(mixed.pool, count, &mixed.ran), TP_OK);
    gate_open(&gate);
    assert_status(tp_wait(mixed.pool, LIMIT_NS), TP_OK);
    assert_int_equal(mixed.accepted, 1);
    assert_int_equal(mixed.refused, 9);
    assert_int_equal(tally_now(&mixed.ran), 5);
    assert_status(tp_destroy(mixed.pool), TP_OK);
}

// ---- TP_FULL_BLOCK -----------------------------------------------------------------------------------------

static void a_submit_waits_until_there_is_room(void **state) {
    (void)state;
    for (int i = 0; i < CAPACITIES; i++) {
        struct submitter submitter;
        struct tally ran = TALLY_INIT;
        tp_pool *pool = pool_full_at(capacities[i], TP_FULL_BLOCK);
        assert_status(tp_pause(pool), TP_OK);
        for (uint64_t n = 0; n < capacities[i]; n++) assert_status(tp_submit(pool, count, &ran), TP_OK);
        submitter_start(&submitter, pool, count, &ran);
        assert_soon(submitter_sleeps(&submitter));
        assert_int_equal(tp_queued(pool), capacities[i]);
        assert_int_equal(tally_now(&ran), 0);
        assert_status(tp_resume(pool), TP_OK);
        assert_int_equal(submitter_end(&submitter), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&ran), capacities[i] + 1);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void every_waiting_submit_gets_its_turn(void **state) {
    (void)state;
    enum { SUBMITTERS = 8 };
    struct submitter submitters[SUBMITTERS];
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_full_at(1, TP_FULL_BLOCK);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_submit(pool, count, &ran), TP_OK);
    for (int i = 0; i < SUBMITTERS; i++) submitter_start(&submitters[i], pool, count, &ran);
    for (int i = 0; i < SUBMITTERS; i++) assert_soon(submitter_sleeps(&submitters[i]));
    assert_status(tp_resume(pool), TP_OK);
    for (int i = 0; i < SUBMITTERS; i++) assert_int_equal(submitter_end(&submitters[i]), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), SUBMITTERS + 1);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_waiting_submit_is_let_in_by_a_worker_that_a_resize_adds(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct submitter submitter;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_full_at(1, TP_FULL_BLOCK);
    occupy(pool, &gate, 1);
    assert_status(tp_submit(pool, count, &ran), TP_OK);
    submitter_start(&submitter, pool, count, &ran);
    assert_soon(submitter_sleeps(&submitter));
    assert_status(tp_resize(pool, 2), TP_OK);
    assert_int_equal(submitter_end(&submitter), TP_OK);
    assert_true(tally_reaches(&ran, 2));
    gate_open(&gate);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_waiting_submit_is_refused_by_a_shutdown(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (int i = 0; i < 2; i++) {
        struct gate gate = GATE_INIT;
        struct submitter submitters[3];
        tp_pool *pool = pool_full_at(1, TP_FULL_BLOCK);
        occupy(pool, &gate, 1);
        assert_status(tp_submit(pool, nothing, NULL), TP_OK);
        for (int at = 0; at < 3; at++) submitter_start(&submitters[at], pool, nothing, NULL);
        for (int at = 0; at < 3; at++) assert_soon(submitter_sleeps(&submitters[at]));
        assert_status(tp_shutdown(pool, modes[i], 0), TP_ETIMEDOUT);
        for (int at = 0; at < 3; at++) assert_int_equal(submitter_end(&submitters[at]), TP_ESHUTDOWN);
        gate_open(&gate);
        assert_status(tp_shutdown(pool, modes[i], LIMIT_NS), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_submit_that_waits_on_a_paused_pool_is_refused_by_a_shutdown(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (int i = 0; i < 2; i++) {
        struct submitter submitter;
        struct tally ran = TALLY_INIT;
        tp_pool *pool = pool_full_at(1, TP_FULL_BLOCK);
        assert_status(tp_pause(pool), TP_OK);
        assert_status(tp_submit(pool, count, &ran), TP_OK);
        submitter_start(&submitter, pool, count, &ran);
        assert_soon(submitter_sleeps(&submitter));
        assert_status(tp_shutdown(pool, modes[i], LIMIT_NS), TP_OK);
        assert_int_equal(submitter_end(&submitter), TP_ESHUTDOWN);
        assert_int_equal(tally_now(&ran), modes[i] == TP_DRAIN ? 1 : 0);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

struct batcher {
    tp_pool *pool;
    void **args;
    size_t n;
    size_t taken;
    tp_status status;
    pid_t tid;
    struct tally calls;
};

static void *submits_a_batch(void *arg) {
    struct batcher *batcher = (struct batcher *)arg;
    batcher->tid = gettid();
    tally_add(&batcher->calls);
    batcher->status = tp_submit_batch(batcher->pool, count, batcher->args, batcher->n, &batcher->taken);
    return NULL;
}

static void a_batch_that_waits_says_how_much_it_took_before_the_shutdown(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally ran = TALLY_INIT;
    void *args[] = {&ran, &ran, &ran, &ran, &ran};
    struct batcher batcher = {pool_full_at(3, TP_FULL_BLOCK), args, 5, 77, TP_OK, 0, TALLY_INIT};
    occupy(batcher.pool, &gate, 1);
    pthread_t thread = start_thread(submits_a_batch, &batcher);
    assert_true(tally_reaches(&batcher.calls, 1));
    assert_soon(tp_queued(batcher.pool) == 3 && thread_state(batcher.tid) == 'S');
    assert_status(tp_shutdown(batcher.pool, TP_DRAIN, 0), TP_ETIMEDOUT);
    join_thread(thread);
    assert_int_equal(batcher.status, TP_ESHUTDOWN);
    assert_int_equal(batcher.taken, 3);
    gate_open(&gate);
    assert_status(tp_destroy(batcher.pool), TP_OK);
    assert_int_equal(tally_now(&ran), 3);
}

static void a_batch_larger_than_the_queue_waits_for_room_until_all_is_in(void **state) {
    (void)state;
    struct tally ran = TALLY_INIT;
    void *args[100];
    for (int i = 0; i < 100; i++) args[i] = &ran;
    for (int i = 0; i < CAPACITIES; i++) {
        size_t taken = 0;
        uint64_t before = tally_now(&ran);
        tp_pool *pool = pool_full_at(capacities[i], TP_FULL_BLOCK);
        assert_status(tp_submit_batch(pool, count, args, 100, &taken), TP_OK);
        assert_int_equal(taken, 100);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(tally_now(&ran), before + 100);
    }
}

struct blocked_inside {
    tp_pool *pool;
    struct tally ran;
};

static void fills_its_own_pool(void *arg) {
    struct blocked_inside *inside = (struct blocked_inside *)arg;
    void *args[] = {&inside->ran, &inside->ran, &inside->ran};
    size_t taken = 77;
    must_status(tp_submit(inside->pool, count, &inside->ran), TP_OK);
    must_status(tp_submit_batch(inside->pool, count, args, 3, &taken), TP_EFULL);
    must(taken == 1);
    must_status(tp_submit(inside->pool, count, &inside->ran), TP_EFULL);
    must_status(tp_submit_with(inside->pool, count, &inside->ran, NULL), TP_EFULL);
    must_status(tp_submit_batch(inside->pool, count, args, 3, &taken), TP_EFULL);
    must(taken == 0);
}

static void a_task_does_not_wait_for_room_in_its_own_pool(void **state) {
    (void)state;
    struct blocked_inside inside = {pool_full_at(2, TP_FULL_BLOCK), TALLY_INIT};
    run_inside(inside.pool, fills_its_own_pool, &inside);
    assert_int_equal(tally_now(&inside.ran), 2);
    assert_status(tp_destroy(inside.pool), TP_OK);
}

static void fills_its_own_pool_in_a_hook(void *ctx, uint32_t worker) {
    (void)worker;
    struct blocked_inside *inside = (struct blocked_inside *)ctx;
    must_status(tp_submit(tp_current(), count, &inside->ran), TP_OK);
    must_status(tp_submit(tp_current(), count, &inside->ran), TP_EFULL);
}

static void a_hook_does_not_wait_for_room_either(void **state) {
    (void)state;
    struct blocked_inside inside = {NULL, TALLY_INIT};
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.capacity = 1;
    options.on_start = fills_its_own_pool_in_a_hook;
    options.hook_ctx = &inside;
    tp_pool *pool = pool_with(options);
    assert_true(tally_reaches(&inside.ran, 1));
    assert_status(tp_destroy(pool), TP_OK);
    assert_int_equal(tally_now(&inside.ran), 1);
}

struct other_pool {
    tp_pool *pool;
    struct tally ran;
    struct tally calls;
    pid_t tid;
};

static void submits_to_another_pool(void *arg) {
    struct other_pool *other = (struct other_pool *)arg;
    other->tid = gettid();
    tally_add(&other->calls);
    must_status(tp_submit(other->pool, count, &other->ran), TP_OK);
    tally_add(&other->calls);
}

static void a_task_waits_for_room_in_another_pool(void **state) {
    (void)state;
    struct other_pool other = {pool_full_at(1, TP_FULL_BLOCK), TALLY_INIT, TALLY_INIT, 0};
    tp_pool *pool = pool_of(1);
    assert_status(tp_pause(other.pool), TP_OK);
    assert_status(tp_submit(other.pool, count, &other.ran), TP_OK);
    assert_status(tp_submit(pool, submits_to_another_pool, &other), TP_OK);
    assert_true(tally_reaches(&other.calls, 1));
    assert_soon(thread_state(other.tid) == 'S' && tally_now(&other.calls) == 1);
    assert_status(tp_resume(other.pool), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
    assert_status(tp_destroy(other.pool), TP_OK);
    assert_int_equal(tally_now(&other.ran), 2);
}

// ---- TP_FULL_RUN_IN_CALLER ---------------------------------------------------------------------------------

struct in_caller {
    tp_pool *pool;
    pthread_t caller;
    int32_t worker;
    uint32_t ran;
};

static void runs_in_the_caller(void *arg) {
    struct in_caller *in_caller = (struct in_caller *)arg;
    must(pthread_equal(pthread_self(), in_caller->caller));
    must(tp_current() == in_caller->pool);
    must(tp_worker_index() == in_caller->worker);
    must_status(tp_wait(in_caller->pool, TP_FOREVER), TP_EDEADLK);
    must_status(tp_shutdown(in_caller->pool, TP_DRAIN, TP_FOREVER), TP_EDEADLK);
    must_status(tp_destroy(in_caller->pool), TP_EDEADLK);
    in_caller->ran++;
}

static void a_full_queue_makes_the_submitting_thread_run_its_task_also_on_a_paused_pool(void **state) {
    (void)state;
    for (int i = 0; i < CAPACITIES; i++) {
        struct tally ran = TALLY_INIT;
        struct in_caller in_caller = {pool_full_at(capacities[i], TP_FULL_RUN_IN_CALLER), pthread_self(), -1, 0};
        assert_status(tp_pause(in_caller.pool), TP_OK);
        for (uint64_t n = 0; n < capacities[i]; n++) assert_status(tp_submit(in_caller.pool, count, &ran), TP_OK);
        assert_int_equal(tally_now(&ran), 0);
        assert_status(tp_submit(in_caller.pool, runs_in_the_caller, &in_caller), TP_OK);
        assert_int_equal(in_caller.ran, 1);
        assert_status(tp_submit_with(in_caller.pool, runs_in_the_caller, &in_caller, NULL), TP_OK);
        assert_int_equal(in_caller.ran, 2);
        assert_null(tp_current());
        assert_int_equal(tp_worker_index(), -1);
        assert_int_equal(tp_queued(in_caller.pool), capacities[i]);
        assert_int_equal(tally_now(&ran), 0);
        assert_status(tp_destroy(in_caller.pool), TP_OK);
        assert_int_equal(tally_now(&ran), capacities[i]);
    }
}

static void fills_the_queue_and_runs_the_rest(void *arg) {
    struct in_caller *in_caller = (struct in_caller *)arg;
    in_caller->caller = pthread_self();
    in_caller->worker = 0;
    must_status(tp_submit(in_caller->pool, nothing, NULL), TP_OK);
    must_status(tp_submit(in_caller->pool, runs_in_the_caller, in_caller), TP_OK);
    must(in_caller->ran == 1);
    must(tp_current() == in_caller->pool);
    must(tp_worker_index() == 0);
}

static void a_task_runs_what_its_pool_has_no_room_for(void **state) {
    (void)state;
    struct in_caller in_caller = {pool_full_at(1, TP_FULL_RUN_IN_CALLER), pthread_self(), -1, 0};
    run_inside(in_caller.pool, fills_the_queue_and_runs_the_rest, &in_caller);
    assert_int_equal(in_caller.ran, 1);
    assert_status(tp_destroy(in_caller.pool), TP_OK);
}

static void runs_for_another_pool(void *arg) {
    struct in_caller *in_caller = (struct in_caller *)arg;
    tp_pool *own = tp_current();
    in_caller->caller = pthread_self();
    must(own != in_caller->pool);
    must_status(tp_submit(in_caller->pool, runs_in_the_caller, in_caller), TP_OK);
    must(in_caller->ran == 1);
    must(tp_current() == own);
    must(tp_worker_index() == 0);
}

static void a_task_that_runs_one_of_another_pool_is_in_that_pool_meanwhile(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    struct in_caller in_caller = {pool_full_at(1, TP_FULL_RUN_IN_CALLER), pthread_self(), -1, 0};
    assert_status(tp_pause(in_caller.pool), TP_OK);
    assert_status(tp_submit(in_caller.pool, nothing, NULL), TP_OK);
    run_inside(pool, runs_for_another_pool, &in_caller);
    assert_status(tp_destroy(pool), TP_OK);
    assert_status(tp_destroy(in_caller.pool), TP_OK);
}

struct nested {
    tp_pool *pool;
    uint32_t depth;
    uint32_t deepest;
};

static void goes_one_deeper(void *arg) {
    struct nested *nested = (struct nested *)arg;
    nested->depth++;
    if (nested->depth < 50) must_status(tp_submit(nested->pool, goes_one_deeper, nested), TP_OK);
    if (nested->depth > nested->deepest) nested->deepest = nested->depth;
    must(tp_current() == nested->pool);
}

static void a_task_in_the_caller_may_submit_again(void **state) {
    (void)state;
    struct nested nested = {pool_full_at(1, TP_FULL_RUN_IN_CALLER), 0, 0};
    assert_status(tp_pause(nested.pool), TP_OK);
    assert_status(tp_submit(nested.pool, nothing, NULL), TP_OK);
    assert_status(tp_submit(nested.pool, goes_one_deeper, &nested), TP_OK);
    assert_int_equal(nested.deepest, 50);
    assert_null(tp_current());
    assert_status(tp_destroy(nested.pool), TP_OK);
}

static void a_wait_is_for_a_task_in_a_caller_too(void **state) {
    (void)state;
    struct gate worker = GATE_INIT;
    struct gate caller = GATE_INIT;
    struct tally ran = TALLY_INIT;
    struct submitter submitter;
    tp_pool *pool = pool_full_at(1, TP_FULL_RUN_IN_CALLER);
    occupy(pool, &worker, 1);
    assert_status(tp_submit(pool, count, &ran), TP_OK);
    submitter_start(&submitter, pool, stand, &caller);
    assert_true(tally_reaches(&caller.entered, 1));
    gate_open(&worker);
    assert_true(tally_reaches(&ran, 1));
    assert_soon(tp_queued(pool) == 0);
    assert_status(tp_wait(pool, SHORT_NS), TP_ETIMEDOUT);
    gate_open(&caller);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&caller.left), 1);
    assert_int_equal(submitter_end(&submitter), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_shutdown_waits_for_a_task_in_a_caller_too(void **state) {
    (void)state;
    struct gate caller = GATE_INIT;
    struct submitter submitter;
    tp_pool *pool = pool_full_at(1, TP_FULL_RUN_IN_CALLER);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    submitter_start(&submitter, pool, stand, &caller);
    assert_true(tally_reaches(&caller.entered, 1));
    assert_status(tp_shutdown(pool, TP_DRAIN, SHORT_NS), TP_ETIMEDOUT);
    gate_open(&caller);
    assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&caller.left), 1);
    assert_int_equal(submitter_end(&submitter), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_batch_runs_in_the_caller_what_does_not_fit(void **state) {
    (void)state;
    struct record record = {.ends = 0};
    struct letter letters[5];
    void *args[5];
    size_t taken = 0;
    letters_init(letters, 5, &record);
    for (int i = 0; i < 5; i++) args[i] = &letters[i];
    tp_pool *pool = pool_full_at(3, TP_FULL_RUN_IN_CALLER);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_submit_batch(pool, runs, args, 5, &taken), TP_OK);
    assert_int_equal(taken, 5);
    assert_string_equal(record.order, "DE");
    assert_true(pthread_equal(record.threads[0], pthread_self()));
    assert_status(tp_destroy(pool), TP_OK);
    assert_string_equal(record.order, "DEABC");
}

static void a_task_is_not_run_in_the_caller_after_a_shutdown(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_full_at(1, TP_FULL_RUN_IN_CALLER);
    occupy(pool, &gate, 1);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_status(tp_shutdown(pool, TP_DRAIN, 0), TP_ETIMEDOUT);
    assert_status(tp_submit(pool, count, &ran), TP_ESHUTDOWN);
    assert_int_equal(tally_now(&ran), 0);
    gate_open(&gate);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- TP_FULL_DROP_OLDEST -----------------------------------------------------------------------------------

static void a_full_queue_drops_the_oldest_on_the_submitting_thread(void **state) {
    (void)state;
    struct record record = {.ends = 0};
    struct letter letters[6];
    letters_init(letters, 6, &record);
    tp_pool *pool = pool_full_at(3, TP_FULL_DROP_OLDEST);
    assert_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 3; i++) assert_status(submit_letter(pool, &letters[i]), TP_OK);
    assert_string_equal(record.order, "");
    assert_status(submit_letter(pool, &letters[3]), TP_OK);
    assert_string_equal(record.order, "a");
    assert_status(submit_letter(pool, &letters[4]), TP_OK);
    assert_string_equal(record.order, "ab");
    assert_true(pthread_equal(record.threads[0], pthread_self()));
    assert_true(pthread_equal(record.threads[1], pthread_self()));
    assert_int_equal(tp_queued(pool), 3);
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_string_equal(record.order, "abCDE");
    assert_status(submit_letter(pool, &letters[5]), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
    assert_string_equal(record.order, "abCDEF");
}

static void a_queue_of_one_keeps_the_newest(void **state) {
    (void)state;
    struct record record = {.ends = 0};
    struct letter letters[5];
    letters_init(letters, 5, &record);
    tp_pool *pool = pool_full_at(1, TP_FULL_DROP_OLDEST);
    assert_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 5; i++) assert_status(submit_letter(pool, &letters[i]), TP_OK);
    assert_string_equal(record.order, "abcd");
    assert_status(tp_destroy(pool), TP_OK);
    assert_string_equal(record.order, "abcdE");
}

static void a_task_without_a_drop_function_goes_without_a_word(void **state) {
    (void)state;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_full_at(2, TP_FULL_DROP_OLDEST);
    assert_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 10; i++) assert_status(tp_submit(pool, count, &ran), TP_OK);
    assert_int_equal(tp_queued(pool), 2);
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 2);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_batch_drops_the_oldest_of_its_own_in_the_end(void **state) {
    (void)state;
    struct record record = {.ends = 0};
    struct letter letters[6];
    void *args[5];
    size_t taken = 0;
    letters_init(letters, 6, &record);
    for (int i = 0; i < 5; i++) args[i] = &letters[i + 1];
    tp_pool *pool = pool_full_at(3, TP_FULL_DROP_OLDEST);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(submit_letter(pool, &letters[0]), TP_OK);
    assert_status(tp_submit_batch(pool, runs, args, 5, &taken), TP_OK);
    assert_int_equal(taken, 5);
    assert_int_equal(tp_queued(pool), 3);
    assert_status(tp_destroy(pool), TP_OK);
    assert_string_equal(record.order, "aDEF");
}

struct turns {
    tp_pool *pool;
    struct letter *letters;
    struct gate gate;
    struct tally submitted;
};

// Submits B while A and C come from outside, then D, E, F and G, each of which drops one.
static void submits_in_turn(void *arg) {
    struct turns *turns = (struct turns *)arg;
    tally_add(&turns->gate.entered);
    must(tally_reaches(&turns->gate.opened, 1));
    must_status(submit_letter(turns->pool, &turns->letters[1]), TP_OK);
    tally_add(&turns->submitted);
    must(tally_reaches(&turns->gate.opened, 2));
    for (int i = 3; i < 7; i++) must_status(submit_letter(turns->pool, &turns->letters[i]), TP_OK);
    must(pthread_equal(turns->letters[0].record->threads[0], pthread_self()));
}

static void the_oldest_is_found_wherever_it_was_submitted(void **state) {
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        struct record record = {.ends = 0};
        struct letter letters[7];
        letters_init(letters, 7, &record);
        tp_options options = TP_OPTIONS_INIT;
        options.threads = threads;
        options.capacity = 3;
        options.when_full = TP_FULL_DROP_OLDEST;
        struct turns turns = {pool_with(options), letters, GATE_INIT, TALLY_INIT};
        assert_status(tp_submit(turns.pool, submits_in_turn, &turns), TP_OK);
        assert_true(tally_reaches(&turns.gate.entered, 1));
        assert_status(tp_pause(turns.pool), TP_OK);
        assert_status(submit_letter(turns.pool, &letters[0]), TP_OK);
        gate_open(&turns.gate);
        assert_true(tally_reaches(&turns.submitted, 1));
        assert_status(submit_letter(turns.pool, &letters[2]), TP_OK);
        gate_open(&turns.gate);
        assert_soon(record.ends == 4);
        assert_string_equal(record.order, "abcd");
        assert_int_equal(tp_queued(turns.pool), 3);
        assert_status(tp_destroy(turns.pool), TP_OK);
        assert_int_equal(record.ends, 7);
        if (threads == 1) assert_string_equal(record.order, "abcdEFG");
    }
}

struct dropper {
    tp_pool *pool;
    struct tally ran;
    uint32_t dropped;
};

static void drops_and_submits_once(void *arg, tp_status why) {
    struct dropper *dropper = (struct dropper *)arg;
    must(why == TP_EFULL);
    must(tp_current() == dropper->pool);
    must(tp_worker_index() == -1);
    must_status(tp_wait(dropper->pool, 0), TP_EDEADLK);
    dropper->dropped++;
    if (dropper->dropped == 1) must_status(tp_submit(dropper->pool, count, &dropper->ran), TP_OK);
}

static void counts_in_a_dropper(void *arg) { tally_add(&((struct dropper *)arg)->ran); }

static void a_drop_function_may_submit(void **state) {
    (void)state;
    struct dropper dropper = {pool_full_at(2, TP_FULL_DROP_OLDEST), TALLY_INIT, 0};
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = drops_and_submits_once;
    assert_status(tp_pause(dropper.pool), TP_OK);
    for (int i = 0; i < 2; i++) {
        assert_status(tp_submit_with(dropper.pool, counts_in_a_dropper, &dropper, &options), TP_OK);
    }
    assert_status(tp_submit(dropper.pool, count, &dropper.ran), TP_OK);
    assert_int_equal(dropper.dropped, 2);
    assert_null(tp_current());
    assert_int_equal(tp_queued(dropper.pool), 2);
    assert_status(tp_destroy(dropper.pool), TP_OK);
    assert_int_equal(tally_now(&dropper.ran), 2);
}

static void stands_in_a_drop(void *gate, tp_status why) {
    must(why == TP_EFULL);
    stand(gate);
}

static void a_wait_is_for_drop_functions_too(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally ran = TALLY_INIT;
    struct submitter submitter;
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = stands_in_a_drop;
    tp_pool *pool = pool_full_at(1, TP_FULL_DROP_OLDEST);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_submit_with(pool, nothing, &gate, &options), TP_OK);
    submitter_start(&submitter, pool, count, &ran);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, SHORT_NS), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_int_equal(submitter_end(&submitter), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 1);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- A batch that fits in part -----------------------------------------------------------------------------

static void a_batch_that_fails_keeps_the_first_that_fit(void **state) {
    (void)state;
    struct record record = {.ends = 0};
    struct letter letters[5];
    void *args[5];
    size_t taken = 77;
    letters_init(letters, 5, &record);
    for (int i = 0; i < 5; i++) args[i] = &letters[i];
    tp_pool *pool = pool_full_at(3, TP_FULL_FAIL);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_submit_batch(pool, runs, args, 5, &taken), TP_EFULL);
    assert_int_equal(taken, 3);
    assert_int_equal(tp_queued(pool), 3);
    assert_status(tp_submit_batch(pool, runs, args + 3, 2, NULL), TP_EFULL);
    assert_status(tp_submit_batch(pool, runs, args + 3, 2, &taken), TP_EFULL);
    assert_int_equal(taken, 0);
    assert_status(tp_destroy(pool), TP_OK);
    assert_string_equal(record.order, "ABC");
}

static void a_batch_that_fits_exactly_is_taken_whole(void **state) {
    (void)state;
    struct tally ran = TALLY_INIT;
    void *args[] = {&ran, &ran, &ran};
    for (int32_t when_full = TP_FULL_BLOCK; when_full <= TP_FULL_DROP_OLDEST; when_full++) {
        size_t taken = 0;
        uint64_t before = tally_now(&ran);
        tp_pool *pool = pool_full_at(3, when_full);
        assert_status(tp_pause(pool), TP_OK);
        assert_status(tp_submit_batch(pool, count, args, 3, &taken), TP_OK);
        assert_int_equal(taken, 3);
        assert_int_equal(tp_queued(pool), 3);
        assert_int_equal(tally_now(&ran), before);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(tally_now(&ran), before + 3);
    }
}

// ---- Futures and group tasks -------------------------------------------------------------------------------

static void *writes_with_a_result(void *letter) {
    runs(letter);
    return letter;
}

static void a_future_and_a_group_task_that_are_evicted_end_as_dropped(void **state) {
    (void)state;
    struct record record = {.ends = 0};
    struct letter letters[3];
    tp_future *future = NULL;
    tp_task_options options = options_with_drop(drops);
    tp_pool *pool = pool_full_at(1, TP_FULL_DROP_OLDEST);
    tp_group *group = group_of(pool, NULL);
    letters_init(letters, 3, &record);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_async_with(pool, writes_with_a_result, &letters[0], &options, &future), TP_OK);
    assert_status(tp_group_submit_with(group, runs, &letters[1], &options), TP_OK);
    void *value = pool;
    assert_status(tp_future_wait(future, LIMIT_NS, &value), TP_ECANCELED);
    assert_null(value);
    assert_int_equal(tp_future_state(future), TP_FUTURE_CANCELED);
    assert_int_equal(tp_group_count(group), 1);
    assert_status(submit_letter(pool, &letters[2]), TP_OK);
    assert_int_equal(tp_group_count(group), 0);
    assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    assert_int_equal(tp_queued(pool), 1);
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_string_equal(record.order, "abC");
    tp_future_release(future);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_future_and_a_group_task_run_in_the_caller(void **state) {
    (void)state;
    struct record record = {.ends = 0};
    struct letter letters[3];
    tp_pool *pool = pool_full_at(1, TP_FULL_RUN_IN_CALLER);
    tp_group *group = group_of(pool, NULL);
    letters_init(letters, 3, &record);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(submit_letter(pool, &letters[0]), TP_OK);
    tp_future *future = future_of(pool, writes_with_a_result, &letters[1]);
    assert_int_equal(tp_future_state(future), TP_FUTURE_DONE);
    assert_ptr_equal(value_of(future), &letters[1]);
    assert_status(tp_group_submit(group, runs, &letters[2]), TP_OK);
    assert_int_equal(tp_group_count(group), 0);
    assert_status(tp_group_wait(group, 0), TP_OK);
    for (int i = 0; i < 2; i++) assert_true(pthread_equal(record.threads[i], pthread_self()));
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_string_equal(record.order, "BCA");
    tp_future_release(future);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void futures_and_group_tasks_are_counted_and_refused_as_tasks_are(void **state) {
    (void)state;
    tp_future *future = NULL;
    tp_pool *pool = pool_full_at(3, TP_FULL_FAIL);
    tp_group *group = group_of(pool, NULL);
    assert_status(tp_pause(pool), TP_OK);
    tp_future *first = future_of(pool, same, pool);
    assert_status(tp_group_submit(group, nothing, NULL), TP_OK);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_int_equal(tp_queued(pool), 3);
    assert_status(tp_async(pool, same, pool, &future), TP_EFULL);
    assert_null(future);
    assert_status(tp_group_submit(group, nothing, NULL), TP_EFULL);
    assert_int_equal(tp_group_count(group), 1);
    assert_status(tp_resume(pool), TP_OK);
    assert_ptr_equal(value_of(first), pool);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    tp_future_release(first);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// What a waiting task takes out of the queue leaves room there.
static void fills_and_waits(void *arg) {
    (void)arg;
    tp_pool *pool = tp_current();
    tp_group *group = group_of(pool, NULL);
    for (int round = 0; round < 20; round++) {
        tp_future *future = future_of(pool, same, arg);
        for (int i = 0; i < 2; i++) must_status(tp_group_submit(group, nothing, NULL), TP_OK);
        must_status(tp_submit(pool, nothing, NULL), TP_EFULL);
        must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
        value_of(future);
        tp_future_release(future);
        must(tp_queued(pool) == 0);
    }
    must_status(tp_group_destroy(group), TP_OK);
}

static void what_a_waiting_task_runs_makes_room_in_the_queue(void **state) {
    (void)state;
    tp_pool *pool = pool_full_at(3, TP_FULL_FAIL);
    for (size_t i = 0; i < rounds(5, 500, 5000); i++) run_inside(pool, fills_and_waits, NULL);
    // The place in the queue of what has run early has gone before this runs: while it goes there is room for one more.
    run_inside(pool, nothing, NULL);
    for (int i = 0; i < 3; i++) {
        assert_status(tp_pause(pool), TP_OK);
        for (int n = 0; n < 3; n++) assert_status(tp_submit(pool, nothing, NULL), TP_OK);
        assert_status(tp_submit(pool, nothing, NULL), TP_EFULL);
        assert_status(tp_resume(pool), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Producers at full speed -------------------------------------------------------------------------------

struct race {
    tp_pool *pool;
    tp_group *group;
    int32_t when_full;
    size_t offers;
    _Atomic bool starts;
    _Atomic uint64_t ran;
    _Atomic uint64_t dropped;
    _Atomic uint64_t cancelled;
    _Atomic uint64_t refused;
};

static void runs_in_a_race(void *race) { atomic_fetch_add(&((struct race *)race)->ran, 1); }

static void *runs_with_a_result(void *race) {
    runs_in_a_race(race);
    return race;
}

static void drops_in_a_race(void *race, tp_status why) {
    must(why == TP_EFULL || why == TP_ECANCELED);
    atomic_fetch_add(why == TP_EFULL ? &((struct race *)race)->dropped : &((struct race *)race)->cancelled, 1);
}

// A future, which is cancelled or waited for now and then.
static tp_status offer_a_future(struct race *race, const tp_task_options *options, size_t turn) {
    tp_future *future = NULL;
    tp_status status = tp_async_with(race->pool, runs_with_a_result, race, options, &future);
    must((status == TP_OK) == (future != NULL));
    if (status == TP_OK && turn % 5 == 0) {
        tp_status cancel = tp_future_cancel(future);
        must(cancel == TP_OK || cancel == TP_EBUSY);
    }
    if (status == TP_OK && turn % 7 == 0) {
        void *value = NULL;
        tp_status wait = tp_future_wait(future, LIMIT_NS, &value);
        must(wait == TP_OK ? value == race : wait == TP_ECANCELED && value == NULL);
    }
    tp_future_release(future);
    return status;
}

static tp_status offer_one(struct race *race, const tp_task_options *options, size_t turn) {
    if (turn % 3 == 0) return tp_submit_with(race->pool, runs_in_a_race, race, options);
    if (turn % 3 == 1) return tp_group_submit_with(race->group, runs_in_a_race, race, options);
    return offer_a_future(race, options, turn / 3);
}

// Only a pool that fails refuses, and one that blocks inside of it.
static void offer(struct race *race) {
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = drops_in_a_race;
    bool may_refuse = race->when_full == TP_FULL_FAIL || (race->when_full == TP_FULL_BLOCK && tp_current() != NULL);
    for (size_t i = 0; i < race->offers; i++) {
        tp_status status = offer_one(race, &options, i);
        must(status == TP_OK || (status == TP_EFULL && may_refuse));
        if (status == TP_EFULL) atomic_fetch_add(&race->refused, 1);
    }
}

static void *offers(void *race) {
    offer((struct race *)race);
    return NULL;
}

static void offers_inside(void *race) {
    ((struct race *)race)->starts = true;
    offer((struct race *)race);
}

static void assert_race(uint32_t threads, uint64_t capacity, uint32_t producers, bool inside, size_t offered) {
    for (int32_t when_full = TP_FULL_BLOCK; when_full <= TP_FULL_DROP_OLDEST; when_full++) {
        pthread_t outside[4];
        tp_options options = TP_OPTIONS_INIT;
        options.threads = threads;
        options.capacity = capacity;
        options.when_full = when_full;
        struct race race = {.pool = pool_with(options), .when_full = when_full, .offers = offered};
        race.group = group_of(race.pool, NULL);
        if (inside) {
            assert_status(tp_submit(race.pool, offers_inside, &race), TP_OK);
            assert_soon(race.starts);
        }
        for (uint32_t i = 0; i < producers; i++) outside[i] = start_thread(offers, &race);
        for (uint32_t i = 0; i < producers; i++) join_thread(outside[i]);
        assert_status(tp_wait(race.pool, LIMIT_NS), TP_OK);
        uint64_t ended = race.ran + race.dropped + race.cancelled;
        assert_int_equal(ended + race.refused, offered * (producers + (inside ? 1 : 0)));
        assert_int_equal(tp_group_count(race.group), 0);
        assert_int_equal(tp_queued(race.pool), 0);
        assert_status(tp_group_destroy(race.group), TP_OK);
        if (when_full != TP_FULL_DROP_OLDEST) assert_int_equal(race.dropped, 0);
        if (when_full == TP_FULL_RUN_IN_CALLER || when_full == TP_FULL_DROP_OLDEST) assert_int_equal(race.refused, 0);
        assert_status(tp_destroy(race.pool), TP_OK);
    }
}

static void nothing_is_lost_by_one_producer_at_full_speed(void **state) {
    (void)state;
    assert_race(1, 1, 1, false, rounds(300, 100000, 1000000));
    assert_race(2, 1, 1, false, rounds(300, 100000, 1000000));
}

static void nothing_is_lost_by_several_producers_at_full_speed(void **state) {
    (void)state;
    assert_race(2, 1, 4, false, rounds(100, 20000, 200000));
    assert_race(2, 100, 4, false, rounds(100, 50000, 500000));
}

static void nothing_is_lost_where_tasks_produce_too(void **state) {
    (void)state;
    assert_race(2, 1, 1, true, rounds(100, 30000, 300000));
    assert_race(3, 64, 2, true, rounds(100, 30000, 300000));
}

static void nothing_is_lost_where_all_of_the_pool_is_at_its_capacity(void **state) {
    (void)state;
    for (size_t i = 0; i < rounds(2, 20, 200); i++) assert_race(2, 1 + i % 5, 3, true, rounds(20, 1000, 1000));
}

// ---- What no limit counts ----------------------------------------------------------------------------------

static void *passes_on(void *value, void *unused) {
    (void)unused;
    return value;
}

static void what_no_limit_counts_is_passed_over_by_an_eviction(void **state) {
    (void)state;
    tp_pool *pool = pool_limited(1, 1, TP_FULL_DROP_OLDEST);
    tp_future *input = future_by_hand();
    tp_future *next = future_then(pool, input, passes_on, NULL);
    struct tally ran = TALLY_INIT;
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_future_complete(input, &ran), TP_OK);
    for (int i = 0; i < 3; i++) assert_status(tp_submit(pool, count, &ran), TP_OK);
    assert_int_equal(tp_future_state(next), TP_FUTURE_PENDING);
    assert_int_equal(tp_queued(pool), 2);
    assert_status(tp_resume(pool), TP_OK);
    assert_ptr_equal(value_of(next), &ran);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 1);
    tp_future_release(next);
    tp_future_release(input);
    assert_status(tp_destroy(pool), TP_OK);
}

struct evictions {
    tp_pool *pool;
    _Atomic size_t wanted;
    _Atomic size_t made;
    size_t rounds;
};

static void *evicts_in_each_round(void *arg) {
    struct evictions *evictions = (struct evictions *)arg;
    for (size_t round = 1; round <= evictions->rounds; round++) {
        while (evictions->wanted < round) sched_yield();
        for (size_t i = 0; i < 1 + round % 4; i++) must_status(tp_submit(evictions->pool, nothing, NULL), TP_OK);
        evictions->made = round;
    }
    return NULL;
}

// The worker may look, and park, just while an eviction has what it passes over in its hand.
static void what_an_eviction_passes_over_is_found_by_a_worker_that_parks(void **state) {
    (void)state;
    struct evictions evictions = {.rounds = rounds(300, 20000, 1000000)};
    evictions.pool = pool_limited(2, 1, TP_FULL_DROP_OLDEST);
    pthread_t evictor = start_thread(evicts_in_each_round, &evictions);
    for (size_t round = 1; round <= evictions.rounds; round++) {
        tp_future *input = future_by_hand();
        tp_future *next = future_then(evictions.pool, input, passes_on, NULL);
        evictions.wanted = round;
        assert_status(tp_future_complete(input, state), TP_OK);
        while (evictions.made < round) sched_yield();
        assert_ptr_equal(value_of(next), state);
        tp_future_release(next);
        tp_future_release(input);
    }
    join_thread(evictor);
    assert_status(tp_destroy(evictions.pool), TP_OK);
}

static void *fills_a_queue_that_drops(void *pool) {
    for (int i = 0; i < 50; i++) must_status(tp_submit((tp_pool *)pool, nothing, NULL), TP_OK);
    return NULL;
}

static void two_who_evict_evict_no_more_than_they_must(void **state) {
    (void)state;
    tp_pool *pool = pool_limited(1, 4, TP_FULL_DROP_OLDEST);
    for (size_t i = 0; i < rounds(20, 1000, 20000); i++) {
        assert_status(tp_pause(pool), TP_OK);
        pthread_t other = start_thread(fills_a_queue_that_drops, pool);
        fills_a_queue_that_drops(pool);
        join_thread(other);
        assert_int_equal(tp_queued(pool), 4);
        assert_status(tp_resume(pool), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_that_fails_takes_no_more),
        cmocka_unit_test(a_task_that_runs_is_not_counted),
        cmocka_unit_test(room_is_there_again_once_tasks_have_started),
        cmocka_unit_test(the_capacity_is_the_same_inside_a_task_and_on_any_number_of_workers),
        cmocka_unit_test(tasks_from_outside_and_inside_share_the_capacity),
        cmocka_unit_test(a_submit_waits_until_there_is_room),
        cmocka_unit_test(every_waiting_submit_gets_its_turn),
        cmocka_unit_test(a_waiting_submit_is_let_in_by_a_worker_that_a_resize_adds),
        cmocka_unit_test(a_waiting_submit_is_refused_by_a_shutdown),
        cmocka_unit_test(a_submit_that_waits_on_a_paused_pool_is_refused_by_a_shutdown),
        cmocka_unit_test(a_batch_that_waits_says_how_much_it_took_before_the_shutdown),
        cmocka_unit_test(a_batch_larger_than_the_queue_waits_for_room_until_all_is_in),
        cmocka_unit_test(a_task_does_not_wait_for_room_in_its_own_pool),
        cmocka_unit_test(a_hook_does_not_wait_for_room_either),
        cmocka_unit_test(a_task_waits_for_room_in_another_pool),
        cmocka_unit_test(a_full_queue_makes_the_submitting_thread_run_its_task_also_on_a_paused_pool),
        cmocka_unit_test(a_task_runs_what_its_pool_has_no_room_for),
        cmocka_unit_test(a_task_that_runs_one_of_another_pool_is_in_that_pool_meanwhile),
        cmocka_unit_test(a_task_in_the_caller_may_submit_again),
        cmocka_unit_test(a_wait_is_for_a_task_in_a_caller_too),
        cmocka_unit_test(a_shutdown_waits_for_a_task_in_a_caller_too),
        cmocka_unit_test(a_batch_runs_in_the_caller_what_does_not_fit),
        cmocka_unit_test(a_task_is_not_run_in_the_caller_after_a_shutdown),
        cmocka_unit_test(a_full_queue_drops_the_oldest_on_the_submitting_thread),
        cmocka_unit_test(a_queue_of_one_keeps_the_newest),
        cmocka_unit_test(a_task_without_a_drop_function_goes_without_a_word),
        cmocka_unit_test(a_batch_drops_the_oldest_of_its_own_in_the_end),
        cmocka_unit_test(the_oldest_is_found_wherever_it_was_submitted),
        cmocka_unit_test(a_drop_function_may_submit),
        cmocka_unit_test(a_wait_is_for_drop_functions_too),
        cmocka_unit_test(a_batch_that_fails_keeps_the_first_that_fit),
        cmocka_unit_test(a_batch_that_fits_exactly_is_taken_whole),
        cmocka_unit_test(a_future_and_a_group_task_that_are_evicted_end_as_dropped),
        cmocka_unit_test(a_future_and_a_group_task_run_in_the_caller),
        cmocka_unit_test(futures_and_group_tasks_are_counted_and_refused_as_tasks_are),
        cmocka_unit_test(what_a_waiting_task_runs_makes_room_in_the_queue),
        cmocka_unit_test(what_no_limit_counts_is_passed_over_by_an_eviction),
        cmocka_unit_test(what_an_eviction_passes_over_is_found_by_a_worker_that_parks),
        cmocka_unit_test(two_who_evict_evict_no_more_than_they_must),
        cmocka_unit_test(nothing_is_lost_by_one_producer_at_full_speed),
        cmocka_unit_test(nothing_is_lost_by_several_producers_at_full_speed),
        cmocka_unit_test(nothing_is_lost_where_tasks_produce_too),
        cmocka_unit_test(nothing_is_lost_where_all_of_the_pool_is_at_its_capacity),
    };
    return run_file(tests);
}
