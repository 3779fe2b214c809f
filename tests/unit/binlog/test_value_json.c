/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary JSON: every type, the server's own text style, and documents that lie about themselves.
 */
#include "value_fixture.h"

#include <stdio.h>

static int begin(void **state)
{
    value_fixture_begin(state);
    bind_wire(WIRE_JSON, 4, 0, NULL);
    return 0;
}

static void scalars(void **state UNUSED)
{
    expect_text("", "null");
    expect_text("0400", "null");
    expect_text("0401", "true");
    expect_text("0402", "false");
    expect_text("050080", "-32768");
    expect_text("06ffff", "65535");
    expect_text("0700000080", "-2147483648");
    expect_text("08ffffffff", "4294967295");
    expect_text("090000000000000080", "-9223372036854775808");
    expect_text("0affffffffffffffff", "18446744073709551615");
    expect_text("0c03616263", "\"abc\"");
    expect_text("0c00", "\"\"");
}

static void strings(void **state UNUSED)
{
    expect_text("0c0a225c080c0a0d09011f7f", "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
    expect_text("0c062fc3a4e282ac", "\"/\xc3\xa4\xe2\x82\xac\"");
}

static void expect_double(double value, const char *expected)
{
    uint8_t cell[9] = {11};
    struct slice text;
    memcpy(cell + 1, &value, 8);
    assert_int_equal(read_cell(cell, sizeof(cell), &text), RC_OK);
    if (!slice_equal(text, slice_str(expected)))
        fail_msg("\"%.*s\" and not \"%s\"", SLICE_ARG(text), expected);
}

/* What a server prints for these with the same conversion; ".0" where there is no point or "e". */
static void doubles(void **state UNUSED)
{
    expect_double(1, "1.0");
    expect_double(-1, "-1.0");
    expect_double(0, "0.0");
    expect_double(-0.0, "-0.0");
    expect_double(0.1, "0.1");
    expect_double(1.5, "1.5");
    expect_double(100, "100.0");
    expect_double(3.14159, "3.14159");
    expect_double(1e14, "100000000000000.0");
    expect_double(123456789012345, "123456789012345.0");
    expect_double(1e15, "1e15");
    expect_double(1234567890123456, "1.234567890123456e15");
    expect_double(1e-14, "0.00000000000001");
    expect_double(1e-15, "0.000000000000001");
    expect_double(1.5e-15, "0.0000000000000015");
    expect_double(1e-16, "1e-16");
    expect_double(-1e100, "-1e100");
    expect_double(5e-324, "5e-324");
    expect_double(1.7976931348623157e308, "1.7976931348623157e308");
    expect_double(1.2345678901234568e16, "1.2345678901234568e16");
    expect_double(0.30000000000000004, "0.30000000000000004");
    expect_rc("0b000000000000f07f", RC_CORRUPT);
}

/* {"a": 1, "b": [1, 2]} in both sizes of offsets. */
static const char small_document[] = "00 0200 1e00 1200 0100 1300 0100 05 0100 02 1400 61 62"
                                     " 0200 0a00 05 0100 05 0200";
static const char large_document[] = "01 02000000 32000000 1e000000 0100 1f000000 0100"
                                     " 07 01000000 03 20000000 61 62"
                                     " 02000000 12000000 07 01000000 08 02000000";

static void containers(void **state UNUSED)
{
    expect_text("00 0000 0400", "{}");
    expect_text("02 0000 0400", "[]");
    expect_text("01 00000000 08000000", "{}");
    expect_text("03 00000000 08000000", "[]");
    expect_text("02 0100 0700 04 0000", "[null]");
    expect_text(small_document, "{\"a\": 1, \"b\": [1, 2]}");
}

static void large_containers(void **state UNUSED)
{
    expect_text(large_document, "{\"a\": 1, \"b\": [1, 2]}");
}

/* The value lies behind a hole, and the container is larger than what it uses. */
static void holes(void **state UNUSED)
{
    expect_text("02 0200 1600 0c 1000 0c 0c00 ffff 02 6869 ff 02 686f ffffff", "[\"ho\", \"hi\"]");
}

static void add_temporal_case(uint8_t field, int64_t packed, const char *expected)
{
    uint8_t cell[11] = {15, field, 8};
    struct slice text;
    store_u64le(cell + 3, (uint64_t)packed);
    if (read_cell(cell, sizeof(cell), &text) != RC_OK)
        fail_msg("%s: %s", expected, fixture_error.text);
    if (!slice_equal(text, slice_str(expected)))
        fail_msg("\"%.*s\" and not \"%s\"", SLICE_ARG(text), expected);
}

static int64_t packed_date(unsigned year, unsigned month, unsigned day, unsigned clock)
{
    uint64_t days = (uint64_t)(year * 13 + month) << 5 | day;
    return (int64_t)((days << 17 | clock) << 24);
}

static void opaque_temporals(void **state UNUSED)
{
    unsigned clock = 23u << 12 | 24u << 6 | 25;
    add_temporal_case(WIRE_DATE, packed_date(2015, 1, 15, 0), "\"2015-01-15\"");
    add_temporal_case(WIRE_DATETIME, packed_date(2015, 1, 15, clock) + 120000,
                      "\"2015-01-15 23:24:25.120000\"");
    add_temporal_case(WIRE_TIMESTAMP, packed_date(2015, 1, 15, clock),
                      "\"2015-01-15 23:24:25.000000\"");
    add_temporal_case(WIRE_DATETIME, 0, "\"0000-00-00 00:00:00.000000\"");
    add_temporal_case(WIRE_DATE, 0, "\"0000-00-00\"");
    add_temporal_case(WIRE_TIME, (int64_t)clock << 24, "\"23:24:25.000000\"");
    add_temporal_case(WIRE_TIME, -(((int64_t)clock << 24) + 7), "\"-23:24:25.000007\"");
    expect_rc("0f0c07 00000000000000", RC_CORRUPT);
    expect_rc("0f0c08 ffffffffffffffff", RC_CORRUPT);
    expect_rc("0f0b08 ffffff0000000000", RC_CORRUPT); /* over a million microseconds */
}

static void opaque_bytes(void **state UNUSED)
{
    expect_text("0f1002cafe", "\"base64:type16:yv4=\"");
    expect_text("0ffc00", "\"base64:type252:\"");
    expect_text("0f0f03010203", "\"base64:type15:AQID\"");
    /* 58 bytes are one line of 76 characters, a line feed, and the rest. */
    uint8_t cell[3 + 58] = {15, 252, 58};
    struct slice text;
    assert_int_equal(read_cell(cell, sizeof(cell), &text), RC_OK);
    char expected[128];
    char line[77];
    memset(line, 'A', 76);
    line[76] = '\0';
    snprintf(expected, sizeof(expected), "\"base64:type252:%s\\nAA==\"", line);
    assert_true(slice_equal(text, slice_str(expected)));
}

static void decimals(void **state UNUSED)
{
    expect_text("0ff604 0302 8032", "0.50");
    expect_text("0ff603 0100 85", "5");
    expect_text("0ff604 0302 7fcd", "-0.50");
    expect_rc("0ff602 0302", RC_CORRUPT);
    expect_rc("0ff604 0302 80ff", RC_CORRUPT);
    expect_rc("0ff604 4802 8032", RC_CORRUPT);
    expect_rc("0ff601 03", RC_CORRUPT);
}

/* No cut of a document is a crash, and none is taken for the whole. */
static void truncation(void **state UNUSED)
{
    static const char *const documents[] = {
        small_document, large_document,       "0c03616263",        "0ff60403028032",
        "0f1002cafe",   "0b000000000000f03f", "0affffffffffffffff"};
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        uint8_t bytes[256];
        struct slice text;
        size_t len = from_hex(documents[i], bytes);
        for (size_t cut = 1; cut < len; cut++)
            assert_int_equal(read_cell(bytes, cut, &text), RC_CORRUPT);
        assert_int_equal(read_cell(bytes, len, &text), RC_OK);
    }
}

/* Every single byte of a document set to every value: an answer, never a bad read. */
static void any_byte_changed(void **state UNUSED)
{
    static const char *const documents[] = {small_document, large_document};
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        uint8_t bytes[256];
        size_t len = from_hex(documents[i], bytes);
        for (size_t at = 0; at < len; at++) {
            uint8_t before = bytes[at];
            for (unsigned value = 0; value < 256; value++) {
                struct slice text;
                bytes[at] = (uint8_t)value;
                enum rc rc = read_cell(bytes, len, &text);
                assert_true(rc == RC_OK || rc == RC_CORRUPT || rc == RC_REJECTED);
            }
            bytes[at] = before;
        }
    }
}

static void crafted(void **state UNUSED)
{
    expect_rc("0403", RC_CORRUPT);                 /* literal 3 */
    expect_rc("0d00", RC_CORRUPT);                 /* type 13 */
    expect_rc("0c02c328", RC_REJECTED);            /* not UTF-8 */
    expect_rc("0cffffffffff", RC_CORRUPT);         /* a length that does not end */
    expect_rc("0cffffffff0f61", RC_CORRUPT);       /* 4 GiB long */
    expect_rc("02 0100 0700 0c ffff", RC_CORRUPT); /* offset behind the end */
    expect_rc("02 0100 0700 02 0000", RC_CORRUPT); /* offset to itself */
    expect_rc("02 ffff 0700 05 0000", RC_CORRUPT); /* more elements than bytes */
    expect_rc("03 ffffffff ffffffff 05 00000000", RC_CORRUPT);
    expect_rc("00 0100 0c00 0000 0100 05 0100 61", RC_CORRUPT); /* key inside the entries */
    expect_rc("00 0100 0c00 0b00 ff00 05 0100 61", RC_CORRUPT); /* key longer than the object */
    /* Two elements that are the same string: the parts overlap. */
    expect_rc("02 0300 1200 0c 0d00 0c 0d00 0c 0d00 04 61626364", RC_CORRUPT);
}

/* `depth` arrays of small form, one inside the other, around nothing. */
static size_t nested(uint8_t *out, unsigned depth)
{
    size_t len = 1 + (size_t)(depth - 1) * 7 + 4;
    uint8_t *p = out;
    *p++ = 2;
    for (unsigned i = depth; i > 0; i--) {
        store_u16le(p, i > 1);
        store_u16le(p + 2, (uint16_t)(len - (size_t)(p - out)));
        if (i > 1) {
            p[4] = 2;
            store_u16le(p + 5, 7);
            p += 7;
        }
    }
    return len;
}

static void depth_limit(void **state UNUSED)
{
    uint8_t bytes[1024];
    struct slice text;
    size_t len = nested(bytes, 100);
    assert_int_equal(read_cell(bytes, len, &text), RC_OK);
    assert_int_equal(text.len, 200);
    len = nested(bytes, 101);
    assert_int_equal(read_cell(bytes, len, &text), RC_CORRUPT);
    assert_non_null(strstr(fixture_error.text, "100 levels"));
}

static void full_scratch(void **state UNUSED)
{
    struct buf small;
    struct slice text;
    struct error err;
    buf_init(&small, 8);
    uint8_t cell[] = "\x0c\x0a"
                     "0123456789";
    assert_int_equal(fixture_column.text(&fixture_column, slice_of(cell, 12), &small, &text, &err),
                     RC_LIMIT);
    buf_deinit(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(scalars),     VALUE_TEST(strings),          VALUE_TEST(doubles),
        VALUE_TEST(containers),  VALUE_TEST(large_containers), VALUE_TEST(holes),
        VALUE_TEST(decimals),    VALUE_TEST(opaque_temporals), VALUE_TEST(opaque_bytes),
        VALUE_TEST(truncation),  VALUE_TEST(any_byte_changed), VALUE_TEST(crafted),
        VALUE_TEST(depth_limit), VALUE_TEST(full_scratch),
    };
    return cmocka_run_group_tests(tests, begin, value_fixture_end);
}
