/* SPDX-License-Identifier: Apache-2.0 */
/* The list of targets and the agreement of those who share one; see target_int.h. */
#include "target_int.h"

#include <stdlib.h>

struct load_target *target_find(struct load_target *targets, struct slice db, struct slice table)
{
    while (targets != NULL &&
           (!slice_equal(targets->db, db) || !slice_equal(targets->table, table)))
        targets = targets->next;
    return targets;
}

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
    target->open = target_body_new(arena, body_max);
    if (target->open == NULL)
        return NULL;
    *place = target;
    return target;
}

struct target_body *target_body_new(struct arena *arena, uint64_t max_bytes)
{
    struct target_body *made = arena_alloc(arena, sizeof(*made));
    if (made != NULL)
        body_init(&made->body, max_bytes);
    return made;
}

void target_seal(struct load_target *target)
{
    struct target_body **end = &target->sealed;
    while (*end != NULL)
        end = &(*end)->next;
    *end = target->open;
    target->open = target->spare;
    target->spare = target->open->next;
    target->open->next = NULL;
}

void target_release(struct load_target *target)
{
    struct target_body *oldest = target->sealed;
    body_reset(&oldest->body);
    target->sealed = oldest->next;
    oldest->next = target->spare;
    target->spare = oldest;
}

static void free_bodies(struct target_body *first)
{
    for (struct target_body *at = first; at != NULL; at = at->next)
        body_deinit(&at->body);
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
    free_bodies(target->open);
    free_bodies(target->sealed);
    free_bodies(target->spare);
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

static bool has_all_of(const struct load_schema *a, const struct load_schema *b)
{
    for (uint32_t i = 0; i < b->source->column_count; i++)
        if (!has_column(a, b->columns[i].target_name))
            return false;
    return true;
}

/* Of two that have the same columns. */
static bool in_same_order(const struct load_schema *a, const struct load_schema *b)
{
    for (uint32_t i = 0; i < a->source->column_count; i++)
        if (!slice_equal(a->columns[i].target_name, b->columns[i].target_name))
            return false;
    return true;
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

static bool same_source_name(const struct table *a, const struct table *b)
{
    return slice_equal(a->db, b->db) && slice_equal(a->name, b->name);
}

/* Compares the table with the others that go there, and gives it the column list of one that has
 * the same columns, or a new one. Types are not compared here: each table's have been compared with
 * those of the target, whose spelling is the server's. */
static enum rc join(struct load_target *target, struct sink_table *table, struct error *err)
{
    uint32_t column_list = 0;
    for (struct sink_table *other = target->tables; other != NULL; other = other->next) {
        if (other == table || other->stale)
            continue;
        const struct load_schema *schemas[] = {&table->schema, &other->schema};
        struct slice key = lone_key(schemas[0], schemas[1]);
        if (key.len == 0)
            key = lone_key(schemas[1], schemas[0]);
        if (key.len == 0 && has_all_of(schemas[0], schemas[1]) &&
            has_all_of(schemas[1], schemas[0])) {
            column_list = other->column_list;
            target->mixed_order |= !in_same_order(schemas[0], schemas[1]);
        } else if (key.len > 0 && !other->superseded &&
                   !same_source_name(other->source, table->source)) {
            return error_set(err, RC_MISMATCH,
                             "Tables %.*s.%.*s and %.*s.%.*s are both routed to %.*s.%.*s but "
                             "differ in key column %.*s. Give them the same key, or route them to "
                             "different tables.",
                             SLICE_ARG(table->source->db), SLICE_ARG(table->source->name),
                             SLICE_ARG(other->source->db), SLICE_ARG(other->source->name),
                             SLICE_ARG(target->db), SLICE_ARG(target->table), SLICE_ARG(key));
        }
    }
    table->column_list = column_list != 0 ? column_list : ++target->column_lists;
    return RC_OK;
}

enum rc target_add_table(struct load_target *target, struct sink_table *table, struct error *err)
{
    ASSERT(target_find_table(target, table->source) == NULL);
    enum rc rc = join(target, table, err);
    if (rc != RC_OK)
        return rc;
    target_remove_source(target, table->source);
    table->target = target;
    table->next = target->tables;
    target->tables = table;
    return RC_OK;
}

enum rc target_renew_table(struct load_target *target, struct sink_table *table, struct error *err)
{
    ASSERT(table->target == target && table->stale);
    enum rc rc = join(target, table, err);
    if (rc != RC_OK)
        return rc;
    table->stale = false;
    return RC_OK;
}

void target_changed(struct load_target *target)
{
    ASSERT(target_open_body(target)->row_count == 0 && target->sealed == NULL);
    for (struct sink_table *table = target->tables; table != NULL; table = table->next)
        table->stale = true;
    target->open_schema = NULL;
    target->takes_partial = false;
}

void target_remove_source(struct load_target *target, const struct table *before)
{
    for (struct sink_table *table = target->tables; table != NULL; table = table->next)
        if (before == NULL || same_source_name(table->source, before))
            table->superseded = true;
}

const struct table *target_other_source(const struct load_target *target,
                                        const struct table *source, struct slice column)
{
    for (const struct sink_table *table = target->tables; table != NULL; table = table->next)
        if (!table->superseded && !same_source_name(table->source, source) &&
            (column.len == 0 || table_find_column(table->source, column) >= 0))
            return table->source;
    return NULL;
}

unsigned target_source_count(const struct load_target *target)
{
    unsigned count = 0;
    for (const struct sink_table *table = target->tables; table != NULL; table = table->next)
        count += !table->superseded;
    return count;
}
