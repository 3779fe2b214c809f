/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether two definitions say the same. A text that is absent and one that is empty are the same:
 * what reads information_schema and what reads DDL need not agree on that.
 */
#include "schema_int.h"

/* In whatever order: no reader of indexes but the keys keeps one. */
static bool indexes_equal(const struct catalog_table *a, const struct catalog_table *b)
{
    for (uint32_t i = 0; i < a->index_count; i++) {
        uint32_t j = 0;
        while (j < b->index_count && !catalog_key_equal(&a->indexes[i], &b->indexes[j]))
            j++;
        if (j == b->index_count)
            return false;
    }
    return a->index_count == b->index_count;
}

bool schema_table_equal(const struct catalog_table *a, const struct catalog_table *b)
{
    if (!slice_equal(a->db, b->db) || !slice_equal(a->name, b->name) ||
        !slice_equal(a->comment, b->comment) || !slice_equal(a->charset, b->charset) ||
        !slice_equal(a->collation, b->collation) || a->column_count != b->column_count ||
        a->key_count != b->key_count)
        return false;
    for (uint32_t i = 0; i < a->column_count; i++)
        if (!catalog_column_equal(&a->columns[i], &b->columns[i]))
            return false;
    for (uint32_t k = 0; k < a->key_count; k++)
        if (!catalog_key_equal(&a->keys[k], &b->keys[k]))
            return false;
    return indexes_equal(a, b);
}
