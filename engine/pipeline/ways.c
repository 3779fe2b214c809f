/* SPDX-License-Identifier: Apache-2.0 */
#include "ways_int.h"

#include "epoch_int.h"
#include "members_int.h"
#include "policy_int.h"
#include "shape_int.h"
#include "targets_int.h"

#include "../base/log.h"

/* The catalog's table and the binlog's are one to people: told when the pipeline starts, and again only
 * when the shape is another. */
static void tell(const struct pipeline *pipeline, const struct table *table,
                 const struct sink_target *target)
{
    if (!pipeline->preparing && table->version == 1)
        return;
    log_info("pipeline.table",
             table->version == 1 ? "A table is carried." : "A table has another shape now.",
             LOG_SLICE("db", table->db), LOG_SLICE("table", table->name),
             LOG_SLICE("target_db", target->db), LOG_SLICE("target_table", target->table),
             LOG_U64("columns", table->column_count), LOG_U64("key_columns", table->key_count));
}

/* Tables of one target may have different columns: it gets those that it does not have yet, which the
 * rows of the others leave NULL. Each is added, or compared where it is there. */
static enum rc widen(struct pipeline *pipeline, const struct table *table,
                     const struct sink_target *target, struct error *err)
{
    struct sink *sink = pipeline->parts.sink;
    enum rc rc = epoch_barrier(pipeline, err);
    for (uint32_t i = 0; rc == RC_OK && i < table->column_count; i++) {
        struct column column = table->columns[i];
        if (column.key_ordinal != 0)
            continue;
        column.nullable = true;
        column.default_value = SLICE_EMPTY;
        column.default_known = true;
        struct schema_step step = {.kind = SCHEMA_ADD_COLUMN,
                                   .after = table,
                                   .column = &column,
                                   .behind = i == 0 ? NULL : &table->columns[i - 1]};
        rc = at(pipeline, PIPELINE_SIDE_SINK, sink->ops->change_table(sink, &step, target, err));
    }
    return rc;
}

static bool may_widen(const struct pipeline *pipeline)
{
    return pipeline->parts.sink->ops->change_table != NULL && !pipeline->replay.active &&
           policy_behavior(pipeline) != BEHAVIOR_EXCEPTION &&
           policy_carries(pipeline, "add.column");
}

static enum rc open_target(struct pipeline *pipeline, struct way *way, const struct table *table,
                           const struct sink_target *target, unsigned index, struct error *err)
{
    struct sink *sink = pipeline->parts.sink;
    bool shared = false;
    enum rc rc = at(pipeline, PIPELINE_SIDE_SINK,
                    sink->ops->table(sink, table, target, &way->tables[index], err));
    if (rc != RC_MISMATCH || !may_widen(pipeline))
        return rc;
    struct error mismatch = {.rc = RC_OK};
    if (err != NULL)
        mismatch = *err;
    enum rc shared_rc = targets_shared(pipeline, way->member, target, &shared, err);
    if (shared_rc != RC_OK)
        return shared_rc;
    if (!shared) {
        if (err != NULL)
            *err = mismatch;
        return rc;
    }
    error_clear(err);
    pipeline->failed_side = PIPELINE_SIDE_NONE;
    rc = widen(pipeline, table, target, err);
    return rc != RC_OK ? rc
                       : at(pipeline, PIPELINE_SIDE_SINK,
                            sink->ops->table(sink, table, target, &way->tables[index], err));
}

/* A table seen for the first time, or with a new shape: its targets are created or compared before
 * its first row is written. */
static enum rc open_way(struct pipeline *pipeline, struct table *table, struct error *err)
{
    struct sink_target targets[ROUTE_TARGETS_MAX];
    struct member *member;
    unsigned count = 0;
    enum rc rc = members_of(pipeline, table, &member, err);
    bool was_rebuilt = rc == RC_OK && member->rebuild;
    if (rc == RC_OK && member->newest == NULL)
        rc = targets_join(pipeline, member, err);
    if (rc == RC_OK && member->rebuild && !was_rebuilt)
        rc = members_note(pipeline, member, err);
    if (rc == RC_OK)
        rc = targets_now(pipeline, member, targets, &count, err);
    if (rc != RC_OK)
        return rc;
    struct way *way = arena_alloc(&pipeline->arena, sizeof(*way));
    if (way == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the routes of %.*s.%.*s.",
                         SLICE_ARG(table->db), SLICE_ARG(table->name));
    way->member = member;
    way->generation = member->generation;
    rc = shape_make(pipeline, table, member, &way->shape, err);
    for (unsigned i = 0; rc == RC_OK && i < count; i++) {
        rc = open_target(pipeline, way, way->shape == NULL ? table : &way->shape->table,
                         &targets[i], i, err);
        if (rc == RC_OK)
            tell(pipeline, table, &targets[i]);
    }
    if (rc != RC_OK)
        return rc;
    way->count = count;
    table->route = way;
    return RC_OK;
}

enum rc ways_of(struct pipeline *pipeline, struct table *table, struct way **way_out,
                struct error *err)
{
    if (ways_is_open(table)) {
        *way_out = table->route;
        return RC_OK;
    }
    enum rc rc = open_way(pipeline, table, err);
    if (rc != RC_OK)
        return rc;
    *way_out = table->route;
    (*way_out)->member->newest = table;
    return RC_OK;
}

enum rc ways_of_chunk(struct pipeline *pipeline, struct table *table, struct way **way_out,
                      struct error *err)
{
    enum rc rc = ways_is_open(table) ? RC_OK : open_way(pipeline, table, err);
    *way_out = table->route;
    return rc;
}

/* Perhaps the target beside has taken the place of its own already, and the crash came before that was
 * noted: rebuild_look sees to it. One that were made here would take the place once more, empty. */
static bool is_swapped(const struct pipeline *pipeline, const struct member *member)
{
    return member->rebuild && member->state != MEMBER_QUEUED && !pipeline->replay.active;
}

/* At a later start the source tells its tables as they are now, and the stream begins before
 * statements that made them so; and where a statement's steps were being made when a life ended, the
 * targets may be ahead of the tables. So a target that does not fit is no failure yet: it is compared
 * again when the first row comes, or the statement. A table that the checkpoint does not know gets its
 * target then, too; and so do all where a first stream begins in the past: a target that was made as
 * the table is now would not take the rows of then. */
static enum rc visit(void *ctx, struct table *table, struct error *err)
{
    struct pipeline *pipeline = ctx;
    struct member *member = members_find(pipeline, table->db, table->name);
    struct way *way;
    const struct source_tables_config *tables = pipeline->parts.tables;
    bool later = pipeline->fresh && tables != NULL && tables->from_before;
    bool first = !later && (pipeline->fresh || !pipeline->members.tracked);
    bool known = !later && member != NULL && member->known && !pipeline->steps.noted &&
                 !is_swapped(pipeline, member);
    enum rc rc = RC_OK;
    if (first || known)
        rc = ways_of(pipeline, table, &way, err);
    if (first || (rc != RC_OK && rc != RC_MISMATCH))
        return rc;
    if (rc == RC_MISMATCH) {
        log_info("pipeline.table",
                 "A target does not fit its table as it is now; the stream may bring the reason.",
                 LOG_SLICE("db", table->db), LOG_SLICE("table", table->name),
                 LOG_STR("reason", err->text));
        error_clear(err);
        pipeline->failed_side = PIPELINE_SIDE_NONE;
    }
    rc = members_of(pipeline, table, &member, err);
    if (rc == RC_OK)
        member->newest = table;
    return rc;
}

enum rc ways_prepare(struct pipeline *pipeline, struct error *err)
{
    struct source *source = pipeline->parts.source;
    pipeline->preparing = true;
    pipeline->failed_side = PIPELINE_SIDE_NONE;
    enum rc rc = source->ops->tables(source, visit, pipeline, err);
    pipeline->preparing = false;
    /* A target that does not fit was noted on the way; else it is the source that failed. */
    if (rc != RC_OK && pipeline->failed_side == PIPELINE_SIDE_NONE)
        pipeline->failed_side = PIPELINE_SIDE_SOURCE;
    return rc;
}
