/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user asks of a running engine.
 */
#ifndef MILLRACE_PIPELINE_REQUEST_INT_H
#define MILLRACE_PIPELINE_REQUEST_INT_H

#include "world_int.h"

/* Carries out what is asked for by now. */
enum rc request_look(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* Only what is asked for dead letters. */
enum rc request_look_replays(struct pipeline *pipeline, struct error *err) MUST_CHECK;

#endif
