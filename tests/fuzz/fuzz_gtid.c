/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GTID sets as text and in both binary forms, and the events that carry GTIDs. Whatever was read is
 * written and read again, and must be the same set.
 *
 *   byte 0   0: text; 1: MySQL's binary form; 2: MariaDB's list; else: an event of that type, of
 *            MariaDB where the type is MariaDB's
 *   rest     the bytes
 */
#include "binlog/event_int.h"
#include "fuzz_int.h"

static void same_after_text(const struct gtid_set *set)
{
    struct gtid_set *again = NULL;
    struct buf text;
    struct error err;
    buf_init(&text, (size_t)16 << 20);
    gtid_set_text(set, &text);
    ASSERT(text.rc == RC_OK && gtid_set_new(&again, &err) == RC_OK);
    ASSERT(gtid_set_parse(again, buf_slice(&text), &err) == RC_OK);
    ASSERT(gtid_set_equal(set, again));
    ASSERT(gtid_set_contains_set(set, again) && gtid_set_contains_set(again, set));
    gtid_set_free(again);
    buf_deinit(&text);
}

static void same_after_codec(const struct gtid_set *set)
{
    struct gtid_set *again = NULL;
    struct buf bytes;
    struct error err;
    buf_init(&bytes, (size_t)16 << 20);
    gtid_set_encode(set, &bytes);
    ASSERT(bytes.rc == RC_OK && gtid_set_new(&again, &err) == RC_OK);
    ASSERT(gtid_set_decode(again, buf_slice(&bytes), &err) == RC_OK);
    ASSERT(gtid_set_equal(set, again));
    ASSERT(gtid_set_subtract(again, set, &err) == RC_OK && gtid_set_is_empty(again));
    gtid_set_free(again);
    buf_deinit(&bytes);
}

static void read_set(uint8_t way, struct slice bytes)
{
    struct gtid_set *set = NULL;
    struct error err;
    error_clear(&err);
    ASSERT(gtid_set_new(&set, &err) == RC_OK);
    enum rc rc = way == 0   ? gtid_set_parse(set, bytes, &err)
                 : way == 1 ? gtid_set_decode(set, bytes, &err)
                            : event_gtid_list_parse(bytes, set, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK) {
        same_after_text(set);
        if (gtid_set_family(set) != GTID_MARIADB)
            same_after_codec(set);
    }
    gtid_set_free(set);
}

/* What an event says can be added to a set, is in it then, and has a text that reads back. */
static void read_event(uint8_t type, struct slice body)
{
    struct event event = {.header = {.type = type, .timestamp = 1}, .body = body};
    struct event_gtid out;
    struct gtid_set *set = NULL;
    struct error err;
    error_clear(&err);
    enum rc rc = event_gtid_parse(&event, &out, &err);
    fuzz_told(rc, &err);
    if (rc != RC_OK || out.gtid.family == GTID_NONE)
        return;
    ASSERT(gtid_set_new(&set, &err) == RC_OK);
    rc = gtid_set_add(set, &out.gtid, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK) {
        ASSERT(gtid_set_contains(set, &out.gtid));
        same_after_text(set);
    }
    gtid_set_free(set);
}

static void read_heartbeat(uint8_t type, struct slice body)
{
    struct event event = {.header = {.type = type, .timestamp = 1}, .body = body};
    struct slice file;
    uint64_t offset = 0;
    struct error err;
    error_clear(&err);
    fuzz_told(event_heartbeat_parse(&event, false, &file, &offset, &err), &err);
    error_clear(&err);
    fuzz_told(event_heartbeat_parse(&event, true, &file, &offset, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    uint8_t way = fuzz_byte(&input);
    if (way <= 2)
        read_set(way, input);
    else if (way == EVENT_GTID || way == EVENT_ANONYMOUS_GTID || way == EVENT_GTID_TAGGED ||
             way == EVENT_MARIADB_GTID)
        read_event(way, input);
    else if (way == EVENT_HEARTBEAT || way == EVENT_HEARTBEAT_V2)
        read_heartbeat(way, input);
    return 0;
}
