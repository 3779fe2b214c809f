/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a schema change at a target: made, refused or left out.
 *
 * A step that the target refuses: evolve stops with the statement and the remedy; try_evolve goes on
 * without it, told in the log. What is not made, or not to be made by the user's settings, leaves its
 * column out of the rows (shape.c), so that what the target has stays true.
 */
#ifndef MILLRACE_PIPELINE_APPLY_INT_H
#define MILLRACE_PIPELINE_APPLY_INT_H

#include "policy_int.h"
#include "steps_int.h"

/* One statement's change of one table. */
struct evolution {
    struct pipeline *pipeline;
    const struct change *change;
    const struct table_change *tc;
    struct member *member;                     /* of the name that counts afterwards */
    bool barred;                               /* everything before is durable */
    bool holds_old_values;                     /* a column that came again, at a target */
    bool left_as_is[SCHEMA_COMMENT_TABLE + 1]; /* kinds of steps that were not made */
};

/* Everything before the change is made durable: once for a change, before its first step. */
enum rc apply_bar(struct evolution *evolution, struct error *err) MUST_CHECK;
/* Makes one step, where the settings carry it and it was not made before. */
enum rc apply_step(struct evolution *evolution, const struct schema_step *step,
                   const struct sink_target *target, struct error *err) MUST_CHECK;
/* All steps for the columns of one target. */
enum rc apply_columns(struct evolution *evolution, const struct sink_target *target,
                      struct error *err) MUST_CHECK;
/* Says in the log what became of a step. */
void apply_tell(const struct evolution *evolution, const struct schema_step *step,
                const struct sink_target *target, const char *sentence);

#endif
