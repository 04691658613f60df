// pthreadpool has loops alone, and the caller runs part of each. A submit is a loop of one item a worker here, of which
// the first runs the task.
#include "../peer.h"

#include <pthreadpool.h>
#include <stdio.h>
#include <stdlib.h>

static pthreadpool_t pool;

static void run_item(void *work, size_t item) {
    if (item == 0) ((struct work *)work)->run(work);
}

const char *peer_lacks(enum ability ability, unsigned workers) {
    (void)workers;
    return ability == PEER_POOL || ability == PEER_KEEP || ability == PEER_LOOP ? NULL : "has loops alone";
}

void peer_with_pool(unsigned workers, task_fn body, void *arg) {
    pool = pthreadpool_create(workers);
    if (!pool) {
        fprintf(stderr, "no pool\n");
        abort();
    }
    body(arg);
    pthreadpool_destroy(pool);
}

void peer_submit(task_fn run, void *arg) {
    (void)run;
    pthreadpool_parallelize_1d(pool, run_item, arg, pthreadpool_get_threads_count(pool), 0);
}

void peer_spawn(task_fn run, void *arg) { run(arg); }

// ---- Loops ----

void peer_with_crew(unsigned workers, task_fn body, void *arg) { peer_with_pool(workers, body, arg); }

struct loop {
    range_fn body;
    void *ctx;
};

static void run_one(void *arg, size_t item) {
    const struct loop *loop = arg;
    loop->body(item, item + 1, loop->ctx);
}

static void run_tile(void *arg, size_t first, size_t items) {
    const struct loop *loop = arg;
    loop->body(first, first + items, loop->ctx);
}

void peer_for(uint64_t n, uint64_t grain, range_fn body, void *ctx) {
    struct loop loop = {body, ctx};
    if (grain == 0) pthreadpool_parallelize_1d(pool, run_one, &loop, n, 0);
    else pthreadpool_parallelize_1d_tile_1d(pool, run_tile, &loop, n, grain, 0);
}
