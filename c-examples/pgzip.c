// pgzip: gzip on all CPUs.
//
// What it makes is what gzip makes: one member per file, which gzip and everything else unpacks. It takes gzip's
// options, and gives gzip's exit codes: 0, 1 for an error, 2 for a file that was left as it is.
//
// FILE.gz appears under its name when it is whole, with the mode and the times of FILE, and only then is FILE removed.
// Until then it is a hidden file in the same directory, which no error and no signal leaves behind. pgzip_stream.c is
// where the threads are.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "pgzip_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum { EXIT_ERROR = 1, EXIT_WARNING = 2, MAX_THREADS = 4096 };

static const char HELP[] = "Usage: pgzip [OPTION]... [FILE]...\n"
                           "Compress each FILE to FILE.gz, on all CPUs, and remove FILE.\n"
                           "With no FILE, or when FILE is -, compress standard input to standard output.\n"
                           "\n"
                           "  -p, --processes N   compress on N threads (default: one per usable CPU)\n"
                           "  -1, --fast          compress faster\n"
                           "  -9, --best          compress better; -1 to -9 are the levels (default: -6)\n"
                           "  -c, --stdout        write to standard output, and keep FILE\n"
                           "  -k, --keep          keep FILE\n"
                           "  -f, --force         overwrite FILE.gz; compress links, and files that end\n"
                           "                        in .gz; write to a terminal\n"
                           "  -v, --verbose       say what was saved, how fast, and in how many tasks\n"
                           "  -h, --help          show this and exit\n"
                           "  -V, --version       show the version and exit\n"
                           "\n"
                           "FILE.gz gets the mode, the owner and the times of FILE. A FILE that changes\n"
                           "while it is read is kept. gzip -d unpacks what pgzip makes.\n"
                           "Without -p, the environment variable TP_NUM_THREADS sets the number of threads.\n"
                           "\n"
                           "Exit status: 0 if all went well, 1 after an error, 2 if FILE was skipped or kept.\n";

typedef struct {
    uint32_t threads;
    int level;
    bool to_stdout;
    bool keep;
    bool force;
    bool verbose;
} options;

static options opt = {.level = 6};
static int exit_status = 0;

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

// ---- Messages --------------------------------------------------------------------------------------------

__attribute__((format(printf, 2, 3))) static bool complain(int status, const char *format, ...) {
    // An error outranks a warning, as in gzip.
    if (exit_status != EXIT_ERROR) exit_status = status;
    va_list args;
    va_start(args, format);
    fputs("pgzip: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return false;
}

static bool complain_errno(const char *name) { return complain(EXIT_ERROR, "%s: %s", name, strerror(errno)); }

static bool complain_gz(gz_error error, const char *in_name, const char *out_name) {
    switch (error.cause) {
    case GZ_OK: break;
    case GZ_READ: return complain(EXIT_ERROR, "%s: %s", in_name, strerror(error.code));
    case GZ_WRITE: return complain(EXIT_ERROR, "%s: %s", out_name, strerror(error.code));
    case GZ_DEFLATE: return complain(EXIT_ERROR, "%s: zlib: %s", in_name, zError(error.code));
    case GZ_POOL: return complain(EXIT_ERROR, "%s: %s", in_name, tp_status_string(error.code));
    }
    return true;
}

// ---- The unfinished file, and signals --------------------------------------------------------------------

static const int FATAL_SIGNALS[] = {SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGXCPU, SIGXFSZ};
enum { FATAL_SIGNAL_COUNT = sizeof FATAL_SIGNALS / sizeof FATAL_SIGNALS[0] };

// The file that a fatal signal removes. It changes together with the disk, while those signals are blocked.
static char *volatile unfinished = NULL;

static void die(int sig) {
    if (unfinished != NULL) unlink(unfinished);
    raise(sig); // comes back by default action, for SA_RESETHAND
}

static sigset_t fatal_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < FATAL_SIGNAL_COUNT; i++) sigaddset(&set, FATAL_SIGNALS[i]);
    return set;
}

static void catch_fatal_signals(void) {
    struct sigaction action = {.sa_handler = die, .sa_mask = fatal_signals(), .sa_flags = (int)SA_RESETHAND};
    for (int i = 0; i < FATAL_SIGNAL_COUNT; i++) {
        struct sigaction old;
        sigaction(FATAL_SIGNALS[i], NULL, &old);
        if (old.sa_handler != SIG_IGN) sigaction(FATAL_SIGNALS[i], &action, NULL);
    }
}

// Makes a hidden file next to `path`, and returns its descriptor.
static int create_unfinished(const char *path) {
    static const char PATTERN[] = ".pgzip.XXXXXX";
    size_t dir_len = (size_t)(base_name(path) - path);
    char *name = malloc(dir_len + sizeof PATTERN);
    if (name == NULL) return -1;
    memcpy(name, path, dir_len);
    memcpy(name + dir_len, PATTERN, sizeof PATTERN);

    sigset_t fatal = fatal_signals(), before;
    sigprocmask(SIG_BLOCK, &fatal, &before);
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0) unfinished = name;
    else free(name);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return fd;
}

// Gives the unfinished file the name `path`, or removes it if that is NULL or fails. Keeps errno.
static bool end_unfinished(const char *path) {
    sigset_t fatal = fatal_signals(), before;
    sigprocmask(SIG_BLOCK, &fatal, &before);
    int error = errno;
    bool renamed = false;
    if (path != NULL) {
        // Without -f, nothing is overwritten that has appeared meanwhile; not every file system can promise that.
        renamed = renameat2(AT_FDCWD, unfinished, AT_FDCWD, path, opt.force ? 0 : RENAME_NOREPLACE) == 0;
        if (!renamed && (errno == EINVAL || errno == ENOSYS)) renamed = rename(unfinished, path) == 0;
        error = errno;
    }
    if (!renamed) unlink(unfinished);
    free(unfinished);
    unfinished = NULL;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return renamed;
}

// ---- Progress --------------------------------------------------------------------------------------------

typedef struct {
    bool on;
    bool drawn;
    uint64_t total; // bytes; 0: not known
    double begun;
    double next; // when to draw again
} progress;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static progress start_progress(const struct stat *in) {
    progress p = {.begun = now()};
    // Only for somebody who looks: a job in the background would scribble over what its terminal shows.
    p.on = isatty(STDERR_FILENO) && tcgetpgrp(STDERR_FILENO) == getpgrp();
    p.total = S_ISREG(in->st_mode) ? (uint64_t)in->st_size : 0;
    p.next = p.begun + 0.3;
    return p;
}

static void draw_progress(uint64_t bytes, void *ctx) {
    static const char BAR[] = "##############################";
    enum { WIDTH = sizeof BAR - 1 };
    progress *p = ctx;
    if (!p->on) return;
    double t = now(), mb = (double)bytes / 1e6, rate = mb / (t - p->begun);
    if (t < p->next) return;
    p->next = t + 0.1;
    p->drawn = true;
    if (p->total != 0) {
        double done = bytes < p->total ? (double)bytes / (double)p->total : 1;
        fprintf(stderr, "\r\033[K%3d%% [%-*.*s] %.1f of %.1f MB, %.1f MB/s", (int)(done * 100), WIDTH,
                (int)(done * WIDTH), BAR, mb, (double)p->total / 1e6, rate);
    } else {
        fprintf(stderr, "\r\033[K%.1f MB, %.1f MB/s", mb, rate);
    }
    fflush(stderr);
}

static void clear_progress(const progress *p) {
    if (p->drawn) fputs("\r\033[K", stderr);
}

// ---- One file --------------------------------------------------------------------------------------------

typedef struct {
    int fd;
    const char *name;
    struct stat st; // from before the first read
} source;

// Compresses `in` to the descriptor `out`, and says so if asked to.
static bool compress_source(gzipper *gz, const source *in, int out, const char *out_name) {
    if (S_ISREG(in->st.st_mode)) posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    progress p = start_progress(&in->st);
    gz_member member = {.in = in->fd, .out = out, .on_read = draw_progress, .ctx = &p};
    if (in->fd != STDIN_FILENO) member.name = base_name(in->name);
    time_t mtime = S_ISREG(in->st.st_mode) ? in->st.st_mtime : 0;
    if (mtime > 0 && mtime <= UINT32_MAX) member.mtime = (uint32_t)mtime;

    gz_error error = gz_run(gz, &member);
    double seconds = now() - p.begun;
    clear_progress(&p);
    if (error.cause != GZ_OK) return complain_gz(error, in->name, out_name);
    if (!opt.verbose) return true;
    double saved = member.bytes_in == 0 ? 0 : 100 - 100 * (double)member.bytes_out / (double)member.bytes_in;
    fprintf(stderr, "%s: %.1f%% saved, %.1f MB/s, %llu task%s on %u thread%s\n", in->name, saved,
            (double)member.bytes_in / 1e6 / seconds, (unsigned long long)member.tasks, member.tasks == 1 ? "" : "s",
            gz_threads(gz), gz_threads(gz) == 1 ? "" : "s");
    return true;
}

static bool compress_to_stdout(gzipper *gz, const source *in) {
    if (isatty(STDOUT_FILENO) && !opt.force) {
        return complain(EXIT_ERROR, "compressed data is not written to a terminal; -f does it, -h shows help");
    }
    return compress_source(gz, in, STDOUT_FILENO, "standard output");
}

// Gives `fd` what can be had of the owner, mode and times of the file that it stands for.
static bool copy_attributes(int fd, const struct stat *st) {
    if (fchown(fd, st->st_uid, st->st_gid) != 0 && fchown(fd, (uid_t)-1, st->st_gid) != 0) {
        // Only root may give files away.
    }
    struct timespec times[] = {st->st_atim, st->st_mtim};
    return fchmod(fd, st->st_mode & (S_IRWXU | S_IRWXG | S_IRWXO)) == 0 && futimens(fd, times) == 0;
}

static bool has_changed(const source *in) {
    struct stat st;
    return fstat(in->fd, &st) != 0 || st.st_size != in->st.st_size || st.st_mtim.tv_sec != in->st.st_mtim.tv_sec ||
           st.st_mtim.tv_nsec != in->st.st_mtim.tv_nsec;
}

// Compresses `in` into a new file `path`.
static bool compress_to_file(gzipper *gz, const source *in, const char *path) {
    struct stat st;
    if (lstat(path, &st) == 0 && !opt.force) return complain(EXIT_WARNING, "%s: exists already: skipped", path);
    int out = create_unfinished(path);
    if (out < 0) return complain_errno(path);
    bool whole = compress_source(gz, in, out, path);
    if (whole && !copy_attributes(out, &in->st)) whole = complain_errno(path);
    if (close(out) != 0 && whole) whole = complain_errno(path);
    if (end_unfinished(whole ? path : NULL)) return true;
    return whole ? complain_errno(path) : false;
}

static bool replace(gzipper *gz, const source *in) {
    size_t len = strlen(in->name);
    if (!S_ISREG(in->st.st_mode)) return complain(EXIT_WARNING, "%s: not a regular file: skipped", in->name);
    if (!opt.force && len > 3 && strcmp(in->name + len - 3, ".gz") == 0) {
        return complain(EXIT_WARNING, "%s: ends in .gz already: skipped", in->name);
    }
    if (!opt.force && !opt.keep && in->st.st_nlink > 1) {
        return complain(EXIT_WARNING, "%s: has other hard links: skipped", in->name);
    }
    char *path = malloc(len + sizeof ".gz");
    if (path == NULL) return complain_errno(in->name);
    memcpy(path, in->name, len);
    memcpy(path + len, ".gz", sizeof ".gz");
    bool done = compress_to_file(gz, in, path);
    free(path);
    if (!done || opt.keep) return done;
    if (has_changed(in)) return complain(EXIT_WARNING, "%s: changed while it was read: kept", in->name);
    return unlink(in->name) == 0 || complain_errno(in->name);
}

// Compresses what `name` stands for. False if standard output is no longer of use to the files that follow.
static bool compress_named(gzipper *gz, const char *name) {
    if (strcmp(name, "-") == 0) {
        source in = {.fd = STDIN_FILENO, .name = "standard input"};
        return fstat(in.fd, &in.st) == 0 ? compress_to_stdout(gz, &in) : complain_errno(in.name);
    }
    // What is not to be replaced is not waited for either: the open of a named pipe would.
    int how = opt.to_stdout ? 0 : opt.force ? O_NONBLOCK : O_NONBLOCK | O_NOFOLLOW;
    source in = {.fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | how), .name = name};
    if (in.fd < 0 && errno == ELOOP && (how & O_NOFOLLOW) != 0) {
        complain(EXIT_WARNING, "%s: is a symbolic link: skipped", name);
        return true;
    }
    bool go_on = true;
    if (in.fd < 0 || fstat(in.fd, &in.st) != 0) complain_errno(name);
    else if (S_ISDIR(in.st.st_mode)) complain(EXIT_WARNING, "%s: is a directory: skipped", name);
    else if (opt.to_stdout) go_on = compress_to_stdout(gz, &in);
    else replace(gz, &in);
    if (in.fd >= 0) close(in.fd);
    return go_on;
}

// ---- The command line ------------------------------------------------------------------------------------

static uint32_t parse_threads(const char *text) {
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && n >= 1 && n <= MAX_THREADS) return (uint32_t)n;
    complain(EXIT_ERROR, "-p %s: a number from 1 to %d is needed", text, MAX_THREADS);
    exit(EXIT_ERROR);
}

static void parse_options(int argc, char **argv) {
    static const struct option LONG[] = {
        {"best", no_argument, NULL, '9'},    {"fast", no_argument, NULL, '1'},
        {"force", no_argument, NULL, 'f'},   {"help", no_argument, NULL, 'h'},
        {"keep", no_argument, NULL, 'k'},    {"processes", required_argument, NULL, 'p'},
        {"stdout", no_argument, NULL, 'c'},  {"verbose", no_argument, NULL, 'v'},
        {"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "123456789cfhkp:vV", LONG, NULL)) != -1;) {
        switch (c) {
        case 'c': opt.to_stdout = true; break;
        case 'f': opt.force = true; break;
        case 'h': exit(fputs(HELP, stdout) == EOF || fflush(stdout) != 0 ? EXIT_ERROR : 0);
        case 'k': opt.keep = true; break;
        case 'p': opt.threads = parse_threads(optarg); break;
        case 'v': opt.verbose = true; break;
        case 'V': printf("pgzip (tp %s, zlib %s)\n", tp_version(), zlibVersion()); exit(0);
        case '?': fputs("Try 'pgzip --help'.\n", stderr); exit(EXIT_ERROR);
        default: opt.level = c - '0';
        }
    }
}

// Opens what the caller left closed of descriptors 0 to 2, so that no file of ours becomes standard output or error.
static void fill_standard_descriptors(void) {
    for (int fd = 0; fd <= 2; fd++) {
        // The wrong way round, so that whoever uses it gets an error.
        if (fcntl(fd, F_GETFD) < 0) open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

int main(int argc, char **argv) {
    fill_standard_descriptors();
    parse_options(argc, argv);
    catch_fatal_signals();
    gzipper *gz;
    gz_error error = gz_create(opt.threads, opt.level, &gz);
    if (error.cause != GZ_OK) {
        complain(EXIT_ERROR, "cannot start threads: %s", tp_status_string(error.code));
        return EXIT_ERROR;
    }
    if (optind == argc) compress_named(gz, "-");
    for (int i = optind; i < argc && compress_named(gz, argv[i]); i++) continue;
    gz_destroy(gz);
    // A full disk behind a network may say so only now.
    if (close(STDOUT_FILENO) != 0) complain_errno("standard output");
    return exit_status;
}
