/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One dead letter as the line that it is in the file (docs/formats.md). Pure, any thread.
 */
#ifndef MILLRACE_PIPELINE_LETTER_LINE_INT_H
#define MILLRACE_PIPELINE_LETTER_LINE_INT_H

#include "dead_letter.h"

/* A line, with its end. `id` is the event's. */
void letter_line_add(struct buf *out, const struct dead_letter *letter, struct slice id);
/* What the list keeps of a line; its slices lie in `parts`. False: it is no letter, unless `parts` has
 * failed. */
bool letter_line_read(struct slice line, struct buf *parts, struct dead_letter_ref *ref_out);
/* The text of a member that is a string, behind what `out` has. False: there is none. */
bool letter_line_text(struct slice object, const char *name, struct buf *out);
/* A line, without its end, with another value of a member, or with one that it did not have. */
void letter_line_put(struct buf *line, const char *name, struct slice value);

#endif
