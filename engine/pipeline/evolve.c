/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema change on its way to the target: everything before it is made durable, then its steps are
 * made one after the other, then (at its COMMIT) the position moves behind it. So no epoch has a
 * change of a target inside, and neither has a range that is read again.
 *
 * A crash in between reads the statement again. Each step that a target shows already is compared and
 * not repeated (engine/ports/sink.h); and because a swap of names, repeated, would undo itself, each
 * step that was made is noted before the next one begins, and is not made again. The note is there
 * from before the first step: a start that finds it does not compare targets with tables (ways.c).
 *
 * A step that the target refuses: evolve stops with the statement and the remedy; try_evolve goes on
 * without it, told in the log. What is not made, or not to be made by the user's settings, leaves its
 * column out of the rows (shape.c), so that what the target has stays true.
 *
 * A target that several source tables share is never dropped, emptied or renamed, and loses no column:
 * that would destroy what the others wrote.
 */
#include "evolve_int.h"

#include <stdio.h>

#include "../base/log.h"
#include "../base/text.h"

static const char STEPS[] = "pipeline/steps";

struct evolution {
    struct pipeline *pipeline;
    const struct change *change;
    const struct table_change *tc;
    struct member *member;                     /* of the name that counts afterwards */
    bool barred;                               /* everything before is durable */
    bool left_as_is[SCHEMA_COMMENT_TABLE + 1]; /* kinds of steps that were not made */
};

static enum behavior behavior_of(const struct pipeline *pipeline)
{
    return (enum behavior)pipeline->parts.config->schema_change_behavior;
}

/* The statement's own place in the stream, the same each time it is read. */
static void identify(struct pipeline *pipeline, const struct change *change)
{
    struct step_journal *journal = &pipeline->steps;
    char ident[sizeof(journal->ident)];
    const struct txn *txn = change->txn;
    if (txn->gtid.len > 0 && txn->gtid.len < sizeof(ident))
        snprintf(ident, sizeof(ident), "%.*s", SLICE_ARG(txn->gtid));
    else
        snprintf(ident, sizeof(ident), "%.*s:%llu",
                 (int)(txn->file.len < 400 ? txn->file.len : 400), (const char *)txn->file.ptr,
                 (unsigned long long)txn->offset);
    if (strcmp(ident, journal->ident) == 0 && change->ordinal > 0)
        return;
    journal->seen = 0;
    if (strcmp(ident, journal->ident) == 0)
        return;
    memcpy(journal->ident, ident, sizeof(ident));
    journal->done = 0;
}

static enum rc note_step(struct pipeline *pipeline, struct error *err)
{
    char value[sizeof(pipeline->steps.ident) + 16];
    snprintf(value, sizeof(value), "%u %s", pipeline->steps.done, pipeline->steps.ident);
    pipeline->steps.noted = true;
    enum rc rc = notes_add(pipeline, slice_str(STEPS), slice_str(value), err);
    return rc != RC_OK ? rc : epoch_note(pipeline, err);
}

static enum rc load_journal(void *ctx, struct slice key UNUSED, struct slice value,
                            struct error *err UNUSED)
{
    struct pipeline *pipeline = ctx;
    struct step_journal *journal = &pipeline->steps;
    const uint8_t *space = value.len == 0 ? NULL : memchr(value.ptr, ' ', value.len);
    uint64_t done = 0;
    if (space == NULL || !text_parse_u64(slice_of(value.ptr, (size_t)(space - value.ptr)), &done))
        return RC_OK;
    snprintf(journal->ident, sizeof(journal->ident), "%.*s",
             (int)(value.len - (size_t)(space + 1 - value.ptr)), (const char *)space + 1);
    journal->done = (unsigned)done;
    journal->noted = true;
    return RC_OK;
}

enum rc evolve_load(struct pipeline *pipeline, struct error *err)
{
    return at(pipeline, PIPELINE_SIDE_STORE,
              pipeline->parts.store_ops->notes(pipeline->parts.store, slice_str(STEPS),
                                               load_journal, pipeline, err));
}

enum rc evolve_settle(struct pipeline *pipeline, struct error *err)
{
    pipeline->settled = false;
    pipeline->steps.seen = 0;
    pipeline->steps.ident[0] = '\0';
    enum rc rc = RC_OK;
    if (pipeline->steps.noted)
        rc = notes_add(pipeline, slice_str(STEPS), SLICE_EMPTY, err);
    pipeline->steps.noted = false;
    return rc != RC_OK ? rc : epoch_move(pipeline, err);
}

/* Once for a change, before its first step. */
static enum rc bar(struct evolution *evolution, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    if (evolution->barred)
        return RC_OK;
    enum rc rc = RC_OK;
    if (pipeline->replay.active && recovery_is_over(pipeline, evolution->change))
        rc = recovery_finish(pipeline, err);
    if (rc == RC_OK && pipeline->replay.active) {
        rc = error_set(err, RC_CONFIG,
                       "A schema change stands in the middle of the unfinished epoch %llu, which "
                       "was begun under settings that did not carry it.",
                       (unsigned long long)pipeline->replay.epoch);
        error_hint(err, "Set schema.change.behavior and the sink's lists of schema changes back to "
                        "what they were until that epoch is finished.");
    }
    if (rc == RC_OK)
        rc = epoch_barrier(pipeline, err);
    /* A start from here on knows that targets may be ahead of their tables. */
    if (rc == RC_OK)
        rc = note_step(pipeline, err);
    evolution->barred = rc == RC_OK;
    pipeline->settled = true;
    return rc;
}

static void tell(const struct evolution *evolution, const struct schema_step *step,
                 const struct sink_target *target, const char *sentence)
{
    const struct column *column = step->column != NULL ? step->column : step->old_column;
    log_info("pipeline.schema", sentence, LOG_STR("kind", steps_word(step->kind)),
             LOG_SLICE("target_db", target->db), LOG_SLICE("target_table", target->table),
             LOG_SLICE("column", column == NULL ? SLICE_EMPTY : column->name),
             LOG_SLICE("statement", statement_shown(evolution->change->ddl)));
}

/* The step is not made: its column, if it brings one, is left out of the rows. */
static void leave_out(struct evolution *evolution, const struct schema_step *step)
{
    evolution->left_as_is[step->kind] = true;
    bool brings = step->kind == SCHEMA_ADD_COLUMN || step->kind == SCHEMA_RENAME_COLUMN;
    if (brings && step->column->key_ordinal == 0)
        member_skip(evolution->member, step->column->name, true);
}

static enum rc refused(struct evolution *evolution, const struct schema_step *step,
                       const struct sink_target *target, enum rc rc, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    if (behavior_of(pipeline) == BEHAVIOR_TRY_EVOLVE) {
        log_warn("pipeline.schema",
                 "The target refuses a schema change; it keeps its columns, and the pipeline goes "
                 "on without the change.",
                 LOG_STR("kind", steps_word(step->kind)), LOG_SLICE("target_db", target->db),
                 LOG_SLICE("target_table", target->table), LOG_STR("reason", err->text),
                 LOG_SLICE("statement", statement_shown(evolution->change->ddl)));
        error_clear(err);
        leave_out(evolution, step);
        return RC_OK;
    }
    struct slice statement = statement_shown(evolution->change->ddl);
    error_wrap(err, "The schema change \"%.*s\" cannot be made at %.*s.%.*s", SLICE_ARG(statement),
               SLICE_ARG(target->db), SLICE_ARG(target->table));
    error_hint(err, "Change the target by hand and start again, or take the table anew with "
                    "`millrace snapshot PIPELINE --tables TABLE --rebuild`, or set "
                    "schema.change.behavior to try_evolve, which goes on without the change.");
    return rc;
}

static enum rc make_step(struct evolution *evolution, const struct schema_step *step,
                         const struct sink_target *target, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    struct sink *sink = pipeline->parts.sink;
    if (!policy_carries(pipeline, steps_word(step->kind))) {
        tell(evolution, step, target,
             "A schema change is not carried to the target, by the settings.");
        leave_out(evolution, step);
        return RC_OK;
    }
    enum rc rc = bar(evolution, err);
    if (rc != RC_OK)
        return rc;
    if (++pipeline->steps.seen <= pipeline->steps.done)
        return RC_OK;
    rc = sink->ops->change_table == NULL
             ? error_set(err, RC_UNSUPPORTED, "This sink changes no tables.")
             : at(pipeline, PIPELINE_SIDE_SINK, sink->ops->change_table(sink, step, target, err));
    if (rc == RC_UNSUPPORTED || rc == RC_REJECTED)
        rc = refused(evolution, step, target, rc, err);
    else if (rc == RC_OK)
        tell(evolution, step, target, "A schema change was made at the target.");
    if (rc != RC_OK)
        return rc;
    pipeline->steps.done = pipeline->steps.seen;
    return note_step(pipeline, err);
}

/* The columns of one target. */
static enum rc change_columns(struct evolution *evolution, const struct sink_target *target,
                              struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    struct steps steps;
    bool shared = false;
    enum rc rc = ways_shared(pipeline, evolution->member, target, &shared, err);
    enum steps_style style = behavior_of(pipeline) == BEHAVIOR_LENIENT ? STEPS_LENIENT
                             : shared                                  ? STEPS_KEEPING
                                                                       : STEPS_EXACT;
    if (rc == RC_OK)
        rc = steps_plan(&evolution->pipeline->scratch, evolution->tc, style, &steps, err);
    for (unsigned i = 0; rc == RC_OK && i < steps.count; i++) {
        const struct schema_step *step = &steps.items[i];
        bool skipped =
            step->old_column != NULL && member_skips(evolution->member, step->old_column->name);
        if (skipped && step->column != NULL)
            leave_out(evolution, step);
        if (!skipped)
            rc = make_step(evolution, step, target, err);
    }
    return rc;
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
    members_set_state(pipeline, old, MEMBER_STREAM);
    old->gone = true;
    old->added = false;
    old->rebuild = false;
    enum rc rc = members_note(pipeline, old, err);
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
        return RC_UNSUPPORTED;
    }
    for (unsigned i = 0; rc == RC_OK && i < after_count; i++) {
        bool shared = false;
        if (slice_equal(before[i].db, after[i].db) && slice_equal(before[i].table, after[i].table))
            continue;
        rc = ways_shared(evolution->pipeline, evolution->member, &before[i], &shared, err);
        if (rc == RC_OK && !shared)
            rc = ways_shared(evolution->pipeline, evolution->member, &after[i], &shared, err);
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
            rc = make_step(evolution, &step, &before[i], err);
    }
    return rc;
}

static bool may_rebuild(const struct pipeline *pipeline, const struct member *member)
{
    enum behavior behavior = behavior_of(pipeline);
    bool wanted = behavior == BEHAVIOR_EVOLVE || behavior == BEHAVIOR_TRY_EVOLVE;
    bool scans = pipeline->parts.tables != NULL && pipeline->parts.snapshot_ops != NULL &&
                 pipeline->parts.tables->scan != SOURCE_SCAN_NONE;
    return wanted && (scans || member->rebuild);
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
        enum rc rc = bar(evolution, err);
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
    return RC_UNSUPPORTED;
}

static enum rc altered(struct evolution *evolution, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    const struct table_change *tc = evolution->tc;
    struct sink_target before[ROUTE_TARGETS_MAX];
    struct sink_target after[ROUTE_TARGETS_MAX];
    unsigned before_count = 0;
    unsigned after_count = 0;
    struct member *old;
    enum rc rc = members_make(pipeline, tc->before->db, tc->before->name, &old, err);
    if (rc == RC_OK)
        rc = ways_targets(pipeline, old, before, &before_count, err);
    if (rc == RC_OK)
        rc = members_make(pipeline, tc->after->db, tc->after->name, &evolution->member, err);
    if (rc == RC_OK)
        rc = taking_change(pipeline, tc->before, tc->after, err);
    bool filling = old->filling;
    if (rc == RC_OK)
        rc = move_member(evolution, old, err);
    if (rc == RC_OK)
        rc = ways_targets(pipeline, evolution->member, after, &after_count, err);
    if (rc == RC_OK && (steps_key_changed(tc) || tc->rows_unknown))
        return altered_beyond(evolution, err);
    if (rc == RC_OK && evolution->member != old)
        rc = rename_targets(evolution, before, before_count, after, after_count, err);
    for (unsigned i = 0; rc == RC_OK && i < after_count; i++)
        rc = change_columns(evolution, &after[i], err);
    forget_dropped(evolution);
    /* The new name's target is not known as one that is being filled: it is begun again. */
    if (rc == RC_OK && filling && evolution->member != old)
        rc = bar(evolution, err);
    if (rc == RC_OK && filling && evolution->member != old)
        rc = taking_again(pipeline, evolution->member, tc->after, err);
    return rc;
}

/* The statement begins with DROP: else the table lives on under a name that is not captured. */
static bool is_drop(struct slice statement)
{
    return slice_starts_nocase(slice_trim(statement), SLICE("drop"));
}

static enum rc forget_member(struct pipeline *pipeline, struct member *member, struct error *err)
{
    members_set_state(pipeline, member, MEMBER_STREAM);
    member->gone = true;
    member->added = false;
    member->rebuild = false;
    buf_reset(&member->skipped);
    enum rc rc = members_note(pipeline, member, err);
    return rc != RC_OK
               ? rc
               : notes_add_table(pipeline, "snapshot/", member->db, member->name, SLICE_EMPTY, err);
}

static enum rc dropped(struct evolution *evolution, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    const struct table_change *tc = evolution->tc;
    struct sink_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    struct member *member;
    enum rc rc = members_make(pipeline, tc->before->db, tc->before->name, &member, err);
    evolution->member = member;
    if (rc == RC_OK)
        rc = ways_targets(pipeline, member, targets, &count, err);
    if (rc == RC_OK)
        rc = taking_change(pipeline, tc->before, NULL, err);
    for (unsigned i = 0; rc == RC_OK && i < count; i++) {
        struct schema_step step = {.kind = SCHEMA_DROP_TABLE, .before = tc->before};
        bool shared = false;
        rc = ways_shared(pipeline, member, &targets[i], &shared, err);
        if (rc == RC_OK && (shared || !is_drop(evolution->change->ddl)))
            tell(evolution, &step, &targets[i],
                 shared ? "A table is gone whose target has the rows of others too; it is kept."
                        : "A table has a name now that is not captured; its target is kept.");
        else if (rc == RC_OK)
            rc = make_step(evolution, &step, &targets[i], err);
    }
    return rc != RC_OK ? rc : forget_member(pipeline, member, err);
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
    evolution->member->generation++;
    enum rc rc = ways_of(pipeline, evolution->tc->after, &way, err);
    if (rc != RC_MISMATCH || !evolution->left_as_is[SCHEMA_ALTER_COLUMN])
        return rc;
    rc = leave_out_altered(evolution, err);
    return rc != RC_OK ? rc : ways_of(pipeline, evolution->tc->after, &way, err);
}

/* A sink that keeps events has no targets to change; what is known of tables moves on all the same. */
static enum rc evolve(struct evolution *evolution, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    enum table_change_kind kind = evolution->tc->kind;
    if (kind != TABLE_CREATED && behavior_of(pipeline) == BEHAVIOR_EXCEPTION)
        return refuse_by_settings(evolution->change, err);
    enum rc rc = kind == TABLE_CREATED   ? created(evolution, err)
                 : kind == TABLE_DROPPED ? dropped(evolution, err)
                                         : altered(evolution, err);
    if (rc != RC_OK || evolution->tc->after == NULL)
        return rc;
    if (kind == TABLE_ALTERED)
        rc = members_note(pipeline, evolution->member, err);
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
    identify(pipeline, change);
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
    if (behavior_of(pipeline) == BEHAVIOR_EXCEPTION)
        return refuse_by_settings(change, err);
    enum rc rc = ways_of(pipeline, change->table, &way, err);
    if (rc == RC_OK)
        rc = taking_change(pipeline, change->table, change->table, err);
    if (rc == RC_OK)
        rc = ways_targets(pipeline, way->member, targets, &count, err);
    struct evolution evolution = {.pipeline = pipeline, .change = change, .member = way->member};
    for (unsigned i = 0; rc == RC_OK && i < count; i++) {
        bool shared = false;
        rc = ways_shared(pipeline, way->member, &targets[i], &shared, err);
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
        rc = bar(&evolution, err);
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
