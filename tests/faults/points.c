// Allocations and threads that fail, and the points at which another thread forks: each allocation, each free and each
// start of a thread, by whichever thread of the process.

#include "faults.h"
#include "../c/allocator.h"

#include <link.h>

// The thread that is refused, as `failing` and the others are of allocations.
static _Atomic uint64_t threads_failing;
static bool threads_for_good;
static _Atomic uint64_t threads_asked;
static _Atomic uint64_t threads_failed;

typedef int create_fn(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
static create_fn *real_create;

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
    must(real_create != NULL);
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
    if (fault->kind == FORKS && fault->at != AT_BEGIN && fault->at != AT_END) {
        fork_at = fault->at;
        ahead = pass;
    }
}

void points_disarm(struct stage *stage) {
    failing = 0;
    threads_failing = 0;
    ahead = NULL;
    if (stage->fault->kind == ALLOCATIONS) stage->outcome->failures = failed;
    if (stage->fault->kind == THREADS) stage->outcome->failures = threads_failed;
    if (stage->fault->kind == FORKS && stage->fault->at == AT_END) forker_fork();
}

void points_forget(void) { ahead = NULL; }

int64_t allocations_live(void) { return live; }
int64_t allocations_owned(void) { return owned; }
