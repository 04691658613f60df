// Sorts: numbers in five orders, records by a number in them, and numbers and strings by a function that compares two.
// What has no pool takes part too, on one thread.
#include "../kernel.h"
#include "../workload.h"

#include <stdlib.h>
#include <string.h>

static uint64_t drawn;

static uint64_t draw(void) {
    drawn ^= drawn << 13, drawn ^= drawn >> 7, drawn ^= drawn << 17;
    return drawn;
}

static void *room(size_t bytes) {
    void *here = malloc(bytes);
    check_that(here != NULL, "no memory");
    return here;
}

// What is sorted: it begins as `from` each time.
struct sort {
    size_t n, size;
    void *from, *here;
    bool in_order;
    uint64_t sum; // of what was there
};

static void prepare(void *arg) {
    struct sort *sort = arg;
    memcpy(sort->here, sort->from, sort->n * sort->size);
}

static void report_best(struct sort *sort, task_fn run, task_fn check, const char *metric) {
    struct kernel kernel = {PEER_SORT, prepare, run, check, sort};
    report(metric, kernel_best_ns(&kernel) / 1e6, "ms");
}

// In any order of equals, and with equals in theirs.
static void report_both(struct sort *sort, task_fn run, task_fn check) {
    sort->in_order = false;
    report_best(sort, run, check, "any-order");
    if (peer_lacks(PEER_IN_ORDER, 2)) return;
    sort->in_order = true;
    report_best(sort, run, check, "in-order");
}

static void with_crew(unsigned workers, size_t n, size_t size, task_fn body) {
    struct sort sort = {n, size, room(n * size), room(n * size), false, 0};
    drawn = 20240229;
    peer_with_crew(workers, body, &sort);
    free(sort.from);
    free(sort.here);
}

// ---- Numbers ----

static void sort_numbers(void *arg) {
    struct sort *sort = arg;
    peer_sort(sort->here, sort->n);
}

static int compare_numbers(const void *x, const void *y, void *ctx) {
    (void)ctx;
    int32_t a = *(const int32_t *)x, b = *(const int32_t *)y;
    return (a > b) - (a < b);
}

static void sort_numbers_by(void *arg) {
    struct sort *sort = arg;
    peer_sort_by(sort->here, sort->n, sort->size, compare_numbers, sort->in_order);
}

static void check_numbers(void *arg) {
    const struct sort *sort = arg;
    const int32_t *here = sort->here;
    uint64_t sum = 0;
    for (size_t i = 0; i < sort->n; i++) {
        check_that(i == 0 || here[i - 1] <= here[i], "the order of numbers");
        sum += (uint64_t)here[i];
    }
    check_that(sum == sort->sum, "the sum of numbers");
}

enum shape { RANDOM, SORTED, REVERSED, FEW, PIPES };

static void draw_numbers(struct sort *sort, enum shape shape) {
    int32_t *from = sort->from;
    sort->sum = 0;
    for (size_t i = 0; i < sort->n; i++) {
        size_t left = sort->n - 1 - i;
        switch (shape) {
        case RANDOM: from[i] = (int32_t)(draw() >> 32); break;
        case SORTED: from[i] = (int32_t)i; break;
        case REVERSED: from[i] = (int32_t)left; break;
        case FEW: from[i] = (int32_t)(draw() % 16); break;
        case PIPES: from[i] = (int32_t)(i < left ? i : left); break;
        }
        sort->sum += (uint64_t)from[i];
    }
}

static void numbers_body(void *arg) {
    static const char *const metrics[] = {"random", "sorted", "reversed", "16-values", "organ-pipe"};
    for (enum shape shape = RANDOM; shape <= PIPES; shape++) {
        draw_numbers(arg, shape);
        report_best(arg, sort_numbers, check_numbers, metrics[shape]);
    }
}

static void one_worker_body(void *arg) {
    draw_numbers(arg, RANDOM);
    report_best(arg, sort_numbers, check_numbers, "random-on-one");
}

static void numbers_by_body(void *arg) {
    draw_numbers(arg, RANDOM);
    report_both(arg, sort_numbers_by, check_numbers);
}

static void run_numbers(unsigned workers, unsigned long size) {
    with_crew(workers, size, sizeof(int32_t), numbers_body);
    // On one thread they all are where there is no pool.
    if (!peer_lacks(PEER_INVOKE, 1)) with_crew(1, size, sizeof(int32_t), one_worker_body);
}

static void run_numbers_by(unsigned workers, unsigned long size) {
    with_crew(workers, size, sizeof(int32_t), numbers_by_body);
}

// ---- Records ----

static void sort_records(void *arg) {
    struct sort *sort = arg;
    peer_sort_records(sort->here, sort->n, sort->in_order);
}

// The value is the record's place at first.
static void check_records(void *arg) {
    const struct sort *sort = arg;
    const struct record *here = sort->here;
    uint64_t sum = 0;
    for (size_t i = 0; i < sort->n; i++) {
        sum += here[i].key * (2 * here[i].value + 1);
        if (i == 0) continue;
        check_that(here[i - 1].key <= here[i].key, "the order of records");
        check_that(!sort->in_order || here[i - 1].key < here[i].key || here[i - 1].value < here[i].value,
                   "the order of equal records");
    }
    check_that(sum == sort->sum, "the records");
}

static void records_body(void *arg) {
    struct sort *sort = arg;
    struct record *from = sort->from;
    for (size_t i = 0; i < sort->n; i++) {
        // Of any size, and some alike.
        uint64_t key = (draw() >> 44) * 0x9e3779b97f4a7c15u;
        from[i] = (struct record){key, i};
        sort->sum += key * (2 * i + 1);
    }
    report_both(sort, sort_records, check_records);
}

static void run_records(unsigned workers, unsigned long size) {
    with_crew(workers, size, sizeof(struct record), records_body);
}

// ---- Strings ----

#define LETTERS 24

static int compare_strings(const void *x, const void *y, void *ctx) {
    (void)ctx;
    return strcmp(*(char *const *)x, *(char *const *)y);
}

static void sort_strings(void *arg) {
    struct sort *sort = arg;
    peer_sort_by(sort->here, sort->n, sort->size, compare_strings, sort->in_order);
}

// At first each lies behind the one before.
static void check_strings(void *arg) {
    const struct sort *sort = arg;
    char *const *here = sort->here;
    uint64_t sum = 0;
    for (size_t i = 0; i < sort->n; i++) {
        sum += (uintptr_t)here[i];
        if (i == 0) continue;
        int order = strcmp(here[i - 1], here[i]);
        check_that(order < 0 || (order == 0 && (!sort->in_order || here[i - 1] < here[i])), "the order of strings");
    }
    check_that(sum == sort->sum, "the strings");
}

static void strings_body(void *arg) {
    struct sort *sort = arg;
    char *text = room(sort->n * LETTERS), **from = sort->from;
    for (size_t i = 0; i < sort->n; i++) {
        char *string = from[i] = text + i * LETTERS;
        size_t length = 4 + draw() % (LETTERS - 4);
        for (size_t letter = 0; letter < length; letter++) string[letter] = (char)('a' + draw() % 8);
        string[length] = '\0';
        sort->sum += (uintptr_t)string;
    }
    report_both(sort, sort_strings, check_strings);
    free(text);
}

static void run_strings(unsigned workers, unsigned long size) {
    with_crew(workers, size, sizeof(char *), strings_body);
}

const struct workload sort_i32 = {"sort-i32", PEER_SORT, 1, run_numbers};
const struct workload sort_compare = {"sort-compare", PEER_SORT_BY, 1, run_numbers_by};
const struct workload sort_record = {"sort-records", PEER_SORT, 1, run_records};
const struct workload sort_string = {"sort-strings", PEER_SORT_BY, 1, run_strings};
