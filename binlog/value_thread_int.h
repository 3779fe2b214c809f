/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread keeps between two values so that none of them allocates: one iconv descriptor per
 * character set, one inflater and one buffer for MariaDB's compressed columns. Made at the first
 * use, released when the thread ends.
 */
#ifndef MILLRACE_BINLOG_VALUE_THREAD_INT_H
#define MILLRACE_BINLOG_VALUE_THREAD_INT_H

#include <iconv.h>
#include <zlib.h>

#include "charset_int.h"

/* A descriptor from the charset to UTF-8, borrowed for the thread's life. RC_UNSUPPORTED: the C
 * library has no such conversion. */
enum rc value_thread_iconv(const struct charset *charset, iconv_t *out) MUST_CHECK;

/* An inflater that is ready to begin; `raw`: deflate without zlib's frame. NULL: no memory. */
z_stream *value_thread_inflate(bool raw);

/* The buffer for bytes that are not the final text yet, emptied. NULL: no memory. */
struct buf *value_thread_buf(void);

#endif
