/* SPDX-License-Identifier: Apache-2.0 */
#include "apply_int.h"

#include "../base/log.h"
#include "epoch_int.h"
#include "journal_int.h"
#include "members_int.h"
#include "recovery_int.h"
#include "targets_int.h"

enum rc apply_bar(struct evolution *evolution, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    if (evolution->barred)
        return RC_OK;
    enum rc rc = recovery_end(pipeline, evolution->change, err);
    if (rc == RC_OK && pipeline->replay.active) {
        rc = error_set(err, RC_CONFIG,
                       "A schema change stands in the middle of the unfinished epoch %llu, which "
                       "was begun under settings that did not carry it.",
                       (unsigned long long)recovery_epoch(pipeline));
        error_hint(err, "Set schema.change.behavior and the sink's lists of schema changes back to "
                        "what they were until that epoch is finished.");
    }
    if (rc == RC_OK)
        rc = epoch_barrier(pipeline, err);
    /* A start from here on knows that targets may be ahead of their tables. */
    if (rc == RC_OK)
        rc = journal_note(pipeline, err);
    evolution->barred = rc == RC_OK;
    pipeline->settled = true;
    return rc;
}

void apply_tell(const struct evolution *evolution, const struct schema_step *step,
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
    if (policy_behavior(pipeline) == BEHAVIOR_TRY_EVOLVE) {
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
    error_hint(err, "Or change the target by hand and start again, or set schema.change.behavior "
                    "to try_evolve, which goes on without the change.");
    return rc;
}

enum rc apply_step(struct evolution *evolution, const struct schema_step *step,
                   const struct sink_target *target, struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    struct sink *sink = pipeline->parts.sink;
    if (!policy_carries(pipeline, steps_word(step->kind))) {
        apply_tell(evolution, step, target,
                   "A schema change is not carried to the target, by the settings.");
        leave_out(evolution, step);
        return RC_OK;
    }
    enum rc rc = apply_bar(evolution, err);
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
        apply_tell(evolution, step, target, "A schema change was made at the target.");
    if (rc != RC_OK)
        return rc;
    pipeline->steps.done = pipeline->steps.seen;
    return journal_note(pipeline, err);
}

/* What the source has no longer and the target keeps is remembered: under such a name another column
 * may come. */
static void note_kept(struct evolution *evolution, bool keeps)
{
    const struct table_change *tc = evolution->tc;
    for (uint32_t i = 0; i < tc->before->column_count; i++) {
        struct slice name = tc->before->columns[i].name;
        bool gone = table_find_column(tc->after, name) < 0;
        bool kept = keeps || evolution->left_as_is[SCHEMA_DROP_COLUMN] ||
                    evolution->left_as_is[SCHEMA_RENAME_COLUMN];
        if (gone && kept)
            member_keep(evolution->member, name, true);
    }
}

/* A column comes under a name that the target kept: what it holds there is of another one. It is dropped
 * where no other table has it and drops are carried. */
static enum rc begin_anew(struct evolution *evolution, const struct schema_step *add, bool shared,
                          const struct sink_target *target, struct error *err)
{
    struct schema_step drop = {.kind = SCHEMA_DROP_COLUMN,
                               .before = add->before,
                               .after = add->after,
                               .old_column = add->column};
    if (!shared && policy_carries(evolution->pipeline, steps_word(SCHEMA_DROP_COLUMN)))
        return apply_step(evolution, &drop, target, err);
    evolution->holds_old_values = true;
    return RC_OK;
}

enum rc apply_columns(struct evolution *evolution, const struct sink_target *target,
                      struct error *err)
{
    struct pipeline *pipeline = evolution->pipeline;
    struct steps steps;
    bool shared = false;
    enum rc rc = targets_shared(pipeline, evolution->member, target, &shared, err);
    enum steps_style style = policy_behavior(pipeline) == BEHAVIOR_LENIENT ? STEPS_LENIENT
                             : shared                                      ? STEPS_KEEPING
                                                                           : STEPS_EXACT;
    if (rc == RC_OK)
        rc = steps_plan(&evolution->pipeline->scratch, evolution->tc, style, &steps, err);
    for (unsigned i = 0; rc == RC_OK && i < steps.count; i++) {
        const struct schema_step *step = &steps.items[i];
        bool skipped =
            step->old_column != NULL && member_skips(evolution->member, step->old_column->name);
        if (skipped && step->column != NULL)
            leave_out(evolution, step);
        bool again = step->kind == SCHEMA_ADD_COLUMN &&
                     member_keeps(evolution->member, step->column->name) &&
                     policy_carries(pipeline, steps_word(SCHEMA_ADD_COLUMN));
        if (!skipped && again)
            rc = begin_anew(evolution, step, shared, target, err);
        if (rc == RC_OK && !skipped)
            rc = apply_step(evolution, step, target, err);
    }
    if (rc == RC_OK)
        note_kept(evolution, style != STEPS_EXACT);
    return rc;
}
