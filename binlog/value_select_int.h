/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table as SELECT shows its rows: the same columns, whose cells are the fields of the text
 * protocol instead of the bytes of a row image.
 */
#ifndef MILLRACE_BINLOG_VALUE_SELECT_INT_H
#define MILLRACE_BINLOG_VALUE_SELECT_INT_H

#include "charset_int.h"

/*
 * `table` again, for fields as the server gives them when it converts nothing (time_zone +00:00,
 * character_set_results NULL) and the columns are selected as ports/source.h says at `read_table`.
 * Everything is taken from `arena`. `invalid_text`: for columns that are known from the catalog
 * alone; the others bring their own. RC_UNSUPPORTED: a character set that is not known.
 */
enum rc value_select_table(const struct table *table, enum invalid_text invalid_text,
                           struct arena *arena, struct table **table_out,
                           struct error *err) MUST_CHECK;

#endif
