/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables that the configuration names no more, and again.
 */
#ifndef MILLRACE_PIPELINE_ABSENT_INT_H
#define MILLRACE_PIPELINE_ABSENT_INT_H

#include "world_int.h"

/* Once the tables were gone through (ways_prepare): which of those that the checkpoint knows are not
 * captured any more, and which are again. */
enum rc absent_mark(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* At a border of transactions: those that came back are read again. */
enum rc absent_look(struct pipeline *pipeline, struct error *err) MUST_CHECK;

#endif
