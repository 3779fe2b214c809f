/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A column's type, between the words of a statement and what information_schema shows of it.
 *
 *   ddl_read_type       words with all their synonyms -> struct ddl_type
 *   ddl_type_show       -> data_type, column_type, lengths, charset, as the server's version shows
 *   ddl_type_of_column  -> and back, from what is shown
 *
 * Threads: any; no state.
 */
#ifndef MILLRACE_BINLOG_DDL_TYPE_INT_H
#define MILLRACE_BINLOG_DDL_TYPE_INT_H

#include "ddl_charset_int.h"

enum ddl_type_kind {
    DDL_TINYINT = 0,
    DDL_SMALLINT,
    DDL_MEDIUMINT,
    DDL_INT,
    DDL_BIGINT,
    DDL_FLOAT,
    DDL_DOUBLE,
    DDL_DECIMAL,
    DDL_BIT,
    DDL_YEAR,
    DDL_DATE,
    DDL_TIME,
    DDL_DATETIME,
    DDL_TIMESTAMP,
    DDL_CHAR, /* BINARY when its charset is binary, and so on */
    DDL_VARCHAR,
    DDL_TINYTEXT,
    DDL_TEXT,
    DDL_MEDIUMTEXT,
    DDL_LONGTEXT,
    DDL_ENUM,
    DDL_SET,
    DDL_JSON,
    DDL_VECTOR,
    DDL_GEOMETRY, /* and its kinds: `word` says which */
    DDL_OTHER     /* MariaDB's UUID, INET4, INET6, XMLTYPE: `word` */
};

struct ddl_type {
    enum ddl_type_kind kind;
    struct slice word; /* GEOMETRY, OTHER: the data type as it is shown */
    uint64_t length;   /* width, digits, characters, bits, fraction digits; 0 with !has_length */
    uint32_t scale;
    bool has_length;
    bool has_scale;
    bool is_unsigned;
    bool is_zerofill;
    bool is_serial;     /* SERIAL: NOT NULL AUTO_INCREMENT UNIQUE besides */
    bool is_compressed; /* MariaDB */
    struct ddl_charset_clause charset;
    struct slice *labels; /* ENUM, SET: UTF-8, or bytes of the column's charset */
    bool *label_is_bytes;
    uint32_t label_count;
};

static inline bool ddl_type_is_text(const struct ddl_type *type)
{
    return type->kind >= DDL_CHAR && type->kind <= DDL_SET;
}

/* At the type's first word. */
void ddl_read_type(struct ddl_parser *parser, struct ddl_type *type);

/* Fills what information_schema shows of the type into the column: data_type, column_type, charset,
 * collation, lengths, precision, scale, fraction_digits. A text too long for its type becomes the
 * larger type that the server makes of it; `type` is changed to that. `fallback`: the table's
 * default collation. */
void ddl_type_show(struct ddl_parser *parser, struct ddl_type *type,
                   const struct ddl_collation *fallback, struct catalog_column *column);

/* What a column is, from its column_type, charset and collation. */
void ddl_type_of_column(struct ddl_parser *parser, const struct catalog_column *column,
                        struct ddl_type *type);

/* A data type that is kept beside its row: a text, blob or geometry. */
bool ddl_type_is_large(struct slice data_type);

/* The size class of a text of so many bytes. */
enum ddl_type_kind ddl_text_kind(uint64_t bytes);
/* Bytes that a text of the class may have. */
uint64_t ddl_text_bytes(enum ddl_type_kind kind);

/* Characters of well-formed UTF-8. */
uint64_t ddl_count_chars(struct slice text);

#endif
