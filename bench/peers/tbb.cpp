// oneTBB: an arena of workers alone, none of its places kept for the caller. The body's thread enqueues in it; all
// others, tasks included, run tasks in one task_group. Either was the faster where it is used.
extern "C" {
#include "../peer.h"
}

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

namespace {

struct pool {
    // One more than the workers: the number includes the caller.
    explicit pool(unsigned workers)
        : threads(tbb::global_control::max_allowed_parallelism, workers + 1), arena(static_cast<int>(workers), 0) {}
    tbb::global_control threads;
    tbb::task_arena arena;
    tbb::task_group group;
};

pool *current;
thread_local bool in_body;

} // namespace

extern "C" {

const char *peer_lacks(enum ability ability, unsigned) {
    bool is_future = ability == PEER_FUTURE || ability == PEER_FUTURE_INSIDE;
    return is_future ? "has groups, and no futures" : nullptr;
}

void peer_with_pool(unsigned workers, task_fn body, void *arg) {
    // Its threads live on without a pool; finalize ends them.
    tbb::task_scheduler_handle scheduler{tbb::attach{}};
    {
        pool here(workers);
        current = &here;
        in_body = true;
        body(arg);
        here.arena.execute([&] { here.group.wait(); });
    }
    (void)tbb::finalize(scheduler, std::nothrow);
}

void peer_submit(task_fn run, void *arg) {
    if (in_body) current->arena.enqueue([=] { run(arg); });
    else current->group.run([=] { run(arg); });
}

void peer_spawn(task_fn run, void *arg) {
    current->group.run([=] { run(arg); });
}

// The body's thread joins the arena for that, in place of a worker: it runs tasks while it waits.
void peer_with_group(group_fn body, void *arg) {
    auto all = [=] {
        tbb::task_group group;
        body(&group, arg);
        group.wait();
    };
    if (in_body) current->arena.execute(all);
    else all();
}

void peer_group_run(void *group, task_fn run, void *arg) {
    static_cast<tbb::task_group *>(group)->run([=] { run(arg); });
}

void peer_group_wait(void *group) { static_cast<tbb::task_group *>(group)->wait(); }
}
