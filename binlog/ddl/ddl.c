/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front door of the DDL parser: the kinds of statements, by their leading words. Which of them
 * matter is said in one place (sql_int.h); what matters and is not read here cannot be read.
 */
#include "../sql_int.h"
#include "ddl_charset_int.h"

/* What follows CREATE. False: nothing that is read here. */
static bool read_create(struct ddl_parser *parser)
{
    bool or_replace = ddl_accept_pair(parser, "OR", "REPLACE");
    if (ddl_accept(parser, "TABLE"))
        ddl_read_create_table(parser, or_replace);
    else if (or_replace && ddl_accept(parser, "SEQUENCE"))
        ddl_read_replace_by_sequence(parser);
    else if (ddl_accept(parser, "DATABASE") || ddl_accept(parser, "SCHEMA"))
        ddl_read_create_database(parser, or_replace);
    else if (ddl_accept_pair(parser, "UNIQUE", "INDEX"))
        ddl_read_create_index(parser, true);
    else if (ddl_accept(parser, "INDEX") || ddl_accept_pair(parser, "FULLTEXT", "INDEX") ||
             ddl_accept_pair(parser, "SPATIAL", "INDEX") ||
             ddl_accept_pair(parser, "VECTOR", "INDEX"))
        ddl_read_create_index(parser, false);
    else
        return false;
    return true;
}

static bool read_alter(struct ddl_parser *parser)
{
    static const char *const words[] = {"ONLINE", "OFFLINE", "IGNORE", NULL};
    while (ddl_at_any(parser, words))
        ddl_next(parser);
    if (ddl_accept(parser, "TABLE"))
        ddl_read_alter_table(parser);
    else if (ddl_accept(parser, "DATABASE") || ddl_accept(parser, "SCHEMA"))
        ddl_read_alter_database(parser);
    else
        return false;
    return true;
}

static bool read_drop(struct ddl_parser *parser)
{
    if (ddl_accept(parser, "TABLE") || ddl_accept(parser, "TABLES"))
        ddl_read_drop_tables(parser);
    else if (ddl_accept(parser, "DATABASE") || ddl_accept(parser, "SCHEMA"))
        ddl_read_drop_database(parser);
    else if (ddl_accept(parser, "INDEX") || ddl_accept_pair(parser, "ONLINE", "INDEX") ||
             ddl_accept_pair(parser, "OFFLINE", "INDEX"))
        ddl_read_drop_index(parser);
    else
        return false;
    return true;
}

static bool read_rename(struct ddl_parser *parser)
{
    if (!ddl_accept(parser, "TABLE") && !ddl_accept(parser, "TABLES"))
        return false;
    ddl_read_rename_tables(parser);
    return true;
}

/* SET STATEMENT a = 1, b = 2 FOR the statement: MariaDB. */
static void skip_set_statement(struct ddl_parser *parser)
{
    while (parser->context->is_mariadb && ddl_accept_pair(parser, "SET", "STATEMENT")) {
        while (ddl_ok(parser) && !ddl_at_end(parser) && !ddl_at(parser, "FOR"))
            ddl_next(parser);
        ddl_expect(parser, "FOR");
    }
}

static void read_statement(struct ddl_parser *parser)
{
    bool is_read = true;
    skip_set_statement(parser);
    if (ddl_accept(parser, "CREATE"))
        is_read = read_create(parser);
    else if (ddl_accept(parser, "ALTER"))
        is_read = read_alter(parser);
    else if (ddl_accept(parser, "DROP"))
        is_read = read_drop(parser);
    else if (ddl_accept(parser, "RENAME"))
        is_read = read_rename(parser);
    else if (ddl_accept(parser, "TRUNCATE"))
        ddl_read_truncate(parser);
    else
        is_read = false;
    if (!is_read)
        ddl_expected(parser, "a kind of statement that is known");
}

/* A text that is not UTF-8 is none that can be told from what matters. */
static bool is_relevant(const struct ddl_context *context, struct slice text)
{
    struct sql_statement words;
    struct sql_dialect dialect = {.sql_mode = context->sql_mode,
                                  .version = context->version,
                                  .is_mariadb = context->is_mariadb};
    sql_classify(&dialect, text, &words);
    return sql_changes_tables(words.kind);
}

/* The text as UTF-8. What is not valid in its charset is read as it is: names and texts that are
 * not UTF-8 then make the statement unreadable. */
static struct slice statement_text(struct ddl_parser *parser, struct slice statement)
{
    struct slice name = parser->context->charset;
    const struct charset *charset = name.len == 0 ? NULL : charset_by_name(name);
    if (charset == NULL || charset->way == CHARSET_WAY_UTF8 || charset->way == CHARSET_WAY_BINARY)
        return statement;
    struct slice text = ddl_bytes_to_text(parser, charset, statement);
    return text.ptr == NULL ? statement : text;
}

static void tell_unreadable(struct ddl_parser *parser, struct ddl_result *result)
{
    for (uint32_t i = 0; i < parser->effects.count; i++) {
        parser->effects.items[i].after = NULL;
        parser->effects.items[i].origin = NULL;
    }
    result->verdict = DDL_UNREADABLE;
    result->reason = parser->reason;
}

enum rc ddl_read(const struct ddl_context *context, const struct ddl_lookup *lookup,
                 struct slice statement, struct arena *arena, struct ddl_result *result_out,
                 struct error *err)
{
    struct ddl_parser parser = {.context = context, .lookup = lookup, .arena = arena, .err = err};
    *result_out = (struct ddl_result){0};
    struct slice text = statement_text(&parser, statement);
    if (!text_is_utf8(text))
        ddl_unreadable(&parser, "The statement's text is not valid in its charset.");
    ddl_lexer_init(&parser.lexer, text, context->sql_mode, context->version, context->is_mariadb);
    if (!is_relevant(context, text))
        return parser.rc;
    read_statement(&parser);
    if (parser.rc != RC_OK)
        return parser.rc;
    result_out->effects = parser.effects.items;
    result_out->effect_count = parser.effects.count;
    result_out->verdict = DDL_UNDERSTOOD;
    if (parser.unreadable)
        tell_unreadable(&parser, result_out);
    return RC_OK;
}
