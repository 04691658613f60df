// Tasks that take some time: sizes that differ, and the smallest size at which the workers are half efficient.
//
// Efficiency is against as many plain threads that run the same bodies by turns with the pool, so that a slow machine
// is not held against it. Of both the best of a few counts: noise only adds.
#include "../alone.h"
#include "../cell.h"
#include "../clock.h"
#include "../spin.h"
#include "../workload.h"

#include <math.h>
#include <stdlib.h>

struct grain {
    struct work work;
    unsigned long rounds;
};

#define TRIES 4

static void run_grain(void *arg) {
    const struct grain *grain = arg;
    spin(grain->rounds);
    cell_count();
}

static void keep_least(uint64_t *least, uint64_t ns) {
    if (ns < *least) *least = ns;
}

// ---- Mixed sizes ----

struct mix {
    unsigned workers;
    unsigned long n;
    void **args;
};

static uint64_t mix_alone(void *arg, int which) {
    const struct mix *mix = arg;
    (void)which;
    return alone_threads_ns(mix->workers, run_grain, mix->args, mix->n);
}

static void mixed_body(void *arg) {
    const struct mix *mix = arg;
    uint64_t alone = UINT64_MAX, took = UINT64_MAX;
    for (int attempt = 0; attempt < TRIES; attempt++) {
        keep_least(&alone, alone_ns(0));
        unsigned long before = cells_sum();
        uint64_t began = now_ns();
        for (unsigned long i = 0; i < mix->n; i++) peer_submit(run_grain, mix->args[i]);
        cells_wait(before + mix->n);
        keep_least(&took, now_ns() - began);
    }
    report("efficiency", 100 * (double)alone / (double)took, "%");
    report("task", (double)took / (double)mix->n, "ns");
}

// The draw is the same in every process.
static void run_mixed(unsigned workers, unsigned long size) {
    struct grain *grains = calloc(size, sizeof *grains);
    struct mix mix = {workers, size, calloc(size, sizeof(void *))};
    if (!grains || !mix.args) abort();
    uint64_t draw = 20240229;
    for (unsigned long i = 0; i < size; i++) {
        draw ^= draw << 13, draw ^= draw >> 7, draw ^= draw << 17;
        double us = -log(((double)(draw >> 11) + 1) / 9007199254740993.0);
        grains[i] = (struct grain){{run_grain}, (unsigned long)(us * spin_rounds_per_us())};
        mix.args[i] = &grains[i];
    }
    alone_begin(mix_alone, &mix);
    peer_with_pool(workers, mixed_body, &mix);
    alone_end();
    free(mix.args);
    free(grains);
}

// ---- The smallest size ----

#define GRAINS_MAX 50000ul
#define LARGEST_NS 65536.0
// Each half of the one before; the smallest is 8 ns.
#define SIZES 14

struct search {
    struct work root;
    unsigned workers;
    uint64_t time_ns; // that one run should take
    unsigned long n;
    void **args;
};

static double size_ns(int size) { return ldexp(LARGEST_NS, -size); }

// Makes all tasks of that size, as many as fill the time.
static void fill(struct search *search, int size) {
    static struct grain grain = {{run_grain}, 0};
    double n = (double)search->time_ns * search->workers / size_ns(size);
    grain.rounds = (unsigned long)(size_ns(size) * spin_rounds_per_us() / 1000);
    search->n = n < 64 ? 64 : n > (double)GRAINS_MAX ? GRAINS_MAX : (unsigned long)n;
    for (unsigned long i = 0; i < search->n; i++) search->args[i] = &grain;
}

static void run_children(void *arg) {
    const struct search *search = arg;
    peer_spawn_many(run_grain, search->args, search->n);
}

static uint64_t search_alone(void *arg, int size) {
    struct search *search = arg;
    fill(search, size);
    return alone_threads_ns(search->workers, run_grain, search->args, search->n);
}

static double efficiency(struct search *search, int size) {
    uint64_t alone = UINT64_MAX, took = UINT64_MAX;
    fill(search, size);
    for (int attempt = 0; attempt < TRIES; attempt++) {
        // Twice in a row: the threads come back from the stop on any CPU, and it takes a while until they are spread.
        for (int again = 0; again < 2; again++) keep_least(&alone, alone_ns(size));
        for (int again = 0; again < 2; again++) {
            unsigned long before = cells_sum();
            uint64_t began = now_ns();
            peer_submit(run_children, search);
            cells_wait(before + search->n);
            keep_least(&took, now_ns() - began);
        }
    }
    return (double)alone / (double)took;
}

// Goes up until two sizes in succession are at a half or above. Up, for a slow moment of the machine makes a good size
// look bad far more often than a bad one good.
static void metg_body(void *arg) {
    struct search *search = arg;
    double good = 0, bad = 0, last = 0;
    int good_size = -1;
    efficiency(search, 0); // threads start
    for (int size = SIZES - 1; size >= 0; size--) {
        double now = efficiency(search, size);
        if (now >= 0.5 && good_size == size + 1) break;
        if (now >= 0.5) good_size = size, good = now, bad = last;
        last = now;
    }
    // Between that size and the one below, as if efficiency were linear in the logarithm of the size.
    if (good_size < 0) report("task", LARGEST_NS, "ns");
    else if (good_size == SIZES - 1) report("task", size_ns(good_size), "ns");
    else report("task", size_ns(good_size) / exp2((good - 0.5) / (good - bad)), "ns");
}

// `size` is what one run should take, in microseconds.
static void run_metg(unsigned workers, unsigned long size) {
    struct search search = {
        .root = {run_children}, .workers = workers, .time_ns = size * 1000, .args = calloc(GRAINS_MAX, sizeof(void *))};
    if (!search.args) abort();
    spin_rounds_per_us(); // measured now, for both processes
    alone_begin(search_alone, &search);
    peer_with_pool(workers, metg_body, &search);
    alone_end();
    free(search.args);
}

const struct workload mixed = {"mixed", PEER_QUEUE, 1, run_mixed};
const struct workload metg = {"metg", PEER_FORK, 1, run_metg};
