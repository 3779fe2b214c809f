/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The definition of a table, as information_schema would show it: read there (catalog.c), or made
 * from DDL (ddl/), or kept from an earlier life (schema/). It is the second and third truth about
 * schemas (design.md part 4), used to complete table maps that carry no names, signs, charsets or
 * labels, and to tell what a DDL did.
 *
 * Text is as the server spells it: two definitions of one table are equal when all their parts are
 * equal byte for byte, whoever made them.
 */
#ifndef MILLRACE_BINLOG_CATALOG_INT_H
#define MILLRACE_BINLOG_CATALOG_INT_H

#include "engine/engine.h"

/* How a generated column's value comes about. */
enum catalog_generated { CATALOG_PLAIN = 0, CATALOG_VIRTUAL, CATALOG_STORED };

/* The columns ROW START and ROW END of a system-versioned table, declared or (MariaDB) invisible. */
enum catalog_versioning { CATALOG_NOT_VERSIONED = 0, CATALOG_ROW_START, CATALOG_ROW_END };

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
    bool has_default;           /* column_default is not NULL, or the column is nullable */
    bool default_is_expression; /* CURRENT_TIMESTAMP, a function, a calculation */
    bool is_auto_increment;
    bool labels_unsure; /* column_type is the server's, which shows some characters of labels
                                   as '?', and there is one */
    bool is_invisible;  /* named in no SELECT *; in the row images all the same */
    struct slice default_value; /* of a literal default, its text without quotes; empty: NULL, an
                                   expression, or none */
    enum catalog_generated generated;
    enum catalog_versioning versioning;
};

/* One part of a key. */
struct catalog_key_part {
    uint32_t column; /* index into the table's columns */
    uint32_t prefix; /* characters or bytes of a prefix key; 0: the whole column */
};

/* In the place of a column's index: an expression. Tables have at most 4096 columns. */
#define CATALOG_EXPRESSION 4096u

/* A key or another index. */
struct catalog_key {
    struct slice name; /* "PRIMARY" for the primary key */
    const struct catalog_key_part *parts;
    uint32_t part_count;
};

struct catalog_table {
    struct slice db;
    struct slice name;
    struct slice comment;
    struct slice charset;   /* the table's default, for columns that a DDL adds; empty: not known */
    struct slice collation; /* the same */
    const struct catalog_column *columns;
    uint32_t column_count;
    const struct catalog_key
        *keys; /* what identifies rows: the primary key first, then unique ones in the server's
                  order */
    uint32_t key_count;
    /* The other indexes, as far as known, without their prefixes. A DDL that adds a key without a
     * name gives it the first one that is free; one that drops the last of an index's columns drops
     * the index. */
    const struct catalog_key *indexes;
    uint32_t index_count;
};

/* True when both say the same in every part. */
bool catalog_column_equal(const struct catalog_column *a, const struct catalog_column *b);
bool catalog_key_equal(const struct catalog_key *a, const struct catalog_key *b);

/* Sets every column's key_ordinal from `keys`: the primary key, else the first unique key whose
 * columns are whole and not nullable, in the order that the server itself prefers them. */
void catalog_choose_key(struct catalog_column *columns, uint32_t column_count,
                        const struct catalog_key *keys, uint32_t key_count);

/* `refresh`: ask the server again although an answer is remembered. RC_NOT_FOUND: no such table
 * now. The answer is borrowed until the next refresh of the same table. */
typedef enum rc (*binlog_catalog_fn)(void *ctx, struct slice db, struct slice table, bool refresh,
                                     const struct catalog_table **table_out, struct error *err);

/* Whether that name is a SEQUENCE's, and no table's. */
typedef enum rc (*binlog_sequence_fn)(void *ctx, struct slice db, struct slice name,
                                      bool *is_sequence_out, struct error *err);

#endif
