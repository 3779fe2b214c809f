/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a schema change means for a target, step by step.
 */
#ifndef MILLRACE_PIPELINE_STEPS_INT_H
#define MILLRACE_PIPELINE_STEPS_INT_H

#include "world_int.h"

/* How a change of columns is made at the target. */
enum steps_style {
    STEPS_EXACT = 0, /* as at the source */
    STEPS_KEEPING, /* nothing that rows hold is lost: a dropped column stays, a renamed one stays and a
                      new one is added (a target that several tables share) */
    STEPS_LENIENT /* the same, and new columns come last and may be NULL (Flink's lenient) */
};

struct steps {
    struct schema_step *items;
    unsigned count;
    unsigned cap;
};

/* The steps that make a target that has the columns of tc->before fit tc->after, in an order in
 * which each can be made by itself. From `arena`. No step for the tables' names. */
enum rc steps_plan(struct arena *arena, const struct table_change *tc, enum steps_style style,
                   struct steps *steps_out, struct error *err) MUST_CHECK;
/* True when two shapes of a column differ in what they may hold. */
bool steps_type_changed(const struct column *before, const struct column *after);
/* True when no step can do it: the key is another. */
bool steps_key_changed(const struct table_change *tc);
/* "add.column", ...: in Flink CDC's words, and ours in their manner. */
const char *steps_word(enum schema_step_kind kind);

#endif
