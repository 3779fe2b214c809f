/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole decoder over the bytes of a binlog file (without the four bytes of its magic).
 *
 *   byte 0   bit 0: as from a server, not a file; bit 1: checksums are verified; bit 2: some
 *            transactions alone, by their GTIDs; bit 3: one table is not wanted
 *   byte 1   not 0: after so many changes the place is taken and sought again, as after a lost
 *            connection
 *   rest     events. The length in an event's header is put right where it goes over the end, for
 *            else most mutations would end at the framing, which fuzz_frame looks at.
 */
#include "binlog/stream_int.h"
#include "changes_int.h"

struct memory_feed {
    struct binlog_feed base;
    struct slice rest;
    bool wire;
    bool first;
    uint64_t offset;
    uint8_t *copy; /* the event in hand, in memory of its exact size */
};

static enum rc memory_next(struct binlog_feed *base, struct binlog_raw_event *event,
                           unsigned wait_ms UNUSED, struct error *err UNUSED)
{
    struct memory_feed *feed = (struct memory_feed *)base;
    if (feed->rest.len == 0)
        return RC_EOF;
    size_t len = feed->rest.len;
    if (len >= 13) {
        uint32_t said = load_u32le(feed->rest.ptr + 9);
        len = said >= 19 && said < len ? said : len;
    }
    struct slice bytes = fuzz_part(&feed->rest, len);
    free(feed->copy);
    feed->copy = fuzz_exact(bytes);
    if (bytes.len >= 13)
        store_u32le(feed->copy + 9, (uint32_t)bytes.len);
    *event = (struct binlog_raw_event){
        .bytes = slice_of(feed->copy, bytes.len),
        .file = feed->wire ? SLICE_EMPTY : SLICE("binlog.000001"),
        .offset = feed->wire ? BINLOG_OFFSET_UNKNOWN : feed->offset,
        .first_in_file = !feed->wire && feed->first,
    };
    feed->first = false;
    feed->offset += bytes.len;
    return RC_OK;
}

static void memory_stats(const struct binlog_feed *base, uint64_t *read, uint64_t *copied,
                         uint64_t *received)
{
    *read = ((const struct memory_feed *)base)->offset;
    *copied = 0;
    *received = 0;
}

static const struct binlog_feed_ops memory_ops = {.next = memory_next, .stats = memory_stats};

static bool wants_not_u(void *ctx UNUSED, struct slice db UNUSED, struct slice table)
{
    return !slice_equal(table, SLICE("u"));
}

static bool wants_all(void *ctx UNUSED, struct slice db UNUSED, struct slice table UNUSED)
{
    return true;
}

static enum rc seek_again(struct binlog_stream *stream, struct binlog_feed *feed, struct error *err)
{
    struct position position;
    position_init(&position);
    enum rc rc = binlog_stream_resume_position(stream, &position, err);
    if (rc == RC_OK)
        rc = binlog_stream_seek(stream, feed, &position, err);
    position_deinit(&position);
    return rc;
}

static void read_all(struct binlog_stream *stream, struct memory_feed *feed, uint8_t seek_after)
{
    struct fuzz_changes changes;
    struct error err;
    fuzz_changes_init(&changes);
    enum rc rc = RC_OK;
    for (uint64_t given = 1; rc == RC_OK; given++) {
        struct change change;
        error_clear(&err);
        rc = binlog_stream_next(stream, &change, 0, &err);
        fuzz_told(rc, &err);
        if (rc == RC_OK)
            fuzz_change(&changes, &change);
        if (rc == RC_OK && given == seek_after)
            rc = seek_again(stream, &feed->base, &err);
    }
    fuzz_changes_deinit(&changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    uint8_t flags = fuzz_byte(&input);
    uint8_t seek_after = fuzz_byte(&input);
    bool wire = (flags & 1) != 0;
    struct memory_feed feed = {
        .base.ops = &memory_ops, .rest = input, .wire = wire, .first = true, .offset = 4};
    struct binlog_stream_options options = {
        .wants = (flags & 8) != 0 ? wants_not_u : wants_all,
        .verify_checksums = (flags & 2) != 0,
        .offline = !wire,
        .include_gtids = (flags & 4) != 0 ? "11111111-1111-1111-1111-111111111111:1-9" : NULL,
        .server = "",
    };
    struct binlog_stream *stream = NULL;
    struct error err;
    ASSERT(binlog_stream_new(&options, &feed.base, &stream, &err) == RC_OK);
    read_all(stream, &feed, seek_after);

    struct position position;
    struct buf where;
    struct source_stats stats;
    position_init(&position);
    buf_init(&where, 1 << 20);
    error_clear(&err);
    fuzz_told(binlog_stream_position(stream, &position, &err), &err);
    position_describe(&position, &where);
    binlog_stream_where(stream, &where);
    binlog_stream_stats(stream, &stats);
    buf_deinit(&where);
    position_deinit(&position);
    binlog_stream_free(stream);
    free(feed.copy);
    return 0;
}
