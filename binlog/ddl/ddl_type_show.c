/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What information_schema shows of a type. Its widths, lengths and spellings were asked of MariaDB
 * 10.5, 10.11, 11.8 and MySQL 5.6, 9.7; tests/integration/test_ddl_differential.py asks again.
 */
#include "ddl_type_int.h"

enum { TEXT_LIMIT_MYSQL = 65535, TEXT_LIMIT_MARIADB = 65532, COLUMN_TYPE_MAX = 32 << 20 };

static const struct {
    const char *name;
    uint8_t width_signed;
    uint8_t width_unsigned;
    uint8_t precision;
} integers[] = {
    [DDL_TINYINT] = {"tinyint", 4, 3, 3},     [DDL_SMALLINT] = {"smallint", 6, 5, 5},
    [DDL_MEDIUMINT] = {"mediumint", 9, 8, 7}, [DDL_INT] = {"int", 11, 10, 10},
    [DDL_BIGINT] = {"bigint", 20, 20, 19},
};

bool ddl_type_is_large(struct slice data_type)
{
    static const char *const endings[] = {"text",    "blob",       "geometry",  "point",
                                          "polygon", "linestring", "collection"};
    for (unsigned i = 0; i < COUNT_OF(endings); i++) {
        size_t len = strlen(endings[i]);
        if (data_type.len >= len &&
            memcmp(data_type.ptr + data_type.len - len, endings[i], len) == 0)
            return true;
    }
    return false;
}

uint64_t ddl_count_chars(struct slice text)
{
    uint64_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += (text.ptr[i] & 0xC0) != 0x80;
    return count;
}

enum ddl_type_kind ddl_text_kind(uint64_t bytes)
{
    if (bytes <= 255)
        return DDL_TINYTEXT;
    if (bytes <= 65535)
        return DDL_TEXT;
    return bytes <= 16777215 ? DDL_MEDIUMTEXT : DDL_LONGTEXT;
}

uint64_t ddl_text_bytes(enum ddl_type_kind kind)
{
    switch (kind) {
    case DDL_TINYTEXT:
        return 255;
    case DDL_TEXT:
        return 65535;
    case DDL_MEDIUMTEXT:
        return 16777215;
    default:
        return 4294967295;
    }
}

static void set_data_type(struct catalog_column *column, const char *name)
{
    column->data_type = slice_str(name);
}

static const char *signs(const struct ddl_type *type)
{
    if (type->is_zerofill)
        return " unsigned zerofill";
    return type->is_unsigned ? " unsigned" : "";
}

/* MySQL leaves the widths of integers out from 8.0.19 on, but for those that say more. */
static bool hides_width(const struct ddl_parser *parser)
{
    return !parser->context->is_mariadb && parser->context->version >= 80019;
}

static void show_integer(struct ddl_parser *parser, const struct ddl_type *type,
                         struct catalog_column *column)
{
    const char *name = integers[type->kind].name;
    unsigned width = type->is_unsigned && !(type->kind == DDL_BIGINT)
                         ? integers[type->kind].width_unsigned
                         : integers[type->kind].width_signed;
    if (type->has_length && type->length > 0)
        width = (unsigned)type->length;
    set_data_type(column, name);
    column->precision = integers[type->kind].precision;
    if (type->kind == DDL_BIGINT && type->is_unsigned)
        column->precision = 20;
    if (type->kind == DDL_MEDIUMINT && type->is_unsigned && parser->context->is_mariadb)
        column->precision = 8;
    bool is_flag = type->kind == DDL_TINYINT && width == 1 && !type->is_unsigned;
    if (hides_width(parser) && !type->is_zerofill && !is_flag)
        column->column_type = ddl_format(parser, "%s%s", name, signs(type));
    else
        column->column_type = ddl_format(parser, "%s(%u)%s", name, width, signs(type));
}

static void show_float(struct ddl_parser *parser, const struct ddl_type *type,
                       struct catalog_column *column)
{
    const char *name = type->kind == DDL_FLOAT ? "float" : "double";
    set_data_type(column, name);
    column->precision = type->kind == DDL_FLOAT ? 12 : 22;
    if (!type->has_scale) {
        column->column_type = ddl_format(parser, "%s%s", name, signs(type));
        return;
    }
    column->precision = (uint32_t)type->length;
    column->scale = type->scale;
    column->column_type =
        ddl_format(parser, "%s(%u,%u)%s", name, column->precision, column->scale, signs(type));
}

static void show_decimal(struct ddl_parser *parser, const struct ddl_type *type,
                         struct catalog_column *column)
{
    set_data_type(column, "decimal");
    column->precision = type->length == 0 ? 10 : (uint32_t)type->length;
    column->scale = type->scale;
    column->column_type =
        ddl_format(parser, "decimal(%u,%u)%s", column->precision, column->scale, signs(type));
}

static void show_year(struct ddl_parser *parser, const struct ddl_type *type,
                      struct catalog_column *column)
{
    /* YEAR(2) became YEAR(4) with MySQL 5.6.6 and is still what it says on MariaDB. */
    bool is_short = type->has_length && type->length == 2 &&
                    (parser->context->is_mariadb || parser->context->version < 50606);
    set_data_type(column, "year");
    if (hides_width(parser))
        column->column_type = SLICE("year");
    else
        column->column_type = is_short ? SLICE("year(2)") : SLICE("year(4)");
}

static void show_temporal(struct ddl_parser *parser, const struct ddl_type *type, const char *name,
                          struct catalog_column *column)
{
    set_data_type(column, name);
    column->fraction_digits = (uint32_t)type->length;
    column->column_type = type->length == 0
                              ? slice_str(name)
                              : ddl_format(parser, "%s(%u)", name, column->fraction_digits);
}

static void show_sized(struct ddl_parser *parser, const char *name, uint64_t size,
                       struct catalog_column *column)
{
    set_data_type(column, name);
    column->column_type = ddl_format(parser, "%s(%llu)", name, (unsigned long long)size);
}

static void show_compressed(struct ddl_parser *parser, const struct ddl_type *type,
                            struct catalog_column *column)
{
    if (!type->is_compressed)
        return;
    bool is_marked = parser->context->version >= 100600;
    column->column_type = ddl_format(parser, "%.*s /*%s!100301 COMPRESSED*/",
                                     SLICE_ARG(column->column_type), is_marked ? "M" : "");
}

static void show_large_text(struct ddl_parser *parser, const struct ddl_type *type,
                            const struct ddl_collation *collation, struct catalog_column *column)
{
    static const char *const texts[] = {"tinytext", "text", "mediumtext", "longtext"};
    static const char *const blobs[] = {"tinyblob", "blob", "mediumblob", "longblob"};
    unsigned index = type->kind - DDL_TINYTEXT;
    set_data_type(column, collation->is_binary ? blobs[index] : texts[index]);
    column->column_type = column->data_type;
    column->byte_length = ddl_text_bytes(type->kind);
    column->char_length = column->byte_length / collation->char_bytes_min;
    show_compressed(parser, type, column);
}

/* A text too long for VARCHAR becomes a larger one, and TEXT(n) takes the size that n needs. */
static void settle_size(struct ddl_parser *parser, struct ddl_type *type,
                        const struct ddl_collation *collation)
{
    uint64_t bytes =
        type->length > UINT32_MAX ? UINT64_MAX : type->length * collation->char_bytes_max;
    bool is_mariadb = parser->context->is_mariadb;
    uint64_t limit = is_mariadb ? TEXT_LIMIT_MARIADB : TEXT_LIMIT_MYSQL;
    if (type->kind == DDL_VARCHAR && bytes > limit)
        type->kind = ddl_text_kind(bytes);
    else if (type->kind == DDL_TEXT && type->has_length &&
             (type->length > 0 || (!is_mariadb && parser->context->version >= 80000)))
        type->kind = ddl_text_kind(bytes);
    else
        return;
    if (collation->is_unknown)
        ddl_charset_unreadable(parser); /* the size of the text hangs on it */
    type->has_length = false;
    type->length = 0;
}

static void show_text(struct ddl_parser *parser, struct ddl_type *type,
                      const struct ddl_collation *collation, struct catalog_column *column)
{
    settle_size(parser, type, collation);
    if (type->kind >= DDL_TINYTEXT) {
        show_large_text(parser, type, collation, column);
        return;
    }
    if (!type->has_length && type->kind == DDL_CHAR) {
        type->has_length = true;
        type->length = 1;
    }
    if (type->kind == DDL_CHAR)
        show_sized(parser, collation->is_binary ? "binary" : "char", type->length, column);
    else
        show_sized(parser, collation->is_binary ? "varbinary" : "varchar", type->length, column);
    column->char_length = type->length;
    column->byte_length =
        collation->is_unknown ? 0 : type->length * (uint64_t)collation->char_bytes_max;
    show_compressed(parser, type, column);
}

/* Without the spaces at the end, which a label never has but in a binary set. */
static struct slice settle_label(struct ddl_parser *parser, const struct ddl_type *type,
                                 uint32_t index, const struct ddl_collation *collation)
{
    struct slice label = type->labels[index];
    if (type->label_is_bytes[index])
        label = ddl_bytes_to_text(parser, collation->bytes, label);
    else
        label = ddl_text_in_charset(parser, collation->bytes, label);
    if (label.ptr == NULL)
        ddl_unreadable(parser, "A label of an ENUM or SET is not valid in its charset.");
    while (label.len > 0 && label.ptr[label.len - 1] == ' ' && !collation->is_binary)
        label.len--;
    type->labels[index] = label;
    type->label_is_bytes[index] = false;
    return label;
}

static void add_label(struct buf *text, struct slice label)
{
    buf_add_byte(text, '\'');
    for (size_t i = 0; i < label.len; i++) {
        switch (label.ptr[i]) {
        case '\0':
            buf_add_str(text, "\\0");
            break;
        case '\n':
            buf_add_str(text, "\\n");
            break;
        case '\r':
            buf_add_str(text, "\\r");
            break;
        case '\\':
            buf_add_str(text, "\\\\");
            break;
        case '\'':
            buf_add_str(text, "''");
            break;
        default:
            buf_add_byte(text, label.ptr[i]);
        }
    }
    buf_add_byte(text, '\'');
}

static void show_labels(struct ddl_parser *parser, const struct ddl_type *type,
                        const struct ddl_collation *collation, struct catalog_column *column)
{
    struct buf text;
    uint64_t longest = 0;
    uint64_t together = 0;
    set_data_type(column, type->kind == DDL_ENUM ? "enum" : "set");
    buf_init(&text, COLUMN_TYPE_MAX);
    buf_add_slice(&text, column->data_type);
    for (uint32_t i = 0; i < type->label_count && ddl_ok(parser); i++) {
        struct slice label = settle_label(parser, type, i, collation);
        uint64_t chars = collation->is_binary ? label.len : ddl_count_chars(label);
        longest = chars > longest ? chars : longest;
        together += chars + (i > 0);
        buf_add_byte(&text, i == 0 ? '(' : ',');
        add_label(&text, label);
    }
    buf_add_byte(&text, ')');
    column->column_type = ddl_copy(parser, buf_slice(&text));
    if (text.rc != RC_OK)
        ddl_unreadable(parser, "The labels of an ENUM or SET are too long.");
    buf_deinit(&text);
    column->char_length = type->kind == DDL_ENUM ? longest : together;
    column->byte_length = column->char_length * collation->char_bytes_max;
}

static void show_json(struct ddl_parser *parser, struct ddl_type *type,
                      struct catalog_column *column)
{
    if (!parser->context->is_mariadb) {
        set_data_type(column, "json");
        column->column_type = column->data_type;
        return;
    }
    /* MariaDB: a LONGTEXT with a check. */
    struct ddl_collation collation;
    bool is_known = ddl_collation_by_name(parser, SLICE("utf8mb4_bin"), &collation);
    ASSERT(is_known);
    type->kind = DDL_LONGTEXT;
    show_large_text(parser, type, &collation, column);
    column->charset = collation.charset;
    column->collation = collation.collation;
}

static void show_word(struct ddl_parser *parser, const struct ddl_type *type,
                      struct catalog_column *column)
{
    column->data_type = type->word;
    if (slice_equal(type->word, SLICE("geometrycollection")) && !parser->context->is_mariadb &&
        parser->context->version >= 80011)
        column->data_type = SLICE("geomcollection");
    column->column_type = column->data_type;
}

static void show_charset(struct ddl_parser *parser, const struct ddl_type *type,
                         const struct ddl_collation *collation, struct catalog_column *column)
{
    /* A column of bytes has no charset to show; but all servers before MySQL 8.0 show that of an
     * ENUM or SET. */
    bool shows_labels = parser->context->is_mariadb || parser->context->version < 80000;
    if (collation->is_binary && !(shows_labels && type->kind >= DDL_ENUM))
        return;
    column->charset = collation->charset;
    column->collation = collation->collation;
}

static void show_with_charset(struct ddl_parser *parser, struct ddl_type *type,
                              const struct ddl_collation *fallback, struct catalog_column *column)
{
    struct ddl_collation collation = ddl_collation_resolve(parser, &type->charset, fallback);
    if (!ddl_ok(parser))
        return;
    if (type->kind == DDL_ENUM || type->kind == DDL_SET)
        show_labels(parser, type, &collation, column);
    else
        show_text(parser, type, &collation, column);
    show_charset(parser, type, &collation, column);
    type->charset =
        (struct ddl_charset_clause){.charset = collation.charset, .collation = collation.collation};
}

static void forget_type(struct catalog_column *column)
{
    column->charset = SLICE_EMPTY;
    column->collation = SLICE_EMPTY;
    column->char_length = 0;
    column->byte_length = 0;
    column->precision = 0;
    column->scale = 0;
    column->fraction_digits = 0;
}

static void show_vector(struct ddl_parser *parser, const struct ddl_type *type,
                        struct catalog_column *column)
{
    enum { DIMENSIONS_DEFAULT = 2048, DIMENSION_BYTES = 4 };
    uint64_t dimensions = type->has_length ? type->length : DIMENSIONS_DEFAULT;
    show_sized(parser, "vector", dimensions, column);
    column->byte_length = dimensions * DIMENSION_BYTES;
    column->char_length = column->byte_length;
}

void ddl_type_show(struct ddl_parser *parser, struct ddl_type *type,
                   const struct ddl_collation *fallback, struct catalog_column *column)
{
    forget_type(column);
    switch (type->kind) {
    case DDL_TINYINT:
    case DDL_SMALLINT:
    case DDL_MEDIUMINT:
    case DDL_INT:
    case DDL_BIGINT:
        show_integer(parser, type, column);
        break;
    case DDL_FLOAT:
    case DDL_DOUBLE:
        show_float(parser, type, column);
        break;
    case DDL_DECIMAL:
        show_decimal(parser, type, column);
        break;
    case DDL_BIT:
        show_sized(parser, "bit", type->length == 0 ? 1 : type->length, column);
        column->precision = type->length == 0 ? 1 : (uint32_t)type->length;
        break;
    case DDL_YEAR:
        show_year(parser, type, column);
        break;
    case DDL_DATE:
        set_data_type(column, "date");
        column->column_type = column->data_type;
        break;
    case DDL_TIME:
        show_temporal(parser, type, "time", column);
        break;
    case DDL_DATETIME:
        show_temporal(parser, type, "datetime", column);
        break;
    case DDL_TIMESTAMP:
        show_temporal(parser, type, "timestamp", column);
        break;
    case DDL_JSON:
        show_json(parser, type, column);
        break;
    case DDL_VECTOR:
        show_vector(parser, type, column);
        break;
    case DDL_GEOMETRY:
    case DDL_OTHER:
        show_word(parser, type, column);
        break;
    default:
        show_with_charset(parser, type, fallback, column);
    }
}

void ddl_type_of_column(struct ddl_parser *parser, const struct catalog_column *column,
                        struct ddl_type *type)
{
    struct ddl_lexer outer = parser->lexer;
    ddl_lexer_init(&parser->lexer, column->column_type, 0, parser->context->version,
                   parser->context->is_mariadb);
    ddl_read_type(parser, type);
    if (ddl_accept(parser, "COMPRESSED"))
        type->is_compressed = true;
    if (ddl_ok(parser))
        ddl_expect_end(parser);
    parser->lexer = outer;
    if (ddl_type_is_text(type) && column->collation.len > 0)
        type->charset =
            (struct ddl_charset_clause){.charset = column->charset, .collation = column->collation};
    else if (ddl_type_is_text(type))
        type->charset = (struct ddl_charset_clause){.charset = SLICE("binary")};
    if (parser->unreadable)
        parser->reason = ddl_format(parser, "The known type of the column %.*s, %.*s, is not read.",
                                    SLICE_ARG(column->name), SLICE_ARG(column->column_type));
}
