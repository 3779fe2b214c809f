/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One part of a body, compressed, whole in memory: a load says its length before it begins, and may be
 * asked for its first bytes again. The fastest level of each way, for the rows repeat their column
 * names. The same rows give the same bytes.
 *
 * Threads: the loader's that sends it.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_COMPRESS_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_COMPRESS_INT_H

#include "body_int.h"

enum load_compression {
    LOAD_COMPRESSION_NONE = 0,
    LOAD_COMPRESSION_GZIP,
    LOAD_COMPRESSION_LZ4, /* LZ4's frames */
    LOAD_COMPRESSION_ZSTD,
    LOAD_COMPRESSIONS
};

/* Replaces what `out` holds. False: there is no memory. `how` is not LOAD_COMPRESSION_NONE. */
bool compress_part(enum load_compression how, const struct body *body, uint32_t set,
                   struct buf *out) MUST_CHECK;

#endif
