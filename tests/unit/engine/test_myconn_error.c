/* SPDX-License-Identifier: Apache-2.0 */
/* What a server's error number and error packet mean, and text inside statements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

static void test_codes(void **state)
{
    (void)state;
    static const struct {
        int mysql_code;
        enum rc rc;
    } cases[] = {
        {1037, RC_BUSY},      {1040, RC_CONNECT}, {1044, RC_DENIED},  {1045, RC_AUTH},
        {1049, RC_NOT_FOUND}, {1053, RC_CONNECT}, {1130, RC_AUTH},    {1142, RC_DENIED},
        {1146, RC_NOT_FOUND}, {1153, RC_LIMIT},   {1205, RC_BUSY},    {1213, RC_BUSY},
        {1227, RC_DENIED},    {1317, RC_CONNECT}, {1927, RC_CONNECT}, {2002, RC_CONNECT},
        {2006, RC_CONNECT},   {2013, RC_CONNECT}, {2026, RC_AUTH},    {2059, RC_AUTH},
        {3118, RC_AUTH},      {4031, RC_CONNECT}, {4151, RC_AUTH},    {1064, RC_PROTOCOL},
        {1236, RC_PROTOCOL},  {0, RC_PROTOCOL},   {-1, RC_PROTOCOL},  {99999, RC_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(myconn_error_code(cases[i].mysql_code), cases[i].rc);
}

/* The list is searched by halving, so a number out of order would not be found. */
static void test_every_code_between(void **state)
{
    (void)state;
    unsigned known = 0;
    for (int code = 1000; code < 5000; code++)
        known += myconn_error_code(code) != RC_PROTOCOL;
    assert_int_equal(known, 80);
}

static void test_packet(void **state)
{
    (void)state;
    struct error err;
    struct slice payload = SLICE("\x14\x04#42000Access denied to 'app'");
    assert_int_equal(myconn_packet_error(payload, &err), RC_DENIED);
    assert_int_equal(err.mysql_code, 1044);
    assert_string_equal(err.text, "The server says: Access denied to 'app' (error 1044)");

    /* Before the handshake is over there is no SQLSTATE. */
    assert_int_equal(myconn_packet_error(SLICE("\x10\x04Too many connections"), &err), RC_CONNECT);
    assert_int_equal(err.class, ERROR_RETRY);
    assert_string_equal(err.text, "The server says: Too many connections (error 1040)");

    assert_int_equal(myconn_packet_error(SLICE("\xd4\x04"), &err), RC_PROTOCOL);
    assert_int_equal(err.mysql_code, 1236);
    assert_int_equal(myconn_packet_error(SLICE("\xd4"), &err), RC_PROTOCOL);
    assert_int_equal(err.mysql_code, 0);
    assert_int_equal(myconn_packet_error(SLICE_EMPTY, &err), RC_PROTOCOL);
    assert_int_equal(myconn_packet_error(payload, NULL), RC_DENIED);
}

static void expect_text(struct buf *buf, const char *text)
{
    assert_string_equal(buf_cstr(buf), text);
    buf_reset(buf);
}

static void test_quoting(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1024);
    myconn_add_literal(&buf, SLICE("plain"));
    expect_text(&buf, "'plain'");
    myconn_add_literal(&buf, SLICE("it's \\ a"));
    expect_text(&buf, "'it''s \\\\ a'");
    myconn_add_literal(&buf, SLICE("a\0b"));
    expect_text(&buf, "'a\\0b'");
    myconn_add_literal(&buf, SLICE_EMPTY);
    expect_text(&buf, "''");
    myconn_add_identifier(&buf, SLICE("`; DROP TABLE t; --"));
    expect_text(&buf, "```; DROP TABLE t; --`");
    buf_deinit(&buf);
}

static void test_files_and_refusals(void **state)
{
    (void)state;
    struct myconn *conn = NULL;
    struct error err;
    struct myconn_options options = {.host = "127.0.0.1",
                                     .port = 1,
                                     .user = "u",
                                     .connect_timeout_ms = 2000,
                                     .tls = MYCONN_TLS_VERIFY_CA};
    assert_int_equal(myconn_open(&options, &conn, &err), RC_CONFIG);
    assert_null(conn);
    options.tls_ca = "/nonexistent/ca.pem";
    assert_int_equal(myconn_open(&options, &conn, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, "/nonexistent/ca.pem"));
    /* Nobody listens on port 1. */
    options.tls = MYCONN_TLS_DISABLED;
    options.password.hidden = "do not show";
    assert_int_equal(myconn_open(&options, &conn, &err), RC_CONNECT);
    assert_int_equal(err.class, ERROR_RETRY);
    assert_non_null(strstr(err.text, "u@127.0.0.1:1"));
    assert_null(strstr(err.text, "do not show"));
    options.socket = "/nonexistent/socket";
    assert_int_equal(myconn_open(&options, &conn, &err), RC_CONNECT);
    assert_non_null(strstr(err.text, "u@/nonexistent/socket"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_every_code_between),
        cmocka_unit_test(test_packet),
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_files_and_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
