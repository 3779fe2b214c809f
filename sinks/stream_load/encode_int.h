/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a change to the lines of a load: which lines a change means, and how each value is written.
 *
 *   READ, INSERT   the row as it is now
 *   UPDATE         the row as it is now; when the key's bytes differ, before it the old row as
 *                  deleted (targets compare keys byte by byte, facts/starrocks.md 4)
 *   DELETE         the row as it was, marked deleted: columns that may not be NULL need their
 *                  values even then
 *
 * Threads: the pipeline's one thread.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_ENCODE_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_ENCODE_INT_H

#include "body_int.h"
#include "stream_load_int.h"

/* All that can be said about a table's lines before the first row. */
struct encoder {
    const struct load_schema *schema; /* borrowed */
    struct slice *prefixes;           /* `{"id":`, `,"name":`: one a column, in the arena */
    struct slice upsert_tail;         /* `,"__op":0}\n` */
    struct slice delete_tail;
    bool *zero_date_told; /* one a column: its warning was logged */
    enum load_zero_dates zero_dates;
    char source[256]; /* "db.table", for messages */
    struct buf scratch;
};

/* Takes memory from `arena`, which must live as long as the encoder. */
enum rc encoder_init(struct encoder *encoder, const struct load_schema *schema,
                     const char *delete_column, enum load_zero_dates zero_dates,
                     struct arena *arena, struct error *err) MUST_CHECK;
void encoder_deinit(struct encoder *encoder);

/* Writes the change's lines as a draft at the end of the body. On failure the draft is dropped:
 * RC_LIMIT (the line does not fit the buffer), RC_MEMORY, RC_UNSUPPORTED (an incomplete row image,
 * an UPDATE of a table without a key), RC_REJECTED and RC_CORRUPT (a value that cannot go). */
enum rc encoder_draft(struct encoder *encoder, struct body *body, struct body_draft *draft,
                      const struct change *change, struct error *err) MUST_CHECK;

#endif
