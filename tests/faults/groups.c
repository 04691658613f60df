// Groups are made, filled, waited for, cancelled and destroyed.

#include "faults.h"

// Almost as many as a block of a queue holds, and some more.
enum { ALMOST = 250, SOME = 10 };

static void one_worker(struct stage *stage) { has_pool(stage, 1); }
static void two_workers(struct stage *stage) { has_pool(stage, 2); }

static void has_tree(struct stage *stage) {
    has_group(stage);
    granted(tp_group_create(stage->pool, stage->group, &stage->below));
}

// ---- Make and fill -----------------------------------------------------------------------------------------

static tp_status makes(struct stage *stage) { return tp_group_create(stage->pool, NULL, &stage->group); }
static tp_status makes_below(struct stage *stage) { return tp_group_create(stage->pool, stage->group, &stage->below); }

static void is_made_or_not(struct stage *stage, tp_status status) { must((stage->group != NULL) == (status == TP_OK)); }
static void is_below_or_not(struct stage *stage, tp_status status) {
    must((stage->below != NULL) == (status == TP_OK));
}

static tp_status submits(struct stage *stage) { return offered(stage, tp_group_submit(stage->group, runs, stage)); }

static tp_status submits_below(struct stage *stage) {
    tp_task_options options = options_with_drop(drops);
    options.name = "a task with a name";
    options.priority = (int32_t)(stage->offered % 3) - 1;
    return offered(stage, tp_group_submit_with(stage->below, runs, stage, &options));
}

static void has_almost_a_block(struct stage *stage) {
    has_tree(stage);
    for (int i = 0; i < ALMOST; i++) granted(submits(stage));
}

static tp_status submits_some(struct stage *stage) {
    tp_status status = TP_OK;
    for (int i = 0; i < SOME && status == TP_OK; i++) status = submits(stage);
    return status;
}

static tp_status submits_some_below(struct stage *stage) {
    tp_status status = TP_OK;
    for (int i = 0; i < SOME && status == TP_OK; i++) status = submits_below(stage);
    return status;
}

static void has_few(struct stage *stage) {
    has_tree(stage);
    for (int i = 0; i < 5; i++) granted(submits_below(stage));
}

static void runs_in_caller(struct stage *stage) { has_limited_pool(stage, TP_FULL_RUN_IN_CALLER); }
static void drops_the_oldest(struct stage *stage) { has_limited_pool(stage, TP_FULL_DROP_OLDEST); }

static void counts_what_was_taken(struct stage *stage, tp_status status) {
    (void)status;
    must(tp_group_count(stage->group) == stage->offered - stage->refused);
}

// ---- Notify ------------------------------------------------------------------------------------------------

static tp_status notifies(struct stage *stage) { return offered(stage, tp_group_notify(stage->group, runs, stage)); }

static void has_a_member(struct stage *stage) {
    has_group(stage);
    granted(submits(stage));
}

// ---- Wait --------------------------------------------------------------------------------------------------

static void has_members(struct stage *stage) {
    has_tree(stage);
    for (int i = 0; i < SOME; i++) granted(submits(stage));
    for (int i = 0; i < SOME; i++) granted(submits_below(stage));
}

static tp_status waits(struct stage *stage) { return tp_group_wait(stage->group, LIMIT_NS); }

static void is_empty(struct stage *stage, tp_status status) {
    if (status == TP_OK) must(tp_group_count(stage->group) == 0);
}

static void opens(void *stage) { gate_open(&((struct stage *)stage)->gate); }

// A member that runs already, on another pool, and ends once this one has run a task that is queued behind the one that
// waits.
static void has_a_member_that_stands(struct stage *stage) {
    has_two_pools(stage);
    granted(tp_group_create(stage->made, NULL, &stage->group));
    granted(tp_group_submit(stage->group, stand, &stage->gate));
    must(tally_reaches(&stage->gate.entered, 1));
}

static void will_open(struct stage *stage) { granted(tp_submit(stage->pool, opens, stage)); }

static void has_a_member_for_long(struct stage *stage) {
    has_a_member_that_stands(stage);
    stage->held = true;
}

static tp_status waits_in_vain(struct stage *stage) { return tp_group_wait(stage->group, MILLISECOND); }

// ---- Cancel, count, destroy --------------------------------------------------------------------------------

static void has_queued_members(struct stage *stage) {
    has_tree(stage);
    for (int i = 0; i < SOME; i++) granted(submits_below(stage));
}

static tp_status cancels(struct stage *stage) { return tp_group_cancel(stage->group); }

static void is_dropped(struct stage *stage, tp_status status) {
    (void)status;
    must(stage->dropped == SOME);
}

// What is told of the end is queued then, in a queue that has to grow for it: where it cannot, it is kept elsewhere.
static void has_notices(struct stage *stage) {
    has_queued_members(stage);
    for (int i = 0; i < ALMOST; i++) granted(offered(stage, tp_submit(stage->pool, runs, stage)));
    for (int i = 0; i < 2 * SOME; i++) granted(notifies(stage));
}

static tp_status counts_members(struct stage *stage) {
    must(tp_group_count(stage->group) == SOME);
    return TP_OK;
}

static tp_status destroys(struct stage *stage) {
    tp_status status = tp_group_destroy(stage->below);
    if (status == TP_OK) stage->below = NULL;
    return status;
}

#define BOTH (OUTSIDE | INSIDE)
#define FIRST (OUTSIDE | IS_FIRST | NO_MEMORY | NO_THREAD)

static const struct scenario scenarios[] = {
    {"tp_group_create", "alone", BOTH | NO_MEMORY, TP_OK, one_worker, NULL, makes, is_made_or_not},
    {"tp_group_create", "below another", BOTH | NO_MEMORY, TP_OK, one_worker, has_group, makes_below, is_below_or_not},
    {"tp_group_create", "the first on the default pool", OUTSIDE | IS_FIRST | NO_MEMORY, TP_OK, has_default_pool, NULL,
     makes, is_made_or_not},
    {"tp_group_submit", "until the queue grows", BOTH | NO_MEMORY, TP_OK, has_held_pool, has_almost_a_block,
     submits_some, counts_what_was_taken},
    {"tp_group_submit", "to workers that take", BOTH | NO_MEMORY, TP_OK, two_workers, has_almost_a_block, submits_some,
     NULL},
    {"tp_group_submit", "the first on the default pool", FIRST, TP_OK, has_default_pool, has_group, submits, NULL},
    {"tp_group_submit_with", "at all priorities", BOTH | NO_MEMORY, TP_OK, has_held_pool, has_almost_a_block,
     submits_some_below, counts_what_was_taken},
    {"tp_group_submit_with", "to run in the caller", BOTH | NO_MEMORY, TP_OK, runs_in_caller, has_few,
     submits_some_below, NULL},
    {"tp_group_submit_with", "to drop the oldest", BOTH | NO_MEMORY, TP_OK, drops_the_oldest, has_few,
     submits_some_below, NULL},
    {"tp_group_submit_with", "the first on the default pool", FIRST, TP_OK, has_default_pool, has_tree, submits_below,
     NULL},
    {"tp_group_notify", "of an empty one", BOTH | NO_MEMORY, TP_OK, has_held_pool, has_group, notifies, NULL},
    {"tp_group_notify", "of one with a member", BOTH | NO_MEMORY, TP_OK, has_held_pool, has_a_member, notifies, NULL},
    {"tp_group_notify", "the first on the default pool", FIRST, TP_OK, has_default_pool, has_group, notifies, NULL},
    {"tp_group_wait", "for members", BOTH, TP_OK, one_worker, has_members, waits, is_empty},
    {"tp_group_wait", "for one that waits for a task", BOTH | NO_RESERVE, TP_OK, has_a_member_that_stands, will_open,
     waits, is_empty},
    {"tp_group_wait", "too short a time", BOTH | NO_RESERVE, TP_ETIMEDOUT, has_a_member_for_long, NULL, waits_in_vain,
     NULL},
    {"tp_group_cancel", "with members", BOTH, TP_OK, has_held_pool, has_queued_members, cancels, is_dropped},
    {"tp_group_cancel", "that many wait to be told of", BOTH, TP_OK, has_held_pool, has_notices, cancels, is_dropped},
    {"tp_group_count", "with members", BOTH, TP_OK, has_held_pool, has_queued_members, counts_members, NULL},
    {"tp_group_destroy", "below another", BOTH | TAKES_GROUP, TP_OK, one_worker, has_tree, destroys, NULL},
};

const struct scenarios group_scenarios = {scenarios, sizeof scenarios / sizeof *scenarios};
