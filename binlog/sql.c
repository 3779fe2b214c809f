/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tokenizer and a classifier by leading words (facts/binlog.md 4.1). Comments before and within
 * are passed over; the content of versioned ones is read, as the server that wrote it read it.
 */
#include "sql_int.h"

enum token_kind { TOKEN_END = 0, TOKEN_WORD, TOKEN_QUOTED, TOKEN_STRING, TOKEN_MARK };

struct token {
    enum token_kind kind;
    struct slice text; /* without quotes, which may still be doubled inside */
    uint8_t quote;     /* TOKEN_QUOTED, TOKEN_STRING */
};

struct lexer {
    const uint8_t *ptr;
    const uint8_t *end;
    struct token token; /* the one in hand */
};

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c >= 0x80;
}

static bool starts(const struct lexer *lexer, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(lexer->end - lexer->ptr) >= len && memcmp(lexer->ptr, text, len) == 0;
}

static void skip_line(struct lexer *lexer)
{
    while (lexer->ptr < lexer->end && *lexer->ptr != '\n')
        lexer->ptr++;
}

static void skip_block_comment(struct lexer *lexer)
{
    lexer->ptr += 2;
    while (lexer->ptr < lexer->end && !starts(lexer, "*/"))
        lexer->ptr++;
    if (lexer->ptr < lexer->end)
        lexer->ptr += 2;
}

/* White space and comments; of a versioned comment only its frame. */
static void skip_blank(struct lexer *lexer)
{
    while (lexer->ptr < lexer->end) {
        if (is_space(*lexer->ptr)) {
            lexer->ptr++;
        } else if (starts(lexer, "/*!") || starts(lexer, "/*M!")) {
            lexer->ptr += starts(lexer, "/*!") ? 3 : 4;
            while (lexer->ptr < lexer->end && *lexer->ptr >= '0' && *lexer->ptr <= '9')
                lexer->ptr++;
        } else if (starts(lexer, "/*")) {
            skip_block_comment(lexer);
        } else if (starts(lexer, "*/")) {
            lexer->ptr += 2;
        } else if (*lexer->ptr == '#' || (starts(lexer, "--") && (lexer->end - lexer->ptr == 2 ||
                                                                  is_space(lexer->ptr[2])))) {
            skip_line(lexer);
        } else {
            return;
        }
    }
}

static void read_quoted(struct lexer *lexer)
{
    uint8_t quote = *lexer->ptr++;
    const uint8_t *start = lexer->ptr;
    while (lexer->ptr < lexer->end) {
        if (quote != '`' && *lexer->ptr == '\\' && lexer->end - lexer->ptr > 1) {
            lexer->ptr += 2;
            continue;
        }
        if (*lexer->ptr == quote) {
            if (lexer->end - lexer->ptr < 2 || lexer->ptr[1] != quote)
                break;
            lexer->ptr++;
        }
        lexer->ptr++;
    }
    lexer->token.kind = quote == '\'' ? TOKEN_STRING : TOKEN_QUOTED;
    lexer->token.quote = quote;
    lexer->token.text = slice_of(start, (size_t)(lexer->ptr - start));
    if (lexer->ptr < lexer->end)
        lexer->ptr++;
}

static void advance(struct lexer *lexer)
{
    skip_blank(lexer);
    const uint8_t *start = lexer->ptr;
    if (start == lexer->end) {
        lexer->token = (struct token){.kind = TOKEN_END};
    } else if (*start == '`' || *start == '"' || *start == '\'') {
        read_quoted(lexer);
    } else if (is_word(*start)) {
        while (lexer->ptr < lexer->end && is_word(*lexer->ptr))
            lexer->ptr++;
        lexer->token = (struct token){.kind = TOKEN_WORD,
                                      .text = slice_of(start, (size_t)(lexer->ptr - start))};
    } else {
        lexer->ptr++;
        lexer->token = (struct token){.kind = TOKEN_MARK, .text = slice_of(start, 1)};
    }
}

static struct lexer lexer_of(struct slice text)
{
    struct lexer lexer = {.ptr = text.ptr, .end = text.ptr + text.len};
    advance(&lexer);
    return lexer;
}

static bool at_word(const struct lexer *lexer, const char *word)
{
    return lexer->token.kind == TOKEN_WORD &&
           slice_equal_nocase(lexer->token.text, slice_str(word));
}

static bool at_mark(const struct lexer *lexer, char mark)
{
    return lexer->token.kind == TOKEN_MARK && lexer->token.text.ptr[0] == (uint8_t)mark;
}

/* Passes over the word if it is there. */
static bool accept(struct lexer *lexer, const char *word)
{
    if (!at_word(lexer, word))
        return false;
    advance(lexer);
    return true;
}

/* Passes over any number of the words; the list ends in NULL. */
static void accept_any(struct lexer *lexer, const char *const *words)
{
    for (bool found = true; found;) {
        found = false;
        for (const char *const *word = words; *word != NULL; word++)
            found = found || accept(lexer, *word);
    }
}

static void accept_if_exists(struct lexer *lexer)
{
    static const char *const words[] = {"IF", "NOT", "EXISTS", NULL};
    if (at_word(lexer, "IF"))
        accept_any(lexer, words);
}

static bool at_identifier(const struct lexer *lexer)
{
    return lexer->token.kind == TOKEN_WORD || lexer->token.kind == TOKEN_QUOTED;
}

/* The identifier in hand with its doubled quotes undone. */
static struct slice identifier(struct sql_statement *statement, const struct token *token)
{
    if (token->kind != TOKEN_QUOTED ||
        memchr(token->text.ptr, token->quote, token->text.len) == NULL)
        return token->text;
    if (token->text.len > SQL_STORAGE - statement->storage_used) {
        statement->names_complete = false;
        return token->text;
    }
    uint8_t *to = statement->storage + statement->storage_used;
    size_t len = 0;
    for (size_t i = 0; i < token->text.len; i++) {
        to[len++] = token->text.ptr[i];
        if (token->text.ptr[i] == token->quote)
            i++;
    }
    statement->storage_used += (uint32_t)len;
    return slice_of(to, len);
}

/* [db.]name; false when there is none. */
static bool read_name(struct lexer *lexer, struct sql_statement *statement)
{
    if (!at_identifier(lexer))
        return false;
    struct sql_name name = {.name = identifier(statement, &lexer->token)};
    advance(lexer);
    if (at_mark(lexer, '.')) {
        advance(lexer);
        if (!at_identifier(lexer))
            return false;
        name.db = name.name;
        name.name = identifier(statement, &lexer->token);
        advance(lexer);
    }
    if (statement->name_count == SQL_NAMES_MAX) {
        statement->names_complete = false;
        return true;
    }
    statement->names[statement->name_count++] = name;
    return true;
}

static void need_name(struct lexer *lexer, struct sql_statement *statement)
{
    if (!read_name(lexer, statement))
        statement->names_complete = false;
}

static void read_database(struct lexer *lexer, struct sql_statement *statement)
{
    statement->kind = SQL_DATABASE_DDL;
    accept_if_exists(lexer);
    need_name(lexer, statement);
    if (statement->name_count == 1)
        statement->names[0] = (struct sql_name){.db = statement->names[0].name};
}

/* INDEX name ... ON table */
static void read_index(struct lexer *lexer, struct sql_statement *statement)
{
    statement->kind = SQL_TABLE_DDL;
    while (lexer->token.kind != TOKEN_END && !at_word(lexer, "ON"))
        advance(lexer);
    accept(lexer, "ON");
    need_name(lexer, statement);
}

static void read_create(struct lexer *lexer, struct sql_statement *statement)
{
    static const char *const words[] = {"OR",      "REPLACE", "UNIQUE",  "FULLTEXT",
                                        "SPATIAL", "ONLINE",  "OFFLINE", NULL};
    statement->drops = at_word(lexer, "OR"); /* OR REPLACE */
    accept_any(lexer, words);
    if (accept(lexer, "DATABASE") || accept(lexer, "SCHEMA")) {
        read_database(lexer, statement);
    } else if (accept(lexer, "INDEX")) {
        read_index(lexer, statement);
    } else if (accept(lexer, "TABLE")) {
        statement->kind = SQL_TABLE_DDL;
        accept_if_exists(lexer);
        need_name(lexer, statement);
        for (; lexer->token.kind != TOKEN_END; advance(lexer))
            statement->has_select = statement->has_select || at_word(lexer, "SELECT");
    }
}

static void read_alter(struct lexer *lexer, struct sql_statement *statement)
{
    static const char *const words[] = {"ONLINE", "OFFLINE", "IGNORE", NULL};
    accept_any(lexer, words);
    if (accept(lexer, "DATABASE") || accept(lexer, "SCHEMA")) {
        read_database(lexer, statement);
        return;
    }
    if (!accept(lexer, "TABLE"))
        return;
    statement->kind = SQL_TABLE_DDL;
    accept_if_exists(lexer);
    need_name(lexer, statement);
    while (lexer->token.kind != TOKEN_END) {
        if (!accept(lexer, "RENAME")) {
            advance(lexer);
            continue;
        }
        if (at_word(lexer, "COLUMN") || at_word(lexer, "INDEX") || at_word(lexer, "KEY"))
            continue;
        if (!accept(lexer, "TO"))
            accept(lexer, "AS");
        need_name(lexer, statement);
    }
}

static void read_drop(struct lexer *lexer, struct sql_statement *statement)
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
        } while (at_mark(lexer, ',') && (advance(lexer), true));
    }
}

static void read_rename(struct lexer *lexer, struct sql_statement *statement)
{
    if (!accept(lexer, "TABLE") && !accept(lexer, "TABLES"))
        return;
    statement->kind = SQL_TABLE_DDL;
    accept_if_exists(lexer);
    do {
        need_name(lexer, statement);
        while (lexer->token.kind != TOKEN_END && !at_word(lexer, "TO"))
            advance(lexer); /* MariaDB: WAIT n, NOWAIT */
        accept(lexer, "TO");
        need_name(lexer, statement);
    } while (at_mark(lexer, ',') && (advance(lexer), true));
}

static void read_truncate(struct lexer *lexer, struct sql_statement *statement)
{
    statement->kind = SQL_TRUNCATE;
    accept(lexer, "TABLE");
    need_name(lexer, statement);
}

static void read_insert(struct lexer *lexer, struct sql_statement *statement)
{
    static const char *const words[] = {"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY",
                                        "IGNORE",       "INTO",    NULL};
    accept_any(lexer, words);
    need_name(lexer, statement);
}

/* UPDATE and DELETE are sure of their table only in the single-table form. */
static void read_update(struct lexer *lexer, struct sql_statement *statement)
{
    static const char *const words[] = {"LOW_PRIORITY", "IGNORE", NULL};
    accept_any(lexer, words);
    need_name(lexer, statement);
    accept(lexer, "AS");
    if (!at_word(lexer, "SET") && at_identifier(lexer))
        advance(lexer);
    if (!at_word(lexer, "SET"))
        statement->names_complete = false;
}

static void read_delete(struct lexer *lexer, struct sql_statement *statement)
{
    static const char *const words[] = {"LOW_PRIORITY", "QUICK", "IGNORE", NULL};
    accept_any(lexer, words);
    if (!accept(lexer, "FROM")) {
        statement->names_complete = false;
        return;
    }
    need_name(lexer, statement);
    if (lexer->token.kind != TOKEN_END && !at_word(lexer, "WHERE") && !at_word(lexer, "ORDER") &&
        !at_word(lexer, "LIMIT") && !at_word(lexer, "RETURNING") && !at_mark(lexer, ';'))
        statement->names_complete = false;
}

static void read_load(struct lexer *lexer, struct sql_statement *statement)
{
    while (lexer->token.kind != TOKEN_END) {
        if (accept(lexer, "INTO") && accept(lexer, "TABLE")) {
            need_name(lexer, statement);
            return;
        }
        advance(lexer);
    }
    statement->names_complete = false;
}

static void read_any_table(struct lexer *lexer UNUSED, struct sql_statement *statement)
{
    statement->names_complete = false;
}

static void read_rollback(struct lexer *lexer, struct sql_statement *statement)
{
    accept(lexer, "WORK");
    if (at_word(lexer, "TO"))
        statement->kind = SQL_ROLLBACK_TO;
}

static void read_start(struct lexer *lexer, struct sql_statement *statement)
{
    if (at_word(lexer, "TRANSACTION"))
        statement->kind = SQL_BEGIN;
}

static void read_xa(struct lexer *lexer, struct sql_statement *statement)
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

static const struct {
    const char *word;
    enum sql_kind kind;
    void (*read)(struct lexer *lexer, struct sql_statement *statement); /* NULL: the word says all
                                                                         */
} statements[] = {
    {"BEGIN", SQL_BEGIN, NULL},
    {"START", SQL_OTHER, read_start},
    {"COMMIT", SQL_COMMIT, NULL},
    {"ROLLBACK", SQL_ROLLBACK, read_rollback},
    {"SAVEPOINT", SQL_SAVEPOINT, NULL},
    {"RELEASE", SQL_SAVEPOINT, NULL},
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
    {"CALL", SQL_DML, read_any_table},
    {"WITH", SQL_DML, read_any_table},
    {"SELECT", SQL_DML, read_any_table}, /* a function that changes rows */
    {"DO", SQL_DML, read_any_table},
};

void sql_classify(struct slice text, struct sql_statement *statement)
{
    statement->kind = SQL_NOTHING;
    statement->name_count = 0;
    statement->names_complete = true;
    statement->has_select = false;
    statement->drops = false;
    statement->storage_used = 0;
    struct lexer lexer = lexer_of(text);
    if (lexer.token.kind == TOKEN_END)
        return;
    statement->kind = SQL_OTHER;
    for (unsigned i = 0; i < COUNT_OF(statements); i++) {
        if (!accept(&lexer, statements[i].word))
            continue;
        statement->kind = statements[i].kind;
        if (statements[i].read != NULL)
            statements[i].read(&lexer, statement);
        return;
    }
}

bool sql_scan_names(struct slice text, sql_name_fn visit, void *ctx)
{
    struct sql_statement storage;
    struct lexer lexer = lexer_of(text);
    while (lexer.token.kind != TOKEN_END) {
        storage.name_count = 0;
        storage.storage_used = 0;
        if (!read_name(&lexer, &storage))
            advance(&lexer);
        else if (visit(ctx, storage.names[0]))
            return true;
    }
    return false;
}
