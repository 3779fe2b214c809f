/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and words to text and back; slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"

static void integers(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {{0, "0"},
                 {7, "7"},
                 {10, "10"},
                 {-1, "-1"},
                 {1234567890123, "1234567890123"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        uint8_t out[20];
        unsigned len = text_i64(out, cases[i].value);
        assert_true(slice_equal(slice_of(out, len), slice_str(cases[i].text)));
        int64_t back = 99;
        assert_true(text_parse_i64(slice_of(out, len), &back));
        assert_int_equal(back, cases[i].value);
    }
    uint8_t out[20];
    unsigned len = text_u64(out, UINT64_MAX);
    assert_true(slice_equal(slice_of(out, len), SLICE("18446744073709551615")));
    /* Every length, at both its ends and around. */
    for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10)
        for (int around = -1; around <= 1; around++) {
            char shown[24];
            uint64_t value = power + (uint64_t)(int64_t)around;
            int shown_len = snprintf(shown, sizeof(shown), "%llu", (unsigned long long)value);
            assert_int_equal(text_u64(out, value), shown_len);
            assert_memory_equal(out, shown, (size_t)shown_len);
        }
    for (uint32_t value = 0; value < 100000000; value += 9973) {
        char shown[24];
        snprintf(shown, sizeof(shown), "%08u", value);
        text_digits_wide(out, value, 8);
        assert_memory_equal(out, shown, 8);
    }
    text_digits_wide(out, 42, 5);
    assert_memory_equal(out, "00042", 5);
    text_digits_wide(out, 9, 1);
    assert_memory_equal(out, "9", 1);
    text_digits(out, 42, 5);
    assert_memory_equal(out, "00042", 5);
    text_digits(out, 123456, 3);
    assert_memory_equal(out, "456", 3);
}

static void numbers_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "-",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1x",
                                        "0x10",
                                        "1.0",
                                        "--1",
                                        "18446744073709551616",
                                        "99999999999999999999",
                                        "000000000000000000001"};
    for (unsigned i = 0; i < COUNT_OF(wrong); i++) {
        uint64_t value = 99;
        if (text_parse_u64(slice_str(wrong[i]), &value))
            fail_msg("'%s' passed", wrong[i]);
        int64_t number = 99;
        if (text_parse_i64(slice_str(wrong[i]), &number))
            fail_msg("'%s' passed", wrong[i]);
        assert_int_equal(value, 99);
        assert_int_equal(number, 99);
    }
    int64_t number = 99;
    assert_false(text_parse_i64(SLICE("9223372036854775808"), &number));
    assert_false(text_parse_i64(SLICE("-9223372036854775809"), &number));
    assert_true(text_parse_i64(SLICE("-9223372036854775808"), &number));
    uint64_t value;
    assert_true(text_parse_u64(SLICE("18446744073709551615"), &value));
    assert_false(text_parse_u64(SLICE_EMPTY, &value));
}

static void is_double(double value, const char *expected)
{
    uint8_t out[32];
    unsigned len = text_double(out, value);
    char text[33] = "";
    memcpy(text, out, len);
    assert_string_equal(text, expected);
}

static void is_float(float value, const char *expected)
{
    uint8_t out[32];
    unsigned len = text_float(out, value);
    char text[33] = "";
    memcpy(text, out, len);
    assert_string_equal(text, expected);
}

static void the_shortest_that_reads_back(void **state)
{
    (void)state;
    is_double(0.0, "0");
    is_double(-0.0, "-0");
    is_double(1.0, "1");
    is_double(0.1, "0.1");
    is_double(0.1 + 0.2, "0.30000000000000004");
    is_double(1e22, "1e+22");
    is_double(123456789012345680.0, "1.2345678901234568e+17");
    is_double(5e-324, "5e-324");
    is_double(DBL_MAX, "1.7976931348623157e+308");
    is_double(9007199254740993.0, "9007199254740992");
    is_double((double)NAN, "");
    is_double((double)INFINITY, "");
    is_double(-(double)INFINITY, "");
    is_float(0.1f, "0.1");
    is_float(3.14f, "3.14");
    is_float(16777216.0f, "16777216");
    is_float(1e-45f, "1e-45");
    is_float(FLT_MAX, "3.4028235e+38");
    is_float(34567892.1f, "34567892");
    is_float(NAN, "");
}

/* What the C library gives for the fewest digits that read back: 15 to 17 of a double, 6 to 9 of a float; a
 * subnormal number may have fewer that mean something. */
static void library_double(double value, char *text, size_t cap)
{
    for (int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG; digits <= 17; digits++) {
        snprintf(text, cap, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
}

static void library_float(float value, char *text, size_t cap)
{
    for (int digits = fabsf(value) < FLT_MIN ? 1 : FLT_DIG; digits <= 9; digits++) {
        snprintf(text, cap, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
}

/* Of all exponents. */
static void random_numbers(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252u;
    for (unsigned i = 0; i < 40000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        char wanted[40];
        double value;
        memcpy(&value, &x, sizeof(value));
        library_double(value, wanted, sizeof(wanted));
        is_double(value, isfinite(value) ? wanted : "");
        uint32_t bits = (uint32_t)x;
        float small;
        memcpy(&small, &bits, sizeof(small));
        library_float(small, wanted, sizeof(wanted));
        is_float(small, isfinite(small) ? wanted : "");
    }
}

/* Powers of two are nearer to the number below than to the one above, and so a text of fewer digits may read
 * back than the one that printf would round to; their neighbours are the ends of such intervals. */
static void powers_of_two(void **state)
{
    (void)state;
    for (int exponent = -1074; exponent < 1024; exponent++)
        for (int side = -1; side <= 1; side++) {
            double value = ldexp(1, exponent);
            value = side < 0 ? nextafter(value, 0) : side > 0 ? nextafter(value, INFINITY) : value;
            char wanted[40];
            char text[33] = "";
            library_double(value, wanted, sizeof(wanted));
            text_double((uint8_t *)text, value);
            assert_true(strtod(text, NULL) == value);
            assert_true(side == 0 ? strlen(text) <= strlen(wanted) : strcmp(text, wanted) == 0);
            float small = (float)value;
            if (!isfinite(small))
                continue;
            memset(text, 0, sizeof(text));
            library_float(small, wanted, sizeof(wanted));
            text_float((uint8_t *)text, small);
            assert_true(strtof(text, NULL) == small);
            assert_true(strlen(text) <= strlen(wanted));
        }
}

/* What people store: few digits behind the point. The text is the one that the C library gives for
 * the fewest digits that read back. */
static void everyday_numbers(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252u;
    for (unsigned i = 0; i < 40000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        double value =
            (double)(x % (uint64_t)pow(10, 1 + i % 16)) / pow(10, (double)((x >> 50) % 12));
        if ((x >> 40 & 1) == 1)
            value = -value;
        char wanted[40];
        library_double(value, wanted, sizeof(wanted));
        is_double(value, wanted);
        float small = (float)value;
        library_float(small, wanted, sizeof(wanted));
        is_float(small, wanted);
    }
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(text_distance(SLICE(""), SLICE("")), 0);
    assert_int_equal(text_distance(SLICE("abc"), SLICE("")), 3);
    assert_int_equal(text_distance(SLICE("hostname"), SLICE("hostnam")), 1);
    assert_int_equal(text_distance(SLICE("kitten"), SLICE("sitting")), 3);
    assert_int_equal(text_distance(SLICE("ab"), SLICE("ba")), 2);
    uint8_t large[200];
    memset(large, 'x', sizeof(large));
    assert_int_equal(text_distance(slice_of(large, 200), SLICE("")), 64);
    assert_int_equal(text_distance(slice_of(large, 200), slice_of(large, 100)), 0);
}

static void hex_digits(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdef";
    static const char upper[] = "0123456789ABCDEF";
    for (unsigned i = 0; i < 256; i++) {
        const char *low = i == 0 ? NULL : strchr(digits, (int)i);
        const char *high = i == 0 ? NULL : strchr(upper, (int)i);
        int value = low != NULL ? (int)(low - digits) : high != NULL ? (int)(high - upper) : -1;
        assert_int_equal(text_hex_value((uint8_t)i), value);
    }
}

static void characters(void **state)
{
    (void)state;
    static const uint32_t codes[] = {0,      0x7f,   0x80,   0x7ff,   0x800,
                                     0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
    static const unsigned lens[] = {1, 1, 2, 2, 3, 3, 3, 3, 4, 4};
    for (unsigned i = 0; i < COUNT_OF(codes); i++) {
        uint8_t out[4];
        unsigned len = text_put_utf8(out, codes[i]);
        assert_int_equal(len, lens[i]);
        assert_int_equal(text_utf8_len(slice_of(out, len)), len);
        uint32_t back = len == 1 ? out[0] : out[0] & (0x7fU >> len);
        for (unsigned at = 1; at < len; at++)
            back = back << 6 | (out[at] & 0x3f);
        assert_int_equal(back, codes[i]);
    }
}

static void utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "plain text that is longer than a word",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "12345678\xc3\xa9"};
    for (unsigned i = 0; i < COUNT_OF(good); i++)
        assert_true(text_is_utf8(slice_str(good[i])));
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "1234567\xc3",
                                      "12345678\xc3",
                                      "\xc3\x28",
                                      "\xe2\x28\xa1"};
    for (unsigned i = 0; i < COUNT_OF(bad); i++)
        if (text_is_utf8(slice_str(bad[i])))
            fail_msg("case %u passed", i);
    assert_true(text_is_utf8(SLICE("a\0b")));
}

static void slices(void **state)
{
    (void)state;
    assert_true(slice_equal(SLICE_EMPTY, SLICE("")));
    assert_false(slice_equal(SLICE("a"), SLICE("b")));
    assert_true(slice_equal_nocase(SLICE("AbZ"), SLICE("aBz")));
    assert_false(slice_equal_nocase(SLICE("\xc3\x84"), SLICE("\xc3\xa4"))); /* ASCII only */
    assert_false(slice_equal_nocase(SLICE("["), SLICE("{")));
    assert_true(slice_starts_nocase(SLICE("SELECT 1"), SLICE("select")));
    assert_false(slice_starts_nocase(SLICE("sel"), SLICE("select")));
    assert_true(slice_compare(SLICE("a"), SLICE("b")) < 0);
    assert_true(slice_compare(SLICE("a"), SLICE("ab")) < 0);
    assert_true(slice_compare(SLICE("\xff"), SLICE("a")) > 0);
    assert_int_equal(slice_compare(SLICE_EMPTY, SLICE("")), 0);
    assert_true(slice_equal(slice_trim(SLICE(" \t\r\n a b \v\f")), SLICE("a b")));
    assert_int_equal(slice_trim(SLICE("  ")).len, 0);
    struct slice rest = SLICE("one\n\nlast");
    assert_true(slice_equal(slice_next_line(&rest), SLICE("one")));
    assert_true(slice_equal(slice_next_line(&rest), SLICE_EMPTY));
    assert_true(slice_equal(slice_next_line(&rest), SLICE("last")));
    assert_int_equal(rest.len, 0);
    assert_int_equal(slice_next_line(&rest).len, 0);
    assert_int_equal(slice_str(NULL).len, 0);
    /* XXH3 is part of what labels are made of: it may never change. */
    assert_true(slice_hash(SLICE("")) == 0x2d06800538d394c2u);
    assert_true(slice_hash(SLICE_EMPTY) == slice_hash(SLICE("")));
    assert_true(slice_hash(SLICE("a")) != slice_hash(SLICE("b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(numbers_refused),
        cmocka_unit_test(the_shortest_that_reads_back),
        cmocka_unit_test(random_numbers),
        cmocka_unit_test(powers_of_two),
        cmocka_unit_test(everyday_numbers),
        cmocka_unit_test(distances),
        cmocka_unit_test(hex_digits),
        cmocka_unit_test(characters),
        cmocka_unit_test(utf8),
        cmocka_unit_test(slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
