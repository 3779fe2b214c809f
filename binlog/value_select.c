/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical text of values that a SELECT gave, byte for byte what the binlog's bytes give.
 *
 *   numbers       the server's digits without what ZEROFILL puts in front
 *   FLOAT, DOUBLE selected as `c * 1e0`, which every server answers with the digits of the very
 *                 double (checked with 5.6, 9.7, 10.5, 10.11, 11.8 over random bits, all powers of
 *                 two and denormals: the column itself is rounded to six digits or to its (M,D);
 *                 adding 0e0 would lose the sign of -0): read, and written anew. Of a FLOAT, '-0'
 *                 where the server would show 0 for it
 *   BIT           the bits in big-endian bytes, as in a row image
 *   ENUM, SET     selected as CAST(c AS UNSIGNED), so that the labels are the ones that the binlog's
 *                 numbers are read with (`c + 0` is a double on 5.6 and 9.7: too few bits for a SET);
 *                 as text where the labels are not sure
 *   text          in the column's own character set, converted here as the binlog's is
 *   others        the server's text or bytes are the canonical ones already
 *
 * No state but what value_string.c has; any thread.
 */
#include "value_select_int.h"

#include <stdlib.h>

#include "value_codec_int.h"

enum { REAL_TEXT_MAX = 64, LABEL_NUMBER_BYTES = 8 };

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* Digits, perhaps a sign, perhaps a point with digits on both sides. */
static bool is_number(struct slice text)
{
    size_t at = text.len > 0 && text.ptr[0] == '-';
    size_t whole = at;
    while (at < text.len && is_digit(text.ptr[at]))
        at++;
    if (at == whole)
        return false;
    if (at == text.len)
        return true;
    if (text.ptr[at++] != '.' || at == text.len)
        return false;
    while (at < text.len && is_digit(text.ptr[at]))
        at++;
    return at == text.len;
}

/* Only unsigned columns are filled with zeros, so a sign never stands before them. */
static enum rc read_number(const struct column *column, struct slice cell,
                           struct buf *scratch UNUSED, struct slice *text, struct error *err)
{
    if (!is_number(cell))
        return value_bad_bytes(column, cell, "it is no number", err);
    while (cell.len > 1 && cell.ptr[0] == '0' && is_digit(cell.ptr[1]))
        cell = slice_of(cell.ptr + 1, cell.len - 1);
    *text = cell;
    return RC_OK;
}

/* YEAR(2), which old tables may still have, shows two digits of the years 1970 to 2069. */
static enum rc read_year(const struct column *column, struct slice cell, struct buf *scratch,
                         struct slice *text, struct error *err)
{
    enum { CENTURY_BORDER = 70, TEXT_MAX = 20 };
    uint64_t year;
    if (!text_parse_u64(cell, &year))
        return value_bad_bytes(column, cell, "it is no year", err);
    if (cell.len == 2)
        year += year < CENTURY_BORDER ? 2000 : 1900;
    uint8_t *out = buf_reserve(scratch, TEXT_MAX);
    if (out == NULL)
        return value_scratch(column, scratch, err);
    unsigned len = text_u64(out, year);
    scratch->len += len;
    *text = slice_of(out, len);
    return RC_OK;
}

static enum rc read_real(const struct column *column, struct slice cell, double *value,
                         struct error *err)
{
    char digits[REAL_TEXT_MAX];
    if (cell.len == 0 || cell.len >= sizeof(digits))
        return value_bad_bytes(column, cell, "it is no number", err);
    memcpy(digits, cell.ptr, cell.len);
    digits[cell.len] = '\0';
    char *end;
    *value = strtod(digits, &end);
    if (end != digits + cell.len)
        return value_bad_bytes(column, cell, "it is no number", err);
    return RC_OK;
}

static enum rc put_real(const struct column *column, struct slice cell, double value, bool single,
                        struct buf *scratch, struct slice *text, struct error *err)
{
    enum { TEXT_MAX = 32 };
    uint8_t *out = buf_reserve(scratch, TEXT_MAX);
    if (out == NULL)
        return value_scratch(column, scratch, err);
    unsigned len = single ? text_float(out, (float)value) : text_double(out, value);
    if (len == 0)
        return value_bad_bytes(column, cell, "it is not a finite number", err);
    scratch->len += len;
    *text = slice_of(out, len);
    return RC_OK;
}

static enum rc read_float(const struct column *column, struct slice cell, struct buf *scratch,
                          struct slice *text, struct error *err)
{
    double value = 0;
    enum rc rc = read_real(column, cell, &value, err);
    return rc != RC_OK ? rc : put_real(column, cell, value, true, scratch, text, err);
}

static enum rc read_double(const struct column *column, struct slice cell, struct buf *scratch,
                           struct slice *text, struct error *err)
{
    double value = 0;
    enum rc rc = read_real(column, cell, &value, err);
    return rc != RC_OK ? rc : put_real(column, cell, value, false, scratch, text, err);
}

static enum rc read_label(const struct column *column, struct slice cell, struct buf *scratch,
                          struct slice *text, struct error *err)
{
    uint64_t number;
    if (!text_parse_u64(cell, &number))
        return value_bad_bytes(column, cell, "it is no number of a label", err);
    uint8_t bytes[LABEL_NUMBER_BYTES];
    store_u64le(bytes, number);
    struct slice as_stored = slice_of(bytes, sizeof(bytes));
    return column->kind == COLUMN_ENUM ? value_text_enum(column, as_stored, scratch, text, err)
                                       : value_text_set(column, as_stored, scratch, text, err);
}

static enum rc read_as_is(const struct column *column UNUSED, struct slice cell,
                          struct buf *scratch UNUSED, struct slice *text, struct error *err UNUSED)
{
    *text = cell;
    return RC_OK;
}

static column_text_fn text_of(const struct column *column)
{
    switch (column->kind) {
    case COLUMN_INT:
    case COLUMN_UINT:
    case COLUMN_DECIMAL:
        return read_number;
    case COLUMN_BIT:
        return value_text_short;
    case COLUMN_YEAR:
        return read_year;
    case COLUMN_FLOAT:
        return read_float;
    case COLUMN_DOUBLE:
        return read_double;
    case COLUMN_STRING:
        return value_text_string;
    case COLUMN_ENUM:
    case COLUMN_SET:
        return column_is_label_text(column) ? value_text_string : read_label;
    case COLUMN_GEOMETRY:
        return value_text_geometry;
    case COLUMN_VECTOR:
        return value_text_vector;
    case COLUMN_UNKNOWN:
    case COLUMN_DATE:
    case COLUMN_TIME:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
    case COLUMN_BYTES:
    case COLUMN_JSON:
    case COLUMN_UUID:
    case COLUMN_INET4:
    case COLUMN_INET6:
        break;
    }
    return read_as_is;
}

static enum rc select_column(struct column *column, enum invalid_text invalid_text,
                             struct arena *arena, struct error *err)
{
    const struct value_codec *bound = column->wire_codec;
    struct value_codec *codec = arena_alloc(arena, sizeof(*codec));
    if (codec == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the columns of a table.");
    *codec = bound != NULL ? *bound : (struct value_codec){.invalid_text = invalid_text};
    codec->compressed = false; /* the server has inflated it */
    if (column->kind == COLUMN_ENUM || column->kind == COLUMN_SET)
        codec->size = LABEL_NUMBER_BYTES;
    else if (column->kind == COLUMN_BIT)
        codec->size = (uint32_t)(column->length + 7) / 8;
    if ((column->kind == COLUMN_STRING || column_is_label_text(column)) && codec->charset == NULL) {
        codec->charset = charset_by_name(column->charset);
        if (codec->charset == NULL)
            return error_set(err, RC_UNSUPPORTED,
                             "Column %.*s: the character set %.*s is not known to this version.",
                             SLICE_ARG(column->name), SLICE_ARG(column->charset));
    }
    column->wire_codec = codec;
    column->text = text_of(column);
    column->put = column->kind == COLUMN_BIT ? value_put_bit : NULL;
    column->ascii_is_text = column->kind == COLUMN_STRING && charset_has_ascii(codec->charset);
    return RC_OK;
}

enum rc value_select_table(const struct table *table, enum invalid_text invalid_text,
                           struct arena *arena, struct table **table_out, struct error *err)
{
    *table_out = NULL;
    struct table *read = arena_alloc(arena, sizeof(*read));
    struct column *columns = arena_alloc(arena, table->column_count * sizeof(*columns));
    if (read == NULL || columns == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the columns of a table.");
    *read = *table;
    read->route = NULL;
    read->columns = columns;
    for (uint32_t i = 0; i < table->column_count; i++) {
        columns[i] = table->columns[i];
        enum rc rc = select_column(&columns[i], invalid_text, arena, err);
        if (rc != RC_OK)
            return rc;
    }
    *table_out = read;
    return RC_OK;
}
