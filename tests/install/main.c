// What every way to link tp must be able to build and run: a thousand tasks on a pool of one's own, and on
// tp_default().

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <tp.h>

enum { TASKS = 1000 };

static atomic_int ran;

static void count(void *step) { atomic_fetch_add(&ran, *(int *)step); }

static int count_on(tp_pool *pool) {
    static int step = 3;
    atomic_store(&ran, 0);
    for (int i = 0; i < TASKS; i++) {
        if (tp_submit(pool, count, &step) != TP_OK) return 0;
    }
    return tp_wait(pool, TP_FOREVER) == TP_OK && atomic_load(&ran) == step * TASKS;
}

int main(void) {
    tp_pool *pool = NULL;
    if (strcmp(tp_version(), TP_VERSION) != 0) return 1;
    if (tp_create(NULL, &pool) != TP_OK || !count_on(pool)) return 2;
    if (tp_destroy(pool) != TP_OK) return 3;
    if (!count_on(tp_default())) return 4;
    printf("tp %s: %d tasks ran\n", tp_version(), 2 * TASKS);
    return 0;
}
