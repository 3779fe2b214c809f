/* SPDX-License-Identifier: Apache-2.0 */
/* When it is told again that a transaction is open for the sake of a table without a key. */
#include "snapshot/undo_int.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000)

static void test_it_is_told_less_and_less_often(void **state)
{
    (void)state;
    const struct table table = {.db = SLICE("shop"), .name = SLICE("visits")};
    struct undo_watch watch = {0};
    uint64_t begin = 5 * SECOND;
    assert_false(undo_is_due(&watch, UINT64_MAX));
    undo_begin(&watch, NULL, &table, begin);
    assert_false(undo_is_due(&watch, begin + 59 * SECOND));
    unsigned told = 0;
    for (uint64_t s = 60; s <= 3600; s++)
        if (undo_is_due(&watch, begin + s * SECOND)) {
            undo_tell(&watch, NULL, &table, begin + s * SECOND);
            told++;
        }
    assert_int_equal(told, 6); /* after 1, 2, 4, 8, 16 and 32 minutes */
    undo_end(&watch);
    assert_false(undo_is_due(&watch, UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_told_less_and_less_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
