/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalog's text of a default as the text that a value of it would have, and what is not sure.
 * The texts are those that MySQL 9.7 and MariaDB 10.11 show.
 */
#include "value_fixture.h"

static const char *charset_of_texts;

static struct column of_default(const char *type, struct slice value)
{
    struct catalog_column catalog = declared(type);
    catalog.charset = slice_str(charset_of_texts);
    catalog.has_default = true;
    catalog.nullable = true;
    catalog.default_value = value;
    struct column column = {.name = SLICE("c")};
    error_clear(&fixture_error);
    if (value_from_catalog(&column, &catalog, false, &fixture_arena, &fixture_error) != RC_OK)
        fail_msg("%s: %s", type, fixture_error.text);
    return column;
}

static void expect_known(const char *type, const char *shown, const char *wanted)
{
    struct column column = of_default(type, slice_str(shown));
    if (!column.default_known || column.default_value.ptr == NULL ||
        !slice_equal(column.default_value, slice_str(wanted)))
        fail_msg("%s DEFAULT %s: %s \"%.*s\" instead of \"%s\"", type, shown,
                 column.default_known ? "known" : "not known", SLICE_ARG(column.default_value),
                 wanted);
}

static void expect_unknown(const char *type, const char *shown)
{
    struct column column = of_default(type, slice_str(shown));
    if (column.default_known || column.default_value.ptr != NULL)
        fail_msg("%s DEFAULT %s is taken for \"%.*s\"", type, shown,
                 SLICE_ARG(column.default_value));
}

static void numbers(void **state UNUSED)
{
    static const struct {
        const char *type;
        const char *shown;
        const char *wanted; /* NULL: not known */
    } cases[] = {
        {"int", "5", "5"},
        {"int(5) unsigned zerofill", "00005", "5"},
        {"int(5) unsigned zerofill", "00000", "0"},
        {"bigint", "-9223372036854775808", "-9223372036854775808"},
        {"bigint unsigned", "18446744073709551615", "18446744073709551615"},
        {"tinyint", "-128", "-128"},
        {"tinyint", "-129", NULL},
        {"tinyint unsigned", "256", NULL},
        {"int", "1.5", NULL},
        {"int", "0x41", NULL},
        {"int", "", NULL},
        {"int unsigned", "-1", NULL},
        {"bit(5)", "b'101'", "5"},
        {"bit(64)", "b'1111111111111111111111111111111111111111111111111111111111111111'",
         "18446744073709551615"},
        {"bit(64)", "b'11111111111111111111111111111111111111111111111111111111111111111'", NULL},
        {"bit(2)", "b'100'", NULL},
        {"bit(1)", "1", NULL},
        {"bit(1)", "b'1", NULL},
        {"year", "0000", "0"},
        {"year", "2024", "2024"},
        {"year(4)", "1900", NULL},
        {"year(2)", "24", NULL},
        {"decimal(10,3)", "1.500", "1.500"},
        {"decimal(10,3)", "-1.5", "-1.500"},
        {"decimal(5,2)", "-0.00", "0.00"},
        {"decimal(5,0)", "12345", "12345"},
        {"decimal(3,3)", "0.125", "0.125"},
        {"decimal(3,3)", "1.125", NULL},
        {"decimal(6,3) unsigned zerofill", "001.500", "1.500"},
        {"decimal(5,2)", "1.005", NULL},
        {"decimal(5,2)", "1234.5", NULL},
        {"decimal(5,2)", "1.", NULL},
        {"decimal(5,2)", "1e1", NULL},
        {"decimal(5,2)", "", NULL},
        {"float", "0", "0"},
        {"float", "1.23457", NULL},
        {"float", "1", NULL},
        {"float(7,3)", "1.500", NULL},
        {"double", "1.2345678901234567", "1.2345678901234567"},
        {"double", "1e300", "1e+300"},
        {"double", "-0.5", "-0.5"},
        {"double", "1e400", NULL},
        {"double", "nan", NULL},
        {"double", "1.5x", NULL},
        {"double(10,2)", "3.00", "3"},
        {"double(10,2)", "1.25", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (cases[i].wanted != NULL)
            expect_known(cases[i].type, cases[i].shown, cases[i].wanted);
        else
            expect_unknown(cases[i].type, cases[i].shown);
    }
}

static void dates(void **state UNUSED)
{
    static const struct {
        const char *type;
        const char *shown;
        const char *wanted;
    } cases[] = {
        {"date", "2024-01-02", "2024-01-02"},
        {"date", "0000-00-00", "0000-00-00"},
        {"date", "2024-1-2", NULL},
        {"date", "curdate()", NULL},
        {"time", "01:02:03", "01:02:03"},
        {"time(2)", "-10:11:12.50", "-10:11:12.50"},
        {"time(3)", "838:59:59", "838:59:59.000"},
        {"time", "1:02:03", NULL},
        {"time", "01:02:03.5", NULL},
        {"time", "010:02:03", NULL},
        {"time", "", NULL},
        {"datetime(3)", "2024-01-02 03:04:05.600", "2024-01-02 03:04:05.600"},
        {"datetime(3)", "2024-01-02 03:04:05", "2024-01-02 03:04:05.000"},
        {"datetime", "2024-01-02 03:04:05", "2024-01-02 03:04:05"},
        {"datetime", "2024-01-02", NULL},
        {"datetime", "2024-01-02 03:04:05.", NULL},
        {"datetime", "CURRENT_TIMESTAMP", NULL},
        /* In whose time zone it is shown is not known; the zero date is in none. */
        {"timestamp", "2024-01-02 03:04:05", NULL},
        {"timestamp(2)", "0000-00-00 00:00:00.00", "0000-00-00 00:00:00.00"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (cases[i].wanted != NULL)
            expect_known(cases[i].type, cases[i].shown, cases[i].wanted);
        else
            expect_unknown(cases[i].type, cases[i].shown);
    }
}

static void texts(void **state UNUSED)
{
    static const struct {
        const char *type;
        const char *shown;
        const char *wanted;
    } cases[] = {
        {"varchar(20)", "it's \\ \"x\"\n", "it's \\ \"x\"\n"},
        {"varchar(20)", "", ""},
        {"varchar(20)", "ab  ", "ab  "},
        {"char(5)", "ab  ", "ab"},
        {"char(5)", "   ", ""},
        {"varchar(2)", "\xc3\xbc\xe2\x82\xac", "\xc3\xbc\xe2\x82\xac"},
        {"varchar(2)", "abc", NULL},
        {"varchar(20)", "\xc3\xbc??", NULL},
        {"varchar(20)", "\xff", NULL},
        {"longtext", "{}", "{}"},
        {"enum('a','b')", "b", "b"},
        {"enum('a','b')", "B", NULL},
        {"enum('a','?')", "?", NULL},
        {"set('x','y','z')", "x,z", "x,z"},
        {"set('x','y','z')", "z,x", NULL},
        {"set('x','y','z')", "x,", NULL},
        {"set('x','y','z')", "x,w", NULL},
        {"set('x')", "", ""},
        {"uuid", "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000001"},
        {"uuid", "1", NULL},
        {"inet6", "::1", NULL},
        {"inet4", "127.0.0.1", NULL},
        {"binary(4)", "0x6162", NULL},
        {"varbinary(8)", "", NULL},
        {"blob", "x", NULL},
        {"json", "{}", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (cases[i].wanted != NULL)
            expect_known(cases[i].type, cases[i].shown, cases[i].wanted);
        else
            expect_unknown(cases[i].type, cases[i].shown);
    }
}

static void the_null_default(void **state UNUSED)
{
    static const char *const types[] = {"int", "blob", "json", "point", "timestamp", "float"};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct column column = of_default(types[i], SLICE_EMPTY);
        assert_true(column.default_known);
        assert_null(column.default_value.ptr);
    }
}

/* None, an expression, or a value that the server makes. */
static void no_literal(void **state UNUSED)
{
    struct catalog_column plain = declared("int");
    plain.has_default = true;
    plain.default_value = SLICE("5");
    struct catalog_column cases[5];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cases[i] = plain;
    cases[0].is_auto_increment = true;
    cases[1].default_is_expression = true;
    cases[2].generated = CATALOG_VIRTUAL;
    cases[3].generated = CATALOG_STORED;
    cases[4].versioning = CATALOG_ROW_START;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (unsigned family = 0; family < 2; family++) {
            struct column column = {.name = SLICE("c")};
            assert_int_equal(
                value_from_catalog(&column, &cases[i], family == 1, &fixture_arena, &fixture_error),
                RC_OK);
            assert_false(column.default_known);
            assert_null(column.default_value.ptr);
            assert_int_equal(column.changes_unseen, family == 1 && i == 2);
        }
    }
    /* NOT NULL cannot hold the NULL that no text means. */
    plain.default_value = SLICE_EMPTY;
    struct column column = {.name = SLICE("c")};
    assert_int_equal(value_from_catalog(&column, &plain, false, &fixture_arena, &fixture_error),
                     RC_OK);
    assert_false(column.default_known);
}

/* NOT NULL without DEFAULT. */
static void the_types_own(void **state UNUSED)
{
    static const struct {
        const char *type;
        const char *wanted; /* NULL: not known */
    } cases[] = {
        {"int unsigned", "0"},
        {"bit(3)", "0"},
        {"year", "0"},
        {"double", "0"},
        {"decimal(5,2)", "0.00"},
        {"decimal(2,2)", "0.00"},
        {"date", "0000-00-00"},
        {"time(1)", "00:00:00.0"},
        {"datetime(6)", "0000-00-00 00:00:00.000000"},
        {"varchar(3)", ""},
        {"text", ""},
        {"blob", ""},
        {"binary(3)", NULL},
        {"set('a')", ""},
        {"enum('a','b')", "a"},
        {"timestamp", NULL},
        {"json", NULL},
        {"point", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct catalog_column catalog = declared(cases[i].type);
        struct column column = {.name = SLICE("c")};
        assert_int_equal(
            value_from_catalog(&column, &catalog, false, &fixture_arena, &fixture_error), RC_OK);
        assert_int_equal(column.default_known, cases[i].wanted != NULL);
        assert_int_equal(column.default_value.ptr != NULL, cases[i].wanted != NULL);
        assert_true(slice_equal(column.default_value, slice_str(cases[i].wanted)));
    }
}

/* A column of a table map is told of the same way. */
static void of_a_table_map(void **state UNUSED)
{
    struct catalog_column catalog = declared("smallint unsigned");
    catalog.has_default = true;
    catalog.default_value = SLICE("7");
    bind_wire(WIRE_SHORT, 0, 0, &catalog);
    assert_true(fixture_column.default_known);
    assert_true(slice_equal(fixture_column.default_value, SLICE("7")));
    bind_wire(WIRE_SHORT, 0, 0, NULL);
    assert_false(fixture_column.default_known);
    catalog.generated = CATALOG_VIRTUAL;
    const uint8_t meta[2] = {0, 0};
    struct value_facts facts = {
        .wire_type = WIRE_SHORT, .meta = meta, .meta_len = 2, .is_mariadb = true};
    assert_int_equal(try_bind(&facts, &catalog), RC_OK);
    assert_true(fixture_column.changes_unseen);
    assert_false(fixture_column.default_known);
}

/* The catalog may show the bytes of such a text: "\0a" for "a", "N-" for U+4E2D. */
static void texts_that_are_shown_raw(void **state UNUSED)
{
    static const char *const wide[] = {"utf16", "utf16le", "utf32", "ucs2"};
    for (unsigned i = 0; i < COUNT_OF(wide); i++) {
        charset_of_texts = wide[i];
        expect_unknown("text", "N-");
        expect_unknown("mediumtext", "\x01");
        expect_known("longtext", "", "");
        expect_unknown("tinytext", "ab");
        expect_known("varchar(20)", "N-", "N-");
    }
    charset_of_texts = "utf8mb4";
    expect_known("text", "N-", "N-");
    charset_of_texts = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_are_shown_raw),
        VALUE_TEST(numbers),
        VALUE_TEST(dates),
        VALUE_TEST(texts),
        VALUE_TEST(the_null_default),
        VALUE_TEST(no_literal),
        VALUE_TEST(of_a_table_map),
        VALUE_TEST(the_types_own),
    };
    return RUN_VALUE_TESTS(tests);
}
