/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events that open a transaction, in their four layouts, and MariaDB's GTID_LIST
 * (facts/binlog.md 4.2, 4.3, 4.6, 2.2). Pure functions over bytes.
 */
#include "event_int.h"

#define ORIGIN_FOLLOWS (UINT64_C(1) << 55)

/* flags 1 | uuid 16 | number 8 | clock type 1 | last committed 8, sequence 8 | commit times.
 * Older servers end earlier: 25 bytes in 5.6, 42 in 5.7. */
static enum rc parse_mysql(const struct event *event, struct event_gtid *out, struct error *err)
{
    struct cursor cursor = cursor_of(event->body);
    cursor_take(&cursor, 1);
    struct slice uuid = cursor_slice(&cursor, 16);
    uint64_t number = cursor_u64(&cursor);
    if (cursor.failed)
        return error_set(err, RC_CORRUPT, "The GTID event is cut off.");
    if (event->header.type == EVENT_GTID) {
        out->gtid.family = GTID_MYSQL;
        out->gtid.number = number;
        memcpy(out->gtid.uuid, uuid.ptr, uuid.len);
    }
    if (cursor_left(&cursor) < 1 + 8 + 8 + 7)
        return RC_OK;
    cursor_take(&cursor, 1 + 8 + 8);
    /* The time of this server; with its top bit set, that of the server where it was made follows. */
    uint64_t time_us = cursor_uint(&cursor, 7);
    out->commit_time_us = time_us & ~ORIGIN_FOLLOWS;
    if ((time_us & ORIGIN_FOLLOWS) != 0 && cursor_left(&cursor) >= 7)
        out->origin_time_us = cursor_uint(&cursor, 7);
    return RC_OK;
}

enum tagged_field {
    TAGGED_FLAGS = 0,
    TAGGED_UUID = 1,
    TAGGED_NUMBER = 2,
    TAGGED_TAG = 3,
    TAGGED_LAST_COMMITTED = 4,
    TAGGED_SEQUENCE = 5,
    TAGGED_COMMIT_TIME = 6,
    TAGGED_ORIGIN_TIME = 7,
    TAGGED_FIELD_LAST = 11
};

static void read_tag(struct cursor *cursor, struct gtid *gtid)
{
    uint64_t len = cursor_varlen(cursor);
    struct slice tag = cursor_slice(cursor, len > GTID_TAG_MAX ? UINT64_MAX : len);
    memset(gtid->tag, 0, sizeof(gtid->tag));
    if (cursor->failed || tag.len == 0)
        return;
    memcpy(gtid->tag, tag.ptr, tag.len);
    /* It becomes part of a GTID set's text, which must be readable again. */
    if (strlen(gtid->tag) != tag.len || !gtid_tag_is_valid(gtid->tag))
        cursor->failed = true;
}

static void read_tagged_field(struct cursor *cursor, uint64_t field, struct event_gtid *out)
{
    switch (field) {
    case TAGGED_UUID:
        for (unsigned i = 0; i < 16; i++)
            out->gtid.uuid[i] = (uint8_t)cursor_varlen(cursor);
        return;
    case TAGGED_NUMBER:
        out->gtid.number = (uint64_t)cursor_varlen_signed(cursor);
        return;
    case TAGGED_TAG:
        read_tag(cursor, &out->gtid);
        return;
    case TAGGED_COMMIT_TIME:
        out->commit_time_us = cursor_varlen(cursor);
        return;
    case TAGGED_ORIGIN_TIME:
        out->origin_time_us = cursor_varlen(cursor);
        return;
    default: /* the others are plain numbers that are not asked for */
        cursor_varlen(cursor);
        return;
    }
}

static enum rc parse_tagged(const struct event *event, struct event_gtid *out, struct error *err)
{
    struct cursor cursor = cursor_of(event->body);
    uint64_t version = cursor_varlen(&cursor);
    uint64_t size = cursor_varlen(&cursor);
    uint64_t last_needed = cursor_varlen(&cursor);
    if (cursor.failed || size > event->body.len)
        return error_set(err, RC_CORRUPT, "The GTID event is cut off.");
    if (version != 1)
        return error_set(err, RC_UNSUPPORTED,
                         "The tagged GTID event has format %llu; only format 1 is known.",
                         (unsigned long long)version);
    cursor.end = event->body.ptr + size;
    cursor.failed = cursor.ptr > cursor.end;
    while (!cursor.failed && cursor.ptr < cursor.end) {
        uint64_t field = cursor_varlen(&cursor);
        if (field <= TAGGED_FIELD_LAST)
            read_tagged_field(&cursor, field, out);
        else if (field > last_needed)
            break; /* fields of the future that may be passed over */
        else
            return error_set(err, RC_UNSUPPORTED,
                             "The tagged GTID event has a field %llu that must be understood.",
                             (unsigned long long)field);
    }
    if (cursor.failed || out->gtid.number == 0)
        return error_set(err, RC_CORRUPT, "The tagged GTID event cannot be read.");
    out->gtid.family = GTID_MYSQL;
    return RC_OK;
}

/* Only as far as it is asked for; what follows depends on flags and ends in padding. */
static enum rc parse_mariadb(const struct event *event, struct event_gtid *out, struct error *err)
{
    enum { STANDALONE = 1, GROUP_COMMIT_ID = 2, PREPARED_XA = 64, COMPLETED_XA = 128 };
    enum { START_ALTER = 2, ROLLBACK_ALTER = 8 };
    struct cursor cursor = cursor_of(event->body);
    out->gtid.number = cursor_u64(&cursor);
    out->gtid.domain = cursor_u32(&cursor);
    out->gtid.server = event->header.server_id;
    uint8_t flags = cursor_u8(&cursor);
    if (cursor.failed)
        return error_set(err, RC_CORRUPT, "The GTID event is cut off.");
    out->gtid.family = GTID_MARIADB;
    out->standalone = (flags & STANDALONE) != 0;
    out->implicit_begin = !out->standalone;
    out->xa_prepare = (flags & PREPARED_XA) != 0;
    if ((flags & GROUP_COMMIT_ID) != 0)
        cursor_take(&cursor, 8);
    if ((flags & (PREPARED_XA | COMPLETED_XA)) != 0)
        return RC_OK; /* never an ALTER */
    /* Old servers end here, or in zeros. */
    uint8_t more = cursor_left(&cursor) > 0 ? cursor_u8(&cursor) : 0;
    out->alter_not_done = (more & (START_ALTER | ROLLBACK_ALTER)) != 0;
    return RC_OK;
}

enum rc event_gtid_parse(const struct event *event, struct event_gtid *out, struct error *err)
{
    *out = (struct event_gtid){0};
    switch (event->header.type) {
    case EVENT_GTID_TAGGED:
        return parse_tagged(event, out, err);
    case EVENT_MARIADB_GTID:
        return parse_mariadb(event, out, err);
    default:
        return parse_mysql(event, out, err);
    }
}

enum rc event_gtid_list_parse(struct slice body, struct gtid_set *set, struct error *err)
{
    gtid_set_clear(set);
    struct cursor cursor = cursor_of(body);
    uint32_t count = cursor_u32(&cursor) & 0x0fffffff; /* flags lie above */
    for (uint32_t i = 0; i < count && !cursor.failed; i++) {
        struct gtid gtid = {.family = GTID_MARIADB};
        gtid.domain = cursor_u32(&cursor);
        gtid.server = cursor_u32(&cursor);
        gtid.number = cursor_u64(&cursor);
        if (cursor.failed)
            break;
        enum rc rc = gtid_set_add(set, &gtid, err);
        if (rc != RC_OK)
            return rc;
    }
    return cursor.failed ? error_set(err, RC_CORRUPT, "The GTID list is cut off.") : RC_OK;
}
