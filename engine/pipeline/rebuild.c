/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A target that cannot be changed in place is made anew beside the old one:
 *
 *   1. what is beside it from an attempt before is dropped; the member is noted as being rebuilt
 *   2. its rows, from the stream and from a snapshot, go to <target>__millrace_new
 *   3. when the snapshot is complete and durable, the new target takes the name of the old one
 *   4. the member is noted as complete
 *
 * Readers see the old target, as it was, until step 3. A crash between 3 and 4 makes step 3 again,
 * which finds that the new target has gone and the old name is there: done.
 */
#include "pipeline_int.h"

#include "../base/log.h"

enum rc rebuild_name(struct pipeline *pipeline, const struct sink_target *target,
                     struct sink_target *out, struct error *err)
{
    struct buf name;
    buf_init(&name, 4096);
    buf_addf(&name, "%.*s" REBUILD_SUFFIX, SLICE_ARG(target->table));
    struct slice db = target->db;
    struct slice table = arena_copy(&pipeline->arena, buf_slice(&name));
    buf_deinit(&name);
    if (table.ptr == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the name of a target.");
    *out = (struct sink_target){.db = db, .table = table};
    return RC_OK;
}

static enum rc step_at(struct pipeline *pipeline, const struct schema_step *step,
                       const struct sink_target *target, struct error *err)
{
    struct sink *sink = pipeline->parts.sink;
    if (sink->ops->change_table == NULL)
        return error_set(err, RC_UNSUPPORTED, "This sink has no tables that could be rebuilt.");
    return at(pipeline, PIPELINE_SIDE_SINK, sink->ops->change_table(sink, step, target, err));
}

enum rc rebuild_begin(struct pipeline *pipeline, struct member *member, struct table *table,
                      struct error *err)
{
    struct sink_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    member->rebuild = true;
    enum rc rc = ways_targets(pipeline, member, targets, &count, err);
    for (unsigned i = 0; rc == RC_OK && i < count; i++) {
        bool shared = false;
        struct schema_step drop = {.kind = SCHEMA_DROP_TABLE, .before = table};
        struct sink_target own = targets[i];
        own.table.len -= strlen(REBUILD_SUFFIX);
        rc = ways_shared(pipeline, member, &own, &shared, err);
        if (rc == RC_OK && shared)
            rc = error_set(err, RC_UNSUPPORTED,
                           "The target %.*s.%.*s has the rows of several tables and cannot be made "
                           "anew from %.*s.%.*s alone.",
                           SLICE_ARG(own.db), SLICE_ARG(own.table), SLICE_ARG(member->db),
                           SLICE_ARG(member->name));
        if (rc == RC_OK)
            rc = step_at(pipeline, &drop, &targets[i], err);
    }
    if (rc != RC_OK) {
        member->rebuild = false;
        return rc;
    }
    buf_reset(&member->skipped); /* the new target takes all columns */
    member->filling = false;
    member->generation++;
    return taking_again(pipeline, member, table, err);
}

enum rc rebuild_end(struct pipeline *pipeline, struct member *member, struct table *table,
                    struct error *err)
{
    struct sink_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    enum rc rc = epoch_barrier(pipeline, err);
    if (rc == RC_OK)
        rc = epoch_note(pipeline, err);
    if (rc == RC_OK)
        rc = ways_targets(pipeline, member, targets, &count, err);
    for (unsigned i = 0; rc == RC_OK && i < count; i++) {
        struct schema_step swap = {
            .kind = SCHEMA_SWAP_TABLE, .before = table, .after = table, .new_target = targets[i]};
        struct sink_target own = targets[i];
        own.table.len -= strlen(REBUILD_SUFFIX);
        rc = step_at(pipeline, &swap, &own, err);
        if (rc == RC_OK)
            log_info("pipeline.rebuild", "A table was read anew and took its target's place.",
                     LOG_SLICE("target_db", own.db), LOG_SLICE("target_table", own.table));
    }
    if (rc != RC_OK)
        return rc;
    member->rebuild = false;
    member->generation++;
    rc = members_note(pipeline, member, err);
    return rc != RC_OK ? rc : epoch_note(pipeline, err);
}
