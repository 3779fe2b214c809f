/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in the model of a table. Their order is the server's own: the primary key, then unique keys
 * without NULLs, whole before prefixes, then those with NULLs, then the rest; among equals MySQL has
 * those over VIRTUAL columns last; else as they were made. MariaDB sorts them anew only where an
 * ALTER adds one, or drops a column of the primary key (or of what serves as one) or lets it be
 * NULL. Indexes that are not unique are followed because the name that a key without one gets depends
 * on what there is.
 */
#include "ddl_table_int.h"

struct ddl_key *ddl_table_key(const struct ddl_table *table, struct slice name)
{
    for (uint32_t i = 0; i < table->key_count; i++)
        if (ddl_name_equal(table->keys[i].name, name))
            return &table->keys[i];
    return NULL;
}

void ddl_table_drop_key(struct ddl_table *table, const struct ddl_key *key)
{
    size_t index = (size_t)(key - table->keys);
    ASSERT(index < table->key_count);
    table->key_count--;
    memmove(&table->keys[index], &table->keys[index + 1],
            (table->key_count - index) * sizeof(*table->keys));
}

/* The first column's name, or the same with _2, _3, ... */
static struct slice free_name(struct ddl_parser *parser, const struct ddl_table *table,
                              const struct ddl_key_def *def)
{
    struct slice base = def->parts[0].column;
    if (base.len == 0)
        base = SLICE("functional_index");
    else if (ddl_table_column(table, base) != NULL)
        base = ddl_table_column(table, base)->shown.name;
    struct slice name = base;
    for (unsigned i = 2; i < 100 && ddl_ok(parser); i++) {
        bool is_reserved = slice_equal_nocase(name, SLICE("PRIMARY"));
        if (!is_reserved && ddl_table_key(table, name) == NULL)
            break;
        name = ddl_format(parser, "%.*s_%u", SLICE_ARG(base), i);
    }
    return name;
}

/* A prefix as long as the column is the column. */
static uint32_t settle_prefix(struct ddl_parser *parser, struct ddl_column *column, uint32_t prefix)
{
    const struct ddl_type *type = ddl_column_type(parser, column);
    /* MariaDB shows a key over a whole POINT as one over its 25 bytes, and over another geometry as
     * one over 8. */
    bool is_point = slice_equal(column->shown.data_type, SLICE("point"));
    if (prefix == 0 && parser->context->is_mariadb && type->kind == DDL_GEOMETRY)
        return is_point ? 25 : 8;
    if (prefix == 0)
        return 0;
    bool is_large =
        (type->kind >= DDL_TINYTEXT && type->kind <= DDL_LONGTEXT) || type->kind == DDL_GEOMETRY;
    bool is_text = type->kind == DDL_CHAR || type->kind == DDL_VARCHAR;
    if (is_large)
        return prefix;
    return is_text && prefix < column->shown.char_length ? prefix : 0;
}

static void add_parts(struct ddl_parser *parser, const struct ddl_table *table,
                      const struct ddl_definition *definition, const struct ddl_key_def *def,
                      struct ddl_key *key)
{
    key->parts = ddl_alloc(parser, (def->part_count + 1) * sizeof(*key->parts));
    if (key->parts == NULL)
        return;
    for (uint32_t i = 0; i < def->part_count; i++) {
        struct slice name = def->parts[i].column;
        if (def->parts[i].is_period) {
            /* The columns of the period: its end first. */
            key->parts[key->part_count++].column = ddl_table_column(table, definition->period_end);
            key->parts[key->part_count++].column =
                ddl_table_column(table, definition->period_start);
            break;
        }
        struct ddl_key_part *part = &key->parts[key->part_count++];
        part->column = name.len == 0 ? NULL : ddl_table_column(table, name);
        if (name.len > 0 && part->column == NULL)
            ddl_unreadable(parser,
                           "The key %.*s names the column %.*s, which the table is not known to "
                           "have.",
                           SLICE_ARG(key->name), SLICE_ARG(name));
        else if (part->column != NULL)
            part->prefix = settle_prefix(parser, part->column, def->parts[i].prefix);
    }
    for (uint32_t i = 0; i < key->part_count; i++)
        if (key->parts[i].column == NULL)
            key->kind = DDL_KEY_OTHER; /* an expression: no columns tell its rows apart */
}

/* MySQL before 5.7 gives a column that the primary key made NOT NULL a default: zero, the empty
 * text, the first label. */
static void give_implicit_default(struct ddl_parser *parser, struct ddl_column *column)
{
    const struct ddl_type *type = ddl_column_type(parser, column);
    struct ddl_default value = {.kind = DDL_DEFAULT_TEXT, .value = SLICE("0")};
    if (type->kind == DDL_ENUM && type->label_count > 0)
        value.value = type->labels[0];
    else if (ddl_type_is_text(type))
        value.value = SLICE("");
    else if (type->kind == DDL_YEAR)
        value.value = SLICE("0000");
    else if (type->kind == DDL_BIT)
        value.kind = DDL_DEFAULT_NUMBER;
    if (ddl_ok(parser) && !column->shown.is_auto_increment)
        ddl_default_show(parser, &value, type, &column->shown);
}

static void settle_primary(struct ddl_parser *parser, struct ddl_key *key)
{
    bool is_old = !parser->context->is_mariadb && parser->context->version < 50700;
    for (uint32_t i = 0; i < key->part_count; i++) {
        bool needs_default = is_old && key->parts[i].column->shown.nullable &&
                             key->parts[i].column->shown.default_value.ptr == NULL;
        struct catalog_column *shown = &key->parts[i].column->shown;
        if (shown->nullable && shown->default_value.ptr == NULL && !shown->default_is_expression)
            shown->has_default = false; /* what was there was NULL */
        shown->nullable = false;
        if (needs_default && !shown->default_is_expression)
            give_implicit_default(parser, key->parts[i].column);
    }
}

static bool is_there(const struct ddl_table *table, const struct ddl_key_def *def)
{
    if (def->kind == DDL_KEY_PRIMARY)
        return table->key_count > 0 && table->keys[0].kind == DDL_KEY_PRIMARY;
    struct slice name = def->name.len > 0 ? def->name : def->parts[0].column;
    return name.len > 0 && ddl_table_key(table, name) != NULL;
}

static void add_key(struct ddl_parser *parser, struct ddl_table *table,
                    const struct ddl_definition *definition, const struct ddl_key_def *def)
{
    if (def->if_not_exists && is_there(table, def))
        return;
    void *items = table->keys;
    if (!ddl_grow(parser, &items, table->key_count, &table->key_room, sizeof(*table->keys),
                  DDL_KEYS_MAX, "indexes"))
        return;
    table->keys = items;
    struct ddl_key key = {.kind = def->kind == DDL_KEY_FOREIGN ? DDL_KEY_OTHER : def->kind,
                          .name = def->name};
    if (def->kind == DDL_KEY_PRIMARY)
        key.name = SLICE("PRIMARY");
    else if (key.name.len == 0)
        key.name = free_name(parser, table, def);
    add_parts(parser, table, definition, def, &key);
    if (!ddl_ok(parser))
        return;
    table->keys[table->key_count++] = key;
    table->has_new_keys = true;
}

/* The key begins with the foreign key's columns. */
static bool key_serves(const struct ddl_key *key, const struct ddl_key_def *foreign)
{
    bool serves = key->part_count >= foreign->part_count;
    for (uint32_t i = 0; serves && i < foreign->part_count; i++)
        serves = key->parts[i].column != NULL && key->parts[i].prefix == 0 &&
                 ddl_name_equal(key->parts[i].column->shown.name, foreign->parts[i].column);
    return serves;
}

static bool def_serves(const struct ddl_key_def *def, const struct ddl_key_def *foreign)
{
    bool serves = !def->is_check && def->part_count >= foreign->part_count;
    for (uint32_t i = 0; serves && i < foreign->part_count; i++)
        serves = def->parts[i].column.len > 0 && def->parts[i].prefix == 0 &&
                 ddl_name_equal(def->parts[i].column, foreign->parts[i].column);
    return serves;
}

/* A foreign key gets an index of its own only where no other key serves; of two foreign keys that
 * could serve each other the one with more columns has it, or the last. Deliberately not handled: an
 * index that a foreign key got once goes when another comes that serves; which those are is shown
 * nowhere. */
static bool needs_no_index(const struct ddl_table *table, const struct ddl_definition *definition,
                           uint32_t index)
{
    const struct ddl_key_def *foreign = &definition->keys[index];
    bool found = false;
    if (foreign->kind != DDL_KEY_FOREIGN)
        return false;
    for (uint32_t i = 0; i < table->key_count && !found; i++)
        found = key_serves(&table->keys[i], foreign);
    for (uint32_t i = 0; i < definition->key_count && !found; i++) {
        const struct ddl_key_def *other = &definition->keys[i];
        bool is_better =
            other->kind != DDL_KEY_FOREIGN || i > index || other->part_count > foreign->part_count;
        found = i != index && is_better && def_serves(other, foreign);
    }
    return found;
}

void ddl_table_add_keys(struct ddl_parser *parser, struct ddl_table *table,
                        const struct ddl_definition *definition)
{
    for (uint32_t i = 0; i < definition->key_count && ddl_ok(parser); i++)
        if (!definition->keys[i].is_check && definition->keys[i].part_count > 0 &&
            !needs_no_index(table, definition, i))
            add_key(parser, table, definition, &definition->keys[i]);
}

static bool is_listed(const struct ddl_table *table, const struct ddl_column *column)
{
    for (uint32_t i = 0; i < table->column_count; i++)
        if (table->columns[i] == column)
            return true;
    return false;
}

static void drop_gone_parts(const struct ddl_table *table, struct ddl_key *key)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < key->part_count; i++)
        if (key->parts[i].column == NULL || is_listed(table, key->parts[i].column))
            key->parts[kept++] = key->parts[i];
    key->part_count = kept;
}

static bool has_null(const struct ddl_key *key)
{
    bool found = false;
    for (uint32_t i = 0; i < key->part_count; i++)
        found = found || (key->parts[i].column != NULL && key->parts[i].column->shown.nullable);
    return found;
}

/* A unique key's rank is one more than the sum of its weights. */
enum {
    WEIGHT_VIRTUAL = 1,
    WEIGHT_PREFIX = 2,
    WEIGHT_NULL = 4,
    RANK_PRIMARY = 0,
    RANK_HASHED = 1 + WEIGHT_VIRTUAL + WEIGHT_PREFIX + WEIGHT_NULL + 1,
    RANK_OTHER,
    RANKS
};

static int rank(const struct ddl_parser *parser, const struct ddl_key *key)
{
    if (key->kind == DDL_KEY_PRIMARY)
        return RANK_PRIMARY;
    if (key->kind == DDL_KEY_OTHER)
        return RANK_OTHER;
    if (key->was_hashed || ddl_key_is_hashed(parser, key))
        return RANK_HASHED;
    int weights = has_null(key) ? WEIGHT_NULL : 0;
    for (uint32_t i = 0; i < key->part_count; i++) {
        bool is_virtual = key->parts[i].column->shown.generated == CATALOG_VIRTUAL;
        if (key->parts[i].prefix != 0)
            weights |= WEIGHT_PREFIX;
        if (is_virtual && !parser->context->is_mariadb)
            weights |= WEIGHT_VIRTUAL;
    }
    return 1 + weights;
}

/* Stable; in as many rounds as there are ranks. */
static void sort_keys(struct ddl_parser *parser, struct ddl_table *table)
{
    struct ddl_key *sorted = ddl_alloc(parser, (table->key_count + 1) * sizeof(*sorted));
    if (sorted == NULL)
        return;
    uint32_t count = 0;
    for (int round = 0; round < RANKS; round++)
        for (uint32_t i = 0; i < table->key_count; i++)
            if (table->keys[i].rank == round)
                sorted[count++] = table->keys[i];
    table->keys = sorted;
    table->key_room = table->key_count + 1;
}

/* One after the other: a key's rank does not see what the primary key behind it makes NOT NULL. */
void ddl_table_settle_keys(struct ddl_parser *parser, struct ddl_table *table)
{
    uint32_t kept = 0;
    bool sorts = !parser->context->is_mariadb || table->has_new_keys;
    for (uint32_t i = 0; i < table->key_count && ddl_ok(parser); i++) {
        struct ddl_key *key = &table->keys[i];
        uint32_t part_count = key->part_count;
        drop_gone_parts(table, key);
        sorts = sorts || (key->was_first && (key->part_count < part_count || has_null(key)));
        if (key->part_count == 0)
            continue;
        for (uint32_t j = 0; key->kind != DDL_KEY_OTHER && j < key->part_count; j++)
            key->parts[j].prefix =
                settle_prefix(parser, key->parts[j].column, key->parts[j].prefix);
        if (key->kind == DDL_KEY_PRIMARY)
            settle_primary(parser, key);
        key->rank = rank(parser, key);
        table->keys[kept++] = *key;
    }
    if (!ddl_ok(parser))
        return;
    table->key_count = kept;
    if (sorts)
        sort_keys(parser, table);
}
