// libdispatch: its global queue, which takes half the time of a concurrent queue of one's own. The number of CPUs gives
// that of its threads.
#include "../peer.h"

// Its headers ask these of every compiler; gcc has neither.
#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#ifndef __has_extension
#define __has_extension(extension) 0
#endif
#include <dispatch/dispatch.h>
#include <unistd.h>

static dispatch_queue_t queue;

const char *peer_lacks(enum ability ability, unsigned workers) {
    if (ability == PEER_POOL) return "keeps its threads until the process ends";
    if (ability == PEER_FUTURE_INSIDE || ability == PEER_GROUP_INSIDE)
        return "a wait holds its thread, and another comes about once a second";
    if (workers != (unsigned)sysconf(_SC_NPROCESSORS_ONLN)) return "has one worker a CPU, no more and no less";
    return NULL;
}

void peer_with_pool(unsigned workers, task_fn body, void *arg) {
    (void)workers;
    queue = dispatch_get_global_queue(DISPATCH_QUEUE_PRIORITY_DEFAULT, 0);
    body(arg);
}

void peer_submit(task_fn run, void *arg) { dispatch_async_f(queue, arg, run); }

void peer_spawn(task_fn run, void *arg) { dispatch_async_f(queue, arg, run); }

// A future is a semaphore, as its C interface has none. The room holds it, the function, and the argument or the value.
static void give_value(void *arg) {
    struct future *future = arg;
    dispatch_semaphore_t given = future->room[0];
    future->room[2] = ((value_fn)future->room[1])(future->room[2]);
    dispatch_semaphore_signal(given);
}

void peer_async(value_fn run, void *arg, struct future *future) {
    *future = (struct future){{dispatch_semaphore_create(0), (void *)run, arg}};
    dispatch_async_f(queue, future, give_value);
}

void *peer_await(struct future *future) {
    dispatch_semaphore_wait(future->room[0], DISPATCH_TIME_FOREVER);
    dispatch_release(future->room[0]);
    return future->room[2];
}

void peer_with_group(group_fn body, void *arg) {
    dispatch_group_t group = dispatch_group_create();
    body(group, arg);
    dispatch_group_wait(group, DISPATCH_TIME_FOREVER);
    dispatch_release(group);
}

void peer_group_run(void *group, task_fn run, void *arg) { dispatch_group_async_f(group, queue, arg, run); }

void peer_group_wait(void *group) { dispatch_group_wait(group, DISPATCH_TIME_FOREVER); }
