/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the truths about a schema come together (design.md part 4): the table map's own metadata
 * first, then the catalog, which is believed only where its column count, its names (if the map
 * has some) and its types agree with the map. Nothing is guessed.
 */
#include "table_bind_int.h"
#include "value_codec_int.h"

#include <stdio.h>

/* The map and what stands beside it while one table is bound. */
struct binding {
    struct table_shape *shape;
    const struct table_map *map;
    const struct table_facts *facts;
    const struct catalog_table *catalog; /* NULL: none, or not believed */
    enum invalid_text invalid_text;
};

static enum rc no_memory(const struct table_map *map, struct error *err)
{
    return error_set(err, RC_MEMORY, "There is no memory for the %u columns of table %.*s.%.*s.",
                     map->column_count, SLICE_ARG(map->db), SLICE_ARG(map->name));
}

static enum rc column_name(const struct binding *binding, uint32_t index, struct slice *name,
                           struct error *err)
{
    char number[16];
    struct slice text;
    if (binding->facts->names != NULL) {
        text = binding->facts->names[index];
    } else if (binding->catalog != NULL) {
        text = binding->catalog->columns[index].name;
    } else {
        int len = snprintf(number, sizeof(number), "@%u", index + 1);
        text = slice_of(number, (size_t)len);
    }
    *name = arena_copy(&binding->shape->arena, text);
    return name->ptr == NULL ? no_memory(binding->map, err) : RC_OK;
}

/* What the catalog says of the column, if it can be the same one. */
static const struct catalog_column *catalog_column(const struct binding *binding, uint32_t index)
{
    if (binding->catalog == NULL)
        return NULL;
    const struct catalog_column *column = &binding->catalog->columns[index];
    if (binding->facts->names != NULL &&
        !slice_equal_nocase(column->name, binding->facts->names[index]))
        return NULL;
    return column;
}

static enum rc bind_column(const struct binding *binding, uint32_t index, struct error *err)
{
    struct column *column = &binding->shape->table->columns[index];
    const struct catalog_column *known = catalog_column(binding, index);
    *column = (struct column){.nullable = binding->facts->nullable[index]};
    enum rc rc = column_name(binding, index, &column->name, err);
    if (rc != RC_OK)
        return rc;
    rc = value_bind(column, &binding->facts->columns[index], known, binding->invalid_text,
                    &binding->shape->arena, &binding->shape->layouts[index], err);
    if (rc == RC_MISMATCH && known != NULL && binding->facts->names != NULL) {
        /* The catalog is of another time; the map alone knows enough. */
        error_clear(err);
        rc = value_bind(column, &binding->facts->columns[index], NULL, binding->invalid_text,
                        &binding->shape->arena, &binding->shape->layouts[index], err);
    }
    if (rc != RC_OK && rc != RC_MISMATCH)
        error_wrap(err, "table %.*s.%.*s, column %.*s", SLICE_ARG(binding->map->db),
                   SLICE_ARG(binding->map->name), SLICE_ARG(column->name));
    return rc;
}

/* The catalog's key, when each of its columns was believed. */
static uint32_t catalog_key(const struct binding *binding, uint32_t *key)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < binding->map->column_count; i++) {
        const struct catalog_column *column = catalog_column(binding, i);
        uint32_t ordinal = column == NULL ? 0 : column->key_ordinal;
        if (ordinal == 0 || ordinal > binding->map->column_count)
            continue;
        key[ordinal - 1] = i;
        count++;
    }
    /* A hole would mean that a key column was not believed: then there is no key to trust. */
    for (uint32_t k = 0; k < count; k++)
        if (key[k] == UINT32_MAX)
            return 0;
    return count;
}

static enum rc bind_key(const struct binding *binding, struct error *err)
{
    struct table *table = binding->shape->table;
    uint32_t *key = arena_alloc(&binding->shape->arena, table->column_count * sizeof(*key));
    if (key == NULL)
        return no_memory(binding->map, err);
    memset(key, 0xff, table->column_count * sizeof(*key));
    uint32_t count = binding->facts->key_count;
    if (count > 0)
        memcpy(key, binding->facts->key, count * sizeof(*key));
    else
        count = catalog_key(binding, key);
    for (uint32_t i = 0; i < table->column_count; i++)
        table->columns[i].key_ordinal = 0;
    for (uint32_t k = 0; k < count; k++)
        table->columns[key[k]].key_ordinal = k + 1;
    table->key = key;
    table->key_count = count;
    return RC_OK;
}

static enum rc bind_columns(const struct binding *binding, struct error *err)
{
    for (uint32_t i = 0; i < binding->map->column_count; i++) {
        enum rc rc = bind_column(binding, i, err);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

static enum rc make_table(struct table_shape *shape, const struct table_map *map, struct error *err)
{
    uint32_t count = map->column_count;
    struct table *table = arena_alloc(&shape->arena, sizeof(*table));
    if (table == NULL)
        return no_memory(map, err);
    table->db = arena_copy(&shape->arena, map->db);
    table->name = arena_copy(&shape->arena, map->name);
    table->columns = arena_alloc(&shape->arena, count * sizeof(*table->columns));
    table->column_count = count;
    shape->layouts = arena_alloc(&shape->arena, count * sizeof(*shape->layouts));
    shape->before = arena_alloc(&shape->arena, count * sizeof(*shape->before));
    shape->after = arena_alloc(&shape->arena, count * sizeof(*shape->after));
    shape->table = table;
    bool whole = table->db.ptr != NULL && table->name.ptr != NULL && table->columns != NULL &&
                 shape->layouts != NULL && shape->before != NULL && shape->after != NULL;
    return whole ? RC_OK : no_memory(map, err);
}

/* Why map and definition cannot be brought together. `why`: what the columns said, or why there is
 * no definition. */
static enum rc mismatch(const struct table_map *map, const struct catalog_table *catalog,
                        const struct tables_options *options, const struct error *why,
                        struct error *err)
{
    struct slice from = SLICE("on the server now");
    if (options->origin != NULL)
        from = options->origin(options->catalog_ctx, map->db, map->name);
    if (catalog == NULL)
        error_set(err, RC_MISMATCH,
                  "The binlog names none of the %u columns of table %.*s.%.*s. %s",
                  map->column_count, SLICE_ARG(map->db), SLICE_ARG(map->name), why->text);
    else if (catalog->column_count != map->column_count)
        error_set(err, RC_MISMATCH,
                  "Table %.*s.%.*s has %u columns in the binlog and %u as it is defined %.*s, and "
                  "the binlog does not name them.",
                  SLICE_ARG(map->db), SLICE_ARG(map->name), map->column_count,
                  catalog->column_count, SLICE_ARG(from));
    else
        error_set(
            err, RC_MISMATCH,
            "Table %.*s.%.*s (%u columns in the binlog, %u as it is defined %.*s) has another "
            "shape in the binlog than in its definition: %s",
            SLICE_ARG(map->db), SLICE_ARG(map->name), map->column_count, catalog->column_count,
            SLICE_ARG(from), why->text);
    error_hint(err,
               "SET GLOBAL binlog_row_metadata=FULL (MySQL 8.0, MariaDB 10.5) makes the binlog "
               "carry names from then on; for what was written before, load the table anew.");
    return RC_MISMATCH;
}

static bool counts_agree(const struct table_map *map, const struct catalog_table *catalog)
{
    return catalog != NULL && catalog->column_count == map->column_count;
}

/* The catalog's answer, or NULL with RC_OK when the table is not there, and `why`. */
static enum rc ask_catalog(const struct tables_options *options, const struct table_map *map,
                           bool refresh, const struct catalog_table **catalog, struct error *why,
                           struct error *err)
{
    *catalog = NULL;
    if (options->catalog == NULL)
        return RC_OK;
    enum rc rc = options->catalog(options->catalog_ctx, map->db, map->name, refresh, catalog, err);
    if (rc != RC_NOT_FOUND)
        return rc;
    *why = *err;
    error_clear(err);
    *catalog = NULL;
    return RC_OK;
}

enum rc table_bind(struct table_shape *shape, const struct table_map *map,
                   const struct table_facts *facts, const struct tables_options *options,
                   bool refresh, struct error *err)
{
    enum rc rc = make_table(shape, map, err);
    if (rc != RC_OK)
        return rc;
    struct binding binding = {
        .shape = shape, .map = map, .facts = facts, .invalid_text = options->invalid_text};
    const struct catalog_table *catalog = NULL;
    struct error why;
    error_clear(&why);
    /* A remembered answer that does not fit is asked for again, once. */
    for (bool fresh = refresh;; fresh = true) {
        rc = ask_catalog(options, map, fresh, &catalog, &why, err);
        if (rc != RC_OK)
            return rc;
        bool must_agree = facts->names == NULL && options->catalog != NULL &&
                          (catalog != NULL || !options->names_optional);
        binding.catalog = counts_agree(map, catalog) ? catalog : NULL;
        if (binding.catalog != NULL || !must_agree) {
            rc = bind_columns(&binding, &why);
            if (rc == RC_OK)
                break;
            if (rc != RC_MISMATCH) {
                *err = why;
                return rc;
            }
        }
        if (fresh)
            return mismatch(map, catalog, options, &why, err);
    }
    shape->table->has_names = facts->names != NULL || binding.catalog != NULL;
    if (catalog != NULL) {
        shape->table->comment = arena_copy(&shape->arena, catalog->comment);
        if (shape->table->comment.ptr == NULL)
            return no_memory(map, err);
    }
    return bind_key(&binding, err);
}

void table_bind_layouts(struct table_shape *shape, const struct table_facts *facts,
                        struct arena *arena, struct arena *scratch)
{
    shape->countable = false;
    shape->layouts = arena_alloc(arena, shape->column_count * sizeof(*shape->layouts));
    if (shape->layouts == NULL)
        return;
    for (uint32_t i = 0; i < shape->column_count; i++) {
        struct column column = {.name = SLICE("@")};
        /* Nobody reads these values, so labels that are not valid are no reason to stop. */
        if (value_bind(&column, &facts->columns[i], NULL, INVALID_TEXT_REPLACE, scratch,
                       &shape->layouts[i], NULL) != RC_OK)
            return;
    }
    shape->countable = true;
}

enum rc table_bind_catalog(const struct catalog_table *catalog, bool is_mariadb,
                           struct arena *arena, struct table **table_out, struct error *err)
{
    uint32_t count = catalog->column_count;
    struct table *table = arena_alloc(arena, sizeof(*table));
    uint32_t *key = arena_alloc(arena, count * sizeof(*key));
    struct column *columns = arena_alloc(arena, count * sizeof(*columns));
    struct slice db = arena_copy(arena, catalog->db);
    struct slice name = arena_copy(arena, catalog->name);
    struct slice comment = arena_copy(arena, catalog->comment);
    if (table == NULL || key == NULL || columns == NULL || db.ptr == NULL || name.ptr == NULL ||
        comment.ptr == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for table %.*s.%.*s.",
                         SLICE_ARG(catalog->db), SLICE_ARG(catalog->name));
    uint32_t key_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct catalog_column *known = &catalog->columns[i];
        columns[i].name = arena_copy(arena, known->name);
        enum rc rc = columns[i].name.ptr == NULL
                         ? error_set(err, RC_MEMORY, "There is no memory for a column.")
                         : value_from_catalog(&columns[i], known, is_mariadb, arena, err);
        if (rc != RC_OK) {
            error_wrap(err, "table %.*s.%.*s, column %.*s", SLICE_ARG(catalog->db),
                       SLICE_ARG(catalog->name), SLICE_ARG(known->name));
            return rc;
        }
        columns[i].key_ordinal = known->key_ordinal <= count ? known->key_ordinal : 0;
        if (columns[i].key_ordinal == 0)
            continue;
        key[columns[i].key_ordinal - 1] = i;
        key_count++;
    }
    *table = (struct table){.db = db,
                            .name = name,
                            .comment = comment,
                            .columns = columns,
                            .column_count = count,
                            .key = key,
                            .key_count = key_count,
                            .has_names = true};
    *table_out = table;
    return RC_OK;
}

static bool labels_same(const struct column *a, const struct column *b)
{
    if (a->label_count != b->label_count || a->labels_unsure != b->labels_unsure ||
        (a->labels == NULL) != (b->labels == NULL))
        return false;
    for (uint32_t i = 0; a->labels != NULL && i < a->label_count; i++)
        if (!slice_equal(a->labels[i], b->labels[i]))
            return false;
    return true;
}

static bool defaults_same(const struct column *a, const struct column *b)
{
    return a->default_known == b->default_known &&
           (a->default_value.ptr == NULL) == (b->default_value.ptr == NULL) &&
           slice_equal(a->default_value, b->default_value);
}

static bool column_same(const struct column *a, const struct column *b)
{
    return slice_equal(a->name, b->name) && a->kind == b->kind && a->int_bytes == b->int_bytes &&
           a->precision == b->precision && a->scale == b->scale && a->nullable == b->nullable &&
           a->is_fixed_bytes == b->is_fixed_bytes && a->key_ordinal == b->key_ordinal &&
           a->length == b->length && a->length_bytes == b->length_bytes &&
           slice_equal(a->charset, b->charset) && slice_equal(a->type, b->type) &&
           slice_equal(a->comment, b->comment) && labels_same(a, b) && defaults_same(a, b) &&
           a->changes_unseen == b->changes_unseen;
}

bool table_same(const struct table *a, const struct table *b)
{
    if (a->column_count != b->column_count || a->has_names != b->has_names ||
        !slice_equal(a->comment, b->comment))
        return false;
    for (uint32_t i = 0; i < a->column_count; i++)
        if (!column_same(&a->columns[i], &b->columns[i]))
            return false;
    return true;
}
