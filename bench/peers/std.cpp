// The C++ library's own: std::async with std::launch::async, which starts a thread each. There is no pool.
extern "C" {
#include "../peer.h"
}

#include <cstdlib>
#include <future>
#include <new>
#include <utility>

namespace {

using result = std::future<void *>;
static_assert(sizeof(result) <= sizeof(future) && alignof(result) <= alignof(future));

} // namespace

extern "C" {

const char *peer_lacks(enum ability ability, unsigned) {
    switch (ability) {
    case PEER_FUTURE: return nullptr;
    case PEER_FUTURE_INSIDE:
    case PEER_FUTURES_PENDING: return "starts a thread a future";
    default: return ability >= PEER_FIB ? "has neither forks, loops nor sorts" : "has futures alone";
    }
}

void peer_with_pool(unsigned, task_fn body, void *arg) { body(arg); }

void peer_submit(task_fn, void *) { std::abort(); }

void peer_spawn(task_fn, void *) { std::abort(); }

void peer_async(value_fn run, void *arg, struct future *future) {
    new (future->room) result(std::async(std::launch::async, run, arg));
}

void *peer_await(struct future *future) {
    result *here = std::launder(reinterpret_cast<result *>(future->room));
    void *value = here->get();
    here->~result();
    return value;
}
}
