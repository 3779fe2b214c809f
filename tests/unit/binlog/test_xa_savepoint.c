/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What XA transactions undo of themselves: rows behind a savepoint, or all of them, are not given; statements
 * that are in the binlog as text are told in any case. The shapes are those of MariaDB 10.11 and, where
 * `XA ROLLBACK` ends a group that was never prepared, MySQL 9.7.
 */
#include "xa_fixture.h"

#include "binlog/stream_state_int.h"

static void begin_xa(uint64_t gtid)
{
    put_gtid(&w, gtid);
    put_query(&w, "shop", "XA START X'61',X'',1");
}

static void put_one(const char *table, uint32_t id)
{
    put_table_map(&w, 90, table, true);
    put_insert(&w, 90, id, 1);
}

static void prepare(bool one_phase)
{
    put_query(&w, "shop", "XA END X'61',X'',1");
    put_prepare("a", one_phase);
}

/* Reads the file: the rows of `ids`, in one transaction, and nothing else. */
static void gives(const uint32_t *ids, unsigned count)
{
    struct fixture f;
    setup_offline(&f, &w);
    for (unsigned i = 0; i < count; i++) {
        expect(&f, CHANGE_INSERT);
        assert_int_equal(id_of(&f.change.after), ids[i]);
        assert_int_equal(f.change.ordinal, i); /* of what is left: the server counts no more */
    }
    expect(&f, count > 0 ? CHANGE_COMMIT : CHANGE_IDLE);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

static void rows_behind_a_savepoint(void **state)
{
    static const uint32_t left[] = {1, 3};
    (void)state;
    for (unsigned one_phase = 0; one_phase < 2; one_phase++) {
        begin_file(&w, true);
        begin_xa(1);
        put_one("t", 1);
        put_query(&w, "shop", "SAVEPOINT `s`");
        put_one("t", 2);
        put_query(&w, "shop", "ROLLBACK TO `s`");
        put_one("t", 3);
        prepare(one_phase == 1);
        if (one_phase == 0)
            put_end(2, "COMMIT", 'a');
        gives(left, COUNT_OF(left));
    }
}

/* A name that is set again is the later place; going back keeps the savepoint, and those before it. */
static void savepoints_again_and_in_each_other(void **state)
{
    static const uint32_t left[] = {1, 2, 6};
    (void)state;
    begin_file(&w, true);
    begin_xa(1);
    put_query(&w, "shop", "SAVEPOINT outer_one");
    put_one("t", 1);
    put_query(&w, "shop", "SAVEPOINT `S`");
    put_one("t", 2);
    put_query(&w, "shop", "SAVEPOINT s");
    put_one("t", 3);
    put_query(&w, "shop", "SAVEPOINT inner_one");
    put_one("t", 4);
    put_query(&w, "shop", "ROLLBACK TO inner_one");
    put_query(&w, "shop", "ROLLBACK TO `S`");
    put_one("t", 5);
    put_query(&w, "shop", "ROLLBACK TO s");
    put_query(&w, "shop", "RELEASE SAVEPOINT s");
    put_one("t", 6);
    prepare(false);
    put_end(2, "COMMIT", 'a');
    gives(left, COUNT_OF(left));

    begin_file(&w, true); /* to before all rows: nothing is left, and nothing is told */
    begin_xa(1);
    put_query(&w, "shop", "SAVEPOINT s");
    put_one("t", 1);
    put_query(&w, "shop", "SAVEPOINT inner_one");
    put_one("t", 2);
    put_query(&w, "shop", "ROLLBACK TO s");
    prepare(false);
    put_end(2, "COMMIT", 'a');
    gives(NULL, 0);
}

/* The group of the next transaction knows nothing of the savepoints of this one. */
static void tells_the_tables(const char *savepoint, const char *back)
{
    struct fixture f;
    begin_file(&w, true);
    begin_xa(1);
    put_query(&w, "shop", "SAVEPOINT s");
    put_one("t", 1);
    prepare(true);
    begin_xa(2);
    put_one("t", 2);
    put_query(&w, "shop", savepoint);
    put_one("v", 3);
    put_query(&w, "shop", back);
    put_one("t", 4);
    prepare(false);
    put_end(3, "COMMIT", 'a');
    put_transaction(&w, 4, 40, 1);
    setup_offline(&f, &w);
    expect_rows(&f, 1, 1, GTID("1"));
    expect_unknown(&f, "t", 1, GTID("3"));
    expect_unknown(&f, "v", 3, GTID("3"));
    expect(&f, CHANGE_COMMIT);
    expect_rows(&f, 40, 1, GTID("4"));
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

static void savepoints_that_are_not_known(void **state)
{
    char many[300];
    (void)state;
    tells_the_tables("SAVEPOINT other", "ROLLBACK TO s");
    tells_the_tables("SAVEPOINT `\xc3\xa9`", "ROLLBACK TO `E`"); /* one name to the server */
    tells_the_tables("SAVEPOINT s", "ROLLBACK TO `\xc5\xbf`");
    tells_the_tables("SAVEPOINT `s `", "ROLLBACK TO `s`");
    tells_the_tables("SAVEPOINT s", "ROLLBACK TO");
    memset(many, 'x', sizeof(many));
    memcpy(many, "SAVEPOINT ", 10);
    many[sizeof(many) - 1] = '\0';
    tells_the_tables(many, "ROLLBACK TO s");
}

/* The last ones are not known then. */
static void more_savepoints_than_are_kept(void **state)
{
    enum { NAME = 200 };
    char sql[NAME + 40];
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    begin_xa(1);
    put_query(&w, "shop", "SAVEPOINT s");
    put_one("t", 1);
    for (unsigned i = 0; i < STREAM_SAVEPOINTS_MAX / NAME; i++) {
        snprintf(sql, sizeof(sql), "SAVEPOINT x%0*u", NAME, i);
        put_query(&w, "shop", sql);
    }
    put_query(&w, "shop", "SAVEPOINT s");
    put_query(&w, "shop", "ROLLBACK TO s");
    prepare(false);
    put_end(2, "COMMIT", 'a');
    setup_offline(&f, &w);
    expect_unknown(&f, "t", 1, GTID("2"));
    expect(&f, CHANGE_COMMIT);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

static void expect_told(struct fixture *f, const char *table, const char *verb)
{
    expect(f, CHANGE_UNKNOWN);
    struct slice name = f->change.table != NULL ? f->change.table->name : f->change.about_table;
    assert_true(slice_equal(name, slice_str(table)));
    assert_true(slice_starts_nocase(f->change.ddl, slice_str(verb)));
}

static void put_statements(void)
{
    put_query(&w, "shop", "SAVEPOINT s");
    put_one("t", 1);
    put_query(&w, "shop", "INSERT INTO early VALUES (1)");
    put_query(&w, "shop", "SAVEPOINT s");
    put_one("t", 2);
    put_query(&w, "shop", "INSERT INTO late VALUES (1)");
    put_query(&w, "shop", "ROLLBACK TO s");
}

/* The tables of statements may have no transactions: then what the statement did stays. */
static void statements_stay(void **state)
{
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    begin_xa(1);
    put_statements();
    prepare(false);
    put_end(2, "COMMIT", 'a');
    begin_xa(3);
    put_statements();
    prepare(false);
    put_end(4, "ROLLBACK", 'a');
    begin_xa(5); /* MySQL: it was never prepared */
    put_statements();
    put_query(&w, "shop", "XA END X'61',X'',1");
    put_query(&w, "shop", "XA ROLLBACK X'61',X'',1");
    begin_xa(6);
    put_statements();
    put_query(&w, "shop", "ROLLBACK");
    begin_xa(7); /* rows alone: nothing of them ever was */
    put_one("t", 9);
    put_query(&w, "shop", "XA END X'61',X'',1");
    put_query(&w, "shop", "XA ROLLBACK X'61',X'',1");
    setup_offline(&f, &w);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(id_of(&f.change.after), 1);
    for (unsigned i = 0; i < 4; i++) {
        expect_told(&f, "early", "INSERT INTO early");
        expect_told(&f, "late", "INSERT INTO late");
        expect(&f, CHANGE_COMMIT);
    }
    expect(&f, CHANGE_IDLE);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

/* The same where there is no room for the rows: the names are all that is known. */
static void statements_stay_unheld(void **state)
{
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    for (uint64_t gtid = 1; gtid <= 3; gtid++) {
        begin_xa(gtid * 10);
        put_query(&w, "shop", "INSERT INTO early VALUES (1)");
        put_table_map(&w, 90, "t", true);
        put_insert(&w, 90, 1, 400);
        put_query(&w, "shop", "ROLLBACK TO s"); /* nothing is held that could be undone */
        if (gtid == 1) {
            prepare(false);
            put_end(11, "ROLLBACK", 'a');
        } else if (gtid == 2) {
            put_query(&w, "shop", "XA ROLLBACK X'61',X'',1");
        } else {
            put_query(&w, "shop", "ROLLBACK");
        }
    }
    begin_xa(40);
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 1, 400);
    put_query(&w, "shop", "XA ROLLBACK X'61',X'',1"); /* rows alone */
    setup(&f, &w, (struct binlog_stream_options){.offline = true, .held_max = 2000});
    for (unsigned i = 0; i < 3; i++) {
        expect_told(&f, "early", i < 2 ? "XA ROLLBACK" : "ROLLBACK");
        expect_told(&f, "t", i < 2 ? "XA ROLLBACK" : "ROLLBACK");
        expect(&f, CHANGE_COMMIT);
    }
    expect(&f, CHANGE_IDLE);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

/* A group that is not asked for is read in the same way, and tells nothing. */
static void not_asked_for(void **state)
{
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    begin_xa(1);
    put_statements();
    prepare(false);
    put_end(2, "ROLLBACK", 'a');
    begin_xa(3);
    put_statements();
    put_query(&w, "shop", "ROLLBACK");
    put_transaction(&w, 4, 40, 1);
    setup(&f, &w, (struct binlog_stream_options){.offline = true, .include_gtids = GTID("4")});
    expect_rows(&f, 40, 1, GTID("4"));
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_behind_a_savepoint),
        cmocka_unit_test(savepoints_again_and_in_each_other),
        cmocka_unit_test(savepoints_that_are_not_known),
        cmocka_unit_test(more_savepoints_than_are_kept),
        cmocka_unit_test(statements_stay),
        cmocka_unit_test(statements_stay_unheld),
        cmocka_unit_test(not_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
