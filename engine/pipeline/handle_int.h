/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One change of the stream, on to where it belongs.
 */
#ifndef MILLRACE_PIPELINE_HANDLE_INT_H
#define MILLRACE_PIPELINE_HANDLE_INT_H

#include "world_int.h"

enum rc handle_change(struct pipeline *pipeline, const struct change *change,
                      struct error *err) MUST_CHECK;

#endif
