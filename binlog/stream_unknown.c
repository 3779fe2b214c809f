/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of rows that the binlog does not tell (facts/binlog.md 4.1, 4.2): a statement that is in it
 * as text, and a transaction whose rows are in it and which is rolled back behind them, of which only
 * what went to tables without transactions stays. What comes of it cannot be known from here; which
 * captured tables it may concern can, and each of them is told, so that nobody goes on as if nothing
 * had been.
 *
 * Which tables: those that the statement names. Where its grammar hides them (several tables, a WITH),
 * every name in it that is a captured table's. Where no name is (a routine that changes rows inside),
 * all captured tables of the default database, in one change without a table.
 *
 * Ordinals: a statement takes as many as names were looked at, and one at least, so that what follows
 * in its transaction is counted the same under every filter.
 *
 * Rows of a table whose columns cannot be told where they stand (schema/history_int.h: lost) are a third kind: they
 * are counted, and the table is told.
 *
 * In an XA transaction such a statement is held with the rows, until it is known whether it ever was. An XA
 * transaction with more rows than are held is itself such a change of every captured table that it touches:
 * the ordinal of one is the number of the event (or the name in a statement) that touched it first, so that
 * it does not depend on the filter.
 */
#include "stream_state_int.h"

/* A statement while its names are looked at. */
struct seeking {
    struct binlog_stream *stream;
    struct slice db; /* default database */
    uint64_t first;  /* ordinal of the first name */
    uint64_t looked; /* names looked at so far */
    struct error *err;
    enum rc rc;
};

static void add(struct binlog_stream *stream, const struct stream_unknown_table *what)
{
    struct stream_unknown *unknown = &stream->unknown;
    for (uint32_t i = 0; i < unknown->count; i++)
        if (what->table != NULL && unknown->tables[i].table == what->table)
            return;
    if (unknown->count < STREAM_UNKNOWN_MAX)
        unknown->tables[unknown->count++] = *what;
    else
        unknown->overflow = true;
}

static bool is_system_schema(struct slice db)
{
    return slice_equal_nocase(db, SLICE("mysql")) || slice_equal_nocase(db, SLICE("sys")) ||
           slice_equal_nocase(db, SLICE("performance_schema")) ||
           slice_equal_nocase(db, SLICE("information_schema"));
}

/* Notes a name when it is a captured table's. `certain`: the statement changes the table, known or
 * not; else it may be the name of anything, and has to be a known table's. */
static void look_at(struct seeking *seeking, struct sql_name name, bool certain)
{
    struct binlog_stream *stream = seeking->stream;
    struct slice db = name.db.len > 0 ? name.db : seeking->db;
    struct stream_unknown_table what = {
        .ordinal = seeking->first + seeking->looked, .db = db, .name = name.name};
    bool wanted = false;
    seeking->looked++;
    if (seeking->rc == RC_OK)
        seeking->rc = tables_wants(stream->tables, db, name.name, &wanted, seeking->err);
    if (seeking->rc != RC_OK || !wanted)
        return;
    seeking->rc = tables_look_up(stream->tables, db, name.name, stream->format.is_mariadb,
                                 &what.table, seeking->err);
    if (seeking->rc == RC_OK && (what.table != NULL || certain))
        add(stream, &what);
}

static bool look_at_any(void *ctx, struct sql_name name)
{
    struct seeking *seeking = ctx;
    look_at(seeking, name, false);
    return seeking->rc != RC_OK;
}

static void begin(struct binlog_stream *stream, struct slice text, struct slice db)
{
    stream->unknown = (struct stream_unknown){.text = text, .db = db};
}

/* More tables than are kept: then it may be any of the database's. */
static void settle(struct binlog_stream *stream)
{
    struct stream_unknown *unknown = &stream->unknown;
    if (!unknown->overflow)
        return;
    unknown->tables[0] = (struct stream_unknown_table){.ordinal = unknown->tables[0].ordinal};
    unknown->count = 1;
}

/* The captured tables that the statement may concern become `unknown`; `ordinal` moves behind what they
 * take. */
static enum rc look_for_tables(struct binlog_stream *stream, const struct query *query,
                               const struct sql_dialect *dialect, uint64_t *ordinal,
                               struct error *err)
{
    struct sql_statement *statement = &stream->statement;
    struct seeking seeking = {.stream = stream, .db = query->db, .first = *ordinal, .err = err};
    begin(stream, query->text, query->db);
    if (statement->names_complete)
        for (uint32_t i = 0; i < statement->name_count && seeking.rc == RC_OK; i++)
            look_at(&seeking, statement->names[i], true);
    else
        (void)sql_scan_names(dialect, query->text, look_at_any, &seeking);
    bool anywhere = statement->hides_names && stream->unknown.count == 0 &&
                    !is_system_schema(query->db) && tables_any_wanted(stream->tables, query->db);
    if (anywhere) {
        struct stream_unknown_table any = {.ordinal = *ordinal, .db = query->db};
        add(stream, &any);
    }
    settle(stream);
    if (seeking.rc != RC_OK)
        stream->unknown.count = 0;
    *ordinal += seeking.looked > 0 ? seeking.looked : 1;
    return seeking.rc;
}

enum rc stream_unknown_statement(struct binlog_stream *stream, const struct query *query,
                                 const struct sql_dialect *dialect, struct error *err)
{
    enum rc rc = look_for_tables(stream, query, dialect, &stream->group.ordinal, err);
    if (stream->group.skipped)
        stream->unknown.count = 0;
    return rc;
}

enum rc stream_unknown_hold(struct binlog_stream *stream, const struct query *query,
                            const struct sql_dialect *dialect, struct error *err)
{
    struct stream_unknown *unknown = &stream->unknown;
    enum rc rc = look_for_tables(stream, query, dialect, &stream->group.held_seen, err);
    for (uint32_t i = 0; rc == RC_OK && i < unknown->count; i++)
        xa_names_add(&stream->held_names, unknown->tables[i].ordinal, unknown->tables[i].db,
                     unknown->tables[i].name);
    *unknown = (struct stream_unknown){0};
    return rc != RC_OK ? rc : buf_check(&stream->held_names, "The tables of a transaction", err);
}

enum rc stream_unknown_unheld(struct binlog_stream *stream, struct slice text, struct slice db,
                              struct error *err)
{
    struct cursor cursor = cursor_of(buf_slice(&stream->held_names));
    struct seeking seeking = {.stream = stream, .err = err};
    struct xa_name name;
    begin(stream, text, db);
    if (stream->group.skipped || stream->options.watch != NULL)
        return RC_OK;
    while (seeking.rc == RC_OK && xa_names_next(&cursor, &name)) {
        seeking.first = stream->group.ordinal + name.ordinal;
        seeking.looked = 0;
        struct stream_unknown_table any = {.ordinal = seeking.first, .db = name.db};
        if (name.table.len == 0)
            add(stream, &any);
        else
            look_at(&seeking, (struct sql_name){.db = name.db, .name = name.table}, true);
    }
    settle(stream);
    stream->group.ordinal = seeking.first + 1;
    return seeking.rc;
}

enum rc stream_unknown_before(struct binlog_stream *stream, const struct query *query,
                              struct error *err)
{
    buf_reset(&stream->held_names);
    xa_names_add(&stream->held_names, 0, SLICE_EMPTY, SLICE_EMPTY);
    enum rc rc = buf_check(&stream->held_names, "The tables of a transaction", err);
    if (rc == RC_OK)
        rc = stream_unknown_unheld(stream, query->text, SLICE_EMPTY, err);
    stream->unknown.from_before = true;
    return rc;
}

void stream_unknown_touch(struct binlog_stream *stream, struct table *table)
{
    struct stream_group *group = &stream->group;
    for (uint32_t i = 0; i < group->touched_count; i++)
        if (stream->touched[i] == table)
            return;
    if (group->touched_count < STREAM_UNKNOWN_MAX)
        stream->touched[group->touched_count++] = table;
    else
        group->touched_overflow = true;
}

void stream_unknown_lost(struct binlog_stream *stream, const struct table_lost *lost,
                         uint64_t ordinal)
{
    if (stream->group.lost_told == lost)
        return;
    stream->group.lost_told = lost;
    begin(stream, lost->because_of, lost->db);
    stream->unknown.columns_unknown = true;
    struct stream_unknown_table what = {.ordinal = ordinal, .db = lost->db, .name = lost->name};
    add(stream, &what);
}

void stream_unknown_undone(struct binlog_stream *stream)
{
    struct stream_group *group = &stream->group;
    group->undone = false;
    if (group->skipped || stream->options.watch != NULL)
        return;
    begin(stream, SLICE("ROLLBACK"), SLICE_EMPTY);
    for (uint32_t i = 0; i < group->touched_count; i++) {
        struct stream_unknown_table what = {.table = stream->touched[i],
                                            .ordinal = group->ordinal + i};
        add(stream, &what);
    }
    stream->unknown.overflow = group->touched_overflow;
    settle(stream);
    group->ordinal += stream->unknown.count;
}

enum rc stream_unknown_next(struct binlog_stream *stream, struct change *change)
{
    struct stream_unknown *unknown = &stream->unknown;
    while (unknown->next < unknown->count) {
        const struct stream_unknown_table *what = &unknown->tables[unknown->next++];
        stream->group.told = true;
        if (what->ordinal < stream->group.pass) /* given out before a resume */
            continue;
        *change = (struct change){
            .kind = CHANGE_UNKNOWN,
            .table = what->table,
            .txn = &stream->txn,
            .ordinal = what->ordinal,
            .event_offset = stream->event.offset,
            .ddl = unknown->text,
            .ddl_db = unknown->db,
            .about_db = what->db,
            .about_table = what->name,
            .from_before = unknown->from_before,
            .columns_unknown = unknown->columns_unknown,
        };
        return RC_OK;
    }
    return RC_EOF;
}
