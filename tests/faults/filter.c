// System calls that fail: a filter in the kernel answers for it, for all threads of the process and for good.
//
// These are the calls that the library makes, or the C library for it, seen by strace under the other tests. Left alone
// are those without which nothing can be said of tp:
//
//   futex             the C library ends the process if it does not work, and there is no other way to sleep
//   exit, exit_group  the C library calls them again and again until they end the thread
//   munmap            the C library ends the process where it cannot give a thread's stack back
//   brk               the kernel gives an address in any case, and the C library takes an error for one
//   rseq              the C library ends the process where a thread cannot register
//   rt_sigreturn      not a call that anybody makes: a handler's return
//   write             what tells of a failure here

#include "faults.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

const struct system_call system_calls[] = {
    {"mmap", {SYS_mmap, SYS_mmap}},
    {"mprotect", {SYS_mprotect, SYS_mprotect}},
    {"madvise", {SYS_madvise, SYS_madvise}},
    {"clone3", {SYS_clone3, SYS_clone3}},
    {"clone", {SYS_clone, SYS_clone}},
    {"clone3, clone", {SYS_clone3, SYS_clone}},
    {"set_robust_list", {SYS_set_robust_list, SYS_set_robust_list}},
    {"rt_sigprocmask", {SYS_rt_sigprocmask, SYS_rt_sigprocmask}},
    {"prctl", {SYS_prctl, SYS_prctl}},
    {"sched_getaffinity", {SYS_sched_getaffinity, SYS_sched_getaffinity}},
    {"sched_setaffinity", {SYS_sched_setaffinity, SYS_sched_setaffinity}},
    {"sched_yield", {SYS_sched_yield, SYS_sched_yield}},
    {"clock_nanosleep", {SYS_clock_nanosleep, SYS_clock_nanosleep}},
    {"openat", {SYS_openat, SYS_openat}},
    {"read", {SYS_read, SYS_read}},
    {"close", {SYS_close, SYS_close}},
    {"newfstatat", {SYS_newfstatat, SYS_newfstatat}},
    {"getrandom", {SYS_getrandom, SYS_getrandom}},
};
const size_t system_calls_len = sizeof system_calls / sizeof *system_calls;

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

void filter_install(const struct fault *fault) {
    uint32_t answer = fault->error == 0 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | (uint32_t)fault->error;
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)fault->call->numbers[0], 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)fault->call->numbers[1], 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
}
