// memory: each allocation that a call makes is made to fail once. The call says so, nothing is left behind, and it can
// be made again.
//
// This program has an allocator of its own, in front of the C library's, that counts and fails as it is told.

#include "support.h"

#include <stdatomic.h>

// ---- The allocator -----------------------------------------------------------------------------------------

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *bytes);

static _Atomic int64_t live;
static _Atomic uint64_t asked;

// The allocation that fails, counted from 1, and whether those after it do too; 0: none.
static _Atomic uint64_t failing;
static bool for_good;

static bool fails_now(void) {
    uint64_t at = failing;
    if (at == 0) return false;
    uint64_t number = atomic_fetch_add(&asked, 1) + 1;
    return number == at || (for_good && number > at);
}

static void *counted(void *bytes) {
    if (bytes != NULL) atomic_fetch_add(&live, 1);
    if (bytes == NULL) errno = ENOMEM;
    return bytes;
}

void *malloc(size_t size) { return counted(fails_now() ? NULL : __libc_malloc(size)); }
void *calloc(size_t n, size_t size) { return counted(fails_now() ? NULL : __libc_calloc(n, size)); }

void *realloc(void *old, size_t size) {
    if (old == NULL) return malloc(size);
    void *bytes = fails_now() ? NULL : __libc_realloc(old, size);
    if (bytes == NULL) errno = ENOMEM;
    return bytes;
}

void *memalign(size_t alignment, size_t size) { return counted(fails_now() ? NULL : __libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **bytes, size_t alignment, size_t size) {
    int before = errno;
    void *got = memalign(alignment, size);
    errno = before;
    if (got != NULL) *bytes = got;
    return got != NULL ? 0 : ENOMEM;
}

void free(void *bytes) {
    if (bytes == NULL) return;
    atomic_fetch_sub(&live, 1);
    __libc_free(bytes);
}

static void fail_at(uint64_t at) {
    asked = 0;
    failing = at;
}

// Makes each allocation of `call` fail in turn, until one call makes fewer; returns how many that were.
#define fail_each(n, call, status, on_failure)                                                                         \
    do {                                                                                                               \
        for ((n) = 1;; (n)++) {                                                                                        \
            must((n) < 10000);                                                                                         \
            fail_at(n);                                                                                                \
            errno = ERRNO_BEFORE;                                                                                      \
            (status) = (call);                                                                                         \
            failing = 0;                                                                                               \
            must(errno == ERRNO_BEFORE);                                                                               \
            if ((status) == TP_OK) break;                                                                              \
            must((status) == TP_ENOMEM || (status) == TP_EAGAIN);                                                      \
            on_failure;                                                                                                \
        }                                                                                                              \
    } while (0)

// Runs `body` in a child where one allocation fails at a time, and in one where all after it fail too.
#define assert_child_without_memory(body)                                                                              \
    do {                                                                                                               \
        for_good = false;                                                                                              \
        assert_child(body, NULL);                                                                                      \
        for_good = true;                                                                                               \
        assert_child(body, NULL);                                                                                      \
    } while (0)

// ---- Tests -------------------------------------------------------------------------------------------------

static tp_options three_workers(void) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 3;
    options.name = "memory";
    options.capacity = 100;
    return options;
}

static void warm_up(void) {
    for (int i = 0; i < 20; i++) {
        tp_pool *pool = pool_with(three_workers());
        run_inside(pool, nothing, NULL);
        must_status(tp_destroy(pool), TP_OK);
    }
    must_soon(threads_now() == 1);
}

static void creates(void *unused) {
    (void)unused;
    uint64_t n = 0;
    tp_status status = TP_OK;
    tp_options options = three_workers();
    tp_pool *pool = NULL;
    warm_up();
    int64_t before = live;
    fail_each(n, tp_create(&options, &pool), status, {
        must(pool == NULL);
        must_soon(threads_now() == 1);
        must(live <= before);
        pool = (tp_pool *)&options;
    });
    must(n > 1);
    run_inside(pool, nothing, NULL);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_create_that_gets_no_memory_leaves_nothing_behind(void **state) {
    (void)state;
    assert_child_without_memory(creates);
}

static void resizes(void *unused) {
    (void)unused;
    uint64_t n = 0;
    tp_status status = TP_OK;
    warm_up();
    tp_pool *pool = pool_of(2);
    for (uint32_t threads = 3; threads < 40; threads += 12) {
        uint32_t before = tp_thread_count(pool);
        fail_each(n, tp_resize(pool, threads), status, {
            must(tp_thread_count(pool) == before);
            must_soon(threads_now() == 1 + before);
            run_inside(pool, nothing, NULL);
        });
        must(tp_thread_count(pool) == threads);
        run_inside(pool, nothing, NULL);
    }
    must_status(tp_destroy(pool), TP_OK);
}

static void a_resize_that_gets_no_memory_leaves_the_number_as_it_was(void **state) {
    (void)state;
    assert_child_without_memory(resizes);
}

struct submits {
    tp_pool *pool;
    uint64_t n;
    _Atomic uint64_t ran;
    uint64_t accepted;
};

static void runs(void *submits) { atomic_fetch_add(&((struct submits *)submits)->ran, 1); }

static void drops(void *submits, tp_status why) {
    (void)submits;
    (void)why;
    must(!"nothing is dropped");
}

// Submits in all three ways, each of which finds no memory whenever it asks for some.
static void submit_many(void *arg) {
    struct submits *submits = (struct submits *)arg;
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = drops;
    options.name = "a task with a name";
    void *args[100];
    for (int i = 0; i < 100; i++) args[i] = submits;
    for (uint64_t i = 0; i < submits->n; i++) {
        uint64_t n = 0;
        size_t taken = 0;
        tp_status status = TP_OK;
        fail_each(n, tp_submit(submits->pool, runs, submits), status, {});
        fail_each(n, tp_submit_with(submits->pool, runs, submits, &options), status, {});
        submits->accepted += 2;
        fail_each(n, tp_submit_batch(submits->pool, runs, args, 100, &taken), status, submits->accepted += taken);
        must(taken == 100);
        submits->accepted += taken;
    }
}

static void submits_outside(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(2), 2000, 0, 0};
    must_status(tp_pause(submits.pool), TP_OK);
    submit_many(&submits);
    must(tp_queued(submits.pool) == submits.accepted);
    must_status(tp_resume(submits.pool), TP_OK);
    must_status(tp_wait(submits.pool, LIMIT_NS), TP_OK);
    must(submits.ran == submits.accepted);
    must_status(tp_destroy(submits.pool), TP_OK);
}

static void a_submit_that_gets_no_memory_takes_nothing(void **state) {
    (void)state;
    assert_child_without_memory(submits_outside);
}

static void submits_inside(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(1), 2000, 0, 0};
    run_inside(submits.pool, submit_many, &submits);
    must(submits.ran == submits.accepted);
    must_status(tp_destroy(submits.pool), TP_OK);
}

static void a_submit_of_a_task_that_gets_no_memory_takes_nothing(void **state) {
    (void)state;
    assert_child_without_memory(submits_inside);
}

static void starts_the_default_pool(void *unused) {
    (void)unused;
    uint64_t n = 0;
    tp_status status = TP_OK;
    struct tally ran = TALLY_INIT;
    fail_at(1);
    tp_pool *pool = tp_default();
    failing = 0;
    must(pool != NULL);
    fail_each(n, tp_submit(pool, count, &ran), status, {
        must(tp_queued(pool) == 0);
        must_status(tp_wait(pool, 0), TP_OK);
        must_soon(threads_now() == 1);
    });
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must(tally_now(&ran) == 1);
}

static void the_default_pool_that_gets_no_memory_may_be_tried_again(void **state) {
    (void)state;
    assert_child_without_memory(starts_the_default_pool);
}

static void submits_from_a_new_thread(void *arg) {
    struct submits *submits = (struct submits *)arg;
    uint64_t n = 0;
    tp_status status = TP_OK;
    fail_each(n, tp_submit(submits->pool, runs, submits), status, {});
}

static void *submits_on_a_thread(void *arg) {
    submits_from_a_new_thread(arg);
    return NULL;
}

static void has_threads_that_submit(void *unused) {
    (void)unused;
    struct submits submits = {pool_of(2), 0, 0, 0};
    for (int i = 0; i < 50; i++) join_thread(start_thread(submits_on_a_thread, &submits));
    must_status(tp_wait(submits.pool, LIMIT_NS), TP_OK);
    must(submits.ran == 50);
    must_status(tp_destroy(submits.pool), TP_OK);
}

static void the_first_submit_of_a_thread_that_gets_no_memory_takes_nothing(void **state) {
    (void)state;
    assert_child_without_memory(has_threads_that_submit);
}

// No call here has TP_ENOMEM among its errors.
static void ends_without_memory(void *unused) {
    (void)unused;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(2);
    occupy(pool, &gate, 2);
    must_status(tp_submit(pool, nothing, NULL), TP_OK);
    fail_at(1);
    must_status(tp_wait(pool, 0), TP_ETIMEDOUT);
    must_status(tp_wait(pool, MILLISECOND), TP_ETIMEDOUT);
    must_status(tp_pause(pool), TP_OK);
    must_status(tp_resume(pool), TP_OK);
    must(tp_thread_count(pool) == 2);
    gate_open(&gate);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    must_status(tp_destroy(pool), TP_OK);
    failing = 0;
}

static void waiting_and_ending_do_not_fail_for_want_of_memory(void **state) {
    (void)state;
    assert_child_without_memory(ends_without_memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_create_that_gets_no_memory_leaves_nothing_behind),
        cmocka_unit_test(a_resize_that_gets_no_memory_leaves_the_number_as_it_was),
        cmocka_unit_test(a_submit_that_gets_no_memory_takes_nothing),
        cmocka_unit_test(a_submit_of_a_task_that_gets_no_memory_takes_nothing),
        cmocka_unit_test(the_default_pool_that_gets_no_memory_may_be_tried_again),
        cmocka_unit_test(the_first_submit_of_a_thread_that_gets_no_memory_takes_nothing),
        cmocka_unit_test(waiting_and_ending_do_not_fail_for_want_of_memory),
    };
    if (RUNNING_ON_VALGRIND) return 0;
    return run_file(tests);
}
