/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a step of a schema change becomes: the statement, nothing, or words, for each product, given
 * what the target shows. The statements are golden files, and so is the table of type changes.
 */
#include "dialect_fixture.h"

#include "sinks/doris/doris_int.h"
#include "sinks/starrocks/starrocks_int.h"

static const struct sink_target target = {.db = {(const uint8_t *)"shop", 4},
                                          .table = {(const uint8_t *)"orders", 6}};

/* A source table before and after, and what the target shows. */
struct bench {
    const struct dialect_changes *changes;
    struct fixture_table before;
    struct fixture_table after;
    struct dialect_catalog_column columns[FIXTURE_COLUMNS_MAX];
    struct dialect_look look;
    struct schema_step step;
    struct buf sql;
    struct error err;
};

/* id is the key, name follows, then a price. */
static void add_columns(struct fixture_table *table)
{
    fixture_open(table, "orders");
    fixture_add(table, "id", COLUMN_INT, 8);
    fixture_add(table, "name", COLUMN_STRING, 20);
    struct column *price = fixture_add(table, "price", COLUMN_DECIMAL, 0);
    price->precision = 10;
    price->scale = 2;
    fixture_key(table, 0);
}

static void show(struct bench *bench, const char *name, const char *type, bool nullable)
{
    bench->columns[bench->look.have.column_count++] =
        (struct dialect_catalog_column){.name = slice_str(name),
                                        .type = slice_str(type),
                                        .nullable = nullable,
                                        .comment = SLICE("")};
}

static void bench_open(struct bench *bench, const struct dialect_changes *changes)
{
    memset(bench, 0, sizeof(*bench));
    bench->changes = changes;
    add_columns(&bench->before);
    add_columns(&bench->after);
    bench->look.have.columns = bench->columns;
    show(bench, "id", "bigint", false);
    show(bench, "name", "varchar(80)", true);
    show(bench, "price", "decimal(10, 2)", true);
    bench->look.have.create.model =
        changes == &doris_changes ? DIALECT_MODEL_UNIQUE : DIALECT_MODEL_PRIMARY;
    bench->look.have.create.keys[0] = SLICE("id");
    bench->look.have.create.key_count = 1;
    bench->step = (struct schema_step){.before = &bench->before.table,
                                       .after = &bench->after.table,
                                       .new_target = {SLICE("shop"), SLICE("other")}};
    buf_init(&bench->sql, 1 << 16);
}

static void bench_close(struct bench *bench)
{
    buf_deinit(&bench->sql);
    fixture_close(&bench->before);
    fixture_close(&bench->after);
}

static enum rc plan(struct bench *bench, enum schema_step_kind kind)
{
    bench->step.kind = kind;
    buf_reset(&bench->sql);
    error_clear(&bench->err);
    return dialect_change_plan(bench->changes, LOAD_ZERO_DATES_NULL, &bench->step, &target,
                               &bench->look, &bench->after.arena, &bench->sql, &bench->err);
}

static void says(struct bench *bench, enum schema_step_kind kind, const char *sql)
{
    if (plan(bench, kind) != RC_OK)
        fail_msg("%s", bench->err.text);
    assert_string_equal(buf_cstr(&bench->sql), sql);
}

static void refuses(struct bench *bench, enum schema_step_kind kind, enum rc rc, const char *words)
{
    assert_int_equal(plan(bench, kind), rc);
    assert_int_equal(bench->sql.len, 0);
    if (strstr(bench->err.text, words) == NULL)
        fail_msg("'%s' is not in: %s", words, bench->err.text);
}

/* Runs a step and writes its statement behind the others. */
static void note(struct bench *bench, enum schema_step_kind kind, struct buf *out)
{
    if (plan(bench, kind) != RC_OK)
        fail_msg("%s", bench->err.text);
    buf_add_slice(out, buf_slice(&bench->sql));
    buf_add_str(out, ";\n");
}

static void note_columns(struct bench *bench, struct buf *out)
{
    struct schema_step *step = &bench->step;
    struct column *added = fixture_add(&bench->after, "n`1", COLUMN_INT, 4);
    added->comment = SLICE("it's \\ new");
    step->column = added;
    step->behind = &bench->after.columns[1];
    note(bench, SCHEMA_ADD_COLUMN, out);
    step->behind = NULL;
    step->default_value = SLICE("-5");
    note(bench, SCHEMA_ADD_COLUMN, out);
    step->default_value = SLICE_EMPTY;
    step->column = NULL;
    step->old_column = &bench->before.columns[1];
    note(bench, SCHEMA_DROP_COLUMN, out);
    step->column = added;
    note(bench, SCHEMA_RENAME_COLUMN, out);
    bench->after.columns[1].length = 100;
    step->column = &bench->after.columns[1];
    note(bench, SCHEMA_ALTER_COLUMN, out);
    bench->columns[1].default_value = SLICE("it's");
    bench->columns[1].comment = SLICE("a \"name\"");
    note(bench, SCHEMA_ALTER_COLUMN, out);
    bench->after.columns[1].comment = SLICE("other words");
    note(bench, SCHEMA_COMMENT_COLUMN, out);
    bench->after.table.comment = SLICE("the table's words");
    note(bench, SCHEMA_COMMENT_TABLE, out);
}

static void note_tables(struct bench *bench, struct buf *out)
{
    note(bench, SCHEMA_DROP_TABLE, out);
    note(bench, SCHEMA_RENAME_TABLE, out);
    bench->look.other.column_count = 1;
    note(bench, SCHEMA_SWAP_TABLE, out);
    bench->look.target_is_newer = true;
    note(bench, SCHEMA_SWAP_TABLE, out);
    bench->look.have.column_count = 0;
    note(bench, SCHEMA_SWAP_TABLE, out);
}

static void statements(const struct dialect_changes *changes, const char *golden)
{
    struct bench bench;
    struct buf out;
    bench_open(&bench, changes);
    buf_init(&out, 1 << 16);
    note_columns(&bench, &out);
    note_tables(&bench, &out);
    fixture_golden(golden, &out);
    buf_deinit(&out);
    bench_close(&bench);
}

static void test_statements(void **state UNUSED)
{
    statements(&doris_changes, "doris/change/statements.sql");
    statements(&starrocks_changes, "starrocks/change/statements.sql");
}

/* What is shown already needs no statement. */
static void test_done_is_passed_over(void **state UNUSED)
{
    struct bench bench;
    bench_open(&bench, &doris_changes);
    struct schema_step *step = &bench.step;
    step->old_column = step->column = &bench.after.columns[2];
    says(&bench, SCHEMA_ADD_COLUMN, "");
    says(&bench, SCHEMA_ALTER_COLUMN, "");
    says(&bench, SCHEMA_COMMENT_COLUMN, "");
    bench.look.comment = SLICE("");
    says(&bench, SCHEMA_COMMENT_TABLE, "");
    step->old_column = fixture_add(&bench.before, "gone", COLUMN_INT, 4);
    says(&bench, SCHEMA_DROP_COLUMN, "");
    says(&bench, SCHEMA_RENAME_COLUMN, "");
    bench.before.columns[2].name = SLICE("PRICE"); /* names are the same in any case */
    step->old_column = &bench.before.columns[2];
    says(&bench, SCHEMA_RENAME_COLUMN, "");
    says(&bench, SCHEMA_SWAP_TABLE, "");
    bench.look.have.column_count = 0; /* no table: its first row makes it */
    for (int kind = SCHEMA_DROP_TABLE; kind <= SCHEMA_COMMENT_TABLE; kind++)
        if (kind != SCHEMA_SWAP_TABLE)
            says(&bench, (enum schema_step_kind)kind, "");
    bench_close(&bench);
}

static void test_refusals(void **state UNUSED)
{
    struct bench bench;
    bench_open(&bench, &starrocks_changes);
    struct schema_step *step = &bench.step;
    step->column = &bench.after.columns[0];
    refuses(&bench, SCHEMA_ADD_COLUMN, RC_UNSUPPORTED, "part of the source's key");
    step->old_column = &bench.before.columns[0];
    refuses(&bench, SCHEMA_DROP_COLUMN, RC_UNSUPPORTED, "snapshot --tables app.orders --rebuild");
    bench.after.columns[0].kind = COLUMN_DECIMAL;
    bench.after.columns[0].precision = 20;
    refuses(&bench, SCHEMA_ALTER_COLUMN, RC_UNSUPPORTED, "sorted and distributed by it");
    step->old_column = &bench.before.columns[1];
    step->column = &bench.after.columns[2];
    refuses(&bench, SCHEMA_RENAME_COLUMN, RC_MISMATCH, "both of them");
    step->old_column = step->column = fixture_add(&bench.after, "nowhere", COLUMN_INT, 4);
    refuses(&bench, SCHEMA_RENAME_COLUMN, RC_MISMATCH, "neither of them");
    refuses(&bench, SCHEMA_ALTER_COLUMN, RC_MISMATCH, "has no such column");
    bench.after.columns[1].kind = COLUMN_INT;
    bench.after.columns[1].int_bytes = 4;
    step->column = &bench.after.columns[1];
    bench.columns[1].type = SLICE("date");
    refuses(&bench, SCHEMA_ADD_COLUMN, RC_MISMATCH, "one of that name already: date");
    bench.columns[1].type = SLICE("int");
    bench.columns[1].nullable = false;
    refuses(&bench, SCHEMA_ADD_COLUMN, RC_MISMATCH, "int NOT NULL");
    step->column = fixture_add(&bench.after, "fresh", COLUMN_INT, 4);
    step->old_column = &bench.before.columns[2];
    bench.look.version_major = 3;
    bench.look.version_minor = 2;
    refuses(&bench, SCHEMA_RENAME_COLUMN, RC_UNSUPPORTED, "cannot rename columns");
    bench_close(&bench);
}

static void test_refused_tables(void **state UNUSED)
{
    struct bench bench;
    bench_open(&bench, &starrocks_changes);
    bench.look.other.column_count = 1;
    refuses(&bench, SCHEMA_RENAME_TABLE, RC_MISMATCH, "both are there");
    bench.step.new_target.db = SLICE("elsewhere");
    refuses(&bench, SCHEMA_SWAP_TABLE, RC_UNSUPPORTED, "from one database to another");
    bench.look.other.column_count = 0;
    refuses(&bench, SCHEMA_RENAME_TABLE, RC_UNSUPPORTED, "from one database to another");
    bench.look.have.column_count = 2;
    refuses(&bench, SCHEMA_SWAP_TABLE, RC_MISMATCH,
            "is not there: Table shop.orders of StarRocks has no");
    bench.look.have.column_count = 0;
    refuses(&bench, SCHEMA_SWAP_TABLE, RC_MISMATCH, "neither is there");
    bench_close(&bench);
}

/* Behind what it follows at the source, but never among the keys. */
static void test_places(void **state UNUSED)
{
    struct bench bench;
    bench_open(&bench, &doris_changes);
    struct schema_step *step = &bench.step;
    step->column = fixture_add(&bench.after, "x", COLUMN_INT, 4);
    static const char *const head = "ALTER TABLE `shop`.`orders` ADD COLUMN `x` INT NULL";
    const struct {
        int behind;
        const char *tail;
    } cases[] = {
        {-1, " AFTER `id`"}, {0, " AFTER `id`"}, {1, " AFTER `name`"}, {2, " AFTER `price`"}};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        char want[128];
        snprintf(want, sizeof(want), "%s%s", head, cases[i].tail);
        step->behind = cases[i].behind < 0 ? NULL : &bench.after.columns[cases[i].behind];
        says(&bench, SCHEMA_ADD_COLUMN, want);
    }
    /* The target lacks the column that it follows: the one before that. */
    bench.look.have.column_count = 2;
    says(&bench, SCHEMA_ADD_COLUMN,
         "ALTER TABLE `shop`.`orders` ADD COLUMN `x` INT NULL AFTER `name`");
    bench.look.have.create.key_count = 0;
    step->behind = NULL;
    says(&bench, SCHEMA_ADD_COLUMN, head);
    bench_close(&bench);
}

static void added_default(struct bench *bench, const char *value, const char *literal)
{
    char want[128];
    bench->step.default_value = slice_str(value);
    snprintf(want, sizeof(want), "DEFAULT '%s'", literal);
    assert_int_equal(plan(bench, SCHEMA_ADD_COLUMN), RC_OK);
    bool has = strstr(buf_cstr(&bench->sql), "DEFAULT") != NULL;
    if (literal == NULL ? has : strstr(buf_cstr(&bench->sql), want) == NULL)
        fail_msg("%s", buf_cstr(&bench->sql));
}

static void test_defaults(void **state UNUSED)
{
    struct bench bench;
    bench_open(&bench, &doris_changes);
    struct column *column = fixture_add(&bench.after, "x", COLUMN_STRING, 10);
    bench.step.column = column;
    added_default(&bench, "", "");
    added_default(&bench, "CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP");
    added_default(&bench, "it's", "it''s");
    column->kind = COLUMN_BYTES;
    added_default(&bench, "abc", "YWJj");
    column->kind = COLUMN_DATE;
    added_default(&bench, "2024-02-29", "2024-02-29");
    added_default(&bench, "2023-02-29", NULL);
    added_default(&bench, "0000-00-00", NULL);
    column->kind = COLUMN_BIT;
    column->length = 1;
    added_default(&bench, "1", "1");
    column->kind = COLUMN_VECTOR;
    added_default(&bench, "[1]", NULL);
    bench_close(&bench);
}

/* Where a date that no calendar has is an error, an added column full of them is one. */
static void test_defaults_that_are_errors(void **state UNUSED)
{
    struct bench bench;
    bench_open(&bench, &doris_changes);
    bench.step.kind = SCHEMA_ADD_COLUMN;
    bench.step.column = fixture_add(&bench.after, "x", COLUMN_DATE, 0);
    bench.step.default_value = SLICE("0000-00-00");
    error_clear(&bench.err);
    assert_int_equal(dialect_change_plan(bench.changes, LOAD_ZERO_DATES_ERROR, &bench.step, &target,
                                         &bench.look, &bench.after.arena, &bench.sql, &bench.err),
                     RC_UNSUPPORTED);
    assert_non_null(strstr(bench.err.text, "no calendar has"));
    bench_close(&bench);
}

/* A column that the user made NOT NULL learns to be NULL; its default that is a clock stays one. */
static void test_nullability(void **state UNUSED)
{
    struct bench bench;
    bench_open(&bench, &doris_changes);
    struct column *at = fixture_add(&bench.after, "at", COLUMN_DATETIME, 0);
    struct column *was = fixture_add(&bench.before, "at", COLUMN_DATETIME, 0);
    was->nullable = false;
    show(&bench, "at", "datetime", false);
    bench.columns[3].default_value = SLICE("CURRENT_TIMESTAMP");
    bench.step.old_column = was;
    bench.step.column = at;
    says(&bench, SCHEMA_ALTER_COLUMN,
         "ALTER TABLE `shop`.`orders` MODIFY COLUMN `at` datetime NULL DEFAULT CURRENT_TIMESTAMP");
    at->nullable = false;
    was->nullable = true;
    says(&bench, SCHEMA_ALTER_COLUMN, ""); /* the other way nothing is to be done */
    bench_close(&bench);
}

/* A longer VARCHAR in a key: new versions of StarRocks make it, Doris never does. */
static void test_key_text(void **state UNUSED)
{
    static const struct dialect_changes *const products[] = {&doris_changes, &starrocks_changes};
    for (unsigned i = 0; i < COUNT_OF(products); i++) {
        struct bench bench;
        bench_open(&bench, products[i]);
        for (unsigned k = 0; k < 2; k++) {
            struct fixture_table *table = k == 0 ? &bench.before : &bench.after;
            table->columns[0].kind = COLUMN_STRING;
            table->columns[0].charset = SLICE("utf8mb4");
            table->columns[0].length = k == 0 ? 10 : 20;
        }
        bench.columns[0].type = SLICE("varchar(40)");
        bench.step.old_column = &bench.before.columns[0];
        bench.step.column = &bench.after.columns[0];
        if (products[i] == &doris_changes)
            refuses(&bench, SCHEMA_ALTER_COLUMN, RC_UNSUPPORTED, "sorted and distributed by it");
        else
            says(&bench, SCHEMA_ALTER_COLUMN,
                 "ALTER TABLE `shop`.`orders` MODIFY COLUMN `id` VARCHAR(80) KEY NOT NULL");
        bench_close(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_done_is_passed_over),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refused_tables),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_defaults_that_are_errors),
        cmocka_unit_test(test_nullability),
        cmocka_unit_test(test_key_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
