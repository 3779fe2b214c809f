/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes on their way between the source and the store.
 */
#ifndef MILLRACE_PIPELINE_NOTES_INT_H
#define MILLRACE_PIPELINE_NOTES_INT_H

#include "world_int.h"

void notes_init(struct notes *notes);
void notes_deinit(struct notes *notes);
/* Copied. value.ptr NULL: forget it. */
enum rc notes_add(struct pipeline *pipeline, struct slice key, struct slice value,
                  struct error *err) MUST_CHECK;
/* The same with the key in two parts: a prefix of ours and "<db>.<table>". */
enum rc notes_add_table(struct pipeline *pipeline, const char *prefix, struct slice db,
                        struct slice table, struct slice value, struct error *err) MUST_CHECK;
/* Takes what the source has to note for the place where it stands: at a COMMIT or IDLE. */
enum rc notes_collect(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* While it holds, what is added waits for the next notes_collect: what a statement brings must not be stored with
 * one of its steps, because a start from there reads the statement again. */
void notes_hold(struct pipeline *pipeline, bool holds);
/* What waits, as the store takes it; borrowed until the next call. */
const struct store_note *notes_waiting(struct notes *notes);
/* The store has them. */
void notes_stored(struct notes *notes);
/* Gives the source back what it noted. */
enum rc notes_remember(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* One note that is true; SLICE_EMPTY when there is none. Copied into `out`. */
enum rc notes_get(struct pipeline *pipeline, const char *prefix, struct slice db,
                  struct slice table, struct buf *out, struct error *err) MUST_CHECK;

#endif
