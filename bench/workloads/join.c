// Results and groups: ask for something, and wait for it by the peer's own means. The wait is what is measured, so
// there is no other one.
#include "../bell.h"
#include "../clock.h"
#include "../workload.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

// ---- Futures from outside ----

struct results {
    unsigned long n;
    struct future *futures;
};

static void *value_of(void *arg) { return arg; }

static void futures_body(void *arg) {
    struct results *results = arg;
    uint64_t began = 0, asked = 0, took = 0;
    for (int round = 0; round < 2; round++) {
        began = now_ns();
        for (unsigned long i = 0; i < results->n; i++) {
            struct future *future = &results->futures[i];
            peer_async(value_of, future, future);
        }
        asked = now_ns();
        for (unsigned long i = 0; i < results->n; i++)
            if (peer_await(&results->futures[i]) != &results->futures[i]) abort();
        took = now_ns() - began;
    }
    report("result", (double)took / (double)results->n, "ns");
    report("ask", (double)(asked - began) / (double)results->n, "ns");
}

// Fewer where each is a thread.
static void run_futures(unsigned workers, unsigned long size) {
    unsigned long n = peer_lacks(PEER_FUTURES_PENDING, workers) ? size / 100 : size;
    struct results results = {n, calloc(n, sizeof(struct future))};
    if (!results.futures) abort();
    peer_with_pool(workers, futures_body, &results);
    free(results.futures);
}

// ---- Groups from outside ----

static struct work empty;

static void nothing(void *arg) { (void)arg; }

// Rounds of n tasks, one after the other; ns a round.
static double rounds(void *group, unsigned long n, unsigned long tasks) {
    uint64_t took = 0;
    for (int round = 0; round < 2; round++) {
        uint64_t began = now_ns();
        for (unsigned long i = 0; i < tasks / n; i++) {
            for (unsigned long task = 0; task < n; task++) peer_group_run(group, nothing, &empty);
            peer_group_wait(group);
        }
        took = now_ns() - began;
    }
    return (double)took / (double)(tasks / n);
}

static void group_body(void *group, void *arg) {
    unsigned long tasks = *(unsigned long *)arg;
    empty.run = nothing;
    report("round-of-1", rounds(group, 1, tasks / 10) / 1000, "us");
    report("round-of-10", rounds(group, 10, tasks) / 1000, "us");
    report("task-of-1000", rounds(group, 1000, tasks) / 1000, "ns");
}

static void in_pool(void *arg) { peer_with_group(group_body, arg); }

static void run_group(unsigned workers, unsigned long size) { peer_with_pool(workers, in_pool, &size); }

// ---- Recursion ----

// The n-th Fibonacci number by adding ones up: every call is a task that waits for its two children.
struct fib {
    struct work work;
    unsigned long n;
    unsigned long value;
};

struct recursion {
    struct fib root;
    struct bell over;
};

#define TIMES 10

static unsigned long fib_calls(unsigned long n) { return n < 2 ? 1 : 1 + fib_calls(n - 1) + fib_calls(n - 2); }

static unsigned long fib_value(unsigned long n) { return n < 2 ? n : fib_value(n - 1) + fib_value(n - 2); }

static void *fib_by_futures(void *arg) {
    uintptr_t n = (uintptr_t)arg;
    if (n < 2) return arg;
    struct future one, two;
    peer_async(fib_by_futures, (void *)(n - 1), &one);
    peer_async(fib_by_futures, (void *)(n - 2), &two);
    uintptr_t sum = (uintptr_t)peer_await(&one);
    return (void *)(sum + (uintptr_t)peer_await(&two));
}

static void run_by_futures(void *arg) {
    struct recursion *recursion = arg;
    recursion->root.value = (uintptr_t)fib_by_futures((void *)recursion->root.n);
    bell_ring(&recursion->over);
}

static void fib_by_groups(void *arg);

static void submit_two(void *group, void *arg) {
    struct fib *children = arg;
    for (int i = 0; i < 2; i++) peer_group_run(group, fib_by_groups, &children[i]);
}

static void fib_by_groups(void *arg) {
    struct fib *fib = arg;
    fib->value = fib->n;
    if (fib->n < 2) return;
    struct fib children[2] = {{{fib_by_groups}, fib->n - 1, 0}, {{fib_by_groups}, fib->n - 2, 0}};
    peer_with_group(submit_two, children);
    fib->value = children[0].value + children[1].value;
}

static void run_by_groups(void *arg) {
    struct recursion *recursion = arg;
    fib_by_groups(&recursion->root);
    bell_ring(&recursion->over);
}

// Once for the pool to grow, then measured.
static void recursion_body(void *arg) {
    struct recursion *recursion = arg;
    unsigned long n = recursion->root.n;
    uint64_t began = 0;
    for (int time = 0; time <= TIMES; time++) {
        if (time == 1) began = now_ns();
        bell_reset(&recursion->over);
        peer_submit(recursion->root.work.run, recursion);
        bell_sleep(&recursion->over);
        if (recursion->root.value != fib_value(n)) {
            fprintf(stderr, "wrong sum\n");
            abort();
        }
    }
    report("task", (double)(now_ns() - began) / TIMES / (double)fib_calls(n), "ns");
}

static void run_recursion(unsigned workers, unsigned long size, task_fn run) {
    struct recursion recursion = {.root = {{run}, size, 0}};
    peer_with_pool(workers, recursion_body, &recursion);
}

static void run_futures_inside(unsigned workers, unsigned long size) { run_recursion(workers, size, run_by_futures); }

static void run_group_inside(unsigned workers, unsigned long size) { run_recursion(workers, size, run_by_groups); }

const struct workload futures = {"futures", PEER_FUTURE, 1, run_futures};
const struct workload futures_inside = {"futures-inside", PEER_FUTURE_INSIDE, 1, run_futures_inside};
const struct workload group = {"group", PEER_GROUP, 1, run_group};
const struct workload group_inside = {"group-inside", PEER_GROUP_INSIDE, 1, run_group_inside};
