/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a row holds in a column that its INSERT did not name, where the catalog's text of the default
 * proves it. Row images MINIMAL and NOBLOB leave such columns out when their default is a literal;
 * what an expression gave is in the image (seen on MySQL 9.7 and MariaDB 10.11).
 *
 * A column that is NOT NULL without a default has its type's own: 0, the empty text, the first label.
 *
 * The catalog shows a default as the server prints it, which is not always the value:
 *
 *   FLOAT              six digits of it: only zero is sure
 *   DOUBLE(M,D)        rounded text of a number that need not be the nearest one: whole ones are sure
 *   TIMESTAMP          in the time zone of whoever made the table (MySQL) or asks (MariaDB): only
 *                      the zero date is sure
 *   texts, labels      a character beyond the BMP is shown as '?': a text with '?' is not sure
 *   TEXT in UTF-16     (and other charsets of wide units): MariaDB before 10.6 shows its bytes; not sure
 *   BINARY, BLOB, ...  hex, escaped or cut off, as the server's version will have it: not sure
 *
 * What is not sure is not known. No state; any thread.
 */
#include "value_codec_int.h"

#include <math.h>
#include <stdlib.h>

enum { NUMBER_TEXT_MAX = 400 };

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Digits alone at the front; returns how many. */
static size_t digits_len(struct slice text)
{
    size_t len = 0;
    while (len < text.len && is_digit(text.ptr[len]))
        len++;
    return len;
}

static struct slice without(struct slice text, size_t front)
{
    return slice_of(text.ptr + front, text.len - front);
}

static struct slice without_zeros(struct slice digits)
{
    while (digits.len > 1 && digits.ptr[0] == '0')
        digits = without(digits, 1);
    return digits;
}

static bool add_unsigned(struct slice text, uint64_t max, struct buf *out)
{
    uint64_t value;
    if (digits_len(text) != text.len || !text_parse_u64(without_zeros(text), &value) || value > max)
        return false;
    buf_add_u64(out, value);
    return true;
}

static bool add_uint(const struct column *column, struct slice text, struct buf *out)
{
    return add_unsigned(text, UINT64_MAX >> (64 - 8 * column->int_bytes), out);
}

static bool add_int(const struct column *column, struct slice text, struct buf *out)
{
    int64_t value;
    int64_t max = INT64_MAX >> (64 - 8 * column->int_bytes);
    if (!text_parse_i64(text, &value) || value > max || value < -max - 1)
        return false;
    uint8_t digits[20];
    buf_add(out, digits, text_i64(digits, value));
    return true;
}

/* b'101' */
static bool add_bits(const struct column *column, struct slice text, struct buf *out)
{
    uint64_t value = 0;
    if (text.len < 4 || !slice_starts_nocase(text, SLICE("b'")) || text.ptr[text.len - 1] != '\'')
        return false;
    for (size_t i = 2; i + 1 < text.len; i++) {
        if ((text.ptr[i] != '0' && text.ptr[i] != '1') || value >> 63 != 0)
            return false;
        value = value << 1 | (uint64_t)(text.ptr[i] - '0');
    }
    if (column->length < 64 && value >> column->length != 0)
        return false;
    buf_add_u64(out, value);
    return true;
}

static bool add_year(struct slice text, struct buf *out)
{
    enum { YEAR_FIRST = 1901, YEAR_LAST = 2155 };
    uint64_t year;
    if (text.len != 4 || digits_len(text) != 4 || !text_parse_u64(without_zeros(text), &year))
        return false;
    if (year != 0 && (year < YEAR_FIRST || year > YEAR_LAST))
        return false;
    buf_add_u64(out, year);
    return true;
}

static bool is_zero(struct slice digits)
{
    for (size_t i = 0; i < digits.len; i++)
        if (digits.ptr[i] != '0' && digits.ptr[i] != '.')
            return false;
    return true;
}

/* Behind the point up to `scale` digits, and zeros up to there. */
static bool add_scaled(struct slice fraction, unsigned scale, struct buf *out)
{
    if (fraction.len > scale || digits_len(fraction) != fraction.len)
        return false;
    if (scale == 0)
        return true;
    buf_add_byte(out, '.');
    buf_add_slice(out, fraction);
    for (size_t i = fraction.len; i < scale; i++)
        buf_add_byte(out, '0');
    return true;
}

static bool add_decimal(const struct column *column, struct slice text, struct buf *out)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    if (negative)
        text = without(text, 1);
    struct slice whole = slice_of(text.ptr, digits_len(text));
    struct slice fraction = without(text, whole.len);
    if (fraction.len == 1 || (fraction.len > 0 && fraction.ptr[0] != '.'))
        return false;
    if (fraction.len > 0)
        fraction = without(fraction, 1);
    if (whole.len == 0)
        return false;
    whole = without_zeros(whole);
    size_t room =
        column->precision > column->scale ? (size_t)(column->precision - column->scale) : 1;
    if (whole.len > room || (column->precision == column->scale && !is_zero(whole)))
        return false;
    if (negative && !is_zero(text))
        buf_add_byte(out, '-');
    buf_add_slice(out, whole);
    return add_scaled(fraction, column->scale, out);
}

static bool parse_real(struct slice text, double *value_out)
{
    char copy[NUMBER_TEXT_MAX];
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_digit(text.ptr[i]) && memchr("+-.eE", text.ptr[i], 5) == NULL)
            return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end;
    *value_out = strtod(copy, &end);
    return end == copy + text.len && isfinite(*value_out);
}

/* Servers print -0 as "-0", and a row of it holds -0. */
static bool is_zero_number(double value)
{
    return fpclassify(value) == FP_ZERO;
}

static bool add_real(const struct column *column, const struct catalog_column *catalog,
                     struct slice text, struct buf *out)
{
    uint8_t digits[32];
    double value;
    if (!parse_real(text, &value))
        return false;
    if (column->kind == COLUMN_FLOAT) {
        if (!is_zero_number(value) || signbit(value) != 0)
            return false;
        buf_add(out, digits, text_float(digits, 0));
        return true;
    }
    bool has_scale = catalog->column_type.len > 0 &&
                     memchr(catalog->column_type.ptr, '(', catalog->column_type.len) != NULL;
    if (has_scale && (fabs(value) > 1e15 || value < floor(value) || value > floor(value)))
        return false;
    buf_add(out, digits, text_double(digits, value));
    return true;
}

/* `pattern`: 0 stands for a digit, the rest for itself. */
static bool matches(struct slice text, const char *pattern)
{
    if (text.len != strlen(pattern))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (pattern[i] == '0' ? !is_digit(text.ptr[i]) : text.ptr[i] != (uint8_t)pattern[i])
            return false;
    return true;
}

/* A text whose first `whole` bytes end in seconds, and the fraction behind them. */
static bool add_with_fraction(const struct column *column, struct slice text, size_t whole,
                              struct buf *out)
{
    struct slice fraction = without(text, whole);
    if (fraction.len == 1 || (fraction.len > 0 && fraction.ptr[0] != '.'))
        return false;
    buf_add(out, text.ptr, whole);
    return add_scaled(fraction.len == 0 ? fraction : without(fraction, 1), column->scale, out);
}

static bool add_datetime(const struct column *column, struct slice text, struct buf *out)
{
    static const char pattern[] = "0000-00-00 00:00:00";
    size_t whole = sizeof(pattern) - 1;
    return text.len >= whole && matches(slice_of(text.ptr, whole), pattern) &&
           add_with_fraction(column, text, whole, out);
}

static bool add_timestamp(const struct column *column, struct slice text, struct buf *out)
{
    size_t start = out->len;
    if (!add_datetime(column, text, out))
        return false;
    for (size_t i = start; i < out->len; i++)
        if (is_digit(out->ptr[i]) && out->ptr[i] != '0')
            return false;
    return true;
}

static bool add_time(const struct column *column, struct slice text, struct buf *out)
{
    size_t sign = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
    size_t hours = digits_len(without(text, sign));
    size_t whole = sign + hours + 6;
    if (hours < 2 || hours > 3 || (hours == 3 && text.ptr[sign] == '0') || text.len < whole ||
        !matches(slice_of(text.ptr + sign + hours, 6), ":00:00"))
        return false;
    return add_with_fraction(column, text, whole, out);
}

/* The characters that servers show a text with '?' for are lost. */
static bool is_sure_text(struct slice text)
{
    return text_is_utf8(text) && (text.len == 0 || memchr(text.ptr, '?', text.len) == NULL);
}

static uint64_t characters(struct slice text)
{
    uint64_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += (text.ptr[i] & 0xc0) != 0x80;
    return count;
}

/* TEXT whose default the catalog may show as the bytes that it has in its charset. */
static bool is_shown_raw(const struct column *column)
{
    static const char *const types[] = {"text", "tinytext", "mediumtext", "longtext"};
    static const char *const wide[] = {"utf16", "utf32", "ucs2"};
    bool is_text = false;
    bool is_wide = false;
    for (unsigned i = 0; i < COUNT_OF(types); i++)
        is_text = is_text || slice_starts_nocase(column->type, slice_str(types[i]));
    for (unsigned i = 0; i < COUNT_OF(wide); i++)
        is_wide = is_wide || slice_starts_nocase(column->charset, slice_str(wide[i]));
    return is_text && is_wide;
}

/* Longer than the column: not what the server keeps. A CHAR gives its values without the blanks at
 * their end. */
static bool add_string(const struct column *column, struct slice text, struct buf *out)
{
    while (column->is_fixed_bytes && text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    if (!is_sure_text(text) || (text.len > 0 && is_shown_raw(column)) ||
        (column->length > 0 && characters(text) > column->length))
        return false;
    buf_add_slice(out, text);
    return true;
}

static bool add_enum(const struct column *column, struct slice text, struct buf *out)
{
    for (uint32_t i = 0; column->labels != NULL && i < column->label_count; i++) {
        if (!slice_equal(column->labels[i], text))
            continue;
        buf_add_slice(out, text);
        return is_sure_text(text);
    }
    return false;
}

/* Labels in the order of their declaration, as values give them. */
static bool add_set(const struct column *column, struct slice text, struct buf *out)
{
    struct slice left = text;
    bool more = left.len > 0;
    for (uint32_t i = 0; column->labels != NULL && more && i < column->label_count; i++) {
        const uint8_t *comma = memchr(left.ptr, ',', left.len);
        size_t len = comma == NULL ? left.len : (size_t)(comma - left.ptr);
        if (!slice_equal(column->labels[i], slice_of(left.ptr, len)))
            continue;
        more = comma != NULL;
        left = without(left, more ? len + 1 : len);
    }
    if (more || left.len > 0 || column->labels == NULL)
        return false;
    buf_add_slice(out, text);
    return is_sure_text(text);
}

/* Writes the canonical text; false: it cannot be told for sure. */
static bool add_canonical(const struct column *column, const struct catalog_column *catalog,
                          struct slice text, struct buf *out)
{
    switch (column->kind) {
    case COLUMN_INT:
        return add_int(column, text, out);
    case COLUMN_UINT:
        return add_uint(column, text, out);
    case COLUMN_BIT:
        return add_bits(column, text, out);
    case COLUMN_YEAR:
        return add_year(text, out);
    case COLUMN_DECIMAL:
        return add_decimal(column, text, out);
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        return add_real(column, catalog, text, out);
    case COLUMN_DATE:
        buf_add_slice(out, text);
        return matches(text, "0000-00-00");
    case COLUMN_TIME:
        return add_time(column, text, out);
    case COLUMN_DATETIME:
        return add_datetime(column, text, out);
    case COLUMN_TIMESTAMP:
        return add_timestamp(column, text, out);
    case COLUMN_STRING:
        return add_string(column, text, out);
    case COLUMN_ENUM:
        return add_enum(column, text, out);
    case COLUMN_SET:
        return add_set(column, text, out);
    case COLUMN_UUID:
        buf_add_slice(out, text);
        return matches(text, "00000000-0000-0000-0000-000000000000");
    case COLUMN_UNKNOWN:
    case COLUMN_BYTES:
    case COLUMN_JSON:
    case COLUMN_GEOMETRY:
    case COLUMN_VECTOR:
    case COLUMN_INET4:
    case COLUMN_INET6:
        break;
    }
    return false;
}

/* NOT NULL and no default: what ALTER TABLE gives older rows, and an INSERT without a strict sql_mode
 * new ones. */
static bool add_implicit(const struct column *column, struct buf *out)
{
    switch (column->kind) {
    case COLUMN_INT:
    case COLUMN_UINT:
    case COLUMN_BIT:
    case COLUMN_YEAR:
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        buf_add_byte(out, '0');
        return true;
    case COLUMN_DECIMAL:
        return add_decimal(column, SLICE("0"), out);
    case COLUMN_DATE:
        buf_add_str(out, "0000-00-00");
        return true;
    case COLUMN_TIME:
        return add_time(column, SLICE("00:00:00"), out);
    case COLUMN_DATETIME:
        return add_datetime(column, SLICE("0000-00-00 00:00:00"), out);
    case COLUMN_STRING:
    case COLUMN_SET:
        return true;
    case COLUMN_BYTES:
        return !column->is_fixed_bytes;
    case COLUMN_ENUM:
        return column->label_count > 0 && add_enum(column, column->labels[0], out);
    case COLUMN_UNKNOWN:
    case COLUMN_TIMESTAMP: /* may be the time of the statement (explicit_defaults_for_timestamp) */
    case COLUMN_JSON:
    case COLUMN_GEOMETRY:
    case COLUMN_VECTOR:
    case COLUMN_UUID:
    case COLUMN_INET4:
    case COLUMN_INET6:
        break;
    }
    return false;
}

enum rc value_default(struct column *column, const struct catalog_column *catalog,
                      struct arena *arena, struct error *err)
{
    if (catalog->default_is_expression || catalog->is_auto_increment ||
        catalog->generated != CATALOG_PLAIN || catalog->versioning != CATALOG_NOT_VERSIONED)
        return RC_OK;
    struct slice shown = catalog->default_value;
    if (shown.ptr == NULL && (catalog->nullable || catalog->has_default)) {
        column->default_known = catalog->nullable && catalog->has_default;
        return RC_OK;
    }
    struct buf text;
    buf_init(&text, 4 * shown.len + NUMBER_TEXT_MAX);
    bool known = shown.ptr == NULL ? add_implicit(column, &text)
                                   : add_canonical(column, catalog, shown, &text);
    enum rc rc = buf_check(&text, "The default of a column", err);
    if (rc == RC_OK && known) {
        column->default_value = arena_copy(arena, buf_slice(&text));
        column->default_known = column->default_value.ptr != NULL;
        if (!column->default_known)
            rc = error_set(err, RC_MEMORY, "There is no memory for the default of a column.");
    }
    buf_deinit(&text);
    return rc;
}
