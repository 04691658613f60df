// What a thread pool must offer to take part. Each peer is one file in peers/, linked with the same objects of
// workloads/ into a program of its own. Plain functions, no table: a call costs every peer the same.
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stddef.h>

typedef void (*task_fn)(void *arg);
typedef void *(*value_fn)(void *arg);
typedef void (*group_fn)(void *group, void *arg);

// What the argument of every task points at: its first field is the task's own function. So a peer that hands one
// pointer to one function, as GLib does, needs no allocation that its users would not need.
struct work {
    task_fn run;
};

// A result on its way. It stays where it is until it has been waited for; what is in it is the peer's affair.
struct future {
    void *room[4];
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

#endif
