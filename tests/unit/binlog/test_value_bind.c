/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binding: what the map says, what the catalog adds, where the two cannot be the same column, and
 * columns known from the catalog alone.
 */
#include "value_fixture.h"

static void metadata_lengths(void **state UNUSED)
{
    static const uint8_t none[] = {0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    static const uint8_t one[] = {4, 5, 17, 18, 19, 140, 242, 245, 249, 250, 251, 252, 255};
    static const uint8_t two[] = {15, 16, 141, 246, 247, 248, 253, 254};
    unsigned len;
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        assert_int_equal(value_meta_len(none[i], &len, NULL), RC_OK);
        assert_int_equal(len, 0);
    }
    for (size_t i = 0; i < COUNT_OF(one); i++) {
        assert_int_equal(value_meta_len(one[i], &len, NULL), RC_OK);
        assert_int_equal(len, 1);
    }
    for (size_t i = 0; i < COUNT_OF(two); i++) {
        assert_int_equal(value_meta_len(two[i], &len, NULL), RC_OK);
        assert_int_equal(len, 2);
    }
    unsigned known = 0;
    for (unsigned wire = 0; wire < 256; wire++)
        known += value_meta_len((uint8_t)wire, &len, &fixture_error) == RC_OK;
    assert_int_equal(known, COUNT_OF(none) + COUNT_OF(one) + COUNT_OF(two));
}

static void lists_of_the_map(void **state UNUSED)
{
    const uint8_t set_meta[] = {WIRE_SET, 1};
    const uint8_t enum_meta[] = {WIRE_ENUM, 1};
    const uint8_t char_meta[] = {0xfe, 10};
    bool is_set;
    assert_true(value_is_enum_or_set_wire(WIRE_STRING, set_meta, &is_set) && is_set);
    assert_true(value_is_enum_or_set_wire(WIRE_STRING, enum_meta, &is_set) && !is_set);
    assert_false(value_is_enum_or_set_wire(WIRE_STRING, char_meta, &is_set));
    assert_false(value_is_character_wire(WIRE_STRING, set_meta, false));
    assert_true(value_is_character_wire(WIRE_STRING, char_meta, false));
    assert_true(value_is_character_wire(WIRE_VECTOR, NULL, false));
    assert_false(value_is_character_wire(WIRE_GEOMETRY, NULL, false));
    assert_true(value_is_character_wire(WIRE_GEOMETRY, NULL, true));
    assert_false(value_is_character_wire(WIRE_JSON, NULL, false));
    assert_true(value_is_numeric_wire(WIRE_NEWDECIMAL));
    assert_false(value_is_numeric_wire(WIRE_YEAR));
    assert_false(value_is_numeric_wire(WIRE_BIT));
}

static void expect_mismatch(uint8_t wire, uint8_t meta0, uint8_t meta1, const char *type,
                            const char *word)
{
    struct catalog_column catalog = declared(type);
    assert_int_equal(try_bind_wire(wire, meta0, meta1, &catalog), RC_MISMATCH);
    assert_non_null(strstr(fixture_error.text, word));
    assert_non_null(strstr(fixture_error.text, type));
}

static void mismatches(void **state UNUSED)
{
    expect_mismatch(WIRE_LONG, 0, 0, "varchar(20)", "INT");
    expect_mismatch(WIRE_LONG, 0, 0, "bigint(20)", "INT");
    expect_mismatch(WIRE_VARCHAR, 20, 0, "char(5)", "VARCHAR");
    expect_mismatch(WIRE_BLOB, 2, 0, "mediumblob", "BLOB");
    expect_mismatch(WIRE_STRING, WIRE_ENUM, 1, "set('a')", "ENUM");
    expect_mismatch(WIRE_DATETIME2, 0, 0, "timestamp", "DATETIME");
    expect_mismatch(WIRE_JSON, 4, 0, "longtext", "JSON");
    expect_mismatch(WIRE_STRING, 0xfe, 4, "uuid", "CHAR"); /* a UUID has 16 bytes */
    const uint8_t meta[] = {20, 0};
    const struct value_facts binary = {
        .wire_type = WIRE_VARCHAR, .meta = meta, .meta_len = 2, .collation = COLLATION_BINARY};
    struct catalog_column catalog = declared("varchar(20)");
    assert_int_equal(try_bind(&binary, &catalog), RC_MISMATCH);
}

/* A longer VARCHAR in the catalog is the same column; the map's rows are read as the map says. */
static void other_lengths_agree(void **state UNUSED)
{
    struct catalog_column catalog = declared("varchar(40)");
    catalog.charset = SLICE("latin1");
    bind_wire(WIRE_VARCHAR, 20, 0, &catalog);
    assert_int_equal(fixture_column.length, 20);
    assert_true(slice_equal(fixture_column.charset, SLICE("latin1")));
    catalog = declared("decimal(12,4)");
    bind_wire(WIRE_NEWDECIMAL, 10, 2, &catalog);
    assert_int_equal(fixture_column.precision, 10);
    assert_int_equal(fixture_column.scale, 2);
}

static void unsupported(void **state UNUSED)
{
    assert_int_equal(try_bind_wire(WIRE_DECIMAL, 0, 0, NULL), RC_UNSUPPORTED);
    assert_int_equal(try_bind_wire(WIRE_NULL, 0, 0, NULL), RC_UNSUPPORTED);
    assert_int_equal(try_bind_wire(WIRE_TYPED_ARRAY, 0, 0, NULL), RC_UNSUPPORTED);
    assert_int_equal(try_bind_wire(200, 0, 0, NULL), RC_UNSUPPORTED);
    struct catalog_column catalog = declared("varchar(10)");
    catalog.charset = SLICE("klingon");
    assert_int_equal(try_bind_wire(WIRE_VARCHAR, 10, 0, &catalog), RC_UNSUPPORTED);
}

static struct column from_catalog(struct catalog_column catalog, bool is_mariadb)
{
    struct column column = {.name = catalog.name};
    error_clear(&fixture_error);
    if (value_from_catalog(&column, &catalog, is_mariadb, &fixture_arena, &fixture_error) != RC_OK)
        fail_msg("%s", fixture_error.text);
    return column;
}

static void catalog_alone(void **state UNUSED)
{
    static const struct {
        const char *type;
        enum column_kind kind;
        uint64_t length;
        uint8_t scale;
    } cases[] = {
        {"int(10) unsigned", COLUMN_UINT, 0, 0},
        {"bigint", COLUMN_INT, 0, 0},
        {"bit(3)", COLUMN_BIT, 3, 0},
        {"year(4)", COLUMN_YEAR, 0, 0},
        {"decimal(10,2) unsigned zerofill", COLUMN_DECIMAL, 0, 2},
        {"float", COLUMN_FLOAT, 0, 0},
        {"double(7,3)", COLUMN_DOUBLE, 0, 0},
        {"datetime(6)", COLUMN_DATETIME, 0, 6},
        {"timestamp", COLUMN_TIMESTAMP, 0, 0},
        {"time(3)", COLUMN_TIME, 0, 3},
        {"char(10)", COLUMN_STRING, 10, 0},
        {"varchar(20)", COLUMN_STRING, 20, 0},
        {"binary(16)", COLUMN_BYTES, 16, 0},
        {"blob", COLUMN_BYTES, 65535, 0},
        {"json", COLUMN_JSON, 0, 0},
        {"vector(3)", COLUMN_VECTOR, 3, 0},
        {"uuid", COLUMN_UUID, 0, 0},
        {"inet6", COLUMN_INET6, 0, 0},
        {"point", COLUMN_GEOMETRY, 0, 0},
        {"set('unsigned')", COLUMN_SET, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct column column = from_catalog(declared(cases[i].type), false);
        assert_int_equal(column.kind, cases[i].kind);
        assert_int_equal(column.length, cases[i].length);
        assert_int_equal(column.scale, cases[i].scale);
        assert_true(slice_equal(column.type, slice_str(cases[i].type)));
        struct slice text;
        assert_int_equal(column.text(&column, SLICE("x"), &fixture_scratch, &text, &fixture_error),
                         RC_UNSUPPORTED);
    }
    assert_int_equal(from_catalog(declared("json"), true).kind, COLUMN_STRING);
    struct column text = from_catalog(declared("text"), false);
    assert_int_equal(text.length_bytes, 65535);
    struct catalog_column unknown = declared("hologram(3)");
    struct column column = {.name = SLICE("c")};
    assert_int_equal(value_from_catalog(&column, &unknown, false, &fixture_arena, &fixture_error),
                     RC_UNSUPPORTED);
}

static void labels_of_the_catalog(void **state UNUSED)
{
    struct column column = from_catalog(declared("enum('a','b''c', 'd,e','f)','\\\\','')"), false);
    assert_int_equal(column.label_count, 6);
    assert_true(slice_equal(column.labels[1], SLICE("b'c")));
    assert_true(slice_equal(column.labels[2], SLICE("d,e")));
    assert_true(slice_equal(column.labels[3], SLICE("f)")));
    assert_true(slice_equal(column.labels[4], SLICE("\\")));
    assert_int_equal(column.labels[5].len, 0);
    assert_null(from_catalog(declared("enum('a"), false).labels);
    assert_null(from_catalog(declared("enum('a'"), false).labels);
    assert_null(from_catalog(declared("enum"), false).labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(metadata_lengths),      VALUE_TEST(lists_of_the_map), VALUE_TEST(mismatches),
        VALUE_TEST(other_lengths_agree),   VALUE_TEST(unsupported),      VALUE_TEST(catalog_alone),
        VALUE_TEST(labels_of_the_catalog),
    };
    return RUN_VALUE_TESTS(tests);
}
