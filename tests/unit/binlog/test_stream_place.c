/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the decoder is, told by streams made by hand: files of more than 4 GiB, headers without a place, events that
 * the server leaves out or makes up, files that end without a word, heartbeats (facts/binlog.md 1.4, 3.2, 8.3 to 8.5).
 */
#include "stream_fixture.h"

#include <stdio.h>

#define GTID(number) "11111111-1111-1111-1111-111111111111:" number

static struct writer w;

/* A dump of `file` from its beginning; what comes next lies at `w.base + w.len` in it. */
static void begin_dump(const char *file, const char *version)
{
    w = (struct writer){.crc32 = true};
    put_rotate(&w, file, 4, true);
    w.base = (uint32_t)(4 - w.len);
    put_format(&w, version);
}

/* A dump from inside a file: the server repeats the format description, which then has no place. */
static void begin_dump_inside(const char *file, uint64_t offset, const char *version)
{
    w = (struct writer){.crc32 = true};
    put_rotate(&w, file, offset, true);
    put_format(&w, version);
    event_move(&w, 0);
    w.base = (uint32_t)(offset - w.len);
}

/* Where in the file the next event comes to lie. */
static uint32_t here(void)
{
    return (uint32_t)(w.base + w.len);
}

static void open_dump(struct fixture *f)
{
    setup(f, &w, (struct binlog_stream_options){.announced_crc32 = true, .server = "s1"});
}

static void expect_row(struct fixture *f, uint32_t id)
{
    expect(f, CHANGE_INSERT);
    assert_int_equal(id_of(&f->change.after), id);
}

static void expect_end(struct fixture *f)
{
    enum rc rc = RC_OK;
    do {
        rc = next(f);
        assert_true(rc != RC_OK || f->change.kind == CHANGE_IDLE);
    } while (rc == RC_OK);
    if (rc != RC_AGAIN && rc != RC_EOF)
        fail_msg("%s", f->err.text);
}

/* `gtids`: NULL where none can be known. */
static void expect_place(struct fixture *f, const char *file, uint64_t offset, const char *gtids)
{
    struct position at;
    position_init(&at);
    assert_int_equal(binlog_stream_position(f->stream, &at, &f->err), RC_OK);
    assert_string_equal(at.file, file);
    assert_int_equal(at.offset, offset);
    if (!slice_equal(buf_slice(&at.gtid_set), gtids == NULL ? SLICE_EMPTY : slice_str(gtids)))
        fail_msg("GTIDs %s", buf_cstr(&at.gtid_set));
    position_deinit(&at);
}

static void beyond_4_gib(void **state)
{
    static const uint64_t begin = UINT64_C(0xfffffff0); /* the first event goes over the edge */
    struct fixture f;
    (void)state;
    begin_dump_inside("binlog.000001", begin, "8.0.36");
    size_t start = w.len;
    put_transaction(&w, 1, 10, 2);
    size_t second = w.len;
    put_transaction(&w, 2, 20, 1);
    open_dump(&f);
    expect_row(&f, 10);
    assert_int_equal(f.change.txn->offset, begin);
    assert_true(f.change.event_offset > UINT32_MAX);
    expect_row(&f, 11);
    expect(&f, CHANGE_COMMIT);
    expect_row(&f, 20);
    assert_int_equal(f.change.txn->offset, begin + (second - start));
    expect(&f, CHANGE_COMMIT);
    expect_end(&f);
    expect_place(&f, "binlog.000001", begin + (w.len - start), NULL);
    teardown(&f);
}

/* MariaDB 11.4 and later: what went through the cache has no place, on the wire and in the file (4.6). */
static void put_without_place(void)
{
    put_mariadb_gtid(&w, 0, 1, 0);
    put_table_map(&w, 90, "t", true);
    event_move(&w, 0);
    put_insert(&w, 90, 10, 2);
    event_move(&w, 0);
    put_insert(&w, 90, 12, 1);
    event_move(&w, 0);
    put_xid(&w);
}

static void headers_without_a_place(void **state)
{
    struct fixture f;
    (void)state;
    for (unsigned wire = 0; wire < 2; wire++) {
        if (wire) {
            begin_dump("binlog.000001", "11.8.2-MariaDB-log");
        } else {
            w = (struct writer){.crc32 = true, .base = 4};
            put_format(&w, "11.8.2-MariaDB-log");
        }
        uint64_t begin = here();
        put_without_place();
        if (wire)
            open_dump(&f);
        else
            setup_offline(&f, &w);
        for (uint32_t id = 10; id < 13; id++) {
            expect_row(&f, id);
            assert_int_equal(f.change.txn->offset, begin);
            assert_in_range(f.change.event_offset, begin + 1, here() - 1);
        }
        expect(&f, CHANGE_COMMIT);
        expect_end(&f);
        expect_place(&f, "binlog.000001", here(), NULL);
        teardown(&f);
    }
}

/* What the server does not send lies in the file all the same (MariaDB's annotations; 1.4). */
static void events_that_are_left_out(void **state)
{
    enum { LEFT_OUT = 77 };
    struct fixture f;
    (void)state;
    begin_dump("binlog.000001", "10.11.6-MariaDB-log");
    put_mariadb_gtid(&w, 0, 1, 0);
    w.base += LEFT_OUT;
    put_table_map(&w, 90, "t", true);
    uint64_t rows_at = here();
    put_insert(&w, 90, 10, 1);
    put_xid(&w);
    open_dump(&f);
    expect_row(&f, 10);
    assert_int_equal(f.change.event_offset, rows_at);
    expect(&f, CHANGE_COMMIT);
    expect_end(&f);
    expect_place(&f, "binlog.000001", here(), NULL);
    teardown(&f);
}

/* A file's last event and what the server makes up behind it say the same; one of them may come alone, and either
 * may come again. */
static void the_next_file(void **state)
{
    enum { REAL = 1, FAKE = 2, REAL_TWICE = 4, FAKE_TWICE = 8 };
    static const unsigned ways[] = {REAL | FAKE, FAKE, REAL, REAL | FAKE | FAKE_TWICE,
                                    REAL | REAL_TWICE | FAKE};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct fixture f;
        begin_dump("binlog.000001", "8.0.36");
        put_no_previous_gtids(&w);
        put_transaction(&w, 1, 10, 1);
        for (unsigned way = REAL; way <= FAKE_TWICE; way *= 2)
            if ((ways[i] & way) != 0)
                put_rotate(&w, "binlog.000002", 4, way == FAKE || way == FAKE_TWICE);
        w.base = (uint32_t)(4 - w.len);
        put_format(&w, "8.0.36");
        put_transaction(&w, 2, 20, 1);
        open_dump(&f);
        expect_row(&f, 10);
        expect(&f, CHANGE_COMMIT);
        expect_row(&f, 20);
        assert_true(slice_equal(f.change.txn->file, SLICE("binlog.000002")));
        expect(&f, CHANGE_COMMIT);
        expect_end(&f);
        expect_place(&f, "binlog.000002", here(), GTID("1-2"));
        teardown(&f);
    }
}

/* A server that died inside a transaction undoes it: the next file begins without it. What was not given out is
 * forgotten; behind what was, nobody can go on. */
static void a_file_that_ends_inside_a_transaction(void **state)
{
    (void)state;
    for (unsigned rows = 0; rows < 2; rows++) {
        struct fixture f;
        begin_dump("binlog.000001", "8.0.36");
        put_no_previous_gtids(&w);
        put_gtid(&w, 1);
        put_query(&w, "shop", "BEGIN");
        put_table_map(&w, 90, "t", true);
        if (rows > 0)
            put_insert(&w, 90, 10, 1);
        put_rotate(&w, "binlog.000002", 4, true);
        w.base = (uint32_t)(4 - w.len);
        put_format(&w, "8.0.36");
        put_transaction(&w, 2, 20, 1);
        open_dump(&f);
        if (rows == 0) {
            expect_row(&f, 20);
            expect(&f, CHANGE_COMMIT);
            expect_place(&f, "binlog.000002", here(), GTID("2"));
        } else {
            expect_row(&f, 10);
            assert_int_equal(next(&f), RC_CORRUPT);
            assert_non_null(strstr(f.err.text, "has no end"));
        }
        teardown(&f);
    }
}

/* Where a file began is known by what it says was executed before it. A dump from inside it does not say that, and a
 * set made of what came since would have a hole that is none. */
static void gtids_are_known_from_the_next_file_on(void **state)
{
    struct fixture f;
    (void)state;
    begin_dump_inside("binlog.000001", 500, "8.0.36");
    put_transaction(&w, 8, 10, 1);
    uint64_t end = here();
    put_rotate(&w, "binlog.000002", 4, true);
    w.base = (uint32_t)(4 - w.len);
    put_format(&w, "8.0.36");
    event_begin(&w, EVENT_PREVIOUS_GTIDS);
    put(&w, 1, 8);
    for (unsigned i = 0; i < 16; i++)
        put(&w, 0x11, 1);
    put(&w, 2, 8); /* 1-3 and 7-8: ends are the first that is not in it */
    put(&w, 1, 8);
    put(&w, 4, 8);
    put(&w, 7, 8);
    put(&w, 9, 8);
    event_end(&w);
    put_transaction(&w, 9, 20, 1);
    open_dump(&f);
    expect_row(&f, 10);
    expect(&f, CHANGE_COMMIT);
    expect_place(&f, "binlog.000001", end, NULL);
    expect_row(&f, 20);
    expect(&f, CHANGE_COMMIT);
    expect_place(&f, "binlog.000002", here(), GTID("1-3:7-9"));
    teardown(&f);
}

/* What a checkpoint brought is exact: no file may say it otherwise. */
static void a_set_that_is_known_is_not_seeded(void **state)
{
    struct fixture f;
    struct position from;
    (void)state;
    begin_dump("binlog.000001", "8.0.36");
    put_no_previous_gtids(&w);
    put_transaction(&w, 9, 20, 1);
    open_dump(&f);
    position_init(&from);
    buf_add_str(&from.gtid_set, GTID("1-3:7-8"));
    assert_int_equal(binlog_stream_seek(f.stream, &f.feed.base, &from, &f.err), RC_OK);
    expect_row(&f, 20);
    expect(&f, CHANGE_COMMIT);
    expect_place(&f, "binlog.000001", here(), GTID("1-3:7-9"));
    position_deinit(&from);
    teardown(&f);
}

/* The note of the file in hand, where there is a new one. */
static enum rc take_note(void *ctx, struct slice key, struct slice value, struct error *err)
{
    struct buf *note = ctx;
    (void)err;
    assert_true(slice_equal(key, SLICE(BINLOG_BIRTH_NOTE)));
    buf_add_slice(note, value);
    return RC_OK;
}

static void expect_note(struct fixture *f, const char *expected)
{
    struct buf note;
    buf_init(&note, 1024);
    assert_int_equal(binlog_stream_birth_note(f->stream, take_note, &note, &f->err), RC_OK);
    assert_string_equal(buf_cstr(&note), expected);
    buf_deinit(&note);
}

/* After a RESET MASTER the file of the same name is another one. Where there are no GTIDs, nothing else tells. */
static void a_file_that_was_begun_anew(void **state)
{
    static const struct {
        const char *note;
        const char *gtids;
        enum rc rc;
    } cases[] = {
        {"1700000000 binlog.000001", "", RC_OK},
        {"1699999999 binlog.000001", "", RC_MISMATCH},
        {"1699999999 binlog.000001", GTID("1-3"), RC_OK},
        {"1699999999 binlog.000002", "", RC_OK},
    };
    struct fixture f;
    (void)state;
    begin_dump_inside("binlog.000001", 500, "8.0.36");
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 10, 1);
    put_xid(&w);
    open_dump(&f);
    expect_row(&f, 10);
    expect(&f, CHANGE_COMMIT);
    expect_note(&f, "1700000000 binlog.000001");
    expect_note(&f, ""); /* once is enough */
    teardown(&f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct position from;
        open_dump(&f);
        position_init(&from);
        buf_add_str(&from.gtid_set, cases[i].gtids);
        assert_int_equal(binlog_stream_birth_remember(f.stream, slice_str(cases[i].note), &f.err),
                         RC_OK);
        assert_int_equal(binlog_stream_seek(f.stream, &f.feed.base, &from, &f.err), RC_OK);
        enum rc rc = next(&f);
        if (rc != cases[i].rc || (rc != RC_OK && strstr(f.err.text, "was reset") == NULL))
            fail_msg("%s: %s: %s", cases[i].note, rc_name(rc), f.err.text);
        if (cases[i].gtids[0] != '\0')
            expect_note(&f, ""); /* nobody needs it */
        position_deinit(&from);
        teardown(&f);
    }
}

static void notes_of_files_that_are_none(void **state)
{
    static const char *const notes[] = {"",
                                        "1700000000",
                                        "17x binlog.000001",
                                        " binlog.000001",
                                        "1700000000 ",
                                        "4294967296 binlog.000001"};
    struct fixture f;
    (void)state;
    begin_dump("binlog.000001", "8.0.36");
    open_dump(&f);
    for (size_t i = 0; i < COUNT_OF(notes); i++)
        assert_int_equal(binlog_stream_birth_remember(f.stream, slice_str(notes[i]), &f.err),
                         RC_CORRUPT);
    teardown(&f);
}

enum beat { BEAT_V1, BEAT_V2, BEAT_MARIADB };

static void put_heartbeat(enum beat beat, const char *file, uint64_t offset)
{
    bool is_v2 = beat == BEAT_V2;
    bool large = beat == BEAT_MARIADB && offset > UINT32_MAX;
    event_begin(&w, is_v2 ? EVENT_HEARTBEAT_V2 : EVENT_HEARTBEAT);
    if (is_v2) {
        put(&w, 1, 1);
        put(&w, strlen(file), 1);
        put_text(&w, file);
        put(&w, 9, 1); /* a field of the future */
        put(&w, 2, 1);
        put(&w, 0, 2);
        put(&w, 2, 1);
        put(&w, 9, 1);
        put(&w, 0xfe, 1);
        put(&w, offset, 8);
        put(&w, 0, 1);
    } else {
        put(&w, offset, large ? 8 : 0);
        put_text(&w, file);
    }
    event_end_fake(&w);
    if (!is_v2 && !large)
        event_move(&w, (uint32_t)offset);
}

/* A heartbeat says that nothing came for us up to a place: it moves the offset, never the GTIDs, never backwards, and
 * never inside a transaction. */
static void heartbeats(void **state)
{
    static const struct {
        enum beat beat;
        const char *version;
        const char *file;
        uint64_t offset;
        bool moves;
    } cases[] = {
        {BEAT_V1, "8.0.19", "binlog.000001", 9000, true},
        {BEAT_V1, "8.0.19", "binlog.000001", 20, false},
        {BEAT_V1, "8.0.19", "binlog.000002", 9000, false},
        {BEAT_V1, "10.11.6-MariaDB-log", "binlog.000001", UINT64_C(0xffffff00), true},
        {BEAT_MARIADB, "10.11.6-MariaDB-log", "binlog.000001", UINT64_C(1) << 33, true},
        {BEAT_V2, "8.0.36", "binlog.000001", UINT64_C(1) << 33, true},
        {BEAT_V2, "8.0.36", "binlog.000001", 20, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        begin_dump("binlog.000001", cases[i].version);
        put_no_previous_gtids(&w);
        put_gtid(&w, 1);
        put_query(&w, "shop", "BEGIN");
        put_heartbeat(cases[i].beat, cases[i].file, cases[i].offset);
        w.base -= (uint32_t)(w.len - w.event_start);
        put_table_map(&w, 90, "t", true);
        put_insert(&w, 90, 10, 1);
        put_xid(&w);
        uint64_t end = here();
        put_heartbeat(cases[i].beat, cases[i].file, cases[i].offset);
        open_dump(&f);
        expect_row(&f, 10);
        assert_true(f.change.event_offset < end);
        expect(&f, CHANGE_COMMIT);
        expect_place(&f, "binlog.000001", end, GTID("1"));
        expect_end(&f);
        expect_place(&f, "binlog.000001", cases[i].moves ? cases[i].offset : end, GTID("1"));
        teardown(&f);
    }
}

static void a_heartbeat_that_is_cut_off(void **state)
{
    struct fixture f;
    (void)state;
    begin_dump("binlog.000001", "8.0.36");
    event_begin(&w, EVENT_HEARTBEAT_V2);
    put(&w, 1, 1);
    put(&w, 200, 1);
    put_text(&w, "binlog.000001");
    event_end_fake(&w);
    open_dump(&f);
    assert_int_equal(next(&f), RC_CORRUPT);
    assert_non_null(strstr(f.err.text, "heartbeat"));
    teardown(&f);
}

/* Numbers of tables begin anew with each start of the server, and one map may follow another with the same number. */
static void numbers_of_tables_are_used_again(void **state)
{
    struct fixture f;
    (void)state;
    begin_dump("binlog.000001", "8.0.36");
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 1, 1);
    put_table_map(&w, 90, "v", true);
    put_insert(&w, 90, 2, 1);
    put_xid(&w);
    put_rotate(&w, "binlog.000002", 4, true);
    w.base = (uint32_t)(4 - w.len);
    put_format(&w, "8.0.36");
    put_query(&w, "shop", "BEGIN");
    put_insert(&w, 90, 3, 1); /* of which table, nobody said in this file */
    open_dump(&f);
    expect_row(&f, 1);
    assert_true(slice_equal(f.change.table->name, SLICE("t")));
    expect_row(&f, 2);
    assert_true(slice_equal(f.change.table->name, SLICE("v")));
    expect(&f, CHANGE_COMMIT);
    assert_int_equal(next(&f), RC_CORRUPT);
    assert_non_null(strstr(f.err.text, "table map"));
    teardown(&f);
}

/* Nineteen bytes are a whole event where there are no checksums, and four too few where there are. */
static void an_event_without_a_body(void **state)
{
    (void)state;
    for (unsigned crc = 0; crc < 2; crc++) {
        struct fixture f;
        begin_file(&w, crc == 1);
        w.crc32 = false;
        event_begin(&w, EVENT_STOP);
        event_end(&w);
        w.crc32 = crc == 1;
        put_transaction(&w, 1, 10, 1);
        setup_offline(&f, &w);
        enum rc rc = next(&f);
        assert_int_equal(rc, crc == 0 ? RC_OK : RC_CORRUPT);
        assert_true(crc == 0 || strstr(f.err.text, "too few for its checksum") != NULL);
        teardown(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beyond_4_gib),
        cmocka_unit_test(headers_without_a_place),
        cmocka_unit_test(events_that_are_left_out),
        cmocka_unit_test(the_next_file),
        cmocka_unit_test(a_file_that_ends_inside_a_transaction),
        cmocka_unit_test(gtids_are_known_from_the_next_file_on),
        cmocka_unit_test(a_set_that_is_known_is_not_seeded),
        cmocka_unit_test(a_file_that_was_begun_anew),
        cmocka_unit_test(notes_of_files_that_are_none),
        cmocka_unit_test(heartbeats),
        cmocka_unit_test(a_heartbeat_that_is_cut_off),
        cmocka_unit_test(numbers_of_tables_are_used_again),
        cmocka_unit_test(an_event_without_a_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
