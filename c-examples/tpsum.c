// tpsum: the SHA-256 checksums of every file of a tree, on all CPUs.
//
// `tpsum DIR` prints, byte for byte and in the same order, what `find DIR -type f -exec sha256sum {} +` prints, so that
// `sha256sum -c` takes it and two runs can be compared with diff.
//
// This thread walks the tree and submits a task per file. The results in flight sit in a ring, in the order of the
// walk; after each submit, those at its head that are done are printed, and when it is full this thread waits for the
// head. So a big file holds up nobody until the ring is full of results that are newer, and neither memory nor open
// files grow with the tree.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/magic.h>
#include <openssl/evp.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <tp.h>
#include <unistd.h>

enum {
    MAX_THREADS = 4096,
    RING_SIZE = 16384,
    READ_SIZE = 128 << 10,
    DIGEST_SIZE = 32,
    // find reads a directory in batches of this size, and sorts a batch by inode if it is larger than that.
    BATCH_SIZE = 100000,
    SORT_ABOVE = 10000,
};

static const char HELP[] = "Usage: tpsum [OPTION]... [PATH]...\n"
                           "Print the SHA-256 checksum of every regular file at or below each PATH\n"
                           "(default: .), on all CPUs.\n"
                           "\n"
                           "  -p, --processes N   hash on N threads (default: one per usable CPU)\n"
                           "  -h, --help          show this and exit\n"
                           "  -V, --version       show the version and exit\n"
                           "\n"
                           "The output is that of 'find PATH -type f -exec sha256sum {} +', in the same\n"
                           "order; 'sha256sum -c' checks it. Symbolic links are not followed.\n"
                           "Without -p, the environment variable TP_NUM_THREADS sets the number of threads.\n"
                           "\n"
                           "Exit status: 0 if all went well, 1 if a file or directory could not be read.\n";

// What one thread hashes with.
typedef struct {
    EVP_MD_CTX *context;
    unsigned char *buffer;
} hasher;

typedef struct tally tally;

// A file in flight: its task's once submitted, and the printer's again once `done` is posted.
typedef struct {
    tally *tally;
    char *path;
    int error; // errno, or HASH_FAILED
    unsigned char digest[DIGEST_SIZE];
    sem_t done;
} sum;

enum { HASH_FAILED = -1 };

struct tally {
    tp_pool *pool;
    hasher *hashers; // one for this thread, then one per worker
    uint32_t hasher_count;
    sum *ring;
    uint64_t submitted;
    uint64_t printed;
    bool failed;
    bool stopped; // standard output is of no more use
};

static void complain(tally *s, const char *name, const char *why) {
    s->failed = true;
    fprintf(stderr, "tpsum: %s: %s\n", name, why);
}

// ---- Hash ------------------------------------------------------------------------------------------------

static int hash_descriptor(const hasher *h, int fd, unsigned char *digest) {
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    // No digest named: the one that the context was made with.
    if (EVP_DigestInit_ex(h->context, NULL, NULL) != 1) return HASH_FAILED;
    for (;;) {
        ssize_t n = read(fd, h->buffer, READ_SIZE);
        if (n == 0) return EVP_DigestFinal_ex(h->context, digest, NULL) == 1 ? 0 : HASH_FAILED;
        if (n < 0 && errno != EINTR) return errno;
        if (n > 0 && EVP_DigestUpdate(h->context, h->buffer, (size_t)n) != 1) return HASH_FAILED;
    }
}

static void hash_file(void *arg) {
    sum *it = arg;
    const hasher *h = &it->tally->hashers[tp_worker_index() + 1];
    int fd = open(it->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    it->error = fd < 0 ? errno : hash_descriptor(h, fd, it->digest);
    if (fd >= 0) close(fd);
    sem_post(&it->done);
}

static bool make_hashers(tally *s) {
    s->hasher_count = tp_thread_count(s->pool) + 1;
    s->hashers = calloc(s->hasher_count, sizeof *s->hashers);
    for (uint32_t i = 0; s->hashers != NULL && i < s->hasher_count; i++) {
        hasher *h = &s->hashers[i];
        h->buffer = malloc(READ_SIZE);
        h->context = EVP_MD_CTX_new();
        if (h->buffer == NULL || h->context == NULL) return false;
        if (EVP_DigestInit_ex(h->context, EVP_sha256(), NULL) != 1) return false;
    }
    return s->hashers != NULL;
}

// ---- Print -----------------------------------------------------------------------------------------------

// Writes the line that sha256sum writes: a name that would break the line is escaped, and the line begins with a \.
static void write_line(const sum *it) {
    char hex[2 * DIGEST_SIZE];
    for (int i = 0; i < DIGEST_SIZE; i++) {
        hex[2 * i] = "0123456789abcdef"[it->digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[it->digest[i] & 15];
    }
    bool escape = strpbrk(it->path, "\\\n\r") != NULL;
    if (escape) putchar('\\');
    fwrite(hex, 1, sizeof hex, stdout);
    fputs("  ", stdout);
    for (const char *c = it->path; escape && *c != '\0'; c++) {
        if (*c == '\\') fputs("\\\\", stdout);
        else if (*c == '\n') fputs("\\n", stdout);
        else if (*c == '\r') fputs("\\r", stdout);
        else putchar(*c);
    }
    if (!escape) fputs(it->path, stdout);
    putchar('\n');
}

static void check_output(tally *s, bool good) {
    if (good || s->stopped) return;
    complain(s, "standard output", strerror(errno));
    s->stopped = true;
}

// Prints the result at the head of the ring, which is done, and gives its place back.
static void print_head(tally *s) {
    sum *it = &s->ring[s->printed++ % RING_SIZE];
    if (it->error == HASH_FAILED) {
        complain(s, it->path, "libcrypto failed");
    } else if (it->error != 0) {
        complain(s, it->path, strerror(it->error));
    } else if (!s->stopped) {
        write_line(it);
        check_output(s, !ferror(stdout));
    }
    free(it->path);
    it->path = NULL;
}

static void print_ready(tally *s) {
    while (s->printed < s->submitted && sem_trywait(&s->ring[s->printed % RING_SIZE].done) == 0) print_head(s);
}

static void wait_and_print(tally *s) {
    while (sem_wait(&s->ring[s->printed % RING_SIZE].done) != 0) continue; // EINTR
    print_head(s);
}

// ---- Walk ------------------------------------------------------------------------------------------------

// Has the file at `path` hashed, and takes the string.
static void submit(tally *s, char *path) {
    if (s->submitted - s->printed == RING_SIZE) wait_and_print(s);
    sum *it = &s->ring[s->submitted++ % RING_SIZE];
    it->path = path;
    // A refused task is still ours: a lack of memory or threads costs time, and no file.
    if (tp_submit(s->pool, hash_file, it) != TP_OK) hash_file(it);
    print_ready(s);
}

typedef struct {
    ino_t inode;
    unsigned char type;
    char *path;
} entry;

typedef struct {
    entry *entries; // the files and directories among the entries seen
    size_t count;
    size_t capacity;
    size_t seen;
} batch;

static int compare_inodes(const void *a, const void *b) {
    ino_t x = ((const entry *)a)->inode, y = ((const entry *)b)->inode;
    return x < y ? -1 : x > y;
}

// The rule by which find sorts the entries of a large directory: not where inode numbers say nothing about the disk.
static bool sorts_by_inode(int dir) {
    struct statfs fs;
    if (fstatfs(dir, &fs) != 0) return true;
    return fs.f_type != TMPFS_MAGIC && fs.f_type != NFS_SUPER_MAGIC && (uint32_t)fs.f_type != CIFS_SUPER_MAGIC;
}

static char *join(const char *dir, const char *name) {
    size_t dir_len = strlen(dir), name_size = strlen(name) + 1;
    bool slash = dir_len > 0 && dir[dir_len - 1] != '/';
    char *path = malloc(dir_len + slash + name_size);
    if (path == NULL) return NULL;
    memcpy(path, dir, dir_len);
    if (slash) path[dir_len] = '/';
    memcpy(path + dir_len + slash, name, name_size);
    return path;
}

static bool append(batch *b, const char *dir, const struct dirent *d) {
    if (b->count == b->capacity) {
        size_t capacity = b->capacity == 0 ? 64 : 2 * b->capacity;
        entry *entries = realloc(b->entries, capacity * sizeof *entries);
        if (entries == NULL) return false;
        b->entries = entries;
        b->capacity = capacity;
    }
    char *path = join(dir, d->d_name);
    if (path == NULL) return false;
    b->entries[b->count++] = (entry){d->d_ino, d->d_type, path};
    return true;
}

// Reads the next entries of `dir`, which is called `path`. False at its end, or after an error.
static bool read_batch(tally *s, DIR *dir, const char *path, batch *b) {
    while (b->seen < BATCH_SIZE) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (d == NULL && errno == 0) return false;
        if (d != NULL && (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)) continue;
        b->seen++;
        if (d != NULL && d->d_type != DT_REG && d->d_type != DT_DIR && d->d_type != DT_UNKNOWN) continue;
        if (d == NULL || !append(b, path, d)) {
            complain(s, path, strerror(errno));
            return false;
        }
    }
    return true;
}

static void walk(tally *s, const char *path);

// Sums what is at `path`, and takes the string.
static void visit(tally *s, char *path, unsigned char type) {
    if (type == DT_UNKNOWN) {
        struct stat st;
        if (lstat(path, &st) != 0) complain(s, path, strerror(errno));
        else type = S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_UNKNOWN;
    }
    if (type == DT_REG) {
        submit(s, path);
        return;
    }
    if (type == DT_DIR) walk(s, path);
    free(path);
}

static void walk(tally *s, const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        complain(s, path, strerror(errno));
        if (fd >= 0) close(fd);
        return;
    }
    bool sorts = sorts_by_inode(fd);
    for (bool more = true; more && !s->stopped;) {
        batch b = {NULL, 0, 0, 0};
        more = read_batch(s, dir, path, &b);
        // Closed before its subdirectories are opened: deep trees need no more descriptors than flat ones.
        if (!more) {
            closedir(dir);
            dir = NULL;
        }
        if (sorts && b.seen > SORT_ABOVE) qsort(b.entries, b.count, sizeof *b.entries, compare_inodes);
        for (size_t i = 0; i < b.count; i++) {
            if (s->stopped) free(b.entries[i].path);
            else visit(s, b.entries[i].path, b.entries[i].type);
        }
        free(b.entries);
    }
    if (dir != NULL) closedir(dir);
}

static void sum_tree(tally *s, const char *path) {
    char *copy = strdup(path);
    if (copy == NULL) complain(s, path, strerror(errno));
    else visit(s, copy, DT_UNKNOWN);
}

// ---- The whole -------------------------------------------------------------------------------------------

static uint32_t parse_threads(const char *text) {
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && n >= 1 && n <= MAX_THREADS) return (uint32_t)n;
    fprintf(stderr, "tpsum: -p %s: a number from 1 to %d is needed\n", text, MAX_THREADS);
    exit(EXIT_FAILURE);
}

static uint32_t parse_options(int argc, char **argv) {
    static const struct option LONG[] = {
        {"help", no_argument, NULL, 'h'},
        {"processes", required_argument, NULL, 'p'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    uint32_t threads = 0;
    for (int c; (c = getopt_long(argc, argv, "hp:V", LONG, NULL)) != -1;) {
        switch (c) {
        case 'h': exit(fputs(HELP, stdout) == EOF || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS);
        case 'p': threads = parse_threads(optarg); break;
        case 'V': printf("tpsum (tp %s)\n", tp_version()); exit(EXIT_SUCCESS);
        default: fputs("Try 'tpsum --help'.\n", stderr); exit(EXIT_FAILURE);
        }
    }
    return threads;
}

static const char *start(tally *s, uint32_t threads) {
    tp_options options = TP_OPTIONS_INIT;
    options.name = "tpsum";
    options.threads = threads;
    tp_status status = tp_create(&options, &s->pool);
    if (status != TP_OK) return tp_status_string(status);
    s->ring = calloc(RING_SIZE, sizeof *s->ring);
    if (s->ring == NULL || !make_hashers(s)) return tp_status_string(TP_ENOMEM);
    for (int i = 0; i < RING_SIZE; i++) {
        s->ring[i].tally = s;
        sem_init(&s->ring[i].done, 0, 0);
    }
    return NULL;
}

static void finish(tally *s) {
    while (s->printed < s->submitted && !s->stopped) wait_and_print(s);
    check_output(s, fflush(stdout) == 0 && close(STDOUT_FILENO) == 0);
    if (s->pool != NULL) tp_shutdown(s->pool, TP_DISCARD, TP_FOREVER);
    tp_destroy(s->pool);
    for (uint32_t i = 0; s->hashers != NULL && i < s->hasher_count; i++) {
        EVP_MD_CTX_free(s->hashers[i].context);
        free(s->hashers[i].buffer);
    }
    free(s->hashers);
    for (int i = 0; s->ring != NULL && i < RING_SIZE; i++) free(s->ring[i].path);
    free(s->ring);
}

int main(int argc, char **argv) {
    uint32_t threads = parse_options(argc, argv);
    if (!isatty(STDOUT_FILENO)) setvbuf(stdout, NULL, _IOFBF, 64 << 10);
    tally s = {0};
    const char *why = start(&s, threads);
    if (why != NULL) {
        complain(&s, "cannot start threads", why);
    } else if (optind == argc) {
        sum_tree(&s, ".");
    }
    for (int i = optind; why == NULL && i < argc && !s.stopped; i++) sum_tree(&s, argv[i]);
    finish(&s);
    return s.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
