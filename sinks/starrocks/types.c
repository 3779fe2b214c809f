/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source columns to StarRocks types, so that every value keeps all it holds (facts/starrocks.md
 * 6.3, last column). Where we differ from Flink CDC: four bytes a character, LARGEINT for BIGINT
 * UNSIGNED, numbers for BIT(n), microseconds of DATETIME, and SET, TIME and GEOMETRY at all.
 *
 * Bytes go as base64 text into VARCHAR: what a load makes of VARBINARY changed between versions
 * (3.5 there). JSON goes as text into VARCHAR, because the JSON type sorts keys; documents beyond
 * 1 MiB need a target column of type JSON, which is taken as it is.
 */
#include "starrocks_int.h"

const struct dialect_traits starrocks_traits = {
    .product = "StarRocks",
    .keyed_model = "PRIMARY KEY",
    .string_bytes = 65533,
    .datetime_scale = 6,
    /* A nested value: a string would stay a JSON string (facts/starrocks.md 3.5). */
    .json_encoding = LOAD_JSON_VALUE,
    .fold_variable = "enable_table_name_case_insensitive",
    .folds_databases = true,
};

static enum rc varchar_type(uint64_t bytes, struct arena *arena, struct load_column *out,
                            struct error *err)
{
    uint64_t fitting = bytes > STARROCKS_VARCHAR_MAX ? STARROCKS_VARCHAR_MAX : bytes;
    return dialect_type_set(arena, &out->target_type, err, "VARCHAR(%u)",
                            (unsigned)(fitting == 0 ? 1 : fitting));
}

static enum rc decimal_type(const struct column *column, enum dialect_place place,
                            struct arena *arena, struct load_column *out, struct error *err)
{
    out->encoding = LOAD_STRING; /* no reader on the way can round a string */
    if (place == DIALECT_PLACE_KEY || column->precision > 38)
        return varchar_type(dialect_text_bytes(column), arena, out, err);
    return dialect_type_set(arena, &out->target_type, err, "DECIMAL(%u, %u)", column->precision,
                            column->scale);
}

static enum rc text_type(const struct column *column, struct arena *arena, struct load_column *out,
                         struct error *err)
{
    switch (column->kind) {
    case COLUMN_TIME:
        return dialect_type_fixed("VARCHAR(20)", LOAD_STRING, out);
    case COLUMN_STRING: /* four bytes hold every character of every charset */
        out->encoding = LOAD_STRING;
        return varchar_type(column->length == 0 || column->length > STARROCKS_VARCHAR_MAX
                                ? DIALECT_UNBOUNDED
                                : column->length * 4,
                            arena, out, err);
    case COLUMN_ENUM:
        /* An ENUM grows by ALTER; it gets room for the longest label there can be. */
        return dialect_type_fixed("VARCHAR(1020)", LOAD_STRING, out);
    case COLUMN_SET:
        return dialect_type_fixed("VARCHAR(65533)", LOAD_STRING, out);
    case COLUMN_BYTES:
        out->encoding = LOAD_BASE64;
        break;
    case COLUMN_JSON:
        out->encoding = LOAD_JSON_STRING;
        break;
    case COLUMN_GEOMETRY:
        out->encoding = LOAD_GEOMETRY;
        break;
    default: /* COLUMN_UUID, COLUMN_INET4, COLUMN_INET6 */
        out->encoding = LOAD_STRING;
        break;
    }
    return varchar_type(dialect_text_bytes(column), arena, out, err);
}

enum rc starrocks_type(const struct column *column, enum dialect_place place, struct arena *arena,
                       struct load_column *out, struct error *err)
{
    switch (column->kind) {
    case COLUMN_INT:
    case COLUMN_UINT:
    case COLUMN_BIT:
    case COLUMN_YEAR:
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        return dialect_number_type(column, place, out, err);
    case COLUMN_DECIMAL:
        return decimal_type(column, place, arena, out, err);
    case COLUMN_DATE:
        return dialect_type_fixed("DATE", LOAD_DATE, out);
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP: /* in UTC, as the canonical text has it; six digits always fit */
        return dialect_type_fixed("DATETIME", LOAD_DATE, out);
    case COLUMN_TIME:
    case COLUMN_STRING:
    case COLUMN_BYTES:
    case COLUMN_ENUM:
    case COLUMN_SET:
    case COLUMN_JSON:
    case COLUMN_GEOMETRY:
    case COLUMN_UUID:
    case COLUMN_INET4:
    case COLUMN_INET6:
        return text_type(column, arena, out, err);
    case COLUMN_VECTOR:
        if (place == DIALECT_PLACE_VALUE)
            return dialect_type_fixed("ARRAY<FLOAT>", LOAD_JSON_VALUE, out);
        return error_set(err, RC_UNSUPPORTED, "A VECTOR cannot be part of a key at StarRocks.");
    case COLUMN_UNKNOWN:
    default:
        return error_set(err, RC_UNSUPPORTED,
                         "The type of column '%.*s' is not known to this version.",
                         SLICE_ARG(column->name));
    }
}

uint64_t starrocks_key_bytes(const struct load_schema *schema)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < schema->key_count; i++) {
        struct dialect_type type =
            dialect_type_parse(&starrocks_traits, schema->columns[schema->key[i]].target_type);
        switch (type.family) {
        case DIALECT_BOOLEAN:
            sum += 1;
            break;
        case DIALECT_DATE:
            sum += 4;
            break;
        case DIALECT_DATETIME:
            sum += 8;
            break;
        default:
            sum += type.size > STARROCKS_VARCHAR_MAX ? STARROCKS_VARCHAR_MAX : type.size;
            break;
        }
    }
    return sum;
}
