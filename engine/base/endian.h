/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads and stores of wire integers: the only place where bytes become numbers. No alignment
 * needed.
 */
#ifndef MILLRACE_BASE_ENDIAN_H
#define MILLRACE_BASE_ENDIAN_H

#include <stdint.h>
#include <string.h>

static inline uint16_t load_u16le(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t load_u24le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static inline uint32_t load_u32le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t load_u48le(const uint8_t *p)
{
    return (uint64_t)load_u32le(p) | (uint64_t)load_u16le(p + 4) << 32;
}

/* One instruction on most machines: gcc and clang know this form. */
static inline uint64_t load_u64le(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

/* Little-endian integer of 0 to 8 bytes. A switch and no loop: this is on the way of every value. */
static inline uint64_t load_uint_le(const uint8_t *p, unsigned size_bytes)
{
    switch (size_bytes) {
    case 0:
        return 0;
    case 1:
        return p[0];
    case 2:
        return load_u16le(p);
    case 3:
        return load_u24le(p);
    case 4:
        return load_u32le(p);
    case 5:
        return load_u32le(p) | (uint64_t)p[4] << 32;
    case 6:
        return load_u48le(p);
    case 7:
        return load_u48le(p) | (uint64_t)p[6] << 48;
    default:
        return load_u64le(p);
    }
}

/* Big-endian integer of 0 to 8 bytes: the little-endian one with its bytes turned round. */
static inline uint64_t load_uint_be(const uint8_t *p, unsigned size_bytes)
{
    if (size_bytes == 0)
        return 0;
    return __builtin_bswap64(load_uint_le(p, size_bytes)) >> (64 - 8 * size_bytes);
}

static inline void store_u16le(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static inline void store_u32le(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    p[2] = (uint8_t)(value >> 16);
    p[3] = (uint8_t)(value >> 24);
}

static inline void store_u64le(uint8_t *p, uint64_t value)
{
    store_u32le(p, (uint32_t)value);
    store_u32le(p + 4, (uint32_t)(value >> 32));
}

#endif
