/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rows event that MariaDB 12.3 and later wrote in fragments (PARTIAL_ROW_DATA_EVENT), put together
 * again. A fragment's body, numbers little-endian (facts/binlog.md, 172):
 *
 *   offset  size
 *        0     4  how many fragments the event has
 *        4     4  which one this is, from 1
 *        8     1  flags; bit 0: the size follows (in the first fragment alone)
 *        9     8  bytes of the whole event
 *    9, 17        its bytes, from where the fragment before it ended
 *
 * The whole is the event with its header, which alone says whether rows were written, updated or
 * deleted. Each fragment has a checksum of its own; whether the whole has one too is seen from the
 * length in its header, or from the checksum being right.
 *
 * One thread. Not tested against a server (none could be had): whatever is not as above is refused.
 */
#ifndef MILLRACE_BINLOG_FRAGMENTS_INT_H
#define MILLRACE_BINLOG_FRAGMENTS_INT_H

#include "event_int.h"

struct fragments {
    struct buf bytes;
    uint32_t total; /* 0: no event is being put together */
    uint32_t next;
    uint64_t size;   /* of the whole, as the first one says it */
    uint64_t offset; /* where the first one lies */
};

void fragments_init(struct fragments *fragments, size_t max);
void fragments_deinit(struct fragments *fragments);
/* What is there is thrown away. */
void fragments_drop(struct fragments *fragments);
static inline bool fragments_are_open(const struct fragments *fragments)
{
    return fragments->total > 0;
}
/* Takes the fragment in `event`. RC_AGAIN: more are needed. RC_OK: `event` is the whole, its bytes
 * borrowed until the next call. RC_CORRUPT, RC_UNSUPPORTED, RC_LIMIT, RC_MEMORY. */
enum rc fragments_take(struct fragments *fragments, struct event *event,
                       struct error *err) MUST_CHECK;

#endif
