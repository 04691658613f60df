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
