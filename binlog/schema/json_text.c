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

static size_t escape(struct json_text *text, uint8_t *out)
{
    unsigned len = 0;
    size_t taken = json_unescape(text->ptr, text->end, out, &len);
    text->ptr += taken;
    text->failed = taken == 0;
    return len;
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
