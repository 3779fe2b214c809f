/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What real servers sent after a dump command, byte for byte (tests/golden/binlog/generated/<server>/
 * wire), through the framing, the feed and the decoder, with a socket pair in the place of the
 * server. Every server had the same three transactions on one table, so the rows that have to come
 * are known; INDEX.txt beside the captures says what each session had asked for.
 *
 * The captures of semi-synchronous sessions are left out: Millrace never asks for acknowledgements, so no
 * server puts that head in front of its packets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <glob.h>

#include "binlog/server_feed_int.h"
#include "binlog/stream_int.h"

#define ALL_ROWS "+1x +2y -1x+1z -2y+2z +3p -1z "
#define ROWS_OF_SECOND_FILE "+2y -1x+1z -2y+2z +3p -1z "

enum { CAPTURE_MAX = 65536, LINE_MAX_BYTES = 8192, SILENCE_MS = 100, PATIENCE_MS = 60000 };

struct kind {
    const char *name; /* of the capture, or how it begins */
    const char *rows;
    enum rc end;
    const char *words; /* of the error at the end */
};

static const struct kind kinds[] = {
    {"dump_alg_switch", "+1 +2 +3 +4 ", RC_CONNECT, "ended"},
    {"dump_annotate", ALL_ROWS, RC_CONNECT, "ended"},
    {"dump_capability_none", ALL_ROWS, RC_CONNECT, "ended"},
    {"dump_checksum_none", ALL_ROWS, RC_CONNECT, "ended"},
    {"dump_heartbeat", ROWS_OF_SECOND_FILE, RC_AGAIN, ""},
    {"dump_midfile", ROWS_OF_SECOND_FILE, RC_CONNECT, "ended"},
    {"dump_no_checksum_var", "", RC_PROTOCOL, "checksum"},
    {"dump_pos_inside_event", "", RC_MISMATCH, "binlog.000002"},
    {"dump_start", ALL_ROWS, RC_CONNECT, "ended"},
    {"dump_unknown_file", "", RC_PURGED, "first log file name"},
    {"gtid_connect_0_1_2", ALL_ROWS, RC_CONNECT, "ended"},
    {"gtid_connect_empty", ALL_ROWS, RC_CONNECT, "ended"},
    {"gtid_connect_unknown", "", RC_MISMATCH, "0-1-999"},
    {"gtid_empty_set", ALL_ROWS, RC_CONNECT, "ended"},
    {"gtid_replica_ahead", "", RC_MISMATCH, "more GTIDs"},
    {"gtid_skip_1_3", ROWS_OF_SECOND_FILE, RC_AGAIN, ""},
};

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strncmp(name, kinds[i].name, strlen(kinds[i].name)) == 0)
            return &kinds[i];
    fail_msg("nothing is known of the capture %s", name);
    return NULL;
}

/* Whether the session of a capture had asked for CRC32. */
static bool asked_for_crc32(const char *path, const char *name)
{
    static char line[LINE_MAX_BYTES];
    char index[512];
    snprintf(index, sizeof(index), "%.*s/INDEX.txt", (int)(name - 1 - path), path);
    FILE *file = fopen(index, "r");
    assert_non_null(file);
    bool found = false;
    bool crc32 = false;
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        found = strncmp(line, name, strlen(name)) == 0;
        crc32 = strstr(line, "checksum='CRC32'") != NULL;
    }
    assert_int_equal(fclose(file), 0);
    assert_true(found);
    return crc32;
}

/* The table of all captures, of which old servers' table maps say the types only. It has its first
 * column alone in those of the changing checksums. */
static enum rc catalog(void *column_count, struct slice db, struct slice name, bool refresh UNUSED,
                       const struct catalog_table **table_out, struct error *err UNUSED)
{
    static const struct catalog_column columns[] = {
        {.name = {(const uint8_t *)"id", 2},
         .data_type = {(const uint8_t *)"int", 3},
         .column_type = {(const uint8_t *)"int(11)", 7},
         .key_ordinal = 1},
        {.name = {(const uint8_t *)"v", 1},
         .data_type = {(const uint8_t *)"varchar", 7},
         .column_type = {(const uint8_t *)"varchar(10)", 11},
         .charset = {(const uint8_t *)"utf8mb4", 7},
         .char_length = 10,
         .nullable = true},
    };
    static struct catalog_table table = {.columns = columns};
    table.column_count = *(const uint32_t *)column_count;
    table.db = db;
    table.name = name;
    *table_out = &table;
    return RC_OK;
}

static bool wants(void *ctx UNUSED, struct slice db, struct slice table UNUSED)
{
    return slice_equal(db, SLICE("test"));
}

static void add_image(struct buf *out, struct buf *scratch, const char *sign,
                      const struct table *table, const struct row *row)
{
    if (!row_exists(row))
        return;
    buf_add_str(out, sign);
    for (uint32_t i = 0; i < table->column_count; i++) {
        struct slice text;
        struct error err;
        buf_reset(scratch);
        assert_int_equal(cell_text(&table->columns[i], &row->cells[i], scratch, &text, &err),
                         RC_OK);
        buf_add_slice(out, text);
    }
}

/* The capture of a session that went on ends in silence, which is waited for once its rows are there. */
static unsigned wait_ms(const struct kind *kind, const struct buf *rows)
{
    return kind->end == RC_AGAIN && rows->len >= strlen(kind->rows) ? SILENCE_MS : PATIENCE_MS;
}

/* Plays the capture and writes down the rows that come of it. */
static enum rc play(const char *path, const struct kind *kind, bool crc32, struct buf *rows,
                    struct error *err)
{
    static uint8_t bytes[CAPTURE_MAX];
    uint32_t column_count = strstr(path, "dump_alg_switch") != NULL ? 1 : 2;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    assert_int_equal(fclose(file), 0);
    assert_in_range(len, 1, sizeof(bytes) - 1);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(send(pair[0], bytes, len, MSG_NOSIGNAL), len);
    struct server_feed_options feed_options = {
        .fd = pair[1], .read_ahead_bytes = 1 << 20, .packet_max = 16u << 20};
    struct binlog_stream_options options = {.wants = wants,
                                            .catalog = catalog,
                                            .catalog_ctx = &column_count,
                                            .verify_checksums = true,
                                            .announced_crc32 = crc32,
                                            .server = "s1"};
    struct binlog_feed *feed = NULL;
    struct binlog_stream *stream = NULL;
    assert_int_equal(server_feed_open(&feed_options, &feed, err), RC_OK);
    assert_int_equal(binlog_stream_new(&options, feed, &stream, err), RC_OK);
    struct change change;
    struct buf scratch;
    buf_init(&scratch, 1 << 16);
    enum rc rc;
    while ((rc = binlog_stream_next(stream, &change, wait_ms(kind, rows), err)) == RC_OK) {
        if (change.kind != CHANGE_INSERT && change.kind != CHANGE_UPDATE &&
            change.kind != CHANGE_DELETE)
            continue;
        add_image(rows, &scratch, "-", change.table, &change.before);
        add_image(rows, &scratch, "+", change.table, &change.after);
        buf_add_byte(rows, ' ');
    }
    buf_deinit(&scratch);
    binlog_stream_free(stream);
    feed->ops->close(feed);
    close(pair[0]);
    close(pair[1]);
    return rc;
}

static void captures_of_every_server(void **state UNUSED)
{
    glob_t found;
    assert_int_equal(glob(TEST_GENERATED_DIR "/*/wire/*.bin", 0, NULL, &found), 0);
    unsigned played = 0;
    unsigned wrong = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        const char *name = strrchr(path, '/') + 1;
        if (strstr(name, ".cmd.bin") != NULL || strncmp(name, "semisync", 8) == 0)
            continue;
        const struct kind *kind = kind_of(name);
        struct error err = {0};
        struct buf rows;
        buf_init(&rows, 4096);
        enum rc rc = play(path, kind, asked_for_crc32(path, name), &rows, &err);
        played++;
        if (rc != kind->end || !slice_equal(buf_slice(&rows), slice_str(kind->rows)) ||
            strstr(err.text, kind->words) == NULL) {
            wrong++;
            print_message("%s: rows '%.*s', then %s: %s\n", path + strlen(TEST_GENERATED_DIR),
                          (int)rows.len, rows.len > 0 ? (const char *)rows.ptr : "", rc_name(rc),
                          err.text);
        }
        buf_deinit(&rows);
    }
    globfree(&found);
    assert_int_equal(wrong, 0);
    assert_true(played > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_of_every_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
