// load: one path of a task through tp at full speed, every worker free; counts what libc is asked for meanwhile.
//
// usage: load PATH WORKERS TASKS

#include "pool.h"

#include <pthread.h>
#include <string.h>

enum { ARGS = 102, PRODUCERS = 4 };

static size_t tasks;

// ---- Paths -------------------------------------------------------------------------------------------------

static void submit_many(size_t n) {
    for (size_t i = 0; i < n; i++) submit(nothing, 0);
}

static void outside(void) { submit_many(tasks); }

static sem_t may_produce, has_produced;

static void *produce(void *arg) {
    wait_for(&may_produce);
    submit_many(tasks / PRODUCERS);
    sem_post(&has_produced);
    return arg;
}

static void outside_by_four(void) {
    for (size_t i = 0; i < PRODUCERS; i++) sem_post(&may_produce);
    for (size_t i = 0; i < PRODUCERS; i++) wait_for(&has_produced);
}

static void batch(void) {
    void *args[ARGS] = {NULL};
    for (size_t i = 0; i < tasks; i += ARGS) must(tp_submit_batch(pool, nothing, args, ARGS, NULL));
}

static void submits_many(void *arg) { submit_many((size_t)arg); }
static void inside(void) { submit(submits_many, tasks); }

static void node(void *arg) {
    size_t i = (size_t)arg;
    for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < tasks; child++) submit(node, child);
}
static void tree(void) { submit(node, 0); }

static void link(void *left) {
    if (left != NULL) submit(link, (size_t)left - 1);
}
static void chain(void) { submit(link, tasks); }

static void idle(void) {
    for (size_t i = 0; i < tasks; i++) {
        submit(says_so, 0);
        wait_for(&said);
        settle();
    }
}

static void submit_and_wait(void) {
    for (size_t i = 0; i < tasks; i++) {
        submit(nothing, 0);
        finish();
    }
}

// ------------------------------------------------------------------------------------------------------------

static const struct {
    const char *name;
    void (*take)(void);
} paths[] = {
    {"outside", outside}, {"outside-by-4", outside_by_four},
    {"batch", batch},     {"inside", inside},
    {"tree", tree},       {"chain", chain},
    {"idle", idle},       {"submit-and-wait", submit_and_wait},
};

static void count(void (*take)(void)) {
    long calls[] = {atomic_load(&allocations), atomic_load(&wakes), atomic_load(&waits), atomic_load(&other_calls)};
    take();
    finish();
    long now[] = {atomic_load(&allocations), atomic_load(&wakes), atomic_load(&waits), atomic_load(&other_calls)};
    for (size_t i = 0; i < 4; i++) calls[i] = now[i] - calls[i];
    printf("allocations %ld\nwakes %ld\nsystem-calls %ld\n", calls[0], calls[1], calls[1] + calls[2] + calls[3]);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    tasks = strtoul(argv[3], NULL, 10);
    start((uint32_t)strtoul(argv[2], NULL, 10));
    grow(tasks + tasks / 2);
    pthread_t threads[PRODUCERS];
    for (size_t i = 0; i < PRODUCERS; i++) pthread_create(&threads[i], NULL, produce, NULL);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(paths[i].name, argv[1]) != 0) continue;
        settle();
        count(paths[i].take);
        must(tp_destroy(pool));
        return 0;
    }
    return 2;
}
