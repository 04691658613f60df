// ends: how a process ends while tp is at work, and what its last code may still ask of tp.

#include "support.h"

#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>

extern char **environ;

// What a child exits with if all was well.
enum { WELL = 7 };

static void submits_itself_again(void *unused) {
    (void)unused;
    must_status(tp_submit(tp_current(), submits_itself_again, NULL), TP_OK);
}

// Work of every kind that is queued and that runs.
static void make_busy(void) {
    tp_pool *pool = pool_of(2);
    for (int i = 0; i < 4; i++) {
        must_status(tp_submit(pool, submits_itself_again, NULL), TP_OK);
        must_status(tp_submit(tp_default(), submits_itself_again, NULL), TP_OK);
    }
}

static void assert_each_ends_well(void (*body)(void *), size_t times) {
    for (size_t i = 0; i < times; i++) {
        struct child child = child_run(body, NULL);
        if (child.code != WELL) fail_msg("code %d, signal %d: %s", child.code, child.signal, child.text);
        assert_string_equal(child.text, "");
    }
}

static void leaves(void *unused) {
    (void)unused;
    make_busy();
    exit(WELL);
}

static void main_may_exit_with_work_queued_and_running(void **state) {
    (void)state;
    assert_each_ends_well(leaves, rounds(2, 100, 10000));
}

static void exits(void *unused) {
    (void)unused;
    exit(WELL);
}

static void is_left(void *unused) {
    (void)unused;
    make_busy();
    must_status(tp_submit(tp_default(), exits, NULL), TP_OK);
    for (;;) pause();
}

static void a_task_may_exit_with_work_queued_and_running(void **state) {
    (void)state;
    assert_each_ends_well(is_left, rounds(2, 100, 10000));
}

static void exits_quickly(void *unused) {
    (void)unused;
    quick_exit(WELL);
}

static void is_left_quickly(void *unused) {
    (void)unused;
    make_busy();
    must_status(tp_submit(tp_default(), exits_quickly, NULL), TP_OK);
    for (;;) pause();
}

static void a_task_may_end_the_process_without_handlers(void **state) {
    (void)state;
    assert_each_ends_well(is_left_quickly, rounds(2, 20, 1000));
}

// ---- The last code of a process, and of a thread -----------------------------------------------------------

static void add(void *number) { ++*(uint64_t *)number; }

static void *gives(void *number) { return number; }

static void uses_all(tp_pool *pool) {
    void *value = NULL;
    uint64_t number = 0;
    must_status(tp_submit(pool, add, &number), TP_OK);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    tp_future *future = NULL;
    must_status(tp_async(pool, gives, &number, &future), TP_OK);
    must_status(tp_future_wait(future, LIMIT_NS, &value), TP_OK);
    must(value == &number && number == 1);
    tp_future_release(future);
}

static void uses_the_default_pool(void) { uses_all(tp_default()); }

static void exits_and_goes_on(void *started) {
    if (started != NULL) uses_the_default_pool();
    must(atexit(uses_the_default_pool) == 0);
    exit(0);
}

static void a_handler_at_exit_may_use_the_default_pool_and_start_it(void **state) {
    (void)state;
    for (size_t i = 0; i < rounds(1, 20, 500); i++) {
        assert_child(exits_and_goes_on, NULL);
        assert_child(exits_and_goes_on, &i);
    }
}

static pthread_key_t key;

static void uses_the_pool_at_the_end_of_a_thread(void *pool) { uses_all((tp_pool *)pool); }

static void *ends_with_a_value(void *pool) {
    must(pthread_setspecific(key, pool) == 0);
    return NULL;
}

static void leaves_a_value(void *pool) { ends_with_a_value(pool); }

// The destructors of an outside thread, and of a worker that leaves a pool that goes on.
static void a_destructor_of_a_thread_may_use_a_pool(void **state) {
    (void)state;
    assert_int_equal(pthread_key_create(&key, uses_the_pool_at_the_end_of_a_thread), 0);
    for (size_t i = 0; i < rounds(5, 200, 5000); i++) {
        pthread_t thread;
        tp_pool *pool = pool_of(2);
        assert_int_equal(pthread_create(&thread, NULL, ends_with_a_value, pool), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        tp_pool *other = pool_of(2);
        for (int task = 0; task < 8; task++) must_status(tp_submit(other, leaves_a_value, pool), TP_OK);
        assert_status(tp_wait(other, LIMIT_NS), TP_OK);
        assert_status(tp_resize(other, 1), TP_OK);
        assert_status(tp_destroy(other), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
    assert_int_equal(pthread_key_delete(key), 0);
}

// ---- Children of tasks -------------------------------------------------------------------------------------

static int code_of(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) must(errno == EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

// No handler of pthread_atfork has run: the child may only end, or become another program.
static void makes_a_bare_child(void *unused) {
    (void)unused;
    pid_t pid = _Fork();
    if (pid == 0) _exit(WELL);
    must(pid > 0 && code_of(pid) == WELL);
}

static void spawns(void *unused) {
    (void)unused;
    char *arguments[] = {"sh", "-c", "exit 7", NULL};
    pid_t pid = 0;
    must(posix_spawn(&pid, "/bin/sh", NULL, NULL, arguments, environ) == 0);
    must(code_of(pid) == WELL);
}

static void a_task_may_make_a_bare_child_and_spawn_a_program(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    for (size_t i = 0; i < rounds(2, 50, 500); i++) {
        must_status(tp_submit(pool, makes_a_bare_child, NULL), TP_OK);
        must_status(tp_submit(pool, spawns, NULL), TP_OK);
    }
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// What a program is ended with that a task starts, and then sent SIGTERM.
static int ends_with(bool resets_its_mask) {
    char *arguments[] = {"sh", "-c", "kill -TERM $$; exit 7", NULL};
    posix_spawnattr_t attributes;
    sigset_t none;
    pid_t pid = 0;
    sigemptyset(&none);
    must(posix_spawnattr_init(&attributes) == 0);
    must(posix_spawnattr_setsigmask(&attributes, &none) == 0);
    if (resets_its_mask) must(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK) == 0);
    must(posix_spawn(&pid, "/bin/sh", NULL, &attributes, arguments, environ) == 0);
    must(posix_spawnattr_destroy(&attributes) == 0);
    return code_of(pid);
}

static void starts_programs(void *unused) {
    (void)unused;
    must(ends_with(false) == WELL);
    must(ends_with(true) == 256 + SIGTERM);
}

static void a_program_that_a_task_starts_inherits_its_mask_unless_told_otherwise(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    run_inside(pool, starts_programs, NULL);
    assert_status(tp_destroy(pool), TP_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(main_may_exit_with_work_queued_and_running),
        cmocka_unit_test(a_task_may_exit_with_work_queued_and_running),
        cmocka_unit_test(a_task_may_end_the_process_without_handlers),
        cmocka_unit_test(a_handler_at_exit_may_use_the_default_pool_and_start_it),
        cmocka_unit_test(a_destructor_of_a_thread_may_use_a_pool),
        cmocka_unit_test(a_task_may_make_a_bare_child_and_spawn_a_program),
        cmocka_unit_test(a_program_that_a_task_starts_inherits_its_mask_unless_told_otherwise),
    };
    return run_file(tests);
}
