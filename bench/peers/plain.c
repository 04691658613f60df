// No pool. Forks are the calls of a twin library: each of as many threads as there are workers computes the whole, and
// none knows of another. Sorts are qsort, on one thread.
#include "../peer.h"
#include "../twin.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 64

static struct twin *pool = (struct twin *)&pool; // never looked into
static unsigned threads;

static void must(int holds) {
    if (holds) return;
    fprintf(stderr, "plain threads failed\n");
    abort();
}

#define INVOKE(a, arg_a, b, arg_b) must(twin_invoke(pool, a, arg_a, b, arg_b) == 0)
#include "../fib.h"

const char *peer_lacks(enum ability ability, unsigned workers) {
    switch (ability) {
    case PEER_FIB:
    case PEER_FIB_LONG: return workers > THREADS_MAX ? "has no more than 64 threads" : NULL;
    case PEER_SORT:
    case PEER_SORT_BY: return NULL;
    case PEER_IN_ORDER: return "qsort does not promise it";
    default: return "is no pool";
    }
}

void peer_with_pool(unsigned workers, task_fn body, void *arg) {
    (void)workers;
    body(arg);
}

void peer_submit(task_fn run, void *arg) { run(arg); }

void peer_spawn(task_fn run, void *arg) { run(arg); }

void peer_with_crew(unsigned workers, task_fn body, void *arg) {
    threads = workers;
    body(arg);
}

unsigned peer_copies(unsigned workers) { return workers; }

static void *compute(void *call) {
    fib(call);
    return NULL;
}

unsigned long peer_fib(unsigned n) {
    pthread_t others[THREADS_MAX];
    struct fib calls[THREADS_MAX];
    for (unsigned i = 0; i < threads; i++) calls[i] = (struct fib){n, 0};
    for (unsigned i = 1; i < threads; i++) must(pthread_create(&others[i], NULL, compute, &calls[i]) == 0);
    fib(&calls[0]);
    for (unsigned i = 1; i < threads; i++) {
        pthread_join(others[i], NULL);
        must(calls[i].value == calls[0].value);
    }
    return calls[0].value;
}

static int by_number(const void *x, const void *y) {
    int32_t a = *(const int32_t *)x, b = *(const int32_t *)y;
    return (a > b) - (a < b);
}

void peer_sort(int32_t *base, size_t n) { qsort(base, n, sizeof *base, by_number); }

static int by_key(const void *x, const void *y) {
    uint64_t a = ((const struct record *)x)->key, b = ((const struct record *)y)->key;
    return (a > b) - (a < b);
}

void peer_sort_records(struct record *base, size_t n, bool in_order) {
    (void)in_order;
    qsort(base, n, sizeof *base, by_key);
}

void peer_sort_by(void *base, size_t n, size_t size, compare_fn compare, bool in_order) {
    (void)in_order;
    qsort_r(base, n, size, compare, NULL);
}
