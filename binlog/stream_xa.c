/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XA transactions in the stream (facts/binlog.md 4.4; stream_state_int.h says what becomes of
 * them). Their table maps, rows and statements that change rows are copied when they come, in the form of xa_store_int.h.
 */
#include <stdlib.h>

#include "stream_state_int.h"
#include "xa_note_int.h"

static enum rc refuse_overflow(const struct binlog_stream *stream, struct error *err)
{
    return error_set(err, RC_LIMIT,
                     "The XA transactions that are not committed yet where the one that began at "
                     "%s:%llu writes to captured tables have more than %zu bytes of rows, which is "
                     "more than is held until their end. Use plain or smaller transactions for "
                     "these tables, or leave them out.",
                     stream->txn_file, (unsigned long long)stream->txn.offset, stream->held.max);
}

enum rc stream_xa_hold(struct binlog_stream *stream, struct error *err)
{
    struct stream_group *group = &stream->group;
    const struct event *event = &stream->event;
    uint8_t head[XA_HELD_HEAD];
    if (rows_type_of(event->header.type).kind != ROWS_NONE) {
        struct rows_head rows;
        enum rc rc = rows_head_parse(event->body, event->header.type, &stream->format, &rows, err);
        if (rc != RC_OK)
            return rc;
        const struct table_shape *shape = tables_find(stream->tables, rows.table_id);
        if (shape != NULL && shape->table != NULL) {
            group->xa_captured = true;
            stream_unknown_touch(stream, shape->table);
        }
    } else if (event->header.type != EVENT_TABLE_MAP) {
        group->xa_captured = true; /* a statement: what it changes is asked when it is given out */
    }
    size_t held = stream->xa.bytes + stream->held.len + sizeof(head) + event->body.len;
    group->held_overflow = group->held_overflow || held > stream->held.max;
    if (!group->held_overflow) {
        store_u64le(head, event->offset);
        store_u32le(head + 8, (uint32_t)event->body.len);
        head[12] = event->header.type;
        buf_add(&stream->held, head, sizeof(head));
        buf_add_slice(&stream->held, event->body);
        stream->bytes_copied += event->body.len;
        if (stream->held.rc == RC_MEMORY)
            return buf_check(&stream->held, "The rows of an XA transaction", err);
    }
    return group->held_overflow && group->xa_captured ? refuse_overflow(stream, err) : RC_OK;
}

/* Without the beginning of its group an XA transaction looks like any other until it is prepared. */
static enum rc refuse_given(const struct binlog_stream *stream, struct error *err)
{
    return error_set(err, RC_CORRUPT,
                     "Reading began at %s:%llu, inside an XA transaction: its rows were given out, "
                     "and now it is prepared and not committed. Begin at the start of one.",
                     stream->txn_file, (unsigned long long)stream->txn.offset);
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
    size_t max = stream->held.max;
    prepared->xid = *xid;
    if (!stream->group.xa_captured)
        buf_deinit(&stream->held);
    prepared->rows = stream->held;
    prepared->format = stream->format;
    prepared->offset = stream->txn.offset;
    memcpy(prepared->file, stream->txn_file, sizeof(prepared->file));
    xa_store_add(&stream->xa, prepared);
    buf_init(&stream->held, max);
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
    stream->held_replay = one_phase && stream->held.len > 0 && !group->held_overflow;
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

enum rc stream_xa_end(struct binlog_stream *stream, struct slice statement, bool commits,
                      struct error *err)
{
    struct xid xid;
    if (!xid_of_statement(statement, &xid)) {
        if (stream->xa.count == 0)
            return RC_OK;
        return error_set(err, RC_CORRUPT,
                         "The XID of the statement that ends an XA transaction cannot be read.");
    }
    struct xa_prepared *prepared = xa_store_take(&stream->xa, &xid);
    if (prepared == NULL)
        tell_unknown(stream, &xid, commits);
    else if (commits && !stream->group.skipped)
        begin_replay(stream, prepared);
    xa_store_end(&stream->xa, prepared);
    return RC_OK;
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
