// pgzip_stream: gzips one stream into another, on all CPUs.
//
// The stream is cut into blocks of 128 KiB, which pass through a fixed ring of slots:
//
//     this thread reads block i  ->  a worker of `deflaters` compresses it  ->  the one worker of `writer` writes it
//
// Each block is two tasks, submitted together. The tasks of `writer` start in the order of submission, as those of any
// pool of one worker do, so that the blocks are written in order; the task for block i waits until block i is
// compressed, and then gives the slot back. All three stages overlap, and whoever is ahead waits for a slot.
//
// A block starts from the last 32 KiB of the one before it as its dictionary, and ends on a byte boundary (a sync
// flush); so the blocks, one after another, are one deflate stream, and hardly longer than gzip's.
#define _POSIX_C_SOURCE 200809L
#include "pgzip_stream.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zlib.h>

enum {
    DICTIONARY = 32 << 10,
    BLOCK = 128 << 10,
    // Room for a block that grows, with any zlib. What is not used is never touched.
    DEFLATED = BLOCK + BLOCK / 8 + 1024,
};

// A slot of the ring. It is this thread's until submitted, then its deflate task's, then its write task's.
typedef struct {
    gzipper *gz;
    bool first;
    bool last;
    uint32_t bytes_in;
    uint32_t bytes_out;
    uint32_t crc;
    int zlib_status;
    sem_t deflated; // the write task waits for it
    unsigned char dictionary[DICTIONARY];
    unsigned char in[BLOCK];
    unsigned char out[DEFLATED];
} block;

struct gzipper {
    tp_pool *deflaters;
    tp_pool *writer;
    int level;
    uint32_t threads;
    z_stream *streams; // one per deflater, made at its first block
    block *ring;
    size_t ring_size;
    sem_t free_slots;
    int write_failed; // an eventfd, so that a read that waits for input hears of it
    // While a member runs, these are its write task's.
    int out;
    uint32_t crc;
    uint64_t bytes_out;
    gz_error write_error;
};

static const gz_error NO_ERROR = {GZ_OK, 0};

static void wait_for(sem_t *sem) {
    while (sem_wait(sem) != 0) continue; // EINTR
}

// ---- Deflate ---------------------------------------------------------------------------------------------

// Brings the stream to the state that it needs before `b`.
static int prime(z_stream *z, const block *b) {
    if (z->state == NULL) {
        int status = deflateInit2(z, b->gz->level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
        if (status != Z_OK) return status;
    }
    // A single worker has just compressed the block before this one: its stream remembers more than a dictionary holds.
    if (b->gz->threads == 1 && !b->first) return Z_OK;
    int status = deflateReset(z);
    if (status != Z_OK || b->first) return status;
    return deflateSetDictionary(z, b->dictionary, DICTIONARY);
}

static int deflate_into(z_stream *z, block *b) {
    int status = prime(z, b);
    if (status != Z_OK) return status;
    z->next_in = b->in;
    z->avail_in = b->bytes_in;
    z->next_out = b->out;
    z->avail_out = DEFLATED;
    status = deflate(z, b->last ? Z_FINISH : Z_SYNC_FLUSH);
    b->bytes_out = DEFLATED - z->avail_out;
    if (status == Z_STREAM_ERROR) return status;
    return z->avail_in == 0 && z->avail_out != 0 ? Z_OK : Z_BUF_ERROR;
}

static void deflate_block(void *arg) {
    block *b = arg;
    b->zlib_status = deflate_into(&b->gz->streams[tp_worker_index()], b);
    b->crc = (uint32_t)crc32(0, b->in, b->bytes_in);
    sem_post(&b->deflated);
}

// ---- Write -----------------------------------------------------------------------------------------------

static gz_error write_all(int fd, const unsigned char *bytes, size_t n) {
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);
        if (written >= 0) {
            bytes += written;
            n -= (size_t)written;
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1);
        } else if (errno != EINTR) {
            return (gz_error){GZ_WRITE, errno};
        }
    }
    return NO_ERROR;
}

static void write_block(void *arg) {
    block *b = arg;
    gzipper *gz = b->gz;
    wait_for(&b->deflated);
    if (gz->write_error.cause == GZ_OK) {
        if (b->zlib_status != Z_OK) {
            gz->write_error = (gz_error){GZ_DEFLATE, b->zlib_status};
        } else {
            gz->write_error = write_all(gz->out, b->out, b->bytes_out);
        }
        if (gz->write_error.cause != GZ_OK) eventfd_write(gz->write_failed, 1);
        gz->crc = (uint32_t)crc32_combine(gz->crc, b->crc, (z_off_t)b->bytes_in);
        gz->bytes_out += b->bytes_out;
    }
    sem_post(&gz->free_slots);
}

static unsigned char *put_u32(unsigned char *at, uint32_t value) {
    for (int i = 0; i < 4; i++) *at++ = (unsigned char)(value >> 8 * i);
    return at;
}

static gz_error write_header(gzipper *gz, const gz_member *member) {
    enum { HAS_NAME = 8, SLOWEST = 2, FASTEST = 4, UNIX = 3 };
    unsigned char header[10] = {0x1f, 0x8b, Z_DEFLATED, member->name != NULL ? HAS_NAME : 0};
    put_u32(header + 4, member->mtime);
    header[8] = gz->level == 9 ? SLOWEST : gz->level == 1 ? FASTEST : 0;
    header[9] = UNIX;
    gz_error error = write_all(gz->out, header, sizeof header);
    gz->bytes_out = sizeof header;
    if (error.cause != GZ_OK || member->name == NULL) return error;
    size_t name_size = strlen(member->name) + 1;
    gz->bytes_out += name_size;
    return write_all(gz->out, (const unsigned char *)member->name, name_size);
}

static gz_error write_trailer(gzipper *gz, uint64_t bytes_in) {
    unsigned char trailer[8];
    put_u32(put_u32(trailer, gz->crc), (uint32_t)bytes_in);
    gz->bytes_out += sizeof trailer;
    return write_all(gz->out, trailer, sizeof trailer);
}

// ---- Read ------------------------------------------------------------------------------------------------

// Fills `b`, which stays shorter than a block only at the end of the input. Gives up early when the output has failed.
static gz_error read_block(const gzipper *gz, int in, block *b) {
    b->bytes_in = 0;
    while (b->bytes_in < BLOCK) {
        struct pollfd fds[] = {{in, POLLIN, 0}, {gz->write_failed, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR) return (gz_error){GZ_READ, errno};
        if (fds[1].revents != 0) break;
        ssize_t n = read(in, b->in + b->bytes_in, BLOCK - b->bytes_in);
        if (n == 0) break;
        if (n > 0) b->bytes_in += (uint32_t)n;
        else if (errno != EINTR && errno != EAGAIN) return (gz_error){GZ_READ, errno};
    }
    b->last = b->bytes_in < BLOCK;
    return NO_ERROR;
}

// Hands `b` to both pools, or, on an error, to none.
static gz_error submit_block(gzipper *gz, block *b) {
    tp_status status = tp_submit(gz->deflaters, deflate_block, b);
    if (status != TP_OK) return (gz_error){GZ_POOL, status};
    status = tp_submit(gz->writer, write_block, b);
    if (status == TP_OK) return NO_ERROR;
    wait_for(&b->deflated);
    return (gz_error){GZ_POOL, status};
}

// Reads and submits all blocks of `member`.
static gz_error feed(gzipper *gz, gz_member *member) {
    const block *before = NULL;
    for (bool last = false; !last;) {
        wait_for(&gz->free_slots);
        block *b = &gz->ring[member->tasks % gz->ring_size];
        b->first = before == NULL;
        if (!b->first) memcpy(b->dictionary, before->in + BLOCK - DICTIONARY, DICTIONARY);
        gz_error error = read_block(gz, member->in, b);
        last = b->last;
        member->bytes_in += b->bytes_in;
        if (error.cause == GZ_OK) error = submit_block(gz, b);
        if (error.cause != GZ_OK) {
            sem_post(&gz->free_slots);
            return error;
        }
        member->tasks++;
        before = b;
        if (member->on_read != NULL) member->on_read(member->bytes_in, member->ctx);
    }
    return NO_ERROR;
}

gz_error gz_run(gzipper *gz, gz_member *member) {
    member->bytes_in = member->tasks = 0;
    gz->out = member->out;
    gz->crc = 0;
    gz->write_error = NO_ERROR;
    gz_error error = write_header(gz, member);
    if (error.cause != GZ_OK) return error;

    error = feed(gz, member);
    tp_wait(gz->writer, TP_FOREVER);
    if (error.cause == GZ_OK) error = gz->write_error;
    if (gz->write_error.cause != GZ_OK) eventfd_read(gz->write_failed, &(eventfd_t){0});
    if (error.cause == GZ_OK) error = write_trailer(gz, member->bytes_in);
    member->bytes_out = gz->bytes_out;
    return error;
}

// ---- The whole -------------------------------------------------------------------------------------------

static tp_status create_pool(const char *name, uint32_t threads, tp_pool **pool) {
    tp_options options = TP_OPTIONS_INIT;
    options.name = name;
    options.threads = threads;
    return tp_create(&options, pool);
}

static tp_status allocate(gzipper *gz) {
    gz->threads = tp_thread_count(gz->deflaters);
    // A block for each worker, one waiting for each, and a few that are read or written meanwhile.
    gz->ring_size = 2 * (size_t)gz->threads + 4;
    gz->streams = calloc(gz->threads, sizeof *gz->streams);
    gz->ring = calloc(gz->ring_size, sizeof *gz->ring);
    gz->write_failed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (gz->streams == NULL || gz->ring == NULL || gz->write_failed < 0) return TP_ENOMEM;
    sem_init(&gz->free_slots, 0, (unsigned)gz->ring_size);
    for (size_t i = 0; i < gz->ring_size; i++) {
        gz->ring[i].gz = gz;
        sem_init(&gz->ring[i].deflated, 0, 0);
    }
    return TP_OK;
}

gz_error gz_create(uint32_t threads, int level, gzipper **gz) {
    gzipper *made = calloc(1, sizeof *made);
    tp_status status = TP_ENOMEM;
    if (made != NULL) {
        made->level = level;
        made->write_failed = -1;
        status = create_pool("deflate", threads, &made->deflaters);
        if (status == TP_OK) status = create_pool("write", 1, &made->writer);
        if (status == TP_OK) status = allocate(made);
    }
    if (status != TP_OK) {
        gz_destroy(made);
        made = NULL;
    }
    *gz = made;
    return status == TP_OK ? NO_ERROR : (gz_error){GZ_POOL, status};
}

uint32_t gz_threads(const gzipper *gz) { return gz->threads; }

void gz_destroy(gzipper *gz) {
    if (gz == NULL) return;
    tp_destroy(gz->deflaters);
    tp_destroy(gz->writer);
    for (uint32_t i = 0; gz->streams != NULL && i < gz->threads; i++) deflateEnd(&gz->streams[i]);
    if (gz->write_failed >= 0) close(gz->write_failed);
    free(gz->streams);
    free(gz->ring);
    free(gz);
}
