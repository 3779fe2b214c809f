/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions over several tables (facts/starrocks.md 2.4): which servers have them, and what the
 * progress table says.
 *
 * A frontend that follows may answer a SELECT out of a state that lags behind its leader's: no row, no table, or
 * the row of an earlier epoch. So it is made to catch up before it is asked. SYNC is made for that and needs no
 * privilege (docs.starrocks.io, SYNC; in the source SyncStmt, like every statement that changes something, is
 * FORWARD_WITH_SYNC: sent on to the leader, and over when the one who sent it on has replayed what the
 * leader knew). Where it is not understood, the table is created once more, which changes nothing
 * and goes the same way.
 */
#include "starrocks_int.h"

enum rc starrocks_joint_check(struct myconn *conn, struct error *err)
{
    struct dialect_version version;
    enum rc rc = dialect_version_read(conn, starrocks_traits.product, "StarRocks", &version, err);
    if (rc == RC_OK && dialect_version_before(&version, 4, 0, 0))
        return error_set(err, RC_UNSUPPORTED,
                         "StarRocks %u.%u has no transactions over several tables; they came with "
                         "4.0, so `sink.multi-table-transactions: true` cannot be used here.",
                         version.major, version.minor);
    return rc;
}

static enum rc select_row(struct myconn *conn, const struct sink_target *target,
                          struct slice pipeline_id, enum joint_row *row_out, uint64_t *epoch_out,
                          struct error *err)
{
    struct buf sql;
    struct myconn_result *result = NULL;
    const struct slice *fields = NULL;
    buf_init(&sql, 64u << 10);
    buf_add_str(&sql, "SELECT `epoch` FROM ");
    dialect_add_table_name(&sql, target->db, target->table);
    buf_add_str(&sql, " WHERE `pipeline` = ");
    myconn_add_literal(&sql, pipeline_id);
    enum rc rc = buf_check(&sql, "The question for the progress of a pipeline", err);
    if (rc == RC_OK)
        rc = myconn_query(conn, buf_slice(&sql), &result, err);
    *row_out = JOINT_ROW_ABSENT;
    if (rc == RC_OK && myconn_row(result, &fields)) {
        *row_out = JOINT_ROW_THERE;
        if (!text_parse_u64(fields[0], epoch_out))
            rc = error_set(err, RC_MISMATCH, "Table %.*s.%.*s holds an epoch that is no number.",
                           SLICE_ARG(target->db), SLICE_ARG(target->table));
    }
    myconn_result_free(result);
    buf_deinit(&sql);
    return rc;
}

static enum rc create_again(const struct starrocks_config *config, struct myconn *conn,
                            const struct table *progress, const struct sink_target *target,
                            struct arena *arena, struct error *err)
{
    uint32_t first = 0;
    struct load_schema schema;
    struct buf sql;
    enum rc rc = dialect_plan(&starrocks_traits, starrocks_type, progress, target, arena, &schema,
                              &first, err);
    if (rc != RC_OK)
        return rc;
    buf_init(&sql, 64u << 10);
    starrocks_create_sql(config, &schema, schema.key, schema.key_count, &sql);
    rc = buf_check(&sql, "CREATE TABLE", err);
    if (rc == RC_OK)
        rc = myconn_exec(conn, buf_slice(&sql), err);
    buf_deinit(&sql);
    return rc;
}

/* `*refused_out`: it does not know the word. */
static enum rc catch_up(struct myconn *conn, bool *refused_out, struct error *err)
{
    struct error own = {0};
    enum rc rc = myconn_exec(conn, SLICE("SYNC"), &own);
    *refused_out = rc != RC_OK && own.class != ERROR_RETRY && own.class != ERROR_CANCELLED;
    if (rc == RC_OK || *refused_out)
        return RC_OK;
    if (err != NULL)
        *err = own;
    return rc;
}

enum rc starrocks_joint_row(const void *config, struct myconn *conn, const struct table *progress,
                            const struct sink_target *target, struct slice pipeline_id,
                            struct arena *arena, enum joint_row *row_out, uint64_t *epoch_out,
                            struct error *err)
{
    struct dialect_catalog catalog;
    bool refused = false;
    enum rc rc = catch_up(conn, &refused, err);
    if (rc == RC_OK)
        rc = dialect_catalog_read(conn, target, arena, &catalog, err);
    if (rc != RC_OK)
        return rc;
    if (catalog.column_count == 0) {
        *row_out = JOINT_ROW_NO_TABLE;
        return RC_OK;
    }
    if (refused)
        rc = create_again(config, conn, progress, target, arena, err);
    return rc == RC_OK ? select_row(conn, target, pipeline_id, row_out, epoch_out, err) : rc;
}
