/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which columns a row has, where it does not have all: one bit a column. The bit of a column is the
 * place of its target name among all names of the table in byte order, not its place in the source
 * table, so that source tables which share a target and list their columns in another order speak
 * of the same set. Pure, any thread.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_COLUMN_SET_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_COLUMN_SET_INT_H

#include "stream_load_int.h"

/* Bytes of a set's bits. */
size_t column_set_size(const struct load_schema *schema);

/* Fills schema->ranks. Takes memory from `arena`. */
enum rc column_set_rank(struct load_schema *schema, struct arena *arena,
                        struct error *err) MUST_CHECK;

/* `column` is an index of the source table. */
void column_set_add(const struct load_schema *schema, uint8_t *bits, uint32_t column);
bool column_set_has(const struct load_schema *schema, const uint8_t *bits, uint32_t column);

/* The `columns` header of rows that have these columns only: the names back-quoted, in the source
 * table's order. Such rows have no delete mark. */
void column_set_add_header(struct buf *out, const struct load_schema *schema, const uint8_t *bits);

/* A number that is the same for the same target names, whatever their order. Part of labels, so it
 * is fixed for ever. */
uint64_t column_set_hash(const struct load_schema *schema, const uint8_t *bits);

#endif
