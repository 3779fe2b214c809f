/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of a load (facts/starrocks.md 1.6, 3.3, 7.3.9): strict, no row may be filtered,
 * columns by name with __op behind them.
 *
 * Rows that lack columns are a partial update in row mode (facts/starrocks.md 4): the server reads
 * the old row and writes a whole one. It has no way to refuse a key that the table does not have.
 */
#include "starrocks_int.h"

#include "../stream_load/column_set_int.h"

void starrocks_headers(const struct load_settings *settings, const struct load_schema *schema,
                       const uint8_t *set, struct slice label, struct buf *out)
{
    buf_add_str(out, "label: ");
    buf_add_slice(out, label);
    buf_add_byte(out, '\n');
    if (set == NULL) {
        dialect_add_column_header(out, schema, STARROCKS_DELETE_COLUMN);
    } else {
        column_set_add_header(out, schema, set);
        buf_add_str(out, "partial_update: true\npartial_update_mode: row\n");
    }
    buf_add_str(out, "strict_mode: true\nmax_filter_ratio: 0\ntimeout: ");
    buf_add_u64(out, settings->load_timeout_s);
    buf_add_byte(out, '\n');
    dialect_properties_add(starrocks_property_rules, starrocks_property_rule_count,
                           &settings->headers, out);
}
