/* SPDX-License-Identifier: Apache-2.0 */
/* What column_default says, as MariaDB from 10.2.7 on and the others show it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "binlog/catalog_read_int.h"

struct shown {
    const char *text; /* NULL: SQL's NULL */
    const char *extra;
    const char *type;
    bool quotes_literals;
    struct slice wanted; /* ptr NULL: none, NULL or an expression */
};

static const struct shown all[] = {
    {NULL, "", "int", true, {0}},
    {"NULL", "", "int", true, {0}},
    {"'NULL'", "", "varchar", true, SLICE("NULL")},
    {"''", "", "varchar", true, SLICE("")},
    {"'it''s'", "", "varchar", true, SLICE("it's")},
    {"'a\\nb\\\\c'", "", "varchar", true, SLICE("a\nb\\c")},
    {"'\\0A'", "", "varbinary", true, SLICE("\0A")},
    {"5", "", "int", true, SLICE("5")},
    {"-2", "", "bigint", true, SLICE("-2")},
    {"-", "", "bigint", true, {0}},
    {"b'101'", "", "bit", true, SLICE("b'101'")},
    {"X'41'", "", "mediumblob", true, SLICE("A")},
    {"X'00ff'", "", "blob", true, SLICE("\0\xff")},
    {"X'4'", "", "blob", true, {0}},
    {"X'4g'", "", "blob", true, {0}},
    {"current_timestamp()", "", "datetime", true, {0}},
    {"uuid()", "", "varchar", true, {0}},
    {NULL, "", "int", false, {0}},
    {"NULL", "", "varchar", false, SLICE("NULL")},
    {"", "", "varchar", false, SLICE("")},
    {"'quoted'", "", "varchar", false, SLICE("'quoted'")},
    {"0x61", "", "binary", false, SLICE("0x61")},
    {"uuid()", "DEFAULT_GENERATED", "varchar", false, {0}},
    {"uuid()", "", "varchar", false, SLICE("uuid()")},
    {"CURRENT_TIMESTAMP", "on update CURRENT_TIMESTAMP", "timestamp", false, {0}},
    {"CURRENT_TIMESTAMP(6)", "", "datetime", false, {0}},
    {"CURRENT_TIMESTAMP", "", "varchar", false, SLICE("CURRENT_TIMESTAMP")},
};

static void test_defaults(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, "test", 1 << 20);
    for (unsigned i = 0; i < COUNT_OF(all); i++) {
        struct slice text = all[i].text == NULL ? SLICE_EMPTY : slice_str(all[i].text);
        struct slice found = catalog_default(text, slice_str(all[i].extra), slice_str(all[i].type),
                                             all[i].quotes_literals, &arena);
        bool same_null = (found.ptr == NULL) == (all[i].wanted.ptr == NULL);
        if (!same_null || !slice_equal(found, all[i].wanted))
            fail_msg("%s: \"%.*s\"", all[i].text, SLICE_ARG(found));
    }
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
