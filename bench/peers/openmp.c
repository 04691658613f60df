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
