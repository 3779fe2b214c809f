/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of numbers, in which the two products agree (facts/doris.md 6.4, facts/starrocks.md 6.3);
 * DECIMAL is each dialect's own. Pure.
 */
#include "dialect_int.h"

enum rc dialect_type_fixed(const char *type, enum load_encoding encoding, struct load_column *out)
{
    out->target_type = slice_str(type);
    out->encoding = encoding;
    return RC_OK;
}

enum rc dialect_number_type(const struct column *column, enum dialect_place place,
                            struct load_column *out, struct error *err)
{
    switch (column->kind) {
    case COLUMN_BIT:
        if (column->length == 1)
            return dialect_type_fixed("BOOLEAN", LOAD_BIT_BOOLEAN, out);
        if (column->length == 0 || column->length > 63)
            return dialect_type_fixed("LARGEINT", LOAD_STRING, out);
        return dialect_type_fixed("BIGINT", LOAD_NUMBER, out);
    case COLUMN_YEAR:
        return dialect_type_fixed("SMALLINT", LOAD_NUMBER, out);
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        /* There are no floating-point keys; the shortest text names the same value. */
        if (place == DIALECT_PLACE_KEY)
            return dialect_type_fixed("VARCHAR(32)", LOAD_STRING, out);
        return dialect_type_fixed(column->kind == COLUMN_FLOAT ? "FLOAT" : "DOUBLE", LOAD_NUMBER,
                                  out);
    default:
        break;
    }
    const char *type = dialect_integer_type(column);
    if (type == NULL)
        return error_set(err, RC_UNSUPPORTED, "An integer of %u bytes is not known here.",
                         column->int_bytes);
    /* 128-bit numbers go as strings: a JSON reader may hold numbers in 64 bits. */
    return dialect_type_fixed(type, strcmp(type, "LARGEINT") == 0 ? LOAD_STRING : LOAD_NUMBER, out);
}
