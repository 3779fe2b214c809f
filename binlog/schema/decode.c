/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A definition out of its note. The note is ours, but it lay on a disk: everything is checked that a
 * reader of the definition relies on.
 */
#include "json_text_int.h"
#include "schema_int.h"

#define COLUMNS_MAX 4096u /* of a table, in MySQL and MariaDB */
#define KEYS_MAX 1024u
#define PARTS_MAX 64u

/* A list that doubles in an arena. */
struct list {
    void *items;
    uint32_t count;
    uint32_t room;
};

/* One more item, all zero; NULL: no memory or too many, and the text has failed. */
static void *list_add(struct json_text *text, struct list *list, size_t item_size, uint32_t max)
{
    if (list->count == list->room) {
        uint32_t room = list->room == 0 ? 8 : 2 * list->room;
        void *items = list->count >= max ? NULL : arena_alloc(text->arena, room * item_size);
        if (items == NULL) {
            text->failed = true;
            text->no_memory = text->no_memory || list->count < max;
            return NULL;
        }
        if (list->count > 0)
            memcpy(items, list->items, list->count * item_size);
        list->items = items;
        list->room = room;
    }
    void *item = (uint8_t *)list->items + list->count++ * item_size;
    memset(item, 0, item_size);
    return item;
}

static uint32_t number_up_to(struct json_text *text, uint64_t max)
{
    uint64_t number = json_text_number(text);
    if (number > max)
        text->failed = true;
    return text->failed ? 0 : (uint32_t)number;
}

static bool is(struct slice name, const char *word)
{
    return slice_equal(name, slice_str(word));
}

static struct slice hex_bytes(struct json_text *text)
{
    struct slice hex = json_text_string(text);
    uint8_t *out = arena_alloc(text->arena, hex.len / 2);
    if (out == NULL || hex.len % 2 != 0) {
        text->failed = true;
        return SLICE_EMPTY;
    }
    for (size_t i = 0; i < hex.len; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, hex.ptr[i] | 0x20, sizeof(digits) - 1);
        if (digit == NULL) {
            text->failed = true;
            return SLICE_EMPTY;
        }
        uint8_t value = (uint8_t)(digit - digits);
        out[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : out[i / 2] | value);
    }
    return slice_of(out, hex.len / 2);
}

static bool read_column_text(struct json_text *text, struct slice name,
                             struct catalog_column *column)
{
    if (is(name, "name"))
        column->name = json_text_string(text);
    else if (is(name, "data_type"))
        column->data_type = json_text_string(text);
    else if (is(name, "type"))
        column->column_type = json_text_string(text);
    else if (is(name, "charset"))
        column->charset = json_text_string(text);
    else if (is(name, "collation"))
        column->collation = json_text_string(text);
    else if (is(name, "comment"))
        column->comment = json_text_string(text);
    else if (is(name, "default"))
        column->default_value = json_text_string(text);
    else if (is(name, "default_hex"))
        column->default_value = hex_bytes(text);
    else
        return false;
    return true;
}

static void read_column_fact(struct json_text *text, struct slice name,
                             struct catalog_column *column)
{
    if (is(name, "chars"))
        column->char_length = json_text_number(text);
    else if (is(name, "bytes"))
        column->byte_length = json_text_number(text);
    else if (is(name, "precision"))
        column->precision = number_up_to(text, UINT32_MAX);
    else if (is(name, "scale"))
        column->scale = number_up_to(text, UINT32_MAX);
    else if (is(name, "fraction"))
        column->fraction_digits = number_up_to(text, UINT32_MAX);
    else if (is(name, "key"))
        column->key_ordinal = number_up_to(text, COLUMNS_MAX);
    else if (is(name, "nullable"))
        column->nullable = json_text_bool(text);
    else if (is(name, "has_default"))
        column->has_default = json_text_bool(text);
    else if (is(name, "expression"))
        column->default_is_expression = json_text_bool(text);
    else if (is(name, "auto_increment"))
        column->is_auto_increment = json_text_bool(text);
    else if (is(name, "labels_unsure"))
        column->labels_unsure = json_text_bool(text);
    else if (is(name, "invisible"))
        column->is_invisible = json_text_bool(text);
    else if (is(name, "generated"))
        column->generated = (enum catalog_generated)number_up_to(text, CATALOG_STORED);
    else if (is(name, "versioning"))
        column->versioning = (enum catalog_versioning)number_up_to(text, CATALOG_ROW_END);
    else
        json_text_skip(text);
}

static void read_columns(struct json_text *text, struct list *columns)
{
    bool first = true;
    json_text_enter(text, '[');
    while (json_text_item(text, &first)) {
        struct catalog_column *column = list_add(text, columns, sizeof(*column), COLUMNS_MAX);
        if (column == NULL)
            return;
        struct slice name;
        bool first_member = true;
        json_text_enter(text, '{');
        while (json_text_member(text, &first_member, &name))
            if (!read_column_text(text, name, column))
                read_column_fact(text, name, column);
        if (column->name.len == 0 || column->column_type.len == 0)
            text->failed = true;
    }
}

static void read_parts(struct json_text *text, struct list *parts)
{
    bool first = true;
    json_text_enter(text, '[');
    while (json_text_item(text, &first)) {
        struct catalog_key_part *part = list_add(text, parts, sizeof(*part), PARTS_MAX);
        if (part == NULL)
            return;
        json_text_enter(text, '[');
        bool first_number = true;
        if (json_text_item(text, &first_number))
            part->column = number_up_to(text, CATALOG_EXPRESSION);
        if (json_text_item(text, &first_number))
            part->prefix = number_up_to(text, UINT32_MAX);
        if (json_text_item(text, &first_number))
            text->failed = true;
    }
}

static void read_keys(struct json_text *text, struct list *keys)
{
    bool first = true;
    json_text_enter(text, '[');
    while (json_text_item(text, &first)) {
        struct catalog_key *key = list_add(text, keys, sizeof(*key), KEYS_MAX);
        if (key == NULL)
            return;
        struct slice name;
        struct list parts = {0};
        bool first_member = true;
        json_text_enter(text, '{');
        while (json_text_member(text, &first_member, &name)) {
            if (is(name, "name"))
                key->name = json_text_string(text);
            else if (is(name, "parts"))
                read_parts(text, &parts);
            else
                json_text_skip(text);
        }
        key->parts = parts.items;
        key->part_count = parts.count;
    }
}

static bool has_columns(const struct catalog_table *table, const struct catalog_key *key,
                        bool may_have_expressions)
{
    for (uint32_t i = 0; i < key->part_count; i++) {
        uint32_t column = key->parts[i].column;
        if (column >= table->column_count &&
            !(may_have_expressions && column == CATALOG_EXPRESSION))
            return false;
    }
    return true;
}

/* Key parts and ordinals must be such that nobody has to look at them again. */
static bool is_sound(const struct catalog_table *table)
{
    for (uint32_t k = 0; k < table->key_count; k++)
        if (!has_columns(table, &table->keys[k], false))
            return false;
    for (uint32_t k = 0; k < table->index_count; k++)
        if (!has_columns(table, &table->indexes[k], true))
            return false;
    uint32_t sum = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->column_count; i++) {
        uint32_t ordinal = table->columns[i].key_ordinal;
        for (uint32_t j = 0; ordinal != 0 && j < i; j++)
            if (table->columns[j].key_ordinal == ordinal)
                return false;
        sum += ordinal;
        count += ordinal != 0;
    }
    return sum == count * (count + 1) / 2;
}

enum rc schema_decode(struct slice source, struct arena *arena, struct catalog_table **table_out,
                      struct error *err)
{
    struct json_text text = json_text_of(source, arena);
    struct catalog_table *table = arena_alloc(arena, sizeof(*table));
    struct list columns = {0};
    struct list keys = {0};
    struct list indexes = {0};
    struct slice name;
    bool first = true;
    if (table == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the definition of a table.");
    *table = (struct catalog_table){0};
    json_text_enter(&text, '{');
    while (json_text_member(&text, &first, &name)) {
        if (is(name, "db"))
            table->db = json_text_string(&text);
        else if (is(name, "name"))
            table->name = json_text_string(&text);
        else if (is(name, "comment"))
            table->comment = json_text_string(&text);
        else if (is(name, "charset"))
            table->charset = json_text_string(&text);
        else if (is(name, "collation"))
            table->collation = json_text_string(&text);
        else if (is(name, "columns"))
            read_columns(&text, &columns);
        else if (is(name, "keys"))
            read_keys(&text, &keys);
        else if (is(name, "indexes"))
            read_keys(&text, &indexes);
        else
            json_text_skip(&text);
    }
    if (text.no_memory)
        return error_set(err, RC_MEMORY, "There is no memory for the definition of a table.");
    if (!json_text_at_end(&text))
        return error_set(err, RC_CORRUPT,
                         "The stored definition of a table cannot be read behind its byte %zu.",
                         (size_t)(text.ptr - source.ptr));
    table->columns = columns.items;
    table->column_count = columns.count;
    table->keys = keys.items;
    table->key_count = keys.count;
    table->indexes = indexes.items;
    table->index_count = indexes.count;
    *table_out = table;
    if (table->db.len == 0 || table->name.len == 0 || columns.count == 0)
        return error_set(err, RC_CORRUPT, "The stored definition of a table lacks its %s.",
                         columns.count == 0 ? "columns" : "name");
    return is_sound(table) ? RC_OK
                           : error_set(err, RC_CORRUPT,
                                       "The stored definition of table %.*s.%.*s has a key that "
                                       "its columns do not have.",
                                       SLICE_ARG(table->db), SLICE_ARG(table->name));
}
