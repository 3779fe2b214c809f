/* SPDX-License-Identifier: Apache-2.0 */
/* The model of a table: loading, looking up, freezing. Told in ddl_table_int.h. */
#include "ddl_table_int.h"

struct ddl_column *ddl_table_column(const struct ddl_table *table, struct slice name)
{
    for (uint32_t i = 0; i < table->column_count; i++)
        if (ddl_name_equal(table->columns[i]->shown.name, name))
            return table->columns[i];
    return NULL;
}

uint32_t ddl_table_index(const struct ddl_table *table, const struct ddl_column *column)
{
    uint32_t index = 0;
    while (index < table->column_count && table->columns[index] != column)
        index++;
    ASSERT(index < table->column_count);
    return index;
}

void ddl_table_insert(struct ddl_parser *parser, struct ddl_table *table, uint32_t index,
                      struct ddl_column *column)
{
    void *items = table->columns;
    if (column == NULL || !ddl_grow(parser, &items, table->column_count, &table->column_room,
                                    sizeof(struct ddl_column *), DDL_COLUMNS_MAX, "columns"))
        return;
    ASSERT(index <= table->column_count);
    table->columns = items;
    memmove(&table->columns[index + 1], &table->columns[index],
            (table->column_count - index) * sizeof(struct ddl_column *));
    table->columns[index] = column;
    table->column_count++;
}

void ddl_table_remove(struct ddl_table *table, const struct ddl_column *column)
{
    uint32_t index = ddl_table_index(table, column);
    table->column_count--;
    memmove(&table->columns[index], &table->columns[index + 1],
            (table->column_count - index) * sizeof(struct ddl_column *));
}

static struct ddl_key *add_key(struct ddl_parser *parser, struct ddl_table *table,
                               enum ddl_key_kind kind, struct slice name)
{
    void *items = table->keys;
    if (!ddl_grow(parser, &items, table->key_count, &table->key_room, sizeof(*table->keys),
                  DDL_KEYS_MAX, "indexes"))
        return NULL;
    table->keys = items;
    struct ddl_key *key = &table->keys[table->key_count++];
    *key = (struct ddl_key){.kind = kind, .name = name};
    return key;
}

static void load_columns(struct ddl_parser *parser, struct ddl_table *table,
                         const struct catalog_table *before)
{
    for (uint32_t i = 0; i < before->column_count; i++) {
        struct ddl_column *column = ddl_alloc(parser, sizeof(*column));
        if (column == NULL)
            return;
        column->shown = before->columns[i];
        column->origin = i;
        ddl_table_insert(parser, table, i, column);
    }
}

static uint64_t part_bytes(const struct ddl_key_part *part)
{
    const struct catalog_column *shown = &part->column->shown;
    if (part->prefix == 0)
        return shown->byte_length;
    uint64_t char_bytes = shown->char_length == 0 ? 1 : shown->byte_length / shown->char_length;
    return part->prefix * (char_bytes == 0 ? 1 : char_bytes);
}

bool ddl_key_is_hashed(const struct ddl_parser *parser, const struct ddl_key *key)
{
    enum { KEY_BYTES_MAX = 3072 };
    uint64_t bytes = 0;
    if (!parser->context->is_mariadb || parser->context->version < 100400 ||
        key->kind != DDL_KEY_UNIQUE)
        return false;
    for (uint32_t i = 0; i < key->part_count; i++) {
        const struct ddl_key_part *part = &key->parts[i];
        if (part->column == NULL)
            return false;
        if (part->prefix == 0 && ddl_type_is_large(part->column->shown.data_type))
            return true;
        bytes += part_bytes(part);
    }
    return bytes > KEY_BYTES_MAX;
}

static void load_key(struct ddl_parser *parser, struct ddl_table *table, enum ddl_key_kind kind,
                     const struct catalog_key *known)
{
    struct ddl_key *key = add_key(parser, table, kind, known->name);
    if (key == NULL)
        return;
    key->parts = ddl_alloc(parser, known->part_count * sizeof(*key->parts));
    if (key->parts == NULL)
        return;
    key->part_count = known->part_count;
    for (uint32_t j = 0; j < known->part_count; j++) {
        uint32_t index = known->parts[j].column;
        key->parts[j].column = index < table->column_count ? table->columns[index] : NULL;
        key->parts[j].prefix = known->parts[j].prefix;
    }
    key->was_hashed = ddl_key_is_hashed(parser, key);
}

/* Whole columns without NULLs. */
static bool may_be_primary(const struct ddl_key *key)
{
    bool fits = !key->was_hashed;
    for (uint32_t i = 0; fits && i < key->part_count; i++) {
        const struct ddl_column *column = key->parts[i].column;
        fits = column != NULL && !column->shown.nullable && key->parts[i].prefix == 0;
    }
    return fits;
}

static void load_keys(struct ddl_parser *parser, struct ddl_table *table,
                      const struct catalog_table *before)
{
    for (uint32_t i = 0; i < before->key_count && ddl_ok(parser); i++) {
        bool is_primary = slice_equal(before->keys[i].name, SLICE("PRIMARY"));
        load_key(parser, table, is_primary ? DDL_KEY_PRIMARY : DDL_KEY_UNIQUE, &before->keys[i]);
    }
    uint32_t first = 0;
    while (ddl_ok(parser) && first < table->key_count && !may_be_primary(&table->keys[first]))
        first++;
    if (ddl_ok(parser) && first < table->key_count)
        table->keys[first].was_first = true;
    for (uint32_t i = 0; i < before->index_count && ddl_ok(parser); i++)
        load_key(parser, table, DDL_KEY_OTHER, &before->indexes[i]);
}

struct ddl_table *ddl_table_load(struct ddl_parser *parser, const struct catalog_table *before)
{
    struct ddl_table *table = ddl_alloc(parser, sizeof(*table));
    if (table == NULL)
        return NULL;
    table->name = (struct ddl_name){.db = before->db, .name = before->name};
    table->comment = before->comment;
    (void)ddl_collation_by_name(parser, before->collation, &table->collation);
    load_columns(parser, table, before);
    load_keys(parser, table, before);
    return ddl_ok(parser) ? table : NULL;
}

/* The model may hold slices of a definition that is the caller's: the frozen one must not. */
static void copy_column(struct ddl_parser *parser, const struct catalog_column *from,
                        struct catalog_column *to)
{
    *to = *from;
    to->name = ddl_copy(parser, from->name);
    to->data_type = ddl_copy(parser, from->data_type);
    to->column_type = ddl_copy(parser, from->column_type);
    to->charset = ddl_copy(parser, from->charset);
    to->collation = ddl_copy(parser, from->collation);
    to->comment = ddl_copy(parser, from->comment);
    if (from->default_value.ptr != NULL)
        to->default_value = ddl_copy(parser, from->default_value);
}

static bool freeze_columns(struct ddl_parser *parser, const struct ddl_table *table,
                           struct catalog_table *frozen, const uint32_t **origin_out)
{
    struct catalog_column *columns =
        ddl_alloc(parser, table->column_count * sizeof(struct catalog_column));
    uint32_t *origin = ddl_alloc(parser, table->column_count * sizeof(uint32_t));
    if (columns == NULL || origin == NULL)
        return false;
    for (uint32_t i = 0; i < table->column_count; i++) {
        copy_column(parser, &table->columns[i]->shown, &columns[i]);
        origin[i] = table->columns[i]->origin;
    }
    frozen->columns = columns;
    frozen->column_count = table->column_count;
    if (origin_out != NULL)
        *origin_out = origin;
    return ddl_ok(parser);
}

/* The server puts the end of a row's life into every unique key of a system-versioned table, for a
 * row's history has its key too. The column's index, or column_count. */
static uint32_t life_end(const struct ddl_table *table)
{
    uint32_t index = 0;
    while (index < table->column_count &&
           table->columns[index]->shown.versioning != CATALOG_ROW_END)
        index++;
    return index;
}

static bool freeze_parts(struct ddl_parser *parser, const struct ddl_table *table,
                         const struct ddl_key *key, struct catalog_key *frozen)
{
    struct catalog_key_part *parts = ddl_alloc(parser, (key->part_count + 1) * sizeof(*parts));
    if (parts == NULL)
        return false;
    uint32_t end = life_end(table);
    bool has_end = end == table->column_count || key->kind == DDL_KEY_OTHER;
    for (uint32_t i = 0; i < key->part_count; i++) {
        const struct ddl_column *column = key->parts[i].column;
        parts[i] = (struct catalog_key_part){
            .column = column == NULL ? CATALOG_EXPRESSION : ddl_table_index(table, column),
            .prefix = key->kind == DDL_KEY_OTHER ? 0 : key->parts[i].prefix};
        has_end = has_end || parts[i].column == end;
    }
    uint32_t count = key->part_count;
    if (!has_end)
        parts[count++] = (struct catalog_key_part){.column = end};
    *frozen = (struct catalog_key){
        .name = ddl_copy(parser, key->name), .parts = parts, .part_count = count};
    return ddl_ok(parser);
}

/* Keys that identify rows by columns, and all others. */
static bool freeze_keys(struct ddl_parser *parser, const struct ddl_table *table,
                        struct catalog_table *frozen)
{
    struct catalog_key *keys = ddl_alloc(parser, table->key_count * sizeof(*keys));
    struct catalog_key *indexes = ddl_alloc(parser, table->key_count * sizeof(*indexes));
    if (keys == NULL || indexes == NULL)
        return false;
    for (uint32_t i = 0; i < table->key_count; i++) {
        const struct ddl_key *key = &table->keys[i];
        struct catalog_key *place = key->kind == DDL_KEY_OTHER ? &indexes[frozen->index_count++]
                                                               : &keys[frozen->key_count++];
        if (!freeze_parts(parser, table, key, place))
            return false;
    }
    frozen->keys = keys;
    frozen->indexes = indexes;
    return ddl_ok(parser);
}

const struct catalog_table *ddl_table_freeze(struct ddl_parser *parser,
                                             const struct ddl_table *table,
                                             const uint32_t **origin_out)
{
    if (!ddl_ok(parser))
        return NULL;
    struct catalog_table *frozen = ddl_alloc(parser, sizeof(*frozen));
    if (frozen == NULL)
        return NULL;
    *frozen = (struct catalog_table){
        .db = ddl_copy(parser, table->name.db),
        .name = ddl_copy(parser, table->name.name),
        .comment = ddl_copy(parser, table->comment),
        .charset = ddl_copy(parser, table->collation.charset),
        .collation = ddl_copy(parser, table->collation.collation),
    };
    struct catalog_column *columns = NULL;
    if (!freeze_columns(parser, table, frozen, origin_out) || !freeze_keys(parser, table, frozen))
        return NULL;
    /* Casting away const: the columns were made here. */
    memcpy(&columns, &frozen->columns, sizeof(columns));
    catalog_choose_key(columns, frozen->column_count, frozen->keys, frozen->key_count);
    return frozen;
}
