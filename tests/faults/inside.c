// What a task says and asks.

#include "faults.h"

static void one_worker(struct stage *stage) { has_pool(stage, 1); }

// ---- Blocking ----------------------------------------------------------------------------------------------

static void opens(void *stage) { gate_open(&((struct stage *)stage)->gate); }

static tp_status begins(struct stage *stage) {
    (void)stage;
    return tp_blocking_begin();
}

// Where there is a reserve worker it runs what is queued, and in any case the end is owed.
static void is_replaced_or_not(struct stage *stage, tp_status status) {
    if (stage->inside && status == TP_OK) {
        granted(tp_submit(stage->pool, opens, stage));
        must(tally_reaches(&stage->gate.opened, 1));
    }
    must_status(tp_blocking_end(), TP_OK);
}

static void has_begun(struct stage *stage) {
    (void)stage;
    tp_status status = tp_blocking_begin();
    must(status == TP_OK || status == TP_EAGAIN);
}

static tp_status ends(struct stage *stage) {
    (void)stage;
    return tp_blocking_end();
}

static tp_status ends_nothing(struct stage *stage) {
    (void)stage;
    return tp_blocking_end();
}

// ---- Questions ---------------------------------------------------------------------------------------------

static tp_status asks_pool(struct stage *stage) {
    must(tp_current() == (stage->inside ? stage->pool : NULL));
    return TP_OK;
}

static tp_status asks_index(struct stage *stage) {
    must(tp_worker_index() == (stage->inside ? 0 : -1));
    return TP_OK;
}

static tp_status asks_whether_to_stop(struct stage *stage) {
    (void)stage;
    must(tp_cancelled() == 0);
    return TP_OK;
}

#define BOTH (OUTSIDE | INSIDE)

static const struct scenario scenarios[] = {
    {"tp_blocking_begin", "once", BOTH | NO_RESERVE, TP_OK, one_worker, NULL, begins, is_replaced_or_not},
    {"tp_blocking_end", "after a begin", BOTH, TP_OK, one_worker, has_begun, ends, NULL},
    {"tp_blocking_end", "without a begin", BOTH, TP_EINVAL, one_worker, NULL, ends_nothing, NULL},
    {"tp_current", "of a task", BOTH, TP_OK, one_worker, NULL, asks_pool, NULL},
    {"tp_worker_index", "of a task", BOTH, TP_OK, one_worker, NULL, asks_index, NULL},
    {"tp_cancelled", "of a task", BOTH, TP_OK, one_worker, NULL, asks_whether_to_stop, NULL},
};

const struct scenarios inside_scenarios = {scenarios, sizeof scenarios / sizeof *scenarios};
