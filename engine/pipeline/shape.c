/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source table as its target knows it: without the columns that the target does not take, because
 * the user's settings keep them away or because it refused them. Rows of such a table are written
 * with those cells left out; no other row costs anything.
 */
#include "shape_int.h"

#include "members_int.h"

static enum rc no_memory(const struct table *table, struct error *err)
{
    return error_set(err, RC_MEMORY, "There is no memory for the columns of %.*s.%.*s.",
                     SLICE_ARG(table->db), SLICE_ARG(table->name));
}

/* The key's columns by their new places. A key column is never left out. */
static const uint32_t *map_key(struct arena *arena, const struct table *table, const uint32_t *pick,
                               uint32_t count)
{
    uint32_t *key = arena_alloc(arena, table->key_count * sizeof(*key));
    for (uint32_t k = 0; key != NULL && k < table->key_count; k++)
        for (uint32_t i = 0; i < count; i++)
            if (pick[i] == table->key[k])
                key[k] = i;
    return key;
}

enum rc shape_make(struct pipeline *pipeline, const struct table *table,
                   const struct member *member, struct shape **shape_out, struct error *err)
{
    *shape_out = NULL;
    if (member->skipped.len == 0)
        return RC_OK;
    struct arena *arena = &pipeline->arena;
    struct shape *shape = arena_alloc(arena, sizeof(*shape));
    uint32_t *pick = arena_alloc(arena, table->column_count * sizeof(*pick));
    struct column *columns = arena_alloc(arena, table->column_count * sizeof(*columns));
    if (shape == NULL || pick == NULL || columns == NULL)
        return no_memory(table, err);
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        if (column->key_ordinal == 0 && member_skips(member, column->name))
            continue;
        pick[count] = i;
        columns[count++] = *column;
    }
    if (count == table->column_count)
        return RC_OK;
    shape->table = *table;
    shape->table.columns = columns;
    shape->table.column_count = count;
    shape->table.key = map_key(arena, table, pick, count);
    shape->pick = pick;
    shape->before = arena_alloc(arena, count * sizeof(*shape->before));
    shape->after = arena_alloc(arena, count * sizeof(*shape->after));
    if (shape->table.key == NULL || shape->before == NULL || shape->after == NULL)
        return no_memory(table, err);
    *shape_out = shape;
    return RC_OK;
}

static struct row pick_row(const struct shape *shape, const struct row *row, struct cell *cells)
{
    if (!row_exists(row))
        return *row;
    for (uint32_t i = 0; i < shape->table.column_count; i++)
        cells[i] = row->cells[shape->pick[i]];
    return (struct row){.cells = cells, .count = shape->table.column_count};
}

struct change shape_apply(struct shape *shape, const struct change *change)
{
    struct change picked = *change;
    picked.table = &shape->table;
    picked.before = pick_row(shape, &change->before, shape->before);
    picked.after = pick_row(shape, &change->after, shape->after);
    return picked;
}
