/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the next chunk ends: the server is asked for the key of the nth row behind the last bound,
 * over the key's own index. One bound at a time and only a little ahead of the readers, so that
 * nothing is planned for a table before its turn, and n follows what rows turn out to weigh.
 *
 * No smallest and largest key, no arithmetic on keys: skew and gaps cost nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "key_int.h"
#include "reader_int.h"

enum { ROW_BYTES_UNKNOWN = 256, INDEX_NAME_MAX = 1024 };

uint64_t plan_rows(const struct reader *reader, uint64_t row_bytes)
{
    /* A quarter is left for rows that are longer than those before them. */
    uint64_t aim = reader->chunk_bytes - reader->chunk_bytes / 4;
    uint64_t count = aim / (row_bytes == 0 ? ROW_BYTES_UNKNOWN : row_bytes);
    if (count > reader->chunk_rows)
        count = reader->chunk_rows;
    return count == 0 ? 1 : count;
}

/* --- the key's index --- */

/* One unique index of SHOW INDEX, as it is read line by line. */
struct index_scan {
    const struct table *table;
    struct buf name;
    uint32_t parts;
    uint64_t descending;
    bool is_prefixed;
    bool fits;
};

/* Whole values are walked along faster than their beginnings; then the primary key counts. */
static bool is_better(const struct index_scan *scan, const struct plan_task *task)
{
    if (task->index.len == 0 || scan->is_prefixed != task->table.is_prefixed)
        return task->index.len == 0 || !scan->is_prefixed;
    return slice_equal(buf_slice(&scan->name), SLICE("PRIMARY"));
}

static void end_index(const struct index_scan *scan, struct plan_task *task)
{
    uint32_t count = scan->table->key_count;
    if (scan->name.len == 0 || !scan->fits || scan->parts != count || !is_better(scan, task))
        return;
    buf_reset(&task->index);
    buf_add_slice(&task->index, buf_slice(&scan->name));
    task->table.is_prefixed = scan->is_prefixed;
    /* Where all columns descend, ascending is the same way backwards. */
    if (task->is_untrodden)
        task->table.descending =
            scan->descending == (UINT64_C(1) << count) - 1 ? 0 : scan->descending;
}

static int column_of(const struct myconn_result *result, struct slice name)
{
    for (unsigned i = 0; i < myconn_column_count(result); i++)
        if (slice_equal_nocase(myconn_column_name(result, i), name))
            return (int)i;
    return -1;
}

/* An index that the optimizer may not use cannot be forced: MySQL's INVISIBLE, MariaDB's IGNORED. */
static bool is_usable(const struct myconn_result *result, const struct slice *fields)
{
    int visible = column_of(result, SLICE("Visible"));
    int ignored = column_of(result, SLICE("Ignored"));
    return (visible < 0 || slice_equal_nocase(fields[visible], SLICE("YES"))) &&
           (ignored < 0 || slice_equal_nocase(fields[ignored], SLICE("NO")));
}

/* A line is of one column of an index. */
static void add_part(struct index_scan *scan, const struct myconn_result *result,
                     const struct slice *fields, struct slice name)
{
    const struct table *table = scan->table;
    int length = column_of(result, SLICE("Sub_part"));
    int order = column_of(result, SLICE("Collation"));
    if (scan->parts >= table->key_count ||
        !slice_equal_nocase(name, table->columns[table->key[scan->parts]].name)) {
        scan->fits = false;
        return;
    }
    scan->is_prefixed |= length >= 0 && fields[length].ptr != NULL;
    if (order >= 0 && slice_equal(fields[order], SLICE("D")))
        scan->descending |= UINT64_C(1) << scan->parts;
    scan->parts++;
}

static enum rc find_index(struct session *session, struct plan_task *task, struct error *err)
{
    const struct table *table = task->table.table;
    struct buf sql;
    struct index_scan scan = {.table = table};
    struct myconn_result *result = NULL;
    task->table.is_prefixed = false;
    if (task->is_untrodden)
        task->table.descending = 0;
    buf_init(&sql, SQL_TEXT_MAX);
    buf_init(&scan.name, INDEX_NAME_MAX);
    buf_add_str(&sql, "SHOW INDEX FROM ");
    myconn_add_identifier(&sql, table->db);
    buf_add_byte(&sql, '.');
    myconn_add_identifier(&sql, table->name);
    buf_add_str(&sql, " WHERE Non_unique = 0");
    enum rc rc = myconn_query(session->conn, buf_slice(&sql), &result, err);
    const struct slice *fields;
    while (rc == RC_OK && myconn_row(result, &fields)) {
        int name = column_of(result, SLICE("Key_name"));
        int column = column_of(result, SLICE("Column_name"));
        if (name < 0 || column < 0)
            break;
        if (!slice_equal(fields[name], buf_slice(&scan.name))) {
            end_index(&scan, task);
            buf_reset(&scan.name);
            buf_add_slice(&scan.name, fields[name]);
            scan.parts = 0;
            scan.descending = 0;
            scan.is_prefixed = false;
            scan.fits = is_usable(result, fields);
        }
        add_part(&scan, result, fields, fields[column]);
    }
    if (rc == RC_OK)
        end_index(&scan, task);
    myconn_result_free(result);
    buf_deinit(&sql);
    buf_deinit(&scan.name);
    return rc;
}

/* The server's figures: estimates, good enough to begin with. */
static enum rc find_figures(struct session *session, struct plan_task *task, struct error *err)
{
    const struct table *table = task->table.table;
    struct buf sql;
    struct myconn_result *result = NULL;
    buf_init(&sql, SQL_TEXT_MAX);
    buf_add_str(&sql, "SELECT t.TABLE_ROWS, t.AVG_ROW_LENGTH, e.TRANSACTIONS, t.TABLE_TYPE FROM "
                      "information_schema.TABLES t LEFT JOIN information_schema.ENGINES e "
                      "ON e.ENGINE = t.ENGINE WHERE t.TABLE_SCHEMA = ");
    myconn_add_literal(&sql, table->db);
    buf_add_str(&sql, " AND t.TABLE_NAME = ");
    myconn_add_literal(&sql, table->name);
    enum rc rc = myconn_query(session->conn, buf_slice(&sql), &result, err);
    const struct slice *fields;
    if (rc == RC_OK && myconn_row(result, &fields)) {
        uint64_t number;
        if (fields[0].ptr != NULL && text_parse_u64(fields[0], &number))
            task->rows_estimated = number;
        if (fields[1].ptr != NULL && text_parse_u64(fields[1], &number))
            task->row_bytes = number;
        task->is_transactional = fields[2].ptr != NULL && slice_equal(fields[2], SLICE("YES"));
        task->table.is_versioned = slice_equal(fields[3], PLAN_VERSIONED);
    }
    myconn_result_free(result);
    buf_deinit(&sql);
    return rc;
}

enum rc plan_describe(struct session *session, struct plan_task *task, struct error *err)
{
    enum rc rc = RC_OK;
    if (task->table.table->key_count > 0)
        rc = find_index(session, task, err);
    if (rc == RC_OK && !task->has_figures)
        rc = find_figures(session, task, err);
    task->table.index = buf_slice(&task->index);
    return rc;
}

/* --- the bound --- */

static enum rc ask_key(struct worker *worker, const struct plan_task *task, struct bound **out,
                       struct error *err)
{
    const struct table *table = task->table.table;
    struct myconn_result *result = NULL;
    const struct slice *fields;
    enum rc rc = buf_check(&worker->sql, "A statement of the snapshot", err);
    if (rc == RC_OK)
        rc = myconn_query(worker->session.conn, buf_slice(&worker->sql), &result, err);
    if (rc == RC_OK && myconn_row(result, &fields)) {
        if (myconn_column_count(result) == table->key_count)
            rc = key_bound_of_fields(table, fields, out, err);
        else
            rc = error_set(err, RC_PROTOCOL, "The server answered with other columns than asked.");
    }
    myconn_result_free(result);
    return rc;
}

enum rc plan_chunk(struct reader *reader, struct worker *worker, struct plan_task *task,
                   struct error *err)
{
    enum rc rc = RC_OK;
    if (!task->is_described)
        rc = plan_describe(&worker->session, task, err);
    if (rc != RC_OK)
        return rc;
    task->rows = plan_rows(reader, task->row_bytes);
    buf_reset(&worker->sql);
    sql_add_bound(&worker->sql, &task->table, task->low, task->rows);
    rc = ask_key(worker, task, &task->high, err);
    if (rc != RC_OK || task->high == NULL || task->is_described || !stride_fits(task->table.table))
        return rc;
    buf_reset(&worker->sql);
    sql_add_end(&worker->sql, &task->table);
    return ask_key(worker, task, &task->end, err);
}
