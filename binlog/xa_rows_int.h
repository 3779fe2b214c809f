/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of one XA transaction that are held: table maps, rows events and statements that change rows, one after the other,
 * each as
 *
 *   offset 8 | body length 4 | event type 1 | body
 *
 * In memory; where they are too many, in a file too (xa_folder_int.h), a block of events a record, and what is in
 * memory comes behind that. A place in them is the number of bytes of events before it.
 *
 * What was undone is taken out of memory. In the file it stays, and the stretch is remembered: of it only
 * statements count, which are in the binlog as text, for their tables may be of the kind that undoes nothing.
 *
 * Threads: the decoder's.
 */
#ifndef MILLRACE_BINLOG_XA_ROWS_INT_H
#define MILLRACE_BINLOG_XA_ROWS_INT_H

#include "event_int.h"
#include "xa_folder_int.h"

enum { XA_HELD_HEAD = 8 + 4 + 1, XA_ROWS_RECORD = 1 };
/* Events that go to the file together, unless one is larger. */
#define XA_ROWS_BLOCK ((size_t)1 << 20)
#define XA_ROWS_BLOCK_MAX ((size_t)EVENT_LEN_MAX + XA_HELD_HEAD)
/* Bytes of stretches that were undone. */
#define XA_ROWS_UNDONE_MAX ((size_t)64 << 10)

struct xa_rows {
    struct buf bytes;    /* owned */
    uint64_t file;       /* number; 0: none */
    uint64_t file_bytes; /* of whole records */
    uint64_t filed;      /* bytes of events in it */
    struct buf undone;   /* owned; stretches of the file, each from 8 | to 8, in order and apart */
};

void xa_rows_init(struct xa_rows *rows);
/* The file is left as it is. */
void xa_rows_deinit(struct xa_rows *rows);
/* Forgets the rows, and removes their file. `folder` may be NULL when there is none; `writer`: NULL once they
 * are finished. */
void xa_rows_drop(struct xa_rows *rows, struct xa_folder *folder, struct record_writer *writer);
static inline uint64_t xa_rows_len(const struct xa_rows *rows)
{
    return rows->filed + rows->bytes.len;
}

/* RC_LIMIT, RC_MEMORY. */
enum rc xa_rows_add(struct xa_rows *rows, const struct event *event, struct error *err) MUST_CHECK;
/* What is in memory goes to the file. On failure the rows are good for nothing but xa_rows_drop; RC_FULL: the
 * folder has no room. */
enum rc xa_rows_file(struct xa_rows *rows, struct xa_folder *folder, struct record_writer *writer,
                     struct error *err) MUST_CHECK;
/* The same, and nothing is added any more; `lasting`: it outlives the system from here on. */
enum rc xa_rows_finish(struct xa_rows *rows, struct xa_folder *folder, struct record_writer *writer,
                       bool lasting, struct error *err) MUST_CHECK;
/* All behind a place is undone. False: it cannot be remembered. */
bool xa_rows_undo(struct xa_rows *rows, uint64_t from) MUST_CHECK;

/* True when the bytes are held events to the end, each of a type that is held. */
bool xa_held_is_whole(struct slice bytes);
/* True when the bytes are stretches of so many bytes of events. */
bool xa_undone_is_whole(struct slice undone, uint64_t filed);

/* Rows on their way out. */
struct xa_reading {
    struct xa_rows rows;
    struct record_reader reader;
    struct slice block; /* in hand; borrowed from the reader or the rows */
    size_t at;          /* of the next event in it */
    uint64_t before;    /* bytes of events before the block */
    size_t undone_at;   /* of the next stretch */
    bool only_statements;
    uint64_t place; /* not 0: where the events are said to lie */
};

void xa_reading_init(struct xa_reading *reading);
void xa_reading_deinit(struct xa_reading *reading);
/* Takes the rows over; what they have in a file is looked at to its end first. RC_IO, RC_CORRUPT: not all of it
 * is there, and the rows are still the caller's. */
enum rc xa_reading_begin(struct xa_reading *reading, struct xa_folder *folder, struct xa_rows *rows,
                         struct error *err) MUST_CHECK;
/* The next event, borrowed until the next call. RC_EOF behind the last. */
enum rc xa_reading_next(struct xa_reading *reading, struct event *event,
                        struct error *err) MUST_CHECK;
/* It is over, at its end or not; `folder` not NULL: the file goes. */
void xa_reading_end(struct xa_reading *reading, struct xa_folder *folder);

#endif
