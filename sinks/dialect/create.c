/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading SHOW CREATE TABLE as far as two questions go: which model and key the table has, and
 * which type a column was given. A small scanner that knows quotes, comments in quotes and
 * parentheses; text that it does not understand leaves the model unknown, never wrong.
 */
#include "dialect_int.h"

enum token_kind { TOKEN_END = 0, TOKEN_WORD, TOKEN_NAME, TOKEN_TEXT, TOKEN_MARK };

struct scanner {
    struct slice sql;
    size_t at;
};

struct token {
    enum token_kind kind;
    struct slice text; /* WORD: the letters; NAME: between the back-quotes; MARK: one byte */
};

static bool is_word_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c >= 0x80;
}

static struct token quoted(struct scanner *scanner, uint8_t quote)
{
    size_t start = scanner->at + 1;
    size_t at = start;
    while (at < scanner->sql.len) {
        uint8_t c = scanner->sql.ptr[at];
        if (c == '\\' && quote != '`')
            at++;
        else if (c == quote && at + 1 < scanner->sql.len && scanner->sql.ptr[at + 1] == quote)
            at++;
        else if (c == quote)
            break;
        at++;
    }
    size_t end = at < scanner->sql.len ? at : scanner->sql.len;
    scanner->at = end < scanner->sql.len ? end + 1 : end;
    return (struct token){quote == '`' ? TOKEN_NAME : TOKEN_TEXT,
                          slice_of(scanner->sql.ptr + start, end - start)};
}

static struct token next_token(struct scanner *scanner)
{
    struct slice sql = scanner->sql;
    while (scanner->at < sql.len && sql.ptr[scanner->at] <= ' ')
        scanner->at++;
    if (scanner->at >= sql.len)
        return (struct token){TOKEN_END, SLICE_EMPTY};
    uint8_t c = sql.ptr[scanner->at];
    if (c == '`' || c == '\'' || c == '"')
        return quoted(scanner, c);
    size_t start = scanner->at;
    if (!is_word_byte(c)) {
        scanner->at++;
        return (struct token){TOKEN_MARK, slice_of(sql.ptr + start, 1)};
    }
    while (scanner->at < sql.len && is_word_byte(sql.ptr[scanner->at]))
        scanner->at++;
    return (struct token){TOKEN_WORD, slice_of(sql.ptr + start, scanner->at - start)};
}

static bool is_mark(const struct token *token, char mark)
{
    return token->kind == TOKEN_MARK && token->text.ptr[0] == (uint8_t)mark;
}

static enum dialect_model model_of(struct slice word)
{
    if (slice_equal_nocase(word, SLICE("unique")))
        return DIALECT_MODEL_UNIQUE;
    if (slice_equal_nocase(word, SLICE("primary")))
        return DIALECT_MODEL_PRIMARY;
    if (slice_equal_nocase(word, SLICE("duplicate")))
        return DIALECT_MODEL_DUPLICATE;
    if (slice_equal_nocase(word, SLICE("aggregate")))
        return DIALECT_MODEL_AGGREGATE;
    return DIALECT_MODEL_UNKNOWN;
}

/* Behind "... KEY": the names in the parentheses. False when it is no such list. */
static bool read_keys(struct scanner *scanner, struct dialect_create *create)
{
    struct token token = next_token(scanner);
    if (!is_mark(&token, '('))
        return false;
    for (;;) {
        token = next_token(scanner);
        if (is_mark(&token, ')'))
            return create->key_count > 0;
        if (is_mark(&token, ','))
            continue;
        if ((token.kind != TOKEN_NAME && token.kind != TOKEN_WORD) ||
            create->key_count == DIALECT_KEY_MAX)
            return false;
        create->keys[create->key_count++] = token.text;
    }
}

void dialect_create_parse(struct slice sql, struct dialect_create *create_out)
{
    memset(create_out, 0, sizeof(*create_out));
    struct scanner scanner = {.sql = sql, .at = 0};
    enum dialect_model model = DIALECT_MODEL_UNKNOWN;
    unsigned depth = 0;
    bool seen_columns = false;
    for (;;) {
        struct token token = next_token(&scanner);
        if (token.kind == TOKEN_END)
            return;
        if (is_mark(&token, '(')) {
            depth++;
            seen_columns = true;
        } else if (is_mark(&token, ')') && depth > 0) {
            depth--;
        } else if (seen_columns && depth == 0 && token.kind == TOKEN_WORD) {
            if (model != DIALECT_MODEL_UNKNOWN && slice_equal_nocase(token.text, SLICE("key"))) {
                if (read_keys(&scanner, create_out))
                    create_out->model = model;
                return;
            }
            model = model_of(token.text);
        }
    }
}

struct slice dialect_create_type(struct slice sql, struct slice column)
{
    struct scanner scanner = {.sql = sql, .at = 0};
    unsigned depth = 0;
    bool at_start = false; /* of a column definition */
    for (;;) {
        struct token token = next_token(&scanner);
        if (token.kind == TOKEN_END)
            return SLICE_EMPTY;
        bool is_name = token.kind == TOKEN_NAME || token.kind == TOKEN_WORD;
        if (depth == 1 && at_start && is_name && slice_equal_nocase(token.text, column))
            break;
        at_start = depth == 1 && is_mark(&token, ',');
        if (is_mark(&token, '(')) {
            depth++;
            at_start = depth == 1;
        } else if (is_mark(&token, ')') && (depth == 0 || --depth == 0)) {
            return SLICE_EMPTY; /* behind the column list */
        }
    }
    struct token word = next_token(&scanner);
    if (word.kind != TOKEN_WORD)
        return SLICE_EMPTY;
    size_t start = (size_t)(word.text.ptr - sql.ptr);
    size_t end = scanner.at;
    struct token next = next_token(&scanner);
    if (is_mark(&next, '(') || is_mark(&next, '<')) {
        char close = is_mark(&next, '(') ? ')' : '>';
        while (next.kind != TOKEN_END && !is_mark(&next, close))
            next = next_token(&scanner);
        end = scanner.at;
    }
    return slice_of(sql.ptr + start, end - start);
}

const char *dialect_model_name(enum dialect_model model)
{
    switch (model) {
    case DIALECT_MODEL_DUPLICATE:
        return "DUPLICATE KEY";
    case DIALECT_MODEL_UNIQUE:
        return "UNIQUE KEY";
    case DIALECT_MODEL_PRIMARY:
        return "PRIMARY KEY";
    case DIALECT_MODEL_AGGREGATE:
        return "AGGREGATE KEY";
    case DIALECT_MODEL_UNKNOWN:
    default:
        return "an unknown model";
    }
}
