/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MySQL's binary JSON to the text that the server itself would show (facts/binlog.md part 7, 12.5):
 * ", " and ": " between things, keys in the stored order, doubles that always look like doubles,
 * decimals bare, dates and times in quotes with six fraction digits, other opaque values as
 * "base64:typeNN:...".
 *
 * Nothing is trusted. Every offset is checked against its container (json_doc_int.h), nesting ends
 * at the server's own limit of 100, and all the parts together may not be more than the document:
 * offsets that lead to the same bytes again and again run out of that allowance instead of memory.
 *
 * State: only what value_thread.c keeps; any thread.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_doc_int.h"
#include "value_codec_int.h"
#include "value_thread_int.h"

static const char not_utf8[] = "a string is not UTF-8";

/* An object or array that is being written. */
struct level {
    struct json_doc_container container;
    uint32_t next;
};

struct walk {
    struct buf *out;
    const char *why;   /* what is wrong; NULL while nothing is */
    struct slice text; /* what is not UTF-8, when `why` says that it is that */
    enum invalid_text invalid_text;
    size_t allowance;
    unsigned depth;
    struct level stack[JSON_DEPTH_MAX];
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

/* A string or the name of a member that is not UTF-8, as no server writes it: what the user chose
 * for such a text is done to that one, and the document around it stays. */
static bool add_invalid(struct walk *walk, struct slice bytes)
{
    const struct charset *utf8 = charset_get(CHARSET_UTF8MB4);
    walk->text = bytes;
    if (walk->invalid_text == INVALID_TEXT_STOP)
        return fail(walk, not_utf8);
    struct buf *mended = value_thread_buf();
    struct slice text;
    if (mended == NULL || charset_text(utf8, walk->invalid_text, bytes, mended, &text) != RC_OK)
        return fail(walk, "there is no memory for mending one of its strings");
    json_add_string(walk->out, text);
    return true;
}

static bool add_text(struct walk *walk, struct slice text)
{
    if (!spend(walk, text.len))
        return false;
    if (!text_is_utf8(text))
        return add_invalid(walk, text);
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
    unsigned len = is_time ? value_time_time(text, &time, FRACTION_DIGITS_MAX)
                   : field_type == WIRE_DATE
                       ? value_time_date(text, &time)
                       : value_time_datetime(text, &time, FRACTION_DIGITS_MAX);
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

/* Precision and scale in a byte each, then the number as in a row. */
static bool add_decimal(struct walk *walk, struct slice data)
{
    uint8_t text[COLUMN_PUT_MAX];
    unsigned len = data.len < 2 ? 0
                                : value_decimal_text(text, slice_of(data.ptr + 2, data.len - 2),
                                                     data.ptr[0], data.ptr[1]);
    buf_add(walk->out, text, len);
    return len > 0 || fail(walk, "a decimal number is malformed");
}

static bool add_opaque(struct walk *walk, struct slice bytes)
{
    if (bytes.len < 1)
        return fail(walk, "an opaque value is cut off");
    uint8_t field_type = bytes.ptr[0];
    struct slice rest = slice_of(bytes.ptr + 1, bytes.len - 1);
    size_t length;
    const char *why = json_doc_length(&rest, &length);
    if (why != NULL)
        return fail(walk, why);
    if (!spend(walk, length))
        return false;
    struct slice data = slice_of(rest.ptr, length);
    switch (field_type) {
    case WIRE_NEWDECIMAL:
        return add_decimal(walk, data);
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
    unsigned size = json_doc_number_bytes(type);
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

static bool open_container(struct walk *walk, uint8_t type, struct slice bytes)
{
    if (walk->depth == JSON_DEPTH_MAX)
        return fail(walk, "it is nested deeper than 100 levels");
    struct level level = {.next = 0};
    const char *why = json_doc_open(type, bytes, &level.container);
    if (why != NULL)
        return fail(walk, why);
    bool is_object = level.container.is_object;
    if (!spend(walk,
               json_doc_head_bytes(is_object, level.container.is_large, level.container.count)))
        return false;
    buf_add_byte(walk->out, is_object ? '{' : '[');
    walk->stack[walk->depth++] = level;
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
        const char *why = json_doc_length(&bytes, &length);
        if (why != NULL)
            return fail(walk, why);
        return add_text(walk, slice_of(bytes.ptr, length));
    }
    case JSON_OPAQUE:
        return add_opaque(walk, bytes);
    default:
        return fail(walk, "it has a value of an unknown type");
    }
}

static bool add_key(struct walk *walk, const struct json_doc_container *container, uint32_t index)
{
    struct slice key;
    const char *why = json_doc_key(container, index, &key);
    if (why != NULL)
        return fail(walk, why);
    if (!add_text(walk, key))
        return false;
    buf_add_str(walk->out, ": ");
    return true;
}

static bool add_element(struct walk *walk, const struct json_doc_container *container,
                        uint32_t index)
{
    uint8_t type;
    struct slice bytes;
    const char *why = json_doc_element(container, index, &type, &bytes);
    return why != NULL ? fail(walk, why) : add_value(walk, type, bytes);
}

static bool add_document(struct walk *walk, struct slice document)
{
    if (!add_value(walk, document.ptr[0], slice_of(document.ptr + 1, document.len - 1)))
        return false;
    while (walk->depth > 0) {
        struct level *level = &walk->stack[walk->depth - 1];
        const struct json_doc_container *container = &level->container;
        if (level->next == container->count) {
            buf_add_byte(walk->out, container->is_object ? '}' : ']');
            walk->depth--;
            continue;
        }
        uint32_t index = level->next++;
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
    walk.invalid_text = value_codec(column)->invalid_text;
    walk.allowance = cell.len;
    walk.depth = 0;
    size_t start = scratch->len;
    if (!add_document(&walk, cell))
        return walk.why == not_utf8
                   ? value_charset_error(RC_REJECTED, column, charset_get(CHARSET_UTF8MB4),
                                         walk.text, err)
                   : value_bad_bytes(column, cell, walk.why, err);
    if (scratch->rc != RC_OK)
        return value_scratch(column, scratch, err);
    *text = slice_of(scratch->ptr + start, scratch->len - start);
    return RC_OK;
}
