/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of a snapshot: the rows that tables hold already, read in chunks beside the one
 * running stream, without a lock (DBLog's watermarks in their read-only form).
 *
 * A chunk is a key range of one table, cut by the server's own order over all key columns. Its life:
 *
 *      planned -> asked for (`pump`, where the stream stands then is its low watermark)
 *              -> read into memory by a connection of its own, which first waits until the server
 *                 shows all that the stream had given before, and after the last row asks where the
 *                 binlog ends: its high watermark
 *              -> ready, when the stream has passed the high watermark
 *              -> given row by row (`row`), without the keys that the stream changed meanwhile
 *
 * Why that is right: for each key, either the stream has given a change since the low watermark,
 * and then the stream alone knows the row; or it has not, and then the row in the chunk is the row
 * at the high watermark. Chunks of a table are given in key order, so that all that a restart must
 * know of a table is the key behind which reading goes on.
 *
 * Tables without a key are read as one chunk that is not held in memory, at a position that the
 * server names exactly; docs/delivery.md says how that is made exactly once.
 *
 * Threads: every operation on the pipeline's thread, except `stop`; chunks are read by threads of
 * the snapshot's own.
 *
 * Ownership: a table belongs to the source. A chunk belongs to the snapshot until `done`.
 *
 * Errors: a lost connection is mended by reading the chunk again. What is returned is FATAL, with
 * words, or CANCELLED after `stop`.
 *
 * After a crash: a table whose note was not stored is read from where the last stored note says.
 */
#ifndef MILLRACE_PORTS_SNAPSHOT_H
#define MILLRACE_PORTS_SNAPSHOT_H

#include "source.h"

struct snapshot;

struct snapshot_options {
    struct source *source; /* open; for its connection, read_table and reached */
    unsigned parallelism;  /* connections that read at once; 0: by the number of cores */
    uint64_t chunk_rows;   /* aimed at, whichever is met first */
    uint64_t chunk_bytes;  /* also the bound of what one chunk holds in memory */
    struct slice name;     /* the pipeline's, for connection attributes */
};

/* A table's state, in words and figures, for the log and `millrace status`. */
struct snapshot_progress {
    uint64_t tables_total;
    uint64_t tables_done;
    uint64_t rows_read;      /* given out */
    uint64_t rows_estimated; /* the server's estimate over all tables that are not done */
    uint64_t bytes_read;
    unsigned chunks_reading;
    uint64_t
        transaction_us; /* a table without a key is read in a transaction, for so long; 0: none */
};

struct snapshot_chunk {
    struct table *table; /* as the stream knows it */
    uint64_t number;     /* within the table, from 0, in key order */
    /* Nothing of this table was given before: an unkeyed target must be empty. It comes again when
     * reading such a table broke off (then the chunk before was not the last) or after a crash: what
     * was given of it until then has to be taken away first. */
    bool first;
    bool last; /* the table is over with this chunk; final when `row` has given RC_EOF */
};

enum snapshot_pass {
    SNAPSHOT_PASS, /* write the change to the sink as always */
    SNAPSHOT_DROP  /* the snapshot brings (or has brought) what it says; count it and go on */
};

struct snapshot_ops {
    enum rc (*open)(const struct snapshot_options *options, struct snapshot **snapshot_out,
                    struct error *err);
    /* Puts a table into the queue. `state` is the value of its note from an earlier life; empty: from
     * the beginning. RC_UNSUPPORTED: the table cannot be read so; the text says what can be done. */
    enum rc (*add)(struct snapshot *snapshot, struct table *table, struct slice state,
                   struct error *err);
    /* The table is not to be read any more (dropped), or it has another shape now: what was read of
     * it and not given is thrown away and read again as `after` says (NULL: not at all). A chunk of
     * it that is being given is void from here on. Called before `ready` may see the stream behind
     * the statement. Tables that are not in the queue are fine. */
    enum rc (*change)(struct snapshot *snapshot, struct table *before, struct table *after,
                      struct error *err);
    /* Lets connections that have nothing to do begin with the next chunks. `here`: the place up to
     * which all changes of the stream were given (a border of transactions). Cheap when there is
     * nothing to do. */
    enum rc (*pump)(struct snapshot *snapshot, const struct position *here, struct error *err);
    /* Must be told of every row change and TRUNCATE of a table in the queue, in stream order, before
     * it is written; of other tables it need not be. Images are looked at for their key alone, and
     * for which columns they lack: a change without all columns is dropped where the target cannot
     * have the row yet, and the snapshot brings the whole row later. */
    enum rc (*reconcile)(struct snapshot *snapshot, const struct change *change,
                         enum snapshot_pass *pass_out, struct error *err);
    /* A chunk that may be given now, at a border of transactions. RC_AGAIN: none yet. RC_EOF: all
     * tables are done. */
    enum rc (*ready)(struct snapshot *snapshot, struct snapshot_chunk **chunk_out,
                     struct error *err);
    /* The chunk's next row as CHANGE_READ, borrowed until the next call; its txn says the high
     * watermark. Its table is the one of source_ops.read_table, not chunk->table: the same name and
     * columns, other cells, a `route` of its own. RC_EOF: there is no more. RC_AGAIN: the next one is
     * not here yet (unkeyed tables). */
    enum rc (*row)(struct snapshot *snapshot, struct snapshot_chunk *chunk, struct change *row_out,
                   struct error *err);
    /* All rows of the chunk were taken. Gives the table's note as it is from now on (borrowed until
     * the next call): key "snapshot/<db>.<table>". */
    enum rc (*done)(struct snapshot *snapshot, struct snapshot_chunk *chunk, struct slice *key_out,
                    struct slice *value_out, struct error *err);
    /* True when the value of a table's note says that its snapshot is complete. */
    bool (*is_done)(struct slice value);
    void (*progress)(const struct snapshot *snapshot, struct snapshot_progress *progress_out);
    void (*stop)(struct snapshot *snapshot); /* any thread */
    void (*close)(struct snapshot *snapshot);
};

/* Every snapshot begins with this. */
struct snapshot {
    const struct snapshot_ops *ops;
};

#endif
