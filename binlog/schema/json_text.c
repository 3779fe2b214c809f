/* SPDX-License-Identifier: Apache-2.0 */
#include "json_text_int.h"

struct json_text json_text_of(struct slice text, struct arena *arena)
{
    return (struct json_text){.ptr = text.ptr, .end = text.ptr + text.len, .arena = arena};
}

static void skip_blank(struct json_text *text)
{
    while (text->ptr < text->end &&
           (*text->ptr == ' ' || *text->ptr == '\t' || *text->ptr == '\n' || *text->ptr == '\r'))
        text->ptr++;
}

/* Passes over the mark, or fails. */
static void take(struct json_text *text, char mark)
{
    skip_blank(text);
    if (!text->failed && text->ptr < text->end && *text->ptr == (uint8_t)mark)
        text->ptr++;
    else
        text->failed = true;
}

static bool accept(struct json_text *text, char mark)
{
    skip_blank(text);
    if (text->failed || text->ptr == text->end || *text->ptr != (uint8_t)mark)
        return false;
    text->ptr++;
    return true;
}

void json_text_enter(struct json_text *text, char mark)
{
    take(text, mark);
}

bool json_text_item(struct json_text *text, bool *first)
{
    if (text->failed || accept(text, ']'))
        return false;
    if (!*first)
        take(text, ',');
    *first = false;
    return !text->failed;
}

bool json_text_member(struct json_text *text, bool *first, struct slice *name_out)
{
    if (text->failed || accept(text, '}'))
        return false;
    if (!*first)
        take(text, ',');
    *first = false;
    *name_out = json_text_string(text);
    take(text, ':');
    return !text->failed;
}

static uint32_t hex_digit(struct json_text *text)
{
    uint8_t c = text->ptr < text->end ? *text->ptr : 0;
    if (c >= '0' && c <= '9')
        c = (uint8_t)(c - '0');
    else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        c = (uint8_t)((c | 0x20) - 'a' + 10);
    else
        text->failed = true;
    text->ptr += !text->failed;
    return c;
}

static uint32_t hex_unit(struct json_text *text)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4 && !text->failed; i++)
        unit = unit << 4 | hex_digit(text);
    return unit;
}

static size_t put_utf8(uint8_t *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (uint8_t)(heads[len] | code);
    return len;
}

/* Behind "\u". A pair of surrogates is one character; half of one is no text. */
static size_t unicode_escape(struct json_text *text, uint8_t *out)
{
    uint32_t code = hex_unit(text);
    if (code >= 0xd800 && code < 0xdc00) {
        take(text, '\\');
        take(text, 'u');
        uint32_t low = hex_unit(text);
        text->failed = text->failed || low < 0xdc00 || low > 0xdfff;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
        text->failed = true;
    }
    return text->failed ? 0 : put_utf8(out, code);
}

static size_t escape(struct json_text *text, uint8_t *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    uint8_t c = text->ptr < text->end ? *text->ptr++ : 0;
    if (c == 'u')
        return unicode_escape(text, out);
    const char *found = c == 0 ? NULL : strchr(from, c);
    text->failed = text->failed || found == NULL;
    if (text->failed)
        return 0;
    out[0] = (uint8_t)to[found - from];
    return 1;
}

struct slice json_text_string(struct json_text *text)
{
    take(text, '"');
    if (text->failed)
        return SLICE_EMPTY;
    const uint8_t *close = text->ptr;
    while (close < text->end && *close != '"')
        close += *close == '\\' && text->end - close > 1 ? 2 : 1;
    if (close >= text->end) {
        text->failed = true;
        return SLICE_EMPTY;
    }
    /* An escape is never shorter than what it stands for. */
    uint8_t *out = arena_alloc(text->arena, (size_t)(close - text->ptr));
    if (out == NULL) {
        text->failed = true;
        text->no_memory = true;
        return SLICE_EMPTY;
    }
    size_t len = 0;
    while (text->ptr < close && !text->failed) {
        uint8_t c = *text->ptr++;
        if (c == '\\')
            len += escape(text, out + len);
        else if (c < ' ')
            text->failed = true;
        else
            out[len++] = c;
    }
    struct slice value = slice_of(out, len);
    text->failed = text->failed || text->ptr != close || !text_is_utf8(value);
    if (text->failed)
        return SLICE_EMPTY;
    text->ptr++;
    return value;
}

uint64_t json_text_number(struct json_text *text)
{
    skip_blank(text);
    const uint8_t *start = text->ptr;
    while (text->ptr < text->end && *text->ptr >= '0' && *text->ptr <= '9')
        text->ptr++;
    uint64_t value = 0;
    if (!text_parse_u64(slice_of(start, (size_t)(text->ptr - start)), &value))
        text->failed = true;
    return text->failed ? 0 : value;
}

static bool accept_word(struct json_text *text, struct slice word)
{
    if ((size_t)(text->end - text->ptr) < word.len || memcmp(text->ptr, word.ptr, word.len) != 0)
        return false;
    text->ptr += word.len;
    return true;
}

bool json_text_bool(struct json_text *text)
{
    skip_blank(text);
    if (!text->failed && accept_word(text, SLICE("true")))
        return true;
    if (!text->failed && !accept_word(text, SLICE("false")))
        text->failed = true;
    return false;
}

/* What lies between is not judged: strings are passed over whole, and marks are counted. */
void json_text_skip(struct json_text *text)
{
    size_t depth = 0;
    do {
        skip_blank(text);
        if (text->failed || text->ptr == text->end) {
            text->failed = true;
            return;
        }
        uint8_t c = *text->ptr;
        if (c == '"') {
            json_text_string(text);
        } else if (c == '{' || c == '[') {
            depth++;
            text->ptr++;
        } else if (c == '}' || c == ']') {
            if (depth-- == 0) {
                text->failed = true;
                return;
            }
            text->ptr++;
        } else if (c == ',' || c == ':') {
            text->failed = depth == 0;
            text->ptr++;
        } else {
            while (text->ptr < text->end && strchr(",:{}[]\" \t\r\n", *text->ptr) == NULL)
                text->ptr++;
            /* A NUL byte is in every set of strchr. */
            if (text->ptr < text->end && *text->ptr == 0)
                text->failed = true;
        }
    } while (depth > 0);
}

bool json_text_at_end(struct json_text *text)
{
    skip_blank(text);
    return !text->failed && text->ptr == text->end;
}
