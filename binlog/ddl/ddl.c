/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front door of the DDL parser: the kinds of statements, by their leading words.
 *
 * What cannot change the meaning of a base table's rows is on a list of its own and irrelevant by
 * that; a word that is on no list is a statement that we cannot read.
 */
#include "ddl_charset_int.h"

/* First words of statements that have nothing to do with definitions of tables. */
static const char *const irrelevant[] = {
    "ANALYZE",   "BACKUP",   "BEGIN",    "BINLOG",  "CACHE",      "CALL",      "CHANGE",
    "CHECK",     "CHECKSUM", "CLONE",    "COMMIT",  "DEALLOCATE", "DELETE",    "DESC",
    "DESCRIBE",  "DO",       "EXECUTE",  "EXPLAIN", "FLUSH",      "GET",       "GRANT",
    "HANDLER",   "HELP",     "IMPORT",   "INSERT",  "INSTALL",    "KILL",      "LOAD",
    "LOCK",      "OPTIMIZE", "PREPARE",  "PURGE",   "RELEASE",    "REPAIR",    "REPLACE",
    "RESET",     "RESIGNAL", "RESTART",  "REVOKE",  "ROLLBACK",   "SAVEPOINT", "SELECT",
    "SET",       "SHOW",     "SHUTDOWN", "SIGNAL",  "START",      "STOP",      "TABLE",
    "UNINSTALL", "UNLOCK",   "UPDATE",   "USE",     "VALUES",     "WITH",      "XA",
    NULL};

/* What CREATE, ALTER and DROP may be about besides tables and databases. */
static const char *const other_objects[] = {
    "USER",     "ROLE",     "VIEW",     "PROCEDURE", "FUNCTION", "TRIGGER",
    "EVENT",    "SERVER",   "SEQUENCE", "PACKAGE",   "LOGFILE",  "TABLESPACE",
    "UNDO",     "RESOURCE", "INSTANCE", "LIBRARY",   "MASKING",  "AGGREGATE",
    "LOADABLE", "PREPARE",  "CATALOG",  NULL};

/* DEFINER = x, ALGORITHM = x, SQL SECURITY x: what stands before VIEW, TRIGGER and the like. */
static bool accept_definer(struct ddl_parser *parser)
{
    static const char *const words[] = {"DEFINER", "ALGORITHM", "SQL", "AGGREGATE", NULL};
    return ddl_at_any(parser, words);
}

/* What follows CREATE. False: on no list. */
static bool read_create(struct ddl_parser *parser, bool *is_irrelevant)
{
    bool or_replace = ddl_accept_pair(parser, "OR", "REPLACE");
    if (ddl_accept(parser, "TABLE")) {
        ddl_read_create_table(parser, or_replace);
    } else if (ddl_accept(parser, "DATABASE") || ddl_accept(parser, "SCHEMA")) {
        ddl_read_create_database(parser, or_replace);
    } else if (ddl_accept(parser, "INDEX")) {
        ddl_read_create_index(parser, false);
    } else if (ddl_accept_pair(parser, "UNIQUE", "INDEX")) {
        ddl_read_create_index(parser, true);
    } else if (ddl_accept_pair(parser, "FULLTEXT", "INDEX") ||
               ddl_accept_pair(parser, "SPATIAL", "INDEX") ||
               ddl_accept_pair(parser, "VECTOR", "INDEX")) {
        ddl_read_create_index(parser, false);
    } else {
        /* SPATIAL REFERENCE SYSTEM, EXTERNAL ... of MySQL, and TEMPORARY objects of both */
        *is_irrelevant = ddl_at_any(parser, other_objects) || accept_definer(parser) ||
                         ddl_at(parser, "TEMPORARY") ||
                         ddl_accept_pair(parser, "SPATIAL", "REFERENCE");
        return *is_irrelevant;
    }
    return true;
}

static bool read_alter(struct ddl_parser *parser, bool *is_irrelevant)
{
    static const char *const words[] = {"ONLINE", "OFFLINE", "IGNORE", NULL};
    struct ddl_lexer place = parser->lexer;
    while (ddl_at_any(parser, words))
        ddl_next(parser);
    if (ddl_accept(parser, "TABLE")) {
        ddl_read_alter_table(parser);
        return true;
    }
    parser->lexer = place;
    if (ddl_accept(parser, "DATABASE") || ddl_accept(parser, "SCHEMA")) {
        ddl_read_alter_database(parser);
        return true;
    }
    *is_irrelevant = ddl_at_any(parser, other_objects) || accept_definer(parser);
    return *is_irrelevant;
}

static bool read_drop(struct ddl_parser *parser, bool *is_irrelevant)
{
    if (ddl_accept(parser, "TABLE") || ddl_accept(parser, "TABLES")) {
        ddl_read_drop_tables(parser);
    } else if (ddl_accept(parser, "DATABASE") || ddl_accept(parser, "SCHEMA")) {
        ddl_read_drop_database(parser);
    } else if (ddl_accept(parser, "INDEX") || ddl_accept_pair(parser, "ONLINE", "INDEX") ||
               ddl_accept_pair(parser, "OFFLINE", "INDEX")) {
        ddl_read_drop_index(parser);
    } else {
        *is_irrelevant = ddl_at_any(parser, other_objects) || ddl_at(parser, "TEMPORARY") ||
                         ddl_accept_pair(parser, "SPATIAL", "REFERENCE");
        return *is_irrelevant;
    }
    return true;
}

static bool read_rename(struct ddl_parser *parser, bool *is_irrelevant)
{
    if (ddl_accept(parser, "TABLE") || ddl_accept(parser, "TABLES")) {
        ddl_read_rename_tables(parser);
        return true;
    }
    *is_irrelevant = ddl_at(parser, "USER");
    return *is_irrelevant;
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

/* Gives whether the statement is of a kind that can matter, or of none that is known. */
static bool read_statement(struct ddl_parser *parser)
{
    bool is_irrelevant = false;
    bool is_listed = true;
    skip_set_statement(parser);
    if (ddl_accept(parser, "CREATE"))
        is_listed = read_create(parser, &is_irrelevant);
    else if (ddl_accept(parser, "ALTER"))
        is_listed = read_alter(parser, &is_irrelevant);
    else if (ddl_accept(parser, "DROP"))
        is_listed = read_drop(parser, &is_irrelevant);
    else if (ddl_accept(parser, "RENAME"))
        is_listed = read_rename(parser, &is_irrelevant);
    else if (ddl_accept(parser, "TRUNCATE"))
        ddl_read_truncate(parser);
    else
        is_listed = is_irrelevant = ddl_at_any(parser, irrelevant) || ddl_at_end(parser);
    if (!is_listed)
        ddl_expected(parser, "a kind of statement that is known");
    return !is_irrelevant;
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
    bool is_relevant = read_statement(&parser);
    if (parser.rc != RC_OK)
        return parser.rc;
    if (!is_relevant)
        return RC_OK;
    result_out->effects = parser.effects.items;
    result_out->effect_count = parser.effects.count;
    result_out->verdict = DDL_UNDERSTOOD;
    if (parser.unreadable)
        tell_unreadable(&parser, result_out);
    return RC_OK;
}
