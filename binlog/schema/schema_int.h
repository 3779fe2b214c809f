/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The definitions of all captured tables at one place of the stream: moved forward by DDL as it
 * passes, kept as notes beside the checkpoint's position, given back at the next start. So a binlog
 * of last week is read with the columns of last week.
 *
 * Threads: the decoder's. Ownership: every definition is copied in, and lives until it is replaced or
 * the schema is freed.
 */
#ifndef MILLRACE_BINLOG_SCHEMA_INT_H
#define MILLRACE_BINLOG_SCHEMA_INT_H

#include "../catalog_int.h"

struct schema;

enum rc schema_new(struct schema **schema_out, struct error *err) MUST_CHECK;
void schema_free(struct schema *schema); /* NULL is fine */

/* The definition, or NULL. Borrowed until the table is put or removed. */
const struct catalog_table *schema_find(const struct schema *schema, struct slice db,
                                        struct slice name);
/* Copies a definition in, in the place of an older one. */
enum rc schema_put(struct schema *schema, const struct catalog_table *table,
                   struct error *err) MUST_CHECK;
/* The same, with words for messages that say where the definition is from ("at binlog.000003:4711"). */
enum rc schema_put_from(struct schema *schema, const struct catalog_table *table, struct slice from,
                        struct error *err) MUST_CHECK;
/* Those words; empty: none. Borrowed as the definition is. */
struct slice schema_origin(const struct schema *schema, struct slice db, struct slice name);
void schema_remove(struct schema *schema, struct slice db, struct slice name);
/* The tables and the collation. */
void schema_remove_database(struct schema *schema, struct slice db);

/* A database's default collation; empty: not known. */
enum rc schema_set_database(struct schema *schema, struct slice db, struct slice collation,
                            struct error *err) MUST_CHECK;
struct slice schema_database(const struct schema *schema, struct slice db);

typedef enum rc (*schema_visit_database_fn)(void *ctx, struct slice db, struct slice collation,
                                            struct error *err);
enum rc schema_each_database(const struct schema *schema, schema_visit_database_fn visit, void *ctx,
                             struct error *err) MUST_CHECK;

size_t schema_count(const struct schema *schema);
void schema_clear(struct schema *schema);

/* In the order of database and name. The schema must not be changed meanwhile. */
typedef enum rc (*schema_visit_fn)(void *ctx, const struct catalog_table *table, struct error *err);
enum rc schema_each(const struct schema *schema, schema_visit_fn visit, void *ctx,
                    struct error *err) MUST_CHECK;

/* True when both say the same in every part. */
bool schema_table_equal(const struct catalog_table *a, const struct catalog_table *b);

/* A definition as JSON text, and back (docs/formats.md has the fields). Unknown fields are passed
 * over; RC_CORRUPT names what is missing. */
enum rc schema_encode(const struct catalog_table *table, struct buf *out,
                      struct error *err) MUST_CHECK;
enum rc schema_decode(struct slice text, struct arena *arena, struct catalog_table **table_out,
                      struct error *err) MUST_CHECK;

#endif
