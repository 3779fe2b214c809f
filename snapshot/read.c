/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one chunk: low watermark, the rows into memory, high watermark.
 *
 * A chunk holds as many bytes as it may and not one row more: where rows turn out longer than
 * planned it ends early, behind the row that filled it, and the rest becomes a chunk of its own. The
 * connection is then closed, for the server has the rest of the rows in the pipe already. (But where
 * a LIMIT ended it: stride_int.h.)
 */
#include <stdlib.h>

#include "key_int.h"
#include "reader_int.h"
#include "watermark_int.h"

static enum rc cut_here(struct read_task *task, struct slice packet, struct error *err)
{
    const struct table *table = task->table.table;
    uint32_t count = key_field_count(table);
    struct slice *fields = calloc(count, sizeof(*fields));
    if (fields == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a key.");
    enum rc rc = RC_OK;
    if (!myconn_row_fields(packet, fields, count))
        rc = error_set(err, RC_PROTOCOL, "The server sent a row that cannot be cut into fields.");
    if (rc == RC_OK)
        rc = key_bound_of_row(table, fields, &task->cut, err);
    free(fields);
    return rc;
}

/* All rows, or as many as there is room for: then task->cut is set. */
static enum rc take_rows(struct reader *reader, struct worker *worker, struct read_task *task,
                         struct error *err)
{
    struct range *chunk = task->chunk;
    struct myconn *conn = worker->session.conn;
    for (;;) {
        struct slice packet;
        enum rc rc = myconn_stream_row(conn, &packet, err);
        if (rc == RC_EOF)
            return RC_OK;
        if (rc == RC_OK)
            rc = rows_add(&chunk->rows, &reader->pool, packet, err);
        if (rc != RC_OK)
            return rc;
        if (atomic_load_explicit(&chunk->unwanted, memory_order_relaxed))
            return error_set(err, RC_CANCELLED, "The chunk is not wanted any more.");
        bool is_full = chunk->rows.bytes >= reader->chunk_bytes && chunk->keys == NULL;
        bool is_limit = chunk->rows.count == chunk->limit && chunk->limit > 0;
        if (is_full || is_limit)
            rc = cut_here(task, packet, err);
        if (rc != RC_OK || is_full)
            return rc;
    }
}

static enum rc read_rows(struct reader *reader, struct worker *worker, struct read_task *task,
                         struct error *err)
{
    struct range *chunk = task->chunk;
    unsigned field_count = 0;
    buf_reset(&worker->sql);
    if (chunk->keys != NULL)
        sql_add_rows_of_keys(&worker->sql, &task->table, (const struct bound *const *)chunk->keys,
                             chunk->key_count);
    else
        sql_add_rows(&worker->sql, &task->table, chunk->low, chunk->high, chunk->limit);
    enum rc rc = buf_check(&worker->sql, "A statement of the snapshot", err);
    if (rc == RC_OK)
        rc = myconn_stream_open(worker->session.conn, buf_slice(&worker->sql), &field_count, err);
    if (rc == RC_OK && field_count != key_field_count(task->table.table))
        rc = error_set(err, RC_PROTOCOL, "The server answered with other columns than asked.");
    return rc == RC_OK ? take_rows(reader, worker, task, err) : rc;
}

/* With the rest of the rows in its pipe the connection is good for nothing. */
static enum rc connect_again(struct reader *reader, struct worker *worker, struct error *err)
{
    reader_disconnect(reader, &worker->session);
    return reader_connect(reader, &worker->session, err);
}

enum rc read_chunk(struct reader *reader, struct worker *worker, struct read_task *task,
                   struct error *err)
{
    struct range *chunk = task->chunk;
    enum rc rc =
        watermark_begin(&worker->session, &chunk->here->position, chunk->here->since_us, err);
    if (rc != RC_OK)
        return rc;
    rc = read_rows(reader, worker, task, err);
    if (rc != RC_OK)
        return rc;
    if (myconn_stream_is_open(worker->session.conn))
        rc = connect_again(reader, worker, err);
    return rc != RC_OK ? rc : watermark_now(&worker->session, &chunk->high_mark, err);
}
