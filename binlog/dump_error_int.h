/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server means with error 1236, under which it reports nearly everything that can go wrong
 * with a binlog dump: only the words tell the cases apart (facts/binlog.md 8.2, 8.4).
 */
#ifndef MILLRACE_BINLOG_DUMP_ERROR_INT_H
#define MILLRACE_BINLOG_DUMP_ERROR_INT_H

#include "engine/engine.h"

/* What can be done when the changes behind a checkpoint are gone. */
#define DUMP_PURGED_REMEDY                                                                         \
    "Move the checkpoint away and start with scan.startup.mode: initial, which reads the tables "  \
    "anew; then `millrace snapshot PIPELINE --tables TABLES --rebuild` takes away the rows that "  \
    "were deleted meanwhile."

/* Looks at an error that came from the server (err->mysql_code and its words) and gives it the code
 * that fits, with a remedy; other errors are left alone. Returns the code that stands in `err`
 * then: RC_DUPLICATE_ID, RC_PURGED, RC_MISMATCH, RC_LIMIT, RC_CONFIG, RC_CORRUPT, or what it was.
 */
enum rc dump_error_refine(struct error *err) MUST_CHECK;

#endif
