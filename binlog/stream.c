/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_state_int.h"

#include <stdlib.h>

static enum rc parse_gtids(const char *text, const char *option, struct gtid_set **set_out,
                           struct error *err)
{
    if (text == NULL)
        return RC_OK;
    enum rc rc = gtid_set_new(set_out, err);
    if (rc == RC_OK)
        rc = gtid_set_parse(*set_out, slice_str(text), err);
    if (rc != RC_OK)
        error_wrap(err, "%s", option);
    return rc;
}

static bool wants_by_history(void *ctx, struct slice db, struct slice name)
{
    return history_captures(ctx, db, name);
}

static struct slice origin_by_history(void *ctx, struct slice db, struct slice name)
{
    return history_origin(ctx, db, name);
}

static struct slice lost_by_history(void *ctx, struct slice db, struct slice name)
{
    return history_lost_to(ctx, db, name);
}

static enum rc make_parts(struct binlog_stream *stream, struct error *err)
{
    const struct binlog_stream_options *options = &stream->options;
    struct tables_options tables = {.wants = options->wants,
                                    .wants_ctx = options->wants_ctx,
                                    .catalog = options->catalog,
                                    .catalog_ctx = options->catalog_ctx,
                                    .names_optional = options->offline,
                                    .is_sequence = options->is_sequence,
                                    .is_sequence_ctx = options->is_sequence_ctx,
                                    .invalid_text = options->invalid_text};
    if (options->history != NULL) {
        tables.wants = wants_by_history;
        tables.wants_ctx = options->history;
        tables.catalog = history_find;
        tables.catalog_ctx = options->history;
        tables.origin = origin_by_history;
        if (!options->offline)
            tables.lost_to = lost_by_history;
    }
    enum rc rc = tables_new(&tables, &stream->tables, err);
    if (rc == RC_OK)
        rc = stream_xa_open(stream, err);
    if (rc == RC_OK)
        rc = payload_new(&stream->payload, err);
    if (rc == RC_OK)
        rc = gtid_set_new(&stream->executed, err);
    if (rc == RC_OK)
        rc = gtid_set_new(&stream->reached_set, err);
    if (rc == RC_OK)
        rc = parse_gtids(options->start_gtids, "--start-gtid", &stream->start_gtids, err);
    if (rc == RC_OK)
        rc = parse_gtids(options->include_gtids, "--include-gtids", &stream->include_gtids, err);
    return rc;
}

enum rc binlog_stream_new(const struct binlog_stream_options *options, struct binlog_feed *feed,
                          struct binlog_stream **stream_out, struct error *err)
{
    *stream_out = NULL;
    struct binlog_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the binlog decoder.");
    stream->options = *options;
    stream->feed = feed;
    stream->crc32 = options->announced_crc32;
    buf_init(&stream->txn_gtid, 256);
    buf_init(&stream->inflated, STREAM_INFLATED_MAX);
    fragments_init(&stream->fragments, STREAM_INFLATED_MAX);
    stream->held_max = options->held_max != 0 ? options->held_max : STREAM_HELD_MAX;
    xa_rows_init(&stream->held);
    record_writer_init(&stream->held_writer, &xa_folder_style);
    xa_reading_init(&stream->replay);
    buf_init(&stream->held_names, XA_NAMES_BYTES_MAX);
    buf_init(&stream->savepoints, STREAM_SAVEPOINTS_MAX);
    buf_init(&stream->reached_text, POSITION_GTID_MAX);
    rows_partial_init(&stream->partial);
    enum rc rc = make_parts(stream, err);
    if (rc != RC_OK) {
        binlog_stream_free(stream);
        return rc;
    }
    *stream_out = stream;
    return RC_OK;
}

void binlog_stream_free(struct binlog_stream *stream)
{
    if (stream == NULL)
        return;
    tables_free(stream->tables);
    payload_free(stream->payload);
    gtid_set_free(stream->executed);
    gtid_set_free(stream->reached_set);
    gtid_set_free(stream->start_gtids);
    gtid_set_free(stream->include_gtids);
    buf_deinit(&stream->txn_gtid);
    buf_deinit(&stream->inflated);
    fragments_deinit(&stream->fragments);
    stream_xa_close(stream);
    buf_deinit(&stream->held_names);
    buf_deinit(&stream->savepoints);
    buf_deinit(&stream->reached_text);
    rows_partial_deinit(&stream->partial);
    free(stream);
}

/* A failure of the decoder, told with its place and kept: going on behind a damaged event would be
 * a silent loss. */
static enum rc fail(struct binlog_stream *stream, struct error *err)
{
    char scratch[16];
    error_wrap(err, "%s event at %s:%llu", event_type_name(stream->event.header.type, scratch),
               stream->file[0] == '\0' ? "(start)" : stream->file,
               (unsigned long long)stream->event.offset);
    stream->failure = *err;
    return err->rc;
}

static void give_idle(struct binlog_stream *stream, struct change *change)
{
    change->kind = CHANGE_IDLE;
    stream->moved = false;
    stream->quiet_txns = 0;
}

/* The next raw event becomes stream->event. A change may be set instead: an IDLE where there is
 * nothing to wait for, so that a quiet stream's position is known at once. */
static enum rc fetch(struct binlog_stream *stream, struct change *change, unsigned wait_ms,
                     struct error *err)
{
    struct binlog_raw_event raw;
    bool can_tell = stream->moved && !stream->group.open;
    enum rc rc = stream->feed->ops->next(stream->feed, &raw, can_tell ? 0 : wait_ms, err);
    if (rc == RC_EOF && stream->group.open && stream->group.implicit) {
        stream->group.ended = true;
        return RC_OK;
    }
    if ((rc == RC_AGAIN || rc == RC_EOF) && can_tell) {
        give_idle(stream, change);
        return RC_OK;
    }
    if (rc == RC_EOF)
        stream_xa_tell_left(stream);
    if (rc != RC_OK)
        return rc;
    stream->events_read++;
    rc = stream_event_take(stream, &raw, err);
    if (rc == RC_OK)
        rc = stream_handle(stream, change, err);
    return rc == RC_OK ? RC_OK : fail(stream, err);
}

/* One step that is not about a row; RC_OK with change->kind == CHANGE_NONE: go on. */
static enum rc step(struct binlog_stream *stream, struct change *change, unsigned wait_ms,
                    struct error *err)
{
    enum rc rc = RC_OK;
    if (stream->held_replay || stream->payload_open) {
        rc = stream_event_inner(stream, err);
        if (rc == RC_OK)
            rc = stream_handle(stream, change, err);
        if (rc == RC_EOF)
            rc = RC_OK;
        return rc == RC_OK ? RC_OK : fail(stream, err);
    }
    if (stream->group.ended && stream->group.undone) {
        stream_unknown_undone(stream);
        return RC_OK;
    }
    if (stream->group.ended) {
        rc = stream_group_close(stream, change, err);
        if (rc == RC_OK && change->kind == CHANGE_NONE && stream->quiet_txns >= STREAM_IDLE_TXNS)
            give_idle(stream, change);
        return rc == RC_OK ? RC_OK : fail(stream, err);
    }
    if (stream->event_pending) {
        stream->event_pending = false;
        rc = stream_handle(stream, change, err);
        return rc == RC_OK ? RC_OK : fail(stream, err);
    }
    return fetch(stream, change, wait_ms, err);
}

enum rc binlog_stream_next(struct binlog_stream *stream, struct change *change, unsigned wait_ms,
                           struct error *err)
{
    struct error unwanted;
    if (err == NULL)
        err = &unwanted;
    *change = (struct change){.kind = CHANGE_NONE};
    if (stream->failure.rc != RC_OK) {
        *err = stream->failure;
        return err->rc;
    }
    while (change->kind == CHANGE_NONE) {
        enum rc rc = RC_OK;
        if (stream->schema.next < stream->schema.result.change_count) {
            rc = stream_schema_next(stream, change, err);
            if (rc != RC_OK && rc != RC_EOF)
                return fail(stream, err);
            continue;
        }
        if (stream->unknown.next < stream->unknown.count &&
            stream_unknown_next(stream, change) == RC_OK)
            break;
        if (stream->walking) {
            rc = stream_rows_next(stream, change, err);
            if (rc == RC_EOF)
                stream->walking = false;
            else if (rc != RC_OK)
                return fail(stream, err);
            continue;
        }
        rc = step(stream, change, wait_ms, err);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}
