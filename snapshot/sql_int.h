/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements that a snapshot sends, as text. Nothing here talks to a server.
 */
#ifndef MILLRACE_SNAPSHOT_SQL_INT_H
#define MILLRACE_SNAPSHOT_SQL_INT_H

#include "bound_int.h"

#define SQL_TEXT_MAX ((size_t)64 << 20)

/* A table, and the way along its key on which its rows are read. "Behind" is behind on this way. */
struct sql_table {
    const struct table *table; /* as rows are read (source_ops.read_table) */
    struct slice index;        /* the key's name, "PRIMARY"; empty: not known, none is forced */
    uint64_t descending;       /* bit i: from the largest value of the key's column i down */
    bool is_prefixed;          /* the index has only the beginnings of some column's values */
    bool is_versioned;         /* MariaDB: the rows of its whole history are read */
};

/* All columns of the rows behind `low` up to and with `high` (NULL: no such bound), in key order; the
 * first `limit` of them (0: all). A table without a key: all its rows. Behind the columns stand the
 * numbers of those key columns that come as text (key_field_count). */
void sql_add_rows(struct buf *out, const struct sql_table *table, const struct bound *low,
                  const struct bound *high, uint64_t limit);
/* The key of the `count`th row behind `low`; along a prefixed index, of a row about as far. No row:
 * there are fewer. */
void sql_add_bound(struct buf *out, const struct sql_table *table, const struct bound *low,
                   uint64_t count);
/* The largest key. */
void sql_add_end(struct buf *out, const struct sql_table *table);
/* All columns of the rows whose keys are among these. */
void sql_add_rows_of_keys(struct buf *out, const struct sql_table *table,
                          const struct bound *const *keys, uint32_t key_count);
/* 1 where the row with that key exists and does not lie behind `low`. */
void sql_add_is_not_behind(struct buf *out, const struct sql_table *table, const struct bound *key,
                           const struct bound *low);

/* A key column's value as a literal: of a field as the statements above give it, */
void sql_add_field_literal(struct buf *out, const struct column *column, struct slice field);
/* and of its canonical text: good for looking for equal values only. */
void sql_add_text_literal(struct buf *out, const struct column *column, struct slice text);
/* True when the text can only be a literal of the kinds made here. */
bool sql_is_literal(struct slice text);

#endif
