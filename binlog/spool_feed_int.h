/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The feed with a spool: what the decoder has not had of the spool, then what a dump gives, and that
 * goes through the spool too.
 *
 * Threads: as the dump's feed; only `stop` of the dump itself is for any thread.
 */
#ifndef MILLRACE_BINLOG_SPOOL_FEED_INT_H
#define MILLRACE_BINLOG_SPOOL_FEED_INT_H

#include "feed_int.h"
#include "spool_int.h"

struct spool_feed {
    struct binlog_feed base; /* first */
    struct spool *spool;
    struct binlog_feed *dump; /* NULL: none */
    struct slice held; /* came from the dump, and the spool did not take it; ptr NULL: none */
    bool damaged;      /* the spool could not be read back */
};

void spool_feed_init(struct spool_feed *feed, struct spool *spool);
void spool_feed_attach(struct spool_feed *feed, struct binlog_feed *dump);
/* Before the dump is closed. */
void spool_feed_detach(struct spool_feed *feed);
/* Takes events from the dump into the spool for at most so long, while the decoder does nothing. RC_OK;
 * RC_AGAIN: it can take none; errors of the dump. */
enum rc spool_feed_ahead(struct spool_feed *feed, unsigned wait_ms, struct error *err) MUST_CHECK;

#endif
