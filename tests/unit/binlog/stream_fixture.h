/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decoder over a stream made by hand, for tests. The feed is a block of memory; events are handed
 * out from copies of their exact size, so that a read past an event's end is seen by the address
 * sanitizer. Tables of `shop` are captured, but for `u`.
 */
#ifndef MILLRACE_TESTS_STREAM_FIXTURE_H
#define MILLRACE_TESTS_STREAM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "binlog/stream_int.h"
#include "event_writer.h"

struct memory_feed {
    struct binlog_feed base;
    const struct writer *w;
    size_t at;
    size_t limit; /* bytes that are there */
    bool wire;
    uint8_t *copy;
};

static inline enum rc memory_next(struct binlog_feed *base, struct binlog_raw_event *event,
                                  unsigned wait_ms, struct error *err)
{
    struct memory_feed *feed = (struct memory_feed *)base;
    (void)wait_ms;
    (void)err;
    if (feed->at >= feed->limit)
        return feed->wire ? RC_AGAIN : RC_EOF;
    size_t len = load_u32le(feed->w->bytes + feed->at + 9);
    if (len > feed->limit - feed->at)
        len = feed->limit - feed->at;
    free(feed->copy);
    feed->copy = malloc(len);
    memcpy(feed->copy, feed->w->bytes + feed->at, len);
    *event = (struct binlog_raw_event){
        .bytes = slice_of(feed->copy, len),
        .file = feed->wire ? SLICE_EMPTY : SLICE("binlog.000001"),
        .offset = feed->wire ? BINLOG_OFFSET_UNKNOWN : feed->w->base + feed->at,
        .first_in_file = !feed->wire && feed->at == 0,
    };
    feed->at += len;
    return RC_OK;
}

static inline void memory_stats(const struct binlog_feed *base, uint64_t *read, uint64_t *copied,
                                uint64_t *received)
{
    *read = ((const struct memory_feed *)base)->at;
    *copied = 0;
    *received = 0;
}

static const struct binlog_feed_ops memory_ops = {.next = memory_next, .stats = memory_stats};

static inline bool wants_not_u(void *ctx, struct slice db, struct slice table)
{
    (void)ctx;
    return slice_equal(db, SLICE("shop")) && !slice_equal(table, SLICE("u"));
}

struct fixture {
    struct memory_feed feed;
    struct binlog_stream *stream;
    struct change change;
    struct error err;
};

static inline void setup(struct fixture *f, const struct writer *w,
                         struct binlog_stream_options options)
{
    *f = (struct fixture){
        .feed = {.base.ops = &memory_ops, .w = w, .limit = w->len, .wire = !options.offline}};
    options.wants = wants_not_u;
    options.verify_checksums = true;
    if (binlog_stream_new(&options, &f->feed.base, &f->stream, &f->err) != RC_OK)
        fail_msg("%s", f->err.text);
}

static inline void setup_offline(struct fixture *f, const struct writer *w)
{
    setup(f, w, (struct binlog_stream_options){.offline = true, .server = ""});
}

static inline void teardown(struct fixture *f)
{
    binlog_stream_free(f->stream);
    free(f->feed.copy);
}

static inline enum rc next(struct fixture *f)
{
    return binlog_stream_next(f->stream, &f->change, 0, &f->err);
}

static inline void expect(struct fixture *f, enum change_kind kind)
{
    if (next(f) != RC_OK)
        fail_msg("%s expected, but: %s", change_kind_name(kind), f->err.text);
    if (f->change.kind != kind)
        fail_msg("%s expected, %s came", change_kind_name(kind), change_kind_name(f->change.kind));
}

/* The id in the first column of an image. */
static inline uint32_t id_of(const struct row *row)
{
    assert_true(row_exists(row));
    assert_int_equal(row->cells[0].state, CELL_VALUE);
    assert_int_equal(row->cells[0].len, 4);
    return load_u32le(row->cells[0].ptr);
}

static inline void put_no_previous_gtids(struct writer *w)
{
    event_begin(w, EVENT_PREVIOUS_GTIDS);
    put(w, 0, 8);
    event_end(w);
}

static inline void begin_file(struct writer *w, bool crc32)
{
    *w = (struct writer){.crc32 = crc32, .base = 4};
    put_format(w, "8.0.36");
    put_no_previous_gtids(w);
}

#endif
