/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A column that gets another type: whether the rows that are at the target stay equal to the
 * source's, and how. The source rewrites its rows in the ALTER and says nothing of it in the binlog,
 * so the target must come to the same values by itself, or the table be taken anew.
 *
 * Two questions. Does the source keep the values (dialect_values_kept)? Does the target, when its
 * column has to change as well, make the same of what it holds (server_changes)? A conversion that
 * the servers allow is not always one that is right: FLOAT becomes DOUBLE by way of the text "%f"
 * in the backends of both (olap/types.h, DOUBLE's convert_from), where MySQL widens the bits.
 *
 * Sources: facts/doris.md 6.3 and Doris's catalog/ColumnType.java (the matrix), facts/starrocks.md
 * 6.2 and StarRocks's catalog/SchemaChangeTypeCompatibility.java.
 *
 * A source that narrows a column under a sql_mode without STRICT may have cut values; that cannot be
 * seen here, and under the default it is refused there. So narrowing counts as keeping.
 */
#include "change_int.h"

static bool is_zerofill(struct slice type)
{
    const struct slice word = SLICE("zerofill");
    for (size_t at = 0; at + word.len <= type.len; at++)
        if (slice_starts_nocase(slice_of(type.ptr + at, type.len - at), word))
            return true;
    return false;
}

static bool is_whole(const struct column *column)
{
    return column->kind == COLUMN_INT || column->kind == COLUMN_UINT || column->kind == COLUMN_BIT;
}

/* Digits behind the point, of kinds that have exact numbers. */
static unsigned scale_of(const struct column *column)
{
    return column->kind == COLUMN_DECIMAL ? column->scale : 0;
}

static enum dialect_kept number_kept(const struct column *before, const struct column *after)
{
    bool exact = is_whole(before) || before->kind == COLUMN_DECIMAL || before->kind == COLUMN_YEAR;
    if (!exact)
        return before->kind == after->kind ? DIALECT_KEPT_TEXT : DIALECT_KEPT_NOT;
    switch (after->kind) {
    case COLUMN_INT:
    case COLUMN_UINT:
    case COLUMN_BIT:
    case COLUMN_DECIMAL:
        if (scale_of(after) < scale_of(before))
            return DIALECT_KEPT_NOT; /* rounded */
        return scale_of(after) == scale_of(before) ? DIALECT_KEPT_TEXT : DIALECT_KEPT_NUMBER;
    case COLUMN_YEAR:
        return before->kind == COLUMN_YEAR ? DIALECT_KEPT_TEXT : DIALECT_KEPT_NOT; /* 5 is 2005 */
    case COLUMN_DOUBLE:
        return is_whole(before) ? DIALECT_KEPT_NUMBER : DIALECT_KEPT_NOT;
    case COLUMN_FLOAT: /* 24 bits of it are exact */
        return is_whole(before) && before->int_bytes > 0 && before->int_bytes <= 2
                   ? DIALECT_KEPT_NUMBER
                   : DIALECT_KEPT_NOT;
    case COLUMN_STRING:
        /* ZEROFILL's zeros are written out by the source, and are in no event. */
        return is_zerofill(before->type) || before->kind == COLUMN_BIT ? DIALECT_KEPT_NOT
                                                                       : DIALECT_KEPT_TEXT;
    default:
        return DIALECT_KEPT_NOT;
    }
}

static enum dialect_kept moment_kept(const struct column *before, const struct column *after)
{
    if (after->kind == COLUMN_STRING) /* a TIMESTAMP is written in the zone of whoever altered it */
        return before->kind == COLUMN_TIMESTAMP ? DIALECT_KEPT_NOT : DIALECT_KEPT_TEXT;
    if (before->kind == COLUMN_DATE && after->kind == COLUMN_DATETIME)
        return DIALECT_KEPT_MOMENT;
    if (before->kind != after->kind || after->scale < before->scale)
        return DIALECT_KEPT_NOT;
    return after->scale == before->scale ? DIALECT_KEPT_TEXT : DIALECT_KEPT_MOMENT;
}

/* ENUM and SET go by their labels. One that is there in other letters is taken for the same by the
 * source, and written anew. */
static enum dialect_kept labels_kept(const struct column *before, const struct column *after)
{
    if (before->labels == NULL || after->labels == NULL)
        return before->kind == after->kind ? DIALECT_KEPT_TEXT : DIALECT_KEPT_NOT;
    for (uint32_t i = 0; i < before->label_count; i++) {
        bool same = false;
        bool other_letters = false;
        for (uint32_t k = 0; k < after->label_count; k++) {
            same |= slice_equal(before->labels[i], after->labels[k]);
            other_letters |= slice_equal_nocase(before->labels[i], after->labels[k]);
        }
        if (!same && other_letters)
            return DIALECT_KEPT_NOT;
    }
    return DIALECT_KEPT_TEXT;
}

static enum dialect_kept text_kept(const struct column *before, const struct column *after)
{
    bool labels = before->kind == COLUMN_ENUM || before->kind == COLUMN_SET;
    if (labels && (after->kind == COLUMN_ENUM || after->kind == COLUMN_SET))
        return labels_kept(before, after);
    if (after->kind == COLUMN_STRING) {
        /* A CHAR loses the blanks at its end. */
        bool cut =
            before->kind == COLUMN_STRING && after->is_fixed_bytes && !before->is_fixed_bytes;
        return cut ? DIALECT_KEPT_NOT : DIALECT_KEPT_TEXT;
    }
    return before->kind == after->kind ? DIALECT_KEPT_TEXT : DIALECT_KEPT_NOT;
}

enum dialect_kept dialect_values_kept(const struct column *before, const struct column *after)
{
    switch (before->kind) {
    case COLUMN_INT:
    case COLUMN_UINT:
    case COLUMN_BIT:
    case COLUMN_YEAR:
    case COLUMN_DECIMAL:
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        return number_kept(before, after);
    case COLUMN_DATE:
    case COLUMN_TIME:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        return moment_kept(before, after);
    case COLUMN_STRING:
    case COLUMN_ENUM:
    case COLUMN_SET:
    case COLUMN_JSON:
    case COLUMN_UUID:
    case COLUMN_INET4:
    case COLUMN_INET6:
        return text_kept(before, after);
    case COLUMN_BYTES: /* BINARY(n) is padded to its n */
        if (after->kind != COLUMN_BYTES)
            return DIALECT_KEPT_NOT;
        return !after->is_fixed_bytes || (before->is_fixed_bytes && before->length == after->length)
                   ? DIALECT_KEPT_TEXT
                   : DIALECT_KEPT_NOT;
    case COLUMN_GEOMETRY:
    case COLUMN_VECTOR:
        return before->kind == after->kind ? DIALECT_KEPT_TEXT : DIALECT_KEPT_NOT;
    case COLUMN_UNKNOWN:
    default:
        return DIALECT_KEPT_NOT;
    }
}

/* Whether what a target column of type `have` holds is still the source's value. */
static bool held_is_right(enum dialect_kept kept, const struct dialect_type *have)
{
    switch (have->family) {
    case DIALECT_BOOLEAN:
    case DIALECT_INTEGER:
    case DIALECT_DECIMAL:
    case DIALECT_FLOAT:
    case DIALECT_DOUBLE:
        return kept == DIALECT_KEPT_NUMBER || kept == DIALECT_KEPT_TEXT;
    case DIALECT_DATE:
    case DIALECT_DATETIME:
        return kept == DIALECT_KEPT_MOMENT || kept == DIALECT_KEPT_TEXT;
    default:
        return kept == DIALECT_KEPT_TEXT;
    }
}

/* Whether the server makes `want` of `have`, and every value stays what it says. */
static bool server_changes(const struct dialect_changes *changes, const struct dialect_type *have,
                           const struct dialect_type *want)
{
    switch (have->family) {
    case DIALECT_INTEGER:
        if (want->family == DIALECT_INTEGER)
            return want->size > have->size;
        if (want->family == DIALECT_FLOAT)
            return have->size <= 2 && changes->float_from_integer;
        if (want->family == DIALECT_DOUBLE)
            return have->size <= 8 || changes->double_from_largeint;
        return want->family == DIALECT_CHARS;
    case DIALECT_DECIMAL:
        if (want->family == DIALECT_DECIMAL)
            return want->scale >= have->scale &&
                   want->size - want->scale >= have->size - have->scale;
        return want->family == DIALECT_CHARS;
    case DIALECT_DATE:
        return want->family == DIALECT_DATETIME;
    case DIALECT_DATETIME:
        return want->family == DIALECT_DATETIME && want->scale >= have->scale;
    case DIALECT_CHARS:
        return want->family == DIALECT_CHARS && want->size >= have->size;
    default: /* BOOLEAN, FLOAT, DOUBLE, JSON, ARRAY, IPV4, IPV6 */
        return false;
    }
}

enum dialect_fit dialect_type_fit(const struct dialect_changes *changes,
                                  const struct column *before, const struct column *after,
                                  const struct dialect_type *want, const struct dialect_type *have,
                                  const char **why_out)
{
    enum load_encoding encoding;
    enum dialect_kept kept = dialect_values_kept(before, after);
    *why_out = "the source wrote its rows anew, and what it made of them is not known";
    if (kept == DIALECT_KEPT_NOT)
        return DIALECT_FIT_NOT;
    if (dialect_type_holds(changes->traits, after, want, have, &encoding)) {
        *why_out = "the rows that are there are written in another way than the new ones will be";
        return held_is_right(kept, have) ? DIALECT_FIT_AS_IS : DIALECT_FIT_NOT;
    }
    *why_out = "that is a change of type which it cannot make without changing values";
    return server_changes(changes, have, want) && held_is_right(kept, want) ? DIALECT_FIT_MODIFY
                                                                            : DIALECT_FIT_NOT;
}
