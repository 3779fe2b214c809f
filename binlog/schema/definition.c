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
_Static_assert(sizeof(struct catalog_key) % _Alignof(struct catalog_key_part) == 0, "no gap");

static size_t key_size(const struct catalog_key *keys, uint32_t count)
{
    size_t size = count * sizeof(*keys);
    for (uint32_t i = 0; i < count; i++)
        size += keys[i].name.len + keys[i].part_count * sizeof(keys[i].parts[0]);
    return size;
}

size_t definition_size(const struct catalog_table *table)
{
    size_t size = sizeof(*table) + table_text_size(table);
    size += table->column_count * sizeof(table->columns[0]);
    for (uint32_t i = 0; i < table->column_count; i++)
        size += column_text_size(&table->columns[i]);
    return size + key_size(table->keys, table->key_count) +
           key_size(table->indexes, table->index_count);
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

/* The keys at `to` and their parts at `*parts`, which moves on; names stay where they are. */
static void copy_keys(struct catalog_key *to, const struct catalog_key *from, uint32_t count,
                      struct catalog_key_part **parts)
{
    for (uint32_t k = 0; k < count; k++) {
        to[k] = from[k];
        to[k].parts = *parts;
        for (uint32_t p = 0; p < from[k].part_count; p++)
            *(*parts)++ = from[k].parts[p];
    }
}

struct catalog_table *definition_copy(const struct catalog_table *table, void *memory)
{
    struct catalog_table *to = memory;
    struct catalog_column *columns = (struct catalog_column *)(to + 1);
    struct catalog_key *keys = (struct catalog_key *)(columns + table->column_count);
    struct catalog_key *indexes = keys + table->key_count;
    struct catalog_key_part *parts = (struct catalog_key_part *)(indexes + table->index_count);
    *to = *table;
    to->columns = columns;
    to->keys = keys;
    to->indexes = indexes;
    for (uint32_t i = 0; i < table->column_count; i++)
        columns[i] = table->columns[i];
    copy_keys(keys, table->keys, table->key_count, &parts);
    copy_keys(indexes, table->indexes, table->index_count, &parts);
    uint8_t *text = (uint8_t *)parts;
    uint8_t **at = &text;
    copy_table_texts(to, at);
    for (uint32_t i = 0; i < table->column_count; i++)
        copy_column_texts(&columns[i], at);
    for (uint32_t k = 0; k < table->key_count; k++)
        keys[k].name = copy_text(at, keys[k].name);
    for (uint32_t i = 0; i < table->index_count; i++)
        indexes[i].name = copy_text(at, indexes[i].name);
    ASSERT((size_t)(text - (uint8_t *)memory) == definition_size(table));
    return to;
}
