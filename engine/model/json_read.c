/* SPDX-License-Identifier: Apache-2.0 */
#include "json_read.h"

#include "../base/text.h"

struct reader {
    const uint8_t *ptr;
    const uint8_t *end;
};

static void skip_space(struct reader *reader)
{
    while (reader->ptr < reader->end && (*reader->ptr == ' ' || *reader->ptr == '\t' ||
                                         *reader->ptr == '\n' || *reader->ptr == '\r'))
        reader->ptr++;
}

static bool take(struct reader *reader, uint8_t byte)
{
    skip_space(reader);
    if (reader->ptr == reader->end || *reader->ptr != byte)
        return false;
    reader->ptr++;
    return true;
}

/* A string, from its first quote to its last. */
static bool take_string(struct reader *reader, struct slice *written)
{
    skip_space(reader);
    const uint8_t *begin = reader->ptr;
    if (!take(reader, '"'))
        return false;
    for (; reader->ptr < reader->end; reader->ptr++) {
        if (*reader->ptr == '\\') {
            if (++reader->ptr == reader->end)
                return false;
        } else if (*reader->ptr == '"') {
            reader->ptr++;
            *written = slice_of(begin, (size_t)(reader->ptr - begin));
            return true;
        }
    }
    return false;
}

/* Up to the comma or bracket behind the value. */
static bool take_value(struct reader *reader, struct slice *written)
{
    skip_space(reader);
    const uint8_t *begin = reader->ptr;
    struct slice inner;
    unsigned depth = 0;
    while (reader->ptr < reader->end) {
        uint8_t byte = *reader->ptr;
        if (byte == '"') {
            if (!take_string(reader, &inner))
                return false;
            continue;
        }
        bool closes = byte == '}' || byte == ']';
        if (depth == 0 && (byte == ',' || closes))
            break;
        depth += byte == '{' || byte == '[';
        depth -= closes;
        reader->ptr++;
    }
    *written = slice_trim(slice_of(begin, (size_t)(reader->ptr - begin)));
    return depth == 0 && written->len > 0;
}

bool json_member(struct slice object, const char *name, struct slice *value_out)
{
    struct reader reader = {object.ptr, object.ptr + object.len};
    *value_out = SLICE_EMPTY;
    if (!take(&reader, '{'))
        return false;
    if (take(&reader, '}')) {
        skip_space(&reader);
        return reader.ptr == reader.end;
    }
    do {
        struct slice key;
        struct slice value;
        if (!take_string(&reader, &key) || !take(&reader, ':') || !take_value(&reader, &value))
            return false;
        if (slice_equal(slice_of(key.ptr + 1, key.len - 2), slice_str(name)))
            *value_out = value;
    } while (take(&reader, ','));
    if (!take(&reader, '}'))
        return false;
    skip_space(&reader);
    return reader.ptr == reader.end;
}

static struct slice rest_of(const struct reader *reader)
{
    return slice_of(reader->ptr, (size_t)(reader->end - reader->ptr));
}

bool json_next_member(struct slice *rest, struct slice *name_out, struct slice *value_out)
{
    struct reader reader = {rest->ptr, rest->ptr + rest->len};
    bool found = (take(&reader, '{') || take(&reader, ',')) && take_string(&reader, name_out) &&
                 take(&reader, ':') && take_value(&reader, value_out);
    *rest = rest_of(&reader);
    return found;
}

bool json_next_element(struct slice *rest, struct slice *value_out)
{
    struct reader reader = {rest->ptr, rest->ptr + rest->len};
    bool found = (take(&reader, '[') || take(&reader, ',')) && take_value(&reader, value_out);
    *rest = rest_of(&reader);
    return found;
}

static bool hex4(const uint8_t *ptr, const uint8_t *end, uint32_t *code_out)
{
    enum { DIGITS = 4 };
    *code_out = 0;
    for (unsigned i = 0; i < DIGITS; i++) {
        int value = end - ptr >= DIGITS ? text_hex_value(ptr[i]) : -1;
        if (value < 0)
            return false;
        *code_out = *code_out << 4 | (uint32_t)value;
    }
    return true;
}

/* Behind "\u": one code, or the two halves of one. Half of one is no text. */
static size_t unescape_code(const uint8_t *ptr, const uint8_t *end, uint8_t *out, unsigned *len_out)
{
    enum { ONE = 4, PAIR = 10 };
    uint32_t code;
    uint32_t low;
    if (!hex4(ptr, end, &code) || (code >= 0xdc00 && code < 0xe000))
        return 0;
    if (code < 0xd800 || code >= 0xe000) {
        *len_out = text_put_utf8(out, code);
        return ONE;
    }
    if (end - ptr < PAIR || ptr[4] != '\\' || ptr[5] != 'u' || !hex4(ptr + 6, end, &low) ||
        low < 0xdc00 || low >= 0xe000)
        return 0;
    *len_out = text_put_utf8(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
    return PAIR;
}

size_t json_unescape(const uint8_t *ptr, const uint8_t *end, uint8_t *out, unsigned *len_out)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (ptr == end || *ptr == '\0')
        return 0;
    if (*ptr == 'u') {
        size_t taken = unescape_code(ptr + 1, end, out, len_out);
        return taken == 0 ? 0 : taken + 1;
    }
    const char *found = strchr(letters, *ptr);
    if (found == NULL)
        return 0;
    *out = (uint8_t)meanings[found - letters];
    *len_out = 1;
    return 1;
}

bool json_string_text(struct slice written, struct buf *out)
{
    if (written.len < 2 || written.ptr[0] != '"' || written.ptr[written.len - 1] != '"')
        return false;
    const uint8_t *end = written.ptr + written.len - 1;
    for (const uint8_t *ptr = written.ptr + 1; ptr < end; ptr++) {
        if (*ptr != '\\') {
            buf_add_byte(out, *ptr);
            continue;
        }
        uint8_t text[4];
        unsigned len;
        size_t taken = json_unescape(ptr + 1, end, text, &len);
        if (taken == 0)
            return false;
        buf_add(out, text, len);
        ptr += taken;
    }
    return true;
}
