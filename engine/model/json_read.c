/* SPDX-License-Identifier: Apache-2.0 */
#include "json_read.h"

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

static bool hex4(const uint8_t *ptr, const uint8_t *end, uint32_t *value_out)
{
    uint32_t value = 0;
    if (end - ptr < 4)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t byte = ptr[i];
        uint8_t lower = byte | 0x20;
        if (byte >= '0' && byte <= '9')
            value = value << 4 | (uint32_t)(byte - '0');
        else if (lower >= 'a' && lower <= 'f')
            value = value << 4 | (uint32_t)(lower - 'a' + 10);
        else
            return false;
    }
    *value_out = value;
    return true;
}

static void add_utf8(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_add_byte(out, (uint8_t)code);
    } else if (code < 0x800) {
        buf_add_byte(out, (uint8_t)(0xc0 | code >> 6));
        buf_add_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        buf_add_byte(out, (uint8_t)(0xe0 | code >> 12));
        buf_add_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        buf_add_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
    } else {
        buf_add_byte(out, (uint8_t)(0xf0 | code >> 18));
        buf_add_byte(out, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
        buf_add_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        buf_add_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
    }
}

/* Behind "\u": one code, or the two halves of one. Gives how many bytes it took; 0: it is none. */
static size_t unescape_code(const uint8_t *ptr, const uint8_t *end, struct buf *out)
{
    uint32_t code;
    uint32_t low;
    if (!hex4(ptr, end, &code) || (code >= 0xdc00 && code < 0xe000))
        return 0;
    if (code < 0xd800 || code >= 0xe000) {
        add_utf8(out, code);
        return 4;
    }
    if (end - ptr < 10 || ptr[4] != '\\' || ptr[5] != 'u' || !hex4(ptr + 6, end, &low) ||
        low < 0xdc00 || low >= 0xe000)
        return 0;
    add_utf8(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
    return 10;
}

bool json_string_text(struct slice written, struct buf *out)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    if (written.len < 2 || written.ptr[0] != '"' || written.ptr[written.len - 1] != '"')
        return false;
    const uint8_t *end = written.ptr + written.len - 1;
    for (const uint8_t *ptr = written.ptr + 1; ptr < end; ptr++) {
        if (*ptr != '\\') {
            buf_add_byte(out, *ptr);
            continue;
        }
        if (++ptr == end)
            return false;
        const char *escape = *ptr == 'u' ? NULL : strchr(escapes, *ptr);
        if (*ptr == 'u') {
            size_t taken = unescape_code(ptr + 1, end, out);
            if (taken == 0)
                return false;
            ptr += taken;
        } else if (*ptr != '\0' && escape != NULL) {
            buf_add_byte(out, (uint8_t)values[escape - escapes]);
        } else {
            return false;
        }
    }
    return true;
}
