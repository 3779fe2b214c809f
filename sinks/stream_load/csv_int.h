/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load as CSV. Rows are kept as JSON lines, because that is what merges, dead letters and memory bounds
 * go by; a load that may go as CSV is rewritten when it is sent, in the place where its lines lie: without
 * the names and quotes a row is always shorter. So neither the batches nor the labels depend on the form,
 * and a batch that is read again after a crash is the same batch in either.
 *
 * Columns end in 0x01 and rows in 0x02, nothing is quoted, and NULL is \N (facts/doris.md 3.3,
 * facts/starrocks.md 3.2): the form that every version of both products reads. What it cannot say, and what
 * is not known for all of them, keeps the whole load in JSON:
 *
 *   in a row      a control character other than \b \t \n \f \r, which the separators are two of;
 *                 a text that is \N; a carriage return at the row's end; more than CSV_ROW_MAX bytes
 *   in the first  a byte order mark at its beginning
 *   in the table  an ARRAY or JSON column; one column and no key, where an empty text would be an empty
 *                 line, which is skipped
 *
 * Threads: the loader's that sends the load.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_CSV_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_CSV_INT_H

#include "body_int.h"
#include "stream_load_int.h"

#define CSV_COLUMN_END 0x01
#define CSV_ROW_END 0x02
/* Of a row in JSON. Older StarRocks have a bound of some MB for a line (facts/starrocks.md 1.7). */
#define CSV_ROW_MAX (1u << 20)

/* Whether loads of such a table may be CSV at all. Pure. */
bool csv_takes_table(const struct load_schema *schema);

/* Rewrites the whole rows of a sealed body, if CSV takes them all; else, or without memory, they stay as
 * they are. Their columns stand in the order of `schema`, the delete mark behind them. */
void csv_rewrite(struct body *body, const struct load_schema *schema, const char *delete_column);

#endif
