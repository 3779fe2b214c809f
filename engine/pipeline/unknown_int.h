/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of which the stream no longer tells what rows they have: the marks.
 */
#ifndef MILLRACE_PIPELINE_UNKNOWN_INT_H
#define MILLRACE_PIPELINE_UNKNOWN_INT_H

#include "world_int.h"

/* Reads the checkpoint's notes of such tables. */
enum rc unknown_load(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* A start: readings that an earlier life completed are over. */
enum rc unknown_begin(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* By the settings such tables are read again, and this pipeline can do it. */
bool unknown_is_reread(const struct pipeline *pipeline);
/* CHANGE_UNKNOWN: the tables that it concerns are marked. */
enum rc unknown_mark(struct pipeline *pipeline, const struct change *change,
                     struct error *err) MUST_CHECK;
/* The table is being read again from its beginning, for whatever reason; before its notes are stored.
 */
enum rc unknown_reading(struct pipeline *pipeline, struct member *member, const struct table *table,
                        struct error *err) MUST_CHECK;
/* It cannot be read again. */
enum rc unknown_leave(struct pipeline *pipeline, struct member *member,
                      struct error *err) MUST_CHECK;
/* It has been read, and its target made anew where it is. */
enum rc unknown_over(struct pipeline *pipeline, struct member *member,
                     struct error *err) MUST_CHECK;
/* The table is gone. */
enum rc unknown_forget(struct pipeline *pipeline, struct member *member,
                       struct error *err) MUST_CHECK;
/* It has another name now. */
enum rc unknown_move(struct pipeline *pipeline, struct member *from, struct member *to,
                     struct error *err) MUST_CHECK;

#endif
