// mixed: outside threads and tasks that loop, fork, reduce, sort, have gangs and wait, all at once and on one pool; and
// each result is right.
//
// `tp_test_c_mixed --seconds N` goes on for that long, on pools of 1 to 4 workers in turn: ten minutes find what a few
// rounds do not.

#include "support.h"

#include <stdatomic.h>

enum { OUTSIDE = 8, TASKS = 16 };

struct mix {
    tp_pool *pool;
    size_t rounds;
    _Atomic uint64_t seeds;
    _Atomic uint64_t ended;
};

static uint64_t sum_below(uint64_t n) { return n == 0 ? 0 : n % 2 == 0 ? n / 2 * (n - 1) : (n - 1) / 2 * n; }

// ---- What each of them does --------------------------------------------------------------------------------

struct sum {
    tp_pool *pool;
    _Atomic uint64_t sum;
    struct tally met;
};

static void adds_indices(uint64_t lo, uint64_t hi, void *ctx) {
    struct sum *sum = (struct sum *)ctx;
    uint64_t here = 0;
    for (uint64_t i = lo; i < hi; i++) here += i;
    atomic_fetch_add(&sum->sum, here);
}

static void loops(tp_pool *pool, uint64_t *seed) {
    struct sum sum = {pool, 0, TALLY_INIT};
    uint64_t n = chance(seed) % 3000;
    must_status(tp_parallel_for(pool, 0, n, chance(seed) % 50, adds_indices, &sum), TP_OK);
    must(sum.sum == sum_below(n));
}

static void loops_inside(uint64_t lo, uint64_t hi, void *ctx) {
    struct sum *sum = (struct sum *)ctx;
    for (uint64_t i = lo; i < hi; i++) {
        struct sum inner = {sum->pool, 0, TALLY_INIT};
        must_status(tp_parallel_for(sum->pool, 0, i, 3, adds_indices, &inner), TP_OK);
        must(inner.sum == sum_below(i));
        atomic_fetch_add(&sum->sum, 1);
    }
}

static void loops_in_loops(tp_pool *pool, uint64_t *seed) {
    struct sum sum = {pool, 0, TALLY_INIT};
    uint64_t n = chance(seed) % 40;
    must_status(tp_parallel_for(pool, 0, n, 1, loops_inside, &sum), TP_OK);
    must(sum.sum == n);
}

static void stops_behind_a_hundred(uint64_t lo, uint64_t hi, void *ctx) {
    adds_indices(lo, hi, ctx);
    if (hi > 100) tp_loop_stop();
}

static void loops_and_stops(tp_pool *pool, uint64_t *seed) {
    struct sum sum = {pool, 0, TALLY_INIT};
    must_status(tp_parallel_for(pool, 0, 101 + chance(seed), 1 + chance(seed) % 7, stops_behind_a_hundred, &sum),
                TP_ECANCELED);
}

static void folds_in_order(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    (void)ctx;
    for (uint64_t i = lo; i < hi; i++) *(uint64_t *)acc = *(uint64_t *)acc * 3 + i;
}

// Powers of three beside the number, so that two halves can be put together.
struct digits {
    uint64_t number;
    uint64_t weight;
};

static void folds_digits(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    struct digits *digits = (struct digits *)acc;
    folds_in_order(lo, hi, &digits->number, ctx);
    for (uint64_t i = lo; i < hi; i++) digits->weight *= 3;
}

static void joins_digits(void *left, const void *right, void *ctx) {
    struct digits *a = (struct digits *)left;
    const struct digits *b = (const struct digits *)right;
    (void)ctx;
    a->number = a->number * b->weight + b->number;
    a->weight *= b->weight;
}

static void reduces(tp_pool *pool, uint64_t *seed) {
    const struct digits none = {0, 1};
    struct digits result = {77, 77};
    uint64_t n = chance(seed) % 1000;
    uint64_t wanted = 0;
    must_status(tp_parallel_reduce(pool, 0, n, chance(seed) % 30, sizeof none, &none, folds_digits, joins_digits, NULL,
                                   &result),
                TP_OK);
    folds_in_order(0, n, &wanted, NULL);
    must(result.number == wanted);
}

struct record {
    uint32_t key;
    uint32_t at;
};

static int compare_keys(const void *x, const void *y, void *ctx) {
    uint32_t a = ((const struct record *)x)->key;
    uint32_t b = ((const struct record *)y)->key;
    must(ctx != NULL);
    return a < b ? -1 : a > b;
}

static void sorts(tp_pool *pool, uint64_t *seed) {
    size_t n = chance(seed) % 3000;
    uint64_t keys = 0;
    uint64_t places = 0;
    uint64_t kind = chance(seed) % 3;
    struct record *records = (struct record *)malloc((n + 1) * sizeof *records);
    for (size_t i = 0; i < n; i++) {
        records[i] = (struct record){(uint32_t)(chance(seed) % 500), (uint32_t)i};
        keys += records[i].key;
    }
    tp_status status = kind == 0   ? tp_parallel_sort(pool, records, n, sizeof *records, compare_keys, pool)
                       : kind == 1 ? tp_parallel_stable_sort(pool, records, n, sizeof *records, compare_keys, pool)
                                   : tp_parallel_sort_keys(pool, records, n, sizeof *records, 0, TP_KEY_U32);
    must(status == TP_OK);
    for (size_t i = 0; i < n; i++) {
        keys -= records[i].key;
        places += records[i].at;
        if (i == 0) continue;
        must(records[i - 1].key <= records[i].key);
        must(kind == 0 || records[i - 1].key < records[i].key || records[i - 1].at < records[i].at);
    }
    must(keys == 0);
    must(places == sum_below(n));
    free(records);
}

struct fib {
    tp_pool *pool;
    uint32_t n;
    uint64_t result;
};

static void adds_up(void *arg) {
    struct fib *fib = (struct fib *)arg;
    struct fib a = {fib->pool, fib->n - 1, 0};
    struct fib b = {fib->pool, fib->n - 2, 0};
    fib->result = fib->n;
    if (fib->n < 2) return;
    must_status(tp_parallel_invoke(fib->pool, adds_up, &a, adds_up, &b), TP_OK);
    fib->result = a.result + b.result;
}

static void forks(tp_pool *pool, uint64_t *seed) {
    (void)seed;
    struct fib fib = {pool, 12, 0};
    adds_up(&fib);
    must(fib.result == 144);
}

static void meets_the_others(uint32_t rank, uint32_t n, void *ctx) {
    struct sum *sum = (struct sum *)ctx;
    atomic_fetch_add(&sum->sum, rank);
    for (uint64_t phase = 1; phase <= 3; phase++) meet(&sum->met, phase * n);
    must(sum->sum == sum_below(n));
}

static void has_a_gang(tp_pool *pool, uint64_t *seed) {
    struct sum sum = {pool, 0, TALLY_INIT};
    must_status(tp_gang(pool, 1 + (uint32_t)(chance(seed) % 3), meets_the_others, &sum), TP_OK);
}

static void adds_one(void *sum) { atomic_fetch_add(&((struct sum *)sum)->sum, 1); }

static void *adds_async(void *sum) {
    adds_one(sum);
    return sum;
}

static void waits(tp_pool *pool, uint64_t *seed) {
    struct sum sum = {pool, 0, TALLY_INIT};
    uint64_t n = chance(seed) % 20;
    tp_group *group = group_of(pool, NULL);
    for (uint64_t i = 0; i < n; i++) must_status(tp_group_submit(group, adds_one, &sum), TP_OK);
    tp_future *future = future_of(pool, adds_async, &sum);
    must(value_of(future) == &sum);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    must(sum.sum == n + 1);
    tp_future_release(future);
    must_status(tp_group_destroy(group), TP_OK);
}

// ---- All at once -------------------------------------------------------------------------------------------

static void does_one_or_the_other(struct mix *mix, uint64_t *seed) {
    static void (*const kinds[])(tp_pool *, uint64_t *) = {loops, loops_in_loops, loops_and_stops, reduces,
                                                           sorts, forks,          has_a_gang,      waits};
    kinds[chance(seed) % (sizeof kinds / sizeof *kinds)](mix->pool, seed);
    atomic_fetch_add(&mix->ended, 1);
}

static void does_five_in_a_task(void *arg) {
    struct mix *mix = (struct mix *)arg;
    uint64_t seed = atomic_fetch_add(&mix->seeds, 1);
    for (int i = 0; i < 5; i++) does_one_or_the_other(mix, &seed);
}

static void *does_many_outside(void *arg) {
    struct mix *mix = (struct mix *)arg;
    uint64_t seed = atomic_fetch_add(&mix->seeds, 1);
    for (size_t round = 0; round < mix->rounds; round++) does_one_or_the_other(mix, &seed);
    must(tp_current() == NULL);
    must(tp_loop_slot() == 0);
    return NULL;
}

static void mix_all(uint32_t workers, size_t n, uint64_t seed) {
    pthread_t threads[OUTSIDE];
    struct mix mix = {pool_of(workers), 5 * n, seed, 0};
    for (int i = 0; i < OUTSIDE; i++) threads[i] = start_thread(does_many_outside, &mix);
    for (size_t round = 0; round < n; round++) {
        for (int i = 0; i < TASKS; i++) must_status(tp_submit(mix.pool, does_five_in_a_task, &mix), TP_OK);
        must_status(tp_wait(mix.pool, LIMIT_NS), TP_OK);
    }
    for (int i = 0; i < OUTSIDE; i++) join_thread(threads[i]);
    must(mix.ended == 5 * n * (TASKS + OUTSIDE));
    must_status(tp_destroy(mix.pool), TP_OK);
}

static void outside_threads_and_tasks_do_all_kinds_of_things_at_once_and_each_result_is_right(void **state) {
    (void)state;
    for (uint32_t i = 0; i < WORKER_COUNTS; i++) mix_all(worker_counts[i], rounds(1, 100, 3000), 1000 * i);
}

static int go_on_for(const char *text) {
    char *end;
    unsigned long seconds = strtoul(text, &end, 10);
    if (end == text || *end != '\0') {
        fprintf(stderr, "--seconds %s: a number is needed\n", text);
        return 2;
    }
    uint64_t stop = now_ns() + seconds * SECOND;
    uint64_t round = 0;
    for (; now_ns() < stop; round++) mix_all(1 + (uint32_t)(round % 4), 10, 1000 * round);
    printf("%llu rounds, all right\n", (unsigned long long)round);
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outside_threads_and_tasks_do_all_kinds_of_things_at_once_and_each_result_is_right),
    };
    if (argc == 3 && strcmp(argv[1], "--seconds") == 0) return go_on_for(argv[2]);
    return run_file(tests);
}
