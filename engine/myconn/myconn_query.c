/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements and their answers, and text that is safe inside a statement.
 */
#include "myconn_int.h"

#include <stdlib.h>

#include "../base/clock.h"

/* Of an answer that is kept in memory: the columns of a million tables have less. */
#define ANSWER_BYTES_MAX (512u << 20)

struct myconn_result {
    MYSQL_RES *rows; /* owned */
    unsigned column_count;
    struct slice fields[]; /* column_count entries, refilled by each myconn_row */
};

static enum rc send_statement(struct myconn *conn, struct slice sql, struct error *err)
{
    uint64_t started_us = clock_monotonic_us();
    if (mysql_real_query(conn->mysql, (const char *)sql.ptr, (unsigned long)sql.len) == 0)
        return RC_OK;
    return myconn_failed(conn, "The statement failed", started_us, err);
}

/* Reads away what a statement has left behind, so that the next one finds a clean connection. */
static void drain(struct myconn *conn)
{
    do {
        MYSQL_RES *rows = mysql_use_result(conn->mysql);
        if (rows != NULL)
            mysql_free_result(rows);
    } while (mysql_next_result(conn->mysql) == 0);
}

enum rc myconn_exec(struct myconn *conn, struct slice sql, struct error *err)
{
    enum rc rc = send_statement(conn, sql, err);
    if (rc != RC_OK)
        return rc;
    if (mysql_field_count(conn->mysql) != 0)
        drain(conn);
    return RC_OK;
}

enum rc myconn_query(struct myconn *conn, struct slice sql, struct myconn_result **result_out,
                     struct error *err)
{
    *result_out = NULL;
    myconn_guard_begin(0, ANSWER_BYTES_MAX);
    uint64_t started_us = clock_monotonic_us();
    enum rc rc = send_statement(conn, sql, err);
    MYSQL_RES *rows = rc == RC_OK ? mysql_store_result(conn->mysql) : NULL;
    if (myconn_guard_end() == MYCONN_TOO_MUCH) {
        mysql_free_result(rows);
        return error_set(err, RC_LIMIT, "%s answers with more than %u MiB to: %.*s", conn->label,
                         ANSWER_BYTES_MAX >> 20, SLICE_ARG(sql));
    }
    if (rc != RC_OK)
        return rc;
    if (rows == NULL && mysql_errno(conn->mysql) != 0)
        return myconn_failed(conn, "The answer broke off", started_us, err);
    if (rows == NULL)
        return error_set(err, RC_PROTOCOL,
                         "%s answered without rows to a statement that asks for rows: %.*s",
                         conn->label, SLICE_ARG(sql));
    unsigned column_count = mysql_num_fields(rows);
    struct myconn_result *result =
        calloc(1, sizeof(*result) + column_count * sizeof(result->fields[0]));
    if (result == NULL) {
        mysql_free_result(rows);
        return error_set(err, RC_MEMORY, "No memory for the answer of %s.", conn->label);
    }
    result->rows = rows;
    result->column_count = column_count;
    *result_out = result;
    return RC_OK;
}

unsigned myconn_column_count(const struct myconn_result *result)
{
    return result->column_count;
}

struct slice myconn_column_name(const struct myconn_result *result, unsigned index)
{
    ASSERT(index < result->column_count);
    const MYSQL_FIELD *field = mysql_fetch_field_direct(result->rows, index);
    return slice_of(field->name, field->name_length);
}

bool myconn_row(struct myconn_result *result, const struct slice **fields_out)
{
    MYSQL_ROW row = mysql_fetch_row(result->rows);
    if (row == NULL)
        return false;
    const unsigned long *lengths = mysql_fetch_lengths(result->rows);
    for (unsigned i = 0; i < result->column_count; i++)
        result->fields[i] = row[i] == NULL ? SLICE_EMPTY : slice_of(row[i], lengths[i]);
    *fields_out = result->fields;
    return true;
}

void myconn_result_free(struct myconn_result *result)
{
    if (result == NULL)
        return;
    mysql_free_result(result->rows);
    free(result);
}

enum rc myconn_query_value(struct myconn *conn, struct slice sql, struct buf *out,
                           struct error *err)
{
    buf_reset(out);
    struct myconn_result *result = NULL;
    enum rc rc = myconn_query(conn, sql, &result, err);
    if (rc != RC_OK)
        return rc;
    const struct slice *fields;
    if (result->column_count > 0 && myconn_row(result, &fields) && fields[0].ptr != NULL) {
        buf_add_slice(out, fields[0]);
        rc = buf_check(out, "the server's answer", err);
    } else {
        rc = error_set(err, RC_NOT_FOUND, "%s has no answer to: %.*s", conn->label, SLICE_ARG(sql));
    }
    myconn_result_free(result);
    return rc;
}

/* Quotes are doubled and never escaped with a backslash, so that the literal ends where it should
 * under every sql_mode. Backslashes are doubled, as every mode but NO_BACKSLASH_ESCAPES reads
 * them; under that mode a backslash in a name would come out twice, and nothing worse. */
void myconn_add_literal(struct buf *out, struct slice text)
{
    buf_add_byte(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if (byte == '\0') {
            buf_add_str(out, "\\0");
            continue;
        }
        if (byte == '\'' || byte == '\\')
            buf_add_byte(out, byte);
        buf_add_byte(out, byte);
    }
    buf_add_byte(out, '\'');
}

void myconn_add_identifier(struct buf *out, struct slice name)
{
    buf_add_byte(out, '`');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '`')
            buf_add_byte(out, '`');
        buf_add_byte(out, name.ptr[i]);
    }
    buf_add_byte(out, '`');
}
