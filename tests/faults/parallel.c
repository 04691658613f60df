// Forks, loops, sorts and gangs.

#include "faults.h"

enum { DEPTH = 12, ITEMS = 20000, MEMBERS = 4 };

static void two_workers(struct stage *stage) { has_pool(stage, 2); }

// ---- Fork-join ---------------------------------------------------------------------------------------------

struct branch {
    struct stage *stage;
    int depth;
};

// A tree of calls, deep enough for the place of a thread's forks to grow.
static void branches(void *arg) {
    struct branch *branch = (struct branch *)arg;
    struct branch below = {branch->stage, branch->depth - 1};
    if (branch->depth == 0) runs(branch->stage);
    else must_status(tp_parallel_invoke(branch->stage->pool, branches, &below, branches, &below), TP_OK);
}

static tp_status invokes(struct stage *stage) {
    struct branch below = {stage, DEPTH - 1};
    tp_status status = tp_parallel_invoke(stage->pool, branches, &below, branches, &below);
    if (status == TP_OK) stage->offered += 1 << DEPTH;
    return status;
}

static tp_status invokes_once(struct stage *stage) {
    tp_status status = tp_parallel_invoke(stage->pool, runs, stage, runs, stage);
    if (status == TP_OK) stage->offered += 2;
    return status;
}

static void dives(void *arg) {
    struct branch *branch = (struct branch *)arg;
    struct branch below = {branch->stage, branch->depth - 1};
    if (branch->depth == 0) runs(branch->stage);
    else must_status(tp_parallel_invoke(branch->stage->pool, dives, &below, runs, branch->stage), TP_OK);
}

static tp_status invokes_deep(struct stage *stage) {
    struct branch below = {stage, 1000};
    tp_status status = tp_parallel_invoke(stage->pool, dives, &below, runs, stage);
    if (status == TP_OK) stage->offered += 1002;
    return status;
}

// ---- Loops -------------------------------------------------------------------------------------------------

static void counts_items(uint64_t lo, uint64_t hi, void *stage) {
    callback((struct stage *)stage);
    must(tp_loop_slot() < tp_slot_count(((struct stage *)stage)->pool));
    atomic_fetch_add(&((struct stage *)stage)->ran, hi - lo);
}

static tp_status loops(struct stage *stage) {
    tp_status status = tp_parallel_for(stage->pool, 0, ITEMS, 1, counts_items, stage);
    if (status == TP_OK) stage->offered += ITEMS;
    return status;
}

static void counts_items_there(uint64_t lo, uint64_t hi, void *stage) {
    callback((struct stage *)stage);
    must(tp_current() == ((struct stage *)stage)->made);
    atomic_fetch_add(&((struct stage *)stage)->ran, hi - lo);
}

static tp_status loops_elsewhere(struct stage *stage) {
    tp_status status = tp_parallel_for(stage->made, 0, ITEMS, 1, counts_items_there, stage);
    if (status == TP_OK) stage->offered += ITEMS;
    return status;
}

static void loops_again(uint64_t lo, uint64_t hi, void *stage) {
    for (; lo < hi; lo++)
        must_status(tp_parallel_for(((struct stage *)stage)->pool, 0, 100, 0, counts_items, stage), TP_OK);
}

static tp_status loops_in_loops(struct stage *stage) {
    tp_status status = tp_parallel_for(stage->pool, 0, 50, 1, loops_again, stage);
    if (status == TP_OK) stage->offered += 5000;
    return status;
}

static void stops_at_once(uint64_t lo, uint64_t hi, void *unused) {
    (void)lo;
    (void)hi;
    (void)unused;
    callback(stage_now());
    tp_loop_stop();
}

static tp_status stops(struct stage *stage) { return tp_parallel_for(stage->pool, 0, ITEMS, 1, stops_at_once, NULL); }

static void has_a_slot(uint64_t lo, uint64_t hi, void *stage) {
    (void)lo;
    (void)hi;
    callback((struct stage *)stage);
    must(tp_loop_slot() < tp_slot_count(((struct stage *)stage)->pool));
}

static tp_status asks_slots(struct stage *stage) {
    must(tp_loop_slot() == 0);
    return tp_parallel_for(stage->pool, 0, 100, 1, has_a_slot, stage);
}

static void adds_up(uint64_t lo, uint64_t hi, void *acc, void *unused) {
    (void)unused;
    callback(stage_now());
    for (; lo < hi; lo++) *(uint64_t *)acc += lo;
}

static void joins(void *left, const void *right, void *unused) {
    (void)unused;
    callback(stage_now());
    *(uint64_t *)left += *(const uint64_t *)right;
}

static tp_status reduces(struct stage *stage) {
    uint64_t zero = 0;
    stage->number = 77;
    return tp_parallel_reduce(stage->pool, 0, ITEMS, 0, sizeof zero, &zero, adds_up, joins, NULL, &stage->number);
}

static void has_a_sum_or_not(struct stage *stage, tp_status status) {
    must(stage->number == (status == TP_OK ? UINT64_C(1) * ITEMS * (ITEMS - 1) / 2 : 77));
}

// ---- Sorts -------------------------------------------------------------------------------------------------

struct record {
    uint64_t key;
    uint64_t others[5];
};

static struct record records[ITEMS];

static int by_key(const void *x, const void *y, void *unused) {
    const struct record *a = (const struct record *)x;
    const struct record *b = (const struct record *)y;
    (void)unused;
    callback(stage_now());
    return a->key < b->key ? -1 : a->key > b->key;
}

static void mixes(struct stage *stage) {
    uint64_t state = 7;
    (void)stage;
    for (int i = 0; i < ITEMS; i++) records[i] = (struct record){chance(&state) >> 40, {(uint64_t)i}};
}

// In order, or as they were.
static void are_sorted_or_not(struct stage *stage, tp_status status) {
    uint64_t state = 7;
    (void)stage;
    for (int i = 0; i < ITEMS; i++) {
        uint64_t key = chance(&state) >> 40;
        if (status != TP_OK) must(records[i].key == key && records[i].others[0] == (uint64_t)i);
        else if (i > 0) must(records[i - 1].key <= records[i].key);
    }
    if (status == TP_OK) mixes(stage);
}

static tp_status sorts(struct stage *stage) {
    return tp_parallel_sort(stage->pool, records, ITEMS, sizeof *records, by_key, NULL);
}

static tp_status sorts_stably(struct stage *stage) {
    return tp_parallel_stable_sort(stage->pool, records, ITEMS, sizeof *records, by_key, NULL);
}

static tp_status sorts_by_key(struct stage *stage) {
    return tp_parallel_sort_keys(stage->pool, records, ITEMS, sizeof *records, offsetof(struct record, key),
                                 TP_KEY_U64);
}

static uint32_t keys[ITEMS];

static void mixes_keys(struct stage *stage) {
    uint64_t state = 7;
    (void)stage;
    for (int i = 0; i < ITEMS; i++) keys[i] = (uint32_t)chance(&state);
}

static void keys_are_sorted_or_not(struct stage *stage, tp_status status) {
    uint64_t state = 7;
    (void)stage;
    for (int i = 0; i < ITEMS; i++) {
        uint32_t key = (uint32_t)chance(&state);
        if (status != TP_OK) must(keys[i] == key);
        else if (i > 0) must(keys[i - 1] <= keys[i]);
    }
}

static tp_status sorts_keys(struct stage *stage) {
    return tp_parallel_sort_keys(stage->pool, keys, ITEMS, 4, 0, TP_KEY_U32);
}

// ---- Gangs -------------------------------------------------------------------------------------------------

// All of them, or none, have begun.
static void meets(uint32_t rank, uint32_t n, void *arg) {
    struct stage *stage = (struct stage *)arg;
    must(rank < n);
    runs(stage);
    meet(&stage->gate.entered, n);
}

static tp_status gangs(struct stage *stage) {
    tp_status status = tp_gang(stage->pool, MEMBERS, meets, stage);
    if (status == TP_OK) stage->offered += MEMBERS;
    must(stage->ran == stage->offered);
    return status;
}

static tp_status gangs_elsewhere(struct stage *stage) {
    tp_status status = tp_gang(stage->made, MEMBERS, meets, stage);
    if (status == TP_OK) stage->offered += MEMBERS;
    must(stage->ran == stage->offered);
    return status;
}

// One worker, whose place a reserve worker has taken, and is at a task when the worker is back: a gang that needs a
// third waits for a moment, for one of the two is about to leave.
static void one_reserve(struct stage *stage) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 1;
    options.max_reserve = 1;
    stage->pool = stage_pool(options);
}

static void has_come_back(struct stage *stage) {
    tp_status status = tp_blocking_begin();
    granted(status);
    granted(tp_submit(stage->pool, stand, &stage->gate));
    must(tally_reaches(&stage->gate.entered, 1));
    must_status(tp_blocking_end(), TP_OK);
}

static void lets_go(struct stage *stage, tp_status status) {
    (void)status;
    gate_open(&stage->gate);
}

static tp_status gangs_in_vain(struct stage *stage) {
    tp_status status = tp_gang(stage->pool, 3, meets, stage);
    must(stage->ran == 0);
    return status;
}

#define BOTH (OUTSIDE | INSIDE)
#define FIRST (OUTSIDE | IS_FIRST | NO_MEMORY | NO_THREAD)

static const struct scenario scenarios[] = {
    {"tp_parallel_invoke", "a tree", BOTH, TP_OK, two_workers, NULL, invokes, NULL},
    {"tp_parallel_invoke", "a deep one", BOTH, TP_OK, two_workers, NULL, invokes_deep, NULL},
    {"tp_parallel_invoke", "the first on the default pool", FIRST, TP_OK, has_default_pool, NULL, invokes_once, NULL},
    {"tp_parallel_for", "of many items", BOTH, TP_OK, two_workers, NULL, loops, NULL},
    {"tp_parallel_for", "on another pool", INSIDE, TP_OK, has_two_pools, NULL, loops_elsewhere, NULL},
    {"tp_parallel_for", "of loops", BOTH, TP_OK, two_workers, NULL, loops_in_loops, NULL},
    {"tp_parallel_for", "the first on the default pool", FIRST, TP_OK, has_default_pool, NULL, loops, NULL},
    {"tp_parallel_reduce", "to a sum", BOTH | NO_MEMORY, TP_OK, two_workers, NULL, reduces, has_a_sum_or_not},
    {"tp_parallel_reduce", "the first on the default pool", FIRST, TP_OK, has_default_pool, NULL, reduces,
     has_a_sum_or_not},
    {"tp_loop_stop", "in a loop", BOTH, TP_ECANCELED, two_workers, NULL, stops, NULL},
    {"tp_loop_slot", "in a loop", BOTH, TP_OK, two_workers, NULL, asks_slots, NULL},
    {"tp_parallel_sort", "of records", BOTH, TP_OK, two_workers, mixes, sorts, are_sorted_or_not},
    {"tp_parallel_sort", "the first on the default pool", FIRST, TP_OK, has_default_pool, mixes, sorts,
     are_sorted_or_not},
    {"tp_parallel_stable_sort", "of records", BOTH | NO_MEMORY, TP_OK, two_workers, mixes, sorts_stably,
     are_sorted_or_not},
    {"tp_parallel_stable_sort", "the first on the default pool", FIRST, TP_OK, has_default_pool, mixes, sorts_stably,
     are_sorted_or_not},
    {"tp_parallel_sort_keys", "of records", BOTH | NO_MEMORY, TP_OK, two_workers, mixes, sorts_by_key,
     are_sorted_or_not},
    {"tp_parallel_sort_keys", "of numbers", BOTH | NO_MEMORY, TP_OK, two_workers, mixes_keys, sorts_keys,
     keys_are_sorted_or_not},
    {"tp_parallel_sort_keys", "the first on the default pool", FIRST, TP_OK, has_default_pool, mixes_keys, sorts_keys,
     keys_are_sorted_or_not},
    {"tp_gang", "of more than there are workers", BOTH | NO_THREAD, TP_OK, two_workers, NULL, gangs, NULL},
    {"tp_gang", "on another pool", INSIDE | NO_THREAD, TP_OK, has_two_pools, NULL, gangs_elsewhere, NULL},
    {"tp_gang", "of more than can be had", INSIDE, TP_EAGAIN, one_reserve, has_come_back, gangs_in_vain, lets_go},
    {"tp_gang", "the first on the default pool", FIRST, TP_OK, has_default_pool, NULL, gangs, NULL},
};

const struct scenarios parallel_scenarios = {scenarios, sizeof scenarios / sizeof *scenarios};
