// escape: a callback that lets a C++ exception or pthread_exit escape ends the process, with a message on
// standard error.
//
// Each way out is tried in a child, in whose main() a handler stands by: nothing may get that far.

// cmocka's macros would get in the way of the standard library: it comes last.
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <string>

#include "../c/support.h"

namespace {

void throws(void *) { throw std::runtime_error("this exception leaves its task"); }
void throws_a_number(void *) { throw 42; }
void exits_its_thread(void *) { pthread_exit(nullptr); }
void throws_in_a_hook(void *, std::uint32_t) { throw std::runtime_error("this exception leaves a hook"); }
void exits_its_thread_in_a_hook(void *, std::uint32_t) { pthread_exit(nullptr); }
void throws_in_a_drop(void *, tp_status) { throw std::runtime_error("this exception leaves a drop function"); }
void exits_its_thread_in_a_drop(void *, tp_status) { pthread_exit(nullptr); }

// What a child does: it has a callback called that does not come back.
using attempt = void (*)();

// Runs it with a handler for all that it might throw.
void attempt_in_a_child(void *arg) {
    try {
        reinterpret_cast<attempt>(arg)();
    } catch (...) {
        _exit(3);
    }
    _exit(4);
}

// How many lines there are that valgrind did not write.
size_t lines_of(const std::string &text) {
    std::istringstream stream(text);
    size_t lines = 0;
    for (std::string line; std::getline(stream, line);) {
        if (line.rfind("==", 0) != 0 && line.rfind("--", 0) != 0) lines++;
    }
    return lines;
}

void assert_abort(attempt tried) {
    struct child child = child_run(attempt_in_a_child, reinterpret_cast<void *>(tried));
    if (child.signal != SIGABRT) fail_msg("code %d, signal %d: %s", child.code, child.signal, child.text);
    // One of tp's, or what the C++ runtime says of an exception that nobody would catch.
    bool told_by_runtime = std::string(child.text).find("terminate called") != std::string::npos;
    if (!told_by_runtime && lines_of(child.text) != 1) fail_msg("not one line: %s", child.text);
    assert_int_equal(std::string(child.text).back(), '\n');
}

template <tp_task_fn run> void run_on_a_worker() {
    tp_pool *pool = pool_of(2);
    must_status(tp_submit(pool, run, nullptr), TP_OK);
    (void)tp_wait(pool, LIMIT_NS);
}

template <tp_task_fn run> void run_on_the_default_pool() {
    must_status(tp_submit(tp_default(), run, nullptr), TP_OK);
    (void)tp_wait(tp_default(), LIMIT_NS);
}

template <tp_task_fn run> void run_in_the_caller() {
    tp_pool *pool = pool_full_at(1, TP_FULL_RUN_IN_CALLER);
    must_status(tp_pause(pool), TP_OK);
    must_status(tp_submit(pool, nothing, nullptr), TP_OK);
    (void)tp_submit(pool, run, nullptr);
}

template <void (*hook)(void *, std::uint32_t)> void run_at_the_start() {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.on_start = hook;
    tp_pool *pool = pool_with(options);
    (void)tp_destroy(pool);
}

template <void (*hook)(void *, std::uint32_t)> void run_at_the_stop() {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.on_stop = hook;
    tp_pool *pool = pool_with(options);
    (void)tp_destroy(pool);
}

template <tp_drop_fn drop> void run_as_a_drop(int32_t when_full) {
    tp_task_options options = TP_TASK_OPTIONS_INIT;
    options.drop = drop;
    tp_pool *pool = pool_full_at(1, when_full);
    must_status(tp_pause(pool), TP_OK);
    must_status(tp_submit_with(pool, nothing, nullptr, &options), TP_OK);
    if (when_full == TP_FULL_DROP_OLDEST) (void)tp_submit(pool, nothing, nullptr);
    (void)tp_shutdown(pool, TP_DISCARD, LIMIT_NS);
}

template <tp_drop_fn drop> void run_in_a_discard() { run_as_a_drop<drop>(TP_FULL_BLOCK); }
template <tp_drop_fn drop> void run_in_an_eviction() { run_as_a_drop<drop>(TP_FULL_DROP_OLDEST); }

void an_exception_that_leaves_a_task_aborts(void **) {
    assert_abort(run_on_a_worker<throws>);
    assert_abort(run_on_a_worker<throws_a_number>);
    assert_abort(run_on_the_default_pool<throws>);
}

void an_exception_that_leaves_a_task_in_its_caller_aborts_though_the_caller_would_catch_it(void **) {
    assert_abort(run_in_the_caller<throws>);
}

void an_exception_that_leaves_a_hook_aborts(void **) {
    assert_abort(run_at_the_start<throws_in_a_hook>);
    assert_abort(run_at_the_stop<throws_in_a_hook>);
}

void an_exception_that_leaves_a_drop_function_aborts(void **) {
    assert_abort(run_in_a_discard<throws_in_a_drop>);
    assert_abort(run_in_an_eviction<throws_in_a_drop>);
}

void an_exit_of_the_thread_in_a_task_aborts(void **) {
    assert_abort(run_on_a_worker<exits_its_thread>);
    assert_abort(run_on_the_default_pool<exits_its_thread>);
    assert_abort(run_in_the_caller<exits_its_thread>);
}

void an_exit_of_the_thread_in_a_hook_aborts(void **) {
    assert_abort(run_at_the_start<exits_its_thread_in_a_hook>);
    assert_abort(run_at_the_stop<exits_its_thread_in_a_hook>);
}

void an_exit_of_the_thread_in_a_drop_function_aborts(void **) {
    assert_abort(run_in_a_discard<exits_its_thread_in_a_drop>);
    assert_abort(run_in_an_eviction<exits_its_thread_in_a_drop>);
}

} // namespace

int main() {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exception_that_leaves_a_task_aborts),
        cmocka_unit_test(an_exception_that_leaves_a_task_in_its_caller_aborts_though_the_caller_would_catch_it),
        cmocka_unit_test(an_exception_that_leaves_a_hook_aborts),
        cmocka_unit_test(an_exception_that_leaves_a_drop_function_aborts),
        cmocka_unit_test(an_exit_of_the_thread_in_a_task_aborts),
        cmocka_unit_test(an_exit_of_the_thread_in_a_hook_aborts),
        cmocka_unit_test(an_exit_of_the_thread_in_a_drop_function_aborts),
    };
    return run_file(tests);
}
