/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of targets. A table that is rebuilt has its rows in <target>__millrace_new until the
 * snapshot is complete (rebuild.c); where that would be longer than a target's name may be (64
 * characters, facts/doris.md 6.1), in <its beginning>_<hash of the target>__millrace_new.
 */
#include "targets_int.h"

#include <stdio.h>

#include "members_int.h"

#define BESIDE_SUFFIX "__millrace_new"

enum { TARGET_NAME_MAX = 64 }; /* Doris' limit; StarRocks takes more */

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

/* A long name is cut where a character begins, and its hash keeps two such names apart; the same name
 * comes out after a restart. */
static void add_name_beside(struct buf *out, struct slice table)
{
    char tail[sizeof(BESIDE_SUFFIX) + 32];
    if (table.len + strlen(BESIDE_SUFFIX) <= TARGET_NAME_MAX) {
        buf_addf(out, "%.*s" BESIDE_SUFFIX, SLICE_ARG(table));
        return;
    }
    int tail_len = snprintf(tail, sizeof(tail), "_%016llx" BESIDE_SUFFIX,
                            (unsigned long long)slice_hash(table));
    size_t len = TARGET_NAME_MAX - (size_t)tail_len;
    while (len > 0 && (table.ptr[len] & 0xc0) == 0x80)
        len--;
    buf_add(out, table.ptr, len);
    buf_add(out, tail, (size_t)tail_len);
}

static enum rc name_beside(struct pipeline *pipeline, struct sink_target *target, struct error *err)
{
    struct buf name;
    buf_init(&name, 4096);
    add_name_beside(&name, target->table);
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

static bool have_one(const struct sink_target *a, unsigned a_count, const struct sink_target *b,
                     unsigned b_count)
{
    for (unsigned i = 0; i < a_count; i++)
        for (unsigned k = 0; k < b_count; k++)
            if (slice_equal(a[i].db, b[k].db) && slice_equal(a[i].table, b[k].table))
                return true;
    return false;
}

enum rc targets_meet(struct pipeline *pipeline, const struct member *a, const struct member *b,
                     bool *meet_out, struct error *err)
{
    struct sink_target of_a[ROUTE_TARGETS_MAX];
    struct sink_target of_b[ROUTE_TARGETS_MAX];
    unsigned a_count = 0;
    unsigned b_count = 0;
    enum rc rc = targets_own(pipeline, a, of_a, &a_count, err);
    if (rc == RC_OK)
        rc = targets_own(pipeline, b, of_b, &b_count, err);
    *meet_out = rc == RC_OK && have_one(of_a, a_count, of_b, b_count);
    return rc;
}

static enum rc join(struct pipeline *pipeline, struct member *other, void *ctx, struct error *err)
{
    struct member *member = ctx;
    bool meet = false;
    if (other == member || !other->rebuild || member->rebuild)
        return RC_OK;
    enum rc rc = targets_meet(pipeline, member, other, &meet, err);
    member->rebuild = meet;
    return rc;
}

enum rc targets_join(struct pipeline *pipeline, struct member *member, struct error *err)
{
    if (!pipeline->members.rebuilding || member->rebuild)
        return RC_OK;
    return members_each(pipeline, join, member, err);
}
