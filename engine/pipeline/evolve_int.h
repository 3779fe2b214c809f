/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schema changes on their way to the target.
 */
#ifndef MILLRACE_PIPELINE_EVOLVE_INT_H
#define MILLRACE_PIPELINE_EVOLVE_INT_H

#include "world_int.h"

enum rc evolve_schema(struct pipeline *pipeline, const struct change *change,
                      struct error *err) MUST_CHECK;
/* The same for a sink that keeps events: only what is known of tables moves on. */
enum rc evolve_follow(struct pipeline *pipeline, const struct change *change,
                      struct error *err) MUST_CHECK;
enum rc evolve_truncate(struct pipeline *pipeline, const struct change *change,
                        struct error *err) MUST_CHECK;

#endif
