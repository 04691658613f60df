// reduce: a loop with a result. In order, whoever runs it; the same to the last bit on any number of threads; all of it
// or none.
//
// Bad arguments are in errors.c, what holds for all loops in loop.c.

#include "support.h"

#include <math.h>
#include <stdatomic.h>

// What results are compared on.
static const uint32_t many_counts[] = {1, 2, 3, 4, 5, 6, 7, 8};
enum { MANY_COUNTS = 8 };

static void must_not_fold(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    (void)lo;
    (void)hi;
    (void)acc;
    (void)ctx;
    must(!"a fold runs that may not");
}

static void must_not_combine(void *left, const void *right, void *ctx) {
    (void)left;
    (void)right;
    (void)ctx;
    must(!"a combine runs that may not");
}

// ---- Sums --------------------------------------------------------------------------------------------------

static void adds_indices(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    (void)ctx;
    for (uint64_t i = lo; i < hi; i++) *(uint64_t *)acc += i;
}

static void adds_right(void *left, const void *right, void *ctx) {
    (void)ctx;
    *(uint64_t *)left += *(const uint64_t *)right;
}

struct range {
    tp_pool *pool;
    uint64_t begin;
    uint64_t end;
    uint64_t grain;
};

static void sums_up(void *arg) {
    const struct range *range = (const struct range *)arg;
    uint64_t zero = 0;
    uint64_t result = 77;
    uint64_t wanted = 0;
    must_status(tp_parallel_reduce(range->pool, range->begin, range->end, range->grain, sizeof zero, &zero,
                                   adds_indices, adds_right, NULL, &result),
                TP_OK);
    for (uint64_t i = range->begin; i < range->end; i++) wanted += i;
    must(result == wanted);
    must(zero == 0);
}

static void sums_are_right_for_any_range_and_grain(void **state) {
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(30, 2000, 50000); round++) {
            uint64_t length = chance(&seed) % 3000;
            uint64_t begin = chance(&seed) % 2 == 0 ? UINT64_MAX - 3000 : chance(&seed) % 1000;
            struct range range = {pool, begin, begin + length, round % 5 == 0 ? 0 : chance(&seed) % (length + 10)};
            run_where(pool, round % 4 == 0, sums_up, &range);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void *sums_up_outside(void *arg) {
    for (size_t round = 0; round < rounds(2, 100, 2000); round++) sums_up(arg);
    return NULL;
}

static void eight_outside_threads_and_sixteen_tasks_reduce_at_once(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct range range = {pool_of(worker_counts[i]), 5, 2000, 10};
        for (int task = 0; task < 16; task++) assert_status(tp_submit(range.pool, sums_up, &range), TP_OK);
        run_outside(8, sums_up_outside, &range);
        assert_status(tp_wait(range.pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(range.pool), TP_OK);
    }
}

// What an accumulator has got, where a range is too long to add each index.
struct cover {
    uint64_t grain;
    uint64_t items;
    uint64_t lo;
    uint64_t hi;
};

static void covers(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    struct cover *cover = (struct cover *)acc;
    const struct cover *whole = (const struct cover *)ctx;
    must(lo < hi);
    must(whole->grain == 0 || hi - lo <= whole->grain);
    // One accumulator may be given several pieces, but only such as follow each other.
    must(cover->items == 0 || cover->hi == lo);
    if (cover->items == 0) cover->lo = lo;
    cover->hi = hi;
    cover->items += hi - lo;
}

static void covers_both(void *left, const void *right, void *ctx) {
    struct cover *cover = (struct cover *)left;
    const struct cover *next = (const struct cover *)right;
    (void)ctx;
    if (next->items == 0) return;
    must(cover->items == 0 || cover->hi == next->lo);
    if (cover->items == 0) cover->lo = next->lo;
    cover->hi = next->hi;
    cover->items += next->items;
}

static void pieces_and_their_results_follow_each_other_in_the_longest_ranges_too(void **state) {
    (void)state;
    const uint64_t ranges[][2] = {
        {0, UINT64_MAX}, {1, UINT64_MAX}, {UINT64_MAX - 1, UINT64_MAX}, {0, UINT64_C(1) << 63}, {7, UINT64_C(1) << 33},
        {0, 1000},       {3, 4}};
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t range = 0; range < sizeof ranges / sizeof *ranges; range++) {
            uint64_t begin = ranges[range][0];
            uint64_t end = ranges[range][1];
            const uint64_t grains[] = {0, (end - begin) / 1000 + 1, (end - begin) / 3 + 1, end - begin, UINT64_MAX};
            for (size_t grain = 0; grain < sizeof grains / sizeof *grains; grain++) {
                struct cover whole = {grains[grain], 0, 0, 0};
                struct cover none = {0, 0, 0, 0};
                struct cover result = {0, 0, 0, 0};
                assert_status(tp_parallel_reduce(pool, begin, end, grains[grain], sizeof none, &none, covers,
                                                 covers_both, &whole, &result),
                              TP_OK);
                assert_true(result.items == end - begin);
                assert_true(result.lo == begin);
                assert_true(result.hi == end);
            }
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- Order -------------------------------------------------------------------------------------------------

// x -> a * x + b over the numbers that wrap around: which comes first makes a difference.
struct affine {
    uint64_t a;
    uint64_t b;
};

static struct affine affine_of(uint64_t i) {
    uint64_t seed = i;
    uint64_t a = chance(&seed) | 1;
    return (struct affine){a, chance(&seed)};
}

static struct affine follow(struct affine first, struct affine then) {
    return (struct affine){then.a * first.a, then.a * first.b + then.b};
}

static void follows_each(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    (void)ctx;
    for (uint64_t i = lo; i < hi; i++) *(struct affine *)acc = follow(*(struct affine *)acc, affine_of(i));
}

static void follows_left(void *left, const void *right, void *ctx) {
    (void)ctx;
    *(struct affine *)left = follow(*(struct affine *)left, *(const struct affine *)right);
}

static void what_does_not_commute_is_combined_in_order(void **state) {
    (void)state;
    uint64_t seed = 4;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(20, 1000, 20000); round++) {
            uint64_t n = chance(&seed) % 2000;
            uint64_t grain = round % 3 == 0 ? 0 : 1 + chance(&seed) % 100;
            const struct affine identity = {1, 0};
            struct affine wanted = identity;
            struct affine result = {0, 0};
            follows_each(0, n, &wanted, NULL);
            assert_status(tp_parallel_reduce(pool, 0, n, grain, sizeof identity, &identity, follows_each, follows_left,
                                             NULL, &result),
                          TP_OK);
            assert_memory_equal(&result, &wanted, sizeof wanted);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// A text that grows; what is joined on the right is given up, as C programs do that own memory.
struct text {
    char *bytes;
    size_t length;
};

static void append(struct text *text, const char *bytes, size_t length) {
    text->bytes = (char *)realloc(text->bytes, text->length + length + 1);
    must(text->bytes != NULL);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

static void writes_numbers(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    (void)ctx;
    for (uint64_t i = lo; i < hi; i++) {
        char number[32];
        int length = snprintf(number, sizeof number, "%llu,", (unsigned long long)i);
        append((struct text *)acc, number, (size_t)length);
    }
}

static void appends_and_frees(void *left, const void *right, void *ctx) {
    const struct text *text = (const struct text *)right;
    (void)ctx;
    append((struct text *)left, text->bytes == NULL ? "" : text->bytes, text->length);
    free(text->bytes);
}

static void texts_are_joined_in_order_and_nothing_is_combined_twice_or_lost(void **state) {
    (void)state;
    const struct text none = {NULL, 0};
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (uint64_t n = 0; n < rounds(20, 300, 3000); n++) {
            struct text wanted = none;
            struct text result = none;
            writes_numbers(0, n, &wanted, NULL);
            assert_status(tp_parallel_reduce(pool, 0, n, n % 7, sizeof none, &none, writes_numbers, appends_and_frees,
                                             NULL, &result),
                          TP_OK);
            assert_int_equal(result.length, wanted.length);
            if (n > 0) assert_string_equal(result.bytes, wanted.bytes);
            free(result.bytes);
            free(wanted.bytes);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- The same to the last bit ------------------------------------------------------------------------------

// Of sizes so different that each order of adding gives another sum.
static double summand(uint64_t i) {
    uint64_t seed = i;
    double mantissa = (double)(chance(&seed) >> 11) / 9007199254740992.0 - 0.5;
    return ldexp(mantissa, (int)(chance(&seed) % 60));
}

static void adds_summands(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    (void)ctx;
    for (uint64_t i = lo; i < hi; i++) {
        if (i % 64 == 0) sched_yield();
        *(double *)acc += summand(i);
    }
}

static void adds_double(void *left, const void *right, void *ctx) {
    (void)ctx;
    *(double *)left += *(const double *)right;
}

// What the test below stands on.
static bool order_matters(void) {
    double forwards = 0;
    double backwards = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        forwards += summand(i);
        backwards += summand(999 - i);
    }
    return memcmp(&forwards, &backwards, sizeof forwards) != 0;
}

static double float_sum(tp_pool *pool, uint64_t n, uint64_t grain) {
    double zero = 0;
    double result = 0;
    must_status(tp_parallel_reduce(pool, 0, n, grain, sizeof zero, &zero, adds_summands, adds_double, NULL, &result),
                TP_OK);
    return result;
}

struct float_job {
    tp_pool *pool;
    uint64_t n;
    uint64_t grain;
    double wanted;
};

static void sums_floats_to_the_bit(void *arg) {
    struct float_job *job = (struct float_job *)arg;
    double result = float_sum(job->pool, job->n, job->grain);
    must(memcmp(&result, &job->wanted, sizeof result) == 0);
}

static void *sums_floats_outside(void *arg) {
    sums_floats_to_the_bit(arg);
    return NULL;
}

static void a_sum_of_floats_is_the_same_to_the_bit_on_any_number_of_threads_and_in_each_run(void **state) {
    (void)state;
    const uint64_t lengths[] = {1, 2, 63, 1000, 4099, 20011};
    const uint64_t grains[] = {0, 1, 7, 64, 1000};
    tp_pool *pools[MANY_COUNTS];
    assert_true(order_matters());
    for (int i = 0; i < MANY_COUNTS; i++) pools[i] = pool_of(many_counts[i]);
    for (size_t length = 0; length < rounds(4, 6, 6); length++) {
        for (size_t grain = 0; grain < sizeof grains / sizeof *grains; grain++) {
            struct float_job job = {pools[0], lengths[length], grains[grain], 0};
            job.wanted = float_sum(pools[0], job.n, job.grain);
            for (int i = 0; i < MANY_COUNTS; i++) {
                job.pool = pools[i];
                for (size_t round = 0; round < rounds(1, 2, 20); round++) {
                    sums_floats_to_the_bit(&job);
                    run_inside(job.pool, sums_floats_to_the_bit, &job);
                }
                // Where the others take the threads away.
                if (length % 2 == 1) run_outside(4, sums_floats_outside, &job);
            }
        }
    }
    for (int i = 0; i < MANY_COUNTS; i++) assert_status(tp_destroy(pools[i]), TP_OK);
}

static void a_paused_a_resized_and_a_full_pool_give_the_same_bits(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_full_at(1, TP_FULL_FAIL);
    struct float_job job = {pool, 3001, 0, float_sum(pool, 3001, 0)};
    assert_status(tp_pause(pool), TP_OK);
    sums_floats_to_the_bit(&job);
    assert_status(tp_resume(pool), TP_OK);
    occupy(pool, &gate, 1);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    sums_floats_to_the_bit(&job);
    gate_open(&gate);
    for (uint32_t threads = 1; threads < 6; threads++) {
        assert_status(tp_resize(pool, threads), TP_OK);
        sums_floats_to_the_bit(&job);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Accumulators ------------------------------------------------------------------------------------------

// As large as a table that a C program counts into.
struct histogram {
    uint64_t counts[10000];
};

static void counts_values(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    struct histogram *histogram = (struct histogram *)acc;
    (void)ctx;
    must((uintptr_t)acc % _Alignof(max_align_t) == 0);
    for (uint64_t i = lo; i < hi; i++) histogram->counts[i * i % 10000]++;
}

static void adds_histogram(void *left, const void *right, void *ctx) {
    (void)ctx;
    must((uintptr_t)right % _Alignof(max_align_t) == 0);
    for (int i = 0; i < 10000; i++) {
        ((struct histogram *)left)->counts[i] += ((const struct histogram *)right)->counts[i];
    }
}

static void accumulators_may_be_large(void **state) {
    (void)state;
    struct histogram *zero = (struct histogram *)calloc(1, sizeof *zero);
    struct histogram *wanted = (struct histogram *)calloc(1, sizeof *wanted);
    struct histogram *result = (struct histogram *)malloc(sizeof *result);
    for (uint64_t i = 0; i < 5000; i++) wanted->counts[i * i % 10000]++;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (uint64_t grain = 0; grain < 5000; grain = grain == 0 ? 50 : grain * 10) {
            memset(result, 0x5a, sizeof *result);
            assert_status(tp_parallel_reduce(pool, 0, 5000, grain, sizeof *zero, zero, counts_values, adds_histogram,
                                             NULL, result),
                          TP_OK);
            assert_memory_equal(result, wanted, sizeof *wanted);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
    free(result);
    free(wanted);
    free(zero);
}

// Of each size, with what is behind the result left alone.
struct bytes {
    size_t size;
};

static void adds_to_each_byte(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    const struct bytes *bytes = (const struct bytes *)ctx;
    for (size_t i = 0; i < bytes->size; i++) ((uint8_t *)acc)[i] = (uint8_t)(((uint8_t *)acc)[i] + (hi - lo) * (i + 1));
}

static void adds_each_byte(void *left, const void *right, void *ctx) {
    const struct bytes *bytes = (const struct bytes *)ctx;
    for (size_t i = 0; i < bytes->size; i++) {
        ((uint8_t *)left)[i] = (uint8_t)(((uint8_t *)left)[i] + ((const uint8_t *)right)[i]);
    }
}

static void accumulators_have_any_size_and_nothing_beside_them_is_written(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    for (size_t size = 1; size < rounds(20, 300, 2000); size++) {
        struct bytes bytes = {size};
        uint8_t *identity = (uint8_t *)calloc(size, 1);
        uint8_t *result = (uint8_t *)malloc(size + 2);
        memset(result, 0x5a, size + 2);
        assert_status(tp_parallel_reduce(pool, 0, 100, 1 + size % 9, size, identity, adds_to_each_byte, adds_each_byte,
                                         &bytes, result + 1),
                      TP_OK);
        assert_int_equal(result[0], 0x5a);
        assert_int_equal(result[size + 1], 0x5a);
        for (size_t i = 0; i < size; i++) assert_int_equal(result[1 + i], (uint8_t)(100 * (i + 1)));
        free(result);
        free(identity);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void an_empty_range_gives_the_identity(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    const uint64_t places[] = {0, 1, UINT64_MAX};
    for (int i = 0; i < 3; i++) {
        const char identity[] = "identity";
        char result[sizeof identity] = "other";
        assert_status(tp_parallel_reduce(pool, places[i], places[i], (uint64_t)i, sizeof identity, identity,
                                         must_not_fold, must_not_combine, NULL, result),
                      TP_OK);
        assert_string_equal(result, identity);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Stop --------------------------------------------------------------------------------------------------

static void adds_and_stops(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    adds_indices(lo, hi, acc, ctx);
    if (lo >= 100) tp_loop_stop();
}

static void adds_and_has_another_stopped(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    uint64_t zero = 0;
    uint64_t result = 77;
    must_status(
        tp_parallel_reduce((tp_pool *)ctx, 100, 1000, 1, sizeof zero, &zero, adds_and_stops, adds_right, NULL, &result),
        TP_ECANCELED);
    must(result == 77);
    adds_indices(lo, hi, acc, NULL);
}

static void a_reduce_that_is_stopped_says_so_and_leaves_the_result(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(5, 200, 2000); round++) {
            uint64_t zero = 0;
            uint64_t result = 77;
            assert_status(tp_parallel_reduce(pool, 0, 1000, 1 + round % 9, sizeof zero, &zero, adds_and_stops,
                                             adds_right, NULL, &result),
                          TP_ECANCELED);
            assert_int_equal(result, 77);
            // A stop in the last piece, when all the others are done.
            assert_status(
                tp_parallel_reduce(pool, 0, 101, 1, sizeof zero, &zero, adds_and_stops, adds_right, NULL, &result),
                TP_ECANCELED);
            assert_int_equal(result, 77);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_stop_is_the_innermost_reduces(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(2, 50, 500); round++) {
            uint64_t zero = 0;
            uint64_t result = 77;
            assert_status(tp_parallel_reduce(pool, 0, 100, 1, sizeof zero, &zero, adds_and_has_another_stopped,
                                             adds_right, pool, &result),
                          TP_OK);
            assert_int_equal(result, 4950);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- Threads -----------------------------------------------------------------------------------------------

static void meets_another(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    adds_indices(lo, hi, acc, NULL);
    meet((struct tally *)ctx, 2);
}

static void two_pieces_run_at_once(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(10, 300, 5000); round++) {
            struct tally tally = TALLY_INIT;
            uint64_t zero = 0;
            uint64_t result = 77;
            assert_status(
                tp_parallel_reduce(pool, 10, 12, 1, sizeof zero, &zero, meets_another, adds_right, &tally, &result),
                TP_OK);
            assert_int_equal(result, 21);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

struct place {
    tp_pool *pool;
    _Atomic uint64_t folds;
};

static void looks_around(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    struct place *place = (struct place *)ctx;
    must(tp_current() == place->pool);
    must(tp_loop_slot() < tp_slot_count(place->pool));
    cannot_wait_for(place->pool);
    atomic_fetch_add(&place->folds, 1);
    adds_indices(lo, hi, acc, NULL);
}

static void a_fold_counts_as_a_task_of_the_pool(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct place place = {pool_of(worker_counts[i]), 0};
        uint64_t zero = 0;
        uint64_t result = 77;
        assert_status(
            tp_parallel_reduce(place.pool, 0, 50, 1, sizeof zero, &zero, looks_around, adds_right, &place, &result),
            TP_OK);
        assert_int_equal(result, 1225);
        assert_int_equal(place.folds, 50);
        assert_status(tp_destroy(place.pool), TP_OK);
    }
}

static void sums_what_loops_sum(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    for (uint64_t i = lo; i < hi; i++) {
        uint64_t zero = 0;
        uint64_t result = 77;
        must_status(
            tp_parallel_reduce((tp_pool *)ctx, 0, i, 3, sizeof zero, &zero, adds_indices, adds_right, NULL, &result),
            TP_OK);
        must(result == (i == 0 ? 0 : i * (i - 1) / 2));
        *(uint64_t *)acc += result;
    }
}

static void reduces_nest(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(1, 30, 500); round++) {
            uint64_t zero = 0;
            uint64_t result = 77;
            assert_status(
                tp_parallel_reduce(pool, 0, 60, 2, sizeof zero, &zero, sums_what_loops_sum, adds_right, pool, &result),
                TP_OK);
            assert_int_equal(result, 60 * 59 * 58 / 6);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- The end of a pool -------------------------------------------------------------------------------------

struct ending {
    struct range range;
    struct tally begun;
    struct tally told;
};

static void sums_up_at_the_end(void *arg) {
    struct ending *ending = (struct ending *)arg;
    tally_add(&ending->begun);
    must(tally_reaches(&ending->told, 1));
    sums_up(&ending->range);
}

static void at_the_end_outside_callers_are_refused_and_a_tasks_reduce_runs(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (size_t i = 0; i < 2; i++) {
        struct ending ending = {{pool_of(2), 0, 1000, 7}, TALLY_INIT, TALLY_INIT};
        uint64_t zero = 0;
        uint64_t result = 77;
        assert_status(tp_submit(ending.range.pool, sums_up_at_the_end, &ending), TP_OK);
        assert_true(tally_reaches(&ending.begun, 1));
        assert_status(tp_shutdown(ending.range.pool, modes[i], 0), TP_ETIMEDOUT);
        assert_status(tp_parallel_reduce(ending.range.pool, 0, 10, 1, sizeof zero, &zero, must_not_fold,
                                         must_not_combine, NULL, &result),
                      TP_ESHUTDOWN);
        assert_int_equal(result, 77);
        tally_add(&ending.told);
        assert_status(tp_destroy(ending.range.pool), TP_OK);
    }
}

static void values_too_large_for_memory_say_so_unless_the_pool_is_at_its_end(void **state) {
    (void)state;
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1000, SIZE_MAX / 2, SIZE_MAX / 200};
    tp_pool *pool = pool_of(2);
    uint64_t zero = 0;
    uint64_t result = 77;
    for (int end = 0; end < 2; end++) {
        for (int i = 0; i < 4; i++) {
            assert_status(
                tp_parallel_reduce(pool, 0, 1000, 1, sizes[i], &zero, must_not_fold, must_not_combine, NULL, &result),
                end ? TP_ESHUTDOWN : TP_ENOMEM);
        }
        assert_status(tp_shutdown(pool, TP_DRAIN, LIMIT_NS), TP_OK);
    }
    assert_int_equal(result, 77);
    assert_status(tp_destroy(pool), TP_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_right_for_any_range_and_grain),
        cmocka_unit_test(eight_outside_threads_and_sixteen_tasks_reduce_at_once),
        cmocka_unit_test(pieces_and_their_results_follow_each_other_in_the_longest_ranges_too),
        cmocka_unit_test(what_does_not_commute_is_combined_in_order),
        cmocka_unit_test(texts_are_joined_in_order_and_nothing_is_combined_twice_or_lost),
        cmocka_unit_test(a_sum_of_floats_is_the_same_to_the_bit_on_any_number_of_threads_and_in_each_run),
        cmocka_unit_test(a_paused_a_resized_and_a_full_pool_give_the_same_bits),
        cmocka_unit_test(accumulators_may_be_large),
        cmocka_unit_test(accumulators_have_any_size_and_nothing_beside_them_is_written),
        cmocka_unit_test(an_empty_range_gives_the_identity),
        cmocka_unit_test(a_reduce_that_is_stopped_says_so_and_leaves_the_result),
        cmocka_unit_test(a_stop_is_the_innermost_reduces),
        cmocka_unit_test(two_pieces_run_at_once),
        cmocka_unit_test(a_fold_counts_as_a_task_of_the_pool),
        cmocka_unit_test(reduces_nest),
        cmocka_unit_test(values_too_large_for_memory_say_so_unless_the_pool_is_at_its_end),
        cmocka_unit_test(at_the_end_outside_callers_are_refused_and_a_tasks_reduce_runs),
    };
    return run_file(tests);
}
