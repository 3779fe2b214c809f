/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE TABLE, headers and TRUNCATE against golden files, and names that the target refuses.
 */
#include "dialect_fixture.h"

#include "sinks/doris/doris_int.h"
#include "sinks/stream_load/column_set_int.h"

static const struct sink_target target = {.db = {(const uint8_t *)"shop", 4},
                                          .table = {(const uint8_t *)"orders", 6}};

static void plan(struct fixture_table *fixture, struct load_schema *schema, uint32_t *first)
{
    struct error err;
    error_clear(&err);
    if (dialect_plan(&doris_traits, doris_type, &fixture->table, &target, &fixture->arena, schema,
                     first, &err) != RC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(doris_names_check(schema, false, &err), RC_OK);
}

static void test_every_kind(void **state UNUSED)
{
    struct fixture_table fixture;
    struct load_schema schema;
    struct doris_config config = {0};
    struct buf out;
    uint32_t first;
    fixture_open(&fixture, "orders");
    fixture_every_kind(&fixture);
    fixture_key(&fixture, 1);
    fixture_key(&fixture, 0);
    plan(&fixture, &schema, &first);
    buf_init(&out, 1 << 16);
    doris_create_sql(&config, &schema, schema.key, schema.key_count, &out);
    buf_add_byte(&out, '\n');
    fixture_golden("doris/create/every_kind.sql", &out);
    buf_deinit(&out);
    fixture_close(&fixture);
}

/* Each kind as the only key column: its key type, or a refusal. */
static void test_every_kind_as_key(void **state UNUSED)
{
    struct fixture_table fixture;
    struct buf out;
    buf_init(&out, 1 << 16);
    fixture_open(&fixture, "orders");
    fixture_every_kind(&fixture);
    for (uint32_t i = 0; i < fixture.table.column_count; i++) {
        struct load_column column = {0};
        struct error err;
        error_clear(&err);
        enum rc rc =
            doris_type(&fixture.columns[i], DIALECT_PLACE_KEY, &fixture.arena, &column, &err);
        struct slice text = rc == RC_OK ? column.target_type : slice_str(err.text);
        buf_addf(&out, "%.*s: %.*s\n", SLICE_ARG(fixture.columns[i].name), SLICE_ARG(text));
    }
    fixture_golden("doris/create/key_types.txt", &out);
    buf_deinit(&out);
    fixture_close(&fixture);
}

static void test_keyless(void **state UNUSED)
{
    static const struct cfg_pair pairs[] = {{"replication_num", "1"}};
    struct fixture_table fixture;
    struct load_schema schema;
    struct doris_config config = {
        .common = {.buckets = 8, .create_properties = {.items = pairs, .count = 1}}};
    struct buf out;
    uint32_t first;
    fixture_open(&fixture, "orders");
    fixture_add(&fixture, "ratio", COLUMN_DOUBLE, 0);
    fixture_add(&fixture, "doc", COLUMN_JSON, 0);
    fixture_add(&fixture, "at", COLUMN_DATETIME, 0);
    plan(&fixture, &schema, &first);
    assert_int_equal(first, 2);
    buf_init(&out, 1 << 16);
    doris_create_sql(&config, &schema, &first, 1, &out);
    buf_add_byte(&out, '\n');
    fixture_golden("doris/create/keyless.sql", &out);
    buf_deinit(&out);
    fixture_close(&fixture);
}

static void test_keyless_without_a_sort_column(void **state UNUSED)
{
    struct fixture_table fixture;
    struct load_schema schema;
    struct error err;
    uint32_t first;
    fixture_open(&fixture, "orders");
    fixture_add(&fixture, "ratio", COLUMN_DOUBLE, 0);
    plan(&fixture, &schema, &first);
    assert_true(slice_equal(schema.columns[0].target_type, SLICE("VARCHAR(32)")));
    assert_true(schema.columns[0].target_nullable);
    fixture_close(&fixture);

    fixture_open(&fixture, "orders");
    fixture_add(&fixture, "vec", COLUMN_VECTOR, 3);
    error_clear(&err);
    assert_int_equal(dialect_plan(&doris_traits, doris_type, &fixture.table, &target,
                                  &fixture.arena, &schema, &first, &err),
                     RC_UNSUPPORTED);
    fixture_close(&fixture);
}

static void test_unknown_names_and_kinds(void **state UNUSED)
{
    struct fixture_table fixture;
    struct load_schema schema;
    struct error err;
    uint32_t first;
    fixture_open(&fixture, "orders");
    fixture_add(&fixture, "@1", COLUMN_INT, 4);
    fixture.table.has_names = false;
    error_clear(&err);
    assert_int_equal(dialect_plan(&doris_traits, doris_type, &fixture.table, &target,
                                  &fixture.arena, &schema, &first, &err),
                     RC_CONFIG);
    assert_non_null(strstr(err.text, "binlog_row_metadata"));
    fixture.table.has_names = true;
    fixture.columns[0].name = SLICE("a\nb");
    assert_int_equal(dialect_plan(&doris_traits, doris_type, &fixture.table, &target,
                                  &fixture.arena, &schema, &first, &err),
                     RC_CONFIG);
    fixture.columns[0].name = SLICE("a");
    fixture.columns[0].kind = COLUMN_UNKNOWN;
    assert_int_equal(dialect_plan(&doris_traits, doris_type, &fixture.table, &target,
                                  &fixture.arena, &schema, &first, &err),
                     RC_UNSUPPORTED);
    fixture_close(&fixture);
}

static void test_headers(void **state UNUSED)
{
    static const struct cfg_pair pairs[] = {{"format", "json"}, {"timezone", " +00:00 "}};
    struct load_settings settings = {.load_timeout_s = 600,
                                     .headers = {.items = pairs, .count = 2}};
    struct fixture_table fixture;
    struct load_schema schema;
    struct buf out;
    uint32_t first;
    fixture_open(&fixture, "orders");
    fixture_add(&fixture, "id", COLUMN_INT, 4);
    fixture_add(&fixture, "order", COLUMN_STRING, 10);
    fixture_add(&fixture, "a,b", COLUMN_STRING, 10);
    buf_init(&out, 1 << 16);
    fixture_key(&fixture, 0);
    plan(&fixture, &schema, &first);
    doris_headers(&settings, &schema, NULL, SLICE("millrace_1_2"), &out);
    fixture_golden("doris/headers/keyed.txt", &out);

    buf_reset(&out);
    struct error err;
    assert_int_equal(column_set_rank(&schema, &fixture.arena, &err), RC_OK);
    uint8_t bits[1] = {0};
    assert_int_equal(column_set_size(&schema), sizeof(bits));
    column_set_add(&schema, bits, 2);
    column_set_add(&schema, bits, 0);
    assert_false(column_set_has(&schema, bits, 1));
    doris_headers(&settings, &schema, bits, SLICE("millrace_1_2"), &out);
    fixture_golden("doris/headers/partial.txt", &out);

    buf_reset(&out);
    fixture.table.key_count = 0;
    plan(&fixture, &schema, &first);
    doris_headers(&settings, &schema, NULL, SLICE("millrace_1_3"), &out);
    fixture_golden("doris/headers/keyless.txt", &out);

    buf_reset(&out);
    dialect_truncate_sql(&schema, &out);
    assert_string_equal(buf_cstr(&out), "TRUNCATE TABLE `shop`.`orders`");
    buf_deinit(&out);
    fixture_close(&fixture);
}

static void refuse(const char *db, const char *table, const char *column, const char *word)
{
    struct fixture_table fixture;
    struct load_schema schema;
    struct error err;
    uint32_t first;
    const struct sink_target to = {.db = slice_str(db), .table = slice_str(table)};
    fixture_open(&fixture, "orders");
    fixture_add(&fixture, column, COLUMN_INT, 4);
    fixture_key(&fixture, 0);
    error_clear(&err);
    assert_int_equal(dialect_plan(&doris_traits, doris_type, &fixture.table, &to, &fixture.arena,
                                  &schema, &first, &err),
                     RC_OK);
    assert_int_equal(doris_names_check(&schema, false, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, word));
    fixture_close(&fixture);
}

static void test_refused_names(void **state UNUSED)
{
    char wide[66];
    memset(wide, 'a', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    refuse("1shop", "orders", "id", "database");
    refuse("sh.op", "orders", "id", "sink-table");
    refuse("shop", "or.ders", "id", "table name");
    refuse("shop", wide, "id", "table name");
    refuse("shop", "b\xc3\xa4ume", "id", "enable_unicode_name_support");
    refuse("shop", "orders", "__DORIS_X", "column");
    refuse("shop", "orders", "a=b", "column");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_every_kind_as_key),
        cmocka_unit_test(test_keyless),
        cmocka_unit_test(test_keyless_without_a_sort_column),
        cmocka_unit_test(test_unknown_names_and_kinds),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_refused_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
