/* SPDX-License-Identifier: Apache-2.0 */
/* The set of definitions, their equality and their text; helper tables by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "binlog/schema/ghost_int.h"
#include "binlog/schema/schema_int.h"

static const struct catalog_column columns[] = {
    {.name = SLICE("id"),
     .data_type = SLICE("int"),
     .column_type = SLICE("int(10) unsigned"),
     .precision = 10,
     .key_ordinal = 1},
    {.name = SLICE("na\"me\xc3\xa4"),
     .data_type = SLICE("varchar"),
     .column_type = SLICE("varchar(20)"),
     .charset = SLICE("utf8mb4"),
     .collation = SLICE("utf8mb4_bin"),
     .comment = SLICE("a\nb"),
     .char_length = 20,
     .byte_length = 80,
     .nullable = true,
     .has_default = true,
     .default_value = SLICE("")},
    {.name = SLICE("b"),
     .data_type = SLICE("varbinary"),
     .column_type = SLICE("varbinary(2)"),
     .is_invisible = true,
     .generated = CATALOG_STORED,
     .versioning = CATALOG_ROW_END,
     .default_value = SLICE("\xff\x00")},
};
static const struct catalog_key_part whole[] = {{.column = 0}};
static const struct catalog_key_part prefix[] = {{.column = 1, .prefix = 3}, {.column = 0}};
static const struct catalog_key keys[] = {
    {.name = SLICE("PRIMARY"), .parts = whole, .part_count = 1},
    {.name = SLICE("u"), .parts = prefix, .part_count = 2},
};
static const struct catalog_key_part computed[] = {{.column = 2}, {.column = CATALOG_EXPRESSION}};
static const struct catalog_key indexes[] = {
    {.name = SLICE("i1"), .parts = computed, .part_count = 2},
    {.name = SLICE("i2"), .parts = whole, .part_count = 1},
};

static struct catalog_table sample(const char *db, const char *name)
{
    return (struct catalog_table){.db = slice_str(db),
                                  .name = slice_str(name),
                                  .comment = SLICE("all"),
                                  .charset = SLICE("utf8mb4"),
                                  .collation = SLICE("utf8mb4_bin"),
                                  .columns = columns,
                                  .column_count = COUNT_OF(columns),
                                  .keys = keys,
                                  .key_count = COUNT_OF(keys),
                                  .indexes = indexes,
                                  .index_count = COUNT_OF(indexes)};
}

static struct schema *new_schema(void)
{
    struct schema *schema = NULL;
    assert_int_equal(schema_new(&schema, NULL), RC_OK);
    return schema;
}

static void test_put_find_remove(void **state)
{
    (void)state;
    struct schema *schema = new_schema();
    struct catalog_table table = sample("db", "t");
    assert_null(schema_find(schema, table.db, table.name));
    assert_int_equal(schema_put_from(schema, &table, SLICE("in a.sql, line 3"), NULL), RC_OK);
    const struct catalog_table *found = schema_find(schema, table.db, table.name);
    assert_non_null(found);
    assert_true(schema_table_equal(found, &table));
    assert_true(found->columns != table.columns && found->keys[1].parts != keys[1].parts);
    assert_true(
        slice_equal(schema_origin(schema, table.db, table.name), SLICE("in a.sql, line 3")));
    /* What is there may be put in its own place. */
    assert_int_equal(schema_put(schema, found, NULL), RC_OK);
    assert_int_equal(schema_count(schema), 1);
    assert_int_equal(schema_origin(schema, table.db, table.name).len, 0);
    assert_null(schema_find(schema, SLICE("DB"), SLICE("t")));
    schema_remove(schema, table.db, SLICE("other"));
    schema_remove(schema, table.db, table.name);
    assert_int_equal(schema_count(schema), 0);
    schema_free(schema);
    schema_free(NULL);
}

static void test_databases(void **state)
{
    (void)state;
    struct schema *schema = new_schema();
    assert_int_equal(schema_database(schema, SLICE("a")).len, 0);
    assert_int_equal(schema_set_database(schema, SLICE("a"), SLICE("utf8mb4_bin"), NULL), RC_OK);
    assert_int_equal(schema_set_database(schema, SLICE("b"), SLICE("binary"), NULL), RC_OK);
    assert_int_equal(schema_set_database(schema, SLICE("a"), SLICE("latin1_bin"), NULL), RC_OK);
    assert_true(slice_equal(schema_database(schema, SLICE("a")), SLICE("latin1_bin")));
    struct catalog_table one = sample("a", "t");
    struct catalog_table other = sample("b", "t");
    assert_int_equal(schema_put(schema, &one, NULL), RC_OK);
    assert_int_equal(schema_put(schema, &other, NULL), RC_OK);
    schema_remove_database(schema, SLICE("a"));
    assert_null(schema_find(schema, SLICE("a"), SLICE("t")));
    assert_non_null(schema_find(schema, SLICE("b"), SLICE("t")));
    assert_int_equal(schema_database(schema, SLICE("a")).len, 0);
    assert_true(slice_equal(schema_database(schema, SLICE("b")), SLICE("binary")));
    schema_free(schema);
}

struct walk {
    char last[64];
    unsigned count;
};

static enum rc look(void *ctx, const struct catalog_table *table, struct error *err)
{
    struct walk *walk = ctx;
    char name[64];
    (void)err;
    snprintf(name, sizeof(name), "%.*s.%.*s", SLICE_ARG(table->db), SLICE_ARG(table->name));
    assert_true(strcmp(walk->last, name) < 0);
    memcpy(walk->last, name, sizeof(name));
    walk->count++;
    return RC_OK;
}

static void test_many_tables_come_in_order(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct schema *schema = new_schema();
    for (unsigned i = 0; i < COUNT; i++) {
        char name[32];
        snprintf(name, sizeof(name), "t%03u", i * 7919 % COUNT);
        struct catalog_table table = sample(i % 2 ? "a" : "b", name);
        assert_int_equal(schema_put(schema, &table, NULL), RC_OK);
    }
    struct walk walk = {0};
    assert_int_equal(schema_each(schema, look, &walk, NULL), RC_OK);
    assert_int_equal(walk.count, COUNT);
    assert_non_null(schema_find(schema, SLICE("b"), SLICE("t000")));
    schema_clear(schema);
    assert_int_equal(schema_count(schema), 0);
    schema_free(schema);
}

/* Every single difference is seen. */
static void test_equality(void **state)
{
    (void)state;
    struct catalog_table a = sample("d", "t");
    struct catalog_table b = a;
    assert_true(schema_table_equal(&a, &b));
    b.comment = SLICE("other");
    assert_false(schema_table_equal(&a, &b));
    struct catalog_column changed[COUNT_OF(columns)];
    b = a;
    b.columns = changed;
#define DIFFERS(change)                                                                            \
    do {                                                                                           \
        memcpy(changed, columns, sizeof(columns));                                                 \
        assert_true(schema_table_equal(&a, &b));                                                   \
        change;                                                                                    \
        assert_false(schema_table_equal(&a, &b));                                                  \
    } while (0)
    DIFFERS(changed[1].name = SLICE("x"));
    DIFFERS(changed[1].column_type = SLICE("varchar(21)"));
    DIFFERS(changed[1].collation = SLICE("utf8mb4_general_ci"));
    DIFFERS(changed[1].comment = SLICE(""));
    DIFFERS(changed[1].nullable = false);
    DIFFERS(changed[1].has_default = false);
    DIFFERS(changed[1].default_is_expression = true);
    DIFFERS(changed[0].is_auto_increment = !changed[0].is_auto_increment);
    DIFFERS(changed[2].is_invisible = false);
    DIFFERS(changed[2].generated = CATALOG_VIRTUAL);
    DIFFERS(changed[2].versioning = CATALOG_ROW_START);
    DIFFERS(changed[2].default_value = SLICE("\xff\x01"));
    DIFFERS(changed[0].key_ordinal = 0);
    DIFFERS(changed[0].precision = 11);
    DIFFERS(changed[1].char_length = 21);
    b.columns = columns;
    const struct catalog_key turned[] = {indexes[1], indexes[0]};
    b.indexes = turned;
    assert_true(schema_table_equal(&a, &b));
    b.index_count = 1;
    assert_false(schema_table_equal(&a, &b));
    b = a;
    b.key_count = 1;
    assert_false(schema_table_equal(&a, &b));
}

static void test_text_and_back(void **state)
{
    (void)state;
    struct catalog_table table = sample("d.b", "t/1%");
    struct catalog_table *back = NULL;
    struct arena arena;
    struct buf text;
    struct error err = {0};
    arena_init(&arena, "test", 1 << 20);
    buf_init(&text, 1 << 20);
    assert_int_equal(schema_encode(&table, &text, &err), RC_OK);
    assert_int_equal(schema_decode(buf_slice(&text), &arena, &back, &err), RC_OK);
    assert_true(schema_table_equal(&table, back));
    assert_non_null(back->columns[1].default_value.ptr);
    assert_null(back->columns[0].default_value.ptr);
    /* Every text that is cut short is refused. */
    for (size_t len = 0; len < text.len; len++) {
        assert_int_equal(schema_decode(slice_of(text.ptr, len), &arena, &back, &err), RC_CORRUPT);
        arena_reset(&arena);
    }
    buf_deinit(&text);
    arena_deinit(&arena);
}

static void expect_text(const char *text, enum rc rc, const char *words)
{
    struct catalog_table *back = NULL;
    struct arena arena;
    struct error err = {0};
    arena_init(&arena, "test", 1 << 20);
    assert_int_equal(schema_decode(slice_str(text), &arena, &back, &err), rc);
    if (words != NULL && strstr(err.text, words) == NULL)
        fail_msg("%s", err.text);
    arena_deinit(&arena);
}

static void test_texts_of_others(void **state)
{
    (void)state;
#define COLUMN "{\"name\":\"a\",\"type\":\"int\",\"key\":1}"
    expect_text("{\"db\":\"d\",\"name\":\"t\",\"columns\":[" COLUMN "],\"keys\":[]}", RC_OK, NULL);
    /* Fields of the future are passed over, however deep. */
    expect_text(
        "{\"x\":[{\"y\":[1,\"]\",null,-2.5e3]},{}],\"db\":\"d\",\"name\":\"\\u00e4\\ud83d\\ude00\","
        "\"columns\":[" COLUMN "]}",
        RC_OK, NULL);
    expect_text("{\"db\":\"d\",\"name\":\"t\",\"columns\":[]}", RC_CORRUPT, "lacks its columns");
    expect_text("{\"name\":\"t\",\"columns\":[" COLUMN "]}", RC_CORRUPT, "lacks its name");
    expect_text("{\"db\":\"d\",\"name\":\"t\",\"columns\":[" COLUMN "," COLUMN "]}", RC_CORRUPT,
                "has a key that its columns do not have");
    expect_text("{\"db\":\"d\",\"name\":\"t\",\"columns\":[" COLUMN
                "],\"keys\":[{\"name\":\"k\",\"parts\":[[1,0]]}]}",
                RC_CORRUPT, "has a key that its columns do not have");
    expect_text("{\"db\":\"d\",\"name\":\"\\ud800\",\"columns\":[" COLUMN "]}", RC_CORRUPT, "byte");
    expect_text("{\"db\":\"d\"} x", RC_CORRUPT, "byte");
    expect_text("", RC_CORRUPT, "byte 0");
}

static void expect_ghost(const char *name, enum ghost_kind kind, const char *real)
{
    struct slice found = SLICE_EMPTY;
    assert_int_equal(ghost_of(slice_str(name), &found), kind);
    if (kind != GHOST_NONE && !slice_equal(found, slice_str(real)))
        fail_msg("%s is of %.*s", name, SLICE_ARG(found));
}

static void test_names_of_helpers(void **state)
{
    (void)state;
    expect_ghost("_t_gho", GHOST_NEW, "t");
    expect_ghost("_t_ghc", GHOST_LOG, "t");
    expect_ghost("_t_del", GHOST_OLD, "t");
    expect_ghost("_t_20240131120000_del", GHOST_OLD, "t");
    expect_ghost("_t_2024013112000x_del", GHOST_OLD, "t_2024013112000x");
    expect_ghost("_t_new", GHOST_NEW, "t");
    expect_ghost("___t_new", GHOST_NEW, "t");
    expect_ghost("__t_old", GHOST_OLD, "t");
    expect_ghost("__t_gho", GHOST_NEW, "_t");
    expect_ghost("_T_GHO", GHOST_NEW, "T");
    expect_ghost("t_gho", GHOST_NONE, NULL);
    expect_ghost("_gho", GHOST_NONE, NULL);
    expect_ghost("_t_news", GHOST_NONE, NULL);
    expect_ghost("", GHOST_NONE, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_find_remove),
        cmocka_unit_test(test_databases),
        cmocka_unit_test(test_many_tables_come_in_order),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_text_and_back),
        cmocka_unit_test(test_texts_of_others),
        cmocka_unit_test(test_names_of_helpers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
