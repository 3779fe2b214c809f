/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FLOAT and DOUBLE as text. How the shortest digits are found is told in text_float_int.h; how they are
 * written is printf's %g at the least precision that shows them all, and at no less than what every decimal
 * survives (6 digits of a float, 15 of a double). No state; any thread.
 */
#include "text_float_int.h"

#include <float.h>
#include <math.h>

#include "text.h"

/* What IEEE 754 stores: value = mantissa * 2^exponent. */
struct binary {
    uint64_t mantissa;
    int exponent;
    bool even;         /* ends that lie between two numbers read back as the even one */
    bool lower_closer; /* a power of two: the number below is half as far as the one above */
};

/* value = digits * 10^exponent */
struct decimal {
    uint64_t digits;
    int exponent;
};

static struct binary take_apart(uint64_t fraction, int biased, unsigned fraction_bits, int bias)
{
    bool normal = biased != 0;
    uint64_t mantissa = normal ? fraction | (uint64_t)1 << fraction_bits : fraction;
    return (struct binary){.mantissa = mantissa,
                           .exponent = (normal ? biased : 1) - bias - (int)fraction_bits,
                           .even = mantissa % 2 == 0,
                           .lower_closer = fraction == 0 && biased > 1};
}

/* The upper 64 of the product's 192 bits, the last one set when any below it is: so much is enough to
 * compare with an integer. */
static inline uint64_t multiply(struct text_power power, uint64_t factor)
{
    __extension__ typedef unsigned __int128 wide;
    wide low = (wide)power.low * factor;
    wide high = (wide)power.high * factor + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* floor(log10(2^e)) less a little, and floor(log2(10^e)), for the exponents that there are. */
static inline int scale_of(const struct binary *binary)
{
    enum { LOG10_2 = 1262611, LOG10_4_3 = 524031, SHIFT = 22 };
    return (binary->exponent * LOG10_2 - (binary->lower_closer ? LOG10_4_3 : 0)) >> SHIFT;
}

static inline int log2_of_power(int power)
{
    enum { LOG2_10 = 1741647, SHIFT = 19 };
    return (power * LOG2_10) >> SHIFT;
}

/* All is in quarters of a unit of the last digit, so that the ends of the interval are integers. */
static struct decimal shortest(const struct binary *binary)
{
    int scale = scale_of(binary);
    unsigned shift = (unsigned)(binary->exponent + log2_of_power(-scale) + 1);
    struct text_power power = text_powers[-scale - TEXT_POWERS_FIRST];
    uint64_t middle = 4 * binary->mantissa;
    uint64_t value = multiply(power, middle << shift);
    uint64_t lower = multiply(power, (middle - 2 + binary->lower_closer) << shift) + !binary->even;
    uint64_t upper = multiply(power, (middle + 2) << shift) - !binary->even;
    uint64_t unit = value / 4;
    if (unit >= 10) {
        uint64_t ten = unit / 10;
        bool down_fits = lower <= 40 * ten;
        bool up_fits = 40 * ten + 40 <= upper;
        if (down_fits != up_fits)
            return (struct decimal){ten + up_fits, scale + 1};
    }
    bool down_fits = lower <= 4 * unit;
    bool up_fits = 4 * unit + 4 <= upper;
    if (down_fits != up_fits)
        return (struct decimal){unit + up_fits, scale};
    uint64_t half = 4 * unit + 2;
    bool up = value > half || (value == half && unit % 2 != 0);
    return (struct decimal){unit + up, scale};
}

/* "1.5e-07" of the digits 15: a sign and two digits of the exponent at least. */
static unsigned put_scientific(uint8_t *out, const uint8_t *digits, unsigned count, int exponent)
{
    unsigned len = 0;
    out[len++] = digits[0];
    if (count > 1) {
        out[len++] = '.';
        memcpy(out + len, digits + 1, count - 1);
        len += count - 1;
    }
    unsigned magnitude = (unsigned)(exponent < 0 ? -exponent : exponent);
    out[len++] = 'e';
    out[len++] = exponent < 0 ? '-' : '+';
    if (magnitude >= 100)
        out[len++] = (uint8_t)('0' + magnitude / 100);
    text_two_digits(out + len, magnitude % 100);
    return len + 2;
}

/* The first digit has the weight 10^exponent. */
static unsigned put_plain(uint8_t *out, const uint8_t *digits, unsigned count, int exponent)
{
    if (exponent < 0) {
        unsigned zeros = (unsigned)-exponent;
        memset(out, '0', zeros + 1);
        out[1] = '.';
        memcpy(out + zeros + 1, digits, count);
        return zeros + 1 + count;
    }
    unsigned whole = (unsigned)exponent + 1;
    if (count <= whole) {
        memcpy(out, digits, count);
        memset(out + count, '0', whole - count);
        return whole;
    }
    memcpy(out, digits, whole);
    out[whole] = '.';
    memcpy(out + whole + 1, digits + whole, count - whole);
    return count + 1;
}

static unsigned put_decimal(uint8_t *out, struct decimal decimal, unsigned precision)
{
    enum { PLAIN_FROM = -4 }; /* 0.0001, and 1e-05 */
    uint8_t digits[20];
    unsigned count = text_u64(digits, decimal.digits);
    int exponent = decimal.exponent + (int)count - 1;
    while (digits[count - 1] == '0')
        count--;
    if (count > precision)
        precision = count;
    if (exponent < PLAIN_FROM || exponent >= (int)precision)
        return put_scientific(out, digits, count, exponent);
    return put_plain(out, digits, count, exponent);
}

static unsigned put_number(uint8_t *out, bool negative, const struct binary *binary,
                           unsigned precision)
{
    unsigned len = 0;
    if (negative)
        out[len++] = '-';
    if (binary->mantissa == 0) {
        out[len] = '0';
        return len + 1;
    }
    return len + put_decimal(out + len, shortest(binary), precision);
}

/*
 * The common case of the two functions below, at half their cost: a value that is m / 10^k, m of
 * at most 15 digits (6 for a float). m and 10^k are exact doubles, so the division rounds once, as
 * reading the text does; and so few digits name a value uniquely, so it is the shortest text. In
 * the range below %g writes no exponent, so both ways give the same text. Returns 0 for any other
 * value.
 */
static unsigned short_decimal(uint8_t *out, double value, bool is_float)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
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
            text_digits_wide(out + len, (uint32_t)(m % power), k);
            len += k;
        }
        return len;
    }
    return 0;
}

unsigned text_float(uint8_t *out, float value)
{
    enum { FRACTION_BITS = 23, EXPONENT_MAX = 255, BIAS = 127 };
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    int biased = (int)(bits >> FRACTION_BITS & EXPONENT_MAX);
    if (biased == EXPONENT_MAX)
        return 0;
    unsigned short_len = short_decimal(out, (double)value, true);
    if (short_len > 0)
        return short_len;
    struct binary binary =
        take_apart(bits & ((UINT32_C(1) << FRACTION_BITS) - 1), biased, FRACTION_BITS, BIAS);
    return put_number(out, bits >> 31 != 0, &binary, FLT_DIG);
}

unsigned text_double(uint8_t *out, double value)
{
    enum { FRACTION_BITS = 52, EXPONENT_MAX = 2047, BIAS = 1023 };
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    int biased = (int)(bits >> FRACTION_BITS & EXPONENT_MAX);
    if (biased == EXPONENT_MAX)
        return 0;
    unsigned short_len = short_decimal(out, value, false);
    if (short_len > 0)
        return short_len;
    struct binary binary =
        take_apart(bits & ((UINT64_C(1) << FRACTION_BITS) - 1), biased, FRACTION_BITS, BIAS);
    return put_number(out, bits >> 63 != 0, &binary, DBL_DIG);
}
