// tree_walk: what the directories of a tree take on disk, on all CPUs.
//
// `tree_walk DIR` prints the lines that `du DIR` prints: each directory after those in it, with the space that all in
// it takes. Where du has the order of the disk, tree_walk sorts by name, so that two runs can be compared with diff.
//
// The whole walk is one group. The task of a directory reads it, and submits each directory that it finds into that
// same group: nobody knows beforehand how many tasks there will be, and the group is empty when the tree has been seen.
// Each task writes into its own node alone. This thread then adds up and prints, so that the sums, the errors, and
// which of several hard links counts, do not depend on who came first.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tp.h>
#include <unistd.h>

enum { MAX_THREADS = 4096, BLOCK_SIZE = 512 };

static const char HELP[] = "Usage: tree_walk [OPTION]... [PATH]...\n"
                           "Print what each directory at or below each PATH (default: .) takes on disk,\n"
                           "in KiB, with all that is in it: what du prints, found out on all CPUs.\n"
                           "\n"
                           "  -a, --all             print files, too\n"
                           "  -d, --max-depth N     print only what is at most N levels below PATH\n"
                           "  -h, --human-readable  print sizes as in 12K, 3.4M, 1.0G\n"
                           "  -p, --processes N     walk on N threads (default: one per usable CPU)\n"
                           "  -s, --summarize       print only the PATHs: the same as -d 0\n"
                           "  -0, --null            end each line with a NUL\n"
                           "      --help            show this and exit\n"
                           "  -V, --version         show the version and exit\n"
                           "\n"
                           "Lines are sorted by name. Symbolic links are not followed. A file with several\n"
                           "hard links counts once, where it comes first.\n"
                           "Without -p, the environment variable TP_NUM_THREADS sets the number of threads.\n"
                           "\n"
                           "Exit status: 0 if all went well, 1 if a file or directory could not be read.\n";

typedef struct {
    bool all;
    bool human;
    bool null;
    uint32_t max_depth;
    uint32_t threads;
} options;

// A directory, or a file that the report has to look at once more. The others are part of their directory's blocks.
typedef struct node node;
struct node {
    node *parent; // NULL: a path of the command line
    node **children;
    size_t count;
    size_t next;     // the child that the report goes to next
    uint64_t blocks; // its own and those of the files without a node; in the report, all that is below it
    dev_t device;
    ino_t inode;
    enum { DIRECTORY, FILE_NODE, MISSING } kind;
    bool linked; // it may be met again under another name
    int error;   // errno
    char name[];
};

// All but `seen` and `failed` is set before the first task; those two are the report's.
static options opt = {.max_depth = UINT32_MAX};
static tp_group *walk;
static bool several; // paths were given, which may overlap
static void *seen;   // the files that are counted, as tsearch keeps them
static bool failed;

static void complain(const char *name, const char *why) {
    failed = true;
    fprintf(stderr, "tree_walk: %s: %s\n", name, why);
}

// ---- Nodes -----------------------------------------------------------------------------------------------

static node *make_node(node *parent, const char *name, size_t len, const struct stat *st, int error) {
    node *n = calloc(1, sizeof *n + len + 1);
    if (n == NULL) return NULL;
    memcpy(n->name, name, len);
    n->parent = parent;
    n->error = error;
    n->kind = MISSING;
    if (error != 0) return n;
    n->kind = S_ISDIR(st->st_mode) ? DIRECTORY : FILE_NODE;
    n->linked = several || (n->kind == FILE_NODE && st->st_nlink > 1);
    n->blocks = (uint64_t)st->st_blocks;
    n->device = st->st_dev;
    n->inode = st->st_ino;
    return n;
}

// Returns what to call `n`, for the caller to free; NULL if there is no memory.
static char *path_of(const node *n) {
    size_t size = 1;
    for (const node *p = n; p != NULL; p = p->parent) size += strlen(p->name) + 1;
    char *path = malloc(size);
    if (path == NULL) return NULL;
    char *start = path + size - 1;
    *start = '\0';
    for (const node *p = n; p != NULL; p = p->parent) {
        size_t len = strlen(p->name);
        // Only a path of the command line can end in a slash.
        if (p != n && p->name[len - 1] != '/') *--start = '/';
        start -= len;
        memcpy(start, p->name, len);
    }
    memmove(path, start, (size_t)(path + size - start));
    return path;
}

static int compare_names(const void *a, const void *b) {
    return strcmp((*(node *const *)a)->name, (*(node *const *)b)->name);
}

// ---- Walk ------------------------------------------------------------------------------------------------

// Opens the directory at `path`, which may be longer than the system takes at once. Cuts the string.
static int open_directory(char *path) {
    int at = AT_FDCWD;
    while (strlen(path) >= PATH_MAX) {
        char *slash = memrchr(path, '/', PATH_MAX);
        if (slash == NULL) break;
        *slash = '\0';
        int next = openat(at, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (at != AT_FDCWD) close(at);
        if (next < 0) return -1;
        at = next;
        path = slash + 1;
    }
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (at != AT_FDCWD) close(at);
    return fd;
}

static bool add_child(node *dir, node *child) {
    // The array doubles when the count reaches a power of two.
    if ((dir->count & (dir->count - 1)) == 0) {
        node **children = realloc(dir->children, (dir->count == 0 ? 1 : 2 * dir->count) * sizeof *children);
        if (children == NULL) return false;
        dir->children = children;
    }
    dir->children[dir->count++] = child;
    return true;
}

// Looks at all that is in `dir`. Returns 0, or the error that ended it.
static int read_entries(node *dir, DIR *stream) {
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(stream);
        if (d == NULL) return errno;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) continue;
        struct stat st;
        int error = fstatat(dirfd(stream), d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
        if (error == 0 && !S_ISDIR(st.st_mode) && st.st_nlink == 1 && !opt.all && !several) {
            dir->blocks += (uint64_t)st.st_blocks;
            continue;
        }
        node *child = make_node(dir, d->d_name, strlen(d->d_name), &st, error);
        if (child == NULL || !add_child(dir, child)) {
            free(child);
            return ENOMEM;
        }
    }
}

// The task of a directory.
static void walk_directory(void *arg) {
    node *dir = arg;
    char *path = path_of(dir);
    int fd = path == NULL ? -1 : open_directory(path);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    dir->error = stream == NULL ? errno : read_entries(dir, stream);
    if (stream != NULL) closedir(stream);
    else if (fd >= 0) close(fd);
    free(path);
    if (dir->count > 1) qsort(dir->children, dir->count, sizeof *dir->children, compare_names);
    for (size_t i = 0; i < dir->count; i++) {
        node *child = dir->children[i];
        // A refused task is still ours: a lack of memory or threads costs time, and no directory.
        if (child->kind == DIRECTORY && tp_group_submit(walk, walk_directory, child) != TP_OK) walk_directory(child);
    }
}

static node *start_walk(const char *path) {
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/' && path[len - 2] == '/') len--;
    struct stat st;
    int error = lstat(path, &st) == 0 ? 0 : errno;
    node *root = make_node(NULL, path, len, &st, error);
    if (root == NULL) complain(path, strerror(ENOMEM));
    else if (root->kind == DIRECTORY && tp_group_submit(walk, walk_directory, root) != TP_OK) walk_directory(root);
    return root;
}

// ---- Report ----------------------------------------------------------------------------------------------

typedef struct {
    dev_t device;
    ino_t inode;
} identity;

static int compare_identities(const void *a, const void *b) {
    const identity *x = a, *y = b;
    if (x->device != y->device) return x->device < y->device ? -1 : 1;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

// True if a file that may have several names was counted under another one.
static bool counted_before(const node *n) {
    identity *key = n->linked ? malloc(sizeof *key) : NULL;
    if (key == NULL) return false;
    *key = (identity){n->device, n->inode};
    identity **found = tsearch(key, &seen, compare_identities);
    if (found != NULL && *found == key) return false;
    free(key);
    return found != NULL;
}

// Prints `bytes` as du -h does: rounded up, with one digit after the point if there is one before it.
static void print_human(uint64_t bytes) {
    const char *unit = "\0KMGTPE";
    uint64_t size = 1;
    for (; bytes / size >= 1024; unit++) size *= 1024;
    uint64_t count = bytes / size + (bytes % size != 0);
    // In tenths: the rest of a division by 1 EiB can be multiplied by 10.
    uint64_t tenths = bytes / size * 10 + (bytes % size * 10 + size - 1) / size;
    if (count == 1024) printf("1.0%c", unit[1]);
    else if (*unit == '\0') printf("%" PRIu64, count);
    else if (tenths < 100) printf("%" PRIu64 ".%" PRIu64 "%c", tenths / 10, tenths % 10, *unit);
    else printf("%" PRIu64 "%c", count, *unit);
}

static void print_line(const node *n) {
    char *path = path_of(n);
    if (path == NULL) {
        complain(n->name, strerror(ENOMEM));
        return;
    }
    uint64_t bytes = n->blocks * BLOCK_SIZE;
    if (opt.human) print_human(bytes);
    else printf("%" PRIu64, bytes / 1024 + (bytes % 1024 != 0));
    printf("\t%s%c", path, opt.null ? '\0' : '\n');
    free(path);
}

static void print_error(const node *n) {
    char *path = path_of(n);
    const char *what = n->kind == MISSING ? "cannot access" : "cannot read directory";
    fprintf(stderr, "tree_walk: %s '%s': %s\n", what, path == NULL ? n->name : path, strerror(n->error));
    failed = true;
    free(path);
}

// Forgets a node and all below it.
static void forget(node *root) {
    for (node *n = root; n != NULL;) {
        if (n->count > 0) {
            n = n->children[--n->count];
            continue;
        }
        node *parent = n == root ? NULL : n->parent;
        free(n->children);
        free(n);
        n = parent;
    }
}

// Adds up and prints what is at `root` and below, the children first. Without recursion: trees may be deeper than the
// stack.
static void report(node *root) {
    uint32_t depth = 0;
    for (node *n = root;;) {
        bool arrives = n->next == 0, counts = true;
        if (arrives && n->kind != MISSING && counted_before(n)) counts = false;
        else if (arrives && n->error != 0) print_error(n);
        if (counts && n->next < n->count) {
            n = n->children[n->next++];
            depth++;
            continue;
        }
        counts = counts && n->kind != MISSING;
        if (counts && depth <= opt.max_depth && (n->kind == DIRECTORY || opt.all || depth == 0)) print_line(n);
        if (n == root) return;
        if (counts) n->parent->blocks += n->blocks;
        n = n->parent;
        depth--;
    }
}

// ---- The whole -------------------------------------------------------------------------------------------

static uint32_t parse_number(char option, const char *text, uint32_t min, uint32_t max) {
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && n >= min && n <= max) return (uint32_t)n;
    fprintf(stderr, "tree_walk: -%c %s: a number from %" PRIu32 " to %" PRIu32 " is needed\n", option, text, min, max);
    exit(EXIT_FAILURE);
}

static void parse_options(int argc, char **argv) {
    enum { SHOW_HELP = 256 };
    static const struct option LONG[] = {
        {"all", no_argument, NULL, 'a'},
        {"help", no_argument, NULL, SHOW_HELP},
        {"human-readable", no_argument, NULL, 'h'},
        {"max-depth", required_argument, NULL, 'd'},
        {"null", no_argument, NULL, '0'},
        {"processes", required_argument, NULL, 'p'},
        {"summarize", no_argument, NULL, 's'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "0ad:hp:sV", LONG, NULL)) != -1;) {
        switch (c) {
        case '0': opt.null = true; break;
        case 'a': opt.all = true; break;
        case 'd': opt.max_depth = parse_number('d', optarg, 0, INT32_MAX); break;
        case 'h': opt.human = true; break;
        case 'p': opt.threads = parse_number('p', optarg, 1, MAX_THREADS); break;
        case 's': opt.max_depth = 0; break;
        case 'V': printf("tree_walk (tp %s)\n", tp_version()); exit(EXIT_SUCCESS);
        case SHOW_HELP: exit(fputs(HELP, stdout) == EOF || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS);
        default: fputs("Try 'tree_walk --help'.\n", stderr); exit(EXIT_FAILURE);
        }
    }
}

static void walk_and_report(char **paths, size_t count) {
    node **roots = calloc(count, sizeof *roots);
    if (roots == NULL) {
        complain("cannot begin", strerror(ENOMEM));
        return;
    }
    several = count > 1;
    for (size_t i = 0; i < count; i++) roots[i] = start_walk(paths[i]);
    tp_group_wait(walk, TP_FOREVER);
    for (size_t i = 0; i < count; i++) {
        if (roots[i] == NULL) continue;
        report(roots[i]);
        forget(roots[i]);
    }
    free(roots);
    tdestroy(seen, free);
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    if (!isatty(STDOUT_FILENO)) setvbuf(stdout, NULL, _IOFBF, 64 << 10);
    tp_options pool_options = TP_OPTIONS_INIT;
    pool_options.name = "tree_walk";
    pool_options.threads = opt.threads;
    tp_pool *pool = NULL;
    tp_status status = tp_create(&pool_options, &pool);
    if (status == TP_OK) status = tp_group_create(pool, NULL, &walk);
    char *here[] = {".", NULL};
    if (status != TP_OK) complain("cannot start threads", tp_status_string(status));
    else if (optind == argc) walk_and_report(here, 1);
    else walk_and_report(argv + optind, (size_t)(argc - optind));
    tp_group_destroy(walk);
    tp_destroy(pool);
    if (fflush(stdout) != 0 || close(STDOUT_FILENO) != 0) complain("standard output", strerror(errno));
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
