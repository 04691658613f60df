// extremes: each number that a caller gives, at the ends of its range and around its middle, where sums and products
// overflow and signs turn.

#include "support.h"

#define MIDDLE (UINT64_C(1) << 63)

static const uint64_t numbers[] = {0, 1, MIDDLE - 1, MIDDLE, MIDDLE + 1, UINT64_MAX - 1, UINT64_MAX};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

// ---- Times -------------------------------------------------------------------------------------------------

static void a_time_limit_of_any_length_ends_at_once_where_there_is_nothing_to_wait_for(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_future *future = future_by_hand();
    tp_group *group = group_of(pool, NULL);
    size_t index = 7;
    assert_status(tp_future_complete(future, NULL), TP_OK);
    for (size_t i = 0; i < NUMBERS; i++) {
        assert_status(tp_wait(pool, numbers[i]), TP_OK);
        assert_status(tp_future_wait(future, numbers[i], NULL), TP_OK);
        assert_status(tp_future_wait_any(&future, 1, numbers[i], &index), TP_OK);
        assert_status(tp_group_wait(group, numbers[i]), TP_OK);
    }
    tp_future_release(future);
    assert_status(tp_group_destroy(group), TP_OK);
    for (size_t i = NUMBERS; i > 0; i--) assert_status(tp_shutdown(pool, TP_DRAIN, numbers[i - 1]), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

struct wait {
    tp_pool *pool;
    tp_future *future;
    uint64_t timeout_ns;
    struct tally waits;
};

static void *waits(void *arg) {
    struct wait *wait = (struct wait *)arg;
    size_t index = 7;
    tally_add(&wait->waits);
    must_status(tp_future_wait_any(&wait->future, 1, wait->timeout_ns, &index), TP_OK);
    must_status(tp_future_wait(wait->future, wait->timeout_ns, NULL), TP_OK);
    must_status(tp_wait(wait->pool, wait->timeout_ns), TP_OK);
    return NULL;
}

// A sum with the clock's time that wraps would end these at once.
static void a_time_limit_past_the_end_of_the_clock_is_as_good_as_none(void **state) {
    (void)state;
    for (size_t i = 2; i < NUMBERS; i++) {
        struct gate gate = GATE_INIT;
        struct wait wait = {pool_of(1), future_by_hand(), numbers[i], TALLY_INIT};
        occupy(wait.pool, &gate, 1);
        pthread_t thread = start_thread(waits, &wait);
        assert_true(tally_reaches(&wait.waits, 1));
        nap();
        assert_status(tp_future_complete(wait.future, NULL), TP_OK);
        nap();
        gate_open(&gate);
        join_thread(thread);
        tp_future_release(wait.future);
        assert_status(tp_destroy(wait.pool), TP_OK);
    }
}

// ---- Counts and sizes --------------------------------------------------------------------------------------

static int never_compares(const void *x, const void *y, void *ctx) {
    (void)x, (void)y, (void)ctx;
    die("two were compared", __FILE__, __LINE__);
    return 0;
}

static bool is_refused(tp_status status) { return status == TP_EINVAL || status == TP_ENOMEM; }

static void an_array_that_no_memory_could_hold_is_refused(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    void *args[1] = {NULL};
    tp_future *futures[1] = {future_by_hand()};
    size_t place = 7;
    for (size_t i = 2; i < NUMBERS; i++) {
        size_t n = (size_t)numbers[i];
        assert_true(is_refused(tp_submit_batch(pool, nothing, args, n, &place)));
        assert_int_equal(place, 0);
        assert_true(is_refused(tp_future_wait_any(futures, n, 0, &place)));
        for (size_t size = 2; size <= 16; size *= 2) {
            assert_true(is_refused(tp_parallel_sort(pool, args, n, size, never_compares, NULL)));
            assert_true(is_refused(tp_parallel_stable_sort(pool, args, n, size, never_compares, NULL)));
            assert_true(is_refused(tp_parallel_sort(pool, args, size + 1, n, never_compares, NULL)));
            assert_true(is_refused(tp_parallel_stable_sort(pool, args, size + 1, n, never_compares, NULL)));
            assert_true(is_refused(tp_parallel_sort_keys(pool, args, size + 1, n, 0, TP_KEY_I32)));
            assert_true(is_refused(tp_parallel_sort_keys(pool, args, n, 4 * size, 0, TP_KEY_I32)));
            assert_true(is_refused(tp_parallel_sort_keys(pool, args, 2, 8, n, TP_KEY_I32)));
        }
    }
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    tp_future_release(futures[0]);
    assert_status(tp_destroy(pool), TP_OK);
}

static void adds(uint64_t lo, uint64_t hi, void *ctx) {
    __atomic_fetch_add((uint64_t *)ctx, hi - lo, __ATOMIC_RELAXED);
    if (hi - lo != 1) tp_loop_stop();
}

static void a_range_anywhere_has_its_items_and_no_others(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    for (size_t i = 0; i < NUMBERS; i++) {
        for (uint64_t n = 0; n <= 3; n++) {
            uint64_t items = 0;
            uint64_t begin = numbers[i] > UINT64_MAX - n ? UINT64_MAX - n : numbers[i];
            assert_status(tp_parallel_for(pool, begin, begin + n, 1, adds, &items), TP_OK);
            assert_int_equal(items, n);
        }
        for (size_t j = 0; j < i; j++) {
            uint64_t items = 0;
            assert_status(tp_parallel_for(pool, numbers[i], numbers[j], 1, adds, &items), TP_EINVAL);
            assert_int_equal(items, 0);
        }
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void options_at_the_ends_of_their_ranges_make_a_pool_or_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < NUMBERS; i++) {
        tp_pool *pool = NULL;
        tp_options options = TP_OPTIONS_INIT;
        uint32_t cpu = 0;
        options.threads = 1;
        options.capacity = numbers[i];
        assert_status(tp_create(&options, &pool), TP_OK);
        run_inside(pool, nothing, NULL);
        assert_status(tp_destroy(pool), TP_OK);
        options.stack_size = (size_t)numbers[i];
        tp_status status = tp_create(&options, &pool);
        assert_true(numbers[i] == 0 ? status == TP_OK : status != TP_OK && pool == NULL);
        assert_status(tp_destroy(pool), TP_OK);
        options.stack_size = 0;
        options.cpus = &cpu;
        options.cpus_len = (size_t)numbers[i];
        if (numbers[i] > 1) assert_true(is_refused(tp_create(&options, &pool)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_limit_of_any_length_ends_at_once_where_there_is_nothing_to_wait_for),
        cmocka_unit_test(a_time_limit_past_the_end_of_the_clock_is_as_good_as_none),
        cmocka_unit_test(an_array_that_no_memory_could_hold_is_refused),
        cmocka_unit_test(a_range_anywhere_has_its_items_and_no_others),
        cmocka_unit_test(options_at_the_ends_of_their_ranges_make_a_pool_or_are_refused),
    };
    return run_file(tests);
}
