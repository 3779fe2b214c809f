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
 * ENUM and SET are ordered by number. Compared with a number no server uses the index, so that an
 * ENUM is compared with a list of its labels and a SET with a list of its values, where there are no
 * more than LIST_MAX. Others stay slow: each chunk reads over the index from its first entry with
 * an equal column before it.
 *
 * A key whose index has some columns ascending and others descending is read in the order of that
 * index; where all of them descend, the server walks backwards as fast.
 */
#include "sql_int.h"

#include <stdlib.h>

enum { SET_LABELS_MAX = 10, LIST_MAX = 1 << SET_LABELS_MAX };

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

static void add_label(struct buf *out, struct slice label)
{
    if (label.len == 0) {
        buf_add_str(out, "''");
        return;
    }
    buf_add_str(out, "_utf8mb4 0x");
    buf_add_hex(out, label);
}

/* The value of an ENUM or SET that has this number. */
static void add_value_of_number(struct buf *out, const struct column *column, uint64_t number)
{
    if (column->kind == COLUMN_ENUM) {
        add_label(out, column->labels[number - 1]);
        return;
    }
    if (number == 0) {
        add_label(out, SLICE_EMPTY);
        return;
    }
    buf_add_str(out, "_utf8mb4 0x");
    bool is_first = true;
    for (uint32_t i = 0; i < column->label_count; i++) {
        if ((number >> i & 1) == 0)
            continue;
        if (!is_first)
            buf_add_hex(out, SLICE(","));
        buf_add_hex(out, column->labels[i]);
        is_first = false;
    }
}

/* Values from number `first` to before `end`, as a list. */
static void add_label_list(struct buf *out, const struct column *column, uint64_t first,
                           uint64_t end)
{
    myconn_add_identifier(out, column->name);
    buf_add_str(out, " IN (");
    for (uint64_t i = first; i < end; i++) {
        if (i > first)
            buf_add_str(out, ", ");
        add_value_of_number(out, column, i);
    }
    buf_add_byte(out, ')');
}

/* Then it may be another label that the server does not show. */
static bool has_question_mark(struct slice label)
{
    return label.len > 0 && memchr(label.ptr, '?', label.len) != NULL;
}

/* The numbers of all values that a list can name, from `first` to before `end`. An empty label of a
 * SET reads like no label at all. */
static bool has_lists(const struct column *column, uint64_t *first, uint64_t *end)
{
    bool is_set = column->kind == COLUMN_SET;
    if ((!is_set && column->kind != COLUMN_ENUM) || column->labels == NULL ||
        column->label_count > (is_set ? SET_LABELS_MAX : LIST_MAX))
        return false;
    for (uint32_t i = 0; i < column->label_count; i++)
        if ((is_set && column->labels[i].len == 0) || has_question_mark(column->labels[i]))
            return false;
    *first = is_set ? 0 : 1;
    *end = is_set ? UINT64_C(1) << column->label_count : (uint64_t)column->label_count + 1;
    return true;
}

/* What can be said of an ENUM or SET by a list; false: it has to be compared as a number. The value 0
 * of an ENUM, the server's mark for an invalid one, has no label: a list of what is less would leave
 * it out, so it stands only where a low bound has left that value behind already. */
static bool find_list(const struct column *column, const char *operation, struct slice literal,
                      bool zero_is_behind, uint64_t *first, uint64_t *end)
{
    uint64_t number;
    if (!has_lists(column, first, end) || !text_parse_u64(literal, &number) || number < *first ||
        number >= *end)
        return false;
    uint64_t with_equal = operation[1] == '=';
    if (operation[0] == '<') {
        *end = number + with_equal;
        return column->kind == COLUMN_SET || zero_is_behind;
    }
    *first = operation[0] == '>' ? number + 1 - with_equal : number;
    if (operation[0] == '=')
        *end = number + 1;
    return true;
}

/* False: no value can be so, and nothing was added. */
static bool add_comparison(struct buf *out, const struct column *column, const char *operation,
                           struct slice literal, bool zero_is_behind)
{
    uint64_t first;
    uint64_t end;
    if (find_list(column, operation, literal, zero_is_behind, &first, &end)) {
        if (first < end)
            add_label_list(out, column, first, end);
        return first < end;
    }
    myconn_add_identifier(out, column->name);
    buf_add_byte(out, ' ');
    buf_add_str(out, operation);
    buf_add_byte(out, ' ');
    buf_add_slice(out, literal);
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

/* The key columns from `from` on against a bound; those before it are equal. `low`: the bound that
 * has left rows behind, or NULL. */
static void add_side(struct buf *out, const struct sql_table *table, uint32_t from,
                     const struct bound *bound, enum side side, const struct bound *low)
{
    uint32_t count = table->table->key_count;
    ASSERT(bound->count == count);
    for (uint32_t i = from; i < count; i++) {
        const struct column *column = key_column(table, i);
        /* Only the first column of a range is at least the low bound's. */
        bool behind = i == from && low != NULL && !is_descending(table, i) &&
                      !slice_equal(low->literals[i], SLICE("0"));
        const char *strict = operation_of(table, i, side, false);
        const char *with_equal = operation_of(table, i, side, true);
        if (i + 1 == count) {
            if (!add_comparison(out, column, side == SIDE_UP_TO ? with_equal : strict,
                                bound->literals[i], behind))
                buf_add_str(out, "1=0");
            break;
        }
        if (i == from) {
            (void)add_comparison(out, column, with_equal, bound->literals[i], behind);
            buf_add_str(out, " AND ");
        }
        buf_add_byte(out, '(');
        if (add_comparison(out, column, strict, bound->literals[i], behind))
            buf_add_str(out, " OR ");
        buf_add_byte(out, '(');
        (void)add_comparison(out, column, "=", bound->literals[i], behind);
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
        (void)add_comparison(out, key_column(table, i), "=", low->literals[i], false);
        buf_add_str(out, " AND ");
    }
    if (low != NULL)
        add_side(out, table, from, low, SIDE_BEHIND, low);
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

void sql_add_is_not_behind(struct buf *out, const struct sql_table *table, const struct bound *key,
                           const struct bound *low)
{
    buf_add_str(out, "SELECT 1");
    add_table(out, table);
    buf_add_str(out, " WHERE ");
    add_equal(out, table, key);
    buf_add_str(out, " AND NOT (");
    add_side(out, table, 0, low, SIDE_BEHIND, NULL);
    buf_add_str(out, ") LIMIT 1");
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
