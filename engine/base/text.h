/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and words to text and back, without locale and without printf on the way of a row.
 */
#ifndef MILLRACE_BASE_TEXT_H
#define MILLRACE_BASE_TEXT_H

#include "buf.h"
#include "endian.h"

/* "00" to "99", one behind the other. */
extern const uint8_t text_pairs[200];

/* Two decimal digits; `value` is below 100. */
static inline void text_two_digits(uint8_t *out, uint32_t value)
{
    memcpy(out, text_pairs + 2 * (size_t)value, 2);
}

/* Decimal text at `out` (room for 20 bytes); returns the length. */
unsigned text_u64(uint8_t *out, uint64_t value);
unsigned text_i64(uint8_t *out, int64_t value);
/* `digits` decimal digits with leading zeros. */
void text_digits(uint8_t *out, uint32_t value, unsigned digits);
/* The same for 1 to 8 digits of a number that has no more, at a third of the cost: eight bytes are written,
 * however few are meant. */
void text_digits_wide(uint8_t *out, uint32_t value, unsigned digits);

/* The shortest decimal that reads back as the same float or double, in JSON's number syntax; room
 * for 32 bytes. Infinities and NaN cannot come from a MySQL column and are refused with length 0.
 */
unsigned text_float(uint8_t *out, float value);
unsigned text_double(uint8_t *out, double value);

/* Whole text must be a decimal number in range, else false. */
bool text_parse_u64(struct slice text, uint64_t *value_out);
bool text_parse_i64(struct slice text, int64_t *value_out);

/* What a hexadecimal digit, in upper or lower case, stands for; -1: it is none. */
int text_hex_value(uint8_t digit);

/* Edit distance for "did you mean" hints; at most 64 bytes of each are compared. */
unsigned text_distance(struct slice a, struct slice b);

#define TEXT_HIGH_BITS UINT64_C(0x8080808080808080)

/* True when no byte has its highest bit. The last word overlaps the one before it, so that no byte is
 * looked at alone where there are four. */
static inline bool text_is_ascii(struct slice s)
{
    const uint8_t *p = s.ptr;
    size_t left = s.len;
    uint64_t seen = 0;
    if (left >= 8) {
        for (; left > 8; left -= 8, p += 8)
            seen |= load_u64le(p);
        seen |= load_u64le(p + left - 8);
    } else if (left >= 4) {
        seen = load_u32le(p) | (uint64_t)load_u32le(p + left - 4) << 32;
    } else {
        for (size_t i = 0; i < left; i++)
            seen |= p[i];
    }
    return (seen & TEXT_HIGH_BITS) == 0;
}

/* True when the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool text_is_utf8(struct slice s);
/* Bytes of the well-formed UTF-8 character at the front of `s`, which is not empty; 0 when there is
 * none. */
size_t text_utf8_len(struct slice s);
/* A character's UTF-8 at `out`, at most four bytes; returns how many. */
unsigned text_put_utf8(uint8_t *out, uint32_t code);

#endif
