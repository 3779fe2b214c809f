/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes out for each step of two phases, and of a transaction over several tables: method, path and
 * headers of both products, against golden files.
 */
#include "dialect_fixture.h"
#include "sinks/doris/doris_int.h"
#include "sinks/starrocks/starrocks_int.h"

static void note(const struct load_dialect *dialect, const struct load_settings *settings,
                 const struct load_txn *txn, struct buf *out)
{
    for (int step = LOAD_STEP_BEGIN; step <= LOAD_STEP_CANCEL; step++) {
        struct buf path;
        struct buf headers;
        buf_init(&path, 4096);
        buf_init(&headers, 4096);
        const char *method =
            dialect->step_request(settings, (enum load_step)step, txn, &path, &headers);
        if (method != NULL)
            buf_addf(out, "%s %s\n%s\n", method, buf_cstr(&path),
                     headers.len == 0 ? "" : buf_cstr(&headers));
        buf_deinit(&path);
        buf_deinit(&headers);
    }
}

static void test_requests(void **state UNUSED)
{
    static const struct cfg_pair pairs[] = {{"warehouse", "w1"}, {"timezone", "UTC"}};
    const struct load_settings plain = {.load_timeout_s = 600, .prepared_timeout_s = 86400};
    struct load_settings apart = plain;
    apart.headers = (struct cfg_map){.items = pairs, .count = 2};
    struct load_txn txn = {
        .db = SLICE("my shop"), .table = SLICE("orders"), .label = SLICE("m_1_2"), .id = 7};
    struct buf out;
    buf_init(&out, 1 << 16);
    note(&doris_dialect, &plain, &txn, &out);
    fixture_golden("doris/steps.txt", &out);
    buf_reset(&out);
    note(&starrocks_dialect, &plain, &txn, &out);
    fixture_golden("starrocks/steps.txt", &out);
    buf_reset(&out);
    txn.joint = true;
    note(&starrocks_dialect, &apart, &txn, &out);
    fixture_golden("starrocks/steps_joint.txt", &out);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests)};
    return cmocka_run_group_tests_name("requests of steps", tests, NULL, NULL);
}
