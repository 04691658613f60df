// Time, and sleep without the 50 us of slack that the system adds.
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>

uint64_t now_ns(void);
void sleep_ns(uint64_t ns);
void sleep_until(uint64_t when_ns);

// CPU time of the process, all threads.
uint64_t cpu_ns(void);

#endif
