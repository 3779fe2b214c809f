/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server source with a spool (spool.max-size). Without one every function here does nothing.
 */
#ifndef MILLRACE_BINLOG_SERVER_SPOOL_INT_H
#define MILLRACE_BINLOG_SERVER_SPOOL_INT_H

#include "server_source_int.h"

enum rc server_spool_open(struct server_source *source, const char *state_dir,
                          struct error *err) MUST_CHECK;
void server_spool_close(struct server_source *source);
/* At a start: `found_out`, the changes behind `from` are in the spool, and the stream stands there. */
enum rc server_spool_resume(struct server_source *source, const struct position *from,
                            bool *found_out, struct error *err) MUST_CHECK;
/* There is something to read without a connection. */
bool server_spool_has_backlog(const struct server_source *source);
/* Between two changes: after a gap the spool begins anew as soon as it can. */
void server_spool_look(struct server_source *source);
/* The stream's reading failed with `err`. True: that was the spool's end, or a border in it, and
 * reading goes on; RC_OK is to be tried again. */
bool server_spool_goes_on(struct server_source *source, const struct error *err);

/* source_ops.read_ahead */
bool server_spool_read_ahead(struct source *base, unsigned wait_ms);
/* No start will begin before `durable` any more. */
void server_spool_settled(struct server_source *source, const struct position *durable);

#endif
