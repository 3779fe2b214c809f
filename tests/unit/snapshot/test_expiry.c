/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the server is asked for its newest binlog file, and when the user is told that the stream's
 * own is about to be deleted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "snapshot/expiry_int.h"
#include "table_fixture.h"

#define SECOND UINT64_C(1000000)
#define NOW (UINT64_C(1790000000) * SECOND)

static void test_half_of_the_time_has_to_be_gone(void **state)
{
    (void)state;
    struct expiry expiry = {0};
    assert_false(expiry_is_to_be_looked_at(&expiry, 0, NOW - 900 * SECOND, NOW));
    assert_false(expiry_is_to_be_looked_at(&expiry, 100, 0, NOW));
    assert_false(expiry_is_to_be_looked_at(&expiry, 100, NOW - 49 * SECOND, NOW));
    assert_false(expiry_is_to_be_looked_at(&expiry, 100, NOW + SECOND, NOW)); /* clocks differ */
    assert_true(expiry_is_to_be_looked_at(&expiry, 100, NOW - 50 * SECOND, NOW));
    assert_false(expiry_is_to_be_looked_at(&expiry, 100, NOW - 50 * SECOND, NOW + SECOND));
    assert_true(expiry_is_to_be_looked_at(&expiry, 100, NOW - 50 * SECOND, NOW + 5 * SECOND));
}

/* What was told since the last call, in a buffer of the test's. */
static const char *told(struct expiry *expiry, const char *newest, uint64_t behind_s, uint64_t at)
{
    static char text[4096];
    FILE *out = tmpfile();
    assert_non_null(out);
    int kept = dup(STDERR_FILENO);
    fflush(stderr);
    dup2(fileno(out), STDERR_FILENO);
    expiry_tell(expiry, 80, "binlog.000007", newest, at - behind_s * SECOND, at);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(out);
    text[fread(text, 1, sizeof(text) - 1, out)] = '\0';
    fclose(out);
    return text;
}

static void test_it_is_told_with_what_is_left(void **state)
{
    (void)state;
    struct expiry expiry = {0};
    assert_string_equal(told(&expiry, "binlog.000007", 60, NOW), ""); /* is being written */
    const char *text = told(&expiry, "binlog.000009", 60, NOW);
    assert_non_null(strstr(text, "binlog_expire_logs_seconds"));
    assert_non_null(strstr(text, "binlog.000007"));
    assert_non_null(strstr(text, "20")); /* seconds left of 80 */
    assert_string_equal(told(&expiry, "binlog.000009", 60, NOW + 9 * SECOND), "");
    assert_non_null(strstr(told(&expiry, "binlog.000009", 99, NOW + 10 * SECOND), "left_s"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_of_the_time_has_to_be_gone),
        cmocka_unit_test(test_it_is_told_with_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
