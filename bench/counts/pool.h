// pool.h: a pool whose workers can be held, for the programs that count.

#ifndef COUNTS_POOL_H
#define COUNTS_POOL_H

#include "calls.h"

#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <tp.h>

enum { WORKERS_MAX = 64 };

static tp_pool *pool;
static uint32_t workers;

static inline void must(tp_status status) {
    if (status == TP_OK) return;
    fprintf(stderr, "%s\n", tp_status_string(status));
    exit(1);
}

static inline void submit(tp_task_fn run, size_t arg) { must(tp_submit(pool, run, (void *)arg)); }

static inline void finish(void) { must(tp_wait(pool, TP_FOREVER)); }

// ---- Messages ----------------------------------------------------------------------------------------------

static sem_t said;

static inline void wait_for(sem_t *semaphore) {
    while (sem_wait(semaphore) != 0) continue;
}

static inline void nothing(void *arg) { (void)arg; }

static inline void says_so(void *arg) {
    (void)arg;
    sem_post(&said);
}

static inline void says_that_it_starts(void *ctx, uint32_t worker) {
    (void)worker;
    says_so(ctx);
}

// ---- Start and sleep ---------------------------------------------------------------------------------------

// Returns when each worker runs.
static inline void start(uint32_t threads) {
    tp_options options = TP_OPTIONS_INIT;
    options.threads = workers = threads <= WORKERS_MAX ? threads : WORKERS_MAX;
    options.on_start = says_that_it_starts;
    must(tp_create(&options, &pool));
    for (uint32_t i = 0; i < workers; i++) wait_for(&said);
}

// Until every worker sleeps.
static inline void settle(void) {
    const struct timespec moment = {0, 20000};
    while (atomic_load(&asleep) < (long)workers) nanosleep(&moment, NULL);
}

// ---- Holding workers ---------------------------------------------------------------------------------------

static sem_t held, released[WORKERS_MAX];

static inline void stays(void *arg) {
    (void)arg;
    sem_post(&held);
    wait_for(&released[tp_worker_index()]);
}

// Keeps every worker busy until it is let go. Each is woken from its sleep for that, once.
static inline void hold(void) {
    settle();
    for (uint32_t i = 0; i < workers; i++) {
        submit(stays, 0);
        wait_for(&held);
    }
}

static inline void let_first_go(void) { sem_post(&released[0]); }

static inline void let_others_go(void) {
    for (uint32_t i = 1; i < workers; i++) sem_post(&released[i]);
}

// ---- Queues that have grown --------------------------------------------------------------------------------

// Until they have held `n` tasks. The first worker runs all of these.
static inline void grow(size_t n) {
    hold();
    for (size_t i = 0; i < n; i++) submit(nothing, 0);
    submit(says_so, 0);
    let_first_go();
    wait_for(&said);
    let_others_go();
}

#endif
