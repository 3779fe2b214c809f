/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two watermarks of a chunk, without a lock and without a write.
 *
 * Low: the SELECT must see everything that the stream had given when the chunk was asked for. The
 * stream is ahead of the tables: a transaction is in the binlog before the engine has committed it,
 * so that reading at once could miss what has been given already, and the old row would win.
 *
 * High: where the binlog ends when the last row was read. When the stream has passed it, nothing
 * that the SELECT has seen is still to come.
 */
#ifndef MILLRACE_SNAPSHOT_WATERMARK_INT_H
#define MILLRACE_SNAPSHOT_WATERMARK_INT_H

#include "session_int.h"

/* RC_OK: the session's next statement sees everything up to `here`, where the stream has stood since
 * `since_us` (monotonic) or longer. RC_AGAIN: not yet, try again in a moment. */
enum rc watermark_begin(struct session *session, const struct position *here, uint64_t since_us,
                        struct error *err) MUST_CHECK;
/* The number of the next transaction in the text of MySQL's gtid_owned; false: there is none. Exposed for its test. */
bool watermark_next_owned(struct slice *rest, uint64_t *number_out);
/* A place as far on as can be known of which is true: what lies before it is seen by the next statement (then
 * settled), or by one after session->grace_ms. RC_AGAIN: it is not known now. */
enum rc watermark_place(struct session *session, struct position *out, bool *settled_out,
                        struct error *err) MUST_CHECK;
/* The end of the binlog. */
enum rc watermark_now(struct session *session, struct position *out, struct error *err) MUST_CHECK;
/* True when `a` lies at `b` or behind it, by file and offset of one server. */
bool watermark_is_at_or_behind(const struct position *a, const struct position *b);

#endif
