/* SPDX-License-Identifier: Apache-2.0 */
#include "definition_int.h"

/* Every text of a column, so that no loop over them forgets one. */
#define COLUMN_TEXTS(X)                                                                            \
    X(name)                                                                                        \
    X(data_type)                                                                                   \
    X(column_type)                                                                                 \
    X(charset)                                                                                     \
    X(collation)                                                                                   \
    X(comment)                                                                                     \
    X(default_value)

#define TABLE_TEXTS(X)                                                                             \
    X(db)                                                                                          \
    X(name)                                                                                        \
    X(comment)                                                                                     \
    X(charset)                                                                                     \
    X(collation)

#define ADD_LEN(field) size += from->field.len;

static size_t column_text_size(const struct catalog_column *from)
{
    size_t size = 0;
    COLUMN_TEXTS(ADD_LEN)
    return size;
}

static size_t table_text_size(const struct catalog_table *from)
{
    size_t size = 0;
    TABLE_TEXTS(ADD_LEN)
    return size;
}

/* Structs first, in the order of their alignment, which falls. */
_Static_assert(sizeof(struct catalog_table) % _Alignof(struct catalog_column) == 0, "no gap");
_Static_assert(sizeof(struct catalog_column) % _Alignof(struct catalog_key) == 0, "no gap");
_Static_assert(sizeof(struct catalog_key) % _Alignof(struct slice) == 0, "no gap");
_Static_assert(sizeof(struct slice) % _Alignof(struct catalog_key_part) == 0, "no gap");

size_t definition_size(const struct catalog_table *table)
{
    size_t size = sizeof(*table) + table_text_size(table);
    size += table->column_count * sizeof(table->columns[0]);
    for (uint32_t i = 0; i < table->column_count; i++)
        size += column_text_size(&table->columns[i]);
    size += table->key_count * sizeof(table->keys[0]);
    for (uint32_t k = 0; k < table->key_count; k++)
        size +=
            table->keys[k].name.len + table->keys[k].part_count * sizeof(table->keys[k].parts[0]);
    size += table->index_name_count * sizeof(table->index_names[0]);
    for (uint32_t i = 0; i < table->index_name_count; i++)
        size += table->index_names[i].len;
    return size;
}

/* NULL stays NULL: "no text" and "empty text" are told apart where a default is. */
static struct slice copy_text(uint8_t **at, struct slice text)
{
    if (text.ptr == NULL)
        return SLICE_EMPTY;
    struct slice copy = slice_of(*at, text.len);
    if (text.len > 0)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

#define COPY_TEXT(field) to->field = copy_text(at, to->field);

static void copy_column_texts(struct catalog_column *to, uint8_t **at)
{
    COLUMN_TEXTS(COPY_TEXT)
}

static void copy_table_texts(struct catalog_table *to, uint8_t **at)
{
    TABLE_TEXTS(COPY_TEXT)
}

struct catalog_table *definition_copy(const struct catalog_table *table, void *memory)
{
    struct catalog_table *to = memory;
    struct catalog_column *columns = (struct catalog_column *)(to + 1);
    struct catalog_key *keys = (struct catalog_key *)(columns + table->column_count);
    struct slice *index_names = (struct slice *)(keys + table->key_count);
    struct catalog_key_part *parts =
        (struct catalog_key_part *)(index_names + table->index_name_count);
    *to = *table;
    to->columns = columns;
    to->keys = keys;
    to->index_names = index_names;
    for (uint32_t i = 0; i < table->column_count; i++)
        columns[i] = table->columns[i];
    for (uint32_t k = 0; k < table->key_count; k++) {
        keys[k] = table->keys[k];
        keys[k].parts = parts;
        for (uint32_t p = 0; p < keys[k].part_count; p++)
            *parts++ = table->keys[k].parts[p];
    }
    uint8_t *text = (uint8_t *)parts;
    uint8_t **at = &text;
    copy_table_texts(to, at);
    for (uint32_t i = 0; i < table->column_count; i++)
        copy_column_texts(&columns[i], at);
    for (uint32_t k = 0; k < table->key_count; k++)
        keys[k].name = copy_text(at, keys[k].name);
    for (uint32_t i = 0; i < table->index_name_count; i++)
        index_names[i] = copy_text(at, table->index_names[i]);
    ASSERT((size_t)(text - (uint8_t *)memory) == definition_size(table));
    return to;
}
