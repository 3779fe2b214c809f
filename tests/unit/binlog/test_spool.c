/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool between a dump and the decoder, with a server made by hand that purges. Whatever happens -
 * lost connections, reading ahead, full spools and disks, crashes that cut or damage files - the rows
 * that come behind the checkpoint are those of the stream, each once and in order.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binlog/crc32_int.h"
#include "binlog/position_order_int.h"
#include "binlog/spool_feed_int.h"
#include "binlog/spool_state_int.h"
#include "stream_fixture.h"

enum { TXNS = 60, NAME_MAX_HERE = 600 };

/* The server: one binlog file. Row ids count from 1 through all of it. */
struct server {
    struct binlog_feed base; /* the dump; first */
    struct writer w;
    size_t at;        /* the next event that the dump gives */
    size_t purged_to; /* what lies before is gone */
    size_t limit;     /* what is written so far */
    bool lost;        /* the connection breaks before the next event */
    uint8_t format[256];
    size_t format_len;
    bool format_due;
    uint32_t rows;
    size_t begins[TXNS + 1]; /* of each transaction, and the end */
    uint32_t rows_before[TXNS + 1];
};

static struct server server;

static enum rc dump_next(struct binlog_feed *base UNUSED, struct binlog_raw_event *event,
                         unsigned wait_ms UNUSED, struct error *err)
{
    static uint8_t bytes[sizeof(server.w.bytes)];
    if (server.lost)
        return error_set(err, RC_CONNECT, "The connection broke.");
    size_t len;
    if (server.format_due) {
        len = server.format_len;
        memcpy(bytes, server.format, len);
        server.format_due = false;
    } else {
        if (server.at >= server.limit)
            return RC_AGAIN;
        len = load_u32le(server.w.bytes + server.at + 9);
        memcpy(bytes, server.w.bytes + server.at, len);
        server.at += len;
    }
    /* What was borrowed before is gone: whoever looks at it still, sees nonsense. */
    memset(bytes + len, 0xee, sizeof(bytes) - len);
    *event =
        (struct binlog_raw_event){.bytes = slice_of(bytes, len), .offset = BINLOG_OFFSET_UNKNOWN};
    return RC_OK;
}

static const struct binlog_feed_ops dump_ops = {.next = dump_next, .stats = memory_stats};

static void make_server(unsigned seed, bool with_gtids)
{
    server = (struct server){.base.ops = &dump_ops};
    struct writer *w = &server.w;
    begin_file(w, true);
    server.format_len = load_u32le(w->bytes + 9);
    memcpy(server.format, w->bytes, server.format_len);
    store_u32le(server.format + 13, 0);
    size_t covered = server.format_len - EVENT_CRC_LEN;
    store_u32le(server.format + covered, crc32_add(0, slice_of(server.format, covered)));
    for (unsigned i = 0; i < TXNS; i++) {
        server.begins[i] = w->len;
        server.rows_before[i] = server.rows;
        unsigned count = 1 + (i * 7 + seed) % 5;
        if (with_gtids)
            put_gtid(w, i + 1);
        put_query(w, "shop", "BEGIN");
        for (unsigned part = 0; part < 1 + (i + seed) % 3; part++) {
            put_table_map(w, 90, "t", true);
            put_insert(w, 90, server.rows + 1, count);
            server.rows += count;
        }
        put_xid(w);
    }
    server.begins[TXNS] = w->len;
    server.rows_before[TXNS] = server.rows;
    server.limit = w->len;
}

/* The engine, as far as it matters here: what server_source.c does with a spool. */
struct engine {
    char dir[NAME_MAX_HERE];
    struct spool *spool;
    struct spool_feed feed;
    struct binlog_stream *stream;
    uint64_t bytes_max;
    bool connected;
    uint32_t next_id; /* the row that has to come next */
    bool in_txn;
    uint64_t txn_rows;
    struct position here;    /* scratch */
    struct position durable; /* the checkpoint */
    uint32_t durable_id;     /* the row behind it */
    unsigned from_spool;     /* lives that found their place in the spool */
    unsigned refused;        /* dumps that the server had purged */
    unsigned ahead;          /* events read ahead */
};

static struct engine engine;

static bool connect_at(const struct position *at, bool ahead)
{
    size_t from = (size_t)(at->offset - server.w.base);
    if (from < server.purged_to) {
        engine.refused++;
        return false;
    }
    server.at = from;
    server.lost = false;
    server.format_due = from > 0;
    spool_feed_attach(&engine.feed, &server.base);
    spool_begin(engine.spool, at, true, ahead);
    if (ahead && !spool_is_open(engine.spool)) {
        spool_feed_detach(&engine.feed);
        return false;
    }
    engine.connected = true;
    if (!ahead)
        assert_int_equal(binlog_stream_seek(engine.stream, &engine.feed.base, at, NULL), RC_OK);
    return true;
}

static void disconnect(void)
{
    spool_feed_detach(&engine.feed);
    engine.connected = false;
}

static void begin_life(void)
{
    struct error err = {0};
    struct spool_options options = {
        .dir = engine.dir, .bytes_max = engine.bytes_max, .server = "one"};
    struct binlog_stream_options decode = {
        .wants = wants_not_u, .verify_checksums = true, .announced_crc32 = true, .server = "one"};
    if (spool_open(&options, &engine.spool, &err) != RC_OK)
        fail_msg("%s", err.text);
    spool_feed_init(&engine.feed, engine.spool);
    assert_int_equal(binlog_stream_new(&decode, &engine.feed.base, &engine.stream, &err), RC_OK);
    engine.next_id = engine.durable_id;
    engine.in_txn = engine.durable.rows_done > 0;
    engine.txn_rows = engine.durable.rows_done;
    engine.connected = false;
    if (spool_resume(engine.spool, &engine.durable)) {
        engine.from_spool++;
        assert_int_equal(
            binlog_stream_seek(engine.stream, &engine.feed.base, &engine.durable, &err), RC_OK);
    } else if (!connect_at(&engine.durable, false)) {
        fail_msg("the source has purged what the checkpoint needs");
    }
}

/* `clean` false: as kill -9 leaves it. */
static void end_life(bool clean)
{
    if (!clean)
        buf_reset(&engine.spool->writer.tail);
    disconnect();
    binlog_stream_free(engine.stream);
    spool_close(engine.spool);
    engine.spool = NULL;
}

static bool went_on(void)
{
    const struct position *border = spool_border(engine.spool);
    if (border == NULL && !engine.feed.damaged)
        return !engine.connected;
    assert_int_equal(binlog_stream_resume_position(engine.stream, &engine.here, NULL), RC_OK);
    if (border != NULL && !engine.feed.damaged) {
        assert_int_equal(engine.here.offset, border->offset);
        assert_string_equal(engine.here.file, border->file);
        assert_int_equal(binlog_stream_seek(engine.stream, &engine.feed.base, &engine.here, NULL),
                         RC_OK);
        spool_cross(engine.spool);
        return true;
    }
    disconnect();
    spool_clear(engine.spool);
    engine.feed.damaged = false;
    return true;
}

static void take(const struct change *change)
{
    if (change->kind == CHANGE_INSERT) {
        assert_int_equal(id_of(&change->after), engine.next_id);
        engine.next_id++;
        engine.in_txn = true;
        engine.txn_rows = change->ordinal + 1;
    } else if (change->kind == CHANGE_COMMIT) {
        engine.in_txn = false;
    }
}

/* One change; false: there is no more for now. */
static bool step(void)
{
    struct error err = {0};
    for (;;) {
        if (!engine.connected && !spool_has_backlog(engine.spool)) {
            assert_int_equal(binlog_stream_resume_position(engine.stream, &engine.here, &err),
                             RC_OK);
            if (!connect_at(&engine.here, false))
                fail_msg("the source has purged what the decoder needs");
        }
        struct change change;
        enum rc rc = binlog_stream_next(engine.stream, &change, 0, &err);
        if ((rc == RC_OK || rc == RC_AGAIN) && engine.connected && spool_is_out(engine.spool) &&
            binlog_stream_is_between(engine.stream)) {
            assert_int_equal(binlog_stream_position(engine.stream, &engine.here, &err), RC_OK);
            spool_begin(engine.spool, &engine.here, false, false);
        }
        if (rc == RC_OK)
            take(&change);
        if (rc == RC_OK || rc == RC_AGAIN)
            return rc == RC_OK;
        if (rc != RC_CONNECT)
            fail_msg("%s", err.text);
        if (went_on())
            continue;
        assert_true(server.lost);
        disconnect();
    }
}

static void read_ahead(void)
{
    struct error err = {0};
    if (!engine.connected) {
        if (!spool_goes_on(engine.spool))
            return;
        assert_int_equal(position_copy(&engine.here, spool_end(engine.spool), &err), RC_OK);
        if (!connect_at(&engine.here, true))
            return;
    }
    uint64_t before = spool_bytes(engine.spool);
    enum rc rc = spool_feed_ahead(&engine.feed, 1, &err);
    engine.ahead += spool_bytes(engine.spool) > before;
    if (rc == RC_CONNECT)
        disconnect();
    else
        assert_true(rc == RC_OK || rc == RC_AGAIN);
}

/* The checkpoint moves to where the decoder is. */
static void settle(void)
{
    assert_int_equal(binlog_stream_position(engine.stream, &engine.durable, NULL), RC_OK);
    engine.durable.rows_done = engine.in_txn ? engine.txn_rows : 0;
    engine.durable_id = engine.next_id;
    spool_settle(engine.spool, &engine.durable);
}

/* The server purges what is in the spool. One that began behind the checkpoint, after a gap, protects
 * nothing before the checkpoint has come to it. */
static void purge(void)
{
    const struct position *end = spool_end(engine.spool);
    const struct position *needed = &engine.durable;
    spool_flush(engine.spool);
    if (spool_goes_on(engine.spool) && end != NULL &&
        position_reached(needed, &engine.spool->first->begin))
        needed = end;
    server.purged_to = (size_t)(needed->offset - server.w.base);
}

static void begin_world(unsigned seed, uint64_t bytes_max, bool with_gtids)
{
    const char *base = getenv("TMPDIR");
    make_server(seed, with_gtids);
    engine = (struct engine){.bytes_max = bytes_max, .durable_id = 1};
    snprintf(engine.dir, sizeof(engine.dir), "%s/millrace-spool-XXXXXX",
             base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(engine.dir));
    position_init(&engine.here);
    position_init(&engine.durable);
    snprintf(engine.durable.file, sizeof(engine.durable.file), "binlog.000001");
    snprintf(engine.durable.server, sizeof(engine.durable.server), "one");
    engine.durable.offset = server.w.base;
    begin_life();
}

static void end_world(void)
{
    end_life(true);
    spool_remove(engine.dir);
    assert_int_not_equal(access(engine.dir, F_OK), 0);
    position_deinit(&engine.here);
    position_deinit(&engine.durable);
}

static void read_all(void)
{
    while (step())
        continue;
    assert_int_equal(engine.next_id, server.rows + 1);
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    begin_world(1, 1 << 20, true);
    read_all();
    assert_true(spool_bytes(engine.spool) > server.w.len);
    struct stat status;
    char name[NAME_MAX_HERE + SPOOL_NAME_MAX];
    snprintf(name, sizeof(name), "%s/segment.%08llu", engine.dir,
             (unsigned long long)engine.spool->number);
    assert_int_equal(stat(name, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(stat(engine.dir, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    end_world();
}

/* The target is down, all of the binlog is read ahead, the server purges it, and the engine is killed:
 * the next life needs nothing of the server. */
static void a_source_that_purges(void **state)
{
    for (unsigned txn = 0; txn < TXNS; txn += 7) {
        (void)state;
        begin_world(txn, 1 << 20, txn % 2 == 0);
        while (engine.next_id <= server.rows_before[txn] + 1 && step())
            continue;
        settle();
        for (unsigned i = 0; i < 50; i++)
            read_ahead();
        purge();
        assert_int_equal(server.purged_to, server.w.len);
        end_life(false);
        begin_life();
        assert_int_equal(engine.from_spool, 1);
        read_all();
        assert_int_equal(engine.refused, 0);
        end_world();
    }
}

static uint32_t draw(uint32_t *random, uint32_t below)
{
    *random = *random * 1664525 + 1013904223;
    return (*random >> 8) % below;
}

/* Anything in any order. */
static void play(unsigned seed, unsigned *found, unsigned *ahead)
{
    uint32_t random = seed * 2654435761u + 1;
    begin_world(seed, 2048u << draw(&random, 5), seed % 2 == 0);
    server.limit = server.begins[5];
    while (engine.next_id <= server.rows) {
        switch (draw(&random, 12)) {
        case 0:
            server.lost = true;
            break;
        case 1:
        case 2:
            read_ahead();
            break;
        case 3:
            settle();
            break;
        case 4:
            purge();
            break;
        case 5:
            if (server.limit < server.w.len)
                server.limit += load_u32le(server.w.bytes + server.limit + 9);
            break;
        case 6:
            if (draw(&random, 4) == 0) {
                end_life(draw(&random, 2) == 0);
                begin_life();
            }
            break;
        default:
            for (unsigned i = draw(&random, 9); i > 0 && step(); i--)
                continue;
        }
        if (draw(&random, 3) == 0)
            server.limit =
                server.limit < server.begins[TXNS / 2] ? server.begins[TXNS / 2] : server.w.len;
    }
    *found += engine.from_spool;
    *ahead += engine.ahead;
    end_world();
}

static void any_order(void **state)
{
    (void)state;
    unsigned found = 0;
    unsigned ahead = 0;
    for (unsigned seed = 0; seed < 50; seed++)
        play(seed, &found, &ahead);
    assert_true(found > 5);
    assert_true(ahead > 30);
}

/* A spool that holds less than what the target has not taken: the rest comes from the server, and once
 * the checkpoint is past the gap the spool is used again. */
static void a_full_spool(void **state)
{
    (void)state;
    begin_world(3, 2048, true);
    for (unsigned i = 0; i < 50; i++)
        read_ahead();
    assert_true(spool_is_open(engine.spool));
    assert_true(spool_bytes(engine.spool) <= 2048);
    while (engine.next_id < server.rows / 2 && step())
        continue;
    assert_false(spool_is_open(engine.spool));
    assert_true(spool_bytes(engine.spool) <= 2048);
    settle();
    assert_true(spool_is_out(engine.spool));
    assert_int_equal(spool_bytes(engine.spool), 0);
    uint32_t before = engine.next_id;
    while (!spool_is_open(engine.spool) && step())
        continue;
    assert_true(spool_is_open(engine.spool) && engine.next_id - before < 20);
    settle();
    end_life(false);
    begin_life();
    read_all();
    end_world();
}

/* The disk takes no more from some byte on. */
static void a_full_disk(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (rlim_t limit = 0; limit < 3000; limit += 411) {
        begin_world((unsigned)limit, 16384, true);
        struct rlimit low = {.rlim_cur = limit, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
        for (unsigned i = 0; i < 5; i++) {
            read_ahead();
            spool_flush(engine.spool);
        }
        while (engine.next_id < server.rows / 2 && step())
            spool_flush(engine.spool);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        settle();
        end_life(limit % 2 == 0);
        begin_life();
        read_all();
        end_world();
    }
}

static void segment_path(char *path, size_t cap, uint64_t number)
{
    snprintf(path, cap, "%s/segment.%08llu", engine.dir, (unsigned long long)number);
}

/* A life that ends with half of the stream settled and all of it in the spool. Gives the bytes of the
 * segment that is the n-th from the end. */
static uint64_t leave_files(unsigned from_end, uint64_t *number)
{
    begin_world(2, 32768, true);
    while (engine.next_id < server.rows / 2 && step())
        continue;
    settle();
    for (unsigned i = 0; i < 20; i++)
        read_ahead();
    *number = engine.spool->number - from_end;
    assert_true(engine.spool->first->number <= *number);
    end_life(true);
    char path[NAME_MAX_HERE + SPOOL_NAME_MAX];
    struct stat status;
    segment_path(path, sizeof(path), *number);
    assert_int_equal(stat(path, &status), 0);
    return (uint64_t)status.st_size;
}

static void cut_anywhere(void **state)
{
    (void)state;
    uint64_t number = 0;
    for (uint64_t len = 0, bytes = 1; len < bytes; len += 31) {
        bytes = leave_files(0, &number);
        char path[NAME_MAX_HERE + SPOOL_NAME_MAX];
        segment_path(path, sizeof(path), number);
        assert_int_equal(truncate(path, (off_t)len), 0);
        begin_life();
        assert_int_equal(engine.from_spool, 1);
        read_all();
        end_world();
    }
}

/* `from_end` 1: a damaged middle is worse than a torn tail, for what follows it cannot be used. */
static void damage(unsigned from_end)
{
    uint64_t number = 0;
    for (uint64_t at = 0, bytes = 1; at < bytes; at += 61) {
        bytes = leave_files(from_end, &number);
        char path[NAME_MAX_HERE + SPOOL_NAME_MAX];
        segment_path(path, sizeof(path), number);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        uint8_t byte = 0;
        assert_true(fd >= 0 && pread(fd, &byte, 1, (off_t)at) == 1);
        byte ^= (uint8_t)(1u << (at % 8));
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        close(fd);
        begin_life();
        read_all();
        end_world();
    }
}

static void damaged_anywhere(void **state)
{
    (void)state;
    damage(0);
    damage(1);
}

/* Bytes that go bad while the engine lives are read from the server. */
static void damaged_under_a_reader(void **state)
{
    (void)state;
    begin_world(4, 32768, true);
    for (unsigned i = 0; i < 20; i++)
        read_ahead();
    spool_flush(engine.spool);
    char path[NAME_MAX_HERE + SPOOL_NAME_MAX];
    segment_path(path, sizeof(path), engine.spool->number);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    uint8_t zeros[64] = {0};
    assert_true(fd >= 0 && engine.spool->last->bytes > 700);
    assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 600), sizeof(zeros));
    close(fd);
    read_all();
    end_world();
}

static void another_place(void **state)
{
    (void)state;
    begin_world(5, 32768, false);
    while (engine.next_id < server.rows / 2 && step())
        continue;
    settle();
    end_life(true);
    /* The same numbers, of another server. */
    snprintf(engine.durable.server, sizeof(engine.durable.server), "two");
    begin_life();
    assert_int_equal(engine.from_spool, 0);
    end_life(true);
    snprintf(engine.durable.server, sizeof(engine.durable.server), "one");
    begin_life();
    read_all();
    end_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(a_source_that_purges),
        cmocka_unit_test(any_order),
        cmocka_unit_test(a_full_spool),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(damaged_anywhere),
        cmocka_unit_test(damaged_under_a_reader),
        cmocka_unit_test(another_place),
    };
    log_setup(2, LOG_FORMAT_TEXT, LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
