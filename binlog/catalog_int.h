/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server's information_schema says of a table: the third truth about schemas (design.md
 * part 4), used to complete table maps that carry no names, signs, charsets or labels.
 */
#ifndef MILLRACE_BINLOG_CATALOG_INT_H
#define MILLRACE_BINLOG_CATALOG_INT_H

#include "engine/engine.h"

/* Slices are owned by whoever made the catalog table. Names as in information_schema.columns. */
struct catalog_column {
    struct slice name;
    struct slice data_type;   /* "varchar" */
    struct slice column_type; /* "varchar(20)", "int(10) unsigned", "enum('a','b')" */
    struct slice charset;     /* character_set_name; empty where it does not apply */
    struct slice collation;   /* collation_name */
    struct slice comment;
    uint64_t char_length;     /* character_maximum_length */
    uint64_t byte_length;     /* character_octet_length */
    uint32_t precision;       /* numeric_precision */
    uint32_t scale;           /* numeric_scale */
    uint32_t fraction_digits; /* datetime_precision */
    uint32_t key_ordinal; /* 1-based in the primary key, else in the first unique not-null key; 0 */
    bool nullable;
};

struct catalog_table {
    struct slice db;
    struct slice name;
    struct slice comment;
    const struct catalog_column *columns;
    uint32_t column_count;
};

/* `refresh`: ask the server again although an answer is remembered. RC_NOT_FOUND: no such table
 * now. The answer is borrowed until the next refresh of the same table. */
typedef enum rc (*binlog_catalog_fn)(void *ctx, struct slice db, struct slice table, bool refresh,
                                     const struct catalog_table **table_out, struct error *err);

#endif
