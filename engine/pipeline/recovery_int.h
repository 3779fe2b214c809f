/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finishing what an earlier life began.
 */
#ifndef MILLRACE_PIPELINE_RECOVERY_INT_H
#define MILLRACE_PIPELINE_RECOVERY_INT_H

#include "world_int.h"

void recovery_init(struct replay *replay);
void recovery_deinit(struct replay *replay);
/* Asks what became of the loads of unfinished epochs; afterwards they are advanced, or
 * pipeline->replay says what to read again. */
enum rc recovery_begin(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* True while a range is read again that ends inside a transaction. */
bool recovery_ends_inside(const struct pipeline *pipeline);
/* True when `change` (NULL: the start of the stream) lies behind the end of the replayed range. */
bool recovery_is_over(struct pipeline *pipeline, const struct change *change);
/* Seals the replayed epoch, loads what was not applied, and waits for it. Then the next range is read, if
 * there is one. */
enum rc recovery_finish(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* The same for each range that ends before `change`. */
enum rc recovery_end(struct pipeline *pipeline, const struct change *change,
                     struct error *err) MUST_CHECK;
/* The epoch whose range is read again; while one is. */
uint64_t recovery_epoch(const struct pipeline *pipeline);

#endif
