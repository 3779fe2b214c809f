/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words, names, strings and numbers of a statement, read as the server that wrote it read them:
 * its SQL mode decides what quotes and backslashes mean, its family and version which versioned
 * comments are part of the statement.
 *
 *   versioned comment      / * ! [NNNNN[N]] ... * /      MySQL and MariaDB
 *                          / * M ! [NNNNN[N]] ... * /    MariaDB; a comment like any other on MySQL
 *   read where the number is not above the server's version; MariaDB passes over 50700 to 99999,
 *   which are MySQL's features and not its own
 *
 * The lexer is a value: a copy of it is a place to come back to. Text is UTF-8; no byte of a
 * multi-byte character is an ASCII character. Threads: any; no state elsewhere.
 */
#ifndef MILLRACE_BINLOG_DDL_LEXER_INT_H
#define MILLRACE_BINLOG_DDL_LEXER_INT_H

#include "engine/engine.h"

/* Bits of sql_mode (facts/binlog.md 4.1, status variable 1). */
#define DDL_MODE_REAL_AS_FLOAT UINT64_C(0x1)
#define DDL_MODE_ANSI_QUOTES UINT64_C(0x4)
#define DDL_MODE_ORACLE UINT64_C(0x200)
#define DDL_MODE_MAXDB UINT64_C(0x1000)
#define DDL_MODE_NO_BACKSLASH_ESCAPES UINT64_C(0x100000)
#define DDL_MODE_NO_ZERO_IN_DATE UINT64_C(0x800000)
#define DDL_MODE_MARIADB_TIME_ROUND (UINT64_C(1) << 34)  /* else MariaDB cuts fractions */
#define DDL_MODE_MYSQL_TIME_TRUNCATE (UINT64_C(1) << 32) /* else MySQL rounds them */

enum ddl_token_kind {
    DDL_TOKEN_END = 0,
    DDL_TOKEN_WORD,   /* an unquoted word: a keyword or a name */
    DDL_TOKEN_QUOTED, /* a name in quotes, which may be doubled inside */
    DDL_TOKEN_STRING, /* without its quotes, escapes not yet undone */
    DDL_TOKEN_NUMBER, /* unsigned: 12, 1.5, .5, 1e-3 */
    DDL_TOKEN_HEX,    /* the digits of 0x4d or x'4D' */
    DDL_TOKEN_BITS,   /* the digits of 0b101 or b'101' */
    DDL_TOKEN_MARK,   /* any other character */
    DDL_TOKEN_BROKEN  /* a quote or comment that never ends */
};

struct ddl_token {
    enum ddl_token_kind kind;
    struct slice text; /* borrowed from the statement */
    size_t offset;     /* of the token's first byte in the statement */
    uint8_t quote;     /* QUOTED, STRING */
    bool is_national;  /* STRING: N'...' */
};

struct ddl_lexer {
    const uint8_t *begin;
    const uint8_t *ptr;
    const uint8_t *end;
    uint64_t sql_mode;
    uint32_t version;
    bool is_mariadb;
    bool in_comment; /* inside a versioned comment that is read */
    bool after_dot;  /* the token before was the dot right behind a name: digits are a name too */
    struct ddl_token token; /* the one in hand */
};

/* At the first token. */
void ddl_lexer_init(struct ddl_lexer *lexer, struct slice text, uint64_t sql_mode, uint32_t version,
                    bool is_mariadb);
void ddl_lexer_next(struct ddl_lexer *lexer);

/* The name of a WORD or QUOTED token with its doubled quotes undone; in the arena. ptr == NULL: no
 * memory. */
struct slice ddl_token_name(const struct ddl_token *token, struct arena *arena);

/* What a STRING token means with its escapes undone; in the arena. ptr == NULL: no memory. */
struct slice ddl_token_string(const struct ddl_token *token, uint64_t sql_mode,
                              struct arena *arena);

/* The bytes of a HEX or BITS token; in the arena. ptr == NULL: no memory. */
struct slice ddl_token_bytes(const struct ddl_token *token, struct arena *arena);

#endif
