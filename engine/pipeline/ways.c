/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline_int.h"

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

/* A table seen for the first time, or with a new shape: its targets are created or compared before
 * its first row is written. */
static enum rc open_way(struct pipeline *pipeline, struct table *table, struct error *err)
{
    struct route_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    enum rc rc = route_apply(pipeline->parts.routes, table->db, table->name, targets, &count, err);
    if (rc != RC_OK)
        return rc;
    ASSERT(count > 0 && count <= ROUTE_TARGETS_MAX);
    struct way *way = arena_alloc(&pipeline->arena, sizeof(*way));
    if (way == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the routes of %.*s.%.*s.",
                         SLICE_ARG(table->db), SLICE_ARG(table->name));
    struct sink *sink = pipeline->parts.sink;
    for (unsigned i = 0; i < count; i++) {
        struct sink_target target = {.db = targets[i].db, .table = targets[i].table};
        rc = at(pipeline, PIPELINE_SIDE_SINK,
                sink->ops->table(sink, table, &target, &way->tables[i], err));
        if (rc != RC_OK)
            return rc;
        tell(pipeline, table, &target);
    }
    way->count = count;
    table->route = way;
    return RC_OK;
}

enum rc ways_of(struct pipeline *pipeline, struct table *table, struct way **way_out,
                struct error *err)
{
    if (table->route == NULL) {
        enum rc rc = open_way(pipeline, table, err);
        if (rc != RC_OK)
            return rc;
    }
    *way_out = table->route;
    return RC_OK;
}

static enum rc visit(void *ctx, struct table *table, struct error *err)
{
    struct way *way;
    return ways_of(ctx, table, &way, err);
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
