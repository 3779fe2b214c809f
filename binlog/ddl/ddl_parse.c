/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of reading that all statements share; told in ddl_parse_int.h. */
#include "ddl_parse_int.h"

#include <stdio.h>

enum { REASON_NEAR_MAX = 40, LIST_FIRST_ROOM = 8, FORMAT_MAX = 1024 };

static void set_rc(struct ddl_parser *parser, enum rc rc)
{
    if (parser->rc == RC_OK)
        parser->rc = rc;
}

static void out_of_memory(struct ddl_parser *parser)
{
    if (parser->rc == RC_OK)
        set_rc(parser, error_set(parser->err, RC_LIMIT,
                                 "The statement does not fit in the memory set aside "
                                 "for reading table definitions."));
}

void *ddl_alloc(struct ddl_parser *parser, size_t size)
{
    void *memory = arena_alloc(parser->arena, size);
    if (memory == NULL)
        out_of_memory(parser);
    return memory;
}

bool ddl_grow(struct ddl_parser *parser, void **items, uint32_t count, uint32_t *room,
              size_t item_size, uint32_t count_max, const char *what)
{
    if (count < *room)
        return true;
    if (count >= count_max) {
        if (parser->rc == RC_OK)
            set_rc(parser, error_set(parser->err, RC_LIMIT,
                                     "A statement has more than %u %s, which no server allows.",
                                     (unsigned)count_max, what));
        return false;
    }
    uint32_t larger = *room == 0 ? LIST_FIRST_ROOM : 2 * *room;
    void *memory = ddl_alloc(parser, larger * item_size);
    if (memory == NULL)
        return false;
    if (count > 0)
        memcpy(memory, *items, count * item_size);
    *items = memory;
    *room = larger;
    return true;
}

struct slice ddl_copy(struct ddl_parser *parser, struct slice text)
{
    struct slice copy = arena_copy(parser->arena, text);
    if (copy.ptr == NULL)
        out_of_memory(parser);
    return copy;
}

static struct slice format_list(struct ddl_parser *parser, const char *format, va_list arguments)
{
    char text[FORMAT_MAX];
    int len = vsnprintf(text, sizeof(text), format, arguments);
    ASSERT(len >= 0);
    size_t kept = (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
    while (kept > 0 && !text_is_utf8(slice_of(text, kept)))
        kept--; /* a character may have been cut */
    return ddl_copy(parser, slice_of(text, kept));
}

struct slice ddl_format(struct ddl_parser *parser, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct slice text = format_list(parser, format, arguments);
    va_end(arguments);
    return text;
}

void ddl_unreadable(struct ddl_parser *parser, const char *format, ...)
{
    if (!ddl_ok(parser))
        return;
    va_list arguments;
    va_start(arguments, format);
    parser->reason = format_list(parser, format, arguments);
    va_end(arguments);
    parser->unreadable = true;
}

void ddl_expected(struct ddl_parser *parser, const char *what)
{
    const struct ddl_lexer *lexer = &parser->lexer;
    size_t offset = lexer->token.offset;
    size_t left = (size_t)(lexer->end - lexer->begin) - offset;
    size_t len = left < REASON_NEAR_MAX ? left : REASON_NEAR_MAX;
    struct slice near = slice_of(lexer->begin + offset, len);
    while (near.len > 0 && !text_is_utf8(near))
        near.len--;
    if (left == 0)
        ddl_unreadable(parser, "The statement ends where %s is expected.", what);
    else
        ddl_unreadable(parser, "At byte %zu, near \"%.*s\", %s is expected.", offset,
                       SLICE_ARG(near), what);
}

void ddl_next(struct ddl_parser *parser)
{
    ddl_lexer_next(&parser->lexer);
    /* Failing here ends every loop over tokens: such a token is followed by nothing else. */
    if (parser->lexer.token.kind == DDL_TOKEN_BROKEN)
        ddl_unreadable(parser, "At byte %zu begins a quote that does not end.",
                       parser->lexer.token.offset);
}

struct ddl_token ddl_peek(const struct ddl_parser *parser)
{
    struct ddl_lexer copy = parser->lexer;
    ddl_lexer_next(&copy);
    return copy.token;
}

bool ddl_token_is(const struct ddl_token *token, const char *word)
{
    return token->kind == DDL_TOKEN_WORD && slice_equal_nocase(token->text, slice_str(word));
}

bool ddl_token_is_mark(const struct ddl_token *token, char mark)
{
    return token->kind == DDL_TOKEN_MARK && token->text.ptr[0] == (uint8_t)mark;
}

bool ddl_at_end(const struct ddl_parser *parser)
{
    return parser->lexer.token.kind == DDL_TOKEN_END || ddl_at_mark(parser, ';');
}

bool ddl_at(const struct ddl_parser *parser, const char *word)
{
    return ddl_ok(parser) && ddl_token_is(&parser->lexer.token, word);
}

bool ddl_at_any(const struct ddl_parser *parser, const char *const *words)
{
    for (; *words != NULL; words++)
        if (ddl_at(parser, *words))
            return true;
    return false;
}

bool ddl_at_mark(const struct ddl_parser *parser, char mark)
{
    return ddl_ok(parser) && ddl_token_is_mark(&parser->lexer.token, mark);
}

bool ddl_at_name(const struct ddl_parser *parser)
{
    return ddl_ok(parser) && (parser->lexer.token.kind == DDL_TOKEN_WORD ||
                              parser->lexer.token.kind == DDL_TOKEN_QUOTED);
}

bool ddl_accept(struct ddl_parser *parser, const char *word)
{
    if (!ddl_at(parser, word))
        return false;
    ddl_next(parser);
    return true;
}

bool ddl_accept_mark(struct ddl_parser *parser, char mark)
{
    if (!ddl_at_mark(parser, mark))
        return false;
    ddl_next(parser);
    return true;
}

bool ddl_accept_pair(struct ddl_parser *parser, const char *first, const char *second)
{
    if (!ddl_at(parser, first))
        return false;
    struct ddl_token token = ddl_peek(parser);
    if (!ddl_token_is(&token, second))
        return false;
    ddl_next(parser);
    ddl_next(parser);
    return true;
}

void ddl_expect(struct ddl_parser *parser, const char *word)
{
    if (!ddl_accept(parser, word))
        ddl_expected(parser, word);
}

void ddl_expect_mark(struct ddl_parser *parser, char mark)
{
    char what[] = "'x'";
    what[1] = mark;
    if (!ddl_accept_mark(parser, mark))
        ddl_expected(parser, what);
}

void ddl_expect_end(struct ddl_parser *parser)
{
    if (!ddl_at_end(parser))
        ddl_expected(parser, "the end of the statement");
}

bool ddl_accept_if_exists(struct ddl_parser *parser)
{
    return ddl_accept_pair(parser, "IF", "EXISTS");
}

bool ddl_accept_if_not_exists(struct ddl_parser *parser)
{
    if (!ddl_accept_pair(parser, "IF", "NOT"))
        return false;
    ddl_expect(parser, "EXISTS");
    return true;
}

void ddl_accept_wait(struct ddl_parser *parser)
{
    if (ddl_accept(parser, "WAIT"))
        (void)ddl_read_number(parser);
    else
        (void)ddl_accept(parser, "NOWAIT");
}

struct slice ddl_read_name(struct ddl_parser *parser)
{
    if (!ddl_at_name(parser)) {
        ddl_expected(parser, "a name");
        return SLICE_EMPTY;
    }
    struct slice name = ddl_token_name(&parser->lexer.token, parser->arena);
    if (name.ptr == NULL)
        out_of_memory(parser);
    ddl_next(parser);
    return name;
}

struct ddl_name ddl_read_table_name(struct ddl_parser *parser)
{
    struct ddl_name name = {.db = ddl_copy(parser, parser->context->db)};
    (void)ddl_accept_mark(parser, '.');
    name.name = ddl_read_name(parser);
    if (ddl_accept_mark(parser, '.')) {
        name.db = name.name;
        name.name = ddl_read_name(parser);
    }
    return name;
}

struct slice ddl_read_column_name(struct ddl_parser *parser)
{
    (void)ddl_accept_mark(parser, '.');
    struct slice name = ddl_read_name(parser);
    while (ddl_accept_mark(parser, '.'))
        name = ddl_read_name(parser);
    return name;
}

uint64_t ddl_read_number(struct ddl_parser *parser)
{
    uint64_t value = 0;
    if (!ddl_ok(parser))
        return 0;
    if (parser->lexer.token.kind != DDL_TOKEN_NUMBER ||
        !text_parse_u64(parser->lexer.token.text, &value)) {
        ddl_expected(parser, "a number");
        return 0;
    }
    ddl_next(parser);
    return value;
}

struct slice ddl_read_string(struct ddl_parser *parser)
{
    if (!ddl_ok(parser))
        return SLICE_EMPTY;
    if (parser->lexer.token.kind != DDL_TOKEN_STRING) {
        ddl_expected(parser, "a text in quotes");
        return SLICE_EMPTY;
    }
    struct slice text =
        ddl_token_string(&parser->lexer.token, parser->lexer.sql_mode, parser->arena);
    if (text.ptr == NULL)
        out_of_memory(parser);
    ddl_next(parser);
    return text;
}

void ddl_skip_parentheses(struct ddl_parser *parser)
{
    size_t depth = 0;
    do {
        if (ddl_at_mark(parser, '('))
            depth++;
        else if (ddl_at_mark(parser, ')'))
            depth--;
        else if (parser->lexer.token.kind == DDL_TOKEN_END || depth == 0)
            ddl_expected(parser, depth == 0 ? "'('" : "')'");
        if (!ddl_ok(parser))
            return;
        ddl_next(parser);
    } while (depth > 0);
}

struct ddl_effect *ddl_add_effect(struct ddl_parser *parser, enum ddl_effect_kind kind,
                                  struct ddl_name name)
{
    enum { EFFECTS_MAX = 1 << 20 };
    struct ddl_effects *effects = &parser->effects;
    void *items = effects->items;
    if (!ddl_grow(parser, &items, effects->count, &effects->room, sizeof(*effects->items),
                  EFFECTS_MAX, "tables"))
        return NULL;
    effects->items = items;
    struct ddl_effect *effect = &effects->items[effects->count++];
    *effect = (struct ddl_effect){
        .kind = kind, .db = name.db, .name = name.name, .new_db = name.db, .new_name = name.name};
    return effect;
}

/* What this statement itself has done to the name: true when it has touched it. A table that came
 * to bear the name since is asked for under its old one. */
static bool find_touched(struct ddl_parser *parser, struct ddl_name name,
                         const struct catalog_table **table_out)
{
    for (uint32_t i = parser->effects.count; i > 0; i--) {
        const struct ddl_effect *effect = &parser->effects.items[i - 1];
        if (effect->kind == DDL_TABLE_RENAMED && slice_equal(effect->new_db, name.db) &&
            slice_equal(effect->new_name, name.name)) {
            *table_out = effect->after;
            return true;
        }
        if (slice_equal(effect->db, name.db) && slice_equal(effect->name, name.name)) {
            *table_out = NULL;
            return true;
        }
    }
    return false;
}

const struct catalog_table *ddl_find(struct ddl_parser *parser, struct ddl_name name)
{
    const struct catalog_table *table = NULL;
    if (parser->rc != RC_OK || find_touched(parser, name, &table))
        return table;
    if (parser->lookup->find == NULL)
        return NULL;
    enum rc rc = parser->lookup->find(parser->lookup->ctx, name.db, name.name, &table, parser->err);
    if (rc != RC_OK) {
        set_rc(parser, rc);
        return NULL;
    }
    return table;
}
