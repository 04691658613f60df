// A library that looks like tp's fork and join, and is none: what a call of that shape costs by itself.
#ifndef BENCH_TWIN_H
#define BENCH_TWIN_H

#include <stdint.h>

struct twin;

// Calls `a(arg_a)` and `b(arg_b)`. Returns 0, or -1 if there is none of these.
int32_t twin_invoke(struct twin *pool, void (*a)(void *), void *arg_a, void (*b)(void *), void *arg_b);

#endif
