// calls: see calls.h. Needs glibc.

#define _GNU_SOURCE
#include "calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>

_Atomic long allocations, wakes, waits, other_calls, asleep;
_Thread_local long clock_reads;
bool clock_is_slow;

static long (*next_syscall)(long, long, long, long, long, long, long);
static int (*next_yield)(void);
static int (*next_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void find_next(void) {
    *(void **)&next_syscall = dlsym(RTLD_NEXT, "syscall");
    *(void **)&next_yield = dlsym(RTLD_NEXT, "sched_yield");
    *(void **)&next_clock = dlsym(RTLD_NEXT, "clock_gettime");
}

// libc's is variadic; a caller cannot tell, for all of these come in registers or on the stack as for that one.
long syscall(long number, long a, long b, long c, long d, long e, long f) {
    int operation = (int)b & FUTEX_CMD_MASK;
    bool is_wait = number == SYS_futex && (operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET);
    bool is_wake = number == SYS_futex && !is_wait;
    atomic_fetch_add(is_wait ? &waits : is_wake ? &wakes : &other_calls, 1);
    if (is_wait) atomic_fetch_add(&asleep, 1);
    long result = next_syscall(number, a, b, c, d, e, f);
    if (is_wait) atomic_fetch_sub(&asleep, 1);
    return result;
}

int sched_yield(void) {
    atomic_fetch_add(&other_calls, 1);
    return next_yield();
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (clock != CLOCK_MONOTONIC) return next_clock(clock, now);
    static _Thread_local long ns = 1000000000;
    clock_reads++;
    if (!clock_is_slow) return next_clock(clock, now);
    ns += 100;
    *now = (struct timespec){ns / 1000000000, ns % 1000000000};
    return 0;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    *memory = aligned_alloc(alignment, size);
    return *memory == NULL ? ENOMEM : 0;
}
