// A pool's life: make it, run one task, end it.
#include "../bell.h"
#include "../clock.h"
#include "../workload.h"

struct life {
    struct work work;
    struct bell bell;
};

static void ring(void *arg) {
    struct life *life = arg;
    bell_ring(&life->bell);
}

static void body(void *arg) {
    struct life *life = arg;
    peer_submit(ring, life);
    bell_sleep(&life->bell);
}

// The first few lives also load code and grow the heap.
static void run(unsigned workers, unsigned long size) {
    struct life life = {.work = {ring}};
    uint64_t began = 0;
    for (unsigned long i = 0; i < size + 5; i++) {
        if (i == 5) began = now_ns();
        bell_reset(&life.bell);
        peer_with_pool(workers, body, &life);
    }
    report("life", (double)(now_ns() - began) / 1000 / (double)size, "us");
}

const struct workload create = {"create", PEER_POOL, 1, run};
