/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be true of the server before its binlog can be followed (facts/binlog.md 9.1 to 9.3),
 * each with the statement that mends it. `millrace check` shows all lines; at a start the first
 * failing one is the error.
 */
#include "server_history_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "grants_int.h"
#include "virtual_columns_int.h"

/* The variables that are looked at, in one question; a server that lacks one just leaves it out. */
enum variable {
    VAR_LOG_BIN = 0,
    VAR_FORMAT,
    VAR_ROW_IMAGE,
    VAR_VALUE_OPTIONS,
    VAR_METADATA,
    VAR_GTID_MODE,
    VAR_LOG_REPLICA_UPDATES,
    VAR_LOG_SLAVE_UPDATES,
    VAR_EXPIRE_SECONDS,
    VAR_EXPIRE_DAYS,
    VAR_SERVER_ID,
    VAR_COUNT
};

static const char *const variable_names[VAR_COUNT] = {
    [VAR_LOG_BIN] = "log_bin",
    [VAR_FORMAT] = "binlog_format",
    [VAR_ROW_IMAGE] = "binlog_row_image",
    [VAR_VALUE_OPTIONS] = "binlog_row_value_options",
    [VAR_METADATA] = "binlog_row_metadata",
    [VAR_GTID_MODE] = "gtid_mode",
    [VAR_LOG_REPLICA_UPDATES] = "log_replica_updates",
    [VAR_LOG_SLAVE_UPDATES] = "log_slave_updates",
    [VAR_EXPIRE_SECONDS] = "binlog_expire_logs_seconds",
    [VAR_EXPIRE_DAYS] = "expire_logs_days",
    [VAR_SERVER_ID] = "server_id",
};

#define VALUE_MAX 256
#define PREFLIGHT_SQL_MAX ((size_t)8 << 20) /* the names of tens of thousands of databases */

struct preflight {
    struct server_source *source;
    struct myconn *conn;
    struct report *report;
    char values[VAR_COUNT][VALUE_MAX];
    bool known[VAR_COUNT];
    bool is_replica;
};

static enum rc read_variables(struct preflight *flight, struct error *err)
{
    struct buf sql;
    buf_init(&sql, 4096);
    buf_add_str(&sql, "SHOW GLOBAL VARIABLES WHERE Variable_name IN (");
    for (unsigned i = 0; i < VAR_COUNT; i++)
        buf_addf(&sql, "%s'%s'", i == 0 ? "" : ", ", variable_names[i]);
    buf_add_str(&sql, ")");
    struct myconn_result *result = NULL;
    enum rc rc = buf_check(&sql, "a question for variables", err);
    if (rc == RC_OK)
        rc = myconn_query(flight->conn, buf_slice(&sql), &result, err);
    buf_deinit(&sql);
    const struct slice *fields;
    while (rc == RC_OK && myconn_row(result, &fields)) {
        for (unsigned i = 0; i < VAR_COUNT; i++) {
            if (!slice_equal_nocase(fields[0], slice_str(variable_names[i])))
                continue;
            flight->known[i] = true;
            snprintf(flight->values[i], VALUE_MAX, "%.*s", SLICE_ARG(fields[1]));
        }
    }
    myconn_result_free(result);
    return rc;
}

static bool is(const struct preflight *flight, enum variable variable, const char *value)
{
    return flight->known[variable] &&
           slice_equal_nocase(slice_str(flight->values[variable]), slice_str(value));
}

static void check_version(struct preflight *flight)
{
    const struct server_source *source = flight->source;
    uint32_t oldest = source->is_mariadb ? 100000 : 50600;
    if (source->version < oldest)
        report_add(flight->report, REPORT_FAIL, "Use MySQL 5.6 or MariaDB 10.0 or later.",
                   "The server's version is %s, which is too old.", source->identity.version);
    else
        report_add(flight->report, REPORT_OK, NULL, "The server's version is %s.",
                   source->identity.version);
}

static void check_binlog(struct preflight *flight)
{
    struct report *report = flight->report;
    if (is(flight, VAR_LOG_BIN, "ON") || is(flight, VAR_LOG_BIN, "1"))
        report_add(report, REPORT_OK, NULL, "The server writes a binlog (log_bin is ON).");
    else
        report_add(report, REPORT_FAIL,
                   "Put log_bin = binlog and a server_id into the server's configuration and "
                   "restart it.",
                   "The server writes no binlog (log_bin is OFF).");
    if (is(flight, VAR_FORMAT, "ROW"))
        report_add(report, REPORT_OK, NULL, "binlog_format is ROW.");
    else
        report_add(report, REPORT_FAIL,
                   "SET GLOBAL binlog_format = 'ROW'; and the same in the server's configuration. "
                   "Sessions that are open keep the old format: let the applications reconnect.",
                   "binlog_format is %s: rows do not come with the changes.",
                   flight->values[VAR_FORMAT]);
}

/* facts/binlog.md 5.3. Whether a target can take rows without all columns is the sink's to say. */
static void check_row_image(struct preflight *flight)
{
    struct report *report = flight->report;
    /* Servers before 5.6.2 and 10.1.6 have no such variable: their images are full. */
    if (!flight->known[VAR_ROW_IMAGE] || is(flight, VAR_ROW_IMAGE, "FULL"))
        report_add(report, REPORT_OK, NULL, "Row images are full (binlog_row_image).");
    else if (is(flight, VAR_ROW_IMAGE, "FULL_NODUP"))
        report_add(report, REPORT_OK, NULL,
                   "binlog_row_image is FULL_NODUP: what a changed row leaves out, the row before "
                   "it has.");
    else
        report_add(
            report, REPORT_WARN,
            "SET GLOBAL binlog_row_image = 'FULL'; and the same in the server's "
            "configuration. Sessions that are open keep the old value.",
            "binlog_row_image is %s: rows come without some of their columns. Updates reach a "
            "warehouse as partial updates of rows that must be there; an update of a key, and an "
            "insert that leaves out a column whose default is not shown exactly, stop the "
            "pipeline.",
            flight->values[VAR_ROW_IMAGE]);
    /* Seen on 10.11: the server makes an update of a REPLACE where it can, and forgets the columns
     * that the REPLACE has set to their defaults. Its own replicas keep their old values, too. */
    if (flight->source->is_mariadb &&
        (is(flight, VAR_ROW_IMAGE, "MINIMAL") || is(flight, VAR_ROW_IMAGE, "NOBLOB")))
        report_add(
            report, REPORT_WARN,
            "Let a REPLACE name all columns, or SET GLOBAL binlog_row_image = 'FULL';",
            "binlog_row_image is %s: of a REPLACE that does not name all columns MariaDB may "
            "leave the ones that it resets out of the binlog, so the target keeps their old "
            "values.",
            flight->values[VAR_ROW_IMAGE]);
    if (flight->values[VAR_VALUE_OPTIONS][0] == '\0')
        return;
    if (is(flight, VAR_ROW_IMAGE, "FULL") && is(flight, VAR_VALUE_OPTIONS, "PARTIAL_JSON"))
        report_add(report, REPORT_OK, NULL,
                   "binlog_row_value_options is PARTIAL_JSON: changes to JSON documents are put "
                   "together with the documents before them.");
    else
        report_add(report, REPORT_FAIL,
                   "SET GLOBAL binlog_row_value_options = ''; and the same in the server's "
                   "configuration; or binlog_row_image = 'FULL'.",
                   "binlog_row_value_options is %s and binlog_row_image is %s: JSON columns come "
                   "as changes to a document, and the document before them does not come.",
                   flight->values[VAR_VALUE_OPTIONS], flight->values[VAR_ROW_IMAGE]);
}

static void check_metadata(struct preflight *flight)
{
    if (is(flight, VAR_METADATA, "FULL"))
        report_add(flight->report, REPORT_OK, NULL,
                   "binlog_row_metadata is FULL: column names travel with the rows.");
    else if (flight->known[VAR_METADATA])
        report_add(flight->report, REPORT_WARN,
                   "SET GLOBAL binlog_row_metadata = 'FULL'; and the same in the server's "
                   "configuration.",
                   "binlog_row_metadata is %s: column names come from information_schema, which "
                   "shows tables as they are now and not as they were when a change was written.",
                   flight->values[VAR_METADATA]);
    else
        report_add(flight->report, REPORT_WARN, "Use MySQL 8.0.1 or MariaDB 10.5 or later.",
                   "The server is too old for binlog_row_metadata: column names come from "
                   "information_schema, which shows tables as they are now.");
}

static void check_gtid(struct preflight *flight)
{
    const struct server_source *source = flight->source;
    if (source->is_mariadb)
        report_add(flight->report, REPORT_OK, NULL,
                   "MariaDB writes GTIDs: the place in the stream survives a failover.");
    else if (source->identity.has_gtid)
        report_add(flight->report, REPORT_OK, NULL,
                   "gtid_mode is ON: the place in the stream survives a failover.");
    else
        report_add(flight->report, REPORT_WARN,
                   "Turn GTIDs on, step by step: gtid_mode = OFF_PERMISSIVE, ON_PERMISSIVE, ON, "
                   "with enforce_gtid_consistency = ON.",
                   "gtid_mode is %s: the place in the stream is a file and an offset, which hold "
                   "for this server only.",
                   flight->known[VAR_GTID_MODE] ? flight->values[VAR_GTID_MODE] : "not there");
}

static void check_server_id(struct preflight *flight)
{
    const struct server_source *source = flight->source;
    uint64_t theirs = 0;
    (void)text_parse_u64(slice_str(flight->values[VAR_SERVER_ID]), &theirs);
    if (theirs == 0)
        report_add(flight->report, REPORT_FAIL,
                   "SET GLOBAL server_id = 1; and the same in the server's configuration.",
                   "The server's own server_id is 0: it refuses every reader of its binlog.");
    else if (theirs == source->server_id)
        report_add(flight->report, REPORT_FAIL, "Set server-id to a number that nobody uses.",
                   "Our server-id is %u, which is the server's own.", source->server_id);
    else
        report_add(flight->report, REPORT_OK, NULL,
                   "We read as server-id %u, the server itself is %llu.", source->server_id,
                   (unsigned long long)theirs);
}

static void check_retention(struct preflight *flight)
{
    double seconds = 0;
    if (flight->known[VAR_EXPIRE_SECONDS])
        seconds = strtod(flight->values[VAR_EXPIRE_SECONDS], NULL);
    if (seconds <= 0 && flight->known[VAR_EXPIRE_DAYS])
        seconds = 86400 * strtod(flight->values[VAR_EXPIRE_DAYS], NULL);
    if (seconds <= 0)
        report_add(flight->report, REPORT_OK, NULL, "The server does not purge its binlog by age.");
    else if (seconds < 86400)
        report_add(flight->report, REPORT_WARN,
                   "SET GLOBAL binlog_expire_logs_seconds = 604800; and the same in the server's "
                   "configuration.",
                   "The server purges its binlog after %.0f s: a pipeline that stands still for "
                   "longer must begin anew.",
                   seconds);
    else
        report_add(flight->report, REPORT_OK, NULL, "The server keeps its binlog for %.1f days.",
                   seconds / 86400);
}

/* A replica whose own binlog leaves out what it got from its source shows nothing to us. */
static enum rc check_replica(struct preflight *flight, struct error *err)
{
    const struct server_source *source = flight->source;
    struct slice sql = source->is_mariadb         ? SLICE("SHOW ALL SLAVES STATUS")
                       : source->version >= 80022 ? SLICE("SHOW REPLICA STATUS")
                                                  : SLICE("SHOW SLAVE STATUS");
    struct myconn_result *result = NULL;
    struct error local = {0};
    enum rc rc = myconn_query(flight->conn, sql, &result, &local);
    if (rc == RC_DENIED || rc == RC_PROTOCOL)
        return RC_OK; /* not to be seen with our privileges; the next checks say what is missing */
    if (rc != RC_OK) {
        if (err != NULL)
            *err = local;
        return rc;
    }
    const struct slice *fields;
    flight->is_replica = myconn_row(result, &fields);
    myconn_result_free(result);
    bool logs =
        is(flight, VAR_LOG_REPLICA_UPDATES, "ON") || is(flight, VAR_LOG_SLAVE_UPDATES, "ON");
    if (flight->is_replica && !logs)
        report_add(flight->report, REPORT_FAIL,
                   source->is_mariadb || source->version < 80026
                       ? "Put log_slave_updates = ON into its configuration and restart it."
                       : "Put log_replica_updates = ON into its configuration and restart it.",
                   "The server is a replica that does not write what it replicates into its own "
                   "binlog.");
    else if (flight->is_replica)
        report_add(flight->report, REPORT_OK, NULL,
                   "The server is a replica, and its binlog holds what it replicates.");
    return RC_OK;
}

static enum rc read_grants(struct preflight *flight, struct grants *grants, struct error *err)
{
    struct myconn_result *result = NULL;
    enum rc rc = myconn_query(flight->conn, SLICE("SHOW GRANTS"), &result, err);
    const struct slice *fields;
    while (rc == RC_OK && myconn_row(result, &fields))
        grants_add(grants, fields[0]);
    myconn_result_free(result);
    return rc;
}

static enum rc current_account(struct preflight *flight, struct buf *out, struct error *err)
{
    struct buf value;
    buf_init(&value, 1024);
    enum rc rc = myconn_query_value(flight->conn, SLICE("SELECT CURRENT_USER()"), &value, err);
    struct slice text = buf_slice(&value);
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != '@')
        at--;
    if (rc == RC_OK && at > 0) {
        myconn_add_literal(out, slice_of(text.ptr, at - 1));
        buf_add_byte(out, '@');
        myconn_add_literal(out, slice_of(text.ptr + at, text.len - at));
    } else if (rc == RC_OK) {
        myconn_add_literal(out, text);
    }
    buf_deinit(&value);
    return rc;
}

static void check_replication_grants(struct preflight *flight, const struct grants *grants,
                                     const char *account)
{
    const struct server_source *source = flight->source;
    bool monitor_name = source->is_mariadb && source->version >= 100500;
    const char *client = monitor_name ? "BINLOG MONITOR" : "REPLICATION CLIENT";
    if (grants->replication_slave && grants->replication_client) {
        report_add(flight->report, REPORT_OK, NULL, "The user has REPLICATION SLAVE and %s.",
                   client);
        return;
    }
    char missing[64];
    snprintf(missing, sizeof(missing), "%s%s%s",
             grants->replication_slave ? "" : "REPLICATION SLAVE",
             grants->replication_slave || grants->replication_client ? "" : ", ",
             grants->replication_client ? "" : client);
    char remedy[512];
    snprintf(remedy, sizeof(remedy), "GRANT %s ON *.* TO %s;", missing, account);
    report_add(flight->report, grants->has_roles ? REPORT_WARN : REPORT_FAIL, remedy,
               grants->has_roles ? "The user %s lacks %s, unless a role of it gives them."
                                 : "The user %s lacks %s.",
               account, missing);
}

struct table_check {
    struct preflight *flight;
    const struct grants *grants;
    const char *account;
    unsigned count;
    unsigned keyless;
    unsigned denied;
    char keyless_name[300];
    char denied_remedy[512];
};

/* The connection for questions. The catalog uses it too, and makes it anew when it was lost or a
 * stop has cut it: behind a call to the catalog the one of before may be gone. */
static enum rc take_control(struct preflight *flight, struct error *err)
{
    return server_link_control(flight->source, &flight->conn, err);
}

static enum rc check_table(void *ctx, const struct catalog_table *table, struct error *err)
{
    (void)err;
    struct table_check *check = ctx;
    check->count++;
    bool has_key = false;
    for (uint32_t i = 0; i < table->column_count; i++)
        has_key |= table->columns[i].key_ordinal > 0;
    if (!has_key && check->keyless++ == 0)
        snprintf(check->keyless_name, sizeof(check->keyless_name), "%.*s.%.*s",
                 SLICE_ARG(table->db), SLICE_ARG(table->name));
    bool certain = !check->grants->has_roles && !check->grants->overflowed;
    if (certain && !grants_may_select(check->grants, table->db, table->name) &&
        check->denied++ == 0) {
        struct buf name;
        buf_init(&name, 1024);
        myconn_add_identifier(&name, table->db);
        buf_add_byte(&name, '.');
        myconn_add_identifier(&name, table->name);
        snprintf(check->denied_remedy, sizeof(check->denied_remedy), "GRANT SELECT ON %s TO %s;",
                 buf_cstr(&name), check->account);
        buf_deinit(&name);
    }
    return RC_OK;
}

static bool wants(void *ctx, struct slice db, struct slice table)
{
    const struct server_source *source = ctx;
    return !catalog_is_system_db(db) && source->wants(source->wants_ctx, db, table);
}

static enum rc report_sequence(void *ctx, const struct catalog_table *sequence,
                               struct error *err UNUSED)
{
    report_add(ctx, REPORT_OK, NULL, "%.*s.%.*s is a SEQUENCE and is not captured.",
               SLICE_ARG(sequence->db), SLICE_ARG(sequence->name));
    return RC_OK;
}

static enum rc check_tables(struct preflight *flight, const struct grants *grants,
                            const char *account, struct error *err)
{
    struct server_source *source = flight->source;
    struct table_check check = {.flight = flight, .grants = grants, .account = account};
    enum rc rc = catalog_read_all(source->catalog, wants, source, check_table, &check, err);
    if (rc == RC_OK)
        rc = take_control(flight, err);
    if (rc != RC_OK)
        return rc;
    struct report *report = flight->report;
    /* A start fails when nothing matches, as Flink's does: a pattern with a slip in it would wait
     * for ever. The user sees only what may be read, so a missing privilege looks the same. A later
     * start of the same pattern has had tables, and may get others. */
    if (check.count == 0 && server_history_asks_the_same(source)) {
        report_add(report, REPORT_WARN, "The stream goes on, and takes in what is created.",
                   "No table on the server matches tables any more: %s.",
                   source->config->tables.tables);
    } else if (check.count == 0) {
        char remedy[600];
        snprintf(remedy, sizeof(remedy),
                 "Check tables and tables.exclude, and that the user may see the tables: GRANT "
                 "SELECT ON `database`.* TO %s;",
                 account);
        report_add(report, REPORT_FAIL, remedy, "No table on the server matches tables: %s.",
                   source->config->tables.tables);
    } else {
        report_add(report, REPORT_OK, NULL, "%u tables match.", check.count);
    }
    rc = catalog_each_sequence(source->catalog, report_sequence, report, err);
    if (check.denied > 0)
        report_add(report, REPORT_FAIL, check.denied_remedy,
                   "The user %s lacks SELECT on %u of them.", account, check.denied);
    if (check.keyless > 0)
        report_add(report, REPORT_WARN, "Give it a primary key, or a unique key without NULLs.",
                   "%u of them have no key, the first is %s: a repeated delivery cannot be told "
                   "from a new row there.",
                   check.keyless, check.keyless_name);
    return rc;
}

struct schema_list {
    struct buf literals;
    struct buf last;
};

/* The catalog's tables come database by database, or nearly so: a repeated name does no harm. */
static enum rc list_schema(void *ctx, const struct catalog_table *table, struct error *err)
{
    struct schema_list *list = ctx;
    if (list->literals.len > 0 && slice_equal(buf_slice(&list->last), table->db))
        return RC_OK;
    if (list->literals.len > 0)
        buf_add_byte(&list->literals, ',');
    myconn_add_literal(&list->literals, table->db);
    buf_reset(&list->last);
    buf_add_slice(&list->last, table->db);
    return buf_check(&list->literals, "the names of databases", err);
}

/* Of the databases that are read from alone: the server opens every table that it looks at. */
static enum rc ask_for_cascades(struct preflight *flight, struct myconn_result **result_out,
                                struct error *err)
{
    struct schema_list list;
    struct buf sql;
    *result_out = NULL;
    buf_init(&list.literals, PREFLIGHT_SQL_MAX);
    buf_init(&list.last, 1024);
    buf_init(&sql, PREFLIGHT_SQL_MAX + 1024);
    enum rc rc = catalog_each(flight->source->catalog, list_schema, &list, err);
    buf_add_str(&sql, "SELECT constraint_schema, table_name, constraint_name FROM "
                      "information_schema.referential_constraints WHERE constraint_schema IN (");
    buf_add_slice(&sql, buf_slice(&list.literals));
    buf_add_str(&sql, ") AND (delete_rule IN ('CASCADE', 'SET NULL') OR update_rule IN "
                      "('CASCADE', 'SET NULL')) ORDER BY 1, 2, 3");
    if (rc == RC_OK)
        rc = buf_check(&sql, "a question to information_schema", err);
    if (rc == RC_OK)
        rc = take_control(flight, err);
    if (rc == RC_OK && list.literals.len > 0)
        rc = myconn_query(flight->conn, buf_slice(&sql), result_out, err);
    buf_deinit(&list.literals);
    buf_deinit(&list.last);
    buf_deinit(&sql);
    return rc;
}

static enum rc check_cascades(struct preflight *flight, struct error *err)
{
    struct server_source *source = flight->source;
    /* facts/binlog.md 9.2: MySQL 9.7 writes cascaded changes, all before and MariaDB do not. */
    if (!source->is_mariadb && source->version >= 90700)
        return RC_OK;
    struct myconn_result *result = NULL;
    enum rc rc = ask_for_cascades(flight, &result, err);
    if (rc != RC_OK || result == NULL)
        return rc;
    unsigned count = 0;
    char first[400] = "";
    const struct slice *fields;
    while (myconn_row(result, &fields)) {
        if (!wants(source, fields[0], fields[1]))
            continue;
        if (count++ == 0)
            snprintf(first, sizeof(first), "%.*s.%.*s (constraint %.*s)", SLICE_ARG(fields[0]),
                     SLICE_ARG(fields[1]), SLICE_ARG(fields[2]));
    }
    myconn_result_free(result);
    if (count > 0)
        report_add(flight->report, REPORT_WARN,
                   "Let the application change the child rows itself, or verify these tables from "
                   "time to time.",
                   "%u foreign keys change child rows by CASCADE or SET NULL, the first on %s: "
                   "this server does not write such changes into its binlog, so the target keeps "
                   "the old rows.",
                   count, first);
    return RC_OK;
}

static enum rc check_virtual_columns(struct preflight *flight, struct error *err)
{
    struct server_source *source = flight->source;
    const char *row_image = flight->known[VAR_ROW_IMAGE] ? flight->values[VAR_ROW_IMAGE] : "";
    enum virtual_images images =
        virtual_images_of(source->is_mariadb, source->version, slice_str(row_image));
    if (images == VIRTUAL_IMAGES_TRUE)
        return RC_OK;
    struct myconn_result *result = NULL;
    enum rc rc = myconn_query(flight->conn,
                              SLICE("SELECT table_schema, table_name, column_name FROM "
                                    "information_schema.columns WHERE extra LIKE '%VIRTUAL%' "
                                    "ORDER BY 1, 2, ordinal_position"),
                              &result, err);
    if (rc != RC_OK)
        return rc;
    unsigned count = 0;
    char first[600] = "";
    const struct slice *fields;
    while (myconn_row(result, &fields)) {
        if (!wants(source, fields[0], fields[1]))
            continue;
        if (count++ == 0)
            snprintf(first, sizeof(first), "%.*s of %.*s.%.*s", SLICE_ARG(fields[2]),
                     SLICE_ARG(fields[0]), SLICE_ARG(fields[1]));
    }
    myconn_result_free(result);
    if (count > 0)
        virtual_columns_report(images, count, first, row_image, flight->report);
    return RC_OK;
}

struct unsure_labels {
    unsigned count;
    char first[600];
};

static enum rc count_unsure(void *ctx, const struct catalog_table *table, struct error *err UNUSED)
{
    struct unsure_labels *unsure = ctx;
    for (uint32_t i = 0; i < table->column_count; i++)
        if (table->columns[i].labels_unsure && unsure->count++ == 0)
            snprintf(unsure->first, sizeof(unsure->first), "%.*s of %.*s.%.*s",
                     SLICE_ARG(table->columns[i].name), SLICE_ARG(table->db),
                     SLICE_ARG(table->name));
    return RC_OK;
}

static enum rc check_labels(struct preflight *flight, struct error *err)
{
    struct unsure_labels unsure = {.count = 0};
    enum rc rc = catalog_each(flight->source->catalog, count_unsure, &unsure, err);
    if (rc == RC_OK && unsure.count > 0)
        report_add(
            flight->report, REPORT_WARN,
            "SET GLOBAL binlog_row_metadata = 'FULL' where the server has it, or give the "
            "columns other labels; invalid-text: replace takes the '?' as it is, but not in a key.",
            "%u ENUM and SET columns have labels with a '?', the first is %s: this server "
            "shows it in the place of a character of 4 bytes too, so a row with such a label "
            "stops the pipeline (a snapshot reads it from the row).",
            unsure.count, unsure.first);
    return rc;
}

static enum rc check_privileges(struct preflight *flight, struct error *err)
{
    struct buf account;
    buf_init(&account, 1024);
    struct grants *grants = malloc(sizeof(*grants));
    if (grants == NULL)
        return error_set(err, RC_MEMORY, "No memory for the list of privileges.");
    grants_init(grants);
    enum rc rc = current_account(flight, &account, err);
    if (rc == RC_OK)
        rc = read_grants(flight, grants, err);
    if (rc == RC_OK) {
        check_replication_grants(flight, grants, buf_cstr(&account));
        rc = check_tables(flight, grants, buf_cstr(&account), err);
    }
    grants_deinit(grants);
    free(grants);
    buf_deinit(&account);
    return rc;
}

enum rc preflight_run(struct server_source *source, struct report *report, struct error *err)
{
    struct preflight *flight = calloc(1, sizeof(*flight));
    if (flight == NULL)
        return error_set(err, RC_MEMORY, "No memory for the check of the server.");
    flight->source = source;
    flight->report = report;
    enum rc rc = take_control(flight, err);
    if (rc == RC_OK)
        rc = read_variables(flight, err);
    if (rc == RC_OK) {
        check_version(flight);
        check_binlog(flight);
        check_row_image(flight);
        check_metadata(flight);
        check_gtid(flight);
        check_server_id(flight);
        check_retention(flight);
        rc = check_replica(flight, err);
    }
    if (rc == RC_OK)
        rc = check_privileges(flight, err);
    if (rc == RC_OK)
        rc = check_virtual_columns(flight, err);
    if (rc == RC_OK)
        rc = check_labels(flight, err);
    if (rc == RC_OK)
        rc = check_cascades(flight, err);
    free(flight);
    return rc;
}
