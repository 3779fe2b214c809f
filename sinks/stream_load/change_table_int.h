/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of a schema change, made at the target and waited for: turn by turn until a look shows
 * it. How long the target takes is its own affair; what it works on is told once in a while.
 *
 * Threads: the pipeline's; ended by halt from any.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_CHANGE_TABLE_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_CHANGE_TABLE_INT_H

#include "query_int.h"
#include "target_int.h"

struct change_env {
    const struct load_dialect *dialect;
    const struct load_settings *settings;
    const void *config; /* the dialect's own */
    struct query *query;
    struct halt *halt;
    /* How long a target that took a statement, and works on nothing, may show nothing new of it. */
    uint64_t unseen_max_ms;
};

#define CHANGE_UNSEEN_MAX_MS 60000u

/* RC_UNSUPPORTED for a step that would take something from the rows of another source table, which a
 * route leads into the same target. */
enum rc change_table_check(const struct load_target *target, const struct schema_step *step,
                           struct error *err) MUST_CHECK;

/* RC_UNSUPPORTED, RC_REJECTED, RC_MISMATCH, as sink_ops.change_table says; RC_CANCELLED by halt. */
enum rc change_table_run(const struct change_env *env, const struct schema_step *step,
                         const struct sink_target *target, struct error *err) MUST_CHECK;

#endif
