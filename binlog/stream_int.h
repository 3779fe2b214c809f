/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder: raw events in, changes out. One state machine for files, wire and the inside of
 * compressed payloads (facts/binlog.md 13): follows formats, checksums, rotations, transactions,
 * GTIDs, table maps.
 */
#ifndef MILLRACE_BINLOG_STREAM_INT_H
#define MILLRACE_BINLOG_STREAM_INT_H

#include "catalog_int.h"
#include "feed_int.h"
#include "gtid_int.h"
#include "schema/history_int.h"

/* A statement that changes tables or databases, for whoever reads a stretch of the binlog for these
 * alone. Borrowed until the call returns. */
struct binlog_statement {
    const struct ddl_context *context;
    struct slice text;
    const struct sql_statement *words;
};

typedef enum rc (*binlog_watch_fn)(void *ctx, const struct binlog_statement *statement,
                                   struct error *err);

struct binlog_stream_options {
    source_wants_fn wants;
    void *wants_ctx;
    binlog_catalog_fn catalog; /* NULL: offline, table maps alone */
    void *catalog_ctx;
    /* The definitions of tables, moved forward by what passes: stands in the place of `catalog`.
     * The caller's; NULL: none. */
    struct history *history;
    binlog_sequence_fn is_sequence; /* NULL: what looks like a SEQUENCE is a table */
    void *is_sequence_ctx;
    /* Not NULL: every statement that changes tables is given to it and nothing else is read: no
     * table map, no row. */
    binlog_watch_fn watch;
    void *watch_ctx;
    bool lower_case_names; /* the server keeps names of tables so */
    bool verify_checksums;
    enum invalid_text invalid_text;
    bool offline;         /* file names and offsets come with the events */
    bool announced_crc32; /* wire: what we told the server before the dump (facts/binlog.md 8.3) */
    const char *start_gtids; /* offline: see struct source_file_config; NULL: none */
    const char *include_gtids;
    const char *server; /* identity for positions; "" offline */
    size_t held_max;    /* bytes of XA transactions in memory; 0: as it is made for */
    /* A folder that is there, where rows of XA transactions go that are more; NULL: nowhere. Offline it is for
     * temporary files. Borrowed until binlog_stream_new returns. */
    const char *xa_dir;
    uint64_t xa_bytes_max; /* of all of these; 0: none is made */
};

struct binlog_stream;

enum rc binlog_stream_new(const struct binlog_stream_options *options, struct binlog_feed *feed,
                          struct binlog_stream **stream_out, struct error *err) MUST_CHECK;
void binlog_stream_free(struct binlog_stream *stream); /* the feed stays the caller's */

/* The feed now starts at `at` (after connecting or reconnecting, perhaps to another server or
 * file): forget formats, table ids and the transaction in hand; pass over the first at->rows_done
 * rows of the first transaction. `at` may be empty file with a GTID set, or the reverse. `feed` may
 * be a new one. */
enum rc binlog_stream_seek(struct binlog_stream *stream, struct binlog_feed *feed,
                           const struct position *at, struct error *err) MUST_CHECK;

/* As source_ops.next. Class RETRY errors of the feed come through: the caller reconnects and seeks
 * to binlog_stream_resume_position. */
enum rc binlog_stream_next(struct binlog_stream *stream, struct change *change, unsigned wait_ms,
                           struct error *err) MUST_CHECK;

/* Start of the open transaction, or of the next one; rows_done = 0. As source_ops.position. */
enum rc binlog_stream_position(struct binlog_stream *stream, struct position *out,
                               struct error *err) MUST_CHECK;
/* The same with rows_done = ordinal of the open transaction's next row: where a reconnect goes on.
 */
enum rc binlog_stream_resume_position(struct binlog_stream *stream, struct position *out,
                                      struct error *err) MUST_CHECK;
bool binlog_stream_reached(struct binlog_stream *stream, const struct position *to);
/* No transaction is in hand, and no event waits. */
bool binlog_stream_is_between(const struct binlog_stream *stream);
/* binlog_stream_position would say this place: its file and offset, and its GTIDs where it has some. */
bool binlog_stream_is_at(const struct binlog_stream *stream, const struct position *at);
void binlog_stream_stats(const struct binlog_stream *stream, struct source_stats *out);
/* Where the last event given to the decoder lies, for messages: "binlog.000003:4711". */
void binlog_stream_where(const struct binlog_stream *stream, struct buf *out);

/* Notes of prepared XA transactions, for source_ops.remember and notes: their keys begin with
 * "xa/" (xa_note_int.h). */
enum rc binlog_stream_xa_remember(struct binlog_stream *stream, struct slice key,
                                  struct slice value, struct error *err) MUST_CHECK;
enum rc binlog_stream_xa_notes(struct binlog_stream *stream, source_note_fn visit, void *ctx,
                               struct error *err) MUST_CHECK;

/* The note of when the file at the position was begun, where the server has no GTIDs. */
#define BINLOG_BIRTH_NOTE "binlog-file"
enum rc binlog_stream_birth_remember(struct binlog_stream *stream, struct slice value,
                                     struct error *err) MUST_CHECK;
enum rc binlog_stream_birth_note(struct binlog_stream *stream, source_note_fn visit, void *ctx,
                                 struct error *err) MUST_CHECK;

/* The notes of the life before are remembered: files that none of them names go. */
void binlog_stream_xa_begin(struct binlog_stream *stream);
/* No start will begin before `durable` any more. */
void binlog_stream_xa_settled(struct binlog_stream *stream, const struct position *durable);

/* How many statements that change tables the open group has given so far, the one in hand among
 * them: what a reading of the same group from its beginning has to pass over. */
uint32_t binlog_stream_statements(const struct binlog_stream *stream);

/* A table as the catalog shows it, made to live as long as the stream (for source_ops.tables). */
enum rc binlog_stream_catalog_table(struct binlog_stream *stream,
                                    const struct catalog_table *catalog, bool is_mariadb,
                                    struct table **table_out, struct error *err) MUST_CHECK;

#endif
