/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DEFAULT of a column: read, and turned into what the server stores and shows of it
 * ('2020-1-1' of a DATE is 2020-01-01, 1 of a DECIMAL(5,2) is 1.00).
 *
 *   ddl_literal.c        reading
 *   ddl_default.c        numbers, texts, labels, bits
 *   ddl_default_time.c   dates and times
 *
 * Threads: any; no state.
 */
#ifndef MILLRACE_BINLOG_DDL_LITERAL_INT_H
#define MILLRACE_BINLOG_DDL_LITERAL_INT_H

#include "ddl_type_int.h"

enum ddl_default_kind {
    DDL_NO_DEFAULT = 0,
    DDL_DEFAULT_NULL,
    DDL_DEFAULT_TEXT,      /* a string */
    DDL_DEFAULT_NUMBER,    /* a number, perhaps with a minus before it */
    DDL_DEFAULT_BYTES,     /* x'..', b'..' */
    DDL_DEFAULT_EXPRESSION /* CURRENT_TIMESTAMP, functions, (a + b) */
};

struct ddl_default {
    enum ddl_default_kind kind;
    struct slice value; /* TEXT: UTF-8; NUMBER: its text; BYTES: the bytes */
};

/* Behind DEFAULT. */
void ddl_read_default(struct ddl_parser *parser, struct ddl_default *value);
/* An expression without parentheses around it: CURRENT_TIMESTAMP, NOW(6), uuid(), a.nextval ... */
void ddl_skip_expression(struct ddl_parser *parser);

/* has_default and default_value of the column, whose type and nullability are settled. */
void ddl_default_show(struct ddl_parser *parser, const struct ddl_default *value,
                      const struct ddl_type *type, struct catalog_column *column);
/* The same for dates and times: false when the text is none. */
bool ddl_default_time(struct ddl_parser *parser, struct slice text, const struct ddl_type *type,
                      struct slice *shown_out);

#endif
