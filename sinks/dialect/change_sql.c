/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements that change a table (facts/doris.md 6.3, facts/starrocks.md 6.2). Pure.
 *
 * MODIFY COLUMN restates the whole definition: what it leaves out counts as a wish to drop it, and
 * both products refuse another default or NOT NULL.
 */
#include "change_int.h"

static void add_alter(const struct sink_target *target, struct buf *sql)
{
    buf_add_str(sql, "ALTER TABLE ");
    dialect_add_table_name(sql, target->db, target->table);
    buf_add_byte(sql, ' ');
}

/* The one default that is no literal. A text column cannot have it: there it is a word like others. */
static bool is_clock(const struct dialect_definition *column)
{
    return slice_starts_nocase(column->type, SLICE("date")) &&
           slice_starts_nocase(column->default_value, SLICE("CURRENT_TIMESTAMP"));
}

static void add_definition(const struct dialect_definition *column, struct buf *sql)
{
    myconn_add_identifier(sql, column->name);
    buf_add_byte(sql, ' ');
    buf_add_slice(sql, column->type);
    if (column->key)
        buf_add_str(sql, " KEY");
    buf_add_str(sql, column->nullable ? " NULL" : " NOT NULL");
    if (column->default_value.ptr != NULL) {
        buf_add_str(sql, " DEFAULT ");
        if (is_clock(column))
            buf_add_slice(sql, column->default_value);
        else
            myconn_add_literal(sql,
                               column->default_value); /* numbers, too: StarRocks wants quotes */
    }
    if (column->comment.len > 0) {
        buf_add_str(sql, " COMMENT ");
        myconn_add_literal(sql, column->comment);
    }
}

void dialect_add_column_sql(const struct sink_target *target,
                            const struct dialect_definition *column, struct slice after,
                            struct buf *sql)
{
    add_alter(target, sql);
    buf_add_str(sql, "ADD COLUMN ");
    add_definition(column, sql);
    if (after.len > 0) {
        buf_add_str(sql, " AFTER ");
        myconn_add_identifier(sql, after);
    }
}

void dialect_modify_column_sql(const struct sink_target *target,
                               const struct dialect_definition *column, struct buf *sql)
{
    add_alter(target, sql);
    buf_add_str(sql, "MODIFY COLUMN ");
    add_definition(column, sql);
}

void dialect_drop_column_sql(const struct sink_target *target, struct slice column, struct buf *sql)
{
    add_alter(target, sql);
    buf_add_str(sql, "DROP COLUMN ");
    myconn_add_identifier(sql, column);
}

void dialect_rename_column_sql(const char *word, const struct sink_target *target,
                               struct slice from, struct slice to, struct buf *sql)
{
    add_alter(target, sql);
    buf_add_str(sql, "RENAME COLUMN ");
    myconn_add_identifier(sql, from);
    buf_add_byte(sql, ' ');
    buf_add_str(sql, word);
    myconn_add_identifier(sql, to);
}

void dialect_comment_column_sql(const struct sink_target *target, struct slice column,
                                struct slice comment, struct buf *sql)
{
    add_alter(target, sql);
    buf_add_str(sql, "MODIFY COLUMN ");
    myconn_add_identifier(sql, column);
    buf_add_str(sql, " COMMENT ");
    myconn_add_literal(sql, comment);
}

void dialect_comment_table_sql(const struct sink_target *target, const char *clause,
                               struct slice comment, struct buf *sql)
{
    add_alter(target, sql);
    buf_addf(sql, "%s ", clause);
    myconn_add_literal(sql, comment);
}

void dialect_drop_table_sql(const struct sink_target *target, struct buf *sql)
{
    buf_add_str(sql, "DROP TABLE ");
    dialect_add_table_name(sql, target->db, target->table);
}

void dialect_rename_table_sql(const struct sink_target *target, struct slice to, struct buf *sql)
{
    add_alter(target, sql);
    buf_add_str(sql, "RENAME ");
    myconn_add_identifier(sql, to);
}

void dialect_swap_sql(enum dialect_swap swap, const struct sink_target *target, struct slice with,
                      struct buf *sql)
{
    add_alter(target, sql);
    buf_add_str(sql, swap == DIALECT_SWAP_REPLACE ? "REPLACE WITH TABLE " : "SWAP WITH ");
    myconn_add_identifier(sql, with);
    if (swap == DIALECT_SWAP_REPLACE)
        buf_add_str(sql, " PROPERTIES('swap' = 'false')");
}

bool dialect_default_literal(const struct column *column, const struct load_column *load,
                             struct slice value, struct buf *out)
{
    bool date = column->kind == COLUMN_DATE || column->kind == COLUMN_DATETIME ||
                column->kind == COLUMN_TIMESTAMP;
    switch (load->encoding) {
    case LOAD_NUMBER:
    case LOAD_STRING:
    case LOAD_JSON_STRING:
    case LOAD_BIT_BOOLEAN:
        buf_add_slice(out, value);
        return true;
    case LOAD_DATE:
        ASSERT(date);
        if (!encoder_date_is_real(value))
            return false;
        buf_add_slice(out, value);
        return true;
    case LOAD_BASE64:
        buf_add_base64(out, value);
        return true;
    case LOAD_JSON_VALUE: /* JSON and ARRAY columns have NULL for their only default */
    case LOAD_GEOMETRY:
    default:
        return false;
    }
}
