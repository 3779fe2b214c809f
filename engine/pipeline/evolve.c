/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema change on its way to the target: everything before it is made durable, then its steps are
 * made one after the other, then (at its COMMIT) the position moves behind it. So no epoch has a
 * change of a target inside, and neither has a range that is read again.
 *
 * A crash in between reads the statement again. Each step that a target shows already is compared and
 * not repeated (engine/ports/sink.h), and how far the steps came is noted (journal_int.h).
 *
 * A target that several source tables share is never dropped, emptied or renamed, and loses no column:
 * that would destroy what the others wrote.
 */
#include "evolve_int.h"

#include "../base/log.h"
#include "apply_int.h"
#include "journal_int.h"
#include "members_int.h"
#include "notes_int.h"
#include "policy_int.h"
#include "rebuild_int.h"
#include "steps_int.h"
#include "taking_int.h"
#include "targets_int.h"
#include "unknown_int.h"

/* Whether the rows of a table can be read again. */
static bool may_read(const struct pipeline *pipeline, const struct member *member)
{
    bool scans = pipeline->parts.tables != NULL && pipeline->parts.snapshot_ops != NULL &&
                 pipeline->parts.tables->scan != SOURCE_SCAN_NONE;
    return scans || member->rebuild;
}

static bool may_rebuild(const struct pipeline *pipeline, const struct member *member)
{
    enum behavior behavior = policy_behavior(pipeline);
    bool wanted = behavior == BEHAVIOR_EVOLVE || behavior == BEHAVIOR_TRY_EVOLVE;
    return wanted && may_read(pipeline, member);
}

/* Columns that are gone at the source are not left out any more: another one may come under the
 * name. */
static void forget_dropped(struct evolution *evolution)
{
    const struct table *before = evolution->tc->before;
    for (uint32_t i = 0; i < before->column_count; i++)
        if (table_find_column(evolution->tc->after, before->columns[i].name) < 0)
            member_skip(evolution->member, before->columns[i].name, false);
}

/* What came again is the source's column, and no one that only the target has. */
static void forget_kept(struct evolution *evolution)
{
    const struct table *after = evolution->tc->after;
    for (uint32_t i = 0; i < after->column_count; i++)
        if (member_keeps(evolution->member, after->columns[i].name))
            member_keep(evolution->member, after->columns[i].name, false);
}

/* A row that is read again takes the place of the older one. */
static bool may_write_over(const struct evolution *evolution)
{
    return may_read(evolution->pipeline, evolution->member) && evolution->tc->after->key_count > 0;
}

static enum rc write_over(struct evolution *evolution, struct error *err)
{
    enum rc rc = apply_bar(evolution, err);
    return rc != RC_OK
               ? rc
               : taking_again(evolution->pipeline, evolution->member, evolution->tc->after, err);
}

/* A column came again under a name whose old values the target kept and may not drop: the rows are
 * written over. */
static enum rc renew_values(struct evolution *evolution, struct error *err)
{
    const struct table_change *tc = evolution->tc;
    bool reads = may_write_over(evolution);
    log_warn("pipeline.schema",
             reads
                 ? "A column came under a name of which the target kept the values of another; the "
                   "table's rows are read again and written over them."
                 : "A column came under a name of which the target kept the values of another, "
                   "which older rows hold on. `millrace snapshot PIPELINE --tables TABLE` makes "
                   "them equal.",
             LOG_SLICE("db", tc->after->db), LOG_SLICE("table", tc->after->name),
             LOG_SLICE("statement", statement_shown(evolution->change->ddl)));
    return reads ? write_over(evolution, err) : RC_OK;
}

/* A column that came and that the target takes, of which the statement does not say what older rows
 * hold: a calculation, a time, a number for each row. NULL: there is none. */
static const struct column *find_untold(const struct evolution *evolution)
{
    const struct table_change *tc = evolution->tc;
    for (uint32_t i = 0; i < tc->after->column_count; i++) {
        const struct column *column = &tc->after->columns[i];
        if (tc->origin[i] == TABLE_CHANGE_NEW_COLUMN && !column->default_known &&
            !member_skips(evolution->member, column->name))
            return column;
    }
    return NULL;
}

static enum rc fill_untold(struct evolution *evolution, const struct column *column,
                           struct error *err)
{
    if (!may_write_over(evolution))
        return RC_OK;
    const struct table *table = evolution->tc->after;
    log_info("pipeline.schema",
             "The statement does not say what older rows hold in a column that came; the table's "
             "rows are read again and written over them.",
             LOG_SLICE("db", table->db), LOG_SLICE("table", table->name),
             LOG_SLICE("column", column->name),
             LOG_SLICE("statement", statement_shown(evolution->change->ddl)));
    return write_over(evolution, err);
}

/* What was known of the table under its old name is known under the new one. */
static enum rc move_member(struct evolution *evolution, struct member *old, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    struct member *member = evolution->member;
    if (old == NULL || old == member)
        return RC_OK;
    members_set_state(pipeline, member, old->state);
    member->gone = false;
    member->added = old->added;
    member->rebuild = old->rebuild;
    buf_reset(&member->skipped);
    buf_add_slice(&member->skipped, buf_slice(&old->skipped));
    buf_reset(&member->kept);
    buf_add_slice(&member->kept, buf_slice(&old->kept));
    members_set_state(pipeline, old, MEMBER_STREAM);
    old->gone = true;
    old->added = false;
    old->rebuild = false;
    enum rc rc = members_note(pipeline, old, err);
    if (rc == RC_OK)
        rc = unknown_move(pipeline, old, member, err);
    if (rc == RC_OK)
        rc = notes_add_table(pipeline, "snapshot/", old->db, old->name, SLICE_EMPTY, err);
    /* Under its new name the snapshot of the table has no note yet; a complete one needs none. */
    if (member->state == MEMBER_DONE)
        members_set_state(pipeline, member, MEMBER_STREAM);
    return rc;
}

static enum rc rename_targets(struct evolution *evolution, const struct sink_target *before,
                              unsigned before_count, const struct sink_target *after,
                              unsigned after_count, struct error *err)
{
    enum rc rc = RC_OK;
    if (before_count != after_count) {
        error_set(err, RC_UNSUPPORTED,
                  "A table was renamed, and by the routes its rows go to %u targets instead of %u.",
                  after_count, before_count);
        error_hint(err, "Change the route so that both names have as many targets, or take the "
                        "table anew with `millrace snapshot PIPELINE --tables TABLE --rebuild`.");
        return at(evolution->pipeline, PIPELINE_SIDE_SINK, RC_UNSUPPORTED);
    }
    for (unsigned i = 0; rc == RC_OK && i < after_count; i++) {
        bool shared = false;
        if (slice_equal(before[i].db, after[i].db) && slice_equal(before[i].table, after[i].table))
            continue;
        rc = targets_shared(evolution->pipeline, evolution->member, &before[i], &shared, err);
        if (rc == RC_OK && !shared)
            rc = targets_shared(evolution->pipeline, evolution->member, &after[i], &shared, err);
        struct schema_step step = {.kind = SCHEMA_RENAME_TABLE,
                                   .before = evolution->tc->before,
                                   .after = evolution->tc->after,
                                   .new_target = after[i]};
        if (rc == RC_OK && shared)
            log_warn("pipeline.schema",
                     "A table was renamed that shares its target with others; the target keeps its "
                     "name, and new rows go where the routes say.",
                     LOG_SLICE("target_db", before[i].db),
                     LOG_SLICE("target_table", before[i].table));
        else if (rc == RC_OK)
            rc = apply_step(evolution, &step, &before[i], err);
    }
    return rc;
}

/* What no step can do: another key, or rows that the stream does not tell. */
static enum rc altered_beyond(struct evolution *evolution, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    const struct table_change *tc = evolution->tc;
    struct slice statement = statement_shown(evolution->change->ddl);
    if (may_rebuild(pipeline, evolution->member)) {
        log_info("pipeline.schema",
                 "The target cannot follow this change in place; the table is read anew into a "
                 "target beside it, which then takes its place.",
                 LOG_SLICE("db", tc->after->db), LOG_SLICE("table", tc->after->name),
                 LOG_SLICE("statement", statement));
        enum rc rc = apply_bar(evolution, err);
        return rc != RC_OK ? rc : rebuild_begin(pipeline, evolution->member, tc->after, err);
    }
    if (!steps_key_changed(tc)) {
        log_warn("pipeline.schema",
                 "Rows went or came at the source that the binlog does not tell; the target keeps "
                 "what it has. `millrace snapshot PIPELINE --tables TABLE --rebuild` makes it "
                 "equal.",
                 LOG_SLICE("db", tc->after->db), LOG_SLICE("table", tc->after->name),
                 LOG_SLICE("statement", statement));
        return RC_OK;
    }
    error_set(err, RC_UNSUPPORTED,
              "The statement \"%.*s\" gives the table %.*s.%.*s another key, and the target cannot "
              "change its key in place.",
              SLICE_ARG(statement), SLICE_ARG(tc->after->db), SLICE_ARG(tc->after->name));
    error_hint(err, "Take the table anew with `millrace snapshot PIPELINE --tables TABLE "
                    "--rebuild`, with schema.change.behavior: evolve, and start again.");
    return at(pipeline, PIPELINE_SIDE_SINK, RC_UNSUPPORTED);
}

/* Where a table's rows go and, while it is rebuilt, the targets whose place those will take. */
struct places {
    struct sink_target now[ROUTE_TARGETS_MAX];
    unsigned now_count;
    struct sink_target own[ROUTE_TARGETS_MAX];
    unsigned own_count;
};

static enum rc places_of(struct pipeline *pipeline, const struct member *member,
                         struct places *places, struct error *err)
{
    places->now_count = places->own_count = 0;
    enum rc rc = targets_now(pipeline, member, places->now, &places->now_count, err);
    if (rc == RC_OK && member->rebuild)
        rc = targets_own(pipeline, member, places->own, &places->own_count, err);
    return rc;
}

static enum rc rename_places(struct evolution *evolution, const struct places *before,
                             const struct places *after, struct error *err)
{
    enum rc rc = rename_targets(evolution, before->now, before->now_count, after->now,
                                after->now_count, err);
    return rc != RC_OK ? rc
                       : rename_targets(evolution, before->own, before->own_count, after->own,
                                        after->own_count, err);
}

static enum rc altered(struct evolution *evolution, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    const struct table_change *tc = evolution->tc;
    struct places before;
    struct places after;
    struct member *old;
    enum rc rc = members_make(pipeline, tc->before->db, tc->before->name, &old, err);
    if (rc == RC_OK)
        rc = places_of(pipeline, old, &before, err);
    if (rc == RC_OK)
        rc = members_make(pipeline, tc->after->db, tc->after->name, &evolution->member, err);
    if (rc == RC_OK)
        rc = taking_change(pipeline, tc->before, tc->after, err);
    bool filling = old->filling;
    /* A start in the middle of the statement must find the table under its old name. */
    notes_hold(pipeline, true);
    if (rc == RC_OK)
        rc = move_member(evolution, old, err);
    notes_hold(pipeline, false);
    if (rc == RC_OK)
        rc = places_of(pipeline, evolution->member, &after, err);
    if (rc == RC_OK && evolution->member != old)
        rc = rename_places(evolution, &before, &after, err);
    if (rc == RC_OK && (steps_key_changed(tc) || tc->rows_unknown))
        return altered_beyond(evolution, err);
    for (unsigned i = 0; rc == RC_OK && i < after.now_count; i++)
        rc = apply_columns(evolution, &after.now[i], err);
    forget_dropped(evolution);
    if (rc == RC_OK)
        forget_kept(evolution);
    const struct column *untold = rc == RC_OK ? find_untold(evolution) : NULL;
    if (rc == RC_OK && evolution->holds_old_values)
        rc = renew_values(evolution, err);
    else if (untold != NULL)
        rc = fill_untold(evolution, untold, err);
    /* The new name's target is not known as one that is being filled: it is begun again. */
    if (rc == RC_OK && filling && evolution->member != old)
        rc = apply_bar(evolution, err);
    if (rc == RC_OK && filling && evolution->member != old)
        rc = taking_again(pipeline, evolution->member, tc->after, err);
    return rc;
}

static enum rc forget_member(struct pipeline *pipeline, struct member *member, struct error *err)
{
    members_set_state(pipeline, member, MEMBER_STREAM);
    member->gone = true;
    member->added = false;
    member->rebuild = false;
    buf_reset(&member->skipped);
    buf_reset(&member->kept);
    enum rc rc = members_note(pipeline, member, err);
    if (rc == RC_OK)
        rc = unknown_forget(pipeline, member, err);
    return rc != RC_OK
               ? rc
               : notes_add_table(pipeline, "snapshot/", member->db, member->name, SLICE_EMPTY, err);
}

static enum rc drop_targets(struct evolution *evolution, const struct sink_target *targets,
                            unsigned count, struct error *err)
{
    struct schema_step step = {.kind = SCHEMA_DROP_TABLE, .before = evolution->tc->before};
    enum rc rc = RC_OK;
    for (unsigned i = 0; rc == RC_OK && i < count; i++) {
        bool shared = false;
        rc = targets_shared(evolution->pipeline, evolution->member, &targets[i], &shared, err);
        if (rc == RC_OK && (shared || evolution->tc->lives_on))
            apply_tell(evolution, &step, &targets[i],
                       shared
                           ? "A table is gone whose target has the rows of others too; it is kept."
                           : "A table has a name now that is not captured; its target is kept.");
        else if (rc == RC_OK)
            rc = apply_step(evolution, &step, &targets[i], err);
    }
    return rc;
}

static enum rc dropped(struct evolution *evolution, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    const struct table_change *tc = evolution->tc;
    struct places places;
    struct member *member;
    enum rc rc = members_make(pipeline, tc->before->db, tc->before->name, &member, err);
    evolution->member = member;
    if (rc == RC_OK)
        rc = places_of(pipeline, member, &places, err);
    if (rc == RC_OK)
        rc = taking_change(pipeline, tc->before, NULL, err);
    if (rc == RC_OK)
        rc = drop_targets(evolution, places.now, places.now_count, err);
    if (rc == RC_OK)
        rc = drop_targets(evolution, places.own, places.own_count, err);
    if (rc == RC_OK)
        rc = forget_member(pipeline, member, err);
    /* Others may have waited for it. */
    return rc != RC_OK ? rc : rebuild_look(pipeline, err);
}

/* Complete from the stream alone, unless it came with rows: then members_of queues it. */
static enum rc created(struct evolution *evolution, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    const struct table_change *tc = evolution->tc;
    enum rc rc = members_make(pipeline, tc->after->db, tc->after->name, &evolution->member, err);
    if (rc != RC_OK || tc->rows_unknown)
        return rc;
    evolution->member->gone = false;
    members_set_state(pipeline, evolution->member, MEMBER_STREAM);
    return members_note(pipeline, evolution->member, err);
}

static enum rc refuse_by_settings(const struct change *change, struct error *err)
{
    struct slice statement = statement_shown(change->ddl);
    error_set(err, RC_REJECTED,
              "The source's schema changed (\"%.*s\" at %.*s:%llu), and schema.change.behavior is "
              "exception.",
              SLICE_ARG(statement), SLICE_ARG(change->txn->file),
              (unsigned long long)change->txn->offset);
    error_hint(err, "Set it to evolve to carry the change, or to ignore to go on without it, and "
                    "start again.");
    return RC_REJECTED;
}

/* A column that has another type at the source than its target keeps: left out of the rows where the
 * target cannot hold what it may say now. */
static enum rc leave_out_altered(struct evolution *evolution, struct error *err)
{
    const struct table_change *tc = evolution->tc;
    struct member *member = evolution->member;
    for (uint32_t i = 0; i < tc->after->column_count; i++) {
        const struct column *column = &tc->after->columns[i];
        if (tc->origin[i] == TABLE_CHANGE_NEW_COLUMN || column->key_ordinal > 0 ||
            !steps_type_changed(&tc->before->columns[tc->origin[i]], column))
            continue;
        member_skip(member, column->name, true);
        log_warn("pipeline.schema",
                 "A column has a type now that its target does not hold, and the target is not "
                 "changed; its values are not carried from here on.",
                 LOG_SLICE("db", tc->after->db), LOG_SLICE("table", tc->after->name),
                 LOG_SLICE("column", column->name), LOG_STR("reason", err->text));
    }
    error_clear(err);
    member->generation++;
    return members_note(evolution->pipeline, member, err);
}

/* The target as it is now is compared with the table as it is now. */
static enum rc open_after(struct evolution *evolution, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    struct way *way;
    const struct table *before = evolution->tc->before;
    bool renamed = before != NULL && !(slice_equal(before->db, evolution->tc->after->db) &&
                                       slice_equal(before->name, evolution->tc->after->name));
    evolution->member->generation++;
    /* The name may be one on the way of a swap, and be gone by now: no target is made under it. */
    if (renamed && pipeline->steps.resumed) {
        evolution->member->newest = evolution->tc->after;
        return taking_add(pipeline, evolution->member, evolution->tc->after, err);
    }
    enum rc rc = taking_way(pipeline, evolution->tc->after, &way, err);
    if (rc != RC_MISMATCH || !evolution->left_as_is[SCHEMA_ALTER_COLUMN])
        return rc;
    rc = leave_out_altered(evolution, err);
    return rc != RC_OK ? rc : taking_way(pipeline, evolution->tc->after, &way, err);
}

/* A sink that keeps events has no targets to change; what is known of tables moves on all the same. */
static enum rc evolve(struct evolution *evolution, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    enum table_change_kind kind = evolution->tc->kind;
    if (kind != TABLE_CREATED && policy_behavior(pipeline) == BEHAVIOR_EXCEPTION)
        return refuse_by_settings(evolution->change, err);
    enum rc rc = kind == TABLE_CREATED   ? created(evolution, err)
                 : kind == TABLE_DROPPED ? dropped(evolution, err)
                                         : altered(evolution, err);
    if (rc != RC_OK || evolution->tc->after == NULL)
        return rc;
    if (kind == TABLE_ALTERED) {
        notes_hold(pipeline, true);
        rc = members_note(pipeline, evolution->member, err);
        notes_hold(pipeline, false);
    }
    return rc != RC_OK ? rc : open_after(evolution, err);
}

enum rc evolve_schema(struct pipeline *pipeline, const struct change *change, struct error *err)
{
    pipeline->in_txn = true;
    pipeline->txn_rows_done = 0;
    if (change->table_change == NULL) {
        log_debug("pipeline.schema", "A statement passed that changes no captured table's rows.",
                  LOG_SLICE("db", change->ddl_db),
                  LOG_SLICE("statement", statement_shown(change->ddl)));
        return RC_OK;
    }
    struct evolution evolution = {
        .pipeline = pipeline, .change = change, .tc = change->table_change};
    arena_reset(&pipeline->scratch);
    journal_begin(pipeline, change);
    return evolve(&evolution, err);
}

enum rc evolve_follow(struct pipeline *pipeline, const struct change *change, struct error *err)
{
    const struct table_change *tc = change->table_change;
    struct member *member;
    if (tc == NULL)
        return RC_OK;
    enum rc rc = tc->before == NULL ? RC_OK : taking_change(pipeline, tc->before, tc->after, err);
    struct evolution evolution = {.pipeline = pipeline, .change = change, .tc = tc};
    if (rc == RC_OK && tc->kind == TABLE_CREATED)
        return created(&evolution, err);
    if (rc == RC_OK)
        rc = members_make(pipeline, tc->before->db, tc->before->name, &member, err);
    if (rc == RC_OK && tc->kind == TABLE_DROPPED)
        return forget_member(pipeline, member, err);
    if (rc == RC_OK)
        rc = members_make(pipeline, tc->after->db, tc->after->name, &evolution.member, err);
    if (rc == RC_OK)
        rc = move_member(&evolution, member, err);
    return rc != RC_OK ? rc : members_note(pipeline, evolution.member, err);
}

/* Everything before the TRUNCATE is made durable, then the target is emptied, then (at its COMMIT)
 * the position moves behind it: read again after a crash it empties a table that nothing was loaded
 * into. */
enum rc evolve_truncate(struct pipeline *pipeline, const struct change *change, struct error *err)
{
    static const char word[] = "truncate.table";
    struct sink_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    struct way *way;
    pipeline->in_txn = true;
    pipeline->txn_rows_done = 0;
    if (policy_behavior(pipeline) == BEHAVIOR_EXCEPTION)
        return refuse_by_settings(change, err);
    enum rc rc = taking_way(pipeline, change->table, &way, err);
    if (rc == RC_OK)
        rc = taking_change(pipeline, change->table, change->table, err);
    if (rc == RC_OK)
        rc = targets_now(pipeline, way->member, targets, &count, err);
    if (rc != RC_OK)
        return rc;
    struct evolution evolution = {.pipeline = pipeline, .change = change, .member = way->member};
    for (unsigned i = 0; rc == RC_OK && i < count; i++) {
        bool shared = false;
        rc = targets_shared(pipeline, way->member, &targets[i], &shared, err);
        if (rc != RC_OK)
            break;
        if (shared || !policy_carries(pipeline, word)) {
            log_warn("pipeline.schema",
                     shared ? "A table was truncated whose target has the rows of others too; the "
                              "target keeps its rows."
                            : "A table was truncated; by the settings its target keeps its rows.",
                     LOG_SLICE("target_db", targets[i].db),
                     LOG_SLICE("target_table", targets[i].table));
            continue;
        }
        rc = apply_bar(&evolution, err);
        if (rc == RC_OK)
            rc = at(pipeline, PIPELINE_SIDE_SINK,
                    pipeline->parts.sink->ops->write(pipeline->parts.sink, way->tables[i], change,
                                                     err));
        if (rc == RC_OK)
            log_info("pipeline.table", "A table was truncated at the source, and so is its target.",
                     LOG_SLICE("db", change->table->db), LOG_SLICE("table", change->table->name));
    }
    return rc;
}
