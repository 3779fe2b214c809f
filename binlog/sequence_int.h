/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SEQUENCE of MariaDB is no table, but its state is written as rows of one (facts/binlog.md 4.6), and no
 * table map says so.
 */
#ifndef MILLRACE_BINLOG_SEQUENCE_INT_H
#define MILLRACE_BINLOG_SEQUENCE_INT_H

#include "table_map_int.h"

/* The map could be a SEQUENCE's: its eight columns, by type, and by name where it has names. A copy of one
 * that is a table (CREATE TABLE t SELECT * FROM s) looks the same. */
bool sequence_is_like(const struct table_map *map, const struct table_facts *facts);

#endif
