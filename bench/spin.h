// A body that takes a given time: rounds of arithmetic, counted beforehand with the clock. Work, not waiting: a thread
// that loses its CPU has as much left to do as before.
#ifndef BENCH_SPIN_H
#define BENCH_SPIN_H

#include <stdint.h>

// Rounds a microsecond, measured at the first call.
double spin_rounds_per_us(void);

static inline void spin(unsigned long rounds) {
    uint64_t x = rounds;
    while (rounds--) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        __asm__ volatile("" : "+r"(x));
    }
}

#endif
