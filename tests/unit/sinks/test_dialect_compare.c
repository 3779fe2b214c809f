/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An existing table: what SHOW CREATE TABLE tells, which types take which columns, and what a
 * comparison says when something does not fit.
 */
#include "dialect_fixture.h"

#include "sinks/doris/doris_int.h"
#include "sinks/starrocks/starrocks_int.h"

static const char doris_sql[] =
    "CREATE TABLE `t` (\n  `id` bigint NOT NULL COMMENT 'the ) UNIQUE KEY(`x`)',\n"
    "  `a,b` varchar(80) NULL,\n  `price` decimalv3(10, 2) NULL,\n"
    "  `v` array<float> NULL\n) ENGINE=OLAP\nUNIQUE KEY(`id`, `a,b`)\n"
    "COMMENT 'PRIMARY KEY(`no`)'\nDISTRIBUTED BY HASH(`id`) BUCKETS AUTO\n"
    "PROPERTIES (\n\"replication_allocation\" = \"tag.location.default: 1\"\n);";

static struct slice sql_text(void)
{
    return slice_str(doris_sql);
}

static void test_create_parse(void **state UNUSED)
{
    struct dialect_create create;
    dialect_create_parse(sql_text(), &create);
    assert_int_equal(create.model, DIALECT_MODEL_UNIQUE);
    assert_int_equal(create.key_count, 2);
    assert_true(slice_equal(create.keys[0], SLICE("id")));
    assert_true(slice_equal(create.keys[1], SLICE("a,b")));
    assert_true(slice_equal(dialect_create_type(sql_text(), SLICE("ID")), SLICE("bigint")));
    assert_true(slice_equal(dialect_create_type(sql_text(), SLICE("a,b")), SLICE("varchar(80)")));
    assert_true(
        slice_equal(dialect_create_type(sql_text(), SLICE("price")), SLICE("decimalv3(10, 2)")));
    assert_true(slice_equal(dialect_create_type(sql_text(), SLICE("v")), SLICE("array<float>")));
    assert_int_equal(dialect_create_type(sql_text(), SLICE("x")).len, 0);
    assert_int_equal(dialect_create_type(sql_text(), SLICE("replication_allocation")).len, 0);
}

/* Cut anywhere, the text gives the whole key or none. */
static void test_create_cut(void **state UNUSED)
{
    struct slice whole = sql_text();
    for (size_t len = 0; len < whole.len; len++) {
        struct dialect_create create;
        dialect_create_parse(slice_of(whole.ptr, len), &create);
        if (create.model != DIALECT_MODEL_UNKNOWN)
            assert_int_equal(create.key_count, 2);
    }
}

static void test_models(void **state UNUSED)
{
    struct dialect_create create;
    dialect_create_parse(SLICE("create table t (a int) PRIMARY KEY (`a`)"), &create);
    assert_int_equal(create.model, DIALECT_MODEL_PRIMARY);
    dialect_create_parse(SLICE("create table t (a int) DUPLICATE KEY(a)"), &create);
    assert_int_equal(create.model, DIALECT_MODEL_DUPLICATE);
    dialect_create_parse(SLICE("create table t (a int) AGGREGATE KEY(a)"), &create);
    assert_int_equal(create.model, DIALECT_MODEL_AGGREGATE);
    dialect_create_parse(SLICE("create table t (a int) DISTRIBUTED BY RANDOM"), &create);
    assert_int_equal(create.model, DIALECT_MODEL_UNKNOWN);
}

static void expect_type(const struct dialect_traits *traits, const char *text,
                        enum dialect_family family, uint64_t size, unsigned scale)
{
    struct dialect_type type = dialect_type_parse(traits, slice_str(text));
    assert_int_equal(type.family, family);
    assert_int_equal(type.size, size);
    assert_int_equal(type.scale, scale);
}

static void test_types(void **state UNUSED)
{
    expect_type(&doris_traits, "bigint(20)", DIALECT_INTEGER, 8, 0);
    expect_type(&doris_traits, "tinyint(1)", DIALECT_BOOLEAN, 0, 0);
    expect_type(&doris_traits, "tinyint(4)", DIALECT_INTEGER, 1, 0);
    expect_type(&doris_traits, "BIGINT UNSIGNED", DIALECT_INTEGER, 16, 0);
    expect_type(&doris_traits, "largeint(40)", DIALECT_INTEGER, 16, 0);
    expect_type(&doris_traits, "decimalv3(10, 2)", DIALECT_DECIMAL, 10, 2);
    expect_type(&doris_traits, "decimal(27)", DIALECT_DECIMAL, 27, 0);
    expect_type(&doris_traits, "datetimev2(6)", DIALECT_DATETIME, 0, 6);
    expect_type(&doris_traits, "datetime", DIALECT_DATETIME, 0, 0);
    expect_type(&starrocks_traits, "datetime", DIALECT_DATETIME, 0, 6);
    expect_type(&doris_traits, "varchar(*)", DIALECT_CHARS, 65533, 0);
    expect_type(&doris_traits, "text", DIALECT_CHARS, DIALECT_UNBOUNDED, 0);
    expect_type(&doris_traits, "varchar(2147483643)", DIALECT_CHARS, DIALECT_UNBOUNDED, 0);
    expect_type(&starrocks_traits, "STRING", DIALECT_CHARS, 65533, 0);
    expect_type(&doris_traits, "array<float>", DIALECT_ARRAY, 0, 0);
    expect_type(&doris_traits, "array<int>", DIALECT_OTHER, 0, 0);
    expect_type(&doris_traits, "bitmap", DIALECT_OTHER, 0, 0);
    expect_type(&doris_traits, "", DIALECT_OTHER, 0, 0);
}

static struct column column_of(enum column_kind kind, uint64_t length, uint8_t scale)
{
    struct column column = {.kind = kind, .length = length, .scale = scale};
    if (kind == COLUMN_INT || kind == COLUMN_UINT)
        column.int_bytes = (uint8_t)length;
    if (kind == COLUMN_DECIMAL)
        column.precision = (uint8_t)length;
    if (kind == COLUMN_STRING)
        column.charset = SLICE("utf8mb4");
    return column;
}

static void holds(const struct column *column, const char *have, bool want, enum load_encoding how)
{
    struct arena arena;
    struct load_column plan = {0};
    struct error err;
    error_clear(&err);
    arena_init(&arena, "test", 4096);
    assert_int_equal(doris_type(column, DIALECT_PLACE_VALUE, &arena, &plan, &err), RC_OK);
    struct dialect_type want_type = dialect_type_parse(&doris_traits, plan.target_type);
    struct dialect_type have_type = dialect_type_parse(&doris_traits, slice_str(have));
    enum load_encoding encoding;
    bool fits = dialect_type_holds(&doris_traits, column, &want_type, &have_type, &encoding);
    if (fits != want)
        fail_msg("%s for %s: %d", have, column_kind_name(column->kind), fits);
    if (fits)
        assert_int_equal(encoding, how);
    arena_deinit(&arena);
}

static void test_numbers_fit(void **state UNUSED)
{
    const struct column int4 = column_of(COLUMN_INT, 4, 0);
    const struct column uint4 = column_of(COLUMN_UINT, 4, 0);
    const struct column uint8 = column_of(COLUMN_UINT, 8, 0);
    const struct column bit1 = column_of(COLUMN_BIT, 1, 0);
    const struct column money = column_of(COLUMN_DECIMAL, 10, 2);
    const struct column single = column_of(COLUMN_FLOAT, 0, 0);
    struct column tiny = column_of(COLUMN_INT, 1, 0);
    holds(&int4, "int", true, LOAD_NUMBER);
    holds(&int4, "bigint", true, LOAD_NUMBER);
    holds(&int4, "smallint", false, 0);
    holds(&int4, "double", true, LOAD_NUMBER);
    holds(&int4, "float", false, 0);
    holds(&int4, "decimal(10,0)", true, LOAD_STRING);
    holds(&int4, "decimal(11,2)", false, 0);
    holds(&int4, "varchar(20)", true, LOAD_STRING);
    holds(&int4, "boolean", false, 0);
    holds(&uint4, "int", false, 0);
    holds(&uint4, "bigint", true, LOAD_NUMBER);
    holds(&uint8, "bigint", false, 0);
    holds(&uint8, "largeint", true, LOAD_STRING);
    holds(&uint8, "decimalv3(20,0)", true, LOAD_STRING);
    holds(&bit1, "boolean", true, LOAD_BIT_BOOLEAN);
    holds(&bit1, "tinyint", true, LOAD_NUMBER);
    holds(&money, "decimal(10,2)", true, LOAD_STRING);
    holds(&money, "decimal(12,4)", true, LOAD_STRING);
    holds(&money, "decimal(12,5)", false, 0);
    holds(&money, "decimal(12,1)", false, 0);
    holds(&money, "double", false, 0);
    holds(&single, "double", true, LOAD_NUMBER);
    holds(&single, "decimal(38,10)", false, 0);
    holds(&tiny, "boolean", false, 0);
    tiny.type = SLICE("tinyint(1)");
    holds(&tiny, "boolean", true, LOAD_NUMBER);
}

static void test_others_fit(void **state UNUSED)
{
    const struct column name = column_of(COLUMN_STRING, 20, 0);
    struct column latin = column_of(COLUMN_STRING, 20, 0);
    const struct column day = column_of(COLUMN_DATE, 0, 0);
    const struct column at = column_of(COLUMN_DATETIME, 0, 3);
    const struct column doc = column_of(COLUMN_JSON, 0, 0);
    const struct column blob = column_of(COLUMN_BYTES, 16, 0);
    const struct column vector = column_of(COLUMN_VECTOR, 3, 0);
    latin.charset = SLICE("latin1");
    holds(&name, "varchar(80)", true, LOAD_STRING);
    holds(&name, "varchar(60)", false, 0);
    holds(&name, "string", true, LOAD_STRING);
    holds(&name, "json", false, 0);
    holds(&latin, "varchar(60)", true, LOAD_STRING);
    holds(&day, "date", true, LOAD_DATE);
    holds(&day, "datetime", true, LOAD_DATE);
    holds(&day, "varchar(10)", true, LOAD_STRING);
    holds(&day, "varchar(9)", false, 0);
    holds(&at, "datetime(3)", true, LOAD_DATE);
    holds(&at, "datetime", false, 0);
    holds(&at, "date", false, 0);
    holds(&doc, "json", true, LOAD_JSON_STRING);
    holds(&doc, "text", true, LOAD_JSON_STRING);
    holds(&doc, "varchar(65533)", false, 0);
    holds(&blob, "varchar(24)", true, LOAD_BASE64);
    holds(&blob, "varchar(23)", false, 0);
    holds(&vector, "array<double>", true, LOAD_JSON_VALUE);
    holds(&vector, "string", true, LOAD_JSON_STRING);
    holds(&vector, "bitmap", false, 0);
}

/* A source table (id BIGINT key, name VARCHAR(20)) against a catalog; the words of the error. */
static enum rc compare(struct dialect_catalog_column *columns, uint32_t count, const char *create,
                       bool keyless, struct load_schema *schema, struct error *err)
{
    static struct fixture_table fixture;
    struct dialect_catalog catalog = {.columns = columns, .column_count = count};
    const struct sink_target target = {.db = SLICE("shop"), .table = SLICE("t")};
    uint32_t first;
    error_clear(err);
    fixture_open(&fixture, "t");
    fixture_add(&fixture, "id", COLUMN_INT, 8);
    fixture_add(&fixture, "name", COLUMN_STRING, 20)->type = SLICE("varchar(20)");
    if (!keyless)
        fixture_key(&fixture, 0);
    assert_int_equal(dialect_plan(&doris_traits, doris_type, &fixture.table, &target,
                                  &fixture.arena, schema, &first, err),
                     RC_OK);
    dialect_create_parse(slice_str(create), &catalog.create);
    enum rc rc = dialect_compare(&doris_traits, &catalog, schema, err);
    fixture_close(&fixture); /* what follows looks only at what the catalog owns */
    return rc;
}

#define UNIQUE_ID "CREATE TABLE t (`id` bigint) UNIQUE KEY(`ID`)"

static void test_compare(void **state UNUSED)
{
    struct load_schema schema;
    struct error err;
    struct dialect_catalog_column good[] = {
        {SLICE("ID"), SLICE("bigint"), false, SLICE_EMPTY, SLICE("")},
        {SLICE("Name"), SLICE("varchar(100)"), true, SLICE_EMPTY, SLICE("")},
        {SLICE("extra"), SLICE("int"), false, SLICE("1"), SLICE("")}};
    assert_int_equal(compare(good, 3, UNIQUE_ID, false, &schema, &err), RC_OK);

    assert_int_equal(compare(good, 1, UNIQUE_ID, false, &schema, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "no column 'name'"));
    assert_non_null(strstr(err.text, "ALTER TABLE `shop`.`t` ADD COLUMN `name` VARCHAR(80) NULL;"));

    struct dialect_catalog_column narrow[] = {
        {SLICE("id"), SLICE("bigint"), false, SLICE_EMPTY, SLICE("")},
        {SLICE("name"), SLICE("varchar(60)"), true, SLICE_EMPTY, SLICE("")}};
    assert_int_equal(compare(narrow, 2, UNIQUE_ID, false, &schema, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "is varchar(60)"));
    assert_non_null(strstr(err.text, "source's varchar(20)"));
    assert_non_null(strstr(err.text, "MODIFY COLUMN `name` VARCHAR(80) NULL;"));

    struct dialect_catalog_column strict[] = {
        {SLICE("id"), SLICE("bigint"), false, SLICE_EMPTY, SLICE("")},
        {SLICE("name"), SLICE("varchar(80)"), false, SLICE_EMPTY, SLICE("")}};
    assert_int_equal(compare(strict, 2, UNIQUE_ID, false, &schema, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "NOT NULL"));

    struct dialect_catalog_column small[] = {
        {SLICE("id"), SLICE("int"), false, SLICE_EMPTY, SLICE("")},
        {SLICE("name"), SLICE("varchar(80)"), true, SLICE_EMPTY, SLICE("")}};
    assert_int_equal(compare(small, 2, UNIQUE_ID, false, &schema, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "A key column cannot be altered"));

    good[2].default_value = SLICE_EMPTY;
    assert_int_equal(compare(good, 3, UNIQUE_ID, false, &schema, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "'extra'"));
}

static void test_compare_keys(void **state UNUSED)
{
    static const char *const wrong[] = {
        "CREATE TABLE t (`id` bigint) DUPLICATE KEY(`id`)",
        "CREATE TABLE t (`id` bigint) UNIQUE KEY(`id`, `name`)",
        "CREATE TABLE t (`id` bigint) UNIQUE KEY(`name`)",
        "CREATE TABLE t (`id` bigint) AGGREGATE KEY(`id`)",
        "CREATE TABLE t (`id` bigint)",
    };
    struct load_schema schema;
    struct error err;
    struct dialect_catalog_column good[] = {
        {SLICE("id"), SLICE("bigint"), false, SLICE_EMPTY, SLICE("")},
        {SLICE("name"), SLICE("varchar(80)"), true, SLICE_EMPTY, SLICE("")}};
    for (unsigned i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(compare(good, 2, wrong[i], false, &schema, &err), RC_MISMATCH);
        assert_non_null(strstr(err.text, "UNIQUE KEY(id)"));
    }
    good[0].nullable = true;
    assert_int_equal(compare(good, 2, wrong[0], true, &schema, &err), RC_OK);
    assert_true(schema.keyless);
    assert_int_equal(compare(good, 2, UNIQUE_ID, true, &schema, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "DUPLICATE KEY, because"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_parse), cmocka_unit_test(test_create_cut),
        cmocka_unit_test(test_models),       cmocka_unit_test(test_types),
        cmocka_unit_test(test_numbers_fit),  cmocka_unit_test(test_others_fit),
        cmocka_unit_test(test_compare),      cmocka_unit_test(test_compare_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
