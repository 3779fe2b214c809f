/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pipeline tells while it runs.
 */
#ifndef MILLRACE_PIPELINE_PROGRESS_INT_H
#define MILLRACE_PIPELINE_PROGRESS_INT_H

#include "world_int.h"

void progress_init(struct progress *progress, uint64_t now_us);
/* How long the epoch in flight is on its way; 0: none is. */
double progress_loading_s(const struct pipeline *pipeline);
void progress_tell(struct pipeline *pipeline, uint64_t now_us);

#endif
