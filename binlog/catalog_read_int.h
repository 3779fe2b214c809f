/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions to information_schema, and definitions made of the answers. For catalog.c only.
 */
#ifndef MILLRACE_BINLOG_CATALOG_READ_INT_H
#define MILLRACE_BINLOG_CATALOG_READ_INT_H

#include "schema/schema_int.h"

/* Which tables a question is about. */
struct catalog_scope {
    struct slice db; /* ptr NULL: all but the system databases */
    struct slice table;
    bool (*wants)(void *ctx, struct slice db, struct slice table);
    void *wants_ctx;
    bool with_comments;
    struct schema
        *sequences; /* where SEQUENCEs in the scope go, their names alone; NULL: nowhere */
};

/* Puts the definitions of all base tables in the scope into `found`. */
enum rc catalog_read(struct myconn *conn, const struct catalog_scope *scope, struct schema *found,
                     struct error *err) MUST_CHECK;
/* Sets the default collation of every database. */
enum rc catalog_read_databases(struct myconn *conn, struct schema *found,
                               struct error *err) MUST_CHECK;

/*
 * What column_default says: the text of a literal without its quotes, or SLICE_EMPTY for NULL, an
 * expression, or none. MariaDB quotes literals from 10.2.7 on; the others print them bare and mark
 * expressions in `extra`, or (before 8.0) have none but CURRENT_TIMESTAMP. Pure.
 */
struct slice catalog_default(struct slice column_default, struct slice extra,
                             struct slice data_type, bool quotes_literals, struct arena *arena);

#endif
