// Outside submit: threads that are no workers submit empty tasks as fast as they can. Also with four workers a CPU, and
// beside a process that holds one CPU.
#include "../cell.h"
#include "../clock.h"
#include "../workload.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PRODUCERS_MAX 4
#define CHUNK 100

struct producer {
    pthread_t thread;
    pthread_barrier_t *start;
    unsigned long n;
    uint64_t began, took;
};

struct outside {
    unsigned producers;
    unsigned long n;
};

static void count(void *arg) {
    (void)arg;
    cell_count();
}

static void *produce(void *arg) {
    static struct work empty = {count};
    struct producer *producer = arg;
    void *args[CHUNK];
    for (int i = 0; i < CHUNK; i++) args[i] = &empty;
    if (producer->start) pthread_barrier_wait(producer->start);
    producer->began = now_ns();
    for (unsigned long left = producer->n; left > 0;) {
        unsigned long n = left < CHUNK ? left : CHUNK;
        peer_submit_many(count, args, n);
        left -= n;
    }
    producer->took = now_ns() - producer->began;
    return NULL;
}

// Returns when the first task was submitted; `*producing` is how long the producers were at it, added up.
static uint64_t produce_all(unsigned producers, unsigned long n, uint64_t *producing) {
    struct producer all[PRODUCERS_MAX];
    pthread_barrier_t start;
    uint64_t began = UINT64_MAX;
    *producing = 0;
    if (producers == 1) {
        // The body's own thread: the only one that may submit to OpenMP.
        all[0] = (struct producer){.n = n};
        produce(&all[0]);
    } else {
        pthread_barrier_init(&start, NULL, producers);
        for (unsigned i = 0; i < producers; i++) {
            all[i] = (struct producer){.start = &start, .n = n / producers};
            if (pthread_create(&all[i].thread, NULL, produce, &all[i]) != 0) abort();
        }
        for (unsigned i = 0; i < producers; i++) pthread_join(all[i].thread, NULL);
        pthread_barrier_destroy(&start);
    }
    for (unsigned i = 0; i < producers; i++) {
        if (all[i].began < began) began = all[i].began;
        *producing += all[i].took;
    }
    return began;
}

// Once for the pool to grow, once measured.
static void body(void *arg) {
    struct outside *outside = arg;
    unsigned long n = outside->n / PRODUCERS_MAX * PRODUCERS_MAX;
    uint64_t took = 0, producing = 0;
    for (int round = 0; round < 2; round++) {
        unsigned long before = cells_sum();
        uint64_t began = produce_all(outside->producers, n, &producing);
        cells_wait(before + n);
        took = now_ns() - began;
    }
    report("task", (double)took / (double)n, "ns");
    report("submit", (double)producing / (double)n, "ns");
}

static void run_1(unsigned workers, unsigned long size) {
    struct outside outside = {1, size};
    peer_with_pool(workers, body, &outside);
}

static void run_4(unsigned workers, unsigned long size) {
    struct outside outside = {4, size};
    peer_with_pool(workers, body, &outside);
}

// A child that holds the first CPU that we may use. It ends with us, whatever happens.
static pid_t hold_one_cpu(void) {
    fflush(stdout);
    pid_t child = fork();
    if (child != 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    cpu_set_t allowed, first;
    CPU_ZERO(&first);
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&first) == 0; cpu++)
            if (CPU_ISSET(cpu, &allowed)) CPU_SET(cpu, &first);
    sched_setaffinity(0, sizeof first, &first);
    for (volatile unsigned long turn = 0;; turn++) {
    }
}

static void run_busy(unsigned workers, unsigned long size) {
    pid_t child = hold_one_cpu();
    if (child < 0) abort();
    run_1(workers, size);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

const struct workload outside_1 = {"outside-1", PEER_SUBMIT_MANY, 1, run_1};
const struct workload outside_4 = {"outside-4", PEER_PRODUCERS, 1, run_4};
const struct workload outside_crowded = {"outside-crowded", PEER_SUBMIT_MANY, 4, run_1};
const struct workload outside_busy = {"outside-busy", PEER_SUBMIT_MANY, 1, run_busy};
