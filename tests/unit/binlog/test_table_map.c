/* SPDX-License-Identifier: Apache-2.0 */
/* Table maps: optional metadata in all its forms, and how map and catalog come together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "binlog/tables_int.h"
#include "event_writer.h"

enum { WIRE_LONG = 3, WIRE_YEAR = 13, WIRE_VARCHAR = 15, WIRE_STRING = 254 };

static const struct event_format mysql80 = {.known = true, .version = 80036, .header_len = 19};

static struct slice body_of(const struct writer *w)
{
    return slice_of(w->bytes + EVENT_HEADER_LEN, w->len - EVENT_HEADER_LEN);
}

static void put_map(struct writer *w, const uint8_t *types, unsigned count, const uint8_t *meta,
                    unsigned meta_len)
{
    *w = (struct writer){0};
    event_begin(w, EVENT_TABLE_MAP);
    put(w, 5, 6);
    put(w, 1, 2);
    put_name(w, "shop");
    put_name(w, "t");
    put(w, count, 1);
    put_bytes(w, types, count);
    put(w, meta_len, 1);
    put_bytes(w, meta, meta_len);
    put(w, 0, (count + 7) / 8);
}

static enum rc facts_of(const struct writer *w, const struct event_format *format,
                        struct arena *arena, struct table_facts *facts, struct error *err)
{
    struct table_map map;
    enum rc rc = table_map_parse(body_of(w), format, &map, err);
    return rc != RC_OK ? rc : table_map_facts(&map, format, arena, facts, err);
}

/* INT UNSIGNED, YEAR, INT: the sign bits with and without a bit for YEAR. */
static void test_year_among_the_signs(void **state)
{
    static const struct {
        uint32_t version;
        bool is_mariadb;
        uint8_t bits;
        bool known;
        bool first;
        bool last;
    } cases[] = {
        {80019, false, 0x80, true, true, false},  /* 1 0 */
        {80036, false, 0xc0, true, true, false},  /* 1 1 0 */
        {80036, false, 0xe0, true, true, true},   /* 1 1 1 */
        {101100, true, 0xc0, true, true, false},  /* as MySQL's newest */
        {80022, false, 0x80, true, true, false},  /* a YEAR's bit is never 0 */
        {80022, false, 0x60, true, false, true},  /* the third bit is no padding */
        {80022, false, 0xc0, false, false, false} /* 1 1 [0], or 1 1 0: nobody knows */
    };
    static const uint8_t types[] = {WIRE_LONG, WIRE_YEAR, WIRE_LONG};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct writer w;
        struct event_format format = {.version = cases[i].version,
                                      .is_mariadb = cases[i].is_mariadb};
        struct arena arena;
        struct table_facts facts;
        struct error err;
        arena_init(&arena, "test", 1 << 20);
        put_map(&w, types, 3, NULL, 0);
        put(&w, 1, 1);
        put(&w, 1, 1);
        put(&w, cases[i].bits, 1);
        assert_int_equal(facts_of(&w, &format, &arena, &facts, &err), RC_OK);
        if (facts.columns[0].sign_known != cases[i].known ||
            facts.columns[0].is_unsigned != cases[i].first ||
            facts.columns[2].is_unsigned != cases[i].last)
            fail_msg("case %zu", i);
        arena_deinit(&arena);
    }
}

/* VARCHAR, ENUM, INT, VARCHAR, SET: lists count only the columns that take part. */
static void test_charsets_labels_and_keys(void **state)
{
    static const uint8_t types[] = {WIRE_VARCHAR, WIRE_STRING, WIRE_LONG, WIRE_VARCHAR,
                                    WIRE_STRING};
    static const uint8_t meta[] = {80, 0, 247, 1, 80, 0, 248, 1};
    static struct writer w;
    struct arena arena;
    struct table_facts facts;
    struct error err;
    (void)state;
    arena_init(&arena, "test", 1 << 20);
    put_map(&w, types, 5, meta, sizeof(meta));
    put_bytes(&w, "\x02\x05\x21\x01\xfc\xff", 6); /* default 33, the second one 255 */
    put(&w, 0, 1);
    put_bytes(&w, "\x0b\x04\x08\xfc\x00\x09", 6); /* ENUM 8, SET 2304 */
    put_bytes(&w,
              "\x06\x05\x02\x01"
              "a\x01"
              "b",
              7);
    put_bytes(&w,
              "\x05\x03\x01\x01"
              "x",
              5);
    put_bytes(&w, "\x09\x04\x03\x00\x00\x05", 6); /* key: column 4, then 5 letters of column 1 */
    assert_int_equal(facts_of(&w, &mysql80, &arena, &facts, &err), RC_OK);
    assert_int_equal(facts.columns[0].collation, 33);
    assert_int_equal(facts.columns[3].collation, 255);
    assert_int_equal(facts.columns[1].label_collation, 8);
    assert_int_equal(facts.columns[4].label_collation, 2304);
    assert_int_equal(facts.columns[1].label_count, 2);
    assert_true(slice_equal(facts.columns[1].labels[1], SLICE("b")));
    assert_int_equal(facts.columns[4].label_count, 1);
    assert_int_equal(facts.key_count, 2);
    assert_int_equal(facts.key[0], 3);
    assert_int_equal(facts.key[1], 0);
    assert_null(facts.names);
    /* Servers that write no metadata may leave other bytes there. */
    struct event_format old = {.version = 50623};
    assert_int_equal(facts_of(&w, &old, &arena, &facts, &err), RC_OK);
    assert_int_equal(facts.columns[0].collation, 0);
    arena_deinit(&arena);
}

/* Metadata comes in any order, with pieces that nobody knows between: here from the last to the first. */
static void test_any_order(void **state)
{
    static const uint8_t types[] = {WIRE_LONG, WIRE_VARCHAR};
    static const uint8_t meta[] = {80, 0};
    static struct writer w;
    struct arena arena;
    struct table_facts facts;
    struct error err;
    (void)state;
    arena_init(&arena, "test", 1 << 20);
    put_map(&w, types, 2, meta, sizeof(meta));
    put_bytes(&w, "\x0c\x01\x80", 3); /* visibility, of all columns */
    put_bytes(&w, "\x08\x01\x00", 3);
    put_bytes(&w, "\x63\xfc\x02\x00\xff\xff", 6); /* 99, its length in three bytes */
    put_bytes(&w, "\x04\x04\x01\x61\x01\x62", 6);
    put_bytes(&w, "\x03\x03\xfc\x00\x09", 5);
    put_bytes(&w, "\x01\x01\x80", 3);
    assert_int_equal(facts_of(&w, &mysql80, &arena, &facts, &err), RC_OK);
    assert_true(facts.columns[0].sign_known && facts.columns[0].is_unsigned);
    assert_int_equal(facts.columns[1].collation, 2304);
    assert_true(slice_equal(facts.names[1], SLICE("b")));
    assert_int_equal(facts.key_count, 1);
    arena_deinit(&arena);
}

/* More columns than a byte can count, and lengths to match. */
static void test_many_columns(void **state)
{
    enum { COLUMNS = 900 };
    static struct writer w;
    struct arena arena;
    struct table_facts facts;
    struct table_map map;
    struct error err;
    (void)state;
    arena_init(&arena, "test", 1 << 20);
    w = (struct writer){0};
    event_begin(&w, EVENT_TABLE_MAP);
    put(&w, 5, 6);
    put(&w, 1, 2);
    put_name(&w, "shop");
    put_name(&w, "t");
    put(&w, 0xfc, 1);
    put(&w, COLUMNS, 2);
    for (unsigned i = 0; i < COLUMNS; i++)
        put(&w, WIRE_VARCHAR, 1);
    put(&w, 0xfc, 1);
    put(&w, 2 * COLUMNS, 2);
    for (unsigned i = 0; i < COLUMNS; i++)
        put(&w, i, 2);
    put(&w, 0, (COLUMNS - 1) / 8);
    put(&w, 0xff, 1);   /* the last four columns, and bits behind them */
    put(&w, 0xfc04, 2); /* names: the type, and the first byte of the length */
    put(&w, 4 * COLUMNS, 2);
    for (unsigned i = 0; i < COLUMNS; i++) {
        char name[8];
        snprintf(name, sizeof(name), "%03u", i);
        put(&w, 3, 1);
        put_text(&w, name);
    }
    assert_int_equal(table_map_parse(body_of(&w), &mysql80, &map, &err), RC_OK);
    assert_int_equal(map.column_count, COLUMNS);
    assert_int_equal(table_map_facts(&map, &mysql80, &arena, &facts, &err), RC_OK);
    assert_int_equal(load_u16le(facts.columns[COLUMNS - 1].meta), COLUMNS - 1);
    assert_true(slice_equal(facts.names[COLUMNS - 1], SLICE("899")));
    assert_true(!facts.nullable[COLUMNS - 5] && facts.nullable[COLUMNS - 4]);
    arena_deinit(&arena);
}

static void test_every_truncation(void **state)
{
    static struct writer w;
    struct error err;
    (void)state;
    w = (struct writer){0};
    put_table_map(&w, 5, "t", true);
    struct slice body = body_of(&w);
    unsigned whole = 0;
    for (size_t len = 0; len <= body.len; len++) {
        uint8_t *cut = test_malloc(len + 1);
        memcpy(cut, body.ptr, len);
        struct table_map map;
        struct table_facts facts;
        struct arena arena;
        arena_init(&arena, "test", 1 << 20);
        enum rc rc = table_map_parse(slice_of(cut, len), &mysql80, &map, &err);
        if (rc == RC_OK)
            rc = table_map_facts(&map, &mysql80, &arena, &facts, &err);
        assert_true(rc == RC_OK || rc == RC_CORRUPT);
        whole += rc == RC_OK;
        arena_deinit(&arena);
        test_free(cut);
    }
    assert_int_equal(whole, 6); /* behind each of the five pieces of metadata, and before them */
}

/* A catalog with one table, which may change between two questions. */
struct fake_catalog {
    struct catalog_column columns[3];
    uint32_t counts[2]; /* columns remembered, and after a refresh; 0: no such table */
    unsigned asked;
    unsigned refreshed;
    struct catalog_table table;
};

static enum rc ask(void *ctx, struct slice db, struct slice table, bool refresh,
                   const struct catalog_table **table_out, struct error *err)
{
    struct fake_catalog *catalog = ctx;
    catalog->asked++;
    catalog->refreshed += refresh;
    uint32_t count = catalog->counts[refresh];
    if (count == 0)
        return error_set(err, RC_NOT_FOUND, "no such table");
    catalog->table = (struct catalog_table){
        .db = db, .name = table, .columns = catalog->columns, .column_count = count};
    *table_out = &catalog->table;
    return RC_OK;
}

static struct fake_catalog catalog_of(uint32_t before, uint32_t after)
{
    return (struct fake_catalog){.columns = {{.name = SLICE("id"),
                                              .data_type = SLICE("int"),
                                              .column_type = SLICE("int(10) unsigned"),
                                              .precision = 10,
                                              .key_ordinal = 1},
                                             {.name = SLICE("name"),
                                              .data_type = SLICE("varchar"),
                                              .column_type = SLICE("varchar(20)"),
                                              .charset = SLICE("utf8mb4"),
                                              .collation = SLICE("utf8mb4_general_ci"),
                                              .char_length = 20,
                                              .byte_length = 80,
                                              .nullable = true},
                                             {.name = SLICE("more"),
                                              .data_type = SLICE("int"),
                                              .column_type = SLICE("int(11)"),
                                              .nullable = true}},
                                 .counts = {before, after}};
}

static struct binlog_tables *tables_with(struct fake_catalog *catalog)
{
    struct tables_options options = {.catalog = ask, .catalog_ctx = catalog};
    struct binlog_tables *tables = NULL;
    struct error err;
    assert_int_equal(tables_new(&options, &tables, &err), RC_OK);
    return tables;
}

static void test_catalog_completes_the_map(void **state)
{
    static struct writer w;
    struct fake_catalog catalog = catalog_of(3, 2); /* the remembered answer is too new */
    struct error err;
    (void)state;
    struct binlog_tables *tables = tables_with(&catalog);
    w = (struct writer){0};
    put_table_map(&w, 5, "t", false);
    assert_int_equal(tables_map(tables, body_of(&w), &mysql80, &err), RC_OK);
    assert_int_equal(catalog.refreshed, 1);
    struct table *table = tables_find(tables, 5)->table;
    assert_true(table->has_names);
    assert_true(slice_equal(table->columns[1].name, SLICE("name")));
    assert_int_equal(table->key_count, 1);
    assert_int_equal(table->columns[0].key_ordinal, 1);
    assert_int_equal(tables_map(tables, body_of(&w), &mysql80, &err), RC_OK);
    assert_int_equal(catalog.asked, 2); /* the same map asks nothing */
    const struct table_shape *shape = tables_find(tables, 5);
    tables_mark_changed(tables, SLICE("SHOP"), SLICE("T"));
    assert_int_equal(tables_map(tables, body_of(&w), &mysql80, &err), RC_OK);
    assert_int_equal(catalog.refreshed, 2);
    assert_ptr_equal(tables_find(tables, 5), shape); /* nothing changed, so nothing is kept twice */
    assert_ptr_equal(tables_find(tables, 5)->table, table);
    tables_forget_ids(tables);
    assert_null(tables_find(tables, 5));
    tables_free(tables);
}

static void test_disagreement_is_told(void **state)
{
    static struct writer w;
    static const uint32_t after[] = {3, 0};
    struct error err;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(after); i++) {
        struct fake_catalog catalog = catalog_of(3, after[i]);
        struct binlog_tables *tables = tables_with(&catalog);
        w = (struct writer){0};
        put_table_map(&w, 5, "t", false);
        assert_int_equal(tables_map(tables, body_of(&w), &mysql80, &err), RC_MISMATCH);
        assert_non_null(strstr(err.text, "shop.t"));
        assert_non_null(strstr(err.text, "binlog_row_metadata=FULL"));
        assert_int_equal(catalog.refreshed, 1);
        w = (struct writer){0};
        put_table_map(&w, 6, "t", true); /* with names the catalog may be of any time */
        assert_int_equal(tables_map(tables, body_of(&w), &mysql80, &err), RC_OK);
        struct table *table = tables_find(tables, 6)->table;
        assert_int_equal(table->key_count, 1);
        assert_int_equal(table->columns[0].kind, COLUMN_INT);
        tables_free(tables);
    }
}

static void test_types_that_disagree_are_told(void **state)
{
    static struct writer w;
    struct fake_catalog catalog = catalog_of(2, 2);
    struct error err;
    (void)state;
    catalog.columns[0].data_type = SLICE("json");
    catalog.columns[0].column_type = SLICE("json");
    struct binlog_tables *tables = tables_with(&catalog);
    w = (struct writer){0};
    put_table_map(&w, 5, "t", false);
    assert_int_equal(tables_map(tables, body_of(&w), &mysql80, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "shop.t"));
    tables_free(tables);
}

static void test_catalog_table_and_map_share_a_version(void **state)
{
    static struct writer w;
    struct fake_catalog catalog = catalog_of(2, 2);
    const struct catalog_table *known = NULL;
    struct table *table = NULL;
    struct table *again = NULL;
    struct error err;
    (void)state;
    struct binlog_tables *tables = tables_with(&catalog);
    assert_int_equal(ask(&catalog, SLICE("shop"), SLICE("t"), false, &known, &err), RC_OK);
    assert_int_equal(tables_from_catalog(tables, known, false, &table, &err), RC_OK);
    assert_int_equal(tables_from_catalog(tables, known, false, &again, &err), RC_OK);
    assert_ptr_equal(table, again);
    assert_int_equal(table->version, 1);
    assert_int_equal(table->key_count, 1);
    w = (struct writer){0};
    put_table_map(&w, 5, "t", false);
    assert_int_equal(tables_map(tables, body_of(&w), &mysql80, &err), RC_OK);
    assert_true(tables_find(tables, 5)->table->version >= 1);
    assert_ptr_equal(tables_newest(tables, SLICE("shop"), SLICE("t")),
                     tables_find(tables, 5)->table);
    tables_free(tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_year_among_the_signs),
        cmocka_unit_test(test_charsets_labels_and_keys),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_many_columns),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_catalog_completes_the_map),
        cmocka_unit_test(test_disagreement_is_told),
        cmocka_unit_test(test_types_that_disagree_are_told),
        cmocka_unit_test(test_catalog_table_and_map_share_a_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
