/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new target beside the old one.
 */
#ifndef MILLRACE_PIPELINE_REBUILD_INT_H
#define MILLRACE_PIPELINE_REBUILD_INT_H

#include "world_int.h"

/* From here on the rows of the member, and of all tables that share a target with it, go to new targets
 * beside their own ones, which a snapshot fills. RC_UNSUPPORTED, and nothing is begun: they do not
 * agree on a key, or the sink has no tables. After a barrier. */
enum rc rebuild_begin(struct pipeline *pipeline, struct member *member, struct table *table,
                      struct error *err) MUST_CHECK;
/* The snapshot of the member is complete: when it is of all that are rebuilt with it, the new targets
 * take the place of the old ones. */
enum rc rebuild_end(struct pipeline *pipeline, struct member *member, struct error *err) MUST_CHECK;
/* The same for each that is complete: a life ended before the end, or a table went that others waited
 * for. */
enum rc rebuild_look(struct pipeline *pipeline, struct error *err) MUST_CHECK;

#endif
