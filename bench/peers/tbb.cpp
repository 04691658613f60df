// oneTBB: an arena of workers alone, none of its places kept for the caller. The body's thread enqueues in it; all
// others, tasks included, run tasks in one task_group. Either was the faster where it is used.
extern "C" {
#include "../peer.h"
}

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_invoke.h>
#include <oneapi/tbb/parallel_sort.h>
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
    switch (ability) {
    case PEER_FUTURE:
    case PEER_FUTURE_INSIDE: return "has groups, and no futures";
    case PEER_GANG: return "does not say that bodies run at the same time";
    case PEER_IN_ORDER: return "its sort has none";
    default: return nullptr;
    }
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

// ---- Fork, join, loops and sorts ----

// An arena with a place for the caller.
void peer_with_crew(unsigned workers, task_fn body, void *arg) {
    tbb::task_scheduler_handle scheduler{tbb::attach{}};
    {
        tbb::global_control threads(tbb::global_control::max_allowed_parallelism, workers);
        tbb::global_control stack(tbb::global_control::thread_stack_size, std::size_t{16} << 20);
        tbb::task_arena arena(static_cast<int>(workers));
        arena.execute([=] { body(arg); });
    }
    (void)tbb::finalize(scheduler, std::nothrow);
}

unsigned long peer_fib(unsigned n) {
    if (n < 2) return n;
    unsigned long one, two;
    tbb::parallel_invoke([&] { one = peer_fib(n - 1); }, [&] { two = peer_fib(n - 2); });
    return one + two;
}

void peer_invoke(task_fn a, void *arg_a, task_fn b, void *arg_b) {
    tbb::parallel_invoke([=] { a(arg_a); }, [=] { b(arg_b); });
}

// Its own partitioner cuts no finer than it must, so a grain asks for the simple one.
void peer_for(uint64_t n, uint64_t grain, range_fn body, void *ctx) {
    using range = tbb::blocked_range<uint64_t>;
    auto part = [=](const range &items) { body(items.begin(), items.end(), ctx); };
    if (grain == 0) tbb::parallel_for(range(0, n), part);
    else tbb::parallel_for(range(0, n, grain), part, tbb::simple_partitioner());
}

void peer_sort(int32_t *base, size_t n) { tbb::parallel_sort(base, base + n); }

void peer_sort_records(record *base, size_t n, bool) {
    tbb::parallel_sort(base, base + n, [](const record &x, const record &y) { return x.key < y.key; });
}

void peer_sort_by(void *base, size_t n, size_t size, compare_fn compare, bool) {
    auto sort = [=](auto *first) {
        tbb::parallel_sort(first, first + n,
                           [=](const auto &x, const auto &y) { return compare(&x, &y, nullptr) < 0; });
    };
    if (size == sizeof(int32_t)) sort(static_cast<int32_t *>(base));
    else sort(static_cast<void **>(base));
}
}
