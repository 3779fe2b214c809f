/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a SELECT comes to see all that the stream has given, by server:
 *
 *   MariaDB     the status variables binlog_snapshot_file and _position name the last place in the
 *               binlog up to which the engines have committed: both move under one lock. A SELECT that
 *               begins when they are at or behind `here` sees all of it. They are asked without a
 *               snapshot: each session's answer goes through the same two variables of the server, so that
 *               one may get another's. That of a session without a snapshot is true whenever it is read, and
 *               so is an older one; a snapshot of one's own would be claimed to be newer than it is.
 *               XA COMMIT goes into the engine behind that lock, while XA RECOVER still shows it: where it
 *               shows any, a second is waited for.
 *   MySQL with  gtid_executed takes a transaction in after the engine has committed it (since
 *   GTIDs       5.7.5), so that a SELECT that begins when it contains here's set sees all of it. Where
 *               that set is not known (the server has had none yet, or the stream began in the middle
 *               of a file), gtid_owned is asked: a transaction is in it from before it is in the binlog
 *               until gtid_executed has it, so that those that are in it now are the only ones to wait for.
 *   other MySQL nothing says when a transaction that is in the binlog is in the engine too. What
 *               lies between is the commit stage of one group: milliseconds. A second is waited
 *               for since the stream came to `here`, and under semi-synchronous replication
 *               AFTER_SYNC, where the transaction waits for a replica in that very place, the
 *               timeout of that as well.
 *
 * The high watermark is right with every server: a transaction that a SELECT can see is in the
 * binlog. Only MySQL's set of executed GTIDs may lack one that was visible for an instant; the
 * stream then gives that change once more behind the row, with the same values.
 */
#include "watermark_int.h"

#include <stdio.h>

#define STATEMENT_MAX (POSITION_GTID_MAX + 4096u)

static bool file_number(const char *file, struct slice *base, uint64_t *number)
{
    const char *dot = strrchr(file, '.');
    if (dot == NULL)
        return false;
    *base = slice_of(file, (size_t)(dot - file));
    return text_parse_u64(slice_str(dot + 1), number);
}

bool watermark_is_at_or_behind(const struct position *a, const struct position *b)
{
    struct slice base_a;
    struct slice base_b;
    uint64_t number_a;
    uint64_t number_b;
    if (strcmp(a->file, b->file) == 0)
        return a->offset >= b->offset;
    return file_number(a->file, &base_a, &number_a) && file_number(b->file, &base_b, &number_b) &&
           slice_equal(base_a, base_b) && number_a > number_b;
}

static bool set_file(struct position *position, struct slice file)
{
    if (file.len == 0 || file.len >= sizeof(position->file))
        return false;
    memcpy(position->file, file.ptr, file.len);
    position->file[file.len] = '\0';
    return true;
}

static enum rc no_binlog(const struct session *session, struct error *err)
{
    return error_set(err, RC_MISMATCH,
                     "%s does not say where its binlog ends. Is log_bin on? The user needs "
                     "REPLICATION CLIENT (MariaDB: BINLOG MONITOR).",
                     myconn_label(session->conn));
}

static enum rc add_mariadb_set(struct session *session, struct position *out, struct error *err)
{
    enum rc rc = myconn_query_value(session->conn, SLICE("SELECT @@GLOBAL.gtid_binlog_pos"),
                                    &out->gtid_set, err);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* The server writes a line feed behind each comma of a set. */
static void add_set(struct buf *out, struct slice set)
{
    buf_reset(out);
    for (size_t i = 0; i < set.len; i++)
        if (set.ptr[i] != '\n' && set.ptr[i] != ' ')
            buf_add_byte(out, set.ptr[i]);
}

/* The end of the binlog: file and offset, and MySQL's set. */
static enum rc ask_end(struct session *session, struct position *out, struct error *err)
{
    struct slice sql = !session->is_mariadb && session->version >= 80200
                           ? SLICE("SHOW BINARY LOG STATUS")
                           : SLICE("SHOW MASTER STATUS");
    struct myconn_result *result = NULL;
    enum rc rc = myconn_query(session->conn, sql, &result, err);
    if (rc != RC_OK)
        return rc;
    const struct slice *fields;
    bool known = myconn_column_count(result) >= 2 && myconn_row(result, &fields) &&
                 set_file(out, fields[0]) && text_parse_u64(fields[1], &out->offset);
    buf_reset(&out->gtid_set);
    if (known && session->sight == SESSION_SIGHT_GTID && myconn_column_count(result) >= 5)
        add_set(&out->gtid_set, fields[4]);
    myconn_result_free(result);
    return known ? RC_OK : no_binlog(session, err);
}

enum rc watermark_now(struct session *session, struct position *out, struct error *err)
{
    enum rc rc = ask_end(session, out, err);
    if (rc != RC_OK)
        return rc;
    snprintf(out->server, sizeof(out->server), "%s", session->server);
    out->rows_done = 0;
    out->commit_time_us = clock_wall_us();
    if (session->is_mariadb)
        rc = add_mariadb_set(session, out, err);
    return rc != RC_OK ? rc : buf_check(&out->gtid_set, "The GTID set of the server", err);
}

/* MariaDB: up to there the engines have committed. RC_AGAIN: the answer was mixed out of two files. */
static enum rc committed(struct session *session, struct position *out, struct error *err)
{
    struct myconn_result *result = NULL;
    struct position end;
    enum rc rc =
        myconn_query(session->conn, SLICE("SHOW STATUS LIKE 'binlog_snapshot_%'"), &result, err);
    if (rc != RC_OK)
        return rc;
    bool has_file = false;
    bool has_offset = false;
    const struct slice *fields;
    while (myconn_column_count(result) == 2 && myconn_row(result, &fields)) {
        if (slice_equal_nocase(fields[0], SLICE("binlog_snapshot_file")))
            has_file = set_file(out, fields[1]);
        else if (slice_equal_nocase(fields[0], SLICE("binlog_snapshot_position")))
            has_offset = text_parse_u64(fields[1], &out->offset);
    }
    myconn_result_free(result);
    if (!has_file || !has_offset)
        return no_binlog(session, err);
    position_init(&end);
    rc = ask_end(session, &end, err);
    if (rc == RC_OK && !watermark_is_at_or_behind(&end, out))
        rc = RC_AGAIN;
    position_deinit(&end);
    return rc;
}

/* No XA COMMIT is under way, for certain. */
static enum rc xa_is_quiet(struct session *session, bool *quiet_out, struct error *err)
{
    struct myconn_result *result = NULL;
    const struct slice *fields;
    enum rc rc = myconn_query(session->conn, SLICE("XA RECOVER"), &result, err);
    if (rc != RC_OK)
        return rc;
    *quiet_out = !myconn_row(result, &fields);
    myconn_result_free(result);
    return RC_OK;
}

enum rc watermark_place(struct session *session, struct position *out, bool *settled_out,
                        struct error *err)
{
    *settled_out = session->sight == SESSION_SIGHT_GTID;
    if (session->sight != SESSION_SIGHT_COMMITTED)
        return watermark_now(session, out, err);
    enum rc rc = committed(session, out, err);
    return rc == RC_OK ? xa_is_quiet(session, settled_out, err) : rc;
}

static bool is_grace_over(const struct session *session, uint64_t since_us)
{
    return clock_monotonic_us() >= since_us + session->grace_ms * 1000;
}

static enum rc begin_committed(struct session *session, const struct position *here,
                               uint64_t since_us, struct error *err)
{
    struct position place;
    bool is_settled = false;
    position_init(&place);
    enum rc rc = watermark_place(session, &place, &is_settled, err);
    bool is_seen =
        watermark_is_at_or_behind(&place, here) && (is_settled || is_grace_over(session, since_us));
    if (rc == RC_OK && !is_seen)
        rc = RC_AGAIN;
    position_deinit(&place);
    return rc;
}

static enum rc begin_executed(struct session *session, struct slice set, struct error *err)
{
    struct buf sql;
    struct buf answer;
    buf_init(&sql, STATEMENT_MAX);
    buf_init(&answer, 64);
    buf_add_str(&sql, "SELECT WAIT_FOR_EXECUTED_GTID_SET(");
    myconn_add_literal(&sql, set);
    buf_add_str(&sql, ", 1)");
    enum rc rc = buf_check(&sql, "The question for executed GTIDs", err);
    if (rc == RC_OK)
        rc = myconn_query_value(session->conn, buf_slice(&sql), &answer, err);
    if (rc == RC_OK && !slice_equal(buf_slice(&answer), SLICE("0")))
        rc = RC_AGAIN;
    buf_deinit(&sql);
    buf_deinit(&answer);
    return rc;
}

bool watermark_next_owned(struct slice *rest, uint64_t *number_out)
{
    /* "uuid:4#12:5#13uuid:7#14", with or without something between the last thread and the next uuid. */
    while (rest->len > 0) {
        const uint8_t *mark = memchr(rest->ptr, '#', rest->len);
        if (mark == NULL)
            break;
        const uint8_t *digits = mark;
        while (digits > rest->ptr && digits[-1] >= '0' && digits[-1] <= '9')
            digits--;
        bool is_number = text_parse_u64(slice_of(digits, (size_t)(mark - digits)), number_out);
        rest->len -= (size_t)(mark + 1 - rest->ptr);
        rest->ptr = mark + 1;
        if (is_number)
            return true;
    }
    *rest = SLICE_EMPTY;
    return false;
}

/* Whether one of the numbers in `before` is in `now`, too; of whichever server they are. */
static bool shares_owned(struct slice before, struct slice now)
{
    uint64_t number;
    while (watermark_next_owned(&before, &number)) {
        struct slice rest = now;
        uint64_t other;
        while (watermark_next_owned(&rest, &other))
            if (other == number)
                return true;
    }
    return false;
}

/* Waits a moment for what is on its way into the engines now to be there. */
static enum rc begin_owned(struct session *session, struct error *err)
{
    enum { TRIES = 20, PAUSE_MS = 5 };
    struct slice sql = SLICE("SELECT @@GLOBAL.gtid_owned");
    struct buf before;
    struct buf now;
    buf_init(&before, POSITION_GTID_MAX);
    buf_init(&now, POSITION_GTID_MAX);
    enum rc rc = myconn_query_value(session->conn, sql, &before, err);
    bool is_there = rc == RC_OK && before.len > 0;
    for (unsigned i = 0; is_there && i < TRIES; i++) {
        clock_sleep_ms(PAUSE_MS);
        rc = myconn_query_value(session->conn, sql, &now, err);
        is_there = rc == RC_OK && shares_owned(buf_slice(&before), buf_slice(&now));
    }
    buf_deinit(&before);
    buf_deinit(&now);
    return rc == RC_OK && is_there ? RC_AGAIN : rc;
}

enum rc watermark_begin(struct session *session, const struct position *here, uint64_t since_us,
                        struct error *err)
{
    bool same_server = here->server[0] == '\0' || strcmp(here->server, session->server) == 0;
    switch (session->sight) {
    case SESSION_SIGHT_COMMITTED:
        return same_server ? begin_committed(session, here, since_us, err) : RC_AGAIN;
    case SESSION_SIGHT_GTID:
        if (here->gtid_set.len > 0)
            return begin_executed(session, buf_slice(&here->gtid_set), err);
        return same_server ? begin_owned(session, err) : RC_AGAIN;
    case SESSION_SIGHT_GRACE:
        break;
    }
    return same_server && is_grace_over(session, since_us) ? RC_OK : RC_AGAIN;
}
