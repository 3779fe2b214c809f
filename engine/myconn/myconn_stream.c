/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A statement whose rows are taken as they come: nothing is stored by the library, and a row is
 * handed out as the very packet that the server sent. So a large answer costs one copy, the
 * caller's own, and no allocation a row; and a caller that reads slowly slows the server down.
 *
 * A row's packet in the text protocol: for each column a length-encoded string, 0xFB for NULL. The
 * end is a packet of 0xFE and less than nine bytes, a failure one of 0xFF, which the library tells.
 *
 * What is behind the rows is left to the library in the state in which it leaves it itself
 * (mysql_use_result): once the end was read the connection is free for the next statement.
 */
#include "myconn_int.h"

#include "../base/clock.h"
#include "../base/endian.h"

enum { END_MARK = 0xFE, END_LEN_MAX = 8, NULL_MARK = 0xFB };

enum rc myconn_stream_open(struct myconn *conn, struct slice sql, unsigned *column_count_out,
                           struct error *err)
{
    uint64_t started_us = clock_monotonic_us();
    if (mysql_real_query(conn->mysql, (const char *)sql.ptr, (unsigned long)sql.len) != 0)
        return myconn_failed(conn, "The statement failed", started_us, err);
    MYSQL_RES *rows = mysql_use_result(conn->mysql);
    if (rows == NULL && mysql_errno(conn->mysql) != 0)
        return myconn_failed(conn, "The answer broke off", started_us, err);
    if (rows == NULL)
        return error_set(err, RC_PROTOCOL,
                         "%s answered without rows to a statement that asks for rows.",
                         conn->label);
    ASSERT(conn->streaming == NULL);
    conn->streaming = rows;
    *column_count_out = mysql_num_fields(rows);
    return RC_OK;
}

static void close_stream(struct myconn *conn)
{
    /* The rows were read to their end, or the connection is lost: there is nothing to read away. */
    conn->mysql->status = MYSQL_STATUS_READY;
    mysql_free_result(conn->streaming);
    conn->streaming = NULL;
}

enum rc myconn_stream_row(struct myconn *conn, struct slice *packet_out, struct error *err)
{
    ASSERT(conn->streaming != NULL);
    uint64_t started_us = clock_monotonic_us();
    unsigned long len = mysql_net_read_packet(conn->mysql);
    if (len == packet_error) {
        enum rc rc = myconn_failed(conn, "The answer broke off", started_us, err);
        close_stream(conn);
        return rc;
    }
    const uint8_t *ptr = conn->mysql->net.read_pos;
    if (len > 0 && len <= END_LEN_MAX && ptr[0] == END_MARK) {
        close_stream(conn);
        return RC_EOF;
    }
    *packet_out = slice_of(ptr, len);
    return RC_OK;
}

bool myconn_stream_is_open(const struct myconn *conn)
{
    return conn->streaming != NULL;
}

/* A length-encoded string at the front of `*left`; false: cut off. */
static bool take_field(struct slice *left, struct slice *field)
{
    if (left->len == 0)
        return false;
    unsigned head = 1;
    uint64_t len = left->ptr[0];
    if (len == NULL_MARK) {
        *field = SLICE_EMPTY;
        *left = slice_of(left->ptr + 1, left->len - 1);
        return true;
    }
    if (len > NULL_MARK) {
        static const uint8_t sizes[] = {2, 3, 8};
        if (len == 0xFF || left->len < 1u + sizes[len - 0xFC])
            return false;
        unsigned size = sizes[len - 0xFC];
        len = load_uint_le(left->ptr + 1, size);
        head = 1 + size;
    }
    if (len > left->len - head)
        return false;
    *field = slice_of(left->ptr + head, (size_t)len);
    *left = slice_of(left->ptr + head + len, left->len - head - (size_t)len);
    return true;
}

bool myconn_row_fields(struct slice packet, struct slice *fields, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!take_field(&packet, &fields[i]))
            return false;
    return packet.len == 0;
}
