/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements of a snapshot: ranges over one and several key columns, and literals that are exact
 * for their type.
 */
#include "snapshot/key_int.h"
#include "snapshot/sql_int.h"
#include "table_fixture.h"

static const uint32_t by_id[] = {0};
static const uint32_t by_three[] = {0, 1, 2};
static const uint32_t by_enum[] = {3, 0};

static struct bound *bound(const char *a, const char *b, const char *c)
{
    struct slice literals[3] = {slice_str(a), slice_str(b), slice_str(c)};
    struct bound *made = bound_new(literals, c != NULL ? 3 : b != NULL ? 2 : 1);
    assert_non_null(made);
    return made;
}

static void must_be(struct buf *out, const char *expected)
{
    assert_string_equal(buf_cstr(out), expected);
    buf_deinit(out);
}

#define COLUMNS                                                                                    \
    "SELECT `id`, `word`, `a``b`, CAST(`e` AS UNSIGNED), IF(`f`=0 AND "                            \
    "ATAN2(`f`,-1)<0,'-0',`f`*1e0), `v` FROM `db`.`t`"

static void test_range_of_one_column(void **state)
{
    (void)state;
    struct table table = fixture_table(by_id, 1);
    struct sql_table of = {.table = &table, .index = SLICE("PRIMARY")};
    struct bound *low = bound("-5", NULL, NULL);
    struct bound *high = bound("7", NULL, NULL);
    struct buf out;
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_rows(&out, &of, low, high, 0);
    must_be(&out, COLUMNS " FORCE INDEX (`PRIMARY`) WHERE `id` > -5 AND `id` <= 7 ORDER BY `id`");
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_rows(&out, &of, NULL, NULL, 100);
    must_be(&out, COLUMNS " FORCE INDEX (`PRIMARY`) ORDER BY `id` LIMIT 100");
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_end(&out, &of);
    must_be(&out, "SELECT `id` FROM `db`.`t` FORCE INDEX (`PRIMARY`) ORDER BY `id` DESC LIMIT 1");
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_bound(&out, &of, low, 100);
    must_be(&out, "SELECT `id` FROM `db`.`t` FORCE INDEX (`PRIMARY`) WHERE `id` > -5 ORDER BY `id` "
                  "LIMIT 99,1");
    bound_free(low);
    bound_free(high);
}

static void test_range_of_three_columns(void **state)
{
    (void)state;
    struct table table = fixture_table(by_three, 3);
    struct sql_table of = {.table = &table};
    struct bound *low = bound("1", "_latin1 0x61", "'2024-01-01 00:00:00'");
    struct buf out;
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_bound(&out, &of, low, 1);
    must_be(&out,
            "SELECT `id`, `word`, `a``b` FROM `db`.`t` WHERE `id` >= 1 AND (`id` > 1 OR (`id` "
            "= 1 AND (`word` > _latin1 0x61 OR (`word` = _latin1 0x61 AND `a``b` > "
            "'2024-01-01 00:00:00')))) ORDER BY `id`, `word`, `a``b` LIMIT 0,1");
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_rows(&out, &of, NULL, low, 0);
    must_be(&out,
            COLUMNS " WHERE `id` <= 1 AND (`id` < 1 OR (`id` = 1 AND (`word` < _latin1 0x61 OR "
                    "(`word` = _latin1 0x61 AND `a``b` <= '2024-01-01 00:00:00')))) ORDER BY "
                    "`id`, `word`, `a``b`");
    bound_free(low);
}

/* What both bounds say comes first; the last column is a range even where nothing lies in it. */
static void test_range_within_equal_columns(void **state)
{
    (void)state;
    struct table table = fixture_table(by_three, 3);
    struct sql_table of = {.table = &table};
    struct bound *low = bound("1", "_latin1 0x61", "'2024-01-01 00:00:00'");
    struct bound *high = bound("1", "_latin1 0x62", "'2024-01-01 00:00:00'");
    struct buf out;
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_rows(&out, &of, low, high, 0);
    must_be(&out,
            COLUMNS " WHERE `id` = 1 AND `word` >= _latin1 0x61 AND (`word` > _latin1 0x61 OR "
                    "(`word` = _latin1 0x61 AND `a``b` > '2024-01-01 00:00:00')) AND `word` "
                    "<= _latin1 0x62 AND (`word` < _latin1 0x62 OR (`word` = _latin1 0x62 "
                    "AND `a``b` <= '2024-01-01 00:00:00')) ORDER BY `id`, `word`, `a``b`");
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_rows(&out, &of, low, low, 0);
    must_be(&out, COLUMNS " WHERE `id` = 1 AND `word` = _latin1 0x61 AND `a``b` > '2024-01-01 "
                          "00:00:00' AND `a``b` <= '2024-01-01 00:00:00' ORDER BY `id`, `word`, "
                          "`a``b`");
    bound_free(low);
    bound_free(high);
}

/* In the order of an index that descends in its second column. */
static void test_range_of_mixed_order(void **state)
{
    (void)state;
    struct table table = fixture_table(by_three, 3);
    struct sql_table of = {.table = &table, .descending = 2};
    struct bound *low = bound("1", "_latin1 0x61", "'2024-01-01 00:00:00'");
    struct buf out;
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_bound(&out, &of, low, 1);
    must_be(&out,
            "SELECT `id`, `word`, `a``b` FROM `db`.`t` WHERE `id` >= 1 AND (`id` > 1 OR (`id` "
            "= 1 AND (`word` < _latin1 0x61 OR (`word` = _latin1 0x61 AND `a``b` > "
            "'2024-01-01 00:00:00')))) ORDER BY `id`, `word` DESC, `a``b` LIMIT 0,1");
    buf_init(&out, SQL_TEXT_MAX);
    of.descending = 5;
    sql_add_rows(&out, &of, NULL, low, 0);
    must_be(&out,
            COLUMNS " WHERE `id` >= 1 AND (`id` > 1 OR (`id` = 1 AND (`word` < _latin1 0x61 OR "
                    "(`word` = _latin1 0x61 AND `a``b` >= '2024-01-01 00:00:00')))) ORDER BY "
                    "`id` DESC, `word`, `a``b` DESC");
    bound_free(low);
}

/* Along a prefixed index any key behind the bound will do; from the first row on the order counts. */
static void test_bound_along_a_prefix(void **state)
{
    (void)state;
    struct table table = fixture_table(by_id, 1);
    struct sql_table of = {.table = &table, .index = SLICE("PRIMARY"), .is_prefixed = true};
    struct bound *low = bound("7", NULL, NULL);
    struct buf out;
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_bound(&out, &of, NULL, 100);
    must_be(&out, "SELECT `id` FROM `db`.`t` FORCE INDEX (`PRIMARY`) ORDER BY `id` LIMIT 99,1");
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_bound(&out, &of, low, 100);
    must_be(&out, "SELECT `id` FROM `db`.`t` FORCE INDEX (`PRIMARY`) WHERE `id` > 7 LIMIT 99,1");
    bound_free(low);
}

/* What is greater or less is a list of numbers, because of the index; 0 is the invalid value. */
static void test_enum_is_compared_by_its_numbers(void **state)
{
    (void)state;
    struct table table = fixture_table(by_enum, 2);
    struct sql_table of = {.table = &table};
    struct bound *low = bound("2", "9", NULL);
    struct bound *last = bound("3", "9", NULL);
    struct buf out;
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_bound(&out, &of, low, 1);
    must_be(&out, "SELECT CAST(`e` AS UNSIGNED), `id` FROM `db`.`t` WHERE "
                  "(`e` IN (3) OR (`e` = 2 AND `id` > 9)) ORDER BY `e`, `id` LIMIT 0,1");
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_bound(&out, &of, last, 1);
    must_be(&out, "SELECT CAST(`e` AS UNSIGNED), `id` FROM `db`.`t` WHERE "
                  "((`e` = 3 AND `id` > 9)) ORDER BY `e`, `id` LIMIT 0,1");
    /* Downwards 0 comes last. */
    buf_init(&out, SQL_TEXT_MAX);
    of.descending = 1;
    sql_add_bound(&out, &of, low, 1);
    must_be(&out, "SELECT CAST(`e` AS UNSIGNED), `id` FROM `db`.`t` WHERE "
                  "(`e` IN (0, 1) OR (`e` = 2 AND `id` > 9)) ORDER BY `e` DESC, `id` LIMIT 0,1");
    /* A range's own two ends end its lists. */
    buf_init(&out, SQL_TEXT_MAX);
    of.descending = 0;
    struct bound *high = bound("3", "1", NULL);
    sql_add_rows(&out, &of, low, high, 0);
    must_be(&out,
            COLUMNS " WHERE (`e` IN (3) OR (`e` = 2 AND `id` > 9)) AND (`e` IN (2) OR (`e` = 3 AND "
                    "`id` <= 1)) ORDER BY `e`, `id`");
    bound_free(high);
    bound_free(low);
    bound_free(last);
}

/* A column of labels as the only one of its key: the rows behind `low`, and up to `high`. */
static void must_read(struct column column, const char *low_text, const char *behind,
                      const char *high_text, const char *up_to)
{
    static const uint32_t key[] = {0};
    struct table table = fixture_table(key, 1);
    struct sql_table of = {.table = &table};
    table.columns = &column;
    table.column_count = 1;
    struct bound *low = bound(low_text, NULL, NULL);
    struct bound *high = bound(high_text, NULL, NULL);
    struct buf out;
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_rows(&out, &of, low, NULL, 0);
    must_be(&out, behind);
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_rows(&out, &of, NULL, high, 0);
    must_be(&out, up_to);
    bound_free(low);
    bound_free(high);
}

#define READS_S "SELECT CAST(`s` AS UNSIGNED) FROM `db`.`t` WHERE "

/* All values of a small SET are listed; those of a larger one, of which nothing is known and of an ENUM
 * with very many labels are compared, which no index helps. */
static void test_values_are_listed_where_they_are_few(void **state)
{
    (void)state;
    static struct slice labels[9000];
    struct column column = {.name = SLICE("s"),
                            .kind = COLUMN_SET,
                            .labels = labels,
                            .label_count = 3,
                            .text = cell_is_text};
    must_read(column, "5", READS_S "`s` IN (6, 7) ORDER BY `s`", "1",
              READS_S "`s` IN (0, 1) ORDER BY `s`");
    must_read(column, "7", READS_S "1=0 ORDER BY `s`", "0", READS_S "`s` IN (0) ORDER BY `s`");
    column.label_count = 12;
    must_read(column, "5", READS_S "`s` > 5 ORDER BY `s`", "1", READS_S "`s` <= 1 ORDER BY `s`");
    column.kind = COLUMN_ENUM;
    must_read(column, "9", READS_S "`s` IN (10, 11, 12) ORDER BY `s`", "1",
              READS_S "`s` IN (0, 1) ORDER BY `s`");
    column.label_count = 9000;
    must_read(column, "5", READS_S "`s` > 5 ORDER BY `s`", "1", READS_S "`s` <= 1 ORDER BY `s`");
    column.label_count = 11;
    column.labels = NULL;
    must_read(column, "5", READS_S "`s` > 5 ORDER BY `s`", "1", READS_S "`s` <= 1 ORDER BY `s`");
}

/* What the server shows of labels is not sure: a row says its label itself, and its number behind all
 * columns, by which the key is compared. */
static void test_unsure_labels_in_a_key(void **state)
{
    (void)state;
    static const uint32_t key[] = {1, 0};
    static const struct slice labels[] = {{(const uint8_t *)"?", 1}, {(const uint8_t *)"b", 1}};
    struct column columns[] = {
        {.name = SLICE("n"), .kind = COLUMN_INT, .text = cell_is_text},
        {.name = SLICE("e"),
         .kind = COLUMN_ENUM,
         .key_ordinal = 1,
         .labels = labels,
         .label_count = 2,
         .labels_unsure = true,
         .text = cell_is_text},
        {.name = SLICE("s"),
         .kind = COLUMN_SET,
         .labels = labels,
         .label_count = 2,
         .labels_unsure = true,
         .text = cell_is_text},
    };
    struct table table = fixture_table(key, 2);
    table.columns = columns;
    table.column_count = COUNT_OF(columns);
    struct sql_table of = {.table = &table};
    struct bound *low = bound("1", "7", NULL);
    struct buf out;
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_rows(&out, &of, low, NULL, 0);
    must_be(&out, "SELECT `n`, `e`, `s`, CAST(`e` AS UNSIGNED) FROM `db`.`t` WHERE (`e` IN (2) OR "
                  "(`e` = 1 AND `n` > 7)) ORDER BY `e`, `n`");
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_bound(&out, &of, low, 1);
    must_be(&out, "SELECT CAST(`e` AS UNSIGNED), `n` FROM `db`.`t` WHERE (`e` IN (2) OR "
                  "(`e` = 1 AND `n` > 7)) ORDER BY `e`, `n` LIMIT 0,1");

    assert_int_equal(key_field_count(&table), 4);
    const struct slice fields[] = {SLICE("8"), SLICE("\xf0\x9f\x99\x82"), SLICE(""), SLICE("1")};
    struct bound *of_row;
    struct error err = {0};
    assert_int_equal(key_bound_of_row(&table, fields, &of_row, &err), RC_OK);
    assert_true(slice_equal(of_row->literals[0], SLICE("1")));
    assert_true(slice_equal(of_row->literals[1], SLICE("8")));
    bound_free(of_row);
    bound_free(low);
}

static void test_rows_by_their_keys(void **state)
{
    (void)state;
    struct table table = fixture_table(by_id, 1);
    struct sql_table of = {.table = &table, .index = SLICE("PRIMARY")};
    struct bound *keys[] = {bound("1", NULL, NULL), bound("2", NULL, NULL)};
    struct buf out;
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_rows_of_keys(&out, &of, (const struct bound *const *)keys, 2);
    must_be(&out, COLUMNS " FORCE INDEX (`PRIMARY`) WHERE (`id` = 1) OR (`id` = 2)");
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_is_not_behind(&out, &of, keys[0], keys[1]);
    must_be(&out, "SELECT 1 FROM (SELECT `id` AS `id` FROM `db`.`t` FORCE INDEX (`PRIMARY`) WHERE "
                  "(`id` = 1) LIMIT 1) AS found WHERE NOT (`id` > 2)");
    bound_free(keys[0]);
    bound_free(keys[1]);

    /* Found by its label, compared by its number. */
    table = fixture_table(by_enum, 2);
    of.index = SLICE_EMPTY;
    struct bound *labelled = bound("_utf8mb4 0x62", "7", NULL);
    struct bound *low = bound("2", "9", NULL);
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_is_not_behind(&out, &of, labelled, low);
    must_be(&out,
            "SELECT 1 FROM (SELECT CAST(`e` AS UNSIGNED) AS `e`, `id` AS `id` FROM `db`.`t` WHERE "
            "(`e` = _utf8mb4 0x62 AND `id` = 7) LIMIT 1) AS found WHERE NOT ((`e` IN (3) OR "
            "(`e` = 2 AND `id` > 9)))");
    bound_free(labelled);
    bound_free(low);
}

static void field(enum column_kind kind, const char *charset, struct slice value,
                  const char *expected)
{
    struct column column = {.kind = kind, .charset = slice_str(charset)};
    struct buf out;
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_field_literal(&out, &column, value);
    assert_true(sql_is_literal(buf_slice(&out)));
    must_be(&out, expected);
}

static void test_literals(void **state)
{
    (void)state;
    field(COLUMN_INT, "", SLICE("-9223372036854775808"), "-9223372036854775808");
    field(COLUMN_UINT, "", SLICE("18446744073709551615"), "18446744073709551615");
    field(COLUMN_UINT, "", SLICE("00042"), "00042");
    field(COLUMN_DECIMAL, "", SLICE("-0.10"), "-0.10");
    field(COLUMN_YEAR, "", SLICE("0000"), "0000");
    field(COLUMN_BIT, "", SLICE("\x80\x00\x00\x00\x00\x00\x00\x01"), "9223372036854775809");
    field(COLUMN_DOUBLE, "", SLICE("0.1"), "0.1e0");
    field(COLUMN_DOUBLE, "", SLICE("1.7976931348623157e308"), "1.7976931348623157e308");
    field(COLUMN_FLOAT, "", SLICE("0.10000000149011612"), "0.10000000149011612e0");
    field(COLUMN_STRING, "utf8mb4", SLICE("it's\\"),
          "_utf8mb4 0x69742773"
          "5c");
    field(COLUMN_STRING, "gbk", SLICE(""), "_gbk ''");
    field(COLUMN_BYTES, "", SLICE("\x00\xff"), "_binary 0x00ff");
    field(COLUMN_ENUM, "utf8mb4", SLICE("3"), "3");
    field(COLUMN_DATE, "", SLICE("0000-00-00"), "'0000-00-00'");
    field(COLUMN_TIME, "", SLICE("-838:59:59.00"), "'-838:59:59.00'");
    field(COLUMN_TIMESTAMP, "", SLICE("2024-01-01 00:00:00.123"), "'2024-01-01 00:00:00.123'");
    field(COLUMN_INET6, "", SLICE("::ffff:1.2.3.4"), "'::ffff:1.2.3.4'");
}

static void text(const struct column *column, const char *value, const char *expected)
{
    struct buf out;
    buf_init(&out, SQL_TEXT_MAX);
    sql_add_text_literal(&out, column, slice_str(value));
    must_be(&out, expected);
}

static void test_literals_of_canonical_text(void **state)
{
    (void)state;
    text(&fixture_columns[0], "-7", "-7");
    text(&fixture_columns[1], "\xc3\xa4", "_utf8mb4 0xc3a4");
    text(&fixture_columns[3], "b", "_utf8mb4 0x62");
    text(&fixture_columns[4], "0.1", "1.0000000149011612e-01");
    text(&fixture_columns[4], "-0", "-0.0000000000000000e+00");
}

static void test_what_is_no_literal(void **state)
{
    (void)state;
    static const char *const refused[] = {"",     "1; DROP", "1 OR 1", "'a' OR 'b",  "'a",
                                          "a\"b", "`a`",     "_x 1 2", "(SELECT 1)", "0x61'"};
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_false(sql_is_literal(slice_str(refused[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range_of_one_column),
        cmocka_unit_test(test_range_of_three_columns),
        cmocka_unit_test(test_range_within_equal_columns),
        cmocka_unit_test(test_range_of_mixed_order),
        cmocka_unit_test(test_bound_along_a_prefix),
        cmocka_unit_test(test_enum_is_compared_by_its_numbers),
        cmocka_unit_test(test_values_are_listed_where_they_are_few),
        cmocka_unit_test(test_unsure_labels_in_a_key),
        cmocka_unit_test(test_rows_by_their_keys),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_literals_of_canonical_text),
        cmocka_unit_test(test_what_is_no_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
