/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Below the statements: one command out, packets in. For the binlog dump, whose answer has no end
 * and is not a result set.
 *
 * The library's public struct has the vtable with the command function (facts/binlog.md 10), and
 * mysql_net_read_packet is exported; its replication API is not used (design.md part 3).
 */
#include "myconn_int.h"

#include "../base/clock.h"

enum rc myconn_command(struct myconn *conn, uint8_t command, struct slice payload,
                       struct error *err)
{
    /* skip_check = 1: the answer stays unread, for the caller takes it packet by packet. */
    if (conn->mysql->methods->db_command(conn->mysql, (enum enum_server_command)command,
                                         (const char *)payload.ptr, payload.len, 1, NULL) == 0)
        return RC_OK;
    return myconn_failed(conn, "The command could not be sent", 0, err);
}

enum rc myconn_packet(struct myconn *conn, struct slice *packet_out, struct error *err)
{
    uint64_t started_us = clock_monotonic_us();
    unsigned long len = mysql_net_read_packet(conn->mysql);
    /* The library's constant is an unsigned int in an unsigned long. */
    if (len == packet_error)
        return myconn_failed(conn, "Reading from the server failed", started_us, err);
    *packet_out = slice_of(conn->mysql->net.read_pos, len);
    return RC_OK;
}

int myconn_fd(const struct myconn *conn)
{
    return (int)mysql_get_socket(conn->mysql);
}

int myconn_plain_fd(const struct myconn *conn)
{
    if (myconn_is_encrypted(conn) || conn->mysql->net.compress)
        return -1;
    return myconn_fd(conn);
}
