// Submit from a task: a tree in which every task has ten children, one task with all the children, and a chain in which
// each task submits the next.
#include "../cell.h"
#include "../clock.h"
#include "../workload.h"

#define FAN_OUT 10
#define DEPTH_MAX 8
#define CHUNK 100

struct inside {
    struct work root;
    unsigned long tasks;
};

// Submits the root and waits; once for the pool to grow, once measured.
static void body(void *arg) {
    struct inside *inside = arg;
    uint64_t took = 0;
    for (int round = 0; round < 2; round++) {
        unsigned long before = cells_sum();
        uint64_t began = now_ns();
        peer_submit(inside->root.run, inside);
        cells_wait(before + inside->tasks);
        took = now_ns() - began;
    }
    report("task", (double)took / (double)inside->tasks, "ns");
}

// ---- Tree ----

struct node {
    struct work work;
    void *children[FAN_OUT];
};

// One node a level stands for all of its level: they are only read.
static struct node nodes[DEPTH_MAX + 1];

static void run_node(void *arg) {
    struct node *node = arg;
    cell_count();
    if (node->children[0]) peer_spawn_many(run_node, node->children, FAN_OUT);
}

static void run_root(void *arg) {
    (void)arg;
    run_node(&nodes[0]);
}

// `size` is the depth.
static void run_tree(unsigned workers, unsigned long size) {
    struct inside inside = {{run_root}, 0};
    unsigned long depth = size < DEPTH_MAX ? size : DEPTH_MAX, level_tasks = 1;
    for (unsigned long level = 0; level <= depth; level++) {
        nodes[level].work.run = run_node;
        for (int i = 0; i < FAN_OUT; i++) nodes[level].children[i] = level < depth ? &nodes[level + 1] : NULL;
        inside.tasks += level_tasks;
        level_tasks *= FAN_OUT;
    }
    peer_with_pool(workers, body, &inside);
}

// ---- One parent ----

static void run_child(void *arg) {
    (void)arg;
    cell_count();
}

static void run_parent(void *arg) {
    static struct work child = {run_child};
    const struct inside *inside = arg;
    void *args[CHUNK];
    for (int i = 0; i < CHUNK; i++) args[i] = &child;
    for (unsigned long left = inside->tasks; left > 0;) {
        unsigned long n = left < CHUNK ? left : CHUNK;
        peer_spawn_many(run_child, args, n);
        left -= n;
    }
}

static void run_one_parent(unsigned workers, unsigned long size) {
    struct inside inside = {{run_parent}, size};
    peer_with_pool(workers, body, &inside);
}

// ---- Chain ----

struct link {
    struct inside inside;
    unsigned long left;
};

static void run_link(void *arg) {
    struct link *link = arg;
    // Counted last: who waits for the count may take the link away.
    if (--link->left > 0) peer_spawn(run_link, link);
    else link->left = link->inside.tasks;
    cell_count();
}

static void run_chain(unsigned workers, unsigned long size) {
    struct link link = {{{run_link}, size}, size};
    peer_with_pool(workers, body, &link);
}

const struct workload tree = {"tree", PEER_FORK, 1, run_tree};
const struct workload tree_crowded = {"tree-crowded", PEER_FORK, 4, run_tree};
const struct workload one_parent = {"one-parent", PEER_SPAWN_MANY, 1, run_one_parent};
const struct workload chain = {"chain", PEER_SPAWN, 1, run_chain};
