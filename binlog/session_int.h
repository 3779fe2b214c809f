/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handshake before a dump, and the dump command itself (facts/binlog.md 8.2).
 */
#ifndef MILLRACE_BINLOG_SESSION_INT_H
#define MILLRACE_BINLOG_SESSION_INT_H

#include "engine/engine.h"

#include "gtid_int.h"

#define SESSION_UUID_TEXT 36

struct session_options {
    bool is_mariadb;
    uint32_t version;      /* 80046 for 8.0.46 */
    uint32_t server_id;    /* ours; never 0, which would mean a dump that ends */
    const char *uuid;      /* ours, SESSION_UUID_TEXT characters */
    uint64_t heartbeat_ms; /* 0: no heartbeats */
};

/* Where a dump begins: by GTID set when there is one, else by file and offset. */
struct session_place {
    const struct gtid_set *gtids; /* NULL: by file */
    const char *file;             /* "": the first file that the server has */
    uint64_t offset;
};

/* "8.0.46-log" and "10.11.19-MariaDB" to 80046 and 101119; 0 when there is no number in front. */
uint32_t session_version(const char *text);
/* A random (version 4) UUID as text with its NUL at `out`. RC_IO. */
enum rc session_make_uuid(char out[SESSION_UUID_TEXT + 1], struct error *err) MUST_CHECK;

/* The dump command for a place: its number, and its payload appended to `out`. RC_UNSUPPORTED when
 * the place cannot be said in it: an offset past 4 GiB without GTIDs. Pure. */
enum rc session_dump_command(const struct session_options *options,
                             const struct session_place *place, uint8_t *command_out,
                             struct buf *out, struct error *err) MUST_CHECK;

/* Sets the session up and sends the dump command; after RC_OK the packets of the dump follow.
 * Checksums: we always announce CRC32, so the stream's first events are read by that rule
 * (facts/binlog.md 8.3), whatever the server does later. */
enum rc session_start(struct myconn *conn, const struct session_options *options,
                      const struct session_place *place, struct error *err) MUST_CHECK;

#endif
