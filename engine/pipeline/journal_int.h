/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far the steps of one statement have come (struct step_journal): a crash in between reads the
 * statement again, and because a swap of names, repeated, would undo itself, each step that was made is
 * noted before the next one begins, and is not made again. The note is there from before the first
 * step: a start that finds it does not compare targets with tables (ways.c).
 */
#ifndef MILLRACE_PIPELINE_JOURNAL_INT_H
#define MILLRACE_PIPELINE_JOURNAL_INT_H

#include "world_int.h"

/* Reads how far an earlier life came with a statement. */
enum rc journal_load(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* A statement, or a further table of the one before: steps are counted from here. */
void journal_begin(struct pipeline *pipeline, const struct change *change);
/* What was made so far becomes durable. After a barrier. */
enum rc journal_note(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* At the COMMIT behind a change of a target: the position moves behind it. */
enum rc journal_settle(struct pipeline *pipeline, struct error *err) MUST_CHECK;

#endif
