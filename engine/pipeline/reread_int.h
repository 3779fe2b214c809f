/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables whose rows the stream does not tell are read again.
 */
#ifndef MILLRACE_PIPELINE_REREAD_INT_H
#define MILLRACE_PIPELINE_REREAD_INT_H

#include "world_int.h"

/* At a border: marked tables (unknown_int.h) begin to be read again. */
enum rc reread_look(struct pipeline *pipeline, struct error *err) MUST_CHECK;

#endif
