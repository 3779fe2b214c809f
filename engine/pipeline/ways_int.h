/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table's targets, opened: created or compared before the first row.
 */
#ifndef MILLRACE_PIPELINE_WAYS_INT_H
#define MILLRACE_PIPELINE_WAYS_INT_H

#include "world_int.h"

/* Goes through the tables that the source knows, before the stream. */
enum rc ways_prepare(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* The table is from then on its member's newest shape. */
enum rc ways_of(struct pipeline *pipeline, struct table *table, struct way **way_out,
                struct error *err) MUST_CHECK;
/* The same for the table that describes the rows of a chunk (engine/ports/source.h, read_table). */
enum rc ways_of_chunk(struct pipeline *pipeline, struct table *table, struct way **way_out,
                      struct error *err) MUST_CHECK;

static inline bool ways_is_open(const struct table *table)
{
    const struct way *way = table->route;
    return way != NULL && way->generation == way->member->generation;
}

#endif
