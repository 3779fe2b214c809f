/* SPDX-License-Identifier: Apache-2.0 */
/* Dump commands byte for byte (facts/binlog.md 8.2), versions, uuids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "binlog/session_int.h"

static void expect(const struct session_options *options, const struct session_place *place,
                   uint8_t command, struct slice bytes)
{
    struct buf out;
    struct error err;
    uint8_t got = 0;
    buf_init(&out, 4096);
    assert_int_equal(session_dump_command(options, place, &got, &out, &err), RC_OK);
    assert_int_equal(got, command);
    assert_int_equal(out.len, bytes.len);
    assert_memory_equal(out.ptr, bytes.ptr, bytes.len);
    buf_deinit(&out);
}

static void test_by_file(void **state)
{
    (void)state;
    struct session_place place = {.file = "b.000007", .offset = 0x01020304};
    struct session_options options = {.version = 50744, .server_id = 0x11223344};
    expect(&options, &place, 0x12,
           SLICE("\x04\x03\x02\x01\x00\x00\x44\x33\x22\x11"
                 "b.000007"));
    options.version = 80026; /* heartbeats that say large positions */
    expect(&options, &place, 0x12,
           SLICE("\x04\x03\x02\x01\x02\x00\x44\x33\x22\x11"
                 "b.000007"));
    options.version = 101119;
    options.is_mariadb = true; /* the same bit means annotations there */
    expect(&options, &place, 0x12,
           SLICE("\x04\x03\x02\x01\x02\x00\x44\x33\x22\x11"
                 "b.000007"));
    place = (struct session_place){.file = "", .offset = 4};
    expect(&options, &place, 0x12, SLICE("\x04\x00\x00\x00\x02\x00\x44\x33\x22\x11"));
}

static void test_by_gtid(void **state)
{
    (void)state;
    struct gtid_set *set = NULL;
    struct error err;
    assert_int_equal(gtid_set_new(&set, &err), RC_OK);
    assert_int_equal(gtid_set_parse(set, SLICE("00010203-0405-0607-0809-0a0b0c0d0e0f:1-5"), &err),
                     RC_OK);
    /* The offset does not matter, not even past 4 GiB. */
    struct session_place place = {.gtids = set, .file = "b.1", .offset = 1ull << 33};
    struct session_options options = {.version = 80046, .server_id = 9};
    expect(&options, &place, 0x1e,
           SLICE("\x02\x00\x09\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00"
                 "\x30\x00\x00\x00"
                 "\x01\x00\x00\x00\x00\x00\x00\x00"
                 "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
                 "\x01\x00\x00\x00\x00\x00\x00\x00"
                 "\x01\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"));
    options.is_mariadb = true; /* there the set went ahead in a variable */
    expect(&options, &place, 0x12, SLICE("\x04\x00\x00\x00\x02\x00\x09\x00\x00\x00"));
    gtid_set_free(set);
}

static void test_past_4_gib(void **state)
{
    (void)state;
    struct session_place place = {.file = "b.1", .offset = UINT32_MAX};
    struct session_options options = {.version = 80046, .server_id = 9};
    struct buf out;
    struct error err;
    uint8_t command = 0;
    buf_init(&out, 4096);
    assert_int_equal(session_dump_command(&options, &place, &command, &out, &err), RC_OK);
    place.offset++;
    assert_int_equal(session_dump_command(&options, &place, &command, &out, &err), RC_UNSUPPORTED);
    assert_non_null(strstr(err.text, "b.1:4294967296"));
    buf_deinit(&out);
}

static void test_version(void **state)
{
    (void)state;
    assert_int_equal(session_version("8.0.46-log"), 80046);
    assert_int_equal(session_version("10.11.19-MariaDB-0+deb12u1-log"), 101119);
    assert_int_equal(session_version("5.7.99"), 50799);
    assert_int_equal(session_version("9.7"), 90700);
    assert_int_equal(session_version(""), 0);
    assert_int_equal(session_version("unknown"), 0);
}

static void test_uuid(void **state)
{
    (void)state;
    char a[SESSION_UUID_TEXT + 1];
    char b[SESSION_UUID_TEXT + 1];
    struct error err;
    assert_int_equal(session_make_uuid(a, &err), RC_OK);
    assert_int_equal(session_make_uuid(b, &err), RC_OK);
    assert_int_equal(strlen(a), SESSION_UUID_TEXT);
    assert_int_equal(a[8], '-');
    assert_int_equal(a[14], '4');
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_file),
                                       cmocka_unit_test(test_by_gtid),
                                       cmocka_unit_test(test_past_4_gib),
                                       cmocka_unit_test(test_version), cmocka_unit_test(test_uuid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
