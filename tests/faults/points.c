// Allocations and threads that fail, and the points at which another thread forks: each allocation and each free, each
// start of a thread and each wait for its end, each futex call and each yield, by whichever thread of the process.

#include "faults.h"
#include "../c/allocator.h"

#include <link.h>
#include <sys/syscall.h>

// The thread that is refused, as `failing` and the others are of allocations.
static _Atomic uint64_t threads_failing;
static bool threads_for_good;
static _Atomic uint64_t threads_asked;
static _Atomic uint64_t threads_failed;

static int (*real_create)(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
static int (*real_join)(pthread_t thread, void **value);
static int (*real_yield)(void);
static long (*real_syscall)(long number, long a, long b, long c, long d, long e, long f);

static bool thread_fails_now(void) {
    uint64_t at = threads_failing;
    if (at == 0) return false;
    uint64_t number = atomic_fetch_add(&threads_asked, 1) + 1;
    bool fails = number == at || (threads_for_good && number > at);
    if (fails) atomic_fetch_add(&threads_failed, 1);
    return fails;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg) {
    come_ahead();
    return thread_fails_now() ? EAGAIN : real_create(thread, attr, run, arg);
}

// ---- Points ------------------------------------------------------------------------------------------------

int pthread_join(pthread_t thread, void **value) {
    come_ahead();
    return real_join(thread, value);
}

int sched_yield(void) {
    come_ahead();
    return real_yield();
}

// The library's futex calls.
long syscall(long number, ...) {
    va_list args;
    long words[6];
    va_start(args, number);
    for (int i = 0; i < 6; i++) words[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_futex) come_ahead();
    return real_syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

// In place of NULL, which clang takes for no function.
static void (*const nobody)(void);

static _Atomic uint64_t fork_at;
static _Atomic uint64_t passed;

static void pass(void) {
    int before = errno;
    if (atomic_fetch_add(&passed, 1) + 1 == fork_at) forker_fork();
    errno = before;
}

static int find_owner(struct dl_phdr_info *object, size_t size, void *address) {
    (void)size;
    uintptr_t from = UINTPTR_MAX;
    uintptr_t to = 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD) continue;
        uintptr_t begin = object->dlpi_addr + part->p_vaddr;
        if (begin < from) from = begin;
        if (begin + part->p_memsz > to) to = begin + part->p_memsz;
    }
    if ((uintptr_t)address < from || (uintptr_t)address >= to) return 0;
    owner_from = from;
    owner_to = to;
    return 1;
}

void points_open(void) {
    *(void **)&real_create = dlsym(RTLD_NEXT, "pthread_create");
    *(void **)&real_join = dlsym(RTLD_NEXT, "pthread_join");
    *(void **)&real_yield = dlsym(RTLD_NEXT, "sched_yield");
    *(void **)&real_syscall = dlsym(RTLD_NEXT, "syscall");
    must(real_create != NULL && real_join != NULL && real_yield != NULL && real_syscall != NULL);
    // What libtp.so itself asks for is counted: this text is in it.
    must(dl_iterate_phdr(find_owner, (void *)(uintptr_t)tp_version()) == 1);
}

void points_arm(struct stage *stage) {
    const struct fault *fault = stage->fault;
    if (fault->kind == ALLOCATIONS) {
        for_good = fault->for_good;
        fail_at(fault->at);
    }
    if (fault->kind == THREADS) {
        threads_for_good = fault->for_good;
        threads_failing = fault->at;
    }
    if (fault->kind == FORKS && fault->at == AT_BEGIN) forker_fork();
    if (fault->kind == FORKS && fault->at != AT_BEGIN && fault->at < AT_CALLBACK) {
        fork_at = fault->at;
        ahead = pass;
    }
}

void points_disarm(struct stage *stage) {
    failing = 0;
    threads_failing = 0;
    ahead = nobody;
    if (stage->fault->kind == ALLOCATIONS) stage->outcome->failures = failed;
    if (stage->fault->kind == THREADS) stage->outcome->failures = threads_failed;
    if (stage->fault->kind == FORKS && stage->fault->at == AT_END) forker_fork();
}

void points_forget(void) { ahead = nobody; }

int64_t allocations_live(void) { return live; }
int64_t allocations_owned(void) { return owned; }
