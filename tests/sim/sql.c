/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warehouse's query port: the few statements that the engine's sinks say to it, in the place of a
 * MySQL connection. A connection may break before a statement or after its effect; another
 * statement is an error that ends the world, for nobody knows what it would do.
 */
#include "sim_int.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS_MAX = 16, CREATE_MAX = 2048, FIELDS = 5, ROWS_MAX = COLUMNS_MAX };

struct target {
    bool made;
    char create[CREATE_MAX];          /* the statement that made it */
    char columns[COLUMNS_MAX][2][64]; /* name and type */
    bool nullable[COLUMNS_MAX];
    unsigned column_count;
    unsigned shown_count; /* of them; the last one is added by a job that runs still */
    uint64_t job_until_us;
    unsigned jobs;
};

static struct target targets[SOURCE_TABLES];
static bool failed;

struct myconn {
    int nothing;
};

struct myconn_result {
    const char *const *names;
    unsigned fields;
    unsigned rows;
    unsigned at;
    struct slice values[ROWS_MAX][FIELDS];
    char text[CREATE_MAX];
};

static const char *const create_names[] = {"Table", "Create Table"};
static const char *const job_names[] = {"JobId", "TableName", "State", "Msg"};
static const char *const catalog_names[FIELDS] = {"COLUMN_NAME", "COLUMN_TYPE", "IS_NULLABLE",
                                                  "COLUMN_DEFAULT", "COLUMN_COMMENT"};

void sql_begin(void)
{
    memset(targets, 0, sizeof(targets));
}

void sql_life_begin(void)
{
    failed = false;
}

bool sql_has_failed(void)
{
    return failed;
}

unsigned warehouse_table(struct slice name)
{
    for (unsigned i = 0; i < SOURCE_TABLES; i++) {
        char text[8];
        snprintf(text, sizeof(text), "t%u", i);
        if (slice_equal(name, slice_str(text)))
            return i;
    }
    return SOURCE_TABLES;
}

/* ---- connections ---- */

static enum rc broken(struct error *err)
{
    failed = true;
    return error_set(err, RC_CONNECT, "Lost connection to server during query.");
}

/* The way of a statement to the server. */
static bool arrives(void)
{
    fiber_sleep(random_delay(50 * MS));
    return life_goes_on("before a statement") && !fault(FAULT_QUERY);
}

static bool comes_back(void)
{
    return life_goes_on("after a statement") && !fault(FAULT_QUERY);
}

enum rc __wrap_myconn_open(const struct myconn_options *options, struct myconn **conn_out,
                           struct error *err);
enum rc __wrap_myconn_open(const struct myconn_options *options UNUSED, struct myconn **conn_out,
                           struct error *err)
{
    if (!arrives())
        return broken(err);
    *conn_out = calloc(1, sizeof(struct myconn));
    ASSERT(*conn_out != NULL);
    return RC_OK;
}

void __wrap_myconn_close(struct myconn *conn);
void __wrap_myconn_close(struct myconn *conn)
{
    free(conn);
}

void __wrap_myconn_interrupt(struct myconn *conn);
void __wrap_myconn_interrupt(struct myconn *conn UNUSED)
{
}

const char *__wrap_myconn_label(const struct myconn *conn);
const char *__wrap_myconn_label(const struct myconn *conn UNUSED)
{
    return "sim@fe1:9030";
}

/* ---- statements ---- */

static bool starts(struct slice sql, const char *words)
{
    return slice_starts_nocase(sql, slice_str(words));
}

/* The table in `...`.`name`, or behind TABLE_NAME = '...'. */
static unsigned table_in(struct slice sql)
{
    for (unsigned i = 0; i < SOURCE_TABLES; i++) {
        char quoted[2][32];
        snprintf(quoted[0], sizeof(quoted[0]), ".`t%u`", i);
        snprintf(quoted[1], sizeof(quoted[1]), "TABLE_NAME = 't%u'", i);
        for (unsigned q = 0; q < COUNT_OF(quoted); q++)
            if (memmem(sql.ptr, sql.len, quoted[q], strlen(quoted[q])) != NULL)
                return i;
    }
    violation("a statement for a table that there is not: %.*s", SLICE_ARG(sql));
    return 0;
}

/* One line "  `name` TYPE NULL," of a CREATE TABLE. */
static void take_definition(struct target *target, const char *line)
{
    const char *name = strchr(line, '`');
    const char *end = name == NULL ? NULL : strchr(name + 1, '`');
    if (name == NULL || end == NULL || strncmp(line, "  `", 3) != 0)
        return;
    ASSERT(target->column_count < COLUMNS_MAX);
    unsigned i = target->column_count++;
    snprintf(target->columns[i][0], 64, "%.*s", (int)(end - name - 1), name + 1);
    size_t len = strcspn(end + 2, " ,\n");
    snprintf(target->columns[i][1], 64, "%.*s", (int)len, end + 2);
    target->nullable[i] = strncmp(end + 2 + len, " NOT NULL", 9) != 0;
}

static void make_table(struct target *target, struct slice sql)
{
    if (target->made)
        return;
    ASSERT(sql.len < CREATE_MAX);
    snprintf(target->create, sizeof(target->create), "%.*s", SLICE_ARG(sql));
    target->made = true;
    for (const char *line = target->create; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        take_definition(target, line);
    }
    ASSERT(target->column_count > 0);
    target->shown_count = target->column_count;
}

/* A job that has had its time is over. */
static void settle(struct target *target)
{
    if (sim_now_us() >= target->job_until_us)
        target->shown_count = target->column_count;
}

bool warehouse_has_column(unsigned table, const char *name)
{
    struct target *target = &targets[table];
    settle(target);
    for (unsigned i = 0; i < target->shown_count; i++)
        if (strcmp(target->columns[i][0], name) == 0)
            return true;
    return false;
}

/* ALTER TABLE ... ADD COLUMN `name` TYPE ...: at once, or by a job. */
static enum rc add_column(struct target *target, struct slice sql, struct error *err)
{
    static const char words[] = "ADD COLUMN ";
    const uint8_t *at = memmem(sql.ptr, sql.len, words, sizeof(words) - 1);
    if (at == NULL) {
        violation("an ALTER TABLE that this warehouse does not know: %.*s", SLICE_ARG(sql));
        return broken(err);
    }
    settle(target);
    if (target->shown_count < target->column_count)
        return error_set(err, RC_PROTOCOL, "Table[t]'s state(SCHEMA_CHANGE) is not NORMAL.");
    char line[200];
    snprintf(line, sizeof(line), "  %.*s", (int)(sql.ptr + sql.len - at) - (int)sizeof(words) + 1,
             (const char *)at + sizeof(words) - 1);
    take_definition(target, line);
    target->jobs++;
    target->job_until_us = sim_now_us() + (random_chance(500) ? 0 : random_delay(MINUTE));
    settle(target);
    return RC_OK;
}

void sql_operator(struct slice sql)
{
    struct error err;
    error_clear(&err);
    struct target *target = &targets[table_in(sql)];
    settle(target);
    trace("operator: %.*s", SLICE_ARG(sql));
    /* Said before, and at work still: an operator waits for its end. */
    if (target->shown_count < target->column_count) {
        sim_set_now_us(target->job_until_us);
        return;
    }
    if (add_column(target, sql, &err) != RC_OK)
        violation("what an error message tells to do fails: %s", err.text);
}

enum rc __wrap_myconn_exec(struct myconn *conn, struct slice sql, struct error *err);
enum rc __wrap_myconn_exec(struct myconn *conn UNUSED, struct slice sql, struct error *err)
{
    if (!arrives())
        return broken(err);
    trace("sql: %.*s", (int)(sql.len < 60 ? sql.len : 60), (const char *)sql.ptr);
    warehouse_advance();
    enum rc rc = RC_OK;
    if (starts(sql, "CREATE TABLE"))
        make_table(&targets[table_in(sql)], sql);
    else if (starts(sql, "TRUNCATE TABLE"))
        oracle_truncated(table_in(sql));
    else if (starts(sql, "ALTER TABLE"))
        rc = add_column(&targets[table_in(sql)], sql, err);
    else if (!starts(sql, "CREATE DATABASE"))
        violation("a statement that this warehouse does not know: %.*s", SLICE_ARG(sql));
    return comes_back() ? rc : broken(err);
}

static void fill_catalog(struct myconn_result *result, const struct target *target)
{
    result->names = catalog_names;
    result->fields = FIELDS;
    result->rows = target->shown_count;
    for (unsigned i = 0; i < target->shown_count; i++) {
        result->values[i][0] = slice_str(target->columns[i][0]);
        result->values[i][1] = slice_str(target->columns[i][1]);
        result->values[i][2] = target->nullable[i] ? SLICE("YES") : SLICE("NO");
        result->values[i][4] = SLICE("");
    }
}

/* The last job of a table; none of it is a rollup. */
static void fill_jobs(struct myconn_result *result, const struct target *target, unsigned table,
                      bool column)
{
    result->names = job_names;
    result->fields = COUNT_OF(job_names);
    result->rows = column && target->jobs > 0 ? 1 : 0;
    int len = snprintf(result->text, sizeof(result->text), "%u t%u", target->jobs, table);
    size_t id_len = strcspn(result->text, " ");
    const uint8_t *text = (const uint8_t *)result->text;
    result->values[0][0] = slice_of(text, id_len);
    result->values[0][1] = slice_of(text + id_len + 1, (size_t)len - id_len - 1);
    result->values[0][2] =
        target->shown_count < target->column_count ? SLICE("RUNNING") : SLICE("FINISHED");
    result->values[0][3] = SLICE("");
}

/* The table of SHOW ALTER TABLE ... WHERE TableName = '...'. */
static unsigned table_of_jobs(struct slice sql)
{
    for (unsigned i = 0; i < SOURCE_TABLES; i++) {
        char quoted[16];
        snprintf(quoted, sizeof(quoted), "'t%u'", i);
        if (memmem(sql.ptr, sql.len, quoted, strlen(quoted)) != NULL)
            return i;
    }
    violation("a question for the jobs of no table: %.*s", SLICE_ARG(sql));
    return 0;
}

enum rc __wrap_myconn_query(struct myconn *conn, struct slice sql,
                            struct myconn_result **result_out, struct error *err);
enum rc __wrap_myconn_query(struct myconn *conn UNUSED, struct slice sql,
                            struct myconn_result **result_out, struct error *err)
{
    if (!arrives())
        return broken(err);
    bool jobs = starts(sql, "SHOW ALTER TABLE");
    unsigned table = jobs ? table_of_jobs(sql) : table_in(sql);
    struct target *target = &targets[table];
    settle(target);
    struct myconn_result *result = calloc(1, sizeof(*result));
    ASSERT(result != NULL);
    if (starts(sql, "SHOW CREATE TABLE")) {
        result->names = create_names;
        result->fields = 2;
        result->rows = 1;
        snprintf(result->text, sizeof(result->text), "%s", target->create);
        result->values[0][0] = SLICE("t");
        result->values[0][1] = slice_str(result->text);
    } else if (starts(sql, "SELECT * FROM information_schema.columns")) {
        fill_catalog(result, target);
    } else if (jobs) {
        fill_jobs(result, target, table, starts(sql, "SHOW ALTER TABLE COLUMN"));
    } else {
        violation("a question that this warehouse does not know: %.*s", SLICE_ARG(sql));
    }
    if (comes_back()) {
        *result_out = result;
        return RC_OK;
    }
    free(result);
    return broken(err);
}

/* What `SELECT @@version_comment` says. */
static const char *version(void)
{
    if (world.starrocks)
        return world.old ? "StarRocks version 3.1.9" : "StarRocks version 3.3.2";
    return world.old ? "Doris version doris-2.0.15-rc01" : "Doris version doris-2.1.8-rc01";
}

enum rc __wrap_myconn_query_value(struct myconn *conn, struct slice sql, struct buf *out,
                                  struct error *err);
enum rc __wrap_myconn_query_value(struct myconn *conn UNUSED, struct slice sql, struct buf *out,
                                  struct error *err)
{
    if (!arrives())
        return broken(err);
    buf_reset(out);
    if (starts(sql, "SELECT @@version_comment"))
        buf_add_str(out, version());
    else
        violation("a question that this warehouse does not know: %.*s", SLICE_ARG(sql));
    return comes_back() ? RC_OK : broken(err);
}

/* ---- results ---- */

unsigned __wrap_myconn_column_count(const struct myconn_result *result);
unsigned __wrap_myconn_column_count(const struct myconn_result *result)
{
    return result->fields;
}

struct slice __wrap_myconn_column_name(const struct myconn_result *result, unsigned index);
struct slice __wrap_myconn_column_name(const struct myconn_result *result, unsigned index)
{
    return slice_str(result->names[index]);
}

bool __wrap_myconn_row(struct myconn_result *result, const struct slice **fields_out);
bool __wrap_myconn_row(struct myconn_result *result, const struct slice **fields_out)
{
    if (result->at == result->rows)
        return false;
    *fields_out = result->values[result->at++];
    return true;
}

void __wrap_myconn_result_free(struct myconn_result *result);
void __wrap_myconn_result_free(struct myconn_result *result)
{
    free(result);
}
