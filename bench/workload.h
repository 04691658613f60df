// A workload: one thing measured, for one peer, in one process.
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "peer.h"

struct workload {
    const char *name;
    enum ability needs;
    // How many workers the pool gets for each that is asked for.
    unsigned crowd;
    void (*run)(unsigned workers, unsigned long size);
};

extern const struct workload outside_1, outside_4, outside_crowded, outside_busy;
extern const struct workload tree, tree_crowded, one_parent, chain;
extern const struct workload wake_up, wake_up_beside, ping_pong, timer, idle, create;
extern const struct workload mixed, metg, pending;
extern const struct workload futures, futures_inside, group, group_inside;
extern const struct workload fork_each, fork_long, queens, matrix, strassens, quicksort, uts_t1, uts_t3;
extern const struct workload triangle, triangle_auto, saxpy, loop_launch, loop_1, loop_16, loop_256, loop_auto, gang;
extern const struct workload sort_i32, sort_compare, sort_record, sort_string;

// Prints a result; run.py reads it. No blanks in the metric's name.
void report(const char *metric, double value, const char *unit);

#endif
