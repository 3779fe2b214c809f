/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of XA transactions on their way in and out (xa_rows_int.h says in which form). Table maps, rows and
 * statements that change rows are copied when they come; a block of them that is full goes to a file.
 * So memory is flat, however large the transaction is: a block of the one that is being read, and what
 * STREAM_HELD_MAX lets wait of small ones.
 *
 * Where a transaction finds no room, its rows are dropped, those that were held too, so that they take nobody's room;
 * which captured tables it touches is remembered (xa_names_int.h) and told when it commits.
 */
#include "stream_state_int.h"

enum rc stream_xa_open(struct binlog_stream *stream, struct error *err)
{
    const struct binlog_stream_options *options = &stream->options;
    struct xa_folder_options folder = {.parent = options->xa_dir,
                                       .temporary = options->offline,
                                       .bytes_max = options->xa_bytes_max};
    stream->options.xa_dir = NULL; /* the caller's, and not needed any more */
    return folder.parent == NULL ? RC_OK : xa_folder_new(&folder, &stream->xa_folder, err);
}

void stream_xa_close(struct binlog_stream *stream)
{
    stream_xa_drop_held(stream);
    xa_rows_deinit(&stream->held);
    record_writer_deinit(&stream->held_writer);
    xa_reading_deinit(&stream->replay);
    xa_store_clear(&stream->xa);
    xa_folder_free(stream->xa_folder);
}

void stream_xa_drop_held(struct binlog_stream *stream)
{
    xa_rows_drop(&stream->held, stream->xa_folder, &stream->held_writer);
}

/* Rows of a captured table: their table is touched, whether there is room for them or not. */
static enum rc touch(struct binlog_stream *stream, struct error *err)
{
    const struct event *event = &stream->event;
    struct rows_head rows;
    enum rc rc = rows_head_parse(event->body, event->header.type, &stream->format, &rows, err);
    if (rc != RC_OK)
        return rc;
    const struct table_shape *shape = tables_find(stream->tables, rows.table_id);
    if (shape == NULL || (shape->table == NULL && shape->lost == NULL))
        return RC_OK;
    stream->group.xa_captured = true;
    if (shape->table != NULL)
        stream_unknown_touch(stream, shape->table);
    xa_names_add(&stream->held_names, stream->group.held_seen,
                 shape->lost != NULL ? shape->lost->db : shape->table->db,
                 shape->lost != NULL ? shape->lost->name : shape->table->name);
    return buf_check(&stream->held_names, "The tables of a transaction", err);
}

/* There is no room for the transaction's rows. */
static void give_up(struct binlog_stream *stream)
{
    stream->group.held_overflow = true;
    stream_xa_drop_held(stream);
}

/* The file did not take them. */
static void give_up_file(struct binlog_stream *stream, const struct error *why)
{
    log_warn("binlog.stream", "Rows of an XA transaction cannot be kept on the disk.",
             LOG_STR("reason", why->text), LOG_STR("file", stream->txn_file),
             LOG_U64("offset", stream->txn.offset));
    give_up(stream);
}

/* The memory that is left for rows. */
static size_t memory_left(const struct binlog_stream *stream)
{
    return stream->xa.bytes < stream->held_max ? stream->held_max - stream->xa.bytes : 0;
}

static bool has_files(const struct binlog_stream *stream)
{
    return stream->xa_folder != NULL && stream->options.xa_bytes_max > 0;
}

/* Room for the event in hand, among the rows in memory. */
static void make_room(struct binlog_stream *stream)
{
    struct xa_rows *held = &stream->held;
    size_t size = held->bytes.len + XA_HELD_HEAD + stream->event.body.len;
    struct error err = {0};
    if (stream->group.held_overflow)
        return;
    if (!has_files(stream)) {
        if (size > memory_left(stream))
            give_up(stream);
        return;
    }
    size_t block = stream->held_max < XA_ROWS_BLOCK ? stream->held_max : XA_ROWS_BLOCK;
    if (held->bytes.len > 0 && size > block &&
        xa_rows_file(held, stream->xa_folder, &stream->held_writer, &err) != RC_OK)
        give_up_file(stream, &err);
}

enum rc stream_xa_hold(struct binlog_stream *stream, struct error *err)
{
    struct stream_group *group = &stream->group;
    const struct event *event = &stream->event;
    bool has_rows = rows_type_of(event->header.type).kind != ROWS_NONE;
    enum rc rc = has_rows ? touch(stream, err) : RC_OK;
    if (rc != RC_OK)
        return rc;
    if (!has_rows && event->header.type != EVENT_TABLE_MAP)
        group->xa_captured = true; /* a statement: what it changes is asked when it is given out */
    group->held_seen++;
    make_room(stream);
    if (group->held_overflow)
        return RC_OK;
    stream->bytes_copied += event->body.len;
    return xa_rows_add(&stream->held, event, err);
}

void stream_xa_finish_held(struct binlog_stream *stream, bool waits)
{
    struct xa_rows *held = &stream->held;
    struct error err = {0};
    bool fits = held->bytes.len <= memory_left(stream) || !waits;
    if (stream->group.held_overflow || (held->file == 0 && fits))
        return;
    bool lasting = waits && !stream->options.offline;
    if (!has_files(stream))
        give_up(stream);
    else if (xa_rows_finish(held, stream->xa_folder, &stream->held_writer, lasting, &err) != RC_OK)
        give_up_file(stream, &err);
}

enum rc stream_xa_replay(struct binlog_stream *stream, struct xa_rows *rows, bool only_statements,
                         bool files_go, struct error *err)
{
    enum rc rc = xa_reading_begin(&stream->replay, stream->xa_folder, rows, err);
    stream->held_replay = rc == RC_OK;
    stream->held_replay_files = files_go;
    stream->replay.only_statements = only_statements;
    return rc;
}

void stream_xa_drop_replay(struct binlog_stream *stream)
{
    if (!stream->held_replay)
        return;
    xa_reading_end(&stream->replay, stream->held_replay_files ? stream->xa_folder : NULL);
    stream->held_replay = false;
    if (stream->format_behind.known)
        stream->format = stream->format_behind;
    stream->format_behind = (struct event_format){0};
}

enum rc stream_xa_take_held(struct binlog_stream *stream, struct error *err)
{
    ASSERT(stream->held_replay);
    enum rc rc = xa_reading_next(&stream->replay, &stream->event, err);
    if (rc == RC_EOF)
        stream_xa_drop_replay(stream);
    return rc;
}
