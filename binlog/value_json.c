/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MySQL's binary JSON to the text that the server itself would show (facts/binlog.md part 7, 12.5):
 * ", " and ": " between things, keys in the stored order, doubles that always look like doubles,
 * decimals bare, dates and times in quotes with six fraction digits, other opaque values as
 * "base64:typeNN:...".
 *
 * A document is walked by its offsets, never front to back: updates in place leave holes. Nothing
 * is trusted. Every offset is checked against its container, nesting ends at the server's own
 * limit of 100, and all the parts together may not be more than the document: offsets that lead to
 * the same bytes again and again run out of that allowance instead of memory.
 *
 * No state; any thread.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "value_codec_int.h"

enum json_type {
    JSON_SMALL_OBJECT = 0,
    JSON_LARGE_OBJECT = 1,
    JSON_SMALL_ARRAY = 2,
    JSON_LARGE_ARRAY = 3,
    JSON_LITERAL = 4,
    JSON_INT16 = 5,
    JSON_UINT16 = 6,
    JSON_INT32 = 7,
    JSON_UINT32 = 8,
    JSON_INT64 = 9,
    JSON_UINT64 = 10,
    JSON_DOUBLE = 11,
    JSON_STRING = 12,
    JSON_OPAQUE = 15
};

enum { JSON_DEPTH_MAX = 100 };

/* An object or array that is being written. */
struct container {
    struct slice bytes; /* from its count to its end; offsets count from here */
    uint32_t count;
    uint32_t next;
    bool is_object;
    bool is_large;
};

struct walk {
    struct buf *out;
    const char *why; /* what is wrong; NULL while nothing is */
    size_t allowance;
    unsigned depth;
    struct container stack[JSON_DEPTH_MAX];
};

static bool fail(struct walk *walk, const char *why)
{
    walk->why = why;
    return false;
}

static bool spend(struct walk *walk, size_t bytes)
{
    if (bytes > walk->allowance)
        return fail(walk, "its parts overlap");
    walk->allowance -= bytes;
    return true;
}

/* A length of 7-bit groups, least first, in at most five bytes; takes it off `bytes`. */
static bool take_length(struct walk *walk, struct slice *bytes, size_t *length)
{
    enum { GROUPS_MAX = 5 };
    uint64_t value = 0;
    for (unsigned i = 0; i < GROUPS_MAX && i < bytes->len; i++) {
        uint8_t byte = bytes->ptr[i];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) != 0)
            continue;
        *bytes = slice_of(bytes->ptr + i + 1, bytes->len - i - 1);
        if (value > bytes->len)
            return fail(walk, "a length reaches beyond the end");
        *length = (size_t)value;
        return true;
    }
    return fail(walk, "a length does not end");
}

static bool add_text(struct walk *walk, struct slice text)
{
    if (!spend(walk, text.len))
        return false;
    if (!text_is_utf8(text))
        return fail(walk, "a string is not UTF-8");
    json_add_string(walk->out, text);
    return true;
}

/* The digits of the shortest decimal that reads back the same, without a point; returns their
 * number and the place of the point before them: 0.d1d2d3... times ten to `*point`. */
static unsigned shortest_digits(double value, char digits[20], int *point)
{
    enum { DIGITS_SURE = 15, DIGITS_MAX = 17 };
    char text[40];
    /* Fifteen digits are kept exactly by every normal double; subnormal ones have fewer. */
    int precision = fabs(value) < 2.2250738585072014e-308 ? 1 : DIGITS_SURE;
    for (; precision <= DIGITS_MAX; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision - 1, value);
        if (strtod(text, NULL) == value)
            break;
    }
    unsigned count = 0;
    const char *p = text;
    for (; *p != '\0' && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            digits[count++] = *p;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    int64_t exponent = 0;
    struct slice tail = slice_str(*p == 'e' ? p + 1 : "0");
    if (tail.len > 0 && tail.ptr[0] == '+')
        tail = slice_of(tail.ptr + 1, tail.len - 1);
    if (!text_parse_i64(tail, &exponent))
        exponent = 0;
    *point = (int)exponent + 1;
    return count;
}

/* As the server does it: plain up to 15 places on either side of the point, else one digit, point,
 * digits, "e" and the exponent. */
static void add_double(struct buf *out, double value)
{
    enum { PLAIN_PLACES = 15 };
    char digits[20];
    int point;
    if (signbit(value))
        buf_add_byte(out, '-');
    if (value == 0) {
        buf_add_str(out, "0.0");
        return;
    }
    unsigned count = shortest_digits(fabs(value), digits, &point);
    if (point > PLAIN_PLACES || point < 1 - PLAIN_PLACES) {
        buf_add(out, digits, 1);
        if (count > 1) {
            buf_add_byte(out, '.');
            buf_add(out, digits + 1, count - 1);
        }
        buf_add_byte(out, 'e');
        buf_add_i64(out, point - 1);
        return;
    }
    if (point <= 0) {
        buf_add_str(out, "0.");
        for (int i = point; i < 0; i++)
            buf_add_byte(out, '0');
        buf_add(out, digits, count);
        return;
    }
    unsigned whole = (unsigned)point;
    for (unsigned i = 0; i < whole; i++)
        buf_add_byte(out, i < count ? (uint8_t)digits[i] : '0');
    buf_add_byte(out, '.');
    if (count > whole)
        buf_add(out, digits + whole, count - whole);
    else
        buf_add_byte(out, '0');
}

/* Dates and times in JSON: the packed form in 8 little-endian bytes, microseconds in the low 24
 * bits; a negative TIME is the negative of the whole. */
static bool add_temporal(struct walk *walk, uint8_t field_type, struct slice data)
{
    if (data.len != 8)
        return fail(walk, "a date or time has another length than 8 bytes");
    int64_t packed = (int64_t)load_u64le(data.ptr);
    struct value_time time = {.negative = packed < 0};
    uint64_t magnitude = packed < 0 ? 0 - (uint64_t)packed : (uint64_t)packed;
    time.micros = (uint32_t)(magnitude & 0xffffff);
    bool is_time = field_type == WIRE_TIME;
    bool fits = is_time ? value_time_from_time(&time, magnitude >> 24)
                        : value_time_from_datetime(&time, magnitude >> 24) && !time.negative;
    if (!fits || time.micros > 999999)
        return fail(walk, "a part of a date or time is out of range");
    uint8_t text[40];
    unsigned len = is_time                   ? value_put_time(text, &time, FRACTION_DIGITS_MAX)
                   : field_type == WIRE_DATE ? value_put_date(text, &time)
                                             : value_put_datetime(text, &time, FRACTION_DIGITS_MAX);
    buf_add_byte(walk->out, '"');
    buf_add(walk->out, text, len);
    buf_add_byte(walk->out, '"');
    return true;
}

/* The server's base64 has a line feed behind every 76 characters, and JSON writes it as \n. */
static void add_base64_lines(struct buf *out, struct slice data)
{
    enum { LINE_BYTES = 57 };
    for (size_t at = 0; at < data.len; at += LINE_BYTES) {
        size_t left = data.len - at;
        if (at > 0)
            buf_add_str(out, "\\n");
        buf_add_base64(out, slice_of(data.ptr + at, left < LINE_BYTES ? left : LINE_BYTES));
    }
}

static bool add_opaque(struct walk *walk, struct slice bytes)
{
    if (bytes.len < 1)
        return fail(walk, "an opaque value is cut off");
    uint8_t field_type = bytes.ptr[0];
    struct slice rest = slice_of(bytes.ptr + 1, bytes.len - 1);
    size_t length;
    if (!take_length(walk, &rest, &length) || !spend(walk, length))
        return false;
    struct slice data = slice_of(rest.ptr, length);
    switch (field_type) {
    case WIRE_NEWDECIMAL:
        if (data.len < 2 || !value_decimal_add(walk->out, slice_of(data.ptr + 2, data.len - 2),
                                               data.ptr[0], data.ptr[1]))
            return fail(walk, "a decimal number is malformed");
        return true;
    case WIRE_DATE:
    case WIRE_TIME:
    case WIRE_DATETIME:
    case WIRE_TIMESTAMP:
        return add_temporal(walk, field_type, data);
    default:
        buf_add_str(walk->out, "\"base64:type");
        buf_add_u64(walk->out, field_type);
        buf_add_byte(walk->out, ':');
        add_base64_lines(walk->out, data);
        buf_add_byte(walk->out, '"');
        return true;
    }
}

static bool add_literal(struct walk *walk, uint8_t literal)
{
    static const char *const names[] = {"null", "true", "false"};
    if (literal >= COUNT_OF(names))
        return fail(walk, "it has an unknown literal");
    buf_add_str(walk->out, names[literal]);
    return true;
}

static bool add_number(struct walk *walk, uint8_t type, struct slice bytes)
{
    unsigned size = type <= JSON_UINT16 ? 2 : type <= JSON_UINT32 ? 4 : 8;
    if (bytes.len < size)
        return fail(walk, "a number is cut off");
    uint64_t raw = load_uint_le(bytes.ptr, size);
    if (type == JSON_DOUBLE) {
        double value;
        memcpy(&value, &raw, sizeof(value));
        if (!isfinite(value))
            return fail(walk, "a number is not finite");
        add_double(walk->out, value);
    } else if (type == JSON_INT16 || type == JSON_INT32 || type == JSON_INT64) {
        unsigned unused_bits = 64 - 8 * size;
        buf_add_i64(walk->out, (int64_t)(raw << unused_bits) >> unused_bits);
    } else {
        buf_add_u64(walk->out, raw);
    }
    return true;
}

static unsigned offset_bytes(const struct container *container)
{
    return container->is_large ? 4 : 2;
}

static size_t key_entry_bytes(const struct container *container)
{
    return container->is_object ? offset_bytes(container) + 2 : 0;
}

static size_t value_entry_bytes(const struct container *container)
{
    return 1 + offset_bytes(container);
}

/* Count, size, then the entries of the keys and of the values. */
static size_t header_bytes(const struct container *container)
{
    return 2 * offset_bytes(container) +
           container->count * (key_entry_bytes(container) + value_entry_bytes(container));
}

static bool open_container(struct walk *walk, uint8_t type, struct slice bytes)
{
    if (walk->depth == JSON_DEPTH_MAX)
        return fail(walk, "it is nested deeper than 100 levels");
    struct container container = {
        .is_object = type == JSON_SMALL_OBJECT || type == JSON_LARGE_OBJECT,
        .is_large = type == JSON_LARGE_OBJECT || type == JSON_LARGE_ARRAY,
    };
    unsigned width = offset_bytes(&container);
    if (bytes.len < 2 * width)
        return fail(walk, "an object or array is cut off");
    container.count = (uint32_t)load_uint_le(bytes.ptr, width);
    uint64_t size = load_uint_le(bytes.ptr + width, width);
    if (size > bytes.len || header_bytes(&container) > size)
        return fail(walk, "an object or array reaches beyond the end");
    container.bytes = slice_of(bytes.ptr, (size_t)size);
    if (!spend(walk, header_bytes(&container)))
        return false;
    buf_add_byte(walk->out, container.is_object ? '{' : '[');
    walk->stack[walk->depth++] = container;
    return true;
}

static bool add_value(struct walk *walk, uint8_t type, struct slice bytes)
{
    switch (type) {
    case JSON_SMALL_OBJECT:
    case JSON_LARGE_OBJECT:
    case JSON_SMALL_ARRAY:
    case JSON_LARGE_ARRAY:
        return open_container(walk, type, bytes);
    case JSON_LITERAL:
        if (bytes.len < 1)
            return fail(walk, "a literal is cut off");
        return add_literal(walk, bytes.ptr[0]);
    case JSON_INT16:
    case JSON_UINT16:
    case JSON_INT32:
    case JSON_UINT32:
    case JSON_INT64:
    case JSON_UINT64:
    case JSON_DOUBLE:
        return add_number(walk, type, bytes);
    case JSON_STRING: {
        size_t length;
        if (!take_length(walk, &bytes, &length))
            return false;
        return add_text(walk, slice_of(bytes.ptr, length));
    }
    case JSON_OPAQUE:
        return add_opaque(walk, bytes);
    default:
        return fail(walk, "it has a value of an unknown type");
    }
}

static bool add_key(struct walk *walk, const struct container *container, uint32_t index)
{
    unsigned width = offset_bytes(container);
    const uint8_t *entry =
        container->bytes.ptr + 2 * width + (size_t)index * key_entry_bytes(container);
    size_t offset = (size_t)load_uint_le(entry, width);
    size_t length = load_u16le(entry + width);
    if (offset < header_bytes(container) || offset > container->bytes.len ||
        length > container->bytes.len - offset)
        return fail(walk, "a key lies outside of its object");
    if (!add_text(walk, slice_of(container->bytes.ptr + offset, length)))
        return false;
    buf_add_str(walk->out, ": ");
    return true;
}

/* Small values stand in the entry itself, the others where its offset says. */
static bool is_inlined(const struct container *container, uint8_t type)
{
    return type == JSON_LITERAL || type == JSON_INT16 || type == JSON_UINT16 ||
           (container->is_large && (type == JSON_INT32 || type == JSON_UINT32));
}

static bool add_element(struct walk *walk, const struct container *container, uint32_t index)
{
    unsigned width = offset_bytes(container);
    const uint8_t *entry = container->bytes.ptr + 2 * width +
                           container->count * key_entry_bytes(container) +
                           (size_t)index * value_entry_bytes(container);
    uint8_t type = entry[0];
    if (is_inlined(container, type))
        return add_value(walk, type, slice_of(entry + 1, width));
    size_t offset = (size_t)load_uint_le(entry + 1, width);
    if (offset < header_bytes(container) || offset > container->bytes.len)
        return fail(walk, "a value lies outside of its object or array");
    return add_value(walk, type,
                     slice_of(container->bytes.ptr + offset, container->bytes.len - offset));
}

static bool add_document(struct walk *walk, struct slice document)
{
    if (!add_value(walk, document.ptr[0], slice_of(document.ptr + 1, document.len - 1)))
        return false;
    while (walk->depth > 0) {
        struct container *container = &walk->stack[walk->depth - 1];
        if (container->next == container->count) {
            buf_add_byte(walk->out, container->is_object ? '}' : ']');
            walk->depth--;
            continue;
        }
        uint32_t index = container->next++;
        if (index > 0)
            buf_add_str(walk->out, ", ");
        if (container->is_object && !add_key(walk, container, index))
            return false;
        if (!add_element(walk, container, index))
            return false;
    }
    return true;
}

enum rc value_text_json(const struct column *column, struct slice cell, struct buf *scratch,
                        struct slice *text, struct error *err)
{
    /* A failed ALTER can leave a document of no bytes; the server reads it as null. */
    if (cell.len == 0) {
        *text = SLICE("null");
        return RC_OK;
    }
    struct walk walk; /* not initialised as a whole: the stack is 4 KiB and mostly unused */
    walk.out = scratch;
    walk.why = NULL;
    walk.allowance = cell.len;
    walk.depth = 0;
    size_t start = scratch->len;
    if (!add_document(&walk, cell))
        return value_bad_bytes(column, cell, walk.why, err);
    if (scratch->rc != RC_OK)
        return value_scratch(column, scratch, err);
    *text = slice_of(scratch->ptr + start, scratch->len - start);
    return RC_OK;
}
