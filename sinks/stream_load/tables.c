/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline's tables at their targets: compared with them or made there, changed, emptied.
 */
#include "change_table_int.h"
#include "column_set_int.h"
#include "joint_int.h"
#include "refuse_int.h"

#include <stdlib.h>

#define TABLE_ARENA_MAX ((size_t)16 << 20)

struct prepare_call {
    struct stream_load *sink;
    struct sink_table *table;
    const struct sink_target *target;
    bool two_phase;
};

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

enum rc sink_renew_table(struct stream_load *sink, struct sink_table *table, struct error *err)
{
    ASSERT(table->stale);
    struct load_target *target = table->target;
    const struct sink_target names = {.db = target->db, .table = target->table};
    encoder_deinit(&table->encoder);
    memset(&table->encoder, 0, sizeof(table->encoder));
    enum rc rc = prepare_table(sink, table, &names, &target->two_phase, err);
    return rc == RC_OK ? target_renew_table(target, table, err) : rc;
}

enum rc stream_load_table(struct sink *base, const struct table *source,
                          const struct sink_target *names, struct sink_table **table_out,
                          struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    struct load_target *target = sink_target_of(sink, names->db, names->table);
    struct sink_table *table = target == NULL ? NULL : target_find_table(target, source);
    if (table != NULL) {
        enum rc rc = table->stale ? sink_renew_table(sink, table, err) : RC_OK;
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

static enum rc run_statement(void *ctx, struct myconn *conn, struct error *err)
{
    return myconn_exec(conn, *(struct slice *)ctx, err);
}

enum rc sink_truncate(struct stream_load *sink, struct sink_table *table, struct error *err)
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
