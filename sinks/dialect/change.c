/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One turn of a step: look at the target, decide, send at most one statement.
 *
 * A statement that the server took is not sent again while it is the next one: a job works on it, or
 * what it did is not seen yet (another frontend may lag behind, facts/doris.md 7.6 no. 38). When its
 * job was cancelled, the server has refused it, and changed nothing.
 *
 * What the server says to a statement is told apart by its words, for it has no numbers for them:
 * "not now" is waited out, "it is so already" is looked at again, anything else is a refusal.
 */
#include "change_int.h"

#include <stdio.h>

enum reply { REPLY_REFUSED = 0, REPLY_BUSY, REPLY_ALREADY };

/* facts/doris.md 6.3, facts/starrocks.md 6.2; "COMMITTED state" is said to a DROP TABLE while a load
 * is not visible yet, and "not stable" while tablets are moved. */
static const struct {
    const char *words;
    enum reply reply;
} reply_rules[] = {
    {"is not NORMAL", REPLY_BUSY},
    {"not in NORMAL state", REPLY_BUSY},
    {"schema change operation is in progress", REPLY_BUSY},
    {"in the COMMITTED state", REPLY_BUSY},
    {"is not stable", REPLY_BUSY},
    {"lock timeout", REPLY_BUSY},
    {"already exists in base table", REPLY_ALREADY},
    {"Column does not exists", REPLY_ALREADY},
    {"Nothing is changed", REPLY_ALREADY},
    {"Same column name", REPLY_ALREADY},
    {"Same table name", REPLY_ALREADY},
};

static enum reply read_reply(const char *text)
{
    for (unsigned i = 0; i < COUNT_OF(reply_rules); i++)
        if (dialect_text_contains(text, reply_rules[i].words))
            return reply_rules[i].reply;
    return REPLY_REFUSED;
}

static bool has_other(const struct schema_step *step)
{
    return step->kind == SCHEMA_RENAME_TABLE || step->kind == SCHEMA_SWAP_TABLE;
}

/* TABLE_ID rises with every table that is made. Both tables are there. */
static enum rc look_at_ages(struct myconn *conn, const struct sink_target *target,
                            const struct sink_target *other, struct dialect_look *look,
                            struct error *err)
{
    const struct sink_target *names[] = {target, other};
    uint64_t ids[2] = {0, 0};
    enum rc rc = RC_OK;
    for (unsigned i = 0; i < 2 && rc == RC_OK; i++) {
        struct buf sql;
        struct buf id;
        buf_init(&sql, 64 * 1024);
        buf_init(&id, 64);
        buf_add_str(&sql, "SELECT TABLE_ID FROM information_schema.tables_config WHERE "
                          "TABLE_SCHEMA = ");
        myconn_add_literal(&sql, names[i]->db);
        buf_add_str(&sql, " AND TABLE_NAME = ");
        myconn_add_literal(&sql, names[i]->table);
        rc = buf_check(&sql, "the question for a table's age", err);
        if (rc == RC_OK)
            rc = myconn_query_value(conn, buf_slice(&sql), &id, err);
        if (rc == RC_OK && !text_parse_u64(buf_slice(&id), &ids[i]))
            rc = error_set(err, RC_PROTOCOL,
                           "The target's information_schema.tables_config gives no TABLE_ID.");
        buf_deinit(&id);
        buf_deinit(&sql);
    }
    look->target_is_newer = ids[0] > ids[1];
    return rc;
}

static enum rc look_at_comment(struct myconn *conn, const struct sink_target *target,
                               struct arena *arena, struct dialect_look *look, struct error *err)
{
    struct buf sql;
    struct buf comment;
    buf_init(&sql, 64 * 1024);
    buf_init(&comment, 64 * 1024);
    buf_add_str(&sql, "SELECT TABLE_COMMENT FROM information_schema.tables WHERE TABLE_SCHEMA = ");
    myconn_add_literal(&sql, target->db);
    buf_add_str(&sql, " AND TABLE_NAME = ");
    myconn_add_literal(&sql, target->table);
    enum rc rc = buf_check(&sql, "the question for a table's comment", err);
    if (rc == RC_OK)
        rc = myconn_query_value(conn, buf_slice(&sql), &comment, err);
    if (rc == RC_OK)
        look->comment = arena_copy(arena, buf_slice(&comment));
    if (rc == RC_NOT_FOUND) { /* none, which some versions say with NULL */
        error_clear(err);
        rc = RC_OK;
    }
    buf_deinit(&comment);
    buf_deinit(&sql);
    return rc;
}

static enum rc look_at_version(const struct dialect_changes *changes, struct myconn *conn,
                               struct dialect_look *look, struct error *err)
{
    struct buf comment;
    buf_init(&comment, 4096);
    enum rc rc = myconn_query_value(conn, SLICE("SELECT @@version_comment"), &comment, err);
    struct dialect_version version;
    if (rc == RC_OK) {
        dialect_version_parse(buf_slice(&comment), changes->version_word, &version);
        look->version_major = version.major;
        look->version_minor = version.minor;
    }
    buf_deinit(&comment);
    return rc;
}

static enum rc look_at(const struct dialect_changes *changes, struct myconn *conn,
                       const struct schema_step *step, const struct sink_target *target,
                       struct arena *arena, struct dialect_look *look, struct error *err)
{
    memset(look, 0, sizeof(*look));
    enum rc rc = dialect_catalog_read(conn, target, arena, &look->have, err);
    if (rc == RC_OK && has_other(step))
        rc = dialect_catalog_read(conn, &step->new_target, arena, &look->other, err);
    if (rc == RC_OK && has_other(step) && look->other.column_count == 0)
        rc = dialect_fold_check(changes->traits, conn, &step->new_target, err);
    if (rc == RC_OK && look->have.column_count > 0)
        rc = dialect_jobs_read(conn, target, &look->jobs, err);
    if (rc == RC_OK && step->kind == SCHEMA_SWAP_TABLE && changes->swap == DIALECT_SWAP_EXCHANGE &&
        look->have.column_count > 0 && look->other.column_count > 0)
        rc = look_at_ages(conn, target, &step->new_target, look, err);
    if (rc == RC_OK && step->kind == SCHEMA_COMMENT_TABLE && look->have.column_count > 0)
        rc = look_at_comment(conn, target, arena, look, err);
    if (rc == RC_OK && step->kind == SCHEMA_RENAME_COLUMN)
        rc = look_at_version(changes, conn, look, err);
    return rc;
}

/* Words are metadata: a server that has taken them has them, and some show an empty one as another; one
 * that has no statement for them (StarRocks of before late 3.3, for those of a column) goes without. */
static bool is_comment(const struct schema_step *step)
{
    return step->kind == SCHEMA_COMMENT_COLUMN || step->kind == SCHEMA_COMMENT_TABLE;
}

static enum rc refused(const struct dialect_changes *changes, const struct schema_step *step,
                       const struct sink_target *target, const char *words, struct error *err)
{
    error_set(err, RC_REJECTED, "%s refuses to change %.*s.%.*s as the source's table was: %s",
              changes->traits->product, SLICE_ARG(target->db), SLICE_ARG(target->table), words);
    dialect_hint_rebuild(step, err);
    return RC_REJECTED;
}

/* The statement that is wanted next was taken before. */
static enum rc taken_before(const struct dialect_changes *changes, const struct schema_step *step,
                            const struct sink_target *target, const struct dialect_jobs *jobs,
                            struct change_progress *progress, enum change_state *state_out,
                            struct error *err)
{
    if (jobs->cancelled && jobs->newest > progress->last_job)
        return refused(changes, step, target,
                       jobs->message[0] == '\0' ? "its job was cancelled." : jobs->message, err);
    snprintf(progress->reason, sizeof(progress->reason),
             "%s took the statement, and does not show its effect", changes->traits->product);
    *state_out = CHANGE_UNSEEN;
    return RC_OK;
}

static enum rc send(const struct dialect_changes *changes, struct myconn *conn, struct slice sql,
                    const struct schema_step *step, const struct sink_target *target,
                    const struct dialect_jobs *jobs, struct change_progress *progress,
                    enum change_state *state_out, struct error *err)
{
    progress->last_job = jobs->newest;
    enum rc rc = myconn_exec(conn, sql, err);
    if (rc == RC_OK) {
        progress->accepted = slice_hash(sql);
        *state_out = CHANGE_SENT;
        log_info("sink.ddl", "The target takes a change of its table.", LOG_SLICE("db", target->db),
                 LOG_SLICE("table", target->table), LOG_SLICE("statement", sql));
        return RC_OK;
    }
    if (err->class == ERROR_RETRY || rc == RC_DENIED || rc == RC_AUTH)
        return rc;
    switch (read_reply(err->text)) {
    case REPLY_BUSY:
        *state_out = CHANGE_WAIT;
        break;
    case REPLY_ALREADY:
        *state_out = CHANGE_UNSEEN;
        break;
    case REPLY_REFUSED:
    default:
        if (!is_comment(step)) {
            struct error words = *err;
            return refused(changes, step, target, words.text, err);
        }
        log_warn("sink.ddl", "The target does not take the new comment; it keeps what it has.",
                 LOG_SLICE("db", target->db), LOG_SLICE("table", target->table),
                 LOG_STR("reason", err->text));
        *state_out = CHANGE_DONE;
        break;
    }
    snprintf(progress->reason, sizeof(progress->reason), "%.*s", (int)sizeof(progress->reason) - 1,
             err->text);
    error_clear(err);
    return RC_OK;
}

static enum rc create(const struct dialect_product *product, const void *config,
                      struct myconn *conn, const struct schema_step *step,
                      const struct sink_target *target, struct arena *arena, struct error *err)
{
    struct load_schema schema;
    return dialect_target_prepare(product, config, conn, step->after, target, arena, &schema, err);
}

enum rc dialect_change_turn(const struct dialect_product *product,
                            const struct load_settings *settings, const void *config,
                            struct myconn *conn, const struct schema_step *step,
                            const struct sink_target *target, struct arena *arena,
                            struct change_progress *progress, enum change_state *state_out,
                            struct error *err)
{
    const struct dialect_changes *changes = product->changes;
    *state_out = CHANGE_DONE;
    if (step->kind == SCHEMA_CREATE_TABLE)
        return create(product, config, conn, step, target, arena, err);
    struct dialect_look look;
    enum rc rc = look_at(changes, conn, step, target, arena, &look, err);
    if (rc != RC_OK)
        return rc;
    if (look.jobs.running) {
        snprintf(progress->reason, sizeof(progress->reason), "%s", look.jobs.message);
        *state_out = CHANGE_WAIT;
        return RC_OK;
    }
    struct buf sql;
    buf_init(&sql, 1u << 20);
    rc = dialect_change_plan(changes, settings->zero_dates, step, target, &look, arena, &sql, err);
    if (rc == RC_OK)
        rc = buf_check(&sql, "A statement that changes a table", err);
    bool known = sql.len > 0 && progress->accepted == slice_hash(buf_slice(&sql));
    if (rc == RC_OK && known && !is_comment(step))
        rc = taken_before(changes, step, target, &look.jobs, progress, state_out, err);
    else if (rc == RC_OK && sql.len > 0 && !known)
        rc = send(changes, conn, buf_slice(&sql), step, target, &look.jobs, progress, state_out,
                  err);
    buf_deinit(&sql);
    return rc;
}
