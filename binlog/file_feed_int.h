/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binlog files as a feed (feed_int.h): large reads into one buffer, events sliced in place. An
 * event that straddles the end of the buffer is moved to its front, and the moved bytes are
 * counted; the buffer grows only for an event larger than it, as its bytes arrive, and shrinks
 * again.
 *
 * One thread, except stop.
 */
#ifndef MILLRACE_BINLOG_FILE_FEED_INT_H
#define MILLRACE_BINLOG_FILE_FEED_INT_H

#include "feed_int.h"

/* `config` and what it points to are borrowed until close. */
enum rc file_feed_new(const struct source_file_config *config, struct binlog_feed **feed_out,
                      struct error *err) MUST_CHECK;

#endif
