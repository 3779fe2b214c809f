/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MySQL's binary form of a GTID set: what COM_BINLOG_DUMP_GTID sends and PREVIOUS_GTIDS holds
 * (facts/binlog.md 8.3).
 *
 *   plain   u64 count, then per uuid: 16 bytes, u64 n, n times (u64 first, u64 last + 1)
 *   tagged  the first u64 has 1 in its lowest and highest byte and the count between; behind each
 *           uuid a tag: a varlen length and its characters, length 0 for "no tag"
 *
 * The plain form is written unless there is a tag, because servers before 8.3 know no other.
 */
#include "cursor_int.h"
#include "gtid_set_int.h"

static void add_u64le(struct buf *out, uint64_t value)
{
    uint8_t bytes[8];
    store_u64le(bytes, value);
    buf_add(out, bytes, sizeof(bytes));
}

void gtid_set_encode(const struct gtid_set *set, struct buf *out)
{
    bool tagged = false;
    for (uint32_t s = 0; s < set->sid_count; s++)
        tagged = tagged || set->sids[s].tag[0] != '\0';
    uint64_t count = set->sid_count;
    add_u64le(out, tagged ? (uint64_t)1 << 56 | count << 8 | 1 : count);
    for (uint32_t s = 0; s < set->sid_count; s++) {
        const struct gtid_sid *sid = &set->sids[s];
        buf_add(out, sid->uuid, sizeof(sid->uuid));
        if (tagged) {
            /* A varlen below 128 is one byte with the value above its lowest bit. */
            size_t len = strlen(sid->tag);
            ASSERT(len <= GTID_TAG_MAX);
            buf_add_byte(out, (uint8_t)(len << 1));
            buf_add(out, sid->tag, len);
        }
        add_u64le(out, sid->count);
        for (uint32_t i = 0; i < sid->count; i++) {
            add_u64le(out, sid->intervals[i].first);
            add_u64le(out, sid->intervals[i].last + 1);
        }
    }
}

static bool read_tag(struct cursor *cursor, char tag[GTID_TAG_MAX + 1])
{
    uint64_t len = cursor_varlen(cursor);
    if (cursor->failed || len > GTID_TAG_MAX)
        return false;
    struct slice text = cursor_slice(cursor, len);
    memset(tag, 0, GTID_TAG_MAX + 1);
    if (cursor->failed)
        return false;
    if (len > 0)
        memcpy(tag, text.ptr, text.len);
    return len == 0 || gtid_tag_is_valid(tag);
}

static enum rc read_sid(struct gtid_set *set, struct cursor *cursor, bool tagged, struct error *err)
{
    struct slice uuid = cursor_slice(cursor, 16);
    char tag[GTID_TAG_MAX + 1] = "";
    if (tagged && !read_tag(cursor, tag))
        return error_set(err, RC_CORRUPT, "A GTID set holds a tag that cannot be.");
    uint64_t count = cursor_u64(cursor);
    for (uint64_t i = 0; i < count && !cursor->failed; i++) {
        uint64_t first = cursor_u64(cursor);
        uint64_t end = cursor_u64(cursor);
        if (cursor->failed)
            break;
        enum rc rc = gtid_set_add_interval(set, uuid.ptr, tag, first, end - 1, err);
        if (rc != RC_OK)
            return rc;
    }
    return cursor->failed ? error_set(err, RC_CORRUPT, "A GTID set ends too early.") : RC_OK;
}

enum rc gtid_set_decode(struct gtid_set *set, struct slice bytes, struct error *err)
{
    gtid_set_clear(set);
    struct cursor cursor = cursor_of(bytes);
    uint64_t head = cursor_u64(&cursor);
    bool tagged = head >> 56 == 1 && (head & 0xff) == 1;
    uint64_t count = tagged ? head >> 8 & 0xffffffffffff : head;
    enum rc rc = cursor.failed ? error_set(err, RC_CORRUPT, "A GTID set ends too early.") : RC_OK;
    for (uint64_t s = 0; s < count && rc == RC_OK; s++)
        rc = read_sid(set, &cursor, tagged, err);
    if (rc == RC_OK && cursor_left(&cursor) > 0)
        rc = error_set(err, RC_CORRUPT, "A GTID set has %zu bytes too many.", cursor_left(&cursor));
    if (rc != RC_OK)
        gtid_set_clear(set);
    return rc;
}
