// step: sets the processor's trap flag, which raises SIGTRAP after each instruction; the handler looks at the next one.
//
// Exact where a system's counters are not: interrupts, other threads and the processor's own guesses leave no trace.
// The thread is a thousand times slower meanwhile; the others are not. x86-64 Linux.

#define _GNU_SOURCE
#include "step.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifndef __x86_64__
#error "Only x86-64 can be stepped here"
#endif

struct steps steps;

// ---- One instruction ---------------------------------------------------------------------------------------

enum kind { PLAIN, LOCKED, SYSTEM_CALL };

static enum kind kind_of(const uint8_t *code) {
    bool has_f3 = false;
    for (;; code++) {
        if (*code == 0xf0) return LOCKED;
        has_f3 |= *code == 0xf3;
        bool is_prefix = memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf2\xf3", *code, 10) != NULL;
        if (!is_prefix && (*code & 0xf0) != 0x40) break;
    }
    if (code[0] == 0x0f && code[1] == 0x05) return SYSTEM_CALL;
    bool is_exchange = (code[0] == 0x86 || code[0] == 0x87) && code[1] < 0xc0;
    bool is_mfence = code[0] == 0x0f && code[1] == 0xae && code[2] >= 0xf0 && code[2] <= 0xf7 && !has_f3;
    return is_exchange || is_mfence ? LOCKED : PLAIN;
}

// ---- Where the locked ones are -----------------------------------------------------------------------------

enum { SITES = 256 };

static struct {
    const void *address;
    long times;
} sites[SITES];

static void add_site(const void *address) {
    for (size_t i = 0; i < SITES; i++) {
        if (sites[i].times != 0 && sites[i].address != address) continue;
        sites[i].address = address;
        sites[i].times++;
        return;
    }
}

void list_locked(void) {
    for (size_t i = 0; i < SITES && sites[i].times != 0; i++) {
        Dl_info object = {.dli_fname = "?"};
        dladdr(sites[i].address, &object);
        long offset = (const char *)sites[i].address - (const char *)object.dli_fbase;
        fprintf(stderr, "%8ld at %#lx in %s\n", sites[i].times, offset, object.dli_fname);
    }
}

// ---- Steps -------------------------------------------------------------------------------------------------

static const uint8_t *last;
static enum kind last_kind;

static void look(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)info;
    const uint8_t *next = (const uint8_t *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    // An instruction that repeats itself traps each time. The one after a system call may not.
    bool is_counted = (uintptr_t)next >> 32 != 0 && next != last;
    if (last_kind == SYSTEM_CALL && next != last + 2) steps.instructions++;
    enum kind kind = is_counted ? kind_of(next) : PLAIN;
    last = next;
    last_kind = kind;
    if (!is_counted) return;
    steps.instructions++;
    steps.system_calls += kind == SYSTEM_CALL;
    steps.locked += kind == LOCKED;
    if (kind == LOCKED) add_site(next);
}

static const unsigned long long TRAP_FLAG = 1 << 8;

void step_begin(void) {
    struct sigaction action = {.sa_sigaction = look, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &action, NULL);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | TRAP_FLAG);
}

void step_end(void) { __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~TRAP_FLAG); }

// ---- A proof that it counts --------------------------------------------------------------------------------

bool step_is_right(void) {
    static const uint8_t code[] = {
        0xf0, 0xff, 0x07,             // lock inc dword [rdi]: locked
        0x87, 0x07,                   // xchg [rdi], eax: locked
        0x87, 0xc0,                   // xchg eax, eax
        0x0f, 0xae, 0xf0,             // mfence: locked
        0x0f, 0xae, 0xe8,             // lfence
        0xf0, 0x83, 0x0c, 0x24, 0x00, // lock or dword [rsp], 0: locked
        0xb8, 0x27, 0x00, 0x00, 0x00, // mov eax, 39: getpid
        0x0f, 0x05,                   // syscall
        0x90,                         // nop
        0xc3,                         // ret
    };
    void *page = mmap(NULL, sizeof code, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return false;
    memcpy(page, code, sizeof code);
    if (mprotect(page, sizeof code, PROT_READ | PROT_EXEC) != 0) return false;
    void (*known)(int *) = NULL;
    memcpy(&known, &page, sizeof known);
    int word = 0;
    step_begin();
    known(&word);
    step_end();
    bool is_right = steps.instructions == 10 && steps.locked == 4 && steps.system_calls == 1;
    munmap(page, sizeof code);
    memset(&steps, 0, sizeof steps);
    memset(sites, 0, sizeof sites);
    return is_right;
}
