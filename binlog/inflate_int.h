/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MariaDB's compressed records: log_bin_compress (facts/binlog.md 5.5).
 *
 *   byte 0: 0x80 | algorithm << 4 (0: zlib) | n    then n bytes, big endian: length when inflated
 */
#ifndef MILLRACE_BINLOG_INFLATE_INT_H
#define MILLRACE_BINLOG_INFLATE_INT_H

#include "engine/engine.h"

/* zlib reaches at most about 1032 to 1; what claims more is damage, and must not make us ask for the
 * memory. */
static inline bool inflate_can_be(uint64_t claimed_len, size_t packed_len)
{
    enum { RATIO_MAX = 1100 };
    return claimed_len <= ((uint64_t)packed_len + 1) * RATIO_MAX;
}

/* Inflates `record` into `out`, which is emptied first. */
enum rc inflate_record(struct slice record, struct buf *out, struct error *err) MUST_CHECK;

#endif
