/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See text.h. snprintf and strtod are used where the C locale is certain: the program sets no
 * other.
 */
#include "text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

unsigned text_u64(uint8_t *out, uint64_t value)
{
    uint8_t reversed[20];
    unsigned len = 0;
    do {
        reversed[len++] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (unsigned i = 0; i < len; i++)
        out[i] = reversed[len - 1 - i];
    return len;
}

unsigned text_i64(uint8_t *out, int64_t value)
{
    if (value >= 0)
        return text_u64(out, (uint64_t)value);
    *out = '-';
    return 1 + text_u64(out + 1, 0 - (uint64_t)value);
}

void text_digits(uint8_t *out, uint32_t value, unsigned digits)
{
    while (digits > 0) {
        out[--digits] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
}

/* The fewest significant digits that read back the same: 6 to 9 for a float, 15 to 17 for a double
 * are enough by IEEE 754, and most values need the first (%g leaves zeros at the end away). A
 * subnormal number has fewer digits that mean something. */
unsigned text_float(uint8_t *out, float value)
{
    if (!isfinite(value))
        return 0;
    char text[32];
    int len = 0;
    for (int digits = fabsf(value) < FLT_MIN ? 1 : FLT_DIG; digits <= 9; digits++) {
        len = snprintf(text, sizeof(text), "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    memcpy(out, text, (size_t)len);
    return (unsigned)len;
}

unsigned text_double(uint8_t *out, double value)
{
    if (!isfinite(value))
        return 0;
    char text[32];
    int len = 0;
    for (int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG; digits <= 17; digits++) {
        len = snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    memcpy(out, text, (size_t)len);
    return (unsigned)len;
}

bool text_parse_u64(struct slice text, uint64_t *value_out)
{
    if (text.len == 0 || text.len > 20)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)text.ptr[i] - '0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *value_out = value;
    return true;
}

bool text_parse_i64(struct slice text, int64_t *value_out)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    uint64_t magnitude;
    if (!text_parse_u64(negative ? slice_of(text.ptr + 1, text.len - 1) : text, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *value_out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

unsigned text_distance(struct slice a, struct slice b)
{
    enum { LONGEST = 64 };
    size_t m = a.len < LONGEST ? a.len : LONGEST;
    size_t n = b.len < LONGEST ? b.len : LONGEST;
    unsigned row[LONGEST + 1];
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= m; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned up = row[j];
            unsigned best = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            if (up + 1 < best)
                best = up + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = up;
        }
    }
    return row[n];
}

/* Length of the well-formed sequence at p (Unicode 15, table 3-7), or 0. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    uint8_t a = p[0];
    if (a < 0x80)
        return 1;
    size_t len = a >= 0xc2 && a <= 0xdf   ? 2
                 : a >= 0xe0 && a <= 0xef ? 3
                 : a >= 0xf0 && a <= 0xf4 ? 4
                                          : 0;
    if (len == 0 || len > left)
        return 0;
    uint8_t low = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;
    uint8_t high = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool text_is_utf8(struct slice s)
{
    size_t i = 0;
    while (i < s.len) {
        uint64_t word;
        if (i + 8 <= s.len) {
            memcpy(&word, s.ptr + i, 8);
            if ((word & 0x8080808080808080u) == 0) {
                i += 8;
                continue;
            }
        }
        size_t len = utf8_sequence(s.ptr + i, s.len - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}
