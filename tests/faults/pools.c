// Pools come and go, shrink, pause and are asked.

#include "faults.h"

// ---- What scenarios begin with -----------------------------------------------------------------------------

tp_pool *stage_pool(tp_options options) {
    tp_pool *pool = NULL;
    granted(tp_create(&options, &pool));
    return pool;
}

void has_pool(struct stage *stage, uint32_t threads) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = threads;
    stage->pool = stage_pool(options);
}

void hold(struct stage *stage) {
    if (stage->inside) return;
    granted(tp_submit(stage->pool, stand, &stage->gate));
    must(tally_reaches(&stage->gate.entered, 1));
    stage->held = true;
}

void has_held_pool(struct stage *stage) {
    has_pool(stage, 1);
    hold(stage);
}

void has_default_pool(struct stage *stage) {
    stage->pool = tp_default();
    stage->has_default = true;
}

void has_limited_pool(struct stage *stage, int32_t when_full) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.capacity = 10;
    options.when_full = when_full;
    stage->pool = stage_pool(options);
    hold(stage);
}

void has_two_pools(struct stage *stage) {
    tp_options options = TP_OPTIONS_INIT;
    has_pool(stage, 1);
    options.threads = 1;
    stage->made = stage_pool(options);
}

void has_group(struct stage *stage) { granted(tp_group_create(stage->pool, NULL, &stage->group)); }

void runs(void *arg) {
    callback((struct stage *)arg);
    atomic_fetch_add(&((struct stage *)arg)->ran, 1);
}

void *runs_async(void *arg) {
    runs(arg);
    return arg;
}

void *follows(void *value, void *arg) {
    runs(arg);
    return value;
}

void drops(void *arg, tp_status why) {
    callback((struct stage *)arg);
    must(why == TP_ECANCELED || why == TP_ESHUTDOWN || why == TP_EFULL);
    atomic_fetch_add(&((struct stage *)arg)->dropped, 1);
}

tp_status offered(struct stage *stage, tp_status status) {
    stage->offered++;
    if (status != TP_OK) stage->refused++;
    return status;
}

static void two_workers(struct stage *stage) { has_pool(stage, 2); }

// ---- Create ------------------------------------------------------------------------------------------------

static void starts(void *stage, uint32_t worker) {
    (void)worker;
    callback((struct stage *)stage);
    atomic_fetch_add(&((struct stage *)stage)->starts, 1);
}

static void stops(void *stage, uint32_t worker) {
    (void)worker;
    callback((struct stage *)stage);
    atomic_fetch_add(&((struct stage *)stage)->stops, 1);
}

static void host_if_inside(struct stage *stage) {
    if (stage->inside) has_pool(stage, 1);
}

static tp_status creates(struct stage *stage) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 3;
    options.capacity = 100;
    options.name = "faults";
    return tp_create(&options, &stage->made);
}

static tp_status creates_with_all(struct stage *stage) {
    static const uint32_t cpus[] = {0};
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 2;
    options.cpus = cpus;
    options.cpus_len = 1;
    // As the system's default, so that stacks are used again.
    options.stack_size = 8 << 20;
    options.on_start = starts;
    options.on_stop = stops;
    options.hook_ctx = stage;
    return tp_create(&options, &stage->made);
}

static tp_status creates_by_default(struct stage *stage) { return tp_create(NULL, &stage->made); }

static void made_or_not(struct stage *stage, tp_status status) {
    must((stage->made != NULL) == (status == TP_OK));
    if (status == TP_OK) must_status(tp_submit(stage->made, nothing, NULL), TP_OK);
    else must(stage->starts == stage->stops);
}

// ---- Destroy and shut down ---------------------------------------------------------------------------------

static void has_another(struct stage *stage) {
    tp_task_options options = options_with_drop(drops);
    has_pool(stage, 1);
    tp_options made = TP_OPTIONS_INIT;
    made.threads = 2;
    made.on_start = starts;
    made.on_stop = stops;
    made.hook_ctx = stage;
    stage->made = stage_pool(made);
    for (int i = 0; i < 20; i++) granted(offered(stage, tp_submit_with(stage->made, runs, stage, &options)));
}

static tp_status destroys(struct stage *stage) {
    tp_status status = tp_destroy(stage->made);
    stage->made = NULL;
    must(stage->ran == 20 && stage->starts == stage->stops);
    return status;
}

static tp_status drains(struct stage *stage) { return tp_shutdown(stage->made, TP_DRAIN, LIMIT_NS); }

static tp_status discards(struct stage *stage) { return tp_shutdown(stage->made, TP_DISCARD, LIMIT_NS); }

static void is_shut(struct stage *stage, tp_status status) {
    (void)status;
    must(stage->ran + stage->dropped == 20);
    must_status(tp_submit(stage->made, nothing, NULL), TP_ESHUTDOWN);
}

static void has_a_held_one(struct stage *stage) {
    has_two_pools(stage);
    granted(tp_submit(stage->made, stand, &stage->gate));
    must(tally_reaches(&stage->gate.entered, 1));
    stage->held = true;
}

static tp_status drains_in_vain(struct stage *stage) { return tp_shutdown(stage->made, TP_DRAIN, MILLISECOND); }

static void has_one_that_drains(struct stage *stage) {
    has_a_held_one(stage);
    must_status(tp_shutdown(stage->made, TP_DRAIN, 0), TP_ETIMEDOUT);
}

static tp_status discards_once_it_may(struct stage *stage) {
    gate_open(&stage->gate);
    return tp_shutdown(stage->made, TP_DISCARD, LIMIT_NS);
}

// ---- The default pool --------------------------------------------------------------------------------------

static tp_status gets_default(struct stage *stage) {
    stage->has_default = true;
    stage->made = tp_default();
    return stage->made != NULL ? TP_OK : TP_ENOMEM;
}

// ---- Resize, pause, resume ---------------------------------------------------------------------------------

static tp_status grows(struct stage *stage) { return tp_resize(stage->pool, 5); }
static tp_status shrinks(struct stage *stage) { return tp_resize(stage->pool, 1); }
static tp_status pauses(struct stage *stage) { return tp_pause(stage->pool); }
static tp_status resumes(struct stage *stage) { return tp_resume(stage->pool); }

static void has_grown_or_not(struct stage *stage, tp_status status) {
    must(tp_thread_count(stage->pool) == (status == TP_OK ? 5U : 2U));
}

static void has_tasks(struct stage *stage) {
    two_workers(stage);
    for (int i = 0; i < 300; i++) granted(offered(stage, tp_submit(stage->pool, runs, stage)));
}

static void is_paused(struct stage *stage) {
    two_workers(stage);
    must_status(tp_pause(stage->pool), TP_OK);
    for (int i = 0; i < 300; i++) granted(offered(stage, tp_submit(stage->pool, runs, stage)));
}

static void goes_on(struct stage *stage, tp_status status) {
    (void)status;
    must_status(tp_resume(stage->pool), TP_OK);
}

static void has_shrunk(struct stage *stage, tp_status status) {
    (void)status;
    must(tp_thread_count(stage->pool) == 1);
}

// ---- Questions ---------------------------------------------------------------------------------------------

static tp_status counts_threads(struct stage *stage) {
    must(tp_thread_count(stage->pool) == 1);
    return TP_OK;
}

static tp_status counts_queued(struct stage *stage) {
    must(tp_queued(stage->pool) == 0);
    return TP_OK;
}

static tp_status counts_slots(struct stage *stage) {
    must(tp_slot_count(stage->pool) == 2);
    return TP_OK;
}

static tp_status names_a_status(struct stage *stage) {
    must(strncmp(tp_status_string((tp_status)stage->number), "TP_OK", 5) == 0);
    return TP_OK;
}

static tp_status names_its_version(struct stage *stage) {
    (void)stage;
    must(strcmp(tp_version(), TP_VERSION) == 0);
    return TP_OK;
}

static tp_status fills_options(struct stage *stage) {
    tp_options options;
    (void)stage;
    return tp_options_init(&options, sizeof options);
}

static tp_status fills_task_options(struct stage *stage) {
    tp_task_options options;
    (void)stage;
    return tp_task_options_init(&options, sizeof options);
}

static const struct scenario scenarios[] = {
    {"tp_create", "of three workers", OUTSIDE | INSIDE | NO_MEMORY | NO_THREAD | NO_CALL, TP_OK, host_if_inside, NULL,
     creates, made_or_not},
    {"tp_create", "the first", OUTSIDE | IS_FIRST | NO_MEMORY | NO_THREAD | NO_CALL, TP_OK, host_if_inside, NULL,
     creates_by_default, made_or_not},
    {"tp_create", "with CPUs, a stack size and hooks", OUTSIDE | INSIDE | NO_MEMORY | NO_THREAD | NO_CALL, TP_OK,
     host_if_inside, NULL, creates_with_all, made_or_not},
    {"tp_destroy", "with tasks", OUTSIDE | INSIDE | TAKES_MADE, TP_OK, has_another, NULL, destroys, NULL},
    {"tp_shutdown", "drain", OUTSIDE | INSIDE, TP_OK, has_another, NULL, drains, is_shut},
    {"tp_shutdown", "discard", OUTSIDE | INSIDE, TP_OK, has_another, NULL, discards, is_shut},
    {"tp_shutdown", "for too short a time", OUTSIDE | INSIDE, TP_ETIMEDOUT, has_a_held_one, NULL, drains_in_vain, NULL},
    {"tp_shutdown", "again, to discard", OUTSIDE | INSIDE, TP_OK, has_one_that_drains, NULL, discards_once_it_may,
     NULL},
    {"tp_default", "the first", OUTSIDE | IS_FIRST, TP_OK, NULL, NULL, gets_default, NULL},
    {"tp_default", "beside another", INSIDE, TP_OK, two_workers, NULL, gets_default, NULL},
    {"tp_thread_count", "of a pool", OUTSIDE | INSIDE, TP_OK, has_held_pool, NULL, counts_threads, NULL},
    {"tp_queued", "of a pool", OUTSIDE | INSIDE, TP_OK, has_held_pool, NULL, counts_queued, NULL},
    {"tp_slot_count", "of a pool", OUTSIDE | INSIDE, TP_OK, has_held_pool, NULL, counts_slots, NULL},
    {"tp_resize", "to more", OUTSIDE | INSIDE | NO_MEMORY | NO_THREAD, TP_OK, has_tasks, NULL, grows, has_grown_or_not},
    {"tp_resize", "to fewer", OUTSIDE | INSIDE, TP_OK, has_tasks, NULL, shrinks, has_shrunk},
    {"tp_resize", "before the first task", OUTSIDE | IS_FIRST, TP_OK, has_default_pool, NULL, grows, NULL},
    {"tp_pause", "with tasks", OUTSIDE | INSIDE, TP_OK, has_tasks, NULL, pauses, goes_on},
    {"tp_resume", "with tasks", OUTSIDE, TP_OK, is_paused, NULL, resumes, NULL},
    {"tp_status_string", "of 0", OUTSIDE, TP_OK, NULL, NULL, names_a_status, NULL},
    {"tp_version", "of the library", OUTSIDE, TP_OK, NULL, NULL, names_its_version, NULL},
    {"tp_options_init", "of all", OUTSIDE, TP_OK, NULL, NULL, fills_options, NULL},
    {"tp_task_options_init", "of all", OUTSIDE, TP_OK, NULL, NULL, fills_task_options, NULL},
};

const struct scenarios pool_scenarios = {scenarios, sizeof scenarios / sizeof *scenarios};
