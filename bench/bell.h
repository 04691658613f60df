// A word that a task sets and the main thread waits for: asleep, in the kernel, or awake.
#ifndef BENCH_BELL_H
#define BENCH_BELL_H

#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

struct bell {
    atomic_uint rung;
};

static inline void bell_reset(struct bell *bell) { atomic_store_explicit(&bell->rung, 0, memory_order_relaxed); }

static inline bool bell_rung(struct bell *bell) { return atomic_load_explicit(&bell->rung, memory_order_acquire) != 0; }

// For who waits with bell_sleep. The system call is made always, so that it costs every peer the same.
static inline void bell_ring(struct bell *bell) {
    atomic_store_explicit(&bell->rung, 1, memory_order_release);
    syscall(SYS_futex, &bell->rung, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static inline void bell_sleep(struct bell *bell) {
    while (!bell_rung(bell)) syscall(SYS_futex, &bell->rung, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

// For who waits with bell_spin.
static inline void bell_set(struct bell *bell) { atomic_store_explicit(&bell->rung, 1, memory_order_release); }

// Yields now and then: another spinning thread may hold the CPU that the task needs.
static inline void bell_spin(struct bell *bell) {
    for (unsigned turn = 1; !bell_rung(bell); turn++)
        if (turn % 4096 == 0) sched_yield();
}

#endif
