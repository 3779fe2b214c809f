/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sink tables a source table's rows go to, by name. The names live as long as the pipeline.
 */
#ifndef MILLRACE_PIPELINE_TARGETS_INT_H
#define MILLRACE_PIPELINE_TARGETS_INT_H

#include "world_int.h"

/* By the routes. */
enum rc targets_own(struct pipeline *pipeline, const struct member *member,
                    struct sink_target targets[ROUTE_TARGETS_MAX], unsigned *count_out,
                    struct error *err) MUST_CHECK;
/* Where the rows go now: the same, or those beside them while the table is rebuilt. */
enum rc targets_now(struct pipeline *pipeline, const struct member *member,
                    struct sink_target targets[ROUTE_TARGETS_MAX], unsigned *count_out,
                    struct error *err) MUST_CHECK;
/* True when another source table's rows go to this target as well. */
enum rc targets_shared(struct pipeline *pipeline, const struct member *member,
                       const struct sink_target *target, bool *shared_out,
                       struct error *err) MUST_CHECK;
/* True when two tables have a target in common. */
enum rc targets_meet(struct pipeline *pipeline, const struct member *a, const struct member *b,
                     bool *meet_out, struct error *err) MUST_CHECK;
/* A table that is seen for the first time, and whose target is being made anew for others: its rows
 * belong into the new one. */
enum rc targets_join(struct pipeline *pipeline, struct member *member,
                     struct error *err) MUST_CHECK;

#endif
