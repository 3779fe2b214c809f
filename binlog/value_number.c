/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integers, BIT, YEAR, FLOAT and DOUBLE (facts/binlog.md 6.1, 6.2, 6.4). No state; any thread.
 */
#include "value_codec_int.h"

/* Signs are not in the bytes: the column's kind says how to read them. */
enum rc value_text_int(const struct column *column, struct slice cell, struct buf *scratch,
                       struct slice *text, struct error *err)
{
    if (cell.len != column->int_bytes)
        return value_bad_size(column, cell, column->int_bytes, err);
    unsigned unused_bits = 64u - 8u * column->int_bytes;
    uint64_t raw = load_uint_le(cell.ptr, column->int_bytes) << unused_bits;
    uint8_t *out = buf_reserve(scratch, 20);
    if (out == NULL)
        return value_scratch(column, scratch, err);
    /* An arithmetic shift of the top-aligned number extends its sign (gcc and clang define it). */
    unsigned len = text_i64(out, (int64_t)raw >> unused_bits);
    scratch->len += len;
    *text = slice_of(out, len);
    return RC_OK;
}

static enum rc put_u64(const struct column *column, uint64_t value, struct buf *scratch,
                       struct slice *text, struct error *err)
{
    uint8_t *out = buf_reserve(scratch, 20);
    if (out == NULL)
        return value_scratch(column, scratch, err);
    unsigned len = text_u64(out, value);
    scratch->len += len;
    *text = slice_of(out, len);
    return RC_OK;
}

enum rc value_text_uint(const struct column *column, struct slice cell, struct buf *scratch,
                        struct slice *text, struct error *err)
{
    if (cell.len != column->int_bytes)
        return value_bad_size(column, cell, column->int_bytes, err);
    return put_u64(column, load_uint_le(cell.ptr, column->int_bytes), scratch, text, err);
}

enum rc value_text_bit(const struct column *column, struct slice cell, struct buf *scratch,
                       struct slice *text, struct error *err)
{
    size_t size = (size_t)(column->length + 7) / 8;
    if (cell.len != size)
        return value_bad_size(column, cell, size, err);
    uint64_t value = load_uint_be(cell.ptr, (unsigned)size);
    if (column->length < 64 && value >> column->length != 0)
        return value_bad_bytes(column, cell, "more bits are set than the column has", err);
    return put_u64(column, value, scratch, text, err);
}

/* 0 is the year 0000; the others count from 1900. */
enum rc value_text_year(const struct column *column, struct slice cell, struct buf *scratch,
                        struct slice *text, struct error *err)
{
    enum { YEAR_BASE = 1900 };
    if (cell.len != 1)
        return value_bad_size(column, cell, 1, err);
    uint64_t year = cell.ptr[0] == 0 ? 0 : (uint64_t)YEAR_BASE + cell.ptr[0];
    return put_u64(column, year, scratch, text, err);
}

/* No column holds infinities or NaN: the server refuses them. */
static enum rc put_real(const struct column *column, struct slice cell, uint8_t *out, unsigned len,
                        struct buf *scratch, struct slice *text, struct error *err)
{
    if (len == 0)
        return value_bad_bytes(column, cell, "it is not a finite number", err);
    scratch->len += len;
    *text = slice_of(out, len);
    return RC_OK;
}

enum rc value_text_float(const struct column *column, struct slice cell, struct buf *scratch,
                         struct slice *text, struct error *err)
{
    if (cell.len != sizeof(float))
        return value_bad_size(column, cell, sizeof(float), err);
    uint32_t bits = load_u32le(cell.ptr);
    float value;
    memcpy(&value, &bits, sizeof(value));
    uint8_t *out = buf_reserve(scratch, 32);
    if (out == NULL)
        return value_scratch(column, scratch, err);
    return put_real(column, cell, out, text_float(out, value), scratch, text, err);
}

enum rc value_text_double(const struct column *column, struct slice cell, struct buf *scratch,
                          struct slice *text, struct error *err)
{
    if (cell.len != sizeof(double))
        return value_bad_size(column, cell, sizeof(double), err);
    uint64_t bits = load_u64le(cell.ptr);
    double value;
    memcpy(&value, &bits, sizeof(value));
    uint8_t *out = buf_reserve(scratch, 32);
    if (out == NULL)
        return value_scratch(column, scratch, err);
    return put_real(column, cell, out, text_double(out, value), scratch, text, err);
}
