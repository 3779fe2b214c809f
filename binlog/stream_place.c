/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the decoder is. A position is always the start of a group; GTIDs count when their group is
 * over (facts/binlog.md 4.2, #65). Offsets are our own 64-bit sums, not the header's (1.4).
 */
#include "position_order_int.h"
#include "stream_state_int.h"

#include <stdio.h>

bool stream_place_file(struct binlog_stream *stream, struct slice file)
{
    if (file.len >= sizeof(stream->file) ||
        (file.len > 0 && memchr(file.ptr, '\0', file.len) != NULL) || !text_is_utf8(file))
        return false;
    if (file.len > 0)
        memcpy(stream->file, file.ptr, file.len);
    stream->file[file.len] = '\0';
    return true;
}

enum rc binlog_stream_seek(struct binlog_stream *stream, struct binlog_feed *feed,
                           const struct position *at, struct error *err)
{
    if (at->server[0] != '\0' && stream->options.server != NULL &&
        strcmp(at->server, stream->options.server) != 0 && at->gtid_set.len == 0)
        stream->generation++;
    stream->feed = feed;
    error_clear(&stream->failure);
    stream->format = (struct event_format){0};
    stream->crc32 = stream->options.announced_crc32;
    tables_forget_ids(stream->tables);
    stream->group = (struct stream_group){0};
    stream->event = (struct event){0};
    stream->event_pending = false;
    stream->walking = false;
    stream->schema.result = (struct history_result){0};
    stream->schema.next = 0;
    stream->unknown = (struct stream_unknown){0};
    fragments_drop(&stream->fragments);
    stream->payload_open = false;
    stream->moved = false;
    stream_xa_drop_held(stream);
    stream_xa_drop_replay(stream);
    buf_reset(&stream->held_names);
    stream->xa_left_told = false;
    if (!stream_place_file(stream, slice_str(at->file)))
        return error_set(err, RC_CONFIG,
                         "The binlog file name in the position is too long, or not UTF-8.");
    stream->offset = at->offset;
    stream->pass_rows = at->rows_done;
    stream->last_commit_us = at->commit_time_us;
    stream->executed_known = at->gtid_set.len > 0;
    return gtid_set_parse(stream->executed, buf_slice(&at->gtid_set), err);
}

/* Where reading would go on: the open group's start, or what comes next. An event that waits for
 * the group before it to be closed comes next, although its bytes were taken already. */
static uint64_t safe_offset(const struct binlog_stream *stream)
{
    if (stream->group.open)
        return stream->txn.offset;
    return stream->event_pending ? stream->event.offset : stream->offset;
}

enum rc binlog_stream_position(struct binlog_stream *stream, struct position *out,
                               struct error *err)
{
    const struct stream_group *group = &stream->group;
    const char *file = group->open ? stream->txn_file : stream->file;
    memcpy(out->file, file, sizeof(out->file));
    out->offset = safe_offset(stream);
    snprintf(out->server, sizeof(out->server), "%s",
             stream->options.server == NULL ? "" : stream->options.server);
    out->rows_done = 0;
    out->commit_time_us = stream->last_commit_us;
    buf_reset(&out->gtid_set);
    if (stream->executed_known)
        gtid_set_text(stream->executed, &out->gtid_set);
    return buf_check(&out->gtid_set, "The GTID set of a position", err);
}

enum rc binlog_stream_resume_position(struct binlog_stream *stream, struct position *out,
                                      struct error *err)
{
    enum rc rc = binlog_stream_position(stream, out, err);
    const struct stream_group *group = &stream->group;
    if (!group->open)
        out->rows_done = stream->pass_rows;
    else
        out->rows_done = group->ordinal > group->pass ? group->ordinal : group->pass;
    return rc;
}

static bool reached_by_gtid(struct binlog_stream *stream, const struct position *to)
{
    struct slice text = buf_slice(&to->gtid_set);
    if (!slice_equal(buf_slice(&stream->reached_text), text)) {
        buf_reset(&stream->reached_text);
        buf_add_slice(&stream->reached_text, text);
        if (stream->reached_text.rc != RC_OK ||
            gtid_set_parse(stream->reached_set, text, NULL) != RC_OK) {
            buf_reset(&stream->reached_text);
            return false;
        }
    }
    return gtid_set_contains_set(stream->executed, stream->reached_set);
}

bool binlog_stream_is_between(const struct binlog_stream *stream)
{
    return !stream->group.open && !stream->event_pending && !stream->held_replay &&
           !stream->payload_open && !stream->walking;
}

bool binlog_stream_is_at(const struct binlog_stream *stream, const struct position *at)
{
    const char *file = stream->group.open ? stream->txn_file : stream->file;
    if (safe_offset(stream) != at->offset || strcmp(file, at->file) != 0)
        return false;
    if (at->gtid_set.len == 0)
        return true;
    struct buf text;
    buf_init(&text, POSITION_GTID_MAX);
    if (stream->executed_known)
        gtid_set_text(stream->executed, &text);
    bool same = text.rc == RC_OK && slice_equal(buf_slice(&text), buf_slice(&at->gtid_set));
    buf_deinit(&text);
    return same;
}

bool binlog_stream_reached(struct binlog_stream *stream, const struct position *to)
{
    /* GTIDs first: a server that was asked to resume by GTID seeks in its files, and our offset is
     * right only from the first event on. */
    if (to->gtid_set.len > 0 && stream->executed_known)
        return reached_by_gtid(stream, to);
    const char *server = stream->options.server == NULL ? "" : stream->options.server;
    const char *file = stream->group.open ? stream->txn_file : stream->file;
    uint64_t offset = safe_offset(stream);
    int order = 0;
    bool same_server = to->server[0] == '\0' || strcmp(to->server, server) == 0;
    if (same_server && to->file[0] != '\0' && position_file_order(file, to->file, &order))
        return order > 0 || (order == 0 && offset >= to->offset);
    return false;
}

void binlog_stream_stats(const struct binlog_stream *stream, struct source_stats *out)
{
    *out = (struct source_stats){.events_read = stream->events_read,
                                 .rows_read = stream->rows_read,
                                 .txns_read = stream->txns_read,
                                 .last_commit_us = stream->last_commit_us,
                                 .last_under_way_us = stream->last_under_way_us};
    if (stream->feed != NULL)
        stream->feed->ops->stats(stream->feed, &out->bytes_read, &out->bytes_copied,
                                 &out->last_received_us);
    out->bytes_copied += stream->bytes_copied + payload_bytes_copied(stream->payload);
}

void binlog_stream_where(const struct binlog_stream *stream, struct buf *out)
{
    buf_addf(out, "%s:%llu", stream->file[0] == '\0' ? "(start)" : stream->file,
             (unsigned long long)stream->event.offset);
}

enum rc binlog_stream_catalog_table(struct binlog_stream *stream,
                                    const struct catalog_table *catalog, bool is_mariadb,
                                    struct table **table_out, struct error *err)
{
    return tables_from_catalog(stream->tables, catalog, is_mariadb, table_out, err);
}
