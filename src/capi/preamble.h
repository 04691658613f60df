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
#define TP_VERSION_MAJOR @MAJOR@
#define TP_VERSION_MINOR @MINOR@
#define TP_VERSION_PATCH @PATCH@
#define TP_VERSION "@VERSION@"

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
