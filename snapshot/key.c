/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See key_int.h. Layout of a key: for each column 4 bytes length (little-endian), the text.
 */
#include "key_int.h"

#include "sql_int.h"

static const struct cell *cell_of(const struct row *row, const struct row *other, uint32_t column)
{
    if (row->cells[column].state != CELL_ABSENT || other == NULL || !row_exists(other))
        return &row->cells[column];
    return &other->cells[column];
}

enum rc key_of_row(const struct table *table, const struct row *row, const struct row *other,
                   struct buf *scratch, struct buf *out, struct error *err)
{
    ASSERT(row_exists(row) && row->count == table->column_count);
    buf_reset(out);
    for (uint32_t i = 0; i < table->key_count; i++) {
        const struct column *column = &table->columns[table->key[i]];
        const struct cell *cell = cell_of(row, other, table->key[i]);
        if (cell->state != CELL_VALUE)
            return error_set(err, RC_MISMATCH,
                             "A row of table %.*s.%.*s comes without a value for its key column "
                             "%.*s; SET GLOBAL binlog_row_image = 'FULL' at the source mends it.",
                             SLICE_ARG(table->db), SLICE_ARG(table->name), SLICE_ARG(column->name));
        struct slice text;
        buf_reset(scratch);
        enum rc rc = cell_text(column, cell, scratch, &text, err);
        if (rc != RC_OK)
            return rc;
        uint8_t len[4];
        store_u32le(len, (uint32_t)text.len);
        buf_add(out, len, sizeof(len));
        buf_add_slice(out, text);
    }
    return buf_check(out, "The key of a row", err);
}

/* The text of the next column, and what is left behind it. */
static struct slice take_text(struct slice *key)
{
    ASSERT(key->len >= 4);
    uint32_t len = load_u32le(key->ptr);
    ASSERT(len <= key->len - 4);
    struct slice text = slice_of(key->ptr + 4, len);
    *key = slice_of(key->ptr + 4 + len, key->len - 4 - len);
    return text;
}

/* Literals one behind the other in `text`, cut where `ends` says. */
static enum rc make_bound(const struct table *table, struct buf *text, const size_t *ends,
                          struct bound **bound_out, struct error *err)
{
    struct slice literals[BOUND_PARTS_MAX];
    enum rc rc = buf_check(text, "The key of a row", err);
    if (rc != RC_OK)
        return rc;
    for (uint32_t i = 0; i < table->key_count; i++) {
        size_t start = i == 0 ? 0 : ends[i - 1];
        literals[i] = slice_of(text->ptr + start, ends[i] - start);
    }
    *bound_out = bound_new(literals, table->key_count);
    return *bound_out != NULL ? RC_OK : error_set(err, RC_MEMORY, "There is no memory for a key.");
}

enum rc key_bound(const struct table *table, struct slice key, struct bound **bound_out,
                  struct error *err)
{
    size_t ends[BOUND_PARTS_MAX];
    struct buf text;
    ASSERT(table->key_count <= BOUND_PARTS_MAX);
    *bound_out = NULL;
    buf_init(&text, BOUND_TEXT_MAX);
    for (uint32_t i = 0; i < table->key_count; i++) {
        sql_add_text_literal(&text, &table->columns[table->key[i]], take_text(&key));
        ends[i] = text.len;
    }
    enum rc rc = make_bound(table, &text, ends, bound_out, err);
    buf_deinit(&text);
    return rc;
}

enum rc key_bound_of_fields(const struct table *table, const struct slice *fields,
                            struct bound **bound_out, struct error *err)
{
    size_t ends[BOUND_PARTS_MAX];
    struct buf text;
    ASSERT(table->key_count <= BOUND_PARTS_MAX);
    *bound_out = NULL;
    buf_init(&text, BOUND_TEXT_MAX);
    for (uint32_t i = 0; i < table->key_count; i++) {
        const struct column *column = &table->columns[table->key[i]];
        struct slice field = fields[i];
        if (field.ptr == NULL) {
            buf_deinit(&text);
            return error_set(err, RC_MISMATCH,
                             "The key column %.*s of table %.*s.%.*s holds a NULL.",
                             SLICE_ARG(column->name), SLICE_ARG(table->db), SLICE_ARG(table->name));
        }
        sql_add_field_literal(&text, column, field);
        ends[i] = text.len;
    }
    enum rc rc = make_bound(table, &text, ends, bound_out, err);
    buf_deinit(&text);
    return rc;
}

uint32_t key_field_count(const struct table *table)
{
    uint32_t count = table->column_count;
    for (uint32_t i = 0; i < table->key_count; i++)
        count += column_is_label_text(&table->columns[table->key[i]]);
    return count;
}

enum rc key_bound_of_row(const struct table *table, const struct slice *fields,
                         struct bound **bound_out, struct error *err)
{
    struct slice key[BOUND_PARTS_MAX];
    ASSERT(table->key_count <= BOUND_PARTS_MAX);
    const struct slice *number = fields + table->column_count;
    for (uint32_t i = 0; i < table->key_count; i++) {
        bool is_text = column_is_label_text(&table->columns[table->key[i]]);
        key[i] = is_text ? *number++ : fields[table->key[i]];
    }
    return key_bound_of_fields(table, key, bound_out, err);
}

/* Decimal integers as text: -1, 0, 1. */
static int compare_integers(struct slice a, struct slice b)
{
    bool a_negative = a.len > 0 && a.ptr[0] == '-';
    bool b_negative = b.len > 0 && b.ptr[0] == '-';
    if (a_negative != b_negative)
        return a_negative ? -1 : 1;
    int order = a.len != b.len ? (a.len < b.len ? -1 : 1) : memcmp(a.ptr, b.ptr, a.len);
    return a_negative ? -order : order;
}

bool key_compare_numbers(const struct table *table, uint64_t descending, struct slice key,
                         const struct bound *bound, bool *is_behind_out)
{
    *is_behind_out = false;
    for (uint32_t i = 0; i < table->key_count; i++) {
        enum column_kind kind = table->columns[table->key[i]].kind;
        if (kind != COLUMN_INT && kind != COLUMN_UINT)
            return false;
        struct slice literal = bound->literals[i];
        while (literal.len > 1 && literal.ptr[0] == '0') /* ZEROFILL */
            literal = slice_of(literal.ptr + 1, literal.len - 1);
        int order = compare_integers(take_text(&key), literal);
        if (order != 0) {
            *is_behind_out = (order > 0) != ((descending >> i & 1) != 0);
            return true;
        }
    }
    return true;
}
