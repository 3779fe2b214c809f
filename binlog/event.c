/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Common headers, checksums, format descriptions and the steering events (facts/binlog.md parts 1
 * and 3, 8.3, 8.5). Pure functions over bytes.
 */
#include "event_int.h"

#include <ctype.h>
#include <stdio.h>

#include "crc32_int.h"

const char *event_type_name(uint8_t type, char scratch[16])
{
    static const char *const names[256] = {
        [EVENT_START_V3] = "START_V3",
        [EVENT_QUERY] = "QUERY",
        [EVENT_STOP] = "STOP",
        [EVENT_ROTATE] = "ROTATE",
        [EVENT_INTVAR] = "INTVAR",
        [EVENT_LOAD] = "LOAD",
        [EVENT_SLAVE] = "SLAVE",
        [EVENT_CREATE_FILE] = "CREATE_FILE",
        [EVENT_APPEND_BLOCK] = "APPEND_BLOCK",
        [EVENT_EXEC_LOAD] = "EXEC_LOAD",
        [EVENT_DELETE_FILE] = "DELETE_FILE",
        [EVENT_NEW_LOAD] = "NEW_LOAD",
        [EVENT_RAND] = "RAND",
        [EVENT_USER_VAR] = "USER_VAR",
        [EVENT_FORMAT_DESCRIPTION] = "FORMAT_DESCRIPTION",
        [EVENT_XID] = "XID",
        [EVENT_BEGIN_LOAD_QUERY] = "BEGIN_LOAD_QUERY",
        [EVENT_EXECUTE_LOAD_QUERY] = "EXECUTE_LOAD_QUERY",
        [EVENT_TABLE_MAP] = "TABLE_MAP",
        [EVENT_WRITE_ROWS_V1] = "WRITE_ROWS_V1",
        [EVENT_UPDATE_ROWS_V1] = "UPDATE_ROWS_V1",
        [EVENT_DELETE_ROWS_V1] = "DELETE_ROWS_V1",
        [EVENT_INCIDENT] = "INCIDENT",
        [EVENT_HEARTBEAT] = "HEARTBEAT",
        [EVENT_IGNORABLE] = "IGNORABLE",
        [EVENT_ROWS_QUERY] = "ROWS_QUERY",
        [EVENT_WRITE_ROWS] = "WRITE_ROWS",
        [EVENT_UPDATE_ROWS] = "UPDATE_ROWS",
        [EVENT_DELETE_ROWS] = "DELETE_ROWS",
        [EVENT_GTID] = "GTID",
        [EVENT_ANONYMOUS_GTID] = "ANONYMOUS_GTID",
        [EVENT_PREVIOUS_GTIDS] = "PREVIOUS_GTIDS",
        [EVENT_TRANSACTION_CONTEXT] = "TRANSACTION_CONTEXT",
        [EVENT_VIEW_CHANGE] = "VIEW_CHANGE",
        [EVENT_XA_PREPARE] = "XA_PREPARE",
        [EVENT_PARTIAL_UPDATE_ROWS] = "PARTIAL_UPDATE_ROWS",
        [EVENT_TRANSACTION_PAYLOAD] = "TRANSACTION_PAYLOAD",
        [EVENT_HEARTBEAT_V2] = "HEARTBEAT_V2",
        [EVENT_GTID_TAGGED] = "GTID_TAGGED",
        [EVENT_MARIADB_ANNOTATE_ROWS] = "ANNOTATE_ROWS",
        [EVENT_MARIADB_BINLOG_CHECKPOINT] = "BINLOG_CHECKPOINT",
        [EVENT_MARIADB_GTID] = "GTID",
        [EVENT_MARIADB_GTID_LIST] = "GTID_LIST",
        [EVENT_MARIADB_START_ENCRYPTION] = "START_ENCRYPTION",
        [EVENT_MARIADB_QUERY_COMPRESSED] = "QUERY_COMPRESSED",
        [EVENT_MARIADB_WRITE_ROWS_COMPRESSED_V1] = "WRITE_ROWS_COMPRESSED_V1",
        [EVENT_MARIADB_UPDATE_ROWS_COMPRESSED_V1] = "UPDATE_ROWS_COMPRESSED_V1",
        [EVENT_MARIADB_DELETE_ROWS_COMPRESSED_V1] = "DELETE_ROWS_COMPRESSED_V1",
        [EVENT_MARIADB_WRITE_ROWS_COMPRESSED] = "WRITE_ROWS_COMPRESSED",
        [EVENT_MARIADB_UPDATE_ROWS_COMPRESSED] = "UPDATE_ROWS_COMPRESSED",
        [EVENT_MARIADB_DELETE_ROWS_COMPRESSED] = "DELETE_ROWS_COMPRESSED",
        [EVENT_MARIADB_PARTIAL_ROW_DATA] = "PARTIAL_ROW_DATA",
    };
    if (names[type] != NULL)
        return names[type];
    snprintf(scratch, 16, "type %u", type);
    return scratch;
}

enum rc event_header_parse(struct slice bytes, struct event_header *header, struct error *err)
{
    if (bytes.len < EVENT_HEADER_LEN)
        return error_set(err, RC_CORRUPT,
                         "The event is cut off: there are %zu bytes where its header needs %u.",
                         bytes.len, EVENT_HEADER_LEN);
    const uint8_t *p = bytes.ptr;
    header->timestamp = load_u32le(p);
    header->type = p[4];
    header->server_id = load_u32le(p + 5);
    header->length = load_u32le(p + 9);
    header->log_pos = load_u32le(p + 13);
    header->flags = load_u16le(p + 17);
    if (header->length < EVENT_HEADER_LEN || header->length > EVENT_LEN_MAX)
        return error_set(err, RC_CORRUPT,
                         "The event's header says a length of %u bytes, which cannot be.",
                         header->length);
    return RC_OK;
}

bool event_crc_is_right(struct slice bytes)
{
    if (bytes.len < EVENT_HEADER_LEN + EVENT_CRC_LEN)
        return false;
    size_t len = bytes.len - EVENT_CRC_LEN;
    uint32_t crc = 0;
    if (bytes.ptr[4] == EVENT_FORMAT_DESCRIPTION) {
        /* The server sets and clears IN_USE in place and leaves the CRC alone (facts/binlog.md
         * 1.3). */
        uint8_t head[EVENT_HEADER_LEN];
        memcpy(head, bytes.ptr, sizeof(head));
        head[17] &= (uint8_t)~EVENT_FLAG_IN_USE;
        crc = crc32_add(crc, slice_of(head, sizeof(head)));
        crc = crc32_add(crc, slice_of(bytes.ptr + sizeof(head), len - sizeof(head)));
    } else {
        crc = crc32_add(crc, slice_of(bytes.ptr, len));
    }
    return crc == load_u32le(bytes.ptr + len);
}

/* "8.0.46-log" to 80046. A MariaDB behind the prefix "5.5.5-" shows its own number behind it. */
static uint32_t version_number(const char *text)
{
    if (strncmp(text, "5.5.5-", 6) == 0)
        text += 6;
    uint32_t parts[3] = {0};
    for (unsigned i = 0; i < 3; i++) {
        while (isdigit((unsigned char)*text) && parts[i] < 100)
            parts[i] = parts[i] * 10 + (uint32_t)(*text++ - '0');
        if (*text != '.')
            break;
        text++;
    }
    return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

/* Which format descriptions carry the checksum algorithm and a CRC (facts/binlog.md 1.3). */
static bool knows_checksums(const struct event_format *format)
{
    return format->version >= (format->is_mariadb ? 50300u : 50601u);
}

/* Format descriptions begin with MySQL 5.0, and have the lengths of 27 event types at most before
 * they carry a checksum: 35 of MySQL 5.6, then algorithm and CRC. */
#define OLDEST_VERSION 50000u
#define LENGTHS_WITH_CHECKSUM (35u + 1 + EVENT_CRC_LEN)

static enum rc parse_checksum(struct slice *lengths, struct event_format *format, struct error *err)
{
    if (!knows_checksums(format)) {
        /* A version whose bytes were changed must not switch off what would find that out. */
        if (format->version < OLDEST_VERSION || lengths->len >= LENGTHS_WITH_CHECKSUM)
            return error_set(err, RC_CORRUPT,
                             "The format description is not one of the server version that it "
                             "names (%s): its bytes were changed.",
                             format->server_version);
        return RC_OK;
    }
    if (lengths->len < 1 + EVENT_CRC_LEN)
        return error_set(err, RC_CORRUPT, "The format description ends before its checksum.");
    lengths->len -= 1 + EVENT_CRC_LEN;
    uint8_t algorithm = lengths->ptr[lengths->len];
    format->has_crc = true;
    if (algorithm != 0 && algorithm != 1 && algorithm != 255)
        return error_set(err, RC_UNSUPPORTED,
                         "The binlog uses checksum algorithm %u; only NONE and CRC32 are known.",
                         algorithm);
    format->crc32 = algorithm == 1;
    return RC_OK;
}

enum rc event_format_parse(struct slice bytes, struct event_format *format, struct error *err)
{
    enum { VERSION_LEN = 50 };
    struct cursor cursor = cursor_of(bytes);
    cursor_take(&cursor, EVENT_HEADER_LEN);
    uint16_t binlog_version = cursor_u16(&cursor);
    struct slice version = cursor_slice(&cursor, VERSION_LEN);
    uint32_t created = cursor_u32(&cursor);
    uint8_t header_len = cursor_u8(&cursor);
    struct slice lengths = cursor_rest(&cursor);
    if (cursor.failed)
        return error_set(err, RC_CORRUPT, "The format description is cut off.");
    if (binlog_version != 4)
        return error_set(err, RC_UNSUPPORTED,
                         "The binlog has format version %u; version 4 (MySQL 5.0 and later) is "
                         "what can be read.",
                         binlog_version);
    if (header_len < EVENT_HEADER_LEN)
        return error_set(err, RC_CORRUPT, "The format description says headers of %u bytes.",
                         header_len);
    *format = (struct event_format){.known = true, .created = created, .header_len = header_len};
    memcpy(format->server_version, version.ptr, VERSION_LEN);
    format->is_mariadb = strcasestr(format->server_version, "mariadb") != NULL;
    format->version = version_number(format->server_version);
    enum rc rc = parse_checksum(&lengths, format, err);
    /* lengths[i] belongs to type i + 1; only 6 for "table ids of 4 bytes" is worth believing
     * (facts/binlog.md 2.4). */
    format->short_table_ids =
        lengths.len >= EVENT_TABLE_MAP && lengths.ptr[EVENT_TABLE_MAP - 1] == 6;
    return rc;
}

enum rc event_rotate_parse(struct slice body, uint64_t *offset, struct slice *file,
                           struct error *err)
{
    struct cursor cursor = cursor_of(body);
    *offset = cursor_u64(&cursor);
    *file = cursor_rest(&cursor);
    if (cursor.failed || file->len == 0 || file->len >= POSITION_FILE_MAX)
        return error_set(err, RC_CORRUPT, "The event names no binlog file.");
    return RC_OK;
}

static enum rc heartbeat_v2_parse(struct slice body, struct slice *file, uint64_t *offset,
                                  struct error *err)
{
    struct cursor cursor = cursor_of(body);
    while (cursor_left(&cursor) > 0 && !cursor.failed) {
        uint64_t type = cursor_lenenc(&cursor);
        if (type == 0)
            break;
        struct cursor value = cursor_of(cursor_lenenc_slice(&cursor));
        if (type == 1)
            *file = cursor_rest(&value);
        else if (type == 2)
            *offset = cursor_lenenc(&value);
        cursor.failed = cursor.failed || value.failed;
    }
    return cursor.failed ? error_set(err, RC_CORRUPT, "The heartbeat is cut off.") : RC_OK;
}

enum rc event_heartbeat_parse(const struct event *event, bool is_mariadb, struct slice *file,
                              uint64_t *offset, struct error *err)
{
    *file = SLICE_EMPTY;
    *offset = 0;
    if (event->header.type == EVENT_HEARTBEAT_V2)
        return heartbeat_v2_parse(event->body, file, offset, err);
    struct cursor cursor = cursor_of(event->body);
    *offset = event->header.log_pos;
    /* MariaDB beyond 4 GiB: no position in the header but one of 8 bytes before the name. */
    if (is_mariadb && *offset == 0 && cursor_left(&cursor) > 8)
        *offset = cursor_u64(&cursor);
    *file = cursor_rest(&cursor);
    return RC_OK;
}
