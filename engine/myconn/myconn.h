/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection in the MySQL protocol, made by libmariadb (MariaDB Connector/C): authentication, TLS
 * and queries are the library's. The binlog source adds the dump command on top, the warehouse
 * sinks send DDL.
 *
 * Threads: one at a time, except myconn_interrupt.
 *
 * Errors: RC_CONNECT (class RETRY: refused, reset, timed out, server going down), RC_AUTH,
 * RC_DENIED (privilege missing; the text has the server's words), RC_CONFIG (TLS files),
 * RC_NOT_FOUND (unknown database or table), RC_PROTOCOL (any other answer of the server;
 * err->mysql_code has its number).
 */
#ifndef MILLRACE_MYCONN_MYCONN_H
#define MILLRACE_MYCONN_MYCONN_H

#include "../base/buf.h"
#include "../base/secret.h"

enum myconn_tls {
    MYCONN_TLS_DISABLED = 0,
    MYCONN_TLS_PREFERRED,      /* when the server offers it; not verified */
    MYCONN_TLS_REQUIRED,       /* always; not verified */
    MYCONN_TLS_VERIFY_CA,      /* the chain must lead to the CA */
    MYCONN_TLS_VERIFY_IDENTITY /* and the certificate must name the host */
};

/* C strings, because libmariadb wants them; borrowed for the call of myconn_open. */
struct myconn_options {
    const char *host;
    uint16_t port;
    const char *socket; /* path of a unix socket; wins over host; NULL: none */
    const char *user;
    struct secret password;
    const char *database; /* NULL: none */
    enum myconn_tls tls;
    const char *tls_ca; /* file paths; NULL: system default, none */
    const char *tls_cert;
    const char *tls_key;
    uint64_t connect_timeout_ms;
    uint64_t read_timeout_ms; /* silence longer than this is RC_TIMEOUT; 0: wait for ever */
    const char *purpose;      /* for the connection attributes: "binlog", "snapshot", "ddl" */
};

struct myconn;

enum rc myconn_open(const struct myconn_options *options, struct myconn **conn_out,
                    struct error *err) MUST_CHECK;
void myconn_close(struct myconn *conn); /* NULL is fine */
/* Any thread: makes a waiting call of the owner fail soon (shuts the socket down). */
void myconn_interrupt(struct myconn *conn);

bool myconn_is_mariadb(const struct myconn *conn);
const char *myconn_version(const struct myconn *conn); /* as the handshake says */
bool myconn_is_encrypted(const struct myconn *conn);
/* "user@host:port" or "user@/path": for messages; no password. */
const char *myconn_label(const struct myconn *conn);

/* A statement without rows. */
enum rc myconn_exec(struct myconn *conn, struct slice sql, struct error *err) MUST_CHECK;

/* A statement with rows, buffered here (for small answers). Row fields are borrowed until the next
 * myconn_row or myconn_result_free; NULL fields have ptr == NULL. */
struct myconn_result;
enum rc myconn_query(struct myconn *conn, struct slice sql, struct myconn_result **result_out,
                     struct error *err) MUST_CHECK;
unsigned myconn_column_count(const struct myconn_result *result);
struct slice myconn_column_name(const struct myconn_result *result, unsigned index);
/* False after the last row. `fields` has myconn_column_count entries, owned by the result. */
bool myconn_row(struct myconn_result *result, const struct slice **fields_out);
void myconn_result_free(struct myconn_result *result); /* NULL is fine */
/* The first field of the first row, copied into `out` (emptied first); RC_NOT_FOUND when there is
 * none, or it is NULL. */
enum rc myconn_query_value(struct myconn *conn, struct slice sql, struct buf *out,
                           struct error *err) MUST_CHECK;

/* A statement with rows that are taken as they come, for large answers: nothing is buffered, nothing
 * is allocated a row. Between open and RC_EOF (or a failure) the connection can do nothing else;
 * rows that are not wanted any more are got rid of by closing it. */
enum rc myconn_stream_open(struct myconn *conn, struct slice sql, unsigned *column_count_out,
                           struct error *err) MUST_CHECK;
/* The next row as the server's packet, borrowed until the next call; RC_EOF after the last one. */
enum rc myconn_stream_row(struct myconn *conn, struct slice *packet_out,
                          struct error *err) MUST_CHECK;
/* True from open until the end or a failure was read. */
bool myconn_stream_is_open(const struct myconn *conn);
/* Cuts a row's packet into its fields, which lie in the packet; NULL fields have ptr == NULL.
 * False: the packet has not exactly `count` fields. */
bool myconn_row_fields(struct slice packet, struct slice *fields, unsigned count);

/* Appends 'text' quoted and escaped for a string literal, or `name` for an identifier. */
void myconn_add_literal(struct buf *out, struct slice text);
void myconn_add_identifier(struct buf *out, struct slice name);

/* For the binlog dump: sends a command packet and reads no answer. */
enum rc myconn_command(struct myconn *conn, uint8_t command, struct slice payload,
                       struct error *err) MUST_CHECK;
/* One packet, joined, by the library's own call: the way under TLS. Borrowed until the next call.
 */
enum rc myconn_packet(struct myconn *conn, struct slice *packet_out, struct error *err) MUST_CHECK;
/* The socket, for polling only. */
int myconn_fd(const struct myconn *conn);
/* The descriptor when packets may be read from it directly (no TLS, no compression), else -1. */
int myconn_plain_fd(const struct myconn *conn);

/* The error of a 0xFF packet (payload behind the 0xFF byte), by the same rules as above. */
enum rc myconn_packet_error(struct slice payload, struct error *err);
/* The rule itself: what a server's error number means here. */
enum rc myconn_error_code(int mysql_code);

#endif
