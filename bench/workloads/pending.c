// Memory of tasks that wait: every worker is held by a task of ours while the others pile up behind.
#include "../cell.h"
#include "../clock.h"
#include "../workload.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct pile {
    unsigned workers;
    unsigned long n;
};

static atomic_uint holding;
static atomic_uint released;

// Spins, for libdispatch adds a thread where one sleeps.
static void hold(void *arg) {
    (void)arg;
    atomic_fetch_add(&holding, 1);
    while (!atomic_load(&released)) sched_yield();
}

static void count(void *arg) {
    (void)arg;
    cell_count();
}

static double resident_bytes(void) {
    unsigned long total, resident;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu %lu", &total, &resident) != 2) abort();
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void body(void *arg) {
    const struct pile *pile = arg;
    struct work holder = {hold}, empty = {count};
    for (unsigned i = 0; i < pile->workers; i++) peer_submit(hold, &holder);
    while (atomic_load(&holding) < pile->workers) sleep_ns(100000);
    double before = resident_bytes();
    for (unsigned long i = 0; i < pile->n; i++) peer_submit(count, &empty);
    double grown = resident_bytes() - before;
    unsigned long ran = cells_sum();
    atomic_store(&released, 1);
    cells_wait(pile->n);
    if (ran > pile->n / 100) {
        // libdispatch may come to think that its threads hang, and add one.
        fprintf(stderr, "%lu tasks ran in spite of the hold\n", ran);
        exit(1);
    }
    report("task", grown / (double)(pile->n - ran), "bytes");
}

static void run(unsigned workers, unsigned long size) {
    struct pile pile = {workers, size};
    peer_with_pool(workers, body, &pile);
}

const struct workload pending = {"pending", PEER_PENDING, 1, run};
