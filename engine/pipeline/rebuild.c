/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A target that cannot be changed in place is made anew beside the old one:
 *
 *   1. what is beside it from an attempt before is dropped; its tables are noted as being rebuilt
 *   2. their rows, from the stream and from a snapshot, go to <target>__millrace_new (targets.c)
 *   3. when the snapshot of each is complete and durable, the new target takes the name of the old one
 *   4. the tables are noted as complete
 *
 * Readers see the old target, as it was, until step 3. A crash between 3 and 4 makes step 3 again,
 * which finds that the new target has gone and the old name is there: done.
 *
 * Tables that share a target are rebuilt together, and so are those that share another one with any of
 * them: they are noted in one record, for a part of them would take the place of all. A table that
 * comes to such a target meanwhile joins them (targets_join).
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

struct group {
    struct member *member; /* that others are compared with */
    unsigned joined;
    unsigned waiting;
    const struct member *odd; /* cannot be read again together with the others */
};

static enum rc join_one(struct pipeline *pipeline, struct member *other, void *ctx,
                        struct error *err)
{
    struct group *group = ctx;
    bool meet = false;
    if (other->grouped)
        return RC_OK;
    enum rc rc = targets_meet(pipeline, group->member, other, &meet, err);
    if (rc == RC_OK && meet) {
        other->grouped = true;
        group->joined++;
    }
    return rc;
}

static enum rc join_all(struct pipeline *pipeline, struct member *member, void *ctx,
                        struct error *err)
{
    struct group *group = ctx;
    if (!member->grouped)
        return RC_OK;
    group->member = member;
    return members_each(pipeline, join_one, group, err);
}

/* Sets `grouped` of the member and of all that share a target with it, or with one of those. */
static enum rc gather(struct pipeline *pipeline, struct member *member, unsigned *others_out,
                      struct error *err)
{
    struct group group = {.joined = 0};
    for (struct member *each = pipeline->members.first; each != NULL; each = each->behind)
        each->grouped = each == member;
    enum rc rc = RC_OK;
    unsigned before;
    *others_out = 0;
    do {
        before = group.joined;
        rc = members_each(pipeline, join_all, &group, err);
    } while (rc == RC_OK && group.joined > before && group.joined > 1);
    *others_out = group.joined;
    return rc;
}

static bool same_key(const struct table *a, const struct table *b)
{
    if (a->key_count != b->key_count)
        return false;
    for (uint32_t k = 0; k < a->key_count; k++)
        if (!slice_equal_nocase(a->columns[a->key[k]].name, b->columns[b->key[k]].name))
            return false;
    return true;
}

/* One target has one key, and rows without a key cannot be told apart. */
static enum rc find_odd(struct pipeline *pipeline UNUSED, struct member *member, void *ctx,
                        struct error *err UNUSED)
{
    struct group *group = ctx;
    const struct table *table = member->newest;
    if (member->grouped &&
        (table == NULL || table->key_count == 0 || !same_key(table, group->member->newest)))
        group->odd = member;
    return RC_OK;
}

static enum rc must_agree(struct pipeline *pipeline, struct member *member, struct table *table,
                          struct error *err)
{
    struct table *newest = member->newest;
    struct group group = {.member = member};
    member->newest = table;
    enum rc rc = members_each(pipeline, find_odd, &group, err);
    member->newest = newest;
    if (rc != RC_OK || group.odd == NULL)
        return rc;
    rc = error_set(
        err, RC_UNSUPPORTED,
        "%.*s.%.*s shares its target with other tables, which can be made anew only from "
        "all of them, and they must have one and the same key; %.*s.%.*s has another one, "
        "or none.",
        SLICE_ARG(member->db), SLICE_ARG(member->name), SLICE_ARG(group.odd->db),
        SLICE_ARG(group.odd->name));
    error_hint(err, "Give all of them the same key before the pipeline reads on, or route them "
                    "apart.");
    return at(pipeline, PIPELINE_SIDE_SINK, rc);
}

/* What is beside a target is of an attempt before, or of nobody. */
static enum rc clear_beside(struct pipeline *pipeline, struct member *member, void *ctx,
                            struct error *err)
{
    if (!member->grouped)
        return RC_OK;
    struct schema_step drop = {.kind = SCHEMA_DROP_TABLE, .before = ctx, .for_all = true};
    struct sink_target beside[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    member->rebuild = pipeline->members.rebuilding = true;
    enum rc rc = targets_now(pipeline, member, beside, &count, err);
    for (unsigned i = 0; rc == RC_OK && i < count; i++)
        rc = step_at(pipeline, &drop, &beside[i], err);
    return rc;
}

static enum rc give_up(struct pipeline *pipeline UNUSED, struct member *member, void *ctx UNUSED,
                       struct error *err UNUSED)
{
    member->rebuild = member->rebuild && !member->grouped;
    return RC_OK;
}

static enum rc mark(struct pipeline *pipeline, struct member *member, void *ctx, struct error *err)
{
    const struct group *group = ctx;
    struct table *table = member->newest;
    if (!member->grouped)
        return RC_OK;
    buf_reset(&member->skipped); /* the new target takes all columns, */
    buf_reset(&member->kept);    /* and has no others */
    member->filling = false;
    member->generation++;
    if (member == group->member)
        return RC_OK;
    return taking_mark(pipeline, member, table, err);
}

static enum rc begin_one(struct pipeline *pipeline, struct member *member, void *ctx,
                         struct error *err)
{
    const struct group *group = ctx;
    if (!member->grouped || member == group->member)
        return RC_OK;
    return taking_add(pipeline, member, member->newest, err);
}

enum rc rebuild_begin(struct pipeline *pipeline, struct member *member, struct table *table,
                      struct error *err)
{
    struct group group = {.member = member};
    unsigned others = 0;
    enum rc rc = gather(pipeline, member, &others, err);
    if (rc == RC_OK && others > 0)
        rc = must_agree(pipeline, member, table, err);
    if (rc != RC_OK)
        return rc;
    rc = members_each(pipeline, clear_beside, table, err);
    if (rc != RC_OK) {
        enum rc given_up = members_each(pipeline, give_up, NULL, err);
        ASSERT(given_up == RC_OK);
        return rc;
    }
    rc = members_each(pipeline, mark, &group, err);
    /* The first one's record has the notes of all. */
    if (rc == RC_OK)
        rc = taking_again(pipeline, member, table, err);
    if (rc == RC_OK && others > 0)
        log_info("pipeline.rebuild", "Tables that share a target are read again together.",
                 LOG_SLICE("db", member->db), LOG_SLICE("table", member->name),
                 LOG_U64("others", others));
    return rc != RC_OK ? rc : members_each(pipeline, begin_one, &group, err);
}

static enum rc count_waiting(struct pipeline *pipeline UNUSED, struct member *member, void *ctx,
                             struct error *err UNUSED)
{
    struct group *group = ctx;
    if (member->grouped && member->rebuild && member->state == MEMBER_QUEUED)
        group->waiting++;
    return RC_OK;
}

/* A target that others of the group have too is swapped by the first of them. */
static enum rc is_first_of(struct pipeline *pipeline, const struct member *member,
                           const struct sink_target *target, bool *first_out, struct error *err)
{
    *first_out = true;
    enum rc rc = RC_OK;
    for (const struct member *other = pipeline->members.first;
         rc == RC_OK && *first_out && other != member; other = other->behind) {
        struct sink_target own[ROUTE_TARGETS_MAX];
        unsigned count = 0;
        if (!other->grouped || other->gone || other->newest == NULL)
            continue;
        rc = targets_own(pipeline, other, own, &count, err);
        for (unsigned i = 0; rc == RC_OK && i < count; i++)
            if (slice_equal(own[i].db, target->db) && slice_equal(own[i].table, target->table))
                *first_out = false;
    }
    return rc;
}

static enum rc swap(struct pipeline *pipeline, struct member *member, void *ctx UNUSED,
                    struct error *err)
{
    struct table *table = member->newest;
    struct sink_target own[ROUTE_TARGETS_MAX];
    struct sink_target beside[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    if (!member->grouped || table == NULL)
        return RC_OK;
    enum rc rc = targets_own(pipeline, member, own, &count, err);
    if (rc == RC_OK)
        rc = targets_now(pipeline, member, beside, &count, err);
    for (unsigned i = 0; rc == RC_OK && i < count; i++) {
        struct schema_step step = {.kind = SCHEMA_SWAP_TABLE,
                                   .before = table,
                                   .after = table,
                                   .new_target = beside[i],
                                   .for_all = true};
        bool first = true;
        rc = is_first_of(pipeline, member, &own[i], &first, err);
        if (rc != RC_OK || !first)
            continue;
        rc = step_at(pipeline, &step, &own[i], err);
        if (rc == RC_OK)
            log_info("pipeline.rebuild", "A table was read anew and took its target's place.",
                     LOG_SLICE("target_db", own[i].db), LOG_SLICE("target_table", own[i].table));
    }
    return rc;
}

static enum rc note_complete(struct pipeline *pipeline, struct member *member, void *ctx UNUSED,
                             struct error *err)
{
    if (!member->grouped)
        return RC_OK;
    member->rebuild = false;
    member->generation++;
    return members_note(pipeline, member, err);
}

enum rc rebuild_end(struct pipeline *pipeline, struct member *member, struct error *err)
{
    struct group group = {.member = member};
    unsigned others = 0;
    ASSERT(member->rebuild && member->newest != NULL);
    enum rc rc = gather(pipeline, member, &others, err);
    if (rc == RC_OK)
        rc = members_each(pipeline, count_waiting, &group, err);
    if (rc != RC_OK || group.waiting > 0)
        return rc;
    rc = epoch_barrier(pipeline, err);
    if (rc == RC_OK)
        rc = epoch_note(pipeline, err);
    if (rc == RC_OK)
        rc = members_each(pipeline, swap, NULL, err);
    if (rc == RC_OK)
        rc = members_each(pipeline, note_complete, NULL, err);
    return rc != RC_OK ? rc : epoch_note(pipeline, err);
}

static enum rc look_at(struct pipeline *pipeline, struct member *member, void *ctx UNUSED,
                       struct error *err)
{
    bool complete = member->rebuild && member->state != MEMBER_QUEUED && member->newest != NULL;
    return complete ? rebuild_end(pipeline, member, err) : RC_OK;
}

enum rc rebuild_look(struct pipeline *pipeline, struct error *err)
{
    return pipeline->members.rebuilding ? members_each(pipeline, look_at, NULL, err) : RC_OK;
}
