/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user asks of a running engine.
 */
#ifndef MILLRACE_PIPELINE_REQUEST_INT_H
#define MILLRACE_PIPELINE_REQUEST_INT_H

#include "world_int.h"

enum rc request_look(struct pipeline *pipeline, struct error *err) MUST_CHECK;

#endif
