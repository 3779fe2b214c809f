/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of SHOW GRANTS as the servers write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "binlog/grants_int.h"

static struct grants *grants;

static int set_up(void **state)
{
    (void)state;
    grants = malloc(sizeof(*grants));
    assert_non_null(grants);
    grants_init(grants);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    grants_deinit(grants);
    free(grants);
    return 0;
}

static void add(const char *line)
{
    grants_add(grants, slice_str(line));
}

static bool may(const char *db, const char *table)
{
    return grants_may_select(grants, slice_str(db), slice_str(table));
}

static void test_global(void **state)
{
    (void)state;
    add("GRANT SELECT, REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD "
        "'*AA ON `x`'");
    assert_true(grants->replication_slave);
    assert_true(grants->replication_client);
    assert_true(may("app", "t"));
    assert_false(grants->has_roles);
}

static void test_usage(void **state)
{
    (void)state;
    add("GRANT USAGE ON *.* TO 'u'@'%'");
    add("nonsense");
    add("");
    assert_false(grants->replication_slave);
    assert_false(grants->replication_client);
    assert_false(may("app", "t"));
}

static void test_all(void **state)
{
    (void)state;
    add("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION");
    assert_true(grants->replication_slave);
    assert_true(grants->replication_client);
    assert_true(may("app", "t"));
}

static void test_client_names(void **state)
{
    (void)state;
    add("GRANT REPLICATION CLIENT ON *.* TO 'u'@'%'");
    assert_true(grants->replication_client);
    assert_false(grants->replication_slave);
}

static void test_scopes(void **state)
{
    (void)state;
    add("GRANT SELECT, INSERT ON `app`.* TO `u`@`%`");
    add("GRANT SELECT ON `web\\_1`.* TO `u`@`%`");
    add("GRANT SELECT ON `log%`.* TO `u`@`%`");
    add("GRANT SELECT ON `odd``name`.`t.1` TO `u`@`%`");
    add("GRANT INSERT ON `other`.* TO `u`@`%`");
    add("GRANT SELECT (`a`, `b`) ON `cols`.`t` TO `u`@`%`");
    add("GRANT EXECUTE ON PROCEDURE `p`.`q` TO `u`@`%`");
    assert_true(may("app", "t"));
    assert_false(may("apps", "t"));
    assert_true(may("web_1", "t"));
    assert_false(may("webx1", "t"));
    assert_true(may("log", "t"));
    assert_true(may("log2026", "t"));
    assert_false(may("blog", "t"));
    assert_true(may("odd`name", "t.1"));
    assert_false(may("odd`name", "t"));
    assert_false(may("other", "t"));
    assert_false(may("cols", "t"));
    assert_false(may("p", "q"));
}

static void test_partial_revokes(void **state)
{
    (void)state;
    add("GRANT SELECT ON *.* TO `u`@`%`");
    add("REVOKE SELECT ON `secret`.* FROM `u`@`%`");
    assert_true(may("app", "t"));
    assert_false(may("secret", "t"));
    add("GRANT SELECT ON `secret`.`open` TO `u`@`%`");
    assert_true(may("secret", "open"));
    assert_false(may("secret", "t"));
}

static void test_roles(void **state)
{
    (void)state;
    add("GRANT USAGE ON *.* TO `u`@`%`");
    add("GRANT `reader`@`%` TO `u`@`%`");
    assert_true(grants->has_roles);
}

static void test_many_scopes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < GRANTS_SCOPES_MAX + 1; i++) {
        char line[100];
        snprintf(line, sizeof(line), "GRANT SELECT ON `d%u`.* TO `u`@`%%`", i);
        assert_false(grants->overflowed);
        add(line);
    }
    assert_true(grants->overflowed);
    assert_true(may("d0", "t"));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_global), TEST(test_usage),           TEST(test_all),   TEST(test_client_names),
        TEST(test_scopes), TEST(test_partial_revokes), TEST(test_roles), TEST(test_many_scopes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
