/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings, bytes, labels, geometry and MariaDB's own types, cell by cell.
 */
#include <stdio.h>

#include "value_fixture.h"

#include <zlib.h>

static void bind_text(uint8_t wire, uint8_t meta0, uint8_t meta1, uint32_t collation)
{
    const uint8_t meta[2] = {meta0, meta1};
    const struct value_facts facts = {
        .wire_type = wire, .meta = meta, .meta_len = 2, .collation = collation};
    if (try_bind(&facts, NULL) != RC_OK)
        fail_msg("%s", fixture_error.text);
}

enum { LATIN1 = 8, UTF8MB4 = 255, GBK = 28, UTF16 = 54, SJIS = 13 };

static void zero_copy_utf8(void **state UNUSED)
{
    bind_text(WIRE_VARCHAR, 80, 0, UTF8MB4);
    assert_int_equal(fixture_column.kind, COLUMN_STRING);
    assert_int_equal(fixture_column.length, 20);
    assert_int_equal(fixture_column.length_bytes, 80);
    assert_true(slice_equal(fixture_column.type, SLICE("varchar(20)")));
    static const uint8_t cell[] = "a\xf0\x9f\x98\x80";
    struct slice text;
    assert_int_equal(fixture_column.text(&fixture_column, slice_of(cell, 5), &fixture_scratch,
                                         &text, &fixture_error),
                     RC_OK);
    assert_ptr_equal(text.ptr, cell);
    expect_text("", "");
    expect_rc("61ff", RC_REJECTED);
    assert_non_null(strstr(fixture_error.text, "Column c"));
    assert_non_null(strstr(fixture_error.text, "utf8mb4"));
    assert_non_null(strstr(fixture_error.text, "61ff"));
}

static void converted(void **state UNUSED)
{
    bind_text(WIRE_VARCHAR, 20, 0, LATIN1);
    expect_text("616263", "abc");
    expect_text("e4809d", "\xc3\xa4\xe2\x82\xac\xc2\x9d");
    bind_text(WIRE_VARCHAR, 20, 0, GBK);
    expect_text("61c4e3bac3", "a\xe4\xbd\xa0\xe5\xa5\xbd");
    expect_rc("c4", RC_REJECTED);
    bind_text(WIRE_VARCHAR, 20, 0, UTF16);
    expect_text("0061d83dde00", "a\xf0\x9f\x98\x80");
    expect_rc("d83d", RC_REJECTED);
    expect_rc("006100", RC_REJECTED);
    bind_text(WIRE_VARCHAR, 20, 0, SJIS);
    expect_text("815f8160", "\\\xe3\x80\x9c");
}

/* CHAR lengths over 255 borrow bits of the type byte (facts/binlog.md 6.6). */
static void char_lengths(void **state UNUSED)
{
    bind_text(WIRE_STRING, 0xfe, 40, UTF8MB4);
    assert_true(fixture_column.is_fixed_bytes);
    assert_int_equal(fixture_column.length, 10);
    assert_int_equal(fixture_layout.prefix, 1);
    assert_true(slice_equal(fixture_column.type, SLICE("char(10)")));
    bind_text(WIRE_STRING, 0xfe ^ 0x30, 0xfc, UTF8MB4); /* 1020 bytes */
    assert_int_equal(fixture_column.length, 255);
    assert_int_equal(fixture_column.length_bytes, 1020);
    assert_int_equal(fixture_layout.prefix, 2);
    bind_text(WIRE_VARCHAR, 255, 0, UTF8MB4);
    assert_int_equal(fixture_layout.prefix, 1);
    bind_text(WIRE_VARCHAR, 0, 1, UTF8MB4);
    assert_int_equal(fixture_layout.prefix, 2);
}

static void binary_is_padded(void **state UNUSED)
{
    bind_text(WIRE_STRING, 0xfe, 4, COLLATION_BINARY);
    assert_int_equal(fixture_column.kind, COLUMN_BYTES);
    assert_int_equal(fixture_column.length, 4);
    uint8_t cell[4] = {1, 2, 0, 0};
    struct slice text;
    for (size_t len = 0; len <= 4; len++) {
        assert_int_equal(read_cell(cell, len, &text), RC_OK);
        uint8_t expected[4] = {0};
        memcpy(expected, cell, len);
        assert_true(slice_equal(text, slice_of(expected, 4)));
    }
    expect_rc("0102030405", RC_CORRUPT);
    bind_text(WIRE_VARCHAR, 4, 0, COLLATION_BINARY);
    assert_true(slice_equal(fixture_column.type, SLICE("varbinary(4)")));
    expect_text("61ff", "a\xff");
    bind_text(WIRE_BLOB, 2, 0, COLLATION_BINARY);
    assert_int_equal(fixture_column.length, 65535);
    assert_true(slice_equal(fixture_column.type, SLICE("blob")));
}

static void nothing_known(void **state UNUSED)
{
    bind_text(WIRE_BLOB, 3, 0, 0);
    assert_int_equal(fixture_column.kind, COLUMN_BYTES);
    assert_true(slice_equal(fixture_column.type, SLICE("mediumblob")));
    bind_text(WIRE_VARCHAR, 10, 0, 0);
    assert_int_equal(fixture_column.kind, COLUMN_STRING);
    expect_text("c3a4", "\xc3\xa4");
    expect_text("e4 81", "\xc3\xa4\xc2\x81"); /* not UTF-8: as latin1, every byte a character */
    const uint8_t meta[2] = {10, 0};
    const struct value_facts facts = {
        .wire_type = WIRE_VARCHAR, .meta = meta, .meta_len = 2, .collation = 20000};
    assert_int_equal(try_bind(&facts, NULL), RC_UNSUPPORTED);
}

static void mariadb_types(void **state UNUSED)
{
    struct catalog_column catalog = declared("uuid");
    bind_wire(WIRE_STRING, 0xfe, 16, &catalog);
    assert_int_equal(fixture_column.kind, COLUMN_UUID);
    expect_text("00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff");
    expect_text("00112233445566778899aabbccdd", "00112233-4455-6677-8899-aabbccdd0000");
    expect_text("", "00000000-0000-0000-0000-000000000000");
    expect_rc("00112233445566778899aabbccddeeff00", RC_CORRUPT);
    catalog = declared("inet4");
    bind_wire(WIRE_STRING, 0xfe, 4, &catalog);
    expect_text("7f000001", "127.0.0.1");
    expect_text("0a", "10.0.0.0");
    expect_rc("0102030405", RC_CORRUPT);
    catalog = declared("inet6");
    bind_wire(WIRE_STRING, 0xfe, 16, &catalog);
    expect_text("", "::");
    expect_text("00000000000000000000000000000001", "::1");
    expect_text("20010db8", "2001:db8::");
    expect_text("00000000000000000000ffffc0a80001", "::ffff:192.168.0.1");
    expect_text("000000000000000000000000c0000201", "::192.0.2.1");
    expect_text("00000000000000000000000000010000", "::0.1.0.0");
    /* One zero word is shortened as well, and of runs of one length the first: MariaDB's way. */
    expect_text("00010000000200030004000500060007", "1::2:3:4:5:6:7");
    expect_text("00010000000000020000000000000003", "1:0:0:2::3");
    expect_text("00010000000000020000000000030004", "1::2:0:0:3:4");
    expect_text("00000001000200030004000500060007", "::1:2:3:4:5:6:7");
    expect_text("0001000200030004000500060007", "1:2:3:4:5:6:7::");
    expect_text("ffffffffffffffffffffffffffffffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

/* A stored value of a compressed column around `plain`: header, length, deflate stream. */
static size_t pack(const char *plain, bool raw, uint8_t *out)
{
    size_t len = strlen(plain);
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, raw ? -15 : 15, 8, 0), Z_OK);
    out[0] = (uint8_t)(0x80 | (raw ? 8 : 0) | 2);
    out[1] = (uint8_t)(len >> 8);
    out[2] = (uint8_t)len;
    uint8_t copy[1024];
    memcpy(copy, plain, len);
    stream.next_in = copy;
    stream.avail_in = (uInt)len;
    stream.next_out = out + 3;
    stream.avail_out = 1000;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t packed = 3 + stream.total_out;
    deflateEnd(&stream);
    return packed;
}

static void compressed(void **state UNUSED)
{
    static const char plain[] = "compressible compressible compressible compressible";
    uint8_t cell[1024];
    struct slice text;
    for (unsigned i = 0; i < 4; i++) {
        bool bytes = i % 2 == 1;
        bind_text(WIRE_BLOB_COMPRESSED, 2, 0, bytes ? COLLATION_BINARY : LATIN1);
        expect_text("", "");
        expect_text("00616263", "abc");
        size_t len = pack(plain, i / 2 == 1, cell);
        assert_int_equal(read_cell(cell, len, &text), RC_OK);
        assert_true(slice_equal(text, slice_str(plain)));
        for (size_t cut = 1; cut < len; cut++)
            assert_int_equal(read_cell(cell, cut, &text), RC_CORRUPT);
        cell[2] = (uint8_t)(cell[2] + 1); /* the length lies */
        assert_int_equal(read_cell(cell, len, &text), RC_CORRUPT);
        expect_rc("842000000078", RC_CORRUPT); /* 512 MiB, and no memory asked for them */
        assert_non_null(strstr(fixture_error.text, "claims"));
    }
    expect_rc("90", RC_CORRUPT);
    expect_rc("80", RC_CORRUPT);
    bind_text(WIRE_VARCHAR_COMPRESSED, 100, 0, UTF8MB4);
    size_t len = pack(plain, false, cell);
    assert_int_equal(read_cell(cell, len, &text), RC_OK);
    assert_true(slice_equal(text, slice_str(plain)));
    expect_rc("00ff", RC_REJECTED);
}

static void geometry(void **state UNUSED)
{
    bind_wire(WIRE_GEOMETRY, 4, 0, NULL);
    assert_int_equal(fixture_column.kind, COLUMN_GEOMETRY);
    uint8_t point[25];
    struct slice text;
    memset(point, 7, sizeof(point));
    assert_int_equal(read_cell(point, sizeof(point), &text), RC_OK);
    assert_true(slice_equal(text, slice_of(point, sizeof(point))));
    expect_text("", "");
    expect_rc("e610000001", RC_CORRUPT);
    assert_int_equal(try_bind_wire(WIRE_GEOMETRY, 5, 0, NULL), RC_CORRUPT);
}

static void enums(void **state UNUSED)
{
    struct catalog_column catalog = declared("enum('a','b''c','')");
    bind_wire(WIRE_STRING, WIRE_ENUM, 1, &catalog);
    assert_int_equal(fixture_column.kind, COLUMN_ENUM);
    assert_int_equal(fixture_column.label_count, 3);
    expect_text("00", "");
    expect_text("01", "a");
    expect_text("02", "b'c");
    expect_text("03", "");
    expect_rc("04", RC_CORRUPT);
    expect_exact_size("01");
    bind_wire(WIRE_STRING, WIRE_ENUM, 2, NULL);
    assert_null(fixture_column.labels);
    expect_text("2c01", "300");
    expect_exact_size("2c01");
    assert_int_equal(try_bind_wire(WIRE_STRING, WIRE_ENUM, 3, NULL), RC_CORRUPT);
}

/* Labels that need no care anywhere are put down at once; what has none, or another one, is not. */
static void plain_enums(void **state UNUSED)
{
    const uint8_t cells[] = {0, 1, 2, 3, 4};
    uint8_t out[COLUMN_PUT_MAX];
    struct catalog_column catalog = declared("enum('a b','','x-1')");
    bind_wire(WIRE_STRING, WIRE_ENUM, 1, &catalog);
    assert_non_null(fixture_column.put);
    static const char *const texts[] = {"", "a b", "", "x-1", ""};
    for (unsigned i = 0; i < sizeof(cells); i++) {
        unsigned len = fixture_column.put(&fixture_column, slice_of(cells + i, 1), out);
        assert_true(slice_equal(slice_of(out, len), slice_str(texts[i])));
    }
    assert_int_equal(fixture_column.put(&fixture_column, slice_of(cells + 1, 2), out), 0);
    expect_text("01", "a b");
    expect_text("02", "");
    expect_rc("04", RC_CORRUPT);
    static const char *const careful[] = {"enum('a','b''c')", "enum('a','b,c')", "enum('?')",
                                          "enum('a','\xc3\xa9')"};
    for (unsigned i = 0; i < COUNT_OF(careful); i++) {
        catalog = declared(careful[i]);
        bind_wire(WIRE_STRING, WIRE_ENUM, 1, &catalog);
        assert_null(fixture_column.put);
    }
    char longest[COLUMN_PUT_MAX + 16];
    snprintf(longest, sizeof(longest), "enum('%0*d')", COLUMN_PUT_MAX, 1);
    catalog = declared(longest);
    bind_wire(WIRE_STRING, WIRE_ENUM, 1, &catalog);
    assert_non_null(fixture_column.put);
    snprintf(longest, sizeof(longest), "enum('%0*d')", COLUMN_PUT_MAX + 1, 1);
    catalog = declared(longest);
    bind_wire(WIRE_STRING, WIRE_ENUM, 1, &catalog);
    assert_null(fixture_column.put);
    bind_wire(WIRE_STRING, WIRE_ENUM, 2, NULL);
    assert_null(fixture_column.put);
}

static void sets(void **state UNUSED)
{
    struct catalog_column catalog = declared("set('x','y','z')");
    bind_wire(WIRE_STRING, WIRE_SET, 1, &catalog);
    assert_int_equal(fixture_column.kind, COLUMN_SET);
    expect_text("00", "");
    expect_text("01", "x");
    expect_text("06", "y,z");
    expect_text("07", "x,y,z");
    expect_rc("08", RC_CORRUPT);
    expect_exact_size("01");
    bind_wire(WIRE_STRING, WIRE_SET, 8, NULL);
    expect_text("ffffffffffffffff", "18446744073709551615");
    assert_int_equal(try_bind_wire(WIRE_STRING, WIRE_SET, 9, NULL), RC_CORRUPT);
}

/* 64 labels use the last bit, and labels of the map are in the column's charset. */
static void labels_of_the_map(void **state UNUSED)
{
    struct slice labels[64];
    for (unsigned i = 0; i < 64; i++)
        labels[i] = i == 63 ? SLICE("\xe4") : SLICE("o");
    const uint8_t meta[2] = {WIRE_SET, 8};
    struct value_facts facts = {.wire_type = WIRE_STRING,
                                .meta = meta,
                                .meta_len = 2,
                                .labels = labels,
                                .label_count = 64,
                                .label_collation = LATIN1};
    assert_int_equal(try_bind(&facts, NULL), RC_OK);
    expect_text("0100000000000080", "o,\xc3\xa4");
    assert_true(slice_equal(fixture_column.charset, SLICE("latin1")));
    facts.label_collation = UTF8MB4;
    assert_int_equal(try_bind(&facts, NULL), RC_REJECTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(zero_copy_utf8),   VALUE_TEST(converted),     VALUE_TEST(char_lengths),
        VALUE_TEST(binary_is_padded), VALUE_TEST(nothing_known), VALUE_TEST(mariadb_types),
        VALUE_TEST(compressed),       VALUE_TEST(geometry),      VALUE_TEST(enums),
        VALUE_TEST(plain_enums),      VALUE_TEST(sets),          VALUE_TEST(labels_of_the_map),
    };
    return RUN_VALUE_TESTS(tests);
}
