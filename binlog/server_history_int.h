/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server's catalog says, as definitions at a place of the stream. For server_source.c.
 *
 * The catalog shows the present, the stream begins in the past, be it a moment ago. Between the two
 * lies a stretch of the binlog that is read for its statements alone:
 *
 *   no statement touches the table       what the catalog says holds from the start on
 *   the first one makes the table        it was not there at the start; the stream shows the rest
 *   another one comes first              what the table was is not known from the start up to the
 *                                        last of these statements: rows in between need names in the
 *                                        binlog (binlog_row_metadata = FULL), else the stream stops
 *                                        when one comes; behind the last the catalog holds
 *
 * The end of the binlog is asked for before and after the catalog. A table that a statement touches
 * in between is asked for again.
 *
 * Threads: the pipeline's.
 */
#ifndef MILLRACE_BINLOG_SERVER_HISTORY_INT_H
#define MILLRACE_BINLOG_SERVER_HISTORY_INT_H

#include "server_source_int.h"

/* Makes source->history. The connection for questions is open. */
enum rc server_history_open(struct server_source *source, struct error *err) MUST_CHECK;

/* As source_ops.remember and notes, for what is ours of them. */
enum rc server_history_remember(struct server_source *source, struct slice key, struct slice value,
                                bool *taken_out, struct error *err) MUST_CHECK;
enum rc server_history_notes(struct server_source *source, source_note_fn visit, void *ctx,
                             struct error *err) MUST_CHECK;

/* The same tables are asked for as when the notes were written: what is not among them has come, or
 * will come, by a statement in the stream. */
bool server_history_asks_the_same(const struct server_source *source);

/* Captured tables: before the stream begins those that are there now, then those of the place where it
 * begins. One whose definition there is not known is told as it will be behind the statements that it
 * waits for: its rows have to be read all the same. */
enum rc server_history_tables(struct server_source *source, schema_visit_fn visit, void *ctx,
                              struct error *err) MUST_CHECK;

/* Before the catalog is read for a start: notes the end of the binlog. */
enum rc server_history_prepare(struct server_source *source, struct position *before,
                               struct error *err) MUST_CHECK;
/* Behind it: fills the history for a stream that begins at `start`. `is_present`: that is where the
 * binlog ended, read after the catalog; else it lies before `before`. */
enum rc server_history_begin(struct server_source *source, const struct position *before,
                             const struct position *start, bool is_present,
                             struct error *err) MUST_CHECK;

#endif
