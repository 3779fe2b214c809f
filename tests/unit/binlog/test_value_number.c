/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integers at both ends of every width, BIT, YEAR, FLOAT, DOUBLE and VECTOR.
 */
#include "value_fixture.h"

static void signed_integers(void **state UNUSED)
{
    bind_wire(WIRE_TINY, 0, 0, NULL);
    assert_int_equal(fixture_column.kind, COLUMN_INT);
    assert_int_equal(fixture_layout.size, 1);
    expect_text("80", "-128");
    expect_text("ff", "-1");
    expect_text("7f", "127");
    expect_exact_size("00");
    bind_wire(WIRE_SHORT, 0, 0, NULL);
    expect_text("0080", "-32768");
    expect_text("ff7f", "32767");
    expect_exact_size("0000");
    bind_wire(WIRE_INT24, 0, 0, NULL);
    expect_text("000080", "-8388608");
    expect_text("ffffff", "-1");
    expect_text("ffff7f", "8388607");
    expect_exact_size("000000");
    bind_wire(WIRE_LONG, 0, 0, NULL);
    expect_text("00000080", "-2147483648");
    expect_text("ffffff7f", "2147483647");
    expect_exact_size("00000000");
    bind_wire(WIRE_LONGLONG, 0, 0, NULL);
    expect_text("0000000000000080", "-9223372036854775808");
    expect_text("ffffffffffffff7f", "9223372036854775807");
    expect_text("ffffffffffffffff", "-1");
    expect_exact_size("0000000000000000");
}

static void unsigned_integers(void **state UNUSED)
{
    static const struct {
        uint8_t wire;
        const char *type;
        const char *cell;
        const char *text;
    } cases[] = {
        {WIRE_TINY, "tinyint(3) unsigned", "ff", "255"},
        {WIRE_SHORT, "smallint unsigned", "ffff", "65535"},
        {WIRE_INT24, "mediumint(8) unsigned", "ffffff", "16777215"},
        {WIRE_LONG, "int(10) unsigned zerofill", "ffffffff", "4294967295"},
        {WIRE_LONG, "int(5) zerofill", "ffffffff", "4294967295"},
        {WIRE_LONGLONG, "bigint unsigned", "ffffffffffffffff", "18446744073709551615"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct catalog_column catalog = declared(cases[i].type);
        bind_wire(cases[i].wire, 0, 0, &catalog);
        assert_int_equal(fixture_column.kind, COLUMN_UINT);
        expect_text(cases[i].cell, cases[i].text);
        expect_exact_size(cases[i].cell);
    }
}

/* What the map says of the sign stands over the catalog. */
static void sign_of_the_map(void **state UNUSED)
{
    struct catalog_column catalog = declared("int unsigned");
    struct value_facts facts = {.wire_type = WIRE_LONG, .sign_known = true};
    assert_int_equal(try_bind(&facts, &catalog), RC_OK);
    assert_int_equal(fixture_column.kind, COLUMN_INT);
    facts.is_unsigned = true;
    assert_int_equal(try_bind(&facts, NULL), RC_OK);
    assert_int_equal(fixture_column.kind, COLUMN_UINT);
    assert_true(slice_equal(fixture_column.type, SLICE("int unsigned")));
}

static void bits(void **state UNUSED)
{
    bind_wire(WIRE_BIT, 1, 0, NULL);
    expect_text("00", "0");
    expect_text("01", "1");
    expect_rc("02", RC_CORRUPT);
    bind_wire(WIRE_BIT, 3, 1, NULL);
    assert_int_equal(fixture_column.length, 11);
    assert_int_equal(fixture_layout.size, 2);
    expect_text("07ff", "2047");
    expect_text("0102", "258");
    expect_exact_size("0102");
    bind_wire(WIRE_BIT, 0, 8, NULL);
    expect_text("ffffffffffffffff", "18446744073709551615");
    expect_text("8000000000000000", "9223372036854775808");
    assert_int_equal(try_bind_wire(WIRE_BIT, 1, 8, NULL), RC_CORRUPT);
    assert_int_equal(try_bind_wire(WIRE_BIT, 0, 0, NULL), RC_CORRUPT);
}

static void years(void **state UNUSED)
{
    bind_wire(WIRE_YEAR, 0, 0, NULL);
    expect_text("00", "0");
    expect_text("01", "1901");
    expect_text("7c", "2024");
    expect_text("ff", "2155");
    expect_exact_size("7c");
}

static void reals(void **state UNUSED)
{
    bind_wire(WIRE_FLOAT, 4, 0, NULL);
    expect_text("0000803f", "1");
    expect_text("cdcccc3d", "0.1");
    expect_text("000000c0", "-2");
    expect_rc("0000807f", RC_CORRUPT); /* infinity */
    expect_rc("0000c07f", RC_CORRUPT); /* not a number */
    expect_exact_size("0000803f");
    bind_wire(WIRE_DOUBLE, 8, 0, NULL);
    expect_text("9a9999999999b93f", "0.1");
    expect_text("000000000000f0bf", "-1");
    expect_rc("000000000000f07f", RC_CORRUPT);
    expect_exact_size("9a9999999999b93f");
    assert_int_equal(try_bind_wire(WIRE_FLOAT, 8, 0, NULL), RC_CORRUPT);
    assert_int_equal(try_bind_wire(WIRE_DOUBLE, 4, 0, NULL), RC_CORRUPT);
}

static void vectors(void **state UNUSED)
{
    bind_wire(WIRE_VECTOR, 4, 0, NULL);
    assert_int_equal(fixture_layout.prefix, 4);
    expect_text("", "[]");
    expect_text("0000803f", "[1]");
    expect_text("0000803f cdcccc3d 000000c0", "[1,0.1,-2]");
    expect_rc("0000803f00", RC_CORRUPT);
    expect_rc("0000803f 0000807f", RC_CORRUPT);
    struct catalog_column catalog = declared("vector(3)");
    bind_wire(WIRE_VARCHAR, 12, 0, &catalog); /* MariaDB's way */
    assert_int_equal(fixture_column.kind, COLUMN_VECTOR);
    assert_int_equal(fixture_column.length, 3);
    assert_int_equal(fixture_layout.prefix, 1);
    expect_text("0000803f 0000803f 0000803f", "[1,1,1]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(signed_integers), VALUE_TEST(unsigned_integers),
        VALUE_TEST(sign_of_the_map), VALUE_TEST(bits),
        VALUE_TEST(years),           VALUE_TEST(reals),
        VALUE_TEST(vectors),
    };
    return RUN_VALUE_TESTS(tests);
}
