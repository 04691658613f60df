// What it takes to begin and end a loop of two items that do next to nothing, and a gang whose members meet once.
#include "../cell.h"
#include "../clock.h"
#include "../kernel.h"
#include "../workload.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define WARM_UP 100
#define APART_NS 200000
// Fewer launches where they take longer than that.
#define ENOUGH_NS 300000000

struct launches {
    unsigned workers;
    unsigned long n;
};

// ---- Loop ----

static void count_items(uint64_t lo, uint64_t hi, void *ctx) {
    (void)ctx;
    cell_add(hi - lo);
}

static void launch(void) { peer_for(2, 1, count_items, NULL); }

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// The caller is busy in between. Returns how many there were.
static unsigned long launch_apart(unsigned long n) {
    uint64_t *took = calloc(n, sizeof *took);
    check_that(took != NULL, "no memory");
    uint64_t first = now_ns();
    unsigned long done = 0;
    while (done < n) {
        uint64_t when = now_ns() + APART_NS;
        while (now_ns() < when) continue;
        uint64_t began = now_ns();
        launch();
        took[done++] = now_ns() - began;
        if (now_ns() - first > ENOUGH_NS) break;
    }
    qsort(took, done, sizeof *took, by_size);
    report("apart-p50", (double)took[done / 2] / 1000, "us");
    report("apart-p99", (double)took[done * 99 / 100] / 1000, "us");
    free(took);
    return done;
}

static void launch_body(void *arg) {
    const struct launches *launches = arg;
    unsigned long before = cells_sum(), done = 0;
    for (int i = 0; i < WARM_UP; i++) launch();
    uint64_t began = now_ns(), took = 0;
    while (done < launches->n && took < ENOUGH_NS) {
        for (int i = 0; i < WARM_UP; i++) launch();
        done += WARM_UP;
        took = now_ns() - began;
    }
    report("back-to-back", (double)took / 1000 / (double)done, "us");
    done += launch_apart(launches->n / 10);
    // Who has not slept 1 ms after the last loop is not given more time.
    sleep_ns(1000000);
    uint64_t cpu = cpu_ns();
    sleep_ns(50000000);
    report("idle-cpu", (double)(cpu_ns() - cpu) / 1e6 / 0.05, "ms/s");
    check_that(cells_sum() - before == 2 * (WARM_UP + done), "the items of the loops");
}

static void run_launch(unsigned workers, unsigned long size) {
    struct launches launches = {workers, size};
    peer_with_crew(workers, launch_body, &launches);
}

// ---- Gang ----

struct gang {
    atomic_uint here;
    atomic_uint ranks; // a bit each
};

static void meet(uint32_t rank, uint32_t n, void *ctx) {
    struct gang *gang = ctx;
    atomic_fetch_or_explicit(&gang->ranks, 1u << rank % 32, memory_order_relaxed);
    atomic_fetch_add(&gang->here, 1);
    // Yields now and then: whom it waits for may need the CPU.
    for (unsigned turn = 1; atomic_load(&gang->here) < n; turn++)
        if (turn % 256 == 0) sched_yield();
}

static void gang_body(void *arg) {
    const struct launches *launches = arg;
    uint32_t n = launches->workers < 32 ? launches->workers : 32;
    uint64_t began = 0, took = 0;
    unsigned long done = 0;
    for (; done < WARM_UP + launches->n && took < ENOUGH_NS; done++) {
        if (done == WARM_UP) began = now_ns();
        struct gang gang = {0, 0};
        peer_gang(n, meet, &gang);
        check_that(atomic_load(&gang.ranks) == (n < 32 ? (1u << n) - 1 : UINT32_MAX) && atomic_load(&gang.here) == n,
                   "who was in the gang");
        if (done >= WARM_UP) took = now_ns() - began;
    }
    report("gang", (double)took / 1000 / (double)(done - WARM_UP), "us");
}

static void run_gang(unsigned workers, unsigned long size) {
    struct launches launches = {workers, size};
    peer_with_crew(workers, gang_body, &launches);
}

const struct workload loop_launch = {"loop-launch", PEER_LOOP, 1, run_launch};
const struct workload gang = {"gang", PEER_GANG, 1, run_gang};
