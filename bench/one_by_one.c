// Many tasks for peers that take one at a time.
#include "peer.h"

__attribute__((weak)) void peer_submit_many(task_fn run, void *const *args, size_t n) {
    for (size_t i = 0; i < n; i++) peer_submit(run, args[i]);
}

__attribute__((weak)) void peer_spawn_many(task_fn run, void *const *args, size_t n) {
    for (size_t i = 0; i < n; i++) peer_spawn(run, args[i]);
}
