// Futures are made, completed, waited for, followed, cancelled and released.

#include "faults.h"

// Almost as many as a block of a queue holds, some more, and more than those for which a wait needs no memory.
enum { ALMOST = 250, SOME = 10, FUTURES = 20 };

// ---- Make --------------------------------------------------------------------------------------------------

// One after another until one is not made; each but the last is released while its task is queued.
static tp_status makes_some(struct stage *stage, bool with_options) {
    tp_task_options options = options_with_drop(drops);
    tp_status status = TP_OK;
    options.name = "a task with a name";
    for (int i = 0; i < SOME && status == TP_OK; i++) {
        tp_future *last = stage->future;
        stage->future = NULL;
        tp_future_release(last);
        status = with_options ? tp_async_with(stage->pool, runs_async, stage, &options, &stage->future)
                              : tp_async(stage->pool, runs_async, stage, &stage->future);
        (void)offered(stage, status);
    }
    return status;
}

static void has_almost_a_block(struct stage *stage) {
    for (int i = 0; i < ALMOST; i++) granted(offered(stage, tp_submit(stage->pool, runs, stage)));
}

static tp_status asyncs(struct stage *stage) { return makes_some(stage, false); }
static tp_status asyncs_with(struct stage *stage) { return makes_some(stage, true); }

static void runs_in_caller(struct stage *stage) { has_limited_pool(stage, TP_FULL_RUN_IN_CALLER); }
static void drops_the_oldest(struct stage *stage) { has_limited_pool(stage, TP_FULL_DROP_OLDEST); }

static void has_few(struct stage *stage) {
    tp_task_options options = options_with_drop(drops);
    for (int i = 0; i < 5; i++) granted(offered(stage, tp_submit_with(stage->pool, runs, stage, &options)));
}

static tp_status asyncs_once(struct stage *stage) {
    return offered(stage, tp_async(stage->pool, runs_async, stage, &stage->future));
}

static tp_status asyncs_once_with(struct stage *stage) {
    return offered(stage, tp_async_with(stage->pool, runs_async, stage, NULL, &stage->future));
}

static void is_made_or_not(struct stage *stage, tp_status status) {
    must((stage->future != NULL) == (status == TP_OK));
}

static void host_if_inside(struct stage *stage) {
    if (stage->inside) has_pool(stage, 1);
}

static tp_status makes_by_hand(struct stage *stage) { return tp_future_create(&stage->input); }

static void is_made_by_hand_or_not(struct stage *stage, tp_status status) {
    must((stage->input != NULL) == (status == TP_OK));
    if (status == TP_OK) must_status(tp_future_complete(stage->input, stage), TP_OK);
}

// ---- Complete and follow -----------------------------------------------------------------------------------

static void has_input(struct stage *stage) { granted(tp_future_create(&stage->input)); }

static void has_followers(struct stage *stage) {
    has_input(stage);
    granted(offered(stage, tp_future_then(stage->pool, stage->input, follows, stage, &stage->future)));
    granted(offered(stage, tp_future_then(stage->pool, stage->future, follows, stage, &stage->next)));
}

// They are queued in the end, in a queue that has to grow for it: where it cannot, they are kept elsewhere.
static void has_many_followers(struct stage *stage) {
    has_input(stage);
    has_almost_a_block(stage);
    for (int i = 0; i < 2 * SOME; i++) {
        tp_future_release(stage->next);
        granted(offered(stage, tp_future_then(stage->pool, stage->input, follows, stage, &stage->next)));
    }
}

static tp_status completes(struct stage *stage) { return tp_future_complete(stage->input, stage); }

static tp_status follows_input(struct stage *stage) {
    return offered(stage, tp_future_then(stage->pool, stage->input, follows, stage, &stage->next));
}

static void follows_or_not(struct stage *stage, tp_status status) {
    must((stage->next != NULL) == (status == TP_OK));
    if (status == TP_OK) must_status(tp_future_complete(stage->input, stage), TP_OK);
}

static void has_done_input(struct stage *stage) {
    has_input(stage);
    must_status(tp_future_complete(stage->input, stage), TP_OK);
}

static void has_next_or_not(struct stage *stage, tp_status status) { must((stage->next != NULL) == (status == TP_OK)); }

// ---- Wait --------------------------------------------------------------------------------------------------

static void one_worker(struct stage *stage) { has_pool(stage, 1); }
static void two_workers(struct stage *stage) { has_pool(stage, 2); }

static void has_future(struct stage *stage) { granted(asyncs_once(stage)); }

static tp_status waits(struct stage *stage) { return tp_future_wait(stage->future, LIMIT_NS, &stage->value); }

static void has_its_value(struct stage *stage, tp_status status) { must((stage->value == stage) == (status == TP_OK)); }

static void completes_it(void *stage) { must_status(tp_future_complete(((struct stage *)stage)->input, stage), TP_OK); }

// What completes it is a task behind this one: somebody has to run that while this one is parked.
static void will_have_input(struct stage *stage) {
    has_input(stage);
    granted(tp_submit(stage->pool, completes_it, stage));
}

static tp_status waits_for_input(struct stage *stage) { return tp_future_wait(stage->input, LIMIT_NS, &stage->value); }
static tp_status waits_in_vain(struct stage *stage) { return tp_future_wait(stage->input, MILLISECOND, &stage->value); }

// All the same one.
static tp_status waits_for_any(struct stage *stage) {
    tp_future *futures[FUTURES];
    size_t index = FUTURES;
    for (int i = 0; i < FUTURES; i++) futures[i] = stage->input;
    tp_status status = tp_future_wait_any(futures, FUTURES, LIMIT_NS, &index);
    return index != (status == TP_OK ? 0 : FUTURES) ? TP_EINVAL : status;
}

static tp_status waits_for_any_in_vain(struct stage *stage) {
    tp_future *futures[FUTURES];
    for (int i = 0; i < FUTURES; i++) futures[i] = stage->input;
    return tp_future_wait_any(futures, FUTURES, MILLISECOND, NULL);
}

// ---- Cancel, ask, release ----------------------------------------------------------------------------------

static void has_queued_future(struct stage *stage) {
    tp_task_options options = options_with_drop(drops);
    granted(offered(stage, tp_async_with(stage->pool, runs_async, stage, &options, &stage->future)));
    granted(tp_future_then(stage->pool, stage->future, follows, stage, &stage->next));
}

static tp_status cancels(struct stage *stage) { return tp_future_cancel(stage->future); }

static void is_dropped(struct stage *stage, tp_status status) {
    (void)status;
    must(stage->dropped == 1);
    must_status(tp_future_wait(stage->next, TP_FOREVER, NULL), TP_ECANCELED);
}

static tp_status asks_state(struct stage *stage) { return tp_future_state(stage->future); }

static tp_status releases(struct stage *stage) {
    tp_future_release(stage->future);
    stage->future = NULL;
    return TP_OK;
}

#define BOTH (OUTSIDE | INSIDE)
#define FIRST (OUTSIDE | IS_FIRST | NO_MEMORY | NO_THREAD)

static const struct scenario scenarios[] = {
    {"tp_async", "until the queue grows", BOTH | NO_MEMORY, TP_OK, has_held_pool, has_almost_a_block, asyncs,
     is_made_or_not},
    {"tp_async", "the first on the default pool", FIRST, TP_OK, has_default_pool, NULL, asyncs_once, is_made_or_not},
    {"tp_async_with", "until the queue grows", BOTH | NO_MEMORY, TP_OK, has_held_pool, has_almost_a_block, asyncs_with,
     is_made_or_not},
    {"tp_async_with", "to run in the caller", BOTH | NO_MEMORY, TP_OK, runs_in_caller, has_few, asyncs_with,
     is_made_or_not},
    {"tp_async_with", "to drop the oldest", BOTH | NO_MEMORY, TP_OK, drops_the_oldest, has_few, asyncs_with,
     is_made_or_not},
    {"tp_async_with", "the first on the default pool", FIRST, TP_OK, has_default_pool, NULL, asyncs_once_with,
     is_made_or_not},
    {"tp_future_create", "by hand", BOTH | NO_MEMORY, TP_OK, host_if_inside, NULL, makes_by_hand,
     is_made_by_hand_or_not},
    {"tp_future_create", "the first", OUTSIDE | IS_FIRST | NO_MEMORY, TP_OK, NULL, NULL, makes_by_hand,
     is_made_by_hand_or_not},
    {"tp_future_complete", "with followers", BOTH, TP_OK, has_held_pool, has_followers, completes, NULL},
    {"tp_future_complete", "with followers for which the queue grows", BOTH, TP_OK, has_held_pool, has_many_followers,
     completes, NULL},
    {"tp_future_then", "of one to come", BOTH | NO_MEMORY, TP_OK, has_held_pool, has_input, follows_input,
     follows_or_not},
    {"tp_future_then", "of one that is done", BOTH | NO_MEMORY, TP_OK, has_held_pool, has_done_input, follows_input,
     has_next_or_not},
    {"tp_future_then", "the first on the default pool", FIRST, TP_OK, has_default_pool, has_input, follows_input,
     follows_or_not},
    {"tp_future_wait", "for a task", BOTH, TP_OK, one_worker, has_future, waits, has_its_value},
    {"tp_future_wait", "for what another worker does", BOTH, TP_OK, two_workers, will_have_input, waits_for_input,
     has_its_value},
    {"tp_future_wait", "for what a reserve worker does", INSIDE | NO_RESERVE, TP_OK, one_worker, will_have_input,
     waits_for_input, has_its_value},
    {"tp_future_wait", "too short a time", BOTH | NO_RESERVE, TP_ETIMEDOUT, one_worker, has_input, waits_in_vain, NULL},
    {"tp_future_wait_any", "of many", BOTH | NO_MEMORY | NO_RESERVE, TP_OK, one_worker, will_have_input, waits_for_any,
     NULL},
    {"tp_future_wait_any", "of many, too short a time", BOTH | NO_MEMORY | NO_RESERVE, TP_ETIMEDOUT, one_worker,
     has_input, waits_for_any_in_vain, NULL},
    {"tp_future_cancel", "with a follower", BOTH, TP_OK, has_held_pool, has_queued_future, cancels, is_dropped},
    {"tp_future_state", "of a task", BOTH, TP_OK, has_held_pool, has_future, asks_state, NULL},
    {"tp_future_release", "of a task", BOTH | TAKES_FUTURE, TP_OK, has_held_pool, has_future, releases, NULL},
};

const struct scenarios future_scenarios = {scenarios, sizeof scenarios / sizeof *scenarios};
