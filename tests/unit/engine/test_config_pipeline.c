/* SPDX-License-Identifier: Apache-2.0 */
/* The `pipeline:` block: Flink CDC's keys and ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

#include "config_file.h"

static void defaults(void **state)
{
    (void)state;
    struct cfg_document *document = load("source: {}\n");
    struct pipeline_config config;
    assert_int_equal(cfg_bind(document, &pipeline_section, &config, NULL), RC_OK);
    assert_null(config.name);
    assert_null(config.checkpoint_dir);
    assert_int_equal(config.route_mode, ROUTE_ALL_MATCH);
    assert_int_equal(config.delivery, PIPELINE_EXACTLY_ONCE);
    assert_int_equal(config.stop_timeout_ms, 30000);
    assert_int_equal(config.progress_interval_ms, 10000);
    assert_int_equal(config.label_trust_ms, 600000);
    cfg_free(document);
}

static void a_file_of_flink(void **state)
{
    (void)state;
    struct cfg_document *document = load("pipeline:\n"
                                         "  name: Sync MySQL Database to Doris\n"
                                         "  parallelism: 2\n"
                                         "  local-time-zone: UTC\n"
                                         "  route-mode: FIRST_MATCH\n"
                                         "  execution.runtime-mode: STREAMING\n"
                                         "  schema.change.behavior: IGNORE\n"
                                         "  schema-operator.rpc-timeout: 1 h\n"
                                         "  schema.operator.uid: a\n"
                                         "  operator.uid.prefix: b\n"
                                         "  sink.partitioning.strategy: TABLE_ID\n"
                                         "  transform.decimal.precision.mode: UP_TO_19\n"
                                         "  delivery: at-least-once\n"
                                         "  checkpoint.dir: /var/lib/millrace\n");
    struct pipeline_config config;
    struct error err;
    error_clear(&err);
    enum rc rc = cfg_bind(document, &pipeline_section, &config, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(rc, RC_OK);
    assert_string_equal(config.name, "Sync MySQL Database to Doris");
    assert_int_equal(config.route_mode, ROUTE_FIRST_MATCH);
    assert_int_equal(config.delivery, PIPELINE_AT_LEAST_ONCE);
    assert_string_equal(config.checkpoint_dir, "/var/lib/millrace");
    cfg_free(document);
}

static void what_would_not_be_true_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *message;
    } cases[] = {
        {"execution.runtime-mode: BATCH", "p.yaml:2:3: key 'execution.runtime-mode' must be "
                                          "STREAMING: a pipeline runs until it is stopped."},
        {"local-time-zone: Asia/Shanghai",
         "p.yaml:2:3: key 'local-time-zone' must be UTC: TIMESTAMP values arrive in the target in "
         "UTC."},
        {"name: ''", "p.yaml:2:3: key 'name' must not be empty."},
        {"checkpoint.dir: ''", "p.yaml:2:3: key 'checkpoint.dir' must not be empty."},
        {"user-defined-function: [{name: f, classpath: c}]",
         "p.yaml:2:3: key 'user-defined-function' is refused. Functions in Java cannot run here, "
         "and transforms are not available yet."},
        {"model: [{model-name: CHAT}]", "p.yaml:2:3: key 'model' is refused. Models belong to "
                                        "transforms, which are not available yet."},
        {"checkpoint-dir: x", "p.yaml:2:3: key 'checkpoint-dir' is not known in 'pipeline'. Did "
                              "you mean 'checkpoint.dir'?"},
        {"type: x",
         "p.yaml:2:3: key 'type' is not known in 'pipeline'. \"millrace config\" lists all keys."},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        char yaml[200];
        snprintf(yaml, sizeof(yaml), "pipeline:\n  %s\n", cases[i].line);
        struct cfg_document *document = load(yaml);
        struct pipeline_config config;
        struct error err;
        error_clear(&err);
        assert_int_equal(cfg_bind(document, &pipeline_section, &config, &err), RC_CONFIG);
        assert_string_equal(err.text, cases[i].message);
        cfg_free(document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(a_file_of_flink),
        cmocka_unit_test(what_would_not_be_true_is_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
