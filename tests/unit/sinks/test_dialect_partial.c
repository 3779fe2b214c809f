/* SPDX-License-Identifier: Apache-2.0 */
/* Can the target update a part of a row: its version, and the table's own definition. */
#include "sinks/doris/partial.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_versions(void **state UNUSED)
{
    static const struct {
        const char *comment;
        const char *word;
        unsigned major;
        unsigned minor;
        unsigned patch;
    } cases[] = {
        {"Doris version doris-2.1.7-rc03-443e87e203", "doris-", 2, 1, 7},
        {"Doris version doris-1.2.4-1-Unknown", "doris-", 1, 2, 4},
        {"Doris version doris-0.0.0--e79422dc2c", "doris-", 0, 0, 0},
        {"Doris version doris-10.12.1", "doris-", 10, 12, 1},
        {"StarRocks version 3.3.2-857dd73", "StarRocks", 3, 3, 2},
        {"starrocks version 2.1", "StarRocks", 2, 1, 0},
        {"StarRocks version 3.2.x", "StarRocks", 3, 2, 0},
        {"VeloDB Core version: 4.0.1", "doris-", 0, 0, 0}, /* no word of the product: not known */
        {"doris-", "doris-", 0, 0, 0},
        {"doris-x.y", "doris-", 0, 0, 0},
        {"doris-12345.1", "doris-", 0, 0, 0},
        {"", "doris-", 0, 0, 0},
        {"2.1", "doris-", 0, 0, 0},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct dialect_version version = {.known = true, .major = 9, .minor = 9, .patch = 9};
        dialect_version_parse(slice_str(cases[i].comment), cases[i].word, &version);
        if (version.major != cases[i].major || version.minor != cases[i].minor ||
            version.patch != cases[i].patch || version.known != (version.major > 0))
            fail_msg("%s: %u.%u.%u", cases[i].comment, version.major, version.minor, version.patch);
    }
}

static void test_older_than(void **state UNUSED)
{
    const struct dialect_version version = {.known = true, .major = 3, .minor = 2, .patch = 6};
    assert_true(dialect_version_before(&version, 3, 2, 7));
    assert_true(dialect_version_before(&version, 3, 3, 0));
    assert_true(dialect_version_before(&version, 4, 0, 0));
    assert_false(dialect_version_before(&version, 3, 2, 6));
    assert_false(dialect_version_before(&version, 3, 1, 9));
    assert_false(dialect_version_before(&version, 2, 9, 9));
    const struct dialect_version unknown = {0};
    assert_false(dialect_version_before(&unknown, 3, 2, 7));
}

static void test_merge_on_write(void **state UNUSED)
{
    static const struct {
        const char *create;
        bool takes;
    } cases[] = {
        {"CREATE TABLE `t` (...) UNIQUE KEY(`id`) PROPERTIES (\n\"replication_num\" = \"1\",\n"
         "\"enable_unique_key_merge_on_write\" = \"true\",\n\"light_schema_change\" = \"true\"\n);",
         true},
        {"PROPERTIES (\"enable_unique_key_merge_on_write\"=\"TRUE\")", true},
        {"PROPERTIES (\"enable_unique_key_merge_on_write\" = \"false\", \"x\" = \"true\")", false},
        {"PROPERTIES (\"replication_num\" = \"1\")", false},
        {"COMMENT 'enable_unique_key_merge_on_write = true'", false},
        {"PROPERTIES (\"enable_unique_key_merge_on_write\"", false},
        {"PROPERTIES (\"enable_unique_key_merge_on_write\" = \"true", false},
        {"", false},
    };
    const struct load_schema schema = {.db = SLICE("ods"), .table = SLICE("t")};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct error err;
        error_clear(&err);
        enum rc rc = check_table(slice_str(cases[i].create), &schema, &err);
        assert_int_equal(rc, cases[i].takes ? RC_OK : RC_UNSUPPORTED);
        if (cases[i].takes)
            continue;
        assert_int_equal(err.class, ERROR_FATAL);
        assert_non_null(strstr(err.text, "ods.t"));
        assert_non_null(strstr(err.text, "\"enable_unique_key_merge_on_write\" = \"true\""));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_older_than),
        cmocka_unit_test(test_merge_on_write),
    };
    return cmocka_run_group_tests_name("partial updates of the dialects", tests, NULL, NULL);
}
