/* SPDX-License-Identifier: Apache-2.0 */
#include "tables_int.h"

#include <stdlib.h>

#include "id_map_int.h"
#include "sequence_int.h"
#include "table_bind_int.h"

/* One shape of 4096 columns with long names and labels stays far below. */
#define SHAPE_BYTES_MAX ((size_t)64 << 20)

struct table_known {
    struct slice db; /* behind the struct, in the same allocation */
    struct slice name;
    bool wanted;
    bool nameless_told;          /* a warning was logged */
    bool changed;                /* a DDL passed: look at the next map anew */
    struct table_shape *newest;  /* of the wanted, as the stream shows it; NULL: none yet */
    struct table_shape *catalog; /* as the catalog showed it before any map came; NULL: none */
    uint32_t version;            /* of the newest struct table */
    struct table_known *next_same_hash;
    struct table_known *next;
};

struct binlog_tables {
    struct tables_options options;
    struct id_map ids;          /* table id -> struct table_shape */
    struct id_map contents;     /* hash of a map's content -> chain of struct table_shape */
    struct id_map names;        /* hash of db and name -> chain of struct table_known */
    struct table_shape *shapes; /* all, owned */
    struct table_known *knowns; /* all, owned */
    struct arena scratch;
    struct arena unwanted; /* contents and layouts of all unwanted shapes: small and many */
};

enum rc tables_new(const struct tables_options *options, struct binlog_tables **tables_out,
                   struct error *err)
{
    struct binlog_tables *tables = calloc(1, sizeof(*tables));
    *tables_out = tables;
    if (tables == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the table cache.");
    tables->options = *options;
    arena_init(&tables->scratch, "table map", SHAPE_BYTES_MAX);
    arena_init(&tables->unwanted, "unwanted tables", SIZE_MAX / 2);
    return RC_OK;
}

static void shape_free(struct table_shape *shape)
{
    arena_deinit(&shape->arena);
    free(shape);
}

void tables_free(struct binlog_tables *tables)
{
    if (tables == NULL)
        return;
    for (struct table_shape *shape = tables->shapes; shape != NULL;) {
        struct table_shape *next = shape->next;
        shape_free(shape);
        shape = next;
    }
    for (struct table_known *known = tables->knowns; known != NULL;) {
        struct table_known *next = known->next;
        free(known);
        known = next;
    }
    id_map_deinit(&tables->ids);
    id_map_deinit(&tables->contents);
    id_map_deinit(&tables->names);
    arena_deinit(&tables->scratch);
    arena_deinit(&tables->unwanted);
    free(tables);
}

void tables_forget_ids(struct binlog_tables *tables)
{
    id_map_clear(&tables->ids);
}

struct table_shape *tables_find(struct binlog_tables *tables, uint64_t id)
{
    return id_map_get(&tables->ids, id);
}

static uint64_t name_hash(struct slice db, struct slice name)
{
    return slice_hash(db) * 31 + slice_hash(name);
}

static struct table_known *known_find(const struct binlog_tables *tables, struct slice db,
                                      struct slice name)
{
    struct table_known *known = id_map_get(&tables->names, name_hash(db, name));
    while (known != NULL && !(slice_equal(known->db, db) && slice_equal(known->name, name)))
        known = known->next_same_hash;
    return known;
}

static enum rc known_obtain(struct binlog_tables *tables, struct slice db, struct slice name,
                            struct table_known **known_out, struct error *err)
{
    *known_out = known_find(tables, db, name);
    if (*known_out != NULL)
        return RC_OK;
    struct table_known *known = calloc(1, sizeof(*known) + db.len + name.len);
    if (known == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the name of a table.");
    uint8_t *text = (uint8_t *)(known + 1);
    if (db.len > 0)
        memcpy(text, db.ptr, db.len);
    if (name.len > 0)
        memcpy(text + db.len, name.ptr, name.len);
    known->db = slice_of(text, db.len);
    known->name = slice_of(text + db.len, name.len);
    known->next_same_hash = id_map_get(&tables->names, name_hash(db, name));
    enum rc rc = id_map_put(&tables->names, name_hash(db, name), known, err);
    if (rc != RC_OK) {
        free(known);
        return rc;
    }
    known->wanted = tables->options.wants == NULL ||
                    tables->options.wants(tables->options.wants_ctx, known->db, known->name);
    known->next = tables->knowns;
    tables->knowns = known;
    *known_out = known;
    return RC_OK;
}

enum rc tables_wants(struct binlog_tables *tables, struct slice db, struct slice name, bool *wanted,
                     struct error *err)
{
    struct table_known *known = NULL;
    enum rc rc = known_obtain(tables, db, name, &known, err);
    *wanted = rc == RC_OK && known->wanted;
    return rc;
}

struct table *tables_newest(struct binlog_tables *tables, struct slice db, struct slice name)
{
    const struct table_known *known = known_find(tables, db, name);
    if (known == NULL)
        return NULL;
    if (known->newest != NULL)
        return known->newest->table;
    return known->catalog != NULL ? known->catalog->table : NULL;
}

bool tables_any_wanted(const struct binlog_tables *tables, struct slice db)
{
    for (const struct table_known *known = tables->knowns; known != NULL; known = known->next)
        if (known->wanted && slice_equal(known->db, db))
            return true;
    return false;
}

void tables_mark_changed(struct binlog_tables *tables, struct slice db, struct slice name)
{
    /* Names may come in another case than the map's (lower_case_table_names), so this compares
     * without case: one look too many costs nothing. */
    for (struct table_known *known = tables->knowns; known != NULL; known = known->next)
        if ((db.len == 0 || slice_equal_nocase(known->db, db)) &&
            (name.len == 0 || slice_equal_nocase(known->name, name)))
            known->changed = true;
}

void tables_forget(struct binlog_tables *tables, struct slice db, struct slice name)
{
    struct table_known *known = known_find(tables, db, name);
    if (known == NULL)
        return;
    known->newest = NULL;
    known->catalog = NULL;
    known->changed = true;
}

static struct table_shape *shape_find(const struct binlog_tables *tables, uint64_t hash,
                                      struct slice content)
{
    struct table_shape *shape = id_map_get(&tables->contents, hash);
    while (shape != NULL && !slice_equal(shape->content, content))
        shape = shape->next_same_hash;
    return shape;
}

/* A table that came out the same as the newest one is that one: consumers keep what they have. */
static void adopt(struct table_shape *shape)
{
    struct table_known *known = shape->known;
    if (known->newest != NULL && table_same(known->newest->table, shape->table)) {
        shape->table = known->newest->table;
        return;
    }
    bool same_as_catalog = known->newest == NULL && known->catalog != NULL &&
                           table_same(known->catalog->table, shape->table);
    if (!same_as_catalog)
        known->version++;
    shape->table->version = known->version;
    known->newest = shape;
}

static void tell_nameless(struct table_known *known, const struct table *table)
{
    if (table->has_names || known->nameless_told)
        return;
    known->nameless_told = true;
    log_warn("binlog.tables",
             "The columns of a table have no names in the binlog, and nothing else says them: they "
             "are called @1, @2 and so on. decode --schema FILE takes its definition.",
             LOG_SLICE("db", table->db), LOG_SLICE("table", table->name));
}

static bool has_old_temporals(const struct table_map *map)
{
    enum { WIRE_TIMESTAMP = 7, WIRE_TIME = 11, WIRE_DATETIME = 12 };
    for (uint32_t i = 0; i < map->column_count; i++)
        if (map->types[i] == WIRE_TIMESTAMP || map->types[i] == WIRE_TIME ||
            map->types[i] == WIRE_DATETIME)
            return true;
    return false;
}

/* Its rows can be counted still. */
static enum rc shape_lose(struct binlog_tables *tables, struct table_shape *shape,
                          const struct table_map *map, const struct table_facts *facts,
                          struct slice because_of, struct error *err)
{
    struct table_lost *lost = arena_alloc(&shape->arena, sizeof(*lost));
    if (lost != NULL)
        *lost = (struct table_lost){.db = arena_copy(&shape->arena, map->db),
                                    .name = arena_copy(&shape->arena, map->name),
                                    .because_of = arena_copy(&shape->arena, because_of)};
    if (lost == NULL || lost->db.ptr == NULL || lost->name.ptr == NULL ||
        lost->because_of.ptr == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a table map.");
    table_bind_layouts(shape, facts, &shape->arena, &tables->scratch);
    shape->lost = lost;
    return RC_OK;
}

static struct slice lost_to(const struct binlog_tables *tables, const struct table_map *map,
                            const struct table_facts *facts)
{
    const struct tables_options *options = &tables->options;
    return facts->names != NULL || options->lost_to == NULL
               ? SLICE_EMPTY
               : options->lost_to(options->catalog_ctx, map->db, map->name);
}

/* What is known to be a table, or to have been one, is none. */
static enum rc look_for_sequence(const struct binlog_tables *tables, const struct table_map *map,
                                 const struct table_facts *facts, bool *is_sequence_out,
                                 struct error *err)
{
    const struct tables_options *options = &tables->options;
    const struct catalog_table *known = NULL;
    *is_sequence_out = false;
    if (options->is_sequence == NULL || !sequence_is_like(map, facts) ||
        lost_to(tables, map, facts).len > 0)
        return RC_OK;
    if (options->catalog != NULL &&
        options->catalog(options->catalog_ctx, map->db, map->name, false, &known, NULL) == RC_OK)
        return RC_OK;
    return options->is_sequence(options->is_sequence_ctx, map->db, map->name, is_sequence_out, err);
}

static enum rc shape_fill(struct binlog_tables *tables, struct table_shape *shape,
                          const struct table_map *map, const struct event_format *format,
                          struct error *err)
{
    struct table_known *known = shape->known;
    shape->column_count = map->column_count;
    shape->old_temporals = has_old_temporals(map);
    shape->content = arena_copy(known->wanted ? &shape->arena : &tables->unwanted, map->content);
    if (shape->content.ptr == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a table map.");
    struct table_facts facts;
    arena_reset(&tables->scratch);
    enum rc rc = table_map_facts(map, format, &tables->scratch, &facts, err);
    if (!known->wanted) {
        /* What can't be understood of an unwanted table can't stop the stream. */
        if (rc == RC_OK)
            table_bind_layouts(shape, &facts, &tables->unwanted, &tables->scratch);
        error_clear(err);
        return RC_OK;
    }
    if (rc != RC_OK) {
        error_wrap(err, "table %.*s.%.*s", SLICE_ARG(map->db), SLICE_ARG(map->name));
        return rc;
    }
    bool is_sequence = false;
    rc = look_for_sequence(tables, map, &facts, &is_sequence, err);
    if (rc != RC_OK)
        return rc;
    if (is_sequence) {
        table_bind_layouts(shape, &facts, &shape->arena, &tables->scratch);
        return RC_OK;
    }
    struct slice because_of = lost_to(tables, map, &facts);
    if (because_of.len > 0)
        return shape_lose(tables, shape, map, &facts, because_of, err);
    rc = table_bind(shape, map, &facts, &tables->options, known->changed, err);
    if (rc != RC_OK)
        return rc;
    shape->countable = true;
    return RC_OK;
}

/* Whether a statement changed nothing that a row shows. A table may be altered for ever in ways that do not
 * matter (its indexes, its partitions): it must not have one shape more each time. */
static bool is_as_before(const struct table_shape *shape, const struct table_shape *before)
{
    const struct table_known *known = shape->known;
    return before != NULL && known->newest != NULL && known->newest->table == before->table &&
           table_same(before->table, shape->table);
}

/* `*shape_io`: the shape that the content had before, or NULL; it may stay. */
static enum rc shape_make(struct binlog_tables *tables, const struct table_map *map, uint64_t hash,
                          struct table_known *known, const struct event_format *format,
                          struct table_shape **shape_io, struct error *err)
{
    struct table_shape *shape = calloc(1, sizeof(*shape));
    if (shape == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a table.");
    arena_init(&shape->arena, "table", SHAPE_BYTES_MAX);
    shape->known = known;
    enum rc rc = shape_fill(tables, shape, map, format, err);
    if (rc == RC_OK && is_as_before(shape, *shape_io)) {
        shape_free(shape);
        known->changed = false;
        return RC_OK;
    }
    shape->next_same_hash = id_map_get(&tables->contents, hash);
    if (rc == RC_OK)
        rc = id_map_put(&tables->contents, hash, shape, err);
    if (rc != RC_OK) {
        shape_free(shape);
        return rc;
    }
    if (shape->table != NULL) {
        tell_nameless(known, shape->table);
        adopt(shape);
    }
    known->changed = false;
    shape->next = tables->shapes;
    tables->shapes = shape;
    *shape_io = shape;
    return RC_OK;
}

enum rc tables_map(struct binlog_tables *tables, struct slice body,
                   const struct event_format *format, struct error *err)
{
    struct table_map map;
    enum rc rc = table_map_parse(body, format, &map, err);
    if (rc != RC_OK)
        return rc;
    uint64_t hash = slice_hash(map.content);
    struct table_shape *shape = shape_find(tables, hash, map.content);
    if (shape == NULL || (shape->known->changed && shape->known->wanted)) {
        struct table_known *known = NULL;
        rc = known_obtain(tables, map.db, map.name, &known, err);
        if (rc == RC_OK)
            rc = shape_make(tables, &map, hash, known, format, &shape, err);
    }
    return rc != RC_OK ? rc : id_map_put(&tables->ids, map.id, shape, err);
}

enum rc tables_from_catalog(struct binlog_tables *tables, const struct catalog_table *catalog,
                            bool is_mariadb, struct table **table_out, struct error *err)
{
    struct table_known *known = NULL;
    enum rc rc = known_obtain(tables, catalog->db, catalog->name, &known, err);
    if (rc != RC_OK)
        return rc;
    struct table_shape *shape = calloc(1, sizeof(*shape));
    if (shape == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a table.");
    arena_init(&shape->arena, "table", SHAPE_BYTES_MAX);
    rc = table_bind_catalog(catalog, is_mariadb, &shape->arena, &shape->table, err);
    if (rc != RC_OK) {
        shape_free(shape);
        return rc;
    }
    struct table *newest = tables_newest(tables, catalog->db, catalog->name);
    if (newest != NULL && table_same(newest, shape->table)) {
        shape_free(shape);
        *table_out = newest;
        return RC_OK;
    }
    shape->known = known;
    shape->table->version = ++known->version;
    shape->next = tables->shapes;
    tables->shapes = shape;
    known->catalog = shape;
    known->newest = NULL;
    known->changed = true;
    *table_out = shape->table;
    return RC_OK;
}

enum rc tables_look_up(struct binlog_tables *tables, struct slice db, struct slice name,
                       bool is_mariadb, struct table **table_out, struct error *err)
{
    *table_out = tables_newest(tables, db, name);
    if (*table_out != NULL || tables->options.catalog == NULL)
        return RC_OK;
    const struct catalog_table *catalog = NULL;
    enum rc rc =
        tables->options.catalog(tables->options.catalog_ctx, db, name, true, &catalog, err);
    if (rc == RC_NOT_FOUND) {
        error_clear(err);
        return RC_OK;
    }
    return rc != RC_OK ? rc : tables_from_catalog(tables, catalog, is_mariadb, table_out, err);
}
