/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table that the checkpoint knows and that `tables` and `tables.exclude` leave out at a start is
 * noted as away: what happens to it from there on is not seen. Its target stays as it is. When a later
 * start names it again, it is read again (reread.c); where the stream is all that is wanted, the log says
 * what is missing.
 *
 * A table that is dropped at the source is not away: its DROP is still to come in the stream.
 */
#include "absent_int.h"

#include "../base/log.h"
#include "../config/pattern.h"
#include "members_int.h"
#include "reread_int.h"

static enum rc mark(struct pipeline *pipeline, struct member *member, void *ctx, struct error *err)
{
    const struct pattern_set *wanted = ctx;
    bool named = pattern_set_match(wanted, member->db, member->name);
    if (named && member->away && member->newest != NULL)
        pipeline->members.returned++;
    if (named || member->away || !member->known)
        return RC_OK;
    log_info("pipeline.table",
             "A table is not captured any more; its target stays as it is. When `tables` names it "
             "again, it is read anew.",
             LOG_SLICE("db", member->db), LOG_SLICE("table", member->name));
    member->away = true;
    /* Its snapshot, were it not complete, is begun anew as well. */
    members_set_state(pipeline, member, MEMBER_STREAM);
    member->rebuild = false;
    return members_note(pipeline, member, err);
}

enum rc absent_mark(struct pipeline *pipeline, struct error *err)
{
    const struct source_tables_config *tables = pipeline->parts.tables;
    struct pattern_set *wanted = NULL;
    if (tables == NULL || tables->tables == NULL)
        return RC_OK;
    enum rc rc = pattern_set_new(tables->tables, tables->tables_exclude, &wanted, err);
    if (rc == RC_OK)
        rc = members_each(pipeline, mark, wanted, err);
    pattern_set_free(wanted);
    return rc;
}

static enum rc bring_back(struct pipeline *pipeline, struct member *member, void *ctx UNUSED,
                          struct error *err)
{
    const struct source_tables_config *tables = pipeline->parts.tables;
    if (!member->away || member->newest == NULL)
        return RC_OK;
    member->away = false;
    bool scans = tables->scan != SOURCE_SCAN_NONE && tables->snapshot_new_tables &&
                 pipeline->parts.snapshot_ops != NULL;
    if (scans) {
        log_info("pipeline.table", "A table is captured again; its rows are read anew.",
                 LOG_SLICE("db", member->db), LOG_SLICE("table", member->name));
        enum rc rc = reread_table(pipeline, member, &scans, err);
        if (rc != RC_OK || scans)
            return rc;
    }
    log_warn("pipeline.table",
             "A table is captured again; what happened to it meanwhile is missing. `millrace "
             "snapshot PIPELINE --tables TABLE --rebuild` makes its target equal.",
             LOG_SLICE("db", member->db), LOG_SLICE("table", member->name));
    return members_note(pipeline, member, err);
}

enum rc absent_look(struct pipeline *pipeline, struct error *err)
{
    if (pipeline->members.returned == 0 || pipeline->in_txn || pipeline->replay.active)
        return RC_OK;
    pipeline->members.returned = 0;
    return members_each(pipeline, bring_back, NULL, err);
}
