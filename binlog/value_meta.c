/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the types and metadata of a table map mean, before any value is read (facts/binlog.md 5.1,
 * 6.3, 6.6, 6.10), and the words for a value that does not fit. No state; any thread.
 */
#include <stdio.h>

#include "value_codec_int.h"

enum rc value_meta_len(uint8_t wire_type, unsigned *len_out, struct error *err)
{
    switch (wire_type) {
    case WIRE_DECIMAL:
    case WIRE_TINY:
    case WIRE_SHORT:
    case WIRE_LONG:
    case WIRE_NULL:
    case WIRE_TIMESTAMP:
    case WIRE_LONGLONG:
    case WIRE_INT24:
    case WIRE_DATE:
    case WIRE_TIME:
    case WIRE_DATETIME:
    case WIRE_YEAR:
    case WIRE_NEWDATE:
        *len_out = 0;
        return RC_OK;
    case WIRE_FLOAT:
    case WIRE_DOUBLE:
    case WIRE_TIMESTAMP2:
    case WIRE_DATETIME2:
    case WIRE_TIME2:
    case WIRE_BLOB_COMPRESSED:
    case WIRE_VECTOR:
    case WIRE_JSON:
    case WIRE_TINY_BLOB:
    case WIRE_MEDIUM_BLOB:
    case WIRE_LONG_BLOB:
    case WIRE_BLOB:
    case WIRE_GEOMETRY:
        *len_out = 1;
        return RC_OK;
    case WIRE_VARCHAR:
    case WIRE_BIT:
    case WIRE_VARCHAR_COMPRESSED:
    case WIRE_NEWDECIMAL:
    case WIRE_ENUM:
    case WIRE_SET:
    case WIRE_VAR_STRING:
    case WIRE_STRING:
        *len_out = 2;
        return RC_OK;
    default:
        return error_set(err, RC_UNSUPPORTED,
                         "A column has the wire type %u, which this version does not know.",
                         wire_type);
    }
}

uint8_t value_real_wire(uint8_t wire_type, const uint8_t *meta)
{
    if (wire_type != WIRE_STRING || meta == NULL)
        return wire_type;
    return (uint8_t)(meta[0] | 0x30);
}

/* Lengths over 255 borrow two bits of the type byte, inverted. */
uint32_t value_string_bytes(const uint8_t *meta)
{
    if ((meta[0] & 0x30) == 0x30)
        return meta[1];
    return (uint32_t)meta[1] | (uint32_t)((meta[0] & 0x30) ^ 0x30) << 4;
}

/* Nine digits take four bytes; what is left over takes as few as it can. */
unsigned value_decimal_bytes(unsigned precision, unsigned scale)
{
    static const uint8_t left_over[10] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
    unsigned whole = precision - scale;
    return whole / 9 * 4 + left_over[whole % 9] + scale / 9 * 4 + left_over[scale % 9];
}

unsigned value_fraction_bytes(unsigned digits)
{
    return (digits + 1) / 2;
}

/* YEAR is left out: whether it takes part in the list of signs depends on the server's version
 * (facts/binlog.md 5.1), which the reader of the table map knows. */
bool value_is_numeric_wire(uint8_t wire_type)
{
    switch (wire_type) {
    case WIRE_TINY:
    case WIRE_SHORT:
    case WIRE_INT24:
    case WIRE_LONG:
    case WIRE_LONGLONG:
    case WIRE_FLOAT:
    case WIRE_DOUBLE:
    case WIRE_DECIMAL:
    case WIRE_NEWDECIMAL:
        return true;
    default:
        return false;
    }
}

bool value_is_character_wire(uint8_t wire_type, const uint8_t *meta, bool is_mariadb)
{
    switch (value_real_wire(wire_type, meta)) {
    case WIRE_STRING:
    case WIRE_VARCHAR:
    case WIRE_VAR_STRING:
    case WIRE_TINY_BLOB:
    case WIRE_MEDIUM_BLOB:
    case WIRE_LONG_BLOB:
    case WIRE_BLOB:
        return true;
    case WIRE_VECTOR:
        return !is_mariadb;
    case WIRE_GEOMETRY:
    case WIRE_BLOB_COMPRESSED:
    case WIRE_VARCHAR_COMPRESSED:
        return is_mariadb;
    default:
        return false;
    }
}

bool value_is_enum_or_set_wire(uint8_t wire_type, const uint8_t *meta, bool *is_set)
{
    uint8_t real = value_real_wire(wire_type, meta);
    if (real != WIRE_ENUM && real != WIRE_SET)
        return false;
    *is_set = real == WIRE_SET;
    return true;
}

const char *value_wire_name(uint8_t wire_type)
{
    switch (wire_type) {
    case WIRE_DECIMAL:
        return "DECIMAL in the format before MySQL 5.0";
    case WIRE_TINY:
        return "TINYINT";
    case WIRE_SHORT:
        return "SMALLINT";
    case WIRE_INT24:
        return "MEDIUMINT";
    case WIRE_LONG:
        return "INT";
    case WIRE_LONGLONG:
        return "BIGINT";
    case WIRE_FLOAT:
        return "FLOAT";
    case WIRE_DOUBLE:
        return "DOUBLE";
    case WIRE_NEWDECIMAL:
        return "DECIMAL";
    case WIRE_BIT:
        return "BIT";
    case WIRE_YEAR:
        return "YEAR";
    case WIRE_DATE:
    case WIRE_NEWDATE:
        return "DATE";
    case WIRE_TIME:
    case WIRE_TIME2:
        return "TIME";
    case WIRE_DATETIME:
    case WIRE_DATETIME2:
        return "DATETIME";
    case WIRE_TIMESTAMP:
    case WIRE_TIMESTAMP2:
        return "TIMESTAMP";
    case WIRE_STRING:
        return "CHAR or BINARY";
    case WIRE_VARCHAR:
    case WIRE_VAR_STRING:
    case WIRE_VARCHAR_COMPRESSED:
        return "VARCHAR or VARBINARY";
    case WIRE_TINY_BLOB:
    case WIRE_MEDIUM_BLOB:
    case WIRE_LONG_BLOB:
    case WIRE_BLOB:
    case WIRE_BLOB_COMPRESSED:
        return "TEXT or BLOB";
    case WIRE_ENUM:
        return "ENUM";
    case WIRE_SET:
        return "SET";
    case WIRE_JSON:
        return "JSON";
    case WIRE_GEOMETRY:
        return "GEOMETRY";
    case WIRE_VECTOR:
        return "VECTOR";
    default:
        return "an unknown type";
    }
}

static const char *int_type_name(const struct column *column)
{
    switch (column->int_bytes) {
    case 1:
        return "tinyint";
    case 2:
        return "smallint";
    case 3:
        return "mediumint";
    case 4:
        return "int";
    default:
        return "bigint";
    }
}

/* TEXT and BLOB by the bytes that their length prefix can say. */
static const char *blob_size_name(uint64_t bytes)
{
    return bytes <= UINT8_MAX    ? "tiny"
           : bytes <= UINT16_MAX ? ""
           : bytes <= 0xffffff   ? "medium"
                                 : "long";
}

static void print_string_type(const struct column *column, char *out, size_t cap)
{
    bool text = column->kind == COLUMN_STRING;
    bool blob = column->wire_type == WIRE_BLOB || column->wire_type == WIRE_BLOB_COMPRESSED ||
                (column->wire_type >= WIRE_TINY_BLOB && column->wire_type <= WIRE_LONG_BLOB);
    if (blob)
        snprintf(out, cap, "%s%s", blob_size_name(text ? column->length_bytes : column->length),
                 text ? "text" : "blob");
    else
        snprintf(out, cap, "%s%s(%llu)", column->is_fixed_bytes ? "" : "var",
                 text ? "char" : "binary", (unsigned long long)column->length);
}

static void print_temporal_type(const struct column *column, char *out, size_t cap)
{
    if (column->scale > 0)
        snprintf(out, cap, "%s(%u)", column_kind_name(column->kind), column->scale);
    else
        snprintf(out, cap, "%s", column_kind_name(column->kind));
}

enum rc value_build_type(struct column *column, struct arena *arena, struct error *err)
{
    char text[64];
    switch (column->kind) {
    case COLUMN_INT:
    case COLUMN_UINT:
        snprintf(text, sizeof(text), "%s%s", int_type_name(column),
                 column->kind == COLUMN_UINT ? " unsigned" : "");
        break;
    case COLUMN_BIT:
        snprintf(text, sizeof(text), "bit(%u)", (unsigned)column->length);
        break;
    case COLUMN_DECIMAL:
        snprintf(text, sizeof(text), "decimal(%u,%u)", column->precision, column->scale);
        break;
    case COLUMN_TIME:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        print_temporal_type(column, text, sizeof(text));
        break;
    case COLUMN_STRING:
    case COLUMN_BYTES:
        print_string_type(column, text, sizeof(text));
        break;
    case COLUMN_VECTOR:
        snprintf(text, sizeof(text), column->length > 0 ? "vector(%u)" : "vector",
                 (unsigned)column->length);
        break;
    default:
        snprintf(text, sizeof(text), "%s", column_kind_name(column->kind));
        break;
    }
    column->type = arena_copy(arena, slice_str(text));
    if (column->type.ptr == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the columns of a table.");
    return RC_OK;
}

enum rc value_bad_size(const struct column *column, struct slice cell, size_t expected,
                       struct error *err)
{
    return error_set(err, RC_CORRUPT, "Column %.*s (%.*s): a value of %zu bytes, where %zu belong.",
                     SLICE_ARG(column->name), SLICE_ARG(column->type), cell.len, expected);
}

enum rc value_bad_bytes(const struct column *column, struct slice cell, const char *why,
                        struct error *err)
{
    enum { SHOWN = 16 };
    char hex[2 * SHOWN + 1] = "";
    size_t shown = cell.len < SHOWN ? cell.len : SHOWN;
    for (size_t i = 0; i < shown; i++)
        snprintf(hex + 2 * i, 3, "%02x", cell.ptr[i]);
    return error_set(
        err, RC_CORRUPT, "Column %.*s (%.*s): the bytes %s%s cannot be such a value: %s.",
        SLICE_ARG(column->name), SLICE_ARG(column->type), hex, shown < cell.len ? "..." : "", why);
}

enum rc value_scratch(const struct column *column, const struct buf *scratch, struct error *err)
{
    enum rc rc = buf_check(scratch, "The text of a value", err);
    if (rc != RC_OK)
        error_wrap(err, "column %.*s", SLICE_ARG(column->name));
    return rc;
}
