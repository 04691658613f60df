// Quicksort of numbers: both sides of the pivot at once, while a side is large.
#include "../kernel.h"
#include "../workload.h"

#include <stdlib.h>
#include <string.h>

// Fewer are sorted by one thread: some tens of microseconds.
#define ALONE 2000
#define INSERT 24

struct side {
    int32_t *first;
    size_t n;
};

struct numbers {
    size_t n;
    int32_t *drawn, *sorted;
    int64_t sum;
};

static void insert(const struct side *side) {
    for (size_t i = 1; i < side->n; i++) {
        int32_t number = side->first[i];
        size_t at = i;
        for (; at > 0 && side->first[at - 1] > number; at--) side->first[at] = side->first[at - 1];
        side->first[at] = number;
    }
}

static int32_t middle_of(int32_t a, int32_t b, int32_t c) {
    int32_t low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

// Returns how many come left: none of them is above any of the others.
static size_t partition(const struct side *side) {
    int32_t *at = side->first, pivot = middle_of(at[0], at[side->n / 2], at[side->n - 1]);
    size_t left = 0, right = side->n - 1;
    for (;;) {
        while (at[left] < pivot) left++;
        while (at[right] > pivot) right--;
        if (left >= right) return right + 1;
        int32_t number = at[left];
        at[left++] = at[right], at[right--] = number;
    }
}

static void sort(void *arg) {
    const struct side *side = arg;
    if (side->n <= INSERT) {
        insert(side);
        return;
    }
    size_t left = partition(side);
    struct side one = {side->first, left}, two = {side->first + left, side->n - left};
    if (side->n > ALONE) {
        both(sort, &one, sort, &two);
    } else {
        sort(&one);
        sort(&two);
    }
}

static void mix(void *arg) {
    struct numbers *numbers = arg;
    memcpy(numbers->sorted, numbers->drawn, numbers->n * sizeof *numbers->drawn);
}

static void sort_all(void *arg) {
    struct numbers *numbers = arg;
    struct side all = {numbers->sorted, numbers->n};
    sort(&all);
}

static void check(void *arg) {
    const struct numbers *numbers = arg;
    int64_t sum = numbers->sorted[0];
    for (size_t i = 1; i < numbers->n; i++) {
        check_that(numbers->sorted[i - 1] <= numbers->sorted[i], "the order");
        sum += numbers->sorted[i];
    }
    check_that(sum == numbers->sum, "the sum of what was sorted");
}

static void run(unsigned workers, unsigned long size) {
    struct numbers numbers = {size, malloc(size * sizeof(int32_t)), malloc(size * sizeof(int32_t)), 0};
    check_that(numbers.drawn && numbers.sorted, "no memory");
    uint64_t drawn = 20240229;
    for (size_t i = 0; i < size; i++) {
        drawn ^= drawn << 13, drawn ^= drawn >> 7, drawn ^= drawn << 17;
        numbers.drawn[i] = (int32_t)(drawn >> 32);
        numbers.sum += numbers.drawn[i];
    }
    struct kernel kernel = {PEER_INVOKE, mix, sort_all, check, &numbers};
    kernel_report(&kernel, workers);
    free(numbers.drawn);
    free(numbers.sorted);
}

const struct workload quicksort = {"quicksort", PEER_INVOKE, 1, run};
