/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GTIDs and GTID sets as text, both families (facts/binlog.md 4.6 and 8.3):
 *   MySQL    uuid:1-5:7:tag:1-3,uuid:...   a tag holds for the intervals behind it
 *   MariaDB  domain-server-sequence,...
 */
#include "gtid_set_int.h"

enum { UUID_TEXT = 36 };

static void add_uuid(struct buf *out, const uint8_t uuid[16])
{
    static const uint8_t parts[] = {4, 2, 2, 2, 6};
    for (unsigned i = 0, at = 0; i < COUNT_OF(parts); at += parts[i], i++) {
        if (i > 0)
            buf_add_byte(out, '-');
        buf_add_hex(out, slice_of(uuid + at, parts[i]));
    }
}

void gtid_text(const struct gtid *gtid, struct buf *out)
{
    switch (gtid->family) {
    case GTID_NONE:
        return;
    case GTID_MARIADB:
        buf_add_u64(out, gtid->domain);
        buf_add_byte(out, '-');
        buf_add_u64(out, gtid->server);
        buf_add_byte(out, '-');
        buf_add_u64(out, gtid->number);
        return;
    case GTID_MYSQL:
        add_uuid(out, gtid->uuid);
        if (gtid->tag[0] != '\0') {
            buf_add_byte(out, ':');
            buf_add_str(out, gtid->tag);
        }
        buf_add_byte(out, ':');
        buf_add_u64(out, gtid->number);
        return;
    }
}

static void add_sid(struct buf *out, const struct gtid_sid *sid)
{
    add_uuid(out, sid->uuid);
    if (sid->tag[0] != '\0') {
        buf_add_byte(out, ':');
        buf_add_str(out, sid->tag);
    }
    for (uint32_t i = 0; i < sid->count; i++) {
        buf_add_byte(out, ':');
        buf_add_u64(out, sid->intervals[i].first);
        if (sid->intervals[i].last == sid->intervals[i].first)
            continue;
        buf_add_byte(out, '-');
        buf_add_u64(out, sid->intervals[i].last);
    }
}

void gtid_set_text(const struct gtid_set *set, struct buf *out)
{
    for (uint32_t s = 0; s < set->sid_count; s++) {
        if (s > 0)
            buf_add_byte(out, ',');
        add_sid(out, &set->sids[s]);
    }
    for (uint32_t d = 0; d < set->domain_count; d++) {
        if (d > 0)
            buf_add_byte(out, ',');
        struct gtid gtid = {.family = GTID_MARIADB,
                            .domain = set->domains[d].domain,
                            .server = set->domains[d].server,
                            .number = set->domains[d].number};
        gtid_text(&gtid, out);
    }
}

/* With or without dashes, as the server takes it. */
static bool parse_uuid(struct slice text, uint8_t uuid[16])
{
    if (text.len != UUID_TEXT && text.len != 32)
        return false;
    size_t at = 0;
    for (unsigned i = 0; i < 16; i++) {
        bool dash = text.len == UUID_TEXT && (i == 4 || i == 6 || i == 8 || i == 10);
        if (dash && text.ptr[at++] != '-')
            return false;
        int high = text_hex_value(text.ptr[at]);
        int low = text_hex_value(text.ptr[at + 1]);
        if (high < 0 || low < 0)
            return false;
        uuid[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    return true;
}

bool gtid_tag_is_valid(const char *tag)
{
    size_t len = strlen(tag);
    if (len > GTID_TAG_MAX || (tag[0] >= '0' && tag[0] <= '9'))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!((tag[i] >= 'a' && tag[i] <= 'z') || (tag[i] >= '0' && tag[i] <= '9') ||
              tag[i] == '_'))
            return false;
    return len > 0;
}

static bool parse_tag(struct slice text, char tag[GTID_TAG_MAX + 1])
{
    if (text.len == 0 || text.len > GTID_TAG_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        tag[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    tag[text.len] = '\0';
    return gtid_tag_is_valid(tag);
}

/* Cuts the part up to `separator` off the front of `rest` and trims it. */
static struct slice split(struct slice *rest, uint8_t separator)
{
    const uint8_t *at = rest->len == 0 ? NULL : memchr(rest->ptr, separator, rest->len);
    size_t len = at == NULL ? rest->len : (size_t)(at - rest->ptr);
    struct slice part = slice_of(rest->ptr, len);
    *rest = at == NULL ? SLICE_EMPTY : slice_of(at + 1, rest->len - len - 1);
    return slice_trim(part);
}

static enum rc bad_part(struct slice part, const char *what, struct error *err)
{
    return error_set(err, RC_CONFIG,
                     "'%.*s' is not %s. A GTID set looks like "
                     "'3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7' (MySQL) or '0-1-42' (MariaDB).",
                     part.len > 100 ? 100 : (int)part.len, (const char *)part.ptr, what);
}

static enum rc parse_mysql(struct gtid_set *set, struct slice text, struct error *err)
{
    struct slice rest = text;
    uint8_t uuid[16];
    if (!parse_uuid(split(&rest, ':'), uuid))
        return bad_part(text, "a GTID set that begins with a server uuid", err);
    if (rest.len == 0)
        return bad_part(text, "a GTID set with numbers behind the uuid", err);
    char tag[GTID_TAG_MAX + 1] = "";
    while (rest.len > 0) {
        struct slice part = split(&rest, ':');
        uint64_t first = 0;
        uint64_t last = 0;
        struct slice tail = part;
        struct slice head = split(&tail, '-');
        if (!text_parse_u64(head, &first)) {
            if (tail.len > 0 || !parse_tag(part, tag))
                return bad_part(part, "a GTID interval or tag", err);
            continue;
        }
        last = first;
        bool is_range = memchr(part.ptr, '-', part.len) != NULL;
        if (is_range && !text_parse_u64(slice_trim(tail), &last))
            return bad_part(part, "a GTID interval", err);
        if (first == 0 || last < first || last > GTID_NUMBER_MAX)
            return bad_part(part, "a GTID interval (numbers from 1 on, the smaller first)", err);
        enum rc rc = gtid_set_add_interval(set, uuid, tag, first, last, err);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

/* True when the text is three numbers with dashes between. */
static bool parse_mariadb(struct slice text, struct gtid *gtid)
{
    struct slice rest = text;
    uint64_t numbers[3];
    for (unsigned i = 0; i < 3; i++)
        if (!text_parse_u64(split(&rest, '-'), &numbers[i]))
            return false;
    if (rest.len > 0 || numbers[0] > UINT32_MAX || numbers[1] > UINT32_MAX)
        return false;
    *gtid = (struct gtid){.family = GTID_MARIADB,
                          .domain = (uint32_t)numbers[0],
                          .server = (uint32_t)numbers[1],
                          .number = numbers[2]};
    return true;
}

enum rc gtid_set_parse(struct gtid_set *set, struct slice text, struct error *err)
{
    gtid_set_clear(set);
    struct slice rest = slice_trim(text);
    enum rc rc = RC_OK;
    while (rest.len > 0 && rc == RC_OK) {
        struct slice part = split(&rest, ',');
        if (part.len == 0)
            continue;
        struct gtid gtid;
        rc = parse_mariadb(part, &gtid) ? gtid_set_add(set, &gtid, err)
                                        : parse_mysql(set, part, err);
        if (rc == RC_MISMATCH)
            rc =
                bad_part(part, "of the same family (MySQL or MariaDB) as the GTIDs before it", err);
    }
    if (rc != RC_OK)
        gtid_set_clear(set);
    return rc;
}
