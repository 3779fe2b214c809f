/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixed part of a TABLE_MAP and the facts of its columns. Pure functions over bytes; the
 * optional metadata is in table_map_meta.c.
 */
#include "table_map_int.h"

enum rc table_map_parse(struct slice body, const struct event_format *format, struct table_map *map,
                        struct error *err)
{
    struct cursor cursor = cursor_of(body);
    *map = (struct table_map){0};
    map->id = cursor_uint(&cursor, format->short_table_ids ? 4 : 6);
    cursor_take(&cursor, 2);
    struct cursor content = cursor;
    map->db = cursor_lenenc_slice(&cursor);
    cursor_take(&cursor, 1);
    map->name = cursor_lenenc_slice(&cursor);
    cursor_take(&cursor, 1);
    uint64_t count = cursor_lenenc(&cursor);
    if (cursor.failed || count > TABLE_MAP_COLUMNS_MAX)
        return error_set(err, RC_CORRUPT, "The table map cannot be read (%llu columns).",
                         (unsigned long long)count);
    map->column_count = (uint32_t)count;
    map->types = cursor_take(&cursor, count);
    map->meta = cursor_lenenc_slice(&cursor);
    map->null_bits = cursor_take(&cursor, (count + 7) / 8);
    map->tlvs = cursor_rest(&cursor);
    map->content = cursor_rest(&content);
    /* Servers hold names in UTF-8; all that is made of them relies on it. */
    if (!text_is_utf8(map->db) || !text_is_utf8(map->name))
        return error_set(err, RC_CORRUPT, "The table map's name of a table is not UTF-8.");
    return cursor.failed ? error_set(err, RC_CORRUPT, "The table map of %.*s.%.*s is cut off.",
                                     SLICE_ARG(map->db), SLICE_ARG(map->name))
                         : RC_OK;
}

/* Versions that write optional metadata; others may have bytes there that are none (#28). */
static bool has_tlvs(const struct event_format *format)
{
    return format->version >= (format->is_mariadb ? 100500u : 80001u);
}

static enum rc read_columns(const struct table_map *map, const struct event_format *format,
                            struct table_facts *facts, struct error *err)
{
    struct cursor meta = cursor_of(map->meta);
    for (uint32_t i = 0; i < map->column_count; i++) {
        struct value_facts *column = &facts->columns[i];
        column->wire_type = map->types[i];
        column->is_mariadb = format->is_mariadb;
        enum rc rc = value_meta_len(column->wire_type, &column->meta_len, err);
        if (rc != RC_OK) {
            error_wrap(err, "column %u", i + 1);
            return rc;
        }
        column->meta = cursor_take(&meta, column->meta_len);
        facts->nullable[i] = (map->null_bits[i / 8] >> (i % 8) & 1) != 0;
    }
    if (meta.failed || cursor_left(&meta) > 0)
        return error_set(err, RC_CORRUPT,
                         "The table map's column metadata has %zu bytes, which does not fit its "
                         "%u column types.",
                         map->meta.len, map->column_count);
    return RC_OK;
}

enum rc table_map_facts(const struct table_map *map, const struct event_format *format,
                        struct arena *arena, struct table_facts *facts, struct error *err)
{
    *facts = (struct table_facts){0};
    facts->columns = arena_alloc(arena, map->column_count * sizeof(*facts->columns));
    facts->nullable = arena_alloc(arena, map->column_count * sizeof(*facts->nullable));
    if (facts->columns == NULL || facts->nullable == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a table map of %u columns.",
                         map->column_count);
    enum rc rc = read_columns(map, format, facts, err);
    if (rc == RC_OK && has_tlvs(format))
        rc = table_map_read_tlvs(map, format, arena, facts, err);
    return rc;
}
