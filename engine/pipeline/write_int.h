/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One change to one target.
 */
#ifndef MILLRACE_PIPELINE_WRITE_INT_H
#define MILLRACE_PIPELINE_WRITE_INT_H

#include "world_int.h"

/* Cuts the batch when it is full; pipeline->row_targets_done then says how many targets of the row
 * have it. */
enum rc write_to(struct pipeline *pipeline, struct sink_table *table, const struct change *change,
                 struct error *err) MUST_CHECK;

#endif
