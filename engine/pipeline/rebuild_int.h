/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new target beside the old one.
 */
#ifndef MILLRACE_PIPELINE_REBUILD_INT_H
#define MILLRACE_PIPELINE_REBUILD_INT_H

#include "world_int.h"

/* From here on the member's rows go to new targets beside its own ones, which a snapshot fills. After
 * a barrier. */
enum rc rebuild_begin(struct pipeline *pipeline, struct member *member, struct table *table,
                      struct error *err) MUST_CHECK;
/* The snapshot is complete: the new targets take the place of the old ones. */
enum rc rebuild_end(struct pipeline *pipeline, struct member *member, struct error *err) MUST_CHECK;

#endif
