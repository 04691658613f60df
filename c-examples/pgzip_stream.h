// pgzip_stream: gzips one stream into another, on all CPUs.
//
// A gzipper holds the threads and the memory, and is used for one member after another. It takes no more memory for a
// long stream than for a short one, and writes the same bytes whatever the number of threads, if they are two or more.
#ifndef PGZIP_STREAM_H
#define PGZIP_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <tp.h>

typedef struct gzipper gzipper;

// What failed, and with it what `code` is.
typedef enum {
    GZ_OK,
    GZ_READ,    // errno
    GZ_WRITE,   // errno
    GZ_DEFLATE, // zlib's code
    GZ_POOL,    // tp_status
} gz_cause;

typedef struct {
    gz_cause cause;
    int code;
} gz_error;

// One member of a gzip file: where it comes from, where it goes, and what came of it.
typedef struct {
    int in;
    int out;
    const char *name;                              // as the header keeps it; NULL: none
    uint32_t mtime;                                // seconds; 0: none
    void (*on_read)(uint64_t bytes_in, void *ctx); // called now and then, on the thread that called gz_run; or NULL
    void *ctx;
    uint64_t bytes_in; // from here on: the result
    uint64_t bytes_out;
    uint64_t tasks;
} gz_member;

// Starts `threads` workers (0: one per CPU that may be used), which compress with `level`, 1 to 9.
gz_error gz_create(uint32_t threads, int level, gzipper **gz);

uint32_t gz_threads(const gzipper *gz);

// Compresses all that `member->in` holds. After an error `member->out` holds the first part of a member.
gz_error gz_run(gzipper *gz, gz_member *member);

void gz_destroy(gzipper *gz);

#endif
