// One task at a time on an idle pool: how long until it starts, and how long until its caller knows that it ran.
#include "../bell.h"
#include "../cell.h"
#include "../clock.h"
#include "../workload.h"

#include <stdbool.h>
#include <stdlib.h>

#define GAP_NS 300000

struct ask {
    struct work work;
    struct bell bell;
    uint64_t started_ns;
};

struct samples {
    unsigned long n;
    uint64_t *ns;
};

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double us_at(const struct samples *samples, double part) {
    unsigned long index = (unsigned long)(part * (double)samples->n);
    return (double)samples->ns[index < samples->n ? index : samples->n - 1] / 1000;
}

static void with_samples(unsigned workers, unsigned long n, task_fn body) {
    struct samples samples = {n, calloc(n, sizeof(uint64_t))};
    if (!samples.ns) abort();
    peer_with_pool(workers, body, &samples);
    free(samples.ns);
}

// ---- Submit to start ----

static void start(void *arg) {
    struct ask *ask = arg;
    ask->started_ns = now_ns();
    bell_set(&ask->bell);
}

// The next submit comes a while after the last, when the workers sleep again.
static void sample_starts(struct samples *samples, bool caller_sleeps) {
    struct ask ask = {.work = {start}};
    const unsigned long warm_up = 50;
    for (unsigned long i = 0; i < warm_up + samples->n; i++) {
        bell_reset(&ask.bell);
        uint64_t submitted_ns = now_ns();
        peer_submit(start, &ask);
        do {
            if (caller_sleeps) sleep_until(now_ns() + GAP_NS);
            else
                while (now_ns() < submitted_ns + GAP_NS) continue;
            // Still not started: the caller may hold the CPU that the task needs.
            if (!bell_rung(&ask.bell)) sleep_ns(GAP_NS);
        } while (!bell_rung(&ask.bell));
        if (i >= warm_up) samples->ns[i - warm_up] = ask.started_ns - submitted_ns;
    }
    qsort(samples->ns, samples->n, sizeof(uint64_t), by_size);
    report("p50", us_at(samples, 0.5), "us");
    report("p99", us_at(samples, 0.99), "us");
    report("p99.9", us_at(samples, 0.999), "us");
}

static void sleeping_caller(void *arg) { sample_starts(arg, true); }

static void running_caller(void *arg) { sample_starts(arg, false); }

static void run_wake_up(unsigned workers, unsigned long size) { with_samples(workers, size, sleeping_caller); }

static void run_wake_up_beside(unsigned workers, unsigned long size) { with_samples(workers, size, running_caller); }

// ---- Ping-pong ----

static void ring(void *arg) {
    struct ask *ask = arg;
    bell_ring(&ask->bell);
}

static void set(void *arg) {
    struct ask *ask = arg;
    bell_set(&ask->bell);
}

static void play(struct samples *samples, bool asleep, const char *metric) {
    static struct ask ask;
    task_fn run = asleep ? ring : set;
    ask.work.run = run;
    for (unsigned long i = 0; i < samples->n + 50; i++) {
        bell_reset(&ask.bell);
        uint64_t began = now_ns();
        peer_submit(run, &ask);
        if (asleep) bell_sleep(&ask.bell);
        else bell_spin(&ask.bell);
        samples->ns[i % samples->n] = now_ns() - began;
    }
    qsort(samples->ns, samples->n, sizeof(uint64_t), by_size);
    report(metric, us_at(samples, 0.5), "us");
}

static void ping_pong_body(void *arg) {
    play(arg, true, "asleep");
    play(arg, false, "spinning");
}

static void run_ping_pong(unsigned workers, unsigned long size) { with_samples(workers, size, ping_pong_body); }

const struct workload wake_up = {"wake-up", PEER_SUBMIT, 1, run_wake_up};
const struct workload wake_up_beside = {"wake-up-beside", PEER_SUBMIT, 1, run_wake_up_beside};
const struct workload ping_pong = {"ping-pong", PEER_SUBMIT, 1, run_ping_pong};
