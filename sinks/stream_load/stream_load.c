/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink behind both warehouses: open batches per target table, sealed into an epoch, carried by
 * the loaders while the next batch fills. The contract is in engine/ports/sink.h.
 *
 * Memory: the open batch takes at most half of flush_bytes, so that it and the one on its way stay
 * under the bound together. Only a single row that is larger than that goes all the same, alone.
 *
 * Threads: the pipeline's thread, but for stream_load_stop.
 */
#include "change_table_int.h"
#include "column_set_int.h"
#include "joint_int.h"
#include "label_int.h"
#include "refuse_int.h"
#include "reload_int.h"

#include <stdlib.h>

#define SINK_ARENA_MAX ((size_t)128 << 20)
#define TABLE_ARENA_MAX ((size_t)16 << 20)
/* A single row may go this far past the bound: MySQL's own limit for a row in the binlog. */
#define ROW_MAX ((uint64_t)1 << 30)

static uint64_t open_bytes_max(const struct stream_load *sink)
{
    return sink->settings.flush_bytes / 2;
}

static enum rc make_exchange(void *ctx, struct exchange **exchange_out, struct error *err)
{
    struct stream_load *sink = ctx;
    return exchange_curl_new(&sink->settings, &sink->halt, exchange_out, err);
}

static enum rc check_settings(const struct load_dialect *dialect,
                              const struct load_settings *settings, bool together,
                              struct error *err)
{
    if (settings->frontends.count == 0)
        return error_set(err, RC_CONFIG, "No HTTP address of a frontend of %s is configured.",
                         dialect->product);
    if (together && settings->two_phase == LOAD_TWO_PHASE_NEVER)
        return error_set(err, RC_CONFIG,
                         "`delivery.visibility: together` needs loads in two phases, and "
                         "`sink.enable-2pc: false` forbids them. Take one of the two out.");
    if (settings->joint && !together)
        return error_set(err, RC_CONFIG,
                         "`sink.multi-table-transactions: true` is a way to do what "
                         "`delivery.visibility: together` asks for. Set that in the pipeline, too, "
                         "or take this out.");
    return label_check_prefix(settings->label_prefix, dialect->label_max, err);
}

/* The parts that have threads or locks, each undone by the caller's close when a later one fails.
 */
static enum rc open_parts(struct stream_load *sink, const struct myconn_options *query,
                          struct error *err)
{
    enum rc rc = frontends_init(&sink->frontends, sink->settings.frontends.count, err);
    if (rc != RC_OK)
        return rc;
    rc = query_init(&sink->query, query, &sink->halt, sink->dialect->product,
                    sink->settings.max_retries, &sink->arena, err);
    if (rc != RC_OK)
        goto undo_frontends;
    struct exchange_factory factory = {.make = make_exchange, .ctx = sink};
    rc = transfer_init(&sink->transfer, sink->dialect, &sink->settings, &sink->frontends, &factory,
                       err);
    if (rc == RC_OK)
        rc = loaders_new(sink->dialect, &sink->settings, &sink->frontends, &sink->halt, &factory,
                         &sink->loaders, err);
    if (rc == RC_OK)
        return RC_OK;
    transfer_deinit(&sink->transfer);
    query_deinit(&sink->query);
undo_frontends:
    frontends_deinit(&sink->frontends);
    return rc;
}

static const struct sink_ops operations = {STREAM_LOAD_OPERATIONS};

enum rc stream_load_open(const struct load_dialect *dialect, const struct load_settings *settings,
                         const struct myconn_options *query, const struct sink_options *options,
                         struct sink **sink_out, struct error *err)
{
    ASSERT(options->pipeline_id.len == 32);
    ASSERT(dialect->label_max < LABEL_BYTES);
    enum rc rc = check_settings(dialect, settings, options->visible_together, err);
    if (rc != RC_OK)
        return rc;
    struct stream_load *sink = calloc(1, sizeof(*sink));
    if (sink == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the sink.");
    sink->dialect = dialect;
    sink->settings = *settings;
    if (sink->settings.threads == 0)
        sink->settings.threads = 1;
    if (options->visible_together)
        sink->settings.two_phase = LOAD_TWO_PHASE_ALWAYS;
    /* Loads that become visible together are those of one epoch; and whether a change of a key has to
     * wait behind a dead letter is known when the epoch before it is over. */
    if (options->visible_together || options->dead_letters != NULL)
        sink->settings.epochs = 1;
    ASSERT(sink->settings.epochs <= STORE_EPOCHS_MAX);
    if (sink->settings.epochs == 0)
        sink->settings.epochs = 1;
    sink->config = options->config;
    memcpy(sink->pipeline_id, options->pipeline_id.ptr, options->pipeline_id.len);
    sink->partial_rows = options->partial_rows;
    sink->open_end = &sink->open_first;
    sink->widen = 1;
    sink->base.ops = &operations;
    rc = halt_init(&sink->halt, err);
    if (rc != RC_OK) {
        free(sink);
        return rc;
    }
    arena_init(&sink->arena, "stream load sink", SINK_ARENA_MAX);
    reload_init(&sink->reloading);
    rc = refuse_init(&sink->refusing, options, err);
    if (rc == RC_OK)
        rc = open_parts(sink, query, err);
    if (rc != RC_OK) {
        refuse_deinit(&sink->refusing);
        reload_deinit(&sink->reloading);
        arena_deinit(&sink->arena);
        halt_deinit(&sink->halt);
        free(sink);
        return rc;
    }
    *sink_out = &sink->base;
    return RC_OK;
}

void stream_load_stop(struct sink *base)
{
    struct stream_load *sink = stream_load_of(base);
    halt_stop(&sink->halt);
    query_interrupt(&sink->query);
}

void stream_load_close(struct sink *base)
{
    if (base == NULL)
        return;
    struct stream_load *sink = stream_load_of(base);
    halt_stop(&sink->halt);
    loaders_free(sink->loaders);
    transfer_deinit(&sink->transfer);
    query_deinit(&sink->query);
    frontends_deinit(&sink->frontends);
    for (struct load_target *target = sink->targets; target != NULL; target = target->next)
        target_deinit(target);
    while (sink->joints != NULL) {
        struct joint *joint = sink->joints;
        sink->joints = joint->next;
        joint_free(joint);
    }
    for (unsigned i = 0; i < COUNT_OF(sink->epochs); i++)
        sealed_epoch_deinit(&sink->epochs[i]);
    refuse_deinit(&sink->refusing);
    reload_deinit(&sink->reloading);
    arena_deinit(&sink->arena);
    halt_deinit(&sink->halt);
    free(sink);
}

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

/* Whether tables of this kind are to be loaded in two phases, if the target can. */
static bool wants_two_phase(const struct stream_load *sink, bool keyless)
{
    enum load_two_phase wish = sink->settings.two_phase;
    return sink->dialect->two_phase_check != NULL &&
           (wish == LOAD_TWO_PHASE_ALWAYS || (wish == LOAD_TWO_PHASE_AUTO && keyless));
}

/* What the target can do of the loading in two phases that is configured. */
static enum rc check_two_phase(struct stream_load *sink, struct myconn *conn, struct report *report,
                               struct error *err)
{
    for (unsigned keyless = 0; keyless < 2; keyless++) {
        if (!wants_two_phase(sink, keyless == 1))
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

struct sink_limits stream_load_limits(const struct sink *base)
{
    const struct stream_load *sink = stream_load_of_const(base);
    return (struct sink_limits){.flush_rows = sink->settings.flush_rows,
                                .flush_bytes = open_bytes_max(sink),
                                .flush_interval_ms = sink->settings.flush_interval_ms * sink->widen,
                                .epochs = sink->settings.epochs};
}

struct prepare_call {
    struct stream_load *sink;
    struct sink_table *table;
    const struct sink_target *target;
    bool two_phase;
};

enum rc sink_choose_phases(struct stream_load *sink, struct myconn *conn,
                           const struct load_schema *schema, bool *two_phase_out, struct error *err)
{
    *two_phase_out = wants_two_phase(sink, schema->keyless);
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

/* All tables of a database in one transaction: what it needs there. */
static enum rc prepare_joint(struct prepare_call *call, struct myconn *conn, struct error *err)
{
    struct joint *joint = joint_find_or_add(call->sink, call->target->db);
    return joint == NULL ? error_set(err, RC_MEMORY, "There is no memory for a progress table.")
                         : joint_prepare(call->sink, joint, conn, err);
}

static enum rc run_prepare(void *ctx, struct myconn *conn, struct error *err)
{
    struct prepare_call *call = ctx;
    struct sink_table *table = call->table;
    arena_reset(&table->arena);
    enum rc rc = call->sink->dialect->target_prepare(&call->sink->settings, call->sink->config,
                                                     conn, table->source, call->target,
                                                     &table->arena, &table->schema, err);
    if (rc == RC_OK)
        rc = sink_choose_phases(call->sink, conn, &table->schema, &call->two_phase, err);
    bool joint = call->two_phase && call->sink->settings.joint;
    return rc == RC_OK && joint ? prepare_joint(call, conn, err) : rc;
}

/* Compares the table with its target, or makes that, and then all that follows from it. */
static enum rc prepare_table(struct stream_load *sink, struct sink_table *table,
                             const struct sink_target *names, bool *two_phase_out,
                             struct error *err)
{
    struct error own;
    if (err == NULL)
        err = &own;
    struct prepare_call call = {.sink = sink, .table = table, .target = names};
    enum rc rc = query_run(&sink->query, run_prepare, &call, err);
    if (rc != RC_OK)
        return rc;
    *two_phase_out = call.two_phase;
    table->schema.source = table->source;
    rc = column_set_rank(&table->schema, &table->arena, err);
    if (rc != RC_OK)
        return rc;
    return encoder_init(&table->encoder, &table->schema, sink->dialect->delete_column,
                        sink->settings.zero_dates, &table->arena, err);
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

/* All loads of a table in one transaction must have the same columns (facts/starrocks.md 2.1). */
static enum rc refuse_partial(const struct load_schema *schema, struct error *err)
{
    return error_set(err, RC_UNSUPPORTED,
                     "Rows of %.*s.%.*s lack columns (binlog_row_image is not FULL), which "
                     "`sink.multi-table-transactions: true` cannot carry. Take it out, or set "
                     "binlog_row_image=FULL at the source.",
                     SLICE_ARG(schema->db), SLICE_ARG(schema->table));
}

enum rc sink_need_partial(struct stream_load *sink, struct load_target *target,
                          const struct load_schema *schema, struct error *err)
{
    struct partial_call call = {.dialect = sink->dialect, .schema = schema};
    if (sink->settings.joint)
        return refuse_partial(schema, err);
    if (target->takes_partial || schema->keyless || sink->dialect->partial_check == NULL)
        return RC_OK;
    enum rc rc = query_run(&sink->query, run_partial_check, &call, err);
    target->takes_partial = rc == RC_OK;
    return rc;
}

/* The target was changed since the way to it was made: makes it anew, in place, because it is known
 * by its address. No load can speak of the old one: when a target is changed, nothing is on its way,
 * and since then nothing was written by it. */
static enum rc renew_table(struct stream_load *sink, struct sink_table *table, struct error *err)
{
    ASSERT(table->stale);
    struct load_target *target = table->target;
    const struct sink_target names = {.db = target->db, .table = target->table};
    encoder_deinit(&table->encoder);
    memset(&table->encoder, 0, sizeof(table->encoder));
    enum rc rc = prepare_table(sink, table, &names, &target->two_phase, err);
    return rc == RC_OK ? target_renew_table(target, table, err) : rc;
}

struct load_target *sink_target_of(struct stream_load *sink, struct slice db, struct slice table)
{
    struct load_target *target =
        target_find_or_add(&sink->targets, &sink->arena, db, table, open_bytes_max(sink) + ROW_MAX);
    if (target != NULL)
        refuse_watch(&sink->refusing, target_open_body(target));
    return target;
}

enum rc stream_load_table(struct sink *base, const struct table *source,
                          const struct sink_target *names, struct sink_table **table_out,
                          struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    struct load_target *target = sink_target_of(sink, names->db, names->table);
    struct sink_table *table = target == NULL ? NULL : target_find_table(target, source);
    if (table != NULL) {
        enum rc rc = table->stale ? renew_table(sink, table, err) : RC_OK;
        /* A version that was seen before is the newest again: the source told it ahead of the stream. */
        if (rc == RC_OK) {
            target_remove_source(target, source);
            table->superseded = false;
        }
        *table_out = table;
        return rc;
    }
    table = target == NULL ? NULL : calloc(1, sizeof(*table));
    if (table == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for target table %.*s.%.*s.",
                         SLICE_ARG(names->db), SLICE_ARG(names->table));
    table->source = source;
    arena_init(&table->arena, "target table", TABLE_ARENA_MAX);
    struct error own;
    err = err == NULL ? &own : err;
    enum rc rc = prepare_table(sink, table, names, &target->two_phase, err);
    if (rc == RC_OK && sink->partial_rows)
        rc = sink_need_partial(sink, target, &table->schema, err);
    if (rc == RC_OK)
        rc = target_add_table(target, table, err);
    if (rc != RC_OK) {
        encoder_deinit(&table->encoder);
        arena_deinit(&table->arena);
        free(table);
        return rc;
    }
    *table_out = table;
    return RC_OK;
}

enum rc stream_load_check_table(struct sink *base, const struct table *source,
                                const struct sink_target *names, struct report *report,
                                struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    struct load_schema schema = {.db = names->db, .table = names->table};
    struct partial_call call = {.dialect = sink->dialect, .schema = &schema};
    struct error finding;
    error_clear(&finding);
    enum rc rc = RC_OK;
    if (sink->partial_rows && sink->settings.joint)
        rc = refuse_partial(&schema, &finding);
    else if (sink->partial_rows && source->key_count > 0 && sink->dialect->partial_check != NULL)
        rc = query_run(&sink->query, run_partial_check, &call, &finding);
    if (rc == RC_UNSUPPORTED) {
        report_add(report, REPORT_FAIL, NULL, "%s", finding.text);
        return RC_OK;
    }
    if (rc != RC_OK && err != NULL)
        *err = finding;
    return rc;
}

static enum rc run_statement(void *ctx, struct myconn *conn, struct error *err)
{
    return myconn_exec(conn, *(struct slice *)ctx, err);
}

/* TRUNCATE is done twice when the connection breaks in between; it bears that. */
static enum rc truncate_target(struct stream_load *sink, struct sink_table *table,
                               struct error *err)
{
    const struct load_target *target = table->target;
    ASSERT(sink->open_rows == 0 && sink->epoch_count == 0);
    if (target_source_count(target) > 1)
        return error_set(err, RC_UNSUPPORTED,
                         "Table %s was truncated, but %.*s.%.*s holds rows of other tables too, so "
                         "it cannot be truncated. Delete the table's rows there by hand and set "
                         "the start position behind the TRUNCATE, or route the tables apart.",
                         table->encoder.source, SLICE_ARG(target->db), SLICE_ARG(target->table));
    struct buf sql;
    buf_init(&sql, 64u << 10);
    sink->dialect->truncate_sql(&table->schema, &sql);
    struct error own;
    enum rc rc = buf_check(&sql, "A TRUNCATE statement", err);
    if (rc == RC_OK) {
        struct slice statement = buf_slice(&sql);
        rc = query_run(&sink->query, run_statement, &statement, err == NULL ? &own : err);
    }
    buf_deinit(&sql);
    if (rc == RC_OK && sink->refusing.letters != NULL)
        rc = dead_letters_forget(sink->refusing.letters, target->db, target->table, err);
    return rc;
}

struct empty_call {
    const struct stream_load *sink;
    const struct sink_table *table;
    bool empty;
};

static enum rc run_empty(void *ctx, struct myconn *conn, struct error *err)
{
    struct empty_call *call = ctx;
    return call->sink->dialect->is_empty(conn, &call->table->schema, &call->empty, err);
}

enum rc stream_load_is_empty(struct sink *base, struct sink_table *table, bool *empty_out,
                             struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    struct empty_call call = {.sink = sink, .table = table, .empty = false};
    struct error own;
    enum rc rc = query_run(&sink->query, run_empty, &call, err == NULL ? &own : err);
    *empty_out = call.empty;
    return rc;
}

enum rc stream_load_change_table(struct sink *base, const struct schema_step *step,
                                 const struct sink_target *names, struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    ASSERT(sink->open_rows == 0 && sink->epoch_count == 0);
    struct load_target *target = target_find(sink->targets, names->db, names->table);
    struct load_target *other =
        target_find(sink->targets, step->new_target.db, step->new_target.table);
    enum rc rc = target == NULL ? RC_OK : change_table_check(target, step, err);
    if (rc == RC_OK)
        rc = refuse_check_step(sink, step, names, err);
    if (rc != RC_OK)
        return rc;
    struct change_env env = {.dialect = sink->dialect,
                             .settings = &sink->settings,
                             .config = sink->config,
                             .query = &sink->query,
                             .halt = &sink->halt,
                             .unseen_max_ms = CHANGE_UNSEEN_MAX_MS};
    struct error own;
    rc = change_table_run(&env, step, names, err == NULL ? &own : err);
    /* A step that failed may have changed something all the same. */
    if (target != NULL)
        target_changed(target);
    if (other != NULL)
        target_changed(other);
    bool gone = step->kind == SCHEMA_DROP_TABLE || step->kind == SCHEMA_RENAME_TABLE;
    if (rc == RC_OK && gone && target != NULL)
        target_remove_source(target, step->for_all ? NULL : step->before);
    if (rc == RC_OK && step->kind == SCHEMA_SWAP_TABLE && other != NULL)
        target_remove_source(other, step->for_all ? NULL : step->after);
    return rc == RC_OK ? refuse_follow_step(sink, step, names, err) : rc;
}

bool sink_has_room(const struct stream_load *sink, const struct body *body,
                   const struct body_draft *draft, uint64_t beside)
{
    uint64_t memory = body_draft_memory(body, draft) + beside;
    bool fits = sink->sealed_bytes == 0 ||
                sink->sealed_bytes + sink->open_bytes + memory <= sink->settings.flush_bytes;
    if (sink->open_rows == 0)
        return fits;
    if (!fits || sink->open_bytes + memory > open_bytes_max(sink))
        return false;
    uint64_t max = sink->dialect->body_bytes_max;
    uint64_t grown = body->live_bytes + (body->data.len - draft->data_mark);
    return max == 0 || body->live_rows == 0 || grown <= max;
}

void sink_note_open(struct stream_load *sink, struct load_target *target,
                    const struct load_schema *schema)
{
    target->open_schema = schema;
    target->next_open = NULL;
    *sink->open_end = target;
    sink->open_end = &target->next_open;
}

static enum rc check_partial(struct stream_load *sink, struct sink_table *table,
                             const struct body_draft *draft, struct error *err)
{
    struct error own;
    bool partial = false;
    for (unsigned i = 0; i < draft->count; i++)
        partial |= draft->lines[i].set != BODY_WHOLE;
    return partial
               ? sink_need_partial(sink, table->target, &table->schema, err == NULL ? &own : err)
               : RC_OK;
}

/* Takes the draft's lines into the open batch. */
static enum rc keep_draft(struct stream_load *sink, struct sink_table *table, struct body *body,
                          const struct body_draft *draft, uint64_t memory, struct error *err)
{
    bool first = body->row_count == 0;
    uint64_t rows = body->live_rows;
    uint64_t collapsed = body->collapsed;
    enum rc rc = body_draft_keep(body, draft, !table->schema.keyless, err);
    if (rc != RC_OK)
        return rc;
    if (first) {
        sink_note_open(sink, table->target, &table->schema);
        table->target->open_column_list = table->column_list;
    }
    sink->open_rows += body->live_rows - rows;
    sink->open_bytes += body_memory(body) - memory;
    sink->stats.rows_collapsed += body->collapsed - collapsed;
    return RC_OK;
}

/* The change behind the draft's lines, where refused rows become dead letters. `reason`: why the last
 * line is not sent; empty: it is. */
static enum rc keep_change(struct body *body, const struct body_draft *draft,
                           const struct change *change, struct slice reason, struct error *err)
{
    enum rc rc = RC_OK;
    for (unsigned i = 0; rc == RC_OK && i < draft->count; i++)
        rc = kept_add(&body->kept, change, draft->lines[i].set,
                      i + 1 == draft->count ? reason : SLICE_EMPTY, err);
    return rc;
}

/* The change's lines at the end of the body. `reason`: of the last one, when it is not to be sent; its
 * text lies in `rejection`, which is filled for a row that is rejected and for no other. */
static enum rc draft_row(struct stream_load *sink, struct sink_table *table,
                         const struct change *change, struct body_draft *draft,
                         struct slice *reason, struct error *rejection, struct error *err)
{
    struct body *body = target_open_body(table->target);
    *reason = SLICE_EMPTY;
    enum rc rc = encoder_draft(&table->encoder, body, draft, change, rejection);
    if (rc == RC_REJECTED) {
        rc = refuse_draft(sink, table, change, draft, rejection, err);
        *reason = slice_of(rejection->text, rejection->text_len);
    } else if (rc != RC_OK && err != NULL) {
        *err = *rejection;
    }
    return rc;
}

enum rc stream_load_write(struct sink *base, struct sink_table *table, const struct change *change,
                          struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    enum rc rc = table->stale ? renew_table(sink, table, err) : RC_OK;
    if (rc != RC_OK)
        return rc;
    if (change->kind == CHANGE_TRUNCATE)
        return truncate_target(sink, table, err);
    struct body *body = target_open_body(table->target);
    if (body->row_count > 0 && table->target->open_column_list != table->column_list)
        return RC_FULL;
    uint64_t memory = body_memory(body); /* before the draft, which lies in the body already */
    struct body_draft draft;
    struct error rejection;
    struct slice reason;
    rc = draft_row(sink, table, change, &draft, &reason, &rejection, err);
    if (rc == RC_LIMIT && sink->open_rows > 0) {
        error_clear(err);
        return RC_FULL; /* in an empty batch it has more room */
    }
    if (rc != RC_OK || draft.count == 0)
        return rc;
    rc = check_partial(sink, table, &draft, err);
    if (rc == RC_OK &&
        !sink_has_room(sink, body, &draft, kept_change_memory(&body->kept, change, draft.count)))
        rc = RC_FULL;
    if (rc == RC_OK && body->kept.wanted)
        rc = keep_change(body, &draft, change, reason, err);
    if (rc != RC_OK) {
        body_draft_drop(body, &draft);
        return rc;
    }
    rc = keep_draft(sink, table, body, &draft, memory, err);
    if (rc == RC_OK && reason.len > 0)
        body_refuse_row(body, body->row_count - 1);
    return rc;
}

enum rc stream_load_reload(struct sink *base, uint64_t epoch, bool again, uint64_t *rows_out,
                           struct error *err)
{
    return reload_take(stream_load_of(base), epoch, again, rows_out, err);
}

void stream_load_pending(const struct sink *base, struct sink_pending *pending_out)
{
    const struct stream_load *sink = stream_load_of_const(base);
    *pending_out = (struct sink_pending){.rows = sink->open_rows, .bytes = sink->open_bytes};
}

bool stream_load_would_begin(const struct sink *base)
{
    const struct stream_load *sink = stream_load_of_const(base);
    uint64_t ready = 0;
    for (struct load_target *target = sink->open_first; target != NULL; target = target->next_open)
        if (target->sealed == NULL)
            ready += body_memory(target_open_body(target));
    return ready >= sink->open_bytes - ready;
}

void stream_load_stats(const struct sink *base, struct sink_stats *stats_out)
{
    const struct stream_load *sink = stream_load_of_const(base);
    *stats_out = sink->stats;
    stats_out->retries = loaders_retries(sink->loaders);
    stats_out->buffered_bytes = sink->open_bytes + sink->sealed_bytes;
}
