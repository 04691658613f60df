// Fork and join at its barest: a Fibonacci number by adding ones up, with a fork at every call, in the peer's own
// words.
//
// Plain is the same with tp's twin (twin.h), whose fork is two calls: alone, and as many at once as there are workers.
#include "../kernel.h"
#include "../twin.h"
#include "../workload.h"

#include <stdlib.h>

static struct twin *no_pool = (struct twin *)&no_pool; // never looked into

// Looked at in place, as a user of tp would do.
#define INVOKE(a, arg_a, b, arg_b)                                                                                     \
    do {                                                                                                               \
        if (twin_invoke(no_pool, a, arg_a, b, arg_b) != 0) abort();                                                    \
    } while (0)
#include "../fib.h"

static unsigned long fib_quickly(unsigned n) {
    unsigned long value = 0, next = 1;
    for (unsigned i = 0; i < n; i++) {
        unsigned long sum = value + next;
        value = next, next = sum;
    }
    return value;
}

static void run_fib(void *arg) {
    struct fib *number = arg;
    if (kernel_plain) {
        struct fib mine = *number;
        fib(&mine);
        number->value = mine.value;
    } else {
        number->value = peer_fib(number->n);
    }
}

static void check(void *arg) {
    const struct fib *number = arg;
    check_that(number->value == fib_quickly(number->n), "a Fibonacci number");
}

static void run(unsigned workers, unsigned long size) {
    struct fib number = {(unsigned)size, 0};
    struct kernel kernel = {PEER_FIB, NULL, run_fib, check, &number};
    struct times times = kernel_times(&kernel, workers, TIME_ONE | TIME_COPIES);
    double forks = (double)fib_quickly(number.n + 1) - 1, copies = peer_copies(workers);
    report("fork", times.crew / forks / copies, "ns");
    report("beside-twins", times.crew / copies / (times.copies / workers), "x");
    report("speed-up", times.plain * copies / times.crew, "x");
    if (times.one > 0) report("one-worker", times.one / times.one_plain, "x-twin");
}

const struct workload fork_each = {"fork", PEER_FIB, 1, run};
const struct workload fork_long = {"fork-long", PEER_FIB_LONG, 1, run};
