// tp.h: a work-stealing thread pool for every program that can call C.
//
// A pool is a fixed number of worker threads and the queues that feed them. You hand it a task, which is a
// function and one pointer; a worker calls the function, some time soon. The whole of it in ten lines:
//
//     #include <stdio.h>
//     #include <tp.h>
//
//     static void greet(void *name) { printf("hello, %s\n", (const char *)name); }
//
//     int main(void) {
//         tp_pool *pool = tp_default();
//         tp_status status = tp_submit(pool, greet, "world");
//         if (status == TP_OK) status = tp_wait(pool, TP_FOREVER);
//         return status == TP_OK ? 0 : 1;
//     }
//
// The rules that hold for every function below:
//
//   - A function that can fail returns a tp_status: TP_OK is 0, every error is negative. Where several errors
//     hold, TP_EINVAL comes first, then TP_EFORKED, TP_EDEADLK, TP_ESHUTDOWN, then the others. errno is left as
//     it was. Nothing is ever printed, but for one line before an abort.
//   - A task is accepted or refused. A refused one took nothing: its argument is still the caller's. An accepted
//     one ends in exactly one way: it runs, or its `drop` function (see tp_task_options) is called in its place.
//   - A handle is NULL or alive for as long as a call that uses it lasts. NULL where a handle is needed gives
//     TP_EINVAL; every destroy takes NULL and does nothing.
//   - A wait ends with `timeout_ns`, in nanoseconds from now on the monotonic clock: TP_FOREVER waits for as long
//     as it takes, 0 looks once and returns.
//   - A struct that you fill in starts with its own size: begin with TP_OPTIONS_INIT or TP_TASK_OPTIONS_INIT, or
//     with tp_options_init or tp_task_options_init where macros do not reach. Fields that are 0 mean the default.
//   - All that a thread did before a submit is visible to the task; all that a task did is visible to whoever
//     waited for it.
//   - Tasks that one thread submitted leave the queue in the order of submission, and a pool of one worker starts them
//     exactly so. A task may wait for an earlier task of the thread that submitted it; but one that is waited for
//     inside a task may be started there, ahead of those, and must then wait for none of them. No task starves: while
//     it waits, each worker starts at most 512 * threads * (1 + tasks ahead of it) later ones, beside those it holds.
//   - A callback that lets a C++ exception or pthread_exit escape ends the process, with a message on standard error.
//   - In a child of fork(), the parent's pools answer TP_EFORKED; tp_default() gives a new pool there. Where a task
//     forks, the child ends by _exit or exec. After vfork() or _Fork(), which tell nobody, those two are all that it
//     may call.
//   - Workers block the signals that ask for a handler: the program's other threads get those. A program that a task
//     starts inherits that; an empty set, by posix_spawnattr_setsigmask, or by pthread_sigmask before exec, undoes it.
//     What a task changes of its own mask lasts, at most, until its worker has nothing to do.
//   - ThreadSanitizer in a program is told what tp orders: a submit, a wait, a loop are no race to it.
//   - No function may be called from a signal handler.
//
// What may be called where ("inside": in a task, hook or drop function of that same pool):
//
//     function                                          any thread    inside
//     tp_submit, tp_submit_batch, tp_submit_with        yes           yes
//     tp_queued, tp_thread_count, tp_current,
//       tp_default, tp_worker_index, tp_create          yes           yes
//     tp_resize, tp_pause, tp_resume                    yes           yes
//     tp_async, tp_future_*, tp_group_*                 yes           yes, but waits for what this thread's stack
//                                                                     stands in: TP_EDEADLK
//     tp_cancelled, tp_blocking_begin, tp_blocking_end  yes           yes
//     tp_wait, tp_shutdown, tp_destroy                  yes           TP_EDEADLK

#ifndef TP_H
#define TP_H

#include <stddef.h>
#include <stdint.h>

// The version of this header; tp_version() is that of the library.
#define TP_VERSION_MAJOR 0
#define TP_VERSION_MINOR 1
#define TP_VERSION_PATCH 0
#define TP_VERSION "0.1.0"

// Waits for as long as it takes, where a `timeout_ns` is asked for.
#define TP_FOREVER UINT64_MAX

// A compiler that can warns where the result of such a function is not used.
#if defined(__cplusplus) && __cplusplus >= 201703L
#define TP_MUST_USE [[nodiscard]]
#elif defined(__GNUC__)
#define TP_MUST_USE __attribute__((warn_unused_result))
#else
#define TP_MUST_USE
#endif

// Initial values: `tp_options options = TP_OPTIONS_INIT;`
#define TP_OPTIONS_INIT {sizeof(tp_options), 0, 0, NULL, 0, NULL, 0, NULL, NULL, NULL, 0, 0, 0}
#define TP_TASK_OPTIONS_INIT {sizeof(tp_task_options), NULL, 0, 0, NULL}

#ifdef __cplusplus
extern "C" {
#endif

// ---- Status ----------------------------------------------------------------------------------------------
//
// What a call says when it returns. A tp_status is a plain number, so that a caller of any language may pass and
// compare it.

// The result of a call: TP_OK, or one of the errors below.
typedef int32_t tp_status;

// The call did what it says.
#define TP_OK 0

// An argument is not one that the function takes: a NULL where something is needed, a number out of range.
#define TP_EINVAL (-1)

// Memory could not be had. Nothing was changed.
#define TP_ENOMEM (-2)

// A thread could not be had from the system.
#define TP_EAGAIN (-3)

// The pool has been shut down.
#define TP_ESHUTDOWN (-4)

// The queue is at its capacity.
#define TP_EFULL (-5)

// The time given was over first. The thing waited for goes on.
#define TP_ETIMEDOUT (-6)

// The thing was cancelled.
#define TP_ECANCELED (-7)

// The call, made from inside a task of this pool, would wait for that task itself.
#define TP_EDEADLK (-8)

// The pool belongs to the process that this one was forked from.
#define TP_EFORKED (-9)

// The thing is in use.
#define TP_EBUSY (-10)

// The function does not do this for this object.
#define TP_ENOTSUP (-11)

// Returns the name of `status` and what it means, for messages: "TP_EINVAL: invalid argument".
//
// The string is static, also for a number that is no status. May be called from any thread.
TP_MUST_USE const char *tp_status_string(tp_status status);

// Returns the version of the library, for example "0.1.0". The string is static. May be called from any thread.
TP_MUST_USE const char *tp_version(void);

// ---- Pool ------------------------------------------------------------------------------------------------
//
// A pool owns its worker threads. Most programs want one for as long as they run: tp_default(). A pool of your own
// has options: how many workers, on which CPUs, what a full queue does.

// Submits wait until there is room. Inside a task of the same pool they fail with TP_EFULL instead.
#define TP_FULL_BLOCK 0

// Submits fail with TP_EFULL.
#define TP_FULL_FAIL 1

// Submits run the task themselves before they return, also while the pool is paused. It runs ahead of what is queued,
// so it must not wait for that.
#define TP_FULL_RUN_IN_CALLER 2

// Submits evict the task that has been queued longest: its `drop` gets TP_EFULL on the submitting thread.
#define TP_FULL_DROP_OLDEST 3

// No reserve workers: a value of tp_options.max_reserve.
#define TP_NO_RESERVE 4294967295

// tp_shutdown: run what was accepted.
#define TP_DRAIN 0

// tp_shutdown: drop what has not started.
#define TP_DISCARD 1

// A thread pool.
typedef struct tp_pool tp_pool;

// How a pool is made. Begin with TP_OPTIONS_INIT; a field that is 0 or NULL means the default.
//
// Everything is copied: the struct, its name and its CPUs may go once tp_create has returned.
typedef struct {
    // sizeof(tp_options). A struct of a later version is taken if what this library does not know of it is 0.
    size_t struct_size;
    // Worker threads, 4096 at most. 0: the number that TP_NUM_THREADS in the environment gives; without it,
    // one per CPU that `cpus` or the calling thread's affinity names, no more than the cgroup's CPU quota, rounded up.
    uint32_t threads;
    // Reserve workers, which stand in for workers that wait inside a task; 4096 at most. 0: 256. TP_NO_RESERVE: none.
    uint32_t max_reserve;
    // The threads are called this, a dash and their index, as far as 15 bytes reach. NULL: "tp".
    const char *name;
    // Bytes of stack of each worker. 0: the system's default.
    size_t stack_size;
    // The CPUs that the workers may run on, by the system's number; NULL: wherever the creating thread may.
    const uint32_t *cpus;
    // How many there are at `cpus`.
    size_t cpus_len;
    // Called on each worker before its first task. It counts as a task: it may submit, and tp_wait waits for it.
    void (*on_start)(void *ctx, uint32_t worker);
    // Called on each worker after its last task. What it submits is refused with TP_ESHUTDOWN once the pool shuts down.
    void (*on_stop)(void *ctx, uint32_t worker);
    // The first argument of both. It stays the caller's, and must live until the pool is destroyed.
    void *hook_ctx;
    // The most tasks that may be queued at a time, those that run left out. 0: no limit.
    uint64_t capacity;
    // What a submit does when `capacity` tasks are queued: one of TP_FULL_*. 0: TP_FULL_BLOCK.
    int32_t when_full;
    // 0.
    uint32_t reserved;
} tp_options;

// Sets the first `struct_size` bytes of `options` to the defaults, as TP_OPTIONS_INIT does. For callers that no
// macro reaches; C writes `tp_options_init(&options, sizeof options)`.
//
// Returns TP_EINVAL if `options` is NULL, or if `struct_size` is below that of this library's first version or
// above 4096. May be called from any thread.
tp_status tp_options_init(tp_options *options, size_t struct_size);

// Makes a pool and starts its workers.
//
// The pool is the caller's until tp_destroy. `options` may be NULL: all defaults. May be called from any thread, tasks
// included.
// Returns TP_EINVAL if `pool` is NULL, or if a field of `options` is out of its range, names a CPU that is not there,
// or gives a stack that the system finds too small; TP_EAGAIN if the system refuses a thread, TP_ENOMEM if memory
// cannot be had. On any error nothing is left behind and `*pool` is NULL.
TP_MUST_USE tp_status tp_create(const tp_options *options, tp_pool **pool);

// Runs every task that was accepted, ends the workers, and frees the pool. NULL is taken.
//
// The handle is dead afterwards; no other call may be using it. Not limited in time: tp_shutdown before it is. May be
// called from any thread but one of the pool's own. In a child of fork() the parent's pool is freed, and nothing runs.
// Returns TP_EDEADLK inside a task of this pool, TP_ENOTSUP for tp_default().
tp_status tp_destroy(tp_pool *pool);

// Takes no more tasks, brings what was accepted to its end, and ends the workers. The handle stays: destroy it.
//
// With TP_DRAIN, what is queued runs; submits from outside give TP_ESHUTDOWN, those of a task are accepted until
// nothing is left. With TP_DISCARD all submits give TP_ESHUTDOWN, what is queued is dropped with TP_ESHUTDOWN, and
// what runs is waited for. A paused pool resumes. May be called again: after a time-out to go on waiting, or to turn
// a drain into a discard. May be called from any thread.
// Returns TP_EINVAL if `pool` is NULL or `mode` unknown, TP_EFORKED, TP_EDEADLK inside a task of this pool,
// TP_ETIMEDOUT if `timeout_ns` was over before the last worker had ended (it goes on), TP_ENOTSUP for tp_default().
tp_status tp_shutdown(tp_pool *pool, int32_t mode, uint64_t timeout_ns);

// Returns the pool of the whole process, made at the first call, with all defaults and never destroyed.
//
// Never NULL. Its threads start at the first submit, which gives TP_EAGAIN or TP_ENOMEM where they cannot, and may be
// tried again. It ends with the process: nothing waits for its tasks at exit. In a child of fork() call it again. May
// be called from any thread.
TP_MUST_USE tp_pool *tp_default(void);

// Returns how many workers `pool` has, or will have once its threads start; reserve workers are not counted.
//
// 0 if `pool` is NULL or the parent process's. May be called from any thread.
TP_MUST_USE uint32_t tp_thread_count(const tp_pool *pool);

// Returns how many tasks are queued: accepted, and not yet started.
//
// A snapshot, exact when nothing else uses the pool. 0 if `pool` is NULL or the parent process's. May be called from
// any thread.
TP_MUST_USE uint64_t tp_queued(const tp_pool *pool);

// Changes the number of workers to `threads`, 1 to 4096.
//
// More workers have started when it returns. Workers too many take no more from the queue and end when they have run
// what they took; nothing waits for that. May be called from any thread, tasks included.
// Returns TP_EINVAL if `pool` is NULL or `threads` out of range, TP_EFORKED, TP_ESHUTDOWN after tp_shutdown; TP_EAGAIN
// or TP_ENOMEM if a thread or memory cannot be had, and then the number is what it was.
tp_status tp_resize(tp_pool *pool, uint32_t threads);

// Starts no further task until tp_resume: running tasks go on, submits are accepted and queued.
//
// Pauses do not add up: one resume ends them. May be called from any thread, tasks included.
// Returns TP_EINVAL if `pool` is NULL, TP_EFORKED, TP_ESHUTDOWN after tp_shutdown.
tp_status tp_pause(tp_pool *pool);

// Starts tasks again after tp_pause; a pool that is not paused stays as it is.
//
// May be called from any thread, tasks included.
// Returns TP_EINVAL if `pool` is NULL, TP_EFORKED, TP_ESHUTDOWN after tp_shutdown.
tp_status tp_resume(tp_pool *pool);

// ---- Submit ----------------------------------------------------------------------------------------------
//
// A task is a function and one pointer. What the pointer points at is yours: the pool passes it on and never looks.

// Ahead of the others; but of 64 tasks in a row that a worker starts, one is of each priority that has any.
#define TP_PRIORITY_HIGH 1

// After the others, but for that one in 64.
#define TP_PRIORITY_LOW (-1)

// The priority of most tasks.
#define TP_PRIORITY_NORMAL 0

// What is called in place of an accepted task that will not run, with the pointer that it was submitted with. `why`
// is TP_ECANCELED, TP_ESHUTDOWN (tp_shutdown with TP_DISCARD) or TP_EFULL (evicted by TP_FULL_DROP_OLDEST). It is
// called on the thread that cancels, shuts down or evicts, or on a worker.
typedef void (*tp_drop_fn)(void *arg, tp_status why);

// What a task may have beside its function and pointer. Begin with TP_TASK_OPTIONS_INIT.
typedef struct {
    // sizeof(tp_task_options). A struct of a later version is taken if what this library does not know of it is 0.
    size_t struct_size;
    // A name for messages about the task, copied as far as 31 bytes reach. NULL: none.
    const char *name;
    // TP_PRIORITY_HIGH, TP_PRIORITY_NORMAL or TP_PRIORITY_LOW: what goes first of all that has not started.
    int32_t priority;
    // 0.
    uint32_t reserved;
    // Called if the task is accepted and does not run, to free what `arg` owns. NULL: nothing is called.
    tp_drop_fn drop;
} tp_task_options;

// What a task runs, with the pointer that it was submitted with.
typedef void (*tp_task_fn)(void *arg);

// Sets the first `struct_size` bytes of `options` to the defaults, as TP_TASK_OPTIONS_INIT does.
//
// Returns TP_EINVAL if `options` is NULL, or if `struct_size` is below that of this library's first version or
// above 4096. May be called from any thread.
tp_status tp_task_options_init(tp_task_options *options, size_t struct_size);

// Runs `run(arg)` on a worker of `pool`, some time later.
//
// On any error `arg` is still the caller's. May be called from any thread, tasks included.
// Returns TP_EINVAL if `pool` or `run` is NULL, TP_EFORKED, TP_ESHUTDOWN after tp_shutdown, TP_EFULL if the queue is at
// its capacity and the pool's `when_full` says so, TP_ENOMEM if the queue cannot grow; TP_EAGAIN if this is the first
// submit to tp_default() and no thread can be had.
tp_status tp_submit(tp_pool *pool, tp_task_fn run, void *arg);

// Submits `n` tasks, `run(args[0])` to `run(args[n - 1])`, in that order, at less cost than one by one.
//
// The first `*taken` of them were accepted, also when an error is returned: the others are still the caller's.
// `taken` may be NULL. `args` itself may go once this has returned. May be called from any thread, tasks included.
// Returns TP_EINVAL if `pool` or `run` is NULL, or `args` is and `n` is not 0; the other errors are tp_submit's.
tp_status tp_submit_batch(tp_pool *pool, tp_task_fn run, void *const *args, size_t n, size_t *taken);

// Runs `run(arg)` as tp_submit does, with a name, a priority and a function for the case that it does not run.
//
// `options` may be NULL; it may go once this has returned. On any error `arg` is still the caller's, and `drop` is not
// called. May be called from any thread, tasks included.
// Returns TP_EINVAL if `pool` or `run` is NULL or a field of `options` is out of its range; the other errors are
// tp_submit's.
tp_status tp_submit_with(tp_pool *pool, tp_task_fn run, void *arg, const tp_task_options *options);

// ---- Wait ------------------------------------------------------------------------------------------------
//
// For the pool as a whole, from outside it. A part of the work is waited for by its future or its group.

// Waits until the pool is quiet: returns once, after the call began, nothing accepted was queued or running, children
// that tasks submitted included.
//
// May be called from any thread, by several at once, and as often as you like. Where other threads go on
// submitting, one quiet moment is enough.
// Returns TP_EINVAL if `pool` is NULL, TP_EFORKED, TP_EDEADLK inside a task of this pool, TP_ETIMEDOUT if `timeout_ns`
// was over first; TP_EAGAIN in a task of another pool as tp_future_wait does.
tp_status tp_wait(tp_pool *pool, uint64_t timeout_ns);

// ---- Result ----------------------------------------------------------------------------------------------
//
// A future is a task's result on its way, or a value that somebody gives by hand. Wait for it from anywhere: a
// wait inside a task runs what it waits for there and then if nobody has started it, never anything else; if there
// is nothing to run the worker parks and a reserve worker takes its place.
//
//     tp_future *future;
//     tp_async(pool, render, page, &future);              // void *render(void *page)
//     void *image; tp_future_wait(future, TP_FOREVER, &image); tp_future_release(future);
//
// A future has one handle, which its maker releases. It may outlive its pool.

// Not started.
#define TP_FUTURE_PENDING 0

// A thread runs it.
#define TP_FUTURE_RUNNING 1

// It has a value.
#define TP_FUTURE_DONE 2

// It will never have one.
#define TP_FUTURE_CANCELED 3

// A handle. See tp_async.
typedef struct tp_future tp_future;

// What a task with a result runs.
typedef void *(*tp_async_fn)(void *arg);

// What runs with the result of another.
typedef void *(*tp_then_fn)(void *value, void *arg);

// Runs `run(arg)` on a worker of `pool` and makes a future of what it returns.
//
// The caller releases the future with tp_future_release, when it likes: the task runs all the same. On any error
// `*future` is untouched. May be called from any thread, tasks included.
// Returns TP_EINVAL if an argument other than `arg` is NULL; the other errors are tp_submit's.
tp_status tp_async(tp_pool *pool, tp_async_fn run, void *arg, tp_future **future);

// The same with a name, a priority, and a function that is called in place of `run` if the task is cancelled.
//
// `options` may be NULL; it may go once this has returned.
// Returns TP_EINVAL if an argument other than `arg` and `options` is NULL or a field of `options` is out of its
// range; the other errors are tp_submit_with's.
tp_status tp_async_with(tp_pool *pool, tp_async_fn run, void *arg, const tp_task_options *options, tp_future **future);

// Makes a future that tp_future_complete gives its value.
//
// Returns TP_EINVAL if `future` is NULL, TP_ENOMEM. May be called from any thread.
tp_status tp_future_create(tp_future **future);

// Gives a future that was made by tp_future_create its value, and wakes all who wait.
//
// What `value` points at is passed on, and never looked at. May be called from any thread.
// Returns TP_EINVAL if `future` is NULL or a task's, TP_EFORKED, TP_EBUSY if it has a value already or was
// cancelled.
tp_status tp_future_complete(tp_future *future, void *value);

// Waits until the future has a value, and stores it in `*value`, which may be NULL.
//
// Inside a task it runs what it waits for on this stack if that has not started, and nothing else. May be called
// by many threads at once, and again and again.
// Returns TP_ECANCELED, and stores NULL, if it was cancelled before it started; TP_EINVAL if `future` is NULL,
// TP_EFORKED; TP_EDEADLK if the task that is waited for is on this thread's stack; TP_ETIMEDOUT if `timeout_ns`
// was over first; TP_EAGAIN in a task if it would have to park, no reserve worker can be had and nobody else of
// its pool can run: then what was waited for is still to come.
tp_status tp_future_wait(tp_future *future, uint64_t timeout_ns, void **value);

// Waits until one of `n` futures has a value or is cancelled, and stores which in `*index`, which may be NULL: the
// first in the array if several have.
//
// Otherwise as tp_future_wait, whose value then comes at once.
// Returns TP_EINVAL if `futures` or one of them is NULL or `n` is 0, TP_EFORKED, TP_ETIMEDOUT, TP_EAGAIN,
// TP_ENOMEM; TP_EDEADLK if all of them are on this thread's stack.
tp_status tp_future_wait_any(tp_future *const *futures, size_t n, uint64_t timeout_ns, size_t *index);

// Makes a future of what `run(value, arg)` returns on a worker of `pool`, once `future` has a value.
//
// `future` may be of another pool. If it is cancelled so is the new one, and if `pool` comes to its end before. The
// caller releases both, in any order. A limit on the pool's queue does not count it. May be called from any thread.
// On any error `*next` is untouched.
// Returns TP_EINVAL if an argument other than `arg` is NULL, TP_EFORKED, TP_ESHUTDOWN, TP_ENOMEM.
tp_status tp_future_then(tp_pool *pool, tp_future *future, tp_then_fn run, void *arg, tp_future **next);

// Sees to it that the task does not run, or asks it to stop.
//
// Returns TP_OK if it will never run: its `drop` function has been called on this thread, or is being called on
// the one that cancelled it first. TP_EBUSY if it runs, where tp_cancelled() is true from now on, or has run.
// TP_EINVAL if `future` is NULL, TP_EFORKED. May be called from any thread.
tp_status tp_future_cancel(tp_future *future);

// Returns TP_FUTURE_PENDING, TP_FUTURE_RUNNING, TP_FUTURE_DONE or TP_FUTURE_CANCELED; TP_EINVAL if `future` is
// NULL, TP_EFORKED. May be called from any thread.
TP_MUST_USE int32_t tp_future_state(const tp_future *future);

// Gives the handle back; NULL is ignored. The task goes on, and its value is lost.
//
// Not while another thread uses the handle, nor twice. May be called from any thread.
void tp_future_release(tp_future *future);

// ---- Group -----------------------------------------------------------------------------------------------
//
// Tasks that are waited for, and cancelled, together. Tasks submit into their own group as they like: it is empty
// when all have ended. A wait inside a task runs the group's tasks on that stack, and never anything else.
//
//     tp_group *group; tp_group_create(pool, NULL, &group);
//     for (size_t i = 0; i < n; i++) tp_group_submit(group, resize, images[i]);
//     tp_group_wait(group, TP_FOREVER); tp_group_destroy(group);
//
// Groups form trees: a parent counts its children's tasks, and cancels them too. A group may outlive its pool,
// whose end then answers its submits with TP_ESHUTDOWN.

// A handle. See tp_group_create.
typedef struct tp_group tp_group;

// Makes an empty group of tasks of `pool`, below `parent`, which may be NULL.
//
// The caller destroys it, before its parent. May be called from any thread.
// Returns TP_EINVAL if `pool` or `group` is NULL or `parent` is of another pool, TP_EFORKED, TP_ESHUTDOWN if the pool
// of `parent` is gone, TP_ENOMEM.
tp_status tp_group_create(tp_pool *pool, tp_group *parent, tp_group **group);

// Runs `run(arg)` on a worker of the group's pool, as a task of the group.
//
// On any error `arg` is still the caller's. May be called from any thread, the group's own tasks included.
// Returns TP_EINVAL if `group` or `run` is NULL; TP_ECANCELED after tp_group_cancel until the group is empty, and
// likewise after that of a group above; TP_ESHUTDOWN if the pool is gone; the other errors are tp_submit's.
tp_status tp_group_submit(tp_group *group, tp_task_fn run, void *arg);

// The same with a name, a priority, and a function that is called in place of `run` if the task is cancelled.
//
// `options` may be NULL; it may go once this has returned.
// Returns TP_EINVAL also if a field of `options` is out of its range; the other errors are tp_group_submit's and
// tp_submit_with's.
tp_status tp_group_submit_with(tp_group *group, tp_task_fn run, void *arg, const tp_task_options *options);

// Waits until the group is empty: returns once, after the call began, none of its tasks and of those below was
// queued or running, cancelled or not.
//
// Inside a task it runs the group's tasks on this stack, and nothing else. May be called by many threads at once.
// Once it has returned, the group may be destroyed.
// Returns TP_EINVAL if `group` is NULL, TP_EFORKED; TP_EDEADLK in a task of this group or of one below;
// TP_ETIMEDOUT if `timeout_ns` was over first; TP_EAGAIN in a task if it would have to park, no reserve worker can
// be had and nobody else of its pool can run: then the group's tasks are still to come, and what they use must
// live on.
tp_status tp_group_wait(tp_group *group, uint64_t timeout_ns);

// Submits `run(arg)` to the pool when the group next empties, once; at once if it is empty.
//
// That task is no member of the group, and may submit into it. A limit on the pool's queue does not count it. A
// pool that discards its tasks does not run it. May be called from any thread.
// Returns TP_EINVAL if `group` or `run` is NULL, TP_EFORKED, TP_ESHUTDOWN, TP_ENOMEM.
tp_status tp_group_notify(tp_group *group, tp_task_fn run, void *arg);

// Drops the tasks of the group, and of those below, that have not started, and asks those that run to stop:
// tp_cancelled() is true there.
//
// The drop functions are called on this thread. Until the group is empty it refuses tasks; then it is as new. An
// empty group is left as it is. May be called from any thread, the group's own tasks included.
// Returns TP_EINVAL if `group` is NULL, TP_EFORKED.
tp_status tp_group_cancel(tp_group *group);

// Returns how many tasks of the group, and of those below, are queued or running; 0 if `group` is NULL or of a
// process that forked. May be called from any thread.
TP_MUST_USE uint64_t tp_group_count(const tp_group *group);

// Frees the group; NULL is ignored.
//
// Not while another thread uses it. May be called from any thread.
// Returns TP_EBUSY, and does nothing, if it has tasks, groups below it, or somebody who waits.
tp_status tp_group_destroy(tp_group *group);

// ---- Fork-join and loops ---------------------------------------------------------------------------------
//
// Calls whose parts run on whoever is free. The caller takes part, and returns when all is done: data may live on
// its stack, and no call allocates once it has been as deep before. They may be called from any thread, several at
// once and inside one another; depth is limited by the stack alone.
//
//     void row(uint64_t lo, uint64_t hi, void *image) { for (; lo < hi; lo++) draw(image, lo); }
//     status = tp_parallel_for(pool, 0, height, 0, row, image);    // rows 0 to height - 1, on all CPUs
//
// Bodies and branches count as in a task of the pool, on any thread: its waits, its cancel flag and what it must
// not wait for are the caller's. While the caller waits for what others run, its thread runs nothing but parts of
// that. No limit on the queue counts them, and a paused pool runs them on the caller alone. A thread that is no
// worker of the pool needs one of 64 places for them; where none is free, or no memory, all runs on the caller.
//
// All return TP_EINVAL for a NULL where a pool or function is needed, TP_EFORKED, TP_ESHUTDOWN after tp_shutdown
// if not called in a task of the pool; TP_EAGAIN or TP_ENOMEM if this is the first call on tp_default() and it
// can't start.

// What a loop calls, for the items from `lo` to `hi` - 1.
typedef void (*tp_range_fn)(uint64_t lo, uint64_t hi, void *ctx);

// Adds the items from `lo` to `hi` - 1 to what `acc` has.
typedef void (*tp_fold_fn)(uint64_t lo, uint64_t hi, void *acc, void *ctx);

// Adds what `right` has to what `left` has, which is of the items before.
typedef void (*tp_combine_fn)(void *left, const void *right, void *ctx);

// What each of `n` members of a gang runs; their ranks are 0 to `n` - 1.
typedef void (*tp_gang_fn)(uint32_t rank, uint32_t n, void *ctx);

// Runs `a(arg_a)` here and `b(arg_b)` here or on a worker, and returns when both have run.
//
//     void sum(void *arg) { ... tp_parallel_invoke(tp_current(), sum, &left, sum, &right); ... }
//
// A worker may take `b` at any time until it has been started here.
tp_status tp_parallel_invoke(tp_pool *pool, tp_task_fn a, void *arg_a, tp_task_fn b, void *arg_b);

// Calls `body` for all items from `begin` to `end` - 1, each once, in calls of at most `grain` items.
//
// A grain of 0 is automatic: it grows while calls are short. Items that wait for each other need a grain of 1, as many
// threads, and a range of less than 2^32 (of more calls than that, neighbours are on one thread).
// Items are taken from the front by those who take part, and what one has not begun others take from behind.
// Returns TP_ECANCELED if tp_loop_stop was called in a body, TP_EINVAL also if `begin` is above `end`.
tp_status tp_parallel_for(tp_pool *pool, uint64_t begin, uint64_t end, uint64_t grain, tp_range_fn body, void *ctx);

// Folds the items from `begin` to `end` - 1 into one value of `size` bytes, and stores it in `result`.
//
//     void add(uint64_t lo, uint64_t hi, void *sum, void *ctx) { for (; lo < hi; lo++) *(double *)sum += values[lo]; }
//     void join(void *left, const void *right, void *ctx) { *(double *)left += *(const double *)right; }
//     double zero = 0, sum; status = tp_parallel_reduce(pool, 0, n, 0, sizeof sum, &zero, add, join, NULL, &sum);
//
// Values begin as copies of `identity`, are aligned to 128 bytes, and are moved as bytes. `fold` may be called
// several times on one of them, with items in order and at most `grain` of them a call; `combine` gets neighbours,
// in order. Which are folded and combined with which depends on the range, the grain and the size alone: the
// result is the same to the last bit on any number of threads. A grain of 0 depends on the length of the range
// alone. Takes memory for up to 1024 values, no more than 1 MiB or 64 values, for as long as it lasts.
// Returns TP_ENOMEM if that cannot be had, TP_ECANCELED if tp_loop_stop was called in `fold`: then `result` is as
// it was; TP_EINVAL also if `begin` is above `end`, `size` is 0, or `identity` or `result` is NULL.
tp_status tp_parallel_reduce(tp_pool *pool,
                             uint64_t begin,
                             uint64_t end,
                             uint64_t grain,
                             size_t size,
                             const void *identity,
                             tp_fold_fn fold,
                             tp_combine_fn combine,
                             void *ctx,
                             void *result);

// Runs `n` bodies at the same time, each on a thread of its own, so that they may wait for each other, even by
// spinning.
// Returns when all have.
//
//     void member(uint32_t rank, uint32_t n, void *b) { ... pthread_barrier_wait(b); ... }
//     status = tp_gang(pool, 4, member, &barrier);
//
// Rank 0 runs on the caller, the others on idle workers, and where these are too few on reserve workers: from
// tasks of a pool of two workers sixteen gangs of two may run at once. A paused pool runs them as well.
// Returns TP_EAGAIN if there are not enough of these (see `max_reserve`) or the system has no more threads: then
// no body has started; TP_EINVAL also if `n` is 0.
tp_status tp_gang(tp_pool *pool, uint32_t n, tp_gang_fn body, void *ctx);

// Stops the innermost loop whose body runs here: no further call of its body starts. Elsewhere it does nothing.
void tp_loop_stop(void);

// Returns a number for the body that runs here: bodies of one loop that run at the same time have different ones,
// all below tp_slot_count, so that each can have its own part of an array. 0 outside a loop. Branches have their
// caller's.
TP_MUST_USE uint32_t tp_loop_slot(void);

// Returns how many bodies of one loop may run at the same time: one more than the pool had threads when it was
// made, also after a tp_resize. 0 if `pool` is NULL.
TP_MUST_USE uint32_t tp_slot_count(const tp_pool *pool);

// ---- Sort ------------------------------------------------------------------------------------------------
//
// Sorts on as many workers as are free, the caller among them, of elements of any size and alignment. What sorts
// by a function calls it on several threads at once; the calls count as in a task of the pool.
//
//     int by_age(const void *x, const void *y, void *ctx) { return *(const int *)x - *(const int *)y; }
//     status = tp_parallel_sort(pool, ages, n, sizeof *ages, by_age, NULL);
//
// A function that is no order (random answers, say) leaves the same elements in some order. Errors are those of
// the other parallel calls; TP_EINVAL also if `size` is 0, or `base` is NULL and `n` is not 0, or the array is
// larger than memory.

// Keys are numbers in the machine's byte order: a signed one of 4 bytes.
#define TP_KEY_I32 0

// An unsigned one of 4 bytes.
#define TP_KEY_U32 1

// A signed one of 8 bytes.
#define TP_KEY_I64 2

// An unsigned one of 8 bytes.
#define TP_KEY_U64 3

// A float in IEEE 754's total order: NaN with the sign set, -infinity, ..., -0.0, 0.0, ..., infinity, NaN.
#define TP_KEY_F32 4

// A double, likewise.
#define TP_KEY_F64 5

// Returns below, at or above 0 if `x` goes before `y`, may go on either side of it, or goes behind it.
typedef int (*tp_compare_fn)(const void *x, const void *y, void *ctx);

// Sorts `n` elements of `size` bytes in place, where equal ones may change places. Takes no memory.
tp_status tp_parallel_sort(tp_pool *pool, void *base, size_t n, size_t size, tp_compare_fn compare, void *ctx);

// Sorts `n` elements of `size` bytes, where equal ones stay in order. Takes memory for as many elements as long as
// it lasts.
//
// Returns TP_ENOMEM if that cannot be had: then the array is as it was.
tp_status tp_parallel_stable_sort(tp_pool *pool, void *base, size_t n, size_t size, tp_compare_fn compare, void *ctx);

// Sorts `n` elements of `size` bytes by a number in each, `key_offset` bytes from its start; equal ones stay in
// order. Many times faster than with a function. Takes memory for as many elements as long as it lasts (above 32
// bytes for 4 or 8 bytes an element more) and 16 KiB for each that takes part.
//
// `key_type` is TP_KEY_I32 or one of the others. Returns TP_EINVAL also if that is unknown or the key is not
// within the element, TP_ENOMEM if the memory cannot be had: then the array is as it was.
tp_status tp_parallel_sort_keys(tp_pool *pool, void *base, size_t n, size_t size, size_t key_offset, int32_t key_type);

// ---- Inside a task ---------------------------------------------------------------------------------------
//
// What a task may ask and say. All of these may be called from any thread; outside a task they answer so and do
// nothing.

// Returns 1 if the task that runs here has been asked to stop: its future, its group or one above was cancelled,
// or its pool discards its tasks; else 0. Costs a few loads.
TP_MUST_USE int32_t tp_cancelled(void);

// Says that the task is about to block, on a file or a lock: a reserve worker takes its place until
// tp_blocking_end, so that the other tasks go on. They nest; what a task leaves open ends with it.
//
//     tp_blocking_begin(); n = read(fd, buffer, size); tp_blocking_end();
//
// Waits for futures, groups and pools do the same by themselves.
// Returns TP_OK, or TP_EAGAIN if no reserve worker can be had: fewer tasks run meanwhile, and the end is owed all
// the same.
tp_status tp_blocking_begin(void);

// Says that the task goes on. Never waits: for a moment more tasks may run than the pool has threads.
//
// Returns TP_EINVAL if there was no tp_blocking_begin.
tp_status tp_blocking_end(void);

// ---- Worker ----------------------------------------------------------------------------------------------
//
// Where the calling code runs.

// Returns the pool whose task this thread is in, or NULL outside a task. Hooks and drop functions count as tasks.
//
// May be called from any thread.
TP_MUST_USE tp_pool *tp_current(void);

// Returns the index of the worker that this thread is: 0 to the thread count less 1, and from the thread count up for
// reserve workers. -1 on a thread that is no worker of tp_current().
//
// No two workers of one pool have the same index at the same time. May be called from any thread.
TP_MUST_USE int32_t tp_worker_index(void);

#ifdef __cplusplus
}
#endif

#endif
