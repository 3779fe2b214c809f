/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The feed of a running dump: one connection, one reader thread, one life. After an error the feed
 * is closed and the next connection gets a new one.
 */
#ifndef MILLRACE_BINLOG_SERVER_FEED_INT_H
#define MILLRACE_BINLOG_SERVER_FEED_INT_H

#include "feed_int.h"

struct server_feed_options {
    /* The connection on which the dump command was sent. Borrowed until close; NULL only where
     * `fd` is not -1. */
    struct myconn *conn;
    int fd;              /* to read packets from directly; -1: take them from conn (TLS) */
    uint64_t silence_ms; /* longer silence is RC_TIMEOUT; 0: never */
    size_t read_ahead_bytes;
    size_t packet_max; /* bytes of one joined packet */
};

enum rc server_feed_open(const struct server_feed_options *options, struct binlog_feed **feed_out,
                         struct error *err) MUST_CHECK;

#endif
