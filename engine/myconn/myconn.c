/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing a connection. Everything that is negotiated before the first statement is
 * here: transport, TLS, authentication, connection attributes, character set.
 *
 * Nothing is done that only MySQL knows, for warehouse frontends speak this protocol too (Doris
 * says 5.7.99, StarRocks 5.1.0 or 8.0.33): the only statement sent is SET NAMES utf8mb4.
 *
 * Authentication plugins (caching_sha2_password, client_ed25519, ...) are the library's, loaded
 * from the directory it was built with; MARIADB_PLUGIN_DIR in the environment names another.
 *
 * What the library does not do and is done here (checked with Connector/C 3.3):
 *   - TLS "required": the library goes on in the clear when the server offers no TLS, so the
 *     cipher is looked at after the connection is made;
 *   - "localhost" with a port means TCP here, as in every JDBC address; the library would look for
 *     a unix socket;
 *   - the library hands the password over in the clear when a server asks for that, TLS or not:
 *     set_methods forbids it where the other side is not certain.
 */
#include "myconn_int.h"

#include <errmsg.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"

#define MYCONN_PACKET_MAX (1ul << 30) /* the most that a server sends in one packet */
/* Of what a server says until it has let us in. Real ones have some hundred bytes. */
#define HANDSHAKE_BYTES_MAX (1u << 20)

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_result;

static void library_start(void)
{
    library_result = mysql_library_init(0, NULL, NULL);
}

/* The library counts in whole seconds, and 0 means for ever: round up. */
static unsigned whole_seconds(uint64_t ms)
{
    uint64_t seconds = (ms + 999) / 1000;
    return seconds > 86400u * 365u ? 86400u * 365u : (unsigned)seconds;
}

static enum rc check_file(const char *path, const char *key, struct error *err)
{
    if (path == NULL || access(path, R_OK) == 0)
        return RC_OK;
    return error_set_os(err, RC_CONFIG, errno, "The %s file %s cannot be read", key, path);
}

static enum rc set_tls(MYSQL *mysql, const struct myconn_options *options, struct error *err)
{
    /* Bytes in a unix socket never leave the machine: "preferred" does not want TLS there. */
    bool wanted = options->tls > MYCONN_TLS_PREFERRED ||
                  (options->tls == MYCONN_TLS_PREFERRED && options->socket == NULL);
    my_bool enforce = wanted;
    my_bool verify = options->tls == MYCONN_TLS_VERIFY_IDENTITY;
    mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &enforce);
    mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    if (!wanted)
        return RC_OK;
    enum rc rc = check_file(options->tls_ca, "CA certificate", err);
    if (rc == RC_OK)
        rc = check_file(options->tls_cert, "client certificate", err);
    if (rc == RC_OK)
        rc = check_file(options->tls_key, "client key", err);
    if (rc != RC_OK)
        return rc;
    if (options->tls == MYCONN_TLS_VERIFY_CA && options->tls_ca == NULL)
        return error_set(err, RC_CONFIG,
                         "Verifying the server's certificate against a CA needs the CA's file.");
    /* With a CA the library checks the chain, so "preferred" and "required", which promise an
     * unverified connection, must not hand it over. */
    if (options->tls >= MYCONN_TLS_VERIFY_CA)
        mysql_optionsv(mysql, MYSQL_OPT_SSL_CA, options->tls_ca);
    mysql_optionsv(mysql, MYSQL_OPT_SSL_CERT, options->tls_cert);
    mysql_optionsv(mysql, MYSQL_OPT_SSL_KEY, options->tls_key);
    return RC_OK;
}

static void set_options(MYSQL *mysql, const struct myconn_options *options)
{
    unsigned protocol = options->socket != NULL ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    unsigned connect_seconds = whole_seconds(options->connect_timeout_ms);
    unsigned read_seconds = whole_seconds(options->read_timeout_ms);
    unsigned long packet_max = MYCONN_PACKET_MAX;
    unsigned off = 0;
    mysql_optionsv(mysql, MYSQL_OPT_PROTOCOL, &protocol);
    if (connect_seconds != 0)
        mysql_optionsv(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_seconds);
    if (read_seconds != 0) {
        mysql_optionsv(mysql, MYSQL_OPT_READ_TIMEOUT, &read_seconds);
        mysql_optionsv(mysql, MYSQL_OPT_WRITE_TIMEOUT, &read_seconds);
    }
    mysql_optionsv(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet_max);
    /* A server must not be able to ask for files of this machine. */
    mysql_optionsv(mysql, MYSQL_OPT_LOCAL_INFILE, &off);
    mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "millrace");
    mysql_optionsv(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_version", MILLRACE_VERSION);
    if (options->purpose != NULL)
        mysql_optionsv(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_purpose", options->purpose);
}

/* A server, or whoever stands between, may ask for the password itself (PAM, LDAP and cloud tokens
 * are done so). It may have it only where nobody can listen and the server is who it says: a unix
 * socket, or TLS with its identity verified. With less, "no TLS here" is said before the password is
 * sent, and the library goes on without. The other methods prove the password without telling it;
 * caching_sha2_password and sha256_password encrypt it. */
static void set_methods(MYSQL *mysql, const struct myconn_options *options)
{
    if (options->socket != NULL || options->tls == MYCONN_TLS_VERIFY_IDENTITY)
        return;
    mysql_optionsv(mysql, MARIADB_OPT_RESTRICTED_AUTH,
                   "mysql_native_password,client_ed25519,parsec,"
                   "caching_sha2_password,sha256_password,auth_gssapi_client");
}

static void make_label(struct myconn *conn, const struct myconn_options *options)
{
    const char *user = options->user == NULL ? "" : options->user;
    if (options->socket != NULL)
        snprintf(conn->label, sizeof(conn->label), "%s@%s", user, options->socket);
    else
        snprintf(conn->label, sizeof(conn->label), "%s@%s:%u", user,
                 options->host == NULL ? "localhost" : options->host, options->port);
}

static enum rc check_encrypted(struct myconn *conn, const struct myconn_options *options,
                               struct error *err)
{
    if (options->tls < MYCONN_TLS_REQUIRED || myconn_is_encrypted(conn))
        return RC_OK;
    return error_set(err, RC_MISMATCH,
                     "The server %s offers no TLS, but the configuration requires it. Turn TLS on "
                     "at the server, or choose tls.mode: preferred.",
                     conn->label);
}

static enum rc not_ready(const struct myconn *conn, uint64_t limit_ms, struct error *err)
{
    return error_set(err, RC_TIMEOUT, "Cannot connect: %s was not ready within %llu ms",
                     conn->label, (unsigned long long)limit_ms);
}

/* The first statement belongs to connecting: who answers it is a server that works. */
static enum rc set_names(struct myconn *conn, uint64_t limit_ms, struct error *err)
{
    myconn_guard_begin(limit_ms, HANDSHAKE_BYTES_MAX);
    enum rc rc = myconn_exec(conn, SLICE("SET NAMES utf8mb4"), err);
    return myconn_guard_end() == MYCONN_IN_BOUNDS ? rc : not_ready(conn, limit_ms, err);
}

static enum rc connect_now(struct myconn *conn, const struct myconn_options *options,
                           struct error *err)
{
    const char *host = options->socket != NULL ? NULL : options->host;
    const char *database = options->database;
    uint64_t started_us = clock_monotonic_us();
    char *password = secret_copy(options->password);
    if (password == NULL)
        return error_set(err, RC_MEMORY, "No memory for a connection.");
    uint64_t limit_ms = options->connect_timeout_ms;
    myconn_guard_begin(limit_ms, HANDSHAKE_BYTES_MAX);
    MYSQL *made = mysql_real_connect(conn->mysql, host, options->user, password, database,
                                     options->port, options->socket, 0);
    enum myconn_excess excess = myconn_guard_end();
    secret_wipe(password);
    if (excess == MYCONN_TOO_LATE)
        return not_ready(conn, limit_ms, err);
    if (excess == MYCONN_TOO_MUCH)
        return error_set(err, RC_PROTOCOL,
                         "Cannot connect: %s does not speak the MySQL protocol. Check the address.",
                         conn->label);
    if (made == NULL && mysql_errno(conn->mysql) == CR_PLUGIN_NOT_ALLOWED)
        return error_set(err, RC_AUTH,
                         "Cannot connect: %s asks for the password itself, or for a method that is "
                         "not known to be safe. It is told only over a unix socket or where the "
                         "server's identity is verified (verify-identity).",
                         conn->label);
    if (made == NULL) {
        enum rc rc = myconn_failed(conn, "Cannot connect", started_us, err);
        if (err != NULL && err->mysql_code == 2059)
            error_hint(err, "The plugin is in the package libmariadb3; MARIADB_PLUGIN_DIR names "
                            "another directory.");
        return rc;
    }
    enum rc rc = check_encrypted(conn, options, err);
    if (rc != RC_OK)
        return rc;
    conn->interrupt_fd = fcntl((int)mysql_get_socket(conn->mysql), F_DUPFD_CLOEXEC, 3);
    if (conn->interrupt_fd < 0)
        return error_set_os(err, RC_IO, errno, "Cannot copy the socket's descriptor");
    /* The handshake has asked for it already, but a server with
     * skip-character-set-client-handshake listens to a statement only. */
    return set_names(conn, limit_ms, err);
}

static enum rc open_once(const struct myconn_options *options, struct myconn **conn_out,
                         struct error *err)
{
    *conn_out = NULL;
    pthread_once(&library_once, library_start);
    if (library_result != 0)
        return error_set(err, RC_MEMORY, "The MariaDB client library cannot be started.");
    struct myconn *conn = calloc(1, sizeof(*conn));
    if (conn == NULL)
        return error_set(err, RC_MEMORY, "No memory for a connection.");
    conn->interrupt_fd = -1;
    conn->read_timeout_ms = options->read_timeout_ms;
    make_label(conn, options);
    conn->mysql = mysql_init(NULL);
    if (conn->mysql == NULL) {
        myconn_close(conn);
        return error_set(err, RC_MEMORY, "No memory for a connection.");
    }
    set_options(conn->mysql, options);
    set_methods(conn->mysql, options);
    enum rc rc = set_tls(conn->mysql, options, err);
    if (rc == RC_OK)
        rc = connect_now(conn, options, err);
    if (rc != RC_OK) {
        myconn_close(conn);
        return rc;
    }
    *conn_out = conn;
    return RC_OK;
}

/* Whether it is the password, and not the host, a certificate or a plugin, that was refused. */
static bool password_refused(const struct error *err)
{
    return err->mysql_code == 1045 || err->mysql_code == 1698 || err->mysql_code == 1862;
}

enum rc myconn_open(const struct myconn_options *options, struct myconn **conn_out,
                    struct error *err)
{
    ASSERT(options != NULL && conn_out != NULL);
    ASSERT(options->host != NULL || options->socket != NULL);
    struct error unwanted;
    if (err == NULL)
        err = &unwanted;
    error_clear(err);
    unsigned version = secret_version(options->password);
    enum rc rc = open_once(options, conn_out, err);
    if (rc != RC_OK && password_refused(err) && secret_renew(options->password, version)) {
        log_info("connect", "The password was refused, and there is another one now; it is tried.",
                 LOG_STR("user", options->user == NULL ? "" : options->user));
        error_clear(err);
        rc = open_once(options, conn_out, err);
    }
    if (rc == RC_OK)
        secret_accepted(options->password);
    else if (password_refused(err) && secret_may_change(options->password))
        err->class = ERROR_RETRY;
    return rc;
}

void myconn_close(struct myconn *conn)
{
    if (conn == NULL)
        return;
    if (conn->streaming != NULL) {
        /* Without this the library would read the rest of the rows before it closes. */
        conn->mysql->status = MYSQL_STATUS_READY;
        mysql_free_result(conn->streaming);
    }
    if (conn->mysql != NULL)
        mysql_close(conn->mysql);
    if (conn->interrupt_fd >= 0)
        close(conn->interrupt_fd);
    free(conn);
}

void myconn_interrupt(struct myconn *conn)
{
    shutdown(conn->interrupt_fd, SHUT_RDWR);
}

bool myconn_is_mariadb(const struct myconn *conn)
{
    /* Servers of the MariaDB family say so in the version ("5.5.5-10.11.6-MariaDB"); the library
     * takes the 5.5.5 away. mariadb_connection() looks at the same word. */
    return strcasestr(myconn_version(conn), "mariadb") != NULL;
}

const char *myconn_version(const struct myconn *conn)
{
    const char *version = mysql_get_server_info(conn->mysql);
    return version == NULL ? "" : version;
}

bool myconn_is_encrypted(const struct myconn *conn)
{
    return mysql_get_ssl_cipher(conn->mysql) != NULL;
}

const char *myconn_label(const struct myconn *conn)
{
    return conn->label;
}
