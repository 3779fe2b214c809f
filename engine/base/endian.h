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

static inline uint64_t load_u64le(const uint8_t *p)
{
    return (uint64_t)load_u32le(p) | (uint64_t)load_u32le(p + 4) << 32;
}

/* Little-endian integer of 0 to 8 bytes. */
static inline uint64_t load_uint_le(const uint8_t *p, unsigned size_bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size_bytes; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

/* Big-endian integer of 0 to 8 bytes. */
static inline uint64_t load_uint_be(const uint8_t *p, unsigned size_bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size_bytes; i++)
        value = value << 8 | p[i];
    return value;
}

static inline void store_u16le(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static inline void store_u32le(uint8_t *p, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static inline void store_u64le(uint8_t *p, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

#endif
