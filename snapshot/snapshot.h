/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The initial copy of tables: lock-free watermark chunks (DBLog's read-only form) beside the one
 * running stream. This header is the interface that the pipeline will be given; nothing implements
 * it yet, and `scan.startup.mode: initial` is refused until something does (see README.md here).
 *
 * A chunk is a key range of one table, cut by the server's own order over all key columns. Reading
 * it gives CHANGE_READ rows between two positions of the stream:
 *
 *      low = position     SELECT ... WHERE low_key < key <= high_key     high = position
 *
 * A change of the same key that the stream brings between low and high is newer than the row that
 * was read, so the chunk's row gives way to it; after high the stream's changes follow as always.
 * The chunk is a unit of the checkpoint: finished, or read again.
 *
 * Threads: plan and reconcile on the pipeline's thread; each chunk is read on a connection of its own.
 * Ownership: tables belong to the source; a chunk belongs to the snapshot until it is finished.
 * Errors: class RETRY reads the chunk again; FATAL ends the table's snapshot with words and leaves
 * what is finished in the checkpoint.
 */
#ifndef MILLRACE_SNAPSHOT_SNAPSHOT_H
#define MILLRACE_SNAPSHOT_SNAPSHOT_H

#include "engine/engine.h"

struct snapshot;

struct snapshot_chunk {
    struct table *table;
    uint64_t number; /* within the table, from 0, in key order */
    struct slice
        low_key; /* exclusive; canonical text of all key columns; empty: from the beginning */
    struct slice high_key; /* inclusive; empty: to the end */
    struct position low;   /* of the stream, before the chunk was read */
    struct position high;  /* after it was read */
    uint64_t rows;
};

struct snapshot_options {
    const struct myconn_options *connection; /* borrowed until close */
    unsigned parallelism;                    /* connections that read at once */
    uint64_t chunk_rows;                     /* aimed at, whichever is met first */
    uint64_t chunk_bytes;
};

/* Takes one row that a chunk holds; RC_FULL as sink_ops.write. The row is borrowed for the call. */
typedef enum rc (*snapshot_row_fn)(void *ctx, const struct snapshot_chunk *chunk,
                                   const struct change *row, struct error *err);

struct snapshot_ops {
    enum rc (*open)(const struct snapshot_options *options, struct snapshot **snapshot_out,
                    struct error *err);
    /* Plans the next chunks of a table, lazily: one question to the server for each bound. RC_EOF
     * when the table is planned to its end. `after` is the last chunk that the checkpoint knows, or
     * NULL. */
    enum rc (*plan)(struct snapshot *snapshot, struct table *table,
                    const struct snapshot_chunk *after, struct snapshot_chunk **chunk_out,
                    struct error *err);
    /* Starts reading a planned chunk on a free connection; RC_AGAIN when none is free. */
    enum rc (*begin)(struct snapshot *snapshot, struct snapshot_chunk *chunk, struct error *err);
    /* A change of the stream whose key may lie in a chunk between its watermarks. */
    enum rc (*reconcile)(struct snapshot *snapshot, const struct change *change, struct error *err);
    /* Gives the rows of a chunk that was read and whose high watermark the stream has passed.
     * RC_AGAIN: none is ready. */
    enum rc (*deliver)(struct snapshot *snapshot, snapshot_row_fn row, void *ctx,
                       struct error *err);
    void (*stop)(struct snapshot *snapshot); /* any thread */
    void (*close)(struct snapshot *snapshot);
};

#endif
