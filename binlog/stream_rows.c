/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table maps and rows in the stream. Every row is counted; the rows of captured tables are given
 * out, one a call, as views of the event.
 */
#include "inflate_int.h"
#include "stream_state_int.h"

/* Rows may come without a beginning: a start inside a transaction, or a 5.1 server. */
static enum rc open_implicit(struct binlog_stream *stream, struct error *err)
{
    if (stream->group.open)
        return RC_OK;
    enum rc rc = stream_group_open(stream, NULL, err);
    stream->group.implicit = true;
    return rc;
}

static bool must_hold(const struct binlog_stream *stream)
{
    return stream->group.xa && !stream->held_replay;
}

enum rc stream_table_map(struct binlog_stream *stream, struct error *err)
{
    enum rc rc = open_implicit(stream, err);
    if (stream->options.watch != NULL)
        return rc;
    if (rc == RC_OK)
        rc = tables_map(stream->tables, stream->event.body, &stream->format, err);
    if (rc == RC_OK && must_hold(stream))
        rc = stream_xa_hold(stream, err);
    return rc;
}

/* Rows of an unwanted table: their number alone matters. Where the event cannot be walked (a type
 * that nobody knows) it counts as one row, which is the same on every reading. */
static void count_rows(struct binlog_stream *stream, struct rows_walk *walk)
{
    uint64_t count = 0;
    enum rc rc = RC_OK;
    while ((rc = rows_walk_skip(walk, NULL)) == RC_OK)
        count++;
    stream->group.ordinal += rc == RC_EOF ? count : 1;
}

/* MariaDB's temporal columns of before 5.6 may have another size than the map lets us think; then
 * rows would come out shifted. Such an event is walked to its end before a row of it is given. */
static enum rc check_old_temporals(const struct rows_walk *walk, struct error *err)
{
    struct rows_walk trial = *walk;
    enum rc rc = RC_OK;
    do {
        rc = rows_walk_skip(&trial, NULL);
    } while (rc == RC_OK);
    if (rc == RC_EOF)
        return RC_OK;
    return error_set(err, RC_MISMATCH,
                     "The table has TIME, DATETIME or TIMESTAMP columns in MariaDB's old format "
                     "with fractions of seconds, whose precision is not in the binlog. Read it "
                     "from the server; ALTER TABLE ... FORCE with mysql56_temporal_format=ON "
                     "brings the table to the new format.");
}

static enum rc begin_walk(struct binlog_stream *stream, const struct rows_head *head,
                          struct table_shape *shape, struct error *err)
{
    struct slice rows = head->rows;
    enum rc rc = RC_OK;
    if (head->type.compressed) {
        rc = inflate_record(head->rows, &stream->inflated, err);
        rows = buf_slice(&stream->inflated);
        stream->bytes_copied += rows.len;
    }
    if (rc == RC_OK)
        rc = rows_walk_begin(&stream->walk, head, rows, shape, err);
    if (rc == RC_OK && shape->old_temporals && shape->table != NULL)
        rc = check_old_temporals(&stream->walk, err);
    return rc;
}

/* Rows that are not given. */
static void pass_rows(struct binlog_stream *stream, const struct rows_head *head,
                      struct table_shape *shape)
{
    uint64_t first = stream->group.ordinal;
    if (shape->countable && begin_walk(stream, head, shape, NULL) == RC_OK)
        count_rows(stream, &stream->walk);
    else
        stream->group.ordinal++;
    if (shape->lost != NULL)
        stream_unknown_lost(stream, shape->lost, first);
}

enum rc stream_rows_begin(struct binlog_stream *stream, struct error *err)
{
    enum rc rc = open_implicit(stream, err);
    if (rc != RC_OK || stream->options.watch != NULL)
        return rc;
    if (must_hold(stream))
        return stream_xa_hold(stream, err);
    struct rows_head head;
    rc =
        rows_head_parse(stream->event.body, stream->event.header.type, &stream->format, &head, err);
    if (rc != RC_OK || stream->group.skipped)
        return rc;
    struct table_shape *shape = tables_find(stream->tables, head.table_id);
    if (rows_head_is_dummy(&head, shape))
        return RC_OK;
    if (shape == NULL)
        return error_set(err, RC_CORRUPT,
                         "Rows come without a table map for table id %llu: reading began inside a "
                         "transaction. Begin at the start of one.",
                         (unsigned long long)head.table_id);
    if (shape->table == NULL) {
        pass_rows(stream, &head, shape);
        return RC_OK;
    }
    rc = begin_walk(stream, &head, shape, err);
    if (rc != RC_OK)
        error_wrap(err, "table %.*s.%.*s", SLICE_ARG(shape->table->db),
                   SLICE_ARG(shape->table->name));
    stream->walking = rc == RC_OK;
    stream_unknown_touch(stream, shape->table);
    return rc;
}

enum rc stream_rows_fragment(struct binlog_stream *stream, struct error *err)
{
    enum rc rc = open_implicit(stream, err);
    if (rc != RC_OK || stream->options.watch != NULL)
        return rc;
    rc = fragments_take(&stream->fragments, &stream->event, err);
    if (rc == RC_AGAIN)
        return RC_OK;
    if (rc == RC_OK)
        stream->bytes_copied += stream->event.body.len;
    return rc != RC_OK ? rc : stream_rows_begin(stream, err);
}

static void fill_change(const struct binlog_stream *stream, struct change *change)
{
    static const enum change_kind kinds[] = {[ROWS_INSERT] = CHANGE_INSERT,
                                             [ROWS_UPDATE] = CHANGE_UPDATE,
                                             [ROWS_DELETE] = CHANGE_DELETE};
    const struct table_shape *shape = stream->walk.shape;
    enum rows_kind kind = stream->walk.head.type.kind;
    change->kind = kinds[kind];
    change->table = shape->table;
    if (kind != ROWS_INSERT)
        change->before = (struct row){shape->before, shape->column_count};
    if (kind != ROWS_DELETE)
        change->after = (struct row){shape->after, shape->column_count};
    change->txn = &stream->txn;
    change->event_offset = stream->event.offset;
}

enum rc stream_rows_next(struct binlog_stream *stream, struct change *change, struct error *err)
{
    struct stream_group *group = &stream->group;
    for (;;) {
        bool passed = group->ordinal < group->pass;
        enum rc rc =
            passed ? rows_walk_skip(&stream->walk, err) : rows_walk_next(&stream->walk, err);
        if (rc == RC_EOF)
            return RC_EOF;
        if (rc == RC_OK && !passed && stream->walk.head.type.partial)
            rc = rows_partial_complete(&stream->partial, &stream->walk, err);
        if (rc != RC_OK) {
            const struct table *table = stream->walk.shape->table;
            error_wrap(err, "table %.*s.%.*s", SLICE_ARG(table->db), SLICE_ARG(table->name));
            return rc;
        }
        change->ordinal = group->ordinal++;
        group->given++;
        group->told = true;
        if (passed)
            continue;
        stream->rows_read++;
        fill_change(stream, change);
        return RC_OK;
    }
}
