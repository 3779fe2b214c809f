/* SPDX-License-Identifier: Apache-2.0 */
/* Turns of a schema step until the target shows it; see change_table_int.h. */
#include "change_table_int.h"

#define PAUSE_FIRST_MS 20u
#define PAUSE_MAX_MS 2000u
#define TELL_EVERY_US ((uint64_t)30 * 1000000)
#define ARENA_MAX ((size_t)16 << 20)

struct turn_call {
    const struct change_env *env;
    const struct schema_step *step;
    const struct sink_target *target;
    struct arena arena;
    struct change_progress progress;
    enum change_state state;
};

static const char *step_name(enum schema_step_kind kind)
{
    static const char *const names[] = {[SCHEMA_CREATE_TABLE] = "CREATE TABLE",
                                        [SCHEMA_DROP_TABLE] = "DROP TABLE",
                                        [SCHEMA_RENAME_TABLE] = "RENAME TABLE",
                                        [SCHEMA_SWAP_TABLE] = "SWAP TABLE",
                                        [SCHEMA_ADD_COLUMN] = "ADD COLUMN",
                                        [SCHEMA_DROP_COLUMN] = "DROP COLUMN",
                                        [SCHEMA_RENAME_COLUMN] = "RENAME COLUMN",
                                        [SCHEMA_ALTER_COLUMN] = "ALTER COLUMN",
                                        [SCHEMA_COMMENT_COLUMN] = "COMMENT ON COLUMN",
                                        [SCHEMA_COMMENT_TABLE] = "COMMENT ON TABLE"};
    ASSERT((size_t)kind < COUNT_OF(names));
    return names[kind];
}

enum rc change_table_check(const struct load_target *target, const struct schema_step *step,
                           struct error *err)
{
    const struct table *source = step->before != NULL ? step->before : step->after;
    struct slice column = SLICE_EMPTY;
    if (step->for_all)
        return RC_OK;
    switch (step->kind) {
    case SCHEMA_DROP_COLUMN:
    case SCHEMA_RENAME_COLUMN:
        column = step->old_column->name;
        break;
    case SCHEMA_DROP_TABLE:
    case SCHEMA_RENAME_TABLE:
    case SCHEMA_SWAP_TABLE:
        break;
    default:
        return RC_OK;
    }
    const struct table *other = target_other_source(target, source, column);
    if (other == NULL)
        return RC_OK;
    return error_set(
        err, RC_UNSUPPORTED,
        "%s of %.*s.%.*s cannot be made at %.*s.%.*s, because %.*s.%.*s is routed there "
        "too%s. Route the tables apart, or let such changes be left out with "
        "exclude.schema.changes.",
        step_name(step->kind), SLICE_ARG(source->db), SLICE_ARG(source->name),
        SLICE_ARG(target->db), SLICE_ARG(target->table), SLICE_ARG(other->db),
        SLICE_ARG(other->name), column.len > 0 ? " and has that column" : "");
}

static enum rc run_turn(void *ctx, struct myconn *conn, struct error *err)
{
    struct turn_call *call = ctx;
    const struct change_env *env = call->env;
    arena_reset(&call->arena);
    return env->dialect->change_turn(env->settings, env->config, conn, call->step, call->target,
                                     &call->arena, &call->progress, &call->state, err);
}

static void tell(const struct turn_call *call, uint64_t since_us)
{
    log_info("sink.ddl", "Waiting for the target to change a table.",
             LOG_SLICE("db", call->target->db), LOG_SLICE("table", call->target->table),
             LOG_STR("change", step_name(call->step->kind)),
             LOG_STR("reason", call->progress.reason),
             LOG_U64("seconds", (clock_monotonic_us() - since_us) / 1000000));
}

static enum rc never_seen(const struct turn_call *call, struct error *err)
{
    return error_set(
        err, RC_MISMATCH,
        "%s was asked for %s on table %.*s.%.*s, and %llu seconds later: %s. Look at the "
        "table with SHOW CREATE TABLE, mend it, and start again.",
        call->env->dialect->product, step_name(call->step->kind), SLICE_ARG(call->target->db),
        SLICE_ARG(call->target->table), (unsigned long long)(call->env->unseen_max_ms / 1000),
        call->progress.reason);
}

static enum rc run(struct turn_call *call, struct error *err)
{
    const struct change_env *env = call->env;
    uint64_t started_us = clock_monotonic_us();
    uint64_t told_us = started_us;
    uint64_t unseen_since_us = 0;
    unsigned pause_ms = PAUSE_FIRST_MS;
    for (;;) {
        enum rc rc = query_run(env->query, run_turn, call, err);
        if (rc != RC_OK || call->state == CHANGE_DONE)
            return rc;
        if (call->state == CHANGE_SENT)
            pause_ms = PAUSE_FIRST_MS;
        uint64_t now_us = clock_monotonic_us();
        if (call->state != CHANGE_UNSEEN)
            unseen_since_us = 0;
        else if (unseen_since_us == 0)
            unseen_since_us = now_us;
        else if (now_us - unseen_since_us >= env->unseen_max_ms * 1000)
            return never_seen(call, err);
        if (now_us - told_us >= TELL_EVERY_US) {
            told_us = now_us;
            tell(call, started_us);
        }
        if (!halt_wait(env->halt, pause_ms))
            return error_set(err, RC_CANCELLED, "A stop was asked for.");
        pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
    }
}

enum rc change_table_run(const struct change_env *env, const struct schema_step *step,
                         const struct sink_target *target, struct error *err)
{
    ASSERT(err != NULL);
    struct turn_call call = {.env = env, .step = step, .target = target};
    arena_init(&call.arena, "schema change", ARENA_MAX);
    enum rc rc = run(&call, err);
    arena_deinit(&call.arena);
    if (rc == RC_OK)
        log_info("sink.ddl", "The target shows the change.", LOG_SLICE("db", target->db),
                 LOG_SLICE("table", target->table), LOG_STR("change", step_name(step->kind)));
    return rc;
}
