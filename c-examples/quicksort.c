// quicksort: sorts numbers, on all CPUs.
//
// `quicksort FILE` prints the numbers of a file in order, like `sort -n FILE`; `quicksort -b 10000000` sorts random
// ones and says how long it took, beside the C library's qsort.
//
// This is how to write your own divide and conquer: where a serial quicksort calls itself twice, this one calls
// tp_parallel_invoke once. The first branch runs here; the second waits where others may take it, and runs here too if
// nobody did. So a fork costs little, and it needs no count of CPUs: there are as many branches as the data asks for.
// (To sort in a program of yours, call tp_parallel_sort_keys, which is faster.)
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tp.h>
#include <unistd.h>

enum {
    MAX_THREADS = 4096,
    FORK_SIZE = 2048,   // what is smaller is not worth a branch
    INSERTION_SIZE = 16 // nor this a partition
};

static const char HELP[] = "Usage: quicksort [OPTION]... [FILE]...\n"
                           "Print the numbers of all FILEs in order. Each line holds one integer of 64 bits;\n"
                           "empty lines are left out. With no FILE, or if it is -, read standard input.\n"
                           "\n"
                           "  -b, --benchmark N   sort N random numbers instead, print how long it took and how\n"
                           "                      long qsort takes for the same\n"
                           "  -p, --processes N   sort on N threads (default: one per usable CPU)\n"
                           "  -r, --reverse       print the largest first\n"
                           "  -h, --help          show this and exit\n"
                           "  -V, --version       show the version and exit\n"
                           "\n"
                           "What comes out is checked: it is in order, and it is what came in.\n"
                           "Without -p, the environment variable TP_NUM_THREADS sets the number of threads.\n"
                           "\n"
                           "Exit status: 0 if all went well, 1 if not.\n";

typedef struct {
    uint64_t benchmark; // 0: none
    uint32_t threads;
    bool reverse;
} options;

static options opt;

static bool complain(const char *name, const char *why) {
    fprintf(stderr, "quicksort: %s: %s\n", name, why);
    return false;
}

// ---- Sort ------------------------------------------------------------------------------------------------

// What a branch sorts, and how many partitions it may still make on its way: more than that, and they are bad ones.
typedef struct {
    int64_t *first;
    size_t count;
    uint32_t partitions;
} part;

static void swap(int64_t *a, int64_t *b) {
    int64_t t = *a;
    *a = *b;
    *b = t;
}

static void insertion_sort(int64_t *a, size_t n) {
    for (size_t i = 1; i < n; i++) {
        int64_t x = a[i];
        size_t j = i;
        for (; j > 0 && a[j - 1] > x; j--) a[j] = a[j - 1];
        a[j] = x;
    }
}

static void sift_down(int64_t *a, size_t at, size_t n) {
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && a[child] < a[child + 1]) child++;
        if (a[at] >= a[child]) return;
        swap(&a[at], &a[child]);
    }
}

// Not fast, but never slow: for what somebody made up so that each partition is a bad one.
static void heap_sort(int64_t *a, size_t n) {
    for (size_t i = n / 2; i-- > 0;) sift_down(a, i, n);
    while (n > 1) {
        swap(&a[0], &a[--n]);
        sift_down(a, 0, n);
    }
}

static int64_t median(int64_t a, int64_t b, int64_t c) {
    if (a > b) swap(&a, &b);
    return c < a ? a : c > b ? b : c;
}

// Of three medians of three.
static int64_t choose_pivot(const int64_t *a, size_t n) {
    size_t step = n / 9;
    int64_t m[3];
    for (size_t i = 0; i < 3; i++) m[i] = median(a[3 * i * step], a[(3 * i + 1) * step], a[(3 * i + 2) * step]);
    return median(m[0], m[1], m[2]);
}

// Splits into what is below the pivot, `*low` many, what is equal, and what is above, from `*high` on.
static void partition(int64_t *a, size_t n, size_t *low, size_t *high) {
    int64_t pivot = choose_pivot(a, n);
    size_t below = 0, above = n;
    for (size_t i = 0; i < above;) {
        if (a[i] < pivot) swap(&a[i++], &a[below++]);
        else if (a[i] > pivot) swap(&a[i], &a[--above]);
        else i++;
    }
    *low = below;
    *high = above;
}

// The branch, and the task of the whole.
static void sort_part(void *arg) {
    part p = *(part *)arg;
    while (p.count > INSERTION_SIZE) {
        if (p.partitions-- == 0) {
            heap_sort(p.first, p.count);
            return;
        }
        size_t low, high;
        partition(p.first, p.count, &low, &high);
        part left = {p.first, low, p.partitions};
        part right = {p.first + high, p.count - high, p.partitions};
        if (left.count >= FORK_SIZE && right.count >= FORK_SIZE) {
            // In a task of the pool, as here, a call with two functions does not fail.
            tp_parallel_invoke(tp_current(), sort_part, &left, sort_part, &right);
            return;
        }
        // The shorter one first, so that calls in calls are few.
        bool left_first = left.count < right.count;
        sort_part(left_first ? &left : &right);
        p = left_first ? right : left;
    }
    insertion_sort(p.first, p.count);
}

// ---- The numbers -----------------------------------------------------------------------------------------

typedef struct {
    int64_t *items;
    size_t count;
} numbers;

static bool append(numbers *n, int64_t x) {
    // The array doubles when the count reaches a power of two.
    if ((n->count & (n->count - 1)) == 0) {
        int64_t *items = reallocarray(n->items, n->count == 0 ? 1 : 2 * n->count, sizeof *items);
        if (items == NULL) return false;
        n->items = items;
    }
    n->items[n->count++] = x;
    return true;
}

static const char *skip_blanks(const char *text) {
    while (isspace((unsigned char)*text)) text++;
    return text;
}

// Takes the number of a line, if it has one. Returns 0 or an error; EINVAL: it is no number.
static int read_line(const char *line, size_t length, numbers *n) {
    if (*skip_blanks(line) == '\0' && strlen(line) == length) return 0;
    char *end;
    errno = 0;
    long long x = strtoll(line, &end, 10);
    if (errno != 0) return errno;
    if (end == line || (size_t)(skip_blanks(end) - line) != length) return EINVAL;
    return append(n, x) ? 0 : ENOMEM;
}

static bool read_numbers(FILE *file, const char *name, numbers *n) {
    char *line = NULL;
    size_t size = 0;
    uint64_t at = 0;
    int error = 0;
    for (ssize_t length; error == 0 && (length = getline(&line, &size, file)) >= 0;) {
        error = read_line(line, (size_t)length, n);
        at++;
    }
    if (error == 0 && ferror(file)) complain(name, strerror(errno));
    else if (error == EINVAL) fprintf(stderr, "quicksort: %s: line %" PRIu64 " is not a number\n", name, at);
    else if (error == ERANGE) fprintf(stderr, "quicksort: %s: line %" PRIu64 " has more than 64 bits\n", name, at);
    else if (error != 0) complain(name, strerror(error));
    free(line);
    return error == 0 && !ferror(file);
}

static bool read_file(const char *path, numbers *n) {
    if (strcmp(path, "-") == 0) return read_numbers(stdin, "standard input", n);
    FILE *file = fopen(path, "r");
    if (file == NULL) return complain(path, strerror(errno));
    bool done = read_numbers(file, path, n);
    fclose(file);
    return done;
}

static bool make_numbers(uint64_t count, numbers *n) {
    n->items = count <= SIZE_MAX ? reallocarray(NULL, count, sizeof *n->items) : NULL;
    if (n->items == NULL) return complain("cannot sort", strerror(ENOMEM));
    n->count = count;
    // Weyl's sequence, mixed: the same numbers each time.
    uint64_t state = 0;
    for (size_t i = 0; i < n->count; i++) {
        uint64_t x = state += UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
        n->items[i] = (int64_t)(x ^ (x >> 31));
    }
    return true;
}

// A sum that does not depend on the order, so that what came in can be compared with what goes out.
static uint64_t checksum(const numbers *n) {
    uint64_t sum = n->count;
    for (size_t i = 0; i < n->count; i++) {
        uint64_t x = (uint64_t)n->items[i] * UINT64_C(0xff51afd7ed558ccd);
        sum += x ^ (x >> 32);
    }
    return sum;
}

static bool is_sorted(const numbers *n) {
    for (size_t i = 1; i < n->count; i++) {
        if (n->items[i - 1] > n->items[i]) return false;
    }
    return true;
}

// ---- The whole -------------------------------------------------------------------------------------------

static bool sort_numbers(tp_pool *pool, numbers *n) {
    part whole = {n->items, n->count, 1};
    // Twice the logarithm.
    for (size_t count = n->count; count > 1; count /= 2) whole.partitions += 2;
    uint64_t before = checksum(n);
    tp_status status = tp_submit(pool, sort_part, &whole);
    if (status == TP_OK) status = tp_wait(pool, TP_FOREVER);
    if (status != TP_OK) return complain("cannot sort", tp_status_string(status));
    if (is_sorted(n) && checksum(n) == before) return true;
    return complain("cannot sort", "the result is wrong, which is a bug");
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int compare(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return a < b ? -1 : a > b;
}

static bool benchmark(tp_pool *pool) {
    numbers mine = {NULL, 0}, reference = {NULL, 0};
    bool done = make_numbers(opt.benchmark, &mine) && make_numbers(opt.benchmark, &reference);
    double begun = now();
    done = done && sort_numbers(pool, &mine);
    double between = now();
    if (done) {
        qsort(reference.items, reference.count, sizeof *reference.items, compare);
        double seconds = between - begun, qsort_seconds = now() - between;
        printf("%zu numbers: quicksort %.3f s on %" PRIu32 " threads, qsort %.3f s: %.1f times as fast\n", mine.count,
               seconds, tp_thread_count(pool), qsort_seconds, qsort_seconds / seconds);
        if (memcmp(mine.items, reference.items, mine.count * sizeof *mine.items) != 0) {
            done = complain("cannot sort", "qsort gives something else, which is a bug");
        }
    }
    free(mine.items);
    free(reference.items);
    return done;
}

static bool sort_files(tp_pool *pool, char **paths, int count) {
    numbers n = {NULL, 0};
    bool done = count > 0 || read_file("-", &n);
    for (int i = 0; done && i < count; i++) done = read_file(paths[i], &n);
    done = done && sort_numbers(pool, &n);
    for (size_t i = 0; done && i < n.count; i++) {
        printf("%" PRId64 "\n", n.items[opt.reverse ? n.count - 1 - i : i]);
        // Whether there is anybody to print for is asked now and then.
        if (i % 4096 == 0 && ferror(stdout)) break;
    }
    free(n.items);
    return done;
}

static uint64_t parse_number(char option, const char *text, uint64_t max) {
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && n >= 1 && n <= max) return n;
    fprintf(stderr, "quicksort: -%c %s: a number from 1 to %" PRIu64 " is needed\n", option, text, max);
    exit(EXIT_FAILURE);
}

static void parse_options(int argc, char **argv) {
    static const struct option LONG[] = {
        {"benchmark", required_argument, NULL, 'b'}, {"help", no_argument, NULL, 'h'},
        {"processes", required_argument, NULL, 'p'}, {"reverse", no_argument, NULL, 'r'},
        {"version", no_argument, NULL, 'V'},         {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "b:hp:rV", LONG, NULL)) != -1;) {
        switch (c) {
        case 'b': opt.benchmark = parse_number('b', optarg, INT64_MAX); break;
        case 'h': exit(fputs(HELP, stdout) == EOF || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS);
        case 'p': opt.threads = (uint32_t)parse_number('p', optarg, MAX_THREADS); break;
        case 'r': opt.reverse = true; break;
        case 'V': printf("quicksort (tp %s)\n", tp_version()); exit(EXIT_SUCCESS);
        default: fputs("Try 'quicksort --help'.\n", stderr); exit(EXIT_FAILURE);
        }
    }
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    if (!isatty(STDOUT_FILENO)) setvbuf(stdout, NULL, _IOFBF, 64 << 10);
    tp_options pool_options = TP_OPTIONS_INIT;
    pool_options.name = "quicksort";
    pool_options.threads = opt.threads;
    tp_pool *pool = NULL;
    tp_status status = tp_create(&pool_options, &pool);
    bool done;
    if (status != TP_OK) done = complain("cannot start threads", tp_status_string(status));
    else if (opt.benchmark != 0) done = benchmark(pool);
    else done = sort_files(pool, argv + optind, argc - optind);
    tp_destroy(pool);
    bool failed = ferror(stdout) != 0;
    if ((fflush(stdout) != 0 || close(STDOUT_FILENO) != 0 || failed) && done) {
        done = complain("standard output", strerror(errno));
    }
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
