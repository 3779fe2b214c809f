/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XA transactions in the stream (facts/binlog.md 4.4; stream_state_int.h says what becomes of
 * them). Their table maps, rows and statements that change rows are copied when they come, in the form of xa_store_int.h.
 *
 * Where a transaction has more of them than there is room for, its rows are dropped, those that were held
 * too, so that they take nobody's room; which captured tables it touches is remembered (xa_names_int.h) and
 * told when it commits.
 */
#include <stdlib.h>

#include "stream_state_int.h"
#include "xa_note_int.h"

/* Rows of a captured table: their table is touched, whether there is room for them or not. */
static enum rc touch(struct binlog_stream *stream, struct error *err)
{
    const struct event *event = &stream->event;
    struct rows_head rows;
    enum rc rc = rows_head_parse(event->body, event->header.type, &stream->format, &rows, err);
    if (rc != RC_OK)
        return rc;
    const struct table_shape *shape = tables_find(stream->tables, rows.table_id);
    if (shape == NULL || shape->table == NULL)
        return RC_OK;
    stream->group.xa_captured = true;
    stream_unknown_touch(stream, shape->table);
    xa_names_add(&stream->held_names, stream->group.held_seen, shape->table->db,
                 shape->table->name);
    return buf_check(&stream->held_names, "The tables of a transaction", err);
}

/* Rows that would have to wait take no room once it is known that not all of them find it. */
static bool has_room(struct binlog_stream *stream)
{
    struct stream_group *group = &stream->group;
    size_t held = stream->xa.bytes + stream->held.len + XA_HELD_HEAD + stream->event.body.len;
    if (!group->held_overflow && held > stream->held.max) {
        group->held_overflow = true;
        buf_reset(&stream->held);
    }
    return !group->held_overflow;
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
    if (!has_room(stream))
        return RC_OK;
    uint8_t head[XA_HELD_HEAD];
    store_u64le(head, event->offset);
    store_u32le(head + 8, (uint32_t)event->body.len);
    head[12] = event->header.type;
    buf_add(&stream->held, head, sizeof(head));
    buf_add_slice(&stream->held, event->body);
    stream->bytes_copied += event->body.len;
    return buf_check(&stream->held, "The rows of an XA transaction", err);
}

/* Without the beginning of its group an XA transaction looks like any other until it is prepared. */
static enum rc refuse_given(const struct binlog_stream *stream, struct error *err)
{
    return error_set(err, RC_CORRUPT,
                     "Reading began at %s:%llu, inside an XA transaction: its rows were given out, "
                     "and now it is prepared and not committed. Begin at the start of one.",
                     stream->txn_file, (unsigned long long)stream->txn.offset);
}

static void warn_unheld(const struct binlog_stream *stream)
{
    log_warn("binlog.stream",
             stream->group.undone_unknown
                 ? "An XA transaction rolled back to a savepoint that is not known, so that which "
                   "of its rows it still has is not known either. If it commits, the captured "
                   "tables that it touches are told as changed in a way that is not known."
                 : "The rows of XA transactions that wait for their end are more than is held: "
                   "those of this one are not. If it commits, the captured tables that it touches "
                   "are told as changed in a way that is not known.",
             LOG_STR("file", stream->txn_file), LOG_U64("offset", stream->txn.offset),
             LOG_U64("bytes_held", stream->xa.bytes), LOG_U64("most", stream->held.max));
}

/* What waits for the transaction's end: its rows, or the names of their tables. */
static enum rc fill_prepared(struct binlog_stream *stream, struct xa_prepared *prepared,
                             struct error *err)
{
    const struct buf *names = &stream->held_names;
    if (stream->group.held_overflow && names->len > 0) {
        prepared->names_only = true;
        prepared->has_statement = stream->group.held_statement;
        buf_init(&prepared->rows, XA_NAMES_BYTES_MAX);
        buf_add_slice(&prepared->rows, buf_slice(names));
        warn_unheld(stream);
        return buf_check(&prepared->rows, "The tables of a transaction", err);
    }
    size_t max = stream->held.max;
    if (!stream->group.xa_captured)
        buf_deinit(&stream->held);
    prepared->rows = stream->held;
    buf_init(&stream->held, max);
    return RC_OK;
}

/* The rows in hand wait under their XID. */
static enum rc keep_prepared(struct binlog_stream *stream, const struct xid *xid, struct error *err)
{
    const struct xa_prepared *twin = xa_store_find(&stream->xa, xid);
    if (twin != NULL)
        return error_set(err, RC_CORRUPT,
                         "An XA transaction is prepared whose XID is that of the one that began at "
                         "%s:%llu, which neither committed nor rolled back in between.",
                         twin->file, (unsigned long long)twin->offset);
    struct xa_prepared *prepared = calloc(1, sizeof(*prepared));
    if (prepared == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for an XA transaction.");
    enum rc rc = fill_prepared(stream, prepared, err);
    if (rc != RC_OK) {
        xa_prepared_free(prepared);
        return rc;
    }
    prepared->xid = *xid;
    prepared->format = stream->format;
    prepared->offset = stream->txn.offset;
    memcpy(prepared->file, stream->txn_file, sizeof(prepared->file));
    xa_store_add(&stream->xa, prepared);
    return RC_OK;
}

enum rc stream_xa_prepare(struct binlog_stream *stream, struct error *err)
{
    struct stream_group *group = &stream->group;
    struct cursor cursor = cursor_of(stream->event.body);
    struct xid xid;
    bool one_phase = cursor_u8(&cursor) != 0;
    if (!xid_read(&cursor, &xid))
        return error_set(err, RC_CORRUPT, "The event is cut off.");
    if (!group->open)
        return RC_OK;
    if (!one_phase && group->given > 0)
        return refuse_given(stream, err);
    /* On the wire all are remembered, so that one whose end comes without its beginning is known
     * for what it is: prepared before reading began. */
    enum rc rc = RC_OK;
    if (!one_phase && (group->xa_captured || !stream->options.offline))
        rc = keep_prepared(stream, &xid, err);
    if (rc != RC_OK)
        return rc;
    group->ended = true;
    group->xa = false;
    stream->held_at = 0;
    if (one_phase && group->held_overflow && stream->held_names.len > 0)
        return stream_unknown_unheld(stream, SLICE("XA COMMIT"), SLICE_EMPTY, err);
    stream->held_replay = one_phase && stream->held.len > 0;
    if (!stream->held_replay)
        buf_reset(&stream->held);
    return RC_OK;
}

/* The rows are given out as the XA COMMIT's, so that is where they lie for whoever reads them. */
static void place_rows(struct buf *rows, uint64_t offset)
{
    size_t at = 0;
    while (at < rows->len) {
        store_u64le(rows->ptr + at, offset);
        at += XA_HELD_HEAD + load_u32le(rows->ptr + at + 8);
    }
    ASSERT(at == rows->len);
}

static enum rc give_names(struct binlog_stream *stream, const struct xa_prepared *prepared,
                          const struct query *query, struct error *err)
{
    buf_reset(&stream->held_names);
    buf_add_slice(&stream->held_names, buf_slice(&prepared->rows));
    enum rc rc = buf_check(&stream->held_names, "The tables of a transaction", err);
    return rc != RC_OK ? rc : stream_unknown_unheld(stream, query->text, query->db, err);
}

static void begin_replay(struct binlog_stream *stream, struct xa_prepared *prepared)
{
    if (prepared->rows.len == 0)
        return;
    place_rows(&prepared->rows, stream->event.offset);
    struct buf unused = stream->held;
    stream->held = prepared->rows;
    prepared->rows = unused;
    stream->format_behind = stream->format;
    stream->format = prepared->format;
    stream->held_at = 0;
    stream->held_replay = true;
}

/* What is left of rows that were undone: statements that are in the binlog as text, of which nobody knows
 * whether their tables undid them. They are told; true when there are any. */
static bool keep_statements(const struct binlog_stream *stream, struct xa_prepared *prepared)
{
    if (prepared->names_only)
        return prepared->has_statement;
    return !stream->group.skipped && stream_savepoint_cut(&prepared->rows, 0);
}

enum rc stream_xa_undone(struct binlog_stream *stream, const struct query *query, struct error *err)
{
    struct stream_group *group = &stream->group;
    group->ended = true;
    group->xa = false;
    stream->held_at = 0;
    if (!group->held_overflow)
        stream->held_replay = stream_savepoint_cut(&stream->held, 0);
    else if (group->held_statement)
        return stream_unknown_unheld(stream, query->text, query->db, err);
    return RC_OK;
}

/* Offline: nothing of captured tables was in it, or it was prepared before the first file. */
static void tell_unknown(const struct binlog_stream *stream, const struct xid *xid, bool commits)
{
    if (stream->options.offline || !commits) {
        log_debug("binlog.stream", "An XA transaction ends of which no captured row was seen.",
                  LOG_STR("file", stream->file), LOG_U64("offset", stream->event.offset));
        return;
    }
    struct buf text;
    buf_init(&text, XID_TEXT_MAX);
    xid_text(xid, &text);
    log_warn("binlog.stream",
             "An XA transaction is committed that was prepared before reading began. If it changed "
             "captured tables, their targets lack its rows: take those tables again with millrace "
             "snapshot.",
             LOG_SLICE("xid", buf_slice(&text)), LOG_STR("file", stream->file),
             LOG_U64("offset", stream->event.offset));
    buf_deinit(&text);
}

enum rc stream_xa_end(struct binlog_stream *stream, const struct query *query, bool commits,
                      struct error *err)
{
    struct xid xid;
    enum rc rc = RC_OK;
    if (stream->group.xa && !commits) /* MySQL: never prepared, and yet in the binlog */
        return stream_xa_undone(stream, query, err);
    if (!xid_of_statement(query->text, &xid)) {
        if (stream->xa.count == 0)
            return RC_OK;
        return error_set(err, RC_CORRUPT,
                         "The XID of the statement that ends an XA transaction cannot be read.");
    }
    struct xa_prepared *prepared = xa_store_take(&stream->xa, &xid);
    bool gives = prepared != NULL && (commits || keep_statements(stream, prepared));
    if (prepared == NULL)
        tell_unknown(stream, &xid, commits);
    else if (gives && prepared->names_only)
        rc = give_names(stream, prepared, query, err);
    else if (gives && !stream->group.skipped)
        begin_replay(stream, prepared);
    xa_store_end(&stream->xa, prepared);
    return rc;
}

bool stream_xa_take_held(struct binlog_stream *stream)
{
    ASSERT(stream->held_replay);
    struct slice all = buf_slice(&stream->held);
    struct cursor cursor =
        cursor_of(slice_of(all.ptr + stream->held_at, all.len - stream->held_at));
    if (cursor_left(&cursor) == 0) {
        stream->held_replay = false;
        buf_reset(&stream->held);
        if (stream->format_behind.known)
            stream->format = stream->format_behind;
        stream->format_behind = (struct event_format){0};
        return false;
    }
    uint64_t offset = cursor_u64(&cursor);
    uint32_t body_len = cursor_u32(&cursor);
    uint8_t type = cursor_u8(&cursor);
    struct slice body = cursor_slice(&cursor, body_len);
    ASSERT(!cursor.failed);
    stream->held_at = all.len - cursor_left(&cursor);
    stream->event = (struct event){.header = {.type = type, .length = body_len},
                                   .body = body,
                                   .offset = offset,
                                   .inner = true};
    return true;
}

enum rc binlog_stream_xa_remember(struct binlog_stream *stream, struct slice key,
                                  struct slice value, struct error *err)
{
    return xa_note_read(&stream->xa, key, value, err);
}

enum rc binlog_stream_xa_notes(struct binlog_stream *stream, source_note_fn visit, void *ctx,
                               struct error *err)
{
    return xa_note_each(&stream->xa, visit, ctx, err);
}

void stream_xa_tell_left(struct binlog_stream *stream)
{
    enum { SHOWN = 20, TEXT_MAX = 16384 };
    if (stream->xa.count == 0 || stream->xa_left_told)
        return;
    struct buf text;
    buf_init(&text, TEXT_MAX);
    xa_store_text(&stream->xa, SHOWN, &text);
    log_warn("binlog.stream",
             "XA transactions are prepared and neither committed nor rolled back in these files; "
             "their rows are not given out.",
             LOG_U64("transactions", stream->xa.count), LOG_SLICE("xids", buf_slice(&text)));
    buf_deinit(&text);
    stream->xa_left_told = true;
}
