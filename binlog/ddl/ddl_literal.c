/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what stands behind DEFAULT; told in ddl_literal_int.h. */
#include "ddl_literal_int.h"

static bool at_string(const struct ddl_parser *parser)
{
    return ddl_ok(parser) && parser->lexer.token.kind == DDL_TOKEN_STRING;
}

static bool at_bytes(const struct ddl_parser *parser)
{
    enum ddl_token_kind kind = parser->lexer.token.kind;
    return ddl_ok(parser) && (kind == DDL_TOKEN_HEX || kind == DDL_TOKEN_BITS);
}

/* 'a' 'b' is one text. */
static struct slice read_joined(struct ddl_parser *parser)
{
    struct slice text = ddl_read_string(parser);
    while (at_string(parser)) {
        struct slice more = ddl_read_string(parser);
        uint8_t *both = ddl_alloc(parser, text.len + more.len + 1);
        if (both == NULL)
            break;
        if (text.len > 0)
            memcpy(both, text.ptr, text.len);
        if (more.len > 0)
            memcpy(both + text.len, more.ptr, more.len);
        text = slice_of(both, text.len + more.len);
    }
    return text;
}

static void read_bytes(struct ddl_parser *parser, struct ddl_default *value)
{
    value->kind = DDL_DEFAULT_BYTES;
    value->value = ddl_token_bytes(&parser->lexer.token, parser->arena);
    ddl_next(parser);
}

/* _latin1'a', _utf8 x'61': the charset of the literal before it. */
static bool read_introduced(struct ddl_parser *parser, struct ddl_default *value)
{
    const struct ddl_token *token = &parser->lexer.token;
    if (token->kind != DDL_TOKEN_WORD || token->text.len < 2 || token->text.ptr[0] != '_')
        return false;
    struct ddl_collation collation;
    struct ddl_token following = ddl_peek(parser);
    bool is_text = following.kind == DDL_TOKEN_STRING;
    bool is_bytes = following.kind == DDL_TOKEN_HEX || following.kind == DDL_TOKEN_BITS;
    struct slice charset = slice_of(token->text.ptr + 1, token->text.len - 1);
    if ((!is_text && !is_bytes) || !ddl_collation_of_charset(parser, charset, &collation))
        return false;
    ddl_next(parser);
    if (is_text) {
        /* The statement's text has been converted as a whole, with the literal in it. */
        *value = (struct ddl_default){.kind = DDL_DEFAULT_TEXT, .value = read_joined(parser)};
        return true;
    }
    read_bytes(parser, value);
    struct slice text = ddl_bytes_to_text(parser, collation.bytes, value->value);
    if (!collation.is_binary && text.ptr != NULL)
        *value = (struct ddl_default){.kind = DDL_DEFAULT_TEXT, .value = text};
    return true;
}

static bool read_signed_number(struct ddl_parser *parser, struct ddl_default *value)
{
    bool has_sign = ddl_at_mark(parser, '-') || ddl_at_mark(parser, '+');
    bool is_negative = ddl_at_mark(parser, '-');
    struct ddl_token token = has_sign ? ddl_peek(parser) : parser->lexer.token;
    if (!ddl_ok(parser) || token.kind != DDL_TOKEN_NUMBER)
        return false;
    if (has_sign)
        ddl_next(parser);
    ddl_next(parser);
    value->kind = DDL_DEFAULT_NUMBER;
    value->value = is_negative ? ddl_format(parser, "-%.*s", SLICE_ARG(token.text))
                               : ddl_copy(parser, token.text);
    return true;
}

/* DATE'2020-01-01' and {d '2020-01-01'} */
static bool read_temporal(struct ddl_parser *parser, struct ddl_default *value)
{
    static const char *const words[] = {"DATE", "TIME", "TIMESTAMP", NULL};
    static const char *const letters[] = {"d", "t", "ts", NULL};
    struct ddl_token following = ddl_peek(parser);
    if (ddl_at_any(parser, words) && following.kind == DDL_TOKEN_STRING) {
        ddl_next(parser);
        *value = (struct ddl_default){.kind = DDL_DEFAULT_TEXT, .value = ddl_read_string(parser)};
        return true;
    }
    if (!ddl_accept_mark(parser, '{'))
        return false;
    if (!ddl_at_any(parser, letters))
        ddl_expected(parser, "d, t or ts");
    ddl_next(parser);
    *value = (struct ddl_default){.kind = DDL_DEFAULT_TEXT, .value = ddl_read_string(parser)};
    ddl_expect_mark(parser, '}');
    return true;
}

static bool read_literal(struct ddl_parser *parser, struct ddl_default *value)
{
    if (ddl_accept(parser, "NULL")) {
        value->kind = DDL_DEFAULT_NULL;
    } else if (ddl_at(parser, "TRUE") || ddl_at(parser, "FALSE")) {
        value->kind = DDL_DEFAULT_NUMBER;
        value->value = ddl_at(parser, "TRUE") ? SLICE("1") : SLICE("0");
        ddl_next(parser);
    } else if (at_string(parser)) {
        value->kind = DDL_DEFAULT_TEXT;
        value->value = read_joined(parser);
    } else if (at_bytes(parser)) {
        read_bytes(parser, value);
    } else {
        return read_signed_number(parser, value) || read_introduced(parser, value) ||
               read_temporal(parser, value);
    }
    return true;
}

/* CASE ... END, which may hold others. */
static void skip_case(struct ddl_parser *parser)
{
    size_t depth = 0;
    do {
        if (ddl_at(parser, "CASE"))
            depth++;
        else if (ddl_at(parser, "END"))
            depth--;
        else if (ddl_at_end(parser))
            ddl_expected(parser, "END");
        if (!ddl_ok(parser))
            return;
        ddl_next(parser);
    } while (depth > 0);
}

void ddl_skip_expression(struct ddl_parser *parser)
{
    if (ddl_at_mark(parser, '(')) {
        ddl_skip_parentheses(parser);
        return;
    }
    if (ddl_at(parser, "CASE")) {
        skip_case(parser);
        return;
    }
    if (ddl_accept_pair(parser, "NEXT", "VALUE") || ddl_accept_pair(parser, "PREVIOUS", "VALUE"))
        ddl_expect(parser, "FOR");
    bool is_variable = false;
    while (ddl_accept_mark(parser, '@'))
        is_variable = true;
    (void)ddl_read_name(parser);
    if (is_variable && ddl_accept_mark(parser, ':')) { /* @v := 1 */
        ddl_expect_mark(parser, '=');
        ddl_next(parser);
        return;
    }
    while (ddl_accept_mark(parser, '.'))
        (void)ddl_read_name(parser);
    if (ddl_at_mark(parser, '('))
        ddl_skip_parentheses(parser);
}

/* MariaDB takes (5) for the literal 5; MySQL takes it for an expression and shows that it is one. */
static bool read_parenthesised(struct ddl_parser *parser, struct ddl_default *value)
{
    if (!ddl_at_mark(parser, '(') || !parser->context->is_mariadb)
        return false;
    struct ddl_parser inner = *parser;
    uint32_t depth = 0;
    for (; ddl_accept_mark(&inner, '('); depth++)
        ;
    if (!read_literal(&inner, value))
        return false;
    for (; depth > 0; depth--)
        if (!ddl_accept_mark(&inner, ')'))
            return false;
    parser->lexer = inner.lexer;
    parser->rc = inner.rc;
    return true;
}

void ddl_read_default(struct ddl_parser *parser, struct ddl_default *value)
{
    *value = (struct ddl_default){0};
    if (!ddl_ok(parser) || read_literal(parser, value) || read_parenthesised(parser, value))
        return;
    *value = (struct ddl_default){.kind = DDL_DEFAULT_EXPRESSION};
    ddl_skip_expression(parser);
}
