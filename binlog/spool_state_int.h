/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool's own state, for the files that make it up:
 *   spool.c          appending, reading back, giving up what is settled
 *   spool_recover.c  what an earlier life left
 */
#ifndef MILLRACE_BINLOG_SPOOL_STATE_INT_H
#define MILLRACE_BINLOG_SPOOL_STATE_INT_H

#include "spool_int.h"
#include "spool_segment_int.h"
#include "stream_int.h"

/* One event for the stream that follows what is appended. */
struct tap {
    struct binlog_feed base; /* first */
    struct slice event;      /* ptr NULL: none */
};

struct spool {
    struct spool_options options;
    int dir_fd;
    struct spool_segment *first; /* owned, oldest first */
    struct spool_segment *last;
    uint64_t number; /* the highest in use */
    uint64_t bytes;  /* of all segments */

    struct record_writer writer; /* of the last segment while `open` */
    bool open;
    bool gap;            /* events behind the last segment were not taken */
    struct buf format;   /* the last format description that came by */
    struct buf repeated; /* the same, as a server repeats it */
    struct tap tap;
    struct binlog_stream *place; /* reads along: stands behind the last event */
    struct position end;
    uint64_t synced_us;
    uint64_t told_us; /* of a gap */

    struct spool_segment *reading; /* NULL: nothing is here */
    struct record_reader reader;
    struct buf prelude; /* not empty: an event that goes before the next record */
};

/* Moves `place` on by one event. */
enum rc spool_follow(struct spool *spool, struct slice event, struct error *err) MUST_CHECK;
/* Remembers the event if it is a format description. */
void spool_keep_format(struct spool *spool, struct slice event);
/* The remembered format description as a server repeats it for a dump that begins inside a file, where
 * it takes no room (facts/binlog.md 3.2). Empty: there is none. Borrowed until the next call. */
struct slice spool_repeat_format(struct spool *spool);
/* Takes the segment over, behind the last. */
void spool_link_segment(struct spool *spool, struct spool_segment *segment);
/* NULL: no memory. */
struct spool_segment *spool_segment_new(uint64_t number);
void spool_segment_free(struct spool_segment *segment);
/* With its file. */
void spool_drop_first(struct spool *spool);
void spool_remove_file(int dir_fd, uint64_t number);
extern const struct binlog_feed_ops spool_tap_ops;
/* A binlog_watch_fn that passes over everything. */
enum rc spool_pass_statement(void *ctx, const struct binlog_statement *statement,
                             struct error *err) MUST_CHECK;

#endif
