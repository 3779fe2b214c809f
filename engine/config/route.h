/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes: from a source table to the target tables its rows go to (facts/flink-cdc.md 1.8). Without
 * a matching route a table keeps its name. A sink-table may hold a replace-symbol, which becomes
 * the source table's name, and $1..$9, which become groups of the source-table expression. Several
 * source tables with one sink-table are merged.
 */
#ifndef MILLRACE_CONFIG_ROUTE_H
#define MILLRACE_CONFIG_ROUTE_H

#include "config.h"

enum route_mode { ROUTE_ALL_MATCH = 0, ROUTE_FIRST_MATCH };

struct route_set;

struct route_target {
    struct slice db; /* owned by the route set */
    struct slice table;
};

#define ROUTE_TARGETS_MAX 16

enum rc route_set_new(const struct cfg_route *routes, unsigned count, enum route_mode mode,
                      struct route_set **set_out, struct error *err) MUST_CHECK;
void route_set_free(struct route_set *set);
/* At least one target. RC_CONFIG when a sink-table is not db.table, or there are too many. */
enum rc route_apply(struct route_set *set, struct slice db, struct slice table,
                    struct route_target targets[ROUTE_TARGETS_MAX], unsigned *count_out,
                    struct error *err) MUST_CHECK;

#endif
