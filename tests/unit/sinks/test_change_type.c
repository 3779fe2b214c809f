/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of type changes: each kind of source column into each other, at a target that was
 * created for the first. Golden, so that a change of the rules is read as a table.
 */
#include "dialect_fixture.h"

#include "sinks/doris/doris_int.h"
#include "sinks/starrocks/starrocks_int.h"

/* Every kind, and what grows in more than one way. */
static void add_kinds(struct fixture_table *fixture)
{
    fixture_every_kind(fixture);
    struct column *column = fixture_add(fixture, "price_more", COLUMN_DECIMAL, 0);
    column->precision = 38;
    column->scale = 12;
    fixture_add(fixture, "t3", COLUMN_TIME, 0)->scale = 3;
    fixture_add(fixture, "dt6", COLUMN_DATETIME, 0)->scale = 6;
    fixture_add(fixture, "char", COLUMN_STRING, 20)->is_fixed_bytes = true;
    fixture_add(fixture, "binary", COLUMN_BYTES, 16)->is_fixed_bytes = true;
}

static void write_table(const struct dialect_changes *changes, const char *golden)
{
    static const char *const fits[] = {"as it is", "MODIFY", "not"};
    struct fixture_table fixture;
    struct buf out;
    buf_init(&out, 1 << 20);
    fixture_open(&fixture, "orders");
    add_kinds(&fixture);
    for (uint32_t from = 0; from < fixture.table.column_count; from++) {
        for (uint32_t to = 0; to < fixture.table.column_count; to++) {
            struct column *columns = fixture.columns;
            struct load_column have = {0};
            struct load_column want = {0};
            struct error err;
            const char *why;
            error_clear(&err);
            assert_int_equal(
                changes->type(&columns[from], DIALECT_PLACE_VALUE, &fixture.arena, &have, &err),
                RC_OK);
            assert_int_equal(
                changes->type(&columns[to], DIALECT_PLACE_VALUE, &fixture.arena, &want, &err),
                RC_OK);
            struct dialect_type have_type = dialect_type_parse(changes->traits, have.target_type);
            struct dialect_type want_type = dialect_type_parse(changes->traits, want.target_type);
            enum dialect_fit fit = dialect_type_fit(changes, &columns[from], &columns[to],
                                                    &want_type, &have_type, &why);
            if (from == to)
                assert_int_equal(fit, DIALECT_FIT_AS_IS);
            else if (fit != DIALECT_FIT_NOT)
                buf_addf(&out, "%.*s -> %.*s: %s, %.*s -> %.*s\n", SLICE_ARG(columns[from].name),
                         SLICE_ARG(columns[to].name), fits[fit], SLICE_ARG(have.target_type),
                         SLICE_ARG(want.target_type));
        }
    }
    fixture_golden(golden, &out);
    buf_deinit(&out);
    fixture_close(&fixture);
}

static void test_table(void **state UNUSED)
{
    write_table(&doris_changes, "doris/change/types.txt");
    write_table(&starrocks_changes, "starrocks/change/types.txt");
}

static void keeps(const struct column *before, const struct column *after, enum dialect_kept want)
{
    assert_int_equal(dialect_values_kept(before, after), want);
}

static void test_labels(void **state UNUSED)
{
    static const struct slice small[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}};
    static const struct slice more[] = {
        {(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}, {(const uint8_t *)"c", 1}};
    static const struct slice other[] = {{(const uint8_t *)"A", 1}, {(const uint8_t *)"b", 1}};
    struct column one = {.kind = COLUMN_ENUM, .labels = small, .label_count = 2};
    struct column grown = {.kind = COLUMN_ENUM, .labels = more, .label_count = 3};
    struct column loud = {.kind = COLUMN_ENUM, .labels = other, .label_count = 2};
    struct column unknown = {.kind = COLUMN_ENUM};
    struct column text = {.kind = COLUMN_STRING, .length = 10};
    struct column set = {.kind = COLUMN_SET, .labels = more, .label_count = 3};
    keeps(&one, &grown, DIALECT_KEPT_TEXT);
    keeps(&grown, &one, DIALECT_KEPT_TEXT); /* a label in use cannot be dropped */
    keeps(&one, &loud, DIALECT_KEPT_NOT);
    keeps(&one, &unknown, DIALECT_KEPT_TEXT);
    keeps(&one, &set, DIALECT_KEPT_TEXT);
    keeps(&one, &text, DIALECT_KEPT_TEXT);
    keeps(&text, &one,
          DIALECT_KEPT_NOT); /* found by the column's collation, written as the label */
}

static void test_what_types_do_not_say(void **state UNUSED)
{
    struct column plain = {.kind = COLUMN_INT, .int_bytes = 4, .type = SLICE("int")};
    struct column filled = {
        .kind = COLUMN_UINT, .int_bytes = 4, .type = SLICE("int(5) unsigned zerofill")};
    struct column text = {.kind = COLUMN_STRING, .length = 20};
    struct column fixed = {.kind = COLUMN_STRING, .length = 20, .is_fixed_bytes = true};
    struct column stamp = {.kind = COLUMN_TIMESTAMP};
    struct column moment = {.kind = COLUMN_DATETIME};
    struct column binary = {.kind = COLUMN_BYTES, .length = 4, .is_fixed_bytes = true};
    struct column longer = {.kind = COLUMN_BYTES, .length = 8, .is_fixed_bytes = true};
    struct column loose = {.kind = COLUMN_BYTES, .length = 8};
    keeps(&plain, &text, DIALECT_KEPT_TEXT);
    keeps(&filled, &text, DIALECT_KEPT_NOT);
    keeps(&filled, &plain, DIALECT_KEPT_TEXT);
    keeps(&text, &fixed, DIALECT_KEPT_NOT);
    keeps(&fixed, &text, DIALECT_KEPT_TEXT);
    keeps(&stamp, &moment, DIALECT_KEPT_NOT);
    keeps(&stamp, &text, DIALECT_KEPT_NOT);
    keeps(&moment, &text, DIALECT_KEPT_TEXT);
    keeps(&binary, &longer, DIALECT_KEPT_NOT);
    keeps(&binary, &loose, DIALECT_KEPT_TEXT);
    keeps(&loose, &binary, DIALECT_KEPT_NOT);
}

/* A target that the user made wider holds some changes as it is, and others not at all. */
static void test_wider_targets(void **state UNUSED)
{
    const struct {
        struct column before;
        struct column after;
        const char *have;
        const char *want;
        enum dialect_fit fit;
    } cases[] = {
        {{.kind = COLUMN_INT, .int_bytes = 4},
         {.kind = COLUMN_INT, .int_bytes = 8},
         "largeint",
         "BIGINT",
         DIALECT_FIT_AS_IS},
        {{.kind = COLUMN_INT, .int_bytes = 4},
         {.kind = COLUMN_DECIMAL, .precision = 12, .scale = 2},
         "decimal(20,4)",
         "DECIMAL(12, 2)",
         DIALECT_FIT_AS_IS},
        {{.kind = COLUMN_INT, .int_bytes = 4},
         {.kind = COLUMN_DECIMAL, .precision = 12, .scale = 2},
         "varchar(40)",
         "DECIMAL(12, 2)",
         DIALECT_FIT_NOT}, /* "5" is there, "5.00" comes */
        {{.kind = COLUMN_DATE},
         {.kind = COLUMN_DATETIME},
         "datetime",
         "DATETIME(0)",
         DIALECT_FIT_AS_IS},
        {{.kind = COLUMN_FLOAT}, {.kind = COLUMN_DOUBLE}, "double", "DOUBLE", DIALECT_FIT_NOT},
        {{.kind = COLUMN_JSON},
         {.kind = COLUMN_STRING, .length = 9},
         "json",
         "VARCHAR(36)",
         DIALECT_FIT_NOT},
        {{.kind = COLUMN_DECIMAL, .precision = 12, .scale = 4},
         {.kind = COLUMN_DECIMAL, .precision = 12, .scale = 2},
         "decimal(20,4)",
         "DECIMAL(12, 2)",
         DIALECT_FIT_NOT}, /* the source rounded */
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        const char *why;
        struct dialect_type have = dialect_type_parse(&doris_traits, slice_str(cases[i].have));
        struct dialect_type want = dialect_type_parse(&doris_traits, slice_str(cases[i].want));
        enum dialect_fit fit =
            dialect_type_fit(&doris_changes, &cases[i].before, &cases[i].after, &want, &have, &why);
        if (fit != cases[i].fit)
            fail_msg("case %u: %d", i, fit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_what_types_do_not_say),
        cmocka_unit_test(test_wider_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
