/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a table map, and the catalog where the map is silent, to a struct table. For tables.c only.
 */
#ifndef MILLRACE_BINLOG_TABLE_BIND_INT_H
#define MILLRACE_BINLOG_TABLE_BIND_INT_H

#include "tables_int.h"

/* Fills shape->table and shape->layouts of a wanted table out of shape->arena.
 * @param refresh  the catalog must ask the server again, because the table was altered */
enum rc table_bind(struct table_shape *shape, const struct table_map *map,
                   const struct table_facts *facts, const struct tables_options *options,
                   bool refresh, struct error *err) MUST_CHECK;

/* Fills shape->layouts alone, out of `arena`; what else comes up lies in `scratch`. On failure
 * shape->countable stays false. */
void table_bind_layouts(struct table_shape *shape, const struct table_facts *facts,
                        struct arena *arena, struct arena *scratch);

/* A struct table out of the catalog alone, in `arena`. */
enum rc table_bind_catalog(const struct catalog_table *catalog, bool is_mariadb,
                           struct arena *arena, struct table **table_out,
                           struct error *err) MUST_CHECK;

/* True when consumers would see no difference. */
bool table_same(const struct table *a, const struct table *b);

#endif
