/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DECIMAL(p,s): groups of nine digits in four big-endian bytes, shorter groups at both ends, the
 * top bit set for positive numbers and every bit inverted for negative ones (facts/binlog.md 6.3).
 * No state; any thread.
 */
#include "value_codec_int.h"

enum { GROUP_DIGITS = 9, PRECISION_MAX = 65, SCALE_MAX = 38 };

static const uint8_t group_bytes[GROUP_DIGITS + 1] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
static const uint32_t group_limit[GROUP_DIGITS + 1] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
};

struct digits_reader {
    const uint8_t *ptr;
    uint32_t invert; /* all ones for a negative number */
    bool first;      /* the next byte carries the sign bit */
    bool bad;
};

/* The value of a group of `digits` digits, which is not 0. */
static uint32_t read_group(struct digits_reader *reader, unsigned digits)
{
    unsigned size = group_bytes[digits];
    uint32_t value = (uint32_t)load_uint_be(reader->ptr, size);
    if (reader->first)
        value ^= UINT32_C(0x80) << (8 * (size - 1));
    value ^= reader->invert >> (32 - 8 * size);
    reader->first = false;
    reader->ptr += size;
    reader->bad |= value >= group_limit[digits];
    return value;
}

/* The digits before the point, without leading zeros; returns how many. */
static unsigned put_whole(uint8_t *out, struct digits_reader *reader, unsigned count)
{
    unsigned len = 0;
    for (unsigned digits = count % GROUP_DIGITS; count > 0; digits = GROUP_DIGITS) {
        if (digits == 0)
            continue;
        uint32_t value = read_group(reader, digits);
        count -= digits;
        if (reader->bad)
            return 0;
        if (len > 0) {
            text_digits(out + len, value, digits);
            len += digits;
        } else if (value > 0) {
            len = text_u64(out, value);
        }
    }
    return len;
}

bool value_decimal_add(struct buf *out, struct slice bytes, unsigned precision, unsigned scale)
{
    enum { AROUND = 3 }; /* sign, a zero before the point, the point */
    if (precision == 0 || precision > PRECISION_MAX || scale > SCALE_MAX || scale > precision ||
        bytes.len != value_decimal_bytes(precision, scale))
        return false;
    uint8_t text[PRECISION_MAX + AROUND];
    unsigned len = 0;
    bool negative = (bytes.ptr[0] & 0x80) == 0;
    struct digits_reader reader = {
        .ptr = bytes.ptr, .invert = negative ? UINT32_MAX : 0, .first = true};
    if (negative)
        text[len++] = '-';
    unsigned whole = put_whole(text + len, &reader, precision - scale);
    len += whole;
    if (whole == 0)
        text[len++] = '0';
    if (scale > 0)
        text[len++] = '.';
    for (unsigned left = scale; left > 0 && !reader.bad;) {
        unsigned digits = left < GROUP_DIGITS ? left : GROUP_DIGITS;
        text_digits(text + len, read_group(&reader, digits), digits);
        len += digits;
        left -= digits;
    }
    if (reader.bad)
        return false;
    buf_add(out, text, len);
    return true;
}

enum rc value_text_decimal(const struct column *column, struct slice cell, struct buf *scratch,
                           struct slice *text, struct error *err)
{
    size_t size = value_decimal_bytes(column->precision, column->scale);
    if (cell.len != size)
        return value_bad_size(column, cell, size, err);
    size_t start = scratch->len;
    if (!value_decimal_add(scratch, cell, column->precision, column->scale))
        return value_bad_bytes(column, cell, "a group of its digits is too large", err);
    if (scratch->rc != RC_OK)
        return value_scratch(column, scratch, err);
    *text = slice_of(scratch->ptr + start, scratch->len - start);
    return RC_OK;
}
