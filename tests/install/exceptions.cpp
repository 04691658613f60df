// A C++ program that throws and catches, in main and in tasks, while tp's own unwind tables are in the same process.

#include <atomic>
#include <exception>
#include <stdexcept>
#include <string>
#include <tp.h>

static std::atomic<int> caught{0};
static std::exception_ptr carried;

[[gnu::noinline]] static void fail(int depth) {
    std::string held(100, 'x');
    if (depth == 0) throw std::runtime_error("from the bottom");
    fail(depth - 1);
    if (held.empty()) throw std::logic_error("never");
}

static void catches_inside(void *) {
    try {
        fail(10);
    } catch (const std::runtime_error &) {
        caught++;
    }
}

static void carries_out(void *) {
    try {
        fail(10);
    } catch (...) {
        carried = std::current_exception();
    }
}

int main() {
    tp_pool *pool = nullptr;
    if (tp_create(nullptr, &pool) != TP_OK) return 1;
    for (int i = 0; i < 100; i++) {
        if (tp_submit(pool, catches_inside, nullptr) != TP_OK) return 2;
    }
    if (tp_submit(pool, carries_out, nullptr) != TP_OK) return 2;
    if (tp_wait(pool, TP_FOREVER) != TP_OK || tp_destroy(pool) != TP_OK) return 3;
    catches_inside(nullptr);
    try {
        std::rethrow_exception(carried);
    } catch (const std::runtime_error &) {
        caught++;
    }
    return caught == 102 ? 0 : 4;
}
