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
 * database and name. The tables live until a refresh. */
typedef enum rc (*catalog_visit_fn)(void *ctx, const struct catalog_table *table,
                                    struct error *err);
enum rc catalog_read_all(struct catalog *catalog,
                         bool (*wants)(void *ctx, struct slice db, struct slice table),
                         void *wants_ctx, catalog_visit_fn visit, void *visit_ctx,
                         struct error *err) MUST_CHECK;

/* The databases that belong to the server itself and are never captured. */
bool catalog_is_system_db(struct slice db);

#endif
