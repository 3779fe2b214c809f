/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements that change tables, on their way through the stream: into the history of definitions
 * (schema/history_int.h), and out as changes, one for each captured table that a statement touches.
 *
 * Ordinals: a statement takes as many as it has effects, captured or not, and one at least, so that
 * what follows in its transaction is counted the same under every filter. (Only DROP DATABASE takes
 * one for each captured table.)
 *
 * After a lost connection the open group is read again. What the history has taken in of it stays:
 * those statements are counted and not applied twice.
 */
#include "query_status_int.h"
#include "stream_state_int.h"

#define DEFAULT_ON_SINCE 80002u /* MySQL: explicit_defaults_for_timestamp */

/* The session of the statement as the parser wants it. `collations` backs a list in the result. */
static struct ddl_context context_of(const struct binlog_stream *stream, const struct query *query,
                                     struct slice collations[QUERY_COLLATIONS_MAX])
{
    struct query_status status;
    bool is_mariadb = stream->format.is_mariadb;
    query_status_parse(query->status, is_mariadb, &status);
    for (uint32_t i = 0; i < status.collation_count; i++)
        collations[i] = collation_name(status.collations[i], is_mariadb);
    return (struct ddl_context){
        .db = query->db,
        .sql_mode = status.sql_mode,
        .charset = SLICE_EMPTY, /* the text has been converted */
        .db_collation = collation_name(status.database_collation, is_mariadb),
        .default_collation = collation_name(status.server_collation, is_mariadb),
        .version = stream->format.version,
        .is_mariadb = is_mariadb,
        .unknown_charsets = stream->options.offline,
        .explicit_defaults_for_timestamp = status.explicit_defaults_said
                                               ? status.explicit_defaults_for_timestamp
                                               : stream->format.version >= DEFAULT_ON_SINCE,
        .default_collations = collations,
        .default_collation_count = status.collation_count,
        .default_collations_said = status.collations_said,
    };
}

static enum rc tell_watcher(struct binlog_stream *stream, const struct ddl_context *context,
                            const struct query *query, struct error *err)
{
    const struct binlog_stream_options *options = &stream->options;
    struct binlog_statement statement = {
        .context = context, .text = query->text, .words = &stream->statement};
    return options->watch(options->watch_ctx, &statement, err);
}

enum rc stream_schema_take(struct binlog_stream *stream, const struct query *query,
                           uint32_t *steps_out, struct error *err)
{
    struct slice collations[QUERY_COLLATIONS_MAX];
    struct ddl_context context = context_of(stream, query, collations);
    struct stream_group *group = &stream->group;
    struct stream_schema *schema = &stream->schema;
    *steps_out = 1;
    schema->result = (struct history_result){.step_count = 1};
    schema->next = 0;
    if (stream->options.watch != NULL)
        return tell_watcher(stream, &context, query, err);
    if (stream->options.history == NULL)
        return RC_OK;
    if (group->statements++ < schema->taken) {
        /* All that it gave was given before the connection was lost. */
        *steps_out = group->statements == 1 ? schema->steps : 0;
        return RC_OK;
    }
    struct buf where;
    buf_init(&where, POSITION_FILE_MAX + 64);
    binlog_stream_where(stream, &where);
    enum rc rc = history_statement(stream->options.history, &context, query->text,
                                   &stream->statement, buf_slice(&where), &schema->result, err);
    buf_deinit(&where);
    if (rc != RC_OK)
        return rc;
    schema->taken++;
    schema->steps += schema->result.step_count;
    *steps_out = schema->result.step_count;
    return RC_OK;
}

uint32_t binlog_stream_statements(const struct binlog_stream *stream)
{
    return stream->group.open ? stream->group.statements : 0;
}

/* What the table was: as the stream gave it last, else as the history knows it. */
static enum rc table_before(struct binlog_stream *stream, const struct history_change *what,
                            struct table **table_out, struct error *err)
{
    *table_out = tables_newest(stream->tables, what->db, what->name);
    if (*table_out != NULL || what->before == NULL)
        return RC_OK;
    return tables_from_catalog(stream->tables, what->before, stream->format.is_mariadb, table_out,
                               err);
}

static enum rc fill_table_change(struct binlog_stream *stream, const struct history_change *what,
                                 struct table_change *change, struct error *err)
{
    *change = (struct table_change){.kind = what->kind,
                                    .origin = what->origin,
                                    .rows_unknown = what->rows_unknown,
                                    .lives_on = what->lives_on};
    enum rc rc = RC_OK;
    if (what->kind != TABLE_CREATED)
        rc = table_before(stream, what, &change->before, err);
    bool keeps_name = what->after != NULL && slice_equal(what->after->db, what->db) &&
                      slice_equal(what->after->name, what->name);
    if (rc == RC_OK && (what->kind != TABLE_ALTERED || !keeps_name))
        tables_forget(stream->tables, what->db, what->name);
    if (rc == RC_OK && what->after != NULL)
        rc = tables_from_catalog(stream->tables, what->after, stream->format.is_mariadb,
                                 &change->after, err);
    if (what->kind == TABLE_ALTERED && change->before != NULL &&
        change->before->column_count != what->before->column_count) {
        /* The rows showed another table than the history has; then nothing says which column
         * continues which. */
        change->origin = NULL;
    }
    return rc;
}

/* Without both sides an ALTER is a table that came; without its side a drop is nothing. */
static bool settle_kind(struct table_change *change)
{
    if (change->kind == TABLE_ALTERED && (change->before == NULL || change->origin == NULL)) {
        change->kind = TABLE_CREATED;
        change->before = NULL;
        change->origin = NULL;
        change->rows_unknown = true;
    }
    return change->kind != TABLE_DROPPED || change->before != NULL;
}

enum rc stream_schema_next(struct binlog_stream *stream, struct change *change, struct error *err)
{
    struct stream_schema *schema = &stream->schema;
    while (schema->next < schema->result.change_count) {
        const struct history_change *what = &schema->result.changes[schema->next++];
        struct table_change *table_change = &schema->table_change;
        enum rc rc = fill_table_change(stream, what, table_change, err);
        if (rc != RC_OK)
            return rc;
        uint64_t ordinal = schema->ordinal + what->step;
        if (!settle_kind(table_change) || stream->group.skipped || ordinal < stream->group.pass)
            continue;
        stream->group.told = true;
        *change = (struct change){
            .kind = CHANGE_SCHEMA,
            .table = table_change->after != NULL ? table_change->after : table_change->before,
            .txn = &stream->txn,
            .ordinal = ordinal,
            .event_offset = stream->event.offset,
            .ddl = schema->ddl,
            .ddl_db = schema->ddl_db,
            .table_change = table_change,
        };
        return RC_OK;
    }
    return RC_EOF;
}
