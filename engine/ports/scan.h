/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of a scan: the rows of one table after the other as the source holds them now, in
 * key order and without the stream. `millrace compare` holds them against the target.
 *
 *      begin(table) | more -> row row EOF | more -> row row EOF ... more -> EOF at once: that were all
 *                   | find(keys) -> row EOF             asks for rows by their keys, at any time
 *
 * Each statement sees what is committed when it is sent; two statements need not see the same.
 *
 * A key is, for each key column in key order, 4 bytes length (little-endian) and the canonical text.
 *
 * Threads: one. Errors: RC_CONNECT and the like; nothing is tried again here.
 */
#ifndef MILLRACE_PORTS_SCAN_H
#define MILLRACE_PORTS_SCAN_H

#include "source.h"

struct scan;

struct scan_ops {
    /* `source` is open, and stays so until close. */
    enum rc (*open)(struct source *source, struct scan **scan_out, struct error *err);
    /* The table of `more`, `find` and `count` from here on. `read_out`: the table as rows come, with the
     * same columns (source_ops.read_table). */
    enum rc (*begin)(struct scan *scan, struct table *table, struct table **read_out,
                     struct error *err);
    /* Asks for the next rows, at most `limit`, behind the last one that `more` brought; there may be
     * none. The table has a key. */
    enum rc (*more)(struct scan *scan, uint64_t limit, struct error *err);
    /* Asks for the rows with these keys. */
    enum rc (*find)(struct scan *scan, const struct slice *keys, uint32_t count, struct error *err);
    /* The next row, borrowed until the next call. RC_EOF: that were all. */
    enum rc (*row)(struct scan *scan, struct row *row_out, struct error *err);
    enum rc (*count)(struct scan *scan, uint64_t *rows_out, struct error *err);
    /* Where the stream ends now: all that statements have seen lies before it. */
    enum rc (*place)(struct scan *scan, struct position *place_out, struct error *err);
    /* True when a stream that stands at `at` has passed `place`. */
    bool (*passed)(const struct position *at, const struct position *place);
    void (*close)(struct scan *scan); /* NULL is fine */
};

/* Every scan begins with this. */
struct scan {
    const struct scan_ops *ops;
};

#endif
