/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading bytes that came from somewhere else: a cursor that never goes past its end. A read that
 * would gives zero and marks the cursor as failed; the caller asks once behind a group of fields
 * (style.md rule 10). All functions take bytes in and touch nothing else, so each decoder built on
 * them can be fuzzed alone.
 */
#ifndef MILLRACE_BINLOG_CURSOR_INT_H
#define MILLRACE_BINLOG_CURSOR_INT_H

#include "engine/engine.h"

struct cursor {
    const uint8_t *ptr;
    const uint8_t *end;
    bool failed; /* sticky: something was read past the end */
};

static inline struct cursor cursor_of(struct slice bytes)
{
    return (struct cursor){bytes.ptr, bytes.ptr + bytes.len, false};
}

static inline size_t cursor_left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->ptr);
}

/* The next `size` bytes, or NULL when there are not so many. */
static inline const uint8_t *cursor_take(struct cursor *cursor, uint64_t size)
{
    if (cursor->failed || size > cursor_left(cursor)) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *ptr = cursor->ptr;
    cursor->ptr += size;
    return ptr;
}

static inline struct slice cursor_slice(struct cursor *cursor, uint64_t size)
{
    const uint8_t *ptr = cursor_take(cursor, size);
    return ptr == NULL ? SLICE_EMPTY : slice_of(ptr, (size_t)size);
}

static inline struct slice cursor_rest(struct cursor *cursor)
{
    return cursor_slice(cursor, cursor_left(cursor));
}

/* A little-endian integer of 1 to 8 bytes. */
static inline uint64_t cursor_uint(struct cursor *cursor, unsigned size_bytes)
{
    const uint8_t *ptr = cursor_take(cursor, size_bytes);
    return ptr == NULL ? 0 : load_uint_le(ptr, size_bytes);
}

static inline uint8_t cursor_u8(struct cursor *cursor)
{
    return (uint8_t)cursor_uint(cursor, 1);
}

static inline uint16_t cursor_u16(struct cursor *cursor)
{
    return (uint16_t)cursor_uint(cursor, 2);
}

static inline uint32_t cursor_u32(struct cursor *cursor)
{
    return (uint32_t)cursor_uint(cursor, 4);
}

static inline uint64_t cursor_u64(struct cursor *cursor)
{
    return cursor_uint(cursor, 8);
}

/* A length-encoded integer. 0xfb (NULL in result sets) and 0xff have no meaning in a binlog and
 * fail (facts/binlog.md 12, #34). */
static inline uint64_t cursor_lenenc(struct cursor *cursor)
{
    uint8_t first = cursor_u8(cursor);
    switch (first) {
    case 0xfb:
    case 0xff:
        cursor->failed = true;
        return 0;
    case 0xfc:
        return cursor_uint(cursor, 2);
    case 0xfd:
        return cursor_uint(cursor, 3);
    case 0xfe:
        return cursor_uint(cursor, 8);
    default:
        return first;
    }
}

/* A length-encoded string. */
static inline struct slice cursor_lenenc_slice(struct cursor *cursor)
{
    return cursor_slice(cursor, cursor_lenenc(cursor));
}

/*
 * The variable-length integer of MySQL's serialization library (facts/binlog.md 4.3): as many
 * bytes as the first one has trailing one bits, plus one; the value lies above those bits.
 */
static inline uint64_t cursor_varlen(struct cursor *cursor)
{
    if (cursor_left(cursor) == 0) {
        cursor->failed = true;
        return 0;
    }
    unsigned ones = 0;
    while (ones < 8 && (*cursor->ptr >> ones & 1) != 0)
        ones++;
    if (ones == 8) {
        cursor_take(cursor, 1);
        return cursor_u64(cursor);
    }
    return cursor_uint(cursor, ones + 1) >> (ones + 1);
}

static inline int64_t cursor_varlen_signed(struct cursor *cursor)
{
    uint64_t raw = cursor_varlen(cursor);
    return (raw & 1) != 0 ? -1 - (int64_t)(raw >> 1) : (int64_t)(raw >> 1);
}

#endif
