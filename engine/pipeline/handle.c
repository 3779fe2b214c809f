/* SPDX-License-Identifier: Apache-2.0 */
#include "handle_int.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "evolve_int.h"
#include "journal_int.h"
#include "notes_int.h"
#include "recovery_int.h"
#include "shape_int.h"
#include "taking_int.h"
#include "unknown_int.h"
#include "write_int.h"

static enum rc handle_row(struct pipeline *pipeline, const struct change *change, struct error *err)
{
    struct way *way;
    bool pass = true;
    enum rc rc = taking_way(pipeline, change->table, &way, err);
    if (rc == RC_OK && way->member->state == MEMBER_QUEUED)
        rc = taking_pass(pipeline, way->member, change, &pass, err);
    if (rc != RC_OK)
        return rc;
    pipeline->in_txn = true;
    pipeline->txn_rows_done = change->ordinal;
    if (pass && way->member->state == MEMBER_QUEUED && change->table->key_count == 0)
        rc = taking_begin(pipeline, way, change->table, err);
    if (rc != RC_OK)
        return rc;
    struct change picked = way->shape == NULL ? *change : shape_apply(way->shape, change);
    unsigned first = pass ? 0 : way->count;
    if (pipeline->skip_targets > 0 && change->ordinal == pipeline->skip_row)
        first = pass ? pipeline->skip_targets : way->count;
    pipeline->skip_targets = 0;
    for (unsigned i = first; i < way->count; i++) {
        pipeline->row_targets_done = i;
        rc = recovery_end(pipeline, change, err);
        if (rc == RC_OK)
            rc = write_to(pipeline, way->tables[i], &picked, err);
        if (rc != RC_OK)
            return rc;
        if (pipeline->open_since_us == 0)
            pipeline->open_since_us = clock_monotonic_us();
    }
    pipeline->txn_rows_done = change->ordinal + 1;
    pipeline->row_targets_done = 0;
    return RC_OK;
}

/* What concerns no single table's rows, for a sink that keeps events. */
static enum rc keep_event(struct pipeline *pipeline, const struct change *change, struct error *err)
{
    pipeline->in_txn = true;
    pipeline->txn_rows_done = change->ordinal;
    enum rc rc = recovery_end(pipeline, change, err);
    if (rc == RC_OK)
        rc = write_to(pipeline, NULL, change, err);
    if (rc != RC_OK)
        return rc;
    if (pipeline->open_since_us == 0)
        pipeline->open_since_us = clock_monotonic_us();
    pipeline->txn_rows_done = change->ordinal + 1;
    return RC_OK;
}

static enum rc handle_truncate(struct pipeline *pipeline, const struct change *change,
                               struct error *err)
{
    if (keeps_events(pipeline))
        return change->table == NULL ? keep_event(pipeline, change, err)
                                     : handle_row(pipeline, change, err);
    if (change->table != NULL)
        return evolve_truncate(pipeline, change, err);
    log_warn("pipeline.table",
             "A table was truncated that is not at the source any more; its target, if there "
             "is one, was left as it is.",
             LOG_SLICE("db", change->ddl_db), LOG_SLICE("statement", statement_shown(change->ddl)));
    return RC_OK;
}

static enum rc handle_schema(struct pipeline *pipeline, const struct change *change,
                             struct error *err)
{
    if (!keeps_events(pipeline))
        return evolve_schema(pipeline, change, err);
    enum rc rc = keep_event(pipeline, change, err);
    return rc != RC_OK ? rc : evolve_follow(pipeline, change, err);
}

/* An event of its own where events are kept; the tables are marked everywhere. */
static enum rc handle_unknown(struct pipeline *pipeline, const struct change *change,
                              struct error *err)
{
    struct way *way;
    pipeline->in_txn = true;
    pipeline->txn_rows_done = change->ordinal;
    enum rc rc = recovery_end(pipeline, change, err);
    if (rc == RC_OK && change->table != NULL)
        rc = taking_way(pipeline, change->table, &way, err);
    if (rc == RC_OK)
        rc = unknown_mark(pipeline, change, err);
    if (rc == RC_OK && keeps_events(pipeline))
        rc = keep_event(pipeline, change, err);
    pipeline->txn_rows_done = change->ordinal + 1;
    return rc;
}

/* Ranges that are read again may end here. One that ends inside this transaction, behind its last row,
 * leaves the notes of this border to the next epoch, as it was the first time. */
static enum rc end_ranges(struct pipeline *pipeline, const struct change *change, struct error *err)
{
    enum rc rc = RC_OK;
    bool collected = false;
    bool over = true;
    while (rc == RC_OK && over) {
        if (!collected && !recovery_ends_inside(pipeline)) {
            rc = notes_collect(pipeline, err);
            collected = true;
        }
        over = rc == RC_OK && pipeline->replay.active && recovery_is_over(pipeline, change);
        if (over)
            rc = recovery_finish(pipeline, err);
    }
    return rc == RC_OK && !collected ? notes_collect(pipeline, err) : rc;
}

static enum rc handle_border(struct pipeline *pipeline, const struct change *change,
                             struct error *err)
{
    enum rc rc = end_ranges(pipeline, change, err);
    if (change->kind == CHANGE_COMMIT) {
        pipeline->in_txn = false;
        pipeline->made_room |= pipeline->flights.split; /* it ends here: look at once */
        pipeline->row_targets_done = 0;
        pipeline->skip_targets = 0;
    }
    if (rc == RC_OK && pipeline->settled && change->kind == CHANGE_COMMIT)
        rc = journal_settle(pipeline, err);
    return rc;
}

enum rc handle_change(struct pipeline *pipeline, const struct change *change, struct error *err)
{
    pipeline->inside = false;
    switch (change->kind) {
    case CHANGE_READ:
    case CHANGE_INSERT:
    case CHANGE_UPDATE:
    case CHANGE_DELETE:
        return handle_row(pipeline, change, err);
    case CHANGE_TRUNCATE:
        return handle_truncate(pipeline, change, err);
    case CHANGE_SCHEMA:
        return handle_schema(pipeline, change, err);
    case CHANGE_UNKNOWN:
        return handle_unknown(pipeline, change, err);
    case CHANGE_COMMIT:
    case CHANGE_IDLE:
        return handle_border(pipeline, change, err);
    case CHANGE_NONE:
        break;
    }
    return RC_OK;
}
