// Another thread forks, once, when it is told to; or a callback does. The child sees what the call under test had done
// by then, of which it may use nothing: every handle says so at once, and all of them can be given back. Then it works
// with pools of its own.

#include "faults.h"

#include <signal.h>

// A child that takes longer hangs.
enum { CHILD_SECONDS = 30 };

static struct tally told = TALLY_INIT;
static struct tally forked = TALLY_INIT;
static _Atomic bool is_over;
static pthread_t forker;

bool child_ended_well(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) must(errno == EINTR);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) fprintf(stderr, "the forked child hung\n");
    else fprintf(stderr, "the forked child ended with status %#x\n", (unsigned)status);
    return false;
}

static pid_t fork_here(struct stage *stage) {
    pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        points_forget();
        alarm(CHILD_SECONDS);
        child_checks(stage);
        child_works();
        _exit(0);
    }
    stage->outcome->failures = 1;
    return pid;
}

static void *forks(void *arg) {
    struct stage *stage = (struct stage *)arg;
    must(tally_reaches(&told, 1));
    // Over: but another thread may just have come to its point, and waits.
    pid_t pid = is_over ? 0 : fork_here(stage);
    tally_add(&forked);
    if (pid != 0) must(child_ended_well(pid));
    return NULL;
}

void callback(struct stage *stage) {
    static _Atomic bool has_forked;
    int before = errno;
    if (stage->fault->kind != FORKS || stage->fault->at != AT_CALLBACK || stage->ends) return;
    if (!atomic_exchange(&has_forked, true)) must(child_ended_well(fork_here(stage)));
    errno = before;
}

void forker_start(struct stage *stage) { forker = start_thread(forks, stage); }

void forker_fork(void) {
    tally_add(&told);
    must(tally_reaches(&forked, 1));
}

void forker_end(void) {
    if (tally_now(&told) == 0) {
        is_over = true;
        tally_add(&told);
    }
    join_thread(forker);
}

// ---- The child ---------------------------------------------------------------------------------------------

static void never(void *unused) {
    (void)unused;
    must(!"a task runs in a forked child");
}

static void *never_async(void *unused) {
    never(unused);
    return NULL;
}

static void *never_follows(void *value, void *unused) {
    never(unused);
    return value;
}

static void never_drops(void *unused, tp_status why) {
    (void)why;
    never(unused);
}

static void never_in_a_loop(uint64_t lo, uint64_t hi, void *unused) {
    (void)lo;
    (void)hi;
    never(unused);
}

static void never_in_a_gang(uint32_t rank, uint32_t n, void *unused) {
    (void)rank;
    (void)n;
    never(unused);
}

static void ask_pool(tp_pool *pool) {
    tp_task_options options = options_with_drop(never_drops);
    tp_future *future = NULL;
    tp_group *group = NULL;
    void *args[2] = {NULL, NULL};
    int32_t keys[2] = {2, 1};
    must(tp_thread_count(pool) == 0 && tp_queued(pool) == 0);
    must_status(tp_submit(pool, never, NULL), TP_EFORKED);
    must_status(tp_submit_batch(pool, never, args, 2, NULL), TP_EFORKED);
    must_status(tp_submit_with(pool, never, NULL, &options), TP_EFORKED);
    must_status(tp_wait(pool, TP_FOREVER), TP_EFORKED);
    must_status(tp_resize(pool, 2), TP_EFORKED);
    must_status(tp_pause(pool), TP_EFORKED);
    must_status(tp_resume(pool), TP_EFORKED);
    must_status(tp_shutdown(pool, TP_DISCARD, TP_FOREVER), TP_EFORKED);
    must_status(tp_async(pool, never_async, NULL, &future), TP_EFORKED);
    must_status(tp_async_with(pool, never_async, NULL, &options, &future), TP_EFORKED);
    must_status(tp_group_create(pool, NULL, &group), TP_EFORKED);
    must_status(tp_parallel_invoke(pool, never, NULL, never, NULL), TP_EFORKED);
    must_status(tp_parallel_for(pool, 0, 9, 1, never_in_a_loop, NULL), TP_EFORKED);
    must_status(tp_parallel_sort_keys(pool, keys, 2, 4, 0, TP_KEY_I32), TP_EFORKED);
    must_status(tp_gang(pool, 2, never_in_a_gang, NULL), TP_EFORKED);
    must(future == NULL && group == NULL && keys[0] == 2);
}

static void ask_future(tp_future *future, bool by_hand) {
    tp_future *next = NULL;
    void *value = future;
    size_t index = 7;
    must(tp_future_state(future) == TP_EFORKED);
    must_status(tp_future_wait(future, TP_FOREVER, &value), TP_EFORKED);
    must_status(tp_future_wait_any(&future, 1, TP_FOREVER, &index), TP_EFORKED);
    must_status(tp_future_cancel(future), TP_EFORKED);
    must_status(tp_future_then(tp_default(), future, never_follows, NULL, &next), TP_EFORKED);
    if (by_hand) must_status(tp_future_complete(future, NULL), TP_EFORKED);
    must(next == NULL && index == 7 && value == future);
}

static void ask_group(tp_group *group) {
    tp_task_options options = options_with_drop(never_drops);
    tp_group *below = NULL;
    must(tp_group_count(group) == 0);
    must_status(tp_group_submit(group, never, NULL), TP_EFORKED);
    must_status(tp_group_submit_with(group, never, NULL, &options), TP_EFORKED);
    must_status(tp_group_notify(group, never, NULL), TP_EFORKED);
    must_status(tp_group_wait(group, TP_FOREVER), TP_EFORKED);
    must_status(tp_group_cancel(group), TP_EFORKED);
    must_status(tp_group_create(tp_default(), group, &below), TP_EFORKED);
    must(below == NULL);
}

// What the call was about to give back is not this process's to use.
static void leave_what_is_taken(struct stage *stage) {
    if (!stage->began) return;
    if ((stage->scenario->flags & TAKES_MADE) != 0) stage->made = NULL;
    if ((stage->scenario->flags & TAKES_GROUP) != 0) stage->below = NULL;
    if ((stage->scenario->flags & TAKES_FUTURE) != 0) stage->future = NULL;
}

void child_checks(struct stage *stage) {
    uint64_t ran = stage->ran;
    uint64_t dropped = stage->dropped;
    tp_pool *pools[2] = {stage->pool, stage->made};
    leave_what_is_taken(stage);
    pools[1] = stage->made;
    must(tp_current() == NULL && tp_worker_index() == -1 && tp_loop_slot() == 0 && tp_cancelled() == 0);
    for (int i = 0; i < 2; i++) {
        if (pools[i] != NULL) ask_pool(pools[i]);
    }
    if (stage->input != NULL) ask_future(stage->input, true);
    if (stage->future != NULL) ask_future(stage->future, false);
    if (stage->next != NULL) ask_future(stage->next, false);
    if (stage->below != NULL) ask_group(stage->below);
    if (stage->group != NULL) ask_group(stage->group);
    // Those that the default pool has here by now.
    size_t threads = threads_now();
    tp_future_release(stage->future);
    tp_future_release(stage->input);
    tp_future_release(stage->next);
    must_status(tp_group_destroy(stage->below), TP_OK);
    must_status(tp_group_destroy(stage->group), TP_OK);
    for (int i = 0; i < 2; i++) must_status(tp_destroy(pools[i]), TP_OK);
    must(stage->ran == ran && stage->dropped == dropped);
    must(threads_now() == threads);
}

static void *passes_on(void *value, void *unused) {
    (void)unused;
    return value;
}

static void works(tp_pool *pool) {
    struct tally ran = TALLY_INIT;
    tp_group *group = group_of(pool, NULL);
    must_status(tp_submit(pool, count, &ran), TP_OK);
    must_status(tp_group_submit(group, count, &ran), TP_OK);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    tp_future *future = future_of(pool, same, &ran);
    tp_future *next = future_then(pool, future, passes_on, NULL);
    must_status(tp_wait(pool, LIMIT_NS), TP_OK);
    must(tally_now(&ran) == 2 && value_of(next) == &ran);
    tp_future_release(next);
    tp_future_release(future);
    must_status(tp_group_destroy(group), TP_OK);
}

void child_works(void) {
    works(tp_default());
    tp_pool *pool = pool_of(2);
    works(pool);
    must_status(tp_destroy(pool), TP_OK);
}
