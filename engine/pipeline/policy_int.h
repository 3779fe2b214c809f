/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which steps of a schema change are made, in Flink CDC's words.
 */
#ifndef MILLRACE_PIPELINE_POLICY_INT_H
#define MILLRACE_PIPELINE_POLICY_INT_H

#include "world_int.h"

/* The values of schema.change.behavior. */
enum behavior {
    BEHAVIOR_EVOLVE = 0,
    BEHAVIOR_TRY_EVOLVE,
    BEHAVIOR_LENIENT,
    BEHAVIOR_IGNORE,
    BEHAVIOR_EXCEPTION
};

/* Whether the settings carry a kind of change ("drop.column") to the target. */
bool policy_carries(const struct pipeline *pipeline, const char *word);

static inline enum behavior policy_behavior(const struct pipeline *pipeline)
{
    return (enum behavior)pipeline->parts.config->schema_change_behavior;
}

#endif
