/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdio.h>

const char *table_label(const struct table *table, char *out, size_t cap)
{
    snprintf(out, cap, "%.*s.%.*s", SLICE_ARG(table->db), SLICE_ARG(table->name));
    return out;
}

int table_find_column(const struct table *table, struct slice name)
{
    for (uint32_t i = 0; i < table->column_count; i++)
        if (slice_equal_nocase(table->columns[i].name, name))
            return (int)i;
    return -1;
}

const char *column_kind_name(enum column_kind kind)
{
    static const char *const names[] = {
        [COLUMN_UNKNOWN] = "unknown",
        [COLUMN_INT] = "integer",
        [COLUMN_UINT] = "unsigned integer",
        [COLUMN_BIT] = "bit",
        [COLUMN_YEAR] = "year",
        [COLUMN_DECIMAL] = "decimal",
        [COLUMN_FLOAT] = "float",
        [COLUMN_DOUBLE] = "double",
        [COLUMN_DATE] = "date",
        [COLUMN_TIME] = "time",
        [COLUMN_DATETIME] = "datetime",
        [COLUMN_TIMESTAMP] = "timestamp",
        [COLUMN_STRING] = "string",
        [COLUMN_BYTES] = "bytes",
        [COLUMN_ENUM] = "enum",
        [COLUMN_SET] = "set",
        [COLUMN_JSON] = "json",
        [COLUMN_GEOMETRY] = "geometry",
        [COLUMN_VECTOR] = "vector",
        [COLUMN_UUID] = "uuid",
        [COLUMN_INET4] = "inet4",
        [COLUMN_INET6] = "inet6",
    };
    return (unsigned)kind < COUNT_OF(names) ? names[kind] : "unknown";
}
