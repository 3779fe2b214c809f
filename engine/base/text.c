/* SPDX-License-Identifier: Apache-2.0 */
/* See text.h. */
#include "text.h"

#define TEXT_ZEROS UINT64_C(0x3030303030303030) /* "00000000" */

const uint8_t text_pairs[200] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";

/* The eight decimal digits of a number below 10^8, the first in the lowest byte, as numbers: halves, then
 * quarters, then digits, all at once, each division a multiplication whose error does not reach the result. */
static inline uint64_t eight_digits(uint32_t value)
{
    uint64_t word = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t hundreds = (word * 10486 >> 20) & UINT64_C(0x0000007f0000007f);
    word = hundreds | (word - hundreds * 100) << 16;
    uint64_t tens = (word * 103 >> 10) & UINT64_C(0x000f000f000f000f);
    return tens | (word - tens * 10) << 8;
}

/* The digits of a number below 10^8 without leading zeros; eight bytes are written, whatever their number. */
static inline unsigned put_head(uint8_t *out, uint32_t value)
{
    uint64_t digits = eight_digits(value);
    /* The last digit stays, be it a zero. */
    unsigned zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8;
    store_u64le(out, (digits + TEXT_ZEROS) >> 8 * zeros);
    return 8 - zeros;
}

static inline unsigned put_eight(uint8_t *out, uint32_t value)
{
    store_u64le(out, eight_digits(value) + TEXT_ZEROS);
    return 8;
}

/* Twenty digits are four, eight and eight. */
unsigned text_u64(uint8_t *out, uint64_t value)
{
    enum { EIGHT = 100000000 };
    if (value < EIGHT)
        return put_head(out, (uint32_t)value);
    uint64_t upper = value / EIGHT;
    unsigned len = put_head(out, (uint32_t)(upper < EIGHT ? upper : upper / EIGHT));
    if (upper >= EIGHT)
        len += put_eight(out + len, (uint32_t)(upper % EIGHT));
    return len + put_eight(out + len, (uint32_t)(value % EIGHT));
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

void text_digits_wide(uint8_t *out, uint32_t value, unsigned digits)
{
    ASSERT(digits >= 1 && digits <= 8);
    store_u64le(out, (eight_digits(value) + TEXT_ZEROS) >> 8 * (8 - digits));
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
