/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the words of a column's type: all types of MySQL 5.5 to 9.7 and MariaDB to 11.x with their
 * synonyms. What the type is shown as is the business of ddl_type_show.c.
 */
#include "ddl_type_int.h"

enum { LABELS_MAX = 65535 };

/* What follows the first word of a type. */
enum type_form {
    FORM_PLAIN = 0,
    FORM_INTEGER,  /* [(width)] [UNSIGNED] [ZEROFILL] */
    FORM_FLOAT,    /* [(bits) | (digits, scale)] and the same */
    FORM_DOUBLE,   /* [PRECISION] [(digits, scale)] and the same */
    FORM_DECIMAL,  /* [(digits[, scale])] and the same */
    FORM_LENGTH,   /* [(length)] */
    FORM_CHAR,     /* [VARYING] [(length)] and a charset */
    FORM_TEXT,     /* [(length)] and a charset */
    FORM_LABELS,   /* ('a', ...) and a charset */
    FORM_BYTES,    /* [(length)], the charset is binary */
    FORM_NATIONAL, /* CHAR, CHARACTER or VARCHAR and FORM_NCHAR */
    FORM_NCHAR,    /* [VARYING | VARCHAR] [(length)], the charset is utf8mb3 */
    FORM_LONG,     /* LONG [VARCHAR | VARBINARY | CHAR VARYING] */
    FORM_NUMBER    /* Oracle's: DOUBLE, or DECIMAL where it has digits */
};

struct type_word {
    const char *word;
    enum type_form form;
    enum ddl_type_kind kind;
};

static const struct type_word type_words[] = {
    {"TINYINT", FORM_INTEGER, DDL_TINYINT},
    {"INT1", FORM_INTEGER, DDL_TINYINT},
    {"SMALLINT", FORM_INTEGER, DDL_SMALLINT},
    {"INT2", FORM_INTEGER, DDL_SMALLINT},
    {"MEDIUMINT", FORM_INTEGER, DDL_MEDIUMINT},
    {"MIDDLEINT", FORM_INTEGER, DDL_MEDIUMINT},
    {"INT3", FORM_INTEGER, DDL_MEDIUMINT},
    {"INT", FORM_INTEGER, DDL_INT},
    {"INTEGER", FORM_INTEGER, DDL_INT},
    {"INT4", FORM_INTEGER, DDL_INT},
    {"BIGINT", FORM_INTEGER, DDL_BIGINT},
    {"INT8", FORM_INTEGER, DDL_BIGINT},
    {"FLOAT", FORM_FLOAT, DDL_FLOAT},
    {"FLOAT4", FORM_FLOAT, DDL_FLOAT},
    {"DOUBLE", FORM_DOUBLE, DDL_DOUBLE},
    {"FLOAT8", FORM_DOUBLE, DDL_DOUBLE},
    {"REAL", FORM_DOUBLE, DDL_DOUBLE},
    {"DECIMAL", FORM_DECIMAL, DDL_DECIMAL},
    {"DEC", FORM_DECIMAL, DDL_DECIMAL},
    {"NUMERIC", FORM_DECIMAL, DDL_DECIMAL},
    {"FIXED", FORM_DECIMAL, DDL_DECIMAL},
    {"NUMBER", FORM_NUMBER, DDL_DECIMAL},
    {"BIT", FORM_LENGTH, DDL_BIT},
    {"YEAR", FORM_INTEGER, DDL_YEAR},
    {"DATE", FORM_PLAIN, DDL_DATE},
    {"TIME", FORM_LENGTH, DDL_TIME},
    {"DATETIME", FORM_LENGTH, DDL_DATETIME},
    {"TIMESTAMP", FORM_LENGTH, DDL_TIMESTAMP},
    {"CHAR", FORM_CHAR, DDL_CHAR},
    {"CHARACTER", FORM_CHAR, DDL_CHAR},
    {"VARCHAR", FORM_TEXT, DDL_VARCHAR},
    {"VARCHARACTER", FORM_TEXT, DDL_VARCHAR},
    {"VARCHAR2", FORM_TEXT, DDL_VARCHAR},
    {"NATIONAL", FORM_NATIONAL, DDL_CHAR},
    {"NCHAR", FORM_NCHAR, DDL_CHAR},
    {"NVARCHAR", FORM_NCHAR, DDL_VARCHAR},
    {"BINARY", FORM_BYTES, DDL_CHAR},
    {"VARBINARY", FORM_BYTES, DDL_VARCHAR},
    {"RAW", FORM_BYTES, DDL_VARCHAR},
    {"TINYTEXT", FORM_TEXT, DDL_TINYTEXT},
    {"TEXT", FORM_TEXT, DDL_TEXT},
    {"MEDIUMTEXT", FORM_TEXT, DDL_MEDIUMTEXT},
    {"LONGTEXT", FORM_TEXT, DDL_LONGTEXT},
    {"CLOB", FORM_TEXT, DDL_LONGTEXT},
    {"LONG", FORM_LONG, DDL_MEDIUMTEXT},
    {"TINYBLOB", FORM_BYTES, DDL_TINYTEXT},
    {"BLOB", FORM_BYTES, DDL_TEXT},
    {"MEDIUMBLOB", FORM_BYTES, DDL_MEDIUMTEXT},
    {"LONGBLOB", FORM_BYTES, DDL_LONGTEXT},
    {"ENUM", FORM_LABELS, DDL_ENUM},
    {"SET", FORM_LABELS, DDL_SET},
    {"JSON", FORM_PLAIN, DDL_JSON},
    {"VECTOR", FORM_LENGTH, DDL_VECTOR},
};

/* Types whose word is what is shown, but for one. */
static const struct {
    const char *word;
    const char *shown;
    enum ddl_type_kind kind;
} named_types[] = {
    {"GEOMETRY", "geometry", DDL_GEOMETRY},
    {"POINT", "point", DDL_GEOMETRY},
    {"LINESTRING", "linestring", DDL_GEOMETRY},
    {"POLYGON", "polygon", DDL_GEOMETRY},
    {"MULTIPOINT", "multipoint", DDL_GEOMETRY},
    {"MULTILINESTRING", "multilinestring", DDL_GEOMETRY},
    {"MULTIPOLYGON", "multipolygon", DDL_GEOMETRY},
    {"GEOMETRYCOLLECTION", "geometrycollection", DDL_GEOMETRY},
    {"GEOMCOLLECTION", "geometrycollection", DDL_GEOMETRY},
    {"UUID", "uuid", DDL_OTHER},
    {"INET4", "inet4", DDL_OTHER},
    {"INET6", "inet6", DDL_OTHER},
    {"XMLTYPE", "xmltype", DDL_OTHER},
};

static void set_length(struct ddl_type *type, uint64_t length)
{
    type->length = length;
    type->has_length = true;
}

/* [(length)] */
static void read_length(struct ddl_parser *parser, struct ddl_type *type)
{
    if (!ddl_accept_mark(parser, '('))
        return;
    set_length(type, ddl_read_number(parser));
    ddl_expect_mark(parser, ')');
}

/* [(digits[, scale])] */
static void read_digits(struct ddl_parser *parser, struct ddl_type *type)
{
    if (!ddl_accept_mark(parser, '('))
        return;
    set_length(type, ddl_read_number(parser));
    if (ddl_accept_mark(parser, ',')) {
        type->scale = (uint32_t)ddl_read_number(parser);
        type->has_scale = true;
    }
    ddl_expect_mark(parser, ')');
}

static void read_signs(struct ddl_parser *parser, struct ddl_type *type)
{
    for (;;) {
        if (ddl_accept(parser, "UNSIGNED"))
            type->is_unsigned = true;
        else if (ddl_accept(parser, "ZEROFILL"))
            type->is_zerofill = true;
        else if (!ddl_accept(parser, "SIGNED"))
            break;
    }
    type->is_unsigned = type->is_unsigned || type->is_zerofill;
}

static void set_charset(struct ddl_type *type, struct slice charset)
{
    type->charset.charset = charset;
}

/* MariaDB: COMPRESSED [= method] */
static void read_compressed(struct ddl_parser *parser, struct ddl_type *type)
{
    type->is_compressed = true;
    if (ddl_accept_mark(parser, '='))
        ddl_next(parser);
}

/* ASCII, UNICODE, BYTE, CHARACTER SET x and BINARY, in the orders that the grammar has. To MySQL
 * ASCII BINARY is a collation, which a CONVERT in the same statement converts as any other. */
static void read_charset(struct ddl_parser *parser, struct ddl_type *type)
{
    struct slice binary_collation = SLICE_EMPTY;
    for (;;) {
        if (ddl_accept(parser, "ASCII")) {
            set_charset(type, SLICE("latin1"));
            binary_collation = SLICE("latin1_bin");
        } else if (ddl_accept(parser, "UNICODE")) {
            set_charset(type, SLICE("ucs2"));
            binary_collation = SLICE("ucs2_bin");
        } else if (ddl_accept(parser, "BYTE"))
            set_charset(type, SLICE("binary"));
        else if (ddl_accept(parser, "BINARY"))
            type->charset.is_binary_sorted = true;
        else if (ddl_accept(parser, "COMPRESSED"))
            read_compressed(parser, type);
        else if (!ddl_accept_charset(parser, &type->charset))
            break;
    }
    if (type->charset.is_binary_sorted && binary_collation.len > 0 &&
        !parser->context->is_mariadb) {
        type->charset.collation = binary_collation;
        type->charset.is_binary_sorted = false;
    }
}

/* FLOAT(p) is by its bits; FLOAT(m,d) has digits to show. */
static void read_float(struct ddl_parser *parser, struct ddl_type *type)
{
    read_digits(parser, type);
    if (type->has_length && !type->has_scale) {
        if (type->length > 24)
            type->kind = DDL_DOUBLE;
        type->has_length = false;
    }
    read_signs(parser, type);
}

static void read_double(struct ddl_parser *parser, struct ddl_type *type)
{
    (void)ddl_accept(parser, "PRECISION");
    read_digits(parser, type);
    read_signs(parser, type);
}

static void read_number(struct ddl_parser *parser, struct ddl_type *type)
{
    read_digits(parser, type);
    if (!type->has_length)
        type->kind = DDL_DOUBLE;
    read_signs(parser, type);
}

static void read_label(struct ddl_parser *parser, struct ddl_type *type, uint32_t *room,
                       uint32_t *flag_room)
{
    void *labels = type->labels;
    void *flags = type->label_is_bytes;
    if (!ddl_grow(parser, &labels, type->label_count, room, sizeof(*type->labels), LABELS_MAX,
                  "labels of a column") ||
        !ddl_grow(parser, &flags, type->label_count, flag_room, sizeof(*type->label_is_bytes),
                  LABELS_MAX, "labels of a column"))
        return;
    type->labels = labels;
    type->label_is_bytes = flags;
    enum ddl_token_kind kind = parser->lexer.token.kind;
    bool is_bytes = kind == DDL_TOKEN_HEX || kind == DDL_TOKEN_BITS;
    struct slice label;
    if (is_bytes) {
        label = ddl_token_bytes(&parser->lexer.token, parser->arena);
        ddl_next(parser);
    } else {
        label = ddl_read_string(parser);
    }
    type->labels[type->label_count] = label;
    type->label_is_bytes[type->label_count] = is_bytes;
    type->label_count++;
}

static void read_labels(struct ddl_parser *parser, struct ddl_type *type)
{
    uint32_t room = 0;
    uint32_t flag_room = 0;
    ddl_expect_mark(parser, '(');
    do {
        read_label(parser, type, &room, &flag_room);
    } while (ddl_accept_mark(parser, ','));
    ddl_expect_mark(parser, ')');
    read_charset(parser, type);
}

static void read_char(struct ddl_parser *parser, struct ddl_type *type)
{
    if (ddl_accept(parser, "VARYING"))
        type->kind = DDL_VARCHAR;
    read_length(parser, type);
    read_charset(parser, type);
}

static void read_nchar(struct ddl_parser *parser, struct ddl_type *type)
{
    if (ddl_accept(parser, "VARYING") || ddl_accept(parser, "VARCHAR"))
        type->kind = DDL_VARCHAR;
    read_length(parser, type);
    set_charset(type, SLICE("utf8mb3"));
    if (ddl_accept(parser, "COMPRESSED"))
        read_compressed(parser, type);
    if (ddl_accept(parser, "BINARY"))
        type->charset.is_binary_sorted = true;
}

static void read_national(struct ddl_parser *parser, struct ddl_type *type)
{
    static const char *const varying[] = {"VARCHAR", "VARCHARACTER", NULL};
    static const char *const fixed[] = {"CHAR", "CHARACTER", NULL};
    if (ddl_at_any(parser, varying))
        type->kind = DDL_VARCHAR;
    else if (!ddl_at_any(parser, fixed))
        ddl_expected(parser, "CHAR or VARCHAR");
    ddl_next(parser);
    read_nchar(parser, type);
}

static void read_long(struct ddl_parser *parser, struct ddl_type *type)
{
    if (ddl_accept(parser, "VARBINARY")) {
        set_charset(type, SLICE("binary"));
        return;
    }
    if (!ddl_accept(parser, "VARCHAR") && !ddl_accept(parser, "VARCHARACTER") &&
        !ddl_accept_pair(parser, "CHAR", "VARYING"))
        (void)ddl_accept_pair(parser, "CHARACTER", "VARYING");
    read_charset(parser, type);
}

static void read_form(struct ddl_parser *parser, enum type_form form, struct ddl_type *type)
{
    switch (form) {
    case FORM_PLAIN:
        break;
    case FORM_INTEGER:
        read_length(parser, type);
        read_signs(parser, type);
        break;
    case FORM_FLOAT:
        read_float(parser, type);
        break;
    case FORM_DOUBLE:
        read_double(parser, type);
        break;
    case FORM_DECIMAL:
        read_digits(parser, type);
        read_signs(parser, type);
        break;
    case FORM_NUMBER:
        read_number(parser, type);
        break;
    case FORM_LENGTH:
        read_length(parser, type);
        break;
    case FORM_CHAR:
        read_char(parser, type);
        break;
    case FORM_TEXT:
        read_length(parser, type);
        read_charset(parser, type);
        break;
    case FORM_LABELS:
        read_labels(parser, type);
        break;
    case FORM_BYTES:
        read_length(parser, type);
        set_charset(type, SLICE("binary"));
        break;
    case FORM_NATIONAL:
        read_national(parser, type);
        break;
    case FORM_NCHAR:
        read_nchar(parser, type);
        break;
    case FORM_LONG:
        read_long(parser, type);
        break;
    }
}

/* Words that mean another type in some SQL modes. */
static void read_by_mode(struct ddl_parser *parser, const struct type_word *word, bool is_oracle,
                         struct ddl_type *type)
{
    const struct ddl_context *context = parser->context;
    bool is_maxdb = (context->sql_mode & DDL_MODE_MAXDB) != 0 &&
                    (context->is_mariadb || context->version < 80000);
    if (slice_equal(slice_str(word->word), SLICE("REAL")) &&
        (context->sql_mode & DDL_MODE_REAL_AS_FLOAT) != 0)
        type->kind = DDL_FLOAT;
    else if (is_maxdb && word->kind == DDL_TIMESTAMP)
        type->kind = DDL_DATETIME;
    else if (is_oracle && word->kind == DDL_DATE)
        type->kind = DDL_DATETIME;
    else if (is_oracle && word->form == FORM_BYTES && word->kind == DDL_TEXT)
        type->kind = DDL_LONGTEXT;
    read_form(parser, word->form, type);
}

/* mariadb_schema.date: a type by whose rules it is meant. True: by Oracle's. */
static bool read_type_schema(struct ddl_parser *parser)
{
    bool is_oracle =
        parser->context->is_mariadb && (parser->context->sql_mode & DDL_MODE_ORACLE) != 0;
    if (ddl_at(parser, "mariadb_schema") || ddl_at(parser, "maxdb_schema")) {
        is_oracle = false;
    } else if (ddl_at(parser, "oracle_schema")) {
        is_oracle = true;
    } else {
        return is_oracle;
    }
    ddl_next(parser);
    ddl_expect_mark(parser, '.');
    return is_oracle;
}

void ddl_read_type(struct ddl_parser *parser, struct ddl_type *type)
{
    *type = (struct ddl_type){0};
    bool is_oracle = read_type_schema(parser);
    if (ddl_accept(parser, "BOOL") || ddl_accept(parser, "BOOLEAN")) {
        type->kind = DDL_TINYINT;
        set_length(type, 1);
        return;
    }
    if (ddl_accept(parser, "SERIAL")) {
        *type = (struct ddl_type){.kind = DDL_BIGINT, .is_unsigned = true, .is_serial = true};
        return;
    }
    for (unsigned i = 0; i < COUNT_OF(type_words); i++) {
        if (ddl_accept(parser, type_words[i].word)) {
            type->kind = type_words[i].kind;
            read_by_mode(parser, &type_words[i], is_oracle, type);
            return;
        }
    }
    for (unsigned i = 0; i < COUNT_OF(named_types); i++) {
        if (ddl_accept(parser, named_types[i].word)) {
            type->kind = named_types[i].kind;
            type->word = slice_str(named_types[i].shown);
            if (type->kind == DDL_GEOMETRY)
                read_digits(parser, type); /* MariaDB allows and ignores it */
            return;
        }
    }
    ddl_expected(parser, "a column type");
}
