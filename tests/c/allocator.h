// allocator.h: an allocator in front of the C library's that counts, and fails as it is told. For one file of a
// program.
//
// Where a sanitizer is in, it stands in front of the sanitizer's, and is not instrumented: it is called before that is
// ready.

#ifndef TP_TESTS_ALLOCATOR_H
#define TP_TESTS_ALLOCATOR_H

#include "support.h"

#include <dlfcn.h>
#include <stdatomic.h>

#if UNDER_TSAN || UNDER_ASAN
#define REAL(name) __interceptor_##name
#define PLAIN __attribute__((disable_sanitizer_instrumentation))
#else
#define REAL(name) __libc_##name
#define PLAIN
#endif

// The code that called for memory or gave it back.
#define CALLER ((uintptr_t)__builtin_return_address(0))

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *old, size_t size);
void *REAL(memalign)(size_t alignment, size_t size);
void REAL(free)(void *bytes);

// What is allocated, and what of that code between `owner_from` and `owner_to` has asked for itself.
static _Atomic int64_t live;
static _Atomic int64_t owned;
static uintptr_t owner_from;
static uintptr_t owner_to;

// The allocation that fails, counted from 1, and whether those after it do too; 0: none. How many have been asked for
// since, and how many of these have failed.
static _Atomic uint64_t failing;
static bool for_good;
static _Atomic uint64_t asked;
static _Atomic uint64_t failed;

// Or one fails in so many, by chance; 0: none.
static _Atomic uint64_t failing_one_in;

// Called ahead of each allocation and of each free.
static void (*_Atomic ahead)(void);

#if UNDER_TSAN || UNDER_ASAN
// The sanitizer asks for the stack of each thread that starts, and ends the process if there is no memory to tell.
static _Thread_local bool has_memory;

PLAIN int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr) {
    int (*real)(pthread_t, pthread_attr_t *) = NULL;
    has_memory = true;
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_getattr_np");
    int error = real(thread, attr);
    has_memory = false;
    return error;
}
#else
enum { has_memory = false };
#endif

static inline void fail_at(uint64_t at) {
    asked = 0;
    failed = 0;
    failing = at;
}

static inline void fail_one_in(uint64_t one_in) { failing_one_in = one_in; }

PLAIN static bool fails_by_chance(void) {
    uint64_t one_in = failing_one_in;
    if (one_in == 0 || has_memory) return false;
    uint64_t number = atomic_fetch_add(&asked, 1) * UINT64_C(0x9e3779b97f4a7c15);
    return (number >> 32) % one_in == 0;
}

PLAIN static bool is_owner(uintptr_t caller) { return caller - owner_from < owner_to - owner_from; }

PLAIN static void come_ahead(void) {
    void (*call)(void) = ahead;
    if (call != NULL) call();
}

PLAIN static bool fails_now(void) {
    come_ahead();
    uint64_t at = failing;
    if (at == 0 || has_memory) return fails_by_chance();
    uint64_t number = atomic_fetch_add(&asked, 1) + 1;
    bool fails = number == at || (for_good && number > at);
    if (fails) atomic_fetch_add(&failed, 1);
    return fails;
}

PLAIN static void *counted(void *bytes, uintptr_t caller) {
    if (bytes == NULL) errno = ENOMEM;
    if (bytes == NULL) return NULL;
    atomic_fetch_add(&live, 1);
    if (is_owner(caller)) atomic_fetch_add(&owned, 1);
    return bytes;
}

PLAIN static void *aligned(size_t alignment, size_t size, uintptr_t caller) {
    return counted(fails_now() ? NULL : REAL(memalign)(alignment, size), caller);
}

PLAIN void *malloc(size_t size) { return counted(fails_now() ? NULL : REAL(malloc)(size), CALLER); }
PLAIN void *calloc(size_t n, size_t size) { return counted(fails_now() ? NULL : REAL(calloc)(n, size), CALLER); }

PLAIN void *realloc(void *old, size_t size) {
    void *bytes = fails_now() ? NULL : REAL(realloc)(old, size);
    if (old == NULL) return counted(bytes, CALLER);
    if (bytes == NULL) errno = ENOMEM;
    return bytes;
}

PLAIN void *memalign(size_t alignment, size_t size) { return aligned(alignment, size, CALLER); }
PLAIN void *aligned_alloc(size_t alignment, size_t size) { return aligned(alignment, size, CALLER); }

PLAIN int posix_memalign(void **bytes, size_t alignment, size_t size) {
    int before = errno;
    void *got = aligned(alignment, size, CALLER);
    errno = before;
    if (got != NULL) *bytes = got;
    return got != NULL ? 0 : ENOMEM;
}

PLAIN void free(void *bytes) {
    if (bytes == NULL) return;
    come_ahead();
    atomic_fetch_sub(&live, 1);
    if (is_owner(CALLER)) atomic_fetch_sub(&owned, 1);
    REAL(free)(bytes);
}

#endif
