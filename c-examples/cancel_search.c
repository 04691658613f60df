// cancel_search: is this text in any file of a tree? On all CPUs, and no longer than it takes to know.
//
// `cancel_search TEXT DIR` prints the name of a file that contains TEXT, and ends: like `grep -r -F -l TEXT DIR | head
// -1`, with grep's exit codes. `-q` is `grep -r -F -q`.
//
// All files and directories are tasks of one group. The first task that finds the text cancels the group: what has not
// started is dropped, what is being read sees tp_cancelled() and stops at its next block, and nothing more is accepted.
// A task owns the path that it was given: the task frees it at its end, or its drop function does in its place.
//
// The queue is limited, so that memory does not grow with the tree: when it is full a directory's task looks at what it
// has found by itself.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tp.h>
#include <unistd.h>

enum {
    EXIT_FOUND = 0,
    EXIT_NOT_FOUND = 1,
    EXIT_ERROR = 2,
    MAX_THREADS = 4096,
    QUEUE_SIZE = 16384,
    READ_SIZE = 128 << 10,
    MAX_TEXT = 4096,
};

static const char HELP[] = "Usage: cancel_search [OPTION]... TEXT [PATH]...\n"
                           "Print the name of a file at or below each PATH (default: .) that contains TEXT,\n"
                           "and end. Of several files it is the one that was found first, on any CPU.\n"
                           "\n"
                           "  -p, --processes N   search on N threads (default: one per usable CPU)\n"
                           "  -q, --quiet         print no name: the exit status tells\n"
                           "  -s, --no-messages   print no message on a file that cannot be read\n"
                           "  -h, --help          show this and exit\n"
                           "  -V, --version       show the version and exit\n"
                           "\n"
                           "TEXT is taken as it is, not as a pattern. Only regular files are read; symbolic\n"
                           "links below a PATH are not followed.\n"
                           "Without -p, the environment variable TP_NUM_THREADS sets the number of threads.\n"
                           "\n"
                           "Exit status: 0 if TEXT was found, 1 if it was not, 2 if it was not and a file or\n"
                           "directory could not be read.\n";

typedef struct {
    bool quiet;
    bool no_messages;
    uint32_t threads;
} options;

// What a task owns: the path of a file or directory, until it frees it.
typedef struct {
    bool named; // on the command line: a symbolic link is followed
    char path[];
} target;

// All but the last two is set before the first task.
static options opt;
static tp_group *search;
static const char *text;
static size_t text_len;
static _Atomic(target *) found; // where the text is
static atomic_bool failed;

static void complain(const char *name, const char *why) {
    atomic_store_explicit(&failed, true, memory_order_relaxed);
    if (!opt.no_messages) fprintf(stderr, "cancel_search: %s: %s\n", name, why);
}

// ---- Search ----------------------------------------------------------------------------------------------

// Returns 1 if the text is in the file, 0 if it is not or nobody wants to know any more, -1 with errno after an error.
static int contains_text(int fd) {
    // The end of the block before stays in front, for a text that lies across the border.
    static _Thread_local char buffer[MAX_TEXT + READ_SIZE];
    size_t kept = 0;
    while (!tp_cancelled()) {
        ssize_t n = read(fd, buffer + kept, READ_SIZE);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return (int)n;
        size_t size = kept + (size_t)n;
        if (memmem(buffer, size, text, text_len) != NULL) return 1;
        kept = text_len == 0 ? 0 : size < text_len - 1 ? size : text_len - 1;
        memmove(buffer, buffer + size - kept, kept);
    }
    return 0;
}

static void search_file(int fd, target *it) {
    int result = contains_text(fd);
    close(fd);
    target *none = NULL;
    if (result == 1 && atomic_compare_exchange_strong(&found, &none, it)) {
        tp_group_cancel(search);
        return;
    }
    if (result < 0) complain(it->path, strerror(errno));
    free(it);
}

// ---- Walk ------------------------------------------------------------------------------------------------

typedef struct {
    target **targets;
    size_t count;
} list;

static target *make_target(const char *dir, const char *name) {
    size_t dir_len = dir == NULL ? 0 : strlen(dir), name_size = strlen(name) + 1;
    bool slash = dir_len > 0 && dir[dir_len - 1] != '/';
    target *it = malloc(sizeof *it + dir_len + slash + name_size);
    if (it == NULL) return NULL;
    it->named = dir == NULL;
    if (dir != NULL) memcpy(it->path, dir, dir_len);
    if (slash) it->path[dir_len] = '/';
    memcpy(it->path + dir_len + slash, name, name_size);
    return it;
}

static bool append(list *l, target *it) {
    // The array doubles when the count reaches a power of two.
    if ((l->count & (l->count - 1)) == 0) {
        target **targets = realloc(l->targets, (l->count == 0 ? 1 : 2 * l->count) * sizeof(target *));
        if (targets == NULL) return false;
        l->targets = targets;
    }
    l->targets[l->count++] = it;
    return true;
}

static int read_entries(DIR *stream, const char *path, list *l) {
    while (!tp_cancelled()) {
        errno = 0;
        const struct dirent *d = readdir(stream);
        if (d == NULL) return errno;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) continue;
        if (d->d_type != DT_REG && d->d_type != DT_DIR && d->d_type != DT_UNKNOWN) continue;
        target *it = make_target(path, d->d_name);
        if (it == NULL || !append(l, it)) {
            free(it);
            return ENOMEM;
        }
    }
    return 0;
}

static void visit(void *arg);

// In place of a visit that does not take place.
static void drop(void *arg, tp_status why) {
    (void)why;
    free(arg);
}

// Has `it` visited, and takes it.
static void submit(target *it) {
    tp_task_options task_options = TP_TASK_OPTIONS_INIT;
    task_options.drop = drop;
    tp_status status = tp_group_submit_with(search, visit, it, &task_options);
    // A refused task is still ours. After the cancel nobody wants it; else a lack of memory or threads costs time only.
    if (status == TP_ECANCELED) free(it);
    else if (status != TP_OK) visit(it);
}

static void walk(int fd, target *dir) {
    DIR *stream = fdopendir(fd);
    list l = {NULL, 0};
    int error = stream == NULL ? errno : read_entries(stream, dir->path, &l);
    // Closed before the first visit: with a full queue that may be one of this thread, and go deep.
    if (stream != NULL) closedir(stream);
    else close(fd);
    if (error != 0) complain(dir->path, strerror(error));
    free(dir);
    for (size_t i = 0; i < l.count; i++) submit(l.targets[i]);
    free(l.targets);
}

// The task: looks at what is at a path.
static void visit(void *arg) {
    target *it = arg;
    // O_NONBLOCK: a named pipe is refused below, not waited for.
    int fd = open(it->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (it->named ? 0 : O_NOFOLLOW));
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        // A symbolic link where the directory told no types: those are not followed.
        if (it->named || errno != ELOOP) complain(it->path, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        walk(fd, it);
        return;
    } else if (S_ISREG(st.st_mode)) {
        search_file(fd, it);
        return;
    } else if (it->named) {
        complain(it->path, "not a regular file or directory");
    }
    if (fd >= 0) close(fd);
    free(it);
}

// ---- The whole -------------------------------------------------------------------------------------------

static uint32_t parse_threads(const char *number) {
    char *end;
    errno = 0;
    unsigned long n = strtoul(number, &end, 10);
    if (errno == 0 && *number >= '0' && *number <= '9' && *end == '\0' && n >= 1 && n <= MAX_THREADS)
        return (uint32_t)n;
    fprintf(stderr, "cancel_search: -p %s: a number from 1 to %d is needed\n", number, MAX_THREADS);
    exit(EXIT_ERROR);
}

static void parse_options(int argc, char **argv) {
    static const struct option LONG[] = {
        {"help", no_argument, NULL, 'h'},
        {"no-messages", no_argument, NULL, 's'},
        {"processes", required_argument, NULL, 'p'},
        {"quiet", no_argument, NULL, 'q'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "hp:qsV", LONG, NULL)) != -1;) {
        switch (c) {
        case 'h': exit(fputs(HELP, stdout) == EOF || fflush(stdout) != 0 ? EXIT_ERROR : EXIT_SUCCESS);
        case 'p': opt.threads = parse_threads(optarg); break;
        case 'q': opt.quiet = true; break;
        case 's': opt.no_messages = true; break;
        case 'V': printf("cancel_search (tp %s)\n", tp_version()); exit(EXIT_SUCCESS);
        default: fputs("Try 'cancel_search --help'.\n", stderr); exit(EXIT_ERROR);
        }
    }
    const char *wrong = NULL;
    if (optind == argc) wrong = "TEXT is missing";
    else if (strlen(argv[optind]) > MAX_TEXT) wrong = "TEXT is too long";
    if (wrong == NULL) return;
    fprintf(stderr, "cancel_search: %s\nTry 'cancel_search --help'.\n", wrong);
    exit(EXIT_ERROR);
}

// The first task: while it is one of the group, the group is not empty, and so a cancel holds until all paths are
// through.
static void submit_paths(void *arg) {
    for (char **path = arg; *path != NULL; path++) {
        target *it = make_target(NULL, *path);
        if (it == NULL) complain(*path, strerror(ENOMEM));
        else submit(it);
    }
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    text = argv[optind++];
    text_len = strlen(text);
    tp_options pool_options = TP_OPTIONS_INIT;
    pool_options.name = "cancel_search";
    pool_options.threads = opt.threads;
    pool_options.capacity = QUEUE_SIZE;
    pool_options.when_full = TP_FULL_FAIL;
    tp_pool *pool = NULL;
    tp_status status = tp_create(&pool_options, &pool);
    if (status == TP_OK) status = tp_group_create(pool, NULL, &search);
    if (status != TP_OK) {
        complain("cannot start threads", tp_status_string(status));
    } else {
        char *here[] = {".", NULL};
        char **paths = optind == argc ? here : argv + optind;
        if (tp_group_submit(search, submit_paths, paths) != TP_OK) submit_paths(paths);
        tp_group_wait(search, TP_FOREVER);
    }
    tp_group_destroy(search);
    tp_destroy(pool);
    target *it = atomic_load(&found);
    if (it == NULL) return atomic_load(&failed) ? EXIT_ERROR : EXIT_NOT_FOUND;
    bool printed = opt.quiet || (puts(it->path) >= 0 && fflush(stdout) == 0 && close(STDOUT_FILENO) == 0);
    free(it);
    if (!printed) complain("standard output", strerror(errno));
    return printed ? EXIT_FOUND : EXIT_ERROR;
}
