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
static unsigned crew;

const char *peer_lacks(enum ability ability, unsigned workers) {
    if (ability == PEER_POOL) return "keeps its threads until the process ends";
    if (ability == PEER_FUTURE_INSIDE || ability == PEER_GROUP_INSIDE)
        return "a wait holds its thread, and another comes about once a second";
    if (ability == PEER_GANG) return "does not say that items run at the same time";
    if (ability == PEER_SORT || ability == PEER_SORT_BY) return "has no sort";
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

// ---- Fork, join and loops ----
//
// A fork is a dispatch_apply of two items. It runs the items of an inner one on the caller when all its threads are
// taken by outer ones.

void peer_with_crew(unsigned workers, task_fn body, void *arg) {
    crew = workers;
    peer_with_pool(workers, body, arg);
}

struct branches {
    task_fn run[2];
    void *arg[2];
};

static void run_branch(void *arg, size_t which) {
    const struct branches *branches = arg;
    branches->run[which](branches->arg[which]);
}

void peer_invoke(task_fn a, void *arg_a, task_fn b, void *arg_b) {
    struct branches branches = {{a, b}, {arg_a, arg_b}};
    dispatch_apply_f(2, queue, &branches, run_branch);
}

#define INVOKE(a, arg_a, b, arg_b) peer_invoke(a, arg_a, b, arg_b)
#include "../fib.h"

unsigned long peer_fib(unsigned n) {
    struct fib call = {n, 0};
    fib(&call);
    return call.value;
}

struct loop {
    uint64_t n, grain;
    range_fn body;
    void *ctx;
};

static void run_part(void *arg, size_t part) {
    const struct loop *loop = arg;
    uint64_t lo = part * loop->grain, left = loop->n - lo;
    loop->body(lo, lo + (left < loop->grain ? left : loop->grain), loop->ctx);
}

// It has no grain of its own. Its manual asks for a few parts a thread: eight here.
void peer_for(uint64_t n, uint64_t grain, range_fn body, void *ctx) {
    if (grain == 0) grain = n / (crew * 8ul) + 1;
    struct loop loop = {n, grain, body, ctx};
    dispatch_apply_f((n + grain - 1) / grain, queue, &loop, run_part);
}
