/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was read of information_schema, kept until it is asked for anew. The same questions serve one
 * table and all of them (catalog_read.c), so that what is said of a table does not depend on when it
 * was asked.
 */
#include "catalog_server_int.h"

#include <stdlib.h>

#include "catalog_read_int.h"

struct catalog {
    catalog_conn_fn connect;
    void *connect_ctx;
    bool with_comments;
    struct schema *tables;    /* owned */
    struct schema *sequences; /* owned; of the last reading of all tables */
};

enum rc catalog_new(catalog_conn_fn connect, void *connect_ctx, bool with_comments,
                    struct catalog **catalog_out, struct error *err)
{
    struct catalog *catalog = calloc(1, sizeof(*catalog));
    if (catalog == NULL)
        return error_set(err, RC_MEMORY, "No memory for the list of tables.");
    catalog->connect = connect;
    catalog->connect_ctx = connect_ctx;
    catalog->with_comments = with_comments;
    enum rc rc = schema_new(&catalog->tables, err);
    if (rc == RC_OK)
        rc = schema_new(&catalog->sequences, err);
    if (rc != RC_OK) {
        catalog_free(catalog);
        return rc;
    }
    *catalog_out = catalog;
    return RC_OK;
}

void catalog_free(struct catalog *catalog)
{
    if (catalog == NULL)
        return;
    schema_free(catalog->tables);
    schema_free(catalog->sequences);
    free(catalog);
}

void catalog_forget(struct catalog *catalog)
{
    schema_clear(catalog->tables);
    schema_clear(catalog->sequences);
}

bool catalog_is_system_db(struct slice db)
{
    return slice_equal_nocase(db, SLICE("mysql")) ||
           slice_equal_nocase(db, SLICE("information_schema")) ||
           slice_equal_nocase(db, SLICE("performance_schema")) ||
           slice_equal_nocase(db, SLICE("sys"));
}

static enum rc read_scope(struct catalog *catalog, struct catalog_scope *scope,
                          struct schema **found_out, struct error *err)
{
    struct myconn *conn = NULL;
    struct schema *found = NULL;
    scope->with_comments = catalog->with_comments;
    enum rc rc = schema_new(&found, err);
    if (rc == RC_OK)
        rc = catalog->connect(catalog->connect_ctx, &conn, err);
    if (rc == RC_OK)
        rc = catalog_read(conn, scope, found, err);
    if (rc == RC_OK && scope->db.ptr == NULL)
        rc = catalog_read_databases(conn, found, err);
    if (rc != RC_OK) {
        error_wrap(err, "Reading the description of the tables");
        schema_free(found);
        return rc;
    }
    *found_out = found;
    return RC_OK;
}

/* A table that was dropped between two questions has no columns, and is none. */
static const struct catalog_table *find_whole(const struct schema *tables, struct slice db,
                                              struct slice table)
{
    const struct catalog_table *found = schema_find(tables, db, table);
    return found != NULL && found->column_count > 0 ? found : NULL;
}

bool catalog_peek(const struct catalog *catalog, struct slice db, struct slice table,
                  const struct catalog_table **table_out)
{
    *table_out = find_whole(catalog->tables, db, table);
    return *table_out != NULL;
}

enum rc catalog_find(void *ctx, struct slice db, struct slice table, bool refresh,
                     const struct catalog_table **table_out, struct error *err)
{
    struct catalog *catalog = ctx;
    *table_out = refresh ? NULL : find_whole(catalog->tables, db, table);
    if (*table_out != NULL)
        return RC_OK;
    struct catalog_scope scope = {.db = db, .table = table};
    struct schema *found = NULL;
    struct error local = {0};
    enum rc rc = read_scope(catalog, &scope, &found, &local);
    const struct catalog_table *fresh = rc == RC_OK ? find_whole(found, db, table) : NULL;
    if (fresh != NULL)
        rc = schema_put(catalog->tables, fresh, &local);
    else
        schema_remove(catalog->tables, db, table);
    schema_free(found);
    if (rc != RC_OK) {
        if (err != NULL)
            *err = local;
        return rc;
    }
    *table_out = schema_find(catalog->tables, db, table);
    if (*table_out == NULL)
        return error_set(err, RC_NOT_FOUND, "There is no table %.*s.%.*s on the server now.",
                         SLICE_ARG(db), SLICE_ARG(table));
    return RC_OK;
}

struct whole_visit {
    catalog_visit_fn visit;
    void *ctx;
};

static enum rc visit_whole(void *ctx, const struct catalog_table *table, struct error *err)
{
    const struct whole_visit *whole = ctx;
    return table->column_count == 0 ? RC_OK : whole->visit(whole->ctx, table, err);
}

enum rc catalog_each(const struct catalog *catalog, catalog_visit_fn visit, void *visit_ctx,
                     struct error *err)
{
    struct whole_visit whole = {.visit = visit, .ctx = visit_ctx};
    return schema_each(catalog->tables, visit_whole, &whole, err);
}

enum rc catalog_each_sequence(const struct catalog *catalog, catalog_visit_fn visit,
                              void *visit_ctx, struct error *err)
{
    return schema_each(catalog->sequences, visit, visit_ctx, err);
}

enum rc catalog_each_database(const struct catalog *catalog, catalog_visit_database_fn visit,
                              void *visit_ctx, struct error *err)
{
    return schema_each_database(catalog->tables, visit, visit_ctx, err);
}

enum rc catalog_read_all(struct catalog *catalog,
                         bool (*wants)(void *ctx, struct slice db, struct slice table),
                         void *wants_ctx, catalog_visit_fn visit, void *visit_ctx,
                         struct error *err)
{
    struct catalog_scope scope = {
        .wants = wants, .wants_ctx = wants_ctx, .sequences = catalog->sequences};
    struct schema *found = NULL;
    struct error local = {0};
    schema_clear(catalog->sequences);
    enum rc rc = read_scope(catalog, &scope, &found, &local);
    if (rc != RC_OK) {
        if (err != NULL)
            *err = local;
        return rc;
    }
    schema_free(catalog->tables);
    catalog->tables = found;
    return visit == NULL ? RC_OK : catalog_each(catalog, visit, visit_ctx, err);
}
