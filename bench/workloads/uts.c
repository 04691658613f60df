// Unbalanced tree search: count the nodes of a tree that nobody knows beforehand. A node is a SHA-1 digest, that of its
// parent's and its own number, and says how many children it has. T1 and T3 are the trees of that name of the UTS
// benchmark (Olivier and others, 2006), whose sizes are published: every run finds as many nodes.
#include "../kernel.h"
#include "../sha1.h"
#include "../workload.h"

#include <math.h>
#include <string.h>

struct node {
    uint8_t digest[20];
    unsigned depth;
};

// Children of one node, from one number to another.
struct brood {
    const struct node *parent;
    unsigned from, to;
    unsigned long nodes; // below them, and they themselves
};

struct tree {
    unsigned long size; // T1: its depth; T3: the root's children
    uint8_t seed;
    unsigned (*children)(const struct node *node);
    unsigned long nodes, right;
};

static const struct tree *now_searched;

// ---- The trees ----

// From 0 to 1, which it is not.
static double draw(const struct node *node) {
    const uint8_t *last = node->digest + 16;
    uint32_t word = (uint32_t)last[0] << 24 | (uint32_t)last[1] << 16 | (uint32_t)last[2] << 8 | last[3];
    return (word & 0x7fffffff) / 2147483648.0;
}

// Geometric, four children on average down to the depth.
static unsigned children_t1(const struct node *node) {
    if (node->depth >= now_searched->size) return 0;
    double children = floor(log(1 - draw(node)) / log(1 - 1 / (1 + 4.0)));
    return children < 100 ? (unsigned)children : 100;
}

// Binomial: many at the root, below eight or none. 0.999 on average, so a branch ends, but nobody knows when.
static unsigned children_t3(const struct node *node) {
    if (node->depth == 0) return (unsigned)now_searched->size;
    return draw(node) < 0.124875 ? 8 : 0;
}

static struct node make_root(uint8_t seed) {
    struct node root = {.depth = 0};
    uint8_t start[20] = {[19] = seed};
    sha1_short(start, sizeof start, root.digest);
    return root;
}

static struct node make_child(const struct node *parent, unsigned number) {
    struct node child = {.depth = parent->depth + 1};
    uint8_t from[24];
    memcpy(from, parent->digest, 20);
    for (int i = 0; i < 4; i++) from[20 + i] = (uint8_t)(number >> (24 - 8 * i));
    sha1_short(from, sizeof from, child.digest);
    return child;
}

// ---- The search ----

// Forks until it has one child, and goes on with that one's.
static void count(void *arg) {
    struct brood *brood = arg;
    if (brood->to - brood->from > 1) {
        unsigned middle = brood->from + (brood->to - brood->from) / 2;
        struct brood left = {brood->parent, brood->from, middle, 0}, right = {brood->parent, middle, brood->to, 0};
        both(count, &left, count, &right);
        brood->nodes = left.nodes + right.nodes;
        return;
    }
    struct node child = make_child(brood->parent, brood->from);
    struct brood below = {&child, 0, now_searched->children(&child), 0};
    if (below.to > 0) count(&below);
    brood->nodes = 1 + below.nodes;
}

static void search(void *arg) {
    struct tree *tree = arg;
    struct node root = make_root(tree->seed);
    struct brood below = {&root, 0, tree->children(&root), 0};
    if (below.to > 0) count(&below);
    tree->nodes = 1 + below.nodes;
}

static void check(void *arg) {
    const struct tree *tree = arg;
    check_that(tree->nodes == tree->right, "the nodes of the tree");
}

static void run(unsigned workers, struct tree *tree) {
    check_that(tree->right > 0, "the size, of which the nodes are not known");
    now_searched = tree;
    struct kernel kernel = {PEER_INVOKE, NULL, search, check, tree};
    kernel_report(&kernel, workers);
}

// The largest are the published ones; the others were counted here.
static unsigned long nodes_t1(unsigned long depth) {
    return depth == 10 ? 4130071 : depth == 8 ? 257042 : depth == 7 ? 63914 : 0;
}

static unsigned long nodes_t3(unsigned long children) { return children == 2000 ? 4112897 : children == 20 ? 6213 : 0; }

static void run_t1(unsigned workers, unsigned long size) {
    struct tree tree = {.size = size, .seed = 19, .children = children_t1, .right = nodes_t1(size)};
    run(workers, &tree);
}

static void run_t3(unsigned workers, unsigned long size) {
    struct tree tree = {.size = size, .seed = 42, .children = children_t3, .right = nodes_t3(size)};
    run(workers, &tree);
}

const struct workload uts_t1 = {"uts-t1", PEER_INVOKE, 1, run_t1};
const struct workload uts_t3 = {"uts-t3", PEER_INVOKE, 1, run_t3};
