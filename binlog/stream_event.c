/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw bytes become events: length, checksum, place; then each goes to its handler. Events that
 * steer the stream are handled here (facts/binlog.md parts 1 to 3, 8.3 to 8.5).
 */
#include "stream_state_int.h"

static enum rc check_crc(const struct binlog_stream *stream, struct slice bytes, struct error *err)
{
    if (!stream->options.verify_checksums || event_crc_is_right(bytes))
        return RC_OK;
    return error_set(err, RC_CORRUPT,
                     "The event's checksum is wrong: its bytes were changed after the server wrote "
                     "them, or no event starts here.");
}

/* For a dump that begins inside a file, or by GTID, the server clears when the file was created (and in
 * the first case where the event ends); MySQL 5.6 makes the checksum anew only when the file's events
 * have one. */
static bool is_changed_for_us(const struct binlog_stream *stream, const struct event_format *format)
{
    return !stream->options.offline && !format->crc32 && format->created == 0;
}

/* A new format: from here on events are read by it. */
static enum rc take_format(struct binlog_stream *stream, struct slice bytes, struct error *err)
{
    struct event_format format;
    enum rc rc = event_format_parse(bytes, &format, err);
    if (rc == RC_OK && format.has_crc && !is_changed_for_us(stream, &format))
        rc = check_crc(stream, bytes, err);
    if (rc == RC_OK)
        rc = stream_birth_take(stream, stream->event.header.timestamp, err);
    if (rc != RC_OK)
        return rc;
    stream->format = format;
    stream->crc32 = format.crc32;
    tables_forget_ids(stream->tables);
    return RC_OK;
}

/* Whether the event takes room in the binlog file. What the server makes up for a dump does not,
 * nor does the format description that it repeats for a start inside a file. */
static bool lies_in_file(const struct event_header *header)
{
    if (event_is_fake(header) || header->type == EVENT_HEARTBEAT ||
        header->type == EVENT_HEARTBEAT_V2)
        return false;
    return header->type != EVENT_FORMAT_DESCRIPTION || header->log_pos != 0;
}

/*
 * Offline the offset comes with the event. On the wire it is our own sum; where the header knows of
 * a later end, the server has left events out (facts/binlog.md 1.4, 12 #10), and the sum is moved
 * on by the difference.
 */
static void place_event(struct binlog_stream *stream, const struct binlog_raw_event *raw)
{
    struct event *event = &stream->event;
    const struct event_header *header = &event->header;
    if (raw->offset != BINLOG_OFFSET_UNKNOWN) {
        event->offset = raw->offset;
        stream->offset = raw->offset + header->length;
        return;
    }
    event->offset = stream->offset;
    if (!lies_in_file(header))
        return;
    uint64_t end = stream->offset + header->length;
    int32_t left_out = (int32_t)(header->log_pos - (uint32_t)end);
    if (header->log_pos != 0 && left_out > 0)
        end += (uint32_t)left_out;
    event->offset = end - header->length;
    stream->offset = end;
}

static enum rc begin_file(struct binlog_stream *stream, const struct binlog_raw_event *raw,
                          struct error *err)
{
    enum rc rc = stream_group_drop(stream, err);
    if (rc != RC_OK)
        return rc;
    if (!stream_place_file(stream, raw->file))
        return error_set(err, RC_CONFIG, "The name of the file is too long, or not UTF-8.");
    stream->format.known = false;
    stream->moved = true;
    return RC_OK;
}

static enum rc check_known_format(const struct binlog_stream *stream, struct error *err)
{
    const struct event_header *header = &stream->event.header;
    bool early = header->type == EVENT_ROTATE || header->type == EVENT_HEARTBEAT ||
                 header->type == EVENT_HEARTBEAT_V2;
    if (stream->format.known || (early && !stream->options.offline))
        return RC_OK;
    return error_set(err, RC_CORRUPT,
                     "The binlog does not begin with a format description, so nothing in it can "
                     "be read.");
}

enum rc stream_event_take(struct binlog_stream *stream, const struct binlog_raw_event *raw,
                          struct error *err)
{
    struct event *event = &stream->event;
    *event = (struct event){0};
    event->offset = raw->offset == BINLOG_OFFSET_UNKNOWN ? stream->offset : raw->offset;
    struct slice bytes = raw->bytes;
    enum rc rc = raw->first_in_file ? begin_file(stream, raw, err) : RC_OK;
    if (rc == RC_OK)
        rc = event_header_parse(bytes, &event->header, err);
    if (rc != RC_OK)
        return rc;
    if (event->header.length != bytes.len)
        return error_set(err, RC_CORRUPT,
                         "The event has %zu bytes where its header says a length of %u.", bytes.len,
                         event->header.length);
    place_event(stream, raw);
    if (event->header.type == EVENT_FORMAT_DESCRIPTION)
        return take_format(stream, bytes, err);
    rc = check_known_format(stream, err);
    size_t head = stream->format.known ? stream->format.header_len : EVENT_HEADER_LEN;
    size_t tail = stream->crc32 ? EVENT_CRC_LEN : 0;
    if (rc == RC_OK && bytes.len < head + tail)
        rc = error_set(err, RC_CORRUPT, "The event has %zu bytes, too few for its checksum.",
                       bytes.len);
    if (rc == RC_OK && stream->crc32)
        rc = check_crc(stream, bytes, err);
    if (rc == RC_OK)
        event->body = slice_of(bytes.ptr + head, bytes.len - head - tail);
    return rc;
}

enum rc stream_event_inner(struct binlog_stream *stream, struct error *err)
{
    if (stream->held_replay)
        return stream_xa_take_held(stream, err);
    struct slice bytes = SLICE_EMPTY;
    enum rc rc = payload_next(stream->payload, &bytes, err);
    if (rc == RC_EOF)
        stream->payload_open = false;
    if (rc != RC_OK)
        return rc;
    struct event *event = &stream->event;
    *event = (struct event){.offset = stream->payload_offset, .inner = true};
    rc = event_header_parse(bytes, &event->header, err);
    if (rc != RC_OK)
        return rc;
    if (stream->group.ended)
        return error_set(err, RC_CORRUPT,
                         "The compressed transaction goes on behind its own commit.");
    event->body = slice_of(bytes.ptr + EVENT_HEADER_LEN, bytes.len - EVENT_HEADER_LEN);
    return RC_OK;
}

/* On the wire the stream changes files by ROTATE; offline the feed says the file. */
static enum rc on_rotate(struct binlog_stream *stream, struct error *err)
{
    uint64_t offset = 0;
    struct slice file = SLICE_EMPTY;
    enum rc rc = event_rotate_parse(stream->event.body, &offset, &file, err);
    if (rc != RC_OK || stream->options.offline)
        return rc;
    if (slice_equal(file, slice_str(stream->file)) && offset == stream->offset)
        return RC_OK;
    if (stream->file[0] != '\0' && !slice_equal(file, slice_str(stream->file)))
        rc = stream_group_drop(stream, err);
    if (rc == RC_OK && !stream_place_file(stream, file))
        rc = error_set(err, RC_CORRUPT, "The event names no binlog file.");
    stream->offset = offset;
    stream->moved = true;
    return rc;
}

/* A heartbeat may move the offset, never the GTID set (facts/binlog.md 3.3). */
static enum rc on_heartbeat(struct binlog_stream *stream, struct error *err)
{
    struct slice file = SLICE_EMPTY;
    uint64_t offset = 0;
    enum rc rc =
        event_heartbeat_parse(&stream->event, stream->format.is_mariadb, &file, &offset, err);
    if (rc != RC_OK || stream->group.open)
        return rc;
    if (slice_equal(file, slice_str(stream->file)) && offset > stream->offset) {
        stream->offset = offset;
        stream->moved = true;
    }
    return RC_OK;
}

static enum rc on_incident(const struct binlog_stream *stream, struct error *err)
{
    struct cursor cursor = cursor_of(stream->event.body);
    uint16_t number = cursor_u16(&cursor);
    struct slice text = cursor_slice(&cursor, cursor_u8(&cursor));
    return error_set(err, RC_CORRUPT,
                     "The server says that its binlog lost events here (incident %u%s%.*s). What "
                     "was lost is in no binlog: load the tables anew.",
                     number, text.len > 0 ? ": " : "", SLICE_ARG(text));
}

static enum rc on_encryption(const struct binlog_stream *stream, struct error *err)
{
    if (!stream->options.offline)
        return RC_OK; /* the server decrypts what it sends (facts/binlog.md 1.1) */
    return error_set(err, RC_UNSUPPORTED,
                     "The file is encrypted from here on. Read it through its server, or write it "
                     "in clear with mariadb-binlog --read-from-remote-server --raw.");
}

static enum rc on_payload(struct binlog_stream *stream, struct error *err)
{
    if (stream->event.inner)
        return error_set(err, RC_CORRUPT, "A compressed transaction holds another one.");
    enum rc rc = payload_begin(stream->payload, stream->event.body, err);
    stream->payload_open = rc == RC_OK;
    stream->payload_offset = stream->event.offset;
    return rc;
}

static enum rc on_unknown(struct binlog_stream *stream, struct error *err)
{
    const struct event_header *header = &stream->event.header;
    if ((header->flags & EVENT_FLAG_IGNORABLE) != 0)
        return RC_OK;
    if (header->type < EVENT_MARIADB_ANNOTATE_ROWS)
        return error_set(err, RC_UNSUPPORTED,
                         "An event of this type (%u) may carry changes and cannot be read.",
                         header->type);
    if (!stream->unknown_told[header->type])
        log_warn("binlog.stream", "Passing over events of a type that is not known.",
                 LOG_U64("type", header->type), LOG_STR("file", stream->file),
                 LOG_U64("offset", stream->event.offset));
    stream->unknown_told[header->type] = true;
    return RC_OK;
}

/* What a whole transaction's worth of events is made of; also inside payloads. */
static enum rc handle_body(struct binlog_stream *stream, struct change *change, struct error *err)
{
    switch (stream->event.header.type) {
    case EVENT_QUERY:
    case EVENT_MARIADB_QUERY_COMPRESSED:
    case EVENT_EXECUTE_LOAD_QUERY:
        return stream_query(stream, change, err);
    case EVENT_XID:
        stream->group.ended = stream->group.open;
        return RC_OK;
    case EVENT_XA_PREPARE:
        return stream_xa_prepare(stream, err);
    case EVENT_TABLE_MAP:
        return stream_table_map(stream, err);
    case EVENT_MARIADB_PARTIAL_ROW_DATA:
        return stream_rows_fragment(stream, err);
    case EVENT_STOP:
    case EVENT_INTVAR:
    case EVENT_SLAVE:
    case EVENT_APPEND_BLOCK:
    case EVENT_DELETE_FILE:
    case EVENT_RAND:
    case EVENT_USER_VAR:
    case EVENT_BEGIN_LOAD_QUERY:
    case EVENT_IGNORABLE:
    case EVENT_ROWS_QUERY:
    case EVENT_TRANSACTION_CONTEXT:
    case EVENT_VIEW_CHANGE:
    case EVENT_MARIADB_ANNOTATE_ROWS:
    case EVENT_MARIADB_BINLOG_CHECKPOINT:
        return RC_OK;
    default:
        return on_unknown(stream, err);
    }
}

/* Fragments of a rows event follow one another; a file may end behind one when its server crashed. */
static enum rc check_fragments(const struct binlog_stream *stream, uint8_t type, struct error *err)
{
    if (!fragments_are_open(&stream->fragments) || type == EVENT_MARIADB_PARTIAL_ROW_DATA ||
        type == EVENT_HEARTBEAT || type == EVENT_HEARTBEAT_V2 || type == EVENT_ROTATE ||
        type == EVENT_STOP || type == EVENT_FORMAT_DESCRIPTION)
        return RC_OK;
    return error_set(err, RC_CORRUPT,
                     "Another event comes where fragment %u of %u of a rows event is awaited.",
                     stream->fragments.next, stream->fragments.total);
}

enum rc stream_handle(struct binlog_stream *stream, struct change *change, struct error *err)
{
    uint8_t type = stream->event.header.type;
    enum rc rc = check_fragments(stream, type, err);
    if (rc != RC_OK)
        return rc;
    if (rows_type_of(type).kind != ROWS_NONE)
        return stream_rows_begin(stream, err);
    switch (type) {
    case EVENT_FORMAT_DESCRIPTION:
        return stream_group_drop(stream, err);
    case EVENT_ROTATE:
        return on_rotate(stream, err);
    case EVENT_HEARTBEAT:
    case EVENT_HEARTBEAT_V2:
        return on_heartbeat(stream, err);
    case EVENT_INCIDENT:
        return on_incident(stream, err);
    case EVENT_GTID:
    case EVENT_ANONYMOUS_GTID:
    case EVENT_GTID_TAGGED:
    case EVENT_MARIADB_GTID:
        return stream_group_gtid(stream, err);
    case EVENT_PREVIOUS_GTIDS:
    case EVENT_MARIADB_GTID_LIST:
        return stream_group_seed(stream, err);
    case EVENT_MARIADB_START_ENCRYPTION:
        return on_encryption(stream, err);
    case EVENT_TRANSACTION_PAYLOAD:
        return on_payload(stream, err);
    default:
        return handle_body(stream, change, err);
    }
}
