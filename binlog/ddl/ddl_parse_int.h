/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all readers of grammar share: the token in hand, the way to move on, and how reading ends.
 *
 * Two ways to fail, both sticky, after which every step does nothing and the readers run out:
 *   `rc`          memory, limits, the caller's `find`: the error of ddl_read
 *   `unreadable`  the grammar, or the known definition, is not what was expected: `reason` is a
 *                 sentence, and the statement's verdict is DDL_UNREADABLE
 * So the readers are straight lines that ask once at the end (ddl_ok).
 *
 * Threads: one parser, one thread. Everything made lives in the caller's arena.
 */
#ifndef MILLRACE_BINLOG_DDL_PARSE_INT_H
#define MILLRACE_BINLOG_DDL_PARSE_INT_H

#include "ddl_int.h"
#include "ddl_lexer_int.h"

struct ddl_name {
    struct slice db; /* the default database's where the statement says none */
    struct slice name;
};

/* The result's effects while they are gathered. */
struct ddl_effects {
    struct ddl_effect *items;
    uint32_t count;
    uint32_t room;
};

struct ddl_parser {
    const struct ddl_context *context;
    const struct ddl_lookup *lookup;
    struct arena *arena;
    struct error *err;
    struct ddl_lexer lexer;
    struct ddl_effects effects;
    enum rc rc;
    bool unreadable;
    struct slice reason;
};

/* Neither way of failing has happened. */
static inline bool ddl_ok(const struct ddl_parser *parser)
{
    return parser->rc == RC_OK && !parser->unreadable;
}

/* Zeroed memory of the arena; NULL sets `rc`. */
void *ddl_alloc(struct ddl_parser *parser, size_t size);
/* One more item's room in a list that doubles: `items` may move. False sets `rc`: no memory, or
 * more than `count_max` items. */
bool ddl_grow(struct ddl_parser *parser, void **items, uint32_t count, uint32_t *room,
              size_t item_size, uint32_t count_max, const char *what);
/* A copy in the arena. */
struct slice ddl_copy(struct ddl_parser *parser, struct slice text);
/* printf into the arena. */
struct slice ddl_format(struct ddl_parser *parser, const char *format, ...) PRINTF_LIKE(2, 3);

/* The statement is not what was expected; the first reason stays. */
void ddl_unreadable(struct ddl_parser *parser, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same at the token in hand: "at byte 17, near "FOO (": <what> is expected." */
void ddl_expected(struct ddl_parser *parser, const char *what);

/* The token in hand */
void ddl_next(struct ddl_parser *parser);
/* The token behind the one in hand. */
struct ddl_token ddl_peek(const struct ddl_parser *parser);
bool ddl_at_end(const struct ddl_parser *parser); /* of the statement, or at its semicolon */
bool ddl_at(const struct ddl_parser *parser, const char *word);
bool ddl_at_any(const struct ddl_parser *parser, const char *const *words); /* list ends in NULL */
bool ddl_at_mark(const struct ddl_parser *parser, char mark);
bool ddl_at_name(const struct ddl_parser *parser);
bool ddl_token_is(const struct ddl_token *token, const char *word);
bool ddl_token_is_mark(const struct ddl_token *token, char mark);

/* Passes over it if it is there; the same where it must be there. */
bool ddl_accept(struct ddl_parser *parser, const char *word);
bool ddl_accept_mark(struct ddl_parser *parser, char mark);
/* Two words, or none of them. */
bool ddl_accept_pair(struct ddl_parser *parser, const char *first, const char *second);
void ddl_expect(struct ddl_parser *parser, const char *word);
void ddl_expect_mark(struct ddl_parser *parser, char mark);
void ddl_expect_end(struct ddl_parser *parser);

/* IF EXISTS; IF NOT EXISTS */
bool ddl_accept_if_exists(struct ddl_parser *parser);
bool ddl_accept_if_not_exists(struct ddl_parser *parser);
/* MariaDB's WAIT n and NOWAIT */
void ddl_accept_wait(struct ddl_parser *parser);

/* A name without a database; [db.]name; .name; a column, whose own table may stand before it. */
struct slice ddl_read_name(struct ddl_parser *parser);
struct ddl_name ddl_read_table_name(struct ddl_parser *parser);
struct slice ddl_read_column_name(struct ddl_parser *parser);

/* A number that fits; a string, perhaps in several parts. */
uint64_t ddl_read_number(struct ddl_parser *parser);
struct slice ddl_read_string(struct ddl_parser *parser);

/* At an opening parenthesis: over all up to behind its closing one. Loops, never recurses. */
void ddl_skip_parentheses(struct ddl_parser *parser);

/* Column names differ by more than case; the fold is that of the server's system charset. */
bool ddl_name_equal(struct slice a, struct slice b);

/* A new effect, all zero but for its kind and names; NULL sets `rc`. */
struct ddl_effect *ddl_add_effect(struct ddl_parser *parser, enum ddl_effect_kind kind,
                                  struct ddl_name name);
/* The definition that is known of a table; NULL: none, or a failure. A table that an earlier part
 * of the same statement has touched is asked for there. */
const struct catalog_table *ddl_find(struct ddl_parser *parser, struct ddl_name name);

/* ddl_statements.c */
void ddl_read_rename_tables(struct ddl_parser *parser); /* behind RENAME TABLE */
void ddl_read_drop_tables(struct ddl_parser *parser);   /* behind DROP TABLE */
void ddl_read_truncate(struct ddl_parser *parser);      /* behind TRUNCATE */
/* ddl_database.c: behind DATABASE or SCHEMA */
void ddl_read_create_database(struct ddl_parser *parser, bool or_replace);
void ddl_read_alter_database(struct ddl_parser *parser);
void ddl_read_drop_database(struct ddl_parser *parser);
/* ddl_create.c: behind TABLE */
void ddl_read_create_table(struct ddl_parser *parser, bool or_replace);
/* CREATE OR REPLACE SEQUENCE. */
void ddl_read_replace_by_sequence(struct ddl_parser *parser);
/* ddl_alter.c: behind TABLE; behind CREATE ... INDEX, DROP INDEX */
void ddl_read_alter_table(struct ddl_parser *parser);
void ddl_read_create_index(struct ddl_parser *parser, bool is_unique);
void ddl_read_drop_index(struct ddl_parser *parser);

#endif
