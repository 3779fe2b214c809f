/* SPDX-License-Identifier: Apache-2.0 */
/* The list of targets and the agreement of those who share one; see target_int.h. */
#include "target_int.h"

#include <stdlib.h>

struct load_target *target_find_or_add(struct load_target **targets, struct arena *arena,
                                       struct slice db, struct slice table, uint64_t body_max)
{
    struct load_target **place = targets;
    for (; *place != NULL; place = &(*place)->next)
        if (slice_equal((*place)->db, db) && slice_equal((*place)->table, table))
            return *place;
    struct load_target *target = arena_alloc(arena, sizeof(*target));
    if (target == NULL)
        return NULL;
    target->db = arena_copy(arena, db);
    target->table = arena_copy(arena, table);
    if (target->db.ptr == NULL || target->table.ptr == NULL)
        return NULL;
    body_init(&target->bodies[0], body_max);
    body_init(&target->bodies[1], body_max);
    *place = target;
    return target;
}

void target_deinit(struct load_target *target)
{
    while (target->tables != NULL) {
        struct sink_table *table = target->tables;
        target->tables = table->next;
        encoder_deinit(&table->encoder);
        arena_deinit(&table->arena);
        free(table);
    }
    body_deinit(&target->bodies[0]);
    body_deinit(&target->bodies[1]);
}

struct sink_table *target_find_table(const struct load_target *target, const struct table *source)
{
    for (struct sink_table *table = target->tables; table != NULL; table = table->next)
        if (table->source == source)
            return table;
    return NULL;
}

static bool has_column(const struct load_schema *schema, struct slice name)
{
    for (uint32_t i = 0; i < schema->source->column_count; i++)
        if (slice_equal(schema->columns[i].target_name, name))
            return true;
    return false;
}

/* The name of a column of `a` that `b` lacks, or the empty slice. Types are not compared here: each
 * table's have been compared with those of the target, whose spelling is the server's. */
static struct slice lone_column(const struct load_schema *a, const struct load_schema *b)
{
    for (uint32_t i = 0; i < a->source->column_count; i++)
        if (!has_column(b, a->columns[i].target_name))
            return a->columns[i].target_name;
    return SLICE_EMPTY;
}

/* The name of a key column in which they differ, or the empty slice. */
static struct slice lone_key(const struct load_schema *a, const struct load_schema *b)
{
    for (uint32_t i = 0; i < a->key_count; i++) {
        struct slice name = a->columns[a->key[i]].target_name;
        if (i >= b->key_count || !slice_equal(name, b->columns[b->key[i]].target_name))
            return name;
    }
    return SLICE_EMPTY;
}

/* The first column about which the two disagree, or the empty slice. */
static struct slice disagreement(const struct load_schema *a, const struct load_schema *b)
{
    struct slice name = lone_column(a, b);
    if (name.len == 0)
        name = lone_column(b, a);
    if (name.len == 0)
        name = lone_key(a, b);
    if (name.len == 0)
        name = lone_key(b, a);
    return name;
}

static bool same_source_name(const struct sink_table *a, const struct sink_table *b)
{
    return slice_equal(a->source->db, b->source->db) &&
           slice_equal(a->source->name, b->source->name);
}

enum rc target_add_table(struct load_target *target, struct sink_table *table, struct error *err)
{
    ASSERT(target_find_table(target, table->source) == NULL);
    uint32_t column_list = 0;
    for (struct sink_table *other = target->tables; other != NULL; other = other->next) {
        struct slice column = disagreement(&table->schema, &other->schema);
        if (column.len == 0)
            column_list = other->column_list;
        else if (!other->superseded && !same_source_name(other, table))
            return error_set(err, RC_MISMATCH,
                             "Tables %.*s.%.*s and %.*s.%.*s are both routed to %.*s.%.*s but "
                             "differ in column %.*s. Give them the same columns, types and key, "
                             "or route them to different tables.",
                             SLICE_ARG(table->source->db), SLICE_ARG(table->source->name),
                             SLICE_ARG(other->source->db), SLICE_ARG(other->source->name),
                             SLICE_ARG(target->db), SLICE_ARG(target->table), SLICE_ARG(column));
    }
    for (struct sink_table *other = target->tables; other != NULL; other = other->next)
        if (same_source_name(other, table))
            other->superseded = true;
    table->column_list = column_list != 0 ? column_list : ++target->column_lists;
    table->target = target;
    table->next = target->tables;
    target->tables = table;
    return RC_OK;
}

unsigned target_source_count(const struct load_target *target)
{
    unsigned count = 0;
    for (const struct sink_table *table = target->tables; table != NULL; table = table->next)
        count += !table->superseded;
    return count;
}
