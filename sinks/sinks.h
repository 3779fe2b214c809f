/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The targets.
 */
#ifndef MILLRACE_SINKS_SINKS_H
#define MILLRACE_SINKS_SINKS_H

#include "engine/engine.h"

extern const struct sink_ops doris_sink;     /* Apache Doris, Stream Load */
extern const struct sink_ops starrocks_sink; /* StarRocks, Stream Load */
extern const struct sink_ops file_sink;      /* CloudEvents in rotated files */
extern const struct sink_ops null_sink;      /* counts, and throws away */

#endif
