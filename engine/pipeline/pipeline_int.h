/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the pipeline, shared by its files:
 *   pipeline.c   the loop
 *   ways.c       which sink tables a source table's rows go to
 *   epoch.c      closing an epoch and seeing it through
 *   recovery.c   finishing what an earlier life began
 *   progress.c   what it tells while it runs
 */
#ifndef MILLRACE_PIPELINE_PIPELINE_INT_H
#define MILLRACE_PIPELINE_PIPELINE_INT_H

#include <stdatomic.h>

#include "../base/arena.h"
#include "pipeline.h"

/* Where one source table's rows go; hangs on table->route. */
struct way {
    struct sink_table *tables[ROUTE_TARGETS_MAX];
    unsigned count;
};

/* The epoch that is on its way to the target. */
struct flight {
    bool active;
    uint64_t epoch;
    uint64_t started_us; /* monotonic, when it was sealed */
    uint64_t rows;
    uint64_t bytes;
};

/* An unfinished epoch of an earlier life that is being read again. */
struct replay {
    bool active;
    bool base_reached; /* all transactions before `to` have been given */
    uint64_t epoch;
    uint32_t attempt;
    struct position from;
    struct position to;
    struct manifest_entry
        *entries;            /* copied from the journal: the store forgets them at a new intent */
    enum load_state *states; /* one an entry */
    uint32_t count;
};

struct progress {
    uint64_t next_log_us;
    uint64_t next_line_us;
    uint64_t last_log_us;
    uint64_t last_rows;  /* read, at the last log line */
    uint64_t last_bytes; /* read, at the last log line */
    uint64_t line_us;    /* the same two for the live line */
    uint64_t line_rows;
    double line_rate;
};

struct pipeline {
    struct pipeline_parts parts;
    struct arena arena; /* ways, replay entries: live as long as the pipeline */
    struct sink_limits limits;

    struct position open_from; /* where the open batch starts */
    struct position taken;     /* scratch for positions taken from the source */
    uint64_t open_since_us;    /* monotonic, of its first row; 0: nothing in it */
    uint64_t next_epoch;

    bool preparing;            /* the tables are gone through, before the stream */
    bool in_txn;               /* rows of a transaction that is not over have been handled */
    uint64_t txn_rows_done;    /* of that transaction: ordinal of the last handled row + 1 */
    uint32_t row_targets_done; /* of the row in hand, while a batch is cut in the middle of it */
    bool truncated;            /* a TRUNCATE took effect: move the position at its COMMIT */
    uint64_t skip_row;         /* first row after a resume inside a row: its ordinal, */
    uint32_t skip_targets;     /* and how many of its targets have it already; 0: no such row */

    struct flight flight;
    struct replay replay;
    struct progress progress;
    uint64_t moved_us; /* monotonic, when the position was last stored */

    enum pipeline_side failed_side; /* of the last call that failed */
    atomic_bool stopping;
};

/* Remembers which part a failed call belongs to: at(pipeline, PIPELINE_SIDE_SINK, sink->ops->...).
 */
static inline enum rc at(struct pipeline *pipeline, enum pipeline_side side, enum rc rc)
{
    if (rc != RC_OK && rc != RC_AGAIN && rc != RC_EOF && rc != RC_FULL)
        pipeline->failed_side = side;
    return rc;
}

/* ways.c */
enum rc ways_prepare(struct pipeline *pipeline, struct error *err) MUST_CHECK;
enum rc ways_of(struct pipeline *pipeline, struct table *table, struct way **way_out,
                struct error *err) MUST_CHECK;

/* epoch.c */
/* True when time, rows or bytes say that the open batch is large enough. */
bool epoch_is_due(const struct pipeline *pipeline, uint64_t now_us);
/* Closes the open batch and starts its loads; nothing when it is empty. No flight may be active. */
enum rc epoch_close(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* Takes the ends of loads, waiting at most wait_ms for the first. */
enum rc epoch_poll(struct pipeline *pipeline, unsigned wait_ms, struct error *err) MUST_CHECK;
/* Waits until no epoch is on its way. deadline_us 0: for ever; else RC_CANCELLED. */
enum rc epoch_drain(struct pipeline *pipeline, uint64_t deadline_us, struct error *err) MUST_CHECK;
/* Where the next row or transaction would be read again from: into `out`. */
enum rc epoch_here(struct pipeline *pipeline, struct position *out, struct error *err) MUST_CHECK;
/* Stores the position of a quiet stream, when it has moved and nothing is pending. */
enum rc epoch_move(struct pipeline *pipeline, struct error *err) MUST_CHECK;

/* recovery.c */
/* Asks what became of the loads of an unfinished epoch; afterwards it is either advanced, or
 * pipeline->replay says what to read again. */
enum rc recovery_begin(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* True when `change` (NULL: the start of the stream) lies behind the end of the replayed range. */
bool recovery_is_over(struct pipeline *pipeline, const struct change *change);
/* Seals the replayed epoch, loads what was not applied, and waits for it. */
enum rc recovery_finish(struct pipeline *pipeline, struct error *err) MUST_CHECK;

/* progress.c */
void progress_init(struct progress *progress, uint64_t now_us);
void progress_tell(struct pipeline *pipeline, uint64_t now_us);

#endif
