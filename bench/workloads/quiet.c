// What a pool costs while there is little or nothing to do: CPU after a burst, and CPU of an empty task every 1 ms.
#include "../cell.h"
#include "../clock.h"
#include "../workload.h"

#include <sys/resource.h>

#define BURST 1000
#define TICK_NS 1000000

static struct work empty;

static void count(void *arg) {
    (void)arg;
    cell_count();
}

static void burst(void) {
    unsigned long before = cells_sum();
    empty.run = count;
    for (int i = 0; i < BURST; i++) peer_submit(count, &empty);
    cells_wait(before + BURST);
}

static long switches(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw;
}

// ---- Idle ----

// Who has not slept 1 ms after its last task is not given more time.
static void idle_body(void *arg) {
    unsigned long ms = *(unsigned long *)arg;
    burst();
    sleep_ns(1000000);
    uint64_t cpu = cpu_ns();
    long switched = switches();
    sleep_ns(ms * 1000000);
    double seconds = (double)ms / 1000;
    report("cpu", (double)(cpu_ns() - cpu) / 1e6 / seconds, "ms/s");
    report("switches", (double)(switches() - switched) / seconds, "1/s");
}

static void run_idle(unsigned workers, unsigned long size) { peer_with_pool(workers, idle_body, &size); }

// ---- Timer ----

static void timer_body(void *arg) {
    unsigned long ticks = *(unsigned long *)arg;
    burst();
    sleep_ns(TICK_NS);
    unsigned long before = cells_sum();
    uint64_t cpu = cpu_ns(), when = now_ns();
    for (unsigned long i = 0; i < ticks; i++) {
        peer_submit(count, &empty);
        sleep_until(when += TICK_NS);
    }
    cells_wait(before + ticks);
    report("tick", (double)(cpu_ns() - cpu) / 1000 / (double)ticks, "us");
}

static void run_timer(unsigned workers, unsigned long size) { peer_with_pool(workers, timer_body, &size); }

const struct workload idle = {"idle", PEER_KEEP, 1, run_idle};
const struct workload timer = {"timer", PEER_SUBMIT, 1, run_timer};
