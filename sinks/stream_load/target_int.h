/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Target tables, and the source tables whose rows go there. A target has one open body, and one for each
 * epoch on its way that has rows of it; the loads of the oldest of these alone are sent, so that a
 * table changes in the order of its epochs. A route may lead several source tables into one target; they share its
 * body, so they must agree about its key; a column that one of them lacks is the target's default
 * in its rows. A source table that is altered comes back as another version with another column
 * list; one load has one column list, so the open body must be sealed before its first row.
 *
 * When the target itself is changed, every way to it is stale: what it knew of names and types may
 * be wrong. It is made anew, in place, before it is used again.
 *
 * Threads: the pipeline's one thread; loaders read the sealed body and its schema.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_TARGET_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_TARGET_INT_H

#include "encode_int.h"

struct sealed_epoch;
struct sealed_load;

struct target_body {
    struct body body;
    struct sealed_epoch *epoch; /* that it is sealed in */
    uint32_t first;             /* of its loads there */
    uint32_t count;
    uint32_t left; /* loads that are not done */
    struct target_body *next;
};

struct load_target {
    struct slice db; /* owned by the sink's arena, like the bodies */
    struct slice table;
    struct target_body *open;
    struct target_body *sealed;            /* in the order of their epochs */
    struct target_body *spare;             /* for the next open one; made when none is there */
    const struct load_schema *open_schema; /* of the first row in the open body */
    uint32_t open_column_list;
    uint32_t column_lists;     /* how many different ones there have been */
    bool two_phase;            /* its loads are prepared, then committed */
    bool mixed_order;          /* source tables list the same columns in different orders */
    bool takes_partial;        /* asked once, before the first row that lacks columns */
    struct sink_table *tables; /* newest first; owned */
    struct load_target *next;
    struct sealed_load *last;      /* that was sent in this round; the sink's own (epoch.c) */
    struct load_target *next_open; /* in the order of their first rows in the open batch */
};

/* One source table at one version, on its way to one target. */
struct sink_table {
    struct arena arena; /* of schema and encoder */
    struct load_schema schema;
    struct encoder encoder;
    const struct table *source;
    struct load_target *target;
    uint32_t column_list; /* equal numbers: equal columns, within the target */
    bool superseded;      /* a newer version of the same source table is there, or it was dropped */
    bool stale;           /* the target was changed since this was made */
    struct sink_table *next;
};

static inline struct body *target_open_body(struct load_target *target)
{
    return &target->open->body;
}

/* Its lines may take max_bytes. Nothing else is allocated yet. NULL: no memory. */
struct target_body *target_body_new(struct arena *arena, uint64_t max_bytes);
/* The open body goes behind the sealed ones; `spare` has to be there and becomes the open one. */
void target_seal(struct load_target *target);
/* The oldest sealed body is empty again. */
void target_release(struct load_target *target);

/* Appends to the list when it is not there. Bodies hold at most body_max bytes. NULL: no memory. */
struct load_target *target_find_or_add(struct load_target **targets, struct arena *arena,
                                       struct slice db, struct slice table, uint64_t body_max);
void target_deinit(struct load_target *target);

/* The way that was made for this very table before, or NULL. */
struct sink_table *target_find_table(const struct load_target *target, const struct table *source);
/* Takes a table whose schema and source are filled, and gives it its column list. RC_MISMATCH when
 * another source table that goes to the same target has another key; then nothing is taken. */
enum rc target_add_table(struct load_target *target, struct sink_table *table,
                         struct error *err) MUST_CHECK;
/* The same for one that is there and stale, and was filled anew. */
enum rc target_renew_table(struct load_target *target, struct sink_table *table,
                           struct error *err) MUST_CHECK;
/* The target, or NULL. */
struct load_target *target_find(struct load_target *targets, struct slice db, struct slice table);
/* The target was changed: all ways to it are stale. Its bodies are empty. */
void target_changed(struct load_target *target);
/* The source table that was `before` goes there no more; NULL: none does. */
void target_remove_source(struct load_target *target, const struct table *before);
/* Another source table that goes to the target, and has the column (empty: whatever it has). */
const struct table *target_other_source(const struct load_target *target,
                                        const struct table *source, struct slice column);
/* The number of source tables that go to the target now. */
unsigned target_source_count(const struct load_target *target);

#endif
