/* SPDX-License-Identifier: Apache-2.0 */
#include "crc32_int.h"

#include <zlib.h>

static uint32_t add_plain(uint32_t crc, const uint8_t *ptr, size_t len)
{
    return (uint32_t)crc32_z(crc, ptr, len);
}

#if defined(__x86_64__)
#include <immintrin.h>

#define FOLDING __attribute__((target("pclmul,sse4.1")))

enum { BLOCK = 16, BLOCKS = 4, LANES = BLOCK * BLOCKS };

static inline FOLDING __m128i load(const uint8_t *ptr)
{
    return _mm_loadu_si128((const __m128i *)(const void *)ptr);
}

/* `value` moved on by the distance that `by` stands for, and `next` added. */
static inline FOLDING __m128i fold(__m128i value, __m128i by, __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(value, by, 0x00);
    __m128i high = _mm_clmulepi64_si128(value, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* 128 bits to the 32 of the remainder: to 96, to 64, then Barrett's reduction. The constants are powers
 * of x modulo the polynomial, the polynomial itself and its reciprocal, all reflected. */
static FOLDING uint32_t reduce(__m128i value, __m128i by_16)
{
    const __m128i by_4 = _mm_set_epi64x(0, 0x163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x1f7011641, 0x1db710641);
    const __m128i low_half = _mm_setr_epi32(-1, 0, -1, 0);
    value = _mm_xor_si128(_mm_srli_si128(value, 8), _mm_clmulepi64_si128(value, by_16, 0x10));
    __m128i rest = _mm_srli_si128(value, 4);
    value = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(value, low_half), by_4, 0x00), rest);
    __m128i times = _mm_clmulepi64_si128(_mm_and_si128(value, low_half), barrett, 0x10);
    times = _mm_clmulepi64_si128(_mm_and_si128(times, low_half), barrett, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(value, times), 1);
}

/* The last `left` bytes, fewer than BLOCK, which end at `end`. Their block is made whole with the end of
 * `value`; what of `value` is in front of it is folded as a block of its own, zeros before it. */
static inline FOLDING __m128i fold_tail(__m128i value, __m128i by_16, const uint8_t *end,
                                        size_t left)
{
    /* Sixteen bytes of this, from `left` on, move to the right by BLOCK - left; from BLOCK + left on, to
     * the left by `left`. 0x80 gives a zero. */
    static const uint8_t moves[3 * BLOCK] = {
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
        0x80, 0x80, 0x80, 0x80, 0,    1,    2,    3,    4,    5,    6,    7,
        8,    9,    10,   11,   12,   13,   14,   15,   0x80, 0x80, 0x80, 0x80,
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    __m128i right = load(moves + left);
    __m128i before = _mm_shuffle_epi8(value, right);
    __m128i front = _mm_shuffle_epi8(value, load(moves + BLOCK + left));
    return fold(before, by_16, _mm_blendv_epi8(load(end - BLOCK), front, right));
}

/* `len` is at least BLOCK; `crc` as it is between two steps, not inverted. */
static FOLDING uint32_t add_folding(uint32_t crc, const uint8_t *ptr, size_t len)
{
    const __m128i by_64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i by_16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    __m128i value = _mm_xor_si128(load(ptr), _mm_cvtsi32_si128((int)crc));
    if (len >= LANES) {
        __m128i lanes[BLOCKS] = {value};
        for (unsigned i = 1; i < BLOCKS; i++)
            lanes[i] = load(ptr + (size_t)i * BLOCK);
        for (ptr += LANES, len -= LANES; len >= LANES; ptr += LANES, len -= LANES)
#pragma GCC unroll 4
            for (unsigned i = 0; i < BLOCKS; i++)
                lanes[i] = fold(lanes[i], by_64, load(ptr + (size_t)i * BLOCK));
        value = lanes[0];
        for (unsigned i = 1; i < BLOCKS; i++)
            value = fold(value, by_16, lanes[i]);
    } else {
        ptr += BLOCK;
        len -= BLOCK;
    }
    for (; len >= BLOCK; ptr += BLOCK, len -= BLOCK)
        value = fold(value, by_16, load(ptr));
    if (len > 0)
        value = fold_tail(value, by_16, ptr + len, len);
    return reduce(value, by_16);
}

uint32_t crc32_add(uint32_t crc, struct slice bytes)
{
    if (bytes.len >= BLOCK && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"))
        return ~add_folding(~crc, bytes.ptr, bytes.len);
    return bytes.len == 0 ? crc : add_plain(crc, bytes.ptr, bytes.len);
}

#else

uint32_t crc32_add(uint32_t crc, struct slice bytes)
{
    return bytes.len == 0 ? crc : add_plain(crc, bytes.ptr, bytes.len);
}

#endif
