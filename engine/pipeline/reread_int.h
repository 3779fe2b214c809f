/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables are read again, because rows of theirs were missed.
 */
#ifndef MILLRACE_PIPELINE_REREAD_INT_H
#define MILLRACE_PIPELINE_REREAD_INT_H

#include "world_int.h"

/* Reads one of them again, at a border. `begun_out` false: that cannot be, and the log says why. */
enum rc reread_table(struct pipeline *pipeline, struct member *member, bool *begun_out,
                     struct error *err) MUST_CHECK;
/* At a border: marked tables (unknown_int.h) begin to be read again. */
enum rc reread_look(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* The next look begins to read one. */
bool reread_waits(struct pipeline *pipeline);

#endif
