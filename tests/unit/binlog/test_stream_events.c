/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that few streams have, byte by byte (facts/binlog.md part 2): LOAD DATA in statement format, MariaDB's
 * compressed statements and rows, rows of the first version, the text of a statement beside its rows, and what says
 * which GTIDs came before a file.
 */
#include "stream_fixture.h"

#include "binlog/rows_int.h"

#define MARIADB "10.11.6-MariaDB-log"

static struct writer w;

static void begin_mariadb(void)
{
    w = (struct writer){.crc32 = true, .base = 4};
    put_format(&w, MARIADB);
}

static void expect_row(struct fixture *f, enum change_kind kind, uint32_t id, uint64_t ordinal)
{
    expect(f, kind);
    assert_int_equal(id_of(kind == CHANGE_DELETE ? &f->change.before : &f->change.after), id);
    assert_int_equal(f->change.ordinal, ordinal);
}

static void expect_corrupt(const char *words)
{
    struct fixture f;
    setup_offline(&f, &w);
    enum rc rc = RC_OK;
    while (rc == RC_OK)
        rc = next(&f);
    if (rc != RC_CORRUPT || strstr(f.err.text, words) == NULL)
        fail_msg("'%s' expected, but %s: %s", words, rc_name(rc), f.err.text);
    teardown(&f);
}

static void put_block(uint8_t type, const char *data)
{
    event_begin(&w, type);
    put(&w, 1, 4); /* number of the file */
    put_text(&w, data);
    event_end(&w);
}

/* The head of a QUERY, thirteen bytes of where the file's name stands in the text, and the rest of a QUERY. */
static void put_execute_load(const char *text)
{
    event_begin(&w, EVENT_EXECUTE_LOAD_QUERY);
    put(&w, 1, 4);
    put(&w, 0, 4);
    put(&w, strlen("shop"), 1);
    put(&w, 0, 2);
    put(&w, 5, 2);
    put(&w, 1, 4);
    put(&w, 10, 4);
    put(&w, 24, 4);
    put(&w, 0, 1);
    put(&w, 0, 5);
    put_bytes(&w, "shop", sizeof("shop"));
    put_text(&w, text);
    event_end(&w);
}

/* The rows are in the blocks, as a file that only the server can read: the table's rows are unknown from here on. */
static void load_data_in_statement_format(void **state)
{
    static const char load[] = "LOAD DATA LOCAL INFILE 'x' IGNORE INTO TABLE `t` (`id`, `name`)";
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_gtid(&w, 1);
    put_query(&w, "shop", "BEGIN");
    put_block(EVENT_BEGIN_LOAD_QUERY, "1\tDELETE FROM t\n");
    put_block(EVENT_APPEND_BLOCK, "2\tb\n");
    put_execute_load(load);
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, 5, 1);
    put_xid(&w);
    put_gtid(&w, 2);
    put_query(&w, "shop", "BEGIN");
    put_block(EVENT_BEGIN_LOAD_QUERY, "1\ta\n");
    put_block(EVENT_DELETE_FILE, ""); /* it failed: nothing was loaded */
    put_xid(&w);
    setup_offline(&f, &w);
    expect(&f, CHANGE_UNKNOWN);
    assert_true(slice_equal(f.change.about_table, SLICE("t")));
    assert_true(slice_equal(f.change.ddl, slice_str(load)));
    assert_true(slice_equal(f.change.ddl_db, SLICE("shop")));
    expect_row(&f, CHANGE_INSERT, 5, 1);
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_IDLE);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
}

static void a_load_that_is_cut_off(void **state)
{
    (void)state;
    for (size_t len = 0; len < 13 + 13 + 5 + 5; len++) {
        static struct writer whole;
        begin_file(&w, true);
        put_execute_load("LOAD DATA INFILE 'x' INTO TABLE t");
        whole = w;
        w.len = whole.event_start;
        event_begin(&w, EVENT_EXECUTE_LOAD_QUERY);
        put_bytes(&w, whole.bytes + whole.event_start + EVENT_HEADER_LEN, len);
        event_end(&w);
        expect_corrupt("cut off");
    }
}

/* The record of facts/binlog.md 5.5: its first byte says zlib and how many bytes say the length. */
static void put_record(const void *plain, size_t len)
{
    uint8_t packed[1 << 12];
    uLongf packed_len = sizeof(packed);
    assert_int_equal(compress(packed, &packed_len, plain, (uLong)len), Z_OK);
    put(&w, 0x82, 1);
    put(&w, len >> 8, 1);
    put(&w, len & 0xff, 1);
    put_bytes(&w, packed, packed_len);
}

static void put_compressed_query(const char *text)
{
    event_begin(&w, EVENT_MARIADB_QUERY_COMPRESSED);
    put(&w, 1, 4);
    put(&w, 0, 4);
    put(&w, strlen("shop"), 1);
    put(&w, 0, 2);
    put(&w, 0, 2);
    put_bytes(&w, "shop", sizeof("shop"));
    put_record(text, strlen(text));
    event_end(&w);
}

static void compressed_statements(void **state)
{
    static const char truncate[] =
        "TRUNCATE TABLE t /* a comment that is long enough to be worth it, it, it */";
    struct fixture f;
    (void)state;
    begin_mariadb();
    put_mariadb_gtid(&w, 0, 1, 1);
    put_compressed_query(truncate);
    put_mariadb_gtid(&w, 0, 2, 0);
    put_compressed_query("INSERT INTO t VALUES (1, 'one'), (2, 'one'), (3, 'one')");
    put_xid(&w);
    setup_offline(&f, &w);
    expect(&f, CHANGE_TRUNCATE);
    assert_true(slice_equal(f.change.ddl, slice_str(truncate)));
    assert_true(slice_equal(f.change.about_table, SLICE("t")));
    expect(&f, CHANGE_COMMIT);
    expect(&f, CHANGE_UNKNOWN);
    expect(&f, CHANGE_COMMIT);
    assert_int_equal(next(&f), RC_EOF);
    teardown(&f);
    begin_mariadb();
    put_mariadb_gtid(&w, 0, 1, 1);
    put_compressed_query(truncate);
    size_t len = w.len - w.event_start - EVENT_HEADER_LEN - EVENT_CRC_LEN;
    uint8_t body[1 << 10];
    memcpy(body, w.bytes + w.event_start + EVENT_HEADER_LEN, len);
    w.len = w.event_start;
    event_begin(&w, EVENT_MARIADB_QUERY_COMPRESSED);
    put_bytes(&w, body, len - 1);
    event_end(&w);
    expect_corrupt("does not inflate");
}

/* How rows are written: `first` is the type of inserts, and those of updates and deletes follow it. */
struct manner {
    uint8_t first;
    bool v2;
    bool compressed;
};

/* Compressed is what comes behind the bits of the columns. */
static void put_rows_of(const struct manner *manner, enum rows_kind kind, uint32_t id)
{
    static struct writer rows;
    bool is_update = kind == ROWS_UPDATE;
    event_begin(&w, (uint8_t)(manner->first + (kind - ROWS_INSERT)));
    put(&w, 90, 6);
    put(&w, 1, 2);
    put(&w, 2, manner->v2 ? 2 : 0);
    put(&w, 2, 1);
    put(&w, 0xffff, is_update ? 2 : 1);
    rows = (struct writer){0};
    put_row(&rows, id, "anvil anvil anvil anvil");
    if (is_update)
        put_row(&rows, id + 1, "anvil anvil anvil anvil");
    if (manner->compressed)
        put_record(rows.bytes, rows.len);
    else
        put_bytes(&w, rows.bytes, rows.len);
    event_end(&w);
}

static void expect_three_kinds(struct fixture *f)
{
    expect_row(f, CHANGE_INSERT, 10, 1);
    expect_row(f, CHANGE_UPDATE, 21, 2);
    assert_int_equal(id_of(&f->change.before), 20);
    expect_row(f, CHANGE_DELETE, 30, 3);
    assert_int_equal(f->change.before.cells[1].len, strlen("anvil anvil anvil anvil"));
    expect(f, CHANGE_COMMIT);
}

/* A row of a table that nobody wants is counted before them. */
static void put_three_kinds(const struct manner *manner)
{
    put_table_map(&w, 90, "u", true);
    put_rows_of(manner, ROWS_INSERT, 1);
    put_table_map(&w, 90, "t", true);
    put_rows_of(manner, ROWS_INSERT, 10);
    put_rows_of(manner, ROWS_UPDATE, 20);
    put_rows_of(manner, ROWS_DELETE, 30);
    put_xid(&w);
}

static void compressed_rows(void **state)
{
    static const struct manner manners[] = {
        {EVENT_MARIADB_WRITE_ROWS_COMPRESSED_V1, false, true},
        {EVENT_MARIADB_WRITE_ROWS_COMPRESSED, true, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(manners); i++) {
        struct fixture f;
        begin_mariadb();
        put_mariadb_gtid(&w, 0, 1, 0);
        put_three_kinds(&manners[i]);
        setup_offline(&f, &w);
        expect_three_kinds(&f);
        teardown(&f);
    }
}

/* All of MariaDB, MySQL 5.5, and MySQL to 8.3 where it is told to. */
static void rows_of_the_first_version(void **state)
{
    static const struct manner manner = {EVENT_WRITE_ROWS_V1, false, false};
    static const char *const versions[] = {MARIADB, "5.5.62", "8.0.36"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct fixture f;
        w = (struct writer){.base = 4};
        if (i == 1) { /* it says nothing of checksums */
            event_begin(&w, EVENT_FORMAT_DESCRIPTION);
            put(&w, 4, 2);
            put_text(&w, versions[i]);
            put(&w, 0, 50u - (unsigned)strlen(versions[i]) + 4);
            put(&w, EVENT_HEADER_LEN, 1);
            for (unsigned type = 1; type <= 27; type++)
                put(&w, 8, 1);
            uint32_t len = (uint32_t)(w.len - w.event_start);
            store_u32le(w.bytes + w.event_start + 9, len);
            store_u32le(w.bytes + w.event_start + 13, w.base + len);
        } else {
            put_format(&w, versions[i]);
        }
        put_query(&w, "shop", "BEGIN");
        put_three_kinds(&manner);
        setup_offline(&f, &w);
        expect_three_kinds(&f);
        teardown(&f);
    }
}

/* Clients' text, of any length: of ROWS_QUERY's own length byte 255 is the most. */
static void texts_beside_rows(void **state)
{
    static const uint8_t types[] = {EVENT_ROWS_QUERY, EVENT_MARIADB_ANNOTATE_ROWS};
    char text[400];
    (void)state;
    memset(text, ' ', sizeof(text));
    memcpy(text, "DELETE FROM t", strlen("DELETE FROM t"));
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct fixture f;
        if (types[i] == EVENT_ROWS_QUERY) {
            begin_file(&w, true);
            put_gtid(&w, 1);
            put_query(&w, "shop", "BEGIN");
        } else {
            begin_mariadb();
            put_mariadb_gtid(&w, 0, 1, 0);
        }
        event_begin(&w, types[i]);
        put(&w, sizeof(text) & 0xff, types[i] == EVENT_ROWS_QUERY ? 1 : 0);
        put_bytes(&w, text, sizeof(text));
        event_end(&w);
        put_table_map(&w, 90, "t", true);
        put_insert(&w, 90, 7, 1);
        put_xid(&w);
        setup_offline(&f, &w);
        expect_row(&f, CHANGE_INSERT, 7, 0);
        expect(&f, CHANGE_COMMIT);
        assert_int_equal(next(&f), RC_EOF);
        teardown(&f);
    }
}

static void put_gtid_list(uint32_t count, uint32_t flags, bool fake)
{
    event_begin(&w, EVENT_MARIADB_GTID_LIST);
    put(&w, count | flags, 4);
    for (uint32_t i = 0; i < count; i++) {
        put(&w, 10 - i, 4); /* domains in no order */
        put(&w, 7, 4);
        put(&w, 100 + i, 8);
    }
    put(&w, 0, count == 0 ? 2 : 0);
    if (fake)
        event_end_fake(&w);
    else
        event_end(&w);
}

static void expect_gtids(const char *gtids)
{
    struct fixture f;
    struct position at;
    setup_offline(&f, &w);
    while (next(&f) == RC_OK)
        continue;
    position_init(&at);
    assert_int_equal(binlog_stream_position(f.stream, &at, &f.err), RC_OK);
    if (!slice_equal(buf_slice(&at.gtid_set), slice_str(gtids)))
        fail_msg("'%s' expected, and not '%s'", gtids, buf_cstr(&at.gtid_set));
    position_deinit(&at);
    teardown(&f);
}

/* The last one of each domain. A list that the server makes up after it has looked for our place is not the file's. */
static void gtid_lists(void **state)
{
    enum { UNTIL_REACHED = 0x10000000, IGNORED_GTIDS = 0x20000000 };
    (void)state;
    begin_mariadb();
    put_gtid_list(3, UNTIL_REACHED | IGNORED_GTIDS, false);
    expect_gtids("8-7-102,9-7-101,10-7-100");
    put_mariadb_gtid(&w, 9, 102, 1);
    put_query(&w, "shop", "FLUSH PRIVILEGES");
    put_mariadb_gtid(&w, 11, 1, 1);
    put_query(&w, "shop", "FLUSH PRIVILEGES");
    expect_gtids("8-7-102,9-7-102,10-7-100,11-7-1");
    begin_mariadb();
    put_gtid_list(0, 0, false);
    expect_gtids("");
    put_mariadb_gtid(&w, 0, 5, 1);
    put_query(&w, "shop", "FLUSH PRIVILEGES");
    expect_gtids("0-7-5");
    begin_mariadb();
    put_gtid_list(2, 0, true);
    put_mariadb_gtid(&w, 0, 5, 1);
    put_query(&w, "shop", "FLUSH PRIVILEGES");
    expect_gtids("");
    begin_mariadb();
    event_begin(&w, EVENT_MARIADB_GTID_LIST);
    put(&w, 2, 4);
    put(&w, 0, 16 + 15);
    event_end(&w);
    expect_corrupt("cut off");
}

/* The number of a group commit, XA names and the flags of an ALTER lie behind the flags that announce them, and zeros
 * or what later servers add behind those (facts/binlog.md 4.6). */
static void what_follows_the_flags_of_a_gtid(void **state)
{
    static const struct {
        uint8_t flags;
        const char *behind;
        uint8_t len;
        bool alter_not_done;
    } cases[] = {
        {1 | 32, "\0\0\0\0\0\0", 6, false},
        {1 | 32, "\x02", 1, true},                       /* START ALTER */
        {1 | 32, "\x04\1\0\0\0\0\0\0\0", 9, false},      /* COMMIT ALTER */
        {1 | 32, "\x08\1\0\0\0\0\0\0\0", 9, true},       /* ROLLBACK ALTER */
        {1 | 32, "\x10\x09\0\0\0", 5, false},            /* a thread */
        {1 | 2 | 32, "\2\2\2\2\2\2\2\2\0\0", 10, false}, /* a group commit */
        {1 | 2 | 32, "\0\0\0\0\0\0\0\0\2", 9, true},     /* and START ALTER */
        {1 | 128, "\1\0\0\0\2\2\2\2\2\2", 10, false},    /* an XA name */
        {1 | 2 | 128, "\2\2\2\2\2\2\2\2\1\0\0\0\2\2aabb", 18, false},
        {1 | 32, "\x20\x09\0\0\0 what is still to come", 25, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct event_gtid gtid;
        struct error err;
        w = (struct writer){0};
        event_begin(&w, EVENT_MARIADB_GTID);
        put(&w, 42, 8);
        put(&w, 3, 4);
        put(&w, cases[i].flags, 1);
        put_bytes(&w, cases[i].behind, cases[i].len);
        const struct event event = {
            .header = {.type = EVENT_MARIADB_GTID, .server_id = 7},
            .body = slice_of(w.bytes + EVENT_HEADER_LEN, w.len - EVENT_HEADER_LEN)};
        assert_int_equal(event_gtid_parse(&event, &gtid, &err), RC_OK);
        assert_true(gtid.gtid.number == 42 && gtid.gtid.domain == 3 && gtid.gtid.server == 7);
        if (gtid.alter_not_done != cases[i].alter_not_done || !gtid.standalone)
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_data_in_statement_format),
        cmocka_unit_test(a_load_that_is_cut_off),
        cmocka_unit_test(compressed_statements),
        cmocka_unit_test(compressed_rows),
        cmocka_unit_test(rows_of_the_first_version),
        cmocka_unit_test(texts_beside_rows),
        cmocka_unit_test(gtid_lists),
        cmocka_unit_test(what_follows_the_flags_of_a_gtid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
