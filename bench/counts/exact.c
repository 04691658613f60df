// exact: counts all that one thread executes on one path of a task through tp.
//
// usage: exact PATH WORKERS TASKS; with COUNTS_LIST in the environment it also says where the locked instructions are.
//
// All is arranged so that each run goes the same way: every worker but the first is held in a task, the queues have
// grown beforehand, and time passes only as it is read.

#include "pool.h"
#include "step.h"

#include <string.h>

// TASKS is best a multiple of 510: blocks of the queues have 255 slots, a batch has ARGS tasks. Where a task waits, it
// is best a multiple of CLEARED.
enum { ARGS = 102, LEAD = 510, CLEARED = 1024 };

static size_t tasks, ran;
static sem_t done;

// ---- Marks -------------------------------------------------------------------------------------------------

static bool is_inside;
static long allocations_inside, clock_reads_inside;

// The first begins to count, the second ends it, and so on.
static void mark(void) {
    if (is_inside) step_end();
    is_inside = !is_inside;
    long sign = is_inside ? -1 : 1;
    allocations_inside += sign * atomic_load(&allocations);
    clock_reads_inside += sign * clock_reads;
    if (is_inside) step_begin();
}

// A task that counts from one of its kind to another, `tasks` later.
static void due(void *arg) {
    (void)arg;
    if (ran == LEAD || ran == LEAD + tasks) mark();
    if (++ran == LEAD + tasks + LEAD) sem_post(&done);
}

// ---- From outside ------------------------------------------------------------------------------------------

static void submit_outside(void) {
    hold();
    for (size_t i = 0; i < LEAD; i++) submit(nothing, 0);
    mark();
    for (size_t i = 0; i < tasks; i++) submit(nothing, 0);
    mark();
    let_first_go();
    let_others_go();
}

static void submit_batch(void) {
    void *args[ARGS] = {NULL};
    hold();
    mark();
    for (size_t i = 0; i < tasks; i += ARGS) must(tp_submit_batch(pool, nothing, args, ARGS, NULL));
    mark();
    let_first_go();
    let_others_go();
}

static void run_outside(void) {
    hold();
    for (size_t i = 0; i < LEAD + tasks + LEAD; i++) submit(due, 0);
    let_first_go();
    wait_for(&done);
    let_others_go();
}

static void submit_idle(void) {
    for (size_t i = 0; i < tasks; i++) {
        settle();
        mark();
        submit(says_so, 0);
        mark();
        wait_for(&said);
    }
}

static void wait_quiet(void) {
    settle();
    mark();
    for (size_t i = 0; i < tasks; i++) finish();
    mark();
}

// ---- From a task, on the first worker ----------------------------------------------------------------------

static void on_first_worker(tp_task_fn root) {
    hold();
    submit(root, 0);
    let_first_go();
    wait_for(&done);
    let_others_go();
}

static void submits_marked(void *arg) {
    (void)arg;
    for (size_t i = 0; i < LEAD; i++) submit(nothing, 0);
    mark();
    for (size_t i = 0; i < tasks; i++) submit(nothing, 0);
    mark();
    sem_post(&done);
}

static void submits_due(void *arg) {
    (void)arg;
    for (size_t i = 0; i < LEAD + tasks + LEAD; i++) submit(due, 0);
}

static void link(void *arg) {
    due(arg);
    if (ran < LEAD + tasks + LEAD) submit(link, 0);
}

// Node i of a binary tree submits 2i + 1 and 2i + 2; one worker runs them in this order.
static void node(void *arg) {
    size_t i = (size_t)arg;
    if (i == 0 || i == tasks) mark();
    if (i == tasks) sem_post(&done);
    for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child <= tasks; child++) submit(node, child);
}

static void submit_inside(void) { on_first_worker(submits_marked); }
static void run_inside(void) { on_first_worker(submits_due); }
static void chain(void) { on_first_worker(link); }
static void tree(void) { on_first_worker(node); }

// ---- Futures and groups, from a task, on the first worker --------------------------------------------------

static tp_future *future, *future_before;
static tp_group *group;

static void *no_value(void *arg) { return arg; }

static void wait_and_release(tp_future *it) {
    must(tp_future_wait(it, TP_FOREVER, NULL));
    tp_future_release(it);
}

// As `link`, and each also waits for the one before, which has ended, and releases it.
static void *future_link(void *arg) {
    due(arg);
    if (future_before != NULL) wait_and_release(future_before);
    future_before = future;
    if (ran < LEAD + tasks + LEAD) must(tp_async(pool, future_link, arg, &future));
    return NULL;
}

static void first_future_link(void *arg) { must(tp_async(pool, future_link, arg, &future)); }

// Asks for all, and then waits for all: memory is not used again at once.
static void ends_futures(void *arg) {
    tp_future **futures = arg;
    for (size_t i = 0; i < tasks; i++) wait_and_release(futures[i]);
    mark();
    free(futures);
    sem_post(&done);
}

static void asks_for_futures(void *arg) {
    tp_future **futures = calloc(tasks, sizeof *futures);
    (void)arg;
    mark();
    for (size_t i = 0; i < tasks; i++) must(tp_async(pool, no_value, NULL, &futures[i]));
    submit(ends_futures, (size_t)futures);
}

static void group_link(void *arg) {
    due(arg);
    if (ran < LEAD + tasks + LEAD) must(tp_group_submit(group, group_link, arg));
}

static void run_future(void) {
    must(tp_async(pool, no_value, NULL, &future));
    wait_and_release(future);
}

static void run_group_task(void) {
    must(tp_group_submit(group, nothing, NULL));
    must(tp_group_wait(group, TP_FOREVER));
}

static void run_group_of_two(void) {
    must(tp_group_create(pool, NULL, &group));
    for (int i = 0; i < 2; i++) must(tp_group_submit(group, nothing, NULL));
    must(tp_group_wait(group, TP_FOREVER));
    must(tp_group_destroy(group));
}

static void (*repeated)(void);

// Who waits inside leaves entries behind in the queue, which are cleared away every CLEARED tasks.
static void repeats(void *arg) {
    (void)arg;
    for (size_t i = 0; i < 2 * CLEARED + tasks; i++) {
        if (i == 2 * CLEARED) mark();
        repeated();
    }
    mark();
    sem_post(&done);
}

static void on_first_worker_again_and_again(void (*what)(void)) {
    repeated = what;
    on_first_worker(repeats);
}

static void future_chain(void) { on_first_worker(first_future_link); }
static void futures(void) { on_first_worker(asks_for_futures); }
static void future_wait_inside(void) { on_first_worker_again_and_again(run_future); }
static void group_of_two(void) { on_first_worker_again_and_again(run_group_of_two); }

static void group_chain(void) {
    must(tp_group_create(pool, NULL, &group));
    on_first_worker(group_link);
}

static void group_wait_inside(void) {
    must(tp_group_create(pool, NULL, &group));
    on_first_worker_again_and_again(run_group_task);
}

// ------------------------------------------------------------------------------------------------------------

static const struct {
    const char *name;
    void (*take)(void);
} paths[] = {
    {"submit-outside", submit_outside}, {"submit-batch", submit_batch}, {"run-outside", run_outside},
    {"submit-idle", submit_idle},       {"wait-quiet", wait_quiet},     {"chain", chain},
    {"submit-inside", submit_inside},   {"run-inside", run_inside},     {"tree", tree},
    {"future", future_chain},           {"futures", futures},           {"future-wait-inside", future_wait_inside},
    {"group-task", group_chain},        {"group-of-two", group_of_two}, {"group-wait-inside", group_wait_inside},
};

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    if (!step_is_right()) {
        fprintf(stderr, "exact: this machine does not step as it should\n");
        return 1;
    }
    clock_is_slow = true;
    tasks = strtoul(argv[3], NULL, 10);
    start((uint32_t)strtoul(argv[2], NULL, 10));
    grow(2 * (LEAD + tasks + LEAD));
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(paths[i].name, argv[1]) != 0) continue;
        paths[i].take();
        must(tp_destroy(pool));
        printf("instructions %ld\nlocked %ld\nsystem-calls %ld\n", steps.instructions, steps.locked,
               steps.system_calls);
        printf("allocations %ld\nclock-reads %ld\n", allocations_inside, clock_reads_inside);
        if (getenv("COUNTS_LIST") != NULL) list_locked();
        return 0;
    }
    return 2;
}
