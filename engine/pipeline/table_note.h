/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the checkpoint's notes of a table look like (docs/formats.md): the pipeline writes and reads them,
 * `checkpoint show` and `status` tell them.
 *
 *   pipeline/table/<db>.<table>     how long <db> is; then one of the words below a line, the last two
 *                                   with a column's name behind it
 *   pipeline/unknown/<db>.<table>   how long <db> is; a state; where, when and by what: the rest
 *
 * A word or a state that is not known is of a later version, and passed over.
 */
#ifndef MILLRACE_PIPELINE_TABLE_NOTE_H
#define MILLRACE_PIPELINE_TABLE_NOTE_H

#include "../base/buf.h"

#define TABLE_NOTE_KEY "pipeline/table/"
#define TABLE_NOTE_UNKNOWN_KEY "pipeline/unknown/"

enum table_note_word {
    TABLE_NOTE_STREAM = 0, /* its rows come from the stream alone */
    TABLE_NOTE_SNAPSHOT,   /* a snapshot brings, or brought, what it held before */
    TABLE_NOTE_REBUILD,    /* they go to a target beside its own */
    TABLE_NOTE_AWAY,       /* `tables` names it no more */
    TABLE_NOTE_SKIP,       /* a column that the target does not take */
    TABLE_NOTE_KEPT,       /* a column that only the target has any more */
    TABLE_NOTE_OTHER
};

/* Whether the stream tells what rows a table has (unknown.c). */
enum unknown_state { UNKNOWN_NONE = 0, UNKNOWN_MARKED, UNKNOWN_READING, UNKNOWN_LEFT };

/* The first line of both: names may hold dots, so it says where the first of the two in `key` (behind the
 * prefix) ends. False: the note is not to be understood. */
void table_note_add_names(struct buf *out, struct slice db);
bool table_note_next_names(struct slice *rest, struct slice key, struct slice *db,
                           struct slice *name);

/* The lines behind it. `column` is empty where the word has none. */
void table_note_add(struct buf *out, enum table_note_word word, struct slice column);
bool table_note_next(struct slice *rest, enum table_note_word *word_out, struct slice *column_out);

void table_note_add_unknown(struct buf *out, enum unknown_state state);
enum unknown_state table_note_next_unknown(struct slice *rest);
const char *table_note_unknown_word(enum unknown_state state);

#endif
