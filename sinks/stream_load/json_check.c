/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON recogniser without recursion: a bit a level says whether an object or an array is open. */
#include "json_check_int.h"

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    unsigned depth;
    uint64_t is_object[JSON_CHECK_DEPTH_MAX / 64]; /* bit d: level d is an object */
};

/* The next byte, or 0 at the end; a NUL is never right in JSON either. */
static uint8_t peek(const struct reader *reader)
{
    return reader->at < reader->end ? *reader->at : 0;
}

static uint8_t peek_token(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\n' || *reader->at == '\r'))
        reader->at++;
    return peek(reader);
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool read_digits(struct reader *reader)
{
    const uint8_t *first = reader->at;
    while (is_digit(peek(reader)))
        reader->at++;
    return reader->at > first;
}

static bool read_number(struct reader *reader)
{
    if (peek(reader) == '-')
        reader->at++;
    if (peek(reader) == '0')
        reader->at++;
    else if (!read_digits(reader))
        return false;
    if (peek(reader) == '.') {
        reader->at++;
        if (!read_digits(reader))
            return false;
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        reader->at++;
        if (peek(reader) == '+' || peek(reader) == '-')
            reader->at++;
        return read_digits(reader);
    }
    return true;
}

static bool read_escape(struct reader *reader)
{
    uint8_t kind = peek(reader);
    if (kind == 0)
        return false;
    reader->at++;
    if (kind != 'u')
        return strchr("\"\\/bfnrt", kind) != NULL;
    for (unsigned i = 0; i < 4; i++, reader->at++) {
        uint8_t byte = peek(reader);
        bool is_hex =
            is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
        if (!is_hex)
            return false;
    }
    return true;
}

static bool read_string(struct reader *reader)
{
    if (peek(reader) != '"')
        return false;
    reader->at++;
    while (reader->at < reader->end) {
        uint8_t byte = *reader->at++;
        if (byte == '"')
            return true;
        if (byte < 0x20 || (byte == '\\' && !read_escape(reader)))
            return false;
    }
    return false;
}

static bool read_word(struct reader *reader, struct slice word)
{
    if ((size_t)(reader->end - reader->at) < word.len ||
        memcmp(reader->at, word.ptr, word.len) != 0)
        return false;
    reader->at += word.len;
    return true;
}

static bool read_scalar(struct reader *reader)
{
    switch (peek(reader)) {
    case '"':
        return read_string(reader);
    case 't':
        return read_word(reader, SLICE("true"));
    case 'f':
        return read_word(reader, SLICE("false"));
    case 'n':
        return read_word(reader, SLICE("null"));
    default:
        return read_number(reader);
    }
}

static bool in_object(const struct reader *reader)
{
    unsigned level = reader->depth - 1;
    return (reader->is_object[level / 64] >> (level % 64) & 1) != 0;
}

/* `"name" :` */
static bool read_name(struct reader *reader)
{
    peek_token(reader);
    if (!read_string(reader) || peek_token(reader) != ':')
        return false;
    reader->at++;
    return true;
}

/* Goes down one level. `empty_out`: it was closed at once, so it is a whole value. */
static bool enter(struct reader *reader, bool *empty_out)
{
    bool object = *reader->at++ == '{';
    *empty_out = peek_token(reader) == (object ? '}' : ']');
    if (*empty_out) {
        reader->at++;
        return true;
    }
    if (reader->depth == JSON_CHECK_DEPTH_MAX)
        return false;
    uint64_t bit = (uint64_t)1 << (reader->depth % 64);
    uint64_t *word = &reader->is_object[reader->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    reader->depth++;
    return !object || read_name(reader);
}

/* Behind a value: closes what closes. `more_out`: another value follows. */
static bool leave(struct reader *reader, bool *more_out)
{
    *more_out = false;
    while (reader->depth > 0) {
        bool object = in_object(reader);
        uint8_t byte = peek_token(reader);
        if (byte == ',') {
            reader->at++;
            *more_out = true;
            return !object || read_name(reader);
        }
        if (byte != (object ? '}' : ']'))
            return false;
        reader->at++;
        reader->depth--;
    }
    peek_token(reader);
    return reader->at == reader->end;
}

bool json_check_value(struct slice text)
{
    struct reader reader = {.at = text.ptr, .end = text.ptr + text.len};
    bool more = true;
    while (more) {
        uint8_t byte = peek_token(&reader);
        bool whole = true;
        if (byte == '{' || byte == '[') {
            if (!enter(&reader, &whole))
                return false;
        } else if (!read_scalar(&reader)) {
            return false;
        }
        if (whole && !leave(&reader, &more))
            return false;
    }
    return true;
}
