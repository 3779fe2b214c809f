/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of a load (facts/doris.md 1.6, 7.7.5): strict, no row may be filtered, columns by
 * name with the delete sign behind them, group commit off in words because a table property can
 * turn it on (since 4.1), and a modest timeout so that an orphan gives its label back.
 *
 * Rows that lack columns are a partial update (facts/doris.md 4). They are updates, so a key that
 * the table does not have is an error, never a new row of defaults: up to 3.0 strict mode alone
 * says so, since 3.1 a header of its own
 * (https://doris.apache.org/docs/3.x/data-operate/update/partial-column-update).
 */
#include "doris_int.h"

#include "../stream_load/column_set_int.h"

void doris_headers(const struct load_settings *settings, const struct load_schema *schema,
                   const uint8_t *set, struct slice label, struct buf *out)
{
    buf_add_str(out, "label: ");
    buf_add_slice(out, label);
    buf_add_byte(out, '\n');
    if (set == NULL) {
        dialect_add_column_header(out, schema, DORIS_DELETE_COLUMN);
    } else {
        column_set_add_header(out, schema, set);
        buf_add_str(out, "partial_columns: true\npartial_update_new_key_behavior: ERROR\n");
    }
    buf_add_str(out, "strict_mode: true\nmax_filter_ratio: 0\ngroup_commit: off_mode\ntimeout: ");
    buf_add_u64(out, settings->load_timeout_s);
    buf_add_byte(out, '\n');
    dialect_properties_add(doris_property_rules, doris_property_rule_count, &settings->headers,
                           out);
}
