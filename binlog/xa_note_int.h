/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes of XA transactions that are prepared and not ended: what a restart between the two phases
 * must know, for the rows lie before the place where it begins to read (facts/binlog.md 4.4). One
 * note a transaction:
 *
 *   key    xa/X'global',X'branch',format
 *   value  1 version: 1
 *          1 flags: 1 MariaDB, 2 table ids of 4 bytes, 4 names in the place of rows, 8 (with 4)
 *          some of them are of statements,
 *          16 the rows are in a file
 *          1 length of event headers
 *          4 version of the server that wrote the rows, as 90704
 *          8 offset where the transaction began
 *          2 length of the file's name, and the name
 *          the rest: table maps and rows (xa_rows_int.h), nothing when none is of a
 *          captured table; or, with flag 4, the names of the tables (xa_names_int.h); or, with flag 16:
 *   value  8 number of the file
 *          8 bytes of it
 *          8 bytes of events in it
 *          4 length of the stretches that were undone, and these, each from 8 | to 8
 *          the rest: the names of the tables
 *
 * Numbers are little-endian. Threads: the decoder's.
 */
#ifndef MILLRACE_BINLOG_XA_NOTE_INT_H
#define MILLRACE_BINLOG_XA_NOTE_INT_H

#include "xa_store_int.h"

#define XA_NOTE_PREFIX "xa/"

/* A note from an earlier life becomes a prepared transaction of the store. RC_CORRUPT: it is none.
 */
enum rc xa_note_read(struct xa_store *store, struct slice key, struct slice value,
                     struct error *err) MUST_CHECK;
/* Gives the notes that are new, and those to be forgotten, since the last call. The files of the latter go
 * once no start can begin before `here`. `folder` may be NULL. */
enum rc xa_note_each(struct xa_store *store, struct xa_folder *folder, const struct position *here,
                     source_note_fn visit, void *ctx, struct error *err) MUST_CHECK;

#endif
