// OpenMP's tasks, built twice: with gcc (libgomp) and with clang (libomp). The pool is a parallel region of the workers
// and one thread more, which runs the body in a `single`; the workers run tasks in the barrier at its end.
#include "../peer.h"

#include <omp.h>

const char *peer_lacks(enum ability ability, unsigned workers) {
    (void)workers;
    switch (ability) {
    case PEER_PRODUCERS: return "only threads of the parallel region may submit";
    case PEER_PENDING: return "lets few tasks wait: the caller runs them";
    case PEER_POOL: return "keeps its threads until the process ends";
    case PEER_FIB_LONG: return "takes too long";
    case PEER_SORT:
    case PEER_SORT_BY: return "has no sort";
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

// ---- Fork, join and loops ----
//
// The caller is one of the threads. A loop is a parallel region of its own, as users write it; forks are in one that
// lasts until all are joined.

static unsigned crew;

void peer_with_crew(unsigned workers, task_fn body, void *arg) {
    crew = workers;
    body(arg);
}

void peer_fork_join(task_fn run, void *arg) {
#pragma omp parallel num_threads(crew)
#pragma omp single
    run(arg);
}

void peer_invoke(task_fn a, void *arg_a, task_fn b, void *arg_b) {
#pragma omp task firstprivate(a, arg_a)
    a(arg_a);
    b(arg_b);
#pragma omp taskwait
}

static unsigned long fib(unsigned n) {
    if (n < 2) return n;
    unsigned long one, two;
#pragma omp task shared(one) firstprivate(n)
    one = fib(n - 1);
    two = fib(n - 2);
#pragma omp taskwait
    return one + two;
}

unsigned long peer_fib(unsigned n) {
    unsigned long value;
#pragma omp parallel num_threads(crew)
#pragma omp single
    value = fib(n);
    return value;
}

// Items in parts of the grain, handed out as threads come; without a grain as the runtime has it, in equal shares.
void peer_for(uint64_t n, uint64_t grain, range_fn body, void *ctx) {
    if (grain == 0) {
#pragma omp parallel for num_threads(crew)
        for (uint64_t i = 0; i < n; i++) body(i, i + 1, ctx);
    } else {
        uint64_t parts = (n + grain - 1) / grain;
#pragma omp parallel for num_threads(crew) schedule(dynamic)
        for (uint64_t part = 0; part < parts; part++)
            body(part * grain, part + 1 == parts ? n : (part + 1) * grain, ctx);
    }
}

void peer_gang(uint32_t n, gang_fn body, void *ctx) {
#pragma omp parallel num_threads(n)
    body((uint32_t)omp_get_thread_num(), n, ctx);
}
