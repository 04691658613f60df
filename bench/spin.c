#include "spin.h"
#include "clock.h"

double spin_rounds_per_us(void) {
    static double rounds_per_us;
    if (rounds_per_us != 0) return rounds_per_us;
    const unsigned long rounds = 500000;
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 7; i++) {
        uint64_t began = now_ns();
        spin(rounds);
        uint64_t took = now_ns() - began;
        if (took < best) best = took;
    }
    return rounds_per_us = (double)rounds * 1000 / (double)best;
}
