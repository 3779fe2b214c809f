/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink blocks of both dialects behind the shared reader: addresses, JDBC URLs, headers that
 * pass, are fixed, or are refused, and keys that may not have one of their values.
 */
#include "dialect_fixture.h"

#include "sinks/doris/doris_int.h"
#include "sinks/starrocks/starrocks_int.h"

static enum rc addresses(const char *text, struct dialect_addresses *out, struct error *err)
{
    const char *const items[] = {text};
    const struct cfg_list list = {.items = items, .count = 1};
    error_clear(err);
    return dialect_addresses_parse("fenodes", &list, 8030, out, err);
}

static void test_addresses(void **state UNUSED)
{
    struct dialect_addresses out;
    struct error err;
    assert_int_equal(addresses(" fe1:8030; fe2:18030,fe3 ;;[::1]:9 ", &out, &err), RC_OK);
    assert_int_equal(out.count, 4);
    assert_string_equal(out.items[0], "fe1:8030");
    assert_string_equal(out.items[1], "fe2:18030");
    assert_string_equal(out.items[2], "fe3:8030");
    assert_string_equal(out.items[3], "[::1]:9");
    assert_int_equal(addresses("", &out, &err), RC_OK);
    assert_int_equal(out.count, 0);
    static const char *const wrong[] = {
        "fe1:0",      "fe1:65536", "fe1:x",
        "fe1:",       ":8030",     "http://fe1:80",
        "u:p@fe1:80", "a b:80",    "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"};
    for (unsigned i = 0; i < COUNT_OF(wrong); i++) {
        if (addresses(wrong[i], &out, &err) != RC_CONFIG)
            fail_msg("'%s' was taken", wrong[i]);
        assert_non_null(strstr(err.text, "'fenodes'"));
    }
}

static void test_jdbc(void **state UNUSED)
{
    struct dialect_endpoints out;
    struct error err;
    error_clear(&err);
    assert_int_equal(dialect_jdbc_parse("jdbc-url", "jdbc:mysql://fe1:9030,fe2/db?useSSL=false",
                                        9030, &out, &err),
                     RC_OK);
    assert_int_equal(out.count, 2);
    assert_string_equal(out.items[0].host, "fe1");
    assert_int_equal(out.items[0].port, 9030);
    assert_string_equal(out.items[1].host, "fe2");
    assert_int_equal(out.items[1].port, 9030);
    assert_int_equal(
        dialect_jdbc_parse("jdbc-url", "jdbc:mysql:loadbalance://[::1]:19030", 9030, &out, &err),
        RC_OK);
    assert_string_equal(out.items[0].host, "::1");
    assert_int_equal(out.items[0].port, 19030);
    static const char *const wrong[] = {"fe1:9030", "jdbc:mysql://", "jdbc:postgresql://fe1:9030",
                                        "jdbc:mysql:///db", ""};
    for (unsigned i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(dialect_jdbc_parse("jdbc-url", wrong[i], 9030, &out, &err), RC_CONFIG);
}

static const char *const one_frontend[] = {"fe1:8030;fe2:8031"};

static struct doris_config doris_base(void)
{
    return (struct doris_config){.common = {.username = "root",
                                            .max_retries = -1,
                                            .flush_rows = 1,
                                            .load_timeout_ms = 600000},
                                 .fenodes = {.items = one_frontend, .count = 1},
                                 .charset = "UTF-8",
                                 .enable_delete = true,
                                 .threads = 4};
}

static enum rc doris_with(const char *key, const char *value, struct doris_config *config,
                          struct error *err)
{
    static struct cfg_pair pair;
    pair = (struct cfg_pair){key, value};
    *config = doris_base();
    config->common.properties = (struct cfg_map){.items = &pair, .count = 1};
    error_clear(err);
    return doris_section.validate(config, err);
}

static void test_doris(void **state UNUSED)
{
    struct doris_config config = doris_base();
    struct load_settings settings;
    struct myconn_options query;
    struct error err;
    error_clear(&err);
    assert_int_equal(doris_section.validate(&config, &err), RC_OK);
    doris_settings(&config, &settings, &query);
    assert_int_equal(settings.frontends.count, 2);
    assert_string_equal(settings.frontends.items[1], "fe2:8031");
    assert_int_equal(settings.backends.count, 0);
    assert_int_equal(settings.load_timeout_s, 600);
    assert_int_equal(settings.max_retries, -1);
    assert_null(settings.label_prefix);
    assert_int_equal(config.common.query.count, 2);
    assert_string_equal(config.common.query.items[1].host, "fe2");
    assert_int_equal(config.common.query.items[1].port, 9030);
    dialect_choose_endpoint(
        &(struct dialect_endpoints){.items = {{.host = "fe9", .port = 9}}, .count = 1}, &query);
    assert_int_equal(query.port, 9);
}

static void test_doris_refusals(void **state UNUSED)
{
    static const struct cfg_pair pair = {"default-partition-key", "dt"};
    struct error err;
    struct doris_config config = doris_base();
    config.enable_delete = false;
    assert_int_equal(doris_section.validate(&config, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, "sink.enable-delete"));
    config = doris_base();
    config.auto_partition = (struct cfg_map){.items = &pair, .count = 1};
    assert_int_equal(doris_section.validate(&config, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, "default-partition-key"));
    config = doris_base();
    config.charset = "GBK";
    assert_int_equal(doris_section.validate(&config, &err), RC_CONFIG);
    config = doris_base();
    config.common.label_prefix = "a.b";
    assert_int_equal(doris_section.validate(&config, &err), RC_CONFIG);
    config = doris_base();
    config.common.jdbc_url = "fe1:9030";
    assert_int_equal(doris_section.validate(&config, &err), RC_CONFIG);
    config = doris_base();
    config.fenodes.count = 0;
    assert_int_equal(doris_section.validate(&config, &err), RC_CONFIG);
}

struct property_case {
    const char *key;
    const char *value;
    bool taken;
};

static void test_doris_properties(void **state UNUSED)
{
    static const struct property_case cases[] = {
        {"format", "json", true},
        {"FORMAT", "JSON", true},
        {"format", "csv", false},
        {"read_json_by_line", "true", true},
        {"read_json_by_line", "false", false},
        {"strip_outer_array", "true", true},
        {"strict_mode", "true", true},
        {"strict_mode", "false", false},
        {"max_filter_ratio", "0", true},
        {"max_filter_ratio", "0.0", true},
        {"max_filter_ratio", "0.1", false},
        {"max_filter_ratio", ".", false},
        {"max_filter_ratio", "", false},
        {"group_commit", "off_mode", true},
        {"group_commit", "async_mode", false},
        {"two_phase_commit", "true", false},
        {"partial_columns", "true", false},
        {"partial_columns", "false", true},
        {"merge_type", "MERGE", false},
        {"columns", "a,b", false},
        {"label", "x", false},
        {"where", "a > 1", false},
        {"compress_type", "gz", false},
        {"column_separator", ",", false},
        {"timezone", "UTC", true},
        {"timezone", "UTC\r\nlabel: x", false},
        {"timeout", "0", false},
        {"timeout", "x", false},
        {"made_up", "1", false},
    };
    struct doris_config config;
    struct error err;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        enum rc rc = doris_with(cases[i].key, cases[i].value, &config, &err);
        if ((rc == RC_OK) != cases[i].taken)
            fail_msg("%s: %s gives %s", cases[i].key, cases[i].value, rc_name(rc));
        if (rc != RC_OK) {
            assert_int_equal(rc, RC_CONFIG);
            assert_non_null(strstr(err.text, cases[i].key));
        }
    }
    assert_int_equal(doris_with("timeout", "1200", &config, &err), RC_OK);
    assert_int_equal(config.common.load_timeout_s, 1200);
}

static struct starrocks_config starrocks_base(void)
{
    return (struct starrocks_config){.common = {.jdbc_url = "jdbc:mysql://fe1:9030",
                                                .username = "root",
                                                .load_timeout_ms = 1500},
                                     .load_url = {.items = one_frontend, .count = 1},
                                     .connect_timeout_ms = 1,
                                     .socket_timeout_ms = -1,
                                     .io_threads = 2};
}

static void test_starrocks(void **state UNUSED)
{
    struct starrocks_config config = starrocks_base();
    struct load_settings settings;
    struct myconn_options query;
    struct error err;
    error_clear(&err);
    assert_int_equal(starrocks_section.validate(&config, &err), RC_OK);
    starrocks_settings(&config, &settings, &query);
    assert_int_equal(settings.frontends.count, 2);
    assert_int_equal(settings.threads, 2);
    assert_int_equal(settings.read_timeout_ms, 120000);
    assert_int_equal(settings.load_timeout_s, 2);
    config.threads = 8;
    config.socket_timeout_ms = 5000;
    starrocks_settings(&config, &settings, &query);
    assert_int_equal(settings.threads, 8);
    assert_int_equal(settings.read_timeout_ms, 5000);

    config.common.jdbc_url = "jdbc:mysql://";
    assert_int_equal(starrocks_section.validate(&config, &err), RC_CONFIG);
    config = starrocks_base();
    config.load_url.count = 0;
    assert_int_equal(starrocks_section.validate(&config, &err), RC_CONFIG);
}

static void test_starrocks_properties(void **state UNUSED)
{
    static const struct property_case cases[] = {
        {"format", "json", true},
        {"format", "csv", false},
        {"strip_outer_array", "true", true},
        {"ignore_json_size", "true", true},
        {"partial_update", "true", false},
        {"enable_merge_commit", "true", false},
        {"merge_condition", "v", false},
        {"warehouse", "w1", true},
        {"jsonpaths", "[]", false},
        {"made_up", "1", false},
    };
    struct error err;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        const struct cfg_pair pair = {cases[i].key, cases[i].value};
        struct starrocks_config config = starrocks_base();
        config.common.properties = (struct cfg_map){.items = &pair, .count = 1};
        error_clear(&err);
        enum rc rc = starrocks_section.validate(&config, &err);
        if ((rc == RC_OK) != cases[i].taken)
            fail_msg("%s: %s gives %s", cases[i].key, cases[i].value, rc_name(rc));
    }
}

/* Every key is there once, has a whole sentence of help, and a field inside its struct. */
static void check_rows(const struct cfg_section *section)
{
    for (unsigned i = 0; i < section->row_count; i++) {
        const struct cfg_row *row = &section->rows[i];
        size_t help_len = strlen(row->help);
        assert_true(help_len > 10 && row->help[help_len - 1] == '.');
        assert_true(row->offset < section->size);
        if (row->type == CFG_MAP)
            assert_int_equal(row->key[strlen(row->key) - 1], '.');
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(row->key, section->rows[k].key);
    }
}

static void test_rows(void **state UNUSED)
{
    check_rows(&doris_section);
    check_rows(&starrocks_section);
}

/* What may be chosen is what the target has a header for. */
static void check_compression(const struct cfg_section *section, const struct load_dialect *dialect)
{
    static const char *const names[LOAD_COMPRESSIONS] = {"none", "gzip", "lz4", "zstd"};
    unsigned known = 0;
    for (unsigned i = 0; i < section->row_count; i++) {
        if (strcmp(section->rows[i].key, "sink.load.compression") != 0)
            continue;
        const char *const *choices = section->rows[i].choices;
        for (; choices[known] != NULL; known++) {
            assert_string_equal(choices[known], names[known]);
            assert_int_equal(dialect->compression_header[known] != NULL,
                             known != LOAD_COMPRESSION_NONE);
        }
    }
    assert_true(known > LOAD_COMPRESSION_LZ4);
    for (; known < LOAD_COMPRESSIONS; known++)
        assert_null(dialect->compression_header[known]);
}

static void test_compression(void **state UNUSED)
{
    check_compression(&doris_section, &doris_dialect);
    check_compression(&starrocks_section, &starrocks_dialect);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_jdbc),
        cmocka_unit_test(test_doris),
        cmocka_unit_test(test_doris_refusals),
        cmocka_unit_test(test_doris_properties),
        cmocka_unit_test(test_starrocks),
        cmocka_unit_test(test_starrocks_properties),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_compression),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
