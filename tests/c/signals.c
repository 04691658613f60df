// signals: workers are good guests. Signals that ask for a handler never come to them; those that must reach every
// thread, for profilers and for faults, do.

#include "support.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

static _Atomic pid_t handled_on;
static _Atomic uint32_t handled;

static void handle(int number) {
    (void)number;
    int error = errno;
    atomic_store(&handled_on, gettid());
    atomic_fetch_add(&handled, 1);
    errno = error;
}

static void install(int number, void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    must(sigaction(number, &action, NULL) == 0);
    handled = 0;
    handled_on = 0;
}

static void change_mask(int how, int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    must(pthread_sigmask(how, &set, NULL) == 0);
}

static bool is_pending(int number) {
    sigset_t set;
    must(sigpending(&set) == 0);
    return sigismember(&set, number) == 1;
}

static const int for_handlers[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGINT,   SIGTERM,
                                   SIGHUP,  SIGQUIT, SIGCHLD, SIGWINCH, SIGIO};
static const int for_everyone[] = {SIGPROF, SIGPIPE, SIGTRAP, SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

static void keep_busy(tp_pool *pool) {
    for (int i = 0; i < 100; i++) must_status(tp_submit(pool, nothing, NULL), TP_OK);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
}

static void a_signal_for_the_process_is_handled_on_the_main_thread(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    for (size_t i = 0; i < 5; i++) {
        install(for_handlers[i], handle);
        keep_busy(pool);
        assert_int_equal(kill(getpid(), for_handlers[i]), 0);
        keep_busy(pool);
        assert_soon(handled == 1);
        assert_int_equal(handled_on, gettid());
        install(for_handlers[i], SIG_DFL);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_signal_that_the_main_thread_blocks_waits_for_it(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    keep_busy(pool);
    for (size_t i = 0; i < 5; i++) {
        install(for_handlers[i], handle);
        change_mask(SIG_BLOCK, for_handlers[i]);
        assert_int_equal(kill(getpid(), for_handlers[i]), 0);
        keep_busy(pool);
        assert_true(is_pending(for_handlers[i]));
        assert_int_equal(handled, 0);
        change_mask(SIG_UNBLOCK, for_handlers[i]);
        assert_int_equal(handled, 1);
        assert_int_equal(handled_on, gettid());
        install(for_handlers[i], SIG_DFL);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

struct mask {
    sigset_t hook;
    sigset_t task;
};

static void reads_the_mask_in_a_hook(void *mask, uint32_t worker) {
    (void)worker;
    must(pthread_sigmask(SIG_SETMASK, NULL, &((struct mask *)mask)->hook) == 0);
}

static void reads_the_mask(void *mask) { must(pthread_sigmask(SIG_SETMASK, NULL, &((struct mask *)mask)->task) == 0); }

static struct mask mask_of_a_worker(void) {
    struct mask mask;
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.on_start = reads_the_mask_in_a_hook;
    options.hook_ctx = &mask;
    tp_pool *pool = pool_with(options);
    run_inside(pool, reads_the_mask, &mask);
    must_status(tp_destroy(pool), TP_OK);
    return mask;
}

static void a_worker_blocks_the_signals_that_ask_for_a_handler(void **state) {
    (void)state;
    struct mask mask = mask_of_a_worker();
    for (size_t i = 0; i < sizeof for_handlers / sizeof for_handlers[0]; i++) {
        if (!sigismember(&mask.task, for_handlers[i])) fail_msg("%s is open", strsignal(for_handlers[i]));
        if (!sigismember(&mask.hook, for_handlers[i])) fail_msg("%s is open in a hook", strsignal(for_handlers[i]));
    }
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++) {
        if (!sigismember(&mask.task, number)) fail_msg("real-time signal %d is open", number);
    }
}

static void a_worker_leaves_profiling_pipes_and_faults_open(void **state) {
    (void)state;
    struct mask mask = mask_of_a_worker();
    for (size_t i = 0; i < sizeof for_everyone / sizeof for_everyone[0]; i++) {
        if (sigismember(&mask.task, for_everyone[i])) fail_msg("%s is blocked", strsignal(for_everyone[i]));
        if (sigismember(&mask.hook, for_everyone[i])) fail_msg("%s is blocked in a hook", strsignal(for_everyone[i]));
    }
}

static void making_a_pool_leaves_the_callers_mask_as_it_was(void **state) {
    (void)state;
    sigset_t before;
    sigset_t after;
    change_mask(SIG_BLOCK, SIGUSR2);
    must(pthread_sigmask(SIG_SETMASK, NULL, &before) == 0);
    tp_pool *pool = pool_of(2);
    assert_status(tp_resize(pool, 4), TP_OK);
    keep_busy(pool);
    assert_status(tp_destroy(pool), TP_OK);
    keep_busy(tp_default());
    must(pthread_sigmask(SIG_SETMASK, NULL, &after) == 0);
    for (int number = 1; number <= SIGRTMAX; number++) {
        assert_int_equal(sigismember(&before, number), sigismember(&after, number));
    }
    change_mask(SIG_UNBLOCK, SIGUSR2);
}

static void a_worker_that_a_thread_with_all_signals_blocked_makes_is_open_to_the_same(void **state) {
    (void)state;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    must(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    struct mask mask = mask_of_a_worker();
    must(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    for (size_t i = 0; i < sizeof for_everyone / sizeof for_everyone[0]; i++) {
        if (sigismember(&mask.task, for_everyone[i])) fail_msg("%s is blocked", strsignal(for_everyone[i]));
    }
}

static void changes_its_mask(void *unused) {
    (void)unused;
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGUSR1);
    must(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
}

static bool has_the_mask_of_a_worker(tp_pool *pool) {
    struct mask mask;
    run_inside(pool, reads_the_mask, &mask);
    return sigismember(&mask.task, SIGUSR1) && !sigismember(&mask.task, SIGPROF);
}

static void what_a_task_changes_of_its_mask_is_restored_when_its_worker_has_nothing_left(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    for (int i = 0; i < 20; i++) {
        run_inside(pool, changes_its_mask, NULL);
        assert_soon(has_the_mask_of_a_worker(pool));
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void burns_until_it_is_profiled(void *unused) {
    (void)unused;
    uint64_t end = now_ns() + LIMIT_NS;
    while (handled == 0) must(now_ns() < end);
}

static void a_profiler_sees_the_workers(void **state) {
    (void)state;
    if (RUNNING_ON_VALGRIND) skip();
    struct itimerval often = {{0, 1000}, {0, 1000}};
    struct itimerval never = {{0, 0}, {0, 0}};
    tp_pool *pool = pool_of(1);
    install(SIGPROF, handle);
    change_mask(SIG_BLOCK, SIGPROF);
    must(setitimer(ITIMER_PROF, &often, NULL) == 0);
    run_inside(pool, burns_until_it_is_profiled, NULL);
    must(setitimer(ITIMER_PROF, &never, NULL) == 0);
    assert_true(handled > 0);
    assert_int_not_equal(handled_on, gettid());
    assert_status(tp_destroy(pool), TP_OK);
    install(SIGPROF, SIG_IGN);
    change_mask(SIG_UNBLOCK, SIGPROF);
    install(SIGPROF, SIG_DFL);
}

static void writes_to_nobody(void *unused) {
    (void)unused;
    int pipes[2];
    must(pipe(pipes) == 0);
    close(pipes[0]);
    must(write(pipes[1], "x", 1) == -1 && errno == EPIPE);
    close(pipes[1]);
    must(handled == 1);
    must(handled_on == gettid());
}

static void a_broken_pipe_is_told_to_the_task_that_writes(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    install(SIGPIPE, handle);
    run_inside(pool, writes_to_nobody, NULL);
    install(SIGPIPE, SIG_DFL);
    assert_status(tp_destroy(pool), TP_OK);
}

static void changes_who_it_is(void *unused) {
    (void)unused;
    tp_pool *pool = pool_of(3);
    keep_busy(pool);
    must(setgid(getgid()) == 0);
    must(setuid(getuid()) == 0);
    keep_busy(pool);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_change_of_user_reaches_the_workers(void **state) {
    (void)state;
    if (RUNNING_ON_VALGRIND) skip();
    assert_child(changes_who_it_is, NULL);
}

static void waits_interrupted(void *arg) {
    struct gate *gate = (struct gate *)arg;
    struct itimerval often = {{0, 1000}, {0, 1000}};
    struct itimerval never = {{0, 0}, {0, 0}};
    tp_pool *pool = pool_of(1);
    install(SIGALRM, handle);
    occupy(pool, gate, 1);
    must(setitimer(ITIMER_REAL, &often, NULL) == 0);
    must_status(tp_wait(pool, 5 * SHORT_NS), TP_ETIMEDOUT);
    must_status(tp_shutdown(pool, TP_DRAIN, 5 * SHORT_NS), TP_ETIMEDOUT);
    must(handled > 0);
    gate_open(gate);
    must_status(tp_wait(pool, TP_FOREVER), TP_OK);
    must_status(tp_shutdown(pool, TP_DRAIN, TP_FOREVER), TP_OK);
    must(setitimer(ITIMER_REAL, &never, NULL) == 0);
    must_status(tp_destroy(pool), TP_OK);
}

static void a_wait_that_signals_interrupt_goes_on(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    assert_child(waits_interrupted, &gate);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_for_the_process_is_handled_on_the_main_thread),
        cmocka_unit_test(a_signal_that_the_main_thread_blocks_waits_for_it),
        cmocka_unit_test(a_worker_blocks_the_signals_that_ask_for_a_handler),
        cmocka_unit_test(a_worker_leaves_profiling_pipes_and_faults_open),
        cmocka_unit_test(making_a_pool_leaves_the_callers_mask_as_it_was),
        cmocka_unit_test(a_worker_that_a_thread_with_all_signals_blocked_makes_is_open_to_the_same),
        cmocka_unit_test(what_a_task_changes_of_its_mask_is_restored_when_its_worker_has_nothing_left),
        cmocka_unit_test(a_profiler_sees_the_workers),
        cmocka_unit_test(a_broken_pipe_is_told_to_the_task_that_writes),
        cmocka_unit_test(a_change_of_user_reaches_the_workers),
        cmocka_unit_test(a_wait_that_signals_interrupt_goes_on),
    };
    return run_file(tests);
}
