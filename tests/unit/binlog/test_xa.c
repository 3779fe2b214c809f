/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XA transactions of two phases: their rows wait for XA COMMIT, in files and on the wire, where notes
 * carry them over a restart. Names of XA transactions, and what is told of those without an end.
 */
#include "xa_fixture.h"

#include <unistd.h>

#include "binlog/xa_names_int.h"
#include "binlog/xa_store_int.h"

static void committed_in_another_order(void **state)
{
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_prepared(1, 'a', "t", 10, 2);
    put_prepared(2, 'b', "t", 20, 3);
    put_transaction(&w, 3, 30, 1);
    size_t of_b = put_end(4, "COMMIT", 'b');
    put_transaction(&w, 5, 40, 1);
    put_end(6, "COMMIT", 'a');
    setup_offline(&f, &w);
    expect_rows(&f, 30, 1, GTID("3"));
    expect(&f, CHANGE_INSERT);
    assert_int_equal(f.change.txn->offset, of_b);
    assert_true(f.change.event_offset > of_b); /* the statement, not the rows of long ago */
    assert_int_equal(id_of(&f.change.after), 20);
    expect(&f, CHANGE_INSERT);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(f.change.ordinal, 2);
    expect(&f, CHANGE_COMMIT);
    expect_rows(&f, 40, 1, GTID("5"));
    expect_rows(&f, 10, 2, GTID("6"));
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

static void rolled_back(void **state)
{
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_prepared(1, 'a', "t", 10, 2);
    put_end(2, "ROLLBACK", 'a');
    put_prepared(3, 'a', "t", 20, 1); /* the name is free again */
    put_end(4, "COMMIT", 'a');
    put_end(5, "COMMIT", 'a'); /* ended already: nothing is there to give */
    setup_offline(&f, &w);
    expect_rows(&f, 20, 1, GTID("4"));
    expect(&f, CHANGE_IDLE);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

/* A group of rows of `t` and `u`: ordinals count both, as they do in plain transactions. */
static void ordinals_count_every_row(void **state)
{
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_gtid(&w, 1);
    put_query(&w, "shop", "XA START X'61',X'',1");
    put_table_map(&w, 91, "u", true);
    put_insert(&w, 91, 1, 3);
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 7, 1);
    put_query(&w, "shop", "XA END X'61',X'',1");
    put_prepare("a", false);
    put_end(2, "COMMIT", 'a');
    setup_offline(&f, &w);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(id_of(&f.change.after), 7);
    assert_int_equal(f.change.ordinal, 3);
    expect(&f, CHANGE_COMMIT);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

/* The rows belong to the group of the XA COMMIT, so its GTID says whether they are asked for. */
static void filters_look_at_the_commit(void **state)
{
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_prepared(1, 'a', "t", 10, 1);
    put_prepared(2, 'b', "t", 20, 1);
    put_end(3, "COMMIT", 'a');
    put_end(4, "COMMIT", 'b');
    setup(&f, &w, (struct binlog_stream_options){.offline = true, .start_gtids = GTID("1-2")});
    expect_rows(&f, 10, 1, GTID("3"));
    expect_rows(&f, 20, 1, GTID("4"));
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
    setup(&f, &w, (struct binlog_stream_options){.offline = true, .include_gtids = GTID("1-2:4")});
    expect_rows(&f, 20, 1, GTID("4"));
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

/* MariaDB: the GTID event begins the group, without XA START. */
static void mariadb(void **state)
{
    enum { STANDALONE = 1, TRANSACTIONAL = 4, PREPARED_XA = 64, COMPLETED_XA = 128 };
    struct fixture f;
    (void)state;
    w = (struct writer){.crc32 = true, .base = 4};
    put_format(&w, "10.11.6-MariaDB-log");
    put_mariadb_gtid(&w, 0, 1, TRANSACTIONAL | PREPARED_XA);
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 10, 2);
    put_query(&w, "shop", "XA END X'61',X'',1");
    put_prepare("a", false);
    put_mariadb_gtid(&w, 0, 2, STANDALONE | COMPLETED_XA);
    put_query(&w, "shop", "XA COMMIT X'61',X'',1");
    setup_offline(&f, &w);
    expect_rows(&f, 10, 2, "0-7-2");
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

static void fails(struct binlog_stream_options options, enum rc rc, const char *words)
{
    struct fixture f;
    setup(&f, &w, options);
    enum rc got = RC_OK;
    while (got == RC_OK)
        got = next(&f);
    if (got != rc || strstr(f.err.text, words) == NULL)
        fail_msg("%s with '%s' expected, but %s: %s", rc_name(rc), words, rc_name(got), f.err.text);
    teardown(&f);
}

static const struct binlog_stream_options offline = {.offline = true};

/* --- on the wire --- */

/* A life that reads from `at` on, with the notes of the life before. */
static void setup_wire(struct fixture *f, struct notes *notes, const struct position *at)
{
    setup(f, &w, (struct binlog_stream_options){.announced_crc32 = true, .server = "s1"});
    for (unsigned i = 0; i < notes->count; i++)
        assert_int_equal(binlog_stream_xa_remember(f->stream, buf_slice(&notes->keys[i]),
                                                   buf_slice(&notes->values[i]), &f->err),
                         RC_OK);
    assert_int_equal(binlog_stream_seek(f->stream, &f->feed.base, at, &f->err), RC_OK);
}

static void kept_over_a_restart(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    begin_file(&w, true);
    put_prepared(1, 'a', "t", 10, 2);
    put_prepared(2, 'b', "t", 20, 1);
    put_prepared(3, 'c', "u", 30, 1);
    put_transaction(&w, 4, 40, 1);
    put_end(5, "ROLLBACK", 'b');
    put_transaction(&w, 6, 60, 1);
    setup_wire(&f, &notes, &at);
    expect_rows(&f, 40, 1, GTID("4"));
    take_notes(&f, &notes);
    assert_int_equal(notes.count, 3);
    expect_rows(&f, 60, 1, GTID("6"));
    take_notes(&f, &notes);
    assert_int_equal(notes.count, 2);
    assert_int_equal(notes.forgotten, 1);
    assert_int_equal(binlog_stream_position(f.stream, &at, &f.err), RC_OK);
    teardown(&f);

    put_dump_start();
    put_end(7, "COMMIT", 'a');
    put_end(8, "COMMIT", 'c');
    put_transaction(&w, 9, 90, 1);
    setup_wire(&f, &notes, &at);
    take_notes(&f, &notes); /* what was remembered is no news */
    assert_int_equal(notes.count, 2);
    expect_rows(&f, 10, 2, GTID("7"));
    expect_rows(&f, 90, 1, GTID("9"));
    take_notes(&f, &notes);
    assert_int_equal(notes.count, 0);
    teardown(&f);
    position_deinit(&at);
}

/* A restart in the middle of the rows of an XA COMMIT: the note is there still, for it belongs to the
 * place before. */
static void a_restart_among_its_rows(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    begin_file(&w, true);
    put_prepared(1, 'a', "t", 10, 3);
    put_transaction(&w, 2, 20, 1);
    size_t of_commit = put_end(3, "COMMIT", 'a');
    setup_wire(&f, &notes, &at);
    expect_rows(&f, 20, 1, GTID("2"));
    take_notes(&f, &notes);
    expect(&f, CHANGE_INSERT);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(binlog_stream_resume_position(f.stream, &at, &f.err), RC_OK);
    assert_int_equal(at.rows_done, 2);
    teardown(&f);

    put_dump_start();
    w.base = (uint32_t)(of_commit - w.len);
    put_end(3, "COMMIT", 'a');
    setup_wire(&f, &notes, &at);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(id_of(&f.change.after), 12);
    assert_int_equal(f.change.ordinal, 2);
    expect(&f, CHANGE_COMMIT);
    teardown(&f);
    notes_deinit(&notes);
    position_deinit(&at);
}

/* A connection that is made again goes on in the same stream. */
static void kept_over_a_reconnect(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    begin_file(&w, true);
    put_prepared(1, 'a', "t", 10, 2);
    setup_wire(&f, &notes, &at);
    expect(&f, CHANGE_IDLE);
    assert_int_equal(binlog_stream_resume_position(f.stream, &at, &f.err), RC_OK);
    put_dump_start();
    put_end(2, "COMMIT", 'a');
    f.feed.at = 0;
    f.feed.limit = w.len;
    assert_int_equal(binlog_stream_seek(f.stream, &f.feed.base, &at, &f.err), RC_OK);
    expect_rows(&f, 10, 2, GTID("2"));
    take_notes(&f, &notes); /* it came and went between two questions */
    assert_int_equal(notes.count + notes.forgotten, 0);
    teardown(&f);
    position_deinit(&at);
}

/* On the wire all that is prepared is known, so that an XA COMMIT of another name has rows from before. */
static void prepared_before_reading_began(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    begin_file(&w, true);
    put_prepared(1, 'a', "u", 10, 2); /* of no captured table, and known */
    put_end(2, "COMMIT", 'a');
    put_end(3, "ROLLBACK", 'b'); /* what is undone matters to nobody */
    put_end(4, "COMMIT", 'c');
    put_transaction(&w, 5, 40, 1);
    for (uint64_t done = 0; done < 2; done++) {
        setup_wire(&f, &notes, &at);
        if (done == 0) {
            expect(&f, CHANGE_UNKNOWN);
            assert_true(f.change.from_before);
            assert_null(f.change.table);
            assert_int_equal(f.change.about_db.len + f.change.about_table.len, 0);
            assert_true(slice_equal(f.change.txn->gtid, SLICE(GTID("4"))));
            expect(&f, CHANGE_COMMIT);
        }
        expect_rows(&f, 40, 1, GTID("5"));
        teardown(&f);
        put_dump_start();
        put_transaction(&w, 5, 40, 1);
    }
    position_deinit(&at);
}

#define WHOLE_NOTE "\x01\0\x13\0\0\0\0\x04\0\0\0\0\0\0\0\x01\0b"

#define NUMBER "12345678"
#define NOTHING "\0\0\0\0\0\0\0\0"
/* Behind the flags: a file of 100 bytes with 20 bytes of rows; then what was undone. */
#define FILE_NOTE(number, undone)                                                                  \
    "\x13\0\0\0\0\x04\0\0\0\0\0\0\0\x01\0b" number "d\0\0\0\0\0\0\0\x14\0\0\0\0\0\0\0" undone
#define NAMES NOTHING "\x01\0d\x01\0t"

static void bad_notes_are_refused(void **state)
{
    static const struct {
        struct slice key;
        struct slice value;
    } bad[] = {
        {SLICE("xa/X'61',X'',1 "), SLICE(WHOLE_NOTE)},
        {SLICE("xb/X'61',X'',1"), SLICE(WHOLE_NOTE)},
        {SLICE("xa/"), SLICE(WHOLE_NOTE)},
        {SLICE("xa/X'61',X'',1"), SLICE("")},
        {SLICE("xa/X'61',X'',1"), SLICE("\x02\0\x13\0\0\0\0\x04\0\0\0\0\0\0\0\x01\0b")},
        {SLICE("xa/X'61',X'',1"), SLICE("\x01\x04\x13\0\0\0\0\x04\0\0\0\0\0\0\0\x01\0b")},
        {SLICE("xa/X'61',X'',1"), SLICE("\x01\0\x13\0\0\0\0\x04\0\0\0\0\0\0\0\x02\0b")},
        {SLICE("xa/X'61',X'',1"), SLICE("\x01\0\x13\0\0\0\0\x04\0\0\0\0\0\0\0\x01\0brows")},
        {SLICE("xa/X'61',X'',1"),
         SLICE("\x01\0\x13\0\0\0\0\x04\0\0\0\0\0\0\0\x01\0b12345678\0\0\0\0\x21")},
        {SLICE("xa/X'61',X'',1"), SLICE("\x01\x08\x13\0\0\0\0\x04\0\0\0\0\0\0\0\x01\0b")},
        {SLICE("xa/X'61',X'',1"), SLICE("\x01\x10" FILE_NOTE(NUMBER, "\0\0\0\0"))},
        {SLICE("xa/X'61',X'',1"), SLICE("\x01\x10" FILE_NOTE(NUMBER, "\0\0\0\0") "names")},
        {SLICE("xa/X'61',X'',1"), SLICE("\x01\x14" FILE_NOTE(NUMBER, "\0\0\0\0") NAMES)},
        {SLICE("xa/X'61',X'',1"), SLICE("\x01\x10" FILE_NOTE(NOTHING, "\0\0\0\0") NAMES)},
        {SLICE("xa/X'61',X'',1"), SLICE("\x01\x10" FILE_NOTE(NUMBER, "\x01\0\0\0"
                                                                     "1") NAMES)},
        {SLICE("xa/X'61',X'',1"),
         SLICE("\x01\x10" FILE_NOTE(NUMBER, "\x10\0\0\0" NOTHING "\xff\0\0\0\0\0\0\0") NAMES)},
    };
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    setup(&f, &w, (struct binlog_stream_options){.announced_crc32 = true, .server = "s1"});
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (binlog_stream_xa_remember(f.stream, bad[i].key, bad[i].value, &f.err) != RC_CORRUPT)
            fail_msg("note %zu is taken", i);
        assert_non_null(strstr(f.err.text, "cannot be read"));
    }
    struct slice filed = SLICE("\x01\x10" FILE_NOTE(NUMBER, "\0\0\0\0") NAMES);
    assert_int_equal(binlog_stream_xa_remember(f.stream, SLICE("xa/X'62',X'',1"), filed, &f.err),
                     RC_OK);
    struct slice key = SLICE("xa/X'61',X'',1");
    assert_int_equal(binlog_stream_xa_remember(f.stream, key, SLICE(WHOLE_NOTE), &f.err), RC_OK);
    assert_int_equal(binlog_stream_xa_remember(f.stream, key, SLICE(WHOLE_NOTE), &f.err),
                     RC_CORRUPT);
    teardown(&f);
}

static void a_name_twice(void **state)
{
    (void)state;
    begin_file(&w, true);
    put_prepared(1, 'a', "t", 10, 2);
    put_prepared(2, 'a', "t", 10, 2);
    fails(offline, RC_CORRUPT, "neither committed nor rolled back");
}

static void names_that_cannot_be_read(void **state)
{
    (void)state;
    begin_file(&w, true);
    put_prepared(1, 'a', "t", 10, 2);
    put_gtid(&w, 2);
    put_query(&w, "", "XA COMMIT 'a'");
    fails(offline, RC_CORRUPT, "cannot be read");
    begin_file(&w, true);
    put_gtid(&w, 1);
    put_query(&w, "", "XA COMMIT 'a'"); /* nobody waits */
    fails(offline, RC_EOF, "");
    begin_file(&w, true);
    put_gtid(&w, 1);
    put_query(&w, "shop", "XA START X'61',X'',1");
    event_begin(&w, EVENT_XA_PREPARE);
    put(&w, 0, 1);
    put(&w, 1, 4);
    put(&w, 65, 4);
    put(&w, 0, 4);
    put(&w, 0, 65);
    event_end(&w);
    fails(offline, RC_CORRUPT, "cut off");
}

static void a_start_inside(void **state)
{
    (void)state;
    begin_file(&w, true);
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 1, 1);
    put_query(&w, "shop", "XA END X'61',X'',1");
    put_prepare("a", false);
    fails(offline, RC_CORRUPT, "inside an XA transaction");
    begin_file(&w, true);
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 1, 1);
    put_query(&w, "shop", "XA END X'61',X'',1");
    put_prepare("a", true);
    fails(offline, RC_EOF, "");
}

/* All that wait together have one limit; what ended makes room again. */
static void bounded(void **state)
{
    struct binlog_stream_options options = {.offline = true, .held_max = 4000};
    (void)state;
    begin_file(&w, true);
    for (unsigned i = 0; i < 20; i++) {
        put_prepared(2 * i + 1, 'a', "t", 10, 40);
        put_end(2 * i + 2, i % 2 == 0 ? "COMMIT" : "ROLLBACK", 'a');
    }
    fails(options, RC_EOF, "");
    begin_file(&w, true);
    for (unsigned i = 0; i < 20; i++) /* no captured rows: nothing waits */
        put_prepared(i + 1, (char)('a' + i), "u", 10, 400);
    fails(options, RC_EOF, "");
}

/* A transaction with 40 rows of u, then of v, then 400 of t: map, rows, map, rows, map, rows. */
static void put_large(uint64_t gtid, const char *start, unsigned rows)
{
    put_gtid(&w, gtid);
    put_query(&w, "shop", start);
    put_table_map(&w, 92, "u", true);
    put_insert(&w, 92, 1, 40);
    put_table_map(&w, 91, "v", true);
    put_insert(&w, 91, 1, 40);
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 1, rows);
    put_insert(&w, 90, 1000, rows);
}

/* More rows than are held: the tables are told at the XA COMMIT. It takes nobody's room, and what comes
 * before and behind is given as ever. */
static void more_than_is_held(void **state)
{
    static const char rest[] = "XA END X'62',X'',1";
    struct binlog_stream_options options = {.offline = true, .held_max = 6000};
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_prepared(1, 'a', "t", 10, 2);
    put_large(2, "XA START X'62',X'',1", 400);
    put_query(&w, "shop", rest);
    put_prepare("b", false);
    put_prepared(3, 'c', "t", 20, 80);
    put_large(4, "XA START X'64',X'',1", 400);
    put_query(&w, "shop", "XA END X'64',X'',1");
    put_prepare("d", false);
    put_end(5, "COMMIT", 'c');
    put_end(6, "COMMIT", 'b');
    put_end(7, "ROLLBACK", 'd'); /* nothing of it ever was */
    put_transaction(&w, 8, 40, 1);
    put_end(9, "COMMIT", 'a');
    setup(&f, &w, options);
    expect_rows(&f, 20, 80, GTID("5"));
    expect_unknown(&f, "v", 3, GTID("6"));
    assert_non_null(f.change.table);
    expect_unknown(&f, "t", 5, GTID("6"));
    expect(&f, CHANGE_COMMIT);
    expect_rows(&f, 40, 1, GTID("8"));
    expect_rows(&f, 10, 2, GTID("9"));
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
    options.include_gtids = GTID("8"); /* the XA COMMIT is not asked for */
    setup(&f, &w, options);
    expect_rows(&f, 40, 1, GTID("8"));
    expect(&f, CHANGE_IDLE);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
    options.include_gtids = GTID("6"); /* its PREPARE is not */
    setup(&f, &w, options);
    expect_unknown(&f, "v", 3, GTID("6"));
    expect_unknown(&f, "t", 5, GTID("6"));
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_IDLE);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

/* What all of them hold together has the one limit: those that find no room are told, the others given. */
static void no_room_left(void **state)
{
    struct binlog_stream_options options = {.offline = true, .held_max = 4000};
    struct fixture f;
    unsigned given = 0;
    unsigned told = 0;
    (void)state;
    begin_file(&w, true);
    for (unsigned i = 0; i < 20; i++)
        put_prepared(i + 1, (char)('a' + i), "t", 10, 40);
    for (unsigned i = 0; i < 20; i++)
        put_end(i + 21, "COMMIT", (char)('a' + i));
    setup(&f, &w, options);
    while (next(&f) == RC_OK) {
        given += f.change.kind == CHANGE_INSERT;
        told += f.change.kind == CHANGE_UNKNOWN;
    }
    assert_true(given > 0 && given % 40 == 0 && given < 20 * 40);
    assert_int_equal(given / 40 + told, 20);
    assert_int_equal(f.err.rc, RC_OK);
    teardown(&f);
}

/* In one phase the rows are those of the group in hand, and so is what is told of them. */
static void more_than_is_held_in_one_phase(void **state)
{
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_large(1, "XA START X'62',X'',1", 400);
    put_query(&w, "shop", "XA END X'62',X'',1");
    put_prepare("b", true);
    put_transaction(&w, 2, 40, 1);
    setup(&f, &w, (struct binlog_stream_options){.offline = true, .held_max = 6000});
    expect_unknown(&f, "v", 3, GTID("1"));
    expect_unknown(&f, "t", 5, GTID("1"));
    expect(&f, CHANGE_COMMIT);
    expect_rows(&f, 40, 1, GTID("2"));
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

/* Statements in it name their tables too, before the rows that find no room and behind them. */
static void more_than_is_held_with_statements(void **state)
{
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_gtid(&w, 1);
    put_query(&w, "shop", "XA START X'62',X'',1");
    put_query(&w, "shop", "UPDATE early SET a = 1");
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 1, 400);
    put_insert(&w, 90, 1, 400);
    put_query(&w, "shop", "DELETE FROM late");
    put_query(&w, "shop", "DELETE FROM t");
    put_query(&w, "shop", "DELETE FROM u");
    put_query(&w, "shop", "XA END X'62',X'',1");
    put_prepare("b", false);
    put_end(2, "COMMIT", 'b');
    setup(&f, &w, (struct binlog_stream_options){.offline = true, .held_max = 6000});
    expect_unknown(&f, "early", 0, GTID("2"));
    assert_null(f.change.table);
    assert_true(slice_equal(f.change.about_db, SLICE("shop")));
    expect_unknown(&f, "t", 3, GTID("2"));
    expect_unknown(&f, "late", 5, GTID("2"));
    expect(&f, CHANGE_COMMIT);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

/* A crash between the two phases, and one between what is told of two tables. */
static void more_than_is_held_over_restarts(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    begin_file(&w, true);
    put_large(1, "XA START X'62',X'',1", 400);
    put_query(&w, "shop", "XA END X'62',X'',1");
    put_prepare("b", false);
    put_prepared(2, 'a', "t", 10, 2);
    put_transaction(&w, 3, 40, 1);
    size_t of_commit = w.base + w.len;
    setup(
        &f, &w,
        (struct binlog_stream_options){.announced_crc32 = true, .server = "s1", .held_max = 6000});
    assert_int_equal(binlog_stream_seek(f.stream, &f.feed.base, &at, &f.err), RC_OK);
    expect_rows(&f, 40, 1, GTID("3"));
    take_notes(&f, &notes);
    assert_int_equal(notes.count, 2);
    size_t smaller = notes.values[0].len < notes.values[1].len ? 0 : 1;
    assert_true(notes.values[smaller].len < 100 && notes.values[smaller].ptr[1] == 4);
    assert_int_equal(binlog_stream_position(f.stream, &at, &f.err), RC_OK);
    teardown(&f);

    put_dump_start();
    w.base = (uint32_t)(of_commit - w.len);
    put_end(4, "COMMIT", 'b');
    put_end(5, "COMMIT", 'a');
    setup_wire(&f, &notes, &at);
    take_notes(&f, &notes); /* what was remembered is no news */
    assert_int_equal(notes.count, 2);
    expect_unknown(&f, "v", 3, GTID("4"));
    teardown(&f);

    at.rows_done = 4;
    setup_wire(&f, &notes, &at);
    expect_unknown(&f, "t", 5, GTID("4"));
    expect(&f, CHANGE_COMMIT);
    expect_rows(&f, 10, 2, GTID("5"));
    take_notes(&f, &notes);
    assert_int_equal(notes.count, 0);
    assert_int_equal(notes.forgotten, 2);
    teardown(&f);
    position_deinit(&at);
}

/* A statement among what finds no room is told after XA ROLLBACK, too, and over a restart. */
static void an_unheld_statement_over_a_restart(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    begin_file(&w, true);
    put_large(1, "XA START X'62',X'',1", 400);
    put_query(&w, "shop", "DELETE FROM late");
    put_query(&w, "shop", "XA END X'62',X'',1");
    put_prepare("b", false);
    put_transaction(&w, 2, 40, 1);
    setup(
        &f, &w,
        (struct binlog_stream_options){.announced_crc32 = true, .server = "s1", .held_max = 6000});
    assert_int_equal(binlog_stream_seek(f.stream, &f.feed.base, &at, &f.err), RC_OK);
    expect_rows(&f, 40, 1, GTID("2"));
    take_notes(&f, &notes);
    assert_int_equal(notes.count, 1);
    assert_int_equal(notes.values[0].ptr[1], 4 | 8);
    assert_int_equal(binlog_stream_position(f.stream, &at, &f.err), RC_OK);
    teardown(&f);

    put_dump_start();
    put_end(3, "ROLLBACK", 'b');
    setup_wire(&f, &notes, &at);
    for (unsigned i = 0; i < 3; i++)
        expect(&f, CHANGE_UNKNOWN);
    assert_true(slice_equal(f.change.about_table, SLICE("late")));
    expect(&f, CHANGE_COMMIT);
    teardown(&f);
    notes_deinit(&notes);
    position_deinit(&at);
}

static void names_of_tables(void **state)
{
    static const struct slice bad[] = {
        SLICE(""),
        SLICE("12345678\0\0\0"),
        SLICE("12345678\x01\0d\x02\0t"),
        SLICE("12345678\0\0\x01\0t"),
        SLICE("22345678\x01\0d\x01\0t12345678\x01\0d\x01\0u"),
        SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\x01\0d\x01\0t"),
    };
    struct buf names;
    struct xa_name name;
    char text[16];
    (void)state;
    buf_init(&names, XA_NAMES_BYTES_MAX);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (xa_names_are_whole(bad[i]))
            fail_msg("names %zu are taken", i);
    for (unsigned i = 0; i < XA_NAMES_MAX; i++) {
        snprintf(text, sizeof(text), "t%u", i);
        xa_names_add(&names, 7 + 2 * i, SLICE("shop"), slice_str(text));
        xa_names_add(&names, 8 + 2 * i, SLICE("shop"), slice_str(text));
    }
    struct cursor cursor = cursor_of(buf_slice(&names));
    for (unsigned i = 0; i < XA_NAMES_MAX; i++) {
        assert_true(xa_names_next(&cursor, &name));
        assert_int_equal(name.ordinal, 7 + 2 * i);
    }
    assert_false(xa_names_next(&cursor, &name));
    assert_true(xa_names_are_whole(buf_slice(&names)));
    for (unsigned i = 0; i < 2; i++) { /* one more than are kept, and then any is in it already */
        xa_names_add(&names, 1000, SLICE("shop"), SLICE("more"));
        cursor = cursor_of(buf_slice(&names));
        assert_true(xa_names_next(&cursor, &name));
        assert_int_equal(name.ordinal, 7);
        assert_int_equal(name.db.len + name.table.len, 0);
        assert_false(xa_names_next(&cursor, &name));
        assert_true(xa_names_are_whole(buf_slice(&names)));
    }
    buf_reset(&names); /* any table of one database stands for those of it that come behind */
    xa_names_add(&names, 1, SLICE("shop"), SLICE_EMPTY);
    xa_names_add(&names, 2, SLICE("shop"), SLICE("t"));
    xa_names_add(&names, 3, SLICE("other"), SLICE("t"));
    cursor = cursor_of(buf_slice(&names));
    assert_true(xa_names_next(&cursor, &name) && xa_names_next(&cursor, &name));
    assert_int_equal(name.ordinal, 3);
    assert_false(xa_names_next(&cursor, &name));
    buf_deinit(&names);
}

/* What the decoder logged while it read the file to its end. */
static const char *logged(void)
{
    static char text[8192];
    struct fixture f;
    FILE *file = tmpfile();
    assert_non_null(file);
    log_setup(fileno(file), LOG_FORMAT_TEXT, LOG_WARN);
    setup(&f, &w, offline);
    while (next(&f) == RC_OK)
        continue;
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
    log_setup(STDERR_FILENO, LOG_FORMAT_TEXT, LOG_WARN);
    ssize_t len = pread(fileno(file), text, sizeof(text) - 1, 0);
    assert_true(len >= 0);
    text[len] = '\0';
    fclose(file);
    return text;
}

static void the_end_tells_what_is_left(void **state)
{
    (void)state;
    begin_file(&w, true);
    put_prepared(1, 'a', "t", 10, 2);
    put_prepared(2, 'b', "t", 20, 2);
    put_prepared(3, 'c', "t", 20, 2);
    put_prepared(4, 'd', "u", 20, 2);
    put_end(5, "COMMIT", 'b');
    const char *text = logged();
    const char *first = strstr(text, "neither committed nor rolled back");
    assert_non_null(first);
    assert_null(strstr(first + 1, "neither committed nor rolled back")); /* once */
    assert_non_null(strstr(text, "X'61',X'',1"));
    assert_non_null(strstr(text, "X'63',X'',1"));
    assert_null(strstr(text, "X'62'"));
    assert_null(strstr(text, "X'64'"));
    put_end(6, "COMMIT", 'a');
    put_end(7, "ROLLBACK", 'c');
    assert_string_equal(logged(), "");
}

static void names(void **state)
{
    static const char *const bad[] = {
        "",
        "XA COMMIT",
        "XA COMMIT X'6",
        "XA COMMIT X'6'",
        "XA COMMIT X'6g',X'',1",
        "XA COMMIT X'61'",
        "XA COMMIT X'61',",
        "XA COMMIT X'61',X''",
        "XA COMMIT X'61',X'',",
        "XA COMMIT X'61',X'',x",
        "XA COMMIT X'61',X'',4294967296",
    };
    struct xid xid;
    struct buf text;
    (void)state;
    buf_init(&text, 1024);
    assert_true(
        xid_of_statement(SLICE("/* p */ xa commit x'61FF',X'0a',4294967295 ONE PHASE"), &xid));
    xid_text(&xid, &text);
    assert_true(slice_equal(buf_slice(&text), SLICE("X'61ff',X'0a',4294967295")));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(xid_of_statement(slice_str(bad[i]), &xid));
    /* 64 bytes are the most that a part has. */
    char longest[300] = "XA COMMIT X'";
    memset(longest + 12, 'a', 128);
    memcpy(longest + 140, "',X'',1", 8);
    assert_true(xid_of_statement(slice_str(longest), &xid));
    assert_int_equal(xid.global_len, 64);
    memset(longest + 12, 'a', 130);
    memcpy(longest + 142, "',X'',1", 8);
    assert_false(xid_of_statement(slice_str(longest), &xid));
    buf_deinit(&text);
}

/* The same bytes parted in another way are another name. */
static void parts_tell_names_apart(void **state)
{
    struct xa_store store = {0};
    struct xid ab;
    struct xid a_b;
    (void)state;
    assert_true(xid_of_statement(SLICE("XA COMMIT X'6162',X'',1"), &ab));
    assert_true(xid_of_statement(SLICE("XA COMMIT X'61',X'62',1"), &a_b));
    assert_false(xid_equal(&ab, &a_b));
    struct xa_prepared *prepared = xa_prepared_new();
    assert_non_null(prepared);
    prepared->xid = ab;
    xa_store_add(&store, prepared);
    assert_null(xa_store_find(&store, &a_b));
    assert_null(xa_store_take(&store, &a_b));
    assert_ptr_equal(xa_store_find(&store, &ab), prepared);
    xa_store_clear(&store);
    assert_int_equal(store.count, 0);
    assert_null(xa_store_find(&store, &ab));
}

static void a_long_list_is_cut(void **state)
{
    struct xa_store store = {0};
    struct buf text;
    (void)state;
    buf_init(&text, 1024);
    for (unsigned i = 0; i < 3; i++) {
        struct xa_prepared *prepared = xa_prepared_new();
        assert_non_null(prepared);
        prepared->xid = (struct xid){.format = i, .global_len = 1, .data = {'a'}};
        xa_store_add(&store, prepared);
    }
    xa_store_text(&store, 2, &text);
    assert_string_equal(buf_cstr(&text), "X'61',X'',2 X'61',X'',1 and 1 more");
    buf_reset(&text);
    xa_store_text(&store, 3, &text);
    assert_string_equal(buf_cstr(&text), "X'61',X'',2 X'61',X'',1 X'61',X'',0");
    buf_deinit(&text);
    xa_store_clear(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(committed_in_another_order),
        cmocka_unit_test(rolled_back),
        cmocka_unit_test(ordinals_count_every_row),
        cmocka_unit_test(filters_look_at_the_commit),
        cmocka_unit_test(mariadb),
        cmocka_unit_test(kept_over_a_restart),
        cmocka_unit_test(a_restart_among_its_rows),
        cmocka_unit_test(kept_over_a_reconnect),
        cmocka_unit_test(prepared_before_reading_began),
        cmocka_unit_test(bad_notes_are_refused),
        cmocka_unit_test(a_name_twice),
        cmocka_unit_test(names_that_cannot_be_read),
        cmocka_unit_test(a_start_inside),
        cmocka_unit_test(bounded),
        cmocka_unit_test(more_than_is_held),
        cmocka_unit_test(no_room_left),
        cmocka_unit_test(more_than_is_held_in_one_phase),
        cmocka_unit_test(more_than_is_held_with_statements),
        cmocka_unit_test(more_than_is_held_over_restarts),
        cmocka_unit_test(an_unheld_statement_over_a_restart),
        cmocka_unit_test(names_of_tables),
        cmocka_unit_test(the_end_tells_what_is_left),
        cmocka_unit_test(names),
        cmocka_unit_test(parts_tell_names_apart),
        cmocka_unit_test(a_long_list_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
