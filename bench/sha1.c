#include "sha1.h"

#include <string.h>

static uint32_t turn(uint32_t word, int by) { return word << by | word >> (32 - by); }

void sha1_short(const uint8_t *data, size_t n, uint8_t digest[20]) {
    uint8_t block[64] = {0};
    memcpy(block, data, n);
    block[n] = 0x80;
    block[62] = (uint8_t)(n >> 5), block[63] = (uint8_t)(n << 3);

    uint32_t words[80];
    for (int i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
                   block[4 * i + 3];
    for (int i = 16; i < 80; i++) words[i] = turn(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);

    const uint32_t start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint32_t a = start[0], b = start[1], c = start[2], d = start[3], e = start[4];
#define ROUND(i, mix, constant)                                                                                        \
    do {                                                                                                               \
        uint32_t next = turn(a, 5) + (mix) + e + words[i] + (constant);                                                \
        e = d, d = c, c = turn(b, 30), b = a, a = next;                                                                \
    } while (0)
    for (int i = 0; i < 20; i++) ROUND(i, (b & c) | (~b & d), 0x5a827999);
    for (int i = 20; i < 40; i++) ROUND(i, b ^ c ^ d, 0x6ed9eba1);
    for (int i = 40; i < 60; i++) ROUND(i, (b & c) | (b & d) | (c & d), 0x8f1bbcdc);
    for (int i = 60; i < 80; i++) ROUND(i, b ^ c ^ d, 0xca62c1d6);
#undef ROUND

    const uint32_t sums[5] = {start[0] + a, start[1] + b, start[2] + c, start[3] + d, start[4] + e};
    for (int i = 0; i < 20; i++) digest[i] = (uint8_t)(sums[i / 4] >> (24 - 8 * (i % 4)));
}
