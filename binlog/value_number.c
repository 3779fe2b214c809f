/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integers, BIT, YEAR, FLOAT and DOUBLE (facts/binlog.md 6.1, 6.2, 6.4). No state; any thread.
 */
#include "value_codec_int.h"

/* Signs are not in the bytes: the column's kind says how to read them. */
unsigned value_put_int(const struct column *column, struct slice cell, uint8_t *out)
{
    if (cell.len != column->int_bytes)
        return 0;
    unsigned unused_bits = 64u - 8u * column->int_bytes;
    uint64_t raw = load_uint_le(cell.ptr, column->int_bytes) << unused_bits;
    /* An arithmetic shift of the top-aligned number extends its sign (gcc and clang define it). */
    return text_i64(out, (int64_t)raw >> unused_bits);
}

unsigned value_put_uint(const struct column *column, struct slice cell, uint8_t *out)
{
    if (cell.len != column->int_bytes)
        return 0;
    return text_u64(out, load_uint_le(cell.ptr, column->int_bytes));
}

unsigned value_put_bit(const struct column *column, struct slice cell, uint8_t *out)
{
    size_t size = (size_t)(column->length + 7) / 8;
    if (cell.len != size)
        return 0;
    uint64_t value = load_uint_be(cell.ptr, (unsigned)size);
    if (column->length < 64 && value >> column->length != 0)
        return 0;
    return text_u64(out, value);
}

/* 0 is the year 0000; the others count from 1900. */
unsigned value_put_year(const struct column *column UNUSED, struct slice cell, uint8_t *out)
{
    enum { YEAR_BASE = 1900 };
    if (cell.len != 1)
        return 0;
    return text_u64(out, cell.ptr[0] == 0 ? 0 : (uint64_t)YEAR_BASE + cell.ptr[0]);
}

/* No column holds infinities or NaN: the server refuses them, and so do the next two. */
unsigned value_put_float(const struct column *column UNUSED, struct slice cell, uint8_t *out)
{
    if (cell.len != sizeof(float))
        return 0;
    uint32_t bits = load_u32le(cell.ptr);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return text_float(out, value);
}

unsigned value_put_double(const struct column *column UNUSED, struct slice cell, uint8_t *out)
{
    if (cell.len != sizeof(double))
        return 0;
    uint64_t bits = load_u64le(cell.ptr);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return text_double(out, value);
}
