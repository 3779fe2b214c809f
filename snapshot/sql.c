/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements in SQL that 5.6 to 9.7 and MariaDB 10.x, 11.x read alike.
 *
 * Order and comparison are the server's alone: ORDER BY and WHERE name the columns, so that their
 * own collation decides, and nothing is compared by us. A row comparison (a, b) > (x, y) is written
 * out as
 *
 *      a >= x AND (a > x OR (a = x AND b > y))
 *
 * because the servers do not use an index for the short form, but for this one all of them do
 * (seen by their Handler_read_* counters on 5.6, 9.7, 10.11: as many rows are read as are in the
 * range). Columns that are equal in both bounds of a chunk are told once, in front: 5.6 loses sight of
 * the range otherwise.
 *
 * Literals: numbers as digits; FLOAT and DOUBLE with an exponent, so that they are read as doubles
 * and not as decimals; text and bytes in hex behind the name of their character set, which a column
 * with a collation of its own overrules; dates and times quoted, under sql_mode ALLOW_INVALID_DATES.
 *
 * ENUM and SET are ordered by number. Every server finds an equal number by the index, and none a
 * greater one (seen on 5.6, 9.7, 10.5, 10.11, 11.8). So what is greater is a list of numbers, where they are
 * few enough: MySQL walks over the whole index instead from 4,000 on. A list stands for
 * the a >= x in front too.
 *
 * A key whose index has some columns ascending and others descending is read in the order of that
 * index; where all of them descend, the server walks backwards as fast.
 */
#include "sql_int.h"

#include <stdlib.h>

enum { SET_LABELS_MAX = 11, ENUM_VALUES_MAX = 3000 };

static void add_table(struct buf *out, const struct sql_table *table)
{
    buf_add_str(out, " FROM ");
    myconn_add_identifier(out, table->table->db);
    buf_add_byte(out, '.');
    myconn_add_identifier(out, table->table->name);
    if (table->is_versioned)
        buf_add_str(out, " FOR SYSTEM_TIME ALL");
    if (table->index.len == 0)
        return;
    buf_add_str(out, " FORCE INDEX (");
    myconn_add_identifier(out, table->index);
    buf_add_byte(out, ')');
}

/* MariaDB stores -0 in a FLOAT (of a small negative double that was rounded) and since 10.11.19 shows
 * it as 0; the angle tells them apart. A DOUBLE it makes 0 before it is stored; MySQL shows -0. */
static void add_float(struct buf *out, struct slice name)
{
    buf_add_str(out, "IF(");
    myconn_add_identifier(out, name);
    buf_add_str(out, "=0 AND ATAN2(");
    myconn_add_identifier(out, name);
    buf_add_str(out, ",-1)<0,'-0',");
    myconn_add_identifier(out, name);
    buf_add_str(out, "*1e0)");
}

static bool has_labels(const struct column *column)
{
    return column->kind == COLUMN_ENUM || column->kind == COLUMN_SET;
}

/* What a key is ordered by. */
static void add_key_value(struct buf *out, const struct column *column)
{
    if (column->kind == COLUMN_FLOAT) {
        add_float(out, column->name);
        return;
    }
    if (has_labels(column))
        buf_add_str(out, "CAST(");
    myconn_add_identifier(out, column->name);
    if (has_labels(column))
        buf_add_str(out, " AS UNSIGNED)");
    if (column->kind == COLUMN_DOUBLE)
        buf_add_str(out, "*1e0");
}

/* As source_ops.read_table wants it. */
static void add_value(struct buf *out, const struct column *column)
{
    if (column_is_label_text(column))
        myconn_add_identifier(out, column->name);
    else
        add_key_value(out, column);
}

static const struct column *key_column(const struct sql_table *table, uint32_t part)
{
    return &table->table->columns[table->table->key[part]];
}

static bool is_descending(const struct sql_table *table, uint32_t part)
{
    return (table->descending >> part & 1) != 0;
}

static void add_order(struct buf *out, const struct sql_table *table)
{
    for (uint32_t i = 0; i < table->table->key_count; i++) {
        buf_add_str(out, i == 0 ? " ORDER BY " : ", ");
        myconn_add_identifier(out, key_column(table, i)->name);
        if (is_descending(table, i))
            buf_add_str(out, " DESC");
    }
}

static void add_key(struct buf *out, const struct sql_table *table)
{
    for (uint32_t i = 0; i < table->table->key_count; i++) {
        buf_add_str(out, i == 0 ? "SELECT " : ", ");
        add_key_value(out, key_column(table, i));
    }
}

/* How many values a column of labels can have, where they are few enough to be listed; 0: they are not,
 * or the column has none. The server's mark for an invalid value of an ENUM is the value 0. */
static uint64_t count_values(const struct column *column)
{
    if (column->labels == NULL)
        return 0;
    if (column->kind == COLUMN_ENUM && column->label_count < ENUM_VALUES_MAX)
        return (uint64_t)column->label_count + 1;
    if (column->kind == COLUMN_SET && column->label_count <= SET_LABELS_MAX)
        return UINT64_C(1) << column->label_count;
    return 0;
}

/* Whether a comparison with this number is a list. */
static bool is_listed(const struct column *column, struct slice literal, uint64_t *number_out)
{
    return has_labels(column) && text_parse_u64(literal, number_out) &&
           *number_out < count_values(column);
}

/* `other`: the column's value in the bound of the range's other side, where lists can end; empty: there is
 * none. False: no value can be so, and nothing was added. */
static bool add_comparison(struct buf *out, const struct column *column, const char *operation,
                           struct slice literal, struct slice other)
{
    uint64_t number;
    if (operation[0] == '=' || !is_listed(column, literal, &number)) {
        myconn_add_identifier(out, column->name);
        buf_addf(out, " %s ", operation);
        buf_add_slice(out, literal);
        return true;
    }
    uint64_t limit;
    bool has_limit = is_listed(column, other, &limit);
    uint64_t first = has_limit ? limit : 0;
    uint64_t end = has_limit ? limit + 1 : count_values(column);
    if (operation[0] == '<')
        end = number + (operation[1] == '=');
    else
        first = number + (operation[1] != '=');
    if (first >= end)
        return false;
    myconn_add_identifier(out, column->name);
    for (uint64_t i = first; i < end; i++)
        buf_addf(out, "%s%llu", i == first ? " IN (" : ", ", (unsigned long long)i);
    buf_add_byte(out, ')');
    return true;
}

/* Which rows a range takes, seen from a bound. */
enum side { SIDE_BEHIND = 0, SIDE_UP_TO };

/* Rows that lie behind the bound (or before it) in column i, or are equal in it. */
static const char *operation_of(const struct sql_table *table, uint32_t part, enum side side,
                                bool with_equal)
{
    bool is_greater = (side == SIDE_BEHIND) != is_descending(table, part);
    if (with_equal)
        return is_greater ? ">=" : "<=";
    return is_greater ? ">" : "<";
}

/* The key columns from `from` on against a bound; those before it are equal. `other`: the bound of the
 * range's other side, or NULL. */
static void add_side(struct buf *out, const struct sql_table *table, uint32_t from,
                     const struct bound *bound, enum side side, const struct bound *other)
{
    uint32_t count = table->table->key_count;
    ASSERT(bound->count == count);
    for (uint32_t i = from; i < count; i++) {
        const struct column *column = key_column(table, i);
        uint64_t number;
        /* Only in the first column the other bound says something of every row. */
        struct slice limit = i == from && other != NULL ? other->literals[i] : SLICE_EMPTY;
        const char *strict = operation_of(table, i, side, false);
        const char *with_equal = operation_of(table, i, side, true);
        if (i + 1 == count) {
            if (!add_comparison(out, column, side == SIDE_UP_TO ? with_equal : strict,
                                bound->literals[i], limit))
                buf_add_str(out, "1=0");
            break;
        }
        if (i == from && !is_listed(column, bound->literals[i], &number)) {
            (void)add_comparison(out, column, with_equal, bound->literals[i], limit);
            buf_add_str(out, " AND ");
        }
        buf_add_byte(out, '(');
        if (add_comparison(out, column, strict, bound->literals[i], limit))
            buf_add_str(out, " OR ");
        buf_add_byte(out, '(');
        (void)add_comparison(out, column, "=", bound->literals[i], limit);
        buf_add_str(out, " AND ");
    }
    for (uint32_t i = from + 1; i < count; i++)
        buf_add_str(out, "))");
}

/* How many columns have one value in the whole range; never all. */
static uint32_t count_equal(const struct bound *low, const struct bound *high)
{
    uint32_t count = 0;
    while (low != NULL && high != NULL && count + 1 < low->count &&
           slice_equal(low->literals[count], high->literals[count]))
        count++;
    return count;
}

static void add_range(struct buf *out, const struct sql_table *table, const struct bound *low,
                      const struct bound *high)
{
    if (low == NULL && high == NULL)
        return;
    buf_add_str(out, " WHERE ");
    uint32_t from = count_equal(low, high);
    for (uint32_t i = 0; i < from; i++) {
        (void)add_comparison(out, key_column(table, i), "=", low->literals[i], SLICE_EMPTY);
        buf_add_str(out, " AND ");
    }
    if (low != NULL)
        add_side(out, table, from, low, SIDE_BEHIND, high);
    if (low != NULL && high != NULL)
        buf_add_str(out, " AND ");
    if (high != NULL)
        add_side(out, table, from, high, SIDE_UP_TO, low);
}

static void add_all_columns(struct buf *out, const struct sql_table *table)
{
    for (uint32_t i = 0; i < table->table->column_count; i++) {
        buf_add_str(out, i == 0 ? "SELECT " : ", ");
        add_value(out, &table->table->columns[i]);
    }
    for (uint32_t i = 0; i < table->table->key_count; i++) {
        if (!column_is_label_text(key_column(table, i)))
            continue;
        buf_add_str(out, ", ");
        add_key_value(out, key_column(table, i));
    }
}

void sql_add_rows(struct buf *out, const struct sql_table *table, const struct bound *low,
                  const struct bound *high, uint64_t limit)
{
    add_all_columns(out, table);
    add_table(out, table);
    add_range(out, table, low, high);
    add_order(out, table);
    if (limit > 0)
        buf_addf(out, " LIMIT %llu", (unsigned long long)limit);
}

void sql_add_bound(struct buf *out, const struct sql_table *table, const struct bound *low,
                   uint64_t count)
{
    ASSERT(count > 0);
    add_key(out, table);
    add_table(out, table);
    add_range(out, table, low, NULL);
    /* A prefixed index does not have the order of its values, so that the server would sort all that
     * is left. Any key behind `low` is a good bound, and along the index its rows come about in order.
     * Without a bound to begin at, the server may walk along another index. */
    if (!table->is_prefixed || low == NULL)
        add_order(out, table);
    buf_addf(out, " LIMIT %llu,1", (unsigned long long)(count - 1));
}

void sql_add_end(struct buf *out, const struct sql_table *table)
{
    ASSERT(table->table->key_count == 1);
    add_key(out, table);
    add_table(out, table);
    add_order(out, table);
    buf_add_str(out, " DESC LIMIT 1");
}

static void add_equal(struct buf *out, const struct sql_table *table, const struct bound *key)
{
    buf_add_byte(out, '(');
    for (uint32_t i = 0; i < key->count; i++) {
        if (i > 0)
            buf_add_str(out, " AND ");
        myconn_add_identifier(out, key_column(table, i)->name);
        buf_add_str(out, " = ");
        buf_add_slice(out, key->literals[i]);
    }
    buf_add_byte(out, ')');
}

void sql_add_rows_of_keys(struct buf *out, const struct sql_table *table,
                          const struct bound *const *keys, uint32_t key_count)
{
    add_all_columns(out, table);
    add_table(out, table);
    for (uint32_t i = 0; i < key_count; i++) {
        buf_add_str(out, i == 0 ? " WHERE " : " OR ");
        add_equal(out, table, keys[i]);
    }
}

/* The row's key is found first, and compared outside: in one condition MySQL puts the label that a
 * column is equal to into the place of the column everywhere, and a label is no number. */
void sql_add_is_not_behind(struct buf *out, const struct sql_table *table, const struct bound *key,
                           const struct bound *low)
{
    for (uint32_t i = 0; i < key->count; i++) {
        const struct column *column = key_column(table, i);
        buf_add_str(out, i == 0 ? "SELECT 1 FROM (SELECT " : ", ");
        if (has_labels(column))
            add_key_value(out, column);
        else
            myconn_add_identifier(out, column->name);
        buf_add_str(out, " AS ");
        myconn_add_identifier(out, column->name);
    }
    add_table(out, table);
    buf_add_str(out, " WHERE ");
    add_equal(out, table, key);
    buf_add_str(out, " LIMIT 1) AS found WHERE NOT (");
    add_side(out, table, 0, low, SIDE_BEHIND, NULL);
    buf_add_byte(out, ')');
}

/* --- literals --- */

static void add_hex(struct buf *out, struct slice charset, struct slice bytes)
{
    buf_add_byte(out, '_');
    buf_add_slice(out, charset);
    if (bytes.len == 0) {
        buf_add_str(out, " ''");
        return;
    }
    buf_add_str(out, " 0x");
    buf_add_hex(out, bytes);
}

static void add_real(struct buf *out, struct slice digits)
{
    buf_add_slice(out, digits);
    if (digits.len > 0 && memchr(digits.ptr, 'e', digits.len) == NULL &&
        memchr(digits.ptr, 'E', digits.len) == NULL)
        buf_add_str(out, "e0");
}

static void add_quoted(struct buf *out, struct slice text)
{
    buf_add_byte(out, '\'');
    buf_add_slice(out, text);
    buf_add_byte(out, '\'');
}

void sql_add_field_literal(struct buf *out, const struct column *column, struct slice field)
{
    switch (column->kind) {
    case COLUMN_INT:
    case COLUMN_UINT:
    case COLUMN_YEAR:
    case COLUMN_DECIMAL:
    case COLUMN_ENUM:
    case COLUMN_SET:
        buf_add_slice(out, field);
        return;
    case COLUMN_BIT:
        buf_add_u64(out, load_uint_be(field.ptr, (unsigned)(field.len > 8 ? 8 : field.len)));
        return;
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        add_real(out, field);
        return;
    case COLUMN_STRING:
        add_hex(out, column->charset, field);
        return;
    case COLUMN_BYTES:
    case COLUMN_JSON:
    case COLUMN_GEOMETRY:
    case COLUMN_VECTOR:
    case COLUMN_UNKNOWN:
        add_hex(out, SLICE("binary"), field);
        return;
    case COLUMN_DATE:
    case COLUMN_TIME:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
    case COLUMN_UUID:
    case COLUMN_INET4:
    case COLUMN_INET6:
        add_quoted(out, field);
        return;
    }
}

void sql_add_text_literal(struct buf *out, const struct column *column, struct slice text)
{
    enum { REAL_TEXT_MAX = 64 };
    switch (column->kind) {
    case COLUMN_BIT:
        buf_add_slice(out, text);
        return;
    case COLUMN_ENUM:
    case COLUMN_SET:
        /* Without labels the canonical text is the number. */
        if (column->labels == NULL)
            buf_add_slice(out, text);
        else
            add_hex(out, SLICE("utf8mb4"), text);
        return;
    case COLUMN_STRING:
        add_hex(out, SLICE("utf8mb4"), text);
        return;
    case COLUMN_FLOAT: {
        /* The shortest text of a float is another double: the column is compared as a double. */
        char digits[REAL_TEXT_MAX] = "";
        memcpy(digits, text.ptr, text.len < sizeof(digits) ? text.len : sizeof(digits) - 1);
        buf_addf(out, "%.16e", (double)strtof(digits, NULL));
        return;
    }
    default:
        sql_add_field_literal(out, column, text);
        return;
    }
}

/* Digits and names, perhaps one blank behind an introducer; or anything that a date may hold between
 * two quotes, of which the second is the last byte. */
bool sql_is_literal(struct slice text)
{
    if (text.len == 0)
        return false;
    bool has_introducer = text.ptr[0] == '_';
    bool quoted = false;
    unsigned blanks = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        bool word = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                    (byte >= 'A' && byte <= 'Z') || byte == '_' || byte == '.' || byte == '+' ||
                    byte == '-' || byte == ':';
        if (byte == '\'') {
            bool opens = !quoted && (i == 0 || (has_introducer && text.ptr[i - 1] == ' '));
            bool closes = quoted && i + 1 == text.len;
            if (!opens && !closes)
                return false;
            quoted = opens;
        } else if (byte == ' ' && !quoted) {
            if (!has_introducer || ++blanks > 1)
                return false;
        } else if (!word && byte != ' ') {
            return false;
        }
    }
    return !quoted;
}
