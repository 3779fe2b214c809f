/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of a row as bytes that are equal exactly when the keys are: for each key column the
 * length and the canonical text, which a chunk and the binlog give alike. Not the server's idea of
 * equality: 'a' and 'A' are two keys here, and an update from one to the other names both.
 */
#ifndef MILLRACE_SNAPSHOT_KEY_INT_H
#define MILLRACE_SNAPSHOT_KEY_INT_H

#include "bound_int.h"

#define KEY_BYTES_MAX ((size_t)1 << 20)

/* Puts the row's key into `out` (emptied first). Cells that `row` lacks are taken from `other`
 * (a partial image of an update; NULL: none). */
enum rc key_of_row(const struct table *table, const struct row *row, const struct row *other,
                   struct buf *scratch, struct buf *out, struct error *err) MUST_CHECK;
/* The key as literals that find the row again. */
enum rc key_bound(const struct table *table, struct slice key, struct bound **bound_out,
                  struct error *err) MUST_CHECK;
/* The fields of a row that a SELECT gives: one a column, and behind them a number for each column of
 * the key that is an ENUM or SET and comes as text, because a bound is compared by number. */
uint32_t key_field_count(const struct table *table);
/* The key of such a row, as the exact literals of a bound; */
enum rc key_bound_of_row(const struct table *table, const struct slice *fields,
                         struct bound **bound_out, struct error *err) MUST_CHECK;
/* and of the fields of the key's columns alone. */
enum rc key_bound_of_fields(const struct table *table, const struct slice *fields,
                            struct bound **bound_out, struct error *err) MUST_CHECK;
/* Whether a key lies behind a bound, where this can be told without the server: integer keys.
 * `descending`: as struct sql_table has it. */
bool key_compare_numbers(const struct table *table, uint64_t descending, struct slice key,
                         const struct bound *bound, bool *is_behind_out);

#endif
