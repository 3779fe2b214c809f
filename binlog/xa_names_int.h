/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which captured tables an XA transaction touches: what is kept of one whose rows are more than is held.
 * One name after the other, in the order in which they came:
 *
 *   ordinal 8 | length 2 | database | length 2 | table
 *
 * Ordinals grow. An empty table is any captured table of the database; an empty database too, any captured
 * table at all. Numbers are little-endian. Threads: the decoder's.
 */
#ifndef MILLRACE_BINLOG_XA_NAMES_INT_H
#define MILLRACE_BINLOG_XA_NAMES_INT_H

#include "cursor_int.h"

/* Tables of one transaction that are kept by name, and the bytes that they take at most. */
#define XA_NAMES_MAX 32u
#define XA_NAMES_BYTES_MAX ((size_t)32 << 10)

struct xa_name {
    uint64_t ordinal;
    struct slice db; /* borrowed from the names */
    struct slice table;
};

/* `names` was made with XA_NAMES_BYTES_MAX. One that is there already is not added; where there is no
 * room, or no database, all of them become one that is any table. */
void xa_names_add(struct buf *names, uint64_t ordinal, struct slice db, struct slice table);
/* The next name; false behind the last, or where the bytes are none (cursor->failed). */
bool xa_names_next(struct cursor *cursor, struct xa_name *name_out) MUST_CHECK;
/* True when the bytes are names to the end, one at least. */
bool xa_names_are_whole(struct slice names);

#endif
