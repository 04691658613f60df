// The best that the machine can do with given bodies at this moment: as many plain threads as there are workers, each
// with its share and nothing to agree on. They run in a process beside ours, and ours is stopped meanwhile: the threads
// of some pools spin when there is nothing to do, and would take the CPUs away.
#ifndef BENCH_ALONE_H
#define BENCH_ALONE_H

#include <stdint.h>

// Begins that process, a copy of ours; to be called before there are threads. It answers by `measure(arg, which)`.
void alone_begin(uint64_t (*measure)(void *arg, int which), void *arg);

uint64_t alone_ns(int which);

void alone_end(void);

// Nanoseconds that `workers` plain threads need for run(args[0]) to run(args[n - 1]): what `measure` is to return.
uint64_t alone_threads_ns(unsigned workers, void (*run)(void *), void *const *args, unsigned long n);

#endif
