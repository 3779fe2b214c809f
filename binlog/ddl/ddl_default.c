/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server stores and shows of a literal default: numbers rounded to the column's digits,
 * texts without what the type cuts off, labels as they were declared. Asked of MariaDB 10.11 and
 * MySQL 5.6 and 9.7.
 */
#include "ddl_literal_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIGITS_MAX = 512, DOUBLE_DIGITS = 17, FLOAT_DIGITS = 6, PLAIN_EXPONENT_MAX = 15 };

/* A number of a statement in decimal digits: 0.<digits> * 10^point. */
struct decimal {
    bool is_negative;
    char digits[DIGITS_MAX];
    int count;
    int point;
};

static int small_exponent(const char *text)
{
    long value = 0;
    bool is_negative = *text == '-';
    for (text += *text == '-' || *text == '+'; *text >= '0' && *text <= '9' && value < 10000;
         text++)
        value = value * 10 + (*text - '0');
    return (int)(is_negative ? -value : value);
}

/* The number that the text begins with, as servers take it. False: none, or one longer than any
 * column. */
static bool parse_decimal(struct slice text, struct decimal *decimal)
{
    char copy[DIGITS_MAX];
    text = slice_trim(text);
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *decimal = (struct decimal){.is_negative = copy[0] == '-'};
    const char *at = copy + (copy[0] == '-' || copy[0] == '+');
    bool has_point = false;
    bool has_digit = false;
    for (; (*at >= '0' && *at <= '9') || (*at == '.' && !has_point); at++) {
        if (*at == '.') {
            has_point = true;
            continue;
        }
        has_digit = true;
        if (*at != '0' || decimal->count > 0)
            decimal->digits[decimal->count++] = *at;
        else if (has_point)
            decimal->point--;
        if (!has_point && decimal->count > 0)
            decimal->point++;
    }
    if (has_digit && (*at == 'e' || *at == 'E'))
        decimal->point += small_exponent(at + 1);
    return has_digit;
}

/* Half away from zero, behind `scale` digits after the point. */
static void round_decimal(struct decimal *decimal, int scale)
{
    int kept = decimal->point + scale;
    if (kept >= decimal->count)
        return;
    if (kept < 0) {
        decimal->count = 0;
        return;
    }
    bool up = decimal->digits[kept] >= '5';
    decimal->count = kept;
    for (int i = kept - 1; up && i >= 0; i--) {
        up = decimal->digits[i] == '9';
        decimal->digits[i] = up ? '0' : (char)(decimal->digits[i] + 1);
    }
    if (up) {
        memmove(decimal->digits + 1, decimal->digits, (size_t)decimal->count);
        decimal->digits[0] = '1';
        decimal->count++;
        decimal->point++;
    }
}

static char digit_at(const struct decimal *decimal, int index)
{
    return index >= 0 && index < decimal->count ? decimal->digits[index] : '0';
}

/* Plain notation with `scale` digits behind the point and at least `width` characters of digits. */
static struct slice print_decimal(struct ddl_parser *parser, const struct decimal *decimal,
                                  int scale, int width)
{
    struct buf text;
    int whole = decimal->point > 0 ? decimal->point : 1;
    int padding = width - whole - (scale > 0 ? scale + 1 : 0);
    bool is_zero = true;
    for (int i = 0; i < decimal->count; i++)
        is_zero = is_zero && decimal->digits[i] == '0';
    buf_init(&text, (size_t)4 * DIGITS_MAX + 400);
    if (decimal->is_negative && !is_zero)
        buf_add_byte(&text, '-');
    for (int i = 0; i < padding; i++)
        buf_add_byte(&text, '0');
    for (int i = 0; i < whole && whole <= DIGITS_MAX; i++)
        buf_add_byte(&text, (uint8_t)digit_at(decimal, decimal->point - whole + i));
    if (scale > 0)
        buf_add_byte(&text, '.');
    for (int i = 0; i < scale; i++)
        buf_add_byte(&text, (uint8_t)digit_at(decimal, decimal->point + i));
    struct slice shown = ddl_copy(parser, buf_slice(&text));
    buf_deinit(&text);
    return shown;
}

/* A double by the server's rule: plain while its point lies within 15 digits, else d.ddde20. */
static struct slice print_double(struct ddl_parser *parser, double number, bool is_float)
{
    char text[64];
    struct decimal decimal;
    int digits;
    for (digits = is_float ? FLOAT_DIGITS : 1; !is_float && digits < DOUBLE_DIGITS; digits++) {
        (void)snprintf(text, sizeof(text), "%.*e", digits - 1, number);
        double back = strtod(text, NULL);
        if (!(back < number) && !(back > number))
            break;
    }
    (void)snprintf(text, sizeof(text), "%.*e", digits - 1, number);
    if (!parse_decimal(slice_str(text), &decimal))
        return SLICE_EMPTY;
    while (decimal.count > 0 && decimal.digits[decimal.count - 1] == '0')
        decimal.count--;
    if (decimal.count == 0)
        return SLICE("0");
    int scale = decimal.count > decimal.point ? decimal.count - decimal.point : 0;
    if (decimal.point <= PLAIN_EXPONENT_MAX && decimal.point > -PLAIN_EXPONENT_MAX)
        return print_decimal(parser, &decimal, scale, 0);
    return ddl_format(parser, "%s%c%s%.*se%d", decimal.is_negative ? "-" : "", decimal.digits[0],
                      decimal.count > 1 ? "." : "", decimal.count - 1, decimal.digits + 1,
                      decimal.point - 1);
}

static struct slice pad_zeros(struct ddl_parser *parser, struct slice text, size_t width)
{
    if (text.len >= width || width > DIGITS_MAX)
        return text;
    uint8_t *padded = ddl_alloc(parser, width + 1);
    if (padded == NULL)
        return text;
    memset(padded, '0', width);
    memcpy(padded + width - text.len, text.ptr, text.len);
    return slice_of(padded, width);
}

/* Big-endian bytes, or a text's bytes, as a number: at most the last eight count. */
static uint64_t bytes_number(struct slice bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.len; i++)
        number = number << 8 | bytes.ptr[i];
    return number;
}

static struct slice show_integer(struct ddl_parser *parser, const struct ddl_default *value,
                                 const struct ddl_type *type)
{
    static const int widths[] = {3, 5, 8, 10, 20};
    struct decimal decimal;
    int width = 0;
    if (type->is_zerofill)
        width = type->has_length && type->length > 0 ? (int)type->length : widths[type->kind];
    if (value->kind == DDL_DEFAULT_BYTES)
        return pad_zeros(parser,
                         ddl_format(parser, "%llu", (unsigned long long)bytes_number(value->value)),
                         (size_t)width);
    if (!parse_decimal(value->value, &decimal))
        return value->value;
    round_decimal(&decimal, 0);
    return print_decimal(parser, &decimal, 0, width);
}

static struct slice show_decimal(struct ddl_parser *parser, const struct ddl_default *value,
                                 const struct ddl_type *type, const struct catalog_column *column)
{
    struct decimal decimal;
    int scale = (int)column->scale;
    if (!parse_decimal(value->value, &decimal))
        return value->value;
    round_decimal(&decimal, scale);
    int width = (int)column->precision + (scale > 0);
    if (column->precision == column->scale)
        width++; /* the zero before the point */
    return print_decimal(parser, &decimal, scale, type->is_zerofill ? width : 0);
}

static struct slice show_float(struct ddl_parser *parser, const struct ddl_default *value,
                               const struct ddl_type *type, const struct catalog_column *column)
{
    struct decimal decimal;
    char text[DIGITS_MAX];
    if (!parse_decimal(value->value, &decimal) || value->value.len >= sizeof(text))
        return value->value;
    memcpy(text, value->value.ptr, value->value.len);
    text[value->value.len] = '\0';
    double number = strtod(text, NULL);
    if (type->kind == DDL_FLOAT)
        number = (double)(float)number;
    if (!isfinite(number))
        return value->value;
    struct slice shown;
    if (type->has_scale) {
        round_decimal(&decimal, (int)column->scale);
        shown = print_decimal(parser, &decimal, (int)column->scale, 0);
    } else {
        shown = print_double(parser, number, type->kind == DDL_FLOAT);
    }
    return type->is_zerofill ? pad_zeros(parser, shown, column->precision) : shown;
}

static struct slice show_bits(struct ddl_parser *parser, const struct ddl_default *value)
{
    uint64_t number = 0;
    char bits[64];
    int count = 0;
    if (value->kind != DDL_DEFAULT_NUMBER)
        number = bytes_number(value->value);
    else if (!text_parse_u64(value->value, &number))
        return value->value;
    do {
        bits[63 - count++] = (char)('0' + (number & 1));
        number >>= 1;
    } while (number > 0);
    return ddl_format(parser, "b'%.*s'", count, bits + 64 - count);
}

static struct slice show_year(struct ddl_parser *parser, const struct ddl_default *value)
{
    uint64_t year = 0;
    if (!text_parse_u64(value->value, &year) || year > 9999)
        return value->value;
    bool is_text_zero = value->kind == DDL_DEFAULT_TEXT && value->value.len < 4;
    if (year < 70 && (year > 0 || is_text_zero))
        year += 2000;
    else if (year >= 70 && year < 100)
        year += 1900;
    return ddl_format(parser, "%04u", (unsigned)year);
}

static struct slice trim_spaces(struct slice text)
{
    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    return text;
}

static uint32_t find_label(const struct ddl_type *type, struct slice text)
{
    for (uint32_t i = 0; i < type->label_count; i++)
        if (slice_equal(type->labels[i], text))
            return i;
    for (uint32_t i = 0; i < type->label_count; i++)
        if (ddl_name_equal(type->labels[i], trim_spaces(text)))
            return i;
    return UINT32_MAX;
}

/* The number of a label; or a label, else as a text the number of one. */
static struct slice show_enum(const struct ddl_default *value, const struct ddl_type *type,
                              bool is_text)
{
    uint64_t number;
    uint32_t index = UINT32_MAX;
    if (is_text)
        index = find_label(type, value->value);
    if (index == UINT32_MAX && text_parse_u64(value->value, &number) && number > 0 &&
        number <= type->label_count)
        index = (uint32_t)number - 1;
    return index == UINT32_MAX ? value->value : type->labels[index];
}

/* The labels of the list in the order of their declaration. */
static struct slice show_set(struct ddl_parser *parser, const struct ddl_default *value,
                             const struct ddl_type *type, bool is_text)
{
    enum { SET_LABELS_MAX = 64 };
    uint64_t mask = 0;
    struct slice left = value->value;
    bool is_found = true;
    if (!is_text) { /* a mask */
        left = SLICE("");
        is_found = false;
    }
    while (left.len > 0) {
        const uint8_t *comma = memchr(left.ptr, ',', left.len);
        size_t len = comma == NULL ? left.len : (size_t)(comma - left.ptr);
        uint32_t index = find_label(type, slice_of(left.ptr, len));
        is_found = is_found && index < SET_LABELS_MAX;
        mask |= index < SET_LABELS_MAX ? UINT64_C(1) << index : 0;
        size_t taken = comma == NULL ? left.len : len + 1;
        left = slice_of(left.ptr + taken, left.len - taken);
    }
    if (!is_found && !text_parse_u64(value->value, &mask))
        return value->value;
    struct slice shown = SLICE("");
    for (uint32_t i = 0; i < type->label_count && i < SET_LABELS_MAX; i++)
        if ((mask >> i & 1) != 0)
            shown = ddl_format(parser, "%.*s%s%.*s", SLICE_ARG(shown), shown.len > 0 ? "," : "",
                               SLICE_ARG(type->labels[i]));
    return shown;
}

/* A column of bytes: MySQL from 8.0 on shows them in hex, others as they are. */
static struct slice show_bytes(struct ddl_parser *parser, struct slice bytes,
                               const struct ddl_type *type)
{
    struct buf text;
    buf_init(&text, 2 * bytes.len + 16);
    if (!parser->context->is_mariadb && parser->context->version >= 80000) {
        if (bytes.len > 0 || type->kind == DDL_CHAR)
            buf_add_str(&text, "0x");
        for (size_t i = 0; i < bytes.len; i++)
            buf_addf(&text, "%02X", bytes.ptr[i]);
    } else if (text_is_utf8(bytes)) {
        buf_add_slice(&text, bytes);
        if (type->kind == DDL_CHAR)
            for (uint64_t i = bytes.len; i < type->length && i < 255; i++)
                buf_add_byte(&text, 0);
    }
    struct slice shown = ddl_copy(parser, buf_slice(&text));
    buf_deinit(&text);
    return shown;
}

/* Zeros before the bytes, so that they are whole characters. */
static struct slice whole_characters(struct ddl_parser *parser, struct slice bytes, size_t unit)
{
    size_t missing = (unit - bytes.len % unit) % unit;
    uint8_t *whole = ddl_alloc(parser, bytes.len + missing + 1);
    if (whole == NULL || bytes.len == 0)
        return bytes;
    memcpy(whole + missing, bytes.ptr, bytes.len);
    return slice_of(whole, bytes.len + missing);
}

static struct slice show_text(struct ddl_parser *parser, const struct ddl_default *value,
                              const struct ddl_type *type)
{
    struct ddl_collation collation = {0};
    struct slice text = value->value;
    (void)ddl_collation_by_name(parser, type->charset.collation, &collation);
    if (value->kind == DDL_DEFAULT_NUMBER && memchr(text.ptr, 'e', text.len) != NULL)
        text = show_float(parser, value, &(struct ddl_type){.kind = DDL_DOUBLE},
                          &(struct catalog_column){0});
    if (collation.is_binary || collation.bytes == NULL)
        return show_bytes(parser, text, type);
    if (value->kind == DDL_DEFAULT_BYTES)
        text = ddl_bytes_to_text(parser, collation.bytes,
                                 whole_characters(parser, text, collation.char_bytes_min));
    return type->kind == DDL_CHAR ? trim_spaces(text) : text;
}

/* In a charset of wide characters a number is turned into text before it is looked up. */
static bool is_label_text(struct ddl_parser *parser, const struct ddl_default *value,
                          const struct ddl_type *type)
{
    struct ddl_collation collation = {0};
    (void)ddl_collation_by_name(parser, type->charset.collation, &collation);
    return value->kind != DDL_DEFAULT_NUMBER || collation.char_bytes_min > 1;
}

/* Those of a charset of bytes are bytes to MySQL from 8.0 on. */
static struct slice show_labels(struct ddl_parser *parser, struct slice shown,
                                const struct ddl_type *type)
{
    struct ddl_collation collation = {0};
    (void)ddl_collation_by_name(parser, type->charset.collation, &collation);
    bool is_bytes =
        collation.is_binary && !parser->context->is_mariadb && parser->context->version >= 80000;
    return is_bytes ? show_bytes(parser, shown, type) : shown;
}

static struct slice show_value(struct ddl_parser *parser, const struct ddl_default *value,
                               const struct ddl_type *type, const struct catalog_column *column)
{
    struct slice shown = value->value;
    switch (type->kind) {
    case DDL_TINYINT:
    case DDL_SMALLINT:
    case DDL_MEDIUMINT:
    case DDL_INT:
    case DDL_BIGINT:
        return show_integer(parser, value, type);
    case DDL_FLOAT:
    case DDL_DOUBLE:
        return show_float(parser, value, type, column);
    case DDL_DECIMAL:
        return show_decimal(parser, value, type, column);
    case DDL_BIT:
        return show_bits(parser, value);
    case DDL_YEAR:
        return show_year(parser, value);
    case DDL_DATE:
    case DDL_TIME:
    case DDL_DATETIME:
    case DDL_TIMESTAMP:
        (void)ddl_default_time(parser, value->value, type, &shown);
        return shown;
    case DDL_ENUM:
        shown = show_enum(value, type, is_label_text(parser, value, type));
        return show_labels(parser, shown, type);
    case DDL_SET:
        shown = show_set(parser, value, type, is_label_text(parser, value, type));
        return show_labels(parser, shown, type);
    case DDL_JSON:
    case DDL_VECTOR:
    case DDL_GEOMETRY:
    case DDL_OTHER:
        return shown;
    default:
        return show_text(parser, value, type);
    }
}

void ddl_default_show(struct ddl_parser *parser, const struct ddl_default *value,
                      const struct ddl_type *type, struct catalog_column *column)
{
    column->default_value = SLICE_EMPTY;
    column->default_is_expression = value->kind == DDL_DEFAULT_EXPRESSION;
    column->has_default = column->nullable;
    bool is_literal = value->kind == DDL_DEFAULT_TEXT || value->kind == DDL_DEFAULT_NUMBER ||
                      value->kind == DDL_DEFAULT_BYTES;
    bool is_large = type->kind >= DDL_TINYTEXT && type->kind <= DDL_LONGTEXT;
    if (is_literal && is_large && !parser->context->is_mariadb)
        return; /* MySQL allows '' there outside of strict mode, and forgets it */
    if (is_literal || value->kind == DDL_DEFAULT_EXPRESSION)
        column->has_default = true;
    if (is_literal && ddl_ok(parser))
        column->default_value = show_value(parser, value, type, column);
}
