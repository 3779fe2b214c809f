/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ALTER jobs of a table, by SHOW ALTER TABLE COLUMN and ROLLUP (facts/doris.md 6.3,
 * facts/starrocks.md 6.2). A job is at work unless it is FINISHED or CANCELLED: the states between
 * differ from version to version. The answer is read by column names for the same reason, and
 * narrowed down here too, because some versions do not heed every WHERE.
 */
#include "change_int.h"

#include <stdio.h>

struct job_fields {
    int id;
    int table;
    int state;
    int message;
};

static struct slice field(const struct slice *fields, int index)
{
    return index < 0 ? SLICE_EMPTY : fields[index];
}

static void take_job(const struct slice *fields, const struct job_fields *map, bool column,
                     struct dialect_jobs *jobs)
{
    struct slice state = field(fields, map->state);
    bool cancelled = slice_equal_nocase(state, SLICE("CANCELLED"));
    bool finished = slice_equal_nocase(state, SLICE("FINISHED"));
    uint64_t id = 0;
    if (!text_parse_u64(field(fields, map->id), &id))
        id = 0;
    if (column && id >= jobs->newest) {
        jobs->newest = id;
        jobs->cancelled = cancelled;
        if (!jobs->running)
            snprintf(jobs->message, sizeof(jobs->message), "%.*s",
                     SLICE_ARG(field(fields, map->message)));
    }
    if (cancelled || finished)
        return;
    jobs->running = true;
    snprintf(jobs->message, sizeof(jobs->message), "job %llu is %.*s", (unsigned long long)id,
             SLICE_ARG(state));
}

static enum rc take_jobs(struct myconn_result *result, const struct sink_target *target,
                         bool column, struct dialect_jobs *jobs, struct error *err)
{
    struct job_fields map = {.id = dialect_field_find(result, "JobId"),
                             .table = dialect_field_find(result, "TableName"),
                             .state = dialect_field_find(result, "State"),
                             .message = dialect_field_find(result, "Msg")};
    if (map.id < 0 || map.table < 0 || map.state < 0)
        return error_set(err, RC_PROTOCOL,
                         "The target's SHOW ALTER TABLE has no JobId, TableName or State.");
    const struct slice *fields = NULL;
    while (myconn_row(result, &fields))
        if (slice_equal(fields[map.table], target->table))
            take_job(fields, &map, column, jobs);
    return RC_OK;
}

static enum rc read_kind(struct myconn *conn, const struct sink_target *target, bool column,
                         struct dialect_jobs *jobs, struct error *err)
{
    struct buf sql;
    buf_init(&sql, 64 * 1024);
    buf_addf(&sql, "SHOW ALTER TABLE %s FROM ", column ? "COLUMN" : "ROLLUP");
    myconn_add_identifier(&sql, target->db);
    buf_add_str(&sql, " WHERE TableName = ");
    myconn_add_literal(&sql, target->table);
    struct myconn_result *result = NULL;
    enum rc rc = buf_check(&sql, "the question for the target's jobs", err);
    if (rc == RC_OK)
        rc = myconn_query(conn, buf_slice(&sql), &result, err);
    if (rc == RC_OK)
        rc = take_jobs(result, target, column, jobs, err);
    myconn_result_free(result);
    buf_deinit(&sql);
    return rc;
}

enum rc dialect_jobs_read(struct myconn *conn, const struct sink_target *target,
                          struct dialect_jobs *jobs_out, struct error *err)
{
    memset(jobs_out, 0, sizeof(*jobs_out));
    enum rc rc = read_kind(conn, target, true, jobs_out, err);
    if (rc == RC_OK)
        rc = read_kind(conn, target, false, jobs_out, err);
    if (rc != RC_OK)
        error_wrap(err, "The ALTER jobs of %.*s.%.*s cannot be listed", SLICE_ARG(target->db),
                   SLICE_ARG(target->table));
    return rc;
}
