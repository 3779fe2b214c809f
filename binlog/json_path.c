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

static bool take_escape(struct reader *reader, uint8_t *out, size_t *len)
{
    unsigned added = 0;
    size_t taken = json_unescape(reader->ptr, reader->end, out + *len, &added);
    reader->ptr += taken;
    *len += added;
    return taken > 0;
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
