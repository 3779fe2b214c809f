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

/* A big-endian number of 1 to 4 bytes. */
static inline uint32_t load_group(const uint8_t *bytes, unsigned size)
{
    switch (size) {
    case 1:
        return bytes[0];
    case 2:
        return __builtin_bswap32(load_u16le(bytes)) >> 16;
    case 3:
        return __builtin_bswap32(load_u24le(bytes)) >> 8;
    default:
        return __builtin_bswap32(load_u32le(bytes));
    }
}

/* The value of a group of `digits` digits, which is not 0. */
static inline uint32_t read_group(struct digits_reader *reader, unsigned digits)
{
    unsigned size = group_bytes[digits];
    uint32_t value = load_group(reader->ptr, size);
    if (reader->first)
        value ^= UINT32_C(0x80) << (8 * (size - 1));
    value ^= reader->invert >> (32 - 8 * size);
    reader->first = false;
    reader->ptr += size;
    reader->bad |= value >= group_limit[digits];
    return value;
}

/* A group with its leading zeros. Up to eight bytes more than its digits are written. */
static inline void put_group(uint8_t *out, uint32_t value, unsigned digits)
{
    enum { EIGHT = 100000000 };
    if (digits == GROUP_DIGITS) {
        *out++ = (uint8_t)('0' + value / EIGHT);
        value %= EIGHT;
        digits--;
    }
    text_digits_wide(out, value, digits);
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
            put_group(out + len, value, digits);
            len += digits;
        } else if (value > 0) {
            len = text_u64(out, value);
        }
    }
    return len;
}

unsigned value_decimal_text(uint8_t *out, struct slice bytes, unsigned precision, unsigned scale)
{
    enum { AROUND = 3, BEHIND = 8 }; /* sign, a zero before the point, the point; put_group */
    _Static_assert(PRECISION_MAX + AROUND + BEHIND <= COLUMN_PUT_MAX, "a decimal is a short text");
    if (precision == 0 || precision > PRECISION_MAX || scale > SCALE_MAX || scale > precision ||
        bytes.len != value_decimal_bytes(precision, scale))
        return 0;
    unsigned len = 0;
    bool negative = (bytes.ptr[0] & 0x80) == 0;
    struct digits_reader reader = {
        .ptr = bytes.ptr, .invert = negative ? UINT32_MAX : 0, .first = true};
    if (negative)
        out[len++] = '-';
    unsigned whole = put_whole(out + len, &reader, precision - scale);
    len += whole;
    if (whole == 0)
        out[len++] = '0';
    if (scale > 0)
        out[len++] = '.';
    for (unsigned left = scale; left > 0;) {
        unsigned digits = left < GROUP_DIGITS ? left : GROUP_DIGITS;
        uint32_t value = read_group(&reader, digits);
        if (reader.bad)
            return 0;
        put_group(out + len, value, digits);
        len += digits;
        left -= digits;
    }
    return reader.bad ? 0 : len;
}

unsigned value_put_decimal(const struct column *column, struct slice cell, uint8_t *out)
{
    return value_decimal_text(out, cell, column->precision, column->scale);
}
