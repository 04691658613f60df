// tp, through libtp.so. Built three times: with TP_BATCH, many tasks go through tp_submit_batch, and the rest is left
// out; with TP_GUEST, loops and forks are called from outside, and the rest is left out.
#include "../peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <tp.h>

static tp_pool *pool;

static void must(tp_status status) {
    if (status == TP_OK) return;
    fprintf(stderr, "%s\n", tp_status_string(status));
    abort();
}

const char *peer_lacks(enum ability ability, unsigned workers) {
    (void)workers;
#ifdef TP_BATCH
    if (ability != PEER_SUBMIT_MANY && ability != PEER_PRODUCERS && ability != PEER_SPAWN_MANY && ability != PEER_FORK)
        return "one task at a time is tp's row";
#elif defined(TP_GUEST)
    if (ability < PEER_FIB) return "submits alike from outside and inside are tp's row";
    if (workers < 2) return "has the caller, and a worker";
#else
    (void)ability;
#endif
    return NULL;
}

void peer_with_pool(unsigned workers, task_fn body, void *arg) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = workers;
    must(tp_create(&options, &pool));
    body(arg);
    must(tp_destroy(pool));
}

void peer_submit(task_fn run, void *arg) { must(tp_submit(pool, run, arg)); }

void peer_spawn(task_fn run, void *arg) { must(tp_submit(pool, run, arg)); }

void peer_async(value_fn run, void *arg, struct future *future) {
    must(tp_async(pool, run, arg, (tp_future **)&future->room[0]));
}

void *peer_await(struct future *future) {
    void *value;
    must(tp_future_wait(future->room[0], TP_FOREVER, &value));
    tp_future_release(future->room[0]);
    return value;
}

void peer_with_group(group_fn body, void *arg) {
    tp_group *group;
    must(tp_group_create(pool, NULL, &group));
    body(group, arg);
    must(tp_group_wait(group, TP_FOREVER));
    must(tp_group_destroy(group));
}

void peer_group_run(void *group, task_fn run, void *arg) { must(tp_group_submit(group, run, arg)); }

void peer_group_wait(void *group) { must(tp_group_wait(group, TP_FOREVER)); }

// ---- Fork, join, loops and sorts ----

#ifdef TP_GUEST
// The caller is one of those that work, so the pool has a worker less.
void peer_with_crew(unsigned workers, task_fn body, void *arg) { peer_with_pool(workers - 1, body, arg); }
#else
struct crew {
    task_fn body;
    void *arg;
};

static void *run_body(void *arg) {
    const struct crew *crew = arg;
    crew->body(crew->arg);
    return NULL;
}

// The body is a task, and the caller sleeps.
static void run_crew(void *arg) {
    struct future future;
    peer_async(run_body, arg, &future);
    peer_await(&future);
}

void peer_with_crew(unsigned workers, task_fn body, void *arg) {
    struct crew crew = {body, arg};
    peer_with_pool(workers, run_crew, &crew);
}
#endif

#define INVOKE(a, arg_a, b, arg_b) must(tp_parallel_invoke(pool, a, arg_a, b, arg_b))
#include "../fib.h"

unsigned long peer_fib(unsigned n) {
    struct fib call = {n, 0};
    fib(&call);
    return call.value;
}

void peer_invoke(task_fn a, void *arg_a, task_fn b, void *arg_b) { must(tp_parallel_invoke(pool, a, arg_a, b, arg_b)); }

void peer_for(uint64_t n, uint64_t grain, range_fn body, void *ctx) {
    must(tp_parallel_for(pool, 0, n, grain, body, ctx));
}

void peer_gang(uint32_t n, gang_fn body, void *ctx) { must(tp_gang(pool, n, body, ctx)); }

void peer_sort(int32_t *base, size_t n) { must(tp_parallel_sort_keys(pool, base, n, sizeof *base, 0, TP_KEY_I32)); }

void peer_sort_records(struct record *base, size_t n, bool in_order) {
    (void)in_order; // always are
    must(tp_parallel_sort_keys(pool, base, n, sizeof *base, offsetof(struct record, key), TP_KEY_U64));
}

void peer_sort_by(void *base, size_t n, size_t size, compare_fn compare, bool in_order) {
    must((in_order ? tp_parallel_stable_sort : tp_parallel_sort)(pool, base, n, size, compare, NULL));
}

#ifdef TP_BATCH
void peer_submit_many(task_fn run, void *const *args, size_t n) { must(tp_submit_batch(pool, run, args, n, NULL)); }

void peer_spawn_many(task_fn run, void *const *args, size_t n) { must(tp_submit_batch(pool, run, args, n, NULL)); }
#endif
