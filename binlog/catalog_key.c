/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which key tells the rows of a table apart: the primary key, else the first unique key in the
 * server's order whose columns are whole and never NULL. A prefix does not tell two rows apart, and
 * a unique key with NULLs may hold many rows of them.
 */
#include "catalog_int.h"

static bool can_serve(const struct catalog_column *columns, uint32_t column_count,
                      const struct catalog_key *key)
{
    for (uint32_t i = 0; i < key->part_count; i++) {
        const struct catalog_key_part *part = &key->parts[i];
        if (part->column >= column_count || part->prefix != 0 || columns[part->column].nullable)
            return false;
    }
    return key->part_count > 0;
}

void catalog_choose_key(struct catalog_column *columns, uint32_t column_count,
                        const struct catalog_key *keys, uint32_t key_count)
{
    for (uint32_t i = 0; i < column_count; i++)
        columns[i].key_ordinal = 0;
    const struct catalog_key *chosen = NULL;
    for (uint32_t i = 0; i < key_count && chosen == NULL; i++)
        if (can_serve(columns, column_count, &keys[i]))
            chosen = &keys[i];
    if (chosen == NULL)
        return;
    for (uint32_t i = 0; i < chosen->part_count; i++)
        columns[chosen->parts[i].column].key_ordinal = i + 1;
}
