// Tasks are submitted, and the pool as a whole is waited for.

#include "faults.h"

// More than a block of a queue holds, so that some of them need memory; and almost as many.
enum { MANY = 300, ALMOST = 250, SOME = 30 };

static void runs_in_caller(struct stage *stage) { has_limited_pool(stage, TP_FULL_RUN_IN_CALLER); }
static void drops_the_oldest(struct stage *stage) { has_limited_pool(stage, TP_FULL_DROP_OLDEST); }
static void fails_when_full(struct stage *stage) { has_limited_pool(stage, TP_FULL_FAIL); }

// A queue that fills up while a worker empties it.
static void waits_for_room(struct stage *stage) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.capacity = 10;
    stage->pool = stage_pool(options);
}

// Two workers that take what they can while more is submitted.
static void has_two_workers(struct stage *stage) { has_pool(stage, 2); }

// ---- Submit ------------------------------------------------------------------------------------------------

static tp_status submits(struct stage *stage) { return offered(stage, tp_submit(stage->pool, runs, stage)); }

// As many as there are until one is refused.
static tp_status submits_many(struct stage *stage) {
    tp_status status = TP_OK;
    for (int i = 0; i < MANY && status == TP_OK; i++) status = submits(stage);
    return status;
}

static tp_status submits_batch(struct stage *stage) {
    static void *args[MANY];
    size_t taken = MANY + 1;
    for (int i = 0; i < MANY; i++) args[i] = stage;
    tp_status status = tp_submit_batch(stage->pool, runs, args, MANY, &taken);
    if (taken > MANY || (taken < MANY && status == TP_OK)) return TP_EINVAL;
    stage->offered += MANY;
    stage->refused += MANY - taken;
    return status;
}

static tp_status submits_with(struct stage *stage, int32_t priority, const char *name) {
    tp_task_options options = options_with_drop(drops);
    options.priority = priority;
    options.name = name;
    return offered(stage, tp_submit_with(stage->pool, runs, stage, &options));
}

// Of each priority, so that some of the next ones need memory for the queue; all need some for themselves.
static void has_almost_a_block(struct stage *stage) {
    for (int i = 0; i < 3 * ALMOST; i++) granted(submits_with(stage, i % 3 - 1, NULL));
}

static tp_status submits_some_with(struct stage *stage) {
    tp_status status = TP_OK;
    for (int i = 0; i < SOME && status == TP_OK; i++) status = submits_with(stage, i % 3 - 1, "a task with a name");
    return status;
}

static tp_status submits_one_with(struct stage *stage) { return submits_with(stage, TP_PRIORITY_HIGH, NULL); }

static tp_status submits_too_many(struct stage *stage) {
    tp_status status = TP_OK;
    for (int i = 0; i < SOME && status == TP_OK; i++) status = submits_with(stage, TP_PRIORITY_NORMAL, NULL);
    return status;
}

// ---- From another thread -----------------------------------------------------------------------------------

static void *submits_there(void *arg) {
    struct stage *stage = (struct stage *)arg;
    errno = ERRNO_BEFORE;
    stage->number = (uint64_t)-submits(stage);
    must(errno == ERRNO_BEFORE);
    return NULL;
}

// By a thread that is new to the pool, and ends while its task is queued; if it can be had.
static tp_status submits_elsewhere(struct stage *stage) {
    pthread_t thread;
    bool started = pthread_create(&thread, NULL, submits_there, stage) == 0;
    if (started) join_thread(thread);
    errno = ERRNO_BEFORE;
    return started ? -(tp_status)stage->number : TP_EAGAIN;
}

// ---- Wait --------------------------------------------------------------------------------------------------

static void has_tasks(struct stage *stage) {
    has_pool(stage, 2);
    for (int i = 0; i < MANY; i++) granted(submits(stage));
}

static tp_status waits(struct stage *stage) { return tp_wait(stage->pool, LIMIT_NS); }

static void all_ran(struct stage *stage, tp_status status) {
    if (status == TP_OK) must(stage->ran == stage->offered);
}

static tp_status polls(struct stage *stage) { return tp_wait(stage->pool, 0); }
static tp_status waits_in_vain(struct stage *stage) { return tp_wait(stage->pool, MILLISECOND); }

// What is waited for in a task of one pool ends once that pool has run another task.
static void opens(void *stage) { gate_open(&((struct stage *)stage)->gate); }

static void has_another(struct stage *stage) {
    has_two_pools(stage);
    granted(tp_submit(stage->made, stand, &stage->gate));
    must(tally_reaches(&stage->gate.entered, 1));
}

static void will_open(struct stage *stage) { granted(tp_submit(stage->pool, opens, stage)); }

static tp_status waits_for_another(struct stage *stage) { return tp_wait(stage->made, LIMIT_NS); }

static const struct scenario scenarios[] = {
    {"tp_submit", "until the queue grows", OUTSIDE | INSIDE | NO_MEMORY, TP_OK, has_held_pool, NULL, submits_many,
     NULL},
    {"tp_submit", "to workers that take", OUTSIDE | INSIDE | NO_MEMORY, TP_OK, has_two_workers, NULL, submits_many,
     NULL},
    {"tp_submit", "the first to the default pool", OUTSIDE | IS_FIRST | NO_MEMORY | NO_THREAD, TP_OK, has_default_pool,
     NULL, submits, NULL},
    {"tp_submit", "to a queue with little room", OUTSIDE | NO_MEMORY, TP_OK, waits_for_room, NULL, submits_many, NULL},
    {"tp_submit", "by a new thread", OUTSIDE | NO_MEMORY | NO_THREAD, TP_OK, has_held_pool, NULL, submits_elsewhere,
     NULL},
    {"tp_submit_batch", "until the queue grows", OUTSIDE | INSIDE | NO_MEMORY, TP_OK, has_held_pool, NULL,
     submits_batch, NULL},
    {"tp_submit_batch", "the first to the default pool", OUTSIDE | IS_FIRST | NO_MEMORY | NO_THREAD, TP_OK,
     has_default_pool, NULL, submits_batch, NULL},
    {"tp_submit_batch", "to run in the caller", OUTSIDE | INSIDE | NO_MEMORY, TP_OK, runs_in_caller, NULL,
     submits_batch, NULL},
    {"tp_submit_with", "at all priorities", OUTSIDE | INSIDE | NO_MEMORY, TP_OK, has_held_pool, has_almost_a_block,
     submits_some_with, NULL},
    {"tp_submit_with", "the first to the default pool", OUTSIDE | IS_FIRST | NO_MEMORY | NO_THREAD, TP_OK,
     has_default_pool, NULL, submits_one_with, NULL},
    {"tp_submit_with", "to run in the caller", OUTSIDE | INSIDE | NO_MEMORY, TP_OK, runs_in_caller, NULL,
     submits_too_many, NULL},
    {"tp_submit_with", "to drop the oldest", OUTSIDE | INSIDE | NO_MEMORY, TP_OK, drops_the_oldest, NULL,
     submits_too_many, NULL},
    {"tp_submit_with", "to a full queue", OUTSIDE | INSIDE | NO_MEMORY, TP_EFULL, fails_when_full, NULL,
     submits_too_many, NULL},
    {"tp_wait", "for tasks", OUTSIDE, TP_OK, has_tasks, NULL, waits, all_ran},
    {"tp_wait", "no time", OUTSIDE, TP_ETIMEDOUT, has_held_pool, NULL, polls, NULL},
    {"tp_wait", "too short a time", OUTSIDE, TP_ETIMEDOUT, has_held_pool, NULL, waits_in_vain, NULL},
    {"tp_wait", "in a task of another pool", INSIDE | NO_RESERVE, TP_OK, has_another, will_open, waits_for_another,
     NULL},
};

const struct scenarios submit_scenarios = {scenarios, sizeof scenarios / sizeof *scenarios};
