/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transaction interface (facts/starrocks.md 2.1 to 2.3, 2.6): begin, load, prepare, then commit or
 * rollback, all by the label, which the frontend keeps with the backend that the transaction lives
 * on. What is prepared is the frontend's own; a rollback of what is still open goes to a backend,
 * which may have forgotten it while the frontend has not: then `_cancel` ends it (1.9).
 *
 * Of a transaction over several tables (2.4) the frontend answers all but the loads.
 *
 * 3.2 is asked for because builds before the end of 2023 could lose a prepared load to a schema change
 * (2.3).
 */
#include "starrocks_int.h"

#include "../stream_load/redirect_int.h"

/* How long a commit waits for visibility; past it the label's state is asked for (2.2). */
#define COMMIT_WAIT_S 60u

static void add_header(struct buf *headers, const char *name, struct slice value)
{
    buf_add_str(headers, name);
    buf_add_str(headers, ": ");
    buf_add_slice(headers, value);
    buf_add_byte(headers, '\n');
}

static void add_seconds(struct buf *headers, const char *name, uint64_t seconds)
{
    buf_add_str(headers, name);
    buf_add_str(headers, ": ");
    buf_add_u64(headers, seconds);
    buf_add_byte(headers, '\n');
}

/* Where storage is apart, the beginning chooses the node (facts/starrocks.md 1.3, 2.1), so it has to know
 * the warehouse that the loads name. */
static void add_begin(struct buf *headers, const struct load_settings *settings)
{
    const char *warehouse = dialect_map_find(&settings->headers, "warehouse");
    add_seconds(headers, "timeout", settings->load_timeout_s);
    if (warehouse != NULL)
        add_header(headers, "warehouse", slice_str(warehouse));
}

const char *starrocks_step_request(const struct load_settings *settings, enum load_step step,
                                   const struct load_txn *txn, struct buf *path,
                                   struct buf *headers)
{
    static const char *const operations[] = {
        [LOAD_STEP_BEGIN] = "begin",     [LOAD_STEP_LOAD] = "load",
        [LOAD_STEP_PREPARE] = "prepare", [LOAD_STEP_COMMIT] = "commit",
        [LOAD_STEP_ABORT] = "rollback",  [LOAD_STEP_CANCEL] = NULL,
    };
    if (step == LOAD_STEP_CANCEL) {
        buf_add_str(path, "/api/");
        url_add_escaped(path, txn->db);
        buf_add_byte(path, '/');
        url_add_escaped(path, txn->table);
        buf_add_str(path, "/_cancel?label=");
        url_add_escaped(path, txn->label);
        return "POST";
    }
    buf_addf(path, "/api/transaction/%s", operations[step]);
    add_header(headers, "db", txn->db);
    if (txn->joint) /* it names a table in its loads alone, and says in each request what it is (2.4) */
        add_header(headers, "transaction_type", SLICE("multi"));
    if (!txn->joint || step == LOAD_STEP_LOAD)
        add_header(headers, "table", txn->table);
    if (step == LOAD_STEP_LOAD) /* its label and timeout stand among a load's own headers */
        return "PUT";
    add_header(headers, "label", txn->label);
    if (step == LOAD_STEP_BEGIN)
        add_begin(headers, settings);
    else if (step == LOAD_STEP_PREPARE)
        add_seconds(headers, "prepared_timeout", settings->prepared_timeout_s);
    else if (step == LOAD_STEP_COMMIT)
        add_seconds(headers, "timeout", COMMIT_WAIT_S);
    return "POST";
}

enum rc starrocks_two_phase_check(struct myconn *conn, const struct load_schema *schema,
                                  struct error *err)
{
    struct dialect_version version;
    enum rc rc = dialect_version_read(conn, starrocks_traits.product, "StarRocks", &version, err);
    if (rc != RC_OK)
        return rc;
    if (dialect_version_before(&version, 3, 2, 0))
        return error_set(err, RC_UNSUPPORTED,
                         "StarRocks %u.%u can lose a prepared load to a schema change; two-phase "
                         "loading is used from 3.2 on",
                         version.major, version.minor);
    if (schema != NULL &&
        !(dialect_name_is_ascii(schema->db) && dialect_name_is_ascii(schema->table)))
        return error_set(err, RC_UNSUPPORTED,
                         "the transaction interface of StarRocks takes names in HTTP headers, "
                         "which hold ASCII only, and %.*s.%.*s is not",
                         SLICE_ARG(schema->db), SLICE_ARG(schema->table));
    return RC_OK;
}
