/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An existing target table as the server tells it: columns from information_schema.columns (read
 * by column name, because the products and their versions have different sets of them), model and
 * key order from SHOW CREATE TABLE, which also knows the types that information_schema disguises.
 */
#include "dialect_int.h"

/* Where the wanted fields are in the answer; -1: not there. */
struct field_map {
    int table;
    int name;
    int type;
    int data_type;
    int nullable;
    int fallback;
    int comment;
};

int dialect_field_find(const struct myconn_result *result, const char *name)
{
    for (unsigned i = 0; i < myconn_column_count(result); i++)
        if (slice_equal_nocase(myconn_column_name(result, i), slice_str(name)))
            return (int)i;
    return -1;
}

static struct slice field(const struct slice *fields, int index)
{
    return index < 0 ? SLICE_EMPTY : fields[index];
}

/* Copies one row; false when the arena is full. */
static bool take_row(const struct slice *fields, const struct field_map *map, struct arena *arena,
                     struct dialect_catalog_column *column)
{
    struct slice type = field(fields, map->type);
    if (type.len == 0)
        type = field(fields, map->data_type);
    column->name = arena_copy(arena, field(fields, map->name));
    column->type = arena_copy(arena, type);
    column->nullable = !slice_equal_nocase(field(fields, map->nullable), SLICE("NO"));
    struct slice fallback = field(fields, map->fallback);
    column->default_value = fallback.ptr == NULL ? SLICE_EMPTY : arena_copy(arena, fallback);
    column->comment = arena_copy(arena, field(fields, map->comment));
    return column->name.ptr != NULL && column->type.ptr != NULL && column->comment.ptr != NULL &&
           (column->default_value.ptr == NULL) == (fallback.ptr == NULL);
}

#define CATALOG_COLUMNS_MAX 4096

/* A server that compares names without regard to case may answer for another table, too. */
static enum rc take_columns(struct myconn_result *result, struct slice table, struct arena *arena,
                            struct dialect_catalog *catalog, struct error *err)
{
    struct field_map map = {.table = dialect_field_find(result, "TABLE_NAME"),
                            .name = dialect_field_find(result, "COLUMN_NAME"),
                            .type = dialect_field_find(result, "COLUMN_TYPE"),
                            .data_type = dialect_field_find(result, "DATA_TYPE"),
                            .nullable = dialect_field_find(result, "IS_NULLABLE"),
                            .fallback = dialect_field_find(result, "COLUMN_DEFAULT"),
                            .comment = dialect_field_find(result, "COLUMN_COMMENT")};
    if (map.name < 0 || (map.type < 0 && map.data_type < 0) || map.nullable < 0)
        return error_set(err, RC_PROTOCOL,
                         "The target's information_schema.columns has no COLUMN_NAME, COLUMN_TYPE "
                         "or IS_NULLABLE.");
    uint32_t cap = 0;
    const struct slice *fields = NULL;
    while (myconn_row(result, &fields)) {
        if (map.table >= 0 && !slice_equal(field(fields, map.table), table))
            continue;
        if (catalog->column_count == cap) {
            cap = cap == 0 ? 64 : cap * 2;
            struct dialect_catalog_column *grown =
                cap > CATALOG_COLUMNS_MAX ? NULL : arena_alloc(arena, cap * sizeof(*grown));
            if (grown == NULL)
                return error_set(err, RC_LIMIT, "The target table has too many columns.");
            if (catalog->column_count > 0)
                memcpy(grown, catalog->columns, catalog->column_count * sizeof(*grown));
            catalog->columns = grown;
        }
        if (!take_row(fields, &map, arena, &catalog->columns[catalog->column_count]))
            return error_set(err, RC_MEMORY, "There is no memory for the target's columns.");
        catalog->column_count++;
    }
    return RC_OK;
}

static enum rc read_columns(struct myconn *conn, const struct sink_target *target,
                            struct arena *arena, struct dialect_catalog *catalog, struct error *err)
{
    struct buf sql;
    buf_init(&sql, 64 * 1024);
    buf_add_str(&sql, "SELECT * FROM information_schema.columns WHERE TABLE_SCHEMA = ");
    myconn_add_literal(&sql, target->db);
    buf_add_str(&sql, " AND TABLE_NAME = ");
    myconn_add_literal(&sql, target->table);
    buf_add_str(&sql, " ORDER BY ORDINAL_POSITION");
    enum rc rc = buf_check(&sql, "the question for the target's columns", err);
    struct myconn_result *result = NULL;
    if (rc == RC_OK)
        rc = myconn_query(conn, buf_slice(&sql), &result, err);
    if (rc == RC_OK)
        rc = take_columns(result, target->table, arena, catalog, err);
    myconn_result_free(result);
    buf_deinit(&sql);
    return rc;
}

/* information_schema calls a BOOLEAN "tinyint" and a LARGEINT "bigint unsigned"; the statement that
 * made the table does not. */
static void correct_types(struct dialect_catalog *catalog, struct slice create)
{
    for (uint32_t i = 0; i < catalog->column_count; i++) {
        struct slice type = dialect_create_type(create, catalog->columns[i].name);
        if (type.len > 0)
            catalog->columns[i].type = type;
    }
}

static enum rc read_create(struct myconn *conn, const struct sink_target *target,
                           struct arena *arena, struct dialect_catalog *catalog, struct error *err)
{
    struct buf sql;
    buf_init(&sql, 64 * 1024);
    buf_add_str(&sql, "SHOW CREATE TABLE ");
    dialect_add_table_name(&sql, target->db, target->table);
    struct myconn_result *result = NULL;
    const struct slice *fields = NULL;
    enum rc rc = buf_check(&sql, "the question for the target's definition", err);
    if (rc == RC_OK)
        rc = myconn_query(conn, buf_slice(&sql), &result, err);
    if (rc == RC_OK && (!myconn_row(result, &fields) || myconn_column_count(result) < 2))
        rc = error_set(err, RC_PROTOCOL, "SHOW CREATE TABLE has no answer.");
    if (rc == RC_OK) {
        struct slice create = arena_copy(arena, fields[1]);
        if (create.ptr == NULL) {
            rc = error_set(err, RC_MEMORY, "There is no memory for the target's definition.");
        } else {
            dialect_create_parse(create, &catalog->create);
            correct_types(catalog, create);
        }
    }
    myconn_result_free(result);
    buf_deinit(&sql);
    return rc;
}

const struct dialect_catalog_column *dialect_catalog_find(const struct dialect_catalog *catalog,
                                                          struct slice name)
{
    for (uint32_t i = 0; i < catalog->column_count; i++)
        if (slice_equal_nocase(catalog->columns[i].name, name))
            return &catalog->columns[i];
    return NULL;
}

enum rc dialect_catalog_read(struct myconn *conn, const struct sink_target *target,
                             struct arena *arena, struct dialect_catalog *catalog_out,
                             struct error *err)
{
    memset(catalog_out, 0, sizeof(*catalog_out));
    enum rc rc = read_columns(conn, target, arena, catalog_out, err);
    if (rc == RC_OK && catalog_out->column_count > 0)
        rc = read_create(conn, target, arena, catalog_out, err);
    if (rc != RC_OK)
        error_wrap(err, "Table %.*s.%.*s of the target cannot be read", SLICE_ARG(target->db),
                   SLICE_ARG(target->table));
    return rc;
}
