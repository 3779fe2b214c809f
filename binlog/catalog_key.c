/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which key tells the rows of a table apart: the primary key, else the first unique key in the
 * server's order whose columns are never NULL, since a unique key with NULLs may hold many rows of
 * them; one of whole columns before one of prefixes. Rows that differ in a prefix differ in the
 * column, so that the whole columns of either tell rows apart. A table map names the primary key's
 * columns in the same way (facts/binlog.md 5.1, PRIMARY_KEY_WITH_PREFIX): both must say the same.
 */
#include "catalog_int.h"

static bool can_serve(const struct catalog_column *columns, uint32_t column_count,
                      const struct catalog_key *key, bool with_prefix)
{
    bool is_primary = slice_equal(key->name, SLICE("PRIMARY"));
    for (uint32_t i = 0; i < key->part_count; i++) {
        const struct catalog_key_part *part = &key->parts[i];
        if (part->column >= column_count || columns[part->column].nullable ||
            (part->prefix != 0 && !with_prefix && !is_primary))
            return false;
    }
    return key->part_count > 0;
}

static const struct catalog_key *choose(const struct catalog_column *columns, uint32_t column_count,
                                        const struct catalog_key *keys, uint32_t key_count,
                                        bool with_prefix)
{
    for (uint32_t i = 0; i < key_count; i++)
        if (can_serve(columns, column_count, &keys[i], with_prefix))
            return &keys[i];
    return NULL;
}

void catalog_choose_key(struct catalog_column *columns, uint32_t column_count,
                        const struct catalog_key *keys, uint32_t key_count)
{
    for (uint32_t i = 0; i < column_count; i++)
        columns[i].key_ordinal = 0;
    const struct catalog_key *chosen = choose(columns, column_count, keys, key_count, false);
    if (chosen == NULL)
        chosen = choose(columns, column_count, keys, key_count, true);
    if (chosen == NULL)
        return;
    for (uint32_t i = 0; i < chosen->part_count; i++)
        columns[chosen->parts[i].column].key_ordinal = i + 1;
}
