/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which servers write what of VIRTUAL columns, and what is said of it. No server of before 10.2 can be
 * had for a test of the whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "binlog/session_int.h"
#include "binlog/virtual_columns_int.h"

static void test_images(void **state)
{
    static const struct {
        const char *version;
        bool is_mariadb;
        const char *row_image;
        enum virtual_images images;
    } cases[] = {
        {"5.5.5-10.0.38-MariaDB", true, "", VIRTUAL_IMAGES_NULL},
        {"10.0.38-MariaDB-log", true, "", VIRTUAL_IMAGES_NULL},
        {"10.1.48-MariaDB", true, "FULL", VIRTUAL_IMAGES_NULL},
        {"10.1.48-MariaDB", true, "MINIMAL", VIRTUAL_IMAGES_NULL},
        {"10.2.0-MariaDB", true, "FULL", VIRTUAL_IMAGES_TRUE},
        {"10.11.19-MariaDB", true, "full", VIRTUAL_IMAGES_TRUE},
        {"10.11.19-MariaDB", true, "NOBLOB", VIRTUAL_IMAGES_TRUE},
        {"10.11.19-MariaDB", true, "minimal", VIRTUAL_IMAGES_UNSEEN},
        {"11.8.9-MariaDB", true, "FULL_NODUP", VIRTUAL_IMAGES_UNSEEN},
        {"5.7.44", false, "MINIMAL", VIRTUAL_IMAGES_TRUE},
        {"9.7.4", false, "FULL", VIRTUAL_IMAGES_TRUE},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t version = session_version(cases[i].version);
        enum virtual_images images =
            virtual_images_of(cases[i].is_mariadb, version, slice_str(cases[i].row_image));
        if (images != cases[i].images)
            fail_msg("%s (%u) %s: %d", cases[i].version, version, cases[i].row_image, images);
    }
}

struct told {
    enum report_verdict verdict;
    char what[1024];
    char remedy[1024];
};

static void keep(void *ctx, enum report_verdict verdict, struct slice what, struct slice remedy)
{
    struct told *told = ctx;
    told->verdict = verdict;
    snprintf(told->what, sizeof(told->what), "%.*s", (int)what.len, (const char *)what.ptr);
    snprintf(told->remedy, sizeof(told->remedy), "%.*s", (int)remedy.len, (const char *)remedy.ptr);
}

static void test_words(void **state)
{
    struct told told = {.what = ""};
    struct report report = {.line = keep, .ctx = &told};
    (void)state;
    virtual_columns_report(VIRTUAL_IMAGES_NULL, 2, "total of shop.orders", "", &report);
    assert_int_equal(told.verdict, REPORT_WARN);
    assert_non_null(strstr(told.what, "the first is total of shop.orders"));
    assert_non_null(strstr(told.what, "writes NULL"));
    assert_non_null(strstr(told.remedy, "PERSISTENT"));
    virtual_columns_report(VIRTUAL_IMAGES_UNSEEN, 1, "total of shop.orders", "MINIMAL", &report);
    assert_int_equal(told.verdict, REPORT_FAIL);
    assert_non_null(strstr(told.what, "binlog_row_image is MINIMAL"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
