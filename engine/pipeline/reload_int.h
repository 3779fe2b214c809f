/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters that are loaded again (`millrace replay`), each time in an epoch that has nothing else: its
 * range is empty, from the position to the same.
 */
#ifndef MILLRACE_PIPELINE_RELOAD_INT_H
#define MILLRACE_PIPELINE_RELOAD_INT_H

#include "world_int.h"

/* The letters of the targets that are wanted, until each was tried or a stop was asked for: `*whole_out`.
 * Between transactions. */
enum rc reload_run(struct pipeline *pipeline, dead_letter_wanted_fn wanted, void *ctx,
                   bool *whole_out, struct error *err) MUST_CHECK;
/* At a start, when it is known which epoch is unfinished: what an earlier life loaded goes, and marks that
 * it did not come to use are taken off. */
enum rc reload_load(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* The letters of the epoch that is finished now, into the open batch; then, when it is durable, out of the
 * file. */
enum rc reload_again(struct pipeline *pipeline, uint64_t epoch, struct error *err) MUST_CHECK;
enum rc reload_over(struct pipeline *pipeline, uint64_t epoch, struct error *err) MUST_CHECK;

#endif
