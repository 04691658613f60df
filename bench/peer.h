// What a thread pool must offer to take part. Each peer is one file in peers/, linked with the same objects of
// workloads/ into a program of its own. Plain functions, no table: a call costs every peer the same.
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*task_fn)(void *arg);
typedef void *(*value_fn)(void *arg);
typedef void (*group_fn)(void *group, void *arg);
typedef void (*range_fn)(uint64_t lo, uint64_t hi, void *ctx);
typedef void (*gang_fn)(uint32_t rank, uint32_t n, void *ctx);
typedef int (*compare_fn)(const void *x, const void *y, void *ctx);

// What the argument of every task points at: its first field is the task's own function. So a peer that hands one
// pointer to one function, as GLib does, needs no allocation that its users would not need.
struct work {
    task_fn run;
};

// A result on its way. It stays where it is until it has been waited for; what is in it is the peer's affair.
struct future {
    void *room[4];
};

// What is sorted by its key.
struct record {
    uint64_t key;
    uint64_t value;
};

enum ability {
    PEER_POOL,        // a pool that can be made and ended, and whose threads sleep while there is nothing to do
    PEER_KEEP,        // a pool that stands idle, made or not
    PEER_SUBMIT,      // one task from outside, to workers that sleep
    PEER_QUEUE,       // one task from outside, to workers that need not sleep
    PEER_SUBMIT_MANY, // a stream of tasks from one outside thread
    PEER_PRODUCERS,   // the same from several threads
    PEER_SPAWN,       // one task from a task
    PEER_SPAWN_MANY,  // a stream of tasks from a task
    PEER_PENDING,     // any number of tasks that wait
    PEER_FORK,        // a known number of children from a task, which may be over before the call returns

    PEER_FUTURE,          // a result that is waited for by itself, asked for from outside
    PEER_FUTURE_INSIDE,   // the same by tasks, which wait for their own
    PEER_FUTURES_PENDING, // any number of these at a time
    PEER_GROUP,           // tasks that are waited for together, from outside, again and again in one group
    PEER_GROUP_INSIDE,    // the same by tasks, once a group

    // What a crew does, see peer_with_crew.
    PEER_FIB,      // a Fibonacci number, with a fork at every call
    PEER_FIB_LONG, // the same with a hundred million forks, within seconds
    PEER_INVOKE,   // two branches at a time, which may fork in turn
    PEER_LOOP,     // a loop over a range
    PEER_GANG,     // bodies that all run at the same time
    PEER_SORT,     // numbers, and records by a number in them
    PEER_SORT_BY,  // numbers and pointers by a function that compares two
    PEER_IN_ORDER, // in sorts by key or function: equal ones stay in their order
};

// Returns NULL if the peer has it with `workers` workers, otherwise why not.
const char *peer_lacks(enum ability ability, unsigned workers);

// Makes a pool, calls `body(arg)` on the calling thread, and ends the pool. The body sees to it that every task is
// over.
void peer_with_pool(unsigned workers, task_fn body, void *arg);

// Runs `run(arg)` some time later; from outside, on the thread that runs the body or, with PEER_PRODUCERS, any other.
void peer_submit(task_fn run, void *arg);

// The same from within a task.
void peer_spawn(task_fn run, void *arg);

// The same for run(args[0]) to run(args[n - 1]). Where a peer has no call for it, one by one: see one_by_one.c.
void peer_submit_many(task_fn run, void *const *args, size_t n);
void peer_spawn_many(task_fn run, void *const *args, size_t n);

// Of those with PEER_FUTURE: asks for what `run(arg)` returns; waits for it, gives it, and ends the future.
void peer_async(value_fn run, void *arg, struct future *future);
void *peer_await(struct future *future);

// Of those with PEER_GROUP_INSIDE: makes a group, calls `body(group, arg)` on the calling thread, which runs tasks in
// the group, waits for them, and ends the group. With PEER_GROUP a body may wait too, as often as it likes.
void peer_with_group(group_fn body, void *arg);
void peer_group_run(void *group, task_fn run, void *arg);
void peer_group_wait(void *group);

// ---- Fork, join, loops and sorts ----
//
// Each returns when its work is over, and whoever calls it takes part where the peer has it so.

// Makes a pool in which `workers` threads work at a time, calls `body(arg)` on one of them, and ends the pool. A peer
// whose callers take part counts the caller among its workers. What follows is called by the body's thread.
void peer_with_crew(unsigned workers, task_fn body, void *arg);

// The n-th Fibonacci number by adding ones up, in the words that a user of the peer would write.
unsigned long peer_fib(unsigned n);

// How many times a crew of so many does that, all at once: 1, but for threads that know nothing of each other.
unsigned peer_copies(unsigned workers);

// Calls `run(arg)`, which may call peer_invoke, and so may all branches.
void peer_fork_join(task_fn run, void *arg);

// Runs `a(arg_a)` and `b(arg_b)`.
void peer_invoke(task_fn a, void *arg_a, task_fn b, void *arg_b);

// Calls `body(lo, hi, ctx)` for parts of the range from 0 to n, each of at most `grain` items; 0: as the peer likes it.
void peer_for(uint64_t n, uint64_t grain, range_fn body, void *ctx);

// Runs `body(0, n, ctx)` to `body(n - 1, n, ctx)`, which may wait for each other; n is at most that of the workers.
void peer_gang(uint32_t n, gang_fn body, void *ctx);

// Sorts, upwards. `size` is that of an int32_t or of a pointer, and the context of `compare` is NULL.
void peer_sort(int32_t *base, size_t n);
void peer_sort_records(struct record *base, size_t n, bool in_order);
void peer_sort_by(void *base, size_t n, size_t size, compare_fn compare, bool in_order);

#endif
