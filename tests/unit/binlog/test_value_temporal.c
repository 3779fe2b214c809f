/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates and times of every format, with every number of fraction digits and both signs. The known
 * bytes of TIME are those of facts/binlog.md 6.10.
 */
#include "value_fixture.h"

#include <stdio.h>
#include <time.h>

static const uint32_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};

static void put_be(uint8_t *out, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

/* A fraction as MySQL stores it: `digits` digits in whole pairs. */
static unsigned put_fraction(uint8_t *out, unsigned digits, uint32_t micros)
{
    unsigned size = (digits + 1) / 2;
    static const uint32_t units[] = {1, 10000, 100, 1};
    put_be(out, micros / units[size], size);
    return size;
}

static void expect(const uint8_t *cell, size_t len, const char *expected)
{
    struct slice text;
    if (read_cell(cell, len, &text) != RC_OK)
        fail_msg("%s: %s", expected, fixture_error.text);
    if (!slice_equal(text, slice_str(expected)))
        fail_msg("\"%.*s\" and not \"%s\"", SLICE_ARG(text), expected);
}

/* 123456 microseconds cut to `digits`, as the server stores and as it shows them. */
static uint32_t cut_micros(unsigned digits)
{
    return 123456 / powers[6 - digits] * powers[6 - digits];
}

static const char *cut_text(unsigned digits)
{
    static char text[16];
    snprintf(text, sizeof(text), "%.*s", digits == 0 ? 0 : (int)digits + 1, ".123456");
    return text;
}

static void dates(void **state UNUSED)
{
    bind_wire(WIRE_DATE, 0, 0, NULL);
    expect_text("000000", "0000-00-00");
    expect_text("00d00f", "2024-00-00");
    expect_text("65d00f", "2024-03-05");
    expect_text("9f1f4e", "9999-12-31");
    expect_exact_size("65d00f");
    expect_rc("bfd10f", RC_CORRUPT); /* month 13 */
    expect_rc("ffffff", RC_CORRUPT);
}

static void datetimes(void **state UNUSED)
{
    for (uint8_t digits = 0; digits <= 6; digits++) {
        bind_wire(WIRE_DATETIME2, digits, 0, NULL);
        assert_int_equal(fixture_column.scale, digits);
        uint8_t cell[8];
        uint64_t packed = ((((2024ull * 13 + 2) << 5 | 29) << 5 | 23) << 6 | 59) << 6 | 58;
        put_be(cell, packed + (1ull << 39), 5);
        size_t len = 5 + put_fraction(cell + 5, digits, cut_micros(digits));
        assert_int_equal(len, fixture_layout.size);
        char expected[40];
        snprintf(expected, sizeof(expected), "2024-02-29 23:59:58%s", cut_text(digits));
        expect(cell, len, expected);
        memset(cell, 0, sizeof(cell));
        cell[0] = 0x80;
        snprintf(expected, sizeof(expected), "0000-00-00 00:00:00%.*s",
                 digits == 0 ? 0 : digits + 1, ".000000");
        expect(cell, len, expected);
    }
    bind_wire(WIRE_DATETIME2, 0, 0, NULL);
    expect_text("8000020000", "0000-00-01 00:00:00");
    expect_exact_size("99b2c00000");
    expect_rc("7fffffffff", RC_CORRUPT);
    expect_rc("8000018000", RC_CORRUPT); /* hour 24 */
    expect_rc("8000000f00", RC_CORRUPT); /* minute 60 */
    expect_rc("800000003c", RC_CORRUPT); /* second 60 */
    bind_wire(WIRE_DATETIME2, 2, 0, NULL);
    expect_rc("800000000064", RC_CORRUPT); /* 100 hundredths */
    assert_int_equal(try_bind_wire(WIRE_DATETIME2, 7, 0, NULL), RC_CORRUPT);
}

static void times(void **state UNUSED)
{
    bind_wire(WIRE_TIME2, 0, 0, NULL);
    expect_text("7efdfc", "-16:08:04");
    expect_text("800000", "00:00:00");
    expect_text("b46efb", "838:59:59");
    expect_text("4b9105", "-838:59:59");
    expect_exact_size("800000");
    expect_rc("800f00", RC_CORRUPT); /* minute 60 */
    bind_wire(WIRE_TIME2, 3, 0, NULL);
    expect_text("7efdfbf63c", "-16:08:04.250");
    bind_wire(WIRE_TIME2, 6, 0, NULL);
    expect_text("7efdfbffd875", "-16:08:04.010123");
    expect_text("7fffffffffff", "-00:00:00.000001");
    expect_text("7fffff000000", "-00:00:01.000000");
    expect_rc("8000000f4240", RC_CORRUPT); /* a million microseconds */
}

static void times_of_every_precision(void **state UNUSED)
{
    for (uint8_t digits = 0; digits <= 6; digits++) {
        bind_wire(WIRE_TIME2, digits, 0, NULL);
        unsigned fraction = (digits + 1u) / 2;
        for (int sign = -1; sign <= 1; sign += 2) {
            uint8_t cell[6];
            uint8_t bytes[3];
            put_fraction(bytes, digits, cut_micros(digits));
            uint64_t magnitude = (100ull << 12 | 20 << 6 | 30) << (8 * fraction);
            magnitude |= load_uint_be(bytes, fraction);
            uint64_t zero = 0x800000ull << (8 * fraction);
            put_be(cell, sign < 0 ? zero - magnitude : zero + magnitude, 3 + fraction);
            char expected[40];
            snprintf(expected, sizeof(expected), "%s100:20:30%s", sign < 0 ? "-" : "",
                     cut_text(digits));
            expect(cell, 3 + fraction, expected);
        }
    }
}

static void timestamps(void **state UNUSED)
{
    for (uint8_t digits = 0; digits <= 6; digits++) {
        bind_wire(WIRE_TIMESTAMP2, digits, 0, NULL);
        uint8_t cell[7];
        put_be(cell, 1709251199, 4);
        size_t len = 4 + put_fraction(cell + 4, digits, cut_micros(digits));
        char expected[40];
        snprintf(expected, sizeof(expected), "2024-02-29 23:59:59%s", cut_text(digits));
        expect(cell, len, expected);
    }
    bind_wire(WIRE_TIMESTAMP2, 0, 0, NULL);
    expect_text("00000000", "0000-00-00 00:00:00");
    expect_text("00000001", "1970-01-01 00:00:01");
    expect_text("7fffffff", "2038-01-19 03:14:07");
    expect_text("ffffffff", "2106-02-07 06:28:15");
    expect_exact_size("00000001");
    bind_wire(WIRE_TIMESTAMP2, 3, 0, NULL);
    expect_text("000000000000", "0000-00-00 00:00:00.000");
}

/* The calendar against the C library's, at steps that meet every day of the week and month end. */
static void calendar(void **state UNUSED)
{
    bind_wire(WIRE_TIMESTAMP2, 0, 0, NULL);
    for (uint64_t seconds = 86399; seconds <= UINT32_MAX; seconds += 86400 / 2 + 1) {
        time_t at = (time_t)seconds;
        struct tm tm;
        assert_non_null(gmtime_r(&at, &tm));
        char expected[40];
        strftime(expected, sizeof(expected), "%Y-%m-%d %H:%M:%S", &tm);
        uint8_t cell[4];
        put_be(cell, seconds, 4);
        expect(cell, 4, expected);
    }
}

static void old_formats(void **state UNUSED)
{
    bind_wire(WIRE_TIME, 0, 0, NULL);
    expect_text("40e201", "12:34:56");
    expect_text("c01dfe", "-12:34:56");
    expect_text("000000", "00:00:00");
    expect_exact_size("40e201");
    expect_rc("3c0000", RC_CORRUPT); /* second 60 */
    bind_wire(WIRE_DATETIME, 0, 0, NULL);
    expect_text("7dc5aa8b68120000", "2024-02-29 12:34:53");
    expect_text("0000000000000000", "0000-00-00 00:00:00");
    expect_exact_size("0000000000000000");
    expect_rc("ffffffffffffffff", RC_CORRUPT);
    bind_wire(WIRE_TIMESTAMP, 0, 0, NULL);
    expect_text("7f1ae165", "2024-02-29 23:59:59");
    expect_text("00000000", "0000-00-00 00:00:00");
    expect_exact_size("00000000");
}

/* MariaDB 5.3: only the catalog knows that there is a fraction (facts/binlog.md 6.12). */
static void mariadb53_formats(void **state UNUSED)
{
    static const uint8_t time_bytes[] = {3, 4, 4, 5, 5, 5, 6};
    static const uint8_t datetime_bytes[] = {8, 6, 6, 7, 7, 7, 8};
    static const uint8_t fraction_bytes[] = {0, 1, 1, 2, 2, 3, 3};
    for (unsigned digits = 1; digits <= 6; digits++) {
        uint8_t cell[8];
        char type[20];
        char expected[40];
        uint64_t fraction = 123456 / powers[6 - digits];

        snprintf(type, sizeof(type), "time(%u)", digits);
        struct catalog_column catalog = declared(type);
        bind_wire(WIRE_TIME, 0, 0, &catalog);
        assert_int_equal(fixture_layout.size, time_bytes[digits]);
        uint64_t zero = 839ull * 3600 * powers[digits];
        uint64_t units = (25ull * 3600 + 61) * powers[digits] + fraction;
        put_be(cell, zero + units, time_bytes[digits]);
        snprintf(expected, sizeof(expected), "25:01:01%s", cut_text(digits));
        expect(cell, time_bytes[digits], expected);
        put_be(cell, zero - units, time_bytes[digits]);
        snprintf(expected, sizeof(expected), "-25:01:01%s", cut_text(digits));
        expect(cell, time_bytes[digits], expected);

        snprintf(type, sizeof(type), "datetime(%u)", digits);
        catalog = declared(type);
        bind_wire(WIRE_DATETIME, 0, 0, &catalog);
        assert_int_equal(fixture_layout.size, datetime_bytes[digits]);
        uint64_t number = ((((2024ull * 13 + 2) * 32 + 29) * 24 + 12) * 60 + 34) * 60 + 53;
        put_be(cell, number * powers[digits] + fraction, datetime_bytes[digits]);
        snprintf(expected, sizeof(expected), "2024-02-29 12:34:53%s", cut_text(digits));
        expect(cell, datetime_bytes[digits], expected);

        snprintf(type, sizeof(type), "timestamp(%u)", digits);
        catalog = declared(type);
        bind_wire(WIRE_TIMESTAMP, 0, 0, &catalog);
        assert_int_equal(fixture_layout.size, 4 + fraction_bytes[digits]);
        put_be(cell, 1709251199, 4);
        put_be(cell + 4, fraction, fraction_bytes[digits]);
        snprintf(expected, sizeof(expected), "2024-02-29 23:59:59%s", cut_text(digits));
        expect(cell, 4u + fraction_bytes[digits], expected);
        assert_int_equal(fixture_column.scale, digits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(dates),       VALUE_TEST(datetimes),
        VALUE_TEST(times),       VALUE_TEST(times_of_every_precision),
        VALUE_TEST(timestamps),  VALUE_TEST(calendar),
        VALUE_TEST(old_formats), VALUE_TEST(mariadb53_formats),
    };
    return RUN_VALUE_TESTS(tests);
}
