/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a column's declaration says, from information_schema or from DDL text that looks like it:
 * "decimal(10,2) unsigned zerofill", "enum('a','b''c')", "bit(3)", "datetime(6)". The type word and
 * the numbers in parentheses are read from the text; what information_schema gives as numbers of
 * its own is taken from there. No state; any thread.
 */
#include "value_codec_int.h"

struct declared_type {
    const char *word;
    enum column_kind kind;
    uint8_t bytes; /* integers: width; the BLOB family: bytes of the length prefix */
    bool is_fixed;
    uint8_t wires[6]; /* ended by WIRE_NULL */
};

static const struct declared_type declared_types[] = {
    {"tinyint", COLUMN_INT, 1, false, {WIRE_TINY, WIRE_NULL}},
    {"smallint", COLUMN_INT, 2, false, {WIRE_SHORT, WIRE_NULL}},
    {"mediumint", COLUMN_INT, 3, false, {WIRE_INT24, WIRE_NULL}},
    {"int", COLUMN_INT, 4, false, {WIRE_LONG, WIRE_NULL}},
    {"integer", COLUMN_INT, 4, false, {WIRE_LONG, WIRE_NULL}},
    {"bigint", COLUMN_INT, 8, false, {WIRE_LONGLONG, WIRE_NULL}},
    {"bit", COLUMN_BIT, 0, false, {WIRE_BIT, WIRE_NULL}},
    {"year", COLUMN_YEAR, 0, false, {WIRE_YEAR, WIRE_NULL}},
    {"decimal", COLUMN_DECIMAL, 0, false, {WIRE_NEWDECIMAL, WIRE_NULL}},
    {"numeric", COLUMN_DECIMAL, 0, false, {WIRE_NEWDECIMAL, WIRE_NULL}},
    {"float", COLUMN_FLOAT, 0, false, {WIRE_FLOAT, WIRE_NULL}},
    {"double", COLUMN_DOUBLE, 0, false, {WIRE_DOUBLE, WIRE_NULL}},
    {"date", COLUMN_DATE, 0, false, {WIRE_DATE, WIRE_NEWDATE, WIRE_NULL}},
    {"time", COLUMN_TIME, 0, false, {WIRE_TIME2, WIRE_TIME, WIRE_NULL}},
    {"datetime", COLUMN_DATETIME, 0, false, {WIRE_DATETIME2, WIRE_DATETIME, WIRE_NULL}},
    {"timestamp", COLUMN_TIMESTAMP, 0, false, {WIRE_TIMESTAMP2, WIRE_TIMESTAMP, WIRE_NULL}},
    {"char", COLUMN_STRING, 0, true, {WIRE_STRING, WIRE_NULL}},
    {"varchar",
     COLUMN_STRING,
     0,
     false,
     {WIRE_VARCHAR, WIRE_VAR_STRING, WIRE_VARCHAR_COMPRESSED, WIRE_NULL}},
    {"tinytext",
     COLUMN_STRING,
     1,
     false,
     {WIRE_BLOB, WIRE_TINY_BLOB, WIRE_BLOB_COMPRESSED, WIRE_NULL}},
    {"text", COLUMN_STRING, 2, false, {WIRE_BLOB, WIRE_BLOB_COMPRESSED, WIRE_NULL}},
    {"mediumtext",
     COLUMN_STRING,
     3,
     false,
     {WIRE_BLOB, WIRE_MEDIUM_BLOB, WIRE_BLOB_COMPRESSED, WIRE_NULL}},
    {"longtext",
     COLUMN_STRING,
     4,
     false,
     {WIRE_BLOB, WIRE_LONG_BLOB, WIRE_BLOB_COMPRESSED, WIRE_NULL}},
    {"binary", COLUMN_BYTES, 0, true, {WIRE_STRING, WIRE_NULL}},
    {"varbinary",
     COLUMN_BYTES,
     0,
     false,
     {WIRE_VARCHAR, WIRE_VAR_STRING, WIRE_VARCHAR_COMPRESSED, WIRE_NULL}},
    {"tinyblob",
     COLUMN_BYTES,
     1,
     false,
     {WIRE_BLOB, WIRE_TINY_BLOB, WIRE_BLOB_COMPRESSED, WIRE_NULL}},
    {"blob", COLUMN_BYTES, 2, false, {WIRE_BLOB, WIRE_BLOB_COMPRESSED, WIRE_NULL}},
    {"mediumblob",
     COLUMN_BYTES,
     3,
     false,
     {WIRE_BLOB, WIRE_MEDIUM_BLOB, WIRE_BLOB_COMPRESSED, WIRE_NULL}},
    {"longblob",
     COLUMN_BYTES,
     4,
     false,
     {WIRE_BLOB, WIRE_LONG_BLOB, WIRE_BLOB_COMPRESSED, WIRE_NULL}},
    {"enum", COLUMN_ENUM, 0, false, {WIRE_ENUM, WIRE_NULL}},
    {"set", COLUMN_SET, 0, false, {WIRE_SET, WIRE_NULL}},
    {"json", COLUMN_JSON, 0, false, {WIRE_JSON, WIRE_NULL}},
    {"vector", COLUMN_VECTOR, 0, false, {WIRE_VECTOR, WIRE_VARCHAR, WIRE_NULL}},
    {"uuid", COLUMN_UUID, 0, false, {WIRE_STRING, WIRE_NULL}},
    {"inet4", COLUMN_INET4, 0, false, {WIRE_STRING, WIRE_NULL}},
    {"inet6", COLUMN_INET6, 0, false, {WIRE_STRING, WIRE_NULL}},
    {"geometry", COLUMN_GEOMETRY, 0, false, {WIRE_GEOMETRY, WIRE_NULL}},
    {"point", COLUMN_GEOMETRY, 0, false, {WIRE_GEOMETRY, WIRE_NULL}},
    {"linestring", COLUMN_GEOMETRY, 0, false, {WIRE_GEOMETRY, WIRE_NULL}},
    {"polygon", COLUMN_GEOMETRY, 0, false, {WIRE_GEOMETRY, WIRE_NULL}},
    {"multipoint", COLUMN_GEOMETRY, 0, false, {WIRE_GEOMETRY, WIRE_NULL}},
    {"multilinestring", COLUMN_GEOMETRY, 0, false, {WIRE_GEOMETRY, WIRE_NULL}},
    {"multipolygon", COLUMN_GEOMETRY, 0, false, {WIRE_GEOMETRY, WIRE_NULL}},
    {"geometrycollection", COLUMN_GEOMETRY, 0, false, {WIRE_GEOMETRY, WIRE_NULL}},
    {"geomcollection", COLUMN_GEOMETRY, 0, false, {WIRE_GEOMETRY, WIRE_NULL}},
};

static const uint64_t prefix_bytes_max[5] = {0, UINT8_MAX, UINT16_MAX, 0xffffff, UINT32_MAX};

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static struct slice first_word(struct slice text)
{
    text = slice_trim(text);
    size_t len = 0;
    while (len < text.len && is_letter(text.ptr[len]))
        len++;
    return slice_of(text.ptr, len);
}

/* The numbers of "(10,2)"; absent ones stay as they were. */
static void read_numbers(struct slice text, uint64_t *first, uint64_t *second)
{
    const uint8_t *open = text.len == 0 ? NULL : memchr(text.ptr, '(', text.len);
    if (open == NULL)
        return;
    uint64_t *into[2] = {first, second};
    size_t at = (size_t)(open - text.ptr) + 1;
    for (unsigned i = 0; i < COUNT_OF(into); i++) {
        size_t end = at;
        while (end < text.len && text.ptr[end] != ',' && text.ptr[end] != ')')
            end++;
        uint64_t number;
        if (!text_parse_u64(slice_trim(slice_of(text.ptr + at, end - at)), &number))
            return;
        *into[i] = number;
        if (end == text.len || text.ptr[end] == ')')
            return;
        at = end + 1;
    }
}

static const struct declared_type *find_type(const struct catalog_column *catalog)
{
    struct slice word =
        first_word(catalog->data_type.len > 0 ? catalog->data_type : catalog->column_type);
    for (size_t i = 0; i < COUNT_OF(declared_types); i++)
        if (slice_equal_nocase(word, slice_str(declared_types[i].word)))
            return &declared_types[i];
    return NULL;
}

static void read_text_size(struct value_declared *declared, const struct catalog_column *catalog,
                           uint64_t number)
{
    declared->length = catalog->char_length > 0 ? catalog->char_length : number;
    declared->length_bytes = catalog->byte_length;
    if (declared->blob_prefix > 0 && declared->length_bytes == 0)
        declared->length_bytes = prefix_bytes_max[declared->blob_prefix];
    if (declared->kind == COLUMN_BYTES) {
        declared->length = declared->length_bytes > 0 ? declared->length_bytes : number;
        declared->length_bytes = 0;
    }
}

void value_declared_parse(struct value_declared *declared, const struct catalog_column *catalog)
{
    const struct declared_type *type = find_type(catalog);
    *declared = (struct value_declared){0};
    if (type == NULL)
        return;
    declared->kind = type->kind;
    declared->wires = type->wires;
    declared->is_fixed_bytes = type->is_fixed;
    uint64_t first = UINT64_MAX;
    uint64_t second = 0;
    read_numbers(catalog->column_type, &first, &second);
    uint64_t number = first == UINT64_MAX ? 0 : first;
    switch (type->kind) {
    case COLUMN_INT:
        declared->int_bytes = type->bytes;
        if (value_declared_is_unsigned(catalog))
            declared->kind = COLUMN_UINT;
        break;
    case COLUMN_BIT:
        declared->length = number > 0 ? number : 1;
        break;
    case COLUMN_DECIMAL:
        /* Without numbers of any kind it is DECIMAL(10,0). */
        declared->precision = (uint8_t)(number > 0               ? number
                                        : catalog->precision > 0 ? catalog->precision
                                                                 : 10);
        declared->scale = (uint8_t)(number > 0 ? second : catalog->scale);
        break;
    case COLUMN_TIME:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP: {
        uint64_t digits = first == UINT64_MAX ? catalog->fraction_digits : first;
        declared->scale = (uint8_t)(digits > FRACTION_DIGITS_MAX ? FRACTION_DIGITS_MAX : digits);
        break;
    }
    case COLUMN_STRING:
    case COLUMN_BYTES:
        declared->blob_prefix = type->bytes;
        /* CHAR and BINARY without a number are of length 1. */
        read_text_size(declared, catalog, type->is_fixed && first == UINT64_MAX ? 1 : number);
        break;
    case COLUMN_VECTOR:
        declared->length = number;
        break;
    default:
        break;
    }
}

/* ZEROFILL makes a number unsigned even where the word is left out. Asked of integers only: the
 * labels of an ENUM may hold either word. */
bool value_declared_is_unsigned(const struct catalog_column *catalog)
{
    struct slice text = catalog->column_type;
    for (size_t i = 0; i < text.len; i++) {
        struct slice rest = slice_of(text.ptr + i, text.len - i);
        if (slice_starts_nocase(rest, SLICE("unsigned")) ||
            slice_starts_nocase(rest, SLICE("zerofill")))
            return true;
    }
    return false;
}

/* One quoted label starting at text[*at] == '\''; the server doubles quotes and writes a backslash
 * before itself, NUL and line ends. Writes the label to `out`; false: no closing quote. */
static bool read_label(struct slice text, size_t *at, uint8_t *out, size_t *out_len)
{
    size_t i = *at + 1;
    size_t len = 0;
    while (i < text.len) {
        uint8_t c = text.ptr[i];
        bool more = i + 1 < text.len;
        if (c == '\'') {
            if (!more || text.ptr[i + 1] != '\'') {
                *at = i + 1;
                *out_len = len;
                return true;
            }
            i++;
        } else if (c == '\\' && more) {
            i++;
            c = text.ptr[i] == '0'   ? '\0'
                : text.ptr[i] == 'n' ? '\n'
                : text.ptr[i] == 'r' ? '\r'
                                     : text.ptr[i];
        }
        out[len++] = c;
        i++;
    }
    return false;
}

/* Fills `bytes` and `labels` from the list; only counts where `labels` is NULL. */
static bool read_labels(struct slice text, uint8_t *bytes, struct slice *labels, uint32_t *count)
{
    const uint8_t *open = text.len == 0 ? NULL : memchr(text.ptr, '(', text.len);
    if (open == NULL)
        return false;
    size_t at = (size_t)(open - text.ptr) + 1;
    *count = 0;
    while (at < text.len && text.ptr[at] == '\'') {
        size_t len;
        if (!read_label(text, &at, bytes, &len))
            return false;
        if (labels != NULL)
            labels[*count] = slice_of(bytes, len);
        bytes += len;
        (*count)++;
        if (at < text.len && text.ptr[at] == ')')
            return true;
        if (at == text.len || text.ptr[at] != ',')
            return false;
        at++;
        while (at < text.len && text.ptr[at] == ' ')
            at++;
    }
    return false;
}

enum rc value_declared_labels(const struct catalog_column *catalog, struct arena *arena,
                              const struct slice **labels_out, uint32_t *count_out,
                              struct error *err)
{
    *labels_out = NULL;
    *count_out = 0;
    struct slice text = catalog->column_type;
    uint8_t *bytes = arena_alloc(arena, text.len);
    uint32_t count;
    if (bytes == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the labels of a column.");
    if (!read_labels(text, bytes, NULL, &count))
        return RC_OK;
    struct slice *labels = arena_alloc(arena, count * sizeof(*labels));
    if (labels == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the labels of a column.");
    read_labels(text, bytes, labels, &count);
    *labels_out = labels;
    *count_out = count;
    return RC_OK;
}
