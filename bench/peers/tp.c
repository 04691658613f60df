// tp, through libtp.so. Built twice: with TP_BATCH, many tasks go through tp_submit_batch, and the rest is left out.
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

#ifdef TP_BATCH
void peer_submit_many(task_fn run, void *const *args, size_t n) { must(tp_submit_batch(pool, run, args, n, NULL)); }

void peer_spawn_many(task_fn run, void *const *args, size_t n) { must(tp_submit_batch(pool, run, args, n, NULL)); }
#endif
