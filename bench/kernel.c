#include "kernel.h"
#include "alone.h"
#include "clock.h"
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>

// As many runs as fit in a time, at least one.
#define TRIES 3
#define ENOUGH_NS 250000000.0
// Shorter ones go twice in a row: after a stop the threads come back on any CPU, and it takes a while until they are
// spread.
#define SHORT_NS 20000000.0

static void call_both(task_fn a, void *arg_a, task_fn b, void *arg_b) {
    a(arg_a);
    b(arg_b);
}

static void call_over(uint64_t n, uint64_t grain, range_fn body, void *ctx) {
    (void)grain;
    body(0, n, ctx);
}

void (*both)(task_fn a, void *arg_a, task_fn b, void *arg_b) = peer_invoke;
void (*over)(uint64_t n, uint64_t grain, range_fn body, void *ctx) = peer_for;
bool kernel_plain;

void check_that(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "wrong: %s\n", what);
    exit(1);
}

// ---- One run ----

static double run_once(const struct kernel *kernel) {
    if (kernel->prepare) kernel->prepare(kernel->arg);
    uint64_t began = now_ns();
    if (kernel->needs == PEER_INVOKE && !kernel_plain) peer_fork_join(kernel->run, kernel->arg);
    else kernel->run(kernel->arg);
    double took = (double)(now_ns() - began);
    kernel->check(kernel->arg);
    return took;
}

static void keep_least(double *least, double ns) {
    if (*least == 0 || ns < *least) *least = ns;
}

double kernel_best_ns(const struct kernel *kernel) {
    double best = 0, spent = 0;
    for (int attempt = 0; attempt < TRIES && spent < ENOUGH_NS; attempt++) {
        double took = run_once(kernel);
        keep_least(&best, took);
        spent += took;
    }
    return best;
}

// ---- In the process beside ours ----

enum { PLAIN, COPIES };

struct beside {
    const struct kernel *kernel;
    unsigned workers;
};

static uint64_t run_beside(void *arg, int which) {
    const struct beside *beside = arg;
    const struct kernel *kernel = beside->kernel;
    both = call_both;
    over = call_over;
    kernel_plain = true;
    if (which == PLAIN) return (uint64_t)run_once(kernel);
    void **args = calloc(beside->workers, sizeof *args);
    check_that(args != NULL, "no memory");
    for (unsigned i = 0; i < beside->workers; i++) args[i] = kernel->arg;
    uint64_t took = alone_threads_ns(beside->workers, kernel->run, args, beside->workers);
    free(args);
    return took;
}

// ---- By turns ----

struct turns {
    const struct kernel *kernel;
    bool copies;
    struct times times;
};

static void take_turns(void *arg) {
    struct turns *turns = arg;
    struct times *times = &turns->times;
    double spent = 0;
    for (int attempt = 0; attempt < TRIES && spent < 2 * ENOUGH_NS; attempt++) {
        uint64_t began = now_ns();
        keep_least(&times->plain, (double)alone_ns(PLAIN));
        int runs = times->plain < SHORT_NS ? 2 : 1;
        for (int run = 1; run < runs; run++) keep_least(&times->plain, (double)alone_ns(PLAIN));
        for (int run = 0; turns->copies && run < runs; run++) keep_least(&times->copies, (double)alone_ns(COPIES));
        for (int run = 0; run < runs; run++) keep_least(&times->crew, run_once(turns->kernel));
        spent += (double)(now_ns() - began);
    }
}

// Where plain takes long, its time of just before serves.
static void take_turns_of_one(void *arg) {
    struct turns *turns = arg;
    struct times *times = &turns->times;
    bool is_long = times->plain > ENOUGH_NS;
    struct turns one = {.kernel = turns->kernel};
    if (is_long) one.times.crew = run_once(turns->kernel);
    else take_turns(&one);
    times->one_plain = is_long ? times->plain : one.times.plain;
    times->one = one.times.crew;
}

struct times kernel_times(const struct kernel *kernel, unsigned workers, unsigned what) {
    struct beside beside = {kernel, workers};
    struct turns turns = {.kernel = kernel, .copies = what & TIME_COPIES};
    alone_begin(run_beside, &beside);
    peer_with_crew(workers, take_turns, &turns);
    if (what & TIME_ONE && !peer_lacks(kernel->needs, 1)) peer_with_crew(1, take_turns_of_one, &turns);
    alone_end();
    return turns.times;
}

void kernel_report(const struct kernel *kernel, unsigned workers) {
    struct times times = kernel_times(kernel, workers, TIME_ONE);
    report("time", times.crew / 1e6, "ms");
    report("speed-up", times.plain / times.crew, "x");
    if (times.one > 0) report("one-worker", times.one / times.one_plain, "x-serial");
}
