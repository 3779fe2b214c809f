/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table without the columns that its target does not have.
 */
#ifndef MILLRACE_PIPELINE_SHAPE_INT_H
#define MILLRACE_PIPELINE_SHAPE_INT_H

#include "world_int.h"

/* NULL in `shape_out` when nothing is left out. */
enum rc shape_make(struct pipeline *pipeline, const struct table *table,
                   const struct member *member, struct shape **shape_out,
                   struct error *err) MUST_CHECK;
/* The same change without the columns that are left out; borrowed until the next call. */
struct change shape_apply(struct shape *shape, const struct change *change);

#endif
