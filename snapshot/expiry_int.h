/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers delete binlog files by their age. The stream reads on beside a snapshot, and no server
 * deletes the file that a connection is reading; but while the target takes more rows than it can
 * hold the stream lags, and after a stop it begins where it lagged. So it is told, when half of the
 * time is gone, how much of it is left.
 *
 * The pipeline's thread alone.
 */
#ifndef MILLRACE_SNAPSHOT_EXPIRY_INT_H
#define MILLRACE_SNAPSHOT_EXPIRY_INT_H

#include "engine/engine.h"

struct expiry {
    uint64_t looked_us; /* when the server was last asked for its newest file; wall clock, as all */
    uint64_t told_us;
};

/* Whether the server has to be asked now: the stream stands at what was written at `commit_us`, so
 * far back that the file may go before it is read. `after_s`: the age of files that are deleted; 0:
 * none are. */
bool expiry_is_to_be_looked_at(struct expiry *expiry, uint64_t after_s, uint64_t commit_us,
                               uint64_t now_us);
/* Tells it, but not all the time. `file`: where the stream stands; `newest_file`: the one that the server writes, which is safe. */
void expiry_tell(struct expiry *expiry, uint64_t after_s, const char *file, const char *newest_file,
                 uint64_t commit_us, uint64_t now_us);

#endif
