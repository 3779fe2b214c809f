/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as such: the common header, the format description that tells how to read what follows,
 * checksums, and the events that steer the stream (facts/binlog.md parts 1 to 3).
 *
 * Common header, 19 bytes, little endian:
 *   0 timestamp 4 | 4 type 1 | 5 server id 4 | 9 length 4 | 13 end position mod 2^32, 4 | 17 flags
 * 2
 */
#ifndef MILLRACE_BINLOG_EVENT_INT_H
#define MILLRACE_BINLOG_EVENT_INT_H

#include "cursor_int.h"
#include "gtid_int.h"

#define EVENT_HEADER_LEN 19u
#define EVENT_CRC_LEN 4u
/* The longest event that a server writes (replica_max_allowed_packet) and its header. */
#define EVENT_LEN_MAX ((UINT32_C(1) << 30) + EVENT_HEADER_LEN + EVENT_CRC_LEN)
#define EVENT_DUMMY_TABLE_ID UINT64_C(0xffffff)

enum event_type {
    EVENT_UNKNOWN = 0,
    EVENT_START_V3 = 1,
    EVENT_QUERY = 2,
    EVENT_STOP = 3,
    EVENT_ROTATE = 4,
    EVENT_INTVAR = 5,
    EVENT_LOAD = 6,
    EVENT_SLAVE = 7,
    EVENT_CREATE_FILE = 8,
    EVENT_APPEND_BLOCK = 9,
    EVENT_EXEC_LOAD = 10,
    EVENT_DELETE_FILE = 11,
    EVENT_NEW_LOAD = 12,
    EVENT_RAND = 13,
    EVENT_USER_VAR = 14,
    EVENT_FORMAT_DESCRIPTION = 15,
    EVENT_XID = 16,
    EVENT_BEGIN_LOAD_QUERY = 17,
    EVENT_EXECUTE_LOAD_QUERY = 18,
    EVENT_TABLE_MAP = 19,
    EVENT_WRITE_ROWS_V1 = 23,
    EVENT_UPDATE_ROWS_V1 = 24,
    EVENT_DELETE_ROWS_V1 = 25,
    EVENT_INCIDENT = 26,
    EVENT_HEARTBEAT = 27,
    EVENT_IGNORABLE = 28,
    EVENT_ROWS_QUERY = 29,
    EVENT_WRITE_ROWS = 30,
    EVENT_UPDATE_ROWS = 31,
    EVENT_DELETE_ROWS = 32,
    EVENT_GTID = 33,
    EVENT_ANONYMOUS_GTID = 34,
    EVENT_PREVIOUS_GTIDS = 35,
    EVENT_TRANSACTION_CONTEXT = 36,
    EVENT_VIEW_CHANGE = 37,
    EVENT_XA_PREPARE = 38,
    EVENT_PARTIAL_UPDATE_ROWS = 39,
    EVENT_TRANSACTION_PAYLOAD = 40,
    EVENT_HEARTBEAT_V2 = 41,
    EVENT_GTID_TAGGED = 42,
    EVENT_MARIADB_ANNOTATE_ROWS = 160,
    EVENT_MARIADB_BINLOG_CHECKPOINT = 161,
    EVENT_MARIADB_GTID = 162,
    EVENT_MARIADB_GTID_LIST = 163,
    EVENT_MARIADB_START_ENCRYPTION = 164,
    EVENT_MARIADB_QUERY_COMPRESSED = 165,
    EVENT_MARIADB_WRITE_ROWS_COMPRESSED_V1 = 166,
    EVENT_MARIADB_UPDATE_ROWS_COMPRESSED_V1 = 167,
    EVENT_MARIADB_DELETE_ROWS_COMPRESSED_V1 = 168,
    EVENT_MARIADB_WRITE_ROWS_COMPRESSED = 169,
    EVENT_MARIADB_UPDATE_ROWS_COMPRESSED = 170,
    EVENT_MARIADB_DELETE_ROWS_COMPRESSED = 171,
    EVENT_MARIADB_PARTIAL_ROW_DATA = 172
};

enum event_flag {
    EVENT_FLAG_IN_USE = 0x0001,
    EVENT_FLAG_ARTIFICIAL = 0x0020,
    EVENT_FLAG_IGNORABLE = 0x0080
};

struct event_header {
    uint32_t timestamp; /* seconds since 1970 UTC */
    uint8_t type;       /* enum event_type, or a number that nobody knows */
    uint32_t server_id;
    uint32_t length; /* with header and CRC */
    uint32_t log_pos;
    uint16_t flags;
};

/* One event, ready for a decoder. Slices are borrowed as the raw event's bytes are. */
struct event {
    struct event_header header;
    struct slice body; /* behind the header, without CRC */
    uint64_t offset;   /* where it starts in its file; the outer event's, inside a payload */
    bool inner;        /* came out of a TRANSACTION_PAYLOAD or was held back */
};

/* How the events behind a FORMAT_DESCRIPTION are to be read. */
struct event_format {
    bool known;
    bool is_mariadb;
    uint32_t version; /* 80046 for 8.0.46, 101119 for 10.11.19 */
    char server_version[51];
    uint32_t created; /* not 0: the server started with this file */
    uint8_t header_len;
    bool short_table_ids; /* 5.1 betas: table ids of 4 bytes */
    bool crc32;           /* events behind this one end in a CRC */
    bool has_crc;         /* this one itself does */
};

/* "WRITE_ROWS", or "type 77" in `scratch` (16 bytes at least). */
const char *event_type_name(uint8_t type, char scratch[16]);

/* RC_CORRUPT when there are less than 19 bytes or the length in it cannot be. */
enum rc event_header_parse(struct slice bytes, struct event_header *header,
                           struct error *err) MUST_CHECK;

/* A fake event was made by the server for this dump and lies in no file (facts/binlog.md 3.2). */
static inline bool event_is_fake(const struct event_header *header)
{
    return header->timestamp == 0 && (header->flags & EVENT_FLAG_ARTIFICIAL) != 0;
}

/* `bytes`: the whole event with its CRC. */
bool event_crc_is_right(struct slice bytes);

/* `bytes`: the whole event. RC_UNSUPPORTED: a binlog version or checksum that is unknown. */
enum rc event_format_parse(struct slice bytes, struct event_format *format,
                           struct error *err) MUST_CHECK;

/* Body of a ROTATE: where the stream goes on. `file` is borrowed from the body. */
enum rc event_rotate_parse(struct slice body, uint64_t *offset, struct slice *file,
                           struct error *err) MUST_CHECK;

/* Where the server stands, by a heartbeat of either version (facts/binlog.md 8.5). `offset` is 0
 * where it cannot be told; `file` is borrowed from the body. */
enum rc event_heartbeat_parse(const struct event *event, bool is_mariadb, struct slice *file,
                              uint64_t *offset, struct error *err) MUST_CHECK;

/* What a GTID event of any kind says. */
struct event_gtid {
    struct gtid gtid;        /* family GTID_NONE: anonymous */
    uint64_t commit_time_us; /* 0: not told */
    uint64_t origin_time_us; /* of the commit where it was made, if that was on another server */
    bool standalone;         /* MariaDB: exactly one QUERY follows, and no commit */
    bool implicit_begin;     /* MariaDB: rows follow without a BEGIN */
    bool alter_not_done;     /* MariaDB: an ALTER that begins here, or is rolled back */
    bool xa_prepare;         /* MariaDB: the group ends in XA_PREPARE */
};

/* GTID and ANONYMOUS_GTID (facts/binlog.md 4.2), GTID_TAGGED (4.3), MariaDB's GTID (4.6). */
enum rc event_gtid_parse(const struct event *event, struct event_gtid *out,
                         struct error *err) MUST_CHECK;

/* MariaDB's GTID_LIST into `set`, which is emptied first. */
enum rc event_gtid_list_parse(struct slice body, struct gtid_set *set,
                              struct error *err) MUST_CHECK;

#endif
