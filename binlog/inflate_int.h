/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MariaDB's compressed records: log_bin_compress (facts/binlog.md 5.5).
 *
 *   byte 0: 0x80 | algorithm << 4 (0: zlib) | n    then n bytes, big endian: length when inflated
 */
#ifndef MILLRACE_BINLOG_INFLATE_INT_H
#define MILLRACE_BINLOG_INFLATE_INT_H

#include "engine/engine.h"

/* Inflates `record` into `out`, which is emptied first. */
enum rc inflate_record(struct slice record, struct buf *out, struct error *err) MUST_CHECK;

#endif
