/* SPDX-License-Identifier: Apache-2.0 */
/* The lexer of DDL statements. Role and rules are told in ddl_lexer_int.h. */
#include "ddl_lexer_int.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           c == '$' || c >= 0x80;
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The byte `distance` further on; 0 behind the end. */
static uint8_t peek(const struct ddl_lexer *lexer, size_t distance)
{
    return (size_t)(lexer->end - lexer->ptr) > distance ? lexer->ptr[distance] : 0;
}

static bool starts(const struct ddl_lexer *lexer, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(lexer->end - lexer->ptr) >= len && memcmp(lexer->ptr, text, len) == 0;
}

/* Whether a server of this family and version reads a comment of that number. */
static bool reads_version(const struct ddl_lexer *lexer, uint32_t number)
{
    if (lexer->is_mariadb && number >= 50700 && number <= 99999)
        return false;
    return number <= lexer->version;
}

/* Over a comment that is not read. One that is versioned may hold plain comments, and only those
 * may nest (the server's own lexer goes one level deep). */
static void skip_comment(struct ddl_lexer *lexer, bool may_nest)
{
    bool inside = false;
    while (lexer->ptr < lexer->end) {
        if (starts(lexer, "*/")) {
            lexer->ptr += 2;
            if (!inside)
                return;
            inside = false;
        } else if (may_nest && !inside && starts(lexer, "/*")) {
            lexer->ptr += 2;
            inside = true;
        } else {
            lexer->ptr++;
        }
    }
}

/* At a versioned comment whose frame is `frame` bytes. */
static void enter_versioned(struct ddl_lexer *lexer, size_t frame)
{
    lexer->ptr += frame;
    unsigned digits = 0;
    uint32_t number = 0;
    unsigned digits_max = lexer->is_mariadb || lexer->version >= 50700 ? 6 : 5;
    while (digits < digits_max && is_digit(peek(lexer, digits)))
        number = number * 10 + (uint32_t)(lexer->ptr[digits++] - '0');
    if (digits < 5) {
        lexer->in_comment = true; /* no version: every server of the family reads it */
        return;
    }
    lexer->ptr += digits;
    if (reads_version(lexer, number))
        lexer->in_comment = true;
    else
        skip_comment(lexer, true);
}

static void skip_line(struct ddl_lexer *lexer)
{
    while (lexer->ptr < lexer->end && *lexer->ptr != '\n')
        lexer->ptr++;
}

static bool at_line_comment(const struct ddl_lexer *lexer)
{
    if (peek(lexer, 0) == '#')
        return true;
    uint8_t third = peek(lexer, 2);
    return starts(lexer, "--") &&
           (lexer->end - lexer->ptr == 2 || is_space(third) || third < 0x20 || third == 0x7f);
}

static void skip_blank(struct ddl_lexer *lexer)
{
    while (lexer->ptr < lexer->end) {
        if (is_space(*lexer->ptr)) {
            lexer->ptr++;
        } else if (starts(lexer, "/*!")) {
            enter_versioned(lexer, 3);
        } else if (lexer->is_mariadb && starts(lexer, "/*M!")) {
            enter_versioned(lexer, 4);
        } else if (starts(lexer, "/*")) {
            lexer->ptr += 2;
            skip_comment(lexer, false);
        } else if (lexer->in_comment && starts(lexer, "*/")) {
            lexer->ptr += 2;
            lexer->in_comment = false;
        } else if (at_line_comment(lexer)) {
            skip_line(lexer);
        } else {
            return;
        }
    }
}

/* At the quote. */
static void read_quoted(struct ddl_lexer *lexer)
{
    uint8_t quote = *lexer->ptr++;
    const uint8_t *start = lexer->ptr;
    bool is_name = quote == '`' || (quote == '"' && (lexer->sql_mode & DDL_MODE_ANSI_QUOTES) != 0);
    bool has_escapes = !is_name && (lexer->sql_mode & DDL_MODE_NO_BACKSLASH_ESCAPES) == 0;
    bool is_closed = false;
    while (lexer->ptr < lexer->end) {
        if (has_escapes && *lexer->ptr == '\\' && lexer->end - lexer->ptr > 1) {
            lexer->ptr += 2;
            continue;
        }
        if (*lexer->ptr == quote) {
            if (peek(lexer, 1) != quote) {
                is_closed = true;
                break;
            }
            lexer->ptr++;
        }
        lexer->ptr++;
    }
    lexer->token.kind = is_name ? DDL_TOKEN_QUOTED : DDL_TOKEN_STRING;
    if (!is_closed)
        lexer->token.kind = DDL_TOKEN_BROKEN;
    lexer->token.quote = quote;
    lexer->token.text = slice_of(start, (size_t)(lexer->ptr - start));
    if (is_closed)
        lexer->ptr++;
}

/* x'4D', b'101': the digits alone; false when it is none, and nothing is consumed. */
static bool read_quoted_digits(struct ddl_lexer *lexer)
{
    uint8_t c = (uint8_t)(*lexer->ptr | 0x20);
    if ((c != 'x' && c != 'b') || peek(lexer, 1) != '\'')
        return false;
    const uint8_t *start = lexer->ptr + 2;
    const uint8_t *ptr = start;
    while (ptr < lexer->end && (c == 'x' ? is_hex(*ptr) : *ptr == '0' || *ptr == '1'))
        ptr++;
    if (ptr == lexer->end || *ptr != '\'')
        return false;
    lexer->token.kind = c == 'x' ? DDL_TOKEN_HEX : DDL_TOKEN_BITS;
    lexer->token.text = slice_of(start, (size_t)(ptr - start));
    lexer->ptr = ptr + 1;
    return true;
}

static const uint8_t *over_digits(const struct ddl_lexer *lexer, const uint8_t *ptr)
{
    while (ptr < lexer->end && is_digit(*ptr))
        ptr++;
    return ptr;
}

/* e-3 behind the digits of a number; `ptr` itself when there is none. */
static const uint8_t *over_exponent(const struct ddl_lexer *lexer, const uint8_t *ptr)
{
    if (ptr == lexer->end || (*ptr | 0x20) != 'e')
        return ptr;
    const uint8_t *digits = ptr + 1;
    if (digits < lexer->end && (*digits == '+' || *digits == '-'))
        digits++;
    const uint8_t *end = over_digits(lexer, digits);
    return end == digits ? ptr : end;
}

/* 0x4d and 0b101 are literals only when all their characters are digits and the letter is small. */
static bool read_prefixed_digits(struct ddl_lexer *lexer)
{
    if (peek(lexer, 0) != '0' || (peek(lexer, 1) != 'x' && peek(lexer, 1) != 'b'))
        return false;
    bool hex = lexer->ptr[1] == 'x';
    const uint8_t *start = lexer->ptr + 2;
    const uint8_t *ptr = start;
    while (ptr < lexer->end && (hex ? is_hex(*ptr) : *ptr == '0' || *ptr == '1'))
        ptr++;
    if (ptr == start || (ptr < lexer->end && is_word(*ptr)))
        return false;
    lexer->token.kind = hex ? DDL_TOKEN_HEX : DDL_TOKEN_BITS;
    lexer->token.text = slice_of(start, (size_t)(ptr - start));
    lexer->ptr = ptr;
    return true;
}

/* At a digit, or at a dot before one. False: it is a name that begins with digits. */
static bool read_number(struct ddl_lexer *lexer)
{
    if (read_prefixed_digits(lexer))
        return true;
    const uint8_t *ptr = over_digits(lexer, lexer->ptr);
    bool is_integer = true;
    if (ptr < lexer->end && *ptr == '.') {
        ptr = over_digits(lexer, ptr + 1);
        is_integer = false;
    }
    const uint8_t *end = over_exponent(lexer, ptr);
    if (is_integer && end < lexer->end && is_word(*end))
        return false;
    lexer->token.kind = DDL_TOKEN_NUMBER;
    lexer->token.text = slice_of(lexer->ptr, (size_t)(end - lexer->ptr));
    lexer->ptr = end;
    return true;
}

static void read_word(struct ddl_lexer *lexer)
{
    const uint8_t *start = lexer->ptr;
    while (lexer->ptr < lexer->end && is_word(*lexer->ptr))
        lexer->ptr++;
    lexer->token.kind = DDL_TOKEN_WORD;
    lexer->token.text = slice_of(start, (size_t)(lexer->ptr - start));
}

static void read_mark(struct ddl_lexer *lexer)
{
    lexer->token.kind = DDL_TOKEN_MARK;
    lexer->token.text = slice_of(lexer->ptr, 1);
    lexer->ptr++;
}

void ddl_lexer_next(struct ddl_lexer *lexer)
{
    bool was_name = lexer->token.kind == DDL_TOKEN_WORD || lexer->token.kind == DDL_TOKEN_QUOTED;
    bool after_dot = lexer->after_dot;
    lexer->after_dot = false;
    if (lexer->token.kind == DDL_TOKEN_BROKEN)
        return;
    const uint8_t *behind = lexer->ptr;
    skip_blank(lexer);
    was_name = was_name && lexer->ptr == behind; /* DEFAULT .5 is no name and its column */
    lexer->token = (struct ddl_token){.offset = (size_t)(lexer->ptr - lexer->begin)};
    if (lexer->ptr == lexer->end)
        return;
    uint8_t c = *lexer->ptr;
    if (c == '`' || c == '"' || c == '\'') {
        read_quoted(lexer);
    } else if ((c == 'n' || c == 'N') && peek(lexer, 1) == '\'') {
        lexer->ptr++;
        read_quoted(lexer);
        lexer->token.is_national = true;
    } else if (is_word(c)) {
        if (!after_dot && (read_quoted_digits(lexer) || (is_digit(c) && read_number(lexer))))
            return;
        read_word(lexer);
    } else if (c == '.' && is_digit(peek(lexer, 1)) && !was_name) {
        if (!read_number(lexer))
            read_mark(lexer);
    } else {
        read_mark(lexer);
        lexer->after_dot = c == '.' && was_name;
    }
}

void ddl_lexer_init(struct ddl_lexer *lexer, struct slice text, uint64_t sql_mode, uint32_t version,
                    bool is_mariadb)
{
    static const uint8_t nothing[1];
    const uint8_t *begin = text.len == 0 ? nothing : text.ptr;
    *lexer = (struct ddl_lexer){.begin = begin,
                                .ptr = begin,
                                .end = begin + text.len,
                                .sql_mode = sql_mode,
                                .version = version,
                                .is_mariadb = is_mariadb};
    ddl_lexer_next(lexer);
}

struct slice ddl_token_name(const struct ddl_token *token, struct arena *arena)
{
    struct slice text = token->text;
    if (token->kind != DDL_TOKEN_QUOTED || text.len == 0 ||
        memchr(text.ptr, token->quote, text.len) == NULL)
        return arena_copy(arena, text);
    uint8_t *to = arena_alloc(arena, text.len);
    if (to == NULL)
        return SLICE_EMPTY;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        to[len++] = text.ptr[i];
        if (text.ptr[i] == token->quote)
            i++;
    }
    return slice_of(to, len);
}

/* What stands for a backslash and the character behind it; \% and \_ keep the backslash. */
static size_t unescape(uint8_t c, uint8_t *to)
{
    static const struct {
        uint8_t letter;
        uint8_t means;
    } escapes[] = {{'0', 0}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'b', '\b'}, {'Z', 0x1a}};
    for (unsigned i = 0; i < COUNT_OF(escapes); i++) {
        if (escapes[i].letter == c) {
            *to = escapes[i].means;
            return 1;
        }
    }
    size_t len = 0;
    if (c == '%' || c == '_')
        to[len++] = '\\';
    to[len++] = c;
    return len;
}

struct slice ddl_token_string(const struct ddl_token *token, uint64_t sql_mode, struct arena *arena)
{
    struct slice text = token->text;
    bool has_escapes = (sql_mode & DDL_MODE_NO_BACKSLASH_ESCAPES) == 0;
    uint8_t *to = arena_alloc(arena, text.len + 1);
    if (to == NULL)
        return SLICE_EMPTY;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (has_escapes && text.ptr[i] == '\\' && i + 1 < text.len) {
            len += unescape(text.ptr[++i], to + len);
            continue;
        }
        to[len++] = text.ptr[i];
        if (text.ptr[i] == token->quote)
            i++;
    }
    return slice_of(to, len);
}

struct slice ddl_token_bytes(const struct ddl_token *token, struct arena *arena)
{
    unsigned bits_each = token->kind == DDL_TOKEN_HEX ? 4 : 1;
    unsigned digits_each = 8 / bits_each;
    size_t len = (token->text.len + digits_each - 1) / digits_each;
    uint8_t *to = arena_alloc(arena, len + 1);
    if (to == NULL)
        return SLICE_EMPTY;
    for (size_t i = 0; i < token->text.len; i++) {
        size_t from_end = token->text.len - 1 - i;
        uint8_t *byte = &to[len - 1 - from_end / digits_each];
        *byte = (uint8_t)(*byte << bits_each | text_hex_value(token->text.ptr[i]));
    }
    return slice_of(to, len);
}
