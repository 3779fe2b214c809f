/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XA transactions in the stream (facts/binlog.md 4.4; stream_state_int.h says what becomes of
 * them): what is prepared, what ends, and the notes of that. How rows are held is in stream_held.c.
 */
#include "stream_state_int.h"
#include "xa_note_int.h"

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
             LOG_U64("bytes_held", stream->xa.bytes + stream->xa.filed),
             LOG_U64("most_in_memory", stream->held_max),
             LOG_U64("most_in_files", stream->options.xa_bytes_max));
}

/* What waits for the transaction's end: its rows, the names of their tables, or both. */
static enum rc fill_prepared(struct binlog_stream *stream, struct xa_prepared *prepared,
                             struct error *err)
{
    const struct buf *names = &stream->held_names;
    if (!stream->group.xa_captured || (names->len == 0 && stream->held.file != 0))
        stream_xa_drop_held(stream);
    stream_xa_finish_held(stream, true);
    bool unheld = stream->group.held_overflow;
    if (names->len == 0 && stream->held.file != 0)
        stream_xa_drop_held(stream); /* statements about other tables */
    if (names->len > 0 && (unheld || stream->held.file != 0)) {
        prepared->names_only = unheld;
        prepared->has_statement = stream->group.held_statement;
        buf_add_slice(&prepared->names, buf_slice(names));
    }
    if (prepared->names_only)
        warn_unheld(stream);
    struct xa_rows unused = prepared->rows;
    prepared->rows = stream->held;
    stream->held = unused;
    return buf_check(&prepared->names, "The tables of a transaction", err);
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
    struct xa_prepared *prepared = xa_prepared_new();
    if (prepared == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for an XA transaction.");
    enum rc rc = fill_prepared(stream, prepared, err);
    if (rc != RC_OK) {
        xa_rows_drop(&prepared->rows, stream->xa_folder, NULL);
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

/* It is prepared and committed at once: its rows are those of the group in hand. */
static enum rc give_one_phase(struct binlog_stream *stream, struct error *err)
{
    stream_xa_finish_held(stream, false);
    if (stream->group.held_overflow && stream->held_names.len > 0)
        return stream_unknown_unheld(stream, SLICE("XA COMMIT"), SLICE_EMPTY, err);
    return stream_xa_replay(stream, &stream->held, false, true, err);
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
    group->ended = true;
    group->xa = false;
    if (one_phase)
        return give_one_phase(stream, err);
    /* On the wire all are remembered, so that one whose end comes without its beginning is known
     * for what it is: prepared before reading began. */
    if (group->xa_captured || !stream->options.offline)
        return keep_prepared(stream, &xid, err);
    stream_xa_drop_held(stream);
    return RC_OK;
}

static enum rc give_names(struct binlog_stream *stream, const struct xa_prepared *prepared,
                          const struct query *query, struct error *err)
{
    buf_reset(&stream->held_names);
    buf_add_slice(&stream->held_names, buf_slice(&prepared->names));
    enum rc rc = buf_check(&stream->held_names, "The tables of a transaction", err);
    return rc != RC_OK ? rc : stream_unknown_unheld(stream, query->text, query->db, err);
}

/* The rows are given out as the XA COMMIT's, so that is where they lie for whoever reads them. */
static enum rc give_rows(struct binlog_stream *stream, struct xa_prepared *prepared,
                         bool only_statements, struct error *err)
{
    uint64_t file = prepared->rows.file;
    uint64_t file_bytes = prepared->rows.file_bytes;
    enum rc rc = stream_xa_replay(stream, &prepared->rows, only_statements, !prepared->noted, err);
    if (rc != RC_OK)
        return rc;
    if (prepared->noted) { /* a start before this needs the file still */
        prepared->rows.file = file;
        prepared->rows.file_bytes = file_bytes;
    }
    stream->replay.place = stream->event.offset;
    stream->format_behind = stream->format;
    stream->format = prepared->format;
    return RC_OK;
}

/* Its file is lost: the tables stand for the rows. Those of its rows that were given before a restart stay
 * counted, so that the names come behind them. */
static enum rc give_names_of_lost(struct binlog_stream *stream, const struct xa_prepared *prepared,
                                  const struct query *query, const struct error *why,
                                  struct error *err)
{
    struct stream_group *group = &stream->group;
    log_warn(
        "binlog.stream",
        "The rows of an XA transaction that waited on the disk are lost; the captured tables that "
        "it touches are told as changed in a way that is not known.",
        LOG_STR("reason", why->text), LOG_STR("file", stream->file),
        LOG_U64("offset", stream->event.offset));
    if (group->ordinal < group->pass)
        group->ordinal = group->pass;
    return give_names(stream, prepared, query, err);
}

/* What the transaction did, now that it is over. What was undone leaves statements that are in the binlog as
 * text, of which nobody knows whether their tables undid them. */
static enum rc give_prepared(struct binlog_stream *stream, struct xa_prepared *prepared,
                             const struct query *query, bool commits, struct error *err)
{
    struct error why = {0};
    bool names = prepared->names_only || prepared->rows.file != 0;
    if (!commits && names && !prepared->has_statement)
        return RC_OK;
    if (prepared->names_only)
        return give_names(stream, prepared, query, err);
    if (stream->group.skipped || xa_rows_len(&prepared->rows) == 0)
        return RC_OK;
    enum rc rc = give_rows(stream, prepared, !commits, &why);
    if (rc == RC_OK || prepared->rows.file == 0) {
        if (rc != RC_OK && err != NULL)
            *err = why;
        return rc;
    }
    return give_names_of_lost(stream, prepared, query, &why, err);
}

enum rc stream_xa_undone(struct binlog_stream *stream, const struct query *query, struct error *err)
{
    struct stream_group *group = &stream->group;
    group->ended = true;
    group->xa = false;
    if (!group->held_statement) {
        stream_xa_drop_held(stream);
        return RC_OK;
    }
    stream_xa_finish_held(stream, false);
    if (group->held_overflow)
        return stream_unknown_unheld(stream, query->text, query->db, err);
    return stream_xa_replay(stream, &stream->held, true, true, err);
}

/*
 * Its XA PREPARE did not come by. On the wire all that do are remembered, so that this one was prepared before
 * reading began, and its rows are nowhere to be had. Offline those without captured rows are not remembered, and what lies before
 * the first file was not asked for.
 */
static enum rc end_unprepared(struct binlog_stream *stream, const struct xid *xid,
                              const struct query *query, bool commits, struct error *err)
{
    if (stream->options.offline || stream->options.watch != NULL || !commits) {
        log_debug("binlog.stream", "An XA transaction ends of which no captured row was seen.",
                  LOG_STR("file", stream->file), LOG_U64("offset", stream->event.offset));
        return RC_OK;
    }
    struct buf text;
    buf_init(&text, XID_TEXT_MAX);
    xid_text(xid, &text);
    log_warn(
        "binlog.stream",
        "An XA transaction is committed that was prepared before reading began, so that its rows "
        "are not known, nor which captured tables it changed: all of them are told as changed "
        "in a way that is not known.",
        LOG_SLICE("xid", buf_slice(&text)), LOG_STR("file", stream->file),
        LOG_U64("offset", stream->event.offset));
    buf_deinit(&text);
    return stream_unknown_before(stream, query, err);
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
    if (prepared == NULL)
        return end_unprepared(stream, &xid, query, commits, err);
    rc = give_prepared(stream, prepared, query, commits, err);
    if (!prepared->noted) /* of a file that is being read nothing is left here */
        xa_rows_drop(&prepared->rows, stream->xa_folder, NULL);
    xa_store_end(&stream->xa, prepared);
    return rc;
}

enum rc binlog_stream_xa_remember(struct binlog_stream *stream, struct slice key,
                                  struct slice value, struct error *err)
{
    return xa_note_read(&stream->xa, key, value, err);
}

enum rc binlog_stream_xa_notes(struct binlog_stream *stream, source_note_fn visit, void *ctx,
                               struct error *err)
{
    struct position here;
    if (stream->xa.ended == NULL && stream->xa.unnoted == 0)
        return RC_OK; /* as behind nearly every transaction */
    position_init(&here);
    enum rc rc = binlog_stream_position(stream, &here, err);
    if (rc == RC_OK)
        rc = xa_note_each(&stream->xa, stream->xa_folder, &here, visit, ctx, err);
    position_deinit(&here);
    return rc;
}

static bool needs_file(void *ctx, uint64_t number)
{
    return xa_store_has_file(ctx, number);
}

void binlog_stream_xa_begin(struct binlog_stream *stream)
{
    if (stream->xa_folder == NULL)
        return;
    xa_folder_sweep(stream->xa_folder, needs_file, &stream->xa);
    xa_folder_grow(stream->xa_folder, stream->xa.filed);
}

void binlog_stream_xa_settled(struct binlog_stream *stream, const struct position *durable)
{
    if (stream->xa_folder != NULL)
        xa_folder_settle(stream->xa_folder, durable);
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
