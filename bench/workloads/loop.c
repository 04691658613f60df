// Loops: a triangle, whose item i costs i; y = a x + y, which waits for the memory; and items of one size, swept over
// that size and the grain.
#include "../cell.h"
#include "../kernel.h"
#include "../spin.h"
#include "../workload.h"

#include <stdio.h>
#include <stdlib.h>

// ---- Triangle ----

struct triangle {
    uint64_t n, grain;
    unsigned long before;
};

static void spin_items(uint64_t lo, uint64_t hi, void *ctx) {
    (void)ctx;
    for (uint64_t i = lo; i < hi; i++) spin(i);
    // What 0 to hi - 1 add up to, less what 0 to lo - 1 do.
    if (hi > 0) cell_add(hi * (hi - 1) / 2 - (lo > 0 ? lo * (lo - 1) / 2 : 0));
}

static void triangle_prepare(void *arg) {
    struct triangle *triangle = arg;
    triangle->before = cells_sum();
}

static void triangle_run(void *arg) {
    const struct triangle *triangle = arg;
    over(triangle->n, triangle->grain, spin_items, NULL);
}

static void triangle_check(void *arg) {
    const struct triangle *triangle = arg;
    check_that(cells_sum() - triangle->before == triangle->n * (triangle->n - 1) / 2, "the items of the loop");
}

static void run_triangle(unsigned workers, uint64_t n, uint64_t grain) {
    struct triangle triangle = {n, grain, 0};
    struct kernel kernel = {PEER_LOOP, triangle_prepare, triangle_run, triangle_check, &triangle};
    struct times times = kernel_times(&kernel, workers, TIME_ONE | TIME_COPIES);
    report("time", times.crew / 1e6, "ms");
    report("speed-up", times.plain / times.crew, "x");
    report("of-copies", 100 * times.copies / workers / times.crew, "%");
    if (times.one > 0) report("one-worker", times.one / times.one_plain, "x-serial");
}

static void run_triangle_16(unsigned workers, unsigned long size) { run_triangle(workers, size, 16); }

static void run_triangle_auto(unsigned workers, unsigned long size) { run_triangle(workers, size, 0); }

// ---- y = a x + y ----

struct vectors {
    size_t n;
    float *x, *y;
};

static void saxpy_range(uint64_t lo, uint64_t hi, void *ctx) {
    const struct vectors *vectors = ctx;
    const float *restrict x = vectors->x;
    float *restrict y = vectors->y;
    for (uint64_t i = lo; i < hi; i++) y[i] = 3 * x[i] + y[i];
}

static void saxpy_prepare(void *arg) {
    struct vectors *vectors = arg;
    for (size_t i = 0; i < vectors->n; i++) vectors->x[i] = (float)(i % 1000), vectors->y[i] = (float)(i % 7);
}

static void saxpy_run(void *arg) {
    struct vectors *vectors = arg;
    over(vectors->n, 16384, saxpy_range, vectors);
}

static void saxpy_check(void *arg) {
    const struct vectors *vectors = arg;
    for (size_t i = 0; i < vectors->n; i++)
        check_that(vectors->y[i] == 3 * (float)(i % 1000) + (float)(i % 7), "a x + y");
}

static void run_saxpy(unsigned workers, unsigned long size) {
    struct vectors vectors = {size, malloc(size * sizeof(float)), malloc(size * sizeof(float))};
    check_that(vectors.x && vectors.y, "no memory");
    struct kernel kernel = {PEER_LOOP, saxpy_prepare, saxpy_run, saxpy_check, &vectors};
    kernel_report(&kernel, workers);
    free(vectors.x);
    free(vectors.y);
}

// ---- Grain and size ----

struct sweep {
    uint64_t n, grain;
    unsigned long rounds; // of spin, an item
    unsigned long before;
};

static void sweep_range(uint64_t lo, uint64_t hi, void *ctx) {
    const struct sweep *sweep = ctx;
    for (uint64_t i = lo; i < hi; i++) spin(sweep->rounds);
    cell_add(hi - lo);
}

static void sweep_prepare(void *arg) {
    struct sweep *sweep = arg;
    sweep->before = cells_sum();
}

static void sweep_run(void *arg) {
    struct sweep *sweep = arg;
    over(sweep->n, sweep->grain, sweep_range, sweep);
}

static void sweep_check(void *arg) {
    const struct sweep *sweep = arg;
    check_that(cells_sum() - sweep->before == sweep->n, "the items of the loop");
}

// Rounds of arithmetic, not nanoseconds: the items are the same in every process, however busy the machine is when it
// begins. `us` is about what the loop takes one thread. Efficiency is against as many copies, each on its own.
static void run_sweep(unsigned workers, uint64_t us, uint64_t grain) {
    static const unsigned sizes[] = {4, 64, 1024};
    const uint64_t rounds_per_us = 600;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct sweep sweep = {us * rounds_per_us / sizes[i] + 1, grain, sizes[i], 0};
        struct kernel kernel = {PEER_LOOP, sweep_prepare, sweep_run, sweep_check, &sweep};
        struct times times = kernel_times(&kernel, workers, TIME_COPIES);
        char metric[32];
        snprintf(metric, sizeof metric, "of-%u", sizes[i]);
        report(metric, 100 * times.copies / workers / times.crew, "%");
    }
}

static void run_sweep_1(unsigned workers, unsigned long size) { run_sweep(workers, size, 1); }

static void run_sweep_16(unsigned workers, unsigned long size) { run_sweep(workers, size, 16); }

static void run_sweep_256(unsigned workers, unsigned long size) { run_sweep(workers, size, 256); }

static void run_sweep_auto(unsigned workers, unsigned long size) { run_sweep(workers, size, 0); }

const struct workload triangle = {"triangle", PEER_LOOP, 1, run_triangle_16};
const struct workload triangle_auto = {"triangle-auto", PEER_LOOP, 1, run_triangle_auto};
const struct workload saxpy = {"saxpy", PEER_LOOP, 1, run_saxpy};
const struct workload loop_1 = {"loop-1", PEER_LOOP, 1, run_sweep_1};
const struct workload loop_16 = {"loop-16", PEER_LOOP, 1, run_sweep_16};
const struct workload loop_256 = {"loop-256", PEER_LOOP, 1, run_sweep_256};
const struct workload loop_auto = {"loop-auto", PEER_LOOP, 1, run_sweep_auto};
