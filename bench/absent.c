// What peers do not have: peer_lacks has said so, and nobody calls these. At the end, what most have in the same way.
#include "peer.h"

#include <stdlib.h>

__attribute__((weak)) void peer_async(value_fn run, void *arg, struct future *future) {
    (void)run, (void)arg, (void)future;
    abort();
}

__attribute__((weak)) void *peer_await(struct future *future) {
    (void)future;
    abort();
}

__attribute__((weak)) void peer_with_group(group_fn body, void *arg) {
    (void)body, (void)arg;
    abort();
}

__attribute__((weak)) void peer_group_run(void *group, task_fn run, void *arg) {
    (void)group, (void)run, (void)arg;
    abort();
}

__attribute__((weak)) void peer_group_wait(void *group) {
    (void)group;
    abort();
}

__attribute__((weak)) void peer_with_crew(unsigned workers, task_fn body, void *arg) {
    (void)workers, (void)body, (void)arg;
    abort();
}

__attribute__((weak)) unsigned long peer_fib(unsigned n) {
    (void)n;
    abort();
}

__attribute__((weak)) void peer_invoke(task_fn a, void *arg_a, task_fn b, void *arg_b) {
    (void)a, (void)arg_a, (void)b, (void)arg_b;
    abort();
}

__attribute__((weak)) void peer_for(uint64_t n, uint64_t grain, range_fn body, void *ctx) {
    (void)n, (void)grain, (void)body, (void)ctx;
    abort();
}

__attribute__((weak)) void peer_gang(uint32_t n, gang_fn body, void *ctx) {
    (void)n, (void)body, (void)ctx;
    abort();
}

__attribute__((weak)) void peer_sort(int32_t *base, size_t n) {
    (void)base, (void)n;
    abort();
}

__attribute__((weak)) void peer_sort_records(struct record *base, size_t n, bool in_order) {
    (void)base, (void)n, (void)in_order;
    abort();
}

__attribute__((weak)) void peer_sort_by(void *base, size_t n, size_t size, compare_fn compare, bool in_order) {
    (void)base, (void)n, (void)size, (void)compare, (void)in_order;
    abort();
}

__attribute__((weak)) unsigned peer_copies(unsigned workers) {
    (void)workers;
    return 1;
}

__attribute__((weak)) void peer_fork_join(task_fn run, void *arg) { run(arg); }
