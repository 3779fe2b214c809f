/* SPDX-License-Identifier: Apache-2.0 */
#include "json_path_int.h"

/* What is left of the path, and where names without their escapes go. */
struct reader {
    const uint8_t *ptr;
    const uint8_t *end;
    struct arena *arena;
    bool out_of_memory;
};

static bool take_byte(struct reader *reader, uint8_t byte)
{
    if (reader->ptr == reader->end || *reader->ptr != byte)
        return false;
    reader->ptr++;
    return true;
}

static bool take_word(struct reader *reader, struct slice word)
{
    if ((size_t)(reader->end - reader->ptr) < word.len ||
        !slice_equal(slice_of(reader->ptr, word.len), word))
        return false;
    reader->ptr += word.len;
    return true;
}

static bool take_number(struct reader *reader, uint32_t *number)
{
    uint64_t value = 0;
    const uint8_t *start = reader->ptr;
    while (reader->ptr < reader->end && *reader->ptr >= '0' && *reader->ptr <= '9') {
        value = value * 10 + (uint64_t)(*reader->ptr++ - '0');
        if (value > UINT32_MAX)
            return false;
    }
    *number = (uint32_t)value;
    return reader->ptr > start;
}

static bool take_element(struct reader *reader, struct json_path_leg *leg)
{
    bool whole = true;
    leg->from_end = take_word(reader, SLICE("last"));
    if (!leg->from_end || take_byte(reader, '-'))
        whole = take_number(reader, &leg->index);
    return whole && take_byte(reader, ']');
}

/* A name that is not quoted ends where the next leg begins. */
static bool take_identifier(struct reader *reader, struct slice *name)
{
    const uint8_t *start = reader->ptr;
    while (reader->ptr < reader->end && *reader->ptr != '.' && *reader->ptr != '[') {
        uint8_t byte = *reader->ptr++;
        if (byte <= ' ' || byte == '"' || byte == '*' || byte == '\\' || byte == ']')
            return false;
    }
    *name = slice_of(start, (size_t)(reader->ptr - start));
    return name->len > 0;
}

static bool take_hex4(struct reader *reader, uint32_t *code)
{
    *code = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (reader->ptr == reader->end)
            return false;
        uint8_t byte = *reader->ptr++;
        uint8_t lower = byte | 0x20;
        if (byte >= '0' && byte <= '9')
            *code = *code << 4 | (uint32_t)(byte - '0');
        else if (lower >= 'a' && lower <= 'f')
            *code = *code << 4 | (uint32_t)(lower - 'a' + 10);
        else
            return false;
    }
    return true;
}

/* \uXXXX behind its "\u", and the second half of a pair; at most four bytes at `out`. */
static bool take_code_point(struct reader *reader, uint8_t *out, size_t *len)
{
    uint32_t code;
    if (!take_hex4(reader, &code))
        return false;
    if (code >= 0xd800 && code < 0xdc00) {
        uint32_t low;
        if (!take_word(reader, SLICE("\\u")) || !take_hex4(reader, &low) || low < 0xdc00 ||
            low > 0xdfff)
            return false;
        code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
    } else if (code >= 0xdc00 && code <= 0xdfff) {
        return false;
    }
    unsigned tail = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    out[(*len)++] = (uint8_t)(leads[tail] | code >> (6 * tail));
    for (unsigned i = tail; i > 0; i--)
        out[(*len)++] = (uint8_t)(0x80 | (code >> (6 * (i - 1)) & 0x3f));
    return true;
}

static bool take_escape(struct reader *reader, uint8_t *out, size_t *len)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (reader->ptr == reader->end)
        return false;
    uint8_t letter = *reader->ptr++;
    if (letter == 'u')
        return take_code_point(reader, out, len);
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    if (found == NULL)
        return false;
    out[(*len)++] = (uint8_t)meanings[found - letters];
    return true;
}

/* Behind the opening quote. An escape is never shorter than what it means. */
static bool take_quoted(struct reader *reader, struct slice *name)
{
    const uint8_t *start = reader->ptr;
    while (reader->ptr < reader->end && *reader->ptr != '"' && *reader->ptr != '\\')
        reader->ptr++;
    *name = slice_of(start, (size_t)(reader->ptr - start));
    if (take_byte(reader, '"'))
        return true;
    uint8_t *out = arena_alloc(reader->arena, (size_t)(reader->end - start));
    reader->out_of_memory = out == NULL;
    if (out == NULL)
        return false;
    size_t len = name->len;
    if (len > 0)
        memcpy(out, start, len);
    while (reader->ptr < reader->end && *reader->ptr != '"') {
        uint8_t byte = *reader->ptr++;
        if (byte != '\\')
            out[len++] = byte;
        else if (!take_escape(reader, out, &len))
            return false;
    }
    *name = slice_of(out, len);
    return take_byte(reader, '"');
}

static bool take_leg(struct reader *reader, struct json_path_leg *leg)
{
    *leg = (struct json_path_leg){0};
    if (take_byte(reader, '['))
        return take_element(reader, leg);
    if (!take_byte(reader, '.'))
        return false;
    leg->is_member = true;
    return take_byte(reader, '"') ? take_quoted(reader, &leg->name)
                                  : take_identifier(reader, &leg->name);
}

enum rc json_path_parse(struct slice text, struct arena *arena, struct json_path *path,
                        struct error *err)
{
    enum { SHOWN = 100 };
    struct reader reader = {.ptr = text.ptr, .end = text.ptr + text.len, .arena = arena};
    path->leg_count = 0;
    bool whole = text_is_utf8(text) && take_byte(&reader, '$');
    while (whole && reader.ptr < reader.end) {
        whole = path->leg_count < JSON_DEPTH_MAX && take_leg(&reader, &path->legs[path->leg_count]);
        path->leg_count += whole;
    }
    if (whole)
        return RC_OK;
    if (reader.out_of_memory)
        return error_set(err, RC_MEMORY, "There is no memory for a JSON path of %zu bytes.",
                         text.len);
    size_t shown = text.len < SHOWN && text_is_utf8(text) ? text.len : 0;
    return error_set(err, RC_CORRUPT, "'%.*s' is no path of a change to a JSON document.",
                     (int)shown, (const char *)text.ptr);
}
