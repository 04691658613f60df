// invoke: two branches at a time. The caller runs the first; whoever is free may take the second, and while the caller
// waits for one that was taken it runs nothing but what comes from that branch.
//
// Bad arguments are in errors.c.

#include "support.h"

#include <stdatomic.h>

static void adds(void *arg) { atomic_fetch_add((_Atomic uint64_t *)arg, 1); }

static void must_not_run(void *arg) {
    (void)arg;
    must(!"a branch runs that may not");
}

// Two branches that meet: each has a thread of its own.
static void meets_the_other(void *tally) { meet((struct tally *)tally, 2); }

// A first branch that keeps its thread until the second has ended, which is therefore on another one.
static void outlasts(void *ended) { must(tally_reaches((struct tally *)ended, 1)); }

// ---- Both run ----------------------------------------------------------------------------------------------

// Plain numbers: who sees the other's writes sees them because of the call.
struct numbers {
    tp_pool *pool;
    uint64_t round;
    uint64_t a;
    uint64_t b;
    uint64_t calls;
};

static void writes_a(void *arg) {
    struct numbers *numbers = (struct numbers *)arg;
    numbers->a = 3 * numbers->round;
}

static void writes_b(void *arg) {
    struct numbers *numbers = (struct numbers *)arg;
    numbers->b = 7 * numbers->round;
}

static void invokes_again_and_again(void *arg) {
    struct numbers *numbers = (struct numbers *)arg;
    for (numbers->round = 1; numbers->round <= numbers->calls; numbers->round++) {
        must_status(tp_parallel_invoke(numbers->pool, writes_a, numbers, writes_b, numbers), TP_OK);
        must(numbers->a == 3 * numbers->round);
        must(numbers->b == 7 * numbers->round);
    }
}

static void both_have_run_and_the_caller_sees_what_they_wrote_and_they_what_it_wrote(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int inside = 0; inside < 2; inside++) {
            struct numbers numbers = {pool_of(worker_counts[i]), 0, 0, 0, rounds(200, 20000, 1000000)};
            run_where(numbers.pool, inside, invokes_again_and_again, &numbers);
            assert_int_equal(numbers.round, numbers.calls + 1);
            assert_status(tp_destroy(numbers.pool), TP_OK);
        }
    }
}

static void both_run_once_each_with_its_own_argument(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        _Atomic uint64_t a = 0;
        _Atomic uint64_t b = 0;
        tp_pool *pool = pool_of(worker_counts[i]);
        size_t n = rounds(100, 5000, 100000);
        for (size_t round = 0; round < n; round++) {
            assert_status(tp_parallel_invoke(pool, adds, &a, adds, &b), TP_OK);
            assert_int_equal(a, round + 1);
            assert_int_equal(b, round + 1);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- Depth -------------------------------------------------------------------------------------------------

struct chain {
    tp_pool *pool;
    uint32_t left;
    bool second;
    _Atomic uint64_t *leaves;
};

static void goes_deeper(void *arg) {
    struct chain *chain = (struct chain *)arg;
    if (chain->left == 0) return;
    struct chain next = {chain->pool, chain->left - 1, chain->second, chain->leaves};
    tp_status status = chain->second ? tp_parallel_invoke(chain->pool, adds, chain->leaves, goes_deeper, &next)
                                     : tp_parallel_invoke(chain->pool, goes_deeper, &next, adds, chain->leaves);
    must(status == TP_OK);
}

// Sanitizers make large frames.
#define DEPTH ((UNDER_TSAN || UNDER_ASAN) ? 1000u : 10000u)

static void ten_thousand_nest_in_the_first_branch_or_in_the_second(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int how = 0; how < 4; how++) {
            _Atomic uint64_t leaves = 0;
            struct chain chain = {pool_of(worker_counts[i]), DEPTH, how % 2 == 1, &leaves};
            run_where(chain.pool, how / 2 == 1, goes_deeper, &chain);
            assert_int_equal(leaves, DEPTH);
            assert_status(tp_destroy(chain.pool), TP_OK);
        }
    }
}

// ---- A tree ------------------------------------------------------------------------------------------------

struct fib {
    tp_pool *pool;
    uint32_t n;
    uint64_t result;
};

static void adds_up(void *arg) {
    struct fib *fib = (struct fib *)arg;
    if (fib->n < 2) {
        fib->result = fib->n;
        return;
    }
    struct fib a = {fib->pool, fib->n - 1, 0};
    struct fib b = {fib->pool, fib->n - 2, 0};
    must_status(tp_parallel_invoke(fib->pool, adds_up, &a, adds_up, &b), TP_OK);
    fib->result = a.result + b.result;
}

static uint64_t fib_of(uint32_t n) {
    uint64_t a = 0, b = 1;
    for (; n > 0; n--) {
        uint64_t next = a + b;
        a = b;
        b = next;
    }
    return a;
}

static void adds_up_and_looks(tp_pool *pool) {
    struct fib fib = {pool, (uint32_t)rounds(8, 16, 20), 0};
    adds_up(&fib);
    must(fib.result == fib_of(fib.n));
}

static void adds_up_in_a_task(void *pool) { adds_up_and_looks((tp_pool *)pool); }

static void *adds_up_async(void *pool) {
    adds_up_and_looks((tp_pool *)pool);
    return pool;
}

static void *adds_up_then(void *value, void *pool) {
    (void)value;
    return adds_up_async(pool);
}

static void a_tree_of_branches_adds_up(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(1, 10, 50); round++) {
            adds_up_and_looks(pool);
            run_inside(pool, adds_up_in_a_task, pool);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void *adds_up_outside(void *pool) {
    for (size_t round = 0; round < rounds(1, 5, 50); round++) adds_up_and_looks((tp_pool *)pool);
    return NULL;
}

static void eight_outside_threads_invoke_at_once(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        run_outside(8, adds_up_outside, pool);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void tasks_of_every_kind_invoke(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        tp_group *group = group_of(pool, NULL);
        tp_future *futures[8];
        for (int n = 0; n < 8; n += 2) {
            assert_status(tp_submit(pool, adds_up_in_a_task, pool), TP_OK);
            assert_status(tp_group_submit(group, adds_up_in_a_task, pool), TP_OK);
            futures[n] = future_of(pool, adds_up_async, pool);
            futures[n + 1] = future_then(pool, futures[n], adds_up_then, pool);
        }
        assert_status(tp_group_notify(group, adds_up_in_a_task, pool), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        for (int n = 0; n < 8; n++) {
            assert_ptr_equal(value_of(futures[n]), pool);
            tp_future_release(futures[n]);
        }
        assert_status(tp_group_destroy(group), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- Thieves -----------------------------------------------------------------------------------------------

struct meeting {
    tp_pool *pool;
    size_t calls;
};

static void invokes_two_that_meet(void *arg) {
    struct meeting *meeting = (struct meeting *)arg;
    for (size_t round = 0; round < meeting->calls; round++) {
        struct tally tally = TALLY_INIT;
        must_status(tp_parallel_invoke(meeting->pool, meets_the_other, &tally, meets_the_other, &tally), TP_OK);
    }
}

static void branches_that_wait_for_each_other_end_where_there_are_two_threads(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int inside = 0; inside < 2; inside++) {
            // A task on one worker has no second thread.
            if (inside && worker_counts[i] == 1) continue;
            struct meeting meeting = {pool_of(worker_counts[i]), rounds(20, 1000, 20000)};
            run_where(meeting.pool, inside, invokes_two_that_meet, &meeting);
            assert_status(tp_destroy(meeting.pool), TP_OK);
        }
    }
}

// With a pause between two calls, so that all have gone to sleep.
static void a_branch_wakes_a_pool_that_sleeps(void **state) {
    (void)state;
    struct meeting meeting = {pool_of(2), 1};
    for (size_t round = 0; round < rounds(10, 500, 5000); round++) {
        nap();
        invokes_two_that_meet(&meeting);
        nap();
        run_inside(meeting.pool, invokes_two_that_meet, &meeting);
    }
    assert_status(tp_destroy(meeting.pool), TP_OK);
}

// Branches of three levels, each taken while their owner sits in the leaf below.
struct levels {
    tp_pool *pool;
    int level;
    struct tally *ended;
    struct tally *all;
};

static void descends(void *arg, tp_task_fn leaf, tp_task_fn branch, tp_task_fn next) {
    struct levels *levels = (struct levels *)arg;
    struct levels below = {levels->pool, levels->level - 1, levels->ended, levels->all};
    must_status(tp_parallel_invoke(levels->pool, below.level == 0 ? leaf : next, &below, branch, levels), TP_OK);
}

static void ends_at_once(void *arg) { tally_add(((struct levels *)arg)->ended); }
static void waits_for_three(void *arg) { must(tally_reaches(((struct levels *)arg)->ended, 3)); }
static void descends_for_one_thief(void *arg) { descends(arg, waits_for_three, ends_at_once, descends_for_one_thief); }

static void meets_the_three_others(void *arg) { meet(((struct levels *)arg)->all, 4); }
static void descends_for_three_thieves(void *arg) {
    descends(arg, meets_the_three_others, meets_the_three_others, descends_for_three_thieves);
}

static void a_thief_takes_one_branch_after_the_other_while_their_owner_sits_in_a_leaf(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(10, 500, 10000); round++) {
        for (int inside = 0; inside < 2; inside++) {
            struct tally ended = TALLY_INIT;
            struct tally all = TALLY_INIT;
            struct levels levels = {pool_of(inside ? 2 : 1), 3, &ended, &all};
            run_where(levels.pool, inside, descends_for_one_thief, &levels);
            assert_int_equal(tally_now(&ended), 3);
            assert_status(tp_destroy(levels.pool), TP_OK);
        }
    }
}

static void three_thieves_take_the_oldest_three_while_their_owner_sits_in_a_leaf(void **state) {
    (void)state;
    tp_pool *pool = pool_of(4);
    for (size_t round = 0; round < rounds(10, 500, 10000); round++) {
        for (int inside = 0; inside < 2; inside++) {
            struct tally ended = TALLY_INIT;
            struct tally all = TALLY_INIT;
            struct levels levels = {pool, 3, &ended, &all};
            run_where(pool, inside, descends_for_three_thieves, &levels);
            assert_int_equal(tally_now(&all), 4);
        }
    }
    assert_status(tp_destroy(pool), TP_OK);
}

// What was taken may itself fork, and its branches are there to be taken too.
static void a_stolen_branchs_branches_are_taken_in_turn(void **state) {
    (void)state;
    tp_pool *pool = pool_of(4);
    for (size_t round = 0; round < rounds(10, 200, 5000); round++) {
        struct meeting meeting = {pool, 1};
        struct meeting other = {pool, 1};
        assert_status(tp_parallel_invoke(pool, invokes_two_that_meet, &meeting, invokes_two_that_meet, &other), TP_OK);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Strangers ---------------------------------------------------------------------------------------------

// A branch of a tree, known by what called it; below what this thread is waiting in, if it waits.
struct node {
    tp_pool *pool;
    const struct node *parent;
    uint32_t depth;
};

static _Thread_local const struct node *innermost;
static _Atomic uint64_t nodes_seen;

static bool is_below(const struct node *node, const struct node *above) {
    for (; node != NULL; node = node->parent) {
        if (node == above) return true;
    }
    return false;
}

static void grows_among_strangers(void *arg) {
    const struct node *node = (const struct node *)arg;
    const struct node *before = innermost;
    must(before == NULL || is_below(node, before));
    atomic_fetch_add(&nodes_seen, 1);
    if (node->depth > 0) {
        struct node a = {node->pool, node, node->depth - 1};
        struct node b = {node->pool, node, node->depth - 1};
        innermost = node;
        must_status(tp_parallel_invoke(node->pool, grows_among_strangers, &a, grows_among_strangers, &b), TP_OK);
        must(innermost == node);
    } else if (chance(&(uint64_t){now_ns()}) % 16 == 0) {
        sched_yield();
    }
    innermost = before;
}

static void is_a_stranger(void *ran) {
    must(innermost == NULL);
    adds(ran);
}

static void starts_a_tree(void *arg) {
    must(innermost == NULL);
    struct node root = {(tp_pool *)arg, NULL, (uint32_t)rounds(5, 8, 9)};
    grows_among_strangers(&root);
}

static void *starts_trees_outside(void *pool) {
    for (size_t round = 0; round < rounds(2, 20, 300); round++) starts_a_tree(pool);
    return NULL;
}

static void who_waits_for_a_stolen_branch_runs_no_stranger(void **state) {
    (void)state;
    enum { OUTSIDE = 4, TASKS = 16 };
    for (int i = 0; i < WORKER_COUNTS; i++) {
        _Atomic uint64_t ran = 0;
        uint64_t strangers = 0;
        tp_pool *pool = pool_of(worker_counts[i]);
        uint64_t tree = (UINT64_C(2) << rounds(5, 8, 9)) - 1;
        size_t n = rounds(2, 20, 300);
        pthread_t threads[OUTSIDE];
        nodes_seen = 0;
        for (int thread = 0; thread < OUTSIDE; thread++) threads[thread] = start_thread(starts_trees_outside, pool);
        for (size_t round = 0; round < n; round++) {
            for (int task = 0; task < TASKS; task++) {
                assert_status(tp_submit(pool, starts_a_tree, pool), TP_OK);
                assert_status(tp_submit(pool, is_a_stranger, &ran), TP_OK);
                strangers++;
            }
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        }
        for (int thread = 0; thread < OUTSIDE; thread++) join_thread(threads[thread]);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(ran, strangers);
        assert_int_equal(nodes_seen, tree * n * (TASKS + OUTSIDE));
    }
}

// The caller has nothing to do, its branch runs elsewhere and needs a task that was submitted meanwhile.
struct replaced {
    tp_pool *pool;
    struct tally stolen;
    struct tally ran;
    bool needed;
};

static void leaves_once_stolen(void *arg) { must(tally_reaches(&((struct replaced *)arg)->stolen, 1)); }

static void needs_a_task(void *arg) {
    struct replaced *replaced = (struct replaced *)arg;
    tally_add(&replaced->stolen);
    must_status(tp_submit(replaced->pool, count, &replaced->ran), TP_OK);
    if (replaced->needed) must(tally_reaches(&replaced->ran, 1));
    else nap();
}

static void has_a_branch_stolen(void *arg) {
    struct replaced *replaced = (struct replaced *)arg;
    must_status(tp_parallel_invoke(replaced->pool, leaves_once_stolen, arg, needs_a_task, arg), TP_OK);
}

static void another_takes_the_place_of_a_task_that_waits_for_its_stolen_branch(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(5, 100, 1000); round++) {
        struct replaced replaced = {pool_of(2), TALLY_INIT, TALLY_INIT, true};
        run_inside(replaced.pool, has_a_branch_stolen, &replaced);
        assert_int_equal(tally_now(&replaced.ran), 1);
        assert_status(tp_destroy(replaced.pool), TP_OK);
    }
}

static void a_task_waits_for_its_stolen_branch_where_no_reserve_is_to_be_had(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(5, 100, 1000); round++) {
        struct replaced replaced = {pool_reserved(2, 0), TALLY_INIT, TALLY_INIT, false};
        run_inside(replaced.pool, has_a_branch_stolen, &replaced);
        assert_int_equal(tally_now(&replaced.ran), 1);
        assert_status(tp_destroy(replaced.pool), TP_OK);
    }
}

// ---- A branch counts as a task -----------------------------------------------------------------------------

struct place {
    tp_pool *pool;
    tp_future *future;
    tp_group *groups[2];
    struct tally ready;
    struct tally stolen;
    struct tally ended;
};

static void looks_around(void *arg) {
    struct place *place = (struct place *)arg;
    must(tp_current() == place->pool);
    cannot_wait_for(place->pool);
    tally_add(&place->ended);
}

static void leaves_when_the_other_has_ended(void *arg) {
    struct place *place = (struct place *)arg;
    must(tally_reaches(&place->ended, 1));
    looks_around(arg);
}

static void a_branch_is_in_its_pool_on_any_thread_and_cannot_wait_for_it(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct place place = {pool_of(worker_counts[i]), NULL, {NULL}, TALLY_INIT, TALLY_INIT, TALLY_INIT};
        // Here, and on a worker while this thread waits in the first.
        assert_status(tp_parallel_invoke(place.pool, looks_around, &place, looks_around, &place), TP_OK);
        struct place other = {place.pool, NULL, {NULL}, TALLY_INIT, TALLY_INIT, TALLY_INIT};
        assert_status(tp_parallel_invoke(place.pool, leaves_when_the_other_has_ended, &other, looks_around, &other),
                      TP_OK);
        assert_null(tp_current());
        assert_int_equal(tp_worker_index(), -1);
        assert_status(tp_wait(place.pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(place.pool), TP_OK);
    }
}

static void sees_a_worker(void *arg) {
    struct place *place = (struct place *)arg;
    must(tp_worker_index() == 0);
    tally_add(&place->ended);
}

static void sees_no_worker(void *arg) {
    struct place *place = (struct place *)arg;
    must(tally_reaches(&place->ended, 1));
    must(tp_current() == place->pool);
    must(tp_worker_index() == -1);
}

static void a_worker_has_its_index_in_a_stolen_branch_and_an_outside_caller_none(void **state) {
    (void)state;
    struct place place = {pool_of(1), NULL, {NULL}, TALLY_INIT, TALLY_INIT, TALLY_INIT};
    assert_status(tp_parallel_invoke(place.pool, sees_no_worker, &place, sees_a_worker, &place), TP_OK);
    assert_status(tp_destroy(place.pool), TP_OK);
}

static void asks_for_the_callers_groups(void *arg) {
    struct place *place = (struct place *)arg;
    for (int i = 0; i < 2; i++) {
        must_status(tp_group_wait(place->groups[i], 0), TP_EDEADLK);
        must_status(tp_group_wait(place->groups[i], TP_FOREVER), TP_EDEADLK);
    }
    cannot_wait_for(place->pool);
    tally_add(&place->ended);
}

static void outlasts_the_other(void *arg) { must(tally_reaches(&((struct place *)arg)->ended, 1)); }

static void forks_in_a_stolen_branch(void *arg) {
    struct place *place = (struct place *)arg;
    tally_add(&place->stolen);
    must_status(tp_parallel_invoke(place->pool, outlasts_the_other, arg, asks_for_the_callers_groups, arg), TP_OK);
}

static void forks_twice_in_a_group(void *arg) {
    struct place *place = (struct place *)arg;
    must_status(tp_parallel_invoke(place->pool, outlasts_the_other, arg, forks_in_a_stolen_branch, arg), TP_OK);
    asks_for_the_callers_groups(arg);
}

static void forks_in_a_group(void *arg) {
    struct place *place = (struct place *)arg;
    must_status(tp_parallel_invoke(place->pool, outlasts_the_other, arg, asks_for_the_callers_groups, arg), TP_OK);
}

// The task ends a group that it made itself, whose tasks stand on the stolen branch's stack.
static void waits_for_a_group_of_its_own(void *arg) {
    struct place *place = (struct place *)arg;
    struct place inner = {place->pool, NULL,       {place->groups[0], group_of(place->pool, NULL)},
                          TALLY_INIT,  TALLY_INIT, TALLY_INIT};
    must_status(tp_group_submit(inner.groups[1], asks_for_the_callers_groups, &inner), TP_OK);
    must_status(tp_group_wait(inner.groups[1], LIMIT_NS), TP_OK);
    must_status(tp_group_destroy(inner.groups[1]), TP_OK);
    tally_add(&place->ended);
}

static void waits_below_a_stolen_branch(void *arg) {
    struct place *place = (struct place *)arg;
    must_status(tp_parallel_invoke(place->pool, outlasts_the_other, arg, waits_for_a_group_of_its_own, arg), TP_OK);
}

static void a_stolen_branch_cannot_wait_for_its_callers_group_nor_for_one_above(void **state) {
    (void)state;
    // Without a reserve the inner group's task runs on the stolen branch's stack.
    const tp_task_fn tasks[] = {forks_in_a_group, forks_twice_in_a_group, waits_below_a_stolen_branch};
    for (size_t i = 0; i < 3; i++) {
        for (size_t round = 0; round < rounds(3, 50, 500); round++) {
            struct place place = {
                i == 2 ? pool_reserved(2, 0) : pool_of(3), NULL, {NULL}, TALLY_INIT, TALLY_INIT, TALLY_INIT};
            place.groups[0] = group_of(place.pool, NULL);
            place.groups[1] = group_of(place.pool, place.groups[0]);
            assert_status(tp_group_submit(place.groups[1], tasks[i], &place), TP_OK);
            assert_status(tp_group_wait(place.groups[0], LIMIT_NS), TP_OK);
            assert_status(tp_group_destroy(place.groups[1]), TP_OK);
            assert_status(tp_group_destroy(place.groups[0]), TP_OK);
            assert_status(tp_destroy(place.pool), TP_OK);
        }
    }
}

static void asks_for_the_callers_future(void *arg) {
    struct place *place = (struct place *)arg;
    must_status(tp_future_wait(place->future, 0, NULL), TP_EDEADLK);
    must_status(tp_future_wait(place->future, TP_FOREVER, NULL), TP_EDEADLK);
    must_status(tp_future_wait_any(&place->future, 1, TP_FOREVER, NULL), TP_EDEADLK);
    tally_add(&place->ended);
}

static void *forks_in_a_future(void *arg) {
    struct place *place = (struct place *)arg;
    must(tally_reaches(&place->ready, 1));
    must_status(tp_parallel_invoke(place->pool, outlasts_the_other, arg, asks_for_the_callers_future, arg), TP_OK);
    return arg;
}

static void a_stolen_branch_cannot_wait_for_its_callers_future(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 50, 500); round++) {
        struct place place = {pool_of(2), NULL, {NULL}, TALLY_INIT, TALLY_INIT, TALLY_INIT};
        place.future = future_of(place.pool, forks_in_a_future, &place);
        tally_add(&place.ready);
        assert_ptr_equal(value_of(place.future), &place);
        tp_future_release(place.future);
        assert_status(tp_destroy(place.pool), TP_OK);
    }
}

// A task that waits for another one, which runs on its stack and forks there, for the only other worker is held until
// then. Both are below the stolen branch.
struct deep {
    tp_pool *pool;
    tp_group *outer;
    tp_group *inner;
    struct gate gate;
    struct tally ended;
};

static void asks_for_all_below(void *arg) {
    struct deep *deep = (struct deep *)arg;
    must_status(tp_group_wait(deep->inner, TP_FOREVER), TP_EDEADLK);
    must_status(tp_group_wait(deep->outer, TP_FOREVER), TP_EDEADLK);
    tally_add(&deep->ended);
}

static void outlasts_the_one_that_asks(void *arg) { must(tally_reaches(&((struct deep *)arg)->ended, 1)); }

static void forks_on_its_waiters_stack(void *arg) {
    struct deep *deep = (struct deep *)arg;
    gate_open(&deep->gate);
    must_status(tp_parallel_invoke(deep->pool, outlasts_the_one_that_asks, arg, asks_for_all_below, arg), TP_OK);
}

static void waits_for_one_that_forks(void *arg) {
    struct deep *deep = (struct deep *)arg;
    must_status(tp_group_submit(deep->inner, forks_on_its_waiters_stack, arg), TP_OK);
    must_status(tp_group_wait(deep->inner, LIMIT_NS), TP_OK);
}

static void a_stolen_branch_cannot_wait_for_what_is_further_down_its_callers_stack(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 50, 500); round++) {
        tp_pool *pool = pool_reserved(2, 0);
        struct deep deep = {pool, group_of(pool, NULL), group_of(pool, NULL), GATE_INIT, TALLY_INIT};
        occupy(pool, &deep.gate, 1);
        assert_status(tp_group_submit(deep.outer, waits_for_one_that_forks, &deep), TP_OK);
        assert_status(tp_group_wait(deep.outer, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&deep.ended), 1);
        assert_status(tp_group_destroy(deep.inner), TP_OK);
        assert_status(tp_group_destroy(deep.outer), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// On the thread that ran the branch: what stood on the caller's stack is no longer on this one's.
static void *waits_for_the_future_of_another(void *arg) {
    struct place *place = (struct place *)arg;
    must(value_of(place->future) == arg);
    return arg;
}

static void a_thief_may_wait_for_the_callers_future_once_the_branch_is_over(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 50, 500); round++) {
        struct place place = {pool_of(2), NULL, {NULL}, TALLY_INIT, TALLY_INIT, TALLY_INIT};
        tp_future *others[4];
        place.future = future_of(place.pool, forks_in_a_future, &place);
        tally_add(&place.ready);
        assert_true(tally_reaches(&place.ended, 1));
        for (int i = 0; i < 4; i++) others[i] = future_of(place.pool, waits_for_the_future_of_another, &place);
        for (int i = 0; i < 4; i++) {
            assert_ptr_equal(value_of(others[i]), &place);
            tp_future_release(others[i]);
        }
        tp_future_release(place.future);
        assert_status(tp_destroy(place.pool), TP_OK);
    }
}

// ---- Waits in branches -------------------------------------------------------------------------------------

struct busy {
    tp_pool *pool;
    _Atomic uint64_t ran;
};

static void *adds_async(void *arg) {
    adds(&((struct busy *)arg)->ran);
    return arg;
}

static void waits_in_a_branch(void *arg) {
    struct busy *busy = (struct busy *)arg;
    tp_group *group = group_of(busy->pool, NULL);
    for (int i = 0; i < 3; i++) must_status(tp_group_submit(group, adds, &busy->ran), TP_OK);
    tp_future *future = future_of(busy->pool, adds_async, arg);
    must_status(tp_blocking_begin(), TP_OK);
    sched_yield();
    must_status(tp_blocking_end(), TP_OK);
    must(value_of(future) == arg);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    tp_future_release(future);
    must_status(tp_group_destroy(group), TP_OK);
}

static void invokes_two_that_wait(void *arg) {
    struct busy *busy = (struct busy *)arg;
    must_status(tp_parallel_invoke(busy->pool, waits_in_a_branch, arg, waits_in_a_branch, arg), TP_OK);
}

static void branches_submit_and_wait_and_block(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct busy busy = {pool_of(worker_counts[i]), 0};
        size_t n = rounds(3, 100, 2000);
        for (size_t round = 0; round < n; round++) {
            for (int task = 0; task < 8; task++)
                assert_status(tp_submit(busy.pool, invokes_two_that_wait, &busy), TP_OK);
            invokes_two_that_wait(&busy);
            assert_status(tp_wait(busy.pool, LIMIT_NS), TP_OK);
            assert_int_equal(busy.ran, (round + 1) * 9 * 8);
        }
        assert_status(tp_destroy(busy.pool), TP_OK);
    }
}

// The only worker is in the other branch, and waits for this one.
struct alone {
    tp_pool *pool;
    struct tally begun;
    struct tally ended;
    _Atomic uint64_t ran;
};

static void *adds_alone(void *arg) {
    adds(&((struct alone *)arg)->ran);
    return arg;
}

static void waits_for_what_nobody_else_can_run(void *arg) {
    struct alone *alone = (struct alone *)arg;
    must(tally_reaches(&alone->begun, 1));
    tp_future *future = future_of(alone->pool, adds_alone, arg);
    tp_group *group = group_of(alone->pool, NULL);
    must_status(tp_group_submit(group, adds, &alone->ran), TP_OK);
    must(value_of(future) == arg);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    tp_future_release(future);
    must_status(tp_group_destroy(group), TP_OK);
    tally_add(&alone->ended);
}

static void sits_on_the_only_worker(void *arg) {
    struct alone *alone = (struct alone *)arg;
    tally_add(&alone->begun);
    must(tally_reaches(&alone->ended, 1));
}

static void a_branch_on_an_outside_thread_runs_what_it_waits_for(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(2, 50, 500); round++) {
        struct alone alone = {pool_of(1), TALLY_INIT, TALLY_INIT, 0};
        assert_status(
            tp_parallel_invoke(alone.pool, waits_for_what_nobody_else_can_run, &alone, sits_on_the_only_worker, &alone),
            TP_OK);
        assert_int_equal(alone.ran, 2);
        assert_status(tp_destroy(alone.pool), TP_OK);
    }
}

// ---- Cancellation ------------------------------------------------------------------------------------------

struct asked {
    tp_pool *pool;
    struct tally begun;
    struct tally ended;
};

static void sees_that_it_is_asked_to_stop(void *arg) {
    struct asked *asked = (struct asked *)arg;
    must(tp_cancelled() == 0);
    tally_add(&asked->begun);
    must_soon(tp_cancelled() == 1);
    tally_add(&asked->ended);
}

static void waits_for_the_one_that_is_asked(void *arg) { must(tally_reaches(&((struct asked *)arg)->ended, 1)); }

static void has_a_branch_asked_to_stop(void *arg) {
    struct asked *asked = (struct asked *)arg;
    must_status(
        tp_parallel_invoke(asked->pool, waits_for_the_one_that_is_asked, arg, sees_that_it_is_asked_to_stop, arg),
        TP_OK);
    must(tp_cancelled() == 1);
}

static void *has_a_branch_asked_to_stop_async(void *arg) {
    has_a_branch_asked_to_stop(arg);
    return arg;
}

static void is_not_asked_to_stop(void *gate) {
    must(tp_cancelled() == 0);
    stand(gate);
}

// Each worker runs a task that nobody cancelled.
static void nobody_is_asked_to_stop(tp_pool *pool) {
    struct gate gate = GATE_INIT;
    for (uint32_t i = 0; i < tp_thread_count(pool); i++) {
        assert_status(tp_submit(pool, is_not_asked_to_stop, &gate), TP_OK);
    }
    assert_true(tally_reaches(&gate.entered, tp_thread_count(pool)));
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
}

static void a_stolen_branch_is_asked_to_stop_with_its_callers_group(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 50, 500); round++) {
        struct asked asked = {pool_of(2), TALLY_INIT, TALLY_INIT};
        tp_group *above = group_of(asked.pool, NULL);
        tp_group *group = group_of(asked.pool, above);
        assert_status(tp_group_submit(group, has_a_branch_asked_to_stop, &asked), TP_OK);
        assert_true(tally_reaches(&asked.begun, 1));
        assert_status(tp_group_cancel(round % 2 == 0 ? group : above), TP_OK);
        assert_status(tp_group_wait(above, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&asked.ended), 1);
        nobody_is_asked_to_stop(asked.pool);
        assert_status(tp_group_destroy(group), TP_OK);
        assert_status(tp_group_destroy(above), TP_OK);
        assert_status(tp_destroy(asked.pool), TP_OK);
    }
}

static void a_stolen_branch_is_asked_to_stop_with_its_callers_future(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 50, 500); round++) {
        struct asked asked = {pool_of(2), TALLY_INIT, TALLY_INIT};
        tp_future *future = future_of(asked.pool, has_a_branch_asked_to_stop_async, &asked);
        assert_true(tally_reaches(&asked.begun, 1));
        assert_status(tp_future_cancel(future), TP_EBUSY);
        assert_ptr_equal(value_of(future), &asked);
        nobody_is_asked_to_stop(asked.pool);
        tp_future_release(future);
        assert_status(tp_destroy(asked.pool), TP_OK);
    }
}

static void invokes_after_it_was_cancelled(void *arg) {
    struct asked *asked = (struct asked *)arg;
    tally_add(&asked->begun);
    must_soon(tp_cancelled() == 1);
    must_status(tp_parallel_invoke(asked->pool, count, &asked->ended, count, &asked->ended), TP_OK);
}

static void branches_of_a_cancelled_task_run_all_the_same(void **state) {
    (void)state;
    struct asked asked = {pool_of(2), TALLY_INIT, TALLY_INIT};
    tp_group *group = group_of(asked.pool, NULL);
    assert_status(tp_group_submit(group, invokes_after_it_was_cancelled, &asked), TP_OK);
    assert_true(tally_reaches(&asked.begun, 1));
    assert_status(tp_group_cancel(group), TP_OK);
    assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&asked.ended), 2);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(asked.pool), TP_OK);
}

// ---- Pools that are full, paused or at their end -----------------------------------------------------------

struct whose {
    pthread_t thread;
    _Atomic uint64_t ran;
};

static void runs_on_the_caller(void *arg) {
    struct whose *whose = (struct whose *)arg;
    must(pthread_equal(whose->thread, pthread_self()));
    atomic_fetch_add(&whose->ran, 1);
}

// Slow, so that whoever is awake would have the other.
static void is_slow_and_on_the_caller(void *arg) {
    for (int i = 0; i < 5; i++) nap();
    runs_on_the_caller(arg);
}

static void on_a_paused_pool_both_run_on_the_caller(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct whose whose = {pthread_self(), 0};
        tp_pool *pool = pool_of(worker_counts[i]);
        size_t n = rounds(100, 5000, 100000);
        assert_status(tp_pause(pool), TP_OK);
        for (size_t round = 0; round < n; round++) {
            assert_status(tp_parallel_invoke(pool, runs_on_the_caller, &whose, runs_on_the_caller, &whose), TP_OK);
        }
        assert_int_equal(whose.ran, 2 * n);
        for (size_t round = 0; round < rounds(3, 30, 300); round++) {
            assert_status(tp_parallel_invoke(pool, is_slow_and_on_the_caller, &whose, runs_on_the_caller, &whose),
                          TP_OK);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void pauses_and_adds_up(void *pool) {
    must_status(tp_pause((tp_pool *)pool), TP_OK);
    adds_up_and_looks((tp_pool *)pool);
    must_status(tp_resume((tp_pool *)pool), TP_OK);
}

static void a_task_invokes_while_its_pool_is_paused(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(2, 20, 200); round++) run_inside(pool, pauses_and_adds_up, pool);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_full_queue_is_nothing_to_branches(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    _Atomic uint64_t ran = 0;
    tp_pool *pool = pool_full_at(1, TP_FULL_FAIL);
    occupy(pool, &gate, 1);
    assert_status(tp_submit(pool, adds, &ran), TP_OK);
    assert_status(tp_submit(pool, must_not_run, NULL), TP_EFULL);
    adds_up_and_looks(pool);
    assert_int_equal(tp_queued(pool), 1);
    assert_int_equal(ran, 0);
    gate_open(&gate);
    assert_status(tp_destroy(pool), TP_OK);
    assert_int_equal(ran, 1);
}

struct ending {
    tp_pool *pool;
    struct tally begun;
    struct tally told;
    _Atomic uint64_t ran;
    int32_t cancelled;
};

static void runs_at_the_end(void *arg) {
    struct ending *ending = (struct ending *)arg;
    must(tp_cancelled() == ending->cancelled);
    atomic_fetch_add(&ending->ran, 1);
}

static void invokes_at_the_end(void *arg) {
    struct ending *ending = (struct ending *)arg;
    tally_add(&ending->begun);
    must(tally_reaches(&ending->told, 1));
    must_status(tp_parallel_invoke(ending->pool, runs_at_the_end, arg, runs_at_the_end, arg), TP_OK);
}

static void at_the_end_outside_callers_are_refused_and_a_tasks_branches_run(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (size_t i = 0; i < 2; i++) {
        for (int workers = 0; workers < WORKER_COUNTS; workers++) {
            struct ending ending = {pool_of(worker_counts[workers]), TALLY_INIT, TALLY_INIT, 0, modes[i] == TP_DISCARD};
            assert_status(tp_submit(ending.pool, invokes_at_the_end, &ending), TP_OK);
            assert_true(tally_reaches(&ending.begun, 1));
            assert_status(tp_shutdown(ending.pool, modes[i], 0), TP_ETIMEDOUT);
            assert_status(tp_parallel_invoke(ending.pool, must_not_run, NULL, must_not_run, NULL), TP_ESHUTDOWN);
            tally_add(&ending.told);
            assert_status(tp_shutdown(ending.pool, modes[i], LIMIT_NS), TP_OK);
            assert_int_equal(ending.ran, 2);
            assert_status(tp_parallel_invoke(ending.pool, must_not_run, NULL, must_not_run, NULL), TP_ESHUTDOWN);
            assert_status(tp_destroy(ending.pool), TP_OK);
        }
    }
}

// ---- Two pools ---------------------------------------------------------------------------------------------

struct pools {
    tp_pool *pool;
    tp_pool *other;
    uint32_t depth;
    _Atomic uint64_t *leaves;
};

static void goes_to_the_other_pool(void *arg) {
    const struct pools *pools = (const struct pools *)arg;
    must(tp_current() == pools->pool);
    must_status(tp_wait(pools->pool, 0), TP_EDEADLK);
    if (pools->depth == 0) {
        atomic_fetch_add(pools->leaves, 1);
        return;
    }
    struct pools next = {pools->other, pools->pool, pools->depth - 1, pools->leaves};
    must_status(tp_parallel_invoke(pools->other, goes_to_the_other_pool, &next, goes_to_the_other_pool, &next), TP_OK);
    must(tp_current() == pools->pool);
}

static void a_tasks_branches_on_another_pool_have_branches_on_the_first(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        _Atomic uint64_t leaves = 0;
        tp_pool *a = pool_of(worker_counts[i]);
        tp_pool *b = pool_of(worker_counts[WORKER_COUNTS - 1 - i]);
        struct pools in_a = {a, b, 5, &leaves};
        struct pools in_b = {b, a, 5, &leaves};
        size_t n = rounds(2, 50, 1000);
        for (size_t round = 0; round < n; round++) {
            for (int task = 0; task < 4; task++) {
                assert_status(tp_submit(a, goes_to_the_other_pool, &in_a), TP_OK);
                assert_status(tp_submit(b, goes_to_the_other_pool, &in_b), TP_OK);
            }
            // A wait for both: tasks of each may come back to the other.
            assert_status(tp_wait(a, LIMIT_NS), TP_OK);
            assert_status(tp_wait(b, LIMIT_NS), TP_OK);
        }
        assert_int_equal(leaves, n * 8 * 32);
        assert_status(tp_destroy(a), TP_OK);
        assert_status(tp_destroy(b), TP_OK);
    }
}

struct far {
    tp_pool *first;
    tp_pool *second;
    tp_group *group;
    struct tally ended;
};

static void asks_for_what_is_two_pools_below(void *arg) {
    struct far *far = (struct far *)arg;
    must(tp_current() == far->second);
    must_status(tp_wait(far->second, TP_FOREVER), TP_EDEADLK);
    must_status(tp_wait(far->first, TP_FOREVER), TP_EDEADLK);
    must_status(tp_group_wait(far->group, TP_FOREVER), TP_EDEADLK);
    tally_add(&far->ended);
}

static void outlasts_the_one_far_away(void *arg) { must(tally_reaches(&((struct far *)arg)->ended, 1)); }

static void forks_on_the_second_pool(void *arg) {
    struct far *far = (struct far *)arg;
    must_status(tp_parallel_invoke(far->second, outlasts_the_one_far_away, arg, asks_for_what_is_two_pools_below, arg),
                TP_OK);
}

static void a_stolen_branch_on_another_pool_cannot_wait_for_the_first_pool(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 50, 500); round++) {
        struct far far = {pool_of(1), pool_of(1), NULL, TALLY_INIT};
        far.group = group_of(far.first, NULL);
        assert_status(tp_group_submit(far.group, forks_on_the_second_pool, &far), TP_OK);
        assert_status(tp_group_wait(far.group, LIMIT_NS), TP_OK);
        assert_status(tp_group_destroy(far.group), TP_OK);
        assert_status(tp_destroy(far.first), TP_OK);
        assert_status(tp_destroy(far.second), TP_OK);
    }
}

// A task of the first pool blocks in a branch on the second; the first pool's work goes on.
struct lent {
    tp_pool *second;
    struct tally stolen;
    struct tally needed;
};

static void waits_for_a_task_of_the_first_pool(void *arg) {
    struct lent *lent = (struct lent *)arg;
    tally_add(&lent->stolen);
    must(tally_reaches(&lent->needed, 1));
}

static void leaves_its_branch_to_the_second_pool(void *arg) { must(tally_reaches(&((struct lent *)arg)->stolen, 1)); }

static void waits_as_a_guest(void *arg) {
    struct lent *lent = (struct lent *)arg;
    must_status(tp_parallel_invoke(lent->second, leaves_its_branch_to_the_second_pool, arg,
                                   waits_for_a_task_of_the_first_pool, arg),
                TP_OK);
}

static void a_task_that_waits_as_a_guest_of_another_pool_is_replaced(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 50, 500); round++) {
        tp_pool *first = pool_of(1);
        struct lent lent = {pool_of(1), TALLY_INIT, TALLY_INIT};
        assert_status(tp_submit(first, waits_as_a_guest, &lent), TP_OK);
        assert_true(tally_reaches(&lent.stolen, 1));
        assert_status(tp_submit(first, count, &lent.needed), TP_OK);
        assert_status(tp_wait(first, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(first), TP_OK);
        assert_status(tp_destroy(lent.second), TP_OK);
    }
}

// ---- Loops -------------------------------------------------------------------------------------------------

static void adds_up_in_each_item(uint64_t lo, uint64_t hi, void *pool) {
    for (uint64_t i = lo; i < hi; i++) adds_up_and_looks((tp_pool *)pool);
}

static void loops_and_adds_up(void *pool) {
    must_status(tp_parallel_for((tp_pool *)pool, 0, 8, 1, adds_up_in_each_item, pool), TP_OK);
}

static void branches_hold_loops_and_their_items_hold_branches(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(1, 4, 50); round++) {
            assert_status(tp_parallel_invoke(pool, loops_and_adds_up, pool, loops_and_adds_up, pool), TP_OK);
            assert_status(tp_submit(pool, loops_and_adds_up, pool), TP_OK);
            assert_status(tp_submit(pool, loops_and_adds_up, pool), TP_OK);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- The default pool, and pools that change ---------------------------------------------------------------

static void the_default_pool_starts_at_the_first_invoke(void **state) {
    (void)state;
    _Atomic uint64_t ran = 0;
    assert_status(tp_parallel_invoke(tp_default(), adds, &ran, adds, &ran), TP_OK);
    assert_int_equal(ran, 2);
    adds_up_and_looks(tp_default());
}

static void *resizes_until_told(void *arg) {
    struct busy *busy = (struct busy *)arg;
    for (uint32_t n = 0; busy->ran == 0; n++) must_status(tp_resize(busy->pool, 1 + n % 5), TP_OK);
    return NULL;
}

static void branches_run_while_the_pool_is_resized(void **state) {
    (void)state;
    struct busy busy = {pool_of(2), 0};
    pthread_t thread = start_thread(resizes_until_told, &busy);
    for (size_t round = 0; round < rounds(1, 30, 500); round++) {
        adds_up_and_looks(busy.pool);
        run_inside(busy.pool, adds_up_in_a_task, busy.pool);
    }
    atomic_store(&busy.ran, 1);
    join_thread(thread);
    assert_status(tp_destroy(busy.pool), TP_OK);
}

static void a_branch_cannot_outlive_its_call(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(20, 1000, 20000); round++) {
        struct tally begun = TALLY_INIT;
        tp_pool *pool = pool_of(1);
        // The first ends when the second has only begun: the call still waits for its end.
        struct tally *second = (struct tally *)malloc(sizeof *second);
        *second = begun;
        assert_status(tp_parallel_invoke(pool, outlasts, second, count, second), TP_OK);
        assert_int_equal(tally_now(second), 1);
        free(second);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_have_run_and_the_caller_sees_what_they_wrote_and_they_what_it_wrote),
        cmocka_unit_test(both_run_once_each_with_its_own_argument),
        cmocka_unit_test(ten_thousand_nest_in_the_first_branch_or_in_the_second),
        cmocka_unit_test(a_tree_of_branches_adds_up),
        cmocka_unit_test(eight_outside_threads_invoke_at_once),
        cmocka_unit_test(tasks_of_every_kind_invoke),
        cmocka_unit_test(branches_that_wait_for_each_other_end_where_there_are_two_threads),
        cmocka_unit_test(a_branch_wakes_a_pool_that_sleeps),
        cmocka_unit_test(a_thief_takes_one_branch_after_the_other_while_their_owner_sits_in_a_leaf),
        cmocka_unit_test(three_thieves_take_the_oldest_three_while_their_owner_sits_in_a_leaf),
        cmocka_unit_test(a_stolen_branchs_branches_are_taken_in_turn),
        cmocka_unit_test(who_waits_for_a_stolen_branch_runs_no_stranger),
        cmocka_unit_test(another_takes_the_place_of_a_task_that_waits_for_its_stolen_branch),
        cmocka_unit_test(a_task_waits_for_its_stolen_branch_where_no_reserve_is_to_be_had),
        cmocka_unit_test(a_branch_is_in_its_pool_on_any_thread_and_cannot_wait_for_it),
        cmocka_unit_test(a_worker_has_its_index_in_a_stolen_branch_and_an_outside_caller_none),
        cmocka_unit_test(a_stolen_branch_cannot_wait_for_its_callers_group_nor_for_one_above),
        cmocka_unit_test(a_stolen_branch_cannot_wait_for_its_callers_future),
        cmocka_unit_test(a_stolen_branch_cannot_wait_for_what_is_further_down_its_callers_stack),
        cmocka_unit_test(a_thief_may_wait_for_the_callers_future_once_the_branch_is_over),
        cmocka_unit_test(branches_submit_and_wait_and_block),
        cmocka_unit_test(a_branch_on_an_outside_thread_runs_what_it_waits_for),
        cmocka_unit_test(a_stolen_branch_is_asked_to_stop_with_its_callers_group),
        cmocka_unit_test(a_stolen_branch_is_asked_to_stop_with_its_callers_future),
        cmocka_unit_test(branches_of_a_cancelled_task_run_all_the_same),
        cmocka_unit_test(on_a_paused_pool_both_run_on_the_caller),
        cmocka_unit_test(a_task_invokes_while_its_pool_is_paused),
        cmocka_unit_test(a_full_queue_is_nothing_to_branches),
        cmocka_unit_test(at_the_end_outside_callers_are_refused_and_a_tasks_branches_run),
        cmocka_unit_test(a_tasks_branches_on_another_pool_have_branches_on_the_first),
        cmocka_unit_test(a_stolen_branch_on_another_pool_cannot_wait_for_the_first_pool),
        cmocka_unit_test(a_task_that_waits_as_a_guest_of_another_pool_is_replaced),
        cmocka_unit_test(branches_hold_loops_and_their_items_hold_branches),
        cmocka_unit_test(the_default_pool_starts_at_the_first_invoke),
        cmocka_unit_test(branches_run_while_the_pool_is_resized),
        cmocka_unit_test(a_branch_cannot_outlive_its_call),
    };
    return run_file(tests);
}
