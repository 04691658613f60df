// GLib's GThreadPool, exclusive: its threads are there from the start. Its one function calls what a task points at.
#include "../peer.h"

#include <glib.h>

static GThreadPool *pool;

static void run_work(gpointer data, gpointer user_data) {
    (void)user_data;
    ((struct work *)data)->run(data);
}

const char *peer_lacks(enum ability ability, unsigned workers) {
    (void)workers;
    if (ability >= PEER_FIB) return "has neither forks, loops nor sorts";
    return ability >= PEER_FUTURE ? "has neither futures nor groups" : NULL;
}

void peer_with_pool(unsigned workers, task_fn body, void *arg) {
    pool = g_thread_pool_new(run_work, NULL, (gint)workers, TRUE, NULL);
    if (!pool) g_error("no pool");
    body(arg);
    g_thread_pool_free(pool, FALSE, TRUE);
}

void peer_submit(task_fn run, void *arg) {
    (void)run;
    g_thread_pool_push(pool, arg, NULL);
}

void peer_spawn(task_fn run, void *arg) { peer_submit(run, arg); }
