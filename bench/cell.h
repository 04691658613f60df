// Where tasks count that they ran: each thread in a padded cell of its own, so that the body is not the bottleneck.
//
// This is also how every workload learns that all tasks are over, for all peers alike: their own waits differ in what
// they cost the workers, and some have none. Who waits sums the cells, and sleeps for a small part of the time gone by.
#ifndef BENCH_CELL_H
#define BENCH_CELL_H

#include <stdatomic.h>

struct cell {
    _Alignas(128) atomic_ulong count;
};

extern _Thread_local struct cell *cell_mine __attribute__((tls_model("initial-exec")));

// Gives the calling thread a cell, at its first task.
struct cell *cell_claim(void);

// Counts so many. Only the owner writes a cell, so no locked instruction is needed.
static inline void cell_add(unsigned long n) {
    struct cell *cell = cell_mine ? cell_mine : cell_claim();
    unsigned long count = atomic_load_explicit(&cell->count, memory_order_relaxed);
    atomic_store_explicit(&cell->count, count + n, memory_order_release);
}

// Counts one task.
static inline void cell_count(void) { cell_add(1); }

// How many tasks ran so far, in the whole process.
unsigned long cells_sum(void);

// Waits until that is `sum`.
void cells_wait(unsigned long sum);

#endif
