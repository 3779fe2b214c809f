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

enum { BLOCK = 16, BLOCKS = 4, FOLD_MIN = BLOCK * BLOCKS };

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

/* `len` is a multiple of BLOCK and at least FOLD_MIN; `crc` as it is between two steps, not inverted. */
static FOLDING uint32_t add_folding(uint32_t crc, const uint8_t *ptr, size_t len)
{
    const __m128i by_64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i by_16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    __m128i lanes[BLOCKS];
    for (unsigned i = 0; i < BLOCKS; i++)
        lanes[i] = load(ptr + (size_t)i * BLOCK);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128((int)crc));
    for (ptr += FOLD_MIN, len -= FOLD_MIN; len >= FOLD_MIN; ptr += FOLD_MIN, len -= FOLD_MIN)
#pragma GCC unroll 4
        for (unsigned i = 0; i < BLOCKS; i++)
            lanes[i] = fold(lanes[i], by_64, load(ptr + (size_t)i * BLOCK));
    __m128i value = lanes[0];
    for (unsigned i = 1; i < BLOCKS; i++)
        value = fold(value, by_16, lanes[i]);
    for (; len > 0; ptr += BLOCK, len -= BLOCK)
        value = fold(value, by_16, load(ptr));
    return reduce(value, by_16);
}

uint32_t crc32_add(uint32_t crc, struct slice bytes)
{
    size_t len = bytes.len & ~(size_t)(BLOCK - 1);
    if (len >= FOLD_MIN && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
        crc = ~add_folding(~crc, bytes.ptr, len);
        bytes = slice_of(bytes.ptr + len, bytes.len - len);
    }
    return bytes.len == 0 ? crc : add_plain(crc, bytes.ptr, bytes.len);
}

#else

uint32_t crc32_add(uint32_t crc, struct slice bytes)
{
    return bytes.len == 0 ? crc : add_plain(crc, bytes.ptr, bytes.len);
}

#endif
