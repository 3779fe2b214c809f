/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handshake before a dump, in the order of facts/binlog.md 8.2. The two families take different
 * variables and flags, and what is meant for one is never sent to the other.
 */
#include "session_int.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#define COM_BINLOG_DUMP 0x12
#define COM_REGISTER_SLAVE 0x15
#define COM_BINLOG_DUMP_GTID 0x1e

#define FLAG_MYSQL_HEARTBEAT_V2 0x2u /* says positions past 4 GiB; known from 8.0.26 on */
#define FLAG_MARIADB_ANNOTATE 0x2u   /* without it positions have holes (MariaDB 11.4+) */

/* A reader that waits for a slow warehouse must not be thrown out; a dead one is found by TCP. */
#define SESSION_PATIENCE_SECONDS "86400"

uint32_t session_version(const char *text)
{
    uint32_t parts[3] = {0};
    unsigned part = 0;
    for (const char *p = text; *p != '\0' && part < 3; p++) {
        if (*p >= '0' && *p <= '9') {
            if (parts[part] < 1000)
                parts[part] = parts[part] * 10 + (uint32_t)(*p - '0');
        } else if (*p == '.') {
            part++;
        } else {
            break;
        }
    }
    return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

enum rc session_make_uuid(char out[SESSION_UUID_TEXT + 1], struct error *err)
{
    uint8_t bytes[16];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return error_set_os(err, RC_IO, errno, "The system gives no random numbers");
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    unsigned at = 0;
    for (unsigned i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        snprintf(out + at, 3, "%02x", bytes[i]);
        at += 2;
    }
    ASSERT(at == SESSION_UUID_TEXT);
    return RC_OK;
}

static void add_u16(struct buf *out, uint16_t value)
{
    uint8_t bytes[2];
    store_u16le(bytes, value);
    buf_add(out, bytes, sizeof(bytes));
}

static void add_u32(struct buf *out, uint32_t value)
{
    uint8_t bytes[4];
    store_u32le(bytes, value);
    buf_add(out, bytes, sizeof(bytes));
}

static void add_u64(struct buf *out, uint64_t value)
{
    uint8_t bytes[8];
    store_u64le(bytes, value);
    buf_add(out, bytes, sizeof(bytes));
}

static uint16_t dump_flags(const struct session_options *options)
{
    if (options->is_mariadb)
        return FLAG_MARIADB_ANNOTATE;
    return options->version >= 80026 ? FLAG_MYSQL_HEARTBEAT_V2 : 0;
}

/* MySQL by GTID: flags 2, server id 4, name length 4, name, position 8, data length 4, set. */
static enum rc add_gtid_dump(const struct session_options *options,
                             const struct session_place *place, struct buf *out, struct error *err)
{
    struct buf set;
    buf_init(&set, POSITION_GTID_MAX);
    gtid_set_encode(place->gtids, &set);
    add_u16(out, dump_flags(options));
    add_u32(out, options->server_id);
    add_u32(out, 0);
    add_u64(out, 4);
    add_u32(out, (uint32_t)set.len);
    buf_add_slice(out, buf_slice(&set));
    enum rc rc = buf_check(&set, "the GTID set", err);
    buf_deinit(&set);
    return rc;
}

enum rc session_dump_command(const struct session_options *options,
                             const struct session_place *place, uint8_t *command_out,
                             struct buf *out, struct error *err)
{
    ASSERT(options->server_id != 0);
    if (place->gtids != NULL && !options->is_mariadb) {
        *command_out = COM_BINLOG_DUMP_GTID;
        return add_gtid_dump(options, place, out, err);
    }
    /* MariaDB by GTID: the set went ahead in @slave_connect_state, and file and position are not
     * looked at. */
    bool by_file = place->gtids == NULL;
    if (by_file && place->offset > UINT32_MAX)
        return error_set(err, RC_UNSUPPORTED,
                         "The position %s:%llu lies past 4 GiB, which the protocol cannot say "
                         "without GTIDs. Turn GTIDs on, or begin at the next binlog file.",
                         place->file, (unsigned long long)place->offset);
    *command_out = COM_BINLOG_DUMP;
    add_u32(out, by_file ? (uint32_t)place->offset : 4);
    add_u16(out, dump_flags(options));
    add_u32(out, options->server_id);
    if (by_file)
        buf_add_slice(out, slice_str(place->file));
    return buf_check(out, "the dump command", err);
}

static enum rc set_heartbeat(struct myconn *conn, uint64_t heartbeat_ms, struct error *err)
{
    char sql[200];
    unsigned long long ns = (unsigned long long)heartbeat_ms * 1000000u;
    int len =
        snprintf(sql, sizeof(sql),
                 "SET @master_heartbeat_period = %llu, @source_heartbeat_period = %llu", ns, ns);
    ASSERT(len > 0 && (size_t)len < sizeof(sql));
    return myconn_exec(conn, slice_of(sql, (size_t)len), err);
}

static enum rc set_mysql(struct myconn *conn, const struct session_options *options,
                         struct error *err)
{
    char sql[200];
    int len = snprintf(sql, sizeof(sql), "SET @slave_uuid = '%s', @replica_uuid = '%s'",
                       options->uuid, options->uuid);
    ASSERT(len > 0 && (size_t)len < sizeof(sql));
    return myconn_exec(conn, slice_of(sql, (size_t)len), err);
}

static enum rc set_mariadb(struct myconn *conn, const struct session_place *place,
                           struct error *err)
{
    enum rc rc = myconn_exec(conn, SLICE("SET @mariadb_slave_capability = 4"), err);
    if (rc != RC_OK || place->gtids == NULL)
        return rc;
    struct buf text;
    struct buf sql;
    buf_init(&text, POSITION_GTID_MAX);
    buf_init(&sql, 2 * POSITION_GTID_MAX);
    gtid_set_text(place->gtids, &text);
    buf_add_str(&sql, "SET @slave_connect_state = ");
    myconn_add_literal(&sql, buf_slice(&text));
    /* Strict mode would refuse a server whose binlog was out of order once; the place is exact
     * without it. */
    buf_add_str(&sql, ", @slave_gtid_strict_mode = 0, @slave_gtid_ignore_duplicates = 0");
    rc = buf_check(&text, "the GTID position", err);
    if (rc == RC_OK)
        rc = buf_check(&sql, "the GTID position", err);
    if (rc == RC_OK)
        rc = myconn_exec(conn, buf_slice(&sql), err);
    buf_deinit(&text);
    buf_deinit(&sql);
    return rc;
}

static void add_short_text(struct buf *out, struct slice text)
{
    ASSERT(text.len <= 60); /* the servers' own limit for a host name */
    buf_add_byte(out, (uint8_t)text.len);
    buf_add_slice(out, text);
}

/* So that SHOW REPLICAS lists us, and people see who reads here. */
static enum rc register_replica(struct myconn *conn, const struct session_options *options,
                                struct error *err)
{
    struct buf payload;
    buf_init(&payload, 256);
    add_u32(&payload, options->server_id);
    add_short_text(&payload, SLICE("millrace"));
    add_short_text(&payload, SLICE_EMPTY); /* user */
    add_short_text(&payload, SLICE_EMPTY); /* password */
    add_u16(&payload, 0);                  /* port */
    add_u32(&payload, 0);                  /* rank */
    add_u32(&payload, 0);                  /* id of the server we read from: it knows */
    enum rc rc = buf_check(&payload, "the registration", err);
    if (rc == RC_OK)
        rc = myconn_command(conn, COM_REGISTER_SLAVE, buf_slice(&payload), err);
    struct slice answer;
    if (rc == RC_OK)
        rc = myconn_packet(conn, &answer, err);
    if (rc == RC_OK && (answer.len == 0 || answer.ptr[0] != 0))
        rc = error_set(err, RC_PROTOCOL,
                       "The server answered strangely to our registration as a "
                       "reader of its binlog. Is there a proxy in between that "
                       "does not carry replication?");
    buf_deinit(&payload);
    return rc;
}

static enum rc set_up(struct myconn *conn, const struct session_options *options,
                      const struct session_place *place, struct error *err)
{
    enum rc rc = set_heartbeat(conn, options->heartbeat_ms, err);
    /* A word that says what we understand. The old variable alone is known everywhere, the new one
     * alone is not (facts/binlog.md 8.2). */
    if (rc == RC_OK)
        rc = myconn_exec(
            conn, SLICE("SET @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32'"),
            err);
    if (rc == RC_OK)
        rc = options->is_mariadb ? set_mariadb(conn, place, err) : set_mysql(conn, options, err);
    if (rc == RC_OK)
        rc = myconn_exec(conn,
                         SLICE("SET SESSION wait_timeout = " SESSION_PATIENCE_SECONDS
                               ", SESSION net_write_timeout = " SESSION_PATIENCE_SECONDS),
                         err);
    if (rc == RC_OK)
        rc = register_replica(conn, options, err);
    return rc;
}

enum rc session_start(struct myconn *conn, const struct session_options *options,
                      const struct session_place *place, struct error *err)
{
    struct buf payload;
    buf_init(&payload, POSITION_GTID_MAX + 1024);
    uint8_t command = 0;
    enum rc rc = session_dump_command(options, place, &command, &payload, err);
    if (rc == RC_OK)
        rc = set_up(conn, options, place, err);
    if (rc == RC_OK)
        rc = myconn_command(conn, command, buf_slice(&payload), err);
    buf_deinit(&payload);
    return rc;
}
