/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DECIMAL: every number of every small (p,s) against a plain encoder, and the long ones by hand.
 */
#include "value_fixture.h"

#include <stdio.h>

/* The packed form of `digits` (exactly `precision` of them), made group by group from the text. */
static size_t encode(const char *digits, unsigned precision, unsigned scale, bool negative,
                     uint8_t *out)
{
    static const unsigned sizes[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
    unsigned whole = precision - scale;
    unsigned groups[20];
    unsigned count = 0;
    if (whole % 9 > 0)
        groups[count++] = whole % 9;
    for (unsigned i = 0; i < whole / 9 + scale / 9; i++)
        groups[count++] = 9;
    if (scale % 9 > 0)
        groups[count++] = scale % 9;
    size_t len = 0;
    for (unsigned g = 0; g < count; g++) {
        uint32_t value = 0;
        for (unsigned i = 0; i < groups[g]; i++)
            value = value * 10 + (uint32_t)(*digits++ - '0');
        for (unsigned i = sizes[groups[g]]; i > 0; i--)
            out[len++] = (uint8_t)(value >> (8 * (i - 1)));
    }
    for (size_t i = 0; negative && i < len; i++)
        out[i] = (uint8_t)~out[i];
    out[0] ^= 0x80;
    return len;
}

static void expect_decimal(const char *digits, unsigned precision, unsigned scale, bool negative)
{
    uint8_t cell[64];
    size_t len = encode(digits, precision, scale, negative, cell);
    assert_int_equal(len, fixture_layout.size);
    char expected[80];
    unsigned whole = precision - scale;
    unsigned skip = 0;
    while (skip < whole && digits[skip] == '0')
        skip++;
    int at = snprintf(expected, sizeof(expected), "%s%.*s", negative ? "-" : "",
                      (int)(whole - skip), digits + skip);
    if (skip == whole)
        at += snprintf(expected + at, sizeof(expected) - (size_t)at, "0");
    if (scale > 0)
        snprintf(expected + at, sizeof(expected) - (size_t)at, ".%.*s", (int)scale, digits + whole);
    struct slice text;
    assert_int_equal(read_cell(cell, len, &text), RC_OK);
    if (!slice_equal(text, slice_str(expected)))
        fail_msg("\"%.*s\" and not \"%s\"", SLICE_ARG(text), expected);
}

static void every_small_number(void **state UNUSED)
{
    unsigned limit = 1;
    for (uint8_t precision = 1; precision <= 4; precision++) {
        limit *= 10;
        for (uint8_t scale = 0; scale <= precision; scale++) {
            bind_wire(WIRE_NEWDECIMAL, precision, scale, NULL);
            for (unsigned value = 0; value < limit; value++) {
                char digits[16];
                snprintf(digits, sizeof(digits), "%0*u", precision, value);
                expect_decimal(digits, precision, scale, false);
                if (value > 0)
                    expect_decimal(digits, precision, scale, true);
            }
        }
    }
}

/* Every legal (p,s): nines, a one at either end, and all zeros. */
static void every_shape(void **state UNUSED)
{
    for (uint8_t precision = 1; precision <= 65; precision++) {
        for (uint8_t scale = 0; scale <= precision && scale <= 38; scale++) {
            bind_wire(WIRE_NEWDECIMAL, precision, scale, NULL);
            char digits[80];
            memset(digits, '9', precision);
            digits[precision] = '\0';
            expect_decimal(digits, precision, scale, false);
            expect_decimal(digits, precision, scale, true);
            memset(digits, '0', precision);
            expect_decimal(digits, precision, scale, false);
            digits[precision - 1] = '1';
            expect_decimal(digits, precision, scale, false);
            expect_decimal(digits, precision, scale, true);
            digits[precision - 1] = '0';
            digits[0] = '1';
            expect_decimal(digits, precision, scale, true);
        }
    }
}

static void known_cells(void **state UNUSED)
{
    bind_wire(WIRE_NEWDECIMAL, 14, 4, NULL);
    expect_text("810dfb38d204d2", "1234567890.1234");
    expect_text("7ef204c72dfb2d", "-1234567890.1234");
    expect_exact_size("810dfb38d204d2");
    bind_wire(WIRE_NEWDECIMAL, 3, 2, NULL);
    assert_true(slice_equal(fixture_column.type, SLICE("decimal(3,2)")));
    expect_text("800a", "0.10");
    expect_text("7ff5", "-0.10");
}

static void damaged(void **state UNUSED)
{
    bind_wire(WIRE_NEWDECIMAL, 9, 0, NULL);
    expect_text("bb9ac9ff", "999999999");
    expect_rc("bb9aca00", RC_CORRUPT);
    bind_wire(WIRE_NEWDECIMAL, 1, 0, NULL);
    expect_rc("8a", RC_CORRUPT);
    assert_int_equal(try_bind_wire(WIRE_NEWDECIMAL, 0, 0, NULL), RC_CORRUPT);
    assert_int_equal(try_bind_wire(WIRE_NEWDECIMAL, 66, 0, NULL), RC_CORRUPT);
    assert_int_equal(try_bind_wire(WIRE_NEWDECIMAL, 5, 6, NULL), RC_CORRUPT);
    assert_int_equal(try_bind_wire(WIRE_NEWDECIMAL, 65, 39, NULL), RC_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(every_small_number),
        VALUE_TEST(every_shape),
        VALUE_TEST(known_cells),
        VALUE_TEST(damaged),
    };
    return RUN_VALUE_TESTS(tests);
}
