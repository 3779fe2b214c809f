/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements in the stream: the borders of transactions, table changes, and statement-format data
 * changes, which cannot be turned into rows and are never passed over in silence when they may
 * concern a captured table (facts/binlog.md 4.1, 13 rule 10).
 */
#include "query_status_int.h"
#include "stream_state_int.h"

/* A statement with where it runs, while its names are looked at. */
struct looking {
    struct binlog_stream *stream;
    struct sql_dialect dialect;
    struct slice db; /* default database */
    struct error *err;
    enum rc rc;
};

static struct slice name_db(const struct looking *looking, struct sql_name name)
{
    return name.db.len > 0 ? name.db : looking->db;
}

static bool is_wanted(void *ctx, struct sql_name name)
{
    struct looking *looking = ctx;
    bool wanted = false;
    looking->rc = tables_wants(looking->stream->tables, name_db(looking, name), name.name, &wanted,
                               looking->err);
    return wanted || looking->rc != RC_OK;
}

/* The first wanted table among the statement's names; NULL when there is none. */
static const struct sql_name *first_wanted(struct looking *looking,
                                           const struct sql_statement *statement)
{
    for (uint32_t i = 0; i < statement->name_count; i++)
        if (is_wanted(looking, statement->names[i]))
            return looking->rc == RC_OK ? &statement->names[i] : NULL;
    return NULL;
}

static void mark_changed(struct looking *looking, const struct sql_statement *statement)
{
    struct binlog_tables *tables = looking->stream->tables;
    for (uint32_t i = 0; i < statement->name_count; i++)
        tables_mark_changed(tables, name_db(looking, statement->names[i]),
                            statement->names[i].name);
    if (!statement->names_complete)
        tables_mark_changed(tables, SLICE_EMPTY, SLICE_EMPTY);
}

/* What the statement is about, where it runs without a default database. */
static struct slice db_of(const struct query *query, const struct sql_statement *statement,
                          const struct sql_name *wanted)
{
    if (query->db.len > 0 || statement->name_count == 0)
        return query->db;
    return wanted != NULL ? wanted->db : statement->names[0].db;
}

/* The statement did something to captured tables: that is told, table by table, and no more. */
static bool gives_tables(const struct binlog_stream *stream)
{
    return stream->schema.next < stream->schema.result.change_count;
}

/* Tables or databases change: told when a captured table may be among them. The statement takes an
 * ordinal in its transaction, told or not, because rows may follow (MariaDB's CREATE ... SELECT). */
static enum rc on_ddl(struct looking *looking, const struct query *query,
                      const struct sql_statement *statement, struct change *change,
                      struct error *err)
{
    struct binlog_stream *stream = looking->stream;
    uint32_t steps = 1;
    if (stream->group.is_void)
        return RC_OK;
    mark_changed(looking, statement);
    if (statement->kind != SQL_TRUNCATE) {
        enum rc rc = stream_schema_take(stream, query, &steps, err);
        if (rc != RC_OK)
            return rc;
    }
    if (stream->options.watch != NULL || (stream->group.skipped && !gives_tables(stream)))
        return RC_OK;
    uint64_t ordinal = stream->group.ordinal;
    stream->group.ordinal += steps;
    if (gives_tables(stream)) {
        stream->schema.ordinal = ordinal;
        stream->schema.ddl = query->text;
        stream->schema.ddl_db = db_of(query, statement, NULL);
        return RC_OK;
    }
    const struct sql_name *wanted = NULL;
    bool concerns = !statement->names_complete;
    if (statement->kind == SQL_DATABASE_DDL) {
        concerns =
            statement->name_count == 1 && tables_any_wanted(stream->tables, statement->names[0].db);
    } else {
        wanted = first_wanted(looking, statement);
        concerns = concerns || wanted != NULL;
    }
    if (looking->rc != RC_OK)
        return looking->rc;
    if (!concerns)
        return RC_OK;
    stream->group.told = true;
    if (ordinal < stream->group.pass) /* given out before a resume */
        return RC_OK;
    bool truncates = statement->kind == SQL_TRUNCATE;
    struct table *table = NULL;
    enum rc rc = RC_OK;
    /* A table that was made a moment ago is truncated without ever having had a table map. */
    if (wanted != NULL && truncates)
        rc = tables_look_up(stream->tables, name_db(looking, *wanted), wanted->name,
                            stream->format.is_mariadb, &table, err);
    else if (wanted != NULL)
        table = tables_newest(stream->tables, name_db(looking, *wanted), wanted->name);
    if (rc != RC_OK)
        return rc;
    *change = (struct change){
        .kind = truncates ? CHANGE_TRUNCATE : CHANGE_SCHEMA,
        .table = table,
        .txn = &stream->txn,
        .ordinal = ordinal,
        .event_offset = stream->event.offset,
        .ddl = query->text,
        .ddl_db = db_of(query, statement, wanted),
        .about_db = wanted == NULL ? SLICE_EMPTY : name_db(looking, *wanted),
        .about_table = wanted == NULL ? SLICE_EMPTY : wanted->name,
    };
    return RC_OK;
}

/* The rows of the group are not given out before its end is known. */
static bool is_held(const struct binlog_stream *stream)
{
    return stream->group.open && stream->group.xa && !stream->held_replay;
}

/* Rows of the group may never have been: those of tables with transactions are undone, those of
 * others stay (facts/binlog.md 4.1). Which table is of which kind is not in the binlog. */
static void on_rollback(struct binlog_stream *stream)
{
    struct stream_group *group = &stream->group;
    group->undone = group->open && group->touched_count > 0;
}

/* The words that begin and end transactions. RC_NOT_FOUND: it is another statement. */
static enum rc on_border(struct binlog_stream *stream, enum sql_kind kind,
                         const struct query *query, struct error *err)
{
    struct stream_group *group = &stream->group;
    enum rc rc = RC_OK;
    switch (kind) {
    case SQL_NOTHING: /* MariaDB's stand-in for an event that was taken out */
        group->ended = group->open && !group->begun;
        return RC_OK;
    case SQL_BEGIN:
    case SQL_XA_START:
        rc = stream_group_open(stream, NULL, err);
        group->begun = true;
        group->xa = group->xa || kind == SQL_XA_START;
        return rc;
    case SQL_COMMIT:
        group->ended = group->open;
        return RC_OK;
    case SQL_ROLLBACK:
        if (is_held(stream))
            return stream_xa_undone(stream, query, err);
        on_rollback(stream);
        group->ended = group->open;
        return RC_OK;
    case SQL_ROLLBACK_TO:
        if (is_held(stream))
            stream_savepoint_undo(stream);
        else
            on_rollback(stream);
        return RC_OK;
    case SQL_SAVEPOINT:
        if (is_held(stream))
            stream_savepoint_set(stream);
        return RC_OK;
    case SQL_RELEASE:
    case SQL_XA_END:
        return RC_OK;
    case SQL_XA_COMMIT:
    case SQL_XA_ROLLBACK:
        rc = stream_group_open(stream, NULL, err);
        if (rc == RC_OK)
            rc = stream_xa_end(stream, query, kind == SQL_XA_COMMIT, err);
        group->ended = true;
        return rc;
    default:
        return RC_NOT_FOUND;
    }
}

/* The mode decides what quotes mean: where there is none (nearly always BEGIN), it is not asked. */
static struct sql_dialect dialect_of(const struct binlog_stream *stream, const struct query *query)
{
    struct sql_dialect dialect = {.lower_case_names = stream->options.lower_case_names,
                                  .version = stream->format.version,
                                  .is_mariadb = stream->format.is_mariadb};
    bool has_quotes = false;
    for (size_t i = 0; i < query->text.len && !has_quotes; i++)
        has_quotes = query->text.ptr[i] == '\'' || query->text.ptr[i] == '"';
    if (has_quotes) {
        struct query_status status;
        query_status_parse(query->status, dialect.is_mariadb, &status);
        dialect.sql_mode = status.sql_mode;
    }
    return dialect;
}

/* In an XA transaction it waits with the rows, and its tables are known where there is no room for it. */
static enum rc on_dml(struct binlog_stream *stream, const struct query *query,
                      const struct sql_dialect *dialect, struct error *err)
{
    if (!is_held(stream))
        return stream_unknown_statement(stream, query, dialect, err);
    stream->group.held_statement = true;
    enum rc rc = stream_unknown_hold(stream, query, dialect, err);
    return rc != RC_OK ? rc : stream_xa_hold(stream, err);
}

enum rc stream_query(struct binlog_stream *stream, struct change *change, struct error *err)
{
    struct query query;
    struct sql_statement *statement = &stream->statement;
    struct stream_group *group = &stream->group;
    enum rc rc =
        query_parse(stream->event.body, stream->event.header.type, &stream->inflated, &query, err);
    if (rc != RC_OK)
        return rc;
    struct looking looking = {
        .stream = stream, .dialect = dialect_of(stream, &query), .db = query.db, .err = err};
    sql_classify(&looking.dialect, query.text, statement);
    if (group->open && group->implicit && statement->kind == SQL_BEGIN) {
        group->ended = true;
        stream->event_pending = true;
        return RC_OK;
    }
    rc = on_border(stream, statement->kind, &query, err);
    if (rc != RC_NOT_FOUND)
        return rc;
    rc = stream_group_open(stream, NULL, err);
    if (rc != RC_OK)
        return rc;
    if (statement->kind == SQL_DML && stream->options.watch == NULL)
        rc = on_dml(stream, &query, &looking.dialect, err);
    else if (sql_changes_tables(statement->kind))
        rc = on_ddl(&looking, &query, statement, change, err);
    if (!group->begun)
        group->ended = true;
    return rc;
}
