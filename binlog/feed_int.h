/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A feed: where whole binlog events come from, one at a time. Two implementations: files
 * (file_feed.c) and a server's dump (server_feed.c). A feed slices by event length and knows
 * nothing of what is inside.
 */
#ifndef MILLRACE_BINLOG_FEED_INT_H
#define MILLRACE_BINLOG_FEED_INT_H

#include "engine/engine.h"

#define BINLOG_OFFSET_UNKNOWN UINT64_MAX

/* Borrowed until the feed's next call. */
struct binlog_raw_event {
    struct slice
        bytes; /* from the common header to the last byte, CRC included where there is one */
    struct slice file; /* files: base name of the file; server: empty (the stream follows ROTATE) */
    uint64_t offset;   /* files: where the event starts; server: BINLOG_OFFSET_UNKNOWN */
    bool first_in_file; /* files: a new file begins with this event */
};

struct binlog_feed;

struct binlog_feed_ops {
    /* RC_OK; RC_AGAIN none within wait_ms; RC_EOF end of the last file (offline) or the server
     * closed a non-blocking dump; RC_CORRUPT with file and offset; RC_CONNECT/RC_TIMEOUT (class
     * RETRY) when a connection was lost; errors of the server as myconn_packet_error gives them;
     * RC_CANCELLED. */
    enum rc (*next)(struct binlog_feed *feed, struct binlog_raw_event *event, unsigned wait_ms,
                    struct error *err);
    void (*stats)(const struct binlog_feed *feed, uint64_t *bytes_read, uint64_t *bytes_copied,
                  uint64_t *last_received_us);
    /* Any thread: a waiting next returns RC_CANCELLED soon. */
    void (*stop)(struct binlog_feed *feed);
    void (*close)(struct binlog_feed *feed); /* NULL is fine */
};

struct binlog_feed {
    const struct binlog_feed_ops *ops;
};

#endif
