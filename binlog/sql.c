/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A classifier by leading words (facts/binlog.md 4.1): the one place that says which statements can
 * change what rows of base tables mean. Rules and threads are told in sql_int.h.
 */
#include "sql_int.h"

#include "ddl/ddl_lexer_int.h"

static bool at_word(const struct ddl_lexer *lexer, const char *word)
{
    return lexer->token.kind == DDL_TOKEN_WORD &&
           slice_equal_nocase(lexer->token.text, slice_str(word));
}

static bool at_mark(const struct ddl_lexer *lexer, char mark)
{
    return lexer->token.kind == DDL_TOKEN_MARK && lexer->token.text.ptr[0] == (uint8_t)mark;
}

/* Behind a quote that never ends comes nothing. */
static bool at_end(const struct ddl_lexer *lexer)
{
    return lexer->token.kind == DDL_TOKEN_END || lexer->token.kind == DDL_TOKEN_BROKEN;
}

static struct ddl_lexer lexer_of(const struct sql_dialect *dialect, struct slice text)
{
    struct ddl_lexer lexer;
    ddl_lexer_init(&lexer, text, dialect->sql_mode, dialect->version, dialect->is_mariadb);
    return lexer;
}

/* Passes over the word if it is there. */
static bool accept(struct ddl_lexer *lexer, const char *word)
{
    if (!at_word(lexer, word))
        return false;
    ddl_lexer_next(lexer);
    return true;
}

static bool at_any(const struct ddl_lexer *lexer, const char *const *words)
{
    for (; *words != NULL; words++)
        if (at_word(lexer, *words))
            return true;
    return false;
}

/* Passes over any number of the words; the list ends in NULL. */
static void accept_any(struct ddl_lexer *lexer, const char *const *words)
{
    for (bool found = true; found;) {
        found = false;
        for (const char *const *word = words; *word != NULL; word++)
            found = found || accept(lexer, *word);
    }
}

static void accept_if_exists(struct ddl_lexer *lexer)
{
    static const char *const words[] = {"IF", "NOT", "EXISTS", NULL};
    if (at_word(lexer, "IF"))
        accept_any(lexer, words);
}

static bool at_identifier(const struct ddl_lexer *lexer)
{
    return lexer->token.kind == DDL_TOKEN_WORD || lexer->token.kind == DDL_TOKEN_QUOTED;
}

static bool has_upper(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z')
            return true;
    return false;
}

static uint8_t lower_of(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

/* The identifier in hand with its doubled quotes undone, in the case in which the server keeps it. */
static struct slice identifier(struct sql_statement *statement, const struct ddl_token *token)
{
    bool doubled = token->kind == DDL_TOKEN_QUOTED &&
                   memchr(token->text.ptr, token->quote, token->text.len) != NULL;
    bool folds = statement->lower_case_names && has_upper(token->text);
    if (!doubled && !folds)
        return token->text;
    if (token->text.len > SQL_STORAGE - statement->storage_used) {
        statement->names_complete = false;
        return token->text;
    }
    uint8_t *to = statement->storage + statement->storage_used;
    size_t len = 0;
    for (size_t i = 0; i < token->text.len; i++) {
        to[len++] = folds ? lower_of(token->text.ptr[i]) : token->text.ptr[i];
        if (doubled && token->text.ptr[i] == token->quote)
            i++;
    }
    statement->storage_used += (uint32_t)len;
    return slice_of(to, len);
}

/* [db.]name or .name; false when there is none. */
static bool read_name(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    if (at_mark(lexer, '.'))
        ddl_lexer_next(lexer);
    if (!at_identifier(lexer))
        return false;
    struct sql_name name = {.name = identifier(statement, &lexer->token)};
    ddl_lexer_next(lexer);
    if (at_mark(lexer, '.')) {
        ddl_lexer_next(lexer);
        if (!at_identifier(lexer))
            return false;
        name.db = name.name;
        name.name = identifier(statement, &lexer->token);
        ddl_lexer_next(lexer);
    }
    if (statement->name_count == SQL_NAMES_MAX) {
        statement->names_complete = false;
        return true;
    }
    statement->names[statement->name_count++] = name;
    return true;
}

static void need_name(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    if (!read_name(lexer, statement))
        statement->names_complete = false;
}

static void read_database(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    statement->kind = SQL_DATABASE_DDL;
    accept_if_exists(lexer);
    need_name(lexer, statement);
    if (statement->name_count == 1)
        statement->names[0] = (struct sql_name){.db = statement->names[0].name};
}

/* INDEX name ... ON table */
static void read_index(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    statement->kind = SQL_TABLE_DDL;
    while (!at_end(lexer) && !at_word(lexer, "ON"))
        ddl_lexer_next(lexer);
    accept(lexer, "ON");
    need_name(lexer, statement);
}

/* What CREATE, ALTER and DROP may be about besides base tables, their indexes and databases; and the
 * words that stand before some of these. */
static const char *const other_objects[] = {
    "AGGREGATE", "ALGORITHM", "CATALOG",  "DEFINER",  "EVENT",   "FUNCTION", "INSTANCE",
    "JSON",      "LIBRARY",   "LOADABLE", "LOGFILE",  "MASKING", "PACKAGE",  "PREPARE",
    "PROCEDURE", "RESOURCE",  "ROLE",     "SEQUENCE", "SERVER",  "SQL",      "TABLESPACE",
    "TEMPORARY", "TRIGGER",   "UNDO",     "USER",     "VIEW",    NULL};

/* At the word behind CREATE, ALTER or DROP that is none of ours. */
static enum sql_kind kind_of_object(struct ddl_lexer *lexer)
{
    bool is_other =
        at_any(lexer, other_objects) || (accept(lexer, "SPATIAL") && at_word(lexer, "REFERENCE"));
    return is_other ? SQL_OTHER : SQL_UNKNOWN;
}

static void read_create(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    static const char *const replace[] = {"OR", "REPLACE", NULL};
    static const char *const words[] = {"UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR",
                                        "ONLINE", "OFFLINE",  NULL};
    statement->drops = at_word(lexer, "OR"); /* OR REPLACE */
    accept_any(lexer, replace);
    /* MariaDB: what it replaces may be a table. */
    if (statement->drops && accept(lexer, "SEQUENCE")) {
        statement->kind = SQL_TABLE_DDL;
        accept_if_exists(lexer);
        need_name(lexer, statement);
        return;
    }
    struct ddl_lexer place = *lexer;
    accept_any(lexer, words);
    if (accept(lexer, "DATABASE") || accept(lexer, "SCHEMA")) {
        read_database(lexer, statement);
    } else if (accept(lexer, "INDEX")) {
        read_index(lexer, statement);
    } else if (accept(lexer, "TABLE")) {
        statement->kind = SQL_TABLE_DDL;
        accept_if_exists(lexer);
        need_name(lexer, statement);
        for (; !at_end(lexer); ddl_lexer_next(lexer))
            statement->has_select = statement->has_select || at_word(lexer, "SELECT");
    } else {
        statement->kind = kind_of_object(&place);
    }
}

static void read_alter(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    static const char *const words[] = {"ONLINE", "OFFLINE", "IGNORE", NULL};
    accept_any(lexer, words);
    if (accept(lexer, "DATABASE") || accept(lexer, "SCHEMA")) {
        read_database(lexer, statement);
        return;
    }
    if (!accept(lexer, "TABLE")) {
        statement->kind = kind_of_object(lexer);
        return;
    }
    statement->kind = SQL_TABLE_DDL;
    accept_if_exists(lexer);
    need_name(lexer, statement);
    while (!at_end(lexer)) {
        /* EXCHANGE PARTITION p WITH TABLE t, CONVERT PARTITION p TO TABLE t, CONVERT TABLE t ... */
        if (accept(lexer, "TABLE")) {
            need_name(lexer, statement);
            continue;
        }
        if (!accept(lexer, "RENAME")) {
            ddl_lexer_next(lexer);
            continue;
        }
        if (at_word(lexer, "COLUMN") || at_word(lexer, "INDEX") || at_word(lexer, "KEY"))
            continue;
        if (!accept(lexer, "TO"))
            accept(lexer, "AS");
        need_name(lexer, statement);
    }
}

static void read_drop(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    static const char *const words[] = {"ONLINE", "OFFLINE", NULL};
    accept_any(lexer, words);
    if (accept(lexer, "DATABASE") || accept(lexer, "SCHEMA")) {
        read_database(lexer, statement);
        statement->drops = true;
    } else if (accept(lexer, "INDEX")) {
        read_index(lexer, statement);
    } else if (accept(lexer, "TABLE") || accept(lexer, "TABLES")) {
        statement->kind = SQL_TABLE_DDL;
        accept_if_exists(lexer);
        do {
            need_name(lexer, statement);
        } while (at_mark(lexer, ',') && (ddl_lexer_next(lexer), true));
    } else {
        statement->kind = kind_of_object(lexer);
    }
}

static void read_rename(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    if (!accept(lexer, "TABLE") && !accept(lexer, "TABLES")) {
        statement->kind = at_word(lexer, "USER") ? SQL_OTHER : SQL_UNKNOWN;
        return;
    }
    statement->kind = SQL_TABLE_DDL;
    accept_if_exists(lexer);
    do {
        need_name(lexer, statement);
        while (!at_end(lexer) && !at_word(lexer, "TO"))
            ddl_lexer_next(lexer); /* MariaDB: WAIT n, NOWAIT */
        accept(lexer, "TO");
        need_name(lexer, statement);
    } while (at_mark(lexer, ',') && (ddl_lexer_next(lexer), true));
}

static void read_truncate(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    statement->kind = SQL_TRUNCATE;
    accept(lexer, "TABLE");
    need_name(lexer, statement);
}

static void read_insert(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    static const char *const words[] = {"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY",
                                        "IGNORE",       "INTO",    NULL};
    accept_any(lexer, words);
    need_name(lexer, statement);
}

/* UPDATE and DELETE are sure of their table only in the single-table form. */
static void read_update(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    static const char *const words[] = {"LOW_PRIORITY", "IGNORE", NULL};
    accept_any(lexer, words);
    need_name(lexer, statement);
    accept(lexer, "AS");
    if (!at_word(lexer, "SET") && at_identifier(lexer))
        ddl_lexer_next(lexer);
    if (!at_word(lexer, "SET"))
        statement->names_complete = false;
}

static void read_delete(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    static const char *const words[] = {"LOW_PRIORITY", "QUICK", "IGNORE", NULL};
    accept_any(lexer, words);
    if (!accept(lexer, "FROM")) {
        statement->names_complete = false;
        return;
    }
    need_name(lexer, statement);
    if (!at_end(lexer) && !at_word(lexer, "WHERE") && !at_word(lexer, "ORDER") &&
        !at_word(lexer, "LIMIT") && !at_word(lexer, "RETURNING") && !at_mark(lexer, ';'))
        statement->names_complete = false;
}

static void read_load(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    while (!at_end(lexer)) {
        if (accept(lexer, "INTO") && accept(lexer, "TABLE")) {
            need_name(lexer, statement);
            return;
        }
        ddl_lexer_next(lexer);
    }
    statement->names_complete = false;
}

static void read_any_table(struct ddl_lexer *lexer UNUSED, struct sql_statement *statement)
{
    statement->names_complete = false;
}

static void read_routine(struct ddl_lexer *lexer UNUSED, struct sql_statement *statement)
{
    statement->names_complete = false;
    statement->hides_names = true;
}

static void read_rollback(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    accept(lexer, "WORK");
    if (!accept(lexer, "TO"))
        return;
    statement->kind = SQL_ROLLBACK_TO;
    accept(lexer, "SAVEPOINT");
    need_name(lexer, statement);
}

static void read_start(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    if (at_word(lexer, "TRANSACTION"))
        statement->kind = SQL_BEGIN;
}

static void read_xa(struct ddl_lexer *lexer, struct sql_statement *statement)
{
    if (at_word(lexer, "START") || at_word(lexer, "BEGIN"))
        statement->kind = SQL_XA_START;
    else if (at_word(lexer, "END"))
        statement->kind = SQL_XA_END;
    else if (at_word(lexer, "COMMIT"))
        statement->kind = SQL_XA_COMMIT;
    else if (at_word(lexer, "ROLLBACK"))
        statement->kind = SQL_XA_ROLLBACK;
}

/* Everything that a statement of MySQL 9.7 or MariaDB 11.8 and before can begin with. */
static const struct {
    const char *word;
    enum sql_kind kind;
    void (*read)(struct ddl_lexer *lexer, struct sql_statement *statement); /* NULL: the word says
                                                                             * all */
} statements[] = {
    {"BEGIN", SQL_BEGIN, NULL},
    {"START", SQL_OTHER, read_start},
    {"COMMIT", SQL_COMMIT, NULL},
    {"ROLLBACK", SQL_ROLLBACK, read_rollback},
    {"SAVEPOINT", SQL_SAVEPOINT, need_name},
    {"RELEASE", SQL_RELEASE, NULL},
    {"XA", SQL_OTHER, read_xa},
    {"TRUNCATE", SQL_TRUNCATE, read_truncate},
    {"CREATE", SQL_OTHER, read_create},
    {"ALTER", SQL_OTHER, read_alter},
    {"DROP", SQL_OTHER, read_drop},
    {"RENAME", SQL_OTHER, read_rename},
    {"INSERT", SQL_DML, read_insert},
    {"REPLACE", SQL_DML, read_insert},
    {"UPDATE", SQL_DML, read_update},
    {"DELETE", SQL_DML, read_delete},
    {"LOAD", SQL_DML, read_load},
    {"CALL", SQL_DML, read_routine},
    {"WITH", SQL_DML, read_any_table},
    {"SELECT", SQL_DML, read_routine}, /* a function that changes rows */
    {"VALUES", SQL_DML, read_routine},
    {"TABLE", SQL_DML, read_routine},
    {"DO", SQL_DML, read_routine},
};

/* First words of statements that have nothing to do with rows or definitions of base tables, or
 * that never reach a binlog as they are (EXECUTE, BINLOG). */
static const char *const other_statements[] = {
    "ANALYZE", "BACKUP",     "BINLOG",   "CACHE",   "CHANGE",   "CHECK",   "CHECKSUM", "CLONE",
    "CLOSE",   "DEALLOCATE", "DECLARE",  "DESC",    "DESCRIBE", "EXECUTE", "EXPLAIN",  "FETCH",
    "FLUSH",   "GET",        "GRANT",    "HANDLER", "HELP",     "IMPORT",  "INSTALL",  "KILL",
    "LOCK",    "OPEN",       "OPTIMIZE", "PREPARE", "PURGE",    "REPAIR",  "RESET",    "RESIGNAL",
    "RESTART", "REVOKE",     "SET",      "SHOW",    "SHUTDOWN", "SIGNAL",  "STOP",     "UNINSTALL",
    "UNLOCK",  "USE",        NULL};

/* MariaDB: SET STATEMENT a = 1, b = 2 FOR the statement. */
static void skip_set_statement(struct ddl_lexer *lexer)
{
    struct ddl_lexer place = *lexer;
    while (lexer->is_mariadb && accept(&place, "SET") && accept(&place, "STATEMENT")) {
        while (!at_end(&place) && !at_word(&place, "FOR"))
            ddl_lexer_next(&place);
        accept(&place, "FOR");
        *lexer = place;
    }
}

void sql_classify(const struct sql_dialect *dialect, struct slice text,
                  struct sql_statement *statement)
{
    statement->kind = SQL_NOTHING;
    statement->name_count = 0;
    statement->names_complete = true;
    statement->has_select = false;
    statement->hides_names = false;
    statement->drops = false;
    statement->storage_used = 0;
    statement->lower_case_names = dialect->lower_case_names;
    struct ddl_lexer lexer = lexer_of(dialect, text);
    skip_set_statement(&lexer);
    while (at_mark(&lexer, '(')) /* (SELECT ...) UNION ... */
        ddl_lexer_next(&lexer);
    if (lexer.token.kind == DDL_TOKEN_END || at_mark(&lexer, ';'))
        return;
    for (unsigned i = 0; i < COUNT_OF(statements); i++) {
        if (!accept(&lexer, statements[i].word))
            continue;
        statement->kind = statements[i].kind;
        if (statements[i].read != NULL)
            statements[i].read(&lexer, statement);
        break;
    }
    if (statement->kind == SQL_NOTHING)
        statement->kind = at_any(&lexer, other_statements) ? SQL_OTHER : SQL_UNKNOWN;
    if (statement->kind == SQL_UNKNOWN)
        statement->names_complete = false;
}

bool sql_changes_tables(enum sql_kind kind)
{
    return kind == SQL_TRUNCATE || kind == SQL_TABLE_DDL || kind == SQL_DATABASE_DDL ||
           kind == SQL_UNKNOWN;
}

bool sql_scan_names(const struct sql_dialect *dialect, struct slice text, sql_name_fn visit,
                    void *ctx)
{
    struct sql_statement storage;
    storage.lower_case_names = dialect->lower_case_names;
    struct ddl_lexer lexer = lexer_of(dialect, text);
    while (!at_end(&lexer)) {
        storage.name_count = 0;
        storage.storage_used = 0;
        if (!read_name(&lexer, &storage))
            ddl_lexer_next(&lexer);
        else if (visit(ctx, storage.names[0]))
            return true;
    }
    return false;
}
