/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the list of binlog files: is a place there, and which file holds a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "binlog/binlog_files_int.h"

static struct binlog_file items[] = {{"binlog.999998", 1000},
                                     {"binlog.999999", 2000},
                                     {"binlog.1000000", 500},
                                     {"binlog.1000001", 8}};
static const struct binlog_files files = {.items = items, .count = 4};

static void test_order(void **state)
{
    (void)state;
    assert_true(binlog_files_compare("binlog.999999", "binlog.1000000") < 0);
    assert_true(binlog_files_compare("binlog.000010", "binlog.000009") > 0);
    assert_int_equal(binlog_files_compare("a.7", "a.7"), 0);
    assert_true(binlog_files_compare("abc", "abd") < 0);
    assert_int_equal(binlog_files_find(&files, "binlog.1000000"), 2);
    assert_int_equal(binlog_files_find(&files, "binlog.100000"), -1);
}

static void test_check(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(binlog_files_check(&files, "binlog.999998", 4, &err), RC_OK);
    assert_int_equal(binlog_files_check(&files, "binlog.999999", 2000, &err), RC_OK);
    assert_int_equal(binlog_files_check(&files, "binlog.999999", 2001, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "ends at 2000"));
    assert_int_equal(binlog_files_check(&files, "binlog.999997", 4, &err), RC_PURGED);
    assert_non_null(strstr(err.text, "binlog.999997:4"));
    assert_non_null(strstr(err.text, "binlog.999998"));
    assert_int_equal(binlog_files_check(&files, "binlog.1000002", 4, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "reset"));
}

struct times {
    uint64_t begins[4];
    unsigned asked;
};

static enum rc file_time(void *ctx, const char *name, uint64_t *seconds_out, struct error *err)
{
    struct times *times = ctx;
    int index = binlog_files_find(&files, name);
    times->asked++;
    if (times->begins[index] == 0)
        return error_set(err, RC_CONNECT, "no answer");
    *seconds_out = times->begins[index];
    return RC_OK;
}

static void test_search(void **state)
{
    (void)state;
    struct times times = {.begins = {100, 200, 300, 400}};
    struct error err;
    static const struct {
        uint64_t seconds;
        unsigned index;
    } cases[] = {{0, 0},   {99, 0},  {100, 0}, {150, 0}, {200, 0}, {201, 1},
                 {300, 1}, {350, 2}, {400, 2}, {401, 3}, {9999, 3}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        unsigned index = 99;
        times.asked = 0;
        assert_int_equal(
            binlog_files_search(&files, cases[i].seconds, file_time, &times, &index, &err), RC_OK);
        assert_int_equal(index, cases[i].index);
        assert_true(times.asked <= 2);
    }
    times.begins[2] = 0;
    unsigned index = 99;
    assert_int_equal(binlog_files_search(&files, 150, file_time, &times, &index, &err), RC_CONNECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_check),
                                       cmocka_unit_test(test_search)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
