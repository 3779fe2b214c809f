/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows that tables hold already, beside the stream.
 */
#ifndef MILLRACE_PIPELINE_TAKING_INT_H
#define MILLRACE_PIPELINE_TAKING_INT_H

#include "world_int.h"

/* Puts a member into the snapshot's queue, from where its note says. */
enum rc taking_add(struct pipeline *pipeline, struct member *member, struct table *table,
                   struct error *err) MUST_CHECK;
/* The table's targets, opened; a table that the snapshot still brings is put into its queue. Once the
 * stream has begun. */
enum rc taking_way(struct pipeline *pipeline, struct table *table, struct way **way_out,
                   struct error *err) MUST_CHECK;
/* Whether a row of the stream goes to the target now. */
enum rc taking_pass(struct pipeline *pipeline, const struct member *member,
                    const struct change *change, bool *pass_out, struct error *err) MUST_CHECK;
/* An unkeyed table's rows are about to come: its targets are made empty. */
enum rc taking_begin(struct pipeline *pipeline, struct way *way, struct table *table,
                     struct error *err) MUST_CHECK;
/* The table has another shape, another content, or is gone (`after` NULL). */
enum rc taking_change(struct pipeline *pipeline, struct table *before, struct table *after,
                      struct error *err) MUST_CHECK;
/* Begins chunks, and writes one that is ready: at a border of transactions. `complete_out`: the
 * table whose last row was written, or NULL. */
enum rc taking_step(struct pipeline *pipeline, struct member **complete_out,
                    struct error *err) MUST_CHECK;
/* The table is to be taken again from its beginning: noted, to be stored with the next position, and
 * not begun (taking_add does that). */
enum rc taking_mark(struct pipeline *pipeline, struct member *member, struct table *table,
                    struct error *err) MUST_CHECK;
/* The same, stored and begun. After a barrier. */
enum rc taking_again(struct pipeline *pipeline, struct member *member, struct table *table,
                     struct error *err) MUST_CHECK;
void taking_close(struct pipeline *pipeline);

#endif
