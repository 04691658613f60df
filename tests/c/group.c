// group: tasks that are waited for and cancelled together, groups below groups, and what a group does when it empties.
//
// The cancelling is in cancel.c, the threads behind waits inside tasks in reserve.c, the errors in errors.c.

#include "support.h"

#include <malloc.h>
#include <stdatomic.h>

static void adds(void *arg) { atomic_fetch_add((_Atomic uint64_t *)arg, 1); }

static void must_not_run(void *arg) {
    (void)arg;
    must(!"a task runs that may not");
}

// ---- Wait --------------------------------------------------------------------------------------------------

static void a_wait_returns_when_every_task_has_ended_and_the_group_is_used_again(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        _Atomic uint64_t ran = 0;
        tp_pool *pool = pool_of(worker_counts[i]);
        tp_group *group = group_of(pool, NULL);
        for (uint64_t round = 1; round <= rounds(20, 300, 3000); round++) {
            for (int n = 0; n < 10; n++) assert_status(tp_group_submit(group, adds, &ran), TP_OK);
            assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
            assert_int_equal(ran, 10 * round);
            assert_int_equal(tp_group_count(group), 0);
        }
        assert_status(tp_group_destroy(group), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void an_empty_group_is_not_waited_for(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_group_wait(group, TP_FOREVER), TP_OK);
    assert_status(tp_group_wait(group, 0), TP_OK);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_wait_for_one_group_does_not_wait_for_what_is_not_in_it(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    _Atomic uint64_t ran = 0;
    tp_pool *pool = pool_of(2);
    tp_group *group = group_of(pool, NULL);
    tp_group *other = group_of(pool, NULL);
    assert_status(tp_group_submit(other, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_group_submit(group, adds, &ran), TP_OK);
    assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    assert_int_equal(ran, 1);
    assert_status(tp_group_wait(other, 0), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_group_wait(other, LIMIT_NS), TP_OK);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_group_destroy(other), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_wait_that_times_out_leaves_the_group_as_it_was(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    assert_status(tp_group_submit(group, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    uint64_t start = now_ns();
    assert_status(tp_group_wait(group, SHORT_NS), TP_ETIMEDOUT);
    assert_true(now_ns() - start >= SHORT_NS);
    assert_int_equal(tp_group_count(group), 1);
    gate_open(&gate);
    assert_status(tp_group_wait(group, UINT64_MAX - 1), TP_OK);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_group_counts_what_is_queued_and_what_runs(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    assert_int_equal(tp_group_count(group), 0);
    assert_status(tp_group_submit(group, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_group_submit(group, nothing, NULL), TP_OK);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_int_equal(tp_group_count(group), 2);
    assert_int_equal(tp_queued(pool), 2);
    gate_open(&gate);
    assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    assert_int_equal(tp_group_count(group), 0);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

struct group_waiter {
    tp_group *group;
    struct tally *calls;
    struct tally *returned;
    struct gate *gate;
};

static void *waits_for_the_group(void *arg) {
    struct group_waiter *waiter = (struct group_waiter *)arg;
    tally_add(waiter->calls);
    must_status(tp_group_wait(waiter->group, LIMIT_NS), TP_OK);
    must(tally_now(&waiter->gate->left) == 1);
    tally_add(waiter->returned);
    return NULL;
}

static void many_threads_wait_for_one_group(void **state) {
    (void)state;
    enum { WAITERS = 64 };
    for (size_t round = 0; round < rounds(2, 50, 500); round++) {
        struct gate gate = GATE_INIT;
        struct tally calls = TALLY_INIT;
        struct tally returned = TALLY_INIT;
        pthread_t threads[WAITERS];
        tp_pool *pool = pool_of(2);
        tp_group *group = group_of(pool, NULL);
        struct group_waiter waiter = {group, &calls, &returned, &gate};
        assert_status(tp_group_submit(group, stand, &gate), TP_OK);
        for (int i = 0; i < WAITERS; i++) threads[i] = start_thread(waits_for_the_group, &waiter);
        assert_true(tally_reaches(&calls, WAITERS));
        assert_int_equal(tally_now(&returned), 0);
        gate_open(&gate);
        for (int i = 0; i < WAITERS; i++) join_thread(threads[i]);
        assert_status(tp_group_destroy(group), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- Tasks that submit into their own group -----------------------------------------------------------------

struct tree {
    tp_group *group;
    _Atomic uint64_t ran;
};

struct branch {
    struct tree *tree;
    int depth;
};

static void grows(void *arg) {
    struct branch *branch = (struct branch *)arg;
    for (int i = 0; i < 2 && branch->depth > 0; i++) {
        struct branch *child = (struct branch *)malloc(sizeof *child);
        *child = (struct branch){branch->tree, branch->depth - 1};
        must_status(tp_group_submit(branch->tree->group, grows, child), TP_OK);
    }
    atomic_fetch_add(&branch->tree->ran, 1);
    free(branch);
}

static void grow_a_tree(tp_pool *pool, int depth) {
    struct tree tree = {group_of(pool, NULL), 0};
    struct branch *root = (struct branch *)malloc(sizeof *root);
    *root = (struct branch){&tree, depth};
    must_status(tp_group_submit(tree.group, grows, root), TP_OK);
    must_status(tp_group_wait(tree.group, LIMIT_NS), TP_OK);
    must(tree.ran == (UINT64_C(2) << depth) - 1);
    must_status(tp_group_destroy(tree.group), TP_OK);
}

static void grows_a_tree_inside(void *arg) {
    (void)arg;
    grow_a_tree(tp_current(), 8);
}

static void a_group_is_empty_only_when_the_tasks_of_its_tasks_have_ended(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        grow_a_tree(pool, (int)rounds(8, 14, 18));
        for (int n = 0; n < 8; n++) assert_status(tp_submit(pool, grows_a_tree_inside, NULL), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- Order -------------------------------------------------------------------------------------------------

struct ordered {
    tp_group *group;
    uint32_t next;
    struct number {
        struct ordered *ordered;
        uint32_t at;
    } numbers[100];
};

static void in_order(void *arg) {
    struct number *number = (struct number *)arg;
    must(number->ordered->next == number->at);
    number->ordered->next++;
}

static void submit_in_order(struct ordered *ordered) {
    for (uint32_t i = 0; i < 100; i++) {
        ordered->numbers[i] = (struct number){ordered, i};
        must_status(tp_group_submit(ordered->group, in_order, &ordered->numbers[i]), TP_OK);
    }
}

static void submits_in_order_and_waits(void *arg) {
    struct ordered *ordered = (struct ordered *)arg;
    submit_in_order(ordered);
    must_status(tp_group_wait(ordered->group, LIMIT_NS), TP_OK);
    must(ordered->next == 100);
}

static void one_worker_starts_a_groups_tasks_in_order_and_so_does_a_waiter(void **state) {
    (void)state;
    struct ordered ordered = {NULL, 0, {{NULL, 0}}};
    tp_pool *pool = pool_of(1);
    ordered.group = group_of(pool, NULL);
    submit_in_order(&ordered);
    assert_status(tp_group_wait(ordered.group, LIMIT_NS), TP_OK);
    assert_int_equal(ordered.next, 100);
    ordered.next = 0;
    run_inside(pool, submits_in_order_and_waits, &ordered);
    assert_status(tp_group_destroy(ordered.group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Waits inside tasks ------------------------------------------------------------------------------------

struct nested {
    int depth;
    _Atomic uint64_t ran;
};

static void waits_deeper(void *arg) {
    struct nested *nested = (struct nested *)arg;
    atomic_fetch_add(&nested->ran, 1);
    if (--nested->depth == 0) return;
    tp_group *group = group_of(tp_current(), NULL);
    must_status(tp_group_submit(group, waits_deeper, nested), TP_OK);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    must_status(tp_group_destroy(group), TP_OK);
}

static void waits_nest_a_thousand_deep(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (size_t round = 0; round < rounds(1, 5, 100); round++) {
            struct nested nested = {1000, 0};
            tp_pool *pool = pool_of(worker_counts[i]);
            run_inside(pool, waits_deeper, &nested);
            assert_int_equal(nested.ran, 1000);
            assert_status(tp_destroy(pool), TP_OK);
        }
    }
}

static void waits_nest_a_thousand_deep_without_any_reserve(void **state) {
    (void)state;
    struct nested nested = {1000, 0};
    tp_pool *pool = pool_reserved(1, 0);
    run_inside(pool, waits_deeper, &nested);
    assert_int_equal(nested.ran, 1000);
    assert_status(tp_destroy(pool), TP_OK);
}

// A mutex that tells a thread that locks it twice, which is what a stranger on the holder's stack would do.
struct locked {
    tp_pool *pool;
    pthread_mutex_t mutex;
    _Atomic uint64_t members;
    _Atomic uint64_t strangers;
};

static void locked_init(struct locked *locked, tp_pool *pool) {
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&locked->mutex, &kind);
    locked->pool = pool;
    locked->members = 0;
    locked->strangers = 0;
}

static void wants_the_mutex(void *arg) {
    struct locked *locked = (struct locked *)arg;
    must(pthread_mutex_lock(&locked->mutex) == 0);
    atomic_fetch_add(&locked->strangers, 1);
    must(pthread_mutex_unlock(&locked->mutex) == 0);
}

static void is_a_member(void *arg) { atomic_fetch_add(&((struct locked *)arg)->members, 1); }

static void holds_the_mutex_and_waits(void *arg) {
    struct locked *locked = (struct locked *)arg;
    tp_group *group = group_of(locked->pool, NULL);
    must(pthread_mutex_lock(&locked->mutex) == 0);
    for (int i = 0; i < 3; i++) must_status(tp_submit(locked->pool, wants_the_mutex, locked), TP_OK);
    for (int i = 0; i < 3; i++) must_status(tp_group_submit(group, is_a_member, locked), TP_OK);
    must_status(tp_submit(locked->pool, wants_the_mutex, locked), TP_OK);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    must(pthread_mutex_unlock(&locked->mutex) == 0);
    must_status(tp_group_destroy(group), TP_OK);
}

static void a_task_that_holds_a_mutex_while_it_waits_meets_no_stranger_that_wants_it(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct locked locked;
        locked_init(&locked, pool_of(worker_counts[i]));
        size_t holders = rounds(10, 200, 2000);
        assert_status(tp_pause(locked.pool), TP_OK);
        for (size_t n = 0; n < holders; n++) {
            assert_status(tp_submit(locked.pool, wants_the_mutex, &locked), TP_OK);
            assert_status(tp_submit(locked.pool, holds_the_mutex_and_waits, &locked), TP_OK);
        }
        assert_status(tp_resume(locked.pool), TP_OK);
        assert_status(tp_wait(locked.pool, LIMIT_NS), TP_OK);
        assert_int_equal(locked.members, 3 * holders);
        assert_int_equal(locked.strangers, 5 * holders);
        assert_status(tp_destroy(locked.pool), TP_OK);
        pthread_mutex_destroy(&locked.mutex);
    }
}

// A waiter, and a number that is not 0 on its thread while it waits.
static _Thread_local int waits_here;

static void is_a_stranger(void *ran) {
    must(waits_here == 0);
    adds(ran);
}

static void waits_among_strangers(void *ran) {
    tp_group *group = group_of(tp_current(), NULL);
    for (int i = 0; i < 20; i++) {
        must_status(tp_submit(tp_current(), is_a_stranger, ran), TP_OK);
        must_status(tp_group_submit(group, adds, ran), TP_OK);
    }
    waits_here++;
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    waits_here--;
    must_status(tp_group_destroy(group), TP_OK);
}

static void a_waiting_task_runs_nothing_but_its_groups_tasks(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        _Atomic uint64_t ran = 0;
        tp_pool *pool = pool_of(worker_counts[i]);
        size_t waiters = rounds(10, 500, 5000);
        for (size_t n = 0; n < waiters; n++) assert_status(tp_submit(pool, waits_among_strangers, &ran), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(ran, 40 * waiters);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// A task whose group's task runs elsewhere until a stranger, queued behind it, has run.
struct replaced {
    tp_pool *pool;
    struct gate gate;
    pthread_t waiter;
};

static void opens_the_gate(void *arg) {
    struct replaced *replaced = (struct replaced *)arg;
    must(!pthread_equal(pthread_self(), replaced->waiter));
    gate_open(&replaced->gate);
}

static void *submits_a_stranger_once_it_is_needed(void *arg) {
    struct replaced *replaced = (struct replaced *)arg;
    must(tally_reaches(&replaced->gate.entered, 1));
    must_status(tp_submit(replaced->pool, opens_the_gate, replaced), TP_OK);
    return NULL;
}

static void waits_for_what_another_runs(void *arg) {
    struct replaced *replaced = (struct replaced *)arg;
    replaced->waiter = pthread_self();
    tp_group *group = group_of(replaced->pool, NULL);
    must_status(tp_group_submit(group, stand, &replaced->gate), TP_OK);
    must(tally_reaches(&replaced->gate.entered, 1));
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    must_status(tp_group_destroy(group), TP_OK);
}

static void a_reserve_takes_the_place_of_a_task_that_waits_for_another_worker(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 200, 2000); round++) {
        struct replaced replaced = {pool_of(2), GATE_INIT, pthread_self()};
        pthread_t thread = start_thread(submits_a_stranger_once_it_is_needed, &replaced);
        run_inside(replaced.pool, waits_for_what_another_runs, &replaced);
        join_thread(thread);
        assert_status(tp_destroy(replaced.pool), TP_OK);
    }
}

// ---- Paused pools ------------------------------------------------------------------------------------------

static void a_wait_on_a_paused_pool_times_out(void **state) {
    (void)state;
    _Atomic uint64_t ran = 0;
    tp_pool *pool = pool_of(2);
    tp_group *group = group_of(pool, NULL);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_group_submit(group, adds, &ran), TP_OK);
    assert_status(tp_group_wait(group, 0), TP_ETIMEDOUT);
    assert_status(tp_group_wait(group, SHORT_NS), TP_ETIMEDOUT);
    assert_int_equal(ran, 0);
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    assert_int_equal(ran, 1);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void pauses_and_waits(void *arg) {
    _Atomic uint64_t *ran = (_Atomic uint64_t *)arg;
    tp_pool *pool = tp_current();
    tp_group *group = group_of(pool, NULL);
    must_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 10; i++) must_status(tp_group_submit(group, adds, arg), TP_OK);
    must_status(tp_submit(pool, adds, arg), TP_OK);
    must_status(tp_group_wait(group, 0), TP_ETIMEDOUT);
    must_status(tp_group_wait(group, SHORT_NS), TP_ETIMEDOUT);
    must(*ran == 0);
    must(tp_group_count(group) == 10);
    must_status(tp_resume(pool), TP_OK);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    must(*ran >= 10);
    must_status(tp_group_destroy(group), TP_OK);
}

static void a_waiting_task_starts_no_task_while_its_pool_is_paused(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        _Atomic uint64_t ran = 0;
        tp_pool *pool = pool_of(worker_counts[i]);
        run_inside(pool, pauses_and_waits, &ran);
        assert_int_equal(ran, 11);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// A resume by somebody else is enough for a task that waits: its group's task is run.
static void pauses_and_waits_for_a_resume(void *arg) {
    struct gate *gate = (struct gate *)arg;
    tp_group *group = group_of(tp_current(), NULL);
    must_status(tp_pause(tp_current()), TP_OK);
    must_status(tp_group_submit(group, nothing, NULL), TP_OK);
    tally_add(&gate->entered);
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    must_status(tp_group_destroy(group), TP_OK);
    tally_add(&gate->left);
}

static void a_task_that_waits_on_a_paused_pool_goes_on_when_it_is_resumed(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 200, 2000); round++) {
        for (uint32_t reserves = 0; reserves < 2; reserves++) {
            struct gate gate = GATE_INIT;
            tp_pool *pool = pool_reserved(2, reserves);
            assert_status(tp_submit(pool, pauses_and_waits_for_a_resume, &gate), TP_OK);
            assert_true(tally_reaches(&gate.entered, 1));
            assert_status(tp_resume(pool), TP_OK);
            assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
            assert_status(tp_destroy(pool), TP_OK);
        }
    }
}

// The other worker is held, which the pool cannot know: nobody but the waiter can run what it waits for.
static void a_task_that_waits_on_a_paused_pool_runs_its_own_once_it_is_resumed(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(3, 100, 1000); round++) {
        struct gate held = GATE_INIT;
        struct gate gate = GATE_INIT;
        tp_pool *pool = pool_reserved(2, 0);
        occupy(pool, &held, 1);
        assert_status(tp_submit(pool, pauses_and_waits_for_a_resume, &gate), TP_OK);
        assert_true(tally_reaches(&gate.entered, 1));
        if (round % 2 == 0) nap();
        assert_status(tp_resume(pool), TP_OK);
        assert_true(tally_reaches(&gate.left, 1));
        gate_open(&held);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- Destroyed at once -------------------------------------------------------------------------------------

struct rounds_of {
    tp_pool *pool;
    uint64_t n;
    _Atomic uint64_t ran;
};

static void creates_waits_and_destroys(void *arg) {
    struct rounds_of *all = (struct rounds_of *)arg;
    for (uint64_t i = 0; i < all->n; i++) {
        tp_group *group = group_of(all->pool, NULL);
        for (uint64_t task = 0; task <= i % 3; task++) must_status(tp_group_submit(group, adds, &all->ran), TP_OK);
        must_status(tp_group_wait(group, TP_FOREVER), TP_OK);
        must_status(tp_group_destroy(group), TP_OK);
    }
}

static void a_group_may_be_destroyed_as_soon_as_a_wait_outside_has_returned(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct rounds_of all = {pool_of(worker_counts[i]), rounds(3000, 100000, 1000000), 0};
        creates_waits_and_destroys(&all);
        assert_int_equal(all.ran, all.n / 3 * 6 + (all.n % 3 == 0 ? 0 : all.n % 3 == 1 ? 1 : 3));
        assert_status(tp_destroy(all.pool), TP_OK);
    }
}

static void a_group_may_be_destroyed_as_soon_as_a_wait_inside_a_task_has_returned(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct rounds_of all = {pool_of(worker_counts[i]), rounds(3000, 100000, 1000000), 0};
        for (uint32_t n = 0; n < worker_counts[i]; n++) {
            assert_status(tp_submit(all.pool, creates_waits_and_destroys, &all), TP_OK);
        }
        assert_status(tp_wait(all.pool, LIMIT_NS), TP_OK);
        assert_true(all.ran >= all.n);
        assert_status(tp_destroy(all.pool), TP_OK);
    }
}

// Two wait; the second to return destroys.
struct shared {
    tp_group *group;
    _Atomic int waiting;
    pthread_barrier_t *barrier;
};

struct pair {
    struct shared *shared;
    size_t n;
};

static void *waits_and_the_last_destroys(void *arg) {
    struct pair *pair = (struct pair *)arg;
    for (size_t i = 0; i < pair->n; i++) {
        struct shared *shared = &pair->shared[i];
        pthread_barrier_wait(shared->barrier);
        must_status(tp_group_wait(shared->group, TP_FOREVER), TP_OK);
        if (atomic_fetch_sub(&shared->waiting, 1) == 1) must_status(tp_group_destroy(shared->group), TP_OK);
    }
    return NULL;
}

static void of_two_that_wait_the_last_may_destroy(void **state) {
    (void)state;
    size_t n = rounds(200, 20000, 200000);
    tp_pool *pool = pool_of(2);
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 2);
    struct shared *shared = (struct shared *)calloc(n, sizeof *shared);
    for (size_t i = 0; i < n; i++) {
        shared[i].group = group_of(pool, NULL);
        shared[i].waiting = 2;
        shared[i].barrier = &barrier;
        if (i % 2 == 0) assert_status(tp_pause(pool), TP_OK);
        assert_status(tp_group_submit(shared[i].group, nothing, NULL), TP_OK);
        assert_status(tp_resume(pool), TP_OK);
    }
    struct pair pair = {shared, n};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) threads[i] = start_thread(waits_and_the_last_destroys, &pair);
    for (int i = 0; i < 2; i++) join_thread(threads[i]);
    free(shared);
    pthread_barrier_destroy(&barrier);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_group_with_tasks_or_waiters_or_children_is_busy(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    tp_group *child = group_of(pool, group);
    assert_status(tp_group_destroy(group), TP_EBUSY);
    assert_status(tp_group_submit(child, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_group_destroy(child), TP_EBUSY);
    assert_status(tp_group_destroy(group), TP_EBUSY);
    gate_open(&gate);
    assert_status(tp_group_wait(child, LIMIT_NS), TP_OK);
    assert_status(tp_group_destroy(group), TP_EBUSY);
    assert_status(tp_group_submit(group, nothing, NULL), TP_OK);
    assert_status(tp_group_destroy(child), TP_OK);
    assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_group_destroy(NULL), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void destroys_its_own(void *group) { must_status(tp_group_destroy((tp_group *)group), TP_EBUSY); }

static void a_task_cannot_destroy_its_group(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    assert_status(tp_group_submit(group, destroys_its_own, group), TP_OK);
    assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- Notify ------------------------------------------------------------------------------------------------

static void a_notify_runs_once_when_the_group_empties(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally told = TALLY_INIT;
    tp_pool *pool = pool_of(2);
    tp_group *group = group_of(pool, NULL);
    assert_status(tp_group_submit(group, stand, &gate), TP_OK);
    for (int i = 0; i < 5; i++) assert_status(tp_group_notify(group, count, &told), TP_OK);
    assert_int_equal(tp_group_count(group), 1);
    assert_int_equal(tally_now(&told), 0);
    gate_open(&gate);
    assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    assert_true(tally_reaches(&told, 5));
    assert_status(tp_group_submit(group, nothing, NULL), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&told), 5);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_notify_of_an_empty_group_runs_at_once(void **state) {
    (void)state;
    struct tally told = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    assert_status(tp_group_notify(group, count, &told), TP_OK);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&told), 1);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_notify_is_a_task_that_waits_of_the_pool_wait_for(void **state) {
    (void)state;
    tp_pool *pool = pool_of(2);
    for (size_t round = 0; round < rounds(50, 5000, 50000); round++) {
        _Atomic uint64_t told = 0;
        tp_group *group = group_of(pool, NULL);
        assert_status(tp_group_submit(group, nothing, NULL), TP_OK);
        assert_status(tp_group_notify(group, adds, &told), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(told, 1);
        assert_status(tp_group_destroy(group), TP_OK);
    }
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_notify_is_not_counted_by_the_limit_on_the_queue(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally told = TALLY_INIT;
    tp_pool *pool = pool_full_at(1, TP_FULL_FAIL);
    tp_group *group = group_of(pool, NULL);
    tp_group *empty = group_of(pool, NULL);
    assert_status(tp_group_submit(group, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_status(tp_group_submit(group, nothing, NULL), TP_EFULL);
    for (int i = 0; i < 10; i++) assert_status(tp_group_notify(group, count, &told), TP_OK);
    for (int i = 0; i < 10; i++) assert_status(tp_group_notify(empty, count, &told), TP_OK);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&told), 20);
    assert_status(tp_submit(pool, nothing, NULL), TP_OK);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_group_destroy(empty), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

struct refill {
    tp_group *group;
    uint64_t left;
    _Atomic uint64_t ran;
    uint64_t notices;
};

static void refills(void *arg) {
    struct refill *refill = (struct refill *)arg;
    must(refill->ran == 3 * refill->notices);
    refill->notices++;
    if (refill->left-- == 0) return;
    for (int i = 0; i < 3; i++) must_status(tp_group_submit(refill->group, adds, &refill->ran), TP_OK);
    must_status(tp_group_notify(refill->group, refills, refill), TP_OK);
}

static void a_group_is_emptied_and_refilled_by_its_own_notify(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    uint64_t n = rounds(200, 20000, 200000);
    struct refill refill = {group_of(pool, NULL), n, 0, 0};
    assert_status(tp_group_notify(refill.group, refills, &refill), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(refill.notices, n + 1);
    assert_int_equal(refill.ran, 3 * n);
    assert_status(tp_group_destroy(refill.group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// With more workers a group may empty between two of its tasks: what holds is that each notice runs once.
static void refills_at_any_time(void *arg) {
    struct refill *refill = (struct refill *)arg;
    refill->notices++;
    if (refill->left-- == 0) return;
    for (int i = 0; i < 3; i++) must_status(tp_group_submit(refill->group, adds, &refill->ran), TP_OK);
    must_status(tp_group_notify(refill->group, refills_at_any_time, refill), TP_OK);
}

static void so_it_is_on_any_number_of_workers(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        uint64_t n = rounds(200, 20000, 200000);
        struct refill refill = {group_of(pool, NULL), n, 0, 0};
        assert_status(tp_group_submit(refill.group, nothing, NULL), TP_OK);
        assert_status(tp_group_notify(refill.group, refills_at_any_time, &refill), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(refill.notices, n + 1);
        assert_int_equal(refill.ran, 3 * n);
        assert_int_equal(tp_group_count(refill.group), 0);
        assert_status(tp_group_destroy(refill.group), TP_OK);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void waits_in_a_notify(void *arg) {
    struct refill *refill = (struct refill *)arg;
    must_status(tp_group_wait(refill->group, LIMIT_NS), TP_OK);
    for (int i = 0; i < 3; i++) must_status(tp_group_submit(refill->group, adds, &refill->ran), TP_OK);
    must_status(tp_group_wait(refill->group, LIMIT_NS), TP_OK);
    must(refill->ran == 3);
    must(tp_cancelled() == 0);
    must_status(tp_group_destroy(refill->group), TP_OK);
}

static void a_notify_is_no_member_and_may_wait_for_the_group_and_destroy_it(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        struct refill refill = {group_of(pool, NULL), 0, 0, 0};
        assert_status(tp_group_submit(refill.group, nothing, NULL), TP_OK);
        assert_status(tp_group_notify(refill.group, waits_in_a_notify, &refill), TP_OK);
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(refill.ran, 3);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_notify_comes_after_a_cancel_has_emptied_the_group(void **state) {
    (void)state;
    struct tally told = TALLY_INIT;
    struct tally dropped = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    tp_task_options options = options_with_drop(count_canceled);
    assert_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 5; i++) assert_status(tp_group_submit_with(group, must_not_run, &dropped, &options), TP_OK);
    assert_status(tp_group_notify(group, count, &told), TP_OK);
    assert_status(tp_group_cancel(group), TP_OK);
    assert_int_equal(tally_now(&dropped), 5);
    assert_int_equal(tally_now(&told), 0);
    assert_status(tp_resume(pool), TP_OK);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&told), 1);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_pool_that_discards_runs_no_notify(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    assert_status(tp_group_submit(group, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_group_notify(group, must_not_run, NULL), TP_OK);
    assert_status(tp_shutdown(pool, TP_DISCARD, 0), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
    assert_status(tp_group_destroy(group), TP_OK);
}

static void a_pool_that_drains_runs_a_notify(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally told = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    assert_status(tp_group_submit(group, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_group_notify(group, count, &told), TP_OK);
    assert_status(tp_shutdown(pool, TP_DRAIN, 0), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_destroy(pool), TP_OK);
    assert_int_equal(tally_now(&told), 1);
    assert_status(tp_group_destroy(group), TP_OK);
}

static void a_notify_that_never_came_goes_with_its_group(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    assert_status(tp_pause(pool), TP_OK);
    assert_status(tp_group_submit(group, nothing, NULL), TP_OK);
    assert_status(tp_group_notify(group, must_not_run, NULL), TP_OK);
    assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
    assert_int_equal(tp_group_count(group), 0);
    assert_status(tp_destroy(pool), TP_OK);
    assert_status(tp_group_destroy(group), TP_OK);
}

// ---- Parents and children ----------------------------------------------------------------------------------

static void a_parent_counts_and_waits_for_the_tasks_of_its_children(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    tp_pool *pool = pool_of(2);
    tp_group *parent = group_of(pool, NULL);
    tp_group *child = group_of(pool, parent);
    tp_group *grandchild = group_of(pool, child);
    tp_group *sibling = group_of(pool, parent);
    assert_status(tp_group_submit(grandchild, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_int_equal(tp_group_count(parent), 1);
    assert_int_equal(tp_group_count(child), 1);
    assert_int_equal(tp_group_count(grandchild), 1);
    assert_int_equal(tp_group_count(sibling), 0);
    assert_status(tp_group_wait(parent, 0), TP_ETIMEDOUT);
    assert_status(tp_group_wait(child, SHORT_NS), TP_ETIMEDOUT);
    assert_status(tp_group_wait(sibling, LIMIT_NS), TP_OK);
    gate_open(&gate);
    assert_status(tp_group_wait(parent, LIMIT_NS), TP_OK);
    assert_int_equal(tp_group_count(grandchild), 0);
    assert_status(tp_group_destroy(sibling), TP_OK);
    assert_status(tp_group_destroy(grandchild), TP_OK);
    assert_status(tp_group_destroy(child), TP_OK);
    assert_status(tp_group_destroy(parent), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

struct family {
    tp_group *groups[13];
    _Atomic uint64_t ran;
};

// One parent, three children, three children each.
static void family_init(struct family *family, tp_pool *pool) {
    family->ran = 0;
    family->groups[0] = group_of(pool, NULL);
    for (int i = 1; i < 13; i++) family->groups[i] = group_of(pool, family->groups[(i - 1) / 3]);
}

static void family_end(struct family *family) {
    for (int i = 12; i >= 0; i--) must_status(tp_group_destroy(family->groups[i]), TP_OK);
}

static void raises_a_family_and_waits(void *arg) {
    (void)arg;
    struct family family;
    family_init(&family, tp_current());
    for (int n = 0; n < 5; n++) {
        for (int i = 0; i < 13; i++) must_status(tp_group_submit(family.groups[i], adds, &family.ran), TP_OK);
    }
    waits_here++;
    must_status(tp_group_wait(family.groups[0], LIMIT_NS), TP_OK);
    waits_here--;
    must(family.ran == 65);
    family_end(&family);
}

static void a_waiting_task_runs_the_tasks_of_the_groups_below_too(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_reserved(worker_counts[i], i % 2 == 0 ? 0 : 4);
        _Atomic uint64_t strangers = 0;
        size_t n = rounds(10, 300, 3000);
        for (size_t round = 0; round < n; round++) {
            assert_status(tp_submit(pool, is_a_stranger, &strangers), TP_OK);
            assert_status(tp_submit(pool, raises_a_family_and_waits, NULL), TP_OK);
        }
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(strangers, n);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void a_notify_of_a_parent_comes_when_its_children_are_empty(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally told = TALLY_INIT;
    tp_pool *pool = pool_of(2);
    tp_group *parent = group_of(pool, NULL);
    tp_group *child = group_of(pool, parent);
    assert_status(tp_group_submit(child, stand, &gate), TP_OK);
    assert_status(tp_group_notify(parent, count, &told), TP_OK);
    assert_status(tp_group_submit(parent, nothing, NULL), TP_OK);
    assert_int_equal(tally_now(&told), 0);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&told), 1);
    assert_status(tp_group_destroy(child), TP_OK);
    assert_status(tp_group_destroy(parent), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_parent_of_another_pool_is_invalid(void **state) {
    (void)state;
    tp_pool *pool = pool_of(1);
    tp_pool *other = pool_of(1);
    tp_group *parent = group_of(other, NULL);
    tp_group *group = (tp_group *)&pool;
    assert_status(tp_group_create(pool, parent, &group), TP_EINVAL);
    assert_status(tp_group_destroy(parent), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
    assert_status(tp_destroy(other), TP_OK);
}

static void makes_a_child_each_round(void *arg) {
    tp_group *parent = (tp_group *)arg;
    for (size_t i = 0; i < rounds(50, 2000, 20000); i++) {
        tp_group *child = group_of(tp_current(), parent);
        must_status(tp_group_submit(child, nothing, NULL), TP_OK);
        must_status(tp_group_wait(child, LIMIT_NS), TP_OK);
        must_status(tp_group_destroy(child), TP_OK);
    }
}

static void children_come_and_go_on_several_workers(void **state) {
    (void)state;
    tp_pool *pool = pool_of(4);
    tp_group *parent = group_of(pool, NULL);
    for (int i = 0; i < 8; i++) assert_status(tp_group_submit(parent, makes_a_child_each_round, parent), TP_OK);
    assert_status(tp_group_wait(parent, LIMIT_NS), TP_OK);
    assert_status(tp_group_destroy(parent), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// ---- The end of the pool -----------------------------------------------------------------------------------

static void a_group_outlives_its_pool(void **state) {
    (void)state;
    const int32_t modes[] = {TP_DRAIN, TP_DISCARD};
    for (int i = 0; i < 2; i++) {
        tp_pool *pool = pool_of(2);
        tp_group *parent = group_of(pool, NULL);
        tp_group *child = group_of(pool, parent);
        for (int n = 0; n < 100; n++) assert_status(tp_group_submit(child, nothing, NULL), TP_OK);
        assert_status(tp_shutdown(pool, modes[i], LIMIT_NS), TP_OK);
        assert_status(tp_group_submit(child, must_not_run, NULL), TP_ESHUTDOWN);
        assert_status(tp_group_notify(child, must_not_run, NULL), TP_ESHUTDOWN);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(tp_group_count(parent), 0);
        assert_status(tp_group_wait(parent, TP_FOREVER), TP_OK);
        assert_status(tp_group_submit(child, must_not_run, NULL), TP_ESHUTDOWN);
        assert_status(tp_group_submit_with(parent, must_not_run, NULL, NULL), TP_ESHUTDOWN);
        assert_status(tp_group_notify(parent, must_not_run, NULL), TP_ESHUTDOWN);
        assert_status(tp_group_cancel(parent), TP_OK);
        tp_pool *another = pool_of(1);
        tp_group *late = NULL;
        assert_status(tp_group_create(another, parent, &late), TP_ESHUTDOWN);
        assert_null(late);
        assert_status(tp_destroy(another), TP_OK);
        assert_status(tp_group_destroy(parent), TP_EBUSY);
        assert_status(tp_group_destroy(child), TP_OK);
        assert_status(tp_group_destroy(parent), TP_OK);
    }
}

static void drops_at_the_end(void *tally, tp_status why) {
    must(why == TP_ESHUTDOWN);
    tally_add((struct tally *)tally);
}

static void a_pool_that_discards_drops_a_groups_tasks_and_empties_it(void **state) {
    (void)state;
    struct tally dropped = TALLY_INIT;
    tp_pool *pool = pool_of(2);
    tp_group *group = group_of(pool, NULL);
    tp_task_options options = options_with_drop(drops_at_the_end);
    assert_status(tp_pause(pool), TP_OK);
    for (int i = 0; i < 100; i++) assert_status(tp_group_submit_with(group, must_not_run, &dropped, &options), TP_OK);
    assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&dropped), 100);
    assert_int_equal(tp_group_count(group), 0);
    assert_status(tp_group_wait(group, 0), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
    assert_status(tp_group_destroy(group), TP_OK);
}

static void *discards(void *pool) {
    must_status(tp_shutdown((tp_pool *)pool, TP_DISCARD, LIMIT_NS), TP_OK);
    return NULL;
}

static void a_wait_that_is_under_way_returns_when_the_pool_discards(void **state) {
    (void)state;
    for (size_t round = 0; round < rounds(5, 300, 3000); round++) {
        struct tally dropped = TALLY_INIT;
        tp_pool *pool = pool_of(2);
        tp_group *group = group_of(pool, NULL);
        tp_task_options options = options_with_drop(drops_at_the_end);
        assert_status(tp_pause(pool), TP_OK);
        for (int i = 0; i < 10; i++) assert_status(tp_group_submit_with(group, must_not_run, &dropped, &options), TP_OK);
        pthread_t thread = start_thread(discards, pool);
        assert_status(tp_group_wait(group, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&dropped), 10);
        assert_status(tp_group_destroy(group), TP_OK);
        join_thread(thread);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

// ---- Fork --------------------------------------------------------------------------------------------------

static void asks_the_parents_group(void *arg) {
    tp_group *group = (tp_group *)arg;
    tp_group *child = (tp_group *)&group;
    must_status(tp_group_submit(group, must_not_run, NULL), TP_EFORKED);
    must_status(tp_group_submit_with(group, must_not_run, NULL, NULL), TP_EFORKED);
    must_status(tp_group_wait(group, 0), TP_EFORKED);
    must_status(tp_group_wait(group, TP_FOREVER), TP_EFORKED);
    must_status(tp_group_notify(group, must_not_run, NULL), TP_EFORKED);
    must_status(tp_group_cancel(group), TP_EFORKED);
    must_status(tp_group_create(tp_default(), group, &child), TP_EFORKED);
    must(tp_group_count(group) == 0);
    must_status(tp_group_submit(group, NULL, NULL), TP_EINVAL);
    must_status(tp_group_destroy(group), TP_OK);
    grow_a_tree(tp_default(), 6);
}

static void a_child_of_fork_is_told_that_a_group_is_its_parents_and_may_destroy_it(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally told = TALLY_INIT;
    tp_pool *pool = pool_of(2);
    tp_group *group = group_of(pool, NULL);
    assert_child(asks_the_parents_group, group);
    assert_status(tp_group_submit(group, stand, &gate), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    for (int i = 0; i < 10; i++) assert_status(tp_group_submit(group, nothing, NULL), TP_OK);
    assert_status(tp_group_notify(group, count, &told), TP_OK);
    assert_child(asks_the_parents_group, group);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&told), 1);
    assert_status(tp_destroy(pool), TP_OK);
    assert_child(asks_the_parents_group, group);
    assert_status(tp_group_destroy(group), TP_OK);
}

struct storm {
    tp_pool *pool;
    tp_group *group;
    struct tally stop;
};

static void *submits_and_waits_until_told(void *arg) {
    struct storm *storm = (struct storm *)arg;
    while (tally_now(&storm->stop) == 0) {
        tp_group *group = group_of(storm->pool, storm->group);
        for (int i = 0; i < 5; i++) must_status(tp_group_submit(group, nothing, NULL), TP_OK);
        must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
        must_status(tp_group_destroy(group), TP_OK);
    }
    return NULL;
}

static void a_child_that_was_forked_while_groups_were_busy_works(void **state) {
    (void)state;
    struct storm storm = {pool_of(2), NULL, TALLY_INIT};
    storm.group = group_of(storm.pool, NULL);
    pthread_t thread = start_thread(submits_and_waits_until_told, &storm);
    for (size_t i = 0; i < rounds(3, 100, 1000); i++) assert_child(asks_the_parents_group, storm.group);
    tally_add(&storm.stop);
    join_thread(thread);
    assert_status(tp_group_destroy(storm.group), TP_OK);
    assert_status(tp_destroy(storm.pool), TP_OK);
}

// ---- Memory ------------------------------------------------------------------------------------------------

// Bytes that the C library has given out.
static size_t bytes_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

struct piling {
    tp_pool *pool;
    uint64_t n;
    bool reuses;
    bool with_stranger;
    size_t grown;
};

static void submits_and_waits_often(void *arg) {
    struct piling *piling = (struct piling *)arg;
    _Atomic uint64_t ran = 0;
    tp_group *group = group_of(piling->pool, NULL);
    if (piling->with_stranger) must_status(tp_submit(piling->pool, nothing, NULL), TP_OK);
    size_t before = 0;
    for (uint64_t i = 0; i < piling->n; i++) {
        if (i == piling->n / 10) before = bytes_in_use();
        must_status(tp_group_submit(group, adds, &ran), TP_OK);
        must_status(tp_group_wait(group, TP_FOREVER), TP_OK);
        if (piling->reuses) continue;
        must_status(tp_group_destroy(group), TP_OK);
        group = group_of(piling->pool, NULL);
    }
    size_t after = bytes_in_use();
    piling->grown = after > before ? after - before : 0;
    must(ran == piling->n);
    must_status(tp_group_destroy(group), TP_OK);
}

static void submitting_and_waiting_inside_a_task_piles_nothing_up(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int kind = 0; kind < 4; kind++) {
            struct piling piling = {pool_of(worker_counts[i]), rounds(1500, 200000, 1000000), kind % 2 == 0, kind / 2 == 1, 0};
            run_inside(piling.pool, submits_and_waits_often, &piling);
            assert_int_equal(tp_queued(piling.pool), 0);
            if (piling.grown > 2 << 20) {
                fail_msg("%u workers, kind %d: %zu bytes more", worker_counts[i], kind, piling.grown);
            }
            assert_status(tp_destroy(piling.pool), TP_OK);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_returns_when_every_task_has_ended_and_the_group_is_used_again),
        cmocka_unit_test(an_empty_group_is_not_waited_for),
        cmocka_unit_test(a_wait_for_one_group_does_not_wait_for_what_is_not_in_it),
        cmocka_unit_test(a_wait_that_times_out_leaves_the_group_as_it_was),
        cmocka_unit_test(a_group_counts_what_is_queued_and_what_runs),
        cmocka_unit_test(many_threads_wait_for_one_group),
        cmocka_unit_test(a_group_is_empty_only_when_the_tasks_of_its_tasks_have_ended),
        cmocka_unit_test(one_worker_starts_a_groups_tasks_in_order_and_so_does_a_waiter),
        cmocka_unit_test(waits_nest_a_thousand_deep),
        cmocka_unit_test(waits_nest_a_thousand_deep_without_any_reserve),
        cmocka_unit_test(a_task_that_holds_a_mutex_while_it_waits_meets_no_stranger_that_wants_it),
        cmocka_unit_test(a_waiting_task_runs_nothing_but_its_groups_tasks),
        cmocka_unit_test(a_reserve_takes_the_place_of_a_task_that_waits_for_another_worker),
        cmocka_unit_test(a_wait_on_a_paused_pool_times_out),
        cmocka_unit_test(a_waiting_task_starts_no_task_while_its_pool_is_paused),
        cmocka_unit_test(a_task_that_waits_on_a_paused_pool_goes_on_when_it_is_resumed),
        cmocka_unit_test(a_task_that_waits_on_a_paused_pool_runs_its_own_once_it_is_resumed),
        cmocka_unit_test(a_group_may_be_destroyed_as_soon_as_a_wait_outside_has_returned),
        cmocka_unit_test(a_group_may_be_destroyed_as_soon_as_a_wait_inside_a_task_has_returned),
        cmocka_unit_test(of_two_that_wait_the_last_may_destroy),
        cmocka_unit_test(a_group_with_tasks_or_waiters_or_children_is_busy),
        cmocka_unit_test(a_task_cannot_destroy_its_group),
        cmocka_unit_test(a_notify_runs_once_when_the_group_empties),
        cmocka_unit_test(a_notify_of_an_empty_group_runs_at_once),
        cmocka_unit_test(a_notify_is_a_task_that_waits_of_the_pool_wait_for),
        cmocka_unit_test(a_notify_is_not_counted_by_the_limit_on_the_queue),
        cmocka_unit_test(a_group_is_emptied_and_refilled_by_its_own_notify),
        cmocka_unit_test(so_it_is_on_any_number_of_workers),
        cmocka_unit_test(a_notify_is_no_member_and_may_wait_for_the_group_and_destroy_it),
        cmocka_unit_test(a_notify_comes_after_a_cancel_has_emptied_the_group),
        cmocka_unit_test(a_pool_that_discards_runs_no_notify),
        cmocka_unit_test(a_pool_that_drains_runs_a_notify),
        cmocka_unit_test(a_notify_that_never_came_goes_with_its_group),
        cmocka_unit_test(a_parent_counts_and_waits_for_the_tasks_of_its_children),
        cmocka_unit_test(a_waiting_task_runs_the_tasks_of_the_groups_below_too),
        cmocka_unit_test(a_notify_of_a_parent_comes_when_its_children_are_empty),
        cmocka_unit_test(a_parent_of_another_pool_is_invalid),
        cmocka_unit_test(children_come_and_go_on_several_workers),
        cmocka_unit_test(a_group_outlives_its_pool),
        cmocka_unit_test(a_pool_that_discards_drops_a_groups_tasks_and_empties_it),
        cmocka_unit_test(a_wait_that_is_under_way_returns_when_the_pool_discards),
        cmocka_unit_test(a_child_of_fork_is_told_that_a_group_is_its_parents_and_may_destroy_it),
        cmocka_unit_test(a_child_that_was_forked_while_groups_were_busy_works),
        cmocka_unit_test(submitting_and_waiting_inside_a_task_piles_nothing_up),
    };
    return run_file(tests);
}
