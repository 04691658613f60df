// The n queens: all ways to place them, row by row. A fork tries the first free column of a row beside the others.
#include "../kernel.h"
#include "../workload.h"

// With so many rows left a branch goes on by itself: some microseconds.
#define ALONE_ROWS 8
#define QUEENS_MAX 16

struct row {
    unsigned left;                     // rows, this one included
    uint32_t columns, rising, falling; // taken: bit i is column i of this row
    uint32_t free;                     // columns that are still to be tried
    unsigned long found;
};

static const unsigned long solutions[QUEENS_MAX + 1] = {1,   1,   0,    0,     2,     10,     4,       40,      92,
                                                        352, 724, 2680, 14200, 73712, 365596, 2279184, 14772512};

static uint32_t board;

static struct row next_row(const struct row *row, uint32_t queen) {
    struct row next = {.left = row->left - 1,
                       .columns = row->columns | queen,
                       .rising = (row->rising | queen) << 1,
                       .falling = (row->falling | queen) >> 1};
    next.free = board & ~(next.columns | next.rising | next.falling);
    return next;
}

static unsigned long count_alone(const struct row *row) {
    if (row->left == 0) return 1;
    unsigned long found = 0;
    for (uint32_t free = row->free; free; free &= free - 1) {
        struct row next = next_row(row, free & -free);
        found += count_alone(&next);
    }
    return found;
}

static void search(void *arg) {
    struct row *row = arg;
    if (row->left <= ALONE_ROWS || !row->free) {
        row->found = count_alone(row);
        return;
    }
    struct row next = next_row(row, row->free & -row->free), others = *row;
    others.free &= others.free - 1;
    if (others.free) both(search, &next, search, &others);
    else search(&next);
    row->found = next.found + (others.free ? others.found : 0);
}

static void check(void *arg) {
    const struct row *first = arg;
    check_that(first->found == solutions[first->left], "the ways to place the queens");
}

static void run(unsigned workers, unsigned long size) {
    unsigned n = size < QUEENS_MAX ? (unsigned)size : QUEENS_MAX;
    board = (1u << n) - 1;
    struct row first = {.left = n, .free = board};
    struct kernel kernel = {PEER_INVOKE, NULL, search, check, &first};
    kernel_report(&kernel, workers);
}

const struct workload queens = {"nqueens", PEER_INVOKE, 1, run};
