/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of whose rows some may have been missed is read again: into a new target that takes the old
 * one's place, because rows may have been deleted. Where the target cannot be made anew (it has the rows of
 * other tables too, or refuses) the rows are written over those that it has, so that deleted rows may stay.
 *
 * Tables whose rows the stream does not tell (unknown.c) come here by themselves, those that the
 * configuration names again from absent.c.
 */
#include "reread_int.h"

#include "../base/log.h"
#include "epoch_int.h"
#include "members_int.h"
#include "rebuild_int.h"
#include "taking_int.h"
#include "targets_int.h"
#include "unknown_int.h"

/* What the target refuses is said, and the other tables go on. */
static bool is_refusal(enum rc rc)
{
    return rc == RC_UNSUPPORTED || rc == RC_REJECTED || rc == RC_DENIED;
}

static bool has_shared(struct pipeline *pipeline, const struct member *member, struct error *err)
{
    struct sink_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    bool shared = false;
    enum rc rc = targets_own(pipeline, member, targets, &count, err);
    for (unsigned i = 0; rc == RC_OK && i < count && !shared; i++)
        rc = targets_shared(pipeline, member, &targets[i], &shared, err);
    return shared || rc != RC_OK;
}

/* Over the rows that the target has, unless it cannot take them twice. */
static enum rc read_over(struct pipeline *pipeline, struct member *member, const char *reason,
                         bool *begun_out, struct error *err)
{
    *begun_out = member->newest->key_count > 0 || !has_shared(pipeline, member, err);
    log_warn("pipeline.reread",
             *begun_out ? "The target of a table that is read again cannot be made anew; the rows "
                          "are written over those that it has, and deleted ones may stay."
                        : "The target of a table that is to be read again cannot be made anew, and "
                          "stays as it is.",
             LOG_SLICE("db", member->db), LOG_SLICE("table", member->name),
             LOG_STR("reason", reason));
    error_clear(err);
    pipeline->failed_side = PIPELINE_SIDE_NONE;
    return *begun_out ? taking_again(pipeline, member, member->newest, err) : RC_OK;
}

enum rc reread_table(struct pipeline *pipeline, struct member *member, bool *begun_out,
                     struct error *err)
{
    struct error own;
    error_clear(&own);
    *begun_out = true;
    enum rc rc = epoch_barrier(pipeline, err);
    if (rc != RC_OK)
        return rc;
    if (keeps_events(pipeline))
        return taking_again(pipeline, member, member->newest, err);
    rc = rebuild_begin(pipeline, member, member->newest, &own);
    if (is_refusal(rc))
        return read_over(pipeline, member, own.text, begun_out, err);
    if (rc != RC_OK && err != NULL)
        *err = own;
    return rc;
}

static bool is_to_be_read(const struct member *member)
{
    return member->unknown == UNKNOWN_MARKED && member->state != MEMBER_QUEUED &&
           member->newest != NULL;
}

static enum rc read_again(struct pipeline *pipeline, struct member *member, void *ctx UNUSED,
                          struct error *err)
{
    if (!is_to_be_read(member))
        return RC_OK;
    log_info("pipeline.unknown", "A table whose rows are not known is read again.",
             LOG_SLICE("db", member->db), LOG_SLICE("table", member->name));
    bool begun = false;
    enum rc rc = reread_table(pipeline, member, &begun, err);
    return rc != RC_OK || begun ? rc : unknown_leave(pipeline, member, err);
}

enum rc reread_look(struct pipeline *pipeline, struct error *err)
{
    if (pipeline->members.marked_unknown == 0 || pipeline->in_txn || pipeline->replay.active ||
        !unknown_is_reread(pipeline))
        return RC_OK;
    return members_each(pipeline, read_again, NULL, err);
}

static enum rc look_for_one(struct pipeline *pipeline UNUSED, struct member *member, void *ctx,
                            struct error *err UNUSED)
{
    bool *found = ctx;
    *found |= is_to_be_read(member);
    return RC_OK;
}

bool reread_waits(struct pipeline *pipeline)
{
    bool found = false;
    bool may = pipeline->members.marked_unknown > 0 && unknown_is_reread(pipeline);
    return may && members_each(pipeline, look_for_one, &found, NULL) == RC_OK && found;
}
