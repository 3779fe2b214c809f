/* SPDX-License-Identifier: Apache-2.0 */
/* Column sets as bits; see column_set_int.h. */
#include "column_set_int.h"

#include <stdlib.h>

size_t column_set_size(const struct load_schema *schema)
{
    return ((size_t)schema->source->column_count + 7) / 8;
}

struct named_column {
    struct slice name;
    uint32_t column;
};

static int by_name(const void *a, const void *b)
{
    const struct named_column *left = a;
    const struct named_column *right = b;
    size_t len = left->name.len < right->name.len ? left->name.len : right->name.len;
    int order = len == 0 ? 0 : memcmp(left->name.ptr, right->name.ptr, len);
    if (order != 0)
        return order;
    return left->name.len < right->name.len ? -1 : 1;
}

enum rc column_set_rank(struct load_schema *schema, struct arena *arena, struct error *err)
{
    uint32_t count = schema->source->column_count;
    uint32_t *ranks = arena_alloc(arena, count * sizeof(*ranks));
    struct named_column *names = calloc(count, sizeof(*names));
    if (ranks == NULL || names == NULL) {
        free(names);
        return error_set(err, RC_MEMORY, "There is no memory for the columns of table %.*s.%.*s.",
                         SLICE_ARG(schema->db), SLICE_ARG(schema->table));
    }
    for (uint32_t i = 0; i < count; i++)
        names[i] = (struct named_column){schema->columns[i].target_name, i};
    qsort(names, count, sizeof(*names), by_name);
    for (uint32_t rank = 0; rank < count; rank++)
        ranks[names[rank].column] = rank;
    free(names);
    schema->ranks = ranks;
    return RC_OK;
}

void column_set_add(const struct load_schema *schema, uint8_t *bits, uint32_t column)
{
    ASSERT(schema->ranks != NULL && column < schema->source->column_count);
    uint32_t rank = schema->ranks[column];
    bits[rank / 8] = (uint8_t)(bits[rank / 8] | 1u << rank % 8);
}

bool column_set_has(const struct load_schema *schema, const uint8_t *bits, uint32_t column)
{
    ASSERT(schema->ranks != NULL && column < schema->source->column_count);
    uint32_t rank = schema->ranks[column];
    return ((unsigned)bits[rank / 8] >> rank % 8 & 1u) != 0;
}

static void add_quoted(struct buf *out, struct slice name)
{
    buf_add_byte(out, '`');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '`')
            buf_add_byte(out, '`');
        buf_add_byte(out, name.ptr[i]);
    }
    buf_add_byte(out, '`');
}

void column_set_add_header(struct buf *out, const struct load_schema *schema, const uint8_t *bits)
{
    const char *before = "columns: ";
    for (uint32_t i = 0; i < schema->source->column_count; i++) {
        if (!column_set_has(schema, bits, i))
            continue;
        buf_add_str(out, before);
        add_quoted(out, schema->columns[i].target_name);
        before = ",";
    }
    buf_add_byte(out, '\n');
}

uint64_t column_set_hash(const struct load_schema *schema, const uint8_t *bits)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < schema->source->column_count; i++)
        if (column_set_has(schema, bits, i)) {
            uint64_t name = slice_hash(schema->columns[i].target_name);
            /* Sums do not care about order; the mixing keeps one name from undoing another. */
            name ^= name >> 29;
            name *= 0x9e3779b97f4a7c15u;
            hash += name ^ name >> 32;
        }
    return hash;
}
