// faults.h: every failure that can be made to happen is made to happen, in each function of tp.h by itself.
//
// A scenario is one use of a function: what it needs is set up without faults, then the fault is armed, the function
// called, the fault disarmed, and what must hold is checked. Each fault of each scenario has a child process of its
// own, which has not used tp before; its parent tells which one failed or hung, and prints a table of all that was made
// to happen.
//
// There are four kinds of fault. An allocation fails: the first of the call, the second, and so on, alone or with all
// that come after it. A thread cannot be had, likewise. A system call is answered with an error, from the beginning or
// from the call on. And another thread forks: before the call, after it, and at each point within it.

#ifndef TP_TESTS_FAULTS_H
#define TP_TESTS_FAULTS_H

#include "../c/support.h"

#include <stdatomic.h>

// ---- Faults ------------------------------------------------------------------------------------------------

enum kind { ALLOCATIONS, THREADS, SYSTEM_CALLS, FORKS, KINDS };

struct fault {
    enum kind kind;
    // Which point, counted from 1. Of FORKS: see below.
    uint64_t at;
    // Those after it fail as well.
    bool for_good;
    // Of SYSTEM_CALLS: which one, what it answers (0: its caller is killed), and since when.
    const struct system_call *call;
    int error;
    bool from_start;
};

// Just before the call, and just after it; and in the first callback, by the thread that it is called on.
#define AT_BEGIN UINT64_C(0)
#define AT_END UINT64_MAX
#define AT_CALLBACK (UINT64_MAX - 1)

struct system_call {
    const char *name;
    // Both of them fail; mostly there is one.
    long numbers[2];
};

extern const struct system_call system_calls[];
extern const size_t system_calls_len;

// What a child tells its parent, in memory that both have.
struct outcome {
    // How often something was made to fail.
    _Atomic uint64_t failures;
};

// ---- Scenarios ---------------------------------------------------------------------------------------------

// What a scenario works with. What is here in the end is given back by whoever runs it.
struct stage {
    const struct scenario *scenario;
    const struct fault *fault;
    struct outcome *outcome;
    // The call is made in a task of `pool`.
    bool inside;
    // The call has begun, so that what it takes is not the caller's any more.
    _Atomic bool began;
    // All is being given back.
    _Atomic bool ends;
    tp_pool *pool;
    tp_pool *made;
    tp_group *group;
    tp_group *below;
    tp_future *input;
    tp_future *future;
    tp_future *next;
    // Holds a worker while the call is made.
    struct gate gate;
    bool held;
    // One of the pools is the default one.
    bool has_default;
    // Each task that was offered has run, been dropped, or been refused.
    uint64_t offered;
    uint64_t refused;
    _Atomic uint64_t ran;
    _Atomic uint64_t dropped;
    // For whatever else the scenario counts.
    _Atomic uint64_t starts;
    _Atomic uint64_t stops;
    uint64_t number;
    void *value;
};

// Where the call is made.
#define OUTSIDE 1U
#define INSIDE 2U
// What it may give: TP_ENOMEM; TP_EAGAIN; that inside of a task alone, whose worker cannot be replaced; and TP_EINVAL
// where a system call is refused.
#define NO_MEMORY 4U
#define NO_THREAD 8U
#define NO_RESERVE 512U
#define NO_CALL 16U
// What it gives back, and a forked child has no more.
#define TAKES_MADE 32U
#define TAKES_GROUP 64U
#define TAKES_FUTURE 128U
// It is the first of the process.
#define IS_FIRST 256U

struct scenario {
    const char *function;
    const char *how;
    unsigned flags;
    tp_status wanted;
    // Makes the pool, outside.
    void (*begin)(struct stage *stage);
    // Makes the rest, where the call is made. May be NULL, as `begin` and `check`.
    void (*prepare)(struct stage *stage);
    tp_status (*call)(struct stage *stage);
    // After a call that gave `status`.
    void (*check)(struct stage *stage, tp_status status);
};

struct scenarios {
    const struct scenario *first;
    size_t len;
};

extern const struct scenarios pool_scenarios, submit_scenarios, future_scenarios, group_scenarios, parallel_scenarios,
    inside_scenarios;

// ---- For scenarios -----------------------------------------------------------------------------------------

// What is set up has no faults, but for system calls that fail from the beginning: these may end the scenario here.
void granted(tp_status status);

tp_pool *stage_pool(tp_options options);
void has_pool(struct stage *stage, uint32_t threads);
// One worker, which a call from outside finds held, so that nothing is taken from the queues.
void has_held_pool(struct stage *stage);
void hold(struct stage *stage);
void has_default_pool(struct stage *stage);
// Likewise, with a limit on its queue.
void has_limited_pool(struct stage *stage, int32_t when_full);
// Besides another pool, which has one worker.
void has_two_pools(struct stage *stage);
void has_group(struct stage *stage);

// Each callback comes by here: it may have to fork. Those that have no stage take the one there is.
void callback(struct stage *stage);
struct stage *stage_now(void);

// Tasks that are counted.
void runs(void *stage);
void *runs_async(void *stage);
void *follows(void *value, void *stage);
void drops(void *stage, tp_status why);
// Offers a task: counts it, and again if it is refused.
tp_status offered(struct stage *stage, tp_status status);

// ---- What the parts are to each other ----------------------------------------------------------------------

// run.c: how a child ended, and what it wrote to standard error.
struct ending {
    bool hung;
    int status;
    char text[4000];
};

struct ending run_child(void (*body)(void *), void *arg, unsigned seconds);
bool ended_well(const struct ending *ending);
void print_ending(const struct ending *ending);
// Plays a scenario in a child; true if all held.
bool run_fault(const struct scenario *scenario, bool inside, const struct fault *fault, struct outcome *outcome);
bool has_failed(void);
// So much that nothing more is to be learned.
bool has_failed_enough(void);
void print_fault(const struct scenario *scenario, bool inside, const struct fault *fault);

// points.c: allocations, threads, and the points in between.
void points_open(void);
void points_arm(struct stage *stage);
void points_disarm(struct stage *stage);
void points_forget(void);
int64_t allocations_live(void);
int64_t allocations_owned(void);

// filter.c: system calls. Not everywhere can they be made to fail.
void filter_install(const struct fault *fault);
bool filters_are_there(void);

// forks.c: another thread that forks.
void forker_start(struct stage *stage);
void forker_fork(void);
void forker_end(void);
void child_checks(struct stage *stage);
void child_works(void);
bool child_ended_well(pid_t pid);

// storm.c: forks while all is busy.
bool storm(bool has_filters);

#endif
