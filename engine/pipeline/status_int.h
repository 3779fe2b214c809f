/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `millrace status` reads.
 */
#ifndef MILLRACE_PIPELINE_STATUS_INT_H
#define MILLRACE_PIPELINE_STATUS_INT_H

#include "world_int.h"

/* `err`: why the pipeline ended, or NULL. */
/* When the last time is a second ago. */
void status_tell(struct pipeline *pipeline, uint64_t now_us);
void status_write(struct pipeline *pipeline, uint64_t now_us, bool ended, const struct error *err);

#endif
