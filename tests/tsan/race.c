// A program that is compiled with ThreadSanitizer, and uses an ordinary libtp.so: it has the race that its argument names,
// which must be found although the library's own steps order so much.

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tp.h>

#define ok(call) ((call) == TP_OK ? (void)0 : abort())

static tp_pool *pool;
static volatile uint64_t number;

// Two that meet here are on two threads, and this orders nothing.
static atomic_uint here;

static void meet(void) {
    atomic_fetch_add_explicit(&here, 1, memory_order_relaxed);
    while (atomic_load_explicit(&here, memory_order_relaxed) < 2) continue;
}

static void meets_and_adds(void *unused) {
    (void)unused;
    meet();
    // More than once: what two do in the very same moment may be missed.
    for (int i = 0; i < 1000; i++) number++;
}

static void *gives(void *unused) {
    meets_and_adds(unused);
    return NULL;
}

static void body(uint64_t lo, uint64_t hi, void *ctx) {
    for (uint64_t i = lo; i < hi; i++) meets_and_adds(ctx);
}

static void member(uint32_t rank, uint32_t n, void *ctx) {
    (void)rank, (void)n;
    meets_and_adds(ctx);
}

// A sort may be over before another thread has come; some way down there is work for one.
static int counts(const void *a, const void *b, void *unused) {
    static _Thread_local uint64_t compared;
    (void)unused;
    if (++compared == 1) atomic_fetch_add_explicit(&here, 1, memory_order_relaxed);
    while (compared == 200000 && atomic_load_explicit(&here, memory_order_relaxed) < 2) continue;
    number++;
    return *(const int *)a - *(const int *)b;
}

static void races(const char *what) {
    if (strcmp(what, "submit") == 0) {
        ok(tp_submit(pool, meets_and_adds, NULL));
        meets_and_adds(NULL);
    } else if (strcmp(what, "tasks") == 0) {
        for (int i = 0; i < 2; i++) ok(tp_submit(pool, meets_and_adds, NULL));
    } else if (strcmp(what, "future") == 0) {
        tp_future *future;
        ok(tp_async(pool, gives, NULL, &future));
        meets_and_adds(NULL);
        ok(tp_future_wait(future, TP_FOREVER, NULL));
        tp_future_release(future);
    } else if (strcmp(what, "group") == 0) {
        tp_group *group;
        ok(tp_group_create(pool, NULL, &group));
        for (int i = 0; i < 2; i++) ok(tp_group_submit(group, meets_and_adds, NULL));
        ok(tp_group_wait(group, TP_FOREVER));
        ok(tp_group_destroy(group));
    } else if (strcmp(what, "invoke") == 0) {
        ok(tp_parallel_invoke(pool, meets_and_adds, NULL, meets_and_adds, NULL));
    } else if (strcmp(what, "loop") == 0) {
        ok(tp_parallel_for(pool, 0, 2, 1, body, NULL));
    } else if (strcmp(what, "gang") == 0) {
        ok(tp_gang(pool, 2, member, NULL));
    } else if (strcmp(what, "sort") == 0) {
        enum { N = 100000 };
        static int items[N];
        for (int i = 0; i < N; i++) items[i] = (int)(i * 7919L % N);
        ok(tp_parallel_sort(pool, items, N, sizeof *items, counts, NULL));
    } else {
        abort();
    }
}

int main(int argc, char **argv) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 2;
    ok(tp_create(&options, &pool));
    if (argc == 2) races(argv[1]);
    ok(tp_wait(pool, TP_FOREVER));
    ok(tp_destroy(pool));
    return 0;
}
