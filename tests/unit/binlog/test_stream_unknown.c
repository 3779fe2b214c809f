/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of rows that the stream does not tell: statements as text and transactions that are rolled
 * back behind their rows. Which tables are named, with which ordinals, and that nothing is lost or told
 * twice over a resume.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "binlog/stream_state_int.h"
#include "stream_fixture.h"

static void expect_unknown(struct fixture *f, const char *table, uint64_t ordinal, const char *text)
{
    expect(f, CHANGE_UNKNOWN);
    struct slice name = f->change.table != NULL ? f->change.table->name : f->change.about_table;
    if (!slice_equal(name, slice_str(table)))
        fail_msg("table %s expected, %.*s came", table, (int)name.len, (const char *)name.ptr);
    assert_int_equal(f->change.ordinal, ordinal);
    assert_true(slice_starts_nocase(f->change.ddl, slice_str(text)));
}

static void expect_insert(struct fixture *f, uint32_t id, uint64_t ordinal)
{
    expect(f, CHANGE_INSERT);
    assert_int_equal(id_of(&f->change.after), id);
    assert_int_equal(f->change.ordinal, ordinal);
}

/* `t` and `v` are captured and known from their maps, `u` is not captured. */
static void put_maps(struct writer *w)
{
    put_gtid(w, 1);
    put_query(w, "shop", "BEGIN");
    put_table_map(w, 90, "t", true);
    put_table_map(w, 91, "v", true);
    put_table_map(w, 92, "u", true);
    put_insert(w, 90, 1, 1);
    put_xid(w);
}

static void pass_maps(struct fixture *f)
{
    expect_insert(f, 1, 0);
    expect(f, CHANGE_COMMIT);
}

static void test_single_table(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_maps(&w);
    put_gtid(&w, 2);
    put_query(&w, "shop", "BEGIN");
    put_query(&w, "shop", "/* app */ UPDATE t SET name = 'x'");
    put_query(&w, "shop", "INSERT INTO u VALUES (1)"); /* not captured: counted all the same */
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 7, 1);
    put_xid(&w);
    put_gtid(&w, 3);
    put_query(&w, "mysql", "DELETE FROM user"); /* no BEGIN: a lone statement */
    put_gtid(&w, 4);
    put_query(&w, "other", "REPLACE INTO shop.v SELECT * FROM shop.t");
    setup_offline(&f, &w);
    pass_maps(&f);
    expect_unknown(&f, "t", 0, "/* app */ UPDATE");
    assert_non_null(f.change.table);
    assert_true(slice_equal(f.change.ddl_db, SLICE("shop")));
    expect_insert(&f, 7, 2);
    expect(&f, CHANGE_COMMIT);
    expect_unknown(&f, "v", 0, "REPLACE");
    assert_true(slice_equal(f.change.ddl_db, SLICE("other")));
    expect(&f, CHANGE_COMMIT);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

static void test_names_are_looked_for(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_maps(&w);
    put_gtid(&w, 2);
    put_query(&w, "shop", "UPDATE u AS x, `t` y, v SET x.a = 1, y.b = 2, v.c = 3, t.d = 4");
    put_gtid(&w, 3);
    put_query(&w, "shop", "DELETE u FROM u JOIN w USING (id)"); /* nothing captured is in it */
    put_gtid(&w, 4);
    put_query(&w, "shop", "INSERT INTO nobody VALUES (1)"); /* captured by its name, unknown */
    put_gtid(&w, 5);
    put_query(&w, "shop", "CALL something(1, 't')"); /* names nothing: anything of shop */
    put_gtid(&w, 6);
    put_query(&w, "elsewhere", "CALL something()");
    setup_offline(&f, &w);
    pass_maps(&f);
    expect(&f, CHANGE_UNKNOWN);
    assert_true(slice_equal(f.change.table->name, SLICE("t")));
    uint64_t first = f.change.ordinal;
    expect(&f, CHANGE_UNKNOWN);
    assert_true(slice_equal(f.change.table->name, SLICE("v")));
    assert_true(f.change.ordinal > first);
    expect(&f, CHANGE_COMMIT);
    expect_unknown(&f, "nobody", 0, "INSERT");
    assert_null(f.change.table);
    assert_true(slice_equal(f.change.about_db, SLICE("shop")));
    expect(&f, CHANGE_COMMIT);
    expect_unknown(&f, "", 0, "CALL");
    assert_true(slice_equal(f.change.about_db, SLICE("shop")));
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_IDLE);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

/* More tables than are told one by one: any of the database's. */
static void test_more_tables_than_are_kept(void **state)
{
    static struct writer w;
    struct fixture f;
    struct buf text;
    (void)state;
    buf_init(&text, 65536);
    begin_file(&w, true);
    put_gtid(&w, 1);
    put_query(&w, "shop", "BEGIN");
    buf_add_str(&text, "UPDATE ");
    for (unsigned i = 0; i < STREAM_UNKNOWN_MAX + 3; i++) {
        char name[16];
        snprintf(name, sizeof(name), "t%u", i);
        put_table_map(&w, 90 + i, name, true);
        put_insert(&w, 90 + i, i, 1);
        buf_addf(&text, "%st%u", i == 0 ? "" : ", ", i);
    }
    put_xid(&w);
    buf_add_str(&text, " SET t1.a = 1");
    put_gtid(&w, 2);
    put_query(&w, "shop", buf_cstr(&text));
    setup_offline(&f, &w);
    for (unsigned i = 0; i < STREAM_UNKNOWN_MAX + 3; i++)
        expect_insert(&f, i, i);
    expect(&f, CHANGE_COMMIT);
    expect_unknown(&f, "", 1, "UPDATE"); /* behind the word itself, which may be a name */
    expect(&f, CHANGE_COMMIT);
    assert_int_equal(next(&f), RC_EOF);
    buf_deinit(&text);
    teardown(&f);
}

static void test_rolled_back(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_gtid(&w, 1);
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 90, "t", true);
    put_table_map(&w, 91, "v", true);
    put_table_map(&w, 92, "u", true);
    put_insert(&w, 92, 1, 2);
    put_insert(&w, 90, 5, 1);
    put_insert(&w, 91, 6, 1);
    put_query(&w, "shop", "ROLLBACK");
    put_gtid(&w, 2); /* to a savepoint: told when the transaction ends */
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 7, 1);
    put_query(&w, "shop", "ROLLBACK TO `s`");
    put_insert(&w, 90, 8, 1);
    put_xid(&w);
    put_gtid(&w, 3); /* nothing captured, nothing told */
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 92, "u", true);
    put_insert(&w, 92, 1, 1);
    put_query(&w, "shop", "ROLLBACK");
    setup_offline(&f, &w);
    expect_insert(&f, 5, 2);
    expect_insert(&f, 6, 3);
    expect_unknown(&f, "t", 4, "ROLLBACK");
    expect_unknown(&f, "v", 5, "ROLLBACK");
    expect(&f, CHANGE_COMMIT);
    expect_insert(&f, 7, 0);
    expect_insert(&f, 8, 1);
    expect_unknown(&f, "t", 2, "ROLLBACK");
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_IDLE);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

static void put_xa_statement(struct writer *w)
{
    put_gtid(w, 2);
    put_query(w, "shop", "XA START X'',X'',1");
    put_query(w, "shop", "UPDATE t SET name = 'x'");
    put_table_map(w, 90, "t", true);
    put_insert(w, 90, 9, 1);
    put_query(w, "shop", "XA END X'',X'',1");
    event_begin(w, EVENT_XA_PREPARE);
    put(w, 0, 1);
    put(w, 1, 12);
    event_end(w);
}

/* A statement inside an XA transaction is told with its end, whichever it is: XA ROLLBACK undoes its rows, but not
 * what the statement did to a table without transactions. */
static void test_in_an_xa_transaction(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    for (unsigned commits = 0; commits < 2; commits++) {
        begin_file(&w, true);
        put_maps(&w);
        put_xa_statement(&w);
        put_gtid(&w, 3);
        put_query(&w, "shop", commits ? "XA COMMIT X'',X'',1" : "XA ROLLBACK X'',X'',1");
        setup_offline(&f, &w);
        pass_maps(&f);
        expect_unknown(&f, "t", 0, "UPDATE");
        assert_true(
            slice_equal(f.change.txn->gtid, SLICE("11111111-1111-1111-1111-111111111111:3")));
        if (commits)
            expect_insert(&f, 9, 1);
        expect(&f, CHANGE_COMMIT);
        assert_int_equal(next(&f), RC_EOF);
        teardown(&f);
    }
}

/* What was given before a connection was lost is not given again, and the rest is. */
static void test_resume(void **state)
{
    static struct writer w;
    struct fixture f;
    struct position at;
    (void)state;
    begin_file(&w, true);
    put_gtid(&w, 2);
    put_query(&w, "shop", "BEGIN");
    put_query(&w, "shop", "UPDATE t SET name = 'x'");
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 7, 2);
    put_query(&w, "shop", "DELETE FROM v");
    put_xid(&w);
    for (uint64_t done = 0; done <= 4; done++) {
        setup(&f, &w, (struct binlog_stream_options){.announced_crc32 = true, .server = "s"});
        position_init(&at);
        snprintf(at.file, sizeof(at.file), "binlog.000001");
        at.offset = 4;
        at.rows_done = done;
        assert_int_equal(binlog_stream_seek(f.stream, &f.feed.base, &at, &f.err), RC_OK);
        if (done <= 0)
            expect_unknown(&f, "t", 0, "UPDATE");
        if (done <= 1)
            expect_insert(&f, 7, 1);
        if (done <= 2)
            expect_insert(&f, 8, 2);
        if (done <= 3)
            expect_unknown(&f, "v", 3, "DELETE");
        expect(&f, CHANGE_COMMIT);
        assert_int_equal(next(&f), RC_AGAIN);
        position_deinit(&at);
        teardown(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_table),
        cmocka_unit_test(test_names_are_looked_for),
        cmocka_unit_test(test_more_tables_than_are_kept),
        cmocka_unit_test(test_rolled_back),
        cmocka_unit_test(test_in_an_xa_transaction),
        cmocka_unit_test(test_resume),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
