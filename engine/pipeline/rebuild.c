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
#include "rebuild_int.h"

#include "../base/log.h"
#include "epoch_int.h"
#include "members_int.h"
#include "targets_int.h"
#include "taking_int.h"

static enum rc step_at(struct pipeline *pipeline, const struct schema_step *step,
                       const struct sink_target *target, struct error *err)
{
    struct sink *sink = pipeline->parts.sink;
    if (sink->ops->change_table == NULL)
        return error_set(err, RC_UNSUPPORTED, "This sink has no tables that could be rebuilt.");
    return at(pipeline, PIPELINE_SIDE_SINK, sink->ops->change_table(sink, step, target, err));
}

/* What is beside a target is of an attempt before, or of nobody. */
static enum rc clear_beside(struct pipeline *pipeline, struct member *member, struct table *table,
                            struct error *err)
{
    struct schema_step drop = {.kind = SCHEMA_DROP_TABLE, .before = table};
    struct sink_target own[ROUTE_TARGETS_MAX];
    struct sink_target beside[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    enum rc rc = targets_own(pipeline, member, own, &count, err);
    if (rc == RC_OK)
        rc = targets_now(pipeline, member, beside, &count, err);
    for (unsigned i = 0; rc == RC_OK && i < count; i++) {
        bool shared = false;
        rc = targets_shared(pipeline, member, &own[i], &shared, err);
        if (rc == RC_OK && shared)
            rc = error_set(err, RC_UNSUPPORTED,
                           "The target %.*s.%.*s has the rows of several tables and cannot be made "
                           "anew from %.*s.%.*s alone.",
                           SLICE_ARG(own[i].db), SLICE_ARG(own[i].table), SLICE_ARG(member->db),
                           SLICE_ARG(member->name));
        if (rc == RC_OK)
            rc = step_at(pipeline, &drop, &beside[i], err);
    }
    return rc;
}

enum rc rebuild_begin(struct pipeline *pipeline, struct member *member, struct table *table,
                      struct error *err)
{
    member->rebuild = true;
    enum rc rc = clear_beside(pipeline, member, table, err);
    if (rc != RC_OK) {
        member->rebuild = false;
        return rc;
    }
    buf_reset(&member->skipped); /* the new target takes all columns */
    member->filling = false;
    member->generation++;
    return taking_again(pipeline, member, table, err);
}

enum rc rebuild_end(struct pipeline *pipeline, struct member *member, struct error *err)
{
    struct table *table = member->newest;
    struct sink_target own[ROUTE_TARGETS_MAX];
    struct sink_target beside[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    ASSERT(member->rebuild && table != NULL);
    enum rc rc = epoch_barrier(pipeline, err);
    if (rc == RC_OK)
        rc = epoch_note(pipeline, err);
    if (rc == RC_OK)
        rc = targets_own(pipeline, member, own, &count, err);
    if (rc == RC_OK)
        rc = targets_now(pipeline, member, beside, &count, err);
    for (unsigned i = 0; rc == RC_OK && i < count; i++) {
        struct schema_step swap = {
            .kind = SCHEMA_SWAP_TABLE, .before = table, .after = table, .new_target = beside[i]};
        rc = step_at(pipeline, &swap, &own[i], err);
        if (rc == RC_OK)
            log_info("pipeline.rebuild", "A table was read anew and took its target's place.",
                     LOG_SLICE("target_db", own[i].db), LOG_SLICE("target_table", own[i].table));
    }
    if (rc != RC_OK)
        return rc;
    member->rebuild = false;
    member->generation++;
    rc = members_note(pipeline, member, err);
    return rc != RC_OK ? rc : epoch_note(pipeline, err);
}
