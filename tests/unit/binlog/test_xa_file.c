/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of XA transactions that wait in files. Whatever happens between XA PREPARE and XA COMMIT - crashes at
 * each place, files that are cut, damaged, gone, a full disk - the rows that come are those of the transaction,
 * each once and in order, or its tables are told.
 */
#include "xa_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Small blocks, so that a few rows events go to a file. */
enum { HELD_MAX = 1000, ROWS = 40, EVENTS = 6 };

static char state_dir[64];

static int make_state(void **state)
{
    (void)state;
    snprintf(state_dir, sizeof(state_dir), "/tmp/millrace-xa-test-XXXXXX");
    return mkdtemp(state_dir) == NULL;
}

/* The only file there, and how many there are. */
static unsigned files(char name[400])
{
    char dir[80];
    snprintf(dir, sizeof(dir), "%s/xa", state_dir);
    DIR *names = opendir(dir);
    unsigned count = 0;
    if (names == NULL)
        return 0;
    for (const struct dirent *entry; (entry = readdir(names)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        if (name != NULL)
            snprintf(name, 400, "%s/%s", dir, entry->d_name);
    }
    closedir(names);
    return count;
}

static int remove_state(void **state)
{
    char path[400];
    (void)state;
    while (files(path) > 0)
        assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/xa", state_dir);
    if (rmdir(path) != 0)
        assert_int_equal(errno, ENOENT);
    return rmdir(state_dir);
}

static uint64_t bytes_max = UINT64_MAX;

/* A life: from a position on, with the notes that belong to it. */
static void live(struct fixture *f, struct notes *notes, const struct position *at)
{
    setup(f, &w,
          (struct binlog_stream_options){.announced_crc32 = true,
                                         .server = "s1",
                                         .held_max = HELD_MAX,
                                         .xa_dir = state_dir,
                                         .xa_bytes_max = bytes_max});
    for (unsigned i = 0; i < notes->count; i++)
        assert_int_equal(binlog_stream_xa_remember(f->stream, buf_slice(&notes->keys[i]),
                                                   buf_slice(&notes->values[i]), &f->err),
                         RC_OK);
    binlog_stream_xa_begin(f->stream);
    assert_int_equal(binlog_stream_seek(f->stream, &f->feed.base, at, &f->err), RC_OK);
}

/* Rows 0 .. of t in several events, with a table that is not captured among them. */
static void put_large(uint64_t gtid, char letter)
{
    const char global[] = {letter, '\0'};
    char sql[40];
    put_gtid(&w, gtid);
    snprintf(sql, sizeof(sql), "XA START X'%02x',X'',1", (unsigned)letter);
    put_query(&w, "shop", sql);
    for (unsigned i = 0; i < EVENTS; i++) {
        put_table_map(&w, 90, "t", true);
        put_insert(&w, 90, i * ROWS, ROWS);
    }
    put_table_map(&w, 91, "v", true);
    put_insert(&w, 91, EVENTS * ROWS, 1);
    snprintf(sql, sizeof(sql), "XA END X'%02x',X'',1", (unsigned)letter);
    put_query(&w, "shop", sql);
    put_prepare(global, false);
}

enum { LARGE_ROWS = EVENTS * ROWS + 1 };

/* The stream goes on where a position says, with what a server sends first. */
static void put_dump_from(const struct position *at)
{
    put_dump_start();
    w.base = (uint32_t)(at->offset - w.len);
}

static void begin_anew(struct position *at)
{
    position_deinit(at);
    position_init(at);
}

/* Prepared, and a transaction behind it; the notes and the position are durable. */
static void prepare_large(struct notes *notes, struct position *at)
{
    struct fixture f;
    begin_file(&w, true);
    put_large(1, 'a');
    put_transaction(&w, 2, 7000, 1);
    live(&f, notes, at);
    expect_rows(&f, 7000, 1, GTID("2"));
    take_notes(&f, notes);
    assert_int_equal(notes->count, 1);
    assert_int_equal(notes->values[0].ptr[1], 16);
    assert_true(notes->values[0].len < 200);
    assert_int_equal(binlog_stream_position(f.stream, at, &f.err), RC_OK);
    teardown(&f);
    assert_int_equal(files(NULL), 1);
}

static void given_in_one_life(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    begin_file(&w, true);
    put_large(1, 'a');
    put_large(2, 'b');
    put_prepared(3, 'c', "t", 5000, 2);
    put_transaction(&w, 4, 7000, 1);
    put_end(5, "COMMIT", 'b');
    put_end(6, "ROLLBACK", 'a');
    put_end(7, "COMMIT", 'c');
    put_transaction(&w, 8, 7001, 1);
    live(&f, &notes, &at);
    expect_rows(&f, 7000, 1, GTID("4"));
    take_notes(&f, &notes);
    assert_int_equal(notes.count, 3);
    assert_int_equal(files(NULL), 3); /* the small one finds no room in memory beside the names */
    expect_rows(&f, 0, LARGE_ROWS, GTID("5"));
    expect_rows(&f, 5000, 2, GTID("7"));
    expect_rows(&f, 7001, 1, GTID("8"));
    take_notes(&f, &notes);
    assert_int_equal(notes.count, 0);
    assert_int_equal(files(NULL), 3); /* a start from before may need them */
    binlog_stream_xa_settled(f.stream, &at);
    assert_int_equal(files(NULL), 3);
    assert_int_equal(binlog_stream_position(f.stream, &at, &f.err), RC_OK);
    binlog_stream_xa_settled(f.stream, &at);
    assert_int_equal(files(NULL), 0);
    teardown(&f);
    position_deinit(&at);
}

/* Prepared and ended between two questions for notes: no start needs the files. */
static void gone_before_they_were_noted(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    begin_file(&w, true);
    put_large(1, 'a');
    put_end(2, "COMMIT", 'a');
    put_large(3, 'a');
    put_end(4, "ROLLBACK", 'a');
    live(&f, &notes, &at);
    expect_rows(&f, 0, LARGE_ROWS, GTID("2"));
    expect(&f, CHANGE_IDLE);
    assert_int_equal(files(NULL), 0);
    take_notes(&f, &notes);
    assert_int_equal(notes.count + notes.forgotten, 0);
    teardown(&f);
    position_deinit(&at);
}

/* A crash behind the XA COMMIT whose position is not durable, again and again, and at every row of it. */
static void over_crashes(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    prepare_large(&notes, &at);
    for (unsigned done = 0; done <= LARGE_ROWS; done += done < 3 ? 1 : 37) {
        put_dump_from(&at);
        put_end(3, "COMMIT", 'a');
        at.rows_done = done;
        live(&f, &notes, &at);
        for (unsigned i = done; i < LARGE_ROWS; i++) {
            expect(&f, CHANGE_INSERT);
            assert_int_equal(id_of(&f.change.after), i);
            assert_int_equal(f.change.ordinal, i);
        }
        expect(&f, CHANGE_COMMIT);
        teardown(&f);
        assert_int_equal(files(NULL), 1);
    }
    notes_deinit(&notes);
    position_deinit(&at);
}

/* A crash before anything of it is durable leaves files that nobody knows. */
static void unknown_files_are_swept(void **state)
{
    struct fixture f;
    struct notes none = {0};
    struct position at;
    struct position begin;
    (void)state;
    position_init(&at);
    position_init(&begin);
    for (unsigned life = 0; life < 3; life++) {
        struct notes notes = {0};
        begin_anew(&at);
        prepare_large(&notes, &at);
        notes_deinit(&notes);
        begin_file(&w, true);
        live(&f, &none, &begin); /* before that place */
        assert_int_equal(files(NULL), 0);
        teardown(&f);
    }
    /* Cut off in the middle of the transaction: the connection, then the life. */
    begin_file(&w, true);
    put_large(1, 'a');
    size_t whole = w.len;
    w.len = 0;
    while (whole - w.len > 200)
        w.len += load_u32le(w.bytes + w.len + 9);
    live(&f, &none, &begin);
    assert_int_equal(next(&f), RC_AGAIN);
    assert_int_equal(files(NULL), 1);
    assert_int_equal(binlog_stream_seek(f.stream, &f.feed.base, &begin, &f.err), RC_OK);
    assert_int_equal(files(NULL), 0);
    w.len = whole;
    f.feed.at = 0;
    f.feed.limit = whole;
    expect(&f, CHANGE_IDLE);
    assert_int_equal(files(NULL), 1);
    teardown(&f);
    position_deinit(&at);
    position_deinit(&begin);
}

/* What is told where the file is not as it was: each table, behind the rows that were given before. */
static void expect_told(struct notes *notes, struct position *at, uint64_t done, const char *how)
{
    struct fixture f;
    put_dump_from(at);
    put_end(3, "COMMIT", 'a');
    put_transaction(&w, 4, 8000, 1);
    at->rows_done = done;
    live(&f, notes, at);
    for (unsigned i = 0; i < 2; i++) {
        if (next(&f) != RC_OK || f.change.kind != CHANGE_UNKNOWN || f.change.ordinal < done)
            fail_msg("%s: a row came, or nothing: %s", how, f.err.text);
        assert_true(slice_equal(f.change.about_table, i == 0 ? SLICE("t") : SLICE("v")));
    }
    expect(&f, CHANGE_COMMIT);
    expect_rows(&f, 8000, 1, GTID("4"));
    take_notes(&f, notes);
    assert_int_equal(notes->forgotten, 1);
    struct position behind;
    position_init(&behind);
    assert_int_equal(binlog_stream_position(f.stream, &behind, &f.err), RC_OK);
    binlog_stream_xa_settled(f.stream, &behind);
    position_deinit(&behind);
    teardown(&f);
    assert_int_equal(files(NULL), 0);
}

enum harm { CUT, FLIPPED, GONE, EMPTY, SHORTER, HARMS };

static void harm_file(enum harm harm, uint64_t at)
{
    char path[400];
    struct stat status;
    assert_int_equal(files(path), 1);
    int fd = open(path, O_RDWR);
    assert_int_equal(fstat(fd, &status), 0);
    uint8_t length[4];
    uint8_t byte = 0;
    switch (harm) {
    case CUT:
        assert_int_equal(ftruncate(fd, status.st_size - 1 - (off_t)at), 0);
        break;
    case FLIPPED:
        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        break;
    case GONE:
        assert_int_equal(unlink(path), 0);
        break;
    case EMPTY:
        assert_int_equal(ftruncate(fd, 0), 0);
        break;
    case SHORTER: /* the first record alone, and that whole */
        assert_int_equal(pread(fd, length, sizeof(length), 8), sizeof(length));
        assert_int_equal(ftruncate(fd, 8 + 12 + load_u32le(length)), 0);
        break;
    default:
        fail();
    }
    close(fd);
}

static void files_that_are_not_whole(void **state)
{
    struct position at;
    (void)state;
    position_init(&at);
    for (int harm = 0; harm < HARMS; harm++) {
        for (uint64_t place = 0; place < (harm <= FLIPPED ? 300 : 1); place += 23) {
            struct notes notes = {0};
            char how[40];
            snprintf(how, sizeof(how), "harm %d at %llu", harm, (unsigned long long)place);
            begin_anew(&at);
            prepare_large(&notes, &at);
            harm_file((enum harm)harm, place);
            expect_told(&notes, &at, place % 2 == 0 ? 0 : 60, how);
            notes_deinit(&notes);
        }
    }
    position_deinit(&at);
}

/* All files together have their bound; what finds no room is told, and takes nobody's. */
static void bounded(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    bytes_max = 4000;
    begin_file(&w, true);
    put_large(1, 'a');
    put_large(2, 'b');
    put_end(3, "COMMIT", 'b');
    put_end(4, "COMMIT", 'a');
    put_large(5, 'c');
    put_end(6, "COMMIT", 'c');
    live(&f, &notes, &at);
    expect_unknown(&f, "t", 1, GTID("3"));
    expect_unknown(&f, "v", 13, GTID("3"));
    expect(&f, CHANGE_COMMIT);
    expect_rows(&f, 0, LARGE_ROWS, GTID("4"));
    expect_rows(&f, 0, LARGE_ROWS, GTID("6"));
    assert_int_equal(files(NULL), 0);
    teardown(&f);
    bytes_max = 0;
    live(&f, &notes, &at);
    expect_unknown(&f, "t", 1, GTID("3"));
    teardown(&f);
    bytes_max = UINT64_MAX;
    position_deinit(&at);
}

/* The disk takes no more at each place: rows, or what is told, and nothing is left behind. */
static void a_full_disk(void **state)
{
    struct rlimit before;
    struct position at;
    unsigned told = 0;
    (void)state;
    position_init(&at);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (rlim_t most = 0; most < 5000; most += 350) {
        struct fixture f;
        struct notes notes = {0};
        struct rlimit limit = {.rlim_cur = most, .rlim_max = before.rlim_max};
        begin_file(&w, true);
        put_large(1, 'a');
        put_end(2, "COMMIT", 'a');
        put_transaction(&w, 3, 7000, 1);
        live(&f, &notes, &at);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(next(&f), RC_OK);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        if (f.change.kind == CHANGE_UNKNOWN) {
            told++;
            expect_unknown(&f, "v", 13, GTID("2"));
        } else {
            assert_int_equal(id_of(&f.change.after), 0);
            for (unsigned i = 1; i < LARGE_ROWS; i++)
                expect(&f, CHANGE_INSERT);
        }
        expect(&f, CHANGE_COMMIT);
        expect_rows(&f, 7000, 1, GTID("3"));
        teardown(&f);
        assert_int_equal(files(NULL), 0);
    }
    assert_true(told > 3 && told < 15);
    position_deinit(&at);
}

/* Small ones wait in memory up to their bound; behind it each has a file. */
static void many_small_ones(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    begin_file(&w, true);
    for (unsigned i = 0; i < NOTES_MAX; i++)
        put_prepared(i + 1, (char)('a' + i), "t", 100 * i, 10);
    put_transaction(&w, 20, 7000, 1);
    live(&f, &notes, &at);
    expect_rows(&f, 7000, 1, GTID("20"));
    take_notes(&f, &notes);
    assert_int_equal(notes.count, NOTES_MAX);
    assert_true(files(NULL) >= NOTES_MAX / 2);
    assert_int_equal(binlog_stream_position(f.stream, &at, &f.err), RC_OK);
    teardown(&f);

    put_dump_from(&at);
    for (unsigned i = 0; i < NOTES_MAX; i++)
        put_end(21 + i, i % 2 == 0 ? "COMMIT" : "ROLLBACK", (char)('a' + i));
    put_transaction(&w, 40, 7001, 1);
    live(&f, &notes, &at);
    for (unsigned i = 0; i < NOTES_MAX; i += 2) {
        char gtid[60];
        snprintf(gtid, sizeof(gtid), GTID("%u"), 21 + i);
        expect_rows(&f, 100 * i, 10, gtid);
    }
    expect_rows(&f, 7001, 1, GTID("40"));
    take_notes(&f, &notes);
    assert_int_equal(notes.forgotten, NOTES_MAX);
    assert_int_equal(binlog_stream_position(f.stream, &at, &f.err), RC_OK);
    binlog_stream_xa_settled(f.stream, &at);
    assert_int_equal(files(NULL), 0);
    teardown(&f);
    position_deinit(&at);
}

static void put_rows(uint32_t first)
{
    put_table_map(&w, 90, "t", true);
    put_insert(&w, 90, first, ROWS);
}

/* Back to savepoints in the file and in memory: what was undone is not given, statements are, before a restart and
 * behind it. */
static void undone_in_the_file(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    begin_file(&w, true);
    put_gtid(&w, 1);
    put_query(&w, "shop", "XA START X'61',X'',1");
    put_rows(0);
    put_query(&w, "shop", "SAVEPOINT a");
    for (unsigned i = 0; i < 8; i++)
        put_rows(1000);
    put_query(&w, "shop", "DELETE FROM early");
    put_query(&w, "shop", "SAVEPOINT b");
    for (unsigned i = 0; i < 8; i++)
        put_rows(1000);
    put_query(&w, "shop", "ROLLBACK TO b");
    put_rows(1000);
    put_query(&w, "shop", "ROLLBACK TO a");
    put_rows(ROWS);
    put_query(&w, "shop", "SAVEPOINT c");
    put_rows(1000);
    put_query(&w, "shop", "ROLLBACK TO c");
    for (unsigned i = 2; i < 8; i++)
        put_rows(i * ROWS);
    put_query(&w, "shop", "XA END X'61',X'',1");
    put_prepare("a", false);
    put_transaction(&w, 2, 7000, 1);
    live(&f, &notes, &at);
    expect_rows(&f, 7000, 1, GTID("2"));
    take_notes(&f, &notes);
    assert_int_equal(notes.values[0].ptr[1], 16 | 8);
    assert_int_equal(binlog_stream_position(f.stream, &at, &f.err), RC_OK);
    teardown(&f);
    for (unsigned commits = 0; commits < 2; commits++) {
        put_dump_from(&at);
        put_end(3, commits ? "COMMIT" : "ROLLBACK", 'a');
        live(&f, &notes, &at);
        for (unsigned i = 0; commits && i < ROWS; i++) {
            expect(&f, CHANGE_INSERT);
            assert_int_equal(id_of(&f.change.after), i);
        }
        expect(&f, CHANGE_UNKNOWN);
        assert_true(slice_equal(f.change.about_table, SLICE("early")));
        for (unsigned i = ROWS; commits && i < 8 * ROWS; i++) {
            expect(&f, CHANGE_INSERT);
            assert_int_equal(id_of(&f.change.after), i);
        }
        expect(&f, CHANGE_COMMIT);
        teardown(&f);
    }
    notes_deinit(&notes);
    position_deinit(&at);
}

/* In one phase the file is of the group in hand alone; and a group that is undone. */
static void in_one_phase(void **state)
{
    struct fixture f;
    struct notes notes = {0};
    struct position at;
    (void)state;
    position_init(&at);
    begin_file(&w, true);
    for (unsigned gtid = 1; gtid <= 2; gtid++) {
        put_gtid(&w, gtid);
        put_query(&w, "shop", "XA START X'61',X'',1");
        for (unsigned i = 0; i < EVENTS; i++)
            put_rows(i * ROWS);
        put_query(&w, "shop", "DELETE FROM late");
        put_query(&w, "shop", "XA END X'61',X'',1");
        if (gtid == 1)
            put_prepare("a", true);
        else
            put_query(&w, "shop", "XA ROLLBACK X'61',X'',1");
    }
    put_transaction(&w, 3, 7000, 1);
    live(&f, &notes, &at);
    for (unsigned i = 0; i < EVENTS * ROWS; i++) {
        expect(&f, CHANGE_INSERT);
        assert_int_equal(id_of(&f.change.after), i);
    }
    for (unsigned i = 0; i < 2; i++) {
        expect(&f, CHANGE_UNKNOWN);
        assert_true(slice_equal(f.change.about_table, SLICE("late")));
        expect(&f, CHANGE_COMMIT);
    }
    expect_rows(&f, 7000, 1, GTID("3"));
    assert_int_equal(files(NULL), 0);
    teardown(&f);
    position_deinit(&at);
}

/* Where files are read the folder is this life's alone. */
static void temporary(void **state)
{
    struct fixture f;
    (void)state;
    begin_file(&w, true);
    put_large(1, 'a');
    put_large(2, 'b');
    put_end(3, "COMMIT", 'a');
    put_end(4, "ROLLBACK", 'b');
    put_large(5, 'c');
    setup(&f, &w,
          (struct binlog_stream_options){.offline = true,
                                         .held_max = HELD_MAX,
                                         .xa_dir = state_dir,
                                         .xa_bytes_max = UINT64_MAX});
    expect_rows(&f, 0, LARGE_ROWS, GTID("3"));
    while (next(&f) == RC_OK)
        continue;
    DIR *names = opendir(state_dir);
    unsigned folders = 0;
    for (const struct dirent *entry; (entry = readdir(names)) != NULL;)
        folders += strncmp(entry->d_name, "millrace-xa-", 12) == 0;
    closedir(names);
    assert_int_equal(folders, 1);
    teardown(&f); /* remove_state fails where anything is left */
}

#define XA_TEST(test) cmocka_unit_test_setup_teardown(test, make_state, remove_state)

int main(void)
{
    const struct CMUnitTest tests[] = {
        XA_TEST(given_in_one_life),
        XA_TEST(gone_before_they_were_noted),
        XA_TEST(over_crashes),
        XA_TEST(unknown_files_are_swept),
        XA_TEST(files_that_are_not_whole),
        XA_TEST(bounded),
        XA_TEST(a_full_disk),
        XA_TEST(many_small_ones),
        XA_TEST(undone_in_the_file),
        XA_TEST(in_one_phase),
        XA_TEST(temporary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
