/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace check` and the start: what the target can do of what is configured, without changing
 * anything there.
 */
#include "sink_int.h"

static void check_frontend(struct stream_load *sink, unsigned index, struct report *report)
{
    const char *address = sink->settings.frontends.items[index];
    struct transfer_result result;
    struct error err;
    error_clear(&err);
    switch (transfer_health(&sink->transfer, index, &result, &err)) {
    case TRANSFER_ANSWERED:
        if (result.reason[0] == '\0') {
            report_add(report, REPORT_OK, NULL, "Frontend %s answers.", address);
            return;
        }
        break;
    case TRANSFER_REFUSED:
        report_add(report, REPORT_FAIL, err.text, "Frontend %s cannot be used.", address);
        return;
    case TRANSFER_NOT_SENT:
    case TRANSFER_LOST:
        break;
    case TRANSFER_STOPPED:
        return;
    }
    report_add(report, REPORT_FAIL,
               "Check the address (the frontend's HTTP port, 8030 unless it was changed), the "
               "user and the password.",
               "Frontend %s does not answer as it should: %s.", address, result.reason);
}

struct check_call {
    struct stream_load *sink;
    struct report *report;
};

/* What the target can do of the loading in two phases that is configured. */
static enum rc check_two_phase(struct stream_load *sink, struct myconn *conn, struct report *report,
                               struct error *err)
{
    for (unsigned keyless = 0; keyless < 2; keyless++) {
        if (!sink_wants_two_phase(sink, keyless == 1))
            continue;
        const struct load_schema schema = {.keyless = keyless == 1};
        const char *which = keyless == 1 ? "without a key" : "with a key";
        struct error own;
        error_clear(&own);
        enum rc rc = sink->dialect->two_phase_check(conn, &schema, &own);
        if (rc == RC_OK)
            report_add(report, REPORT_OK, NULL, "Tables %s are loaded in two phases.", which);
        else if (rc == RC_UNSUPPORTED)
            report_add(report, REPORT_WARN,
                       keyless == 1 ? "Come back within `label.trust` after a crash, or use a "
                                      "newer server: then such tables are exactly-once."
                                    : "Set sink.enable-2pc to auto if this is as it should be.",
                       "Tables %s get plain loads, each visible by itself: %s.", which, own.text);
        else if (err != NULL)
            *err = own;
        if (rc != RC_OK && rc != RC_UNSUPPORTED)
            return rc;
    }
    return RC_OK;
}

/* Whether the target has transactions over several tables, which are wanted. */
static enum rc check_joint(const struct stream_load *sink, struct myconn *conn,
                           struct report *report, struct error *err)
{
    struct error own;
    error_clear(&own);
    ASSERT(sink->dialect->joint_check != NULL); /* else it cannot be configured */
    enum rc rc = sink->dialect->joint_check(conn, &own);
    if (rc == RC_OK)
        report_add(report, REPORT_OK, NULL,
                   "All tables of a database are loaded in one transaction; a table of ours in "
                   "each, millrace_progress, says which.");
    else if (rc == RC_UNSUPPORTED)
        report_add(report, REPORT_FAIL,
                   "Take sink.multi-table-transactions out of the pipeline's file.", "%s",
                   own.text);
    else if (err != NULL)
        *err = own;
    return rc == RC_UNSUPPORTED ? RC_OK : rc;
}

static enum rc run_check(void *ctx, struct myconn *conn, struct error *err)
{
    struct check_call *call = ctx;
    struct stream_load *sink = call->sink;
    report_add(call->report, REPORT_OK, NULL, "The query port answers: %s.", myconn_label(conn));
    if (sink->dialect->check == NULL)
        return RC_OK;
    enum rc rc = sink->dialect->check(&sink->settings, sink->config, conn, call->report, err);
    if (rc == RC_OK)
        rc = check_two_phase(sink, conn, call->report, err);
    return rc == RC_OK && sink->settings.joint ? check_joint(sink, conn, call->report, err) : rc;
}

enum rc stream_load_check(struct sink *base, struct report *report, struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    for (unsigned i = 0; i < sink->settings.frontends.count; i++)
        check_frontend(sink, i, report);
    struct check_call call = {.sink = sink, .report = report};
    bool was_proven = sink->query.proven;
    struct error own;
    if (err == NULL)
        err = &own;
    enum rc rc = query_run(&sink->query, run_check, &call, err);
    if (rc == RC_OK || rc == RC_CANCELLED || was_proven || sink->query.proven)
        return rc;
    /* Not to be reached is a finding of the check, not a failure of checking. */
    report_add(report, REPORT_FAIL,
               "Check the address (the frontend's query port, 9030 unless it was changed), the "
               "user and the password.",
               "%s", err->text);
    error_clear(err);
    return RC_OK;
}

enum rc stream_load_check_table(struct sink *base, const struct table *source,
                                const struct sink_target *names, struct report *report,
                                struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    const struct load_schema schema = {
        .db = names->db, .table = names->table, .keyless = source->key_count == 0};
    struct error finding;
    error_clear(&finding);
    enum rc rc = sink->partial_rows ? sink_check_partial(sink, &schema, &finding) : RC_OK;
    if (rc == RC_UNSUPPORTED) {
        report_add(report, REPORT_FAIL, NULL, "%s", finding.text);
        return RC_OK;
    }
    if (rc != RC_OK && err != NULL)
        *err = finding;
    return rc;
}
