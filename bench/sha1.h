// SHA-1 of what fits in one block: what the trees of workloads/uts.c are made of.
#ifndef BENCH_SHA1_H
#define BENCH_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_SHORT 55

// Of at most SHA1_SHORT bytes.
void sha1_short(const uint8_t *data, size_t n, uint8_t digest[20]);

#endif
