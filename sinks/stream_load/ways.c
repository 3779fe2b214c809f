/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way that rows take to a target: in one phase or two, with all their columns or without some,
 * and with the changes behind them where refused rows become dead letters.
 */
#include "sink_int.h"

/* A single row may go this far past the bound: MySQL's own limit for a row in the binlog. */
#define ROW_MAX ((uint64_t)1 << 30)

void sink_keep_changes(const struct stream_load *sink, struct body *body)
{
    const struct refusing *refusing = &sink->refusing;
    if (refusing->letters != NULL && !body->kept.wanted)
        kept_want(&body->kept, !refusing->recovering);
}

struct load_target *sink_target_of(struct stream_load *sink, struct slice db, struct slice table)
{
    struct load_target *target = target_find_or_add(&sink->targets, &sink->arena, db, table,
                                                    sink_open_bytes_max(sink) + ROW_MAX);
    if (target != NULL)
        sink_keep_changes(sink, target_open_body(target));
    return target;
}

bool sink_wants_two_phase(const struct stream_load *sink, bool keyless)
{
    enum load_two_phase wish = sink->settings.two_phase;
    return sink->dialect->two_phase_check != NULL &&
           (wish == LOAD_TWO_PHASE_ALWAYS || (wish == LOAD_TWO_PHASE_AUTO && keyless));
}

enum rc sink_choose_phases(struct stream_load *sink, struct myconn *conn,
                           const struct load_schema *schema, bool *two_phase_out, struct error *err)
{
    *two_phase_out = sink_wants_two_phase(sink, schema->keyless);
    if (!*two_phase_out)
        return RC_OK;
    struct error own;
    error_clear(&own);
    enum rc rc = sink->dialect->two_phase_check(conn, schema, &own);
    if (rc == RC_UNSUPPORTED) {
        *two_phase_out = false;
        if (!sink->told_plain)
            log_warn("sink.table", "Tables get plain loads where two phases were wanted.",
                     LOG_SLICE("db", schema->db), LOG_SLICE("table", schema->table),
                     LOG_STR("reason", own.text));
        sink->told_plain = true;
        return RC_OK;
    }
    if (rc != RC_OK && err != NULL)
        *err = own;
    return rc;
}

struct partial_call {
    const struct load_dialect *dialect;
    const struct load_schema *schema;
};

static enum rc run_partial_check(void *ctx, struct myconn *conn, struct error *err)
{
    const struct partial_call *call = ctx;
    return call->dialect->partial_check(conn, call->schema, err);
}

enum rc sink_check_partial(struct stream_load *sink, const struct load_schema *schema,
                           struct error *err)
{
    struct partial_call call = {.dialect = sink->dialect, .schema = schema};
    /* All loads of a table in one transaction must have the same columns (facts/starrocks.md 2.1). */
    if (sink->settings.joint)
        return error_set(err, RC_UNSUPPORTED,
                         "Rows of %.*s.%.*s lack columns (binlog_row_image is not FULL), which "
                         "`sink.multi-table-transactions: true` cannot carry. Take it out, or set "
                         "binlog_row_image=FULL at the source.",
                         SLICE_ARG(schema->db), SLICE_ARG(schema->table));
    if (schema->keyless || sink->dialect->partial_check == NULL)
        return RC_OK;
    return query_run(&sink->query, run_partial_check, &call, err);
}

enum rc sink_need_partial(struct stream_load *sink, struct load_target *target,
                          const struct load_schema *schema, struct error *err)
{
    if (target->takes_partial)
        return RC_OK;
    enum rc rc = sink_check_partial(sink, schema, err);
    target->takes_partial = rc == RC_OK;
    return rc;
}
