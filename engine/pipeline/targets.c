/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of targets. A table that is rebuilt has its rows in <target>__millrace_new until the
 * snapshot is complete (rebuild.c).
 */
#include "targets_int.h"

#include "members_int.h"

#define BESIDE_SUFFIX "__millrace_new"

enum rc targets_own(struct pipeline *pipeline, const struct member *member,
                    struct sink_target targets[ROUTE_TARGETS_MAX], unsigned *count_out,
                    struct error *err)
{
    struct route_target found[ROUTE_TARGETS_MAX];
    enum rc rc =
        route_apply(pipeline->parts.routes, member->db, member->name, found, count_out, err);
    if (rc != RC_OK)
        return rc;
    ASSERT(*count_out > 0 && *count_out <= ROUTE_TARGETS_MAX);
    for (unsigned i = 0; i < *count_out; i++)
        targets[i] = (struct sink_target){.db = found[i].db, .table = found[i].table};
    return RC_OK;
}

static enum rc name_beside(struct pipeline *pipeline, struct sink_target *target, struct error *err)
{
    struct buf name;
    buf_init(&name, 4096);
    buf_addf(&name, "%.*s" BESIDE_SUFFIX, SLICE_ARG(target->table));
    struct slice table = arena_copy(&pipeline->arena, buf_slice(&name));
    buf_deinit(&name);
    if (table.ptr == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the name of a target.");
    target->table = table;
    return RC_OK;
}

enum rc targets_now(struct pipeline *pipeline, const struct member *member,
                    struct sink_target targets[ROUTE_TARGETS_MAX], unsigned *count_out,
                    struct error *err)
{
    enum rc rc = targets_own(pipeline, member, targets, count_out, err);
    for (unsigned i = 0; rc == RC_OK && member->rebuild && i < *count_out; i++)
        rc = name_beside(pipeline, &targets[i], err);
    return rc;
}

struct sharing {
    const struct member *member;
    const struct sink_target *target;
    bool shared;
};

static enum rc look_at(struct pipeline *pipeline, struct member *other, void *ctx,
                       struct error *err)
{
    struct sharing *sharing = ctx;
    struct sink_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    if (other == sharing->member || sharing->shared)
        return RC_OK;
    enum rc rc = targets_own(pipeline, other, targets, &count, err);
    for (unsigned i = 0; rc == RC_OK && i < count; i++)
        if (slice_equal(targets[i].db, sharing->target->db) &&
            slice_equal(targets[i].table, sharing->target->table))
            sharing->shared = true;
    return rc;
}

enum rc targets_shared(struct pipeline *pipeline, const struct member *member,
                       const struct sink_target *target, bool *shared_out, struct error *err)
{
    struct sharing sharing = {.member = member, .target = target};
    enum rc rc = members_each(pipeline, look_at, &sharing, err);
    *shared_out = sharing.shared;
    return rc;
}
