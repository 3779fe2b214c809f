/* SPDX-License-Identifier: Apache-2.0 */
/* Headers, checksums, formats, and GTID events of all layouts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "event_writer.h"

static void test_header_refuses_impossible_lengths(void **state)
{
    uint8_t bytes[EVENT_HEADER_LEN] = {0};
    struct event_header header;
    struct error err;
    (void)state;
    bytes[9] = 18;
    assert_int_equal(event_header_parse(slice_of(bytes, 19), &header, &err), RC_CORRUPT);
    bytes[9] = 19;
    assert_int_equal(event_header_parse(slice_of(bytes, 18), &header, &err), RC_CORRUPT);
    assert_int_equal(event_header_parse(slice_of(bytes, 19), &header, &err), RC_OK);
    bytes[12] = 0x7f;
    assert_int_equal(event_header_parse(slice_of(bytes, 19), &header, &err), RC_CORRUPT);
}

static void test_format_and_its_checksum(void **state)
{
    static const struct {
        const char *version;
        bool is_mariadb;
        uint32_t number;
    } cases[] = {
        {"8.0.36", false, 80036},
        {"5.7.42-log", false, 50742},
        {"10.11.6-MariaDB-log", true, 101106},
        {"5.5.5-10.3.39-MariaDB", true, 100339},
    };
    struct error err;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct writer w = {.crc32 = true, .base = 4};
        struct event_format format;
        put_format(&w, cases[i].version);
        struct slice bytes = slice_of(w.bytes, w.len);
        assert_int_equal(event_format_parse(bytes, &format, &err), RC_OK);
        assert_int_equal(format.is_mariadb, cases[i].is_mariadb);
        assert_int_equal(format.version, cases[i].number);
        assert_true(format.crc32 && format.has_crc);
        assert_true(event_crc_is_right(bytes));
        w.bytes[17] |= EVENT_FLAG_IN_USE; /* an open file's: not part of the checksum */
        assert_true(event_crc_is_right(bytes));
        w.bytes[30] ^= 1;
        assert_false(event_crc_is_right(bytes));
        for (size_t len = 0; len < EVENT_HEADER_LEN + 57; len++)
            assert_int_equal(event_format_parse(slice_of(w.bytes, len), &format, &err), RC_CORRUPT);
    }
}

static void test_unknown_checksum_is_refused(void **state)
{
    struct writer w = {.base = 4};
    struct event_format format;
    struct error err;
    (void)state;
    put_format(&w, "8.0.36");
    w.bytes[w.len - 5] = 2;
    assert_int_equal(event_format_parse(slice_of(w.bytes, w.len), &format, &err), RC_UNSUPPORTED);
}

static struct event event_of(uint8_t type, const void *body, size_t len)
{
    return (struct event){.header = {.type = type, .server_id = 3}, .body = slice_of(body, len)};
}

/* One flipped bit in the version must not make a checksum into bytes of events. */
static void test_a_changed_version_is_seen(void **state)
{
    static const char *const versions[] = {"!0.11.6-MariaDB-log", "5.4.24-log", "q.0.36", ""};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct writer w = {.crc32 = true, .base = 4};
        struct event_format format;
        struct error err;
        put_format(&w, versions[i]);
        assert_int_equal(event_format_parse(slice_of(w.bytes, w.len), &format, &err), RC_CORRUPT);
    }
}

static void test_mysql_gtid_of_all_ages(void **state)
{
    struct writer w = {0};
    struct event_gtid gtid;
    struct error err;
    (void)state;
    put_gtid(&w, 4711);
    const uint8_t *body = w.bytes + EVENT_HEADER_LEN;
    size_t len = w.len - EVENT_HEADER_LEN;
    struct event event = event_of(EVENT_GTID, body, len);
    assert_int_equal(event_gtid_parse(&event, &gtid, &err), RC_OK);
    assert_int_equal(gtid.gtid.number, 4711);
    assert_int_equal(gtid.commit_time_us, 1700000000123456);
    static const size_t old[] = {25, 42}; /* 5.6, 5.7 */
    for (size_t i = 0; i < COUNT_OF(old); i++) {
        event = event_of(EVENT_GTID, body, old[i]);
        assert_int_equal(event_gtid_parse(&event, &gtid, &err), RC_OK);
        assert_int_equal(gtid.gtid.number, 4711);
        assert_int_equal(gtid.commit_time_us, 0);
    }
    event = event_of(EVENT_GTID, body, 24);
    assert_int_equal(event_gtid_parse(&event, &gtid, &err), RC_CORRUPT);
    event = event_of(EVENT_ANONYMOUS_GTID, body, len);
    assert_int_equal(event_gtid_parse(&event, &gtid, &err), RC_OK);
    assert_int_equal(gtid.gtid.family, GTID_NONE);
}

/* A replica's binlog tells both times; a cut between them is an older server's end. */
static void test_where_it_was_made(void **state)
{
    enum { ORIGIN_AT = 42, TIME_BYTES = 7 };
    struct writer w = {0};
    struct event_gtid gtid;
    struct error err;
    (void)state;
    put_gtid(&w, 4711);
    uint8_t body[ORIGIN_AT + 2 * TIME_BYTES];
    memcpy(body, w.bytes + EVENT_HEADER_LEN, ORIGIN_AT + TIME_BYTES);
    body[ORIGIN_AT + TIME_BYTES - 1] |= 0x80;
    uint64_t origin = 1700000000123456 - 2500000;
    for (size_t i = 0; i < TIME_BYTES; i++)
        body[ORIGIN_AT + TIME_BYTES + i] = (uint8_t)(origin >> (8 * i));
    struct event event = event_of(EVENT_GTID, body, sizeof(body));
    assert_int_equal(event_gtid_parse(&event, &gtid, &err), RC_OK);
    assert_int_equal(gtid.commit_time_us, 1700000000123456);
    assert_int_equal(gtid.origin_time_us, origin);
    event = event_of(EVENT_GTID, body, sizeof(body) - 1);
    assert_int_equal(event_gtid_parse(&event, &gtid, &err), RC_OK);
    assert_int_equal(gtid.commit_time_us, 1700000000123456);
    assert_int_equal(gtid.origin_time_us, 0);
}

/* The worked example of facts/binlog.md 4.3. */
static const uint8_t tagged[] = {
    0x02, 0x78, 0x00, 0x00, 0x00, 0x02, 0x41, 0x02, 0xcd, 0x02, 0x55, 0x03, 0x85, 0x02, 0x95,
    0x03, 0xb6, 0x22, 0xc5, 0x03, 0x05, 0x02, 0x95, 0x03, 0x04, 0xf1, 0x03, 0x00, 0x00, 0x00,
    0x02, 0x04, 0x04, 0x06, 0x0a, 0x6d, 0x79, 0x74, 0x61, 0x67, 0x08, 0x04, 0x0a, 0x08, 0x0c,
    0x7f, 0xe3, 0x6c, 0xc7, 0xf4, 0xc0, 0x60, 0x06, 0x10, 0x55, 0x04, 0x12, 0xeb, 0xd0, 0x09};

static void test_tagged_gtid(void **state)
{
    struct event_gtid gtid;
    struct error err;
    struct buf buf;
    (void)state;
    struct event event = event_of(EVENT_GTID_TAGGED, tagged, sizeof(tagged));
    assert_int_equal(event_gtid_parse(&event, &gtid, &err), RC_OK);
    buf_init(&buf, 256);
    gtid_text(&gtid.gtid, &buf);
    assert_string_equal(buf_cstr(&buf), "90b3d5a1-e55b-11f1-81e5-02fc00000001:mytag:1");
    buf_deinit(&buf);
    assert_true(gtid.commit_time_us > 1600000000000000 && gtid.commit_time_us < 2000000000000000);
    for (size_t len = 0; len < sizeof(tagged); len++) {
        uint8_t *cut = test_malloc(len + 1);
        memcpy(cut, tagged, len);
        event = event_of(EVENT_GTID_TAGGED, cut, len);
        assert_int_equal(event_gtid_parse(&event, &gtid, &err), RC_CORRUPT);
        test_free(cut);
    }
}

static void test_mariadb_gtid_flags(void **state)
{
    uint8_t body[19] = {42, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0};
    struct event_gtid gtid;
    struct error err;
    (void)state;
    struct event event = event_of(EVENT_MARIADB_GTID, body, sizeof(body));
    assert_int_equal(event_gtid_parse(&event, &gtid, &err), RC_OK);
    assert_int_equal(gtid.gtid.domain, 9);
    assert_int_equal(gtid.gtid.server, 3);
    assert_int_equal(gtid.gtid.number, 42);
    assert_true(gtid.implicit_begin && !gtid.standalone && !gtid.xa_prepare);
    body[12] = 1;
    assert_int_equal(event_gtid_parse(&event, &gtid, &err), RC_OK);
    assert_true(gtid.standalone && !gtid.implicit_begin);
    body[12] = 64;
    assert_int_equal(event_gtid_parse(&event, &gtid, &err), RC_OK);
    assert_true(gtid.xa_prepare);
}

static void test_cursor_is_sticky_and_stays_inside(void **state)
{
    static const uint8_t bytes[] = {0xfc, 0xff, 0x00, 0xfb, 0x01};
    struct cursor cursor = cursor_of(slice_of(bytes, sizeof(bytes)));
    (void)state;
    assert_int_equal(cursor_lenenc(&cursor), 255);
    assert_int_equal(cursor_lenenc(&cursor), 0);
    assert_true(cursor.failed);
    assert_int_equal(cursor_u8(&cursor), 0);
    cursor = cursor_of(slice_of(bytes, 2));
    assert_int_equal(cursor_lenenc(&cursor), 0);
    assert_true(cursor.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_refuses_impossible_lengths),
        cmocka_unit_test(test_format_and_its_checksum),
        cmocka_unit_test(test_unknown_checksum_is_refused),
        cmocka_unit_test(test_a_changed_version_is_seen),
        cmocka_unit_test(test_mysql_gtid_of_all_ages),
        cmocka_unit_test(test_where_it_was_made),
        cmocka_unit_test(test_tagged_gtid),
        cmocka_unit_test(test_mariadb_gtid_flags),
        cmocka_unit_test(test_cursor_is_sticky_and_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
