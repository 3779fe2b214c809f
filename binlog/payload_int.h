/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TRANSACTION_PAYLOAD: a whole transaction as one compressed event (facts/binlog.md 4.5). Inner
 * events come out one by one through a window that is as large as the largest of them, so a
 * payload of any size needs no more memory than that.
 *
 *   fields: type, length, value (length-encoded each): 1 payload size, 2 compression, 3 size when
 *   inflated; type 0 ends the list; then the payload
 */
#ifndef MILLRACE_BINLOG_PAYLOAD_INT_H
#define MILLRACE_BINLOG_PAYLOAD_INT_H

#include "event_int.h"

struct payload;

enum rc payload_new(struct payload **payload_out, struct error *err) MUST_CHECK;
void payload_free(struct payload *payload);

/* `body` is borrowed until the payload's end. RC_UNSUPPORTED: an unknown compression. */
enum rc payload_begin(struct payload *payload, struct slice body, struct error *err) MUST_CHECK;
/* The next inner event with its header, borrowed until the next call. RC_EOF behind the last. */
enum rc payload_next(struct payload *payload, struct slice *event, struct error *err) MUST_CHECK;
/* Bytes that were moved or inflated, since the payload was made. */
uint64_t payload_bytes_copied(const struct payload *payload);

#endif
