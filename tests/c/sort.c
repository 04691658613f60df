// sort: by a comparator, stable or not, and by keys without one. Against qsort, over records of all sizes at any
// address; with comparators that are none; and with floats of all kinds.
//
// Bad arguments are in errors.c, and in the last section here what is bad only in a sort.

#include "support.h"

#include <math.h>
#include <stdatomic.h>

// ---- Records -----------------------------------------------------------------------------------------------

// Records of `size` bytes, not aligned: a number of `width` bytes at `offset`, by which they are sorted, and all else
// by chance. What a comparator gets as its context.
struct records {
    size_t n;
    size_t size;
    size_t offset;
    size_t width;
    uint8_t *base;   // `skew` bytes behind what was allocated
    uint8_t *before; // a copy of it, from when it was filled
    size_t skew;
    uint8_t *memory;
    _Atomic uint64_t compares;
};

enum { GUARD = 64, GUARD_BYTE = 0xa5 };

static void make_records(struct records *records, size_t n, size_t size, size_t skew) {
    records->n = n;
    records->size = size;
    records->skew = skew;
    records->memory = (uint8_t *)malloc(n * size + 2 * GUARD + skew);
    records->before = (uint8_t *)malloc(n * size + 1);
    must(records->memory != NULL && records->before != NULL);
    memset(records->memory, GUARD_BYTE, n * size + 2 * GUARD + skew);
    records->base = records->memory + GUARD + skew;
    records->compares = 0;
}

// Nothing beside the records was written.
static void free_records(struct records *records) {
    size_t head = GUARD + records->skew;
    for (size_t i = 0; i < head; i++) must(records->memory[i] == GUARD_BYTE);
    for (size_t i = 0; i < GUARD; i++) must(records->memory[head + records->n * records->size + i] == GUARD_BYTE);
    free(records->memory);
    free(records->before);
}

// Fills them by chance, with keys below `keys` (0: of any size).
static void fill(struct records *records, uint64_t keys, uint64_t *seed) {
    for (size_t i = 0; i < records->n; i++) {
        uint8_t *record = records->base + i * records->size;
        for (size_t byte = 0; byte < records->size; byte++) record[byte] = (uint8_t)chance(seed);
        uint64_t key = keys == 0 ? chance(seed) : chance(seed) % keys;
        memcpy(record + records->offset, &key, records->width);
    }
    if (records->n > 0) memcpy(records->before, records->base, records->n * records->size);
}

static uint64_t number_of(const struct records *records, const void *record) {
    uint64_t number = 0;
    memcpy(&number, (const uint8_t *)record + records->offset, records->width);
    return number;
}

static int compare_numbers(const void *x, const void *y, void *ctx) {
    struct records *records = (struct records *)ctx;
    uint64_t a = number_of(records, x);
    uint64_t b = number_of(records, y);
    atomic_fetch_add_explicit(&records->compares, 1, memory_order_relaxed);
    // Any number of that sign will do.
    return a < b ? -7 : a > b ? 1000 : 0;
}

// ---- What must come out ------------------------------------------------------------------------------------

// Where a record was before, so that equal ones keep their order in qsort_r, too.
struct place {
    const struct records *records;
    size_t at;
};

static tp_compare_fn reference_compare;

static int compare_places(const void *x, const void *y, void *ctx) {
    const struct place *a = (const struct place *)x;
    const struct place *b = (const struct place *)y;
    const struct records *records = a->records;
    int order =
        reference_compare(records->before + a->at * records->size, records->before + b->at * records->size, ctx);
    return order != 0 ? order : a->at < b->at ? -1 : a->at > b->at;
}

// Sorts the copy, stably.
static void sort_copy(struct records *records, tp_compare_fn compare, void *ctx) {
    struct place *places = (struct place *)malloc((records->n + 1) * sizeof *places);
    uint8_t *sorted = (uint8_t *)malloc(records->n * records->size + 1);
    for (size_t i = 0; i < records->n; i++) places[i] = (struct place){records, i};
    reference_compare = compare;
    qsort_r(places, records->n, sizeof *places, compare_places, ctx);
    for (size_t i = 0; i < records->n; i++) {
        memcpy(sorted + i * records->size, records->before + places[i].at * records->size, records->size);
    }
    memcpy(records->before, sorted, records->n * records->size);
    free(sorted);
    free(places);
}

static int compare_bytes(const void *x, const void *y, void *ctx) { return memcmp(x, y, *(const size_t *)ctx); }

// The same records as before, in whatever order.
static bool are_the_same_records(struct records *records) {
    qsort_r(records->base, records->n, records->size, compare_bytes, &records->size);
    qsort_r(records->before, records->n, records->size, compare_bytes, &records->size);
    return memcmp(records->base, records->before, records->n * records->size) == 0;
}

static bool is_sorted(const struct records *records, tp_compare_fn compare, void *ctx) {
    for (size_t i = 1; i < records->n; i++) {
        if (compare(records->base + (i - 1) * records->size, records->base + i * records->size, ctx) > 0) return false;
    }
    return true;
}

// After a stable sort each byte is where it must be; after another, equal records may have changed places.
static void must_be_sorted(struct records *records, tp_compare_fn compare, void *ctx, bool stable) {
    if (records->n == 0) return;
    if (stable) {
        sort_copy(records, compare, ctx);
        must(memcmp(records->base, records->before, records->n * records->size) == 0);
    } else {
        must(is_sorted(records, compare, ctx));
        must(are_the_same_records(records));
    }
}

// ---- Shapes by chance --------------------------------------------------------------------------------------

// Mostly short, sometimes long enough for all threads.
static size_t length_by_chance(uint64_t *seed) {
    switch (chance(seed) % 16) {
    case 0: return chance(seed) % 3;
    case 1: return chance(seed) % 4 == 0 ? 1000 + chance(seed) % 4000 : 200 + chance(seed) % 400;
    case 2: return 256;
    default: return chance(seed) % 200;
    }
}

static uint64_t keys_by_chance(uint64_t *seed) {
    const uint64_t keys[] = {0, 1, 2, 3, 10, 256, 1000};
    return keys[chance(seed) % 7];
}

static void records_by_chance(struct records *records, uint64_t *seed, size_t width) {
    size_t size = width + chance(seed) % (65 - width);
    records->width = width;
    records->offset = chance(seed) % (size - width + 1);
    make_records(records, length_by_chance(seed), size, chance(seed) % 16);
    fill(records, keys_by_chance(seed), seed);
}

static void sorts_with_a_comparator(bool stable) {
    uint64_t seed = 5;
    tp_pool *pools[WORKER_COUNTS];
    for (int i = 0; i < WORKER_COUNTS; i++) pools[i] = pool_of(worker_counts[i]);
    for (size_t round = 0; round < rounds(100, 3400, 100000); round++) {
        struct records records;
        records_by_chance(&records, &seed, 1 + chance(&seed) % 8);
        tp_pool *pool = pools[round % WORKER_COUNTS];
        assert_status(
            stable ? tp_parallel_stable_sort(pool, records.base, records.n, records.size, compare_numbers, &records)
                   : tp_parallel_sort(pool, records.base, records.n, records.size, compare_numbers, &records),
            TP_OK);
        must_be_sorted(&records, compare_numbers, &records, stable);
        free_records(&records);
    }
    for (int i = 0; i < WORKER_COUNTS; i++) assert_status(tp_destroy(pools[i]), TP_OK);
}

static void a_sort_orders_records_of_any_size_anywhere(void **state) {
    (void)state;
    sorts_with_a_comparator(false);
}

static void a_stable_sort_keeps_equal_records_in_their_order(void **state) {
    (void)state;
    sorts_with_a_comparator(true);
}

// ---- Keys --------------------------------------------------------------------------------------------------

static const struct key_type {
    int32_t type;
    size_t width;
} key_types[] = {{TP_KEY_I32, 4}, {TP_KEY_U32, 4}, {TP_KEY_I64, 8}, {TP_KEY_U64, 8}, {TP_KEY_F32, 4}, {TP_KEY_F64, 8}};
enum { KEY_TYPES = 6 };

// A number that has the order of the key: of floats the total order of IEEE 754, from negative NaNs to positive ones.
static uint64_t rank_of(uint64_t bits, int32_t type) {
    uint64_t sign32 = UINT64_C(1) << 31;
    uint64_t sign64 = UINT64_C(1) << 63;
    if (type == TP_KEY_I32) return bits ^ sign32;
    if (type == TP_KEY_I64) return bits ^ sign64;
    if (type == TP_KEY_F32) return (bits & sign32) != 0 ? ~bits & UINT32_MAX : bits | sign32;
    if (type == TP_KEY_F64) return (bits & sign64) != 0 ? ~bits : bits | sign64;
    return bits;
}

struct keyed {
    struct records *records;
    int32_t type;
};

static int compare_keys(const void *x, const void *y, void *ctx) {
    const struct keyed *keyed = (const struct keyed *)ctx;
    uint64_t a = rank_of(number_of(keyed->records, x), keyed->type);
    uint64_t b = rank_of(number_of(keyed->records, y), keyed->type);
    return a < b ? -1 : a > b;
}

static void keys_of_every_type_are_sorted_stably_at_any_offset_in_records_of_any_size(void **state) {
    (void)state;
    uint64_t seed = 6;
    tp_pool *pools[WORKER_COUNTS];
    for (int i = 0; i < WORKER_COUNTS; i++) pools[i] = pool_of(worker_counts[i]);
    for (size_t round = 0; round < rounds(100, 3400, 100000); round++) {
        const struct key_type *type = &key_types[round % KEY_TYPES];
        struct records records;
        struct keyed keyed = {&records, type->type};
        records_by_chance(&records, &seed, type->width);
        assert_status(tp_parallel_sort_keys(pools[chance(&seed) % WORKER_COUNTS], records.base, records.n, records.size,
                                            records.offset, type->type),
                      TP_OK);
        must_be_sorted(&records, compare_keys, &keyed, true);
        free_records(&records);
    }
    for (int i = 0; i < WORKER_COUNTS; i++) assert_status(tp_destroy(pools[i]), TP_OK);
}

// The bare numbers, which most callers have, and more of them.
static void sort_bare_keys(tp_pool *pool, const struct key_type *type, size_t n, uint64_t keys, uint64_t *seed) {
    struct records records;
    struct keyed keyed = {&records, type->type};
    records.offset = 0;
    records.width = type->width;
    make_records(&records, n, type->width, 0);
    fill(&records, keys, seed);
    must_status(tp_parallel_sort_keys(pool, records.base, n, records.size, 0, type->type), TP_OK);
    must_be_sorted(&records, compare_keys, &keyed, true);
    free_records(&records);
}

static void long_arrays_of_bare_keys_are_sorted(void **state) {
    (void)state;
    uint64_t seed = 7;
    const uint64_t keys[] = {0, 2, 1000, 100000};
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (int type = 0; type < KEY_TYPES; type++) {
            for (int n = 0; n < 4; n++) {
                if ((n + i) % 2 == 1 && !is_full()) continue;
                sort_bare_keys(pool, &key_types[type], rounds(2000, 50000, 1000000) + (size_t)n, keys[n], &seed);
            }
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void floats_are_sorted_by_the_total_order_of_ieee_754(void **state) {
    (void)state;
    const uint32_t wanted32[] = {0xffffffff, 0xffc00001, 0xffc00000, 0xff800001, 0xff800000, 0xff7fffff, 0xbf800000,
                                 0x80800000, 0x80000001, 0x80000000, 0x00000000, 0x00000001, 0x00800000, 0x3f800000,
                                 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fc00000, 0x7fc00001, 0x7fffffff};
    const uint64_t wanted64[] = {0xffffffffffffffff, 0xfff8000000000001, 0xfff8000000000000, 0xfff0000000000001,
                                 0xfff0000000000000, 0xffefffffffffffff, 0xbff0000000000000, 0x8010000000000000,
                                 0x8000000000000001, 0x8000000000000000, 0x0000000000000000, 0x0000000000000001,
                                 0x0010000000000000, 0x3ff0000000000000, 0x7fefffffffffffff, 0x7ff0000000000000,
                                 0x7ff0000000000001, 0x7ff8000000000000, 0x7ff8000000000001, 0x7fffffffffffffff};
    enum { KINDS = sizeof wanted64 / sizeof *wanted64 };
    uint64_t seed = 8;
    tp_pool *pool = pool_of(2);
    // Short, and with so many of each that another way of sorting may be taken.
    for (size_t copies = 1; copies <= rounds(50, 2500, 50000); copies *= 50) {
        uint32_t *floats = (uint32_t *)malloc(KINDS * copies * sizeof *floats);
        uint64_t *doubles = (uint64_t *)malloc(KINDS * copies * sizeof *doubles);
        for (size_t i = 0; i < KINDS * copies; i++) {
            floats[i] = wanted32[i % KINDS];
            doubles[i] = wanted64[i % KINDS];
        }
        for (size_t i = KINDS * copies - 1; i > 0; i--) {
            size_t other = chance(&seed) % (i + 1);
            uint32_t float_bits = floats[i];
            uint64_t double_bits = doubles[i];
            floats[i] = floats[other];
            floats[other] = float_bits;
            doubles[i] = doubles[other];
            doubles[other] = double_bits;
        }
        assert_status(tp_parallel_sort_keys(pool, floats, KINDS * copies, sizeof *floats, 0, TP_KEY_F32), TP_OK);
        assert_status(tp_parallel_sort_keys(pool, doubles, KINDS * copies, sizeof *doubles, 0, TP_KEY_F64), TP_OK);
        for (size_t i = 0; i < KINDS * copies; i++) {
            assert_int_equal(floats[i], wanted32[i / copies]);
            assert_true(doubles[i] == wanted64[i / copies]);
        }
        free(doubles);
        free(floats);
    }
    // By value: what a C program sees.
    double few[] = {1, -0.0, INFINITY, -1, 0.0, -INFINITY, 1e-310, -1e300};
    const double few_sorted[] = {-INFINITY, -1e300, -1, -0.0, 0.0, 1e-310, 1, INFINITY};
    assert_status(tp_parallel_sort_keys(pool, few, 8, sizeof *few, 0, TP_KEY_F64), TP_OK);
    assert_memory_equal(few, few_sorted, sizeof few);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Patterns ----------------------------------------------------------------------------------------------

// What real arrays look like, and what some sorts are slow or wrong on.
static uint32_t pattern(int kind, size_t i, size_t n, uint64_t *seed) {
    switch (kind) {
    case 0: return (uint32_t)i;
    case 1: return (uint32_t)(n - i);
    case 2: return 7;
    case 3: return (uint32_t)(i % 17);
    case 4: return (uint32_t)(i < n / 2 ? i : n - i);
    case 5: return (uint32_t)(i + (chance(seed) % 100 == 0 ? chance(seed) % n : 0));
    case 6: return i == n - 1 ? 0 : (uint32_t)i + 1;
    case 7: return (uint32_t)(i % 2 == 0 ? i : n - i);
    case 8: return (uint32_t)(i * i);
    default: return (uint32_t)(i / 100 * 100 + 99 - i % 100);
    }
}

enum { PATTERNS = 10, SORTS = 3 };

static tp_status sort_in_one_of_three_ways(int sort, tp_pool *pool, struct records *records) {
    if (sort == 0) return tp_parallel_sort(pool, records->base, records->n, records->size, compare_numbers, records);
    if (sort == 1) {
        return tp_parallel_stable_sort(pool, records->base, records->n, records->size, compare_numbers, records);
    }
    return tp_parallel_sort_keys(pool, records->base, records->n, records->size, records->offset, TP_KEY_U32);
}

static void patterns_are_sorted_with_about_n_log_n_comparisons(void **state) {
    (void)state;
    uint64_t seed = 9;
    tp_pool *pool = pool_of(2);
    for (int kind = 0; kind < PATTERNS; kind++) {
        for (int sort = 0; sort < SORTS; sort++) {
            const size_t lengths[] = {100, 1000, rounds(2000, 30000, 500000)};
            for (int length = 0; length < 3; length++) {
                size_t n = lengths[length];
                struct records records;
                records.offset = 0;
                records.width = 4;
                make_records(&records, n, 8, 0);
                fill(&records, 0, &seed);
                for (size_t i = 0; i < n; i++) {
                    uint32_t key = pattern(kind, i, n, &seed);
                    memcpy(records.base + 8 * i, &key, sizeof key);
                }
                memcpy(records.before, records.base, 8 * n);
                assert_status(sort_in_one_of_three_ways(sort, pool, &records), TP_OK);
                // The logarithm is below 20; a square would be far above.
                assert_true(records.compares < 60 * (uint64_t)n);
                must_be_sorted(&records, compare_numbers, &records, sort != 0);
                free_records(&records);
            }
        }
    }
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Comparators that are none -----------------------------------------------------------------------------

static _Thread_local uint64_t whims;

static int is_always_greater(const void *x, const void *y, void *ctx) {
    (void)x;
    (void)y;
    (void)ctx;
    return 1;
}

static int is_always_less(const void *x, const void *y, void *ctx) {
    (void)x;
    (void)y;
    (void)ctx;
    return INT32_MIN;
}

static int is_whatever_it_likes(const void *x, const void *y, void *ctx) {
    (void)x;
    (void)y;
    (void)ctx;
    return (int)(chance(&whims) % 3) - 1;
}

// Each beats the next: no order, though the same each time it is asked.
static int is_a_ring(const void *x, const void *y, void *ctx) {
    const struct records *records = (const struct records *)ctx;
    uint64_t a = number_of(records, x) % 3;
    uint64_t b = number_of(records, y) % 3;
    return a == b ? 0 : (a + 1) % 3 == b ? -1 : 1;
}

static void comparators_that_are_no_order_end_and_lose_nothing(void **state) {
    (void)state;
    const tp_compare_fn compares[] = {is_always_greater, is_always_less, is_whatever_it_likes, is_a_ring};
    uint64_t seed = 10;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(20, 600, 10000); round++) {
            struct records records;
            records_by_chance(&records, &seed, 8);
            tp_compare_fn compare = compares[round % 4];
            assert_status(round / 4 % 2 == 0
                              ? tp_parallel_sort(pool, records.base, records.n, records.size, compare, &records)
                              : tp_parallel_stable_sort(pool, records.base, records.n, records.size, compare, &records),
                          TP_OK);
            assert_true(are_the_same_records(&records));
            free_records(&records);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- What a comparator gets --------------------------------------------------------------------------------

struct witness {
    void *ctx;
    const uint8_t *base;
    size_t bytes;
    _Atomic uint64_t calls;
};

static int compares_as_a_witness(const void *x, const void *y, void *ctx) {
    struct witness *witness = (struct witness *)ctx;
    uint32_t a;
    uint32_t b;
    must(witness->ctx == ctx);
    memcpy(&a, x, sizeof a);
    memcpy(&b, y, sizeof b);
    // What was filled in has these marks in each of its bytes.
    must((a & 0x01010101) == 0x01010101 && (b & 0x01010101) == 0x01010101);
    atomic_fetch_add_explicit(&witness->calls, 1, memory_order_relaxed);
    return a < b ? -1 : a > b;
}

static void a_comparator_gets_the_context_and_whole_records_only(void **state) {
    (void)state;
    uint64_t seed = 11;
    tp_pool *pool = pool_of(2);
    for (int stable = 0; stable < 2; stable++) {
        for (size_t n = 2; n < rounds(3000, 50000, 500000); n = n * 3 + 1) {
            uint32_t *numbers = (uint32_t *)malloc(n * sizeof *numbers);
            struct witness witness = {&witness, (const uint8_t *)numbers, n * sizeof *numbers, 0};
            for (size_t i = 0; i < n; i++) numbers[i] = (uint32_t)chance(&seed) | 0x01010101;
            assert_status(stable ? tp_parallel_stable_sort(pool, numbers, n, 4, compares_as_a_witness, &witness)
                                 : tp_parallel_sort(pool, numbers, n, 4, compares_as_a_witness, &witness),
                          TP_OK);
            assert_true(witness.calls >= n - 1);
            for (size_t i = 1; i < n; i++) assert_true(numbers[i - 1] <= numbers[i]);
            free(numbers);
        }
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static int sorts_inside(const void *x, const void *y, void *ctx) {
    uint32_t few[] = {5, 3, 9, 1};
    must_status(tp_parallel_sort_keys((tp_pool *)ctx, few, 4, sizeof *few, 0, TP_KEY_U32), TP_OK);
    must(few[0] == 1 && few[1] == 3 && few[2] == 5 && few[3] == 9);
    uint32_t a = *(const uint32_t *)x;
    uint32_t b = *(const uint32_t *)y;
    return a < b ? -1 : a > b;
}

static void a_comparator_may_sort(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        uint32_t numbers[500];
        uint64_t seed = 12;
        for (int n = 0; n < 500; n++) numbers[n] = (uint32_t)chance(&seed);
        assert_status(tp_parallel_sort(pool, numbers, 500, sizeof *numbers, sorts_inside, pool), TP_OK);
        for (int n = 1; n < 500; n++) assert_true(numbers[n - 1] <= numbers[n]);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- From where --------------------------------------------------------------------------------------------

struct job {
    tp_pool *pool;
    size_t n;
    _Atomic uint64_t seeds;
};

static void sorts_in_three_ways(void *arg) {
    struct job *job = (struct job *)arg;
    uint64_t seed = atomic_fetch_add(&job->seeds, 1);
    for (int sort = 0; sort < SORTS; sort++) {
        struct records records;
        records.offset = 4;
        records.width = 4;
        make_records(&records, job->n, 12, 0);
        fill(&records, 1000, &seed);
        must_status(sort_in_one_of_three_ways(sort, job->pool, &records), TP_OK);
        must(is_sorted(&records, compare_numbers, &records));
        must(are_the_same_records(&records));
        free_records(&records);
    }
}

static void *sorts_in_three_ways_outside(void *arg) {
    for (size_t round = 0; round < rounds(1, 10, 200); round++) sorts_in_three_ways(arg);
    return NULL;
}

static void outside_threads_and_tasks_sort_at_once(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct job job = {pool_of(worker_counts[i]), rounds(300, 3000, 30000), 0};
        for (int task = 0; task < 16; task++) assert_status(tp_submit(job.pool, sorts_in_three_ways, &job), TP_OK);
        run_outside(4, sorts_in_three_ways_outside, &job);
        assert_status(tp_wait(job.pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(job.pool), TP_OK);
    }
}

static void a_paused_and_a_full_pool_sort_on_the_caller(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct job job = {pool_full_at(1, TP_FULL_FAIL), rounds(1000, 20000, 200000), 0};
    assert_status(tp_pause(job.pool), TP_OK);
    sorts_in_three_ways(&job);
    assert_status(tp_resume(job.pool), TP_OK);
    occupy(job.pool, &gate, 1);
    assert_status(tp_submit(job.pool, nothing, NULL), TP_OK);
    sorts_in_three_ways(&job);
    gate_open(&gate);
    assert_status(tp_destroy(job.pool), TP_OK);
}

// Halfway, whoever compares waits until a second thread has compared something: what there is to share must be there to
// be taken.
struct shared {
    pthread_t first;
    uint64_t halfway;
    _Atomic uint64_t calls;
    atomic_bool is_shared;
    struct tally second;
};

static int compares_and_waits_halfway(const void *x, const void *y, void *ctx) {
    struct shared *shared = (struct shared *)ctx;
    uint64_t call = atomic_fetch_add(&shared->calls, 1);
    if (call == 0) shared->first = pthread_self();
    // Those that come second find out when the first is known.
    if (call >= shared->halfway / 2 && !shared->is_shared && !pthread_equal(shared->first, pthread_self()) &&
        !atomic_exchange(&shared->is_shared, true)) {
        tally_add(&shared->second);
    }
    if (call == shared->halfway) must(tally_reaches(&shared->second, 1));
    uint32_t a = *(const uint32_t *)x;
    uint32_t b = *(const uint32_t *)y;
    return a < b ? -1 : a > b;
}

static void a_long_sort_is_shared(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    for (int stable = 0; stable < 2; stable++) {
        enum { N = 100000 };
        uint64_t seed = 13;
        uint32_t *numbers = (uint32_t *)malloc(N * sizeof *numbers);
        // Of at least n * log2(n) * 0.9, all in all.
        struct shared shared = {pthread_self(), UINT64_C(8) * N, 0, false, TALLY_INIT};
        for (int i = 0; i < N; i++) numbers[i] = (uint32_t)chance(&seed);
        assert_status(stable ? tp_parallel_stable_sort(pool, numbers, N, 4, compares_and_waits_halfway, &shared)
                             : tp_parallel_sort(pool, numbers, N, 4, compares_and_waits_halfway, &shared),
                      TP_OK);
        assert_true(shared.calls > shared.halfway);
        for (int i = 1; i < N; i++) assert_true(numbers[i - 1] <= numbers[i]);
        free(numbers);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Bad arguments, and the end of a pool ------------------------------------------------------------------

static int must_not_compare(const void *x, const void *y, void *ctx) {
    (void)x;
    (void)y;
    (void)ctx;
    must(!"a comparator is called that may not be");
    return 0;
}

static void more_bytes_than_there_can_be_are_invalid(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    uint64_t one = 1;
    const size_t shapes[][2] = {
        {SIZE_MAX, 2}, {2, SIZE_MAX}, {SIZE_MAX, SIZE_MAX}, {SIZE_MAX / 8 + 1, 8}, {(size_t)1 << 32, (size_t)1 << 32}};
    for (int i = 0; i < 5; i++) {
        size_t n = shapes[i][0];
        size_t size = shapes[i][1];
        assert_status(tp_parallel_sort(pool, &one, n, size, must_not_compare, NULL), TP_EINVAL);
        assert_status(tp_parallel_stable_sort(pool, &one, n, size, must_not_compare, NULL), TP_EINVAL);
        if (size >= 8) assert_status(tp_parallel_sort_keys(pool, &one, n, size, 0, TP_KEY_U64), TP_EINVAL);
    }
    assert_int_equal(one, 1);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_key_that_is_not_inside_the_record_or_of_no_known_type_is_invalid(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    uint64_t records[] = {4, 3, 2, 1};
    const uint64_t before[] = {4, 3, 2, 1};
    for (int type = 0; type < KEY_TYPES; type++) {
        size_t width = key_types[type].width;
        assert_status(tp_parallel_sort_keys(pool, records, 4, 8, 8 - width + 1, key_types[type].type), TP_EINVAL);
        assert_status(tp_parallel_sort_keys(pool, records, 4, 8, 8, key_types[type].type), TP_EINVAL);
        assert_status(tp_parallel_sort_keys(pool, records, 4, 8, SIZE_MAX, key_types[type].type), TP_EINVAL);
        assert_status(tp_parallel_sort_keys(pool, records, 4, 8, SIZE_MAX - width + 1, key_types[type].type),
                      TP_EINVAL);
        assert_status(tp_parallel_sort_keys(pool, records, 4, width - 1, 0, key_types[type].type), TP_EINVAL);
    }
    int32_t most = 0;
    for (int type = 0; type < KEY_TYPES; type++) most = key_types[type].type > most ? key_types[type].type : most;
    assert_status(tp_parallel_sort_keys(pool, records, 4, 8, 0, most + 1), TP_EINVAL);
    assert_status(tp_parallel_sort_keys(pool, records, 4, 8, 0, -1), TP_EINVAL);
    assert_status(tp_parallel_sort_keys(pool, records, 4, 8, 0, INT32_MAX), TP_EINVAL);
    assert_status(tp_parallel_sort_keys(pool, records, 4, 8, 0, INT32_MIN), TP_EINVAL);
    assert_memory_equal(records, before, sizeof before);
    assert_status(tp_destroy(pool), TP_OK);
}

static void nothing_and_one_record_are_sorted_already(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    uint64_t one = 7;
    for (size_t n = 0; n < 2; n++) {
        uint64_t *base = n == 0 ? NULL : &one;
        assert_status(tp_parallel_sort(pool, base, n, 8, must_not_compare, NULL), TP_OK);
        assert_status(tp_parallel_stable_sort(pool, base, n, 8, must_not_compare, NULL), TP_OK);
        assert_status(tp_parallel_sort_keys(pool, base, n, 8, 0, TP_KEY_I64), TP_OK);
    }
    assert_int_equal(one, 7);
    assert_status(tp_destroy(pool), TP_OK);
}

struct ending {
    struct job job;
    struct tally begun;
    struct tally told;
};

static void sorts_at_the_end(void *arg) {
    struct ending *ending = (struct ending *)arg;
    tally_add(&ending->begun);
    must(tally_reaches(&ending->told, 1));
    sorts_in_three_ways(&ending->job);
}

static void at_the_end_outside_callers_are_refused_and_a_tasks_sort_runs(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (size_t i = 0; i < 2; i++) {
        struct ending ending = {{pool_of(2), rounds(500, 20000, 200000), 0}, TALLY_INIT, TALLY_INIT};
        tp_pool *pool = ending.job.pool;
        uint64_t numbers[] = {2, 1};
        assert_status(tp_submit(pool, sorts_at_the_end, &ending), TP_OK);
        assert_true(tally_reaches(&ending.begun, 1));
        assert_status(tp_shutdown(pool, modes[i], 0), TP_ETIMEDOUT);
        assert_status(tp_parallel_sort(pool, numbers, 2, 8, must_not_compare, NULL), TP_ESHUTDOWN);
        assert_status(tp_parallel_stable_sort(pool, numbers, 2, 8, must_not_compare, NULL), TP_ESHUTDOWN);
        assert_status(tp_parallel_sort_keys(pool, numbers, 2, 8, 0, TP_KEY_U64), TP_ESHUTDOWN);
        assert_int_equal(numbers[0], 2);
        tally_add(&ending.told);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sort_orders_records_of_any_size_anywhere),
        cmocka_unit_test(a_stable_sort_keeps_equal_records_in_their_order),
        cmocka_unit_test(keys_of_every_type_are_sorted_stably_at_any_offset_in_records_of_any_size),
        cmocka_unit_test(long_arrays_of_bare_keys_are_sorted),
        cmocka_unit_test(floats_are_sorted_by_the_total_order_of_ieee_754),
        cmocka_unit_test(patterns_are_sorted_with_about_n_log_n_comparisons),
        cmocka_unit_test(comparators_that_are_no_order_end_and_lose_nothing),
        cmocka_unit_test(a_comparator_gets_the_context_and_whole_records_only),
        cmocka_unit_test(a_comparator_may_sort),
        cmocka_unit_test(outside_threads_and_tasks_sort_at_once),
        cmocka_unit_test(a_paused_and_a_full_pool_sort_on_the_caller),
        cmocka_unit_test(a_long_sort_is_shared),
        cmocka_unit_test(more_bytes_than_there_can_be_are_invalid),
        cmocka_unit_test(a_key_that_is_not_inside_the_record_or_of_no_known_type_is_invalid),
        cmocka_unit_test(nothing_and_one_record_are_sorted_already),
        cmocka_unit_test(at_the_end_outside_callers_are_refused_and_a_tasks_sort_runs),
    };
    return run_file(tests);
}
