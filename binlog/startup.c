/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a startup mode or a stored position to a place that the server has (facts/binlog.md 8.4,
 * facts/flink-cdc.md 1.2).
 *
 * What the server would refuse in the middle of a dump is found before, with questions, so that the
 * message can say the exact gap. MariaDB has no list of what was purged: there the dump's own error
 * is the answer (dump_error.c).
 */
#include "startup_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "dump_error_int.h"

#define FIRST_OFFSET 4u /* behind the magic bytes of a binlog file */

void startup_plan_init(struct startup_plan *plan)
{
    *plan = (struct startup_plan){0};
    position_init(&plan->at);
    position_init(&plan->end);
}

void startup_plan_deinit(struct startup_plan *plan)
{
    position_deinit(&plan->at);
    position_deinit(&plan->end);
}

static void name_place(const struct startup_server *server, struct position *at, const char *file,
                       uint64_t offset)
{
    snprintf(at->file, sizeof(at->file), "%s", file);
    snprintf(at->server, sizeof(at->server), "%s", server->identity);
    at->offset = offset;
}

/* `text` as a canonical set in the position. */
static enum rc set_gtids(struct position *at, struct slice text, struct error *err)
{
    struct gtid_set *set = NULL;
    enum rc rc = gtid_set_new(&set, err);
    if (rc == RC_OK)
        rc = gtid_set_parse(set, text, err);
    if (rc == RC_OK) {
        buf_reset(&at->gtid_set);
        gtid_set_text(set, &at->gtid_set);
        rc = buf_check(&at->gtid_set, "the GTID set", err);
    }
    gtid_set_free(set);
    return rc;
}

/* The set that a server variable holds. */
static enum rc read_set(struct myconn *conn, struct slice sql, struct gtid_set **set_out,
                        struct error *err)
{
    struct buf text;
    buf_init(&text, POSITION_GTID_MAX);
    *set_out = NULL;
    enum rc rc = myconn_query_value(conn, sql, &text, err);
    if (rc == RC_OK)
        rc = gtid_set_new(set_out, err);
    if (rc == RC_OK)
        rc = gtid_set_parse(*set_out, buf_slice(&text), err);
    if (rc != RC_OK) {
        gtid_set_free(*set_out);
        *set_out = NULL;
    }
    buf_deinit(&text);
    return rc;
}

/* MariaDB: the GTID position that belongs to a place in a file. */
static enum rc mariadb_gtids_at(const struct startup_server *server, struct position *at,
                                struct error *err)
{
    struct buf sql;
    struct buf text;
    buf_init(&sql, 2048);
    buf_init(&text, POSITION_GTID_MAX);
    buf_add_str(&sql, "SELECT BINLOG_GTID_POS(");
    myconn_add_literal(&sql, slice_str(at->file));
    buf_addf(&sql, ", %llu)", (unsigned long long)at->offset);
    enum rc rc = buf_check(&sql, "the question for a GTID position", err);
    if (rc == RC_OK)
        rc = myconn_query_value(server->conn, buf_slice(&sql), &text, err);
    if (rc == RC_NOT_FOUND)
        rc = error_set(err, RC_MISMATCH,
                       "%s:%llu is not a place at which a transaction begins in this server's "
                       "binlog.",
                       at->file, (unsigned long long)at->offset);
    if (rc == RC_OK)
        rc = set_gtids(at, buf_slice(&text), err);
    buf_deinit(&sql);
    buf_deinit(&text);
    return rc;
}

enum rc startup_end(const struct startup_server *server, struct position *out, struct error *err)
{
    /* facts/binlog.md 9.1: the old statement ends with 8.3, the new one begins with 8.2. */
    struct slice sql = !server->is_mariadb && server->version >= 80200
                           ? SLICE("SHOW BINARY LOG STATUS")
                           : SLICE("SHOW MASTER STATUS");
    struct myconn_result *result = NULL;
    enum rc rc = myconn_query(server->conn, sql, &result, err);
    if (rc != RC_OK)
        return rc;
    const struct slice *fields;
    uint64_t offset = 0;
    struct slice set = SLICE_EMPTY;
    if (!myconn_row(result, &fields) || myconn_column_count(result) < 2) {
        rc = error_set(err, RC_MISMATCH, "The server writes no binlog. Start it with log_bin.");
    } else if (fields[0].len >= POSITION_FILE_MAX || !text_parse_u64(fields[1], &offset)) {
        rc = error_set(err, RC_PROTOCOL, "%.*s answers with a place that cannot be read.",
                       SLICE_ARG(sql));
    } else {
        char file[POSITION_FILE_MAX];
        snprintf(file, sizeof(file), "%.*s", SLICE_ARG(fields[0]));
        name_place(server, out, file, offset);
        if (myconn_column_count(result) > 4 && fields[4].ptr != NULL)
            set = fields[4];
        if (server->has_gtid && !server->is_mariadb)
            rc = set_gtids(out, set, err);
    }
    myconn_result_free(result);
    if (rc == RC_OK && server->has_gtid && server->is_mariadb)
        rc = mariadb_gtids_at(server, out, err);
    return rc;
}

static void set_text_limited(const struct gtid_set *set, char *out, size_t cap)
{
    struct buf text;
    buf_init(&text, POSITION_GTID_MAX);
    gtid_set_text(set, &text);
    if (text.len < cap)
        snprintf(out, cap, "%s", buf_cstr(&text));
    else
        snprintf(out, cap, "%.*s...", (int)cap - 4, buf_cstr(&text));
    buf_deinit(&text);
}

/* `rest` := a without b. */
static enum rc difference(const struct gtid_set *a, const struct gtid_set *b,
                          struct gtid_set **rest_out, struct error *err)
{
    enum rc rc = gtid_set_new(rest_out, err);
    if (rc == RC_OK)
        rc = gtid_set_copy(*rest_out, a, err);
    if (rc == RC_OK)
        rc = gtid_set_subtract(*rest_out, b, err);
    return rc;
}

enum rc startup_check_gtids(const struct gtid_set *from, const struct gtid_set *executed,
                            const struct gtid_set *purged, const char *first_file,
                            struct error *err)
{
    struct gtid_set *missing = NULL;
    struct gtid_set *unknown = NULL;
    char text[400];
    enum rc rc = difference(purged, from, &missing, err);
    if (rc == RC_OK && !gtid_set_is_empty(missing)) {
        set_text_limited(missing, text, sizeof(text));
        rc = error_set(err, RC_PURGED,
                       "The transactions %s are needed, but the server has purged them; its oldest "
                       "binlog file is %s. " DUMP_PURGED_REMEDY,
                       text, first_file);
    }
    if (rc == RC_OK)
        rc = difference(from, executed, &unknown, err);
    if (rc == RC_OK && !gtid_set_is_empty(unknown)) {
        set_text_limited(unknown, text, sizeof(text));
        rc = error_set(err, RC_MISMATCH,
                       "The transactions %s have been delivered, but this server has never had "
                       "them: it was restored from an older backup or reset, or it is a replica "
                       "that lags behind. Going on would lose or repeat changes.",
                       text);
    }
    gtid_set_free(missing);
    gtid_set_free(unknown);
    return rc;
}

static enum rc check_mysql_gtids(const struct startup_server *server, const struct position *at,
                                 struct error *err)
{
    struct gtid_set *from = NULL;
    struct gtid_set *executed = NULL;
    struct gtid_set *purged = NULL;
    struct binlog_files files = {0};
    enum rc rc = gtid_set_new(&from, err);
    if (rc == RC_OK)
        rc = gtid_set_parse(from, buf_slice(&at->gtid_set), err);
    /* Purged first: what is executed may grow in between, and that is no gap. */
    if (rc == RC_OK)
        rc = read_set(server->conn, SLICE("SELECT @@GLOBAL.gtid_purged"), &purged, err);
    if (rc == RC_OK)
        rc = read_set(server->conn, SLICE("SELECT @@GLOBAL.gtid_executed"), &executed, err);
    if (rc == RC_OK)
        rc = binlog_files_read(server->conn, &files, err);
    if (rc == RC_OK)
        rc = startup_check_gtids(from, executed, purged, files.items[0].name, err);
    binlog_files_deinit(&files);
    gtid_set_free(from);
    gtid_set_free(executed);
    gtid_set_free(purged);
    return rc;
}

/* A file and offset on a MySQL server with GTIDs: the set that belongs to it is known only by
 * reading the file from its beginning, where PREVIOUS_GTIDS stands. So that is what happens, and
 * what starts before the offset is passed over. */
static void pass_to_offset(const struct startup_server *server, const char *file, uint64_t offset,
                           struct startup_plan *plan)
{
    name_place(server, &plan->at, file, FIRST_OFFSET);
    if (offset <= FIRST_OFFSET)
        return;
    plan->pass = STARTUP_PASS_BY_OFFSET;
    plan->from_offset = offset;
    name_place(server, &plan->end, file, offset);
}

static enum rc plan_file(const struct startup_server *server, const char *file, uint64_t offset,
                         struct startup_plan *plan, struct error *err)
{
    struct binlog_files files = {0};
    enum rc rc = binlog_files_read(server->conn, &files, err);
    if (rc == RC_OK)
        rc = binlog_files_check(&files, file, offset, err);
    binlog_files_deinit(&files);
    if (rc != RC_OK)
        return rc;
    if (server->has_gtid && !server->is_mariadb) {
        pass_to_offset(server, file, offset, plan);
        return RC_OK;
    }
    name_place(server, &plan->at, file, offset);
    if (!server->has_gtid)
        return RC_OK;
    /* The same place as a GTID position, which survives a failover. */
    return mariadb_gtids_at(server, &plan->at, err);
}

static enum rc plan_gtids(const struct startup_server *server, struct slice text,
                          struct startup_plan *plan, struct error *err)
{
    if (!server->has_gtid)
        return error_set(err, RC_CONFIG,
                         "A GTID set is asked for, but the server runs without GTIDs. Use "
                         "scan.startup.specific-offset.file and .pos, or set gtid_mode = ON.");
    enum rc rc = set_gtids(&plan->at, text, err);
    if (rc != RC_OK) {
        error_wrap(err, "The GTID set to start from cannot be read");
        return rc;
    }
    snprintf(plan->at.server, sizeof(plan->at.server), "%s", server->identity);
    return server->is_mariadb ? RC_OK : check_mysql_gtids(server, &plan->at, err);
}

static enum rc plan_earliest(const struct startup_server *server, struct startup_plan *plan,
                             struct error *err)
{
    struct binlog_files files = {0};
    enum rc rc = binlog_files_read(server->conn, &files, err);
    if (rc == RC_OK)
        name_place(server, &plan->at, files.items[0].name, FIRST_OFFSET);
    binlog_files_deinit(&files);
    return rc;
}

static enum rc plan_timestamp(const struct startup_server *server,
                              const struct mysql_source_config *config,
                              const struct startup_probe *probe, struct startup_plan *plan,
                              struct error *err)
{
    struct buf now;
    uint64_t now_seconds = 0;
    buf_init(&now, 64);
    uint64_t seconds = (uint64_t)config->timestamp_ms / 1000;
    enum rc rc = myconn_query_value(server->conn, SLICE("SELECT UNIX_TIMESTAMP()"), &now, err);
    if (rc == RC_OK && (!text_parse_u64(buf_slice(&now), &now_seconds) || seconds > now_seconds))
        rc = error_set(err, RC_CONFIG,
                       "scan.startup.timestamp-millis is %lld, which lies in the future by the "
                       "server's clock (%llu s). Use latest-offset to start from now.",
                       (long long)config->timestamp_ms, (unsigned long long)now_seconds);
    buf_deinit(&now);
    struct binlog_files files = {0};
    unsigned index = 0;
    if (rc == RC_OK)
        rc = startup_end(server, &plan->end, err);
    if (rc == RC_OK)
        rc = binlog_files_read(server->conn, &files, err);
    if (rc == RC_OK)
        rc = binlog_files_search(&files, seconds, probe->file_time, probe->ctx, &index, err);
    if (rc == RC_OK) {
        name_place(server, &plan->at, files.items[index].name, FIRST_OFFSET);
        plan->pass = STARTUP_PASS_BY_TIME;
        plan->from_time_us = (uint64_t)config->timestamp_ms * 1000;
    }
    binlog_files_deinit(&files);
    return rc;
}

enum rc startup_plan_mode(const struct startup_server *server,
                          const struct mysql_source_config *config,
                          const struct startup_probe *probe, struct startup_plan *plan,
                          struct error *err)
{
    switch ((enum server_startup)config->startup) {
    case SERVER_STARTUP_EARLIEST:
        return plan_earliest(server, plan, err);
    case SERVER_STARTUP_LATEST:
    case SERVER_STARTUP_INITIAL: /* the rows of before come beside the stream */
    case SERVER_STARTUP_SNAPSHOT:
        return startup_end(server, &plan->at, err);
    case SERVER_STARTUP_SPECIFIC:
        if (config->offset_gtid_set != NULL)
            return plan_gtids(server, slice_str(config->offset_gtid_set), plan, err);
        return plan_file(server, config->offset_file, (uint64_t)config->offset_pos, plan, err);
    case SERVER_STARTUP_TIMESTAMP:
        return plan_timestamp(server, config, probe, plan, err);
    }
    ASSERT(!"a startup mode that the configuration does not have");
    return RC_CONFIG;
}

enum rc startup_plan_resume(const struct startup_server *server, const struct position *from,
                            struct startup_plan *plan, struct error *err)
{
    if (from->gtid_set.len > 0 && server->has_gtid) {
        enum rc rc = position_copy(&plan->at, from, err);
        if (rc != RC_OK || server->is_mariadb)
            return rc;
        return check_mysql_gtids(server, &plan->at, err);
    }
    if (strcmp(from->server, server->identity) != 0)
        return error_set(err, RC_MISMATCH,
                         "The position %s:%llu belongs to the server %s, but this is %s. File "
                         "positions of one server mean nothing on another; only GTIDs would carry "
                         "over. Connect to the first server, or start afresh with a new "
                         "checkpoint directory and a new copy of the tables.",
                         from->file, (unsigned long long)from->offset, from->server,
                         server->identity);
    if (from->file[0] == '\0')
        return error_set(err, RC_MISMATCH,
                         "The stored position is a GTID set, but the server runs without GTIDs "
                         "now. Set gtid_mode = ON again.");
    enum rc rc = plan_file(server, from->file, from->offset, plan, err);
    if (rc == RC_OK) {
        plan->at.commit_time_us = from->commit_time_us;
        if (plan->pass == STARTUP_PASS_BY_OFFSET)
            plan->from_row = from->rows_done;
        else
            plan->at.rows_done = from->rows_done;
    }
    return rc;
}

/* MariaDB: the GTID position at which a file begins, as text; empty when the server does not say. */
static void gtids_before(const struct startup_server *server, const char *file, struct buf *out)
{
    struct position begin;
    position_init(&begin);
    name_place(server, &begin, file, FIRST_OFFSET);
    if (mariadb_gtids_at(server, &begin, NULL) == RC_OK)
        buf_add_slice(out, buf_slice(&begin.gtid_set));
    position_deinit(&begin);
}

void startup_describe_gap(const struct startup_server *server, const struct position *at,
                          struct error *err)
{
    struct binlog_files files = {0};
    if (binlog_files_read(server->conn, &files, NULL) != RC_OK)
        return; /* the server's own words have to do */
    struct buf stands;
    struct buf begins;
    buf_init(&stands, 2048 + POSITION_GTID_MAX);
    buf_init(&begins, POSITION_GTID_MAX);
    position_describe(at, &stands);
    if (server->is_mariadb)
        gtids_before(server, files.items[0].name, &begins);
    if (begins.len > 0)
        error_hint(err,
                   "The pipeline stands at %.200s; the oldest binlog file is %s, which begins "
                   "behind GTID %.200s: what lies between is gone.",
                   buf_cstr(&stands), files.items[0].name, buf_cstr(&begins));
    else
        error_hint(err, "The pipeline stands at %.200s; the oldest binlog file is %s.",
                   buf_cstr(&stands), files.items[0].name);
    buf_deinit(&stands);
    buf_deinit(&begins);
    binlog_files_deinit(&files);
}

bool startup_is_wanted(const struct startup_plan *plan, const struct change *change)
{
    const struct txn *txn = change->txn;
    ASSERT(txn != NULL);
    switch (plan->pass) {
    case STARTUP_PASS_NOTHING:
        return true;
    case STARTUP_PASS_BY_TIME: {
        /* Servers that keep whole seconds cannot say whether a transaction of the asked second
         * came before or after: it is taken, for a change too many is better than one lost. */
        bool whole_seconds = txn->commit_time_us % 1000000 == 0;
        uint64_t from_us =
            whole_seconds ? plan->from_time_us / 1000000 * 1000000 : plan->from_time_us;
        return txn->commit_time_us >= from_us;
    }
    case STARTUP_PASS_BY_OFFSET:
        if (!slice_equal(txn->file, slice_str(plan->at.file)) || txn->offset > plan->from_offset)
            return true;
        return txn->offset == plan->from_offset &&
               (change->kind == CHANGE_COMMIT || change->ordinal >= plan->from_row);
    }
    return true;
}
