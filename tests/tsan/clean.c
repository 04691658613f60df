// A program that is compiled with ThreadSanitizer, and uses an ordinary libtp.so: it hands plain data through everything
// that orders one thread after another, and has no race.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tp.h>

#define check(fact) ((fact) ? (void)0 : (fprintf(stderr, "%d: must hold: %s\n", __LINE__, #fact), abort()))
#define ok(call) check((call) == TP_OK)

enum { ROUNDS = 50, MANY = 64, ITEMS = 10000 };

static tp_pool *pool;

// Plain numbers, one a task.
static uint64_t numbers[MANY];

static void add(void *number) { ++*(uint64_t *)number; }

static uint64_t sum(void) {
    uint64_t all = 0;
    for (int i = 0; i < MANY; i++) all += numbers[i];
    return all;
}

static void fill(uint64_t value) {
    for (int i = 0; i < MANY; i++) numbers[i] = value;
}

static void dropped(void *number, tp_status why) {
    check(why == TP_ECANCELED || why == TP_ESHUTDOWN);
    ++*(uint64_t *)number;
}

static const tp_task_options with_drop = {sizeof(tp_task_options), "told", TP_PRIORITY_HIGH, 0, dropped};

// ---- Submit and wait ---------------------------------------------------------------------------------------

static void submits(void) {
    fill(1);
    for (int i = 0; i < MANY; i++) ok(tp_submit(pool, add, &numbers[i]));
    ok(tp_wait(pool, TP_FOREVER));
    check(sum() == 2 * MANY);

    void *args[MANY];
    for (int i = 0; i < MANY; i++) args[i] = &numbers[i];
    fill(5);
    ok(tp_submit_batch(pool, add, args, MANY, NULL));
    ok(tp_wait(pool, TP_FOREVER));
    check(sum() == 6 * MANY);

    fill(7);
    for (int i = 0; i < MANY; i++) ok(tp_submit_with(pool, add, &numbers[i], &with_drop));
    ok(tp_wait(pool, TP_FOREVER));
    check(sum() == 8 * MANY);
}

static void submits_children(void *first) {
    uint64_t *number = first;
    for (int i = 0; i < 8; i++) {
        number[i] = 1;
        ok(tp_submit(pool, add, &number[i]));
    }
}

static void children(void) {
    for (int i = 0; i < MANY; i += 8) ok(tp_submit(pool, submits_children, &numbers[i]));
    ok(tp_wait(pool, TP_FOREVER));
    check(sum() == 2 * MANY);
}

// ---- Futures -----------------------------------------------------------------------------------------------

static void *add_and_give(void *number) {
    add(number);
    return number;
}

static void *add_both(void *value, void *number) {
    *(uint64_t *)number += *(uint64_t *)value;
    return number;
}

static void waits_inside(void *number) {
    tp_future *future;
    ok(tp_async(pool, add_and_give, number, &future));
    ok(tp_future_wait(future, TP_FOREVER, NULL));
    tp_future_release(future);
    add(number);
}

static void futures(void) {
    tp_future *all[MANY];
    fill(1);
    for (int i = 0; i < MANY; i++) ok(tp_async(pool, add_and_give, &numbers[i], &all[i]));
    for (int i = 0; i < MANY; i++) {
        void *value;
        ok(tp_future_wait(all[i], TP_FOREVER, &value));
        check(*(uint64_t *)value == 2);
        tp_future_release(all[i]);
    }
    for (int i = 0; i < MANY; i++) ok(tp_async(pool, add_and_give, &numbers[i], &all[i]));
    for (int left = MANY; left > 0; left--) {
        size_t index;
        void *value;
        ok(tp_future_wait_any(all, (size_t)left, TP_FOREVER, &index));
        ok(tp_future_wait(all[index], 0, &value));
        check(*(uint64_t *)value == 3);
        tp_future_release(all[index]);
        all[index] = all[left - 1];
    }
    uint64_t given = 4, first = 1, second = 2;
    tp_future *hand, *next, *last;
    ok(tp_future_create(&hand));
    ok(tp_future_then(pool, hand, add_both, &first, &next));
    ok(tp_future_then(pool, next, add_both, &second, &last));
    ok(tp_future_complete(hand, &given));
    ok(tp_future_wait(last, TP_FOREVER, NULL));
    check(first == 5 && second == 7);
    tp_future_release(last);
    // Of one that is done already.
    ok(tp_future_then(pool, next, add_both, &second, &last));
    while (tp_future_state(last) != TP_FUTURE_DONE) continue;
    check(second == 12);
    tp_future_release(hand);
    tp_future_release(next);
    tp_future_release(last);
    fill(1);
    for (int i = 0; i < MANY; i++) ok(tp_submit(pool, waits_inside, &numbers[i]));
    ok(tp_wait(pool, TP_FOREVER));
    check(sum() == 3 * MANY);
}

// ---- Groups ------------------------------------------------------------------------------------------------

struct family {
    tp_group *group;
    uint64_t *number;
};

static void adds_a_member(void *arg) {
    struct family *family = arg;
    *family->number = 10;
    ok(tp_group_submit(family->group, add, family->number));
}

static void takes_the_sum(void *arg) { *(uint64_t *)arg = sum(); }

static void waits_for_a_group(void *number) {
    tp_group *group;
    ok(tp_group_create(pool, NULL, &group));
    ok(tp_group_submit(group, add, number));
    ok(tp_group_wait(group, TP_FOREVER));
    ok(tp_group_destroy(group));
    add(number);
}

static void groups(void) {
    struct family family[MANY];
    tp_group *parent, *child;
    uint64_t seen = 0;
    ok(tp_group_create(pool, NULL, &parent));
    ok(tp_group_create(pool, parent, &child));
    for (int i = 0; i < MANY; i++) {
        family[i] = (struct family){i % 2 ? child : parent, &numbers[i]};
        ok(tp_group_submit(parent, adds_a_member, &family[i]));
    }
    ok(tp_group_notify(parent, takes_the_sum, &seen));
    ok(tp_group_wait(parent, TP_FOREVER));
    check(sum() == 11 * MANY);
    ok(tp_wait(pool, TP_FOREVER));
    check(seen == 11 * MANY);
    fill(3);
    for (int i = 0; i < MANY; i++) ok(tp_group_submit_with(child, add, &numbers[i], &with_drop));
    ok(tp_group_cancel(parent));
    while (tp_group_count(parent) > 0) continue;
    check(sum() == 4 * MANY);
    ok(tp_group_notify(parent, takes_the_sum, &seen));
    ok(tp_wait(pool, TP_FOREVER));
    check(seen == 4 * MANY);
    ok(tp_group_destroy(child));
    ok(tp_group_destroy(parent));
    fill(1);
    for (int i = 0; i < MANY; i++) ok(tp_submit(pool, waits_for_a_group, &numbers[i]));
    ok(tp_wait(pool, TP_FOREVER));
    check(sum() == 3 * MANY);
}

// ---- Fork-join, loops, gangs, sorts ------------------------------------------------------------------------

struct span {
    uint64_t *from;
    size_t n;
};

static void add_to_span(void *arg) {
    struct span *span = arg;
    if (span->n == 1) {
        add(span->from);
        return;
    }
    struct span left = {span->from, span->n / 2}, right = {span->from + span->n / 2, span->n - span->n / 2};
    ok(tp_parallel_invoke(pool, add_to_span, &left, add_to_span, &right));
}

static void add_to_items(uint64_t lo, uint64_t hi, void *ctx) {
    uint64_t *items = ctx;
    for (uint64_t i = lo; i < hi; i++) items[i]++;
}

static void nested(uint64_t lo, uint64_t hi, void *ctx) {
    for (uint64_t i = lo; i < hi; i++) ok(tp_parallel_for(pool, i * 100, (i + 1) * 100, 1, add_to_items, ctx));
}

static void fold(uint64_t lo, uint64_t hi, void *acc, void *ctx) {
    const uint64_t *items = ctx;
    for (uint64_t i = lo; i < hi; i++) *(uint64_t *)acc += items[i];
}

static void combine(void *left, const void *right, void *ctx) {
    (void)ctx;
    *(uint64_t *)left += *(const uint64_t *)right;
}

static int compare(const void *a, const void *b, void *ctx) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    (void)ctx;
    return (x > y) - (x < y);
}

static void takes_part(uint32_t rank, uint32_t n, void *ctx) {
    (void)n;
    ((uint64_t *)ctx)[rank]++;
}

static uint64_t items[ITEMS];

static void mix_up(void) {
    for (uint64_t i = 0; i < ITEMS; i++) items[i] = i * 7919 % ITEMS;
}

static bool in_order(void) {
    for (uint64_t i = 0; i < ITEMS; i++)
        if (items[i] != i) return false;
    return true;
}

static void loops(void *unused) {
    (void)unused;
    struct span all = {numbers, MANY};
    fill(1);
    add_to_span(&all);
    check(sum() == 2 * MANY);
    memset(items, 0, sizeof items);
    ok(tp_parallel_for(pool, 0, ITEMS, 0, add_to_items, items));
    ok(tp_parallel_for(pool, 0, ITEMS / 100, 1, nested, items));
    const uint64_t nought = 0;
    uint64_t result = 0;
    ok(tp_parallel_reduce(pool, 0, ITEMS, 0, sizeof result, &nought, fold, combine, items, &result));
    check(result == 2 * ITEMS);
    uint64_t ranks[2] = {0, 0};
    ok(tp_gang(pool, 2, takes_part, ranks));
    check(ranks[0] == 1 && ranks[1] == 1);
    mix_up();
    ok(tp_parallel_sort(pool, items, ITEMS, sizeof *items, compare, NULL));
    check(in_order());
    mix_up();
    ok(tp_parallel_stable_sort(pool, items, ITEMS, sizeof *items, compare, NULL));
    check(in_order());
    mix_up();
    ok(tp_parallel_sort_keys(pool, items, ITEMS, sizeof *items, 0, TP_KEY_U64));
    check(in_order());
}

// ---- A pool's life -----------------------------------------------------------------------------------------

static uint64_t started[2], stopped[2];

static void starts(void *ctx, uint32_t worker) { started[worker] = ++((uint64_t *)ctx)[worker]; }

static void stops(void *ctx, uint32_t worker) { stopped[worker] = ++((uint64_t *)ctx)[worker]; }

static void lives(void) {
    uint64_t steps[2] = {0, 0}, number = 1;
    tp_options options = TP_OPTIONS_INIT;
    tp_pool *own;
    options.threads = 2;
    options.on_start = starts;
    options.on_stop = stops;
    options.hook_ctx = steps;
    ok(tp_create(&options, &own));
    ok(tp_wait(own, TP_FOREVER));
    check(started[0] == 1 && started[1] == 1);
    ok(tp_submit(own, add, &number));
    ok(tp_shutdown(own, TP_DRAIN, TP_FOREVER));
    check(stopped[0] == 2 && stopped[1] == 2 && number == 2);
    ok(tp_destroy(own));
    ok(tp_create(NULL, &own));
    ok(tp_pause(own));
    fill(1);
    for (int i = 0; i < MANY; i++) ok(tp_submit_with(own, add, &numbers[i], &with_drop));
    ok(tp_destroy(own));
    check(sum() == 2 * MANY);
}

int main(void) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = 3;
    ok(tp_create(&options, &pool));
    for (int i = 0; i < ROUNDS; i++) {
        submits();
        children();
        futures();
        groups();
        loops(NULL);
        ok(tp_submit(pool, loops, NULL));
        ok(tp_wait(pool, TP_FOREVER));
        lives();
    }
    ok(tp_destroy(pool));
    puts("clean");
    return 0;
}
