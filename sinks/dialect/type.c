/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Target types as information_schema and SHOW CREATE TABLE spell them, and whether one takes every
 * value of a source column. Wider is fine, a text column takes anything that fits its bytes; what
 * would round, cut or wrap is not.
 *
 * Sources: facts/doris.md 3.4 and 6.4, facts/starrocks.md 3.5 and 6.3 (information_schema shows
 * LARGEINT as "bigint unsigned" and BOOLEAN as "tinyint").
 */
#include "dialect_int.h"

static const struct {
    const char *word;
    enum dialect_family family;
    uint64_t size;
} type_words[] = {
    {"boolean", DIALECT_BOOLEAN, 0},     {"bool", DIALECT_BOOLEAN, 0},
    {"tinyint", DIALECT_INTEGER, 1},     {"smallint", DIALECT_INTEGER, 2},
    {"int", DIALECT_INTEGER, 4},         {"integer", DIALECT_INTEGER, 4},
    {"bigint", DIALECT_INTEGER, 8},      {"largeint", DIALECT_INTEGER, 16},
    {"float", DIALECT_FLOAT, 0},         {"double", DIALECT_DOUBLE, 0},
    {"decimal", DIALECT_DECIMAL, 9},     {"decimalv2", DIALECT_DECIMAL, 9},
    {"decimalv3", DIALECT_DECIMAL, 9},   {"decimal32", DIALECT_DECIMAL, 9},
    {"decimal64", DIALECT_DECIMAL, 18},  {"decimal128", DIALECT_DECIMAL, 38},
    {"decimal256", DIALECT_DECIMAL, 76}, {"date", DIALECT_DATE, 0},
    {"datev2", DIALECT_DATE, 0},         {"datetime", DIALECT_DATETIME, 0},
    {"datetimev2", DIALECT_DATETIME, 0}, {"char", DIALECT_CHARS, 1},
    {"varchar", DIALECT_CHARS, 1},       {"string", DIALECT_CHARS, 0},
    {"text", DIALECT_CHARS, 0},          {"json", DIALECT_JSON, 0},
    {"jsonb", DIALECT_JSON, 0},          {"variant", DIALECT_JSON, 0},
    {"array", DIALECT_ARRAY, 0},         {"ipv4", DIALECT_IPV4, 0},
    {"ipv6", DIALECT_IPV6, 0},
};

/* The figures in "(10, 2)": how many there are, at most two. A "*" is the widest VARCHAR. */
static unsigned parse_figures(struct slice text, uint64_t figures[2])
{
    const uint8_t *open = text.len == 0 ? NULL : memchr(text.ptr, '(', text.len);
    if (open == NULL)
        return 0;
    size_t at = (size_t)(open - text.ptr) + 1;
    unsigned count = 0;
    while (count < 2 && at < text.len && text.ptr[at] != ')') {
        size_t end = at;
        while (end < text.len && text.ptr[end] != ',' && text.ptr[end] != ')')
            end++;
        struct slice piece = slice_trim(slice_of(text.ptr + at, end - at));
        if (slice_equal(piece, SLICE("*")))
            figures[count++] = 65533;
        else if (!text_parse_u64(piece, &figures[count++]))
            return 0;
        at = end < text.len && text.ptr[end] == ',' ? end + 1 : end;
    }
    return count;
}

/* ARRAY's item type must be a float for a vector: anything else is another column's. */
static bool array_is_floats(struct slice text)
{
    return text.len > 6 &&
           (slice_starts_nocase(slice_of(text.ptr + 6, text.len - 6), SLICE("float")) ||
            slice_starts_nocase(slice_of(text.ptr + 6, text.len - 6), SLICE("double")));
}

static void take_figures(const struct dialect_traits *traits, struct slice word, struct slice text,
                         struct dialect_type *type)
{
    uint64_t figures[2] = {0, 0};
    unsigned count = parse_figures(text, figures);
    switch (type->family) {
    case DIALECT_INTEGER:
        /* A display width of 1 is how a BOOLEAN is shown to MySQL's tools; a TINYINT has 4. */
        if (type->size == 1 && count == 1 && figures[0] == 1)
            *type = (struct dialect_type){DIALECT_BOOLEAN, 0, 0};
        break;
    case DIALECT_DECIMAL:
        if (count > 0)
            type->size = figures[0];
        type->scale = count > 1 ? (unsigned)figures[1] : 0;
        break;
    case DIALECT_DATETIME:
        type->scale = count > 0 && traits->datetime_scale == 0 ? (unsigned)figures[0]
                                                               : traits->datetime_scale;
        break;
    case DIALECT_CHARS:
        if (count > 0)
            type->size = figures[0];
        else if (slice_equal_nocase(word, SLICE("string")) ||
                 slice_equal_nocase(word, SLICE("text")))
            type->size = traits->string_bytes;
        break;
    case DIALECT_ARRAY:
        if (!array_is_floats(text))
            type->family = DIALECT_OTHER;
        break;
    default:
        break;
    }
    /* Both products show a STRING in some views as a VARCHAR of the largest int. */
    if (type->family == DIALECT_CHARS && type->size >= 2147482624U)
        type->size = DIALECT_UNBOUNDED;
}

struct dialect_type dialect_type_parse(const struct dialect_traits *traits, struct slice text)
{
    struct dialect_type type = {DIALECT_OTHER, 0, 0};
    text = slice_trim(text);
    size_t len = 0;
    while (len < text.len && text.ptr[len] != '(' && text.ptr[len] != '<' && text.ptr[len] != ' ')
        len++;
    struct slice word = slice_of(text.ptr, len);
    for (unsigned i = 0; i < COUNT_OF(type_words); i++) {
        if (!slice_equal_nocase(word, slice_str(type_words[i].word)))
            continue;
        type.family = type_words[i].family;
        type.size = type_words[i].size;
        break;
    }
    struct slice tail = slice_of(text.ptr + len, text.len - len);
    bool is_unsigned = tail.len >= 8 &&
                       slice_equal_nocase(slice_of(tail.ptr + tail.len - 8, 8), SLICE("unsigned"));
    if (type.family == DIALECT_INTEGER && is_unsigned)
        type.size = type.size == 8 ? 16 : type.size;
    take_figures(traits, word, text, &type);
    return type;
}

/* The most UTF-8 bytes that one character of a source charset can become. */
static uint64_t charset_bytes(struct slice charset)
{
    static const char *const three[] = {
        "utf8",   "utf8mb3", "latin1", "latin2", "latin5", "latin7", "cp1250", "cp1251", "cp1256",
        "cp1257", "cp850",   "cp852",  "cp866",  "koi8r",  "koi8u",  "greek",  "hebrew", "tis620",
        "gbk",    "gb2312",  "euckr",  "ujis",   "sjis",   "cp932",  "eucjpms"};
    if (slice_equal_nocase(charset, SLICE("ascii")))
        return 1;
    for (unsigned i = 0; i < COUNT_OF(three); i++)
        if (slice_equal_nocase(charset, slice_str(three[i])))
            return 3;
    return 4;
}

static uint64_t string_bytes(const struct column *column)
{
    if (column->length == 0)
        return column->length_bytes == 0 ? DIALECT_UNBOUNDED : column->length_bytes * 3;
    uint64_t bytes = column->length * charset_bytes(column->charset);
    /* Where the source holds UTF-8 itself, its own bound in bytes is ours too (TEXT: 65535). */
    bool utf8 = slice_starts_nocase(column->charset, SLICE("utf8"));
    return utf8 && column->length_bytes != 0 && column->length_bytes < bytes ? column->length_bytes
                                                                             : bytes;
}

static uint64_t label_bytes(const struct column *column)
{
    bool set = column->kind == COLUMN_SET;
    /* A label has at most 255 characters, a SET at most 64 of them and the commas between. */
    if (column->labels == NULL)
        return set ? 64 * 1020 + 63 : 1020;
    uint64_t longest = 0;
    uint64_t sum = column->label_count == 0 ? 0 : column->label_count - 1;
    for (uint32_t i = 0; i < column->label_count; i++) {
        longest = column->labels[i].len > longest ? column->labels[i].len : longest;
        sum += column->labels[i].len;
    }
    return set ? sum : longest;
}

uint64_t dialect_text_bytes(const struct column *column)
{
    uint64_t fraction = column->scale == 0 ? 0 : column->scale + 1U;
    switch (column->kind) {
    case COLUMN_INT:
    case COLUMN_UINT:
    case COLUMN_BIT:
        return 20;
    case COLUMN_YEAR:
        return 4;
    case COLUMN_DECIMAL:
        return column->precision + 3U; /* the sign, the point, and "0" before it */
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        return 25; /* "-1.7976931348623157e+308" and room for a longer exponent */
    case COLUMN_DATE:
        return 10;
    case COLUMN_TIME:
        return 10 + fraction; /* "-838:59:59" */
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        return 19 + fraction;
    case COLUMN_STRING:
        return string_bytes(column);
    case COLUMN_BYTES:
        return column->length == 0 ? DIALECT_UNBOUNDED : (column->length + 2) / 3 * 4;
    case COLUMN_ENUM:
    case COLUMN_SET:
        return label_bytes(column);
    case COLUMN_UUID:
        return 36;
    case COLUMN_INET4:
        return 15;
    case COLUMN_INET6:
        return 45;
    case COLUMN_JSON:
    case COLUMN_GEOMETRY:
    case COLUMN_VECTOR:
    case COLUMN_UNKNOWN:
    default:
        return DIALECT_UNBOUNDED;
    }
}

/* Value bits and decimal digits of the whole numbers that a column can hold. */
static bool whole_number(const struct column *column, unsigned *bits_out, unsigned *digits_out)
{
    static const unsigned digits_signed[9] = {0, 3, 5, 7, 10, 0, 0, 0, 19};
    static const unsigned digits_unsigned[9] = {0, 3, 5, 8, 10, 0, 0, 0, 20};
    unsigned width = column->int_bytes > 8 ? 8 : column->int_bytes;
    switch (column->kind) {
    case COLUMN_INT:
        *bits_out = width * 8 - 1;
        *digits_out = digits_signed[width];
        return width > 0;
    case COLUMN_UINT:
        *bits_out = width * 8;
        *digits_out = digits_unsigned[width];
        return width > 0;
    case COLUMN_BIT:
        *bits_out = column->length == 0 || column->length > 64 ? 64 : (unsigned)column->length;
        *digits_out = *bits_out * 3 / 10 + 1;
        return true;
    case COLUMN_YEAR:
        *bits_out = 12;
        *digits_out = 4;
        return true;
    case COLUMN_DECIMAL:
        *digits_out = column->precision;
        *bits_out = column->precision * 10U / 3 + 1; /* 10^p < 2^bits */
        return column->scale == 0;
    default:
        return false;
    }
}

static bool integer_holds(const struct column *column, const struct dialect_type *have)
{
    unsigned bits = 0;
    unsigned digits = 0;
    return whole_number(column, &bits, &digits) && bits <= have->size * 8 - 1;
}

static bool boolean_holds(const struct column *column)
{
    /* TINYINT(1) is how MySQL spells BOOLEAN, and how Flink CDC creates its targets. */
    return (column->kind == COLUMN_BIT && column->length == 1) ||
           (column->kind == COLUMN_INT && slice_starts_nocase(column->type, SLICE("tinyint(1)")));
}

static bool decimal_holds(const struct column *column, const struct dialect_type *have)
{
    unsigned bits = 0;
    unsigned digits = 0;
    uint64_t whole = have->size > have->scale ? have->size - have->scale : 0;
    if (column->kind == COLUMN_DECIMAL)
        return have->scale >= column->scale && whole >= (uint64_t)column->precision - column->scale;
    return whole_number(column, &bits, &digits) && whole >= digits;
}

static bool real_holds(const struct column *column, unsigned mantissa_bits)
{
    unsigned bits = 0;
    unsigned digits = 0;
    if (column->kind == COLUMN_FLOAT)
        return true;
    if (column->kind == COLUMN_DOUBLE)
        return mantissa_bits >= 53;
    return column->kind != COLUMN_DECIMAL && whole_number(column, &bits, &digits) &&
           bits <= mantissa_bits;
}

/* The encoding of a value as text; what is JSON inside is quoted. */
static enum load_encoding text_encoding(const struct column *column)
{
    switch (column->kind) {
    case COLUMN_BYTES:
        return LOAD_BASE64;
    case COLUMN_JSON:
    case COLUMN_VECTOR:
        return LOAD_JSON_STRING;
    case COLUMN_GEOMETRY:
        return LOAD_GEOMETRY;
    default:
        return LOAD_STRING;
    }
}

static bool chars_hold(const struct column *column, const struct dialect_type *want,
                       const struct dialect_type *have, enum load_encoding *encoding)
{
    *encoding = text_encoding(column);
    uint64_t need = dialect_text_bytes(column);
    /* No more can be asked of a table than the one that we would create ourselves. */
    if (want->family == DIALECT_CHARS && want->size < need)
        need = want->size;
    return have->size >= need;
}

bool dialect_type_holds(const struct dialect_traits *traits, const struct column *column,
                        const struct dialect_type *want, const struct dialect_type *have,
                        enum load_encoding *encoding)
{
    bool instant = column->kind == COLUMN_DATETIME || column->kind == COLUMN_TIMESTAMP;
    *encoding = LOAD_STRING;
    switch (have->family) {
    case DIALECT_BOOLEAN:
        *encoding = column->kind == COLUMN_BIT ? LOAD_BIT_BOOLEAN : LOAD_NUMBER;
        return boolean_holds(column);
    case DIALECT_INTEGER:
        *encoding = have->size > 8 ? LOAD_STRING : LOAD_NUMBER;
        return integer_holds(column, have);
    case DIALECT_FLOAT:
    case DIALECT_DOUBLE:
        *encoding = LOAD_NUMBER;
        return real_holds(column, have->family == DIALECT_FLOAT ? 24 : 53);
    case DIALECT_DECIMAL:
        return decimal_holds(column, have);
    case DIALECT_DATE:
        *encoding = LOAD_DATE;
        return column->kind == COLUMN_DATE;
    case DIALECT_DATETIME:
        *encoding = LOAD_DATE;
        return column->kind == COLUMN_DATE || (instant && have->scale >= column->scale);
    case DIALECT_CHARS:
        return chars_hold(column, want, have, encoding);
    case DIALECT_JSON:
        *encoding = traits->json_encoding;
        return column->kind == COLUMN_JSON;
    case DIALECT_ARRAY:
        *encoding = LOAD_JSON_VALUE;
        return column->kind == COLUMN_VECTOR;
    case DIALECT_IPV4:
        return column->kind == COLUMN_INET4;
    case DIALECT_IPV6:
        return column->kind == COLUMN_INET6;
    case DIALECT_OTHER:
    default:
        return false;
    }
}

const char *dialect_integer_type(const struct column *column)
{
    static const char *const of_signed[9] = {NULL, "TINYINT", "SMALLINT", "INT",   "INT",
                                             NULL, NULL,      NULL,       "BIGINT"};
    static const char *const of_unsigned[9] = {NULL, "SMALLINT", "INT", "INT",     "BIGINT",
                                               NULL, NULL,       NULL,  "LARGEINT"};
    if (column->int_bytes > 8)
        return NULL;
    return column->kind == COLUMN_INT ? of_signed[column->int_bytes]
                                      : of_unsigned[column->int_bytes];
}
