/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closing an epoch and seeing it through.
 */
#ifndef MILLRACE_PIPELINE_EPOCH_INT_H
#define MILLRACE_PIPELINE_EPOCH_INT_H

#include "world_int.h"

/* True when time, rows or bytes say that the open batch is large enough. */
bool epoch_is_due(const struct pipeline *pipeline, uint64_t now_us);
/* True when the open batch may be closed: nothing is on its way, or one more epoch may be and much of this
 * one would begin at once. */
bool epoch_may_begin(const struct pipeline *pipeline);
void epoch_deinit(struct flights *flights);
/* The loads of a sealed epoch are on their way from here on. */
void epoch_fly(struct pipeline *pipeline, uint64_t epoch);
/* Closes the open batch and starts its loads; nothing when it is empty. One more epoch must be allowed to
 * be on its way. */
enum rc epoch_close(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* The same where the sink takes no more: in the middle of a transaction that has to become visible as a
 * whole the batch is one part of it, which is prepared and waits for the others. */
enum rc epoch_cut(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* Takes the ends of loads, waiting at most wait_ms for the first. */
enum rc epoch_poll(struct pipeline *pipeline, unsigned wait_ms, struct error *err) MUST_CHECK;
/* Waits until no epoch is on its way. deadline_us 0: for ever; else RC_CANCELLED. */
enum rc epoch_drain(struct pipeline *pipeline, uint64_t deadline_us, struct error *err) MUST_CHECK;
/* Waits until one more epoch may be on its way. */
enum rc epoch_await_room(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* Waits until the sink holds less in memory than now, or nothing is on its way. */
enum rc epoch_await_memory(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* Makes everything durable that was written: what comes behind may change the targets themselves. */
enum rc epoch_barrier(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* Where the next row or transaction would be read again from: into `out`. */
enum rc epoch_here(struct pipeline *pipeline, struct position *out, struct error *err) MUST_CHECK;
/* Stores the position of a quiet stream, when it or a note has moved and nothing is pending. */
enum rc epoch_move(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* Stores the notes that wait, with the position that is stored already. After a barrier. */
enum rc epoch_note(struct pipeline *pipeline, struct error *err) MUST_CHECK;

#endif
