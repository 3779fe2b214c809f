/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binding: from a column of a table map, completed by the catalog, to its kind, sizes, layout and
 * text function. Done once a table map, never once a row.
 *
 * What the map says stands. The catalog fills in what the map leaves out: the sign, the character
 * set, labels, MariaDB's own types, and the fraction digits of the temporal formats of MariaDB 5.3
 * (facts/binlog.md 6.12). The two must be of the same type; lengths may differ, because a longer
 * VARCHAR in the catalog changes nothing about how the map's rows are read.
 *
 * CHAR and BINARY, and TEXT and BLOB, look alike on the wire. Where neither the map nor the catalog
 * tells them apart, CHAR and VARCHAR are text (UTF-8 where the bytes are that, else latin1, which
 * loses nothing) and the BLOB family is bytes. The kind is a property of the column and is never
 * guessed from a value.
 *
 * No state; any thread.
 */
#include "value_codec_int.h"

struct binder {
    struct column *column;
    const struct value_facts *facts;
    const struct catalog_column *catalog; /* NULL: none */
    struct value_declared declared;       /* kind UNKNOWN where there is no catalog */
    struct value_codec *codec;
    struct value_layout *layout;
    struct arena *arena;
    uint8_t wire; /* the real type */
};

static enum rc no_memory(struct error *err)
{
    return error_set(err, RC_MEMORY, "There is no memory for the columns of a table.");
}

static enum rc bad_meta(const struct binder *binder, struct error *err)
{
    return error_set(
        err, RC_CORRUPT,
        "Column %.*s: the binlog's metadata for its type (%s) is impossible: %02x%02x.",
        SLICE_ARG(binder->column->name), value_wire_name(binder->wire),
        binder->facts->meta_len > 0 ? binder->facts->meta[0] : 0,
        binder->facts->meta_len > 1 ? binder->facts->meta[1] : 0);
}

static bool is_blob_wire(uint8_t wire)
{
    return wire == WIRE_BLOB || wire == WIRE_TINY_BLOB || wire == WIRE_MEDIUM_BLOB ||
           wire == WIRE_LONG_BLOB || wire == WIRE_BLOB_COMPRESSED;
}

/* --- map against catalog --- */

static bool travels_as(const struct value_declared *declared, uint8_t wire)
{
    for (const uint8_t *p = declared->wires; *p != WIRE_NULL; p++)
        if (*p == wire)
            return true;
    return false;
}

static bool agrees(const struct binder *binder)
{
    const struct value_declared *declared = &binder->declared;
    if (!travels_as(declared, binder->wire))
        return false;
    if (is_blob_wire(binder->wire) && binder->facts->meta[0] != declared->blob_prefix)
        return false;
    enum column_kind kind = declared->kind;
    if (kind == COLUMN_UUID || kind == COLUMN_INET6 || kind == COLUMN_INET4)
        return value_string_bytes(binder->facts->meta) == (kind == COLUMN_INET4 ? 4 : 16);
    bool character = kind == COLUMN_STRING || kind == COLUMN_BYTES;
    if (character && binder->facts->collation != 0)
        return (binder->facts->collation == COLLATION_BINARY) == (kind == COLUMN_BYTES);
    return true;
}

static enum rc cross_check(const struct binder *binder, struct error *err)
{
    if (binder->declared.kind == COLUMN_UNKNOWN || agrees(binder))
        return RC_OK;
    const char *binary =
        binder->facts->collation == COLLATION_BINARY ? " with the binary character set" : "";
    return error_set(err, RC_MISMATCH,
                     "Column %.*s is %s%s in the binlog, but %.*s in the catalog of the server.",
                     SLICE_ARG(binder->column->name), value_wire_name(binder->wire), binary,
                     SLICE_ARG(binder->catalog->column_type.len > 0 ? binder->catalog->column_type
                                                                    : binder->catalog->data_type));
}

/* --- character sets and labels --- */

/* What is known of the column's charset: NULL with RC_OK when nothing is. */
static enum rc find_charset(const struct binder *binder, uint32_t collation,
                            const struct charset **out, struct error *err)
{
    *out = charset_of_collation(collation);
    if (*out != NULL)
        return RC_OK;
    struct slice name = binder->catalog == NULL ? SLICE_EMPTY : binder->catalog->charset;
    if (name.len > 0) {
        *out = charset_by_name(name);
        if (*out == NULL)
            return error_set(err, RC_UNSUPPORTED,
                             "The character set %.*s is not known to this version.",
                             SLICE_ARG(name));
        return RC_OK;
    }
    if (collation != 0)
        return error_set(err, RC_UNSUPPORTED, "The collation %u is not known to this version.",
                         collation);
    return RC_OK;
}

static enum rc convert_labels(struct binder *binder, const struct charset *charset,
                              struct error *err)
{
    enum { LABEL_TEXT_MAX = 1 << 16 };
    const struct value_facts *facts = binder->facts;
    struct slice *labels = arena_alloc(binder->arena, facts->label_count * sizeof(*labels));
    if (labels == NULL)
        return no_memory(err);
    struct buf scratch;
    buf_init(&scratch, LABEL_TEXT_MAX);
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < facts->label_count && rc == RC_OK; i++) {
        struct slice text;
        buf_reset(&scratch);
        rc = charset_text(charset, binder->codec->invalid_text, facts->labels[i], &scratch, &text);
        if (rc != RC_OK) {
            value_charset_error(rc, binder->column, charset, facts->labels[i], err);
            error_hint(err, "This is a label of the column.");
            break;
        }
        labels[i] = arena_copy(binder->arena, text);
        if (labels[i].ptr == NULL)
            rc = no_memory(err);
    }
    buf_deinit(&scratch);
    binder->column->labels = labels;
    binder->column->label_count = facts->label_count;
    return rc;
}

static enum rc bind_labels(struct binder *binder, struct error *err)
{
    struct column *column = binder->column;
    bool is_set = binder->wire == WIRE_SET;
    uint8_t size = binder->facts->meta[1];
    if (size == 0 || size > (is_set ? 8 : 2))
        return bad_meta(binder, err);
    column->kind = is_set ? COLUMN_SET : COLUMN_ENUM;
    column->text = is_set ? value_text_set : value_text_enum;
    binder->layout->size = size;
    binder->codec->size = size;
    const struct charset *charset;
    enum rc rc = find_charset(binder, binder->facts->label_collation, &charset, err);
    if (rc != RC_OK)
        return rc;
    binder->codec->charset = charset;
    if (charset != NULL)
        column->charset = charset->name;
    if (binder->facts->labels != NULL) {
        rc = convert_labels(binder, charset == NULL ? charset_get(CHARSET_UTF8MB4) : charset, err);
    } else if (binder->catalog != NULL) {
        column->labels_unsure = binder->catalog->labels_unsure;
        rc = value_declared_labels(binder->catalog, binder->arena, &column->labels,
                                   &column->label_count, err);
    }
    if (rc == RC_OK && !is_set && value_labels_are_plain(column))
        column->put = value_put_enum;
    return rc;
}

/* --- strings and bytes --- */

static enum rc bind_bytes(struct binder *binder, uint64_t bytes)
{
    binder->column->kind = COLUMN_BYTES;
    binder->column->length = bytes;
    binder->column->text = value_text_bytes;
    return RC_OK;
}

/* `bytes`: the most that a value can have at the source. */
static enum rc bind_character(struct binder *binder, uint64_t bytes, struct error *err)
{
    struct column *column = binder->column;
    const struct value_declared *declared = &binder->declared;
    uint32_t collation = binder->facts->collation;
    bool is_blob = is_blob_wire(binder->wire);
    column->is_fixed_bytes = binder->wire == WIRE_STRING;
    binder->codec->size = (uint32_t)bytes;
    if (collation == COLLATION_BINARY || declared->kind == COLUMN_BYTES)
        return bind_bytes(binder, bytes);
    const struct charset *charset;
    enum rc rc = find_charset(binder, collation, &charset, err);
    if (rc != RC_OK)
        return rc;
    if (charset == NULL && is_blob && declared->kind == COLUMN_UNKNOWN)
        return bind_bytes(binder, bytes);
    if (charset != NULL && charset->way == CHARSET_WAY_BINARY)
        return bind_bytes(binder, bytes);
    binder->codec->charset_assumed = charset == NULL;
    if (charset == NULL)
        charset = charset_get(CHARSET_UTF8MB4);
    binder->codec->charset = charset;
    column->kind = COLUMN_STRING;
    column->charset = charset->name;
    column->text = value_text_string;
    column->ascii_is_text = !binder->codec->compressed && charset_has_ascii(charset);
    column->length_bytes = bytes;
    column->length = is_blob ? bytes : bytes / charset->char_bytes_max;
    if (declared->length > 0 && declared->length_bytes == bytes)
        column->length = declared->length;
    return RC_OK;
}

/* MariaDB's own types travel as BINARY; only the catalog knows them, and the cross-check has seen
 * that the width is theirs. */
static bool bind_mariadb_type(struct binder *binder, uint32_t bytes)
{
    struct column *column = binder->column;
    enum column_kind kind = binder->declared.kind;
    if (kind == COLUMN_UUID)
        column->text = value_text_uuid;
    else if (kind == COLUMN_INET6)
        column->text = value_text_inet6;
    else if (kind == COLUMN_INET4)
        column->text = value_text_inet4;
    else
        return false;
    column->kind = kind;
    binder->codec->size = bytes;
    return true;
}

static enum rc bind_string(struct binder *binder, struct error *err)
{
    uint32_t bytes = value_string_bytes(binder->facts->meta);
    binder->layout->prefix = bytes <= UINT8_MAX ? 1 : 2;
    if (bind_mariadb_type(binder, bytes))
        return RC_OK;
    return bind_character(binder, bytes, err);
}

static enum rc bind_vector(struct binder *binder, uint64_t dimensions)
{
    binder->column->kind = COLUMN_VECTOR;
    binder->column->length = dimensions;
    binder->column->text = value_text_vector;
    return RC_OK;
}

static enum rc bind_varchar(struct binder *binder, struct error *err)
{
    uint32_t bytes = load_u16le(binder->facts->meta);
    binder->layout->prefix = bytes <= UINT8_MAX ? 1 : 2;
    binder->codec->compressed = binder->wire == WIRE_VARCHAR_COMPRESSED;
    /* The map of a compressed column counts the byte that says how it is stored. */
    if (binder->codec->compressed && bytes > 0)
        bytes--;
    if (binder->declared.kind == COLUMN_VECTOR)
        return bind_vector(binder, bytes / sizeof(float));
    return bind_character(binder, bytes, err);
}

/* BLOB, TEXT, JSON, GEOMETRY, VECTOR: metadata is the size of the length in front. */
static enum rc bind_long(struct binder *binder, struct error *err)
{
    static const uint64_t bytes_max[5] = {0, UINT8_MAX, UINT16_MAX, 0xffffff, UINT32_MAX};
    uint8_t prefix = binder->facts->meta[0];
    if (prefix < 1 || prefix > 4)
        return bad_meta(binder, err);
    binder->layout->prefix = prefix;
    switch (binder->wire) {
    case WIRE_JSON:
        binder->column->kind = COLUMN_JSON;
        binder->column->text = value_text_json;
        binder->layout->is_json = true;
        return RC_OK;
    case WIRE_GEOMETRY:
        binder->column->kind = COLUMN_GEOMETRY;
        binder->column->text = value_text_geometry;
        return RC_OK;
    case WIRE_VECTOR:
        return bind_vector(binder, binder->facts->vector_dimensions > 0
                                       ? binder->facts->vector_dimensions
                                       : binder->declared.length);
    default:
        binder->codec->compressed = binder->wire == WIRE_BLOB_COMPRESSED;
        return bind_character(binder, bytes_max[prefix], err);
    }
}

/* --- short texts --- */

static enum rc bind_short(struct binder *binder, enum column_kind kind, column_put_fn put,
                          uint32_t size)
{
    binder->column->kind = kind;
    binder->column->text = value_text_short;
    binder->column->put = put;
    binder->layout->size = size;
    binder->codec->size = size;
    return RC_OK;
}

/* --- numbers --- */

static enum rc bind_int(struct binder *binder, uint8_t bytes)
{
    bool is_unsigned = binder->facts->sign_known ? binder->facts->is_unsigned
                                                 : binder->declared.kind == COLUMN_UINT;
    binder->column->int_bytes = bytes;
    return is_unsigned ? bind_short(binder, COLUMN_UINT, value_put_uint, bytes)
                       : bind_short(binder, COLUMN_INT, value_put_int, bytes);
}

static enum rc bind_bit(struct binder *binder, struct error *err)
{
    unsigned bits = binder->facts->meta[0] + 8u * binder->facts->meta[1];
    if (bits == 0 || bits > 64 || binder->facts->meta[0] > 7)
        return bad_meta(binder, err);
    binder->column->length = bits;
    return bind_short(binder, COLUMN_BIT, value_put_bit, (bits + 7) / 8);
}

static enum rc bind_decimal(struct binder *binder, struct error *err)
{
    enum { PRECISION_MAX = 65, SCALE_MAX = 38 };
    uint8_t precision = binder->facts->meta[0];
    uint8_t scale = binder->facts->meta[1];
    if (precision == 0 || precision > PRECISION_MAX || scale > SCALE_MAX || scale > precision)
        return bad_meta(binder, err);
    binder->column->precision = precision;
    binder->column->scale = scale;
    return bind_short(binder, COLUMN_DECIMAL, value_put_decimal,
                      value_decimal_bytes(precision, scale));
}

static enum rc bind_real(struct binder *binder, struct error *err)
{
    bool is_float = binder->wire == WIRE_FLOAT;
    uint32_t size = is_float ? sizeof(float) : sizeof(double);
    if (binder->facts->meta[0] != size)
        return bad_meta(binder, err);
    return is_float ? bind_short(binder, COLUMN_FLOAT, value_put_float, size)
                    : bind_short(binder, COLUMN_DOUBLE, value_put_double, size);
}

/* --- temporal types --- */

static enum rc bind_temporal(struct binder *binder, struct error *err)
{
    struct column *column = binder->column;
    uint8_t digits = binder->facts->meta[0];
    if (digits > FRACTION_DIGITS_MAX)
        return bad_meta(binder, err);
    column->scale = digits;
    uint32_t fraction = value_fraction_bytes(digits);
    switch (binder->wire) {
    case WIRE_TIMESTAMP2:
        return bind_short(binder, COLUMN_TIMESTAMP, value_put_timestamp, 4 + fraction);
    case WIRE_DATETIME2:
        return bind_short(binder, COLUMN_DATETIME, value_put_datetime, 5 + fraction);
    default:
        return bind_short(binder, COLUMN_TIME, value_put_time, 3 + fraction);
    }
}

/* The types without metadata: whole seconds, unless the catalog of a MariaDB knows fraction digits.
 */
static enum rc bind_temporal_old(struct binder *binder)
{
    uint8_t digits = binder->declared.scale;
    bool whole = digits == 0;
    uint32_t size = value_mariadb53_bytes(binder->wire, digits);
    binder->column->scale = digits;
    switch (binder->wire) {
    case WIRE_TIMESTAMP:
        return bind_short(binder, COLUMN_TIMESTAMP,
                          whole ? value_put_timestamp_old : value_put_timestamp_mariadb53, size);
    case WIRE_DATETIME:
        return bind_short(binder, COLUMN_DATETIME,
                          whole ? value_put_datetime_old : value_put_datetime_mariadb53, size);
    default:
        return bind_short(binder, COLUMN_TIME,
                          whole ? value_put_time_old : value_put_time_mariadb53, size);
    }
}

static enum rc bind_unsupported(const struct binder *binder, struct error *err)
{
    if (binder->wire == WIRE_DECIMAL)
        return error_set(err, RC_UNSUPPORTED,
                         "The column is a DECIMAL in the format before MySQL 5.0, whose length the "
                         "binlog does not tell. ALTER TABLE ... FORCE rewrites it in the format of "
                         "today.");
    return error_set(err, RC_UNSUPPORTED,
                     "The column has the wire type %u, which cannot be decoded.", binder->wire);
}

static enum rc bind_by_wire(struct binder *binder, struct error *err)
{
    switch (binder->wire) {
    case WIRE_TINY:
        return bind_int(binder, 1);
    case WIRE_SHORT:
        return bind_int(binder, 2);
    case WIRE_INT24:
        return bind_int(binder, 3);
    case WIRE_LONG:
        return bind_int(binder, 4);
    case WIRE_LONGLONG:
        return bind_int(binder, 8);
    case WIRE_BIT:
        return bind_bit(binder, err);
    case WIRE_YEAR:
        return bind_short(binder, COLUMN_YEAR, value_put_year, 1);
    case WIRE_NEWDECIMAL:
        return bind_decimal(binder, err);
    case WIRE_FLOAT:
    case WIRE_DOUBLE:
        return bind_real(binder, err);
    case WIRE_DATE:
    case WIRE_NEWDATE:
        return bind_short(binder, COLUMN_DATE, value_put_date, 3);
    case WIRE_TIME2:
    case WIRE_DATETIME2:
    case WIRE_TIMESTAMP2:
        return bind_temporal(binder, err);
    case WIRE_TIME:
    case WIRE_DATETIME:
    case WIRE_TIMESTAMP:
        return bind_temporal_old(binder);
    case WIRE_STRING:
        return bind_string(binder, err);
    case WIRE_VARCHAR:
    case WIRE_VAR_STRING:
    case WIRE_VARCHAR_COMPRESSED:
        return bind_varchar(binder, err);
    case WIRE_TINY_BLOB:
    case WIRE_MEDIUM_BLOB:
    case WIRE_LONG_BLOB:
    case WIRE_BLOB:
    case WIRE_BLOB_COMPRESSED:
    case WIRE_JSON:
    case WIRE_GEOMETRY:
    case WIRE_VECTOR:
        return bind_long(binder, err);
    case WIRE_ENUM:
    case WIRE_SET:
        return bind_labels(binder, err);
    default:
        return bind_unsupported(binder, err);
    }
}

/* Type text, comment and default as the catalog has them, or a type built from what is known. */
static enum rc describe(struct column *column, const struct catalog_column *catalog,
                        bool is_mariadb, struct arena *arena, struct error *err)
{
    if (catalog == NULL || catalog->column_type.len == 0)
        return value_build_type(column, arena, err);
    column->type = arena_copy(arena, catalog->column_type);
    column->comment = arena_copy(arena, catalog->comment);
    if (column->type.ptr == NULL || column->comment.ptr == NULL)
        return no_memory(err);
    column->changes_unseen = is_mariadb && catalog->generated == CATALOG_VIRTUAL;
    return value_default(column, catalog, arena, err);
}

enum rc value_bind(struct column *column, const struct value_facts *facts,
                   const struct catalog_column *catalog, enum invalid_text invalid_text,
                   struct arena *arena, struct value_layout *layout_out, struct error *err)
{
    *column = (struct column){
        .name = column->name, .nullable = column->nullable, .key_ordinal = column->key_ordinal};
    *layout_out = (struct value_layout){0};
    unsigned meta_len;
    enum rc rc = value_meta_len(facts->wire_type, &meta_len, err);
    if (rc != RC_OK)
        return rc;
    ASSERT(facts->meta_len >= meta_len);
    struct binder binder = {
        .column = column,
        .facts = facts,
        .catalog = catalog,
        .codec = arena_alloc(arena, sizeof(struct value_codec)),
        .layout = layout_out,
        .arena = arena,
        .wire = value_real_wire(facts->wire_type, facts->meta),
    };
    if (binder.codec == NULL)
        return no_memory(err);
    binder.codec->invalid_text = invalid_text;
    if (catalog != NULL)
        value_declared_parse(&binder.declared, catalog);
    rc = cross_check(&binder, err);
    if (rc != RC_OK)
        return rc;
    column->wire_type = binder.wire;
    column->wire_collation = facts->collation;
    column->wire_codec = binder.codec;
    if (meta_len > 0)
        column->wire_meta = (uint16_t)(facts->meta[0] | (meta_len > 1 ? facts->meta[1] << 8 : 0));
    rc = bind_by_wire(&binder, err);
    return rc == RC_OK ? describe(column, catalog, facts->is_mariadb, arena, err) : rc;
}

/* --- from the catalog alone --- */

static enum rc text_without_bytes(const struct column *column, struct slice cell UNUSED,
                                  struct buf *scratch UNUSED, struct slice *text UNUSED,
                                  struct error *err)
{
    return error_set(err, RC_UNSUPPORTED,
                     "Column %.*s is known from the catalog only and has no values to read.",
                     SLICE_ARG(column->name));
}

static enum rc complete_string(struct column *column, const struct value_declared *declared,
                               const struct catalog_column *catalog, struct error *err)
{
    const struct charset *charset =
        charset_by_name(catalog->charset.len > 0 ? catalog->charset : SLICE("utf8mb4"));
    if (charset == NULL)
        return error_set(err, RC_UNSUPPORTED,
                         "The character set %.*s is not known to this version.",
                         SLICE_ARG(catalog->charset));
    column->charset = charset->name;
    column->length = declared->length;
    column->length_bytes = declared->length_bytes > 0 ? declared->length_bytes
                                                      : declared->length * charset->char_bytes_max;
    if (column->length == 0)
        column->length = column->length_bytes / charset->char_bytes_max;
    return RC_OK;
}

enum rc value_from_catalog(struct column *column, const struct catalog_column *catalog,
                           bool is_mariadb, struct arena *arena, struct error *err)
{
    struct value_declared declared;
    value_declared_parse(&declared, catalog);
    if (declared.kind == COLUMN_UNKNOWN)
        return error_set(err, RC_UNSUPPORTED, "The type %.*s is not known to this version.",
                         SLICE_ARG(catalog->column_type));
    /* MariaDB's JSON is another name for LONGTEXT. */
    if (declared.kind == COLUMN_JSON && is_mariadb) {
        declared.kind = COLUMN_STRING;
        declared.length = declared.length_bytes = UINT32_MAX;
    }
    *column = (struct column){
        .name = column->name,
        .kind = declared.kind,
        .int_bytes = declared.int_bytes,
        .precision = declared.precision,
        .scale = declared.scale,
        .nullable = catalog->nullable,
        .is_fixed_bytes = declared.is_fixed_bytes,
        .key_ordinal = catalog->key_ordinal,
        .length = declared.length,
        .text = text_without_bytes,
    };
    enum rc rc = RC_OK;
    if (declared.kind == COLUMN_STRING)
        rc = complete_string(column, &declared, catalog, err);
    else if (declared.kind == COLUMN_ENUM || declared.kind == COLUMN_SET)
        rc = value_declared_labels(catalog, arena, &column->labels, &column->label_count, err);
    if (rc != RC_OK)
        return rc;
    if (declared.kind == COLUMN_ENUM || declared.kind == COLUMN_SET) {
        const struct charset *charset = charset_by_name(catalog->charset);
        column->charset = charset == NULL ? SLICE_EMPTY : charset->name;
        column->labels_unsure = catalog->labels_unsure;
    }
    return describe(column, catalog, is_mariadb, arena, err);
}
