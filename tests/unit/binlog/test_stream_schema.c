/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that change tables, on their way through the decoder: changes, ordinals, names of rows. */
#include <stdio.h>

#include "stream_fixture.h"

static struct history *new_history(struct error *err)
{
    struct history *history = NULL;
    struct history_options options = {.wants = wants_not_u};
    assert_int_equal(history_new(&options, &history, err), RC_OK);
    return history;
}

static void setup_history(struct fixture *f, const struct writer *w, struct history **history)
{
    struct error err = {0};
    *history = new_history(&err);
    setup(f, w, (struct binlog_stream_options){.offline = true, .server = "", .history = *history});
}

static const struct table_change *expect_schema(struct fixture *f, enum table_change_kind kind,
                                                uint64_t ordinal)
{
    expect(f, CHANGE_SCHEMA);
    assert_non_null(f->change.table_change);
    assert_int_equal(f->change.table_change->kind, kind);
    assert_int_equal(f->change.ordinal, ordinal);
    return f->change.table_change;
}

static void test_rows_have_the_names_of_their_time(void **state)
{
    (void)state;
    struct writer w;
    struct fixture f;
    struct history *history;
    begin_file(&w, false);
    put_query(&w, "shop", "CREATE TABLE t (id INT NOT NULL, name VARCHAR(20) CHARSET utf8mb4)");
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 90, "t", false);
    put_insert(&w, 90, 1, 1);
    put_xid(&w);
    put_query(&w, "shop", "ALTER TABLE t CHANGE name word VARCHAR(20) CHARSET utf8mb4");
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 90, "t", false);
    put_insert(&w, 90, 2, 1);
    put_xid(&w);
    setup_history(&f, &w, &history);
    const struct table *created = expect_schema(&f, TABLE_CREATED, 0)->after;
    assert_true(slice_equal(created->columns[1].name, SLICE("name")));
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(f.change.table->version, created->version);
    assert_true(slice_equal(f.change.table->columns[1].name, SLICE("name")));
    expect(&f, CHANGE_COMMIT);
    const struct table_change *altered = expect_schema(&f, TABLE_ALTERED, 0);
    assert_int_equal(altered->origin[1], 1);
    assert_true(slice_equal(altered->before->columns[1].name, SLICE("name")));
    assert_true(slice_equal(altered->after->columns[1].name, SLICE("word")));
    assert_true(altered->after->version > altered->before->version);
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_INSERT);
    assert_true(slice_equal(f.change.table->columns[1].name, SLICE("word")));
    teardown(&f);
    history_free(history);
}

static void test_one_change_for_each_captured_table(void **state)
{
    (void)state;
    struct writer w;
    struct fixture f;
    struct history *history;
    begin_file(&w, false);
    put_query(&w, "shop", "CREATE TABLE a (id INT)");
    put_query(&w, "shop", "CREATE TABLE b (id INT)");
    put_query(&w, "shop", "CREATE TABLE u (id INT)");
    put_query(&w, "shop", "DROP TABLE u, b, a");
    setup_history(&f, &w, &history);
    for (int i = 0; i < 2; i++) {
        expect_schema(&f, TABLE_CREATED, 0);
        expect(&f, CHANGE_COMMIT);
    }
    /* The table that nobody wants has its ordinal too. */
    assert_true(slice_equal(expect_schema(&f, TABLE_DROPPED, 1)->before->name, SLICE("b")));
    assert_true(slice_equal(expect_schema(&f, TABLE_DROPPED, 2)->before->name, SLICE("a")));
    expect(&f, CHANGE_COMMIT);
    teardown(&f);
    history_free(history);
}

static void test_defaults_that_older_rows_hold(void **state)
{
    (void)state;
    struct writer w;
    struct fixture f;
    struct history *history;
    begin_file(&w, false);
    put_query(&w, "shop",
              "CREATE TABLE t (a INT DEFAULT 5, b BIT(4) DEFAULT b'101', c INT, "
              "d DECIMAL(5,2) DEFAULT 1.5, e TIMESTAMP DEFAULT '2020-01-01 00:00:00')");
    setup_history(&f, &w, &history);
    const struct column *columns = expect_schema(&f, TABLE_CREATED, 0)->after->columns;
    static const char *const wanted[] = {"5", "5", NULL, "1.50", NULL};
    for (unsigned i = 0; i < COUNT_OF(wanted); i++) {
        assert_int_equal(columns[i].default_value.ptr == NULL, wanted[i] == NULL);
        assert_true(slice_equal(columns[i].default_value, slice_str(wanted[i])));
    }
    teardown(&f);
    history_free(history);
}

static void test_a_map_that_disagrees_names_both(void **state)
{
    (void)state;
    struct writer w;
    struct fixture f;
    struct history *history;
    begin_file(&w, false);
    put_query(&w, "shop", "CREATE TABLE t (id INT)");
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 90, "t", false);
    setup_history(&f, &w, &history);
    expect_schema(&f, TABLE_CREATED, 0);
    expect(&f, CHANGE_COMMIT);
    assert_int_equal(next(&f), RC_MISMATCH);
    static const char words[] = "2 columns in the binlog and 1 as it is defined at binlog.000001:";
    if (strstr(f.err.text, words) == NULL)
        fail_msg("%s", f.err.text);
    teardown(&f);
    history_free(history);
}

/* What the server would answer behind a statement that cannot be read: `t` as it will be after one more. */
static enum rc resolve_later(void *ctx, struct slice db, struct slice name,
                             const struct catalog_table **table_out, uint32_t *later_out,
                             struct error *err)
{
    static struct catalog_column columns[] = {
        {.name = SLICE("id"), .data_type = SLICE("int"), .column_type = SLICE("int")},
        {.name = SLICE("word"),
         .data_type = SLICE("varchar"),
         .column_type = SLICE("varchar(20)"),
         .charset = SLICE("utf8mb4"),
         .collation = SLICE("utf8mb4_general_ci"),
         .char_length = 20,
         .byte_length = 80,
         .nullable = true}};
    static struct catalog_table then = {
        .db = SLICE("shop"), .name = SLICE("t"), .columns = columns, .column_count = 2};
    (void)ctx;
    (void)err;
    bool is_t = slice_equal(db, SLICE("shop")) && slice_equal(name, SLICE("t"));
    *table_out = is_t ? &then : NULL;
    *later_out = 1;
    return RC_OK;
}

static void expect_lost(struct fixture *f, uint64_t ordinal)
{
    expect(f, CHANGE_UNKNOWN);
    assert_true(f->change.columns_unknown);
    assert_null(f->change.table);
    assert_true(slice_equal(f->change.about_table, SLICE("t")));
    assert_int_equal(f->change.ordinal, ordinal);
    assert_non_null(strstr((const char *)f->change.ddl.ptr, "FROBNICATE"));
}

/* Rows of `t` while nobody knows its columns: with other rows between them, in an XA transaction, and behind that
 * with names. */
static void put_lost_rows(struct writer *w)
{
    put_query(w, "shop", "BEGIN");
    put_table_map(w, 90, "t", false);
    put_table_map(w, 91, "v", true);
    put_insert(w, 90, 1, 3);
    put_insert(w, 90, 4, 2); /* told already */
    put_insert(w, 91, 6, 1);
    put_xid(w);
    put_query(w, "shop", "XA START X'61',X'',1");
    put_table_map(w, 90, "t", false);
    put_insert(w, 90, 7, 1);
    put_query(w, "shop", "XA END X'61',X'',1");
    event_begin(w, EVENT_XA_PREPARE);
    put(w, 1, 1); /* in one phase */
    put(w, 1, 4);
    put(w, 1, 4);
    put(w, 0, 4);
    put_text(w, "a");
    event_end(w);
    put_query(w, "shop", "BEGIN");
    put_table_map(w, 92, "t", true);
    put_insert(w, 92, 8, 1);
    put_xid(w);
}

static void expect_lost_rows(struct fixture *f)
{
    expect_lost(f, 0);
    expect(f, CHANGE_INSERT);
    assert_true(slice_equal(f->change.table->name, SLICE("v")));
    assert_int_equal(f->change.ordinal, 5);
    expect(f, CHANGE_COMMIT);
    expect_lost(f, 0);
    expect(f, CHANGE_COMMIT);
    expect(f, CHANGE_INSERT);
    assert_int_equal(id_of(&f->change.after), 8);
    assert_true(slice_equal(f->change.table->columns[1].name, SLICE("name")));
    expect(f, CHANGE_COMMIT);
}

static void test_rows_whose_columns_nobody_knows(void **state)
{
    (void)state;
    struct writer w;
    struct fixture f;
    struct history *history = NULL;
    struct error err = {0};
    struct history_options options = {.wants = wants_not_u, .resolve = resolve_later};
    begin_file(&w, false);
    put_query(&w, "shop", "CREATE TABLE t (id INT, name VARCHAR(20) CHARSET utf8mb4)");
    put_query(&w, "shop", "ALTER TABLE t FROBNICATE");
    put_lost_rows(&w);
    put_query(&w, "shop", "ALTER TABLE t CHANGE name word VARCHAR(20) CHARSET utf8mb4");
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 90, "t", false);
    put_insert(&w, 90, 9, 1);
    put_xid(&w);
    assert_int_equal(history_new(&options, &history, &err), RC_OK);
    setup(&f, &w, (struct binlog_stream_options){.server = "s", .history = history});
    expect_schema(&f, TABLE_CREATED, 0);
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_SCHEMA); /* the statement alone */
    assert_null(f.change.table_change);
    expect(&f, CHANGE_COMMIT);
    expect_lost_rows(&f);
    expect_schema(&f, TABLE_ALTERED, 1); /* behind the statement's own effect */
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(id_of(&f.change.after), 9);
    assert_true(slice_equal(f.change.table->columns[1].name, SLICE("word")));
    expect(&f, CHANGE_COMMIT);
    teardown(&f);
    history_free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_have_the_names_of_their_time),
        cmocka_unit_test(test_one_change_for_each_captured_table),
        cmocka_unit_test(test_defaults_that_older_rows_hold),
        cmocka_unit_test(test_a_map_that_disagrees_names_both),
        cmocka_unit_test(test_rows_whose_columns_nobody_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
