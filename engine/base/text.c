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

const uint8_t text_pairs[200] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";

/* Decimal digits of `value`: its bits give the number to within one, a power of ten decides. */
static unsigned count_digits(uint64_t value)
{
    static const uint64_t powers[] = {0,
                                      UINT64_C(10),
                                      UINT64_C(100),
                                      UINT64_C(1000),
                                      UINT64_C(10000),
                                      UINT64_C(100000),
                                      UINT64_C(1000000),
                                      UINT64_C(10000000),
                                      UINT64_C(100000000),
                                      UINT64_C(1000000000),
                                      UINT64_C(10000000000),
                                      UINT64_C(100000000000),
                                      UINT64_C(1000000000000),
                                      UINT64_C(10000000000000),
                                      UINT64_C(100000000000000),
                                      UINT64_C(1000000000000000),
                                      UINT64_C(10000000000000000),
                                      UINT64_C(100000000000000000),
                                      UINT64_C(1000000000000000000),
                                      UINT64_C(10000000000000000000)};
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    unsigned least = bits * 1233 >> 12; /* 1233/4096 is log10(2), a little more */
    return least + (value >= powers[least]);
}

/* From the end, two digits a division: the divisions are what it costs. */
unsigned text_u64(uint8_t *out, uint64_t value)
{
    unsigned len = count_digits(value);
    uint8_t *at = out + len;
    while (value >= 100) {
        at -= 2;
        text_two_digits(at, (uint32_t)(value % 100));
        value /= 100;
    }
    if (value >= 10)
        text_two_digits(at - 2, (uint32_t)value);
    else
        at[-1] = (uint8_t)('0' + value);
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
    for (; digits >= 2; value /= 100) {
        digits -= 2;
        text_two_digits(out + digits, value % 100);
    }
    if (digits == 1)
        out[0] = (uint8_t)('0' + value % 10);
}

/*
 * The common case of the two functions below without a library call: a value that is m / 10^k, m of
 * at most 15 digits (6 for a float). m and 10^k are exact doubles, so the division rounds once, as
 * reading the text does; and so few digits name a value uniquely, so it is the shortest text. In
 * the range below %g writes no exponent, so both ways give the same text. Returns 0 for any other
 * value.
 */
static unsigned short_decimal(uint8_t *out, double value, bool is_float)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    double magnitude = fabs(value);
    double limit = is_float ? 1e6 : 1e15;
    if (!(magnitude >= 1e-4 && magnitude < limit))
        return 0;
    for (unsigned k = 0; k < sizeof(powers) / sizeof(powers[0]); k++) {
        double scaled = magnitude * powers[k];
        if (scaled >= limit - 1)
            return 0;
        uint64_t m = (uint64_t)(scaled + 0.5);
        double again = (double)m / powers[k];
        if (is_float ? (float)again != (float)magnitude : again != magnitude)
            continue;
        unsigned len = 0;
        if (value < 0)
            out[len++] = '-';
        uint64_t power = (uint64_t)powers[k];
        len += text_u64(out + len, m / power);
        if (k > 0) {
            out[len++] = '.';
            text_digits(out + len, (uint32_t)(m % power), k);
            len += k;
        }
        return len;
    }
    return 0;
}

/* The fewest significant digits that read back the same: 6 to 9 for a float, 15 to 17 for a double
 * are enough by IEEE 754, and most values need the first (%g leaves zeros at the end away). A
 * subnormal number has fewer digits that mean something. */
unsigned text_float(uint8_t *out, float value)
{
    if (!isfinite(value))
        return 0;
    unsigned short_len = short_decimal(out, (double)value, true);
    if (short_len > 0)
        return short_len;
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
    unsigned short_len = short_decimal(out, value, false);
    if (short_len > 0)
        return short_len;
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

int text_hex_value(uint8_t digit)
{
    uint8_t letter = digit | 0x20;
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
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

size_t text_utf8_len(struct slice s)
{
    return utf8_sequence(s.ptr, s.len);
}

bool text_is_utf8(struct slice s)
{
    enum { WORD = 8 };
    size_t i = 0;
    if (text_is_ascii(s))
        return true;
    while (i < s.len) {
        if (i + WORD <= s.len && (load_u64le(s.ptr + i) & TEXT_HIGH_BITS) == 0) {
            i += WORD;
            continue;
        }
        size_t len = utf8_sequence(s.ptr + i, s.len - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

unsigned text_put_utf8(uint8_t *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}
