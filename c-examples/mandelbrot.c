// mandelbrot: pictures of the Mandelbrot set, drawn on all CPUs.
//
// `mandelbrot >set.ppm` writes a picture; on a terminal, `mandelbrot` shows what it would look like in characters.
//
// A row is an item of one tp_parallel_for. Rows cost very different times (inside the set each pixel takes all its
// steps, outside nearly none), so nobody could share them out beforehand: whoever is through takes rows that another
// has not begun. Each row is written by one call alone, so the picture is the same on any number of threads. What a
// participant did it notes under its tp_loop_slot(), which -v shows; nothing in the loop is shared or locked.
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <tp.h>
#include <unistd.h>

enum { MAX_THREADS = 4096, MAX_SIDE = 65536, MAX_STEPS = 1000000000 };

static const char HELP[] = "Usage: mandelbrot [OPTION]...\n"
                           "Draw the Mandelbrot set on all CPUs: a picture (PPM) to standard output, or a\n"
                           "preview in characters if that is a terminal.\n"
                           "\n"
                           "  -c, --center X,Y    what is in the middle (default: -0.75,0)\n"
                           "  -i, --iterations N  steps after which a point counts as inside (default: 1000)\n"
                           "  -o, --output FILE   write the picture to FILE\n"
                           "  -p, --processes N   draw on N threads (default: one per usable CPU)\n"
                           "  -s, --size WxH      pixels of the picture (default: 1200x800), or with -t\n"
                           "                      characters (default: the terminal's, or 80x24)\n"
                           "  -t, --text          write the preview wherever standard output goes\n"
                           "  -v, --verbose       say how long it took, and how many rows each thread drew\n"
                           "  -w, --width W       how much of the plane is seen from left to right\n"
                           "                      (default: 3.5)\n"
                           "  -h, --help          show this and exit\n"
                           "  -V, --version       show the version and exit\n"
                           "\n"
                           "With -o on a terminal the preview is shown too.\n"
                           "Without -p, the environment variable TP_NUM_THREADS sets the number of threads.\n"
                           "\n"
                           "  mandelbrot -c -0.743643887,0.131825904 -w 0.00005 -i 5000 -o seahorses.ppm\n"
                           "\n"
                           "Exit status: 0 if all went well, 1 if not.\n";

typedef struct {
    double x, y, width;
    uint32_t columns, rows; // 0: not given
    uint32_t iterations;
    uint32_t threads;
    const char *output;
    bool text;
    bool verbose;
} options;

static options opt = {.x = -0.75, .width = 3.5, .iterations = 1000};

// What is drawn: cells of the plane, `aspect` times as high as wide. A pixel is three bytes, a character one.
typedef struct {
    uint32_t columns, rows;
    double aspect;
    unsigned char *cells;
    uint64_t *rows_of_slot; // how many rows each participant drew, a cache line apart
} drawing;

enum { SLOT_STRIDE = 64 / sizeof(uint64_t) };

static bool complain(const char *name, const char *why) {
    fprintf(stderr, "mandelbrot: %s: %s\n", name, why);
    return false;
}

// ---- One point -------------------------------------------------------------------------------------------

// True in the two large parts of the set, where most of the time would go.
static bool is_in_a_large_part(double x, double y) {
    double left = x - 0.25, q = left * left + y * y;
    return q * (q + left) <= 0.25 * y * y || (x + 1) * (x + 1) + y * y <= 0.0625;
}

// Returns after how many steps the point is far away, with what is between two steps as a fraction; -1 if it stays.
static double escape(double x, double y) {
    if (is_in_a_large_part(x, y)) return -1;
    double re = 0, im = 0;
    for (uint32_t step = 0; step < opt.iterations; step++) {
        double re2 = re * re, im2 = im * im;
        if (re2 + im2 > 256) return step + 1 - log2(log2(re2 + im2) / 2);
        im = 2 * re * im + y;
        re = re2 - im2 + x;
    }
    return -1;
}

static double escape_at(const drawing *d, uint64_t row, uint32_t column) {
    double cell = opt.width / d->columns;
    double x = opt.x + (column + 0.5 - d->columns / 2.0) * cell;
    double y = opt.y - ((double)row + 0.5 - d->rows / 2.0) * cell * d->aspect;
    return escape(x, y);
}

// ---- The loop's bodies -----------------------------------------------------------------------------------

static void note_rows(const drawing *d, uint64_t n) { d->rows_of_slot[tp_loop_slot() * SLOT_STRIDE] += n; }

// From blue over white and orange to black and around again, slower the further away.
static void set_colour(double steps, unsigned char *pixel) {
    if (steps < 0) {
        memset(pixel, 0, 3);
        return;
    }
    double turn = 6.2832 * log2(steps + 1) / 4;
    pixel[0] = (unsigned char)(127.5 - 127.5 * cos(turn - 0.6));
    pixel[1] = (unsigned char)(127.5 - 127.5 * cos(turn - 0.3));
    pixel[2] = (unsigned char)(127.5 - 127.5 * cos(turn));
}

static void paint_rows(uint64_t lo, uint64_t hi, void *ctx) {
    const drawing *d = ctx;
    for (uint64_t row = lo; row < hi; row++) {
        unsigned char *pixel = d->cells + row * d->columns * 3;
        for (uint32_t column = 0; column < d->columns; column++, pixel += 3) {
            set_colour(escape_at(d, row, column), pixel);
        }
    }
    note_rows(d, hi - lo);
}

static void type_rows(uint64_t lo, uint64_t hi, void *ctx) {
    static const char SHADES[] = " .:-=+*%";
    const drawing *d = ctx;
    for (uint64_t row = lo; row < hi; row++) {
        unsigned char *character = d->cells + row * (d->columns + 1);
        for (uint32_t column = 0; column < d->columns; column++) {
            double steps = escape_at(d, row, column);
            size_t shade = steps < 0 ? 0 : (size_t)log2(steps + 2);
            character[column] = steps < 0 ? '#' : (unsigned char)SHADES[shade < 7 ? shade : 7];
        }
        character[d->columns] = '\n';
    }
    note_rows(d, hi - lo);
}

// ---- The drawing -----------------------------------------------------------------------------------------

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(const drawing *d, uint32_t slots, double seconds) {
    fprintf(stderr, "%" PRIu32 " x %" PRIu32 " in %.3f s; rows by thread:", d->columns, d->rows, seconds);
    for (uint32_t slot = 0; slot < slots; slot++) {
        uint64_t rows = d->rows_of_slot[slot * SLOT_STRIDE];
        if (rows > 0) fprintf(stderr, " %" PRIu64, rows);
    }
    fputc('\n', stderr);
}

// Draws all rows, into `d->cells` of `row_size` bytes a row.
static bool draw(tp_pool *pool, drawing *d, size_t row_size, tp_range_fn body) {
    uint32_t slots = tp_slot_count(pool);
    size_t size = 0;
    if (!__builtin_mul_overflow(row_size, (size_t)d->rows, &size)) d->cells = malloc(size);
    d->rows_of_slot = calloc(slots, SLOT_STRIDE * sizeof *d->rows_of_slot);
    if (d->cells == NULL || d->rows_of_slot == NULL) return complain("cannot draw", strerror(ENOMEM));
    double begun = now();
    tp_status status = tp_parallel_for(pool, 0, d->rows, 1, body, d);
    if (status != TP_OK) return complain("cannot draw", tp_status_string(status));
    if (opt.verbose) report(d, slots, now() - begun);
    return true;
}

static void forget(drawing *d) {
    free(d->cells);
    free(d->rows_of_slot);
}

static bool write_cells(const drawing *d, size_t row_size, FILE *to, const char *name) {
    if (fwrite(d->cells, row_size, d->rows, to) == d->rows && fflush(to) == 0) return true;
    return complain(name, strerror(errno));
}

// Draws the preview to standard output, as large as the terminal, which shows its prompt below.
static bool preview(tp_pool *pool, bool may_be_sized) {
    struct winsize terminal = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &terminal) == 0 && terminal.ws_col > 0 && terminal.ws_row > 1;
    drawing d = {.columns = known ? terminal.ws_col : 80, .rows = known ? terminal.ws_row - 1u : 24, .aspect = 2};
    if (may_be_sized && opt.columns != 0) {
        d.columns = opt.columns;
        d.rows = opt.rows;
    }
    size_t row_size = (size_t)d.columns + 1;
    bool done = draw(pool, &d, row_size, type_rows) && write_cells(&d, row_size, stdout, "standard output");
    forget(&d);
    return done;
}

static bool write_picture(const drawing *d, FILE *to, const char *name) {
    fprintf(to, "P6\n%" PRIu32 " %" PRIu32 "\n255\n", d->columns, d->rows);
    return write_cells(d, (size_t)d->columns * 3, to, name);
}

// A file that could not be written to its end is removed, if it is one.
static bool write_file(const drawing *d, const char *path) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) return complain(path, strerror(errno));
    bool done = write_picture(d, file, path);
    bool closed = fclose(file) == 0;
    if (done && closed) return true;
    if (done) complain(path, strerror(errno));
    if (strncmp(path, "/dev/", 5) != 0) unlink(path);
    return false;
}

static bool picture(tp_pool *pool) {
    drawing d = {.columns = opt.columns != 0 ? opt.columns : 1200, .rows = opt.rows != 0 ? opt.rows : 800, .aspect = 1};
    bool done = draw(pool, &d, (size_t)d.columns * 3, paint_rows);
    if (done && opt.output != NULL) done = write_file(&d, opt.output);
    else if (done) done = write_picture(&d, stdout, "standard output");
    forget(&d);
    return done;
}

// The task of this program, which says in `arg` if all went well.
static void draw_what_is_asked_for(void *arg) {
    tp_pool *pool = tp_current();
    bool terminal = isatty(STDOUT_FILENO), *done = arg;
    *done = true;
    if (opt.output != NULL || (!opt.text && !terminal)) *done = picture(pool);
    // With -o the size is the picture's.
    if (*done && (opt.text || terminal)) *done = preview(pool, opt.output == NULL);
}

// ---- The command line ------------------------------------------------------------------------------------

_Noreturn static void refuse(char option, const char *text, const char *needed) {
    fprintf(stderr, "mandelbrot: -%c %s: %s is needed\n", option, text, needed);
    exit(EXIT_FAILURE);
}

static uint32_t parse_number(char option, const char *text, uint32_t max) {
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && n >= 1 && n <= max) return (uint32_t)n;
    char needed[64];
    snprintf(needed, sizeof needed, "a number from 1 to %" PRIu32, max);
    refuse(option, text, needed);
}

static void parse_size(const char *text) {
    int end = 0;
    if (sscanf(text, "%" SCNu32 "x%" SCNu32 "%n", &opt.columns, &opt.rows, &end) != 2 || text[end] != '\0' ||
        opt.columns < 1 || opt.columns > MAX_SIDE || opt.rows < 1 || opt.rows > MAX_SIDE) {
        refuse('s', text, "WxH, each from 1 to 65536,");
    }
}

static void parse_center(const char *text) {
    int end = 0;
    if (sscanf(text, "%lf,%lf%n", &opt.x, &opt.y, &end) != 2 || text[end] != '\0' || !isfinite(opt.x) ||
        !isfinite(opt.y)) {
        refuse('c', text, "a point X,Y");
    }
}

static void parse_width(const char *text) {
    int end = 0;
    if (sscanf(text, "%lf%n", &opt.width, &end) != 1 || text[end] != '\0' || !isfinite(opt.width) || opt.width <= 0) {
        refuse('w', text, "a number above 0");
    }
}

static void parse_options(int argc, char **argv) {
    static const struct option LONG[] = {
        {"center", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"iterations", required_argument, NULL, 'i'},
        {"output", required_argument, NULL, 'o'},
        {"processes", required_argument, NULL, 'p'},
        {"size", required_argument, NULL, 's'},
        {"text", no_argument, NULL, 't'},
        {"verbose", no_argument, NULL, 'v'},
        {"version", no_argument, NULL, 'V'},
        {"width", required_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "c:hi:o:p:s:tvVw:", LONG, NULL)) != -1;) {
        switch (c) {
        case 'c': parse_center(optarg); break;
        case 'h': exit(fputs(HELP, stdout) == EOF || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS);
        case 'i': opt.iterations = parse_number('i', optarg, MAX_STEPS); break;
        case 'o': opt.output = optarg; break;
        case 'p': opt.threads = parse_number('p', optarg, MAX_THREADS); break;
        case 's': parse_size(optarg); break;
        case 't': opt.text = true; break;
        case 'v': opt.verbose = true; break;
        case 'V': printf("mandelbrot (tp %s)\n", tp_version()); exit(EXIT_SUCCESS);
        case 'w': parse_width(optarg); break;
        default: fputs("Try 'mandelbrot --help'.\n", stderr); exit(EXIT_FAILURE);
        }
    }
    if (optind == argc) return;
    fprintf(stderr, "mandelbrot: %s: no argument is expected\nTry 'mandelbrot --help'.\n", argv[optind]);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    tp_options pool_options = TP_OPTIONS_INIT;
    pool_options.name = "mandelbrot";
    pool_options.threads = opt.threads;
    tp_pool *pool = NULL;
    bool done = false;
    tp_status status = tp_create(&pool_options, &pool);
    // In a task, so that as many threads draw as were asked for: a loop's caller takes part.
    if (status == TP_OK) status = tp_submit(pool, draw_what_is_asked_for, &done);
    if (status != TP_OK) complain("cannot start threads", tp_status_string(status));
    tp_destroy(pool);
    // A full disk behind a network may say so only now.
    if (close(STDOUT_FILENO) != 0 && done) done = complain("standard output", strerror(errno));
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
