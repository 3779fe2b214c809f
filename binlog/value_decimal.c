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
    uint8_t invert; /* 0xff for a negative number */
    bool first;     /* the next byte carries the sign bit */
    bool bad;
    uint8_t *out;
};

/* One group of `digits` digits to text. */
static void read_group(struct digits_reader *reader, unsigned digits)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < group_bytes[digits]; i++) {
        uint8_t byte = *reader->ptr++;
        if (reader->first)
            byte ^= 0x80;
        reader->first = false;
        value = value << 8 | (uint8_t)(byte ^ reader->invert);
    }
    if (value >= group_limit[digits])
        reader->bad = true;
    text_digits(reader->out, value, digits);
    reader->out += digits;
}

bool value_decimal_add(struct buf *out, struct slice bytes, unsigned precision, unsigned scale)
{
    if (precision == 0 || precision > PRECISION_MAX || scale > SCALE_MAX || scale > precision ||
        bytes.len != value_decimal_bytes(precision, scale))
        return false;
    uint8_t digits[PRECISION_MAX];
    unsigned whole = precision - scale;
    bool negative = (bytes.ptr[0] & 0x80) == 0;
    struct digits_reader reader = {
        .ptr = bytes.ptr, .invert = negative ? 0xff : 0, .first = true, .out = digits};
    read_group(&reader, whole % GROUP_DIGITS);
    for (unsigned i = 0; i < whole / GROUP_DIGITS + scale / GROUP_DIGITS; i++)
        read_group(&reader, GROUP_DIGITS);
    read_group(&reader, scale % GROUP_DIGITS);
    if (reader.bad)
        return false;
    unsigned leading = 0;
    while (leading < whole && digits[leading] == '0')
        leading++;
    if (negative)
        buf_add_byte(out, '-');
    if (leading == whole)
        buf_add_byte(out, '0');
    buf_add(out, digits + leading, whole - leading);
    if (scale > 0) {
        buf_add_byte(out, '.');
        buf_add(out, digits + whole, scale);
    }
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
