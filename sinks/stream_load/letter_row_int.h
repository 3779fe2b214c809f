/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one row that the letters of a key make together, in the order of the file: as in a batch, the last
 * state wins, and a row without all columns is put onto what is there. Values are left as they are written.
 * Pure, any thread.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_LETTER_ROW_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_LETTER_ROW_INT_H

#include "engine/engine.h"

struct letter_member {
    struct slice name; /* as it is written, with its quotes */
    struct slice value;
};

/* Borrows from the lines; lists are the arena's. */
struct letter_row {
    struct slice *columns; /* of the target, that a load of the row names; owned by the arena */
    uint32_t column_count;
    struct letter_member *members; /* without the product's delete mark */
    uint32_t member_count;
    bool partial; /* the other columns keep what the target has in them */
    bool deleted;
};

/* `delete_mark`: the column's name. RC_REJECTED: the letters make no row, and the text says why. */
enum rc letter_row_merge(const struct slice *lines, uint32_t line_count, const char *delete_mark,
                         struct arena *arena, struct letter_row *row_out,
                         struct error *err) MUST_CHECK;
bool letter_row_same_columns(const struct letter_row *row, const struct slice *columns,
                             uint32_t column_count);
/* The line of a load. `delete_mark` NULL: it has none. */
void letter_row_add(const struct letter_row *row, const char *delete_mark, struct buf *out);

#endif
