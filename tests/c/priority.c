// priority: what goes first of all that has not started, and that what goes last goes all the same.

#include "support.h"

#include <stdatomic.h>

// tp.h: of so many tasks in a row that a worker starts, one is of each priority that has any.
enum { AGEING = 64 };

enum { RECORDED = 4096 };

// What one worker ran, in order.
struct record {
    tp_pool *pool;
    tp_group *group;
    size_t ran;
    size_t dropped;
    struct entry {
        int32_t priority;
        uint32_t number;
    } order[RECORDED];
};

struct task {
    struct record *record;
    int32_t priority;
    uint32_t number;
};

static void runs(void *arg) {
    struct task *task = (struct task *)arg;
    must(task->record->ran < RECORDED);
    task->record->order[task->record->ran++] = (struct entry){task->priority, task->number};
}

static void *runs_with_a_result(void *arg) {
    runs(arg);
    return arg;
}

static void drops(void *arg, tp_status why) {
    must(why == TP_EFULL);
    struct task *task = (struct task *)arg;
    task->record->order[task->record->dropped++] = (struct entry){task->priority, task->number};
}

static tp_task_options options_of(int32_t priority) {
    tp_task_options options = options_with_drop(drops);
    options.priority = priority;
    return options;
}

// Submits it in one of the three ways that there are.
static void submit_in_turn(struct task *task, int way) {
    tp_task_options options = options_of(task->priority);
    tp_future *future = NULL;
    switch (way % 3) {
    case 0:
        must_status(tp_submit_with(task->record->pool, runs, task, &options), TP_OK);
        return;
    case 1:
        must_status(tp_group_submit_with(task->record->group, runs, task, &options), TP_OK);
        return;
    default:
        must_status(tp_async_with(task->record->pool, runs_with_a_result, task, &options, &future), TP_OK);
        tp_future_release(future);
    }
}

static void record_init(struct record *record, tp_pool *pool) {
    memset(record, 0, sizeof *record);
    record->pool = pool;
    record->group = group_of(pool, NULL);
}

static void record_end(struct record *record) {
    must_status(tp_wait(record->pool, LIMIT_NS), TP_OK);
    must_status(tp_group_destroy(record->group), TP_OK);
    must_status(tp_destroy(record->pool), TP_OK);
}

static void high_goes_before_normal_and_normal_before_low(void **state) {
    (void)state;
    enum { EACH = 10 };
    for (int way = 0; way < 4; way++) {
        struct gate gate = GATE_INIT;
        static struct record record;
        struct task tasks[3 * EACH];
        record_init(&record, pool_of(1));
        occupy(record.pool, &gate, 1);
        for (int i = 0; i < 3 * EACH; i++) {
            tasks[i] = (struct task){&record, i % 3 - 1, (uint32_t)i};
            submit_in_turn(&tasks[i], way == 3 ? i / 3 : way);
        }
        assert_int_equal(tp_queued(record.pool), 3 * EACH);
        gate_open(&gate);
        assert_status(tp_wait(record.pool, LIMIT_NS), TP_OK);
        assert_int_equal(record.ran, 3 * EACH);
        // One of each other priority may come early: its turn was due.
        size_t early = 0;
        for (size_t i = 1; i < record.ran; i++) {
            if (record.order[i].priority > record.order[i - 1].priority) early++;
        }
        assert_true(early <= 2);
        uint32_t last[3] = {0, 0, 0};
        for (size_t i = 0; i < record.ran; i++) {
            uint32_t *before = &last[record.order[i].priority + 1];
            assert_true(*before <= record.order[i].number);
            *before = record.order[i].number;
        }
        record_end(&record);
    }
}

static void a_priority_goes_first_that_comes_later(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    static struct record record;
    struct task tasks[9];
    size_t high = 0;
    record_init(&record, pool_of(1));
    occupy(record.pool, &gate, 1);
    for (int i = 0; i < 9; i++) {
        tasks[i] = (struct task){&record, i < 8 ? TP_PRIORITY_NORMAL : TP_PRIORITY_HIGH, (uint32_t)i};
        submit_in_turn(&tasks[i], 0);
    }
    gate_open(&gate);
    assert_status(tp_wait(record.pool, LIMIT_NS), TP_OK);
    for (size_t i = 0; i < 9; i++) {
        if (record.order[i].priority == TP_PRIORITY_HIGH) high = i;
    }
    assert_true(high <= 1);
    record_end(&record);
}

// A task that submits two like it as long as there is something to wait for, so that its priority never runs dry.
struct flood {
    tp_pool *pool;
    int32_t priority;
    _Atomic bool over;
    _Atomic uint64_t ran;
};

static void goes_on(void *arg) {
    struct flood *flood = (struct flood *)arg;
    atomic_fetch_add(&flood->ran, 1);
    if (flood->over) return;
    tp_task_options options = options_of(flood->priority);
    options.drop = NULL;
    must_status(tp_submit_with(flood->pool, goes_on, flood, &options), TP_OK);
}

static void counts_the_flood(void *arg) {
    struct flood *flood = (struct flood *)arg;
    flood->over = true;
}

static void low_work_goes_on_while_higher_work_never_ends(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        for (int32_t above = TP_PRIORITY_NORMAL; above <= TP_PRIORITY_HIGH; above++) {
            for (int32_t below = TP_PRIORITY_LOW; below < above; below++) {
                struct flood flood = {pool_of(worker_counts[i]), above, false, 0};
                tp_task_options high = options_of(above);
                tp_task_options low = options_of(below);
                high.drop = low.drop = NULL;
                for (int n = 0; n < 10; n++) assert_status(tp_submit_with(flood.pool, goes_on, &flood, &high), TP_OK);
                assert_status(tp_submit_with(flood.pool, counts_the_flood, &flood, &low), TP_OK);
                assert_status(tp_wait(flood.pool, LIMIT_NS), TP_OK);
                assert_true(flood.over);
                assert_status(tp_destroy(flood.pool), TP_OK);
            }
        }
    }
}

static void of_so_many_tasks_in_a_row_one_is_of_each_priority(void **state) {
    (void)state;
    enum { EACH = RECORDED / 4 };
    struct gate gate = GATE_INIT;
    static struct record record;
    static struct task tasks[3 * EACH];
    record_init(&record, pool_of(1));
    occupy(record.pool, &gate, 1);
    for (int i = 0; i < 3 * EACH; i++) {
        tasks[i] = (struct task){&record, i % 3 - 1, (uint32_t)i};
        submit_in_turn(&tasks[i], i / 3);
    }
    gate_open(&gate);
    assert_status(tp_wait(record.pool, LIMIT_NS), TP_OK);
    size_t left[3] = {EACH, EACH, EACH};
    size_t since[3] = {0, 0, 0};
    for (size_t i = 0; i < record.ran; i++) {
        for (int priority = 0; priority < 3; priority++) {
            if (priority == record.order[i].priority + 1) {
                left[priority]--;
                since[priority] = 0;
            } else if (left[priority] > 0) {
                since[priority]++;
                assert_true(since[priority] < AGEING);
            }
        }
    }
    assert_int_equal(record.ran, 3 * EACH);
    // And for the rest the order is kept: nearly all of the first third is high.
    size_t high = 0;
    for (size_t i = 0; i < EACH; i++) high += record.order[i].priority == TP_PRIORITY_HIGH;
    assert_true(high >= EACH - 2 * (EACH / AGEING + 1));
    record_end(&record);
}

static void a_full_queue_drops_the_oldest_of_the_lowest_priority(void **state) {
    (void)state;
    const int32_t priorities[] = {1, -1, 0, -1, 1, 0, 1, 1, 1, 0, -1};
    // The last finds only higher ones, and is itself the oldest of the lowest.
    const uint32_t dropped[] = {1, 3, 2, 5, 10};
    enum { TASKS = 11, CAPACITY = 6 };
    for (int way = 0; way < 4; way++) {
        static struct record record;
        struct task tasks[TASKS];
        tp_options options = TP_OPTIONS_INIT;
        options.threads = 1;
        options.capacity = CAPACITY;
        options.when_full = TP_FULL_DROP_OLDEST;
        record_init(&record, pool_with(options));
        assert_status(tp_pause(record.pool), TP_OK);
        for (int i = 0; i < TASKS; i++) {
            tasks[i] = (struct task){&record, priorities[i], (uint32_t)i};
            submit_in_turn(&tasks[i], way == 3 ? i : way);
        }
        assert_int_equal(record.dropped, TASKS - CAPACITY);
        for (size_t i = 0; i < TASKS - CAPACITY; i++) assert_int_equal(record.order[i].number, dropped[i]);
        assert_int_equal(tp_queued(record.pool), CAPACITY);
        assert_status(tp_resume(record.pool), TP_OK);
        assert_status(tp_wait(record.pool, LIMIT_NS), TP_OK);
        assert_int_equal(record.ran, CAPACITY);
        record_end(&record);
    }
}

static void the_priority_is_that_of_what_has_not_started_only(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally ran = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_task_options low = options_of(TP_PRIORITY_LOW);
    tp_task_options high = options_of(TP_PRIORITY_HIGH);
    low.drop = high.drop = NULL;
    assert_status(tp_submit_with(pool, stand, &gate, &low), TP_OK);
    assert_true(tally_reaches(&gate.entered, 1));
    assert_status(tp_submit_with(pool, count, &ran, &high), TP_OK);
    assert_int_equal(tp_queued(pool), 1);
    assert_int_equal(tally_now(&ran), 0);
    gate_open(&gate);
    assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&ran), 1);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_number_that_is_no_priority_is_invalid(void **state) {
    (void)state;
    const int32_t numbers[] = {2, -2, INT32_MAX, INT32_MIN};
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    tp_future *future = NULL;
    for (size_t i = 0; i < 4; i++) {
        tp_task_options options = options_of(numbers[i]);
        assert_status(tp_submit_with(pool, nothing, NULL, &options), TP_EINVAL);
        assert_status(tp_group_submit_with(group, nothing, NULL, &options), TP_EINVAL);
        assert_status(tp_async_with(pool, same, NULL, &options, &future), TP_EINVAL);
        assert_null(future);
    }
    assert_int_equal(tp_queued(pool), 0);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

// Waits, cancels and the end of the pool treat all priorities alike.
static void counts_a_drop(void *tally, tp_status why) {
    must(why == TP_ECANCELED || why == TP_ESHUTDOWN);
    tally_add((struct tally *)tally);
}

static void waits_for_all_priorities(void *arg) {
    struct tally *ran = (struct tally *)arg;
    tp_group *group = group_of(tp_current(), NULL);
    tp_future *futures[3];
    for (int32_t priority = TP_PRIORITY_LOW; priority <= TP_PRIORITY_HIGH; priority++) {
        tp_task_options options = options_with_drop(counts_a_drop);
        options.priority = priority;
        must_status(tp_group_submit_with(group, count, ran, &options), TP_OK);
        must_status(tp_async_with(tp_current(), same, ran, &options, &futures[priority + 1]), TP_OK);
    }
    must_status(tp_group_wait(group, LIMIT_NS), TP_OK);
    must_status(tp_group_destroy(group), TP_OK);
    for (int i = 0; i < 3; i++) {
        must(value_of(futures[i]) == ran);
        tp_future_release(futures[i]);
    }
}

static void a_task_waits_for_tasks_of_any_priority(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct tally ran = TALLY_INIT;
        tp_pool *pool = pool_of(worker_counts[i]);
        size_t n = rounds(20, 2000, 20000);
        for (size_t round = 0; round < n; round++) {
            tp_task_options options = options_of((int32_t)(round % 3) - 1);
            options.drop = NULL;
            assert_status(tp_submit_with(pool, waits_for_all_priorities, &ran, &options), TP_OK);
        }
        assert_status(tp_wait(pool, LIMIT_NS), TP_OK);
        assert_int_equal(tally_now(&ran), 3 * n);
        assert_status(tp_destroy(pool), TP_OK);
    }
}

static void must_not_run(void *arg) {
    (void)arg;
    must(!"a task runs that may not");
}

static void a_cancel_and_a_discard_drop_tasks_of_any_priority(void **state) {
    (void)state;
    struct gate gate = GATE_INIT;
    struct tally dropped = TALLY_INIT;
    tp_pool *pool = pool_of(1);
    tp_group *group = group_of(pool, NULL);
    occupy(pool, &gate, 1);
    for (int i = 0; i < 30; i++) {
        tp_task_options options = options_with_drop(counts_a_drop);
        options.priority = i % 3 - 1;
        assert_status(tp_group_submit_with(group, must_not_run, &dropped, &options), TP_OK);
        assert_status(tp_submit_with(pool, must_not_run, &dropped, &options), TP_OK);
    }
    assert_int_equal(tp_queued(pool), 60);
    assert_status(tp_group_cancel(group), TP_OK);
    assert_int_equal(tally_now(&dropped), 30);
    assert_int_equal(tp_queued(pool), 30);
    assert_status(tp_shutdown(pool, TP_DISCARD, 0), TP_ETIMEDOUT);
    gate_open(&gate);
    assert_status(tp_shutdown(pool, TP_DISCARD, LIMIT_NS), TP_OK);
    assert_int_equal(tally_now(&dropped), 60);
    assert_int_equal(tp_queued(pool), 0);
    assert_status(tp_group_destroy(group), TP_OK);
    assert_status(tp_destroy(pool), TP_OK);
}

static void a_drain_runs_tasks_of_any_priority(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        struct tally ran = TALLY_INIT;
        tp_pool *pool = pool_of(worker_counts[i]);
        assert_status(tp_pause(pool), TP_OK);
        for (int n = 0; n < 300; n++) {
            tp_task_options options = options_with_drop(NULL);
            options.priority = n % 3 - 1;
            assert_status(tp_submit_with(pool, count, &ran, &options), TP_OK);
        }
        assert_int_equal(tally_now(&ran), 0);
        assert_status(tp_destroy(pool), TP_OK);
        assert_int_equal(tally_now(&ran), 300);
    }
}

// A submit of high priority wakes a worker as any does.
static void a_sleeping_pool_wakes_for_any_priority(void **state) {
    (void)state;
    for (int i = 0; i < WORKER_COUNTS; i++) {
        tp_pool *pool = pool_of(worker_counts[i]);
        for (size_t round = 0; round < rounds(100, 10000, 100000); round++) {
            tp_task_options options = options_with_drop(NULL);
            options.priority = (int32_t)(round % 3) - 1;
            tp_future *future = NULL;
            assert_status(tp_async_with(pool, same, pool, &options, &future), TP_OK);
            assert_ptr_equal(value_of(future), pool);
            tp_future_release(future);
        }
        assert_status(tp_destroy(pool), TP_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(high_goes_before_normal_and_normal_before_low),
        cmocka_unit_test(a_priority_goes_first_that_comes_later),
        cmocka_unit_test(low_work_goes_on_while_higher_work_never_ends),
        cmocka_unit_test(of_so_many_tasks_in_a_row_one_is_of_each_priority),
        cmocka_unit_test(a_full_queue_drops_the_oldest_of_the_lowest_priority),
        cmocka_unit_test(the_priority_is_that_of_what_has_not_started_only),
        cmocka_unit_test(a_number_that_is_no_priority_is_invalid),
        cmocka_unit_test(a_task_waits_for_tasks_of_any_priority),
        cmocka_unit_test(a_cancel_and_a_discard_drop_tasks_of_any_priority),
        cmocka_unit_test(a_drain_runs_tasks_of_any_priority),
        cmocka_unit_test(a_sleeping_pool_wakes_for_any_priority),
    };
    return run_file(tests);
}
