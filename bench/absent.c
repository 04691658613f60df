// What peers do not have: peer_lacks has said so, and nobody calls these.
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
