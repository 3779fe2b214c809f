/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/ports/scan.h over a connection of its own, with the statements of the snapshot. The next rows
 * are asked for behind the last one's key, so that each statement is short and no bound is planned.
 */
#include <stdlib.h>

#include "key_int.h"
#include "reader_int.h"
#include "watermark_int.h"

struct table_scan {
    struct scan base; /* first */
    struct source *source;
    struct session session;
    struct buf sql;
    struct table *read;
    struct plan_task plan; /* its index, and the way along it */
    struct bound *behind;  /* owned; NULL: from the first row */
    bool is_moving;        /* the statement that is open is one of `more` */
    struct cell *cells;    /* owned; cell_cap of them, as of the fields */
    struct slice *fields;
    uint32_t cell_cap;
};

static struct table_scan *scan_of(struct scan *base)
{
    return (struct table_scan *)base;
}

static void scan_close(struct scan *base)
{
    struct table_scan *scan = scan_of(base);
    if (scan == NULL)
        return;
    session_close(&scan->session);
    bound_free(scan->behind);
    buf_deinit(&scan->plan.index);
    buf_deinit(&scan->sql);
    free(scan->cells);
    free(scan->fields);
    free(scan);
}

static enum rc scan_open(struct source *source, struct scan **scan_out, struct error *err)
{
    struct table_scan *scan = calloc(1, sizeof(*scan));
    if (scan == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for reading tables.");
    scan->base.ops = &snapshot_scan;
    scan->source = source;
    buf_init(&scan->sql, SQL_TEXT_MAX);
    buf_init(&scan->plan.index, 1024);
    struct myconn_options options = *source->ops->connection(source);
    options.purpose = "compare";
    enum rc rc = session_open(&scan->session, &options, err);
    if (rc != RC_OK)
        scan_close(&scan->base);
    else
        *scan_out = &scan->base;
    return rc;
}

static enum rc make_room(struct table_scan *scan, uint32_t count, struct error *err)
{
    if (count <= scan->cell_cap)
        return RC_OK;
    free(scan->cells);
    free(scan->fields);
    scan->cell_cap = count;
    scan->cells = calloc(count, sizeof(*scan->cells));
    scan->fields = calloc(count, sizeof(*scan->fields));
    if (scan->cells != NULL && scan->fields != NULL)
        return RC_OK;
    scan->cell_cap = 0;
    return error_set(err, RC_MEMORY, "There is no memory for reading a table.");
}

static enum rc scan_begin(struct scan *base, struct table *table, struct table **read_out,
                          struct error *err)
{
    struct table_scan *scan = scan_of(base);
    bound_free(scan->behind);
    scan->behind = NULL;
    buf_reset(&scan->plan.index);
    enum rc rc = scan->source->ops->read_table(scan->source, table, &scan->read, err);
    if (rc == RC_OK)
        rc = make_room(scan, scan->read->column_count, err);
    if (rc != RC_OK)
        return rc;
    scan->plan.table = (struct sql_table){.table = scan->read};
    scan->plan.is_untrodden = true;
    scan->plan.has_figures = true; /* they are of no use here */
    *read_out = scan->read;
    return plan_describe(&scan->session, &scan->plan, err);
}

static enum rc send(struct table_scan *scan, struct error *err)
{
    unsigned columns = 0;
    enum rc rc = buf_check(&scan->sql, "A statement that reads rows", err);
    if (rc == RC_OK)
        rc = myconn_stream_open(scan->session.conn, buf_slice(&scan->sql), &columns, err);
    if (rc == RC_OK && columns != scan->read->column_count)
        rc = error_set(err, RC_PROTOCOL, "The server answered with other columns than asked.");
    if (rc == RC_OK)
        return RC_OK;
    char label[512];
    reader_hint(scan->read, err);
    error_wrap(err, "Reading table %s", table_label(scan->read, label, sizeof(label)));
    return rc;
}

static enum rc scan_more(struct scan *base, uint64_t limit, struct error *err)
{
    struct table_scan *scan = scan_of(base);
    ASSERT(scan->read->key_count > 0);
    buf_reset(&scan->sql);
    sql_add_rows(&scan->sql, &scan->plan.table, scan->behind, NULL, limit);
    scan->is_moving = true;
    return send(scan, err);
}

static enum rc scan_find(struct scan *base, const struct slice *keys, uint32_t count,
                         struct error *err)
{
    struct table_scan *scan = scan_of(base);
    struct bound **bounds = calloc(count, sizeof(struct bound *));
    enum rc rc = bounds == NULL ? error_set(err, RC_MEMORY, "There is no memory for keys.") : RC_OK;
    for (uint32_t i = 0; i < count && rc == RC_OK; i++)
        rc = key_bound(scan->read, keys[i], &bounds[i], err);
    buf_reset(&scan->sql);
    if (rc == RC_OK)
        sql_add_rows_of_keys(&scan->sql, &scan->plan.table, (const struct bound *const *)bounds,
                             count);
    for (uint32_t i = 0; i < count && bounds != NULL; i++)
        bound_free(bounds[i]);
    free(bounds);
    scan->is_moving = false;
    return rc == RC_OK ? send(scan, err) : rc;
}

static enum rc scan_row(struct scan *base, struct row *row_out, struct error *err)
{
    struct table_scan *scan = scan_of(base);
    uint32_t count = scan->read->column_count;
    struct slice packet;
    enum rc rc = myconn_stream_row(scan->session.conn, &packet, err);
    if (rc != RC_OK)
        return rc;
    if (!myconn_row_fields(packet, scan->fields, count))
        return error_set(err, RC_PROTOCOL, "The server sent a row that cannot be cut into fields.");
    for (uint32_t i = 0; i < count; i++) {
        struct slice field = scan->fields[i];
        scan->cells[i] = (struct cell){.ptr = field.ptr,
                                       .len = (uint32_t)field.len,
                                       .state = field.ptr == NULL ? CELL_NULL : CELL_VALUE};
    }
    *row_out = (struct row){.cells = scan->cells, .count = count};
    if (!scan->is_moving)
        return RC_OK;
    bound_free(scan->behind);
    return key_bound_of_fields(scan->read, scan->fields, &scan->behind, err);
}

static enum rc scan_count(struct scan *base, uint64_t *rows_out, struct error *err)
{
    struct table_scan *scan = scan_of(base);
    struct buf value;
    buf_init(&value, 64);
    buf_reset(&scan->sql);
    buf_add_str(&scan->sql, "SELECT COUNT(*) FROM ");
    myconn_add_identifier(&scan->sql, scan->read->db);
    buf_add_byte(&scan->sql, '.');
    myconn_add_identifier(&scan->sql, scan->read->name);
    enum rc rc = myconn_query_value(scan->session.conn, buf_slice(&scan->sql), &value, err);
    if (rc == RC_OK && !text_parse_u64(buf_slice(&value), rows_out))
        rc = error_set(err, RC_PROTOCOL, "The server counted rows and gave no number.");
    buf_deinit(&value);
    return rc;
}

static enum rc scan_place(struct scan *base, struct position *place_out, struct error *err)
{
    return watermark_now(&scan_of(base)->session, place_out, err);
}

const struct scan_ops snapshot_scan = {
    .open = scan_open,
    .begin = scan_begin,
    .more = scan_more,
    .find = scan_find,
    .row = scan_row,
    .count = scan_count,
    .place = scan_place,
    .passed = watermark_is_at_or_behind,
    .close = scan_close,
};
