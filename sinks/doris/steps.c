/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two-phase loading (facts/doris.md 2): a load with a header of its own is precommitted, and one more
 * request commits or aborts it. A commit goes by the transaction's number, which every version
 * understands; an abort by the label, because it is for what nobody has a number of. By label is
 * certain since 2.1 (facts/doris.md 2.5), so older servers are not asked for two phases.
 */
#include "doris_int.h"

#include "../stream_load/redirect_int.h"

const char *doris_step_request(const struct load_settings *settings, enum load_step step,
                               const struct load_txn *txn, struct buf *path, struct buf *headers)
{
    (void)settings;
    buf_add_str(path, "/api/");
    url_add_escaped(path, txn->db);
    switch (step) {
    case LOAD_STEP_LOAD:
        buf_add_byte(path, '/');
        url_add_escaped(path, txn->table);
        buf_add_str(path, "/_stream_load");
        buf_add_str(headers, "two_phase_commit: true\n");
        return "PUT";
    case LOAD_STEP_COMMIT:
        ASSERT(txn->id > 0);
        buf_add_str(path, "/_stream_load_2pc");
        buf_add_str(headers, "txn_id: ");
        buf_add_u64(headers, txn->id);
        buf_add_str(headers, "\ntxn_operation: commit\n");
        return "PUT";
    case LOAD_STEP_ABORT:
        buf_add_str(path, "/_stream_load_2pc");
        buf_add_str(headers, "label: ");
        buf_add_slice(headers, txn->label);
        buf_add_str(headers, "\ntxn_operation: abort\n");
        return "PUT";
    case LOAD_STEP_BEGIN:
    case LOAD_STEP_PREPARE:
    case LOAD_STEP_CANCEL:
        break;
    }
    return NULL;
}

enum rc doris_two_phase_check(struct myconn *conn, const struct load_schema *schema,
                              struct error *err)
{
    struct dialect_version version;
    enum rc rc = dialect_version_read(conn, doris_traits.product, "doris-", &version, err);
    if (rc != RC_OK)
        return rc;
    if (dialect_version_before(&version, 2, 1, 0))
        return error_set(err, RC_UNSUPPORTED,
                         "Apache Doris %u.%u does not abort a load by its label, which two-phase "
                         "loading needs; that came with 2.1",
                         version.major, version.minor);
    if (version.cloud && (schema == NULL || !schema->keyless))
        return error_set(err, RC_UNSUPPORTED,
                         "Apache Doris in cloud mode takes no two-phase loads into tables of the "
                         "unique model (merge-on-write)");
    return RC_OK;
}
