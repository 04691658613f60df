#include "cell.h"
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>

// Threads come and go, and each takes a cell for good.
#define CELLS 16384

_Thread_local struct cell *cell_mine;

static struct cell cells[CELLS];
static atomic_uint cells_claimed;

struct cell *cell_claim(void) {
    unsigned index = atomic_fetch_add(&cells_claimed, 1);
    if (index >= CELLS) {
        fprintf(stderr, "more than %d threads ran tasks\n", CELLS);
        abort();
    }
    return cell_mine = &cells[index];
}

unsigned long cells_sum(void) {
    unsigned claimed = atomic_load(&cells_claimed);
    unsigned long sum = 0;
    for (unsigned i = 0; i < claimed && i < CELLS; i++)
        sum += atomic_load_explicit(&cells[i].count, memory_order_acquire);
    return sum;
}

// The nap is what a result may be wrong by: a fiftieth of the time, within limits that keep the waiter out of the way.
void cells_wait(unsigned long sum) {
    uint64_t began = now_ns();
    while (cells_sum() < sum) {
        uint64_t nap = (now_ns() - began) / 50;
        sleep_ns(nap < 20000 ? 20000 : nap > 500000 ? 500000 : nap);
    }
}
