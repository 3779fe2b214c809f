/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder over streams made by hand: transactions, ordinals, positions, resuming, filters, and
 * every way to end with words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <zstd.h>

#include "stream_fixture.h"

static void assert_position(struct fixture *f, const char *expected)
{
    struct position position;
    struct buf buf;
    position_init(&position);
    buf_init(&buf, 4096);
    assert_int_equal(binlog_stream_resume_position(f->stream, &position, &f->err), RC_OK);
    position_describe(&position, &buf);
    assert_string_equal(buf_cstr(&buf), expected);
    position_deinit(&position);
    buf_deinit(&buf);
}

static void test_rows_of_a_transaction(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    size_t start = w.base + w.len;
    put_transaction(&w, 1, 10, 3);
    setup_offline(&f, &w);
    for (unsigned i = 0; i < 3; i++) {
        expect(&f, CHANGE_INSERT);
        assert_int_equal(id_of(&f.change.after), 10 + i);
        assert_false(row_exists(&f.change.before));
        assert_int_equal(f.change.ordinal, i);
        assert_int_equal(f.change.after.cells[1].state, i == 1 ? CELL_NULL : CELL_VALUE);
        assert_int_equal(f.change.txn->offset, start);
        assert_int_equal(f.change.txn->commit_time_us, 1700000000123456);
        assert_true(
            slice_equal(f.change.txn->gtid, SLICE("11111111-1111-1111-1111-111111111111:1")));
        assert_true(slice_equal(f.change.txn->file, SLICE("binlog.000001")));
    }
    const struct table *table = f.change.table;
    assert_true(table->has_names && table->key_count == 1 && table->key[0] == 0);
    assert_true(slice_equal(table->columns[1].name, SLICE("name")));
    assert_int_equal(table->columns[0].kind, COLUMN_INT);
    expect(&f, CHANGE_COMMIT);
    assert_int_equal(next(&f), RC_EOF);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

static void test_position_moves_only_at_the_commit(void **state)
{
    static struct writer w;
    struct fixture f;
    char expected[128];
    (void)state;
    begin_file(&w, true);
    size_t start = w.base + w.len;
    put_transaction(&w, 1, 10, 2);
    setup_offline(&f, &w);
    expect(&f, CHANGE_INSERT);
    snprintf(expected, sizeof(expected), "binlog.000001:%zu, 1 rows into the next transaction",
             start);
    assert_position(&f, expected);
    expect(&f, CHANGE_INSERT);
    expect(&f, CHANGE_COMMIT);
    snprintf(expected, sizeof(expected),
             "binlog.000001:%zu, GTID 11111111-1111-1111-1111-111111111111:1", w.base + w.len);
    assert_position(&f, expected);
    teardown(&f);
}

/* Ordinals count the rows of unwanted tables too. */
static void test_unwanted_rows_are_counted(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_gtid(&w, 1);
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 91, "u", true);
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 91, 1, 5);
    put_insert(&w, 90, 7, 1);
    put_insert(&w, 0xffffff, 1, 0); /* the dummy event says nothing */
    put_xid(&w);
    setup_offline(&f, &w);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(id_of(&f.change.after), 7);
    assert_int_equal(f.change.ordinal, 5);
    expect(&f, CHANGE_COMMIT);
    teardown(&f);
}

/* A server that has opened tables 16,777,215 times gives the next one the number of the dummy event. */
static void test_the_number_of_the_dummy_event_is_a_number(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 0xffffff, "t", true);
    put_insert(&w, 0xffffff, 7, 1);
    put_xid(&w);
    setup_offline(&f, &w);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(id_of(&f.change.after), 7);
    expect(&f, CHANGE_COMMIT);
    teardown(&f);
}

static void test_update_and_delete_images(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, false);
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 90, "t", false);
    put_rows_head(&w, EVENT_UPDATE_ROWS, 90);
    put_row(&w, 1, "old");
    put_row(&w, 2, "new");
    event_end(&w);
    put_rows_head(&w, EVENT_DELETE_ROWS, 90);
    put_row(&w, 2, "new");
    event_end(&w);
    put_query(&w, "shop", "COMMIT");
    setup_offline(&f, &w);
    expect(&f, CHANGE_UPDATE);
    assert_int_equal(id_of(&f.change.before), 1);
    assert_int_equal(id_of(&f.change.after), 2);
    assert_false(f.change.table->has_names);
    assert_true(slice_equal(f.change.table->columns[0].name, SLICE("@1")));
    assert_int_equal(f.change.txn->gtid.len, 0);
    assert_int_equal(f.change.txn->commit_time_us, UINT64_C(1700000000) * 1000000);
    expect(&f, CHANGE_DELETE);
    assert_int_equal(id_of(&f.change.before), 2);
    assert_false(row_exists(&f.change.after));
    expect(&f, CHANGE_COMMIT);
    teardown(&f);
}

static void test_same_map_same_table_and_ddl_alone_changes_nothing(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_transaction(&w, 1, 1, 1);
    put_gtid(&w, 2);
    put_query(&w, "shop", "ALTER TABLE t ENGINE=InnoDB");
    put_transaction(&w, 3, 2, 1);
    setup_offline(&f, &w);
    expect(&f, CHANGE_INSERT);
    const struct table *table = f.change.table;
    assert_int_equal(table->version, 1);
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_SCHEMA);
    assert_ptr_equal(f.change.table, table);
    assert_true(slice_equal(f.change.ddl, SLICE("ALTER TABLE t ENGINE=InnoDB")));
    assert_true(slice_equal(f.change.ddl_db, SLICE("shop")));
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_INSERT);
    assert_ptr_equal(f.change.table, table);
    teardown(&f);
}

/* CREATE TABLE ... SELECT is a statement and rows in one transaction: each is a change of its own. */
static void test_a_statement_before_rows_has_its_ordinal(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_gtid(&w, 1);
    put_query(&w, "", "BEGIN");
    put_query(&w, "", "CREATE TABLE shop.t (id INT)");
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 1, 2);
    put_xid(&w);
    setup_offline(&f, &w);
    expect(&f, CHANGE_SCHEMA);
    assert_int_equal(f.change.ordinal, 0);
    assert_true(slice_equal(f.change.ddl_db, SLICE("shop"))); /* there is no default database */
    expect(&f, CHANGE_INSERT);
    assert_int_equal(f.change.ordinal, 1);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(f.change.ordinal, 2);
    expect(&f, CHANGE_COMMIT);
    teardown(&f);
}

static void test_new_shape_new_version(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 90, "t", false);
    put_insert(&w, 90, 1, 1);
    put_table_map(&w, 91, "t", true);
    put_insert(&w, 91, 2, 1);
    put_xid(&w);
    setup_offline(&f, &w);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(f.change.table->version, 1);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(f.change.table->version, 2);
    assert_true(f.change.table->has_names);
    teardown(&f);
}

static void test_truncate_and_other_statements(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_transaction(&w, 1, 1, 1);
    put_gtid(&w, 2);
    put_query(&w, "other", "TRUNCATE TABLE shop.t");
    put_gtid(&w, 3);
    put_query(&w, "other", "TRUNCATE shop.never_seen");
    put_gtid(&w, 4);
    put_query(&w, "shop", "CREATE TABLE u (a INT)");
    put_gtid(&w, 5);
    put_query(&w, "shop", "INSERT INTO u VALUES (1)");
    setup_offline(&f, &w);
    expect(&f, CHANGE_INSERT);
    const struct table *table = f.change.table;
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_TRUNCATE);
    assert_ptr_equal(f.change.table, table);
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_TRUNCATE); /* nothing is known of it but the statement's names */
    assert_null(f.change.table);
    assert_true(slice_equal(f.change.about_db, SLICE("shop")));
    assert_true(slice_equal(f.change.about_table, SLICE("never_seen")));
    assert_true(slice_equal(f.change.ddl_db, SLICE("other")));
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_IDLE); /* the unwanted ones moved the position, and are told once */
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

static void expect_failure(void (*fill)(struct writer *w), enum rc rc, const char *words)
{
    static struct writer w;
    struct fixture f;
    begin_file(&w, true);
    fill(&w);
    setup_offline(&f, &w);
    enum rc got = RC_OK;
    while (got == RC_OK)
        got = next(&f);
    if (got != rc || strstr(f.err.text, words) == NULL)
        fail_msg("%s with '%s' expected, but %s: %s", rc_name(rc), words, rc_name(got), f.err.text);
    assert_non_null(strstr(f.err.text, "binlog.000001:"));
    assert_int_equal(next(&f), rc); /* a failure stays */
    teardown(&f);
}

static void fill_rows_without_map(struct writer *w)
{
    put_query(w, "shop", "BEGIN");
    put_insert(w, 90, 1, 1);
}

/* With rows in it, it is no dummy. */
static void fill_rows_without_map_of_the_dummy(struct writer *w)
{
    put_query(w, "shop", "BEGIN");
    put_insert(w, 0xffffff, 1, 1);
}

static void fill_overshoot(struct writer *w)
{
    put_query(w, "shop", "BEGIN");
    put_table_map(w, 90, "t", true);
    put_rows_head(w, EVENT_WRITE_ROWS, 90);
    put(w, 0, 1);
    put(w, 1, 4);
    put(w, 200, 1);
    event_end(w);
}

static void fill_incident(struct writer *w)
{
    event_begin(w, EVENT_INCIDENT);
    put(w, 1, 2);
    put(w, 4, 1);
    put_text(w, "lost");
    event_end(w);
}

static void fill_unknown_type(struct writer *w)
{
    event_begin(w, 99);
    event_end(w);
}

static void fill_encryption(struct writer *w)
{
    event_begin(w, EVENT_MARIADB_START_ENCRYPTION);
    put(w, 1, 17);
    event_end(w);
}

static void fill_nested(struct writer *w)
{
    put_gtid(w, 1);
    put_query(w, "shop", "BEGIN");
    put_gtid(w, 2);
}

static void fill_unknown_compression(struct writer *w)
{
    put_gtid(w, 1);
    event_begin(w, EVENT_TRANSACTION_PAYLOAD);
    put(w, 2, 1);
    put(w, 1, 1);
    put(w, 9, 1);
    put(w, 0, 1);
    event_end(w);
}

static void put_xa(struct writer *w, const char *table, bool one_phase)
{
    put_gtid(w, 1);
    put_query(w, "shop", "XA START X'61',X'',1");
    put_table_map(w, 90, table, true);
    put_insert(w, 90, 1, 2);
    put_query(w, "shop", "XA END X'61',X'',1");
    event_begin(w, EVENT_XA_PREPARE);
    put(w, one_phase ? 1 : 0, 1);
    put(w, 1, 12);
    event_end(w);
}

static void test_failures_have_words(void **state)
{
    (void)state;
    expect_failure(fill_rows_without_map, RC_CORRUPT, "table map");
    expect_failure(fill_rows_without_map_of_the_dummy, RC_CORRUPT, "table map");
    expect_failure(fill_overshoot, RC_CORRUPT, "over the end");
    expect_failure(fill_incident, RC_CORRUPT, "lost events");
    expect_failure(fill_unknown_type, RC_UNSUPPORTED, "99");
    expect_failure(fill_encryption, RC_UNSUPPORTED, "encrypted");
    expect_failure(fill_nested, RC_CORRUPT, "inside another one");
    expect_failure(fill_unknown_compression, RC_UNSUPPORTED, "method 9");
}

static void test_xa(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_xa(&w, "u", false); /* no captured table: of no concern */
    put_gtid(&w, 2);
    put_query(&w, "shop", "XA COMMIT X'61',X'',1");
    put_xa(&w, "t", true);
    setup_offline(&f, &w);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(id_of(&f.change.after), 1);
    assert_int_equal(f.change.ordinal, 0);
    expect(&f, CHANGE_INSERT);
    expect(&f, CHANGE_COMMIT);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

static void test_gtid_filters(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    for (unsigned i = 1; i <= 4; i++)
        put_transaction(&w, i, i, 1);
    setup(&f, &w,
          (struct binlog_stream_options){.offline = true,
                                         .start_gtids = "11111111-1111-1111-1111-111111111111:1",
                                         .include_gtids =
                                             "11111111-1111-1111-1111-111111111111:1-3"});
    for (unsigned i = 2; i <= 3; i++) {
        expect(&f, CHANGE_INSERT);
        assert_int_equal(id_of(&f.change.after), i);
        expect(&f, CHANGE_COMMIT);
    }
    expect(&f, CHANGE_IDLE);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

/* A compressed transaction, its events stored without compression (method 255). */
static void test_payload(void **state)
{
    static struct writer w;
    static struct writer inner;
    struct fixture f;
    char place[128];
    (void)state;
    inner = (struct writer){0};
    put_query(&inner, "shop", "BEGIN");
    put_table_map(&inner, 90, "t", true);
    put_insert(&inner, 90, 1, 2);
    put_xid(&inner);
    begin_file(&w, true);
    size_t start = w.base + w.len;
    put_gtid(&w, 1);
    size_t outer = w.base + w.len;
    event_begin(&w, EVENT_TRANSACTION_PAYLOAD);
    put(&w, 2, 1);
    put(&w, 3, 1);
    put(&w, 0x00fffc, 3); /* 255 */
    put(&w, 0, 1);
    put_bytes(&w, inner.bytes, inner.len);
    event_end(&w);
    setup_offline(&f, &w);
    for (unsigned i = 0; i < 2; i++) {
        expect(&f, CHANGE_INSERT);
        assert_int_equal(id_of(&f.change.after), i + 1);
        assert_int_equal(f.change.event_offset, outer);
        snprintf(place, sizeof(place), "binlog.000001:%zu, %u rows into the next transaction",
                 start, i + 1);
        assert_position(&f, place); /* the BEGIN and the rows inside have no place of their own */
    }
    expect(&f, CHANGE_COMMIT);
    snprintf(place, sizeof(place), "binlog.000001:%zu, GTID %s", w.base + w.len,
             "11111111-1111-1111-1111-111111111111:1");
    assert_position(&f, place);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

/* A zstd payload that inflates to more than the window begins with, whole and cut off inside. */
static void test_zstd_payload(void **state)
{
    enum { EVENTS = 40, ROWS = 1000 };
    static struct writer w;
    static struct writer part;
    static uint8_t plain[1 << 20];
    static uint8_t packed[1 << 17];
    size_t len = 0;
    (void)state;
    part = (struct writer){0};
    put_query(&part, "shop", "BEGIN");
    put_table_map(&part, 90, "t", true);
    memcpy(plain, part.bytes, part.len);
    len = part.len;
    for (unsigned i = 0; i <= EVENTS; i++) {
        part = (struct writer){0};
        if (i < EVENTS)
            put_insert(&part, 90, i * ROWS, ROWS);
        else
            put_xid(&part);
        memcpy(plain + len, part.bytes, part.len);
        len += part.len;
    }
    size_t packed_len = ZSTD_compress(packed, sizeof(packed), plain, len, 3);
    assert_false(ZSTD_isError(packed_len));
    for (size_t cut = 0; cut <= 1; cut++) {
        struct fixture f;
        begin_file(&w, true);
        put_gtid(&w, 1);
        event_begin(&w, EVENT_TRANSACTION_PAYLOAD);
        put(&w, 2, 1);
        put(&w, 1, 1);
        put(&w, 0, 1);
        put(&w, 0, 1);
        put_bytes(&w, packed, packed_len - cut);
        event_end(&w);
        setup_offline(&f, &w);
        uint64_t rows = 0;
        enum rc rc = RC_OK;
        while ((rc = next(&f)) == RC_OK) {
            if (f.change.kind != CHANGE_INSERT)
                continue;
            assert_int_equal(f.change.ordinal, rows);
            assert_int_equal(id_of(&f.change.after), rows);
            rows++;
        }
        assert_int_equal(rc, cut == 0 ? RC_EOF : RC_CORRUPT);
        assert_true(cut == 1 || rows == EVENTS * ROWS);
        teardown(&f);
    }
}

static void test_wire_and_resume_inside_a_transaction(void **state)
{
    static struct writer w;
    struct fixture f;
    struct position position;
    (void)state;
    w = (struct writer){.crc32 = true};
    put_rotate(&w, "binlog.000007", 4, true);
    w.base = (uint32_t)(4 - w.len); /* file offsets begin behind the fake event */
    put_format(&w, "8.0.36");
    put_no_previous_gtids(&w);
    put_gtid(&w, 1);
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 90, "t", true);
    uint32_t insert_offset = (uint32_t)(w.base + w.len);
    put_insert(&w, 90, 10, 3);
    put_xid(&w);
    put_transaction(&w, 2, 20, 1);
    setup(&f, &w, (struct binlog_stream_options){.announced_crc32 = true, .server = "s1"});
    expect(&f, CHANGE_INSERT);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(f.change.event_offset, insert_offset);
    position_init(&position);
    assert_int_equal(binlog_stream_resume_position(f.stream, &position, &f.err), RC_OK);
    assert_int_equal(position.rows_done, 2);
    assert_string_equal(position.file, "binlog.000007");
    assert_string_equal(position.server, "s1");
    f.feed.at = 0;
    assert_int_equal(binlog_stream_seek(f.stream, &f.feed.base, &position, &f.err), RC_OK);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(id_of(&f.change.after), 12);
    assert_int_equal(f.change.ordinal, 2);
    expect(&f, CHANGE_COMMIT);
    position.rows_done = 0;
    assert_true(binlog_stream_reached(f.stream, &position));
    assert_int_equal(binlog_stream_position(f.stream, &position, &f.err), RC_OK);
    assert_true(binlog_stream_reached(f.stream, &position));
    position.offset++; /* another server's offset, perhaps: GTIDs decide where there are any */
    assert_true(binlog_stream_reached(f.stream, &position));
    buf_reset(&position.gtid_set);
    assert_false(binlog_stream_reached(f.stream, &position));
    expect(&f, CHANGE_INSERT);
    expect(&f, CHANGE_COMMIT);
    assert_true(binlog_stream_reached(f.stream, &position));
    assert_int_equal(next(&f), RC_AGAIN);
    position_deinit(&position);
    teardown(&f);
}

/* Seen at MySQL 5.6 with binlog_checksum=NONE: the description that begins a dump inside a file was
 * changed and its checksum was not. Where checksums are in use, and in files, it must be right. */
static void test_a_repeated_format_without_a_fresh_checksum(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        static struct writer w;
        struct fixture f;
        bool crc32_used = i == 1;
        w = (struct writer){.crc32 = crc32_used};
        put_rotate(&w, "binlog.000007", 4, true);
        size_t format_at = w.len;
        put_format(&w, "5.6.24");
        store_u32le(w.bytes + format_at + 13, 0); /* log_pos, behind the checksum's back */
        put_transaction(&w, 2, 20, 1);
        setup(&f, &w,
              (struct binlog_stream_options){
                  .announced_crc32 = crc32_used, .server = "s1", .offline = i == 2});
        assert_int_equal(next(&f), i == 0 ? RC_OK : RC_CORRUPT);
        teardown(&f);
    }
}

/* rows_done counts as ordinals do: the rows of tables that nobody wants are in it, so that it means
 * the same when the list of tables is another. */
static void test_resume_behind_rows_of_unwanted_tables(void **state)
{
    static struct writer w;
    struct fixture f;
    struct position position;
    (void)state;
    begin_file(&w, true);
    put_gtid(&w, 1);
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 91, "u", true);
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 91, 1, 5);
    put_insert(&w, 90, 7, 3);
    put_xid(&w);
    setup_offline(&f, &w);
    expect(&f, CHANGE_INSERT);
    position_init(&position);
    assert_int_equal(binlog_stream_resume_position(f.stream, &position, &f.err), RC_OK);
    assert_int_equal(position.rows_done, 6);
    f.feed.at = 0;
    assert_int_equal(binlog_stream_seek(f.stream, &f.feed.base, &position, &f.err), RC_OK);
    expect(&f, CHANGE_INSERT);
    assert_int_equal(id_of(&f.change.after), 8);
    assert_int_equal(f.change.ordinal, 6);
    position_deinit(&position);
    teardown(&f);
}

/* A resume that promises more rows than the transaction has is another stream. */
static void test_resume_into_another_stream_is_refused(void **state)
{
    static struct writer w;
    struct fixture f;
    struct position position;
    (void)state;
    begin_file(&w, true);
    put_transaction(&w, 1, 10, 3);
    setup_offline(&f, &w);
    position_init(&position);
    position.rows_done = 4;
    assert_int_equal(binlog_stream_seek(f.stream, &f.feed.base, &position, &f.err), RC_OK);
    assert_int_equal(next(&f), RC_MISMATCH);
    position_deinit(&position);
    teardown(&f);
}

/* Cut at every byte, and every byte damaged: an end with words or the rows before, never more. */
static void test_every_truncation(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_transaction(&w, 1, 10, 2);
    for (size_t limit = 1; limit < w.len; limit++) {
        setup_offline(&f, &w);
        f.feed.limit = limit;
        unsigned rows = 0;
        enum rc rc = RC_OK;
        bool boundary = false;
        for (size_t at = 0; at < limit; at += load_u32le(w.bytes + at + 9))
            boundary = at + load_u32le(w.bytes + at + 9) == limit;
        while ((rc = next(&f)) == RC_OK)
            rows += f.change.kind == CHANGE_INSERT;
        assert_int_equal(rc, boundary ? RC_EOF : RC_CORRUPT);
        assert_true(rows <= 2);
        teardown(&f);
    }
}

static void test_every_flipped_byte_without_checksums(void **state)
{
    static struct writer w;
    static struct writer damaged;
    struct fixture f;
    (void)state;
    begin_file(&w, false);
    put_transaction(&w, 1, 10, 2);
    for (size_t at = 0; at < w.len; at++) {
        damaged = w;
        damaged.bytes[at] ^= 0xff;
        setup_offline(&f, &damaged);
        unsigned steps = 0;
        while (next(&f) == RC_OK && steps < 1000)
            steps++;
        assert_true(steps < 1000);
        teardown(&f);
    }
}

static void test_flipped_bytes_with_checksums_are_found(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    size_t start = w.len;
    put_transaction(&w, 1, 10, 2);
    for (size_t at = start + EVENT_HEADER_LEN; at < start + EVENT_HEADER_LEN + 20; at++) {
        w.bytes[at] ^= 1;
        setup_offline(&f, &w);
        assert_int_equal(next(&f), RC_CORRUPT);
        assert_non_null(strstr(f.err.text, "checksum"));
        assert_non_null(strstr(f.err.text, "GTID"));
        teardown(&f);
        w.bytes[at] ^= 1;
    }
}

/* A capture of a server's answer to a dump command, its packets' heads taken off. */
static void load_capture(const char *name, struct writer *w)
{
    static uint8_t bytes[sizeof(w->bytes)];
    char path[256];
    snprintf(path, sizeof(path), TEST_GENERATED_DIR "/%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    assert_int_equal(fclose(file), 0);
    *w = (struct writer){0};
    for (size_t at = 0; at + 5 < len;) {
        size_t packet = load_u24le(bytes + at);
        assert_true(packet <= len - at - 4);
        if (bytes[at + 4] == 0)
            put_bytes(w, bytes + at + 5, packet - 1);
        at += 4 + packet;
    }
}

/* Checksums that change from file to file, as two clients saw them (facts/binlog.md 8.3), and what
 * becomes of the position on the way. */
static void test_captures_of_servers(void **state)
{
    static const struct {
        const char *file;
        bool announced_crc32;
        const char *end; /* file and offset */
    } cases[] = {
        {"mariadb-10.0.38/wire/dump_alg_switch_crc_none_crc__client_crc32.bin", true,
         "binlog.000004"},
        {"mariadb-10.0.38/wire/dump_alg_switch_crc_none_crc__client_none.bin", false,
         "binlog.000004"},
        {"mariadb-10.0.38/wire/gtid_connect_0_1_2.bin", true, "binlog.000002"},
        {"mariadb-10.0.38/wire/dump_heartbeat.bin", true, "binlog.000002"},
    };
    static struct writer w;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct position position;
        load_capture(cases[i].file, &w);
        setup(&f, &w,
              (struct binlog_stream_options){.announced_crc32 = cases[i].announced_crc32,
                                             .server = "s1"});
        enum rc rc = RC_OK;
        while ((rc = next(&f)) == RC_OK)
            continue;
        if (rc != RC_AGAIN)
            fail_msg("%s: %s", cases[i].file, f.err.text);
        position_init(&position);
        assert_int_equal(binlog_stream_position(f.stream, &position, &f.err), RC_OK);
        assert_string_equal(position.file, cases[i].end);
        assert_true(position.gtid_set.len > 0);
        position_deinit(&position);
        teardown(&f);
    }
}

static void test_first_event_must_be_a_format(void **state)
{
    static struct writer w;
    struct fixture f;
    (void)state;
    w = (struct writer){.base = 4};
    put_query(&w, "shop", "BEGIN");
    setup_offline(&f, &w);
    assert_int_equal(next(&f), RC_CORRUPT);
    assert_non_null(strstr(f.err.text, "format description"));
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_a_transaction),
        cmocka_unit_test(test_position_moves_only_at_the_commit),
        cmocka_unit_test(test_unwanted_rows_are_counted),
        cmocka_unit_test(test_the_number_of_the_dummy_event_is_a_number),
        cmocka_unit_test(test_update_and_delete_images),
        cmocka_unit_test(test_same_map_same_table_and_ddl_alone_changes_nothing),
        cmocka_unit_test(test_a_statement_before_rows_has_its_ordinal),
        cmocka_unit_test(test_new_shape_new_version),
        cmocka_unit_test(test_truncate_and_other_statements),
        cmocka_unit_test(test_failures_have_words),
        cmocka_unit_test(test_xa),
        cmocka_unit_test(test_gtid_filters),
        cmocka_unit_test(test_payload),
        cmocka_unit_test(test_zstd_payload),
        cmocka_unit_test(test_wire_and_resume_inside_a_transaction),
        cmocka_unit_test(test_a_repeated_format_without_a_fresh_checksum),
        cmocka_unit_test(test_resume_behind_rows_of_unwanted_tables),
        cmocka_unit_test(test_resume_into_another_stream_is_refused),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_flipped_byte_without_checksums),
        cmocka_unit_test(test_flipped_bytes_with_checksums_are_found),
        cmocka_unit_test(test_captures_of_servers),
        cmocka_unit_test(test_first_event_must_be_a_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
