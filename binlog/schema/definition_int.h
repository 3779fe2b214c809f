/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A definition in one piece of memory: header, columns, keys, parts, then the bytes of all text. A
 * server may have ten thousand tables, so nothing is allocated beside it and nothing rounded up.
 */
#ifndef MILLRACE_BINLOG_SCHEMA_DEFINITION_INT_H
#define MILLRACE_BINLOG_SCHEMA_DEFINITION_INT_H

#include "../catalog_int.h"

/* How many bytes a copy takes. */
size_t definition_size(const struct catalog_table *table);
/* Copies into `memory`, which has definition_size bytes and the alignment of malloc. */
struct catalog_table *definition_copy(const struct catalog_table *table, void *memory);

#endif
