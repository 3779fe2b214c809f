/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One part of a body as gzip, whole in memory: a load says its length before it begins, and may be asked
 * for its first bytes again. The fastest level, for the rows repeat their column names. The same rows
 * give the same bytes.
 *
 * Threads: the loader's that sends it.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_GZIP_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_GZIP_INT_H

#include "body_int.h"

/* Replaces what `out` holds. False: there is no memory. */
bool gzip_part(const struct body *body, uint32_t set, struct buf *out) MUST_CHECK;

#endif
