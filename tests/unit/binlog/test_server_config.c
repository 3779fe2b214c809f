/* SPDX-License-Identifier: Apache-2.0 */
/* The rules between the keys of the source block, and what the Java libraries' properties mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "binlog/server_compat_int.h"
#include "binlog/server_config_int.h"

static struct mysql_source_config valid(void)
{
    return (struct mysql_source_config){.hostname = "db",
                                        .port = 3306,
                                        .username = "u",
                                        .connect_tries = 3,
                                        .startup = SERVER_STARTUP_LATEST,
                                        .timestamp_ms = -1};
}

static enum rc validate(struct mysql_source_config *config, struct error *err)
{
    error_clear(err);
    return server_config_section.validate(config, err);
}

static void refused(struct mysql_source_config config, const char *word)
{
    struct error err;
    assert_int_equal(validate(&config, &err), RC_CONFIG);
    if (strstr(err.text, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, word);
}

static void test_startup(void **state)
{
    (void)state;
    struct error err;
    struct mysql_source_config config = valid();
    assert_int_equal(validate(&config, &err), RC_OK);
    config.startup = SERVER_STARTUP_EARLIEST;
    assert_int_equal(validate(&config, &err), RC_OK);
    assert_int_equal(config.tables.scan, SOURCE_SCAN_NONE);
    config.startup = SERVER_STARTUP_INITIAL;
    assert_int_equal(validate(&config, &err), RC_OK);
    assert_int_equal(config.tables.scan, SOURCE_SCAN_FIRST);
    config.startup = SERVER_STARTUP_SNAPSHOT;
    assert_int_equal(validate(&config, &err), RC_OK);
    assert_int_equal(config.tables.scan, SOURCE_SCAN_ONLY);
    config.startup = SERVER_STARTUP_SPECIFIC;
    refused(config, "gtid-set");
    config.offset_file = "binlog.000001";
    assert_int_equal(validate(&config, &err), RC_OK);
    config.startup = SERVER_STARTUP_TIMESTAMP;
    refused(config, "timestamp-millis");
    config.timestamp_ms = 0;
    assert_int_equal(validate(&config, &err), RC_OK);
}

static void test_server_id(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t first; /* 0: refused */
    } cases[] = {{"5401", 5401},
                 {" 5401-5404 ", 5401},
                 {"4294967295", 4294967295u},
                 {"0", 0},
                 {"", 0},
                 {"4294967296", 0},
                 {"9-8", 0},
                 {"1-", 0},
                 {"-1", 0},
                 {"abc", 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mysql_source_config config = valid();
        config.server_id = cases[i].text;
        struct error err;
        assert_int_equal(validate(&config, &err), cases[i].first == 0 ? RC_CONFIG : RC_OK);
        if (cases[i].first != 0)
            assert_int_equal(config.server_id_first, cases[i].first);
    }
}

static void test_traps(void **state)
{
    (void)state;
    struct mysql_source_config config = valid();
    config.tinyint1_as_boolean = true;
    refused(config, "TINYINT(1)");
    config = valid();
    config.hostname = NULL;
    refused(config, "hostname");
    config.socket = "/run/mysqld/mysqld.sock";
    struct error err;
    assert_int_equal(validate(&config, &err), RC_OK);
    config.tls_cert = "/c.pem";
    refused(config, "tls.key");
}

static void test_tls(void **state)
{
    (void)state;
    static const struct {
        int tls_word; /* 0 preferred, 1 disabled, 2 required, 3 verify-ca, 4 verify-identity */
        const char *key;
        const char *value;
        int tls; /* -1: refused */
    } cases[] = {
        {0, "useSSL", "false", MYCONN_TLS_DISABLED},
        {0, "useSSL", "true", MYCONN_TLS_PREFERRED},
        {0, "requireSSL", "true", MYCONN_TLS_REQUIRED},
        {0, "sslMode", "VERIFY_IDENTITY", MYCONN_TLS_VERIFY_IDENTITY},
        {0, "sslMode", "disabled", MYCONN_TLS_DISABLED},
        {0, "sslMode", "sometimes", -1},
        {0, "verifyServerCertificate", "true", MYCONN_TLS_VERIFY_CA},
        {0, "useSSL", "maybe", -1},
        {0, "serverTimezone", "Europe/Berlin", MYCONN_TLS_PREFERRED},
        {0, "noSuchThing", "1", -1},
        {0, "tinyInt1isBit", "true", -1},
        {0, "tinyInt1isBit", "false", MYCONN_TLS_PREFERRED},
        {1, "requireSSL", "true", -1},
        {1, "useSSL", "false", MYCONN_TLS_DISABLED},
        {2, "useSSL", "false", -1},
        {2, "sslMode", "PREFERRED", MYCONN_TLS_REQUIRED},
        {4, "requireSSL", "true", MYCONN_TLS_VERIFY_IDENTITY},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cfg_pair pair = {cases[i].key, cases[i].value};
        struct mysql_source_config config = valid();
        config.tls_word = cases[i].tls_word;
        config.tls_ca = "/ca.pem";
        config.jdbc = (struct cfg_map){&pair, 1};
        struct error err;
        assert_int_equal(validate(&config, &err), cases[i].tls < 0 ? RC_CONFIG : RC_OK);
        if (cases[i].tls >= 0)
            assert_int_equal(config.tls, cases[i].tls);
        else
            assert_non_null(strstr(err.text, "jdbc.properties"));
    }
    struct mysql_source_config config = valid();
    config.tls_word = 3;
    refused(config, "tls.ca");
}

static void test_debezium(void **state)
{
    (void)state;
    struct error err;
    struct cfg_pair good[] = {{"max.queue.size", "8192"}, {"snapshot.locking.mode", "none"}};
    struct cfg_map map = {good, 2};
    assert_int_equal(server_compat_debezium(&map, &err), RC_OK);
    struct cfg_pair bad = {"skipped.operations", "d"};
    map = (struct cfg_map){&bad, 1};
    assert_int_equal(server_compat_debezium(&map, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, "debezium.skipped.operations"));
    struct cfg_pair tls = {"database.ssl.mode", "required"};
    map = (struct cfg_map){&tls, 1};
    assert_int_equal(server_compat_debezium(&map, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, "tls.mode"));
}

/* Every key says something, stands once, and has a place of its own kind in the struct. */
static void test_rows(void **state)
{
    (void)state;
    for (unsigned i = 0; i < server_config_section.row_count; i++) {
        const struct cfg_row *row = &server_config_section.rows[i];
        assert_true(strlen(row->help) > 20);
        assert_true(row->offset < server_config_section.size);
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(row->key, server_config_section.rows[k].key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_startup),  cmocka_unit_test(test_server_id),
        cmocka_unit_test(test_traps),    cmocka_unit_test(test_tls),
        cmocka_unit_test(test_debezium), cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
