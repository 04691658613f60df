// A computation that is measured against itself: run by a crew of the peer's, by a crew of one, and with no pool at
// all.
//
// The last is the same text, where a fork is two calls and a loop is one call of its body. It runs in the process
// beside ours (alone.h), by turns with the crew: a slow moment hits both, and nobody's threads spin beside it.
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

#include "peer.h"

struct kernel {
    enum ability needs;
    void (*prepare)(void *arg); // before each run, untimed; NULL: there is nothing to do
    void (*run)(void *arg);
    void (*check)(void *arg); // ends the process unless the run's result is right, and all of it was done
    void *arg;
};

// What a run calls. With no pool: two calls, or one.
extern void (*both)(task_fn a, void *arg_a, task_fn b, void *arg_b);
extern void (*over)(uint64_t n, uint64_t grain, range_fn body, void *ctx);

// Whether there is none.
extern bool kernel_plain;

// Nanoseconds of the best run: noise only adds. `one` is a crew of one worker, 0 if the peer has none.
struct times {
    double plain, crew;
    double one_plain, one; // plain beside it
    double copies;         // as many plain runs as there are workers, all at once
};

enum {
    TIME_ONE = 1,    // also with one worker
    TIME_COPIES = 2, // also as copies: only where runs write nothing that they share
};

// Makes the crews, and measures.
struct times kernel_times(const struct kernel *kernel, unsigned workers, unsigned what);

// The best run of the crew that the caller is in the body of.
double kernel_best_ns(const struct kernel *kernel);

// Measures and reports: time, speed-up over plain, and what a crew of one takes, as a multiple of plain.
void kernel_report(const struct kernel *kernel, unsigned workers);

// Ends the process, and says why, unless that holds.
void check_that(bool holds, const char *what);

#endif
