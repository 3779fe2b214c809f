/* SPDX-License-Identifier: Apache-2.0 */
#include "sequence_int.h"

#include "value_codec_int.h"

enum { COLUMNS = 8, VALUES = 5 };

/* The first five are of the sequence's own type. */
static bool has_types(const struct table_map *map)
{
    for (unsigned i = 1; i < VALUES; i++)
        if (map->types[i] != map->types[0])
            return false;
    return map->types[VALUES] == WIRE_LONGLONG && map->types[VALUES + 1] == WIRE_TINY &&
           map->types[VALUES + 2] == WIRE_LONGLONG;
}

bool sequence_is_like(const struct table_map *map, const struct table_facts *facts)
{
    static const char *const names[COLUMNS] = {
        "next_not_cached_value", "minimum_value", "maximum_value",
        "start_value",           "increment",     "cache_size",
        "cycle_option",          "cycle_count"};
    if (map->column_count != COLUMNS || facts->key_count > 0 || !has_types(map))
        return false;
    for (unsigned i = 0; facts->names != NULL && i < COLUMNS; i++)
        if (!slice_equal(facts->names[i], slice_str(names[i])))
            return false;
    return true;
}
