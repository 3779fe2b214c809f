/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source columns to Doris types, so that every value keeps all it holds (facts/doris.md 6.4, last
 * column). Where we differ from Flink CDC: four bytes a character, LARGEINT for BIGINT UNSIGNED,
 * numbers for BIT(n), microseconds of TIME.
 *
 * JSON goes into a STRING: Doris's JSON type sorts keys and drops doubles. A target that has JSON
 * there already is taken as it is.
 */
#include "doris_int.h"

const struct dialect_traits doris_traits = {
    .product = "Apache Doris",
    .keyed_model = "UNIQUE KEY",
    .string_bytes = DIALECT_UNBOUNDED,
    .datetime_scale = 0,
    /* A string that holds JSON text: right for scalars too (facts/doris.md 3.4). */
    .json_encoding = LOAD_JSON_STRING,
    .fold_variable = "lower_case_table_names",
};

/* Text of at most `bytes`: VARCHAR where it fits, else STRING; a key cannot be a STRING. */
static enum rc text_type(uint64_t bytes, enum dialect_place place, struct arena *arena,
                         struct load_column *out, struct error *err)
{
    if (bytes <= DORIS_VARCHAR_MAX)
        return dialect_type_set(arena, &out->target_type, err, "VARCHAR(%u)",
                                (unsigned)(bytes == 0 ? 1 : bytes));
    if (place == DIALECT_PLACE_KEY)
        return dialect_type_set(arena, &out->target_type, err, "VARCHAR(%u)", DORIS_VARCHAR_MAX);
    return dialect_type_set(arena, &out->target_type, err, "STRING");
}

/* Kinds whose values have no bound worth a VARCHAR. */
static enum rc string_type(enum dialect_place place, struct arena *arena, struct load_column *out,
                           struct error *err)
{
    return text_type(DIALECT_UNBOUNDED, place, arena, out, err);
}

static enum rc decimal_type(const struct column *column, enum dialect_place place,
                            struct arena *arena, struct load_column *out, struct error *err)
{
    out->encoding = LOAD_STRING; /* no reader on the way can round a string */
    if (column->precision <= 38)
        return dialect_type_set(arena, &out->target_type, err, "DECIMAL(%u, %u)", column->precision,
                                column->scale);
    if (place == DIALECT_PLACE_KEY)
        return text_type(dialect_text_bytes(column), place, arena, out, err);
    return string_type(place, arena, out, err);
}

static enum rc text_like_type(const struct column *column, enum dialect_place place,
                              struct arena *arena, struct load_column *out, struct error *err)
{
    bool key = place == DIALECT_PLACE_KEY;
    out->encoding = LOAD_STRING;
    switch (column->kind) {
    case COLUMN_TIME:
        return key ? dialect_type_fixed("VARCHAR(20)", LOAD_STRING, out)
                   : dialect_type_fixed("STRING", LOAD_STRING, out);
    case COLUMN_BYTES:
        out->encoding = LOAD_BASE64;
        return key ? text_type(dialect_text_bytes(column), place, arena, out, err)
                   : string_type(place, arena, out, err);
    case COLUMN_ENUM:
        /* An ENUM grows by ALTER; in a key it gets room for the longest label there can be. */
        return key ? dialect_type_fixed("VARCHAR(1020)", LOAD_STRING, out)
                   : dialect_type_fixed("STRING", LOAD_STRING, out);
    case COLUMN_SET:
        return string_type(place, arena, out, err);
    case COLUMN_JSON:
        out->encoding = LOAD_JSON_STRING;
        return string_type(place, arena, out, err);
    case COLUMN_GEOMETRY:
        out->encoding = LOAD_GEOMETRY;
        return string_type(place, arena, out, err);
    default: /* COLUMN_STRING, COLUMN_UUID, COLUMN_INET4, COLUMN_INET6 */
        break;
    }
    if (column->kind == COLUMN_STRING) /* four bytes hold every character of every charset */
        return text_type(column->length == 0 ? DIALECT_UNBOUNDED : column->length * 4, place, arena,
                         out, err);
    return text_type(dialect_text_bytes(column), place, arena, out, err);
}

enum rc doris_type(const struct column *column, enum dialect_place place, struct arena *arena,
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
    case COLUMN_TIMESTAMP: /* in UTC, as the canonical text has it */
        out->encoding = LOAD_DATE;
        return dialect_type_set(arena, &out->target_type, err, "DATETIME(%u)",
                                column->scale > 6 ? 6 : column->scale);
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
        return text_like_type(column, place, arena, out, err);
    case COLUMN_VECTOR:
        if (place == DIALECT_PLACE_VALUE)
            return dialect_type_fixed("ARRAY<FLOAT>", LOAD_JSON_VALUE, out);
        return error_set(err, RC_UNSUPPORTED, "A VECTOR cannot be part of a key at Apache Doris.");
    case COLUMN_UNKNOWN:
    default:
        return error_set(err, RC_UNSUPPORTED,
                         "The type of column '%.*s' is not known to this version.",
                         SLICE_ARG(column->name));
    }
}
