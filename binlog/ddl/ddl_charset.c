/* SPDX-License-Identifier: Apache-2.0 */
/* Names and defaults of charsets by version; told in ddl_charset_int.h. */
#include "ddl_charset_int.h"

/* The default collation of each charset behind "<charset>_"; NULL: the charset's own name. Those of
 * newer servers are in newer_default. */
static const char *const default_collations[CHARSET_COUNT] = {
    [CHARSET_ARMSCII8] = "general_ci", [CHARSET_ASCII] = "general_ci",
    [CHARSET_BIG5] = "chinese_ci",     [CHARSET_CP1250] = "general_ci",
    [CHARSET_CP1251] = "general_ci",   [CHARSET_CP1256] = "general_ci",
    [CHARSET_CP1257] = "general_ci",   [CHARSET_CP850] = "general_ci",
    [CHARSET_CP852] = "general_ci",    [CHARSET_CP866] = "general_ci",
    [CHARSET_CP932] = "japanese_ci",   [CHARSET_DEC8] = "swedish_ci",
    [CHARSET_EUCJPMS] = "japanese_ci", [CHARSET_EUCKR] = "korean_ci",
    [CHARSET_GB18030] = "chinese_ci",  [CHARSET_GB2312] = "chinese_ci",
    [CHARSET_GBK] = "chinese_ci",      [CHARSET_GEOSTD8] = "general_ci",
    [CHARSET_GREEK] = "general_ci",    [CHARSET_HEBREW] = "general_ci",
    [CHARSET_HP8] = "english_ci",      [CHARSET_KEYBCS2] = "general_ci",
    [CHARSET_KOI8R] = "general_ci",    [CHARSET_KOI8U] = "general_ci",
    [CHARSET_LATIN1] = "swedish_ci",   [CHARSET_LATIN2] = "general_ci",
    [CHARSET_LATIN5] = "turkish_ci",   [CHARSET_LATIN7] = "general_ci",
    [CHARSET_MACCE] = "general_ci",    [CHARSET_MACROMAN] = "general_ci",
    [CHARSET_SJIS] = "japanese_ci",    [CHARSET_SWE7] = "swedish_ci",
    [CHARSET_TIS620] = "thai_ci",      [CHARSET_UCS2] = "general_ci",
    [CHARSET_UJIS] = "japanese_ci",    [CHARSET_UTF16] = "general_ci",
    [CHARSET_UTF16LE] = "general_ci",  [CHARSET_UTF32] = "general_ci",
    [CHARSET_UTF8MB3] = "general_ci",  [CHARSET_UTF8MB4] = "general_ci",
};

static const char *newer_default(const struct ddl_context *context, enum charset_id id)
{
    if (!context->is_mariadb)
        return id == CHARSET_UTF8MB4 && context->version >= 80001 ? "0900_ai_ci" : NULL;
    if (context->version < 110500 || context->default_collations_said)
        return NULL;
    bool is_unicode = id == CHARSET_UTF8MB3 || id == CHARSET_UTF8MB4 || id == CHARSET_UCS2 ||
                      id == CHARSET_UTF16 || id == CHARSET_UTF32;
    return is_unicode ? "uca1400_ai_ci" : NULL;
}

static bool shows_utf8mb3(const struct ddl_context *context, bool is_collation)
{
    if (context->is_mariadb)
        return context->version >= 100600;
    return context->version >= (is_collation ? 80030U : 80029U);
}

static struct slice shown_charset(const struct ddl_context *context, const struct charset *charset,
                                  bool in_collation)
{
    if (charset->id == CHARSET_UTF8MB3 && !shows_utf8mb3(context, in_collation))
        return SLICE("utf8");
    return charset->name;
}

/* `ending`: what follows "<charset>_"; empty: nothing does. */
static void make_collation(struct ddl_parser *parser, const struct charset *charset,
                           struct slice ending, struct ddl_collation *to)
{
    struct slice prefix = shown_charset(parser->context, charset, true);
    *to = (struct ddl_collation){
        .charset = shown_charset(parser->context, charset, false),
        .collation = prefix,
        .bytes = charset,
        .char_bytes_max = charset->char_bytes_max,
        .char_bytes_min = 1,
        .is_binary = charset->id == CHARSET_BINARY,
    };
    if (charset->id == CHARSET_UTF32)
        to->char_bytes_min = 4;
    else if (charset->id == CHARSET_UCS2 || charset->id == CHARSET_UTF16 ||
             charset->id == CHARSET_UTF16LE)
        to->char_bytes_min = 2;
    if (ending.len == 0)
        return;
    struct slice name = ddl_format(parser, "%.*s_%.*s", SLICE_ARG(prefix), SLICE_ARG(ending));
    uint8_t *lower = ddl_alloc(parser, name.len + 1);
    if (lower == NULL)
        return;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        lower[i] = (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    to->collation = slice_of(lower, name.len);
}

/* Charset names in any case. */
static const struct charset *find_charset(struct slice name)
{
    if (slice_equal_nocase(name, SLICE("utf8")))
        return charset_get(CHARSET_UTF8MB3);
    for (enum charset_id id = CHARSET_NONE + 1; id < CHARSET_COUNT; id++) {
        const struct charset *charset = charset_get(id);
        if (slice_equal_nocase(charset->name, name))
            return charset;
    }
    return NULL;
}

/* The charset before the first underscore, and what follows it. */
static const struct charset *split_collation(struct slice name, struct slice *ending)
{
    size_t len = 0;
    while (len < name.len && name.ptr[len] != '_')
        len++;
    *ending = len < name.len ? slice_of(name.ptr + len + 1, name.len - len - 1) : SLICE_EMPTY;
    return find_charset(slice_of(name.ptr, len));
}

bool ddl_collation_by_name(struct ddl_parser *parser, struct slice name,
                           struct ddl_collation *collation_out)
{
    *collation_out = (struct ddl_collation){0};
    if (name.len == 0)
        return false;
    struct slice ending;
    const struct charset *charset = split_collation(name, &ending);
    if (charset == NULL || (ending.len == 0 && charset->id != CHARSET_BINARY))
        return false;
    make_collation(parser, charset, ending, collation_out);
    return true;
}

bool ddl_collation_of_charset(struct ddl_parser *parser, struct slice name,
                              struct ddl_collation *collation_out)
{
    *collation_out = (struct ddl_collation){0};
    const struct charset *charset = find_charset(name);
    if (charset == NULL)
        return false;
    const struct ddl_context *context = parser->context;
    for (uint32_t i = 0; i < context->default_collation_count; i++) {
        struct slice ending;
        if (split_collation(context->default_collations[i], &ending) == charset)
            return ddl_collation_by_name(parser, context->default_collations[i], collation_out);
    }
    const char *ending = newer_default(context, charset->id);
    if (ending == NULL)
        ending = default_collations[charset->id];
    make_collation(parser, charset, slice_str(ending), collation_out);
    return true;
}

/* A collation by its name alone, or (MariaDB: uca1400_ai_ci) by its name for any charset. */
static bool collation_in_context(struct ddl_parser *parser, struct slice name,
                                 const struct ddl_collation *base, struct ddl_collation *to)
{
    if (slice_starts_nocase(name, SLICE("uca1400_"))) {
        if (base->bytes == NULL)
            return false;
        make_collation(parser, base->bytes, name, to);
        return true;
    }
    return ddl_collation_by_name(parser, name, to);
}

void ddl_charset_unreadable(struct ddl_parser *parser)
{
    ddl_unreadable(parser,
                   "A text column has no charset of its own, and the default charset of its "
                   "table is not known.");
}

/* As wide as can be, so that nothing is cut that may fit. */
static struct ddl_collation unknown_collation(struct ddl_parser *parser)
{
    struct ddl_collation collation;
    bool is_known = ddl_collation_by_name(parser, SLICE("utf8mb4_bin"), &collation);
    ASSERT(is_known);
    collation.charset = SLICE_EMPTY;
    collation.collation = SLICE_EMPTY;
    collation.is_unknown = true;
    return collation;
}

struct ddl_collation ddl_collation_resolve(struct ddl_parser *parser,
                                           const struct ddl_charset_clause *clause,
                                           const struct ddl_collation *fallback)
{
    struct ddl_collation base = *fallback;
    if (clause->charset.len > 0 && !ddl_collation_of_charset(parser, clause->charset, &base)) {
        ddl_unreadable(parser, "The charset %.*s is not known.", SLICE_ARG(clause->charset));
        return base;
    }
    if (clause->collation.len > 0) {
        struct ddl_collation named;
        if (slice_equal_nocase(clause->collation, SLICE("DEFAULT")))
            return base;
        if (!collation_in_context(parser, clause->collation, &base, &named))
            ddl_unreadable(parser, "The collation %.*s is not known.",
                           SLICE_ARG(clause->collation));
        return named;
    }
    if (base.bytes == NULL && parser->context->unknown_charsets)
        return unknown_collation(parser);
    if (base.bytes == NULL) {
        ddl_charset_unreadable(parser);
        return base;
    }
    if (clause->is_binary_sorted && !base.is_binary)
        make_collation(parser, base.bytes, SLICE("bin"), &base);
    return base;
}

struct ddl_collation ddl_database_collation(struct ddl_parser *parser, struct slice db)
{
    struct ddl_collation collation = {0};
    struct slice name = SLICE_EMPTY;
    if (parser->lookup->database != NULL)
        name = parser->lookup->database(parser->lookup->ctx, db);
    if (name.len == 0 && slice_equal(db, parser->context->db))
        name = parser->context->db_collation;
    (void)ddl_collation_by_name(parser, name, &collation);
    return collation;
}

/* A word, a name in quotes or a text, as a charset's or collation's name. */
static struct slice read_set_name(struct ddl_parser *parser)
{
    if (parser->lexer.token.kind == DDL_TOKEN_STRING)
        return ddl_read_string(parser);
    return ddl_read_name(parser);
}

static bool at_charset(struct ddl_parser *parser)
{
    if (ddl_accept(parser, "CHARSET"))
        return true;
    return ddl_accept_pair(parser, "CHARACTER", "SET") || ddl_accept_pair(parser, "CHAR", "SET");
}

bool ddl_accept_charset(struct ddl_parser *parser, struct ddl_charset_clause *clause)
{
    if (!at_charset(parser))
        return false;
    (void)ddl_accept_mark(parser, '=');
    clause->is_default = ddl_accept(parser, "DEFAULT");
    clause->charset = clause->is_default ? SLICE_EMPTY : read_set_name(parser);
    return true;
}

bool ddl_accept_collate(struct ddl_parser *parser, struct ddl_charset_clause *clause)
{
    if (!ddl_accept(parser, "COLLATE"))
        return false;
    (void)ddl_accept_mark(parser, '=');
    clause->collation = read_set_name(parser);
    return true;
}

struct slice ddl_bytes_to_text(struct ddl_parser *parser, const struct charset *charset,
                               struct slice bytes)
{
    struct buf scratch;
    struct slice text = SLICE_EMPTY;
    buf_init(&scratch, 4 * bytes.len + 16);
    if (charset == NULL || charset->id == CHARSET_BINARY)
        text = text_is_utf8(bytes) ? bytes : SLICE_EMPTY;
    else if (charset_to_utf8(charset, bytes, &scratch, &text) != RC_OK)
        text = SLICE_EMPTY;
    if (text.ptr != NULL || (bytes.len == 0))
        text = ddl_copy(parser, text);
    buf_deinit(&scratch);
    return text;
}
