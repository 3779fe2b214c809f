/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The initial copy of tables, in chunks beside the running stream: the implementation of
 * engine/ports/snapshot.h over connections of its own. And of engine/ports/scan.h, rows by themselves.
 */
#ifndef MILLRACE_SNAPSHOT_SNAPSHOT_H
#define MILLRACE_SNAPSHOT_SNAPSHOT_H

#include "engine/engine.h"

extern const struct snapshot_ops snapshot_reader;
extern const struct scan_ops snapshot_scan;

#endif
