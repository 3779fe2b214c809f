/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charsets and collations as a server of some version names and chooses them:
 *
 *   utf8 or utf8mb3     MySQL shows the charset as utf8mb3 from 8.0.29 on and its collations from
 *                       8.0.30 on, MariaDB both from 10.6 on
 *   default collations  utf8mb4 is utf8mb4_0900_ai_ci from MySQL 8.0 on; the Unicode charsets are
 *                       uca1400_ai_ci from MariaDB 11.5 on (character_set_collations)
 *
 * Asked of the servers that the fixtures' reference tables come from. Threads: any; constant.
 */
#ifndef MILLRACE_BINLOG_DDL_CHARSET_INT_H
#define MILLRACE_BINLOG_DDL_CHARSET_INT_H

#include "../charset_int.h"
#include "ddl_parse_int.h"

/* A collation and its charset, spelled as information_schema does. All zero: not known. */
struct ddl_collation {
    struct slice charset;
    struct slice collation;
    const struct charset *bytes; /* how they become UTF-8 */
    uint8_t char_bytes_max;
    uint8_t char_bytes_min;
    bool is_binary;
    bool
        is_unknown; /* nobody knows it: `charset` and `collation` are empty, texts are taken as they
                        stand in the statement */
};

/* What a statement says about a text's charset; empty where it does not say. */
struct ddl_charset_clause {
    struct slice charset;
    struct slice collation;
    bool is_binary_sorted; /* BINARY: the _bin collation of the charset */
    bool is_default;       /* CHARACTER SET DEFAULT: the database's */
};

static inline bool ddl_collation_known(const struct ddl_collation *collation)
{
    return collation->bytes != NULL;
}

/* By the name of a collation. False: no server has it. */
bool ddl_collation_by_name(struct ddl_parser *parser, struct slice name,
                           struct ddl_collation *collation_out);
/* The default collation of a charset. */
bool ddl_collation_of_charset(struct ddl_parser *parser, struct slice charset,
                              struct ddl_collation *collation_out);
/* What the clause means where `fallback` is the default. Fails as unreadable when the fallback is
 * needed and not known, or a name is not known. */
struct ddl_collation ddl_collation_resolve(struct ddl_parser *parser,
                                           const struct ddl_charset_clause *clause,
                                           const struct ddl_collation *fallback);
/* The statement cannot be read, because a text's charset is needed and not known. */
void ddl_charset_unreadable(struct ddl_parser *parser);
/* The default of a database as far as known. */
struct ddl_collation ddl_database_collation(struct ddl_parser *parser, struct slice db);

/* CHARACTER SET | CHARSET | CHAR SET [=] name; COLLATE [=] name. True when one was there. */
bool ddl_accept_charset(struct ddl_parser *parser, struct ddl_charset_clause *clause);
bool ddl_accept_collate(struct ddl_parser *parser, struct ddl_charset_clause *clause);

/* Bytes in a charset as UTF-8; in the arena. Bytes that are no text give ptr == NULL without a
 * failure. */
struct slice ddl_bytes_to_text(struct ddl_parser *parser, const struct charset *charset,
                               struct slice bytes);

/* The text as a column of the charset can hold it: a question mark for each character that the
 * charset has not, as servers do outside of strict mode. In the arena, or the text itself. */
struct slice ddl_text_in_charset(struct ddl_parser *parser, const struct charset *charset,
                                 struct slice text);

#endif
