/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See session_int.h.
 *
 * sql_mode: ALLOW_INVALID_DATES alone. Zero and partial dates may then stand in comparisons, and
 * PAD_CHAR_TO_FULL_LENGTH, which would change CHAR values, is off.
 */
#include "session_int.h"

#include <stdio.h>

#define GRACE_MS 1000u

uint32_t session_version_number(const char *version)
{
    uint32_t number = 0;
    for (unsigned part = 0; part < 3; part++) {
        uint32_t value = 0;
        if (*version < '0' || *version > '9')
            return part == 0 ? 0 : number * (part == 1 ? 10000u : 100u);
        for (; *version >= '0' && *version <= '9'; version++)
            value = value * 10 + (uint32_t)(*version - '0');
        number = number * 100 + value;
        if (*version == '.')
            version++;
    }
    return number;
}

static enum rc set_up(struct session *session, struct error *err)
{
    static const struct slice statements[] = {
        SLICE("SET autocommit = 1, time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES', "
              "sql_auto_is_null = 0, sql_big_selects = 1, sql_select_limit = DEFAULT, "
              "net_write_timeout = 86400, wait_timeout = 86400, lock_wait_timeout = 30"),
        SLICE("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"),
    };
    enum rc rc = RC_OK;
    for (size_t i = 0; i < COUNT_OF(statements) && rc == RC_OK; i++)
        rc = myconn_exec(session->conn, statements[i], err);
    if (rc == RC_OK && session->is_mariadb)
        rc = myconn_exec(session->conn, SLICE("SET max_statement_time = 0"), err);
    else if (rc == RC_OK &&
             session->version >= 50709) /* without a bound, long lists find the index */
        rc =
            myconn_exec(session->conn,
                        SLICE("SET max_execution_time = 0, range_optimizer_max_mem_size = 0"), err);
    /* Last: from here on names and messages come as the server stores them, which is UTF-8. */
    if (rc == RC_OK)
        rc = myconn_exec(session->conn, SLICE("SET character_set_results = NULL"), err);
    return rc;
}

/* The answer as a C string; an unknown variable (an older server) is an empty one. */
static enum rc ask(struct session *session, const char *sql, char *out, size_t cap,
                   struct error *err)
{
    enum { UNKNOWN_VARIABLE = 1193 };
    struct buf value;
    struct error local = {0};
    buf_init(&value, 65536);
    enum rc rc = myconn_query_value(session->conn, slice_str(sql), &value, &local);
    if (rc == RC_OK)
        snprintf(out, cap, "%s", buf_cstr(&value));
    else if (rc == RC_NOT_FOUND || local.mysql_code == UNKNOWN_VARIABLE) {
        out[0] = '\0';
        rc = RC_OK;
    } else if (err != NULL)
        *err = local;
    buf_deinit(&value);
    return rc;
}

static enum rc ask_number(struct session *session, const char *sql, uint64_t *out,
                          struct error *err)
{
    char text[64];
    enum rc rc = ask(session, sql, text, sizeof(text), err);
    *out = 0;
    if (rc == RC_OK && !text_parse_u64(slice_str(text), out))
        *out = 0;
    return rc;
}

/* Under semi-synchronous replication of the kind AFTER_SYNC a transaction waits for its replicas
 * between the binlog and the engine, so that it is in the stream and not in the table for as long
 * as that may last. */
static enum rc learn_grace(struct session *session, struct error *err)
{
    static const char *const names[] = {"rpl_semi_sync_source", "rpl_semi_sync_master"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char sql[128];
        char point[64];
        uint64_t enabled;
        uint64_t timeout_ms;
        snprintf(sql, sizeof(sql), "SELECT @@GLOBAL.%s_enabled", names[i]);
        enum rc rc = ask_number(session, sql, &enabled, err);
        if (rc != RC_OK)
            return rc;
        if (enabled == 0)
            continue;
        snprintf(sql, sizeof(sql), "SELECT @@GLOBAL.%s_timeout", names[i]);
        rc = ask_number(session, sql, &timeout_ms, err);
        if (rc != RC_OK)
            return rc;
        snprintf(sql, sizeof(sql), "SELECT @@GLOBAL.%s_wait_point", names[i]);
        rc = ask(session, sql, point, sizeof(point), err);
        if (rc != RC_OK)
            return rc;
        if (strcmp(point, "AFTER_COMMIT") != 0 && session->version >= 50702)
            session->grace_ms = GRACE_MS + timeout_ms;
        return RC_OK;
    }
    return RC_OK;
}

static enum rc learn_sight(struct session *session, struct error *err)
{
    char mode[32] = "";
    if (session->is_mariadb) {
        session->sight = SESSION_SIGHT_COMMITTED;
        return RC_OK;
    }
    enum rc rc = ask(session, "SELECT @@GLOBAL.gtid_mode", mode, sizeof(mode), err);
    if (rc != RC_OK)
        return rc;
    /* Before 5.7.5 gtid_executed has a transaction before the engine has committed it. */
    if (strcmp(mode, "ON") == 0 && session->version >= 50705) {
        session->sight = SESSION_SIGHT_GTID;
        return RC_OK;
    }
    session->sight = SESSION_SIGHT_GRACE;
    return learn_grace(session, err);
}

static enum rc learn_identity(struct session *session, struct error *err)
{
    char text[POSITION_SERVER_MAX];
    const char *sql =
        session->is_mariadb ? "SELECT @@GLOBAL.server_id" : "SELECT @@GLOBAL.server_uuid";
    enum rc rc = ask(session, sql, text, sizeof(text), err);
    if (rc == RC_OK)
        snprintf(session->server, sizeof(session->server), "%s%.40s",
                 session->is_mariadb ? "server_id:" : "", text);
    return rc;
}

static enum rc learn_expiry(struct session *session, struct error *err)
{
    enum { DAY_S = 86400 };
    enum rc rc =
        ask_number(session, "SELECT @@GLOBAL.binlog_expire_logs_seconds", &session->expiry_s, err);
    if (rc != RC_OK || session->expiry_s != 0)
        return rc;
    uint64_t days;
    rc = ask_number(session, "SELECT FLOOR(@@GLOBAL.expire_logs_days)", &days, err);
    session->expiry_s = days * DAY_S;
    return rc;
}

enum rc session_open(struct session *session, const struct myconn_options *options,
                     struct error *err)
{
    *session = (struct session){0};
    enum rc rc = myconn_open(options, &session->conn, err);
    if (rc != RC_OK)
        return rc;
    session->grace_ms = GRACE_MS;
    session->is_mariadb = myconn_is_mariadb(session->conn);
    session->version = session_version_number(myconn_version(session->conn));
    rc = learn_identity(session, err);
    if (rc == RC_OK)
        rc = learn_sight(session, err);
    if (rc == RC_OK)
        rc = learn_expiry(session, err);
    if (rc == RC_OK)
        rc = set_up(session, err);
    if (rc != RC_OK)
        session_close(session);
    return rc;
}

void session_close(struct session *session)
{
    myconn_close(session->conn);
    session->conn = NULL;
}
