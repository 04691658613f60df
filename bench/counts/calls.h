// calls.h: what a program and libtp.so in it ask of libc and the kernel, counted on the way.
//
// calls.c defines libc's own names (malloc, syscall, sched_yield, ...) in the program, where the loader looks first;
// each counts and passes on. So it counts at full speed, every thread of the process.

#ifndef COUNTS_CALLS_H
#define COUNTS_CALLS_H

#include <stdatomic.h>
#include <stdbool.h>

extern _Atomic long allocations; // malloc, calloc, realloc and the aligned ones
extern _Atomic long wakes;       // futex: wake
extern _Atomic long waits;       // futex: wait
extern _Atomic long other_calls; // sched_yield, and what else goes through syscall()
extern _Atomic long asleep;      // threads that are in a futex wait now

extern _Thread_local long clock_reads; // of the monotonic clock, by this thread

// If set, each thread has a clock of its own that moves on by 100 ns when that thread reads it, and not otherwise: one
// that is stepped sees no more time pass than at full speed, and the same in each run. The system's is not read then.
extern bool clock_is_slow;

#endif
