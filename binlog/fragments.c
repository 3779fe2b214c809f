/* SPDX-License-Identifier: Apache-2.0 */
#include "fragments_int.h"

#include "cursor_int.h"
#include "rows_int.h"

enum { FLAG_SIZE = 1, FLAGS_KNOWN = FLAG_SIZE };

void fragments_init(struct fragments *fragments, size_t max)
{
    *fragments = (struct fragments){.total = 0};
    buf_init(&fragments->bytes, max);
}

void fragments_deinit(struct fragments *fragments)
{
    buf_deinit(&fragments->bytes);
}

void fragments_drop(struct fragments *fragments)
{
    buf_reset(&fragments->bytes);
    fragments->total = 0;
}

struct fragment {
    uint32_t total;
    uint32_t number;
    uint64_t size; /* of the whole; the first one's alone */
    struct slice bytes;
};

static enum rc parse(struct slice body, struct fragment *fragment, struct error *err)
{
    struct cursor cursor = cursor_of(body);
    fragment->total = cursor_u32(&cursor);
    fragment->number = cursor_u32(&cursor);
    uint8_t flags = cursor_u8(&cursor);
    fragment->size = (flags & FLAG_SIZE) != 0 ? cursor_u64(&cursor) : 0;
    fragment->bytes = cursor_rest(&cursor);
    if (cursor.failed)
        return error_set(err, RC_CORRUPT, "The fragment of a rows event is cut off.");
    if ((flags & ~FLAGS_KNOWN) != 0)
        return error_set(err, RC_UNSUPPORTED,
                         "The fragment of a rows event has flags that are not known (%u). SET "
                         "GLOBAL binlog_row_event_fragment_threshold to its maximum makes the "
                         "server write whole rows events.",
                         flags);
    bool first = fragment->number == 1;
    if (fragment->total == 0 || fragment->number == 0 || fragment->number > fragment->total ||
        first != ((flags & FLAG_SIZE) != 0))
        return error_set(err, RC_CORRUPT, "The fragment of a rows event is number %u of %u%s.",
                         fragment->number, fragment->total,
                         first ? ", and does not say the size of the whole" : "");
    return RC_OK;
}

static enum rc begin(struct fragments *fragments, const struct fragment *fragment, uint64_t offset,
                     struct error *err)
{
    if (fragments_are_open(fragments))
        return error_set(err, RC_CORRUPT,
                         "A rows event in fragments begins where fragment %u of %u of another one "
                         "is awaited.",
                         fragments->next, fragments->total);
    if (fragment->size > fragments->bytes.max)
        return error_set(err, RC_LIMIT,
                         "A rows event in fragments has %llu bytes, and at most %zu are put "
                         "together.",
                         (unsigned long long)fragment->size, fragments->bytes.max);
    buf_reset(&fragments->bytes);
    fragments->total = fragment->total;
    fragments->next = 1;
    fragments->size = fragment->size;
    fragments->offset = offset;
    return RC_OK;
}

/* The whole with its header; a checksum behind it is cut off. */
static enum rc settle(struct fragments *fragments, struct event *event, struct error *err)
{
    struct slice whole = buf_slice(&fragments->bytes);
    struct event_header header = {0};
    enum rc rc = event_header_parse(whole, &header, err);
    if (rc != RC_OK)
        return rc;
    if (rows_type_of(header.type).kind == ROWS_NONE)
        return error_set(err, RC_UNSUPPORTED,
                         "A rows event in fragments is put together to an event of type %u.",
                         header.type);
    bool cut = header.length == whole.len + EVENT_CRC_LEN;
    if (!cut && header.length != whole.len)
        return error_set(err, RC_CORRUPT,
                         "A rows event in fragments has %zu bytes where its header says %u.",
                         whole.len, header.length);
    if (!cut && event_crc_is_right(whole))
        whole.len -= EVENT_CRC_LEN;
    /* The server's id, the time and where it lies are the fragment's. */
    event->header.type = header.type;
    event->header.length = (uint32_t)whole.len;
    event->body = slice_of(whole.ptr + EVENT_HEADER_LEN, whole.len - EVENT_HEADER_LEN);
    event->offset = fragments->offset;
    return RC_OK;
}

enum rc fragments_take(struct fragments *fragments, struct event *event, struct error *err)
{
    struct fragment fragment;
    enum rc rc = parse(event->body, &fragment, err);
    if (rc == RC_OK && fragment.number == 1)
        rc = begin(fragments, &fragment, event->offset, err);
    if (rc != RC_OK)
        return rc;
    if (fragment.total != fragments->total || fragment.number != fragments->next)
        return error_set(err, RC_CORRUPT,
                         "Fragment %u of %u of a rows event comes where %u of %u is awaited.",
                         fragment.number, fragment.total, fragments->next, fragments->total);
    buf_add_slice(&fragments->bytes, fragment.bytes);
    rc = buf_check(&fragments->bytes, "A rows event in fragments", err);
    if (rc != RC_OK || fragments->next++ < fragments->total)
        return rc != RC_OK ? rc : RC_AGAIN;
    fragments->total = 0;
    if (fragments->bytes.len != fragments->size)
        return error_set(err, RC_CORRUPT,
                         "The fragments of a rows event have %zu bytes, and the first one says "
                         "%llu.",
                         fragments->bytes.len, (unsigned long long)fragments->size);
    return settle(fragments, event, err);
}
