/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalog of a running server: information_schema, read on demand and remembered.
 * @thread one: the decoder's.
 */
#ifndef MILLRACE_BINLOG_CATALOG_SERVER_INT_H
#define MILLRACE_BINLOG_CATALOG_SERVER_INT_H

#include "catalog_int.h"

struct catalog; /* owned by whoever made it */

/* A connection for questions, made again when it was lost; borrowed until the next call. */
typedef enum rc (*catalog_conn_fn)(void *ctx, struct myconn **conn_out, struct error *err);

enum rc catalog_new(catalog_conn_fn connect, void *connect_ctx, bool with_comments,
                    struct catalog **catalog_out, struct error *err) MUST_CHECK;
void catalog_free(struct catalog *catalog); /* NULL is fine */

/* A binlog_catalog_fn; `ctx` is the catalog. */
enum rc catalog_find(void *ctx, struct slice db, struct slice table, bool refresh,
                     const struct catalog_table **table_out, struct error *err) MUST_CHECK;

/* Reads all base tables that `wants` takes, in one pass, and remembers them; visits each, sorted by
 * database and name; `visit` may be NULL. The tables live until a refresh. */
typedef enum rc (*catalog_visit_fn)(void *ctx, const struct catalog_table *table,
                                    struct error *err);
enum rc catalog_read_all(struct catalog *catalog,
                         bool (*wants)(void *ctx, struct slice db, struct slice table),
                         void *wants_ctx, catalog_visit_fn visit, void *visit_ctx,
                         struct error *err) MUST_CHECK;

/* The same over what is remembered, without a question; and the default collations of all databases
 * as the last reading of all tables found them. */
enum rc catalog_each(const struct catalog *catalog, catalog_visit_fn visit, void *visit_ctx,
                     struct error *err) MUST_CHECK;
typedef enum rc (*catalog_visit_database_fn)(void *ctx, struct slice db, struct slice collation,
                                             struct error *err);
enum rc catalog_each_database(const struct catalog *catalog, catalog_visit_database_fn visit,
                              void *visit_ctx, struct error *err) MUST_CHECK;
/* The SEQUENCEs (MariaDB) that the last reading of all tables took by its `wants`: names alone. */
enum rc catalog_each_sequence(const struct catalog *catalog, catalog_visit_fn visit,
                              void *visit_ctx, struct error *err) MUST_CHECK;
/* What is remembered of one table, without a question. */
bool catalog_peek(const struct catalog *catalog, struct slice db, struct slice table,
                  const struct catalog_table **table_out);
/* Gives the memory back; what is asked for later is asked of the server. */
void catalog_forget(struct catalog *catalog);

/* The databases that belong to the server itself and are never captured. */
bool catalog_is_system_db(struct slice db);

#endif
