/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of a load (facts/doris.md 1.6, 7.7.5): strict, no row may be filtered, columns by
 * name with the delete sign behind them, group commit off in words because a table property can
 * turn it on (since 4.1), and a modest timeout so that an orphan gives its label back.
 */
#include "doris_int.h"

void doris_headers(const struct load_settings *settings, const struct load_schema *schema,
                   struct slice label, struct buf *out)
{
    buf_add_str(out, "label: ");
    buf_add_slice(out, label);
    buf_add_str(out, "\nformat: json\nread_json_by_line: true\n");
    dialect_add_column_header(out, schema, DORIS_DELETE_COLUMN);
    buf_add_str(out, "strict_mode: true\nmax_filter_ratio: 0\ngroup_commit: off_mode\ntimeout: ");
    buf_add_u64(out, settings->load_timeout_s);
    buf_add_byte(out, '\n');
    dialect_properties_add(doris_property_rules, doris_property_rule_count, &settings->headers,
                           out);
}
