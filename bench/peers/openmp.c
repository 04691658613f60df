// OpenMP's tasks, built twice: with gcc (libgomp) and with clang (libomp). The pool is a parallel region of the workers
// and one thread more, which runs the body in a `single`; the workers run tasks in the barrier at its end.
#include "../peer.h"

const char *peer_lacks(enum ability ability, unsigned workers) {
    (void)workers;
    switch (ability) {
    case PEER_PRODUCERS: return "only threads of the parallel region may submit";
    case PEER_PENDING: return "lets few tasks wait: the caller runs them";
    case PEER_POOL: return "keeps its threads until the process ends";
    default: return NULL;
    }
}

void peer_with_pool(unsigned workers, task_fn body, void *arg) {
#pragma omp parallel num_threads(workers + 1)
#pragma omp single
    body(arg);
}

void peer_submit(task_fn run, void *arg) {
#pragma omp task firstprivate(run, arg)
    run(arg);
}

void peer_spawn(task_fn run, void *arg) { peer_submit(run, arg); }

// A future is a task that others may depend on.
void peer_async(value_fn run, void *arg, struct future *future) {
    void **value = future->room;
#pragma omp task firstprivate(run, arg, value) depend(out : value[0])
    *value = run(arg);
}

void *peer_await(struct future *future) {
    void **value = future->room;
#pragma omp taskwait depend(in : value[0])
    return *value;
}

void peer_with_group(group_fn body, void *arg) {
#pragma omp taskgroup
    body(NULL, arg);
}

void peer_group_run(void *group, task_fn run, void *arg) {
    (void)group;
    peer_submit(run, arg);
}

void peer_group_wait(void *group) {
    (void)group;
#pragma omp taskwait
}
