/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of a look at a target: what does it hold of these rows? It changes nothing there.
 *
 *      add_key, add_row ... until it is full | ask: each key with what was found, and it is empty
 *
 * A key is as in scan.h, so that what one side has can be asked for at the other: numbers without needless
 * zeros, dates without those of a fraction, for the two sides write them differently.
 *
 * Values are held against what `write` would have made of them, by the rules of docs/cli.md.
 *
 * Threads: one. Errors: the sink's.
 */
#ifndef MILLRACE_PORTS_LOOK_H
#define MILLRACE_PORTS_LOOK_H

#include "sink.h"

struct look;

enum look_verdict {
    LOOK_EQUAL = 0, /* both sides have it, with equal values */
    LOOK_DIFFERENT, /* both have it */
    LOOK_MISSING,   /* the source alone has it */
    LOOK_EXTRA,     /* the target alone has it */
    LOOK_NEITHER
};

struct look_finding {
    enum look_verdict verdict;
    struct slice key;     /* borrowed for the call */
    struct slice columns; /* LOOK_DIFFERENT: the source's names of the columns, "price, note" */
    uint64_t source_hash; /* of the source's row; 0: it has none */
};

typedef enum rc (*look_finding_fn)(void *ctx, const struct look_finding *finding,
                                   struct error *err);
typedef enum rc (*look_key_fn)(void *ctx, struct slice key, struct error *err);

struct look_ops {
    /* `read` is the table as the source's rows come; it must live until close. RC_NOT_FOUND: there is no
     * such target. RC_MISMATCH: it is none for this table. */
    enum rc (*open)(struct sink *sink, const struct table *read, const struct sink_target *target,
                    struct look **look_out, struct error *err);
    enum rc (*add_key)(struct look *look, struct slice key, struct error *err);
    enum rc (*add_row)(struct look *look, const struct row *row, struct error *err);
    bool (*is_full)(const struct look *look);
    /* In the order of the keys' bytes. */
    enum rc (*ask)(struct look *look, look_finding_fn tell, void *ctx, struct error *err);
    /* All keys of the target as they come, over a connection of its own: `tell` may use the look. */
    enum rc (*keys)(struct look *look, look_key_fn tell, void *ctx, struct error *err);
    enum rc (*count)(struct look *look, uint64_t *rows_out, struct error *err);
    void (*close)(struct look *look); /* NULL is fine */
};

/* Every look begins with this. */
struct look {
    const struct look_ops *ops;
};

#endif
