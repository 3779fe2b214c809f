/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The durable state of a pipeline: an append-only journal of checksummed records in a directory of
 * its own. The byte layout is in docs/formats.md.
 */
#ifndef MILLRACE_CHECKPOINT_CHECKPOINT_H
#define MILLRACE_CHECKPOINT_CHECKPOINT_H

#include "engine/engine.h"

extern const struct store_ops checkpoint_store;

#endif
